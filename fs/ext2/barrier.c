/* SPDX-License-Identifier: MIT */
/*
 * Barriers: all metadata that is dirty, as far as it may be, and the device's cache; then the end
 * of what waited for that: hidden records go, blocks and numbers are free, inodes die. And what
 * sync and fsync make of them. Theory and rules: order.c.
 *
 * One barrier runs at a time, under sbi->barrier; who comes meanwhile is served by the next one.
 * Only its holder ends deps. Inodes die after it, outside of the lock, since they free blocks.
 */
#include <fs/ext2/order.h>
#include <kernel/lock/rcu.h>

#define TOO_MANY_DEPS	2048	/* chosen: hidden records cost room and time to walk */
#define MOST_ROUNDS	64	/* chosen: of a sync that is kept busy by others */

struct ext2_dying {
	struct list_head node;
	struct inode *inode, *dir;	/* references */
	struct ext2_place at;		/* the record that is held */
	struct ext2_dep *dep;		/* DEP_HELD, of that record */
	u32 seq;
};

/* --- barriers --- */

#define DUE_AT_ONCE	32

/* Up to DUE_AT_ONCE deps of the bucket whose barrier has ended; they stay in it. */
static u32 find_due(struct ext2_sb *s, u32 bucket, struct ext2_dep **due)
{
	struct ext2_dep *dep;
	u32 nr = 0;

	spin_lock(&s->order_lock);
	list_for_each(dep, &s->deps[bucket], node)
		if (dep->kind != DEP_HELD && ext2_is_durable(s, dep->seq) && nr < DUE_AT_ONCE)
			due[nr++] = dep;
	spin_unlock(&s->order_lock);
	return nr;
}

/*
 * Only the holder of the barrier ends deps, but for
 * held ones. What is hidden is shown until it is out.
 */
static void end_dep(struct ext2_sb *s, struct ext2_dep *dep)
{
	if (dep->kind == DEP_HIDDEN)
		(void)ext2_dir_purge(s, dep->block,
				     dep->seq & 1 ? EXT2_HIDDEN_ODD : EXT2_HIDDEN_EVEN);
	spin_lock(&s->order_lock);
	list_del(&dep->node);
	WRITE_ONCE(s->nr_deps, s->nr_deps - 1);
	spin_unlock(&s->order_lock);
	kfree(dep);
}

static bool is_waiting(struct ext2_sb *s)
{
	bool some;

	spin_lock(&s->order_lock);
	some = s->nr_deps || !list_empty(&s->dying) || !list_empty(&s->later) ||
	       __atomic_load_n(&s->held_back, __ATOMIC_RELAXED);
	spin_unlock(&s->order_lock);
	return some;
}

static int run_barrier(struct ext2_sb *s)
{
	struct ext2_dep *due[DUE_AT_ONCE];
	u32 seq, nr;
	int err;

	spin_lock(&s->order_lock);
	seq = s->open++;
	spin_unlock(&s->order_lock);
	__atomic_store_n(&s->held_back, 0, __ATOMIC_RELAXED);
	err = blockdev_sync(s->bdev);
	if (err)
		return err;
	WRITE_ONCE(s->durable, seq);
	for (u32 i = 0; i < EXT2_DEP_BUCKETS && READ_ONCE(s->nr_deps); i++)
		while ((nr = find_due(s, i, due)))
			for (u32 k = 0; k < nr; k++)
				end_dep(s, due[k]);
	ext2_later_release(s);
	if (!is_waiting(s))
		WRITE_ONCE(s->waiting_since_ns, 0);
	return 0;
}

int ext2_wait(struct ext2_sb *s, u32 seq)
{
	int err = 0;

	mutex_lock(&s->barrier);
	while (!err && !ext2_is_durable(s, seq))
		err = run_barrier(s);
	mutex_unlock(&s->barrier);
	return err;
}

int ext2_barrier(struct ext2_sb *s)
{
	return ext2_wait(s, ext2_seq(s));
}

/* --- dying inodes --- */

struct ext2_dying *ext2_dying_alloc(void)
{
	return kmalloc(sizeof(struct ext2_dying), GFP_NOFS);
}

void ext2_dying_free(struct ext2_dying *d)
{
	kfree(d);
}

void ext2_dying_add(struct ext2_dying *d, struct ext2_dep *dep, struct inode *inode,
		    struct inode *dir, const struct ext2_place *at)
{
	struct ext2_sb *s = EXT2_SB(inode->sb);

	d->inode = inode_get(inode);
	d->dir = inode_get(dir);
	d->at = *at;
	d->dep = dep;
	spin_lock(&s->order_lock);
	EXT2_I(inode)->keep = true;
	EXT2_I(dir)->held++;
	d->seq = s->open;
	list_add_tail(&d->node, &s->dying);
	ext2_something_waits(s);
	spin_unlock(&s->order_lock);
}

static bool may_die(struct ext2_sb *s, const struct ext2_dying *d)
{
	const struct ext2_inode *ei = EXT2_I(d->inode);

	return ext2_is_durable(s, d->seq) && !ei->held && ext2_is_durable(s, ei->hide_seq);
}

static struct ext2_dying *take_dying(struct ext2_sb *s)
{
	struct ext2_dying *d, *found = NULL;

