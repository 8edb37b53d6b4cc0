/* SPDX-License-Identifier: MIT */
/*
 * The page cache of a block device, and metadata blocks in it.
 *
 * File systems have blocks of 1 KiB on pages of 4 KiB, and neighbours in a page
 * need not be read, nor written, together: a freed neighbour may by now be file
 * data with a page cache of its own. So page->private keeps two bits per KiB:
 *
 *   bits 0..3  UPTODATE   contents are the disk's, or newer
 *   bits 4..7  DIRTY      to be written
 *
 *  (1) DIRTY implies UPTODATE. Both are set before PG_DIRTY, and write_page
 *      takes the DIRTY bits after PG_DIRTY is cleared: no change is lost.
 *  (2) All four UPTODATE bits: PG_UPTODATE may be set (and is, by readers).
 *  (3) UPTODATE bits are set only under the page lock; DIRTY bits any time.
 *  (4) A device whose blocks are larger than a KiB has its bits set and cleared a
 *      device block at a time (whole_blocks()).
 *  (5) A file system that set a filter has the blocks it names written from a copy, made and
 *      filtered under the page lock: the device never reads a block while it changes, and
 *      what may not be on disk yet is left out. Such KiBs stay DIRTY. Without a filter the
 *      device reads the page itself.
 *  (6) Only DIRTY KiBs are written. block_forget() clears the bit and waits for
 *      a write under way: afterwards the block belongs to whoever allocates it.
 */
#include <drivers/block/buffer.h>
#include <kernel/mm/lru.h>
#include <kernel/lib/string.h>
#include <kernel/lib/bitmap.h>
#include <kernel/bug.h>

#define KIB_SHIFT	10
#define KIBS		(PAGE_SIZE >> KIB_SHIFT)
#define ALL_KIBS	((1u << KIBS) - 1)
#define DIRTY_SHIFT	4

static u32 kib_mask(u32 offset, u32 bytes)
{
	u32 first = offset >> KIB_SHIFT, last = (offset + bytes - 1) >> KIB_SHIFT;

	return (2u << last) - (1u << first);
}

/* mask grown to whole blocks of the device. */
static u32 whole_blocks(const struct blockdev *b, u32 mask)
{
	u32 bytes = b->disk->limits.logical_block, kibs = bytes >> KIB_SHIFT, all;

	if (likely(kibs <= 1))
		return mask;
	all = mask;
	for (u32 i = 0; i < KIBS; i += kibs)
		if (mask >> i & ((1u << kibs) - 1))
			all |= ((1u << kibs) - 1) << i;
	return all;
}

static u64 state_of(const struct page *p)
{
	return __atomic_load_n(&p->private, __ATOMIC_ACQUIRE);
}

/* Before a look at PG_DIRTY, too: invariant (1) from the side of who makes a block dirty. */
static void state_set(struct page *p, u64 bits)
{
	__atomic_fetch_or(&p->private, bits, __ATOMIC_ACQ_REL);
}

static u64 state_clear(struct page *p, u64 bits)
{
	return __atomic_fetch_and(&p->private, ~bits, __ATOMIC_ACQ_REL);
}

static struct blockdev *dev_of(const struct mapping *m)
{
	return m->private;
}

/* Bytes of the page that lie on the device. */
static u32 page_bytes(const struct blockdev *b, const struct page *page)
{
	u64 start = page->index << PAGE_SHIFT, size = blockdev_bytes(b);

	return start >= size ? 0 : (u32)min_t(u64, PAGE_SIZE, size - start);
}

/* Read KiBs [first, first + nr) of the locked page. */
static int read_run(struct blockdev *b, struct page *page, u32 first, u32 nr)
{
	u32 from = first << KIB_SHIFT, bytes = nr << KIB_SHIFT, have = page_bytes(b, page);
	struct bio *bio;
	int err = -EIO;

	if (from + bytes > have) {
		u32 keep = have > from ? have - from : 0;

		memset((char *)page_address(page) + from + keep, 0, bytes - keep);
		bytes = keep;
	}
	if (!bytes)
		return 0;
	bio = bio_alloc(b, 1, BIO_READ, GFP_NOIO);
	bio->sector = (page->index << (PAGE_SHIFT - SECTOR_SHIFT)) + (from >> SECTOR_SHIFT);
	if (bio_add_page(bio, page, bytes, from))
		err = bio_submit_wait(bio);
	bio_free(bio);
	return err;
}

/* Make the KiBs of mask up to date; page locked. */
static int fill(struct blockdev *b, struct page *page, u32 mask)
{
	u32 missing = whole_blocks(b, mask) & ~(u32)state_of(page);

	page_set(page, PG_PRIVATE);
	while (missing) {
		u32 first = ctz64(missing), nr = ctz64(~((u64)missing >> first));
		u32 run = ((1u << nr) - 1) << first;
		int err = read_run(b, page, first, nr);

		if (err)
			return err;
		state_set(page, run);
		missing &= ~run;
	}
	if ((state_of(page) & ALL_KIBS) == ALL_KIBS)
		page_set(page, PG_UPTODATE);
	return 0;
}

