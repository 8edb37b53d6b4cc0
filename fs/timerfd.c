/* SPDX-License-Identifier: MIT */
/*
 * timerfd: a timer whose expirations are read.
 *
 * The handler of a periodic timer does not start it again: the next read (or
 * gettime) does, and counts the periods that have passed. So a timer that nobody
 * reads costs one interrupt.
 *
 * A time of the wall clock is turned into one of the monotonic clock when the
 * timer is set, and anew whenever the clock is set; with TFD_TIMER_CANCEL_ON_SET the
 * next read then fails with -ECANCELED, once.
 *
 * Limit: the ALARM clocks count like their plain ones: there is no suspend.
 */
#include <fs/file.h>
#include <fs/poll.h>
#include <kernel/lib/string.h>
#include <kernel/mm/alloc.h>
#include <kernel/printk.h>
#include <kernel/task/clock.h>
#include <kernel/task/cred.h>
#include <kernel/uapi/fcntl.h>
#include <kernel/uapi/syscall.h>
#include <arch/uaccess.h>

#define TFD_TIMER_ABSTIME	1u
#define TFD_TIMER_CANCEL_ON_SET	2u

struct itimerspec64 {
	struct timespec64 interval, value;
};

struct timerfd {
	struct hrtimer timer;
	struct wait_queue wait;
	struct clock_listener listener;
	int clock;			/* constant */
	bool wall;			/* constant: its times move with the wall clock */

	struct spinlock lock;		/* RANK_TIMERFD, irq: all below */
	ktime_t interval;		/* ns; 0: once */
	u64 real_ns;			/* absolute time of a wall clock it is set for; 0: none */
	u64 ticks;			/* expirations not read */
	bool expired;			/* and a periodic one not started again */
	bool armed;			/* set, and not over */
	bool cancel_on_set, cancelled;
};

static enum hrtimer_restart expire(struct hrtimer *timer)
{
	struct timerfd *t = container_of(timer, struct timerfd, timer);

	bool over;

	spin_lock(&t->lock);
	/* Set anew while this expiry was on its way? */
	over = t->armed && timer->expires_ns <= ktime_get();
	if (over) {
		t->expired = true;
		t->ticks++;
	}
	spin_unlock(&t->lock);
	if (over)
		wake_poll(&t->wait, EPOLLIN);
	return HRTIMER_DONE;
}

/* The wall clock was set. */
static void clock_changed(struct clock_listener *l)
{
	struct timerfd *t = container_of(l, struct timerfd, listener);
	bool tell;

	spin_lock(&t->lock);
	if (t->real_ns && t->armed && !t->expired)
		hrtimer_start(&t->timer, ktime_from_real(t->real_ns));
	tell = t->cancel_on_set;
	t->cancelled |= tell;
	spin_unlock(&t->lock);
	if (tell)
		wake_poll(&t->wait, EPOLLIN);
}

/* A periodic timer that is over: count what has passed, start it for the next period. */
static void catch_up_locked(struct timerfd *t)
{
	if (!t->expired || !t->interval)
		return;
	t->expired = false;
	t->ticks += hrtimer_forward(&t->timer, ktime_get(), t->interval) - 1;
	hrtimer_start(&t->timer, t->timer.expires_ns);
}

/* Expirations; 0: none; -ECANCELED. */
static s64 take(struct timerfd *t)
{
	u64 flags = spin_lock_irqsave(&t->lock);
	s64 ticks;

	if (t->cancelled) {
		t->cancelled = false;
		t->ticks = 0;
		ticks = -ECANCELED;
	} else if (t->ticks) {
		catch_up_locked(t);
		ticks = (s64)t->ticks;
		t->ticks = 0;
		if (!t->interval)
			t->armed = false;
	} else {
		ticks = 0;
	}
	spin_unlock_irqrestore(&t->lock, flags);
	return ticks;
}

static bool is_readable(const struct timerfd *t)
{
	return READ_ONCE(t->ticks) || READ_ONCE(t->cancelled);
}

static ssize_t timerfd_read(struct kio *kio, struct iov_iter *to)
{
	struct timerfd *t = kio->file->private;
	s64 ticks;

	if (iov_iter_count(to) < sizeof(ticks))
		return -EINVAL;
	while (!(ticks = take(t))) {
		long err = kio_nonblock(kio) ? -EAGAIN : wait_event_interruptible(&t->wait, is_readable(t));

		if (err)
			return err;
	}
	if (ticks < 0)
		return ticks;
	return copy_to_iter(&ticks, sizeof(ticks), to) == sizeof(ticks) ? (ssize_t)sizeof(ticks) : -EFAULT;
}

static u32 timerfd_poll(struct file *f, struct poll_table *pt)
{
	struct timerfd *t = f->private;

	poll_wait(f, &t->wait, pt);
	return is_readable(t) ? EPOLLIN : 0;
}

