/* SPDX-License-Identifier: MIT */
/*
 * What the lock checker keeps per thread, and its calls for sleeping locks.
 * Spinlocks come to it through spinlock.h. Design: lockdebug.c.
 */
#pragma once
#include <kernel/types.h>

struct spinlock;

#define LOCK_DEBUG_MAX_SLEEPING	16	/* deepest chain seen is 7 (rename) */

struct lock_debug_thread {
	struct spinlock *spin;			/* chain of held spinlocks, newest first */
	u32 nr_sleeping;
	struct {
		const void *lock;
		const void *acquired_at;
		u16 rank;
		u8 sublevel;
	} sleeping[LOCK_DEBUG_MAX_SLEEPING];	/* oldest first */
};

/*
 * A sleeping lock is about to be waited for (check), was taken, was given up.
 * Page locks and other bit locks call these too. trylock needs no check.
 */
#ifdef CONFIG_LOCK_DEBUG
void lock_debug_check(const void *lock, unsigned rank, unsigned sublevel);
void lock_debug_acquired(const void *lock, unsigned rank, unsigned sublevel);
void lock_debug_released(const void *lock);
bool lock_debug_is_held(const void *lock);
#else
#define lock_debug_check(lock, rank, sublevel)		((void)(lock))
#define lock_debug_acquired(lock, rank, sublevel)	((void)(lock))
#define lock_debug_released(lock)			((void)(lock))
#define lock_debug_is_held(lock)			((void)(lock), true)
#endif
