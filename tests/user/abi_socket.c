/* SPDX-License-Identifier: MIT */
/* The socket calls themselves: what is refused and how, options of SOL_SOCKET, sockets as files. */
#include <linux/sockios.h>
#include <sys/epoll.h>
#include <sys/time.h>
#include "unixsock.h"

static void creation(void)
{
	int p[2];
	struct stat st;
	char link[64], path[64];

	tap_is(err(socket(200, SOCK_STREAM, 0)), -EAFNOSUPPORT, "a family that nobody has");
	tap_is(err(socket(-1, SOCK_STREAM, 0)), -EAFNOSUPPORT, "a negative family");
	tap_is(err(socket(AF_UNSPEC, SOCK_STREAM, 0)), -EAFNOSUPPORT, "AF_UNSPEC");
	tap_is(err(socket(AF_UNIX, 15, 0)), -EINVAL, "a type that is none");
	tap_is(err(socket(AF_UNIX, 0, 0)), -ESOCKTNOSUPPORT, "type 0");
	tap_is(err(socket(AF_UNIX, SOCK_RDM, 0)), -ESOCKTNOSUPPORT, "SOCK_RDM");
	tap_is(err(socket(AF_UNIX, SOCK_STREAM | 0x10, 0)), -EINVAL, "an unknown flag");
	tap_is(err(socket(AF_UNIX, SOCK_STREAM, 2)), -EPROTONOSUPPORT, "another protocol");
	tap_is(err(socketpair(AF_UNIX, SOCK_STREAM, 0, NULL)), -EFAULT, "socketpair to nowhere");
	tap_is(err(socketpair(AF_UNIX, SOCK_STREAM | 0x20, 0, p)), -EINVAL,
	       "socketpair with an unknown flag");
	tap_is(err(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, p)), 0,
	       "socketpair");
	tap_says(fcntl(p[0], F_GETFL), "flags of the file");
	tap_is(fcntl(p[1], F_GETFD), FD_CLOEXEC, "SOCK_CLOEXEC");
	tap_is(err(read(p[0], path, 1)), -EAGAIN, "SOCK_NONBLOCK");
	tap_is(err(lseek(p[0], 0, SEEK_SET)), -ESPIPE, "lseek");
	tap_is(err(pread(p[0], path, 1, 0)), -ESPIPE, "pread");
	tap_is(err(ftruncate(p[0], 0)), -EINVAL, "ftruncate");
	tap_is(err(fsync(p[0])), -EINVAL, "fsync");
	fstat(p[0], &st);
	tap_says(st.st_mode, "mode");
	tap_ok(st.st_size == 0 && st.st_nlink == 1, "size and links");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", p[0]);
	memset(link, 0, sizeof(link));
	readlink(path, link, sizeof(link) - 1);
	snprintf(path, sizeof(path), "socket:[%lu]", (unsigned long)st.st_ino);
	tap_ok(!strcmp(link, path), "its name in /proc");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", p[0]);
	tap_is(err(open(path, O_RDWR)), -ENXIO, "which cannot be opened");
	tap_is(err(ioctl(p[0], 0x12345, 0)), -ENOTTY, "an unknown ioctl");
	close(p[0]);
	close(p[1]);
}

static void no_socket(void)
{
	int pipes[2], fd[2] = { -1, 0 };
	struct sockaddr_un un;
	socklen_t len = sizeof(un);

	pipe(pipes);
	fd[1] = pipes[0];
	for (int i = 0; i < 2; i++) {
		long want = i ? -ENOTSOCK : -EBADF;
		const char *what = i ? "a pipe" : "no file";
		struct msghdr m = { 0 };

		tap_is(err(bind(fd[i], NULL, 0)), want, "%s: bind", what);
		tap_is(err(listen(fd[i], 0)), want, "%s: listen", what);
		tap_is(err(accept(fd[i], NULL, NULL)), want, "%s: accept", what);
		tap_is(err(connect(fd[i], NULL, 0)), want, "%s: connect", what);
		tap_is(err(getsockname(fd[i], (void *)&un, &len)), want, "%s: getsockname", what);
		tap_is(err(getpeername(fd[i], (void *)&un, &len)), want, "%s: getpeername", what);
		tap_is(err(send(fd[i], "", 1, 0)), want, "%s: send", what);
		tap_is(err(recv(fd[i], &un, 1, 0)), want, "%s: recv", what);
		tap_is(err(sendmsg(fd[i], &m, 0)), want, "%s: sendmsg", what);
		tap_is(err(recvmsg(fd[i], &m, 0)), want, "%s: recvmsg", what);
		tap_is(err(shutdown(fd[i], 0)), want, "%s: shutdown", what);
		tap_is(err(setsockopt(fd[i], SOL_SOCKET, SO_REUSEADDR, &len, 4)), want,
		       "%s: setsockopt", what);
		tap_is(err(getsockopt(fd[i], SOL_SOCKET, SO_TYPE, &un, &len)), want,
		       "%s: getsockopt", what);
	}
	close(pipes[0]);
	close(pipes[1]);
}

