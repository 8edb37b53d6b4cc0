/* SPDX-License-Identifier: MIT */
/*
 * The scheduler's core: context switch, sleep and wake-up.
 *
 * Each CPU has a runqueue. Classes are tried in order (rt, fair, idle); within
 * one the class decides. A thread belongs to the runqueue of t->info.cpu.
 *
 * States of a thread here: state says what it wants (0: to run), on_rq whether a
 * runqueue counts it, on_cpu whether its registers or stack are in use.
 *
 *   running     on_rq ON, on_cpu 1          preempted   on_rq ON, on_cpu 0
 *   going       on_rq OFF, on_cpu 1         asleep      on_rq OFF, on_cpu 0
 *   moved       on_rq MIGRATING: between two runqueues, never OFF there: a waker that
 *               reads OFF without a lock queues the thread
 *
 * Invariants
 *  (1) on_rq, the classes' queues and curr change under rq->lock; t->info.cpu of a
 *      thread on a runqueue under the lock of that queue, of a sleeping one under
 *      pi_lock by its waker.
 *  (2) The runqueue lock is held across the switch: taken by prev in schedule(),
 *      released by next in finish_switch(). on_cpu of prev is cleared there, with
 *      release, when nothing uses prev's stack any more.
 *  (3) At a switch prev's preempt_count is 1 and interrupts are off.
 *
 * Why no wake-up is lost. The sleeper stores its state, fences, tests the
 * condition, and calls schedule(), which takes rq->lock and then looks at the
 * state. The waker stores the condition, takes pi_lock, fences, and loads the
 * state.
 *  - If the waker does not see the state, its fence came before the sleeper's: the
 *    sleeper sees the condition and does not sleep.
 *  - If it sees the state while on_rq is ON, it takes the lock of the thread's
 *    runqueue and looks again. Still ON: it sets RUNNING, and schedule(), which
 *    reads the state under the same lock, does not take the thread off.
 *  - If on_rq is OFF, schedule() has decided. The waker waits for on_cpu to fall,
 *    that is until the switch away is complete, and queues the thread anywhere.
 *    It waits with interrupts off for a CPU that is inside schedule() with
 *    interrupts off and takes runqueue and ASID locks only. The waker holds none
 *    of these, and who does waits for nobody: so it ends.
 *  pi_lock keeps two wakers apart. Being preempted between storing the state and
 *  schedule() is no sleep: a preemption never looks at the state.
 *
 * Clock. One read per switch and tick; wake-ups use the last one. rq->clock
 * leaves out interrupts, so that a thread does not pay for them.
 *
 * A thread without address space borrows the page tables that are loaded
 * (active_mm, one reference per borrower chain, handed on from thread to thread).
 *
 * Not here: birth, policy and affinity (params.c), moving waiting threads (balance.c),
 * idle loop and tick (idle.c), time accounting (cputime.c).
 */
#include <kernel/sched/runqueue.h>
#include <kernel/task/signal.h>
#include <kernel/lock/rcu.h>
#include <kernel/mm/mm.h>
#include <kernel/bug.h>
#include <kernel/time/hrtimer.h>
#include <kernel/irq/irq.h>
#include <arch/fp.h>
#include <arch/smp.h>
#include <arch/tlb.h>
#include <kernel/sched/hang.h>
#include <kernel/sched/tick.h>

DEFINE_PERCPU(struct runqueue, runqueues);
bool sched_running;

void rq_update_clock(struct runqueue *rq)
{
	rq->clock = ktime_get() - irq_time_ns();
}

void thread_set_cpu(struct thread *t, u32 cpu)
{
	t->info.cpu = cpu;
	t->info.percpu_offset = percpu_offsets[cpu];
}

void rq_enqueue(struct runqueue *rq, struct thread *t, bool waking)
{
	t->se.class->enqueue(rq, t, waking);
	rq->nr_running++;
	t->se.on_rq = ON_RQ;
}

void rq_dequeue(struct runqueue *rq, struct thread *t, enum on_rq where_to)
{
	t->se.class->dequeue(rq, t);
	rq->nr_running--;
	t->se.on_rq = where_to;
}

/* Make rq's CPU choose again. Context: rq->lock held. */
void resched_curr(struct runqueue *rq)
{
	struct thread *t = rq->curr;
	u64 old;

	if (READ_ONCE(t->info.flags) & TIF_NEED_RESCHED)
		return;
	old = __atomic_fetch_or(&t->info.flags, TIF_NEED_RESCHED, __ATOMIC_SEQ_CST);
	if (rq->cpu != cpu_id() && !(old & TIF_POLLING))
		ipi_reschedule(rq->cpu);
}

