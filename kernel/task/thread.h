/* SPDX-License-Identifier: MIT */
/*
 * Threads and processes: struct thread is the TCB, struct process the PCB.
 *
 * A thread holds counted references to what clone(2) may share or copy: mm,
 * files, fs, sighand, nsproxy, cred. Threads of one process share the struct
 * process. Kernel threads belong to process 2 and have mm == NULL.
 *
 * Life: TASK_NEW -> (thread_wake_new) RUNNING <-> sleeping -> exit: TASK_DEAD
 * and process zombie until reaped by wait (or at once if nobody waits); the
 * struct lives until its last reference, freed after a grace period.
 */
#pragma once
#include <kernel/types.h>
#include <kernel/errno.h>
#include <kernel/lib/list.h>
#include <kernel/lib/atomic.h>
#include <kernel/lock/rcu.h>
#include <kernel/lock/mutex.h>
#include <kernel/lock/wait.h>
#include <kernel/lock/lockdebug.h>
#include <kernel/sched/entity.h>
#include <kernel/time/hrtimer.h>
#include <kernel/uapi/signal.h>
#include <kernel/uapi/resource.h>
#include <arch/context.h>

struct mm;
struct files;
struct fs;
struct nsproxy;
struct cred;
struct pid;
struct pid_namespace;
struct file;
struct tty;
struct robust_list_head;

#define TASK_COMM_LEN	16
#define KSTACK_SIZE	16384

struct sigpending {
	struct list_head list;		/* queued siginfo (kernel/task/signal.h) */
	u64 set;
};

/* Actions; shared by threads, and by processes cloned with CLONE_SIGHAND. */
struct sighand {
	refcount_t refs;
	/* RANK_SIGHAND, irq-safe: guards also the signal state of its processes */
	struct spinlock lock;
	struct k_sigaction action[NSIG];
	struct rcu_head rcu;
};

struct thread {
	struct thread_info info;	/* must be first: tp */

	/* Changed by the thread itself, or by a waker under se.pi_lock. */
	u32 state;			/* enum thread_state */
	u32 exit_flags;			/* THREAD_* below */

	struct thread_context context;	/* registers of a sleeping thread, FP (arch) */
	struct sched_entity se;

	/* Constant after creation. */
	struct process *process;
	struct pid *pid;		/* its own number (tid) */
	void *kstack;			/* lowest address */
	refcount_t refs;

	/*
	 * Counted references. Changed only by the thread itself (exec, unshare, exit), under
	 * process->lock: others read them under it and take a reference. sighand is the process's,
	 * and lives as long as that.
	 */
	struct mm *mm;			/* NULL for kernel threads */
	struct mm *active_mm;		/* whose page tables are loaded; kernel threads borrow */
	struct files *files;
	struct fs *fs;
	struct sighand *sighand;
	struct nsproxy *nsproxy;
	const struct cred *cred;	/* RCU; replaced whole */

	/* Guarded by sighand->lock; blocked is written only by the thread itself. */
	struct sigpending pending;
	u64 blocked;
	bool stop_pending;		/* is to join its process's job-control stop */
	bool sigwaiting;		/* in rt_sigtimedwait for sigwait_set: a wake-up even if blocked */
	u64 sigwait_set;

	/* Only by the thread itself. */
	u64 saved_sigmask;		/* restored when TIF_RESTORE_SIGMASK */
	u64 sas_sp, sas_size;		/* alternate stack; only by the thread */
	u32 sas_flags;

	/* Guarded by tasklist_lock and sighand->lock (both to write, one or RCU to read). */
	struct list_head thread_node;	/* in process->threads */
	int exit_code;			/* as wait(2) tells it; set before it is dead */

	/* Only by the thread itself. */
	uaddr_t set_child_tid, clear_child_tid;
	uaddr_t robust_list;
	char comm[TASK_COMM_LEN];
	struct {
		long (*fn)(struct thread *t);	/* restart_syscall */
		u64 args[5];
	} restart;
	u32 pagefault_disabled;
	u64 start_ns;			/* boot clock */
	u64 min_flt, maj_flt;
	u64 read_bytes, write_bytes;
	/* prctl(2); 0: the default. Only by the thread, inherited */
	u64 timer_slack_ns;
	u32 ioprio;			/* ioprio_set(2); a word, any thread may store it */
	struct list_head *plug;		/* block plug, or NULL */
	struct rcu_head **dead_files;	/* to be destroyed behind the one that is now (fs/file.c), or NULL */
	struct completion *vfork_done;	/* tells the parent of vfork; process->lock */

