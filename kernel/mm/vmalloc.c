/* SPDX-License-Identifier: MIT */
/*
 * Virtually contiguous kernel memory: vmalloc, ioremap, kernel stacks.
 *
 * The window (<arch/layout.h>) has two parts. The first GiB holds kernel stacks in
 * slots of 32 KiB: 16 KiB of nothing, the guard, and 16 KiB of stack. A bitmap
 * tells the taken slots, and a stack's address tells its slot, so that bit 14 of
 * a stack pointer is clear exactly when it has run into the guard. The rest holds
 * areas in a list by address, each followed by an unmapped page.
 *
 * Kernel mappings are global and shared, so what leaves them must be forgotten by
 * every CPU before the address or the page is used again. That is expensive, and
 * so it is batched: freed areas wait on a list, their entries cleared and their
 * pages kept, until LAZY_MAX pages have come together or addresses run short;
 * then one fence releases them all (purge()).
 *
 * A CPU may also remember that an entry was invalid, and a fault on a kernel
 * stack cannot be handled: so new mappings are fenced on every CPU before use as
 * well. Stacks are therefore made STACK_BATCH at a time, and freed ones are kept
 * mapped for the next thread, some by each CPU and the rest in a common store.
 *
 * Table pages below the window's top-level entries are made as needed and stay.
 *
 * Locking: vmalloc_lock (sleeps) guards the areas, the slots and the tables; the
 * store of stacks has a spinlock because a dead thread's stack is freed where
 * nothing may sleep.
 */
#include <kernel/mm/vmalloc.h>
#include <kernel/mm/page.h>
#include <kernel/mm/counts.h>
#include <kernel/lib/bitmap.h>
#include <kernel/lib/string.h>
#include <kernel/lock/mutex.h>
#include <kernel/percpu.h>
#include <kernel/task/thread.h>
#include <kernel/bug.h>
#include <arch/paging.h>
#include <arch/tlb.h>

#define STACK_SLOT	(2ul * KSTACK_SIZE)
#define STACK_PAGES	(KSTACK_SIZE / PAGE_SIZE)
#define STACK_SLOTS	(PGD_SIZE / STACK_SLOT)
#define AREA_START	(VMALLOC_START + PGD_SIZE)

#define STACK_BATCH	4u	/* stacks mapped for one fence; chosen */
#define CPU_STACKS	2u	/* kept by each CPU; chosen */
#define STORE_STACKS	16u	/* kept by all; more are unmapped; chosen */
#define LAZY_MAX	256u	/* pages that wait for one fence; chosen: 1 MiB */

struct vm_area {
	struct list_head node;		/* areas by address, or lazy */
	u64 start, size;		/* without the guard page */
	struct page **pages;		/* NULL: device memory */
	u64 nr_pages;
};

static DEFINE_MUTEX(vmalloc_lock, RANK_VMALLOC);
/* Guarded by vmalloc_lock. */
static LIST_HEAD(areas);
static LIST_HEAD(lazy);
static u64 lazy_pages;
static DECLARE_BITMAP(stack_slots, STACK_SLOTS);

static DEFINE_SPINLOCK(store_lock, RANK_LEAF);	/* irq-safe: stacks are freed by RCU callbacks */
/* Guarded by store_lock. A free stack's first word links to the next one. */
static void *store;
static u32 store_count;

struct cpu_stacks {
	u32 count;
	void *stack[CPU_STACKS];
};
static DEFINE_PERCPU(struct cpu_stacks, cpu_stacks);	/* interrupts off */

#define KERNEL_RW	(PTE_V | PTE_R | PTE_W | PTE_A | PTE_D | PTE_G)

/* --- entries. vmalloc_lock held --- */

static pte_t *table_below(pte_t *entry, bool make)
{
	struct page *p;

	if (pte_present(*entry))
		return phys_to_virt(pte_addr(*entry));
	p = make ? page_alloc(GFP_KERNEL | GFP_ZERO) : NULL;
	if (!p)
		return NULL;
	mem_count_add(MEM_PAGE_TABLES, 1);
	pte_write(entry, pte_make(page_to_phys(p), PTE_V));
	return page_address(p);
}

