# SPDX-License-Identifier: MIT
#
# Fathom's build: one make for the whole tree, nothing recursive.
#
# Every folder with sources lists its objects in a files.mk:
#
#	obj-y            += kernel/mm/buddy.o		always
#	obj-$(CONFIG_X)  += drivers/serial/sifive.o	when the option is set
#	cflags-path/x.o  := -fno-builtin		for one object
#	unlinked-y       += fs/open.o			compiled, so that it stays right, but not
#							in the image: a part below it is missing
#
# Everything made goes to build/<board>[-<variant>]. An object depends on its
# headers, on the options its sources mention (scripts/fixdep.awk), and on the
# flags it is compiled with; nothing else rebuilds it.

MAKEFLAGS += --no-builtin-rules --no-print-directory
.SUFFIXES:
.DELETE_ON_ERROR:
.SECONDEXPANSION:
SHELL := /bin/bash

# ---- What the user chooses --------------------------------------------------

BOARD ?= qemu-virt
CONFIG :=
V := 0
CROSS_COMPILE ?= riscv64-linux-gnu-
FATHOM_CACHE ?= $(HOME)/.cache/fathom
export FATHOM_CACHE

ifeq ($(wildcard boards/$(BOARD)/defconfig),)
$(error No board "$(BOARD)": there are $(notdir $(patsubst %/,%,$(dir $(wildcard boards/*/defconfig)))))
endif
ifneq ($(CONFIG),)
ifeq ($(wildcard boards/$(CONFIG).config),)
$(error No variant "$(CONFIG)": there are $(patsubst boards/%.config,%,$(wildcard boards/*.config)))
endif
endif

build := build/$(BOARD)$(addprefix -,$(CONFIG))$(if $(LLVM),-clang)
defconfig := boards/$(BOARD)/defconfig $(patsubst %,boards/%.config,$(CONFIG))

.PHONY: all
all: kernel image initramfs

# ---- Tools ------------------------------------------------------------------

PYTHON := /usr/bin/python3
CCACHE := $(shell command -v ccache)
CC := $(CCACHE) $(CROSS_COMPILE)gcc
ifneq ($(LLVM),)
# The kernel by clang, the user programs still by gcc: another pair of eyes on the same source.
kernel-cc := $(CCACHE) clang --target=riscv64-linux-gnu
else
kernel-cc := $(CC)
endif
LD := $(CROSS_COMPILE)ld
NM := $(CROSS_COMPILE)nm
OBJCOPY := $(CROSS_COMPILE)objcopy
export NM

# quiet,NAME,file: what a recipe line shows unless V=1.
ifeq ($(V),0)
Q := @
say = @printf '  %-8s%s\n' $(1) $(patsubst $(build)/%,%,$(2))
else
Q :=
say = @:
endif

# ---- Set-up -----------------------------------------------------------------

# Each profile leaves a stamp of the script and lock file it was made with.
setup-run := $(FATHOM_CACHE)/stamps/run
setup-test := $(FATHOM_CACHE)/stamps/test
setup-check := $(FATHOM_CACHE)/stamps/check
setup-debian := $(FATHOM_CACHE)/stamps/debian

$(FATHOM_CACHE)/stamps/%: scripts/setup
	@scripts/setup $*

libfdt := $(FATHOM_CACHE)/libfdt
lwip := $(FATHOM_CACHE)/lwip

# ---- Configuration ----------------------------------------------------------

kconfig-files := $(wildcard Kconfig arch/*/Kconfig kernel/Kconfig kernel/*/Kconfig \
	drivers/Kconfig drivers/*/Kconfig fs/Kconfig fs/*/Kconfig net/Kconfig net/*/Kconfig \
	tests/kernel/Kconfig)
autoconf := $(build)/config/auto.conf

# Targets that neither need nor should make a configuration.
unconfigured := help setup clean test test-boards check user oracle hwtest %_defconfig
ifneq ($(filter-out $(unconfigured),$(or $(MAKECMDGOALS),all)),)
configured := y
include $(autoconf)
include $(build)/config/twin.mk
endif

$(autoconf): $(defconfig) $(kconfig-files) scripts/kconfig.py $(wildcard $(build)/.config) | $(setup-run)
	$(call say,CONFIG,$(build)/.config)
	$(Q)$(PYTHON) scripts/kconfig.py sync $(build) $(defconfig)

# One Image boots every board: where a board's options are those of qemu-virt, its kernel is that one, compiled once.
twin := build/qemu-virt$(addprefix -,$(CONFIG))$(if $(LLVM),-clang)
$(build)/config/twin.mk: $(autoconf) $(wildcard $(twin)/.config)
ifneq ($(build),$(twin))
	$(Q)$(MAKE) -s BOARD=qemu-virt $(twin)/config/auto.conf
endif
	$(Q)echo "shared := $$(cmp -s $(build)/.config $(twin)/.config && echo $(filter-out $(build),$(twin)))" > $@

.PHONY: menuconfig olddefconfig savedefconfig
menuconfig olddefconfig: $(autoconf)
	$(Q)$(PYTHON) scripts/kconfig.py $@ $(build)
savedefconfig: $(autoconf)
	$(Q)$(PYTHON) scripts/kconfig.py $@ $(build) boards/$(BOARD)/defconfig

%_defconfig: boards/%/defconfig | $(setup-run)
	$(Q)$(PYTHON) scripts/kconfig.py defconfig build/$*$(addprefix -,$(CONFIG)) \
		boards/$*/defconfig $(patsubst %,boards/%.config,$(CONFIG))

# ---- Flags ------------------------------------------------------------------

# clang 14 knows these two extensions as part of the base only.
isa := rv64imac$(if $(LLVM),,_zicsr_zifencei)
arch := -march=$(isa) -mabi=lp64 -mcmodel=medany
warnings := -Wall -Wextra -Wshadow -Werror -Wstrict-prototypes \
	-Wvla -Wno-unused-parameter -Wno-sign-compare -Wno-missing-field-initializers -Wno-infinite-recursion
includes := -nostdinc -isystem $(shell $(CROSS_COMPILE)gcc -print-file-name=include) \
	-I. -Iarch/riscv/include -I$(build)/include -isystem kernel/lib/libfdt -isystem $(libfdt) \
	-include kernel/kconfig.h

cflags := $(arch) -O2 -g -std=gnu11 -ffreestanding -fno-pic -fno-common -fno-strict-aliasing \
	-fno-stack-protector -fno-asynchronous-unwind-tables -fno-unwind-tables \
	-fno-delete-null-pointer-checks -fwrapv
asflags := $(arch) -fno-pic -g -D__ASSEMBLER__
ldflags := -nostdlib -static --no-dynamic-linker -z noexecstack -z max-page-size=4096 \
	--build-id=none --no-warn-rwx-segments
cflags-$(CONFIG_FRAME_POINTER) += -fno-omit-frame-pointer

# ---- Objects ----------------------------------------------------------------

obj-y :=
unlinked-y :=
include $(wildcard arch/riscv/files.mk arch/riscv/*/files.mk kernel/files.mk kernel/*/files.mk \
	drivers/files.mk drivers/*/files.mk fs/files.mk fs/*/files.mk net/files.mk net/*/files.mk)
ifdef CONFIG_KTEST
include $(wildcard tests/kernel/files.mk)
endif

# libfdt comes from Debian's source package (scripts/setup); the kernel provides
# its libfdt_env.h. The overlay code is left out: it needs strtoul, nobody needs it.
libfdt-obj := $(addprefix libfdt/,fdt.o fdt_addresses.o fdt_ro.o fdt_rw.o fdt_sw.o \
	fdt_strerror.o fdt_wip.o)

unlinked := $(addprefix $(build)/,$(sort $(unlinked-y)))
# lwIP likewise (net/port/files.mk); scripts/lwip.py says why there are two passes.
lwip-tree := build/lwip
lwip-includes := -isystem net/port/include -isystem $(lwip-tree)/include
$(foreach o,$(lwip-users),$(eval cflags-$(o) := $(lwip-includes)))
obj-y += $(lwip-users)
lwip-obj := $(addsuffix .o,$(addprefix lwip/,$(lwip-files)))
lwip-sizes := $(addsuffix .o,$(addprefix $(build)/lwip-sizes/,$(lwip-files)))
lwip-layout := $(build)/include/generated/lwip_layout.h

objects := $(addprefix $(build)/,$(sort $(obj-y)) $(libfdt-obj) $(lwip-obj))
ksyms-obj := $(build)/ksyms-empty.o $(build)/ksyms.o
linker-script := $(wildcard arch/riscv/kernel.ld.S)

# written,FILE,TEXT: write FILE only where TEXT is new, so that what depends on
# it is remade only then. Done while make reads this file.
written = $(shell mkdir -p $(dir $(1)); \
	printf '%s\n' '$(subst ','\'',$(2))' | cmp -s - $(1) || printf '%s\n' '$(subst ','\'',$(2))' > $(1))

ifdef configured
$(call written,$(build)/.flags,$(kernel-cc) $(cflags) $(cflags-y) $(warnings) $(asflags) $(includes))
$(call written,$(build)/.objects,$(objects) $(ldflags))
endif

generated := $(build)/include/generated/autoconf.h \
	$(if $(wildcard arch/riscv/asm-offsets.c),$(build)/include/generated/asm-offsets.h)

fixdep = $(Q)awk -v config=$(build)/config -f scripts/fixdep.awk $(1).d > $(1).dep && rm $(1).d

$(build)/include/generated/autoconf.h: $(autoconf)

$(build)/%.o: %.c $(build)/.flags | $(generated) $(setup-run)
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(kernel-cc) $(cflags) $(cflags-y) $(warnings) $(includes) $(cflags-$*.o) \
		-MMD -MP -MF $@.d -c -o $@ $<
	$(call fixdep,$@)

$(build)/%.o: %.S $(build)/.flags | $(generated) $(setup-run)
	@mkdir -p $(@D)
	$(call say,AS,$@)
	$(Q)$(kernel-cc) $(asflags) $(includes) $(cflags-$*.o) -MMD -MP -MF $@.d -c -o $@ $<
	$(call fixdep,$@)

$(build)/libfdt/%.o: $(libfdt)/%.c $(build)/.flags | $(generated) $(setup-run)
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(kernel-cc) $(cflags) $(cflags-y) $(includes) -w -MMD -MP -MF $@.d -c -o $@ $<
	$(call fixdep,$@)

# The set-up step makes libfdt; make finds out here which files that is.
$(libfdt)/%.c: | $(setup-run) ;

# lwIP: rewritten once for all boards and variants, compiled for sizes, then for the kernel.
lwip-cc = $(kernel-cc) $(cflags) $(cflags-y) -Wall $(if $(LLVM),-Wno-unneeded-internal-declaration) \
	$(includes) $(lwip-includes)

$(lwip-tree)/stamp: scripts/lwip.py | $(setup-run)
	$(call say,LWIP,$(lwip-tree))
	$(Q)$(PYTHON) scripts/lwip.py transform $(lwip) $(lwip-tree) $(if $(Q),2> /dev/null) && touch $@
$(lwip-files:%=$(lwip-tree)/%.c): $(lwip-tree)/stamp ;

$(build)/lwip-sizes/%.o: $(lwip-tree)/%.c $(lwip-tree)/stamp $(build)/.flags | $(build)/include/generated/autoconf.h
	@mkdir -p $(@D)
	$(Q)$(lwip-cc) -DLWI_SIZES -MMD -MP -MF $@.d -c -o $@ $<
	$(call fixdep,$@)
$(build)/lwip/%.o: $(lwip-tree)/%.c $(lwip-tree)/stamp $(build)/.flags $(lwip-layout) | $(generated)
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(lwip-cc) -MMD -MP -MF $@.d -c -o $@ $<
	$(call fixdep,$@)
	$(Q)$(NM) -S $@ > $@.nm && $(PYTHON) scripts/lwip.py check $@.nm

$(lwip-layout): $(lwip-sizes) scripts/lwip.py
	@mkdir -p $(@D)
	$(call say,LAYOUT,$@)
	$(Q)$(NM) -S $(lwip-sizes) > $(build)/lwip-sizes/nm.txt
	$(Q)$(PYTHON) scripts/lwip.py layout $(build)/lwip-sizes/nm.txt > $@

$(addprefix $(build)/,$(lwip-users)): | $(lwip-layout)

# And for the host's unit tests, under their sanitizers; lwIP reads words where packets have them.
unit-lwip := build/unit/lwip
unit-cc = $(CCACHE) gcc -g -O1 -std=gnu11 -fno-builtin -fno-strict-aliasing -w -DUNIT_TEST \
	-Itests/unit/hw -I. -Iarch/riscv/include -Ibuild/unit/include \
	-isystem net/port/include -isystem $(lwip-tree)/include
unit-layout := build/unit/include/generated/lwip_layout.h

$(unit-lwip)/sizes/%.o: $(lwip-tree)/%.c $(lwip-tree)/stamp net/port/include/lwipopts.h net/port/instance.h
	@mkdir -p $(@D)
	$(Q)$(unit-cc) -DLWI_SIZES -c -o $@ $<
$(unit-layout): $(lwip-files:%=$(unit-lwip)/sizes/%.o)
	@mkdir -p $(@D)
	$(Q)nm -S $^ > $(unit-lwip)/nm.txt && $(PYTHON) scripts/lwip.py layout $(unit-lwip)/nm.txt > $@
$(unit-lwip)/%.o: $(lwip-tree)/%.c $(unit-layout) net/port/hooks.h
	@mkdir -p $(@D)
	$(Q)$(unit-cc) -fsanitize=address,undefined -fno-sanitize=alignment -fno-sanitize-recover=all -c -o $@ $<
$(unit-lwip)/lwip.a: $(lwip-files:%=$(unit-lwip)/%.o)
	$(Q)rm -f $@ && ar rcs $@ $^

# The network as it is, on a kernel that the host plays (tests/unit/net/world.h).
unit-net := build/unit/net
unit-net-files := $(basename $(wildcard net/inet/*.c) $(wildcard net/port/*.c) \
	$(filter-out net/netdev/ioctl.c net/netdev/proc.c,$(wildcard net/netdev/*.c)) \
	net/init.c net/namespace.c net/filter.c tests/unit/net/world.c tests/unit/net/segment.c)
unit-net-cc = $(subst -Itests/unit/hw,-Itests/unit/net -Itests/unit/hw,$(unit-cc)) -Wall \
	-fsanitize=address,undefined -fno-sanitize=alignment -fno-sanitize-recover=all

$(unit-net)/%.o: %.c $(unit-layout) $(wildcard net/*/*.h tests/unit/net/*.h)
	@mkdir -p $(@D)
	$(Q)$(unit-net-cc) -c -o $@ $<
$(unit-net)/net.a: $(unit-net-files:%=$(unit-net)/%.o) $(unit-lwip)/lwip.a
	$(Q)rm -f $@ && ar rcs $@ $(filter %.o,$^) $(lwip-files:%=$(unit-lwip)/%.o)

# Inputs by chance, the same for the same seed: make fuzz [N=inputs] [SEED=n].
fuzzers := fuzz_frames fuzz_filter fuzz_netlink fuzz_elf fuzz_ext2
build/fuzz/driver.o: tests/fuzz/driver.c
	@mkdir -p $(@D)
	$(Q)gcc -O2 -Wall -Wextra -c -o $@ $<
build/fuzz/fuzz_elf: tests/fuzz/fuzz_elf.c kernel/proc/elf.c build/fuzz/driver.o
	$(Q)$(unit-cc) -fsanitize=address,undefined -fno-sanitize-recover=all -o $@ $^
fuzz-netlink := net/netlink/route.c net/netlink/links.c net/netlink/diag.c \
	net/af_inet/diag.c net/af_inet/diag_filter.c net/af_inet/info.c
build/fuzz/fuzz_netlink: tests/fuzz/fuzz_netlink.c $(fuzz-netlink) build/fuzz/driver.o $(unit-net)/net.a \
		net/netlink/netlink.c
	$(Q)$(unit-net-cc) -o $@ $(filter-out net/netlink/netlink.c,$^)
# ext2 on a kernel that the host plays (tests/fuzz/ext2), but for its growing.
build/fuzz/ext2/stamp: tests/user/test_damaged.py
	@mkdir -p $(@D)
	$(Q)$(PYTHON) $< stock $(@D) && touch $@
fuzz-ext2 := $(filter-out fs/ext2/resize.c,$(wildcard fs/ext2/*.c)) $(wildcard tests/fuzz/ext2/*.c) \
	kernel/lib/bitmap.c
build/fuzz/fuzz_ext2.o: tests/fuzz/fuzz_ext2.c tests/user/damage.h
	@mkdir -p $(@D)
	$(Q)gcc -O2 -Wall -Wextra -fsanitize=address,undefined -fno-sanitize-recover=all -c -o $@ $<
build/fuzz/fuzz_ext2: build/fuzz/fuzz_ext2.o $(fuzz-ext2) build/fuzz/driver.o build/fuzz/ext2/stamp \
		$(wildcard fs/ext2/*.h tests/fuzz/ext2/*.h)
	$(Q)$(unit-net-cc) -o $@ $(filter %.c %.o,$^)
build/fuzz/%: tests/fuzz/%.c build/fuzz/driver.o $(unit-net)/net.a
	$(Q)$(unit-net-cc) -o $@ $^
.PHONY: fuzz
fuzz: $(fuzzers:%=build/fuzz/%)
	$(Q)for f in $(fuzzers); do \
		echo $$f; build/fuzz/$$f $(or $(SEED),1) $(or $(N),10000000) || exit 1; done

# Offsets for assembly: the file is compiled to assembly, its marked lines become
# defines.
$(build)/include/generated/asm-offsets.h: arch/riscv/asm-offsets.c $(build)/.flags \
		| $(build)/include/generated/autoconf.h
	@mkdir -p $(@D) $(build)/arch/riscv
	$(call say,OFFSETS,$@)
	$(Q)$(kernel-cc) $(cflags) $(cflags-y) $(warnings) $(includes) -MMD -MP -MT $@ -MF $@.d \
		-S -o $(build)/arch/riscv/asm-offsets.s $<
	$(call fixdep,$@)
	$(Q){ printf '/* Generated from %s. */\n#pragma once\n\n' $<; \
		sed -n 's/^[[:space:]]*#@ \([A-Za-z0-9_]*\) [^-0-9]*\(-\{0,1\}[0-9]*\).*/#define \1 \2/p' \
		$(build)/arch/riscv/asm-offsets.s; } > $@

# ---- Linking ----------------------------------------------------------------

.PHONY: kernel
ifeq ($(obj-y),)
kernel:
	@echo "Nothing to build yet: no files.mk lists an object."
else ifeq ($(linker-script),)
kernel: $(objects)
	@echo "Compiled $(words $(objects)) objects; not linked: arch/riscv/kernel.ld.S is not there yet."
else
kernel: $(build)/Image $(build)/System.map $(unlinked)
endif

$(build)/kernel.lds: arch/riscv/kernel.ld.S $(build)/.flags | $(generated)
	@mkdir -p $(@D)
	$(call say,LDS,$@)
	$(Q)$(kernel-cc) -E -P $(asflags) -D__LINKER_SCRIPT__ $(includes) -MMD -MP -MT $@ -MF $@.d -o $@ $<
	$(call fixdep,$@)

# Two passes: the symbol table of the second is made from the first, and sits
# behind everything it describes (scripts/ksyms.py).
link = $(LD) $(ldflags) -T $(build)/kernel.lds -o $(1) $(objects) $(2)

$(build)/ksyms-empty.S: scripts/ksyms.py
	@mkdir -p $(@D)
	$(Q)$(PYTHON) scripts/ksyms.py > $@
$(build)/ksyms.S: $(build)/kernel-pass1.elf scripts/ksyms.py
	$(call say,KSYMS,$@)
	$(Q)$(PYTHON) scripts/ksyms.py $< > $@
$(ksyms-obj): %.o: %.S $(build)/.flags
	$(Q)$(kernel-cc) $(asflags) -c -o $@ $<

$(build)/kernel-pass1.elf: $(objects) $(build)/ksyms-empty.o $(build)/kernel.lds $(build)/.objects
	$(call say,LD,$@)
	$(Q)$(call link,$@,$(build)/ksyms-empty.o)

ifneq ($(shared),)
.PHONY: shared-kernel
shared-kernel:
	$(Q)$(MAKE) -s BOARD=qemu-virt $(shared)/kernel.elf
$(build)/kernel.elf: shared-kernel
	$(Q)cmp -s $(shared)/kernel.elf $@ || cp $(shared)/kernel.elf $@
else
$(build)/kernel.elf: $(build)/kernel-pass1.elf $(build)/ksyms.o
	$(call say,LD,$@)
	$(Q)$(call link,$@,$(build)/ksyms.o)
	$(Q)$(PYTHON) scripts/ksyms.py --same $< $@
endif

$(build)/System.map: $(build)/kernel.elf
	$(Q)$(NM) -n $< > $@
$(build)/Image: $(build)/kernel.elf
	$(call say,IMAGE,$@)
	$(Q)$(OBJCOPY) -O binary $< $@

ifdef configured
-include $(addsuffix .dep,$(objects) $(unlinked) $(lwip-sizes) $(build)/kernel.lds \
	 $(build)/include/generated/asm-offsets.h)
endif

# ---- Running, testing -------------------------------------------------------

SMP ?=
MEM ?=
APPEND ?=
T ?=

qemu := qemu-system-riscv64
include boards/$(BOARD)/qemu.mk
ROOT ?= $(qemu-root)
root-disk := $(build)/rootfs.img
root-initramfs := $(build)/initramfs.cpio
root-card := $(build)/sdcard.img
root-debian := build/debian.img
qemu-disk := -drive file=$(root-disk),if=none,format=raw,id=root -device virtio-blk-device,drive=root
qemu-debian := -drive file=$(root-debian),if=none,format=raw,id=root -device virtio-blk-device,drive=root
qemu-initramfs := -initrd $(root-initramfs)
qemu-card := -drive file=$(root-card),if=sd,format=raw
append-disk := root=/dev/vda rw
append-debian := root=/dev/vda rw init=/usr/local/sbin/init
append-card := root=/dev/$(qemu-card-root) rw
run-flags = $(qemu-machine) $(qemu-net) -smp $(or $(SMP),$(qemu-smp)) -m $(or $(MEM),$(qemu-mem),512M) -nographic \
	-kernel $(build)/Image $(qemu-$(ROOT)) -append "$(strip $(append-$(ROOT)) $(APPEND))"

.PHONY: run debug run-ready
run-ready: kernel $(root-$(ROOT)) $(qemu-needs)
run: run-ready
	$(Q)$(qemu) $(run-flags)
debug: run-ready
	@echo "Stopped; attach with: gdb-multiarch $(build)/kernel.elf -ex 'target remote :1234'"
	$(Q)$(qemu) $(run-flags) -s -S

# Made once: it is whoever's uses it. rm it for a new one.
$(root-debian): | userland/debian/init userland/debian/image $(setup-debian)
	$(call say,DISK,$@)
	$(Q)userland/debian/image $(FATHOM_CACHE)/debian.tar $(FATHOM_CACHE)/busybox/busybox $@ 4G

include userland/files.mk

.PHONY: test
test: $(setup-test)
	$(Q)$(PYTHON) -m pytest -q -p no:cacheprovider -n 2 --dist loadgroup $(if $(T),-k "$(T)") tests

# What takes too long for make test: all programs on the emulated boards, power cuts while a root grows.
.PHONY: test-boards
test-boards: $(setup-test)
	$(Q)$(PYTHON) -m pytest -q -p no:cacheprovider $(if $(T),-k "$(T)") tests/boards/long_*.py

# A kernel onto a board without writing its card: TFTP with the lines to type, or TTY= the serial line.
.PHONY: netboot
netboot: kernel initramfs
	$(Q)scripts/netboot $(BOARD) --folder $(build) $(if $(TTY),--tty $(TTY)) $(if $(SERVER),--server $(SERVER)) \
		$(if $(filter initramfs,$(ROOT)),--archive) --append "$(APPEND)"

# On a board, by its serial line and its power switch (docs/testing.md): ENV= is a labgrid environment;
# HWMAP= names several boards. Reports: build/hwtest/.
RINGS ?= user,kernel,ends,bench
hwtest := $(PYTHON) tests/hw/hwtest.py --rings $(RINGS) $(if $(T),--only $(T))
.PHONY: hwtest
hwtest: $(setup-test)
ifneq ($(HWMAP),)
	$(Q)$(hwtest) --map $(HWMAP) build/hwtest
else
	$(Q)$(if $(ENV),,echo "Say how the board is wired: ENV=, a copy of boards/$(BOARD)/labgrid.yaml"; exit 2)
	$(Q)$(hwtest) $(BOARD) $(ENV) build/hwtest/$(BOARD)
endif

# Churn of processes, memory, futexes, pipes, signals and files, for minutes.
.PHONY: stress
stress: user $(setup-test)
	$(Q)$(MAKE) kernel CONFIG=debug
	$(Q)$(PYTHON) tests/stress.py $(or $(SECONDS),20) $(or $(SMP),4) $(T)

# Tens of thousands of clients on the host, at each number of harts: minutes (tests/load.py). FLOOD=: SYNs of nobody's
# while some are served (tests/flood.py).
.PHONY: load
load: run-ready $(setup-test)
	$(Q)$(if $(FLOOD),$(PYTHON) tests/flood.py $(FLOOD),$(PYTHON) tests/load.py $(or $(N),100000) \
		$(or $(PATTERN),threads) "$(CAPTURE)") $(or $(SMP),1 2 4)

.PHONY: cuts
cuts: kernel user
	$(Q)$(MAKE) CONFIG=debug kernel
	$(Q)$(PYTHON) tests/user/test_cut.py 10 $(or $(SEEDS),1)

# Programs of tests/user: static, each from one file, for our kernel and for Linux.
user-programs := $(patsubst tests/user/%.c,build/user/%,$(wildcard tests/user/*.c))
user-cflags := -static -Wl,-z,norelro -O2 -g -pthread -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Werror \
	-Wno-unused-parameter -Wno-sign-compare -Wno-missing-field-initializers -Wno-array-bounds \
	-Wno-nonnull -Wno-format-truncation -Wno-stringop-truncation -Wno-stringop-overflow -Wno-stringop-overread \
	-fmax-errors=5

build/user/%: tests/user/%.c $(wildcard tests/user/*.h) kernel/uapi/syscalls.def | $(setup-run)
	@mkdir -p $(@D)
	$(call say,USER,$@)
	$(Q)$(CC) $(user-cflags) -c -o $@.o $< && $(CC) $(user-cflags) -o $@ $@.o && $(CROSS_COMPILE)strip $@

.PHONY: user oracle
user: $(user-programs)
oracle: user $(setup-test)
	$(Q)$(PYTHON) tests/guest.py oracle $(T)

# Instructions per operation, beside Linux's at its best (tests/bench/README.md).
linux-figures := tests/bench/linux-6.12-lean-icount.tsv
bench-out := $(build)/bench

build/bench/kbench: tests/bench/kbench.c | $(setup-run)
	@mkdir -p $(@D)
	$(call say,USER,$@)
	$(Q)$(CC) -O2 -pthread -w -c -o $@.o $< && $(CROSS_COMPILE)gcc -static -pthread -o $@ $@.o -lm && \
		$(CROSS_COMPILE)strip $@

.PHONY: bench
bench: kernel build/bench/kbench
	$(Q)tests/bench/measure --kernel $(build)/Image --kbench build/bench/kbench \
		--busybox $(FATHOM_CACHE)/busybox/busybox --out $(bench-out) $(T)
	$(Q)tests/bench/chart $(bench-out)/fathom-icount.tsv $(linux-figures) $(bench-out)/bench.svg
	$(Q)tests/bench/compare -m $(bench-out)/fathom-icount.tsv $(linux-figures) > $(bench-out)/bench.md
	$(Q)tests/bench/compare $(bench-out)/fathom-icount.tsv $(linux-figures)
	@echo; echo "$(bench-out)/: fathom-icount.tsv, bench.md, bench.svg, console.log"

# What a KiB costs through the boards' card hosts and network ports, beside virtio: two minutes a board.
.PHONY: bench-boards
bench-boards:
	$(Q)tests/bench/boards $(T)

# The same for every line, with the boot's, against what was asked for; into the document.
.PHONY: figures
figures: bench initramfs
	$(Q)tests/bench/targets $(build) $(bench-out)/fathom-icount.tsv docs/measurements.md

# Scripts by their first line; those of the image are for busybox's shell.
scripts-of = $(shell git ls-files -co --exclude-standard | xargs grep -lI '^\#!.*$(1)$$')
kernel-sources := arch boards drivers fs kernel net
cppcheck := cppcheck -q -j2 --std=c11 --platform=unix64 --enable=warning,performance,portability \
	--inline-suppr --suppressions-list=tests/check/cppcheck.txt --error-exitcode=1 \
	--template='{file}:{line}: {severity}: {id}: {message}' -I. -Iarch/riscv/include \
	-Ibuild/qemu-virt-debug/include --include=kernel/kconfig.h -D__riscv=1 -D__riscv_xlen=64

# Everything that needs no machine: form, layers, two compilers' warnings (each is an error; both
# variants, so that what only one of them compiles is seen), and what reads source without compiling.
.PHONY: check
check: $(setup-check)
	$(Q)tests/check/text.py
	$(Q)tests/check/floors.py
	$(Q)tests/check/documents.py
	$(Q)for variant in '' CONFIG=debug; do for compiler in '' LLVM=1; do \
		echo "warnings: $${compiler:-gcc} $$variant"; \
		$(MAKE) -s kernel $$variant $$compiler || exit 1; done; done
	@echo cppcheck
	$(Q)$(cppcheck) $(wildcard $(kernel-sources))
	@echo shellcheck, pyflakes
	$(Q)shellcheck -x $(call scripts-of,bash)
	$(Q)shellcheck -s dash $(call scripts-of,/bin/sh)
	$(Q)$(PYTHON) -m pyflakes $(sort $(call scripts-of,python3) $(shell git ls-files -co --exclude-standard '*.py'))

.PHONY: setup
setup:
	@scripts/setup run test check

.PHONY: help
help:
	@sed -n 's/^#? \{0,1\}//p' Makefile

.PHONY: clean
clean:
	rm -rf build

#? make                  build/<board>/{Image,kernel.elf,System.map,rootfs.img,initramfs.cpio}
#? make run              boot it in QEMU to a shell; leave with poweroff or ctrl-a x
#? make kernel           only the kernel; also image, initramfs, userland, sdcard
#? make image            the root file system and, for a board with a card, all that goes onto it (sdcard.img)
#? make flash DEV=       write sdcard.img to a card and verify it; refuses what is no card, or in use
#? make netboot          TFTP for a board, with U-Boot's lines; TTY= sends over its serial line instead
#? make run-uboot        boot through the board's U-Boot from build/<board>/sdcard.img
#? make debug            boot stopped, waiting for gdb
#? make test             every test that runs without hardware; T=name picks some
#? make load             N= requests of 64 clients to a web server in the guest, at SMP= harts; or FLOOD= spoofed SYNs
#? make fuzz             N= inputs by chance, from SEED=, into the network's code and ext2, on the host
#? make test-boards      all programs on the emulated boards, cuts while a root grows; T=part
#? make cuts             every disk that a power cut could leave of a run; SEEDS="1 2" picks runs
#? make hwtest           the same on a board: ENV=its labgrid environment, or HWMAP=several; RINGS= T=
#? make stress           minutes of churn on the debug build; SECONDS= per part, SMP=, T=names
#? make bench            instructions per operation beside Linux's; T="NAME GROUP" picks some
#? make bench-boards     instructions a KiB of the boards' disks and ports beside virtio's; T=BOARD
#? make figures           the bench against its targets, into docs/measurements.md
#? make oracle           ask Debian's Linux again what tests/user/abi_* should get; T=names
#? make check            form, include floors, gcc's and clang's warnings, cppcheck, shellcheck, pyflakes
#? make setup            install and fetch all that is needed
#? make menuconfig       choose options; also <board>_defconfig, olddefconfig, savedefconfig
#? make clean            remove build/
#?
#? BOARD=    a folder of boards/ (qemu-virt)
#? CONFIG=   a variant, boards/<variant>.config: debug (lock ranks, poison, tests)
#? PORT=     the host's port that leads to the guest's 8080 (8080; another for a second make run)
#? SMP= MEM= APPEND=     harts, memory (512M) and kernel parameters of make run
#? ROOT=     disk, card or initramfs: the root of make run, where the board has it; debian: Debian's stable release
#? T=        part of a test's name
#? LLVM=1    the kernel by clang, in a folder of its own
#? V=1       show the commands
