/* SPDX-License-Identifier: MIT */
/*
 * From the device tree to bound drivers.
 *
 * One walk finds the nodes that some driver names in its compatible list and
 * makes a device of each; other nodes cost nothing. A device's parent is the
 * nearest device above it, so that a card slot finds its controller and a
 * controller its bus.
 *
 * Stages are probed in order, a stage again and again while that binds anything:
 * a driver that needs another says -EPROBE_DEFER, and so does the core for a
 * device whose parent is not bound. What is left at the end is told.
 *
 * States of a device:
 *   found -> bound		probe() returned 0
 *   found -> found		-EPROBE_DEFER: resources released, tried again
 *   found -> refused		any other error: driver is NULL
 *
 * Resources are records on the device's list, newest first, each with the function
 * that undoes it: failing is releasing them in that order.
 *
 * Everything here runs in the boot thread and needs no lock. Limit: no device is
 * found later or goes away.
 */
#include <arch/io.h>
#include <arch/paging.h>
#include <drivers/core/driver.h>
#include <kernel/lib/string.h>
#include <kernel/printk.h>
#include <libfdt.h>

struct resource {
	struct list_head node;
	void (*release)(void *arg);
	void *arg;
};

extern const struct driver __drivers_start[], __drivers_end[];	/* linker script */

static LIST_HEAD(devices);		/* in the tree's order */
static LIST_HEAD(bound_devices);	/* last bound first */
static u32 irq_controller_phandle;

/* --- finding --- */

static const struct driver *driver_for(const char *compatible)
{
	for (const struct driver *d = __drivers_start; d < __drivers_end; d++)
		for (const char *const *c = d->compatible; *c; c++)
			if (!strcmp(*c, compatible))
				return d;
	return NULL;
}

/* The node's strings go from the most special to the most general. */
static const struct driver *driver_of_node(int node, const char **match)
{
	int len;
	const char *c = fdt_getprop(boot_fdt, node, "compatible", &len);

	while (c && len > 0) {
		size_t n = strnlen(c, (size_t)len);
		const struct driver *d = n < (size_t)len ? driver_for(c) : NULL;

		if (d) {
			*match = c;
			return d;
		}
		c += n + 1;
		len -= (int)n + 1;
	}
	return NULL;
}

bool node_has_driver(int node)
{
	const char *match;

	return tree_is_okay(node) && driver_of_node(node, &match);
}

static struct device *device_add(const struct tree_path *path, struct device *parent,
				 const struct driver *driver, const char *match)
{
	struct device *dev = kzalloc(sizeof(*dev), GFP_KERNEL);

	if (!dev) {
		pr_err("%s: no memory\n", match);
		return NULL;
	}
	dev->path = *path;
	dev->node = path->node[path->depth];
	dev->name = fdt_get_name(boot_fdt, dev->node, NULL);
	dev->driver = driver;
	dev->match = match;
	dev->parent = parent;
	dev->dma_mask = U32_MAX;
	dev->dma_coherent = !tree_inherits(path, "dma-noncoherent");
	spin_lock_init(&dev->bounce_lock, RANK_LEAF);
	list_init(&dev->bounces);
	list_init(&dev->resources);
	list_add_tail(&dev->link, &devices);
	return dev;
}

/* The children of path's node. Depth is bounded by TREE_DEPTH. */
static void find_devices(struct tree_path *path, struct device *parent)
{
	int node;

	if (path->depth + 1 == TREE_DEPTH)
		return;
	path->depth++;
	fdt_for_each_subnode(node, boot_fdt, path->node[path->depth - 1]) {
		const struct driver *driver;
		struct device *dev = NULL;
		const char *match;

		path->node[path->depth] = node;
		if (!tree_is_okay(node))
			continue;
		driver = driver_of_node(node, &match);
		if (driver)
			dev = device_add(path, parent, driver, match);
		find_devices(path, dev ? dev : parent);
	}
	path->depth--;
}

/* --- binding --- */

static void release_resources(struct device *dev)
{
	struct resource *r, *next;

	list_for_each_safe(r, next, &dev->resources, node) {
		r->release(r->arg);
		kfree(r);
	}
	list_init(&dev->resources);
}

/* True: bound. */
static bool try_probe(struct device *dev)
{
	int err = dev->parent && !dev->parent->bound ? -EPROBE_DEFER : dev->driver->probe(dev);

	if (!err) {
		dev->bound = true;
		list_move(&dev->link, &bound_devices);
		return true;
	}
	release_resources(dev);
	if (err == -EPROBE_DEFER)
		return false;
	/* -ENODEV: an empty slot, nothing to tell. */
	if (err != -ENODEV)
		pr_err("%s: %s: error %d\n", dev->name, dev->driver->name, -err);
	dev->driver = NULL;
	return false;
}

/* Every device of this stage and earlier ones that waits. True: something was bound. */
static bool probe_round(enum driver_stage stage)
{
	struct device *dev, *next;
	bool progress = false;

	list_for_each_safe(dev, next, &devices, link)
		if (dev->driver && dev->driver->stage <= stage)
			progress |= try_probe(dev);
	return progress;
}

static bool is_waiting(const struct device *dev)
{
	return dev->driver && !(dev->parent && !dev->parent->driver);
}

