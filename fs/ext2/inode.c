/* SPDX-License-Identifier: MIT */
/*
 * Inodes: from the inode table into memory, back, and their end.
 *
 * An inode in memory is newer than its slot in the table while
 * INODE_STATE_DIRTY; ext2_inode_write() copies it into the table's block, which
 * then is written with the other metadata. Times have seconds in 32 signed bits
 * and, in 256-byte inodes, an extra word: two more bits of seconds, 30 of ns.
 *
 * fsync order: file data first, then a barrier (order.c): all metadata of the device
 * (inode, map, bitmaps, the directory that names it), and a flush of the device's cache;
 * one more for a file whose name was not on disk before. So an fsynced file is found
 * again under its name after a power cut.
 *
 * A new inode has no slot before it has a name: ext2_inode_first_write() fills it then.
 *
 * The end (evict): with no name left, blocks, xattr block and number are given back
 * (later.c); the slot keeps the time of deletion. Between unlink and evict the slot has
 * links 0: after a crash e2fsck frees it.
 */
#include <fs/chrdev.h>
#include <fs/ext2/ext2.h>
#include <kernel/lib/string.h>

void ext2_slot_place(struct ext2_sb *s, u32 ino, struct ext2_place *out)
{
	u32 group = (ino - 1) / s->inodes_per_group, index = (ino - 1) % s->inodes_per_group;
	u64 offset = (u64)index * s->inode_bytes;

	out->block = ext2_group(s, group)->inode_table + (u32)(offset >> s->bits);
	out->offset = offset & (s->block_bytes - 1);
}

int ext2_slot(struct ext2_sb *s, u32 ino, struct block_ref *ref, struct ext2_raw_inode **raw)
{
	struct ext2_place at;
	int err;

	ext2_slot_place(s, ino, &at);
	err = block_read(s->bdev, at.block, s->bits, ref);
	if (!err)
		*raw = (void *)((char *)ref->data + at.offset);
	return err;
}

/* Does the slot hold the field that ends at this byte? */
static bool has_extra(const struct ext2_sb *s, const struct ext2_raw_inode *raw, u32 end)
{
	return s->inode_bytes > 128 && 128u + raw->extra_isize >= end &&
	       128u + raw->extra_isize <= s->inode_bytes;
}
#define HAS_EXTRA(s, raw, field) \
	has_extra(s, raw, offsetof(struct ext2_raw_inode, field) + sizeof((raw)->field))

static struct timespec64 time_in(u32 sec, u32 extra, bool has)
{
	struct timespec64 t = { (s32)sec, 0 };

	if (has) {
		t.sec += (s64)(extra & 3) << 32;
		t.nsec = min_t(u32, extra >> 2, NS_PER_SEC - 1);
	}
	return t;
}

static u32 extra_of(const struct timespec64 *t)
{
	return (u32)((t->sec - (s32)t->sec) >> 32 & 3) | (u32)t->nsec << 2;
}

static u32 sec_of(const struct timespec64 *t, bool has)
{
	return has ? (u32)t->sec : (u32)clamp(t->sec, (s64)-0x80000000l, (s64)0x7fffffff);
}

static void times_in(struct inode *i, const struct ext2_sb *s, const struct ext2_raw_inode *r)
{
	bool a = HAS_EXTRA(s, r, atime_extra), m = HAS_EXTRA(s, r, mtime_extra),
	     c = HAS_EXTRA(s, r, ctime_extra);

	i->atime = time_in(r->atime, a ? r->atime_extra : 0, a);
	i->mtime = time_in(r->mtime, m ? r->mtime_extra : 0, m);
	i->ctime = time_in(r->ctime, c ? r->ctime_extra : 0, c);
}

static void times_out(struct inode *i, const struct ext2_sb *s, struct ext2_raw_inode *r)
{
	bool a = HAS_EXTRA(s, r, atime_extra), m = HAS_EXTRA(s, r, mtime_extra),
	     c = HAS_EXTRA(s, r, ctime_extra);

	r->atime = sec_of(&i->atime, a);
	r->mtime = sec_of(&i->mtime, m);
	r->ctime = sec_of(&i->ctime, c);
	if (a)
		r->atime_extra = extra_of(&i->atime);
	if (m)
		r->mtime_extra = extra_of(&i->mtime);
	if (c)
		r->ctime_extra = extra_of(&i->ctime);
}

static bool is_device(umode_t mode)
{
	return S_ISBLK(mode) || S_ISCHR(mode);
}

