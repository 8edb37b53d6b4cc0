/* SPDX-License-Identifier: MIT */
/*
 * TCP on the loopback interface: connections, transfer,
 * the ways to end, options, readiness, /proc/net/tcp.
 */
#include "inetsock.h"

static char big[1000000], buffer[1000000];
static int family = AF_INET;
static const char *ip = "tcp";

static void creation(void)
{
	int fd;

	tap_is(err(socket(family, SOCK_STREAM, 17)), -EPROTONOSUPPORT, "%s: a stream of UDP", ip);
	tap_is(err(socket(family, SOCK_STREAM, 300)), -EINVAL, "%s: a protocol that is none", ip);
	tap_is(err(socket(family, SOCK_STREAM, -1)), -EINVAL, "%s: a negative protocol", ip);
	tap_is(err(socket(family, SOCK_SEQPACKET, 0)), -ESOCKTNOSUPPORT, "%s: SOCK_SEQPACKET", ip);
	tap_is(err(socket(family, SOCK_RAW, 0)), -EPROTONOSUPPORT, "%s: raw without a protocol",
	       ip);
	tap_is(CODE(setuid(1000); _exit(socket(family, SOCK_RAW, 1) < 0 ? errno : 0)), EPERM,
	       "%s: raw is for root", ip);
	fd = socket(family, SOCK_STREAM, IPPROTO_TCP);
	tap_is(get_int(fd, SOL_SOCKET, SO_PROTOCOL), 6, "%s: SO_PROTOCOL", ip);
	tap_is(get_int(fd, SOL_SOCKET, SO_DOMAIN), family, "%s: SO_DOMAIN", ip);
	tap_is(port_of(fd), 0, "%s: no port", ip);
	tap_is(err(getpeername(fd, &(struct sockaddr){ 0 }, &(socklen_t){ 16 })), -ENOTCONN, "%s: no peer", ip);
	tap_says(events_of(fd, POLLIN | POLLOUT | POLLRDHUP), "%s: events of a fresh socket", ip);
	tap_is(err(send(fd, "x", 1, MSG_NOSIGNAL)), -EPIPE, "%s: send on it", ip);
	tap_is(CODE(signal(SIGPIPE, SIG_DFL); send(fd, "x", 1, 0)), -SIGPIPE, "%s: with SIGPIPE",
	       ip);
	tap_is(err(recv(fd, buffer, 1, 0)), -ENOTCONN, "%s: receive on it", ip);
	tap_is(err(accept(fd, NULL, NULL)), -EINVAL, "%s: accept on it", ip);
	tap_is(err(shutdown(fd, SHUT_WR)), -ENOTCONN, "%s: shutdown of it", ip);
	tap_is(err(shutdown(fd, 5)), -EINVAL, "%s: shutdown, no such way", ip);
	tap_is(err(socketpair(family, SOCK_STREAM, 0, (int[2]){ 0 })), -EOPNOTSUPP, "%s: socketpair", ip);
	close(fd);
}