static void clear_need_resched(struct thread *t)
{
	if (READ_ONCE(t->info.flags) & TIF_NEED_RESCHED)
		__atomic_fetch_and(&t->info.flags, ~(u64)TIF_NEED_RESCHED, __ATOMIC_SEQ_CST);
}

static inline void check_preempt(struct runqueue *rq, struct thread *t)
{
	const struct sched_class *running = rq->curr->se.class, *woken = t->se.class;

	if (woken->order < running->order ||
	    (woken == running && woken->preempts(rq, t)))
		resched_curr(rq);
}

/* --- switching --- */

static void switch_mm(struct runqueue *rq, struct thread *prev, struct thread *next)
{
	if (!next->mm) {
		next->active_mm = prev->active_mm;
		if (prev->mm)
			mm_grab(prev->active_mm);
		else
			prev->active_mm = NULL;
		mm_switch_lazy();
		return;
	}
	if (prev->mm == next->mm)
		return;
	mm_switch(prev->active_mm, next->mm);
	if (!prev->mm) {
		rq->drop_mm = prev->active_mm;
		prev->active_mm = NULL;
	}
}

/* In next's context, after the switch: let go of prev and of the runqueue. Interrupts on after. */
static __always_inline void finish_switch(struct thread *prev)
{
	struct runqueue *rq = this_rq();
	struct mm *drop = rq->drop_mm;
	bool dead = prev->state == TASK_DEAD && prev->se.on_rq == OFF_RQ;
	bool moves = prev->se.on_rq == MIGRATING;

	rq->drop_mm = NULL;
	smp_store_release(&prev->se.on_cpu, 0);
	raw_spin_unlock(&rq->lock);
	if (unlikely(moves))
		thread_move_off(prev);
	local_irq_enable();
	if (drop)
		mm_drop(drop);
	if (unlikely(dead))
		thread_dead(prev);
}

static struct thread *pick_next(struct runqueue *rq)
{
	struct thread *t;

	if (unlikely(!rq->nr_running) && !balance_idle_pull(rq))
		return rq->idle;
	if (unlikely(rq->rt.nr) && !rt_throttled(rq)) {
		t = rt_class.pick(rq);
		if (t)
			return t;
	}
	t = fair_class.pick(rq);
	return t ? t : rq->idle;
}

/* True if a signal forbids this sleep. */
static bool signal_forbids(struct thread *t, u32 state)
{
	if (likely(!signal_pending(t)))
		return false;
	if (state & TASK_INTERRUPTIBLE)
		return true;
	return (state & TASK_KILLABLE) && signal_fatal_pending(t);
}

/* prev leaves the CPU: off the runqueue, or back into its class's queue. */
static void put_prev(struct runqueue *rq, struct thread *prev, bool preempted)
{
	if (prev == rq->idle)
		return;
	prev->se.class->update_curr(rq);
	if (!preempted && prev->state != TASK_RUNNING) {
		if (!signal_forbids(prev, prev->state)) {
			if (prev->state & (TASK_UNINTERRUPTIBLE | TASK_KILLABLE)) {
				rq->nr_uninterruptible++;
				prev->se.in_load = true;
			}
			rq_dequeue(rq, prev, OFF_RQ);
			prev->se.nvcsw++;
			return;
		}
		WRITE_ONCE(prev->state, TASK_RUNNING);
	}
	prev->se.nivcsw += preempted;
	if (unlikely(!thread_may_run_on(prev, rq->cpu))) {
		rq_dequeue(rq, prev, MIGRATING);
		return;
	}
	prev->se.class->put_prev(rq, prev);
}

/* preempt_count is 1. Interrupts are on afterwards. */
static void switch_away(bool preempted)
{
	struct thread *prev = current, *next;
	struct runqueue *rq;

	local_irq_disable();
	rcu_note_quiescent();
	hang_note_switch();
	rq = this_rq();
	if (prev == rq->idle)
		tick_start();		/* here: timer locks rank before the runqueue's */
	raw_spin_lock(&rq->lock, 0);
	rq_update_clock(rq);
	cputime_charge(rq, prev);
	put_prev(rq, prev, preempted);
	clear_need_resched(prev);
	next = pick_next(rq);
	if (next == prev) {
		raw_spin_unlock(&rq->lock);
		local_irq_enable();
		return;
	}
	rq->curr = next;
	rq->nr_switches++;
	WRITE_ONCE(next->se.on_cpu, 1);
	switch_mm(rq, prev, next);
	fp_switch(prev, next);
	spin_hand_over(&rq->lock, prev, next);
	finish_switch(context_switch_asm(prev, next));
}

void schedule(void)
{
	might_sleep();
	/* What we wait for may be among the requests that we hold back ourselves. */
	if (unlikely(current->plug))
		plug_before_sleep();
	do {
		preempt_disable();
		switch_away(false);
		preempt_enable_no_resched();
	} while (need_resched());
}

