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
	struct fp_state fp;	/* see cpu/fp.c */
	u32 fp_cpu;		/* where fp was last moved to or from the registers, plus one; 0: nowhere */
	bool fp_used;		/* fp is not all zero */
};

struct thread;
/* Leave prev and continue next; returns, in next's context, the thread that ran before. */
struct thread *context_switch_asm(struct thread *prev, struct thread *next);

struct trapframe;

/*
 * Make child, a new thread with a stack, begin by returning to user mode with a
 * copy of the caller's registers: a0 = 0, sp = stack unless 0, tp = tls if
 * set_tls. Copies the FP state. Before that it calls thread_started(prev).
 */
void arch_thread_setup_user(struct thread *child, uaddr_t stack, bool set_tls, u64 tls);
/*
 * Make t begin in thread_started(prev), then fn(arg), interrupts on. When fn
 * returns, the thread exits, unless kernel_exec() gave it a program: then the
 * return goes to user mode through the frame at the stack's top.
 */
void arch_thread_setup_kernel(struct thread *t, int (*fn)(void *), void *arg);
/* exec: fresh user registers (all zero, FP clean) that start at entry with sp. Context: current. */
void arch_thread_start_user(struct trapframe *regs, uaddr_t entry, uaddr_t sp);

struct signal_delivery;
/*
 * Build the frame for d->action.handler on the user stack (alternate stack minded) and point
 * regs at it; 0 or -EFAULT.
 */
int arch_signal_frame(struct signal_delivery *d, u64 restore_mask, struct trapframe *regs);
