/* SPDX-License-Identifier: MIT */
/*
 * Waiting for files: ppoll, pselect6, and pipes, which are waited for most.
 */
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/stat.h>
#include "polling.h"

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

int main(void)
{
	test_pipe();
	test_poll();
	test_select();
	return tap_exit();
}
