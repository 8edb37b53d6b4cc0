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
 * A record that the disk must still have is hidden, by a bit of its type in the cache
 * (order.c): no name for anybody here, but its room is taken. ext2_dir_purge() takes it
 * out. It does so without the directory's rwsem, so who changes records locks their
 * block; who only reads them sees a hidden record, or that it was joined to the one before.
 *
 * Positions for readdir are byte offsets; after a seek or a change the walk
 * starts at the block's beginning and skips to the first record at or behind it.
 *
 * Locks: the directory's rwsem; held for write by those who change it.
 */
#include <fs/ext2/ext2.h>
#include <fs/ext2/order.h>
#include <kernel/bug.h>
#include <kernel/lib/string.h>

#define MIN_NEED	16	/* room for a name of eight: less is "full" for dir_hint */

static struct ext2_dirent *at(const struct block_ref *r, u32 offset)
{
	return (struct ext2_dirent *)((char *)r->data + offset);
}

static bool is_hidden(const struct ext2_dirent *d)
{
	return d->type & EXT2_HIDDEN;
}

static bool has_name(const struct ext2_dirent *d, const struct qstr *name)
{
	return d->name_len == name->len && d->ino && !memcmp(d->name, name->name, name->len);
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
	u32 block, offset;
};

/* 0 and *p, or -ENOENT or another error with nothing held. */
static int find(struct inode *dir, const struct qstr *name, struct position *p)
{
	struct ext2_sb *s = EXT2_SB(dir->sb);

	for (p->block = 0; p->block < dir_blocks(dir); p->block++) {
		int err = dir_block(dir, p->block, &p->ref);

		if (err)
			return err;
		for (p->offset = 0; p->offset < s->block_bytes; ) {
			struct ext2_dirent *d = at(&p->ref, p->offset);

			if (unlikely(!record_ok(s, d, p->offset))) {
				block_put(&p->ref);
				return damaged(dir, p->block, p->offset);
			}
			if (has_name(d, name) && !is_hidden(d))
				return 0;
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

/* A block of the disk, by its view. */
static u32 block_number(const struct ext2_sb *s, const struct block_ref *r)
{
	return (u32)(r->page->index << (PAGE_SHIFT - s->bits)) + (r->offset >> s->bits);
}

struct ext2_dirent *ext2_dir_at(const struct block_ref *r, const struct ext2_place *place)
{
	return at(r, place->offset);
}

/* A record to be added. */
struct addition {
	const struct qstr *name;
	u32 ino;
	u8 type;
	struct ext2_dep *dep;		/* not NULL: the record is held */
	struct ext2_place at;		/* where it is now */
};

/* Into the slack of the record at offset of the locked block. */
static void split_record(struct ext2_sb *s, struct block_ref *r, u32 offset, struct addition *a)
{
	struct ext2_dirent *d = at(r, offset), *n;
	u32 used = d->ino ? EXT2_DIRENT_LEN(d->name_len) : 0, slack = d->rec_len - used;

	n = at(r, offset + used);
	d->rec_len = used ? used : d->rec_len;
	n->rec_len = slack;
	write_record(n, a->name, a->ino, a->dep ? a->type | EXT2_HELD : a->type);
	a->at = (struct ext2_place){ block_number(s, r), offset + used };
	if (a->dep)
		ext2_dep_held(s, a->dep, a->at.block);
	block_dirty(r);
}

/*
 * Where to begin in the locked block: at the last addition, if no record anywhere was joined to
 * another since. Filling a directory thus does not walk the block each time.
 */
static u32 add_from(const struct ext2_sb *s, const struct ext2_inode *ei, const struct block_ref *r)
{
	if (ei->added.block != block_number(s, r) ||
	    ei->joins != __atomic_load_n(&s->joins, __ATOMIC_RELAXED))
		return 0;
	return ei->added.offset;
}

/* Put the record into the slack of the locked block. 1: done, 0: no room, or -errno. */
static int add_to_block(struct inode *dir, u32 block, struct block_ref *r, struct addition *a,
			u32 from, bool *full)
{
	struct ext2_sb *s = EXT2_SB(dir->sb);
	u32 need = EXT2_DIRENT_LEN(a->name->len), most = 0;

	for (u32 offset = from; offset < s->block_bytes; ) {
		struct ext2_dirent *d = at(r, offset);
		u32 slack;

		if (!record_ok(s, d, offset))
			return damaged(dir, block, offset);
		slack = d->rec_len - (d->ino ? EXT2_DIRENT_LEN(d->name_len) : 0);
		if (slack >= need) {
			split_record(s, r, offset, a);
			EXT2_I(dir)->added = a->at;
			EXT2_I(dir)->joins = __atomic_load_n(&s->joins, __ATOMIC_RELAXED);
			return 1;
		}
		most = max(most, slack);
		offset += d->rec_len;
	}
	*full = most < MIN_NEED;
	return 0;
}

/* The same for block number index of the directory. */
static int add_at(struct inode *dir, u32 index, struct addition *a, bool *full)
{
	struct block_ref ref;
	int r = dir_block(dir, index, &ref);
	u32 from;

	if (r)
		return r;
	block_lock(&ref);
	from = add_from(EXT2_SB(dir->sb), EXT2_I(dir), &ref);
	r = add_to_block(dir, index, &ref, a, from, full);
	if (!r && from)
		r = add_to_block(dir, index, &ref, a, 0, full);
	block_unlock(&ref);
	block_put(&ref);
	return r;
}

/* Into the blocks there are. 1, 0 or -errno as above. */
static int add_to_blocks(struct inode *dir, struct addition *a)
{
	struct ext2_inode *ei = EXT2_I(dir);
	int r = 0;

	for (u32 b = ei->dir_hint; b < dir_blocks(dir) && !r; b++) {
		bool full;

		r = add_at(dir, b, a, &full);
		/* What is hidden makes room when its barrier has ended. */
		if (!r && full && b == ei->dir_hint && !ext2_may_hide(dir))
			ei->dir_hint++;
	}
	return r;
}

/* A new last block, empty as ext2_map() makes it, and the record in it. */
static int add_block(struct inode *dir, struct addition *a)
{
	struct ext2_sb *s = EXT2_SB(dir->sb);
	u32 index = dir_blocks(dir), phys;
	bool is_new, full;
	int r = ext2_map_create(EXT2_I(dir), index, &phys, &is_new);

	if (r)
		return r;
	r = add_at(dir, index, a, &full);
	if (r < 0)
		return r;
	WRITE_ONCE(dir->size, dir->size + s->block_bytes);
	/*
	 * In the cache at once: a name's number stands for
	 * the block's pointer too. An error is met again.
	 */
	(void)ext2_inode_write(dir, false);
	return 1;
}

static int add_record(struct inode *dir, struct addition *a)
{
	int r = add_to_blocks(dir, a);

	if (!r)
		r = add_block(dir, a);
	if (r < 0)
		return r;
	dir_changed(dir);
	return 0;
}

int ext2_dir_add(struct inode *dir, const struct qstr *name, u32 ino, umode_t mode)
{
	struct addition a = { .name = name, .ino = ino, .type = disk_type(dir, mode) };

	return add_record(dir, &a);
}

int ext2_dir_add_held(struct inode *dir, const struct qstr *name, u32 ino, umode_t mode,
		      struct ext2_dep *dep, struct ext2_place *place)
{
	struct addition a = { .name = name, .ino = ino, .type = disk_type(dir, mode), .dep = dep };
	int err = add_record(dir, &a);

	*place = a.at;
	return err;
}

/* --- names that are hidden --- */

enum twin { TWIN_NONE, TWIN_LAST, TWIN_OTHER, TWIN_HELD };

static enum twin twin_of(const struct ext2_dirent *d)
{
	if (d->type & EXT2_HELD)
		return TWIN_HELD;
	return d->type & EXT2_NAMED_LAST ? TWIN_LAST : TWIN_OTHER;
}

/* The hidden record of the name in a block that keeps it longest; or -errno. */
static int twin_in_block(struct inode *dir, u32 index, const struct qstr *name)
{
	struct ext2_sb *s = EXT2_SB(dir->sb);
	struct block_ref ref;
	int twin = dir_block(dir, index, &ref);

	if (twin)
		return twin;
	block_lock(&ref);
	for (u32 offset = 0; offset < s->block_bytes; offset += at(&ref, offset)->rec_len) {
		const struct ext2_dirent *d = at(&ref, offset);

		if (!record_ok(s, d, offset)) {
			twin = damaged(dir, index, offset);
			break;
		}
		if (is_hidden(d) && has_name(d, name))
			twin = max(twin, (int)twin_of(d));
	}
	block_unlock(&ref);
	block_put(&ref);
	return twin;
}

static int find_twin(struct inode *dir, const struct qstr *name)
{
	int twin = TWIN_NONE;

	for (u32 b = 0; b < dir_blocks(dir) && twin >= 0; b++) {
		int here = twin_in_block(dir, b, name);

		twin = here < 0 ? here : max(twin, here);
	}
	return twin;
}

/*
 * An unlinked inode is out of use on disk before a new one that gets its name now comes into
 * use. The name of one that lives on under another is off the disk two barriers on.
 */
int ext2_name_again(struct inode *dir, const struct qstr *name, bool in_use, u32 *barriers)
{
	struct ext2_sb *s = EXT2_SB(dir->sb);
	int twin, err = 0;

	*barriers = 0;
	if (likely(!ext2_may_hide(dir)))
		return 0;
	for (u32 round = 0; !err && (twin = find_twin(dir, name)); round++) {
		if (twin < 0)
			return twin;
		if (round > EXT2_LONGEST_CHAIN)
			return ext2_error(s, "a name that directory %lu gave up never goes", dir->ino);
		if (!in_use && twin != TWIN_HELD) {
			*barriers = twin == TWIN_OTHER ? 2 : 0;
			return 0;
		}
		err = ext2_settle(s);
	}
	/* What the last barrier took out of the cache is off the disk with the next. */
	return err || !in_use ? err : ext2_barrier(s);
}

/* --- names that are there: namei.c, rename.c --- */

int ext2_name_find(struct inode *dir, const struct qstr *name, struct ext2_name *n)
{
	struct position p;
	int err = find(dir, name, &p);

	if (err)
		return err;
	n->dep = NULL;
	n->ref = p.ref;
	n->index = p.block;
	n->at = (struct ext2_place){ block_number(EXT2_SB(dir->sb), &p.ref), p.offset };
	return 0;
}

int ext2_name_ready(struct ext2_name *n)
{
	n->dep = ext2_dep_alloc();
	return n->dep ? 0 : -ENOMEM;
}

int ext2_name_find_ready(struct inode *dir, const struct qstr *name, struct ext2_name *n)
{
	int err = ext2_name_find(dir, name, n);

	if (!err) {
		err = ext2_name_ready(n);
		if (err)
			ext2_name_put(n);
	}
	return err;
}

void ext2_name_put(struct ext2_name *n)
{
	if (n->dep)
		ext2_dep_free(n->dep);
	n->dep = NULL;
	block_put(&n->ref);
}

/* Take the record at offset of the locked block out. */
static void take_out(struct ext2_sb *s, struct block_ref *r, u32 offset)
{
	struct ext2_dirent *d = at(r, offset), *prev = NULL;

	__atomic_fetch_add(&s->joins, 1, __ATOMIC_RELAXED);
	for (u32 o = 0; o < offset; o += prev->rec_len)
		prev = at(r, o);
	if (prev)
		prev->rec_len += d->rec_len;
	else
		WRITE_ONCE(d->ino, 0);
}

/* After a change of the locked block. */
static void name_done(struct inode *dir, struct ext2_name *n)
{
	struct ext2_inode *ei = EXT2_I(dir);

	block_dirty(&n->ref);
	block_unlock(&n->ref);
	ei->dir_hint = min(ei->dir_hint, n->index);
	ext2_name_put(n);
	dir_changed(dir);
}

void ext2_name_remove(struct inode *dir, struct ext2_name *n)
{
	block_lock(&n->ref);
	take_out(EXT2_SB(dir->sb), &n->ref, n->at.offset);
	name_done(dir, n);
}

void ext2_name_hide(struct inode *dir, struct ext2_name *n, u32 seq, bool last)
{
	block_lock(&n->ref);
	block_dirty(&n->ref);
	ext2_dep_hide(dir, n->dep, n->at.block, at(&n->ref, n->at.offset), seq, last);
	n->dep = NULL;
	name_done(dir, n);
	ext2_throttle(EXT2_SB(dir->sb));
}

void ext2_name_hold(struct inode *dir, struct ext2_name *n, struct ext2_dying *d,
		    struct inode *inode)
{
	block_lock(&n->ref);
	at(&n->ref, n->at.offset)->type |= EXT2_HELD;
	ext2_dep_held(EXT2_SB(dir->sb), n->dep, n->at.block);
	ext2_dying_add(d, n->dep, inode, dir, &n->at);
	n->dep = NULL;
	name_done(dir, n);
	ext2_throttle(EXT2_SB(dir->sb));
}

void ext2_name_set(struct inode *dir, struct ext2_name *n, u32 ino, umode_t mode)
{
	block_lock(&n->ref);
	at(&n->ref, n->at.offset)->ino = ino;
	at(&n->ref, n->at.offset)->type = disk_type(dir, mode);
	name_done(dir, n);
}

void ext2_name_exchange(struct inode *dir, struct ext2_name *to, struct ext2_name *from,
			struct inode *inode, struct inode *replaced, struct ext2_dying *d)
{
	struct ext2_dirent *t = at(&to->ref, to->at.offset), *f = at(&from->ref, from->at.offset);

	ASSERT(to->at.block == from->at.block);
	block_lock(&from->ref);
	f->type = disk_type(dir, replaced->mode) | EXT2_HELD;
	f->ino = (u32)replaced->ino;
	t->ino = (u32)inode->ino;
	t->type = disk_type(dir, inode->mode);
	block_dirty(&from->ref);
	ext2_dep_held(EXT2_SB(dir->sb), from->dep, from->at.block);
	ext2_dying_add(d, from->dep, replaced, dir, &from->at);
	from->dep = NULL;
	name_done(dir, from);
	ext2_name_put(to);
	ext2_throttle(EXT2_SB(dir->sb));
}

bool ext2_name_change(struct inode *dir, struct ext2_name *n, const struct qstr *to)
{
	struct ext2_dirent *d = at(&n->ref, n->at.offset);
	struct addition a = { .name = to, .ino = d->ino, .type = d->type };
	u32 ino = d->ino;
	bool full, done;

	block_lock(&n->ref);
	/* Its own room counts. */
	if (EXT2_DIRENT_LEN(to->len) <= d->rec_len) {
		write_record(d, to, ino, a.type);
		done = true;
	} else {
		done = add_to_block(dir, n->index, &n->ref, &a, 0, &full) > 0;
		if (done)
			take_out(EXT2_SB(dir->sb), &n->ref, n->at.offset);
	}
	if (done)
		name_done(dir, n);
	else
		block_unlock(&n->ref);
	return done;
}

int ext2_dir_set_parent(struct inode *dir, u32 parent)
{
	const struct qstr dotdot = { .len = 2, .name = ".." };
	struct ext2_name n;
	int err = ext2_name_find(dir, &dotdot, &n);

	if (!err)
		ext2_name_set(dir, &n, parent, S_IFDIR);
	return err;
}

void ext2_dir_strip(const struct ext2_sb *s, char *block)
{
	for (u32 offset = 0; offset < s->block_bytes; ) {
		struct ext2_dirent *d = (void *)(block + offset);

		if (!record_ok(s, d, offset))
			return;
		d->type &= ~(EXT2_HIDDEN | EXT2_NAMED_LAST);
		offset += d->rec_len;
	}
}

int ext2_dir_purge(struct ext2_sb *s, u32 block, u8 mark)
{
	struct ext2_dirent *prev = NULL;
	struct block_ref r;
	u32 offset = 0, len;
	int err = block_read(s->bdev, block, s->bits, &r);

	if (err)
		return err;
	block_lock(&r);
	__atomic_fetch_add(&s->joins, 1, __ATOMIC_RELAXED);
	for (; offset < s->block_bytes; offset += len) {
		struct ext2_dirent *d = at(&r, offset);

		if (!record_ok(s, d, offset))
			break;
		len = d->rec_len;
		if (!d->ino || !(d->type & mark))
			prev = d;
		else if (prev)
			prev->rec_len += len;
		else
			WRITE_ONCE((prev = d)->ino, 0);
	}
	block_dirty(&r);
	block_unlock(&r);
	block_put(&r);
	return 0;
}

int ext2_dir_make_empty(struct inode *dir, u32 parent)
{
	const struct qstr dot = { .len = 1, .name = "." }, dotdot = { .len = 2, .name = ".." };
	int err = ext2_dir_add(dir, &dot, dir->ino, S_IFDIR);

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
			else if (d->ino && !is_dot(d) && !is_hidden(d))
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
		if (d->ino && !is_hidden(d) && base + offset >= ctx->pos) {
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
	.ioctl = ext2_dir_ioctl,
};
