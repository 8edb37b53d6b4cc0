/* SPDX-License-Identifier: MIT */
/*
 * What may be on disk when: after a power cut at any write, e2fsck -p repairs all by itself.
 *
 * e2fsck's preen mode mends counts, bitmaps, sizes and a name whose inode is not in use; it
 * stops at an inode in use without a name, a block that two files claim, a directory or
 * indirect block with other contents, and a directory with two names or a wrong "..". So,
 * of every state that the disk goes through:
 *
 *  (1) A slot comes into use when the inode's name is on disk, in a directory that is in
 *      use on disk itself.
 *  (2) A name goes when its inode is not in use on disk, or another name of it is there.
 *      A directory's slot goes out of use when that is true of all names in it.
 *  (3) A pointer to a new indirect or directory block comes after its first contents.
 *  (4) A block, an inode number and the room of a record are used again when nothing on
 *      disk shows their old use (later.c; for records below).
 *  (5) What replaces a file by rename is in use before, and the file has a name until it is
 *      out of use: another one in the same block, or one of its own, "#INODE".
 *
 * Idea. The cache holds what is true; what goes to the disk is a copy of a block, from which
 * the filter takes back what may not be there yet. So it does not matter who writes a block,
 * how often, or with what: there is no order of blocks, hence no cycle of them. A block that
 * was written with less than it has stays dirty.
 *
 * A barrier writes what is dirty and flushes the device's cache. Barriers have numbers; what
 * was dirtied when barrier n was the next to come is on disk once sbi->durable is n.
 * Whatever must wait, waits for a number:
 *
 *   slot in the table   marked NEW in the cache, with the number that puts its name on disk
 *                       and with that name's directory, if that is not attached yet. Until
 *                       both are: zeros on disk. The first write that may, takes the mark
 *                       away. Of a directory, a dep tells until that write is durable.
 *   record of a name    EXT2_HIDDEN_* in its type: not there for anybody but the disk, and
 *                       its room is taken. The barrier's end takes it out (ext2_dir_purge).
 *   fresh pointer       a dep; zero on disk until the block it names is durable
 *   dying inode         without links for all but the disk, where its slot stays as it was
 *                       until what is or was in it has gone its way; its record is EXT2_HELD
 *
 *   unlink:  slot without links -> barrier n -> record out -> barrier n+1 -> number free
 *   create:  record -> barrier n -> slot in use at the next write
 *   rename:  new record, old one hidden -> barrier n -> old record out
 *   replace: see rename.c       rmdir: dying until all records in it are out, then as unlink
 *
 * An inode whose slot is NEW when it is unlinked was never in use: its name goes at once
 * (ext2_slot_retract). Two inodes in use must not have one name in a directory, as far as the
 * disk goes: who gives a hidden name again waits, or has the new inode wait (ext2_name_again).
 *
 * fsync runs one barrier for what was in use, one more for what was not. An unfinished chain
 * (directories made one in the other, or removed so) takes a barrier for each link.
 * Between barriers, deps keep the pages that they speak of dirty, so that the page cache,
 * which alone has the marks, does not drop them.
 *
 * Limit: a directory in use that gets another parent, or a name that its block has no room
 * for, has two names or the old ".." for the length of one barrier's writes: a cut there
 * stops e2fsck -p; e2fsck -y mends it in its place. An extended attribute block that several
 * inodes share has a wrong count until all of a barrier is written.
 * Assumed: the device writes a block of the file system as a whole.
 *
 * Locks: marks in slots and records change under the block's lock, deps and numbers under
 * order_lock. A number is read after the change it covers was marked dirty.
 *
 * Not here: running barriers, and what ends with them (barrier.c).
 */
#include <fs/ext2/order.h>
#include <kernel/lib/random.h>
#include <kernel/lib/string.h>
#include <kernel/time/hrtimer.h>

#define SLOT_NEW	1	/* in frag of a slot whose osd2 is the mount's cookie */

/* --- numbers and deps --- */

u32 ext2_seq(struct ext2_sb *s)
{
	u32 seq;

	spin_lock(&s->order_lock);
	seq = s->open;
	spin_unlock(&s->order_lock);
	return seq;
}

/* A name in a new block is there when the pointer to that block is: a barrier after the block. */
u32 ext2_seq_of_name(struct inode *dir)
{
	struct ext2_sb *s = EXT2_SB(dir->sb);
	u32 seq;

	spin_lock(&s->order_lock);
	seq = s->open + !ext2_is_durable(s, EXT2_I(dir)->fresh_seq);
	spin_unlock(&s->order_lock);
	return seq;
}

