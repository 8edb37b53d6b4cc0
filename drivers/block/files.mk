unlinked-y += drivers/block/bio.o
unlinked-y += drivers/block/buffer.o
unlinked-y += drivers/block/disk.o
unlinked-y += drivers/block/partition.o
unlinked-y += drivers/block/queue.o
