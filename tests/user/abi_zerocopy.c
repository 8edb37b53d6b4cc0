/* SPDX-License-Identifier: MIT */
/*
 * MSG_ZEROCOPY and its notices on the error queue. On the loopback interface Linux copies, too, and
 * says so; what a device sends is in net_echo.c.
 */
#include <time.h>
#include <linux/errqueue.h>
#include <sys/un.h>
#include "inetsock.h"

#ifndef SO_ZEROCOPY
#define SO_ZEROCOPY	60
#endif
#ifndef MSG_ZEROCOPY
#define MSG_ZEROCOPY	0x4000000
#endif

#define BIG	300000

static char buf[BIG], got[BIG];

struct notice {
	long n;
	int flags, level, type, len, name_len;
	struct sock_extended_err ee;
	int offender;
};

static struct notice take(int fd)
{
	char control[200], name[100], byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr m = { name, sizeof(name), &iov, 1, control, sizeof(control), 0 };
	struct notice r = { 0 };
	struct cmsghdr *c;

	r.n = err(recvmsg(fd, &m, MSG_ERRQUEUE));
	if (r.n < 0)
		return r;
	r.flags = m.msg_flags;
	r.name_len = m.msg_namelen;
	c = CMSG_FIRSTHDR(&m);
	if (!c)
		return r;
	r.level = c->cmsg_level;
	r.type = c->cmsg_type;
	r.len = c->cmsg_len;
	memcpy(&r.ee, CMSG_DATA(c), sizeof(r.ee));
	r.offender = SO_EE_OFFENDER((struct sock_extended_err *)CMSG_DATA(c))->sa_family;
	return r;
}

/* Waits for what tells of send number `last`; from which one on. */
static long told_until(int fd, unsigned last, int *code)
{
	long first = -1;

	for (;;) {
		struct pollfd p = { fd, 0, 0 };
		struct notice r;

		if (poll(&p, 1, 5000) != 1 || !(p.revents & POLLERR))
			return -1000;
		r = take(fd);
		if (r.n)
			return -2000;
		if (first < 0) {
			first = r.ee.ee_info;
			*code = r.ee.ee_code;
		}
		if (r.ee.ee_data == last)
			return first;
	}
}

static long set_zerocopy(int family, int type, int protocol, int value)
{
	int fd = socket(family, type, protocol);
	long r = fd < 0 ? -errno : err(setsockopt(fd, SOL_SOCKET, SO_ZEROCOPY, &value, sizeof(value)));

	close(fd);
	return r;
}

static void option(void)
{
	int p[2], fd, v = 7;
	socklen_t len = sizeof(v);

	tap_is(set_zerocopy(AF_INET, SOCK_STREAM, 0, 1), 0, "TCP");
	tap_is(set_zerocopy(AF_INET6, SOCK_STREAM, 0, 1), 0, "of IPv6");
	tap_is(set_zerocopy(AF_INET, SOCK_DGRAM, 0, 1), 0, "UDP");
	tap_is(set_zerocopy(AF_INET, SOCK_STREAM, 0, 2), -EINVAL, "two");
	tap_is(set_zerocopy(AF_INET, SOCK_STREAM, 0, -1), -EINVAL, "minus one");
	tap_is(set_zerocopy(AF_UNIX, SOCK_STREAM, 0, 1), -EOPNOTSUPP, "AF_UNIX");
	tap_is(set_zerocopy(AF_UNIX, SOCK_STREAM, 0, 2), -EOPNOTSUPP, "whatever the value");
	tap_is(set_zerocopy(AF_INET, SOCK_RAW, IPPROTO_ICMP, 1), -EOPNOTSUPP, "raw");
	fd = socket(AF_INET, SOCK_STREAM, 0);
	tap_is(err(getsockopt(fd, SOL_SOCKET, SO_ZEROCOPY, &v, &len)), 0, "it can be read");
	tap_is(v, 0, "off");
	v = 1;
	setsockopt(fd, SOL_SOCKET, SO_ZEROCOPY, &v, sizeof(v));
	v = 7;
	getsockopt(fd, SOL_SOCKET, SO_ZEROCOPY, &v, &len);
	tap_is(v, 1, "on");
	tap_is(take(fd).n, -EAGAIN, "nothing to be told");
	close(fd);
	socketpair(AF_UNIX, SOCK_STREAM, 0, p);
	tap_is(err(send(p[0], "x", 1, MSG_ZEROCOPY)), 1, "the flag means nothing to AF_UNIX");
	close(p[0]);
	close(p[1]);
}

