/* SPDX-License-Identifier: MIT */
/*
 * Synopsys DesignWare mobile storage host: the JH7110's card hosts.
 *
 * Data moves by the host's own DMA controller (IDMAC) along a chain of descriptors,
 * each for a block of memory of up to 4 KiB; nothing is polled on its way. A
 * request ends when all that it has to wait for has come, in whatever order:
 *
 *	command		CD (command done)
 *	data		DTO (data over); reading also RI (in memory), with auto-stop ACD
 *	busy		after a write or an R1b answer: the card has let go of DAT0
 *
 * or when one of the error bits has come with the command, or with its data. The end
 * of busy has an interrupt only on writes, and not on every version: from then on the
 * timer looks every millisecond as well.
 *
 * States: idle (req NULL) -> waiting (start) -> [busy] -> idle (interrupt or timer).
 *
 * The timer bounds every request by its deadline. It is not stopped with each
 * request but finds out, when it fires, whether there is still one and when it ends.
 *
 * Addresses are 32 bits: memory beyond is bounced (drivers/core/dma.c). The device
 * sees the caches.
 *
 * Limit: transfers by the FIFO are not there: a host without IDMAC, or with its 64-bit
 * variant, is refused.
 *
 * Registers: DesignWare Cores Mobile Storage Host databook 2.90a, chapter 6; descriptors
 * chapter 7.
 */
#include <arch/io.h>
#include <arch/processor.h>
#include <arch/time.h>
#include <drivers/core/provider.h>
#include <drivers/gpio/gpio.h>
#include <drivers/mmc/mmc.h>
#include <kernel/lib/string.h>
#include <kernel/printk.h>
#include <kernel/time/hrtimer.h>

enum {
	CTRL = 0x00, PWREN = 0x04, CLKDIV = 0x08, CLKSRC = 0x0c, CLKENA = 0x10, TMOUT = 0x14, CTYPE = 0x18,
	BLKSIZ = 0x1c, BYTCNT = 0x20, INTMASK = 0x24, CMDARG = 0x28, CMD = 0x2c, RESP0 = 0x30, RINTSTS = 0x44,
	STATUS = 0x48, FIFOTH = 0x4c, WRTPRT = 0x54, HCON = 0x70, BMOD = 0x80, DBADDR = 0x88, IDSTS = 0x8c,
	IDINTEN = 0x90,
};

#define CTRL_RESETS	(BIT(0) | BIT(1) | BIT(2))	/* controller, FIFO, DMA; clear themselves */
#define CTRL_INTERRUPTS	BIT(4)
#define CTRL_IDMAC	BIT(25)
#define CMD_RESPONSE	BIT(6)
#define CMD_LONG	BIT(7)
#define CMD_CHECK_CRC	BIT(8)
#define CMD_DATA	BIT(9)
#define CMD_WRITE	BIT(10)
#define CMD_AUTO_STOP	BIT(12)
#define CMD_WAIT_DATA	BIT(13)		/* until the data before it is over */
#define CMD_ABORT	BIT(14)
#define CMD_INIT	BIT(15)
#define CMD_ONLY_CLOCK	BIT(21)
#define CMD_HOLD_REG	BIT(29)
#define CMD_START	BIT(31)

/* RINTSTS */
#define INT_RESP_ERROR	BIT(1)
#define INT_COMMAND	BIT(2)
#define INT_DATA_OVER	BIT(3)
#define INT_RESP_CRC	BIT(6)
#define INT_DATA_CRC	BIT(7)
#define INT_RESP_TIMEOUT BIT(8)
#define INT_DATA_TIMEOUT BIT(9)
#define INT_STARVED	BIT(10)
#define INT_FIFO_RUN	BIT(11)
#define INT_LOCKED	BIT(12)		/* a register was written while it must not be */
#define INT_START_BIT	BIT(13)		/* reading; writing: busy is over */
#define INT_STOPPED	BIT(14)		/* auto-stop's CMD12 is done */
#define INT_END_BIT	BIT(15)
#define INT_COMMAND_BAD	(INT_RESP_ERROR | INT_RESP_CRC | INT_RESP_TIMEOUT | INT_LOCKED)
#define INT_DATA_BAD	(INT_DATA_CRC | INT_DATA_TIMEOUT | INT_STARVED | INT_FIFO_RUN | INT_END_BIT)
#define INT_ALL		(INT_COMMAND | INT_DATA_OVER | INT_STOPPED | INT_START_BIT | INT_COMMAND_BAD | INT_DATA_BAD)

