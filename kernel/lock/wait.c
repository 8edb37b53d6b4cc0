/* SPDX-License-Identifier: MIT */
/*
 * Wait queues and completions.
 *
 * Why no wake-up is lost. The waiter stores (entry on the queue, then its state)
 * and then loads (the condition); the waker stores (the condition) and then loads
 * (the queue, then the state). Both have a full barrier between: the waiter in
 * thread_set_state(), the waker in wait_queue_active() and thread_wake(). At
 * least one of them therefore sees the other's store: either the waiter finds the
 * condition true and does not sleep, or the waker finds the waiter.
 *
 * A waiter that is woken stays on the queue until it removes itself, so spurious
 * wake-ups only cost a look at the condition. An exclusive waiter that leaves
 * because of a signal or a time-out may have consumed a wake-up meant for
 * somebody: it wakes the next one (wait_finish()).
 *
 * Exclusive entries stand at the tail, others at the head, so that a wake-up of
 * one exclusive waiter passes all that must always be told.
 */
#include <kernel/lock/wait.h>
#include <kernel/task/thread.h>
#include <kernel/task/signal.h>
#include <kernel/sched/sched.h>

void wait_queue_init(struct wait_queue *q)
{
	spin_lock_init(&q->lock, RANK_WAITQ);
	list_init(&q->entries);
}

static void add_locked(struct wait_queue *q, struct wait_entry *e)
{
	if (e->flags & WAIT_EXCLUSIVE)
		list_add_tail(&e->node, &q->entries);
	else
		list_add(&e->node, &q->entries);
}

void wait_add(struct wait_queue *q, struct wait_entry *e)
{
	u64 flags = spin_lock_irqsave(&q->lock);

	add_locked(q, e);
	spin_unlock_irqrestore(&q->lock, flags);
}

void wait_remove(struct wait_queue *q, struct wait_entry *e)
{
	u64 flags = spin_lock_irqsave(&q->lock);

	list_del(&e->node);
	spin_unlock_irqrestore(&q->lock, flags);
}

void wait_prepare(struct wait_queue *q, struct wait_entry *e, enum thread_state state)
{
	if (list_empty(&e->node))
		wait_add(q, e);
	thread_set_state(state);
}

void wait_finish(struct wait_queue *q, struct wait_entry *e)
{
	u64 flags;

	thread_set_running();
	flags = spin_lock_irqsave(&q->lock);
	list_del(&e->node);
	spin_unlock_irqrestore(&q->lock, flags);
}

void wait_abandon(struct wait_queue *q, struct wait_entry *e)
{
	wait_finish(q, e);
	if (e->flags & WAIT_EXCLUSIVE)
		wake_queue(q, 1, 0);
}

int wait_wake_thread(struct wait_entry *e, u32 key)
{
	(void)key;
	return thread_wake(e->thread, TASK_NORMAL);
}

static __always_inline void wake_entries(struct wait_queue *q, unsigned nr_exclusive, u32 key)
{
	struct wait_entry *e, *next;

	assert_spin_held(&q->lock);
	list_for_each_safe(e, next, &q->entries, node) {
		bool exclusive = e->flags & WAIT_EXCLUSIVE;
		int woken = e->func(e, key);

		if (woken < 0)
			return;
		if (woken && exclusive && nr_exclusive && !--nr_exclusive)
			return;
	}
}

void wake_queue_locked(struct wait_queue *q, unsigned nr_exclusive, u32 key)
{
	wake_entries(q, nr_exclusive, key);
}

void wake_queue(struct wait_queue *q, unsigned nr_exclusive, u32 key)
{
	u64 flags = spin_lock_irqsave(&q->lock);

	wake_entries(q, nr_exclusive, key);
	spin_unlock_irqrestore(&q->lock, flags);
}

void wake_queue_nested(struct wait_queue *q, unsigned nr_exclusive, u32 key, unsigned sublevel)
{
	u64 flags = spin_lock_irqsave_nested(&q->lock, sublevel);

	wake_queue_locked(q, nr_exclusive, key);
	spin_unlock_irqrestore(&q->lock, flags);
}

int wait_signal_check_slow(enum thread_state state)
{
	if (state == TASK_INTERRUPTIBLE)
		return -ERESTARTSYS;
	return signal_fatal_pending(current) ? -EINTR : 0;
}

/*
 * Completions count: each complete() lets one waiter pass. All of it happens under the queue's
 * lock, and the waiter takes that lock before it returns; so the completion may lie on the waiter's
 * stack: complete() is done with it when the waiter can go on.
 */
void completion_init(struct completion *c)
{
	c->done = 0;
	wait_queue_init(&c->wait);
}

void complete(struct completion *c)
{
	u64 flags = spin_lock_irqsave(&c->wait.lock);

	c->done++;
	wake_queue_locked(&c->wait, 1, 0);
	spin_unlock_irqrestore(&c->wait.lock, flags);
}

static int completion_wait(struct completion *c, enum thread_state state)
{
	struct wait_entry e;
	int err = 0;
	u64 flags;

	might_sleep();
	wait_entry_init(&e, wait_wake_thread);
	e.flags = WAIT_EXCLUSIVE;
	flags = spin_lock_irqsave(&c->wait.lock);
	while (!c->done) {
		err = wait_signal_check(state);
		if (err)
			break;
		if (list_empty(&e.node))
			add_locked(&c->wait, &e);
		thread_set_state(state);
		spin_unlock_irqrestore(&c->wait.lock, flags);
		schedule();
		flags = spin_lock_irqsave(&c->wait.lock);
	}
	if (!err)
		c->done--;
	list_del(&e.node);
	spin_unlock_irqrestore(&c->wait.lock, flags);
	return err;
}

void wait_for_completion(struct completion *c)
{
	(void)completion_wait(c, TASK_UNINTERRUPTIBLE);
}

int wait_for_completion_killable(struct completion *c)
{
	return completion_wait(c, TASK_KILLABLE);
}
