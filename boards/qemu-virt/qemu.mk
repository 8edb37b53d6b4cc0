# How make run starts this board: machine, harts, and where the root is (disk or initramfs).
qemu-machine := -M virt -global virtio-mmio.force-legacy=false -device virtio-rng-device
# A network with the host behind it; PORT of the host leads to the guest's 8080.
PORT ?= 8080
qemu-net = -netdev user,id=net,hostfwd=tcp:127.0.0.1:$(PORT)-:8080 -device virtio-net-device,netdev=net
qemu-smp := 2
qemu-root := disk

# What mkdisk puts into the partitions of disk.sfdisk, and how U-Boot is started with it.
guest := $(FATHOM_CACHE)/guest
disk-parts = 1=$(build)/boot 2=$(build)/rootfs.img
qemu-uboot = $(qemu-machine) -bios /usr/lib/riscv64-linux-gnu/opensbi/generic/fw_jump.elf \
	-kernel $(guest)/u-boot-qemu/usr/lib/u-boot/qemu-riscv64_smode/uboot.elf -m $(or $(MEM),512M) \
	-drive file=$(build)/sdcard.img,if=none,format=raw,id=disk -device virtio-blk-device,drive=disk
