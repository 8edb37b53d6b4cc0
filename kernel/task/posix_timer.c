/* SPDX-License-Identifier: MIT */
/*
 * Timers of timer_create(2).
 *
 *   disarmed --settime--> armed --due--> once: disarmed
 *                           ^  |         interval: the signal waits
 *                           |  +--due, signal ignored--> armed, a tick away at least
 *                           +--signal taken--(waits)
 *
 * An interval timer goes on when its signal is taken: what it missed by then is
 * the overrun, and a program that does not take signals costs nothing.
 *
 *  (1) All state is guarded by the process's sighand->lock; the listener of a
 *      timer on the wall clock reads expires_ns under the clock's lock only, so
 *      expires_ns of such a timer changes only while it does not listen, or by
 *      its handler, which a late start of the hrtimer cannot confuse: (2).
 *  (2) A handler looks at expires_ns and the clock: it may run without cause.
 *  (3) sequence counts settings and expiries. A signal carries it; one that was
 *      sent before the timer was set again does not move the timer on.
 *
 * Limit: no timers on the CPU time of another process (-EOPNOTSUPP).
 */
#include <arch/uaccess.h>
#include <kernel/lib/list.h>
#include <kernel/mm/alloc.h>
#include <kernel/sched/tick.h>
#include <kernel/task/pid.h>
#include <kernel/task/timers.h>
#include <kernel/uapi/syscall.h>

#define SIGEV_SIGNAL	0
#define SIGEV_NONE	1
#define SIGEV_THREAD	2
#define SIGEV_THREAD_ID	4
#define TIMER_ABSTIME	1

struct posix_timer {
	struct list_head node;		/* process->posix_timers */
	struct process *process;	/* whose list it is on */

	/* Constant. */
	int id, clock, notify, sig;
	u64 value;
	struct pid *target;		/* SIGEV_THREAD_ID; a reference, or NULL */
	struct sigqueue *queue;
	bool is_cpu;

	u64 expires_ns, interval_ns;	/* by its clock; expires 0: disarmed */
	bool on_wall;			/* an absolute time of the wall clock: listens while armed */
	bool signal_waits;		/* interval: goes on when the signal is taken */
	u32 sequence;
	s64 overrun, overrun_last;
	struct hrtimer timer;
	struct clock_listener listener;
	struct cpu_timer cpu;		/* cpu.thread: a reference, or NULL */
};

struct itimerspec {
	struct timespec64 interval, value;
};
struct sigevent {
	u64 value;
	int signo, notify, tid, pad[11];
};
_Static_assert(sizeof(struct sigevent) == 64, "ABI");

static struct posix_timer *find_locked(struct process *p, int id)
{
	struct posix_timer *t;

	list_for_each(t, &p->posix_timers, node)
		if (t->id == id)
			return t;
	return NULL;
}

static u64 now_locked(const struct posix_timer *t)
{
	if (t->is_cpu)
		return cpu_timer_now_locked(t->process, &t->cpu);
	return t->on_wall ? ktime_real() : ktime_get();
}

static void arm_locked(struct posix_timer *t)
{
	if (t->notify == SIGEV_NONE)
		return;
	if (t->is_cpu) {
		cpu_timer_arm_locked(t->process, &t->cpu, t->expires_ns);
	} else if (t->on_wall) {
		if (list_empty(&t->listener.node))
			clock_listen(&t->listener);
		hrtimer_start(&t->timer, ktime_from_real(t->expires_ns));
	} else {
		hrtimer_start(&t->timer, t->expires_ns);
	}
}

static void stop_listening(struct posix_timer *t)
{
	if (list_empty(&t->listener.node))
		return;
	clock_unlisten(&t->listener);
	list_init(&t->listener.node);
}

static void disarm_locked(struct posix_timer *t)
{
	stop_listening(t);
	if (t->is_cpu)
		cpu_timer_disarm_locked(&t->cpu);
	else
		hrtimer_try_cancel(&t->timer);
	t->expires_ns = 0;
	t->signal_waits = false;
	t->sequence++;
}