void preempt_schedule(void)
{
	if (in_atomic())
		return;
	do {
		preempt_disable();
		switch_away(true);
		preempt_enable_no_resched();
	} while (need_resched());
}

void preempt_schedule_irq(void)
{
	do {
		preempt_disable();
		switch_away(true);
		local_irq_disable();
		preempt_enable_no_resched();
	} while (need_resched());
}

void sched_first_switch_done(struct thread *prev)
{
	finish_switch(prev);
	preempt_enable();
}

void sched_yield_current(void)
{
	u64 flags = local_irq_save();
	struct runqueue *rq = this_rq();

	raw_spin_lock(&rq->lock, 0);
	rq_update_clock(rq);
	current->se.class->update_curr(rq);
	current->se.class->yield(rq);
	raw_spin_unlock(&rq->lock);
	local_irq_restore(flags);
	schedule();
}

/* --- sleeping --- */

void thread_set_state(enum thread_state state)
{
	WRITE_ONCE(current->state, state);
	smp_mb();		/* pairs with thread_wake() */
}

void thread_set_special_state(enum thread_state state)
{
	u64 flags = spin_lock_irqsave(&current->se.pi_lock);

	WRITE_ONCE(current->state, state);
	spin_unlock_irqrestore(&current->se.pi_lock, flags);
}

struct sleep_timer {
	struct hrtimer timer;
	struct thread *thread;
};

static enum hrtimer_restart sleep_over(struct hrtimer *timer)
{
	thread_wake(container_of(timer, struct sleep_timer, timer)->thread, TASK_NORMAL);
	return HRTIMER_DONE;
}

ktime_t schedule_timeout_slow(ktime_t ns)
{
	struct sleep_timer s = { .thread = current };
	ktime_t end, now;

	end = ktime_get() + ns;
	hrtimer_init(&s.timer, sleep_over);
	hrtimer_start(&s.timer, end);
	schedule();
	hrtimer_cancel(&s.timer);
	now = ktime_get();
	return now < end ? end - now : 0;
}

void thread_sleep_ns(ktime_t ns)
{
	while (ns) {
		thread_set_state(TASK_UNINTERRUPTIBLE);
		ns = schedule_timeout(ns);
	}
}

/* --- waking --- */

static bool cpu_is_idle(u32 cpu)
{
	const struct runqueue *rq = cpu_rq(cpu);

	return !READ_ONCE(rq->nr_running) && READ_ONCE(rq->curr) == rq->idle;
}

/* Where t ran last if that is idle, else an idle CPU, else where it ran last. */
static u32 choose_cpu(struct thread *t)
{
	u32 last = t->info.cpu, cpu;
	u64 allowed;

	if (nr_cpus == 1)
		return 0;
	allowed = t->se.cpus_mask & READ_ONCE(cpus_online);
	if (!allowed)
		allowed = BIT(last);
	if ((allowed & BIT(last)) && cpu_is_idle(last))
		return last;
	for_each_online_cpu(cpu) {
		if ((allowed & BIT(cpu)) && cpu_is_idle(cpu))
			return cpu;
	}
	return allowed & BIT(last) ? last : (u32)__builtin_ctzl(allowed);
}

/* Context: interrupts off; t is off every runqueue and on no CPU. */
static __always_inline void queue_on(struct thread *t, u32 cpu, bool waking)
{
	struct runqueue *rq = cpu_rq(cpu);

	raw_spin_lock(&rq->lock, 0);
	if (t->info.cpu != cpu) {
		t->se.vruntime += rq->fair.min_vruntime -
				  READ_ONCE(cpu_rq(t->info.cpu)->fair.min_vruntime);
		thread_set_cpu(t, cpu);
	}
	if (unlikely(t->se.in_load)) {
		rq->nr_uninterruptible--;
		t->se.in_load = false;
	}
	rq_enqueue(rq, t, waking);
	check_preempt(rq, t);
	raw_spin_unlock(&rq->lock);
}

void thread_move_off(struct thread *t)
{
	queue_on(t, choose_cpu(t), false);
}

struct runqueue *rq_lock_of(struct thread *t)
{
	u32 spins = 0;

	for (;;) {
		u32 on = __atomic_load_n(&t->se.on_rq, __ATOMIC_ACQUIRE);
		struct runqueue *rq;

		if (on == OFF_RQ)
			return NULL;
		if (on == ON_RQ) {
			rq = cpu_rq(READ_ONCE(t->info.cpu));
			raw_spin_lock(&rq->lock, 0);
			if (t->se.on_rq == ON_RQ && cpu_rq(t->info.cpu) == rq)
				return rq;
			raw_spin_unlock(&rq->lock);
		}
		cpu_spin_wait(&spins);
	}
}

