/* SPDX-License-Identifier: MIT */
/*
 * Sessions and their terminal.
 *
 * A terminal belongs to at most one session (tty->session), whose leader took it
 * by opening it or by TIOCSCTTY and has it as process->tty, as have the processes
 * that it and its children make from then on. One process group of the session is in the foreground
 * (tty->pgrp): it gets the keyboard's signals and may read.
 *
 * Locks: process->tty changes under tasklist_lock; tty->session and tty->pgrp
 * under tty->lock, which nests inside it. A pointer comparison with one's own
 * process->tty needs no lock: only the session leader's death or hang-up changes
 * it behind one's back, and then the answer is stale either way.
 *
 * Source: POSIX.1-2017, 11.1.1 to 11.1.5; details as Linux.
 */
#include <drivers/tty/job_control.h>
#include <arch/uaccess.h>
#include <fs/file.h>
#include <kernel/errno.h>
#include <kernel/task/cred.h>
#include <kernel/task/pid.h>
#include <kernel/task/signal.h>
#include <kernel/uapi/syscall.h>

static struct pid *pgrp_of(const struct process *p)
{
	return p->pids[PIDTYPE_PGID];
}

static struct pid *session_of(const struct process *p)
{
	return p->pids[PIDTYPE_SID];
}

static bool is_session_leader(const struct process *p)
{
	return session_of(p) == p->pids[PIDTYPE_TGID];
}

/* --- background access --- */

static bool signal_is_deaf(int sig)
{
	struct thread *t = current;
	u64 flags = spin_lock_irqsave(&t->sighand->lock);
	bool deaf = (t->blocked & SIGMASK(sig)) ||
		    t->sighand->action[sig - 1].handler == SIG_IGN;

	spin_unlock_irqrestore(&t->sighand->lock, flags);
	return deaf;
}

/* The caller's group, with a reference: another process may move it to a new one. */
static struct pid *get_own_pgrp(void)
{
	struct pid *pgrp;

	spin_lock(&tasklist_lock);
	pgrp = pid_get(pgrp_of(current_process()));
	spin_unlock(&tasklist_lock);
	return pgrp;
}

/* The call is made again once the signal has been dealt with, by whichever thread takes it. */
static int stop_own_pgrp(struct pid *pgrp, int sig)
{
	signal_send_pgrp(pgrp, sig, NULL);
	__atomic_fetch_or(&current->info.flags, TIF_SIGPENDING, __ATOMIC_RELAXED);
	return -ERESTARTSYS;
}

int tty_check_background(struct tty *tty, int sig)
{
	struct process *p = current_process();
	struct pid *pgrp;
	int err;

	if (READ_ONCE(p->tty) != tty || !READ_ONCE(tty->pgrp) || READ_ONCE(tty->pgrp) == pgrp_of(p))
		return 0;
	if (signal_is_deaf(sig))
		return sig == SIGTTIN ? -EIO : 0;
	pgrp = get_own_pgrp();
	err = pgrp_is_orphaned(pgrp) ? -EIO : stop_own_pgrp(pgrp, sig);
	pid_put(pgrp);
	return err;
}

/* --- gaining and losing a terminal --- */

/* Put new pids in; the old ones come back to be put after unlock. tty->lock held. */
static void swap_session(struct tty *tty, struct pid **session, struct pid **pgrp)
{
	swap(tty->session, *session);
	swap(tty->pgrp, *pgrp);
}

static void put_pids(struct pid *a, struct pid *b)
{
	if (a)
		pid_put(a);
	if (b)
		pid_put(b);
}

/*
 * Every process of the session forgets the terminal. tasklist_lock held; refs dropped is the count.
 */
static u32 forget_in_session_locked(struct pid *session, struct tty *tty)
{
	struct process *p;
	u32 dropped = 0;

	process_for_each_in(session, PIDTYPE_SID, p) {
		if (p->tty == tty) {
			p->tty = NULL;
			dropped++;
		}
	}
	return dropped;
}

static void put_times(struct tty *tty, u32 n)
{
	while (n--)
		tty_put(tty);
}

/*
 * What the leader would tell at its exit, after a hang-up.
 * tasklist_lock held; the old one comes back to be put.
 */
static struct pid *swap_old_pgrp_locked(struct process *leader, struct pid *pgrp)
{
	struct pid *old = leader->tty_old_pgrp;

	leader->tty_old_pgrp = pgrp;
	return old;
}

/* Make tty the terminal of the caller's session. 0 or -EPERM. */
static int gain(struct tty *tty, bool steal)
{
	struct process *p = current_process();
	struct pid *session, *pgrp, *old = NULL;
	u32 dropped = 0;
	int err = 0;

	spin_lock(&tasklist_lock);
	session = pid_get(session_of(p));
	pgrp = pid_get(pgrp_of(p));
	spin_lock_irq(&tty->lock);
	if (p->tty || (tty->session && !steal)) {
		err = -EPERM;
	} else {
		if (tty->session)
			dropped = forget_in_session_locked(tty->session, tty);
		swap_session(tty, &session, &pgrp);
		p->tty = tty_get(tty);
		old = swap_old_pgrp_locked(p, NULL);
	}
	spin_unlock_irq(&tty->lock);
	spin_unlock(&tasklist_lock);
	put_pids(session, pgrp);
	put_pids(old, NULL);
	put_times(tty, dropped);
	return err;
}

