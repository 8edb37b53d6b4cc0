/* SPDX-License-Identifier: MIT */
/*
 * Netlink: requests for interfaces, addresses and routes
 * of a machine that has only the loopback interface.
 */
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include "inetsock.h"

static char buffer[65536];
static unsigned sequence;

static int netlink(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);

	if (fd < 0)
		tap_bail("netlink: %s", strerror(errno));
	return fd;
}

struct request {
	struct nlmsghdr h;
	union {
		struct ifinfomsg link;
		struct ifaddrmsg addr;
		struct rtmsg route;
	};
	char attrs[256];
};

static void begin(struct request *r, int type, int flags, int payload)
{
	memset(r, 0, sizeof(*r));
	r->h = (struct nlmsghdr){ NLMSG_LENGTH(payload), type, NLM_F_REQUEST | flags, ++sequence, 0 };
}

static void add(struct request *r, int type, const void *data, int len)
{
	struct rtattr *a = (void *)((char *)r + NLMSG_ALIGN(r->h.nlmsg_len));

	a->rta_type = type;
	a->rta_len = RTA_LENGTH(len);
	memcpy(RTA_DATA(a), data, len);
	r->h.nlmsg_len = NLMSG_ALIGN(r->h.nlmsg_len) + RTA_ALIGN(a->rta_len);
}

/* The error number of the answer (0 for an acknowledgement), or 1: it is no error. */
static int ask(int fd, struct request *r)
{
	struct nlmsghdr *h = (void *)buffer;
	long n;

	if (send(fd, r, r->h.nlmsg_len, 0) < 0)
		return -errno;
	n = recv(fd, buffer, sizeof(buffer), 0);
	if (n < (long)sizeof(*h) || h->nlmsg_seq != r->h.nlmsg_seq)
		return -1000;
	return h->nlmsg_type == NLMSG_ERROR ? ((struct nlmsgerr *)NLMSG_DATA(h))->error : 1;
}

/* Attribute of the message in the buffer. */
static struct rtattr *attr_of(struct nlmsghdr *h, int payload, int type)
{
	struct rtattr *a = (void *)((char *)NLMSG_DATA(h) + NLMSG_ALIGN(payload));
	int len = h->nlmsg_len - NLMSG_LENGTH(payload);

	for (; RTA_OK(a, len); a = RTA_NEXT(a, len))
		if (a->rta_type == type)
			return a;
	return NULL;
}

static void sockets(void)
{
	struct sockaddr_nl a = { .nl_family = AF_NETLINK }, b;
	socklen_t len = sizeof(b);
	int fd, other;

	tap_is(err(socket(AF_NETLINK, SOCK_STREAM, 0)), -ESOCKTNOSUPPORT, "no streams");
	tap_is(err(socket(AF_NETLINK, SOCK_RAW, 30)), -EPROTONOSUPPORT, "no such protocol");
	fd = netlink();
	other = netlink();
	tap_is(err(bind(fd, (struct sockaddr *)&a, 4)), -EINVAL, "a short address");
	tap_is(err(bind(fd, (struct sockaddr *)&a, sizeof(a))), 0, "bind");
	getsockname(fd, (struct sockaddr *)&b, &len);
	tap_ok(len == sizeof(b) && b.nl_pid == (unsigned)getpid(),
	       "its port is the process's number");
	tap_is(err(bind(other, (struct sockaddr *)&b, sizeof(b))), -EADDRINUSE, "a port in use");
	tap_is(err(bind(other, (struct sockaddr *)&a, sizeof(a))), 0, "bind a second");
	getsockname(other, (struct sockaddr *)&b, &len);
	tap_ok(b.nl_pid != (unsigned)getpid() && b.nl_pid, "it has another");
	tap_is(err(recv(fd, buffer, 10, MSG_DONTWAIT)), -EAGAIN, "nothing to read");
	close(fd);
	close(other);
}

