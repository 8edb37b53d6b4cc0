/* SPDX-License-Identifier: MIT */
/*
 * The files at the top of /proc: the whole system's state, in the formats of
 * proc(5), since programs parse them.
 */
#include <fs/locks.h>
#include <fs/chrdev.h>
#include <fs/proc/proc.h>
#include <arch/cpuinfo.h>
#include <kernel/irq/irq.h>
#include <kernel/lib/string.h>
#include <kernel/param.h>
#include <kernel/percpu.h>
#include <kernel/sched/sched.h>
#include <kernel/sched/tick.h>
#include <kernel/task/nsproxy.h>

#define USER_TICK_NS	((u64)NS_PER_SEC / 100)	/* USER_HZ of the ABI */

/* --- time and load --- */

static int uptime_show(struct seq *s, struct pseudo *p)
{
	u64 up = ktime_get() / USER_TICK_NS, idle = 0, ns[NR_CPUTIMES];
	u32 cpu;

	for_each_online_cpu(cpu) {
		cputime_read(cpu, ns);
		idle += ns[CPUTIME_IDLE] + ns[CPUTIME_IOWAIT];
	}
	idle /= USER_TICK_NS;
	seq_printf(s, "%lu.%02lu %lu.%02lu\n", up / 100, up % 100, idle / 100, idle % 100);
	return 0;
}

static int loadavg_show(struct seq *s, struct pseudo *p)
{
	struct sched_totals t;
	u64 loads[3];

	sched_load_averages(loads);
	sched_totals(&t);
	for (int i = 0; i < 3; i++) {
		u64 hundredths = (loads[i] * 100 + (1 << 15)) >> 16;	/* rounded to the nearest */

		seq_printf(s, "%lu.%02lu ", hundredths / 100, hundredths % 100);
	}
	seq_printf(s, "%u/%u %d\n", t.running, READ_ONCE(thread_totals.now),
		   READ_ONCE(current_pid_ns()->last));
	return 0;
}

static void put_cpu_times(struct seq *s, const char *name, const u64 ns[NR_CPUTIMES])
{
	static const u8 order[] = { CPUTIME_USER, CPUTIME_NICE, CPUTIME_SYSTEM, CPUTIME_IDLE, CPUTIME_IOWAIT,
				    CPUTIME_IRQ, CPUTIME_SOFTIRQ, CPUTIME_STEAL };

	seq_puts(s, name);
	for (u32 i = 0; i < sizeof(order); i++)
		seq_printf(s, " %lu", ns[order[i]] / USER_TICK_NS);
	seq_puts(s, " 0 0\n");
}

static void put_all_cpu_times(struct seq *s)
{
	u64 sum[NR_CPUTIMES] = { 0 }, each[NR_CPUS][NR_CPUTIMES];
	char name[8];
	u32 cpu;

	for_each_online_cpu(cpu) {
		cputime_read(cpu, each[cpu]);
		for (u32 i = 0; i < NR_CPUTIMES; i++)
			sum[i] += each[cpu][i];
	}
	put_cpu_times(s, "cpu ", sum);
	for_each_online_cpu(cpu) {
		snprintf(name, sizeof(name), "cpu%u", cpu);
		put_cpu_times(s, name, each[cpu]);
	}
}

static u64 softirq_sum(enum softirq nr)
{
	u64 sum = 0;
	u32 cpu;

	for_each_online_cpu(cpu)
		sum += softirq_count(cpu, nr);
	return sum;
}

/* The ten softirqs of the ABI in its order; those that we have not are 0. */
static const struct {
	const char *name;
	int nr;
} softirq_names[] = {
	{ "HI", -1 }, { "TIMER", SOFTIRQ_TIMER }, { "NET_TX", SOFTIRQ_NET_TX }, { "NET_RX", SOFTIRQ_NET_RX },
	{ "BLOCK", SOFTIRQ_BLOCK }, { "IRQ_POLL", -1 }, { "TASKLET", -1 }, { "SCHED", SOFTIRQ_SCHED },
	{ "HRTIMER", -1 }, { "RCU", SOFTIRQ_RCU },
};

static void put_softirq_line(struct seq *s)
{
	u64 total = 0;

	for (u32 i = 0; i < ARRAY_SIZE(softirq_names); i++)
		total += softirq_names[i].nr < 0 ? 0 : softirq_sum(softirq_names[i].nr);
	seq_printf(s, "softirq %lu", total);
	for (u32 i = 0; i < ARRAY_SIZE(softirq_names); i++)
		seq_printf(s, " %lu",
			   softirq_names[i].nr < 0 ? 0 : softirq_sum(softirq_names[i].nr));
	seq_putc(s, '\n');
}

/* "intr": all interrupts, then those of each number. */
static void put_intr_line(struct seq *s)
{
	struct irq_info info;
	u64 total = 0;
	u32 cpu;

	for_each_online_cpu(cpu)
		total += irq_count(cpu);
	seq_printf(s, "intr %lu", total);
	for (u32 irq = 0, at = 0; irq_info_next(irq, &info); irq = info.irq + 1) {
		u64 sum = 0;

		for_each_online_cpu(cpu)
			sum += info.counts[cpu];
		for (; at < info.irq; at++)
			seq_puts(s, " 0");
		seq_printf(s, " %lu", sum);
		at++;
	}
	seq_putc(s, '\n');
}

