/* SPDX-License-Identifier: MIT */
/*
 * Calls that change or ask for attributes: mode, owner, times, size, access,
 * statfs.
 *
 * All changes go through vfs_setattr(): writable mount, inode locked, and then
 * the file system's setattr, which checks permission (inode_setattr_check) and
 * commits (inode_setattr_copy). Set-id bits die by ATTR_KILL_PRIV there, so that
 * who may change the owner need not be the owner.
 */
#include <fs/file.h>
#include <fs/mount.h>
#include <fs/namei.h>
#include <fs/statfs.h>
#include <kernel/lib/string.h>
#include <kernel/uapi/syscall.h>
#include <kernel/task/cred.h>
#include <kernel/task/signal.h>
#include <kernel/task/thread.h>
#include <kernel/uapi/fcntl.h>
#include <arch/uaccess.h>

static u32 lookup_flags(int at_flags)
{
	return (at_flags & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW) |
	       (at_flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0);
}

int vfs_setattr(const struct path *path, struct iattr *attr)
{
	struct inode *inode = path->dentry->inode;
	int err = mount_want_write(path->mnt);

	if (!err)
		err = rwsem_write_lock_killable(&inode->rwsem);
	if (err)
		return err;
	if (inode->ops->setattr) {
		err = inode->ops->setattr(inode, attr);
	} else {
		err = inode_setattr_check(inode, attr);
		if (!err)
			inode_setattr_copy(inode, attr);
	}
	rwsem_write_unlock(&inode->rwsem);
	return err;
}

/* --- mode --- */

static int set_mode(const struct path *path, umode_t mode)
{
	struct iattr attr = { .valid = ATTR_MODE, .mode = mode & S_IALLUGO };

	return S_ISLNK(path->dentry->inode->mode) ? -EOPNOTSUPP : vfs_setattr(path, &attr);
}

static long chmod_at(int dfd, uaddr_t name, umode_t mode, u32 lookup)
{
	struct path path;
	long err = path_lookup_user(dfd, name, lookup, &path);

	if (err)
		return err;
	err = set_mode(&path, mode);
	path_put(&path);
	return err;
}

long sys_fchmodat(int dfd, uaddr_t name, umode_t mode)
{
	return chmod_at(dfd, name, mode, LOOKUP_FOLLOW);
}

long sys_fchmodat2(int dfd, uaddr_t name, umode_t mode, u32 flags)
{
	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	return chmod_at(dfd, name, mode, lookup_flags((int)flags));
}

long sys_fchmod(u32 fd, umode_t mode)
{
	struct fd f = fd_get(fd);
	long err;

	if (!f.file)
		return -EBADF;
	err = set_mode(&f.file->path, mode);
	fd_put(f);
	return err;
}

/* --- owner --- */

static int set_owner(const struct path *path, uid_t uid, gid_t gid)
{
	struct iattr attr = { .uid = uid, .gid = gid };

	attr.valid |= uid != (uid_t)-1 ? ATTR_UID : 0;
	attr.valid |= gid != (gid_t)-1 ? ATTR_GID : 0;
	if (!S_ISDIR(path->dentry->inode->mode))
		attr.valid |= ATTR_KILL_PRIV;
	return vfs_setattr(path, &attr);
}

long sys_fchownat(int dfd, uaddr_t name, uid_t uid, gid_t gid, int flags)
{
	struct path path;
	long err;

	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	err = path_lookup_user(dfd, name, lookup_flags(flags), &path);
	if (err)
		return err;
	err = set_owner(&path, uid, gid);
	path_put(&path);
	return err;
}

long sys_fchown(u32 fd, uid_t uid, gid_t gid)
{
	struct fd f = fd_get(fd);
	long err;

	if (!f.file)
		return -EBADF;
	err = set_owner(&f.file->path, uid, gid);
	fd_put(f);
	return err;
}

/* --- times --- */

#define UTIME_NOW	((1l << 30) - 1l)
#define UTIME_OMIT	((1l << 30) - 2l)

static bool nsec_is_valid(s64 nsec)
{
	return nsec == UTIME_NOW || nsec == UTIME_OMIT || (u64)nsec < NS_PER_SEC;
}

static int set_times(const struct path *path, const struct timespec64 *t)
{
	struct iattr attr = { .valid = ATTR_ATIME | ATTR_MTIME };

	if (!t || (t[0].nsec == UTIME_NOW && t[1].nsec == UTIME_NOW)) {
		attr.valid |= ATTR_TOUCH;
		return vfs_setattr(path, &attr);
	}
	attr.valid |= ATTR_TIMES_SET;
	attr.atime = t[0];
	attr.mtime = t[1];
	if (t[0].nsec == UTIME_OMIT)
		attr.valid &= ~ATTR_ATIME;
	else if (t[0].nsec != UTIME_NOW)
		attr.valid |= ATTR_ATIME_SET;
	if (t[1].nsec == UTIME_OMIT)
		attr.valid &= ~ATTR_MTIME;
	else if (t[1].nsec != UTIME_NOW)
		attr.valid |= ATTR_MTIME_SET;
	return vfs_setattr(path, &attr);
}

