/* SPDX-License-Identifier: MIT */
/*
 * The peer of a TCP connection with its state, and the endpoints it speaks to: for tests that
 * speak TCP segment by segment.
 */
#pragma once
#include <kernel/errno.h>
#include <kernel/lib/string.h>
#include <kernel/mm/iov_iter.h>
#include <net/inet/tcp.h>
#include "net/segment.h"
#include "net/world.h"
#include "unit.h"

#define PEER_PORT	4000
#define OUR_PORT	80
#define WINDOW		30000

static u32 told;			/* events since the last look */

static void note(void *owner, u32 events)
{
	told |= events;
}
static const struct inet_ops ops = { note };

struct peer {
	u32 from;
	u16 port, to;
	u32 seq, ack;			/* next to send, next expected */
	u16 window;
};

static inline void say(struct peer *p, u8 flags, const void *data, u32 len)
{
	struct segment s = {
		.from = p->from,
		.sport = p->port,
		.dport = p->to,
		.seq = p->seq,
		.ack = flags & ACK ? p->ack : 0,
		.flags = flags,
		.window = p->window,
		.data = data,
		.len = len,
	};

	segment_send(&s);
	p->seq += len + !!(flags & SYN) + !!(flags & FIN);
}

/*
 * The next segment to this peer has these flags (but PSH) and length, and begins where it should.
 */
static inline struct segment hear(struct peer *p, u8 flags, u32 len)
{
	struct segment s = { 0 };

	EXPECT_TRUE(segment_take(&s));
	EXPECT_EQ(s.dport, p->port);
	EXPECT_EQ(s.flags & ~PSH, flags);
	EXPECT_EQ(s.len, len);
	if (flags & SYN)
		p->ack = s.seq;
	EXPECT_EQ(s.seq, p->ack);
	p->ack = s.seq + s.len + !!(s.flags & SYN) + !!(s.flags & FIN);
	return s;
}

static inline void hear_nothing(void)
{
	struct segment s = { 0 };

	EXPECT_TRUE(!segment_take(&s));
}

/* Of all instances of the stack. */
static inline u32 time_waits(void)
{
	return tcp_table_waiting(init_net.inet->common);
}

static inline struct inet_counters counters(void)
{
	struct inet_counters c;

	inet_counters(&init_net, &c);
	return c;
}

static inline struct peer peer_at(u16 port)
{
	return (struct peer){ .port = port, .to = OUR_PORT, .seq = 1000u * port, .window = WINDOW };
}

static inline struct inet_ep *open_tcp(void)
{
	struct inet_ep *ep = NULL;

	EXPECT_EQ(inet_open(&init_net, INET_AF_INET, INET_TCP, 6, &ops, &told, &ep), 0);
	return ep;
}

static inline struct inet_ep *listen_at(u16 port, u32 backlog)
{
	struct inet_addr a = { .family = INET_AF_INET, .port = net16(port) };
	struct inet_ep *ep = open_tcp();

	EXPECT_EQ(inet_bind(ep, &a), 0);
	EXPECT_EQ(inet_listen(ep, backlog), 0);
	return ep;
}

/* Three segments. */
static inline void shake(struct peer *p)
{
	say(p, SYN, NULL, 0);
	hear(p, SYN | ACK, 0);
	say(p, ACK, NULL, 0);
}

static inline struct inet_ep *accept_from(struct inet_ep *l)
{
	struct inet_ep *ep = NULL;

	EXPECT_EQ(inet_accept(l, &ep), 0);
	if (ep)
		inet_set_owner(ep, &ops, &told);
	return ep;
}

static inline ssize_t recv_bytes(struct inet_ep *ep, void *buf, size_t len)
{
	struct kvec v = { buf, len };
	struct iov_iter it;

	iov_iter_kernel(&it, &v, 1, len);
	return inet_tcp_recv(ep, &it, 0);
}

static inline ssize_t send_bytes(struct inet_ep *ep, const void *buf, size_t len)
{
	struct kvec v = { (void *)buf, len };
	struct iov_iter it;

	iov_iter_kernel(&it, &v, 1, len);
	return inet_tcp_send(ep, &it, 0);
}

static inline ssize_t send_page(struct inet_ep *ep, struct page *page, u32 offset, u32 len)
{
	struct bvec v = { page, len, offset };
	struct iov_iter it;

	iov_iter_pages(&it, &v, 1, len);
	return inet_tcp_send(ep, &it, 0);
}

/* An established connection from a peer, and its endpoint. */
static inline struct inet_ep *connected_pair(struct inet_ep *l, struct peer *p)
{
	shake(p);
	return accept_from(l);
}

/* A world with a listener and a connection of its; and what most cases do last. */
static inline struct inet_ep *begin(struct inet_ep **l, struct peer *p)
{
	world_start();
	*l = listen_at(OUR_PORT, 5);
	return connected_pair(*l, p);
}

static inline void end(struct inet_ep *ep, struct inet_ep *l)
{
	inet_close(ep, true);
	inet_close(l, false);
	world_end();
}

static u8 stuff[8000] __attribute__((unused));
