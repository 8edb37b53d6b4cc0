/* SPDX-License-Identifier: MIT */
/*
 * SD hosts of the SD Association's own design (SDHCI), here Cadence's SD4HC of the PolarFire SoC,
 * which puts the standard registers at an offset.
 *
 * Data moves by ADMA2 along a table of descriptors; nothing is polled on its way. A request ends by
 * interrupt:
 *
 *	command alone		command complete
 *	data, or R1b		command complete and transfer complete: with the busy of a write, and
 *				the host's own CMD12, behind it
 *
 * or with an error, which leaves command and data lines to be reset before the next one.
 * Requests' memory and time are dma_host.c's.
 *
 * Limit: no transfers without ADMA2; SDMA and the data port are not used. 3.3 V, and no tuning (card.c).
 *
 * Registers: SD Host Controller Simplified Specification 4.20, chapter 2; descriptors 1.13.
 */
#include <drivers/core/provider.h>
#include <drivers/mmc/dma_host.h>
#include <kernel/printk.h>

/* Registers of 32 bits; narrow ones by their fields. */
enum {
	BLOCKS = 0x04, ARGUMENT = 0x08, COMMAND = 0x0c, RESPONSE = 0x10, PRESENT = 0x24, HOST_POWER = 0x28,
	CLOCK = 0x2c, INT_STATUS = 0x30, INT_SEEN = 0x34, INT_SIGNAL = 0x38, CAPABILITIES = 0x40, ADMA_LOW = 0x58,
	ADMA_HIGH = 0x5c, VERSION = 0xfc, REGISTERS_END = 0x100,
};
#define CADENCE_SLOT	0x200		/* where Cadence has them */

/* COMMAND: mode in the low half */
#define MODE_DMA	BIT(0)
#define MODE_COUNT	BIT(1)
#define MODE_AUTO_STOP	BIT(2)
#define MODE_READ	BIT(4)
#define MODE_MULTI	BIT(5)
#define CMD_RESP_136	(1u << 16)
#define CMD_RESP_48	(2u << 16)
#define CMD_RESP_BUSY	(3u << 16)
#define CMD_CHECK_CRC	BIT(19)
#define CMD_DATA	BIT(21)
#define CMD_ABORT	(3u << 22)
#define CMD_INDEX(n)	((n) << 24)

#define PRESENT_CARD	BIT(16)
#define PRESENT_WRITABLE BIT(19)
#define HOST_4_BITS	BIT(1)
#define HOST_HIGH_SPEED	BIT(2)
#define HOST_ADMA2	(2u << 3)
#define HOST_8_BITS	BIT(5)
#define HOST_WIDTH	(HOST_4_BITS | HOST_8_BITS)
#define POWER_3V3	(15u << 8)	/* 3.3 V, on */
#define CLOCK_ON	BIT(0)		/* internal */
#define CLOCK_STABLE	BIT(1)
#define CLOCK_CARD	BIT(2)
#define CLOCK_DIVIDER(n) (((n) & 0xff) << 8 | ((n) >> 8 & 3) << 6)
#define TIMEOUT_MOST	(14u << 16)
#define RESET_ALL	BIT(24)
#define RESET_LINES	(BIT(25) | BIT(26))	/* command, data */

#define INT_COMMAND	BIT(0)
#define INT_TRANSFER	BIT(1)
#define INT_CARD	(BIT(6) | BIT(7))	/* was put in, pulled out */
#define INT_ERROR	BIT(15)
#define INT_NO_ANSWER	BIT(16)
#define INT_COMMAND_CRC	BIT(17)
#define INT_DATA_CRC	BIT(21)
#define INT_COMMAND_BAD	GENMASK(19, 16)
#define INT_DATA_BAD	(GENMASK(22, 20) | BIT(24) | BIT(25))	/* time, CRC, end bit; CMD12, ADMA */
#define INT_ALL		(INT_CARD | INT_COMMAND | INT_TRANSFER | INT_COMMAND_BAD | INT_DATA_BAD)

#define CAP_BASE_MHZ(v)	((v) >> 8 & 0xff)
#define CAP_ADMA2	BIT(19)
#define VERSION_3(v)	(((v) >> 16 & 0xff) >= 2)	/* dividers of 10 bits */

