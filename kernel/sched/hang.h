/* SPDX-License-Identifier: MIT */
/* Who keeps a CPU for ever, and who never wakes up: the debug build watches. Design: hang.c. */
#pragma once
#include <kernel/types.h>

#ifdef CONFIG_HANG_DEBUG
#include <kernel/percpu.h>

/* ticks without a way through the scheduler; tests shorten it */
extern u32 hang_soft_ticks;
extern u32 hang_hard_passes;		/* seconds without a tick on a busy CPU */
extern u32 hang_task_passes;		/* seconds asleep without interruption */

DECLARE_PERCPU(u64, hang_switches);
/* The CPU passes the scheduler. Context: interrupts off. */
static inline void hang_note_switch(void)
{
	this_cpu(hang_switches)++;
}

void hang_tick(bool user_mode);		/* from the tick */
void hang_init(void);			/* starts the thread that looks for sleepers */
#else
static inline void hang_note_switch(void) { }
static inline void hang_tick(bool user_mode) { (void)user_mode; }
static inline void hang_init(void) { }
#endif
