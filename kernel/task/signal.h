/* SPDX-License-Identifier: MIT */
/* Sending and taking signals. Delivery to a handler: kernel/proc and arch/riscv. */
#pragma once
#include <kernel/task/thread.h>

/* 0 or -ESRCH/-EAGAIN (rlimit). Any context but NMI; takes sighand->lock. info NULL: SI_KERNEL. */
int signal_send_thread(struct thread *t, int sig, const struct kernel_siginfo *info);
int signal_send_process(struct process *p, int sig, const struct kernel_siginfo *info);
int signal_send_pgrp(struct pid *pgrp, int sig, const struct kernel_siginfo *info);
/* A fault in user mode: cannot be blocked or ignored. Context: the thread itself. */
void signal_force_fault(int sig, int code, uaddr_t addr);
static inline bool signal_pending(const struct thread *t)
{
	return READ_ONCE(t->info.flags) & TIF_SIGPENDING;
}
bool signal_fatal_pending(const struct thread *t);	/* SIGKILL waits for it */
