/* SPDX-License-Identifier: MIT */
/*
 * Threads and processes as objects: allocation, linking, references.
 *
 * A thread has one reference for itself, dropped by thread_dead() when the CPU
 * has left it for ever, and one for being linked (its pid and its process's list
 * show it), dropped by thread_unlink_locked(). A process has one reference for
 * being linked and one per thread object. Both are freed after a grace period,
 * so that RCU readers of the pid table and of the lists may look at them.
 *
 *   thread_alloc -> NEW --thread_link_locked--> found by pid, schedulable
 *       --thread_exit--> DEAD --thread_unlink_locked--> only references left
 *
 *  (1) A linked thread's pid points to it, and it is in process->threads.
 *  (2) A dead leader stays linked until its process is reaped: its number names
 *      the process. Other threads unlink themselves.
 *  (3) process->leader is a linked thread, from the first one on until the
 *      process is reaped; then it is NULL.
 *
 * Kernel threads are threads of kernel_process, number 2. The first one made is
 * its leader. Idle threads belong to it too, but are not linked and have no pid.
 *
 * Not here: what fork copies and exit drops (kernel/proc), numbers (pid.c).
 */
#include <kernel/bug.h>
#include <kernel/lib/string.h>
#include <kernel/mm/alloc.h>
#include <kernel/percpu.h>
#include <kernel/printk.h>
#include <kernel/sched/sched.h>
#include <kernel/task/cred.h>
#include <kernel/task/pid.h>
#include <kernel/task/signal.h>

#define STACK_LIMIT_DEFAULT	(8ul << 20)

const struct rlimit default_rlimits[RLIM_NLIMITS] = {
	[RLIMIT_CPU]	    = { RLIM_INFINITY, RLIM_INFINITY },
	[RLIMIT_FSIZE]	    = { RLIM_INFINITY, RLIM_INFINITY },
	[RLIMIT_DATA]	    = { RLIM_INFINITY, RLIM_INFINITY },
	[RLIMIT_STACK]	    = { STACK_LIMIT_DEFAULT, RLIM_INFINITY },
	[RLIMIT_CORE]	    = { 0, RLIM_INFINITY },
	[RLIMIT_RSS]	    = { RLIM_INFINITY, RLIM_INFINITY },
	[RLIMIT_NPROC]	    = { PID_MAX / 4, PID_MAX / 4 },
	[RLIMIT_NOFILE]	    = { 1024, 4096 },
	[RLIMIT_MEMLOCK]    = { 8ul << 20, 8ul << 20 },
	[RLIMIT_AS]	    = { RLIM_INFINITY, RLIM_INFINITY },
	[RLIMIT_LOCKS]	    = { RLIM_INFINITY, RLIM_INFINITY },
	[RLIMIT_SIGPENDING] = { PID_MAX / 4, PID_MAX / 4 },
	[RLIMIT_MSGQUEUE]   = { 819200, 819200 },
	[RLIMIT_NICE]	    = { 0, 0 },
	[RLIMIT_RTPRIO]	    = { 0, 0 },
	[RLIMIT_RTTIME]	    = { RLIM_INFINITY, RLIM_INFINITY },
};

DEFINE_SPINLOCK(tasklist_lock, RANK_TASKLIST);
LIST_HEAD(all_processes);
struct thread_totals thread_totals;

static struct sighand kernel_sighand = {
	.refs = REFCOUNT_INIT(1),
	.lock = SPINLOCK_INIT(RANK_SIGHAND),
};

struct process kernel_process = {
	.refs = REFCOUNT_INIT(1),
	.sighand = &kernel_sighand,
	.flags = PROCESS_UNKILLABLE,
	.threads = LIST_HEAD_INIT(kernel_process.threads),
	.children = LIST_HEAD_INIT(kernel_process.children),
	.sibling = LIST_HEAD_INIT(kernel_process.sibling),
	.all_node = LIST_HEAD_INIT(kernel_process.all_node),
	.posix_timers = LIST_HEAD_INIT(kernel_process.posix_timers),
	.cpu_timers = LIST_HEAD_INIT(kernel_process.cpu_timers),
	.shared_pending = { .list = LIST_HEAD_INIT(kernel_process.shared_pending.list) },
	.child_wait = WAIT_QUEUE_INIT(kernel_process.child_wait),
	.signalfd_wait = WAIT_QUEUE_INIT(kernel_process.signalfd_wait),
	.lock = SPINLOCK_INIT(RANK_PROCESS),
	.exec_mutex = MUTEX_INIT(kernel_process.exec_mutex, RANK_EXEC),
};

extern char init_stack[];		/* head.S */

