/* SPDX-License-Identifier: MIT */
/*
 * TLB and address-space identifiers: what mm code and the scheduler call. How it
 * works and why it is right: arch/riscv/mm/asid.c, tlb.c.
 */
#pragma once
#include <kernel/types.h>
#include <kernel/lib/atomic.h>

struct mm;
struct page;

/* In each struct mm. */
struct mm_context {
	u64 asid;		/* generation above, ASID in the low 16 bits; atomic; 0: none yet */
	u64 cpus;		/* CPUs that may hold translations of it; atomic bits */
	u64 stale;		/* those of them that must flush before they use them again; atomic bits */
	u64 icache_stale;	/* CPUs that must fence.i before they run it; atomic bits */
};

/* What this machine's TLB can do, chosen once at boot by tlb_init(). Constant after. */
struct tlb_policy {
	u32 asid_bits;		/* 0..16 implemented, or lowered by asid_bits= */
	bool use_asids;		/* enough of them for all CPUs; else every switch flushes */
	bool global_only;	/* erratum CIP-1200: only SFENCE.VMA without operands works */
};
extern struct tlb_policy tlb_policy;

/* boot CPU, nr_cpus known, before the first user mm */
void tlb_init(void);
void mm_context_init(struct mm_context *c);
/*
 * Load next's page tables on this CPU (kernel_mm: the kernel's own).
 * Context: interrupts off. prev is not used after; it may be freed from now on,
 * but for references that the caller knows of.
 */
void mm_switch(struct mm *prev, struct mm *next);
/* A thread without address space goes on with the tables that are loaded. Interrupts off. */
void mm_switch_lazy(void);

/*
 * Make all CPUs forget translations of [start, end) in mm, after the entries were
 * changed and before the pages are freed. Not needed for invalid -> valid.
 * Context: any; waits for other CPUs that run mm, by firmware, whatever they do.
 */
void tlb_flush_range(struct mm *mm, uaddr_t start, uaddr_t end);
void tlb_flush_page(struct mm *mm, uaddr_t addr);
void tlb_flush_mm(struct mm *mm);
void tlb_flush_tables(struct mm *mm);		/* tlb_flush_mm(), where page tables are freed */
void tlb_flush_kernel_range(u64 start, u64 end);	/* global entries, every CPU */
/* This CPU only: after a fault on an entry that already allows the access. */
void tlb_flush_local_page(uaddr_t addr);

/* New instructions were written to memory that mm may execute. */
void icache_flush_mm(struct mm *mm);
void icache_flush_all(void);
