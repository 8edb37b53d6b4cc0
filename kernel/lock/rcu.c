/* SPDX-License-Identifier: MIT */
/*
 * Read-copy-update: grace periods and callbacks.
 *
 * A read section is a stretch with preemption off. A CPU is quiescent, that is
 * surely in none, when it switches threads, is idle, runs user mode, or takes a
 * tick where preemption was on. A grace period is over when each CPU has been
 * quiescent once since its start; what was unlinked before has no readers then.
 *
 *   no grace period --start()--> running: holdouts = busy CPUs
 *         ^                        |  each CPU clears its bit (rcu_note_quiescent)
 *         +------- last bit -------+  completed = current
 *
 * Callbacks wait on their CPU, touched by no other: `next` have no grace period
 * yet, `wait` are safe when grace period wait_gp is completed. A CPU moves them at
 * its tick, on the way into idle, and when a backlog or a waiting thread hurries.
 *
 * Idle CPUs are not woken: they stand in the idle mask, and a grace period does
 * not wait for them. The CPU leaves the mask with a full barrier before it reads
 * anything; start() has one between the unlinking and its look at the mask. So a
 * CPU that start() found idle sees the unlinked state afterwards.
 *
 * Invariants
 *  (1) current - completed is 0 or 1; holdouts is 0 exactly when it is 0.
 *  (2) A callback queued while `current` runs waits for current + 1: that one
 *      starts later. If none runs, the next one is current + 1, too.
 *  (3) Lists of a CPU change with its interrupts off.
 *
 * kfree_rcu() passes the offset of the rcu_head instead of a function: no
 * function has an address below 4096.
 */
#include <kernel/bug.h>
#include <kernel/irq/irq.h>
#include <kernel/lock/rcu.h>
#include <kernel/mm/alloc.h>
#include <kernel/percpu.h>
#include <kernel/task/thread.h>
#include <arch/smp.h>

/* Callbacks on one CPU from which on grace periods are hurried. Chosen: well below a megabyte. */
#define RCU_BACKLOG	512

struct rcu_list {
	struct rcu_head *first, **tail;
};

struct rcu_cpu {
	/* Only by its CPU, interrupts off. */
	struct rcu_list next, wait;
	u64 wait_gp;
	u32 nr;			/* callbacks not yet run */
};
static DEFINE_PERCPU(struct rcu_cpu, rcu_cpus);

static struct spinlock gp_lock = SPINLOCK_INIT(RANK_RCU);
/* Written under gp_lock; completed and holdouts are read without it. */
static u64 current_gp, completed_gp, wanted_gp;
static u64 holdouts;		/* atomic: CPUs that the running grace period waits for */
static u64 idle_mask;		/* atomic */

static void list_reset(struct rcu_list *l)
{
	l->first = NULL;
	l->tail = &l->first;
}

static void list_append(struct rcu_list *l, struct rcu_head *h)
{
	h->next = NULL;
	*l->tail = h;
	l->tail = &h->next;
}

void rcu_init_cpu(void)
{
	struct rcu_cpu *r = &this_cpu(rcu_cpus);

	list_reset(&r->next);
	list_reset(&r->wait);
	r->nr = 0;
}

/* Context: gp_lock held, no grace period running. */
static void start(void)
{
	u64 busy;

	for (;;) {
		if (wanted_gp <= completed_gp)
			return;
		current_gp++;
		smp_mb();	/* pairs with rcu_idle_exit() */
		busy = cpus_online & ~__atomic_load_n(&idle_mask, __ATOMIC_SEQ_CST);
		__atomic_store_n(&holdouts, busy, __ATOMIC_SEQ_CST);
		if (busy)
			return;
		smp_store_release(&completed_gp, current_gp);
	}
}

static void request(u64 gp)
{
	u64 flags = spin_lock_irqsave(&gp_lock);

	if (gp > wanted_gp)
		wanted_gp = gp;
	if (current_gp == completed_gp)
		start();
	spin_unlock_irqrestore(&gp_lock, flags);
}

static void report(u64 cpus)
{
	u64 flags;

	if (!(__atomic_load_n(&holdouts, __ATOMIC_RELAXED) & cpus))
		return;
	flags = spin_lock_irqsave(&gp_lock);
	if (current_gp != completed_gp &&
	    !__atomic_and_fetch(&holdouts, ~cpus, __ATOMIC_SEQ_CST)) {
		smp_store_release(&completed_gp, current_gp);
		start();
	}
	spin_unlock_irqrestore(&gp_lock, flags);
}

void rcu_note_quiescent(void)
{
	if (unlikely(__atomic_load_n(&holdouts, __ATOMIC_RELAXED) & BIT(cpu_id())))
		report(BIT(cpu_id()));
}

