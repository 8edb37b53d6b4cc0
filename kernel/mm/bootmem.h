/* SPDX-License-Identifier: MIT */
/*
 * Which physical memory exists and which of it is taken, before the buddy
 * allocator: two sorted lists of ranges, filled by the architecture's code from
 * the device tree. Only the boot CPU, before buddy_init().
 */
#pragma once
#include <kernel/types.h>

struct phys_range {
	paddr_t start, end;		/* bytes, page aligned, end exclusive */
};

void bootmem_add(paddr_t start, paddr_t end);		/* RAM; partial pages are dropped */
void bootmem_reserve(paddr_t start, paddr_t end);	/* in use: map it, never hand it out */
void bootmem_remove(paddr_t start, paddr_t end);	/* not ours: neither map nor hand out */
void bootmem_limit(u64 bytes);				/* forget RAM beyond that much (mem=) */

/* The two lists, in address order. Taking memory changes the second one only. */
const struct phys_range *bootmem_ram(unsigned *count);
const struct phys_range *bootmem_free(unsigned *count);
/*
 * Take memory from the highest free range that fits. Zeroed, addressed through
 * the direct map, never freed; panics when there is none (nothing runs without).
 */
void *early_alloc(size_t size, size_t align);
void bootmem_close(void);		/* the buddy allocator owns the rest now: no more taking */
/* Without the panic, the address and the zeroing: 0 if there is none. */
paddr_t bootmem_take(size_t size, size_t align);
