/* SPDX-License-Identifier: MIT */
/*
 * Opening and closing: from a path to a struct file in the descriptor table.
 *
 * An open without O_CREAT is a lookup and then file_open_path(). With O_CREAT
 * the walk stops at the parent; the last name is looked up with the directory
 * locked, and created if it is not there. A last name that is a link sends the
 * open back to the plain lookup, unless its target is missing.
 *
 * openat2's restrictions are flags of the walk (namei.c).
 *
 * inode->writers counts opens for writing when positive, programs being run
 * when negative: -ETXTBSY either way.
 *
 * Not here: what is done with an open file's flags (fcntl.c).
 */
#include <fs/chrdev.h>
#include <fs/file.h>
#include <fs/mount.h>
#include <fs/namei.h>
#include <kernel/lib/string.h>
#include <kernel/uapi/syscall.h>
#include <kernel/task/cred.h>
#include <kernel/task/thread.h>
#include <kernel/uapi/fcntl.h>
#include <arch/uaccess.h>

#define OPEN_FLAGS	(O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND | O_NONBLOCK | O_SYNC | \
			 O_ASYNC | O_DIRECT | O_LARGEFILE | O_DIRECTORY | O_NOFOLLOW | O_NOATIME | O_CLOEXEC | \
			 O_PATH | O_TMPFILE_BIT)
#define PATH_FLAGS	(O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)	/* what O_PATH goes with */

#define RESOLVE_BENEATH	0x08u
#define RESOLVE_IN_ROOT	0x10u
#define RESOLVE_CACHED	0x20u
#define RESOLVE_ALL	0x3fu

struct open_how {			/* the ABI's; resolve is LOOKUP_* once checked */
	u64 flags, mode, resolve;
};

bool inode_writers_inc(struct inode *inode)
{
	s32 v = atomic_read(&inode->writers);

	do {
		if (v < 0)
			return false;
	} while (!__atomic_compare_exchange_n(&inode->writers.v, &v, v + 1, true,
					      __ATOMIC_ACQ_REL, __ATOMIC_RELAXED));
	return true;
}

static bool writers_deny(struct inode *inode)
{
	s32 v = atomic_read(&inode->writers);

	do {
		if (v > 0)
			return false;
	} while (!__atomic_compare_exchange_n(&inode->writers.v, &v, v - 1, true,
					      __ATOMIC_ACQ_REL, __ATOMIC_RELAXED));
	return true;
}

void file_deny_write_release(struct file *f)
{
	atomic_inc(&f->inode->writers);
}

static int may_open(const struct path *path, int flags, u32 mode)
{
	struct inode *inode = path->dentry->inode;
	int mask = (mode & FMODE_READ ? MAY_READ : 0) |
		   ((mode & FMODE_WRITE) || (flags & O_TRUNC) ? MAY_WRITE : 0);
	int err;

	if (S_ISLNK(inode->mode))
		return -ELOOP;
	if (S_ISDIR(inode->mode) && (mask & MAY_WRITE))
		return -EISDIR;
	if ((S_ISCHR(inode->mode) || S_ISBLK(inode->mode)) && (path->mnt->flags & MS_NODEV))
		return -EACCES;
	if ((mask & MAY_WRITE) && S_ISREG(inode->mode)) {
		err = mount_want_write(path->mnt);
		if (err)
			return err;
	}
	err = inode_permission(inode, mask);
	if (err)
		return err;
	if ((flags & O_NOATIME) && !inode_owner_or_capable(inode))
		return -EPERM;
	return 0;
}

