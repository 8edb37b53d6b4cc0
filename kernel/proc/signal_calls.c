/* SPDX-License-Identifier: MIT */
/*
 * Signal system calls: actions, masks, waiting for signals, sending with
 * permission checks, the alternate stack, siginfo's user form.
 */
#include <arch/trapframe.h>
#include <arch/uaccess.h>
#include <kernel/lib/string.h>
#include <kernel/proc/proc.h>
#include <kernel/sched/sched.h>
#include <kernel/uapi/syscall.h>

#define SIGSET_BYTES	8
#define SIGINFO_BYTES	128
#define MINSIGSTKSZ	2048
enum { SIG_BLOCK, SIG_UNBLOCK, SIG_SETMASK };

/* --- siginfo_t --- */

struct user_siginfo {
	int signo, err, code, pad;
	union {
		struct {
			pid_t pid;
			uid_t uid;
			u64 value;
		} rt;			/* kill, sigqueue */
		struct {
			int id, overrun;
			u64 value;
		} timer;
		struct {
			pid_t pid;
			uid_t uid;
			int status, pad;
			s64 utime, stime;
		} child;
		u64 addr;		/* faults */
		struct {
			s64 band;
			int fd;
		} poll;
		u8 bytes[SIGINFO_BYTES - 16];
	};
};
_Static_assert(sizeof(struct user_siginfo) == SIGINFO_BYTES, "ABI");

enum siginfo_layout { LAYOUT_RT, LAYOUT_TIMER, LAYOUT_CHILD, LAYOUT_FAULT, LAYOUT_POLL };

static enum siginfo_layout layout_of(int sig, int code)
{
	if (code == SI_TIMER)
		return LAYOUT_TIMER;
	if (code <= 0 || code == SI_KERNEL)
		return LAYOUT_RT;
	if (sig == SIGCHLD)
		return LAYOUT_CHILD;
	if (sig == SIGIO)
		return LAYOUT_POLL;
	return (SIGMASK(sig) & SIGSET_SYNCHRONOUS) ? LAYOUT_FAULT : LAYOUT_RT;
}

int siginfo_to_user(uaddr_t to, const struct kernel_siginfo *info)
{
	struct user_siginfo u;

	memset(&u, 0, sizeof(u));
	u.signo = info->signo;
	u.err = info->err;
	u.code = info->code;
	switch (layout_of(info->signo, info->code)) {
	case LAYOUT_TIMER:
		u.timer.id = info->timer_id;
		u.timer.overrun = info->overrun;
		u.timer.value = info->value;
		break;
	case LAYOUT_CHILD:
		u.child.pid = info->pid;
		u.child.uid = info->uid;
		u.child.status = info->status;
		u.child.utime = info->utime;
		u.child.stime = info->stime;
		break;
	case LAYOUT_FAULT:
		u.addr = info->addr;
		break;
	case LAYOUT_POLL:
		u.poll.band = info->band;
		u.poll.fd = info->fd;
		break;
	case LAYOUT_RT:
		u.rt.pid = info->pid;
		u.rt.uid = info->uid;
		u.rt.value = info->value;
		break;
	}
	return copy_to_user(to, &u, sizeof(u));
}

int siginfo_from_user(struct kernel_siginfo *info, uaddr_t from)
{
	struct user_siginfo u;

	if (copy_from_user(&u, from, sizeof(u)))
		return -EFAULT;
	*info = (struct kernel_siginfo){
		.signo = u.signo, .err = u.err, .code = u.code,
		.pid = u.rt.pid, .uid = u.rt.uid, .value = u.rt.value,
	};
	return 0;
}

/* --- actions and masks --- */

static int get_sigset(u64 *set, uaddr_t from, size_t size)
{
	if (size != SIGSET_BYTES)
		return -EINVAL;
	return get_user(*set, from);
}

/* An action that ignores sig also drops what is already waiting. */
static void drop_ignored_locked(struct process *p, int sig)
{
	struct thread *t;

	if (!signal_is_ignored_locked(p, sig))
		return;
	sigpending_remove_locked(&p->shared_pending, SIGMASK(sig));
	list_for_each(t, &p->threads, thread_node)
		sigpending_remove_locked(&t->pending, SIGMASK(sig));
}

