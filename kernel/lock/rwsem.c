/* SPDX-License-Identifier: MIT */
/*
 * Reader-writer semaphore: many readers or one writer; waiters sleep.
 *
 * One word tells all: bit 0 a writer holds it, bit 1 somebody waits, the rest
 * counts readers. The fast paths are one compare-and-swap, possible only while
 * nobody waits; so newcomers queue behind a waiting writer, and it cannot starve.
 *
 * Hand-over. A waiter never takes the semaphore by itself: whoever finds it
 * available gives it to the head of the list, to one writer or to all readers
 * before the next writer, and takes them off (grant()). That happens under
 * wait_lock, in three places: a release that sees WAITERS, a waiter that has just
 * queued itself (the release may have come before the bit), and a waiter that
 * gives up (it may have been what held back those behind it).
 *
 * Invariants
 *  (1) WAITERS is set exactly while the list is not empty; both change under
 *      wait_lock.
 *  (2) While WAITERS is set, only grant() lets anybody in.
 *  (3) waiter->granted is the last thing that a granter writes to the waiter,
 *      which may be gone after it. The thread struct survives until a grace
 *      period later, and wait_lock is a read section: the wake-up is safe.
 *  (4) The caller keeps the semaphore's memory until its unlock returns.
 */
#include <kernel/lock/mutex.h>
#include <kernel/lock/lockdebug.h>
#include <kernel/lock/wait.h>
#include <kernel/task/thread.h>
#include <kernel/bug.h>

#define RWSEM_WRITER	1l
#define RWSEM_WAITERS	2l
#define RWSEM_READER	4l

struct rwsem_waiter {
	struct list_head node;
	struct thread *thread;
	bool writer;
	bool granted;
};

#ifdef CONFIG_LOCK_DEBUG
#define rwsem_rank(s)	((s)->rank)
#else
#define rwsem_rank(s)	0
#endif

void rwsem_init(struct rwsem *s, enum lock_rank rank)
{
	s->count = 0;
	s->writer = NULL;
	spin_lock_init(&s->wait_lock, RANK_WAITQ);
	list_init(&s->waiters);
#ifdef CONFIG_LOCK_DEBUG
	s->rank = rank;
#endif
}

