/* SPDX-License-Identifier: MIT */
/*
 * TCP as a peer sees it, segment by segment: the kernel's endpoints and lwIP against a script that
 * plays the other end of the cable (tests/unit/net/world.h). Times are the world's: a wait of
 * minutes costs nothing.
 *
 * Not here: loss (test_tcp_loss.c), listeners and many connections (test_tcp_listen.c).
 */
#include <net/inet/device.h>
#include <net/port/port.h>
#include "net/peer.h"

/* --- reading --- */

TEST(few_bytes_are_read_into_a_page_that_is_not_there_yet)
{
	struct peer p = peer_at(PEER_PORT);
	struct inet_ep *l, *ep = begin(&l, &p);
	u8 got[300];

	for (u32 i = 0; i < sizeof(stuff); i++)
		stuff[i] = (u8)(i * 7);
	for (u32 there = 0; there < 220; there += 55) {
		memset(got, 0, sizeof(got));
		world_bytes_there = there;
		say(&p, ACK | PSH, stuff, 200);
		EXPECT_EQ(recv_bytes(ep, got, 150), 150);
		EXPECT_EQ(recv_bytes(ep, got + 150, sizeof(got) - 150), 50);
		EXPECT_EQ(memcmp(got, stuff, 200), 0);
		EXPECT_EQ(recv_bytes(ep, got, sizeof(got)), -EAGAIN);
	}
	end(ep, l);
}

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
	EXPECT_EQ(time_waits(), 1);
	world_run(59000);
	EXPECT_EQ(time_waits(), 1);
	world_run(3000);
	EXPECT_EQ(time_waits(), 0);
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
	EXPECT_EQ(time_waits(), 0);
	say(&p, ACK, NULL, 0);
	EXPECT_EQ(time_waits(), 1);
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
		EXPECT_EQ(time_waits(), 1);
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
