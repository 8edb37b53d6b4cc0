/* SPDX-License-Identifier: MIT */
/*
 * The network stack inside the kernel: endpoints over loopback, ports, limits.
 */
#include <kernel/irq/irq.h>
#include <kernel/lock/rcu.h>
#include <kernel/lib/string.h>
#include <kernel/lock/wait.h>
#include <kernel/mm/alloc.h>
#include <kernel/mm/iov_iter.h>
#include <kernel/mm/page.h>
#include <kernel/task/thread.h>
#include <kernel/test/ktest.h>
#include <net/inet/inet.h>
#include <net/net.h>

#define LONG_NS		(20 * NS_PER_SEC)

/* An endpoint and whoever waits for it. */
struct end {
	struct inet_ep *ep;
	struct wait_queue wait;
	u32 events;			/* atomic */
};

static void note(void *owner, u32 events)
{
	struct end *e = owner;

	__atomic_fetch_or(&e->events, events, __ATOMIC_SEQ_CST);
	wake_all(&e->wait);
}
static const struct inet_ops ops = { note };

static void end_init(struct end *e)
{
	memset(e, 0, sizeof(*e));
	wait_queue_init(&e->wait);
}

static void end_open(struct end *e, u16 family, enum inet_type type)
{
	end_init(e);
	EXPECT_EQ(inet_open(&init_net, family, type, type == INET_PING ? 1 : 0, &ops, e, &e->ep), 0);
}

static void end_close(struct end *e, bool abort)
{
	inet_close(e->ep, abort);
	synchronize_rcu();
}

static bool wait_for(struct end *e, u32 events)
{
	return wait_event_timeout(&e->wait, inet_poll(e->ep) & events, LONG_NS) == 0;
}

static struct inet_addr loopback4(u16 port)
{
	struct inet_addr a = { .family = INET_AF_INET, .v4 = { 127, 0, 0, 1 } };

	a.port = (u16)(port << 8 | port >> 8);
	return a;
}

static struct inet_addr loopback6(u16 port)
{
	return (struct inet_addr){ .family = INET_AF_INET6, .port = (u16)(port << 8 | port >> 8), .v6 = { [15] = 1 } };
}

static struct inet_addr any_of(u16 family, u16 port)
{
	return (struct inet_addr){ .family = family, .port = (u16)(port << 8 | port >> 8) };
}

static ssize_t send_all(struct end *e, const void *data, size_t len)
{
	struct kvec v = { (void *)data, len };
	struct iov_iter it;
	ssize_t done = 0, n;

	iov_iter_kernel(&it, &v, 1, len);
	while (iov_iter_count(&it)) {
		n = inet_tcp_send(e->ep, &it, 0);
		if (n == -EAGAIN) {
			if (!wait_for(e, INET_EV_WRITE))
				return -ETIMEDOUT;
			continue;
		}
		if (n < 0)
			return n;
		done += n;
	}
	return done;
}

static ssize_t recv_some(struct end *e, void *buf, size_t len, u32 flags)
{
	struct kvec v = { buf, len };
	struct iov_iter it;
	ssize_t n;

	for (;;) {
		iov_iter_kernel(&it, &v, 1, len);
		n = inet_tcp_recv(e->ep, &it, flags);
		if (n != -EAGAIN)
			return n;
		if (!wait_for(e, INET_EV_READ))
			return -ETIMEDOUT;
	}
}

