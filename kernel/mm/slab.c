/* SPDX-License-Identifier: MIT */
/*
 * Slab allocator: caches of equal objects.
 *
 * Two layers. Below, slabs: blocks of 2^order pages cut into objects. A slab's
 * struct page says how many are out (pins), holds the list of those that came
 * back (freelist), and how many were ever cut (index): objects are constructed
 * when they are first needed. Above, one magazine per CPU and cache (Bonwick and
 * Adams, USENIX 2001): allocating is a pop and freeing a push with interrupts
 * off, without lock and without touching the object. Half a magazine at a time
 * moves between the layers, under the cache's lock.
 *
 * A CPU's magazine is made when its slow path first runs, so a cache that is
 * used on one CPU costs nothing on the others. Until then the slot names
 * no_magazine, which is empty and full at once: both fast paths fall through.
 *
 * Invariants, under cache->lock:
 *  (1) A slab is on the partial list if and only if it has an object to give.
 *  (2) pins counts the objects that are out; a magazine's content counts as out.
 *  (3) At most KEEP_FREE slabs without any object out are kept.
 *
 * The pointer that links free objects lies in the object, or behind it where a
 * constructor's work must survive being freed, or debugging watches the object.
 *
 * Not here: sizes for kmalloc (kmalloc.c), the checks (slab_debug.c).
 */
#include <kernel/mm/slab.h>
#include <kernel/mm/alloc_fail.h>
#include <kernel/mm/counts.h>
#include <kernel/lock/mutex.h>
#include <kernel/lib/string.h>
#include <kernel/bug.h>

#define KEEP_FREE	1		/* slabs; chosen */
#define BATCH_MAX	16u

static struct magazine no_magazine;
static LIST_HEAD(caches);
static DEFINE_MUTEX(cache_list_lock, RANK_MUTEX_LEAF);
static struct kmem_cache cache_cache;

/* Two cache lines of pointers for small objects, less for large ones: 31, 15, 7 or 3. */
static u32 magazine_bytes(const struct kmem_cache *c)
{
	if (c->object_size <= 256)
		return 256;
	if (c->object_size <= 1024)
		return 128;
	return c->object_size < 4096 ? 64 : 32;
}

static inline void **link_of(const struct kmem_cache *c, void *obj)
{
	return (void **)((char *)obj + c->link);
}

/* Blocks are aligned to their size in physical memory, and so in the direct map. */
static inline struct page *slab_of(const struct kmem_cache *c, const void *obj)
{
	return virt_to_page((void *)((u64)obj & ~((PAGE_SIZE << c->order) - 1)));
}

static void *slab_pop(struct kmem_cache *c, struct page *slab)
{
	void *obj = slab->freelist;

	if (obj) {
		slab->freelist = *link_of(c, obj);
	} else {
		obj = (char *)page_address(slab) + slab->index++ * c->stride;
		slab_check_new(c, obj);
		if (c->ctor)
			c->ctor(obj);
	}
	if (!slab->pins++)
		c->nr_free_slabs--;
	return obj;
}

/* Move up to n objects out of slabs. */
static unsigned take_objects(struct kmem_cache *c, void **out, unsigned n)
{
	unsigned got = 0;
	u64 flags = spin_lock_irqsave(&c->lock);

	while (got < n && !list_empty(&c->partial)) {
		struct page *slab = list_first(&c->partial, struct page, lru);

		while (got < n && slab->pins < c->per_slab)
			out[got++] = slab_pop(c, slab);
		if (slab->pins == c->per_slab)
			list_del(&slab->lru);
	}
	c->nr_taken += got;
	spin_unlock_irqrestore(&c->lock, flags);
	return got;
}

/* Put obj back; true if its slab is to be freed by the caller, who has it off the list. */
static bool slab_push(struct kmem_cache *c, struct page *slab, void *obj)
{
	*link_of(c, obj) = slab->freelist;
	slab->freelist = obj;
	if (slab->pins-- == c->per_slab)
		list_add(&slab->lru, &c->partial);
	if (slab->pins)
		return false;
	list_del(&slab->lru);
	if (c->nr_free_slabs >= KEEP_FREE) {
		c->nr_slabs--;
		return true;
	}
	c->nr_free_slabs++;
	list_add_tail(&slab->lru, &c->partial);
	return false;
}

static enum mem_count counter_of(const struct kmem_cache *c)
{
	return c->reclaimable ? MEM_SLAB_RECLAIMABLE : MEM_SLAB;
}

static void slab_free_list(struct kmem_cache *c, struct list_head *slabs)
{
	struct page *slab, *next;

	list_for_each_safe(slab, next, slabs, lru) {
		mem_count_add(counter_of(c), -(1l << c->order));
		page_free_order(slab, c->order);
	}
}

