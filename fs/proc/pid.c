/* SPDX-License-Identifier: MIT */
/*
 * /proc/PID and /proc/PID/task/TID: which files there are, and the small ones.
 *
 * Each access takes a reference to the process or thread anew (tree.c), copies what
 * it shows under the lock that guards it, and formats without locks. One that ends
 * in the middle gives -ESRCH or what it last had, never anything else's data.
 */
#include <fs/proc/proc.h>
#include <kernel/debug/backtrace.h>
#include <kernel/debug/symbols.h>
#include <kernel/lib/string.h>
#include <kernel/mm/mm.h>
#include <kernel/mm/page.h>
#include <kernel/task/cred.h>
#include <net/nsfs.h>

/* --- small files --- */

static int comm_show(struct seq *s, struct pseudo *p)
{
	struct thread *t = proc_thread(p);

	if (!t)
		return -ESRCH;
	seq_printf(s, "%s\n", t->comm);
	thread_put(t);
	return 0;
}

/* Threads of one process may name each other. */
static ssize_t comm_store(struct pseudo *p, char *text, size_t len)
{
	struct thread *t = proc_thread(p);
	ssize_t ret = -EINVAL;

	if (!t)
		return -ESRCH;
	if (t->process == current_process()) {
		thread_set_comm(t, text);
		ret = len;
	}
	thread_put(t);
	return ret;
}

static int wchan_show(struct seq *s, struct pseudo *p)
{
	struct thread *t;
	struct symbol symbol;
	u64 pc;

	if (proc_check_access(p)) {
		seq_putc(s, '0');
		return 0;
	}
	t = proc_thread(p);
	if (!t)
		return -ESRCH;
	pc = thread_waits_in(t);
	thread_put(t);
	seq_puts(s, pc && symbol_find(pc, &symbol) ? symbol.name : "0");
	return 0;
}

static int stack_show(struct seq *s, struct pseudo *p)
{
	u64 pcs[THREAD_STACK_MAX];
	struct thread *t;
	u32 n;

	if (!capable(CAP_SYS_ADMIN))
		return -EACCES;
	t = proc_thread(p);
	if (!t)
		return -ESRCH;
	n = thread_stack(t, pcs);
	thread_put(t);
	for (u32 i = 0; i < n; i++)
		seq_printf(s, "[<0>] %pS\n", (void *)pcs[i]);
	return 0;
}

static int oom_score_show(struct seq *s, struct pseudo *p)
{
	struct process *process = proc_process(p);
	struct thread *t = proc_thread(p);
	s64 score = 0;
	struct mm *mm = t ? proc_thread_mm(t) : NULL;

	if (mm) {
		s64 used = mm_rss_pages(mm) + atomic_read(&mm->table_pages) +
			   max(atomic_read(&mm->rss[MM_SWAP]), 0l);
		s64 points = used + (s64)process->oom_score_adj * (s64)ram_pages / 1000;

		/*
		 * Thousandths of memory, as Linux scales it since
		 * 5.9: 1000 is "all of it, unadjusted" at 666.
		 */
		score = max((points * 1000 / (s64)ram_pages + 1000) * 2 / 3, 0l);
		mm_put(mm);
	}
	if (t)
		thread_put(t);
	if (!process)
		return -ESRCH;
	process_put(process);
	seq_printf(s, "%ld\n", score);
	return 0;
}

static int oom_score_adj_show(struct seq *s, struct pseudo *p)
{
	struct process *process = proc_process(p);

	if (!process)
		return -ESRCH;
	seq_printf(s, "%d\n", READ_ONCE(process->oom_score_adj));
	process_put(process);
	return 0;
}

static ssize_t oom_score_adj_store(struct pseudo *p, char *text, size_t len)
{
	struct process *process;
	s64 v;
	int err = kstrtos64(text, 0, &v);

	if (err)
		return err;
	if (v < -1000 || v > 1000)
		return -EINVAL;
	process = proc_process(p);
	if (!process)
		return -ESRCH;
	if (v < process->oom_score_adj && !capable(CAP_SYS_RESOURCE))
		err = -EACCES;
	else
		WRITE_ONCE(process->oom_score_adj, v);
	process_put(process);
	return err ? err : (ssize_t)len;
}

static int cgroup_show(struct seq *s, struct pseudo *p)
{
	seq_puts(s, "0::/\n");
	return 0;
}

static int personality_show(struct seq *s, struct pseudo *p)
{
	struct process *process = proc_process(p);

	if (!process)
		return -ESRCH;
	seq_printf(s, "%08x\n", process->personality);
	process_put(process);
	return 0;
}

/* --- links --- */

static int exe_jump(struct pseudo *p, struct path *path)
{
	struct process *process;
	struct file *f;
	int err = proc_check_access(p);

	if (err)
		return err;
	process = proc_process(p);
	if (!process)
		return -ENOENT;
	spin_lock(&process->lock);
	f = process->exe_file ? file_get(process->exe_file) : NULL;
	spin_unlock(&process->lock);
	process_put(process);
	if (!f)
		return -ENOENT;
	*path = f->path;
	path_get(path);
	file_put(f);
	return 0;
}

