/* SPDX-License-Identifier: MIT */
/* The hart's timer interrupt, by the firmware's TIME extension (SBI 2.0, chapter 6). */
#include <arch/csr.h>
#include <arch/sbi.h>
#include <arch/time.h>

#define COUNTEREN_TM	2		/* Privileged 20211203, 4.1.5: user mode may read the time CSR */

void arch_timer_init_cpu(void)
{
	csr_write(scounteren, COUNTEREN_TM);
	arch_timer_set(~0ul);
}

void arch_timer_set(u64 ticks)
{
	sbi_set_timer(ticks);
}
