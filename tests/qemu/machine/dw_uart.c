/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DesignWare APB UART: QEMU's 16550 with what DesignWare's does otherwise.
 *
 *	A character takes its time on the line: LSR tells idle only when the last bit
 *	is out, and USR tells busy until then.
 *	A write of LCR while busy is dropped and raises the busy-detect interrupt
 *	(IIR 7), which reading USR clears.
 *	Registers are 4 bytes apart; an access of a byte reaches one, too (U-Boot's do).
 *
 * Registers: DW_apb_uart databook 4.x (USR, CPR, UCV). Not modelled: DMA, the shadow
 * registers, flow control.
 */
#include "qemu/osdep.h"
#include "hw/irq.h"
#include "hw/qdev-properties.h"
#include "hw/qdev-properties-system.h"
#include "jh7110.h"

#define SHIFT		2
#define CLOCK_HZ	24000000
#define FIFO_CHARS	17		/* 16 and the one that is going out */
#define BITS_A_CHAR	10

enum { THR = 0, IIR = 2, LCR = 3, LSR = 5, USR = 31, CPR = 61, UCV = 62 };
#define LCR_DLAB	0x80
#define LSR_IDLE	0x40
#define IIR_BUSY	0x07

static int64_t now_ns(void)
{
	return qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
}

static bool is_busy(const DwUart *u)
{
	return now_ns() < u->idle_at;
}

static void update_irq(DwUart *u)
{
	qemu_set_irq(u->irq, u->serial_level || u->busy_detected);
}

static void serial_irq(void *opaque, int n, int level)
{
	DwUart *u = opaque;

	u->serial_level = level;
	update_irq(u);
}

static void char_sent(DwUart *u)
{
	int64_t divisor = MAX(u->serial.divider, 1);
	int64_t char_ns = 1000000000ll * BITS_A_CHAR * 16 * divisor / CLOCK_HZ;
	int64_t end = MAX(now_ns(), u->idle_at) + char_ns;

	/* QEMU's UART took it at once; the line is never further behind than a full FIFO. */
	u->idle_at = MIN(end, now_ns() + FIFO_CHARS * char_ns);
}

static uint64_t serial_read(DwUart *u, hwaddr at)
{
	return serial_io_ops.read(&u->serial, at >> SHIFT, 1);
}

static uint64_t dw_read(void *opaque, hwaddr at, unsigned size)
{
	DwUart *u = opaque;
	uint64_t value;

	if (at & 3)
		return 0;
	switch (at >> SHIFT) {
	case USR:
		u->busy_detected = false;
		update_irq(u);
		return 0x06 | is_busy(u);	/* transmit FIFO not full, and empty */
	case CPR:
		return 0x00010020;		/* FIFOs of 16, 32-bit bus */
	case UCV:
		return 0x3430322a;		/* 4.02* */
	case IIR:
		value = serial_read(u, at);
		return u->busy_detected ? (value & 0xf0) | IIR_BUSY : value;
	case LSR:
		value = serial_read(u, at);
		return is_busy(u) ? value & ~LSR_IDLE : value;
	}
	return at >> SHIFT < 8 ? serial_read(u, at) : 0;
}

static void dw_write(void *opaque, hwaddr at, uint64_t value, unsigned size)
{
	DwUart *u = opaque;

	if (at & 3 || at >> SHIFT >= 8)
		return;
	if (at >> SHIFT == LCR && is_busy(u)) {
		u->busy_detected = true;
		update_irq(u);
		return;
	}
	if (at >> SHIFT == THR && !(u->serial.lcr & LCR_DLAB))
		char_sent(u);
	serial_io_ops.write(&u->serial, at >> SHIFT, value & 0xff, 1);
}

static const MemoryRegionOps dw_ops = {
	.read = dw_read,
	.write = dw_write,
	.endianness = DEVICE_LITTLE_ENDIAN,
	.valid = { 1, 4 },
	.impl = { 1, 4 },
};

static void dw_uart_init(Object *object)
{
	DwUart *u = DW_UART(object);

	object_initialize_child(object, "serial", &u->serial, TYPE_SERIAL);
	qdev_alias_all_properties(DEVICE(&u->serial), object);
}

static void dw_uart_realize(DeviceState *dev, Error **errp)
{
	DwUart *u = DW_UART(dev);

	qdev_prop_set_uint32(DEVICE(&u->serial), "baudbase", CLOCK_HZ / 16);
	if (!qdev_realize(DEVICE(&u->serial), NULL, errp))
		return;
	u->serial.irq = qemu_allocate_irq(serial_irq, u, 0);
	memory_region_init_io(&u->io, OBJECT(u), &dw_ops, u, TYPE_DW_UART, 0x10000);
	sysbus_init_mmio(SYS_BUS_DEVICE(u), &u->io);
	sysbus_init_irq(SYS_BUS_DEVICE(u), &u->irq);
}

static void dw_uart_class_init(ObjectClass *class, void *data)
{
	DEVICE_CLASS(class)->realize = dw_uart_realize;
}

static const TypeInfo dw_uart_types[] = {
	{ .name = TYPE_DW_UART, .parent = TYPE_SYS_BUS_DEVICE, .instance_size = sizeof(DwUart),
	  .instance_init = dw_uart_init, .class_init = dw_uart_class_init },
};
DEFINE_TYPES(dw_uart_types)
