/* SPDX-License-Identifier: MIT */
/*
 * Inode numbers. A file's inode goes into its directory's group, so that a
 * directory's files lie together; a directory of the root goes to the emptiest
 * group, so that trees spread. The next group is tried when one is full.
 */
#include <fs/ext2/ext2.h>
#include <kernel/lib/bitmap.h>

static int alloc_in_group(struct ext2_sb *s, u32 group, bool is_dir, u32 *out)
{
	struct ext2_group_desc *g = ext2_group(s, group);
	u32 from = group ? 0 : s->first_ino - 1, bit;
	struct block_ref map;
	int err;

	if (!g->free_inodes)
		return -ENOSPC;
	err = block_read(s->bdev, g->inode_bitmap, s->bits, &map);
	if (err)
		return err;
	bit = bitmap_find_clear(map.data, s->inodes_per_group, from);
	if (bit >= s->inodes_per_group) {
		err = ext2_error(s, "group %u counts %u free inodes, its bitmap none",
				 group, g->free_inodes);
	} else {
		bitmap_set(map.data, bit);
		block_dirty(&map);
		g->free_inodes--;
		g->used_dirs += is_dir;
		s->super->free_inodes--;
		ext2_group_dirty(s, group);
		*out = group * s->inodes_per_group + bit + 1;
	}
	block_put(&map);
	return err;
}

static u32 emptiest_group(struct ext2_sb *s)
{
	u32 best = 0;

	for (u32 i = 1; i < s->nr_groups; i++)
		if (ext2_group(s, i)->free_blocks > ext2_group(s, best)->free_blocks)
			best = i;
	return best;
}

int ext2_inode_alloc(struct inode *dir, umode_t mode, u32 *out)
{
	struct ext2_sb *s = EXT2_SB(dir->sb);
	bool is_dir = S_ISDIR(mode);
	u32 group = (u32)(dir->ino - 1) / s->inodes_per_group;
	int err = -ENOSPC;

	mutex_lock(&s->alloc_lock);
	if (is_dir && dir->ino == EXT2_ROOT_INO)
		group = emptiest_group(s);
	for (u32 i = 0; i < s->nr_groups && err == -ENOSPC; i++) {
		err = alloc_in_group(s, group, is_dir, out);
		group = group + 1 == s->nr_groups ? 0 : group + 1;
	}
	mutex_unlock(&s->alloc_lock);
	return err;
}

int ext2_inode_free(struct ext2_sb *s, u32 ino, bool is_dir)
{
	u32 group = (ino - 1) / s->inodes_per_group, bit = (ino - 1) % s->inodes_per_group;
	struct ext2_group_desc *g = ext2_group(s, group);
	struct block_ref map;
	int err;

	mutex_lock(&s->alloc_lock);
	err = block_read(s->bdev, g->inode_bitmap, s->bits, &map);
	if (!err && !bitmap_test(map.data, bit)) {
		err = ext2_error(s, "inode %u is freed twice", ino);
		block_put(&map);
	} else if (!err) {
		bitmap_clear(map.data, bit);
		block_dirty(&map);
		g->free_inodes++;
		if (is_dir && g->used_dirs)
			g->used_dirs--;
		s->super->free_inodes++;
		ext2_group_dirty(s, group);
		block_put(&map);
	}
	mutex_unlock(&s->alloc_lock);
	return err;
}
