/* SPDX-License-Identifier: MIT */
/*
 * Page allocation: the fast path, and what happens when memory is short.
 *
 * Each CPU keeps a stack of single pages per zone. Interrupts off is all the
 * guard it needs: no lock, no atomic, no line that another CPU writes. It is
 * filled from the buddy allocator and emptied into it half at a time.
 *
 * A page on a stack is clean: flags, mapping and private are 0, mapcount is -1,
 * refs is 0. Freeing makes it so, and allocation sets refs and nothing else.
 *
 * Marks (zone.h), pages of a zone that stay free for those who may go lower:
 *   LOW      below it reclaim in the background is woken
 *   MIN      ordinary allocations stop here and reclaim for themselves
 *   RESERVE  GFP_ATOMIC stops here: it cannot wait for reclaim
 *   NONE     threads that reclaim or write out, which need memory to free memory,
 *            and victims of the out-of-memory killer, which need it to die
 * The stacks hold pages outside of this account, a few dozen per CPU.
 *
 * An allocation for NORMAL that falls back to DMA32 leaves a further 1/64 of
 * that zone alone, so that page cache cannot use up what devices need.
 */
#include <kernel/mm/zone.h>
#include <kernel/mm/mm.h>
#include <kernel/mm/alloc_fail.h>
#include <kernel/mm/lru.h>
#include <kernel/percpu.h>
#include <kernel/task/thread.h>
#include <kernel/printk.h>
#include <kernel/bug.h>

#define STACK_MAX	62u		/* pages; with the count one struct fills 512 bytes */
#define STACK_BATCH	16u		/* pages moved at a time; chosen */
/* above it nobody is killed for memory, and soon given up */
#define COSTLY_ORDER	3
#define RECLAIM_ROUNDS	16		/* attempts without progress before giving up */

struct page_stack {
	u64 count;
	struct page *pages[STACK_MAX + 1];
};

static DEFINE_PERCPU(struct page_stack, page_stacks[NR_ZONES]);
static enum zone_type top_zone __ro_after_init;
const struct reclaim_ops *reclaim_ops __ro_after_init;

void __init page_alloc_init(void)
{
	buddy_init();
	top_zone = zones[ZONE_NORMAL].managed ? ZONE_NORMAL : ZONE_DMA32;
}

/* Interrupts off. */
static __always_inline struct page *stack_pop(enum zone_type zone)
{
	struct page_stack *s = &this_cpu(page_stacks)[zone];

	return likely(s->count) ? s->pages[--s->count] : NULL;
}

/* Put what fits on this CPU's stack, the rest back to the zone. */
static void stack_fill(enum zone_type zone, struct page **pages, unsigned n)
{
	u64 flags = local_irq_save();
	struct page_stack *s = &this_cpu(page_stacks)[zone];

	for (; n && s->count < STACK_MAX; n--) {
		s->pages[s->count++] = pages[n - 1];
	}
	local_irq_restore(flags);
	if (n)
		zone_give(pages, n, 0);
}

/* Take up to max pages off this CPU's stack and give them to the zone. */
static void stack_drain(enum zone_type zone, unsigned max)
{
	struct page *batch[STACK_BATCH];
	unsigned n;

	do {
		u64 flags = local_irq_save();

		for (n = 0; n < min(STACK_BATCH, max); n++) {
			batch[n] = stack_pop(zone);
			if (!batch[n])
				break;
		}
		local_irq_restore(flags);
		if (n)
			zone_give(batch, n, 0);
		max -= n;
	} while (n && max);
}

void page_drain_cpu(void)
{
	for (unsigned z = 0; z < NR_ZONES; z++)
		stack_drain(z, STACK_MAX);
}

/* What an allocation that starts at zone first leaves in zone z. */
static u64 pages_kept(int first, int z, enum watermark mark)
{
	return zones[z].marks[mark] + (z == first ? 0 : zones[z].managed / 64);
}

/* One block, if the marks allow; single pages bring company for the stack. */
static struct page *take_above(unsigned order, u32 gfp, enum watermark mark)
{
	int first = gfp & GFP_DMA32 ? ZONE_DMA32 : top_zone;

	for (int z = first; z >= 0; z--) {
		struct page *got[STACK_BATCH];
		unsigned n = zone_take(&zones[z], order, pages_kept(first, z, mark),
				       order ? 1 : STACK_BATCH, got);

		if (n > 1)
			stack_fill(z, got + 1, n - 1);
		if (n)
			return got[0];
	}
	return NULL;
}

bool page_available(unsigned order, u32 gfp)
{
	int first = gfp & GFP_DMA32 ? ZONE_DMA32 : top_zone;

	for (int z = first; z >= 0; z--)
		if (zone_has(&zones[z], order, pages_kept(first, z, MARK_MIN)))
			return true;
	return false;
}

static bool may_use_everything(void)
{
	if (in_interrupt())
		return false;
	return (current->exit_flags & THREAD_RECLAIM) ||
	       (current->mm && READ_ONCE(current->mm->oom_victim));
}