struct thread init_thread = {
	.info = {
		.kernel_sp = (u64)init_stack + KSTACK_SIZE,
		.stack_low = (u64)init_stack,
	},
	.state = TASK_RUNNING,
	.exit_flags = THREAD_KTHREAD,
	.process = &kernel_process,
	.sighand = &kernel_sighand,
	.nsproxy = &init_nsproxy,
	.cred = &init_cred,
	.refs = REFCOUNT_INIT(1),
	.se = { .pi_lock = SPINLOCK_INIT(RANK_THREAD) },
	.pending = { .list = LIST_HEAD_INIT(init_thread.pending.list) },
	.thread_node = LIST_HEAD_INIT(init_thread.thread_node),
	.comm = "idle/0",
};

static struct kmem_cache *thread_cache, *process_cache;

/* --- threads --- */

struct thread *thread_alloc(void)
{
	struct thread *t = kmem_cache_zalloc(thread_cache, GFP_KERNEL);

	if (!t)
		return NULL;
	t->kstack = kstack_alloc();
	if (!t->kstack) {
		kmem_cache_free(thread_cache, t);
		return NULL;
	}
	t->info.kernel_sp = (u64)t->kstack + KSTACK_SIZE;
	t->state = TASK_NEW;
	refcount_set(&t->refs, 1);
	spin_lock_init(&t->se.pi_lock, RANK_THREAD);
	sigpending_init(&t->pending);
	list_init(&t->thread_node);
	return t;
}

void thread_free_new(struct thread *t)
{
	kstack_free(t->kstack);
	kmem_cache_free(thread_cache, t);
}

static void thread_free_rcu(struct rcu_head *head)
{
	struct thread *t = container_of(head, struct thread, rcu);

	cred_put(t->cred);
	if (t->pid)
		pid_put(t->pid);
	process_put(t->process);
	kmem_cache_free(thread_cache, t);
}

struct thread *thread_get(struct thread *t)
{
	refcount_inc(&t->refs);
	return t;
}

void thread_put(struct thread *t)
{
	if (refcount_dec(&t->refs))
		call_rcu(&t->rcu, thread_free_rcu);
}

void thread_dead(struct thread *t)
{
	void *stack = t->kstack;

	t->kstack = NULL;
	kstack_free(stack);
	thread_put(t);
}

void thread_set_comm(struct thread *t, const char *name)
{
	char comm[TASK_COMM_LEN] = { 0 };

	/* Readers copy without a lock: the last byte is always NUL. */
	strscpy(comm, name, sizeof(comm));
	memcpy(t->comm, comm, sizeof(comm));
}

void thread_link_locked(struct thread *t)
{
	struct process *p = t->process;

	assert_spin_held(&tasklist_lock);
	assert_spin_held(&p->sighand->lock);
	thread_get(t);
	if (!p->leader)
		p->leader = t;
	p->nr_threads++;
	p->nr_live++;
	thread_totals.now++;
	thread_totals.ever++;
	rcu_assign_pointer(t->pid->thread, t);
	list_add_tail(&t->thread_node, &p->threads);
}

void thread_unlink_locked(struct thread *t)
{
	struct process *p = t->process;
	u64 flags;

	assert_spin_held(&tasklist_lock);
	flags = spin_lock_irqsave(&p->sighand->lock);
	/*
	 * From here on nobody queues a signal for it: signal_send_thread() looks under this lock.
	 */
	rcu_assign_pointer(t->pid->thread, NULL);
	list_del_rcu(&t->thread_node);
	p->nr_threads--;
	thread_totals.now--;
	if (p->leader == t)
		/* Another one only in the kernel's process: of the others, the leader goes last. */
		p->leader = list_empty(&p->threads) ? NULL : list_first(&p->threads, struct thread, thread_node);
	sigpending_flush(&t->pending);
	if (!p->nr_threads)
		sigpending_flush(&p->shared_pending);
	spin_unlock_irqrestore(&p->sighand->lock, flags);
	atomic_dec(&t->cred->account->processes);
	pid_release_locked(t->pid);
	thread_put(t);
}

/* --- processes --- */

struct process *process_alloc(void)
{
	struct process *p = kmem_cache_zalloc(process_cache, GFP_KERNEL);

	if (!p)
		return NULL;
	refcount_set(&p->refs, 1);
	list_init(&p->threads);
	list_init(&p->children);
	list_init(&p->sibling);
	list_init(&p->all_node);
	list_init(&p->posix_timers);
	list_init(&p->cpu_timers);
	sigpending_init(&p->shared_pending);
	wait_queue_init(&p->child_wait);
	wait_queue_init(&p->signalfd_wait);
	spin_lock_init(&p->lock, RANK_PROCESS);
	mutex_init(&p->exec_mutex, RANK_EXEC);
	return p;
}

static void process_free_rcu(struct rcu_head *head)
{
	struct process *p = container_of(head, struct process, rcu);

	if (p->sighand)
		sighand_put(p->sighand);
	for (int type = PIDTYPE_TGID; type < NR_PIDTYPES; type++)
		if (p->pids[type])
			pid_put(p->pids[type]);
	kmem_cache_free(process_cache, p);
}