/* Old 8:8 numbers in block[0], else the 12:20 form in block[1]. */
static dev_t dev_in(const u32 *block)
{
	u32 n = block[0] ? block[0] : block[1];

	if (block[0])
		return MKDEV(n >> 8 & 0xff, n & 0xff);
	return MKDEV(n >> 8 & 0xfff, (n & 0xff) | (n >> 12 & 0xfff00));
}

static void dev_out(dev_t dev, u32 *block)
{
	u32 ma = MAJOR(dev), mi = MINOR(dev);
	bool old = ma < 256 && mi < 256;

	block[0] = old ? ma << 8 | mi : 0;
	block[1] = old ? 0 : (mi & 0xff) | ma << 8 | (mi & ~0xffu) << 12;
}

bool ext2_is_fast_symlink(const struct ext2_inode *ei)
{
	u64 xattr = ei->file_acl ? EXT2_SB(ei->vfs.sb)->block_bytes >> SECTOR_SHIFT : 0;

	return S_ISLNK(ei->vfs.mode) && ei->vfs.blocks == xattr;
}

static int check_raw(struct ext2_sb *s, u32 ino, const struct ext2_raw_inode *r, loff_t size)
{
	bool is_dir = S_ISDIR(r->mode);

	if (!r->links || !r->mode)
		return -ESTALE;
	if (size < 0 || (is_dir && (!size || (size & (s->block_bytes - 1)) ||
				    size > (loff_t)U32_MAX)) ||
	    (r->file_acl && !ext2_block_valid(s, r->file_acl)))
		return ext2_error(s, "inode %u is damaged", ino);
	return 0;
}

static int fill_inode(struct inode *inode, u32 ino)
{
	struct ext2_sb *s = EXT2_SB(inode->sb);
	struct ext2_inode *ei = EXT2_I(inode);
	struct ext2_raw_inode *r;
	struct block_ref ref;
	loff_t size;
	int err = ext2_slot(s, ino, &ref, &r);

	if (err)
		return err;
	size = r->size | (S_ISREG(r->mode) ? (u64)r->size_high << 32 : 0);
	err = check_raw(s, ino, r, size);
	if (!err) {
		inode->mode = r->mode;
		inode->uid = r->uid | (u32)r->uid_high << 16;
		inode->gid = r->gid | (u32)r->gid_high << 16;
		inode->nlink = r->links;
		inode->size = size;
		inode->blocks = r->blocks;
		inode->blkbits = s->bits;
		ei->generation = r->generation;
		times_in(inode, s, r);
		ei->flags = r->flags;
		ei->file_acl = r->file_acl;
		ei->dtime = 0;
		ei->goal = 0;
		ei->dir_hint = 0;
		ext2_seq_load(inode);
		memcpy(ei->block, r->block, sizeof(ei->block));
		if (is_device(inode->mode))
			inode->rdev = dev_in(ei->block);
		ext2_set_ops(inode);
	}
	block_put(&ref);
	return err;
}

int ext2_iget(struct superblock *sb, u32 ino, struct inode **out)
{
	struct ext2_sb *s = EXT2_SB(sb);
	int err;

	if (!ino || ino > s->inodes_count || (ino < s->first_ino && ino != EXT2_ROOT_INO))
		return ext2_error(s, "inode number %u is out of range", ino);
	err = inode_lookup(sb, ino, out);
	if (err || !((*out)->state & INODE_STATE_NEW))
		return err;
	err = fill_inode(*out, ino);
	if (err) {
		(*out)->nlink = 1;	/* evict has nothing to free */
		inode_failed(*out);
	} else {
		inode_ready(*out);
	}
	return err == -ESTALE ? ext2_error(s, "a name points to free inode %u", ino) : err;
}

/* All of the inode but what says whether it is in use: dtime, and the mark of a NEW slot. */
static void copy_out(struct inode *inode, struct ext2_raw_inode *r)
{
	struct ext2_inode *ei = EXT2_I(inode);

	r->mode = inode->mode;
	r->uid = inode->uid;
	r->uid_high = inode->uid >> 16;
	r->gid = inode->gid;
	r->gid_high = inode->gid >> 16;
	r->links = inode->nlink;
	r->size = (u32)inode->size;
	r->size_high = S_ISREG(inode->mode) ? (u32)(inode->size >> 32) : 0;
	r->blocks = inode->blocks;
	r->flags = ei->flags;
	r->generation = ei->generation;
	r->file_acl = ei->file_acl;
	times_out(inode, EXT2_SB(inode->sb), r);
	if (is_device(inode->mode))
		dev_out(inode->rdev, ei->block);
	memcpy(r->block, ei->block, sizeof(r->block));
}

