/* SPDX-License-Identifier: MIT */
/* TCP's own options: what may be set, what is told, and what some of them do. */
#include "inetsock.h"

static void set_and_get(int fd, int name, const int *values, int n, const char *what)
{
	tap_says(get_int(fd, IPPROTO_TCP, name), "%s at first", what);
	for (int i = 0; i < n; i++) {
		tap_says(set_int(fd, IPPROTO_TCP, name, values[i]), "%s: set %d", what, values[i]);
		tap_says(get_int(fd, IPPROTO_TCP, name), "%s: now", what);
	}
}

#define VALUES(...)	(const int[]){ __VA_ARGS__ }, \
			sizeof((const int[]){ __VA_ARGS__ }) / sizeof(int)

static void values(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	set_and_get(fd, TCP_SYNCNT, VALUES(1, 5, 127, 128, 0, -1), "TCP_SYNCNT");
	set_and_get(fd, TCP_LINGER2, VALUES(10, 500, 0, -5), "TCP_LINGER2");
	set_and_get(fd, TCP_USER_TIMEOUT, VALUES(1000, 0, -1), "TCP_USER_TIMEOUT");
	set_and_get(fd, TCP_MAXSEG, VALUES(1000, 87, 88, 32767, 32768, 0, -1), "TCP_MAXSEG");
	set_and_get(fd, TCP_DEFER_ACCEPT, VALUES(1, 2, 3, 5, 30, 100, 1000, 0, -1), "TCP_DEFER_ACCEPT");
	set_and_get(fd, TCP_QUICKACK, VALUES(0, 1), "TCP_QUICKACK");
	close(fd);
}

/* The mss that both ends work with if one asks for a smaller one. */
static void segments(bool by_listener)
{
	int port, l = listener(AF_INET, 1, &port), c = socket(AF_INET, SOCK_STREAM, 0), s;
	const char *who = by_listener ? "listener" : "client";

	tap_is(set_int(by_listener ? l : c, IPPROTO_TCP, TCP_MAXSEG, 500), 0, "%s: segments of 500",
	       who);
	connect_port(c, AF_INET, port);
	s = accept(l, NULL, NULL);
	tap_ok(get_int(c, IPPROTO_TCP, TCP_MAXSEG) <= 500, "%s: the client keeps to it", who);
	tap_ok(get_int(s, IPPROTO_TCP, TCP_MAXSEG) <= 500, "%s: so does the other", who);
	close(c);
	close(s);
	close(l);
}

static void inherited(void)
{
	int port, l = listener(AF_INET, 1, &port), c = socket(AF_INET, SOCK_STREAM, 0), s;

	set_int(l, IPPROTO_TCP, TCP_USER_TIMEOUT, 7000);
	set_int(l, IPPROTO_TCP, TCP_LINGER2, 20);
	connect_port(c, AF_INET, port);
	s = accept(l, NULL, NULL);
	tap_is(get_int(s, IPPROTO_TCP, TCP_USER_TIMEOUT), 7000,
	       "a connection has its listener's time-out");
	tap_is(get_int(s, IPPROTO_TCP, TCP_LINGER2), 20, "and its TCP_LINGER2");
	close(c);
	close(s);
	close(l);
}

/* A listener that wants to hear of connections when there is something to read. */
static void deferred(void)
{
	int port, l = listener(AF_INET, 5, &port), c = socket(AF_INET, SOCK_STREAM, 0), s;
	char buf[4];
	long begun;

	tap_is(set_int(l, IPPROTO_TCP, TCP_DEFER_ACCEPT, 1), 0, "TCP_DEFER_ACCEPT");
	tap_is(connect_port(c, AF_INET, port), 0, "connect");
	tap_is(events_in(l, POLLIN, 200), 0, "nobody to accept");
	tap_is(err(send(c, "abc", 3, 0)), 3, "the client says something");
	tap_is(events_in(l, POLLIN, 500), POLLIN, "now there is");
	s = accept(l, NULL, NULL);
	tap_is(err(recv(s, buf, 4, MSG_DONTWAIT)), 3, "and that is what he said");
	tap_is(get_int(s, IPPROTO_TCP, TCP_DEFER_ACCEPT), 0, "a connection has none");
	close(c);
	close(s);
	c = socket(AF_INET, SOCK_STREAM, 0);
	begun = now_ms();
	tap_is(connect_port(c, AF_INET, port), 0, "connect");
	tap_is(events_in(l, POLLIN, 5000), POLLIN, "who says nothing comes, too");
	tap_ok(now_ms() - begun >= 400, "a while later");
	s = accept(l, NULL, NULL);
	tap_is(err(send(s, "hi", 2, 0)), 2, "and is talked to");
	tap_is(err(recv(c, buf, 4, 0)), 2, "and hears it");
	close(c);
	close(s);
	c = socket(AF_INET, SOCK_STREAM, 0);
	connect_port(c, AF_INET, port);
	shutdown(c, SHUT_WR);
	tap_is(events_in(l, POLLIN, 500), POLLIN, "who will say nothing comes at once");
	close(c);
	close(l);
}

int main(void)
{
	loopback_up();
	values();
	deferred();
	segments(false);
	segments(true);
	inherited();
	return tap_exit();
}
