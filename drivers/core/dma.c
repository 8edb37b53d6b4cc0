/* SPDX-License-Identifier: MIT */
/*
 * DMA: memory that a device reads and writes.
 *
 * Bus addresses are physical addresses, and the devices of our boards see the
 * caches, so mapping a page is computing its address (driver.h, inline). What is
 * beyond a device's dma_mask is copied: into a bounce block below 4 GiB at map,
 * and back at unmap where the device has written.
 *
 * Limits: dma-ranges is not read. A device that does not see the caches
 * (dma-noncoherent) is refused memory: nobody knows yet how to write them back.
 * A dma_mask below 32 bits is served only where memory happens to lie within it.
 */
#include <drivers/core/driver.h>
#include <kernel/lib/string.h>

struct bounce {
	struct list_head node;		/* bounce_lock */
	struct page *page, *copy;	/* the owner's, and what the device sees */
	u32 offset, len;
	u32 order;
};

static u32 order_for(size_t size)
{
	u32 order = 0;

	while ((PAGE_SIZE << order) < size)
		order++;
	return order;
}

static u32 zone_for(const struct device *dev)
{
	return dev->dma_mask < U64_MAX >> 1 ? GFP_DMA32 : 0;
}

static bool is_reachable(const struct device *dev, const struct page *page, size_t size)
{
	return page_to_phys(page) + size - 1 <= dev->dma_mask;
}

void *dma_alloc(struct device *dev, size_t size, dma_addr_t *dma, u32 gfp)
{
	u32 order = order_for(size);
	struct page *page;

	if (!dev->dma_coherent || order > MAX_ORDER)
		return NULL;
	page = page_alloc_order(order, gfp | zone_for(dev));
	if (!page)
		return NULL;
	if (!is_reachable(dev, page, size)) {
		page_free_order(page, order);
		return NULL;
	}
	memset(page_address(page), 0, PAGE_SIZE << order);
	*dma = page_to_phys(page);
	return page_address(page);
}

void dma_free(struct device *dev, void *p, size_t size, dma_addr_t dma)
{
	page_free_order(virt_to_page(p), order_for(size));
}

struct held_dma {
	struct device *dev;
	void *p;
	size_t size;
	dma_addr_t dma;
};

static void release_dma(void *arg)
{
	struct held_dma *h = arg;

	dma_free(h->dev, h->p, h->size, h->dma);
	kfree(h);
}

void *dev_dma_alloc(struct device *dev, size_t size, dma_addr_t *dma)
{
	struct held_dma *h = kmalloc(sizeof(*h), GFP_KERNEL);
	void *p = h ? dma_alloc(dev, size, dma, GFP_KERNEL) : NULL;

	if (!p) {
		kfree(h);
		return NULL;
	}
	*h = (struct held_dma){ dev, p, size, *dma };
	return dev_on_release(dev, release_dma, h) ? NULL : p;
}

static struct bounce *bounce_new(struct device *dev, u32 len)
{
	struct bounce *b = kmalloc(sizeof(*b), GFP_ATOMIC | GFP_NOWARN);

	if (!b)
		return NULL;
	b->len = len;
	b->order = order_for(len);
	b->copy = b->order > MAX_ORDER ? NULL :
		page_alloc_order(b->order, GFP_ATOMIC | GFP_DMA32 | GFP_NOWARN);
	if (b->copy && is_reachable(dev, b->copy, len))
		return b;
	if (b->copy)
		page_free_order(b->copy, b->order);
	kfree(b);
	return NULL;
}

dma_addr_t dma_map_slow(struct device *dev, struct page *page, u32 offset, u32 len,
			enum dma_dir dir)
{
	struct bounce *b;
	u64 flags;

	if (!dev->dma_coherent)
		return DMA_ERROR;
	b = bounce_new(dev, len);
	if (!b)
		return DMA_ERROR;
	b->page = page;
	b->offset = offset;
	if (dir != DMA_FROM_DEVICE)
		memcpy(page_address(b->copy), (char *)page_address(page) + offset, len);
	flags = spin_lock_irqsave(&dev->bounce_lock);
	list_add(&b->node, &dev->bounces);
	spin_unlock_irqrestore(&dev->bounce_lock, flags);
	return page_to_phys(b->copy);
}

/* The bounce of a bus address, off the list; NULL: it was mapped directly. */
static struct bounce *bounce_take(struct device *dev, dma_addr_t addr)
{
	u64 flags = spin_lock_irqsave(&dev->bounce_lock);
	struct bounce *b, *found = NULL;

	list_for_each(b, &dev->bounces, node)
		if (page_to_phys(b->copy) == addr) {
			found = b;
			list_del(&b->node);
			break;
		}
	spin_unlock_irqrestore(&dev->bounce_lock, flags);
	return found;
}

void dma_unmap_slow(struct device *dev, dma_addr_t addr, u32 len, enum dma_dir dir)
{
	struct bounce *b = bounce_take(dev, addr);

	if (!b)
		return;
	if (dir != DMA_TO_DEVICE)
		memcpy((char *)page_address(b->page) + b->offset, page_address(b->copy), b->len);
	page_free_order(b->copy, b->order);
	kfree(b);
}
