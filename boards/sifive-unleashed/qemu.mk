# How make run starts this board: machine, harts (the first has no MMU), and where the root is.
qemu-machine := -M sifive_u
qemu-smp := 5
qemu-root := card
qemu-card-root := mmcblk0p4
# The network port, with the host behind it; PORT of the host leads to the guest's 8080.
PORT ?= 8080
qemu-net = -nic user,hostfwd=tcp:127.0.0.1:$(PORT)-:8080

# What mkdisk puts into the partitions of disk.sfdisk, and how the board starts from it: its
# boot loader is built for 8 GiB (QEMU takes memory only as it is used) and five harts.
guest := $(FATHOM_CACHE)/guest
unleashed := $(guest)/u-boot-sifive/usr/lib/u-boot/sifive_unleashed
disk-parts = 1=$(unleashed)/u-boot-spl.bin 2=$(unleashed)/u-boot.itb 3=$(build)/boot 4=$(build)/rootfs.img
qemu-uboot = -M sifive_u,msel=11 -bios $(unleashed)/u-boot-spl.bin -m 8G \
	-drive file=$(build)/sdcard.img,if=sd,format=raw -drive file=$(build)/flash.img,if=mtd,format=raw

# The flash chip, 32 MiB; U-Boot looks for a script in its last 4 KiB.
sdcard: $(build)/flash.img
$(build)/flash.img: boards/sifive-unleashed/boot.cmd userland/image/mkscript
	@mkdir -p $(@D)
	$(call say,FLASH,$@)
	$(Q)userland/image/mkscript $< $@ 0x1fff000 0x2000000
