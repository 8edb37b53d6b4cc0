/* SPDX-License-Identifier: MIT */
/*
 * Scheduling as the rest of the kernel sees it. Inside: kernel/sched/.
 */
#pragma once
#include <kernel/types.h>
#include <kernel/errno.h>
#include <kernel/lock/preempt.h>

struct thread;

/* What a thread is doing; a bit each, so that wake-ups can name several. */
enum thread_state {
	TASK_RUNNING		= 0,	/* running or on a runqueue */
	TASK_INTERRUPTIBLE	= 1,	/* S: any signal ends the wait */
	TASK_UNINTERRUPTIBLE	= 2,	/* D: only the event; say why where used */
	TASK_KILLABLE		= 4,	/* D: the event or a fatal signal */
	TASK_STOPPED		= 8,	/* T: job control */
	TASK_TRACED		= 16,	/* t */
	TASK_NEW		= 32,	/* not yet woken for the first time */
	TASK_DEAD		= 64,	/* Z/X: will never run again */
};
#define TASK_NORMAL	(TASK_INTERRUPTIBLE | TASK_UNINTERRUPTIBLE | TASK_KILLABLE)

/*
 * Set the state of current before testing a condition:
 * has the barrier that pairs with thread_wake().
 */
void thread_set_state(enum thread_state state);
/*
 * For a state that must not be taken for an earlier sleep's: TASK_STOPPED, TASK_DEAD. A waker
 * that saw that sleep's state ends first. The order with a condition is the caller's to make.
 */
void thread_set_special_state(enum thread_state state);

/* Give up the CPU. If the state is not RUNNING, sleep until woken. Context: may sleep. */
void schedule(void);
/* The same for at most ns (TIMEOUT_NEVER: no limit); time left, 0 when it ran out. */
ktime_t schedule_timeout_slow(ktime_t ns);
#define TIMEOUT_NEVER	((ktime_t)S64_MAX)
static inline ktime_t schedule_timeout(ktime_t ns)
{
	if (ns != TIMEOUT_NEVER)
		return schedule_timeout_slow(ns);
	schedule();
	return TIMEOUT_NEVER;
}
/* Sleep without interruption for at least ns. */
void thread_sleep_ns(ktime_t ns);

/* Make t runnable if its state is in mask; true if this call did it. Any context. */
bool thread_wake(struct thread *t, u32 mask);
/* In a new thread, before anything else: end the switch that began in prev. */
void sched_first_switch_done(struct thread *prev);
/* First wake-up of a thread made by thread_create/clone: picks a CPU, places it. */
void thread_wake_new(struct thread *t);
/* Tell a running t that it has something to look at (signal, preemption) on another CPU. */
void thread_kick(struct thread *t);
/* Make a CPU pass through schedule() soon. Any context without runqueue lock. */
void sched_resched_cpu(u32 cpu);

void sched_yield_current(void);
static inline bool need_resched(void)
{
	return READ_ONCE(thread_info()->flags) & TIF_NEED_RESCHED;
}
/* In long loops of thread context: schedule if somebody else should run. */
static inline void cond_resched(void)
{
	if (unlikely(need_resched()) && !in_atomic())
		schedule();
}

extern bool sched_running;		/* threads may sleep: the first CPU is in its idle loop */
void sched_init(void);			/* boot CPU, before the first thread is made */
void sched_init_cpu(void);		/* each other CPU, on itself, as its idle thread */
void __noreturn sched_idle_loop(void);
void sched_fork(struct thread *child);	/* initialise child's entity from current */
/* First thing that a new thread does, with the thread that ran before it. */
void sched_first_switch_done(struct thread *prev);
void sched_exit(struct thread *t);	/* last accounting, in t's context */
void sched_tick(bool user_mode);	/* from the timer interrupt, interrupts off */
/* CPU time that t has consumed, up to now if it runs. Any context without runqueue lock. */
u64 sched_thread_ns(struct thread *t);
bool sched_is_rt(const struct thread *t);
/* How much of each period a CPU's real-time threads may run where others wait; -1: all. */
extern s32 sched_rt_runtime_us;
#define SCHED_RT_PERIOD_US	1000000
/* CPU time since it last slept; of current */
u64 sched_rt_ns_since_sleep(const struct thread *t);
/* Load over 1, 5, 15 minutes, 16 fraction bits (sysinfo). Any context. */
void sched_load_averages(u64 loads[3]);
/* Moments over all CPUs. Any context. */
struct sched_totals {
	u64 switches;
	u32 running;			/* on a CPU or waiting for one */
	u32 iowait;			/* asleep for I/O */
};
void sched_totals(struct sched_totals *t);
/* drivers/block/queue.c: submit the current thread's plugged requests. */
void plug_before_sleep(void);

/* Accounting hooks: enter and leave interrupt, softirq; iowait begin and end around a wait. */
void sched_iowait_begin(void);
void sched_iowait_end(void);

/* Per-thread policy and CPU mask; 0 or -errno as sched_setscheduler(2), sched_setaffinity(2). */
#define SCHED_OTHER	0
#define SCHED_FIFO	1
#define SCHED_RR	2
#define SCHED_BATCH	3
#define SCHED_IDLE	5
struct sched_params {
	int policy;
	int rt_priority;		/* 1..99 for FIFO and RR, else 0 */
	int nice;			/* -20..19; kept, without effect, while real-time */
	bool reset_on_fork;		/* children begin as SCHED_OTHER, nice not below 0 */
};
static inline bool sched_policy_is_rt(int policy)
{
	return policy == SCHED_FIFO || policy == SCHED_RR;
}
int __must_check sched_check_params(const struct sched_params *p);	/* 0, -EINVAL */
void sched_get_params(const struct thread *t, struct sched_params *p);
void sched_set_params(struct thread *t, const struct sched_params *p);	/* checked */
void sched_set_nice(struct thread *t, int nice);
/* When it returns, t does not run elsewhere. Context: thread, may sleep; for another thread. */
int sched_set_affinity(struct thread *t, u64 mask);
