obj-y += drivers/virtio/blk.o
obj-y += drivers/virtio/mmio.o
obj-y += drivers/virtio/net.o
obj-y += drivers/virtio/net_hdr.o
obj-y += drivers/virtio/ring.o
obj-y += drivers/virtio/rng.o
