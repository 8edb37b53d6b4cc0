/* SPDX-License-Identifier: MIT */
/* Waiting for files, for tests: one descriptor's events, and what happens a little later. */
#ifndef POLLING_H
#define POLLING_H

#include <poll.h>
#include <sys/epoll.h>
#include "child.h"

#define MS 1000000L
#define SPEC(ms) (struct timespec){ .tv_nsec = (ms) * MS }

TAP_UNUSED static long poll1(int fd, short events, int ms, short *revents)
{
	struct pollfd p = { .fd = fd, .events = events, .revents = 0x5555 };
	struct timespec t = { ms / 1000, ms % 1000 * MS };
	long n = sys(SYS_ppoll, &p, 1, ms < 0 ? NULL : &t, NULL, 8);

	*revents = p.revents;
	return n;
}

TAP_UNUSED static short ready(int fd, short events)
{
	short r;

	poll1(fd, events, 0, &r);
	return r;
}

static volatile int handled;

TAP_UNUSED static void handler(int sig)
{
	handled = sig;
}

/* In a child: sleep ms, do something. */
TAP_UNUSED static pid_t after(int ms, void (*what)(int), int arg)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	usleep(ms * 1000);
	what(arg);
	_exit(0);
}

TAP_UNUSED static void put_byte(int fd)
{
	if (write(fd, "x", 1) != 1)
		_exit(1);
}

TAP_UNUSED static void signal_parent(int sig)
{
	kill(getppid(), sig);
}

TAP_UNUSED static int ep_wait(int ep, struct epoll_event *ev, int most, int ms)
{
	return sys(SYS_epoll_pwait, ep, ev, most, ms, NULL, 8);
}
TAP_UNUSED static long ep_ctl(int ep, int op, int fd, unsigned events, long data)
{
	struct epoll_event ev = { .events = events, .data.u64 = data };

	return sys(SYS_epoll_ctl, ep, op, fd, &ev);
}

#endif
