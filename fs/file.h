/* SPDX-License-Identifier: MIT */
/*
 * Open files and descriptor tables.
 *
 * All transfer goes through one signature: a struct kio (file, position, flags,
 * completion) and a struct iov_iter (user memory, kernel memory or pages), so
 * that read, splice, sendfile, O_DIRECT and io_uring call the same method.
 * Readiness goes through ops->poll and nothing else.
 */
#pragma once
#include <fs/vfs.h>
#include <kernel/mm/iov_iter.h>
#include <kernel/uapi/fcntl.h>

struct poll_table;
struct vma;

struct file_ops {
	/* Bytes, 0 at the end, or -errno; advances kio->pos. NULL: -EINVAL. */
	ssize_t (*read)(struct kio *kio, struct iov_iter *to);
	ssize_t (*write)(struct kio *kio, struct iov_iter *from);
	/*
	 * Up to *nr pages of the cache that hold [pos, pos + len) or its beginning, a reference on
	 * each: bytes, and in *nr how many pages. 0: it has none there, or ends there: read it.
	 * NULL: always read it.
	 */
	ssize_t (*pages)(struct file *f, loff_t pos, size_t len, struct bvec *vec, u32 *nr);
	loff_t (*llseek)(struct file *f, loff_t off, int whence);	/* NULL: -ESPIPE */
	/*
	 * Mask of what is ready now (EPOLL*); adds the
	 * caller's entry to the queues where changes show.
	 */
	u32 (*poll)(struct file *f, struct poll_table *pt);	/* NULL: always readable and writable */
	long (*ioctl)(struct file *f, u32 cmd, u64 arg);	/* NULL: -ENOTTY */
	int (*mmap)(struct file *f, struct vma *vma);		/* NULL: -ENODEV */
	int (*open)(struct inode *inode, struct file *f);
	int (*flush)(struct file *f);				/* each close(2) */
	void (*release)(struct file *f);			/* last reference */
	int (*fsync)(struct file *f, loff_t start, loff_t end, bool datasync);
	int (*iterate)(struct file *f, struct dir_context *ctx);	/* inode rwsem read-held */
	int (*fallocate)(struct file *f, int mode, loff_t off, loff_t len);
	void (*show_fdinfo)(struct file *f, char *buf, size_t len);
	bool async;		/* O_ASYNC: what poll tells is told by SIGIO too */
};

struct file {
	refcount_t refs;
	u32 flags;			/* O_*; file lock (RANK_FILE) for F_SETFL */
	u32 mode;			/* FMODE_* */
	u32 wb_err_seen;		/* write errors reported so far */
	const struct file_ops *ops;
	struct inode *inode;
	struct mapping *mapping;
	loff_t pos;			/* pos_mutex when the file is shared */
	void *private;
	struct path path;
	struct mutex pos_mutex;		/* RANK_FILE_POS */
	struct spinlock lock;		/* RANK_FILE */
	const struct cred *cred;	/* of the opener */
	struct readahead_state ra;	/* pagecache.h */
	struct list_head epoll_items;	/* lock */
	struct file_owner *owner;	/* whom it tells by signal; RCU, lock to change */
	struct async *async;		/* O_ASYNC is set; async.c's */
	struct rcu_head rcu;
};
#define FMODE_READ	BIT(0)
#define FMODE_WRITE	BIT(1)
#define FMODE_LSEEK	BIT(2)
#define FMODE_PREAD	BIT(3)		/* pread and pwrite make sense */
#define FMODE_PATH	BIT(4)		/* O_PATH: names only */
#define FMODE_ATOMIC_POS BIT(5)		/* read and write serialise on pos_mutex if shared */
#define FMODE_NOWAIT	BIT(6)
#define FMODE_WRITER	BIT(7)		/* counted in inode->writers */
#define FMODE_STREAM	BIT(8)		/* no position */
#define FMODE_CREATED	BIT(9)		/* its open made the file */

struct dir_context {
	/* False: full, stop. type: DT_*. */
	bool (*emit)(struct dir_context *ctx, const char *name, u32 len, loff_t pos, u64 ino,
		     u32 type);
	loff_t pos;
};

/*
 * owner.c: F_SETOWN and F_GETOWN, a process or the negative number of a group: 0, -ESRCH, -EINVAL,
 * -ENOMEM; the others with a struct f_owner_ex of the user's. To the owner, if there is one, go:
 * SIGURG, from any context in an RCU read section; SIGIO, from a thread.
 */
long file_set_owner(struct file *f, int who);
int file_get_owner(struct file *f);
long file_set_owner_user(struct file *f, uaddr_t from);
long file_get_owner_user(struct file *f, uaddr_t to);
void file_send_urgent(struct file *f);
void file_send_sigio(struct file *f);
void file_owner_release(struct file *f);	/* f ends */
/* async.c: begin and end to tell the owner; ops->async is set. May sleep. 0, -ENOMEM. */
int __must_check file_set_async(struct file *f, bool on);
void file_async_release(struct file *f);	/* f, which told, ends */
/* May O_DIRECT be set? Its contents are in a page cache that can be gone around. */
bool file_can_direct(const struct file *f);
/* A file without a name in any directory (eventfd, epoll, pipe); NULL and *err. */
struct file *file_create_anon(const char *name, const struct file_ops *ops, void *private,
			      u32 flags, int *err);