static __noinline void wait_until_off_cpu(struct thread *t)
{
	u32 spins = 0;

	while (smp_load_acquire(&t->se.on_cpu))
		cpu_spin_wait(&spins);
}

bool thread_wake(struct thread *t, u32 mask)
{
	u64 flags = spin_lock_irqsave(&t->se.pi_lock);
	struct runqueue *rq;
	bool woken = false;

	smp_mb();		/* pairs with thread_set_state() */
	if (!(READ_ONCE(t->state) & mask))
		goto out;
	woken = true;
	if (__atomic_load_n(&t->se.on_rq, __ATOMIC_ACQUIRE) != OFF_RQ && (rq = rq_lock_of(t))) {
		WRITE_ONCE(t->state, TASK_RUNNING);
		raw_spin_unlock(&rq->lock);
		goto out;
	}
	if (unlikely(smp_load_acquire(&t->se.on_cpu)))
		wait_until_off_cpu(t);
	WRITE_ONCE(t->state, TASK_RUNNING);
	queue_on(t, choose_cpu(t), true);
out:
	spin_unlock_irqrestore(&t->se.pi_lock, flags);
	return woken;
}

void thread_wake_new(struct thread *t)
{
	u64 flags = spin_lock_irqsave(&t->se.pi_lock);
	u32 cpu;

	WRITE_ONCE(t->state, TASK_RUNNING);
	cpu = choose_cpu(t);
	queue_on(t, cpu, true);
	spin_unlock_irqrestore(&t->se.pi_lock, flags);
}

void sched_resched_cpu(u32 cpu)
{
	struct runqueue *rq = cpu_rq(cpu);
	u64 flags = spin_lock_irqsave(&rq->lock);

	resched_curr(rq);
	spin_unlock_irqrestore(&rq->lock, flags);
}

void thread_kick(struct thread *t)
{
	u32 cpu;

	preempt_disable();
	cpu = READ_ONCE(t->info.cpu);
	if (t != current && cpu != cpu_id() && READ_ONCE(t->se.on_cpu))
		ipi_reschedule(cpu);
	preempt_enable();
}

void sched_exit(struct thread *t)
{
	u64 flags = local_irq_save();
	struct runqueue *rq = this_rq();

	raw_spin_lock(&rq->lock, 0);
	rq_update_clock(rq);
	cputime_charge(rq, t);
	t->se.class->update_curr(rq);
	raw_spin_unlock(&rq->lock);
	local_irq_restore(flags);
	cputime_settle(t);
}

/* --- tick and start --- */

static void kick_an_idle_cpu(const struct runqueue *rq)
{
	u32 cpu;

	for_each_online_cpu(cpu) {
		if (cpu != rq->cpu && cpu_is_idle(cpu)) {
			struct runqueue *idle_rq = cpu_rq(cpu);

			if (!raw_spin_trylock(&idle_rq->lock))
				continue;
			if (idle_rq->curr == idle_rq->idle)
				resched_curr(idle_rq);
			raw_spin_unlock(&idle_rq->lock);
			return;
		}
	}
}

void sched_tick(bool user_mode)
{
	struct runqueue *rq = this_rq();
	bool crowded;

	preempt_disable();
	raw_spin_lock(&rq->lock, 0);
	rq_update_clock(rq);
	cputime_charge(rq, rq->curr);
	if (rq->curr != rq->idle) {
		rq->curr->se.class->update_curr(rq);
		rq->curr->se.class->tick(rq);
		if (unlikely(rq->rt.nr) && rq->curr->se.class != &rt_class && !rt_throttled(rq))
			resched_curr(rq);
	}
	cputime_sample(rq, user_mode);
	crowded = rq->nr_running > 1;
	raw_spin_unlock(&rq->lock);
	if (crowded)
		kick_an_idle_cpu(rq);
	loadavg_tick();
	preempt_enable_no_resched();
}

void sched_init_cpu(void)
{
	struct runqueue *rq = this_rq();
	struct thread *t = current;

	spin_lock_init(&rq->lock, RANK_RUNQ);
	rq->cpu = cpu_id();
	for (u32 i = 0; i < RT_PRIORITIES; i++)
		list_init(&rq->rt.queue[i]);
	spin_lock_init(&t->se.pi_lock, RANK_THREAD);
	t->se.class = &idle_class;
	t->se.cpus_mask = BIT(rq->cpu);
	t->se.on_cpu = 1;
	t->se.on_rq = ON_RQ;
	t->state = TASK_RUNNING;
	rq->idle = t;
	rq->curr = t;
	rcu_init_cpu();
}

void sched_init(void)
{
	rcu_init();
	sched_init_cpu();
}
