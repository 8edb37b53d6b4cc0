/* SPDX-License-Identifier: MIT */
/*
 * TCP's listeners: their queues, cookies, floods; and many connections at once.
 */
#include <net/inet/device.h>
#include <net/port/port.h>
#include "net/peer.h"

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
	EXPECT_EQ(counters().tcp_listen_overflows, 1);
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
	EXPECT_EQ(counters().tcp_listen_overflows, 2);
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
	inet_close(l, false);
	world_drop_sent();
	world_end();
}

/* As an administrator may want it. */
TEST(who_finds_the_accept_queue_full_is_reset)
{
	struct peer p[4];
	struct inet_ep *l;
	struct segment s;

	world_start();
	l = listen_at(OUR_PORT, 2);
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

/* A listener whose SYN queue holds 4, and 4 that are half-open. */
static struct inet_ep *listen_with_a_full_syn_queue(void)
{
	struct inet_ep *l = listen_at(OUR_PORT, 3);

	for (u16 i = 0; i < 4; i++) {
		struct peer half = peer_at(PEER_PORT + i);

		say(&half, SYN, NULL, 0);
		hear(&half, SYN | ACK, 0);
	}
	return l;
}

/* A SYN of a peer whose MSS is 1400, and the answer. */
static struct segment ask_with_mss(struct peer *p)
{
	segment_send(&(struct segment){.sport = p->port,
				       .dport = OUR_PORT,
				       .seq = p->seq++,
				       .flags = SYN,
				       .window = WINDOW,
				       .options = {2, 4, 1400 >> 8, 1400 & 255},
				       .options_len = 4});
	return hear(p, SYN | ACK, 0);
}

/* Nearly a cookie, and another's. */
static void say_wrong_cookies(const struct peer *p)
{
	struct peer wrong = *p;
	struct segment s;

	wrong.ack++;
	say(&wrong, ACK, NULL, 0);
	EXPECT_TRUE(segment_take(&s) && (s.flags & RST));
	wrong = *p;
	wrong.port++;
	say(&wrong, ACK, NULL, 0);
	EXPECT_TRUE(segment_take(&s) && (s.flags & RST));
}

TEST(cookies_are_given_when_the_syn_queue_is_full)
{
	struct peer p = peer_at(5000);
	struct inet_ep *l, *ep;
	struct segment s;
	char buf[8];

	world_start();
	l = listen_with_a_full_syn_queue();
	EXPECT_EQ(counters().tcp_cookies_sent, 0);
	s = ask_with_mss(&p);
	EXPECT_EQ(segment_mss(&s), 1460);
	EXPECT_EQ(s.options_len, 4);
	EXPECT_EQ(counters().tcp_cookies_sent, 1);
	say_wrong_cookies(&p);
	EXPECT_EQ(counters().tcp_cookies_failed, 2);
	world_run(60000);
	world_drop_sent();
	say(&p, ACK, "hi", 2);
	EXPECT_EQ(counters().tcp_cookies_taken, 1);
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
	EXPECT_EQ(counters().tcp_cookies_failed, 2);
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

static u32 sleepers(void)
{
	struct inet_stack *s;
	u32 n = 0;

	inet_for_each_shard(init_net.inet->common, s)
		n += s->nr_sleeping;
	return n;
}

static bool any_tcp_timer_runs(void)
{
	struct inet_stack *s;
	bool any = false;

	inet_for_each_shard(init_net.inet->common, s)
		any |= s->due[0] != 0;
	return any;
}

TEST(ten_thousand_idle_connections_need_no_timer)
{
	struct inet_ep *l;
	struct peer p;

	world_start();
	l = listen_at(OUR_PORT, 4096);
	for (u32 i = 0; i < ARRAY_SIZE(many); i++) {
		p = peer_at((u16)(20000 + i));
		many[i] = connected_pair(l, &p);
	}
	world_run(1000);
	world_drop_sent();
	EXPECT_TRUE(!any_tcp_timer_runs());
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
	EXPECT_TRUE(sleepers() == 1);
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
	struct inet_ep *l, *ep;
	struct peer p;

	world_start();
	init_net.settings.tcp_max_tw_buckets = 100;
	l = listen_at(OUR_PORT, 5);
	for (u32 i = 0; i < 300; i++) {
		p = peer_at((u16)(20000 + i));
		ep = connected_pair(l, &p);
		inet_close(ep, false);
		hear(&p, FIN | ACK, 0);
		say(&p, FIN | ACK, NULL, 0);
		world_drop_sent();
		EXPECT_TRUE(time_waits() <= 100);
	}
	EXPECT_EQ(time_waits(), 100);
	/*
	 * The last ones are those that are kept; a new connection with the same ends replaces one.
	 */
	p.seq += 100000;
	say(&p, SYN, NULL, 0);
	hear(&p, SYN | ACK, 0);
	EXPECT_EQ(time_waits(), 99);
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