static void mark_dirty(struct page *page, u32 mask)
{
	mask = whole_blocks(dev_of(page->mapping), mask);
	state_set(page, (u64)mask << DIRTY_SHIFT);
	page_set_dirty(page);
}

/* --- mapping_ops --- */

static int bdev_read_page(struct mapping *m, struct page *page)
{
	int err = fill(dev_of(m), page, ALL_KIBS);

	page_read_done(page, err);
	return err;
}

struct write_run {
	struct page *page;
	struct page *copy;		/* what is written; NULL: page itself */
	u32 left;			/* atomic: bios under way, and one for the submitter */
	s32 err;			/* atomic: the first error */
};

static void write_run_put(struct write_run *w)
{
	if (__atomic_sub_fetch(&w->left, 1, __ATOMIC_ACQ_REL))
		return;
	page_write_done(w->page, w->err);
	if (w->copy)
		page_put(w->copy);
	kfree(w);
}

static void write_run_end(struct bio *bio)
{
	struct write_run *w = bio->private;

	if (bio->status)
		__atomic_store_n(&w->err, bio->status, __ATOMIC_RELAXED);
	bio_free(bio);
	write_run_put(w);
}

static void submit_write(struct blockdev *b, struct write_run *w, u32 first, u32 nr, bool sync)
{
	u32 from = first << KIB_SHIFT;
	u32 bytes = min_t(u32, nr << KIB_SHIFT, page_bytes(b, w->page) - from);
	struct bio *bio = bio_alloc(b, 1, BIO_WRITE, GFP_NOIO);

	bio->sector = (w->page->index << (PAGE_SHIFT - SECTOR_SHIFT)) + (from >> SECTOR_SHIFT);
	bio->flags = BIO_META | (sync ? BIO_SYNC : 0);
	bio->private = w;
	bio->end_io = write_run_end;
	__atomic_fetch_add(&w->left, 1, __ATOMIC_RELAXED);
	if (bio_add_page(bio, w->copy ? w->copy : w->page, bytes, from))
		bio_submit(bio);
	else {
		bio->status = -EIO;
		write_run_end(bio);
	}
}

static bool wants_copy(struct blockdev *b, block_filter_fn *filter, struct page *page)
{
	return filter(b->filter_arg, page->index, page_address(page), NULL, ALL_KIBS);
}

/* The KiBs of the page as the file system lets them go; those it held back are dirty again. */
static void filter_copy(struct blockdev *b, block_filter_fn *filter, struct write_run *w, u32 dirty)
{
	char *from = page_address(w->page), *to = page_address(w->copy);
	u32 kept;

	for (u32 i = 0; i < KIBS; i++)
		if (dirty >> i & 1)
			memcpy(to + (i << KIB_SHIFT), from + (i << KIB_SHIFT), 1u << KIB_SHIFT);
	kept = filter(b->filter_arg, w->page->index, from, to, dirty);
	if (kept)
		mark_dirty(w->page, kept);
}

static int bdev_write_page(struct mapping *m, struct page *page, struct writeback_control *wbc)
{
	block_filter_fn *filter = __atomic_load_n(&dev_of(m)->filter, __ATOMIC_ACQUIRE);
	struct write_run *w = kzalloc(sizeof(*w), GFP_NOIO);
	bool copies = filter && wants_copy(dev_of(m), filter, page);
	u64 dirty;

	if (w && copies)
		w->copy = page_alloc(GFP_NOIO);
	if (!w || (copies && !w->copy)) {
		kfree(w);
		page_set_dirty(page);
		page_unlock(page);
		return -ENOMEM;
	}
	w->page = page;
	w->left = 1;
	/* In this order: block_forget() finds its bit still set, or a write to wait for. */
	page_start_writeback(page);
	dirty = state_clear(page, (u64)ALL_KIBS << DIRTY_SHIFT) >> DIRTY_SHIFT & ALL_KIBS;
	if (copies)
		filter_copy(dev_of(m), filter, w, (u32)dirty);
	page_unlock(page);
	while (dirty) {
		u32 first = ctz64(dirty), nr = ctz64(~(dirty >> first));

		submit_write(dev_of(m), w, first, nr, wbc->sync);
		dirty &= ~(((1ul << nr) - 1) << first);
	}
	write_run_put(w);
	return 0;
}

static int bdev_write_begin(struct mapping *m, struct page *page, u32 from, u32 to)
{
	if (blockdev_is_read_only(dev_of(m)))
		return -EPERM;
	if (to > page_bytes(dev_of(m), page))
		return -ENOSPC;
	return fill(dev_of(m), page, kib_mask(from, to - from));
}

