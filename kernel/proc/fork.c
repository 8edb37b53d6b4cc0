/* SPDX-License-Identifier: MIT */
/*
 * fork, vfork, clone, clone3: one thread makes another.
 *
 * The flags say, for each thing a thread refers to, whether the child shares it
 * (takes a reference) or gets a copy. All that can fail is done on a thread that
 * nobody can find; then, under tasklist_lock and sighand->lock, it is linked and
 * from there cannot fail.
 *
 *  (1) Signals and fork are atomic to each other: a signal sent to a group
 *      before the child is linked is seen by the parent there, which gives up and
 *      starts again after delivery (-ERESTARTNOINTR); later ones find the child.
 *  (2) A process that is dying or running exec gains no threads: SIGKILL is
 *      pending for each of them, so (1) covers it.
 *
 * vfork: the child borrows the address space and the parent sleeps on a
 * completion on its own stack. The child completes it under its process->lock; a
 * parent that is killed takes the pointer back under that lock.
 */
#include <arch/context.h>
#include <arch/trapframe.h>
#include <arch/uaccess.h>
#include <drivers/tty/job_control.h>
#include <fs/file.h>
#include <kernel/bug.h>
#include <kernel/lib/string.h>
#include <kernel/mm/mm.h>
#include <kernel/proc/proc.h>
#include <kernel/sched/sched.h>
#include <kernel/uapi/syscall.h>
#include <kernel/uapi/fcntl.h>

struct clone_request {
	u64 flags;
	int exit_signal;
	uaddr_t stack, tls;
	uaddr_t pidfd, child_tid, parent_tid;
	pid_t set_tid[1];
	u32 nr_set_tid;
};

/* clone3's argument, all versions. */
struct clone_args {
	u64 flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
	u64 set_tid, set_tid_size, cgroup;
};
#define CLONE_ARGS_SIZE_VER0	64

static int check_flags(const struct clone_request *r)
{
	u64 f = r->flags;

	/* Of other kinds than networks there is one namespace. */
	if (f & CLONE_NEW_MASK & ~CLONE_NEWNET)
		return -EINVAL;
	if ((f & CLONE_THREAD) && !(f & CLONE_SIGHAND))
		return -EINVAL;
	if ((f & CLONE_SIGHAND) && !(f & CLONE_VM))
		return -EINVAL;
	if ((f & CLONE_SIGHAND) && (f & CLONE_CLEAR_SIGHAND))
		return -EINVAL;
	if ((f & CLONE_PIDFD) && (f & CLONE_DETACHED))
		return -EINVAL;
	/* Siblings of init would be nobody's to reap. */
	if ((f & CLONE_PARENT) && current_process() == init_pid_ns.child_reaper)
		return -EINVAL;
	return 0;
}

static int check_limits(void)
{
	const struct cred *c = current_cred();

	if (atomic_read(&c->account->processes) <
	    (s64)min_t(u64, rlimit_current(RLIMIT_NPROC), INT_MAX))
		return 0;
	return c->uid == 0 || capable(CAP_SYS_RESOURCE) || capable(CAP_SYS_ADMIN) ? 0 : -EAGAIN;
}

/* --- what is shared or copied; each fills t, 0 or -errno --- */

static int copy_mm(struct thread *t, u64 flags)
{
	int err = 0;

	t->mm = (flags & CLONE_VM) ? mm_get_users(current->mm) : mm_fork(current->mm, &err);
	t->active_mm = t->mm;
	return t->mm ? 0 : err;
}

static int copy_files(struct thread *t, u64 flags)
{
	int err = 0;

	t->files = (flags & CLONE_FILES) ? files_get(current->files) : files_fork(current->files, &err);
	return t->files ? 0 : err;
}

static int copy_fs(struct thread *t, u64 flags)
{
	t->fs = (flags & CLONE_FS) ? fs_get(current->fs) : fs_fork(current->fs);
	return t->fs ? 0 : -ENOMEM;
}

static int copy_nsproxy(struct thread *t, u64 flags)
{
	int err = 0;

	t->nsproxy = (flags & CLONE_NEWNET) ? nsproxy_new_net(&err) : nsproxy_get(current->nsproxy);
	return t->nsproxy ? 0 : err;
}

static void clear_handlers(struct sighand *sh)
{
	for (int i = 0; i < NSIG; i++)
		if (sh->action[i].handler != SIG_IGN)
			sh->action[i] = (struct k_sigaction){ 0 };
}

static struct sighand *copy_sighand(u64 flags)
{
	struct sighand *sh;