static void links(void)
{
	struct request r;
	struct nlmsghdr *h = (void *)buffer;
	struct rtattr *a;
	int fd = netlink(), index, found = 0, done = 0;
	long n;

	begin(&r, RTM_GETLINK, NLM_F_DUMP, sizeof(r.link));
	send(fd, &r, r.h.nlmsg_len, 0);
	tap_is(err(recv(fd, buffer, 10, MSG_PEEK | MSG_TRUNC)) > 100, 1, "peek: the whole length");
	while (!done && (n = recv(fd, buffer, sizeof(buffer), 0)) > 0)
		for (struct nlmsghdr *m = h; NLMSG_OK(m, n); m = NLMSG_NEXT(m, n)) {
			done |= m->nlmsg_type == NLMSG_DONE;
			a = m->nlmsg_type == RTM_NEWLINK ? attr_of(m, sizeof(r.link), IFLA_IFNAME) : NULL;
			found += a && !strcmp(RTA_DATA(a), "lo") && (m->nlmsg_flags & NLM_F_MULTI);
		}
	tap_is(found, 1, "a dump of the interfaces has lo");
	tap_is(done, 1, "and an end");
	begin(&r, RTM_GETLINK, 0, sizeof(r.link));
	r.link.ifi_index = 1;
	tap_is(ask(fd, &r), 1, "one interface by its index");
	tap_is(h->nlmsg_type, RTM_NEWLINK, "the answer");
	index = ((struct ifinfomsg *)NLMSG_DATA(h))->ifi_index;
	tap_is(index, 1, "its index");
	tap_is(((struct ifinfomsg *)NLMSG_DATA(h))->ifi_type, 772, "its type");
	a = attr_of(h, sizeof(r.link), IFLA_MTU);
	tap_ok(a && *(unsigned *)RTA_DATA(a) >= 65535, "its MTU");
	begin(&r, RTM_GETLINK, 0, sizeof(r.link));
	add(&r, IFLA_IFNAME, "lo", 3);
	tap_is(ask(fd, &r), 1, "one interface by its name");
	begin(&r, RTM_GETLINK, 0, sizeof(r.link));
	add(&r, IFLA_IFNAME, "nosuch", 7);
	tap_is(ask(fd, &r), -ENODEV, "no such interface");
	begin(&r, RTM_NEWLINK, NLM_F_ACK, sizeof(r.link));
	r.link.ifi_index = 1;
	r.link.ifi_flags = r.link.ifi_change = IFF_UP;
	tap_is(ask(fd, &r), 0, "up");
	tap_is(CODE(setuid(1000); r.h.nlmsg_seq = 77; _exit(-ask(fd, &r))), EPERM, "is for root");
	begin(&r, 0x7ffe, NLM_F_ACK, sizeof(r.link));
	tap_is(ask(fd, &r), -EOPNOTSUPP, "an unknown request");
	begin(&r, NLMSG_NOOP, NLM_F_ACK, 0);
	tap_is(ask(fd, &r), 0, "nothing, acknowledged");
	close(fd);
}

