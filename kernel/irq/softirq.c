/* SPDX-License-Identifier: MIT */
/*
 * Softirqs: work that an interrupt puts off until interrupts are on again.
 *
 * Each CPU has a mask of pending ones. They run at the end of the outermost hard
 * interrupt, when a softirq_disable() section ends, in the idle loop, or, when
 * they keep coming, in the CPU's ksoftirqd, so that they cannot starve threads.
 * A softirq runs on the CPU that raised it and is not interrupted by another.
 *
 * Time in interrupts is measured here for cputime.c: two clock reads an interrupt.
 */
#include <kernel/irq/irq.h>
#include <kernel/percpu.h>
#include <kernel/bug.h>
#include <kernel/sched/tick.h>
#include <kernel/task/thread.h>

/* Rounds over the mask before ksoftirqd takes over. Chosen. */
#define SOFTIRQ_ROUNDS	8

struct softirq_cpu {
	/* Only by its CPU, interrupts off. */
	u32 pending;
	u64 entered;			/* clock at irq_enter */
	u64 hard_ns, soft_ns;
	u64 interrupts, counts[NR_SOFTIRQS];	/* for /proc/stat */
	struct thread *daemon;		/* constant after softirq_init() */
};
static DEFINE_PERCPU(struct softirq_cpu, softirqs);
static void (*handlers[NR_SOFTIRQS])(void);

DEFINE_PERCPU(u64, irq_total_ns);	/* hard_ns + soft_ns */

u64 irq_time_hard_ns(u32 cpu)
{
	return READ_ONCE(per_cpu(softirqs, cpu).hard_ns);
}

u64 irq_time_soft_ns(u32 cpu)
{
	return READ_ONCE(per_cpu(softirqs, cpu).soft_ns);
}

void softirq_register(enum softirq nr, void (*func)(void))
{
	WRITE_ONCE(handlers[nr], func);
}

bool softirq_pending(void)
{
	return READ_ONCE(this_cpu(softirqs).pending);
}

static void wake_daemon(struct softirq_cpu *s)
{
	if (s->daemon)
		thread_wake(s->daemon, TASK_NORMAL);
}

void softirq_raise(enum softirq nr)
{
	u64 flags = local_irq_save();
	struct softirq_cpu *s = &this_cpu(softirqs);

	s->pending |= BIT(nr);
	if (!in_interrupt())
		wake_daemon(s);
	local_irq_restore(flags);
}

static void run_round(struct softirq_cpu *s, u32 pending)
{
	for (u32 nr = 0; pending; nr++, pending >>= 1) {
		if (!(pending & 1))
			continue;
		s->counts[nr]++;
		handlers[nr]();
	}
}

/*
 * Context: interrupts off, not in an interrupt. Interrupts are on while handlers
 * run. `account`: the time is softirq time (in ksoftirqd it is the thread's).
 */
static void run_pending(bool account)
{
	struct softirq_cpu *s = &this_cpu(softirqs);
	u64 start = 0, before = 0;
	u32 pending;

	if (account) {
		start = ktime_get();
		before = s->hard_ns;
	}
	preempt_count() += SOFTIRQ_SERVING;
	for (u32 round = 0; (pending = s->pending) && round < SOFTIRQ_ROUNDS; round++) {
		s->pending = 0;
		local_irq_enable();
		run_round(s, pending);
		local_irq_disable();
	}
	preempt_count() -= SOFTIRQ_SERVING;
	if (account) {
		u64 ns = ktime_get() - start - (s->hard_ns - before);

		s->soft_ns += ns;
		this_cpu(irq_total_ns) += ns;
	}
	if (s->pending)
		wake_daemon(s);
}

void irq_enter(void)
{
	preempt_count() += HARDIRQ_ONE;
	this_cpu(softirqs).entered = ktime_get();
	this_cpu(softirqs).interrupts++;
}

u64 irq_count(u32 cpu)
{
	return READ_ONCE(per_cpu(softirqs, cpu).interrupts);
}

u64 softirq_count(u32 cpu, enum softirq nr)
{
	return READ_ONCE(per_cpu(softirqs, cpu).counts[nr]);
}

void irq_exit(void)
{
	struct softirq_cpu *s = &this_cpu(softirqs);
	u64 ns = ktime_get() - s->entered;

	s->hard_ns += ns;
	this_cpu(irq_total_ns) += ns;
	preempt_count() -= HARDIRQ_ONE;
	if (s->pending && !in_interrupt())
		run_pending(true);
}

/* The last softirq_enable() runs what came meanwhile. */
void softirq_enable_slow(void)
{
	ASSERT(!in_hardirq());
	if ((preempt_count() & SOFTIRQ_MASK) == SOFTIRQ_ONE && softirq_pending() && !irqs_disabled()) {
		local_irq_disable();
		/* One step: no preemption between leaving the section and serving. */
		preempt_count() += PREEMPT_ONE - SOFTIRQ_ONE;
		run_pending(true);
		local_irq_enable();
	} else {
		preempt_count() += PREEMPT_ONE - SOFTIRQ_ONE;
	}
	preempt_enable();
}

void softirq_run_pending(void)
{
	preempt_disable();
	local_irq_disable();
	if (softirq_pending())
		run_pending(true);
	local_irq_enable();
	preempt_enable();
}

static int softirq_daemon(void *arg)
{
	(void)arg;
	while (!kthread_should_stop()) {
		thread_set_state(TASK_INTERRUPTIBLE);
		if (!softirq_pending()) {
			schedule();
			continue;
		}
		thread_set_running();
		preempt_disable();
		local_irq_disable();
		if (softirq_pending())
			run_pending(false);
		local_irq_enable();
		preempt_enable();
		cond_resched();
	}
	return 0;
}

/* Context: thread; after the other CPUs are online. */
void softirq_init(void)
{
	u32 cpu;

	for_each_online_cpu(cpu) {
		struct thread *t = kthread_create(softirq_daemon, NULL, "ksoftirqd/%u", cpu);

		BUG_ON(!t);
		kthread_bind(t, cpu);
		per_cpu(softirqs, cpu).daemon = t;
		thread_wake_new(t);
	}
}