static long set_times_fd(int fd, const struct timespec64 *t)
{
	struct fd f = fd_get(fd);
	long err;

	if (!f.file)
		return -EBADF;
	err = set_times(&f.file->path, t);
	fd_put(f);
	return err;
}

long sys_utimensat(int dfd, uaddr_t name, uaddr_t utimes, int flags)
{
	struct timespec64 t[2];
	struct path path;
	long err;

	if (utimes) {
		if (copy_from_user(t, utimes, sizeof(t)))
			return -EFAULT;
		/* Linux does not even look at the path then. */
		if (t[0].nsec == UTIME_OMIT && t[1].nsec == UTIME_OMIT)
			return 0;
		if (!nsec_is_valid(t[0].nsec) || !nsec_is_valid(t[1].nsec))
			return -EINVAL;
	}
	if (!name && dfd != AT_FDCWD)
		return flags ? -EINVAL : set_times_fd(dfd, utimes ? t : NULL);
	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	err = path_lookup_user(dfd, name, lookup_flags(flags), &path);
	if (err)
		return err;
	err = set_times(&path, utimes ? t : NULL);
	path_put(&path);
	return err;
}

/* --- size --- */

int inode_check_growth(const struct inode *inode, loff_t size)
{
	u64 limit = rlimit_current(RLIMIT_FSIZE);
	struct kernel_siginfo info;

	if (size <= READ_ONCE(inode->size))
		return 0;
	if (limit != RLIM_INFINITY && (u64)size > limit) {
		siginfo_fill_user(&info, SIGXFSZ, SI_USER);
		(void)signal_send_thread(current, SIGXFSZ, &info);
		return -EFBIG;
	}
	return size > inode->sb->max_bytes ? -EFBIG : 0;
}

int file_truncate(const struct path *path, loff_t size, u32 times)
{
	struct inode *inode = path->dentry->inode;
	struct iattr attr = { .valid = ATTR_SIZE | times, .size = size };
	int err = inode_check_growth(inode, size);

	if (err)
		return err;
	if (!inode->ops->setattr)
		return -EINVAL;
	if (size != READ_ONCE(inode->size))
		attr.valid |= ATTR_MTIME;
	if ((inode->mode & (S_ISUID | S_ISGID)) && !capable(CAP_FSETID))
		attr.valid |= ATTR_KILL_PRIV;
	return vfs_setattr(path, &attr);
}

static int truncate_path(const struct path *path, loff_t size)
{
	struct inode *inode = path->dentry->inode;
	int err;

	if (S_ISDIR(inode->mode))
		return -EISDIR;
	if (!S_ISREG(inode->mode))
		return -EINVAL;
	err = mount_want_write(path->mnt);
	if (!err)
		err = inode_permission(inode, MAY_WRITE);
	if (err)
		return err;
	if (!inode_writers_inc(inode))
		return -ETXTBSY;
	err = file_truncate(path, size, 0);
	atomic_dec(&inode->writers);
	return err;
}

long sys_truncate(uaddr_t name, loff_t size)
{
	struct path path;
	long err;

	if (size < 0)
		return -EINVAL;
	err = path_lookup_user(AT_FDCWD, name, LOOKUP_FOLLOW, &path);
	if (err)
		return err;
	err = truncate_path(&path, size);
	path_put(&path);
	return err;
}

long sys_ftruncate(u32 fd, loff_t size)
{
	struct fd f;
	long err;

	if (size < 0)
		return -EINVAL;
	f = fd_get(fd);
	if (!f.file)
		return -EBADF;
	if (!S_ISREG(f.file->inode->mode) || !(f.file->mode & FMODE_WRITE))
		err = -EINVAL;
	else
		err = file_truncate(&f.file->path, size, ATTR_MTIME);
	fd_put(f);
	return err;
}

#define FALLOC_FL_KEEP_SIZE	0x01
#define FALLOC_FL_PUNCH_HOLE	0x02
#define FALLOC_FL_SUPPORTED	0x7b	/* all that Linux 6.12 knows */

static long fallocate(struct file *f, int mode, loff_t off, loff_t len)
{
	umode_t type = f->inode->mode;

	if (off < 0 || len <= 0)
		return -EINVAL;
	if (mode & ~FALLOC_FL_SUPPORTED)
		return -EOPNOTSUPP;
	if ((mode & FALLOC_FL_PUNCH_HOLE) && !(mode & FALLOC_FL_KEEP_SIZE))
		return -EOPNOTSUPP;
	if (!(f->mode & FMODE_WRITE))
		return -EBADF;
	if (S_ISFIFO(type))
		return -ESPIPE;
	if (S_ISDIR(type))
		return -EISDIR;
	if (!S_ISREG(type) && !S_ISBLK(type))
		return -ENODEV;
	if (off > f->inode->sb->max_bytes - len)
		return -EFBIG;
	return f->ops->fallocate ? f->ops->fallocate(f, mode, off, len) : -EOPNOTSUPP;
}

