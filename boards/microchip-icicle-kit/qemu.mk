# How make run starts this board: QEMU's own firmware and the kernel, without the board's first stages; the
# console is the second serial port. Memory: 1 GiB low, the rest high, as the tree says.
qemu-machine = -M microchip-icicle-kit -dtb $(build)/icicle.dtb -serial null -serial mon:stdio
qemu-mem := 2G
qemu-smp := 5
qemu-root := card
qemu-card-root := mmcblk0p3
# Both network ports, the first with the host behind it; PORT of the host leads to the guest's 8080.
PORT ?= 8080
qemu-net = -nic user,model=cadence_gem,hostfwd=tcp:127.0.0.1:$(PORT)-:8080 -nic user,model=cadence_gem,net=10.0.3.0/24

qemu-needs = $(build)/icicle.dtb
$(build)/icicle.dtb: boards/microchip-icicle-kit/icicle.dts
	@mkdir -p $(@D)
	$(call say,TREE,$@)
	$(Q)dtc -q -I dts -O dtb -o $@ $<

# U-Boot for the board is in no package: its partition stays empty.
disk-parts = 2=$(build)/boot 3=$(build)/rootfs.img
