/* SPDX-License-Identifier: MIT */
/*
 * What AF_UNIX passes beside data: descriptors, credentials,
 * and cycles of descriptors that nobody can reach.
 */
#include "unixsock.h"

static void both_ends(const int *p, const int *q)
{
	int fds[4] = { -1, -1, -1, -1 }, nr, flags;
	struct stat a, b;
	char buf[64];

	tap_is(send_fds(p[0], "x", 1, q, 2, 0), 1, "send both ends of a pipe");
	nr = 4;
	tap_is(recv_fds(p[1], buf, 64, fds, &nr, MSG_CMSG_CLOEXEC, &flags), 1, "receive");
	tap_is(nr, 2, "two descriptors");
	tap_is(flags & ~MSG_CMSG_CLOEXEC, 0, "flags");
	tap_is(fcntl(fds[0], F_GETFD), FD_CLOEXEC, "MSG_CMSG_CLOEXEC");
	fstat(q[0], &a);
	fstat(fds[0], &b);
	tap_ok(a.st_ino == b.st_ino && fds[0] != q[0], "the same file, another number");
	write(fds[1], "through", 7);
	tap_is(err(read(q[0], buf, 64)), 7, "it works");
	close(fds[0]);
	close(fds[1]);
}

/* Room for one of two; none; no control at all. */
static void little_room(const int *p, const int *q)
{
	int three[3] = { q[0], q[1], q[0] }, fds[4], nr, flags;
	char buf[64];

	send_fds(p[0], "x", 1, q, 2, 0);
	nr = 1;
	recv_fds(p[1], buf, 64, fds, &nr, 0, &flags);
	tap_is(nr, 2, "room for one and its padding: two");
	close(fds[0]);
	close(fds[1]);
	send_fds(p[0], "x", 1, three, 3, 0);
	nr = 1;
	recv_fds(p[1], buf, 64, fds, &nr, 0, &flags);
	tap_is(nr, 2, "of three");
	tap_is(flags, MSG_CTRUNC, "and MSG_CTRUNC");
	close(fds[0]);
	close(fds[1]);
	send_fds(p[0], "x", 1, q, 2, 0);
	nr = 0;
	recv_fds(p[1], buf, 64, fds, &nr, 0, &flags);
	tap_ok(nr == 0 && flags == MSG_CTRUNC, "no room");
	send_fds(p[0], "x", 1, q, 2, 0);
	tap_is(err(read(p[1], buf, 64)), 1, "read drops them");
}

/* They end a receive. */
static void boundaries(const int *p, const int *q)
{
	int fds[4], nr, flags;
	char buf[64];

	send(p[0], "ab", 2, 0);
	send_fds(p[0], "cd", 2, q, 1, 0);
	send(p[0], "ef", 2, 0);
	nr = 4;
	tap_is(recv_fds(p[1], buf, 64, fds, &nr, 0, &flags), 4, "a receive ends behind them");
	tap_is(nr, 1, "with them");
	close(fds[0]);
	tap_is(err(recv(p[1], buf, 64, 0)), 2, "and then the rest");
	send_fds(p[0], "cdef", 4, q, 1, 0);
	nr = 4;
	tap_is(recv_fds(p[1], buf, 2, fds, &nr, 0, &flags), 2, "they come with the first part");
	tap_is(nr, 1, "once");
	close(fds[0]);
	nr = 4;
	recv_fds(p[1], buf, 64, fds, &nr, 0, &flags);
	tap_is(nr, 0, "not twice");
	send_fds(p[0], "x", 1, q, 1, 0);
	nr = 4;
	recv_fds(p[1], buf, 64, fds, &nr, MSG_PEEK, &flags);
	tap_is(nr, 1, "MSG_PEEK gives a copy");
	close(fds[0]);
	nr = 4;
	recv_fds(p[1], buf, 64, fds, &nr, 0, &flags);
	tap_is(nr, 1, "and leaves the other");
	close(fds[0]);
}

