unlinked-y += drivers/virtio/blk.o
unlinked-y += drivers/virtio/mmio.o
unlinked-y += drivers/virtio/ring.o
