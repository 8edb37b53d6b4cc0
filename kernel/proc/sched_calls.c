/* SPDX-License-Identifier: MIT */
/*
 * Scheduling as system calls: policy, priority, nice, CPUs.
 *
 * Numbers name threads, not processes, 0 the caller. A thread may be made less
 * important by its owner; making it more important takes CAP_SYS_NICE, or
 * RLIMIT_NICE and RLIMIT_RTPRIO of the thread.
 *
 * Limit: SCHED_DEADLINE gives -EINVAL. Utilisation clamps give -EOPNOTSUPP. The
 * slice that a fair thread may ask for (sched_runtime) is taken as no wish.
 */
#include <arch/uaccess.h>
#include <kernel/lib/string.h>
#include <kernel/percpu.h>
#include <kernel/sched/sched.h>
#include <kernel/sched/tick.h>
#include <kernel/task/clock.h>
#include <kernel/task/cred.h>
#include <kernel/task/pid.h>
#include <kernel/uapi/syscall.h>

#define SCHED_DEADLINE		6
#define SCHED_RESET_ON_FORK	0x40000000
#define RT_PRIORITY_MAX		99
#define RR_INTERVAL_NS		(100 * NS_PER_MS)	/* rt.c */

/* With a reference; NULL: no such thread. */
static struct thread *get_thread(pid_t nr)
{
	return nr ? thread_lookup(nr) : thread_get(current);
}

static bool owns(struct thread *t)
{
	const struct cred *me = current_cred(), *c;
	bool same;

	rcu_read_lock();
	c = rcu_dereference(t->cred);
	same = me->euid == c->euid || me->euid == c->uid;
	rcu_read_unlock();
	return same;
}

/* May t get this nice value by its limit? One with a lower limit counts upwards from 20 - nice. */
static bool nice_within_limit(const struct thread *t, int nice)
{
	return (u64)(20 - nice) <= READ_ONCE(t->process->rlim[RLIMIT_NICE].cur);
}

/* --- policy --- */

/* Without CAP_SYS_NICE. */
static bool may_change(struct thread *t, const struct sched_params *p)
{
	struct sched_params old;
	u64 limit = READ_ONCE(t->process->rlim[RLIMIT_RTPRIO].cur);

	sched_get_params(t, &old);
	if (sched_policy_is_rt(p->policy)) {
		if (p->policy != old.policy && !limit)
			return false;
		if (p->rt_priority > old.rt_priority && (u64)p->rt_priority > limit)
			return false;
	} else if (p->nice < old.nice && !nice_within_limit(t, p->nice)) {
		return false;
	}
	if (old.policy == SCHED_IDLE && p->policy != SCHED_IDLE && !nice_within_limit(t, old.nice))
		return false;
	return owns(t) && (!old.reset_on_fork || p->reset_on_fork);
}

static int change(struct thread *t, const struct sched_params *p)
{
	int err = sched_check_params(p);

	if (err)
		return err;
	if (!may_change(t, p) && !capable(CAP_SYS_NICE))
		return -EPERM;
	sched_set_params(t, p);
	return 0;
}

/* policy < 0: keep it, and whether forks reset it. */
static long set_scheduler(pid_t nr, int policy, uaddr_t uparam)
{
	struct sched_params p;
	struct thread *t;
	int prio, err;

	if (!uparam || nr < 0)
		return -EINVAL;
	if (get_user(prio, uparam))
		return -EFAULT;
	t = get_thread(nr);
	if (!t)
		return -ESRCH;
	sched_get_params(t, &p);
	if (policy >= 0) {
		p.policy = policy & ~SCHED_RESET_ON_FORK;
		p.reset_on_fork = policy & SCHED_RESET_ON_FORK;
	}
	p.rt_priority = prio;
	err = change(t, &p);
	thread_put(t);
	return err;
}

long sys_sched_setscheduler(pid_t nr, int policy, uaddr_t uparam)
{
	return policy < 0 ? -EINVAL : set_scheduler(nr, policy, uparam);
}

long sys_sched_setparam(pid_t nr, uaddr_t uparam)
{
	return set_scheduler(nr, -1, uparam);
}

