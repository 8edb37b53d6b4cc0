/* SPDX-License-Identifier: MIT */
/*
 * One name in one directory, and names as they come from user memory. A name that is
 * not cached is asked of the file system with the directory write-locked.
 */
#include <fs/namei.h>
#include <kernel/lib/string.h>
#include <kernel/mm/alloc.h>
#include <arch/uaccess.h>

int filename_get(struct filename *fn, uaddr_t name, u32 flags)
{
	ssize_t n = strncpy_from_user(fn->text, name, FILENAME_INLINE);

	fn->name = fn->text;
	fn->allocated = NULL;
	if (n == FILENAME_INLINE) {
		fn->allocated = kmalloc(PATH_MAX, GFP_KERNEL);
		if (!fn->allocated)
			return -ENOMEM;
		fn->name = fn->allocated;
		n = strncpy_from_user(fn->allocated, name, PATH_MAX);
		if (n == PATH_MAX)
			n = -ENAMETOOLONG;
	}
	if (n == 0 && !(flags & LOOKUP_EMPTY))
		n = -ENOENT;
	if (n < 0) {
		filename_put(fn);
		return n;
	}
	return 0;
}

void filename_put(struct filename *fn)
{
	if (fn->allocated)
		kfree(fn->allocated);
}

void qstr_init(struct qstr *q, const char *name, size_t len)
{
	u32 h = 0;

	for (size_t i = 0; i < len; i++)
		h = h * 31 + (u8)name[i];
	*q = (struct qstr){ .hash = h, .len = len, .name = name };
}

/* --- one name --- */

static int lookup_cached(struct dentry *dir, const struct qstr *name, struct dentry **out)
{
	struct dentry *d = dcache_lookup(dir, name);

	if (d && d->ops && d->ops->revalidate) {
		int valid = d->ops->revalidate(d, 0);

		if (valid <= 0) {
			dentry_drop(d);
			dentry_put(d);
			if (valid < 0)
				return valid;
			d = NULL;
		}
	}
	*out = d;
	return 0;
}

/* The write lock keeps two lookups of one name from both adding it; only misses come here. */
int lookup_one_locked(struct dentry *dir, const struct qstr *name, struct dentry **out)
{
	struct inode *inode = dir->inode;
	struct dentry *d;
	int err;

	if (name->len > NAME_MAX)
		return -ENAMETOOLONG;
	err = lookup_cached(dir, name, out);
	if (err || *out)
		return err;
	if (!inode->nlink)
		return -ENOENT;
	d = dentry_alloc(dir, name);
	if (!d)
		return -ENOMEM;
	err = inode->ops->lookup ? inode->ops->lookup(inode, d) : -ENOTDIR;
	if (err) {
		dentry_put(d);
		return err;
	}
	if (!(d->flags & DENTRY_HASHED))
		dentry_add(d);
	*out = d;
	return 0;
}

static int lookup_uncached(struct dentry *dir, const struct qstr *name, struct dentry **out)
{
	struct inode *inode = dir->inode;
	int err = rwsem_write_lock_killable(&inode->rwsem);

	if (err)
		return err;
	err = lookup_one_locked(dir, name, out);
	rwsem_write_unlock(&inode->rwsem);
	return err;
}

int lookup_one(struct dentry *dir, const struct qstr *name, struct dentry **out)
{
	int err = lookup_cached(dir, name, out);

	return err || *out ? err : lookup_uncached(dir, name, out);
}