static void give_objects(struct kmem_cache *c, void **objs, unsigned n)
{
	LIST_HEAD(dead);
	u64 flags = spin_lock_irqsave(&c->lock);

	c->nr_taken -= n;
	while (n--) {
		struct page *slab = slab_of(c, objs[n]);

		if (slab_push(c, slab, objs[n]))
			list_add(&slab->lru, &dead);
	}
	spin_unlock_irqrestore(&c->lock, flags);
	slab_free_list(c, &dead);
}

/* A fresh slab on the partial list. */
static bool slab_create(struct kmem_cache *c, u32 gfp)
{
	struct page *slab = page_alloc_order(c->order, gfp & ~(GFP_ZERO | GFP_MOVABLE));
	u64 flags;

	if (!slab)
		return false;
	for (u64 i = 0; i < 1ul << c->order; i++) {
		slab[i].flags = BIT(PG_SLAB);
		slab[i].slab = c;
	}
	slab->freelist = NULL;
	slab->index = 0;
	mem_count_add(counter_of(c), 1l << c->order);

	flags = spin_lock_irqsave(&c->lock);
	list_add(&slab->lru, &c->partial);
	c->nr_slabs++;
	c->nr_free_slabs++;
	spin_unlock_irqrestore(&c->lock, flags);
	return true;
}

/* At least one object, or none for lack of memory. */
static unsigned get_objects(struct kmem_cache *c, void **out, unsigned n, u32 gfp)
{
	unsigned got;

	while (!(got = take_objects(c, out, n)))
		if (!slab_create(c, gfp))
			return 0;
	return got;
}

/* Give this CPU a magazine if it has none. Failing is harmless. */
static void magazine_create(struct kmem_cache *c, u32 gfp)
{
	struct kmem_cache *mc = kmalloc_cache(magazine_bytes(c));
	struct magazine *m;
	void *mem;
	u64 flags;

	if (READ_ONCE(c->magazines[cpu_id()]) != &no_magazine)
		return;
	/* Straight from the slabs: the magazine cache may be waiting for its own. */
	if (!get_objects(mc, &mem, 1, gfp | GFP_NOWARN | GFP_NORETRY))
		return;
	slab_check_alloc(mc, mem, magazine_create);
	m = mem;
	m->count = 0;
	m->capacity = (magazine_bytes(c) - sizeof(*m)) / sizeof(void *);
	flags = local_irq_save();
	if (c->magazines[cpu_id()] == &no_magazine) {
		c->magazines[cpu_id()] = m;
		m = NULL;
	}
	local_irq_restore(flags);
	if (m) {
		slab_check_free(mc, mem, magazine_create);
		give_objects(mc, &mem, 1);
	}
}

/* Load this CPU's magazine; what does not fit goes back to the slabs. */
static void magazine_load(struct kmem_cache *c, void **objs, unsigned n)
{
	u64 flags = local_irq_save();
	struct magazine *m = c->magazines[cpu_id()];

	while (n && m->count < m->capacity)
		m->objects[m->count++] = objs[--n];
	local_irq_restore(flags);
	if (n)
		give_objects(c, objs, n);
}

/* Take up to n objects out of this CPU's magazine. */
static unsigned magazine_unload(struct kmem_cache *c, void **out, unsigned n)
{
	u64 flags = local_irq_save();
	struct magazine *m = c->magazines[cpu_id()];
	unsigned got = 0;

	while (got < n && m->count)
		out[got++] = m->objects[--m->count];
	local_irq_restore(flags);
	return got;
}

static __noinline void *alloc_slow(struct kmem_cache *c, u32 gfp)
{
	void *batch[BATCH_MAX];
	unsigned n;

	magazine_create(c, gfp);
	n = min(BATCH_MAX, READ_ONCE(c->magazines[cpu_id()])->capacity / 2 + 1);
	n = get_objects(c, batch, n, gfp);
	if (!n)
		return NULL;
	if (n > 1)
		magazine_load(c, batch + 1, n - 1);
	return batch[0];
}

static __noinline void free_slow(struct kmem_cache *c, void *obj)
{
	void *batch[BATCH_MAX];
	unsigned n;

	magazine_create(c, GFP_ATOMIC);
	n = magazine_unload(c, batch,
			    min(BATCH_MAX, READ_ONCE(c->magazines[cpu_id()])->capacity / 2));
	if (n)
		give_objects(c, batch, n);
	magazine_load(c, &obj, 1);
}

