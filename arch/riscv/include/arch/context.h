/* SPDX-License-Identifier: MIT */
/* Registers of a thread that does not run, and the switch between two. */
#pragma once
#include <kernel/types.h>

struct fp_state {
	u64 f[32];
	u32 fcsr;
};

/* What a function call preserves (psABI): the rest is on the thread's stack. */
struct thread_context {
	u64 ra, sp, s[12];
	struct fp_state fp;	/* saved only when sstatus.FS was Dirty */
};

struct thread;
/* Leave prev and continue next; returns, in next's context, the thread that ran before. */
struct thread *context_switch_asm(struct thread *prev, struct thread *next);
