/* SPDX-License-Identifier: MIT */
/*
 * /proc/PID/stat, statm, status, limits, sched: the numbers of a process for ps,
 * top and friends, in Linux's formats (proc(5)).
 *
 * Below task/TID the times and faults are the thread's own; in /proc/PID they are
 * the sums over the process, threads that have ended included.
 */
#include <drivers/tty/tty.h>
#include <fs/proc/proc.h>
#include <kernel/lib/string.h>
#include <kernel/mm/mm.h>
#include <kernel/percpu.h>
#include <kernel/sched/tick.h>
#include <kernel/task/cred.h>
#include <kernel/task/signal.h>

#define USER_TICK_NS	((u64)NS_PER_SEC / 100)	/* USER_HZ of the ABI */

/* Field 9 of stat: Linux's PF_*. */
#define PF_EXITING	0x00000004u
#define PF_FORKNOEXEC	0x00000040u
#define PF_SUPERPRIV	0x00000100u
#define PF_KTHREAD	0x00200000u
#define PF_RANDOMIZE	0x00400000u

/* A moment of a thread and its process. */
struct moment {
	struct thread *t;		/* with a reference */
	struct mm *mm;			/* users taken; NULL: none */
	bool permitted;			/* the caller may know its addresses */
	char state;
	pid_t pid, tgid, ppid, pgrp, session, foreground;
	dev_t tty;
	u32 nr_threads, sigqueue;
	u64 utime_ns, stime_ns, cutime_ns, cstime_ns, min_flt, maj_flt, cmin_flt, cmaj_flt;
	u64 pending, shared_pending, ignored, caught;
};

static char state_of(const struct thread *t)
{
	u32 state = READ_ONCE(t->state);

	if (READ_ONCE(t->exit_flags) & THREAD_EXITED)
		return t == READ_ONCE(t->process->leader) ? 'Z' : 'X';
	switch (state) {
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
		return 'X';
	default:
		return 'D';
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
	default:  return "D (disk sleep)";
	}
}

/*
 * Numbers as the caller's namespace has them; PID 1 and the kernel's process have no parent to see.
 */
static void take_ids(struct moment *m, const struct pid *pid)
{
	const struct process *p = m->t->process, *parent;

	rcu_read_lock();
	parent = rcu_dereference(p->parent);
	m->pid = pid_vnr(pid);
	m->tgid = process_tgid(p);
	m->ppid = parent && parent != &kernel_process ? process_tgid(parent) : 0;
	m->pgrp = pid_vnr(rcu_dereference(p->pids[PIDTYPE_PGID]));
	m->session = pid_vnr(rcu_dereference(p->pids[PIDTYPE_SID]));
	m->sigqueue = max(atomic_read(&rcu_dereference(m->t->cred)->account->sigpending), 0);
	rcu_read_unlock();
	m->foreground = -1;
	if (READ_ONCE(p->tty))
		m->tty = tty_of_process(m->t->process, &m->foreground);
}

static void add_thread(struct moment *m, struct thread *t)
{
	u64 u, s;

	cputime_thread(t, &u, &s);
	m->utime_ns += u;
	m->stime_ns += s;
	m->min_flt += READ_ONCE(t->min_flt);
	m->maj_flt += READ_ONCE(t->maj_flt);
}

static void take_handlers(struct moment *m, const struct sighand *sh)
{
	for (int i = 0; i < NSIG; i++) {
		if (sh->action[i].handler == SIG_IGN)
			m->ignored |= BIT(i);
		else if (sh->action[i].handler != SIG_DFL)
			m->caught |= BIT(i);
	}
}

