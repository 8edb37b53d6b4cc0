/* SPDX-License-Identifier: MIT */
/*
 * AF_PACKET on the loopback interface: whole frames,
 * what goes with them, and filters of classic BPF.
 */
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include "inetsock.h"

static unsigned char buffer[4096];
static int lo_index;

static int packet(int type, int protocol)
{
	int fd = socket(AF_PACKET, type, htons(protocol));

	if (fd < 0)
		tap_bail("packet: %s", strerror(errno));
	return fd;
}

static int bind_lo(int fd, int protocol)
{
	struct sockaddr_ll ll = { .sll_family = AF_PACKET, .sll_protocol = htons(protocol), .sll_ifindex = lo_index };

	return err(bind(fd, (struct sockaddr *)&ll, sizeof(ll)));
}

/* Ports 4001 to 4004 are somebody's, so that no ICMP messages come between. */
static void receivers(void)
{
	for (int port = 4001; port <= 4004; port++)
		bind_port(socket(AF_INET, SOCK_DGRAM, 0), AF_INET, port);
}

/* A datagram of these bytes to a port of ours. */
static void send_udp(const char *data, int port)
{
	union addr a = local(AF_INET, port);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	sendto(fd, data, strlen(data), 0, &a.sa, sizeof(a.in));
	close(fd);
}

/* The next frame that has these bytes at its end, or -errno; ll: where from. */
static long next_with(int fd, const char *data, struct sockaddr_ll *ll)
{
	long n, len = strlen(data);
	socklen_t room;

	for (;;) {
		room = sizeof(*ll);
		if (!events_in(fd, POLLIN, 300))
			return -EAGAIN;
		n = err(recvfrom(fd, buffer, sizeof(buffer), MSG_DONTWAIT, (struct sockaddr *)ll,
				 &room));
		if (n < 0 || (n >= len && !memcmp(buffer + n - len, data, len)))
			return n;
	}
}

static void creation(void)
{
	struct sockaddr_ll ll = { .sll_family = AF_PACKET };
	socklen_t len = sizeof(ll);
	int fd;

	tap_is(CODE(setuid(1000); _exit(socket(AF_PACKET, SOCK_RAW, 0) < 0 ? errno : 0)), EPERM,
	       "it is for root");
	tap_is(err(socket(AF_PACKET, SOCK_STREAM, 0)), -ESOCKTNOSUPPORT, "no streams");
	fd = packet(SOCK_RAW, 0);
	tap_is(err(bind(fd, (struct sockaddr *)&ll, 10)), -EINVAL, "a short address");
	ll.sll_ifindex = 9999;
	tap_is(err(bind(fd, (struct sockaddr *)&ll, sizeof(ll))), -ENODEV, "no such interface");
	tap_is(bind_lo(fd, ETH_P_ALL), 0, "bind");
	len = sizeof(ll);
	getsockname(fd, (struct sockaddr *)&ll, &len);
	tap_ok(ll.sll_ifindex == lo_index && ll.sll_protocol == htons(ETH_P_ALL), "its name");
	tap_says(len, "how long");
	tap_says(ll.sll_hatype, "the interface's type");
	tap_is(err(getpeername(fd, (struct sockaddr *)&ll, &len)), -EOPNOTSUPP, "it has no peer");
	tap_is(err(listen(fd, 1)), -EOPNOTSUPP, "nor listens");
	tap_is(err(recv(fd, buffer, 10, MSG_DONTWAIT)), -EAGAIN, "nothing to read");
	tap_is(events_of(fd, POLLIN | POLLOUT), POLLOUT, "writable");
	close(fd);
}

static void frames(void)
{
	struct sockaddr_ll ll;
	int raw = packet(SOCK_RAW, ETH_P_ALL), cooked = packet(SOCK_DGRAM, ETH_P_IP),
	    other = packet(SOCK_RAW, ETH_P_ARP);

	bind_lo(raw, ETH_P_ALL);
	bind_lo(cooked, ETH_P_IP);
	bind_lo(other, ETH_P_ARP);
	send_udp("one", 4001);
	tap_is(next_with(raw, "one", &ll), 14 + 28 + 3, "a whole frame");
	tap_is(ll.sll_pkttype, PACKET_OUTGOING, "on its way out");
	tap_ok(ll.sll_protocol == htons(ETH_P_IP) && ll.sll_ifindex == lo_index, "of IP");
	tap_is(next_with(raw, "one", &ll), 14 + 28 + 3, "and again");
	tap_is(ll.sll_pkttype, PACKET_HOST, "on its way in");
	tap_ok(buffer[12] == 8 && buffer[13] == 0 && buffer[14] == 0x45, "headers");
	tap_is(next_with(cooked, "one", &ll), 28 + 3, "without the link header");
	tap_is(ll.sll_pkttype, PACKET_HOST, "only on its way in");
	tap_is(buffer[0], 0x45, "from the IP header on");
	tap_is(next_with(cooked, "one", &ll), -EAGAIN, "once");
	tap_is(next_with(other, "one", &ll), -EAGAIN, "another protocol's does not see it");
	send_udp("four", 4001);
	events_in(cooked, POLLIN, 300);
	tap_is(err(recv(cooked, buffer, 10, MSG_PEEK | MSG_TRUNC)), 32, "peek: its length");
	tap_is(err(recv(cooked, buffer, 10, 0)), 10, "cut");
	close(raw);
	close(cooked);
	close(other);
}

