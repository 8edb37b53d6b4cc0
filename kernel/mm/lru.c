/* SPDX-License-Identifier: MIT */
/*
 * Reclaim lists: pages of files in the order in which they may be given up.
 *
 * Two lists, as in every clock with a probation: new pages enter INACTIVE at its
 * head; what was used twice before it reached the tail moves to ACTIVE, whose
 * tail feeds INACTIVE again. A file that is read once thus streams through
 * INACTIVE and leaves alone what is used again and again.
 *
 * The lists exist once per CPU (a shard). A page enters the shard of the CPU that
 * read it, and the shard's number stands in the page: so adding takes a lock that
 * no other CPU wants but at the end of a page's life, and needs no batches.
 * Reclaim treats all shards alike.
 *
 * Use of a page only sets bits (page_accessed()): REFERENCED the first time, HOT
 * the second. The use that a page is brought in for is its first. Reads, writes and sends of
 * a file say so, lookups of a metadata block, and an entry that was used when it is taken out
 * of a page table. reclaim.c moves pages when it comes past, and looks at the entries itself
 * while they are there.
 *
 * Invariants, under the shard's lock:
 *  (1) PG_LRU is set exactly while the page is on a list of its shard; PG_ACTIVE
 *      says which, and is kept while the page is isolated.
 *  (2) A list has no reference. The last page_put() takes the page off, so who
 *      finds a page on a list under the lock may try to get a reference.
 *
 * Not here: anonymous pages. There is no swap, so they are counted (counts.h)
 * and never looked at.
 */
#include <kernel/mm/lru.h>
#include <kernel/mm/counts.h>
#include <kernel/lock/spinlock.h>
#include <kernel/bug.h>

#define SHARD_SHIFT	56		/* of the shard's number in page->flags */

struct lru_shard {
	/* RANK_LRU, irq-safe: the last reference may go at the end of I/O */
	struct spinlock lock;
	struct list_head list[NR_LRU];
	u64 size[NR_LRU];
} __cacheline_aligned;

static struct lru_shard shards[NR_CPUS];

static const enum mem_count count_of[NR_LRU] = { MEM_INACTIVE_FILE, MEM_ACTIVE_FILE };

void lru_init(void)
{
	for (u32 i = 0; i < NR_CPUS; i++) {
		spin_lock_init(&shards[i].lock, RANK_LRU);
		for (u32 l = 0; l < NR_LRU; l++)
			list_init(&shards[i].list[l]);
	}
}

static struct lru_shard *shard_of(const struct page *p)
{
	return &shards[READ_ONCE(p->flags) >> SHARD_SHIFT];
}

static enum lru_list list_of(const struct page *p)
{
	return page_test(p, PG_ACTIVE) ? LRU_ACTIVE : LRU_INACTIVE;
}

static void link_locked(struct lru_shard *s, struct page *p, enum lru_list l)
{
	list_add(&p->lru, &s->list[l]);
	s->size[l]++;
	mem_count_add(count_of[l], 1);
}

static void unlink_locked(struct lru_shard *s, struct page *p)
{
	enum lru_list l = list_of(p);

	list_del_rcu(&p->lru);
	s->size[l]--;
	mem_count_add(count_of[l], -1);
	page_clear(p, PG_LRU);
}

void lru_add(struct page *page)
{
	u32 shard = cpu_id();
	struct lru_shard *s = &shards[shard];
	u64 flags = spin_lock_irqsave(&s->lock);

	__atomic_fetch_or(&page->flags, (u64)shard << SHARD_SHIFT | BIT(PG_LRU), __ATOMIC_RELAXED);
	link_locked(s, page, LRU_INACTIVE);
	spin_unlock_irqrestore(&s->lock, flags);
}

void lru_remove(struct page *page)
{
	struct lru_shard *s = shard_of(page);
	u64 flags = spin_lock_irqsave(&s->lock);

	if (page_test(page, PG_LRU))
		unlink_locked(s, page);
	spin_unlock_irqrestore(&s->lock, flags);
}

void lru_rotate(struct page *page)
{
	struct lru_shard *s = shard_of(page);
	u64 flags = spin_lock_irqsave(&s->lock);

	if (page_test(page, PG_LRU) && !page_test(page, PG_ACTIVE))
		list_move_tail(&page->lru, &s->list[LRU_INACTIVE]);
	spin_unlock_irqrestore(&s->lock, flags);
}

u64 lru_size(u32 shard, enum lru_list l)
{
	return READ_ONCE(shards[shard].size[l]);
}

u64 lru_isolate(u32 shard, enum lru_list l, u64 n, struct list_head *out, u64 *taken)
{
	struct lru_shard *s = &shards[shard];
	u64 seen = 0, flags = spin_lock_irqsave(&s->lock);

	*taken = 0;
	for (; seen < n && !list_empty(&s->list[l]); seen++) {
		struct page *p = list_last(&s->list[l], struct page, lru);

		if (!page_get_not_zero(p)) {
			/* Its last user waits for our lock in lru_remove(). */
			list_move(&p->lru, &s->list[l]);
			continue;
		}
		unlink_locked(s, p);
		list_add(&p->lru, out);
		++*taken;
	}
	spin_unlock_irqrestore(&s->lock, flags);
	return seen;
}

void lru_putback(struct page *page, enum lru_list l)
{
	struct lru_shard *s = shard_of(page);
	u64 flags = spin_lock_irqsave(&s->lock);

	page_set(page, PG_LRU);
	if (l == LRU_ACTIVE)
		page_set(page, PG_ACTIVE);
	else
		page_clear(page, PG_ACTIVE);
	link_locked(s, page, l);
	spin_unlock_irqrestore(&s->lock, flags);
	page_put(page);
}
