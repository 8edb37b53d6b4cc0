/* SPDX-License-Identifier: MIT */
/*
 * Block layer: devices, asynchronous requests (bio) and their queues.
 *
 * A bio names a device range and the pages to transfer; it completes once, by
 * end_io, in interrupt or thread context. Barriers do not exist: order is made
 * by waiting and by BIO_PREFLUSH / BIO_FUA. Design: queue.c.
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

struct device;
struct disk;
struct blockdev;

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
	u32 bytes;			/* sum of the vectors; of a discard: its length */
	struct bio_vec *vecs;
	void (*end_io)(struct bio *bio);	/* any context; owns the bio from then */
	void *private;

	/* The queue's and the driver's while in flight. */
	struct list_head node;
	struct bio *chain;		/* merged behind this one, NULL: last */
	sector_t disk_sector;		/* of the whole disk */
	u64 start_ns;			/* I/O accounting */
	u8 wire_op;			/* what the device does now: flushes run before and after */
	bool from_reserve;
	struct bio_vec inline_vecs[];
};

/*
 * A bio with room for nr_vecs. NULL only where gfp may not sleep: others wait
 * for one of the reserve, which may have fewer vectors (max_vecs tells).
 */
struct bio *bio_alloc(struct blockdev *bdev, u16 nr_vecs, enum bio_op op, u32 gfp);
void bio_free(struct bio *bio);			/* any context */
/* False: full, or over the device's limits; submit it and go on with another. */
bool bio_add_page(struct bio *bio, struct page *page, u32 len, u32 offset);
void bio_submit(struct bio *bio);		/* any context; never sleeps */
int bio_submit_wait(struct bio *bio);		/* status; the bio stays the caller's. May sleep */
void block_init(void);				/* boot thread */
void block_flush_init(void);			/* by block_init(): flush.c */

/*
 * A burst of one thread is held back, sorted and merged, until the plug is
 * finished or the thread sleeps. Nested plugs join the outer one.
 */
struct plug {
	struct list_head bios;
	u32 count;
	bool nested;
};
void plug_start(struct plug *p);
void plug_finish(struct plug *p);

struct disk_ops {
	/*
	 * Take a bio and those chained behind it (contiguous, same operation) to
	 * the hardware as one request. 0; -EBUSY: queue full, offered again after
	 * the next completion; or what the bios end with. Context: disk lock held,
	 * interrupts off.
	 */
	int (*queue_bio)(struct disk *d, struct bio *bio);
	void (*commit)(struct disk *d);		/* ring the doorbell; disk lock held */
	long (*ioctl)(struct disk *d, u32 cmd, u64 arg);	/* NULL: -ENOTTY */
};

struct disk_limits {
	u32 logical_block, physical_block;	/* bytes */
	u32 io_min, io_opt, alignment_offset;
	u32 max_segments, max_segment_bytes, max_sectors;
	u32 queue_depth;
	bool has_flush, has_fua, has_discard, read_only, removable, rotational;
	u64 dma_mask;
};

#define DISK_MAX_PARTS	16		/* the whole disk included */

/* Filled by the driver but for the last group. */
struct disk {
	char name[16];			/* vda, mmcblk0 */
	u32 major, first_minor;
	sector_t sectors;
	struct disk_limits limits;
	const struct disk_ops *ops;
	struct device *dev;
	void *private;

	/* RANK_BLOCKQ, irq-safe: queue, statistics, the driver's ring */
	struct spinlock lock;
	struct list_head queue;		/* bios not yet taken by the driver */
	u32 with_driver;		/* requests that it has taken and not yet given back, and holds */
	struct blockdev *parts[DISK_MAX_PARTS];	/* [0]: whole disk; constant while registered */
	struct blockdev *spare[DISK_MAX_PARTS];	/* those of an earlier registration */
	struct list_head node;
};

void disk_init(struct disk *d);			/* before the driver's first interrupt */
int __must_check disk_register(struct disk *d);	/* scans partitions: vda, vda1 ... Thread context */
/*
 * The device has gone: its names go, and nobody finds it any more. Who has it open or mounted keeps
 * it, and gets errors, which are the driver's to give. Thread context.
 */
void disk_remove(struct disk *d);
/*
 * Removed, and neither open nor mounted: the disk may be registered again, as that of another
 * device. Thread context.
 */
bool disk_is_unused(const struct disk *d);