/* Descriptors */
#define ADMA_VALID	BIT(0)
#define ADMA_END	BIT(1)
#define ADMA_TRANSFER	BIT(5)

#define DESC_BYTES	32768		/* of 65536 that a descriptor can have */
#define RESET_WAIT_US	100000
#define CLOCK_WAIT_US	150000		/* 3.2.1 */
#define FIRST_CLOCKS_NS	(1 * NS_PER_MS)	/* 74 of them */

struct adma_desc {
	u16 control, bytes;
	u32 address;
};

struct sdhci {
	struct mmc_dma_host dma;
	/* Constant after probe. */
	struct adma_desc *descs;	/* coherent */
	dma_addr_t descs_dma;
	bool always_there, never_protected;

	/* Guarded by dma.lock. */
	u32 events;			/* of the request, so far */
};

static struct sdhci *of(struct mmc_host *h)
{
	return container_of(h, struct sdhci, dma.host);
}

static struct sdhci *of_dma(struct mmc_dma_host *h)
{
	return container_of(h, struct sdhci, dma);
}

static u32 rd(const struct sdhci *s, u32 reg)
{
	return mmc_dma_read(&s->dma, reg);
}

static void wr(struct sdhci *s, u32 reg, u32 v)
{
	mmc_dma_write(&s->dma, reg, v);
}

static int wait_bits(struct sdhci *s, u32 reg, u32 bits, u32 wanted, u32 us)
{
	return mmio_wait32(s->dma.regs + reg, bits, wanted, us);
}

/* --- data --- */

static void sdhci_describe(struct mmc_dma_host *h, u32 i, dma_addr_t at, u32 n)
{
	of_dma(h)->descs[i] = (struct adma_desc){ ADMA_VALID | ADMA_TRANSFER, (u16)n, (u32)at };
}

static void sdhci_close(struct mmc_dma_host *h)
{
	of_dma(h)->descs[h->nr_descs - 1].control |= ADMA_END;
}

static dma_addr_t sdhci_described(const struct mmc_dma_host *h, u32 i, u32 *n)
{
	const struct adma_desc *e = &container_of(h, const struct sdhci, dma)->descs[i];

	*n = e->bytes;
	return e->address;
}

/* --- a request --- */

static u32 command_word(const struct mmc_request *r)
{
	u32 word = CMD_INDEX(r->opcode);

	if (r->flags & MMC_RESP)
		word |= r->flags & MMC_RESP_LONG ? CMD_RESP_136 :
			r->flags & MMC_RESP_BUSY ? CMD_RESP_BUSY : CMD_RESP_48;
	if (r->flags & MMC_RESP_CRC)
		word |= CMD_CHECK_CRC;
	if (r->flags & MMC_STOP)
		word |= CMD_ABORT;
	if (r->blocks)
		word |= CMD_DATA | MODE_DMA | MODE_COUNT | (r->flags & MMC_WRITE ? 0 : MODE_READ) |
			(r->blocks > 1 ? MODE_MULTI : 0) |
			(r->flags & MMC_AUTO_STOP ? MODE_AUTO_STOP : 0);
	return word;
}

static void sdhci_send(struct mmc_dma_host *h, const struct mmc_request *r)
{
	struct sdhci *s = of_dma(h);

	s->events = 0;
	if (r->blocks) {
		wr(s, ADMA_LOW, (u32)s->descs_dma);
		wr(s, BLOCKS, r->blocks << 16 | r->block_bytes);
	}
	wr(s, ARGUMENT, r->arg);
	wr(s, COMMAND, command_word(r));
}

static bool sdhci_look(struct mmc_dma_host *h)
{
	struct sdhci *s = of_dma(h);
	u32 events = rd(s, INT_STATUS);

	wr(s, INT_STATUS, events);
	s->events |= events;
	return events & INT_CARD;
}

