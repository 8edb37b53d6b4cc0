/* SPDX-License-Identifier: MIT */
/*
 * File data: pages of the cache to and from disk blocks.
 *
 * Blocks are allocated when a page is first written to (write_begin, or the
 * first write through a mapping), not when it goes to disk: so write(2) says
 * -ENOSPC, and writeback never allocates. A block that is still a hole when its
 * page is written holds zeros nobody wrote, and stays a hole.
 *
 * A page is transferred as runs of contiguous blocks, one bio each; neighbours
 * merge in the plug. struct page_io counts a page's runs; the last one ends the
 * page's I/O. The submitter holds a count of its own until all are submitted.
 */
#include <fs/ext2/ext2.h>
#include <kernel/lib/string.h>

struct page_io {
	struct page *page;
	u32 left;			/* atomic */
	s32 err;			/* atomic: an error of any run */
	bool write;
};

static void page_io_put(struct page_io *io)
{
	if (__atomic_sub_fetch(&io->left, 1, __ATOMIC_ACQ_REL))
		return;
	if (io->write)
		page_write_done(io->page, io->err);
	else
		page_read_done(io->page, io->err);
	kfree(io);
}

static void run_end(struct bio *bio)
{
	struct page_io *io = bio->private;

	if (bio->status)
		__atomic_store_n(&io->err, bio->status, __ATOMIC_RELAXED);
	bio_free(bio);
	page_io_put(io);
}

static struct bio *run_bio(struct ext2_sb *s, struct page *page, u32 phys, u32 from, u32 blocks,
			   bool write)
{
	struct bio *bio = bio_alloc(s->bdev, 1, write ? BIO_WRITE : BIO_READ, GFP_NOIO);

	bio->sector = (sector_t)phys << (s->bits - SECTOR_SHIFT);
	if (!bio_add_page(bio, page, blocks << s->bits, from << s->bits))
		bio->status = -EIO;
	return bio;
}

static void submit_run(struct ext2_sb *s, struct page_io *io, u32 phys, u32 from, u32 blocks)
{
	struct bio *bio = run_bio(s, io->page, phys, from, blocks, io->write);

	bio->private = io;
	bio->end_io = run_end;
	__atomic_fetch_add(&io->left, 1, __ATOMIC_RELAXED);
	if (bio->status)
		run_end(bio);
	else
		bio_submit(bio);
}

static void zero_block(const struct ext2_sb *s, struct page *page, u32 i)
{
	memset((char *)page_address(page) + (i << s->bits), 0, s->block_bytes);
}

/* Disk blocks of the page's first nr blocks; 0: hole. */
static int map_page(struct inode *inode, struct page *page, u32 nr, u32 *phys)
{
	struct ext2_sb *s = EXT2_SB(inode->sb);
	u64 first = page->index << (PAGE_SHIFT - s->bits);
	bool is_new;

	for (u32 i = 0; i < nr; i++) {
		int err = ext2_map(EXT2_I(inode), first + i, false, &phys[i], &is_new);

		if (err)
			return err;
	}
	return 0;
}

/* Blocks of the page within the file's size. */
static u32 page_blocks(struct inode *inode, const struct page *page)
{
	struct ext2_sb *s = EXT2_SB(inode->sb);
	loff_t size = READ_ONCE(inode->size), start = (loff_t)page->index << PAGE_SHIFT;

	if (start >= size)
		return 0;
	return min_t(u64, PAGE_SIZE >> s->bits, (size - start + s->block_bytes - 1) >> s->bits);
}

static void submit_runs(struct ext2_sb *s, struct page_io *io, const u32 *phys, u32 nr)
{
	for (u32 i = 0, end; i < nr; i = end) {
		for (end = i + 1; phys[i] && end < nr && phys[end] == phys[i] + (end - i); end++)
			;
		if (phys[i])
			submit_run(s, io, phys[i], i, end - i);
	}
}

static struct page_io *page_io_new(struct page *page, bool write)
{
	struct page_io *io = kmalloc(sizeof(*io), GFP_NOIO);

	if (io)
		*io = (struct page_io){ .page = page, .left = 1, .write = write };
	return io;
}

static int ext2_read_page(struct mapping *m, struct page *page)
{
	struct inode *inode = m->host;
	struct ext2_sb *s = EXT2_SB(inode->sb);
	u32 phys[PAGE_SIZE / 1024], per_page = PAGE_SIZE >> s->bits;
	u32 nr = page_blocks(inode, page);
	struct page_io *io;
	int err = map_page(inode, page, nr, phys);

	io = err ? NULL : page_io_new(page, false);
	if (!io) {
		err = err ? err : -ENOMEM;
		page_read_done(page, err);
		return err;
	}
	for (u32 i = 0; i < per_page; i++)
		if (i >= nr || !phys[i])
			zero_block(s, page, i);
	submit_runs(s, io, phys, nr);
	page_io_put(io);
	return 0;
}

/*
 * Without memory the page stays dirty for another time. With nowhere to go (a damaged
 * map, a map that cannot be read) it never will be written: it is lost, and the mapping
 * remembers that for fsync.
 */
