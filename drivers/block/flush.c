/* SPDX-License-Identifier: MIT */
/*
 * Dirty pages of block devices themselves (metadata of file systems) as a source for the flusher.
 */
#include <drivers/block/block.h>
#include <kernel/mm/writeback.h>

#define MOST	64		/* devices looked at in one run: further ones wait for the next */

struct dirty_devices {
	struct blockdev *dev[MOST];
	u32 count;
	const struct flush_work *work;
};

static void collect(struct blockdev *b, void *arg)
{
	struct dirty_devices *d = arg;
	bool old = atomic_read(&b->mapping->nr_dirty) &&
		   b->mapping->dirty_since_ns < d->work->dirty_before_ns;

	if ((old || d->work->wait) && d->count < MOST)
		d->dev[d->count++] = b;
}

/* Devices stay registered, so writing needs no lock of their list. */
static void flush_devices(struct flush_work *w)
{
	struct dirty_devices d = { .work = w };

	blockdev_for_each(collect, &d);
	for (u32 i = 0; i < d.count; i++) {
		w->nr_to_write -= mapping_write_some(d.dev[i]->mapping, w->nr_to_write);
		if (w->wait)
			(void)blockdev_sync(d.dev[i]);
	}
}

void block_flush_init(void)
{
	static struct flush_source source = { .flush = flush_devices };

	flush_source_register(&source);
}
