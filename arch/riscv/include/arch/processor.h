/* SPDX-License-Identifier: MIT */
/* What one hart can be told to do. */
#pragma once
#include <kernel/types.h>

/* In a spin loop: PAUSE (Zihintpause) is a FENCE encoding, harmless where not implemented. */
static __always_inline void cpu_relax(void)
{
	__asm__ volatile(".insn i 0x0F, 0, x0, x0, 0x010" ::: "memory");
}

/* Sleep until an interrupt is pending, enabled in sstatus or not. */
static __always_inline void cpu_wait_for_interrupt(void)
{
	__asm__ volatile("wfi" ::: "memory");
}

/*
 * In a spin loop that has gone on for long: let others run. On hardware WFI with
 * an enabled interrupt pending is a no-operation (Privileged 20211203, 3.3.3), so
 * this costs a spurious software interrupt later. An emulator that runs harts in
 * turn switches to the next hart at WFI; at PAUSE it does not, and would spend
 * the rest of this hart's turn, up to a tenth of a second of guest time, in the
 * loop. Only where software interrupts are enabled in sie: else nothing would be pending.
 */
static __always_inline void cpu_spin_yield(void)
{
	unsigned long sie;

	__asm__ volatile("csrr %0, sie" : "=r"(sie));
	if (sie & 2)
		__asm__ volatile("csrsi sip, 2; wfi" ::: "memory");
	else
		cpu_relax();
}

/* One round of a spin loop; *spins counts them, from 0. Yields now and then, not often. */
static __always_inline void cpu_spin_wait(u32 *spins)
{
	if (++*spins % 64)
		cpu_relax();
	else
		cpu_spin_yield();
}
