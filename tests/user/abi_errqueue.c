/* SPDX-License-Identifier: MIT */
/*
 * Beside the data: the error queue of datagram sockets (IP_RECVERR), time stamps, what a socket
 * keeps in memory, and datagrams that must go in one piece.
 */
#include <time.h>
#include <stdio.h>
#include <linux/errqueue.h>
#include <linux/net_tstamp.h>
#include <linux/sock_diag.h>
#include <netinet/udp.h>
#include "inetsock.h"

static unsigned char buffer[70000];

struct got {
	long n;
	int flags, controls;
	union addr name;
	struct sock_extended_err ee;
	union addr offender;
	int ttl;
	struct timeval tv;
	struct timespec ts, ts3[3];
	int has_tv, has_ts, has_ts3, has_err;
};

static void take_control(struct got *g, struct cmsghdr *c)
{
	g->controls++;
	if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_TIMESTAMP) {
		g->has_tv = 1;
		memcpy(&g->tv, CMSG_DATA(c), sizeof(g->tv));
	} else if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_TIMESTAMPNS) {
		g->has_ts = 1;
		memcpy(&g->ts, CMSG_DATA(c), sizeof(g->ts));
	} else if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_TIMESTAMPING) {
		g->has_ts3 = 1;
		memcpy(g->ts3, CMSG_DATA(c), sizeof(g->ts3));
	} else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TTL) {
		memcpy(&g->ttl, CMSG_DATA(c), sizeof(int));
	} else if ((c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR) ||
		   (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR)) {
		g->has_err = c->cmsg_len - CMSG_LEN(0);
		memcpy(&g->ee, CMSG_DATA(c), sizeof(g->ee));
		memcpy(&g->offender, SO_EE_OFFENDER((struct sock_extended_err *)CMSG_DATA(c)),
		       g->has_err - sizeof(g->ee));
	}
}

static struct got receive(int fd, int room, int flags)
{
	static struct got g;
	char control[512];
	struct iovec iov = { buffer, room };
	struct msghdr m = { &g.name, sizeof(g.name), &iov, 1, control, sizeof(control), 0 };

	memset(&g, 0, sizeof(g));
	g.n = err(recvmsg(fd, &m, flags | MSG_DONTWAIT));
	if (g.n < 0)
		return g;
	g.flags = m.msg_flags;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c))
		take_control(&g, c);
	return g;
}

static long send_to(int fd, int family, int port, int len)
{
	union addr a = local(family, port);

	return err(sendto(fd, buffer, len, 0, &a.sa, addr_len(family)));
}

static void refused(int family)
{
	int fd = socket(family, SOCK_DGRAM, 0), level = family == AF_INET ? IPPROTO_IP :
		IPPROTO_IPV6;
	int name = family == AF_INET ? IP_RECVERR : IPV6_RECVERR;
	struct got g;

	tap_is(receive(fd, 100, MSG_ERRQUEUE).n, -EAGAIN, "an empty queue");
	tap_is(send_to(fd, family, 4099, 33), 33, "to nobody");
	tap_is(events_in(fd, POLLIN, 50), 0, "who does not ask is not told");
	tap_is(set_int(fd, level, name, 1), 0, "RECVERR");
	tap_is(get_int(fd, level, name), 1, "it is kept");
	if (family == AF_INET)
		set_int(fd, IPPROTO_IP, IP_RECVTTL, 1);
	memset(buffer, 'q', 33);
	tap_is(send_to(fd, family, 4099, 33), 33, "to nobody");
	tap_is(events_in(fd, POLLIN, 500), POLLERR, "poll");
	tap_is(err(recv(fd, buffer, 100, MSG_DONTWAIT)), -ECONNREFUSED, "a call fails");
	tap_is(err(recv(fd, buffer, 100, MSG_DONTWAIT)), -EAGAIN, "once");
	tap_is(events_of(fd, POLLIN), POLLERR, "the queue still has it");
	memset(buffer, 0, 100);
	g = receive(fd, 100, MSG_ERRQUEUE);
	tap_is(g.n, 33, "what it quotes");
	tap_ok(buffer[0] == 'q' && buffer[32] == 'q', "those were the bytes");
	tap_is(g.flags, MSG_ERRQUEUE, "flags");
	tap_is(g.name.sa.sa_family, family, "whom it was for");
	tap_is(ntohs(g.name.in.sin_port), 4099, "at which port");
	tap_is(g.ee.ee_errno, ECONNREFUSED, "errno");
	tap_says(g.ee.ee_origin, "origin");
	tap_says(g.ee.ee_type, "type");
	tap_says(g.ee.ee_code, "code");
	tap_is(g.ee.ee_info, 0, "nothing more");
	tap_is(g.has_err, sizeof(g.ee) + addr_len(family), "with an address");
	tap_ok(!memcmp(&g.offender, &(union addr){ .in = local(family, 0).in }, 8), "who says so");
	tap_ok(family != AF_INET || g.ttl == 64, "how far it came");
	tap_is(receive(fd, 100, MSG_ERRQUEUE).n, -EAGAIN, "that was all");
	tap_is(events_of(fd, POLLIN), 0, "and poll says so");
	close(fd);
}

