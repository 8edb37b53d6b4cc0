/* SPDX-License-Identifier: MIT */
/*
 * 16550 UARTs and DesignWare's variant of them (QEMU virt, JH7110).
 *
 * The tree says how registers are spaced ("reg-shift") and how wide an access must
 * be ("reg-io-width", 1 or 4 bytes).
 *
 * DesignWare: writing LCR while a character is under way is ignored and raises an
 * interrupt of its own (busy detect), which reading USR clears; a receive time-out
 * may be signalled with nothing to read, and goes away by reading RBR all the same.
 *
 * Registers: TI PC16550D data sheet (SNLS378), 8.0; DW_apb_uart databook, USR.
 */
#include <arch/io.h>
#include <arch/processor.h>
#include <arch/time.h>
#include <drivers/serial/uart.h>
#include <kernel/lib/string.h>

enum {
	RBR = 0,			/* received byte; THR on write; DLL with LCR_DLAB */
	IER = 1,			/* interrupt enable; DLM with LCR_DLAB */
	IIR = 2,			/* why an interrupt; FCR on write */
	LCR = 3,
	MCR = 4,
	LSR = 5,
	USR = 31,			/* DesignWare: status */
};

#define IER_RX		BIT(0)
#define IER_TX		BIT(1)
#define IER_LINE	BIT(2)		/* break, errors */
#define IIR_MASK	0x0f
#define IIR_BUSY	0x07		/* DesignWare */
#define IIR_TIMEOUT	0x0c
#define FCR_ENABLE	BIT(0)
/* receive interrupt at 8 bytes, or after 4 characters of time */
#define FCR_TRIGGER_8	0x80
#define LCR_8N1		0x03
#define LCR_DLAB	BIT(7)
#define MCR_ON		0x0b		/* DTR, RTS, and OUT2, which on PCs gates the interrupt */
#define LSR_RX		BIT(0)
#define LSR_BREAK	BIT(4)
#define LSR_THR_EMPTY	BIT(5)
#define LSR_IDLE	BIT(6)

#define FIFO_SIZE	16
#define IDLE_TIMEOUT_MS	20		/* a full FIFO at 9600 baud */

struct ns16550 {
	struct uart uart;
	/* Constant after probe. */
	u32 shift, width;
	u64 clock_hz;			/* 0: unknown, the rate stays firmware's */
	bool is_dw;
};

static struct ns16550 *of(struct uart *u)
{
	return container_of(u, struct ns16550, uart);
}

static u32 rd(struct uart *u, u32 reg)
{
	volatile u8 *p = u->regs + (reg << of(u)->shift);

	return of(u)->width == 4 ? mmio_read32(p) : mmio_read8(p);
}

static void wr(struct uart *u, u32 reg, u8 v)
{
	volatile u8 *p = u->regs + (reg << of(u)->shift);

	if (of(u)->width == 4)
		mmio_write32(p, v);
	else
		mmio_write8(p, v);
}

static u32 ns_room(struct uart *u)
{
	return rd(u, LSR) & LSR_THR_EMPTY ? FIFO_SIZE : 0;
}

static void ns_put(struct uart *u, u8 c)
{
	wr(u, RBR, c);
}

/* A break arrives as a null byte with the flag. */
static int ns_get(struct uart *u)
{
	u32 status = rd(u, LSR), c;

	if (!(status & LSR_RX)) {
		if (!of(u)->is_dw || (rd(u, IIR) & IIR_MASK) != IIR_TIMEOUT)
			return UART_NONE;
		/* The time-out may be that of a byte that has come since. */
		status = rd(u, LSR);
		if (!(status & LSR_RX)) {
			rd(u, RBR);
			return UART_NONE;
		}
	}
	c = rd(u, RBR);
	return status & LSR_BREAK ? UART_BREAK : (int)(c & 0xff);
}

static void ns_enable(struct uart *u, bool rx, bool tx)
{
	if (of(u)->is_dw && (rd(u, IIR) & IIR_MASK) == IIR_BUSY)
		rd(u, USR);
	wr(u, IER, (rx ? IER_RX | IER_LINE : 0) | (tx ? IER_TX : 0));
}

/* Until what is in the FIFO has gone out: LCR must not change under it. */
static void wait_idle(struct uart *u)
{
	u64 end = arch_time_read() + (u64)arch_timebase_hz * IDLE_TIMEOUT_MS / 1000;

	while (!(rd(u, LSR) & LSR_IDLE) && arch_time_read() < end)
		cpu_relax();
}

static void ns_set_rate(struct uart *u, u32 baud)
{
	u64 divisor = (of(u)->clock_hz + 8ul * baud) / (16ul * baud), flags;

	if (!divisor || divisor > 0xffff)
		return;
	flags = spin_lock_irqsave(&u->lock);
	wait_idle(u);
	wr(u, LCR, LCR_8N1 | LCR_DLAB);
	wr(u, RBR, (u8)divisor);
	wr(u, IER, (u8)(divisor >> 8));
	wr(u, LCR, LCR_8N1);
	spin_unlock_irqrestore(&u->lock, flags);
}

/* What firmware left; 0: unknown. The device is idle and its interrupts are off. */
static u32 current_rate(struct uart *u)
{
	u32 divisor;

	wr(u, LCR, LCR_8N1 | LCR_DLAB);
	divisor = (rd(u, RBR) & 0xff) | (rd(u, IER) & 0xff) << 8;
	wr(u, LCR, LCR_8N1);
	return divisor ? (u32)(of(u)->clock_hz / (16 * divisor)) : 0;
}

static const struct uart_ops ns_ops = {
	.room = ns_room,
	.put = ns_put,
	.get = ns_get,
	.enable = ns_enable,
	.set_rate = ns_set_rate,
};

static int ns16550_probe(struct device *dev)
{
	struct ns16550 *n = dev_zalloc(dev, sizeof(*n));
	struct uart *u;

	if (!n)
		return -ENOMEM;
	if (dev_irq(dev, 0) == -EPROBE_DEFER)
		return -EPROBE_DEFER;
	u = &n->uart;
	u->ops = &ns_ops;
	u->dev = dev;
	u->regs = dev_map_regs(dev, 0);
	if (!u->regs)
		return -ENODEV;
	u->regs += dev_prop_u32(dev, "reg-offset", 0);
	n->is_dw = !strcmp(device_match(dev), "snps,dw-apb-uart");
	n->shift = dev_prop_u32(dev, "reg-shift", 0);
	n->width = dev_prop_u32(dev, "reg-io-width", 1);
	n->clock_hz = dev_prop_u32(dev, "clock-frequency", 0) ?: dev_clock_hz(dev, 0);
	if (n->shift > 4 || (n->width != 1 && n->width != 4))
		return -EINVAL;
	if (!dev_answers(dev, u->regs + ((u64)IER << n->shift), n->width))
		return -ENODEV;

	wr(u, IER, 0);
	wait_idle(u);
	if (n->clock_hz)
		u->port.baud = current_rate(u);
	wr(u, IIR, FCR_ENABLE | FCR_TRIGGER_8);
	wr(u, MCR, MCR_ON);
	return uart_register(u, "ttyS");
}

static const char *const compatible[] = { "ns16550a", "ns16550", "snps,dw-apb-uart", NULL };

DRIVER(ns16550) = {
	.name = "ns16550",
	.stage = STAGE_DEVICE,
	.compatible = compatible,
	.probe = ns16550_probe,
};
