/* SPDX-License-Identifier: MIT */
/*
 * Dirty inodes of every superblock, as a source for the flusher and for sync(2).
 *
 * A superblock's list holds its dirty inodes, the oldest at the head. Who writes an
 * inode takes it off the list and clears its state first, then writes pages, then
 * attributes: what gets dirty meanwhile puts it back at the tail. An inode with
 * pages left over goes back with its old time.
 *
 * Meanwhile it is on no list, and when its writer is done its pages may still be on their way.
 * So who syncs waits afterwards for every inode that another has in hand (INODE_STATE_SYNC) and for
 * every page under writeback. An inode that is being evicted writes itself, and is not waited for.
 */
#include <fs/vfs.h>
#include <kernel/bug.h>
#include <kernel/lock/wait.h>
#include <kernel/mm/pagecache.h>
#include <kernel/mm/writeback.h>
#include <kernel/sched/sched.h>
#include <kernel/time/hrtimer.h>

#define DIRTY_BITS	(INODE_STATE_DIRTY | INODE_STATE_DIRTY_DATA | INODE_STATE_DIRTY_PAGES)

/*
 * The oldest inode that became dirty before the time,
 * with a reference, off the list; *what it had. NULL.
 */
static struct inode *take_oldest(struct superblock *sb, ktime_t before, u32 *what)
{
	struct inode *inode, *found = NULL;

	spin_lock(&sb->lock);
	list_for_each(inode, &sb->dirty_inodes, dirty_node) {
		if (inode->dirtied_when_ns >= before)
			break;
		/* One that is being evicted writes itself. */
		if (!refcount_inc_not_zero(&inode->refs))
			continue;
		found = inode;
		list_del(&inode->dirty_node);
		break;
	}
	spin_unlock(&sb->lock);
	if (!found)
		return NULL;
	spin_lock(&found->lock);
	*what = found->state & DIRTY_BITS;
	/*
	 * SYNC until its attributes are where the file system's
	 * sync finds them: fdatasync must not overtake.
	 */
	__atomic_fetch_or(&found->state, INODE_STATE_SYNC, __ATOMIC_RELAXED);
	__atomic_fetch_and(&found->state, ~(u32)DIRTY_BITS, __ATOMIC_RELAXED);
	spin_unlock(&found->lock);
	return found;
}

static struct wait_queue in_hand = WAIT_QUEUE_INIT(in_hand);	/* an inode's SYNC is taken back */

static bool is_in_hand(const struct inode *inode)
{
	return __atomic_load_n(&inode->state, __ATOMIC_ACQUIRE) & INODE_STATE_SYNC;
}

static void put_back(struct inode *inode, u32 what, ktime_t since)
{
	inode_mark_dirty(inode, what);
	inode->dirtied_when_ns = since;
}

/* What could not be written counts as dirtied at next: this run does not meet it again. */
static void write_inode(struct inode *inode, u32 what, struct flush_work *w, ktime_t next)
{
	ktime_t since = inode->dirtied_when_ns;
	struct superblock *sb = inode->sb;

	if (what & INODE_STATE_DIRTY_PAGES)
		w->nr_to_write -= mapping_write_some(inode->mapping, w->nr_to_write);
	if (w->wait)
		(void)mapping_write_wait(inode->mapping, 0, S64_MAX);
	if ((what & (INODE_STATE_DIRTY | INODE_STATE_DIRTY_DATA)) && sb->ops->inode_write &&
	    sb->ops->inode_write(inode, false))
		put_back(inode, what, next);
	__atomic_fetch_and(&inode->state, ~(u32)INODE_STATE_SYNC, __ATOMIC_SEQ_CST);
	if (wait_queue_active(&in_hand))
		wake_all(&in_hand);
	if (atomic_read(&inode->mapping->nr_dirty) > 0)
		put_back(inode, INODE_STATE_DIRTY_PAGES, w->nr_to_write > 0 ? next : since);
}

/* Inodes that get dirty while it runs are left for the next time: it ends. */
void superblock_write_inodes(struct superblock *sb, struct flush_work *w)
{
	ktime_t before = min_t(u64, w->dirty_before_ns, ktime_get() + 1);
	struct inode *inode;
	u32 what;

	while (w->nr_to_write > 0 && (inode = take_oldest(sb, before, &what))) {
		write_inode(inode, what, w, before);
		inode_put(inode);
		cond_resched();
	}
}

/*
 * The next inode that somebody writes, or whose pages
 * are on their way, with a reference; prev's is put.
 */
static struct inode *next_in_flight(struct superblock *sb, struct inode *prev)
{
	struct inode *inode, *found = NULL;

	spin_lock(&sb->lock);
	inode = prev ? list_next(prev, sb_node) : list_first(&sb->inodes, struct inode, sb_node);
	for (; &inode->sb_node != &sb->inodes && !found; inode = list_next(inode, sb_node))
		if (inode->mapping &&
		    (is_in_hand(inode) || xa_marked(&inode->mapping->pages, XA_WRITEBACK)) &&
		    refcount_inc_not_zero(&inode->refs))
			found = inode;
	spin_unlock(&sb->lock);
	if (prev)
		inode_put(prev);
	return found;
}

static void wait_for_others(struct superblock *sb)
{
	for (struct inode *i = next_in_flight(sb, NULL); i; i = next_in_flight(sb, i)) {
		wait_event(&in_hand, !is_in_hand(i));
		(void)mapping_write_wait(i->mapping, 0, S64_MAX);
	}
}

int superblock_sync(struct superblock *sb)
{
	struct flush_work w = { .dirty_before_ns = S64_MAX, .nr_to_write = S64_MAX, .wait = true };

	superblock_write_inodes(sb, &w);
	wait_for_others(sb);
	return sb->ops && sb->ops->sync_fs ? sb->ops->sync_fs(sb, true) : 0;
}

static void flush_superblocks(struct flush_work *w)
{
	for (struct superblock *sb = superblock_next(NULL); sb; sb = superblock_next(sb)) {
		if (sb->flags & SB_RDONLY)
			continue;
		superblock_write_inodes(sb, w);
		if (w->wait)
			wait_for_others(sb);
		if (w->wait && sb->ops && sb->ops->sync_fs)
			(void)sb->ops->sync_fs(sb, true);
		else if (sb->ops && sb->ops->advance)
			sb->ops->advance(sb, w->dirty_before_ns);
	}
}

void vfs_sync_all(void)
{
	writeback_sync_all(false);
	writeback_sync_all(true);
}

void __init vfs_writeback_init(void)
{
	static struct flush_source source = { .flush = flush_superblocks };

	flush_source_register(&source);
}