static void order_and_room(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	struct got g;

	set_int(fd, IPPROTO_IP, IP_RECVERR, 1);
	send_to(fd, AF_INET, 4097, 20);
	tap_is(get_int(fd, SOL_SOCKET, SO_ERROR), ECONNREFUSED, "SO_ERROR takes the pending one");
	send_to(fd, AF_INET, 4098, 200);
	tap_is(send_to(fd, AF_INET, 4098, 10), -ECONNREFUSED, "so does a send");
	g = receive(fd, 5, MSG_ERRQUEUE);
	tap_is(g.n, 5, "a small buffer");
	tap_is(g.flags, MSG_ERRQUEUE | MSG_TRUNC, "it is cut");
	tap_is(ntohs(g.name.in.sin_port), 4097, "the first");
	tap_is(err(recv(fd, buffer, 10, MSG_DONTWAIT)), -ECONNREFUSED,
	       "the next one is pending again");
	g = receive(fd, 500, MSG_ERRQUEUE);
	tap_is(ntohs(g.name.in.sin_port), 4098, "the second");
	tap_is(err(recv(fd, buffer, 10, MSG_DONTWAIT)), -EAGAIN, "none is pending");
	send_to(fd, AF_INET, 4097, 20);
	set_int(fd, IPPROTO_IP, IP_RECVERR, 0);
	tap_is(receive(fd, 100, MSG_ERRQUEUE).n, -EAGAIN, "who wants none any more has none");
	close(fd);
}

static void one_piece(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0), other = socket(AF_INET, SOCK_DGRAM, 0);
	struct got g;

	bind_port(other, AF_INET, 4096);
	tap_says(get_int(fd, IPPROTO_IP, IP_MTU_DISCOVER), "IP_MTU_DISCOVER at first");
	tap_is(set_int(fd, IPPROTO_IP, IP_MTU_DISCOVER, 99), -EINVAL, "no such way");
	tap_is(set_int(fd, IPPROTO_IP, IP_MTU_DISCOVER, -1), -EINVAL, "nor this");
	for (int how = IP_PMTUDISC_DONT; how <= IP_PMTUDISC_OMIT; how++)
		tap_is(set_int(fd, IPPROTO_IP, IP_MTU_DISCOVER, how), 0, "way %d", how);
	set_int(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE);
	set_int(fd, IPPROTO_IP, IP_RECVERR, 1);
	tap_is(get_int(fd, IPPROTO_IP, IP_MTU_DISCOVER), IP_PMTUDISC_PROBE, "it is kept");
	tap_is(get_int(fd, IPPROTO_IP, IP_MTU), -ENOTCONN, "IP_MTU without a peer");
	tap_is(connect_port(fd, AF_INET, 4096), 0, "connect");
	tap_says(get_int(fd, IPPROTO_IP, IP_MTU), "IP_MTU of loopback");
	tap_is(err(send(fd, buffer, 60000, 0)), 60000, "what fits goes");
	g = receive(other, sizeof(buffer), 0);
	tap_is(g.n, 60000, "and comes");
	tap_is(receive(fd, 100, MSG_ERRQUEUE).n, -EAGAIN, "no error");
	close(other);
	close(fd);
}

static int set_mtu(int mtu)
{
	struct ifreq r = { .ifr_name = "lo", .ifr_mtu = mtu };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	long e = err(ioctl(fd, SIOCSIFMTU, &r));

	close(fd);
	return e;
}

/* An echo request of len bytes. */
static long echo(int fd, int family, int len)
{
	memset(buffer, 'e', len);
	memset(buffer, 0, 8);
	buffer[0] = family == AF_INET ? 8 : 128;
	return send_to(fd, family, 0, len);
}

