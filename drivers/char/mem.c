/* SPDX-License-Identifier: MIT */
/*
 * Major 1: /dev/null, zero, full, random, urandom, kmsg.
 *
 * Limit: no /dev/mem, kmem or port: there is no such minor (-ENXIO).
 */
#include <drivers/char/char.h>
#include <fs/chrdev.h>
#include <fs/tmpfs/tmpfs.h>
#include <fs/poll.h>
#include <kernel/bug.h>
#include <kernel/mm/vma.h>
#include <kernel/sched/sched.h>
#include <kernel/task/signal.h>
#include <arch/page.h>

#define MEM_MAJOR	1

static ssize_t null_read(struct kio *kio, struct iov_iter *to)
{
	return 0;
}

static ssize_t null_write(struct kio *kio, struct iov_iter *from)
{
	size_t n = iov_iter_count(from);

	iov_iter_advance(from, n);
	return n;
}

static loff_t null_llseek(struct file *f, loff_t off, int whence)
{
	return f->pos = 0;
}

/* A page at a time, so that a signal ends a read of gigabytes. */
static ssize_t zero_read(struct kio *kio, struct iov_iter *to)
{
	ssize_t done = 0;

	while (iov_iter_count(to)) {
		size_t want = min(iov_iter_count(to), (size_t)PAGE_SIZE), n = zero_iter(want, to);

		done += n;
		if (n < want)
			return done ? done : -EFAULT;
		if (iov_iter_count(to) && signal_pending(current))
			break;
		cond_resched();
	}
	return done;
}

/* A private mapping is anonymous memory from its first page on. */
static int zero_mmap(struct file *f, struct vma *vma)
{
	return shmem_mmap_zero(vma);
}

static ssize_t full_write(struct kio *kio, struct iov_iter *from)
{
	return -ENOSPC;
}

static const struct file_ops null_ops = { .read = null_read, .write = null_write, .llseek = null_llseek };
static const struct file_ops zero_ops = {
	.read = zero_read, .write = null_write, .llseek = null_llseek, .mmap = zero_mmap,
};
static const struct file_ops full_ops = { .read = zero_read, .write = full_write, .llseek = null_llseek };

static const struct {
	const char *name;
	const struct file_ops *ops;
	umode_t mode;
	u32 fmode;			/* FMODE_NOWAIT where Linux has it */
} devices[] = {
	[3] = { "null", &null_ops, 0666, FMODE_NOWAIT },
	[5] = { "zero", &zero_ops, 0666, FMODE_NOWAIT },
	[7] = { "full", &full_ops, 0666, 0 },
	[8] = { "random", &random_file_ops, 0666, FMODE_NOWAIT },
	[9] = { "urandom", &urandom_file_ops, 0666, FMODE_NOWAIT },
	[11] = { "kmsg", &kmsg_file_ops, 0644, 0 },
};

static int mem_open(struct inode *inode, struct file *f)
{
	u32 minor = MINOR(inode->rdev);

	if (!devices[minor].ops)
		return -ENXIO;
	f->ops = devices[minor].ops;
	f->mode |= devices[minor].fmode;
	return f->ops->open ? f->ops->open(inode, f) : 0;
}

static const struct file_ops mem_ops = { .open = mem_open };

void char_init(void)
{
	BUG_ON(chrdev_register(MKDEV(MEM_MAJOR, 0), ARRAY_SIZE(devices), "mem", &mem_ops));
	for (u32 i = 0; i < ARRAY_SIZE(devices); i++)
		if (devices[i].name)
			BUG_ON(chrdev_node_create(devices[i].name, S_IFCHR | devices[i].mode,
						  MKDEV(MEM_MAJOR, i)));
}
