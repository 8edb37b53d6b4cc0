/* SPDX-License-Identifier: MIT */
/*
 * Numbers: who is called what, in which namespace.
 *
 * A struct pid is the identity behind a number. It exists in one namespace and
 * all above it, with a number in each. Several things may hang on it: a thread
 * (tid), a process (tgid), the members of a process group and of a session. The
 * number stays taken while any of them is there, so that a group keeps its name
 * after its leader has died; the object lives on while there are references
 * (files, terminals, pidfds), which then name nothing.
 *
 *  (1) ns->pids holds a pid if and only if its bit in ns->used is set, both
 *      under ns->lock. Readers use RCU.
 *  (2) thread, process and members change under tasklist_lock.
 *  (3) The table has one reference on each pid; pid_release_locked() drops it.
 */
#include <kernel/bug.h>
#include <kernel/mm/alloc.h>
#include <kernel/task/pid.h>

/* Numbers below this are given out once only, so that wrap-around spares early daemons. */
#define RESERVED_PIDS	300

static struct kmem_cache *pid_cache;	/* of the root level */

static struct pid *pid_object_alloc(struct pid_namespace *ns)
{
	struct pid *pid;

	if (ns->level == 0)
		pid = kmem_cache_alloc(pid_cache, GFP_KERNEL);
	else
		pid = kmalloc(sizeof(*pid) + (ns->level + 1) * sizeof(struct upid), GFP_KERNEL);
	if (!pid)
		return NULL;
	refcount_set(&pid->refs, 2);	/* the table's and the caller's */
	pid->level = ns->level;
	pid->thread = NULL;
	pid->process = NULL;
	for (int type = 0; type < NR_PIDTYPES; type++)
		pid->members[type].first = NULL;
	wait_queue_init(&pid->pidfd_wait);
	return pid;
}

static void pid_object_free(struct pid *pid)
{
	if (pid->level == 0)
		kmem_cache_free(pid_cache, pid);
	else
		kfree(pid);
}

/* A free number behind the last one given. -EAGAIN: all taken. */
static int number_choose_locked(struct pid_namespace *ns)
{
	u64 nr = bitmap_find_clear(ns->used, PID_MAX, ns->last + 1);

	if (nr >= PID_MAX)
		nr = bitmap_find_clear(ns->used, PID_MAX, RESERVED_PIDS);
	if (nr >= PID_MAX)
		return -EAGAIN;
	ns->last = nr;
	return nr;
}

static int number_claim_locked(struct pid_namespace *ns, pid_t wanted)
{
	if (!wanted)
		return number_choose_locked(ns);
	if (wanted < 1 || wanted >= PID_MAX)
		return -EINVAL;
	if (bitmap_test(ns->used, wanted))
		return -EEXIST;
	return wanted;
}

/* -ENOMEM also where memory would only have to be waited for. */
static int number_try(struct pid *pid, struct pid_namespace *ns, pid_t wanted)
{
	int nr, err = 0;

	spin_lock(&ns->lock);
	nr = number_claim_locked(ns, wanted);
	if (nr < 0)
		err = nr;
	else
		err = xa_store(&ns->pids, nr, pid, NULL, GFP_NOWARN);
	if (!err) {
		bitmap_set(ns->used, nr);
		pid->numbers[ns->level] = (struct upid){ .nr = nr, .ns = ns };
	}
	spin_unlock(&ns->lock);
	return err;
}

/* Give pid its number in ns; wanted 0: any. 0 or -errno. */
static int number_take(struct pid *pid, struct pid_namespace *ns, pid_t wanted)
{
	int err;

	do {
		err = number_try(pid, ns, wanted);
	} while (err == -ENOMEM && xa_make_room(GFP_KERNEL));
	return err;
}

static void number_free(const struct upid *number)
{
	struct pid_namespace *ns = number->ns;

	spin_lock(&ns->lock);
	xa_erase(&ns->pids, number->nr);
	bitmap_clear(ns->used, number->nr);
	spin_unlock(&ns->lock);
}

/*
 * A pid with a number in ns and in each namespace above it. set_tid: wanted
 * numbers, innermost first. NULL and *err: -ENOMEM, -EAGAIN, -EEXIST, -EINVAL.
 */
struct pid *pid_alloc(struct pid_namespace *ns, const pid_t *set_tid, u32 nr_set_tid, int *err)
{
	struct pid *pid = pid_object_alloc(ns);
	u32 done = 0;

	if (!pid) {
		*err = -ENOMEM;
		return NULL;
	}
	for (struct pid_namespace *n = ns; n; n = n->parent, done++) {
		*err = number_take(pid, n, done < nr_set_tid ? set_tid[done] : 0);
		if (*err)
			goto undo;
	}
	return pid;
undo:
	while (done--)
		number_free(&pid->numbers[ns->level - done]);
	pid_object_free(pid);
	return NULL;
}

