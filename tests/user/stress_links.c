/* SPDX-License-Identifier: MIT */
/*
 * Interfaces that programs make, by netlink: veth pairs and bridges. First what they do; then
 * they come and go while frames are sent through them, and listed. And sockets of all families
 * that come and go while NETLINK_SOCK_DIAG is asked for them, by good requests and by damaged ones.
 */
#include <linux/if_packet.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include "stress.h"
#include "links.h"

#define ETHERTYPE	0x88b5		/* for experiments (IEEE 802) */

static int flags_of(const char *name)
{
	struct ifreq r = { 0 };
	int fd = socket(AF_INET, SOCK_DGRAM, 0), e;

	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
	e = ioctl(fd, SIOCGIFFLAGS, &r);
	close(fd);
	return e ? -1 : r.ifr_flags;
}

/* A socket for frames of our type on an interface. */
static int open_on(const char *name)
{
	struct sockaddr_ll ll = { .sll_family = AF_PACKET, .sll_protocol = htons(ETHERTYPE),
				  .sll_ifindex = if_nametoindex(name) };
	int fd = socket(AF_PACKET, SOCK_RAW, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&ll, sizeof(ll)))
		tap_bail("%s: %s", name, strerror(errno));
	return fd;
}

static long send_frame(int fd, const unsigned char *dst, const unsigned char *src, char mark)
{
	unsigned char f[60] = { [12] = ETHERTYPE >> 8, [13] = ETHERTYPE & 0xff };

	memcpy(f, dst, 6);
	memcpy(f + 6, src, 6);
	f[14] = mark;
	return err(send(fd, f, sizeof(f), 0));
}

/* The mark of the next frame that came, 0: none. */
static char next_frame(int fd, int ms)
{
	unsigned char f[100];

	if (!(events_in(fd, POLLIN, ms) & POLLIN) || recv(fd, f, sizeof(f), MSG_DONTWAIT) < 15)
		return 0;
	return f[14];
}

static const unsigned char everybody[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

static int add_with_queues(int queues)
{
	struct request r = begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, "queues");
	struct rtattr *info = put(&r, IFLA_LINKINFO, NULL, 0);

	put(&r, IFLA_INFO_KIND, "bridge", 7);
	end_nest(&r, info);
	put(&r, IFLA_NUM_TX_QUEUES, &queues, sizeof(queues));
	return ask(&r);
}

static void pair(void)
{
	unsigned char a[6], b[6];
	int from, to;

	tap_is(add_link("veth", "left", "right"), 0, "a pair");
	tap_is(add_link("veth", "left", "other"), -EEXIST, "the name is taken");
	tap_is(if_nametoindex("other"), 0, "and nothing is left of it");
	tap_is(add_link("veth", "other", "right"), -EEXIST, "so is the peer's");
	tap_is(if_nametoindex("other"), 0, "and nothing is left of it");
	tap_is(add_link("nonsense", "other", NULL), -EOPNOTSUPP, "no such kind");
	tap_is(add_link("veth", "a-name-that-is-long", NULL), 0, "a long name is cut");
	tap_is(delete_link("a-name-that-is-"), 0, "and deleted by that");
	tap_is(add_with_queues(0), -EINVAL, "without a queue");
	tap_is(add_with_queues(4097), -EINVAL, "with too many");
	tap_is(add_with_queues(2), -EOPNOTSUPP, "with several");
	tap_is(add_with_queues(1) | delete_link("queues"), 0, "with one");
	tap_is(delete_link("lo"), -EOPNOTSUPP, "loopback stays");
	mac_of("left", a);
	mac_of("right", b);
	tap_ok(memcmp(a, b, 6) && (a[0] & 3) == 2, "addresses of their own");
	from = open_on("left");
	to = open_on("right");
	tap_is(send_frame(from, b, a, 'x'), -ENETDOWN, "down");
	tap_is(set_up("left", true), 0, "one end up");
	tap_ok(!(flags_of("left") & IFF_RUNNING), "no link yet");
	tap_is(set_up("right", true), 0, "both");
	tap_ok(flags_of("left") & flags_of("right") & IFF_RUNNING, "there it is");
	(void)err(recv(from, a, 0, MSG_DONTWAIT));
	(void)err(recv(to, b, 0, MSG_DONTWAIT));
	mac_of("left", a);
	mac_of("right", b);
	tap_is(send_frame(from, b, a, '1'), 60, "send");
	tap_is(next_frame(to, 1000), '1', "the other end has it");
	tap_is(send_frame(to, everybody, b, '2'), 60, "and back");
	tap_is(next_frame(from, 1000), '2', "a broadcast");
	tap_is(delete_link("right"), 0, "delete one");
	tap_is(if_nametoindex("left") + if_nametoindex("right"), 0, "both are gone");
	tap_is(delete_link("right"), -ENODEV, "once");
	tap_ok(send_frame(from, b, a, 'x') < 0, "nothing goes by it");
	close(from);
	close(to);
}

