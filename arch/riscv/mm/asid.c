/* SPDX-License-Identifier: MIT */
/*
 * Address-space identifiers: many address spaces, few ASIDs.
 *
 * A context's asid is a generation number above ASID_BITS and the hardware's ASID
 * in the low 16 bits. It is valid in its generation only. ASIDs are given out
 * upwards; when they run out a rollover starts a new generation: everybody must
 * get a new ASID, every CPU must flush before it loads one.
 *
 * A CPU that is running a context goes on with its ASID through a rollover. That
 * number is kept out of the new generation (reserved), and the context gets the
 * same number when it is next switched to, on whatever CPU.
 *
 * Per CPU:
 *   active    the asid in use; 0 after a rollover, until the next switch there
 *   reserved  the asid in use at the last rollover; under asid_lock
 *   pending   bit in flush_pending: flush everything before loading another ASID
 *
 * Fast path: the context's asid is of this generation, and active is not 0:
 * swap it in. A rollover exchanges active with 0; either that sees our swap and
 * reserves the new value, or our swap finds 0, fails, and takes the lock.
 * Nothing shared is written: active is this CPU's own line.
 *
 * Invariants:
 *  (1) No two contexts have the same ASID in one generation; the reserved ones
 *      of the last generation included.
 *  (2) A CPU that holds translations of an older generation has its pending bit
 *      set, or runs a reserved ASID and has not switched since.
 *  (3) When a context gets a number that it did not have before, no CPU runs it,
 *      and its old translations can never be used again: so its set of CPUs
 *      starts anew.
 *
 * ASID 0 is the kernel's own, for CPUs that have no address space.
 *
 * Source of the scheme: generations as in ARM's and RISC-V's published designs;
 * satp.ASID: Privileged Architecture 20211203, 4.1.11.
 */
#include "asid.h"
#include <arch/tlb.h>
#include <arch/tlb_hw.h>
#include <kernel/lib/bitmap.h>
#include <kernel/lock/spinlock.h>
#include <kernel/percpu.h>

#define FIRST_GENERATION	(ASID_MASK + 1)

static DEFINE_SPINLOCK(asid_lock, RANK_ASID);	/* irq-safe: taken in switches */

/* Guarded by asid_lock; generation is read without it. */
static u64 generation;
static DECLARE_BITMAP(asid_map, ASID_MASK + 1);	/* not to be given: 0 and the reserved ones */
static u64 next_asid;				/* all below it are taken */
static u64 flush_pending;
static u64 reserved[NR_CPUS];

static struct {
	u64 asid;		/* atomic */
} __cacheline_aligned active[NR_CPUS];

static u64 asid_count __ro_after_init;

void asid_init(u32 bits)
{
	asid_count = 1ul << bits;
	generation = FIRST_GENERATION;
	next_asid = 1;
	bitmap_set(asid_map, 0);
}

static inline bool is_current(u64 asid)
{
	return !((asid ^ __atomic_load_n(&generation, __ATOMIC_RELAXED)) & ~ASID_MASK);
}

static void rollover(void)
{
	__atomic_store_n(&generation, generation + FIRST_GENERATION, __ATOMIC_RELAXED);
	for (u64 w = 0; w < BITMAP_WORDS(asid_count); w++)
		asid_map[w] = 0;
	bitmap_set(asid_map, 0);
	for (u32 cpu = 0; cpu < nr_cpus; cpu++) {
		u64 a = __atomic_exchange_n(&active[cpu].asid, 0, __ATOMIC_SEQ_CST);

		/* 0: it has not switched since the last rollover, and still runs that one. */
		if (a)
			reserved[cpu] = a;
		bitmap_set(asid_map, reserved[cpu] & ASID_MASK);
	}
	flush_pending = ~0ul;
}

/* asid is somebody's reserved one: carry it over into this generation, on every CPU. */
static bool keep_reserved(u64 asid, u64 renewed)
{
	bool hit = false;

	for (u32 cpu = 0; cpu < nr_cpus; cpu++) {
		if (reserved[cpu] == asid) {
			reserved[cpu] = renewed;
			hit = true;
		}
	}
	return hit;
}

static u64 take_asid(void)
{
	u64 n = bitmap_find_clear(asid_map, asid_count, next_asid);

	if (n >= asid_count) {
		rollover();
		n = bitmap_find_clear(asid_map, asid_count, 1);
	}
	next_asid = n + 1;
	return n;
}

/* A valid asid for c, which has none in this generation. */
static u64 renew(struct mm_context *c)
{
	u64 old = c->asid;

	if (old) {
		u64 same = generation | (old & ASID_MASK);

		if (keep_reserved(old, same))
			return same;
	}
	/* take_asid() may start a generation, so it comes before the sum. */
	old = take_asid();
	__atomic_store_n(&c->cpus, 0, __ATOMIC_RELAXED);	/* invariant (3) */
	return generation | old;
}

static __noinline u64 get_slow(struct mm_context *c, u32 cpu)
{
	u64 flags = spin_lock_irqsave(&asid_lock);
	u64 asid = __atomic_load_n(&c->asid, __ATOMIC_RELAXED);

	if (!is_current(asid)) {
		asid = renew(c);
		__atomic_store_n(&c->asid, asid, __ATOMIC_RELAXED);
	}
	if (flush_pending & BIT(cpu)) {
		flush_pending &= ~BIT(cpu);
		hw_sfence_all();
	}
	__atomic_store_n(&active[cpu].asid, asid, __ATOMIC_RELAXED);
	spin_unlock_irqrestore(&asid_lock, flags);
	return asid & ASID_MASK;
}

u64 asid_get(struct mm_context *c, u32 cpu)
{
	u64 asid = __atomic_load_n(&c->asid, __ATOMIC_RELAXED);
	u64 old = __atomic_load_n(&active[cpu].asid, __ATOMIC_RELAXED);

	if (likely(old && is_current(asid) &&
		   __atomic_compare_exchange_n(&active[cpu].asid, &old, asid, false,
					       __ATOMIC_SEQ_CST, __ATOMIC_RELAXED)))
		return asid & ASID_MASK;
	return get_slow(c, cpu);
}
