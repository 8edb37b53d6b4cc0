/* SPDX-License-Identifier: MIT */
/*
 * Waiting for files: ppoll, pselect6, epoll, and the files
 * made to be waited for: pipes, eventfd, timerfd, signalfd.
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include "tap.h"

#define MS 1000000L
#define SPEC(ms) (struct timespec){ .tv_nsec = (ms) * MS }

static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / MS;
}

static long poll1(int fd, short events, int ms, short *revents)
{
	struct pollfd p = { .fd = fd, .events = events, .revents = 0x5555 };
	struct timespec t = { ms / 1000, ms % 1000 * MS };
	long n = sys(SYS_ppoll, &p, 1, ms < 0 ? NULL : &t, NULL, 8);

	*revents = p.revents;
	return n;
}

static short ready(int fd, short events)
{
	short r;

	poll1(fd, events, 0, &r);
	return r;
}

static volatile int handled;
static void handler(int sig)
{
	handled = sig;
}

/* In a child: sleep ms, do something. */
static pid_t after(int ms, void (*what)(int), int arg)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	usleep(ms * 1000);
	what(arg);
	_exit(0);
}
static void put_byte(int fd)
{
	if (write(fd, "x", 1) != 1)
		_exit(1);
}
static void signal_parent(int sig)
{
	kill(getppid(), sig);
}

static void pipe_room(void)
{
	char buf[70000] = { 0 };
	int p[2], n;

	tap_is(err(pipe2(p, O_NONBLOCK)), 0, "pipe2");
	tap_is(ready(p[0], POLLIN), 0, "an empty pipe");
	tap_is(ready(p[1], POLLOUT | POLLWRNORM), POLLOUT | POLLWRNORM, "has room");
	tap_is(err(read(p[0], buf, 1)), -EAGAIN, "read");
	tap_is(write(p[1], "abc", 3), 3, "write");
	tap_is(ready(p[0], POLLIN | POLLRDNORM), POLLIN | POLLRDNORM, "readable");
	tap_is(ioctl(p[0], FIONREAD, &n), 0, "FIONREAD");
	tap_is(n, 3, "bytes there");
	tap_is(read(p[0], buf, 10), 3, "read all");
	tap_is(write(p[1], buf, sizeof(buf)), 65536, "fill it");
	tap_is(ready(p[1], POLLOUT), 0, "full");
	tap_is(err(write(p[1], buf, 1)), -EAGAIN, "write to a full pipe");
	tap_is(read(p[0], buf, 4095), 4095, "less than a page is read");
	tap_is(ready(p[1], POLLOUT), 0, "still full");
	tap_is(read(p[0], buf, 1), 1, "the page's last byte");
	tap_is(ready(p[1], POLLOUT), POLLOUT, "room for a page");
	tap_is(err(fcntl(p[0], F_GETPIPE_SZ)), 65536, "F_GETPIPE_SZ");
	tap_is(err(fcntl(p[0], F_SETPIPE_SZ, 4096)), -EBUSY, "too much in it for a page");
	tap_is(err(fcntl(p[0], F_SETPIPE_SZ, 100000)), 131072, "F_SETPIPE_SZ rounds up");
	tap_is(err(fcntl(p[0], F_SETPIPE_SZ, 0x90000000)), -EINVAL, "too large");
	tap_is(err(fcntl(0, F_GETPIPE_SZ)), -EBADF, "of what is no pipe");
	while (read(p[0], buf, sizeof(buf)) > 0)
		;
	tap_is(err(fcntl(p[0], F_SETPIPE_SZ, 1)), 4096, "down to a page");
	close(p[1]);
	tap_is(ready(p[0], POLLIN), POLLHUP, "no writer");
	tap_is(read(p[0], buf, 1), 0, "end of file");
	close(p[0]);
}

static void test_pipe(void)
{
	char buf[10];
	int p[2];
	short r;

	pipe_room();
	pipe(p);
	close(p[0]);
	tap_is(ready(p[1], POLLOUT), POLLOUT | POLLERR, "no reader");
	signal(SIGPIPE, handler);
	handled = 0;
	tap_is(err(write(p[1], "x", 1)), -EPIPE, "EPIPE");
	tap_is(handled, SIGPIPE, "SIGPIPE");
	close(p[1]);
	pipe2(p, O_DIRECT | O_NONBLOCK);
	write(p[1], "abc", 3);
	write(p[1], "de", 2);
	tap_is(read(p[0], buf, 10), 3, "packets: one read, one packet");
	write(p[1], "fgh", 3);
	tap_is(read(p[0], buf, 1), 1, "a short read");
	tap_is(read(p[0], buf, 10), 3, "loses the rest");
	close(p[0]);
	close(p[1]);
	tap_is(sys(SYS_pipe2, p, 1), -EINVAL, "pipe2 flags");
	tap_is(sys(SYS_pipe2, 8, 0), -EFAULT, "pipe2 to nowhere");
	pipe(p);
	tap_is(p[0], 3, "which leaked no descriptor");
	after(50, put_byte, p[1]);
	tap_is(poll1(p[0], POLLIN, -1, &r), 1, "woken by a write");
	tap_is(r, POLLIN, "what for");
	wait(NULL);
	close(p[0]);
	close(p[1]);
}