#define STATUS_BUSY	BIT(9)
#define HCON_DMA(v)	((v) >> 16 & 3)		/* 0: IDMAC */
#define HCON_64_BIT	BIT(27)
#define FIFO_DEPTH(v)	(((v) >> 16 & 0xfff) + 1)	/* FIFOTH after reset */

#define BMOD_RESET	BIT(0)
#define BMOD_FIXED	BIT(1)
#define BMOD_ENABLE	BIT(7)
/* IDSTS */
#define ID_SENT		BIT(0)
#define ID_RECEIVED	BIT(1)
#define ID_BUS_ERROR	BIT(2)
#define ID_UNAVAILABLE	BIT(4)
#define ID_NORMAL	BIT(8)
#define ID_ABNORMAL	BIT(9)
#define ID_BAD		(ID_BUS_ERROR | ID_UNAVAILABLE)

/* Descriptor word 0. */
#define DES_QUIET	BIT(1)
#define DES_LAST	BIT(2)
#define DES_FIRST	BIT(3)
#define DES_CHAINED	BIT(4)
#define DES_OWN		BIT(31)

#define NR_DESCS	512		/* two pages: 512 KiB of scattered pages, or 2 MiB */
#define DESC_BYTES	4096		/* of 8191 that a descriptor can have */
#define MAX_SEGMENTS	128
#define MAX_SECTORS	1024

#define DEFAULT_CLOCK_HZ 50000000
#define RESET_WAIT_US	100000
#define CLOCK_WAIT_US	100000
#define COMMAND_NS	(1 * NS_PER_SEC)
#define DATA_NS		(5 * NS_PER_SEC)	/* SDXC: a write may take 0.5 s; a generous multiple */
#define BUSY_LOOK_NS	(1 * NS_PER_MS)

struct desc {
	u32 control, bytes, address, next;
};

struct dw_mshc {
	struct mmc_host host;
	/* Constant after probe. */
	volatile u8 *regs;
	u64 clock_hz;
	u32 fifoth;
	struct desc *descs;		/* coherent */
	dma_addr_t descs_dma;
	struct gpio detect;
	bool has_detect, broken_wp;

	struct spinlock lock;		/* RANK_LEAF, irq-safe */
	/* Guarded by lock. */
	struct mmc_request *req;	/* NULL: idle */
	u32 events, idmac_events;	/* of req, so far */
	bool waits_busy;
	bool timer_on;
	ktime_t deadline_ns;

	struct hrtimer timer;
	u32 nr_descs;			/* of req; only by who starts and ends it */
};

static struct dw_mshc *of(struct mmc_host *h)
{
	return container_of(h, struct dw_mshc, host);
}

static u32 rd(const struct dw_mshc *d, u32 reg)
{
	return mmio_read32(d->regs + reg);
}

static void wr(struct dw_mshc *d, u32 reg, u32 v)
{
	mmio_write32(d->regs + reg, v);
}

/* Until bits of a register are clear. Thread context, short. */
static int wait_clear(struct dw_mshc *d, u32 reg, u32 bits, u32 us)
{
	u64 end = arch_time_read() + (u64)arch_timebase_hz * us / 1000000;

	while (rd(d, reg) & bits) {
		if (arch_time_read() > end)
			return -ETIMEDOUT;
		cpu_relax();
	}
	return 0;
}

/* --- data --- */

static enum dma_dir dir_of(const struct mmc_request *r)
{
	return r->flags & MMC_WRITE ? DMA_TO_DEVICE : DMA_FROM_DEVICE;
}

