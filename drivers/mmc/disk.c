/* SPDX-License-Identifier: MIT */
/*
 * A card as a block device: /dev/mmcblk<n>, n by the tree's alias mmc<n> (as U-Boot
 * counts, too) or the next free one.
 *
 *   queue_bio --> start --> host's interrupt --> request_done --> bio ends
 *                                                     |  error
 *                                                     v
 *                                    recovery work: settle or identify again,
 *                                    the whole request once more, up to RETRIES times
 *
 * A card takes one request at a time: busy is set from queue_bio until the request
 * has ended for good, and the block layer keeps the rest. In the normal path nothing
 * sleeps and no thread is switched to. Recovery owns the host while it works.
 *
 * A write has ended when the card is no longer busy: then the data is on the card,
 * and there is no cache to flush.
 *
 * A card that does not answer is identified again. If it is another one, or none, every
 * request ends in an error from then on, and the slot's work (host.c) takes the disk away.
 *
 * The disk of a card that has gone stays as a past one of its host: file systems may be mounted from
 * it. The next card is given the first past disk that nobody uses any more.
 */
#include <arch/paging.h>
#include <drivers/mmc/mmc.h>
#include <kernel/lib/string.h>
#include <kernel/printk.h>
#include <libfdt.h>

#define MMC_MAJOR	179
#define RETRIES		3
#define NO_MEMORY_WAIT_NS (10 * NS_PER_MS)

struct mmc_disk {
	struct disk disk;
	struct list_head past;		/* host->past_disks */
	struct mmc_host *host;		/* constant after registration */
	struct mmc_request req;		/* only by who has set busy */
	struct bio *bio;		/* with those chained behind it */
	struct work recover;
	bool busy;			/* disk.lock */
	bool gone;			/* another card, or none: written by who has set busy */
};

static u32 used_numbers;		/* boot thread only */

static u32 chain_blocks(const struct bio *bio)
{
	u32 bytes = 0;

	for (; bio; bio = bio->chain)
		bytes += bio->bytes;
	return bytes / MMC_BLOCK;
}

/* SPI cards end a multiple write by a token of their own: the host does that by itself, too. */
static void fill_request(struct mmc_disk *m)
{
	bool writes = m->bio->wire_op == BIO_WRITE;
	u32 blocks = chain_blocks(m->bio), at = (u32)m->bio->disk_sector;
	static const u8 opcodes[2][2] = {
		{ MMC_READ, MMC_READ_MULTIPLE }, { MMC_WRITE_BLOCK, MMC_WRITE_MULTIPLE },
	};

	m->req.opcode = opcodes[writes][blocks > 1];
	m->req.arg = m->host->card.by_block ? at : at * MMC_BLOCK;
	m->req.flags = MMC_R1 | (writes ? MMC_WRITE : 0) | (blocks > 1 ? MMC_AUTO_STOP : 0);
	m->req.blocks = blocks;
	m->req.block_bytes = MMC_BLOCK;
	m->req.bio = m->bio;
	m->req.buf = NULL;
	m->req.stop_resp = 0;
}

/*
 * What the answers say beyond err. The last block read may be followed by "out of range" (4.3.3).
 */
static int result_of(struct mmc_disk *m)
{
	int err = m->req.err;

	if (!err)
		err = mmc_r1_error(m->host, m->req.resp[0]);
	return err ? err : m->host->is_spi ? 0 : mmc_r1_error(m->host, m->req.stop_resp & ~BIT(31));
}

/* Give the bios back; the queue goes on by itself. */
static void finish(struct mmc_disk *m, int status)
{
	struct bio *bio = m->bio;
	struct disk_batch batch;

	disk_batch_begin(&batch, &m->disk);
	m->busy = false;
	disk_batch_add(&batch, bio, status);
	disk_batch_end(&batch);
}

static void request_done(struct mmc_request *r)
{
	struct mmc_disk *m = r->private;

	if (likely(!result_of(m)))
		finish(m, 0);
	else
		work_queue(&m->recover);
}