/* Reclaim until there is a page, or until it is clear that there will be none. */
static struct page *reclaim_and_take(unsigned order, u32 gfp)
{
	bool may_kill = order <= COSTLY_ORDER && (gfp & GFP_KILL) && !(gfp & GFP_NORETRY);
	unsigned most = gfp & GFP_NORETRY ? 1 : order > COSTLY_ORDER ? 4 : RECLAIM_ROUNDS, failed = 0;

	might_sleep();
	while (reclaim_ops && failed < most) {
		u64 freed = reclaim_ops->reclaim(order);
		struct page *p;

		page_drain_cpu();
		p = take_above(order, gfp, may_use_everything() ? MARK_NONE : MARK_MIN);
		if (p)
			return p;
		/* What is freed for a block of pages may never make one. */
		failed += order || (!freed && !may_kill);
		if (!freed && may_kill && !reclaim_ops->kill(order, gfp))
			return NULL;
	}
	return NULL;
}

static void report_failure(unsigned order, u32 gfp)
{
	static u32 reports;

	if ((gfp & GFP_NOWARN) || __atomic_fetch_add(&reports, 1, __ATOMIC_RELAXED) >= 10)
		return;
	pr_warn("out of memory: order %u, gfp %#x, %lu pages free\n", order, gfp,
		page_free_count());
}

static __noinline struct page *alloc_slow(unsigned order, u32 gfp)
{
	struct page *p;

	p = take_above(order, gfp, MARK_LOW);
	if (p)
		return p;
	if (reclaim_ops)
		reclaim_ops->wake();
	p = take_above(order, gfp, MARK_MIN);
	if (!p && (gfp & GFP_HIGH))
		p = take_above(order, gfp, MARK_RESERVE);
	if (!p && may_use_everything())
		p = take_above(order, gfp, MARK_NONE);
	if (!p && (gfp & GFP_WAIT) && !may_use_everything())
		p = reclaim_and_take(order, gfp);
	if (!p)
		report_failure(order, gfp);
	return p;
}

struct page *page_alloc_order(unsigned order, u32 gfp)
{
	struct page *p = NULL;

	if (alloc_should_fail() || order > MAX_ORDER)
		return NULL;
	if (likely(!order)) {
		u64 flags = local_irq_save();

		p = stack_pop(gfp & GFP_DMA32 ? ZONE_DMA32 : top_zone);
		local_irq_restore(flags);
	}
	if (unlikely(!p)) {
		p = alloc_slow(order, gfp);
		if (!p)
			return NULL;
	}
	p->refs = 1;
	if (gfp & GFP_ZERO)
		for (u64 i = 0; i < 1ul << order; i++)
			clear_page((char *)page_address(p) + i * PAGE_SIZE);
	return p;
}

/* What every user must have undone by now; the rest is reset here. */
static __always_inline void page_clean(struct page *p)
{
	ASSERT(!(p->flags & (BIT(PG_LRU) | BIT(PG_BUDDY) | BIT(PG_RESERVED) | BIT(PG_LOCKED))));
	ASSERT(p->mapcount == -1 && !p->pins);
	p->flags = 0;
	p->mapping = NULL;
	p->private = 0;
}

static __noinline void free_to_full_stack(struct page *p)
{
	stack_drain(p->zone, STACK_MAX / 2);
	stack_fill(p->zone, &p, 1);
}

static __always_inline void free_single(struct page *p)
{
	struct page_stack *s;
	u64 flags;

	page_clean(p);
	flags = local_irq_save();
	s = &this_cpu(page_stacks)[p->zone];
	if (unlikely(s->count >= STACK_MAX)) {
		local_irq_restore(flags);
		free_to_full_stack(p);
		return;
	}
	s->pages[s->count++] = p;
	local_irq_restore(flags);
}

void page_free_last(struct page *p)
{
	if (unlikely(page_test(p, PG_LRU)))
		lru_remove(p);
	if (likely(!p->order)) {
		free_single(p);
		return;
	}
	page_clean(p);
	zone_give(&p, 1, p->order);
}

/* Whoever has a speculative reference (pagecache_find()) frees it in our place. */
void page_free_order(struct page *p, unsigned order)
{
	ASSERT(p->order == order);
	page_put(p);
}

u64 page_free_count(void)
{
	u64 sum = 0;
	u32 cpu;

	for (unsigned z = 0; z < NR_ZONES; z++) {
		sum += READ_ONCE(zones[z].free);
		for_each_online_cpu(cpu)
			sum += READ_ONCE(per_cpu(page_stacks, cpu)[z].count);
	}
	return sum;
}

u64 page_shortage(void)
{
	u64 sum = 0;

	for (unsigned z = 0; z < NR_ZONES; z++) {
		u64 avail = READ_ONCE(zones[z].free);

		if (avail < zones[z].marks[MARK_HIGH])
			sum += zones[z].marks[MARK_HIGH] - avail;
	}
	return sum;
}
