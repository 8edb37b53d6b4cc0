/* SPDX-License-Identifier: MIT */
/* Harts and inter-processor interrupts. CPU numbers are ours (percpu.h), hart ids the hardware's. */
#pragma once
#include <kernel/types.h>

extern u64 cpu_to_hart[];
void smp_init(void);			/* find and start the other harts, wait until they are online */
void ipi_reschedule(u32 cpu);		/* make cpu look at its need_resched flag */
/* Run fn(arg) on the CPUs of mask, this one included if named; wait until all have. Interrupts on. */
void smp_call(u64 mask, void (*fn)(void *arg), void *arg);
void __noreturn smp_stop_others_and_halt(void);
