/* SPDX-License-Identifier: MIT */
/*
 * Block devices as files: the raw contents through the device's own page cache,
 * which file systems on it use for their metadata.
 *
 * A node has an inode of its file system; opening it makes the file's mapping the
 * device's. O_EXCL claims the device, as a mounted file system does: a second
 * claim is -EBUSY, plain opens are not refused.
 *
 * ioctls: include/uapi/linux/fs.h of Linux for the numbers.
 */
#include <arch/uaccess.h>
#include <drivers/block/block.h>
#include <fs/blkdev.h>
#include <fs/chrdev.h>
#include <fs/namei.h>
#include <kernel/lib/string.h>
#include <kernel/printk.h>
#include <kernel/task/cred.h>
#include <kernel/task/thread.h>
#include <kernel/uapi/fcntl.h>

#define BLKROSET	0x125d
#define BLKROGET	0x125e
#define BLKRRPART	0x125f
#define BLKGETSIZE	0x1260		/* sectors, long */
#define BLKFLSBUF	0x1261
#define BLKRASET	0x1262
#define BLKRAGET	0x1263		/* sectors, long */
#define BLKSSZGET	0x1268		/* logical block, int */
#define BLKPG		0x1269
#define BLKIOMIN	0x1278
#define BLKIOOPT	0x1279
#define BLKALIGNOFF	0x127a
#define BLKPBSZGET	0x127b
#define BLKDISCARDZEROES 0x127c
#define BLKROTATIONAL	0x127e		/* short */
#define BLKBSZGET	0x80081270	/* int, whatever the number says */
#define BLKBSZSET	0x40081271
#define BLKGETSIZE64	0x80081272

static struct blockdev *dev_of(const struct file *f)
{
	return f->private;
}

static int blkdev_open(struct inode *inode, struct file *f)
{
	struct blockdev *b = blockdev_find(inode->rdev);
	int err = 0;

	if (!b)
		return -ENXIO;
	if (f->flags & O_EXCL)
		err = blockdev_claim(b, f);
	if (err)
		return err;
	f->private = b;
	f->mapping = b->mapping;
	f->wb_err_seen = mapping_error_sample(b->mapping);
	atomic_inc(&b->openers);
	return 0;
}

/* The last close writes what is dirty, as Linux's does; its errors are fsync's to tell. */
static void blkdev_release(struct file *f)
{
	struct blockdev *b = dev_of(f);

	if (atomic_dec_return(&b->openers) == 0)
		(void)mapping_write_and_wait(b->mapping, 0, S64_MAX);
	blockdev_release(b, f);
}

static ssize_t blkdev_write(struct kio *kio, struct iov_iter *from)
{
	struct file *f = kio->file;
	struct blockdev *b = dev_of(f);
	loff_t start = kio->pos;
	ssize_t done;
	int err;

	if (blockdev_is_read_only(b))
		return -EPERM;
	if (!iov_iter_count(from))
		return 0;
	if (start >= b->bytes)
		return -ENOSPC;
	iov_iter_truncate(from, (size_t)(b->bytes - start));
	done = generic_write_pages(kio, from);
	if (done > 0 && (kio->flags & (KIO_SYNC | KIO_DSYNC))) {
		err = file_sync(f, start, start + done - 1, true);
		if (err)
			return err;
	}
	return done;
}

static loff_t blkdev_llseek(struct file *f, loff_t off, int whence)
{
	loff_t size = dev_of(f)->bytes;

	return sized_llseek(f, off, whence, size, size);
}

static int blkdev_fsync(struct file *f, loff_t start, loff_t end, bool datasync)
{
	struct blockdev *b = dev_of(f);
	int err = mapping_write_and_wait(b->mapping, start, end);
	int flush_err = blockdev_flush(b);

	return err ? err : flush_err;
}

static long put_int(uaddr_t to, u32 value)
{
	return put_user((s32)value, to);
}

static long put_long(uaddr_t to, u64 value)
{
	return put_user(value, to);
}

static long set_read_only(struct blockdev *b, uaddr_t arg)
{
	s32 on;

	if (!capable(CAP_SYS_ADMIN))
		return -EACCES;
	if (get_user(on, arg))
		return -EFAULT;
	if (!on && b->disk->limits.read_only)
		return -EACCES;
	WRITE_ONCE(b->read_only, on != 0);
	return 0;
}

/* Write everything, then drop what is clean. */
static long flush_buffers(struct blockdev *b)
{
	int err;

	if (!capable(CAP_SYS_ADMIN))
		return -EACCES;
	err = blockdev_sync(b);
	(void)mapping_invalidate(b->mapping, 0, S64_MAX);
	return err;
}

/* include/uapi/linux/blkpg.h; bytes. */
struct blkpg_arg {
	s32 op, flags, datalen, pad;
	u64 data;
};
struct blkpg_partition {
	s64 start, length;
	s32 pno;
	char devname[64], volname[64];
};
#define BLKPG_ADD_PARTITION	1
#define BLKPG_DEL_PARTITION	2
#define BLKPG_RESIZE_PARTITION	3