static int mmc_queue_bio(struct disk *d, struct bio *bio)
{
	struct mmc_disk *m = d->private;

	if (m->busy)
		return -EBUSY;
	if (READ_ONCE(m->gone))
		return -EIO;
	m->busy = true;
	m->bio = bio;
	fill_request(m);
	return 0;
}

/* After queue_bio took a request, and only then: it takes one at a time. */
static void mmc_commit(struct disk *d)
{
	struct mmc_disk *m = d->private;

	m->req.done = request_done;
	m->req.private = m;
	m->host->ops->start(m->host, &m->req);
}

static const struct disk_ops mmc_disk_ops = { .queue_bio = mmc_queue_bio, .commit = mmc_commit };

/* --- errors --- */

static bool is_same_card(const struct mmc_card *a, const struct mmc_card *b)
{
	return a->kind == b->kind && a->sectors == b->sectors &&
	       !memcmp(a->cid, b->cid, sizeof(a->cid));
}

/* The card from its beginning. 0, or it is not usable (any more). */
static int identify_again(struct mmc_disk *m)
{
	struct mmc_card now;
	int err = mmc_card_identify(m->host, &now);

	if (!err && !is_same_card(&now, &m->host->card))
		err = -ENODEV;
	if (!err)
		m->host->card = now;
	return err;
}

/* Make host and card ready for another try. */
static int make_ready(struct mmc_disk *m, int why)
{
	struct mmc_host *h = m->host;
	int reset;

	if (why == -ENOMEM) {
		thread_sleep_ns(NO_MEMORY_WAIT_NS);
		return 0;
	}
	/* In any case: the host lets go of memory. */
	reset = h->ops->reset(h);
	if (h->ops->card_present && !h->ops->card_present(h))
		return -ENODEV;
	if (!reset) {
		h->ops->set_width(h, h->card.width);
		h->ops->set_clock(h,
				  h->card.high_speed ? h->max_hz : min_t(u32, h->max_hz, 25000000));
		if (!mmc_card_settle(h, &h->card))
			return 0;
	}
	return identify_again(m);
}

/* The work: until the request has gone well, or for good has not. */
static void recover(struct work *w)
{
	struct mmc_disk *m = container_of(w, struct mmc_disk, recover);
	int err = result_of(m);

	pr_warn("%s: %s of %u sectors at %lu: error %d, tried again\n", m->disk.name,
		m->req.flags & MMC_WRITE ? "write" : "read", m->req.blocks, m->bio->disk_sector,
		-err);
	/* Also after the last try: the next request finds host and card ready. */
	for (u32 i = 0; err; i++) {
		int ready = make_ready(m, err);

		if (ready) {
			err = ready;
			WRITE_ONCE(m->gone, ready == -ENODEV);
		}
		if (ready || i == RETRIES)
			break;
		fill_request(m);
		mmc_wait(m->host, &m->req);
		err = result_of(m);
	}
	if (err)
		pr_err("%s: error %d, given up%s\n", m->disk.name, -err,
		       m->gone ? ": the card is gone" : "");
	finish(m, err ? -EIO : 0);
}

/* --- registration --- */

/* n of the alias mmc<n> that names this node; MMC_MAX_DISKS: none does. */
static u32 alias_number(const struct device *dev)
{
	for (u32 n = 0; n < MMC_MAX_DISKS; n++) {
		char name[] = { 'm', 'm', 'c', (char)('0' + n), 0 };
		const char *path = fdt_get_alias(boot_fdt, name);

		if (path && fdt_path_offset(boot_fdt, path) == dev->node)
			return n;
	}
	return MMC_MAX_DISKS;
}

u32 mmc_disk_number(const struct device *dev)
{
	u32 n = alias_number(dev);

	if (n == MMC_MAX_DISKS)
		for (n = 0; n < MMC_MAX_DISKS && (used_numbers >> n & 1); n++)
			;
	if (n < MMC_MAX_DISKS)
		used_numbers |= 1u << n;
	return n;
}