static void names(void)
{
	union addr a = local(family, 0);
	int fd = socket(family, SOCK_STREAM, 0), other = socket(family, SOCK_STREAM, 0), port;

	tap_is(err(bind(fd, &a.sa, 4)), -EINVAL, "%s: bind to a short address", ip);
	a.sa.sa_family = AF_UNIX;
	tap_is(err(bind(fd, &a.sa, addr_len(family))), -EAFNOSUPPORT, "%s: bind to another family",
	       ip);
	a = local(family, 0);
	if (family == AF_INET)
		a.in.sin_addr.s_addr = htonl(0x01020304);
	else
		a.in6.sin6_addr.s6_addr[0] = 0x20;
	tap_is(err(bind(fd, &a.sa, addr_len(family))), -EADDRNOTAVAIL,
	       "%s: bind to another's address", ip);
	tap_is(CODE(setuid(1000); _exit(-bind_port(fd, family, 80))), EACCES,
	       "%s: a low port is for root", ip);
	tap_is(bind_port(fd, family, 0), 0, "%s: bind", ip);
	port = port_of(fd);
	tap_ok(port >= 1024, "%s: a port is chosen", ip);
	tap_is(bind_port(fd, family, 0), -EINVAL, "%s: bind twice", ip);
	tap_is(bind_port(other, family, port), -EADDRINUSE, "%s: a port in use", ip);
	set_int(other, SOL_SOCKET, SO_REUSEADDR, 1);
	tap_is(bind_port(other, family, port), -EADDRINUSE, "%s: SO_REUSEADDR of one", ip);
	set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	tap_is(bind_port(other, family, port), 0, "%s: of both", ip);
	tap_is(err(listen(fd, 1)), 0, "%s: one listens", ip);
	tap_is(err(listen(other, 1)), -EADDRINUSE, "%s: the other cannot", ip);
	close(other);
	close(fd);
	other = socket(family, SOCK_STREAM, 0);
	tap_is(connect_port(other, family, port), -ECONNREFUSED, "%s: nobody listens", ip);
	tap_is(get_int(other, SOL_SOCKET, SO_ERROR), 0, "%s: SO_ERROR then", ip);
	tap_is(err(connect(other, &a.sa, 4)), -EINVAL, "%s: connect to a short address", ip);
	a = local(family, port);
	a.sa.sa_family = AF_UNIX;
	tap_is(err(connect(other, &a.sa, addr_len(family))), -EAFNOSUPPORT,
	       "%s: connect to another family", ip);
	close(other);
	fd = socket(family, SOCK_STREAM, 0);
	tap_is(err(listen(fd, 1)), 0, "%s: listen without bind", ip);
	tap_ok(port_of(fd) >= 1024, "%s: a port is chosen", ip);
	close(fd);
}

static void accept_one(int l, int port)
{
	union addr a, b;
	socklen_t len = sizeof(a);
	int c = socket(family, SOCK_STREAM, 0), s;

	fcntl(l, F_SETFL, O_NONBLOCK);
	tap_is(err(accept(l, NULL, NULL)), -EAGAIN, "%s: no connection yet", ip);
	tap_is(events_of(l, POLLIN | POLLOUT), 0, "%s: events of a listener", ip);
	tap_is(get_int(l, SOL_SOCKET, SO_ACCEPTCONN), 1, "%s: SO_ACCEPTCONN", ip);
	tap_is(err(recv(l, buffer, 1, 0)), -ENOTCONN, "%s: a listener does not receive", ip);
	tap_is(connect_port(l, family, port), -EISCONN, "%s: nor connect", ip);
	tap_is(connect_port(c, family, port), 0, "%s: connect", ip);
	tap_is(connect_port(c, family, port), -EISCONN, "%s: twice", ip);
	tap_is(err(listen(c, 1)), -EINVAL, "%s: a connection does not listen", ip);
	tap_is(events_in(l, POLLIN | POLLOUT, 1000), POLLIN, "%s: it can be accepted", ip);
	s = accept4(l, &a.sa, &len, SOCK_CLOEXEC);
	tap_ok(s >= 0 && len == addr_len(family) && a.sa.sa_family == family, "%s: accept", ip);
	tap_is(ntohs(a.in.sin_port), port_of(c), "%s: the client's port", ip);
	tap_is(port_of(s), port, "%s: the server's port", ip);
	len = sizeof(b);
	getpeername(c, &b.sa, &len);
	tap_is(ntohs(b.in.sin_port), port, "%s: the client's peer", ip);
	tap_is(fcntl(s, F_GETFD), FD_CLOEXEC, "%s: SOCK_CLOEXEC", ip);
	tap_is(fcntl(s, F_GETFL) & O_NONBLOCK, 0, "%s: not the listener's O_NONBLOCK", ip);
	tap_says(events_of(c, POLLIN | POLLOUT | POLLRDHUP), "%s: events of a connection", ip);
	close(c);
	close(s);
}

static void connect_without_waiting(int port)
{
	int c = socket(family, SOCK_STREAM | SOCK_NONBLOCK, 0);

	tap_is(connect_port(c, family, port), -EINPROGRESS, "%s: connect without waiting", ip);
	tap_is(events_in(c, POLLOUT, 1000), POLLOUT, "%s: poll tells the end of it", ip);
	tap_is(get_int(c, SOL_SOCKET, SO_ERROR), 0, "%s: without error", ip);
	tap_is(connect_port(c, family, port), 0, "%s: and connect too", ip);
	tap_is(connect_port(c, family, port), -EISCONN, "%s: once", ip);
	close(c);
}

