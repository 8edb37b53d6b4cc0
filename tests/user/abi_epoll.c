/* SPDX-License-Identifier: MIT */
/*
 * epoll: what it takes, levels and edges, epolls in epolls, threads that wait together.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include "polling.h"

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
	test_epoll();
	test_nested();
	test_threads();
	return tap_exit();
}
