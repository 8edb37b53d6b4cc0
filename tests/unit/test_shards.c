/* SPDX-License-Identifier: MIT */
/*
 * The stack of a namespace in several instances (net/inet/shard.c), as on a machine of four CPUs:
 * whose a connection is, and what comes to it, or should not, from where another is. One thread: races
 * are for the guests.
 */
#include <kernel/errno.h>
#include <kernel/lib/string.h>
#include <kernel/mm/iov_iter.h>
#include <kernel/percpu.h>
#include <net/inet/tcp.h>
#include <net/port/port.h>
#include "net/segment.h"
#include "net/world.h"
#include "unit.h"

void free(void *p);

#define NR		4
#define PORT		80
#define PEER_PORT	5000
#define LOOPBACK	{ 127, 0, 0, 1 }
#define WINDOW		30000

static void ignore(void *owner, u32 events)
{
}
static const struct inet_ops ops = { ignore };

static void start(void)
{
	nr_cpus = NR;
	world_start();
	EXPECT_EQ(init_net.inet->common->nr_shards, NR);
}

static struct inet_ep *open_of(enum inet_type type, u8 protocol)
{
	struct inet_ep *ep = NULL;

	EXPECT_EQ(inet_open(&init_net, INET_AF_INET, type, protocol, &ops, (void *)&ops, &ep), 0);
	return ep;
}

static struct inet_ep *listen_at(u16 port, u32 backlog)
{
	struct inet_addr a = { .family = INET_AF_INET, .port = net16(port) };
	struct inet_ep *ep = open_of(INET_TCP, 6);

	EXPECT_EQ(inet_bind(ep, &a), 0);
	EXPECT_EQ(inet_listen(ep, backlog), 0);
	return ep;
}

static struct inet_ep *accept_from(struct inet_ep *l)
{
	struct inet_ep *ep = NULL;

	EXPECT_EQ(inet_accept(l, &ep), 0);
	if (ep)
		inet_set_owner(ep, &ops, (void *)&ops);
	return ep;
}

/* Port 0: any. */
static struct inet_ep *connect_from(u16 port, const struct inet_addr *to)
{
	struct inet_addr from = { .family = INET_AF_INET, .port = net16(port), .v4 = LOOPBACK };
	struct inet_ep *ep = open_of(INET_TCP, 6);

	if (port)
		EXPECT_EQ(inet_bind(ep, &from), 0);
	EXPECT_EQ(inet_connect(ep, to), -EINPROGRESS);
	return ep;
}

static struct inet_ep *connect_here(u16 port)
{
	struct inet_addr to = { .family = INET_AF_INET, .port = net16(PORT), .v4 = LOOPBACK };

	return connect_from(port, &to);
}

static void send_bytes(struct inet_ep *ep, const void *buf, size_t len)
{
	struct kvec v = { (void *)buf, len };
	struct iov_iter it;

	iov_iter_kernel(&it, &v, 1, len);
	EXPECT_EQ(inet_tcp_send(ep, &it, 0), len);
}

static ssize_t recv_bytes(struct inet_ep *ep, void *buf, size_t len)
{
	struct kvec v = { buf, len };
	struct iov_iter it;

	iov_iter_kernel(&it, &v, 1, len);
	return inet_tcp_recv(ep, &it, 0);
}

/* The bytes arrive, either way. */
static void talk(struct inet_ep *a, struct inet_ep *b)
{
	char buf[8];

	send_bytes(a, "ping", 4);
	EXPECT_EQ(recv_bytes(b, buf, 8), 4);
	send_bytes(b, "pong!", 5);
	EXPECT_EQ(recv_bytes(a, buf, 8), 5);
}

/* --- whose it is --- */

TEST(both_ends_of_a_flow_are_of_one_instance)
{
	struct inet_common *c;
	u32 flows[NR] = { 0 };

	start();
	c = init_net.inet->common;
	for (u32 i = 0; i < 4000; i++) {
		u32 a = 0x0100000a, b = 0x0200000a + (i % 7 << 24);
		u16 port = (u16)(32768 + i);
		struct inet_stack *s = inet_shard_of4(c, a, port, b, PORT);

		EXPECT_TRUE(s == inet_shard_of4(c, b, PORT, a, port));
		flows[s->index]++;
	}
	for (u32 i = 0; i < NR; i++)
		EXPECT_TRUE(flows[i] > 700 && flows[i] < 1300);
	world_end();
}

