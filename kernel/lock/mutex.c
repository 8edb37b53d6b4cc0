/* SPDX-License-Identifier: MIT */
/*
 * Mutex: a lock for which a thread sleeps.
 *
 * The owner word holds the owning thread and two bits. Without contention lock
 * and unlock are one compare-and-swap each; everything else happens under
 * wait_lock.
 *
 *   0                      free
 *   owner                  held, nobody waits
 *   owner | WAITERS        held, the list is not empty
 *   WAITERS                released a moment ago, the first waiter is woken;
 *                          anybody may take it
 *   owner | WAITERS | HANDOFF
 *                          as WAITERS, and the next unlock gives the mutex to the
 *                          first waiter by name
 *
 * Fairness. An unlock lets whoever runs take the mutex, which keeps the CPUs
 * busy while the woken waiter is on its way. A first waiter that finds the mutex
 * taken again sets HANDOFF, so it can be overtaken in one round only.
 *
 * Invariants
 *  (1) WAITERS is set exactly while the list is not empty; both change under
 *      wait_lock. So a fast unlock (owner -> 0) never leaves a sleeper behind.
 *  (2) A waiter is on its own stack and leaves the list by itself, under
 *      wait_lock: a waker that holds wait_lock may use waiter->thread.
 *  (3) A thread that was given the mutex finds itself in the owner word, and
 *      looks there before it looks at signals.
 *
 * Lost wake-ups: the waiter sets its state under wait_lock before it looks at
 * the owner word; unlock clears the owner before it takes wait_lock to wake.
 *
 * Not here: adaptive spinning on a running owner.
 */
#include <kernel/lock/mutex.h>
#include <kernel/lock/lockdebug.h>
#include <kernel/lock/wait.h>
#include <kernel/task/thread.h>
#include <kernel/bug.h>

#define MUTEX_WAITERS	BIT(0)
#define MUTEX_HANDOFF	BIT(1)
#define MUTEX_BITS	(MUTEX_WAITERS | MUTEX_HANDOFF)

struct mutex_waiter {
	struct list_head node;
	struct thread *thread;
};

#ifdef CONFIG_LOCK_DEBUG
#define mutex_rank(m)	((m)->rank)
#else
#define mutex_rank(m)	0
#endif

void mutex_init(struct mutex *m, enum lock_rank rank)
{
	m->owner = 0;
	spin_lock_init(&m->wait_lock, RANK_WAITQ);
	list_init(&m->waiters);
#ifdef CONFIG_LOCK_DEBUG
	m->rank = rank;
#endif
}

static bool owner_cas(struct mutex *m, u64 old, u64 new, int order)
{
	return __atomic_compare_exchange_n(&m->owner, &old, new, false, order, __ATOMIC_RELAXED);
}

static struct mutex_waiter *first_waiter(struct mutex *m)
{
	return list_first(&m->waiters, struct mutex_waiter, node);
}

/* Take it if it is free, or see that it was handed to us. Context: wait_lock held. */
static bool try_as_waiter(struct mutex *m)
{
	u64 owner = __atomic_load_n(&m->owner, __ATOMIC_ACQUIRE);

	while (!(owner & ~MUTEX_BITS)) {
		if (__atomic_compare_exchange_n(&m->owner, &owner,
						(u64)current | (owner & MUTEX_WAITERS), false,
						__ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE))
			return true;
	}
	return (owner & ~MUTEX_BITS) == (u64)current;
}

/* Off the list; keeps invariant (1). Context: wait_lock held. */
static void waiter_leave(struct mutex *m, struct mutex_waiter *w)
{
	list_del(&w->node);
	if (list_empty(&m->waiters))
		__atomic_fetch_and(&m->owner, ~MUTEX_BITS, __ATOMIC_RELAXED);
}

