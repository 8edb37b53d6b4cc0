/* SPDX-License-Identifier: MIT */
/*
 * procfs as a tree: processes and threads as directories, and what an inode below
 * them stands for.
 *
 * Such an inode holds the struct pid, which outlives its process and belongs to no
 * other, even when the number is used again. Each access asks it for the thread.
 *
 * Owners: a process's files belong to its effective ids, and to root where it is not
 * dumpable (a set-id program), but for the directories that everybody may enter.
 *
 * Limit: hidepid=, gid= and subset= are refused with -EINVAL: everybody sees all processes.
 */
#include <fs/mount.h>
#include <fs/proc/proc.h>
#include <kernel/lib/string.h>
#include <kernel/mm/mm.h>
#include <kernel/task/cred.h>

#define PROC_SUPER_MAGIC	0x9fa0

/* only ever grow; no lock: boot registers */
static struct proc_node *pid_nodes, *root_nodes;

/* --- whom it is about --- */

/* The thread of a number: of a process, its leader. Context: RCU. */
static struct thread *thread_of_pid(const struct pid *pid, bool task)
{
	struct process *p = task ? NULL : rcu_dereference(pid->process);
	struct thread *leader = p ? READ_ONCE(p->leader) : NULL;

	return leader ? leader : rcu_dereference(pid->thread);
}

struct thread *proc_thread(const struct pseudo *p)
{
	struct thread *t;

	rcu_read_lock();
	t = thread_of_pid(p->object, p->flags & PROC_TASK);
	if (t && !refcount_inc_not_zero(&t->refs))
		t = NULL;
	rcu_read_unlock();
	return t;
}

struct process *proc_process(const struct pseudo *p)
{
	struct process *process = NULL;
	struct thread *t;

	rcu_read_lock();
	t = thread_of_pid(p->object, p->flags & PROC_TASK);
	if (t && refcount_inc_not_zero(&t->process->refs))
		process = t->process;
	rcu_read_unlock();
	return process;
}

int proc_check_access(const struct pseudo *p)
{
	struct thread *t = proc_thread(p);
	int err;

	if (!t)
		return -ESRCH;
	err = thread_check_access(t, true) ? -EACCES : 0;
	thread_put(t);
	return err;
}

struct mm *proc_thread_mm(struct thread *t)
{
	struct mm *mm;

	spin_lock(&t->process->lock);
	mm = t->mm;
	if (mm && !mm_get_users_not_zero(mm))
		mm = NULL;
	spin_unlock(&t->process->lock);
	return mm;
}

int proc_open_mm(const struct pseudo *p, struct mm **out)
{
	struct thread *t = proc_thread(p);
	int err = 0;

	*out = NULL;
	if (!t)
		return -ESRCH;
	/* Memory first, then the question: see exec's commit(). */
	spin_lock(&t->process->lock);
	if (t->mm)
		*out = mm_grab(t->mm);
	spin_unlock(&t->process->lock);
	if (thread_check_access(t, true)) {
		if (*out)
			mm_drop(*out);
		*out = NULL;
		err = -EACCES;
	}
	thread_put(t);
	return err;
}

static void set_owner(struct pseudo *p)
{
	struct inode *inode = &p->inode;
	struct thread *t;

	rcu_read_lock();
	t = thread_of_pid(p->object, p->flags & PROC_TASK);
	if (t && ((READ_ONCE(t->process->dumpable) && READ_ONCE(t->mm)) ||
		  inode->mode == (S_IFDIR | 0555))) {
		const struct cred *c = rcu_dereference(t->cred);

		WRITE_ONCE(inode->uid, c->euid);
		WRITE_ONCE(inode->gid, c->egid);
	} else {
		WRITE_ONCE(inode->uid, 0);
		WRITE_ONCE(inode->gid, 0);
	}
	rcu_read_unlock();
}

static bool is_alive(struct pseudo *p)
{
	bool alive;

	rcu_read_lock();
	alive = thread_of_pid(p->object, p->flags & PROC_TASK);
	rcu_read_unlock();
	return alive;
}