static long get(int fd, int name)
{
	int v = 0;
	socklen_t len = sizeof(v);

	return getsockopt(fd, SOL_SOCKET, name, &v, &len) ? -errno : v;
}

static long set(int fd, int name, int v)
{
	return err(setsockopt(fd, SOL_SOCKET, name, &v, sizeof(v)));
}

static void numbers(int fd, const char *what)
{
	static const struct { int name; const char *text; } options[] = {
		{ SO_TYPE, "SO_TYPE" }, { SO_DOMAIN, "SO_DOMAIN" }, { SO_PROTOCOL, "SO_PROTOCOL" },
		{ SO_ERROR, "SO_ERROR" }, { SO_ACCEPTCONN, "SO_ACCEPTCONN" }, { SO_SNDBUF, "SO_SNDBUF" },
		{ SO_RCVBUF, "SO_RCVBUF" }, { SO_REUSEADDR, "SO_REUSEADDR" }, { SO_REUSEPORT, "SO_REUSEPORT" },
		{ SO_KEEPALIVE, "SO_KEEPALIVE" }, { SO_BROADCAST, "SO_BROADCAST" }, { SO_DONTROUTE, "SO_DONTROUTE" },
		{ SO_OOBINLINE, "SO_OOBINLINE" }, { SO_PRIORITY, "SO_PRIORITY" }, { SO_PASSCRED, "SO_PASSCRED" },
		{ SO_RCVLOWAT, "SO_RCVLOWAT" }, { SO_SNDLOWAT, "SO_SNDLOWAT" }, { SO_DEBUG, "SO_DEBUG" },
		{ SO_MARK, "SO_MARK" }, { 999, "option 999" },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(options); i++) {
		tap_says(get(fd, options[i].name), "%s: %s", what, options[i].text);
		tap_says(set(fd, options[i].name, 3), "%s: set %s", what, options[i].text);
		tap_says(get(fd, options[i].name), "%s: then %s", what, options[i].text);
	}
}

static void options(void)
{
	struct timeval tv = { 1, 500000 };
	struct linger l = { 1, 7 };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), v = 0;
	socklen_t len;
	char big[64];

	numbers(fd, "stream");
	close(fd);
	fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	numbers(fd, "dgram");
	for (int size = -1; size <= 1000000; size = size * 10 + (size < 0 ? 10 : 1)) {
		tap_is(set(fd, SO_SNDBUF, size), 0, "SO_SNDBUF %d", size);
		tap_says(get(fd, SO_SNDBUF), "then it is");
		tap_is(set(fd, SO_RCVBUF, size), 0, "SO_RCVBUF %d", size);
		tap_says(get(fd, SO_RCVBUF), "then it is");
	}
	tap_is(set(fd, SO_SNDBUFFORCE, 1000000), 0, "SO_SNDBUFFORCE");
	tap_says(get(fd, SO_SNDBUF), "it is");
	tap_says(set(fd, SO_RCVLOWAT, -1), "SO_RCVLOWAT -1");
	tap_says(get(fd, SO_RCVLOWAT), "it is");
	tap_says(set(fd, SO_RCVLOWAT, 0), "SO_RCVLOWAT 0");
	tap_says(get(fd, SO_RCVLOWAT), "it is");

	tap_is(err(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv))), 0, "SO_RCVTIMEO");
	memset(&tv, 0, sizeof(tv));
	len = sizeof(big);
	getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, big, &len);
	memcpy(&tv, big, sizeof(tv));
	tap_ok(len == sizeof(tv) && tv.tv_sec == 1 && tv.tv_usec == 500000, "it is told");
	tv.tv_usec = 1000000;
	tap_is(err(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv))), -EDOM,
	       "too many microseconds");
	tap_is(err(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, 8)), -EINVAL, "half a time");
	tap_is(err(setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, 4)), -EINVAL, "half a linger");
	tap_is(err(setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l))), 0, "SO_LINGER");
	memset(&l, 0, sizeof(l));
	len = sizeof(l);
	getsockopt(fd, SOL_SOCKET, SO_LINGER, &l, &len);
	tap_ok(l.l_onoff == 1 && l.l_linger == 7, "it is told");
	len = 2;
	tap_ok(!getsockopt(fd, SOL_SOCKET, SO_TYPE, &v, &len) && len == 2,
	       "less room than a value needs");
	len = -1;
	tap_is(err(getsockopt(fd, SOL_SOCKET, SO_TYPE, &v, &len)), -EINVAL, "a negative length");
	tap_is(err(getsockopt(fd, SOL_SOCKET, SO_TYPE, &v, NULL)), -EFAULT, "no length");
	tap_is(err(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &v, 3)), -EINVAL, "a short value");
	tap_is(err(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &v, -1)), -EINVAL, "a negative length");
	tap_is(err(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, NULL, 4)), -EFAULT, "no value");
	tap_is(err(setsockopt(fd, 6, 1, &v, 4)), -EOPNOTSUPP, "a level of another family");
	len = 4;
	tap_is(err(getsockopt(fd, 6, 1, &v, &len)), -EOPNOTSUPP, "and to read it");
	tap_is(err(setsockopt(fd, SOL_SOCKET, SO_PEERCRED, &v, 4)), -ENOPROTOOPT,
	       "SO_PEERCRED is not set");
	close(fd);
}

