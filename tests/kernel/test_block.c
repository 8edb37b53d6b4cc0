/* SPDX-License-Identifier: MIT */
/*
 * The block layer and a real driver under it, on a disk that may be overwritten:
 * scratch=NAME on the command line. Without it the cases pass without doing anything.
 *
 * Every sector written holds its own number times STAMP in each of its words, so
 * that one that went to the wrong place is seen; tests/kernel/test_disk.py looks at
 * the image from outside afterwards.
 */
#include <drivers/block/block.h>
#include <drivers/block/buffer.h>
#include <kernel/irq/irq.h>
#include <kernel/lib/random.h>
#include <kernel/lib/string.h>
#include <kernel/mm/alloc_fail.h>
#include <kernel/param.h>
#include <kernel/percpu.h>
#include <kernel/task/thread.h>
#include <kernel/test/ktest.h>

#define STAMP		0x9e3779b97f4a7c15ull
#define WORDS		(SECTOR_SIZE / sizeof(u64))
#define PAGE_SECTORS	(PAGE_SIZE / SECTOR_SIZE)
#define AREA_PAGES	2048u		/* the part of the disk that the pattern covers: 8 MiB */

static char scratch_name[16];

static int set_scratch(const char *value)
{
	return strscpy(scratch_name, value, sizeof(scratch_name)) < 0 ? -EINVAL : 0;
}
PARAM(scratch, "scratch", set_scratch);

static struct blockdev *scratch(void)
{
	struct blockdev *b = *scratch_name ? blockdev_by_name(scratch_name) : NULL;

	if (*scratch_name)
		EXPECT_TRUE(b);
	return b;
}

static void stamp_sectors(void *buf, sector_t first, u32 nr, u64 salt)
{
	u64 *w = buf;

	for (u32 i = 0; i < nr * WORDS; i++)
		w[i] = (first + i / WORDS) * STAMP + salt;
}

static bool stamped(const void *buf, sector_t first, u32 nr, u64 salt)
{
	const u64 *w = buf;

	for (u32 i = 0; i < nr * WORDS; i++)
		if (w[i] != (first + i / WORDS) * STAMP + salt)
			return false;
	return true;
}

struct burst {
	u32 left;			/* atomic: bios under way, and one for the submitter */
	u32 failed;			/* atomic */
	struct completion done;
};

static void burst_put(struct burst *b)
{
	if (!__atomic_sub_fetch(&b->left, 1, __ATOMIC_ACQ_REL))
		complete(&b->done);
}

static void burst_end(struct bio *bio)
{
	struct burst *b = bio->private;

	if (bio->status)
		__atomic_fetch_add(&b->failed, 1, __ATOMIC_RELAXED);
	bio_free(bio);
	burst_put(b);
}

static void burst_start(struct burst *b)
{
	b->left = 1;
	b->failed = 0;
	completion_init(&b->done);
}

static void burst_page(struct burst *b, struct blockdev *dev, enum bio_op op, sector_t sector,
		       struct page *page)
{
	struct bio *bio = bio_alloc(dev, 1, op, GFP_KERNEL);

	bio->sector = sector;
	bio->private = b;
	bio->end_io = burst_end;
	EXPECT_TRUE(bio_add_page(bio, page, PAGE_SIZE, 0));
	__atomic_fetch_add(&b->left, 1, __ATOMIC_RELAXED);
	bio_submit(bio);
}

/* All at once: far more than the device's queue takes. */
KTEST(block, far_more_requests_than_the_queue_takes)
{
	struct blockdev *dev = scratch();
	struct page **pages;
	struct burst b;
	u32 wrong = 0;

	if (!dev)
		return;
	pages = kvmalloc(AREA_PAGES * sizeof(*pages), GFP_KERNEL);
	burst_start(&b);
	for (u32 i = 0; i < AREA_PAGES; i++) {
		pages[i] = page_alloc(GFP_KERNEL);
		stamp_sectors(page_address(pages[i]), i * PAGE_SECTORS, PAGE_SECTORS, 0);
		burst_page(&b, dev, BIO_WRITE, i * PAGE_SECTORS, pages[i]);
	}
	burst_put(&b);
	wait_for_completion(&b.done);
	EXPECT_EQ(b.failed, 0);
	EXPECT_EQ(blockdev_flush(dev), 0);

	burst_start(&b);
	for (u32 i = 0; i < AREA_PAGES; i++) {
		memset(page_address(pages[i]), 0, PAGE_SIZE);
		burst_page(&b, dev, BIO_READ, i * PAGE_SECTORS, pages[i]);
	}
	burst_put(&b);
	wait_for_completion(&b.done);
	EXPECT_EQ(b.failed, 0);
	for (u32 i = 0; i < AREA_PAGES; i++) {
		wrong += !stamped(page_address(pages[i]), i * PAGE_SECTORS, PAGE_SECTORS, 0);
		page_put(pages[i]);
	}
	EXPECT_EQ(wrong, 0);
	EXPECT_EQ(dev->in_flight, 0);
	kvfree(pages);
}