/* --- task/ --- */

static const struct pseudo_entry tid_dir;

int proc_task_lookup(struct pseudo *dir, struct dentry *dentry)
{
	s64 nr = pseudo_name_number(&dentry->name);
	struct process *process = proc_process(dir);
	struct thread *t = nr > 0 ? thread_lookup(nr) : NULL;
	int err = -ENOENT;

	if (t && t->process == process)
		err = pseudo_instantiate(dir, dentry, &tid_dir, t->pid, 0, PROC_TASK);
	if (t)
		thread_put(t);
	if (process)
		process_put(process);
	return err;
}

/* The smallest thread number of process from nr up; 0: none. */
static pid_t next_tid(struct process *process, pid_t nr, struct pid **pid)
{
	struct thread *t;
	pid_t best = 0;

	rcu_read_lock();
	process_for_each_thread(process, t) {
		pid_t tid = thread_tid(t);

		if (tid >= nr && (!best || tid < best)) {
			best = tid;
			*pid = t->pid;
		}
	}
	if (best)
		pid_get(*pid);
	rcu_read_unlock();
	return best;
}

/* A number as a directory, at position base + nr. Puts pid. */
static bool emit_pid(struct pseudo *dir, struct dir_context *ctx, const struct pseudo_entry *e,
		     struct pid *pid, pid_t nr, loff_t base)
{
	char name[12];
	bool room;

	snprintf(name, sizeof(name), "%d", nr);
	ctx->pos = base + nr;
	room = pseudo_emit(dir, ctx, name, e, pid, 0, base + nr + 1);
	pid_put(pid);
	return room;
}

int proc_task_iterate(struct pseudo *dir, struct dir_context *ctx)
{
	struct process *process = proc_process(dir);
	struct pid *pid;
	pid_t nr;

	if (!process)
		return -ENOENT;
	while ((nr = next_tid(process, ctx->pos - PSEUDO_DYNAMIC, &pid)) &&
	       emit_pid(dir, ctx, &tid_dir, pid, nr, PSEUDO_DYNAMIC))
		;
	process_put(process);
	return 0;
}

void proc_task_getattr(struct pseudo *p, struct kstat *st)
{
	struct process *process = proc_process(p);

	if (!process)
		return;
	st->nlink = 2 + READ_ONCE(process->nr_threads);
	process_put(process);
}


/* --- what others register --- */

void proc_create(struct proc_node *node)
{
	node->next = root_nodes;
	rcu_assign_pointer(root_nodes, node);
}

void proc_pid_create(struct proc_node *node)
{
	node->next = pid_nodes;
	rcu_assign_pointer(pid_nodes, node);
}

static const struct pseudo_entry *node_find(const struct proc_node *nodes, const struct qstr *name)
{
	for (const struct proc_node *n = nodes; n; n = n->next)
		if (pseudo_name_is(&n->entry, name))
			return &n->entry;
	return NULL;
}

static bool nodes_emit(struct pseudo *dir, struct dir_context *ctx, const struct proc_node *nodes)
{
	loff_t at = PSEUDO_DYNAMIC;

	for (const struct proc_node *n = nodes; n; n = n->next, at++)
		if (at >= ctx->pos &&
		    !pseudo_emit(dir, ctx, n->entry.name, &n->entry, dir->object, 0, at + 1))
			return false;
	return true;
}

static int pid_lookup(struct pseudo *dir, struct dentry *dentry)
{
	const struct pseudo_entry *e = node_find(rcu_dereference(pid_nodes), &dentry->name);

	return e ? pseudo_instantiate(dir, dentry, e, dir->object, 0, dir->flags) : -ENOENT;
}

static int pid_iterate(struct pseudo *dir, struct dir_context *ctx)
{
	nodes_emit(dir, ctx, rcu_dereference(pid_nodes));
	return 0;
}