static int not_written(struct page *page, int err)
{
	if (!err || err == -ENOMEM) {
		page_set_dirty(page);
		page_unlock(page);
		return -ENOMEM;
	}
	page_start_writeback(page);
	page_unlock(page);
	page_write_done(page, err);
	return 0;
}

static int ext2_write_page(struct mapping *m, struct page *page, struct writeback_control *wbc)
{
	struct inode *inode = m->host;
	u32 phys[PAGE_SIZE / 1024], nr = page_blocks(inode, page);
	u32 tail = READ_ONCE(inode->size) & (PAGE_SIZE - 1);
	struct page_io *io;
	int err = map_page(inode, page, nr, phys);

	io = err ? NULL : page_io_new(page, true);
	if (!io)
		return not_written(page, err);
	/* What a mapping wrote behind the end of the file is not the file's. */
	if (tail && page->index == (u64)READ_ONCE(inode->size) >> PAGE_SHIFT)
		memset((char *)page_address(page) + tail, 0, PAGE_SIZE - tail);
	page_start_writeback(page);
	page_unlock(page);
	submit_runs(EXT2_SB(inode->sb), io, phys, nr);
	page_io_put(io);
	return 0;
}

/* Read the blocks in phys into dst (a page), waiting; holes are zeroed. */
static int read_blocks_wait(struct ext2_sb *s, struct page *dst, const u32 *phys, u32 nr)
{
	for (u32 i = 0; i < nr; i++) {
		struct bio *bio;
		int err;

		if (!phys[i]) {
			zero_block(s, dst, i);
			continue;
		}
		bio = run_bio(s, dst, phys[i], i, 1, false);
		err = bio->status ? bio->status : bio_submit_wait(bio);
		bio_free(bio);
		if (err)
			return err;
	}
	return 0;
}

/* Allocate blocks [from, to) of the page's; those that are new count as holes in phys. */
static int allocate_blocks(struct inode *inode, struct page *page, u32 from, u32 to, u32 *phys)
{
	u64 first = page->index << (PAGE_SHIFT - EXT2_SB(inode->sb)->bits);

	for (u32 i = from; i < to; i++) {
		bool is_new;
		int err = ext2_map_create(EXT2_I(inode), first + i, &phys[i], &is_new);

		if (err)
			return err;
		if (is_new)
			phys[i] = 0;
	}
	return 0;
}

/* A write that fell short: no blocks stay behind the end of the file. */
static void trim(struct inode *inode, loff_t written_to)
{
	struct ext2_sb *s = EXT2_SB(inode->sb);
	loff_t size = max(READ_ONCE(inode->size), written_to);

	(void)ext2_truncate_blocks(EXT2_I(inode), (size + s->block_bytes - 1) >> s->bits);
}

/*
 * A page that is not up to date is made so here, even where all of it will be
 * overwritten: a copy that stops short must not lose what the disk has. New
 * blocks and those behind the end are holes, so appending reads nothing.
 */
static int ext2_write_begin(struct mapping *m, struct page *page, u32 from, u32 to)
{
	struct inode *inode = m->host;
	struct ext2_sb *s = EXT2_SB(inode->sb);
	u32 phys[PAGE_SIZE / 1024] = { 0 }, nr = page_blocks(inode, page);
	u32 first = from >> s->bits, end = (to + s->block_bytes - 1) >> s->bits;
	bool uptodate = page_test(page, PG_UPTODATE);
	int err = uptodate ? 0 : map_page(inode, page, nr, phys);

	if (!err)
		err = allocate_blocks(inode, page, first, end, phys);
	if (unlikely(err))
		trim(inode, 0);
	if (err || uptodate)
		return err;
	for (u32 i = nr; i < PAGE_SIZE >> s->bits; i++)
		phys[i] = 0;
	err = read_blocks_wait(s, page, phys, PAGE_SIZE >> s->bits);
	if (!err)
		page_set(page, PG_UPTODATE);
	return err;
}

static void ext2_write_end(struct mapping *m, struct page *page, u32 from, u32 to, u32 copied)
{
	if (unlikely(copied < to - from))
		trim(m->host, copied ? ((loff_t)page->index << PAGE_SHIFT) + from + copied : 0);
}

static int ext2_page_mkwrite(struct mapping *m, struct page *page)
{
	struct inode *inode = m->host;
	u32 phys[PAGE_SIZE / 1024];

	return allocate_blocks(inode, page, 0, page_blocks(inode, page), phys);
}

const struct mapping_ops ext2_mapping_ops = {
	.read_page = ext2_read_page,
	.write_page = ext2_write_page,
	.write_begin = ext2_write_begin,
	.write_end = ext2_write_end,
	.page_mkwrite = ext2_page_mkwrite,
};

const struct file_ops ext2_file_ops = {
	.read = generic_file_read,
	.pages = generic_file_pages,
	.write = generic_file_write,
	.llseek = generic_file_llseek,
	.mmap = generic_file_mmap,
	.fsync = ext2_fsync,
};
