/* SPDX-License-Identifier: MIT */
/*
 * Calls that change directories: create, mkdir, mknod, symlink, link, unlink,
 * rmdir.
 *
 * Each finds the parent, write-locks it, looks the last name up and asks the
 * file system. create_begin()/create_end() are the frame of those that make a
 * name. Order of errors as on Linux: path, existence, read-only mount,
 * permission of the directory.
 *
 * Not here: rename (rename.c).
 */
#include <fs/file.h>
#include <fs/mount.h>
#include <fs/namei.h>
#include <kernel/mm/alloc.h>
#include <kernel/uapi/syscall.h>
#include <kernel/task/cred.h>
#include <kernel/task/thread.h>
#include <kernel/uapi/fcntl.h>

int create_begin(int dfd, const char *name, bool is_dir, struct parent_path *pp,
		 struct dentry **dentry)
{
	struct inode *dir;
	int err = filename_parent(dfd, name, 0, pp);

	if (err)
		return err;
	dir = pp->path.dentry->inode;
	if (pp->type != LAST_NORM) {
		path_put(&pp->path);
		return -EEXIST;
	}
	rwsem_write_lock(&dir->rwsem);
	err = lookup_one_locked(pp->path.dentry, &pp->last, dentry);
	if (err)
		goto unlock;
	if ((*dentry)->inode)
		err = -EEXIST;
	else if (pp->slash && !is_dir)
		err = -ENOENT;
	else
		err = mount_want_write(pp->path.mnt);
	if (!err)
		return 0;
	dentry_put(*dentry);
unlock:
	rwsem_write_unlock(&dir->rwsem);
	path_put(&pp->path);
	return err;
}

void create_end(struct parent_path *pp, struct dentry *dentry)
{
	dentry_put(dentry);
	rwsem_write_unlock(&pp->path.dentry->inode->rwsem);
	path_put(&pp->path);
}

int vfs_may_create(struct inode *dir)
{
	if (!dir->nlink)
		return -ENOENT;
	return inode_permission(dir, MAY_WRITE | MAY_EXEC);
}

int vfs_create(struct inode *dir, struct dentry *d, umode_t mode)
{
	int err = vfs_may_create(dir);

	if (err)
		return err;
	return dir->ops->create ? dir->ops->create(dir, d, mode) : -EACCES;
}

int vfs_mkdir(struct inode *dir, struct dentry *d, umode_t mode)
{
	int err = vfs_may_create(dir);

	if (err)
		return err;
	return dir->ops->mkdir ? dir->ops->mkdir(dir, d, S_IFDIR | mode) : -EPERM;
}

int vfs_mknod(struct inode *dir, struct dentry *d, umode_t mode, dev_t dev)
{
	int err = vfs_may_create(dir);

	if (err)
		return err;
	if ((S_ISCHR(mode) || S_ISBLK(mode)) && !capable(CAP_MKNOD))
		return -EPERM;
	return dir->ops->mknod ? dir->ops->mknod(dir, d, mode, dev) : -EPERM;
}

int vfs_symlink(struct inode *dir, struct dentry *d, const char *target)
{
	int err = vfs_may_create(dir);

	if (err)
		return err;
	return dir->ops->symlink ? dir->ops->symlink(dir, d, target) : -EPERM;
}

/* create_begin() with a name of user memory. */
struct creation {
	struct filename fn;
	struct parent_path pp;
	struct dentry *d;
};

static int creation_begin(struct creation *c, int dfd, uaddr_t name, bool is_dir)
{
	int err = filename_get(&c->fn, name, 0);

	if (err)
		return err;
	err = create_begin(dfd, c->fn.name, is_dir, &c->pp, &c->d);
	if (err)
		filename_put(&c->fn);
	return err;
}

static void creation_end(struct creation *c)
{
	create_end(&c->pp, c->d);
	filename_put(&c->fn);
}

static struct inode *creation_dir(const struct creation *c)
{
	return c->pp.path.dentry->inode;
}

