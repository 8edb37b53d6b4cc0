/* SPDX-License-Identifier: MIT */
/*
 * Hangs of every kind, each run by its own name (ktest=NAME): the host judges the
 * report. The limits are shortened.
 */
#include <arch/csr.h>
#include <kernel/irq/irq.h>
#include <kernel/lock/mutex.h>
#include <kernel/sched/hang.h>
#include <kernel/sched/sched.h>
#include <kernel/task/thread.h>
#include <kernel/test/ktest.h>
#include <kernel/time/timekeeping.h>

static __noinline void spin_for(u64 ns)
{
	ktime_t end = ktime_get() + ns;

	while (ktime_get() < end)
		barrier();
}

KTEST(crash, soft_lockup)
{
	hang_soft_ticks = 100;
	preempt_disable();
	spin_for(20 * NS_PER_SEC);
	preempt_enable();
}

static int spin_without_interrupts(void *arg)
{
	u64 flags = local_irq_save();

	(void)arg;
	spin_for(30 * NS_PER_SEC);
	local_irq_restore(flags);
	return 0;
}

static void lock_up(u32 cpu)
{
	struct thread *t = kthread_create(spin_without_interrupts, NULL, "deaf");

	hang_hard_passes = 3;
	kthread_bind(t, cpu);
	thread_wake_new(t);
	thread_sleep_ns(40 * NS_PER_SEC);
}

/* Also on the CPUs of the two that watch. */
KTEST(crash, hard_lockup_0)	{ lock_up(0); }
KTEST(crash, hard_lockup_1)	{ lock_up(1); }
KTEST(crash, hard_lockup_3)	{ lock_up(3); }

static struct mutex never_given = MUTEX_INIT(never_given, RANK_MUTEX_LEAF);

static __noinline void wait_for_what_never_comes(void)
{
	mutex_lock(&never_given);
	mutex_unlock(&never_given);
}

static int hang_on_mutex(void *arg)
{
	(void)arg;
	wait_for_what_never_comes();
	return 0;
}

KTEST(crash, hung_task)
{
	hang_task_passes = 3;
	mutex_lock(&never_given);
	(void)kthread_run(hang_on_mutex, NULL, "waits");
	thread_sleep_ns(6 * NS_PER_SEC);
	mutex_unlock(&never_given);
}

/* A loop that may be preempted is none, however long: twice the limit passes in peace. */
KTEST(hang, preemptible_loop_is_none)
{
	u32 limit = hang_soft_ticks;

	thread_sleep_ns(NS_PER_MS);	/* what ran before us counts no more */
	hang_soft_ticks = 50;
	spin_for(100 * 4 * NS_PER_MS);
	hang_soft_ticks = limit;
}
