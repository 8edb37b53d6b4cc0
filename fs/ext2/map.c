/* SPDX-License-Identifier: MIT */
/*
 * From file block to disk block: twelve direct pointers, then trees of one, two
 * and three levels of indirect blocks, each an array of 32-bit pointers.
 *
 * A pointer read from disk is checked before use (ext2_block_valid). A new
 * indirect block is zeroed, and a directory's new block is one empty record, before
 * anything points to it, in the cache and on disk (order.c, rule 3). Trees are
 * freed from the leaves up, and the first damage found ends the walk: a block
 * that appears twice is seen as freed twice, so a cycle ends too. What is freed
 * can be had again after a barrier (later.c).
 */
#include <fs/ext2/ext2.h>

/* Index of each level on the way to file block n; depth 1 (direct) to 4, 0: too far. */
static u32 path_to(const struct ext2_sb *s, u64 n, u32 path[4])
{
	u32 shift = s->bits - 2;
	u64 per = 1ull << shift, span = per;

	if (n < EXT2_NDIR) {
		path[0] = n;
		return 1;
	}
	n -= EXT2_NDIR;
	for (u32 level = 1; level <= 3; level++, span <<= shift) {
		if (n >= span) {
			n -= span;
			continue;
		}
		path[0] = EXT2_NDIR + level - 1;
		for (u32 i = 1; i <= level; i++)
			path[i] = n >> (shift * (level - i)) & (per - 1);
		return level + 1;
	}
	return 0;
}

u64 ext2_max_blocks(const struct ext2_sb *s)
{
	u64 per = 1ull << (s->bits - 2);

	return EXT2_NDIR + per + per * per + per * per * per;
}

static void count_blocks(struct ext2_inode *ei, s64 blocks)
{
	u32 sectors = EXT2_SB(ei->vfs.sb)->block_bytes >> SECTOR_SHIFT;

	spin_lock(&ei->vfs.lock);
	ei->vfs.blocks += blocks * (s64)sectors;
	spin_unlock(&ei->vfs.lock);
	inode_mark_dirty(&ei->vfs, INODE_STATE_DIRTY | INODE_STATE_DIRTY_DATA);
}

/* First contents of a block that is not a file's data. */
static int init_block(struct ext2_inode *ei, u32 block, bool indirect)
{
	struct ext2_sb *s = EXT2_SB(ei->vfs.sb);
	struct block_ref ref;
	int err = block_new(s->bdev, block, s->bits, &ref);

	if (err)
		return err;
	if (!indirect) {
		((struct ext2_dirent *)ref.data)->rec_len = s->block_bytes;
		block_dirty(&ref);
	}
	block_put(&ref);
	return 0;
}

/*
 * Where the pointer lies that slot is the cache's: in parent, or in the inode's slot of the table.
 */
static void place_of(struct ext2_inode *ei, const u32 *slot, const struct block_ref *parent,
		     struct ext2_place *at)
{
	struct ext2_sb *s = EXT2_SB(ei->vfs.sb);

	if (parent->page) {
		at->block = (u32)(parent->page->index << (PAGE_SHIFT - s->bits)) +
			    (parent->offset >> s->bits);
		at->offset = (u32)((const char *)slot - (const char *)parent->data);
		return;
	}
	ext2_slot_place(s, (u32)ei->vfs.ino, at);
	at->offset +=
		offsetof(struct ext2_raw_inode, block) + (u32)(slot - ei->block) * sizeof(u32);
}

/* A block for *slot, in which parent (empty: the inode) keeps pointers. */
static int fill_slot(struct ext2_inode *ei, u32 *slot, struct block_ref *parent, bool indirect)
{
	struct ext2_sb *s = EXT2_SB(ei->vfs.sb);
	bool metadata = indirect || S_ISDIR(ei->vfs.mode);
	struct ext2_dep *dep = metadata ? ext2_dep_alloc() : NULL;
	struct ext2_place at;
	u32 block;
	int err;

	if (metadata && !dep)
		return -ENOMEM;
	err = ext2_block_alloc(ei, ei->goal, &block);
	if (err)
		goto free_dep;
	if (metadata) {
		err = init_block(ei, block, indirect);
		if (err)
			goto free_block;
		place_of(ei, slot, parent, &at);
		ext2_dep_fresh(ei, dep, at.block, at.offset);
	}
	ei->goal = block + 1;
	*slot = block;
	if (parent->page)
		block_dirty(parent);
	count_blocks(ei, 1);
	return 0;

free_block:
	ext2_block_free(s, block);
free_dep:
	if (dep)
		ext2_dep_free(dep);
	return err;
}

