/* SPDX-License-Identifier: MIT */
/*
 * The board: memory, time on every hart, interrupts, a disk that reads the same twice and from anywhere. Its network
 * ports: test_hw_net.c; small devices: test_hw_small.c; its harts in user mode, atomics, TLB, fence.i: stress_harts.
 */
#include <arch/smp.h>
#include <arch/time.h>
#include <drivers/block/block.h>
#include <drivers/core/driver.h>
#include <kernel/lib/string.h>
#include <kernel/mm/page.h>
#include <kernel/percpu.h>
#include <kernel/sched/sched.h>
#include <kernel/test/ktest.h>
#include <kernel/time/hrtimer.h>

/* --- memory --- */

#define BLOCK_ORDER	8		/* 1 MiB */
#define BLOCKS		16		/* or as many as there are */
#define WORDS		((PAGE_SIZE << BLOCK_ORDER) / sizeof(u64))

static u64 word_of(u32 pattern, const u64 *at, u64 i)
{
	switch (pattern) {
	case 0: return (u64)at;					/* its own address: lines that are swapped */
	case 1: return ~(u64)at;
	case 2: return 0x5555555555555555ull << (i & 1);	/* neighbours differ in each bit */
	default: return 1ull << (i & 63);			/* one bit walks */
	}
}

static u64 wrong_words(u64 *block, u32 pattern)
{
	u64 wrong = 0;

	for (u64 i = 0; i < WORDS; i++)
		WRITE_ONCE(block[i], word_of(pattern, &block[i], i));
	for (u64 i = 0; i < WORDS; i++)
		wrong += READ_ONCE(block[i]) != word_of(pattern, &block[i], i);
	return wrong;
}

KTEST(hw, memory_keeps_what_it_is_given)
{
	struct page *pages[BLOCKS];
	u32 nr = 0;

	while (nr < BLOCKS && (pages[nr] = page_alloc_order(BLOCK_ORDER, GFP_KERNEL | GFP_NOWARN)))
		nr++;
	EXPECT_TRUE(nr);
	for (u32 pattern = 0; pattern < 4; pattern++)
		for (u32 i = 0; i < nr; i++)
			EXPECT_EQ(wrong_words(page_address(pages[i]), pattern), 0);
	while (nr--)
		page_free_order(pages[nr], BLOCK_ORDER);
}

/* --- time --- */

static u64 seen;

static void read_time(void *arg)
{
	u64 now = arch_time_read();

	if ((s64)(now - seen) > 0)
		seen = now;
	else
		*(u64 *)arg += (s64)(seen - now) > 0;
}

/* The harts' time is one: who reads after another never reads less. */
KTEST(hw, time_is_the_same_on_all_harts)
{
	u64 backwards = 0;
	u32 cpu;

	seen = arch_time_read();
	for (u32 round = 0; round < 1000; round++)
		for_each_online_cpu(cpu)
			smp_call(BIT(cpu), read_time, &backwards);
	EXPECT_EQ(backwards, 0);
}

/* A timer's interrupt comes after its time, and not long after, by the counter that it does not use. */
KTEST(hw, timers_agree_with_the_counter)
{
	for (u32 ms = 1; ms <= 64; ms *= 4) {
		u64 start = arch_time_read(), us;

		thread_sleep_ns(ms * NS_PER_MS);
		us = (arch_time_read() - start) * 1000000 / arch_timebase_hz;
		EXPECT_TRUE(us >= ms * 1000);
		EXPECT_TRUE(us < ms * 1000 + 1000000);	/* an emulator on a busy host */
	}
}

/* --- interrupts between harts --- */

static void count_one(void *arg)
{
	__atomic_fetch_add((u64 *)arg, 1, __ATOMIC_RELAXED);
}

KTEST(hw, every_hart_answers_an_interrupt)
{
	u64 answered = 0;

	for (u32 round = 0; round < 100; round++)
		smp_call(READ_ONCE(cpus_online), count_one, &answered);
	EXPECT_EQ(answered, 100ul * (u64)__builtin_popcountll(READ_ONCE(cpus_online)));
}

/* --- the disk of the root, or the first card --- */

#define CHUNK_SECTORS	8
#define CHUNK_BYTES	(CHUNK_SECTORS << SECTOR_SHIFT)
#define CHUNKS		64
#define SECTOR		(1u << SECTOR_SHIFT)
#define OFFSET_STEP	4		/* what the hosts' controllers ask of an address */
#define FILL		0xa5

