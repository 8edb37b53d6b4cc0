/* SPDX-License-Identifier: MIT */
/*
 * Sv39 page tables and satp.
 *
 * RISC-V Privileged Architecture, version 20211203: satp 4.1.11, Sv39 4.4,
 * page-table entry 4.4.1. Bits 63 (Svnapot) and 62:61 (Svpbmt) are chapters 5
 * and 6; reserved bits must be zero or the access faults.
 */
#pragma once

#include <kernel/lib/atomic.h>
#include <arch/page.h>

#define SATP_MODE_SV39	(8ul << 60)
#define SATP_ASID_SHIFT	44
#define SATP_ASID_MASK	GENMASK(59, 44)
#define SATP_PPN_MASK	GENMASK(43, 0)

#define PTE_V		BIT(0)	/* valid; clear means the other bits are ours */
#define PTE_R		BIT(1)
#define PTE_W		BIT(2)	/* W without R is reserved: never write it */
#define PTE_X		BIT(3)
#define PTE_U		BIT(4)	/* user; the kernel touches it only with sstatus.SUM */
#define PTE_G		BIT(5)	/* same in every ASID: kernel mappings only */
#define PTE_A		BIT(6)	/* hardware may fault instead of setting A and D, */
#define PTE_D		BIT(7)	/* so fault code must be able to set both (4.3.1) */
#define PTE_SPECIAL	BIT(8)	/* RSW: no struct page behind it (zero page, device) */
#define PTE_SOFT	BIT(9)	/* RSW: free */
#define PTE_PPN_MASK	GENMASK(53, 10)
#define PTE_PPN_SHIFT	10

/* A struct, so that an entry cannot be mistaken for an address or an integer. */
typedef struct { u64 bits; } pte_t;
_Static_assert(sizeof(pte_t) == 8, "hardware format");

static inline pte_t pte_make(paddr_t pa, u64 flags)
{
	return (pte_t){ ((pa >> PAGE_SHIFT) << PTE_PPN_SHIFT) | flags };
}

static inline paddr_t pte_addr(pte_t pte)
{
	return ((pte.bits & PTE_PPN_MASK) >> PTE_PPN_SHIFT) << PAGE_SHIFT;
}

static inline bool pte_none(pte_t pte)
{
	return !pte.bits;
}

static inline bool pte_present(pte_t pte)
{
	return pte.bits & PTE_V;
}

/* R, W and X all zero mark a pointer to the next level (4.4.1). */
static inline bool pte_is_leaf(pte_t pte)
{
	return pte.bits & (PTE_R | PTE_W | PTE_X);
}

/* Entries change as a whole: the hardware walker and lock-free readers see old or new. */
static inline pte_t pte_read(const pte_t *p)
{
	return (pte_t){ __atomic_load_n(&p->bits, __ATOMIC_RELAXED) };
}

static inline void pte_write(pte_t *p, pte_t v)
{
	smp_store_release(&p->bits, v.bits);
}

/* Swap entries and migration markers: V clear, type in bits 1-5, value from bit 10 up. */