void tty_open_session(struct tty *tty)
{
	struct process *p = current_process();

	if (is_session_leader(p) && !READ_ONCE(p->tty) && !READ_ONCE(tty->session))
		(void)gain(tty, false);
}

/*
 * Take the session from the terminal; both pids come
 * back with their references, NULL if it had none.
 */
static void release_session(struct tty *tty, struct pid *only, struct pid **session,
			    struct pid **pgrp)
{
	u32 dropped = 0;

	*session = *pgrp = NULL;
	spin_lock(&tasklist_lock);
	spin_lock_irq(&tty->lock);
	if (tty->session && (!only || tty->session == only)) {
		swap_session(tty, session, pgrp);
		dropped = forget_in_session_locked(*session, tty);
	}
	spin_unlock_irq(&tty->lock);
	spin_unlock(&tasklist_lock);
	put_times(tty, dropped);
}

void tty_forget_session(struct tty *tty)
{
	struct pid *session, *pgrp;

	if (!READ_ONCE(tty->session))
		return;
	release_session(tty, NULL, &session, &pgrp);
	put_pids(session, pgrp);
}

/* The leader hears it, and keeps the foreground group for its own end. */
static void hangup_leader(struct pid *session, struct pid *pgrp)
{
	struct process *leader = process_lookup_pid(session);
	struct pid *old;

	if (!leader)
		return;
	spin_lock(&tasklist_lock);
	old = swap_old_pgrp_locked(leader, pgrp ? pid_get(pgrp) : NULL);
	spin_unlock(&tasklist_lock);
	put_pids(old, NULL);
	signal_send_process(leader, SIGHUP, NULL);
	signal_send_process(leader, SIGCONT, NULL);
	process_put(leader);
}

void tty_session_hangup(struct tty *tty, bool session_exits)
{
	struct pid *session, *pgrp;

	release_session(tty, NULL, &session, &pgrp);
	if (session)
		hangup_leader(session, pgrp);
	if (pgrp && session_exits)
		signal_send_pgrp(pgrp, SIGHUP, NULL);
	put_pids(session, pgrp);
}

/*
 * The leader gives the terminal up. A pty stays; a line
 * that a session has left is hung up for all who have it.
 */
static void leader_leaves(struct tty *tty, struct process *leader, bool exits)
{
	struct pid *session, *pgrp;

	if (exits && !tty->is_pty) {
		tty_hangup(tty, true);
		return;
	}
	release_session(tty, session_of(leader), &session, &pgrp);
	if (pgrp) {
		signal_send_pgrp(pgrp, SIGHUP, NULL);
		if (!exits)
			signal_send_pgrp(pgrp, SIGCONT, NULL);
	}
	put_pids(session, pgrp);
}

/* Its terminal was hung up under it: now the group that was in the foreground then hears it. */
static void tell_old_pgrp(struct process *leader, bool send)
{
	struct pid *old;

	spin_lock(&tasklist_lock);
	old = swap_old_pgrp_locked(leader, NULL);
	spin_unlock(&tasklist_lock);
	if (old && send) {
		signal_send_pgrp(old, SIGHUP, NULL);
		signal_send_pgrp(old, SIGCONT, NULL);
	}
	put_pids(old, NULL);
}

void tty_session_exit(struct process *p)
{
	struct tty *tty;

	if (!is_session_leader(p))
		return;
	tty = tty_get_controlling();
	if (tty) {
		leader_leaves(tty, p, true);
		tty_put(tty);
	}
	if (READ_ONCE(p->tty_old_pgrp))
		tell_old_pgrp(p, !tty);
}

struct tty *tty_get_controlling(void)
{
	struct tty *tty;

	spin_lock(&tasklist_lock);
	tty = current_process()->tty;
	if (tty)
		tty_get(tty);
	spin_unlock(&tasklist_lock);
	return tty;
}

void tty_fork_locked(struct process *child, const struct process *parent)
{
	assert_spin_held(&tasklist_lock);
	child->tty = parent->tty ? tty_get(parent->tty) : NULL;
}

struct tty *tty_detach_locked(struct process *p)
{
	struct tty *tty = p->tty;

	assert_spin_held(&tasklist_lock);
	p->tty = NULL;
	return tty;
}

/* --- ioctls --- */