static struct blockdev *disk_at(u32 n)
{
	static const char *const names[] = { "mmcblk0", "mmcblk1", "vda" };

	return n < ARRAY_SIZE(names) ? blockdev_by_name(names[n]) : NULL;
}
#define NR_DISKS	3

static bool has_chunk(const struct blockdev *b, u32 i)
{
	return b && (i + 1) * CHUNK_SECTORS <= b->sectors;
}

KTEST(hw, a_disk_reads_the_same_twice)
{
	u8 *first = kmalloc(CHUNK_BYTES, GFP_KERNEL), *again = kmalloc(CHUNK_BYTES, GFP_KERNEL);

	EXPECT_TRUE(first && again);
	for (u32 n = 0; first && again && n < NR_DISKS; n++) {
		struct blockdev *b = disk_at(n);

		for (u32 i = 0; i < CHUNKS && has_chunk(b, i); i++) {
			EXPECT_EQ(blockdev_read_sectors(b, i * CHUNK_SECTORS, CHUNK_SECTORS, first), 0);
			EXPECT_EQ(blockdev_read_sectors(b, i * CHUNK_SECTORS, CHUNK_SECTORS, again), 0);
			EXPECT_EQ(memcmp(first, again, CHUNK_BYTES), 0);
		}
	}
	kfree(first);
	kfree(again);
}

/* The first sector by DMA to an offset in a page. */
static int read_first(struct blockdev *b, struct page *page, u32 at)
{
	struct bio *bio = bio_alloc(b, 1, BIO_READ, GFP_KERNEL);
	int err = -EINVAL;

	if (bio_add_page(bio, page, SECTOR, at))
		err = bio_submit_wait(bio);
	bio_free(bio);
	return err;
}

/* Memory may begin anywhere in a cache line; what is around it stays. */
KTEST(hw, a_disk_reads_to_anywhere)
{
	struct page *page = page_alloc(GFP_KERNEL);
	u8 *first = kmalloc(SECTOR, GFP_KERNEL), *bytes = page ? page_address(page) : NULL;

	EXPECT_TRUE(first && page);
	for (u32 n = 0; first && page && n < NR_DISKS; n++) {
		struct blockdev *b = disk_at(n);

		if (!has_chunk(b, 0))
			continue;
		EXPECT_EQ(blockdev_read_sectors(b, 0, 1, first), 0);
		for (u32 at = OFFSET_STEP; at < 2 * 64; at += OFFSET_STEP) {
			memset(bytes, FILL, PAGE_SIZE);
			EXPECT_EQ(read_first(b, page, at), 0);
			EXPECT_EQ(memcmp(bytes + at, first, SECTOR), 0);
			EXPECT_TRUE(bytes[at - 1] == FILL && bytes[at + SECTOR] == FILL);
		}
	}
	kfree(first);
	if (page)
		page_put(page);
}

/* --- interrupts of devices --- */

/* That of a disk, which its handler's name tells: its device's, or that of the bus it is on. */
static bool irq_of(const struct disk *d, struct irq_info *out)
{
	for (const struct device *dev = d->dev; dev; dev = dev->parent)
		for (u32 irq = 0; irq_info_next(irq, out); irq = out->irq + 1)
			if (!strcmp(out->names, dev->name))
				return true;
	return false;
}

static u64 count_of(u32 irq, u32 cpu)
{
	struct irq_info info;

	return irq_info_next(irq, &info) && info.irq == irq ? info.counts[cpu] : 0;
}

/* Each hart serves each disk's, when it is asked to. */
KTEST(hw, an_interrupt_comes_where_it_is_sent)
{
	u8 *chunk = kmalloc(CHUNK_BYTES, GFP_KERNEL);
	struct irq_info info;
	u32 cpu;

	EXPECT_TRUE(chunk);
	for (u32 n = 0; chunk && n < NR_DISKS; n++) {
		struct blockdev *b = disk_at(n);

		if (!has_chunk(b, 0) || !irq_of(b->disk, &info))
			continue;
		for_each_online_cpu(cpu) {
			u64 before;

			EXPECT_EQ(irq_set_affinity(info.irq, cpu), 0);
			before = count_of(info.irq, cpu);
			EXPECT_EQ(blockdev_read_sectors(b, 0, CHUNK_SECTORS, chunk), 0);
			EXPECT_TRUE(count_of(info.irq, cpu) > before);
		}
		EXPECT_EQ(irq_set_affinity(info.irq, info.cpu), 0);
	}
	kfree(chunk);
}
