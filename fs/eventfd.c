/* SPDX-License-Identifier: MIT */
/*
 * eventfd: a 64-bit counter to wait for. Reads take all of it (or 1, as a
 * semaphore), writes add; U64_MAX itself is never reached by a write.
 *
 * The counter is guarded by the lock of the wait queue, so that a change and its
 * wake-up are one critical section.
 */
#include <fs/file.h>
#include <fs/poll.h>
#include <kernel/lib/string.h>
#include <kernel/mm/alloc.h>
#include <kernel/printk.h>
#include <kernel/uapi/fcntl.h>
#include <kernel/uapi/syscall.h>

#define EFD_SEMAPHORE	1

struct eventfd {
	struct wait_queue wait;		/* readers, writers, pollers */
	u64 count;			/* wait.lock */
	bool semaphore;			/* constant */
};

/* What a read gets; 0: nothing there. */
static u64 take(struct eventfd *e)
{
	u64 flags = spin_lock_irqsave(&e->wait.lock);
	u64 value = e->semaphore && e->count ? 1 : e->count;

	if (value) {
		e->count -= value;
		if (!list_empty(&e->wait.entries))
			wake_queue_locked(&e->wait, 1, EPOLLOUT);
	}
	spin_unlock_irqrestore(&e->wait.lock, flags);
	return value;
}

static bool add(struct eventfd *e, u64 value)
{
	u64 flags = spin_lock_irqsave(&e->wait.lock);
	bool fits = U64_MAX - e->count > value;

	if (fits) {
		e->count += value;
		if (!list_empty(&e->wait.entries))
			wake_queue_locked(&e->wait, 1, EPOLLIN);
	}
	spin_unlock_irqrestore(&e->wait.lock, flags);
	return fits;
}

static ssize_t eventfd_read(struct kio *kio, struct iov_iter *to)
{
	struct eventfd *e = kio->file->private;
	u64 value;

	if (iov_iter_count(to) < sizeof(value))
		return -EINVAL;
	while (!(value = take(e))) {
		long err = kio_nonblock(kio) ? -EAGAIN : wait_event_interruptible(&e->wait, READ_ONCE(e->count));

		if (err)
			return err;
	}
	return copy_to_iter(&value, sizeof(value), to) == sizeof(value) ? (ssize_t)sizeof(value) : -EFAULT;
}

static ssize_t eventfd_write(struct kio *kio, struct iov_iter *from)
{
	struct eventfd *e = kio->file->private;
	u64 value;

	if (iov_iter_count(from) != sizeof(value))
		return -EINVAL;
	if (copy_from_iter(&value, sizeof(value), from) != sizeof(value))
		return -EFAULT;
	if (value == U64_MAX)
		return -EINVAL;
	while (!add(e, value)) {
		long err = kio_nonblock(kio) ? -EAGAIN :
			   wait_event_interruptible(&e->wait, U64_MAX - READ_ONCE(e->count) > value);

		if (err)
			return err;
	}
	return sizeof(value);
}

static u32 eventfd_poll(struct file *f, struct poll_table *pt)
{
	struct eventfd *e = f->private;
	u64 count;
	u32 mask = 0;

	poll_wait(f, &e->wait, pt);
	count = READ_ONCE(e->count);
	if (count)
		mask |= EPOLLIN;
	if (count == U64_MAX)
		mask |= EPOLLERR;
	if (U64_MAX - 1 > count)
		mask |= EPOLLOUT;
	return mask;
}

static void eventfd_release(struct file *f)
{
	struct eventfd *e = f->private;

	wake_queue(&e->wait, 0, EPOLLHUP);
	kfree(e);
}

static void eventfd_show(struct file *f, char *buf, size_t len)
{
	struct eventfd *e = f->private;

	snprintf(buf, len, "eventfd-count: %16lx\neventfd-semaphore: %d\n", READ_ONCE(e->count),
		 e->semaphore);
}

static const struct file_ops eventfd_ops = {
	.read = eventfd_read,
	.write = eventfd_write,
	.llseek = noop_llseek,
	.poll = eventfd_poll,
	.release = eventfd_release,
	.show_fdinfo = eventfd_show,
};

long sys_eventfd2(u32 count, u32 flags)
{
	struct eventfd *e;
	int fd;

	if (flags & ~(EFD_SEMAPHORE | O_CLOEXEC | O_NONBLOCK))
		return -EINVAL;
	e = kmalloc(sizeof(*e), GFP_KERNEL);
	if (!e)
		return -ENOMEM;
	wait_queue_init(&e->wait);
	e->count = count;
	e->semaphore = flags & EFD_SEMAPHORE;
	fd = fd_create_anon("[eventfd]", &eventfd_ops, e,
			    O_RDWR | (flags & (O_CLOEXEC | O_NONBLOCK)));
	if (fd < 0)
		kfree(e);
	return fd;
}
