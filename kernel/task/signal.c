/* SPDX-License-Identifier: MIT */
/*
 * Sending signals and keeping them until they are taken.
 *
 * A signal waits in the queue of one thread (tgkill, faults) or in the one that
 * a process's threads share (kill). A queue is a set of numbers plus a list of
 * siginfos. A standard signal is queued once; real-time ones each time. Memory
 * or RLIMIT_SIGPENDING running out loses the siginfo of a standard signal, never
 * the signal; sigqueue and timers hear -EAGAIN.
 *
 * All is guarded by sighand->lock, which interrupts may take (timers send).
 *
 *  (1) TIF_SIGPENDING of a thread is set whenever an unblocked signal waits for
 *      it or it has to stop. It may be set without need; signal_recalc_locked()
 *      clears it, only in the thread itself.
 *  (2) A signal that will kill the process kills it when it is sent: the group
 *      exit code is set and each thread gets SIGKILL, so that no thread has to
 *      be scheduled before the others learn of it. signal_fatal_pending() is
 *      therefore nothing but "SIGKILL is in the thread's own set".
 *  (3) Pending stop signals and a pending SIGCONT exclude each other.
 *
 * A process that ignores a signal never has it queued, unless it is blocked:
 * the action may change before it is unblocked.
 *
 * Not here: delivery, stops and default actions (kernel/proc/signal_deliver.c),
 * permission and the system calls (kernel/proc/signal_calls.c).
 */
#include <kernel/bug.h>
#include <kernel/lib/string.h>
#include <kernel/mm/alloc.h>
#include <kernel/sched/sched.h>
#include <kernel/task/cred.h>
#include <kernel/task/pid.h>
#include <kernel/task/signal.h>
#include <kernel/task/timers.h>

struct sigqueue {
	struct list_head node;
	struct kernel_siginfo info;
	struct account *account;	/* that it is counted in; a reference */
	bool preallocated;		/* a timer's; not freed when taken */
	u32 sequence;			/* its timer's, when it was sent */
};

static struct kmem_cache *sigqueue_cache, *sighand_cache;

/* Ignored by default. */
#define SIGSET_DEFAULT_IGNORE	(SIGMASK(SIGCHLD) | SIGMASK(SIGCONT) | SIGMASK(SIGURG) | SIGMASK(SIGWINCH))

/* --- actions --- */

struct sighand *sighand_create(const struct sighand *from)
{
	struct sighand *sh = kmem_cache_alloc(sighand_cache, GFP_KERNEL);

	if (!sh)
		return NULL;
	refcount_set(&sh->refs, 1);
	spin_lock_init(&sh->lock, RANK_SIGHAND);
	memcpy(sh->action, from->action, sizeof(sh->action));
	return sh;
}

static void sighand_free_rcu(struct rcu_head *head)
{
	kmem_cache_free(sighand_cache, container_of(head, struct sighand, rcu));
}

void sighand_put(struct sighand *sh)
{
	if (refcount_dec(&sh->refs))
		call_rcu(&sh->rcu, sighand_free_rcu);
}

struct sighand *sighand_lock(struct process *p, u64 *flags)
{
	struct sighand *sh;

	rcu_read_lock();
	for (;;) {
		sh = rcu_dereference(p->sighand);
		*flags = spin_lock_irqsave(&sh->lock);
		if (likely(sh == READ_ONCE(p->sighand)))
			break;
		spin_unlock_irqrestore(&sh->lock, *flags);
	}
	rcu_read_unlock();
	return sh;
}

bool signal_is_ignored_locked(const struct process *p, int sig)
{
	u64 handler = p->sighand->action[sig - 1].handler;

	if (handler == SIG_IGN)
		return true;
	if (handler != SIG_DFL)
		return false;
	return (SIGMASK(sig) & SIGSET_DEFAULT_IGNORE) || (p->flags & PROCESS_UNKILLABLE);
}

/* --- queues --- */

void sigpending_init(struct sigpending *p)
{
	list_init(&p->list);
	p->set = 0;
}