/* Attach f to path, whose references it takes over. Permission has been checked. */
static int file_attach(struct file *f, const struct path *path)
{
	struct inode *inode = path->dentry->inode;
	int err;

	f->path = *path;
	f->inode = inode;
	f->mapping = inode->mapping;
	f->ops = inode->fops;
	f->wb_err_seen = f->mapping ? mapping_error_sample(f->mapping) : 0;
	if (S_ISREG(inode->mode))
		f->mode |= FMODE_LSEEK | FMODE_PREAD | FMODE_ATOMIC_POS;
	else if (S_ISDIR(inode->mode) || S_ISBLK(inode->mode))
		f->mode |= FMODE_LSEEK | FMODE_PREAD | FMODE_ATOMIC_POS;
	else if (S_ISCHR(inode->mode))
		f->mode |= FMODE_LSEEK | FMODE_PREAD;
	if (!f->ops)
		return -ENXIO;
	if (unlikely(f->flags & O_DIRECT) && !file_can_direct(f)) {
		f->ops = NULL;	/* never opened: nothing to release */
		return -EINVAL;
	}
	if ((f->mode & FMODE_WRITE) && S_ISREG(inode->mode)) {
		if (!inode_writers_inc(inode)) {
			f->ops = NULL;
			return -ETXTBSY;
		}
		f->mode |= FMODE_WRITER;
	}
	err = f->ops->open ? f->ops->open(inode, f) : 0;
	if (err)
		f->ops = NULL;
	return err;
}

/*
 * Takes over path's references, also on failure. created: permission and truncation do not apply.
 */
static struct file *open_path_consume(const struct path *path, int flags, bool created, int *err)
{
	struct file *f = file_alloc(flags & ~(O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_CLOEXEC));

	if (!f) {
		path_put(path);
		*err = -ENOMEM;
		return NULL;
	}
	if (flags & O_PATH) {
		static const struct file_ops no_ops;

		f->mode = FMODE_PATH;
		f->path = *path;
		f->inode = path->dentry->inode;
		f->ops = &no_ops;
		return f;
	}
	/*
	 * For the open method alone: a terminal asks whether it may become the
	 * controlling one, a block device whether it is to be claimed.
	 */
	f->flags |= flags & (O_NOCTTY | O_EXCL);
	*err = created ? 0 : may_open(path, flags, f->mode);
	if (created)
		f->mode |= FMODE_CREATED;
	if (*err)
		f->path = *path;
	else
		*err = file_attach(f, path);
	f->flags &= ~(u32)(O_NOCTTY | O_EXCL);
	if (!*err && (flags & O_TRUNC) && !created && S_ISREG(f->inode->mode))
		*err = file_truncate(path, 0, ATTR_MTIME);
	if (*err) {
		file_put(f);
		return NULL;
	}
	return f;
}

struct file *file_open_path(const struct path *path, int flags, int *err)
{
	path_get(path);
	return open_path_consume(path, flags, false, err);
}

/*
 * The name with its directory locked: open it or make it. It is a link: NULL without error, and
 * *link with references.
 */
static struct file *open_last(struct parent_path *pp, const struct open_how *how, struct path *link,
			      int *err)
{
	struct inode *dir = pp->path.dentry->inode;
	struct path path = { .mnt = pp->path.mnt };
	bool created = false;
	int flags = (int)how->flags;

	*err = rwsem_write_lock_killable(&dir->rwsem);
	if (*err)
		return NULL;
	*err = lookup_one_locked(pp->path.dentry, &pp->last, &path.dentry);
	if (!*err && !path.dentry->inode) {
		*err = pp->slash ? -EISDIR : mount_want_write(path.mnt);
		if (!*err)
			*err = vfs_create(dir, path.dentry, S_IFREG | (how->mode & S_IALLUGO & ~current->fs->umask));
		if (*err)
			dentry_put(path.dentry);
		created = true;
	}
	rwsem_write_unlock(&dir->rwsem);
	if (*err)
		return NULL;
	refcount_inc(&path.mnt->refs);
	if (created)
		return open_path_consume(&path, flags, true, err);
	if (flags & O_EXCL) {
		*err = -EEXIST;
		path_put(&path);
		return NULL;
	}
	mount_cross(&path);
	if (unlikely((how->resolve & LOOKUP_NO_XDEV) && path.mnt != pp->path.mnt)) {
		*err = -EXDEV;
		path_put(&path);
		return NULL;
	}
	if (S_ISLNK(path.dentry->inode->mode) && !(flags & O_NOFOLLOW)) {
		*link = path;
		return NULL;
	}
	if (S_ISDIR(path.dentry->inode->mode))
		*err = -EISDIR;
	else if (pp->slash)
		*err = -ENOTDIR;
	if (*err) {
		path_put(&path);
		return NULL;
	}
	return open_path_consume(&path, flags, false, err);
}

