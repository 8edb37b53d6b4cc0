/* SPDX-License-Identifier: MIT */
/*
 * Numbers of threads, processes, groups and sessions, per pid namespace.
 *
 * One struct pid per number; it has one number for each namespace level from
 * the root to its own. Lookups are RCU; a struct pid outlives its users by
 * reference count.
 */
#pragma once
#include <kernel/task/thread.h>
#include <kernel/task/nsproxy.h>

struct upid {
	pid_t nr;
	struct pid_namespace *ns;
};

struct pid {
	refcount_t refs;
	u32 level;
	struct thread *thread;		/* RCU: the live thread with this tid */
	struct process *process;	/* RCU: the process with this tgid, zombies too */
	struct hlist_head members[NR_PIDTYPES];	/* processes of this group, session: tasklist_lock */
	struct wait_queue pidfd_wait;
	struct rcu_head rcu;
	struct upid numbers[];		/* level + 1 of them */
};

struct pid *pid_alloc(struct pid_namespace *ns, const pid_t *set_tid, u32 nr_set_tid, int *err);
struct pid *pid_get(struct pid *p);
void pid_put(struct pid *p);
/* RCU or tasklist_lock held; no reference is taken. */
struct pid *pid_find(pid_t nr, struct pid_namespace *ns);
/* The number at or after nr, for /proc. */
struct pid *pid_find_from(pid_t nr, struct pid_namespace *ns);
/* thread, process and members are empty: the number becomes free. tasklist_lock held. */
void pid_release_locked(struct pid *pid);
/*
 * Membership of a process in a group or session. attach takes a reference, kept in p->pids[type];
 * detach leaves it there, for readers that come late: who attaches next puts it, or the end of p.
 * tasklist_lock held.
 */
void pid_attach_locked(struct process *p, int type, struct pid *pid);
void pid_detach_locked(struct process *p, int type);
void pid_init(void);
struct thread *thread_find(pid_t tid);		/* in the caller's namespace */
struct process *process_find(pid_t tgid);
struct thread *thread_lookup(pid_t tid);	/* with a reference */
struct process *process_lookup(pid_t tgid);

static inline struct pid_namespace *current_pid_ns(void)
{
	const struct pid *pid = current->pid;

	return likely(pid) ? pid->numbers[pid->level].ns : &init_pid_ns;
}

/* 0: not visible there. */
static inline pid_t pid_nr(const struct pid *pid, const struct pid_namespace *ns)
{
	if (!pid || ns->level > pid->level || pid->numbers[ns->level].ns != ns)
		return 0;
	return pid->numbers[ns->level].nr;
}

/* As the current thread sees it. */
static inline pid_t pid_vnr(const struct pid *pid)
{
	return pid_nr(pid, current_pid_ns());
}

static inline pid_t thread_tid(const struct thread *t)  { return pid_vnr(t->pid); }
static inline pid_t process_tgid(const struct process *p) { return pid_vnr(p->pids[PIDTYPE_TGID]); }

struct process *process_lookup_pid(struct pid *pid);	/* with a reference; NULL: gone */
struct thread *thread_lookup_pid(struct pid *pid);

/*
 * No process of the group has a parent in another group of the same session. Takes tasklist_lock.
 */
bool pgrp_is_orphaned(struct pid *pgrp);
/* The same as if leaving were gone already (NULL: as it is). tasklist_lock held. */
bool pgrp_is_orphaned_locked(struct pid *pgrp, const struct process *leaving);

/* Processes of a group or session. tasklist_lock held. */
#define process_for_each_in(p, type, proc) \
	for (proc = process_of_link((p)->members[type].first, type); proc; \
	     proc = process_of_link(proc->pid_links[type].next, type))
static inline struct process *process_of_link(struct hlist_node *n, int type)
{
	return n ? container_of(n - type, struct process, pid_links[0]) : NULL;
}

#define process_for_each(p) list_for_each_rcu(p, &all_processes, all_node)
extern struct list_head all_processes;		/* tasklist_lock to write, RCU to read */
#define process_for_each_thread(p, t) list_for_each_rcu(t, &(p)->threads, thread_node)