/* As ping -M do -s: the call fails, and the queue says why. */
static void too_large(int family, int type, int protocol, const char *what)
{
	int level = family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6, fd = socket(family, type, protocol);
	bool icmp = protocol != IPPROTO_UDP;
	struct got g;

	tap_ok(fd >= 0, "%s", what);
	tap_is(set_int(fd, level, family == AF_INET ? IP_MTU_DISCOVER : IPV6_MTU_DISCOVER,
		       IP_PMTUDISC_DO), 0, "in one piece");
	tap_is(icmp ? echo(fd, family, 3000) : send_to(fd, family, 4098, 3000), -EMSGSIZE,
	       "too large");
	tap_is(receive(fd, 3000, MSG_ERRQUEUE).n, -EAGAIN, "who does not ask is not told");
	tap_is(set_int(fd, level, family == AF_INET ? IP_RECVERR : IPV6_RECVERR, 1), 0, "RECVERR");
	tap_is(icmp ? echo(fd, family, 3000) : send_to(fd, family, 4098, 3000), -EMSGSIZE,
	       "too large");
	tap_is(events_of(fd, POLLIN), POLLERR, "poll");
	tap_is(get_int(fd, SOL_SOCKET, SO_ERROR), 0, "no error is pending");
	memset(buffer, 0, 100);
	g = receive(fd, 3000, MSG_ERRQUEUE);
	tap_says(g.n, "bytes of it");
	tap_is(g.flags, MSG_ERRQUEUE, "flags");
	tap_is(g.ee.ee_errno, EMSGSIZE, "errno");
	tap_is(g.ee.ee_origin, SO_EE_ORIGIN_LOCAL, "we say so");
	tap_is(g.ee.ee_info, 1500, "what fits");
	tap_says(g.ee.ee_type * 256 + g.ee.ee_code, "type and code");
	tap_says(g.name.sa.sa_family, "a name");
	tap_says(ntohs(g.name.in.sin_port), "its port");
	tap_says(g.has_err, "with room for who says so");
	tap_says(g.offender.sa.sa_family, "nobody");
	tap_is(receive(fd, 3000, MSG_ERRQUEUE).n, -EAGAIN, "once");
	tap_is(events_of(fd, POLLIN), 0, "and poll says so");
	close(fd);
}

static void all_too_large(void)
{
	FILE *f = fopen("/proc/sys/net/ipv4/ping_group_range", "w");

	if (f) {
		fputs("0 0", f);
		fclose(f);
	}
	tap_is(set_mtu(1500), 0, "a smaller MTU");
	too_large(AF_INET, SOCK_DGRAM, IPPROTO_UDP, "UDP");
	too_large(AF_INET, SOCK_DGRAM, IPPROTO_ICMP, "ping");
	too_large(AF_INET, SOCK_RAW, IPPROTO_ICMP, "raw");
	too_large(AF_INET6, SOCK_DGRAM, IPPROTO_UDP, "UDP of IPv6");
	too_large(AF_INET6, SOCK_DGRAM, IPPROTO_ICMPV6, "ping of IPv6");
	too_large(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6, "raw of IPv6");
	tap_is(set_mtu(65536), 0, "as it was");
}

static void stamps(int family)
{
	int to = socket(family, SOCK_DGRAM, 0), from = socket(family, SOCK_DGRAM, 0), port;
	struct timespec now;
	struct got g;

	bind_port(to, family, 0);
	port = port_of(to);
	tap_is(get_int(to, SOL_SOCKET, SO_TIMESTAMP), 0, "SO_TIMESTAMP at first");
	send_to(from, family, port, 10);
	tap_is(receive(to, 100, 0).controls, 0, "nothing beside the data");
	tap_is(set_int(to, SOL_SOCKET, SO_TIMESTAMP, 1), 0, "SO_TIMESTAMP");
	tap_is(get_int(to, SOL_SOCKET, SO_TIMESTAMP), 1, "it is kept");
	send_to(from, family, port, 10);
	sleep_ms(30);
	clock_gettime(CLOCK_REALTIME, &now);
	g = receive(to, 100, 0);
	tap_ok(g.has_tv && g.controls == 1, "a struct timeval");
	tap_ok((now.tv_sec - g.tv.tv_sec) * 1000 + now.tv_nsec / 1000000 -
	       g.tv.tv_usec / 1000 >= 25,
	       "of when it came, not of when it is read");
	tap_is(set_int(to, SOL_SOCKET, SO_TIMESTAMPNS, 1), 0, "SO_TIMESTAMPNS");
	tap_is(get_int(to, SOL_SOCKET, SO_TIMESTAMP), 0, "in its place");
	send_to(from, family, port, 10);
	g = receive(to, 100, 0);
	tap_ok(!g.has_tv && g.has_ts && g.ts.tv_nsec < 1000000000, "a struct timespec");
	tap_is(set_int(to, SOL_SOCKET, SO_TIMESTAMPNS, 0), 0, "no more");
	tap_is(set_int(to, SOL_SOCKET, SO_TIMESTAMPING,
		       SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE), 0,
	       "SO_TIMESTAMPING");
	tap_is(get_int(to, SOL_SOCKET, SO_TIMESTAMPING),
	       SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE,
	       "it is kept");
	send_to(from, family, port, 10);
	g = receive(to, 100, 0);
	tap_ok(g.has_ts3 && g.controls == 1 && g.ts3[0].tv_sec && !g.ts3[2].tv_sec,
	       "three, and the first is there");
	close(to);
	close(from);
}