KTEST(block, neighbours_in_a_plug_become_one_request)
{
	struct blockdev *dev = scratch();
	struct page *page = page_alloc(GFP_KERNEL);
	u64 merges, ios;
	u32 per_request;
	struct plug plug;
	struct burst b;

	if (dev) {
		merges = dev->stats[0].merges;
		ios = dev->stats[0].ios;
		burst_start(&b);
		plug_start(&plug);
		/* Backwards: the plug sorts. As many as the device takes segments. */
		per_request = min(dev->disk->limits.max_segments, 32u);
		for (u32 i = 32; i-- > 0;)
			burst_page(&b, dev, BIO_READ, i * PAGE_SECTORS, page);
		plug_finish(&plug);
		burst_put(&b);
		wait_for_completion(&b.done);
		EXPECT_EQ(b.failed, 0);
		EXPECT_EQ(dev->stats[0].merges - merges, 32 - DIV_ROUND_UP(32, per_request));
		EXPECT_EQ(dev->stats[0].ios - ios, 32);
	}
	page_put(page);
}

/* What the thread waits for is in its own plug: sleeping submits it. */
KTEST(block, sleeping_opens_the_plug)
{
	struct blockdev *dev = scratch();
	struct page *page = page_alloc(GFP_KERNEL);
	struct plug plug;
	struct burst b;

	if (dev) {
		burst_start(&b);
		plug_start(&plug);
		burst_page(&b, dev, BIO_READ, 0, page);
		burst_put(&b);
		wait_for_completion(&b.done);
		EXPECT_EQ(b.failed, 0);
		plug_finish(&plug);
	}
	page_put(page);
}

static int one_bio(struct blockdev *dev, enum bio_op op, u32 flags, sector_t sector,
		   struct page *page, u32 bytes)
{
	struct bio *bio = bio_alloc(dev, 1, op, GFP_KERNEL);
	int err = -EINVAL;

	bio->sector = sector;
	bio->flags = (u8)flags;
	if (!bytes || bio_add_page(bio, page, bytes, 0))
		err = bio_submit_wait(bio);
	bio_free(bio);
	return err;
}

KTEST(block, requests_off_the_disk_end_with_an_error)
{
	struct blockdev *dev = scratch();
	struct page *page = page_alloc(GFP_KERNEL);
	sector_t end = dev ? dev->sectors : 0;
	u32 block, sectors;

	if (dev) {
		block = dev->disk->limits.logical_block;
		sectors = block / SECTOR_SIZE;
		EXPECT_EQ(one_bio(dev, BIO_READ, 0, end - PAGE_SECTORS, page, PAGE_SIZE), 0);
		EXPECT_EQ(one_bio(dev, BIO_READ, 0, end - sectors, page, block), 0);
		EXPECT_EQ(one_bio(dev, BIO_READ, 0, end - sectors, page, block + SECTOR_SIZE),
			  -EIO);
		EXPECT_EQ(one_bio(dev, BIO_READ, 0, end, page, SECTOR_SIZE), -EIO);
		EXPECT_EQ(one_bio(dev, BIO_WRITE, 0, end, page, SECTOR_SIZE), -EIO);
		EXPECT_EQ(one_bio(dev, BIO_READ, 0, ~0ull >> 9, page, SECTOR_SIZE), -EIO);
		EXPECT_EQ(one_bio(dev, BIO_READ, 0, 0, page, 100), -EIO);
		EXPECT_EQ(one_bio(dev, BIO_DISCARD, 0, 0, page, 0), -EOPNOTSUPP);
	}
	page_put(page);
}

