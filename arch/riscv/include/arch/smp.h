/* SPDX-License-Identifier: MIT */
/*
 * Harts and inter-processor interrupts. CPU numbers are ours (percpu.h), hart ids the hardware's.
 */
#pragma once
#include <kernel/types.h>

extern u64 cpu_to_hart[];

/* What a hart that starts gets from its starter, by physical address (head.S). */
struct thread;
struct secondary_boot {
	struct thread *thread;		/* its first context: tp */
	u64 sp;
};

extern struct secondary_boot secondary_boot;
/* number the usable harts: sets nr_cpus; needs the device tree */
void smp_find_cpus(u64 boot_hart);
void smp_init(void);			/* start the other harts, wait until they are online */
void ipi_reschedule(u32 cpu);		/* make cpu look at its need_resched flag */
/* Interrupt this CPU, to call log_wake_readers(). Any context, preemption off or not. */
void ipi_log(void);
void ipi_softirq(u32 cpu);		/* make cpu call softirq_take_remote() */
void ipi_interrupt(void);		/* from the trap, interrupts off */
/*
 * Run fn(arg) on the CPUs of mask, this one included if named; wait until all have. Interrupts on.
 */
void smp_call(u64 mask, void (*fn)(void *arg), void *arg);
void smp_stop_others(void);		/* panic: each shows where it is and halts */