static void sending(void)
{
	struct sockaddr_ll ll = { .sll_family = AF_PACKET, .sll_protocol = htons(0x88b5), .sll_ifindex = lo_index,
				  .sll_halen = 6 };
	int from = packet(SOCK_DGRAM, 0), to = packet(SOCK_RAW, 0x88b5);
	struct sockaddr_ll who;

	tap_is(err(send(from, "x", 1, 0)), -ENXIO, "send through no interface");
	bind_lo(to, 0x88b5);
	tap_is(err(sendto(from, "hello", 5, 0, (struct sockaddr *)&ll, 8)), -EINVAL,
	       "a short address");
	tap_is(err(sendto(from, "hello", 5, 0, (struct sockaddr *)&ll, sizeof(ll))), 5, "send");
	tap_is(next_with(to, "hello", &who), 14 + 5, "it comes, with a header");
	tap_ok(buffer[12] == 0x88 && buffer[13] == 0xb5, "of that protocol");
	close(from);
	from = packet(SOCK_RAW, 0);
	bind_lo(from, 0x88b5);
	memset(buffer, 0, 14);
	buffer[12] = 0x88;
	buffer[13] = 0xb5;
	memcpy(buffer + 14, "again", 5);
	tap_is(err(send(from, buffer, 19, 0)), 19, "a whole frame");
	tap_is(next_with(to, "again", &who), 19, "comes as it was");
	close(from);
	close(to);
}

static int attach(int fd, struct sock_filter *code, int len)
{
	struct sock_fprog p = { len, code };

	return err(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &p, sizeof(p)));
}

static void attached_filters(int fd)
{
	struct sock_filter port[] = {	/* of UDP to port 4002: all of it */
		BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0),
		BPF_STMT(BPF_LD | BPF_H | BPF_IND, 2),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 4002, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, -1),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_filter cut[] = { BPF_STMT(BPF_RET | BPF_K, 20) };
	struct sock_filter sum[] = {	/* scratch memory, arithmetic: 3 * 7 + 4 bytes of each */
		BPF_STMT(BPF_LD | BPF_IMM, 3),
		BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, 7),
		BPF_STMT(BPF_ST, 5),
		BPF_STMT(BPF_LDX | BPF_MEM, 5),
		BPF_STMT(BPF_LD | BPF_IMM, 4),
		BPF_STMT(BPF_ALU | BPF_ADD | BPF_X, 0),
		BPF_STMT(BPF_RET | BPF_A, 0),
	};
	struct sock_filter protocol[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, SKF_AD_OFF + SKF_AD_PROTOCOL),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_IP, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 30),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_filter beyond[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 60000),
		BPF_STMT(BPF_RET | BPF_K, -1),
	};
	struct sockaddr_ll ll;

	tap_is(attach(fd, port, 5), 0, "attach a filter");
	send_udp("no", 4003);
	send_udp("yes", 4002);
	events_in(fd, POLLIN, 300);
	tap_is(next_with(fd, "yes", &ll), 28 + 3, "what it lets through");
	tap_is(next_with(fd, "yes", &ll), -EAGAIN, "and no more");
	tap_is(attach(fd, cut, 1), 0, "another");
	send_udp("yes", 4002);
	events_in(fd, POLLIN, 300);
	tap_is(err(recv(fd, buffer, 100, MSG_DONTWAIT)), 20, "20 bytes");
	while (recv(fd, buffer, 100, MSG_DONTWAIT) > 0)
		;
	attach(fd, sum, 7);
	send_udp("yes", 4002);
	events_in(fd, POLLIN, 300);
	tap_is(err(recv(fd, buffer, 100, MSG_DONTWAIT)), 25, "25 bytes");
	while (recv(fd, buffer, 100, MSG_DONTWAIT) > 0)
		;
	tap_is(attach(fd, protocol, 4), 0, "what is known beside the bytes");
	send_udp("yes", 4002);
	events_in(fd, POLLIN, 300);
	tap_is(err(recv(fd, buffer, 100, MSG_DONTWAIT)), 30, "30 bytes");
	while (recv(fd, buffer, 100, MSG_DONTWAIT) > 0)
		;
	attach(fd, beyond, 2);
	send_udp("yes", 4002);
	tap_is(next_with(fd, "yes", &ll), -EAGAIN, "a load from beyond the end drops it");
}

