/* SPDX-License-Identifier: MIT */
/*
 * The end of threads and processes.
 *
 *   running --thread_exit--> EXITING (no more signals are meant for it)
 *           --gives back memory, files, ...--> EXITED (linked only if it leads)
 *           --schedule--> DEAD --thread_dead--> references only
 *
 *   process: live --last thread EXITED--> zombie --wait, or nobody cares--> reaped
 *
 *  (1) A process is a zombie exactly when its only linked thread is its EXITED
 *      leader. A leader that exits early waits, linked, for the others.
 *  (2) The exit status is the group's if the group was ended (exit_group, fatal
 *      signal), else the leader's own.
 *  (3) Children of a zombie are adopted, under the same hold of tasklist_lock, by
 *      the nearest ancestor that is a subreaper, else by PID 1.
 *  (4) A process group that loses its last connection to a parent outside is
 *      orphaned; if a member is stopped, nobody is left to continue it, so the
 *      group gets SIGHUP and SIGCONT.
 *
 * exec by one of several threads is an end as well: process_become_single() kills
 * the others, waits, and if need be takes the leader's number.
 */
#include <drivers/tty/job_control.h>
#include <drivers/tty/tty.h>
#include <fs/file.h>
#include <kernel/bug.h>
#include <kernel/ipc/futex.h>
#include <kernel/mm/mm.h>
#include <kernel/proc/proc.h>
#include <kernel/sched/sched.h>
#include <kernel/task/timers.h>
#include <kernel/uapi/syscall.h>
#include <arch/uaccess.h>

/* --- telling the parent --- */

static struct kernel_siginfo child_info(const struct process *p, int why, int status)
{
	const struct pid *parent_pid = p->parent->pids[PIDTYPE_TGID];
	const struct thread *leader = p->leader;

	return (struct kernel_siginfo){
		.signo = SIGCHLD,
		.code = why,
		.pid = pid_nr(p->pids[PIDTYPE_TGID], parent_pid->numbers[parent_pid->level].ns),
		.uid = leader ? leader->cred->uid : 0,
		.status = status,
		.utime = p->utime_ns / (NS_PER_SEC / 100),
		.stime = p->stime_ns / (NS_PER_SEC / 100),
	};
}

void notify_parent_stop_locked(struct process *p, int why, int sig)
{
	struct process *parent = p->parent;
	struct kernel_siginfo info;
	struct sighand *sh;
	u64 flags;

	assert_spin_held(&tasklist_lock);
	if (!parent)
		return;
	info = child_info(p, why, sig);
	sh = sighand_lock(parent, &flags);
	if (!(sh->action[SIGCHLD - 1].flags & SA_NOCLDSTOP) &&
	    sh->action[SIGCHLD - 1].handler != SIG_IGN)
		signal_send_locked(parent, NULL, SIGCHLD, &info);
	sighand_unlock(sh, flags);
	wake_all(&parent->child_wait);
}

int process_wait_status(const struct process *p)
{
	return (p->flags & PROCESS_GROUP_EXIT) ? p->group_exit_code : p->leader->exit_code;
}

bool notify_parent_exit_locked(struct process *p)
{
	struct process *parent = p->parent;
	int status = process_wait_status(p), sig = p->exit_signal;
	struct kernel_siginfo info;
	bool autoreap = false;
	struct sighand *sh;
	u64 flags;

	assert_spin_held(&tasklist_lock);
	info = child_info(p, (status & 0x7f) ? CLD_KILLED : CLD_EXITED,
			  (status & 0x7f) ? status & 0x7f : status >> 8);
	sh = sighand_lock(parent, &flags);
	if (sig == SIGCHLD) {
		const struct k_sigaction *a = &sh->action[SIGCHLD - 1];

		autoreap = a->handler == SIG_IGN || (a->flags & SA_NOCLDWAIT);
		if (a->handler == SIG_IGN)
			sig = 0;
	}
	/* clone(2) takes any number of 8 bits. */
	if (sig && sig <= NSIG) {
		info.signo = sig;
		signal_send_locked(parent, NULL, sig, &info);
	}
	sighand_unlock(sh, flags);
	wake_all(&parent->child_wait);
	return autoreap;
}

void process_reap_locked(struct process *p)
{
	wake_all(&p->pids[PIDTYPE_TGID]->pidfd_wait);
	thread_unlink_locked(p->leader);
	process_unlink_locked(p);
}

/* --- what the dying process leaves behind --- */

static bool group_has_stopped(struct pid *pgrp)
{
	struct process *p;

	process_for_each_in(pgrp, PIDTYPE_PGID, p)
		if (READ_ONCE(p->flags) & PROCESS_STOPPED)
			return true;
	return false;
}

/*
 * The tie between member and parent is gone, since one of them is leaving. If it
 * tied member's group to its session, as its last one, the group is orphaned.
 */
