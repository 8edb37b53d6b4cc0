/* SPDX-License-Identifier: MIT */
/* Inside the page allocator: zones of physical memory and their free blocks. */
#pragma once
#include <kernel/mm/page.h>
#include <kernel/lock/spinlock.h>

enum zone_type {
	ZONE_DMA32,	/* below 4 GiB: devices with 32-bit addresses */
	ZONE_NORMAL,	/* the rest */
	NR_ZONES,
};

/* How much must stay free, in pages: who may go below which mark is in page_alloc.c. */
enum watermark { MARK_NONE, MARK_RESERVE, MARK_MIN, MARK_LOW, MARK_HIGH, NR_MARKS };

struct zone {
	struct spinlock lock;		/* RANK_ZONE, irq-safe */

	/* Guarded by lock; free may be read without it, as a hint. */
	struct list_head blocks[MAX_ORDER + 1];	/* by page->lru of a block's first page */
	u64 nr_blocks[MAX_ORDER + 1];
	u64 free;			/* pages in blocks */

	/* Constant after boot. */
	u64 managed;			/* pages given to the zone */
	u64 marks[NR_MARKS];
} __cacheline_aligned;

extern struct zone zones[NR_ZONES];

/*
 * Up to n blocks of one order, removed from the zone as long as mark pages stay;
 * the number taken. Their struct pages are as after page_prepare().
 */
unsigned zone_take(struct zone *z, unsigned order, u64 mark, unsigned n, struct page **out);
/* Would zone_take() find one? Read without the lock: a hint. */
bool zone_has(const struct zone *z, unsigned order, u64 mark);
/* Give n blocks of one order back; blocks[i] need not be of one zone. */
void zone_give(struct page **pages, unsigned n, unsigned order);
