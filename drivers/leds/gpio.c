/* SPDX-License-Identifier: MIT */
/*
 * LEDs on pins. Bindings: gpio-leds, leds/common. A name is the tree's label, or its color and function, or the
 * node's. Off when the machine ends.
 */
#include <arch/paging.h>
#include <drivers/gpio/gpio.h>
#include <drivers/leds/leds.h>
#include <kernel/lib/string.h>
#include <libfdt.h>

struct gpio_led {
	struct led led;
	struct gpio pin;		/* constant after probe */
};

struct gpio_leds {
	u32 nr;
	struct gpio_led leds[];
};

static void set(struct led *l, bool on)
{
	gpio_output(&container_of(l, struct gpio_led, led)->pin, on);
}

/* dt-bindings/leds/common.h: LED_COLOR_ID_*. */
static const char *const colors[] = {
	"white", "red", "green", "blue", "amber", "violet", "yellow", "ir", "multicolor", "rgb", "purple", "orange",
	"pink", "cyan", "lime",
};

static void choose_name(char *name, size_t size, int node)
{
	const char *label = tree_string(node, "label"), *function = tree_string(node, "function");
	u32 color = tree_cell(node, "color", 0);
	bool has_color = tree_cells(node, "color") && color < ARRAY_SIZE(colors);

	if (label)
		strscpy(name, label, size);
	else if (has_color || function)
		snprintf(name, size, "%s:%s", has_color ? colors[color] : "", function ? function : "");
	else
		strscpy(name, fdt_get_name(boot_fdt, node, NULL), size);
}

/* Cannot fail: an LED is for ever. */
static void led_create(struct gpio_led *g, int node)
{
	const char *state = tree_string(node, "default-state");
	bool on = state && (!strcmp(state, "on") || (!strcmp(state, "keep") && gpio_level(&g->pin)));

	choose_name(g->led.sys.name, sizeof(g->led.sys.name), node);
	g->pin.chip->owners[g->pin.pin] = g->led.sys.name;
	g->led.set = set;
	g->led.brightness = on;
	gpio_output(&g->pin, on);
	led_register(&g->led, tree_string(node, "linux,default-trigger"));
}

static int gpio_leds_probe(struct device *dev)
{
	struct gpio_leds *all;
	int node, err = 0;
	u32 nr = 0, i = 0;

	fdt_for_each_subnode(node, boot_fdt, dev->node)
		nr++;
	all = dev_zalloc(dev, sizeof(*all) + nr * sizeof(all->leds[0]));
	if (!all)
		return -ENOMEM;
	all->nr = nr;
	dev->priv = all;
	fdt_for_each_subnode(node, boot_fdt, dev->node)
		err = err ? err : gpio_find_of(node, "gpios", 0, &all->leds[i++].pin);
	if (err)
		return err;
	i = 0;
	fdt_for_each_subnode(node, boot_fdt, dev->node) {
		led_create(&all->leds[i++], node);
	}
	return 0;
}

static void gpio_leds_shutdown(struct device *dev)
{
	struct gpio_leds *all = dev->priv;

	for (u32 i = 0; i < all->nr; i++)
		led_off(&all->leds[i].led);
}

static const char *const compatible[] = { "gpio-leds", NULL };

DRIVER(gpio_leds) = {
	.name = "gpio-leds",
	.stage = STAGE_DEVICE,
	.compatible = compatible,
	.probe = gpio_leds_probe,
	.shutdown = gpio_leds_shutdown,
};
