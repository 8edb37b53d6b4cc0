/* SPDX-License-Identifier: MIT */
/*
 * Power off and restart by one write to a register of a system controller, as the
 * tree describes it. Bindings: syscon-poweroff, syscon-reboot.
 */
#include <arch/io.h>
#include <drivers/core/driver.h>
#include <drivers/core/power.h>
#include <kernel/lib/string.h>

/* Constant after probe. */
struct syscon_power {
	volatile u8 *reg;
	u32 value, mask;		/* bits to write, and which */
};

static void syscon_write(void *arg)
{
	struct syscon_power *s = arg;
	u32 old = s->mask == U32_MAX ? 0 : mmio_read32(s->reg);

	mmio_write32(s->reg, (old & ~s->mask) | (s->value & s->mask));
}

/* The register's address: the controller is another node, which needs no driver for this. */
static paddr_t find_register(struct device *dev)
{
	int node = tree_phandle_node(dev_prop_u32(dev, "regmap", 0));
	u32 offset = dev_prop_u32(dev, "offset", dev_prop_u32(dev, "reg", 0));
	struct tree_path path;
	paddr_t base;
	u64 size;

	if (node < 0 || !tree_path_to(node, &path) || tree_reg(&path, 0, &base, &size))
		return 0;
	return size >= 4 && offset <= size - 4 ? base + offset : 0;
}

static int syscon_probe(struct device *dev)
{
	struct syscon_power *s = dev_zalloc(dev, sizeof(*s));
	paddr_t pa = find_register(dev);
	bool has_value = dev_has_prop(dev, "value");

	if (!s)
		return -ENOMEM;
	if (!pa || (!has_value && !dev_has_prop(dev, "mask")))
		return -EINVAL;
	/* Old trees have only a mask, which is the value. */
	s->value = dev_prop_u32(dev, "value", dev_prop_u32(dev, "mask", 0));
	s->mask = has_value ? dev_prop_u32(dev, "mask", U32_MAX) : U32_MAX;
	s->reg = dev_ioremap(dev, pa, 4);
	if (!s->reg)
		return -ENOMEM;
	if (!dev_answers(dev, s->reg, 4))
		return -ENODEV;
	return power_handler_add(strcmp(device_match(dev), "syscon-reboot") ? POWER_OFF : POWER_RESTART,
				 syscon_write, s);
}

static const char *const compatible[] = { "syscon-poweroff", "syscon-reboot", NULL };

DRIVER(syscon_power) = {
	.name = "syscon-power",
	.stage = STAGE_DEVICE,
	.compatible = compatible,
	.probe = syscon_probe,
};