/* One mapped range becomes descriptors. False: there are no more. */
static bool add_range(struct dw_mshc *d, dma_addr_t at, u32 len)
{
	while (len) {
		u32 n = min_t(u32, len, DESC_BYTES);
		struct desc *e = &d->descs[d->nr_descs];

		if (d->nr_descs == NR_DESCS)
			return false;
		e->bytes = n;
		e->address = (u32)at;
		e->control = DES_OWN | DES_CHAINED | DES_QUIET;
		d->nr_descs++;
		at += n;
		len -= n;
	}
	return true;
}

/* The pages of a request, one after the other: fn for each until it says false. */
static bool for_each_range(struct dw_mshc *d, struct mmc_request *r,
			   bool (*fn)(struct dw_mshc *d, struct mmc_request *r, struct page *page, u32 offset, u32 len))
{
	if (!r->bio)
		return fn(d, r, virt_to_page(r->buf), (u32)((uintptr_t)r->buf % PAGE_SIZE),
			  r->blocks * r->block_bytes);
	for (struct bio *bio = r->bio; bio; bio = bio->chain)
		for (u32 i = 0; i < bio->nr_vecs; i++)
			if (!fn(d, r, bio->vecs[i].page, bio->vecs[i].offset, bio->vecs[i].len))
				return false;
	return true;
}

static bool map_range(struct dw_mshc *d, struct mmc_request *r, struct page *page, u32 offset, u32 len)
{
	dma_addr_t at = dma_map_page(d->host.dev, page, offset, len, dir_of(r));

	return at != DMA_ERROR && add_range(d, at, len);
}

/* Bounced ranges are found by where they were mapped: each begins a descriptor. */
static void unmap_data(struct dw_mshc *d, struct mmc_request *r)
{
	if (list_empty(&d->host.dev->bounces))
		return;
	for (u32 i = 0; i < d->nr_descs; i++)
		dma_unmap_page(d->host.dev, d->descs[i].address, d->descs[i].bytes, dir_of(r));
}

static int map_data(struct dw_mshc *d, struct mmc_request *r)
{
	d->nr_descs = 0;
	if (!for_each_range(d, r, map_range)) {
		unmap_data(d, r);
		d->nr_descs = 0;
		return -ENOMEM;
	}
	d->descs[0].control |= DES_FIRST;
	d->descs[d->nr_descs - 1].control = (d->descs[d->nr_descs - 1].control | DES_LAST) & ~DES_QUIET;
	return 0;
}

/* --- a request --- */

static u32 command_word(const struct mmc_request *r)
{
	return CMD_START | CMD_HOLD_REG | r->opcode |
		(r->flags & MMC_RESP ? CMD_RESPONSE : 0) |
		(r->flags & MMC_RESP_LONG ? CMD_LONG : 0) |
		(r->flags & MMC_RESP_CRC ? CMD_CHECK_CRC : 0) |
		(r->flags & MMC_INIT ? CMD_INIT : 0) |
		(r->flags & MMC_STOP ? CMD_ABORT : CMD_WAIT_DATA) |
		(r->blocks ? CMD_DATA : 0) |
		(r->flags & MMC_WRITE ? CMD_WRITE : 0) |
		(r->flags & MMC_AUTO_STOP ? CMD_AUTO_STOP : 0);
}

/* Lock held. True: the caller starts the timer, for deadline_ns. */
static bool begin(struct dw_mshc *d, struct mmc_request *r)
{
	bool start_timer = !d->timer_on;

	d->req = r;
	d->events = d->idmac_events = 0;
	d->waits_busy = false;
	d->deadline_ns = ktime_get() + (r->blocks || (r->flags & MMC_RESP_BUSY) ? DATA_NS : COMMAND_NS);
	d->timer_on = true;
	if (r->blocks) {
		wr(d, BLKSIZ, r->block_bytes);
		wr(d, BYTCNT, r->blocks * r->block_bytes);
		wr(d, DBADDR, (u32)d->descs_dma);
	}
	wr(d, CMDARG, r->arg);
	wr(d, CMD, command_word(r));
	return start_timer;
}

