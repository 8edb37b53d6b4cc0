/* SPDX-License-Identifier: MIT */
/*
 * The lock checker of the debug build.
 *
 * It proves three things about every acquire that it sees, and so finds a
 * deadlock that did not happen:
 *
 *  (1) Order. Within one context (thread, softirq, hard interrupt) locks are
 *      taken in ascending rank, equal ranks in ascending sublevel. So no cycle
 *      of waits can form among threads, nor among interrupts.
 *  (2) Interrupts on one CPU. A lock ever taken in a hard interrupt is never
 *      taken elsewhere with interrupts on; one ever taken in a softirq is never
 *      taken in a thread with softirqs on. Else the interrupt could spin for a
 *      lock that its own CPU holds below it.
 *  (3) Interrupts across CPUs. While a lock is held that interrupts take, no
 *      lock is waited for that is ever held with interrupts on. Else CPU A could
 *      hold the second, be interrupted and want the first, which CPU B holds
 *      while it wants the second.
 *
 * (2) and (3) look at the lock's own history, gathered in `seen`.
 *
 * Held spinlocks are chained through the locks, newest first, from the thread
 * that runs; an interrupt's locks stand on top of the interrupted thread's.
 * Sleeping locks are an array in the thread, since a reader's hold has no room
 * in the lock.
 *
 * A violation panics with both acquire sites. So does a lock that cannot be had
 * for SPIN_LIMIT_SEC: a holder that spins, sleeps, or died.
 */
#include <kernel/lock/lockdebug.h>
#include <kernel/lock/spinlock.h>
#include <kernel/task/thread.h>
#include <kernel/bug.h>
#include <kernel/sched/sched.h>
#include <arch/time.h>

/* Guest seconds; chosen far above any bounded section, far below a test's patience. */
#define SPIN_LIMIT_SEC	20

enum lock_context { CONTEXT_THREAD, CONTEXT_SOFTIRQ, CONTEXT_HARDIRQ };

#define LOCK_SEEN_IN_HARDIRQ	BIT(0)
#define LOCK_SEEN_IN_SOFTIRQ	BIT(1)
#define LOCK_SEEN_IRQS_ON	BIT(2)	/* held where a hard interrupt could come */
#define LOCK_SEEN_SOFTIRQS_ON	BIT(3)	/* held where a softirq could come */

static bool serving_softirq(u32 count)
{
	return count & SOFTIRQ_SERVING;
}

static enum lock_context context_now(void)
{
	u32 count = preempt_count();

	if (count & HARDIRQ_MASK)
		return CONTEXT_HARDIRQ;
	return serving_softirq(count) ? CONTEXT_SOFTIRQ : CONTEXT_THREAD;
}

static u8 seen_now(enum lock_context context)
{
	bool irqs_on = !irqs_disabled();
	u8 seen = irqs_on ? LOCK_SEEN_IRQS_ON : 0;

	if (context == CONTEXT_HARDIRQ)
		return seen | LOCK_SEEN_IN_HARDIRQ;
	if (context == CONTEXT_SOFTIRQ)
		return seen | LOCK_SEEN_IN_SOFTIRQ;
	return seen | (irqs_on && !(preempt_count() & SOFTIRQ_MASK) ? LOCK_SEEN_SOFTIRQS_ON : 0);
}

static bool mixes_contexts(u8 seen)
{
	if ((seen & LOCK_SEEN_IN_HARDIRQ) && (seen & LOCK_SEEN_IRQS_ON))
		return true;
	return (seen & LOCK_SEEN_IN_SOFTIRQ) && (seen & LOCK_SEEN_SOFTIRQS_ON);
}

/* Rule (3) for one held lock. */
static bool interrupt_could_close_a_cycle(u8 held, u8 wanted)
{
	if ((held & LOCK_SEEN_IN_HARDIRQ) && (wanted & LOCK_SEEN_IRQS_ON))
		return true;
	return (held & LOCK_SEEN_IN_SOFTIRQ) && (wanted & LOCK_SEEN_SOFTIRQS_ON);
}

static void check_against_held(const struct spinlock *l, unsigned sublevel, u8 seen,
			       enum lock_context context, void *site)
{
	const struct spinlock *h;

	for (h = current->locks.spin; h; h = h->held_next) {
		if (h == l)
			panic("lock: %p (rank %u) taken twice: at %pS, now at %pS",
			      l, l->rank, h->acquired_at, site);
		if (interrupt_could_close_a_cycle(h->seen, seen))
			panic("lock: rank %u, held with interrupts on elsewhere, wanted at %pS under "
			      "rank %u, which interrupts take, acquired at %pS",
			      l->rank, site, h->rank, h->acquired_at);
		if (h->level != context)
			continue;
		if (h->rank > l->rank || (h->rank == l->rank && h->sublevel >= sublevel))
			panic("lock order: rank %u.%u wanted at %pS, rank %u.%u held since %pS",
			      l->rank, sublevel, site, h->rank, h->sublevel, h->acquired_at);
	}
}

static void note_acquired(struct spinlock *l, unsigned sublevel, enum lock_context context,
			  void *site)
{
	l->owner = current;
	l->acquired_at = site;
	l->sublevel = sublevel;
	l->level = context;
	l->held_next = current->locks.spin;
	current->locks.spin = l;
}