/* 0 or -errno. */
static int read_params(pid_t nr, struct sched_params *p)
{
	struct thread *t;

	if (nr < 0)
		return -EINVAL;
	t = get_thread(nr);
	if (!t)
		return -ESRCH;
	sched_get_params(t, p);
	thread_put(t);
	return 0;
}

long sys_sched_getscheduler(pid_t nr)
{
	struct sched_params p;
	int err = read_params(nr, &p);

	return err ? err : p.policy | (p.reset_on_fork ? SCHED_RESET_ON_FORK : 0);
}

long sys_sched_getparam(pid_t nr, uaddr_t uparam)
{
	struct sched_params p;
	int err = uparam ? read_params(nr, &p) : -EINVAL;

	return err ? err : put_user(p.rt_priority, uparam);
}

/* --- attributes --- */

struct sched_attr {
	u32 size, policy;
	u64 flags;
	s32 nice;
	u32 priority;
	u64 runtime, deadline, period;
	u32 util_min, util_max;
};
_Static_assert(sizeof(struct sched_attr) == 56, "ABI");
#define ATTR_SIZE_FIRST		48	/* without util_* */

#define FLAG_RESET_ON_FORK	0x01
#define FLAG_KEEP_POLICY	0x08
#define FLAG_KEEP_PARAMS	0x10
#define FLAG_UTIL_CLAMP		0x60
#define FLAG_ALL		0x7f

static int refuse_size(uaddr_t uattr)
{
	return put_user((u32)sizeof(struct sched_attr), uattr) ? -EFAULT : -E2BIG;
}

/* A caller built for a later kernel may pass more, if the rest is zero. */
static int get_attr(struct sched_attr *a, uaddr_t uattr)
{
	u32 size;
	u8 byte;

	if (get_user(size, uattr))
		return -EFAULT;
	if (!size)
		size = ATTR_SIZE_FIRST;
	if (size < ATTR_SIZE_FIRST || size > PAGE_SIZE)
		return refuse_size(uattr);
	memset(a, 0, sizeof(*a));
	if (copy_from_user(a, uattr, min_t(u32, size, sizeof(*a))))
		return -EFAULT;
	for (u32 i = sizeof(*a); i < size; i++) {
		if (get_user(byte, uattr + i))
			return -EFAULT;
		if (byte)
			return refuse_size(uattr);
	}
	if ((a->flags & FLAG_UTIL_CLAMP) && size < sizeof(*a))
		return -EINVAL;
	a->nice = clamp(a->nice, -20, 19);
	return 0;
}

static int set_attr(struct thread *t, const struct sched_attr *a)
{
	struct sched_params p, old;
	int err;

	if (a->flags & ~(u64)FLAG_ALL)
		return -EINVAL;
	sched_get_params(t, &old);
	p = old;
	if (!(a->flags & FLAG_KEEP_POLICY)) {
		p.policy = a->policy;
		p.reset_on_fork = a->flags & FLAG_RESET_ON_FORK;
	}
	if (!(a->flags & FLAG_KEEP_PARAMS)) {
		if (a->priority > RT_PRIORITY_MAX)
			return -EINVAL;
		p.rt_priority = a->priority;
		if (!sched_policy_is_rt(p.policy))
			p.nice = a->nice;
	}
	err = sched_check_params(&p);
	if (!err && (a->flags & FLAG_UTIL_CLAMP))
		err = -EOPNOTSUPP;
	if (err)
		return err;
	/* The policy counts as one of the parameters that are kept. */
	if (a->flags & FLAG_KEEP_PARAMS)
		p.policy = old.policy;
	return change(t, &p);
}

long sys_sched_setattr(pid_t nr, uaddr_t uattr, u32 flags)
{
	struct sched_attr a;
	struct thread *t;
	int err;

	if (!uattr || nr < 0 || flags)
		return -EINVAL;
	err = get_attr(&a, uattr);
	if (err)
		return err;
	if ((s32)a.policy < 0)
		return -EINVAL;
	t = get_thread(nr);
	if (!t)
		return -ESRCH;
	err = set_attr(t, &a);
	thread_put(t);
	return err;
}