	if (flags & CLONE_SIGHAND) {
		refcount_inc(&current->sighand->refs);
		return current->sighand;
	}
	sh = sighand_create(current->sighand);
	if (sh && (flags & CLONE_CLEAR_SIGHAND))
		clear_handlers(sh);
	return sh;
}

static struct process *process_copy(const struct clone_request *r)
{
	struct process *old = current_process(), *p = process_alloc();

	if (!p)
		return NULL;
	p->sighand = copy_sighand(r->flags);
	if (!p->sighand) {
		process_put(p);
		return NULL;
	}
	spin_lock(&old->lock);
	memcpy(p->rlim, old->rlim, sizeof(p->rlim));
	p->exe_file = old->exe_file ? file_get(old->exe_file) : NULL;
	spin_unlock(&old->lock);
	p->dumpable = old->dumpable;
	p->no_new_privs = old->no_new_privs;
	p->oom_score_adj = old->oom_score_adj;
	p->personality = old->personality;
	p->exit_signal = r->exit_signal;
	return p;
}

static void process_discard(struct process *p)
{
	if (p->exe_file)
		file_put(p->exe_file);
	p->exe_file = NULL;
	process_put(p);
}

static void thread_copy_fields(struct thread *t, u64 flags)
{
	const struct thread *old = current;

	memcpy(t->comm, old->comm, sizeof(t->comm));
	t->blocked = old->blocked;
	t->start_ns = ktime_get();
	t->exit_flags = THREAD_FORKNOEXEC;
	/*
	 * An alternate stack is the thread's own: gone for one in the same memory, but for vfork's.
	 */
	if ((flags & (CLONE_VM | CLONE_VFORK)) != CLONE_VM) {
		t->sas_sp = old->sas_sp;
		t->sas_size = old->sas_size;
		t->sas_flags = old->sas_flags;
	}
}

/* A complete thread that is in no list; NULL and *err. */
static struct thread *thread_copy(const struct clone_request *r, int *err)
{
	struct thread *t = thread_alloc();

	*err = -ENOMEM;
	if (!t)
		return NULL;
	t->process = (r->flags & CLONE_THREAD) ? process_get(current_process()) : process_copy(r);
	if (!t->process)
		goto free_thread;
	t->sighand = t->process->sighand;
	thread_copy_fields(t, r->flags);
	*err = copy_files(t, r->flags);
	if (*err)
		goto put_process;
	*err = copy_fs(t, r->flags);
	if (*err)
		goto put_files;
	*err = copy_mm(t, r->flags);
	if (*err)
		goto put_fs;
	*err = copy_nsproxy(t, r->flags);
	if (*err)
		goto put_mm;
	t->pid = pid_alloc(current->nsproxy->pid_for_children, r->set_tid, r->nr_set_tid, err);
	if (!t->pid)
		goto put_nsproxy;
	t->cred = cred_get(current->cred);
	sched_fork(t);
	arch_thread_setup_user(t, r->stack, r->flags & CLONE_SETTLS, r->tls);
	if (r->flags & CLONE_CHILD_SETTID)
		t->set_child_tid = r->child_tid;
	if (r->flags & CLONE_CHILD_CLEARTID)
		t->clear_child_tid = r->child_tid;
	return t;
put_nsproxy:
	nsproxy_put(t->nsproxy);
put_mm:
	mm_put(t->mm);
put_fs:
	fs_put(t->fs);
put_files:
	files_put(t->files);
put_process:
	if (r->flags & CLONE_THREAD)
		process_put(t->process);
	else
		process_discard(t->process);
free_thread:
	thread_free_new(t);
	return NULL;
}

/* Undo thread_copy(). */
static void thread_discard(struct thread *t, const struct clone_request *r)
{
	spin_lock(&tasklist_lock);
	pid_release_locked(t->pid);
	spin_unlock(&tasklist_lock);
	mm_put(t->mm);
	fs_put(t->fs);
	files_put(t->files);
	nsproxy_put(t->nsproxy);
	if (!(r->flags & CLONE_THREAD) && t->process->exe_file) {
		file_put(t->process->exe_file);
		t->process->exe_file = NULL;
	}
	kstack_free(t->kstack);
	t->kstack = NULL;
	thread_put(t);
}

/* --- linking --- */