void *kmem_cache_alloc(struct kmem_cache *c, u32 gfp)
{
	struct magazine *m;
	void *obj = NULL;
	u64 flags;

	if (alloc_should_fail())
		return NULL;
	flags = local_irq_save();
	m = c->magazines[cpu_id()];
	if (likely(m->count))
		obj = m->objects[--m->count];
	local_irq_restore(flags);
	if (unlikely(!obj)) {
		obj = alloc_slow(c, gfp);
		if (!obj)
			return NULL;
	}
	slab_check_alloc(c, obj, __builtin_return_address(0));
	if (gfp & GFP_ZERO)
		memset(obj, 0, c->object_size);
	return obj;
}

void *kmem_cache_zalloc(struct kmem_cache *c, u32 gfp)
{
	return kmem_cache_alloc(c, gfp | GFP_ZERO);
}

void kmem_cache_free(struct kmem_cache *c, void *obj)
{
	struct magazine *m;
	u64 flags;

	slab_check_free(c, obj, __builtin_return_address(0));
	flags = local_irq_save();
	m = c->magazines[cpu_id()];
	if (unlikely(m->count == m->capacity)) {
		local_irq_restore(flags);
		free_slow(c, obj);
		return;
	}
	m->objects[m->count++] = obj;
	local_irq_restore(flags);
}

/* The smallest slab that holds enough objects and wastes at most an eighth. */
static void choose_order(struct kmem_cache *c)
{
	unsigned want = c->stride <= 512 ? 7 : c->stride <= 1024 ? 4 : 2;

	for (c->order = 0; c->order < 3; c->order++) {
		u64 bytes = PAGE_SIZE << c->order;

		if (bytes / c->stride >= want && bytes % c->stride <= bytes / 8)
			break;
	}
	c->per_slab = (PAGE_SIZE << c->order) / c->stride;
}

void kmem_cache_setup(struct kmem_cache *c, const char *name, size_t size, size_t align,
		      void (*ctor)(void *))
{
	size_t inner = ALIGN_UP(size, sizeof(void *));
	bool apart = ctor || SLAB_TRAILER;

	BUG_ON(size > 4 * PAGE_SIZE || (align & (align - 1)));
	align = max(align, sizeof(void *));
	for (unsigned i = 0; i < NR_CPUS; i++)
		c->magazines[i] = &no_magazine;
	c->object_size = size;
	c->link = apart ? inner : 0;
	c->stride = ALIGN_UP(inner + (apart ? sizeof(void *) : 0) + SLAB_TRAILER, align);
	c->ctor = ctor;
	c->name = name;
	choose_order(c);
	spin_lock_init(&c->lock, RANK_SLAB);
	list_init(&c->partial);
	mutex_lock(&cache_list_lock);
	list_add_tail(&c->node, &caches);
	mutex_unlock(&cache_list_lock);
}

struct kmem_cache *kmem_cache_create(const char *name, size_t size, size_t align,
				     void (*ctor)(void *))
{
	struct kmem_cache *c = kmem_cache_zalloc(&cache_cache, GFP_KERNEL);

	if (c)
		kmem_cache_setup(c, name, size, align, ctor);
	return c;
}

void kmem_cache_set_reclaimable(struct kmem_cache *c)
{
	c->reclaimable = true;
}

void __init slab_init(void)
{
	kmalloc_init();
	kmem_cache_setup(&cache_cache, "kmem_cache", sizeof(struct kmem_cache), 64, NULL);
}

void slab_for_each(void (*fn)(const struct kmem_cache *c, void *arg), void *arg)
{
	struct kmem_cache *c;

	mutex_lock(&cache_list_lock);
	list_for_each(c, &caches, node)
		fn(c, arg);
	mutex_unlock(&cache_list_lock);
}

static u64 cache_shrink(struct kmem_cache *c)
{
	LIST_HEAD(dead);
	void *batch[BATCH_MAX];
	struct page *slab;
	u64 freed = 0, flags;
	unsigned n;

	while ((n = magazine_unload(c, batch, BATCH_MAX)))
		give_objects(c, batch, n);

	flags = spin_lock_irqsave(&c->lock);
	while (c->nr_free_slabs) {
		slab = list_last(&c->partial, struct page, lru);
		list_move(&slab->lru, &dead);
		c->nr_free_slabs--;
		c->nr_slabs--;
		freed += 1ul << c->order;
	}
	spin_unlock_irqrestore(&c->lock, flags);
	slab_free_list(c, &dead);
	return freed;
}

u64 slab_shrink(void)
{
	struct kmem_cache *c;
	u64 freed = 0;

	/* Reclaim must not wait for somebody who creates a cache and reclaims for it. */
	if (!mutex_trylock(&cache_list_lock))
		return 0;
	list_for_each(c, &caches, node)
		freed += cache_shrink(c);
	mutex_unlock(&cache_list_lock);
	return freed;
}