struct link_text {
	const char *text, *arg;
	void (*put)(const char *);
	struct path link;		/* keeps it */
};

static void link_text_put(struct link_text *t)
{
	if (!t->link.dentry)
		return;
	if (t->put)
		t->put(t->arg);
	path_put(&t->link);
	t->link.dentry = NULL;
}

/* Takes over link's references. */
static int link_text_get(struct link_text *t, const struct path *link)
{
	struct inode *inode = link->dentry->inode;

	*t = (struct link_text){ .link = *link };
	path_accessed(link);
	t->text = inode->ops->get_link(inode, link->dentry, &t->put, &t->arg);
	if (!IS_ERR(t->text))
		return *t->text ? 0 : -ENOENT;
	path_put(&t->link);
	t->link.dentry = NULL;
	return PTR_ERR(t->text);
}

/* A link of /proc. Takes over link's references. */
static struct file *open_jump(const struct path *link, const struct open_how *how, int *err)
{
	struct inode *inode = link->dentry->inode;
	struct path to;

	*err = how->resolve & LOOKUP_NO_MAGIC ? -ELOOP : how->resolve & LOOKUP_SCOPED ? -EXDEV :
	       inode->ops->jump_link(inode, &to);
	path_put(link);
	return *err ? NULL : open_path_consume(&to, (int)how->flags, false, err);
}

/* A last name that is a link is replaced by its text, to be walked from the link's directory. */
static struct file *open_create(int dfd, const char *name, const struct open_how *how, int *err)
{
	struct link_text text = { 0 }, next;
	struct parent_path pp, up;
	struct file *f = NULL;
	struct path link;

	*err = filename_parent(dfd, name, how->resolve, &pp);
	if (*err)
		return NULL;
	for (u32 links = 0;; links++) {
		link.dentry = NULL;
		if (pp.type != LAST_NORM)
			*err = how->flags & O_EXCL ? -EEXIST : -EISDIR;
		else
			f = open_last(&pp, how, &link, err);
		if (*err || f)
			break;
		if (links == MAX_LINKS || (how->resolve & LOOKUP_NO_SYMLINKS)) {
			*err = -ELOOP;
			path_put(&link);
			break;
		}
		if (link.dentry->inode->ops->jump_link) {
			f = open_jump(&link, how, err);
			break;
		}
		*err = link_text_get(&next, &link);
		if (*err)
			break;
		link_text_put(&text);	/* the name just looked up was in it */
		text = next;
		*err = filename_parent_at(dfd, &pp.path, text.text, how->resolve, &up);
		path_put(&pp.path);
		if (*err) {
			link_text_put(&text);
			return NULL;
		}
		pp = up;
	}
	link_text_put(&text);
	path_put(&pp.path);
	return f;
}

/* A file in dir without a name. */
static struct dentry *create_unnamed(const struct path *dir, const struct open_how *how, int *err)
{
	struct inode *inode = dir->dentry->inode;
	struct dentry *d;
	struct qstr name;

	*err = mount_want_write(dir->mnt);
	if (!*err)
		*err = inode_permission(inode, MAY_WRITE | MAY_EXEC);
	if (!*err && !inode->ops->tmpfile)
		*err = -EOPNOTSUPP;
	if (*err)
		return NULL;
	qstr_init(&name, "#unnamed", 8);
	d = dentry_alloc(dir->dentry, &name);
	if (!d) {
		*err = -ENOMEM;
		return NULL;
	}
	*err = inode->ops->tmpfile(inode, d, S_IFREG | (how->mode & S_IALLUGO & ~current->fs->umask));
	if (*err) {
		dentry_put(d);
		return NULL;
	}
	if (!(how->flags & O_EXCL))
		d->inode->state |= INODE_STATE_LINKABLE;	/* nobody else has seen it */
	return d;
}

static struct file *open_tmpfile(int dfd, const char *name, const struct open_how *how, int *err)
{
	struct path dir, path;

