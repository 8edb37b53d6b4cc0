/* SPDX-License-Identifier: MIT */
/*
 * Opening and closing: from a path to a struct file in the descriptor table.
 *
 * An open without O_CREAT is a lookup and then file_open_path(). With O_CREAT
 * the walk stops at the parent; the last name is looked up with the directory
 * locked, and created if it is not there. A last name that is a link sends the
 * open back to the plain lookup, unless its target is missing.
 *
 * inode->writers counts opens for writing when positive, programs being run
 * when negative: -ETXTBSY either way.
 */
#include <fs/file.h>
#include <fs/chrdev.h>
#include <fs/namei.h>
#include <fs/pipe.h>
#include <fs/tmpfs/tmpfs.h>
#include <kernel/lib/string.h>
#include <kernel/uapi/syscall.h>
#include <kernel/task/cred.h>
#include <kernel/task/thread.h>
#include <kernel/uapi/fcntl.h>
#include <arch/uaccess.h>

#define OPEN_FLAGS	(O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND | O_NONBLOCK | O_SYNC | \
			 O_ASYNC | O_DIRECT | O_LARGEFILE | O_DIRECTORY | O_NOFOLLOW | O_NOATIME | O_CLOEXEC | \
			 O_PATH | O_TMPFILE_BIT)

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
	int mask = (mode & FMODE_READ ? MAY_READ : 0) | (mode & FMODE_WRITE ? MAY_WRITE : 0);
	int err;

	if (S_ISLNK(inode->mode))
		return -ELOOP;
	if (S_ISDIR(inode->mode) && (mask & MAY_WRITE))
		return -EISDIR;
	if ((S_ISCHR(inode->mode) || S_ISBLK(inode->mode)) && (path->mnt->flags & MS_NODEV))
		return -EACCES;
	if (flags & O_TRUNC)
		mask |= MAY_WRITE;
	if ((mask & MAY_WRITE) && S_ISREG(inode->mode)) {
		err = mount_want_write(path->mnt);
		if (err)
			return err;
	}
	err = inode_permission(inode, mask);
	if (err)
		return err;
	if ((flags & O_NOATIME) && current_cred()->fsuid != inode->uid && !capable(CAP_FOWNER))
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
		f->mode |= FMODE_LSEEK | FMODE_PREAD | FMODE_ATOMIC_POS | FMODE_NOWAIT;
	else if (S_ISDIR(inode->mode) || S_ISBLK(inode->mode))
		f->mode |= FMODE_LSEEK | FMODE_PREAD | FMODE_ATOMIC_POS;
	else if (S_ISCHR(inode->mode))
		f->mode |= FMODE_LSEEK | FMODE_PREAD;
	if (!f->ops)
		return -ENXIO;
	if ((f->mode & FMODE_WRITE) && S_ISREG(inode->mode)) {
		if (!inode_writers_inc(inode)) {
			f->ops = NULL;	/* never opened: nothing to release */
			return -ETXTBSY;
		}
		f->mode |= FMODE_WRITER;
	}
	err = f->ops->open ? f->ops->open(inode, f) : 0;
	if (err)
		f->ops = NULL;
	return err;
}

/* Takes over path's references, also on failure. created: permission and truncation do not apply. */
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

/* The name with its directory locked: open it or make it. It is a link: NULL without error, and *link with references. */
static struct file *open_last(struct parent_path *pp, int flags, umode_t mode, struct path *link, int *err)
{
	struct inode *dir = pp->path.dentry->inode;
	struct path path = { .mnt = pp->path.mnt };
	bool created = false;

	*err = rwsem_write_lock_killable(&dir->rwsem);
	if (*err)
		return NULL;
	*err = lookup_one_locked(pp->path.dentry, &pp->last, &path.dentry);
	if (!*err && !path.dentry->inode) {
		*err = pp->slash ? -EISDIR : mount_want_write(path.mnt);
		if (!*err)
			*err = vfs_create(dir, path.dentry, S_IFREG | (mode & S_IALLUGO & ~current->fs->umask));
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
	t->text = inode->ops->get_link(inode, link->dentry, &t->put, &t->arg);
	if (!IS_ERR(t->text))
		return *t->text ? 0 : -ENOENT;
	path_put(&t->link);
	t->link.dentry = NULL;
	return PTR_ERR(t->text);
}

static struct file *open_jump(const struct path *link, int flags, int *err)
{
	struct inode *inode = link->dentry->inode;
	struct path to;

	*err = inode->ops->jump_link(inode, &to);
	path_put(link);
	return *err ? NULL : open_path_consume(&to, flags, false, err);
}

/* A last name that is a link is replaced by its text, to be walked from the link's directory. */
static struct file *open_create(int dfd, const char *name, int flags, umode_t mode, int *err)
{
	struct link_text text = { 0 }, next;
	struct parent_path pp, up;
	struct file *f = NULL;
	struct path link;

