/* SPDX-License-Identifier: MIT */
/*
 * Character devices: who serves a number. Opening a node swaps the file's
 * operations for the driver's.
 *
 * Ranges are registered at boot and stay for ever, so opening a device walks
 * their list without a lock; ranges_lock keeps two registrations apart.
 */
#include <fs/blkdev.h>
#include <fs/chrdev.h>
#include <fs/pipe.h>
#include <kernel/lock/mutex.h>
#include <kernel/mm/alloc.h>

struct range {
	dev_t first;
	u32 count;
	const char *name;
	const struct file_ops *ops;
	struct list_head node;
};

static DEFINE_MUTEX(ranges_lock, RANK_MUTEX_LEAF);	/* to add */
static LIST_HEAD(ranges);

static struct range *find(dev_t first, u32 count)
{
	struct range *r;

	list_for_each_rcu(r, &ranges, node)
		if (first < r->first + r->count && r->first < first + count)
			return r;
	return NULL;
}

int chrdev_register(dev_t dev, u32 count, const char *name, const struct file_ops *ops)
{
	struct range *r = kzalloc(sizeof(*r), GFP_KERNEL);
	int err = 0;

	if (!r)
		return -ENOMEM;
	*r = (struct range){ .first = dev, .count = count, .name = name, .ops = ops };
	mutex_lock(&ranges_lock);
	if (find(dev, count))
		err = -EBUSY;
	else
		list_add_tail(&r->node, &ranges);
	mutex_unlock(&ranges_lock);
	if (err)
		kfree(r);
	return err;
}

static int chrdev_open(struct inode *inode, struct file *f)
{
	struct range *r = find(inode->rdev, 1);

	if (!r)
		return -ENXIO;
	f->ops = r->ops;
	return r->ops->open ? r->ops->open(inode, f) : 0;
}

const struct file_ops chrdev_file_ops = { .open = chrdev_open };

/* A socket's node has none: opening it is -ENXIO. */
void inode_set_node_ops(struct inode *inode)
{
	if (S_ISCHR(inode->mode))
		inode->fops = &chrdev_file_ops;
	else if (S_ISBLK(inode->mode))
		inode->fops = &blkdev_file_ops;
	else if (S_ISFIFO(inode->mode))
		inode->fops = &fifo_file_ops;
}

void chrdev_for_each(void (*fn)(u32 major, const char *name, void *arg), void *arg)
{
	struct range *r;

	list_for_each_rcu(r, &ranges, node)
		fn(MAJOR(r->first), r->name, arg);
}
