/* SPDX-License-Identifier: MIT */
/*
 * TCP as a peer sees it, segment by segment: the kernel's endpoints and lwIP against a script that
 * plays the other end of the cable (tests/unit/net/world.h). Times are the world's: a wait of
 * minutes costs nothing.
 */
#include <kernel/errno.h>
#include <kernel/lib/string.h>
#include <kernel/mm/iov_iter.h>
#include <net/inet/device.h>
#include <net/inet/tcp.h>
#include <net/netdev/link.h>
#include <net/port/port.h>
#include "net/segment.h"
#include "net/world.h"
#include "unit.h"

void free(void *p);

#define PEER_PORT	4000
#define OUR_PORT	80
#define WINDOW		30000

static u32 told;			/* events since the last look */

static void note(void *owner, u32 events)
{
	told |= events;
}
static const struct inet_ops ops = { note };

/* --- a peer with its state --- */

struct peer {
	u32 from;
	u16 port, to;
	u32 seq, ack;			/* next to send, next expected */
	u16 window;
};

static void say(struct peer *p, u8 flags, const void *data, u32 len)
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
static struct segment hear(struct peer *p, u8 flags, u32 len)
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

static void hear_nothing(void)
{
	struct segment s = { 0 };

	EXPECT_TRUE(!segment_take(&s));
}

static struct peer peer_at(u16 port)
{
	return (struct peer){ .port = port, .to = OUR_PORT, .seq = 1000u * port, .window = WINDOW };
}

static struct inet_ep *open_tcp(void)
{
	struct inet_ep *ep = NULL;

	EXPECT_EQ(inet_open(&init_net, INET_AF_INET, INET_TCP, 6, &ops, &told, &ep), 0);
	return ep;
}

static struct inet_ep *listen_at(u16 port, u32 backlog)
{
	struct inet_addr a = { .family = INET_AF_INET, .port = net16(port) };
	struct inet_ep *ep = open_tcp();

	EXPECT_EQ(inet_bind(ep, &a), 0);
	EXPECT_EQ(inet_listen(ep, backlog), 0);
	return ep;
}

/* Three segments. */
static void shake(struct peer *p)
{
	say(p, SYN, NULL, 0);
	hear(p, SYN | ACK, 0);
	say(p, ACK, NULL, 0);
}

static struct inet_ep *accept_from(struct inet_ep *l)
{
	struct inet_ep *ep = NULL;

	EXPECT_EQ(inet_accept(l, &ep), 0);
	if (ep)
		inet_set_owner(ep, &ops, &told);
	return ep;
}

static ssize_t recv_bytes(struct inet_ep *ep, void *buf, size_t len)
{
	struct kvec v = { buf, len };
	struct iov_iter it;

	iov_iter_kernel(&it, &v, 1, len);
	return inet_tcp_recv(ep, &it, 0);
}

static ssize_t send_bytes(struct inet_ep *ep, const void *buf, size_t len)
{
	struct kvec v = { (void *)buf, len };
	struct iov_iter it;

	iov_iter_kernel(&it, &v, 1, len);
	return inet_tcp_send(ep, &it, 0);
}

static ssize_t send_page(struct inet_ep *ep, struct page *page, u32 offset, u32 len)
{
	struct bvec v = { page, len, offset };
	struct iov_iter it;

	iov_iter_pages(&it, &v, 1, len);
	return inet_tcp_send(ep, &it, 0);
}

/* An established connection from a peer, and its endpoint. */
static struct inet_ep *connected_pair(struct inet_ep *l, struct peer *p)
{
	shake(p);
	return accept_from(l);
}

/* A world with a listener and a connection of its; and what most cases do last. */
static struct inet_ep *begin(struct inet_ep **l, struct peer *p)
{
	world_start();
	*l = listen_at(OUR_PORT, 5);
	return connected_pair(*l, p);
}

static void end(struct inet_ep *ep, struct inet_ep *l)
{
	inet_close(ep, true);
	inet_close(l, false);
	world_end();
}

static u8 stuff[8000];

/* --- beginnings and ends --- */

TEST(a_connection_from_syn_to_time_wait)
{
	struct peer p = peer_at(PEER_PORT);
	struct inet_ep *l, *ep;
	char buf[16];

	ep = begin(&l, &p);
	say(&p, ACK | PSH, "hello", 5);
	EXPECT_EQ(recv_bytes(ep, buf, sizeof(buf)), 5);
	EXPECT_EQ(memcmp(buf, "hello", 5), 0);
	EXPECT_EQ(recv_bytes(ep, buf, sizeof(buf)), -EAGAIN);
	EXPECT_EQ(send_bytes(ep, "answer", 6), 6);
	world_run(300);
	world_drop_sent();
	p.ack += 6;
	say(&p, ACK, NULL, 0);
	/* We end it first. */
	inet_close(ep, false);
	hear(&p, FIN | ACK, 0);
	say(&p, ACK, NULL, 0);
	say(&p, FIN | ACK, NULL, 0);
	hear(&p, ACK, 0);
	EXPECT_EQ(init_net.inet->nr_time_wait, 1);
	world_run(59000);
	EXPECT_EQ(init_net.inet->nr_time_wait, 1);
	world_run(3000);
	EXPECT_EQ(init_net.inet->nr_time_wait, 0);
	inet_close(l, false);
	world_end();
}

TEST(a_syn_is_sent_again_and_given_up)
{
	struct inet_addr to = { .family = INET_AF_INET, .port = net16(7), .v4 = { 10, 0, 0, 2 } };
	struct inet_ep *ep;
	struct segment s;
	u32 syns = 0;

	world_start();
	ep = open_tcp();
	EXPECT_EQ(inet_connect(ep, &to), -EINPROGRESS);
	for (u32 i = 0; i < 200 && !(inet_poll(ep) & INET_EV_ERROR); i++) {
		world_run(1000);
		while (segment_take(&s))
			syns += s.flags == SYN;
	}
	EXPECT_TRUE(syns >= 5);
	EXPECT_EQ(inet_take_error(ep), ETIMEDOUT);
	inet_close(ep, false);
	world_end();
}

static struct peer connect_out(struct inet_ep *ep)
{
	struct inet_addr to = { .family = INET_AF_INET, .port = net16(7), .v4 = { 10, 0, 0, 2 } };
	struct peer p = { .port = 7, .seq = 5000, .window = WINDOW };
	struct segment s;

	EXPECT_EQ(inet_connect(ep, &to), -EINPROGRESS);
	EXPECT_TRUE(segment_take(&s));
	EXPECT_EQ(s.flags, SYN);
	EXPECT_EQ(segment_mss(&s), 1460);
	p.to = s.sport;
	p.ack = s.seq + 1;
	return p;
}

TEST(who_refuses_sends_a_reset)
{
	struct inet_ep *ep;
	struct peer p;

	world_start();
	ep = open_tcp();
	p = connect_out(ep);
	/* Of another connection: it acknowledges nothing of ours. */
	p.ack += 7;
	say(&p, RST | ACK, NULL, 0);
	EXPECT_EQ(inet_poll(ep) & INET_EV_ERROR, 0);
	p.ack -= 7;
	say(&p, RST | ACK, NULL, 0);
	EXPECT_EQ(inet_take_error(ep), ECONNREFUSED);
	inet_close(ep, false);
	world_end();
}

TEST(both_may_begin_at_once)
{
	struct inet_ep *ep;
	struct peer p;
	char buf[8];

	world_start();
	ep = open_tcp();
	p = connect_out(ep);
	say(&p, SYN, NULL, 0);
	p.ack--;
	hear(&p, SYN | ACK, 0);
	say(&p, ACK, NULL, 0);
	EXPECT_EQ(inet_tcp_state(ep), INET_ESTABLISHED);
	EXPECT_TRUE(inet_poll(ep) & INET_EV_WRITE);
	say(&p, ACK, "x", 1);
	EXPECT_EQ(recv_bytes(ep, buf, sizeof(buf)), 1);
	inet_close(ep, true);
	world_end();
}

