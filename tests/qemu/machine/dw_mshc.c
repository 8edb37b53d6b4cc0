/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Synopsys DesignWare mobile storage host 2.90a, as the JH7110 has it: one slot,
 * a FIFO of 32 words, an internal DMA controller (IDMAC) of 32-bit addresses.
 *
 * A command ends at once; the data of a transfer by IDMAC moves when a timer fires,
 * so that a driver meets the states between. Without IDMAC the FIFO is the card's
 * own data, a word an access. The card has a clock only after an "update clock"
 * command with CLKENA set: without it nothing ever ends.
 *
 * Errors. inject-command, inject-skip, inject-count and inject-status (properties,
 * settable while the machine runs) let a transfer or a command end with bits of
 * RINTSTS: of a command (RE, RCRC, RTO) before its data, of data (DCRC, DRTO, HTO, FRUN,
 * SBE, EBE) after the first half of it. 0x80000000 is an IDMAC without a descriptor, 0x40000000 one that
 * never comes to an end.
 * A descriptor outside memory is the IDMAC's bus error by itself.
 *
 * Registers: DesignWare databook 2.90a as U-Boot's include/dwmmc.h and Linux's
 * dw_mmc.h have them. Not modelled: card clock rates and TMOUT, power (PWREN), UHS,
 * the FIFO's watermarks, SDIO interrupts.
 */
#include "qemu/osdep.h"
#include "hw/irq.h"
#include "hw/qdev-properties.h"
#include "system/dma.h"
#include "jh7110.h"

enum {
	CTRL = 0x00, CLKENA = 0x10, CTYPE = 0x18, BLKSIZ = 0x1c, BYTCNT = 0x20, INTMASK = 0x24,
	CMDARG = 0x28, CMD = 0x2c, RESP0 = 0x30, MINTSTS = 0x40, RINTSTS = 0x44, STATUS = 0x48,
	FIFOTH = 0x4c, CDETECT = 0x50, WRTPRT = 0x54, VERID = 0x6c, HCON = 0x70, BMOD = 0x80,
	PLDMND = 0x84, DBADDR = 0x88, IDSTS = 0x8c, IDINTEN = 0x90, DSCADDR = 0x94, FIFO = 0x200,
};
#define R(at)			s->reg[(at) / 4]

#define CTRL_RESET		BIT(0)
#define CTRL_FIFO_RESET		BIT(1)
#define CTRL_DMA_RESET		BIT(2)
#define CTRL_INTERRUPTS		BIT(4)
#define CTRL_USE_IDMAC		BIT(25)
#define CMD_RESPONSE		BIT(6)
#define CMD_DATA		BIT(9)
#define CMD_WRITE		BIT(10)
#define CMD_AUTO_STOP		BIT(12)
#define CMD_ONLY_CLOCK		BIT(21)
#define CMD_START		BIT(31)
#define INT_RE			BIT(1)
#define INT_CD			BIT(2)
#define INT_DTO			BIT(3)
#define INT_TXDR		BIT(4)
#define INT_RXDR		BIT(5)
#define INT_RCRC		BIT(6)
#define INT_RTO			BIT(8)
#define INT_HLE			BIT(12)
#define INT_ACD			BIT(14)
#define INT_OF_COMMAND		(INT_RE | INT_RCRC | INT_RTO)
#define BMOD_RESET		BIT(0)
#define BMOD_ENABLE		BIT(7)
#define ID_TI			BIT(0)
#define ID_RI			BIT(1)
#define ID_BUS_ERROR		BIT(2)
#define ID_UNAVAILABLE		BIT(4)
#define ID_NORMAL		BIT(8)
#define ID_ABNORMAL		BIT(9)
#define DES_QUIET		BIT(1)
#define DES_LAST		BIT(2)
#define DES_CHAINED		BIT(4)
#define DES_RING_END		BIT(5)
#define DES_OWN			BIT(31)

#define FIFO_WORDS		32
#define START_NS		5000	/* of a transfer; and then a nanosecond every 2 bytes */
#define DESC_MAX		65536	/* descriptors a transfer: a ring of them has an end */
#define STOP_TRANSMISSION	12

static void update_irq(DwMshc *s)
{
	uint32_t id = s->idmac_status & R(IDINTEN);
	bool idmac = ((id & ID_NORMAL) && (id & (ID_TI | ID_RI))) ||
		     ((id & ID_ABNORMAL) && (id & (ID_BUS_ERROR | ID_UNAVAILABLE)));

	qemu_set_irq(s->irq, (R(CTRL) & CTRL_INTERRUPTS) && ((s->raised & R(INTMASK)) || idmac));
}