static void addresses(void)
{
	struct request r;
	unsigned char ip[4] = { 127, 0, 0, 1 };
	int fd = netlink(), found = 0, done = 0;
	long n;

	begin(&r, RTM_GETADDR, NLM_F_DUMP, sizeof(r.addr));
	r.addr.ifa_family = AF_INET;
	send(fd, &r, r.h.nlmsg_len, 0);
	while (!done && (n = recv(fd, buffer, sizeof(buffer), 0)) > 0)
		for (struct nlmsghdr *m = (void *)buffer; NLMSG_OK(m, n); m = NLMSG_NEXT(m, n)) {
			struct ifaddrmsg *i = NLMSG_DATA(m);
			struct rtattr *a;

			done |= m->nlmsg_type == NLMSG_DONE;
			a = m->nlmsg_type == RTM_NEWADDR ? attr_of(m, sizeof(r.addr), IFA_LOCAL) : NULL;
			found += a && !memcmp(RTA_DATA(a), ip, 4) && i->ifa_prefixlen == 8 && i->ifa_index == 1 &&
				 i->ifa_scope == RT_SCOPE_HOST;
		}
	tap_is(found, 1, "lo has 127.0.0.1/8");
	begin(&r, RTM_DELADDR, NLM_F_ACK, sizeof(r.addr));
	r.addr.ifa_family = AF_INET;
	r.addr.ifa_prefixlen = 32;
	r.addr.ifa_index = 1;
	ip[0] = 99;
	add(&r, IFA_LOCAL, ip, 4);
	tap_is(ask(fd, &r), -EADDRNOTAVAIL, "an address that it has not");
	begin(&r, RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, sizeof(r.addr));
	r.addr.ifa_family = AF_INET;
	r.addr.ifa_prefixlen = 8;
	r.addr.ifa_index = 1;
	ip[0] = 127;
	add(&r, IFA_LOCAL, ip, 4);
	tap_is(ask(fd, &r), -EEXIST, "one that it has");
	begin(&r, RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE, sizeof(r.addr));
	r.addr.ifa_family = AF_INET;
	r.addr.ifa_index = 999;
	add(&r, IFA_LOCAL, ip, 4);
	tap_is(ask(fd, &r), -ENODEV, "of no interface");
	close(fd);
}

static int change_address(int fd, int type, int a, int b, int prefix)
{
	unsigned char ip[4] = { 10, 5 + a, 0, b };
	struct request r;

	begin(&r, type, NLM_F_ACK | (type == RTM_NEWADDR ? NLM_F_CREATE | NLM_F_EXCL : 0), sizeof(r.addr));
	r.addr.ifa_family = AF_INET;
	r.addr.ifa_prefixlen = prefix;
	r.addr.ifa_index = 1;
	add(&r, IFA_LOCAL, ip, 4);
	add(&r, IFA_ADDRESS, ip, 4);
	return ask(fd, &r);
}

/* Those of 10.0.0.0/8 in the order of the dump: what is told of each. */
static void tell_addresses(int fd, const char *when)
{
	struct request r;
	int done = 0, number = 0;
	long n;

	begin(&r, RTM_GETADDR, NLM_F_DUMP, sizeof(r.addr));
	r.addr.ifa_family = AF_INET;
	send(fd, &r, r.h.nlmsg_len, 0);
	while (!done && (n = recv(fd, buffer, sizeof(buffer), 0)) > 0)
		for (struct nlmsghdr *m = (void *)buffer; NLMSG_OK(m, n); m = NLMSG_NEXT(m, n)) {
			struct ifaddrmsg *i = NLMSG_DATA(m);
			struct rtattr *a = m->nlmsg_type == RTM_NEWADDR ?
				attr_of(m, sizeof(r.addr), IFA_LOCAL) : NULL;
			unsigned char *ip = a ? RTA_DATA(a) : NULL;

			done |= m->nlmsg_type == NLMSG_DONE;
			if (ip && ip[0] == 10)
				tap_says(ip[1] * 1000000 + ip[3] * 10000 + i->ifa_prefixlen * 100 + i->ifa_flags,
					 "%s: number %d", when, ++number);
		}
	tap_says(number, "%s: so many", when);
}

static union addr ten(int a, int b, int port)
{
	union addr ip = { .in = { .sin_family = AF_INET, .sin_port = htons(port) } };

	ip.in.sin_addr.s_addr = htonl(0x0a000000 | (5 + a) << 16 | b);
	return ip;
}

