# Fathom: the build. `make help` lists the targets.
BOARD ?= qemu-virt
CONFIG ?=
O := build/$(BOARD)$(if $(CONFIG),-$(CONFIG))
CROSS_COMPILE ?= riscv64-linux-gnu-
CCACHE := $(shell command -v ccache 2>/dev/null)
CC := $(CCACHE) $(CROSS_COMPILE)gcc
LD := $(CROSS_COMPILE)ld
OBJCOPY := $(CROSS_COMPILE)objcopy
Q := $(if $(V),,@)

CFLAGS := -march=rv64imac_zicsr_zifencei -mabi=lp64 -mcmodel=medany -O2 -g -std=gnu11 \
	-ffreestanding -fno-pic -fno-common -fno-strict-aliasing -fno-stack-protector \
	-fno-asynchronous-unwind-tables -fno-delete-null-pointer-checks \
	-Wall -Wextra -Wshadow -Werror -Wno-unused-parameter -Wno-sign-compare \
	-I. -Iarch/riscv/include $(if $(filter debug,$(CONFIG)),-DCONFIG_LOCK_DEBUG=1 -DCONFIG_DEBUG_ASSERT=1) -DCONFIG_KTEST=1
obj-y :=
CONFIG_KTEST := y
include $(sort $(wildcard arch/riscv/files.mk arch/riscv/*/files.mk kernel/files.mk kernel/*/files.mk \
	drivers/*/files.mk fs/files.mk fs/*/files.mk tests/kernel/files.mk))
obj-y += $(obj-1)
objs := $(addprefix $(O)/,$(obj-y))

.PHONY: all kernel clean
all: kernel
kernel: $(O)/Image
$(O)/Image: $(O)/kernel.elf
	$(Q)$(OBJCOPY) -O binary $< $@
$(O)/kernel.elf: $(objs) $(O)/kernel.ld
	@echo "  LD      $@"
	$(Q)$(LD) -nostdlib -static -T $(O)/kernel.ld --no-warn-rwx-segments -z max-page-size=4096 --build-id=none -o $@ $(objs) $(shell $(CROSS_COMPILE)gcc -march=rv64imac -mabi=lp64 -print-libgcc-file-name)
	$(Q)$(CROSS_COMPILE)nm -n $@ > $(O)/System.map
$(O)/kernel.ld: arch/riscv/kernel.ld.S
	@mkdir -p $(@D)
	$(Q)$(CC) -E -P -x c -D__ASSEMBLER__ -I. -Iarch/riscv/include $< -o $@
$(O)/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC      $<"
	$(Q)$(CC) $(CFLAGS) -MMD -c $< -o $@
$(O)/%.o: %.S
	@mkdir -p $(@D)
	@echo "  AS      $<"
	$(Q)$(CC) $(CFLAGS) -D__ASSEMBLER__ -MMD -c $< -o $@
clean:
	rm -rf build
-include $(objs:.o=.d)
