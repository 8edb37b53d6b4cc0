/* SPDX-License-Identifier: MIT */
/*
 * AF_UNIX: names, connections and backlog, streams,
 * datagrams, seqpackets, readiness, /proc/net/unix.
 */
#include <linux/sockios.h>
#include "unixsock.h"

static char big[400000], buffer[400000];

static void paths(void)
{
	struct sockaddr_un un;
	socklen_t len;
	struct stat st;
	int a = socket(AF_UNIX, SOCK_STREAM, 0), b = socket(AF_UNIX, SOCK_STREAM, 0), d;

	umask(027);
	tap_is(bind_to(a, "/tmp/sock"), 0, "bind to a path");
	tap_is(bind_to(a, "/tmp/other"), -EINVAL, "only once");
	tap_is(err(stat("/tmp/other", &st)), -ENOENT, "and leaves nothing behind");
	tap_is(bind_to(b, "/tmp/sock"), -EADDRINUSE, "a path that is there");
	stat("/tmp/sock", &st);
	tap_says(st.st_mode, "the node's mode");
	len = sizeof(un);
	tap_is(err(getsockname(a, (void *)&un, &len)), 0, "getsockname");
	tap_ok(len == 2 + 10 && !strcmp(un.sun_path, "/tmp/sock"), "its name with the NUL");
	tap_is(err(open("/tmp/sock", O_RDWR)), -ENXIO, "the node cannot be opened");
	tap_is(err(open("/tmp/sock", O_PATH)) >= 0, 1, "but by O_PATH");
	tap_is(connect_to(b, "/tmp/sock"), -ECONNREFUSED, "nobody listens");
	tap_is(connect_to(b, "/tmp/none"), -ENOENT, "no such path");
	tap_is(connect_to(b, "/tmp"), -ECONNREFUSED, "a directory");
	tap_is(connect_to(b, "/dev/null/x"), -ENOTDIR, "below a file");
	tap_is(bind_to(b, "/none/x"), -ENOENT, "bind where there is no directory");
	d = socket(AF_UNIX, SOCK_DGRAM, 0);
	tap_is(connect_to(d, "/tmp/sock"), -EPROTOTYPE, "a socket of another type");
	unlink("/tmp/sock");
	tap_is(bind_to(b, "/tmp/sock"), 0, "an unlinked path is free");
	close(a);
	close(b);
	tap_is(connect_to(d, "/tmp/sock"), -ECONNREFUSED, "its socket is closed");
	unlink("/tmp/sock");
	close(d);
}

static void abstract_names(void)
{
	int a = socket(AF_UNIX, SOCK_STREAM, 0), b = socket(AF_UNIX, SOCK_STREAM, 0);
	int d = socket(AF_UNIX, SOCK_DGRAM, 0);

	tap_is(bind_to(a, "@name"), 0, "an abstract name");
	tap_is(bind_to(b, "@name"), -EADDRINUSE, "is one");
	tap_is(bind_to(d, "@name"), 0, "for each type");
	tap_is(bind_to(b, "@nam"), 0, "a shorter one is another");
	close(a);
	a = socket(AF_UNIX, SOCK_STREAM, 0);
	tap_is(bind_to(a, "@name"), 0, "free when its socket is closed");
	close(a);
	close(b);
	close(d);
}

static void given_names(void)
{
	int a = socket(AF_UNIX, SOCK_STREAM, 0);
	struct name n = name_of("");
	struct sockaddr_un un;
	socklen_t len;

	tap_is(err(bind(a, (void *)&n.un, 2)), 0, "autobind");
	len = sizeof(un);
	getsockname(a, (void *)&un, &len);
	tap_ok(len == 2 + 6 && !un.sun_path[0] && strspn(un.sun_path + 1, "0123456789abcdef") == 5,
	       "five digits");
	tap_is(err(bind(a, (void *)&n.un, 2)), 0, "autobind again");
	tap_is(bind_to(a, "@x"), -EINVAL, "it has a name");
	close(a);
	a = socket(AF_UNIX, SOCK_STREAM, 0);
	tap_is(err(bind(a, (void *)&n.un, 1)), -EINVAL, "one byte");
	tap_is(err(bind(a, (void *)&n.un, 111)), -EINVAL, "111 bytes");
	tap_is(err(bind(a, (void *)&n.un, -1)), -EINVAL, "a negative length");
	tap_is(err(bind(a, (void *)8, 10)), -EFAULT, "an address nowhere");
	n.un.sun_family = AF_INET;
	tap_is(err(bind(a, (void *)&n.un, 10)), -EINVAL, "another family");
	memset(&n.un, 'y', sizeof(n.un));
	n.un.sun_family = AF_UNIX;
	chdir("/tmp");
	tap_is(err(bind(a, (void *)&n.un, 110)), 0, "108 bytes without NUL");
	len = sizeof(un);
	getsockname(a, (void *)&un, &len);
	tap_says(len, "its length");
	close(a);
	chdir("/");
}

