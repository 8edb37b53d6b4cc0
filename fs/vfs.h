/* SPDX-License-Identifier: MIT */
/*
 * The virtual file system: inodes, dentries, superblocks, mounts.
 *
 *   struct file  --path-->  struct mount + struct dentry  -->  struct inode  -->  struct superblock
 *
 * A name in a directory is a dentry; what it names is an inode; both are cached
 * and shrink under memory pressure. Path walk is lock-free on cache hits (RCU
 * and sequence counts: namei.c) and falls back to a walk with references.
 *
 * Reference counts keep objects alive; what they hold together is guarded so:
 *   dentry name, parent, inode   d_lock and d_seq (writers: also the parent's inode rwsem)
 *   inode contents, attributes   inode->rwsem (write for changes)
 *   inode flags and lists        inode->lock
 */
#pragma once
#include <kernel/types.h>
#include <kernel/errno.h>
#include <kernel/lib/list.h>
#include <kernel/lib/atomic.h>
#include <kernel/lock/mutex.h>
#include <kernel/lock/rcu.h>
#include <kernel/lock/seqcount.h>
#include <kernel/mm/pagecache.h>
#include <kernel/time/hrtimer.h>
#include <kernel/uapi/stat.h>

struct file;
struct file_ops;
struct inode;
struct dentry;
struct superblock;
struct mount;
struct blockdev;
struct pipe;
struct chrdev;
struct dir_context;
struct path;

#define NAME_MAX	255
#define PATH_MAX	4096

/* --- inode --- */
struct iattr {
	u32 valid;			/* ATTR_* */
	umode_t mode;
	uid_t uid;
	gid_t gid;
	loff_t size;
	struct timespec64 atime, mtime, ctime;
};
#define ATTR_MODE	BIT(0)
#define ATTR_UID	BIT(1)
#define ATTR_GID	BIT(2)
#define ATTR_SIZE	BIT(3)
#define ATTR_ATIME	BIT(4)
#define ATTR_MTIME	BIT(5)
#define ATTR_ATIME_SET	BIT(6)	/* to the given value, else now */
#define ATTR_MTIME_SET	BIT(7)
#define ATTR_FORCE	BIT(8)	/* no permission check: kernel's own (suid removal) */
#define ATTR_KILL_PRIV	BIT(9)	/* set-id bits go: the owner or the contents change */
#define ATTR_TOUCH	BIT(10)	/* times to now: whoever may write may */
#define ATTR_TIMES_SET	BIT(11)	/* times given one by one: the owner only, even for now */

/*
 * Context of all: may sleep. dir's rwsem is write-held
 * in those that change dir, read-held in lookup.
 */
struct inode_ops {
	/* Fill dentry with the inode (dentry_instantiate) or leave it negative. 0 or -errno. */
	int (*lookup)(struct inode *dir, struct dentry *dentry);
	int (*create)(struct inode *dir, struct dentry *dentry, umode_t mode);
	int (*link)(struct inode *inode, struct inode *dir, struct dentry *dentry);
	int (*unlink)(struct inode *dir, struct dentry *dentry);
	int (*symlink)(struct inode *dir, struct dentry *dentry, const char *target);
	int (*mkdir)(struct inode *dir, struct dentry *dentry, umode_t mode);
	int (*rmdir)(struct inode *dir, struct dentry *dentry);
	int (*mknod)(struct inode *dir, struct dentry *dentry, umode_t mode, dev_t dev);
	/* flags: RENAME_NOREPLACE is checked by the VFS, RENAME_EXCHANGE passed on or -EINVAL. */
	int (*rename)(struct inode *old_dir, struct dentry *old, struct inode *new_dir,
		      struct dentry *new, u32 flags);
	/*
	 * The target text: kept valid until put by the caller's put() if set; ERR_PTR on failure.
	 */
	const char *(*get_link)(struct inode *inode, struct dentry *dentry,
				void (**put)(const char *), const char **arg);
	/* NULL: the cached inode only */
	int (*setattr)(struct inode *inode, const struct iattr *attr);
	/* NULL: from the cached inode */
	int (*getattr)(struct inode *inode, struct kstat *st, u32 mask);
	/* NULL: mode bits */
	int (*permission)(struct inode *inode, int mask);
	int (*tmpfile)(struct inode *dir, struct dentry *dentry, umode_t mode);
	/*
	 * Jump links of /proc (fd/N, exe, cwd): put the
	 * destination into *path; NULL for text links.
	 */
	int (*jump_link)(struct inode *inode, struct path *path);
};

