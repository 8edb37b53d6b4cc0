/* SPDX-License-Identifier: MIT */
/*
 * ext2 superblock: mount, the feature gate, damage, sync.
 *
 * The gate: an unknown INCOMPAT feature, or a journal that wants replay (which is
 * INCOMPAT too), refuses the mount; an unknown RO_COMPAT feature refuses writing;
 * COMPAT features may be ignored by definition.
 *
 * While mounted for writing the VALID bit on disk is clear; unmounting sets it
 * again unless damage was seen. Damage sets ERROR, on disk at once, and then
 * errors= decides: continue, remount-ro (default where the disk says nothing
 * else), panic.
 *
 * Superblock and descriptors stay pinned in the device's cache and are changed
 * in place, under alloc_lock.
 */
#include <fs/blkdev.h>
#include <fs/ext2/ext2.h>
#include <fs/statfs.h>
#include <kernel/bug.h>
#include <kernel/lib/string.h>
#include <kernel/printk.h>

#define SUPER_OFFSET	1024
#define TELL_MOST	10	/* chosen, as Linux's: messages about damage in a period */
#define TELL_PERIOD_NS	(5 * NS_PER_SEC)

static struct kmem_cache *inode_cache;

struct ext2_group_desc *ext2_group(struct ext2_sb *s, u32 group)
{
	u32 per = s->block_bytes / sizeof(struct ext2_group_desc);

	return (struct ext2_group_desc *)s->gdt[group / per].data + group % per;
}

void ext2_group_dirty(struct ext2_sb *s, u32 group)
{
	block_dirty(&s->gdt[group / (s->block_bytes / sizeof(struct ext2_group_desc))]);
	block_dirty(&s->super_ref);
}

static bool is_power_of(u32 n, u32 base)
{
	while (n % base == 0)
		n /= base;
	return n == 1;
}

bool ext2_has_super(const struct ext2_sb *s, u32 group)
{
	return group <= 1 || !s->sparse_super || is_power_of(group, 3) || is_power_of(group, 5) ||
		is_power_of(group, 7);
}

u32 ext2_gdt_block(const struct ext2_sb *s, u32 i)
{
	u32 group = i * (s->block_bytes / sizeof(struct ext2_group_desc));

	if (!s->meta_bg || i < s->first_meta_bg)
		return s->first_data_block + 1 + i;
	return s->first_data_block + group * s->blocks_per_group + ext2_has_super(s, group);
}

/* A damaged file system that goes on being used must not fill the log. */
static bool may_tell(struct ext2_sb *s)
{
	ktime_t now = ktime_get();

	if (now - s->told_ns > TELL_PERIOD_NS || !s->told_ns) {
		s->told_ns = now;
		s->told = 0;
	}
	if (++s->told == TELL_MOST)
		pr_err("ext2 %s: damaged in more places", s->bdev->name);
	return s->told < TELL_MOST;
}

int ext2_error(struct ext2_sb *s, const char *fmt, ...)
{
	char text[128];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (may_tell(s))
		pr_err("ext2 %s: %s: run e2fsck", s->bdev->name, text);
	if (s->errors == EXT2_ERRORS_PANIC)
		panic("ext2 %s: damaged, mounted with errors=panic", s->bdev->name);
	if (!(s->sb->flags & SB_RDONLY)) {
		s->super->state |= EXT2_STATE_ERROR;
		block_dirty(&s->super_ref);
		if (s->errors != EXT2_ERRORS_CONTINUE)
			s->sb->flags |= SB_RDONLY;
	}
	return -EUCLEAN;
}

static struct inode *ext2_inode_alloc_object(struct superblock *sb)
{
	struct ext2_inode *ei = kmem_cache_zalloc(inode_cache, GFP_NOFS);

	if (!ei)
		return NULL;
	ei->vfs.mapping = &ei->data;
	mutex_init(&ei->map_lock, RANK_EXT2_MAP);
	list_init(&ei->freed);
	return &ei->vfs;
}

static void ext2_inode_free_object(struct inode *inode)
{
	kmem_cache_free(inode_cache, EXT2_I(inode));
}

static int check_features(const struct ext2_super *d, u32 *flags)
{
	u32 incompat = d->rev_level ? d->feature_incompat & ~EXT2_INCOMPAT_SUPPORTED : 0;
	u32 ro = d->rev_level ? d->feature_ro_compat & ~EXT2_RO_SUPPORTED : 0;

	if (incompat) {
		pr_err("ext2: unsupported features %#x", incompat);
		return -EINVAL;
	}
	if (ro && !(*flags & SB_RDONLY)) {
		pr_err("ext2: features %#x allow reading only", ro);
		return -EROFS;
	}
	return 0;
}