void ext2_seq_load(struct inode *inode)
{
	struct ext2_inode *ei = EXT2_I(inode);
	struct ext2_sb *s = EXT2_SB(inode->sb);

	spin_lock(&s->order_lock);
	ei->fresh_seq = ei->name_seq = s->nr_deps ? s->open : s->durable;
	ei->hide_seq = s->nr_deps ? s->open : s->durable - 1;
	spin_unlock(&s->order_lock);
}

void ext2_something_waits(struct ext2_sb *s)
{
	if (!READ_ONCE(s->waiting_since_ns))
		WRITE_ONCE(s->waiting_since_ns, ktime_get());
}

struct ext2_dep *ext2_dep_alloc(void)
{
	return kmalloc(sizeof(struct ext2_dep), GFP_NOFS);
}

void ext2_dep_free(struct ext2_dep *dep)
{
	kfree(dep);
}

static struct list_head *bucket_of(struct ext2_sb *s, u32 block)
{
	return &s->deps[block % EXT2_DEP_BUCKETS];
}

/* order_lock held. */
static void dep_add(struct ext2_sb *s, struct ext2_dep *dep, enum ext2_dep_kind kind, u32 block,
		    u32 offset)
{
	dep->kind = kind;
	dep->block = block;
	dep->offset = offset;
	dep->seq = s->open;
	list_add(&dep->node, bucket_of(s, block));
	WRITE_ONCE(s->nr_deps, s->nr_deps + 1);
	ext2_something_waits(s);
}

void ext2_dep_fresh(struct ext2_inode *ei, struct ext2_dep *dep, u32 block, u32 offset)
{
	struct ext2_sb *s = EXT2_SB(ei->vfs.sb);

	spin_lock(&s->order_lock);
	dep_add(s, dep, DEP_FRESH, block, offset);
	ei->fresh_seq = dep->seq;
	spin_unlock(&s->order_lock);
}

void ext2_dep_held(struct ext2_sb *s, struct ext2_dep *dep, u32 block)
{
	spin_lock(&s->order_lock);
	dep_add(s, dep, DEP_HELD, block, 0);
	spin_unlock(&s->order_lock);
}

void ext2_mark_hidden(struct ext2_dirent *d, u32 seq, bool last)
{
	d->type = (d->type & ~EXT2_HIDDEN) | (seq & 1 ? EXT2_HIDDEN_ODD : EXT2_HIDDEN_EVEN) |
		  (last ? EXT2_NAMED_LAST : 0);
}

void ext2_dep_hide(struct inode *dir, struct ext2_dep *dep, u32 block, struct ext2_dirent *d,
		   u32 seq, bool last)
{
	struct ext2_sb *s = EXT2_SB(dir->sb);
	struct ext2_dep *other;
	bool is_there = false;

	spin_lock(&s->order_lock);
	ext2_mark_hidden(d, seq, last);
	if (ext2_seq_after(seq, EXT2_I(dir)->hide_seq))
		EXT2_I(dir)->hide_seq = seq;
	list_for_each(other, bucket_of(s, block), node)
		is_there |= other->kind == DEP_HIDDEN && other->block == block && other->seq == seq;
	if (!is_there) {
		dep_add(s, dep, DEP_HIDDEN, block, 0);
		dep->seq = seq;
	}
	spin_unlock(&s->order_lock);
	if (is_there)
		kfree(dep);
}

/* What a barrier took out is off the disk one later. */
bool ext2_may_hide(struct inode *dir)
{
	const struct ext2_inode *ei = EXT2_I(dir);

	return READ_ONCE(ei->held) ||
	       !ext2_is_durable(EXT2_SB(dir->sb), READ_ONCE(ei->hide_seq) + 1);
}

/* --- slots --- */

bool ext2_slot_is_new(const struct ext2_sb *s, const struct ext2_raw_inode *raw)
{
	return raw->osd2 == s->cookie && raw->frag == SLOT_NEW;
}

void ext2_slot_mark(struct ext2_sb *s, struct ext2_raw_inode *raw, u32 seq, u32 parent)
{
	raw->osd2 = s->cookie;
	raw->frag = SLOT_NEW;
	raw->faddr = seq;
	raw->dtime = parent;
	ext2_something_waits(s);
}

void ext2_slot_unmark(struct ext2_raw_inode *raw)
{
	raw->osd2 = 0;
	raw->frag = 0;
	raw->faddr = 0;
	raw->dtime = 0;
}

bool ext2_is_new(struct inode *inode)
{
	struct ext2_raw_inode *raw;
	struct block_ref ref;
	bool result;

	if (ext2_slot(EXT2_SB(inode->sb), inode->ino, &ref, &raw))
		return false;
	block_lock(&ref);
	result = ext2_slot_is_new(EXT2_SB(inode->sb), raw);
	block_unlock(&ref);
	block_put(&ref);
	return result;
}