static int map_locked(struct ext2_inode *ei, u64 index, bool create, u32 *phys, bool *is_new)
{
	struct ext2_sb *s = EXT2_SB(ei->vfs.sb);
	struct block_ref ref = { 0 }, next;
	u32 path[4], depth = path_to(s, index, path);
	u32 *slot = &ei->block[path[0]];
	int err = 0;

	if (!depth)
		return -EFBIG;
	for (u32 level = 1; ; level++) {
		bool leaf = level == depth;

		if (!*slot) {
			if (!create)
				break;
			err = fill_slot(ei, slot, &ref, !leaf);
			*is_new = leaf && !err;
			if (err)
				break;
		} else if (!ext2_block_valid(s, *slot)) {
			err = ext2_error(s, "inode %lu: block %lu points to %u",
					 ei->vfs.ino, index, *slot);
			break;
		}
		if (leaf) {
			*phys = *slot;
			break;
		}
		err = block_read(s->bdev, *slot, s->bits, &next);
		block_put(&ref);
		if (err)
			break;
		ref = next;
		slot = (u32 *)ref.data + path[level];
	}
	block_put(&ref);
	return err;
}

int ext2_map(struct ext2_inode *ei, u64 index, bool create, u32 *phys, bool *is_new)
{
	int err;

	*phys = 0;
	*is_new = false;
	mutex_lock(&ei->map_lock);
	err = map_locked(ei, index, create, phys, is_new);
	mutex_unlock(&ei->map_lock);
	return err;
}

int ext2_map_create(struct ext2_inode *ei, u64 index, u32 *phys, bool *is_new)
{
	int err = ext2_map(ei, index, true, phys, is_new);

	for (u32 i = 0;
	     err == -ENOSPC && i < EXT2_RECLAIM_TRIES && ext2_reclaim(EXT2_SB(ei->vfs.sb)); i++)
		err = ext2_map(ei, index, true, phys, is_new);
	return err;
}

/*
 * Blocks but a regular file's data live in the device's cache: never write them again. The
 * number is checked here, since what comes later can only tell the log.
 */
static int free_block(struct ext2_inode *ei, u32 block, bool metadata)
{
	struct ext2_sb *s = EXT2_SB(ei->vfs.sb);
	int err = 0;

	if (!ext2_block_valid(s, block))
		return ext2_error(s, "freeing block %u, which no file can own", block);
	if (metadata)
		block_forget(s->bdev, block, s->bits);
	if (ei->unclaimed && !metadata)
		err = ext2_block_free(s, block);
	else
		ext2_block_later(ei, block);
	if (!err)
		count_blocks(ei, -1);
	return err;
}

/*
 * Free what *slot's tree of the given height (0: a data block) covers from the
 * keep'th file block of it on; the tree itself too when keep is 0.
 */
static int free_tree(struct ext2_inode *ei, u32 *slot, u32 height, u64 keep)
{
	struct ext2_sb *s = EXT2_SB(ei->vfs.sb);
	u32 shift = s->bits - 2, per = 1u << shift;
	u64 span = height ? 1ull << (shift * (height - 1)) : 1;
	struct block_ref ref;
	int err = 0;

	if (!*slot)
		return 0;
	if (!height) {
		err = free_block(ei, *slot, !S_ISREG(ei->vfs.mode));
		*slot = 0;
		return err;
	}
	if (!ext2_block_valid(s, *slot))
		return ext2_error(s, "inode %lu: indirect block %u", ei->vfs.ino, *slot);
	err = block_read(s->bdev, *slot, s->bits, &ref);
	if (err)
		return err;
	for (u32 i = keep / span; i < per && !err; i++) {
		u64 child_keep = i == keep / span ? keep % span : 0;

		err = free_tree(ei, (u32 *)ref.data + i, height - 1, child_keep);
	}
	if (keep || err)
		block_dirty(&ref);
	block_put(&ref);
	if (!keep && !err) {
		err = free_block(ei, *slot, true);
		*slot = 0;
	}
	return err;
}

/*
 * An inode that is about to die still is on disk with
 * its blocks: the file system must let go of it first.
 */
static int wait_for_death(struct ext2_inode *ei)
{
	int err = 0;

	while (!err && READ_ONCE(ei->keep))
		err = ext2_settle(EXT2_SB(ei->vfs.sb));
	return err;
}

static int free_trees(struct ext2_inode *ei, u64 first)
{
	u32 shift = EXT2_SB(ei->vfs.sb)->bits - 2;
	u64 base = EXT2_NDIR;
	int err = 0;

	for (u64 i = first; i < EXT2_NDIR && !err; i++)
		err = free_tree(ei, &ei->block[i], 0, 0);
	for (u32 height = 1; height <= 3 && !err; height++) {
		u64 span = 1ull << (shift * height);

		if (first < base + span)
			err = free_tree(ei, &ei->block[EXT2_NDIR + height - 1], height,
					first > base ? first - base : 0);
		base += span;
	}
	return err;
}

int ext2_truncate_blocks(struct ext2_inode *ei, u64 first)
{
	int err = wait_for_death(ei), write_err = 0;

	if (err)
		return err;
	mutex_lock(&ei->map_lock);
	err = free_trees(ei, first);
	ei->goal = 0;
	/* Without links the slot names no blocks, whatever is in it. */
	if (ei->vfs.nlink && !list_empty(&ei->freed))
		write_err = ext2_inode_write(&ei->vfs, false);
	ext2_later_commit(ei, !write_err);
	mutex_unlock(&ei->map_lock);
	inode_mark_dirty(&ei->vfs, INODE_STATE_DIRTY | INODE_STATE_DIRTY_DATA);
	return err ? err : write_err;
}