static bool is_power_of_two(u32 n)
{
	return n && !(n & (n - 1));
}

/* The numbers that everything else is computed from. */
static int check_geometry(const struct ext2_super *d, u64 device_bytes)
{
	u32 bits = d->log_block_size + 10, block = 1u << (bits & 31);
	u32 inode_bytes = d->rev_level ? d->inode_size : 128;
	u64 groups;

	if (d->log_block_size > 2 || !is_power_of_two(inode_bytes) || inode_bytes < 128 ||
	    inode_bytes > block || d->first_data_block != (block == 1024) ||
	    !d->blocks_per_group || d->blocks_per_group > block * 8 || d->blocks_per_group % 8 ||
	    !d->inodes_per_group || d->inodes_per_group > block * 8 ||
	    d->inodes_per_group % (block / inode_bytes) ||
	    d->blocks_count <= d->first_data_block || d->rev_level > 1 ||
	    (d->rev_level && d->first_ino < 11) || d->free_blocks > d->blocks_count ||
	    (u64)d->blocks_count << bits > device_bytes)
		return -EUCLEAN;
	groups = DIV_ROUND_UP((u64)d->blocks_count - d->first_data_block, d->blocks_per_group);
	return groups * d->inodes_per_group == d->inodes_count ? 0 : -EUCLEAN;
}

static void set_geometry(struct ext2_sb *s, const struct ext2_super *d)
{
	s->bits = d->log_block_size + 10;
	s->block_bytes = 1u << s->bits;
	s->blocks_count = d->blocks_count;
	s->first_data_block = d->first_data_block;
	s->blocks_per_group = d->blocks_per_group;
	s->inodes_count = d->inodes_count;
	s->inodes_per_group = d->inodes_per_group;
	s->inode_bytes = d->rev_level ? d->inode_size : 128;
	s->first_ino = d->rev_level ? d->first_ino : 11;
	s->itable_blocks = s->inodes_per_group / (s->block_bytes / s->inode_bytes);
	s->nr_groups = DIV_ROUND_UP(s->blocks_count - s->first_data_block, s->blocks_per_group);
	s->nr_gdt = DIV_ROUND_UP(s->nr_groups * sizeof(struct ext2_group_desc), s->block_bytes);
	s->meta_bg = d->rev_level && (d->feature_incompat & EXT2_INCOMPAT_META_BG);
	s->first_meta_bg = d->first_meta_bg;
	s->sparse_super = d->rev_level && (d->feature_ro_compat & EXT2_RO_SPARSE_SUPER);
	s->errors = d->errors >= EXT2_ERRORS_CONTINUE && d->errors <= EXT2_ERRORS_PANIC ?
		    d->errors : EXT2_ERRORS_RO;
}

static int load_super(struct ext2_sb *s, u32 *flags)
{
	int err = block_read(s->bdev, SUPER_OFFSET >> 10, 10, &s->super_ref);

	if (err)
		return err;
	s->super = s->super_ref.data;
	if (s->super->magic != EXT2_MAGIC)
		return -EINVAL;
	err = check_features(s->super, flags);
	if (!err)
		err = check_geometry(s->super, blockdev_bytes(s->bdev));
	if (!err && 1024u << s->super->log_block_size < s->bdev->disk->limits.logical_block) {
		pr_err("ext2 %s: its blocks are smaller than the device's\n", s->bdev->name);
		err = -EINVAL;
	}
	if (!err)
		set_geometry(s, s->super);
	return err;
}

static bool in_fs(const struct ext2_sb *s, u32 block, u32 nr)
{
	return block > s->first_data_block && block < s->blocks_count &&
	       nr <= s->blocks_count - block;
}

/* Descriptor blocks of a file system as large as the whole disk: its partition may grow. */
static u32 most_gdt(const struct ext2_sb *s)
{
	u64 blocks = min_t(u64, s->bdev->disk->sectors >> (s->bits - SECTOR_SHIFT), U32_MAX);
	u64 groups = DIV_ROUND_UP(blocks, s->blocks_per_group);

	return (u32)DIV_ROUND_UP(groups * sizeof(struct ext2_group_desc), s->block_bytes);
}

static int load_groups(struct ext2_sb *s)
{
	s->max_gdt = max(s->nr_gdt, most_gdt(s));
	s->gdt = kcalloc(s->max_gdt, sizeof(*s->gdt), GFP_KERNEL);
	if (!s->gdt)
		return -ENOMEM;
	for (u32 i = 0; i < s->nr_gdt; i++) {
		int err = block_read(s->bdev, ext2_gdt_block(s, i), s->bits, &s->gdt[i]);

		if (err)
			return err;
	}
	for (u32 i = 0; i < s->nr_groups; i++) {
		const struct ext2_group_desc *g = ext2_group(s, i);

		if (!in_fs(s, g->block_bitmap, 1) || !in_fs(s, g->inode_bitmap, 1) ||
		    !in_fs(s, g->inode_table, s->itable_blocks))
			return -EUCLEAN;
	}
	return 0;
}