static void take_sums(struct moment *m, bool task)
{
	struct process *p = m->t->process;
	struct sighand *sh;
	struct thread *t;
	u64 flags;

	sh = sighand_lock(p, &flags);
	m->nr_threads = p->nr_threads;
	m->pending = m->t->pending.set;
	m->shared_pending = p->shared_pending.set;
	take_handlers(m, sh);
	m->cutime_ns = p->cutime_ns;
	m->cstime_ns = p->cstime_ns;
	m->cmin_flt = p->cmin_flt;
	m->cmaj_flt = p->cmaj_flt;
	if (task) {
		add_thread(m, m->t);
	} else {
		m->utime_ns = p->utime_ns;
		m->stime_ns = p->stime_ns;
		m->min_flt = p->min_flt;
		m->maj_flt = p->maj_flt;
		list_for_each(t, &p->threads, thread_node)
			if (!(t->exit_flags & THREAD_EXITED))
				add_thread(m, t);
	}
	sighand_unlock(sh, flags);
}

static int moment_take(struct moment *m, const struct pseudo *p)
{
	*m = (struct moment){ .t = proc_thread(p) };
	if (!m->t)
		return -ESRCH;
	m->permitted = !thread_check_access(m->t, true);
	m->state = state_of(m->t);
	m->mm = proc_thread_mm(m->t);
	take_ids(m, p->object);
	take_sums(m, p->flags & PROC_TASK);
	return 0;
}

static void moment_drop(struct moment *m)
{
	if (m->mm)
		mm_put(m->mm);
	thread_put(m->t);
}

/* --- stat --- */

/* dev_t as the ABI packs it: minor's low 8 bits, major, minor's rest. */
static u32 packed_dev(dev_t dev)
{
	return (MINOR(dev) & 0xff) | MAJOR(dev) << 8 | (MINOR(dev) & ~0xffu) << 12;
}

static u32 stat_flags(const struct thread *t)
{
	u32 f = READ_ONCE(t->exit_flags);

	return (f & THREAD_EXITING ? PF_EXITING : 0) | (f & THREAD_FORKNOEXEC ? PF_FORKNOEXEC : 0) |
	       (f & THREAD_SUPERPRIV ? PF_SUPERPRIV : 0) |
	       (f & THREAD_KTHREAD ? PF_KTHREAD : PF_RANDOMIZE);
}

/* Fields 26-28, 45-51: addresses, for those who may know them. */
static void put_addresses(struct seq *s, const struct moment *m, bool first_part)
{
	const struct mm *mm = m->permitted ? m->mm : NULL;

	if (first_part && mm)
		seq_printf(s, " %lu %lu %lu", mm->start_code, mm->end_code, mm->start_stack);
	else if (first_part)
		seq_puts(s, m->mm ? " 1 1 0" : " 0 0 0");
	else if (mm)
		seq_printf(s, " %lu %lu %lu %lu %lu %lu %lu", mm->start_data, mm->end_data,
			   mm->start_brk, mm->arg_start, mm->arg_end, mm->env_start, mm->env_end);
	else
		seq_puts(s, " 0 0 0 0 0 0 0");
}

int proc_stat_show(struct seq *s, struct pseudo *p)
{
	const struct sched_entity *se;
	struct moment m;
	bool waits;
	int err = moment_take(&m, p);

	if (err)
		return err;
	se = &m.t->se;
	waits = m.permitted && ((p->flags & PROC_TASK) || m.nr_threads < 2) && m.state != 'R';
	seq_printf(s, "%d (%s) %c %d %d %d %d %d %u", m.pid, m.t->comm, m.state, m.ppid, m.pgrp,
		   m.session, packed_dev(m.tty), m.foreground, stat_flags(m.t));
	seq_printf(s, " %lu %lu %lu %lu %lu %lu %lu %lu", m.min_flt, m.cmin_flt, m.maj_flt,
		   m.cmaj_flt, m.utime_ns / USER_TICK_NS, m.stime_ns / USER_TICK_NS,
		   m.cutime_ns / USER_TICK_NS, m.cstime_ns / USER_TICK_NS);
	seq_printf(s, " %d %d %u 0 %lu %lu %lu %lu",
		   se->rt_priority ? -1 - se->rt_priority : 20 + se->nice, se->nice, m.nr_threads,
		   m.t->start_ns / USER_TICK_NS, m.mm ? m.mm->total_pages * PAGE_SIZE : 0,
		   m.mm ? mm_rss_pages(m.mm) : 0, READ_ONCE(m.t->process->rlim[RLIMIT_RSS].cur));
	put_addresses(s, &m, true);
	seq_printf(s, " 0 0 %lu %lu %lu %lu %d 0 0", m.pending & 0x7fffffff,
		   READ_ONCE(m.t->blocked) & 0x7fffffff, m.ignored & 0x7fffffff,
		   m.caught & 0x7fffffff, waits);
	seq_printf(s, " %d %u %d %d 0 0 0",
		   m.t == m.t->process->leader ? m.t->process->exit_signal : -1,
		   READ_ONCE(m.t->info.cpu), se->rt_priority, se->policy);
	put_addresses(s, &m, false);
	seq_printf(s, " %d\n", m.permitted ? READ_ONCE(m.t->exit_code) : 0);
	moment_drop(&m);
	return 0;
}

