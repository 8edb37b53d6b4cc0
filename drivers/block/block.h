/* SPDX-License-Identifier: MIT */
/*
 * Block layer: devices, asynchronous requests (bio) and their queues.
 *
 * A bio names a device range and the pages to transfer; it completes once, by
 * end_io, in interrupt or softirq context. Barriers do not exist: order is made
 * by waiting and by BIO_FLUSH / BIO_FUA.
 */
#pragma once
#include <kernel/types.h>
#include <kernel/errno.h>
#include <kernel/lib/list.h>
#include <kernel/mm/page.h>
#include <kernel/mm/pagecache.h>
#include <kernel/lock/wait.h>

#define SECTOR_SHIFT	9
#define SECTOR_SIZE	512

struct bio_vec {
	struct page *page;
	u32 len, offset;	/* bytes; may cross into following pages of one allocation */
};

enum bio_op { BIO_READ, BIO_WRITE, BIO_FLUSH, BIO_DISCARD };
#define BIO_FUA		BIT(0)	/* on stable storage before it completes */
#define BIO_PREFLUSH	BIT(1)	/* the device's cache first */
#define BIO_SYNC	BIT(2)	/* somebody waits for it */
#define BIO_META	BIT(3)

struct bio {
	struct blockdev *bdev;
	sector_t sector;		/* relative to bdev (partition) */
	u8 op;				/* enum bio_op */
	u8 flags;
	s16 status;			/* 0 or -errno, at completion */
	u16 nr_vecs, max_vecs;
	struct bio_vec *vecs;
	void (*end_io)(struct bio *bio);	/* any context; owns the bio from then */
	void *private;
	struct list_head node;		/* queue's or driver's while in flight */
	u64 start_ns;			/* I/O accounting */
	struct bio_vec inline_vecs[];
};

/* With room for nr_vecs; NULL only for ATOMIC (others draw on a reserve). */
struct bio *bio_alloc(struct blockdev *bdev, u16 nr_vecs, enum bio_op op, u32 gfp);
void bio_free(struct bio *bio);
bool bio_add_page(struct bio *bio, struct page *page, u32 len, u32 offset);	/* false: full or over the device's limits */
void bio_submit(struct bio *bio);		/* may sleep for queue room */
int bio_submit_wait(struct bio *bio);		/* status; bio stays the caller's */
u32 bio_bytes(const struct bio *bio);

struct plug { struct list_head bios; };		/* merges neighbours of one thread's burst */
void plug_start(struct plug *p);
void plug_finish(struct plug *p);

struct disk;
struct disk_ops {
	/* Take a bio (or a chain merged by the queue) to the hardware. 0, or -EBUSY: queue full, it is offered again. Context: queue lock held, irqs off. */
	int (*queue_bio)(struct disk *d, struct bio *bio);
	void (*commit)(struct disk *d);		/* ring the doorbell for what was queued; queue lock held */
	long (*ioctl)(struct disk *d, u32 cmd, u64 arg);
};
struct disk_limits {
	u32 logical_block, physical_block;	/* bytes */
	u32 io_min, io_opt, alignment_offset;
	u32 max_segments, max_segment_bytes, max_sectors;
	u32 queue_depth;
	bool has_flush, has_fua, has_discard, read_only, removable, rotational;
	u64 dma_mask;
};
/* Register with partitions scanned; names vda, vda1 ... 0 or -errno. */
int disk_register(struct disk *d);
void disk_unregister(struct disk *d);
void disk_bio_done(struct disk *d, struct bio *bio, int status);	/* driver's completion; irq context */

/* A whole disk or a partition; the page cache of its raw contents is mapping. */
struct blockdev {
	char name[32];
	dev_t dev;
	struct disk *disk;
	sector_t start, sectors;
	u32 partno;
	struct mapping *mapping;	/* metadata and raw access */
	u64 stats[2][4];		/* per direction: ios, merges, sectors, ns */
	atomic_t in_flight;
	atomic_t openers;
	struct list_head node;
	void *holder;			/* mounted file system */
};
struct blockdev *blockdev_find(dev_t dev);
struct blockdev *blockdev_by_name(const char *name);	/* "vda1", "/dev/vda1", "PARTUUID=..." */
int blockdev_claim(struct blockdev *b, void *holder);
void blockdev_release(struct blockdev *b, void *holder);
u64 blockdev_bytes(const struct blockdev *b);
int blockdev_flush(struct blockdev *b);