KTEST(block, flush_and_forced_writes)
{
	struct blockdev *dev = scratch();
	struct page *page = page_alloc(GFP_KERNEL);
	sector_t at = AREA_PAGES * PAGE_SECTORS;
	u64 flushes;

	if (dev) {
		flushes = dev->stats[2].ios;
		EXPECT_EQ(one_bio(dev, BIO_FLUSH, 0, 0, NULL, 0), 0);
		if (dev->disk->limits.has_flush)
			EXPECT_EQ(dev->stats[2].ios, flushes + 1);
		for (u32 flags = 0; flags < 4; flags++) {
			stamp_sectors(page_address(page), at, PAGE_SECTORS, flags);
			EXPECT_EQ(one_bio(dev, BIO_WRITE, flags, at, page, PAGE_SIZE), 0);
			memset(page_address(page), 0, PAGE_SIZE);
			EXPECT_EQ(one_bio(dev, BIO_READ, 0, at, page, PAGE_SIZE), 0);
			EXPECT_TRUE(stamped(page_address(page), at, PAGE_SECTORS, flags));
		}
		EXPECT_EQ(dev->in_flight, 0);
	}
	page_put(page);
}

/* --- every CPU at once, each in an area of its own --- */

#define MIX_ROUNDS	300
#define MIX_PAGES	64u		/* of one CPU's area */

struct mixer {
	struct blockdev *dev;
	sector_t base;
	struct completion done;
	u32 wrong, failed;
};

static int mix(void *arg)
{
	struct mixer *m = arg;
	u64 salt[MIX_PAGES] = { 0 };
	struct page *page = page_alloc(GFP_KERNEL);

	for (u32 i = 0; i < MIX_ROUNDS; i++) {
		u64 r = random_u64();
		u32 n = r % MIX_PAGES;
		sector_t at = m->base + n * PAGE_SECTORS;
		u32 flags = (r >> 32 & 31) < 2 ? (r >> 40 & 3) : 0;

		if (salt[n]) {
			memset(page_address(page), 0, PAGE_SIZE);
			m->failed += one_bio(m->dev, BIO_READ, 0, at, page, PAGE_SIZE) != 0;
			m->wrong += !stamped(page_address(page), at, PAGE_SECTORS, salt[n]);
		}
		salt[n] = r | 1;
		stamp_sectors(page_address(page), at, PAGE_SECTORS, salt[n]);
		m->failed += one_bio(m->dev, BIO_WRITE, flags, at, page, PAGE_SIZE) != 0;
	}
	page_put(page);
	complete(&m->done);
	return 0;
}

KTEST(block, every_cpu_reads_and_writes)
{
	static struct mixer mixers[NR_CPUS];
	struct blockdev *dev = scratch();
	u32 cpu;

	if (!dev)
		return;
	for_each_online_cpu(cpu) {
		mixers[cpu] = (struct mixer){ .dev = dev,
			.base = (AREA_PAGES + 1 + cpu * MIX_PAGES) * PAGE_SECTORS };
		completion_init(&mixers[cpu].done);
		EXPECT_TRUE(kthread_run(mix, &mixers[cpu], "mix/%u", cpu));
	}
	for_each_online_cpu(cpu) {
		wait_for_completion(&mixers[cpu].done);
		EXPECT_EQ(mixers[cpu].failed, 0);
		EXPECT_EQ(mixers[cpu].wrong, 0);
	}
	EXPECT_EQ(dev->in_flight, 0);
}

/* --- metadata blocks --- */

