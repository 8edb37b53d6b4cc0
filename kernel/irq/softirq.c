/* SPDX-License-Identifier: MIT */
/*
 * Softirqs: work that an interrupt puts off until interrupts are on again.
 *
 * Each CPU has a mask of pending ones. They run at the end of the outermost hard
 * interrupt, when a softirq_disable() section ends, and in the idle loop. One that is
 * raised again and again while it runs (packets that do not end) is put off: until it has
 * nothing left it runs in the CPU's ksoftirqd alone, a thread like others, which shares the
 * CPU with them. Neither interrupts nor threads that leave a section serve it meanwhile.
 * A softirq runs on the CPU that it is raised on and is not interrupted by another. One
 * raised on another CPU is sent there by an interrupt.
 *
 * Time in interrupts is measured here for cputime.c, by few clock reads, since some boards' firmware takes
 * some 400 instructions for each: one where an interrupt begins, one where it ends, which is also where its
 * softirqs begin, and one where these end. What is left of a section that they wait for counts as theirs.
 */
#include <arch/smp.h>
#include <kernel/irq/irq.h>
#include <kernel/percpu.h>
#include <kernel/bug.h>
#include <kernel/sched/tick.h>
#include <kernel/task/thread.h>

/* Rounds over the mask before what is still raised is put off. Chosen. */
#define SOFTIRQ_ROUNDS	8

struct softirq_cpu {
	/* Only by its CPU, interrupts off. */
	u32 pending;
	u32 put_off;			/* they are ksoftirqd's alone, raised or not */
	u32 waiting;			/* of those: raised. They are not in pending */
	u64 entered;			/* clock at irq_enter */
	u64 left;			/* at irq_exit, where what is pending has to wait; else 0 */
	u64 hard_ns, soft_ns;
	u64 interrupts, counts[NR_SOFTIRQS];	/* for /proc/stat */
	struct thread *daemon;		/* constant after softirq_init() */
	u32 remote;			/* atomic: raised by other CPUs, not pending yet */
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

static void add(struct softirq_cpu *s, u32 raised)
{
	s->pending |= raised & ~s->put_off;
	s->waiting |= raised & s->put_off;
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

	add(s, BIT(nr));
	if (!in_interrupt())
		wake_daemon(s);
	local_irq_restore(flags);
}

void softirq_raise_on(u32 cpu, enum softirq nr)
{
	/* Who finds the bit set knows that the interrupt is on its way. */
	if (!(__atomic_fetch_or(&per_cpu(softirqs, cpu).remote, BIT(nr), __ATOMIC_SEQ_CST) & BIT(nr)))
		ipi_softirq(cpu);
}

void softirq_take_remote(void)
{
	struct softirq_cpu *s = &this_cpu(softirqs);

	add(s, __atomic_exchange_n(&s->remote, 0, __ATOMIC_SEQ_CST));
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
 * Serve what is pending. What is raised again after the last round is put off. The time is
 * softirq time from start on: not the interrupted thread's. Context: interrupts off, not in an
 * interrupt; interrupts are on while handlers run.
 */
static void run_pending(u64 start)
{
	struct softirq_cpu *s = &this_cpu(softirqs);
	u64 before = s->hard_ns, ns;
	u32 pending = 0;

	preempt_count() += SOFTIRQ_SERVING;
	for (u32 round = 0; s->pending && round < SOFTIRQ_ROUNDS; round++) {
		pending = s->pending;
		s->pending = 0;
		local_irq_enable();
		run_round(s, pending);
		local_irq_disable();
	}
	preempt_count() -= SOFTIRQ_SERVING;
	ns = ktime_get() - start - (s->hard_ns - before);
	s->soft_ns += ns;
	this_cpu(irq_total_ns) += ns;
	s->left = 0;
	if (!s->pending)
		return;
	if (s->daemon) {
		s->waiting |= s->pending & pending;
		s->put_off |= s->waiting;
		s->pending &= ~s->waiting;
	}
	wake_daemon(s);
}

/*
 * In ksoftirqd, whose time it is: one round, so that others get their turn. What is not raised
 * again needs no ksoftirqd any more. Context: as above.
 */
static void run_waiting(void)
{
	struct softirq_cpu *s = &this_cpu(softirqs);
	u32 all = s->pending | s->waiting;

	s->pending = s->waiting = 0;
	preempt_count() += SOFTIRQ_SERVING;
	local_irq_enable();
	run_round(s, all);
	local_irq_disable();
	preempt_count() -= SOFTIRQ_SERVING;
	s->left = 0;
	s->put_off &= s->waiting;
}

void irq_enter(void)
{
	struct softirq_cpu *s = &this_cpu(softirqs);

	preempt_count() += HARDIRQ_ONE;
	s->entered = ktime_get();
	s->interrupts++;
	tick_note(s->entered);
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
	u64 now = ktime_get(), ns = now - s->entered;

	s->hard_ns += ns;
	this_cpu(irq_total_ns) += ns;
	preempt_count() -= HARDIRQ_ONE;
	s->left = s->pending ? now : 0;
	if (s->pending && !in_interrupt())
		run_pending(now);
}

void softirq_run_pending(void)
{
	preempt_disable();
	local_irq_disable();
	if (softirq_pending())
		run_pending(this_cpu(softirqs).left ?: ktime_get());
	local_irq_enable();
	preempt_enable();
}

/* The last softirq_enable() runs what came meanwhile. */
void softirq_enable_slow(void)
{
	ASSERT(!in_hardirq());
	/* One step: no preemption between leaving the section and serving. */
	preempt_count() += PREEMPT_ONE - SOFTIRQ_ONE;
	/* What an interrupt raised before is seen now; from here on it serves that itself. */
	barrier();
	if (unlikely(softirq_pending()) && !in_interrupt()) {
		if (irqs_disabled())
			this_cpu(softirqs).left = 0;	/* others run before it is served */
		else
			softirq_run_pending();
	}
	preempt_enable();
}

static bool any_pending(void)
{
	const struct softirq_cpu *s = &this_cpu(softirqs);

	return READ_ONCE(s->pending) || READ_ONCE(s->waiting);
}

static int softirq_daemon(void *arg)
{
	(void)arg;
	while (!kthread_should_stop()) {
		thread_set_state(TASK_INTERRUPTIBLE);
		if (!any_pending()) {
			schedule();
			continue;
		}
		thread_set_running();
		preempt_disable();
		local_irq_disable();
		run_waiting();
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
