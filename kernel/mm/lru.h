/* SPDX-License-Identifier: MIT */
/*
 * The order in which pages of files are given up. Theory: lru.c.
 */
#pragma once
#include <kernel/mm/page.h>

enum lru_list { LRU_INACTIVE, LRU_ACTIVE, NR_LRU };

/* A page of a file, new in its mapping: onto this CPU's inactive list. Any context. */
void lru_add(struct page *page);
/* The page is being freed (refs 0). Any context. */
void lru_remove(struct page *page);
/* Written back: the next to be looked at. Any context. */
void lru_rotate(struct page *page);
u64 lru_size(u32 shard, enum lru_list l);
/*
 * Take up to n pages off the cold end of a shard's list, each with a reference,
 * onto out (by page->lru). The number looked at. Context: thread.
 */
u64 lru_isolate(u32 shard, enum lru_list l, u64 n, struct list_head *out, u64 *taken);
/* Put an isolated page back at the warm end of list l of its shard, and drop the reference. */
void lru_putback(struct page *page, enum lru_list l);

/*
 * Somebody uses a cached page: the first time also who has it brought in. Cheap
 * and without a lock; who scans the lists draws the conclusion.
 */
static inline void page_accessed(struct page *p)
{
	u64 flags = READ_ONCE(p->flags);

	if (unlikely(!(flags & BIT(PG_HOT))))
		page_set(p, flags & BIT(PG_REFERENCED) ? PG_HOT : PG_REFERENCED);
}
void lru_init(void);
