/* SPDX-License-Identifier: MIT */
/* The files at the top of /proc, and /proc/sys. */
#include <ctype.h>
#include <sched.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include "child.h"
#include "procfs.h"

/* The numbers of a line of /proc/stat; how many. */
static int cpu_line(const char *stat, const char *name, unsigned long v[10])
{
	size_t len = strlen(name);

	for (const char *p = stat; p; p = strchr(p, '\n'), p = p ? p + 1 : NULL)
		if (!strncmp(p, name, len) && p[len] == ' ')
			return sscanf(p + len, "%lu %lu %lu %lu %lu %lu %lu %lu %lu %lu", v, v + 1,
				      v + 2, v + 3, v + 4, v + 5, v + 6, v + 7, v + 8, v + 9);
	return 0;
}

static unsigned long sum(const unsigned long v[10])
{
	unsigned long s = 0;

	for (int i = 0; i < 8; i++)
		s += v[i];
	return s;
}

static long keyword(const char *text, const char *name)
{
	size_t len = strlen(name);

	for (const char *p = text; p; p = strchr(p, '\n'), p = p ? p + 1 : NULL)
		if (!strncmp(p, name, len) && p[len] == ' ')
			return atol(p + len);
	return -1;
}

static void cpu_times(void)
{
	unsigned long before[10], after[10], all[10], parts = 0;
	long start = now_ms(), real, forks;
	char name[16], *stat = slurp("/proc/stat");
	int cpus = sysconf(_SC_NPROCESSORS_ONLN);

	forks = keyword(stat, "processes");
	tap_is(cpu_line(stat, "cpu0", before), 10, "stat: ten numbers for a CPU");
	while (now_ms() - start < 500)
		if ((now_ms() - start) % 50 > 25)
			sleep_ms(10);
	cpu_line(slurp("/proc/stat"), "cpu0", after);
	real = now_ms() - start;
	tap_note("%ld ms are %ld ticks", real, (long)(sum(after) - sum(before)));
	/*
	 * Linux leaves out much of what an idle CPU does
	 * not tick for; ours to the tick: proc_cputime.c.
	 */
	tap_ok(labs((long)(sum(after) - sum(before)) * 10 - real) <= 200,
	       "stat: the times of a CPU add up to real time");
	stat = slurp("/proc/stat");
	cpu_line(stat, "cpu", all);
	for (int i = 0; i < cpus; i++) {
		unsigned long v[10];

		snprintf(name, sizeof(name), "cpu%d", i);
		cpu_line(stat, name, v);
		parts += sum(v);
	}
	tap_ok(labs((long)(sum(all) - parts)) <= 10 * cpus,
	       "stat: and the CPUs' add up to the system's");
	for (int i = 0; i < 5; i++)
		IN_CHILD();
	tap_ok(keyword(slurp("/proc/stat"), "processes") >= forks + 5, "stat: forks are counted");
	tap_ok(keyword(stat, "ctxt") > 0, "stat: ctxt");
	tap_ok(keyword(stat, "procs_running") >= 1, "stat: procs_running counts us");
	tap_ok(keyword(stat, "procs_blocked") >= 0, "stat: procs_blocked");
	tap_ok(keyword(stat, "intr") > 0, "stat: intr");
	tap_ok(keyword(stat, "softirq") >= 0, "stat: softirq");
	tap_ok(labs(keyword(stat, "btime") - (time(NULL) - now_ms() / 1000)) <= 2, "stat: btime");
}

static void time_and_load(void)
{
	double up, idle, load[3];
	struct sysinfo info;
	int running, total, last;
	char *text = slurp("/proc/loadavg");

	tap_is(sscanf(slurp("/proc/uptime"), "%lf %lf", &up, &idle), 2, "uptime: two numbers");
	tap_ok(up > 0 && up - now_ms() / 1000.0 < 2 && up - now_ms() / 1000.0 > -2,
	       "uptime: the monotonic clock");
	tap_ok(idle > 0 && idle <= up * sysconf(_SC_NPROCESSORS_ONLN) + 1, "uptime: idle");
	tap_is(sscanf(text, "%lf %lf %lf %d/%d %d\n", load, load + 1, load + 2, &running, &total, &last), 6,
	       "loadavg: six numbers");
	tap_ok(running >= 1 && total > running, "loadavg: threads running and all");
	pid_t pid = CHILD();
	status_of(pid);
	sscanf(slurp("/proc/loadavg"), "%lf %lf %lf %d/%d %d\n", load, load + 1, load + 2, &running,
	       &total, &last);
	tap_ok(last >= pid && last < pid + 20, "loadavg: the last number given");
	sysinfo(&info);
	sscanf(slurp("/proc/loadavg"), "%lf", load);
	tap_ok(load[0] - info.loads[0] / 65536.0 < 0.02 &&
		       load[0] - info.loads[0] / 65536.0 > -0.02,
	       "loadavg is sysinfo()'s");
}