static void dw_start(struct mmc_host *h, struct mmc_request *r)
{
	struct dw_mshc *d = of(h);
	bool start_timer;
	ktime_t deadline_ns;
	u64 flags;

	if (r->blocks && map_data(d, r)) {
		mmc_request_done(r, -ENOMEM);
		return;
	}
	flags = spin_lock_irqsave(&d->lock);
	start_timer = begin(d, r);
	deadline_ns = d->deadline_ns;
	spin_unlock_irqrestore(&d->lock, flags);
	if (start_timer)
		hrtimer_start(&d->timer, deadline_ns);
}

static int command_error(u32 events)
{
	return events & INT_RESP_TIMEOUT ? -ETIMEDOUT : events & INT_RESP_CRC ? -EILSEQ : -EIO;
}

/* Lock held. What has come so far: 0 or an error ends the request, -EINPROGRESS does not. */
static int outcome(struct dw_mshc *d)
{
	const struct mmc_request *r = d->req;
	u32 wanted = INT_COMMAND;

	if (d->events & INT_COMMAND_BAD)
		return d->events & (INT_COMMAND | INT_LOCKED) ? command_error(d->events) : -EINPROGRESS;
	if (r->blocks) {
		if (d->events & INT_DATA_BAD || (d->idmac_events & ID_BAD) ||
		    (!(r->flags & MMC_WRITE) && (d->events & INT_START_BIT)))
			return d->events & INT_DATA_CRC ? -EILSEQ : -EIO;
		wanted |= INT_DATA_OVER | (r->flags & MMC_AUTO_STOP ? INT_STOPPED : 0);
		if (!(r->flags & MMC_WRITE) && !(d->idmac_events & ID_RECEIVED))
			return -EINPROGRESS;
	}
	if ((d->events & wanted) != wanted)
		return -EINPROGRESS;
	if (r->flags & (MMC_WRITE | MMC_RESP_BUSY)) {
		d->waits_busy = rd(d, STATUS) & STATUS_BUSY;
		return d->waits_busy ? -EINPROGRESS : 0;
	}
	return 0;
}

static void read_response(struct dw_mshc *d, struct mmc_request *r)
{
	if (!(r->flags & MMC_RESP_LONG))
		r->resp[0] = rd(d, RESP0);
	else
		for (u32 i = 0; i < 4; i++)
			r->resp[i] = rd(d, RESP0 + 4 * (3 - i));
	if (r->flags & MMC_AUTO_STOP)
		r->stop_resp = rd(d, RESP0 + 4);
}

/* Lock held. The request if it has ended, and the host is idle; *err is its result. */
static struct mmc_request *end_if_over(struct dw_mshc *d, int *err)
{
	struct mmc_request *r = d->req;

	*err = r ? outcome(d) : -EINPROGRESS;
	if (*err == -EINPROGRESS)
		return NULL;
	if (r->flags & MMC_RESP)
		read_response(d, r);
	d->req = NULL;
	d->waits_busy = false;
	return r;
}

static void finish(struct dw_mshc *d, struct mmc_request *r, int err)
{
	if (!r)
		return;
	if (r->blocks)
		unmap_data(d, r);
	mmc_request_done(r, err);
}

static void dw_interrupt(void *arg)
{
	struct dw_mshc *d = arg;
	struct mmc_request *r;
	u32 events, idmac;
	bool look_soon;
	int err;

	spin_lock(&d->lock);
	events = rd(d, RINTSTS);
	idmac = rd(d, IDSTS);
	wr(d, RINTSTS, events);
	if (idmac)
		wr(d, IDSTS, idmac);
	d->events |= events;
	d->idmac_events |= idmac;
	r = end_if_over(d, &err);
	look_soon = d->waits_busy;
	spin_unlock(&d->lock);
	if (look_soon)
		hrtimer_start(&d->timer, ktime_get() + BUSY_LOOK_NS);
	finish(d, r, err);
}

