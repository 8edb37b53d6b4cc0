/* SPDX-License-Identifier: MIT */
/* The current thread of a host test: a variable that the test points to the CPU it plays. */
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
	u64 kernel_sp;		/* top of the kernel stack, loaded on entry from user mode */
	u64 user_sp;		/* scratch of the trap entry */
	char *inet_block;	/* of the TCP/IP instance whose lock it holds */
};

#define TIF_NEED_RESCHED	BIT(0)	/* reschedule at the next chance */
#define TIF_SIGPENDING		BIT(1)	/* a signal may be deliverable */
#define TIF_FRAME_CHANGED	BIT(2)
#define TIF_RESTORE_SIGMASK	BIT(4)	/* put back saved_sigmask after delivery */
#define TIF_USER_WORK		(TIF_NEED_RESCHED | TIF_SIGPENDING | TIF_FRAME_CHANGED)

extern struct thread_info host_thread_info;

static inline struct thread_info *thread_info(void)
{
	return &host_thread_info;
}

#define current	((struct thread *)thread_info())