static void memory(void)
{
	unsigned m[SK_MEMINFO_VARS + 1];
	int to = socket(AF_INET, SOCK_DGRAM, 0), from = socket(AF_INET, SOCK_DGRAM, 0);
	socklen_t len = sizeof(m);

	bind_port(to, AF_INET, 0);
	tap_is(err(getsockopt(to, SOL_SOCKET, SO_MEMINFO, m, &len)), 0, "SO_MEMINFO");
	tap_is(len, SK_MEMINFO_VARS * 4, "so many words");
	tap_is(m[SK_MEMINFO_RMEM_ALLOC], 0, "nothing is received");
	tap_is(m[SK_MEMINFO_RCVBUF], get_int(to, SOL_SOCKET, SO_RCVBUF), "receive buffer");
	tap_is(m[SK_MEMINFO_SNDBUF], get_int(to, SOL_SOCKET, SO_SNDBUF), "send buffer");
	send_to(from, AF_INET, port_of(to), 1000);
	len = sizeof(m);
	getsockopt(to, SOL_SOCKET, SO_MEMINFO, m, &len);
	tap_ok(m[SK_MEMINFO_RMEM_ALLOC] >= 1000, "a datagram waits");
	tap_is(set_int(to, SOL_SOCKET, SO_LOCK_FILTER, 1), 0, "SO_LOCK_FILTER");
	tap_is(set_int(to, SOL_SOCKET, SO_LOCK_FILTER, 0), -EPERM, "for ever");
	close(to);
	close(from);
}

/* UDP: several sends, one datagram. */
static void gathered(void)
{
	int to = socket(AF_INET, SOCK_DGRAM, 0), from = socket(AF_INET, SOCK_DGRAM, 0);
	int other = socket(AF_INET, SOCK_DGRAM, 0);
	union addr a;

	bind_port(to, AF_INET, 0);
	bind_port(other, AF_INET, 0);
	a = local(AF_INET, port_of(to));
	tap_is(err(sendto(from, "ab", 2, MSG_MORE, &a.sa, sizeof(a.in))), 2, "MSG_MORE");
	tap_is(events_in(to, POLLIN, 30), 0, "nothing goes yet");
	tap_is(err(send(from, "cd", 2, MSG_MORE)), 2, "more, and no address is needed");
	a = local(AF_INET, port_of(other));
	tap_is(err(sendto(from, "e", 1, 0, &a.sa, sizeof(a.in))), 1, "the last");
	tap_is(receive(to, 100, 0).n, 5, "one datagram");
	tap_ok(!memcmp(buffer, "abcde", 5), "in order");
	tap_is(receive(other, 100, 0).n, -EAGAIN, "where the first said");
	a = local(AF_INET, port_of(to));
	tap_is(set_int(from, IPPROTO_UDP, UDP_CORK, 1), 0, "UDP_CORK");
	tap_is(get_int(from, IPPROTO_UDP, UDP_CORK), 1, "it is kept");
	tap_is(err(sendto(from, "xyz", 3, 0, &a.sa, sizeof(a.in))), 3, "send");
	tap_is(err(send(from, "w", 1, 0)), 1, "send");
	tap_is(events_in(to, POLLIN, 30), 0, "nothing goes yet");
	tap_is(set_int(from, IPPROTO_UDP, UDP_CORK, 0), 0, "no cork");
	tap_is(receive(to, 100, 0).n, 4, "there it is");
	tap_is(err(sendto(from, buffer, 40000, MSG_MORE, &a.sa, sizeof(a.in))), 40000, "much");
	tap_is(err(send(from, buffer, 40000, 0)), -EMSGSIZE, "too much");
	tap_is(err(send(from, buffer, 1, 0)), -EDESTADDRREQ, "all of it is dropped");
	tap_is(err(send(from, buffer, 1, MSG_MORE)), -EDESTADDRREQ, "an address is needed");
	close(to);
	close(from);
	close(other);
}

int main(void)
{
	loopback_up();
	refused(AF_INET);
	refused(AF_INET6);
	order_and_room();
	one_piece();
	all_too_large();
	stamps(AF_INET);
	stamps(AF_INET6);
	memory();
	gathered();
	return tap_exit();
}