/* Its answer must be the SYN that has come already: another one is no byte of the stream. */
TEST(a_syn_behind_the_first_is_not_kept)
{
	struct inet_ep *ep;
	struct peer p;
	u32 base;

	world_start();
	ep = open_tcp();
	p = connect_out(ep);
	say(&p, SYN, NULL, 0);
	p.ack--;
	hear(&p, SYN | ACK, 0);
	base = p.seq;
	p.seq += 840;
	say(&p, SYN | ACK, stuff, 600);
	world_drop_sent();
	p.seq = base;
	say(&p, ACK, stuff, 1000);
	EXPECT_EQ(recv_bytes(ep, stuff, sizeof(stuff)), 1000);
	say(&p, ACK, "x", 1);
	EXPECT_EQ(recv_bytes(ep, stuff, sizeof(stuff)), 1);
	world_drop_sent();
	inet_close(ep, true);
	world_end();
}

TEST(both_may_end_at_once)
{
	struct peer p = peer_at(PEER_PORT);
	struct inet_ep *l, *ep;

	ep = begin(&l, &p);
	inet_close(ep, false);
	hear(&p, FIN | ACK, 0);
	/* Its FIN has crossed ours: acknowledges nothing of it. */
	p.ack--;
	say(&p, FIN | ACK, NULL, 0);
	p.ack++;
	hear(&p, ACK, 0);
	EXPECT_EQ(init_net.inet->nr_time_wait, 0);
	say(&p, ACK, NULL, 0);
	EXPECT_EQ(init_net.inet->nr_time_wait, 1);
	inet_close(l, false);
	world_end();
}

TEST(one_side_may_end_and_the_other_go_on)
{
	struct peer p = peer_at(PEER_PORT);
	struct inet_ep *l, *ep;
	char buf[8];

	ep = begin(&l, &p);
	say(&p, FIN | ACK, NULL, 0);
	hear(&p, ACK, 0);
	EXPECT_EQ(recv_bytes(ep, buf, sizeof(buf)), 0);
	EXPECT_EQ(send_bytes(ep, stuff, 500), 500);
	hear(&p, ACK, 500);
	say(&p, ACK, NULL, 0);
	EXPECT_EQ(inet_shutdown(ep, INET_SHUT_WR), 0);
	hear(&p, FIN | ACK, 0);
	say(&p, ACK, NULL, 0);
	EXPECT_EQ(send_bytes(ep, stuff, 1), -EPIPE);
	inet_close(ep, false);
	/* The other way round. */
	p = peer_at(PEER_PORT + 1);
	ep = connected_pair(l, &p);
	EXPECT_EQ(inet_shutdown(ep, INET_SHUT_WR), 0);
	hear(&p, FIN | ACK, 0);
	say(&p, ACK, "late", 4);
	EXPECT_EQ(recv_bytes(ep, buf, sizeof(buf)), 4);
	world_run(300);
	hear(&p, ACK, 0);
	say(&p, FIN | ACK, NULL, 0);
	hear(&p, ACK, 0);
	EXPECT_EQ(recv_bytes(ep, buf, sizeof(buf)), 0);
	inet_close(ep, false);
	inet_close(l, false);
	world_end();
}

/* --- loss --- */

TEST(what_is_not_acknowledged_is_sent_again_ever_later)
{
	struct peer p = peer_at(PEER_PORT);
	u64 at, before = 0, gap = 0;
	struct inet_ep *l, *ep;
	struct segment s;
	u32 times = 0;

	ep = begin(&l, &p);
	EXPECT_EQ(send_bytes(ep, stuff, 100), 100);
	at = world_now_ms();
	for (u32 i = 0; i < 2000 && times < 5; i++) {
		while (segment_take(&s)) {
			EXPECT_EQ(s.seq, p.ack);
			EXPECT_EQ(s.len, 100);
			if (times > 1)
				EXPECT_TRUE(world_now_ms() - before >= gap);
			gap = times ? world_now_ms() - before : 0;
			before = world_now_ms();
			times++;
		}
		world_run(50);
	}
	EXPECT_EQ(times, 5);
	EXPECT_TRUE(before - at > 5000);
	p.ack += 100;
	say(&p, ACK, NULL, 0);
	EXPECT_EQ(inet_tcp_unsent(ep), 0);
	end(ep, l);
}

TEST(a_page_is_sent_by_reference_until_it_is_acknowledged)
{
	struct peer p = peer_at(PEER_PORT);
	struct page *page, *other;
	struct inet_ep *l, *ep;
	struct segment s;

	ep = begin(&l, &p);
	page = page_alloc(0);
	other = page_alloc(0);
	memset(page_address(page), 'a', PAGE_SIZE);
	memset(page_address(other), 'b', PAGE_SIZE);
	EXPECT_EQ(send_page(ep, page, 100, 1072), 1072);
	(void)hear(&p, ACK, 536);
	s = hear(&p, ACK, 536);
	EXPECT_EQ(((const u8 *)s.data)[535], 'a');
	EXPECT_EQ(page->refs, 2);
	/* Its owner writes to it: what is sent again is sound, and has what is there now. */
	memset(page_address(page), 'c', PAGE_SIZE);
	p.ack -= 1072;
	world_run(4000);
	s = hear(&p, ACK, 536);
	EXPECT_EQ(((const u8 *)s.data)[0], 'c');
	p.ack += 536;
	world_drop_sent();
	say(&p, ACK, NULL, 0);
	EXPECT_EQ(page->refs, 1);
	/* Small ones are copied, between the large. */
	EXPECT_EQ(send_page(ep, page, 0, 10), 10);
	EXPECT_EQ(page->refs, 1);
	memset(page_address(page), 'd', 10);
	EXPECT_EQ(send_page(ep, other, 0, 1200), 1200);
	p.ack += 10;
	say(&p, ACK, NULL, 0);
	EXPECT_EQ(other->refs, 2);
	/* What was never acknowledged goes with the connection. */
	inet_close(ep, true);
	inet_close(l, false);
	EXPECT_EQ(other->refs, 1);
	page_put(page);
	page_put(other);
	world_end();
}

TEST(zerocopy_notices_come_in_order_with_the_acknowledgements)
{
	struct peer p = peer_at(PEER_PORT);
	u32 first, last, pages;
	struct inet_ep *l, *ep;
	struct page *page;
	bool copied;

	ep = begin(&l, &p);
	page = page_alloc(0);
	pages = page->refs;
	for (u32 i = 0; i < 2; i++) {
		EXPECT_EQ(send_page(ep, page, 0, 1072), 1072);
		inet_zerocopy_sent(ep, inet_zerocopy_begin(), 1 << 16, false);
		EXPECT_TRUE(!(inet_poll(ep) & INET_EV_ERRQUEUE));
	}
	/* One that was copied waits for those before it. */
	EXPECT_EQ(send_bytes(ep, stuff, 10), 10);
	inet_zerocopy_sent(ep, inet_zerocopy_begin(), 10, true);
	EXPECT_TRUE(!inet_zerocopy_take(ep, &first, &last, &copied));
	world_drop_sent();
	p.ack += 1071;
	say(&p, ACK, NULL, 0);
	EXPECT_TRUE(!(inet_poll(ep) & INET_EV_ERRQUEUE));
	p.ack += 1;
	say(&p, ACK, NULL, 0);
	EXPECT_TRUE(inet_poll(ep) & INET_EV_ERRQUEUE);
	EXPECT_TRUE(inet_zerocopy_take(ep, &first, &last, &copied));
	EXPECT_EQ(first, 0);
	EXPECT_EQ(last, 0);
	EXPECT_TRUE(!copied);
	EXPECT_TRUE(!(inet_poll(ep) & INET_EV_ERRQUEUE));
	world_drop_sent();
	/* The rest, by the end of the connection. */
	say(&p, RST, NULL, 0);
	EXPECT_EQ(page->refs, pages);
	EXPECT_TRUE(inet_zerocopy_take(ep, &first, &last, &copied));
	EXPECT_EQ(first, 1);
	EXPECT_EQ(last, 2);
	EXPECT_TRUE(!copied);
	EXPECT_TRUE(!inet_zerocopy_take(ep, &first, &last, &copied));
	inet_close(ep, false);
	inet_close(l, false);
	page_put(page);
	world_end();
}