static void set_limits(struct disk_limits *l, const struct mmc_host *h)
{
	*l = (struct disk_limits){
		.logical_block = MMC_BLOCK, .physical_block = MMC_BLOCK, .io_min = MMC_BLOCK,
		.max_segments = h->max_segments, .max_segment_bytes = h->max_sectors << SECTOR_SHIFT,
		.max_sectors = h->max_sectors, .queue_depth = 1, .read_only = h->card.write_protected,
		.removable = h->card.kind == MMC_SD, .dma_mask = h->dev->dma_mask,
	};
}

static struct mmc_disk *disk_create(struct mmc_host *h)
{
	struct mmc_disk *m = kzalloc(sizeof(*m), GFP_KERNEL);

	if (!m)
		return NULL;
	m->host = h;
	work_init(&m->recover, recover);
	disk_init(&m->disk);
	snprintf(m->disk.name, sizeof(m->disk.name), "mmcblk%u", h->number);
	m->disk.major = MMC_MAJOR;
	m->disk.first_minor = h->number * DISK_MAX_PARTS;
	m->disk.ops = &mmc_disk_ops;
	m->disk.dev = h->dev;
	m->disk.private = m;
	return m;
}

/* A past disk that nobody uses, or a new one; NULL: no memory. */
static struct mmc_disk *take_disk(struct mmc_host *h)
{
	struct mmc_disk *m;

	list_for_each(m, &h->past_disks, past)
		if (disk_is_unused(&m->disk)) {
			list_del(&m->past);
			return m;
		}
	return disk_create(h);
}

int mmc_disk_add(struct mmc_host *h)
{
	struct mmc_disk *m = take_disk(h);
	int err;

	if (!m)
		return -ENOMEM;
	m->gone = false;
	set_limits(&m->disk.limits, h);
	m->disk.sectors = h->card.sectors;
	pr_info("%s: %s \"%s\", %s, %u bit%s\n", m->disk.name,
		h->card.kind == MMC_SD ? "SD card" : "eMMC", h->card.name,
		h->card.high_speed ? "high speed" : "default speed", h->card.width,
		h->card.width > 1 ? "s" : "");
	err = disk_register(&m->disk);
	if (err)
		list_add(&m->past, &h->past_disks);
	else
		h->disk = m;
	return err;
}

/* --- a card that goes --- */

/* Nobody else starts a request until busy is given back. */
static bool take_host(struct mmc_disk *m, bool gone)
{
	u64 flags = spin_lock_irqsave(&m->disk.lock);
	bool busy = m->busy;

	if (gone)
		m->gone = true;
	if (!busy) {
		m->busy = true;
		disk_hold(&m->disk);
	}
	spin_unlock_irqrestore(&m->disk.lock, flags);
	return !busy;
}

/* What was queued meanwhile goes on. */
static void give_host(struct mmc_disk *m)
{
	struct disk_batch batch;

	disk_batch_begin(&batch, &m->disk);
	m->busy = false;
	disk_unhold(&batch);
	disk_batch_end(&batch);
}

int mmc_disk_remove(struct mmc_host *h)
{
	struct mmc_disk *m = h->disk;

	if (!take_host(m, true)) {
		if (h->ops->cancel)
			h->ops->cancel(h);
		return -EBUSY;
	}
	h->disk = NULL;
	give_host(m);
	disk_remove(&m->disk);
	list_add_tail(&m->past, &h->past_disks);
	return 0;
}

int mmc_disk_check(struct mmc_host *h)
{
	struct mmc_disk *m = h->disk;
	int err;

	if (m->gone)
		return -ENODEV;
	if (!take_host(m, false))
		return -EBUSY;
	err = mmc_card_settle(h, &h->card);
	give_host(m);
	return err;
}
