/* SPDX-License-Identifier: MIT */
/*
 * SiFive's SPI controller (FU540).
 *
 * It has no DMA, and FIFOs of 8 bytes: 3 microseconds of a card's clock, less than
 * an interrupt would cost. So bytes are moved by the thread that wants them, which
 * keeps the transmit FIFO as full as the receive FIFO has room.
 *
 * Registers: SiFive FU540-C000 manual v1p0, chapter 19.
 */
#include <arch/io.h>
#include <arch/processor.h>
#include <drivers/core/provider.h>
#include <drivers/spi/spi.h>

#define SCKDIV		0x00
#define SCKMODE		0x04
#define CSID		0x10
#define CSDEF		0x14
#define CSMODE		0x18
#define FMT		0x40
#define TXDATA		0x48
#define RXDATA		0x4c
#define FCTRL		0x60
#define IE		0x70

#define CSMODE_AUTO	0		/* selected while a byte goes out */
#define CSMODE_HOLD	2
#define CSMODE_OFF	3
#define FMT_8_BITS	(8u << 16)
#define RXDATA_EMPTY	BIT(31)
#define FIFO_BYTES	8
#define SCKDIV_MAX	0xfff
#define DEFAULT_CLOCK_HZ 500000000	/* where the tree does not tell: the chip's fastest */

struct sifive_spi {
	struct spi_bus bus;
	volatile u8 *regs;		/* constant after probe */
	u64 clock_hz;
};

static volatile u8 *regs_of(struct spi_bus *b)
{
	return container_of(b, struct sifive_spi, bus)->regs;
}

/* The clock is the bus's / 2 (SCKDIV + 1). */
static void sifive_setup(struct spi_bus *b, u32 chip_select, u32 hz)
{
	struct sifive_spi *s = container_of(b, struct sifive_spi, bus);
	u64 div = (s->clock_hz + 2ul * hz - 1) / (2ul * hz);

	mmio_write32(s->regs + IE, 0);
	mmio_write32(s->regs + FCTRL, 0);
	mmio_write32(s->regs + CSMODE, CSMODE_OFF);
	mmio_write32(s->regs + CSID, chip_select);
	mmio_write32(s->regs + CSDEF, mmio_read32(s->regs + CSDEF) | 1u << chip_select);
	mmio_write32(s->regs + SCKMODE, 0);
	mmio_write32(s->regs + FMT, FMT_8_BITS);
	mmio_write32(s->regs + SCKDIV, (u32)min_t(u64, div ? div - 1 : 0, SCKDIV_MAX));
	while (!(mmio_read32(s->regs + RXDATA) & RXDATA_EMPTY))
		;
}

static void sifive_select(struct spi_bus *b, bool on)
{
	mmio_write32(regs_of(b) + CSMODE, on ? CSMODE_HOLD : CSMODE_OFF);
}

/* Every byte sent brings one back: with at most a FIFO's worth under way none is lost. */
static void sifive_exchange(struct spi_bus *b, const u8 *tx, u8 *rx, u32 len)
{
	volatile u8 *regs = regs_of(b);
	u32 sent = 0, received = 0, v;

	while (received < len) {
		while (sent < len && sent - received < FIFO_BYTES) {
			mmio_write32_relaxed(regs + TXDATA, tx ? tx[sent] : 0xff);
			sent++;
		}
		while ((v = mmio_read32_relaxed(regs + RXDATA)) & RXDATA_EMPTY)
			cpu_relax();
		if (rx)
			rx[received] = (u8)v;
		received++;
	}
}

static const struct spi_ops sifive_ops = {
	.setup = sifive_setup,
	.select = sifive_select,
	.exchange = sifive_exchange,
};

/* The hardware is left alone until somebody uses it: firmware may have mapped flash through it. */
static int sifive_spi_probe(struct device *dev)
{
	struct sifive_spi *s = dev_zalloc(dev, sizeof(*s));
	struct clk clk;
	int err;

	if (!s)
		return -ENOMEM;
	err = dev_enable(dev);
	if (err)
		return err;
	err = clk_at(dev, 0, &clk);
	if (err == -EPROBE_DEFER)
		return err;
	s->clock_hz = err ? 0 : clk_rate(&clk);
	if (!s->clock_hz)
		s->clock_hz = DEFAULT_CLOCK_HZ;
	s->regs = dev_map_regs(dev, 0);
	if (!s->regs || !dev_answers(dev, s->regs + SCKDIV, 4))
		return -ENODEV;
	s->bus = (struct spi_bus){ .ops = &sifive_ops, .dev = dev };
	spi_bus_add(&s->bus);
	return 0;
}

static const char *const compatible[] = { "sifive,spi0", "sifive,fu540-c000-spi", NULL };

DRIVER(sifive_spi) = {
	.name = "sifive-spi",
	.stage = STAGE_CLOCK,
	.compatible = compatible,
	.probe = sifive_spi_probe,
};