/* The error to inject into this command or its data, or 0. */
static uint32_t injected(DwMshc *s, bool of_data)
{
	uint32_t of_command = s->inject_status & INT_OF_COMMAND;

	if (!s->inject_count || (R(CMD) & 0x3f) != s->inject_command || !!of_command == of_data)
		return 0;
	if (s->inject_skip) {
		s->inject_skip--;
		return 0;
	}
	s->inject_count--;
	return s->inject_status;
}

static int card_command(DwMshc *s, unsigned index, uint32_t arg, uint8_t *response)
{
	SDRequest request = { .cmd = index, .arg = arg };

	return sdbus_do_command(&s->bus, &request, response);
}

static void transfer_end(DwMshc *s, uint32_t status)
{
	uint8_t response[16];

	s->transfer = false;
	s->raised |= status;
	if (status == INT_DTO && (R(CMD) & CMD_AUTO_STOP)) {
		if (card_command(s, STOP_TRANSMISSION, 0, response) == 4)
			R(RESP0 + 4) = ldl_be_p(response);
		s->raised |= INT_ACD;
	}
}

/* --- IDMAC --- */

static bool move(DwMshc *s, uint32_t at, uint32_t len)
{
	uint8_t block[512];

	for (uint32_t n; len && s->left; at += n, len -= n, s->left -= n) {
		n = MIN(MIN(len, s->left), sizeof(block));
		if (s->writing) {
			if (dma_memory_read(&address_space_memory, at, block, n, MEMTXATTRS_UNSPECIFIED))
				return false;
			sdbus_write_data(&s->bus, block, n);
		} else {
			sdbus_read_data(&s->bus, block, n);
			if (dma_memory_write(&address_space_memory, at, block, n, MEMTXATTRS_UNSPECIFIED))
				return false;
		}
	}
	return true;
}

/* The descriptor at s->desc. 0: its data has moved; else the bit of IDSTS that stops the IDMAC. */
static uint32_t one_descriptor(DwMshc *s)
{
	uint32_t d[4];
	bool chained;

	if (dma_memory_read(&address_space_memory, s->desc, d, sizeof(d), MEMTXATTRS_UNSPECIFIED))
		return ID_BUS_ERROR;
	if (!(d[0] & DES_OWN))
		return ID_UNAVAILABLE;
	chained = d[0] & DES_CHAINED;
	if (!move(s, d[2], d[1] & 0x1fff) || (!chained && !move(s, d[3], d[1] >> 13 & 0x1fff)))
		return ID_BUS_ERROR;
	d[0] &= ~DES_OWN;
	if (dma_memory_write(&address_space_memory, s->desc, d, 4, MEMTXATTRS_UNSPECIFIED))
		return ID_BUS_ERROR;
	if (!(d[0] & DES_QUIET))
		s->idmac_status |= (s->writing ? ID_TI : ID_RI) | ID_NORMAL;
	s->desc = chained ? d[3] : d[0] & DES_RING_END ? R(DBADDR) : s->desc + sizeof(d);
	return s->left && (d[0] & DES_LAST) ? ID_UNAVAILABLE : 0;
}

static void idmac_run(DwMshc *s)
{
	uint32_t stop = 0, error = injected(s, true);

	if (error == MSHC_INJECT_SILENCE)
		return;
	if (error == MSHC_INJECT_UNAVAILABLE) {
		stop = ID_UNAVAILABLE;
	} else if (error) {
		s->left /= 2;
		for (int n = 0; n < DESC_MAX && s->left && !stop; n++)
			stop = one_descriptor(s);
		transfer_end(s, error | INT_DTO);
		return;
	}
	for (int n = 0; n < DESC_MAX && s->left && !stop; n++)
		stop = one_descriptor(s);
	if (stop)
		s->idmac_status |= stop | ID_ABNORMAL;
	else if (!s->left)
		transfer_end(s, INT_DTO);
}

static void timer_fired(void *opaque)
{
	DwMshc *s = opaque;

	if (s->transfer)
		idmac_run(s);
	update_irq(s);
}

/* --- commands --- */

static bool uses_idmac(const DwMshc *s)
{
	return (R(CTRL) & CTRL_USE_IDMAC) && (R(BMOD) & BMOD_ENABLE);
}