static void poll_answers(const int *a)
{
	long t0;
	short r;

	tap_is(poll1(77, POLLIN, -1, &r), 1, "a bad descriptor is ready");
	tap_is(r, POLLNVAL, "POLLNVAL");
	tap_is(poll1(-1, POLLIN, 0, &r), 0, "a negative one is not");
	tap_is(r, 0, "and has no events");
	t0 = now_ms();
	tap_is(poll1(a[0], POLLIN, 50, &r), 0, "time-out");
	tap_ok(now_ms() - t0 >= 50 && now_ms() - t0 < 2000, "after as long");
	tap_is(poll1(0, POLLIN | POLLOUT, 0, &r) >= 0, 1, "the console");
	int fd = open("f", O_CREAT | O_RDWR, 0600);
	tap_is(ready(fd, POLLIN | POLLOUT), POLLIN | POLLOUT, "a regular file is always ready");
	int pfd = open("f", O_PATH);
	tap_is(ready(pfd, POLLIN), POLLNVAL, "an O_PATH descriptor is none");
	close(pfd);
	close(fd);
	unlink("f");
}

static void poll_many(const int *a, const int *b)
{
	struct pollfd p[40];
	struct rlimit lim, old;
	struct timespec t;
	int count = 0;
	char r;

	for (int i = 0; i < 40; i++)
		p[i] = (struct pollfd){ .fd = i % 2 ? a[0] : b[0], .events = POLLIN };
	put_byte(a[1]);
	t = (struct timespec){ 0 };
	tap_is(sys(SYS_ppoll, p, 40, &t, NULL, 0), 20, "many descriptors");
	for (int i = 0; i < 40; i++)
		count += p[i].revents == (i % 2 ? POLLIN : 0);
	tap_is(count, 40, "each with its own events");
	read(a[0], &r, 1);
	after(50, put_byte, b[1]);
	tap_is(sys(SYS_ppoll, p, 40, NULL, NULL, 0), 20, "woken");
	count = 0;
	for (int i = 0; i < 40; i++)
		count += p[i].revents == (i % 2 ? 0 : POLLIN);
	tap_is(count, 40, "each with its own events again");
	wait(NULL);
	read(b[0], &r, 1);
	t = (struct timespec){ 1, 0 };
	put_byte(a[1]);
	sys(SYS_ppoll, p, 40, &t, NULL, 0);
	tap_is(t.tv_sec == 0 && t.tv_nsec > 0, 1, "what is left of the time is written back");
	read(a[0], &r, 1);
	t = (struct timespec){ 0, 1000000000 };
	tap_is(sys(SYS_ppoll, p, 1, &t, NULL, 0), -EINVAL, "bad time");
	tap_is(sys(SYS_ppoll, p, 1, 8, NULL, 0), -EFAULT, "wild time");
	tap_is(sys(SYS_ppoll, 8, 1, NULL, NULL, 0), -EFAULT, "wild array");
	tap_is(sys(SYS_ppoll, p, 1, NULL, &t, 4), -EINVAL, "bad size of the mask");
	getrlimit(RLIMIT_NOFILE, &old);
	lim = old;
	lim.rlim_cur = 30;
	setrlimit(RLIMIT_NOFILE, &lim);
	tap_is(sys(SYS_ppoll, p, 40, &SPEC(0), NULL, 0), -EINVAL, "more than RLIMIT_NOFILE");
	setrlimit(RLIMIT_NOFILE, &old);
}

static void poll_signals(const int *a)
{
	struct pollfd p = { .fd = a[0], .events = POLLIN };
	sigset_t usr1, none;
	long t0;
	short r;

	sigemptyset(&none);
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	signal(SIGUSR1, handler);
	handled = 0;
	after(50, signal_parent, SIGUSR1);
	tap_is(poll1(a[0], POLLIN, -1, &r), -EINTR, "a handler ends it");
	tap_is(handled, SIGUSR1, "which ran");
	tap_is(r, 0, "no events");
	wait(NULL);
	sigprocmask(SIG_BLOCK, &usr1, NULL);
	raise(SIGUSR1);
	handled = 0;
	tap_is(sys(SYS_ppoll, &p, 1, &SPEC(50), NULL, 0), 0, "a blocked signal does not");
	tap_is(sys(SYS_ppoll, &p, 1, NULL, &none, 8), -EINTR, "unless the call's mask lets it");
	tap_is(handled, SIGUSR1, "it is handled");
	sigprocmask(SIG_BLOCK, NULL, &none);
	tap_is(sigismember(&none, SIGUSR1), 1, "and blocked again");
	sigprocmask(SIG_UNBLOCK, &usr1, NULL);
	/* An ignored signal restarts it. */
	signal(SIGUSR1, SIG_IGN);
	after(20, signal_parent, SIGUSR1);
	t0 = now_ms();
	tap_is(poll1(a[0], POLLIN, 100, &r), 0, "an ignored signal does not end it");
	tap_ok(now_ms() - t0 >= 100, "nor the time");
	wait(NULL);
}