static pte_t *kernel_pte(u64 va, bool make)
{
	pte_t *t = table_below(&kernel_pgd[(va >> PGD_SHIFT) % PTRS_PER_TABLE], false);

	t = t ? table_below(&t[(va >> PMD_SHIFT) % PTRS_PER_TABLE], make) : NULL;
	return t ? &t[(va >> PAGE_SHIFT) % PTRS_PER_TABLE] : NULL;
}

static void unmap_pages(u64 va, u64 n)
{
	for (; n--; va += PAGE_SIZE) {
		pte_t *pte = kernel_pte(va, false);

		if (pte)
			pte_write(pte, (pte_t){ 0 });
	}
}

static int map_page(u64 va, paddr_t pa)
{
	pte_t *pte = kernel_pte(va, true);

	if (!pte)
		return -ENOMEM;
	pte_write(pte, pte_make(pa, KERNEL_RW));
	return 0;
}

/* --- areas --- */

static void pages_free(struct page **pages, u64 n)
{
	for (u64 i = 0; i < n; i++)
		page_put(pages[i]);
	kfree(pages);
}

/* Release everything that was freed lazily. vmalloc_lock held. */
static void purge(void)
{
	struct vm_area *a, *next;

	if (list_empty(&lazy))
		return;
	tlb_flush_kernel_range(AREA_START, vmalloc_end);
	list_for_each_safe(a, next, &lazy, node) {
		list_del(&a->node);
		mem_count_add(MEM_VMALLOC, -(s64)a->nr_pages);
		if (a->pages)
			pages_free(a->pages, a->nr_pages);
		kfree(a);
	}
	lazy_pages = 0;
}

static bool is_taken(u64 start, u64 end, const struct list_head *list, u64 *behind)
{
	const struct vm_area *a;

	list_for_each(a, list, node) {
		u64 stop = a->start + a->size + PAGE_SIZE;

		if (a->start < end && start < stop) {
			*behind = stop;
			return true;
		}
	}
	return false;
}

/* First fit over both lists; 0: no room. */
static u64 find_room(u64 size)
{
	u64 start = AREA_START;

	while (start + size + PAGE_SIZE <= vmalloc_end) {
		u64 end = start + size + PAGE_SIZE;

		if (!is_taken(start, end, &areas, &start) && !is_taken(start, end, &lazy, &start))
			return start;
	}
	return 0;
}

static int area_place(struct vm_area *a)
{
	struct vm_area *pos;

	a->start = find_room(a->size);
	if (!a->start) {
		purge();
		a->start = find_room(a->size);
		if (!a->start)
			return -ENOMEM;
	}
	list_for_each(pos, &areas, node)
		if (pos->start > a->start)
			break;
	list_add_tail(&a->node, &pos->node);
	return 0;
}

/* Map [start, start+size) to pages or, if there are none, to pa on. */
static int area_map(struct vm_area *a, paddr_t pa)
{
	for (u64 off = 0; off < a->size; off += PAGE_SIZE) {
		paddr_t to = a->pages ? page_to_phys(a->pages[off >> PAGE_SHIFT]) : pa + off;
		int err = map_page(a->start + off, to);

		if (err) {
			unmap_pages(a->start, off >> PAGE_SHIFT);
			return err;
		}
	}
	/* Some CPU may remember that these were invalid. */
	tlb_flush_kernel_range(a->start, a->start + a->size);
	return 0;
}

static int area_install(struct vm_area *a, paddr_t pa)
{
	int err;

	mutex_lock(&vmalloc_lock);
	err = area_place(a);
	if (!err) {
		err = area_map(a, pa);
		if (err)
			list_del(&a->node);
	}
	mutex_unlock(&vmalloc_lock);
	return err;
}

static struct page **pages_alloc(u64 n, u32 gfp)
{
	struct page **pages = kmalloc(n * sizeof(*pages), GFP_KERNEL);

