/* SPDX-License-Identifier: MIT */
/*
 * AF_UNIX under load: streams whose every byte is checked, connections that are made, used and torn
 * down from all sides at once, datagrams to receivers that come and go, and descriptors in cycles.
 */
#include <pthread.h>
#include "stress.h"
#include "unixsock.h"

#define STREAMS		3
#define CLIENTS		4
#define SENDERS		4
#define PASSERS		4

static void stream_writer(int fd, unsigned long seed)
{
	unsigned long s = seed, byte = seed;
	char buf[9000];

	while (stress_goes_on()) {
		long n = draw(&s) % sizeof(buf) + 1, at = 0;

		for (long i = 0; i < n; i++)
			buf[i] = draw(&byte);
		while (at < n) {
			long put = send(fd, buf + at, n - at, MSG_NOSIGNAL);

			if (put <= 0)
				_exit(2);
			at += put;
		}
	}
	_exit(0);
}

static void stream_reader(int fd, unsigned long seed)
{
	unsigned long s = seed ^ 77, byte = seed;
	char buf[20000];
	long n;

	while ((n = recv(fd, buf, draw(&s) % sizeof(buf) + 1, 0)) > 0)
		for (long i = 0; i < n; i++)
			if (buf[i] != (char)draw(&byte))
				_exit(3);
	_exit(n ? 4 : 0);
}

static void streams(void)
{
	for (int i = 0; i < STREAMS; i++) {
		int p[2];

		socketpair(AF_UNIX, SOCK_STREAM, 0, p);
		CHILD(close(p[1]); stream_writer(p[0], i + 1));
		CHILD(close(p[0]); stream_reader(p[1], i + 1));
		close(p[0]);
		close(p[1]);
	}
	tap_is(reap_failures(2 * STREAMS), 0, "streams: every byte as it was");
}

/* A server of several accepting processes, and clients that ask, or leave early. */
static void serve(int l)
{
	char buf[64];
	long n;
	int fd;

	while ((fd = accept(l, NULL, NULL)) >= 0) {
		while ((n = recv(fd, buf, sizeof(buf), 0)) > 0)
			if (send(fd, buf, n, MSG_NOSIGNAL) < 0)
				break;
		close(fd);
	}
	_exit(0);
}

static void client(int who)
{
	unsigned long s = who + 1;
	char out[32], in[32];

	while (stress_goes_on()) {
		int fd = socket(AF_UNIX, SOCK_STREAM, 0);
		long times = draw(&s) % 4;

		if (connect_to(fd, "@stress"))
			_exit(2);
		for (long i = 0; i < times; i++) {
			long n = draw(&s) % sizeof(out) + 1;

			memset(out, 'a' + i, n);
			if (send(fd, out, n, MSG_NOSIGNAL) != n ||
			    recv(fd, in, n, MSG_WAITALL) != n)
				_exit(3);
			if (memcmp(in, out, n))
				_exit(4);
		}
		if (draw(&s) & 1)
			(void)!send(fd, out, 8, MSG_NOSIGNAL);
		if (draw(&s) & 1)
			shutdown(fd, draw(&s) % 3);
		close(fd);
	}
	_exit(0);
}

static void connections(void)
{
	int l = listener_at("@stress", SOCK_STREAM, 3), failed;

	for (int i = 0; i < 3; i++)
		CHILD(serve(l));
	for (int i = 0; i < CLIENTS; i++)
		CHILD(close(l); client(i));
	failed = reap_failures(CLIENTS);
	shutdown(l, SHUT_RDWR);
	close(l);
	failed += reap_failures(3);
	tap_is(failed, 0, "connections of %d clients", CLIENTS);
}

/* One receiver after another takes the name; senders connect, poll, send, and find it gone. */
static void receive_for_a_while(int who)
{
	unsigned long s = who + 1;
	char buf[128];

	while (stress_goes_on()) {
		int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
		struct timeval tv = { 0, 20000 };

		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
		if (!bind_to(fd, "@dgrams"))
			for (long i = draw(&s) % 2000; i > 0; i--) {
				long n = recv(fd, buf, sizeof(buf), 0);

				for (long at = 1; at < n; at++)
					if (buf[at] != buf[0])
						_exit(2);
			}
		close(fd);
	}
	_exit(0);
}

