/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * JH7110 clock and reset generators: SYSCRG, STGCRG, AONCRG.
 *
 * A clock is a word: bit 31 lets it run, 29:24 choose its parent, 23:0 divide it.
 * Reset lines are bits, 1 asserts; the status words tell 1 where a line is
 * released. What hangs on a clock or line is told of every change and looks for
 * itself: the machine takes the registers of a device off the bus while it has no
 * clock or is held in reset.
 *
 * Not modelled: rates, and clocks that stop because their parent does.
 */
#include "qemu/osdep.h"
#include "hw/qdev-properties.h"
#include "jh7110.h"

#define CLOCK_ON	(1u << 31)

bool jh7110_clock_is_on(const JhCrg *crg, unsigned id)
{
	return crg->reg[id] & CLOCK_ON;
}

bool jh7110_reset_is_released(const JhCrg *crg, unsigned id)
{
	return !(crg->reg[crg->assert_at / 4 + id / 32] >> (id % 32) & 1);
}

void jh7110_clock_start(JhCrg *crg, unsigned id)
{
	crg->reg[id] |= CLOCK_ON;
}

void jh7110_clock_set(JhCrg *crg, unsigned id, unsigned parent, unsigned divider)
{
	crg->reg[id] = (crg->reg[id] & CLOCK_ON) | parent << 24 | divider;
}

void jh7110_reset_set(JhCrg *crg, unsigned id, bool asserted)
{
	uint32_t *word = &crg->reg[crg->assert_at / 4 + id / 32];

	*word = asserted ? *word | 1u << (id % 32) : *word & ~(1u << (id % 32));
}

static uint64_t crg_read(void *opaque, hwaddr at, unsigned size)
{
	JhCrg *crg = opaque;
	uint32_t first = crg->status_at;

	if (at >= 4 * CRG_WORDS)
		return 0;
	if (at >= first && at < first + 4 * crg->reset_words)
		return ~crg->reg[(crg->assert_at + at - first) / 4];
	return crg->reg[at / 4];
}

static void crg_write(void *opaque, hwaddr at, uint64_t value, unsigned size)
{
	JhCrg *crg = opaque;
	uint32_t first = crg->status_at;

	if (at >= 4 * CRG_WORDS || (at >= first && at < first + 4 * crg->reset_words))
		return;
	crg->reg[at / 4] = value;
	notifier_list_notify(&crg->changed, crg);
}

static const MemoryRegionOps crg_ops = {
	.read = crg_read,
	.write = crg_write,
	.endianness = DEVICE_LITTLE_ENDIAN,
	.valid = { 4, 4 },
	.impl = { 4, 4 },
};

static void crg_realize(DeviceState *dev, Error **errp)
{
	JhCrg *crg = JH7110_CRG(dev);

	memory_region_init_io(&crg->io, OBJECT(crg), &crg_ops, crg, TYPE_JH7110_CRG, 0x10000);
	sysbus_init_mmio(SYS_BUS_DEVICE(crg), &crg->io);
	notifier_list_init(&crg->changed);
}

static const Property crg_properties[] = {
	DEFINE_PROP_UINT32("assert-at", JhCrg, assert_at, 0),
	DEFINE_PROP_UINT32("status-at", JhCrg, status_at, 0),
	DEFINE_PROP_UINT32("reset-words", JhCrg, reset_words, 1),
};

static void crg_class_init(ObjectClass *class, void *data)
{
	DEVICE_CLASS(class)->realize = crg_realize;
	device_class_set_props(DEVICE_CLASS(class), crg_properties);
}

static const TypeInfo crg_types[] = {
	{ .name = TYPE_JH7110_CRG, .parent = TYPE_SYS_BUS_DEVICE, .instance_size = sizeof(JhCrg),
	  .class_init = crg_class_init },
};
DEFINE_TYPES(crg_types)
