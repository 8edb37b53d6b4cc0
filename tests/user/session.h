/* SPDX-License-Identifier: MIT */
/*
 * Cases that are sessions of their own, for tests of terminals: the leader puts what it saw into
 * shared memory, and the first process reports it.
 */
#ifndef SESSION_H
#define SESSION_H

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include "pty.h"

#define CASE_S 20

static volatile long *seen;	/* shared: what the case saw, by number */
static int nr_seen;		/* only by the leader */
static struct pair p;

/* Before the first of them. */
static void sessions_begin(void)
{
	seen = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (seen == MAP_FAILED)
		tap_bail("no shared memory: %s", strerror(errno));
}

TAP_UNUSED static void note(long value)
{
	seen[++nr_seen] = value;
	seen[0] = nr_seen;
}

/* Run fn as the leader of a new session without a terminal, then report with these names. */
TAP_UNUSED static void session(void (*fn)(void), const char *const *names)
{
	pid_t pid;
	int status, n = 0;

	memset((void *)seen, 0, 4096);
	pid = fork();
	if (!pid) {
		setsid();
		alarm(CASE_S);
		fn();
		_exit(0);
	}
	waitpid(pid, &status, 0);
	for (; names[n]; n++)
		tap_says(n < seen[0] ? seen[n + 1] : -9999, "%s", names[n]);
	if (n != seen[0])
		tap_note("%ld answers, status %#x", seen[0], status);
	tap_says(status, "  ended");
}

TAP_UNUSED static long own_or(long pid, long id)
{
	return pid == id ? 1 : pid;
}

TAP_UNUSED static long get_pid(int fd, unsigned long cmd)
{
	pid_t pid = -1;
	long r = err(ioctl(fd, cmd, &pid));

	return r ? r : pid;
}

TAP_UNUSED static long set_pgrp(int fd, pid_t pgrp)
{
	return err(ioctl(fd, TIOCSPGRP, &pgrp));
}

/* Status of a wait, and nothing that differs between runs. */
TAP_UNUSED static long wait_for(pid_t pid, int flags)
{
	int status = -1;
	pid_t r = waitpid(pid, &status, flags);

	return r == pid ? status : r;
}

/* A process in a group of its own that runs fn and ends with its result. */
TAP_UNUSED static pid_t in_group(int (*fn)(void))
{
	pid_t pid;

	seen[103] = 0;
	pid = fork();
	if (!pid) {
		setpgid(0, 0);
		signal(SIGTTOU, SIG_DFL);
		signal(SIGINT, SIG_DFL);
		signal(SIGWINCH, SIG_DFL);
		alarm(CASE_S);
		seen[103] = 1;
		_exit(fn());
	}
	setpgid(pid, pid);
	while (!seen[103])
		usleep(1000);
	return pid;
}

static volatile sig_atomic_t caught[65];

TAP_UNUSED static void catch(int sig)
{
	caught[sig]++;
}

#endif
