/* SPDX-License-Identifier: MIT */
/* How a new thread begins: its saved context makes the first switch to it "return" into thread_begin. */
#include <arch/context.h>
#include <kernel/sched/sched.h>
#include <kernel/task/thread.h>

extern char thread_begin[];		/* switch.S */

void arch_thread_setup_kernel(struct thread *t, int (*fn)(void *), void *arg)
{
	t->info.kernel_sp = (u64)t->kstack + KSTACK_SIZE;
	t->info.stack_low = (u64)t->kstack;
	t->context.ra = (u64)thread_begin;
	t->context.sp = t->info.kernel_sp;
	t->context.s[0] = (u64)fn;
	t->context.s[1] = (u64)arg;
}