static void descriptors(void)
{
	int p[2], q[2];

	socketpair(AF_UNIX, SOCK_STREAM, 0, p);
	pipe(q);
	both_ends(p, q);
	little_room(p, q);
	boundaries(p, q);
	close(p[0]);
	close(p[1]);
	close(q[0]);
	close(q[1]);
}

static void refused(void)
{
	int p[2], fds[300];
	char control[64] = "";
	struct iovec iov = { "x", 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control };
	struct cmsghdr *c = (struct cmsghdr *)control;

	socketpair(AF_UNIX, SOCK_DGRAM, 0, p);
	fds[0] = -1;
	tap_is(send_fds(p[0], "x", 1, fds, 1, 0), -EBADF, "a descriptor that is none");
	fds[0] = 500;
	tap_is(send_fds(p[0], "x", 1, fds, 1, 0), -EBADF, "or closed");
	for (int i = 0; i < 300; i++)
		fds[i] = p[0];
	tap_is(send_fds(p[0], "x", 1, fds, 254, 0), -EINVAL, "254 of them");
	tap_is(send_fds(p[0], "x", 1, fds, 253, 0), 1, "253 of them");
	tap_is(send_fds(p[0], "x", 1, fds, 0, 0), 1, "none of them");
	m.msg_controllen = 20;
	*c = (struct cmsghdr){ 15, SOL_SOCKET, SCM_RIGHTS };
	tap_is(err(sendmsg(p[0], &m, 0)), -EINVAL, "a length shorter than the header");
	c->cmsg_len = 21;
	tap_is(err(sendmsg(p[0], &m, 0)), -EINVAL, "a length longer than all");
	c->cmsg_len = 20;
	c->cmsg_type = 77;
	tap_is(err(sendmsg(p[0], &m, 0)), -EINVAL, "an unknown type");
	c->cmsg_level = 77;
	tap_is(err(sendmsg(p[0], &m, 0)), 1, "another level does not matter");
	close(p[0]);
	close(p[1]);
}

/* Receives one message and its credentials; false: there were none. */
static bool recv_cred(int from, struct ucred *u, int flags)
{
	char control[CMSG_SPACE(sizeof(*u))], buf[64];
	struct iovec iov = { buf, sizeof(buf) };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
			    .msg_controllen = sizeof(control) };
	struct cmsghdr *c;

	if (recvmsg(from, &m, flags) < 0)
		return false;
	c = CMSG_FIRSTHDR(&m);
	if (!c || c->cmsg_type != SCM_CREDENTIALS)
		return false;
	memcpy(u, CMSG_DATA(c), sizeof(*u));
	return true;
}

