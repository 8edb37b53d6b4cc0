/* SPDX-License-Identifier: MIT */
/* The out-of-memory killer as /proc and boot see it. */
#pragma once
#include <kernel/types.h>

struct process;

/*
 * Pages that count against p, at least 1; -1: it is
 * exempt. tasklist_lock held, or RCU and a reference.
 */
s64 oom_badness(struct process *p);
void oom_init(void);			/* late boot */