static void memory(void)
{
	char *text = slurp("/proc/meminfo");
	struct sysinfo info;

	sysinfo(&info);
	tap_is(number_of(text, "MemTotal"), info.totalram / 1024,
	       "meminfo: MemTotal is sysinfo()'s");
	tap_ok(number_of(text, "MemFree") > 0 &&
		       number_of(text, "MemFree") < number_of(text, "MemTotal"),
	       "meminfo: MemFree");
	tap_ok(number_of(text, "MemAvailable") > 0, "meminfo: MemAvailable");
	static const char *const names[] = {
		"Buffers",      "Cached",         "SwapCached",   "Active",         "Inactive",
		"Active(anon)", "Inactive(anon)", "Active(file)", "Inactive(file)", "Unevictable",
		"Mlocked",      "SwapTotal",      "SwapFree",     "Dirty",          "Writeback",
		"AnonPages",    "Mapped",         "Shmem",        "KReclaimable",   "Slab",
		"SReclaimable", "SUnreclaim",     "KernelStack",  "PageTables",     "CommitLimit",
		"Committed_AS", "VmallocTotal",   "VmallocUsed",  "Percpu"};
	for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
		if (number_of(text, names[i]) < 0)
			tap_ok(false, "meminfo: %s", names[i]);
	tap_ok(number_of(text, "SReclaimable") + number_of(text, "SUnreclaim") ==
		       number_of(text, "Slab"),
	       "meminfo: Slab is the sum of its parts");
	tap_ok(!strncmp(text, "MemTotal:       ", 16), "meminfo: columns");
	long anon = number_of(text, "AnonPages");
	char *big = malloc(8 << 20);
	for (long i = 0; i < 8 << 20; i += 4096)
		((volatile char *)big)[i] = 1;
	text = slurp("/proc/meminfo");
	tap_note("AnonPages %ld, then %ld", anon, number_of(text, "AnonPages"));
	tap_ok(labs(number_of(text, "AnonPages") - anon - 8192) < 512,
	       "meminfo: AnonPages grows by what is touched");
	free(big);
	tap_ok(keyword(slurp("/proc/vmstat"), "nr_free_pages") > 0, "vmstat: nr_free_pages");
	tap_ok(strstr(slurp("/proc/vmstat"), "\npgpgin ") &&
		       strstr(slurp("/proc/vmstat"), "\npgpgout "),
	       "vmstat: transfers");
	tap_ok(!strncmp(slurp("/proc/buddyinfo"), "Node 0, zone ", 13), "buddyinfo");
	tap_ok(!strncmp(slurp("/proc/slabinfo"), "slabinfo - version: 2.1\n", 24), "slabinfo");
	tap_ok(!strncmp(slurp("/proc/swaps"), "Filename\t\t\t\tType", 16), "swaps");
}

static void names(void)
{
	struct utsname u;
	char want[256];

	uname(&u);
	snprintf(want, sizeof(want), "%s version %s ", u.sysname, u.release);
	tap_ok(!strncmp(slurp("/proc/version"), want, strlen(want)), "version");
	tap_ok(strchr(slurp("/proc/cmdline"), '\n') != NULL, "cmdline");
	tap_ok(!strncmp(slurp("/proc/cpuinfo"), "processor\t: 0\nhart\t\t: ", 22), "cpuinfo");
	tap_ok(strstr(slurp("/proc/cpuinfo"), "\nisa\t\t: rv64ima") != NULL, "cpuinfo: isa");
	int cpus = 0;
	for (char *p = slurp("/proc/cpuinfo"); (p = strstr(p, "processor\t:")); p++)
		cpus++;
	tap_is(cpus, sysconf(_SC_NPROCESSORS_ONLN), "cpuinfo: every CPU");
	tap_ok(strstr(slurp("/proc/filesystems"), "nodev\tproc\n") != NULL, "filesystems: proc");
	tap_ok(strstr(slurp("/proc/filesystems"), "\text2\n") != NULL ||
	       strstr(slurp("/proc/filesystems"), "nodev\ttmpfs\n") != NULL, "filesystems: others");
	tap_ok(!strncmp(slurp("/proc/devices"), "Character devices:\n", 19), "devices");
	tap_ok(strstr(slurp("/proc/devices"), "\nBlock devices:\n") != NULL, "devices: block");
	tap_ok(!strncmp(slurp("/proc/interrupts"), "           CPU0 ", 16), "interrupts");
	tap_ok(strstr(slurp("/proc/softirqs"), "TIMER:") != NULL, "softirqs");
	tap_ok(strstr(slurp("/proc/mounts"), " /proc proc rw") != NULL, "mounts");
	tap_ok(strstr(slurp("/proc/self/mountinfo"), " / /proc rw") != NULL, "mountinfo");
	tap_ok(!strcmp(link_of("/proc/mounts"), "self/mounts"), "mounts is a link");
}

