/* SPDX-License-Identifier: MIT */
/*
 * User page tables: finding, making, walking and freeing them.
 *
 * Who may do what:
 *   read an entry     anybody inside an RCU read section: tables are freed after
 *                     a grace period. The entry may change at any time
 *   write an entry    with its table's lock, pte_lock(); entries change as a whole
 *   make a table      with mm->lock for reading: two threads may race, one wins
 *   free tables       with mm->lock for writing, after the range's entries are
 *                     gone, and nobody else may find the range (rmap)
 *
 * User memory is mapped by 4 KiB leaves only.
 */
#pragma once
#include <kernel/mm/page.h>
#include <kernel/mm/mm.h>
#include <kernel/lock/spinlock.h>
#include <arch/sv39.h>
#include <arch/tlb_gather.h>

/* Flags of a user leaf for PROT_* (VM_READ, VM_WRITE, VM_EXEC: the same three bits). */
static inline u64 pte_user_flags(u64 prot)
{
	u64 f = PTE_V | PTE_U | PTE_A;

	/* W without R is reserved, so writing brings reading (Linux's rule too). */
	if (prot & (PROT_READ | PROT_WRITE))
		f |= PTE_R;
	if (prot & PROT_WRITE)
		f |= PTE_W;
	if (prot & PROT_EXEC)
		f |= PTE_X;
	return f;
}

static inline bool pte_writable(pte_t e)	{ return e.bits & PTE_W; }
static inline bool pte_dirty(pte_t e)		{ return e.bits & PTE_D; }
static inline bool pte_accessed(pte_t e)	{ return e.bits & PTE_A; }
static inline bool pte_special(pte_t e)		{ return e.bits & PTE_SPECIAL; }
static inline pte_t pte_set(pte_t e, u64 f)	{ return (pte_t){ e.bits | f }; }
static inline pte_t pte_clear(pte_t e, u64 f)	{ return (pte_t){ e.bits & ~f }; }
static inline struct page *pte_page(pte_t e)	{ return phys_to_page(pte_addr(e)); }
/* An inaccessible mapping (PROT_NONE) keeps its page: V clear, SOFT set, the rest as it was. */
static inline bool pte_protnone(pte_t e)
{
	return (e.bits & (PTE_V | PTE_SOFT)) == PTE_SOFT;
}

/*
 * Take the entry out. Atomic: the hardware may set A or D in it until it is
 * invalid, and what it set must not be lost. Where nobody can have it dirty
 * (private memory counts as dirty anyway), a plain store is enough: pte_write().
 */
static inline pte_t pte_take(pte_t *p)
{
	return (pte_t){ __atomic_exchange_n(&p->bits, 0, __ATOMIC_RELAXED) };
}

/* Clear flags in a live entry, keeping what the hardware sets meanwhile; the old value. */
static inline pte_t pte_clear_atomic(pte_t *p, u64 flags)
{
	return (pte_t){ __atomic_fetch_and(&p->bits, ~flags, __ATOMIC_RELAXED) };
}

static inline u64 pgd_index(uaddr_t a)	{ return (a >> PGD_SHIFT) % PTRS_PER_TABLE; }
static inline u64 pmd_index(uaddr_t a)	{ return (a >> PMD_SHIFT) % PTRS_PER_TABLE; }
static inline u64 pte_index(uaddr_t a)	{ return (a >> PAGE_SHIFT) % PTRS_PER_TABLE; }
static inline pte_t *pte_table(pte_t e)	{ return phys_to_virt(pte_addr(e)); }

/* The entry for addr, or NULL if there is no table. Context: see above. */
static inline pte_t *pte_walk(const struct mm *mm, uaddr_t addr)
{
	pte_t e = pte_read(&mm->pgd[pgd_index(addr)]);

	if (!pte_present(e))
		return NULL;
	e = pte_read(&pte_table(e)[pmd_index(addr)]);
	if (!pte_present(e))
		return NULL;
	return &pte_table(e)[pte_index(addr)];
}

/* The entry for addr, its tables made where missing; NULL: no memory. May sleep as gfp allows. */
pte_t *pte_alloc(struct mm *mm, uaddr_t addr, u32 gfp);

/* The lock of the table that holds *pte. RANK_PTE. */
#ifdef CONFIG_LOCK_DEBUG
static inline struct spinlock *page_pte_lock(struct page *table)
{
	return (struct spinlock *)table->private;
}
#else
_Static_assert(sizeof(struct spinlock) <= sizeof(u32), "lives in struct page");
static inline struct spinlock *page_pte_lock(struct page *table)
{
	return (struct spinlock *)&table->pte_lock_word;
}
#endif
static inline struct spinlock *pte_lock(const pte_t *pte)
{
	return page_pte_lock(virt_to_page(pte));
}

/* The part of one existing table that lies in a range. */
struct pte_range {
	uaddr_t addr;		/* of the first entry */
	pte_t *ptes;
	u64 count;		/* entries, at least 1 */
};
/*
 * The next table with entries in [*addr, end): fills r, moves *addr behind it.
 * False: none is left. Holes are skipped by the table size of their level.
 */
bool pte_range_next(const struct mm *mm, uaddr_t *addr, uaddr_t end, struct pte_range *r);

/*
 * Free the tables that reach into [start, end), which was unmapped, and lie wholly
 * in [floor, ceiling), where no entry is left. For munmap: the end of the mapping
 * below and the start of the one above.
 */
void pgtable_free_range(struct tlb_gather *g, uaddr_t start, uaddr_t end, uaddr_t floor,
			uaddr_t ceiling);

/* Give this CPU's stock of empty tables back; pages freed. Any context. */
u64 pgtable_shrink(void);

/* A top-level table with the kernel half filled in, the user half empty. NULL: no memory. */
pte_t *pgd_alloc(void);
/* The user half is empty again, and no CPU has it loaded. Any context. */
void pgd_free(pte_t *pgd);