static long send_cred(int to, struct ucred u)
{
	char control[CMSG_SPACE(sizeof(u))] = "";
	struct iovec iov = { "x", 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
			    .msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_CREDENTIALS;
	c->cmsg_len = CMSG_LEN(sizeof(u));
	memcpy(CMSG_DATA(c), &u, sizeof(u));
	return err(sendmsg(to, &m, 0));
}

static void credentials(void)
{
	struct ucred u = { 0 };
	int p[2], on = 1;
	char buf[64];

	socketpair(AF_UNIX, SOCK_STREAM, 0, p);
	send(p[0], "before", 6, 0);
	setsockopt(p[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on));
	tap_ok(recv_cred(p[1], &u, 0) && u.pid == 0 && u.uid == 65534 && u.gid == 65534,
	       "sent before SO_PASSCRED");
	send(p[0], "after", 5, 0);
	tap_ok(recv_cred(p[1], &u, 0) && u.pid == getpid() && u.uid == 0, "sent after");
	tap_is(send_cred(p[0], (struct ucred){ getpid(), getuid(), getgid() }), 1, "one's own");
	tap_ok(recv_cred(p[1], &u, 0) && u.pid == getpid(), "come");
	tap_is(send_cred(p[0], (struct ucred){ 1, 1234, 77 }), 1, "root says it is another");
	tap_ok(recv_cred(p[1], &u, 0) && u.pid == 1 && u.uid == 1234 && u.gid == 77,
	       "and is believed");
	tap_is(send_cred(p[0], (struct ucred){ 99999, 0, 0 }), -ESRCH, "no such process");
	tap_is(send_cred(p[0], (struct ucred){ 1, -1, 0 }), -EINVAL, "no such uid");
	tap_is(CODE(setuid(1000); _exit(-send_cred(p[0], (struct ucred){ 1, 1000, 0 }))), EPERM,
	       "others may not");
	tap_is(CODE(setuid(1000); _exit(-send_cred(p[0], (struct ucred){ getpid(), 0, 0 }))), EPERM,
	       "nor with uid 0");
	tap_is(CODE(setuid(1000); _exit(send_cred(p[0], (struct ucred){ getpid(), 1000, 0 }))), 1,
	       "but their own");
	tap_ok(recv_cred(p[1], &u, 0) && u.uid == 1000, "which come");

	/* One receive has bytes of one sender only. */
	IN_CHILD(send(p[0], "ab", 2, 0));
	IN_CHILD(send(p[0], "cd", 2, 0));
	tap_is(err(recv(p[1], buf, 64, 0)), 2, "bytes of two senders are not mixed");
	tap_is(err(recv(p[1], buf, 64, 0)), 2, "the second's");
	send(p[0], "ab", 2, 0);
	send(p[0], "cd", 2, 0);
	tap_is(err(recv(p[1], buf, 64, 0)), 4, "those of one are");
	close(p[0]);
	close(p[1]);
}

/* SO_PASSCRED of a sender gives it a name; a listener's goes to its connections. */
static void passcred(void)
{
	int d = socket(AF_UNIX, SOCK_DGRAM, 0), e = socket(AF_UNIX, SOCK_DGRAM, 0), l, c, s, on = 1;
	socklen_t len = sizeof(struct sockaddr_un);
	struct sockaddr_un un;
	struct ucred u = { 0 };

	bind_to(e, "@e");
	setsockopt(d, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on));
	send_to(d, "x", 1, 0, "@e");
	getsockname(d, (void *)&un, &len);
	tap_is(len, 8, "SO_PASSCRED and a send: autobind");
	close(d);
	close(e);
	l = listener_at("@l", SOCK_STREAM, 5);
	c = socket(AF_UNIX, SOCK_STREAM, 0);
	setsockopt(l, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on));
	connect_to(c, "@l");
	send(c, "x", 1, 0);
	s = accept(l, NULL, NULL);
	len = sizeof(on);
	getsockopt(s, SOL_SOCKET, SO_PASSCRED, &on, &len);
	tap_says(on, "SO_PASSCRED of an accepted one");
	on = 1;
	setsockopt(s, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on));
	tap_ok(recv_cred(s, &u, 0) && u.pid == getpid(), "sent before the accept");
	close(l);
	close(c);
	close(s);
}

/*
 * The write end of a pipe whose only other holders are
 * what `hide` made unreachable is closed in the end.
 */
static bool is_gone(int read_end)
{
	char b;

	fcntl(read_end, F_SETFL, O_NONBLOCK);
	return EVENTUALLY(read(read_end, &b, 1) == 0);
}