static void note_seen(struct spinlock *l, enum lock_context context, void *site)
{
	u8 seen = seen_now(context);
	u8 all = __atomic_or_fetch(&l->seen, seen, __ATOMIC_RELAXED);

	if (mixes_contexts(all))
		panic("lock: rank %u is taken in interrupts and also with interrupts on: now at %pS "
		      "(seen %x)", l->rank, site, all);
}

void spin_lock_slow(struct spinlock *l, unsigned sublevel)
{
	void *site = __builtin_return_address(0);
	enum lock_context context = context_now();
	u32 spins = 0;
	u64 start = 0;

	if (!preempt_count() && !irqs_disabled())
		panic("lock: rank %u taken at %pS with preemption on", l->rank, site);
	note_seen(l, context, site);
	check_against_held(l, sublevel, l->seen, context, site);
	while (__atomic_exchange_n(&l->locked, 1, __ATOMIC_ACQUIRE)) {
		cpu_spin_wait(&spins);
		if (spins % 4096)
			continue;
		if (!start)
			start = arch_time_read();
		else if (arch_time_read() - start > (u64)arch_timebase_hz * SPIN_LIMIT_SEC)
			panic("lock: rank %u wanted at %pS cannot be had: %p holds it since %pS",
			      l->rank, site, l->owner, l->acquired_at);
	}
	note_acquired(l, sublevel, context, site);
}

bool spin_trylock_debug(struct spinlock *l)
{
	void *site = __builtin_return_address(0);
	enum lock_context context = context_now();

	if (__atomic_load_n(&l->locked, __ATOMIC_RELAXED) ||
	    __atomic_exchange_n(&l->locked, 1, __ATOMIC_ACQUIRE))
		return false;
	note_seen(l, context, site);
	note_acquired(l, 255, context, site);
	return true;
}

void spin_unlock_check(struct spinlock *l)
{
	struct spinlock **link;

	if (!l->locked || l->owner != current)
		panic("lock: rank %u released at %pS by a thread that does not hold it",
		      l->rank, __builtin_return_address(0));
	for (link = &current->locks.spin; *link != l; link = &(*link)->held_next)
		BUG_ON(!*link);
	*link = l->held_next;
	l->owner = NULL;
	l->held_next = NULL;
}

void assert_spin_held(const struct spinlock *l)
{
	if (!l->locked || l->owner != current)
		panic("lock: rank %u should be held at %pS", l->rank, __builtin_return_address(0));
}

void spin_hand_over(struct spinlock *l, struct thread *from, struct thread *to)
{
	if (from->locks.spin != l || l->held_next)
		panic("lock: schedule() with a spinlock held since %pS",
		      from->locks.spin == l ? l->held_next->acquired_at
					    : from->locks.spin->acquired_at);
	from->locks.spin = NULL;
	to->locks.spin = l;
	l->owner = to;
}

void lock_debug_check(const void *lock, unsigned rank, unsigned sublevel)
{
	struct lock_debug_thread *mine = &current->locks;
	void *site = __builtin_return_address(0);

	might_sleep_at("sleeping lock", rank);
	for (u32 i = 0; i < mine->nr_sleeping; i++) {
		if (mine->sleeping[i].lock == lock)
			panic("lock: rank %u taken twice: at %pS, now at %pS",
			      rank, mine->sleeping[i].acquired_at, site);
		if (mine->sleeping[i].rank > rank ||
		    (mine->sleeping[i].rank == rank && mine->sleeping[i].sublevel >= sublevel))
			panic("lock order: rank %u.%u wanted at %pS, rank %u.%u held since %pS",
			      rank, sublevel, site, mine->sleeping[i].rank,
			      mine->sleeping[i].sublevel, mine->sleeping[i].acquired_at);
	}
}

void lock_debug_acquired(const void *lock, unsigned rank, unsigned sublevel)
{
	struct lock_debug_thread *mine = &current->locks;
	u32 i = mine->nr_sleeping++;

	BUG_ON(i >= LOCK_DEBUG_MAX_SLEEPING);
	mine->sleeping[i].lock = lock;
	mine->sleeping[i].acquired_at = __builtin_return_address(0);
	mine->sleeping[i].rank = rank;
	mine->sleeping[i].sublevel = sublevel;
}

void lock_debug_released(const void *lock)
{
	struct lock_debug_thread *mine = &current->locks;
	u32 i = 0;

	while (i < mine->nr_sleeping && mine->sleeping[i].lock != lock)
		i++;
	if (i == mine->nr_sleeping)
		panic("lock: sleeping lock %p released at %pS by a thread that does not hold it",
		      lock, __builtin_return_address(0));
	mine->nr_sleeping--;
	for (; i < mine->nr_sleeping; i++)
		mine->sleeping[i] = mine->sleeping[i + 1];
}

bool lock_debug_is_held(const void *lock)
{
	for (u32 i = 0; i < current->locks.nr_sleeping; i++) {
		if (current->locks.sleeping[i].lock == lock)
			return true;
	}
	return false;
}

void might_sleep_at(const char *file, int line)
{
	if (!sched_running || !in_atomic())
		return;
	panic("might sleep at %s:%d, called from %pS: preempt_count %x, interrupts %s, lock held "
	      "since %pS", file, line, __builtin_return_address(0), preempt_count(),
	      irqs_disabled() ? "off" : "on",
	      current->locks.spin ? current->locks.spin->acquired_at : NULL);
}
