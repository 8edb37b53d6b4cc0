/* SPDX-License-Identifier: MIT */
#include <drivers/gpio/gpio.h>

#define GPIO_CELLS	3		/* controller, pin, flags */
#define GPIO_ACTIVE_LOW	BIT(0)

static LIST_HEAD(chips);		/* written by the boot thread; constant after */

void gpio_chip_add(struct gpio_chip *c)
{
	list_add_tail(&c->node, &chips);
}

static struct gpio_chip *chip_of(const struct device *dev)
{
	struct gpio_chip *c;

	list_for_each(c, &chips, node)
		if (c->dev == dev)
			return c;
	return NULL;
}

int gpio_find(struct device *dev, const char *prop, u32 index, struct gpio *out)
{
	u32 at = index * GPIO_CELLS;
	struct device *controller;

	if (dev_prop_cells(dev, prop) < at + GPIO_CELLS)
		return -ENOENT;
	controller = device_of_phandle(dev_prop_cell(dev, prop, at));
	out->chip = controller ? chip_of(controller) : NULL;
	if (!out->chip)
		return -EPROBE_DEFER;
	out->pin = dev_prop_cell(dev, prop, at + 1);
	out->active_low = dev_prop_cell(dev, prop, at + 2) & GPIO_ACTIVE_LOW;
	return out->pin < out->chip->nr_pins ? 0 : -EINVAL;
}

void gpio_output(struct gpio *g, bool active)
{
	g->chip->ops->output(g->chip, g->pin, active != g->active_low);
}

bool gpio_is_active(struct gpio *g)
{
	return g->chip->ops->input(g->chip, g->pin) != g->active_low;
}
