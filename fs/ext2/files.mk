obj-y += fs/ext2/balloc.o
obj-y += fs/ext2/data.o
obj-y += fs/ext2/dir.o
obj-y += fs/ext2/ialloc.o
obj-y += fs/ext2/inode.o
obj-y += fs/ext2/map.o
obj-y += fs/ext2/namei.o
obj-y += fs/ext2/super.o