void drivers_probe(void)
{
	struct tree_path root = { .node = { 0 }, .depth = 0 };
	struct device *dev;

	find_devices(&root, NULL);
	for (u32 stage = 0; stage < NR_STAGES; stage++)
		while (probe_round(stage))
			;
	list_for_each(dev, &devices, link)
		if (is_waiting(dev))
			pr_warn("%s: %s: waits for a device that is not there\n", dev->name,
				dev->driver->name);
}

void drivers_shutdown(void)
{
	struct device *dev;

	list_for_each(dev, &bound_devices, link)
		if (dev->driver->shutdown)
			dev->driver->shutdown(dev);
}

const void *device_match(const struct device *dev)
{
	return dev->match;
}

struct device *device_of_phandle(u32 phandle)
{
	struct device *dev;

	if (!phandle)
		return NULL;
	list_for_each(dev, &bound_devices, link)
		if (fdt_get_phandle(boot_fdt, dev->node) == phandle)
			return dev;
	return NULL;
}

/* --- resources --- */

int dev_on_release(struct device *dev, void (*fn)(void *arg), void *arg)
{
	struct resource *r = kmalloc(sizeof(*r), GFP_KERNEL);

	if (!r) {
		fn(arg);
		return -ENOMEM;
	}
	r->release = fn;
	r->arg = arg;
	list_add(&r->node, &dev->resources);
	return 0;
}

static void release_memory(void *p)
{
	kfree(p);
}

void *dev_zalloc(struct device *dev, size_t size)
{
	void *p = kzalloc(size, GFP_KERNEL);

	return p && !dev_on_release(dev, release_memory, p) ? p : NULL;
}

void *dev_ioremap(struct device *dev, paddr_t pa, size_t size)
{
	void *p = ioremap(pa, size);

	return p && !dev_on_release(dev, iounmap, p) ? p : NULL;
}

void *dev_map_regs(struct device *dev, int index)
{
	u64 size;
	paddr_t pa = dev_reg_phys(dev, index, &size);

	/* A tree that is damaged, not a device: registers are words. */
	if (!pa || !size || pa % sizeof(u32) || pa + size < pa)
		return NULL;
	return dev_ioremap(dev, pa, size);
}

bool dev_answers(struct device *dev, const volatile void *reg, u32 bytes)
{
	if (likely(mmio_answers(reg, bytes)))
		return true;
	pr_err("%s: nothing answers where the device tree says it is\n", dev->name);
	return false;
}

struct held_irq {
	u32 irq;
	void *arg;
};

static void release_irq(void *p)
{
	struct held_irq *h = p;

	irq_free(h->irq, h->arg);
	kfree(h);
}

int dev_request_irq(struct device *dev, int irq, irq_handler_t handler, void *arg)
{
	struct held_irq *h;
	int err;

	if (irq < 0)
		return irq;
	h = kmalloc(sizeof(*h), GFP_KERNEL);
	if (!h)
		return -ENOMEM;
	*h = (struct held_irq){ (u32)irq, arg };
	err = irq_request((u32)irq, dev->name, handler, arg);
	if (err) {
		kfree(h);
		return err;
	}
	return dev_on_release(dev, release_irq, h);
}

/* --- properties --- */

paddr_t dev_reg_phys(struct device *dev, int index, u64 *size)
{
	paddr_t pa;

	return tree_reg(&dev->path, (u32)index, &pa, size) ? 0 : pa;
}

void dev_set_irq_controller(struct device *dev)
{
	irq_controller_phandle = fdt_get_phandle(boot_fdt, dev->node);
}

/*
 * Of the two ways to say it: "interrupts" of an inherited parent, or pairs of
 * parent and number. Limit: parents other than the one controller, such as GPIO
 * pins, are not supported: -EPROBE_DEFER for ever.
 */
int dev_irq(struct device *dev, int index)
{
	u32 i = (u32)index, parent, irq;

	if (dev_has_prop(dev, "interrupts-extended")) {
		parent = dev_prop_cell(dev, "interrupts-extended", 2 * i);
		irq = dev_prop_cell(dev, "interrupts-extended", 2 * i + 1);
	} else {
		parent = tree_inherited_cell(&dev->path, "interrupt-parent");
		irq = dev_prop_cell(dev, "interrupts", i);
	}
	if (!irq)
		return -ENXIO;
	return irq_controller_phandle && parent == irq_controller_phandle ? (int)irq : -EPROBE_DEFER;
}

u32 dev_prop_u32(struct device *dev, const char *prop, u32 dflt)
{
	return tree_cells(dev->node, prop) ? tree_cell(dev->node, prop, 0) : dflt;
}

u32 dev_prop_cells(struct device *dev, const char *prop)
{
	return tree_cells(dev->node, prop);
}

u32 dev_prop_cell(struct device *dev, const char *prop, u32 index)
{
	return tree_cell(dev->node, prop, index);
}

const char *dev_prop_string(struct device *dev, const char *prop)
{
	return tree_string(dev->node, prop);
}

bool dev_has_prop(struct device *dev, const char *prop)
{
	return fdt_getprop(boot_fdt, dev->node, prop, NULL);
}

/* Limit: only fixed clocks, and entries of one cell with a parent of no cells. */
u64 dev_clock_hz(struct device *dev, u32 index)
{
	int node = tree_phandle_node(dev_prop_cell(dev, "clocks", index));

	return node < 0 ? 0 : tree_cell(node, "clock-frequency", 0);
}
