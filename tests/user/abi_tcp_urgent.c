/* SPDX-License-Identifier: MIT */
/*
 * Urgent data of TCP: MSG_OOB, SO_OOBINLINE, SIOCATMARK, EPOLLPRI, SIGURG. Once as it is, and once
 * with a packet socket that watches, so that what is sent goes as packets on Fathom, too.
 */
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include "inetsock.h"

static const char *how;

static long oob(int fd, const char *text)
{
	return err(send(fd, text, strlen(text), MSG_OOB));
}

static long put(int fd, const char *text)
{
	return err(send(fd, text, strlen(text), 0));
}

/* What a receive gives: its bytes as a name, or the error. */
static void gets(int fd, size_t len, int flags, const char *what)
{
	char text[64] = "";
	long n = err(recv(fd, text, len, flags | MSG_DONTWAIT));

	for (int i = 0; i < n; i++)
		if (text[i] < ' ')
			text[i] = '?';
	tap_says(n, "%s: %s: \"%s\"", how, what, n > 0 ? text : "");
}

static int at_mark(int fd)
{
	int yes = -1;

	return ioctl(fd, SIOCATMARK, &yes) ? -errno : yes;
}

static int waiting(int fd)
{
	int n = -1;

	return ioctl(fd, FIONREAD, &n) ? -errno : n;
}

static void state(int fd, const char *when)
{
	tap_says(at_mark(fd), "%s: %s: at the mark", how, when);
	tap_says(waiting(fd), "%s: %s: FIONREAD", how, when);
	tap_says(events_of(fd, POLLIN | POLLPRI | POLLRDBAND), "%s: %s: poll", how, when);
}

static void arrived(int fd)
{
	(void)events_in(fd, POLLPRI, 2000);
}

static void in_the_middle(bool inline_too)
{
	int p[2];

	tcp_pair(AF_INET, p);
	if (inline_too)
		tap_is(set_int(p[1], SOL_SOCKET, SO_OOBINLINE, 1), 0, "%s: in line", how);
	state(p[1], "at first");
	gets(p[1], 1, MSG_OOB, "no urgent byte yet");
	tap_is(oob(p[0], "abcU"), 4, "%s: four bytes, the last urgent", how);
	arrived(p[1]);
	put(p[0], "def");
	events_in(p[1], POLLIN, 2000);
	usleep(20000);
	state(p[1], "before it");
	gets(p[1], 10, MSG_PEEK, "peek");
	gets(p[1], 10, 0, "up to it");
	state(p[1], "before the mark");
	gets(p[1], 10, MSG_PEEK, "peek from the mark on");
	gets(p[1], 1, MSG_OOB | MSG_PEEK, "peek at the byte");
	gets(p[1], 0, MSG_OOB | MSG_PEEK, "with no room");
	gets(p[1], 1, MSG_OOB, "the byte");
	gets(p[1], 1, MSG_OOB, "again");
	state(p[1], "it was taken");
	gets(p[1], 10, 0, "what is behind");
	state(p[1], "behind it");
	gets(p[1], 10, 0, "no more");
	close(p[0]);
	close(p[1]);
}

static void twice(void)
{
	int p[2];

	tcp_pair(AF_INET, p);
	oob(p[0], "A");
	arrived(p[1]);
	state(p[1], "one byte, urgent");
	oob(p[0], "B");
	usleep(20000);
	state(p[1], "a second");
	gets(p[1], 1, MSG_OOB, "the second");
	gets(p[1], 10, 0, "of the first");
	put(p[0], "x");
	events_in(p[1], POLLIN, 2000);
	gets(p[1], 10, 0, "and then");
	oob(p[0], "12C");
	arrived(p[1]);
	oob(p[0], "34D");
	usleep(20000);
	state(p[1], "two marks");
	gets(p[1], 20, 0, "the older is a byte like others");
	gets(p[1], 1, MSG_OOB, "the newer");
	gets(p[1], 20, 0, "nothing behind");
	state(p[1], "at the end");
	close(p[0]);
	close(p[1]);
}

/* A reader that finds nothing but the byte itself. */
static void alone(void)
{
	int p[2];

	tcp_pair(AF_INET6, p);
	oob(p[0], "Z");
	arrived(p[1]);
	gets(p[1], 5, 0, "nothing but the byte");
	state(p[1], "passed");
	gets(p[1], 1, MSG_OOB, "it is gone");
	oob(p[0], "Y");
	arrived(p[1]);
	shutdown(p[0], SHUT_WR);
	events_in(p[1], POLLRDHUP, 2000);
	gets(p[1], 1, MSG_OOB, "the last byte");
	gets(p[1], 5, 0, "the end");
	gets(p[1], 1, MSG_OOB, "behind the end");
	tap_is(err(send(p[1], "", 0, MSG_OOB)), 0, "%s: of no bytes none is urgent", how);
	close(p[0]);
	close(p[1]);
}

