/* SPDX-License-Identifier: MIT */
/*
 * Unmapping in batches: collect what an operation took out of the page tables,
 * flush once, free after. On the caller's stack, used by one thread:
 *
 *	struct tlb_gather g;
 *	tlb_gather_begin(&g, mm);
 *	... under the table's lock: clear an entry, tlb_gather_page(&g, addr, page) ...
 *	... outside of it, when it says so: tlb_gather_flush(&g) ...
 *	pgtable_free_range(&g, ...)
 *	tlb_gather_end(&g);
 *
 * A page's reference, which was the entry's, is the gather's until the flush.
 */
#pragma once
#include <kernel/mm/page.h>
#include <arch/tlb.h>

#define TLB_GATHER_PAGES	62

struct tlb_gather {
	struct mm *mm;
	uaddr_t start, end;		/* hull of what was changed; start >= end: nothing */
	struct page *tables;		/* freed tables, linked through lru.next's place */
	u32 count;
	bool dead;			/* mm has no users: its pages may go without a flush */
	struct page *pages[TLB_GATHER_PAGES];
};

static inline void tlb_gather_begin(struct tlb_gather *g, struct mm *mm)
{
	g->mm = mm;
	g->start = ~0ul;
	g->end = 0;
	g->tables = NULL;
	g->count = 0;
	g->dead = false;
}

/* Entries changed in [start, end). */
static inline void tlb_gather_range(struct tlb_gather *g, uaddr_t start, uaddr_t end)
{
	if (start < g->start)
		g->start = start;
	if (end > g->end)
		g->end = end;
}

static inline void tlb_gather_entry(struct tlb_gather *g, uaddr_t addr)
{
	tlb_gather_range(g, addr, addr + PAGE_SIZE);
}

/*
 * An entry's page, to be dropped after the flush, which the caller gathers the entry's address for. True:
 * full. The caller leaves its locks and calls tlb_gather_flush() before the next page.
 */
static inline bool __must_check tlb_gather_page(struct tlb_gather *g, struct page *p)
{
	g->pages[g->count++] = p;
	return g->count == TLB_GATHER_PAGES;
}

/* Flush what changed and drop the pages. May sleep where dropping a page may. */
void tlb_gather_flush(struct tlb_gather *g);
/* The same, and the tables; ends the gather. */
static inline void tlb_gather_end(struct tlb_gather *g)
{
	if (g->start < g->end || g->tables)
		tlb_gather_flush(g);
}