static void wall_moved(struct clock_listener *l)
{
	struct posix_timer *t = container_of(l, struct posix_timer, listener);

	hrtimer_start(&t->timer, ktime_from_real(t->expires_ns));
}

/* Move past now in whole intervals; how many. */
static u64 forward_locked(struct posix_timer *t, u64 now)
{
	u64 steps;

	if (now < t->expires_ns)
		return 0;
	steps = (now - t->expires_ns) / t->interval_ns + 1;
	t->expires_ns += steps * t->interval_ns;
	return steps;
}

/* --- expiry --- */

/* 1: nobody will take the signal. */
static int send_locked(struct posix_timer *t)
{
	struct kernel_siginfo info = {
		.signo = t->sig, .code = SI_TIMER, .timer_id = t->id, .value = t->value,
	};
	struct thread *target = NULL;

	if (t->target) {
		target = rcu_dereference(t->target->thread);
		if (!target)
			return 0;
	}
	return signal_send_prealloc_locked(t->process, target, t->queue, &info, t->sequence);
}

/* Due, and taken out of whatever it waited in. */
static void expire_locked(struct posix_timer *t)
{
	t->sequence++;
	if (!t->interval_ns) {
		stop_listening(t);
		t->expires_ns = 0;
		send_locked(t);
		return;
	}
	t->signal_waits = true;
	if (!send_locked(t))
		return;
	/* Somebody may yet want the signal: go on, but no faster than ticks. */
	t->signal_waits = false;
	t->overrun += forward_locked(t, now_locked(t) + TICK_NS);
	arm_locked(t);
}

static enum hrtimer_restart timer_due(struct hrtimer *timer)
{
	struct posix_timer *t = container_of(timer, struct posix_timer, timer);
	struct sighand *sh;
	u64 flags;

	sh = sighand_lock(t->process, &flags);
	if (t->expires_ns && !t->signal_waits) {
		if (now_locked(t) >= t->expires_ns)
			expire_locked(t);
		else
			arm_locked(t);
	}
	sighand_unlock(sh, flags);
	return HRTIMER_DONE;
}

static void cpu_timer_due(struct process *p, struct cpu_timer *cpu)
{
	expire_locked(container_of(cpu, struct posix_timer, cpu));
}

static int overrun_of(s64 n)
{
	return min_t(s64, n, INT_MAX);
}

void posix_timer_taken_locked(struct kernel_siginfo *info, u32 sequence)
{
	struct posix_timer *t = find_locked(current_process(), info->timer_id);

	if (!t || !t->signal_waits || t->sequence != sequence)
		return;
	t->signal_waits = false;
	t->overrun += forward_locked(t, now_locked(t));
	t->sequence++;
	arm_locked(t);
	t->overrun_last = t->overrun;
	t->overrun = -1;
	info->overrun = overrun_of(info->overrun + t->overrun_last);
}

/* --- creating --- */

/* 0, or the errno that Linux gives. */
static int check_clock(int clock)
{
	switch (clock) {
	case CLOCK_REALTIME:
	case CLOCK_MONOTONIC:
	case CLOCK_BOOTTIME:
	case CLOCK_TAI:
		return 0;
	case CLOCK_REALTIME_ALARM:
	case CLOCK_BOOTTIME_ALARM:
		return -EOPNOTSUPP;
	}
	if (clock_is_cpu(clock))
		return 0;
	return clock_is_fixed(clock) || clock_is_device(clock) ? -EOPNOTSUPP : -EINVAL;
}

