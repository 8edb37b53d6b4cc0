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
