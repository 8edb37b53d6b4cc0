/* SPDX-License-Identifier: MIT */
/*
 * devtmpfs: a tmpfs in which the kernel makes the device nodes.
 *
 * There is one instance, made at boot and never freed; every mount shows it, and
 * users may add to it, remove and chmod as in any tmpfs. What nodes drivers named is
 * kept in a list: those from before it exists are made with it, and sysfs shows them all.
 * A name stays in it when its device goes: another one, or the same, may come in its place.
 */
#include <fs/chrdev.h>
#include <fs/dev/devtmpfs.h>
#include <fs/mount.h>
#include <fs/namei.h>
#include <fs/tmpfs/tmpfs.h>
#include <kernel/bug.h>
#include <kernel/lib/string.h>
#include <kernel/mm/alloc.h>
#include <kernel/printk.h>
#include <kernel/uapi/fcntl.h>

#define NODE_NAME_MAX	48

struct known_node {
	struct list_head link;
	char name[NODE_NAME_MAX];
	umode_t mode;
	dev_t dev;
};

static DEFINE_MUTEX(known_lock, RANK_MUTEX_LEAF);	/* additions to the list */
static LIST_HEAD(known_nodes);			/* only ever grows: read without a lock */
static struct superblock *instance;	/* constant once set */

/*
 * The entry of dir, made if it is missing. With a reference in *out. -EEXIST: a node that is there.
 */
static int make_one(struct dentry *dir, const struct qstr *name, umode_t mode, dev_t dev,
		    struct dentry **out)
{
	struct inode *inode = dir->inode;
	int err;

	rwsem_write_lock(&inode->rwsem);
	err = lookup_one_locked(dir, name, out);
	if (!err) {
		if ((*out)->inode)
			err = S_ISDIR(mode) && S_ISDIR((*out)->inode->mode) ? 0 : -EEXIST;
		else if (S_ISDIR(mode))
			err = inode->ops->mkdir(inode, *out, mode);
		else
			err = inode->ops->mknod(inode, *out, mode, dev);
		if (err)
			dentry_put(*out);
	}
	rwsem_write_unlock(&inode->rwsem);
	return err;
}

/* "a/b/name": the directories, then the node. */
static int make_path(const char *path, umode_t mode, dev_t dev)
{
	struct dentry *dir = dentry_get(instance->root);
	int err = 0;

	while (!err && path) {
		const char *slash = strchr(path, '/');
		struct dentry *entry;
		struct qstr name;

		qstr_init(&name, path, slash ? (size_t)(slash - path) : strlen(path));
		err = make_one(dir, &name, slash ? S_IFDIR | 0755 : mode, dev, &entry);
		if (!err) {
			dentry_put(dir);
			dir = entry;
		}
		path = slash ? slash + 1 : NULL;
	}
	dentry_put(dir);
	return err;
}

/* known_lock held */
static bool is_known(const struct known_node *wanted)
{
	struct known_node *n;

	list_for_each(n, &known_nodes, link)
		if (!strcmp(n->name, wanted->name) && n->mode == wanted->mode &&
		    n->dev == wanted->dev)
			return true;
	return false;
}

static int remember(const char *name, umode_t mode, dev_t dev)
{
	struct known_node *n = kzalloc(sizeof(*n), GFP_KERNEL);
	bool known;

	if (!n)
		return -ENOMEM;
	if (strscpy(n->name, name, sizeof(n->name)) < 0) {
		kfree(n);
		return -ENAMETOOLONG;
	}
	n->mode = mode;
	n->dev = dev;
	mutex_lock(&known_lock);
	known = is_known(n);
	if (!known)
		list_add_tail(&n->link, &known_nodes);
	mutex_unlock(&known_lock);
	if (known)
		kfree(n);
	return 0;
}

int chrdev_node_create(const char *name, umode_t mode, dev_t dev)
{
	int err = remember(name, mode, dev);

	return err || !instance ? err : make_path(name, mode, dev);
}

/* Is it the node that the kernel made? A user may have put another there. */
static bool is_node(const struct dentry *d, umode_t mode, dev_t dev)
{
	return d->inode && (d->inode->mode & S_IFMT) == (mode & S_IFMT) && d->inode->rdev == dev;
}

void chrdev_node_remove(const char *name, umode_t mode, dev_t dev)
{
	struct inode *dir = instance->root->inode, *victim = NULL;
	struct dentry *d;
	struct qstr q;

	qstr_init(&q, name, strlen(name));
	rwsem_write_lock(&dir->rwsem);
	if (!lookup_one_locked(instance->root, &q, &d)) {
		if (is_node(d, mode, dev) && !dentry_is_mountpoint(d)) {
			victim = d->inode;
			inode_get(victim);
			rwsem_write_lock_nested(&victim->rwsem, 1);
			if (!dir->ops->unlink(dir, d))
				dentry_delete(d);
			rwsem_write_unlock(&victim->rwsem);
		}
		dentry_put(d);
	}
	rwsem_write_unlock(&dir->rwsem);
	inode_put(victim);
}

static int devtmpfs_get(const struct fstype *type, u32 flags, const char *source, char *options,
			struct superblock **out)
{
	int err = tmpfs_remount(instance, &flags, options);

	if (err)
		return err;
	refcount_inc(&instance->refs);
	*out = instance;
	return 0;
}

FILESYSTEM(devtmpfs) = { .name = "devtmpfs", .mount = devtmpfs_get };

void devtmpfs_init(void)
{
	struct known_node *n;

	char options[] = "mode=755";

	if (tmpfs_mount(&fstype_devtmpfs, 0, NULL, options, &instance))
		panic("no memory for devtmpfs");
	list_for_each(n, &known_nodes, link) {
		int err = make_path(n->name, n->mode, n->dev);

		if (err)
			pr_err("devtmpfs: no node %s: error %d", n->name, -err);
	}
}

void chrdev_nodes_for_each(bool (*fn)(const char *name, umode_t mode, dev_t dev, void *arg),
			   void *arg)
{
	struct known_node *n;

	list_for_each_rcu(n, &known_nodes, link)
		if (!fn(n->name, n->mode, n->dev, arg))
			return;
}

void devtmpfs_mount(void)
{
	struct path path;
	int err = path_lookup_kernel("/dev", LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &path);

	if (err)
		return;
	err = mount_new(&path, "devtmpfs", MS_RELATIME, "devtmpfs", NULL);
	if (err)
		pr_err("devtmpfs: not mounted on /dev: error %d", -err);
	path_put(&path);
}