static int sdhci_outcome(struct mmc_dma_host *h)
{
	const struct mmc_request *r = h->req;
	u32 events = of_dma(h)->events;
	u32 wanted = INT_COMMAND | (r->blocks || (r->flags & MMC_RESP_BUSY) ? INT_TRANSFER : 0);

	if (events & INT_COMMAND_BAD)
		return events & INT_NO_ANSWER ? -ETIMEDOUT : events & INT_COMMAND_CRC ? -EILSEQ : -EIO;
	if (events & INT_DATA_BAD)
		return events & INT_DATA_CRC ? -EILSEQ : -EIO;
	return (events & wanted) == wanted ? 0 : -EINPROGRESS;
}

/* Long answers lie eight bits lower than the card sent them: without their checksum. */
static void sdhci_read_response(struct mmc_dma_host *h, struct mmc_request *r)
{
	struct sdhci *s = of_dma(h);
	u32 words[4];

	for (u32 i = 0; i < 4; i++)
		words[i] = rd(s, RESPONSE + 4 * i);
	if (!(r->flags & MMC_RESP_LONG))
		r->resp[0] = words[0];
	else
		for (u32 i = 0; i < 4; i++)
			r->resp[i] = words[3 - i] << 8 | (i < 3 ? words[2 - i] >> 24 : 0);
	if (r->flags & MMC_AUTO_STOP)
		r->stop_resp = words[3];
}

static void sdhci_abandon(struct mmc_dma_host *h)
{
	struct sdhci *s = of_dma(h);

	wr(s, CLOCK, rd(s, CLOCK) | RESET_LINES);
}

static const struct mmc_dma_ops sdhci_dma_ops = {
	.describe = sdhci_describe,
	.close = sdhci_close,
	.described = sdhci_described,
	.send = sdhci_send,
	.look = sdhci_look,
	.outcome = sdhci_outcome,
	.read_response = sdhci_read_response,
	.abandon = sdhci_abandon,
};

/* --- the controller, between requests --- */

static int sdhci_reset(struct mmc_host *h)
{
	struct sdhci *s = of(h);
	int err;

	wr(s, CLOCK, RESET_ALL);
	err = wait_bits(s, CLOCK, RESET_ALL, 0, RESET_WAIT_US);
	if (err)
		return err;
	wr(s, HOST_POWER, POWER_3V3 | HOST_ADMA2);
	wr(s, ADMA_HIGH, 0);
	wr(s, INT_STATUS, U32_MAX);
	wr(s, INT_SEEN, INT_ALL);
	wr(s, INT_SIGNAL, INT_ALL);
	return 0;
}

/* Base / 2n, or the base itself; n is a power of two before version 3 (2.2.14). */
static u32 divider_for(struct sdhci *s, u32 hz)
{
	u64 n = s->dma.clock_hz <= hz ? 0 : DIV_ROUND_UP(s->dma.clock_hz, 2ul * hz);
	u32 power = 1;

	if (VERSION_3(rd(s, VERSION)))
		return (u32)min_t(u64, n, 1023);
	while (power < n && power < 128)
		power *= 2;
	return n ? power : 0;
}

static void sdhci_set_clock(struct mmc_host *h, u32 hz)
{
	struct sdhci *s = of(h);
	u32 clock = TIMEOUT_MOST | CLOCK_DIVIDER(divider_for(s, hz)) | CLOCK_ON;
	u32 power = rd(s, HOST_POWER);

	wr(s, CLOCK, TIMEOUT_MOST);
	wr(s, HOST_POWER, hz > 25000000 ? power | HOST_HIGH_SPEED : power & ~HOST_HIGH_SPEED);
	wr(s, CLOCK, clock);
	if (wait_bits(s, CLOCK, CLOCK_STABLE, CLOCK_STABLE, CLOCK_WAIT_US))
		pr_err("%s: the card's clock does not settle\n", h->dev->name);
	wr(s, CLOCK, clock | CLOCK_CARD);
	thread_sleep_ns(FIRST_CLOCKS_NS);
}

static void sdhci_set_width(struct mmc_host *h, u32 bits)
{
	struct sdhci *s = of(h);

	wr(s, HOST_POWER, (rd(s, HOST_POWER) & ~HOST_WIDTH) | (bits == 8 ? HOST_8_BITS : bits == 4 ? HOST_4_BITS : 0));
}