static void messages(void)
{
	char text[8];
	struct iovec v = { text, sizeof(text) };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };
	int p[2], ep = epoll_create1(0);
	struct epoll_event e = { .events = EPOLLPRI };

	tcp_pair(AF_INET, p);
	epoll_ctl(ep, EPOLL_CTL_ADD, p[1], &e);
	tap_is(epoll_wait(ep, &e, 1, 0), 0, "%s: epoll: nothing", how);
	set_int(p[0], IPPROTO_TCP, TCP_CORK, 1);
	put(p[0], "ab");
	oob(p[0], "cd");
	tap_is(epoll_wait(ep, &e, 1, 2000), 1, "%s: epoll: a byte, corked or not", how);
	tap_says(e.events, "%s: as", how);
	tap_is(err(recvmsg(p[1], &m, MSG_OOB)), 1, "%s: recvmsg", how);
	tap_says(m.msg_flags, "%s: its flags", how);
	tap_is(err(recvmsg(p[1], &m, MSG_WAITALL)), 3, "%s: MSG_WAITALL ends before the mark", how);
	tap_says(m.msg_flags, "%s: its flags", how);
	set_int(p[0], IPPROTO_TCP, TCP_CORK, 0);
	/* Behind more than a buffer: told of at once, and there in the end. */
	for (int i = 0; i < 3; i++) {
		static char block[30000];

		send(p[0], block, sizeof(block), MSG_DONTWAIT);
	}
	oob(p[0], "U");
	tap_says(epoll_wait(ep, &e, 1, 2000), "%s: behind 90,000 bytes", how);
	{
		static char all[90000];
		size_t n = 0;
		long got;

		while (n < sizeof(all) && (got = recv(p[1], all, sizeof(all) - n, 0)) > 0)
			n += got;
		tap_is(n, 90000, "%s: all before it", how);
	}
	arrived(p[1]);
	gets(p[1], 1, MSG_OOB, "and itself");
	close(p[0]);
	close(p[1]);
	close(ep);
}

static volatile sig_atomic_t urgent;
static volatile int last_code;

static void on_urgent(int sig, siginfo_t *si, void *context)
{
	last_code = si->si_code;
	urgent++;
}

static bool soon(int count)
{
	for (int i = 0; i < 200 && urgent != count; i++)
		usleep(10000);
	return urgent == count;
}

static void signals(void)
{
	struct sigaction sa = { .sa_sigaction = on_urgent, .sa_flags = SA_SIGINFO };
	int p[2];

	sigaction(SIGURG, &sa, NULL);
	urgent = 0;
	tcp_pair(AF_INET, p);
	oob(p[0], "1");
	arrived(p[1]);
	tap_is(urgent, 0, "%s: nobody asked for a signal", how);
	gets(p[1], 1, MSG_OOB, "so be it");
	tap_is(err(fcntl(p[1], F_SETOWN, getpid())), 0, "%s: F_SETOWN", how);
	oob(p[0], "2");
	tap_ok(soon(1), "%s: SIGURG to a process", how);
	tap_says(last_code, "%s: its code", how);
	tap_is(err(fcntl(p[1], F_SETOWN, -getpgrp())), 0, "%s: a group", how);
	oob(p[0], "3");
	tap_ok(soon(2), "%s: SIGURG to a group", how);
	tap_is(err(fcntl(p[1], F_SETOWN, 0)), 0, "%s: nobody", how);
	oob(p[0], "4");
	arrived(p[1]);
	usleep(50000);
	tap_is(urgent, 2, "%s: and nobody is told", how);
	close(p[0]);
	close(p[1]);
	signal(SIGURG, SIG_DFL);
}

/* Whose signals they may be. */
static void permission(void)
{
	int p[2], ready[2], status;
	char c;
	pid_t child;

	tcp_pair(AF_INET, p);
	if (pipe(ready))
		tap_bail("pipe");
	child = fork();
	if (!child) {
		sigset_t set;
		struct timespec limit = { 2, 0 }, brief = { 0, 100000000 };

		sigemptyset(&set);
		sigaddset(&set, SIGURG);
		sigprocmask(SIG_BLOCK, &set, NULL);
		if (setresuid(1234, 1234, 1234) || write(ready[1], "", 1) != 1)
			_exit(9);
		_exit(sigtimedwait(&set, NULL, &limit) == SIGURG ? sigtimedwait(&set, NULL, &brief) != -1 : 2);
	}
	if (read(ready[0], &c, 1) != 1)
		tap_bail("read");
	/* By who may not, then by root. */
	if (!fork())
		_exit(setresuid(77, 77, 77) || fcntl(p[1], F_SETOWN, child));
	wait(&status);
	oob(p[0], "n");
	arrived(p[1]);
	usleep(50000);
	tap_is(err(fcntl(p[1], F_SETOWN, child)), 0, "root names another's process");
	oob(p[0], "y");
	waitpid(child, &status, 0);
	tap_is(WEXITSTATUS(status), 0, "which gets one signal");
	close(p[0]);
	close(p[1]);
	close(ready[0]);
	close(ready[1]);
}

static long owner_ex(int fd, int type, pid_t pid)
{
	struct f_owner_ex o = { type, pid };

	return err(fcntl(fd, F_SETOWN_EX, &o));
}