static void streams(int family)
{
	int s[2], code = -1;
	struct notice r;
	long n, m;

	tcp_pair(family, s);
	tap_is(err(send(s[0], "hello", 5, MSG_ZEROCOPY)), 5, "without the option");
	tap_is(recv(s[1], got, 5, MSG_WAITALL), 5, "it arrives");
	tap_is(take(s[0]).n, -EAGAIN, "nothing is told");
	set_int(s[0], SOL_SOCKET, SO_ZEROCOPY, 1);
	tap_is(err(send(s[0], "hello", 5, 0)), 5, "without the flag");
	tap_is(err(send(s[0], "", 0, MSG_ZEROCOPY)), 0, "nothing");
	tap_is(recv(s[1], got, 5, MSG_WAITALL), 5, "it arrives");
	tap_is(take(s[0]).n, -EAGAIN, "nothing is told");

	tap_is(err(send(s[0], buf, 20000, MSG_ZEROCOPY)), 20000, "with both");
	tap_is(recv(s[1], got, 20000, MSG_WAITALL), 20000, "it arrives");
	tap_ok(!memcmp(buf, got, 20000), "as it was");
	tap_ok(EVENTUALLY(events_of(s[0], POLLIN | POLLPRI) == POLLERR), "poll says so");
	tap_is(err(recv(s[0], got, 1, MSG_DONTWAIT)), -EAGAIN, "no error to who reads");
	r = take(s[0]);
	tap_is(r.n, 0, "a notice without bytes");
	tap_is(r.flags, MSG_ERRQUEUE, "flags");
	tap_is(r.name_len, 0, "from nobody");
	tap_is(r.level, family == AF_INET ? SOL_IP : SOL_IPV6, "level");
	tap_is(r.type, family == AF_INET ? IP_RECVERR : IPV6_RECVERR, "type");
	tap_says(r.len, "length");
	tap_is(r.ee.ee_errno, 0, "no error");
	tap_is(r.ee.ee_origin, SO_EE_ORIGIN_ZEROCOPY, "origin");
	tap_is(r.ee.ee_type, 0, "type");
	tap_is(r.ee.ee_code, SO_EE_CODE_ZEROCOPY_COPIED, "it was copied");
	tap_is(r.ee.ee_info, 0, "from send 0");
	tap_is(r.ee.ee_data, 0, "to send 0");
	tap_is(r.offender, 0, "nobody's fault");
	tap_is(take(s[0]).n, -EAGAIN, "once");
	tap_is(events_of(s[0], POLLIN), 0, "and poll says so");

	for (int i = 0; i < 5; i++)
		(void)!send(s[0], buf, 1000, MSG_ZEROCOPY);
	tap_is(recv(s[1], got, 5000, MSG_WAITALL), 5000, "five more");
	tap_is(told_until(s[0], 5, &code), 1, "are told of from the first on");
	tap_is(code, SO_EE_CODE_ZEROCOPY_COPIED, "as copied");

	fcntl(s[0], F_SETFL, O_NONBLOCK);
	for (n = 0; (m = err(send(s[0], buf, BIG, MSG_ZEROCOPY))) > 0; n++)
		;
	tap_is(m, -EAGAIN, "until there is no room");
	fcntl(s[0], F_SETFL, 0);
	pid_t reader = CHILD(close(s[0]); while (recv(s[1], got, BIG, 0) > 0));
	tap_is(told_until(s[0], 5 + n, &code), 6, "every one but what failed is told of");
	tap_is(take(s[0]).n, -EAGAIN, "and that was all");
	tap_is(err(send(s[0], (void *)8, 10, MSG_ZEROCOPY)), -EFAULT, "no memory");
	tap_is(err(send(s[0], buf, 10, MSG_ZEROCOPY)), 10, "has no number");
	tap_is(told_until(s[0], 6 + n, &code), 6 + n, "the next one has it");
	close(s[1]);
	close(s[0]);
	tap_is(code_of(status_of(reader)), 0, "the reader");
}

static void datagrams(int family)
{
	int a = socket(family, SOCK_DGRAM, 0), b = socket(family, SOCK_DGRAM, 0), code = -1;

	bind_port(b, family, 0);
	connect_port(a, family, port_of(b));
	set_int(a, SOL_SOCKET, SO_ZEROCOPY, 1);
	tap_is(err(send(a, buf, 5000, MSG_ZEROCOPY)), 5000, "a datagram");
	tap_is(err(send(a, buf, 0, MSG_ZEROCOPY)), 0, "an empty one");
	tap_is(err(send(a, buf, 70000, MSG_ZEROCOPY)), -EMSGSIZE, "one that is too large");
	tap_is(err(send(a, buf, 6000, MSG_ZEROCOPY)), 6000, "and another");
	tap_is(recv(b, got, BIG, 0), 5000, "arrives");
	tap_is(recv(b, got, BIG, 0), 0, "arrives");
	tap_is(recv(b, got, BIG, 0), 6000, "arrives");
	tap_is(told_until(a, 2, &code), 0, "three are told of, the empty one, too");
	tap_is(code, SO_EE_CODE_ZEROCOPY_COPIED, "as copied");
	tap_is(take(a).n, -EAGAIN, "and that was all");
	close(a);
	close(b);
}

int main(void)
{
	for (int i = 0; i < BIG; i++)
		buf[i] = (char)(i * 3 + i / 250);
	loopback_up();
	option();
	streams(AF_INET);
	streams(AF_INET6);
	datagrams(AF_INET);
	datagrams(AF_INET6);
	return tap_exit();
}