static int fs_jump(struct pseudo *p, struct path *path, bool root)
{
	struct thread *t;
	int err = proc_check_access(p);

	if (err)
		return err;
	t = proc_thread(p);
	if (!t)
		return -ENOENT;
	err = fs_path_of(t, root, path);
	thread_put(t);
	return err;
}

static int cwd_jump(struct pseudo *p, struct path *path)
{
	return fs_jump(p, path, false);
}

static int root_jump(struct pseudo *p, struct path *path)
{
	return fs_jump(p, path, true);
}

/* --- ns/: of networks there may be many, of each other kind there is one --- */

/* Linux's first dynamic /proc number; the initial namespaces lie just above */
#define FIRST_NS_INODE	4026531832u

static int ns_text(struct pseudo *p, char *buf, size_t size)
{
	int err = proc_check_access(p);

	if (err)
		return err;
	return snprintf(buf, size, "%s:[%u]", p->entry->name,
			FIRST_NS_INODE + (u32)(u64)p->entry->data);
}

static int net_jump(struct pseudo *p, struct path *path)
{
	struct net *net = NULL;
	struct thread *t;
	int err = proc_check_access(p);

	if (err)
		return err;
	t = proc_thread(p);
	if (t) {
		net = thread_net(t);
		thread_put(t);
	}
	return net ? nsfs_path(net, path) : -ENOENT;
}

#define NS_LINK(n, nr)	{ .name = (n), .mode = S_IFLNK | 0777, .text = ns_text, .data = (void *)(nr) }
static const struct pseudo_entry ns_entries[] = {
	NS_LINK("cgroup", 3ul), NS_LINK("ipc", 7ul), NS_LINK("mnt", 9ul),
	{ .name = "net", .mode = S_IFLNK | 0777, .jump = net_jump },
	NS_LINK("pid", 4ul), NS_LINK("user", 5ul), NS_LINK("uts", 6ul), { 0 },
};

/* --- the tables --- */

#define FILE(n, m, ...)	{ .name = (n), .mode = S_IFREG | (m), __VA_ARGS__ }
#define OF_MM(n, m, fn)	FILE(n, m, .open = proc_mm_open, .close = proc_mm_close, .fill = (fn))
#define LINK(n, fn)	{ .name = (n), .mode = S_IFLNK | 0777, .jump = (fn) }

#define ENTRIES_OF_BOTH \
	OF_MM("auxv", 0400, proc_auxv_fill), \
	FILE("cgroup", 0444, .show = cgroup_show), \
	FILE("cmdline", 0444, .fill = proc_cmdline_fill), \
	FILE("comm", 0644, .show = comm_show, .store = comm_store), \
	LINK("cwd", cwd_jump), \
	OF_MM("environ", 0400, proc_environ_fill), \
	LINK("exe", exe_jump), \
	{ .name = "fd", .mode = S_IFDIR | 0500, .lookup = proc_fd_lookup, .iterate = proc_fd_iterate, \
	  .permission = proc_fd_permission, .getattr = proc_fd_getattr }, \
	{ .name = "fdinfo", .mode = S_IFDIR | 0555, .lookup = proc_fdinfo_lookup, .iterate = proc_fdinfo_iterate, \
	  .permission = proc_fdinfo_permission }, \
	FILE("limits", 0444, .show = proc_limits_show), \
	OF_MM("maps", 0444, proc_maps_fill), \
	FILE("mem", 0600, .fops = &proc_mem_ops), \
	FILE("mountinfo", 0444, .fill = proc_mountinfo_fill), \
	FILE("mounts", 0444, .fill = proc_mounts_fill), \
	{ .name = "ns", .mode = S_IFDIR | 0511, .children = ns_entries }, \
	FILE("oom_score", 0444, .show = oom_score_show), \
	FILE("oom_score_adj", 0644, .show = oom_score_adj_show, .store = oom_score_adj_store), \
	FILE("pagemap", 0400, .fops = &proc_pagemap_ops), \
	FILE("personality", 0400, .show = personality_show), \
	LINK("root", root_jump), \
	FILE("sched", 0444, .show = proc_sched_show), \
	OF_MM("smaps", 0444, proc_smaps_fill), \
	OF_MM("smaps_rollup", 0444, proc_smaps_rollup_fill), \
	FILE("stack", 0400, .show = stack_show), \
	FILE("stat", 0444, .show = proc_stat_show), \
	FILE("statm", 0444, .show = proc_statm_show), \
	FILE("status", 0444, .show = proc_status_show), \
	FILE("wchan", 0444, .show = wchan_show)

const struct pseudo_entry proc_tid_entries[] = { ENTRIES_OF_BOTH, { 0 } };
const struct pseudo_entry proc_pid_entries[] = {
	ENTRIES_OF_BOTH,
	{ .name = "task", .mode = S_IFDIR | 0555, .lookup = proc_task_lookup, .iterate = proc_task_iterate,
	  .getattr = proc_task_getattr },
	{ 0 },
};