static void owners(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), who = -1, pipes[2];
	struct f_owner_ex o = { 9, 9 };
	pid_t gone = fork();

	if (!gone)
		_exit(0);
	waitpid(gone, NULL, 0);
	tap_is(fcntl(fd, F_GETOWN), 0, "no owner at first");
	tap_is(err(fcntl(fd, F_GETOWN_EX, &o)), 0, "F_GETOWN_EX");
	tap_says(o.type, "its type then");
	tap_is(o.pid, 0, "and nobody");
	tap_says(err(fcntl(fd, F_SETOWN, gone)), "of a process that is gone");
	tap_says(err(fcntl(fd, F_SETOWN, -gone)), "of a group that is not");
	tap_says(err(fcntl(fd, F_SETOWN, -2147483647 - 1)), "of no number");
	tap_says(owner_ex(fd, 3, getpid()), "of no type");
	tap_says(owner_ex(fd, -1, getpid()), "of a negative one");
	tap_says(owner_ex(fd, F_OWNER_PID, gone), "F_SETOWN_EX of one that is gone");
	tap_says(owner_ex(fd, F_OWNER_PID, -1), "of a negative number");
	tap_is(owner_ex(fd, F_OWNER_TID, getpid()), 0, "a thread");
	tap_is(fcntl(fd, F_GETOWN), getpid(), "is told");
	tap_is(err(fcntl(fd, F_GETOWN_EX, &o)), 0, "F_GETOWN_EX");
	tap_says(o.type, "the type");
	tap_is(owner_ex(fd, F_OWNER_PGRP, getpgrp()), 0, "a group");
	tap_is(err(fcntl(fd, F_GETOWN_EX, &o)) || o.pid != getpgrp(), 0, "is told as it is");
	tap_says(o.type, "with its type");
	tap_is(ioctl(fd, FIOGETOWN, &who) || who != -getpgrp(), 0, "FIOGETOWN");
	who = getpid();
	tap_is(err(ioctl(fd, SIOCSPGRP, &who)), 0, "SIOCSPGRP");
	tap_is(ioctl(fd, SIOCGPGRP, &who) || who != getpid(), 0, "SIOCGPGRP");
	who = gone;
	tap_says(err(ioctl(fd, FIOSETOWN, &who)), "FIOSETOWN of one that is gone");
	tap_says(sys(SYS_ioctl, fd, FIOSETOWN, 8), "from nowhere");
	tap_says(sys(SYS_fcntl, fd, F_SETOWN_EX, 8), "F_SETOWN_EX from nowhere");
	gone = fork();
	if (!gone) {
		pause();
		_exit(0);
	}
	tap_is(err(fcntl(fd, F_SETOWN, gone)), 0, "a child");
	kill(gone, SIGKILL);
	waitpid(gone, NULL, 0);
	tap_says(fcntl(fd, F_GETOWN), "that is gone then");
	if (pipe(pipes))
		tap_bail("pipe");
	tap_is(err(fcntl(pipes[0], F_SETOWN, getpid())), 0, "of a pipe");
	tap_is(fcntl(pipes[0], F_GETOWN) == getpid(), 1, "too");
	tap_says(err(ioctl(pipes[0], FIOSETOWN, &who)), "but by no ioctl");
	close(pipes[0]);
	close(pipes[1]);
	close(fd);
}

static void others(void)
{
	int u = socket(AF_INET, SOCK_DGRAM, 0), port, l = listener(AF_INET, 1, &port), yes = 7, p[2];
	char c;

	tap_says(err(ioctl(u, SIOCATMARK, &yes)), "SIOCATMARK of UDP");
	tap_says(err(recv(l, &c, 1, MSG_OOB)), "MSG_OOB of a listener");
	tap_says(err(send(l, "x", 1, MSG_OOB | MSG_NOSIGNAL)), "to it");
	tap_says(at_mark(l), "SIOCATMARK of it");
	set_int(l, SOL_SOCKET, SO_OOBINLINE, 1);
	p[0] = socket(AF_INET, SOCK_STREAM, 0);
	connect_port(p[0], AF_INET, port);
	p[1] = accept(l, NULL, NULL);
	tap_says(get_int(p[1], SOL_SOCKET, SO_OOBINLINE), "SO_OOBINLINE of a listener's connection");
	how = "inherited";
	oob(p[0], "q");
	arrived(p[1]);
	gets(p[1], 1, MSG_OOB, "in line");
	gets(p[1], 4, 0, "it is");
	close(p[0]);
	close(p[1]);
	close(l);
	close(u);
}

static void all_of(const char *name)
{
	how = name;
	in_the_middle(false);
	in_the_middle(true);
	twice();
	alone();
	messages();
	signals();
}

int main(void)
{
	int watch;

	loopback_up();
	all_of("direct");
	watch = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
	if (watch < 0)
		tap_bail("AF_PACKET: %s", strerror(errno));
	all_of("watched");
	close(watch);
	permission();
	owners();
	others();
	return tap_exit();
}