	spin_lock(&s->order_lock);
	list_for_each(d, &s->dying, node)
		if (may_die(s, d)) {
			found = d;
			list_del(&d->node);
			break;
		}
	spin_unlock(&s->order_lock);
	return found;
}

/* Its links go in the cache; from now on its record waits as that of any unlinked inode. */
static int die(struct ext2_sb *s, struct ext2_dying *d)
{
	struct ext2_inode *dir = EXT2_I(d->dir);
	struct block_ref ref;
	int err;

	spin_lock(&s->order_lock);
	EXT2_I(d->inode)->keep = false;
	spin_unlock(&s->order_lock);
	err = ext2_inode_write(d->inode, false);
	if (!err)
		err = block_read(s->bdev, d->at.block, s->bits, &ref);
	if (!err) {
		block_lock(&ref);
		spin_lock(&s->order_lock);
		ext2_mark_hidden(ext2_dir_at(&ref, &d->at), s->open, true);
		d->dep->kind = DEP_HIDDEN;
		d->dep->seq = s->open;
		if (ext2_seq_after(s->open, dir->hide_seq))
			dir->hide_seq = s->open;
		dir->held--;
		spin_unlock(&s->order_lock);
		block_dirty(&ref);
		block_unlock(&ref);
		block_put(&ref);
	} else {
		spin_lock(&s->order_lock);
		dir->held--;		/* the disk keeps inode and record: s->lost tells */
		s->lost = true;
		spin_unlock(&s->order_lock);
	}
	inode_put(d->dir);
	inode_put(d->inode);
	kfree(d);
	return err;
}

int ext2_settle(struct ext2_sb *s)
{
	int err = ext2_barrier(s);
	struct ext2_dying *d;

	while (!err && (d = take_dying(s)))
		err = die(s, d);
	return err;
}

/* --- sync --- */

/*
 * Until nothing waits, or, where others keep it busy, until what was there at the start is
 * in use: chains of new directories take their length, all else a few rounds.
 */
int ext2_drain(struct ext2_sb *s)
{
	u32 start = ext2_seq(s);
	bool had = true;
	int err = 0;

	for (u32 round = 0; !err && (had || is_waiting(s)); round++) {
		if (round > MOST_ROUNDS && (!s->held_back || ext2_seq_after(s->oldest_held, start)))
			break;
		if (round > EXT2_LONGEST_CHAIN)
			return ext2_error(s, "what waits for a name never gets it");
		had = is_waiting(s);
		err = ext2_settle(s);
	}
	return err;
}

void ext2_advance(struct superblock *sb, ktime_t before_ns)
{
	struct ext2_sb *s = EXT2_SB(sb);
	ktime_t since = READ_ONCE(s->waiting_since_ns);

	if (since && since < before_ns)
		(void)ext2_settle(s);
}

void ext2_throttle(struct ext2_sb *s)
{
	if (unlikely(READ_ONCE(s->nr_deps) > TOO_MANY_DEPS))
		(void)ext2_settle(s);
}

/*
 * A slot that was not NEW before a barrier is in use after it. One that was, may have been
 * written since in use, and then the barrier that covers that write may be yet to come.
 */
int ext2_inode_sync(struct inode *inode)
{
	struct ext2_inode *ei = EXT2_I(inode);
	struct ext2_sb *s = EXT2_SB(inode->sb);
	u32 seq = ext2_seq(s), name_seq = READ_ONCE(ei->name_seq);
	u32 round = 0;
	bool was_new;
	int err;

	if (!ext2_is_durable(s, READ_ONCE(ei->fresh_seq)))
		seq++;
	if (ext2_seq_after(name_seq, seq))
		seq = name_seq;
	do {
		if (round++ > EXT2_LONGEST_CHAIN)
			return ext2_error(s, "inode %lu waits for itself", inode->ino);
		was_new = !ext2_is_attached(inode) && ext2_is_new(inode);
		err = ext2_wait(s, seq);
		seq = ext2_seq(s);
	} while (!err && was_new && inode->nlink &&
		 (ext2_is_new(inode) || !ext2_is_durable(s, READ_ONCE(s->used_last))));
	return err;
}

/* What got its name before is left out of the last barrier no more. */
int ext2_names_sync(struct inode *dir)
{
	struct ext2_sb *s = EXT2_SB(dir->sb);
	u32 start = ext2_seq_of_name(dir);
	int err = ext2_inode_sync(dir);

	for (u32 round = 0; !err && round < EXT2_LONGEST_CHAIN; round++) {
		if (!__atomic_load_n(&s->held_back, __ATOMIC_RELAXED) ||
		    ext2_seq_after(s->oldest_held, start))
			break;
		err = ext2_barrier(s);
	}
	return err;
}

/* --- end --- */

/* After a device's error something may still wait: it is on disk as far as it is. */
void ext2_order_stop(struct ext2_sb *s)
{
	struct ext2_dying *d, *next_d;
	struct ext2_dep *dep, *next;

	list_for_each_safe(d, next_d, &s->dying, node) {
		list_del(&d->node);
		(void)die(s, d);
	}
	rcu_barrier();		/* inodes that went with them look at the superblock */
	block_set_filter(s->bdev, NULL, NULL);
	ext2_later_drop(s);
	for (u32 i = 0; i < EXT2_DEP_BUCKETS; i++)
		list_for_each_safe(dep, next, &s->deps[i], node)
			kfree(dep);
}
