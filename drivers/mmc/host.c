/* SPDX-License-Identifier: MIT */
#include <drivers/mmc/mmc.h>

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
	return err ? err : mmc_disk_register(h);
}