/*
 * The same with a descriptor for it (close-on-exec as
 * flags say). Failed: private is still the caller's.
 */
int __must_check fd_create_anon(const char *name, const struct file_ops *ops, void *private,
				u32 flags);
loff_t noop_llseek(struct file *f, loff_t off, int whence);	/* where it is */
/* f was read: see path_accessed(). */
static inline void file_accessed(const struct file *f)
{
	if (likely(!(READ_ONCE(f->flags) & O_NOATIME)))
		path_accessed(&f->path);
}
struct file *file_get(struct file *f);
/* the last one releases: may sleep; from atomic context it is deferred */
void file_put(struct file *f);

/*
 * Descriptors of the current thread. Lookup is lock-free:
 * RCU, or no reference at all if the table is not shared.
 */
struct fd {
	struct file *file;		/* NULL: -EBADF */
	u64 need_put;			/* a word of its own: the struct travels in two registers */
};
struct fd fd_get(int fd);		/* not O_PATH files */
struct fd fd_get_raw(int fd);
static inline void fd_put(struct fd fd)
{
	if (fd.need_put)
		file_put(fd.file);
}
struct file *fd_lookup(int fd);		/* always with a reference; NULL */
int __must_check fd_reserve(u32 flags);	/* O_CLOEXEC; a number, -EMFILE, -ENOMEM */
void fd_install(int fd, struct file *f);	/* takes over the reference; cannot fail */
void fd_release(int fd);		/* undo fd_reserve */
int __must_check fd_reserve_from(u32 from, u32 flags);	/* F_DUPFD: -EINVAL beyond the limit */
int fd_close(int fd);
int __must_check fd_replace(int fd, struct file *f, u32 flags);	/* dup2: takes its own reference */
void fd_close_range(u32 first, u32 last, bool cloexec_only);
int fd_get_cloexec(int fd);
int fd_set_cloexec(int fd, bool on);
u32 fd_table_size(void);		/* no descriptor is at or above it */
int file_close(struct file *f);		/* flush and put: the result is close(2)'s */
struct file *file_alloc(u32 flags);	/* without inode, path or ops; NULL: no memory */
void file_free(struct file *f);		/* undo file_alloc */

struct files;
struct files *files_fork(struct files *old, int *err);	/* a copy */
struct files *files_get(struct files *f);
void files_put(struct files *f);
int files_unshare(void);
void files_close_on_exec(struct files *f);
/*
 * Another thread's table, for /proc: never kept, only looked at under t->process->lock.
 * A file with a reference or NULL; the first open number from from on or -1; the
 * table's size, 0 without one; open descriptors.
 */
struct file *files_lookup_of(struct thread *t, u32 fd, bool *cloexec);
int files_next_of(struct thread *t, u32 from);
u32 files_size_of(struct thread *t);
u32 files_count_of(struct thread *t);

struct fs {				/* cwd, root, umask */
	refcount_t refs;
	struct spinlock lock;		/* RANK_FS */
	seqcount_t seq;
	struct path cwd, root;
	umode_t umask;
};
struct fs *fs_fork(struct fs *old);
struct fs *fs_get(struct fs *fs);
void fs_put(struct fs *fs);
extern struct fs init_fs;		/* the boot thread's */
/* Take references to *path; the old ones are put. */
void fs_change_root(struct fs *fs, const struct path *path);
void fs_change_cwd(struct fs *fs, const struct path *path);
void fs_get_root(struct fs *fs, struct path *path);	/* with references */
void fs_get_cwd(struct fs *fs, struct path *path);
/*
 * Of another thread: its root or working directory with
 * references, or -ENOENT where it has ended; its umask or -1.
 */
int fs_path_of(struct thread *t, bool root, struct path *path);
int fs_umask_of(struct thread *t);
int files_init(void);			/* caches of files and tables; boot */
void anon_init(void);

/* against the inode's size */
loff_t generic_file_llseek(struct file *f, loff_t off, int whence);
/* against this one; most: the last position there is */
loff_t sized_llseek(struct file *f, loff_t off, int whence, loff_t size, loff_t most);
/* May the caller make it as large? 0; -EFBIG, where RLIMIT_FSIZE forbids it with SIGXFSZ. */
int inode_check_growth(const struct inode *inode, loff_t size);
/*
 * 0 or -errno; takes the inode's rwsem. times: ATTR_MTIME to set it even if the size is the same.
 */
int file_truncate(const struct path *path, loff_t size, u32 times);
/* Any attributes: writable mount, locks, permission. */
int vfs_setattr(const struct path *path, struct iattr *attr);
/* as an open for writing; false: a program is being run from it */
bool inode_writers_inc(struct inode *inode);
/* Kernel-side transfer to kernel memory. */
ssize_t kernel_read(struct file *f, void *buf, size_t len, loff_t *pos);
/* from any kind of memory; flags: KIO_*, beside the file's own */
ssize_t file_write_iter(struct file *f, struct iov_iter *from, loff_t *pos, u32 flags);
/*
 * What is written in [start, end] is on the disk: 0, or -errno, also of writes that failed
 * since f was told last. Context: may sleep.
 */
int file_sync(struct file *f, loff_t start, loff_t end, bool datasync);
ssize_t kernel_write(struct file *f, const void *buf, size_t len, loff_t *pos);
