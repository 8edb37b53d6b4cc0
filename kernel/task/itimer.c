/* SPDX-License-Identifier: MIT */
/*
 * Interval timers: ITIMER_REAL, and two by the CPU time of the process.
 *
 * The real one goes on when its signal is taken, not when it is sent: a process
 * that does not take its SIGALRM gets no more of them, and a tiny interval cannot
 * keep a CPU busy. real_expires says when it is due: a handler that runs late
 * sees by it that the timer has been set anew.
 */
#include <arch/uaccess.h>
#include <kernel/task/pid.h>
#include <kernel/task/timers.h>
#include <kernel/uapi/syscall.h>

enum { ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF };

struct timeval {
	s64 sec, usec;
};
struct itimerval {
	struct timeval interval, value;
};

/* Both in ns; value 0: not armed. */
struct setting {
	u64 interval, value;
};

static struct process *process_of(struct hrtimer *timer)
{
	return container_of(timer, struct process, real_timer);
}

static enum hrtimer_restart real_expired(struct hrtimer *timer)
{
	struct process *p = process_of(timer);
	struct sighand *sh;
	u64 flags;

	sh = sighand_lock(p, &flags);
	if (p->real_expires && ktime_get() >= p->real_expires) {
		if (!p->real_interval)
			p->real_expires = 0;
		signal_send_locked(p, NULL, SIGALRM, NULL);
	}
	sighand_unlock(sh, flags);
	return HRTIMER_DONE;
}

void itimer_alarm_taken_locked(struct process *p)
{
	ktime_t now;

	if (!p->real_interval || !p->real_expires)
		return;
	now = ktime_get();
	if (now < p->real_expires)
		return;
	p->real_expires += ((now - p->real_expires) / p->real_interval + 1) * p->real_interval;
	hrtimer_start(&p->real_timer, p->real_expires);
}

static void cpu_expired(struct process *p, struct cpu_timer *t)
{
	int sig = t == &p->cpu_itimer[0] ? SIGVTALRM : SIGPROF;

	if (t->interval_ns)
		cpu_timer_arm_locked(p, t, t->expires_ns + t->interval_ns);
	else
		t->expires_ns = 0;
	signal_send_locked(p, NULL, sig, NULL);
}

static void get_locked(struct process *p, int which, struct setting *s)
{
	struct cpu_timer *t = &p->cpu_itimer[which - ITIMER_VIRTUAL];
	u64 now, expires;

	if (which == ITIMER_REAL) {
		s->interval = p->real_interval;
		expires = hrtimer_is_queued(&p->real_timer) ? p->real_expires : 0;
		now = expires ? ktime_get() : 0;
	} else {
		s->interval = t->interval_ns;
		expires = t->expires_ns;
		now = expires ? cpu_timer_now_locked(p, t) : 0;
	}
	/* Due and not yet fired: the least that says "armed". */
	s->value = !expires ? 0 : expires > now ? expires - now : NS_PER_US;
}

static void set_real_locked(struct process *p, const struct setting *s)
{
	if (!p->real_timer.func)
		hrtimer_init(&p->real_timer, real_expired);
	hrtimer_try_cancel(&p->real_timer);
	p->real_interval = s->value ? s->interval : 0;
	p->real_expires = s->value ? ktime_get() + s->value : 0;
	if (s->value)
		hrtimer_start(&p->real_timer, p->real_expires);
}

static void set_cpu_locked(struct process *p, int which, const struct setting *s)
{
	struct cpu_timer *t = &p->cpu_itimer[which - ITIMER_VIRTUAL];

	if (!t->fire) {
		list_init(&t->node);
		t->fire = cpu_expired;
		t->which = which == ITIMER_VIRTUAL ? CPU_CLOCK_VIRT : CPU_CLOCK_PROF;
	}
	cpu_timer_disarm_locked(t);
	t->interval_ns = s->interval;
	t->expires_ns = 0;
	if (s->value)
		cpu_timer_arm_locked(p, t, cpu_timer_now_locked(p, t) + s->value);
}

static struct timeval to_timeval(u64 ns)
{
	return (struct timeval){ ns / NS_PER_SEC, ns % NS_PER_SEC / NS_PER_US };
}

static int from_timeval(const struct timeval *tv, u64 *ns)
{
	struct timespec64 ts = { tv->sec, tv->usec * (s64)NS_PER_US };

	if (tv->usec < 0 || (u64)tv->usec >= NS_PER_SEC / NS_PER_US)
		return -EINVAL;
	return timespec_to_ns(&ts, ns);
}

static int put_setting(uaddr_t to, const struct setting *s)
{
	struct itimerval v = { to_timeval(s->interval), to_timeval(s->value) };

	return copy_to_user(to, &v, sizeof(v));
}

long sys_getitimer(int which, uaddr_t to)
{
	struct process *p = current_process();
	struct sighand *sh;
	struct setting s;
	u64 flags;

	if (which < ITIMER_REAL || which > ITIMER_PROF)
		return -EINVAL;
	sh = sighand_lock(p, &flags);
	get_locked(p, which, &s);
	sighand_unlock(sh, flags);
	return put_setting(to, &s);
}

/* No new value is a way to stop the timer, as in Linux. */
static int get_new(uaddr_t from, struct setting *s)
{
	struct itimerval v = { 0 };

	if (from && copy_from_user(&v, from, sizeof(v)))
		return -EFAULT;
	return from_timeval(&v.interval, &s->interval) || from_timeval(&v.value, &s->value) ? -EINVAL : 0;
}

long sys_setitimer(int which, uaddr_t from, uaddr_t to)
{
	struct process *p = current_process();
	struct setting new, old;
	struct sighand *sh;
	u64 flags;
	int err = get_new(from, &new);

	if (err)
		return err;
	if (which < ITIMER_REAL || which > ITIMER_PROF)
		return -EINVAL;
	sh = sighand_lock(p, &flags);
	get_locked(p, which, &old);
	if (which == ITIMER_REAL)
		set_real_locked(p, &new);
	else
		set_cpu_locked(p, which, &new);
	sighand_unlock(sh, flags);
	return to ? put_setting(to, &old) : 0;
}

void timers_exit(struct process *p)
{
	posix_timers_delete_all(p);
	if (p->real_timer.func)
		hrtimer_cancel(&p->real_timer);
}
