unlinked-y += fs/ext2/balloc.o
unlinked-y += fs/ext2/data.o
unlinked-y += fs/ext2/dir.o
unlinked-y += fs/ext2/ialloc.o
unlinked-y += fs/ext2/inode.o
unlinked-y += fs/ext2/map.o
unlinked-y += fs/ext2/namei.o
unlinked-y += fs/ext2/super.o