static void timerfd_release(struct file *f)
{
	struct timerfd *t = f->private;

	if (t->wall)
		clock_unlisten(&t->listener);
	(void)hrtimer_cancel(&t->timer);
	kfree(t);
}

static const struct file_ops timerfd_ops = {
	.read = timerfd_read,
	.llseek = noop_llseek,
	.poll = timerfd_poll,
	.release = timerfd_release,
};

long sys_timerfd_create(int clock, u32 flags)
{
	bool alarm = clock_is_alarm(clock);
	struct timerfd *t;
	int fd;

	if (flags & ~(O_CLOEXEC | O_NONBLOCK))
		return -EINVAL;
	if (!alarm && clock != CLOCK_MONOTONIC && clock != CLOCK_REALTIME &&
	    clock != CLOCK_BOOTTIME)
		return -EINVAL;
	if (alarm && !capable(CAP_WAKE_ALARM))
		return -EPERM;
	t = kzalloc(sizeof(*t), GFP_KERNEL);
	if (!t)
		return -ENOMEM;
	hrtimer_init(&t->timer, expire);
	wait_queue_init(&t->wait);
	spin_lock_init(&t->lock, RANK_TIMERFD);
	t->clock = clock;
	t->wall = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_ALARM;
	t->listener.changed = clock_changed;
	fd = fd_create_anon("[timerfd]", &timerfd_ops, t, O_RDWR | flags);
	if (fd < 0)
		kfree(t);
	else if (t->wall)
		clock_listen(&t->listener);
	return fd;
}

static struct itimerspec64 remaining_locked(struct timerfd *t)
{
	ktime_t now = ktime_get(), left = 0;

	catch_up_locked(t);
	if (t->armed && !t->expired && t->timer.expires_ns > now)
		left = t->timer.expires_ns - now;
	return (struct itimerspec64){ ns_to_timespec(t->interval), ns_to_timespec(left) };
}

static void set_locked(struct timerfd *t, u32 flags, u64 value, u64 interval)
{
	bool absolute = flags & TFD_TIMER_ABSTIME;

	t->interval = interval;
	t->ticks = 0;
	t->expired = t->cancelled = false;
	t->armed = value;
	t->real_ns = value && absolute && t->wall ? value : 0;
	t->cancel_on_set = t->wall && absolute && (flags & TFD_TIMER_CANCEL_ON_SET);
	if (!value)
		return;
	if (t->real_ns)
		value = ktime_from_real(value);
	else if (!absolute)
		value = min_t(u64, ktime_get() + value, S64_MAX);
	hrtimer_start(&t->timer, value);
}

static int set(struct timerfd *t, u32 flags, const struct itimerspec64 *new,
	       struct itimerspec64 *old)
{
	u64 value, interval, irq;
	int err = timespec_to_ns(&new->value, &value);

	if (!err)
		err = timespec_to_ns(&new->interval, &interval);
	if (err)
		return err;
	irq = spin_lock_irqsave(&t->lock);
	*old = remaining_locked(t);
	hrtimer_try_cancel(&t->timer);	/* a handler that runs finds out (expire) */
	set_locked(t, flags, value, interval);
	spin_unlock_irqrestore(&t->lock, irq);
	return 0;
}

static struct timerfd *timerfd_get(struct fd *f, int fd, int *err)
{
	*f = fd_get(fd);
	*err = !f->file ? -EBADF : f->file->ops != &timerfd_ops ? -EINVAL : 0;
	if (!*err)
		return f->file->private;
	if (f->file)
		fd_put(*f);
	return NULL;
}

long sys_timerfd_settime(int fd, u32 flags, uaddr_t unew, uaddr_t uold)
{
	struct itimerspec64 new, old;
	struct timerfd *t;
	struct fd f;
	int err;

	if (copy_from_user(&new, unew, sizeof(new)))
		return -EFAULT;
	if (flags & ~(TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET))
		return -EINVAL;
	t = timerfd_get(&f, fd, &err);
	if (!t)
		return err;
	err = set(t, flags, &new, &old);
	fd_put(f);
	return err ? err : uold ? copy_to_user(uold, &old, sizeof(old)) : 0;
}

long sys_timerfd_gettime(int fd, uaddr_t to)
{
	struct itimerspec64 now;
	struct timerfd *t;
	struct fd f;
	u64 irq;
	int err;

	t = timerfd_get(&f, fd, &err);
	if (!t)
		return err;
	irq = spin_lock_irqsave(&t->lock);
	now = remaining_locked(t);
	spin_unlock_irqrestore(&t->lock, irq);
	fd_put(f);
	return copy_to_user(to, &now, sizeof(now));
}