static void accept_waits(int l, int port)
{
	int c, s;
	pid_t child;

	child = CHILD(s = accept(l, NULL, NULL); _exit(s < 0 ? errno : send(s, "hi", 2, 0) == 2 ? 0 : 1));
	sleep_ms(30);
	c = socket(family, SOCK_STREAM, 0);
	connect_port(c, family, port);
	tap_is(err(recv(c, buffer, 10, 0)), 2, "%s: a blocked accept", ip);
	tap_is(code_of(status_of(child)), 0, "%s: goes on", ip);
	close(c);
	child = CHILD(_exit(accept(l, NULL, NULL) < 0 ? errno : 0));
	sleep_ms(30);
	shutdown(l, SHUT_RDWR);
	tap_is(code_of(status_of(child)), EINVAL, "%s: accept ends when the listener is shut down",
	       ip);
}

static void connect_is_refused(int port)
{
	int c = socket(family, SOCK_STREAM | SOCK_NONBLOCK, 0);

	tap_is(connect_port(c, family, port), -EINPROGRESS, "%s: to a port where nobody listens, without waiting", ip);
	events_in(c, POLLOUT, 1000);
	tap_is(get_int(c, SOL_SOCKET, SO_ERROR), ECONNREFUSED, "%s: refused", ip);
	close(c);
}

static void connections(void)
{
	int port, l = listener(family, 2, &port);

	accept_one(l, port);
	connect_without_waiting(port);
	fcntl(l, F_SETFL, 0);
	close(accept(l, NULL, NULL));
	accept_waits(l, port);
	close(l);
	connect_is_refused(port);
}

static void parts(int p[2])
{
	int have;
	pid_t child;

	tap_is(err(send(p[0], "hello", 5, 0)), 5, "%s: send", ip);
	tap_is(events_in(p[1], POLLIN, 1000), POLLIN, "%s: readable", ip);
	tap_ok(!ioctl(p[1], FIONREAD, &have) && have == 5, "%s: FIONREAD", ip);
	tap_is(err(recv(p[1], buffer, 3, MSG_PEEK)), 3, "%s: peek", ip);
	tap_is(err(recv(p[1], buffer, 3, 0)), 3, "%s: a part", ip);
	tap_is(err(recv(p[1], buffer + 3, 10, 0)), 2, "%s: the rest", ip);
	tap_ok(!memcmp(buffer, "hello", 5), "%s: what was sent", ip);
	tap_is(err(recv(p[1], buffer, 10, MSG_DONTWAIT)), -EAGAIN, "%s: nothing", ip);
	send(p[0], "abcdef", 6, 0);
	events_in(p[1], POLLIN, 1000);
	tap_is(err(recv(p[1], NULL, 4, MSG_TRUNC)), 4, "%s: MSG_TRUNC drops", ip);
	tap_is(err(recv(p[1], buffer, 10, 0)), 2, "%s: the rest", ip);
	child = CHILD(sleep_ms(20); send(p[0], "ab", 2, 0); sleep_ms(20); send(p[0], "cd", 2, 0));
	tap_is(err(recv(p[1], buffer, 4, MSG_WAITALL)), 4, "%s: MSG_WAITALL", ip);
	status_of(child);
	tap_is(err(recv(p[1], (void *)8, 4, MSG_DONTWAIT)), -EAGAIN, "%s: nowhere, but nothing",
	       ip);
	tap_is(err(send(p[0], (void *)8, 4, 0)), -EFAULT, "%s: from nowhere", ip);
}