static void check_orphaned_group(const struct process *member, const struct process *parent,
				 const struct process *leaving)
{
	struct pid *pgrp = member->pids[PIDTYPE_PGID];

	if (parent->pids[PIDTYPE_PGID] == pgrp ||
	    parent->pids[PIDTYPE_SID] != member->pids[PIDTYPE_SID])
		return;
	if (!pgrp_is_orphaned_locked(pgrp, leaving) || !group_has_stopped(pgrp))
		return;
	signal_send_pgrp_locked(pgrp, SIGHUP, NULL);
	signal_send_pgrp_locked(pgrp, SIGCONT, NULL);
}

static struct process *find_reaper(const struct process *p)
{
	struct process *init = init_pid_ns.child_reaper;

	for (struct process *a = p->parent; a && a != init; a = a->parent)
		if (a->is_child_reaper && !a->zombie && a->nr_live)
			return a;
	return init;
}

static void adopt(struct process *child, struct process *reaper)
{
	child->parent = reaper;
	list_move_tail(&child->sibling, &reaper->children);
	if (child->pdeath_signal)
		signal_send_process(child, child->pdeath_signal, NULL);
	child->exit_signal = SIGCHLD;
	if (child->zombie && notify_parent_exit_locked(child))
		process_reap_locked(child);
}

static void reparent_children(struct process *p)
{
	struct process *reaper = find_reaper(p), *child, *next;

	list_for_each_safe(child, next, &p->children, sibling) {
		bool ended = child->zombie;

		adopt(child, reaper);
		/* A zombie tied nothing, and is perhaps no more. */
		if (!ended)
			check_orphaned_group(child, p, p);
	}
}

static void add_usage(struct process *p, struct thread *t)
{
	u64 flags = spin_lock_irqsave(&p->sighand->lock);

	p->utime_ns += t->se.utime_ns;
	p->stime_ns += t->se.stime_ns;
	p->min_flt += t->min_flt;
	p->maj_flt += t->maj_flt;
	p->nvcsw += t->se.nvcsw;
	p->nivcsw += t->se.nivcsw;
	t->exit_flags |= THREAD_EXITED;
	spin_unlock_irqrestore(&p->sighand->lock, flags);
}

/* All threads of p are gone. The controlling terminal comes back, to be put. */
static struct tty *process_end_locked(struct process *p)
{
	struct tty *tty = tty_detach_locked(p);

	reparent_children(p);
	check_orphaned_group(p, p->parent, p);
	p->zombie = true;
	wake_all(&p->pids[PIDTYPE_TGID]->pidfd_wait);
	if (notify_parent_exit_locked(p))
		process_reap_locked(p);
	return tty;
}

/* Last step under the lock: from here on t is only a number, and that only if it leads. */
static void exit_notify(struct thread *t)
{
	struct process *p = t->process;
	struct tty *tty = NULL;

	spin_lock(&tasklist_lock);
	add_usage(p, t);
	if (t != p->leader)
		thread_unlink_locked(t);
	if (p->group_exec)
		thread_wake(p->group_exec, TASK_KILLABLE);
	if (p->nr_threads == 1 && (p->leader->exit_flags & THREAD_EXITED))
		tty = process_end_locked(p);
	spin_unlock(&tasklist_lock);
	if (tty)
		tty_put(tty);
}

/* --- one thread's way out --- */

/*
 * A thread that was to stop, or to take a signal, will
 * not: count it out, wake another. True: it is the last.
 */
static bool leave_group(struct thread *t)
{
	struct process *p = t->process;
	u64 flags = spin_lock_irqsave(&p->sighand->lock);
	bool last, stopped = false;
	struct thread *other;

	t->exit_flags |= THREAD_EXITING;
	last = --p->nr_live == 0;
	if (t->stop_pending) {
		t->stop_pending = false;
		if (--p->stop_count == 0 && (p->flags & PROCESS_STOPPING)) {
			p->flags = (p->flags & ~PROCESS_STOPPING) | PROCESS_STOPPED;
			p->stop_code = p->stop_signal;
			stopped = !last;
		}
	}
	list_for_each(other, &p->threads, thread_node)
		if (other != t && (p->shared_pending.set & ~other->blocked))
			signal_wake_locked(other, false);
	spin_unlock_irqrestore(&p->sighand->lock, flags);
	if (stopped) {
		spin_lock(&tasklist_lock);
		notify_parent_stop_locked(p, CLD_STOPPED, p->stop_code);
		spin_unlock(&tasklist_lock);
	}
	return last;
}

void thread_release_mm(struct thread *t)
{
	struct completion *vfork_done;

	futex_release_robust(t);
	/* Somebody in the same memory waits for the word to become zero: pthread_join. */
	if (t->clear_child_tid && refcount_read(&t->mm->users) > 1) {
		if (!put_user((pid_t)0, t->clear_child_tid))
			(void)futex_wake_user(t->clear_child_tid, 1, true);
	}
	t->clear_child_tid = 0;
	spin_lock(&t->process->lock);
	vfork_done = t->vfork_done;
	t->vfork_done = NULL;
	if (vfork_done)
		complete(vfork_done);
	spin_unlock(&t->process->lock);
}

