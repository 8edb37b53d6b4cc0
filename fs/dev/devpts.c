/* SPDX-License-Identifier: MIT */
/*
 * devpts: the slaves of pseudo-terminals by number, and ptmx.
 *
 * A tmpfs whose root only the kernel adds to and takes from: drivers/tty/pty.c
 * says which pairs there are. The nodes belong to whoever opened the master.
 *
 * Limit: one instance, which every mount shows; the options of the last mount
 * count for all. (On Linux each mount is an instance of its own.)
 */
#include <drivers/tty/pty.h>
#include <fs/chrdev.h>
#include <fs/dev/devpts.h>
#include <fs/mount.h>
#include <fs/namei.h>
#include <fs/tmpfs/tmpfs.h>
#include <kernel/bug.h>
#include <kernel/lib/string.h>
#include <kernel/printk.h>

#define DEVPTS_MAGIC	0x1cd1
#define ID_UNSET	(~0u)		/* no uid=, gid=: the opener's */
#define PTMX_DEV	MKDEV(5, 2)

struct pts_options {
	uid_t uid;
	gid_t gid;
	u32 mode, ptmxmode, max;
};

static const struct pts_options defaults = {
	.uid = ID_UNSET, .gid = ID_UNSET, .mode = 0600, .ptmxmode = 0, .max = PTY_MAX,
};

/* Of the last mount that succeeded. Read without a lock: each is one word. */
static struct pts_options options = {
	.uid = ID_UNSET, .gid = ID_UNSET, .mode = 0600, .ptmxmode = 0, .max = PTY_MAX,
};

/* Constant after boot. */
static struct superblock *instance;
static const struct inode_ops *tmpfs_dir_ops;
static struct inode_ops root_ops;
static struct super_ops super_ops;
static struct inode *ptmx_inode;

/* Look name up in the locked root, with a reference. */
static int find_locked(const char *name, struct dentry **out)
{
	struct qstr q;

	qstr_init(&q, name, strlen(name));
	return lookup_one_locked(instance->root, &q, out);
}

static int add_node(const char *name, umode_t mode, dev_t dev, uid_t uid, gid_t gid)
{
	struct inode *root = instance->root->inode;
	struct dentry *d;
	int err;

	rwsem_write_lock(&root->rwsem);
	err = find_locked(name, &d);
	if (!err) {
		err = d->inode ? -EEXIST : tmpfs_dir_ops->mknod(root, d, S_IFCHR | mode, dev);
		if (!err) {
			d->inode->uid = uid;
			d->inode->gid = gid;
		}
		dentry_put(d);
	}
	rwsem_write_unlock(&root->rwsem);
	return err;
}

static int pts_add(u32 n, uid_t uid, gid_t gid)
{
	char name[12];

	if (n >= options.max)
		return -ENOSPC;
	if (options.uid != ID_UNSET)
		uid = options.uid;
	if (options.gid != ID_UNSET)
		gid = options.gid;
	snprintf(name, sizeof(name), "%u", n);
	return add_node(name, options.mode, MKDEV(PTY_SLAVE_MAJOR, n), uid, gid);
}

static void pts_remove(u32 n)
{
	struct inode *root = instance->root->inode;
	struct dentry *d;
	char name[12];

	snprintf(name, sizeof(name), "%u", n);
	rwsem_write_lock(&root->rwsem);
	if (!find_locked(name, &d)) {
		if (d->inode) {
			tmpfs_dir_ops->unlink(root, d);
			dentry_delete(d);
		}
		dentry_put(d);
	}
	rwsem_write_unlock(&root->rwsem);
}

/* A mount that shows the instance, with a reference; NULL: it is mounted nowhere. */
static struct mount *shown_at(void)
{
	struct mount *m, *found = NULL;

	spin_lock(&mount_lock);
	list_for_each(m, &init_mnt_ns.mounts, ns_node) {
		if (m->sb == instance) {
			refcount_inc(&m->refs);
			found = m;
			break;
		}
	}
	spin_unlock(&mount_lock);
	return found;
}

static struct file *pts_open(u32 n, int flags, int *err)
{
	struct inode *root = instance->root->inode;
	struct path path = { .mnt = shown_at() };
	struct file *f = NULL;
	char name[12];

