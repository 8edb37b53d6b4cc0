/* SPDX-License-Identifier: MIT */
/*
 * Fair scheduling: share each CPU among its runnable threads by weight.
 *
 * Idea. Every thread has a virtual runtime: the time it has run, scaled by
 * 1024 / weight. A heavy thread's clock ticks slowly. If the CPU always runs the
 * thread whose clock is furthest behind, each gets its weighted share, and no
 * time slice has to be computed in advance.
 *
 * Structure. Waiting threads sit in a red-black tree ordered by vruntime, with
 * the leftmost cached: picking is O(1), queueing O(log n). The running thread is
 * not in the tree: its vruntime changes, and a key must not change in the tree.
 *
 * Invariants, under rq->lock:
 *  (1) min_vruntime never decreases.
 *  (2) Every queued vruntime is within 2^63 of min_vruntime, so that the signed
 *      difference orders them even after the clock wraps.
 *  (3) nr and weight count the tree plus curr.
 *
 * A thread that wakes starts no further back than half a latency period behind
 * min_vruntime: sleep earns a quick start, not an unbounded debt (place()).
 *
 * Not here: class order and context switch (core.c), moving threads between CPUs
 * (balance.c), weights (weight.c).
 */
#include <kernel/sched/runqueue.h>

/*
 * ns in which every runnable thread should run once.
 * Chosen: long against a switch, short for a shell.
 */
#define LATENCY_NS	(6 * NS_PER_MS)
/* ns that a thread runs at least before another of its class takes over. Chosen. */
#define MIN_SLICE_NS	(750 * NS_PER_US)
/* ns of vruntime that a waking thread must be behind to preempt at once. Chosen. */
#define WAKEUP_GRAN_NS	NS_PER_MS

static struct thread *of_node(const struct rb_node *n)
{
	return container_of(n, struct thread, se.node);
}

static bool runs_before(const struct rb_node *a, const struct rb_node *b)
{
	return (s64)(of_node(a)->se.vruntime - of_node(b)->se.vruntime) < 0;
}

static void advance_min_vruntime(struct runqueue *rq)
{
	struct fair_rq *f = &rq->fair;
	u64 v = rq->curr->se.vruntime;

	if (f->timeline.leftmost) {
		u64 left = of_node(f->timeline.leftmost)->se.vruntime;

		if ((s64)(left - v) < 0)
			v = left;
	}
	if ((s64)(v - f->min_vruntime) > 0)
		f->min_vruntime = v;
}

static void fair_update_curr(struct runqueue *rq)
{
	struct sched_entity *se = &rq->curr->se;
	u64 delta = account_curr(rq);

	if (!delta)
		return;
	se->vruntime += delta * se->inv_weight >> 22;
	advance_min_vruntime(rq);
}

/* Pull a waking thread's clock forward; never push it back, or it gains time. */
static void place(const struct runqueue *rq, struct sched_entity *se)
{
	u64 floor = rq->fair.min_vruntime - LATENCY_NS / 2;

	if ((s64)(se->vruntime - floor) < 0)
		se->vruntime = floor;
}

static void fair_enqueue(struct runqueue *rq, struct thread *t, bool waking)
{
	assert_spin_held(&rq->lock);
	if (waking)
		place(rq, &t->se);
	rq->fair.weight += t->se.weight;
	rq->fair.nr++;
	if (t != rq->curr)
		rb_insert_cached(&rq->fair.timeline, &t->se.node, runs_before, NULL);
}

static void fair_dequeue(struct runqueue *rq, struct thread *t)
{
	if (t != rq->curr)
		rb_erase_cached(&rq->fair.timeline, &t->se.node, NULL);
	rq->fair.weight -= t->se.weight;
	rq->fair.nr--;
}

static void fair_put_prev(struct runqueue *rq, struct thread *t)
{
	rb_insert_cached(&rq->fair.timeline, &t->se.node, runs_before, NULL);
}

static struct thread *fair_pick(struct runqueue *rq)
{
	struct rb_node *n = rq->fair.timeline.leftmost;
	struct thread *t;

	if (!n)
		return NULL;
	t = of_node(n);
	t->se.exec_start = rq->clock;
	t->se.slice_start_sum = t->se.sum_exec_ns;
	rb_erase_cached(&rq->fair.timeline, n, NULL);
	return t;
}

/* curr's share of a period in which every thread runs. */
static u64 slice_ns(const struct runqueue *rq, const struct sched_entity *se)
{
	u64 period = max((u64)LATENCY_NS, rq->fair.nr * (u64)MIN_SLICE_NS);

	return max((u64)MIN_SLICE_NS, period * se->weight / rq->fair.weight);
}

static void fair_tick(struct runqueue *rq)
{
	struct sched_entity *se = &rq->curr->se;

	if (rq->fair.nr > 1 && se->sum_exec_ns - se->slice_start_sum >= slice_ns(rq, se))
		resched_curr(rq);
}

static bool fair_preempts(struct runqueue *rq, struct thread *t)
{
	s64 behind = (s64)(rq->curr->se.vruntime - t->se.vruntime);

	if (t->se.policy != SCHED_OTHER)
		return false;
	if (rq->curr->se.policy == SCHED_IDLE)
		return true;
	return behind > (s64)(WAKEUP_GRAN_NS * t->se.inv_weight >> 22);
}

/* To the right end: everybody else who waits runs first. */
static void fair_yield(struct runqueue *rq)
{
	struct rb_node *last = rb_last(&rq->fair.timeline.root);

	if (last && (s64)(of_node(last)->se.vruntime - rq->curr->se.vruntime) > 0)
		rq->curr->se.vruntime = of_node(last)->se.vruntime;
}

static struct thread *fair_steal(struct runqueue *rq, u32 cpu)
{
	for (struct rb_node *n = rq->fair.timeline.leftmost; n; n = rb_next(n)) {
		if (of_node(n)->se.cpus_mask & BIT(cpu))
			return of_node(n);
	}
	return NULL;
}

const struct sched_class fair_class = {
	.order = 1,
	.enqueue = fair_enqueue,
	.dequeue = fair_dequeue,
	.put_prev = fair_put_prev,
	.pick = fair_pick,
	.update_curr = fair_update_curr,
	.tick = fair_tick,
	.preempts = fair_preempts,
	.yield = fair_yield,
	.steal = fair_steal,
};