long tty_ioctl_sctty(struct tty *tty, const struct file *f, u64 steal)
{
	struct process *p = current_process();
	bool taken = READ_ONCE(tty->session);

	if (is_session_leader(p) && taken && READ_ONCE(tty->session) == session_of(p))
		return 0;
	if (!is_session_leader(p) || READ_ONCE(p->tty))
		return -EPERM;
	if (taken && !(steal == 1 && capable(CAP_SYS_ADMIN)))
		return -EPERM;
	if (!(f->mode & FMODE_READ) && !capable(CAP_SYS_ADMIN))
		return -EPERM;
	return gain(tty, taken);
}

long tty_ioctl_notty(struct tty *tty)
{
	struct process *p = current_process();
	struct tty *mine;

	if (READ_ONCE(p->tty) != tty)
		return -ENOTTY;
	if (is_session_leader(p)) {
		leader_leaves(tty, p, false);
		return 0;
	}
	spin_lock(&tasklist_lock);
	mine = tty_detach_locked(p);
	spin_unlock(&tasklist_lock);
	if (mine)
		tty_put(mine);
	return 0;
}

static struct pid *get_pid_field(struct tty *tty, struct pid **field)
{
	u64 flags = spin_lock_irqsave(&tty->lock);
	struct pid *pid = *field ? pid_get(*field) : NULL;

	spin_unlock_irqrestore(&tty->lock, flags);
	return pid;
}

static long report_pid(struct tty *tty, struct pid **field, uaddr_t arg)
{
	struct pid *pid = get_pid_field(tty, field);
	pid_t nr = pid ? pid_vnr(pid) : 0;

	if (pid)
		pid_put(pid);
	return put_user(nr, arg);
}

long tty_ioctl_gpgrp(struct tty *tty, uaddr_t arg, bool from_master)
{
	if (!from_master && READ_ONCE(current_process()->tty) != tty)
		return -ENOTTY;
	return report_pid(tty, &tty->pgrp, arg);
}

long tty_ioctl_gsid(struct tty *tty, uaddr_t arg, bool from_master)
{
	if (!from_master && READ_ONCE(current_process()->tty) != tty)
		return -ENOTTY;
	if (!READ_ONCE(tty->session))
		return -ENOTTY;
	return report_pid(tty, &tty->session, arg);
}

/*
 * The session that the group nr is of: a member's, or that
 * of the process with this number. tasklist_lock held.
 */
static struct pid *session_of_group_locked(const struct pid *pgrp)
{
	struct process *p = process_of_link(pgrp->members[PIDTYPE_PGID].first, PIDTYPE_PGID);

	if (!p)
		p = pgrp->process;
	return p ? session_of(p) : NULL;
}

/* The group named by nr, of the caller's session. With a reference; NULL and *err. */
static struct pid *group_in_session(pid_t nr, int *err)
{
	struct pid *pgrp;

	*err = -ESRCH;
	spin_lock(&tasklist_lock);
	pgrp = pid_find(nr, current_pid_ns());
	if (pgrp && session_of_group_locked(pgrp) != session_of(current_process())) {
		*err = -EPERM;
		pgrp = NULL;
	}
	if (pgrp)
		pid_get(pgrp);
	spin_unlock(&tasklist_lock);
	return pgrp;
}

long tty_ioctl_spgrp(struct tty *tty, uaddr_t arg)
{
	struct process *p = current_process();
	struct pid *pgrp;
	u64 flags;
	pid_t nr;
	int err = tty_check_background(tty, SIGTTOU);

	if (err)
		return err == -EIO ? -ENOTTY : err;
	if (get_user(nr, arg))
		return -EFAULT;
	if (nr < 0)
		return -EINVAL;
	if (READ_ONCE(p->tty) != tty || READ_ONCE(tty->session) != session_of(p))
		return -ENOTTY;
	pgrp = group_in_session(nr, &err);
	if (!pgrp)
		return err;
	flags = spin_lock_irqsave(&tty->lock);
	swap(tty->pgrp, pgrp);
	spin_unlock_irqrestore(&tty->lock, flags);
	put_pids(pgrp, NULL);
	return 0;
}

/* The caller's terminal is hung up: what a login program does before it hands it on. */
long sys_vhangup(void)
{
	struct tty *tty;

	if (!capable(CAP_SYS_TTY_CONFIG))
		return -EPERM;
	tty = tty_get_controlling();
	if (tty) {
		tty_hangup(tty, false);
		tty_put(tty);
	}
	return 0;
}

dev_t tty_of_process(struct process *p, pid_t *foreground)
{
	struct tty *tty;
	struct pid *pgrp;
	dev_t dev;

	*foreground = -1;
	spin_lock(&tasklist_lock);
	tty = p->tty ? tty_get(p->tty) : NULL;
	spin_unlock(&tasklist_lock);
	if (!tty)
		return 0;
	pgrp = get_pid_field(tty, &tty->pgrp);
	if (pgrp) {
		*foreground = pid_vnr(pgrp);
		pid_put(pgrp);
	}
	dev = tty->dev;
	tty_put(tty);
	return dev;
}