/* The request's time is up, or busy is looked at, or it has ended long ago. */
static enum hrtimer_restart dw_timer(struct hrtimer *t)
{
	struct dw_mshc *d = container_of(t, struct dw_mshc, timer);
	struct mmc_request *r;
	ktime_t now = ktime_get();
	int err = 0;
	bool again;

	spin_lock(&d->lock);
	r = d->waits_busy ? end_if_over(d, &err) : NULL;
	if (!r && d->req && now >= d->deadline_ns) {
		r = d->req;
		d->req = NULL;
		d->waits_busy = false;
		err = -EIO;
	}
	again = d->timer_on = d->req;
	if (again)
		t->expires_ns = d->waits_busy ? min_t(ktime_t, now + BUSY_LOOK_NS, d->deadline_ns) : d->deadline_ns;
	spin_unlock(&d->lock);
	finish(d, r, err);
	return again ? HRTIMER_AGAIN : HRTIMER_DONE;
}

/* --- the controller, between requests --- */

static int dw_reset(struct mmc_host *h)
{
	struct dw_mshc *d = of(h);
	int err;

	wr(d, CTRL, CTRL_RESETS);
	err = wait_clear(d, CTRL, CTRL_RESETS, RESET_WAIT_US);
	wr(d, BMOD, BMOD_RESET);
	if (!err)
		err = wait_clear(d, BMOD, BMOD_RESET, RESET_WAIT_US);
	if (err)
		return err;
	wr(d, PWREN, 1);
	wr(d, RINTSTS, U32_MAX);
	wr(d, IDSTS, U32_MAX);
	wr(d, TMOUT, U32_MAX);
	wr(d, FIFOTH, d->fifoth);
	wr(d, BMOD, BMOD_FIXED | BMOD_ENABLE);
	wr(d, INTMASK, INT_ALL);
	wr(d, IDINTEN, ID_NORMAL | ID_RECEIVED | ID_ABNORMAL | ID_BAD);
	wr(d, CTRL, CTRL_INTERRUPTS | CTRL_IDMAC);
	return 0;
}

/* The clock registers count only after a command of their own, which has no interrupt. */
static void update_clock(struct dw_mshc *d)
{
	wr(d, CMD, CMD_START | CMD_ONLY_CLOCK | CMD_WAIT_DATA | CMD_HOLD_REG);
	if (wait_clear(d, CMD, CMD_START, CLOCK_WAIT_US))
		pr_err("%s: the card's clock does not change\n", d->host.dev->name);
}

static void dw_set_clock(struct mmc_host *h, u32 hz)
{
	struct dw_mshc *d = of(h);
	u64 half = d->clock_hz <= hz ? 0 : (d->clock_hz + 2ul * hz - 1) / (2ul * hz);

	wr(d, CLKENA, 0);
	update_clock(d);
	wr(d, CLKDIV, (u32)min_t(u64, half, 255));
	wr(d, CLKSRC, 0);
	update_clock(d);
	wr(d, CLKENA, 1);
	update_clock(d);
}

static void dw_set_width(struct mmc_host *h, u32 bits)
{
	wr(of(h), CTYPE, bits == 8 ? BIT(16) : bits == 4 ? BIT(0) : 0);
}

static bool dw_card_present(struct mmc_host *h)
{
	struct dw_mshc *d = of(h);

	return !d->has_detect || gpio_is_active(&d->detect);
}

static bool dw_is_read_only(struct mmc_host *h)
{
	return !of(h)->broken_wp && (rd(of(h), WRTPRT) & 1);
}

static const struct mmc_host_ops dw_ops = {
	.start = dw_start,
	.reset = dw_reset,
	.set_clock = dw_set_clock,
	.set_width = dw_set_width,
	.card_present = dw_card_present,
	.is_read_only = dw_is_read_only,
};

/* --- probe --- */

static int descs_alloc(struct dw_mshc *d)
{
	d->descs = dev_dma_alloc(d->host.dev, NR_DESCS * sizeof(struct desc), &d->descs_dma);
	if (!d->descs)
		return -ENOMEM;
	for (u32 i = 0; i < NR_DESCS; i++)
		d->descs[i].next = (u32)d->descs_dma + (u32)sizeof(struct desc) * ((i + 1) % NR_DESCS);
	return 0;
}

