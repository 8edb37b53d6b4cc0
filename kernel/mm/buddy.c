/* SPDX-License-Identifier: MIT */
/*
 * Buddy allocator: free physical memory in blocks of 2^order pages.
 *
 * A block of order o starts at a page number that is a multiple of 2^o; its
 * buddy is the block whose number differs in bit o alone. Allocation takes the
 * smallest block that is large enough and puts the halves it cuts off back;
 * freeing joins a block with its buddy as long as that is free and whole.
 *
 * Only the first struct page of a free block means anything: PG_BUDDY, the
 * order in private, the list in lru. That is why boot need not touch the array:
 *
 *  (1) The struct page of the first page of every block, free or taken, is
 *      initialised: it was when the block was cut from a larger one, or at boot
 *      for the largest blocks.
 *  (2) A buddy of order o is such a block or lies in one whose first page
 *      differs; either way its first struct page was initialised when the block
 *      of order o+1 around both was cut, so free_one() never reads garbage.
 *  (3) A largest block that is not wholly free at boot has all of its struct
 *      pages initialised, as PG_RESERVED, before its free parts are given.
 *  (4) A page that is handed out is initialised completely, the tail pages of a
 *      multi-page block too, so that users may treat them singly. Its refs is 0:
 *      the page cache's speculative lookups leave it alone until its owner is known.
 *
 * Not here: per-CPU lists, watermarks and what happens when memory is short
 * (page_alloc.c).
 */
#include <kernel/mm/zone.h>
#include <kernel/mm/bootmem.h>
#include <kernel/lib/string.h>
#include <kernel/printk.h>
#include <kernel/bug.h>

#define BLOCK_PAGES	(1ul << MAX_ORDER)
#define DMA32_END_PFN	(1ul << (32 - PAGE_SHIFT))

struct zone zones[NR_ZONES];
u64 ram_pages;

static inline struct zone *zone_of(const struct page *p)
{
	return &zones[p->zone];
}

/* A page as its new owner finds it: nobody's, not mapped. */
static inline void page_prepare(struct page *p, u32 refs, u8 zone, u8 order)
{
	p->flags = 0;
	p->mapping = NULL;
	p->index = 0;
	list_init(&p->lru);
	p->private = 0;
	p->refs = refs;
	p->mapcount = -1;
	p->pins = 0;
	p->order = order;
	p->zone = zone;
	p->group = 0;
}

static inline void block_insert(struct zone *z, struct page *p, unsigned order)
{
	p->flags = BIT(PG_BUDDY);
	p->private = order;
	p->zone = z - zones;
	list_add(&p->lru, &z->blocks[order]);
	z->nr_blocks[order]++;
}

static inline void block_remove(struct zone *z, struct page *p, unsigned order)
{
	list_del_rcu(&p->lru);
	p->flags = 0;
	z->nr_blocks[order]--;
}

static inline bool is_free_block(const struct page *p, unsigned order, const struct zone *z)
{
	return (p->flags & BIT(PG_BUDDY)) && p->private == order && zone_of(p) == z;
}

static struct page *take_one(struct zone *z, unsigned order)
{
	unsigned o = order;
	struct page *p;

	while (list_empty(&z->blocks[o]))
		if (++o > MAX_ORDER)
			return NULL;
	p = list_first(&z->blocks[o], struct page, lru);
	block_remove(z, p, o);
	while (o > order) {
		o--;
		block_insert(z, p + (1ul << o), o);
	}
	z->free -= 1ul << order;
	return p;
}

static void free_one(struct zone *z, struct page *p, unsigned order)
{
	pfn_t pfn = page_to_pfn(p);

	z->free += 1ul << order;
	for (; order < MAX_ORDER; order++) {
		pfn_t buddy = pfn ^ (1ul << order);

		if (!is_free_block(pfn_to_page(buddy), order, z))
			break;
		block_remove(z, pfn_to_page(buddy), order);
		pfn &= ~(1ul << order);
	}
	block_insert(z, pfn_to_page(pfn), order);
}

/*
 * Single pages for a CPU's stack: a whole block of them costs no more than one page,
 * and they lie together. Only where one of that size, or larger, is at hand.
 */
static unsigned take_batch(struct zone *z, u64 mark, unsigned n, struct page **out)
{
	unsigned order = 31 - __builtin_clz(n);
	struct page *p;

	if (z->free < mark + (1ul << order))
		return 0;
	p = take_one(z, order);
	for (unsigned i = 0; p && i < 1u << order; i++)
		out[i] = p + i;
	return p ? 1u << order : 0;
}

unsigned zone_take(struct zone *z, unsigned order, u64 mark, unsigned n, struct page **out)
{
	unsigned got = 0;
	u64 flags = spin_lock_irqsave(&z->lock);

	if (!order && n > 1)
		got = take_batch(z, mark, n, out);
	while (got < n && z->free >= mark + (1ul << order)) {
		struct page *p = take_one(z, order);

		if (!p)
			break;
		out[got++] = p;
	}
	spin_unlock_irqrestore(&z->lock, flags);

	for (unsigned i = 0; i < got; i++) {
		page_prepare(out[i], 0, z - zones, order);
		for (u64 t = 1; t < 1ul << order; t++)
			page_prepare(out[i] + t, 0, z - zones, 0);
	}
	return got;
}

