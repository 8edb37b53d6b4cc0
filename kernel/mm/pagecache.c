/* SPDX-License-Identifier: MIT */
/*
 * The page cache: file contents in memory, one struct page per (mapping, index).
 *
 *              pagecache_get_locked    page_read_done(0)     page_set_dirty
 *   (absent) ------------------> NEW ------------------> CLEAN ----------> DIRTY
 *                                 |  page_read_done(err)   ^                 |
 *                                 page_clear_dirty_for_io v                        |
 *                                 page_write_done v page_start_writeback
 *                               ERROR                      +------------- WRITING --> DIRTY
 *                               (written again)
 *
 *   NEW      locked, contents undefined; others wait for the lock
 *   CLEAN    PG_UPTODATE: equals the disk
 *   DIRTY    PG_DIRTY and XA_DIRTY: newer than the disk
 *   WRITING  PG_WRITEBACK and XA_WRITEBACK: the device may read it; it stays in the cache
 *   ERROR    PG_ERROR, not up to date: the next reader reads it again
 *
 * Lookups take no lock: in an RCU section, load the pointer, take a reference
 * unless the page is being freed, and check that the tree still has it there.
 *
 * Invariants:
 *  (1) A page is in the tree at (mapping, index) if and only if page->mapping and
 *      page->index say so; the tree owns one reference. Both change with
 *      mapping->lock held and the page locked.
 *  (2) PG_DIRTY and the XA_DIRTY mark change under mapping->lock. A dirty page has the
 *      mark, and keeps it until it is WRITING: who looks for what must be written and
 *      waits for what is being written misses no page on its way between the two.
 *  (3) A page with PG_WRITEBACK is not removed from the tree.
 */
#include <kernel/mm/pagecache.h>
#include <kernel/mm/counts.h>
#include <kernel/mm/lru.h>
#include <kernel/mm/mm.h>
#include <kernel/mm/rmap.h>
#include <kernel/mm/vm_file.h>
#include <kernel/mm/writeback.h>
#include <kernel/lib/string.h>
#include <kernel/lock/rcu.h>
#include <kernel/time/hrtimer.h>
#include <arch/pgtable.h>

void mapping_init(struct mapping *m, struct inode *host, const loff_t *size,
		  const struct mapping_ops *ops)
{
	spin_lock_init(&m->lock, RANK_MAPPING);
	xa_init(&m->pages);
	m->nr_pages = 0;
	atomic_set(&m->nr_dirty, 0);
	m->ops = ops;
	m->host = host;
	m->size = size;
	m->gfp = GFP_USER;
	m->flags = 0;
	m->wb_err = 0;
	rwsem_init(&m->i_mmap_lock, RANK_I_MMAP);
	list_init(&m->i_mmap);
	atomic_set(&m->nr_writable_maps, 0);
	m->private = NULL;
}

/* --- finding and adding --- */

struct page *pagecache_find(struct mapping *m, u64 index)
{
	struct page *page;

	rcu_read_lock();
	for (;;) {
		page = xa_load(&m->pages, index);
		if (!page || xa_is_value(page)) {
			page = NULL;
			break;
		}
		if (!page_get_not_zero(page))
			continue;
		if (likely(page_is_at(page, m, index)))
			break;
		/* Freed and used anew before we had the reference. */
		page_put(page);
	}
	rcu_read_unlock();
	return page;
}

struct page *pagecache_next(struct mapping *m, u64 *index, u64 last, enum xa_mark mark)
{
	for (;; (*index)++) {
		struct page *page;

		rcu_read_lock();
		page = *index <= last ? xa_find_marked(&m->pages, index, last, mark) : NULL;
		rcu_read_unlock();
		if (!page)
			return NULL;
		page = pagecache_find(m, *index);
		if (page)
			return page;
	}
}