/* Off its list, and freed unless it is a timer's own. */
static void sigqueue_free(struct sigqueue *q)
{
	list_del(&q->node);
	if (q->preallocated) {
		list_init(&q->node);
		return;
	}
	atomic_dec(&q->account->sigpending);
	account_put(q->account);
	kmem_cache_free(sigqueue_cache, q);
}

void sigpending_remove_locked(struct sigpending *p, u64 set)
{
	struct sigqueue *q, *next;

	if (!(p->set & set))
		return;
	p->set &= ~set;
	list_for_each_safe(q, next, &p->list, node)
		if (SIGMASK(q->info.signo) & set)
			sigqueue_free(q);
}

void sigpending_flush(struct sigpending *p)
{
	sigpending_remove_locked(p, ~0ul);
}

/* Whether info names a sender that must hear of a full queue. */
static bool must_be_queued(int sig, const struct kernel_siginfo *info)
{
	return sig >= SIGRTMIN && info && info->code < 0 && info->code != SI_USER;
}

static struct sigqueue *sigqueue_alloc(struct process *p, bool over_limit)
{
	struct account *a = current_cred()->account;
	struct sigqueue *q;

	if (!over_limit &&
	    atomic_read(&a->sigpending) >=
		    (s64)min_t(u64, READ_ONCE(p->rlim[RLIMIT_SIGPENDING].cur), INT_MAX))
		return NULL;
	q = kmem_cache_alloc(sigqueue_cache, GFP_ATOMIC | GFP_NOWARN);
	if (!q)
		return NULL;
	refcount_inc(&a->refs);
	atomic_inc(&a->sigpending);
	q->account = a;
	q->preallocated = false;
	return q;
}

struct sigqueue *sigqueue_prealloc(void)
{
	struct sigqueue *q = sigqueue_alloc(current_process(), false);

	if (q) {
		list_init(&q->node);
		q->preallocated = true;
	}
	return q;
}

void sigqueue_drop_locked(struct sigqueue *q)
{
	q->preallocated = false;
	if (list_empty(&q->node))
		sigqueue_free(q);
}

/* Take one siginfo of sig from p; the set loses sig with the last one. */
static void take_locked(struct sigpending *p, int sig, struct kernel_siginfo *info)
{
	struct sigqueue *q, *next, *first = NULL;
	bool more = false;

	list_for_each_safe(q, next, &p->list, node) {
		if (q->info.signo != sig)
			continue;
		if (first) {
			more = true;
			break;
		}
		first = q;
	}
	if (!more)
		p->set &= ~SIGMASK(sig);
	if (first) {
		*info = first->info;
		if (unlikely(first->preallocated))
			posix_timer_taken_locked(info, first->sequence);
		sigqueue_free(first);
	} else {
		*info = (struct kernel_siginfo){ .signo = sig, .code = SI_USER };
	}
}

static int next_signal(u64 set)
{
	if (set & SIGSET_SYNCHRONOUS)
		set &= SIGSET_SYNCHRONOUS;
	return set ? ctz64(set) + 1 : 0;
}

int signal_dequeue_locked(u64 mask, struct kernel_siginfo *info)
{
	struct thread *t = current;
	struct sigpending *from = &t->pending;
	int sig = next_signal(from->set & ~mask);

	assert_spin_held(&t->sighand->lock);
	if (!sig) {
		from = &t->process->shared_pending;
		sig = next_signal(from->set & ~mask);
	}
	if (sig)
		take_locked(from, sig, info);
	if (sig == SIGALRM && from != &t->pending)
		itimer_alarm_taken_locked(t->process);
	signal_recalc_locked(t);
	return sig;
}

void signal_recalc_locked(struct thread *t)
{
	u64 waiting = t->pending.set | t->process->shared_pending.set;

	assert_spin_held(&t->sighand->lock);
	if ((waiting & ~t->blocked) || t->stop_pending ||
	    (t->process->flags & PROCESS_TELL_CONTINUED))
		__atomic_fetch_or(&t->info.flags, TIF_SIGPENDING, __ATOMIC_RELAXED);
	else if (t == current)
		__atomic_fetch_and(&t->info.flags, ~TIF_SIGPENDING, __ATOMIC_RELAXED);
}

