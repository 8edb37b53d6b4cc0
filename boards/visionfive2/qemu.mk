# How make run starts this board: in a QEMU of our own (tests/qemu), built when first needed.
# Harts: the first has no MMU. Boards have 2, 4 or 8 GiB; U-Boot does not start in less.
guest := $(FATHOM_CACHE)/guest
opensbi := $(guest)/opensbi/usr/lib/riscv64-linux-gnu/opensbi/generic/fw_dynamic.bin
starfive := $(guest)/u-boot-starfive/usr/lib/u-boot/starfive_visionfive2
qemu := tests/qemu/qemu-system-riscv64
qemu-machine = -M visionfive2 -bios $(opensbi) -dtb $(build)/visionfive2.dtb
qemu-smp := 5
qemu-root := card
qemu-card-root := mmcblk1p4
# The first network port, with the host behind it; PORT of the host leads to the guest's 8080.
PORT ?= 8080
qemu-net = -nic user,hostfwd=tcp:127.0.0.1:$(PORT)-:8080

# The tree of Debian's U-Boot for the board, without what our machine has no model of.
qemu-needs = $(build)/visionfive2.dtb qemu-built
.PHONY: qemu-built
qemu-built: | $(FATHOM_CACHE)/stamps/model
	$(Q)tests/qemu/build > /dev/null
$(FATHOM_CACHE)/stamps/model: scripts/setup
$(build)/visionfive2.dtb: tests/qemu/mktree | $(FATHOM_CACHE)/stamps/model
	@mkdir -p $(@D)
	$(call say,TREE,$@)
	$(Q)tests/qemu/mktree $(starfive)/u-boot.itb $@

# What mkdisk puts into the partitions of disk.sfdisk, and how U-Boot is started with it. Its
# first stage is not run: what that leaves, memory and the clocks of the card's host, is there.
disk-parts = 1=$(starfive)/u-boot-spl.bin.normal.out 2=$(starfive)/u-boot.itb 3=$(build)/boot 4=$(build)/rootfs.img
qemu-uboot = -M visionfive2,first-card=on -bios $(opensbi) -dtb $(build)/visionfive2.dtb -m $(or $(MEM),2G) \
	-kernel $(starfive)/uboot.elf -drive file=$(build)/sdcard.img,if=sd,format=raw
