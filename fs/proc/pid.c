/* SPDX-License-Identifier: MIT */
/*
 * /proc/PID and /proc/PID/task/TID: one process or thread as files.
 *
 * Each function takes references to what it shows, copies small fields under the
 * lock that guards them, and formats without locks. A process that ends in the
 * middle gives -ESRCH or what it last had, never anything else's data.
 */
#include <fs/proc/proc.h>
#include <drivers/tty/tty.h>
#include <kernel/errno.h>
#include <kernel/lib/string.h>
#include <kernel/mm/alloc.h>
#include <kernel/mm/mm.h>
#include <kernel/mm/procmap.h>
#include <kernel/proc/procinfo.h>
#include <kernel/sched/stats.h>
#include <kernel/task/cred.h>
#include <kernel/task/signal.h>

#define CLK_TCK_NS	(NS_PER_SEC / 100)	/* USER_HZ of the ABI: 100 a second */

static char state_letter(const struct thread *t)
{
	switch (READ_ONCE(t->state)) {
	case TASK_RUNNING:
	case TASK_NEW:
		return 'R';
	case TASK_INTERRUPTIBLE:
		return 'S';
	case TASK_STOPPED:
		return 'T';
	case TASK_TRACED:
		return 't';
	case TASK_DEAD:
		return t->process->zombie ? 'Z' : 'X';
	default:
		return thread_is_user(t) ? 'D' : 'I';
	}
}

static const char *state_name(char letter)
{
	switch (letter) {
	case 'R': return "R (running)";
	case 'S': return "S (sleeping)";
	case 'T': return "T (stopped)";
	case 't': return "t (tracing stop)";
	case 'Z': return "Z (zombie)";
	case 'X': return "X (dead)";
	case 'I': return "I (idle)";
	default:  return "D (disk sleep)";
	}
}

/* Run fn with the thread's address space, if it has one. */
static int with_mm(struct proc_inode *pi, struct seq *s, int (*fn)(struct seq *, struct mm *))
{
	struct thread *t = proc_thread(pi);
	struct mm *mm;
	int err = 0;

	if (!t)
		return -ESRCH;
	mm = thread_get_mm(t);
	thread_put(t);
	if (mm) {
		err = fn(s, mm);
		mm_put(mm);
	}
	return err;
}

static int with_inspected_mm(struct proc_inode *pi, struct seq *s, int (*fn)(struct seq *, struct mm *))
{
	int err = proc_may_inspect(pi);

	return err ? err : with_mm(pi, s, fn);
}

static int maps_show(struct seq *s, struct proc_inode *pi)
{
	return with_inspected_mm(pi, s, mm_show_maps);
}

static int smaps_show(struct seq *s, struct proc_inode *pi)
{
	return with_inspected_mm(pi, s, mm_show_smaps);
}

static int smaps_rollup_show(struct seq *s, struct proc_inode *pi)
{
	return with_inspected_mm(pi, s, mm_show_smaps_rollup);
}

static int statm_show(struct seq *s, struct proc_inode *pi)
{
	struct thread *t = proc_thread(pi);
	struct mm *mm;

	if (!t)
		return -ESRCH;
	mm = thread_get_mm(t);
	thread_put(t);
	if (!mm) {
		seq_puts(s, "0 0 0 0 0 0 0\n");
		return 0;
	}
	mm_show_statm(s, mm);
	mm_put(mm);
	return 0;
}

/* --- stat: one line for ps and top; fields as proc(5) numbers them --- */

struct stat_numbers {
	pid_t pid, ppid, pgrp, session, foreground;
	dev_t tty;
	struct process_usage usage;
};

