/* SPDX-License-Identifier: MIT */
/*
 * Memory for the kernel. Every call names its context:
 *
 *   GFP_ATOMIC  may not sleep; may use a part of the reserve
 *   GFP_NOIO    may sleep; block I/O waits for the caller
 *   GFP_NOFS    may sleep; a file system waits for the caller
 *   GFP_KERNEL  may sleep, also until a process has ended
 *
 * A thread that allocates never starts I/O and never enters a file system to get memory back,
 * whatever its context: kswapd and the flusher do that for it (reclaim.c). So to the allocator
 * the two in the middle are one; only the last has a process killed rather than fail (GFP_KILL).
 *
 * NULL means no memory; callers propagate -ENOMEM.
 */
#pragma once
#include <kernel/types.h>

#define GFP_WAIT	BIT(0)		/* may sleep */
#define GFP_KILL	BIT(1)		/* may wait for memory until a process has ended */
#define GFP_HIGH	BIT(2)		/* may use the reserve */
#define GFP_ZERO	BIT(3)		/* contents zeroed */
#define GFP_DMA32	BIT(4)		/* below 4 GiB */
#define GFP_NORETRY	BIT(5)		/* fail rather than reclaim hard or kill */
#define GFP_NOWARN	BIT(6)
#define GFP_MOVABLE	BIT(7)		/* page cache or anonymous */
#define GFP_ATOMIC	GFP_HIGH
#define GFP_NOIO	GFP_WAIT
#define GFP_NOFS	GFP_WAIT
#define GFP_KERNEL	(GFP_WAIT | GFP_KILL)
#define GFP_USER	(GFP_KERNEL | GFP_MOVABLE)

/*
 * kmalloc: aligned to 8, to the size itself for powers of two, up to 4 MiB physically contiguous.
 */
#define KMALLOC_MAX_CACHED	8192
#define NR_KMALLOC_CLASSES	13
/* Which cache serves size: a constant where size is one. */
static __always_inline unsigned kmalloc_class(size_t size)
{
	/* Comparisons: counting zeros is a call without Zbb. */
	if (size <= 64)
		return size <= 16 ? size > 8 : size <= 32 ? 2 : 3;
	if (size <= 256)
		return size <= 128 ? (size <= 96 ? 4 : 5) : size <= 192 ? 6 : 7;
	if (size <= 1024)
		return size <= 512 ? 8 : 9;
	return size <= 2048 ? 10 : size <= 4096 ? 11 : 12;
}
void *kmalloc_of_class(unsigned class, u32 gfp) __gives_aligned(8);
void *kmalloc_large(size_t size, u32 gfp) __gives_aligned(8);
struct kmem_cache *kmalloc_cache(size_t size);

static __always_inline void *kmalloc(size_t size, u32 gfp)
{
	if (size > KMALLOC_MAX_CACHED)
		return kmalloc_large(size, gfp);
	return kmalloc_of_class(kmalloc_class(size), gfp);
}

static __always_inline void *kzalloc(size_t size, u32 gfp)
{
	return kmalloc(size, gfp | GFP_ZERO);
}
void *kcalloc(size_t n, size_t size, u32 gfp);		/* checks the product */
void *krealloc(void *p, size_t size, u32 gfp);
void kfree(const void *p);				/* NULL is fine; any context */
char *kstrdup(const char *s, u32 gfp);
void *kvmalloc(size_t size, u32 gfp);			/* kmalloc or vmalloc; thread context */
void kvfree(const void *p);

/* A cache of equal objects, with per-CPU magazines. */
struct kmem_cache;
struct kmem_cache *kmem_cache_create(const char *name, size_t size, size_t align,
				     void (*ctor)(void *));
void *kmem_cache_alloc(struct kmem_cache *c, u32 gfp) __gives_aligned(8);
void *kmem_cache_zalloc(struct kmem_cache *c, u32 gfp) __gives_aligned(8);
void kmem_cache_free(struct kmem_cache *c, void *p);
/* Before its first allocation: its objects (dentries, inodes) can be got rid of. */
void kmem_cache_set_reclaimable(struct kmem_cache *c);
void slab_init(void);

/* Virtually contiguous memory, page granular, guard page after each area. Thread context. */
void *vmalloc(size_t size);
void *vzalloc(size_t size);
void vfree(const void *p);
/* Device registers [pa, pa+size); NULL: no memory. */
void *ioremap(paddr_t pa, size_t size);
void iounmap(void *p);
/* KSTACK_SIZE bytes with a guard page below; cached per CPU. */
void *kstack_alloc(void);
void kstack_free(void *stack);
struct page *vmalloc_to_page(const void *p);
void vmalloc_init(void);
