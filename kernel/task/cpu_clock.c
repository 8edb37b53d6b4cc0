/* SPDX-License-Identifier: MIT */
/* CPU time clocks of threads and processes. */
#include <arch/uaccess.h>
#include <kernel/sched/sched.h>
#include <kernel/sched/tick.h>
#include <kernel/task/clock.h>
#include <kernel/task/pid.h>
#include <kernel/task/signal.h>

static u64 thread_ns(struct thread *t, enum cpu_clock which)
{
	u64 user, system;

	if (which == CPU_CLOCK_SCHED)
		return sched_thread_ns(t);
	cputime_thread(t, &user, &system);
	return which == CPU_CLOCK_VIRT ? user : user + system;
}

u64 cpu_clock_process_locked(struct process *p, enum cpu_clock which)
{
	u64 sum = p->utime_ns + (which == CPU_CLOCK_VIRT ? 0 : p->stime_ns);
	struct thread *t;

	list_for_each(t, &p->threads, thread_node)
		if (!(t->exit_flags & THREAD_EXITED))
			sum += thread_ns(t, which);
	return sum;
}

static u64 process_ns(struct process *p, enum cpu_clock which)
{
	u64 flags, ns;
	struct sighand *sh = sighand_lock(p, &flags);

	ns = cpu_clock_process_locked(p, which);
	sighand_unlock(sh, flags);
	return ns;
}

/* RCU held. Of the caller's group, or any leader of a process; NULL. */
static struct pid *find(pid_t nr, bool thread, bool reading)
{
	struct pid *pid;
	struct thread *t;

	if (!nr)
		return thread ? current->pid : current_process()->pids[PIDTYPE_TGID];
	pid = pid_find(nr, current_pid_ns());
	if (!pid)
		return NULL;
	if (thread) {
		t = rcu_dereference(pid->thread);
		return t && t->process == current_process() ? pid : NULL;
	}
	if (reading && pid == current->pid)
		return current_process()->pids[PIDTYPE_TGID];
	return rcu_dereference(pid->process) ? pid : NULL;
}

int cpu_clock_get(int clock, bool reading, struct cpu_clock_source *out)
{
	pid_t nr = clock < 0 ? ~(clock >> 3) : 0;

	if (clock >= 0) {
		out->thread = clock == CLOCK_THREAD_CPUTIME_ID;
		out->which = CPU_CLOCK_SCHED;
	} else {
		if ((clock & 3) > CPU_CLOCK_SCHED)
			return -EINVAL;
		out->thread = clock & 4;
		out->which = clock & 3;
	}
	rcu_read_lock();
	out->pid = find(nr, out->thread, reading);
	if (out->pid && !refcount_inc_not_zero(&out->pid->refs))
		out->pid = NULL;
	rcu_read_unlock();
	return out->pid ? 0 : -EINVAL;
}

void cpu_clock_put(struct cpu_clock_source *c)
{
	pid_put(c->pid);
}

int cpu_clock_read(const struct cpu_clock_source *c, u64 *ns)
{
	struct process *p;
	struct thread *t;
	int err = -ESRCH;

	rcu_read_lock();
	if (c->thread) {
		t = rcu_dereference(c->pid->thread);
		if (t) {
			*ns = thread_ns(t, c->which);
			err = 0;
		}
	} else {
		p = rcu_dereference(c->pid->process);
		if (p) {
			*ns = process_ns(p, c->which);
			err = 0;
		}
	}
	rcu_read_unlock();
	return err;
}

int timespec_from_user(u64 *ns, uaddr_t from)
{
	struct timespec64 ts;

	if (copy_from_user(&ts, from, sizeof(ts)))
		return -EFAULT;
	return timespec_to_ns(&ts, ns);
}

int timespec_to_user(uaddr_t to, u64 ns)
{
	struct timespec64 ts = ns_to_timespec(ns);

	return copy_to_user(to, &ts, sizeof(ts));
}
