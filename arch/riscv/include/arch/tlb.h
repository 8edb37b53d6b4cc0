/* SPDX-License-Identifier: MIT */
/*
 * TLB and address-space identifiers: what mm code calls. Policy and proofs:
 * arch/riscv/mm/tlb.c, asid.c.
 */
#pragma once
#include <kernel/types.h>
#include <kernel/lib/atomic.h>

struct mm;
struct thread;

/* In each struct mm. */
struct mm_context {
	u64 asid;		/* generation above, ASID in the low 16 bits; atomic */
	u64 cpus;		/* CPUs that may hold translations of it; atomic bits */
	u64 icache_stale;	/* CPUs that must fence.i before they run it; atomic bits */
};

void mm_context_init(struct mm_context *c);
/* Load next's page tables on this CPU. Context: scheduler, interrupts off. */
void mm_switch(struct mm *prev, struct mm *next);

/*
 * Make all CPUs forget translations of [start, end) in mm, after the entries were
 * changed and before the pages are freed. Not needed for invalid -> valid.
 * Context: any with interrupts on (waits for other CPUs).
 */
void tlb_flush_range(struct mm *mm, uaddr_t start, uaddr_t end);
void tlb_flush_page(struct mm *mm, uaddr_t addr);
void tlb_flush_mm(struct mm *mm);
void tlb_flush_kernel_range(u64 start, u64 end);	/* global entries, every CPU */
/* This CPU only: after a fault on an entry that already allows the access. */
void tlb_flush_local_page(uaddr_t addr);
/* New instructions were written to memory that mm may execute. */
void icache_flush_mm(struct mm *mm);
void icache_flush_all(void);

/* ASID bits the hardware has; asid_bits= lowers them. 0: every switch flushes. */
extern u32 asid_bits;