static void permission(void)
{
	int l = listener_at("/tmp/mine", SOCK_STREAM, 5);

	chmod("/tmp/mine", 0600);
	tap_is(CODE(setuid(1000); _exit(-connect_to(socket(AF_UNIX, SOCK_STREAM, 0), "/tmp/mine"))),
	       EACCES,
	       "connect needs to write to the node");
	chmod("/tmp/mine", 0222);
	tap_is(CODE(setuid(1000); _exit(-connect_to(socket(AF_UNIX, SOCK_STREAM, 0), "/tmp/mine"))),
	       0,
	       "and no more");
	close(l);
	unlink("/tmp/mine");
}

/* A client that waits to be accepted, at a listener whose backlog is 2. Returns the server's end. */
static int backlog(int l, const int c[6])
{
	struct sockaddr_un un;
	socklen_t len;
	int s, v;
	char b[8];

	tap_says(events_of(c[0], POLLIN | POLLOUT | POLLRDHUP), "an unconnected stream's events");
	for (int i = 0; i < 5; i++)
		tap_says(connect_to(c[i], "@l"), "connection %d, backlog 2", i);
	tap_is(events_of(l, POLLIN | POLLOUT), POLLIN, "a connection waits");
	tap_is(connect_to(c[0], "@l"), -EAGAIN,
	       "connected already, but the backlog is looked at first");
	len = sizeof(v);
	getsockopt(l, SOL_SOCKET, SO_ACCEPTCONN, &v, &len);
	tap_is(v, 1, "SO_ACCEPTCONN");
	tap_is(err(send(c[0], "early", 5, 0)), 5, "data before it is accepted");
	len = sizeof(un);
	s = accept4(l, (void *)&un, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
	tap_ok(s >= 0 && len == 2, "accept: the peer has no name");
	tap_says(fcntl(s, F_GETFL), "flags");
	tap_is(err(recv(s, b, 8, 0)), 5, "the early data");
	tap_is(connect_to(c[3], "@l"), 0, "room for one more");
	tap_is(connect_to(c[0], "@l"), -EAGAIN, "connected already, the backlog is full again");
	close(accept(l, NULL, NULL));
	tap_is(connect_to(c[0], "@l"), -EISCONN, "connected already");
	tap_is(connect_to(l, "@l"), -EINVAL, "a listener does not connect");
	tap_is(err(listen(c[0], 1)), -EINVAL, "a connection does not listen");
	return s;
}

/* Of the connection of c[0] and s; c[4] has none. */
static void peers(int s, const int c[6])
{
	struct sockaddr_un un;
	struct ucred u;
	socklen_t len;

	len = sizeof(un);
	tap_ok(!getpeername(c[0], (void *)&un, &len) && len == 4 && un.sun_path[1] == 'l',
	       "the client's peer");
	len = sizeof(un);
	tap_ok(!getsockname(s, (void *)&un, &len) && len == 4 && un.sun_path[1] == 'l',
	       "the server's name");
	len = sizeof(u);
	getsockopt(c[0], SOL_SOCKET, SO_PEERCRED, &u, &len);
	tap_ok(len == 12 && u.pid == getpid() && u.uid == getuid(), "SO_PEERCRED of the client");
	len = sizeof(u);
	getsockopt(s, SOL_SOCKET, SO_PEERCRED, &u, &len);
	tap_ok(u.pid == getpid() && u.gid == getgid(), "SO_PEERCRED of the server");
	len = sizeof(u);
	getsockopt(c[4], SOL_SOCKET, SO_PEERCRED, &u, &len);
	tap_ok(u.pid == 0 && u.uid == (uid_t)-1, "SO_PEERCRED without a peer");
	len = sizeof(un);
	tap_is(err(getsockopt(c[0], SOL_SOCKET, SO_PEERNAME, &un, &len)), -EINVAL,
	       "SO_PEERNAME, more room than name");
	len = 4;
	tap_ok(!getsockopt(c[0], SOL_SOCKET, SO_PEERNAME, &un, &len) && len == 4, "SO_PEERNAME");
}

static void connections(void)
{
	int l = listener_at("@l", SOCK_STREAM, 2), c[6], s, v;
	char b[8];

	tap_is(events_of(l, POLLIN | POLLOUT), 0, "a listener without connections");
	for (int i = 0; i < 6; i++)
		c[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	s = backlog(l, c);
	peers(s, c);
	fcntl(l, F_SETFL, O_NONBLOCK);
	while ((v = accept(l, NULL, NULL)) >= 0)
		close(v);
	tap_is(-errno, -EAGAIN, "no connection waits");
	close(l);
	tap_is(connect_to(c[4], "@l"), -ECONNREFUSED, "the listener is closed");
	tap_is(err(recv(c[3], b, 8, 0)), 0, "an accepted and closed one: end of file");
	tap_is(err(send(c[3], b, 8, MSG_NOSIGNAL)), -EPIPE, "and no way to send");
	tap_says(events_of(c[3], POLLIN | POLLOUT | POLLRDHUP), "its events");
	close(s);
	for (int i = 0; i < 6; i++)
		close(c[i]);
}

static void unaccepted(void)
{
	int l = listener_at("@l", SOCK_STREAM, 5), c = socket(AF_UNIX, SOCK_STREAM, 0);
	pid_t child;
	char b[8];

	connect_to(c, "@l");
	close(l);
	tap_is(err(recv(c, b, 8, 0)), -ECONNRESET, "the listener closed before it accepted");
	tap_is(err(recv(c, b, 8, 0)), 0, "told once");
	close(c);

	/* A connector that waits for room; a listener that grows; one that goes. */
	l = listener_at("@l", SOCK_STREAM, 0);
	c = socket(AF_UNIX, SOCK_STREAM, 0);
	connect_to(c, "@l");
	child = CHILD(_exit(-connect_to(socket(AF_UNIX, SOCK_STREAM, 0), "@l")));
	sleep_ms(30);
	tap_is(waitpid(child, NULL, WNOHANG), 0, "a connector waits for room");
	close(accept(l, NULL, NULL));
	tap_is(code_of(status_of(child)), 0, "until one is accepted");
	child = CHILD(_exit(-connect_to(socket(AF_UNIX, SOCK_STREAM, 0), "@l")));
	sleep_ms(30);
	listen(l, 5);
	tap_is(code_of(status_of(child)), 0, "or the backlog grows");
	listen(l, 0);
	child = CHILD(close(l); _exit(-connect_to(socket(AF_UNIX, SOCK_STREAM, 0), "@l")));
	sleep_ms(30);
	close(l);
	tap_is(code_of(status_of(child)), ECONNREFUSED, "or the listener is closed");
	close(c);
	l = listener_at("@l", SOCK_STREAM, 5);
	child = CHILD(_exit(accept(l, NULL, NULL) < 0 ? errno : 0));
	sleep_ms(30);
	shutdown(l, SHUT_RD);
	tap_is(code_of(status_of(child)), EINVAL, "accept ends when the listener is shut down");
	c = socket(AF_UNIX, SOCK_STREAM, 0);
	tap_is(connect_to(c, "@l"), -ECONNREFUSED, "and it takes no connection");
	close(c);
	close(l);
}

static void stream_of_messages(int p[2])
{
	struct iovec iov[2] = { { buffer, 3 }, { buffer + 3, 100 } };
	int have;

	tap_is(err(send(p[0], "hello ", 6, 0)), 6, "send");
	tap_is(err(write(p[0], "world", 5)), 5, "write");
	tap_ok(!ioctl(p[1], SIOCINQ, &have) && have == 11, "SIOCINQ counts all");
	tap_is(err(recv(p[1], buffer, 20, MSG_PEEK)), 11, "peek");
	tap_is(err(readv(p[1], iov, 2)), 11, "readv: both messages");
	tap_ok(!memcmp(buffer, "hello world", 11), "what was sent");
	send(p[0], "abcdef", 6, 0);
	tap_is(err(recv(p[1], buffer, 2, MSG_TRUNC)), 2, "a part");
	tap_is(err(recv(p[1], buffer, 2, MSG_PEEK)), 2, "peek at the next");
	tap_is(err(recv(p[1], buffer + 2, 20, 0)), 4, "the rest");
	tap_ok(!memcmp(buffer, "cdcdef", 6), "in order");
	tap_is(err(recv(p[1], buffer, 20, MSG_DONTWAIT)), -EAGAIN, "nothing");
	tap_is(err(recv(p[1], buffer, 20, MSG_DONTWAIT | MSG_OOB)) < 0, 1, "nothing out of band");
}

static void stream_waits(int p[2])
{
	int have = 3;
	pid_t child;

	child = CHILD(sleep_ms(20); send(p[0], "ab", 2, 0); sleep_ms(20); send(p[0], "cd", 2, 0));
	tap_is(err(recv(p[1], buffer, 4, MSG_WAITALL)), 4, "MSG_WAITALL");
	status_of(child);
	setsockopt(p[1], SOL_SOCKET, SO_RCVLOWAT, &have, sizeof(have));
	child = CHILD(sleep_ms(20); send(p[0], "ab", 2, 0); sleep_ms(20); send(p[0], "cd", 2, 0));
	tap_is(err(recv(p[1], buffer, 8, 0)), 4, "SO_RCVLOWAT 3");
	status_of(child);
	have = 1;
	setsockopt(p[1], SOL_SOCKET, SO_RCVLOWAT, &have, sizeof(have));
}

static void stream_fills(int p[2])
{
	int have;
	long n, total;

	fcntl(p[0], F_SETFL, O_NONBLOCK);
	for (total = 0; (n = write(p[0], big, sizeof(big))) > 0;)
		total += n;
	tap_says(total, "what fits, by large writes");
	tap_is(events_of(p[0], POLLOUT), 0, "then it is not writable");
	ioctl(p[0], SIOCOUTQ, &have);
	tap_says(have, "SIOCOUTQ");
	tap_is(err(recv(p[1], buffer, total / 2, MSG_WAITALL)), total / 2, "half of it");
	tap_is(events_of(p[0], POLLOUT), 0, "it is still not");
	tap_is(err(recv(p[1], buffer + total / 2, sizeof(buffer), 0)), total - total / 2,
	       "the rest");
	tap_is(events_of(p[0], POLLOUT), POLLOUT, "now it is");
	tap_ok(!memcmp(buffer, big, total), "as it was");
	for (total = 0; (n = write(p[0], big, 1)) > 0;)
		total += n;
	tap_says(total, "what fits, byte by byte");
	while (recv(p[1], buffer, sizeof(buffer), MSG_DONTWAIT) > 0)
		;
	fcntl(p[0], F_SETFL, 0);
}

static void stream_is_long(int p[2])
{
	long n, total;
	pid_t child;

	child = CHILD(_exit(send(p[0], big, sizeof(big), 0) == sizeof(big) ? 0 : 1));
	for (total = 0; total < (long)sizeof(big); total += n) {
		n = recv(p[1], buffer + total, 1000 + total % 7777, 0);
		if (n <= 0)
			break;
	}
	tap_is(total, sizeof(big), "a large send arrives");
	tap_ok(!memcmp(big, buffer, sizeof(big)), "as it was");
	tap_is(code_of(status_of(child)), 0, "the sender sent all");
}

static void streams(void)
{
	int p[2];

	for (unsigned i = 0; i < sizeof(big); i++)
		big[i] = i * 7 + i / 251;
	socketpair(AF_UNIX, SOCK_STREAM, 0, p);
	stream_of_messages(p);
	stream_waits(p);
	stream_fills(p);
	stream_is_long(p);
	close(p[0]);
	close(p[1]);
}

static void ends(void)
{
	int p[2];
	char b[8];
	pid_t child;

	socketpair(AF_UNIX, SOCK_STREAM, 0, p);
	send(p[0], "last", 4, 0);
	shutdown(p[0], SHUT_WR);
	tap_says(events_of(p[0], POLLIN | POLLOUT | POLLRDHUP), "events of who shut its writing");
	tap_says(events_of(p[1], POLLIN | POLLOUT | POLLRDHUP), "events of its peer");
	tap_is(err(send(p[0], "x", 1, MSG_NOSIGNAL)), -EPIPE, "no more to send");
	tap_is(err(recv(p[1], b, 8, 0)), 4, "what came before");
	tap_is(err(recv(p[1], b, 8, 0)), 0, "the end");
	tap_is(err(send(p[1], "y", 1, 0)), 1, "the other way is open");
	shutdown(p[1], SHUT_RD);
	tap_is(err(recv(p[0], b, 8, 0)), 1, "and arrives");
	shutdown(p[0], SHUT_RD);
	tap_is(err(send(p[1], "y", 1, MSG_NOSIGNAL)), -EPIPE, "the peer reads no more");
	tap_says(events_of(p[1], POLLIN | POLLOUT | POLLRDHUP), "events when all is shut");
	close(p[0]);
	close(p[1]);

	socketpair(AF_UNIX, SOCK_STREAM, 0, p);
	send(p[0], "x", 1, 0);
	close(p[1]);
	tap_says(events_of(p[0], POLLIN | POLLOUT | POLLRDHUP), "the peer closed with data unread");
	tap_is(err(recv(p[0], b, 8, 0)), -ECONNRESET, "connection reset");
	tap_is(err(recv(p[0], b, 8, 0)), 0, "then the end");
	tap_is(err(send(p[0], b, 8, MSG_NOSIGNAL)), -EPIPE, "and no way to send");
	close(p[0]);

	socketpair(AF_UNIX, SOCK_STREAM, 0, p);
	close(p[1]);
	tap_is(CODE(signal(SIGPIPE, SIG_DFL); send(p[0], "x", 1, 0)), -SIGPIPE, "SIGPIPE");
	tap_is(CODE(signal(SIGPIPE, SIG_DFL); write(p[0], "x", 1)), -SIGPIPE, "SIGPIPE for write");
	tap_is(CODE(signal(SIGPIPE, SIG_DFL); send(p[0], "x", 1, MSG_NOSIGNAL)), 0, "MSG_NOSIGNAL");
	close(p[0]);

	socketpair(AF_UNIX, SOCK_STREAM, 0, p);
	child = CHILD(close(p[0]); _exit(recv(p[1], b, 8, 0)));
	close(p[1]);
	sleep_ms(20);
	close(p[0]);
	tap_is(code_of(status_of(child)), 0, "a reader whose peer goes");
	socketpair(AF_UNIX, SOCK_STREAM, 0, p);
	child = CHILD(close(p[0]);
		      _exit(send(p[1], big, sizeof(big), MSG_NOSIGNAL) > 0 ? 0 : errno));
	close(p[1]);
	sleep_ms(20);
	close(p[0]);
	tap_is(code_of(status_of(child)), 0, "a writer whose peer goes returns what it sent");
}

static void dgram_peers(int a, int b, int c)
{
	struct sockaddr_un un;
	socklen_t len = sizeof(un);
	char buf[64];
	int have;

	tap_is(err(send(a, "x", 1, 0)), -ENOTCONN, "dgram: nobody to send to");
	tap_is(send_to(a, "x", 1, 0, "@b"), -ECONNREFUSED, "no such name");
	bind_to(b, "@b");
	tap_is(send_to(a, "one", 3, 0, "@b"), 3, "sendto");
	tap_is(err(recvfrom(b, buf, 64, 0, (void *)&un, &len)), 3, "recvfrom");
	tap_is(len, 0, "a sender without a name");
	bind_to(a, "@a");
	tap_is(send_to(a, "three", 5, 0, "@b"), 5, "with a name");
	send_to(a, "", 0, 0, "@b");
	tap_ok(!ioctl(b, SIOCINQ, &have) && have == 5, "SIOCINQ: the first one");
	len = sizeof(un);
	tap_is(err(recvfrom(b, buf, 2, MSG_TRUNC, (void *)&un, &len)), 5,
	       "MSG_TRUNC tells the whole length");
	tap_ok(len == 4 && un.sun_path[1] == 'a', "and the sender");
	tap_is(err(recv(b, buf, 64, MSG_DONTWAIT)), 0, "an empty message");
	tap_is(err(recv(b, buf, 64, MSG_DONTWAIT)), -EAGAIN, "none");
	tap_is(connect_to(a, "@b"), 0, "connect");
	tap_is(err(send(a, "x", 1, 0)), 1, "send to the peer");
	tap_is(connect_to(b, "@a"), 0, "the other way");
	tap_is(send_to(c, "x", 1, 0, "@b"), -EPERM, "who has a peer takes no one else's");
	tap_is(connect_to(c, "@b"), -EPERM, "nor is it connected to");
	tap_is(err(connect(b, &(struct sockaddr){ .sa_family = AF_UNSPEC }, 2)), 0, "disconnect");
	tap_is(err(recv(a, buf, 64, MSG_DONTWAIT)), -ECONNRESET,
	       "its peer learns that messages are lost");
	tap_is(err(recv(b, buf, 64, MSG_DONTWAIT)), -EAGAIN, "they are");
}

static void full_queue(int a, int b, int c)
{
	struct pollfd pf = { a, POLLOUT, 0 };
	char buf[64];
	pid_t child;
	int n;

	for (n = 0; send(a, "x", 1, MSG_DONTWAIT) == 1; n++)
		;
	tap_says(n, "messages that fit into a queue");
	tap_is(events_of(a, POLLOUT), 0, "then the sender is not writable");
	tap_is(events_of(c, POLLOUT), POLLOUT, "another is");
	tap_is(send_to(c, "x", 1, MSG_DONTWAIT, "@b"), -EAGAIN, "but cannot send there");
	recv(b, buf, 64, 0);
	tap_is(events_of(a, POLLOUT), POLLOUT, "there is room");
	tap_is(send_to(c, "x", 1, MSG_DONTWAIT, "@b"), 1, "for one");
	child = CHILD(sleep_ms(20); recv(b, buf, 64, 0));
	tap_is(poll(&pf, 1, 3000), 1, "poll waits for room at the peer");
	status_of(child);
	send(a, "x", 1, 0);
	child = CHILD(_exit(send_to(c, "x", 1, 0, "@b") == 1 ? 0 : 1));
	sleep_ms(20);
	recv(b, buf, 64, 0);
	tap_is(code_of(status_of(child)), 0, "and so does a sender");
	child = CHILD(close(b); _exit(send_to(c, "x", 1, 0, "@b") == 1 ? 1 : errno));
	sleep_ms(20);
	close(b);
	tap_is(code_of(status_of(child)), ECONNREFUSED, "until the receiver goes");
	tap_is(err(send(a, "x", 1, 0)), -ECONNREFUSED, "its peer learns it");
	tap_is(err(send(a, "x", 1, 0)), -ENOTCONN, "once");
}

static void dgram_pairs(void)
{
	char buf[64];
	int p[2], n;

	socketpair(AF_UNIX, SOCK_DGRAM, 0, p);
	for (n = 0; send(p[0], "x", 1, MSG_DONTWAIT) == 1; n++)
		;
	tap_says(n, "messages that fit between two");
	close(p[0]);
	tap_says(events_of(p[1], POLLIN | POLLOUT | POLLRDHUP), "the rest of a pair");
	while (recv(p[1], buf, 64, MSG_DONTWAIT) > 0)
		n--;
	tap_is(n, 0, "all can be read");
	tap_is(err(send(p[1], "x", 1, 0)), -ECONNREFUSED, "sent to nobody");
	close(p[1]);
	socketpair(AF_UNIX, SOCK_DGRAM, 0, p);
	tap_is(err(send(p[0], big, 212960, 0)), 212960, "a message as large as may be");
	tap_is(err(recv(p[1], buffer, sizeof(buffer), 0)), 212960, "arrives");
	tap_ok(!memcmp(buffer, big, 212960), "as it was");
	tap_is(err(send(p[0], big, 212961, 0)), -EMSGSIZE, "one byte more");
	shutdown(p[1], SHUT_RD);
	tap_is(err(send(p[0], "x", 1, 0)), -EPIPE, "the receiver is shut: no signal");
	tap_is(err(recv(p[1], buf, 1, 0)), 0, "the end");
	tap_is(err(recv(p[1], buf, 1, MSG_DONTWAIT)), -EAGAIN, "or nothing");
	shutdown(p[0], SHUT_WR);
	tap_is(err(send(p[0], "x", 1, 0)), -EPIPE, "shut on its own side");
	close(p[0]);
	close(p[1]);
}

static void dgrams(void)
{
	int a = socket(AF_UNIX, SOCK_DGRAM, 0), b = socket(AF_UNIX, SOCK_DGRAM, 0);
	int c = socket(AF_UNIX, SOCK_DGRAM, 0);

	dgram_peers(a, b, c);
	full_queue(a, b, c);
	close(a);
	close(c);
	dgram_pairs();
}

static void seqpackets(void)
{
	int l = listener_at("@l", SOCK_SEQPACKET, 5), c = socket(AF_UNIX, SOCK_SEQPACKET, 0), s;
	char buf[64];

	tap_is(err(send(c, "x", 1, 0)), -ENOTCONN, "seqpacket: not connected");
	tap_is(err(recv(c, buf, 1, 0)), -ENOTCONN, "nor to receive from");
	tap_says(events_of(c, POLLIN | POLLOUT), "its events");
	tap_is(connect_to(c, "@l"), 0, "connect");
	s = accept(l, NULL, NULL);
	tap_is(err(send(c, "abc", 3, MSG_EOR)), 3, "send");
	tap_is(err(write(c, "defg", 4)), 4, "write");
	tap_is(err(read(s, buf, 2)), 2, "the first, cut");
	tap_is(err(recv(s, buf, 64, MSG_TRUNC)), 4, "the second");
	tap_is(send_to(c, "x", 1, 0, "@nobody"), 1, "a name does not matter");
	recv(s, buf, 64, 0);
	tap_says(events_of(s, POLLIN | POLLOUT | POLLRDHUP), "events");
	send(c, "x", 1, 0);
	close(c);
	tap_says(events_of(s, POLLIN | POLLOUT | POLLRDHUP), "events when the peer has gone");
	tap_is(err(recv(s, buf, 64, 0)), 1, "what it had sent");
	tap_is(err(recv(s, buf, 64, 0)), 0, "the end");
	tap_is(err(recv(s, buf, 64, MSG_DONTWAIT)), 0, "also without waiting");
	tap_is(CODE(signal(SIGPIPE, SIG_DFL); _exit(send(s, "x", 1, 0) < 0 ? errno : 0)), EPIPE,
	       "no way to send, and no signal");
	close(s);
	close(l);
}

/* The lines of /proc/net/unix about names that begin so, without the numbers that vary. */
static void in_proc(void)
{
	int l = listener_at("@proc_l", SOCK_STREAM, 5), c = socket(AF_UNIX, SOCK_STREAM, 0),
	    d = socket(AF_UNIX, SOCK_DGRAM, 0);
	FILE *f;
	char line[256];

	bind_to(c, "@proc_c");
	bind_to(d, "/tmp/proc_d");
	connect_to(c, "@proc_l");
	f = fopen("/proc/net/unix", "r");
	tap_ok(f, "/proc/net/unix");
	fgets(line, sizeof(line), f);
	tap_ok(!strncmp(line, "Num ", 4) &&
		       strstr(line, "RefCount Protocol Flags    Type St Inode Path\n"),
	       "heading");
	for (int i = 0; i < 4; i++) {
		static const char *const ends[] = { "@proc_c\n", "/tmp/proc_d\n" };
		char found[64] = "";

		rewind(f);
		while (fgets(line, sizeof(line), f)) {
			unsigned long refs, proto, flags, type, state, ino;

			if (sscanf(line, "%*[0-9a-f]: %lx %lx %lx %lx %lx %lu", &refs, &proto,
				   &flags, &type, &state, &ino) != 6)
				continue;
			/* The listener's name is its embryo's too. */
			if (i < 2 ? strstr(line, ends[i]) != NULL : strstr(line, "@proc_l") && (flags != 0) == (i == 2))
				snprintf(found, sizeof(found), "%lx %lx %lx %lx", proto, flags, type, state);
		}
		tap_ok(true, "a line: %s", found);
	}
	fclose(f);
	close(l);
	close(c);
	close(d);
	unlink("/tmp/proc_d");
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	paths();
	abstract_names();
	given_names();
	permission();
	connections();
	unaccepted();
	streams();
	ends();
	dgrams();
	seqpackets();
	in_proc();
	return tap_exit();
}
