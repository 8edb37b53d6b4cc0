/* SPDX-License-Identifier: MIT */
/* The hart's clock and timer. */
#pragma once
#include <kernel/types.h>

/* Ticks of the platform timer. May trap to firmware on some harts: read sparingly. */
static inline u64 arch_time_read(void)
{
	u64 t;

	__asm__ volatile("rdtime %0" : "=r"(t));
	return t;
}

extern u32 arch_timebase_hz;			/* from the device tree */
void arch_timer_init(void);			/* boot CPU: how timers are set */
void arch_timer_init_cpu(void);			/* no interrupt set; user mode may read the clock */
void arch_timer_set(u64 ticks);			/* interrupt this hart at or after ticks; ~0: never */
