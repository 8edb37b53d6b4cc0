/* SPDX-License-Identifier: MIT */
/*
 * Whom a file tells by signal: F_SETOWN and its like. There are two such signals: SIGURG, of
 * sockets with urgent data, and SIGIO, of files with O_ASYNC (async.c).
 *
 * A struct file_owner never changes but is replaced as a whole; who sends finds it by RCU. SIGURG
 * goes to a process group from a worker, which holds a reference: that takes tasklist_lock, and
 * the news come from softirqs too. The signal goes to whom the owner, with the uids that it had when
 * it asked, could have sent it.
 */
#include <fs/file.h>
#include <kernel/irq/irq.h>
#include <kernel/mm/alloc.h>
#include <kernel/task/cred.h>
#include <kernel/task/pid.h>
#include <kernel/task/signal.h>
#include <arch/uaccess.h>

enum { F_OWNER_TID, F_OWNER_PID, F_OWNER_PGRP };

struct file_owner {
	refcount_t refs;		/* the file; while its work is queued */
	struct pid *pid;		/* counted */
	int type;			/* F_OWNER_* */
	uid_t uid, euid;		/* of who named it */
	struct work urge_group;
	struct rcu_head rcu;
};

struct user_owner {			/* struct f_owner_ex */
	int type;
	pid_t pid;
};

static void owner_put(struct file_owner *o)
{
	if (!o || !refcount_dec(&o->refs))
		return;
	pid_put(o->pid);
	kfree_rcu(o, rcu);
}

/* --- sending; RCU --- */

static bool may_signal(const struct file_owner *o, const struct process *p)
{
	struct thread *leader = rcu_dereference(p->leader);
	const struct cred *c = leader ? rcu_dereference(leader->cred) : NULL;

	return c && (!o->euid || o->euid == c->suid || o->euid == c->uid || o->uid == c->suid ||
		     o->uid == c->uid);
}

static void signal_group(const struct file_owner *o, int sig)
{
	struct process *p;

	spin_lock(&tasklist_lock);
	process_for_each_in(o->pid, PIDTYPE_PGID, p)
		if (may_signal(o, p))
			(void)signal_send_process(p, sig, NULL);
	spin_unlock(&tasklist_lock);
}

static void urge_group(struct work *w)
{
	struct file_owner *o = container_of(w, struct file_owner, urge_group);

	rcu_read_lock();
	signal_group(o, SIGURG);
	rcu_read_unlock();
	owner_put(o);
}

/* The process with this number, or with a thread of it; NULL. */
static struct process *process_of(const struct pid *pid)
{
	struct process *p = rcu_dereference(pid->process);
	struct thread *t = rcu_dereference(pid->thread);

	return p ? p : t ? t->process : NULL;
}

static void signal_one(const struct file_owner *o, int sig)
{
	struct thread *t = rcu_dereference(o->pid->thread);
	struct process *p = process_of(o->pid);

	if (!p || !may_signal(o, p))
		return;
	if (o->type == F_OWNER_PID)
		(void)signal_send_process(p, sig, NULL);
	else if (t)
		(void)signal_send_thread(t, sig, NULL);
}

void file_send_urgent(struct file *f)
{
	struct file_owner *o = rcu_dereference(f->owner);

	if (!o)
		return;
	if (o->type != F_OWNER_PGRP)
		signal_one(o, SIGURG);
	else if (refcount_inc_not_zero(&o->refs) && !work_queue(&o->urge_group))
		owner_put(o);
}

void file_send_sigio(struct file *f)
{
	struct file_owner *o;

	rcu_read_lock();
	o = rcu_dereference(f->owner);
	if (o && o->type == F_OWNER_PGRP)
		signal_group(o, SIGIO);
	else if (o)
		signal_one(o, SIGIO);
	rcu_read_unlock();
}

/* --- F_SETOWN, F_GETOWN --- */

static void replace(struct file *f, struct file_owner *o)
{
	struct file_owner *old;

	spin_lock(&f->lock);
	old = f->owner;
	rcu_assign_pointer(f->owner, o);
	spin_unlock(&f->lock);
	owner_put(old);
}

void file_owner_release(struct file *f)
{
	owner_put(f->owner);
}

/* nr 0: nobody. */
static long set_owner(struct file *f, int type, pid_t nr)
{
	struct file_owner *o = NULL;
	struct pid *pid;

	if (nr) {
		o = kzalloc(sizeof(*o), GFP_KERNEL);
		if (!o)
			return -ENOMEM;
		rcu_read_lock();
		pid = pid_find(nr, current_pid_ns());
		o->pid = pid ? pid_get(pid) : NULL;
		rcu_read_unlock();
		if (!pid) {
			kfree(o);
			return -ESRCH;
		}
		refcount_set(&o->refs, 1);
		o->type = type;
		o->uid = current_cred()->uid;
		o->euid = current_cred()->euid;
		work_init(&o->urge_group, urge_group);
	}
	replace(f, o);
	return 0;
}

long file_set_owner(struct file *f, int who)
{
	if (who < -INT_MAX)
		return -EINVAL;
	return who < 0 ? set_owner(f, F_OWNER_PGRP, -who) : set_owner(f, F_OWNER_PID, who);
}

static bool is_there(const struct file_owner *o)
{
	switch (o->type) {
	case F_OWNER_TID:
		return rcu_dereference(o->pid->thread);
	case F_OWNER_PID:
		return rcu_dereference(o->pid->process);
	default:
		return READ_ONCE(o->pid->members[PIDTYPE_PGID].first);
	}
}

static struct user_owner owner_of(struct file *f)
{
	struct user_owner u = { 0 };
	struct file_owner *o;

	rcu_read_lock();
	o = rcu_dereference(f->owner);
	if (o) {
		u.type = o->type;
		u.pid = is_there(o) ? pid_vnr(o->pid) : 0;
	}
	rcu_read_unlock();
	return u;
}

int file_get_owner(struct file *f)
{
	struct user_owner u = owner_of(f);

	return u.type == F_OWNER_PGRP ? -u.pid : u.pid;
}

long file_set_owner_user(struct file *f, uaddr_t from)
{
	struct user_owner u;

	if (copy_from_user(&u, from, sizeof(u)))
		return -EFAULT;
	if (u.type < F_OWNER_TID || u.type > F_OWNER_PGRP)
		return -EINVAL;
	return set_owner(f, u.type, u.pid);
}

long file_get_owner_user(struct file *f, uaddr_t to)
{
	struct user_owner u = owner_of(f);

	return copy_to_user(to, &u, sizeof(u)) ? -EFAULT : 0;
}