long sys_fallocate(u32 fd, int mode, loff_t off, loff_t len)
{
	struct fd f = fd_get(fd);
	long err;

	if (!f.file)
		return -EBADF;
	err = fallocate(f.file, mode, off, len);
	fd_put(f);
	return err;
}

/* --- access --- */

/* Is access(2), which asks with the real ids, answered by the present credentials? */
static bool cred_is_real(const struct cred *c)
{
	if (c->fsuid != c->uid || c->fsgid != c->gid)
		return false;
	if (c->securebits & SECBIT_NO_SETUID_FIXUP)
		return true;
	return c->cap_effective == (c->uid ? 0 : c->cap_permitted);
}

static void cred_swap(const struct cred *c)
{
	struct process *p = current_process();

	spin_lock(&p->lock);
	rcu_assign_pointer(current->cred, c);
	spin_unlock(&p->lock);
}

static struct cred *cred_of_real_ids(void)
{
	struct cred *c = cred_prepare();

	if (!c)
		return NULL;
	c->fsuid = c->uid;
	c->fsgid = c->gid;
	if (!(c->securebits & SECBIT_NO_SETUID_FIXUP))
		c->cap_effective = c->uid ? 0 : c->cap_permitted;
	return c;
}

static int access_path(const struct path *path, int mode)
{
	struct inode *inode = path->dentry->inode;
	int err;

	if ((mode & MAY_EXEC) && S_ISREG(inode->mode) && (path->mnt->flags & MS_NOEXEC))
		return -EACCES;
	err = inode_permission(inode, mode);
	if (!err && (mode & MAY_WRITE) &&
	    (S_ISREG(inode->mode) || S_ISDIR(inode->mode) || S_ISLNK(inode->mode)))
		err = mount_want_write(path->mnt);
	return err;
}

static long access_at(int dfd, uaddr_t name, int mode, int flags)
{
	const struct cred *saved = current->cred;
	struct cred *real = NULL;
	struct path path;
	long err;

	if ((mode & ~7) || (flags & ~(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)))
		return -EINVAL;
	if (!(flags & AT_EACCESS) && !cred_is_real(saved)) {
		real = cred_of_real_ids();
		if (!real)
			return -ENOMEM;
		cred_swap(real);
	}
	err = path_lookup_user(dfd, name, lookup_flags(flags), &path);
	if (!err) {
		err = mode ? access_path(&path, mode) : 0;
		path_put(&path);
	}
	if (real) {
		cred_swap(saved);
		cred_put(real);
	}
	return err;
}

long sys_faccessat(int dfd, uaddr_t name, int mode)
{
	return access_at(dfd, name, mode, 0);
}

long sys_faccessat2(int dfd, uaddr_t name, int mode, int flags)
{
	return access_at(dfd, name, mode, flags);
}

/* --- statfs --- */

/* struct statfs of the generic 64-bit ABI. */
struct user_statfs {
	s64 type, bsize;
	u64 blocks, bfree, bavail, files, ffree, fsid;
	s64 namelen, frsize, flags, spare[4];
};
_Static_assert(sizeof(struct user_statfs) == 120, "riscv64 struct statfs");

enum { ST_VALID = 0x20, ST_RELATIME = 0x1000 };

static long statfs_path(const struct path *path, uaddr_t to)
{
	const u32 same_bits = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_SYNCHRONOUS |
			      MS_NOATIME | MS_NODIRATIME;
	struct superblock *sb = path->mnt->sb;
	struct kstatfs st = {
		.type = sb->magic, .bsize = sb->blocksize, .frsize = sb->blocksize,
		.namelen = NAME_MAX, .fsid = sb->dev,
	};
	struct user_statfs u;
	int err = sb->ops->statfs ? sb->ops->statfs(sb, &st) : 0;

	if (err)
		return err;
	u = (struct user_statfs){
		.type = st.type, .bsize = st.bsize, .blocks = st.blocks, .bfree = st.bfree, .bavail = st.bavail,
		.files = st.files, .ffree = st.ffree, .fsid = st.fsid, .namelen = st.namelen, .frsize = st.frsize,
		.flags = ST_VALID | ((path->mnt->flags | sb->flags) & same_bits) |
			 (path->mnt->flags & MS_RELATIME ? ST_RELATIME : 0),
	};
	return copy_to_user(to, &u, sizeof(u));
}

long sys_statfs(uaddr_t name, uaddr_t to)
{
	struct path path;
	long err = path_lookup_user(AT_FDCWD, name, LOOKUP_FOLLOW, &path);

	if (err)
		return err;
	err = statfs_path(&path, to);
	path_put(&path);
	return err;
}

long sys_fstatfs(u32 fd, uaddr_t to)
{
	struct fd f = fd_get_raw(fd);
	long err;

	if (!f.file)
		return -EBADF;
	err = statfs_path(&f.file->path, to);
	fd_put(f);
	return err;
}
