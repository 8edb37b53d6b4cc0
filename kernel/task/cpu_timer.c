/* SPDX-License-Identifier: MIT */
/*
 * Timers that run by the CPU time of a thread or process, and limits of it.
 *
 * CPU time only grows while a thread of the process runs, and then its CPU ticks:
 * so the tick compares, and a process that sleeps costs nothing. A timer is late
 * by at most a tick. A timer of one thread is looked at by that thread alone.
 *
 * RLIMIT_CPU: SIGXCPU at the soft limit, which then moves on by a second, SIGKILL
 * at the hard one. RLIMIT_RTTIME: the same, by the microseconds that a real-time
 * thread has run since it last slept, and for the thread alone.
 */
#include <kernel/sched/sched.h>
#include <kernel/task/pid.h>
#include <kernel/task/timers.h>

void cpu_timer_arm_locked(struct process *p, struct cpu_timer *t, u64 expires_ns)
{
	t->expires_ns = expires_ns;
	if (list_empty(&t->node))
		list_add_tail(&t->node, &p->cpu_timers);
}

void cpu_timer_disarm_locked(struct cpu_timer *t)
{
	list_del(&t->node);
	list_init(&t->node);
}

u64 cpu_timer_now_locked(struct process *p, const struct cpu_timer *t)
{
	struct cpu_clock_source c = { .pid = t->thread, .thread = true, .which = t->which };
	u64 ns;

	if (!t->thread)
		return cpu_clock_process_locked(p, t->which);
	return cpu_clock_read(&c, &ns) ? 0 : ns;
}

static void fire_expired_locked(struct process *p)
{
	struct cpu_timer *t, *next;
	LIST_HEAD(expired);

	list_for_each_safe(t, next, &p->cpu_timers, node) {
		if (t->thread && t->thread != current->pid)
			continue;
		if (cpu_timer_now_locked(p, t) >= t->expires_ns)
			list_move_tail(&t->node, &expired);
	}
	while (!list_empty(&expired)) {
		t = list_first(&expired, struct cpu_timer, node);
		cpu_timer_disarm_locked(t);
		t->fire(p, t);
	}
}

/* used and the limit in units of unit ns; one_second in those units. t NULL: the process. */
static void check_limit_locked(struct process *p, struct thread *t, int which, u64 used, u64 unit)
{
	struct rlimit *limit = &p->rlim[which];
	u64 soft = READ_ONCE(limit->cur), hard = READ_ONCE(limit->max);

	if (hard != RLIM_INFINITY && used / unit >= hard) {
		signal_send_locked(p, NULL, SIGKILL, NULL);
	} else if (soft != RLIM_INFINITY && used / unit >= soft) {
		signal_send_locked(p, t, SIGXCPU, NULL);
		WRITE_ONCE(limit->cur, soft + NS_PER_SEC / unit);
	}
}

static bool has_limits(const struct process *p, const struct thread *t)
{
	if (READ_ONCE(p->rlim[RLIMIT_CPU].cur) != RLIM_INFINITY)
		return true;
	return unlikely(sched_is_rt(t)) && READ_ONCE(p->rlim[RLIMIT_RTTIME].cur) != RLIM_INFINITY;
}

void cpu_timers_tick(void)
{
	struct thread *t = current;
	struct process *p = t->process;
	struct sighand *sh;
	u64 flags;

	if (likely(list_empty(&p->cpu_timers) && !has_limits(p, t)) || !thread_is_user(t))
		return;
	sh = sighand_lock(p, &flags);
	fire_expired_locked(p);
	if (READ_ONCE(p->rlim[RLIMIT_CPU].cur) != RLIM_INFINITY)
		check_limit_locked(p, NULL, RLIMIT_CPU, cpu_clock_process_locked(p, CPU_CLOCK_PROF),
				   NS_PER_SEC);
	if (sched_is_rt(t))
		check_limit_locked(p, t, RLIMIT_RTTIME, sched_rt_ns_since_sleep(t), NS_PER_US);
	sighand_unlock(sh, flags);
}
