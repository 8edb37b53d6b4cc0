/* SPDX-License-Identifier: MIT */
/*
 * The files at the top of /proc: the whole system's state. Formats are those of
 * proc(5), since programs parse them.
 */
#include <fs/proc/proc.h>
#include <arch/cpuinfo.h>
#include <drivers/block/block.h>
#include <fs/chrdev.h>
#include <kernel/errno.h>
#include <kernel/irq/irq.h>
#include <kernel/lib/param.h>
#include <kernel/lib/string.h>
#include <kernel/mm/page.h>
#include <kernel/mm/vmstat.h>
#include <kernel/percpu.h>
#include <kernel/proc/procinfo.h>
#include <kernel/proc/utsname.h>
#include <kernel/sched/stats.h>

#define USER_HZ_NS	(NS_PER_SEC / 100)

static u64 kib(u64 pages)
{
	return pages << (PAGE_SHIFT - 10);
}

static int meminfo_show(struct seq *s, struct proc_inode *pi)
{
	struct memory_counts c;

	memory_counts(&c);
	const struct {
		const char *name;
		u64 pages;
	} lines[] = {
		{ "MemTotal", c.total }, { "MemFree", c.free }, { "MemAvailable", c.available },
		{ "Buffers", c.buffers }, { "Cached", c.file - c.buffers }, { "SwapCached", 0 },
		{ "Active", c.active_anon + c.active_file }, { "Inactive", c.inactive_anon + c.inactive_file },
		{ "Active(anon)", c.active_anon }, { "Inactive(anon)", c.inactive_anon },
		{ "Active(file)", c.active_file }, { "Inactive(file)", c.inactive_file },
		{ "Mlocked", c.mlocked }, { "SwapTotal", c.swap_total }, { "SwapFree", c.swap_free },
		{ "Dirty", c.dirty }, { "Writeback", c.writeback }, { "AnonPages", c.anon },
		{ "Mapped", c.mapped }, { "Shmem", c.shmem },
		{ "Slab", c.slab_reclaimable + c.slab_unreclaimable },
		{ "SReclaimable", c.slab_reclaimable }, { "SUnreclaim", c.slab_unreclaimable },
		{ "KernelStack", c.kstack }, { "PageTables", c.page_tables },
		{ "CommitLimit", c.total / 2 + c.swap_total }, { "Committed_AS", c.committed },
		{ "VmallocTotal", (VMALLOC_END - VMALLOC_START) >> PAGE_SHIFT },
		{ "VmallocUsed", c.vmalloc_used }, { "Percpu", c.percpu },
	};

	for (u32 i = 0; i < ARRAY_SIZE(lines); i++)
		seq_printf(s, "%s:%*s%8lu kB\n", lines[i].name, (int)(15 - strlen(lines[i].name)), "",
			   kib(lines[i].pages));
	return 0;
}

static int uptime_show(struct seq *s, struct proc_inode *pi)
{
	u64 up = ktime_get() / (NS_PER_SEC / 100), idle = 0;
	struct cpu_times t;
	u32 cpu;

	for_each_online_cpu(cpu) {
		cpu_times_get(cpu, &t);
		idle += t.ns[CPUTIME_IDLE] + t.ns[CPUTIME_IOWAIT];
	}
	idle /= NS_PER_SEC / 100;
	seq_printf(s, "%lu.%02lu %lu.%02lu\n", up / 100, up % 100, idle / 100, idle % 100);
	return 0;
}

static int loadavg_show(struct seq *s, struct proc_inode *pi)
{
	u64 load[3];

	sched_loadavg(load);		/* in hundredths */
	seq_printf(s, "%lu.%02lu %lu.%02lu %lu.%02lu %u/%u %d\n", load[0] / 100, load[0] % 100, load[1] / 100,
		   load[1] % 100, load[2] / 100, load[2] % 100, sched_nr_running(), thread_count(),
		   pid_last_allocated());
	return 0;
}

static void show_cpu_times(struct seq *s, const char *name, const struct cpu_times *t)
{
	static const u8 order[] = { CPUTIME_USER, CPUTIME_NICE, CPUTIME_SYSTEM, CPUTIME_IDLE, CPUTIME_IOWAIT,
				    CPUTIME_IRQ, CPUTIME_SOFTIRQ, CPUTIME_STEAL };

	seq_puts(s, name);
	for (u32 i = 0; i < sizeof(order); i++)
		seq_printf(s, " %lu", t->ns[order[i]] / USER_HZ_NS);
	seq_puts(s, " 0 0\n");
}

