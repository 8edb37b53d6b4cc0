/* SPDX-License-Identifier: MIT */
/* The way back: from a dentry in a mount to its name, for getcwd and /proc. */
#include <fs/namei.h>
#include <fs/file.h>
#include <fs/mount.h>
#include <kernel/lib/string.h>
#include <kernel/task/thread.h>

static int prepend(char **p, const char *buf, const char *s, u32 len)
{
	if (*p - buf < len + 1)
		return -ENAMETOOLONG;
	*p -= len;
	memcpy(*p, s, len);
	*--*p = '/';
	return 0;
}

static struct dentry *prepend_dentry(char **p, const char *buf, struct dentry *d, int *err)
{
	struct dentry *parent;

	spin_lock(&d->lock);
	*err = prepend(p, buf, d->name.name, d->name.len);
	parent = d->parent;
	spin_unlock(&d->lock);
	return parent;
}

char *path_below_locked(const struct path *path, const struct path *root, char *buf, size_t size,
			bool *reached)
{
	struct dentry *d = path->dentry;
	struct mount *m = path->mnt;
	char *p = buf + size - 1;
	int err = 0;

	assert_spin_held(&mount_lock);
	*p = '\0';
	while (!err && !(d == root->dentry && m == root->mnt)) {
		if (d != m->root) {
			d = prepend_dentry(&p, buf, d, &err);
		} else if (m->parent) {
			d = m->mountpoint;
			m = m->parent;
		} else {
			break;
		}
	}
	*reached = d == root->dentry && m == root->mnt;
	if (!err && !*p)
		err = prepend(&p, buf, "", 0);
	return err ? ERR_PTR(err) : p;
}

char *dentry_to_string(struct dentry *d, char *buf, size_t size)
{
	char *p = buf + size - 1;
	int err = 0;

	*p = '\0';
	rcu_read_lock();
	while (!err && READ_ONCE(d->parent) != d)
		d = prepend_dentry(&p, buf, d, &err);
	rcu_read_unlock();
	if (!err && !*p)
		err = prepend(&p, buf, "", 0);
	return err ? ERR_PTR(err) : p;
}

/* Up to the caller's root; a path not below it is given from the top of the tree. */
char *path_to_string(const struct path *path, char *buf, size_t size)
{
	struct dentry *d = path->dentry;
	struct path root;
	bool reached;
	char *text;

	if (d->ops && d->ops->dynamic_name)
		return d->ops->dynamic_name(d, buf, size);
	fs_get_root(current->fs, &root);
	spin_lock(&mount_lock);
	text = path_below_locked(path, &root, buf, size, &reached);
	spin_unlock(&mount_lock);
	path_put(&root);
	return text;
}
