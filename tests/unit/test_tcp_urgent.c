/* SPDX-License-Identifier: MIT */
/*
 * TCP's urgent pointer, as a peer sends and sees it: which segments have one, and where it leads.
 */
#include <kernel/errno.h>
#include <kernel/lib/string.h>
#include <kernel/mm/iov_iter.h>
#include <net/inet/device.h>
#include <net/inet/tcp.h>
#include "net/segment.h"
#include "net/world.h"
#include "unit.h"

#define URG		0x20
#define PEER_PORT	4000
#define OUR_PORT	80
#define MSS		536		/* of a peer that says nothing of it */

static u32 told;			/* events since the last look */

static void note(void *owner, u32 events)
{
	told |= events;
}
static const struct inet_ops ops = { note };

static u32 seq, ack;			/* the peer's next, and what it has */
static struct inet_ep *listener;
static u8 stuff[80000];

/* A segment `ahead` bytes in front of what the peer would send next. */
static void say(u32 ahead, u8 flags, u16 urgent, const char *data, u16 window)
{
	struct segment s = {
		.sport = PEER_PORT, .dport = OUR_PORT, .seq = seq + ahead, .ack = ack, .flags = flags,
		.window = window, .urgent = urgent, .data = data, .len = (u32)strlen(data),
	};

	segment_send(&s);
}

static struct inet_ep *begin(u16 window)
{
	struct inet_addr a = { .family = INET_AF_INET, .port = net16(OUR_PORT) };
	struct inet_ep *ep = NULL;
	struct segment s;

	world_start();
	seq = 7000;
	ack = 0;
	EXPECT_EQ(inet_open(&init_net, INET_AF_INET, INET_TCP, 6, &ops, &told, &listener), 0);
	EXPECT_EQ(inet_bind(listener, &a), 0);
	EXPECT_EQ(inet_listen(listener, 5), 0);
	say(0, SYN, 0, "", window);
	EXPECT_TRUE(segment_take(&s));
	seq++;
	ack = s.seq + 1;
	say(0, ACK, 0, "", window);
	EXPECT_EQ(inet_accept(listener, &ep), 0);
	inet_set_owner(ep, &ops, &told);
	told = 0;
	return ep;
}

static void end(struct inet_ep *ep)
{
	inet_close(ep, true);
	inet_close(listener, false);
	world_end();
}

static ssize_t recv_some(struct inet_ep *ep, bool urgent)
{
	struct kvec v = { stuff, sizeof(stuff) };
	struct iov_iter it;

	iov_iter_kernel(&it, &v, 1, sizeof(stuff));
	return urgent ? inet_tcp_recv_urgent(ep, &it, 0) : inet_tcp_recv(ep, &it, 0);
}

static ssize_t send_some(struct inet_ep *ep, size_t len, u32 flags)
{
	struct kvec v = { stuff, len };
	struct iov_iter it;

	iov_iter_kernel(&it, &v, 1, len);
	return inet_tcp_send(ep, &it, flags);
}

TEST(the_pointer_may_come_before_the_byte)
{
	struct inet_ep *ep = begin(30000);

	EXPECT_EQ(recv_some(ep, true), -EINVAL);
	say(0, ACK | URG, 5, "ab", 30000);
	seq += 2;
	EXPECT_TRUE(told & INET_EV_URGENT);
	EXPECT_EQ(recv_some(ep, true), -EAGAIN);
	EXPECT_EQ(inet_poll(ep) & INET_EV_URGENT, 0);
	EXPECT_EQ(recv_some(ep, false), 2);
	say(0, ACK, 0, "cdEf", 30000);
	seq += 4;
	EXPECT_TRUE(inet_poll(ep) & INET_EV_URGENT);
	EXPECT_EQ(recv_some(ep, true), 1);
	EXPECT_EQ(stuff[0], 'E');
	EXPECT_EQ(recv_some(ep, false), 2);
	EXPECT_TRUE(inet_tcp_at_mark(ep));
	EXPECT_EQ(recv_some(ep, false), 1);
	EXPECT_EQ(stuff[0], 'f');
	end(ep);
}

TEST(segments_that_come_late_or_twice_tell_once)
{
	struct inet_ep *ep = begin(30000);

	/* The second first. */
	say(3, ACK | URG, 2, "dE", 30000);
	EXPECT_TRUE(told & INET_EV_URGENT);
	told = 0;
	say(0, ACK | URG, 5, "abc", 30000);
	EXPECT_EQ(told & INET_EV_URGENT, 0);
	EXPECT_EQ(recv_some(ep, true), 1);
	EXPECT_EQ(stuff[0], 'E');
	EXPECT_EQ(recv_some(ep, false), 4);
	told = 0;
	/* All of it again: nothing is told, nor there. */
	say(0, ACK | URG, 5, "abcdE", 30000);
	EXPECT_EQ(told & INET_EV_URGENT, 0);
	EXPECT_EQ(recv_some(ep, true), -EINVAL);
	EXPECT_EQ(recv_some(ep, false), -EAGAIN);
	end(ep);
}