TEST(connections_of_this_machine_are_spread_and_spliced)
{
	struct inet_ep *a[40], *b[40], *l;
	u32 of[NR] = { 0 };

	start();
	l = listen_at(PORT, 64);
	for (u32 i = 0; i < ARRAY_SIZE(a); i++) {
		a[i] = connect_here(0);
		b[i] = accept_from(l);
		EXPECT_TRUE(a[i]->stack == b[i]->stack);
		talk(a[i], b[i]);
		EXPECT_TRUE(a[i]->twin == b[i]);
		of[a[i]->stack->index]++;
	}
	/* Each begins in the next one, and has a port with which it stays. */
	for (u32 i = 0; i < NR; i++)
		EXPECT_EQ(of[i], ARRAY_SIZE(a) / NR);
	for (u32 i = 0; i < ARRAY_SIZE(a); i++) {
		inet_close(a[i], false);
		inet_close(b[i], false);
	}
	EXPECT_EQ(tcp_table_waiting(init_net.inet->common), ARRAY_SIZE(a));
	inet_close(l, false);
	world_end();
}

TEST(who_has_a_port_already_moves_to_where_the_connection_is)
{
	struct inet_ep *l, *a, *b;
	u32 moved = 0;

	start();
	l = listen_at(PORT, 64);
	for (u16 i = 0; i < 40; i++) {
		struct inet_stack *home = init_net.inet->common->shards[init_net.inet->common->next_home % NR];

		a = connect_here(6000 + i);
		b = accept_from(l);
		moved += a->stack != home;
		EXPECT_TRUE(a->stack == b->stack);
		talk(a, b);
		/* Again, as the same socket. */
		if (i % 2) {
			EXPECT_EQ(inet_connect(a, NULL), 0);
			inet_close(b, true);
			EXPECT_EQ(inet_connect(a, &(struct inet_addr){ .family = INET_AF_INET,
				  .port = net16(PORT), .v4 = { 127, 0, 0, 2 } }), -EINPROGRESS);
			b = accept_from(l);
			EXPECT_TRUE(a->stack == b->stack);
			talk(b, a);
		}
		inet_close(a, true);
		inet_close(b, true);
	}
	EXPECT_TRUE(moved > 15);
	inet_close(l, false);
	world_end();
}

/* --- segments --- */

struct peer {
	u16 port;
	u32 seq, ack;
};

static void say(struct peer *p, u8 flags, const char *data, u32 cut)
{
	struct segment s = { .sport = p->port, .dport = PORT, .seq = p->seq, .ack = p->ack,
			     .flags = flags, .window = WINDOW, .data = data,
			     .len = data ? (u32)strlen(data) : 0, .cut = cut };

	segment_send(&s);
	p->seq += s.len + !!(flags & SYN);
}

/* From a host on the cable; its endpoint. */
static struct inet_ep *connection_from(struct inet_ep *l, struct peer *p)
{
	struct segment s = { 0 };

	world_drop_sent();
	say(p, SYN, NULL, 0);
	EXPECT_TRUE(segment_take(&s));
	p->ack = s.seq + 1;
	say(p, ACK, NULL, 0);
	return accept_from(l);
}

TEST(segments_in_fragments_reach_their_connection)
{
	char buf[64];
	struct inet_ep *l;
	u32 seen = 0;

	start();
	l = listen_at(PORT, 8);
	for (u16 i = 0; i < 32; i++) {
		struct peer p = { .port = PEER_PORT + i, .seq = 7000 };
		struct inet_ep *ep = connection_from(l, &p);

		seen |= 1u << ep->stack->index;
		say(&p, ACK, "whole;", 0);
		say(&p, ACK, "a segment in two pieces", 32);
		say(&p, ACK, ";cut in front of it", 24);
		EXPECT_EQ(recv_bytes(ep, buf, sizeof(buf)), 48);
		EXPECT_EQ(memcmp(buf, "whole;a segment in two pieces;cut in front of it", 48), 0);
		inet_close(ep, true);
	}
	EXPECT_EQ(seen, 15);
	inet_close(l, false);
	world_drop_sent();
	world_end();
}

TEST(raw_sockets_see_the_segments_of_all)
{
	struct inet_ep *l, *raw;
	u32 seen = 0;
	char buf[8];

	start();
	l = listen_at(PORT, 8);
	raw = open_of(INET_RAW, 6);
	for (u16 i = 0; i < 16; i++) {
		struct peer p = { .port = PEER_PORT + i, .seq = 7000 };
		u32 before = inet_dgram_arrivals(raw);
		struct inet_ep *ep = connection_from(l, &p), *a, *b;

		seen |= 1u << ep->stack->index;
		say(&p, ACK, "hi", 0);
		EXPECT_EQ(recv_bytes(ep, buf, sizeof(buf)), 2);
		EXPECT_EQ(inet_dgram_arrivals(raw), before + 3);
		inet_close(ep, true);
		/* Of this machine: SYN, SYN|ACK, ACK at least. */
		before = inet_dgram_arrivals(raw);
		a = connect_here(0);
		world_run(1);
		b = accept_from(l);
		EXPECT_TRUE(inet_dgram_arrivals(raw) >= before + 3);
		talk(a, b);
		inet_close(a, true);
		inet_close(b, true);
		world_run(1);
	}
	EXPECT_EQ(seen, 15);
	inet_close(raw, true);
	EXPECT_EQ(init_net.inet->common->raw_tcp, 0);
	inet_close(l, false);
	world_drop_sent();
	world_end();
}

