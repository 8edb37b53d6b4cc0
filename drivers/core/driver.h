/* SPDX-License-Identifier: MIT */
/*
 * Driver model: device-tree nodes become devices, drivers bind by compatible
 * string, stage by stage; a probe may be deferred (-EPROBE_DEFER) and is tried
 * again after others succeed. dev_* resources belong to the device and are
 * released by the core when probe fails: probe needs no unwinding. Design: device.c.
 */
#pragma once
#include <kernel/types.h>
#include <kernel/errno.h>
#include <kernel/irq/irq.h>
#include <kernel/mm/page.h>
#include <drivers/core/tree.h>

/* Only by the boot thread while probing; constant after, but for the last group. */
struct device {
	const char *name;		/* node name, unit address included */
	int node;			/* offset in the tree */
	struct tree_path path;
	const char *match;		/* the compatible string that matched */
	const struct driver *driver;
	bool bound;			/* probe has succeeded */
	void *priv;			/* the driver's */
	struct device *parent;		/* the nearest node above that is a device; NULL: none */
	struct list_head resources;	/* released last first */
	struct list_head link;
	/* What it can address. 32 bits unless probe says more; the driver may set it. */
	u64 dma_mask;
	bool dma_coherent;

	/* Guarded by bounce_lock. */
	struct spinlock bounce_lock;	/* RANK_LEAF, irq-safe */
	struct list_head bounces;	/* copies in use (dma.c) */
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
	/*
	 * Context: boot thread, may sleep, no locks. 0:
	 * the device is live; -errno: nothing is held.
	 */
	int (*probe)(struct device *dev);
	void (*shutdown)(struct device *dev);	/* before power-off and reboot; may be NULL */
};

/* Without the explicit alignment the compiler may pad the array's stride. */
#define DRIVER(id) \
	static const struct driver driver_##id \
	__attribute__((used, section("drivers"), aligned(_Alignof(struct driver))))

void drivers_probe(void);		/* every stage; boot thread */
void drivers_shutdown(void);		/* last bound first. Thread context */
const void *device_match(const struct device *dev);	/* the string that matched */
bool node_has_driver(int node);		/* whether one of ours matches it */
/* The bound device of a node that another refers to by phandle; NULL: not (yet) there. */
struct device *device_of_phandle(u32 phandle);

/* --- resources: released by the core, last first, when probe fails --- */
void *dev_zalloc(struct device *dev, size_t size);
/* Call fn(arg) at release. 0 or -ENOMEM: then fn has been called already. */
int __must_check dev_on_release(struct device *dev, void (*fn)(void *arg), void *arg);
void *dev_map_regs(struct device *dev, int index);	/* NULL: no such reg or no memory */
void *dev_ioremap(struct device *dev, paddr_t pa, size_t size);	/* a part of the registers */
/*
 * Is there what the tree says there is? Reads reg, of 1 or 4 bytes, which must be one that may be
 * read without effect; says so where nothing answers. Before a driver's first access.
 */
bool __must_check dev_answers(struct device *dev, const volatile void *reg, u32 bytes);
/*
 * Until the bits of a register are as wanted: 0, or -ETIMEDOUT. Turns: for times that are short, or
 * at boot. Any context.
 */
int mmio_wait32(const volatile void *reg, u32 bits, u32 wanted, u32 us);
int __must_check dev_request_irq(struct device *dev, int irq, irq_handler_t handler, void *arg);

/* --- properties --- */
paddr_t dev_reg_phys(struct device *dev, int index, u64 *size);	/* 0: no such reg */
int dev_irq(struct device *dev, int index);		/* number, or -ENXIO / -EPROBE_DEFER */
u32 dev_prop_u32(struct device *dev, const char *prop, u32 dflt);
u32 dev_prop_cells(struct device *dev, const char *prop);	/* how many */
u32 dev_prop_cell(struct device *dev, const char *prop, u32 index);
const char *dev_prop_string(struct device *dev, const char *prop);
bool dev_has_prop(struct device *dev, const char *prop);
/* Numbers of "interrupts" that have dev as their parent are irq_request()'s from now on. */
void dev_set_irq_controller(struct device *dev);
/*
 * Rate in Hz of the clock that "clocks" entry index
 * names, if fixed or the clock driver knows; 0: unknown.
 */
u64 dev_clock_hz(struct device *dev, u32 index);

/* --- DMA: bus addresses are physical ones. Design: dma.c --- */
enum dma_dir { DMA_TO_DEVICE, DMA_FROM_DEVICE, DMA_BOTH };
typedef u64 dma_addr_t;
/* Coherent, zeroed, page aligned, within dev's dma_mask. NULL: no memory. */
void *dma_alloc(struct device *dev, size_t size, dma_addr_t *dma, u32 gfp);
void dma_free(struct device *dev, void *p, size_t size, dma_addr_t dma);
/* a resource. Thread context */
void *dev_dma_alloc(struct device *dev, size_t size, dma_addr_t *dma);

#define DMA_ERROR	((dma_addr_t)~0ull)
dma_addr_t dma_map_slow(struct device *dev, struct page *page, u32 offset, u32 len,
			enum dma_dir dir);
void dma_unmap_slow(struct device *dev, dma_addr_t addr, u32 len, enum dma_dir dir);

/* [offset, offset+len) of page, possibly bounced; DMA_ERROR where not possible now. Any context. */
static inline dma_addr_t dma_map_page(struct device *dev, struct page *page, u32 offset, u32 len,
				      enum dma_dir dir)
{
	paddr_t pa = page_to_phys(page) + offset;

	if (likely(dev->dma_coherent && pa + len - 1 <= dev->dma_mask))
		return pa;
	return dma_map_slow(dev, page, offset, len, dir);
}

/* Unmapping is nothing to do, as there are no copies. */
static inline bool dma_unmaps_nothing(const struct device *dev)
{
	return likely(list_empty(&dev->bounces));
}

static inline void dma_unmap_page(struct device *dev, dma_addr_t addr, u32 len, enum dma_dir dir)
{
	if (!dma_unmaps_nothing(dev))
		dma_unmap_slow(dev, addr, len, dir);
}
