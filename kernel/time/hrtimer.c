/* SPDX-License-Identifier: MIT */
/*
 * Timers with ns resolution: a tree per CPU, the hardware set for the leftmost.
 *
 * A timer is queued on the CPU that starts it, so only that CPU programs its own
 * hardware. t->cpu names the tree; whoever locks that tree's lock and finds t->cpu
 * unchanged has the timer. While a timer changes trees t->cpu is MOVING, and others spin.
 *
 *   IDLE --start--> QUEUED --expiry--> running (base->running == t, IDLE)
 *     ^               |                   |
 *     +----cancel-----+      DONE: IDLE, AGAIN or start in the handler: QUEUED
 *
 * Invariants
 *  (1) state QUEUED exactly while the node is in base[t->cpu]'s tree.
 *  (2) A timer whose handler runs keeps its CPU: a restart queues it there, and
 *      that CPU programs its hardware after the handler.
 *  (3) Once cancel returns, the handler neither runs nor will run, unless somebody
 *      starts it again.
 */
#include <kernel/time/hrtimer.h>
#include <kernel/time/clock.h>
#include <kernel/lock/spinlock.h>
#include <kernel/percpu.h>
#include <kernel/sched/tick.h>
#include <arch/time.h>

enum { TIMER_IDLE, TIMER_QUEUED };

/*
 * A CPU without a timer looks up after that long. Chosen: next to never; but an emulator that lets
 * idle time pass at once (QEMU's -icount) would come to the end of time while a disk works.
 */
#define FARTHEST_NS	(3600 * NS_PER_SEC)
#define MOVING	NR_CPUS

struct timer_base {
	struct spinlock lock;		/* RANK_TIMER, irq-safe */
	/* Guarded by lock. */
	struct rb_cached tree;
	struct hrtimer *running;
	ktime_t programmed;		/* what the hardware is set for */
	bool in_interrupt;		/* it will program the hardware at its end */
};
static DEFINE_PERCPU(struct timer_base, bases);

static bool expires_before(const struct rb_node *a, const struct rb_node *b)
{
	return container_of(a, struct hrtimer, node)->expires_ns <
	       container_of(b, struct hrtimer, node)->expires_ns;
}

static struct hrtimer *first(const struct timer_base *b)
{
	return b->tree.leftmost ? container_of(b->tree.leftmost, struct hrtimer, node) : NULL;
}

void hrtimer_init(struct hrtimer *t, enum hrtimer_restart (*func)(struct hrtimer *))
{
	*t = (struct hrtimer){ .func = func };
	t->cpu = cpu_id();
}

static struct timer_base *lock_base(struct hrtimer *t, u64 *flags)
{
	u32 spins = 0;

	for (;;) {
		u32 cpu = READ_ONCE(t->cpu);

		if (cpu != MOVING) {
			struct timer_base *b = &per_cpu(bases, cpu);

			*flags = spin_lock_irqsave(&b->lock);
			if (READ_ONCE(t->cpu) == cpu)
				return b;
			spin_unlock_irqrestore(&b->lock, *flags);
		}
		cpu_spin_wait(&spins);
	}
}

/* now counts where there is no timer. Context: own base locked. */
static void program(struct timer_base *b, ktime_t now)
{
	struct hrtimer *t = first(b);
	ktime_t next = t ? t->expires_ns : now + FARTHEST_NS;

	if (next == b->programmed)
		return;
	b->programmed = next;
	arch_timer_set(ktime_to_ticks(next));
}

static void enqueue(struct timer_base *b, struct hrtimer *t)
{
	rb_insert_cached(&b->tree, &t->node, expires_before, NULL);
	WRITE_ONCE(t->state, TIMER_QUEUED);
}

static bool dequeue(struct timer_base *b, struct hrtimer *t)
{
	if (t->state != TIMER_QUEUED)
		return false;
	rb_erase_cached(&b->tree, &t->node, NULL);
	WRITE_ONCE(t->state, TIMER_IDLE);
	return true;
}

void hrtimer_start(struct hrtimer *t, ktime_t expires_ns)
{
	u64 flags;
	struct timer_base *b = lock_base(t, &flags), *here = &this_cpu(bases);

	dequeue(b, t);
	if (b != here && b->running != t) {
		WRITE_ONCE(t->cpu, MOVING);
		raw_spin_unlock(&b->lock);
		raw_spin_lock(&here->lock, 0);
		b = here;
		smp_store_release(&t->cpu, cpu_id());
	}
	t->expires_ns = expires_ns;
	enqueue(b, t);
	if (b == here && !b->in_interrupt && first(b) == t)
		program(b, 0);
	spin_unlock_irqrestore(&b->lock, flags);
}

/* Take it off its tree. True: it was there. *runs: its handler runs, and may have put it there. */
static bool take_off(struct hrtimer *t, bool *runs)
{
	u64 flags;
	struct timer_base *b = lock_base(t, &flags);
	bool queued = dequeue(b, t);

	*runs = b->running == t;
	spin_unlock_irqrestore(&b->lock, flags);
	return queued;
}

void hrtimer_try_cancel(struct hrtimer *t)
{
	bool runs;

	(void)take_off(t, &runs);
}

bool hrtimer_cancel(struct hrtimer *t)
{
	u32 spins = 0;
	bool queued, runs;

	if (!t->func)
		return false;
	for (queued = take_off(t, &runs); runs; queued |= take_off(t, &runs))
		cpu_spin_wait(&spins);
	return queued;
}

u64 hrtimer_forward(struct hrtimer *t, ktime_t now, ktime_t interval_ns)
{
	u64 steps;

	if (now < t->expires_ns)
		return 0;
	steps = (now - t->expires_ns) / interval_ns + 1;
	t->expires_ns += steps * interval_ns;
	return steps;
}

/* Take the lock off for the handler. Context: b locked. */
static void run_one(struct timer_base *b, struct hrtimer *t)
{
	enum hrtimer_restart again;

	dequeue(b, t);
	b->running = t;
	raw_spin_unlock(&b->lock);
	again = t->func(t);
	raw_spin_lock(&b->lock, 0);
	if (again == HRTIMER_AGAIN && t->state != TIMER_QUEUED)
		enqueue(b, t);
	b->running = NULL;
}

void timer_interrupt(void)
{
	struct timer_base *b = &this_cpu(bases);
	ktime_t now = ktime_get();
	struct hrtimer *t;

	raw_spin_lock(&b->lock, 0);
	b->in_interrupt = true;
	while ((t = first(b))) {
		if (t->expires_ns > now) {
			now = ktime_get();
			if (t->expires_ns > now)
				break;
		}
		run_one(b, t);
	}
	b->in_interrupt = false;
	b->programmed = 0;		/* the interrupt is level: set it even to the same time */
	program(b, now);
	raw_spin_unlock(&b->lock);
}

void time_init_cpu(void)
{
	struct timer_base *b = &this_cpu(bases);

	spin_lock_init(&b->lock, RANK_TIMER);
	b->programmed = U64_MAX;
	arch_timer_init_cpu();
	tick_init_cpu();
}
