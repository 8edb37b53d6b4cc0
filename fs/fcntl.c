/* SPDX-License-Identifier: MIT */
/*
 * fcntl, and the ioctls that are every file's: descriptor flags, status flags, and
 * what a file system has no say in. Other ioctls are the file's own.
 *
 * Limit: another signal than SIGIO for O_ASYNC (F_SETSIG), leases and F_NOTIFY: -EINVAL.
 */
#include <fs/file.h>
#include <fs/locks.h>
#include <fs/pipe.h>
#include <fs/tmpfs/tmpfs.h>
#include <kernel/task/cred.h>
#include <kernel/task/thread.h>
#include <kernel/uapi/syscall.h>
#include <arch/uaccess.h>

#define FIONREAD	0x541b
#define FIONBIO		0x5421
#define FIONCLEX	0x5450
#define FIOCLEX		0x5451
#define FIOASYNC	0x5452
#define FIOQSIZE	0x5460
#define FIBMAP		1u
#define FIGETBSZ	2u
#define FICLONE		0x40049409u
#define FICLONERANGE	0x4020940du
#define FS_IOC_FIEMAP	0xc020660bu

bool file_can_direct(const struct file *f)
{
	return S_ISBLK(f->inode->mode) ||
	       (S_ISREG(f->inode->mode) && f->mapping && f->mapping->ops);
}

static long setfl(struct file *f, u32 flags)
{
	const u32 settable = O_APPEND | O_NONBLOCK | O_NOATIME | O_DIRECT;
	int err;

	if ((flags & O_NOATIME) && !(f->flags & O_NOATIME) && !inode_owner_or_capable(f->inode))
		return -EPERM;
	/* A pipe's O_DIRECT means packets. */
	if ((flags & O_DIRECT) && !S_ISFIFO(f->inode->mode) && !file_can_direct(f))
		return -EINVAL;
	/* That of open means nothing, as on Linux. */
	if (((flags ^ f->flags) & O_ASYNC) && f->ops->async) {
		err = file_set_async(f, flags & O_ASYNC);
		if (err)
			return err;
	}
	spin_lock(&f->lock);
	WRITE_ONCE(f->flags, (f->flags & ~settable) | (flags & settable));
	spin_unlock(&f->lock);
	return 0;
}

/* Do both descriptors name one open file? */
static long is_same_file(const struct file *f, int other_fd)
{
	struct fd other = fd_get_raw(other_fd);
	long same;

	if (!other.file)
		return -EBADF;
	same = other.file == f;
	fd_put(other);
	return same;
}

static bool goes_with_path_only(u32 cmd)
{
	switch (cmd) {
	case F_DUPFD:
	case F_DUPFD_CLOEXEC:
	case F_DUPFD_QUERY:
	case F_CREATED_QUERY:
	case F_GETFD:
	case F_SETFD:
	case F_GETFL:
		return true;
	}
	return false;
}

static long do_fcntl(u32 fd, struct file *f, u32 cmd, u64 arg)
{
	long ret;

	switch (cmd) {
	case F_DUPFD:
	case F_DUPFD_CLOEXEC:
		ret = fd_reserve_from(arg, cmd == F_DUPFD ? 0 : O_CLOEXEC);
		if (ret >= 0)
			fd_install(ret, file_get(f));
		return ret;
	case F_DUPFD_QUERY:
		return is_same_file(f, arg);
	case F_CREATED_QUERY:
		return !!(f->mode & FMODE_CREATED);
	case F_GETFD:
		return fd_get_cloexec(fd);
	case F_SETFD:
		return fd_set_cloexec(fd, arg & FD_CLOEXEC);
	case F_GETFL:
		return f->flags;
	case F_SETFL:
		return setfl(f, arg);
	case F_GETLK:
	case F_SETLK:
	case F_SETLKW:
	case F_OFD_GETLK:
	case F_OFD_SETLK:
	case F_OFD_SETLKW:
		return file_lock_fcntl(fd, f, cmd, arg);
	case F_SETOWN:
		return file_set_owner(f, (int)arg);
	case F_GETOWN:
		return file_get_owner(f);
	case F_SETOWN_EX:
		return file_set_owner_user(f, arg);
	case F_GETOWN_EX:
		return file_get_owner_user(f, arg);
	case F_GETPIPE_SZ:
		return pipe_size(f);
	case F_SETPIPE_SZ:
		return pipe_set_size(f, arg);
	case F_ADD_SEALS:
		return shmem_add_seals(f, arg);
	case F_GET_SEALS:
		return shmem_get_seals(f);
	}
	return -EINVAL;
}

long sys_fcntl(u32 fd, u32 cmd, u64 arg)
{
	struct fd f = fd_get_raw(fd);
	long ret = -EBADF;

	if (!f.file)
		return -EBADF;
	if (!(f.file->mode & FMODE_PATH) || goes_with_path_only(cmd))
		ret = do_fcntl(fd, f.file, cmd, arg);
	fd_put(f);
	return ret;
}

/* --- ioctl --- */

static long set_nonblocking(struct file *f, uaddr_t arg)
{
	int on;

	if (get_user(on, arg))
		return -EFAULT;
	return setfl(f, (f->flags & ~O_NONBLOCK) | (on ? O_NONBLOCK : 0));
}

static long set_async(struct file *f, uaddr_t arg)
{
	int on;

	if (get_user(on, arg))
		return -EFAULT;
	if (!on == !(f->flags & O_ASYNC))
		return 0;
	return f->ops->async ? file_set_async(f, on) : -ENOTTY;
}

static long put_size(const struct inode *inode, uaddr_t arg)
{
	umode_t mode = inode->mode;

	if (!S_ISREG(mode) && !S_ISDIR(mode) && !S_ISLNK(mode))
		return -ENOTTY;
	return put_user((s64)READ_ONCE(inode->size), arg);
}

/* What a regular file answers where its file system has nothing to say. */
static long regular_ioctl(struct file *f, u32 cmd, uaddr_t arg)
{
	switch (cmd) {
	case FIONREAD:
		return put_user((s32)(READ_ONCE(f->inode->size) - f->pos), arg);
	case FIBMAP:
		return capable(CAP_SYS_RAWIO) ? -EINVAL : -EPERM;
	}
	return -ENOTTY;
}

static long do_ioctl(u32 fd, struct file *f, u32 cmd, u64 arg)
{
	switch (cmd) {
	case FIOCLEX:
	case FIONCLEX:
		return fd_set_cloexec(fd, cmd == FIOCLEX);
	case FIONBIO:
		return set_nonblocking(f, arg);
	case FIOASYNC:
		return set_async(f, arg);
	case FIOQSIZE:
		return put_size(f->inode, arg);
	case FIGETBSZ:
		return put_user((s32)f->inode->sb->blocksize, arg);
	case FICLONE:
	case FICLONERANGE:
	case FS_IOC_FIEMAP:
		return S_ISREG(f->inode->mode) ? -EOPNOTSUPP : S_ISDIR(f->inode->mode) ? -EISDIR : -ENOTTY;
	}
	if (f->ops->ioctl)
		return f->ops->ioctl(f, cmd, arg);
	return S_ISREG(f->inode->mode) ? regular_ioctl(f, cmd, arg) : -ENOTTY;
}

long sys_ioctl(u32 fd, u32 cmd, u64 arg)
{
	struct fd f = fd_get(fd);
	long ret;

	if (!f.file)
		return -EBADF;
	ret = do_ioctl(fd, f.file, cmd, arg);
	fd_put(f);
	return ret;
}
