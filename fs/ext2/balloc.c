/* SPDX-License-Identifier: MIT */
/*
 * Block allocation.
 *
 * The disk is cut into groups, each with a bitmap block. A file's next block is
 * wanted right behind its last one (goal); a new file starts in its inode's
 * group. From the goal we take: the goal itself, then a free bit soon behind
 * it, then the first whole free byte of the group (room to grow by eight), then
 * any free bit, then the next group.
 *
 *  (1) A descriptor's and the superblock's free counts are those of the bitmap:
 *      all three change together under alloc_lock.
 *  (2) No file owns metadata: ext2_block_valid() refuses superblock, descriptors,
 *      bitmaps and inode tables wherever a damaged map or bitmap offers them.
 */
#include <fs/ext2/ext2.h>
#include <kernel/lib/bitmap.h>

#define NEAR_BITS	64	/* chosen: one word behind the goal counts as near */

static u32 group_of(const struct ext2_sb *s, u32 block)
{
	return (block - s->first_data_block) / s->blocks_per_group;
}

static u32 group_start(const struct ext2_sb *s, u32 group)
{
	return s->first_data_block + group * s->blocks_per_group;
}

static u32 group_blocks(const struct ext2_sb *s, u32 group)
{
	return min(s->blocks_per_group, s->blocks_count - group_start(s, group));
}

/* Descriptors of a meta group lie in its first group, with copies in its second and its last. */
static bool is_descriptors(const struct ext2_sb *s, u32 block, u32 group)
{
	u32 per = s->block_bytes / sizeof(struct ext2_group_desc), at = group % per;

	return group / per >= s->first_meta_bg && (at < 2 || at == per - 1) &&
		block == group_start(s, group) + ext2_has_super(s, group);
}

bool ext2_block_valid(struct ext2_sb *s, u32 block)
{
	const struct ext2_group_desc *g;

	if (block <= s->first_data_block + ext2_plain_gdt(s) || block >= READ_ONCE(s->blocks_count))
		return false;
	if (s->meta_bg && is_descriptors(s, block, group_of(s, block)))
		return false;
	g = ext2_group(s, group_of(s, block));
	return block != g->block_bitmap && block != g->inode_bitmap &&
	       block - g->inode_table >= s->itable_blocks;
}

static u32 find_free(const u64 *map, u32 bits, u32 goal)
{
	const u8 *bytes = (const u8 *)map;
	u32 at = bitmap_find_clear(map, min(bits, goal + NEAR_BITS), goal);

	if (at < min(bits, goal + NEAR_BITS))
		return at;
	for (u32 i = 0; i < bits / 8; i++)
		if (!bytes[i])
			return i * 8;
	return bitmap_find_clear(map, bits, 0);
}

/* A block of the group at or near goal (an offset in it); -ENOSPC: full. */
static int alloc_in_group(struct ext2_sb *s, u32 group, u32 goal, u32 *out)
{
	struct ext2_group_desc *g = ext2_group(s, group);
	u32 bits = group_blocks(s, group), bit;
	struct block_ref map;
	int err;

	if (!g->free_blocks)
		return -ENOSPC;
	err = block_read(s->bdev, g->block_bitmap, s->bits, &map);
	if (err)
		return err;
	bit = find_free(map.data, bits, goal);
	if (bit >= bits) {
		err = ext2_error(s, "group %u counts %u free blocks, its bitmap none",
				 group, g->free_blocks);
	} else if (!ext2_block_valid(s, group_start(s, group) + bit)) {
		err = ext2_error(s, "metadata block %u is free in the bitmap",
				 group_start(s, group) + bit);
	} else {
		bitmap_set(map.data, bit);
		block_dirty(&map);
		g->free_blocks--;
		s->super->free_blocks--;
		ext2_group_dirty(s, group);
		*out = group_start(s, group) + bit;
	}
	block_put(&map);
	return err;
}

int ext2_block_alloc(struct ext2_inode *ei, u32 goal, u32 *out)
{
	struct ext2_sb *s = EXT2_SB(ei->vfs.sb);
	u32 group, offset = 0;
	int err = -ENOSPC;

	if (goal > s->first_data_block && goal < s->blocks_count) {
		group = group_of(s, goal);
		offset = goal - group_start(s, group);
	} else {
		group = (u32)(ei->vfs.ino - 1) / s->inodes_per_group;
	}
	mutex_lock(&s->alloc_lock);
	for (u32 i = 0; i < s->nr_groups && err == -ENOSPC; i++) {
		err = alloc_in_group(s, group, offset, out);
		group = group + 1 == s->nr_groups ? 0 : group + 1;
		offset = 0;
	}
	mutex_unlock(&s->alloc_lock);
	return err;
}

int ext2_block_free(struct ext2_sb *s, u32 block)
{
	struct ext2_group_desc *g;
	struct block_ref map;
	u32 group, bit;
	int err;

	if (!ext2_block_valid(s, block))
		return ext2_error(s, "freeing block %u, which no file can own", block);
	group = group_of(s, block);
	bit = block - group_start(s, group);
	mutex_lock(&s->alloc_lock);
	g = ext2_group(s, group);
	err = block_read(s->bdev, g->block_bitmap, s->bits, &map);
	if (!err && !bitmap_test(map.data, bit)) {
		err = ext2_error(s, "block %u is freed twice", block);
		block_put(&map);
	} else if (!err) {
		bitmap_clear(map.data, bit);
		block_dirty(&map);
		g->free_blocks++;
		s->super->free_blocks++;
		ext2_group_dirty(s, group);
		block_put(&map);
	}
	mutex_unlock(&s->alloc_lock);
	return err;
}
