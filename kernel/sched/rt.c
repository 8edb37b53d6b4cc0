/* SPDX-License-Identifier: MIT */
/*
 * Real-time scheduling: fixed priorities 1..99, the highest runs.
 *
 * SCHED_FIFO runs until it sleeps, yields or is preempted by a higher priority;
 * SCHED_RR also gives way to its equals after a slice. One list per priority and
 * a bitmap of lists that are not empty; the running thread is in no list. A
 * preempted thread goes back to the head of its list, one whose slice is over or
 * that yields to the tail.
 *
 * They leave the others a part: where a fair thread waits, a CPU's real-time threads run
 * at most sched_rt_runtime_us of each period. One that never sleeps so slows a machine
 * down but does not take it away from the shell that can end it. Where no fair
 * thread waits, they run on.
 */
#include <kernel/sched/runqueue.h>
#include <kernel/lib/bitmap.h>

/* Linux's default, as sched_rr_get_interval tells */
#define RR_SLICE_NS	(100 * NS_PER_MS)

s32 sched_rt_runtime_us = 950000;	/* -1: all of it */

static void queue_at(struct runqueue *rq, struct thread *t, bool head)
{
	int prio = t->se.rt_priority;

	if (head)
		list_add(&t->se.rt_node, &rq->rt.queue[prio]);
	else
		list_add_tail(&t->se.rt_node, &rq->rt.queue[prio]);
	bitmap_set(rq->rt.bitmap, prio);
}

static void unqueue(struct runqueue *rq, struct thread *t)
{
	int prio = t->se.rt_priority;

	list_del(&t->se.rt_node);
	if (list_empty(&rq->rt.queue[prio]))
		bitmap_clear(rq->rt.bitmap, prio);
}

static void rt_enqueue(struct runqueue *rq, struct thread *t, bool waking)
{
	if (waking || !t->se.rr_slice_left_ns)
		t->se.rr_slice_left_ns = RR_SLICE_NS;
	if (waking)
		t->se.rt_awake_sum = t->se.sum_exec_ns;
	rq->rt.nr++;
	if (t != rq->curr)
		queue_at(rq, t, false);
}

static void rt_dequeue(struct runqueue *rq, struct thread *t)
{
	if (t != rq->curr)
		unqueue(rq, t);
	rq->rt.nr--;
}

static void rt_put_prev(struct runqueue *rq, struct thread *t)
{
	bool to_head = t->se.rr_slice_left_ns;

	if (!to_head)
		t->se.rr_slice_left_ns = RR_SLICE_NS;
	queue_at(rq, t, to_head);
}

static struct thread *highest(struct runqueue *rq)
{
	u32 prio;

	if (rq->rt.bitmap[1])
		prio = 64 + ilog2(rq->rt.bitmap[1]);
	else if (rq->rt.bitmap[0])
		prio = ilog2(rq->rt.bitmap[0]);
	else
		return NULL;
	return list_first(&rq->rt.queue[prio], struct thread, se.rt_node);
}

static struct thread *rt_pick(struct runqueue *rq)
{
	struct thread *t = highest(rq);

	if (t) {
		unqueue(rq, t);
		t->se.exec_start = rq->clock;
	}
	return t;
}

bool rt_throttled(struct runqueue *rq)
{
	s32 runtime_us = READ_ONCE(sched_rt_runtime_us);

	if (rq->clock - rq->rt.period_start >= SCHED_RT_PERIOD_US * NS_PER_US) {
		rq->rt.period_start = rq->clock;
		rq->rt.ran_ns = 0;
	}
	return rq->fair.nr && runtime_us >= 0 && rq->rt.ran_ns >= (u64)runtime_us * NS_PER_US;
}

static void rt_update_curr(struct runqueue *rq)
{
	struct sched_entity *se = &rq->curr->se;
	u64 delta = account_curr(rq);

	rq->rt.ran_ns += delta;
	if (se->policy == SCHED_RR)
		se->rr_slice_left_ns -= min_t(u64, delta, se->rr_slice_left_ns);
}

static void rt_tick(struct runqueue *rq)
{
	struct thread *next = highest(rq);
	bool turn_over = !rq->curr->se.rr_slice_left_ns && next &&
			 next->se.rt_priority >= rq->curr->se.rt_priority;

	if (turn_over || rt_throttled(rq))
		resched_curr(rq);
}

static bool rt_preempts(struct runqueue *rq, struct thread *t)
{
	return t->se.rt_priority > rq->curr->se.rt_priority;
}

static void rt_yield(struct runqueue *rq)
{
	rq->curr->se.rr_slice_left_ns = 0;	/* put_prev: to the tail */
}

static struct thread *rt_steal(struct runqueue *rq, u32 cpu)
{
	struct thread *t;

	for (int prio = RT_PRIORITIES - 1; prio > 0; prio--) {
		list_for_each(t, &rq->rt.queue[prio], se.rt_node) {
			if (t->se.cpus_mask & BIT(cpu))
				return t;
		}
	}
	return NULL;
}

bool sched_is_rt(const struct thread *t)
{
	return READ_ONCE(t->se.class) == &rt_class;
}

u64 sched_rt_ns_since_sleep(const struct thread *t)
{
	return t->se.sum_exec_ns - t->se.rt_awake_sum;
}

const struct sched_class rt_class = {
	.order = 0,
	.enqueue = rt_enqueue,
	.dequeue = rt_dequeue,
	.put_prev = rt_put_prev,
	.pick = rt_pick,
	.update_curr = rt_update_curr,
	.tick = rt_tick,
	.preempts = rt_preempts,
	.yield = rt_yield,
	.steal = rt_steal,
};
