# The shared object that user mode gets is linked on its own and carried in the image as data.
obj-y += arch/riscv/vdso/vdso.o
obj-y += arch/riscv/vdso/image.o

vdso-dir = $(build)/arch/riscv/vdso
vdso-parts = $(addprefix $(vdso-dir)/user/,clock.o calls.o)
vdso-flags = $(arch) -g -fPIC -ffreestanding -fno-stack-protector -fno-common \
	-fasynchronous-unwind-tables -fno-strict-aliasing $(warnings) $(includes)

$(build)/arch/riscv/vdso/user/%.o: arch/riscv/vdso/user/%.c $(build)/.flags | $(build)/include/generated/autoconf.h
	@mkdir -p $(@D)
	$(call say,VDSOCC,$@)
	$(Q)$(kernel-cc) -O2 -std=gnu11 $(vdso-flags) -MMD -MP -MF $@.d -c -o $@ $<
	$(call fixdep,$@)

$(build)/arch/riscv/vdso/user/%.o: arch/riscv/vdso/user/%.S $(build)/.flags | $(build)/include/generated/autoconf.h
	@mkdir -p $(@D)
	$(call say,VDSOAS,$@)
	$(Q)$(kernel-cc) $(vdso-flags) -D__ASSEMBLER__ -MMD -MP -MF $@.d -c -o $@ $<
	$(call fixdep,$@)

$(build)/arch/riscv/vdso/vdso.lds: arch/riscv/vdso/vdso.ld.S $(build)/.flags arch/riscv/include/arch/vdso.h
	@mkdir -p $(@D)
	$(Q)$(kernel-cc) -E -P $(asflags) -D__LINKER_SCRIPT__ $(includes) -o $@ $<

$(build)/arch/riscv/vdso/vdso.so: $(build)/arch/riscv/vdso/user/clock.o $(build)/arch/riscv/vdso/user/calls.o \
		$(build)/arch/riscv/vdso/vdso.lds
	$(call say,VDSOLD,$@)
	$(Q)$(LD) -shared -soname=linux-vdso.so.1 --hash-style=both --build-id=sha1 --eh-frame-hdr -Bsymbolic \
		-z noexecstack -z max-page-size=4096 --no-undefined -T $(vdso-dir)/vdso.lds -o $@.debug $(vdso-parts)
	$(Q)$(OBJCOPY) -S $@.debug $@

$(build)/arch/riscv/vdso/image.o: $(build)/arch/riscv/vdso/vdso.so
cflags-arch/riscv/vdso/image.o := -DVDSO_FILE='"$(build)/arch/riscv/vdso/vdso.so"'

ifdef configured
-include $(build)/arch/riscv/vdso/user/clock.o.dep $(build)/arch/riscv/vdso/user/calls.o.dep
endif