static void test_poll(void)
{
	int a[2], b[2];

	pipe(a);
	pipe(b);
	poll_answers(a);
	poll_many(a, b);
	poll_signals(a);
	const struct pollfd *ro = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	tap_is(sys(SYS_ppoll, ro, 1, &SPEC(0), NULL, 0), -EFAULT,
	       "an array that cannot be written");
	close(a[0]);
	close(a[1]);
	close(b[0]);
	close(b[1]);
}

static void test_select(void)
{
	struct { void *set; size_t size; } sig = { NULL, 8 };
	fd_set in, out, ex;
	struct timespec t;
	int a[2];

	pipe(a);
	FD_ZERO(&in);
	FD_ZERO(&out);
	FD_ZERO(&ex);
	FD_SET(a[0], &in);
	FD_SET(a[1], &out);
	FD_SET(a[0], &ex);
	t = (struct timespec){ 5, 0 };
	tap_is(sys(SYS_pselect6, a[1] + 1, &in, &out, &ex, &t, &sig), 1, "select");
	tap_is(FD_ISSET(a[1], &out) && !FD_ISSET(a[0], &in) && !FD_ISSET(a[0], &ex), 1,
	       "only the writable one");
	put_byte(a[1]);
	FD_SET(a[0], &in);
	tap_is(sys(SYS_pselect6, a[1] + 1, &in, &out, NULL, &t, NULL), 2, "both");
	FD_ZERO(&out);
	read(a[0], &t, 1);
	t = (struct timespec){ 0, 30 * MS };
	tap_is(sys(SYS_pselect6, a[1] + 1, &in, NULL, NULL, &t, NULL), 0, "time-out");
	tap_is(FD_ISSET(a[0], &in), 0, "empties the set");
	tap_is(t.tv_sec == 0 && t.tv_nsec == 0, 1, "nothing left of the time");
	FD_SET(a[0], &in);
	after(40, put_byte, a[1]);
	tap_is(sys(SYS_pselect6, a[1] + 1, &in, NULL, NULL, NULL, NULL), 1, "woken");
	tap_is(FD_ISSET(a[0], &in), 1, "by the one");
	wait(NULL);
	FD_SET(50, &in);
	tap_is(sys(SYS_pselect6, 51, &in, NULL, NULL, NULL, NULL), -EBADF,
	       "a descriptor that is none");
	tap_is(sys(SYS_pselect6, a[1] + 1, &in, NULL, NULL, NULL, NULL), 1,
	       "beyond the count it is not looked at");
	tap_is(sys(SYS_pselect6, -1, &in, NULL, NULL, NULL, NULL), -EINVAL, "negative count");
	tap_is(sys(SYS_pselect6, 5, 8, NULL, NULL, NULL, NULL), -EFAULT, "wild set");
	t = (struct timespec){ -1, 0 };
	tap_is(sys(SYS_pselect6, 0, NULL, NULL, NULL, &t, NULL), -EINVAL, "negative time");
	t = (struct timespec){ 0, 20 * MS };
	tap_is(sys(SYS_pselect6, 0, NULL, NULL, NULL, &t, NULL), 0, "select as sleep");
	signal(SIGUSR1, handler);
	after(40, signal_parent, SIGUSR1);
	FD_ZERO(&in);
	read(a[0], &t, 1);
	FD_SET(a[0], &in);
	tap_is(sys(SYS_pselect6, a[1] + 1, &in, NULL, NULL, NULL, NULL), -EINTR, "a signal");
	tap_is(FD_ISSET(a[0], &in), 1, "leaves the sets");
	wait(NULL);
	close(a[0]);
	close(a[1]);
}

static int ep_wait(int ep, struct epoll_event *ev, int most, int ms)
{
	return sys(SYS_epoll_pwait, ep, ev, most, ms, NULL, 8);
}
static long ep_ctl(int ep, int op, int fd, unsigned events, long data)
{
	struct epoll_event ev = { .events = events, .data.u64 = data };

	return sys(SYS_epoll_ctl, ep, op, fd, &ev);
}

