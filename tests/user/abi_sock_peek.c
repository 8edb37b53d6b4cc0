/* SPDX-License-Identifier: MIT */
/* SO_PEEK_OFF of streams and datagrams; SO_INCOMING_CPU. */
#include <sched.h>
#include <sys/wait.h>
#include "inetsock.h"

static const char *how;

/* What a receive gives, with MSG_TRUNC if it is told, and where SO_PEEK_OFF is then. */
static void gets(int fd, size_t len, int flags, const char *what)
{
	char text[64] = "";
	struct iovec v = { text, len };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };
	long n = err(recvmsg(fd, &m, flags | MSG_DONTWAIT));

	tap_says(n, "%s: %s: \"%.*s\"%s", how, what, n > 0 ? (int)n : 0, text,
		 n >= 0 && (m.msg_flags & MSG_TRUNC) ? " cut" : "");
	tap_says(get_int(fd, SOL_SOCKET, SO_PEEK_OFF), "%s: the offset then", how);
}

static void set(int fd, int off)
{
	tap_says(set_int(fd, SOL_SOCKET, SO_PEEK_OFF, off), "%s: set to %d", how, off);
}

static void put(int fd, const char *text)
{
	if (send(fd, text, strlen(text), 0) != (ssize_t)strlen(text))
		tap_bail("send: %s", strerror(errno));
}

static void stream(const char *name, const int p[2])
{
	how = name;
	tap_says(get_int(p[1], SOL_SOCKET, SO_PEEK_OFF), "%s: at first", how);
	put(p[0], "abcd");
	put(p[0], "efgh");
	events_in(p[1], POLLIN, 2000);
	usleep(20000);
	gets(p[1], 3, MSG_PEEK, "without");
	set(p[1], 0);
	gets(p[1], 3, MSG_PEEK, "three");
	gets(p[1], 3, MSG_PEEK, "three more");
	gets(p[1], 30, MSG_PEEK, "the rest");
	gets(p[1], 3, MSG_PEEK, "nothing");
	put(p[0], "ij");
	usleep(20000);
	gets(p[1], 30, MSG_PEEK, "what has come since");
	gets(p[1], 3, 0, "received");
	gets(p[1], 30, MSG_PEEK, "peeked again");
	set(p[1], 2);
	gets(p[1], 2, MSG_PEEK, "from two on");
	gets(p[1], 6, 0, "received");
	gets(p[1], 30, MSG_PEEK, "and from the front");
	set(p[1], 40);
	gets(p[1], 30, MSG_PEEK, "far behind");
	gets(p[1], 30, 0, "all of it");
	set(p[1], -1);
	put(p[0], "k");
	events_in(p[1], POLLIN, 2000);
	gets(p[1], 3, MSG_PEEK, "without");
	gets(p[1], 3, 0, "received");
	set(p[1], -5);
	gets(p[1], 3, MSG_PEEK, "a negative one");
	set(p[1], 1);
	put(p[0], "lm");
	shutdown(p[0], SHUT_WR);
	events_in(p[1], POLLRDHUP, 2000);
	gets(p[1], 3, MSG_PEEK, "before the end");
	gets(p[1], 3, MSG_PEEK, "the end");
	close(p[0]);
	close(p[1]);
}