bool rwsem_read_trylock(struct rwsem *s)
{
	s64 c = __atomic_load_n(&s->count, __ATOMIC_RELAXED);

	while (!(c & (RWSEM_WRITER | RWSEM_WAITERS))) {
		if (__atomic_compare_exchange_n(&s->count, &c, c + RWSEM_READER, true,
						__ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
			lock_debug_acquired(s, rwsem_rank(s), 0);
			return true;
		}
	}
	return false;
}

static bool write_try(struct rwsem *s)
{
	s64 c = 0;

	if (!__atomic_compare_exchange_n(&s->count, &c, RWSEM_WRITER, false,
					 __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		return false;
	s->writer = current;
	return true;
}

static void grant_one(struct rwsem *s, struct rwsem_waiter *w)
{
	struct thread *t = w->thread;

	list_del(&w->node);
	if (w->writer)
		s->writer = t;
	__atomic_fetch_add(&s->count, w->writer ? RWSEM_WRITER : RWSEM_READER, __ATOMIC_ACQUIRE);
	smp_store_release(&w->granted, true);
	thread_wake(t, TASK_NORMAL);
}

/* Let in whom the present holders allow, from the head. Context: wait_lock held. */
static void grant(struct rwsem *s)
{
	while (!list_empty(&s->waiters)) {
		struct rwsem_waiter *w = list_first(&s->waiters, struct rwsem_waiter, node);
		s64 c = __atomic_load_n(&s->count, __ATOMIC_ACQUIRE) & ~RWSEM_WAITERS;

		if (w->writer ? c != 0 : c & RWSEM_WRITER)
			return;
		grant_one(s, w);
	}
	__atomic_fetch_and(&s->count, ~RWSEM_WAITERS, __ATOMIC_RELAXED);
}

static void grant_after_release(struct rwsem *s)
{
	u64 flags = spin_lock_irqsave(&s->wait_lock);

	grant(s);
	spin_unlock_irqrestore(&s->wait_lock, flags);
}

/* A signal ended the wait: -EINTR, or 0 if the semaphore was granted in between. */
static int give_up(struct rwsem *s, struct rwsem_waiter *w, int err)
{
	u64 flags = spin_lock_irqsave(&s->wait_lock);

	if (w->granted) {
		err = 0;
	} else {
		list_del(&w->node);
		grant(s);
	}
	spin_unlock_irqrestore(&s->wait_lock, flags);
	return err;
}

static int rwsem_wait(struct rwsem *s, bool writer, enum thread_state state)
{
	struct rwsem_waiter w = { .thread = current, .writer = writer };
	int err = 0;
	u64 flags;

	flags = spin_lock_irqsave(&s->wait_lock);
	list_add_tail(&w.node, &s->waiters);
	__atomic_fetch_or(&s->count, RWSEM_WAITERS, __ATOMIC_RELAXED);
	grant(s);
	spin_unlock_irqrestore(&s->wait_lock, flags);

	for (;;) {
		thread_set_state(state);
		if (smp_load_acquire(&w.granted))
			break;
		err = wait_signal_check(state);
		if (err) {
			err = give_up(s, &w, err);
			break;
		}
		schedule();
	}
	thread_set_running();
	return err;
}

static int read_lock_common(struct rwsem *s, enum thread_state state)
{
	int err;

	might_sleep();
	lock_debug_check(s, rwsem_rank(s), 0);
	if (likely(rwsem_read_trylock(s)))
		return 0;
	err = rwsem_wait(s, false, state);
	if (!err)
		lock_debug_acquired(s, rwsem_rank(s), 0);
	return err;
}

void rwsem_read_lock(struct rwsem *s)
{
	(void)read_lock_common(s, TASK_UNINTERRUPTIBLE);
}

int rwsem_read_lock_killable(struct rwsem *s)
{
	return read_lock_common(s, TASK_KILLABLE);
}

static int write_lock_common(struct rwsem *s, unsigned sublevel, enum thread_state state)
{
	int err = 0;

	might_sleep();
	lock_debug_check(s, rwsem_rank(s), sublevel);
	if (unlikely(!write_try(s)))
		err = rwsem_wait(s, true, state);
	if (!err)
		lock_debug_acquired(s, rwsem_rank(s), sublevel);
	return err;
}

void rwsem_write_lock(struct rwsem *s)
{
	(void)write_lock_common(s, 0, TASK_UNINTERRUPTIBLE);
}

void rwsem_write_lock_nested(struct rwsem *s, unsigned sublevel)
{
	(void)write_lock_common(s, sublevel, TASK_UNINTERRUPTIBLE);
}

int rwsem_write_lock_killable(struct rwsem *s)
{
	return write_lock_common(s, 0, TASK_KILLABLE);
}

void rwsem_read_unlock(struct rwsem *s)
{
	s64 left;

	lock_debug_released(s);
	left = __atomic_sub_fetch(&s->count, RWSEM_READER, __ATOMIC_RELEASE);
	if (unlikely(left == RWSEM_WAITERS))
		grant_after_release(s);
}

void rwsem_write_unlock(struct rwsem *s)
{
	lock_debug_released(s);
	s->writer = NULL;
	if (unlikely(__atomic_sub_fetch(&s->count, RWSEM_WRITER, __ATOMIC_RELEASE)))
		grant_after_release(s);
}

#ifdef CONFIG_LOCK_DEBUG
void assert_rwsem_held(const struct rwsem *s)
{
	if (!lock_debug_is_held(s))
		panic("lock: rwsem of rank %u should be held at %pS", s->rank,
		      __builtin_return_address(0));
}

void assert_rwsem_write_held(const struct rwsem *s)
{
	if (READ_ONCE(s->writer) != current)
		panic("lock: rwsem of rank %u should be held for writing at %pS", s->rank,
		      __builtin_return_address(0));
}
#endif