TEST(three_equal_acks_bring_the_lost_segment_at_once)
{
	struct peer p = peer_at(PEER_PORT);
	struct inet_ep *l, *ep;
	struct segment s;
	u32 first;

	ep = begin(&l, &p);
	first = p.ack;
	EXPECT_EQ(send_bytes(ep, stuff, 5 * 536), 5 * 536);
	world_drop_sent();
	for (u32 i = 0; i < 3; i++) {
		hear_nothing();
		say(&p, ACK, NULL, 0);
	}
	EXPECT_TRUE(segment_take(&s));
	EXPECT_EQ(s.seq, first);
	hear_nothing();
	p.ack = first + 5 * 536;
	say(&p, ACK, NULL, 0);
	EXPECT_EQ(inet_tcp_unsent(ep), 0);
	end(ep, l);
}

/* Said of an ACK: up to two blocks that it has beside, in segments of 536 bytes from `base` on. */
static void say_sack(struct peer *p, u32 base, u32 upto, const u32 *blocks, u32 nr)
{
	struct segment s = {
		.from = p->from, .sport = p->port, .dport = p->to, .seq = p->seq,
		.ack = base + upto * 536, .flags = ACK, .window = p->window,
		.options = { 1, 1, 5, (u8)(2 + 8 * nr) }, .options_len = 4 + 8 * nr,
	};

	for (u32 i = 0; i < 2 * nr; i++)
		for (u32 k = 0, edge = base + blocks[i] * 536; k < 4; k++)
			s.options[4 + 4 * i + k] = (u8)(edge >> (24 - 8 * k));
	segment_send(&s);
}

#define SACK(upto, ...) do { \
	const u32 blocks[] = { __VA_ARGS__ }; \
	say_sack(&p, base, upto, blocks, ARRAY_SIZE(blocks) / 2); \
} while (0)

static struct inet_ep *pair_with_sack(struct inet_ep *l, struct peer *p)
{
	segment_send(&(struct segment){
		.sport = p->port, .dport = p->to, .seq = p->seq++, .flags = SYN, .window = WINDOW,
		.options = { 2, 4, 536 >> 8, 536 & 255, 4, 2, 1, 1 }, .options_len = 8 });
	hear(p, SYN | ACK, 0);
	say(p, ACK, NULL, 0);
	return accept_from(l);
}

static void hear_again(u32 base, u32 number)
{
	struct segment s = { 0 };

	EXPECT_TRUE(segment_take(&s));
	EXPECT_EQ((s.seq - base) / 536, number);
}

TEST(several_segments_lost_of_one_window_are_sent_again_one_by_one)
{
	struct peer p = peer_at(PEER_PORT);
	struct inet_ep *l, *ep;
	u32 base, window;

	world_start();
	l = listen_at(OUR_PORT, 5);
	ep = pair_with_sack(l, &p);
	base = p.ack;
	EXPECT_EQ(send_bytes(ep, stuff, 10 * 536), 10 * 536);
	world_drop_sent();
	/* 0, 4 and 7 are lost. */
	SACK(0, 1, 2);
	SACK(0, 1, 3);
	hear_nothing();
	SACK(0, 1, 4);
	hear_again(base, 0);
	SACK(0, 5, 6, 1, 4);
	hear_again(base, 4);
	/* Nothing that is missing for certain and not on its way. */
	SACK(0, 5, 7, 1, 4);
	hear_nothing();
	SACK(0, 8, 9, 5, 7);
	hear_again(base, 7);
	window = ep->tcp->ssthresh;
	/* A part is acknowledged: what follows was sent again already. */
	for (u32 i = 0; i < 6; i++)
		SACK(4, 8, 10, 5, 7);
	hear_nothing();
	SACK(7, 8, 10);
	hear_nothing();
	EXPECT_EQ(ep->tcp->ssthresh, window);
	SACK(10);
	EXPECT_EQ(inet_tcp_unsent(ep), 0);
	end(ep, l);
}

TEST(a_peer_without_sack_has_its_losses_mended_by_its_acks)
{
	struct peer p = peer_at(PEER_PORT);
	struct inet_ep *l, *ep;
	u32 base;

	ep = begin(&l, &p);
	base = p.ack;
	EXPECT_EQ(send_bytes(ep, stuff, 10 * 536), 10 * 536);
	world_drop_sent();
	for (u32 i = 0; i < 4; i++)
		say_sack(&p, base, 0, NULL, 0);
	hear_again(base, 0);
	hear_nothing();
	/* 0 has come, 4 is still missing. */
	say_sack(&p, base, 4, NULL, 0);
	hear_again(base, 4);
	say_sack(&p, base, 10, NULL, 0);
	EXPECT_EQ(inet_tcp_unsent(ep), 0);
	end(ep, l);
}

TEST(blocks_of_what_was_never_sent_are_not_believed)
{
	struct peer p = peer_at(PEER_PORT);
	struct inet_ep *l, *ep;
	u32 base;

	world_start();
	l = listen_at(OUR_PORT, 5);
	ep = pair_with_sack(l, &p);
	base = p.ack;
	EXPECT_EQ(send_bytes(ep, stuff, 5 * 536), 5 * 536);
	world_drop_sent();
	for (u32 i = 0; i < 6; i++)
		SACK(0, 1, 100, 3, 2);
	hear_again(base, 0);
	hear_nothing();
	SACK(1);
	hear_again(base, 1);
	inet_close(ep, true);
	inet_close(l, false);
	world_drop_sent();
	world_end();
}

TEST(segments_in_any_order_and_twice_make_one_stream)
{
	struct peer p = peer_at(PEER_PORT);
	static u8 in[20000], out[20000];
	struct inet_ep *l, *ep;
	u32 base;

	ep = begin(&l, &p);
	base = p.seq;
	for (u32 i = 0; i < sizeof(out); i++)
		out[i] = (u8)world_chance();
	for (u32 round = 0; round < 400; round++) {
		u32 at = (u32)(world_chance() % sizeof(out)),
		    len = (u32)(1 + world_chance() % 1000);

		p.seq = base + at;
		say(&p, ACK, out + at, min(len, (u32)sizeof(out) - at));
	}
	for (u32 at = 0; at < sizeof(out); at += 1000) {
		p.seq = base + at;
		say(&p, ACK, out + at, 1000);
	}
	EXPECT_EQ(recv_bytes(ep, in, sizeof(in)), sizeof(in));
	EXPECT_EQ(memcmp(in, out, sizeof(in)), 0);
	world_drop_sent();
	end(ep, l);
}

/* --- windows --- */

/*
 * Five of the peer's segments are one of ours. It has three of them when nothing more comes
 * through: the rest is sent again. (It was cut into pieces, of which the first never went.)
 */
TEST(a_large_segment_of_which_the_peer_has_a_part_is_sent_again)
{
	struct peer p = peer_at(PEER_PORT);
	struct segment s = { 0 };
	struct inet_ep *l, *ep;
	u32 base;

	world_start();
	l = listen_at(OUR_PORT, 1);
	ep = connected_pair(l, &p);
	base = p.ack;
	EXPECT_EQ(send_bytes(ep, stuff, 2680), 2680);
	for (u32 i = 0; i < 5; i++)
		hear(&p, ACK, 536);
	p.ack = base + 3 * 536;
	say(&p, ACK, NULL, 0);
	hear_nothing();
	world_run(3000);
	EXPECT_TRUE(segment_take(&s));
	EXPECT_EQ(s.seq, base + 3 * 536);
	EXPECT_EQ(s.len, 536);
	world_drop_sent();
	p.ack = base + 4 * 536;
	say(&p, ACK, NULL, 0);
	hear(&p, ACK, 536);
	p.ack = base + 2680;
	say(&p, RST | ACK, NULL, 0);
	inet_close(ep, false);
	inet_close(l, false);
	world_end();
}