static int load_root(struct ext2_sb *s)
{
	struct inode *root;
	int err = ext2_iget(s->sb, EXT2_ROOT_INO, &root);

	if (err)
		return err;
	if (!S_ISDIR(root->mode)) {
		inode_put(root);
		return -EUCLEAN;
	}
	s->sb->root = dentry_alloc_root(root);
	return s->sb->root ? 0 : -ENOMEM;
}

static int parse_options(struct ext2_sb *s, char *options)
{
	static const struct { const char *text; u16 errors; } known[] = {
		{ "errors=continue", EXT2_ERRORS_CONTINUE },
		{ "errors=remount-ro", EXT2_ERRORS_RO },
		{ "errors=panic", EXT2_ERRORS_PANIC },
	};
	u16 errors = s->errors;

	while (options && *options) {
		char *next = strchr(options, ',');
		unsigned i;

		if (next)
			*next++ = 0;
		for (i = 0; i < ARRAY_SIZE(known) && strcmp(options, known[i].text); i++)
			;
		if (i == ARRAY_SIZE(known))
			return -EINVAL;
		errors = known[i].errors;
		options = next;
	}
	s->errors = errors;
	return 0;
}

static void mark_mounted(struct ext2_sb *s, bool mounted)
{
	mutex_lock(&s->alloc_lock);
	if (mounted)
		s->super->state &= ~EXT2_STATE_VALID;
	else if (!(s->super->state & EXT2_STATE_ERROR) && !s->lost)
		s->super->state |= EXT2_STATE_VALID;
	s->super->wtime = (u32)(ktime_real() / NS_PER_SEC);
	if (mounted) {
		s->super->mtime = s->super->wtime;
		s->super->mnt_count++;
	}
	block_dirty(&s->super_ref);
	mutex_unlock(&s->alloc_lock);
}

static void release(struct ext2_sb *s)
{
	for (u32 i = 0; s->gdt && i < s->max_gdt; i++)
		block_put(&s->gdt[i]);
	kfree(s->gdt);
	block_put(&s->super_ref);
	blockdev_release(s->bdev, s);
	kfree(s);
}

static int ext2_sync_fs(struct superblock *sb, bool wait)
{
	struct ext2_sb *s = EXT2_SB(sb);

	return wait ? ext2_drain(s) : mapping_write_start(s->bdev->mapping, 0, S64_MAX);
}

static void ext2_put_super(struct superblock *sb)
{
	struct ext2_sb *s = EXT2_SB(sb);

	int err = 0;

	/* Without a root it never was mounted. Inodes that ended last may still have given back. */
	if (sb->root && !(sb->flags & SB_RDONLY)) {
		err = ext2_drain(s);
		if (!err)
			mark_mounted(s, false);
	}
	if (blockdev_sync(s->bdev) || err)
		pr_err("ext2 %s: not all was written", s->bdev->name);
	ext2_order_stop(s);
	release(s);
	sb->private = NULL;
}

static int ext2_remount(struct superblock *sb, u32 *flags, char *options)
{
	struct ext2_sb *s = EXT2_SB(sb);
	bool was_ro = sb->flags & SB_RDONLY, ro = *flags & SB_RDONLY;
	int err = parse_options(s, options);

	if (err || was_ro == ro)
		return err;
	if (ro) {
		err = ext2_drain(s);
		mark_mounted(s, false);
		return err ? err : blockdev_sync(s->bdev);
	}
	if (blockdev_is_read_only(s->bdev) || (s->super->state & EXT2_STATE_ERROR))
		return -EROFS;
	err = check_features(s->super, flags);
	if (!err)
		mark_mounted(s, true);
	return err;
}

