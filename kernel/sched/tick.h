/* SPDX-License-Identifier: MIT */
/* The periodic tick of a CPU that is not idle, and CPU time accounting. */
#pragma once
#include <kernel/sched/runqueue.h>

/* 250 Hz. Chosen: Linux's usual; a slice is near it */
#define TICK_NS		(4 * NS_PER_MS)

/* Context: interrupts off, on this CPU. */
void tick_start(void);			/* the CPU leaves idle; does nothing if it ticks already */
void tick_init_cpu(void);
/* When cpu's tick is due, or, in it, was; of an idle CPU it means nothing. Any CPU, a hint. */
ktime_t tick_next(u32 cpu);
/*
 * ktime of the last tick, of any CPU: behind by at most TICK_NS where a thread asks, by two where
 * what an interrupt brought to an idle CPU does. No clock is read. What ktime_get() gave may be ahead of
 * it: differences have a sign.
 */
extern ktime_t tick_last;		/* atomic; CPUs that store at once store nearly the same */
static inline ktime_t tick_time(void)
{
	return READ_ONCE(tick_last);
}

/* An interrupt, at now: it may be that no CPU ticks. */
static inline void tick_note(ktime_t now)
{
	if (unlikely((s64)(now - READ_ONCE(tick_last)) > (s64)(2 * TICK_NS)))
		WRITE_ONCE(tick_last, now);
}

/* CPU time in ns since boot, by state; the sum is the time since the CPU came up. */
enum cputime { CPUTIME_USER, CPUTIME_NICE, CPUTIME_SYSTEM, CPUTIME_IDLE, CPUTIME_IOWAIT, CPUTIME_IRQ,
	CPUTIME_SOFTIRQ, CPUTIME_STEAL, NR_CPUTIMES };
void cputime_read(u32 cpu, u64 ns[NR_CPUTIMES]);
u32 cputime_nr_iowait(void);		/* threads asleep for I/O, all CPUs */
/* User and system time of a thread that may be running. */
void cputime_thread(struct thread *t, u64 *utime_ns, u64 *stime_ns);

/* For core.c; rq->lock held. */
void cputime_charge_idle(struct runqueue *rq, u64 delta);
/* The time since the last charge was curr's. */
static inline void cputime_charge(struct runqueue *rq, struct thread *curr)
{
	u64 delta = rq->clock - rq->charged;

	if ((s64)delta <= 0)
		return;
	rq->charged = rq->clock;
	if (likely(curr != rq->idle))
		rq->busy_ns += delta;
	else
		cputime_charge_idle(rq, delta);
}
void cputime_sample(struct runqueue *rq, bool user_mode);
void cputime_settle(struct thread *t);	/* last accounting of a thread that exits */
u64 irq_time_hard_ns(u32 cpu);
u64 irq_time_soft_ns(u32 cpu);