/* Signals of the process that current was to take and blocks now may need another thread. */
static __noinline void retarget_locked(struct process *p, u64 newly)
{
	struct thread *t;

	list_for_each(t, &p->threads, thread_node)
		if (t != current && (newly & ~t->blocked))
			signal_wake_locked(t, false);
}

void signal_set_blocked(u64 set)
{
	struct thread *t = current;
	struct process *p = t->process;
	u64 newly, flags;

	set &= ~SIGSET_KILL_STOP;
	if (set == t->blocked)
		return;
	flags = spin_lock_irqsave(&t->sighand->lock);
	newly = set & ~t->blocked & p->shared_pending.set;
	t->blocked = set;
	signal_recalc_locked(t);
	if (newly)
		retarget_locked(p, newly);
	spin_unlock_irqrestore(&t->sighand->lock, flags);
}

/* --- sending --- */

void signal_wake_locked(struct thread *t, bool fatal)
{
	u32 states = TASK_INTERRUPTIBLE;

	if (fatal)
		states |= TASK_KILLABLE | TASK_STOPPED | TASK_TRACED;
	__atomic_fetch_or(&t->info.flags, TIF_SIGPENDING, __ATOMIC_SEQ_CST);
	/* Running, whatever its state says: schedule() looks at the flag before it lets it sleep. */
	if (t == current && !fatal)
		return;
	if (!thread_wake(t, states))
		thread_kick(t);
}

bool signal_fatal_pending(const struct thread *t)
{
	return signal_pending(t) && (READ_ONCE(t->pending.set) & SIGMASK(SIGKILL));
}

u32 signal_kill_others_locked(struct process *p)
{
	struct thread *t;
	u32 n = 0;

	p->flags &= ~PROCESS_STOPPING;
	p->stop_count = 0;
	list_for_each(t, &p->threads, thread_node) {
		if (t->process == current->process && t == current)
			continue;
		if (t->exit_flags & THREAD_EXITING)
			continue;
		t->stop_pending = false;
		t->pending.set |= SIGMASK(SIGKILL);
		signal_wake_locked(t, true);
		n++;
	}
	return n;
}

static bool wants_signal(const struct thread *t, int sig)
{
	if (t->exit_flags & THREAD_EXITING)
		return false;
	if (sig == SIGKILL)
		return true;
	/* A stopped thread takes it, were it deadly, when it goes on. */
	if (READ_ONCE(t->state) & (TASK_STOPPED | TASK_TRACED))
		return false;
	return !(t->blocked & SIGMASK(sig)) || (t->sigwaiting && (t->sigwait_set & SIGMASK(sig)));
}

/* Which thread of p to wake for sig: the one given, the leader, or any that does not block it. */
static struct thread *choose_thread_locked(struct process *p, struct thread *given, int sig)
{
	struct thread *t;

	if (given)
		return wants_signal(given, sig) ? given : NULL;
	if (p->leader && wants_signal(p->leader, sig))
		return p->leader;
	list_for_each(t, &p->threads, thread_node)
		if (wants_signal(t, sig))
			return t;
	return NULL;
}

/* Will sig end p as soon as t takes it? */
static bool is_deadly_locked(const struct process *p, const struct thread *t, int sig)
{
	if (p->sighand->action[sig - 1].handler != SIG_DFL || (t->blocked & SIGMASK(sig)))
		return false;
	if ((SIGMASK(sig) & (SIGSET_DEFAULT_IGNORE | SIGSET_STOP)) ||
	    (p->flags & PROCESS_GROUP_EXIT))
		return false;
	return !(p->flags & PROCESS_UNKILLABLE);
}

