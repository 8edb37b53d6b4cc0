/* SPDX-License-Identifier: MIT */
/*
 * The life of sockets under SMP: threads that share descriptors open, listen, connect, accept,
 * send, receive, wait, shut, reset and close each other's, in any order, so that each call meets
 * each other; and many connections at once, whose cost may not grow with their number.
 *
 * With more time than make test has, many are 10,000, and what they cost is measured.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include "stress.h"
#include "inetsock.h"

#define THREADS		8
#define SHARED		24
#define FEW		10

static _Atomic int shared[SHARED];	/* descriptors; -1: none */
static _Atomic int a_port;		/* somebody listens there, or did */

/* --- everybody does everything --- */

static void open_some(unsigned long *s, int slot)
{
	int family = draw(s) % 2 ? AF_INET : AF_INET6, on = 1, old, fd;

	fd = socket(family, (draw(s) % 4 ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return;
	setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
	if (draw(s) % 3 == 0 && !bind_port(fd, family, 0) && !listen(fd, draw(s) % 4))
		a_port = port_of(fd);
	else
		connect_port(fd, family, a_port);
	old = atomic_exchange(&shared[slot], fd);
	if (old >= 0)
		close(old);
}

static void close_some(unsigned long *s, int slot)
{
	struct linger l0 = { 1, 0 };
	int fd = atomic_exchange(&shared[slot], -1);

	if (fd < 0)
		return;
	if (draw(s) % 2)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &l0, sizeof(l0));
	close(fd);
}

static void accept_some(unsigned long *s, int slot)
{
	int fd = accept4(shared[draw(s) % SHARED], NULL, NULL, SOCK_NONBLOCK), old;

	if (fd < 0)
		return;
	old = atomic_exchange(&shared[slot], fd);
	if (old >= 0)
		close(old);
}

static void use_some(unsigned long *s, int ep, int fd)
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLOUT | (draw(s) % 2 ? EPOLLET : 0) };
	char buf[5000] = "";

	switch (draw(s) % 9) {
	case 0:
	case 1:
		(void)!send(fd, buf, draw(s) % sizeof(buf), MSG_NOSIGNAL);
		return;
	case 2:
	case 3:
		(void)!recv(fd, buf, draw(s) % sizeof(buf), draw(s) % 3 ? 0 : MSG_PEEK);
		return;
	case 4:
		events_in(fd, POLLIN | POLLOUT | POLLRDHUP, draw(s) % 3);
		return;
	case 5:
		epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e);
		epoll_wait(ep, &e, 1, 0);
		return;
	case 6:
		shutdown(fd, draw(s) % 3);
		return;
	case 7:
		listen(fd, draw(s) % 4);
		return;
	default:
		set_int(fd, SOL_SOCKET, SO_KEEPALIVE, draw(s) % 2);
		set_int(fd, SOL_SOCKET, SO_RCVBUF, draw(s) % 100000);
		get_int(fd, SOL_SOCKET, SO_ERROR);
	}
}

static void *churn(void *arg)
{
	unsigned long s = (unsigned long)arg * 77 + 5;
	int ep = epoll_create1(0);

	while (stress_goes_on()) {
		int slot = draw(&s) % SHARED;

		switch (draw(&s) % 8) {
		case 0:
			open_some(&s, slot);
			break;
		case 1:
			close_some(&s, slot);
			break;
		case 2:
			accept_some(&s, slot);
			break;
		default:
			use_some(&s, ep, shared[slot]);
		}
	}
	close(ep);
	return NULL;
}

static void lives(void)
{
	pthread_t threads[THREADS];
	unsigned long s = 1;

	for (int i = 0; i < SHARED; i++)
		shared[i] = -1;
	for (long i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, churn, (void *)(i + 1)))
			tap_bail("pthread_create");
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < SHARED; i++)
		close_some(&s, i);
	tap_ok(true, "sockets that all use at once");
}

/* --- many --- */

