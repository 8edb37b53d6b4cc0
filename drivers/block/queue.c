/* SPDX-License-Identifier: MIT */
/*
 * Request queues: from a submitted bio to the driver and back.
 *
 *   bio_submit -> (plug) -> disk queue -> ops->queue_bio -> device
 *                                ^                            |
 *                                +--- next step <--- disk_batch_*  -> end_io
 *
 * Merging. A plug holds a thread's burst back and sorts it by sector; dispatch
 * then chains neighbours of one operation, so that the device sees one request
 * and gives one interrupt. There is no other scheduling: the devices we drive
 * have queues and no heads, and order between threads is the order of arrival.
 *
 * Steps. A write with BIO_PREFLUSH or BIO_FUA goes over the wire up to three
 * times: flush, the write itself, flush (where the device has no FUA). wire_op
 * says which step is under way; next_step() moves on. A device without a write
 * cache skips the flushes. Such a bio is never merged.
 *
 * Invariants, under disk->lock:
 *  (1) A bio is in a plug, in disk->queue, or with the driver: one of them.
 *  (2) disk->queue is not empty only if the driver said -EBUSY; then with_driver
 *      is not 0, and the batch that gives a request back offers the queue again.
 *  (3) in_flight counts bios between submit and the end of their last step.
 */
#include <drivers/block/block.h>
#include <arch/current.h>
#include <kernel/task/thread.h>
#include <kernel/time/hrtimer.h>

#define PLUG_MAX	64	/* chosen: bounds the insertion sort */

static u32 stat_index(const struct bio *bio)
{
	return bio->op == BIO_READ ? 0 : bio->op == BIO_FLUSH ? 2 : 1;
}

static void account_start(struct blockdev *b, const struct bio *bio)
{
	if (!b->in_flight++)
		b->busy_since_ns = bio->start_ns;
}

static void account_end(struct blockdev *b, const struct bio *bio, u64 now_ns)
{
	struct io_stats *s = &b->stats[stat_index(bio)];

	s->ios++;
	s->sectors += bio->bytes >> SECTOR_SHIFT;
	s->ns += now_ns - bio->start_ns;
	if (!--b->in_flight)
		b->busy_ns += now_ns - b->busy_since_ns;
}

static struct blockdev *whole_disk(const struct blockdev *b)
{
	return b->partno ? b->disk->parts[0] : NULL;
}

/* The wire operation that follows the finished one; false: none, the bio is done. */
static bool next_step(struct bio *bio)
{
	const struct disk_limits *lim = &bio->bdev->disk->limits;

	if (bio->flags & BIO_PREFLUSH) {
		bio->flags &= ~BIO_PREFLUSH;
		if (bio->op == BIO_FLUSH || !bio->bytes)
			return false;
		bio->wire_op = bio->op;
		return true;
	}
	if (bio->wire_op == BIO_WRITE && (bio->flags & BIO_FUA) &&
	    lim->has_flush && !lim->has_fua) {
		bio->wire_op = BIO_FLUSH;
		return true;
	}
	return false;
}

/* May b follow a in one request of the device? */
static bool can_merge(const struct bio *a, const struct bio *b, u32 segments, u32 sectors,
		      const struct disk_limits *lim)
{
	return a->wire_op == b->wire_op && a->wire_op <= BIO_WRITE &&
	       !((a->flags | b->flags) & (BIO_FUA | BIO_PREFLUSH)) &&
	       a->disk_sector + (a->bytes >> SECTOR_SHIFT) == b->disk_sector &&
	       segments + b->nr_vecs <= lim->max_segments &&
	       sectors + (b->bytes >> SECTOR_SHIFT) <= lim->max_sectors;
}

/* Take the first bio off the queue, with those that merge behind it. */
static struct bio *take_request(struct disk *d)
{
	struct bio *head = list_first(&d->queue, struct bio, node), *last = head;
	u32 segments = head->nr_vecs, sectors = head->bytes >> SECTOR_SHIFT;

	list_del(&head->node);
	head->chain = NULL;
	while (!list_empty(&d->queue)) {
		struct bio *next = list_first(&d->queue, struct bio, node);

		if (!can_merge(last, next, segments, sectors, &d->limits))
			break;
		list_del(&next->node);
		segments += next->nr_vecs;
		sectors += next->bytes >> SECTOR_SHIFT;
		next->chain = NULL;
		last->chain = next;
		last = next;
	}
	return head;
}

/* The driver refused: the request's bios go back to the front, in order. */
static void put_back(struct disk *d, struct bio *head)
{
	struct list_head *at = &d->queue;

	for (struct bio *b = head; b; b = b->chain) {
		list_add(&b->node, at);
		at = &b->node;
	}
}

static void account_merges(struct bio *head)
{
	for (struct bio *b = head->chain; b; b = b->chain) {
		struct blockdev *whole = whole_disk(b->bdev);

		b->bdev->stats[stat_index(b)].merges++;
		if (whole)
			whole->stats[stat_index(b)].merges++;
	}
}

static void batch_end_bio(struct disk_batch *b, struct bio *bio, int status)
{
	bio->status = (s16)status;
	*b->tail = bio;
	b->tail = &bio->chain;
}

/* One bio's wire step has ended: queue its next one, or account and end it. */
static void step_done(struct disk_batch *b, struct bio *bio, int status)
{
	struct blockdev *whole = whole_disk(bio->bdev);

	bio->chain = NULL;
	if (!status && next_step(bio)) {
		list_add_tail(&bio->node, &b->disk->queue);
		return;
	}
	account_end(bio->bdev, bio, b->now_ns);
	if (whole)
		account_end(whole, bio, b->now_ns);
	batch_end_bio(b, bio, status);
}