	*err = filename_parent(dfd, name, 0, &pp);
	if (*err)
		return NULL;
	for (u32 links = 0;; links++) {
		link.dentry = NULL;
		if (pp.type != LAST_NORM)
			*err = flags & O_EXCL ? -EEXIST : -EISDIR;
		else
			f = open_last(&pp, flags, mode, &link, err);
		if (*err || f)
			break;
		if (link.dentry->inode->ops->jump_link) {
			f = open_jump(&link, flags, err);
			break;
		}
		*err = links == MAX_LINKS ? -ELOOP : 0;
		if (*err) {
			path_put(&link);
			break;
		}
		*err = link_text_get(&next, &link);
		if (*err)
			break;
		link_text_put(&text);	/* the name just looked up was in it */
		text = next;
		*err = filename_parent_at(&pp.path, text.text, &up);
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

static struct file *open_name(int dfd, const char *name, int flags, umode_t mode, int *err)
{
	u32 lookup = flags & O_NOFOLLOW ? 0 : LOOKUP_FOLLOW;
	struct path path;

	if (flags & O_CREAT)
		return open_create(dfd, name, flags, mode, err);
	if (flags & O_DIRECTORY)
		lookup |= LOOKUP_DIRECTORY;
	*err = filename_lookup(dfd, name, lookup, &path);
	return *err ? NULL : open_path_consume(&path, flags, false, err);
}

struct file *file_open_kernel(const char *name, int flags, umode_t mode, int *err)
{
	return open_name(AT_FDCWD, name, flags, mode, err);
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

static int open_flags_check(int *flags)
{
	if (*flags & O_PATH)
		*flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	if (*flags & O_TMPFILE_BIT)
		return -EOPNOTSUPP;
	if ((*flags & O_DIRECTORY) && (*flags & O_CREAT))
		return -EINVAL;
	*flags &= OPEN_FLAGS;
	if (!(*flags & O_PATH))
		*flags |= O_LARGEFILE;
	return 0;
}

long sys_openat(int dfd, uaddr_t name, int flags, umode_t mode)
{
	struct filename fn;
	struct file *f;
	int fd, err = open_flags_check(&flags);

	if (err)
		return err;
	err = filename_get(&fn, name, 0);
	if (err)
		return err;
	fd = fd_reserve(flags);
	if (fd >= 0) {
		f = open_name(dfd, fn.name, flags, mode, &err);
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

static long setfl(struct file *f, u32 flags)
{
	const u32 settable = O_APPEND | O_NONBLOCK | O_NOATIME;

	if (flags & (O_ASYNC | O_DIRECT))
		return -EINVAL;
	spin_lock(&f->lock);
	WRITE_ONCE(f->flags, (f->flags & ~settable) | (flags & settable));
	spin_unlock(&f->lock);
	return 0;
}

long sys_fcntl(u32 fd, u32 cmd, u64 arg)
{
	struct fd f = fd_get_raw(fd);
	long ret = -EINVAL;

	if (!f.file)
		return -EBADF;
	if ((f.file->mode & FMODE_PATH) && cmd != F_DUPFD && cmd != F_DUPFD_CLOEXEC && cmd > F_GETFL) {
		fd_put(f);
		return -EBADF;
	}
	switch (cmd) {
	case F_DUPFD:
	case F_DUPFD_CLOEXEC:
		ret = fd_reserve_from(arg, cmd == F_DUPFD ? 0 : O_CLOEXEC);
		if (ret >= 0)
			fd_install(ret, file_get(f.file));
		break;
	case F_GETFD:
		ret = fd_get_cloexec(fd);
		break;
	case F_SETFD:
		ret = fd_set_cloexec(fd, arg & FD_CLOEXEC);
		break;
	case F_GETFL:
		ret = f.file->flags;
		break;
	case F_SETFL:
		ret = setfl(f.file, arg);
		break;
	case F_GETPIPE_SZ:
		ret = pipe_size(f.file);
		break;
	case F_SETPIPE_SZ:
		ret = pipe_set_size(f.file, arg);
		break;
	case F_ADD_SEALS:
		ret = shmem_add_seals(f.file, arg);
		break;
	case F_GET_SEALS:
		ret = shmem_get_seals(f.file);
		break;
	}
	fd_put(f);
	return ret;
}

long sys_ioctl(u32 fd, u32 cmd, u64 arg)
{
	enum { FIOCLEX = 0x5451, FIONCLEX = 0x5450, FIONBIO = 0x5421 };
	struct fd f = fd_get(fd);
	long ret = 0;
	int on;

	if (!f.file)
		return -EBADF;
	switch (cmd) {
	case FIOCLEX:
	case FIONCLEX:
		ret = fd_set_cloexec(fd, cmd == FIOCLEX);
		break;
	case FIONBIO:
		ret = get_user(on, arg);
		if (!ret)
			ret = setfl(f.file, (f.file->flags & ~O_NONBLOCK) | (on ? O_NONBLOCK : 0));
		break;
	default:
		ret = f.file->ops->ioctl ? f.file->ops->ioctl(f.file, cmd, arg) : -ENOTTY;
	}
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
