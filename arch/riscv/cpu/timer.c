/* SPDX-License-Identifier: MIT */
/*
 * The hart's timer interrupt: by its own compare register where there is one
 * (Sstc 1.0), else by the firmware's TIME extension (SBI 2.0, chapter 6), a trap.
 */
#include <arch/csr.h>
#include <arch/isa.h>
#include <arch/sbi.h>
#include <arch/time.h>
#include <arch/trap.h>

#define CSR_STIMECMP	0x14d		/* by number: the assembler may not know the name */
/* Privileged 20211203, 4.1.5: user mode may read the time CSR */
#define COUNTEREN_TM	2

/* False: it traps. The firmware has to let us write it, whatever the device tree says. */
static bool __init write_stimecmp(u64 ticks)
{
	bool works = true;

	__asm__ volatile("1: csrw %1, %2; j 3f\n"
			 "2: li %0, 0\n"
			 "3:\n"
			 EX_TABLE(1b, 2b)
			 : "+r"(works) : "i"(CSR_STIMECMP), "r"(ticks));
	return works;
}

void __init arch_timer_init(void)
{
	isa.sstc = isa.sstc && write_stimecmp(~0ul);
}

void arch_timer_init_cpu(void)
{
	csr_write(scounteren, COUNTEREN_TM);
	arch_timer_set(~0ul);
}

void arch_timer_set(u64 ticks)
{
	if (isa.sstc)
		__asm__ volatile("csrw %0, %1" :: "i"(CSR_STIMECMP), "r"(ticks));
	else
		sbi_set_timer(ticks);
}
