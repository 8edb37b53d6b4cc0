/* SPDX-License-Identifier: MIT */
/*
 * Directories: blocks of records that fill each block exactly.
 *
 * A record's rec_len reaches to the next one, so free room is slack at a
 * record's end, or a record with inode 0. Adding splits slack; removing joins a
 * record to the one before it in its block. dir_hint is the first block that
 * may have room: it moves on when a block was found full for a short name, and
 * back when a name is removed, so that filling a directory is not quadratic.
 *
 * An indexed directory (EXT2_FL_INDEX) reads as a linear one: its index hides in
 * the slack of "..". Whoever changes it clears the flag, as the format allows.
 *
 * Every record is checked before it is used (record_ok); damage is -EUCLEAN.
 *
 * Positions for readdir are byte offsets; after a seek or a change the walk
 * starts at the block's beginning and skips to the first record at or behind it.
 *
 * Locks: the directory's rwsem; held for write by those who change it.
 */
#include <fs/ext2/ext2.h>
#include <kernel/lib/string.h>

#define MIN_NEED	16	/* room for a name of eight: less is "full" for dir_hint */

static struct ext2_dirent *at(const struct block_ref *r, u32 offset)
{
	return (struct ext2_dirent *)((char *)r->data + offset);
}

static bool record_ok(const struct ext2_sb *s, const struct ext2_dirent *d, u32 offset)
{
	return d->rec_len >= EXT2_DIRENT_LEN(1) && !(d->rec_len & 3) &&
	       d->rec_len <= s->block_bytes - offset &&
	       EXT2_DIRENT_LEN(d->name_len) <= d->rec_len && d->ino <= s->inodes_count;
}

static int damaged(struct inode *dir, u32 block, u32 offset)
{
	return ext2_error(EXT2_SB(dir->sb), "directory %lu: bad record in block %u at %u",
			  dir->ino, block, offset);
}

static u32 dir_blocks(struct inode *dir)
{
	return dir->size >> EXT2_SB(dir->sb)->bits;
}

static int dir_block(struct inode *dir, u32 index, struct block_ref *out)
{
	struct ext2_sb *s = EXT2_SB(dir->sb);
	bool is_new;
	u32 phys;
	int err = ext2_map(EXT2_I(dir), index, false, &phys, &is_new);

	out->page = NULL;
	if (err)
		return err;
	if (!phys)
		return ext2_error(s, "directory %lu has a hole", dir->ino);
	return block_read(s->bdev, phys, s->bits, out);
}

static u8 type_of(umode_t mode)
{
	static const u8 types[16] = { [1] = 5, [2] = 3, [4] = 2, [6] = 4, [8] = 1, [10] = 7, [12] = 6 };

	return types[(mode & S_IFMT) >> 12];
}

static u8 disk_type(struct inode *dir, umode_t mode)
{
	const struct ext2_super *super = EXT2_SB(dir->sb)->super;

	return super->feature_incompat & EXT2_INCOMPAT_FILETYPE ? type_of(mode) : 0;
}

struct position {
	struct block_ref ref;		/* to be put by who found it */
	u32 block, offset, prev;	/* prev == offset: first of its block */
};

/* 0 and *p, or -ENOENT or another error with nothing held. */
static int find(struct inode *dir, const struct qstr *name, struct position *p)
{
	struct ext2_sb *s = EXT2_SB(dir->sb);

	for (p->block = 0; p->block < dir_blocks(dir); p->block++) {
		int err = dir_block(dir, p->block, &p->ref);

		if (err)
			return err;
		for (p->offset = p->prev = 0; p->offset < s->block_bytes; ) {
			struct ext2_dirent *d = at(&p->ref, p->offset);

			if (unlikely(!record_ok(s, d, p->offset))) {
				block_put(&p->ref);
				return damaged(dir, p->block, p->offset);
			}
			if (d->name_len == name->len && d->ino &&
			    !memcmp(d->name, name->name, name->len))
				return 0;
			p->prev = p->offset;
			p->offset += d->rec_len;
		}
		block_put(&p->ref);
	}
	return -ENOENT;
}

