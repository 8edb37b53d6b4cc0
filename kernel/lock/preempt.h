/* SPDX-License-Identifier: MIT */
/*
 * Preemption count and execution context of the current thread.
 *
 * One word, in the thread (thread.h): bits 0-7 count preempt_disable, bit 8 is
 * set while softirqs are served, bits 9-15 count softirq_disable, bits 16-19 hard
 * interrupts. It belongs to the thread, not to the CPU, so it needs no save at a
 * context switch.
 *
 * A wake-up that wants the CPU sets TIF_NEED_RESCHED in the thread's flags;
 * the last preempt_enable(), or the return from an interrupt, acts on it.
 */
#pragma once
#include <arch/current.h>

#define PREEMPT_ONE	BIT(0)
#define SOFTIRQ_SERVING	BIT(8)
#define SOFTIRQ_ONE	BIT(9)
#define HARDIRQ_ONE	BIT(16)
#define PREEMPT_MASK	GENMASK(7, 0)
#define SOFTIRQ_MASK	GENMASK(15, 8)
#define HARDIRQ_MASK	GENMASK(19, 16)

#define preempt_count()		(thread_info()->preempt_count)
#define in_hardirq()		(preempt_count() & HARDIRQ_MASK)
#define in_softirq()		(preempt_count() & SOFTIRQ_MASK)	/* serving or disabled */
#define in_interrupt()		(preempt_count() & (HARDIRQ_MASK | SOFTIRQ_MASK))
/* May not sleep: preemption off, in interrupt, or interrupts disabled. */
bool in_atomic(void);

/* kernel/sched/core.c: preempt at a kernel preemption point, if this is none that is nested in another */
void preempt_schedule(void);
/*
 * On the way out of an interrupt taken in the kernel, when NEED_RESCHED is set and
 * preempt_count is 0. Called and returns with interrupts off.
 */
void preempt_schedule_irq(void);
void softirq_enable_slow(void);		/* kernel/irq/softirq.c: run what is pending */

static __always_inline void preempt_disable(void)
{
	thread_info()->preempt_count += PREEMPT_ONE;
	barrier();
}

static __always_inline void preempt_enable_no_resched(void)
{
	barrier();
	thread_info()->preempt_count -= PREEMPT_ONE;
}

/* At the end of a section without preemption, counted or by interrupts off: was it wanted meanwhile? */
static __always_inline void preempt_check(void)
{
	if (unlikely(READ_ONCE(thread_info()->flags) & TIF_NEED_RESCHED))
		preempt_schedule();
}

static __always_inline void preempt_enable(void)
{
	preempt_enable_no_resched();
	preempt_check();
}

static __always_inline void softirq_disable(void)
{
	thread_info()->preempt_count += SOFTIRQ_ONE;
	barrier();
}

static __always_inline void softirq_enable(void)
{
	u32 left = thread_info()->preempt_count - SOFTIRQ_ONE;

	barrier();
	/* Inside another section, or of a softirq: that end serves, and preempts. */
	if (left & SOFTIRQ_MASK)
		thread_info()->preempt_count = left;
	else
		softirq_enable_slow();
}

/* Where the debug build complains, with the caller's place, if sleeping is not allowed here. */
#ifdef CONFIG_LOCK_DEBUG
void might_sleep_at(const char *file, int line);
#define might_sleep()	might_sleep_at(__FILE__, __LINE__)
#else
#define might_sleep()	((void)0)
#endif
