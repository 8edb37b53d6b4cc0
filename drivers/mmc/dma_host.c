/* SPDX-License-Identifier: MIT */
/*
 * A request of a host with DMA: its memory, the wait for its end, its deadline.
 *
 * States: idle (req NULL) -> waiting (start) -> [polls] -> idle (interrupt or timer).
 *
 * The timer bounds every request by its deadline. It is not stopped with each
 * request but finds out, when it fires, whether there is still one and when it ends.
 * While a request polls, it looks every POLL_NS as well.
 *
 * Addresses are 32 bits: memory beyond is bounced (drivers/core/dma.c). The device
 * sees the caches.
 */
#include <drivers/mmc/dma_host.h>

#define COMMAND_NS	(1 * NS_PER_SEC)
/* SDXC: a write may take 0.5 s; a generous multiple */
#define DATA_NS		(5 * NS_PER_SEC)
#define POLL_NS		(1 * NS_PER_MS)
#define DEFAULT_HZ	50000000

/* --- data --- */

static enum dma_dir dir_of(const struct mmc_request *r)
{
	return r->flags & MMC_WRITE ? DMA_TO_DEVICE : DMA_FROM_DEVICE;
}

/* False: it cannot be reached now, or there are no more descriptors. */
static bool map_range(struct mmc_dma_host *h, struct page *page, u32 offset, u32 len,
		      enum dma_dir dir)
{
	dma_addr_t at = dma_map_page(h->host.dev, page, offset, len, dir);

	while (at != DMA_ERROR && len && h->nr_descs < MMC_NR_DESCS) {
		u32 n = min_t(u32, len, h->desc_bytes);

		h->ops->describe(h, h->nr_descs++, at, n);
		at += n;
		len -= n;
	}
	return !len;
}

static bool map_bios(struct mmc_dma_host *h, const struct bio *bio, enum dma_dir dir)
{
	for (; bio; bio = bio->chain)
		for (u32 i = 0; i < bio->nr_vecs; i++)
			if (!map_range(h, bio->vecs[i].page, bio->vecs[i].offset, bio->vecs[i].len,
				       dir))
				return false;
	return true;
}

/* Bounced ranges are found by where they were mapped: each begins a descriptor. */
static void unmap_data(struct mmc_dma_host *h, const struct mmc_request *r)
{
	if (list_empty(&h->host.dev->bounces))
		return;
	for (u32 i = 0; i < h->nr_descs; i++) {
		u32 n;
		dma_addr_t at = h->ops->described(h, i, &n);

		dma_unmap_page(h->host.dev, at, n, dir_of(r));
	}
}

static int map_data(struct mmc_dma_host *h, const struct mmc_request *r)
{
	bool mapped;

	h->nr_descs = 0;
	mapped = r->bio ? map_bios(h, r->bio, dir_of(r)) :
		map_range(h, virt_to_page(r->buf), (u32)((uintptr_t)r->buf % PAGE_SIZE),
			  r->blocks * r->block_bytes, dir_of(r));
	if (!mapped) {
		unmap_data(h, r);
		return -ENOMEM;
	}
	h->ops->close(h);
	return 0;
}

/* --- a request --- */

void mmc_dma_start(struct mmc_host *host, struct mmc_request *r)
{
	struct mmc_dma_host *h = mmc_dma_of(host);
	bool long_one = r->blocks || (r->flags & MMC_RESP_BUSY), start_timer;
	ktime_t deadline_ns;
	u64 flags;

	if (r->blocks && map_data(h, r)) {
		mmc_request_done(r, -ENOMEM);
		return;
	}
	flags = spin_lock_irqsave(&h->lock);
	start_timer = !h->timer_on;
	h->req = r;
	h->polls = false;
	h->timer_on = true;
	h->deadline_ns = deadline_ns = ktime_get() + (long_one ? DATA_NS : COMMAND_NS);
	h->ops->send(h, r);
	spin_unlock_irqrestore(&h->lock, flags);
	if (start_timer)
		hrtimer_start(&h->timer, deadline_ns);
}

/* Lock held. The host is idle; the request is the caller's to finish. */
static struct mmc_request *take(struct mmc_dma_host *h, int err)
{
	struct mmc_request *r = h->req;

	if (err && h->ops->abandon)
		h->ops->abandon(h);
	h->req = NULL;
	h->polls = false;
	return r;
}