/* The lock is a spinlock, so that memory for the tree is not waited for: -ENOMEM. */
static int add_to_tree(struct mapping *m, struct page *page, u64 index)
{
	u64 flags;
	int err = -EEXIST;

	flags = spin_lock_irqsave(&m->lock);
	if (!xa_load(&m->pages, index)) {
		/*
		 * First, and in this order: who finds the page compares them with what it
		 * looked for. It may still have it from its last place in this mapping.
		 */
		page->index = index;
		__atomic_store_n(&page->mapping, m, __ATOMIC_RELEASE);	/* pairs with page_is_at() */
		page_get(page);
		err = xa_store(&m->pages, index, page, NULL, GFP_NOWARN);
		if (!err) {
			m->nr_pages++;
		} else {
			page->mapping = NULL;
			page_put(page);
		}
	}
	spin_unlock_irqrestore(&m->lock, flags);
	return err;
}

int pagecache_add(struct mapping *m, struct page *page, u64 index, u32 gfp)
{
	int err;

	do {
		err = add_to_tree(m, page, index);
	} while (unlikely(err == -ENOMEM) && (gfp & GFP_WAIT) && xa_make_room(gfp));
	if (err)
		return err;
	mem_count_add(MEM_FILE, 1);
	if (m->flags & MAPPING_NO_WRITEBACK)
		mem_count_add(MEM_SHMEM, 1);	/* nowhere to go: not on the reclaim lists */
	else
		lru_add(page);
	return 0;
}

struct page *pagecache_get_locked(struct mapping *m, u64 index, u32 gfp)
{
	struct page *page;
	int err;

	for (;;) {
		page = pagecache_find(m, index);
		if (page) {
			page_lock(page);
			if (likely(page->mapping == m && page->index == index))
				return page;
			page_unlock(page);
			page_put(page);
			continue;
		}
		page = page_alloc(gfp);
		if (!page)
			return NULL;
		page_set(page, PG_LOCKED);
		err = pagecache_add(m, page, index, gfp);
		if (!err)
			return page;
		page_clear(page, PG_LOCKED);
		page_put(page);
		if (err != -EEXIST)
			return NULL;
	}
}

/* mapping->lock held: after it is dropped the mapping may be gone (mapping_destroy()). */
static void uncount_page(struct mapping *m, bool dirty)
{
	if (m->flags & MAPPING_NO_WRITEBACK)
		mem_count_add(MEM_SHMEM, -1);
	else if (dirty) {
		atomic_dec(&m->nr_dirty);
		mem_count_add(MEM_DIRTY, -1);
	}
	mem_count_add(MEM_FILE, -1);
}

/* Page locked, not under writeback, not mapped: out of the tree, with the tree's reference. */
static void remove_locked(struct mapping *m, struct page *page)
{
	bool dirty;
	u64 flags;

	flags = spin_lock_irqsave(&m->lock);
	xa_erase(&m->pages, page->index);
	WRITE_ONCE(page->mapping, NULL);
	m->nr_pages--;
	dirty = page_test_and_clear(page, PG_DIRTY);
	if (dirty && m->blocks)
		*m->blocks -= PAGE_SIZE / 512;
	uncount_page(m, dirty);
	spin_unlock_irqrestore(&m->lock, flags);
	page_put(page);
}

/*
 * The caller's reference and the tree's are the only ones: taken away together,
 * so that no lookup can find the page any more but by waiting. Who has a reference
 * may be about to dirty the page; then it stays.
 */
bool pagecache_evict(struct mapping *m, struct page *page)
{
	u32 refs = 2;
	u64 flags;
	bool gone;

	if (page_test(page, PG_WRITEBACK) || page->mapcount >= 0)
		return false;
	flags = spin_lock_irqsave(&m->lock);
	gone = __atomic_compare_exchange_n(&page->refs, &refs, 0, false, __ATOMIC_ACQ_REL,
					   __ATOMIC_RELAXED);
	/* Nobody has the page now, so nothing of it can change. */
	if (gone &&
	    (page_test(page, PG_DIRTY) || (m->ops->release_page && !m->ops->release_page(page)))) {
		smp_store_release(&page->refs, 2);
		gone = false;
	}
	if (gone) {
		xa_erase(&m->pages, page->index);
		WRITE_ONCE(page->mapping, NULL);
		m->nr_pages--;
		uncount_page(m, false);
	}
	spin_unlock_irqrestore(&m->lock, flags);
	if (!gone)
		return false;
	page_unlock(page);
	page_free_last(page);
	return true;
}

