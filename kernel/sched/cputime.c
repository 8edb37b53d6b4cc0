/* SPDX-License-Identifier: MIT */
/*
 * Where CPU time goes: exact totals, sampled split.
 *
 * Interrupt, softirq, idle and thread time are differences of the clock at
 * switches and interrupts, so that they add up to the time since the CPU came up.
 * Whether a thread's time was user or system time is found by the tick, since
 * two clock reads per system call would be too dear: all that was consumed since
 * the last tick, by the thread and by the CPU, goes to the mode that the tick
 * found. Ticks come at fixed multiples of TICK_NS whenever the CPU is busy, so
 * short runs are hit in proportion to their length. What no tick has judged yet
 * is split by a reader in the proportion of what has been.
 *
 * Limit: what an interrupt has taken before its tick is the thread's, and at the end of the
 * interrupt the interrupt's as well. The thread's next charge makes up for it; until then the
 * columns are ahead of the clock.
 */
#include <kernel/sched/tick.h>

struct cpu_account {
	/* Guarded by the CPU's rq->lock. */
	u64 user, nice, system;	/* the judged part of rq->busy_ns */
	u64 idle, iowait;
	u32 nr_iowait;		/* threads that went to sleep here for I/O; atomic */
};
static DEFINE_PERCPU(struct cpu_account, accounts);

void cputime_charge_idle(struct runqueue *rq, u64 delta)
{
	struct cpu_account *a = &per_cpu(accounts, rq->cpu);

	*(READ_ONCE(a->nr_iowait) ? &a->iowait : &a->idle) += delta;
}

static u64 unjudged(const struct sched_entity *se)
{
	return se->sum_exec_ns - se->utime_ns - se->stime_ns;
}

void cputime_sample(struct runqueue *rq, bool user_mode)
{
	struct cpu_account *a = &per_cpu(accounts, rq->cpu);
	struct sched_entity *se = &rq->curr->se;
	u64 delta = rq->busy_ns - a->user - a->nice - a->system;

	if (rq->curr == rq->idle)
		return;
	if (user_mode) {
		se->utime_ns += unjudged(se);
		*(se->nice > 0 ? &a->nice : &a->user) += delta;
	} else {
		se->stime_ns += unjudged(se);
		a->system += delta;
	}
}

/* part of total in the proportion judged : all, all to whole where nothing is judged. */
static u64 share(u64 total, u64 judged, u64 all)
{
	if (!all)
		return total;
	/* With 32 bits for the proportion no product below overflows; the error is below 1e-9. */
	while (all >> 32) {
		all >>= 1;
		judged >>= 1;
	}
	return total / all * judged + total % all * judged / all;
}

void cputime_thread(struct thread *t, u64 *utime_ns, u64 *stime_ns)
{
	const struct sched_entity *se = &t->se;
	u64 u = READ_ONCE(se->utime_ns), s = READ_ONCE(se->stime_ns),
	    sum = READ_ONCE(se->sum_exec_ns);
	u64 rest = sum > u + s ? sum - u - s : 0, user = share(rest, u, u + s);

	*utime_ns = u + user;
	*stime_ns = s + rest - user;
}

void cputime_settle(struct thread *t)
{
	u64 u, s;

	cputime_thread(t, &u, &s);
	t->se.utime_ns = u;
	t->se.stime_ns = s;
}

void cputime_read(u32 cpu, u64 ns[NR_CPUTIMES])
{
	struct runqueue *rq = cpu_rq(cpu);
	u64 flags = spin_lock_irqsave(&rq->lock);
	struct cpu_account a = per_cpu(accounts, cpu);
	bool idle = rq->curr == rq->idle;
	u64 hard = irq_time_hard_ns(cpu), soft = irq_time_soft_ns(cpu), rest, judged,
	    busy = rq->busy_ns;
	s64 uncharged = ktime_get() - hard - soft - rq->charged;

	spin_unlock_irqrestore(&rq->lock, flags);
	if (uncharged > 0)
		*(!idle ? &busy : a.nr_iowait ? &a.iowait : &a.idle) += uncharged;
	judged = a.user + a.nice + a.system;
	rest = busy - judged;
	ns[CPUTIME_USER] = a.user + (judged ? share(rest, a.user, judged) : 0);
	ns[CPUTIME_NICE] = a.nice + (judged ? share(rest, a.nice, judged) : 0);
	ns[CPUTIME_SYSTEM] = busy - ns[CPUTIME_USER] - ns[CPUTIME_NICE];
	ns[CPUTIME_IDLE] = a.idle;
	ns[CPUTIME_IOWAIT] = a.iowait;
	ns[CPUTIME_IRQ] = hard;
	ns[CPUTIME_SOFTIRQ] = soft;
	ns[CPUTIME_STEAL] = 0;
}

/* The waiter keeps its CPU's count up from begin to end, wherever it wakes. */
void sched_iowait_begin(void)
{
	struct cpu_account *a;

	preempt_disable();
	a = &this_cpu(accounts);
	current->se.iowait_cpu = cpu_id() + 1;
	__atomic_fetch_add(&a->nr_iowait, 1, __ATOMIC_RELAXED);
	preempt_enable();
}

void sched_iowait_end(void)
{
	u32 cpu = current->se.iowait_cpu - 1;

	current->se.iowait_cpu = 0;
	__atomic_fetch_sub(&per_cpu(accounts, cpu).nr_iowait, 1, __ATOMIC_RELAXED);
}

u32 cputime_nr_iowait(void)
{
	u32 cpu, n = 0;

	for_each_online_cpu(cpu)
		n += READ_ONCE(per_cpu(accounts, cpu).nr_iowait);
	return n;
}

/* --- consumed time --- */

/* rq->lock held. What update_curr() has not added yet counts too. */
static u64 consumed_locked(struct runqueue *rq, const struct thread *t)
{
	u64 now, sum = t->se.sum_exec_ns;

	if (t != rq->curr || t == rq->idle)
		return sum;
	now = ktime_get() - irq_time_hard_ns(rq->cpu) - irq_time_soft_ns(rq->cpu);
	return sum + ((s64)(now - t->se.exec_start) > 0 ? now - t->se.exec_start : 0);
}

static u64 consumed_by_current(void)
{
	u64 flags = local_irq_save(), ns;
	struct runqueue *rq = this_rq();

	raw_spin_lock(&rq->lock, 0);
	ns = consumed_locked(rq, current);
	raw_spin_unlock(&rq->lock);
	local_irq_restore(flags);
	return ns;
}

u64 sched_thread_ns(struct thread *t)
{
	u64 flags, ns = READ_ONCE(t->se.sum_exec_ns);
	struct runqueue *rq;

	if (t == current)
		return consumed_by_current();
	if (!READ_ONCE(t->se.on_cpu))
		return ns;
	flags = spin_lock_irqsave(&t->se.pi_lock);
	rq = rq_lock_of(t);
	if (rq) {
		ns = consumed_locked(rq, t);
		raw_spin_unlock(&rq->lock);
	}
	spin_unlock_irqrestore(&t->se.pi_lock, flags);
	return ns;
}
