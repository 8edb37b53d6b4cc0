/* SPDX-License-Identifier: MIT */
/*
 * Where a sleeping thread is, for /proc/PID/stack and wchan.
 *
 * A thread off the runqueues and off its CPU stays so while its pi_lock is held,
 * since whoever wakes it needs that lock: so its stack holds still.
 */
#include <kernel/debug/backtrace.h>
#include <kernel/debug/symbols.h>
#include <kernel/lib/string.h>
#include <kernel/sched/runqueue.h>

static bool is_asleep(const struct thread *t)
{
	u32 state = READ_ONCE(t->state);

	return t->kstack && state != TASK_RUNNING && !(state & (TASK_NEW | TASK_DEAD)) &&
	       __atomic_load_n(&t->se.on_rq, __ATOMIC_ACQUIRE) == OFF_RQ &&
	       !smp_load_acquire(&t->se.on_cpu);
}

u32 thread_stack(struct thread *t, u64 calls[THREAD_STACK_MAX])
{
	u64 flags = spin_lock_irqsave(&t->se.pi_lock);
	u32 n = 0;

	if (is_asleep(t)) {
		calls[n++] = t->context.ra;
		n += backtrace_scan(t->context.sp, (u64)t->kstack + KSTACK_SIZE, calls + n,
				    THREAD_STACK_MAX - n);
	}
	spin_unlock_irqrestore(&t->se.pi_lock, flags);
	return n;
}

/* Ways to sleep, as beginnings of function names: what called them is the answer. */
static bool is_way_to_sleep(const char *name)
{
	static const char *const ways[] = { "schedule", "switch_away", "thread_sleep", "wait_", "mutex_", "rwsem_",
					    "preempt_", "lock_slow", "sleep_" };

	for (u32 i = 0; i < ARRAY_SIZE(ways); i++)
		if (!strncmp(name, ways[i], strlen(ways[i])))
			return true;
	return false;
}

u64 thread_waits_in(struct thread *t)
{
	u64 calls[THREAD_STACK_MAX];
	u32 n = thread_stack(t, calls);
	struct symbol s;

	for (u32 i = 0; i < n; i++)
		if (symbol_find(calls[i] - 1, &s) && !is_way_to_sleep(s.name))
			return calls[i] - s.offset - 1;
	return 0;
}