/* --- reading --- */

void page_read_done(struct page *page, int err)
{
	if (err) {
		page_set(page, PG_ERROR);
	} else {
		page_clear(page, PG_ERROR);
		/* The contents before the flag: pairs with readers' test of PG_UPTODATE. */
		page_test_and_set(page, PG_UPTODATE);
	}
	page_unlock(page);
}

struct page *pagecache_read(struct mapping *m, u64 index, int *err)
{
	struct page *page;

	*err = -ENOMEM;
	for (;;) {
		page = pagecache_find(m, index);
		if (page && likely(page_test(page, PG_UPTODATE)))
			return page;
		if (page)
			page_put(page);
		page = pagecache_get_locked(m, index, m->gfp);
		if (!page)
			return NULL;
		if (page_test(page, PG_UPTODATE)) {
			page_unlock(page);
			return page;
		}
		*err = m->ops->read_page(m, page);
		if (!*err)
			*err = page_lock_killable(page);
		if (*err)
			break;
		page_unlock(page);
		if (page_test(page, PG_UPTODATE))
			return page;
		if (page_test(page, PG_ERROR)) {
			*err = -EIO;
			break;
		}
		/* Truncated meanwhile: look again. */
		page_put(page);
	}
	page_put(page);
	return NULL;
}

#define RA_BATCH	32

/* New pages for up to nr indices from index on, locked; how many before one is there already. */
static u32 add_new_pages(struct mapping *m, u64 index, u32 nr, struct page **batch)
{
	u32 gfp = m->gfp | GFP_NORETRY | GFP_NOWARN, got;

	for (got = 0; got < nr; got++) {
		struct page *page = page_alloc(gfp);

		if (!page)
			break;
		page_set(page, PG_LOCKED);
		if (pagecache_add(m, page, index + got, gfp)) {
			page_clear(page, PG_LOCKED);
			page_put(page);
			break;
		}
		batch[got] = page;
	}
	return got;
}

u32 mapping_read_new(struct mapping *m, u64 index, u64 nr)
{
	struct page *batch[RA_BATCH];
	u32 got = add_new_pages(m, index, (u32)min_t(u64, nr, RA_BATCH), batch);

	if (got && m->ops->read_ahead)
		m->ops->read_ahead(m, batch, got);
	else
		for (u32 i = 0; i < got; i++)
			(void)!m->ops->read_page(m, batch[i]);
	for (u32 i = 0; i < got; i++)
		page_put(batch[i]);
	return got;
}

void mapping_read_ahead(struct mapping *m, u64 index, u64 nr)
{
	u64 end = min(index + nr, DIV_ROUND_UP((u64)mapping_size(m), PAGE_SIZE));

	/* Nothing is elsewhere that could be read ahead. */
	if (m->flags & MAPPING_NO_WRITEBACK)
		return;
	while (index < end)
		index += mapping_read_new(m, index, end - index) + 1;
}

/* --- dirty pages --- */

bool page_set_dirty(struct page *page)
{
	struct mapping *m = page->mapping;
	bool was_clean;
	u64 flags;

	if (page_test(page, PG_DIRTY) || !m)
		return false;
	flags = spin_lock_irqsave(&m->lock);
	was_clean = page->mapping == m && !page_test_and_set(page, PG_DIRTY);
	if (was_clean)
		xa_set_mark(&m->pages, page->index, XA_DIRTY);
	if (was_clean && m->blocks)
		*m->blocks += PAGE_SIZE / 512;
	spin_unlock_irqrestore(&m->lock, flags);
	if (!was_clean || (m->flags & MAPPING_NO_WRITEBACK))
		return was_clean;
	if (atomic_add_return(&m->nr_dirty, 1) == 1)
		m->dirty_since_ns = ktime_get();
	mem_count_add(MEM_DIRTY, 1);
	if (m->host)
		inode_mark_dirty(m->host, INODE_PAGES_DIRTY);
	return true;
}