struct inode {
	/* Read by path walk: keep together. */
	umode_t mode;
	uid_t uid;
	gid_t gid;
	refcount_t refs;
	const struct inode_ops *ops;
	struct superblock *sb;
	const struct file_ops *fops;	/* given to files opened on it */
	u64 ino;

	u32 nlink;			/* rwsem */
	dev_t rdev;			/* of device nodes */
	u32 blkbits;
	atomic_t writers;		/* >0: opened for write; <0: denied (text busy) */
	loff_t size;			/* rwsem write; read with READ_ONCE */
	u64 blocks;			/* 512-byte units; lock */
	struct timespec64 atime, mtime, ctime;	/* lock */

	struct rwsem rwsem;		/* RANK_INODE */
	struct spinlock lock;		/* RANK_INODE_STATE: state and lists below */
	u32 state;			/* INODE_STATE_* */
	struct hlist_node hash_node;
	struct list_head sb_node;
	union {
		struct list_head dirty_node;
		struct rcu_head rcu;	/* evicted, and so on no list */
	};
	u64 dirtied_when_ns;

	struct mapping *mapping;	/* its contents in pages; constant; NULL: it has none */
	struct list_head dentries;	/* aliases; lock */
	union {
		struct pipe *pipe;
		struct blockdev *bdev;
		struct chrdev *cdev;
		void *private;
	};
	struct file_lock_context *locks;
};
/* One with contents in pages, for file systems that keep nothing else: see super_ops. */
struct data_inode {
	struct inode inode;		/* must be first */
	struct mapping data;
};

#define INODE_STATE_NEW		BIT(0)	/* being filled: others wait */
#define INODE_STATE_DIRTY	BIT(1)	/* attributes newer than the disk */
#define INODE_STATE_DIRTY_DATA	BIT(2)	/* data sync needs the inode too (size) */
#define INODE_STATE_DIRTY_PAGES	BIT(3)
#define INODE_STATE_FREEING	BIT(4)
#define INODE_STATE_SYNC	BIT(5)
#define INODE_STATE_LINKABLE	BIT(6)	/* O_TMPFILE: without a name, but may get one; rwsem */

/* Allocates through sb->ops->inode_alloc; refs 1. NULL: no memory. */
struct inode *inode_new(struct superblock *sb);
/*
 * Cached inode by number; *out->state has INODE_STATE_NEW if the caller must fill it and call
 * inode_ready() or inode_failed().
 */
int inode_lookup(struct superblock *sb, u64 ino, struct inode **out);
void inode_ready(struct inode *inode);
void inode_failed(struct inode *inode);
/* after creating it with a number of its own */
void inode_hash(struct inode *inode);
struct inode *inode_get(struct inode *inode);
void inode_put(struct inode *inode);
void inode_mark_dirty(struct inode *inode, u32 what);	/* INODE_STATE_DIRTY* */
/*
 * Before its attributes are written (fsync): pages
 * stay as they are, and so does its place on the list.
 */
void inode_clear_dirty(struct inode *inode);
int inode_permission(struct inode *inode, int mask);	/* MAY_*; 0 or -EACCES ... */
int inode_mode_permission(const struct inode *inode, int mask);	/* by mode bits and capabilities alone */
bool inode_owner_or_capable(const struct inode *inode);	/* the caller owns it, or has CAP_FOWNER */
int inode_setattr_check(struct inode *inode, const struct iattr *attr);
void inode_setattr_copy(struct inode *inode, const struct iattr *attr);
/* fsuid, setgid dirs */
void inode_init_owner(struct inode *inode, const struct inode *dir, umode_t mode);
/* ATTR_*TIME to now, and without ATTR_ATIME the ctime; dirty */
void inode_touch(struct inode *inode, u32 attr_times);
int inode_stat(struct inode *inode, struct kstat *st);
struct timespec64 inode_now(const struct inode *inode);
#define MAY_EXEC	1
#define MAY_WRITE	2
#define MAY_READ	4
#define MAY_APPEND	8