TEST(a_window_that_is_shut_is_asked_about)
{
	struct peer p = peer_at(PEER_PORT);
	struct inet_ep *l, *ep;
	struct segment s;
	u32 probes = 0;

	ep = begin(&l, &p);
	say(&p, ACK, "x", 1);
	p.window = 0;
	say(&p, ACK, "y", 1);
	world_drop_sent();
	EXPECT_EQ(send_bytes(ep, stuff, 100), 100);
	for (u32 i = 0; i < 60; i++) {
		world_run(1000);
		while (segment_take(&s)) {
			EXPECT_EQ(s.len, 1);
			probes++;
			say(&p, ACK, NULL, 0);
		}
	}
	EXPECT_TRUE(probes >= 3 && probes <= 40);
	p.window = WINDOW;
	say(&p, ACK, NULL, 0);
	hear(&p, ACK, 100);
	say(&p, ACK, NULL, 0);
	EXPECT_EQ(inet_tcp_unsent(ep), 0);
	end(ep, l);
}

/* The window shuts over a segment that is lost or late; it was late. Nothing is left to ask for. */
TEST(what_a_shut_window_holds_back_may_have_arrived)
{
	struct peer p = peer_at(PEER_PORT);
	struct inet_ep *l, *ep;

	world_start();
	l = listen_at(OUR_PORT, 1);
	ep = connected_pair(l, &p);
	EXPECT_EQ(send_bytes(ep, stuff, 500), 500);
	hear(&p, ACK, 500);
	p.ack -= 500;
	say(&p, ACK, "x", 1);
	p.window = 0;
	say(&p, ACK, "y", 1);
	EXPECT_EQ(recv_bytes(ep, stuff, 2), 2);
	world_run(3000);		/* it would be sent again now */
	world_drop_sent();
	p.ack += 500;
	say(&p, ACK, NULL, 0);
	world_run(60000);
	hear_nothing();
	say(&p, RST | ACK, NULL, 0);
	inet_close(ep, false);
	inet_close(l, false);
	world_end();
}

TEST(who_does_not_read_shuts_the_window)
{
	struct peer p = peer_at(PEER_PORT);
	struct inet_ep *l, *ep;
	static u8 in[100000];
	struct segment s;
	u32 window = ~0u;

	world_start();
	l = listen_at(OUR_PORT, 5);
	EXPECT_EQ(inet_set_opt(l, INET_OPT_RCVBUF, 10000), 0);
	ep = connected_pair(l, &p);
	for (u32 i = 0; i < 40; i++) {
		say(&p, ACK, stuff, 1000);
		while (segment_take(&s))
			window = s.window;
	}
	EXPECT_EQ(window, 0);
	EXPECT_EQ(recv_bytes(ep, in, sizeof(in)), 10000);
	EXPECT_TRUE(segment_take(&s));
	EXPECT_EQ(s.window, 10000);
	end(ep, l);
}

/* --- what strangers send --- */

TEST(a_blind_reset_or_syn_is_challenged_and_not_often)
{
	struct peer p = peer_at(PEER_PORT), blind;
	struct inet_ep *l, *ep;

	ep = begin(&l, &p);
	/* Beside the window: nothing. In it: one ACK, however often. */
	blind = p;
	blind.seq = p.seq - 100000;
	say(&blind, RST, NULL, 0);
	hear_nothing();
	for (u32 i = 0; i < 50; i++) {
		blind = p;
		blind.seq += 100 + i;
		say(&blind, RST, NULL, 0);
	}
	hear(&p, ACK, 0);
	hear_nothing();
	blind = p;
	say(&blind, SYN, NULL, 0);
	hear_nothing();
	world_run(600);
	blind = p;
	say(&blind, SYN, NULL, 0);
	hear(&p, ACK, 0);
	EXPECT_EQ(inet_tcp_state(ep), INET_ESTABLISHED);
	/* Data that acknowledges what was never sent. */
	world_run(600);
	blind = p;
	blind.ack += 1000000;
	say(&blind, ACK, "evil", 4);
	EXPECT_EQ(inet_tcp_unread(ep), 0);
	hear(&p, ACK, 0);
	say(&p, RST, NULL, 0);
	EXPECT_EQ(inet_take_error(ep), ECONNRESET);
	inet_close(ep, false);
	inet_close(l, false);
	world_end();
}

/*
 * A peer that answers every ACK with an old FIN, as one does that mixes up two connections of the
 * same ends.
 */
TEST(two_that_answer_each_other_come_to_an_end)
{
	struct peer p = peer_at(PEER_PORT), old;
	struct inet_ep *l, *ep;
	struct segment s;
	u32 answers = 0;

	ep = begin(&l, &p);
	for (u32 round = 0; round < 2; round++) {
		old = p;
		old.seq -= 5000;
		say(&old, FIN | ACK, NULL, 0);
		for (u32 i = 0; i < 1000 && segment_take(&s); i++) {
			answers++;
			old.seq = p.seq - 5000;
			say(&old, FIN | ACK, NULL, 0);
		}
		EXPECT_EQ(answers, round + 1);
		if (round)
			break;
		inet_close(ep, false);
		hear(&p, FIN | ACK, 0);
		say(&p, FIN | ACK, NULL, 0);
		hear(&p, ACK, 0);
		EXPECT_EQ(init_net.inet->nr_time_wait, 1);
		world_run(1000);
	}
	inet_close(l, false);
	world_end();
}

TEST(an_ack_for_nobody_is_reset)
{
	struct peer p = peer_at(PEER_PORT);
	struct segment s;
	struct inet_ep *l;

	world_start();
	l = listen_at(OUR_PORT, 5);
	p.ack = 77777;
	say(&p, ACK, "x", 1);
	EXPECT_TRUE(segment_take(&s));
	EXPECT_EQ(s.flags & RST, RST);
	EXPECT_EQ(s.seq, 77777);
	say(&p, RST, NULL, 0);
	hear_nothing();
	inet_close(l, false);
	world_end();
}

/* --- the queues of a listener --- */

TEST(the_accept_queue_holds_the_backlog_and_one)
{
	struct peer p[8];
	struct inet_ep *l, *ep;
	struct segment s;

	world_start();
	l = listen_at(OUR_PORT, 2);
	for (u16 i = 0; i < 3; i++) {
		p[i] = peer_at(PEER_PORT + i);
		shake(&p[i]);
	}
	/* Full: a SYN is dropped without a word. */
	p[3] = peer_at(PEER_PORT + 3);
	say(&p[3], SYN, NULL, 0);
	hear_nothing();
	EXPECT_EQ(init_net.inet->listen_overflows, 1);
	ep = accept_from(l);
	inet_close(ep, true);
	EXPECT_TRUE(segment_take(&s) && (s.flags & RST));
	/*
	 * Room for one. Two are half-open when it fills: the second's last ACK is dropped, and its
	 * data.
	 */
	p[4] = peer_at(PEER_PORT + 4);
	p[5] = peer_at(PEER_PORT + 5);
	say(&p[4], SYN, NULL, 0);
	hear(&p[4], SYN | ACK, 0);
	say(&p[5], SYN, NULL, 0);
	hear(&p[5], SYN | ACK, 0);
	say(&p[4], ACK, NULL, 0);
	say(&p[5], ACK, NULL, 0);
	EXPECT_EQ(init_net.inet->listen_overflows, 2);
	/* It is told again when the SYN|ACK is sent again, and there is room. */
	ep = accept_from(l);
	inet_close(ep, true);
	world_drop_sent();
	world_run(2000);
	p[5].ack--;
	hear(&p[5], SYN | ACK, 0);
	say(&p[5], ACK, NULL, 0);
	for (u32 i = 0; i < 3; i++)
		inet_close(accept_from(l), true);
	EXPECT_EQ(inet_accept(l, &ep), -EAGAIN);
	world_drop_sent();
	/* As an administrator may want it: who finds it full is reset. */
	for (u16 i = 0; i < 2; i++) {
		p[i] = peer_at(PEER_PORT + 10 + i);
		shake(&p[i]);
	}
	world_drop_sent();
	for (u16 i = 2; i < 4; i++) {
		p[i] = peer_at(PEER_PORT + 10 + i);
		say(&p[i], SYN, NULL, 0);
		hear(&p[i], SYN | ACK, 0);
	}
	init_net.settings.tcp_abort_on_overflow = 1;
	say(&p[2], ACK, NULL, 0);
	hear_nothing();
	say(&p[3], ACK, NULL, 0);
	EXPECT_TRUE(segment_take(&s) && (s.flags & RST));
	init_net.settings.tcp_abort_on_overflow = 0;
	inet_close(l, false);
	world_drop_sent();
	world_end();
}