static void request_done(struct disk_batch *b, struct bio *head, int status)
{
	struct bio *next;

	for (; head; head = next) {
		next = head->chain;
		step_done(b, head, status);
	}
}

/* Give the driver what it takes. What it refuses for good ends in the batch. */
static void dispatch(struct disk *d, struct disk_batch *b)
{
	bool queued = false;

	assert_spin_held(&d->lock);
	while (!list_empty(&d->queue)) {
		struct bio *head = take_request(d);
		int err = d->ops->queue_bio(d, head);

		if (err == -EBUSY && d->with_driver) {
			put_back(d, head);
			break;
		}
		if (err) {
			/* Busy with nothing under way: nobody would ever offer it again. */
			request_done(b, head, err == -EBUSY ? -EIO : err);
			continue;
		}
		account_merges(head);
		d->with_driver++;
		queued = true;
	}
	if (queued)
		d->ops->commit(d);
}

void disk_batch_begin(struct disk_batch *b, struct disk *d)
{
	b->disk = d;
	b->ended = NULL;
	b->tail = &b->ended;
	b->flags = spin_lock_irqsave(&d->lock);
	/* with the lock: nothing that this batch ends has begun later */
	b->now_ns = ktime_get();
}

void disk_batch_add(struct disk_batch *b, struct bio *bio, int status)
{
	b->disk->with_driver--;
	request_done(b, bio, status);
}

void disk_batch_end(struct disk_batch *b)
{
	struct bio *bio, *next;

	if (!list_empty(&b->disk->queue))
		dispatch(b->disk, b);
	spin_unlock_irqrestore(&b->disk->lock, b->flags);
	for (bio = b->ended; bio; bio = next) {
		next = bio->chain;
		bio->chain = NULL;
		bio->end_io(bio);
	}
}

void disk_hold(struct disk *d)
{
	assert_spin_held(&d->lock);
	d->with_driver++;
}

void disk_unhold(struct disk_batch *b)
{
	b->disk->with_driver--;
}

/* -errno where the device cannot do it; else disk_sector, wire_op are set. */
static int bio_prepare(struct bio *bio)
{
	struct blockdev *b = bio->bdev;
	u64 nr = bio->bytes >> SECTOR_SHIFT;
	u32 block_mask = b->disk->limits.logical_block - 1;

	if (bio->op != BIO_READ && blockdev_is_read_only(b))
		return -EROFS;
	if (bio->op == BIO_DISCARD && !b->disk->limits.has_discard)
		return -EOPNOTSUPP;
	if (bio->sector > b->sectors || nr > b->sectors - bio->sector ||
	    ((bio->sector << SECTOR_SHIFT | bio->bytes) & block_mask))
		return -EIO;
	bio->disk_sector = b->start + bio->sector;
	bio->wire_op = bio->op;
	if (!b->disk->limits.has_flush)
		bio->flags &= ~BIO_PREFLUSH;
	if (bio->flags & BIO_PREFLUSH)
		bio->wire_op = BIO_FLUSH;
	return 0;
}

/* Insert by sector: bursts come mostly sorted, so look from the end. */
static void plug_insert(struct list_head *plug, struct bio *bio)
{
	struct list_head *at = plug->prev;

	while (at != plug) {
		struct bio *b = list_entry(at, struct bio, node);

		if (b->bdev->disk != bio->bdev->disk || b->disk_sector <= bio->disk_sector ||
		    ((b->flags | bio->flags) & (BIO_FUA | BIO_PREFLUSH)) ||
		    b->op != bio->op)
			break;
		at = at->prev;
	}
	list_add(&bio->node, at);
}

/* Give the bios of one disk, which begin the list, to its queue. */
static void submit_run(struct list_head *bios)
{
	struct disk *d = list_first(bios, struct bio, node)->bdev->disk;
	struct disk_batch b;

	disk_batch_begin(&b, d);
	while (!list_empty(bios)) {
		struct bio *bio = list_first(bios, struct bio, node);
		struct blockdev *whole = whole_disk(bio->bdev);

		if (bio->bdev->disk != d)
			break;
		list_move_tail(&bio->node, &d->queue);
		bio->start_ns = b.now_ns;
		account_start(bio->bdev, bio);
		if (whole)
			account_start(whole, bio);
	}
	disk_batch_end(&b);
}

static void plug_flush(struct plug *p)
{
	while (!list_empty(&p->bios))
		submit_run(&p->bios);
	p->count = 0;
}

static struct plug *current_plug(void)
{
	struct list_head *l = current->plug;

	return l ? container_of(l, struct plug, bios) : NULL;
}

void plug_before_sleep(void)
{
	plug_flush(current_plug());
}

void plug_start(struct plug *p)
{
	list_init(&p->bios);
	p->count = 0;
	p->nested = current->plug;
	if (!p->nested)
		current->plug = &p->bios;
}

void plug_finish(struct plug *p)
{
	if (p->nested)
		return;
	current->plug = NULL;
	plug_flush(p);
}

void bio_submit(struct bio *bio)
{
	struct plug *p = current_plug();
	LIST_HEAD(one);
	int err = bio_prepare(bio);

	if (err || (bio->op == BIO_FLUSH && !bio->bdev->disk->limits.has_flush)) {
		bio->status = (s16)err;
		bio->end_io(bio);
		return;
	}
	if (!p) {
		list_add(&bio->node, &one);
		submit_run(&one);
		return;
	}
	plug_insert(&p->bios, bio);
	if (++p->count == PLUG_MAX || (bio->flags & BIO_SYNC))
		plug_flush(p);
}