	*err = filename_lookup(dfd, name, LOOKUP_FOLLOW | LOOKUP_DIRECTORY | how->resolve, &dir);
	if (*err)
		return NULL;
	path = (struct path){ dir.mnt, create_unnamed(&dir, how, err) };
	dentry_put(dir.dentry);
	if (!path.dentry) {
		mount_put(path.mnt);
		return NULL;
	}
	return open_path_consume(&path, (int)how->flags, true, err);
}

static struct file *open_name(int dfd, const char *name, const struct open_how *how, int *err)
{
	u32 lookup = how->resolve | (how->flags & O_NOFOLLOW ? 0 : LOOKUP_FOLLOW) |
		     (how->flags & O_DIRECTORY ? LOOKUP_DIRECTORY : 0);
	struct path path;

	if (how->flags & O_TMPFILE_BIT)
		return open_tmpfile(dfd, name, how, err);
	if (how->flags & O_CREAT)
		return open_create(dfd, name, how, err);
	*err = filename_lookup(dfd, name, lookup, &path);
	return *err ? NULL : open_path_consume(&path, (int)how->flags, false, err);
}

struct file *file_open_kernel(const char *name, int flags, umode_t mode, int *err)
{
	return open_name(AT_FDCWD, name, &(struct open_how){ (u32)flags, mode, 0 }, err);
}

struct file *file_open_exec(int dfd, const char *name, int at_flags, int *err)
{
	u32 lookup = (at_flags & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW) |
		     (at_flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0);
	struct path path;
	struct inode *inode;
	struct file *f;

	*err = filename_lookup(dfd, name, lookup, &path);
	if (*err)
		return NULL;
	inode = path.dentry->inode;
	if (S_ISLNK(inode->mode))
		*err = -ELOOP;
	else if (!S_ISREG(inode->mode) || (path.mnt->flags & MS_NOEXEC))
		*err = -EACCES;
	else
		*err = inode_permission(inode, MAY_EXEC);
	if (!*err && !writers_deny(inode))
		*err = -ETXTBSY;
	if (*err) {
		path_put(&path);
		return NULL;
	}
	f = open_path_consume(&path, O_RDONLY, true, err);
	if (!f)
		atomic_inc(&inode->writers);
	return f;
}

/* The flags that Linux knows: nothing that contradicts itself. 0 or -EINVAL. */
static int open_flags_check(u64 flags)
{
	if (flags & O_TMPFILE_BIT) {
		if ((flags & (O_TMPFILE | O_CREAT)) != O_TMPFILE)
			return -EINVAL;
		if ((flags & O_ACCMODE) == O_RDONLY)
			return -EINVAL;
	} else if ((flags & O_DIRECTORY) && (flags & O_CREAT)) {
		return -EINVAL;
	}
	return 0;
}

static long do_open(int dfd, uaddr_t name, const struct open_how *how)
{
	struct filename fn;
	struct file *f;
	int fd, err = open_flags_check(how->flags);

	if (err)
		return err;
	err = filename_get(&fn, name, 0);
	if (err)
		return err;
	fd = fd_reserve((u32)how->flags);
	if (fd >= 0) {
		f = open_name(dfd, fn.name, how, &err);
		if (f) {
			fd_install(fd, f);
		} else {
			fd_release(fd);
			fd = err;
		}
	}
	filename_put(&fn);
	return fd;
}

long sys_openat(int dfd, uaddr_t name, int flags, umode_t mode)
{
	struct open_how how = { .flags = ((u32)flags | O_LARGEFILE) & OPEN_FLAGS, .mode = mode };

	if (flags & O_PATH)
		how.flags &= PATH_FLAGS;
	return do_open(dfd, name, &how);
}

/* openat2's resolve as LOOKUP_*. */
static u32 resolve_flags(u64 resolve)
{
	static const u32 lookup[] = {
		LOOKUP_NO_XDEV, LOOKUP_NO_MAGIC, LOOKUP_NO_SYMLINKS,
		LOOKUP_BENEATH, LOOKUP_IN_ROOT,  LOOKUP_CACHED,
	};
	u32 flags = 0;

	for (u32 i = 0; i < ARRAY_SIZE(lookup); i++)
		flags |= resolve & BIT(i) ? lookup[i] : 0;
	return flags;
}

