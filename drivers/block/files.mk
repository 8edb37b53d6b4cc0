obj-y += drivers/block/bio.o
obj-y += drivers/block/buffer.o
obj-y += drivers/block/disk.o
obj-y += drivers/block/partition.o
obj-y += drivers/block/queue.o
obj-y += drivers/block/flush.o