int proc_statm_show(struct seq *s, struct pseudo *p)
{
	struct thread *t = proc_thread(p);
	struct mm *mm;
	u64 shared, text;

	if (!t)
		return -ESRCH;
	mm = proc_thread_mm(t);
	thread_put(t);
	if (!mm) {
		seq_puts(s, "0 0 0 0 0 0 0\n");
		return 0;
	}
	shared = max(atomic_read(&mm->rss[MM_FILE]) + atomic_read(&mm->rss[MM_SHMEM]), 0l);
	text = (ALIGN_UP(mm->end_code, PAGE_SIZE) - ALIGN_DOWN(mm->start_code, PAGE_SIZE)) >>
	       PAGE_SHIFT;
	seq_printf(s, "%lu %lu %lu %lu 0 %lu 0\n", mm->total_pages, mm_rss_pages(mm), shared, text,
		   mm->data_pages + mm->stack_pages);
	mm_put(mm);
	return 0;
}

/* --- status --- */

static void put_ids(struct seq *s, const struct moment *m, const struct cred *c)
{
	int umask = fs_umask_of(m->t);

	seq_puts(s, "Name:\t");
	seq_escape(s, m->t->comm, "\n");
	if (umask >= 0)
		seq_printf(s, "\nUmask:\t%04o", umask);
	seq_printf(s, "\nState:\t%s\nTgid:\t%d\nNgid:\t0\nPid:\t%d\nPPid:\t%d\nTracerPid:\t0\n",
		   state_name(m->state), m->tgid, m->pid, m->ppid);
	seq_printf(s, "Uid:\t%u\t%u\t%u\t%u\nGid:\t%u\t%u\t%u\t%u\nFDSize:\t%u\nGroups:\t", c->uid,
		   c->euid, c->suid, c->fsuid, c->gid, c->egid, c->sgid, c->fsgid,
		   files_size_of(m->t));
	for (u32 i = 0; c->groups && i < c->groups->ngroups; i++)
		seq_printf(s, "%s%u", i ? " " : "", c->groups->gid[i]);
	seq_printf(s, " \nNStgid:\t%d\nNSpid:\t%d\nNSpgid:\t%d\nNSsid:\t%d\nKthread:\t%d\n",
		   m->tgid, m->pid, m->pgrp, m->session, !thread_is_user(m->t));
}

static void put_pages(struct seq *s, const char *name, s64 pages)
{
	seq_printf(s, "%s:\t%8lu kB\n", name, (u64)max(pages, 0l) * (PAGE_SIZE / 1024));
}