static void test_epoll_args(int ep, int *a)
{
	struct epoll_event ev;
	int fd;

	tap_is(sys(SYS_epoll_create1, 1), -EINVAL, "epoll_create1 flags");
	tap_is(ep_ctl(ep, EPOLL_CTL_ADD, 77, EPOLLIN, 0), -EBADF, "add a bad descriptor");
	tap_is(ep_ctl(77, EPOLL_CTL_ADD, a[0], EPOLLIN, 0), -EBADF, "to a bad epoll");
	tap_is(ep_ctl(a[0], EPOLL_CTL_ADD, a[1], EPOLLIN, 0), -EINVAL, "to what is no epoll");
	tap_is(ep_ctl(ep, EPOLL_CTL_ADD, ep, EPOLLIN, 0), -EINVAL, "an epoll to itself");
	tap_is(ep_ctl(ep, 9, a[0], EPOLLIN, 0), -EINVAL, "unknown operation");
	tap_is(sys(SYS_epoll_ctl, ep, EPOLL_CTL_ADD, a[0], 8), -EFAULT, "wild event");
	fd = open("f", O_CREAT | O_RDWR, 0600);
	tap_is(ep_ctl(ep, EPOLL_CTL_ADD, fd, EPOLLIN, 0), -EPERM, "a regular file");
	close(fd);
	unlink("f");
	tap_is(ep_ctl(ep, EPOLL_CTL_MOD, a[0], EPOLLIN, 0), -ENOENT, "modify what is not there");
	tap_is(ep_ctl(ep, EPOLL_CTL_DEL, a[0], EPOLLIN, 0), -ENOENT, "delete what is not there");
	tap_is(ep_wait(ep, &ev, 0, 0), -EINVAL, "no events wanted");
	tap_is(ep_wait(ep, &ev, -1, 0), -EINVAL, "fewer than none");
	tap_is(ep_wait(a[0], &ev, 1, 0), -EINVAL, "wait on a pipe");
	tap_is(ep_wait(77, &ev, 1, 0), -EBADF, "wait on nothing");
	tap_is(ep_wait(ep, (void *)-4096L, 1, 0), -EFAULT, "a kernel address");
	tap_is(err(read(ep, &ev, 1)), -EINVAL, "read an epoll");
	tap_is(lseek(ep, 0, SEEK_CUR), 0, "lseek on it");
}

static void epoll_levels(int ep, const int *a)
{
	struct epoll_event ev[8];

	tap_is(ep_ctl(ep, EPOLL_CTL_ADD, a[0], EPOLLIN, 111), 0, "add");
	tap_is(ep_ctl(ep, EPOLL_CTL_ADD, a[0], EPOLLIN, 111), -EEXIST, "add again");
	tap_is(ep_wait(ep, ev, 8, 0), 0, "nothing ready");
	put_byte(a[1]);
	tap_is(ep_wait(ep, ev, 8, -1), 1, "ready");
	tap_is(ev[0].events, EPOLLIN, "events");
	tap_is(ev[0].data.u64, 111, "data");
	tap_is(ep_wait(ep, ev, 8, -1), 1, "level-triggered: again");
	read(a[0], ev, 1);
	tap_is(ep_wait(ep, ev, 8, 0), 0, "until it is read");
	tap_is(ep_wait(ep, (void *)8, 1, 0), 0, "a wild buffer does not matter then");
	put_byte(a[1]);
	tap_is(ep_wait(ep, (void *)8, 1, 0), -EFAULT, "but with an event");
	tap_is(ep_wait(ep, ev, 8, 0), 1, "which is not lost");
	tap_is(ep_ctl(ep, EPOLL_CTL_MOD, a[0], 0, 5), 0, "no events");
	tap_is(ep_wait(ep, ev, 8, 0), 0, "none come");
	tap_is(ep_ctl(ep, EPOLL_CTL_MOD, a[0], EPOLLIN, 6), 0, "ask for them again");
	tap_is(ep_wait(ep, ev, 8, 0), 1, "ready at once");
	tap_is(ev[0].data.u64, 6, "new data");
}

static void epoll_edges(int ep, const int *a)
{
	struct epoll_event ev[8];

	tap_is(ep_ctl(ep, EPOLL_CTL_MOD, a[0], EPOLLIN | EPOLLET, 7), 0, "EPOLLET");
	tap_is(ep_wait(ep, ev, 8, 0), 1, "what is there is an edge");
	tap_is(ep_wait(ep, ev, 8, 0), 0, "once");
	put_byte(a[1]);
	tap_is(ep_wait(ep, ev, 8, 0), 1, "another write is another edge");
	put_byte(a[1]);
	put_byte(a[1]);
	tap_is(ep_wait(ep, ev, 8, 0), 1, "two writes are one");
	tap_is(ep_wait(ep, ev, 8, 0), 0, "no more");
	/* One-shot. */
	tap_is(ep_ctl(ep, EPOLL_CTL_MOD, a[0], EPOLLIN | EPOLLONESHOT, 8), 0, "EPOLLONESHOT");
	tap_is(ep_wait(ep, ev, 8, 0), 1, "one");
	tap_is(ep_wait(ep, ev, 8, 0), 0, "shot");
	put_byte(a[1]);
	tap_is(ep_wait(ep, ev, 8, 0), 0, "whatever comes");
	tap_is(ep_ctl(ep, EPOLL_CTL_MOD, a[0], EPOLLIN | EPOLLONESHOT, 8), 0, "armed again");
	tap_is(ep_wait(ep, ev, 8, 0), 1, "another");
}

