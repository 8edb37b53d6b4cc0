# What runs on the kernel: programs, and the root file systems they come in.
#
#	userland/demos/x.c	/usr/libexec/demos/x, and /usr/libexec/demos/static/x on the disk
#	userland/tools/x.c	/usr/bin/x: what busybox lacks
#	userland/image/		the rest: busybox, the C library, /etc
#
# Every program is one file, built with Debian's cross compiler as anyone would.

userland-cflags := -O2 -g -std=gnu11 -D_GNU_SOURCE -pthread -Wall -Wextra -Werror -Wno-unused-parameter
userland-demos := $(patsubst %.c,%,$(wildcard userland/demos/*.c))
userland-tools := $(patsubst %.c,%,$(wildcard userland/tools/*.c))
userland-dynamic := $(addprefix build/,$(userland-demos) $(userland-tools))
userland-static := $(patsubst userland/demos/%,build/userland/demos/static/%,$(userland-demos))

userland-compile = $(Q)$(CC) $(userland-cflags) -c -o $@.o $< && \
	$(CROSS_COMPILE)gcc $(1) -pthread -o $@ $@.o && $(CROSS_COMPILE)strip $@

build/userland/demos/static/%: userland/demos/%.c | $(setup-run)
	@mkdir -p $(@D)
	$(call say,USER,$@)
	$(call userland-compile,-static)
build/userland/%: userland/%.c | $(setup-run)
	@mkdir -p $(@D)
	$(call say,USER,$@)
	$(call userland-compile,)

# FILE:PATH for the image.
installed-small := $(foreach p,$(userland-demos),build/$(p):usr/libexec/demos/$(notdir $(p))) \
	$(foreach p,$(userland-tools),build/$(p):usr/bin/$(notdir $(p)))
installed := $(installed-small) \
	$(foreach p,$(userland-static),$(p):usr/libexec/demos/static/$(notdir $(p)))

userland-image := $(shell find userland/image -type f) userland/files.mk tests/cpio.py
ROOTFS_SIZE ?= 64M

# Rebuilt only when what goes into it changed: files written by the guest stay until then.
$(build)/rootfs.img: $(userland-image) $(userland-dynamic) $(userland-static) | $(setup-run)
	@mkdir -p $(@D)
	$(call say,ROOTFS,$@)
	$(Q)userland/image/stage $(build)/rootfs $(FATHOM_CACHE) $(installed)
	$(Q)userland/image/mkext2 $(build)/rootfs $@ $(ROOTFS_SIZE) userland/image/nodes

$(build)/initramfs.cpio: $(userland-image) $(userland-dynamic) | $(setup-run)
	@mkdir -p $(@D)
	$(call say,CPIO,$@)
	$(Q)userland/image/stage $(build)/initramfs $(FATHOM_CACHE) $(installed-small)
	$(Q)userland/image/mkcpio $(build)/initramfs $@ userland/image/nodes

# A disk or card as a boot loader finds it: the kernel on FAT with extlinux.conf, the root beside it.
$(build)/sdcard.img: $(build)/Image $(build)/rootfs.img $(build)/initramfs.cpio userland/image/mkdisk \
		$(wildcard boards/$(BOARD)/*) | $(setup-test)
	$(call say,DISK,$@)
	$(Q)rm -rf $(build)/boot && mkdir -p $(build)/boot/extlinux
	$(Q)cp boards/$(BOARD)/extlinux.conf $(build)/boot/extlinux/
	$(Q)cp $(build)/Image $(build)/initramfs.cpio $(build)/boot/
	$(Q)userland/image/mkdisk $@ boards/$(BOARD)/disk.sfdisk $(disk-parts)

# Onto a card of this machine: make flash DEV=/dev/sdX.
.PHONY: flash
flash: sdcard
	$(Q)[ -n "$(DEV)" ] || { echo "which card? make flash BOARD=$(BOARD) DEV=/dev/sdX"; exit 1; }
	$(Q)scripts/flash $(build)/sdcard.img $(DEV)

.PHONY: image initramfs userland sdcard run-uboot
sdcard: $(build)/sdcard.img
run-uboot: sdcard $(qemu-needs)
	$(Q)$(qemu) $(qemu-uboot) $(qemu-net) -smp $(or $(SMP),$(qemu-smp)) -nographic
userland: $(userland-dynamic) $(userland-static)
image: $(build)/rootfs.img $(if $(qemu-card-root),sdcard)
initramfs: $(build)/initramfs.cpio
