/* SPDX-License-Identifier: MIT */
/* Reclaim as boot, the out-of-memory killer and /proc see it. */
#pragma once
#include <kernel/mm/page.h>

void reclaim_init(void);		/* starts kswapd; late boot */

/*
 * End a process to get memory; true: some may come free. Set once by kernel/proc/oom.c. May sleep.
 */
extern bool (*oom_kill_hook)(unsigned order, u32 gfp);
/*
 * Is there such a block now, for who may not use the
 * reserve? A hint, for the last look before a kill.
 */
bool page_available(unsigned order, u32 gfp);

extern struct reclaim_stats {
	u64 direct, freed;		/* runs of direct reclaim; pages freed in all. Atomic */
} reclaim_stats;