static void collect(struct proc_inode *pi, struct thread *t, struct stat_numbers *n)
{
	struct process *p = t->process;

	spin_lock(&tasklist_lock);
	n->pid = pi->is_task ? thread_tid(t) : process_tgid(p);
	n->ppid = p->parent ? process_tgid(p->parent) : 0;
	n->pgrp = p->pids[PIDTYPE_PGID] ? pid_vnr(p->pids[PIDTYPE_PGID]) : 0;
	n->session = p->pids[PIDTYPE_SID] ? pid_vnr(p->pids[PIDTYPE_SID]) : 0;
	spin_unlock(&tasklist_lock);
	n->tty = tty_of_process(p, &n->foreground);
	if (pi->is_task)
		thread_usage(t, &n->usage);
	else
		process_usage(p, &n->usage);
}

/* dev_t as the ABI has it in stat: minor's low 8 bits, major, minor's rest. */
static u32 old_dev(dev_t dev)
{
	return (MINOR(dev) & 0xff) | MAJOR(dev) << 8 | (MINOR(dev) & ~0xffu) << 12;
}

static int stat_show(struct seq *s, struct proc_inode *pi)
{
	struct thread *t = proc_thread(pi);
	struct stat_numbers n;
	struct signal_sets sets;
	struct mm *mm;
	struct mm_layout layout = { 0 };
	u64 vsize = 0, rss = 0;
	int rt;

	if (!t)
		return -ESRCH;
	collect(pi, t, &n);
	thread_signal_sets(t, &sets);
	mm = thread_get_mm(t);
	if (mm) {
		mm_layout(mm, &layout);
		vsize = layout.total_vm_pages << PAGE_SHIFT;
		rss = mm_rss_pages(mm);
		mm_put(mm);
	}
	rt = READ_ONCE(t->se.rt_priority);
	seq_printf(s, "%d (%s) %c %d %d %d %d %d %u %lu %lu %lu %lu %lu %lu %ld %ld %d %d %u 0 %lu %lu %lu %lu ",
		   n.pid, t->comm, state_letter(t), n.ppid, n.pgrp, n.session, old_dev(n.tty), n.foreground,
		   thread_is_user(t) ? 0u : 0x200000u, n.usage.min_flt, n.usage.cmin_flt, n.usage.maj_flt,
		   n.usage.cmaj_flt, n.usage.utime_ns / CLK_TCK_NS, n.usage.stime_ns / CLK_TCK_NS,
		   (s64)(n.usage.cutime_ns / CLK_TCK_NS), (s64)(n.usage.cstime_ns / CLK_TCK_NS),
		   rt ? -1 - rt : 20 + t->se.nice, t->se.nice, t->process->nr_threads,
		   t->start_ns / CLK_TCK_NS, vsize, rss, U64_MAX);
	seq_printf(s, "%lu %lu %lu 0 0 %lu %lu %lu %lu 0 0 0 %d %u %u %u 0 0 0 %lu %lu %lu %lu %lu %lu %lu %d\n",
		   layout.start_code, layout.end_code, layout.start_stack, sets.pending & 0x7fffffff,
		   sets.blocked & 0x7fffffff, sets.ignored & 0x7fffffff, sets.caught & 0x7fffffff,
		   t->exit_signal, t->info.cpu, rt, t->se.policy, layout.start_data, layout.end_data,
		   layout.start_brk, layout.arg_start, layout.arg_end, layout.env_start, layout.env_end,
		   t->exit_code);
	thread_put(t);
	return 0;
}

static void show_ids(struct seq *s, const struct cred *c)
{
	seq_printf(s, "Uid:\t%u\t%u\t%u\t%u\nGid:\t%u\t%u\t%u\t%u\n", c->uid, c->euid, c->suid, c->fsuid, c->gid,
		   c->egid, c->sgid, c->fsgid);
}

static void show_cred_rest(struct seq *s, const struct cred *c)
{
	seq_puts(s, "Groups:\t");
	for (u32 i = 0; c->groups && i < c->groups->ngroups; i++)
		seq_printf(s, "%u ", c->groups->gid[i]);
	seq_puts(s, "\n");
}

static void show_caps(struct seq *s, const struct cred *c)
{
	seq_printf(s, "CapInh:\t%016lx\nCapPrm:\t%016lx\nCapEff:\t%016lx\nCapBnd:\t%016lx\nCapAmb:\t%016lx\n",
		   c->cap_inheritable, c->cap_permitted, c->cap_effective, c->cap_bset, c->cap_ambient);
}

