/* SPDX-License-Identifier: MIT */
/*
 * The JH7110's temperature sensor: one register. It is powered up once; each reading runs one
 * conversion, some milliseconds.
 *
 * Source: Linux drivers/hwmon/sfctemp.c.
 */
#include <arch/io.h>
#include <drivers/core/provider.h>
#include <drivers/thermal/thermal.h>
#include <kernel/sched/sched.h>

#define OUT_OF_RESET	BIT(0)
#define POWER_DOWN	BIT(1)
#define RUN		BIT(2)
#define RESULT(v)	((v) >> 16 & 0xfff)
#define POWER_UP_NS	(100 * NS_PER_US)	/* 60 us are needed */
#define CONVERT_NS	(10 * NS_PER_MS)

struct jh7110_temp {
	struct thermal_zone zone;
	volatile u8 *reg;		/* constant after probe */
};

/* T = result * 237.5 / 4094 - 81.1, in C. */
static s32 millicelsius_of(u32 result)
{
	return (s32)(result * 237500 / 4094) - 81100;
}

static int temp_read(struct thermal_zone *z, s32 *millicelsius)
{
	struct jh7110_temp *t = container_of(z, struct jh7110_temp, zone);

	mmio_write32(t->reg, OUT_OF_RESET | RUN);
	thread_sleep_ns(CONVERT_NS);
	*millicelsius = millicelsius_of(RESULT(mmio_read32(t->reg)));
	mmio_write32(t->reg, OUT_OF_RESET);
	return 0;
}

static int temp_probe(struct device *dev)
{
	struct jh7110_temp *t = dev_zalloc(dev, sizeof(*t));
	int err = dev_enable(dev);

	if (!t)
		return -ENOMEM;
	if (err)
		return err;
	t->reg = dev_map_regs(dev, 0);
	if (!t->reg || !dev_answers(dev, t->reg, 4))
		return -ENODEV;
	mmio_write32(t->reg, POWER_DOWN);
	mmio_write32(t->reg, 0);
	thread_sleep_ns(POWER_UP_NS);
	mmio_write32(t->reg, OUT_OF_RESET);
	t->zone.read = temp_read;
	t->zone.type = "cpu-thermal";
	thermal_zone_register(&t->zone);
	return 0;
}

static const char *const compatible[] = { "starfive,jh7110-temp", NULL };

DRIVER(jh7110_temp) = {
	.name = "jh7110-temp",
	.stage = STAGE_DEVICE,
	.compatible = compatible,
	.probe = temp_probe,
};
