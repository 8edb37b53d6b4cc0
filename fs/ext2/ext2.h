/* SPDX-License-Identifier: MIT */
/*
 * ext2: disk format and the types its files share. Riscv64 and the format are
 * both little endian: fields are read as they lie.
 *
 *   super.c   mount, features, errors, sync      balloc.c  blocks and groups
 *   ialloc.c  inode numbers                      map.c     file block -> disk block, truncate
 *   inode.c   inodes in memory and on disk       data.c    pages of file data
 *   dir.c     directory blocks                   namei.c   operations on names
 *
 * Locks, outer first: inode rwsem (VFS) > page lock > ei->map_lock >
 * sbi->alloc_lock. No page fault happens under the last two.
 */
#pragma once
#include <drivers/block/buffer.h>
#include <fs/file.h>
#include <fs/vfs.h>
#include <kernel/lock/mutex.h>

#define EXT2_MAGIC		0xef53
#define EXT2_ROOT_INO		2
#define EXT2_NDIR		12
#define EXT2_NBLOCKS		15
#define EXT2_LINK_MAX		32000
#define EXT2_NAME_MAX		255

struct ext2_super {
	u32 inodes_count, blocks_count, r_blocks_count, free_blocks, free_inodes;
	u32 first_data_block, log_block_size, log_frag_size;
	u32 blocks_per_group, frags_per_group, inodes_per_group;
	u32 mtime, wtime;
	u16 mnt_count, max_mnt_count, magic, state, errors, minor_rev;
	u32 lastcheck, checkinterval, creator_os, rev_level;
	u16 def_resuid, def_resgid;
	u32 first_ino;
	u16 inode_size, block_group_nr;
	u32 feature_compat, feature_incompat, feature_ro_compat;
	u8 uuid[16];
	char volume_name[16], last_mounted[64];
	u32 algo_bitmap;
	u8 prealloc_blocks, prealloc_dir_blocks;
	u16 reserved_gdt_blocks;
	u8 journal_uuid[16];
	u32 journal_inum, journal_dev, last_orphan;
	u8 rest[1024 - 236];
} __packed;
_Static_assert(sizeof(struct ext2_super) == 1024, "disk format");

#define EXT2_STATE_VALID	1
#define EXT2_STATE_ERROR	2
#define EXT2_ERRORS_CONTINUE	1
#define EXT2_ERRORS_RO		2
#define EXT2_ERRORS_PANIC	3

/* COMPAT may be ignored; those known: dir_prealloc, ext_attr, resize_inode, dir_index. */
#define EXT2_COMPAT_HAS_JOURNAL	0x0004
#define EXT2_INCOMPAT_FILETYPE	0x0002
#define EXT2_INCOMPAT_SUPPORTED	EXT2_INCOMPAT_FILETYPE
#define EXT2_RO_SPARSE_SUPER	0x0001
#define EXT2_RO_LARGE_FILE	0x0002
#define EXT2_RO_SUPPORTED	(EXT2_RO_SPARSE_SUPER | EXT2_RO_LARGE_FILE)

struct ext2_group_desc {
	u32 block_bitmap, inode_bitmap, inode_table;
	u16 free_blocks, free_inodes, used_dirs, pad;
	u32 reserved[3];
};
_Static_assert(sizeof(struct ext2_group_desc) == 32, "disk format");

struct ext2_raw_inode {
	u16 mode, uid;
	u32 size, atime, ctime, mtime, dtime;
	u16 gid, links;
	u32 blocks, flags, osd1;
	u32 block[EXT2_NBLOCKS];
	u32 generation, file_acl, size_high, faddr;
	u8 frag, fsize;
	u16 pad1, uid_high, gid_high;
	u32 osd2;
	/* Only in inodes of more than 128 bytes, and if extra_isize covers them. */
	u16 extra_isize, pad2;
	u32 ctime_extra, mtime_extra, atime_extra, crtime, crtime_extra;
};
_Static_assert(offsetof(struct ext2_raw_inode, extra_isize) == 128, "disk format");

#define EXT2_FL_SYNC		0x00000008
#define EXT2_FL_IMMUTABLE	0x00000010
#define EXT2_FL_APPEND		0x00000020
#define EXT2_FL_INDEX		0x00001000
#define EXT2_FL_INHERITED	0x000000df	/* and noatime, nodump: those a new file takes over */

