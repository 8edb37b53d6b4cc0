/* SPDX-License-Identifier: MIT */
/*
 * Restart by a pin that resets the board. Binding: gpio-restart. The pin becomes an
 * output only when it is used, so that a pull resistor holds it until then.
 */
#include <arch/processor.h>
#include <arch/time.h>
#include <drivers/core/power.h>
#include <drivers/gpio/gpio.h>

#define DEFAULT_DELAY_MS	100

/* Constant after probe. */
struct gpio_restart {
	struct gpio pin;
	u32 active_ms, inactive_ms;
};

static void delay_ms(u32 ms)
{
	u64 end = arch_time_read() + (u64)arch_timebase_hz * ms / 1000;

	while (arch_time_read() < end)
		cpu_relax();
}

/* Drives the pin active, inactive, active: boards react to a level or to either edge. */
static void pull_reset(void *arg)
{
	struct gpio_restart *r = arg;

	gpio_output(&r->pin, true);
	delay_ms(r->active_ms);
	gpio_output(&r->pin, false);
	delay_ms(r->inactive_ms);
	gpio_output(&r->pin, true);
}

static int gpio_restart_probe(struct device *dev)
{
	struct gpio_restart *r = dev_zalloc(dev, sizeof(*r));
	int err;

	if (!r)
		return -ENOMEM;
	err = gpio_find(dev, "gpios", 0, &r->pin);
	if (err)
		return err;
	r->active_ms = dev_prop_u32(dev, "active-delay", DEFAULT_DELAY_MS);
	r->inactive_ms = dev_prop_u32(dev, "inactive-delay", DEFAULT_DELAY_MS);
	return power_handler_add(POWER_RESTART, pull_reset, r);
}

static const char *const compatible[] = { "gpio-restart", NULL };

DRIVER(gpio_restart) = {
	.name = "gpio-restart",
	.stage = STAGE_DEVICE,
	.compatible = compatible,
	.probe = gpio_restart_probe,
};
