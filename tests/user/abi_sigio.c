/* SPDX-License-Identifier: MIT */
/* O_ASYNC, FIOASYNC, F_SETOWN: files that tell their owner by SIGIO. */
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include "child.h"

static sigset_t sigio;
static const char *what;

/* Is there a SIGIO, or will there be one? Further ones of the same change are taken with it. */
static int told(void)
{
	struct timespec some = { 5, 0 }, none = { 0, 100000000 };
	siginfo_t info;
	int got = sigtimedwait(&sigio, &info, &some);

	while (sigtimedwait(&sigio, NULL, &none) == SIGIO)
		;
	return got == SIGIO && info.si_code == SI_KERNEL;
}

static int not_told(void)
{
	struct timespec some = { 0, 100000000 };

	return err(sigtimedwait(&sigio, NULL, &some)) == -EAGAIN;
}

static int set_async(int fd, int on)
{
	int flags = fcntl(fd, F_GETFL);

	return err(fcntl(fd, F_SETFL, on ? flags | O_ASYNC : flags & ~O_ASYNC));
}

static int is_async(int fd)
{
	return !!(fcntl(fd, F_GETFL) & O_ASYNC);
}

/* What is written to `to` can be read from fd. */
static void reader(const char *name, int fd, int to)
{
	char all[64];

	what = name;
	tap_is(set_async(fd, 1), 0, "%s: O_ASYNC", what);
	tap_is(is_async(fd), 1, "%s: is set", what);
	tap_is(err(write(to, "x\n", 2)), 2, "%s: without an owner", what);
	tap_ok(not_told(), "%s: nobody is told", what);
	tap_is(err(fcntl(fd, F_SETOWN, getpid())), 0, "%s: an owner", what);
	tap_is(err(write(to, "x\n", 2)), 2, "%s: data", what);
	tap_ok(told(), "%s: SIGIO", what);
	tap_is(set_async(fd, 0), 0, "%s: O_ASYNC off", what);
	tap_is(is_async(fd), 0, "%s: is not set", what);
	tap_is(err(write(to, "x\n", 2)), 2, "%s: more data", what);
	tap_ok(not_told(), "%s: no SIGIO", what);
	tap_is(err(ioctl(fd, FIOASYNC, &(int){ 1 })), 0, "%s: FIOASYNC", what);
	tap_is(is_async(fd), 1, "%s: shows", what);
	tap_is(err(ioctl(fd, FIOASYNC, &(int){ 1 })), 0, "%s: again", what);
	tap_is(err(write(to, "x\n", 2)), 2, "%s: still more", what);
	tap_ok(told(), "%s: SIGIO again", what);
	tap_is(err(fcntl(fd, F_SETOWN, -getpgrp())), 0, "%s: a group", what);
	tap_is(err(write(to, "x\n", 2)), 2, "%s: data for it", what);
	tap_ok(told(), "%s: SIGIO to a group", what);
	tap_ok(read(fd, all, sizeof(all)) > 0, "%s: can be read", what);
	tap_is(err(fcntl(fd, F_SETOWN, 0)), 0, "%s: nobody", what);
	tap_is(err(write(to, "x\n", 2)), 2, "%s: once more", what);
	tap_ok(not_told(), "%s: nobody hears", what);
	fcntl(fd, F_SETOWN, getpid());
}

static void pipes(void)
{
	static char page[4096];
	int p[2];

	pipe2(p, O_NONBLOCK);
	reader("pipe", p[0], p[1]);
	set_async(p[0], 0);
	while (write(p[1], page, sizeof(page)) > 0)
		;
	fcntl(p[1], F_SETOWN, getpid());
	tap_is(set_async(p[1], 1), 0, "pipe: the writer");
	tap_ok(not_told(), "pipe: it is full");
	while (read(p[0], page, sizeof(page)) > 0)
		;
	tap_ok(told(), "pipe: there is room");
	close(p[0]);
	tap_ok(told(), "pipe: the reader closes");
	close(p[1]);
}

static void sockets(void)
{
	int p[2], copy;

	socketpair(AF_UNIX, SOCK_STREAM, 0, p);
	reader("stream", p[0], p[1]);
	copy = dup(p[0]);
	close(p[0]);
	write(p[1], "x", 1);
	tap_ok(told(), "stream: a copy is the same file");
	close(copy);
	tap_is(err(send(p[1], "x", 1, MSG_NOSIGNAL)), -EPIPE, "stream: it is closed");
	tap_ok(not_told(), "stream: nothing to tell");
	close(p[1]);
	socketpair(AF_UNIX, SOCK_STREAM, 0, p);
	fcntl(p[0], F_SETOWN, getpid());
	set_async(p[0], 1);
	close(p[1]);
	tap_ok(told(), "stream: the other end closes");
	close(p[0]);
}

static void terminals(void)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY), slave;
	char name[32];
	int n = -1;

	grantpt(master);
	unlockpt(master);
	ioctl(master, TIOCGPTN, &n);
	snprintf(name, sizeof(name), "/dev/pts/%d", n);
	slave = open(name, O_RDWR | O_NOCTTY);
	fcntl(slave, F_SETOWN, getpid());
	tap_is(set_async(slave, 1), 0, "tty: O_ASYNC");
	tap_is(err(write(master, "line\n", 5)), 5, "tty: a line is typed");
	tap_ok(told(), "tty: SIGIO");
	set_async(slave, 0);
	fcntl(master, F_SETOWN, getpid());
	tap_is(set_async(master, 1), 0, "pty: O_ASYNC");
	tap_is(err(write(slave, "out", 3)), 3, "pty: output");
	tap_ok(told(), "pty: SIGIO");
	close(slave);
	close(master);
}

/* A server as programs write them: accept when SIGIO says so. */
static void listeners(void)
{
	struct sockaddr_un { unsigned short family; char path[20]; } a = { AF_UNIX, "sigio" };
	int l = socket(AF_UNIX, SOCK_STREAM, 0), c = socket(AF_UNIX, SOCK_STREAM, 0);

	unlink("sigio");
	if (bind(l, (void *)&a, sizeof(a)) || listen(l, 1))
		tap_bail("listen");
	fcntl(l, F_SETOWN, getpid());
	set_async(l, 1);
	tap_is(err(connect(c, (void *)&a, sizeof(a))), 0, "listener: somebody comes");
	tap_ok(told(), "listener: SIGIO");
	close(l);
	close(c);
}

static void those_that_tell_nobody(void)
{
	int files[] = { eventfd(0, 0), epoll_create1(0), open("plain", O_RDWR | O_CREAT, 0600),
			open("/dev/null", O_RDWR) };
	static const char *const names[] = { "eventfd", "epoll", "file", "null" };

	for (int i = 0; i < 4; i++) {
		tap_is(set_async(files[i], 1), 0, "%s: O_ASYNC", names[i]);
		tap_is(is_async(files[i]), 0, "%s: is not set", names[i]);
		tap_is(err(ioctl(files[i], FIOASYNC, &(int){ 1 })), -ENOTTY, "%s: FIOASYNC", names[i]);
		tap_is(err(ioctl(files[i], FIOASYNC, &(int){ 0 })), 0, "%s: FIOASYNC off", names[i]);
		close(files[i]);
	}
	tap_is(err(ioctl(0, FIOASYNC, NULL)), -EFAULT, "FIOASYNC from nowhere");
}

int main(void)
{
	sigemptyset(&sigio);
	sigaddset(&sigio, SIGIO);
	sigprocmask(SIG_BLOCK, &sigio, NULL);
	pipes();
	sockets();
	terminals();
	listeners();
	those_that_tell_nobody();
	return tap_exit();
}
