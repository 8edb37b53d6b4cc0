/* SPDX-License-Identifier: MIT */
/*
 * Spinlocks. Preemption is off while one is held.
 *
 *   spin_lock          data never touched by interrupts or softirqs
 *   spin_lock_bh       data shared with softirqs
 *   spin_lock_irqsave  data shared with hard interrupts
 *
 * The first two count in preempt_count. With interrupts off nothing preempts, so the
 * irq forms do not count; a wake-up in between is acted on when interrupts are on again.
 * So lock and unlock must be of the same form.
 *
 * CONFIG_LOCK_DEBUG checks ranks (rank.h), owner, and that a lock taken in
 * interrupt context is never taken with interrupts on (lockdebug.c). Why
 * test-and-set, and how a spinner waits: spinlock.c.
 */
#pragma once
#include <kernel/lock/rank.h>
#include <kernel/lock/preempt.h>
#include <kernel/lib/atomic.h>
#include <arch/irqflags.h>
#include <arch/processor.h>

struct spinlock {
	u32 locked;
#ifdef CONFIG_LOCK_DEBUG
	u16 rank;
	u8 sublevel;		/* of the present hold */
	u8 level;		/* context of the present hold: enum lock_context */
	u32 seen;		/* atomic: every way it was ever taken: LOCK_SEEN_* (lockdebug.c) */
	struct thread *owner;
	void *acquired_at;
	struct spinlock *held_next;	/* the owner's chain of held locks */
#endif
};

#ifdef CONFIG_LOCK_DEBUG
#define SPINLOCK_INIT(r)	{ .rank = (r) }
void spin_lock_slow(struct spinlock *l, unsigned sublevel);	/* checks, then spins */
bool spin_trylock_debug(struct spinlock *l);
void spin_unlock_check(struct spinlock *l);
#else
#define SPINLOCK_INIT(r)	{ 0 }
void spin_lock_slow(struct spinlock *l);			/* spins until taken */
#endif
#define DEFINE_SPINLOCK(name, r)	struct spinlock name = SPINLOCK_INIT(r)

static inline void spin_lock_init(struct spinlock *l, enum lock_rank rank)
{
	*l = (struct spinlock)SPINLOCK_INIT(rank);
}

/* Acquire and release without touching preemption; the forms below add it. */
static __always_inline void raw_spin_lock(struct spinlock *l, unsigned sublevel)
{
#ifdef CONFIG_LOCK_DEBUG
	spin_lock_slow(l, sublevel);
#else
	if (unlikely(__atomic_exchange_n(&l->locked, 1, __ATOMIC_ACQUIRE)))
		spin_lock_slow(l);
#endif
}

/*
 * True: taken. False: another has it, and it takes raw_spin_lock(), which the caller leaves to a
 * function of its own. The debug build waits here, and checks as ever.
 */
static __always_inline bool raw_spin_lock_at_once(struct spinlock *l)
{
#ifdef CONFIG_LOCK_DEBUG
	spin_lock_slow(l, 0);
	return true;
#else
	return likely(!__atomic_exchange_n(&l->locked, 1, __ATOMIC_ACQUIRE));
#endif
}

static __always_inline bool raw_spin_trylock(struct spinlock *l)
{
#ifdef CONFIG_LOCK_DEBUG
	return spin_trylock_debug(l);
#else
	return !__atomic_load_n(&l->locked, __ATOMIC_RELAXED) &&
	       !__atomic_exchange_n(&l->locked, 1, __ATOMIC_ACQUIRE);
#endif
}

static __always_inline void raw_spin_unlock(struct spinlock *l)
{
#ifdef CONFIG_LOCK_DEBUG
	spin_unlock_check(l);
#endif
	smp_store_release(&l->locked, 0);
}

static __always_inline void spin_lock(struct spinlock *l)
{
	preempt_disable();
	raw_spin_lock(l, 0);
}

static __always_inline void spin_lock_nested(struct spinlock *l, unsigned sublevel)
{
	preempt_disable();
	raw_spin_lock(l, sublevel);
}

static __always_inline void spin_unlock(struct spinlock *l)
{
	raw_spin_unlock(l);
	preempt_enable();
}

static __always_inline void spin_lock_irq(struct spinlock *l)
{
	local_irq_disable();
	raw_spin_lock(l, 0);
}

static __always_inline void spin_unlock_irq(struct spinlock *l)
{
	raw_spin_unlock(l);
	local_irq_enable();
	preempt_check();
}

/* Returns the interrupt state to give back to spin_unlock_irqrestore(). */
static __always_inline u64 __must_check spin_lock_irqsave_nested(struct spinlock *l,
								 unsigned sublevel)
{
	u64 flags = local_irq_save();

	raw_spin_lock(l, sublevel);
	return flags;
}

static __always_inline u64 __must_check spin_lock_irqsave(struct spinlock *l)
{
	return spin_lock_irqsave_nested(l, 0);
}

static __always_inline void spin_unlock_irqrestore(struct spinlock *l, u64 flags)
{
	raw_spin_unlock(l);
	local_irq_restore(flags);
	preempt_check();
}

static __always_inline void spin_lock_bh(struct spinlock *l)
{
	softirq_disable();
	raw_spin_lock(l, 0);
}

static __always_inline void spin_unlock_bh(struct spinlock *l)
{
	raw_spin_unlock(l);
	softirq_enable();
}

/* The calling thread or interrupt holds l. Debug builds panic where it does not. */
#ifdef CONFIG_LOCK_DEBUG
void assert_spin_held(const struct spinlock *l);
/* The only spinlock of thread `from` becomes `to`'s: the runqueue lock at a context switch. */
void spin_hand_over(struct spinlock *l, struct thread *from, struct thread *to);
#else
#define assert_spin_held(l)	((void)(l))
#define spin_hand_over(l, from, to)	((void)(l))
#endif