static void timeouts(void)
{
	struct timeval tv = { 0, 60000 };
	char buf[8];
	long before;
	int p[2];

	socketpair(AF_UNIX, SOCK_STREAM, 0, p);
	setsockopt(p[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	before = now_ms();
	tap_is(err(recv(p[0], buf, 8, 0)), -EAGAIN, "a receive ends after its time");
	tap_ok(now_ms() - before >= 50, "not before");
	setsockopt(p[0], SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	while (send(p[0], buf, 8, MSG_DONTWAIT) > 0)
		;
	before = now_ms();
	tap_is(err(send(p[0], buf, 8, 0)), -EAGAIN, "a send ends after its time");
	tap_ok(now_ms() - before >= 50, "not before");
	close(p[0]);
	close(p[1]);
}

static void many(void)
{
	char in[4][8];
	struct iovec out_iov[3] = { { "a", 1 }, { "bc", 2 }, { "def", 3 } }, in_iov[4];
	struct mmsghdr out[3], got[4];
	struct timespec none = { 0, 0 };
	int p[2];

	memset(out, 0, sizeof(out));
	memset(got, 0, sizeof(got));
	for (int i = 0; i < 3; i++) {
		out[i].msg_hdr.msg_iov = &out_iov[i];
		out[i].msg_hdr.msg_iovlen = 1;
	}
	for (int i = 0; i < 4; i++) {
		in_iov[i] = (struct iovec){ in[i], 8 };
		got[i].msg_hdr.msg_iov = &in_iov[i];
		got[i].msg_hdr.msg_iovlen = 1;
	}
	socketpair(AF_UNIX, SOCK_DGRAM, 0, p);
	tap_is(err(sendmmsg(p[0], out, 3, 0)), 3, "sendmmsg");
	tap_ok(out[0].msg_len == 1 && out[2].msg_len == 3, "lengths");
	tap_is(err(recvmmsg(p[1], got, 2, 0, NULL)), 2, "recvmmsg: two of them");
	tap_ok(got[0].msg_len == 1 && got[1].msg_len == 2 && in[1][1] == 'c', "what came");
	tap_is(err(recvmmsg(p[1], got, 4, MSG_WAITFORONE, NULL)), 1,
	       "MSG_WAITFORONE: the one there is");
	tap_is(err(recvmmsg(p[1], got, 4, MSG_DONTWAIT, NULL)), -EAGAIN, "none");
	sendmmsg(p[0], out, 3, 0);
	tap_is(err(recvmmsg(p[1], got, 4, 0, &none)), 1, "no time: one message");
	tap_is(err(recvmmsg(p[1], got, 4, MSG_DONTWAIT, NULL)), 2, "the rest");
	none.tv_nsec = -1;
	tap_is(err(recvmmsg(p[1], got, 4, MSG_DONTWAIT, &none)), -EINVAL, "a time that is none");
	tap_is(err(sendmmsg(p[0], out, 0, 0)), 0, "none to send");
	close(p[0]);
	close(p[1]);
}

static void headers(void)
{
	char big[4096] = "", control[64];
	struct iovec iov = { big, 16 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	int p[2];

	socketpair(AF_UNIX, SOCK_STREAM, 0, p);
	m.msg_iovlen = 1025;
	tap_is(err(sendmsg(p[0], &m, 0)), -EMSGSIZE, "1025 pieces to send");
	tap_is(err(recvmsg(p[0], &m, MSG_DONTWAIT)), -EMSGSIZE, "or to receive");
	m.msg_iovlen = 1;
	m.msg_name = big;
	m.msg_namelen = -1;
	tap_is(err(sendmsg(p[0], &m, 0)), -EINVAL, "a negative name");
	m.msg_namelen = 4096;
	tap_says(err(sendmsg(p[0], &m, 0)), "a long name to a connected stream");
	m.msg_name = NULL;
	m.msg_namelen = 77;
	tap_is(err(sendmsg(p[0], &m, 0)), 16, "no name, whatever its length");
	m.msg_control = control;
	m.msg_controllen = 3;
	tap_is(err(sendmsg(p[0], &m, 0)), 16, "control data too short to be some");
	m.msg_controllen = 1ul << 40;
	tap_is(err(sendmsg(p[0], &m, 0)), -ENOBUFS, "too much control data");
	m.msg_controllen = 0;
	tap_is(err(sendmsg(p[0], (void *)8, 0)), -EFAULT, "a header nowhere");
	tap_is(err(send(p[0], (void *)8, 4, 0)), -EFAULT, "bytes from nowhere");
	tap_is(err(recv(p[1], (void *)8, 4, 0)), -EFAULT, "bytes to nowhere");
	tap_is(err(recv(p[1], big, 100, 0)), 32, "nothing is lost by that");
	tap_is(err(send(p[0], "", 0, 0)), 0, "a stream sends nothing");
	tap_is(err(recv(p[1], big, 100, MSG_DONTWAIT)), -EAGAIN, "and nothing comes");
	close(p[0]);
	close(p[1]);
}

static void refused(void)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	socklen_t len = sizeof(un);
	int d = socket(AF_UNIX, SOCK_DGRAM, 0), s = socket(AF_UNIX, SOCK_STREAM, 0);
	char b;

	tap_is(err(listen(d, 1)), -EOPNOTSUPP, "dgram: listen");
	tap_is(err(accept(d, NULL, NULL)), -EOPNOTSUPP, "dgram: accept");
	tap_is(err(listen(s, 1)), -EINVAL, "a stream without a name does not listen");
	tap_is(err(accept(s, NULL, NULL)), -EINVAL, "nor accepts");
	tap_is(err(accept4(s, NULL, NULL, 1)), -EINVAL, "accept4 with an unknown flag");
	tap_is(err(recv(s, &b, 1, 0)), -EINVAL, "nor receives");
	tap_is(err(send(s, "x", 1, 0)), -ENOTCONN, "nor sends");
	tap_is(err(getpeername(s, (void *)&un, &len)), -ENOTCONN, "nor has a peer");
	tap_is(err(shutdown(s, 3)), -EINVAL, "shutdown: no such way");
	tap_is(err(shutdown(s, -1)), -EINVAL, "shutdown: a negative way");
	tap_is(err(shutdown(s, SHUT_RDWR)), 0, "shutdown of an unconnected stream");
	len = sizeof(un);
	tap_ok(!getsockname(d, (void *)&un, &len) && len == 2, "no name is two bytes");
	len = 1;
	tap_ok(!getsockname(d, (void *)&un, &len) && len == 2, "with less room too");
	len = -1;
	tap_is(err(getsockname(d, (void *)&un, &len)), -EINVAL, "a negative room");
	tap_is(err(getsockname(d, (void *)&un, NULL)), -EFAULT, "no length");
	close(d);
	close(s);
}

static void in_epoll(void)
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLOUT | EPOLLET, .data.u32 = 7 }, got[4];
	int p[2], ep = epoll_create1(0);
	char b[64];

	socketpair(AF_UNIX, SOCK_STREAM, 0, p);
	epoll_ctl(ep, EPOLL_CTL_ADD, p[0], &e);
	tap_is(epoll_wait(ep, got, 4, 0), 1, "edge-triggered: writable from the start");
	tap_is(got[0].events, EPOLLOUT, "only that");
	tap_is(epoll_wait(ep, got, 4, 0), 0, "told once");
	send(p[1], "x", 1, 0);
	tap_is(epoll_wait(ep, got, 4, 0), 1, "a byte");
	tap_is(got[0].events, EPOLLIN | EPOLLOUT, "readable and writable");
	tap_is(epoll_wait(ep, got, 4, 0), 0, "told once");
	send(p[1], "y", 1, 0);
	tap_is(epoll_wait(ep, got, 4, 0), 1, "each further byte is told");
	recv(p[0], b, sizeof(b), 0);
	shutdown(p[1], SHUT_WR);
	tap_is(epoll_wait(ep, got, 4, 0), 1, "the end is told");
	tap_is(got[0].events, EPOLLIN | EPOLLOUT, "as readable");
	close(p[1]);
	tap_is(epoll_wait(ep, got, 4, 0), 1, "and that the peer is gone");
	tap_is(got[0].events, EPOLLIN | EPOLLOUT | EPOLLHUP, "as hung up");
	close(p[0]);
	tap_is(epoll_wait(ep, got, 4, 0), 0, "a closed socket is in no set");
	close(ep);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	creation();
	no_socket();
	options();
	timeouts();
	many();
	headers();
	refused();
	in_epoll();
	return tap_exit();
}
