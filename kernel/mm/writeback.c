/* SPDX-License-Identifier: MIT */
/*
 * Writing dirty pages: of one mapping, by the flusher, and by who made too many.
 *
 * How much may be dirty is a share of the memory that could be: free pages and
 * pages of files. Above the background limit the flusher writes until it is met;
 * above the hard limit a writer writes pages of the mapping it dirtied, and waits
 * for them, until the count is below. A small machine thus survives any amount of
 * writing at the speed of its disk. Writers look at the counts once in a number of
 * pages, so that a write costs no more than a counter of its CPU.
 *
 * The flusher is one thread. It does not know what is dirty: sources do (the
 * inodes of file systems, block devices), which register a function. Every
 * PERIOD it writes what has been dirty for EXPIRE; when woken, as much as it takes.
 *
 * Invariants:
 *  (1) The flusher holds no lock when it calls a source, and may use the reserve of
 *      memory (THREAD_RECLAIM): writing is how memory comes free.
 *  (2) Who waits for the hard limit waits a bounded time at once, and looks again.
 */
#include <kernel/mm/pagecache.h>
#include <kernel/mm/writeback.h>
#include <kernel/mm/counts.h>
#include <kernel/irq/irq.h>
#include <kernel/lock/rcu.h>
#include <kernel/lock/wait.h>
#include <kernel/percpu.h>
#include <kernel/task/thread.h>
#include <kernel/time/hrtimer.h>
#include <kernel/bug.h>

/* Per cent of available pages, ages in centiseconds: vm.dirty_*, with Linux's defaults. */
u32 vm_dirty_ratio = 20, vm_dirty_background_ratio = 10;
u32 vm_dirty_expire_cs = 3000, vm_dirty_writeback_cs = 500;

#define THROTTLE_PAGES	256	/* written before the limit is looked at again */
#define FLUSH_PAGES	1024	/* the flusher's step */
#define CHECK_PAGES	32	/* dirtied on one CPU between two looks at the counts, at most */
#define PAUSE_NS	(100 * NS_PER_MS)