static void put_memory(struct seq *s, const struct mm *mm)
{
	u64 rss = mm_rss_pages(mm);
	u64 exe = (ALIGN_UP(mm->end_code, PAGE_SIZE) - ALIGN_DOWN(mm->start_code, PAGE_SIZE)) >>
		  PAGE_SHIFT;

	put_pages(s, "VmPeak", max(mm->peak_total, mm->total_pages));
	put_pages(s, "VmSize", mm->total_pages);
	put_pages(s, "VmLck", mm->locked_pages);
	put_pages(s, "VmPin", 0);
	put_pages(s, "VmHWM", max(mm->peak_rss, rss));
	put_pages(s, "VmRSS", rss);
	put_pages(s, "RssAnon", atomic_read(&mm->rss[MM_ANON]));
	put_pages(s, "RssFile", atomic_read(&mm->rss[MM_FILE]));
	put_pages(s, "RssShmem", atomic_read(&mm->rss[MM_SHMEM]));
	put_pages(s, "VmData", mm->data_pages);
	put_pages(s, "VmStk", mm->stack_pages);
	put_pages(s, "VmExe", min(exe, mm->exec_pages));
	put_pages(s, "VmLib", mm->exec_pages - min(exe, mm->exec_pages));
	put_pages(s, "VmPTE", atomic_read(&mm->table_pages));
	put_pages(s, "VmSwap", atomic_read(&mm->rss[MM_SWAP]));
	seq_puts(s, "CoreDumping:\t0\nTHP_enabled:\t0\n");
}

static void put_signals(struct seq *s, const struct moment *m)
{
	seq_printf(s, "Threads:\t%u\nSigQ:\t%u/%lu\n", m->nr_threads, m->sigqueue,
		   READ_ONCE(m->t->process->rlim[RLIMIT_SIGPENDING].cur));
	seq_printf(s, "SigPnd:\t%016lx\nShdPnd:\t%016lx\nSigBlk:\t%016lx\nSigIgn:\t%016lx\nSigCgt:\t%016lx\n",
		   m->pending, m->shared_pending, READ_ONCE(m->t->blocked), m->ignored, m->caught);
}

static void put_rest(struct seq *s, const struct moment *m, const struct cred *c)
{
	u64 cpus = READ_ONCE(m->t->se.cpus_mask) & GENMASK(nr_cpus - 1, 0);

	seq_printf(s, "CapInh:\t%016lx\nCapPrm:\t%016lx\nCapEff:\t%016lx\nCapBnd:\t%016lx\nCapAmb:\t%016lx\n",
		   c->cap_inheritable, c->cap_permitted, c->cap_effective, c->cap_bset, c->cap_ambient);
	seq_printf(s, "NoNewPrivs:\t%d\nSeccomp:\t0\nSeccomp_filters:\t0\nCpus_allowed:\t%lx\nCpus_allowed_list:\t",
		   m->t->process->no_new_privs, cpus);
	seq_bit_list(s, cpus);
	seq_printf(s, "\nMems_allowed:\t1\nMems_allowed_list:\t0\n"
		   "voluntary_ctxt_switches:\t%lu\nnonvoluntary_ctxt_switches:\t%lu\n",
		   READ_ONCE(m->t->se.nvcsw), READ_ONCE(m->t->se.nivcsw));
}

static const struct cred *cred_of(struct thread *t)
{
	const struct cred *c;

	rcu_read_lock();
	do {
		c = rcu_dereference(t->cred);
	} while (!refcount_inc_not_zero((refcount_t *)&c->refs));
	rcu_read_unlock();
	return c;
}

int proc_status_show(struct seq *s, struct pseudo *p)
{
	const struct cred *c;
	struct moment m;
	int err = moment_take(&m, p);

	if (err)
		return err;
	c = cred_of(m.t);
	put_ids(s, &m, c);
	if (m.mm)
		put_memory(s, m.mm);
	put_signals(s, &m);
	put_rest(s, &m, c);
	cred_put(c);
	moment_drop(&m);
	return 0;
}

/* --- limits --- */

