obj-y += fs/tmpfs/tmpfs.o
