/* SPDX-License-Identifier: MIT */
/*
 * Getting memory back.
 *
 * Who does it. kswapd, one thread, keeps every zone above its HIGH mark. A thread
 * that finds no page above MIN reclaims for itself (direct reclaim), in whatever
 * state it is: it may hold any sleeping lock. So direct reclaim waits for nothing
 * that a holder of locks could be late with: it takes locks by trying, frees clean
 * pages of files, and leaves the rest (dirty pages, dentries, inodes, slabs) to
 * the flusher and to kswapd, which hold nothing. Where it freed nothing but they
 * have work, it waits a moment for them.
 *
 * What goes. Pages of files, in the order of the lists of lru.c. For each page of
 * the cold end of INACTIVE:
 *
 *   used twice (PG_HOT), executed, or mapped and used again   to ACTIVE
 *   locked in memory by a VMA                                 to ACTIVE
 *   mapped and used (A in an entry) for the first time        once more round
 *   dirty or being written        round; PG_RECLAIM: its turn comes when it is written
 *   else                          unmapped everywhere, out of the cache, freed
 *
 * ACTIVE feeds INACTIVE when it is the larger, over all shards, and in the last round.
 * Reading a page's A bits clears them, without a flush: a CPU that still has the
 * translation will not set A again, which makes the page look colder than it is, and costs
 * at worst a minor fault.
 *
 * Rounds. Each round looks at a share of every list: 1/4096 first, then twice as
 * much, up to all of it. Caches of other parts (shrinkers) give the same share.
 *
 * Not here: anonymous memory and tmpfs, which have nowhere to go without swap;
 * writing (writeback.c); ending a process (kernel/proc/oom.c).
 */
#include <kernel/mm/reclaim.h>
#include <kernel/mm/counts.h>
#include <kernel/mm/lru.h>
#include <kernel/mm/mm.h>
#include <kernel/mm/pagecache.h>
#include <kernel/mm/rmap.h>
#include <kernel/mm/slab.h>
#include <kernel/mm/vmalloc.h>
#include <kernel/irq/irq.h>
#include <kernel/lock/wait.h>
#include <kernel/task/signal.h>
#include <kernel/task/thread.h>
#include <kernel/bug.h>
#include <arch/pgtable.h>

#define BATCH		32ul		/* pages isolated at a time; chosen */
#define FIRST_SHARE	12		/* the first round looks at 1/2^12 of a list */
/* for the flusher and kswapd, where nothing could be freed */
#define WAIT_MS		20ull
#define DROP_ROUNDS	4		/* over all caches, on request; chosen */
#define REST_MS		200ull		/* of kswapd, where it could free nothing */

/* What one run found. */
struct scan {
	u64 target, freed;
	u64 busy;			/* pages that are dirty or being written */
	bool demote;			/* active pages are looked at too */
};

static LIST_HEAD(shrinkers);
static DEFINE_SPINLOCK(shrinker_lock, RANK_LEAF);	/* for adding: nothing is ever taken out */
static struct wait_queue kswapd_wait = WAIT_QUEUE_INIT(kswapd_wait);
static bool kswapd_wanted;		/* set by any allocation, cleared by kswapd */

struct reclaim_stats reclaim_stats;
bool (*oom_kill_hook)(unsigned order, u32 gfp);

void shrinker_register(struct shrinker *s)
{
	spin_lock(&shrinker_lock);
	list_add_tail(&s->node, &shrinkers);
	spin_unlock(&shrinker_lock);
}

/* --- is it used? --- */

struct use {
	u32 young;			/* entries that had A */
	bool locked, executed;
};

static bool look_at_entry(struct vma *vma, uaddr_t addr, pte_t *ptep, void *arg)
{
	struct use *u = arg;

	if (vma->flags & VM_LOCKED)
		u->locked = true;
	if (pte_accessed(*ptep) && pte_present(*ptep)) {
		pte_clear_atomic(ptep, PTE_A);
		u->young++;
		u->executed |= (vma->flags & VM_EXEC) != 0;
	}
	return !u->locked;
}

enum verdict { KEEP, ACTIVATE, TAKE };

/* Page locked. */
static enum verdict judge(struct page *page)
{
	struct use u = { 0 };