static void refused_filters(int fd)
{
	struct sock_filter backward[] = { BPF_STMT(BPF_JMP | BPF_JA, -1), BPF_STMT(BPF_RET | BPF_K, 1) };
	struct sock_filter endless[] = { BPF_STMT(BPF_LD | BPF_IMM, 1) };
	struct sock_filter far[] = { BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0), BPF_STMT(BPF_RET | BPF_K, 1) };
	struct sock_filter by_zero[] = { BPF_STMT(BPF_ALU | BPF_DIV | BPF_K, 0), BPF_STMT(BPF_RET | BPF_K, 1) };
	struct sock_filter memory[] = { BPF_STMT(BPF_ST, 16), BPF_STMT(BPF_RET | BPF_K, 1) };
	struct sock_filter unknown[] = { BPF_STMT(0xff, 0), BPF_STMT(BPF_RET | BPF_K, 1) };
	struct sock_filter empty[1];

	tap_is(attach(fd, backward, 2), -EINVAL, "a jump backward");
	tap_is(attach(fd, endless, 1), -EINVAL, "no return");
	tap_is(attach(fd, far, 2), -EINVAL, "a jump to beyond the end");
	tap_is(attach(fd, by_zero, 2), -EINVAL, "a division by zero");
	tap_is(attach(fd, memory, 2), -EINVAL, "memory that is not there");
	tap_is(attach(fd, unknown, 2), -EINVAL, "an unknown instruction");
	tap_is(attach(fd, empty, 0), -EINVAL, "an empty program");
}

static void filters(void)
{
	struct sockaddr_ll ll;
	int fd = packet(SOCK_DGRAM, ETH_P_IP);

	bind_lo(fd, ETH_P_IP);
	attached_filters(fd);
	refused_filters(fd);
	tap_is(err(setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &fd, 4)), 0, "detach");
	tap_is(err(setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &fd, 4)), -ENOENT, "there is none");
	send_udp("yes", 4003);
	tap_is(next_with(fd, "yes", &ll), 28 + 3, "all comes");
	close(fd);
}

static void statistics(void)
{
	struct tpacket_stats st;
	socklen_t len = sizeof(st);
	int fd = packet(SOCK_RAW, ETH_P_IP);

	bind_lo(fd, ETH_P_IP);
	getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &st, &len);
	for (int i = 0; i < 10; i++)
		send_udp("x", 4004);
	sleep_ms(20);
	len = sizeof(st);
	tap_is(err(getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &st, &len)), 0,
	       "PACKET_STATISTICS");
	tap_ok(st.tp_packets >= 10 && st.tp_drops == 0, "what came");
	len = sizeof(st);
	getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &st, &len);
	tap_is(st.tp_packets, 0, "since the last time");
	tap_is(set_int(fd, SOL_SOCKET, SO_RCVBUF, 4000), 0, "a small buffer");
	for (int i = 0; i < 100; i++)
		send_udp("x", 4004);
	sleep_ms(20);
	len = sizeof(st);
	getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &st, &len);
	tap_ok(st.tp_packets >= 100 && st.tp_drops > 50, "drops");
	close(fd);
}

static void memberships(void)
{
	struct packet_mreq m = { .mr_ifindex = lo_index, .mr_type = PACKET_MR_PROMISC };
	int fd = packet(SOCK_RAW, ETH_P_ALL);

	tap_is(err(setsockopt(fd, SOL_PACKET, PACKET_DROP_MEMBERSHIP, &m, sizeof(m))), 0,
	       "no member");
	tap_is(err(setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &m, sizeof(m))), 0,
	       "all packets, please");
	tap_is(err(setsockopt(fd, SOL_PACKET, PACKET_DROP_MEMBERSHIP, &m, sizeof(m))), 0,
	       "no longer");
	tap_is(err(setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &m, 4)), -EINVAL,
	       "a short one");
	m.mr_ifindex = 999;
	tap_is(err(setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &m, sizeof(m))), -ENODEV,
	       "no such interface");
	close(fd);
}

int main(void)
{
	loopback_up();
	receivers();
	lo_index = if_nametoindex("lo");
	tap_is(lo_index, 1, "the loopback interface is the first");
	creation();
	frames();
	sending();
	filters();
	statistics();
	memberships();
	return tap_exit();
}