/* Datagrams and connections between them. */
static void use_addresses(void)
{
	union addr at = ten(0, 2, 4400), from;
	socklen_t len = sizeof(from);
	int to = socket(AF_INET, SOCK_DGRAM, 0), s = socket(AF_INET, SOCK_DGRAM, 0);
	int l = socket(AF_INET, SOCK_STREAM, 0), c = socket(AF_INET, SOCK_STREAM, 0), a;
	char byte;

	tap_is(err(bind(to, &at.sa, sizeof(at.in))), 0, "bind to a secondary address");
	tap_is(err(sendto(s, "x", 1, 0, &at.sa, sizeof(at.in))), 1, "send to it");
	tap_is(err(recvfrom(to, &byte, 1, MSG_DONTWAIT, &from.sa, &len)), 1, "it comes");
	tap_is(ntohl(from.in.sin_addr.s_addr), 0x0a050001, "from its network's first");
	tap_is(err(sendto(to, "y", 1, 0, &from.sa, sizeof(from.in))), 1, "an answer");
	tap_is(err(recvfrom(s, &byte, 1, MSG_DONTWAIT, &from.sa, &len)), 1, "comes");
	tap_is(ntohl(from.in.sin_addr.s_addr), 0x0a050002, "from where the question went");
	at = ten(1, 1, 4401);
	tap_is(err(bind(l, &at.sa, sizeof(at.in))), 0, "bind to another network's");
	listen(l, 1);
	tap_is(err(connect(c, &at.sa, sizeof(at.in))), 0, "connect to it");
	a = accept(l, NULL, NULL);
	len = sizeof(from);
	getpeername(a, &from.sa, &len);
	tap_is(ntohl(from.in.sin_addr.s_addr), 0x0a060001, "from the same");
	at = ten(0, 3, 4402);
	connect(s, &at.sa, sizeof(at.in));
	tap_is(err(send(s, "z", 1, 0)), 1, "to a port of nobody's");
	tap_is(err(recv(s, &byte, 1, 0)), -ECONNREFUSED, "which says so");
	close(to);
	close(s);
	close(l);
	close(c);
	close(a);
}

/* Loopback's network is ours as a whole. */
static void speak_to_loopback(void)
{
	union addr at = { .in = { .sin_family = AF_INET, .sin_port = htons(4403),
				  .sin_addr.s_addr = htonl(0x7f030201) } }, from;
	socklen_t len = sizeof(from);
	int s = socket(AF_INET, SOCK_DGRAM, 0);

	tap_is(err(connect(s, &at.sa, sizeof(at.in))), 0, "connect to 127.3.2.1");
	getsockname(s, &from.sa, &len);
	tap_is(ntohl(from.in.sin_addr.s_addr), 0x7f000001, "from 127.0.0.1");
	close(s);
}

static void more_addresses(void)
{
	union addr gone = ten(0, 2, 0);
	int fd = netlink(), s = socket(AF_INET, SOCK_DGRAM, 0);

	tap_is(change_address(fd, RTM_NEWADDR, 0, 1, 24), 0, "a second network");
	tap_is(change_address(fd, RTM_NEWADDR, 0, 2, 24), 0, "another address of it");
	tap_is(change_address(fd, RTM_NEWADDR, 1, 1, 24), 0, "a third network");
	tap_is(change_address(fd, RTM_NEWADDR, 0, 3, 24), 0, "one more of the second");
	tap_is(change_address(fd, RTM_NEWADDR, 0, 2, 24), -EEXIST, "twice");
	tell_addresses(fd, "all");
	use_addresses();
	tap_is(change_address(fd, RTM_DELADDR, 0, 3, 24), 0, "a secondary one goes");
	tap_is(change_address(fd, RTM_DELADDR, 0, 3, 24), -EADDRNOTAVAIL, "once");
	tell_addresses(fd, "then");
	tap_is(change_address(fd, RTM_DELADDR, 0, 1, 24), 0, "a network's first goes");
	tell_addresses(fd, "with its others");
	tap_is(err(bind(s, &gone.sa, sizeof(gone.in))), -EADDRNOTAVAIL, "it is not ours any more");
	tap_is(change_address(fd, RTM_DELADDR, 1, 1, 24), 0, "the last");
	tell_addresses(fd, "at last");
	close(fd);
	close(s);
}