/*
 * The driver's completion of requests, any number under one hold of the disk's lock:
 * begin takes it; add gives back what queue_bio took (the bio and its chain); end
 * offers waiting bios to the driver, drops the lock and ends the bios. Any context.
 */
struct disk_batch {
	struct disk *disk;
	struct bio *ended, **tail;
	u64 now_ns, flags;
};
void disk_batch_begin(struct disk_batch *b, struct disk *d);
void disk_batch_add(struct disk_batch *b, struct bio *bio, int status);
void disk_batch_end(struct disk_batch *b);
/*
 * The driver is busy with what is no request, and queue_bio says -EBUSY; from hold to unhold, which
 * is within a batch, bios wait. Disk lock held.
 */
void disk_hold(struct disk *d);
void disk_unhold(struct disk_batch *b);

struct io_stats {
	u64 ios, merges, sectors, ns;
};

/* A whole disk or a partition; the page cache of its raw contents is mapping. */
/*
 * Of a page of metadata on its way to disk: index is the page's, cached its contents and copy
 * those that will be written; dirty and the result are bits per KiB: what is written, and what
 * stays dirty because the copy was made to differ. Before, without a copy: what must not be
 * written from the cache itself. Context: page locked; no I/O but what sleeps for memory.
 */
typedef u32 block_filter_fn(void *arg, u64 index, char *cached, char *copy, u32 dirty);

struct blockdev {
	/* Constant while it is registered. */
	char name[24];
	dev_t dev;
	struct disk *disk;
	sector_t start, sectors;
	loff_t bytes;			/* size of the mapping. Both only grow: blockdev_grow() */
	u32 partno;
	char uuid[37];			/* PARTUUID; empty: none */
	struct list_head node;

	struct mapping *mapping;	/* metadata and raw access: buffer.h */
	struct mapping mapping_store;

	/* write errors blockdev_sync() has told of; two at once may both tell */
	u32 errors_seen;

	struct io_stats stats[3];	/* read, write, flush; disk lock */
	u64 busy_ns, busy_since_ns;	/* disk lock: time with anything in flight */
	u32 in_flight;			/* disk lock */

	bool read_only;			/* set by ioctl, beside the disk's own; READ_ONCE */
	atomic_t openers;
	void *holder;			/* mounted file system; blockdev list lock */
	/* What the mounted file system lets pass to the disk (buffer.h); by block_set_filter(). */
	block_filter_fn *filter;
	void *filter_arg;
};

/*
 * NULL: there is none. No reference is needed: the structure stays for ever, though its device may
 * go, and be followed by another one.
 */
struct blockdev *blockdev_find(dev_t dev);
struct blockdev *blockdev_by_name(const char *name);	/* "vda1", "/dev/vda1", "PARTUUID=..." */
void blockdev_for_each(void (*fn)(struct blockdev *b, void *arg), void *arg);
int __must_check blockdev_claim(struct blockdev *b, void *holder);	/* -EBUSY: another has it */
void blockdev_release(struct blockdev *b, void *holder);
static inline bool blockdev_is_read_only(const struct blockdev *b)
{
	return READ_ONCE(b->read_only) || b->disk->limits.read_only;
}
/* Called for every device there is, for each that comes, and each that goes. Thread context. */
struct blockdev_watcher {
	void (*added)(struct blockdev *b);
	void (*removed)(struct blockdev *b);
};
void blockdev_watch(const struct blockdev_watcher *w);	/* one caller; boot thread, before drivers */
static inline u64 blockdev_bytes(const struct blockdev *b) { return b->sectors << SECTOR_SHIFT; }
/*
 * A partition of the disk gets more sectors behind those that it has. 0, -ENXIO: there is none;
 * -EINVAL: it does not begin at start, or would shrink or leave the disk; -EBUSY: another one lies
 * there. Thread context.
 */
int blockdev_grow(struct disk *d, u32 partno, sector_t start, sector_t sectors);
int blockdev_flush(struct blockdev *b);			/* the device's write cache. May sleep */
int blockdev_sync(struct blockdev *b);			/* dirty blocks, then the cache; tells earlier write errors */
/* Synchronous transfer of whole sectors outside the page cache (partition tables). */
int blockdev_read_sectors(struct blockdev *b, sector_t sector, u32 nr, void *buf);

extern const struct mapping_ops blockdev_mapping_ops;	/* buffer.c */
