/* SPDX-License-Identifier: MIT */
/*
 * Hangs: a CPU that is never given up, and a thread that is never woken.
 *
 * All time here is time in which the guest surely ran: ticks that were taken and
 * rounds of a thread, never a difference of clocks. A host that stops QEMU for a
 * minute makes one tick of it.
 *
 * Soft lock-up. Each tick asks whether the CPU was in user mode or has passed the
 * scheduler since the last one. If not for half the limit, it sets NEED_RESCHED: a
 * long loop that may be preempted passes the scheduler then. One that still does
 * not has preemption off, and at the limit that is a panic, whose backtrace goes
 * through the interrupt into the loop.
 *
 * Hard lock-up. A thread on CPU 0 looks once a second whether each other CPU has
 * taken a tick or passed the scheduler; one that is busy and has not has its
 * interrupts off. A second one, on CPU 1, looks after CPU 0. Panic says which
 * thread ran; its own backtrace is out of reach.
 * Limit: unseen if no other CPU is there, and while 0 and 1 are both gone.
 *
 * Hung task. The first thread also counts, for each thread in an uninterruptible sleep,
 * the rounds in which it has not run at all. At the limit it says where it sleeps,
 * once for each sleep, and goes on.
 */
#include <kernel/bug.h>
#include <kernel/debug/backtrace.h>
#include <kernel/irq/irq.h>
#include <kernel/lock/rcu.h>
#include <kernel/printk.h>
#include <kernel/sched/hang.h>
#include <kernel/sched/tick.h>
#include <kernel/task/pid.h>
#include <kernel/task/thread.h>

/* Chosen: no healthy path comes near them, even with four harts on one host CPU under load. */
u32 hang_soft_ticks = 20 * (NS_PER_SEC / TICK_NS);
u32 hang_hard_passes = 40;
u32 hang_task_passes = 60;
#define PASS_NS		NS_PER_SEC

DEFINE_PERCPU(u64, hang_switches);

struct hang_cpu {
	/* Only by its CPU, interrupts off; ticks is read by the watcher. */
	u64 ticks;
	u64 switches_seen;
	u32 stuck_ticks;
	/* Only by the watcher. */
	u64 life_seen;
	u32 lifeless_passes;
};
static DEFINE_PERCPU(struct hang_cpu, hang_cpus);

static pid_t number_of(const struct thread *t)
{
	return pid_nr(t->pid, &init_pid_ns);
}

static void check_soft(struct hang_cpu *h)
{
	if (++h->stuck_ticks >= hang_soft_ticks / 2)
		__atomic_fetch_or(&current->info.flags, TIF_NEED_RESCHED, __ATOMIC_SEQ_CST);
	if (h->stuck_ticks >= hang_soft_ticks)
		panic("soft lock-up: %s (%d) has kept CPU %u for %u ticks, preempt_count %lx",
		      current->comm, number_of(current), cpu_id(), h->stuck_ticks,
		      preempt_count() - HARDIRQ_ONE);
}

void hang_tick(bool user_mode)
{
	struct hang_cpu *h = &this_cpu(hang_cpus);
	u64 switches = this_cpu(hang_switches);

	WRITE_ONCE(h->ticks, h->ticks + 1);
	if (user_mode || switches != h->switches_seen) {
		h->switches_seen = switches;
		h->stuck_ticks = 0;
		return;
	}
	check_soft(h);
}

static void check_hard(u32 cpu)
{
	struct hang_cpu *h = &per_cpu(hang_cpus, cpu);
	struct runqueue *rq = cpu_rq(cpu);
	u64 life = READ_ONCE(h->ticks) + READ_ONCE(per_cpu(hang_switches, cpu));
	struct thread *t;

	rcu_read_lock();
	t = READ_ONCE(rq->curr);
	if (t == rq->idle || life != h->life_seen)
		h->lifeless_passes = 0;
	else if (++h->lifeless_passes >= hang_hard_passes)
		panic("hard lock-up: %s (%d) has kept CPU %u for %u s with interrupts off",
		      t->comm, number_of(t), cpu, h->lifeless_passes);
	h->life_seen = life;
	rcu_read_unlock();
}

static void report_sleeper(struct thread *t)
{
	u64 calls[THREAD_STACK_MAX];
	u32 n = thread_stack(t, calls);

	printk(LOG_ERR, "hung task: %s (%d) has slept for %u s without interruption in:\n",
	       t->comm, number_of(t), hang_task_passes);
	for (u32 i = 0; i < n; i++)
		printk(LOG_ERR, "  [%016lx] %pS\n", calls[i], (void *)calls[i]);
	warn_at(__FILE__, __LINE__, "hung task: %s (%d)", t->comm, number_of(t));
}

static void check_sleeper(struct thread *t)
{
	u64 runs = READ_ONCE(t->se.nvcsw) + READ_ONCE(t->se.nivcsw);

	if (!(READ_ONCE(t->state) & TASK_UNINTERRUPTIBLE) || runs != t->hang_runs)
		t->hang_passes = 0;
	else if (++t->hang_passes == hang_task_passes)
		report_sleeper(t);
	t->hang_runs = runs;
}

static void check_sleepers(void)
{
	struct process *p;
	struct thread *t;

	rcu_read_lock();
	process_for_each(p) {
		process_for_each_thread(p, t)
			check_sleeper(t);
	}
	rcu_read_unlock();
}

static void sleep_a_pass(void)
{
	thread_set_state(TASK_INTERRUPTIBLE);	/* the watch itself is no load */
	schedule_timeout(PASS_NS);
}

static int watch_others(void *arg)
{
	u32 cpu;

	(void)arg;
	for (;;) {
		sleep_a_pass();
		for_each_online_cpu(cpu)
			if (cpu)
				check_hard(cpu);
		check_sleepers();
	}
	return 0;
}

static int watch_first(void *arg)
{
	(void)arg;
	for (;;) {
		sleep_a_pass();
		check_hard(0);
	}
	return 0;
}

static void start(int (*fn)(void *arg), u32 cpu)
{
	struct thread *t = kthread_create(fn, NULL, "hangwatch/%u", cpu);

	BUG_ON(!t);
	kthread_bind(t, cpu);
	thread_wake_new(t);
}

void hang_init(void)
{
	start(watch_others, 0);
	if (READ_ONCE(cpus_online) & BIT(1))
		start(watch_first, 1);
}