TEST(cookies_are_given_when_the_syn_queue_is_full)
{
	struct peer p = peer_at(5000), wrong;
	struct inet_stack *st;
	struct inet_ep *l, *ep;
	struct segment s;
	char buf[8];

	world_start();
	st = init_net.inet;
	l = listen_at(OUR_PORT, 3);
	for (u16 i = 0; i < 4; i++) {
		struct peer half = peer_at(PEER_PORT + i);

		say(&half, SYN, NULL, 0);
		hear(&half, SYN | ACK, 0);
	}
	EXPECT_EQ(st->cookies_sent, 0);
	segment_send(&(struct segment){.sport = p.port,
				       .dport = OUR_PORT,
				       .seq = p.seq++,
				       .flags = SYN,
				       .window = WINDOW,
				       .options = {2, 4, 1400 >> 8, 1400 & 255},
				       .options_len = 4});
	s = hear(&p, SYN | ACK, 0);
	EXPECT_EQ(segment_mss(&s), 1460);
	EXPECT_EQ(s.options_len, 4);
	EXPECT_EQ(st->cookies_sent, 1);
	/* Nearly a cookie, and another's. */
	wrong = p;
	wrong.ack++;
	say(&wrong, ACK, NULL, 0);
	EXPECT_TRUE(segment_take(&s) && (s.flags & RST));
	wrong = p;
	wrong.port++;
	say(&wrong, ACK, NULL, 0);
	EXPECT_TRUE(segment_take(&s) && (s.flags & RST));
	EXPECT_EQ(st->cookies_failed, 2);
	world_run(60000);
	world_drop_sent();
	say(&p, ACK, "hi", 2);
	EXPECT_EQ(st->cookies_taken, 1);
	ep = accept_from(l);
	EXPECT_EQ(recv_bytes(ep, buf, sizeof(buf)), 2);
	world_drop_sent();
	EXPECT_EQ(send_bytes(ep, stuff, 3000), 3000);
	hear(&p, ACK, 1400);
	hear(&p, ACK, 1400);
	say(&p, ACK, NULL, 0);
	hear(&p, ACK, 200);
	say(&p, ACK, NULL, 0);
	EXPECT_EQ(inet_tcp_unsent(ep), 0);
	inet_close(ep, true);
	world_drop_sent();
	/* Two minutes later nobody asks what it was. */
	world_run(130000);
	world_drop_sent();
	p.port += 2;
	say(&p, ACK, NULL, 0);
	EXPECT_TRUE(segment_take(&s) && (s.flags & RST));
	EXPECT_EQ(st->cookies_failed, 2);
	inet_close(l, false);
	world_end();
}

TEST(a_hundred_thousand_spoofed_syns_keep_nobody_out)
{
	struct inet_ep *l, *ep;
	u32 served = 0, most = 0;
	char buf[8];

	world_start();
	l = listen_at(OUR_PORT, 128);
	for (u32 i = 0; i < 100000; i++) {
		segment_send(&(struct segment){.from = 0x0a000000 | (u32)(3 + world_chance() % 250),
					       .sport = (u16)world_chance(),
					       .dport = OUR_PORT,
					       .seq = (u32)world_chance(),
					       .flags = SYN,
					       .window = 1000});
		world_drop_sent();
		if (i % 1000 == 999) {
			struct peer p = peer_at((u16)(10000 + i / 1000));

			shake(&p);
			say(&p, ACK, "get", 3);
			ep = accept_from(l);
			served += ep && recv_bytes(ep, buf, sizeof(buf)) == 3;
			if (ep)
				inet_close(ep, true);
			most = max(most, l->syn_len);
		}
		if (i % 100 == 0)
			world_run(1);
	}
	EXPECT_EQ(served, 100);
	EXPECT_EQ(most, 129);
	inet_close(l, false);
	world_drop_sent();
	world_end();
}

/* --- many --- */

static struct inet_ep *many[10000];

TEST(ten_thousand_idle_connections_need_no_timer)
{
	struct inet_stack *st;
	struct inet_ep *l;
	struct peer p;

	world_start();
	st = init_net.inet;
	l = listen_at(OUR_PORT, 4096);
	for (u32 i = 0; i < ARRAY_SIZE(many); i++) {
		p = peer_at((u16)(20000 + i));
		many[i] = connected_pair(l, &p);
	}
	world_run(1000);
	world_drop_sent();
	EXPECT_EQ(st->due[0], 0);
	EXPECT_TRUE(many[0]->resting && many[9999]->resting);
	/* One of them hears something, and rests again. */
	p = peer_at(20000 + 777);
	p.seq++;
	p.ack = many[777]->tcp->snd_nxt;
	say(&p, ACK, "x", 1);
	EXPECT_EQ(inet_tcp_unread(many[777]), 1);
	EXPECT_TRUE(!many[777]->resting);
	world_run(1000);
	EXPECT_TRUE(many[777]->resting);
	/* Whoever is to be asked whether he is still there is, in time. */
	EXPECT_EQ(inet_set_opt(many[5], INET_OPT_KEEPIDLE, 300), 0);
	EXPECT_EQ(inet_set_opt(many[5], INET_OPT_KEEPALIVE, 1), 0);
	world_drop_sent();
	world_run(297000);
	EXPECT_TRUE(st->nr_sleeping == 1);
	hear_nothing();
	world_run(5000);
	EXPECT_TRUE(segment_take(&(struct segment){ 0 }));
	for (u32 i = 0; i < ARRAY_SIZE(many); i++)
		inet_close(many[i], true);
	world_drop_sent();
	inet_close(l, false);
	world_end();
}

TEST(time_wait_is_bounded)
{
	struct inet_stack *st;
	struct inet_ep *l, *ep;
	struct peer p;

	world_start();
	st = init_net.inet;
	init_net.settings.tcp_max_tw_buckets = 100;
	l = listen_at(OUR_PORT, 5);
	for (u32 i = 0; i < 300; i++) {
		p = peer_at((u16)(20000 + i));
		ep = connected_pair(l, &p);
		inet_close(ep, false);
		hear(&p, FIN | ACK, 0);
		say(&p, FIN | ACK, NULL, 0);
		world_drop_sent();
		EXPECT_TRUE(st->nr_time_wait <= 100);
	}
	EXPECT_EQ(st->nr_time_wait, 100);
	/*
	 * The last ones are those that are kept; a new connection with the same ends replaces one.
	 */
	p.seq += 100000;
	say(&p, SYN, NULL, 0);
	hear(&p, SYN | ACK, 0);
	EXPECT_EQ(st->nr_time_wait, 99);
	init_net.settings.tcp_max_tw_buckets = 4096;
	inet_close(l, false);
	world_end();
}

TEST(listeners_of_one_port_share_its_connections)
{
	struct inet_addr a = { .family = INET_AF_INET, .port = net16(OUR_PORT) };
	u32 got[4] = { 0 };
	struct inet_ep *l[4], *ep;

	world_start();
	for (u32 i = 0; i < 4; i++) {
		l[i] = open_tcp();
		EXPECT_EQ(inet_set_opt(l[i], INET_OPT_REUSEPORT, 1), 0);
		EXPECT_EQ(inet_bind(l[i], &a), 0);
		EXPECT_EQ(inet_listen(l[i], 1000), 0);
	}
	for (u16 i = 0; i < 1000; i++) {
		struct peer p = peer_at((u16)(20000 + i));

		/* Said twice, it is the same one's. */
		say(&p, SYN, NULL, 0);
		hear(&p, SYN | ACK, 0);
		say(&p, ACK, NULL, 0);
	}
	for (u32 i = 0; i < 4; i++) {
		while (!inet_accept(l[i], &ep)) {
			got[i]++;
			inet_close(ep, true);
		}
		EXPECT_TRUE(got[i] > 150 && got[i] < 350);
		inet_close(l[i], false);
	}
	EXPECT_EQ(got[0] + got[1] + got[2] + got[3], 1000);
	world_drop_sent();
	world_end();
}