static void bridge(void)
{
	static const unsigned char one[6] = { 2, 0, 0, 0, 0, 1 }, two[6] = { 2, 0, 0, 0, 0, 2 };
	static const char *const names[] = { "p1", "q1", "p2", "q2", "p3", "q3", "br" };
	unsigned char own[6];
	int p1, p2, p3, br;

	tap_is(add_link("bridge", "br", NULL), 0, "a bridge");
	tap_is(add_link("veth", "p1", "q1") | add_link("veth", "p2", "q2") |
	       add_link("veth", "p3", "q3"), 0, "three pairs");
	tap_is(set_master("q1", "lo"), -EINVAL, "loopback is no bridge");
	tap_is(set_master("lo", "br"), -EINVAL, "nor a port");
	tap_is(set_master("br", "br"), -ELOOP, "nor a bridge of itself");
	tap_is(set_master("q1", "br") | set_master("q2", "br") | set_master("q3", "br"), 0,
	       "ports");
	for (unsigned i = 0; i < ARRAY_SIZE(names); i++)
		set_up(names[i], true);
	mac_of("br", own);
	p1 = open_on("p1");
	p2 = open_on("p2");
	p3 = open_on("p3");
	br = open_on("br");
	tap_is(send_frame(p1, two, one, 'a'), 60, "to an unknown address");
	tap_is(next_frame(p2, 1000), 'a', "it is flooded");
	tap_is(next_frame(p3, 1000), 'a', "to all others");
	tap_is(next_frame(br, 50), 0, "but the bridge itself");
	tap_is(send_frame(p2, one, two, 'b'), 60, "to one that has been heard of");
	tap_is(next_frame(p1, 1000), 'b', "there it goes");
	tap_is(next_frame(p3, 50), 0, "and nowhere else");
	tap_is(send_frame(p3, everybody, two, 'c'), 60, "to all, by one that has moved");
	tap_ok(next_frame(p1, 1000) == 'c' && next_frame(p2, 1000) == 'c' &&
	       next_frame(br, 1000) == 'c', "all have it");
	send_frame(p1, two, one, 'd');
	tap_ok(next_frame(p3, 1000) == 'd' && !next_frame(p2, 50), "it is where it was heard last");
	tap_is(send_frame(p1, own, one, 'e'), 60, "to the bridge");
	tap_is(next_frame(br, 1000), 'e', "it takes it");
	tap_is(send_frame(br, one, own, 'f'), 60, "and sends");
	tap_is(next_frame(p1, 1000), 'f', "by the port that it knows");
	tap_is(set_master("q2", NULL), 0, "one leaves");
	send_frame(p1, everybody, one, 'g');
	tap_ok(next_frame(p3, 1000) == 'g' && !next_frame(p2, 50), "and hears no more");
	tap_is(delete_link("p1"), 0, "a port is deleted");
	tap_is(delete_link("br"), 0, "the bridge is");
	tap_ok(if_nametoindex("q3") && !if_nametoindex("q1"), "its ports stay");
	tap_is(delete_link("q2") | delete_link("p3"), 0, "the rest");
	close(p1);
	close(p2);
	close(p3);
	close(br);
}

/* Makes and deletes all the time; each its own names, and all the one bridge. */
static void maker(int id)
{
	unsigned long s = id + 99;
	char a[16], b[16];

	snprintf(a, sizeof(a), "a%d", id);
	snprintf(b, sizeof(b), "b%d", id);
	while (stress_goes_on()) {
		if (add_link("veth", a, b))
			_exit(1);
		set_up(a, true);
		set_up(b, true);
		if (draw(&s) & 1)
			(void)set_master(b, "hub");
		sched_yield();
		if (draw(&s) & 1)
			(void)set_master(b, NULL);
		if (delete_link(draw(&s) & 1 ? a : b))
			_exit(2);
	}
	_exit(0);
}

