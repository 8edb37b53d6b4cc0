/* SPDX-License-Identifier: MIT */
/*
 * /proc/sys/vm/drop_caches: let go of what could be read again, so that a measurement
 * begins with nothing cached. Only what is clean and unused goes; sync(1) first.
 */
#include <drivers/block/block.h>
#include <fs/drop_caches.h>
#include <fs/vfs.h>
#include <kernel/sched/sched.h>

static void drop_pages_of(struct mapping *m)
{
	if (!(m->flags & MAPPING_NO_WRITEBACK))
		(void)mapping_invalidate(m, 0, S64_MAX);
}

/*
 * The inode in hand keeps the place in the list, and
 * is let go of after the next one has been found.
 */
static void drop_pages_of_inodes(struct superblock *sb)
{
	struct inode *inode, *held = NULL;

	spin_lock(&sb->lock);
	list_for_each(inode, &sb->inodes, sb_node) {
		if (!inode->mapping || !READ_ONCE(inode->mapping->nr_pages) ||
		    !refcount_inc_not_zero(&inode->refs))
			continue;
		spin_unlock(&sb->lock);
		inode_put(held);
		held = inode;
		drop_pages_of(inode->mapping);
		cond_resched();
		spin_lock(&sb->lock);
	}
	spin_unlock(&sb->lock);
	inode_put(held);
}

static void drop_pages_of_device(struct blockdev *b, void *arg)
{
	drop_pages_of(b->mapping);
}

void caches_drop_pages(void)
{
	for (struct superblock *sb = superblock_next(NULL); sb; sb = superblock_next(sb))
		drop_pages_of_inodes(sb);
	blockdev_for_each(drop_pages_of_device, NULL);
}