static void send_udp(u16 sport, u16 dport)
{
	u8 f[14 + 20 + 8 + 4] = {2,  0, 0, 0, 0, 1,  2,  0, 0, 0,  0, 2, 8, 0,  0x45, 0, 0,
				 32, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 2, 10, 0,    0, 1};
	u32 sum = 0;

	for (u32 i = 14; i < 34; i += 2)
		sum += (u32)f[i] << 8 | f[i + 1];
	sum = ~((sum & 0xffff) + (sum >> 16));
	f[24] = (u8)(sum >> 8);
	f[25] = (u8)sum;
	f[34] = (u8)(sport >> 8);
	f[35] = (u8)sport;
	f[36] = (u8)(dport >> 8);
	f[37] = (u8)dport;
	f[39] = 12;
	world_receive(f, sizeof(f));
}

TEST(datagram_sockets_of_one_port_share_what_comes)
{
	struct inet_addr a = { .family = INET_AF_INET, .port = net16(53) };
	u32 got[4] = { 0 }, all = 0;
	struct inet_ep *e[4];
	char buf[16];

	world_start();
	for (u32 i = 0; i < 4; i++) {
		EXPECT_EQ(inet_open(&init_net, INET_AF_INET, INET_UDP, 17, &ops, &told, &e[i]), 0);
		EXPECT_EQ(inet_set_opt(e[i], INET_OPT_REUSEPORT, 1), 0);
		EXPECT_EQ(inet_bind(e[i], &a), 0);
	}
	/* The same flow is always the same one's. */
	for (u32 round = 0; round < 2; round++)
		for (u16 i = 0; i < 400; i++)
			send_udp(3000 + i, 53);
	for (u32 i = 0; i < 4; i++) {
		struct kvec v = { buf, sizeof(buf) };
		struct iov_iter it;

		iov_iter_kernel(&it, &v, 1, sizeof(buf));
		while (inet_dgram_recv(e[i], &it, NULL, 0) > 0) {
			got[i]++;
			iov_iter_kernel(&it, &v, 1, sizeof(buf));
		}
		EXPECT_TRUE(got[i] % 2 == 0 && got[i] > 100 && got[i] < 300);
		all += got[i];
		inet_close(e[i], false);
	}
	EXPECT_EQ(all, 800);
	world_end();
}

/* lwIP writes it wherever it is told to. */
TEST(a_checksum_has_room_in_what_it_is_for)
{
	struct inet_addr to = { .family = INET_AF_INET6, .v6 = { 0xfd, [15] = 2 } };
	struct inet_msg msg = { .peer = to, .ttl = -1, .tos = -1 };
	u8 buf[8] = { 128 };
	struct inet_ep *ep;

	world_start();
	EXPECT_EQ(inet_open(&init_net, INET_AF_INET6, INET_RAW, 58, &ops, &told, &ep), 0);
	for (u32 len = 0; len < 6; len++) {
		struct kvec v = { buf, len };
		struct iov_iter it;

		iov_iter_kernel(&it, &v, 1, len);
		EXPECT_EQ(inet_dgram_send(ep, &it, &msg), len < 4 ? -EINVAL : (int)len);
	}
	inet_close(ep, false);
	world_end();
}

static u32 sum16(const u8 *p, u32 len, u32 sum)
{
	for (u32 i = 0; i < len; i++)
		sum += i % 2 ? p[i] : (u32)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* "Too big for the way to fd00::2", from there. */
static void send_too_big(u32 mtu)
{
	u8 f[14 + 40 + 48] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x86, 0xdd }, *ip = f + 14;
	u8 *icmp = ip + 40;
	u32 sum;

	ip[0] = icmp[8] = 0x60;
	ip[5] = 48;
	ip[6] = 58;
	ip[7] = 64;
	ip[8] = ip[24] = icmp[16] = icmp[32] = 0xfd;
	ip[23] = icmp[47] = 2;
	ip[39] = icmp[31] = 1;
	icmp[0] = 2;
	icmp[6] = (u8)(mtu >> 8);
	icmp[7] = (u8)mtu;
	sum = ~sum16(icmp, 48, sum16(ip + 8, 32, 48 + 58));
	icmp[2] = (u8)(sum >> 8);
	icmp[3] = (u8)sum;
	world_receive(f, sizeof(f));
}

/* Else its datagrams go in fragments of nothing, for ever. RFC 8201, 4. */
TEST(a_path_mtu_below_that_of_ipv6_is_not_believed)
{
	struct inet_addr to = {.family = INET_AF_INET6, .port = net16(9), .v6 = {0xfd, [15] = 2}};
	struct inet_msg msg = {.peer = to, .ttl = -1, .tos = -1};
	struct inet_ep *ep;

	world_start();
	EXPECT_EQ(inet_open(&init_net, INET_AF_INET6, INET_UDP, 17, &ops, &told, &ep), 0);
	for (u32 mtu = 40; mtu < 1400; mtu = mtu * 9 / 8) {
		struct kvec v = { stuff, 3000 };
		struct iov_iter it;

		iov_iter_kernel(&it, &v, 1, v.len);
		EXPECT_EQ(inet_dgram_send(ep, &it, &msg), 3000);
		send_too_big(mtu);
	}
	inet_close(ep, false);
	world_end();
}

/* One of three fragments of a datagram of 3000 bytes from port 9 to 9 over IPv6. */
static void send_fragment6(u32 number)
{
	u8 f[14 + 48 + 1024] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x86, 0xdd }, *ip = f + 14;
	u8 pseudo[40] = { 0 }, datagram[3008] = { [1] = 9, [3] = 9, [4] = 3008 >> 8, [5] = 3008 & 0xff };
	u32 at = number * 1024, len = min(3008 - at, 1024u), sum;

	ip[0] = 0x60;
	ip[4] = (u8)((len + 8) >> 8);
	ip[5] = (u8)(len + 8);
	ip[6] = 44;
	ip[7] = 64;
	ip[8] = ip[24] = 0xfd;
	ip[23] = 2;
	ip[39] = 1;
	ip[40] = 17;
	ip[42] = (u8)(at >> 8);
	ip[43] = (u8)((at & 0xff) | (number < 2));
	ip[47] = 77;
	for (u32 i = 8; i < 3008; i++)
		datagram[i] = (u8)(i * 7 + i / 256);
	memcpy(pseudo, ip + 8, 32);
	pseudo[34] = 3008 >> 8;
	pseudo[35] = 3008 & 0xff;
	pseudo[39] = 17;
	sum = ~sum16(datagram, 3008, sum16(pseudo, 40, 0));
	datagram[6] = (u8)(sum >> 8);
	datagram[7] = (u8)sum;
	memcpy(ip + 48, datagram + at, len);
	world_receive(f, 14 + 48 + len);
}

/* A fragment's link to the next one is longer than its header, and lay on its first bytes. */
TEST(fragments_of_ipv6_in_any_order_make_the_datagram)
{
	static const u8 orders[][3] = { { 0, 1, 2 }, { 2, 1, 0 }, { 1, 0, 2 }, { 2, 0, 1 } };
	struct inet_addr a = { .family = INET_AF_INET6, .port = net16(9) };
	static u8 got[4000];
	struct inet_ep *ep;

	world_start();
	EXPECT_EQ(inet_open(&init_net, INET_AF_INET6, INET_UDP, 17, &ops, &told, &ep), 0);
	EXPECT_EQ(inet_bind(ep, &a), 0);
	for (u32 n = 0; n < 4; n++) {
		struct kvec v = { got, sizeof(got) };
		struct iov_iter it;
		u32 wrong = 0;

		for (u32 i = 0; i < 3; i++)
			send_fragment6(orders[n][i]);
		iov_iter_kernel(&it, &v, 1, sizeof(got));
		EXPECT_EQ(inet_dgram_recv(ep, &it, NULL, 0), 3000);
		for (u32 i = 0; i < 3000; i++)
			wrong += got[i] != (u8)((i + 8) * 7 + (i + 8) / 256);
		EXPECT_EQ(wrong, 0);
	}
	send_fragment6(0);		/* the rest of it never comes */
	inet_close(ep, false);
	world_end();
}