static void pid_free_rcu(struct rcu_head *head)
{
	pid_object_free(container_of(head, struct pid, rcu));
}

struct pid *pid_get(struct pid *pid)
{
	refcount_inc(&pid->refs);
	return pid;
}

void pid_put(struct pid *pid)
{
	if (refcount_dec(&pid->refs))
		call_rcu(&pid->rcu, pid_free_rcu);
}

static bool pid_is_used(const struct pid *pid)
{
	return pid->thread || pid->process || pid->members[PIDTYPE_PGID].first ||
	       pid->members[PIDTYPE_SID].first;
}

void pid_release_locked(struct pid *pid)
{
	assert_spin_held(&tasklist_lock);
	if (pid_is_used(pid))
		return;
	for (u32 level = 0; level <= pid->level; level++)
		number_free(&pid->numbers[level]);
	pid_put(pid);
}

void pid_attach_locked(struct process *p, int type, struct pid *pid)
{
	assert_spin_held(&tasklist_lock);
	p->pids[type] = pid_get(pid);
	hlist_add(&p->pid_links[type], &pid->members[type]);
}

void pid_detach_locked(struct process *p, int type)
{
	struct pid *pid = p->pids[type];

	assert_spin_held(&tasklist_lock);
	hlist_del_rcu(&p->pid_links[type]);
	pid_release_locked(pid);
}

/* --- looking up --- */

struct pid *pid_find(pid_t nr, struct pid_namespace *ns)
{
	return nr > 0 ? xa_load(&ns->pids, nr) : NULL;
}

struct pid *pid_find_from(pid_t nr, struct pid_namespace *ns)
{
	u64 index = nr;

	return xa_find(&ns->pids, &index, PID_MAX - 1);
}

struct thread *thread_find(pid_t tid)
{
	struct pid *pid = pid_find(tid, current_pid_ns());

	return pid ? rcu_dereference(pid->thread) : NULL;
}

struct process *process_find(pid_t tgid)
{
	struct pid *pid = pid_find(tgid, current_pid_ns());

	return pid ? rcu_dereference(pid->process) : NULL;
}

struct thread *thread_lookup_pid(struct pid *pid)
{
	struct thread *t;

	rcu_read_lock();
	t = rcu_dereference(pid->thread);
	if (t && !refcount_inc_not_zero(&t->refs))
		t = NULL;
	rcu_read_unlock();
	return t;
}

struct process *process_lookup_pid(struct pid *pid)
{
	struct process *p;

	rcu_read_lock();
	p = rcu_dereference(pid->process);
	if (p && !refcount_inc_not_zero(&p->refs))
		p = NULL;
	rcu_read_unlock();
	return p;
}

struct thread *thread_lookup(pid_t tid)
{
	struct thread *t = NULL;
	struct pid *pid;

	rcu_read_lock();
	pid = pid_find(tid, current_pid_ns());
	if (pid)
		t = thread_lookup_pid(pid);
	rcu_read_unlock();
	return t;
}

struct process *process_lookup(pid_t tgid)
{
	struct process *p = NULL;
	struct pid *pid;

	rcu_read_lock();
	pid = pid_find(tgid, current_pid_ns());
	if (pid)
		p = process_lookup_pid(pid);
	rcu_read_unlock();
	return p;
}

/* --- groups --- */

static bool connects_group(const struct process *p, const struct pid *pgrp)
{
	const struct process *parent = p->parent;

	return !p->zombie && parent && parent->pids[PIDTYPE_PGID] != pgrp &&
	       parent->pids[PIDTYPE_SID] == p->pids[PIDTYPE_SID] &&
	       parent != parent->pids[PIDTYPE_TGID]->numbers[0].ns->child_reaper;
}

bool pgrp_is_orphaned_locked(struct pid *pgrp, const struct process *leaving)
{
	struct process *p;

	assert_spin_held(&tasklist_lock);
	process_for_each_in(pgrp, PIDTYPE_PGID, p)
		if (p != leaving && connects_group(p, pgrp))
			return false;
	return true;
}

bool pgrp_is_orphaned(struct pid *pgrp)
{
	bool orphaned;

	spin_lock(&tasklist_lock);
	orphaned = pgrp_is_orphaned_locked(pgrp, NULL);
	spin_unlock(&tasklist_lock);
	return orphaned;
}

void __init pid_init(void)
{
	struct pid_namespace *ns = &init_pid_ns;

	pid_cache = kmem_cache_create("pid", sizeof(struct pid) + sizeof(struct upid), 64, NULL);
	if (!pid_cache)
		panic("no memory for pids");
	xa_init(&ns->pids);
	bitmap_set(ns->used, 0);
	ns->last = 2;	/* 1 is init, 2 the kernel's process: both ask for theirs */
}