/* Lock held. The request if it has ended; *err is its result. */
static struct mmc_request *take_if_over(struct mmc_dma_host *h, int *err)
{
	*err = h->req ? h->ops->outcome(h) : -EINPROGRESS;
	if (*err == -EINPROGRESS)
		return NULL;
	if (h->req->flags & MMC_RESP)
		h->ops->read_response(h, h->req);
	return take(h, *err);
}

static void finish(struct mmc_dma_host *h, struct mmc_request *r, int err)
{
	if (!r)
		return;
	if (r->blocks)
		unmap_data(h, r);
	mmc_request_done(r, err);
}

void mmc_dma_interrupt(void *arg)
{
	struct mmc_dma_host *h = arg;
	struct mmc_request *r;
	bool poll_soon, changed;
	int err;

	spin_lock(&h->lock);
	changed = h->ops->look(h);
	r = take_if_over(h, &err);
	poll_soon = h->polls;
	spin_unlock(&h->lock);
	if (poll_soon)
		hrtimer_start(&h->timer, ktime_get() + POLL_NS);
	finish(h, r, err);
	if (changed && h->host.can_change)
		mmc_slot_changed(&h->host);
}

void mmc_dma_cancel(struct mmc_host *host)
{
	struct mmc_dma_host *h = mmc_dma_of(host);
	u64 flags = spin_lock_irqsave(&h->lock);
	struct mmc_request *r = h->req ? take(h, -ENODEV) : NULL;

	spin_unlock_irqrestore(&h->lock, flags);
	finish(h, r, -ENODEV);
}

/* The request's time is up, or it polls, or it has ended long ago. */
static enum hrtimer_restart timer_fires(struct hrtimer *t)
{
	struct mmc_dma_host *h = container_of(t, struct mmc_dma_host, timer);
	struct mmc_request *r;
	ktime_t now = ktime_get();
	int err = 0;
	bool again;

	spin_lock(&h->lock);
	r = h->polls ? take_if_over(h, &err) : NULL;
	if (!r && h->req && now >= h->deadline_ns) {
		err = -EIO;
		r = take(h, err);
	}
	again = h->timer_on = h->req;
	if (again)
		t->expires_ns = h->polls ? min_t(ktime_t, now + POLL_NS, h->deadline_ns) :
			h->deadline_ns;
	spin_unlock(&h->lock);
	finish(h, r, err);
	return again ? HRTIMER_AGAIN : HRTIMER_DONE;
}

/* --- probe --- */

int mmc_dma_read_tree(struct mmc_dma_host *h, struct device *dev)
{
	int err = gpio_find(dev, "cd-gpios", 0, &h->detect);

	h->has_detect = !err;
	if (err && err != -ENOENT)
		return err;
	if (!h->clock_hz)
		h->clock_hz = dev_prop_u32(dev, "clock-frequency", DEFAULT_HZ);
	h->host.dev = dev;
	h->host.max_hz = (u32)min_t(u64, dev_prop_u32(dev, "max-frequency", DEFAULT_HZ),
				    h->clock_hz);
	h->host.max_width = dev_prop_u32(dev, "bus-width", 1);
	h->host.high_speed = dev_has_prop(dev, "cap-sd-highspeed") ||
			     dev_has_prop(dev, "cap-mmc-highspeed");
	h->host.no_sd = dev_has_prop(dev, "no-sd");
	h->host.no_mmc = dev_has_prop(dev, "no-mmc");
	h->host.max_segments = MMC_DMA_SEGMENTS;
	h->host.max_sectors = MMC_DMA_SECTORS;
	return 0;
}

void mmc_dma_init(struct mmc_dma_host *h)
{
	spin_lock_init(&h->lock, RANK_LEAF);
	hrtimer_init(&h->timer, timer_fires);
}

static void pin_changed(void *arg, u32 pin, u32 edge)
{
	mmc_slot_changed(arg);
}

int mmc_dma_register(struct mmc_dma_host *h, bool can_change)
{
	int err;

	h->host.can_change = can_change;
	h->host.tells_changes = can_change && !h->has_detect;
	err = mmc_host_register(&h->host);
	if (err || !can_change || !h->has_detect)
		return err;
	h->detect_watch = (struct gpio_watch){ .edge = pin_changed, .arg = &h->host };
	/* Where the pin does not tell, the slot is looked at every second. */
	h->host.tells_changes = !gpio_watch(&h->detect, GPIO_RISING | GPIO_FALLING, &h->detect_watch);
	return 0;
}
