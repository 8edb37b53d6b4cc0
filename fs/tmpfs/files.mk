obj-y += fs/tmpfs/tmpfs.o fs/tmpfs/limits.o fs/tmpfs/shmem.o
