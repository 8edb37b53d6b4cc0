/* SPDX-License-Identifier: MIT */
/*
 * What is free after a barrier: blocks and inode numbers that the disk may still name.
 *
 * A block that leaves a file must not be given to another while the disk has the old
 * pointer: a cut would leave a block that two files claim, or new data where e2fsck
 * expects a directory. So its bit in the bitmap stays set until a barrier has put the
 * file's new map, or its slot without links, on disk (order.c). An inode number waits
 * for the barrier after the one that lets its names go. What never was in use on disk
 * (ei->unclaimed) gives its data back at once: temporary files cost nothing.
 *
 *   in a map -> ext2_block_later(): ei->freed -> ext2_later_commit(): sbi->later, with a
 *   barrier's number -> ext2_later_release(): free in the bitmap
 *
 * Runs of blocks lie in chunks, the oldest first; counts say what statfs() calls free.
 * Without memory for a chunk the bit stays set and the file system is not marked clean
 * at its end: e2fsck -p finds it.
 */
#include <fs/ext2/ext2.h>
#include <kernel/printk.h>
#include <kernel/time/hrtimer.h>

#define RUNS	60

struct ext2_later {
	struct list_head node;
	u32 seq;			/* free after this barrier */
	u16 nr;
	bool numbers;			/* of inodes; else of blocks */
	struct { u32 first, count; } run[RUNS];	/* numbers: count 1 means a directory */
};

static void lose(struct ext2_sb *s)
{
	if (!s->lost)
		pr_err("ext2 %s: not all that is free could be freed: run e2fsck\n", s->bdev->name);
	s->lost = true;
}

/* Into the chunk, behind its last run if it continues that. False: it is full. */
static bool put_run(struct ext2_later *l, u32 first, u32 count)
{
	if (!l->numbers && l->nr && l->run[l->nr - 1].first + l->run[l->nr - 1].count == first) {
		l->run[l->nr - 1].count += count;
		return true;
	}
	if (l->nr == RUNS)
		return false;
	l->run[l->nr].first = first;
	l->run[l->nr++].count = count;
	return true;
}

void ext2_block_later(struct ext2_inode *ei, u32 block)
{
	struct ext2_later *l =
		list_empty(&ei->freed) ? NULL : list_last(&ei->freed, struct ext2_later, node);

	assert_mutex_held(&ei->map_lock);
	if (l && put_run(l, block, 1))
		return;
	l = kmalloc(sizeof(*l), GFP_NOFS);
	if (!l) {
		lose(EXT2_SB(ei->vfs.sb));
		return;
	}
	l->nr = 0;
	l->numbers = false;
	(void)put_run(l, block, 1);
	list_add_tail(&l->node, &ei->freed);
}

static u32 blocks_of(const struct ext2_later *l)
{
	u32 sum = 0;

	for (u32 i = 0; i < l->nr; i++)
		sum += l->run[i].count;
	return sum;
}

/* The runs of l go into the last chunk, if they fit there. order_lock held. */
static bool join_last(struct ext2_sb *s, const struct ext2_later *l)
{
	struct ext2_later *last =
		list_empty(&s->later) ? NULL : list_last(&s->later, struct ext2_later, node);

	if (!last || last->seq != l->seq || last->numbers != l->numbers || last->nr + l->nr > RUNS)
		return false;
	for (u32 i = 0; i < l->nr; i++)
		(void)put_run(last, l->run[i].first, l->run[i].count);
	return true;
}

static void wait_for(struct ext2_sb *s, struct ext2_later *l, u32 barriers)
{
	bool joined;

	if (!s->waiting_since_ns)
		s->waiting_since_ns = ktime_get();
	spin_lock(&s->order_lock);
	l->seq = s->open + barriers;
	if (l->numbers)
		s->later_inodes += l->nr;
	else
		s->later_blocks += blocks_of(l);
	joined = join_last(s, l);
	if (!joined)
		list_add_tail(&l->node, &s->later);
	spin_unlock(&s->order_lock);
	if (joined)
		kfree(l);
}

void ext2_later_commit(struct ext2_inode *ei, bool is_cached)
{
	struct ext2_later *l, *next;

	assert_mutex_held(&ei->map_lock);
	list_for_each_safe(l, next, &ei->freed, node) {
		list_del(&l->node);
		if (is_cached) {
			wait_for(EXT2_SB(ei->vfs.sb), l, 0);
		} else {
			lose(EXT2_SB(ei->vfs.sb));
			kfree(l);
		}
	}
}

/*
 * Its names go when the barrier that is to come has ended, or, of a name it lost to one in a
 * new block, the one after; and are off the disk one barrier later (order.c, rule 4).
 */
void ext2_number_later(struct inode *inode)
{
	struct ext2_sb *s = EXT2_SB(inode->sb);
	struct ext2_later *last = NULL, *l;
	bool is_dir = S_ISDIR(inode->mode);
	u32 ino = (u32)inode->ino;

	/* Nothing has been written since it got its name: the disk does not know it. */
	if (EXT2_I(inode)->unclaimed &&
	    EXT2_I(inode)->writes == __atomic_load_n(&s->writes, __ATOMIC_RELAXED)) {
		(void)ext2_inode_free(s, ino, is_dir);
		return;
	}

	spin_lock(&s->order_lock);
	if (!list_empty(&s->later))
		last = list_last(&s->later, struct ext2_later, node);
	if (last && last->numbers && last->seq == s->open + 2 && put_run(last, ino, is_dir))
		s->later_inodes++;
	else
		last = NULL;
	spin_unlock(&s->order_lock);
	if (last)
		return;
	l = kmalloc(sizeof(*l), GFP_NOFS);
	if (!l) {
		lose(s);
		return;
	}
	l->nr = 0;
	l->numbers = true;
	(void)put_run(l, ino, is_dir);
	wait_for(s, l, 2);
}

static struct ext2_later *take_due(struct ext2_sb *s)
{
	struct ext2_later *l, *found = NULL;

	spin_lock(&s->order_lock);
	/* Numbers wait for one barrier more than blocks, so the list is not quite in order. */
	list_for_each(l, &s->later, node)
		if (!ext2_seq_after(l->seq, s->durable)) {
			found = l;
			list_del(&l->node);
			if (l->numbers)
				s->later_inodes -= l->nr;
			else
				s->later_blocks -= blocks_of(l);
			break;
		}
	spin_unlock(&s->order_lock);
	return found;
}

void ext2_later_release(struct ext2_sb *s)
{
	struct ext2_later *l;

	assert_mutex_held(&s->barrier);
	while ((l = take_due(s))) {
		for (u32 i = 0; i < l->nr; i++) {
			if (l->numbers) {
				(void)ext2_inode_free(s, l->run[i].first, l->run[i].count);
				continue;
			}
			for (u32 k = 0; k < l->run[i].count; k++)
				(void)ext2_block_free(s, l->run[i].first + k);
		}
		kfree(l);
	}
}

void ext2_later_drop(struct ext2_sb *s)
{
	struct ext2_later *l, *next;

	list_for_each_safe(l, next, &s->later, node)
		kfree(l);
}

bool ext2_reclaim(struct ext2_sb *s)
{
	bool some;

	spin_lock(&s->order_lock);
	some = s->later_blocks || s->later_inodes || !list_empty(&s->dying);
	spin_unlock(&s->order_lock);
	return some && !ext2_settle(s);
}
