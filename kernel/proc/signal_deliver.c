/* SPDX-License-Identifier: MIT */
/*
 * Taking signals, on the way back to user mode.
 *
 * signal_handle() runs in the thread itself, with its user registers complete.
 * It takes signals until one has a handler, then builds one frame; signals with
 * default actions act on the spot: ignored ones vanish, stops stop the thread
 * here, fatal ones never return.
 *
 * Stopping is a group affair. The first thread that takes a stop signal sets
 * STOPPING and marks every thread; each stops when it comes here, and the last
 * one to do so makes it STOPPED and tells the parent:
 *
 *   running --stop signal taken--> STOPPING --last thread here--> STOPPED
 *      ^                               |                             |
 *      +---------------- SIGCONT (when sent), SIGKILL ---------------+
 *
 * An interrupted system call has returned -ERESTART*. If a handler runs, it may
 * become -EINTR; else the call is made again: pc back on the ecall, a0 as it
 * was. A call that must not start over (a sleep with time left) says
 * -ERESTART_RESTARTBLOCK and is continued by restart_syscall.
 */
#include <arch/context.h>
#include <arch/trapframe.h>
#include <kernel/bug.h>
#include <kernel/printk.h>
#include <kernel/proc/proc.h>
#include <kernel/sched/sched.h>
#include <kernel/uapi/syscall.h>

#define NR_RESTART_SYSCALL	128
#define ECALL_BYTES		4

/* Default actions: these do nothing, SIGSET_STOP stops, all others kill. */
#define SIGSET_DEFAULT_NONE	(SIGMASK(SIGCHLD) | SIGMASK(SIGCONT) | SIGMASK(SIGURG) | SIGMASK(SIGWINCH))

/* --- stopping --- */

static void tell_parent(struct process *p, int why, int sig)
{
	spin_lock(&tasklist_lock);
	notify_parent_stop_locked(p, why, sig);
	spin_unlock(&tasklist_lock);
}

static void start_group_stop_locked(struct process *p, int sig)
{
	struct thread *t;

	p->flags = (p->flags | PROCESS_STOPPING) & ~PROCESS_CONTINUED;
	p->stop_signal = sig;
	p->stop_count = 0;
	list_for_each(t, &p->threads, thread_node) {
		if (t->exit_flags & THREAD_EXITING)
			continue;
		t->stop_pending = true;
		p->stop_count++;
		if (t != current)
			signal_wake_locked(t, false);
	}
}

/* Join the stop that is in progress and sleep in it. Takes over the lock and releases it. */
static void stop_here(struct process *p, struct sighand *sh)
{
	bool last;

	current->stop_pending = false;
	last = --p->stop_count == 0;
	if (last) {
		p->flags = (p->flags & ~PROCESS_STOPPING) | PROCESS_STOPPED;
		p->stop_code = p->stop_signal;
	}
	/* Under the lock: SIGCONT and SIGKILL look for TASK_STOPPED while holding it. */
	thread_set_special_state(TASK_STOPPED);
	spin_unlock_irq(&sh->lock);
	if (last)
		tell_parent(p, CLD_STOPPED, p->stop_signal);
	schedule();
}

/*
 * False: the signal does not stop this process after
 * all. Lock as in stop_here(), released where true.
 */
static bool stop_by_signal(struct process *p, struct sighand *sh, int sig)
{
	if (sig != SIGSTOP) {
		/*
		 * Nobody could continue an orphaned group. The
		 * lock order wants the lock dropped to look.
		 */
		spin_unlock_irq(&sh->lock);
		if (pgrp_is_orphaned(p->pids[PIDTYPE_PGID]))
			return true;
		spin_lock_irq(&sh->lock);
		/* A SIGCONT or SIGKILL in between wins. */
		if ((p->shared_pending.set & SIGMASK(SIGCONT)) || (p->flags & PROCESS_GROUP_EXIT) ||
		    (p->flags & PROCESS_TELL_CONTINUED))
			return false;
	}
	if (!(p->flags & PROCESS_STOPPING))
		start_group_stop_locked(p, sig);
	stop_here(p, sh);
	return true;
}

/* --- taking one --- */

static void tell_continued(struct process *p, struct sighand *sh)
{
	p->flags &= ~PROCESS_TELL_CONTINUED;
	spin_unlock_irq(&sh->lock);
	tell_parent(p, CLD_CONTINUED, SIGCONT);
}

static void __noreturn die(struct process *p, int sig)
{
	if (sig == SIGKILL && (READ_ONCE(p->flags) & PROCESS_GROUP_EXIT))
		sig = p->group_exit_code;
	process_exit_group(sig);
}

