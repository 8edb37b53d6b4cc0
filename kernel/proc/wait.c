/* SPDX-License-Identifier: MIT */
/*
 * wait4 and waitid: a process learns what became of its children.
 *
 * A caller waits on its own process's child_wait; children wake it when they
 * end, stop or continue. Each look walks the children under tasklist_lock, which
 * is also held where they change, so nothing is missed between look and sleep.
 *
 * Any thread may wait for the children of any thread of its process.
 * Limit: __WNOTHREAD is refused with -EINVAL, since the tree knows processes only.
 */
#include <arch/uaccess.h>
#include <kernel/proc/proc.h>
#include <kernel/sched/sched.h>
#include <kernel/uapi/syscall.h>

#define WNOHANG		0x00000001
#define WUNTRACED	0x00000002
#define WSTOPPED	WUNTRACED
#define WEXITED		0x00000004
#define WCONTINUED	0x00000008
#define WNOWAIT		0x01000000
#define __WALL		0x40000000
#define __WCLONE	0x80000000u

enum { P_ALL, P_PID, P_PGID, P_PIDFD };

struct wait_request {
	int type;
	struct pid *pid;		/* NULL for P_ALL */
	u32 options;
	/* Result. */
	pid_t found;			/* 0: none yet */
	int cause;			/* CLD_* */
	int status;			/* as in siginfo; wait4's word is made of it */
	uid_t uid;
	struct usage usage;
};

static bool is_wanted(const struct wait_request *r, const struct process *c)
{
	if ((r->type == P_PID || r->type == P_PIDFD) && c->pids[PIDTYPE_TGID] != r->pid)
		return false;
	if (r->type == P_PGID && c->pids[PIDTYPE_PGID] != r->pid)
		return false;
	if (r->options & __WALL)
		return true;
	return (c->exit_signal != SIGCHLD) == !!(r->options & __WCLONE);
}

static void take_result(struct wait_request *r, const struct process *c, int cause, int status)
{
	r->found = pid_vnr(c->pids[PIDTYPE_TGID]);
	r->cause = cause;
	r->status = status;
	r->uid = c->leader->cred->uid;
}

static void add_to_children_usage(struct process *p, const struct usage *own,
				  const struct process *c)
{
	u64 maxrss = max(own->maxrss_pages, c->cmaxrss_pages);
	u64 flags = spin_lock_irqsave(&p->sighand->lock);

	p->cutime_ns += own->utime_ns + c->cutime_ns;
	p->cstime_ns += own->stime_ns + c->cstime_ns;
	p->cmin_flt += own->min_flt + c->cmin_flt;
	p->cmaj_flt += own->maj_flt + c->cmaj_flt;
	p->cnvcsw += own->nvcsw + c->cnvcsw;
	p->cnivcsw += own->nivcsw + c->cnivcsw;
	p->cmaxrss_pages = max(p->cmaxrss_pages, maxrss);
	spin_unlock_irqrestore(&p->sighand->lock, flags);
}

static bool take_zombie(struct wait_request *r, struct process *c)
{
	struct usage children;
	int code;

	if (!c->zombie || !(r->options & WEXITED))
		return false;
	code = process_wait_status(c);
	take_result(r, c, (code & 0x7f) ? CLD_KILLED : CLD_EXITED,
		    (code & 0x7f) ? code & 0x7f : code >> 8);
	usage_of_process(c, &r->usage);
	usage_of_children(c, &children);
	if (r->options & WNOWAIT)
		return true;
	add_to_children_usage(current_process(), &r->usage, c);
	/* rusage of wait covers the child's own children. */
	r->usage.utime_ns += children.utime_ns;
	r->usage.stime_ns += children.stime_ns;
	process_reap_locked(c);
	return true;
}

static bool take_stopped(struct wait_request *r, struct process *c)
{
	struct sighand *sh;
	bool taken = false;
	u64 flags;

	if (!(r->options & WSTOPPED))
		return false;
	sh = sighand_lock(c, &flags);
	if ((c->flags & PROCESS_STOPPED) && c->stop_code) {
		take_result(r, c, CLD_STOPPED, c->stop_code);
		if (!(r->options & WNOWAIT))
			c->stop_code = 0;
		taken = true;
	}
	sighand_unlock(sh, flags);
	if (taken)
		usage_of_process(c, &r->usage);
	return taken;
}

static bool take_continued(struct wait_request *r, struct process *c)
{
	struct sighand *sh;
	bool taken = false;
	u64 flags;

	if (!(r->options & WCONTINUED))
		return false;
	sh = sighand_lock(c, &flags);
	if (c->flags & PROCESS_CONTINUED) {
		take_result(r, c, CLD_CONTINUED, SIGCONT);
		if (!(r->options & WNOWAIT))
			c->flags &= ~PROCESS_CONTINUED;
		taken = true;
	}
	sighand_unlock(sh, flags);
	if (taken)
		usage_of_process(c, &r->usage);
	return taken;
}

/* True: r->found is set. *any: there is a child that could satisfy r later. */
static bool look(struct wait_request *r, bool *any)
{
	struct process *c, *next;
	bool done = false;

	*any = false;
	spin_lock(&tasklist_lock);
	list_for_each_safe(c, next, &current_process()->children, sibling) {
		if (!is_wanted(r, c))
			continue;
		*any = true;
		done = take_zombie(r, c) || take_stopped(r, c) || take_continued(r, c);
		if (done)
			break;
	}
	spin_unlock(&tasklist_lock);
	return done;
}