/* As on Linux: MSG_OOB and EPOLLPRI need not wait for what is missing before the byte. */
TEST(the_byte_may_be_taken_before_those_in_front_of_it_come)
{
	struct inet_ep *ep = begin(30000);

	say(3, ACK | URG, 2, "dE", 30000);
	EXPECT_EQ(told, INET_EV_URGENT | INET_EV_READ);
	EXPECT_EQ(inet_poll(ep) & (INET_EV_URGENT | INET_EV_READ), INET_EV_URGENT);
	EXPECT_EQ(recv_some(ep, true), 1);
	EXPECT_EQ(stuff[0], 'E');
	EXPECT_EQ(recv_some(ep, true), -EINVAL);
	say(0, ACK, 0, "abc", 30000);
	say(5, ACK, 0, "f", 30000);
	EXPECT_EQ(recv_some(ep, false), 4);
	EXPECT_TRUE(inet_tcp_at_mark(ep));
	EXPECT_EQ(recv_some(ep, false), 1);
	EXPECT_EQ(stuff[0], 'f');
	end(ep);
}

/* The pointer came with a segment before; and one whose byte does not fit is not taken from. */
TEST(an_early_byte_is_found_where_it_was_told_of)
{
	struct inet_ep *ep = begin(30000);

	say(100000, ACK | URG, 2, "xY", 30000);
	EXPECT_EQ(recv_some(ep, true), -EAGAIN);
	end(ep);
	ep = begin(30000);
	say(0, ACK | URG, 6, "ab", 30000);
	seq += 2;
	told = 0;
	say(2, ACK | URG, 2, "eF", 30000);
	EXPECT_EQ(told, INET_EV_READ);
	EXPECT_EQ(recv_some(ep, true), 1);
	EXPECT_EQ(stuff[0], 'F');
	end(ep);
}

/* Every segment of those that carry len bytes points at the end of all of them. */
static void expect_pointers(u32 len)
{
	u32 last = ack + len;
	struct segment s;

	for (u32 i = 0; i < 50 && ack != last && segment_take(&s); i++) {
		EXPECT_TRUE(s.len <= MSS);
		EXPECT_EQ(s.flags & URG, URG);
		EXPECT_EQ(s.seq + s.urgent, last);
		EXPECT_EQ(s.seq, ack);
		ack += s.len;
	}
	EXPECT_EQ(ack, last);
}

TEST(segments_point_at_the_byte_until_it_is_acknowledged)
{
	struct inet_ep *ep = begin(30000);
	u32 first = ack;
	struct segment s;

	EXPECT_EQ(send_some(ep, 3000, INET_URGENT), 3000);
	expect_pointers(3000);
	/* Nobody answers: the first again. */
	world_run(1500);
	EXPECT_TRUE(segment_take(&s));
	EXPECT_EQ(s.seq, first);
	EXPECT_EQ(s.flags & URG, URG);
	EXPECT_EQ(s.urgent, 3000);
	world_drop_sent();
	say(0, ACK, 0, "", 30000);
	EXPECT_EQ(send_some(ep, 10, 0), 10);
	EXPECT_TRUE(segment_take(&s));
	EXPECT_EQ(s.flags & URG, 0);
	EXPECT_EQ(s.len, 10);
	end(ep);
}

static void close_window(struct inet_ep *ep)
{
	EXPECT_EQ(send_some(ep, 1, 0), 1);
	world_drop_sent();
	ack++;
	say(0, ACK, 0, "", 0);
}

/* What was queued before it is cut as well: no segment that the card will cut has a pointer. */
TEST(what_waits_is_cut)
{
	struct inet_ep *ep = begin(30000);

	close_window(ep);
	EXPECT_EQ(send_some(ep, 4000, 0), 4000);
	EXPECT_EQ(send_some(ep, 1, INET_URGENT), 1);
	say(0, ACK, 0, "", 30000);
	expect_pointers(4001);
	end(ep);
}

/* Farther than a pointer reaches: as far as it does, so that the peer knows that there is one. */
TEST(a_byte_that_is_far_ahead_is_told_of)
{
	struct inet_ep *ep = begin(30000);
	struct segment s = { 0 };
	u32 last;

	close_window(ep);
	last = ack + 70000;
	EXPECT_EQ(send_some(ep, 40000, 0), 40000);
	EXPECT_EQ(send_some(ep, 30000, INET_URGENT), 30000);
	for (u32 i = 0; i < 500 && ack != last; i++) {
		if (!segment_take(&s)) {
			say(0, ACK, 0, "", 30000);
			continue;
		}
		EXPECT_EQ(s.flags & URG, URG);
		EXPECT_EQ(s.urgent, min_t(u32, last - s.seq, 0xffff));
		ack = s.seq + s.len;
	}
	EXPECT_EQ(ack, last);
	end(ep);
}

/* Without a window the peer is told all the same. */
TEST(a_probe_has_the_pointer)
{
	struct inet_ep *ep = begin(30000);
	struct segment s = { 0 };

	close_window(ep);
	EXPECT_EQ(send_some(ep, 20, INET_URGENT), 20);
	world_run(6000);
	EXPECT_TRUE(segment_take(&s));
	EXPECT_EQ(s.len, 1);
	EXPECT_EQ(s.seq, ack);
	EXPECT_EQ(s.flags & URG, URG);
	EXPECT_EQ(s.urgent, 20);
	end(ep);
}