int ext2_dir_find(struct inode *dir, const struct qstr *name, u32 *ino)
{
	struct position p;
	int err = find(dir, name, &p);

	if (err)
		return err;
	*ino = at(&p.ref, p.offset)->ino;
	block_put(&p.ref);
	return 0;
}

static void dir_changed(struct inode *dir)
{
	EXT2_I(dir)->flags &= ~EXT2_FL_INDEX;
	inode_touch(dir, ATTR_MTIME);
	inode_mark_dirty(dir, INODE_STATE_DIRTY);
}

static void write_record(struct ext2_dirent *d, const struct qstr *name, u32 ino, u8 type)
{
	d->ino = ino;
	d->name_len = name->len;
	d->type = type;
	memcpy(d->name, name->name, name->len);
}

/* Put the record into the block's slack. 1: done, 0: no room, or -errno. */
static int add_to_block(struct inode *dir, u32 block, struct block_ref *r,
			const struct qstr *name, u32 ino, u8 type, bool *full)
{
	struct ext2_sb *s = EXT2_SB(dir->sb);
	u32 need = EXT2_DIRENT_LEN(name->len);

	for (u32 offset = 0; offset < s->block_bytes; ) {
		struct ext2_dirent *d = at(r, offset);
		u32 used, slack;

		if (!record_ok(s, d, offset))
			return damaged(dir, block, offset);
		used = d->ino ? EXT2_DIRENT_LEN(d->name_len) : 0;
		slack = d->rec_len - used;
		if (slack >= need) {
			struct ext2_dirent *n = at(r, offset + used);

			d->rec_len = used ? used : d->rec_len;
			n->rec_len = slack;
			write_record(n, name, ino, type);
			block_dirty(r);
			return 1;
		}
		if (slack >= MIN_NEED)
			*full = false;
		offset += d->rec_len;
	}
	return 0;
}

/* A new last block, all of it one record. */
static int add_block(struct inode *dir, const struct qstr *name, u32 ino, u8 type)
{
	struct ext2_sb *s = EXT2_SB(dir->sb);
	struct block_ref r;
	struct ext2_dirent *d;
	bool is_new;
	u32 phys;
	int err = ext2_map(EXT2_I(dir), dir_blocks(dir), true, &phys, &is_new);

	if (err)
		return err;
	err = block_new(s->bdev, phys, s->bits, &r);
	if (err)
		return err;
	d = r.data;
	d->rec_len = s->block_bytes;
	write_record(d, name, ino, type);
	block_dirty(&r);
	block_put(&r);
	WRITE_ONCE(dir->size, dir->size + s->block_bytes);
	return 0;
}

int ext2_dir_add(struct inode *dir, const struct qstr *name, u32 ino, umode_t mode)
{
	struct ext2_inode *ei = EXT2_I(dir);
	u8 type = disk_type(dir, mode);
	int r = 0;

	for (u32 b = ei->dir_hint; b < dir_blocks(dir) && !r; b++) {
		struct block_ref ref;
		bool full = true;

		r = dir_block(dir, b, &ref);
		if (r)
			return r;
		r = add_to_block(dir, b, &ref, name, ino, type, &full);
		block_put(&ref);
		if (!r && full && b == ei->dir_hint)
			ei->dir_hint++;
	}
	if (!r)
		r = add_block(dir, name, ino, type);
	if (r < 0)
		return r;
	dir_changed(dir);
	return 0;
}

int ext2_dir_remove(struct inode *dir, const struct qstr *name)
{
	struct ext2_inode *ei = EXT2_I(dir);
	struct ext2_dirent *d;
	struct position p;
	int err = find(dir, name, &p);

	if (err)
		return err;
	d = at(&p.ref, p.offset);
	if (p.prev != p.offset)
		at(&p.ref, p.prev)->rec_len += d->rec_len;
	else
		d->ino = 0;
	block_dirty(&p.ref);
	block_put(&p.ref);
	ei->dir_hint = min(ei->dir_hint, p.block);
	dir_changed(dir);
	return 0;
}

