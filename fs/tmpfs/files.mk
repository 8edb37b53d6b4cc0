obj-y += fs/tmpfs/tmpfs.o fs/tmpfs/shmem.o