static void bdev_write_end(struct mapping *m, struct page *page, u32 from, u32 to, u32 copied)
{
	if (copied)
		state_set(page, (u64)whole_blocks(dev_of(m), kib_mask(from, copied))
					<< DIRTY_SHIFT);
}

static int bdev_page_mkwrite(struct mapping *m, struct page *page)
{
	u32 bytes = page_bytes(dev_of(m), page);
	int err = bytes ? bdev_write_begin(m, page, 0, bytes) : -ENOSPC;

	if (!err)
		state_set(page, (u64)whole_blocks(dev_of(m), kib_mask(0, bytes)) << DIRTY_SHIFT);
	return err;
}

static bool bdev_release_page(struct page *page)
{
	if (state_of(page) >> DIRTY_SHIFT)
		return false;
	page->private = 0;
	page_clear(page, PG_PRIVATE);
	return true;
}

static void bdev_invalidate_page(struct page *page, u32 from, u32 to)
{
	if (to > from)
		state_clear(page, (u64)kib_mask(from, to - from) << DIRTY_SHIFT);
}

const struct mapping_ops blockdev_mapping_ops = {
	.read_page = bdev_read_page,
	.write_page = bdev_write_page,
	.write_begin = bdev_write_begin,
	.write_end = bdev_write_end,
	.page_mkwrite = bdev_page_mkwrite,
	.release_page = bdev_release_page,
	.invalidate_page = bdev_invalidate_page,
};

/* --- metadata blocks --- */

static u64 page_index(u64 nr, u32 bits)
{
	return nr >> (PAGE_SHIFT - bits);
}

static void view(struct block_ref *r, struct page *page, u64 nr, u32 bits)
{
	r->page = page;
	r->size = 1u << bits;
	r->offset = (u32)(nr << bits) & (PAGE_SIZE - 1);
	r->data = (char *)page_address(page) + r->offset;
}

int block_read(struct blockdev *b, u64 nr, u32 bits, struct block_ref *out)
{
	struct page *page = pagecache_find(b->mapping, page_index(nr, bits));
	u32 mask = kib_mask((u32)(nr << bits) & (PAGE_SIZE - 1), 1u << bits);
	int err;

	out->page = NULL;
	if (likely(page)) {
		if (likely((state_of(page) & mask) == mask)) {
			page_accessed(page);
			view(out, page, nr, bits);
			return 0;
		}
		page_put(page);
	}
	page = pagecache_get_locked(b->mapping, page_index(nr, bits), GFP_NOFS);
	if (!page)
		return -ENOMEM;
	err = fill(b, page, mask);
	page_unlock(page);
	if (err)
		page_put(page);
	else
		view(out, page, nr, bits);
	return err;
}

int block_new(struct blockdev *b, u64 nr, u32 bits, struct block_ref *out)
{
	struct page *page = pagecache_get_locked(b->mapping, page_index(nr, bits), GFP_NOFS);

	out->page = NULL;
	if (!page)
		return -ENOMEM;
	view(out, page, nr, bits);
	memset(out->data, 0, out->size);
	page_set(page, PG_PRIVATE);
	state_set(page, kib_mask(out->offset, out->size));
	mark_dirty(page, kib_mask(out->offset, out->size));
	page_unlock(page);
	return 0;
}

bool block_peek(struct blockdev *b, u64 nr, u32 bits, struct block_ref *out)
{
	struct page *page = pagecache_find(b->mapping, page_index(nr, bits));
	u32 mask = kib_mask((u32)(nr << bits) & (PAGE_SIZE - 1), 1u << bits);

	out->page = NULL;
	if (page && (state_of(page) & mask) == mask)
		view(out, page, nr, bits);
	else if (page)
		page_put(page);
	return out->page;
}

void block_set_filter(struct blockdev *b, block_filter_fn *fn, void *arg)
{
	if (fn)
		b->filter_arg = arg;
	smp_store_release(&b->filter, fn);
	/* A page in the old filter's hands is locked, and has a mark. */
	if (!fn)
		(void)mapping_write_and_wait(b->mapping, 0, S64_MAX);
}

void block_lock(struct block_ref *r)
{
	page_lock(r->page);
}

void block_unlock(struct block_ref *r)
{
	page_unlock(r->page);
}

void block_dirty(struct block_ref *r)
{
	u32 mask = kib_mask(r->offset, r->size);

	ASSERT((state_of(r->page) & mask) == mask);
	mark_dirty(r->page, mask);
}

void block_put(struct block_ref *r)
{
	if (r->page)
		page_put(r->page);
	r->page = NULL;
}

void block_forget(struct blockdev *b, u64 nr, u32 bits)
{
	struct page *page = pagecache_find(b->mapping, page_index(nr, bits));
	u32 mask = kib_mask((u32)(nr << bits) & (PAGE_SIZE - 1), 1u << bits);

	if (!page)
		return;
	state_clear(page, (u64)mask << DIRTY_SHIFT);
	page_wait_writeback(page);
	page_put(page);
}