/* A socket in its own queue, two in each other's, and a listener in that of its own connection. */
static void unreachable(void)
{
	int p[2], q[2], r[2], l, c, fds[2];

	socketpair(AF_UNIX, SOCK_STREAM, 0, p);
	pipe(q);
	fds[0] = p[1];
	fds[1] = q[1];
	send_fds(p[0], "x", 1, fds, 2, 0);
	close(p[1]);
	close(q[1]);
	close(p[0]);
	tap_ok(is_gone(q[0]), "a socket in its own queue");
	close(q[0]);

	/* Two in each other's. */
	socketpair(AF_UNIX, SOCK_DGRAM, 0, p);
	socketpair(AF_UNIX, SOCK_DGRAM, 0, r);
	pipe(q);
	fds[0] = p[1];
	fds[1] = q[1];
	send_fds(r[0], "x", 1, fds, 2, 0);
	send_fds(p[0], "x", 1, &r[1], 1, 0);
	close(p[1]);
	close(r[1]);
	close(q[1]);
	close(p[0]);
	close(r[0]);
	tap_ok(is_gone(q[0]), "two in each other's");
	close(q[0]);

	/* In the queue of a connection that nobody accepts, of a listener in flight. */
	l = listener_at("@l", SOCK_STREAM, 5);
	c = socket(AF_UNIX, SOCK_STREAM, 0);
	connect_to(c, "@l");
	pipe(q);
	fds[0] = l;
	fds[1] = q[1];
	send_fds(c, "x", 1, fds, 2, 0);
	close(l);
	close(q[1]);
	close(c);
	tap_ok(is_gone(q[0]), "a listener in the queue of its own connection");
	close(q[0]);
}

/* What somebody can reach stays, however deep. */
static void reachable(void)
{
	int p[2], q[2], r[2], fds[1], nr = 1;
	char b;

	socketpair(AF_UNIX, SOCK_STREAM, 0, p);
	socketpair(AF_UNIX, SOCK_STREAM, 0, r);
	pipe(q);
	send_fds(r[0], "x", 1, &q[1], 1, 0);
	send_fds(p[0], "y", 1, &r[1], 1, 0);
	close(q[1]);
	close(r[1]);
	close(r[0]);
	for (int i = 0; i < 3; i++) {
		int s[2];

		socketpair(AF_UNIX, SOCK_STREAM, 0, s);
		send_fds(s[0], "z", 1, &s[1], 1, 0);
		close(s[0]);
		close(s[1]);
		sleep_ms(10);
	}
	tap_is(recv_fds(p[1], &b, 1, fds, &nr, 0, NULL), 1, "a socket in a queue that is read");
	r[1] = fds[0];
	nr = 1;
	tap_is(recv_fds(r[1], &b, 1, fds, &nr, 0, NULL), 1, "and what is in its own");
	write(fds[0], "!", 1);
	tap_is(err(read(q[0], &b, 1)), 1, "works");
	close(fds[0]);
	close(r[1]);
	close(p[0]);
	close(p[1]);
	close(q[0]);
}

/* A chain of sockets, each in the queue of the next: it ends at once with its last. */
static void chain(void)
{
	int last = -1, q[2];

	pipe(q);
	for (int i = 0; i < 200; i++) {
		int p[2];

		socketpair(AF_UNIX, SOCK_STREAM, 0, p);
		send_fds(p[0], "x", 1, last < 0 ? &q[1] : &last, 1, 0);
		close(last < 0 ? q[1] : last);
		close(p[0]);
		last = p[1];
	}
	close(last);
	tap_ok(is_gone(q[0]), "a chain of 200");
	close(q[0]);
}

/* What one user may have in flight: its limit of open files. */
static void limit(void)
{
	tap_is(CODE(
		int p[2];
		long n = 0, r;

		setuid(1001);
		socketpair(AF_UNIX, SOCK_DGRAM, 0, p);
		for (int i = 0; i < 20; i++) {
			int fds[200];

			       for (int j = 0; j < 200; j++)
				       fds[j] = 0;
			       r = send_fds(p[0], "x", 1, fds, 200, MSG_DONTWAIT);
			       if (r < 0)
				       break;
			       n++;
		       } _exit(r == -ETOOMANYREFS ? n : 100)),
	       6, "messages of 200 files with a limit of 1024");
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	descriptors();
	refused();
	credentials();
	passcred();
	unreachable();
	reachable();
	chain();
	limit();
	return tap_exit();
}