struct ext2_dirent {
	u32 ino;
	u16 rec_len;
	u8 name_len, type;
	char name[];
};
#define EXT2_DIRENT_LEN(n)	ALIGN_UP(8u + (n), 4u)

struct ext2_sb {
	/* Constant after mount. */
	struct superblock *sb;
	struct blockdev *bdev;
	u32 bits, block_bytes;
	u32 blocks_count, first_data_block, blocks_per_group;
	u32 inodes_count, inodes_per_group, first_ino;
	u32 inode_bytes, nr_groups, itable_blocks;
	struct block_ref super_ref;
	struct ext2_super *super;	/* in super_ref; counters: alloc_lock */
	struct block_ref *gdt;		/* pinned descriptor blocks */
	u32 nr_gdt;
	u16 errors;			/* EXT2_ERRORS_*; remount */
	u32 told;			/* messages since told_ns; two at once may count as one */
	ktime_t told_ns;

	struct mutex alloc_lock;	/* RANK_EXT2_ALLOC: bitmaps, descriptors, counters */
};

struct ext2_inode {
	struct inode vfs;
	struct mutex map_lock;		/* RANK_EXT2_MAP: block[], indirect blocks, goal */
	u32 block[EXT2_NBLOCKS];
	u32 goal;			/* where the next block is wanted; 0: near the inode */
	u32 flags, file_acl, dtime;	/* rwsem */
	u32 dir_hint;			/* first block that may have room; rwsem */
};

static inline struct ext2_sb *EXT2_SB(const struct superblock *sb) { return sb->private; }
static inline struct ext2_inode *EXT2_I(struct inode *i) { return container_of(i, struct ext2_inode, vfs); }

/* --- super.c --- */
/* Record damage found on disk; act by errors=. Returns -EUCLEAN. Thread context. */
int __printf(2, 3) ext2_error(struct ext2_sb *s, const char *fmt, ...);
struct ext2_group_desc *ext2_group(struct ext2_sb *s, u32 group);
void ext2_group_dirty(struct ext2_sb *s, u32 group);	/* and the superblock's counters */

/* --- balloc.c --- */
/* One block near goal (0: anywhere in the group); its number, or -ENOSPC, -EIO, -EUCLEAN. */
int ext2_block_alloc(struct ext2_inode *ei, u32 goal, u32 *out);
int ext2_block_free(struct ext2_sb *s, u32 block);
bool ext2_block_valid(struct ext2_sb *s, u32 block);	/* may a file own it? */

/* --- ialloc.c --- */
int ext2_inode_alloc(struct inode *dir, umode_t mode, u32 *out);
int ext2_inode_free(struct ext2_sb *s, u32 ino, bool is_dir);

/* --- map.c --- */
/* Disk block of file block; *phys 0: a hole (only without create). 0 or -errno. */
int ext2_map(struct ext2_inode *ei, u64 index, bool create, u32 *phys, bool *is_new);
int ext2_truncate_blocks(struct ext2_inode *ei, u64 first);	/* free [first, ...) */
u64 ext2_max_blocks(const struct ext2_sb *s);

/* --- inode.c --- */
int ext2_iget(struct superblock *sb, u32 ino, struct inode **out);
int ext2_inode_new(struct inode *dir, umode_t mode, struct inode **out);
int ext2_inode_write(struct inode *inode, bool wait);
void ext2_inode_evict(struct inode *inode);
int ext2_setattr(struct inode *inode, const struct iattr *attr);
void ext2_set_ops(struct inode *inode);
bool ext2_is_fast_symlink(const struct ext2_inode *ei);
int ext2_fsync(struct file *f, loff_t start, loff_t end, bool datasync);

/* --- data.c, dir.c, namei.c --- */
extern const struct mapping_ops ext2_mapping_ops;
extern const struct file_ops ext2_file_ops, ext2_dir_fops;
extern const struct inode_ops ext2_dir_ops, ext2_file_inode_ops, ext2_symlink_ops;

int ext2_dir_find(struct inode *dir, const struct qstr *name, u32 *ino);	/* -ENOENT */
int ext2_dir_add(struct inode *dir, const struct qstr *name, u32 ino, umode_t mode);	/* name is not there */
int ext2_dir_remove(struct inode *dir, const struct qstr *name);
int ext2_dir_set(struct inode *dir, const struct qstr *name, u32 ino, umode_t mode);	/* redirect an entry */
int ext2_dir_make_empty(struct inode *dir, u32 parent);
int ext2_dir_is_empty(struct inode *dir);	/* 1, 0 or -errno */