/* Who waits at an offset is woken when bytes have come that far. */
static void waits(const char *name, const int p[2])
{
	struct timeval limit = { 1, 0 };
	char text[8] = "";
	long n;

	how = name;
	setsockopt(p[1], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	put(p[0], "ab");
	set_int(p[1], SOL_SOCKET, SO_PEEK_OFF, 2);
	if (!fork()) {
		usleep(100000);
		put(p[0], "cd");
		_exit(0);
	}
	n = err(recv(p[1], text, sizeof(text), MSG_PEEK));
	tap_says(n, "%s: waited for \"%s\"", how, n > 0 ? text : "");
	wait(NULL);
	close(p[0]);
	close(p[1]);
}

static void datagrams(const char *name, const int p[2])
{
	how = name;
	tap_says(get_int(p[1], SOL_SOCKET, SO_PEEK_OFF), "%s: at first", how);
	put(p[0], "abcde");
	put(p[0], "");
	put(p[0], "fgh");
	events_in(p[1], POLLIN, 2000);
	usleep(20000);
	gets(p[1], 3, MSG_PEEK, "without");
	set(p[1], 0);
	gets(p[1], 2, MSG_PEEK, "a part");
	gets(p[1], 3, MSG_PEEK, "just the rest");
	gets(p[1], 9, MSG_PEEK, "of no bytes");
	gets(p[1], 9, MSG_PEEK, "the third");
	gets(p[1], 9, MSG_PEEK, "nothing");
	set(p[1], 1);
	gets(p[1], 9, MSG_PEEK | MSG_TRUNC, "with its length");
	set(p[1], 6);
	gets(p[1], 1, MSG_PEEK, "in the third");
	gets(p[1], 9, 0, "received");
	gets(p[1], 9, MSG_PEEK, "peeked then");
	gets(p[1], 9, 0, "received, of no bytes");
	gets(p[1], 2, 0, "received a part");
	gets(p[1], 9, MSG_PEEK, "nothing is left");
	close(p[0]);
	close(p[1]);
}

static void udp_pair(int family, int p[2])
{
	p[0] = socket(family, SOCK_DGRAM, 0);
	p[1] = socket(family, SOCK_DGRAM, 0);
	if (bind_port(p[1], family, 0) || bind_port(p[0], family, 0) ||
	    connect_port(p[0], family, port_of(p[1])) || connect_port(p[1], family, port_of(p[0])))
		tap_bail("udp: %s", strerror(errno));
}

static void unix_pair(int type, int p[2])
{
	if (socketpair(AF_UNIX, type, 0, p))
		tap_bail("socketpair: %s", strerror(errno));
}

static void refused(int family, int type, int protocol, const char *name)
{
	int fd = socket(family, type, protocol);

	tap_says(set_int(fd, SOL_SOCKET, SO_PEEK_OFF, 1), "%s: set", name);
	tap_says(get_int(fd, SOL_SOCKET, SO_PEEK_OFF), "%s: asked", name);
	close(fd);
}

static void peeking(void)
{
	int p[2];

	unix_pair(SOCK_STREAM, p);
	stream("unix stream", p);
	tcp_pair(AF_INET, p);
	stream("tcp", p);
	tcp_pair(AF_INET6, p);
	stream("tcp6", p);
	unix_pair(SOCK_STREAM, p);
	waits("unix stream", p);
	tcp_pair(AF_INET, p);
	waits("tcp", p);
	unix_pair(SOCK_DGRAM, p);
	waits("unix dgram", p);
	udp_pair(AF_INET, p);
	waits("udp", p);
	unix_pair(SOCK_DGRAM, p);
	datagrams("unix dgram", p);
	unix_pair(SOCK_SEQPACKET, p);
	datagrams("unix seqpacket", p);
	udp_pair(AF_INET, p);
	datagrams("udp", p);
	udp_pair(AF_INET6, p);
	datagrams("udp6", p);
	refused(AF_INET, SOCK_RAW, IPPROTO_ICMP, "raw");
	refused(AF_NETLINK, SOCK_RAW, 0, "netlink");
	refused(AF_PACKET, SOCK_DGRAM, 0, "packet");
}

/* An urgent byte is left out when peeking at an offset, too. */
static void peek_urgent(void)
{
	int p[2];

	tcp_pair(AF_INET, p);
	how = "urgent";
	send(p[0], "abU", 3, MSG_OOB);
	events_in(p[1], POLLPRI, 2000);
	put(p[0], "cd");
	usleep(20000);
	set(p[1], 0);
	gets(p[1], 1, MSG_PEEK, "one");
	gets(p[1], 9, MSG_PEEK, "up to it");
	gets(p[1], 9, MSG_PEEK, "behind it");
	close(p[0]);
	close(p[1]);
}

/* --- SO_INCOMING_CPU --- */

static int incoming(int fd)
{
	return get_int(fd, SOL_SOCKET, SO_INCOMING_CPU);
}

static void number_of(int fd, const char *name)
{
	tap_says(incoming(fd), "%s: CPU at first", name);
	tap_says(set_int(fd, SOL_SOCKET, SO_INCOMING_CPU, 7), "%s: set to 7", name);
	tap_says(incoming(fd), "%s: is", name);
	tap_says(set_int(fd, SOL_SOCKET, SO_INCOMING_CPU, -3), "%s: set to -3", name);
	tap_says(incoming(fd), "%s: is", name);
	tap_says(err(setsockopt(fd, SOL_SOCKET, SO_INCOMING_CPU, "", 1)), "%s: of one byte", name);
	close(fd);
}

/* Of two listeners of a port the one for this CPU gets all connections. */
static void chosen(int type)
{
	int l[2], port = 0, here = 0, one = 1, c;
	const char *name = type == SOCK_STREAM ? "listeners" : "receivers";

	for (int i = 0; i < 2; i++) {
		l[i] = socket(AF_INET, type | SOCK_NONBLOCK, 0);
		setsockopt(l[i], SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
		tap_is(bind_port(l[i], AF_INET, port), 0, "%s: bound", name);
		if (type == SOCK_STREAM)
			listen(l[i], 20);
		port = port_of(l[i]);
	}
	set_int(l[0], SOL_SOCKET, SO_INCOMING_CPU, 99);
	set_int(l[1], SOL_SOCKET, SO_INCOMING_CPU, 0);
	for (int i = 0; i < 8; i++) {
		char byte;

		c = socket(AF_INET, type, 0);
		connect_port(c, AF_INET, port);
		if (type == SOCK_STREAM) {
			events_in(l[1], POLLIN, 100);
			here += close(accept(l[1], NULL, NULL)) == 0;
		} else {
			put(c, "x");
			events_in(l[1], POLLIN, 100);
			here += recv(l[1], &byte, 1, MSG_DONTWAIT) == 1;
		}
		close(c);
	}
	tap_is(here, 8, "%s: the one for this CPU gets all", name);
	close(l[0]);
	close(l[1]);
}

static void cpus(void)
{
	int p[2], port, l;
	cpu_set_t set;

	number_of(socket(AF_INET, SOCK_STREAM, 0), "tcp");
	number_of(socket(AF_INET6, SOCK_DGRAM, 0), "udp");
	number_of(socket(AF_UNIX, SOCK_STREAM, 0), "unix");
	number_of(socket(AF_NETLINK, SOCK_RAW, 0), "netlink");
	number_of(socket(AF_PACKET, SOCK_RAW, 0), "packet");
	CPU_ZERO(&set);
	CPU_SET(0, &set);
	sched_setaffinity(0, sizeof(set), &set);
	tcp_pair(AF_INET, p);
	tap_is(incoming(p[1]), 0, "an accepted connection has come by this CPU");
	tap_is(incoming(p[0]), 0, "the other's answer too");
	set_int(p[1], SOL_SOCKET, SO_INCOMING_CPU, 5);
	put(p[0], "x");
	events_in(p[1], POLLIN, 2000);
	tap_is(incoming(p[1]), 0, "a segment counts more than what was said");
	close(p[0]);
	close(p[1]);
	l = listener(AF_INET, 1, &port);
	p[0] = socket(AF_INET, SOCK_STREAM, 0);
	connect_port(p[0], AF_INET, port);
	tap_says(incoming(l), "a listener's");
	close(p[0]);
	close(l);
	udp_pair(AF_INET, p);
	put(p[0], "x");
	events_in(p[1], POLLIN, 2000);
	tap_is(incoming(p[1]), 0, "a datagram's, connected");
	close(p[0]);
	close(p[1]);
	chosen(SOCK_STREAM);
	chosen(SOCK_DGRAM);
}

int main(void)
{
	loopback_up();
	peeking();
	peek_urgent();
	cpus();
	return tap_exit();
}
