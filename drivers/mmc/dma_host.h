/* SPDX-License-Identifier: MIT */
/*
 * Hosts that move data by a DMA of their own and tell the end of a request by an interrupt: what
 * they have in common. dma_host.c has the request, its memory and its deadline; the driver has
 * registers and descriptors.
 */
#pragma once
#include <arch/io.h>
#include <drivers/gpio/gpio.h>
#include <drivers/mmc/mmc.h>
#include <kernel/time/hrtimer.h>

struct mmc_dma_host;

struct mmc_dma_ops {
	/* Descriptor i is n bytes at `at`; mark the first and the last of all that there are. */
	void (*describe)(struct mmc_dma_host *h, u32 i, dma_addr_t at, u32 n);
	void (*close)(struct mmc_dma_host *h);
	dma_addr_t (*described)(const struct mmc_dma_host *h, u32 i, u32 *n);

	/* With h->lock held: */
	/* The request to the registers. */
	void (*send)(struct mmc_dma_host *h, const struct mmc_request *r);
	/*
	 * Read, acknowledge and remember what the device says, of h->req where there is one. True: a
	 * card was put in or pulled out. Only by the interrupt handler.
	 */
	bool (*look)(struct mmc_dma_host *h);
	/*
	 * What has come of h->req so far: 0 or an error ends it, -EINPROGRESS does not. May set
	 * h->polls.
	 */
	int (*outcome)(struct mmc_dma_host *h);
	void (*read_response)(struct mmc_dma_host *h, struct mmc_request *r);
	/* It ended in an error, or its time was up: ready for the next. NULL: nothing to do. */
	void (*abandon)(struct mmc_dma_host *h);
};

#define MMC_NR_DESCS		512	/* two pages of 8 bytes each, or four */
#define MMC_DMA_SEGMENTS	128
#define MMC_DMA_SECTORS		1024

struct mmc_dma_host {
	struct mmc_host host;
	/* Constant after probe. */
	const struct mmc_dma_ops *ops;
	volatile u8 *regs;
	u64 clock_hz;			/* before the host's divider */
	u32 desc_bytes;			/* most that a descriptor is given */
	struct gpio detect;
	struct gpio_watch detect_watch;
	bool has_detect;

	struct spinlock lock;		/* RANK_LEAF, irq-safe */
	/* Guarded by lock. */
	struct mmc_request *req;	/* NULL: idle */
	bool polls;			/* no interrupt is sure to tell its end: the timer looks */
	bool timer_on;
	ktime_t deadline_ns;

	struct hrtimer timer;
	u32 nr_descs;			/* of req; only by who starts and ends it */
};

/* What the tree says of the slot; ops, host.ops and clock_hz are there. 0 or -EPROBE_DEFER. */
int __must_check mmc_dma_read_tree(struct mmc_dma_host *h, struct device *dev);
void mmc_dma_init(struct mmc_dma_host *h);		/* lock and timer; before the interrupt */
/*
 * Live from here on. can_change: cards come and go, of which look() tells where there is no pin that
 * does.
 */
int __must_check mmc_dma_register(struct mmc_dma_host *h, bool can_change);
void mmc_dma_interrupt(void *arg);			/* the handler; arg: the host */
/* host.ops' */
void mmc_dma_start(struct mmc_host *h, struct mmc_request *r);
void mmc_dma_cancel(struct mmc_host *h);

static inline struct mmc_dma_host *mmc_dma_of(struct mmc_host *h)
{
	return container_of(h, struct mmc_dma_host, host);
}

static inline u32 mmc_dma_read(const struct mmc_dma_host *h, u32 reg)
{
	return mmio_read32(h->regs + reg);
}

static inline void mmc_dma_write(struct mmc_dma_host *h, u32 reg, u32 v)
{
	mmio_write32(h->regs + reg, v);
}
