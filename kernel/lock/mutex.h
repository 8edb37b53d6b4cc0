/* SPDX-License-Identifier: MIT */
/*
 * Sleeping locks: mutex, and rwsem (many readers or one writer).
 * Context: thread, interrupts on, no spinlock held. Not recursive. The owner
 * unlocks. _killable forms return -EINTR when a fatal signal arrives, the
 * _interruptible ones -ERESTARTSYS on any signal; then the lock is not held.
 */
#pragma once
#include <kernel/lock/spinlock.h>
#include <kernel/lib/list.h>

struct mutex {
	u64 owner;		/* struct thread * and MUTEX_* bits (mutex.c) */
	struct spinlock wait_lock;	/* RANK_WAITQ: guards waiters */
	struct list_head waiters;
#ifdef CONFIG_LOCK_DEBUG
	u16 rank;
#endif
};

void mutex_init(struct mutex *m, enum lock_rank rank);
#ifdef CONFIG_LOCK_DEBUG
#define MUTEX_INIT(name, r) { .wait_lock = SPINLOCK_INIT(RANK_WAITQ), \
	.waiters = LIST_HEAD_INIT((name).waiters), .rank = (r) }
#else
#define MUTEX_INIT(name, r) { .wait_lock = SPINLOCK_INIT(RANK_WAITQ), \
	.waiters = LIST_HEAD_INIT((name).waiters) }
#endif
#define DEFINE_MUTEX(name, r)	struct mutex name = MUTEX_INIT(name, r)

void mutex_lock(struct mutex *m);
void mutex_lock_nested(struct mutex *m, unsigned sublevel);
int __must_check mutex_lock_killable(struct mutex *m);
int __must_check mutex_lock_interruptible(struct mutex *m);
bool __must_check mutex_trylock(struct mutex *m);
void mutex_unlock(struct mutex *m);
/* Debug builds panic where the calling thread does not hold m. */
#ifdef CONFIG_LOCK_DEBUG
void assert_mutex_held(const struct mutex *m);
#else
#define assert_mutex_held(m)	((void)(m))
#endif

/* Writers are preferred: a waiting writer holds back new readers. */
struct rwsem {
	s64 count;		/* readers, writer, waiters: RWSEM_* (rwsem.c) */
	struct spinlock wait_lock;	/* RANK_WAITQ */
	struct list_head waiters;
	struct thread *writer;
#ifdef CONFIG_LOCK_DEBUG
	u16 rank;
#endif
};

void rwsem_init(struct rwsem *s, enum lock_rank rank);
void rwsem_read_lock(struct rwsem *s);
int __must_check rwsem_read_lock_killable(struct rwsem *s);
bool __must_check rwsem_read_trylock(struct rwsem *s);
void rwsem_read_unlock(struct rwsem *s);
void rwsem_write_lock(struct rwsem *s);
void rwsem_write_lock_nested(struct rwsem *s, unsigned sublevel);
int __must_check rwsem_write_lock_killable(struct rwsem *s);
void rwsem_write_unlock(struct rwsem *s);
/* Debug builds panic where the calling thread does not hold s (at all; as writer). */
#ifdef CONFIG_LOCK_DEBUG
void assert_rwsem_held(const struct rwsem *s);
void assert_rwsem_write_held(const struct rwsem *s);
#else
#define assert_rwsem_held(s)		((void)(s))
#define assert_rwsem_write_held(s)	((void)(s))
#endif
