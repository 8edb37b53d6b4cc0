/* SPDX-License-Identifier: MIT */
/*
 * SiFive's UART (FU540, QEMU sifive_u).
 *
 * Interrupts are levels: receive while more bytes are in the FIFO than its mark,
 * transmit while fewer than its mark. Both FIFOs hold 8.
 *
 * Registers: SiFive FU540-C000 manual v1p0, chapter 13.
 */
#include <arch/io.h>
#include <drivers/serial/uart.h>

#define TXDATA		0x00
#define RXDATA		0x04
#define TXCTRL		0x08
#define RXCTRL		0x0c
#define IE		0x10
#define DIV		0x18

#define TXDATA_FULL	BIT(31)
#define RXDATA_EMPTY	BIT(31)
#define CTRL_ENABLE	BIT(0)
#define CTRL_MARK(n)	((n) << 16)
#define IE_TX		BIT(0)
#define IE_RX		BIT(1)

struct sifive_uart {
	struct uart uart;
	/* constant after probe; 0: unknown, the rate stays firmware's */
	u64 clock_hz;
};

static u32 sf_room(struct uart *u)
{
	return mmio_read32(u->regs + TXDATA) & TXDATA_FULL ? 0 : 1;
}

static void sf_put(struct uart *u, u8 c)
{
	mmio_write32(u->regs + TXDATA, c);
}

/* The device does not tell a break from a null byte. */
static int sf_get(struct uart *u)
{
	u32 v = mmio_read32(u->regs + RXDATA);

	return v & RXDATA_EMPTY ? UART_NONE : (int)(v & 0xff);
}

static void sf_enable(struct uart *u, bool rx, bool tx)
{
	mmio_write32(u->regs + IE, (rx ? IE_RX : 0) | (tx ? IE_TX : 0));
}

static void sf_set_rate(struct uart *u, u32 baud)
{
	struct sifive_uart *s = container_of(u, struct sifive_uart, uart);
	u64 flags;

	if (s->clock_hz / baud < 1 || s->clock_hz / baud > 0xffff)
		return;
	flags = spin_lock_irqsave(&u->lock);
	mmio_write32(u->regs + DIV, (u32)(s->clock_hz / baud) - 1);
	spin_unlock_irqrestore(&u->lock, flags);
}

static const struct uart_ops sf_ops = {
	.room = sf_room,
	.put = sf_put,
	.get = sf_get,
	.enable = sf_enable,
	.set_rate = sf_set_rate,
};

static int sifive_uart_probe(struct device *dev)
{
	struct sifive_uart *s = dev_zalloc(dev, sizeof(*s));
	struct uart *u;

	if (!s)
		return -ENOMEM;
	if (dev_irq(dev, 0) == -EPROBE_DEFER)
		return -EPROBE_DEFER;
	u = &s->uart;
	u->ops = &sf_ops;
	u->dev = dev;
	u->regs = dev_map_regs(dev, 0);
	if (!u->regs || !dev_answers(dev, u->regs + DIV, 4))
		return -ENODEV;
	s->clock_hz = dev_clock_hz(dev, 0);
	if (s->clock_hz)
		u->port.baud = (u32)(s->clock_hz / ((mmio_read32(u->regs + DIV) & 0xffff) + 1ul));
	mmio_write32(u->regs + IE, 0);
	mmio_write32(u->regs + TXCTRL, CTRL_ENABLE | CTRL_MARK(1));
	mmio_write32(u->regs + RXCTRL, CTRL_ENABLE | CTRL_MARK(0));
	return uart_register(u, "ttySIF");
}

static const char *const compatible[] = { "sifive,uart0", "sifive,fu540-c000-uart0", NULL };

DRIVER(sifive_uart) = {
	.name = "sifive-uart",
	.stage = STAGE_DEVICE,
	.compatible = compatible,
	.probe = sifive_uart_probe,
};