long sys_rt_sigaction(int sig, uaddr_t act, uaddr_t old, size_t size)
{
	const u64 known = SA_NOCLDSTOP | SA_NOCLDWAIT | SA_SIGINFO | SA_ONSTACK | SA_RESTART |
			  SA_NODEFER | SA_RESETHAND | SA_EXPOSE_TAGBITS;
	struct process *p = current_process();
	struct k_sigaction new, previous;
	u64 flags;

	if (size != SIGSET_BYTES || sig < 1 || sig > NSIG)
		return -EINVAL;
	if (act && copy_from_user(&new, act, sizeof(new)))
		return -EFAULT;
	if (act && (SIGMASK(sig) & SIGSET_KILL_STOP))
		return -EINVAL;
	flags = spin_lock_irqsave(&p->sighand->lock);
	previous = p->sighand->action[sig - 1];
	if (act) {
		/* Unknown flags are cleared, as Linux does, so that programs can probe for them. */
		new.flags &= known;
		new.mask &= ~SIGSET_KILL_STOP;
		p->sighand->action[sig - 1] = new;
		drop_ignored_locked(p, sig);
	}
	spin_unlock_irqrestore(&p->sighand->lock, flags);
	return old ? copy_to_user(old, &previous, sizeof(previous)) : 0;
}

long sys_rt_sigprocmask(int how, uaddr_t uset, uaddr_t old, size_t size)
{
	u64 before = current->blocked, set;

	if (size != SIGSET_BYTES)
		return -EINVAL;
	if (uset) {
		if (get_user(set, uset))
			return -EFAULT;
		switch (how) {
		case SIG_BLOCK:
			set |= before;
			break;
		case SIG_UNBLOCK:
			set = before & ~set;
			break;
		case SIG_SETMASK:
			break;
		default:
			return -EINVAL;
		}
		signal_set_blocked(set);
	}
	return old ? put_user(before, old) : 0;
}

long sys_rt_sigpending(uaddr_t uset, size_t size)
{
	struct thread *t = current;
	u64 set, flags;

	if (size > SIGSET_BYTES)
		return -EINVAL;
	flags = spin_lock_irqsave(&t->sighand->lock);
	set = (t->pending.set | t->process->shared_pending.set) & t->blocked;
	spin_unlock_irqrestore(&t->sighand->lock, flags);
	return copy_to_user(uset, &set, size);
}

long sys_rt_sigsuspend(uaddr_t uset, size_t size)
{
	u64 set;
	int err = get_sigset(&set, uset, size);

	if (err)
		return err;
	current->saved_sigmask = current->blocked;
	signal_set_blocked(set);
	while (!signal_pending(current)) {
		thread_set_state(TASK_INTERRUPTIBLE);
		if (!signal_pending(current))
			schedule();
		WRITE_ONCE(current->state, TASK_RUNNING);
	}
	__atomic_fetch_or(&current->info.flags, TIF_RESTORE_SIGMASK | TIF_SIGPENDING,
			  __ATOMIC_RELAXED);
	return -ERESTARTNOHAND;
}

int signal_mask_swap_user(uaddr_t uset, size_t size)
{
	u64 set;
	int err;

	if (!uset)
		return 0;
	err = get_sigset(&set, uset, size);
	if (err)
		return err;
	current->saved_sigmask = current->blocked;
	__atomic_fetch_or(&current->info.flags, TIF_RESTORE_SIGMASK, __ATOMIC_RELAXED);
	signal_set_blocked(set);
	return 0;
}

void signal_mask_restore_unless(bool interrupted)
{
	if (likely(!(READ_ONCE(current->info.flags) & TIF_RESTORE_SIGMASK)) || interrupted)
		return;
	__atomic_fetch_and(&current->info.flags, ~TIF_RESTORE_SIGMASK, __ATOMIC_RELAXED);
	signal_set_blocked(current->saved_sigmask);
}

/*
 * Sleep until a signal of set is queued: its number,
 * 0 when the time is over, -EINTR by another signal.
 */
static int wait_for_signal(u64 set, struct kernel_siginfo *info, ktime_t timeout)
{
	struct thread *t = current;
	int sig;

	for (;;) {
		spin_lock_irq(&t->sighand->lock);
		sig = signal_dequeue_locked(~set, info);
		t->sigwaiting = !sig;
		t->sigwait_set = set;
		if (!sig)
			thread_set_state(TASK_INTERRUPTIBLE);
		spin_unlock_irq(&t->sighand->lock);
		if (sig || !timeout || signal_pending(t))
			break;
		timeout = schedule_timeout(timeout);
	}
	WRITE_ONCE(t->state, TASK_RUNNING);
	spin_lock_irq(&t->sighand->lock);
	if (!sig)
		sig = signal_dequeue_locked(~set, info);
	t->sigwaiting = false;
	signal_recalc_locked(t);
	spin_unlock_irq(&t->sighand->lock);
	if (!sig && timeout)
		return -EINTR;
	return sig;
}