/* --- dentry --- */
#define DENTRY_INLINE_LEN	32
struct qstr {
	u32 hash, len;
	const char *name;
};
struct dentry {
	/* RCU walk touches these first. */
	u32 flags;
	seqcount_t seq;			/* changes of name, parent, inode */
	struct hlist_node hash_node;
	struct dentry *parent;
	struct qstr name;
	struct inode *inode;		/* NULL: negative */
	char inline_name[DENTRY_INLINE_LEN];

	struct spinlock lock;		/* RANK_DCACHE; child under parent: sublevel 1 */
	s32 refs;			/* atomic; dying: -128 */
	const struct dentry_ops *ops;
	struct superblock *sb;
	union {
		struct list_head lru_node;
		struct rcu_head rcu;	/* dead, and so on no list */
	};
	struct list_head child_node;	/* in parent's children; parent->lock */
	struct list_head children;
	u64 place;			/* grows along the parent's children; parent->lock */
	u64 next_place;			/* for a new child; lock */
	struct list_head alias_node;	/* in inode->dentries; inode->lock */
};
struct dentry_ops {
	/*
	 * Is the cached answer still true? In RCU walk
	 * (flag): -EAGAIN to be asked again with references.
	 */
	int (*revalidate)(struct dentry *dentry, u32 flags);
	void (*release)(struct dentry *dentry);
	/* cache it after the last reference? NULL: yes */
	bool (*keep)(const struct dentry *dentry);
	char *(*dynamic_name)(struct dentry *dentry, char *buf, size_t len);	/* pipe:[N] */
};
#define DENTRY_MOUNTED	BIT(0)		/* something may be mounted here */
#define DENTRY_HASHED	BIT(1)
#define DENTRY_ON_LRU	BIT(2)

struct dentry *dentry_alloc(struct dentry *parent, const struct qstr *name);
/* takes over the inode reference, also on failure */
struct dentry *dentry_alloc_root(struct inode *inode);
struct dentry *dentry_get(struct dentry *d);
void dentry_put(struct dentry *d);
/* takes over the inode reference; NULL: negative */
void dentry_instantiate(struct dentry *d, struct inode *inode);
/*
 * The same for what a disk says. False, and nothing done, where the inode is a directory
 * that has a name already: a path through the second could meet itself, and operations
 * would lock one inode twice.
 */
bool __must_check dentry_instantiate_found(struct dentry *d, struct inode *inode);
void dentry_drop(struct dentry *d);				/* unhash: nobody finds it again */
void dentry_delete(struct dentry *d);				/* after unlink: negative or unhashed */

/* --- superblock, mount, file-system type --- */
struct kstatfs;
struct super_ops {
	/*
	 * Zeroed, but that inode->mapping is set where it has contents in pages. NULL: plain struct
	 * inode, without; for a struct data_inode: data_inode_alloc and data_inode_free.
	 */
	struct inode *(*inode_alloc)(struct superblock *sb);
	void (*inode_free)(struct inode *inode);		/* RCU callback context */
	int (*inode_write)(struct inode *inode, bool wait);	/* attributes to disk */
	void (*inode_evict)(struct inode *inode);		/* last reference; nlink 0: free its blocks */
	int (*sync_fs)(struct superblock *sb, bool wait);
	/*
	 * From the flusher: a step on for what has waited
	 * in it since before the time. NULL: nothing does.
	 */
	void (*advance)(struct superblock *sb, ktime_t before_ns);
	void (*put_super)(struct superblock *sb);
	int (*statfs)(struct superblock *sb, struct kstatfs *st);
	int (*remount)(struct superblock *sb, u32 *flags, char *options);
	void (*show_options)(struct superblock *sb, char *buf, size_t len);
};
struct superblock {
	refcount_t refs;
	dev_t dev;
	u32 flags;			/* SB_* = MS_* values */
	u32 blocksize, blkbits;
	u32 magic;
	loff_t max_bytes;
	u32 time_granularity_ns;
	const struct super_ops *ops;
	const struct fstype *type;
	struct dentry *root;
	struct blockdev *bdev;
	char id[32];			/* device name in /proc/mounts */
	void *private;
	struct spinlock lock;		/* RANK_SB_LISTS */
	struct list_head inodes, dirty_inodes;
	struct mutex rename_mutex;	/* RANK_FS_RENAME */
	struct rwsem umount;		/* RANK_SB */
	struct list_head all_node;
	u32 wb_err;
};
#define SB_RDONLY	1
#define SB_NOSUID	2
#define SB_NOEXEC	8
#define SB_SYNCHRONOUS	16

