/* SPDX-License-Identifier: MIT */
/* Between the files of kernel/proc. */
#pragma once
#include <kernel/task/pid.h>
#include <kernel/task/signal.h>
#include <kernel/task/cred.h>

struct file;

#define CSIGNAL			0x000000fful
#define CLONE_VM		0x00000100ul
#define CLONE_FS		0x00000200ul
#define CLONE_FILES		0x00000400ul
#define CLONE_SIGHAND		0x00000800ul
#define CLONE_PIDFD		0x00001000ul
#define CLONE_PTRACE		0x00002000ul
#define CLONE_VFORK		0x00004000ul
#define CLONE_PARENT		0x00008000ul
#define CLONE_THREAD		0x00010000ul
#define CLONE_NEWNS		0x00020000ul
#define CLONE_SYSVSEM		0x00040000ul
#define CLONE_SETTLS		0x00080000ul
#define CLONE_PARENT_SETTID	0x00100000ul
#define CLONE_CHILD_CLEARTID	0x00200000ul
#define CLONE_DETACHED		0x00400000ul
#define CLONE_UNTRACED		0x00800000ul
#define CLONE_CHILD_SETTID	0x01000000ul
#define CLONE_NEWCGROUP		0x02000000ul
#define CLONE_NEWUTS		0x04000000ul
#define CLONE_NEWIPC		0x08000000ul
#define CLONE_NEWUSER		0x10000000ul
#define CLONE_NEWPID		0x20000000ul
#define CLONE_NEWNET		0x40000000ul
#define CLONE_IO		0x80000000ul
#define CLONE_CLEAR_SIGHAND	0x100000000ul
#define CLONE_NEW_MASK	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | \
			 CLONE_NEWPID | CLONE_NEWNET)

/* Linux's struct rusage. */
struct rusage {
	s64 utime_sec, utime_usec, stime_sec, stime_usec;
	s64 maxrss_kib, ixrss, idrss, isrss, minflt, majflt, nswap, inblock, oublock, msgsnd,
		msgrcv, nsignals, nvcsw, nivcsw;
};
_Static_assert(sizeof(struct rusage) == 144, "ABI");

/* What a process has used, dead threads included; of its waited-for children. */
struct usage {
	u64 utime_ns, stime_ns, min_flt, maj_flt, nvcsw, nivcsw, maxrss_pages;
};
void usage_of_process(struct process *p, struct usage *u);
void usage_of_children(struct process *p, struct usage *u);
void rusage_fill(struct rusage *r, const struct usage *u);

/*
 * The thread lets go of its address space as exec and
 * exit do: clear_child_tid, robust list, vfork's parent.
 */
void thread_release_mm(struct thread *t);

/* Tell p's parent of a stop or continuation; why: CLD_*. tasklist_lock held. */
void notify_parent_stop_locked(struct process *p, int why, int sig);
/* p is a zombie: tell its parent. True: nobody will wait, reap it now. tasklist_lock held. */
bool notify_parent_exit_locked(struct process *p);
/* A zombie's last step: its number is free. tasklist_lock held. */
void process_reap_locked(struct process *p);
int process_wait_status(const struct process *p);
/*
 * exec: kill the other threads and wait for them; then current leads. 0 or -EAGAIN (dying itself).
 */
int process_become_single(void);

struct file *pidfd_file_create(struct pid *pid, u32 flags, int *err);
/* The pid behind a pidfd, with a reference; ERR_PTR(-EBADF). */
struct pid *pidfd_get_pid(int fd, u32 *flags);
/* netns.c: the caller's, but in a network of its own; NULL and *err: -EPERM, -ENOMEM. */
struct nsproxy *nsproxy_new_net(int *err);
/* May the caller send sig to p? 0 or -EPERM. */
int signal_check_permission(struct process *p, int sig);