/* 1 KiB blocks share a page: each is read, dirtied and written by itself. */
KTEST(block, metadata_blocks_reach_the_disk)
{
	struct blockdev *dev = scratch();
	u32 bits = dev && dev->disk->limits.logical_block > 1024 ? 12 : 10;
	u32 sectors = 1u << (bits - SECTOR_SHIFT);
	u64 first = (u64)(AREA_PAGES + 1 + NR_CPUS * MIX_PAGES) << (PAGE_SHIFT - bits);
	struct page *page = page_alloc(GFP_KERNEL);
	struct block_ref r;

	if (!dev) {
		page_put(page);
		return;
	}
	for (u64 i = 0; i < 4; i++) {
		EXPECT_EQ(block_new(dev, first + i, bits, &r), 0);
		EXPECT_EQ(*(u64 *)r.data, 0);
		stamp_sectors(r.data, sectors * (first + i), sectors, 1);
		block_dirty(&r);
		block_put(&r);
	}
	/* Freed before it was written: the disk keeps what it had. */
	block_forget(dev, first + 2, bits);
	EXPECT_EQ(blockdev_sync(dev), 0);
	for (u64 i = 0; i < 4; i++) {
		EXPECT_EQ(one_bio(dev, BIO_READ, 0, sectors * (first + i), page, 1u << bits), 0);
		EXPECT_EQ(stamped(page_address(page), sectors * (first + i), sectors, 1), i != 2);
	}
	EXPECT_EQ(block_read(dev, first + 1, bits, &r), 0);
	EXPECT_TRUE(stamped(r.data, sectors * (first + 1), sectors, 1));
	block_put(&r);
	EXPECT_EQ(block_read(dev, first + 8, bits, &r), 0);
	EXPECT_EQ(*(u64 *)r.data, 0);
	block_put(&r);
	page_put(page);
}

/* Without memory a bio of the reserve comes, however long that takes. */
KTEST(block, requests_without_memory_use_the_reserve)
{
	struct blockdev *dev = scratch();
	struct bio *bios[8];

	if (!dev)
		return;
	for (u32 i = 0; i < ARRAY_SIZE(bios); i++) {
		alloc_fail_nth(1);
		bios[i] = bio_alloc(dev, 1, BIO_READ, GFP_NOIO);
		alloc_fail_nth(0);
		EXPECT_TRUE(bios[i] && bios[i]->from_reserve);
	}
	for (u32 i = 0; i < ARRAY_SIZE(bios); i++)
		bio_free(bios[i]);
}

/*
 * --- disks that refuse: rodisk=NAME cannot be written, baddisk=NAME fails at sector BAD_SECTOR ---
 */

#define BAD_SECTOR	4096

static char ro_name[16], bad_name[16];

static int set_ro(const char *value)
{
	return strscpy(ro_name, value, sizeof(ro_name)) < 0 ? -EINVAL : 0;
}
PARAM(rodisk, "rodisk", set_ro);

static int set_bad(const char *value)
{
	return strscpy(bad_name, value, sizeof(bad_name)) < 0 ? -EINVAL : 0;
}
PARAM(baddisk, "baddisk", set_bad);

KTEST(block, a_read_only_disk_refuses_writes)
{
	struct blockdev *dev = *ro_name ? blockdev_by_name(ro_name) : NULL;
	struct page *page = page_alloc(GFP_KERNEL);

	EXPECT_TRUE(dev || !*ro_name);
	if (dev) {
		EXPECT_EQ(one_bio(dev, BIO_READ, 0, 0, page, PAGE_SIZE), 0);
		EXPECT_EQ(one_bio(dev, BIO_WRITE, 0, 0, page, PAGE_SIZE), -EROFS);
		EXPECT_EQ(blockdev_flush(dev), 0);
	}
	page_put(page);
}

KTEST(block, errors_of_the_device_are_told)
{
	struct blockdev *dev = *bad_name ? blockdev_by_name(bad_name) : NULL;
	struct page *page = page_alloc(GFP_KERNEL);
	struct block_ref r;

	EXPECT_TRUE(dev || !*bad_name);
	if (dev) {
		EXPECT_EQ(one_bio(dev, BIO_READ, 0, BAD_SECTOR - 8, page, PAGE_SIZE), 0);
		EXPECT_EQ(one_bio(dev, BIO_READ, 0, BAD_SECTOR, page, PAGE_SIZE), -EIO);
		EXPECT_EQ(one_bio(dev, BIO_READ, 0, BAD_SECTOR + 8, page, PAGE_SIZE), 0);
		EXPECT_EQ(block_read(dev, BAD_SECTOR / 2, 10, &r), -EIO);
		EXPECT_EQ(one_bio(dev, BIO_WRITE, 0, BAD_SECTOR, page, PAGE_SIZE), -EIO);
		/* The error of a write behind the caller's back comes with the next sync, once. */
		EXPECT_EQ(block_new(dev, BAD_SECTOR / 2, 10, &r), 0);
		block_put(&r);
		EXPECT_EQ(blockdev_sync(dev), -EIO);
		EXPECT_EQ(blockdev_sync(dev), 0);
		EXPECT_EQ(dev->in_flight, 0);
	}
	page_put(page);
}