/* Two descriptors, order, more than asked for. */
static void epoll_two(int ep, const int *a, const int *b)
{
	struct epoll_event ev[8];
	int d;

	ep_ctl(ep, EPOLL_CTL_MOD, a[0], EPOLLIN, 1);
	ep_ctl(ep, EPOLL_CTL_ADD, b[0], EPOLLIN, 2);
	ep_ctl(ep, EPOLL_CTL_ADD, b[1], EPOLLOUT, 3);
	put_byte(b[1]);
	tap_is(ep_wait(ep, ev, 8, 0), 3, "three ready");
	tap_is(ep_wait(ep, ev, 1, 0), 1, "one at a time");
	long first = ev[0].data.u64;
	tap_is(ep_wait(ep, ev, 1, 0), 1, "the next");
	tap_is(ev[0].data.u64 != (unsigned long)first, 1, "is another one");
	tap_is(ep_ctl(ep, EPOLL_CTL_DEL, b[1], 0, 0), 0, "delete");
	tap_is(sys(SYS_epoll_ctl, ep, EPOLL_CTL_DEL, b[0], NULL), 0, "delete without an event");
	tap_is(ep_wait(ep, ev, 8, 0), 1, "one left");
	/* The same file by another descriptor; end of the last one. */
	d = dup(a[0]);
	tap_is(ep_ctl(ep, EPOLL_CTL_ADD, d, EPOLLIN, 9), 0, "a duplicate is another item");
	tap_is(ep_wait(ep, ev, 8, 0), 2, "both ready");
	close(a[0]);
	tap_is(ep_wait(ep, ev, 8, 0), 2, "a closed descriptor whose file lives stays");
	close(d);
	tap_is(ep_wait(ep, ev, 8, 0), 0, "the file's end takes both away");
	close(a[1]);
}

static void epoll_waits(int ep, const int *b)
{
	struct timespec t = { 0, 30 * MS };
	struct epoll_event ev[8];
	long t0;

	while (read(b[0], ev, 1) > 0)
		;
	ep_ctl(ep, EPOLL_CTL_ADD, b[0], EPOLLIN, 4);
	after(50, put_byte, b[1]);
	tap_is(ep_wait(ep, ev, 8, -1), 1, "woken by a write");
	wait(NULL);
	read(b[0], ev, 1);
	t0 = now_ms();
	tap_is(ep_wait(ep, ev, 8, 60), 0, "time-out");
	tap_ok(now_ms() - t0 >= 60, "after as long");
	tap_is(sys(441, ep, ev, 8, &t, NULL, 0), 0, "epoll_pwait2");
	tap_is(t.tv_nsec, 30 * MS, "does not write the time");
	t.tv_nsec = -1;
	tap_is(sys(441, ep, ev, 8, &t, NULL, 0), -EINVAL, "bad time");
	signal(SIGUSR1, SIG_IGN);
	after(30, signal_parent, SIGUSR1);
	tap_is(ep_wait(ep, ev, 8, 100), 0, "an ignored signal");
	wait(NULL);
	signal(SIGUSR1, handler);
	handled = 0;
	after(30, signal_parent, SIGUSR1);
	tap_is(ep_wait(ep, ev, 8, -1), -EINTR, "a handled one");
	wait(NULL);
	close(b[1]);
	tap_is(ep_wait(ep, ev, 8, -1), 1, "hang-up needs no asking");
	tap_is(ev[0].events, EPOLLHUP, "EPOLLHUP");
	close(b[0]);
}

static void epoll_exclusive(int ep)
{
	struct epoll_event ev[8];
	int a[2];

	pipe2(a, O_NONBLOCK);
	tap_is(ep_ctl(ep, EPOLL_CTL_ADD, a[0], EPOLLIN | EPOLLEXCLUSIVE | EPOLLONESHOT, 0), -EINVAL,
	       "EXCLUSIVE and ONESHOT");
	tap_is(ep_ctl(ep, EPOLL_CTL_ADD, a[0], EPOLLIN | EPOLLEXCLUSIVE, 1), 0, "EXCLUSIVE");
	tap_is(ep_ctl(ep, EPOLL_CTL_MOD, a[0], EPOLLIN, 0), -EINVAL, "cannot be modified");
	tap_is(ep_ctl(ep, EPOLL_CTL_MOD, a[0], EPOLLIN | EPOLLEXCLUSIVE, 0), -EINVAL,
	       "in either way");
	put_byte(a[1]);
	tap_is(ep_wait(ep, ev, 8, -1), 1, "works");
	close(a[0]);
	close(a[1]);
}

static void test_epoll(void)
{
	int ep = epoll_create1(0), a[2], b[2];

	pipe2(a, O_NONBLOCK);
	pipe2(b, O_NONBLOCK);
	test_epoll_args(ep, a);
	epoll_levels(ep, a);
	epoll_edges(ep, a);
	epoll_two(ep, a, b);
	epoll_waits(ep, b);
	epoll_exclusive(ep);
	close(ep);
}

