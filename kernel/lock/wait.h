/* SPDX-License-Identifier: MIT */
/*
 * Wait queues: the one way to wait for something and to be told.
 *
 * A waiter puts an entry on the queue, sets its state, tests its condition and
 * sleeps; a waker changes the condition and then wakes the queue. poll, epoll
 * and io_uring put entries with a function of their own instead of a thread.
 */
#pragma once
#include <kernel/lock/spinlock.h>
#include <kernel/lib/list.h>
#include <kernel/sched/sched.h>

struct wait_queue {
	struct spinlock lock;		/* RANK_WAITQ, irq-safe */
	struct list_head entries;	/* exclusive ones at the tail */
};

struct wait_entry;
/*
 * Called by a wake-up with queue->lock held and interrupts off. key: poll mask of
 * what happened, 0 = anything. Returns 1 if this counts as a wake-up of an
 * exclusive waiter, 0 if not, <0 to stop the walk.
 */
typedef int (*wait_func_t)(struct wait_entry *e, u32 key);

#define WAIT_EXCLUSIVE	BIT(0)

struct wait_entry {
	struct list_head node;
	wait_func_t func;
	struct thread *thread;
	u32 flags;
};

#define WAIT_QUEUE_INIT(name) { .lock = SPINLOCK_INIT(RANK_WAITQ), .entries = LIST_HEAD_INIT((name).entries) }
void wait_queue_init(struct wait_queue *q);
static inline void wait_entry_init(struct wait_entry *e, wait_func_t func)
{
	*e = (struct wait_entry){ LIST_HEAD_INIT(e->node), func, current, 0 };
}
void wait_add(struct wait_queue *q, struct wait_entry *e);
void wait_remove(struct wait_queue *q, struct wait_entry *e);
/* Add (once) and set the thread's state: the order the waker relies on. */
void wait_prepare(struct wait_queue *q, struct wait_entry *e, enum thread_state state);
void wait_finish(struct wait_queue *q, struct wait_entry *e);
/* The same for a waiter that leaves without its event: an exclusive one passes its wake-up on. */
void wait_abandon(struct wait_queue *q, struct wait_entry *e);
int wait_wake_thread(struct wait_entry *e, u32 key);		/* default function */

/* Any context. Wake every non-exclusive waiter and nr exclusive ones (0: all). */
void wake_queue(struct wait_queue *q, unsigned nr_exclusive, u32 key);
/*
 * From a wake-up function of another queue: sublevel orders the queues' locks;
 * WAIT_SLEEPERS: q's waiters are threads alone, it is above all that wake it.
 */
#define WAIT_SLEEPERS	15
void wake_queue_nested(struct wait_queue *q, unsigned nr_exclusive, u32 key, unsigned sublevel);
void wake_queue_locked(struct wait_queue *q, unsigned nr_exclusive, u32 key);	/* q->lock held */
/* Nothing waits? Then the shared line is not written. Pairs with wait_prepare's barrier. */
static inline bool wait_queue_active(struct wait_queue *q)
{
	smp_mb();
	return !list_empty(&q->entries);
}
static inline void wake_all(struct wait_queue *q)
{
	if (wait_queue_active(q))
		wake_queue(q, 0, 0);
}
static inline void wake_one(struct wait_queue *q)
{
	if (wait_queue_active(q))
		wake_queue(q, 1, 0);
}
static inline void wake_poll(struct wait_queue *q, u32 mask)
{
	if (wait_queue_active(q))
		wake_queue(q, 1, mask);
}

/* 0, or -ERESTARTSYS / -EINTR when a signal that ends this kind of wait is pending. */
int wait_signal_check_slow(enum thread_state state);
static inline int wait_signal_check(enum thread_state state)
{
	if (state == TASK_UNINTERRUPTIBLE || likely(!(READ_ONCE(thread_info()->flags) & TIF_SIGPENDING)))
		return 0;
	return wait_signal_check_slow(state);
}

#define __wait_event(q, cond, state, excl, timeout_ns) ({ \
	long _ret = 0; \
	ktime_t _left = (timeout_ns); \
	if (!(cond)) { \
		struct wait_entry _e; \
		wait_entry_init(&_e, wait_wake_thread); \
		_e.flags = (excl); \
		for (;;) { \
			wait_prepare(q, &_e, state); \
			if (cond) \
				break; \
			_ret = wait_signal_check(state); \
			if (_ret) \
				break; \
			_left = schedule_timeout(_left); \
			/* Most are woken for what they wait for, and go on without a fence. */ \
			if (cond) \
				break; \
			if (!_left) { \
				_ret = -ETIMEDOUT; \
				break; \
			} \
		} \
		if (_ret) \
			wait_abandon(q, &_e); \
		else \
			wait_finish(q, &_e); \
	} \
	_ret; })

/* 0 once cond holds; -ERESTARTSYS, -EINTR, -ETIMEDOUT as the form allows. */
#define wait_event(q, cond)		((void)__wait_event(q, cond, TASK_UNINTERRUPTIBLE, 0, TIMEOUT_NEVER))
#define wait_event_killable(q, cond)	__wait_event(q, cond, TASK_KILLABLE, 0, TIMEOUT_NEVER)
#define wait_event_interruptible(q, cond) __wait_event(q, cond, TASK_INTERRUPTIBLE, 0, TIMEOUT_NEVER)
#define wait_event_interruptible_exclusive(q, cond) \
	__wait_event(q, cond, TASK_INTERRUPTIBLE, WAIT_EXCLUSIVE, TIMEOUT_NEVER)
#define wait_event_interruptible_timeout(q, cond, ns) __wait_event(q, cond, TASK_INTERRUPTIBLE, 0, ns)
#define wait_event_timeout(q, cond, ns)	__wait_event(q, cond, TASK_UNINTERRUPTIBLE, 0, ns)
/* Kernel threads, which no signal reaches, wait for work: that is no load, and no hang. */
#define wait_event_idle(q, cond)	((void)__wait_event(q, cond, TASK_INTERRUPTIBLE, 0, TIMEOUT_NEVER))
#define wait_event_idle_timeout(q, cond, ns) ((void)__wait_event(q, cond, TASK_INTERRUPTIBLE, 0, ns))

/* One-shot event: the waiter's stack may hold it. */
struct completion {
	u32 done;
	struct wait_queue wait;
};
void completion_init(struct completion *c);
void complete(struct completion *c);
void wait_for_completion(struct completion *c);
int __must_check wait_for_completion_killable(struct completion *c);