long sys_rt_sigtimedwait(uaddr_t uset, uaddr_t uinfo, uaddr_t utimeout, size_t size)
{
	struct kernel_siginfo info;
	ktime_t timeout = TIMEOUT_NEVER;
	struct timespec64 ts;
	u64 set;
	int sig, err = get_sigset(&set, uset, size);

	if (err)
		return err;
	if (utimeout) {
		if (copy_from_user(&ts, utimeout, sizeof(ts)))
			return -EFAULT;
		err = timespec_to_ns(&ts, &timeout);
		if (err)
			return err;
	}
	sig = wait_for_signal(set & ~SIGSET_KILL_STOP, &info, timeout);
	if (sig <= 0)
		return sig ? sig : -EAGAIN;
	if (uinfo && siginfo_to_user(uinfo, &info))
		return -EFAULT;
	return sig;
}

/* --- the alternate stack --- */

bool signal_on_alternate_stack(u64 sp)
{
	const struct thread *t = current;

	return !(t->sas_flags & SS_AUTODISARM) && sp > t->sas_sp && sp - t->sas_sp <= t->sas_size;
}

void signal_alternate_stack_of(u64 sp, struct user_stack *out)
{
	const struct thread *t = current;

	*out = (struct user_stack){
		.sp = t->sas_sp,
		.size = t->sas_size,
		.flags = (!t->sas_size ? SS_DISABLE : signal_on_alternate_stack(sp) ? SS_ONSTACK : 0) |
			 (t->sas_flags & SS_AUTODISARM),
	};
}

void signal_disarm_alternate_stack(void)
{
	current->sas_sp = current->sas_size = 0;
	current->sas_flags = SS_DISABLE;
}

static int set_alternate_stack(const struct user_stack *ss)
{
	struct thread *t = current;
	u32 mode = ss->flags & ~SS_AUTODISARM;

	if (signal_on_alternate_stack(tf_sp(thread_regs(t))))
		return -EPERM;
	if (mode != SS_DISABLE && mode != SS_ONSTACK && mode != 0)
		return -EINVAL;
	if (mode == SS_DISABLE) {
		t->sas_sp = t->sas_size = 0;
		t->sas_flags = ss->flags;
		return 0;
	}
	if (ss->size < MINSIGSTKSZ)
		return -ENOMEM;
	t->sas_sp = ss->sp;
	t->sas_size = ss->size;
	t->sas_flags = ss->flags;
	return 0;
}

void signal_restore_alternate_stack(const struct user_stack *ss)
{
	/* What the frame says may be nonsense by now; then the stack stays as it is. */
	if (set_alternate_stack(ss))
		return;
}

long sys_sigaltstack(uaddr_t unew, uaddr_t uold)
{
	struct user_stack new, old;
	int err;

	signal_alternate_stack_of(tf_sp(thread_regs(current)), &old);
	if (unew) {
		if (copy_from_user(&new, unew, sizeof(new)))
			return -EFAULT;
		err = set_alternate_stack(&new);
		if (err)
			return err;
	}
	return uold ? copy_to_user(uold, &old, sizeof(old)) : 0;
}

/* --- sending --- */

int signal_check_permission(struct process *p, int sig)
{
	const struct cred *me = current_cred(), *other;
	struct thread *leader;
	int err = -EPERM;

	if (sig < 0 || sig > NSIG)
		return -EINVAL;
	if (p == current_process())
		return 0;
	rcu_read_lock();
	leader = rcu_dereference(p->leader);
	other = leader ? rcu_dereference(leader->cred) : NULL;
	if (!other || me->euid == other->suid || me->euid == other->uid || me->uid == other->suid ||
	    me->uid == other->uid || capable(CAP_KILL))
		err = 0;
	/* A shell may continue whatever runs in its session. */
	if (sig == SIGCONT && p->pids[PIDTYPE_SID] == current_process()->pids[PIDTYPE_SID])
		err = 0;
	rcu_read_unlock();
	return err;
}

static int send_checked(struct process *p, int sig, const struct kernel_siginfo *info)
{
	int err = signal_check_permission(p, sig);

	return err ? err : signal_send_process(p, sig, info);
}

static int kill_one(pid_t nr, int sig, const struct kernel_siginfo *info)
{
	struct process *p;
	struct thread *t;
	int err = -ESRCH;

	rcu_read_lock();
	p = process_find(nr);
	/* Linux takes the number of any thread for its process. */
	if (!p) {
		t = thread_find(nr);
		p = t ? t->process : NULL;
	}
	if (p)
		err = send_checked(p, sig, info);
	rcu_read_unlock();
	return err;
}

