/* SPDX-License-Identifier: MIT */
/*
 * Clocks, reset lines and pin functions, from the device that has them to the one
 * that needs them.
 *
 * The tree names what a device needs by pairs of provider and number; a provider is
 * a device whose driver has added a chip here. dev_enable() does the whole of it in
 * the order the hardware wants: pins, rates, clocks, resets. It is called by drivers
 * whose device may be off, at the start of their probe.
 *
 * A provider that no driver of ours matches is left alone: firmware used the device,
 * or a stock machine has no such hardware. One that has a driver and is not bound yet
 * defers the probe.
 *
 * There is no counting and nothing is turned off again. Limit: a clock or line that was
 * turned on stays on. Entries have one number each (#clock-cells and #reset-cells 1),
 * or none for fixed clocks.
 */
#include <arch/paging.h>
#include <drivers/core/provider.h>
#include <kernel/lib/string.h>
#include <libfdt.h>

static LIST_HEAD(clk_chips);
static LIST_HEAD(reset_chips);
static LIST_HEAD(pin_chips);

void clk_chip_add(struct clk_chip *c)		{ list_add_tail(&c->node, &clk_chips); }
void reset_chip_add(struct reset_chip *c)	{ list_add_tail(&c->node, &reset_chips); }
void pin_chip_add(struct pin_chip *c)		{ list_add_tail(&c->node, &pin_chips); }

static struct clk_chip *clk_chip_of(const struct device *dev)
{
	struct clk_chip *c;

	list_for_each(c, &clk_chips, node)
		if (c->dev == dev)
			return c;
	return NULL;
}

static struct reset_chip *reset_chip_of(const struct device *dev)
{
	struct reset_chip *c;

	list_for_each(c, &reset_chips, node)
		if (c->dev == dev)
			return c;
	return NULL;
}

static struct pin_chip *pin_chip_of(const struct device *dev)
{
	struct pin_chip *c;

	list_for_each(c, &pin_chips, node)
		if (c->dev == dev)
			return c;
	return NULL;
}

/* The bound device behind a phandle. 0 with NULL: nobody will ever drive it. */
static int provider_of(u32 phandle, struct device **out)
{
	int node = tree_phandle_node(phandle);

	*out = device_of_phandle(phandle);
	if (node < 0)
		return -EINVAL;
	return *out || !node_has_driver(node) ? 0 : -EPROBE_DEFER;
}

/*
 * Entry *at of a property of (provider, number) pairs; *at moves to the next one. 0 with
 * *dev NULL: nobody provides it.
 */
static int next_entry(struct device *dev, const char *prop, const char *cells, u32 *at,
		      struct device **provider, u32 *id)
{
	u32 phandle = dev_prop_cell(dev, prop, *at);
	int node = tree_phandle_node(phandle);
	u32 count = node < 0 ? 0 : tree_cell(node, cells, 0);

	if (node < 0 || count > 1)
		return -EINVAL;
	*id = count ? dev_prop_cell(dev, prop, *at + 1) : 0;
	*at += 1 + count;
	return provider_of(phandle, provider);
}

/* --- clocks --- */

/* The clock at *at of a property; chip NULL: nobody provides it. */
static int next_clock(struct device *dev, const char *prop, u32 *at, struct clk *out)
{
	struct device *provider;
	int err = next_entry(dev, prop, "#clock-cells", at, &provider, &out->id);

	out->chip = err || !provider ? NULL : clk_chip_of(provider);
	if (out->chip && out->id >= out->chip->nr)
		return -EINVAL;
	return err;
}

/* The next entry of assigned-clock-parents; a 0 there stands for none. */
static int set_assigned_parent(struct device *dev, const struct clk *clk, u32 *at)
{
	struct clk parent;
	int err;

	if (*at >= dev_prop_cells(dev, "assigned-clock-parents"))
		return 0;
	if (!dev_prop_cell(dev, "assigned-clock-parents", *at)) {
		(*at)++;
		return 0;
	}
	err = next_clock(dev, "assigned-clock-parents", at, &parent);
	if (err || !parent.chip || !clk->chip || !clk->chip->ops->set_parent)
		return err;
	return clk->chip->ops->set_parent(clk->chip, clk->id, &parent);
}

