/* SPDX-License-Identifier: MIT */
/*
 * Hosts: waiting for a request's end, and the slot.
 *
 * A card that is put in or pulled out makes the host call mmc_slot_changed(), or is found by a look
 * every second where it does not tell. The slot's work waits until contacts have settled, and then
 * makes the disk agree with what is there: it goes with its card, and the next card gets one of its
 * own, with the same name. A card that does not answer any more although one is there was
 * changed meanwhile. Where nothing tells whether one is there, the look is a status request, or, to a slot
 * that was empty, the first command; a card that is busy with a request is there.
 */
#include <drivers/mmc/mmc.h>
#include <kernel/printk.h>

#define SETTLE_NS	(200 * NS_PER_MS)	/* chosen, as in Linux's drivers: contacts bounce */
#define LOOK_NS		(1 * NS_PER_SEC)
#define SOON_NS		(10 * NS_PER_MS)

void mmc_request_done(struct mmc_request *r, int err)
{
	r->err = err;
	r->done(r);
}

static void wake_waiter(struct mmc_request *r)
{
	complete(r->private);
}

int mmc_wait(struct mmc_host *h, struct mmc_request *r)
{
	struct completion done;

	completion_init(&done);
	r->private = &done;
	r->done = wake_waiter;
	h->ops->start(h, r);
	wait_for_completion(&done);
	return r->err;
}

int mmc_command(struct mmc_host *h, u32 opcode, u32 arg, u32 flags, u32 *resp)
{
	struct mmc_request r = { .opcode = opcode, .arg = arg, .flags = flags };
	int err = mmc_wait(h, &r);

	for (u32 i = 0; resp && i < 4; i++)
		resp[i] = r.resp[i];
	return err;
}

static void free_scratch(void *page)
{
	page_put(page);
}

/* --- the slot --- */

/* Once for each error: a card may be looked at again and again. */
static void tell_error(struct mmc_host *h, int err)
{
	if (err && err != -ENODEV && err != h->last_error)
		pr_err("%s: card not usable: error %d\n", h->dev->name, -err);
	h->last_error = err;
}

static void find_card(struct mmc_host *h)
{
	int err = mmc_card_identify(h, &h->card);

	if (!err)
		err = mmc_disk_add(h);
	tell_error(h, err);
}

/* Is there one that was not looked at yet, or may there be one? */
static bool is_worth_a_try(struct mmc_host *h)
{
	return !h->ops->card_present || (h->ops->card_present(h) && !atomic_xchg(&h->tried, 1));
}

/* -EBUSY: later. */
static int remove_card(struct mmc_host *h)
{
	int err = mmc_disk_remove(h);

	if (!err)
		pr_info("%s: card removed\n", h->dev->name);
	return err;
}

/* The disk as the slot is. -EBUSY: later. */
static int follow_slot(struct mmc_host *h)
{
	bool present = !h->ops->card_present || h->ops->card_present(h);
	int err = 0;

	if (h->disk && present)
		err = mmc_disk_check(h);
	if (err == -EBUSY)
		return h->ops->card_present ? err : 0;
	if (h->disk && (!present || err)) {
		err = remove_card(h);
		if (err)
			return err;
	}
	if (!h->disk && is_worth_a_try(h))
		find_card(h);
	return 0;
}

static void slot_work(struct work *w)
{
	struct mmc_host *h = container_of(w, struct mmc_host, slot_work.work);

	if (follow_slot(h) == -EBUSY)
		delayed_work_queue(&h->slot_work, SOON_NS);
	else if (!h->tells_changes)
		delayed_work_queue(&h->slot_work, LOOK_NS);
}

void mmc_slot_changed(struct mmc_host *h)
{
	atomic_set(&h->tried, 0);
	delayed_work_queue(&h->slot_work, SETTLE_NS);
}

static void stop_slot(void *arg)
{
	struct mmc_host *h = arg;

	delayed_work_cancel(&h->slot_work);
}

static int watch_slot(struct mmc_host *h)
{
	int err;

	delayed_work_init(&h->slot_work, slot_work);
	err = dev_on_release(h->dev, stop_slot, h);
	if (!err)
		mmc_slot_changed(h);
	return err;
}

int mmc_host_register(struct mmc_host *h)
{
	struct page *page = page_alloc(GFP_KERNEL | GFP_DMA32);
	int err;

	if (!page)
		return -ENOMEM;
	err = dev_on_release(h->dev, free_scratch, page);
	if (err)
		return err;
	h->scratch = page_address(page);
	err = mmc_card_identify(h, &h->card);
	if (err && !h->can_change)
		return err;
	tell_error(h, err);
	h->number = mmc_disk_number(h->dev);
	if (h->number == MMC_MAX_DISKS)
		return -ENOSPC;
	list_init(&h->past_disks);
	if (!err)
		err = mmc_disk_add(h);
	return h->can_change ? watch_slot(h) : err;
}
