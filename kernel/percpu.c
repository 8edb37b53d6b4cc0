/* SPDX-License-Identifier: MIT */
/*
 * Per-CPU variables: one copy of the section for each CPU but the first, which uses the original.
 */
#include <kernel/percpu.h>
#include <arch/page.h>
#include <kernel/mm/bootmem.h>
#include <kernel/mm/counts.h>
#include <kernel/lib/string.h>
#include <kernel/sections.h>
#include <kernel/bug.h>

u64 percpu_offsets[NR_CPUS];

/*
 * Copies are made of the section as it stands: initial values hold, and whatever
 * the boot CPU has set by now is copied too, so this comes before anything that
 * a second CPU must not share, such as stacks of free pages.
 */
void __init percpu_init(void)
{
	size_t size = ALIGN_UP((size_t)(__percpu_end - __percpu_start), 64ul);
	char *copies;

	if (nr_cpus <= 1)
		return;
	copies = early_alloc(size * (nr_cpus - 1), PAGE_SIZE);
	for (u32 cpu = 1; cpu < nr_cpus; cpu++) {
		char *copy = copies + (cpu - 1) * size;

		memcpy(copy, __percpu_start, __percpu_end - __percpu_start);
		percpu_offsets[cpu] = copy - __percpu_start;
	}
	mem_count_add(MEM_PERCPU, size * (nr_cpus - 1) / PAGE_SIZE);
}