static void kill_group_locked(struct process *p, int sig)
{
	struct thread *t;

	p->flags |= PROCESS_GROUP_EXIT;
	p->flags &= ~(PROCESS_STOPPED | PROCESS_STOPPING);
	p->group_exit_code = sig;
	list_for_each(t, &p->threads, thread_node) {
		t->stop_pending = false;
		if (t->exit_flags & THREAD_EXITING)
			continue;
		t->pending.set |= SIGMASK(SIGKILL);
		signal_wake_locked(t, true);
	}
}

/* SIGCONT acts when it is sent, blocked or not: stopped threads run again. */
static void continue_locked(struct process *p)
{
	struct thread *t;

	sigpending_remove_locked(&p->shared_pending, SIGSET_STOP);
	list_for_each(t, &p->threads, thread_node) {
		sigpending_remove_locked(&t->pending, SIGSET_STOP);
		t->stop_pending = false;
		if (p->flags & (PROCESS_STOPPED | PROCESS_STOPPING))
			thread_wake(t, TASK_STOPPED);
	}
	if (!(p->flags & (PROCESS_STOPPED | PROCESS_STOPPING)))
		return;
	p->flags &= ~(PROCESS_STOPPED | PROCESS_STOPPING);
	p->stop_count = 0;
	p->stop_code = 0;
	/* One of its threads tells the parent: a sender may be an interrupt. */
	p->flags |= PROCESS_CONTINUED | PROCESS_TELL_CONTINUED;
	list_for_each(t, &p->threads, thread_node)
		if (!(t->exit_flags & THREAD_EXITING))
			__atomic_fetch_or(&t->info.flags, TIF_SIGPENDING, __ATOMIC_RELAXED);
}

static void cancel_continue_locked(struct process *p)
{
	struct thread *t;

	sigpending_remove_locked(&p->shared_pending, SIGMASK(SIGCONT));
	list_for_each(t, &p->threads, thread_node)
		sigpending_remove_locked(&t->pending, SIGMASK(SIGCONT));
}

/* Side effects of sending, whether or not the signal is then queued. False: drop it. */
static bool prepare_locked(struct process *p, struct thread *t, int sig)
{
	const struct thread *judge = t ? t : p->leader;

	/* Without threads it has been waited for: what were queued now would never be freed. */
	if ((p->flags & PROCESS_GROUP_EXIT) || !p->nr_threads)
		return sig == SIGKILL;
	if (SIGMASK(sig) & SIGSET_STOP)
		cancel_continue_locked(p);
	else if (sig == SIGCONT)
		continue_locked(p);
	if (sig == SIGKILL || sig == SIGSTOP)
		return !(p->flags & PROCESS_UNKILLABLE);
	if (judge && (judge->blocked & SIGMASK(sig)))
		return true;
	if (judge && judge->sigwaiting && (judge->sigwait_set & SIGMASK(sig)))
		return true;
	return !signal_is_ignored_locked(p, sig);
}

/* 0, also when it is dropped; -EAGAIN where the sender must know that the queue is full. */
static int enqueue_locked(struct process *p, struct sigpending *to, int sig,
			  const struct kernel_siginfo *info)
{
	struct sigqueue *q;

	if (sig < SIGRTMIN && (to->set & SIGMASK(sig)))
		return 0;
	/* SIGKILL takes no memory: nobody reads its siginfo. */
	if (sig != SIGKILL) {
		q = sigqueue_alloc(p, sig < SIGRTMIN && (!info || info->code >= 0));
		if (!q && must_be_queued(sig, info))
			return -EAGAIN;
		if (q) {
			q->info = info ? *info : (struct kernel_siginfo){ .code = SI_KERNEL };
			q->info.signo = sig;
			list_add_tail(&q->node, &to->list);
		}
	}
	to->set |= SIGMASK(sig);
	return 0;
}

/* The signal is queued: let somebody take it. */
static void tell_taker_locked(struct process *p, struct thread *t, int sig)
{
	struct thread *taker;

	wake_all(&p->signalfd_wait);
	taker = choose_thread_locked(p, t, sig);
	if (!taker)
		return;
	if (sig == SIGKILL || is_deadly_locked(p, taker, sig))
		kill_group_locked(p, sig);
	else
		signal_wake_locked(taker, false);
}