static void test_nested(void)
{
	struct epoll_event ev[4];
	int e[9], a[2];

	for (int i = 0; i < 9; i++)
		e[i] = epoll_create1(0);
	pipe2(a, O_NONBLOCK);
	tap_is(ep_ctl(e[1], EPOLL_CTL_ADD, e[0], EPOLLIN, 10), 0, "an epoll in an epoll");
	tap_is(ep_ctl(e[0], EPOLL_CTL_ADD, a[0], EPOLLIN, 20), 0, "a pipe in the inner");
	tap_is(ep_wait(e[1], ev, 4, 0), 0, "nothing");
	tap_is(ready(e[1], POLLIN), 0, "poll says so too");
	put_byte(a[1]);
	tap_is(ep_wait(e[1], ev, 4, -1), 1, "the outer sees it");
	tap_is(ev[0].data.u64, 10, "as the inner's event");
	tap_is(ready(e[1], POLLIN), POLLIN, "an epoll can be polled");
	tap_is(ep_wait(e[0], ev, 4, -1), 1, "the inner has it");
	read(a[0], ev, 1);
	tap_is(ep_wait(e[1], ev, 4, 0), 0, "gone");
	after(50, put_byte, a[1]);
	tap_is(ep_wait(e[1], ev, 4, -1), 1, "woken through both");
	wait(NULL);
	tap_is(ep_ctl(e[0], EPOLL_CTL_ADD, e[1], EPOLLIN, 0), -ELOOP, "a circle");
	tap_is(ep_ctl(e[2], EPOLL_CTL_ADD, e[1], EPOLLIN, 0), 0, "3 levels");
	tap_is(ep_ctl(e[3], EPOLL_CTL_ADD, e[2], EPOLLIN, 0), 0, "4 levels");
	tap_is(ep_ctl(e[4], EPOLL_CTL_ADD, e[3], EPOLLIN, 0), 0, "5 levels");
	tap_is(ep_wait(e[4], ev, 4, -1), 1, "seen from the top");
	tap_is(ep_ctl(e[5], EPOLL_CTL_ADD, e[4], EPOLLIN, 0), -ELOOP, "6 levels");
	tap_is(ep_ctl(e[0], EPOLL_CTL_ADD, e[4], EPOLLIN, 0), -ELOOP, "a large circle");
	tap_is(ep_ctl(e[0], EPOLL_CTL_ADD, e[5], EPOLLIN, 0), -ELOOP, "one more below");
	tap_is(ep_ctl(e[6], EPOLL_CTL_ADD, e[5], EPOLLIN, 0), 0, "another chain");
	tap_is(ep_ctl(e[5], EPOLL_CTL_ADD, a[0], EPOLLIN, 0), 0, "with the same pipe");
	tap_is(ep_ctl(e[3], EPOLL_CTL_ADD, e[6], EPOLLIN, 0), 0, "joins the first");
	tap_is(ep_ctl(e[2], EPOLL_CTL_ADD, e[6], EPOLLIN, 0), 0, "in two places");
	for (int i = 0; i < 9; i++)
		close(e[i]);
	close(a[0]);
	close(a[1]);
}

static void test_eventfd(void)
{
	uint64_t v = 3;
	int e = eventfd(5, EFD_NONBLOCK);
	struct stat st;
	char link[64], name[32];

	tap_is(read(e, &v, 8), 8, "eventfd");
	tap_is(v, 5, "first value");
	tap_is(err(read(e, &v, 8)), -EAGAIN, "read takes all");
	tap_is(ready(e, POLLIN | POLLOUT), POLLOUT, "writable only");
	v = 2;
	write(e, &v, 8);
	write(e, &v, 8);
	tap_is(ready(e, POLLIN | POLLOUT), POLLIN | POLLOUT, "both");
	tap_is(err(read(e, &v, 4)), -EINVAL, "short read");
	tap_is(err(write(e, &v, 4)), -EINVAL, "short write");
	tap_is(read(e, &v, 8) == 8 && v == 4, 1, "writes add up");
	v = ~0ull;
	tap_is(err(write(e, &v, 8)), -EINVAL, "the largest value");
	v = ~0ull - 1;
	tap_is(write(e, &v, 8), 8, "the largest but one");
	tap_is(ready(e, POLLIN | POLLOUT), POLLIN, "is full");
	v = 1;
	tap_is(err(write(e, &v, 8)), -EAGAIN, "one more");
	v = 0;
	tap_is(write(e, &v, 8), 8, "zero more");
	tap_is(err(pread(e, &v, 8, 0)), -ESPIPE, "pread");
	fstat(e, &st);
	tap_is(st.st_mode, 0600, "mode of an anonymous file");
	snprintf(name, sizeof(name), "/proc/self/fd/%d", e);
	if (access("/proc/self/fd", F_OK))
		tap_skip(1, "no /proc");
	else
		tap_is(readlink(name, link, sizeof(link)) == 20 &&
			       !memcmp(link, "anon_inode:[eventfd]", 20),
		       1, "name");
	close(e);
	e = eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK | EFD_CLOEXEC);
	tap_is(fcntl(e, F_GETFD), FD_CLOEXEC, "EFD_CLOEXEC");
	tap_is(read(e, &v, 8) == 8 && v == 1, 1, "semaphore: one");
	tap_is(read(e, &v, 8) == 8 && v == 1, 1, "and one");
	tap_is(err(read(e, &v, 8)), -EAGAIN, "and none");
	close(e);
	tap_is(sys(SYS_eventfd2, 0, 2), -EINVAL, "eventfd flags");
}