static void receive_in_time(int p[2])
{
	struct timeval tv = { 0, 60000 };
	long start;

	setsockopt(p[1], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	start = now_ms();
	tap_is(err(recv(p[1], buffer, 4, 0)), -EAGAIN, "%s: SO_RCVTIMEO", ip);
	tap_ok(now_ms() - start >= 50, "%s: not before", ip);
	memset(&tv, 0, sizeof(tv));
	setsockopt(p[1], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
}

static void a_megabyte(int p[2])
{
	long n, total;
	pid_t child;

	child = CHILD(_exit(send(p[0], big, sizeof(big), 0) == sizeof(big) ? 0 : 1));
	for (total = 0; total < (long)sizeof(big); total += n) {
		n = recv(p[1], buffer + total, 1000 + total % 7777, 0);
		if (n <= 0)
			break;
	}
	tap_is(total, sizeof(big), "%s: a megabyte arrives", ip);
	tap_ok(!memcmp(big, buffer, sizeof(big)), "%s: as it was", ip);
	tap_is(code_of(status_of(child)), 0, "%s: the sender sent all", ip);
}

static void a_full_pipe(int p[2])
{
	long n, total;
	pid_t child;

	fcntl(p[0], F_SETFL, O_NONBLOCK);
	for (total = 0; (n = send(p[0], big + total % 4096, 4096, 0)) > 0;)
		total += n;
	tap_is(-errno, -EAGAIN, "%s: a full pipe", ip);
	sleep_ms(50);
	while ((n = send(p[0], big + total % 4096, 4096, 0)) > 0)
		total += n;
	tap_is(events_of(p[0], POLLOUT), 0, "%s: is not writable", ip);
	child = CHILD(
		long got = 0;
		while (got < total && (n = recv(p[1], buffer, sizeof(buffer), 0)) > 0)
			got += n;
		_exit(got != total));
	tap_is(events_in(p[0], POLLOUT, 3000), POLLOUT, "%s: until it is read", ip);
	tap_is(code_of(status_of(child)), 0, "%s: all comes", ip);
}

static void transfer(void)
{
	int p[2];

	for (unsigned i = 0; i < sizeof(big); i++)
		big[i] = i * 7 + i / 251;
	tcp_pair(family, p);
	parts(p);
	receive_in_time(p);
	a_megabyte(p);
	a_full_pipe(p);
	close(p[0]);
	close(p[1]);
}

static void shut_for_writing(void)
{
	int p[2];
	char b[8];

	tcp_pair(family, p);
	send(p[0], "last", 4, 0);
	shutdown(p[0], SHUT_WR);
	events_in(p[1], POLLRDHUP, 1000);
	tap_says(events_of(p[1], POLLIN | POLLOUT | POLLRDHUP),
		 "%s: events when the peer has shut its writing", ip);
	tap_is(err(send(p[0], "x", 1, MSG_NOSIGNAL)), -EPIPE, "%s: no more to send", ip);
	tap_is(err(recv(p[1], b, 8, 0)), 4, "%s: what came before", ip);
	tap_is(err(recv(p[1], b, 8, 0)), 0, "%s: the end", ip);
	tap_is(err(recv(p[1], b, 8, 0)), 0, "%s: and again", ip);
	tap_is(err(send(p[1], "y", 1, 0)), 1, "%s: the other way is open", ip);
	tap_is(err(recv(p[0], b, 8, 0)), 1, "%s: and arrives", ip);
	shutdown(p[1], SHUT_WR);
	events_in(p[0], POLLRDHUP, 1000);
	tap_says(events_of(p[0], POLLIN | POLLOUT | POLLRDHUP), "%s: events when both have", ip);
	close(p[0]);
	close(p[1]);
}

static void peer_closes(void)
{
	int p[2];
	char b[8];

	tcp_pair(family, p);
	close(p[1]);
	tap_is(err(recv(p[0], b, 8, 0)), 0, "%s: the peer closed", ip);
	tap_is(err(send(p[0], b, 8, MSG_NOSIGNAL)), 8, "%s: the first send goes out", ip);
	events_in(p[0], 0, 1000);
	tap_is(err(send(p[0], b, 8, MSG_NOSIGNAL)), -EPIPE, "%s: the second does not", ip);
	close(p[0]);

	tcp_pair(family, p);
	send(p[0], "x", 1, 0);
	events_in(p[1], POLLIN, 1000);
	close(p[1]);
	events_in(p[0], 0, 1000);
	tap_says(events_of(p[0], POLLIN | POLLOUT | POLLRDHUP),
		 "%s: the peer closed with data unread", ip);
	tap_is(err(recv(p[0], b, 8, 0)), -ECONNRESET, "%s: connection reset", ip);
	tap_is(err(recv(p[0], b, 8, 0)), 0, "%s: then the end", ip);
	close(p[0]);
}

static void resets(void)
{
	struct linger l = { 1, 0 };
	int p[2];

	tcp_pair(family, p);
	setsockopt(p[1], SOL_SOCKET, SO_LINGER, &l, sizeof(l));
	close(p[1]);
	events_in(p[0], 0, 1000);
	tap_is(get_int(p[0], SOL_SOCKET, SO_ERROR), ECONNRESET, "%s: SO_LINGER 0 resets", ip);
	tap_is(get_int(p[0], SOL_SOCKET, SO_ERROR), 0, "%s: told once", ip);
	close(p[0]);
}

static void ends_beside_others(void)
{
	int p[2];
	char b[8];
	pid_t child;

	tcp_pair(family, p);
	child = CHILD(close(p[0]); _exit(recv(p[1], b, 8, 0)));
	close(p[1]);
	sleep_ms(20);
	close(p[0]);
	tap_is(code_of(status_of(child)), 0, "%s: a reader whose peer goes", ip);
	tcp_pair(family, p);
	shutdown(p[0], SHUT_RD);
	tap_is(err(recv(p[0], b, 8, 0)), 0, "%s: shut for reading", ip);
	tap_is(err(send(p[0], b, 8, 0)), 8, "%s: not for writing", ip);
	close(p[0]);
	close(p[1]);
}

static void ends(void)
{
	shut_for_writing();
	peer_closes();
	resets();
	ends_beside_others();
}

static void options(void)
{
	int fd = socket(family, SOCK_STREAM, 0), p[2];
	struct tcp_info info;
	socklen_t len = sizeof(info);
	char text[16];

	static const struct { int name; const char *text; int v[3]; } list[] = {
		{ TCP_NODELAY, "TCP_NODELAY", { 5, 0, -1 } },
		{ TCP_KEEPIDLE, "TCP_KEEPIDLE", { 100, 0, 40000 } },
		{ TCP_KEEPINTVL, "TCP_KEEPINTVL", { 10, 0, 40000 } },
		{ TCP_KEEPCNT, "TCP_KEEPCNT", { 5, 0, 200 } },
	};
	for (unsigned i = 0; i < ARRAY_SIZE(list); i++) {
		tap_says(get_int(fd, IPPROTO_TCP, list[i].name), "%s: %s", ip, list[i].text);
		for (int j = 0; j < 3; j++) {
			tap_says(set_int(fd, IPPROTO_TCP, list[i].name, list[i].v[j]),
				 "%s: set to %d", ip, list[i].v[j]);
			tap_says(get_int(fd, IPPROTO_TCP, list[i].name), "%s: it is", ip);
		}
	}
	tap_is(set_int(fd, SOL_SOCKET, SO_KEEPALIVE, 1), 0, "%s: SO_KEEPALIVE", ip);
	tap_is(get_int(fd, SOL_SOCKET, SO_KEEPALIVE), 1, "%s: it is on", ip);
	tap_is(err(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, "x", 1)), -EINVAL, "%s: a short value",
	       ip);
	tap_is(set_int(fd, IPPROTO_TCP, 200, 1), -ENOPROTOOPT, "%s: no such option", ip);
	tap_is(get_int(fd, IPPROTO_TCP, 200), -ENOPROTOOPT, "%s: nor to read", ip);
	tap_is(set_int(fd, 255, 1, 1), -ENOPROTOOPT, "%s: no such level", ip);
	tap_is(err(setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "nosuch", 6)), -ENOENT,
	       "%s: no such congestion control", ip);
	tap_is(err(setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", 4)), 0, "%s: reno", ip);
	len = sizeof(text);
	getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, text, &len);
	tap_ok(len == 16 && !strcmp(text, "reno"), "%s: is told", ip);
	len = sizeof(info);
	getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len);
	tap_is(info.tcpi_state, 7, "%s: TCP_INFO, closed", ip);
	tcp_pair(family, p);
	len = sizeof(info);
	getsockopt(p[0], IPPROTO_TCP, TCP_INFO, &info, &len);
	tap_is(info.tcpi_state, 1, "%s: established", ip);
	tap_ok(info.tcpi_snd_mss > 0 && info.tcpi_rto > 0 && info.tcpi_snd_cwnd > 0,
	       "%s: what it knows", ip);
	close(p[0]);
	close(p[1]);
	close(fd);
}

