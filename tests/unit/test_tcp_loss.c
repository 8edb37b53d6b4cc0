/* SPDX-License-Identifier: MIT */
/*
 * TCP that loses segments or has them in another order: what is sent again, and when.
 */
#include <net/inet/device.h>
#include <net/port/port.h>
#include "net/peer.h"

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
