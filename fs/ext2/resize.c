/* SPDX-License-Identifier: MIT */
/*
 * A mounted file system grows: EXT4_IOC_RESIZE_FS, as Linux's ext4 has it for ext2.
 *
 * What lies behind the file system's end is nobody's, so all of a new group can be made there at
 * leisure; it counts from the superblock's one write that moves the end. Each step is on
 * the disk before the next begins, so a power cut leaves the old end or the new one, and
 * at most counts that e2fsck -p mends:
 *
 *	last group	bits of its new blocks clear  |  the end moves  |  they count as free
 *	new groups	bitmaps, zeroed inode table   |  descriptors    |  the end moves
 *
 * Descriptors. Of a file system with meta_bg, those of as many groups as one block describes (a
 * meta group) are in the first of these groups, with copies in the second and the last: so it
 * grows without end, and no block that is in use has to move. Without meta_bg they must fit into
 * the descriptor blocks that are there.
 *
 * Copies of superblock and descriptors are written last: nobody reads them while the first
 * ones are good.
 *
 * Limit: a file system with resize_inode gets no new groups: what that inode names would have to
 * change in the same instant as the superblock. It does not shrink.
 *
 * Locks: one grows at a time (sbi->growing). What others read changes under alloc_lock, and in an
 * order in which it may be read without: descriptors before the number of groups and blocks.
 */
#include <arch/uaccess.h>
#include <fs/ext2/ext2.h>
#include <fs/namei.h>
#include <kernel/lib/bitmap.h>
#include <kernel/lib/string.h>
#include <kernel/printk.h>
#include <kernel/task/cred.h>
#include <kernel/task/signal.h>
#include <kernel/task/thread.h>

#define EXT4_IOC_RESIZE_FS	0x40086610	/* u64: blocks */
#define BATCH_BLOCKS	1024		/* chosen: of inode tables, zeroed between two barriers */
/* as Linux's: a last group with fewer to spare is not made */
#define LEAST_BLOCKS	50

/* Where the parts of a group that is made lie. */
struct layout {
	u32 start, blocks;		/* of the group */
	u32 descriptors;		/* block of the copy of its meta group's; 0: none here */
	u32 block_bitmap, inode_bitmap, inode_table, used;
};

static u32 per_block(const struct ext2_sb *s)
{
	return s->block_bytes / (u32)sizeof(struct ext2_group_desc);
}

static u32 group_start(const struct ext2_sb *s, u32 group)
{
	return s->first_data_block + group * s->blocks_per_group;
}

static u32 groups_for(const struct ext2_sb *s, u64 blocks)
{
	return (u32)DIV_ROUND_UP(blocks - s->first_data_block, (u64)s->blocks_per_group);
}

static bool has_descriptors(const struct ext2_sb *s, u32 group)
{
	u32 at = group % per_block(s);

	return s->meta_bg && group / per_block(s) >= s->first_meta_bg &&
	       (at < 2 || at == per_block(s) - 1);
}

static void lay_out(const struct ext2_sb *s, u32 group, u64 end, struct layout *l)
{
	u32 at;

	l->start = at = group_start(s, group);
	l->blocks = (u32)min_t(u64, s->blocks_per_group, end - at);
	at += ext2_has_super(s, group);
	l->descriptors = has_descriptors(s, group) ? at : 0;
	if (l->descriptors)
		at++;
	else if (ext2_has_super(s, group))
		at += ext2_plain_gdt(s);
	l->block_bitmap = at;
	l->inode_bitmap = at + 1;
	l->inode_table = at + 2;
	l->used = at + 2 + s->itable_blocks - l->start;
}

/* --- the last group --- */

/*
 * Bits of blocks that are to come are clear on the disk: until the end moves nobody looks at them.
 */
static int clear_tail(struct ext2_sb *s, u32 group, u32 from, u32 to)
{
	struct block_ref map;
	int err;

	mutex_lock(&s->alloc_lock);
	err = block_read(s->bdev, ext2_group(s, group)->block_bitmap, s->bits, &map);
	if (!err) {
		for (u32 bit = from; bit < to; bit++)
			bitmap_clear(map.data, bit);
		block_dirty(&map);
		block_put(&map);
	}
	mutex_unlock(&s->alloc_lock);
	return err ? err : ext2_barrier(s);
}