long sys_mkdirat(int dfd, uaddr_t name, umode_t mode)
{
	struct creation c;
	int err = creation_begin(&c, dfd, name, true);

	if (err)
		return err;
	err = vfs_mkdir(creation_dir(&c), c.d, mode & (S_IRWXUGO | S_ISVTX) & ~current->fs->umask);
	creation_end(&c);
	return err;
}

/* The ABI's 32-bit device number. */
static dev_t dev_decode(u32 dev)
{
	return MKDEV((dev >> 8) & 0xfff, (dev & 0xff) | ((dev >> 12) & 0xfff00));
}

static int do_mknod(struct inode *dir, struct dentry *d, umode_t mode, u32 dev)
{
	switch (mode & S_IFMT) {
	case 0:
	case S_IFREG:
		return vfs_create(dir, d, (mode & S_IALLUGO) | S_IFREG);
	case S_IFCHR:
	case S_IFBLK:
		return vfs_mknod(dir, d, mode, dev_decode(dev));
	case S_IFIFO:
	case S_IFSOCK:
		return vfs_mknod(dir, d, mode, 0);
	case S_IFDIR:
		return -EPERM;
	default:
		return -EINVAL;
	}
}

long sys_mknodat(int dfd, uaddr_t name, umode_t mode, u32 dev)
{
	struct creation c;
	int err = creation_begin(&c, dfd, name, false);

	if (err)
		return err;
	err = do_mknod(creation_dir(&c), c.d, mode & ~current->fs->umask, dev);
	creation_end(&c);
	return err;
}

long sys_symlinkat(uaddr_t target, int dfd, uaddr_t name)
{
	struct filename to;
	struct creation c;
	int err = filename_get(&to, target, 0);

	if (err)
		return err;
	err = creation_begin(&c, dfd, name, false);
	if (!err) {
		err = vfs_symlink(creation_dir(&c), c.d, to.name);
		creation_end(&c);
	}
	filename_put(&to);
	return err;
}

static int link_locked(struct inode *inode, struct inode *dir, struct dentry *d)
{
	int err;

	if (S_ISDIR(inode->mode) || !dir->ops->link)
		return -EPERM;
	err = vfs_may_create(dir);
	if (err)
		return err;
	rwsem_write_lock_nested(&inode->rwsem, 1);
	err = inode->nlink || (inode->state & INODE_STATE_LINKABLE) ? dir->ops->link(inode, dir, d) : -ENOENT;
	if (!err && (inode->state & INODE_STATE_LINKABLE)) {
		spin_lock(&inode->lock);
		inode->state &= ~INODE_STATE_LINKABLE;
		spin_unlock(&inode->lock);
	}
	rwsem_write_unlock(&inode->rwsem);
	return err;
}

/*
 * A file that is named by its descriptor alone: by
 * who opened it, or who may look into any directory.
 */
static int may_link_fd(int fd)
{
	struct fd f = fd_get_raw(fd);
	bool may;

	if (!f.file)
		return -EBADF;
	may = f.file->cred == current_cred() || capable(CAP_DAC_READ_SEARCH);
	fd_put(f);
	return may ? 0 : -ENOENT;
}

static int link_source(int dfd, uaddr_t name, u32 lookup, struct path *path)
{
	struct filename fn;
	int err = filename_get(&fn, name, lookup);

	if (err)
		return err;
	if (!*fn.name && dfd != AT_FDCWD)
		err = may_link_fd(dfd);
	if (!err)
		err = filename_lookup(dfd, fn.name, lookup, path);
	filename_put(&fn);
	return err;
}

int vfs_link_names(const char *from, const char *to)
{
	struct parent_path pp;
	struct dentry *d;
	struct path old;
	int err = path_lookup_kernel(from, 0, &old);

	if (err)
		return err;
	err = create_begin(AT_FDCWD, to, false, &pp, &d);
	if (!err) {
		err = old.mnt == pp.path.mnt ? link_locked(old.dentry->inode, pp.path.dentry->inode, d) : -EXDEV;
		create_end(&pp, d);
	}
	path_put(&old);
	return err;
}

