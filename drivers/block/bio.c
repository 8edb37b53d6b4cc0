/* SPDX-License-Identifier: MIT */
/*
 * bios: allocation, filling, waiting.
 *
 * Page-out must make progress without memory, so a few bios are set aside at
 * boot. Who may sleep waits for one of them: each returns when its I/O ends,
 * and a bio's end never allocates.
 */
#include <drivers/block/block.h>
#include <kernel/bug.h>
#include <kernel/lock/spinlock.h>

#define RESERVE_BIOS	16
#define RESERVE_VECS	16	/* chosen: 64 KiB a request keeps a starved device busy */

static struct {
	struct spinlock lock;		/* RANK_LEAF, irq-safe: bios are freed by interrupts */
	struct list_head free;
	struct wait_queue wait;
} reserve = {
	.lock = SPINLOCK_INIT(RANK_LEAF),
	.free = LIST_HEAD_INIT(reserve.free),
	.wait = WAIT_QUEUE_INIT(reserve.wait),
};

static struct bio *bio_new(u16 nr_vecs, u32 gfp)
{
	struct bio *bio = kmalloc(sizeof(*bio) + nr_vecs * sizeof(struct bio_vec), gfp);

	if (bio) {
		bio->max_vecs = nr_vecs;
		bio->from_reserve = false;
	}
	return bio;
}

static struct bio *reserve_take(void)
{
	u64 flags = spin_lock_irqsave(&reserve.lock);
	struct bio *bio = NULL;

	if (!list_empty(&reserve.free)) {
		bio = list_first(&reserve.free, struct bio, node);
		list_del(&bio->node);
	}
	spin_unlock_irqrestore(&reserve.lock, flags);
	return bio;
}

struct bio *bio_alloc(struct blockdev *bdev, u16 nr_vecs, enum bio_op op, u32 gfp)
{
	struct bio *bio = bio_new(nr_vecs, gfp | GFP_NORETRY | GFP_NOWARN);

	if (!bio && (gfp & GFP_WAIT))
		wait_event(&reserve.wait, (bio = reserve_take()));
	if (!bio)
		return NULL;
	bio->bdev = bdev;
	bio->sector = 0;
	bio->op = op;
	bio->flags = 0;
	bio->status = 0;
	bio->nr_vecs = 0;
	bio->bytes = 0;
	bio->vecs = bio->inline_vecs;
	bio->end_io = NULL;
	bio->private = NULL;
	bio->chain = NULL;
	return bio;
}

void bio_free(struct bio *bio)
{
	u64 flags;

	if (!bio->from_reserve) {
		kfree(bio);
		return;
	}
	flags = spin_lock_irqsave(&reserve.lock);
	list_add(&bio->node, &reserve.free);
	spin_unlock_irqrestore(&reserve.lock, flags);
	wake_all(&reserve.wait);
}

bool bio_add_page(struct bio *bio, struct page *page, u32 len, u32 offset)
{
	const struct disk_limits *lim = &bio->bdev->disk->limits;

	if (bio->nr_vecs == bio->max_vecs || bio->nr_vecs == lim->max_segments ||
	    len > lim->max_segment_bytes ||
	    (bio->bytes + len) >> SECTOR_SHIFT > lim->max_sectors)
		return false;
	bio->vecs[bio->nr_vecs++] = (struct bio_vec){ page, len, offset };
	bio->bytes += len;
	return true;
}

static void bio_wake(struct bio *bio)
{
	complete(bio->private);
}

int bio_submit_wait(struct bio *bio)
{
	struct completion done;

	completion_init(&done);
	bio->private = &done;
	bio->end_io = bio_wake;
	bio->flags |= BIO_SYNC;
	bio_submit(bio);
	sched_iowait_begin();
	wait_for_completion(&done);
	sched_iowait_end();
	return bio->status;
}

void block_init(void)
{
	for (unsigned i = 0; i < RESERVE_BIOS; i++) {
		struct bio *bio = bio_new(RESERVE_VECS, GFP_KERNEL);

		if (!bio)
			panic("no memory for block I/O");
		bio->from_reserve = true;
		list_add(&bio->node, &reserve.free);
	}
	block_flush_init();
}