static long left_ms(int fd)
{
	struct itimerspec it;

	timerfd_gettime(fd, &it);
	return it.it_value.tv_sec * 1000 + it.it_value.tv_nsec / MS;
}

static void timerfd_counts(void)
{
	struct itimerspec it = { { 0 }, { 0, 30 * MS } }, old;
	uint64_t v = 0;
	int t = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
	short r;

	tap_is(err(read(t, &v, 8)), -EAGAIN, "a timer not set");
	tap_is(left_ms(t), 0, "nothing left");
	tap_is(err(timerfd_settime(t, 0, &it, &old)), 0, "set");
	tap_is(old.it_value.tv_nsec, 0, "old value");
	tap_is(left_ms(t) <= 30, 1, "left");
	tap_is(poll1(t, POLLIN, 2000, &r), 1, "poll");
	tap_is(r, POLLIN, "readable");
	tap_is(read(t, &v, 8), 8, "read");
	tap_is(v, 1, "one expiration");
	tap_is(err(read(t, &v, 8)), -EAGAIN, "only once");
	it.it_interval.tv_nsec = 10 * MS;
	timerfd_settime(t, 0, &it, NULL);
	usleep(100000);
	tap_is(read(t, &v, 8) == 8 && v >= 5, 1, "a periodic one counts");
	timerfd_gettime(t, &it);
	tap_is(it.it_interval.tv_nsec, 10 * MS, "interval");
	fcntl(t, F_SETFL, 0);
	tap_is(read(t, &v, 8), 8, "a blocking read");
	memset(&it, 0, sizeof(it));
	timerfd_settime(t, 0, &it, &old);
	tap_is(old.it_interval.tv_nsec, 10 * MS, "old interval");
	fcntl(t, F_SETFL, O_NONBLOCK);
	tap_is(err(read(t, &v, 8)), -EAGAIN, "disarmed");
	it.it_value.tv_nsec = 1;
	tap_is(err(timerfd_settime(t, TFD_TIMER_ABSTIME, &it, NULL)), 0, "a time long past");
	usleep(1000);
	tap_is(read(t, &v, 8) == 8 && v == 1, 1, "is over at once");
	it.it_value.tv_nsec = 1000000000;
	tap_is(err(timerfd_settime(t, 0, &it, NULL)), -EINVAL, "bad time");
	it.it_value.tv_nsec = 0;
	tap_is(err(timerfd_settime(t, 8, &it, NULL)), -EINVAL, "flags");
	tap_is(err(timerfd_settime(0, 0, &it, NULL)), -EINVAL, "what is no timer");
	tap_is(err(timerfd_settime(77, 0, &it, NULL)), -EBADF, "what is nothing");
	tap_is(err(read(t, &v, 4)), -EINVAL, "short read");
	tap_is(err(write(t, &v, 8)), -EINVAL, "write");
	tap_is(err(timerfd_create(2, 0)), -EINVAL, "a CPU clock");
	tap_is(err(timerfd_create(CLOCK_MONOTONIC, 1)), -EINVAL, "create flags");
	close(t);
}

static void timerfd_clock_is_set(void)
{
	int t = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK);
	struct itimerspec it = { 0 };
	struct timespec now;
	uint64_t v;
	short r;

	clock_gettime(CLOCK_REALTIME, &now);
	it.it_value = (struct timespec){ now.tv_sec + 1000, 0 };
	tap_is(err(timerfd_settime(t, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &it, NULL)), 0,
	       "CANCEL_ON_SET");
	tap_is(ready(t, POLLIN), 0, "not yet");
	now.tv_sec += 10;
	clock_settime(CLOCK_REALTIME, &now);
	tap_is(ready(t, POLLIN), POLLIN, "the clock was set");
	tap_is(err(read(t, &v, 8)), -ECANCELED, "ECANCELED");
	tap_is(err(read(t, &v, 8)), -EAGAIN, "once");
	tap_is(left_ms(t) > 980000 && left_ms(t) < 991000, 1, "what is left follows the clock");
	it.it_value = (struct timespec){ now.tv_sec + 1000, 0 };
	timerfd_settime(t, TFD_TIMER_ABSTIME, &it, NULL);
	now.tv_sec += 2000;
	clock_settime(CLOCK_REALTIME, &now);
	tap_is(poll1(t, POLLIN, 1000, &r), 1, "setting the clock past it ends it");
	tap_is(read(t, &v, 8), 8, "an expiration");
	now.tv_sec -= 2010;
	clock_settime(CLOCK_REALTIME, &now);
	close(t);
}

static void test_timerfd(void)
{
	int t;

	timerfd_counts();
	timerfd_clock_is_set();
	t = timerfd_create(CLOCK_BOOTTIME, 0);
	tap_is(t >= 0, 1, "CLOCK_BOOTTIME");
	close(t);
}

