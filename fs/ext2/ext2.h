/* SPDX-License-Identifier: MIT */
/*
 * ext2: disk format and the types its files share. Riscv64 and the format are
 * both little endian: fields are read as they lie.
 *
 *   super.c   mount, features, errors, sync      balloc.c  blocks and groups
 *   ialloc.c  inode numbers                      map.c     file block -> disk block, truncate
 *   inode.c   inodes in memory and on disk       data.c    pages of file data
 *   dir.c     directory blocks                   namei.c   operations on names
 *   rename.c  rename                             order.c   what may be on disk when: power cuts
 *   barrier.c barriers, sync                     later.c   what is free after a barrier
 *   resize.c  growing while mounted
 *
 * Locks, outer first: inode rwsem (VFS) > page lock > ei->map_lock > sbi->barrier >
 * lock of a metadata block's page (block_lock) > sbi->alloc_lock > sbi->order_lock.
 * No page fault happens under map_lock and those behind it.
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
	u8 hashing[18];
	u16 desc_size;
	u32 default_options, first_meta_bg;
	u8 rest[1024 - 264];
} __packed;
_Static_assert(sizeof(struct ext2_super) == 1024, "disk format");

#define EXT2_STATE_VALID	1
#define EXT2_STATE_ERROR	2
#define EXT2_ERRORS_CONTINUE	1
#define EXT2_ERRORS_RO		2
#define EXT2_ERRORS_PANIC	3

/* COMPAT may be ignored; those known: dir_prealloc, ext_attr, resize_inode, dir_index. */
#define EXT2_COMPAT_HAS_JOURNAL	0x0004
#define EXT2_COMPAT_RESIZE_INODE 0x0010
#define EXT2_INCOMPAT_FILETYPE	0x0002
#define EXT2_INCOMPAT_META_BG	0x0010
#define EXT2_INCOMPAT_SUPPORTED	(EXT2_INCOMPAT_FILETYPE | EXT2_INCOMPAT_META_BG)
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
/* and noatime, nodump: those a new file takes over */
#define EXT2_FL_INHERITED	0x000000df

struct ext2_dirent {
	u32 ino;
	u16 rec_len;
	u8 name_len, type;
	char name[];
};
#define EXT2_DIRENT_LEN(n)	ALIGN_UP(8u + (n), 4u)

#define EXT2_DEP_BUCKETS	64

struct ext2_sb {
	/* Constant after mount. */
	struct superblock *sb;
	struct blockdev *bdev;
	u32 bits, block_bytes;
	u32 first_data_block, blocks_per_group;
	u32 inodes_per_group, first_ino;
	u32 inode_bytes, itable_blocks;
	struct block_ref super_ref;
	struct ext2_super *super;	/* in super_ref; counters: alloc_lock */
	struct block_ref *gdt;		/* pinned descriptor blocks: nr_gdt of them */
	u32 max_gdt;			/* room in gdt */
	bool meta_bg, sparse_super;	/* features that say where descriptors and copies lie */
	u32 first_meta_bg;

	/*
	 * Only ever grow, under alloc_lock; who reads them without may see the old ones: resize.c.
	 */
	u32 blocks_count, inodes_count, nr_groups, nr_gdt;
	u32 growing;			/* atomic: 0 or 1 */

	u16 errors;			/* EXT2_ERRORS_*; remount */
	u32 told;			/* messages since told_ns; two at once may count as one */
	ktime_t told_ns;

	struct mutex alloc_lock;	/* RANK_EXT2_ALLOC: bitmaps, descriptors, counters */

	/* Power cuts: order.c, later.c. */
	u32 cookie;			/* constant after mount, not 0: marks slots of this mount */
	bool tables_apart;		/* constant after mount: an inode table lies outside of its group */
	struct mutex barrier;		/* RANK_EXT2_BARRIER: one at a time; changes durable */
	u32 durable;			/* number of the last barrier that ended; READ_ONCE */
	u32 held_back;			/* atomic: what the filter left out since the last barrier began */
	u32 oldest_held;		/* least number of a name that waits, of those left out; a hint */
	u32 used_last;			/* barrier that covers the newest slot that came into use; READ_ONCE */
	u32 writes;			/* atomic: times that metadata was written */
	u32 joins;			/* atomic: times that records were joined */
	ktime_t waiting_since_ns;	/* since when something waits for a barrier; 0: nothing. A hint */
	bool lost;			/* something free stays allocated: for e2fsck to find */
	struct spinlock order_lock;	/* RANK_EXT2_ORDER: all below */
	u32 open;			/* number of the barrier that covers what is dirtied now */
	struct list_head deps[EXT2_DEP_BUCKETS];
	u32 nr_deps;			/* READ_ONCE */
	struct list_head dying;
	struct list_head later;
	u32 later_blocks, later_inodes;
};

