/* SPDX-License-Identifier: MIT */
/* Children for tests: a block of code in a process of its own. */
#ifndef CHILD_H
#define CHILD_H

#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include "tap.h"

/* The pid of a child that does the block and then exits with 0. */
#define CHILD(...) ({ \
	pid_t child_ = fork(); \
	if (!child_) { __VA_ARGS__; _exit(0); } \
	if (child_ < 0) tap_bail("fork: %s", strerror(errno)); \
	child_; })

/* The wait status of a child that did the block. */
#define IN_CHILD(...) status_of(CHILD(__VA_ARGS__))

/* Wait for a child; its status. */
TAP_UNUSED static int status_of(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) != pid)
		if (errno != EINTR)
			tap_bail("waitpid(%d): %s", pid, strerror(errno));
	return status;
}

/* The exit code of a status, or minus the signal that ended it. */
TAP_UNUSED static int code_of(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : WIFSIGNALED(status) ? -WTERMSIG(status) : -1000;
}

/* Exit code of a child that did the block, or minus the signal. */
#define CODE(...) code_of(IN_CHILD(__VA_ARGS__))

TAP_UNUSED static void sleep_ms(long ms)
{
	struct timespec left = { ms / 1000, ms % 1000 * 1000000 };

	while (nanosleep(&left, &left) && errno == EINTR)
		;
}

TAP_UNUSED static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Wait until cond holds, at most five seconds; whether it does. */
#define EVENTUALLY(cond) ({ \
	long until_ = now_ms() + 5000; \
	bool holds_; \
	while (!(holds_ = (cond)) && now_ms() < until_) sleep_ms(1); \
	holds_; })

#endif