static void drop_caches(void)
{
	static const char *const words[] = { "1\n", "2", "3\n", "4\n", "0", "5", "-1", "x", "" };
	int fd = open_as(O_WRONLY, "/proc/sys/vm/drop_caches");

	tap_ok(fd >= 0, "drop_caches");
	for (unsigned i = 0; i < ARRAY_SIZE(words); i++)
		tap_says(err(pwrite(fd, words[i], strlen(words[i]), 0)), "drop_caches: %.1s",
			 words[i]);
	close(fd);
	tap_says(open_as(O_RDONLY, "/proc/sys/vm/drop_caches"), "cannot be read");
	tap_is(CODE(setuid(1000); _exit(-open_as(O_WRONLY, "/proc/sys/vm/drop_caches"))), EACCES,
	       "is root's");
}

static void sysctl(void)
{
	struct utsname u;
	char *a, *b;
	int fd;

	uname(&u);
	a = slurp("/proc/sys/kernel/osrelease");
	tap_ok(!strncmp(a, u.release, strlen(u.release)) && a[strlen(u.release)] == '\n',
	       "sys/kernel/osrelease");
	tap_ok(!strcmp(slurp("/proc/sys/kernel/ostype"), "Linux\n"), "sys/kernel/ostype");
	sethostname("one", 3);
	tap_ok(!strcmp(slurp("/proc/sys/kernel/hostname"), "one\n"),
	       "sys/kernel/hostname shows sethostname()");
	fd = open("/proc/sys/kernel/hostname", O_WRONLY);
	tap_is(err(write(fd, "two\n", 4)), 4, "sys/kernel/hostname: write");
	uname(&u);
	tap_ok(!strcmp(u.nodename, "two"), "uname() shows it");
	close(fd);
	sethostname("guest", 5);
	tap_is(open_as(O_WRONLY, "/proc/sys/kernel/osrelease"), -EACCES,
	       "what cannot be set cannot be opened for it");
	tap_is(CODE(setuid(1000); _exit(-open_as(O_WRONLY, "/proc/sys/kernel/hostname"))), EACCES,
	       "nor by others");
	a = slurp("/proc/sys/kernel/random/boot_id");
	b = slurp("/proc/sys/kernel/random/uuid");
	tap_is(strlen(a), 37, "boot_id");
	tap_ok(a[8] == '-' && a[14] == '4' && isxdigit(a[35]), "in the form of a UUID");
	tap_ok(!strcmp(a, slurp("/proc/sys/kernel/random/boot_id")), "which stays");
	tap_ok(strlen(b) == 37 && strcmp(b, slurp("/proc/sys/kernel/random/uuid")),
	       "uuid is another each time");
	tap_ok(atol(slurp("/proc/sys/kernel/pid_max")) >= 32768, "pid_max");
	tap_ok(atol(slurp("/proc/sys/kernel/threads-max")) > 0, "threads-max");
	tap_says(atol(slurp("/proc/sys/kernel/cap_last_cap")), "cap_last_cap");
	tap_says(atol(slurp("/proc/sys/kernel/ngroups_max")), "ngroups_max");
	tap_says(atol(slurp("/proc/sys/kernel/overflowuid")), "overflowuid");
	tap_says(atol(slurp("/proc/sys/fs/nr_open")), "nr_open");
	tap_says(atol(slurp("/proc/sys/fs/pipe-max-size")), "pipe-max-size");
	tap_says(atol(slurp("/proc/sys/vm/max_map_count")), "max_map_count");
	tap_says(atol(slurp("/proc/sys/vm/overcommit_memory")), "overcommit_memory");
	tap_ok(atol(slurp("/proc/sys/vm/mmap_min_addr")) >= 4096, "mmap_min_addr");
	tap_ok(atol(slurp("/proc/sys/vm/min_free_kbytes")) > 0, "min_free_kbytes");
	int n[4];
	tap_is(sscanf(slurp("/proc/sys/kernel/printk"), "%d %d %d %d", n, n + 1, n + 2, n + 3), 4,
	       "printk: four levels");
	fd = open("/proc/sys/vm/overcommit_memory", O_WRONLY);
	tap_is(err(write(fd, "7", 1)), -EINVAL, "a value out of range");
	close(fd);
}

/* A line for each CPU, with 15 numbers; the 13th is the CPU's. */
static void softnet(void)
{
	FILE *f = fopen("/proc/net/softnet_stat", "r");
	int cpus = 0, right = 0;
	char line[300];

	while (f && fgets(line, sizeof(line), f)) {
		right += strlen(line) == 15 * 9 && strtoul(line + 12 * 9, NULL, 16) == (unsigned)cpus;
		cpus++;
	}
	if (f)
		fclose(f);
	tap_is(cpus, sysconf(_SC_NPROCESSORS_ONLN), "/proc/net/softnet_stat has a line for each CPU");
	tap_is(right, cpus, "of 15 numbers, with the CPU's");
}

int main(void)
{
	cpu_times();
	time_and_load();
	memory();
	names();
	sysctl();
	drop_caches();
	softnet();
	return tap_exit();
}