static void show_signals(struct seq *s, struct thread *t)
{
	struct signal_sets sets;

	thread_signal_sets(t, &sets);
	seq_printf(s, "SigQ:\t%u/%lu\nSigPnd:\t%016lx\nShdPnd:\t%016lx\nSigBlk:\t%016lx\nSigIgn:\t%016lx\nSigCgt:\t%016lx\n",
		   sets.queued, sets.queue_limit, sets.pending, sets.shared_pending, sets.blocked, sets.ignored,
		   sets.caught);
}

static int status_show(struct seq *s, struct proc_inode *pi)
{
	struct thread *t = proc_thread(pi);
	const struct cred *cred;
	struct stat_numbers n;
	struct mm *mm;

	if (!t)
		return -ESRCH;
	collect(pi, t, &n);
	cred = thread_get_cred(t);
	seq_puts(s, "Name:\t");
	seq_escape(s, t->comm, "\n");
	seq_printf(s, "\nUmask:\t%04o\nState:\t%s\nTgid:\t%d\nNgid:\t0\nPid:\t%d\nPPid:\t%d\nTracerPid:\t0\n",
		   thread_umask(t), state_name(state_letter(t)), process_tgid(t->process), n.pid, n.ppid);
	show_ids(s, cred);
	seq_printf(s, "FDSize:\t%u\n", files_size_of(t));
	show_cred_rest(s, cred);
	mm = thread_get_mm(t);
	if (mm) {
		mm_show_status(s, mm);
		mm_put(mm);
	}
	seq_printf(s, "Threads:\t%u\n", t->process->nr_threads);
	show_signals(s, t);
	show_caps(s, cred);
	seq_printf(s, "NoNewPrivs:\t%d\nSeccomp:\t0\n", t->process->no_new_privs);
	seq_printf(s, "Cpus_allowed:\t%lx\n", READ_ONCE(t->se.cpus_mask));
	seq_printf(s, "voluntary_ctxt_switches:\t%lu\nnonvoluntary_ctxt_switches:\t%lu\n", t->se.nvcsw, t->se.nivcsw);
	cred_put(cred);
	thread_put(t);
	return 0;
}

/* --- small files --- */

static int cmdline_fn(struct seq *s, struct mm *mm)
{
	return mm_show_cmdline(s, mm);
}

static int cmdline_show(struct seq *s, struct proc_inode *pi)
{
	return with_mm(pi, s, cmdline_fn);
}

static int environ_show(struct seq *s, struct proc_inode *pi)
{
	return with_inspected_mm(pi, s, mm_show_environ);
}

static int auxv_show(struct seq *s, struct proc_inode *pi)
{
	return with_inspected_mm(pi, s, mm_show_auxv);
}

static int comm_show(struct seq *s, struct proc_inode *pi)
{
	struct thread *t = proc_thread(pi);

	if (!t)
		return -ESRCH;
	seq_printf(s, "%s\n", t->comm);
	thread_put(t);
	return 0;
}

static ssize_t comm_store(struct proc_inode *pi, const char *text, size_t len)
{
	struct thread *t = proc_thread(pi);
	char name[TASK_COMM_LEN] = "";
	bool own;

	if (!t)
		return -ESRCH;
	own = t->process == current_process();
	if (own) {
		memcpy(name, text, min_t(size_t, len - (len && text[len - 1] == '\n'), sizeof(name) - 1));
		thread_set_comm(t, name);
	}
	thread_put(t);
	return own ? (ssize_t)len : -EINVAL;
}

static int limits_show(struct seq *s, struct proc_inode *pi)
{
	struct process *p = proc_process(pi);

	if (!p)
		return -ESRCH;
	process_show_limits(s, p);
	process_put(p);
	return 0;
}