	if (page_test(page, PG_HOT))
		return ACTIVATE;
	if (page->mapcount < 0)
		return TAKE;
	if (!rmap_try_walk(page, look_at_entry, &u))
		return KEEP;
	if (u.locked || u.executed)
		return ACTIVATE;
	if (!u.young)
		return TAKE;
	return page_test_and_set(page, PG_REFERENCED) ? ACTIVATE : KEEP;
}

/* --- taking --- */

static bool unmap_entry(struct vma *vma, uaddr_t addr, pte_t *ptep, void *arg)
{
	struct page *page = arg;

	if (vma->flags & VM_LOCKED)
		return false;
	pte_take(ptep);
	tlb_flush_page(vma->mm, addr);
	atomic_dec(&vma->mm->rss[MM_FILE]);
	page_unmap(page);
	page_put(page);
	return true;
}

/* Page locked and clean, so none of its entries is writable: nothing can be lost. */
static bool unmap_everywhere(struct page *page)
{
	if (page->mapcount >= 0 && !rmap_try_walk(page, unmap_entry, page))
		return false;
	return page->mapcount < 0;
}

/* Page locked; true: it is gone. */
static bool take(struct scan *s, struct page *page)
{
	if (page_test(page, PG_DIRTY) || page_test(page, PG_WRITEBACK)) {
		s->busy++;
		page_set(page, PG_RECLAIM);
		return false;
	}
	if (!page_test(page, PG_UPTODATE) && !page_test(page, PG_ERROR) &&
	    !page_test(page, PG_PRIVATE))
		return false;
	return unmap_everywhere(page) && pagecache_evict(page->mapping, page);
}

/* An isolated page: freed, or put back where it belongs. */
static void shrink_page(struct scan *s, struct page *page)
{
	enum lru_list to = LRU_INACTIVE;

	if (!page_trylock(page)) {
		lru_putback(page, to);
		return;
	}
	if (!page->mapping) {
		page_unlock(page);
		page_put(page);		/* truncated meanwhile: this frees it */
		return;
	}
	switch (judge(page)) {
	case TAKE:
		if (take(s, page)) {
			s->freed++;
			return;
		}
		break;
	case ACTIVATE:
		to = LRU_ACTIVE;
		page_clear(page, PG_HOT);
		page_clear(page, PG_REFERENCED);
		break;
	case KEEP:
		break;
	}
	page_unlock(page);
	lru_putback(page, to);
}

static void shrink_inactive(struct scan *s, u32 shard, u64 n)
{
	LIST_HEAD(pages);
	struct page *page, *next;
	u64 taken;

	lru_isolate(shard, LRU_INACTIVE, n, &pages, &taken);
	list_for_each_safe(page, next, &pages, lru)
		shrink_page(s, page);
}

/* Used again since it came to the active list: stays, unless it is only data that was mapped. */
static bool stays_active(struct page *page)
{
	struct use u = { 0 };
	bool hot = page_test(page, PG_HOT);

	if (!page_trylock(page))
		return true;
	if (page->mapping && page->mapcount >= 0 && !rmap_try_walk(page, look_at_entry, &u))
		hot = true;
	page_unlock(page);
	page_clear(page, PG_HOT);
	return hot || u.locked || u.executed;
}

static void shrink_active(u32 shard, u64 n)
{
	LIST_HEAD(pages);
	struct page *page, *next;
	u64 taken;

	lru_isolate(shard, LRU_ACTIVE, n, &pages, &taken);
	list_for_each_safe(page, next, &pages, lru)
		lru_putback(page, stays_active(page) ? LRU_ACTIVE : LRU_INACTIVE);
}

/* Look at 1/2^share of a shard's lists, in batches. */
static void shrink_shard(struct scan *s, u32 shard, unsigned share)
{
	u64 inactive = lru_size(shard, LRU_INACTIVE), active = lru_size(shard, LRU_ACTIVE);
	u64 todo = max(inactive >> share, min(inactive, BATCH));

	if (s->demote)
		for (u64 n = max(active >> share, BATCH); n; n -= min(n, BATCH))
			shrink_active(shard, min(n, BATCH));
	for (; todo && s->freed < s->target; todo -= min(todo, BATCH)) {
		shrink_inactive(s, shard, min(todo, BATCH));
		cond_resched();
	}
}

