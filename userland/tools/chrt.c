/* SPDX-License-Identifier: MIT */
/*
 * chrt -f|-r|-o|-b|-i PRIORITY COMMAND...: run it in a scheduling class:
 * FIFO, round robin, other, batch, idle. chrt -p PID: show that process's.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct {
	char option;
	int policy;
	const char *name;
} classes[] = {
	{ 'f', SCHED_FIFO, "SCHED_FIFO" }, { 'r', SCHED_RR, "SCHED_RR" },
	{ 'o', SCHED_OTHER, "SCHED_OTHER" }, { 'b', SCHED_BATCH, "SCHED_BATCH" },
	{ 'i', SCHED_IDLE, "SCHED_IDLE" },
};
#define NR_CLASSES (sizeof(classes) / sizeof(classes[0]))

static int show(pid_t pid)
{
	struct sched_param param;
	int policy = sched_getscheduler(pid);

	if (policy < 0 || sched_getparam(pid, &param)) {
		perror("chrt");
		return 1;
	}
	for (size_t i = 0; i < NR_CLASSES; i++)
		if (classes[i].policy == (policy & ~SCHED_RESET_ON_FORK))
			printf("%s, priority %d\n", classes[i].name, param.sched_priority);
	return 0;
}

static int run(int policy, int priority, char **command)
{
	struct sched_param param = { .sched_priority = priority };

	if (sched_setscheduler(0, policy, &param)) {
		perror("chrt");
		return 1;
	}
	execvp(command[0], command);
	perror(command[0]);
	return errno == ENOENT ? 127 : 126;
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "-p"))
		return show(atoi(argv[2]));
	for (size_t i = 0; argc > 3 && argv[1][0] == '-' && i < NR_CLASSES; i++)
		if (argv[1][1] == classes[i].option && !argv[1][2])
			return run(classes[i].policy, atoi(argv[2]), argv + 3);
	fprintf(stderr, "usage: chrt -f|-r|-o|-b|-i PRIORITY COMMAND..., chrt -p PID\n");
	return 2;
}