/* No handler: an ignored one vanishes, others act. Takes over the lock and releases it. */
static __noinline void act_without_handler(struct process *p, struct sighand *sh, int sig)
{
	bool nothing = sh->action[sig - 1].handler == SIG_IGN || (SIGMASK(sig) & SIGSET_DEFAULT_NONE) ||
		       (p->flags & PROCESS_UNKILLABLE);

	if (!nothing && (SIGMASK(sig) & SIGSET_STOP) && stop_by_signal(p, sh, sig))
		return;
	spin_unlock_irq(&sh->lock);
	if (!nothing && !(SIGMASK(sig) & SIGSET_STOP))
		die(p, sig);
}

bool signal_get(struct signal_delivery *d)
{
	struct thread *t = current;
	struct process *p = t->process;
	struct sighand *sh = t->sighand;
	struct k_sigaction *action;

	for (;;) {
		spin_lock_irq(&sh->lock);
		if (unlikely(p->flags & PROCESS_TELL_CONTINUED)) {
			tell_continued(p, sh);
			continue;
		}
		if (unlikely(t->pending.set & SIGMASK(SIGKILL))) {
			spin_unlock_irq(&sh->lock);
			die(p, SIGKILL);
		}
		if (unlikely(t->stop_pending)) {
			stop_here(p, sh);
			continue;
		}
		d->sig = signal_dequeue_locked(t->blocked, &d->info);
		if (!d->sig)
			break;
		action = &sh->action[d->sig - 1];
		if (action->handler != SIG_IGN && action->handler != SIG_DFL) {
			d->action = *action;
			if (action->flags & SA_RESETHAND)
				action->handler = SIG_DFL;
			break;
		}
		act_without_handler(p, sh, d->sig);
	}
	spin_unlock_irq(&sh->lock);
	return d->sig != 0;
}

void signal_delivered(const struct signal_delivery *d)
{
	u64 blocked = current->blocked | d->action.mask;

	if (!(d->action.flags & SA_NODEFER))
		blocked |= SIGMASK(d->sig);
	__atomic_fetch_and(&current->info.flags, ~TIF_RESTORE_SIGMASK, __ATOMIC_RELAXED);
	signal_set_blocked(blocked);
}

/* --- restarts --- */

static void restart_call(struct trapframe *regs)
{
	tf_arg(regs, 0) = regs->orig_a0;
	regs->epc -= ECALL_BYTES;
}

/* A handler will run: does the interrupted call start again after it? */
static void settle_call_for_handler(struct trapframe *regs, const struct signal_delivery *d)
{
	switch (-(long)tf_arg(regs, 0)) {
	case ERESTARTNOHAND:
	case ERESTART_RESTARTBLOCK:
		tf_arg(regs, 0) = -EINTR;
		break;
	case ERESTARTSYS:
		if (!(d->action.flags & SA_RESTART)) {
			tf_arg(regs, 0) = -EINTR;
			break;
		}
		restart_call(regs);
		break;
	case ERESTARTNOINTR:
		restart_call(regs);
		break;
	}
}

static void settle_call_without_handler(struct trapframe *regs)
{
	switch (-(long)tf_arg(regs, 0)) {
	case ERESTARTNOHAND:
	case ERESTARTSYS:
	case ERESTARTNOINTR:
		restart_call(regs);
		break;
	case ERESTART_RESTARTBLOCK:
		restart_call(regs);
		tf_arg(regs, 7) = NR_RESTART_SYSCALL;
		break;
	}
}

static u64 mask_to_restore(void)
{
	bool saved = READ_ONCE(current->info.flags) & TIF_RESTORE_SIGMASK;

	return saved ? current->saved_sigmask : current->blocked;
}

void signal_handle(struct trapframe *regs, bool in_syscall)
{
	struct signal_delivery d;

	if (signal_get(&d)) {
		if (in_syscall)
			settle_call_for_handler(regs, &d);
		if (arch_signal_frame(&d, mask_to_restore(), regs)) {
			/* No room for the frame: as if SIGSEGV had no handler. */
			u64 flags = spin_lock_irqsave(&current->sighand->lock);

			if (d.sig == SIGSEGV)
				current->sighand->action[SIGSEGV - 1].handler = SIG_DFL;
			spin_unlock_irqrestore(&current->sighand->lock, flags);
			signal_force_fault(SIGSEGV, SI_KERNEL, 0);
		} else {
			signal_delivered(&d);
		}
		return;
	}
	if (in_syscall)
		settle_call_without_handler(regs);
	if (READ_ONCE(current->info.flags) & TIF_RESTORE_SIGMASK) {
		__atomic_fetch_and(&current->info.flags, ~TIF_RESTORE_SIGMASK, __ATOMIC_RELAXED);
		signal_set_blocked(current->saved_sigmask);
	}
}

long sys_restart_syscall(void)
{
	long (*fn)(struct thread *) = current->restart.fn;

	return fn ? fn(current) : -EINTR;
}