static int ext2_statfs(struct superblock *sb, struct kstatfs *st)
{
	struct ext2_sb *s = EXT2_SB(sb);
	u64 overhead = s->first_data_block + 1 + s->nr_gdt +
		       (u64)s->nr_groups * (s->itable_blocks + 2);
	u64 free, reserved;

	mutex_lock(&s->alloc_lock);
	free = s->super->free_blocks;
	reserved = s->super->r_blocks_count;
	st->ffree = s->super->free_inodes;
	mutex_unlock(&s->alloc_lock);
	spin_lock(&s->order_lock);
	free += s->later_blocks;
	st->ffree += s->later_inodes;
	spin_unlock(&s->order_lock);
	st->type = EXT2_MAGIC;
	st->bsize = st->frsize = s->block_bytes;
	st->blocks = s->blocks_count > overhead ? s->blocks_count - overhead : 0;
	st->bfree = free;
	st->bavail = free > reserved ? free - reserved : 0;
	st->files = s->inodes_count;
	st->namelen = EXT2_NAME_MAX;
	memcpy(&st->fsid, s->super->uuid, sizeof(st->fsid));
	return 0;
}

static void ext2_show_options(struct superblock *sb, char *buf, size_t len)
{
	static const char *const names[] = { "", "continue", "remount-ro", "panic" };

	snprintf(buf, len, ",errors=%s", names[EXT2_SB(sb)->errors]);
}

static const struct super_ops ext2_super_ops = {
	.inode_alloc = ext2_inode_alloc_object,
	.inode_free = ext2_inode_free_object,
	.inode_write = ext2_inode_write,
	.inode_evict = ext2_inode_evict,
	.sync_fs = ext2_sync_fs,
	.advance = ext2_advance,
	.put_super = ext2_put_super,
	.statfs = ext2_statfs,
	.remount = ext2_remount,
	.show_options = ext2_show_options,
};

static u64 file_limit(const struct ext2_sb *s)
{
	u64 by_map = ext2_max_blocks(s) << s->bits;
	u64 by_count = (u64)U32_MAX << SECTOR_SHIFT;	/* inode's 32-bit count of sectors */

	return min(by_map, by_count);
}

static int mount_claimed(struct ext2_sb *s, struct superblock *sb, u32 flags, char *options)
{
	int err = load_super(s, &flags);

	if (!err)
		err = load_groups(s);
	if (!err)
		err = parse_options(s, options);
	if (err)
		return err;
	sb->blocksize = s->block_bytes;
	sb->blkbits = s->bits;
	sb->magic = EXT2_MAGIC;
	sb->max_bytes = file_limit(s);
	sb->time_granularity_ns = s->inode_bytes > 128 ? 1 : NS_PER_SEC;
	ext2_order_start(s);
	err = load_root(s);
	if (!err && !(flags & SB_RDONLY))
		mark_mounted(s, true);
	return err;
}

/* bdev is mounted already: the same superblock once more, if it is to be as writable. */
static int ext2_share(const struct fstype *type, struct blockdev *bdev, u32 flags,
		      struct superblock **out)
{
	struct superblock *sb;

	for (sb = superblock_next(NULL); sb; sb = superblock_next(sb)) {
		if (sb->type != type || sb->bdev != bdev || !READ_ONCE(sb->root))
			continue;
		if ((sb->flags ^ flags) & SB_RDONLY)
			break;
		*out = sb;
		return 0;
	}
	if (sb)
		superblock_put(sb);
	return -EBUSY;
}

static int ext2_mount(const struct fstype *type, u32 flags, const char *source, char *options,
		      struct superblock **out)
{
	struct blockdev *bdev;
	struct superblock *sb;
	struct ext2_sb *s;
	int err = blkdev_of_source(source, &bdev);

	if (err)
		return err;
	if (blockdev_is_read_only(bdev) && !(flags & SB_RDONLY))
		return -EACCES;
	err = -ENOMEM;
	if (!inode_cache)
		inode_cache = kmem_cache_create("ext2_inode", sizeof(struct ext2_inode), 64, NULL);
	s = kzalloc(sizeof(*s), GFP_KERNEL);
	if (!s || !inode_cache)
		goto free_s;
	sb = superblock_alloc(type, flags);
	if (!sb)
		goto free_s;
	err = blockdev_claim(bdev, s);
	if (err) {
		superblock_put(sb);
		kfree(s);
		return ext2_share(type, bdev, flags, out);
	}
	mutex_init(&s->alloc_lock, RANK_EXT2_ALLOC);
	ext2_order_init(s);
	s->sb = sb;
	s->bdev = bdev;
	sb->bdev = bdev;
	sb->dev = bdev->dev;
	sb->private = s;
	sb->ops = &ext2_super_ops;
	strscpy(sb->id, bdev->name, sizeof(sb->id));
	err = mount_claimed(s, sb, flags, options);
	if (err)
		superblock_put(sb);	/* put_super lets go of the rest, after the last inode */
	else
		*out = sb;
	return err;

free_s:
	kfree(s);
	return err;
}

FILESYSTEM(ext2) = {
	.name = "ext2",
	.flags = FSTYPE_NEEDS_DEV,
	.mount = ext2_mount,
};