/* since the last look; a hint, so preemption does not matter */
static DEFINE_PERCPU(u32, dirtied);
static struct wait_queue flusher_wait = WAIT_QUEUE_INIT(flusher_wait);
/* writers above the hard limit */
static struct wait_queue throttled = WAIT_QUEUE_INIT(throttled);
static bool flush_wanted;
static LIST_HEAD(sources);
static DEFINE_SPINLOCK(sources_lock, RANK_LEAF);	/* for adding: nothing is ever taken out */

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

	/* Without ops nothing is cached here: a directory, whose blocks are the device's. */
	if ((m->flags & MAPPING_NO_WRITEBACK) || !m->ops)
		return 0;
	if (m->ops->write_pages)
		return m->ops->write_pages(m, wbc);
	for (; wbc->nr_to_write > 0; index++) {
		struct page *page = pagecache_next(m, &index, last, XA_DIRTY);
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

s64 mapping_write_some(struct mapping *m, s64 nr)
{
	struct writeback_control wbc = { .end = S64_MAX, .nr_to_write = nr };

	(void)write_range(m, &wbc);
	return nr - wbc.nr_to_write;
}

int mapping_write_wait(struct mapping *m, loff_t start, loff_t end)
{
	u64 index = (u64)start >> PAGE_SHIFT, last = (u64)end >> PAGE_SHIFT;
	int err = 0;

	for (;; index++) {
		struct page *page = pagecache_next(m, &index, last, XA_WRITEBACK);

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

/* --- limits --- */

static u64 dirty_now(void)
{
	return mem_count_read(MEM_DIRTY) + mem_count_read(MEM_WRITEBACK);
}

static u64 dirty_limit(u32 percent)
{
	u64 available = page_free_count() + mem_count_read(MEM_ACTIVE_FILE) +
			mem_count_read(MEM_INACTIVE_FILE);

	return available * percent / 100;
}

static bool above(u32 percent)
{
	return dirty_now() > dirty_limit(percent);
}

void writeback_page_done(void)
{
	if (wait_queue_active(&throttled) && !above(READ_ONCE(vm_dirty_ratio)))
		wake_queue(&throttled, 0, 0);
}

/* Above the hard limit: write, and wait. */
static void throttle(struct mapping *m)
{
	while (above(READ_ONCE(vm_dirty_ratio)) && !wait_signal_check(TASK_KILLABLE)) {
		struct writeback_control wbc = { .end = S64_MAX, .nr_to_write = THROTTLE_PAGES };

		if (atomic_read(&m->nr_dirty) > 0)
			(void)write_range(m, &wbc);
		writeback_wake_flusher();
		(void)wait_event_timeout(&throttled, !above(READ_ONCE(vm_dirty_ratio)), PAUSE_NS);
	}
}

static __noinline void look_at_counts(struct mapping *m)
{
	u64 dirty = dirty_now();

	if (dirty <= dirty_limit(READ_ONCE(vm_dirty_background_ratio)))
		return;
	writeback_wake_flusher();
	throttle(m);
}

void balance_dirty_pages(struct mapping *m)
{
	if (m->flags & MAPPING_NO_WRITEBACK)
		return;
	if (likely(++this_cpu(dirtied) < CHECK_PAGES))
		return;
	this_cpu(dirtied) = 0;
	look_at_counts(m);
}

/* --- the flusher --- */

void flush_source_register(struct flush_source *s)
{
	spin_lock(&sources_lock);
	list_add_tail(&s->node, &sources);
	spin_unlock(&sources_lock);
}

void writeback_wake_flusher(void)
{
	if (READ_ONCE(flush_wanted))
		return;
	WRITE_ONCE(flush_wanted, true);
	wake_all(&flusher_wait);
}

static void flush_all(struct flush_work *w)
{
	struct flush_source *s;

	list_for_each_rcu(s, &sources, node)
		s->flush(w);
}

void writeback_sync_all(bool wait)
{
	struct flush_work w = { .dirty_before_ns = S64_MAX, .nr_to_write = S64_MAX, .wait = wait };

	flush_all(&w);
}

/* Write until the background limit is met; what is dirty may be out of reach for the moment. */
static void flush_to_limit(void)
{
	while (above(READ_ONCE(vm_dirty_background_ratio))) {
		struct flush_work w = { .dirty_before_ns = S64_MAX, .nr_to_write = FLUSH_PAGES };

		flush_all(&w);
		if (w.nr_to_write == FLUSH_PAGES)
			break;
		(void)wait_event_timeout(&throttled, mem_count_read(MEM_WRITEBACK) < FLUSH_PAGES,
					 PAUSE_NS);
	}
}

/* Reclaim met dirty pages at the cold end: write some although the limit is met. */
static void flush_some(void)
{
	struct flush_work w = { .dirty_before_ns = S64_MAX, .nr_to_write = FLUSH_PAGES };

	flush_all(&w);
}

static void flush_old(void)
{
	u64 age = READ_ONCE(vm_dirty_expire_cs) * 10 * NS_PER_MS, now = ktime_get();
	struct flush_work w = { .dirty_before_ns = now > age ? now - age : 0, .nr_to_write = S64_MAX };

	if (mem_count_read(MEM_DIRTY))
		flush_all(&w);
}

static int flusher(void *unused)
{
	current->exit_flags |= THREAD_RECLAIM;
	for (;;) {
		u64 period = READ_ONCE(vm_dirty_writeback_cs) * 10 * NS_PER_MS;

		wait_event_idle_timeout(&flusher_wait, READ_ONCE(flush_wanted),
					period ? period : TIMEOUT_NEVER);
		if (READ_ONCE(flush_wanted)) {
			flush_to_limit();
			flush_some();
			WRITE_ONCE(flush_wanted, false);
		}
		flush_old();
	}
	return 0;
}

void __init writeback_init(void)
{
	BUG_ON(!kthread_run(flusher, NULL, "flush"));
}