long sys_sched_getattr(pid_t nr, uaddr_t uattr, u32 size, u32 flags)
{
	struct sched_attr a = { .size = min_t(u32, size, sizeof(a)) };
	struct sched_params p;
	int err;

	if (!uattr || nr < 0 || size > PAGE_SIZE || size < ATTR_SIZE_FIRST || flags)
		return -EINVAL;
	err = read_params(nr, &p);
	if (err)
		return err;
	a.policy = p.policy;
	a.flags = p.reset_on_fork ? FLAG_RESET_ON_FORK : 0;
	if (sched_policy_is_rt(p.policy))
		a.priority = p.rt_priority;
	else
		a.nice = p.nice;
	a.util_max = 1024;
	return copy_to_user(uattr, &a, a.size);
}

static long priority_bound(int policy, int rt)
{
	switch (policy) {
	case SCHED_FIFO:
	case SCHED_RR:
		return rt;
	case SCHED_OTHER:
	case SCHED_BATCH:
	case SCHED_IDLE:
	case SCHED_DEADLINE:
		return 0;
	default:
		return -EINVAL;
	}
}

long sys_sched_get_priority_max(int policy)
{
	return priority_bound(policy, RT_PRIORITY_MAX);
}

long sys_sched_get_priority_min(int policy)
{
	return priority_bound(policy, 1);
}

long sys_sched_rr_get_interval(pid_t nr, uaddr_t to)
{
	struct sched_params p;
	int err = read_params(nr, &p);

	if (err)
		return err;
	return timespec_to_user(to, p.policy == SCHED_RR ? RR_INTERVAL_NS : p.policy == SCHED_FIFO ? 0 : TICK_NS);
}

long sys_sched_yield(void)
{
	sched_yield_current();
	return 0;
}

/* --- nice --- */

enum { PRIO_PROCESS, PRIO_PGRP, PRIO_USER };

/* fn(t, arg) of every thread that which and who name. RCU held: fn may not sleep. */
static void for_each_named(int which, int who, void (*fn)(struct thread *t, void *arg), void *arg)
{
	struct pid *pgrp = NULL;
	struct process *p;
	struct thread *t;
	uid_t uid = who ? (uid_t)who : current_cred()->uid;

	if (which == PRIO_PROCESS) {
		t = who ? thread_find(who) : current;
		if (t)
			fn(t, arg);
		return;
	}
	if (which == PRIO_PGRP) {
		pgrp = who ? pid_find(who, current_pid_ns()) : current_process()->pids[PIDTYPE_PGID];
		if (!pgrp)
			return;
	}
	process_for_each(p) {
		if (which == PRIO_PGRP && READ_ONCE(p->pids[PIDTYPE_PGID]) != pgrp)
			continue;
		process_for_each_thread(p, t) {
			if (t->exit_flags & THREAD_EXITED)
				continue;
			if (which == PRIO_USER && rcu_dereference(t->cred)->uid != uid)
				continue;
			fn(t, arg);
		}
	}
}

struct renice {
	int nice, err;
};

static void renice_one(struct thread *t, void *arg)
{
	struct renice *r = arg;
	struct sched_params p;

	if (!owns(t) && !capable(CAP_SYS_NICE)) {
		r->err = -EPERM;
		return;
	}
	sched_get_params(t, &p);
	if (r->nice < p.nice && !nice_within_limit(t, r->nice) && !capable(CAP_SYS_NICE)) {
		r->err = -EACCES;
		return;
	}
	sched_set_nice(t, r->nice);
	if (r->err == -ESRCH)
		r->err = 0;
}

long sys_setpriority(int which, int who, int nice)
{
	struct renice r = { .nice = clamp(nice, -20, 19), .err = -ESRCH };

	if (which < PRIO_PROCESS || which > PRIO_USER)
		return -EINVAL;
	rcu_read_lock();
	for_each_named(which, who, renice_one, &r);
	rcu_read_unlock();
	return r.err;
}

static void highest_one(struct thread *t, void *arg)
{
	struct sched_params p;
	long *best = arg;

	sched_get_params(t, &p);
	*best = max(*best, 20l - p.nice);
}

long sys_getpriority(int which, int who)
{
	long best = -ESRCH;

	if (which < PRIO_PROCESS || which > PRIO_USER)
		return -EINVAL;
	rcu_read_lock();
	for_each_named(which, who, highest_one, &best);
	rcu_read_unlock();
	return best;
}

/* --- CPUs --- */