static int stat_show(struct seq *s, struct pseudo *p)
{
	struct sched_totals t;

	put_all_cpu_times(s);
	put_intr_line(s);
	sched_totals(&t);
	seq_printf(s, "ctxt %lu\nbtime %lu\nprocesses %lu\nprocs_running %u\nprocs_blocked %u\n",
		   t.switches, (ktime_real() - ktime_get()) / (u64)NS_PER_SEC,
		   READ_ONCE(thread_totals.ever), t.running, t.iowait);
	put_softirq_line(s);
	return 0;
}

/* --- interrupts --- */

static void put_cpu_heading(struct seq *s, const char *indent)
{
	u32 cpu;

	seq_puts(s, indent);
	for_each_online_cpu(cpu)
		seq_printf(s, "CPU%-8u", cpu);
	seq_putc(s, '\n');
}

static int interrupts_show(struct seq *s, struct pseudo *p)
{
	struct irq_info info;
	u32 cpu;

	put_cpu_heading(s, "           ");
	for (u32 irq = 0; irq_info_next(irq, &info); irq = info.irq + 1) {
		seq_printf(s, "%3u: ", info.irq);
		for_each_online_cpu(cpu)
			seq_printf(s, "%10lu ", info.counts[cpu]);
		seq_printf(s, "  %s %u  %s\n", info.chip, info.irq, info.names);
	}
	seq_puts(s, "ALL: ");
	for_each_online_cpu(cpu)
		seq_printf(s, "%10lu ", irq_count(cpu));
	seq_puts(s, "  Interrupts with timer and inter-processor ones\n");
	return 0;
}

static int softirqs_show(struct seq *s, struct pseudo *p)
{
	u32 cpu;

	put_cpu_heading(s, "                    ");
	for (u32 i = 0; i < ARRAY_SIZE(softirq_names); i++) {
		seq_printf(s, "%12s:", softirq_names[i].name);
		for_each_online_cpu(cpu)
			seq_printf(s, " %10lu",
				   softirq_names[i].nr < 0 ? 0 : softirq_count(cpu, softirq_names[i].nr));
		seq_putc(s, '\n');
	}
	return 0;
}

/* --- what this is --- */

static int version_show(struct seq *s, struct pseudo *p)
{
	const struct new_utsname *u = &init_uts_ns.name;

	seq_printf(s, "%s version %s (gcc %s) %s\n", u->sysname, u->release, __VERSION__,
		   u->version);
	return 0;
}

static int cmdline_show(struct seq *s, struct pseudo *p)
{
	seq_printf(s, "%s\n", boot_command_line);
	return 0;
}

static int cpuinfo_show(struct seq *s, struct pseudo *p)
{
	u32 cpu;

	for_each_online_cpu(cpu)
		arch_show_cpu(s, cpu);
	return 0;
}

static int filesystems_show(struct seq *s, struct pseudo *p)
{
	extern const struct fstype __filesystems_start[], __filesystems_end[];

	for (const struct fstype *t = __filesystems_start; t < __filesystems_end; t++)
		seq_printf(s, "%s\t%s\n", t->flags & FSTYPE_NEEDS_DEV ? "" : "nodev", t->name);
	return 0;
}

static void put_chrdev(u32 major, const char *name, void *arg)
{
	seq_printf(arg, "%3u %s\n", major, name);
}

static int devices_show(struct seq *s, struct pseudo *p)
{
	seq_puts(s, "Character devices:\n");
	chrdev_for_each(put_chrdev, s);
	seq_puts(s, "\nBlock devices:\n");
	proc_put_block_majors(s);
	return 0;
}

static int locks_show(struct seq *s, struct pseudo *p)
{
	file_locks_show(s);
	return 0;
}

/* --- links --- */

static int self_text(struct pseudo *p, char *buf, size_t size)
{
	return snprintf(buf, size, "%d", process_tgid(current_process()));
}

static int thread_self_text(struct pseudo *p, char *buf, size_t size)
{
	return snprintf(buf, size, "%d/task/%d", process_tgid(current_process()),
			thread_tid(current));
}

#define LINK(n, ...)	{ .name = (n), .mode = S_IFLNK | 0777, __VA_ARGS__ }

const struct pseudo_entry proc_root_entries[] = {
	PSEUDO_FILE("buddyinfo", proc_buddyinfo_show),
	PSEUDO_FILE("cmdline", cmdline_show),
	PSEUDO_FILE("cpuinfo", cpuinfo_show),
	PSEUDO_FILE("devices", devices_show),
	PSEUDO_FILE("diskstats", proc_diskstats_show),
	PSEUDO_FILE("filesystems", filesystems_show),
	PSEUDO_FILE("interrupts", interrupts_show),
	PSEUDO_FILE("loadavg", loadavg_show),
	PSEUDO_FILE("locks", locks_show),
	PSEUDO_FILE("meminfo", proc_meminfo_show),
	LINK("mounts", .target = "self/mounts"),
	PSEUDO_FILE("partitions", proc_partitions_show),
	LINK("self", .text = self_text),
	{ .name = "slabinfo", .mode = S_IFREG | 0400, .show = proc_slabinfo_show },
	PSEUDO_FILE("softirqs", softirqs_show),
	PSEUDO_FILE("stat", stat_show),
	PSEUDO_FILE("swaps", proc_swaps_show),
	PSEUDO_DIR("sys", proc_sys_entries),
	LINK("thread-self", .text = thread_self_text),
	PSEUDO_FILE("uptime", uptime_show),
	PSEUDO_FILE("version", version_show),
	PSEUDO_FILE("vmstat", proc_vmstat_show),
	PSEUDO_FILE("zoneinfo", proc_zoneinfo_show),
	{ 0 },
};