static int wchan_show(struct seq *s, struct proc_inode *pi)
{
	struct thread *t = proc_thread(pi);
	void *at;

	if (!t)
		return -ESRCH;
	at = READ_ONCE(t->wait_on);
	if (at && READ_ONCE(t->state) != TASK_RUNNING)
		seq_printf(s, "%pS", at);
	else
		seq_putc(s, '0');
	thread_put(t);
	return 0;
}

static int io_show(struct seq *s, struct proc_inode *pi)
{
	struct thread *t;
	int err = proc_may_inspect(pi);

	if (err)
		return err;
	t = proc_thread(pi);
	if (!t)
		return -ESRCH;
	seq_printf(s, "read_bytes: %lu\nwrite_bytes: %lu\n", t->read_bytes, t->write_bytes);
	thread_put(t);
	return 0;
}

static int schedstat_show(struct seq *s, struct proc_inode *pi)
{
	struct thread *t = proc_thread(pi);

	if (!t)
		return -ESRCH;
	sched_show_thread(s, t);
	thread_put(t);
	return 0;
}

static int oom_score_adj_show(struct seq *s, struct proc_inode *pi)
{
	struct process *p = proc_process(pi);

	if (!p)
		return -ESRCH;
	seq_printf(s, "%d\n", READ_ONCE(p->oom_score_adj));
	process_put(p);
	return 0;
}

static ssize_t oom_score_adj_store(struct proc_inode *pi, const char *text, size_t len)
{
	struct process *p;
	s64 v;
	int err = kstrtos64(text, 10, &v);

	if (err)
		return err;
	if (v < -1000 || v > 1000)
		return -EINVAL;
	p = proc_process(pi);
	if (!p)
		return -ESRCH;
	if (v < p->oom_score_adj && !capable(CAP_SYS_RESOURCE))
		err = -EACCES;
	else
		WRITE_ONCE(p->oom_score_adj, v);
	process_put(p);
	return err ? err : (ssize_t)len;
}

static int mounts_show(struct seq *s, struct proc_inode *pi)
{
	mounts_show_all(s, false);
	return 0;
}

static int mountinfo_show(struct seq *s, struct proc_inode *pi)
{
	mounts_show_all(s, true);
	return 0;
}

/* --- links --- */

static int exe_jump(struct proc_inode *pi, struct path *path)
{
	struct process *p = proc_process(pi);
	struct file *f;

	if (!p)
		return -ESRCH;
	spin_lock(&p->lock);
	f = p->exe_file ? file_get(p->exe_file) : NULL;
	spin_unlock(&p->lock);
	process_put(p);
	if (!f)
		return -ENOENT;
	*path = f->path;
	path_get(path);
	file_put(f);
	return 0;
}

static int fs_jump(struct proc_inode *pi, struct path *path, bool root)
{
	struct thread *t = proc_thread(pi);
	int err;

	if (!t)
		return -ESRCH;
	err = thread_get_fs_path(t, root, path);
	thread_put(t);
	return err;
}

static int cwd_jump(struct proc_inode *pi, struct path *path)
{
	return fs_jump(pi, path, false);
}

static int root_jump(struct proc_inode *pi, struct path *path)
{
	return fs_jump(pi, path, true);
}

/* --- task/ --- */

static int task_lookup(struct proc_inode *dir, struct dentry *dentry)
{
	s64 nr = proc_name_to_number(&dentry->name);
	struct process *p = proc_process(dir);
	struct pid *pid = NULL;
	struct thread *t;
	int err = -ENOENT;

	if (!p)
		return -ENOENT;
	if (nr > 0) {
		t = thread_lookup(nr);
		if (t && t->process == p)
			pid = pid_get(t->pid);
		if (t)
			thread_put(t);
	}
	if (pid) {
		err = proc_instantiate(dir, dentry, &proc_tid_entry, pid, 0);
		pid_put(pid);
	}
	process_put(p);
	return err;
}

/* The smallest thread number of p from nr up; 0: none. */
static pid_t next_tid(struct process *p, pid_t nr)
{
	struct thread *t;
	pid_t best = 0;

	rcu_read_lock();
	process_for_each_thread(p, t) {
		pid_t tid = thread_tid(t);

		if (tid >= nr && (!best || tid < best))
			best = tid;
	}
	rcu_read_unlock();
	return best;
}

