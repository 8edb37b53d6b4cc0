/* SPDX-License-Identifier: MIT */
/*
 * The page lock and the wait for writeback: sleeping on bits of page->flags.
 *
 * A page has no room for a wait queue, so pages share a table of them, by hash.
 * PG_WAITERS says that somebody may sleep: who clears the bit that is waited for
 * looks at it, and without waiters touches nothing else. A waiter queues itself,
 * sets PG_WAITERS and then tests the bit; the waker clears the bit with full
 * order and then tests PG_WAITERS: one of them sees the other. The mark stays
 * until a wake-up, which clears it before it wakes; who goes on waiting sets it again.
 */
#include <kernel/mm/page.h>
#include <kernel/mm/counts.h>
#include <kernel/lock/wait.h>
#include <kernel/errno.h>

#define PAGE_QUEUES	64

static struct wait_queue queues[PAGE_QUEUES];

void page_wait_init(void)
{
	for (unsigned i = 0; i < PAGE_QUEUES; i++)
		wait_queue_init(&queues[i]);
}

static struct wait_queue *queue_of(const struct page *p)
{
	u64 n = (u64)(p - vmemmap);

	return &queues[(n ^ n >> 6) % PAGE_QUEUES];
}

static void wake_waiters(struct page *p)
{
	page_test_and_clear(p, PG_WAITERS);
	wake_queue(queue_of(p), 0, 0);
}

/* True once the lock is ours. Marks the page, so that the unlock wakes us. */
static bool lock_or_mark(struct page *p)
{
	page_test_and_set(p, PG_WAITERS);
	return !page_test_and_set(p, PG_LOCKED);
}

static bool written_or_mark(struct page *p)
{
	page_test_and_set(p, PG_WAITERS);
	return !page_test(p, PG_WRITEBACK);
}

bool page_trylock(struct page *p)
{
	return !page_test_and_set(p, PG_LOCKED);
}

void page_lock(struct page *p)
{
	might_sleep();
	if (page_trylock(p))
		return;
	sched_iowait_begin();
	wait_event(queue_of(p), lock_or_mark(p));
	sched_iowait_end();
}

int page_lock_killable(struct page *p)
{
	int err = 0;

	might_sleep();
	if (page_trylock(p))
		return 0;
	sched_iowait_begin();
	if (wait_event_killable(queue_of(p), lock_or_mark(p)))
		err = -EINTR;
	sched_iowait_end();
	return err;
}

void page_unlock(struct page *p)
{
	u64 old = __atomic_fetch_and(&p->flags, ~BIT(PG_LOCKED), __ATOMIC_SEQ_CST);

	if (unlikely(old & BIT(PG_WAITERS)))
		wake_waiters(p);
}

void page_wait_writeback(struct page *p)
{
	if (!page_test(p, PG_WRITEBACK))
		return;
	sched_iowait_begin();
	wait_event(queue_of(p), written_or_mark(p));
	sched_iowait_end();
}

void page_end_writeback(struct page *p)
{
	u64 old = __atomic_fetch_and(&p->flags, ~BIT(PG_WRITEBACK), __ATOMIC_SEQ_CST);

	mem_count_add(MEM_WRITEBACK, -1);
	if (unlikely(old & BIT(PG_WAITERS)))
		wake_waiters(p);
}