/* The superblock's one write: the end is there now. */
static int move_end(struct ext2_sb *s, u64 end, u32 more_free, u32 new_groups)
{
	struct ext2_super *d = s->super;
	u64 reserved = (u64)d->r_blocks_count * end / s->blocks_count;

	mutex_lock(&s->alloc_lock);
	d->blocks_count = (u32)end;
	d->r_blocks_count = (u32)reserved;
	d->free_blocks += more_free;
	d->inodes_count += new_groups * s->inodes_per_group;
	d->free_inodes += new_groups * s->inodes_per_group;
	/* descriptors first: pairs with the order in which readers use them */
	smp_wmb();
	WRITE_ONCE(s->inodes_count, d->inodes_count);
	WRITE_ONCE(s->blocks_count, (u32)end);
	WRITE_ONCE(s->nr_groups, s->nr_groups + new_groups);
	block_dirty(&s->super_ref);
	mutex_unlock(&s->alloc_lock);
	return ext2_barrier(s);
}

static int fill_last_group(struct ext2_sb *s, u64 end)
{
	u32 group = s->nr_groups - 1, start = group_start(s, group);
	u32 old = s->blocks_count - start, new = (u32)min_t(u64, s->blocks_per_group, end - start);
	int err;

	if (new <= old)
		return 0;
	err = clear_tail(s, group, old, new);
	if (!err)
		err = move_end(s, (u64)start + new, new - old, 0);
	if (err)
		return err;
	mutex_lock(&s->alloc_lock);
	ext2_group(s, group)->free_blocks += new - old;
	ext2_group_dirty(s, group);
	mutex_unlock(&s->alloc_lock);
	return ext2_barrier(s);
}

/* --- new groups, behind the end --- */

/* A bitmap of `bits` things, of which those outside of [from, to) are in use or not there. */
static int write_bitmap(struct ext2_sb *s, u32 block, u32 from, u32 to)
{
	struct block_ref map;
	int err = block_new(s->bdev, block, s->bits, &map);

	if (err)
		return err;
	memset(map.data, 0xff, s->block_bytes);
	for (u32 bit = from; bit < to; bit++)
		bitmap_clear(map.data, bit);
	block_dirty(&map);
	block_put(&map);
	return 0;
}

static int zero_block(struct ext2_sb *s, u32 block)
{
	struct block_ref ref;
	int err = block_new(s->bdev, block, s->bits, &ref);

	block_put(&ref);
	return err;
}

static int make_group(struct ext2_sb *s, u32 group, u64 end)
{
	struct layout l;
	int err;

	lay_out(s, group, end, &l);
	err = write_bitmap(s, l.block_bitmap, l.used, l.blocks);
	if (!err)
		err = write_bitmap(s, l.inode_bitmap, 0, s->inodes_per_group);
	for (u32 i = 0; !err && i < s->itable_blocks; i++)
		err = zero_block(s, l.inode_table + i);
	return err;
}

/* Its descriptor, in a block that may have to be made. *more_free: counts its free blocks. */
static int describe(struct ext2_sb *s, u32 group, u64 end, u32 *more_free)
{
	struct ext2_group_desc *g;
	struct layout l;
	int err = 0;

	lay_out(s, group, end, &l);
	if (group / per_block(s) == s->nr_gdt) {
		err = block_new(s->bdev, ext2_gdt_block(s, s->nr_gdt), s->bits, &s->gdt[s->nr_gdt]);
		if (!err)
			WRITE_ONCE(s->nr_gdt, s->nr_gdt + 1);
	}
	if (err)
		return err;
	g = ext2_group(s, group);
	*g = (struct ext2_group_desc){
		.block_bitmap = l.block_bitmap, .inode_bitmap = l.inode_bitmap, .inode_table = l.inode_table,
		.free_blocks = (u16)(l.blocks - l.used), .free_inodes = (u16)s->inodes_per_group,
	};
	block_dirty(&s->gdt[group / per_block(s)]);
	*more_free += l.blocks - l.used;
	return 0;
}

static int add_groups(struct ext2_sb *s, u32 nr, u64 end)
{
	u32 first = s->nr_groups, more_free = 0;
	int err = 0;

	end = min_t(u64, end, group_start(s, first + nr));
	for (u32 i = 0; !err && i < nr; i++)
		err = make_group(s, first + i, end);
	if (!err)
		err = ext2_barrier(s);
	for (u32 i = 0; !err && i < nr; i++)
		err = describe(s, first + i, end, &more_free);
	if (!err)
		err = ext2_barrier(s);
	return err ? err : move_end(s, end, more_free, nr);
}

