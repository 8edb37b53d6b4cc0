/* SPDX-License-Identifier: MIT */
/* The hart's timer interrupt, by the firmware's TIME extension (SBI 2.0, chapter 6). */
#include <arch/sbi.h>
#include <arch/time.h>

void arch_timer_set(u64 ticks)
{
	sbi_set_timer(ticks);
}
