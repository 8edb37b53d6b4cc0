/* SPDX-License-Identifier: MIT */
/*
 * The JH7110's watchdog: a counter goes down from LOAD twice, and resets the chip when it has
 * reached zero the second time. So LOAD is half the time-out.
 *
 * Firmware that has started it (U-Boot may) is followed: it goes on counting with our time-out
 * until somebody opens the device.
 *
 * Registers: U-Boot drivers/watchdog/starfive_wdt.c; Linux drivers/watchdog/starfive-wdt.c.
 */
#include <arch/io.h>
#include <drivers/core/provider.h>
#include <drivers/watchdog/watchdog.h>

enum {
	LOAD = 0x000, VALUE = 0x004, CONTROL = 0x008, INT_CLEAR = 0x00c, INT_RAW = 0x014, LOCK =
	0xc00,
};
#define CONTROL_COUNT	BIT(0)
#define CONTROL_RESET	BIT(1)
#define UNLOCK		0x1acce551
#define DEFAULT_HZ	24000000

struct jh7110_wdt {
	struct watchdog watchdog;
	/* Constant after probe. */
	volatile u8 *regs;
	u32 hz;
};

static struct jh7110_wdt *of(struct watchdog *w)
{
	return container_of(w, struct jh7110_wdt, watchdog);
}

static void wr(struct jh7110_wdt *j, u32 reg, u32 v)
{
	mmio_write32(j->regs + reg, v);
}

static void wdt_start(struct watchdog *w)
{
	struct jh7110_wdt *j = of(w);

	wr(j, LOCK, UNLOCK);
	wr(j, CONTROL, 0);
	wr(j, INT_CLEAR, 1);		/* the first of the two rounds */
	wr(j, LOAD, (u32)((u64)w->timeout_s * j->hz / 2));
	wr(j, CONTROL, CONTROL_COUNT | CONTROL_RESET);
	wr(j, LOCK, 0);
}

static void wdt_stop(struct watchdog *w)
{
	struct jh7110_wdt *j = of(w);

	wr(j, LOCK, UNLOCK);
	wr(j, CONTROL, 0);
	wr(j, LOCK, 0);
}

static u32 wdt_left(struct watchdog *w)
{
	struct jh7110_wdt *j = of(w);
	u64 left = mmio_read32(j->regs + VALUE);

	if (!(mmio_read32(j->regs + INT_RAW) & 1))
		left += (u64)w->timeout_s * j->hz / 2;
	return (u32)(left / j->hz);
}

static const struct watchdog_ops wdt_ops = { .start = wdt_start, .stop = wdt_stop, .left = wdt_left };

static int wdt_probe(struct device *dev)
{
	struct jh7110_wdt *j = dev_zalloc(dev, sizeof(*j));
	struct clk core;
	u64 size, hz = 0;
	int err = dev_enable(dev);

	if (!j)
		return -ENOMEM;
	if (err)
		return err;
	if (!dev_reg_phys(dev, 0, &size) || size < LOCK + 4)
		return -EINVAL;
	j->regs = dev_map_regs(dev, 0);
	if (!j->regs || !dev_answers(dev, j->regs + CONTROL, 4))
		return -ENODEV;
	err = clk_find(dev, "core", &core);
	if (err == -EPROBE_DEFER)
		return err;
	if (!err)
		hz = clk_rate(&core);
	j->hz = hz && hz <= U32_MAX ? (u32)hz : DEFAULT_HZ;
	j->watchdog.ops = &wdt_ops;
	j->watchdog.identity = "StarFive Watchdog";
	j->watchdog.max_timeout_s = (u32)(2ul * U32_MAX / j->hz);
	j->watchdog.timeout_s = dev_prop_u32(dev, "timeout-sec", 0);
	err = watchdog_register(&j->watchdog);
	if (!err && (mmio_read32(j->regs + CONTROL) & CONTROL_COUNT))
		wdt_start(&j->watchdog);
	return err;
}

static const char *const compatible[] = { "starfive,jh7110-wdt", NULL };

DRIVER(jh7110_wdt) = {
	.name = "jh7110-wdt",
	.stage = STAGE_DEVICE,
	.compatible = compatible,
	.probe = wdt_probe,
};
