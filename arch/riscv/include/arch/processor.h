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
 * turn switches to the next hart at WFI; at PAUSE it may not, and QEMU 7.2 was seen
 * to stay in the loop for good where no timer was armed. Only where software
 * interrupts are enabled in sie: else nothing would be pending.
 */
static __always_inline void cpu_spin_yield(void)
{
	unsigned long sie, sstatus;

	__asm__ volatile("csrr %0, sie" : "=r"(sie));
	if (!(sie & 2)) {
		cpu_relax();
		return;
	}
	/*
	 * Interrupts off (SIE, bit 1): taken before the
	 * WFI, it would leave nothing pending to end it.
	 */
	__asm__ volatile("csrrci %0, sstatus, 2\n"
			 "csrsi sip, 2\n"
			 "wfi" : "=r"(sstatus) :: "memory");
	__asm__ volatile("csrs sstatus, %0" :: "r"(sstatus & 2) : "memory");
}

/* One round of a spin loop; *spins counts them, from 0. Yields now and then, not often. */
static __always_inline void cpu_spin_wait(u32 *spins)
{
	if (++*spins % 64)
		cpu_relax();
	else
		cpu_spin_yield();
}