static int stat_show(struct seq *s, struct proc_inode *pi)
{
	struct cpu_times sum = { 0 }, t;
	char name[8];
	u32 cpu;

	for_each_online_cpu(cpu) {
		cpu_times_get(cpu, &t);
		for (u32 i = 0; i < NR_CPUTIMES; i++)
			sum.ns[i] += t.ns[i];
	}
	show_cpu_times(s, "cpu ", &sum);
	for_each_online_cpu(cpu) {
		cpu_times_get(cpu, &t);
		snprintf(name, sizeof(name), "cpu%u", cpu);
		show_cpu_times(s, name, &t);
	}
	seq_printf(s, "intr %lu\nctxt %lu\nbtime %lu\nprocesses %lu\nprocs_running %u\nprocs_blocked %u\n",
		   irq_total(), sched_switches(), (ktime_real() - ktime_get()) / NS_PER_SEC, thread_forks(),
		   sched_nr_running(), sched_nr_iowait());
	return 0;
}

static int version_show(struct seq *s, struct proc_inode *pi)
{
	const struct utsname *u = &init_utsname;

	seq_printf(s, "%s version %s (%s) %s\n", u->sysname, u->release, "gcc " __VERSION__, u->version);
	return 0;
}

static int cpuinfo_show(struct seq *s, struct proc_inode *pi)
{
	u32 cpu;

	for_each_online_cpu(cpu)
		arch_show_cpu(s, cpu);
	return 0;
}

static int cmdline_show(struct seq *s, struct proc_inode *pi)
{
	seq_printf(s, "%s\n", kernel_command_line);
	return 0;
}

static int interrupts_show(struct seq *s, struct proc_inode *pi)
{
	irq_show(s);
	return 0;
}

static int softirqs_show(struct seq *s, struct proc_inode *pi)
{
	softirq_show(s);
	return 0;
}

static int filesystems_show(struct seq *s, struct proc_inode *pi)
{
	fstypes_show(s);
	return 0;
}

static int partitions_show(struct seq *s, struct proc_inode *pi)
{
	block_show_partitions(s);
	return 0;
}

static int diskstats_show(struct seq *s, struct proc_inode *pi)
{
	block_show_stats(s);
	return 0;
}

static int devices_show(struct seq *s, struct proc_inode *pi)
{
	seq_puts(s, "Character devices:\n");
	chrdev_show(s);
	seq_puts(s, "\nBlock devices:\n");
	block_show_majors(s);
	return 0;
}

static int vmstat_show_file(struct seq *s, struct proc_inode *pi)
{
	vmstat_show(s);
	return 0;
}

static int slabinfo_show(struct seq *s, struct proc_inode *pi)
{
	slab_show(s);
	return 0;
}

static int buddyinfo_show(struct seq *s, struct proc_inode *pi)
{
	buddy_show(s);
	return 0;
}

static int sched_debug_show(struct seq *s, struct proc_inode *pi)
{
	sched_show_runqueues(s);
	return 0;
}

static int tlb_show_file(struct seq *s, struct proc_inode *pi)
{
	tlb_show(s);
	return 0;
}

/* --- links --- */

static int self_text(struct proc_inode *pi, char *buf, size_t size)
{
	return snprintf(buf, size, "%d", process_tgid(current_process()));
}

static int thread_self_text(struct proc_inode *pi, char *buf, size_t size)
{
	return snprintf(buf, size, "%d/task/%d", process_tgid(current_process()), thread_tid(current));
}

static int mounts_text(struct proc_inode *pi, char *buf, size_t size)
{
	return snprintf(buf, size, "self/mounts");
}

#define LINK(n, fn)	{ .name = (n), .mode = S_IFLNK | 0777, .text = (fn) }

const struct proc_entry proc_root_entries[] = {
	PROC_FILE("buddyinfo", buddyinfo_show),
	PROC_FILE("cmdline", cmdline_show),
	PROC_FILE("cpuinfo", cpuinfo_show),
	PROC_FILE("devices", devices_show),
	PROC_FILE("diskstats", diskstats_show),
	PROC_FILE("filesystems", filesystems_show),
	PROC_FILE("interrupts", interrupts_show),
	PROC_FILE("loadavg", loadavg_show),
	PROC_FILE("meminfo", meminfo_show),
	LINK("mounts", mounts_text),
	PROC_FILE("partitions", partitions_show),
	PROC_FILE("sched_debug", sched_debug_show),
	LINK("self", self_text),
	PROC_FILE("slabinfo", slabinfo_show),
	PROC_FILE("softirqs", softirqs_show),
	PROC_FILE("stat", stat_show),
	PROC_DIR("sys", proc_sys_entries),
	LINK("thread-self", thread_self_text),
	PROC_FILE("tlb", tlb_show_file),
	PROC_FILE("uptime", uptime_show),
	PROC_FILE("version", version_show),
	PROC_FILE("vmstat", vmstat_show_file),
	{ 0 },
};