static int mutex_lock_slow(struct mutex *m, enum thread_state state)
{
	struct mutex_waiter w = { .thread = current };
	bool woken = false;
	int err = 0;
	u64 flags;

	flags = spin_lock_irqsave(&m->wait_lock);
	list_add_tail(&w.node, &m->waiters);
	__atomic_fetch_or(&m->owner, MUTEX_WAITERS, __ATOMIC_RELAXED);
	for (;;) {
		thread_set_state(state);
		if (try_as_waiter(m))
			break;
		err = wait_signal_check(state);
		if (err)
			break;
		if (woken && first_waiter(m) == &w)
			__atomic_fetch_or(&m->owner, MUTEX_HANDOFF, __ATOMIC_RELAXED);
		spin_unlock_irqrestore(&m->wait_lock, flags);
		schedule();
		flags = spin_lock_irqsave(&m->wait_lock);
		woken = true;
	}
	thread_set_running();
	waiter_leave(m, &w);
	/* We may have swallowed the wake-up of an unlock: pass it on. */
	if (err && !list_empty(&m->waiters) && !(READ_ONCE(m->owner) & ~MUTEX_BITS))
		thread_wake(first_waiter(m)->thread, TASK_NORMAL);
	spin_unlock_irqrestore(&m->wait_lock, flags);
	return err;
}

static __always_inline int mutex_lock_common(struct mutex *m, unsigned sublevel,
					     enum thread_state state)
{
	int err = 0;

	might_sleep();
	lock_debug_check(m, mutex_rank(m), sublevel);
	if (unlikely(!owner_cas(m, 0, (u64)current, __ATOMIC_ACQUIRE)))
		err = mutex_lock_slow(m, state);
	if (!err)
		lock_debug_acquired(m, mutex_rank(m), sublevel);
	return err;
}

void mutex_lock(struct mutex *m)
{
	(void)mutex_lock_common(m, 0, TASK_UNINTERRUPTIBLE);
}

void mutex_lock_nested(struct mutex *m, unsigned sublevel)
{
	(void)mutex_lock_common(m, sublevel, TASK_UNINTERRUPTIBLE);
}

int mutex_lock_killable(struct mutex *m)
{
	return mutex_lock_common(m, 0, TASK_KILLABLE);
}

int mutex_lock_interruptible(struct mutex *m)
{
	return mutex_lock_common(m, 0, TASK_INTERRUPTIBLE);
}

bool mutex_trylock(struct mutex *m)
{
	if (!owner_cas(m, 0, (u64)current, __ATOMIC_ACQUIRE))
		return false;
	lock_debug_acquired(m, mutex_rank(m), 0);
	return true;
}

static void mutex_unlock_slow(struct mutex *m)
{
	u64 flags = spin_lock_irqsave(&m->wait_lock);
	u64 owner = READ_ONCE(m->owner);

	ASSERT((owner & ~MUTEX_BITS) == (u64)current);
	if (list_empty(&m->waiters)) {
		/* The last waiter gave up between our look and the lock. */
		smp_store_release(&m->owner, 0);
	} else {
		struct thread *t = first_waiter(m)->thread;

		__atomic_store_n(&m->owner, (owner & MUTEX_HANDOFF ? (u64)t : 0) | MUTEX_WAITERS,
				 __ATOMIC_RELEASE);
		thread_wake(t, TASK_NORMAL);
	}
	spin_unlock_irqrestore(&m->wait_lock, flags);
}

void mutex_unlock(struct mutex *m)
{
	lock_debug_released(m);
	if (unlikely(!owner_cas(m, (u64)current, 0, __ATOMIC_RELEASE)))
		mutex_unlock_slow(m);
}

#ifdef CONFIG_LOCK_DEBUG
void assert_mutex_held(const struct mutex *m)
{
	if ((READ_ONCE(m->owner) & ~MUTEX_BITS) != (u64)current)
		panic("lock: mutex of rank %u should be held at %pS", m->rank,
		      __builtin_return_address(0));
}
#endif