int ext2_dir_set(struct inode *dir, const struct qstr *name, u32 ino, umode_t mode)
{
	struct position p;
	int err = find(dir, name, &p);

	if (err)
		return err;
	at(&p.ref, p.offset)->ino = ino;
	at(&p.ref, p.offset)->type = disk_type(dir, mode);
	block_dirty(&p.ref);
	block_put(&p.ref);
	dir_changed(dir);
	return 0;
}

int ext2_dir_make_empty(struct inode *dir, u32 parent)
{
	const struct qstr dot = { .len = 1, .name = "." }, dotdot = { .len = 2, .name = ".." };
	int err = add_block(dir, &dot, dir->ino, disk_type(dir, S_IFDIR));

	return err ? err : ext2_dir_add(dir, &dotdot, parent, S_IFDIR);
}

static bool is_dot(const struct ext2_dirent *d)
{
	return d->name[0] == '.' &&
	       (d->name_len == 1 || (d->name_len == 2 && d->name[1] == '.'));
}

int ext2_dir_is_empty(struct inode *dir)
{
	struct ext2_sb *s = EXT2_SB(dir->sb);

	for (u32 b = 0; b < dir_blocks(dir); b++) {
		struct block_ref r;
		int result = dir_block(dir, b, &r);

		for (u32 offset = 0; !result && offset < s->block_bytes; ) {
			struct ext2_dirent *d = at(&r, offset);

			if (!record_ok(s, d, offset))
				result = damaged(dir, b, offset);
			else if (d->ino && !is_dot(d))
				result = 1;	/* a name: not empty */
			offset += d->rec_len;
		}
		block_put(&r);
		if (result)
			return result > 0 ? 0 : result;
	}
	return 1;
}

/* Emit a block's records from ctx->pos on. 1: the reader is full. */
static int emit_block(struct inode *dir, struct dir_context *ctx, u32 block, struct block_ref *r)
{
	static const u8 dt[8] = { 0, 8, 4, 2, 6, 1, 12, 10 };	/* disk type -> DT_* */
	struct ext2_sb *s = EXT2_SB(dir->sb);
	loff_t base = (loff_t)block << s->bits;

	for (u32 offset = 0; offset < s->block_bytes; ) {
		struct ext2_dirent *d = at(r, offset);

		if (!record_ok(s, d, offset))
			return damaged(dir, block, offset);
		if (d->ino && base + offset >= ctx->pos) {
			ctx->pos = base + offset;
			if (!ctx->emit(ctx, d->name, d->name_len, base + offset + d->rec_len,
				       d->ino, dt[d->type & 7]))
				return 1;
		}
		offset += d->rec_len;
	}
	ctx->pos = base + s->block_bytes;
	return 0;
}

static int ext2_iterate(struct file *f, struct dir_context *ctx)
{
	struct inode *dir = f->inode;
	u32 bits = EXT2_SB(dir->sb)->bits;
	int r = 0;

	while (!r && ctx->pos >= 0 && ctx->pos < dir->size) {
		struct block_ref ref;
		u32 block = ctx->pos >> bits;

		r = dir_block(dir, block, &ref);
		if (!r)
			r = emit_block(dir, ctx, block, &ref);
		block_put(&ref);
	}
	return r < 0 ? r : 0;
}

static loff_t dir_llseek(struct file *f, loff_t off, int whence)
{
	if (whence == 1)
		off += f->pos;
	else if (whence == 2)
		off += f->inode->size;
	if (whence < 0 || whence > 2 || off < 0)
		return -EINVAL;
	return f->pos = off;
}

static ssize_t dir_read(struct kio *kio, struct iov_iter *to)
{
	return -EISDIR;
}

const struct file_ops ext2_dir_fops = {
	.read = dir_read,
	.llseek = dir_llseek,
	.iterate = ext2_iterate,
	.fsync = ext2_fsync,
};