static void transfer_start(DwMshc *s)
{
	s->left = R(BYTCNT);
	s->writing = R(CMD) & CMD_WRITE;
	s->transfer = true;
	s->desc = R(DBADDR);
	if (uses_idmac(s))
		timer_mod(s->timer, qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) + START_NS + s->left / 2);
	else
		s->raised |= s->writing ? INT_TXDR : INT_RXDR;
}

static void store_response(DwMshc *s, const uint8_t *response, int len)
{
	if (len == 4)
		R(RESP0) = ldl_be_p(response);
	for (int i = 0; len == 16 && i < 4; i++)
		R(RESP0 + 4 * i) = ldl_be_p(response + 12 - 4 * i);
}

static void command(DwMshc *s, uint32_t value)
{
	uint8_t response[16] = { 0 };
	uint32_t error;
	int len;

	if (value & CMD_ONLY_CLOCK) {
		s->card_clock = R(CLKENA) & 1;
		R(CMD) = value & ~CMD_START;
		return;
	}
	if (!s->card_clock) {
		R(CMD) = value;			/* never starts */
		return;
	}
	if (s->transfer && (value & CMD_DATA)) {
		s->raised |= INT_HLE;
		return;
	}
	R(CMD) = value & ~CMD_START;
	error = injected(s, false);
	len = error & INT_RTO ? 0 : card_command(s, value & 0x3f, R(CMDARG), response);
	store_response(s, response, len);
	if (!error && (value & CMD_RESPONSE) && len <= 0)
		error = INT_RTO;
	s->raised |= INT_CD | error;
	if ((value & 0x3f) == STOP_TRANSMISSION)
		s->transfer = false;
	if ((value & CMD_DATA) && len > 0)
		transfer_start(s);
}

/* --- registers --- */

static uint32_t fifo_read(DwMshc *s)
{
	uint8_t word[4] = { 0 };
	uint32_t n = MIN(4, s->left);

	if (!s->transfer || s->writing || uses_idmac(s))
		return 0;
	sdbus_read_data(&s->bus, word, n);
	s->left -= n;
	if (!s->left)
		transfer_end(s, INT_DTO);
	return ldl_le_p(word);
}

static void fifo_write(DwMshc *s, uint32_t value)
{
	uint8_t word[4];
	uint32_t n = MIN(4, s->left);

	if (!s->transfer || !s->writing || uses_idmac(s))
		return;
	stl_le_p(word, value);
	sdbus_write_data(&s->bus, word, n);
	s->left -= n;
	if (!s->left)
		transfer_end(s, INT_DTO);
}

static uint32_t status(const DwMshc *s)
{
	bool reading = s->transfer && !s->writing && !uses_idmac(s);
	uint32_t words = reading ? MIN(DIV_ROUND_UP(s->left, 4), FIFO_WORDS) : 0;
	bool busy = s->transfer && s->writing && uses_idmac(s);

	return words << 17 | (words ? 0 : BIT(2)) | (words == FIFO_WORDS ? BIT(3) : 0) | BIT(8) | (busy ? BIT(9) : 0);
}

static uint64_t mshc_read(void *opaque, hwaddr at, unsigned size)
{
	DwMshc *s = opaque;
	uint32_t value;

	if (at >= FIFO) {
		value = fifo_read(s);
		update_irq(s);
		return value;
	}
	switch (at) {
	case MINTSTS: return s->raised & R(INTMASK);
	case RINTSTS: return s->raised;
	case STATUS: return status(s);
	case CDETECT: return !sdbus_get_inserted(&s->bus);
	case WRTPRT: return sdbus_get_readonly(&s->bus);
	case VERID: return 0x5342290a;
	case HCON: return 0x00e41cc1;		/* 32-bit addresses and data */
	case IDSTS: return s->idmac_status;
	case DSCADDR: return s->desc;
	}
	return at < sizeof(s->reg) ? R(at) : 0;
}

static void control(DwMshc *s, uint32_t value)
{
	if (value & CTRL_RESET)
		s->raised = 0;
	if (value & (CTRL_RESET | CTRL_FIFO_RESET | CTRL_DMA_RESET)) {
		s->transfer = false;
		timer_del(s->timer);
	}
	R(CTRL) = value & ~(CTRL_RESET | CTRL_FIFO_RESET | CTRL_DMA_RESET);
}

