# How make run starts this board: machine, harts, and where the root is (disk or initramfs).
qemu-machine := -M virt -global virtio-mmio.force-legacy=false -device virtio-rng-device
qemu-smp := 2
qemu-root := disk