/* Where a record or a slot is. */
struct ext2_place {
	u32 block, offset;		/* block of the disk */
};

struct ext2_inode {
	struct inode vfs;
	struct mapping data;
	u32 generation;			/* as it was found */
	struct mutex map_lock;		/* RANK_EXT2_MAP: block[], indirect blocks, goal */
	u32 block[EXT2_NBLOCKS];
	u32 goal;			/* where the next block is wanted; 0: near the inode */
	u32 flags, file_acl, dtime;	/* rwsem */
	u32 dir_hint;			/* first block that may have room; rwsem */
	struct ext2_place added;	/* of a directory: its last new record; rwsem */
	u32 joins;			/* the count in sbi when that was added; rwsem */

	/* Power cuts: order.c. */
	struct list_head freed;		/* blocks of the truncation under way; map_lock */
	bool fresh;			/* no slot written yet: it has no name; until it has: its maker's */
	u32 writes;			/* the count in sbi when it got its first name */
	bool unclaimed;			/* its slot never was in use on disk, and never will be; set once */
	bool attached;			/* a directory in use and reachable on disk; set once */
	bool keep;			/* its slot must stay as it is; order_lock */
	u32 fresh_seq;			/* barrier that allows the newest pointer to metadata to be there; order_lock */
	u32 name_seq;			/* barrier after which its newest name is there; READ_ONCE */
	u32 hide_seq;			/* barrier that allows the newest hidden record to go; order_lock */
	u32 held;			/* records held for dying inodes; order_lock */
};

/* A name that was found, and what hiding it takes. */
struct ext2_name {
	struct block_ref ref;
	struct ext2_place at;
	u32 index;			/* of the block in the directory */
	struct ext2_dep *dep;
};

static inline struct ext2_sb *EXT2_SB(const struct superblock *sb) { return sb->private; }
/* How many descriptor blocks lie behind the superblock, in a row. */
static inline u32 ext2_plain_gdt(const struct ext2_sb *s)
{
	u32 nr = READ_ONCE(s->nr_gdt);

	return s->meta_bg && s->first_meta_bg < nr ? s->first_meta_bg : nr;
}

static inline struct ext2_inode *EXT2_I(struct inode *i) { return container_of(i, struct ext2_inode, vfs); }

/* Is barrier number a later than b? */
static inline bool ext2_seq_after(u32 a, u32 b)
{
	return (s32)(a - b) > 0;
}

/* --- super.c --- */
/* Record damage found on disk; act by errors=. Returns -EUCLEAN. Thread context. */
int __printf(2, 3) ext2_error(struct ext2_sb *s, const char *fmt, ...);
struct ext2_group_desc *ext2_group(struct ext2_sb *s, u32 group);
void ext2_group_dirty(struct ext2_sb *s, u32 group);	/* and the superblock's counters */
bool ext2_has_super(const struct ext2_sb *s, u32 group);	/* or a copy of it */
u32 ext2_gdt_block(const struct ext2_sb *s, u32 i);	/* where block i of the descriptors lies */

/* --- resize.c --- */
long ext2_dir_ioctl(struct file *f, u32 cmd, u64 arg);

/* --- balloc.c --- */
/* One block near goal (0: anywhere in the group); its number, or -ENOSPC, -EIO, -EUCLEAN. */
int ext2_block_alloc(struct ext2_inode *ei, u32 goal, u32 *out);
/* at once: for later.c, and for what never was on disk */
int ext2_block_free(struct ext2_sb *s, u32 block);
bool ext2_block_valid(struct ext2_sb *s, u32 block);	/* may a file own it? */

/* --- ialloc.c --- */
int ext2_inode_alloc(struct inode *dir, umode_t mode, u32 *out);
int ext2_inode_free(struct ext2_sb *s, u32 ino, bool is_dir);	/* at once: for later.c */

/* --- later.c. Context of all: may sleep --- */
/*
 * The block is no more in ei's map. Free after the
 * barrier that ext2_later_commit() names. map_lock held.
 */
void ext2_block_later(struct ext2_inode *ei, u32 block);
/*
 * What was said since is off the map in the cache too: the barrier to come makes it free.
 * Not is_cached: an error kept the map from the cache, and they are lost. map_lock held.
 */
void ext2_later_commit(struct ext2_inode *ei, bool is_cached);
/* Its number is free when its names are off the disk. Its slot has no links in the cache. */
void ext2_number_later(struct inode *inode);
/* what a barrier has made free; sbi->barrier held */
void ext2_later_release(struct ext2_sb *s);
void ext2_later_drop(struct ext2_sb *s);		/* last use */
/* After -ENOSPC: run a barrier if that may free something. True: try again. No map_lock held. */
bool ext2_reclaim(struct ext2_sb *s);
/* barriers in a row: the longest way from a name to its blocks, and some */
#define EXT2_RECLAIM_TRIES	6

