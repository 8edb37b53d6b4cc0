/* SPDX-License-Identifier: MIT */
/*
 * How a new thread begins: its saved context makes the first switch to it "return"
 * to its first instructions in trap/entry.S. The user frame at the top of its
 * stack is there from the start, also for a kernel thread, which may become a
 * program (kernel_exec()).
 */
#include <arch/context.h>
#include <arch/csr.h>
#include <arch/fp.h>
#include <arch/trapframe.h>
#include <kernel/lib/string.h>
#include <kernel/sched/sched.h>
#include <kernel/task/thread.h>

extern char kernel_thread_begin[], user_thread_begin[];		/* trap/entry.S */
void kernel_thread_returned(void);

void arch_thread_setup_kernel(struct thread *t, int (*fn)(void *), void *arg)
{
	t->info.kernel_sp = (u64)t->kstack + KSTACK_SIZE;
	t->info.stack_low = (u64)t->kstack;
	t->context.ra = (u64)kernel_thread_begin;
	t->context.sp = t->info.kernel_sp - TF_SIZE;
	t->context.s[0] = (u64)fn;
	t->context.s[1] = (u64)arg;
}

/* From entry.S: the function of a kernel thread has returned. */
void kernel_thread_returned(void)
{
	if (!thread_is_user(current))
		kthread_finished();
}

void arch_thread_setup_user(struct thread *child, uaddr_t stack, bool set_tls, u64 tls)
{
	struct trapframe *tf;

	child->info.kernel_sp = (u64)child->kstack + KSTACK_SIZE;
	child->info.stack_low = (u64)child->kstack;
	tf = thread_regs(child);
	if (current->context.fp_used) {
		fp_sync();
		child->context.fp = current->context.fp;
		child->context.fp_used = true;
	}
	*tf = *thread_regs(current);
	tf->status &= ~(u64)SR_FS;
	tf->cause = CAUSE_SETTLED;
	tf_arg(tf, 0) = 0;
	if (stack)
		tf_sp(tf) = stack;
	if (set_tls)
		tf_tp(tf) = tls;
	child->context.ra = (u64)user_thread_begin;
	child->context.sp = (u64)tf;
}

void arch_thread_start_user(struct trapframe *regs, uaddr_t entry, uaddr_t sp)
{
	memset(regs, 0, sizeof(*regs));
	regs->status = SR_SPIE;		/* SPP clear: to user mode; interrupts on there */
	regs->cause = CAUSE_SETTLED;
	regs->epc = entry;
	tf_sp(regs) = sp;
	fp_clear();
	__atomic_fetch_or(&current->info.flags, TIF_FRAME_CHANGED, __ATOMIC_RELAXED);
}
