/* SPDX-License-Identifier: MIT */
/*
 * Registers at a trap, on the kernel stack. From user mode it is always at the
 * top of the stack (thread_regs()). There s0..s11 are saved only for who reads
 * them: work before the return to user mode, and clone (trap/entry.S).
 */
#pragma once

#define TF_EPC		0
#define TF_REG(n)	((n) * 8)	/* x1..x31; x0 is never saved */
#define TF_STATUS	256
#define TF_CAUSE	264
#define TF_TVAL		272
#define TF_ORIG_A0	280		/* a0 at the system call, for restarts */
#define TF_SIZE		288		/* multiple of 16: the ABI's stack alignment */

#ifndef __ASSEMBLER__
#include <kernel/types.h>
#include <arch/current.h>
/* In cause: a system call whose result must not be taken for a restart (any more). */
#define CAUSE_SETTLED	(~0ul >> 1)

struct trapframe {
	u64 epc;
	u64 x[31];		/* x[i] is register x(i+1) */
	u64 status, cause, tval, orig_a0;
};
_Static_assert(offsetof(struct trapframe, x[1]) == TF_REG(2), "sp slot");
_Static_assert(offsetof(struct trapframe, status) == TF_STATUS, "status slot");
_Static_assert(offsetof(struct trapframe, orig_a0) == TF_ORIG_A0, "orig_a0 slot");
_Static_assert(sizeof(struct trapframe) == TF_SIZE, "frame size");

#define tf_ra(tf)	((tf)->x[0])
#define tf_sp(tf)	((tf)->x[1])
#define tf_tp(tf)	((tf)->x[3])
#define tf_arg(tf, n)	((tf)->x[9 + (n)])	/* a0..a7 */

/* The user registers of a thread (its own, or one that is in the kernel). */
static inline struct trapframe *thread_regs(struct thread *t)
{
	return (struct trapframe *)(((struct thread_info *)t)->kernel_sp - TF_SIZE);
}
#endif