	/* kthreads */
	int (*kthread_fn)(void *arg);
	void *kthread_arg;
	bool kthread_stop;

#ifdef CONFIG_LOCK_DEBUG
	struct lock_debug_thread locks;	/* what it holds; all zero is right at creation */
#endif
#ifdef CONFIG_HANG_DEBUG
	u64 hang_runs;			/* only by hang.c's watcher */
	u32 hang_passes;
#endif
	struct rcu_head rcu;
};

#define THREAD_KTHREAD		BIT(0)
#define THREAD_EXITING		BIT(1)
#define THREAD_RECLAIM		BIT(3)	/* in reclaim: do not recurse */
#define THREAD_FORKNOEXEC	BIT(4)
#define THREAD_SUPERPRIV	BIT(5)
#define THREAD_EXITED	BIT(6)	/* past its last step: only its number and its exit code remain */

/* Waits for an amount of CPU time (kernel/task/timers.h). Guarded by sighand->lock. */
struct cpu_timer {
	struct list_head node;		/* in process->cpu_timers while armed, else empty */
	u8 which;			/* enum cpu_clock */
	struct pid *thread;		/* whose time; NULL: all of the process's. The owner keeps the reference */
	u64 expires_ns, interval_ns;
	/* taken off the list; may arm again */
	void (*fire)(struct process *p, struct cpu_timer *t);
};

enum { PIDTYPE_TID, PIDTYPE_TGID, PIDTYPE_PGID, PIDTYPE_SID, NR_PIDTYPES };

struct process {
	refcount_t refs;

	/* Constant between execs; see sighand_lock(). Zombies keep it. */
	struct sighand *sighand;

	/*
	 * Guarded by tasklist_lock to write; RCU or the
	 * lock to read. threads: and by sighand->lock.
	 */
	struct list_head threads;	/* thread_node; a dead leader stays until it is reaped */
	struct list_head children;	/* sibling */
	struct list_head sibling;
	struct process *parent;		/* who gets SIGCHLD and may wait */
	struct thread *leader;
	struct pid *pids[NR_PIDTYPES];	/* TGID, PGID, SID */
	struct hlist_node pid_links[NR_PIDTYPES];
	struct list_head all_node;	/* every process */
	u32 nr_threads;			/* on threads */
	u32 nr_live;			/* not yet past thread_exit's first step; sighand->lock */
	int exit_signal;		/* sent to the parent at the end; 0: none */
	bool zombie;			/* all threads gone: waits to be reaped */
	bool is_child_reaper;		/* prctl subreaper */
	int pdeath_signal;		/* sent to it when its parent ends; 0: none */
	bool dumpable, did_exec, no_new_privs;
	bool membarrier_registered;
	bool ni_logged;			/* has used an unlisted system call: said once */

	/* Guarded by sighand->lock. */
	struct sigpending shared_pending;
	u32 flags;			/* PROCESS_* */
	int group_exit_code;
	struct thread *group_exec;	/* thread that runs exec and kills the others */
	u32 stop_count;			/* threads that have yet to stop */
	int stop_signal;		/* of the stop in progress or complete */
	int stop_code;			/* for wait(WUNTRACED), 0: reported */
	struct wait_queue signalfd_wait;	/* told of every signal queued */

	struct tty *tty;		/* controlling terminal; tasklist_lock */
	struct pid *tty_old_pgrp;	/* leader: foreground group when it was hung up; tasklist_lock */

	struct wait_queue child_wait;	/* this process's wait4 callers */
	struct rlimit rlim[RLIM_NLIMITS];	/* under lock */
	struct spinlock lock;		/* RANK_PROCESS */

	/* Sums over threads that are gone; under sighand->lock. */
	u64 utime_ns, stime_ns, cutime_ns, cstime_ns;
	u64 min_flt, maj_flt, cmin_flt, cmaj_flt, nvcsw, nivcsw, cnvcsw, cnivcsw;
	u64 maxrss_pages, cmaxrss_pages;