long sys_linkat(int olddfd, uaddr_t oldname, int newdfd, uaddr_t newname, int flags)
{
	u32 lookup = (flags & AT_SYMLINK_FOLLOW ? LOOKUP_FOLLOW : 0) |
		     (flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0);
	struct parent_path pp;
	struct filename fn;
	struct path old;
	struct dentry *d;
	int err;

	if (flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	err = link_source(olddfd, oldname, lookup, &old);
	if (err)
		return err;
	err = filename_get(&fn, newname, 0);
	if (err)
		goto put_old;
	err = create_begin(newdfd, fn.name, false, &pp, &d);
	if (!err) {
		err = old.mnt == pp.path.mnt ? link_locked(old.dentry->inode, pp.path.dentry->inode, d) : -EXDEV;
		create_end(&pp, d);
	}
	filename_put(&fn);
put_old:
	path_put(&old);
	return err;
}

/* Context: dir write-locked. */
int vfs_may_delete(struct inode *dir, struct dentry *d, bool is_dir)
{
	struct inode *victim = d->inode;
	int err = inode_permission(dir, MAY_WRITE | MAY_EXEC);

	if (err)
		return err;
	if ((dir->mode & S_ISVTX) && current_cred()->fsuid != victim->uid &&
	    current_cred()->fsuid != dir->uid && !capable(CAP_FOWNER))
		return -EPERM;
	if (is_dir && !S_ISDIR(victim->mode))
		return -ENOTDIR;
	if (!is_dir && S_ISDIR(victim->mode))
		return -EISDIR;
	return 0;
}

static int remove_locked(struct inode *dir, struct dentry *d, bool is_dir)
{
	int (*op)(struct inode *, struct dentry *) = is_dir ? dir->ops->rmdir : dir->ops->unlink;
	struct inode *victim = d->inode;
	int err = vfs_may_delete(dir, d, is_dir);

	if (err)
		return err;
	if (!op)
		return -EPERM;
	if (dentry_is_mountpoint(d))
		return -EBUSY;
	rwsem_write_lock_nested(&victim->rwsem, 1);
	err = op(dir, d);
	rwsem_write_unlock(&victim->rwsem);
	return err;
}

static int remove_name(int dfd, const char *name, bool is_dir)
{
	struct inode *dir, *victim = NULL;
	struct parent_path pp;
	struct dentry *d;
	int err = filename_parent(dfd, name, 0, &pp);

	if (err)
		return err;
	dir = pp.path.dentry->inode;
	if (pp.type != LAST_NORM) {
		err = !is_dir ? -EISDIR : pp.type == LAST_DOT ? -EINVAL :
		      pp.type == LAST_DOTDOT ? -ENOTEMPTY : -EBUSY;
		goto put_parent;
	}
	rwsem_write_lock(&dir->rwsem);
	err = lookup_one_locked(pp.path.dentry, &pp.last, &d);
	if (!err) {
		victim = d->inode;
		if (!victim)
			err = -ENOENT;
		else if (pp.slash && !is_dir)
			err = S_ISDIR(victim->mode) ? -EISDIR : -ENOTDIR;
		else
			err = mount_want_write(pp.path.mnt);
		if (!err) {
			/*
			 * The contents go after the locks: our
			 * reference is the last but open files'.
			 */
			inode_get(victim);
			err = remove_locked(dir, d, is_dir);
			if (!err && is_dir)
				dcache_forget_children(d);
			if (!err)
				dentry_delete(d);
		} else {
			victim = NULL;
		}
		dentry_put(d);
	}
	rwsem_write_unlock(&dir->rwsem);
	inode_put(victim);
put_parent:
	path_put(&pp.path);
	return err;
}

long sys_unlinkat(int dfd, uaddr_t name, int flags)
{
	struct filename fn;
	int err;

	if (flags & ~AT_REMOVEDIR)
		return -EINVAL;
	err = filename_get(&fn, name, 0);
	if (err)
		return err;
	err = remove_name(dfd, fn.name, flags & AT_REMOVEDIR);
	filename_put(&fn);
	return err;
}