static int read_tree(struct dw_mshc *d, struct device *dev)
{
	struct clk ciu;
	int err = gpio_find(dev, "cd-gpios", 0, &d->detect);

	d->has_detect = !err;
	if (err && err != -ENOENT)
		return err;
	err = clk_find(dev, "ciu", &ciu);
	if (err == -EPROBE_DEFER)
		return err;
	d->clock_hz = err ? 0 : clk_rate(&ciu);
	if (!d->clock_hz)
		d->clock_hz = dev_prop_u32(dev, "clock-frequency", DEFAULT_CLOCK_HZ);
	d->broken_wp = dev_has_prop(dev, "disable-wp") || dev_has_prop(dev, "non-removable") || d->has_detect;
	d->host.dev = dev;
	d->host.ops = &dw_ops;
	d->host.max_hz = (u32)min_t(u64, dev_prop_u32(dev, "max-frequency", 50000000), d->clock_hz);
	d->host.max_width = dev_prop_u32(dev, "bus-width", 1);
	d->host.high_speed = dev_has_prop(dev, "cap-sd-highspeed") || dev_has_prop(dev, "cap-mmc-highspeed");
	d->host.no_sd = dev_has_prop(dev, "no-sd");
	d->host.no_mmc = dev_has_prop(dev, "no-mmc");
	d->host.max_segments = MAX_SEGMENTS;
	d->host.max_sectors = MAX_SECTORS;
	return 0;
}

/* Bursts of 8 words, and marks in the middle of the FIFO. */
static void choose_fifo_marks(struct dw_mshc *d, struct device *dev)
{
	u32 depth = dev_prop_u32(dev, "fifo-depth", FIFO_DEPTH(rd(d, FIFOTH)));

	d->fifoth = 2u << 28 | (depth / 2 - 1) << 16 | depth / 2;
}

/* Probe failed: neither the timer nor the controller may touch what is given back now. */
static void stop(void *arg)
{
	struct dw_mshc *d = arg;

	hrtimer_cancel(&d->timer);
	wr(d, CTRL, CTRL_RESETS);
	if (wait_clear(d, CTRL, CTRL_RESETS, RESET_WAIT_US))
		pr_err("%s: does not stop\n", d->host.dev->name);
}

static int dw_probe(struct device *dev)
{
	struct dw_mshc *d = dev_zalloc(dev, sizeof(*d));
	int err;
	u64 size;

	if (!d)
		return -ENOMEM;
	err = dev_enable(dev);
	if (!err)
		err = read_tree(d, dev);
	if (err)
		return err;
	if (!dev_reg_phys(dev, 0, &size) || size < 0x200)
		return -EINVAL;
	d->regs = dev_map_regs(dev, 0);
	if (!d->regs)
		return -ENODEV;
	if (HCON_DMA(rd(d, HCON)) || (rd(d, HCON) & HCON_64_BIT))
		return -EOPNOTSUPP;
	choose_fifo_marks(d, dev);
	err = descs_alloc(d);
	if (err)
		return err;
	spin_lock_init(&d->lock, RANK_LEAF);
	hrtimer_init(&d->timer, dw_timer);
	wr(d, CTRL, 0);				/* quiet, before its handler exists */
	err = dev_on_release(dev, stop, d);
	if (!err)
		err = dev_request_irq(dev, dev_irq(dev, 0), dw_interrupt, d);
	return err ? err : mmc_host_register(&d->host);
}

static const char *const compatible[] = {
	"snps,dw-mshc",			/* U-Boot's tree of the JH7110 */
	"starfive,jh7110-mmc",		/* Linux's */
	"starfive,jh7110-sdio",		/* the vendor's */
	NULL,
};

DRIVER(dw_mshc) = {
	.name = "dw-mshc",
	.stage = STAGE_DEVICE,
	.compatible = compatible,
	.probe = dw_probe,
};
