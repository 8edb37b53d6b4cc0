/* SPDX-License-Identifier: MIT */
/*
 * What a thread asks of the scheduler: policy, priority, nice value and the CPUs it
 * may use; what a new thread takes over from its maker.
 *
 * A change takes the thread out of its queue meanwhile, since the queues are sorted
 * by what changes. pi_lock keeps changes and wake-ups apart. A thread that loses the
 * CPU it waits for moves at once; the one that runs there leaves at its next
 * reschedule, for which the caller waits.
 */
#include <kernel/sched/runqueue.h>
#include <kernel/time/hrtimer.h>

static const struct sched_class *class_of(int policy)
{
	return policy == SCHED_FIFO || policy == SCHED_RR ? &rt_class : &fair_class;
}

void sched_fork(struct thread *child)
{
	struct sched_entity *se = &child->se, *mine = &current->se;
	bool inherit = current->process && mine->class != &idle_class;

	spin_lock_init(&se->pi_lock, RANK_THREAD);
	se->policy = inherit ? mine->policy : SCHED_OTHER;
	se->rt_priority = inherit ? mine->rt_priority : 0;
	se->nice = inherit ? mine->nice : 0;
	se->cpus_mask = inherit ? mine->cpus_mask : ~0ul;
	se->reset_on_fork = false;
	if (inherit && mine->reset_on_fork) {
		se->policy = SCHED_OTHER;
		se->rt_priority = 0;
		se->nice = max(se->nice, 0);
	}
	se->class = class_of(se->policy);
	sched_set_weight(child);
	se->vruntime = mine->vruntime;
	se->exec_start = se->sum_exec_ns = se->slice_start_sum = 0;
	se->utime_ns = se->stime_ns = se->nvcsw = se->nivcsw = 0;
	se->rr_slice_left_ns = 0;
	se->on_rq = OFF_RQ;
	se->on_cpu = 0;
	list_init(&se->rt_node);
	rb_clear(&se->node);
	child->ioprio = current->ioprio;
	child->timer_slack_ns = current->timer_slack_ns;
	child->state = TASK_NEW;
	child->info.preempt_count = PREEMPT_ONE;	/* invariant (3): as after a switch away */
	thread_set_cpu(child, cpu_id());
}

/* Change what classes sort by, with t out of its queue meanwhile. */
struct sched_change {
	struct sched_params p;
	u64 mask;
};

static void apply(struct thread *t, const struct sched_change *c)
{
	t->se.policy = c->p.policy;
	t->se.rt_priority = c->p.rt_priority;
	t->se.nice = c->p.nice;
	t->se.reset_on_fork = c->p.reset_on_fork;
	t->se.cpus_mask = c->mask;
	t->se.class = class_of(c->p.policy);
	sched_set_weight(t);
}

/* Context: pi_lock held, interrupts off. */
static void change_locked(struct thread *t, const struct sched_change *c)
{
	struct runqueue *rq = rq_lock_of(t);
	bool was_fair;

	if (!rq) {
		apply(t, c);
		return;
	}
	if (t == rq->curr)
		t->se.class->update_curr(rq);
	was_fair = t->se.class == &fair_class;
	rq_dequeue(rq, t, MIGRATING);
	apply(t, c);
	if (!was_fair)
		t->se.vruntime = rq->fair.min_vruntime;
	if (t != rq->curr && !thread_may_run_on(t, rq->cpu)) {
		raw_spin_unlock(&rq->lock);
		thread_move_off(t);
		return;
	}
	rq_enqueue(rq, t, false);
	resched_curr(rq);
	raw_spin_unlock(&rq->lock);
}

void sched_get_params(const struct thread *t, struct sched_params *p)
{
	const struct sched_entity *se = &t->se;

	*p = (struct sched_params){ se->policy, se->rt_priority, se->nice, se->reset_on_fork };
}

int sched_check_params(const struct sched_params *p)
{
	bool rt = sched_policy_is_rt(p->policy);

	if (!rt && p->policy != SCHED_OTHER && p->policy != SCHED_BATCH && p->policy != SCHED_IDLE)
		return -EINVAL;
	if (rt ? p->rt_priority < 1 || p->rt_priority > 99 : p->rt_priority != 0)
		return -EINVAL;
	return 0;
}

void sched_set_params(struct thread *t, const struct sched_params *p)
{
	u64 flags = spin_lock_irqsave(&t->se.pi_lock);
	struct sched_change c = { *p, t->se.cpus_mask };

	change_locked(t, &c);
	spin_unlock_irqrestore(&t->se.pi_lock, flags);
}

void sched_set_nice(struct thread *t, int nice)
{
	struct sched_params p;

	sched_get_params(t, &p);
	p.nice = clamp(nice, -20, 19);
	sched_set_params(t, &p);
}

/*
 * Wait until t, which has been told to reschedule, has left a CPU it may not use.
 * Its CPU acts on that as soon as it has preemption enabled.
 */
static void wait_until_moved(struct thread *t)
{
	while (READ_ONCE(t->se.on_cpu) && !thread_may_run_on(t, READ_ONCE(t->info.cpu)))
		thread_sleep_ns(20 * NS_PER_US);
}

int sched_set_affinity(struct thread *t, u64 mask)
{
	struct sched_change c;
	u64 flags;

	if (!(mask & cpus_online))
		return -EINVAL;
	flags = spin_lock_irqsave(&t->se.pi_lock);
	sched_get_params(t, &c.p);
	c.mask = mask;
	change_locked(t, &c);
	/* The caller itself moves here, where preemption is enabled again. */
	spin_unlock_irqrestore(&t->se.pi_lock, flags);
	if (t != current)
		wait_until_moved(t);
	return 0;
}
