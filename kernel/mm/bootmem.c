/* SPDX-License-Identifier: MIT */
/*
 * Boot-time memory: ranges of RAM and ranges of free RAM.
 *
 * Both lists are arrays sorted by address, without overlap and without touching
 * neighbours. Memory maps have a handful of entries, so that insertion by
 * shifting is the simplest right thing. early_alloc() cuts from the top of the
 * highest range: low memory stays whole for devices with 32-bit addresses.
 *
 * When the lists are full, memory is given up, never invented: a range that
 * cannot be added is not used; a hole that cannot be cut takes the smaller side
 * with it.
 */
#include <kernel/mm/bootmem.h>
#include <kernel/bug.h>
#include <kernel/lib/string.h>
#include <arch/layout.h>

#define MAX_RANGES	64

struct range_list {
	unsigned count;
	struct phys_range r[MAX_RANGES];
};

static struct range_list ram __initdata = { 0 };
static struct range_list avail __initdata = { 0 };

static void __init list_delete(struct range_list *l, unsigned i)
{
	l->count--;
	memmove(&l->r[i], &l->r[i + 1], (l->count - i) * sizeof(l->r[0]));
}

static bool __init list_insert_at(struct range_list *l, unsigned i, paddr_t start, paddr_t end)
{
	if (l->count == MAX_RANGES)
		return false;
	memmove(&l->r[i + 1], &l->r[i], (l->count - i) * sizeof(l->r[0]));
	l->r[i] = (struct phys_range){ start, end };
	l->count++;
	return true;
}

static void __init list_add_range(struct range_list *l, paddr_t start, paddr_t end)
{
	unsigned i = 0;

	while (i < l->count && l->r[i].end < start)
		i++;
	/* Swallow every range that overlaps or touches the new one. */
	while (i < l->count && l->r[i].start <= end) {
		start = min(start, l->r[i].start);
		end = max(end, l->r[i].end);
		list_delete(l, i);
	}
	list_insert_at(l, i, start, end);
}

static void __init list_cut(struct range_list *l, paddr_t start, paddr_t end)
{
	unsigned i = 0;

	while (i < l->count) {
		struct phys_range *r = &l->r[i];

		if (r->end <= start || end <= r->start) {
			i++;
		} else if (r->start < start && end < r->end) {
			if (!list_insert_at(l, i + 1, end, r->end) &&
			    start - r->start < r->end - end)
				r->start = end;
			else
				r->end = start;
			i++;
		} else if (r->start < start) {
			r->end = start;
			i++;
		} else if (end < r->end) {
			r->start = end;
			i++;
		} else {
			list_delete(l, i);
		}
	}
}

void __init bootmem_add(paddr_t start, paddr_t end)
{
	start = ALIGN_UP(start, PAGE_SIZE);
	end = ALIGN_DOWN(end, PAGE_SIZE);
	if (start >= end)
		return;
	list_add_range(&ram, start, end);
	list_add_range(&avail, start, end);
}

void __init bootmem_reserve(paddr_t start, paddr_t end)
{
	list_cut(&avail, ALIGN_DOWN(start, PAGE_SIZE), ALIGN_UP(end, PAGE_SIZE));
}

void __init bootmem_remove(paddr_t start, paddr_t end)
{
	bootmem_reserve(start, end);
	list_cut(&ram, ALIGN_DOWN(start, PAGE_SIZE), ALIGN_UP(end, PAGE_SIZE));
}

void __init bootmem_limit(u64 bytes)
{
	for (unsigned i = 0; i < ram.count; i++) {
		u64 size = ram.r[i].end - ram.r[i].start;

		if (size > bytes) {
			bootmem_remove(ram.r[i].start + ALIGN_UP(bytes, PAGE_SIZE),
				       ~0ul << PAGE_SHIFT);
			return;
		}
		bytes -= size;
	}
}

const struct phys_range *__init bootmem_ram(unsigned *count)
{
	*count = ram.count;
	return ram.r;
}

const struct phys_range *__init bootmem_free(unsigned *count)
{
	*count = avail.count;
	return avail.r;
}

paddr_t __init bootmem_take(size_t size, size_t align)
{
	for (unsigned i = avail.count; i-- > 0;) {
		const struct phys_range *r = &avail.r[i];
		paddr_t pa;

		if (r->end - r->start < size)
			continue;
		pa = ALIGN_DOWN(r->end - size, align);
		if (pa < r->start)
			continue;
		list_cut(&avail, pa, pa + ALIGN_UP(size, PAGE_SIZE));
		return pa;
	}
	return 0;
}

void __init bootmem_close(void)
{
	avail.count = 0;
}

void *__init early_alloc(size_t size, size_t align)
{
	paddr_t pa = bootmem_take(ALIGN_UP(size, PAGE_SIZE), max(align, PAGE_SIZE));

	if (!pa)
		panic("no memory for %lu bytes at boot", size);
	return memset(phys_to_virt(pa), 0, ALIGN_UP(size, PAGE_SIZE));
}
