/* SPDX-License-Identifier: MIT */
/*
 * Files without a name in any directory: eventfd, epoll, pidfd and the like.
 *
 * They live on a mount that is in no tree. All share one inode, since none has
 * anything to keep in it; files of one kind share one dentry, whose name /proc
 * shows as "anon_inode:[eventfd]". So making one costs a struct file and a hash lookup.
 */
#include <fs/file.h>
#include <fs/mount.h>
#include <fs/namei.h>
#include <kernel/bug.h>
#include <kernel/lib/string.h>
#include <kernel/printk.h>
#include <kernel/uapi/fcntl.h>

#define ANON_INODE_FS_MAGIC	0x09041934

static struct mount *anon_mount;	/* constant after boot */

static char *anon_name(struct dentry *d, char *buf, size_t size)
{
	snprintf(buf, size, "anon_inode:%s", d->name.name);
	return buf;
}

static const struct dentry_ops anon_dentry_ops = { .dynamic_name = anon_name };

/* The dentry of a kind, with a reference; made when the first file of its kind is. */
static struct dentry *kind_dentry(const char *name, int *err)
{
	struct dentry *root = anon_mount->root, *d;
	struct qstr q;

	qstr_init(&q, name, strlen(name));
	d = dcache_lookup(root, &q);
	if (likely(d))
		return d;
	rwsem_write_lock(&root->inode->rwsem);
	d = dcache_lookup(root, &q);
	if (!d) {
		d = dentry_alloc(root, &q);
		if (d) {
			dentry_instantiate(d, inode_get(root->inode));
			dentry_add(d);
		} else {
			*err = -ENOMEM;
		}
	}
	rwsem_write_unlock(&root->inode->rwsem);
	return d;
}

struct file *file_create_anon(const char *name, const struct file_ops *ops, void *private,
			      u32 flags, int *err)
{
	struct dentry *d = kind_dentry(name, err);
	struct file *f;

	if (!d)
		return NULL;
	f = file_alloc(flags & ~(u32)O_CLOEXEC);
	if (!f) {
		dentry_put(d);
		*err = -ENOMEM;
		return NULL;
	}
	f->path = (struct path){ anon_mount, d };
	refcount_inc(&anon_mount->refs);
	f->inode = d->inode;
	f->ops = ops;
	f->private = private;
	/* they wait for events alone, and ask kio_nonblock() first */
	f->mode |= FMODE_NOWAIT;
	return f;
}

int fd_create_anon(const char *name, const struct file_ops *ops, void *private, u32 flags)
{
	int fd = fd_reserve(flags), err;
	struct file *f;

	if (fd < 0)
		return fd;
	f = file_create_anon(name, ops, private, flags, &err);
	if (!f) {
		fd_release(fd);
		return err;
	}
	fd_install(fd, f);
	return fd;
}

loff_t noop_llseek(struct file *f, loff_t off, int whence)
{
	return f->pos;
}

void __init anon_init(void)
{
	static const struct fstype type = { .name = "anon_inodefs" };

	anon_mount = mount_internal(&type, ANON_INODE_FS_MAGIC, 0600);
	BUG_ON(!anon_mount);
	anon_mount->root->ops = &anon_dentry_ops;
}