/* Address and state of the lines with a port, in the list of /proc/net. */
static void in_proc(void)
{
	int port, l = listener(family, 7, &port), c = socket(family, SOCK_STREAM, 0), s, other;
	char line[300], where[3][100] = { "", "", "" };
	FILE *f;

	connect_port(c, family, port);
	s = accept(l, NULL, NULL);
	other = port_of(c);
	f = fopen(family == AF_INET ? "/proc/net/tcp" : "/proc/net/tcp6", "r");
	tap_ok(f && fgets(line, sizeof(line), f) && strstr(line, "local_address"),
	       "%s: /proc/net/tcp", ip);
	while (f && fgets(line, sizeof(line), f)) {
		char from[40], to[40];
		unsigned fp, tp, st, uid;
		unsigned long ino;

		if (sscanf(line,
			   " %*d: %39[0-9A-F]:%X %39[0-9A-F]:%X %X %*x:%*x %*x:%*x %*x %u %*d %lu",
			   from, &fp, to, &tp, &st, &uid, &ino) != 7)
			continue;
		if ((int)fp == port && st == 10)
			snprintf(where[0], 100, "%s %s %d %u %d", from, to, tp, uid, ino != 0);
		else if ((int)fp == port && (int)tp == other)
			snprintf(where[1], 100, "%s %s %u %u %d", from, to, st, uid, ino != 0);
		else if ((int)fp == other && (int)tp == port)
			snprintf(where[2], 100, "%s %s %u %u %d", from, to, st, uid, ino != 0);
	}
	if (f)
		fclose(f);
	for (int i = 0; i < 3; i++)
		tap_ok(true, "%s: %s", ip, where[i]);
	close(c);
	close(s);
	close(l);
}

