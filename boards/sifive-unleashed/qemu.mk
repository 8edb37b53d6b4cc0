# How make run starts this board: machine, harts (the first has no MMU), and where the root is.
qemu-machine := -M sifive_u
qemu-smp := 5
qemu-root := initramfs