/* --- map.c --- */
/* Disk block of file block; *phys 0: a hole (only without create). 0 or -errno. */
int ext2_map(struct ext2_inode *ei, u64 index, bool create, u32 *phys, bool *is_new);
/* The same with create; waits for blocks that are about to be free rather than give -ENOSPC. */
int ext2_map_create(struct ext2_inode *ei, u64 index, u32 *phys, bool *is_new);
int ext2_truncate_blocks(struct ext2_inode *ei, u64 first);	/* free [first, ...) */
u64 ext2_max_blocks(const struct ext2_sb *s);

/* --- inode.c --- */
int ext2_iget(struct superblock *sb, u32 ino, struct inode **out);
int ext2_inode_new(struct inode *dir, umode_t mode, struct inode **out);
int ext2_inode_write(struct inode *inode, bool wait);
/* Its first name, in dir, is in the cache: fill its slot. 0, -EIO, -ENOMEM. dir's rwsem held. */
int ext2_inode_first_write(struct inode *inode, struct inode *dir, u32 barriers);	/* in use so many later */
void ext2_inode_evict(struct inode *inode);
int ext2_setattr(struct inode *inode, const struct iattr *attr);
void ext2_set_ops(struct inode *inode);
bool ext2_is_fast_symlink(const struct ext2_inode *ei);
int ext2_fsync(struct file *f, loff_t start, loff_t end, bool datasync);
/* Where inode ino lies in the table. */
void ext2_slot_place(struct ext2_sb *s, u32 ino, struct ext2_place *out);
int __must_check ext2_slot(struct ext2_sb *s, u32 ino, struct block_ref *ref,
			   struct ext2_raw_inode **raw);

/* --- order.c, barrier.c. Context of all but the filter: may sleep, no metadata block locked --- */
void ext2_order_init(struct ext2_sb *s);		/* before the first block is read */
void ext2_order_start(struct ext2_sb *s);		/* geometry is known */
void ext2_order_stop(struct ext2_sb *s);		/* last use: nothing waits any more, or the device failed */
u32 ext2_seq(struct ext2_sb *s);			/* barrier that covers all that was dirtied before the call */
u32 ext2_seq_of_name(struct inode *dir);		/* the same, for a name in dir and the way to it */
void ext2_seq_load(struct inode *inode);		/* of an inode that was read: what it cannot know */
int ext2_wait(struct ext2_sb *s, u32 seq);		/* barriers until seq is durable */
/*
 * All metadata that is dirty now is on disk, as far as it
 * may be. Joins one under way. 0 or the device's -errno.
 */
int ext2_barrier(struct ext2_sb *s);
/* a barrier, and the end of what waited. No map_lock held */
int ext2_settle(struct ext2_sb *s);
/* until nothing waits but what came meanwhile */
int ext2_drain(struct ext2_sb *s);
/* settle, if something has waited since before */
void ext2_advance(struct superblock *sb, ktime_t before_ns);
/* its slot, written before, is in use on disk under its name */
int ext2_inode_sync(struct inode *inode);
int ext2_names_sync(struct inode *dir);			/* and what it names as well */
void ext2_throttle(struct ext2_sb *s);			/* after hiding: settle if too much waits */

/* raw is inode's slot, its block locked. Put, refresh or take away the mark "not in use yet". */
bool ext2_slot_is_new(const struct ext2_sb *s, const struct ext2_raw_inode *raw);
void ext2_slot_mark(struct ext2_sb *s, struct ext2_raw_inode *raw, u32 seq, u32 parent);
void ext2_slot_unmark(struct ext2_raw_inode *raw);
/* Its links are gone: true if it is not in use on disk, and now never will be. */
bool ext2_slot_retract(struct inode *inode);
/*
 * It has got a name in dir, in the cache. True: it was
 * not in use on disk, and waits for this name now.
 */
bool ext2_slot_named(struct inode *inode, struct inode *dir);
/* Is it in use on disk, for names in it, or for its name to lead to it? */
bool ext2_is_attached(struct inode *inode);
/* a hint: it may come into use at any time */
bool ext2_is_new(struct inode *inode);
int ext2_attach(struct inode *inode);			/* barriers until it is. 0 or -errno */

struct ext2_dep *ext2_dep_alloc(void);
void ext2_dep_free(struct ext2_dep *dep);
/*
 * ei's pointer at offset of block is to a new metadata
 * block, initialized in the cache. Takes dep over.
 */
void ext2_dep_fresh(struct ext2_inode *ei, struct ext2_dep *dep, u32 block, u32 offset);
/*
 * The record, in a locked block of dir, goes when barrier seq has ended. last: its inode's slot
 * has no links in the cache. Takes dep over.
 */