static int set_assigned_clocks(struct device *dev)
{
	u32 cells = dev_prop_cells(dev, "assigned-clocks"), at = 0, parent_at = 0;

	for (u32 i = 0; at < cells; i++) {
		u64 hz = dev_prop_cell(dev, "assigned-clock-rates", i);
		struct clk clk;
		int err = next_clock(dev, "assigned-clocks", &at, &clk);

		if (!err)
			err = set_assigned_parent(dev, &clk, &parent_at);
		if (!err && hz && clk.chip && clk.chip->ops->set_rate)
			err = clk.chip->ops->set_rate(clk.chip, clk.id, hz);
		if (err)
			return err;
	}
	return 0;
}

static int enable_clocks(struct device *dev)
{
	u32 cells = dev_prop_cells(dev, "clocks"), at = 0;

	while (at < cells) {
		struct clk clk;
		int err = next_clock(dev, "clocks", &at, &clk);

		if (err)
			return err;
		if (clk.chip)
			clk.chip->ops->enable(clk.chip, clk.id);
	}
	return 0;
}

/* The index of a name in a list of strings; -ENOENT: not there. */
static int name_index(struct device *dev, const char *prop, const char *name)
{
	int index = fdt_stringlist_search(boot_fdt, dev->node, prop, name);

	return index < 0 ? -ENOENT : index;
}

int clk_at(struct device *dev, u32 index, struct clk *out)
{
	u32 cells = dev_prop_cells(dev, "clocks"), at = 0;
	int err = 0;

	*out = (struct clk){ 0 };
	for (u32 i = 0; i <= index && !err; i++)
		err = at < cells ? next_clock(dev, "clocks", &at, out) : -ENOENT;
	return err;
}

int clk_find(struct device *dev, const char *name, struct clk *out)
{
	int index = name_index(dev, "clock-names", name);

	*out = (struct clk){ 0 };
	return index < 0 ? index : clk_at(dev, (u32)index, out);
}

u64 clk_rate(const struct clk *c)
{
	return c->chip ? c->chip->ops->rate(c->chip, c->id) : 0;
}

/* --- reset lines --- */

static int release_resets(struct device *dev)
{
	u32 cells = dev_prop_cells(dev, "resets"), at = 0, id;

	while (at < cells) {
		struct device *provider;
		struct reset_chip *chip;
		int err = next_entry(dev, "resets", "#reset-cells", &at, &provider, &id);

		chip = err || !provider ? NULL : reset_chip_of(provider);
		if (!err && chip)
			err = id < chip->nr ? chip->ops->release(chip, id) : -EINVAL;
		if (err)
			return err;
	}
	return 0;
}

/* --- pins --- */

/* A state's node stands below its controller's. */
static int apply_pins(struct device *dev)
{
	u32 cells = dev_prop_cells(dev, "pinctrl-0");

	for (u32 i = 0; i < cells; i++) {
		int node = tree_phandle_node(dev_prop_cell(dev, "pinctrl-0", i));
		int controller = node < 0 ? node : fdt_parent_offset(boot_fdt, node);
		struct device *provider;
		struct pin_chip *chip;
		int err;

		if (controller < 0)
			return -EINVAL;
		if (!node_has_driver(controller))
			continue;
		err = provider_of(fdt_get_phandle(boot_fdt, controller), &provider);
		chip = err ? NULL : pin_chip_of(provider);
		if (!err && chip)
			err = chip->ops->apply(chip, node);
		if (err)
			return err;
	}
	return 0;
}

int dev_enable(struct device *dev)
{
	int err = apply_pins(dev);

	if (!err)
		err = set_assigned_clocks(dev);
	if (!err)
		err = enable_clocks(dev);
	return err ? err : release_resets(dev);
}

/* --- CPUs --- */

u64 cpu_clock_hz(u64 hart)
{
	int node = tree_hart_node(hart);
	struct device cpu = { .node = node };
	struct clk clk;

	if (node < 0)
		return 0;
	if (!clk_at(&cpu, 0, &clk) && clk.chip)
		return clk_rate(&clk);
	return tree_cell(node, "clock-frequency", 0);
}
