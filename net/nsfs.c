/* SPDX-License-Identifier: MIT */
/*
 * Files that name network namespaces: what /proc/PID/ns/net leads to. Whoever has one open, or
 * mounted on a file, keeps the namespace; setns(2) enters it.
 *
 * They lie on a mount in no tree. Each look makes an inode; all of one namespace have its number,
 * by which programs compare them.
 *
 * Limit: of their ioctls there is NS_GET_NSTYPE; the others, which tell of user namespaces, give
 * -ENOTTY.
 */
#include <fs/mount.h>
#include <kernel/bug.h>
#include <kernel/printk.h>
#include <kernel/task/nsproxy.h>
#include <kernel/task/pid.h>
#include <net/nsfs.h>

#define NSFS_MAGIC	0x6e736673
#define NS_GET_NSTYPE	0xb703
#define CLONE_NEWNET	0x40000000
/* As Linux numbers them: the first namespace of this kind, and those behind all first ones. */
#define FIRST_NUMBER	4026531840u
#define LATER_NUMBERS	4026532000u

static struct mount *nsfs_mount;	/* constant after boot */

u32 net_number(const struct net *net)
{
	return net->id ? LATER_NUMBERS + net->id : FIRST_NUMBER;
}

static long nsfs_ioctl(struct file *f, u32 cmd, u64 arg)
{
	return cmd == NS_GET_NSTYPE ? CLONE_NEWNET : -ENOTTY;
}

static const struct file_ops nsfs_file_ops = { .ioctl = nsfs_ioctl };

struct net *nsfs_net(const struct file *f)
{
	return f->ops == &nsfs_file_ops ? f->inode->private : NULL;
}

struct net *net_of_process(pid_t nr)
{
	struct thread *t = thread_lookup(nr);
	struct net *net = t ? thread_net(t) : NULL;

	if (t)
		thread_put(t);
	return net;
}

static char *nsfs_name(struct dentry *d, char *buf, size_t size)
{
	snprintf(buf, size, "net:[%lu]", d->inode->ino);
	return buf;
}

static void nsfs_evict(struct inode *inode)
{
	net_put(inode->private);
}

int nsfs_path(struct net *net, struct path *out)
{
	static const struct dentry_ops ops = { .dynamic_name = nsfs_name };
	static const struct inode_ops no_inode_ops;
	struct inode *inode = inode_new(nsfs_mount->sb);

	if (!inode) {
		net_put(net);
		return -ENOMEM;
	}
	inode->private = net;
	inode->ino = net_number(net);
	inode->mode = S_IFREG | 0444;
	inode->nlink = 1;
	inode->ops = &no_inode_ops;
	inode->fops = &nsfs_file_ops;
	inode->atime = inode->mtime = inode->ctime = inode_now(inode);
	out->mnt = nsfs_mount;
	out->dentry = dentry_alloc_root(inode);
	if (!out->dentry)
		return -ENOMEM;
	out->dentry->ops = &ops;
	refcount_inc(&nsfs_mount->refs);
	return 0;
}

void __init nsfs_init(void)
{
	static const struct super_ops super_ops = { .inode_evict = nsfs_evict };
	static const struct fstype type = { .name = "nsfs" };

	nsfs_mount = mount_internal(&type, NSFS_MAGIC, S_IFDIR | 0777);
	BUG_ON(!nsfs_mount);
	nsfs_mount->sb->ops = &super_ops;
	init_nsproxy.net = &init_net;
}