static void process_join_locked(struct process *p, struct thread *t, u64 flags)
{
	struct process *me = current_process();

	if (flags & CLONE_PARENT) {
		p->parent = me->parent;
		p->exit_signal = me->exit_signal;
	} else {
		p->parent = me;
	}
	p->pids[PIDTYPE_TGID] = pid_get(t->pid);
	pid_attach_locked(p, PIDTYPE_PGID, me->pids[PIDTYPE_PGID]);
	pid_attach_locked(p, PIDTYPE_SID, me->pids[PIDTYPE_SID]);
	tty_fork_locked(p, me);
	process_link_locked(p);
}

/* Make t visible; 0 or -ERESTARTNOINTR (see (1) above). */
static int thread_publish(struct thread *t, u64 flags)
{
	struct sighand *sh = current->sighand;
	int err = 0;
	u64 irq;

	spin_lock(&tasklist_lock);
	irq = spin_lock_irqsave(&sh->lock);
	signal_recalc_locked(current);
	if (signal_pending(current)) {
		err = -ERESTARTNOINTR;
		goto unlock;
	}
	atomic_inc(&t->cred->account->processes);
	if (!(flags & CLONE_THREAD)) {
		process_join_locked(t->process, t, flags);
		/* The new process's own lock is of the same rank; nobody else can hold it yet. */
		if (t->process->sighand != sh) {
			spin_unlock_irqrestore(&sh->lock, irq);
			sh = t->process->sighand;
			irq = spin_lock_irqsave(&sh->lock);
		}
	}
	thread_link_locked(t);
	signal_recalc_locked(t);	/* the process could be found a moment ago */
unlock:
	spin_unlock_irqrestore(&sh->lock, irq);
	spin_unlock(&tasklist_lock);
	return err;
}

static void wait_for_vfork(struct thread *child, struct completion *done)
{
	if (!wait_for_completion_killable(done))
		return;
	spin_lock(&child->process->lock);
	child->vfork_done = NULL;
	spin_unlock(&child->process->lock);
}

/* Reserve a descriptor for the pidfd; what fails later gives it back. */
static int prepare_pidfd(struct thread *t, const struct clone_request *r, struct file **file)
{
	int fd, err;

	fd = fd_reserve(O_CLOEXEC);
	if (fd < 0)
		return fd;
	*file = pidfd_file_create(t->pid, 0, &err);
	if (!*file)
		goto release;
	err = put_user(fd, r->pidfd);
	if (!err)
		return fd;
	file_put(*file);
release:
	fd_release(fd);
	return err;
}

static long thread_clone(const struct clone_request *r)
{
	struct completion vfork_done;
	struct file *pidfd_file = NULL;
	struct thread *t;
	int err, pidfd = -1;
	pid_t tid;

	err = check_flags(r);
	if (!err)
		err = check_limits();
	if (err)
		return err;
	t = thread_copy(r, &err);
	if (!t)
		return err;
	if (r->flags & CLONE_PIDFD) {
		err = pidfd = prepare_pidfd(t, r, &pidfd_file);
		if (pidfd < 0)
			goto discard;
	}
	if (r->flags & CLONE_VFORK) {
		completion_init(&vfork_done);
		t->vfork_done = &vfork_done;
	}
	err = thread_publish(t, r->flags);
	if (err)
		goto close_pidfd;

	if (pidfd_file)
		fd_install(pidfd, pidfd_file);
	tid = pid_vnr(t->pid);
	/* An address that cannot be written is the program's mistake; the child exists. */
	if ((r->flags & CLONE_PARENT_SETTID) && put_user(tid, r->parent_tid))
		pidfd = -1;
	if (r->flags & CLONE_VFORK)
		thread_get(t);
	thread_wake_new(t);
	if (r->flags & CLONE_VFORK) {
		wait_for_vfork(t, &vfork_done);
		thread_put(t);
	}
	return tid;

close_pidfd:
	if (pidfd_file) {
		fd_release(pidfd);
		file_put(pidfd_file);
	}
discard:
	thread_discard(t, r);
	return err;
}

void thread_started(struct thread *prev)
{
	struct thread *t = current;

	sched_first_switch_done(prev);
	if (t->set_child_tid && put_user(thread_tid(t), t->set_child_tid))
		t->set_child_tid = 0;
}

/* --- system calls --- */

long sys_clone(u64 flags, uaddr_t stack, uaddr_t parent_tid, u64 tls, uaddr_t child_tid)
{
	struct clone_request r = {
		.flags = (u32)flags & ~CSIGNAL,
		.exit_signal = flags & CSIGNAL,
		.stack = stack,
		.tls = tls,
		.pidfd = parent_tid,
		.parent_tid = parent_tid,
		.child_tid = child_tid,
	};

	if ((flags & CLONE_PIDFD) && (flags & CLONE_PARENT_SETTID))
		return -EINVAL;
	return thread_clone(&r);
}