static const struct {
	const char *name, *unit;
} limit_names[RLIM_NLIMITS] = {
	[RLIMIT_CPU]	    = { "Max cpu time", "seconds" },
	[RLIMIT_FSIZE]	    = { "Max file size", "bytes" },
	[RLIMIT_DATA]	    = { "Max data size", "bytes" },
	[RLIMIT_STACK]	    = { "Max stack size", "bytes" },
	[RLIMIT_CORE]	    = { "Max core file size", "bytes" },
	[RLIMIT_RSS]	    = { "Max resident set", "bytes" },
	[RLIMIT_NPROC]	    = { "Max processes", "processes" },
	[RLIMIT_NOFILE]	    = { "Max open files", "files" },
	[RLIMIT_MEMLOCK]    = { "Max locked memory", "bytes" },
	[RLIMIT_AS]	    = { "Max address space", "bytes" },
	[RLIMIT_LOCKS]	    = { "Max file locks", "locks" },
	[RLIMIT_SIGPENDING] = { "Max pending signals", "signals" },
	[RLIMIT_MSGQUEUE]   = { "Max msgqueue size", "bytes" },
	[RLIMIT_NICE]	    = { "Max nice priority", NULL },
	[RLIMIT_RTPRIO]	    = { "Max realtime priority", NULL },
	[RLIMIT_RTTIME]	    = { "Max realtime timeout", "us" },
};

static void put_limit(struct seq *s, u64 value)
{
	if (value == RLIM_INFINITY)
		seq_printf(s, "%-20s ", "unlimited");
	else
		seq_printf(s, "%-20lu ", value);
}

int proc_limits_show(struct seq *s, struct pseudo *p)
{
	struct process *process = proc_process(p);
	struct rlimit limits[RLIM_NLIMITS];

	if (!process)
		return -ESRCH;
	spin_lock(&process->lock);
	memcpy(limits, process->rlim, sizeof(limits));
	spin_unlock(&process->lock);
	process_put(process);
	seq_printf(s, "%-25s %-20s %-20s %-10s\n", "Limit", "Soft Limit", "Hard Limit", "Units");
	for (u32 i = 0; i < RLIM_NLIMITS; i++) {
		seq_printf(s, "%-25s ", limit_names[i].name);
		put_limit(s, limits[i].cur);
		put_limit(s, limits[i].max);
		if (limit_names[i].unit)
			seq_printf(s, "%-10s", limit_names[i].unit);
		seq_putc(s, '\n');
	}
	return 0;
}

/* --- sched --- */

static void put_ms(struct seq *s, const char *name, u64 ns)
{
	seq_printf(s, "%-45s:%14ld.%06lu\n", name, (s64)ns / (s64)NS_PER_MS, ns % (u64)NS_PER_MS);
}

static void put_count(struct seq *s, const char *name, s64 v)
{
	seq_printf(s, "%-45s:%21ld\n", name, v);
}

int proc_sched_show(struct seq *s, struct pseudo *p)
{
	struct thread *t = proc_thread(p);
	const struct sched_entity *se;

	if (!t)
		return -ESRCH;
	se = &t->se;
	seq_printf(s, "%s (%d, #threads: %u)\n", t->comm, thread_tid(t),
		   READ_ONCE(t->process->nr_threads));
	seq_puts(s, "-------------------------------------------------------------------\n");
	put_ms(s, "se.exec_start", READ_ONCE(se->exec_start));
	put_ms(s, "se.vruntime", READ_ONCE(se->vruntime));
	put_ms(s, "se.sum_exec_runtime", READ_ONCE(se->sum_exec_ns));
	put_count(s, "nr_switches", READ_ONCE(se->nvcsw) + READ_ONCE(se->nivcsw));
	put_count(s, "nr_voluntary_switches", READ_ONCE(se->nvcsw));
	put_count(s, "nr_involuntary_switches", READ_ONCE(se->nivcsw));
	put_count(s, "se.load.weight", READ_ONCE(se->weight));
	put_count(s, "policy", se->policy);
	put_count(s, "prio", se->rt_priority ? 99 - se->rt_priority : 120 + se->nice);
	thread_put(t);
	return 0;
}