/* 0 with r->found (0 under WNOHANG), -ECHILD, -ERESTARTSYS. */
static long wait_for_child(struct wait_request *r)
{
	struct process *p = current_process();
	struct wait_entry entry;
	bool any;
	long err = 0;

	wait_entry_init(&entry, wait_wake_thread);
	for (;;) {
		wait_prepare(&p->child_wait, &entry, TASK_INTERRUPTIBLE);
		if (look(r, &any))
			break;
		if (!any) {
			err = -ECHILD;
			break;
		}
		if (r->options & WNOHANG)
			break;
		if (signal_pending(current)) {
			err = -ERESTARTSYS;
			break;
		}
		schedule();
	}
	wait_finish(&p->child_wait, &entry);
	return err;
}

static struct pid *lookup_number(pid_t nr)
{
	struct pid *pid;

	rcu_read_lock();
	pid = pid_find(nr, current_pid_ns());
	if (pid && !refcount_inc_not_zero(&pid->refs))
		pid = NULL;
	rcu_read_unlock();
	return pid;
}

static int status_word(const struct wait_request *r)
{
	switch (r->cause) {
	case CLD_EXITED:
		return (r->status & 0xff) << 8;
	case CLD_STOPPED:
		return r->status << 8 | 0x7f;
	case CLD_CONTINUED:
		return 0xffff;
	default:
		return r->status & 0x7f;
	}
}

static int put_rusage(uaddr_t to, const struct usage *u)
{
	struct rusage ru;

	rusage_fill(&ru, u);
	return copy_to_user(to, &ru, sizeof(ru));
}

long sys_wait4(pid_t nr, uaddr_t status, int options, uaddr_t rusage)
{
	struct wait_request r = { .type = P_PID, .options = (u32)options | WEXITED };
	long err;

	if ((u32)options & ~(WNOHANG | WUNTRACED | WCONTINUED | __WCLONE | __WALL))
		return -EINVAL;
	if (nr == -1) {
		r.type = P_ALL;
	} else if (nr == 0) {
		r.type = P_PGID;
		r.pid = pid_get(current_process()->pids[PIDTYPE_PGID]);
	} else {
		if (nr == -INT_MAX - 1)
			return -ESRCH;
		r.type = nr < 0 ? P_PGID : P_PID;
		r.pid = lookup_number(nr < 0 ? -nr : nr);
		if (!r.pid)
			return -ECHILD;
	}
	err = wait_for_child(&r);
	if (r.pid)
		pid_put(r.pid);
	if (err || !r.found)
		return err;
	if (status && put_user(status_word(&r), status))
		return -EFAULT;
	if (rusage && put_rusage(rusage, &r.usage))
		return -EFAULT;
	return r.found;
}

/* The fields of siginfo that waitid fills; the caller has zeroed r where nothing was found. */
static int put_waitid_info(uaddr_t to, const struct wait_request *r)
{
	struct {
		int signo, err, code, pad;
		pid_t pid;
		uid_t uid;
		int status;
	} info = { 0 };

	if (r->found) {
		info.signo = SIGCHLD;
		info.code = r->cause;
		info.pid = r->found;
		info.uid = r->uid;
		info.status = r->status;
	}
	return copy_to_user(to, &info, offsetof(__typeof__(info), status) + sizeof(int));
}

static int resolve_waitid(struct wait_request *r, pid_t id)
{
	u32 pidfd_flags;

	switch (r->type) {
	case P_ALL:
		return 0;
	case P_PID:
		if (id <= 0)
			return -EINVAL;
		r->pid = lookup_number(id);
		return r->pid ? 0 : -ECHILD;
	case P_PGID:
		if (id < 0)
			return -EINVAL;
		r->pid = id ? lookup_number(id) : pid_get(current_process()->pids[PIDTYPE_PGID]);
		return r->pid ? 0 : -ECHILD;
	case P_PIDFD:
		if (id < 0)
			return -EINVAL;
		r->pid = pidfd_get_pid(id, &pidfd_flags);
		if (!IS_ERR(r->pid))
			return 0;
		id = PTR_ERR(r->pid);
		r->pid = NULL;
		return id;
	default:
		return -EINVAL;
	}
}

/* 0 with r filled, or -errno. */
static long do_waitid(struct wait_request *r, pid_t id)
{
	u32 options = r->options;
	long err;

	if (options & ~(WNOHANG | WNOWAIT | WEXITED | WSTOPPED | WCONTINUED | __WCLONE | __WALL))
		return -EINVAL;
	if (!(options & (WEXITED | WSTOPPED | WCONTINUED)))
		return -EINVAL;
	err = resolve_waitid(r, id);
	if (err)
		return err;
	err = wait_for_child(r);
	if (r->pid)
		pid_put(r->pid);
	return err;
}

/* As Linux, an error clears the caller's siginfo like finding nothing. */
long sys_waitid(int which, pid_t id, uaddr_t info, int options, uaddr_t rusage)
{
	struct wait_request r = { .type = which, .options = options };
	long err = do_waitid(&r, id);

	if (err)
		r.found = 0;
	if (rusage && r.found && put_rusage(rusage, &r.usage))
		return -EFAULT;
	if (info && put_waitid_info(info, &r))
		return -EFAULT;
	return err;
}
