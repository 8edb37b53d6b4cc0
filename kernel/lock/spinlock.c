/* SPDX-License-Identifier: MIT */
/*
 * The spinlock's slow path: waiting.
 *
 * A lock is one word, 0 or 1, taken by an atomic exchange. Waiters read the word
 * until it is 0 and only then try again, so that they share the line instead of
 * fighting for it.
 *
 * Why not a fair (ticket or queue) lock: critical sections here are short and
 * CPUs few, so unfairness has never time to matter, while fairness has a price:
 * the lock may only go to one certain waiter, and if the host has taken the
 * processor from that virtual CPU, all others stand still. With test-and-set
 * whoever runs goes on.
 *
 * A waiter that has spun for long yields (cpu_spin_yield()): under an emulator
 * that runs harts in turn, the holder cannot go on before the waiter stops.
 *
 * The debug build's forms of lock and unlock are in lockdebug.c.
 */
#include <kernel/lock/spinlock.h>

#ifndef CONFIG_LOCK_DEBUG
void spin_lock_slow(struct spinlock *l)
{
	u32 spins = 0;

	do {
		while (__atomic_load_n(&l->locked, __ATOMIC_RELAXED))
			cpu_spin_wait(&spins);
	} while (__atomic_exchange_n(&l->locked, 1, __ATOMIC_ACQUIRE));
}
#endif

bool in_atomic(void)
{
	return preempt_count() || irqs_disabled();
}
