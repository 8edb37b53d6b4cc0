/* SPDX-License-Identifier: MIT */
/*
 * The current thread. In the kernel, tp always holds the running thread's
 * struct thread; struct thread_info is its first member. In user mode sscratch
 * holds it. Since the whole context travels with tp, reads through it are right
 * whether or not the thread is preempted in between.
 */
#pragma once
#include <kernel/types.h>

struct thread;

/*
 * Fields that assembly and the hottest inline functions use. Only by the thread itself, but flags.
 */
struct thread_info {
	u64 flags;		/* TIF_*; others set bits with atomics */
	u32 preempt_count;	/* kernel/lock/preempt.h */
	u32 cpu;		/* set by the scheduler when it moves the thread */
	u64 percpu_offset;	/* of that cpu */
	u64 kernel_sp;		/* top of the kernel stack, where the user frame ends */
	u64 stack_low;		/* lowest address of the kernel stack; below: overflow */
	u64 scratch;		/* of the trap entry: the interrupted sp */
	char *inet_block;	/* variables of the TCP/IP instance whose lock it holds (net/port/instance.h) */
};

#define TIF_NEED_RESCHED	BIT(0)	/* reschedule at the next chance */
#define TIF_SIGPENDING		BIT(1)	/* a signal may be deliverable */
/* a system call wrote the user registers: load all of them */
#define TIF_FRAME_CHANGED	BIT(2)
#define TIF_RESTORE_SIGMASK	BIT(4)	/* put back saved_sigmask after delivery */
#define TIF_POLLING		BIT(5)	/* idle and about to look at NEED_RESCHED: needs no IPI */
#define TIF_USER_WORK		(TIF_NEED_RESCHED | TIF_SIGPENDING | TIF_FRAME_CHANGED)

static __always_inline struct thread_info *thread_info(void)
{
	struct thread_info *ti;

	/* Not volatile: within one function tp is constant, and the compiler may reuse it. */
	__asm__("mv %0, tp" : "=r"(ti));
	return ti;
}

#define current	((struct thread *)thread_info())
