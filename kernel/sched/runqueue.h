/* SPDX-License-Identifier: MIT */
/*
 * One CPU's runnable threads, and what a scheduling class provides. Inside
 * kernel/sched only.
 */
#pragma once
#include <kernel/percpu.h>
#include <kernel/lock/spinlock.h>
#include <kernel/task/thread.h>
#include <kernel/sched/sched.h>

enum on_rq {
	OFF_RQ,			/* sleeping, new or dead */
	ON_RQ,			/* running, or in its class's queue */
	MIGRATING,		/* runnable, in the hands of one CPU that moves it */
};

#define RT_PRIORITIES	100	/* 1..99 are used */

struct fair_rq {
	struct rb_cached timeline;	/* waiting threads by vruntime; never curr */
	u64 min_vruntime;		/* ns, weighted; only ever grows */
	u64 weight;			/* sum over timeline and curr */
	u32 nr;				/* timeline plus curr */
};

struct rt_rq {
	u64 bitmap[2];			/* bit per priority: its list is not empty */
	struct list_head queue[RT_PRIORITIES];	/* waiting threads; never curr */
	u32 nr;				/* queues plus curr */
	u64 period_start;		/* rq->clock */
	u64 ran_ns;			/* since period_start */
};

struct runqueue {
	struct spinlock lock;		/* RANK_RUNQ, irq-safe; two only by sched_lock_pair() */

	/* Guarded by lock. nr_running and curr are also read without it, as hints. */
	u32 nr_running;			/* all classes, curr included, idle never */
	struct thread *curr;
	u64 clock;			/* ns of thread time: monotonic minus interrupts */
	struct fair_rq fair;
	struct rt_rq rt;
	u64 nr_switches;
	u64 charged;			/* clock at the last cputime_charge() */
	u64 busy_ns;			/* CPU time of all threads but idle */
	s64 nr_uninterruptible;		/* went to sleep here less woken here: only the sum over CPUs counts */

	/* Only by its CPU, across one context switch. */
	struct mm *drop_mm;		/* borrowed page tables to give back */

	/* Constant after sched_init_cpu(). */
	struct thread *idle;
	u32 cpu;
} __cacheline_aligned;

DECLARE_PERCPU(struct runqueue, runqueues);
#define cpu_rq(c)	(&per_cpu(runqueues, c))
#define this_rq()	(&this_cpu(runqueues))

/* All are called with rq->lock held. */
struct sched_class {
	u32 order;			/* lower runs first */
	void (*enqueue)(struct runqueue *rq, struct thread *t, bool waking);
	void (*dequeue)(struct runqueue *rq, struct thread *t);
	/* runs no more, stays runnable */
	void (*put_prev)(struct runqueue *rq, struct thread *t);
	struct thread *(*pick)(struct runqueue *rq);	/* out of the queue; NULL: none */
	void (*update_curr)(struct runqueue *rq);	/* charge curr up to rq->clock */
	void (*tick)(struct runqueue *rq);
	/* t, of curr's class, over curr */
	bool (*preempts)(struct runqueue *rq, struct thread *t);
	void (*yield)(struct runqueue *rq);
	/* a waiting one that may run on cpu */
	struct thread *(*steal)(struct runqueue *rq, u32 cpu);
};
extern const struct sched_class rt_class, fair_class, idle_class;

/* loadavg.c: sample if it is time. In the tick, without locks. */
void loadavg_tick(void);
/* rt.c: real-time threads have had their part of this period, and others wait. rq->lock held. */
bool rt_throttled(struct runqueue *rq);
void resched_curr(struct runqueue *rq);
void rq_update_clock(struct runqueue *rq);
/* What curr has run since this was last asked, added to its time. ns. rq->lock held. */
static inline u64 account_curr(struct runqueue *rq)
{
	struct sched_entity *se = &rq->curr->se;
	u64 delta = rq->clock - se->exec_start;

	if ((s64)delta <= 0)
		return 0;
	se->exec_start = rq->clock;
	se->sum_exec_ns += delta;
	return delta;
}
void thread_set_cpu(struct thread *t, u32 cpu);
void rq_enqueue(struct runqueue *rq, struct thread *t, bool waking);
/* where_to: OFF_RQ to sleep; MIGRATING if it will be queued again. */
void rq_dequeue(struct runqueue *rq, struct thread *t, enum on_rq where_to);
/* The runqueue of t, locked; NULL if t is off the runqueues. Context: pi_lock held. */
struct runqueue *rq_lock_of(struct thread *t);
/* Queue t, in the caller's hands, where it may run. Context: interrupts off; t is on no CPU. */
void thread_move_off(struct thread *t);
static inline bool thread_may_run_on(const struct thread *t, u32 cpu)
{
	return t->se.cpus_mask & BIT(cpu);
}
/* rq->lock held; takes other's in order, may drop rq->lock for a moment. */
void sched_lock_pair(struct runqueue *rq, struct runqueue *other);
/*
 * balance.c: this CPU has nothing to run. True if a
 * thread was pulled. rq->lock held, may be dropped.
 */
bool balance_idle_pull(struct runqueue *rq);
void sched_set_weight(struct thread *t);	/* from policy and nice */