/* An epoll may still watch the queue through a signalfd. The number is EPOLLFREE of fs/poll.h. */
static void process_end(struct process *p)
{
	if (unlikely(!list_empty(&p->signalfd_wait.entries)))
		wake_queue(&p->signalfd_wait, 0, 0x4000);
	call_rcu(&p->rcu, process_free_rcu);
}

struct process *process_get(struct process *p)
{
	refcount_inc(&p->refs);
	return p;
}

void process_put(struct process *p)
{
	if (refcount_dec(&p->refs))
		process_end(p);
}

void process_link_locked(struct process *p)
{
	assert_spin_held(&tasklist_lock);
	process_get(p);
	rcu_assign_pointer(p->pids[PIDTYPE_TGID]->process, p);
	list_add_tail(&p->all_node, &all_processes);
	if (p->parent)
		list_add_tail(&p->sibling, &p->parent->children);
}

void process_unlink_locked(struct process *p)
{
	struct pid *tgid = p->pids[PIDTYPE_TGID];

	assert_spin_held(&tasklist_lock);
	list_del(&p->sibling);
	list_del_rcu(&p->all_node);
	pid_detach_locked(p, PIDTYPE_PGID);
	pid_detach_locked(p, PIDTYPE_SID);
	rcu_assign_pointer(tgid->process, NULL);
	pid_release_locked(tgid);
	process_put(p);
}

/* --- kernel threads --- */

static struct thread *kernel_thread_alloc(const char *name)
{
	struct thread *t = thread_alloc();

	if (!t)
		return NULL;
	t->exit_flags = THREAD_KTHREAD;
	t->process = process_get(&kernel_process);
	t->sighand = &kernel_sighand;
	t->nsproxy = nsproxy_get(&init_nsproxy);
	t->cred = cred_get(&init_cred);
	t->blocked = ~0ul;
	t->start_ns = ktime_get();
	thread_set_comm(t, name);
	return t;
}

static void kernel_thread_free(struct thread *t)
{
	cred_put(t->cred);
	nsproxy_put(t->nsproxy);
	process_put(t->process);
	thread_free_new(t);
}

static void kernel_thread_link(struct thread *t)
{
	u64 flags;

	spin_lock(&tasklist_lock);
	flags = spin_lock_irqsave(&kernel_sighand.lock);
	atomic_inc(&t->cred->account->processes);
	thread_link_locked(t);
	spin_unlock_irqrestore(&kernel_sighand.lock, flags);
	spin_unlock(&tasklist_lock);
}

struct thread *thread_create_kernel(int (*fn)(void *), void *arg, const char *name)
{
	struct thread *t = kernel_thread_alloc(name);
	int err;

	if (!t)
		return NULL;
	/* The first one is the process's leader and has its number. */
	if (!kernel_process.leader)
		t->pid = pid_get(kernel_process.pids[PIDTYPE_TGID]);
	else
		t->pid = pid_alloc(&init_pid_ns, NULL, 0, &err);
	if (!t->pid) {
		kernel_thread_free(t);
		return NULL;
	}
	sched_fork(t);
	arch_thread_setup_kernel(t, fn, arg);
	kernel_thread_link(t);
	return t;
}

struct thread *thread_create_idle(u32 cpu)
{
	char name[TASK_COMM_LEN];
	struct thread *t;

	snprintf(name, sizeof(name), "idle/%u", cpu);
	t = kernel_thread_alloc(name);
	if (!t)
		return NULL;
	t->state = TASK_RUNNING;
	t->info.kernel_sp = (u64)t->kstack + KSTACK_SIZE;
	t->info.stack_low = (u64)t->kstack;
	t->info.cpu = cpu;
	t->info.percpu_offset = percpu_offsets[cpu];
	return t;
}

static void __init kernel_process_init(void)
{
	static const pid_t kernel_tgid = 2;
	struct process *p = &kernel_process;
	struct pid *pid;
	int err;

	memcpy(p->rlim, default_rlimits, sizeof(p->rlim));
	for (int sig = 1; sig <= NSIG; sig++)
		kernel_sighand.action[sig - 1].handler = SIG_IGN;
	pid = pid_alloc(&init_pid_ns, &kernel_tgid, 1, &err);
	if (!pid)
		panic("no memory for the kernel's process");
	p->pids[PIDTYPE_TGID] = pid;
	spin_lock(&tasklist_lock);
	process_link_locked(p);
	pid_attach_locked(p, PIDTYPE_PGID, pid);
	pid_attach_locked(p, PIDTYPE_SID, pid);
	spin_unlock(&tasklist_lock);
}

void __init task_init(void)
{
	thread_cache = kmem_cache_create("thread", sizeof(struct thread), 64, NULL);
	process_cache = kmem_cache_create("process", sizeof(struct process), 64, NULL);
	if (!thread_cache || !process_cache)
		panic("no memory for threads");
	pid_init();
	cred_init();
	signal_init();
	kernel_process_init();
}