/* A child adds its signalfd to an epoll that outlives it. */
static void signalfd_of_a_child(int ep, const sigset_t *set)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		int mine = signalfd(-1, set, SFD_NONBLOCK);

		_exit(ep_ctl(ep, EPOLL_CTL_ADD, mine, EPOLLIN, 1) ? 1 : 0);
	}
	waitpid(pid, &status, 0);
	tap_is(status, 0, "an epoll that outlives the process of a signalfd");
	usleep(50000);
}

static void test_signalfd(void)
{
	struct signalfd_siginfo info[3];
	struct epoll_event ev;
	sigset_t set;
	int s, ep;
	short r;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &set, NULL);
	s = signalfd(-1, &set, SFD_NONBLOCK);
	tap_is(err(read(s, info, sizeof(info))), -EAGAIN, "signalfd: nothing");
	tap_is(ready(s, POLLIN), 0, "poll says so");
	raise(SIGUSR1);
	tap_is(ready(s, POLLIN), POLLIN, "a signal");
	tap_is(err(read(s, info, 100)), -EINVAL, "no room");
	tap_is(read(s, info, sizeof(info)), 128, "read it");
	tap_is(info[0].ssi_signo, SIGUSR1, "which");
	tap_is(info[0].ssi_pid, getpid(), "from whom");
	tap_is(info[0].ssi_code, SI_TKILL, "how");
	union sigval v = { .sival_int = 42 };
	sigqueue(getpid(), SIGRTMIN, v);
	sigqueue(getpid(), SIGRTMIN, v);
	tap_is(read(s, info, sizeof(info)), 256, "two in one read");
	tap_is(info[1].ssi_int, 42, "with their value");
	after(50, signal_parent, SIGUSR1);
	tap_is(poll1(s, POLLIN, 2000, &r), 1, "woken by a signal");
	wait(NULL);
	read(s, info, sizeof(info));
	ep = epoll_create1(0);
	tap_is(ep_ctl(ep, EPOLL_CTL_ADD, s, EPOLLIN, 0), 0, "in an epoll");
	after(50, signal_parent, SIGUSR1);
	tap_is(ep_wait(ep, &ev, 1, 2000), 1, "woken there");
	wait(NULL);
	read(s, info, sizeof(info));
	fcntl(s, F_SETFL, 0);
	after(50, signal_parent, SIGRTMIN);
	tap_is(read(s, info, 128), 128, "a blocking read");
	wait(NULL);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	tap_is(err(signalfd(s, &set, 0)), s, "change the set");
	raise(SIGUSR2);
	tap_is(read(s, info, 128) == 128 && info[0].ssi_signo == SIGUSR2, 1, "the new signal");
	tap_is(err(signalfd(0, &set, 0)), -EINVAL, "what is no signalfd");
	tap_is(sys(SYS_signalfd4, -1, &set, 4, 0), -EINVAL, "size of the set");
	tap_is(sys(SYS_signalfd4, -1, &set, 8, 1), -EINVAL, "flags");
	signalfd_of_a_child(ep, &set);
	close(ep);
	close(s);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

/* Several threads in one epoll_wait: each event is taken once. */
static int shared_ep, shared_efd, taken;
static void *waiter(void *arg)
{
	struct epoll_event ev;
	uint64_t v;

	for (;;) {
		if (ep_wait(shared_ep, &ev, 1, 3000) != 1)
			return (void *)1;
		if (ev.data.u64 == 99)
			return NULL;
		if (read(shared_efd, &v, 8) == 8)
			__atomic_add_fetch(&taken, v, __ATOMIC_RELAXED);
	}
}

static void test_threads(void)
{
	int bad = 0, stop = eventfd(1, 0);
	pthread_t t[4];
	uint64_t one = 1;
	void *r;

	shared_ep = epoll_create1(0);
	shared_efd = eventfd(0, EFD_SEMAPHORE | EFD_NONBLOCK);
	ep_ctl(shared_ep, EPOLL_CTL_ADD, shared_efd, EPOLLIN, 1);
	for (int i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, waiter, NULL);
	for (int i = 0; i < 2000; i++)
		if (write(shared_efd, &one, 8) != 8)
			bad++;
	for (int i = 0; i < 200 && __atomic_load_n(&taken, __ATOMIC_RELAXED) < 2000; i++)
		usleep(10000);
	ep_ctl(shared_ep, EPOLL_CTL_ADD, stop, EPOLLIN, 99);
	for (int i = 0; i < 4; i++) {
		pthread_join(t[i], &r);
		bad += r != NULL;
	}
	tap_is(bad, 0, "four threads in epoll_wait");
	tap_is(taken, 2000, "take every event once");
	close(shared_ep);
	close(shared_efd);
	close(stop);
}

int main(void)
{
	test_pipe();
	test_poll();
	test_select();
	test_epoll();
	test_nested();
	test_eventfd();
	test_timerfd();
	test_signalfd();
	test_threads();
	return tap_exit();
}