/* --- several IPv4 addresses --- */

static u32 get32(const u8 *p)
{
	return (u32)p[0] << 24 | (u32)p[1] << 16 | (u32)p[2] << 8 | p[3];
}

static void change_address(u32 addr, u8 prefix_len, bool add, int want)
{
	struct netdev *dev = netdev_by_name(&init_net, "eth0");
	struct inet_ifaddr a = { .dev = dev, .addr.family = INET_AF_INET, .prefix_len = prefix_len };

	for (u32 i = 0; i < 4; i++)
		a.addr.v4[i] = (u8)(addr >> (24 - 8 * i));
	mutex_lock(&net_config_lock);
	EXPECT_EQ(add ? inet_addr_add(dev, &a) : inet_addr_del(dev, &a.addr, prefix_len), want);
	mutex_unlock(&net_config_lock);
}

/* Of an ARP request for `addr`: who answers; 0: nobody. */
static u32 who_has(u32 addr)
{
	u8 f[42] = { 255, 255, 255, 255, 255, 255, 2, 0, 0, 0, 0, 2, 8, 6, 0, 1, 8, 0, 6, 4, 0, 1,
		     2, 0, 0, 0, 0, 2, 10, 0, 0, 2 };
	struct frame *answer;
	u32 sender = 0;

	for (u32 i = 0; i < 4; i++)
		f[38 + i] = (u8)(addr >> (24 - 8 * i));
	world_receive(f, sizeof(f));
	answer = world_take();
	if (answer && answer->data[12] == 8 && answer->data[13] == 6 && answer->data[21] == 2)
		sender = get32(answer->data + 28);
	free(answer);
	world_drop_sent();
	return sender;
}

/* Of a UDP datagram to a port of nobody's: where the ICMP error comes from; 0: none. */
static u32 who_refuses(u32 addr)
{
	u8 f[14 + 28 + 4] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0, 0, 32, 0, 0, 0, 0, 64, 17,
			      0, 0, 10, 0, 0, 2 };
	struct frame *answer;
	u32 sender = 0, sum;

	for (u32 i = 0; i < 4; i++)
		f[30 + i] = (u8)(addr >> (24 - 8 * i));
	sum = ~sum16(f + 14, 20, 0);
	f[24] = (u8)(sum >> 8);
	f[25] = (u8)sum;
	f[35] = f[37] = 77;
	f[39] = 12;
	world_receive(f, sizeof(f));
	world_run(10);
	answer = world_take();
	if (answer && answer->data[23] == 1 && answer->data[34] == 3)
		sender = get32(answer->data + 26);
	free(answer);
	world_drop_sent();
	return sender;
}

static u32 source_to(u32 addr)
{
	struct inet_addr to = { .family = INET_AF_INET };
	struct inet_route r = { 0 };

	for (u32 i = 0; i < 4; i++)
		to.v4[i] = (u8)(addr >> (24 - 8 * i));
	EXPECT_EQ(inet_route_lookup(&init_net, &to, 0, &r), 0);
	return get32(r.source.v4);
}

TEST(each_address_of_an_interface_answers_for_itself)
{
	world_start();
	change_address(0x0a00004d, 24, true, 0);
	change_address(0x0a00004d, 24, true, -EEXIST);
	change_address(0x0a010001, 16, true, 0);
	change_address(0x0a00004e, 24, true, 0);
	EXPECT_EQ(who_has(0x0a000001), 0x0a000001);
	EXPECT_EQ(who_has(0x0a00004d), 0x0a00004d);
	EXPECT_EQ(who_has(0x0a010001), 0x0a010001);
	EXPECT_EQ(who_has(0x0a00004f), 0);
	EXPECT_EQ(who_refuses(0x0a000001), 0x0a000001);
	EXPECT_EQ(who_refuses(0x0a00004e), 0x0a00004e);
	EXPECT_EQ(who_refuses(0x0a010001), 0x0a010001);
	EXPECT_EQ(who_refuses(0x0a00004f), 0);
	/* A network's first address is the source; of what goes by a router, the router's network's. */
	EXPECT_EQ(source_to(0x0a000009), 0x0a000001);
	EXPECT_EQ(source_to(0x0a010909), 0x0a010001);
	EXPECT_EQ(source_to(0xc0000201), 0x0a000001);
	change_address(0x0a00004e, 24, false, 0);
	EXPECT_EQ(who_has(0x0a00004e), 0);
	/* The first of all goes, and what is of its network; the next network's is the first. */
	change_address(0x0a000001, 24, false, 0);
	EXPECT_EQ(who_has(0x0a00004d), 0);
	EXPECT_EQ(who_has(0x0a010001), 0x0a010001);
	EXPECT_EQ(who_refuses(0x0a010001), 0x0a010001);
	change_address(0x0a000001, 24, true, 0);
	EXPECT_EQ(who_has(0x0a000001), 0x0a000001);
	change_address(0x0a010001, 16, false, 0);
	EXPECT_EQ(source_to(0x0a000009), 0x0a000001);
	world_run(20000);
	world_end();
}

/* --- lists --- */

static struct inet_ep *listed[101];
static u32 seen[101], let_go;

/* Between two holds of the lock: the last that was told, the next one and others end, one begins. */
static void change_list(void *owner, u32 events)
{
	static const struct inet_ops quiet = { note };

	if (let_go++)
		return;
	for (u32 i = 31; i < 60; i += i == 31 ? 1 : 9) {
		inet_close(listed[i], false);
		listed[i] = NULL;
	}
	EXPECT_EQ(inet_open(&init_net, INET_AF_INET, INET_UDP, 17, &quiet, &seen[100], &listed[100]), 0);
}

static void see(const struct inet_info *info, void *arg)
{
	u32 i = (u32)((u32 *)info->owner - seen);

	seen[i]++;
	if (i < 100)
		inet_fire(listed[i], INET_EV_READ);
}

TEST(a_list_of_endpoints_lets_others_in)
{
	static const struct inet_ops changing = { change_list };

	world_start();
	for (u32 i = 0; i < 100; i++)
		EXPECT_EQ(inet_open(&init_net, INET_AF_INET, INET_UDP, 17, &changing, &seen[i],
				    &listed[i]), 0);
	inet_for_each(&init_net, INET_UDP, see, NULL);
	EXPECT_TRUE(let_go > 32);
	for (u32 i = 0; i < ARRAY_SIZE(listed); i++) {
		EXPECT_EQ(seen[i], listed[i] || i == 31);
		if (listed[i])
			inet_close(listed[i], false);
	}
	world_end();
}

/* lwIP looked for a free number for ever. */
TEST(there_are_interfaces_enough)
{
	char name[IFNAMSIZ] = "";
	struct link_request r = { .name = name };
	int err = 0;
	u32 n = 0;

	world_start();
	mutex_lock(&net_config_lock);
	for (; n < 300 && !err; n += !err) {
		snprintf(name, sizeof(name), "bridge-%u", n);
		err = link_bridge.create(&init_net, &r);
	}
	EXPECT_EQ(err, -ENFILE);
	EXPECT_EQ(n, INET_DEVICES_MAX - 2);
	while (n--) {
		snprintf(name, sizeof(name), "bridge-%u", n);
		EXPECT_EQ(link_delete(netdev_by_name(&init_net, name)), 0);
	}
	mutex_unlock(&net_config_lock);
	world_end();
}

/* --- instances --- */

static struct netdev *end_of_cable(struct net *net, u8 nr)
{
	struct netdev *dev = netdev_by_name(net, "end");
	struct inet_ifaddr a = { .dev = dev, .prefix_len = 24,
				 .addr = { .family = INET_AF_INET, .v4 = { 10, 9, 0, nr } } };


	EXPECT_EQ(netdev_set_flags(net->loopback, IFF_UP), 0);
	EXPECT_EQ(netdev_set_flags(dev, IFF_UP), 0);
	EXPECT_EQ(inet_addr_add(dev, &a), 0);
	return dev;
}

