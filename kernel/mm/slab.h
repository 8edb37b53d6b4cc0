/* SPDX-License-Identifier: MIT */
/* Inside the slab allocator (slab.c): what kmalloc.c, /proc/slabinfo and the debug checks see. */
#pragma once
#include <kernel/mm/alloc.h>
#include <kernel/mm/page.h>
#include <kernel/lock/spinlock.h>
#include <kernel/percpu.h>

/* Objects one CPU has at hand, last in first out. */
struct magazine {
	u32 count, capacity;
	void *objects[];
};

struct kmem_cache {
	/* Each only by its CPU, interrupts off. no_magazine until the first slow path there. */
	struct magazine *magazines[NR_CPUS];

	/* Constant after creation. */
	u32 object_size;		/* what the user asked for */
	u32 stride;			/* from object to object */
	u32 link;			/* offset in a free object of the pointer to the next */
	u16 per_slab;
	u8 order;			/* a slab is 2^order pages */
	bool reclaimable;
	void (*ctor)(void *);
	const char *name;
	struct list_head node;		/* all caches; RANK_MUTEX_LEAF's cache_list_lock */

	struct spinlock lock;		/* RANK_SLAB, irq-safe */
	/* Guarded by lock. */
	struct list_head partial;	/* slabs with room, by page->lru; wholly free ones at the tail */
	u64 nr_slabs, nr_free_slabs;
	u64 nr_taken;			/* objects out of slabs: in use or in magazines */
};

/* Set up a cache whose memory is the caller's. Before slab_init() only for its own caches. */
void kmem_cache_setup(struct kmem_cache *c, const char *name, size_t size, size_t align,
		      void (*ctor)(void *));
/* Each cache in turn. May sleep. */
void slab_for_each(void (*fn)(const struct kmem_cache *c, void *arg), void *arg);
/* Give wholly free slabs back, after emptying this CPU's magazines; pages freed. Thread context. */
u64 slab_shrink(void);
void kmalloc_init(void);

/* Debug checks (slab_debug.c, CONFIG_SLAB_DEBUG): a trailer behind each object. */
#ifdef CONFIG_SLAB_DEBUG
#define SLAB_TRAILER	16u
void slab_check_alloc(struct kmem_cache *c, void *obj, void *caller);
void slab_check_free(struct kmem_cache *c, void *obj, void *caller);
void slab_check_new(struct kmem_cache *c, void *obj);
#else
#define SLAB_TRAILER	0u
static inline void slab_check_alloc(struct kmem_cache *c, void *obj, void *caller)
{
	(void)c, (void)obj, (void)caller;
}
static inline void slab_check_free(struct kmem_cache *c, void *obj, void *caller)
{
	(void)c, (void)obj, (void)caller;
}
static inline void slab_check_new(struct kmem_cache *c, void *obj)
{
	(void)c, (void)obj;
}
#endif
