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
 * of busy has an interrupt only on writes, and not on every version: from then on it is
 * polled. Requests' memory and time are dma_host.c's.
 *
 * Limit: transfers by the FIFO are not there: a host without IDMAC, or with its 64-bit
 * variant, is refused.
 *
 * Registers: DesignWare Cores Mobile Storage Host databook 2.90a, chapter 6; descriptors
 * chapter 7.
 */
#include <drivers/core/provider.h>
#include <drivers/mmc/dma_host.h>
#include <kernel/printk.h>

enum {
	CTRL = 0x00, PWREN = 0x04, CLKDIV = 0x08, CLKSRC = 0x0c, CLKENA = 0x10, TMOUT = 0x14, CTYPE = 0x18,
	BLKSIZ = 0x1c, BYTCNT = 0x20, INTMASK = 0x24, CMDARG = 0x28, CMD = 0x2c, RESP0 = 0x30, RINTSTS = 0x44,
	STATUS = 0x48, FIFOTH = 0x4c, WRTPRT = 0x54, HCON = 0x70, BMOD = 0x80, DBADDR = 0x88, IDSTS = 0x8c,
	IDINTEN = 0x90,
};

/* controller, FIFO, DMA; clear themselves */
#define CTRL_RESETS	(BIT(0) | BIT(1) | BIT(2))
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

#define DESC_BYTES	4096		/* of 8191 that a descriptor can have */

#define RESET_WAIT_US	100000
#define CLOCK_WAIT_US	100000

struct desc {
	u32 control, bytes, address, next;
};

struct dw_mshc {
	struct mmc_dma_host dma;
	/* Constant after probe. */
	u32 fifoth;
	struct desc *descs;		/* coherent */
	dma_addr_t descs_dma;
	bool broken_wp;

	/* Guarded by dma.lock. */
	u32 events, idmac_events;	/* of the request, so far */
};

static struct dw_mshc *of(struct mmc_host *h)
{
	return container_of(h, struct dw_mshc, dma.host);
}

static struct dw_mshc *of_dma(struct mmc_dma_host *h)
{
	return container_of(h, struct dw_mshc, dma);
}

static u32 rd(const struct dw_mshc *d, u32 reg)
{
	return mmc_dma_read(&d->dma, reg);
}

static void wr(struct dw_mshc *d, u32 reg, u32 v)
{
	mmc_dma_write(&d->dma, reg, v);
}

static int wait_clear(struct dw_mshc *d, u32 reg, u32 bits, u32 us)
{
	return mmio_wait32(d->dma.regs + reg, bits, 0, us);
}

/* --- data --- */

static void dw_describe(struct mmc_dma_host *h, u32 i, dma_addr_t at, u32 n)
{
	struct desc *e = &of_dma(h)->descs[i];

	e->bytes = n;
	e->address = (u32)at;
	e->control = DES_OWN | DES_CHAINED | DES_QUIET;
}

static void dw_close(struct mmc_dma_host *h)
{
	struct desc *first = of_dma(h)->descs, *last = first + h->nr_descs - 1;

	first->control |= DES_FIRST;
	last->control = (last->control | DES_LAST) & ~DES_QUIET;
}

static dma_addr_t dw_described(const struct mmc_dma_host *h, u32 i, u32 *n)
{
	const struct desc *e = &container_of(h, const struct dw_mshc, dma)->descs[i];

	*n = e->bytes;
	return e->address;
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

static void dw_send(struct mmc_dma_host *h, const struct mmc_request *r)
{
	struct dw_mshc *d = of_dma(h);

	d->events = d->idmac_events = 0;
	if (r->blocks) {
		wr(d, BLKSIZ, r->block_bytes);
		wr(d, BYTCNT, r->blocks * r->block_bytes);
		wr(d, DBADDR, (u32)d->descs_dma);
	}
	wr(d, CMDARG, r->arg);
	wr(d, CMD, command_word(r));
}

static bool dw_look(struct mmc_dma_host *h)
{
	struct dw_mshc *d = of_dma(h);
	u32 events = rd(d, RINTSTS), idmac = rd(d, IDSTS);

	wr(d, RINTSTS, events);
	if (idmac)
		wr(d, IDSTS, idmac);
	d->events |= events;
	d->idmac_events |= idmac;
	return false;
}

static int command_error(u32 events)
{
	return events & INT_RESP_TIMEOUT ? -ETIMEDOUT : events & INT_RESP_CRC ? -EILSEQ : -EIO;
}

static int dw_outcome(struct mmc_dma_host *h)
{
	struct dw_mshc *d = of_dma(h);
	const struct mmc_request *r = h->req;
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
		h->polls = rd(d, STATUS) & STATUS_BUSY;
		return h->polls ? -EINPROGRESS : 0;
	}
	return 0;
}