/* Whom and how to tell. */
static int set_event(struct posix_timer *t, const struct sigevent *e)
{
	struct thread *target;

	t->notify = e->notify;
	t->sig = e->signo;
	t->value = e->value;
	if (e->notify == SIGEV_NONE)
		return 0;
	if (e->notify != SIGEV_SIGNAL && e->notify != SIGEV_THREAD &&
	    e->notify != (SIGEV_SIGNAL | SIGEV_THREAD_ID))
		return -EINVAL;
	if (e->signo <= 0 || e->signo > NSIG)
		return -EINVAL;
	if (!(e->notify & SIGEV_THREAD_ID))
		return 0;
	rcu_read_lock();
	target = thread_find(e->tid);
	if (target && target->process == current_process())
		t->target = pid_get(target->pid);
	rcu_read_unlock();
	return t->target ? 0 : -EINVAL;
}

static int set_cpu_clock(struct posix_timer *t)
{
	struct cpu_clock_source c;
	int err = cpu_clock_get(t->clock, false, &c);

	if (err)
		return err;
	t->is_cpu = true;
	t->cpu.which = c.which;
	t->cpu.fire = cpu_timer_due;
	if (c.thread) {
		t->cpu.thread = c.pid;
		return 0;
	}
	err = rcu_dereference(c.pid->process) == current_process() ? 0 : -EOPNOTSUPP;
	cpu_clock_put(&c);
	return err;
}

/* Not on any list. */
static void free_timer(struct posix_timer *t)
{
	if (t->queue) {
		u64 flags;
		struct sighand *sh = sighand_lock(t->process, &flags);

		sigqueue_drop_locked(t->queue);
		sighand_unlock(sh, flags);
	}
	if (t->target)
		pid_put(t->target);
	if (t->cpu.thread)
		pid_put(t->cpu.thread);
	kfree(t);
}

static struct posix_timer *create(int clock, int *err)
{
	struct posix_timer *t = kzalloc(sizeof(*t), GFP_KERNEL);

	*err = -EAGAIN;
	if (!t)
		return NULL;
	t->clock = clock;
	t->process = current_process();
	t->overrun = -1;
	t->listener.changed = wall_moved;
	list_init(&t->listener.node);
	list_init(&t->cpu.node);
	hrtimer_init(&t->timer, timer_due);
	t->queue = sigqueue_prealloc();
	if (t->queue)
		return t;
	free_timer(t);
	return NULL;
}

/*
 * Numbers go up and around, as in Linux: one that was
 * just deleted does not come back soon. The number.
 */
static int link(struct posix_timer *t, bool value_is_id)
{
	struct process *p = current_process();
	struct sighand *sh;
	u64 flags;
	int id;

	sh = sighand_lock(p, &flags);
	do {
		t->id = p->next_timer_id;
		p->next_timer_id = (p->next_timer_id + 1) & INT_MAX;
	} while (find_locked(p, t->id));
	if (value_is_id)
		t->value = t->id;
	id = t->id;
	list_add_tail(&t->node, &p->posix_timers);
	sighand_unlock(sh, flags);
	return id;
}

/* Take it off the list for good; its handler does not run any more. */
static void delete(struct posix_timer *t)
{
	hrtimer_cancel(&t->timer);
	free_timer(t);
}

static struct posix_timer *unlink(struct process *p, int id, bool any)
{
	struct posix_timer *t = NULL;
	struct sighand *sh;
	u64 flags;

	sh = sighand_lock(p, &flags);
	if (!any)
		t = find_locked(p, id);
	else if (!list_empty(&p->posix_timers))
		t = list_first(&p->posix_timers, struct posix_timer, node);
	if (t) {
		list_del(&t->node);
		disarm_locked(t);
	}
	sighand_unlock(sh, flags);
	return t;
}

void posix_timers_delete_all(struct process *p)
{
	struct posix_timer *t;

	while (!list_empty(&p->posix_timers) && (t = unlink(p, 0, true)))
		delete(t);
}