bool ext2_slot_retract(struct inode *inode)
{
	struct ext2_sb *s = EXT2_SB(inode->sb);
	struct ext2_raw_inode *raw;
	struct block_ref ref;

	if (EXT2_I(inode)->fresh || EXT2_I(inode)->unclaimed) {
		EXT2_I(inode)->unclaimed = true;
		return true;
	}
	if (ext2_slot(s, inode->ino, &ref, &raw))
		return false;
	block_lock(&ref);
	if (ext2_slot_is_new(s, raw)) {
		ext2_slot_unmark(raw);
		raw->links = raw->mode = 0;	/* and nobody asks when it was deleted */
		EXT2_I(inode)->unclaimed = true;
		block_dirty(&ref);
	}
	block_unlock(&ref);
	block_put(&ref);
	return EXT2_I(inode)->unclaimed;
}

/* The dep of a directory's slot that came into use; order_lock held. */
static struct ext2_dep *used_dep(struct ext2_sb *s, const struct ext2_place *at)
{
	struct ext2_dep *dep;

	list_for_each(dep, bucket_of(s, at->block), node)
		if (dep->kind == DEP_USED && dep->block == at->block && dep->offset == at->offset)
			return dep;
	return NULL;
}

/* Is the slot of inode ino in use on disk? Without I/O: what is not cached was written. */
static bool slot_is_durable(struct ext2_sb *s, u32 ino)
{
	struct ext2_place at;
	struct block_ref ref;
	struct ext2_dep *dep;
	bool fresh = false;

	ext2_slot_place(s, ino, &at);
	if (block_peek(s->bdev, at.block, s->bits, &ref)) {
		fresh = ext2_slot_is_new(s, (void *)((char *)ref.data + at.offset));
		block_put(&ref);
	}
	if (fresh)
		return false;
	spin_lock(&s->order_lock);
	dep = used_dep(s, &at);
	fresh = dep && !ext2_is_durable(s, dep->seq);
	spin_unlock(&s->order_lock);
	return !fresh;
}

bool ext2_is_attached(struct inode *inode)
{
	struct ext2_inode *ei = EXT2_I(inode);
	struct ext2_sb *s = EXT2_SB(inode->sb);

	if (!ei->attached && !ei->fresh && slot_is_durable(s, (u32)inode->ino) &&
	    (S_ISDIR(inode->mode) || ext2_is_durable(s, READ_ONCE(s->used_last))))
		ei->attached = true;
	return ei->attached;
}

int ext2_attach(struct inode *inode)
{
	struct ext2_sb *s = EXT2_SB(inode->sb);
	int err = 0;

	for (u32 round = 0; !err && inode->nlink && !ext2_is_attached(inode); round++)
		err = round < EXT2_LONGEST_CHAIN ? ext2_barrier(s) :
		      ext2_error(s, "inode %lu waits for itself", inode->ino);
	return err;
}

/*
 * A second name keeps the directory that the first waits for: whichever name goes before
 * the inode is in use, the other one is there by then.
 */
bool ext2_slot_named(struct inode *inode, struct inode *dir)
{
	struct ext2_sb *s = EXT2_SB(inode->sb);
	u32 parent = ext2_is_attached(dir) ? 0 : (u32)dir->ino;
	u32 seq = ext2_seq_of_name(dir);
	struct ext2_raw_inode *raw;
	struct block_ref ref;
	bool was_new;

	WRITE_ONCE(EXT2_I(inode)->name_seq, seq);
	if (ext2_slot(s, inode->ino, &ref, &raw))
		return false;
	block_lock(&ref);
	was_new = ext2_slot_is_new(s, raw);
	if (was_new) {
		if (inode->nlink > 1 && !S_ISDIR(inode->mode) && raw->dtime)
			parent = raw->dtime;
		ext2_slot_mark(s, raw, seq, parent);
	}
	block_unlock(&ref);
	block_put(&ref);
	return was_new;
}

/* --- the filter --- */

/* A directory that comes into use is told of until that is durable. */
static bool note_used(struct ext2_sb *s, u32 block, u32 offset)
{
	struct ext2_dep *dep = kmalloc(sizeof(*dep), GFP_NOIO);

	if (!dep)
		return false;
	spin_lock(&s->order_lock);
	dep_add(s, dep, DEP_USED, block, offset);
	spin_unlock(&s->order_lock);
	return true;
}

static bool filter_slot(struct ext2_sb *s, u32 block, u32 offset, struct ext2_raw_inode *cached,
			struct ext2_raw_inode *copy)
{
	u32 seq = cached->faddr;

