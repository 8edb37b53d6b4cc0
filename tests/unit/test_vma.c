/* SPDX-License-Identifier: MIT */
/* The VMA tree: cut, joined and searched at random against a plain table of pages. */
#include "unit.h"
#include <kernel/mm/mm.h>
#include <kernel/mm/rmap.h>
#include <kernel/mm/alloc.h>
#include <kernel/mm/vm_file.h>
#include <kernel/lock/rcu.h>

void *malloc(size_t size);
void free(void *p);

struct thread_info host_thread_info;
static long live;

struct kmem_cache *kmem_cache_create(const char *name, size_t size, size_t align,
				     void (*ctor)(void *))
{
	return (struct kmem_cache *)1;
}
void *kmem_cache_alloc(struct kmem_cache *c, u32 gfp)
{
	u8 *p = malloc(sizeof(struct vma));

	live++;
	for (size_t i = 0; i < sizeof(struct vma); i++)
		p[i] = 0xa5;
	return p;
}
void kmem_cache_free(struct kmem_cache *c, void *p)
{
	live--;
	free(p);
}
void call_rcu(struct rcu_head *head, void (*func)(struct rcu_head *head))	{ func(head); }
void rwsem_write_lock(struct rwsem *s)		{ EXPECT_EQ(s->count, 0); s->count = -1; }
void rwsem_write_unlock(struct rwsem *s)	{ EXPECT_EQ(s->count, -1); s->count = 0; }
void preempt_schedule(void)			{ }
/* Anonymous memory without pages: neither files nor anon objects come up. */
struct file *file_get(struct file *f)		{ EXPECT_TRUE(false); return f; }
void file_put(struct file *f)			{ EXPECT_TRUE(false); }
void i_mmap_insert(struct vma *vma)		{ EXPECT_TRUE(false); }
void i_mmap_remove(struct vma *vma)		{ EXPECT_TRUE(false); }
void anon_link(struct vma *vma, struct anon *a)	{ EXPECT_TRUE(false); }
void anon_unlink(struct vma *vma)		{ EXPECT_TRUE(false); }

#define PAGES	200

static struct mm mm;
static u8 want[PAGES];		/* 0: nothing, else the flags of the page */
static u64 seed = 88172645463325252ul;

static u64 random(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	return seed ^= seed << 17;
}

static uaddr_t page(u64 n)	{ return n << PAGE_SHIFT; }

static void unmap(u64 from, u64 to)
{
	struct vma *vma, *next;

	for (vma = vma_find(&mm, page(from)); vma && vma->start < page(to); vma = next) {
		EXPECT_EQ(vma_cut_out(vma, page(from), page(to), &vma), 0);
		next = vma_next(vma);
		vma_remove(vma);
		vma_free(vma);
	}
	for (; from < to; from++)
		want[from] = 0;
}

static void map(u64 from, u64 to, u8 flags)
{
	struct vma *vma;

	unmap(from, to);
	vma = vma_alloc(&mm, page(from), page(to), flags, from);
	vma_insert(vma);
	vma_merge(vma);
	for (; from < to; from++)
		want[from] = flags;
}

/* Highest place of len pages in [low, high), by trying them all; 0: none. */
static u64 slow_gap(u64 len, u64 low, u64 high)
{
	for (u64 at = high - len; at + len <= high && at >= low && at; at--) {
		u64 n = 0;

		while (n < len && !want[at + n])
			n++;
		if (n == len)
			return at;
	}
	return 0;
}

static void check_all(void)
{
	struct vma *below = NULL;

	for (u64 n = 0; n < PAGES; n++) {
		struct vma *vma = vma_find_rcu(&mm, page(n));

		EXPECT_EQ(vma ? vma->flags : 0, want[n]);
		if (vma)
			EXPECT_EQ(vma_page_index(vma, page(n)), n);
	}
	for (struct vma *vma = vma_first(&mm); vma; below = vma, vma = vma_next(vma)) {
		EXPECT_EQ(vma->gap, vma->start - (below ? below->end : 0));
		EXPECT_EQ(vma->seq.seq & 1, 0);
		/* Equal neighbours are one. */
		EXPECT_TRUE(!below || below->end < vma->start || below->flags != vma->flags);
	}
	EXPECT_EQ(live, mm.nr_vmas);
}

TEST(random_maps_and_unmaps_match_a_table)
{
	vma_cache_init();
	for (int i = 0; i < 20000; i++) {
		u64 from = 1 + random() % (PAGES - 2), to = from + 1 + random() % (i % 3 ? 8 : 40);

		to = to < PAGES ? to : PAGES;
		if (random() & 1)
			map(from, to, 1 + random() % 3);
		else
			unmap(from, to);
		if (i % 16 == 0)
			check_all();
	}
	unmap(0, PAGES);
	EXPECT_EQ(live, 0);
}

TEST(gaps_are_found_from_the_top)
{
	vma_cache_init();
	for (int i = 0; i < 20000; i++) {
		u64 from = 1 + random() % (PAGES - 2), len = 1 + random() % 12;
		u64 low = 1 + random() % 20, high = PAGES - random() % 50;

		if (random() & 1)
			map(from, from + 1, 1 + random() % 3);
		else
			unmap(from, from + 1);
		EXPECT_EQ(vma_gap_topdown(&mm, page(len), page(low), page(high)),
			  page(slow_gap(len, low, high)));
	}
	unmap(0, PAGES);
}
