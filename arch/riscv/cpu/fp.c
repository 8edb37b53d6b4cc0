/* SPDX-License-Identifier: MIT */
/*
 * Floating-point state of user threads, moved only where needed.
 *
 * sstatus.FS in a thread's user frame says what its program may do, and what it
 * has done:
 *
 *   Off     the registers are not this thread's: the next FP instruction traps
 *           and loads them from context.fp (fp_first_use)
 *   Clean   the registers equal context.fp
 *   Dirty   the registers are newer: stored when the thread leaves the CPU
 *
 * A thread begins with Off, so a program that uses no FP never pays for it. When
 * a thread comes back to a CPU whose registers still hold its state, it goes on
 * with Clean; otherwise it is set to Off. Who that is: fp_owner of the CPU is the
 * last thread that loaded or stored registers there, and context.fp_cpu is the
 * last CPU where the thread did. Both must agree.
 *
 * Kernel code uses no FP: the trap entry turns FS off, fpregs.S turns it on for its
 * moves. Source: Privileged Architecture 20211203, section 3.1.6.6 (FS states).
 */
#include <arch/fp.h>
#include <arch/irqflags.h>
#include <kernel/lib/string.h>

DEFINE_PERCPU(struct thread *, fp_owner);

static void own(struct thread *t)
{
	this_cpu(fp_owner) = t;
	t->context.fp_cpu = cpu_id() + 1;
}

static void set_state(struct trapframe *tf, u64 fs)
{
	tf->status = (tf->status & ~(u64)SR_FS) | fs;
}

void fp_switch_out_dirty(struct thread *prev)
{
	fp_store(&prev->context.fp);
	set_state(thread_regs(prev), SR_FS_CLEAN);
	own(prev);
}

bool fp_first_use(struct trapframe *tf)
{
	if (tf->status & SR_FS)
		return false;
	local_irq_disable();
	fp_load(&current->context.fp);
	set_state(tf, SR_FS_CLEAN);
	current->context.fp_used = true;
	own(current);
	local_irq_enable();
	return true;
}

void fp_sync(void)
{
	local_irq_disable();
	if ((thread_regs(current)->status & SR_FS) == SR_FS_DIRTY)
		fp_switch_out_dirty(current);
	local_irq_enable();
}

void fp_reload(void)
{
	set_state(thread_regs(current), 0);
	current->context.fp_used = true;
}

void fp_clear(void)
{
	set_state(thread_regs(current), 0);
	if (current->context.fp_used)
		memset(&current->context.fp, 0, sizeof(current->context.fp));
	current->context.fp_used = false;
}
