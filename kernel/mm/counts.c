/* SPDX-License-Identifier: MIT */
/* Sums of the per-CPU memory counters, for /proc/meminfo and reclaim. */
#include <kernel/mm/counts.h>
#include <kernel/mm/zone.h>

__section(".data.percpu") s64 mem_counts[NR_MEM_COUNTS];

u64 mem_count_read(enum mem_count what)
{
	s64 sum = 0;
	u32 cpu;

	for_each_online_cpu(cpu)
		sum += READ_ONCE(per_cpu(mem_counts, cpu)[what]);
	return sum > 0 ? sum : 0;
}

void memory_counts(struct memory_counts *c)
{
	u64 kept = 0;

	for (unsigned i = 0; i < NR_ZONES; i++)
		kept += zones[i].marks[MARK_HIGH];
	*c = (struct memory_counts){
		.total = ram_pages,
		.free = page_free_count(),
		.file = mem_count_read(MEM_FILE),
		.anon = mem_count_read(MEM_ANON),
		.dirty = mem_count_read(MEM_DIRTY),
		.writeback = mem_count_read(MEM_WRITEBACK),
		.slab_reclaimable = mem_count_read(MEM_SLAB_RECLAIMABLE),
		.slab_unreclaimable = mem_count_read(MEM_SLAB),
		.kstack = mem_count_read(MEM_KSTACK),
		.page_tables = mem_count_read(MEM_PAGE_TABLES),
		.shmem = mem_count_read(MEM_SHMEM),
		.active_anon = mem_count_read(MEM_ACTIVE_ANON),
		.inactive_anon = mem_count_read(MEM_INACTIVE_ANON),
		.active_file = mem_count_read(MEM_ACTIVE_FILE),
		.inactive_file = mem_count_read(MEM_INACTIVE_FILE),
		.mapped = mem_count_read(MEM_MAPPED),
		.mlocked = mem_count_read(MEM_MLOCKED),
		.swap_total = mem_count_read(MEM_SWAP_TOTAL),
		.swap_free = mem_count_read(MEM_SWAP_FREE),
		.vmalloc_used = mem_count_read(MEM_VMALLOC),
		.percpu = mem_count_read(MEM_PERCPU),
		.buffers = mem_count_read(MEM_BUFFERS),
		.committed = mem_count_read(MEM_COMMITTED),
	};
	/*
	 * What a program could get without swapping: free
	 * memory above the reserve, and clean caches.
	 */
	c->available = c->free > kept ? c->free - kept : 0;
	c->available += c->active_file + c->inactive_file + c->slab_reclaimable;
	if (c->available > c->dirty + c->writeback)
		c->available -= c->dirty + c->writeback;
}