static int kill_group(struct pid *pgrp, int sig, const struct kernel_siginfo *info)
{
	int err, result = -ESRCH;
	struct process *p;

	spin_lock(&tasklist_lock);
	process_for_each_in(pgrp, PIDTYPE_PGID, p) {
		err = send_checked(p, sig, info);
		if (result)
			result = err;
	}
	spin_unlock(&tasklist_lock);
	return result;
}

static int kill_group_number(pid_t nr, int sig, const struct kernel_siginfo *info)
{
	struct pid *pgrp;
	int err;

	rcu_read_lock();
	pgrp = pid_find(nr, current_pid_ns());
	if (pgrp && !refcount_inc_not_zero(&pgrp->refs))
		pgrp = NULL;
	rcu_read_unlock();
	if (!pgrp)
		return -ESRCH;
	err = kill_group(pgrp, sig, info);
	pid_put(pgrp);
	return err;
}

/* Everyone but PID 1, the kernel's process and the caller. */
static int kill_all(int sig, const struct kernel_siginfo *info)
{
	int err, result = -ESRCH;
	struct process *p;

	spin_lock(&tasklist_lock);
	process_for_each(p) {
		if (p == current_process() || p == init_pid_ns.child_reaper || p == &kernel_process)
			continue;
		err = send_checked(p, sig, info);
		if (err != -EPERM)
			result = err;
	}
	spin_unlock(&tasklist_lock);
	return result;
}

long sys_kill(pid_t nr, int sig)
{
	struct kernel_siginfo info;

	if (sig < 0 || sig > NSIG)
		return -EINVAL;
	siginfo_fill_user(&info, sig, SI_USER);
	if (nr > 0)
		return kill_one(nr, sig, &info);
	if (nr == 0)
		return kill_group(current_process()->pids[PIDTYPE_PGID], sig, &info);
	if (nr == -1)
		return kill_all(sig, &info);
	if (nr == -INT_MAX - 1)
		return -ESRCH;
	return kill_group_number(-nr, sig, &info);
}

/* tgid 0: any. */
static int send_to_thread(pid_t tgid, pid_t tid, int sig, const struct kernel_siginfo *info)
{
	struct thread *t;
	int err = -ESRCH;

	rcu_read_lock();
	t = thread_find(tid);
	if (t && (!tgid || process_tgid(t->process) == tgid)) {
		err = signal_check_permission(t->process, sig);
		if (!err)
			err = signal_send_thread(t, sig, info);
	}
	rcu_read_unlock();
	return err;
}

long sys_tgkill(pid_t tgid, pid_t tid, int sig)
{
	struct kernel_siginfo info;

	if (tgid <= 0 || tid <= 0 || sig < 0 || sig > NSIG)
		return -EINVAL;
	siginfo_fill_user(&info, sig, SI_TKILL);
	return send_to_thread(tgid, tid, sig, &info);
}

long sys_tkill(pid_t tid, int sig)
{
	struct kernel_siginfo info;

	if (tid <= 0 || sig < 0 || sig > NSIG)
		return -EINVAL;
	siginfo_fill_user(&info, sig, SI_TKILL);
	return send_to_thread(0, tid, sig, &info);
}

/* Only to oneself may a program pretend to be the kernel or kill(2). */
static int get_queued_info(struct kernel_siginfo *info, int sig, uaddr_t uinfo, bool to_self)
{
	int err = siginfo_from_user(info, uinfo);

	if (err)
		return err;
	info->signo = sig;
	if ((info->code >= 0 || info->code == SI_TKILL) && !to_self)
		return -EPERM;
	return 0;
}

long sys_rt_sigqueueinfo(pid_t nr, int sig, uaddr_t uinfo)
{
	struct kernel_siginfo info;
	int err = get_queued_info(&info, sig, uinfo, nr == process_tgid(current_process()));

	if (err)
		return err;
	if (sig < 0 || sig > NSIG)
		return -EINVAL;
	return kill_one(nr, sig, &info);
}

long sys_rt_tgsigqueueinfo(pid_t tgid, pid_t tid, int sig, uaddr_t uinfo)
{
	struct kernel_siginfo info;
	int err;

	if (tgid <= 0 || tid <= 0)
		return -EINVAL;
	err = get_queued_info(&info, sig, uinfo, tid == thread_tid(current));
	if (err)
		return err;
	if (sig < 0 || sig > NSIG)
		return -EINVAL;
	return send_to_thread(tgid, tid, sig, &info);
}