static void routes(void)
{
	struct request r;
	struct nlmsghdr *h = (void *)buffer;
	unsigned char ip[4] = { 127, 0, 0, 1 };
	struct rtattr *a;
	int fd = netlink();

	begin(&r, RTM_GETROUTE, 0, sizeof(r.route));
	r.route.rtm_family = AF_INET;
	r.route.rtm_dst_len = 32;
	add(&r, RTA_DST, ip, 4);
	tap_is(ask(fd, &r), 1, "the way to 127.0.0.1");
	a = attr_of(h, sizeof(r.route), RTA_OIF);
	tap_ok(a && *(int *)RTA_DATA(a) == 1, "is lo");
	begin(&r, RTM_GETROUTE, 0, sizeof(r.route));
	r.route.rtm_family = AF_INET;
	r.route.rtm_dst_len = 32;
	ip[0] = 99;
	add(&r, RTA_DST, ip, 4);
	tap_is(ask(fd, &r), -ENETUNREACH, "there is none to 99.0.0.1");
	begin(&r, RTM_DELROUTE, NLM_F_ACK, sizeof(r.route));
	r.route.rtm_family = AF_INET;
	r.route.rtm_table = RT_TABLE_MAIN;
	r.route.rtm_dst_len = 8;
	r.route.rtm_scope = RT_SCOPE_NOWHERE;
	ip[3] = 0;
	add(&r, RTA_DST, ip, 4);
	tap_is(ask(fd, &r), -ESRCH, "a route that is not there");
	begin(&r, RTM_NEWROUTE, NLM_F_ACK | NLM_F_CREATE, sizeof(r.route));
	r.route.rtm_family = AF_INET;
	r.route.rtm_table = RT_TABLE_MAIN;
	r.route.rtm_protocol = RTPROT_STATIC;
	r.route.rtm_type = RTN_UNICAST;
	r.route.rtm_dst_len = 8;
	add(&r, RTA_DST, ip, 4);
	ip[0] = 98;
	ip[3] = 7;
	add(&r, RTA_GATEWAY, ip, 4);
	tap_is(ask(fd, &r), -ENETUNREACH, "by a gateway that is on no link");
	close(fd);
}

static void notices(void)
{
	struct request r;
	struct sockaddr_nl a = { .nl_family = AF_NETLINK };
	struct nlmsghdr *h = (void *)buffer;
	int fd = netlink(), watcher = netlink();

	bind(watcher, (struct sockaddr *)&a, sizeof(a));
	tap_is(set_int(watcher, 270, NETLINK_ADD_MEMBERSHIP, RTNLGRP_LINK), 0, "join a group");
	begin(&r, RTM_NEWLINK, NLM_F_ACK, sizeof(r.link));
	r.link.ifi_index = 1;
	r.link.ifi_change = IFF_UP;
	tap_is(ask(fd, &r), 0, "lo down");
	tap_is(events_in(watcher, POLLIN, 1000), POLLIN, "its members are told");
	recv(watcher, buffer, sizeof(buffer), 0);
	tap_is(h->nlmsg_type, RTM_NEWLINK, "of the interface");
	while (recv(watcher, buffer, sizeof(buffer), MSG_DONTWAIT) > 0)
		;
	r.link.ifi_flags = IFF_UP;
	r.h.nlmsg_seq = ++sequence;
	tap_is(ask(fd, &r), 0, "lo up");
	tap_is(events_in(watcher, POLLIN, 1000), POLLIN, "they are told again");
	tap_is(set_int(watcher, 270, NETLINK_ADD_MEMBERSHIP, 0), -EINVAL, "no such group");
	close(fd);
	close(watcher);
}

int main(void)
{
	loopback_up();
	sockets();
	links();
	addresses();
	more_addresses();
	speak_to_loopback();
	routes();
	notices();
	return tap_exit();
}