static void mshc_write(void *opaque, hwaddr at, uint64_t value, unsigned size)
{
	DwMshc *s = opaque;

	switch (at) {
	case CTRL:
		control(s, value);
		break;
	case CMD:
		if (value & CMD_START)
			command(s, value);
		else
			R(CMD) = value;
		break;
	case RINTSTS:
		s->raised &= ~value;
		if (s->transfer && s->left && !uses_idmac(s))
			s->raised |= s->writing ? INT_TXDR : INT_RXDR;
		break;
	case IDSTS:
		s->idmac_status &= ~value;
		break;
	case BMOD:
		if (value & BMOD_RESET)
			s->idmac_status = 0;
		R(BMOD) = value & ~BMOD_RESET;
		break;
	case PLDMND:
		if (s->transfer && uses_idmac(s))
			idmac_run(s);
		break;
	default:
		if (at >= FIFO)
			fifo_write(s, value);
		else if (at < sizeof(s->reg))
			R(at) = value;
	}
	update_irq(s);
}

static const MemoryRegionOps mshc_ops = {
	.read = mshc_read,
	.write = mshc_write,
	.endianness = DEVICE_LITTLE_ENDIAN,
	.valid = { 1, 8 },
	.impl = { 4, 4 },
};

/* --- the card's coming and going --- */

#define TYPE_DW_MSHC_BUS "dw-mshc-sd-bus"

static void set_inserted(DeviceState *dev, bool inserted)
{
	DwMshc *s = DW_MSHC(dev);

	s->raised |= BIT(0);
	qemu_set_irq(s->card_detect, !inserted);
	update_irq(s);
}

static void mshc_bus_class_init(ObjectClass *class, void *data)
{
	SD_BUS_CLASS(class)->set_inserted = set_inserted;
}

static void mshc_reset(DeviceState *dev)
{
	DwMshc *s = DW_MSHC(dev);

	memset(s->reg, 0, sizeof(s->reg));
	R(FIFOTH) = (FIFO_WORDS - 1) << 16;
	s->raised = s->idmac_status = 0;
	s->transfer = false;
	s->card_clock = false;
	timer_del(s->timer);
	qemu_set_irq(s->card_detect, !sdbus_get_inserted(&s->bus));
	update_irq(s);
}

static void mshc_init(Object *object)
{
	DwMshc *s = DW_MSHC(object);

	object_property_add_uint32_ptr(object, "inject-status", &s->inject_status, OBJ_PROP_FLAG_READWRITE);
	object_property_add_uint32_ptr(object, "inject-command", &s->inject_command, OBJ_PROP_FLAG_READWRITE);
	object_property_add_uint32_ptr(object, "inject-skip", &s->inject_skip, OBJ_PROP_FLAG_READWRITE);
	object_property_add_uint32_ptr(object, "inject-count", &s->inject_count, OBJ_PROP_FLAG_READWRITE);
}

static void mshc_realize(DeviceState *dev, Error **errp)
{
	DwMshc *s = DW_MSHC(dev);

	memory_region_init_io(&s->io, OBJECT(s), &mshc_ops, s, TYPE_DW_MSHC, 0x10000);
	sysbus_init_mmio(SYS_BUS_DEVICE(s), &s->io);
	sysbus_init_irq(SYS_BUS_DEVICE(s), &s->irq);
	qdev_init_gpio_out_named(dev, &s->card_detect, "card-detect", 1);
	qbus_init(&s->bus, sizeof(s->bus), TYPE_DW_MSHC_BUS, dev, "sd-bus");
	s->timer = timer_new_ns(QEMU_CLOCK_VIRTUAL, timer_fired, s);
}

static void mshc_class_init(ObjectClass *class, void *data)
{
	DEVICE_CLASS(class)->realize = mshc_realize;
	device_class_set_legacy_reset(DEVICE_CLASS(class), mshc_reset);
}

static const TypeInfo mshc_types[] = {
	{ .name = TYPE_DW_MSHC, .parent = TYPE_SYS_BUS_DEVICE, .instance_size = sizeof(DwMshc),
	  .instance_init = mshc_init, .class_init = mshc_class_init },
	{ .name = TYPE_DW_MSHC_BUS, .parent = TYPE_SD_BUS, .instance_size = sizeof(SDBus),
	  .class_init = mshc_bus_class_init },
};
DEFINE_TYPES(mshc_types)
