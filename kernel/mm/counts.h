/* SPDX-License-Identifier: MIT */
/*
 * Who uses memory, in pages: one signed counter per kind and CPU. Their sum is
 * what memory_counts() reports; one CPU's part alone may be negative.
 */
#pragma once
#include <kernel/percpu.h>

enum mem_count {
	MEM_FILE,		/* page cache, block device pages and shmem included */
	MEM_ANON, MEM_SHMEM, MEM_BUFFERS,
	MEM_DIRTY, MEM_WRITEBACK, MEM_MAPPED, MEM_MLOCKED,
	MEM_ACTIVE_ANON, MEM_INACTIVE_ANON, MEM_ACTIVE_FILE, MEM_INACTIVE_FILE,
	MEM_SLAB_RECLAIMABLE, MEM_SLAB, MEM_KSTACK, MEM_PAGE_TABLES, MEM_VMALLOC, MEM_PERCPU,
	MEM_SWAP_TOTAL, MEM_SWAP_FREE, MEM_COMMITTED,
	NR_MEM_COUNTS,
};

extern s64 mem_counts[NR_MEM_COUNTS];	/* per CPU */

/* Any context. Atomic because the thread may move between finding its CPU's counter and adding. */
static inline void mem_count_add(enum mem_count what, s64 pages)
{
	__atomic_fetch_add(&this_cpu(mem_counts)[what], pages, __ATOMIC_RELAXED);
}

u64 mem_count_read(enum mem_count what);	/* the sum, at least 0 */
