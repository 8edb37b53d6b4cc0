/* SPDX-License-Identifier: MIT */
/*
 * Writing dirty pages of one mapping, waiting for them, and holding back writers.
 *
 * Who dirties pages pays for it: when more than DIRTY_PERCENT of what memory is
 * available is dirty or being written, balance_dirty_pages() makes the writer
 * write pages of the mapping it dirtied, and wait for them, until the count is
 * below the limit or the mapping has no dirty page left. A small machine thus
 * survives any amount of writing at the speed of its disk.
 *
 * Limit: there are no flusher threads here: what stays below the limit is
 * written by sync, fsync and the file system's own calls.
 */
#include <kernel/mm/pagecache.h>
#include <kernel/mm/counts.h>
#include <kernel/lock/rcu.h>

#define DIRTY_PERCENT	20	/* of available pages; as Linux's dirty_ratio */
#define THROTTLE_PAGES	256	/* written before the limit is looked at again */

/* The next page with the mark at or after *index, with a reference; NULL: none up to last. */
static struct page *next_marked(struct mapping *m, u64 *index, u64 last, enum xa_mark mark)
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

/* Unlocks the page. 0, also if there was nothing to write, or the file system's -errno. */
static int write_one(struct mapping *m, struct page *page, struct writeback_control *wbc)
{
	page_lock(page);
	if (wbc->sync)
		page_wait_writeback(page);
	if (page->mapping != m || page_test(page, PG_WRITEBACK) || !page_clear_dirty_for_io(page)) {
		page_unlock(page);
		return 0;
	}
	wbc->nr_to_write--;
	return m->ops->write_page(m, page, wbc);
}

static int write_range(struct mapping *m, struct writeback_control *wbc)
{
	u64 index = (u64)wbc->start >> PAGE_SHIFT, last = (u64)wbc->end >> PAGE_SHIFT;
	int first_err = 0;

	if (m->flags & MAPPING_NO_WRITEBACK)
		return 0;
	if (m->ops->write_pages)
		return m->ops->write_pages(m, wbc);
	for (; wbc->nr_to_write > 0; index++) {
		struct page *page = next_marked(m, &index, last, XA_DIRTY);
		int err;

		if (!page)
			break;
		err = write_one(m, page, wbc);
		page_put(page);
		if (err && !first_err)
			first_err = err;
	}
	if (first_err)
		mapping_set_error(m, first_err);
	return first_err;
}

int mapping_write_start(struct mapping *m, loff_t start, loff_t end)
{
	struct writeback_control wbc = { .start = start, .end = end, .nr_to_write = S64_MAX, .sync = true };

	return write_range(m, &wbc);
}

int mapping_write_wait(struct mapping *m, loff_t start, loff_t end)
{
	u64 index = (u64)start >> PAGE_SHIFT, last = (u64)end >> PAGE_SHIFT;
	int err = 0;

	for (;; index++) {
		struct page *page = next_marked(m, &index, last, XA_WRITEBACK);

		if (!page)
			return err;
		page_wait_writeback(page);
		if (page_test(page, PG_ERROR))
			err = -EIO;
		page_put(page);
	}
}

int mapping_write_and_wait(struct mapping *m, loff_t start, loff_t end)
{
	int err = mapping_write_start(m, start, end);
	int waited = mapping_write_wait(m, start, end);

	return err ? err : waited;
}

static bool too_much_dirty(void)
{
	u64 busy = mem_count_read(MEM_DIRTY) + mem_count_read(MEM_WRITEBACK);
	u64 available = page_free_count() + mem_count_read(MEM_FILE);

	return busy > available * DIRTY_PERCENT / 100;
}

void balance_dirty_pages(struct mapping *m)
{
	if (m->flags & MAPPING_NO_WRITEBACK)
		return;
	while (too_much_dirty() && atomic_read(&m->nr_dirty) > 0) {
		struct writeback_control wbc = { .end = S64_MAX, .nr_to_write = THROTTLE_PAGES };

		if (write_range(m, &wbc))
			return;
		mapping_write_wait(m, 0, S64_MAX);
	}
}