void ext2_dep_hide(struct inode *dir, struct ext2_dep *dep, u32 block, struct ext2_dirent *d,
		   u32 seq, bool last);
/* false: no hidden record of dir is on disk */
bool ext2_may_hide(struct inode *dir);
/* A record of the locked block is EXT2_HELD now; until ext2_dying_add() of the same dep. */
void ext2_dep_held(struct ext2_sb *s, struct ext2_dep *dep, u32 block);
/*
 * inode, without links but on disk as it was, dies: after the barrier that covers what is
 * dirty now, and after those of a directory's records, its links go; then the record that was
 * held for it at the place in dir. Takes d and dep over. ext2_dying_alloc(): NULL, no memory.
 */
struct ext2_dying *ext2_dying_alloc(void);
void ext2_dying_free(struct ext2_dying *d);
void ext2_dying_add(struct ext2_dying *d, struct ext2_dep *dep, struct inode *inode,
		    struct inode *dir, const struct ext2_place *at);

/* --- data.c, dir.c, namei.c, rename.c --- */
extern const struct mapping_ops ext2_mapping_ops;
extern const struct file_ops ext2_file_ops, ext2_dir_fops;
extern const struct inode_ops ext2_dir_ops, ext2_file_inode_ops, ext2_symlink_ops;

/* In memory only, in the type of a record: its name is gone for all but the disk. */
#define EXT2_HIDDEN_EVEN	0x20	/* until a barrier of even number, of odd, */
#define EXT2_HIDDEN_ODD		0x40
#define EXT2_HELD		0x80	/* until its inode has died */
#define EXT2_HIDDEN		0xe0
#define EXT2_NAMED_LAST		0x10	/* beside: its inode's slot has no links in the cache */
void ext2_dir_strip(const struct ext2_sb *s, char *block);	/* a block's copy without such marks */
int ext2_dir_purge(struct ext2_sb *s, u32 block, u8 mark);	/* records with the mark go; 0 or -errno */
struct ext2_dirent *ext2_dir_at(const struct block_ref *r, const struct ext2_place *at);

int ext2_dir_find(struct inode *dir, const struct qstr *name, u32 *ino);	/* -ENOENT */
int ext2_dir_add(struct inode *dir, const struct qstr *name, u32 ino, umode_t mode);	/* name is not there */
/*
 * Before a name is given again, to a new inode or to one in use on disk, that hidden records may
 * have: no two inodes in use may have it on disk. Runs barriers; *barriers: how many more a
 * new inode must wait for. 0 or -errno.
 */
int ext2_name_again(struct inode *dir, const struct qstr *name, bool in_use, u32 *barriers);
/* The same for a name that nobody sees (EXT2_HELD). dep is the caller's still if it fails. */
int ext2_dir_add_held(struct inode *dir, const struct qstr *name, u32 ino, umode_t mode,
		      struct ext2_dep *dep, struct ext2_place *at);
int ext2_dir_set_parent(struct inode *dir, u32 parent);
int ext2_dir_make_empty(struct inode *dir, u32 parent);
int ext2_dir_is_empty(struct inode *dir);	/* 1, 0 or -errno */

/* Find; then one of those below, which cannot fail, and use n up. */
int __must_check ext2_name_find(struct inode *dir, const struct qstr *name, struct ext2_name *n);
/* for hide, hold, and the exchange's from. -ENOMEM */
int __must_check ext2_name_ready(struct ext2_name *n);
int __must_check ext2_name_find_ready(struct inode *dir, const struct qstr *name,
				      struct ext2_name *n);
void ext2_name_put(struct ext2_name *n);
void ext2_name_remove(struct inode *dir, struct ext2_name *n);	/* at once */
/* After barrier seq it goes. last: its inode's slot has no links in the cache. */
void ext2_name_hide(struct inode *dir, struct ext2_name *n, u32 seq, bool last);
/* Hidden until inode, which it names, has died. Takes d over. */
void ext2_name_hold(struct inode *dir, struct ext2_name *n, struct ext2_dying *d,
		    struct inode *inode);
void ext2_name_set(struct inode *dir, struct ext2_name *n, u32 ino, umode_t mode);
/*
 * Both in one block of dir: to names inode; from names replaced, and is held until that has died.
 */
void ext2_name_exchange(struct inode *dir, struct ext2_name *to, struct ext2_name *from,
			struct inode *inode, struct inode *replaced, struct ext2_dying *d);
/* The name becomes to, in its block. False: no room there, nothing changed, n still valid. */
bool ext2_name_change(struct inode *dir, struct ext2_name *n, const struct qstr *to);

int ext2_rename(struct inode *old_dir, struct dentry *old, struct inode *new_dir,
		struct dentry *new, u32 flags);
void ext2_set_nlink(struct inode *inode, u32 n);
void ext2_drop_link(struct inode *inode);