static bool write_protect(struct vma *vma, uaddr_t addr, pte_t *ptep, void *arg)
{
	if (pte_writable(*ptep)) {
		pte_clear_atomic(ptep, PTE_W | PTE_D);
		tlb_flush_page(vma->mm, addr);
	}
	return true;
}

/* After this a write through a mapping faults and marks the page again (fault.c, invariant 2). */
bool page_clear_dirty_for_io(struct page *page)
{
	struct mapping *m = page->mapping;
	bool was_dirty;
	u64 flags;

	if (!page_test(page, PG_DIRTY))
		return false;
	if (page->mapcount >= 0)
		rmap_walk(page, write_protect, NULL);
	flags = spin_lock_irqsave(&m->lock);
	was_dirty = page_test_and_clear(page, PG_DIRTY);
	spin_unlock_irqrestore(&m->lock, flags);
	if (was_dirty && !(m->flags & MAPPING_NO_WRITEBACK)) {
		atomic_dec(&m->nr_dirty);
		mem_count_add(MEM_DIRTY, -1);
	}
	return was_dirty;
}

void page_start_writeback(struct page *page)
{
	struct mapping *m = page->mapping;
	u64 flags;

	page_get(page);
	flags = spin_lock_irqsave(&m->lock);
	page_set(page, PG_WRITEBACK);
	xa_set_mark(&m->pages, page->index, XA_WRITEBACK);
	if (!page_test(page, PG_DIRTY))
		xa_clear_mark(&m->pages, page->index, XA_DIRTY);
	spin_unlock_irqrestore(&m->lock, flags);
	mem_count_add(MEM_WRITEBACK, 1);
}

void page_write_done(struct page *page, int err)
{
	struct mapping *m = page->mapping;
	u64 flags;

	if (err) {
		page_set(page, PG_ERROR);
		mapping_set_error(m, err);
	}
	flags = spin_lock_irqsave(&m->lock);
	xa_clear_mark(&m->pages, page->index, XA_WRITEBACK);
	spin_unlock_irqrestore(&m->lock, flags);
	if (page_test_and_clear(page, PG_RECLAIM))
		lru_rotate(page);
	page_end_writeback(page);
	writeback_page_done();
	page_put(page);
}

/* --- write errors: each open file hears of an error once --- */

/* wb_err: errno in the low 12 bits, bit 12: somebody has seen it, a counter above. */
#define ERR_MASK	0xfffu
#define ERR_SEEN	BIT(12)
#define ERR_STEP	0x2000u

void mapping_set_error(struct mapping *m, int err)
{
	u32 old = __atomic_load_n(&m->wb_err, __ATOMIC_RELAXED), new;

	do {
		new = (old & ~(ERR_MASK | ERR_SEEN)) | (u32)-err;
		if (old & ERR_SEEN)
			new += ERR_STEP;
	} while (!__atomic_compare_exchange_n(&m->wb_err, &old, new, true,
					      __ATOMIC_RELEASE, __ATOMIC_RELAXED));
}

/* What a newly opened file has heard: an error that nobody has seen is still news to it. */
u32 mapping_error_sample(const struct mapping *m)
{
	u32 now = __atomic_load_n(&m->wb_err, __ATOMIC_ACQUIRE);

	return now & ERR_SEEN ? now : 0;
}

