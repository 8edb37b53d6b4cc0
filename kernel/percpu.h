/* SPDX-License-Identifier: MIT */
/*
 * Per-CPU variables. The linker gathers them in one section; each CPU has a copy
 * (made by percpu_init() before the first use on a CPU other than the boot one)
 * at a fixed distance, thread_info()->percpu_offset, from the original.
 */
#pragma once
#include <arch/current.h>

#define DEFINE_PERCPU(type, name)	__section(".data.percpu") __typeof__(type) name
#define DECLARE_PERCPU(type, name)	extern __typeof__(type) name

extern u64 percpu_offsets[];		/* by CPU number */

/* Lvalue of this CPU's copy. Preemption must be off, or the value only a hint. */
#define this_cpu(var) \
	(*(__typeof__(var) *)((u64)&(var) + thread_info()->percpu_offset))
#define per_cpu(var, cpu) \
	(*(__typeof__(var) *)((u64)&(var) + percpu_offsets[cpu]))

#define cpu_id()		(thread_info()->cpu)

/* CPUs have numbers 0..nr_cpus-1, the boot CPU is 0; hart ids are <arch/smp.h>'s. */
#define NR_CPUS			8
extern u32 nr_cpus;			/* usable ones, constant after smp_init() */
extern u64 cpus_online;			/* bit per CPU that runs */
#define for_each_online_cpu(c)	for (c = 0; c < nr_cpus; c++) \
	if (cpus_online & BIT(c))

/* Boot CPU, nr_cpus known, after paging_init() and before page_alloc_init(). */
void percpu_init(void);
