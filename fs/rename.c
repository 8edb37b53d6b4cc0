/* SPDX-License-Identifier: MIT */
/*
 * renameat2.
 *
 * Both directories are write-locked, the upper one first where one lies below
 * the other; the file system's rename_mutex is held before that when they
 * differ, so that no directory changes its place while we ask who is above
 * whom. Then come the inodes themselves, since their link counts change.
 *
 * The file system changes its names first; then the dentries trade places
 * (RENAME_EXCHANGE), or the old one takes the new one's place, which is unhashed.
 *
 * Limit: RENAME_WHITEOUT is refused with -EINVAL.
 */
#include <fs/mount.h>
#include <fs/namei.h>
#include <kernel/uapi/syscall.h>
#include <kernel/uapi/fcntl.h>

struct rename {
	struct parent_path from, to;
	struct dentry *old, *new;
	u32 flags;
};

static bool exchanges(const struct rename *r)
{
	return r->flags & RENAME_EXCHANGE;
}

static void lock_dirs(const struct rename *r)
{
	struct dentry *a = r->from.path.dentry, *b = r->to.path.dentry;

	if (a == b) {
		rwsem_write_lock(&a->inode->rwsem);
		return;
	}
	mutex_lock(&a->sb->rename_mutex);
	if (dentry_is_ancestor(b, a))
		swap(a, b);
	rwsem_write_lock(&a->inode->rwsem);
	rwsem_write_lock_nested(&b->inode->rwsem, 1);
}

static void unlock_dirs(const struct rename *r)
{
	struct dentry *a = r->from.path.dentry, *b = r->to.path.dentry;

	rwsem_write_unlock(&a->inode->rwsem);
	if (a == b)
		return;
	rwsem_write_unlock(&b->inode->rwsem);
	mutex_unlock(&a->sb->rename_mutex);
}

/* Order by address: the two are never above one another (check_tree). */
static void lock_inodes(struct inode *a, struct inode *b)
{
	if (b && a > b)
		swap(a, b);
	if (a != b && b)
		rwsem_write_lock_nested(&b->rwsem, 3);
	rwsem_write_lock_nested(&a->rwsem, b && a != b ? 4 : 3);
}

static void unlock_inodes(struct inode *a, struct inode *b)
{
	rwsem_write_unlock(&a->rwsem);
	if (b && b != a)
		rwsem_write_unlock(&b->rwsem);
}

/* The names as they are found: what may not be, before anybody's permission. */
static int check_names(const struct rename *r)
{
	const struct inode *old = r->old->inode, *new = r->new->inode;

	if (!old)
		return -ENOENT;
	if (new && (r->flags & RENAME_NOREPLACE))
		return -EEXIST;
	if (exchanges(r)) {
		if (!new)
			return -ENOENT;
		if (!S_ISDIR(new->mode) && r->to.slash)
			return -ENOTDIR;
	}
	if (!S_ISDIR(old->mode) && (r->from.slash || (!exchanges(r) && r->to.slash)))
		return -ENOTDIR;
	return 0;
}

/* Nothing may move below itself. */
static int check_tree(const struct rename *r)
{
	if (r->from.path.dentry == r->to.path.dentry)
		return 0;
	if (dentry_is_ancestor(r->old, r->to.path.dentry))
		return -EINVAL;
	if (dentry_is_ancestor(r->new, r->from.path.dentry))
		return exchanges(r) ? -EINVAL : -ENOTEMPTY;
	return 0;
}

static int check_permission(const struct rename *r)
{
	struct inode *from = r->from.path.dentry->inode, *to = r->to.path.dentry->inode;
	bool old_is_dir = S_ISDIR(r->old->inode->mode),
	     new_is_dir = r->new->inode &&S_ISDIR(r->new->inode->mode);
	int err = vfs_may_delete(from, r->old, old_is_dir);

	if (!err)
		err = r->new->inode ? vfs_may_delete(to, r->new, exchanges(r) ? new_is_dir : old_is_dir) :
				      vfs_may_create(to);
	if (err || from == to)
		return err;
	/* Its ".." changes. */
	if (old_is_dir)
		err = inode_permission(r->old->inode, MAY_WRITE);
	if (!err && exchanges(r) && new_is_dir)
		err = inode_permission(r->new->inode, MAY_WRITE);
	return err;
}

static int rename_locked(struct rename *r)
{
	struct inode *from = r->from.path.dentry->inode, *to = r->to.path.dentry->inode;
	int err = check_names(r);

	if (!err)
		err = check_tree(r);
	if (err || r->old->inode == r->new->inode)
		return err;
	err = check_permission(r);
	if (err)
		return err;
	if (!from->ops->rename)
		return -EPERM;
	if (dentry_is_mountpoint(r->old) || dentry_is_mountpoint(r->new))
		return -EBUSY;
	lock_inodes(r->old->inode, r->new->inode);
	err = from->ops->rename(from, r->old, to, r->new, r->flags);
	unlock_inodes(r->old->inode, r->new->inode);
	if (err)
		return err;
	if (exchanges(r)) {
		dentry_exchange(r->old, r->new);
		return 0;
	}
	if (r->new->inode && S_ISDIR(r->new->inode->mode))
		dcache_forget_children(r->new);
	dentry_move(r->old, r->new);
	return 0;
}

/* Lock, look both names up, rename. The replaced inode goes after the locks. */
static int rename_in(struct rename *r)
{
	struct inode *replaced = NULL;
	int err;

	lock_dirs(r);
	err = lookup_one_locked(r->from.path.dentry, &r->from.last, &r->old);
	if (err)
		goto unlock;
	err = lookup_one_locked(r->to.path.dentry, &r->to.last, &r->new);
	if (err)
		goto put_old;
	if (r->new->inode)
		replaced = inode_get(r->new->inode);
	err = rename_locked(r);
	dentry_put(r->new);
put_old:
	dentry_put(r->old);
unlock:
	unlock_dirs(r);
	inode_put(replaced);
	return err;
}

static int rename_names(int olddfd, const char *from, int newdfd, const char *to, u32 flags)
{
	struct rename r = { .flags = flags };
	int err = filename_parent(olddfd, from, 0, &r.from);

	if (err)
		return err;
	err = filename_parent(newdfd, to, 0, &r.to);
	if (err)
		goto put_from;
	if (r.from.path.mnt != r.to.path.mnt)
		err = -EXDEV;
	else if (r.from.type != LAST_NORM)
		err = -EBUSY;
	else if (r.to.type != LAST_NORM)
		err = flags & RENAME_NOREPLACE ? -EEXIST : -EBUSY;
	else
		err = mount_want_write(r.from.path.mnt);
	if (!err)
		err = rename_in(&r);
	path_put(&r.to.path);
put_from:
	path_put(&r.from.path);
	return err;
}

long sys_renameat2(int olddfd, uaddr_t oldname, int newdfd, uaddr_t newname, u32 flags)
{
	struct filename from, to;
	int err;

	if (flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE))
		return -EINVAL;
	if ((flags & RENAME_NOREPLACE) && (flags & RENAME_EXCHANGE))
		return -EINVAL;
	err = filename_get(&from, oldname, 0);
	if (err)
		return err;
	err = filename_get(&to, newname, 0);
	if (!err) {
		err = rename_names(olddfd, from.name, newdfd, to.name, flags);
		filename_put(&to);
	}
	filename_put(&from);
	return err;
}