/* To t, or to the process when t is NULL. Context: p->sighand->lock held. */
int signal_send_locked(struct process *p, struct thread *t, int sig,
		       const struct kernel_siginfo *info)
{
	int err;

	assert_spin_held(&p->sighand->lock);
	if (!prepare_locked(p, t, sig))
		return 0;
	err = enqueue_locked(p, t ? &t->pending : &p->shared_pending, sig, info);
	if (!err)
		tell_taker_locked(p, t, sig);
	return err;
}

int signal_send_prealloc_locked(struct process *p, struct thread *t, struct sigqueue *q,
				const struct kernel_siginfo *info, u32 sequence)
{
	struct sigpending *to = t ? &t->pending : &p->shared_pending;

	assert_spin_held(&p->sighand->lock);
	if (!prepare_locked(p, t, info->signo))
		return 1;
	if (!list_empty(&q->node)) {
		q->info.overrun++;
		return 0;
	}
	q->info = *info;
	q->sequence = sequence;
	list_add_tail(&q->node, &to->list);
	to->set |= SIGMASK(info->signo);
	tell_taker_locked(p, t, info->signo);
	return 0;
}

/* To t of p, or to whichever takes it (NULL). */
static int send(struct process *p, struct thread *t, int sig, const struct kernel_siginfo *info)
{
	struct sighand *sh;
	u64 flags;
	int err;

	if (!sig)
		return 0;
	sh = sighand_lock(p, &flags);
	err = t && t->pid->thread != t ? -ESRCH : signal_send_locked(p, t, sig, info);
	sighand_unlock(sh, flags);
	return err;
}

int signal_send_thread(struct thread *t, int sig, const struct kernel_siginfo *info)
{
	return send(t->process, t, sig, info);
}

int signal_send_process(struct process *p, int sig, const struct kernel_siginfo *info)
{
	return send(p, NULL, sig, info);
}

int signal_send_pgrp_locked(struct pid *pgrp, int sig, const struct kernel_siginfo *info)
{
	struct process *p;
	int err, result = -ESRCH;

	assert_spin_held(&tasklist_lock);
	process_for_each_in(pgrp, PIDTYPE_PGID, p) {
		err = signal_send_process(p, sig, info);
		if (result)
			result = err;
	}
	return result;
}

int signal_send_pgrp(struct pid *pgrp, int sig, const struct kernel_siginfo *info)
{
	int result;

	spin_lock(&tasklist_lock);
	result = signal_send_pgrp_locked(pgrp, sig, info);
	spin_unlock(&tasklist_lock);
	return result;
}

void signal_force_fault(int sig, int code, uaddr_t addr)
{
	struct kernel_siginfo info = { .signo = sig, .code = code, .addr = addr };
	struct thread *t = current;
	struct k_sigaction *action = &t->sighand->action[sig - 1];
	u64 flags = spin_lock_irqsave(&t->sighand->lock);

	/*
	 * A handler that cannot run, since blocked or
	 * ignored, is no handler: the program cannot go on.
	 */
	if ((t->blocked & SIGMASK(sig)) || action->handler == SIG_IGN) {
		action->handler = SIG_DFL;
		t->blocked &= ~SIGMASK(sig);
	}
	if (action->handler == SIG_DFL)
		t->process->flags &= ~PROCESS_UNKILLABLE;
	signal_send_locked(t->process, t, sig, &info);
	spin_unlock_irqrestore(&t->sighand->lock, flags);
}

void siginfo_fill_user(struct kernel_siginfo *info, int sig, int code)
{
	*info = (struct kernel_siginfo){
		.signo = sig,
		.code = code,
		.pid = process_tgid(current_process()),
		.uid = current_cred()->uid,
	};
}

void __init signal_init(void)
{
	sigqueue_cache = kmem_cache_create("sigqueue", sizeof(struct sigqueue), 8, NULL);
	sighand_cache = kmem_cache_create("sighand", sizeof(struct sighand), 64, NULL);
	if (!sigqueue_cache || !sighand_cache)
		panic("no memory for signals");
}
