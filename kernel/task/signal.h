/* SPDX-License-Identifier: MIT */
/* Sending and taking signals. Delivery to a handler: kernel/proc and arch/riscv. */
#pragma once
#include <kernel/task/thread.h>

struct trapframe;

/* 0 or -ESRCH/-EAGAIN (rlimit). Any context but NMI; takes sighand->lock. info NULL: SI_KERNEL. */
int signal_send_thread(struct thread *t, int sig, const struct kernel_siginfo *info);
int signal_send_process(struct process *p, int sig, const struct kernel_siginfo *info);
/* Also takes tasklist_lock: thread context. 0 if one process at least got it; -ESRCH: empty. */
int signal_send_pgrp(struct pid *pgrp, int sig, const struct kernel_siginfo *info);
int signal_send_pgrp_locked(struct pid *pgrp, int sig, const struct kernel_siginfo *info);
/* A fault in user mode: cannot be blocked or ignored. Context: the thread itself. */
void signal_force_fault(int sig, int code, uaddr_t addr);
static inline bool signal_pending(const struct thread *t)
{
	return READ_ONCE(t->info.flags) & TIF_SIGPENDING;
}
bool signal_fatal_pending(const struct thread *t);	/* SIGKILL waits for it */

/*
 * Lock the signal state of p, whose sighand exec may be replacing.
 * Context: any; p is kept by a reference, RCU or tasklist_lock.
 */
struct sighand *sighand_lock(struct process *p, u64 *flags);
static inline void sighand_unlock(struct sighand *sh, u64 flags)
{
	spin_unlock_irqrestore(&sh->lock, flags);
}

/* --- for kernel/proc and signalfd; sighand->lock held where the name says so --- */
#define SIGSET_KILL_STOP	(SIGMASK(SIGKILL) | SIGMASK(SIGSTOP))
#define SIGSET_STOP	(SIGMASK(SIGSTOP) | SIGMASK(SIGTSTP) | SIGMASK(SIGTTIN) | SIGMASK(SIGTTOU))
/* Dequeued before all others: they tell of what the thread itself just did. */
#define SIGSET_SYNCHRONOUS	(SIGMASK(SIGSEGV) | SIGMASK(SIGBUS) | SIGMASK(SIGILL) | SIGMASK(SIGTRAP) | \
				 SIGMASK(SIGFPE) | SIGMASK(SIGSYS))

void sigpending_init(struct sigpending *p);
void sigpending_flush(struct sigpending *p);		/* drop everything queued */
void sigpending_remove_locked(struct sigpending *p, u64 set);
/* Take the next signal of current that is not in mask; 0: none. */
int signal_dequeue_locked(u64 mask, struct kernel_siginfo *info);
/* Set or clear TIF_SIGPENDING of t (clear: only of current) by what is pending. */
void signal_recalc_locked(struct thread *t);
void signal_wake_locked(struct thread *t, bool fatal);
int signal_send_locked(struct process *p, struct thread *t, int sig,
		       const struct kernel_siginfo *info);
/* All other threads of p are to die: SIGKILL each. How many there are. */
u32 signal_kill_others_locked(struct process *p);
/*
 * A timer's signal has its siginfo allocated beforehand, and is queued at most
 * once: sent again while it waits, it counts an overrun. When it is taken, the
 * timer is told (kernel/task/timers.h) with the sequence number it gave.
 */
struct sigqueue *sigqueue_prealloc(void);		/* counted for the caller's user; NULL: limit, memory */
void sigqueue_drop_locked(struct sigqueue *q);		/* the timer ends; a signal that waits stays */
/* To t, or p where NULL. 1: nobody would take it. */
int signal_send_prealloc_locked(struct process *p, struct thread *t, struct sigqueue *q,
				const struct kernel_siginfo *info, u32 sequence);
/* current's mask; SIGKILL, SIGSTOP left out */
void signal_set_blocked(u64 set);
/*
 * Another mask for the time of one call (ppoll, pselect6, epoll_pwait): NULL changes nothing. 0,
 * -EINVAL, -EFAULT. Afterwards the old one is put back, unless a signal interrupted the call: then
 * by delivery, after the handler's frame.
 */
int __must_check signal_mask_swap_user(uaddr_t uset, size_t size);
void signal_mask_restore_unless(bool interrupted);
bool signal_is_ignored_locked(const struct process *p, int sig);
/* actions copied; NULL: no memory */
struct sighand *sighand_create(const struct sighand *from);
void sighand_put(struct sighand *sh);
/* The 128 bytes of siginfo_t. */
int siginfo_to_user(uaddr_t to, const struct kernel_siginfo *info);
int siginfo_from_user(struct kernel_siginfo *info, uaddr_t from);
void siginfo_fill_user(struct kernel_siginfo *info, int sig, int code);	/* sender: current */
/*
 * On the way to user mode with TIF_SIGPENDING: the next signal with a handler, its action taken
 * (SA_RESETHAND done); or false. Default actions happen inside: it may not return. Defined in
 * kernel/proc/signal_deliver.c.
 */
struct signal_delivery {
	int sig;
	struct kernel_siginfo info;
	struct k_sigaction action;
};
bool signal_get(struct signal_delivery *d);
/* the frame is built: block what the action says */
void signal_delivered(const struct signal_delivery *d);
/*
 * From the trap code, interrupts on, before return to user mode while TIF_USER_WORK is set: restart
 * or end the interrupted call, build frames. in_syscall: the frame is an ecall's.
 */
void signal_handle(struct trapframe *regs, bool in_syscall);
/*
 * Alternate stack of current, for signal frames; sp:
 * the user's. Defined in kernel/proc/signal_calls.c.
 */
bool signal_on_alternate_stack(u64 sp);
void signal_alternate_stack_of(u64 sp, struct user_stack *out);
void signal_disarm_alternate_stack(void);
void signal_restore_alternate_stack(const struct user_stack *ss);
void signal_init(void);
