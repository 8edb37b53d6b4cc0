/* SPDX-License-Identifier: MIT */
/*
 * epoll_wait: taking what is ready off an epoll's list. Theory: epoll.c.
 *
 * A harvest asks the files on the list, first to last, each once: what was last when it began
 * is where it ends, since what is delivered and what becomes ready meanwhile go behind that.
 * It has the epoll's mutex, so that nobody else takes or removes an item.
 */
#include <fs/epoll_core.h>
#include <kernel/task/signal.h>
#include <kernel/uapi/syscall.h>
#include <arch/uaccess.h>

#define EP_MAX_EVENTS	(INT_MAX / (int)sizeof(struct epoll_event))

/* The next item to ask, NULL at the end. *last: NULL at first. */
static struct epitem *take_ready(struct epoll *ep, struct epitem **last)
{
	struct epitem *item = NULL;

	spin_lock_irq(&ep->lock);
	if (!list_empty(&ep->ready)) {
		if (!*last)
			*last = list_last(&ep->ready, struct epitem, ready);
		item = list_first(&ep->ready, struct epitem, ready);
		list_del(&item->ready);
		item->queued = false;
	}
	spin_unlock_irq(&ep->lock);
	return item;
}

/* Back onto the list, unless a wake-up was faster. */
static void put_ready(struct epoll *ep, struct epitem *item, bool in_front)
{
	spin_lock_irq(&ep->lock);
	if (!item->queued) {
		item->queued = true;
		if (in_front)
			list_add(&item->ready, &ep->ready);
		else
			list_add_tail(&item->ready, &ep->ready);
	}
	spin_unlock_irq(&ep->lock);
}

static int deliver(struct epitem *item, u32 mask, uaddr_t to)
{
	struct epoll_event ev = { .events = mask, .data = item->data };
	struct epoll *ep = item->ep;

	if (copy_to_user(to, &ev, sizeof(ev)))
		return -EFAULT;
	if (item->events & EPOLLONESHOT)
		WRITE_ONCE(item->events, item->events & PRIVATE_BITS);
	else if (!(item->events & EPOLLET))
		put_ready(ep, item, false);
	return 0;
}

/* Events delivered; 0: nothing was ready after all; -EFAULT. */
static int harvest(struct epoll *ep, uaddr_t to, int most)
{
	struct epitem *last = NULL, *item;
	u32 mask;
	int n = 0;

	mutex_lock(&ep->mutex);
	do {
		item = take_ready(ep, &last);
		mask = item ? epitem_poll(item, NULL, 0) : 0;
		if (!mask)
			continue;
		if (deliver(item, mask, to + (u64)n * sizeof(struct epoll_event))) {
			put_ready(ep, item, true);
			n = n ? n : -EFAULT;
			break;
		}
		n++;
	} while (n < most && item && item != last);
	mutex_unlock(&ep->mutex);
	/* Somebody else may take the rest at once. */
	if (!list_empty(&ep->ready))
		wake_one(&ep->wait);
	return n;
}

u32 epoll_poll_nested(struct file *f, struct poll_table *pt, u32 depth)
{
	struct epitem *last = NULL, *item;
	struct epoll *ep = f->private;
	u32 mask = 0;

	poll_wait(f, &ep->poll_wait, pt);
	if (list_empty(&ep->ready))
		return 0;
	mutex_lock_nested(&ep->mutex, depth);
	do {
		item = take_ready(ep, &last);
		if (item && epitem_poll(item, NULL, depth)) {
			put_ready(ep, item, true);
			mask = EPOLLIN | EPOLLRDNORM;
		}
	} while (!mask && item && item != last);
	mutex_unlock(&ep->mutex);
	if (!list_empty(&ep->ready))
		wake_one(&ep->wait);
	return mask;
}

/* Until something is ready, a signal comes, or the deadline is over: false only for the last. */
static bool sleep_for_ready(struct epoll *ep, ktime_t deadline)
{
	struct wait_entry e;
	bool in_time = true;

	wait_entry_init(&e, wait_wake_thread);
	e.flags = WAIT_EXCLUSIVE;
	wait_prepare(&ep->wait, &e, TASK_INTERRUPTIBLE);
	if (list_empty(&ep->ready) && !signal_pending(current)) {
		if (deadline == TIMEOUT_NEVER) {
			schedule();
		} else {
			ktime_t now = ktime_get();

			in_time = now < deadline && schedule_timeout(deadline - now);
		}
	}
	wait_finish(&ep->wait, &e);
	return in_time;
}

/* deadline 0: do not wait. */
static int wait_events(struct epoll *ep, uaddr_t to, int most, ktime_t deadline)
{
	bool in_time = deadline != 0;

	for (;;) {
		if (!list_empty(&ep->ready)) {
			int n = harvest(ep, to, most);

			if (n)
				return n;
		}
		if (!in_time)
			return 0;
		if (signal_pending(current)) {
			/* Perhaps we were the one chosen to be woken. */
			if (!list_empty(&ep->ready))
				wake_one(&ep->wait);
			return -EINTR;
		}
		in_time = sleep_for_ready(ep, deadline);
	}
}

static long do_wait(int epfd, uaddr_t to, int most, ktime_t deadline)
{
	struct fd f;
	long n;

	if (most <= 0 || most > EP_MAX_EVENTS)
		return -EINVAL;
	if (to >= TASK_SIZE || (u64)most * sizeof(struct epoll_event) > TASK_SIZE - to)
		return -EFAULT;
	f = fd_get(epfd);
	if (!f.file)
		return -EBADF;
	n = is_epoll(f.file) ? wait_events(f.file->private, to, most, deadline) : -EINVAL;
	fd_put(f);
	return n;
}

static long masked_wait(int epfd, uaddr_t to, int most, ktime_t deadline, uaddr_t uset, size_t size)
{
	long n = signal_mask_swap_user(uset, size);

	if (n)
		return n;
	n = do_wait(epfd, to, most, deadline);
	signal_mask_restore_unless(n == -EINTR);
	return n;
}

long sys_epoll_pwait(int epfd, uaddr_t to, int most, int timeout_ms, uaddr_t uset, size_t size)
{
	ktime_t deadline = timeout_ms < 0 ? TIMEOUT_NEVER : !timeout_ms ? 0 :
			   ktime_get() + (u64)timeout_ms * NS_PER_MS;

	return masked_wait(epfd, to, most, deadline, uset, size);
}

long sys_epoll_pwait2(int epfd, uaddr_t to, int most, uaddr_t utime, uaddr_t uset, size_t size)
{
	ktime_t deadline = TIMEOUT_NEVER;
	struct timespec64 ts;
	u64 ns;

	if (utime) {
		int err = copy_from_user(&ts, utime, sizeof(ts));

		if (!err)
			err = timespec_to_ns(&ts, &ns);
		if (err)
			return err;
		deadline = ns ? min_t(u64, ktime_get() + ns, TIMEOUT_NEVER - 1) : 0;
	}
	return masked_wait(epfd, to, most, deadline, uset, size);
}