	for (u64 i = 0; pages && i < n; i++) {
		pages[i] = page_alloc(gfp);
		if (!pages[i]) {
			pages_free(pages, i);
			return NULL;
		}
	}
	return pages;
}

static void *area_create(size_t size, u32 gfp)
{
	u64 n = DIV_ROUND_UP(size, PAGE_SIZE);
	struct vm_area *a;

	might_sleep();
	/* More than half of memory is a mistake, not a request. */
	if (!size || n > ram_pages / 2)
		return NULL;
	a = kzalloc(sizeof(*a), GFP_KERNEL);
	if (!a)
		return NULL;
	a->size = n * PAGE_SIZE;
	a->nr_pages = n;
	a->pages = pages_alloc(n, gfp);
	if (!a->pages)
		goto free_area;
	if (area_install(a, 0))
		goto free_pages;
	mem_count_add(MEM_VMALLOC, n);
	return (void *)a->start;

free_pages:
	pages_free(a->pages, n);
free_area:
	kfree(a);
	return NULL;
}

void *vmalloc(size_t size)
{
	return area_create(size, GFP_KERNEL);
}

void *vzalloc(size_t size)
{
	return area_create(size, GFP_KERNEL | GFP_ZERO);
}

static struct vm_area *area_find(u64 start)
{
	struct vm_area *a;

	list_for_each(a, &areas, node)
		if (a->start == start)
			return a;
	return NULL;
}

void vfree(const void *p)
{
	struct vm_area *a;

	if (!p)
		return;
	might_sleep();
	mutex_lock(&vmalloc_lock);
	a = area_find(ALIGN_DOWN((u64)p, PAGE_SIZE));
	BUG_ON(!a);
	unmap_pages(a->start, a->size >> PAGE_SHIFT);
	list_move(&a->node, &lazy);
	lazy_pages += a->size >> PAGE_SHIFT;
	if (lazy_pages > LAZY_MAX)
		purge();
	mutex_unlock(&vmalloc_lock);
}

void vmalloc_purge(void)
{
	mutex_lock(&vmalloc_lock);
	purge();
	mutex_unlock(&vmalloc_lock);
}

void *ioremap(paddr_t pa, size_t size)
{
	u64 offset = pa % PAGE_SIZE;
	struct vm_area *a = size ? kzalloc(sizeof(*a), GFP_KERNEL) : NULL;

	if (!a)
		return NULL;
	a->size = ALIGN_UP(offset + size, PAGE_SIZE);
	if (area_install(a, pa - offset)) {
		kfree(a);
		return NULL;
	}
	return (void *)(a->start + offset);
}

void iounmap(void *p)
{
	vfree(p);
}

struct page *vmalloc_to_page(const void *p)
{
	pte_t *pte = kernel_pte((u64)p, false);

	return pte && pte_present(*pte) ? phys_to_page(pte_addr(*pte)) : NULL;
}

void *kvmalloc(size_t size, u32 gfp)
{
	void *p = kmalloc(size, size > PAGE_SIZE ? gfp | GFP_NORETRY | GFP_NOWARN : gfp);

	if (p || size <= PAGE_SIZE)
		return p;
	return area_create(size, gfp);
}

void kvfree(const void *p)
{
	if ((u64)p >= VMALLOC_START && (u64)p < VMALLOC_END)
		vfree(p);
	else
		kfree(p);
}

/* --- kernel stacks --- */

static u64 slot_base(u64 slot)
{
	return VMALLOC_START + slot * STACK_SLOT + KSTACK_SIZE;
}

/* Unmap without a fence: the caller purges before it frees the slot. */
static void stack_unmap(u64 va, struct page **out)
{
	for (u64 i = 0; i < STACK_PAGES; i++, va += PAGE_SIZE) {
		out[i] = vmalloc_to_page((void *)va);
		unmap_pages(va, 1);
	}
}