	*err = -ENODEV;
	if (!path.mnt)
		return NULL;
	snprintf(name, sizeof(name), "%u", n);
	rwsem_write_lock(&root->rwsem);
	*err = find_locked(name, &path.dentry);
	rwsem_write_unlock(&root->rwsem);
	if (!*err) {
		if (path.dentry->inode)
			f = file_open_path(&path, flags, err);
		else
			*err = -ENOENT;
	}
	path_put(&path);
	return f;
}

static const struct pty_fs_ops pty_fs_ops = { .add = pts_add, .remove = pts_remove, .open = pts_open };

/* --- mount options: "gid=5,mode=620,ptmxmode=666" --- */

static int parse_number(const char *word, const char *name, unsigned base, u32 *out)
{
	size_t len = strlen(name);
	u64 value;

	if (strncmp(word, name, len))
		return 0;
	if (kstrtou64(word + len, base, &value) || value > U32_MAX ||
	    (base == 8 && value > S_IALLUGO))
		return -EINVAL;
	*out = value;
	return 1;
}

static int parse_word(const char *word, struct pts_options *o)
{
	int got = parse_number(word, "uid=", 10, &o->uid);

	got = got ?: parse_number(word, "gid=", 10, &o->gid);
	got = got ?: parse_number(word, "mode=", 8, &o->mode);
	got = got ?: parse_number(word, "ptmxmode=", 8, &o->ptmxmode);
	got = got ?: parse_number(word, "max=", 10, &o->max);
	if (got > 0)
		return o->max <= PTY_MAX ? 0 : -EINVAL;
	/* Linux takes it, and does nothing. */
	return got < 0 || strcmp(word, "newinstance") ? -EINVAL : 0;
}

/* What text says beside what begin has counts from now on, or nothing of it. */
static int set_options(const struct pts_options *begin, char *text)
{
	struct pts_options o = *begin;
	int err = 0;

	while (!err && text && *text) {
		char *comma = strchr(text, ',');

		if (comma)
			*comma++ = '\0';
		err = *text ? parse_word(text, &o) : 0;
		text = comma;
	}
	if (err)
		return err;
	options = o;
	ptmx_inode->mode = S_IFCHR | o.ptmxmode;
	return 0;
}

static void show_options(struct superblock *sb, char *buf, size_t len)
{
	size_t n = 0;

	if (options.uid != ID_UNSET)
		n += snprintf(buf + n, len - n, ",uid=%u", options.uid);
	if (options.gid != ID_UNSET)
		n += snprintf(buf + n, len - n, ",gid=%u", options.gid);
	snprintf(buf + n, len - n, ",mode=%03o,ptmxmode=%03o", options.mode, options.ptmxmode);
}

/* The defaults first: a mount's options are all it says, not what others said before. */
static int devpts_get(const struct fstype *type, u32 flags, const char *source, char *text,
		      struct superblock **out)
{
	int err = set_options(&defaults, text);

	if (err)
		return err;
	refcount_inc(&instance->refs);
	*out = instance;
	return 0;
}

static int devpts_remount(struct superblock *sb, u32 *flags, char *text)
{
	return set_options(&options, text);
}

FILESYSTEM(devpts) = { .name = "devpts", .mount = devpts_get };

static void find_ptmx(void)
{
	struct inode *root = instance->root->inode;
	struct dentry *d;

	rwsem_write_lock(&root->rwsem);
	BUG_ON(find_locked("ptmx", &d));
	ptmx_inode = d->inode;
	dentry_put(d);
	rwsem_write_unlock(&root->rwsem);
}

void devpts_init(void)
{
	char mode[] = "mode=755";
	struct inode *root;

	if (tmpfs_mount(&fstype_devpts, 0, NULL, mode, &instance))
		panic("no memory for devpts");
	root = instance->root->inode;
	tmpfs_dir_ops = root->ops;
	root_ops = (struct inode_ops){
		.lookup = tmpfs_dir_ops->lookup, .setattr = tmpfs_dir_ops->setattr,
		.getattr = tmpfs_dir_ops->getattr,
	};
	root->ops = &root_ops;
	super_ops = *instance->ops;
	super_ops.show_options = show_options;
	super_ops.remount = devpts_remount;
	super_ops.statfs = NULL;	/* no blocks, no inodes to tell of */
	instance->ops = &super_ops;
	instance->magic = DEVPTS_MAGIC;
	BUG_ON(add_node("ptmx", 0, PTMX_DEV, 0, 0));
	find_ptmx();
	pty_set_fs(&pty_fs_ops);
}