/* --- copies --- */

static int copy_to(struct ext2_sb *s, u32 block, const void *from, u32 bytes, u32 group)
{
	struct block_ref ref;
	int err = block_new(s->bdev, block, s->bits, &ref);

	if (err)
		return err;
	mutex_lock(&s->alloc_lock);
	memcpy(ref.data, from, bytes);
	mutex_unlock(&s->alloc_lock);
	if (from == s->super)
		((struct ext2_super *)ref.data)->block_group_nr = (u16)group;
	block_dirty(&ref);
	block_put(&ref);
	return 0;
}

static int copy_into(struct ext2_sb *s, u32 group)
{
	bool super = ext2_has_super(s, group);
	u32 start = group_start(s, group), own = group / per_block(s);
	int err = super ? copy_to(s, start, s->super, sizeof(*s->super), group) : 0;

	if (has_descriptors(s, group))
		return err || group % per_block(s) == 0 ? err :
			copy_to(s, start + super, s->gdt[own].data, s->block_bytes, group);
	for (u32 i = 0; super && !s->meta_bg && !err && i < s->nr_gdt; i++)
		err = copy_to(s, start + 1 + i, s->gdt[i].data, s->block_bytes, group);
	return err;
}

static int write_copies(struct ext2_sb *s)
{
	int err = 0;

	for (u32 group = 1; !err && group < s->nr_groups; group++)
		err = copy_into(s, group);
	return err ? err : ext2_barrier(s);
}

/* --- all of it --- */

/*
 * The nearest end that can be reached: descriptors
 * have their place, and the last group is worth it.
 */
static u64 reachable(const struct ext2_sb *s, u64 end)
{
	u64 most = (u64)U32_MAX / s->inodes_per_group;
	struct layout l;
	u32 last;

	if (!s->meta_bg || s->first_meta_bg > s->nr_gdt)
		most = min_t(u64, most, (u64)s->nr_gdt * per_block(s));
	if (s->super->feature_compat & EXT2_COMPAT_RESIZE_INODE)
		most = s->nr_groups;
	most = min_t(u64, most, (u64)s->max_gdt * per_block(s));
	end = min(end, s->first_data_block + most * s->blocks_per_group);
	last = groups_for(s, end) - 1;
	if (last < s->nr_groups)
		return end;
	lay_out(s, last, end, &l);
	return l.blocks < l.used + LEAST_BLOCKS ? l.start : end;
}

static int grow(struct ext2_sb *s, u64 end)
{
	u32 before = s->blocks_count, batch = max(BATCH_BLOCKS / s->itable_blocks, 1u), groups;
	int err;

	end = reachable(s, end);
	err = fill_last_group(s, end);
	groups = groups_for(s, end);
	while (!err && s->nr_groups < groups) {
		err = add_groups(s, min(batch, groups - s->nr_groups), end);
		if (!err && signal_fatal_pending(current))
			err = -EINTR;
	}
	if (s->blocks_count != before) {
		int copies = write_copies(s);

		pr_info("ext2 %s: grown from %u to %u blocks of %u\n", s->bdev->name, before,
			s->blocks_count, s->block_bytes);
		err = err ? err : copies;
	}
	return err;
}

static int check(const struct ext2_sb *s, u64 blocks)
{
	if (s->super->state & EXT2_STATE_ERROR)
		return -EPERM;
	if (blocks < s->blocks_count || blocks > U32_MAX)
		return -EINVAL;
	return blocks << s->bits > blockdev_bytes(s->bdev) ? -ENOSPC : 0;
}

long ext2_dir_ioctl(struct file *f, u32 cmd, u64 arg)
{
	struct ext2_sb *s = EXT2_SB(f->inode->sb);
	u64 blocks;
	int err;

	if (cmd != EXT4_IOC_RESIZE_FS)
		return -ENOTTY;
	if (!capable(CAP_SYS_RESOURCE))
		return -EPERM;
	if (get_user(blocks, (uaddr_t)arg))
		return -EFAULT;
	if (__atomic_exchange_n(&s->growing, 1, __ATOMIC_ACQUIRE))
		return -EBUSY;
	err = mount_want_write(f->path.mnt);
	if (!err)
		err = check(s, blocks);
	if (!err)
		err = grow(s, blocks);
	smp_store_release(&s->growing, 0);
	return err;
}