static int stack_map(u64 va)
{
	for (u64 i = 0; i < STACK_PAGES; i++) {
		struct page *p = page_alloc(GFP_KERNEL);

		if (p && !map_page(va + i * PAGE_SIZE, page_to_phys(p)))
			continue;
		if (p)
			page_put(p);
		/* Never used: nobody has the pages in a TLB but by speculation. */
		while (i--) {
			p = vmalloc_to_page((void *)(va + i * PAGE_SIZE));
			unmap_pages(va + i * PAGE_SIZE, 1);
			tlb_flush_kernel_range(va + i * PAGE_SIZE, va + (i + 1) * PAGE_SIZE);
			page_put(p);
		}
		return -ENOMEM;
	}
	return 0;
}

/* Map new stacks, fence once, put them into out; how many. */
static unsigned stacks_create(void **out, unsigned want)
{
	unsigned n = 0;

	mutex_lock(&vmalloc_lock);
	while (n < want) {
		u64 slot = bitmap_find_clear(stack_slots, STACK_SLOTS, 0);

		if (slot == STACK_SLOTS || stack_map(slot_base(slot)))
			break;
		bitmap_set(stack_slots, slot);
		out[n++] = (void *)slot_base(slot);
	}
	if (n)
		tlb_flush_kernel_range(VMALLOC_START, AREA_START);
	mutex_unlock(&vmalloc_lock);
	mem_count_add(MEM_KSTACK, n * STACK_PAGES);
	return n;
}

static void stacks_destroy(void **stacks, unsigned n)
{
	struct page *pages[STORE_STACKS * STACK_PAGES];

	mutex_lock(&vmalloc_lock);
	for (unsigned i = 0; i < n; i++)
		stack_unmap((u64)stacks[i], &pages[i * STACK_PAGES]);
	tlb_flush_kernel_range(VMALLOC_START, AREA_START);
	for (unsigned i = 0; i < n; i++)
		bitmap_clear(stack_slots, ((u64)stacks[i] - VMALLOC_START) / STACK_SLOT);
	mutex_unlock(&vmalloc_lock);
	for (unsigned i = 0; i < n * STACK_PAGES; i++)
		page_put(pages[i]);
	mem_count_add(MEM_KSTACK, -(s64)(n * STACK_PAGES));
}

static void *store_take(void)
{
	u64 flags = spin_lock_irqsave(&store_lock);
	void *p = store;

	if (p) {
		store = *(void **)p;
		store_count--;
	}
	spin_unlock_irqrestore(&store_lock, flags);
	return p;
}

static void store_put(void *p)
{
	u64 flags = spin_lock_irqsave(&store_lock);

	*(void **)p = store;
	store = p;
	store_count++;
	spin_unlock_irqrestore(&store_lock, flags);
}

/* Freed stacks beyond what is kept: unmap them where sleeping is allowed. */
static void store_trim(void)
{
	void *extra[STORE_STACKS];
	unsigned n = 0;

	while (n < STORE_STACKS && READ_ONCE(store_count) > STORE_STACKS) {
		extra[n] = store_take();
		if (!extra[n])
			break;
		n++;
	}
	if (n)
		stacks_destroy(extra, n);
}

static void *cpu_stack_take(void)
{
	u64 flags = local_irq_save();
	struct cpu_stacks *s = &this_cpu(cpu_stacks);
	void *p = s->count ? s->stack[--s->count] : NULL;

	local_irq_restore(flags);
	return p;
}

void *kstack_alloc(void)
{
	void *made[STACK_BATCH];
	void *p = cpu_stack_take();
	unsigned n;

	if (p)
		return p;
	if (READ_ONCE(store_count) > 2 * STORE_STACKS)
		store_trim();
	p = store_take();
	if (p)
		return p;
	n = stacks_create(made, STACK_BATCH);
	if (!n)
		return NULL;
	while (n > 1)
		store_put(made[--n]);
	return made[0];
}

void kstack_free(void *stack)
{
	u64 flags = local_irq_save();
	struct cpu_stacks *s = &this_cpu(cpu_stacks);
	bool kept = s->count < CPU_STACKS;

	if (kept)
		s->stack[s->count++] = stack;
	local_irq_restore(flags);
	if (!kept)
		store_put(stack);
}

void vmalloc_init(void)
{
	BUG_ON(vmalloc_end < AREA_START + PGD_SIZE);
}