static void dw_read_response(struct mmc_dma_host *h, struct mmc_request *r)
{
	struct dw_mshc *d = of_dma(h);

	if (!(r->flags & MMC_RESP_LONG))
		r->resp[0] = rd(d, RESP0);
	else
		for (u32 i = 0; i < 4; i++)
			r->resp[i] = rd(d, RESP0 + 4 * (3 - i));
	if (r->flags & MMC_AUTO_STOP)
		r->stop_resp = rd(d, RESP0 + 4);
}

static const struct mmc_dma_ops dw_dma_ops = {
	.describe = dw_describe,
	.close = dw_close,
	.described = dw_described,
	.send = dw_send,
	.look = dw_look,
	.outcome = dw_outcome,
	.read_response = dw_read_response,
};

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
		pr_err("%s: the card's clock does not change\n", d->dma.host.dev->name);
}

static void dw_set_clock(struct mmc_host *h, u32 hz)
{
	struct dw_mshc *d = of(h);
	u64 half = d->dma.clock_hz <= hz ? 0 : (d->dma.clock_hz + 2ul * hz - 1) / (2ul * hz);

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
	struct mmc_dma_host *d = mmc_dma_of(h);

	return !d->has_detect || gpio_is_active(&d->detect);
}

static bool dw_is_read_only(struct mmc_host *h)
{
	return !of(h)->broken_wp && (rd(of(h), WRTPRT) & 1);
}

static const struct mmc_host_ops dw_ops = {
	.start = mmc_dma_start,
	.cancel = mmc_dma_cancel,
	.reset = dw_reset,
	.set_clock = dw_set_clock,
	.set_width = dw_set_width,
	.card_present = dw_card_present,
	.is_read_only = dw_is_read_only,
};

/* --- probe --- */

static int descs_alloc(struct dw_mshc *d)
{
	d->descs = dev_dma_alloc(d->dma.host.dev, MMC_NR_DESCS * sizeof(struct desc), &d->descs_dma);
	if (!d->descs)
		return -ENOMEM;
	for (u32 i = 0; i < MMC_NR_DESCS; i++)
		d->descs[i].next =
			(u32)d->descs_dma + (u32)sizeof(struct desc) * ((i + 1) % MMC_NR_DESCS);
	return 0;
}

static int read_tree(struct dw_mshc *d, struct device *dev)
{
	struct clk ciu;
	int err = clk_find(dev, "ciu", &ciu);

	if (err == -EPROBE_DEFER)
		return err;
	d->dma.clock_hz = err ? 0 : clk_rate(&ciu);
	err = mmc_dma_read_tree(&d->dma, dev);
	d->broken_wp = dev_has_prop(dev, "disable-wp") || dev_has_prop(dev, "non-removable") ||
		       d->dma.has_detect;
	return err;
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

	hrtimer_cancel(&d->dma.timer);
	wr(d, CTRL, CTRL_RESETS);
	if (wait_clear(d, CTRL, CTRL_RESETS, RESET_WAIT_US))
		pr_err("%s: does not stop\n", d->dma.host.dev->name);
}

static int dw_probe(struct device *dev)
{
	struct dw_mshc *d = dev_zalloc(dev, sizeof(*d));
	int err;
	u64 size;

	if (!d)
		return -ENOMEM;
	d->dma.ops = &dw_dma_ops;
	d->dma.host.ops = &dw_ops;
	d->dma.desc_bytes = DESC_BYTES;
	err = dev_enable(dev);
	if (!err)
		err = read_tree(d, dev);
	if (err)
		return err;
	if (!dev_reg_phys(dev, 0, &size) || size < 0x200)
		return -EINVAL;
	d->dma.regs = dev_map_regs(dev, 0);
	if (!d->dma.regs || !dev_answers(dev, d->dma.regs + HCON, 4))
		return -ENODEV;
	if (HCON_DMA(rd(d, HCON)) || (rd(d, HCON) & HCON_64_BIT))
		return -EOPNOTSUPP;
	choose_fifo_marks(d, dev);
	err = descs_alloc(d);
	if (err)
		return err;
	mmc_dma_init(&d->dma);
	wr(d, CTRL, 0);				/* quiet, before its handler exists */
	err = dev_on_release(dev, stop, d);
	if (!err)
		err = dev_request_irq(dev, dev_irq(dev, 0), mmc_dma_interrupt, &d->dma);
	return err ? err : mmc_dma_register(&d->dma, d->dma.has_detect);
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
