/* SPDX-License-Identifier: MIT */
/*
 * PID 1: a kernel thread in a process of its own, which becomes a program by
 * kernel_exec(). Until then it has no memory of its own, but the root directory
 * and a descriptor table, which the boot code gives it.
 */
#include <kernel/bug.h>
#include <kernel/lib/string.h>
#include <kernel/proc/proc.h>
#include <kernel/sched/sched.h>

static struct process *make_process(void)
{
	static const struct sighand defaults;
	static const pid_t init_number = 1;
	struct process *p = process_alloc();
	int err;

	if (!p)
		return NULL;
	p->sighand = sighand_create(&defaults);
	p->pids[PIDTYPE_TGID] = pid_alloc(&init_pid_ns, &init_number, 1, &err);
	if (!p->sighand || !p->pids[PIDTYPE_TGID])
		return NULL;
	memcpy(p->rlim, default_rlimits, sizeof(p->rlim));
	p->flags = PROCESS_UNKILLABLE;
	p->exit_signal = SIGCHLD;
	p->parent = &kernel_process;
	return p;
}

static void publish(struct process *p, struct thread *t)
{
	struct pid *pid = p->pids[PIDTYPE_TGID];
	u64 flags;

	spin_lock(&tasklist_lock);
	pid_attach_locked(p, PIDTYPE_PGID, pid);
	pid_attach_locked(p, PIDTYPE_SID, pid);
	process_link_locked(p);
	init_pid_ns.child_reaper = p;
	flags = spin_lock_irqsave(&p->sighand->lock);
	atomic_inc(&t->cred->account->processes);
	thread_link_locked(t);
	spin_unlock_irqrestore(&p->sighand->lock, flags);
	spin_unlock(&tasklist_lock);
}

void __init process_start_init(int (*init_main)(void *arg), void *arg)
{
	struct process *p = make_process();
	struct thread *t = p ? thread_alloc() : NULL;

	if (!t)
		panic("no memory for init");
	t->process = p;
	t->sighand = p->sighand;
	t->pid = pid_get(p->pids[PIDTYPE_TGID]);
	t->cred = cred_get(&init_cred);
	t->nsproxy = nsproxy_get(&init_nsproxy);
	t->exit_flags = THREAD_KTHREAD;
	t->start_ns = ktime_get();
	thread_set_comm(t, "init");
	sched_fork(t);
	arch_thread_setup_kernel(t, init_main, arg);
	publish(p, t);
	thread_wake_new(t);
}