int ext2_inode_write(struct inode *inode, bool wait)
{
	struct ext2_sb *s = EXT2_SB(inode->sb);
	struct ext2_inode *ei = EXT2_I(inode);
	struct ext2_raw_inode *r;
	struct block_ref ref;
	int err;

	if (ei->fresh || ei->unclaimed || READ_ONCE(ei->keep))
		return 0;
	err = ext2_slot(s, (u32)inode->ino, &ref, &r);
	if (err)
		return err;
	block_lock(&ref);
	/* It may have been taken back meanwhile. */
	if (ei->unclaimed) {
		block_unlock(&ref);
		block_put(&ref);
		return 0;
	}
	copy_out(inode, r);
	if (!inode->nlink || !ext2_slot_is_new(s, r)) {
		ext2_slot_unmark(r);
		r->dtime = ei->dtime;
	}
	block_dirty(&ref);
	block_unlock(&ref);
	block_put(&ref);
	return wait ? ext2_barrier(s) : 0;
}

/* The slot may hold an earlier file's leftovers: the new one starts from zero. */
int ext2_inode_first_write(struct inode *inode, struct inode *dir, u32 barriers)
{
	struct ext2_sb *s = EXT2_SB(inode->sb);
	struct ext2_raw_inode *r;
	struct block_ref ref;
	u32 seq = ext2_seq_of_name(dir) + barriers;
	int err = ext2_slot(s, inode->ino, &ref, &r);

	if (err)
		return err;
	if (r->links && r->mode) {
		block_put(&ref);
		return ext2_error(s, "inode %lu is in use, and free in the bitmap", inode->ino);
	}
	EXT2_I(inode)->name_seq = seq;
	block_lock(&ref);
	memset(r, 0, s->inode_bytes);
	if (s->inode_bytes > 128) {
		r->extra_isize = sizeof(*r) - 128;
		r->crtime = (u32)inode->ctime.sec;
		r->crtime_extra = extra_of(&inode->ctime);
	}
	copy_out(inode, r);
	ext2_slot_mark(s, r, seq, ext2_is_attached(dir) ? 0 : (u32)dir->ino);
	EXT2_I(inode)->fresh = false;
	block_dirty(&ref);
	block_unlock(&ref);
	block_put(&ref);
	return 0;
}

static int alloc_number(struct inode *dir, umode_t mode, u32 *ino)
{
	int err = ext2_inode_alloc(dir, mode, ino);

	for (u32 i = 0; err == -ENOSPC && i < EXT2_RECLAIM_TRIES && ext2_reclaim(EXT2_SB(dir->sb));
	     i++)
		err = ext2_inode_alloc(dir, mode, ino);
	return err;
}

int ext2_inode_new(struct inode *dir, umode_t mode, struct inode **out)
{
	struct ext2_sb *s = EXT2_SB(dir->sb);
	struct inode *inode = inode_new(dir->sb);
	struct ext2_inode *ei;
	u32 ino;
	int err;

	if (!inode)
		return -ENOMEM;
	ei = EXT2_I(inode);
	err = alloc_number(dir, mode, &ino);
	if (err) {
		inode->nlink = 1;	/* nothing on disk to free */
		inode_put(inode);
		return err;
	}
	inode->ino = ino;
	inode_init_owner(inode, dir, mode);
	inode->nlink = 1;
	inode->size = 0;
	inode->blocks = 0;
	inode->blkbits = s->bits;
	inode->atime = inode->mtime = inode->ctime = inode_now(inode);
	memset(ei->block, 0, sizeof(ei->block));
	ei->flags = EXT2_I(dir)->flags & EXT2_FL_INHERITED;
	ei->file_acl = ei->dtime = ei->goal = ei->dir_hint = 0;
	ei->fresh_seq = ei->name_seq = READ_ONCE(s->durable);
	ei->hide_seq = ei->name_seq - 1;
	ei->fresh = true;
	ei->writes = __atomic_load_n(&s->writes, __ATOMIC_RELAXED);
	ext2_set_ops(inode);
	inode_hash(inode);
	*out = inode;
	return 0;
}

/* The xattr block may be shared by several inodes: its count is at byte 4. */
static void drop_xattr_block(struct ext2_sb *s, struct ext2_inode *ei)
{
	struct block_ref ref;
	u32 *refcount, left;

	if (!ei->file_acl || block_read(s->bdev, ei->file_acl, s->bits, &ref))
		return;
	refcount = (u32 *)ref.data + 1;
	mutex_lock(&s->alloc_lock);
	left = *refcount > 1 ? --*refcount : 0;
	mutex_unlock(&s->alloc_lock);
	if (left)
		block_dirty(&ref);
	block_put(&ref);
	if (!left) {
		block_forget(s->bdev, ei->file_acl, s->bits);
		mutex_lock(&ei->map_lock);
		ext2_block_later(ei, ei->file_acl);
		ext2_later_commit(ei, true);
		mutex_unlock(&ei->map_lock);
	}
	ei->file_acl = 0;
}