/* Limit: partitions grow; they are neither made nor taken away, nor do they shrink. */
static long change_partition(struct blockdev *b, uaddr_t arg)
{
	struct blkpg_arg a;
	struct blkpg_partition p;
	s64 mask = b->disk->limits.logical_block - 1;

	if (copy_from_user(&a, arg, sizeof(a)))
		return -EFAULT;
	if (!capable(CAP_SYS_ADMIN))
		return -EACCES;
	if (copy_from_user(&p, a.data, sizeof(p)))
		return -EFAULT;
	if (b->partno || p.pno <= 0 || p.start < 0 || p.length <= 0 ||
	    ((p.start | p.length) & mask))
		return -EINVAL;
	if (a.op == BLKPG_ADD_PARTITION || a.op == BLKPG_DEL_PARTITION)
		return -EOPNOTSUPP;
	if (a.op != BLKPG_RESIZE_PARTITION)
		return -EINVAL;
	return blockdev_grow(b->disk, (u32)p.pno, (sector_t)p.start >> SECTOR_SHIFT,
			     (sector_t)p.length >> SECTOR_SHIFT);
}

static long blkdev_ioctl(struct file *f, u32 cmd, u64 arg)
{
	struct blockdev *b = dev_of(f);
	const struct disk_limits *l = &b->disk->limits;

	switch (cmd) {
	case BLKGETSIZE64:
		return put_long(arg, (u64)b->bytes);
	case BLKGETSIZE:
		return put_long(arg, b->sectors);
	case BLKSSZGET:
		return put_int(arg, l->logical_block);
	case BLKPBSZGET:
		return put_int(arg, l->physical_block);
	case BLKIOMIN:
		return put_int(arg, l->io_min);
	case BLKIOOPT:
		return put_int(arg, l->io_opt);
	case BLKALIGNOFF:
		return put_int(arg, l->alignment_offset);
	case BLKBSZGET:
		return put_int(arg, PAGE_SIZE);
	case BLKRAGET:
		return put_long(arg, READAHEAD_PAGES * (PAGE_SIZE / 512));
	case BLKDISCARDZEROES:
		return put_int(arg, 0);
	case BLKROTATIONAL:
		return put_user((u16)l->rotational, arg);
	case BLKROGET:
		return put_int(arg, blockdev_is_read_only(b));
	case BLKROSET:
		return set_read_only(b, arg);
	case BLKFLSBUF:
		return flush_buffers(b);
	case BLKPG:
		return change_partition(b, (uaddr_t)arg);
	}
	return b->disk->ops->ioctl ? b->disk->ops->ioctl(b->disk, cmd, arg) : -ENOTTY;
}

static int blkdev_mmap(struct file *f, struct vma *vma)
{
	return generic_file_mmap(f, vma);
}

const struct file_ops blkdev_file_ops = {
	.open = blkdev_open,
	.release = blkdev_release,
	.read = generic_file_read,
	.pages = generic_file_pages,
	.write = blkdev_write,
	.llseek = blkdev_llseek,
	.fsync = blkdev_fsync,
	.ioctl = blkdev_ioctl,
	.mmap = blkdev_mmap,
};

/* --- nodes and names --- */

static void make_node(struct blockdev *b)
{
	int err = chrdev_node_create(b->name, S_IFBLK | 0660, b->dev);

	if (err)
		pr_err("%s: no node in /dev: error %d\n", b->name, -err);
}

static void remove_node(struct blockdev *b)
{
	chrdev_node_remove(b->name, S_IFBLK | 0660, b->dev);
}

void blkdev_init(void)
{
	static const struct blockdev_watcher nodes = { .added = make_node, .removed = remove_node };

	blockdev_watch(&nodes);
}

static int dev_of_path(const char *source, dev_t *dev)
{
	struct path path;
	int err = path_lookup_kernel(source, LOOKUP_FOLLOW, &path);

	if (err)
		return err;
	if (!S_ISBLK(path.dentry->inode->mode))
		err = -ENOTBLK;
	else
		*dev = path.dentry->inode->rdev;
	path_put(&path);
	return err;
}

/* "254:1", as in /proc/self/mountinfo. */
static bool parse_number(const char *s, dev_t *dev)
{
	u32 n[2] = { 0, 0 };

	for (u32 i = 0; i < 2; i++) {
		if (*s < '0' || *s > '9')
			return false;
		while (*s >= '0' && *s <= '9')
			n[i] = n[i] * 10 + (u32)(*s++ - '0');
		if (*s++ != (i ? '\0' : ':'))
			return false;
	}
	*dev = MKDEV(n[0], n[1]);
	return true;
}

int blkdev_of_source(const char *source, struct blockdev **out)
{
	dev_t dev;
	int err;

	if (!source)
		return -EINVAL;
	if (!current->mm) {
		*out = parse_number(source, &dev) ? blockdev_find(dev) : blockdev_by_name(source);
		return *out ? 0 : -ENXIO;
	}
	err = dev_of_path(source, &dev);
	if (err)
		return err;
	*out = blockdev_find(dev);
	return *out ? 0 : -ENXIO;
}