/* What goes with nothing but its interface, and with nothing but its namespace. */
static void add_lasting(struct net *net, struct netdev *dev)
{
	struct inet_neigh n = { .dev = dev, .state = INET_NUD_PERMANENT, .mac = { 2, 0, 0, 0, 0, 7 },
				.addr = { .family = INET_AF_INET, .v4 = { 10, 9, 0, 99 } } };
	struct inet_route r = { .family = INET_AF_INET, .type = INET_ROUTE_BLACKHOLE, .prefix_len = 32,
				.dst = { .family = INET_AF_INET, .v4 = { 192, 0, 2, 1 } } };

	EXPECT_EQ(inet_neigh_add(net, &n, false), 0);
	EXPECT_EQ(inet_route_add(net, &r), 0);
}

/* The first piece of a datagram whose others never come. */
static void send_fragment(struct netdev *from, const struct netdev *to)
{
	static const u8 header[20] = { 0x45, 0, 0, 28, 0, 5, 0x20, 0, 64, 17, 0, 0, 10, 9, 0, 1, 10, 9, 0, 2 };
	struct pkt *pkt = pkt_alloc(GFP_KERNEL);
	u16 sum;
	u8 *p;

	p = pkt_put(pkt, ETH_HLEN);
	memcpy(p, to->mac, ETH_ALEN);
	memcpy(p + ETH_ALEN, from->mac, ETH_ALEN);
	p[12] = 8;
	p[13] = 0;
	p = pkt_put(pkt, sizeof(header) + 8);
	memset(p, 0, sizeof(header) + 8);
	memcpy(p, header, sizeof(header));
	sum = (u16)~lwip_checksum(p, sizeof(header));
	memcpy(p + 10, &sum, sizeof(sum));
	pkt->protocol = ETH_P_IP;
	netdev_transmit(from, pkt);
	netdev_kick(from);
}

static struct inet_ep *open_there(struct net *net, enum inet_type type)
{
	struct inet_ep *ep = NULL;

	EXPECT_EQ(inet_open(net, INET_AF_INET, type, type == INET_TCP ? 6 : 17, &ops, &told, &ep), 0);
	return ep;
}

/* All, and the other's FIN: what is closed after that waits for nothing but time. */
static void read_to_end(struct inet_ep *ep)
{
	static u8 data[5000];

	while (recv_bytes(ep, data, sizeof(data)) > 0)
		;
}

/* A connection between the two; what of it is still to be done when they end differs. */
static void use_instances(struct net *a, struct net *b, u32 how)
{
	struct inet_addr there = { .family = INET_AF_INET, .port = net16(80), .v4 = { 10, 9, 0, 2 } };
	struct inet_msg msg = { .ttl = -1, .tos = -1, .peer = there };
	struct inet_ep *l = open_there(b, INET_TCP), *c = open_there(a, INET_TCP),
		       *d = open_there(a, INET_UDP), *s;
	static u8 data[5000];
	struct kvec v = { data, sizeof(data) };
	struct iov_iter it;

	EXPECT_EQ(inet_bind(l, &there), 0);
	EXPECT_EQ(inet_listen(l, 3), 0);
	EXPECT_EQ(inet_connect(c, &there), -EINPROGRESS);
	world_run(10);
	EXPECT_EQ(inet_take_error(c), 0);
	s = accept_from(l);
	/* Pieces of datagrams, of which some come; and neighbours that are not there. */
	iov_iter_kernel(&it, &v, 1, sizeof(data));
	EXPECT_EQ(inet_dgram_send(d, &it, &msg), sizeof(data));
	msg.peer.v4[3] = 77;
	iov_iter_kernel(&it, &v, 1, sizeof(data));
	(void)!inet_dgram_send(d, &it, &msg);
	iov_iter_kernel(&it, &v, 1, sizeof(data));
	EXPECT_EQ(inet_tcp_send(c, &it, 0), sizeof(data));
	world_run(how & 1 ? 10 : 0);
	inet_close(c, how & 2);
	inet_close(d, false);
	world_run(how & 1 ? 10 : 0);
	if (how & 1)
		read_to_end(s);
	inet_close(s, how & 4);
	inet_close(l, false);
	world_run(how & 1 ? 10 : 0);
}

/* Both of a cable's, in either order, or the cable first. */
TEST(an_instance_ends_with_all_that_is_in_it)
{
	struct netdev *one;
	struct net *a, *b;

	for (u32 how = 0; how < 24; how++) {
		world_start();
		a = net_create();
		b = net_create();
		EXPECT_TRUE(a && b);
		mutex_lock(&net_config_lock);
		struct link_request far = { .name = "end", .net = b }, near = { .name = "end", .peer = &far };

		EXPECT_EQ(link_veth.create(a, &near), 0);
		one = end_of_cable(a, 1);
		send_fragment(one, end_of_cable(b, 2));
		add_lasting(a, one);
		mutex_unlock(&net_config_lock);
		world_run(10);
		use_instances(a, b, how);
		if (how >= 16) {
			mutex_lock(&net_config_lock);
			EXPECT_EQ(link_delete(netdev_by_name(b, "end")), 0);
			mutex_unlock(&net_config_lock);
		}
		net_put(how & 8 ? a : b);
		world_run(how & 1);
		net_put(how & 8 ? b : a);
		world_end();
	}
}

/* It can be sent there and back, and lives on when its namespace ends. */
TEST(an_interface_moves)
{
	char name[IFNAMSIZ] = "end";
	struct netdev *dev;
	struct net *a;
	u32 index;

	world_start();
	a = net_create();
	EXPECT_TRUE(a);
	mutex_lock(&net_config_lock);
	struct link_request far = { .name = name, .net = a }, near = { .name = name, .peer = &far };

	EXPECT_EQ(link_veth.create(&init_net, &near), 0);
	dev = end_of_cable(&init_net, 1);
	index = dev->index;
	EXPECT_EQ(link_move(dev, a, NULL), -EEXIST);
	EXPECT_EQ(link_move(dev, a, "a/b"), -EINVAL);
	EXPECT_EQ(link_move(dev, a, "other"), 0);
	EXPECT_TRUE(!netdev_by_name(&init_net, "end") && netdev_by_name(a, "other") == dev);
	EXPECT_TRUE(dev->net == a && dev->index == index && !(dev->flags & IFF_UP));
	EXPECT_EQ(link_move(a->loopback, &init_net, NULL), -EINVAL);
	EXPECT_EQ(link_move(dev, &init_net, NULL), 0);
	EXPECT_EQ(dev->index, index);
	EXPECT_EQ(netdev_set_flags(dev, IFF_UP), 0);
	mutex_unlock(&net_config_lock);
	net_put(a);
	world_run(10);
	EXPECT_TRUE(!netdev_by_name(&init_net, "other"));
	world_end();
}

/* Many more than one hold of the lock takes in, and the softirq does not come. */
TEST(packets_that_wait_go_with_their_interface)
{
	struct link_request far = { .name = "far" }, near = { .name = "near", .peer = &far };
	LIST_HEAD(pkts);

	world_start();
	mutex_lock(&net_config_lock);
	EXPECT_EQ(link_veth.create(&init_net, &near), 0);
	for (u32 i = 0; i < 900; i++) {
		struct pkt *pkt = pkt_alloc(GFP_KERNEL);

		memset(pkt_put(pkt, 28), 0x45, 28);
		pkt->protocol = ETH_P_IP;
		pkt->dev = netdev_by_name(&init_net, "far");
		list_add_tail(&pkt->node, &pkts);
	}
	softirq_disable();
	inet_lock(init_net.inet);
	inet_input(&init_net, &pkts, 900);
	inet_unlock(init_net.inet);
	EXPECT_TRUE(init_net.inet->inbox_len > 500);
	EXPECT_EQ(link_delete(netdev_by_name(&init_net, "near")), 0);
	EXPECT_EQ(init_net.inet->inbox_len, 0);
	synchronize_rcu();
	softirq_enable();
	mutex_unlock(&net_config_lock);
	world_end();
}