/* --- caches of other parts: kswapd, and who asks for it --- */

static u64 shrink_caches(unsigned share)
{
	struct shrinker *sh;
	u64 freed = 0;

	list_for_each_rcu(sh, &shrinkers, node) {
		u64 n = sh->count() >> share;

		if (n)
			(void)sh->scan(n);
	}
	/* Their objects make whole slabs free, these make pages. */
	freed = slab_shrink();
	vmalloc_purge();
	return freed + pgtable_shrink();
}

/*
 * What was used since the last look is spared once,
 * and the last name in a directory sets that free.
 */
void reclaim_drop_caches(void)
{
	for (u32 round = 0; round < DROP_ROUNDS && !signal_fatal_pending(current); round++) {
		(void)shrink_caches(0);
		cond_resched();
	}
}

static void shrink_once(struct scan *s, unsigned share, bool caches)
{
	/* Not shard by shard: what one CPU uses again and again must not go for what another streams. */
	s->demote = !share || mem_count_read(MEM_ACTIVE_FILE) > mem_count_read(MEM_INACTIVE_FILE);
	for (u32 shard = 0; shard < nr_cpus && s->freed < s->target; shard++)
		shrink_shard(s, shard, share);
	if (caches && (s->freed < s->target || share < FIRST_SHARE))
		s->freed += shrink_caches(share);
}

static void scan_until(struct scan *s, bool caches)
{
	for (int share = FIRST_SHARE; share >= 0 && s->freed < s->target; share--)
		shrink_once(s, share, caches);
}

/* --- direct reclaim --- */

static void wake_kswapd(void)
{
	if (READ_ONCE(kswapd_wanted))
		return;
	WRITE_ONCE(kswapd_wanted, true);
	wake_all(&kswapd_wait);
}

/* Progress of others counts as ours: who has to wait for a disk is not out of memory. */
static u64 reclaim_directly(unsigned order)
{
	struct scan s = { .target = max(BATCH, 1ul << order) };
	u64 before = page_free_count();

	if (current->exit_flags & THREAD_RECLAIM)
		return 0;
	__atomic_fetch_add(&reclaim_stats.direct, 1, __ATOMIC_RELAXED);
	current->exit_flags |= THREAD_RECLAIM;
	scan_until(&s, false);
	current->exit_flags &= ~THREAD_RECLAIM;
	__atomic_fetch_add(&reclaim_stats.freed, s.freed, __ATOMIC_RELAXED);
	if (s.freed)
		return s.freed;
	wake_kswapd();
	if (s.busy)
		writeback_wake_flusher();
	thread_sleep_ns(WAIT_MS * NS_PER_MS);
	if (s.busy && mem_count_read(MEM_DIRTY) + mem_count_read(MEM_WRITEBACK))
		return 1;
	return page_free_count() > before ? page_free_count() - before : 0;
}

static bool kill_somebody(unsigned order, u32 gfp)
{
	bool (*kill)(unsigned order, u32 gfp) = READ_ONCE(oom_kill_hook);

	return kill && kill(order, gfp);
}

/* --- background reclaim --- */

static int kswapd(void *unused)
{
	current->exit_flags |= THREAD_RECLAIM;
	for (;;) {
		struct scan s = { 0 };

		wait_event_idle(&kswapd_wait, READ_ONCE(kswapd_wanted));
		WRITE_ONCE(kswapd_wanted, false);
		/* Also without a shortage of pages: somebody may want a larger block. */
		s.target = max(page_shortage(), BATCH);
		scan_until(&s, true);
		__atomic_fetch_add(&reclaim_stats.freed, s.freed, __ATOMIC_RELAXED);
		if (s.busy)
			writeback_wake_flusher();
		if (!page_shortage())
			continue;
		if (s.freed < BATCH)
			thread_sleep_ns(REST_MS * NS_PER_MS);
		else
			WRITE_ONCE(kswapd_wanted, true);
	}
	return 0;
}

void reclaim_init(void)
{
	static const struct reclaim_ops ops = {
		.reclaim = reclaim_directly, .wake = wake_kswapd, .kill = kill_somebody,
	};

	BUG_ON(!kthread_run(kswapd, NULL, "kswapd0"));
	reclaim_ops = &ops;
}