/* A host unreachable for the SYN, which it quotes. */
static void refuse(const struct frame *syn)
{
	u8 f[14 + 20 + 8 + 28] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0, 0, 56,
				   [22] = 64, [23] = 1, [26] = 10, 0, 0, 2, 10, 0, 0, 1, 3, 1 };
	u16 sum;

	memcpy(f + 42, syn->data + 14, 28);
	sum = (u16)~lwip_checksum(f + 14, 20);
	memcpy(f + 24, &sum, 2);
	sum = (u16)~lwip_checksum(f + 34, 36);
	memcpy(f + 36, &sum, 2);
	world_receive(f, sizeof(f));
}

TEST(an_icmp_error_ends_the_attempt_that_it_quotes)
{
	struct inet_addr to = { .family = INET_AF_INET, .port = net16(99), .v4 = { 10, 0, 0, 9 } };
	struct inet_ep *ep[2 * NR];
	struct frame *syn;
	u32 seen = 0;

	start();
	world_drop_sent();
	for (u32 i = 0; i < ARRAY_SIZE(ep); i++) {
		ep[i] = connect_from(0, &to);
		world_run(1);
		seen |= 1u << ep[i]->stack->index;
		syn = world_take();
		EXPECT_TRUE(syn && syn->data[47] == SYN);
		if (syn)
			refuse(syn);
		free(syn);
		EXPECT_EQ(inet_take_error(ep[i]), EHOSTUNREACH);
		inet_close(ep[i], true);
		world_drop_sent();
	}
	EXPECT_EQ(seen, 15);
	world_end();
}

/* --- what they have in common --- */

TEST(a_port_is_taken_for_all)
{
	struct inet_addr a = { .family = INET_AF_INET, .port = net16(PORT) };
	struct inet_ep *l, *other[NR];

	start();
	l = listen_at(PORT, 8);
	for (u32 i = 0; i < NR; i++) {
		other[i] = open_of(INET_TCP, 6);
		EXPECT_EQ(inet_bind(other[i], &a), -EADDRINUSE);
		inet_close(other[i], false);
	}
	inet_close(l, false);
	world_end();
}

TEST(a_listener_that_closes_resets_what_waits_in_any)
{
	struct inet_ep *a[16], *l;
	u32 seen = 0;

	start();
	l = listen_at(PORT, 64);
	for (u32 i = 0; i < ARRAY_SIZE(a); i++) {
		struct peer p = { .port = (u16)(PEER_PORT + i), .seq = 1 };

		a[i] = connect_here(0);
		seen |= 1u << a[i]->stack->index;
		say(&p, SYN, NULL, 0);		/* and one that is half-open */
	}
	EXPECT_EQ(l->accept_len, ARRAY_SIZE(a));
	EXPECT_EQ(l->syn_len, ARRAY_SIZE(a));
	EXPECT_EQ(seen, 15);
	inet_close(l, false);
	world_run(1);
	for (u32 i = 0; i < ARRAY_SIZE(a); i++) {
		EXPECT_EQ(inet_take_error(a[i]), ECONNRESET);
		inet_close(a[i], false);
	}
	world_drop_sent();
	world_end();
}

static void count_one(const struct inet_info *info, void *arg)
{
	++*(u32 *)arg;
}

TEST(what_is_told_is_of_all)
{
	struct inet_counters before, after;
	struct inet_ep *a[12], *b[12], *l;
	struct inet_usage u;
	u32 n = 0;

	start();
	inet_counters(&init_net, &before);
	l = listen_at(PORT, 64);
	for (u32 i = 0; i < ARRAY_SIZE(a); i++) {
		a[i] = connect_here(0);
		b[i] = accept_from(l);
	}
	inet_for_each(&init_net, INET_TCP, count_one, &n);
	EXPECT_EQ(n, 1 + 2 * ARRAY_SIZE(a));
	inet_usage(&init_net, &u);
	EXPECT_EQ(u.tcp4, 1 + 2 * ARRAY_SIZE(a));
	inet_counters(&init_net, &after);
	EXPECT_EQ(after.tcp_active_opens - before.tcp_active_opens, ARRAY_SIZE(a));
	EXPECT_EQ(after.tcp_passive_opens - before.tcp_passive_opens, ARRAY_SIZE(a));
	EXPECT_EQ(after.tcp_curr_estab, 2 * ARRAY_SIZE(a));
	for (u32 i = 0; i < ARRAY_SIZE(a); i++) {
		inet_close(a[i], true);
		inet_close(b[i], true);
	}
	inet_close(l, false);
	world_end();
}

