/* SPDX-License-Identifier: MIT */
#include <drivers/gpio/gpio.h>

#define GPIO_CELLS	3		/* controller, pin, flags */
#define GPIO_ACTIVE_LOW	BIT(0)

static LIST_HEAD(chips);		/* written by the boot thread; constant after */

void gpio_chip_add(struct gpio_chip *c)
{
	list_add_tail(&c->node, &chips);
	gpio_cdev_add(c);
}

static struct gpio_chip *chip_of(const struct device *dev)
{
	struct gpio_chip *c;

	list_for_each(c, &chips, node)
		if (c->dev == dev)
			return c;
	return NULL;
}

int gpio_find_of(int node, const char *prop, u32 index, struct gpio *out)
{
	u32 at = index * GPIO_CELLS;
	struct device *controller;

	if (tree_cells(node, prop) < at + GPIO_CELLS)
		return -ENOENT;
	controller = device_of_phandle(tree_cell(node, prop, at));
	out->chip = controller ? chip_of(controller) : NULL;
	if (!out->chip)
		return -EPROBE_DEFER;
	out->pin = tree_cell(node, prop, at + 1);
	out->active_low = tree_cell(node, prop, at + 2) & GPIO_ACTIVE_LOW;
	if (out->pin >= out->chip->nr_pins)
		return -EINVAL;
	out->chip->owners[out->pin] = prop;
	return 0;
}

int gpio_find(struct device *dev, const char *prop, u32 index, struct gpio *out)
{
	return gpio_find_of(dev->node, prop, index, out);
}

void gpio_output(struct gpio *g, bool active)
{
	g->chip->ops->output(g->chip, g->pin, active != g->active_low);
}

bool gpio_is_active(struct gpio *g)
{
	return g->chip->ops->input(g->chip, g->pin) != g->active_low;
}

bool gpio_level(struct gpio *g)
{
	return g->chip->ops->level(g->chip, g->pin) != g->active_low;
}

int gpio_watch(struct gpio *g, u32 edges, const struct gpio_watch *w)
{
	if (!g->chip->ops->watch)
		return -EOPNOTSUPP;
	WRITE_ONCE(g->chip->watches[g->pin], w);
	g->chip->ops->input(g->chip, g->pin);
	g->chip->ops->watch(g->chip, g->pin, edges);
	return 0;
}

void gpio_unwatch(struct gpio *g)
{
	g->chip->ops->watch(g->chip, g->pin, 0);
}

void gpio_edge(struct gpio_chip *c, u32 pin, u32 edge)
{
	const struct gpio_watch *w = READ_ONCE(c->watches[pin]);

	if (w)
		w->edge(w->arg, pin, edge);
}