static const struct pseudo_entry tid_dir = {
	.name = "", .mode = S_IFDIR | 0555, .children = proc_tid_entries, .lookup = pid_lookup, .iterate = pid_iterate,
};
static const struct pseudo_entry pid_dir = {
	.name = "", .mode = S_IFDIR | 0555, .children = proc_pid_entries, .lookup = pid_lookup, .iterate = pid_iterate,
};

struct pid *proc_pid_of(const struct file *f)
{
	const struct pseudo *p;

	if (f->inode->sb->magic != PROC_SUPER_MAGIC)
		return NULL;
	p = pseudo_of(f->inode);
	return p->entry == &pid_dir ? pid_get(p->object) : NULL;
}

/* --- the root --- */

#define FIRST_PROCESS	1024	/* readdir positions: nodes first, then numbers */

/* Threads that lead no process can be named too, but are not listed. */
static int number_lookup(struct pseudo *dir, struct dentry *dentry, pid_t nr)
{
	struct pid *pid;
	int err = -ENOENT;

	rcu_read_lock();
	pid = pid_find(nr, current_pid_ns());
	if (pid && !(thread_of_pid(pid, false) && refcount_inc_not_zero(&pid->refs)))
		pid = NULL;
	rcu_read_unlock();
	if (pid) {
		err = pseudo_instantiate(dir, dentry, &pid_dir, pid, 0, 0);
		pid_put(pid);
	}
	return err;
}

static int root_lookup(struct pseudo *dir, struct dentry *dentry)
{
	const struct pseudo_entry *e = node_find(rcu_dereference(root_nodes), &dentry->name);
	s64 nr;

	if (e)
		return pseudo_instantiate(dir, dentry, e, NULL, 0, 0);
	nr = pseudo_name_number(&dentry->name);
	return nr > 0 ? number_lookup(dir, dentry, nr) : -ENOENT;
}

/* The process with the smallest number from nr up: its number; 0: none. */
static pid_t next_process(pid_t nr, struct pid **out)
{
	struct pid_namespace *ns = current_pid_ns();
	struct pid *pid;

	rcu_read_lock();
	while ((pid = pid_find_from(nr, ns))) {
		nr = pid_nr(pid, ns);
		if (rcu_dereference(pid->process) && refcount_inc_not_zero(&pid->refs))
			break;
		nr++;
	}
	rcu_read_unlock();
	*out = pid;
	return pid ? nr : 0;
}

static int root_iterate(struct pseudo *dir, struct dir_context *ctx)
{
	struct pid *pid;
	pid_t nr;

	if (ctx->pos < FIRST_PROCESS && !nodes_emit(dir, ctx, rcu_dereference(root_nodes)))
		return 0;
	ctx->pos = max_t(loff_t, ctx->pos, FIRST_PROCESS);
	while ((nr = next_process(ctx->pos - FIRST_PROCESS, &pid)) &&
	       emit_pid(dir, ctx, &pid_dir, pid, nr, FIRST_PROCESS))
		;
	return 0;
}

static const struct pseudo_entry root_entry = {
	.name = "", .mode = S_IFDIR | 0555, .children = proc_root_entries, .lookup = root_lookup,
	.iterate = root_iterate,
};

static void *object_get(void *pid)
{
	return pid_get(pid);
}

static void object_put(void *pid)
{
	pid_put(pid);
}

static u64 object_number(const void *pid)
{
	return ((const struct pid *)pid)->numbers[0].nr;
}

static const struct pseudo_tree tree = {
	.magic = PROC_SUPER_MAGIC,
	.root = &root_entry,
	.object_get = object_get,
	.object_put = object_put,
	.object_number = object_number,
	.alive = is_alive,
	.owner = set_owner,
};

static int proc_mount(const struct fstype *type, u32 flags, const char *source, char *options,
		      struct superblock **out)
{
	/* What is so anyway may be asked for. */
	bool plain = options && (!strcmp(options, "hidepid=0") || !strcmp(options, "hidepid=off"));
	int err = plain ? 0 : mount_no_options(options);

	return err ? err : pseudo_mount(type, &tree, flags, out);
}

FILESYSTEM(proc) = { .name = "proc", .mount = proc_mount };