static ssize_t recv_all(struct end *e, void *buf, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = recv_some(e, (u8 *)buf + done, len - done, 0);

		if (n <= 0)
			return n < 0 ? n : (ssize_t)done;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

/* A connection over loopback; l listens. */
static void connect_pair(struct end *l, struct end *a, struct end *b, struct inet_addr addr)
{
	end_open(l, addr.family, INET_TCP);
	EXPECT_EQ(inet_bind(l->ep, &addr), 0);
	EXPECT_EQ(inet_listen(l->ep, 8), 0);
	EXPECT_EQ(inet_local(l->ep, &addr), 0);
	end_open(a, addr.family, INET_TCP);
	EXPECT_EQ(inet_connect(a->ep, &addr), -EINPROGRESS);
	EXPECT_TRUE(wait_for(a, INET_EV_WRITE));
	EXPECT_EQ(inet_take_error(a->ep), 0);
	EXPECT_TRUE(wait_for(l, INET_EV_ACCEPT));
	end_init(b);
	EXPECT_EQ(inet_accept(l->ep, &b->ep), 0);
	inet_set_owner(b->ep, &ops, b);
}

static void exchange(struct inet_addr addr)
{
	struct end l, a, b;
	char buf[16] = "";

	connect_pair(&l, &a, &b, addr);
	EXPECT_EQ(send_all(&a, "request", 7), 7);
	EXPECT_EQ(recv_some(&b, buf, sizeof(buf), INET_PEEK), 7);
	EXPECT_EQ(recv_some(&b, buf, 3, 0), 3);
	EXPECT_EQ(recv_some(&b, buf + 3, sizeof(buf) - 3, 0), 4);
	EXPECT_EQ(memcmp(buf, "request", 7), 0);
	EXPECT_EQ(send_all(&b, "answer", 6), 6);
	EXPECT_EQ(recv_all(&a, buf, 6), 6);
	/* Half closed: the other direction still goes. */
	EXPECT_EQ(inet_shutdown(a.ep, INET_SHUT_WR), 0);
	EXPECT_EQ(recv_some(&b, buf, 1, 0), 0);
	EXPECT_EQ(send_all(&a, "x", 1), -EPIPE);
	EXPECT_EQ(send_all(&b, "late", 4), 4);
	EXPECT_EQ(recv_all(&a, buf, 4), 4);
	end_close(&b, false);
	EXPECT_EQ(recv_some(&a, buf, 1, 0), 0);
	end_close(&a, false);
	end_close(&l, false);
}

KTEST(net, tcp_over_loopback_v4)
{
	exchange(loopback4(0));
}

KTEST(net, tcp_over_loopback_v6)
{
	exchange(loopback6(0));
}

/* Bytes by position, so that one that is lost, twice there or elsewhere is seen. */
static u8 byte_at(u32 i)
{
	return (u8)(i * 2654435761u >> 24);
}

struct bulk {
	struct end *to;
	u32 total;
	ssize_t result;
	struct completion done;
};

static int bulk_sender(void *arg)
{
	struct bulk *b = arg;
	u8 *buf = kmalloc(30000, GFP_KERNEL);

	b->result = 0;
	for (u32 at = 0; at < b->total && b->result >= 0;) {
		u32 n = min(b->total - at, 1 + at % 29999);

		for (u32 i = 0; i < n; i++)
			buf[i] = byte_at(at + i);
		b->result = send_all(b->to, buf, n);
		at += n;
	}
	kfree(buf);
	complete(&b->done);
	return 0;
}

KTEST(net, tcp_bulk_arrives_whole)
{
	struct end l, a, b;
	struct bulk bulk = { .to = &a, .total = 8u << 20 };
	u8 *buf = kmalloc(70000, GFP_KERNEL);
	u32 at = 0, wrong = 0;

	connect_pair(&l, &a, &b, loopback4(0));
	completion_init(&bulk.done);
	kthread_run(bulk_sender, &bulk, "bulk");
	while (at < bulk.total) {
		ssize_t n = recv_some(&b, buf, min(bulk.total - at, 1 + at % 69999), 0);

		if (n <= 0)
			break;
		for (u32 i = 0; i < n; i++)
			wrong += buf[i] != byte_at(at + i);
		at += (u32)n;
	}
	EXPECT_EQ(at, bulk.total);
	EXPECT_EQ(wrong, 0);
	wait_for_completion(&bulk.done);
	EXPECT_TRUE(bulk.result > 0);
	kfree(buf);
	end_close(&a, false);
	end_close(&b, false);
	end_close(&l, false);
}

KTEST(net, tcp_reader_that_does_not_read_stops_the_sender)
{
	struct end l, a, b;
	u8 *buf = kzalloc(65536, GFP_KERNEL);
	struct kvec v = { buf, 65536 };
	struct iov_iter it;
	size_t sent = 0;
	ssize_t n;

	connect_pair(&l, &a, &b, loopback4(0));
	for (u32 i = 0; i < 100; i++) {
		iov_iter_kernel(&it, &v, 1, 65536);
		n = inet_tcp_send(a.ep, &it, 0);
		if (n < 0)
			break;
		sent += (size_t)n;
	}
	EXPECT_EQ(n, -EAGAIN);
	/* Send buffer and receive buffer, and not much more. */
	EXPECT_TRUE(sent >= 131072 && sent <= 131072 + 262144 + 65536);
	EXPECT_EQ(inet_poll(a.ep) & INET_EV_WRITE, 0);
	while (sent) {
		n = recv_some(&b, buf, 65536, 0);
		if (n <= 0)
			break;
		sent -= (size_t)n;
	}
	EXPECT_EQ(sent, 0);
	EXPECT_TRUE(wait_for(&a, INET_EV_WRITE));
	kfree(buf);
	end_close(&a, false);
	end_close(&b, false);
	end_close(&l, false);
}

KTEST(net, tcp_close_with_unread_data_resets)
{
	struct end l, a, b;
	char c;

	connect_pair(&l, &a, &b, loopback4(0));
	EXPECT_EQ(send_all(&a, "unread", 6), 6);
	EXPECT_TRUE(wait_for(&b, INET_EV_READ));
	end_close(&b, false);
	EXPECT_EQ(recv_some(&a, &c, 1, 0), -ECONNRESET);
	EXPECT_EQ(recv_some(&a, &c, 1, 0), 0);
	EXPECT_EQ(send_all(&a, "x", 1), -EPIPE);
	end_close(&a, false);
	end_close(&l, false);
}

KTEST(net, tcp_nobody_listens)
{
	struct inet_addr addr = loopback4(1);
	struct end a;

	end_open(&a, INET_AF_INET, INET_TCP);
	EXPECT_EQ(inet_connect(a.ep, &addr), -EINPROGRESS);
	EXPECT_TRUE(wait_for(&a, INET_EV_ERROR));
	EXPECT_EQ(inet_take_error(a.ep), ECONNREFUSED);
	/* And again, on the same endpoint. */
	EXPECT_EQ(inet_connect(a.ep, &addr), -EINPROGRESS);
	EXPECT_TRUE(wait_for(&a, INET_EV_ERROR));
	end_close(&a, false);
}

KTEST(net, tcp_accept_queue_is_bounded)
{
	struct inet_addr addr = loopback4(0);
	struct end l, c[8], s;
	u32 accepted = 0;

	/* With cookies more than the queue holds would take themselves for connected. */
	init_net.settings.tcp_syncookies = 0;
	end_open(&l, INET_AF_INET, INET_TCP);
	EXPECT_EQ(inet_bind(l.ep, &addr), 0);
	EXPECT_EQ(inet_listen(l.ep, 2), 0);
	EXPECT_EQ(inet_local(l.ep, &addr), 0);
	for (u32 i = 0; i < 8; i++) {
		end_open(&c[i], INET_AF_INET, INET_TCP);
		EXPECT_EQ(inet_connect(c[i].ep, &addr), -EINPROGRESS);
	}
	EXPECT_TRUE(wait_for(&c[2], INET_EV_WRITE));
	/* backlog + 1, as on Linux; the others try again. */
	EXPECT_EQ(inet_poll(c[4].ep) & INET_EV_WRITE, 0);
	while (accepted < 8 && wait_for(&l, INET_EV_ACCEPT)) {
		end_init(&s);
		if (inet_accept(l.ep, &s.ep))
			continue;
		inet_set_owner(s.ep, &ops, &s);
		end_close(&s, true);
		accepted++;
	}
	EXPECT_EQ(accepted, 8);
	for (u32 i = 0; i < 8; i++)
		end_close(&c[i], true);
	end_close(&l, false);
	init_net.settings.tcp_syncookies = 1;
}

KTEST(net, ports_are_shared_by_rule)
{
	struct inet_addr any = any_of(INET_AF_INET, 7777), one = loopback4(7777), six = any_of(INET_AF_INET6, 7777);
	struct end a, b, c;

	end_open(&a, INET_AF_INET, INET_TCP);
	end_open(&b, INET_AF_INET, INET_TCP);
	end_open(&c, INET_AF_INET6, INET_TCP);
	EXPECT_EQ(inet_bind(a.ep, &any), 0);
	EXPECT_EQ(inet_bind(a.ep, &any), -EINVAL);
	EXPECT_EQ(inet_bind(b.ep, &one), -EADDRINUSE);
	EXPECT_EQ(inet_bind(c.ep, &six), -EADDRINUSE);
	EXPECT_EQ(inet_set_opt(c.ep, INET_OPT_V6ONLY, 1), 0);
	EXPECT_EQ(inet_bind(c.ep, &six), 0);
	EXPECT_EQ(inet_set_opt(a.ep, INET_OPT_REUSEADDR, 1), 0);
	EXPECT_EQ(inet_set_opt(b.ep, INET_OPT_REUSEADDR, 1), 0);
	EXPECT_EQ(inet_bind(b.ep, &one), 0);
	EXPECT_EQ(inet_listen(a.ep, 1), 0);
	EXPECT_EQ(inet_listen(b.ep, 1), -EADDRINUSE);
	end_close(&a, false);
	end_close(&b, false);
	end_close(&c, false);
}

static ssize_t dgram_send(struct end *e, const void *data, size_t len, const struct inet_addr *to)
{
	struct inet_msg msg = { .ttl = -1, .tos = -1 };
	struct kvec v = { (void *)data, len };
	struct iov_iter it;

	if (to)
		msg.peer = *to;
	iov_iter_kernel(&it, &v, 1, len);
	return inet_dgram_send(e->ep, &it, &msg);
}

static ssize_t dgram_recv(struct end *e, void *buf, size_t len, struct inet_msg *msg, u32 flags)
{
	struct kvec v = { buf, len };
	struct iov_iter it;

	if (!wait_for(e, INET_EV_READ))
		return -ETIMEDOUT;
	iov_iter_kernel(&it, &v, 1, len);
	return inet_dgram_recv(e->ep, &it, msg, flags);
}

static void datagrams(struct inet_addr addr)
{
	struct end a, b;
	struct inet_addr from;
	struct inet_msg msg;
	u8 *buf = kmalloc(65507, GFP_KERNEL), *got = kmalloc(65507, GFP_KERNEL);

	end_open(&a, addr.family, INET_UDP);
	end_open(&b, addr.family, INET_UDP);
	EXPECT_EQ(inet_bind(b.ep, &addr), 0);
	EXPECT_EQ(inet_local(b.ep, &addr), 0);
	EXPECT_EQ(dgram_send(&a, "ping", 4, &addr), 4);
	EXPECT_EQ(inet_local(a.ep, &from), 0);
	EXPECT_EQ(dgram_recv(&b, got, 2, &msg, INET_PEEK | INET_TRUNC), 4);
	EXPECT_EQ(dgram_recv(&b, got, 100, &msg, 0), 4);
	EXPECT_EQ(memcmp(got, "ping", 4), 0);
	EXPECT_EQ(msg.peer.port, from.port);
	EXPECT_EQ(msg.local.port, addr.port);
	EXPECT_EQ(dgram_send(&b, "", 0, &msg.peer), 0);
	EXPECT_EQ(dgram_recv(&a, got, 100, &msg, 0), 0);
	for (u32 i = 0; i < 65507; i++)
		buf[i] = byte_at(i);
	for (u32 len = 1; len < 65507; len = len * 3 + 1) {
		EXPECT_EQ(dgram_send(&a, buf, len, &addr), len);
		EXPECT_EQ(dgram_recv(&b, got, 65507, &msg, 0), len);
		EXPECT_EQ(memcmp(buf, got, len), 0);
	}
	EXPECT_EQ(dgram_send(&a, buf, 65507 - (addr.family == INET_AF_INET6 ? 20 : 0), &addr) > 65000, 1);
	EXPECT_EQ(dgram_recv(&b, got, 65507, &msg, 0) > 65000, 1);
	EXPECT_EQ(dgram_send(&a, buf, 1, NULL), -EDESTADDRREQ);
	EXPECT_EQ(inet_connect(a.ep, &addr), 0);
	EXPECT_EQ(dgram_send(&a, buf, 1, NULL), 1);
	kfree(buf);
	kfree(got);
	end_close(&a, false);
	end_close(&b, false);
}

KTEST(net, udp_over_loopback_v4)
{
	datagrams(loopback4(0));
}

KTEST(net, udp_over_loopback_v6)
{
	datagrams(loopback6(0));
}

KTEST(net, udp_queue_is_bounded)
{
	struct inet_addr addr = loopback4(0);
	struct inet_info info;
	struct end a, b;

	end_open(&a, INET_AF_INET, INET_UDP);
	end_open(&b, INET_AF_INET, INET_UDP);
	EXPECT_EQ(inet_bind(b.ep, &addr), 0);
	EXPECT_EQ(inet_local(b.ep, &addr), 0);
	EXPECT_EQ(inet_set_opt(b.ep, INET_OPT_RCVBUF, 4096), 0);
	for (u32 i = 0; i < 100; i++)
		EXPECT_EQ(dgram_send(&a, "x", 1, &addr), 1);
	EXPECT_TRUE(wait_for(&b, INET_EV_READ));
	inet_get_info(b.ep, &info);
	EXPECT_TRUE(info.drops > 80 && info.rx_queue <= 4096);
	end_close(&a, false);
	end_close(&b, false);
}

KTEST(net, ping_over_loopback)
{
	u8 echo[12] = { 8, 0, 0, 0, 0, 0, 0, 1, 'd', 'a', 't', 'a' }, got[64];
	struct inet_addr addr = loopback4(0);
	struct end a;
	struct inet_msg msg;

	end_open(&a, INET_AF_INET, INET_PING);
	EXPECT_EQ(dgram_send(&a, echo, sizeof(echo), &addr), sizeof(echo));
	EXPECT_EQ(dgram_recv(&a, got, sizeof(got), &msg, 0), sizeof(echo));
	EXPECT_EQ(got[0], 0);
	EXPECT_EQ(memcmp(got + 6, echo + 6, 6), 0);
	end_close(&a, false);
}

/* Threads that connect, exchange a byte and close, all at once: for races. */
struct churn {
	struct inet_addr addr;
	u32 rounds, failed;
	struct completion done;
};

static int churn_client(void *arg)
{
	struct churn *c = arg;

	for (u32 i = 0; i < c->rounds; i++) {
		struct end e;
		char byte = 'x';

		end_open(&e, INET_AF_INET, INET_TCP);
		c->failed += inet_connect(e.ep, &c->addr) != -EINPROGRESS || !wait_for(&e, INET_EV_WRITE) ||
			     inet_take_error(e.ep) || send_all(&e, &byte, 1) != 1 ||
			     recv_some(&e, &byte, 1, 0) != 1;
		end_close(&e, i % 2);
	}
	complete(&c->done);
	return 0;
}

static u32 churn_serve(struct end *l, u32 connections)
{
	u32 served = 0;

	while (served < connections && wait_for(l, INET_EV_ACCEPT)) {
		struct end s;
		char byte;

		end_init(&s);
		if (inet_accept(l->ep, &s.ep))
			continue;
		inet_set_owner(s.ep, &ops, &s);
		if (recv_some(&s, &byte, 1, 0) == 1)
			(void)!send_all(&s, &byte, 1);
		end_close(&s, false);
		served++;
	}
	return served;
}

KTEST(net, connections_come_and_go_on_every_cpu)
{
	struct churn c[4];
	struct inet_addr addr = loopback4(0);
	struct end l;

	end_open(&l, INET_AF_INET, INET_TCP);
	EXPECT_EQ(inet_bind(l.ep, &addr), 0);
	EXPECT_EQ(inet_listen(l.ep, 128), 0);
	EXPECT_EQ(inet_local(l.ep, &addr), 0);
	for (u32 i = 0; i < 4; i++) {
		c[i] = (struct churn){ .addr = addr, .rounds = 50 };
		completion_init(&c[i].done);
		kthread_run(churn_client, &c[i], "churn/%u", i);
	}
	EXPECT_EQ(churn_serve(&l, 200), 200);
	for (u32 i = 0; i < 4; i++) {
		wait_for_completion(&c[i].done);
		EXPECT_EQ(c[i].failed, 0);
	}
	end_close(&l, false);
}