	if (likely(copy->osd2 != s->cookie))
		return false;
	if (!ext2_is_durable(s, seq) || (cached->dtime && !slot_is_durable(s, cached->dtime)) ||
	    (S_ISDIR(cached->mode) && !note_used(s, block, offset))) {
		memset(copy, 0, s->inode_bytes);
		if (!__atomic_fetch_add(&s->held_back, 1, __ATOMIC_RELAXED) ||
		    ext2_seq_after(s->oldest_held, seq))
			s->oldest_held = seq;
		return true;
	}
	ext2_slot_unmark(cached);
	ext2_slot_unmark(copy);
	WRITE_ONCE(s->used_last, READ_ONCE(s->open));
	return false;
}

static bool filter_slots(struct ext2_sb *s, u32 block, char *cached, char *copy)
{
	bool kept = false;

	for (u32 at = 0; at < s->block_bytes; at += s->inode_bytes)
		kept |= filter_slot(s, block, at, (void *)(cached + at), (void *)(copy + at));
	return kept;
}

static bool filter_deps(struct ext2_sb *s, u32 block, char *copy)
{
	bool kept = false, strip = false;
	struct ext2_dep *dep;

	spin_lock(&s->order_lock);
	list_for_each(dep, bucket_of(s, block), node) {
		if (dep->block != block)
			continue;
		if (dep->kind == DEP_HIDDEN || dep->kind == DEP_HELD) {
			strip = true;
		} else if (dep->kind == DEP_FRESH && !ext2_is_durable(s, dep->seq)) {
			*(u32 *)(copy + dep->offset) = 0;
			kept = true;
		}
	}
	spin_unlock(&s->order_lock);
	if (strip)
		ext2_dir_strip(s, copy);
	return kept || strip;
}

static bool is_table(struct ext2_sb *s, u32 block)
{
	u32 group = (block - s->first_data_block) / s->blocks_per_group;

	if (block < s->first_data_block || block >= s->blocks_count)
		return false;
	if (block - ext2_group(s, group)->inode_table < s->itable_blocks)
		return true;
	for (u32 i = 0; s->tables_apart && i < s->nr_groups; i++)
		if (block - ext2_group(s, i)->inode_table < s->itable_blocks)
			return true;
	return false;
}

static bool filter_block(struct ext2_sb *s, u32 block, char *cached, char *copy)
{
	bool kept = is_table(s, block) && filter_slots(s, block, cached, copy);

	if (READ_ONCE(s->nr_deps))
		kept |= filter_deps(s, block, copy);
	return kept;
}

/* Counters and bitmaps may be torn: e2fsck makes them anew. */
static bool is_counts(struct ext2_sb *s, u32 block)
{
	const struct ext2_group_desc *g;

	if (block <= s->first_data_block + ext2_plain_gdt(s) || block >= READ_ONCE(s->blocks_count))
		return true;
	g = ext2_group(s, (block - s->first_data_block) / s->blocks_per_group);
	return block == g->block_bitmap || block == g->inode_bitmap;
}

/* block_filter_fn */
static u32 filter(void *arg, u64 index, char *cached, char *copy, u32 dirty)
{
	struct ext2_sb *s = arg;
	u32 kibs = s->block_bytes >> 10, kept = 0;
	u64 block = index << (PAGE_SHIFT - s->bits);

	__atomic_fetch_add(&s->writes, 1, __ATOMIC_RELAXED);
	for (u32 first = 0; first < PAGE_SIZE >> 10; first += kibs, block++) {
		u32 mask = ((1u << kibs) - 1) << first, at = first << 10;

		if (!(dirty & mask) || block > U32_MAX || is_counts(s, (u32)block))
			continue;
		if (!copy)
			return mask;
		/* Who wrote to the device itself may have dirtied a part. */
		if (unlikely((dirty & mask) != mask))
			memcpy(copy + at, cached + at, s->block_bytes);
		if (filter_block(s, (u32)block, cached + at, copy + at))
			kept |= dirty & mask;
	}
	return kept;
}

/* --- start and end --- */

void ext2_order_init(struct ext2_sb *s)
{
	mutex_init(&s->barrier, RANK_EXT2_BARRIER);
	spin_lock_init(&s->order_lock, RANK_EXT2_ORDER);
	list_init(&s->dying);
	list_init(&s->later);
	for (u32 i = 0; i < EXT2_DEP_BUCKETS; i++)
		list_init(&s->deps[i]);
	s->cookie = (u32)random_u64() | 1;
	s->open = 1;
}

void ext2_order_start(struct ext2_sb *s)
{
	for (u32 i = 0; i < s->nr_groups; i++) {
		u32 start = s->first_data_block + i * s->blocks_per_group;
		u32 offset = ext2_group(s, i)->inode_table - start;

		if (offset >= s->blocks_per_group ||
		    offset + s->itable_blocks > s->blocks_per_group)
			s->tables_apart = true;
	}
	block_set_filter(s->bdev, filter, s);
}
