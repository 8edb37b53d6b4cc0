/* SPDX-License-Identifier: MIT */
/*
 * TCP and UDP on the loopback interface under load: streams whose every byte is checked,
 * connections that are made, used, reset and torn down from all sides at once, datagrams between
 * sockets that come and go, connections that are at rest when they are used again.
 */
#include <netinet/tcp.h>
#include <sys/mman.h>
#include "stress.h"
#include "inetsock.h"

#define STREAMS		3
#define CLIENTS		4
#define SENDERS		3
#define RESTING		4	/* processes of so many connections each: */
#define RESTS		60

static void stream_writer(int fd, unsigned long seed)
{
	unsigned long s = seed, byte = seed;
	char buf[9000];

	while (stress_goes_on()) {
		long n = draw(&s) % sizeof(buf) + 1, at = 0;

		for (long i = 0; i < n; i++)
			buf[i] = draw(&byte);
		while (at < n) {
			long put = send(fd, buf + at, n - at,
					MSG_NOSIGNAL | (draw(&s) & 1 ? MSG_MORE : 0));

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

		tcp_pair(i & 1 ? AF_INET6 : AF_INET, p);
		CHILD(close(p[1]); stream_writer(p[0], i + 1));
		CHILD(close(p[0]); stream_reader(p[1], i + 1));
		close(p[0]);
		close(p[1]);
	}
	tap_is(reap_failures(2 * STREAMS), 0, "streams: every byte as it was");
}

static void serve(int l, int who)
{
	unsigned long s = who + 100;
	char buf[64];
	long n;
	int fd;

	while ((fd = accept(l, NULL, NULL)) >= 0) {
		while ((n = recv(fd, buf, sizeof(buf), 0)) > 0)
			if (send(fd, buf, n, MSG_NOSIGNAL) < 0)
				break;
		if (!(draw(&s) % 4)) {
			struct linger l0 = { 1, 0 };

			setsockopt(fd, SOL_SOCKET, SO_LINGER, &l0, sizeof(l0));
		}
		close(fd);
	}
	_exit(0);
}

static void client(int port, int who)
{
	unsigned long s = who + 1;
	char out[32], in[32];

	while (stress_goes_on()) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);
		long times = draw(&s) % 4;
		struct linger l0 = { 1, 0 };

		if (connect_port(fd, AF_INET, port))
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
		/* A reset leaves no port behind: the ports last for longer than the test. */
		if (draw(&s) % 8)
			setsockopt(fd, SOL_SOCKET, SO_LINGER, &l0, sizeof(l0));
		close(fd);
	}
	_exit(0);
}

static void connections(void)
{
	int port, l = listener(AF_INET, 64, &port), failed;

	for (int i = 0; i < 3; i++)
		CHILD(serve(l, i));
	for (int i = 0; i < CLIENTS; i++)
		CHILD(close(l); client(port, i));
	failed = reap_failures(CLIENTS);
	shutdown(l, SHUT_RDWR);
	close(l);
	failed += reap_failures(3);
	tap_is(failed, 0, "connections of %d clients", CLIENTS);
}

static void datagrams(int port, int who)
{
	unsigned long s = who + 1;
	char out[300], in[300];

	while (stress_goes_on()) {
		int fd = socket(AF_INET, SOCK_DGRAM, 0);
		struct timeval tv = { 0, 20000 };

		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
		connect_port(fd, AF_INET, port);
		for (long i = draw(&s) % 200; i > 0; i--) {
			long n = draw(&s) % sizeof(out) + 1, got;

			memset(out, 'a' + who, n);
			if (send(fd, out, n, 0) != n)
				continue;
			got = recv(fd, in, sizeof(in), 0);
			for (long at = 0; at < got; at++)
				if (in[at] != 'a' + who)
					_exit(2);
		}
		close(fd);
	}
	_exit(0);
}

static void echo(int fd)
{
	union addr from;
	char buf[300];

	for (;;) {
		socklen_t len = sizeof(from);
		long n = recvfrom(fd, buf, sizeof(buf), 0, &from.sa, &len);

		if (n > 0)
			sendto(fd, buf, n, 0, &from.sa, len);
	}
}

static void udp(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0), port, failed;
	pid_t servers[2];

	bind_port(fd, AF_INET, 0);
	port = port_of(fd);
	for (int i = 0; i < 2; i++)
		servers[i] = CHILD(echo(fd));
	for (int i = 0; i < SENDERS; i++)
		CHILD(close(fd); datagrams(port, i));
	failed = reap_failures(SENDERS);
	for (int i = 0; i < 2; i++) {
		kill(servers[i], SIGKILL);
		waitpid(servers[i], NULL, 0);
	}
	close(fd);
	tap_is(failed, 0, "datagrams");
}

/* One connection that several processes receive from, send to, shut and reset at once. */
static void one_pair(void)
{
	unsigned long s = 5;
	int bad = 0;

	while (stress_goes_on()) {
		struct timeval tv = { 0, 10000 };
		int p[2];

		tcp_pair(AF_INET, p);
		setsockopt(p[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
		setsockopt(p[1], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
		for (int i = 0; i < 3; i++)
			CHILD(
				char b[100] = "";
				s += i;
				for (int j = 0; j < 20; j++) {
					int fd = p[draw(&s) & 1];

					(void)!send(fd, b, draw(&s) % 100,
						    MSG_NOSIGNAL | MSG_DONTWAIT);
					(void)!recv(fd, b, draw(&s) % 100,
						    draw(&s) & 1 ? MSG_PEEK : 0);
					events_of(fd, POLLIN | POLLOUT);
				}
				shutdown(p[draw(&s) & 1], draw(&s) % 3);
				_exit(0));
		struct linger l0 = { 1, 0 };
		draw(&s);
		setsockopt(p[0], SOL_SOCKET, SO_LINGER, &l0, sizeof(l0));
		close(p[0]);
		close(p[1]);
		bad += reap_failures(3);
	}
	tap_is(bad, 0, "one connection, many users");
}

/* --- at rest --- */

/*
 * One of many connections at a time, so that each tick finds most of them at rest, and takes the
 * page that a sender may be filling. What is sent lies in a page that has to be made first.
 */
static void rester(int who)
{
	unsigned long s = who + 1, ours[RESTS], theirs[RESTS];
	char *from = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int p[RESTS][2];
	char to[2000];

	for (int i = 0; i < RESTS; i++) {
		tcp_pair(i & 1 ? AF_INET6 : AF_INET, p[i]);
		ours[i] = theirs[i] = i + 1;
	}
	while (stress_goes_on()) {
		int i = draw(&s) % RESTS, way = draw(&s) & 1;
		long n = draw(&s) % sizeof(to) + 1;

		madvise(from, 4096, MADV_DONTNEED);
		for (long at = 0; at < n; at++)
			from[at] = draw(&ours[i]);
		if (send(p[i][way], from, n, 0) != n || recv(p[i][!way], to, n, MSG_WAITALL) != n)
			_exit(2);
		for (long at = 0; at < n; at++)
			if (to[at] != (char)draw(&theirs[i]))
				_exit(3);
	}
	_exit(0);
}

static void at_rest(void)
{
	for (int i = 0; i < RESTING; i++)
		CHILD(rester(i));
	tap_is(reap_failures(RESTING), 0, "connections are used and at rest");
}

int main(void)
{
	loopback_up();
	stress_start();
	streams();
	stress_start();
	connections();
	stress_start();
	udp();
	stress_start();
	one_pair();
	stress_start();
	at_rest();
	return tap_exit();
}
