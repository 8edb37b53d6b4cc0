/* SPDX-License-Identifier: MIT */
/*
 * The idle loop, the idle class and the tick.
 *
 * Idle. The CPU waits in WFI with interrupts disabled in sstatus: WFI ends when
 * one is pending, and the handler runs only after the accounting and RCU know that
 * the CPU is awake. While the POLLING flag is set the loop will look at
 * NEED_RESCHED by itself, so wakers send no interrupt. It is cleared, with a full
 * barrier, before the last look: a waker either sees it cleared and sends the
 * interrupt, or its NEED_RESCHED is seen here.
 *
 * Tick. Runs while the CPU is busy, at multiples of TICK_NS. A tick that finds
 * the CPU idle is not repeated; leaving idle starts it again. So a short sleep
 * costs no timer programming at all.
 */
#include <kernel/sched/hang.h>
#include <kernel/sched/tick.h>
#include <kernel/irq/irq.h>
#include <kernel/lock/rcu.h>
#include <kernel/task/timers.h>
#include <arch/csr.h>

static DEFINE_PERCPU(struct hrtimer, ticks);
ktime_t tick_last;

static enum hrtimer_restart tick(struct hrtimer *t)
{
	/* sstatus.SPP is that of this interrupt: nothing nests in a hard interrupt. */
	bool user = !(csr_read(sstatus) & SR_SPP);
	struct runqueue *rq = this_rq();

	WRITE_ONCE(tick_last, t->expires_ns);
	hang_tick(user);
	sched_tick(user);
	cpu_timers_tick();
	if (user || preempt_count() == HARDIRQ_ONE)
		rcu_note_quiescent();
	if (rcu_cpu_needs_tick())
		softirq_raise(SOFTIRQ_RCU);
	else if (rq->curr == rq->idle && !rq->nr_running)
		return HRTIMER_DONE;
	hrtimer_forward(t, ktime_get(), TICK_NS);
	return HRTIMER_AGAIN;
}

void tick_start(void)
{
	struct hrtimer *t = &this_cpu(ticks);

	if (!hrtimer_is_queued(t)) {
		ktime_t now = ktime_get();

		WRITE_ONCE(tick_last, now);
		hrtimer_start(t, (now / TICK_NS + 1) * TICK_NS);
	}
}

ktime_t tick_next(u32 cpu)
{
	return READ_ONCE(per_cpu(ticks, cpu).expires_ns);
}

void tick_init_cpu(void)
{
	hrtimer_init(&this_cpu(ticks), tick);
}

static void idle_wait(struct thread *self)
{
	local_irq_disable();
	__atomic_fetch_and(&self->info.flags, ~(u64)TIF_POLLING, __ATOMIC_SEQ_CST);
	smp_mb();
	if (!need_resched() && !softirq_pending()) {
		if (rcu_cpu_needs_tick())
			tick_start();
		rcu_idle_enter();
		cpu_wait_for_interrupt();
		rcu_idle_exit();
	}
	local_irq_enable();
	__atomic_fetch_or(&self->info.flags, TIF_POLLING, __ATOMIC_SEQ_CST);
}

void __noreturn sched_idle_loop(void)
{
	struct thread *self = current;

	sched_running = true;
	local_irq_enable();
	for (;;) {
		__atomic_fetch_or(&self->info.flags, TIF_POLLING, __ATOMIC_SEQ_CST);
		while (!need_resched()) {
			idle_wait(self);
			if (softirq_pending())
				softirq_run_pending();
		}
		__atomic_fetch_and(&self->info.flags, ~(u64)TIF_POLLING, __ATOMIC_SEQ_CST);
		schedule();
	}
}

static void nothing(struct runqueue *rq)
{
	(void)rq;
}

static bool idle_preempts(struct runqueue *rq, struct thread *t)
{
	(void)rq;
	(void)t;
	return false;
}

/* Never queued, never counted: core.c falls back to it. */
const struct sched_class idle_class = {
	.order = 2,
	.update_curr = nothing,
	.tick = nothing,
	.preempts = idle_preempts,
	.yield = nothing,
};
