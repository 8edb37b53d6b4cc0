/* SPDX-License-Identifier: MIT */
/*
 * Driver model: device-tree nodes become devices, drivers bind by compatible
 * string, stage by stage; a probe may be deferred (-EPROBE_DEFER) and is tried
 * again after others succeed. dev_* resources belong to the device and are
 * released by the core when probe fails or the device goes: probe needs no
 * unwinding.
 */
#pragma once
#include <kernel/types.h>
#include <kernel/errno.h>
#include <kernel/irq/irq.h>

struct page;

struct device {
	const char *name;		/* node name, unit address included */
	int node;			/* offset in the tree */
	const struct driver *driver;
	void *priv;
	struct device *parent;
	struct list_head resources;
	struct list_head node_link;
	u64 dma_mask;
	bool dma_coherent;
};

enum driver_stage {
	STAGE_IRQCHIP,		/* PLIC: before any other device may take an interrupt */
	STAGE_CLOCK,		/* clock, reset and power controllers */
	STAGE_DEVICE,		/* everything else */
	NR_STAGES,
};

struct driver {
	const char *name;
	enum driver_stage stage;
	const char *const *compatible;		/* ends with NULL */
	/* Context: boot thread, may sleep, no locks. 0: the device is live; -errno: nothing is held. */
	int (*probe)(struct device *dev);
	void (*shutdown)(struct device *dev);	/* before power-off and reboot; may be NULL */
};

/* Without the explicit alignment the compiler may pad the array's stride. */
#define DRIVER(id) \
	static const struct driver driver_##id \
	__attribute__((used, section("drivers"), aligned(_Alignof(struct driver))))

void drivers_probe(void);		/* every stage; boot thread */
void drivers_shutdown(void);
const void *device_match(const struct device *dev);	/* the string that matched */

void *dev_zalloc(struct device *dev, size_t size);
void *dev_map_regs(struct device *dev, int index);	/* NULL: no such reg or no memory */
paddr_t dev_reg_phys(struct device *dev, int index, u64 *size);
int dev_irq(struct device *dev, int index);		/* number, or -ENXIO / -EPROBE_DEFER */
int __must_check dev_request_irq(struct device *dev, int irq, irq_handler_t handler, void *arg);
u32 dev_prop_u32(struct device *dev, const char *prop, u32 dflt);
const char *dev_prop_string(struct device *dev, const char *prop);
bool dev_has_prop(struct device *dev, const char *prop);

/* --- DMA --- */
enum dma_dir { DMA_TO_DEVICE, DMA_FROM_DEVICE, DMA_BOTH };
typedef u64 dma_addr_t;
void *dma_alloc(struct device *dev, size_t size, dma_addr_t *dma, u32 gfp);	/* coherent, zeroed, page aligned */
void dma_free(struct device *dev, void *p, size_t size, dma_addr_t dma);
/* [offset, offset+len) of page, possibly bounced; DMA_ERROR where not possible. Any context. */
#define DMA_ERROR	((dma_addr_t)~0ull)
dma_addr_t dma_map_page(struct device *dev, struct page *page, u32 offset, u32 len, enum dma_dir dir);
void dma_unmap_page(struct device *dev, dma_addr_t addr, u32 len, enum dma_dir dir);
