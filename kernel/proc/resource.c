/* SPDX-License-Identifier: MIT */
/*
 * Resource limits and accounting of use.
 *
 * A process's use is the sum kept in struct process for threads that have ended
 * plus what its live threads show now; children's use is added when they are
 * waited for.
 */
#include <arch/uaccess.h>
#include <kernel/mm/mm.h>
#include <kernel/proc/proc.h>
#include <kernel/sched/tick.h>
#include <kernel/uapi/syscall.h>
#include <kernel/time/hrtimer.h>

#define RUSAGE_SELF	0
#define RUSAGE_CHILDREN	(-1)
#define RUSAGE_THREAD	1
#define NR_OPEN_MAX	(1u << 20)
#define CLOCK_TICK_NS	(NS_PER_SEC / 100)

static void add_thread(struct usage *u, const struct thread *t)
{
	u64 user, system;

	cputime_thread((struct thread *)t, &user, &system);
	u->utime_ns += user;
	u->stime_ns += system;
	u->min_flt += t->min_flt;
	u->maj_flt += t->maj_flt;
	u->nvcsw += t->se.nvcsw;
	u->nivcsw += t->se.nivcsw;
}

static u64 mm_peak(struct mm *mm)
{
	u64 rss = mm_rss_pages(mm);

	return max(rss, mm->peak_rss);
}

void usage_of_process(struct process *p, struct usage *u)
{
	struct sighand *sh;
	struct thread *t;
	u64 flags;

	sh = sighand_lock(p, &flags);
	*u = (struct usage){
		.utime_ns = p->utime_ns, .stime_ns = p->stime_ns,
		.min_flt = p->min_flt, .maj_flt = p->maj_flt,
		.nvcsw = p->nvcsw, .nivcsw = p->nivcsw,
		.maxrss_pages = p->maxrss_pages,
	};
	list_for_each(t, &p->threads, thread_node)
		if (!(t->exit_flags & THREAD_EXITED))
			add_thread(u, t);
	sighand_unlock(sh, flags);
	if (p == current_process() && current->mm)
		u->maxrss_pages = mm_peak(current->mm);
}

void usage_of_children(struct process *p, struct usage *u)
{
	struct sighand *sh;
	u64 flags;

	sh = sighand_lock(p, &flags);
	*u = (struct usage){
		.utime_ns = p->cutime_ns, .stime_ns = p->cstime_ns,
		.min_flt = p->cmin_flt, .maj_flt = p->cmaj_flt,
		.nvcsw = p->cnvcsw, .nivcsw = p->cnivcsw,
		.maxrss_pages = p->cmaxrss_pages,
	};
	sighand_unlock(sh, flags);
}

void rusage_fill(struct rusage *r, const struct usage *u)
{
	*r = (struct rusage){
		.utime_sec = u->utime_ns / NS_PER_SEC,
		.utime_usec = u->utime_ns % NS_PER_SEC / NS_PER_US,
		.stime_sec = u->stime_ns / NS_PER_SEC,
		.stime_usec = u->stime_ns % NS_PER_SEC / NS_PER_US,
		.maxrss_kib = u->maxrss_pages * (PAGE_SIZE / 1024),
		.minflt = u->min_flt,
		.majflt = u->maj_flt,
		.nvcsw = u->nvcsw,
		.nivcsw = u->nivcsw,
	};
}

long sys_getrusage(int who, uaddr_t to)
{
	struct usage u = { 0 };
	struct rusage r;

	switch (who) {
	case RUSAGE_SELF:
		usage_of_process(current_process(), &u);
		break;
	case RUSAGE_CHILDREN:
		usage_of_children(current_process(), &u);
		break;
	case RUSAGE_THREAD:
		add_thread(&u, current);
		u.maxrss_pages = mm_peak(current->mm);
		break;
	default:
		return -EINVAL;
	}
	rusage_fill(&r, &u);
	return copy_to_user(to, &r, sizeof(r));
}

long sys_times(uaddr_t to)
{
	struct usage self, children;
	s64 tms[4];

	usage_of_process(current_process(), &self);
	usage_of_children(current_process(), &children);
	tms[0] = self.utime_ns / CLOCK_TICK_NS;
	tms[1] = self.stime_ns / CLOCK_TICK_NS;
	tms[2] = children.utime_ns / CLOCK_TICK_NS;
	tms[3] = children.stime_ns / CLOCK_TICK_NS;
	if (to && copy_to_user(to, tms, sizeof(tms)))
		return -EFAULT;
	return ktime_get() / CLOCK_TICK_NS;
}

/* --- limits --- */

/* May the caller read and change p's limits? */
static bool may_access_limits(struct process *p)
{
	const struct cred *me = current_cred(), *c;
	struct thread *leader;
	bool same;

	if (p == current_process() || capable(CAP_SYS_RESOURCE))
		return true;
	rcu_read_lock();
	leader = rcu_dereference(p->leader);
	c = leader ? rcu_dereference(leader->cred) : NULL;
	same = c && me->uid == c->uid && me->uid == c->euid && me->uid == c->suid &&
	       me->gid == c->gid && me->gid == c->egid && me->gid == c->sgid;
	rcu_read_unlock();
	return same;
}

static int change_limit(struct process *p, u32 which, const struct rlimit *new, struct rlimit *old)
{
	struct rlimit *slot = &p->rlim[which];
	int err = 0;

	if (new && new->cur > new->max)
		return -EINVAL;
	if (new && which == RLIMIT_NOFILE && new->max > NR_OPEN_MAX)
		return -EPERM;
	spin_lock(&p->lock);
	*old = *slot;
	if (new && new->max > slot->max && !capable(CAP_SYS_RESOURCE))
		err = -EPERM;
	else if (new)
		*slot = *new;
	spin_unlock(&p->lock);
	return err;
}

long sys_prlimit64(pid_t nr, u32 which, uaddr_t unew, uaddr_t uold)
{
	struct rlimit new, old;
	struct process *p;
	int err;

	if (which >= RLIM_NLIMITS)
		return -EINVAL;
	if (unew && copy_from_user(&new, unew, sizeof(new)))
		return -EFAULT;
	p = nr ? process_lookup(nr) : process_get(current_process());
	if (!p)
		return -ESRCH;
	err = may_access_limits(p) ? change_limit(p, which, unew ? &new : NULL, &old) : -EPERM;
	process_put(p);
	if (err)
		return err;
	return uold ? copy_to_user(uold, &old, sizeof(old)) : 0;
}

long sys_getrlimit(u32 which, uaddr_t to)
{
	struct rlimit old;

	if (which >= RLIM_NLIMITS)
		return -EINVAL;
	change_limit(current_process(), which, NULL, &old);
	return copy_to_user(to, &old, sizeof(old));
}

long sys_setrlimit(u32 which, uaddr_t from)
{
	struct rlimit new, old;

	if (copy_from_user(&new, from, sizeof(new)))
		return -EFAULT;
	if (which >= RLIM_NLIMITS)
		return -EINVAL;
	return change_limit(current_process(), which, &new, &old);
}