long sys_sched_setaffinity(pid_t nr, u32 len, uaddr_t umask)
{
	struct thread *t;
	u64 mask = 0;
	int err;

	if (copy_from_user(&mask, umask, min_t(u32, len, sizeof(mask))))
		return -EFAULT;
	t = get_thread(nr);
	if (!t)
		return -ESRCH;
	if (!thread_is_user(t))
		err = -EINVAL;		/* kernel threads are where they have to be */
	else if (!owns(t) && !capable(CAP_SYS_NICE))
		err = -EPERM;
	else
		err = sched_set_affinity(t, mask);
	thread_put(t);
	return err;
}

long sys_sched_getaffinity(pid_t nr, u32 len, uaddr_t umask)
{
	struct thread *t;
	u64 mask;

	if ((u64)len * 8 < nr_cpus || len % sizeof(mask))
		return -EINVAL;
	t = get_thread(nr);
	if (!t)
		return -ESRCH;
	mask = READ_ONCE(t->se.cpus_mask) & READ_ONCE(cpus_online);
	thread_put(t);
	return copy_to_user(umask, &mask, sizeof(mask)) ? -EFAULT : (long)sizeof(mask);
}

/* --- I/O priority --- */

enum { IOPRIO_NONE, IOPRIO_RT, IOPRIO_BE, IOPRIO_IDLE };
enum { IOPRIO_WHO_PROCESS = 1, IOPRIO_WHO_PGRP, IOPRIO_WHO_USER };
#define IOPRIO_CLASS(p)		((p) >> 13 & 7)
#define IOPRIO_DATA(p)		((p) & 0x1fff)

static int check_ioprio(int ioprio)
{
	switch (IOPRIO_CLASS(ioprio)) {
	case IOPRIO_RT:
		if (!capable(CAP_SYS_ADMIN) && !capable(CAP_SYS_NICE))
			return -EPERM;
		return 0;
	case IOPRIO_BE:
	case IOPRIO_IDLE:
		return 0;
	case IOPRIO_NONE:
		return IOPRIO_DATA(ioprio) ? -EINVAL : 0;
	default:
		return -EINVAL;
	}
}

struct ioprio_change {
	int ioprio, err;
};

static void set_ioprio_one(struct thread *t, void *arg)
{
	struct ioprio_change *c = arg;
	const struct cred *me = current_cred(), *his = rcu_dereference(t->cred);

	if (his->uid != me->euid && his->uid != me->uid && !capable(CAP_SYS_NICE)) {
		c->err = -EPERM;
		return;
	}
	WRITE_ONCE(t->ioprio, c->ioprio & 0xffff);
	if (c->err == -ESRCH)
		c->err = 0;
}

/*
 * Kept and told. Requests are served in the order of the device, as by Linux's
 * "none" scheduler, which looks at no priority either.
 */
long sys_ioprio_set(int which, int who, int ioprio)
{
	struct ioprio_change c = { .ioprio = ioprio, .err = -ESRCH };
	int err = check_ioprio(ioprio);

	if (err)
		return err;
	if (which < IOPRIO_WHO_PROCESS || which > IOPRIO_WHO_USER)
		return -EINVAL;
	rcu_read_lock();
	for_each_named(which - IOPRIO_WHO_PROCESS, who, set_ioprio_one, &c);
	rcu_read_unlock();
	return c.err;
}

/* The most urgent: the lowest class that is not "none", then the lowest level. */
static void best_ioprio_one(struct thread *t, void *arg)
{
	int *best = arg, mine = READ_ONCE(t->ioprio);

	if (IOPRIO_CLASS(mine) == IOPRIO_NONE)
		mine = IOPRIO_BE << 13 | (t->se.nice + 20) / 5;
	*best = *best < 0 ? mine : min(*best, mine);
}

static void ioprio_of_one(struct thread *t, void *arg)
{
	*(int *)arg = READ_ONCE(t->ioprio);
}

long sys_ioprio_get(int which, int who)
{
	int best = -ESRCH;

	if (which < IOPRIO_WHO_PROCESS || which > IOPRIO_WHO_USER)
		return -EINVAL;
	rcu_read_lock();
	for_each_named(which - IOPRIO_WHO_PROCESS, who,
		       which == IOPRIO_WHO_PROCESS ? ioprio_of_one : best_ioprio_one, &best);
	rcu_read_unlock();
	return best;
}
