/* SPDX-License-Identifier: MIT */
/*
 * kmalloc: objects of any size from a row of caches, larger ones from the buddy
 * allocator. kfree() tells them apart by PG_SLAB of the object's page.
 */
#include <kernel/mm/slab.h>
#include <kernel/mm/counts.h>
#include <kernel/lib/bitmap.h>
#include <kernel/lib/string.h>
#include <kernel/bug.h>

static struct kmem_cache kmalloc_caches[NR_KMALLOC_CLASSES];

/* In the order of kmalloc_class(). */
static const struct {
	const char *name;
	u32 size;
} classes[NR_KMALLOC_CLASSES] = {
	{ "kmalloc-8", 8 }, { "kmalloc-16", 16 }, { "kmalloc-32", 32 }, { "kmalloc-64", 64 },
	{ "kmalloc-96", 96 }, { "kmalloc-128", 128 }, { "kmalloc-192", 192 },
	{ "kmalloc-256", 256 }, { "kmalloc-512", 512 }, { "kmalloc-1k", 1024 },
	{ "kmalloc-2k", 2048 }, { "kmalloc-4k", 4096 }, { "kmalloc-8k", 8192 },
};

struct kmem_cache *kmalloc_cache(size_t size)
{
	return &kmalloc_caches[kmalloc_class(size)];
}

void __init kmalloc_init(void)
{
	for (unsigned i = 0; i < NR_KMALLOC_CLASSES; i++) {
		u32 size = classes[i].size;

		kmem_cache_setup(&kmalloc_caches[i], classes[i].name, size,
				 size & (size - 1) ? 8 : size, NULL);
	}
}

static unsigned order_of(size_t size)
{
	return size <= PAGE_SIZE ? 0 : fls64((size - 1) >> PAGE_SHIFT);
}

void *kmalloc_large(size_t size, u32 gfp)
{
	struct page *p;

	if (size > PAGE_SIZE << MAX_ORDER)
		return NULL;
	p = page_alloc_order(order_of(size), gfp & ~GFP_MOVABLE);
	if (!p)
		return NULL;
	mem_count_add(MEM_SLAB, 1l << p->order);
	return page_address(p);
}

void *kmalloc_of_class(unsigned class, u32 gfp)
{
	return kmem_cache_alloc(&kmalloc_caches[class], gfp);
}

void kfree(const void *p)
{
	struct page *page;

	if (!p)
		return;
	page = virt_to_page(p);
	if (likely(page->flags & BIT(PG_SLAB))) {
		kmem_cache_free(page->slab, (void *)p);
		return;
	}
	mem_count_add(MEM_SLAB, -(1l << page->order));
	page_free_order(page, page->order);
}

void *kcalloc(size_t n, size_t size, u32 gfp)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes))
		return NULL;
	return kzalloc(bytes, gfp);
}

static size_t usable_size(const void *p)
{
	const struct page *page = virt_to_page(p);

	if (page->flags & BIT(PG_SLAB))
		return page->slab->object_size;
	return PAGE_SIZE << page->order;
}

void *krealloc(void *p, size_t size, u32 gfp)
{
	size_t old;
	void *q;

	if (!p)
		return kmalloc(size, gfp);
	old = usable_size(p);
	if (size <= old)
		return p;
	q = kmalloc(size, gfp);
	if (!q)
		return NULL;
	memcpy(q, p, old);
	kfree(p);
	return q;
}

char *kstrdup(const char *s, u32 gfp)
{
	size_t n = strlen(s) + 1;
	char *copy = kmalloc(n, gfp);

	return copy ? memcpy(copy, s, n) : NULL;
}