int mapping_check_error(struct mapping *m, u32 *seen)
{
	u32 now = __atomic_load_n(&m->wb_err, __ATOMIC_ACQUIRE);

	if (likely(now == *seen || !(now & ERR_MASK)))
		return 0;
	if (!(now & ERR_SEEN))
		now = __atomic_or_fetch(&m->wb_err, ERR_SEEN, __ATOMIC_ACQ_REL);
	*seen = now;
	return -(int)(now & ERR_MASK);
}

/* --- cutting --- */

void pagecache_remove(struct mapping *m, struct page *page)
{
	remove_locked(m, page);
}

static void drop_page(struct mapping *m, struct page *page)
{
	page_lock(page);
	page_wait_writeback(page);
	if (page->mapping == m) {
		if (m->ops->invalidate_page)
			m->ops->invalidate_page(page, 0, PAGE_SIZE);
		remove_locked(m, page);
	}
	page_unlock(page);
}

static void drop_pages(struct mapping *m, u64 index, u64 last)
{
	struct page *page;

	for (; (page = pagecache_next(m, &index, last, XA_PRESENT)); index++) {
		drop_page(m, page);
		page_put(page);
	}
}

static void zero_part(struct mapping *m, u64 index, u32 from, u32 to)
{
	struct page *page = pagecache_find(m, index);

	if (!page)
		return;
	page_lock(page);
	page_wait_writeback(page);
	if (page->mapping == m) {
		memset((char *)page_address(page) + from, 0, to - from);
		if (m->ops->invalidate_page)
			m->ops->invalidate_page(page, from, to);
	}
	page_unlock(page);
	page_put(page);
}

/*
 * Entries to pages that are gone already could come
 * only before the second pass (fault.c, invariant 3).
 */
static void drop_and_unmap(struct mapping *m, u64 first, u64 last)
{
	if (first > last)
		return;
	mapping_unmap(m, first, last, true);
	drop_pages(m, first, last);
	mapping_unmap(m, first, last, true);
}

void mapping_truncate(struct mapping *m, loff_t size)
{
	u32 tail = size & ~PAGE_MASK;

	if (tail)
		zero_part(m, size >> PAGE_SHIFT, tail, PAGE_SIZE);
	drop_and_unmap(m, DIV_ROUND_UP((u64)size, PAGE_SIZE), U64_MAX >> PAGE_SHIFT);
}

void mapping_truncate_range(struct mapping *m, loff_t start, loff_t end)
{
	u64 first = DIV_ROUND_UP((u64)start, PAGE_SIZE), after = (u64)end >> PAGE_SHIFT;

	if (first > after) {
		zero_part(m, after, start & ~PAGE_MASK, end & ~PAGE_MASK);
	} else {
		if (start & ~PAGE_MASK)
			zero_part(m, first - 1, start & ~PAGE_MASK, PAGE_SIZE);
		if (end & ~PAGE_MASK)
			zero_part(m, after, 0, end & ~PAGE_MASK);
		if (after)
			drop_and_unmap(m, first, after - 1);
	}
}

/* Out if it is clean and nobody uses it. Takes over the reference. */
static bool invalidate_one(struct mapping *m, struct page *page)
{
	if (page_trylock(page)) {
		if (page->mapping == m && pagecache_evict(m, page))
			return true;
		page_unlock(page);
	}
	page_put(page);
	return false;
}

int mapping_invalidate(struct mapping *m, loff_t start, loff_t end)
{
	u64 index = (u64)start >> PAGE_SHIFT, last = (u64)end >> PAGE_SHIFT;
	struct page *page;
	int err = 0;

	for (; (page = pagecache_next(m, &index, last, XA_PRESENT)); index++)
		if (!invalidate_one(m, page))
			err = -EBUSY;
	return err;
}

void mapping_destroy(struct mapping *m)
{
	u64 flags;

	drop_pages(m, 0, U64_MAX >> PAGE_SHIFT);
	/* Reclaim may have the last page out of the tree and be at work in it still. */
	flags = spin_lock_irqsave(&m->lock);
	spin_unlock_irqrestore(&m->lock, flags);
	xa_destroy(&m->pages);
}