bool rcu_cpu_needs_tick(void)
{
	return this_cpu(rcu_cpus).nr;
}

/* Move next to wait when wait is empty, and ask for its grace period. Context: interrupts off. */
static void assign(struct rcu_cpu *r)
{
	u64 flags;

	if (r->wait.first || !r->next.first)
		return;
	r->wait = r->next;
	list_reset(&r->next);
	flags = spin_lock_irqsave(&gp_lock);
	r->wait_gp = current_gp + 1;
	spin_unlock_irqrestore(&gp_lock, flags);
	request(r->wait_gp);
}

/* The callbacks whose grace period is over, detached; NULL: none. Context: interrupts off. */
static struct rcu_head *take_done(struct rcu_cpu *r)
{
	struct rcu_head *done = NULL;

	assign(r);
	if (r->wait.first && __atomic_load_n(&completed_gp, __ATOMIC_ACQUIRE) >= r->wait_gp) {
		done = r->wait.first;
		list_reset(&r->wait);
		assign(r);
	}
	return done;
}

static void invoke(struct rcu_head *h)
{
	u64 offset = (u64)h->func;

	if (offset < 4096)
		kfree((char *)h - offset);
	else
		h->func(h);
}

/* Context: softirq. */
static void rcu_softirq(void)
{
	u64 flags = local_irq_save();
	struct rcu_cpu *r = &this_cpu(rcu_cpus);
	struct rcu_head *h = take_done(r), *next;
	u32 run = 0;

	local_irq_restore(flags);
	for (; h; h = next, run++) {
		next = h->next;
		invoke(h);
	}
	flags = local_irq_save();
	r->nr -= run;
	local_irq_restore(flags);
}

/* Idle CPUs count as quiescent until they wake; what can be done for callbacks is done first. */
void rcu_idle_enter(void)
{
	u64 self = BIT(cpu_id());

	__atomic_fetch_or(&idle_mask, self, __ATOMIC_SEQ_CST);
	report(self);
}

void rcu_idle_exit(void)
{
	__atomic_fetch_and(&idle_mask, ~BIT(cpu_id()), __ATOMIC_SEQ_CST);
	smp_mb();		/* pairs with start() */
}

/* Make this CPU's tick unneeded: assign now, and let the others switch soon. */
static void hurry(void)
{
	u64 flags = local_irq_save();
	u64 late;
	u32 cpu;

	assign(&this_cpu(rcu_cpus));
	late = __atomic_load_n(&holdouts, __ATOMIC_RELAXED);
	for_each_online_cpu(cpu) {
		if (late & BIT(cpu))
			sched_resched_cpu(cpu);
	}
	local_irq_restore(flags);
}

void call_rcu(struct rcu_head *head, void (*func)(struct rcu_head *head))
{
	u64 flags = local_irq_save();
	struct rcu_cpu *r = &this_cpu(rcu_cpus);

	head->func = func;
	list_append(&r->next, head);
	r->nr++;
	/* Rank order forbids waking here: the request waits for the tick, but for a backlog. */
	if (unlikely(r->nr % RCU_BACKLOG == 0))
		__atomic_fetch_or(&current->info.flags, TIF_NEED_RESCHED, __ATOMIC_RELAXED);
	local_irq_restore(flags);
}

struct rcu_waiter {
	struct rcu_head head;
	struct completion done;
};

static void waiter_done(struct rcu_head *head)
{
	complete(&container_of(head, struct rcu_waiter, head)->done);
}

void synchronize_rcu(void)
{
	struct rcu_waiter w;

	might_sleep();
	completion_init(&w.done);
	call_rcu(&w.head, waiter_done);
	hurry();
	wait_for_completion(&w.done);
}

/* One waiter per CPU, queued behind what is there. Lists keep order, so it runs last. */
static struct rcu_waiter barrier_waiters[NR_CPUS];
static DEFINE_MUTEX(barrier_mutex, RANK_MUTEX_LEAF);

static void barrier_queue(void *arg)
{
	(void)arg;
	call_rcu(&barrier_waiters[cpu_id()].head, waiter_done);
	softirq_raise(SOFTIRQ_RCU);
}

void rcu_barrier(void)
{
	u64 mask = cpus_online;
	u32 cpu;

	mutex_lock(&barrier_mutex);
	for (cpu = 0; cpu < NR_CPUS; cpu++)
		completion_init(&barrier_waiters[cpu].done);
	smp_call(mask, barrier_queue, NULL);
	hurry();
	for (cpu = 0; cpu < NR_CPUS; cpu++) {
		if (mask & BIT(cpu))
			wait_for_completion(&barrier_waiters[cpu].done);
	}
	mutex_unlock(&barrier_mutex);
}

void rcu_init(void)
{
	softirq_register(SOFTIRQ_RCU, rcu_softirq);
}