static void send_anyway(int who)
{
	unsigned long s = who + 1;
	char buf[128];

	memset(buf, 'a' + who, sizeof(buf));
	while (stress_goes_on()) {
		int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
		struct timeval tv = { 0, 30000 };
		struct pollfd p = { fd, POLLOUT, 0 };
		bool connected = draw(&s) & 1 && !connect_to(fd, "@dgrams");

		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
		for (long i = draw(&s) % 500; i > 0; i--) {
			long n = draw(&s) % sizeof(buf) + 1, r;

			if (!(draw(&s) % 8))
				poll(&p, 1, 10);
			r = connected ? err(send(fd, buf, n, 0)) : send_to(fd, buf, n, 0, "@dgrams");
			if (r != n && r != -ECONNREFUSED && r != -EAGAIN && r != -ENOTCONN)
				_exit(3);
			if (r == -ECONNREFUSED)
				connected = !connect_to(fd, "@dgrams");
		}
		close(fd);
	}
	_exit(0);
}

static void dgrams(void)
{
	for (int i = 0; i < 2; i++)
		CHILD(receive_for_a_while(i));
	for (int i = 0; i < SENDERS; i++)
		CHILD(send_anyway(i));
	tap_is(reap_failures(2 + SENDERS), 0, "datagrams to receivers that come and go");
}

/* Pass random sockets of a few through each other, so that cycles come and go. */
static void pass(int who)
{
	unsigned long s = who + 1;
	int fd[8];

	for (int i = 0; i < 8; i += 2)
		socketpair(AF_UNIX, SOCK_STREAM, 0, fd + i);
	while (stress_goes_on()) {
		int a = draw(&s) % 8, got[4], nr = 4;
		char b;

		switch (draw(&s) % 4) {
		case 0:
		case 1:
			nr = draw(&s) % 2 + 1;
			got[0] = fd[draw(&s) % 8];
			got[1] = fd[draw(&s) % 8];
			send_fds(fd[a], "x", 1, got, nr, MSG_DONTWAIT | MSG_NOSIGNAL);
			break;
		case 2:
			if (recv_fds(fd[a], &b, 1, got, &nr,
				     MSG_DONTWAIT | (draw(&s) & 1 ? MSG_PEEK : 0), NULL) > 0)
				for (int i = 0; i < nr; i++) {
					int at = draw(&s) % 8;

					close(fd[at]);
					fd[at] = got[i];
				}
			break;
		default:
			if (draw(&s) % 8)
				break;
			a &= ~1;
			close(fd[a]);
			close(fd[a + 1]);
			if (socketpair(AF_UNIX, draw(&s) & 1 ? SOCK_STREAM : SOCK_SEQPACKET, 0,
				       fd + a))
				_exit(2);
		}
	}
	for (int i = 0; i < 8; i++)
		close(fd[i]);
	_exit(0);
}

static int sockets_there(void)
{
	FILE *f = fopen("/proc/net/unix", "r");
	char line[256];
	int n = -1;

	while (f && fgets(line, sizeof(line), f))
		n++;
	if (f)
		fclose(f);
	return n;
}

/* A socket that ends while another is in flight starts a collection. */
static bool only_so_many(int count)
{
	int p[2], q[2];

	socketpair(AF_UNIX, SOCK_STREAM, 0, p);
	socketpair(AF_UNIX, SOCK_STREAM, 0, q);
	send_fds(p[0], "x", 1, &q[0], 1, 0);
	close(q[0]);
	close(q[1]);
	close(p[0]);
	close(p[1]);
	return sockets_there() == count;
}

static void *peek_all(void *arg)
{
	char b;

	while (stress_goes_on())
		(void)!recv(*(int *)arg, &b, 1, MSG_PEEK | MSG_DONTWAIT);
	return NULL;
}

/* Threads that receive from, shut down and close one pair at once. */
static void one_pair(void)
{
	unsigned long s = 5;

	while (stress_goes_on()) {
		int p[2];
		pthread_t t;

		socketpair(AF_UNIX, SOCK_STREAM, 0, p);
		CHILD(
			pthread_create(&t, NULL, peek_all, &p[1]);
			for (int i = 0; i < 50; i++) {
				(void)!send(p[0], "abc", 3, MSG_NOSIGNAL | MSG_DONTWAIT);
				char c; (void)!recv(p[1], &c, 1, MSG_DONTWAIT);
			}
			shutdown(p[1], draw(&s) % 3);
			_exit(0));
		close(p[0]);
		close(p[1]);
		wait(NULL);
	}
}

int main(void)
{
	int before = sockets_there();

	stress_start();
	streams();
	stress_start();
	connections();
	stress_start();
	dgrams();
	stress_start();
	for (int i = 0; i < PASSERS; i++)
		CHILD(pass(i));
	tap_is(reap_failures(PASSERS), 0, "descriptors passed in circles");
	stress_start();
	one_pair();
	tap_ok(EVENTUALLY(only_so_many(before)), "no socket is left");
	return tap_exit();
}
