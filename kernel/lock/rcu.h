/* SPDX-License-Identifier: MIT */
/*
 * Read-copy-update. A read section is preempt_disable: it costs no shared write
 * and no fence, and may not sleep. A grace period ends when every CPU has been
 * quiescent since it began: context switch, idle, or user mode (tick). Design
 * and states: rcu.c.
 */
#pragma once
#include <kernel/lock/preempt.h>
#include <kernel/lib/atomic.h>

struct rcu_head {
	struct rcu_head *next;
	void (*func)(struct rcu_head *head);
};

static __always_inline void rcu_read_lock(void)
{
	preempt_disable();
}

static __always_inline void rcu_read_unlock(void)
{
	preempt_enable();
}

/* Data dependency orders the reader; the writer publishes with release. */
#define rcu_dereference(p)		READ_ONCE(p)
#define rcu_assign_pointer(p, v)	smp_store_release(&(p), (v))

/* Run func(head) after a grace period, in softirq context (may not sleep). Any context. */
void call_rcu(struct rcu_head *head, void (*func)(struct rcu_head *head));
/* Wait for a grace period. Context: thread, may sleep. */
void synchronize_rcu(void);
/* Wait until every callback queued before has run. Context: thread, may sleep. */
void rcu_barrier(void);

/* Free ptr (from kmalloc or a cache) after a grace period; member is its rcu_head. */
#define kfree_rcu(ptr, member) \
	call_rcu(&(ptr)->member, (void (*)(struct rcu_head *))(void *)offsetof(__typeof__(*(ptr)), member))

/* For the scheduler, tick and idle loop only. */
void rcu_note_quiescent(void);		/* context switch, or tick that came from user mode or idle */
void rcu_idle_enter(void);		/* CPU stops ticking: grace periods do not wait for it */
void rcu_idle_exit(void);
void rcu_init(void);			/* boot CPU, once */
void rcu_init_cpu(void);
bool rcu_cpu_needs_tick(void);		/* callbacks wait here: do not stop the tick */