/* Copy a struct that may be shorter or longer than ours: what we do not know must be zero. */
static int copy_clone_args(struct clone_args *args, uaddr_t from, size_t size)
{
	u8 extra[64];

	if (size < CLONE_ARGS_SIZE_VER0)
		return -EINVAL;
	if (size > PAGE_SIZE)
		return -E2BIG;
	memset(args, 0, sizeof(*args));
	if (copy_from_user(args, from, min(size, sizeof(*args))))
		return -EFAULT;
	for (size_t done = sizeof(*args); done < size; done += sizeof(extra)) {
		size_t n = min(sizeof(extra), size - done);

		if (copy_from_user(extra, from + done, n))
			return -EFAULT;
		for (size_t i = 0; i < n; i++)
			if (extra[i])
				return -E2BIG;
	}
	return 0;
}

static int check_clone_args(const struct clone_args *a)
{
	const u64 known = 0xffffffffull | CLONE_CLEAR_SIGHAND;

	if (a->flags & (~known | CSIGNAL | CLONE_DETACHED))
		return -EINVAL;
	if (a->exit_signal > NSIG)
		return -EINVAL;
	if ((a->flags & (CLONE_THREAD | CLONE_PARENT)) && a->exit_signal)
		return -EINVAL;
	if (!a->stack != !a->stack_size)
		return -EINVAL;
	if (a->stack && !user_range_ok(a->stack, a->stack_size))
		return -EINVAL;
	if (a->set_tid_size > 1 || !a->set_tid != !a->set_tid_size)
		return -EINVAL;
	return 0;
}

long sys_clone3(uaddr_t uargs, size_t size)
{
	struct clone_request r = { 0 };
	struct clone_args a;
	int err = copy_clone_args(&a, uargs, size);

	if (!err)
		err = check_clone_args(&a);
	if (err)
		return err;
	if (a.set_tid_size) {
		if (copy_from_user(r.set_tid, a.set_tid, sizeof(r.set_tid)))
			return -EFAULT;
		if (r.set_tid[0] < 1)
			return -EINVAL;
		if (!capable(CAP_SYS_ADMIN) && !capable(CAP_CHECKPOINT_RESTORE))
			return -EPERM;
		r.nr_set_tid = 1;
	}
	r.flags = a.flags;
	r.exit_signal = a.exit_signal;
	r.stack = a.stack ? a.stack + a.stack_size : 0;
	r.tls = a.tls;
	r.pidfd = a.pidfd;
	r.child_tid = a.child_tid;
	r.parent_tid = a.parent_tid;
	return thread_clone(&r);
}

long sys_set_tid_address(uaddr_t addr)
{
	current->clear_child_tid = addr;
	return thread_tid(current);
}

long sys_unshare(u64 flags)
{
	const u64 known = CLONE_THREAD | CLONE_FS | CLONE_SIGHAND | CLONE_VM | CLONE_FILES |
			  CLONE_SYSVSEM | CLONE_NEWNET;
	struct nsproxy *ns = NULL;
	struct fs *fs, *old;
	int err;

	if (flags & ~known)
		return -EINVAL;
	/*
	 * What threads of one process must share can only be "unshared" by one that has no others.
	 */
	if ((flags & (CLONE_THREAD | CLONE_SIGHAND | CLONE_VM)) &&
	    current_process()->nr_threads > 1)
		return -EINVAL;
	if ((flags & CLONE_SIGHAND) && refcount_read(&current->sighand->refs) > 1)
		return -EINVAL;
	if ((flags & CLONE_VM) && refcount_read(&current->mm->users) > 1)
		return -EINVAL;
	if (flags & CLONE_NEWNET) {
		ns = nsproxy_new_net(&err);
		if (!ns)
			return err;
	}
	if (flags & CLONE_FS) {
		fs = fs_fork(current->fs);
		if (!fs) {
			err = -ENOMEM;
			goto put_nsproxy;
		}
		spin_lock(&current_process()->lock);
		old = current->fs;
		current->fs = fs;
		spin_unlock(&current_process()->lock);
		fs_put(old);
	}
	if (flags & CLONE_FILES) {
		err = files_unshare();
		if (err)
			goto put_nsproxy;
	}
	if (ns)
		nsproxy_switch(ns);
	return 0;
put_nsproxy:
	if (ns)
		nsproxy_put(ns);
	return err;
}
