/* SPDX-License-Identifier: MIT */
/*
 * Moving waiting threads between CPUs: a CPU that would go idle takes one from
 * the CPU with the most runnable threads. A CPU with waiting threads kicks an
 * idle one at its tick (core.c), so that a sleeping CPU need not look around.
 */
#include <kernel/sched/runqueue.h>

void sched_lock_pair(struct runqueue *rq, struct runqueue *other)
{
	if (rq->cpu < other->cpu) {
		raw_spin_lock(&other->lock, 1);
		return;
	}
	raw_spin_unlock(&rq->lock);
	raw_spin_lock(&other->lock, 0);
	raw_spin_lock(&rq->lock, 1);
}

static struct runqueue *busiest_other(struct runqueue *rq)
{
	struct runqueue *busiest = NULL;
	u32 cpu, most = 1;

	for_each_online_cpu(cpu) {
		struct runqueue *other = cpu_rq(cpu);

		if (other != rq && READ_ONCE(other->nr_running) > most) {
			most = other->nr_running;
			busiest = other;
		}
	}
	return busiest;
}

static void move_thread(struct runqueue *from, struct runqueue *to, struct thread *t)
{
	rq_dequeue(from, t, MIGRATING);
	t->se.vruntime += to->fair.min_vruntime - from->fair.min_vruntime;
	thread_set_cpu(t, to->cpu);
	rq_enqueue(to, t, false);
}

bool balance_idle_pull(struct runqueue *rq)
{
	struct runqueue *from = busiest_other(rq);
	struct thread *t = NULL;

	if (!from)
		return false;
	sched_lock_pair(rq, from);
	if (!rq->nr_running && from->nr_running > 1) {
		t = rt_class.steal(from, rq->cpu);
		if (!t)
			t = fair_class.steal(from, rq->cpu);
		if (t)
			move_thread(from, rq, t);
	}
	raw_spin_unlock(&from->lock);
	return rq->nr_running;
}