static int emit_number(struct dir_context *ctx, pid_t nr)
{
	char name[12];
	int len = snprintf(name, sizeof(name), "%d", nr);

	if (!ctx->emit(ctx, name, len, PROC_DYNAMIC + nr, PROC_DYNAMIC + nr, S_IFDIR >> 12))
		return 0;
	ctx->pos = PROC_DYNAMIC + nr + 1;
	return 1;
}

static int task_iterate(struct proc_inode *dir, struct dir_context *ctx)
{
	struct process *p = proc_process(dir);
	pid_t nr;

	if (!p)
		return -ENOENT;
	while ((nr = next_tid(p, ctx->pos - PROC_DYNAMIC)) && emit_number(ctx, nr))
		;
	process_put(p);
	return 0;
}

/* --- the tables --- */

#define COMMON_ENTRIES \
	PROC_FILE("stat", stat_show), \
	PROC_FILE("status", status_show), \
	PROC_FILE("statm", statm_show), \
	PROC_FILE("maps", maps_show), \
	PROC_FILE("smaps", smaps_show), \
	PROC_FILE("smaps_rollup", smaps_rollup_show), \
	PROC_FILE("cmdline", cmdline_show), \
	{ .name = "environ", .mode = S_IFREG | 0400, .show = environ_show }, \
	{ .name = "auxv", .mode = S_IFREG | 0400, .show = auxv_show }, \
	{ .name = "comm", .mode = S_IFREG | 0644, .show = comm_show, .store = comm_store }, \
	PROC_FILE("limits", limits_show), \
	PROC_FILE("wchan", wchan_show), \
	PROC_FILE("sched", schedstat_show), \
	{ .name = "io", .mode = S_IFREG | 0400, .show = io_show }, \
	{ .name = "oom_score_adj", .mode = S_IFREG | 0644, .show = oom_score_adj_show, \
	  .store = oom_score_adj_store }, \
	PROC_FILE("mounts", mounts_show), \
	PROC_FILE("mountinfo", mountinfo_show), \
	{ .name = "exe", .mode = S_IFLNK | 0777, .jump = exe_jump }, \
	{ .name = "cwd", .mode = S_IFLNK | 0777, .jump = cwd_jump }, \
	{ .name = "root", .mode = S_IFLNK | 0777, .jump = root_jump }, \
	{ .name = "fd", .mode = S_IFDIR | 0500, .lookup = proc_fd_lookup, .iterate = proc_fd_iterate }, \
	{ .name = "fdinfo", .mode = S_IFDIR | 0555, .lookup = proc_fdinfo_lookup, .iterate = proc_fd_iterate }

const struct proc_entry proc_tid_entries[] = { COMMON_ENTRIES, { 0 } };
const struct proc_entry proc_pid_entries[] = {
	COMMON_ENTRIES,
	{ .name = "task", .mode = S_IFDIR | 0555, .lookup = task_lookup, .iterate = task_iterate },
	{ 0 },
};
const struct proc_entry proc_tid_entry = PROC_DIR("", proc_tid_entries);
const struct proc_entry proc_pid_entry = PROC_DIR("", proc_pid_entries);

/* --- the root's numbers --- */

int proc_pid_lookup(struct proc_inode *dir, struct dentry *dentry)
{
	s64 nr = proc_name_to_number(&dentry->name);
	struct process *p;
	int err;

	if (nr <= 0)
		return -ENOENT;
	p = process_lookup(nr);
	if (!p)
		return -ENOENT;
	err = proc_instantiate(dir, dentry, &proc_pid_entry, p->pids[PIDTYPE_TGID], 0);
	process_put(p);
	return err;
}

int proc_pid_iterate(struct proc_inode *dir, struct dir_context *ctx)
{
	pid_t nr;

	while ((nr = process_next_number(ctx->pos - PROC_DYNAMIC)) && emit_number(ctx, nr))
		;
	return 0;
}
