/* SPDX-License-Identifier: MIT */
/*
 * Sequence counts: readers take no lock and retry when a writer came between.
 * Writers are serialised by a lock of the owner and may not be preempted inside.
 */
#pragma once
#include <kernel/lib/atomic.h>
#include <arch/processor.h>

typedef struct { u32 seq; } seqcount_t;

static inline u32 seq_begin(const seqcount_t *s)
{
	u32 v;

	while (unlikely((v = __atomic_load_n(&s->seq, __ATOMIC_ACQUIRE)) & 1))
		cpu_relax();
	return v;
}

static inline bool __must_check seq_retry(const seqcount_t *s, u32 begin)
{
	smp_rmb();
	return unlikely(__atomic_load_n(&s->seq, __ATOMIC_RELAXED) != begin);
}

static inline void seq_write_begin(seqcount_t *s)
{
	WRITE_ONCE(s->seq, s->seq + 1);
	smp_wmb();
}

static inline void seq_write_end(seqcount_t *s)
{
	smp_wmb();
	WRITE_ONCE(s->seq, s->seq + 1);
}