static void sender(int id)
{
	unsigned long s = id + 7;
	int fd = socket(AF_PACKET, SOCK_RAW, 0);
	unsigned char f[200] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1,
				 ETHERTYPE >> 8, ETHERTYPE & 0xff };
	struct sockaddr_ll ll = { .sll_family = AF_PACKET, .sll_halen = 6 };

	while (stress_goes_on()) {
		char name[16];

		snprintf(name, sizeof(name), "%c%lu", draw(&s) & 1 ? 'a' : 'b', draw(&s) % 2);
		ll.sll_ifindex = if_nametoindex(name);
		f[0] = draw(&s) & 1 ? 0xff : 2;
		f[11] = draw(&s) % 50;
		f[5] = draw(&s) % 50;
		sendto(fd, f, sizeof(f), 0, (struct sockaddr *)&ll, sizeof(ll));
	}
	_exit(0);
}

static void lister(void)
{
	while (stress_goes_on()) {
		struct if_nameindex *list = if_nameindex();

		if (!list)
			_exit(3);
		if_freenameindex(list);
		close(open_on("hub"));
	}
	_exit(0);
}

/* --- sockets, and who asks for them --- */

static void opener(int id)
{
	static const int families[] = { AF_INET, AF_INET6, AF_UNIX, AF_PACKET, AF_NETLINK };
	struct tpacket_req ring = { 4096, 2, 2048, 4 };
	unsigned long s = id + 1;

	while (stress_goes_on()) {
		int family = families[draw(&s) % ARRAY_SIZE(families)], p[2] = { -1, -1 };
		int type = draw(&s) & 1 ? SOCK_STREAM : SOCK_DGRAM;

		if (family == AF_PACKET) {
			p[0] = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
			setsockopt(p[0], SOL_PACKET, PACKET_RX_RING, &ring, sizeof(ring));
		} else if (family == AF_NETLINK) {
			p[0] = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
		} else if (family == AF_UNIX) {
			socketpair(AF_UNIX, type, 0, p);
		} else if (type == SOCK_STREAM) {
			tcp_pair(family, p);
		} else {
			p[0] = socket(family, type, 0);
			bind_port(p[0], family, 0);
		}
		close(p[0]);
		close(p[1]);
	}
	_exit(0);
}

/* Whatever the kernel answers: until it is done, or says why not. */
static int read_answers(int fd)
{
	static char buf[16384];
	long n;

	while ((n = recv(fd, buf, sizeof(buf), 0)) > 0)
		for (struct nlmsghdr *h = (void *)buf; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n))
			if (h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR)
				return 0;
	return -1;
}

static void asker(int id)
{
	static const unsigned char families[] =
		{ AF_INET, AF_INET6, AF_UNIX, AF_PACKET, AF_NETLINK };
	static const unsigned char protocols[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_RAW, 0 };
	unsigned long s = id + 31;
	struct {
		struct nlmsghdr h;
		struct inet_diag_req_v2 q;
		unsigned char more[64];
	} r;
	int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG);

	while (stress_goes_on()) {
		memset(&r, 0, sizeof(r));
		for (unsigned i = 0; i < sizeof(r.more); i++)
			r.more[i] = draw(&s) % 12;
		r.h = (struct nlmsghdr){ sizeof(r.h) + sizeof(r.q) + draw(&s) % 4 * 20,
					 SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_ACK, 1, 0 };
		r.h.nlmsg_flags |= draw(&s) % 4 ? NLM_F_DUMP : 0;
		r.q.sdiag_family = families[draw(&s) % ARRAY_SIZE(families)];
		r.q.sdiag_protocol = r.q.sdiag_family == AF_INET || r.q.sdiag_family == AF_INET6 ?
				     protocols[draw(&s) % ARRAY_SIZE(protocols)] : 0;
		r.q.idiag_ext = draw(&s);
		r.q.idiag_states = draw(&s) % 4 ? ~0u : draw(&s);
		/* An attribute of the kind that a program is, of any length. */
		r.more[0] = draw(&s) % 64;
		r.more[1] = 0;
		r.more[2] = INET_DIAG_REQ_BYTECODE;
		r.more[3] = 0;
		if (send(fd, &r, r.h.nlmsg_len, 0) < 0 || read_answers(fd))
			_exit(1);
	}
	_exit(0);
}

/* All at once. */
static void storm(void)
{
	tap_is(add_link("bridge", "hub", NULL), 0, "a hub");
	set_up("hub", true);
	/* Each asks by a socket of its own. */
	close(netlink);
	netlink = -1;
	stress_start();
	for (int id = 0; id < 2; id++) {
		CHILD(maker(id));
		CHILD(sender(id));
		CHILD(opener(id));
		CHILD(asker(id));
	}
	CHILD(lister());
	tap_is(reap_failures(9), 0,
	       "interfaces and sockets come and go, under frames, and told of");
	tap_is(delete_link("hub"), 0, "the hub goes");
}

int main(void)
{
	pair();
	bridge();
	storm();
	return tap_exit();
}
