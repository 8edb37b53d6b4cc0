unlinked-y += fs/tmpfs/tmpfs.o