bool zone_has(const struct zone *z, unsigned order, u64 mark)
{
	if (READ_ONCE(z->free) < mark + (1ul << order))
		return false;
	for (unsigned o = order; o <= MAX_ORDER; o++)
		if (READ_ONCE(z->nr_blocks[o]))
			return true;
	return false;
}

void zone_give(struct page **pages, unsigned n, unsigned order)
{
	struct zone *z = zone_of(pages[0]);
	u64 flags = spin_lock_irqsave(&z->lock);

	for (unsigned i = 0; i < n; i++) {
		if (unlikely(zone_of(pages[i]) != z)) {
			spin_unlock_irqrestore(&z->lock, flags);
			z = zone_of(pages[i]);
			flags = spin_lock_irqsave(&z->lock);
		}
		free_one(z, pages[i], order);
	}
	spin_unlock_irqrestore(&z->lock, flags);
}

static struct zone *zone_of_pfn(pfn_t pfn)
{
	return &zones[pfn < DMA32_END_PFN ? ZONE_DMA32 : ZONE_NORMAL];
}

/* Invariant (3), for one largest block. */
static void __init block_reserve(pfn_t pfn)
{
	struct page *p = pfn_to_page(pfn);

	for (u64 i = 0; i < BLOCK_PAGES; i++) {
		page_prepare(&p[i], 1, zone_of_pfn(pfn) - zones, 0);
		p[i].flags = BIT(PG_RESERVED);
	}
}

/* The blocks that hold the ends of ranges are the ones that are not wholly free. */
static void __init reserve_partial_blocks(const struct phys_range *r, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		pfn_t first = ALIGN_DOWN(r[i].start >> PAGE_SHIFT, BLOCK_PAGES);
		pfn_t last = ALIGN_UP(r[i].end >> PAGE_SHIFT, BLOCK_PAGES);

		for (pfn_t pfn = first; pfn < last; pfn += BLOCK_PAGES) {
			paddr_t s = pfn << PAGE_SHIFT, e = (pfn + BLOCK_PAGES) << PAGE_SHIFT;
			bool whole = false;
			unsigned n;
			const struct phys_range *f = bootmem_free(&n);

			while (n-- && !whole)
				whole = f[n].start <= s && e <= f[n].end;
			if (!whole)
				block_reserve(pfn);
		}
	}
}

static void __init give_range(pfn_t pfn, pfn_t end)
{
	while (pfn < end) {
		unsigned order = pfn ? min_t(unsigned, __builtin_ctzl(pfn), MAX_ORDER) : MAX_ORDER;
		struct zone *z = zone_of_pfn(pfn);

		while (pfn + (1ul << order) > end)
			order--;
		z->managed += 1ul << order;
		free_one(z, pfn_to_page(pfn), order);
		pfn += 1ul << order;
	}
}

/*
 * Chosen: 1/256 of a zone for MIN, between 64 pages
 * and 16 MiB; LOW and HIGH a quarter and a half more.
 */
static void __init set_marks(struct zone *z)
{
	u64 m = clamp(z->managed / 256, 64ul, 4096ul);

	if (!z->managed)
		m = 0;
	z->marks[MARK_NONE] = 0;
	z->marks[MARK_RESERVE] = m / 4;
	z->marks[MARK_MIN] = m;
	z->marks[MARK_LOW] = m + m / 4;
	z->marks[MARK_HIGH] = m + m / 2;
}

void __init buddy_init(void)
{
	const struct phys_range *r;
	unsigned count;

	for (unsigned i = 0; i < NR_ZONES; i++) {
		spin_lock_init(&zones[i].lock, RANK_ZONE);
		for (unsigned o = 0; o <= MAX_ORDER; o++)
			list_init(&zones[i].blocks[o]);
	}
	r = bootmem_ram(&count);
	reserve_partial_blocks(r, count);
	r = bootmem_free(&count);
	for (unsigned i = 0; i < count; i++)
		give_range(r[i].start >> PAGE_SHIFT, r[i].end >> PAGE_SHIFT);
	bootmem_close();
	for (unsigned i = 0; i < NR_ZONES; i++) {
		set_marks(&zones[i]);
		ram_pages += zones[i].managed;
	}
	pr_info("memory: %lu KiB free for use\n", ram_pages * (PAGE_SIZE / 1024));
}

void page_release_reserved(struct page *p)
{
	struct zone *z = zone_of(p);

	BUG_ON(!page_test(p, PG_RESERVED));
	page_prepare(p, 0, z - zones, 0);
	z->managed++;
	ram_pages++;
	zone_give(&p, 1, 0);
}
