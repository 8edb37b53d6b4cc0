/* SPDX-License-Identifier: MIT */
/* /proc/meminfo, vmstat, buddyinfo, zoneinfo, slabinfo, swaps: who uses the memory. */
#include <drivers/block/block.h>
#include <fs/proc/proc.h>
#include <arch/layout.h>
#include <kernel/lib/string.h>
#include <kernel/mm/mm.h>
#include <kernel/mm/page.h>
#include <kernel/mm/slab.h>
#include <kernel/mm/zone.h>
#include <kernel/percpu.h>

#define KIB_PER_PAGE	(PAGE_SIZE / 1024)

int proc_meminfo_show(struct seq *s, struct pseudo *p)
{
	struct memory_counts c;

	memory_counts(&c);
	const struct {
		const char *name;
		u64 pages;
	} lines[] = {
		{ "MemTotal", c.total }, { "MemFree", c.free }, { "MemAvailable", c.available },
		{ "Buffers", c.buffers }, { "Cached", c.file > c.buffers ? c.file - c.buffers : 0 },
		{ "SwapCached", 0 },
		{ "Active", c.active_anon + c.active_file }, { "Inactive", c.inactive_anon + c.inactive_file },
		{ "Active(anon)", c.active_anon }, { "Inactive(anon)", c.inactive_anon },
		{ "Active(file)", c.active_file }, { "Inactive(file)", c.inactive_file },
		{ "Unevictable", c.mlocked }, { "Mlocked", c.mlocked },
		{ "SwapTotal", c.swap_total }, { "SwapFree", c.swap_free },
		{ "Dirty", c.dirty }, { "Writeback", c.writeback }, { "AnonPages", c.anon },
		{ "Mapped", c.mapped }, { "Shmem", c.shmem }, { "KReclaimable", c.slab_reclaimable },
		{ "Slab", c.slab_reclaimable + c.slab_unreclaimable },
		{ "SReclaimable", c.slab_reclaimable }, { "SUnreclaim", c.slab_unreclaimable },
		{ "KernelStack", c.kstack }, { "PageTables", c.page_tables },
		{ "CommitLimit", commit_limit() }, { "Committed_AS", c.committed },
		{ "VmallocTotal", (vmalloc_end - VMALLOC_START) >> PAGE_SHIFT },
		{ "VmallocUsed", c.vmalloc_used }, { "VmallocChunk", 0 }, { "Percpu", c.percpu },
	};

	for (u32 i = 0; i < ARRAY_SIZE(lines); i++)
		seq_printf(s, "%s:%*s%8lu kB\n", lines[i].name, (int)(15 - strlen(lines[i].name)),
			   "", lines[i].pages * KIB_PER_PAGE);
	return 0;
}

struct transfers {
	u64 sectors[2];			/* read, written */
};

static void add_transfers(struct blockdev *b, void *arg)
{
	struct transfers *t = arg;
	u64 flags;

	if (b->partno)
		return;
	flags = spin_lock_irqsave(&b->disk->lock);
	for (u32 i = 0; i < 2; i++)
		t->sectors[i] += b->stats[i].sectors;
	spin_unlock_irqrestore(&b->disk->lock, flags);
}

int proc_vmstat_show(struct seq *s, struct pseudo *p)
{
	struct transfers t = { 0 };
	struct memory_counts c;

	blockdev_for_each(add_transfers, &t);

	memory_counts(&c);
	const struct {
		const char *name;
		u64 value;
	} lines[] = {
		{ "nr_free_pages", c.free },
		{ "nr_inactive_anon", c.inactive_anon }, { "nr_active_anon", c.active_anon },
		{ "nr_inactive_file", c.inactive_file }, { "nr_active_file", c.active_file },
		{ "nr_mlock", c.mlocked }, { "nr_slab_reclaimable", c.slab_reclaimable },
		{ "nr_slab_unreclaimable", c.slab_unreclaimable }, { "nr_anon_pages", c.anon },
		{ "nr_mapped", c.mapped }, { "nr_file_pages", c.file }, { "nr_dirty", c.dirty },
		{ "nr_writeback", c.writeback }, { "nr_shmem", c.shmem },
		{ "nr_kernel_stack", c.kstack * KIB_PER_PAGE }, { "nr_page_table_pages", c.page_tables },
		/* KiB, whatever the name says. */
		{ "pgpgin", t.sectors[0] / 2 }, { "pgpgout", t.sectors[1] / 2 },
	};

	for (u32 i = 0; i < ARRAY_SIZE(lines); i++)
		seq_printf(s, "%s %lu\n", lines[i].name, lines[i].value);
	return 0;
}

static const char *const zone_names[NR_ZONES] = { [ZONE_DMA32] = "DMA32", [ZONE_NORMAL] = "Normal" };

int proc_buddyinfo_show(struct seq *s, struct pseudo *p)
{
	for (u32 i = 0; i < NR_ZONES; i++) {
		if (!zones[i].managed)
			continue;
		seq_printf(s, "Node 0, zone %8s ", zone_names[i]);
		for (u32 order = 0; order <= MAX_ORDER; order++)
			seq_printf(s, "%6lu ", READ_ONCE(zones[i].nr_blocks[order]));
		seq_putc(s, '\n');
	}
	return 0;
}

int proc_zoneinfo_show(struct seq *s, struct pseudo *p)
{
	for (u32 i = 0; i < NR_ZONES; i++) {
		const struct zone *z = &zones[i];

		seq_printf(s, "Node 0, zone %8s\n  pages free     %lu\n        min      %lu\n        low      %lu\n"
			   "        high     %lu\n        present  %lu\n        managed  %lu\n",
			   zone_names[i], READ_ONCE(z->free), z->marks[MARK_MIN], z->marks[MARK_LOW],
			   z->marks[MARK_HIGH], z->managed, z->managed);
	}
	return 0;
}

/*
 * Objects in magazines count as free; read without
 * their CPU's consent, the sum may be off by a few.
 */
static void put_cache(const struct kmem_cache *c, void *arg)
{
	u64 taken = READ_ONCE(c->nr_taken), slabs = READ_ONCE(c->nr_slabs), stocked = 0;
	struct seq *s = arg;

	for (u32 cpu = 0; cpu < nr_cpus; cpu++)
		if (c->magazines[cpu])
			stocked += READ_ONCE(c->magazines[cpu]->count);
	seq_printf(s,
		   "%-17s %6lu %6lu %6u %4u %4u : tunables %4u %4u %4u : slabdata %6lu %6lu %6u\n",
		   c->name, taken > stocked ? taken - stocked : 0, slabs * c->per_slab, c->stride,
		   c->per_slab, 1u << c->order, 0, 0, 0, slabs - READ_ONCE(c->nr_free_slabs), slabs,
		   0);
}

int proc_slabinfo_show(struct seq *s, struct pseudo *p)
{
	seq_puts(s, "slabinfo - version: 2.1\n# name            <active_objs> <num_objs> <objsize> <objperslab> "
		 "<pagesperslab> : tunables <limit> <batchcount> <sharedfactor> : slabdata <active_slabs> "
		 "<num_slabs> <sharedavail>\n");
	slab_for_each(put_cache, s);
	return 0;
}

/* There is no swap yet: the heading is all that there is to say. */
int proc_swaps_show(struct seq *s, struct pseudo *p)
{
	seq_puts(s, "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n");
	return 0;
}