long sys_timer_create(int clock, uaddr_t uevent, uaddr_t uid)
{
	struct sigevent e = { .signo = SIGALRM, .notify = SIGEV_SIGNAL };
	struct posix_timer *t;
	int err, id;

	if (uevent && copy_from_user(&e, uevent, sizeof(e)))
		return -EFAULT;
	err = check_clock(clock);
	if (err)
		return err;
	t = create(clock, &err);
	if (!t)
		return err;
	err = set_event(t, &e);
	if (!err && clock_is_cpu(clock))
		err = set_cpu_clock(t);
	if (err) {
		free_timer(t);
		return err;
	}
	id = link(t, !uevent);
	if (put_user(id, uid)) {
		t = unlink(current_process(), id, false);
		if (t)
			delete(t);
		return -EFAULT;
	}
	return 0;
}

long sys_timer_delete(int id)
{
	struct posix_timer *t = unlink(current_process(), id, false);

	if (!t)
		return -EINVAL;
	delete(t);
	return 0;
}

/* --- setting and reading --- */

struct setting {
	u64 interval, value;
};

static void get_locked(struct posix_timer *t, struct setting *s)
{
	bool silent = t->notify == SIGEV_NONE;
	u64 now;

	*s = (struct setting){ .interval = t->interval_ns };
	if (!t->expires_ns)
		return;
	now = now_locked(t);
	if (t->interval_ns && (t->signal_waits || silent))
		t->overrun += forward_locked(t, now);
	if (t->expires_ns > now)
		s->value = t->expires_ns - now;
	else if (!silent)
		s->value = 1;		/* due, and its handler about to run */
}

static void set_locked(struct posix_timer *t, const struct setting *s, bool absolute)
{
	disarm_locked(t);
	t->interval_ns = 0;
	t->overrun_last = 0;
	t->on_wall = absolute && clock_is_wall(t->clock);
	if (!s->value)
		return;
	t->interval_ns = s->interval;
	t->overrun = -1;
	t->expires_ns = absolute ? s->value : min_t(u64, now_locked(t) + s->value, S64_MAX);
	arm_locked(t);
}

static int put_setting(uaddr_t to, const struct setting *s)
{
	struct itimerspec v = { ns_to_timespec(s->interval), ns_to_timespec(s->value) };

	return copy_to_user(to, &v, sizeof(v));
}

static int get_setting(struct setting *s, uaddr_t from)
{
	struct itimerspec v;

	if (copy_from_user(&v, from, sizeof(v)))
		return -EFAULT;
	return timespec_to_ns(&v.interval, &s->interval) || timespec_to_ns(&v.value, &s->value) ? -EINVAL : 0;
}

long sys_timer_settime(int id, int flags, uaddr_t from, uaddr_t to)
{
	struct process *p = current_process();
	struct setting new, old;
	struct posix_timer *t;
	struct sighand *sh;
	u64 irq;
	int err;

	if (!from)
		return -EINVAL;
	err = get_setting(&new, from);
	if (err)
		return err;
	sh = sighand_lock(p, &irq);
	t = find_locked(p, id);
	if (t) {
		get_locked(t, &old);
		set_locked(t, &new, flags & TIMER_ABSTIME);
	}
	sighand_unlock(sh, irq);
	if (!t)
		return -EINVAL;
	return to ? put_setting(to, &old) : 0;
}

long sys_timer_gettime(int id, uaddr_t to)
{
	struct process *p = current_process();
	struct posix_timer *t;
	struct setting s;
	struct sighand *sh;
	u64 irq;

	sh = sighand_lock(p, &irq);
	t = find_locked(p, id);
	if (t)
		get_locked(t, &s);
	sighand_unlock(sh, irq);
	return t ? put_setting(to, &s) : -EINVAL;
}

long sys_timer_getoverrun(int id)
{
	struct process *p = current_process();
	struct posix_timer *t;
	struct sighand *sh;
	int n = 0;
	u64 irq;

	sh = sighand_lock(p, &irq);
	t = find_locked(p, id);
	if (t)
		n = overrun_of(t->overrun_last);
	sighand_unlock(sh, irq);
	return t ? n : -EINVAL;
}
