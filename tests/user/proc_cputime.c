/* SPDX-License-Identifier: MIT */
/*
 * CPU time adds up to 100 %: for every CPU, busy or idle, the columns of /proc/stat
 * grow by real time, to the tick, and what processes used is what the columns say.
 */
#include "child.h"
#include "procfs.h"

#define MAX_CPUS	8

struct times {
	long ms;
	unsigned long v[MAX_CPUS][8];
};

static void take(struct times *t, int cpus)
{
	static char text[4096];
	int fd = open("/proc/stat", O_RDONLY);
	char name[8], *p;
	ssize_t n = read(fd, text, sizeof(text) - 1);

	t->ms = now_ms();
	text[n] = 0;
	close(fd);
	for (int c = 0; c < cpus; c++) {
		snprintf(name, sizeof(name), "cpu%d ", c);
		p = strstr(text, name);
		if (!p || sscanf(p + 5, "%lu %lu %lu %lu %lu %lu %lu %lu", &t->v[c][0], &t->v[c][1],
				 &t->v[c][2], &t->v[c][3], &t->v[c][4], &t->v[c][5], &t->v[c][6],
				 &t->v[c][7]) != 8)
			tap_bail("no line %s", name);
	}
}

static unsigned long sum(const unsigned long v[8])
{
	unsigned long s = 0;

	for (int i = 0; i < 8; i++)
		s += v[i];
	return s;
}

static void spin(long ms)
{
	long until = now_ms() + ms;

	while (now_ms() < until)
		for (volatile int i = 0; i < 10000; i++)
			;
}

int main(void)
{
	int cpus = sysconf(_SC_NPROCESSORS_ONLN);
	struct times a, b;

	cpus = cpus > MAX_CPUS ? MAX_CPUS : cpus;
	take(&a, cpus);
	pid_t pid = CHILD(spin(700));
	status_of(pid);
	take(&b, cpus);
	for (int c = 0; c < cpus; c++) {
		long ticks = sum(b.v[c]) - sum(a.v[c]), real = (b.ms - a.ms) / 10;

		/* Eight columns are cut to whole ticks. */
		if (labs(ticks - real) > 9)
			tap_note("CPU %d: %ld ticks in %ld", c, ticks, real);
		tap_ok(labs(ticks - real) <= 9, "CPU %d: the columns add up to real time", c);
	}
	unsigned long busy = 0, idle = 0;
	for (int c = 0; c < cpus; c++) {
		busy += b.v[c][0] + b.v[c][2] - a.v[c][0] - a.v[c][2];
		idle += b.v[c][3] - a.v[c][3];
	}
	tap_note("busy %lu, idle %lu", busy, idle);
	tap_ok(busy >= 60, "one process was busy");
	tap_ok(cpus == 1 || idle >= 35 * (cpus - 1), "the other CPUs were idle most of the time");
	return tap_exit();
}
