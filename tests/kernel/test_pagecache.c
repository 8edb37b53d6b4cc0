/* SPDX-License-Identifier: MIT */
/* The page cache against reclaim on another CPU. */
#include <kernel/irq/irq.h>
#include <kernel/mm/pagecache.h>
#include <kernel/task/thread.h>
#include <kernel/test/ktest.h>
#include <kernel/time/hrtimer.h>

#define IN_THE_TREE_NS	(2 * NS_PER_MS)

static struct mapping mapping;
static bool inside, done;

/* As pagecache_evict() when the last page is out of the tree and the tree's nodes are not yet. */
static int take_last_page(void *unused)
{
	u64 flags = spin_lock_irqsave(&mapping.lock);
	ktime_t until = ktime_get() + IN_THE_TREE_NS;

	__atomic_store_n(&inside, true, __ATOMIC_RELEASE);
	while (ktime_get() < until)
		cpu_relax();
	__atomic_store_n(&done, true, __ATOMIC_RELEASE);
	spin_unlock_irqrestore(&mapping.lock, flags);
	return 0;
}

KTEST(pagecache, a_mapping_waits_for_who_takes_its_last_page)
{
	static const struct mapping_ops ops;
	static const loff_t size;

	mapping_init(&mapping, NULL, &size, &ops);
	EXPECT_TRUE(kthread_run(take_last_page, NULL, "evict") != NULL);
	while (!__atomic_load_n(&inside, __ATOMIC_ACQUIRE))
		thread_sleep_ns(NS_PER_MS / 10);
	mapping_destroy(&mapping);
	EXPECT_TRUE(__atomic_load_n(&done, __ATOMIC_ACQUIRE));
}