static int open_how_check(const struct open_how *how)
{
	if ((how->flags & ~(u64)OPEN_FLAGS) || (how->resolve & ~RESOLVE_ALL))
		return -EINVAL;
	if ((how->resolve & RESOLVE_BENEATH) && (how->resolve & RESOLVE_IN_ROOT))
		return -EINVAL;
	if (how->flags & (O_CREAT | O_TMPFILE_BIT) ? how->mode & ~(u64)S_IALLUGO : how->mode)
		return -EINVAL;
	if ((how->flags & O_PATH) && (how->flags & ~(u64)PATH_FLAGS))
		return -EINVAL;
	if ((how->resolve & RESOLVE_CACHED) && (how->flags & (O_TRUNC | O_CREAT | O_TMPFILE_BIT)))
		return -EAGAIN;
	return 0;
}

/* A later version of the structure is longer: what we do not know must be zero. */
static int open_how_get(struct open_how *how, uaddr_t from, size_t size)
{
	if (size < sizeof(*how))
		return -EINVAL;
	if (size > PAGE_SIZE)
		return -E2BIG;
	if (copy_from_user(how, from, sizeof(*how)))
		return -EFAULT;
	for (u64 at = sizeof(*how); at < size; at++) {
		u8 more;

		if (get_user(more, from + at))
			return -EFAULT;
		if (more)
			return -E2BIG;
	}
	return 0;
}

long sys_openat2(int dfd, uaddr_t name, uaddr_t uhow, size_t size)
{
	struct open_how how;
	int err = open_how_get(&how, uhow, size);

	if (!err)
		err = open_how_check(&how);
	if (err)
		return err;
	how.resolve = resolve_flags(how.resolve);
	return do_open(dfd, name, &how);
}

long sys_close(u32 fd)
{
	return fd_close(fd);
}

long sys_close_range(u32 first, u32 last, u32 flags)
{
	enum { CLOSE_RANGE_UNSHARE = 2, CLOSE_RANGE_CLOEXEC = 4 };

	if ((flags & ~(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC)) || first > last)
		return -EINVAL;
	if (flags & CLOSE_RANGE_UNSHARE) {
		int err = files_unshare();

		if (err)
			return err;
	}
	fd_close_range(first, last, flags & CLOSE_RANGE_CLOEXEC);
	return 0;
}

long sys_dup(u32 oldfd)
{
	struct fd f = fd_get_raw(oldfd);
	int fd;

	if (!f.file)
		return -EBADF;
	fd = fd_reserve(0);
	if (fd >= 0)
		fd_install(fd, file_get(f.file));
	fd_put(f);
	return fd;
}

long sys_dup3(u32 oldfd, u32 newfd, int flags)
{
	struct fd f;
	int ret;

	if ((flags & ~O_CLOEXEC) || oldfd == newfd)
		return -EINVAL;
	f = fd_get_raw(oldfd);
	if (!f.file)
		return -EBADF;
	ret = fd_replace(newfd, f.file, flags);
	fd_put(f);
	return ret;
}

static long change_dir(const struct path *path, bool root)
{
	long err = inode_permission(path->dentry->inode, MAY_EXEC);

	if (!err && root && !capable(CAP_SYS_CHROOT))
		err = -EPERM;
	if (!err)
		(root ? fs_change_root : fs_change_cwd)(current->fs, path);
	return err;
}

static long change_dir_user(uaddr_t name, bool root)
{
	struct path path;
	long err = path_lookup_user(AT_FDCWD, name, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &path);

	if (err)
		return err;
	err = change_dir(&path, root);
	path_put(&path);
	return err;
}

long sys_chdir(uaddr_t name)
{
	return change_dir_user(name, false);
}

long sys_chroot(uaddr_t name)
{
	return change_dir_user(name, true);
}

long sys_fchdir(u32 fd)
{
	struct fd f = fd_get_raw(fd);
	long err;

	if (!f.file)
		return -EBADF;
	err = f.file->path.dentry && S_ISDIR(f.file->inode->mode) ? change_dir(&f.file->path, false) : -ENOTDIR;
	fd_put(f);
	return err;
}

long sys_umask(u32 mask)
{
	return __atomic_exchange_n(&current->fs->umask, mask & S_IRWXUGO, __ATOMIC_RELAXED);
}