	/* Guarded by sighand->lock. */
	struct hrtimer real_timer;	/* ITIMER_REAL */
	ktime_t real_expires, real_interval;	/* 0: not armed; once */
	struct cpu_timer cpu_itimer[2];	/* ITIMER_VIRTUAL, ITIMER_PROF */
	struct list_head cpu_timers;	/* armed ones */
	struct list_head posix_timers;
	int next_timer_id;

	struct file *exe_file;		/* /proc/PID/exe; under lock */
	struct mutex exec_mutex;	/* RANK_EXEC: cred guard */
	s16 oom_score_adj;
	u32 personality;
	struct rcu_head rcu;
};

#define PROCESS_GROUP_EXIT	BIT(0)	/* all threads are to die */
#define PROCESS_STOPPED		BIT(1)	/* job control stop is complete */
#define PROCESS_CONTINUED	BIT(2)	/* for wait(WCONTINUED) */
#define PROCESS_UNKILLABLE	BIT(3)	/* PID 1 of its namespace: only signals it handles */
#define PROCESS_STOPPING	BIT(4)	/* a stop is in progress: stop_count threads to go */
#define PROCESS_TELL_CONTINUED	BIT(5)	/* the parent is yet to be told of a SIGCONT */

/* Threads linked now, and since boot. Written under tasklist_lock, read without. */
struct thread_totals {
	u32 now;
	u64 ever;
};
extern struct thread_totals thread_totals;
extern struct spinlock tasklist_lock;	/* RANK_TASKLIST, irq-safe not needed */
extern struct thread init_thread;	/* boot CPU's first context, then its idle thread */
extern struct process kernel_process;	/* PID 2's: owner of kernel threads and idle */

static inline struct process *current_process(void)
{
	return current->process;
}

/* Undo thread_set_state() where the thread goes on without having slept. */
static inline void thread_set_running(void)
{
	WRITE_ONCE(current->state, TASK_RUNNING);
}

struct thread *thread_get(struct thread *t);
void thread_put(struct thread *t);
struct process *process_get(struct process *p);
void process_put(struct process *p);
static inline bool thread_is_user(const struct thread *t)
{
	return !(t->exit_flags & THREAD_KTHREAD);
}

/*
 * Allocate a thread with stack, entity and locks set up and one reference, in no
 * list and without a pid. NULL: no memory. thread_free_new() undoes it.
 */
struct thread *thread_alloc(void);
void thread_free_new(struct thread *t);
struct process *process_alloc(void);	/* one reference, no sighand, no pids; NULL */
/*
 * Link a complete thread into its process, and a new process into the tree; they
 * can be found from here on. tasklist_lock and (thread) sighand->lock held.
 */
void thread_link_locked(struct thread *t);
void process_link_locked(struct process *p);
/*
 * Take a dead thread, a reaped process out of every list; numbers become free. tasklist_lock held.
 */
void thread_unlink_locked(struct thread *t);
void process_unlink_locked(struct process *p);
/*
 * The scheduler has left t for ever (TASK_DEAD): frees
 * the stack, drops the reference t had on itself.
 */
void thread_dead(struct thread *t);
void thread_set_comm(struct thread *t, const char *name);

/* First C code of a new thread, from arch's entry: prev is what ran before it. */
void thread_started(struct thread *prev);
/* Last code of a kernel thread, when its function has returned. */
void __noreturn kthread_finished(void);

/* Make idle threads and kernel threads (kernel/task/kthread.c uses it). NULL: no memory. */
struct thread *thread_create_kernel(int (*fn)(void *), void *arg, const char *name);
struct thread *thread_create_idle(u32 cpu);

/* End the calling thread; code as in wait status. Never returns. */
void __noreturn thread_exit(int code);
/* End the whole process. */
void __noreturn process_exit_group(int code);

extern const struct rlimit default_rlimits[RLIM_NLIMITS];
static inline u64 rlimit_current(int which)
{
	return READ_ONCE(current_process()->rlim[which].cur);
}

/*
 * PID 1, that will run init_main(arg), which ends in
 * kernel_exec(). Call once, before any other process.
 */
void process_start_init(int (*init_main)(void *arg), void *arg);
/*
 * Replace the calling kernel thread's (PID 1's) nothing
 * by a program. Does not return but on failure: -errno.
 */
int kernel_exec(const char *path, const char *const *argv, const char *const *envp);

void task_init(void);