TEST(memory_is_scarce_for_all_at_once)
{
	s64 mem[3] = { inet_tcp_mem[0], inet_tcp_mem[1], inet_tcp_mem[2] };
	static char page[PAGE_SIZE];
	struct inet_ep *a[NR], *b[NR], *l;
	struct inet_common *c;

	start();
	c = init_net.inet->common;
	inet_tcp_mem[0] = 4;
	inet_tcp_mem[1] = 11;
	inet_tcp_mem[2] = 1000;
	l = listen_at(PORT, 64);
	for (u32 i = 0; i < NR; i++) {
		a[i] = connect_here(0);
		b[i] = accept_from(l);
	}
	/* Each has one byte more than what it keeps a page for: no one's share is over, nor the sum. */
	for (u32 i = 0; i < NR; i++) {
		send_bytes(a[i], page, PAGE_SIZE);
		EXPECT_EQ(c->shards[1]->tcp_pressure, 0);
	}
	for (u32 i = 0; i < NR; i++)
		send_bytes(a[i], page, PAGE_SIZE);
	EXPECT_EQ(c->shards[1]->tcp_pressure, 1);
	for (u32 i = 0; i < NR; i++) {
		while (recv_bytes(b[i], page, sizeof(page)) > 0)
			;
		inet_close(a[i], true);
		inet_close(b[i], true);
	}
	EXPECT_EQ(c->shards[1]->tcp_pressure, 0);
	memcpy(inet_tcp_mem, mem, sizeof(mem));
	inet_close(l, false);
	world_end();
}

TEST(connections_from_an_address_end_with_it)
{
	struct netdev *eth;
	struct inet_ifaddr here = { .addr = { .family = INET_AF_INET, .v4 = { 10, 0, 0, 1 } },
				    .prefix_len = 24 };
	struct inet_route r = { .family = INET_AF_INET, .type = INET_ROUTE_UNICAST,
				.dst.family = INET_AF_INET,
				.gateway = { .family = INET_AF_INET, .v4 = { 10, 0, 0, 2 } } };
	struct inet_ep *ep[2 * NR], *l;
	u32 seen = 0;

	start();
	eth = netdev_by_name(&init_net, "eth0");
	here.dev = r.dev = eth;
	l = listen_at(PORT, 64);
	for (u32 i = 0; i < ARRAY_SIZE(ep); i++) {
		struct peer p = { .port = (u16)(PEER_PORT + 2 + 3 * i), .seq = 1 };

		ep[i] = connection_from(l, &p);
		seen |= 1u << ep[i]->stack->index;
	}
	mutex_lock(&net_config_lock);
	EXPECT_EQ(inet_addr_del(eth, &here.addr, 24), 0);
	for (u32 i = 0; i < ARRAY_SIZE(ep); i++)
		EXPECT_TRUE(!ep[i]->pcb);
	EXPECT_TRUE(seen & (seen - 1));		/* of several */
	EXPECT_EQ(inet_addr_add(eth, &here), 0);
	(void)!inet_route_add(&init_net, &r);
	mutex_unlock(&net_config_lock);
	for (u32 i = 0; i < ARRAY_SIZE(ep); i++)
		inet_close(ep[i], true);
	inet_close(l, false);
	world_run(10);
	world_drop_sent();
	world_end();
}

TEST(a_namespace_ends_with_what_waits_in_any)
{
	struct inet_addr to = { .family = INET_AF_INET, .port = net16(PORT), .v4 = LOOPBACK };
	struct inet_ep *a, *b, *l = NULL;
	struct net *net;

	start();
	net = net_create();
	EXPECT_TRUE(net);
	mutex_lock(&net_config_lock);
	EXPECT_EQ(netdev_set_flags(net->loopback, IFF_UP), 0);
	mutex_unlock(&net_config_lock);
	EXPECT_EQ(inet_open(net, INET_AF_INET, INET_TCP, 6, &ops, (void *)&ops, &l), 0);
	EXPECT_EQ(inet_bind(l, &to), 0);
	EXPECT_EQ(inet_listen(l, 8), 0);
	for (u32 i = 0; i < 12; i++) {
		EXPECT_EQ(inet_open(net, INET_AF_INET, INET_TCP, 6, &ops, (void *)&ops, &a), 0);
		EXPECT_EQ(inet_connect(a, &to), -EINPROGRESS);
		b = accept_from(l);
		inet_close(a, false);
		inet_close(b, false);
	}
	EXPECT_EQ(tcp_table_waiting(net->inet->common), 12);
	inet_close(l, false);
	net_put(net);
	world_run(10);
	world_end();
}
