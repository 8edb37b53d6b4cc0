/* SPDX-License-Identifier: MIT */
/* Floating-point registers of user threads: who has them, when they move. See cpu/fp.c. */
#pragma once
#include <arch/context.h>
#include <arch/csr.h>
#include <arch/trapframe.h>
#include <kernel/percpu.h>
#include <kernel/task/thread.h>

/* FP moves between the registers and memory; sstatus.FS need not be on. cpu/fpregs.S */
void fp_store(struct fp_state *to);
void fp_load(const struct fp_state *from);

void fp_switch_out_dirty(struct thread *prev);

DECLARE_PERCPU(struct thread *, fp_owner);	/* cpu/fp.c */

static inline bool fp_is_loaded_here(const struct thread *t)
{
	return this_cpu(fp_owner) == t && t->context.fp_cpu == cpu_id() + 1;
}

/* At a switch, interrupts off: prev leaves this CPU, next comes to it. */
static inline void fp_switch(struct thread *prev, struct thread *next)
{
	if (thread_is_user(prev) && (thread_regs(prev)->status & SR_FS) == SR_FS_DIRTY)
		fp_switch_out_dirty(prev);
	if (thread_is_user(next) && (thread_regs(next)->status & SR_FS) && !fp_is_loaded_here(next))
		thread_regs(next)->status &= ~(u64)SR_FS;
}

/*
 * An illegal instruction in user mode. True: FP was off, its registers are loaded now, try again.
 */
bool fp_first_use(struct trapframe *tf);
/* Bring current's context.fp up to date with the registers. Interrupts on. */
void fp_sync(void);
/* current's context.fp was changed, or is to be all zero: the registers no longer count. */
void fp_reload(void);
void fp_clear(void);