static bool sdhci_card_present(struct mmc_host *h)
{
	struct sdhci *s = of(h);

	if (s->dma.has_detect)
		return gpio_is_active(&s->dma.detect);
	return s->always_there || (rd(s, PRESENT) & PRESENT_CARD);
}

static bool sdhci_is_read_only(struct mmc_host *h)
{
	return !of(h)->never_protected && !(rd(of(h), PRESENT) & PRESENT_WRITABLE);
}

static const struct mmc_host_ops sdhci_ops = {
	.start = mmc_dma_start,
	.cancel = mmc_dma_cancel,
	.reset = sdhci_reset,
	.set_clock = sdhci_set_clock,
	.set_width = sdhci_set_width,
	.card_present = sdhci_card_present,
	.is_read_only = sdhci_is_read_only,
};

/* --- probe --- */

/* The controller knows its clock, or the tree does. */
static int find_clock(struct sdhci *s, struct device *dev)
{
	u32 mhz = CAP_BASE_MHZ(rd(s, CAPABILITIES));
	struct clk clk;
	int err = clk_at(dev, 0, &clk);

	if (err == -EPROBE_DEFER)
		return err;
	s->dma.clock_hz = mhz ? mhz * 1000000ul : err ? 0 : clk_rate(&clk);
	return 0;
}

static int read_tree(struct sdhci *s, struct device *dev)
{
	s->always_there = dev_has_prop(dev, "non-removable") || dev_has_prop(dev, "broken-cd");
	s->never_protected = dev_has_prop(dev, "disable-wp") || dev_has_prop(dev, "non-removable");
	return mmc_dma_read_tree(&s->dma, dev);
}

/* Probe failed: neither the timer nor the controller may touch what is given back now. */
static void stop(void *arg)
{
	struct sdhci *s = arg;

	hrtimer_cancel(&s->dma.timer);
	wr(s, INT_SIGNAL, 0);
	wr(s, CLOCK, RESET_ALL);
	if (wait_bits(s, CLOCK, RESET_ALL, 0, RESET_WAIT_US))
		pr_err("%s: does not stop\n", s->dma.host.dev->name);
}

static int acquire(struct sdhci *s, struct device *dev)
{
	volatile u8 *regs;
	u64 size;
	int err = dev_enable(dev);

	if (err)
		return err;
	if (!dev_reg_phys(dev, 0, &size) || size < CADENCE_SLOT + REGISTERS_END)
		return -EINVAL;
	regs = dev_map_regs(dev, 0);
	if (!regs || !dev_answers(dev, regs + CADENCE_SLOT + CAPABILITIES, 4))
		return -ENODEV;
	s->dma.regs = regs + CADENCE_SLOT;
	if (!(rd(s, CAPABILITIES) & CAP_ADMA2))
		return -EOPNOTSUPP;
	s->descs = dev_dma_alloc(dev, MMC_NR_DESCS * sizeof(struct adma_desc), &s->descs_dma);
	if (!s->descs)
		return -ENOMEM;
	err = find_clock(s, dev);
	return err ? err : read_tree(s, dev);
}

static int sdhci_probe(struct device *dev)
{
	struct sdhci *s = dev_zalloc(dev, sizeof(*s));
	int err;

	if (!s)
		return -ENOMEM;
	s->dma.ops = &sdhci_dma_ops;
	s->dma.host.ops = &sdhci_ops;
	s->dma.desc_bytes = DESC_BYTES;
	err = acquire(s, dev);
	if (err)
		return err;
	mmc_dma_init(&s->dma);
	wr(s, INT_SIGNAL, 0);
	err = dev_on_release(dev, stop, s);
	if (!err)
		err = dev_request_irq(dev, dev_irq(dev, 0), mmc_dma_interrupt, &s->dma);
	return err ? err : mmc_dma_register(&s->dma, s->dma.has_detect || !s->always_there);
}

static const char *const compatible[] = { "microchip,mpfs-sd4hc", "cdns,sd4hc", NULL };

DRIVER(sdhci) = {
	.name = "sdhci",
	.stage = STAGE_DEVICE,
	.compatible = compatible,
	.probe = sdhci_probe,
};