/* An IPv6 socket serves IPv4, unless it is told not to. */
static void mapped(void)
{
	union addr a = { 0 };
	socklen_t len = sizeof(a);
	int l = socket(AF_INET6, SOCK_STREAM, 0), c = socket(AF_INET, SOCK_STREAM, 0), s;

	a.in6.sin6_family = AF_INET6;
	tap_is(get_int(l, IPPROTO_IPV6, IPV6_V6ONLY), 0, "IPV6_V6ONLY");
	bind(l, &a.sa, sizeof(a.in6));
	listen(l, 1);
	tap_is(connect_port(c, AF_INET, port_of(l)), 0, "connect by IPv4 to an IPv6 socket");
	s = accept(l, &a.sa, &len);
	tap_ok(len == sizeof(a.in6) && IN6_IS_ADDR_V4MAPPED(&a.in6.sin6_addr),
	       "its peer is a mapped address");
	close(s);
	close(c);
	c = socket(AF_INET, SOCK_STREAM, 0);
	tap_is(bind_port(c, AF_INET, port_of(l)), -EADDRINUSE, "the port is taken for IPv4 too");
	close(l);
	close(c);
	l = socket(AF_INET6, SOCK_STREAM, 0);
	tap_is(set_int(l, IPPROTO_IPV6, IPV6_V6ONLY, 1), 0, "set IPV6_V6ONLY");
	memset(&a, 0, sizeof(a));
	a.in6.sin6_family = AF_INET6;
	bind(l, &a.sa, sizeof(a.in6));
	listen(l, 1);
	c = socket(AF_INET, SOCK_STREAM, 0);
	tap_is(connect_port(c, AF_INET, port_of(l)), -ECONNREFUSED, "then it does not");
	close(c);
	close(l);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	loopback_up();
	for (int i = 0; i < 2; i++) {
		creation();
		names();
		connections();
		transfer();
		ends();
		options();
		in_proc();
		family = AF_INET6;
		ip = "tcp6";
	}
	mapped();
	return tap_exit();
}