static int *ends;			/* two for each connection: the client's, the server's */

static int make_connections(int l, int port, int from, int to)
{
	for (int i = from; i < to; i++) {
		ends[2 * i] = socket(AF_INET, SOCK_STREAM, 0);
		if (ends[2 * i] < 0 || connect_port(ends[2 * i], AF_INET, port))
			return i;
		ends[2 * i + 1] = accept(l, NULL, NULL);
		if (ends[2 * i + 1] < 0)
			return i;
	}
	return to;
}

static long ns_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000l + t.tv_nsec;
}

/* ns for a byte there and back over a connection chosen by chance; the best of some rounds. */
static long round_trip(int among)
{
	unsigned long s = 12345;
	long best = 0;

	for (int round = 0; round < 8; round++) {
		long begun = ns_now(), took;

		for (int i = 0; i < 200; i++) {
			int *p = &ends[2 * (draw(&s) % among)];
			char c = 'x';

			if (send(p[0], &c, 1, 0) != 1 || recv(p[1], &c, 1, 0) != 1 ||
			    send(p[1], &c, 1, 0) != 1 || recv(p[0], &c, 1, 0) != 1)
				return -1;
		}
		took = (ns_now() - begun) / 200;
		best = !best || took < best ? took : best;
	}
	return best;
}

static long free_bytes(void)
{
	char text[2000] = "", *at;
	int fd = open("/proc/meminfo", O_RDONLY);

	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
		tap_bail("/proc/meminfo");
	close(fd);
	at = strstr(text, "MemFree:");
	return at ? atol(at + 8) * 1024 : 0;
}

/* ns of a look at an epoll that watches so many, of which one is ready. */
static long epoll_look(int among)
{
	struct epoll_event e = { .events = EPOLLIN };
	int ep = epoll_create1(0);
	long best = 0;
	char c = 'x';

	for (int i = 0; i < among; i++)
		if (epoll_ctl(ep, EPOLL_CTL_ADD, ends[2 * i + 1], &e))
			return -1;
	(void)!send(ends[0], &c, 1, 0);
	events_in(ends[1], POLLIN, 1000);
	for (int round = 0; round < 8; round++) {
		long begun = ns_now(), took;

		for (int i = 0; i < 200; i++)
			if (epoll_wait(ep, &e, 1, 0) != 1)
				return -1;
		took = (ns_now() - begun) / 200;
		best = !best || took < best ? took : best;
	}
	(void)!recv(ends[1], &c, 1, 0);
	close(ep);
	return best;
}

static void many(int count)
{
	struct rlimit files = { 2 * count + 100, 2 * count + 100 };
	long before, few, each, look;
	int port, l, made;

	if (setrlimit(RLIMIT_NOFILE, &files))
		tap_bail("RLIMIT_NOFILE");
	ends = calloc(2 * count, sizeof(*ends));
	l = listener(AF_INET, 100, &port);
	made = make_connections(l, port, 0, FEW);
	tap_is(made, FEW, "a few connections");
	few = round_trip(FEW);
	look = epoll_look(FEW);
	memset(ends + 2 * FEW, 0, 2 * (count - FEW) * sizeof(*ends));
	before = free_bytes();
	made = make_connections(l, port, FEW, count);
	each = (before - free_bytes()) / (2 * (count - FEW));
	tap_is(made, count, "many connections");
	tap_note(
		"%d connections: %ld bytes an end; a round trip among %d %ld ns, among all %ld ns; "
		"a look at an epoll of %d %ld ns, of all %ld ns",
		count, each, FEW, few, round_trip(count), FEW, look, epoll_look(count));
	for (int i = 0; i < 2 * count; i++)
		close(ends[i]);
	close(l);
	free(ends);
}

int main(void)
{
	long begun = now_ms();

	loopback_up();
	stress_start();
	lives();
	many(stress_until - begun > 5000 ? 10000 : 500);
	return tap_exit();
}