static void drop_mm(struct thread *t, bool last)
{
	struct mm *mm = t->mm;
	u64 peak;

	if (!mm)
		return;
	thread_release_mm(t);
	if (last) {
		peak = max(mm->peak_rss, mm_rss_pages(mm));
		t->process->maxrss_pages = max(t->process->maxrss_pages, peak);
	}
	/*
	 * Its page tables stay loaded as active_mm until
	 * the last switch: before a preemption sees no mm.
	 */
	mm_grab(mm);
	spin_lock(&t->process->lock);
	t->mm = NULL;
	spin_unlock(&t->process->lock);
	mm_put(mm);
}

static void drop_references(struct thread *t, bool last)
{
	struct process *p = t->process;
	struct files *files = t->files;
	struct fs *fs = t->fs;
	struct nsproxy *ns = t->nsproxy;
	struct file *exe = NULL;

	spin_lock(&p->lock);
	t->files = NULL;
	t->fs = NULL;
	t->nsproxy = NULL;
	if (last) {
		exe = p->exe_file;
		p->exe_file = NULL;
	}
	spin_unlock(&p->lock);
	if (files)
		files_put(files);
	if (fs)
		fs_put(fs);
	if (exe)
		file_put(exe);
	nsproxy_put(ns);
}

void __noreturn thread_exit(int code)
{
	struct thread *t = current;
	struct process *p = t->process;
	bool last = leave_group(t);

	if (last && p == init_pid_ns.child_reaper)
		panic("init (PID 1) ended with status %#x: nobody is left to adopt orphans", code);
	t->exit_code = code;
	if (last)
		timers_exit(p);
	drop_mm(t, last);
	drop_references(t, last);
	if (last && thread_is_user(t))
		tty_session_exit(p);
	sched_exit(t);
	exit_notify(t);

	thread_set_special_state(TASK_DEAD);
	schedule();
	panic("a dead thread runs");
}

void __noreturn process_exit_group(int code)
{
	struct process *p = current_process();
	u64 flags = spin_lock_irqsave(&p->sighand->lock);

	if (p->flags & PROCESS_GROUP_EXIT) {
		code = p->group_exit_code;
	} else if (p->group_exec) {
		code = SIGKILL;		/* exec is faster: this thread is only one of its victims */
	} else {
		p->flags |= PROCESS_GROUP_EXIT;
		p->group_exit_code = code;
		signal_kill_others_locked(p);
	}
	spin_unlock_irqrestore(&p->sighand->lock, flags);
	thread_exit(code);
}

long sys_exit(int code)
{
	thread_exit((code & 0xff) << 8);
}

long sys_exit_group(int code)
{
	process_exit_group((code & 0xff) << 8);
}

/* --- exec by one of several threads --- */

static bool others_are_gone_locked(const struct process *p)
{
	if (p->leader == current)
		return p->nr_threads == 1;
	return p->nr_threads == 2 && (p->leader->exit_flags & THREAD_EXITED);
}

/*
 * The process keeps its number: current becomes its
 * leader, the old one takes current's number to the grave.
 */
static void take_leadership_locked(struct process *p)
{
	struct thread *me = current, *old = p->leader;
	u64 flags = spin_lock_irqsave(&p->sighand->lock);

	swap(me->pid, old->pid);
	rcu_assign_pointer(me->pid->thread, me);
	rcu_assign_pointer(old->pid->thread, old);
	p->leader = me;
	me->start_ns = old->start_ns;
	spin_unlock_irqrestore(&p->sighand->lock, flags);
	thread_unlink_locked(old);
}

int process_become_single(void)
{
	struct process *p = current_process();
	u64 flags = spin_lock_irqsave(&p->sighand->lock);

	if (p->nr_threads == 1) {
		spin_unlock_irqrestore(&p->sighand->lock, flags);
		return 0;
	}
	if ((p->flags & PROCESS_GROUP_EXIT) || p->group_exec) {
		spin_unlock_irqrestore(&p->sighand->lock, flags);
		return -EAGAIN;
	}
	p->group_exec = current;
	signal_kill_others_locked(p);
	spin_unlock_irqrestore(&p->sighand->lock, flags);

	spin_lock(&tasklist_lock);
	while (!others_are_gone_locked(p) && !signal_fatal_pending(current)) {
		thread_set_state(TASK_KILLABLE);
		spin_unlock(&tasklist_lock);
		schedule();
		spin_lock(&tasklist_lock);
	}
	if (others_are_gone_locked(p) && p->leader != current)
		take_leadership_locked(p);
	p->group_exec = NULL;
	spin_unlock(&tasklist_lock);
	return p->nr_threads == 1 ? 0 : -EAGAIN;
}