struct fstype {
	const char *name;
	u32 flags;			/* FSTYPE_* */
	/* 0 and *out a superblock with root set, or -errno. source: device path or any text. */
	int (*mount)(const struct fstype *type, u32 flags, const char *source, char *options,
		     struct superblock **out);
	void (*kill)(struct superblock *sb);
};
#define FSTYPE_NEEDS_DEV	BIT(0)
/* every name has a reference of its own: there is nothing below the cache */
#define FSTYPE_PINS_NAMES	BIT(1)
#define FILESYSTEM(id) \
	static const struct fstype fstype_##id \
	__attribute__((used, section("filesystems"), aligned(_Alignof(struct fstype))))
struct inode *data_inode_alloc(struct superblock *sb);
void data_inode_free(struct inode *inode);
struct superblock *superblock_alloc(const struct fstype *type, u32 flags);
void superblock_put(struct superblock *sb);

struct path {
	struct mount *mnt;
	struct dentry *dentry;
};
struct mount {
	struct mount *parent;		/* mount lock to write; RCU */
	struct dentry *mountpoint;
	struct dentry *root;
	struct superblock *sb;
	u32 flags;
	u32 id;
	refcount_t refs;
	struct hlist_node hash_node;	/* by (parent, mountpoint) */
	struct list_head children, child_node, ns_node;
	struct mnt_namespace *ns;	/* NULL: in no tree, ever */
	struct path was_at;		/* by who has detached it */
	struct rcu_head rcu;
};
void path_get(const struct path *p);
void path_put(const struct path *p);
/*
 * What path names was read: its time of access moves where its mount and relatime's rule want it.
 */
void path_accessed(const struct path *path);

/* --- looking up --- */
#define LOOKUP_FOLLOW		BIT(0)
#define LOOKUP_DIRECTORY	BIT(1)
#define LOOKUP_PARENT		BIT(2)
#define LOOKUP_EMPTY		BIT(4)	/* AT_EMPTY_PATH */
#define LOOKUP_NO_MAGIC		BIT(5)
/* openat2's: what the walk may not do. */
#define LOOKUP_NO_SYMLINKS	BIT(7)	/* -ELOOP */
#define LOOKUP_NO_XDEV		BIT(8)	/* change the mount: -EXDEV */
#define LOOKUP_BENEATH		BIT(9)	/* leave dfd: -EXDEV */
#define LOOKUP_IN_ROOT		BIT(10)	/* dfd is the root */
#define LOOKUP_CACHED		BIT(11)	/* -EAGAIN rather than sleep */
#define LOOKUP_SCOPED		(LOOKUP_BENEATH | LOOKUP_IN_ROOT)
/* 0 and *path with references, or -errno. dfd: AT_FDCWD or a directory's descriptor. */
int path_lookup_user(int dfd, uaddr_t name, u32 flags, struct path *path);
int path_lookup_kernel(const char *name, u32 flags, struct path *path);	/* from the caller's root */
char *path_to_string(const struct path *path, char *buf, size_t size);	/* in buf's end; ERR_PTR */
struct file *file_open_kernel(const char *name, int flags, umode_t mode, int *err);
struct file *file_open_path(const struct path *path, int flags, int *err);
/*
 * exec: an executable regular file (-EACCES) that nobody has open for writing (-ETXTBSY); NULL and
 * *err. Nobody can open it for writing until its last file_put(). at_flags: AT_EMPTY_PATH,
 * AT_SYMLINK_NOFOLLOW.
 */
struct file *file_open_exec(int dfd, const char *name, int at_flags, int *err);

int vfs_init_caches(void);
void vfs_sync_all(void);		/* sync(2) */
void vfs_writeback_init(void);
struct flush_work;
int superblock_sync(struct superblock *sb);	/* all of it is on the disk: 0 or -errno */
void superblock_write_inodes(struct superblock *sb, struct flush_work *w);	/* dirty ones; syncfs, umount */
/* The superblock after sb, with a reference; drops sb's. NULL: the first, and after the last. */
struct superblock *superblock_next(struct superblock *sb);
int vfs_mount_root(const char *source, const char *type, u32 flags);
int vfs_unpack_initramfs(const void *data, size_t len);	/* cpio newc into the root tmpfs */