void ext2_inode_evict(struct inode *inode)
{
	struct ext2_sb *s = EXT2_SB(inode->sb);
	struct ext2_inode *ei = EXT2_I(inode);
	bool has_map = S_ISREG(inode->mode) || S_ISDIR(inode->mode) ||
		       (S_ISLNK(inode->mode) && !ext2_is_fast_symlink(ei));

	if (inode->nlink || (inode->sb->flags & SB_RDONLY) || !inode->ino)
		return;
	if (has_map && ext2_truncate_blocks(ei, 0))
		return;		/* damaged: recorded; e2fsck frees the rest */
	drop_xattr_block(s, ei);
	inode->size = 0;
	inode->blocks = 0;
	ei->dtime = (u32)inode_now(inode).sec;
	if (!ext2_inode_write(inode, false))
		ext2_number_later(inode);
}

/*
 * The end of the block that size cuts through becomes zeros on disk, too: else what was
 * cut off would be in the file again when it grows.
 */
static int zero_tail(struct inode *inode, loff_t size)
{
	u32 from = size & (PAGE_SIZE - 1);
	u32 to = ALIGN_UP(from, EXT2_SB(inode->sb)->block_bytes);
	struct page *page;
	int err;

	if (from == to)
		return 0;
	page = pagecache_read(inode->mapping, (u64)size >> PAGE_SHIFT, &err);
	if (!page)
		return err;
	page_lock(page);
	page_wait_writeback(page);
	memset((char *)page_address(page) + from, 0, to - from);
	page_set_dirty(page);
	page_unlock(page);
	page_put(page);
	return 0;
}

static int set_size(struct inode *inode, loff_t size)
{
	struct ext2_sb *s = EXT2_SB(inode->sb);
	loff_t old = inode->size;
	int err;

	if (!S_ISREG(inode->mode))
		return -EINVAL;
	if (size > inode->sb->max_bytes)
		return -EFBIG;
	err = size < old ? zero_tail(inode, size) : 0;
	if (err)
		return err;
	WRITE_ONCE(inode->size, size);
	mapping_truncate(inode->mapping, size);
	inode_touch(inode, ATTR_MTIME);
	inode_mark_dirty(inode, INODE_STATE_DIRTY | INODE_STATE_DIRTY_DATA);
	if (size >= old)
		return 0;
	return ext2_truncate_blocks(EXT2_I(inode), (size + s->block_bytes - 1) >> s->bits);
}

int ext2_setattr(struct inode *inode, const struct iattr *attr)
{
	int err = inode_setattr_check(inode, attr);

	if (!err && (attr->valid & ATTR_SIZE) && attr->size != inode->size)
		err = set_size(inode, attr->size);
	if (err)
		return err;
	inode_setattr_copy(inode, attr);
	inode_mark_dirty(inode, INODE_STATE_DIRTY);
	return 0;
}

int ext2_fsync(struct file *f, loff_t start, loff_t end, bool datasync)
{
	struct inode *inode = f->inode;
	int err = mapping_write_and_wait(inode->mapping, start, end), meta_err = 0;
	const u32 need = datasync ? INODE_STATE_DIRTY_DATA | INODE_STATE_SYNC :
			 INODE_STATE_DIRTY | INODE_STATE_DIRTY_DATA | INODE_STATE_SYNC;

	/* Cleared first: what changes meanwhile makes it dirty again. */
	if (READ_ONCE(inode->state) & need) {
		inode_clear_dirty(inode);
		meta_err = ext2_inode_write(inode, false);
	}
	/* Of a directory, what it names is to be there too. */
	if (!meta_err)
		meta_err = S_ISDIR(inode->mode) ? ext2_names_sync(inode) : ext2_inode_sync(inode);
	return err ? err : meta_err;
}

void ext2_set_ops(struct inode *inode)
{
	inode->ops = &ext2_file_inode_ops;
	if (S_ISREG(inode->mode)) {
		inode->fops = &ext2_file_ops;
		inode->mapping->ops = &ext2_mapping_ops;
	} else if (S_ISDIR(inode->mode)) {
		inode->ops = &ext2_dir_ops;
		inode->fops = &ext2_dir_fops;
	} else if (S_ISLNK(inode->mode)) {
		inode->ops = &ext2_symlink_ops;
	} else {
		inode_set_node_ops(inode);
	}
}
