/* SPDX-License-Identifier: MIT */
/*
 * A real peer behind a network card: QEMU's user network (tests/kernel/test_peer.py starts it).
 * It is 10.0.2.0/24 and fec0::/64 with a router at .2, answers ARP, neighbour and router
 * solicitations and pings, and leads TCP to 10.0.2.100:7 to a program that sends back what it gets.
 */
#include <kernel/lib/string.h>
#include <kernel/lock/rcu.h>
#include <kernel/lock/wait.h>
#include <kernel/mm/alloc.h>
#include <kernel/mm/iov_iter.h>
#include <kernel/sched/sched.h>
#include <kernel/task/thread.h>
#include <kernel/test/ktest.h>
#include <net/inet/config.h>
#include <net/netdev/netdev.h>

#define LONG_NS		(20 * NS_PER_SEC)

struct peer {
	struct inet_ep *ep;
	struct wait_queue wait;
};

static void wake(void *owner, u32 events)
{
	wake_all(&((struct peer *)owner)->wait);
}
static const struct inet_ops ops = { wake };

static void peer_open(struct peer *p, u16 family, enum inet_type type)
{
	u8 protocol = type == INET_TCP ? 6 : family == INET_AF_INET ? 1 : 58;

	wait_queue_init(&p->wait);
	EXPECT_EQ(inet_open(&init_net, family, type, protocol, &ops, p, &p->ep), 0);
}

static void peer_close(struct peer *p)
{
	inet_close(p->ep, false);
	synchronize_rcu();
}

static bool wait_for(struct peer *p, u32 events)
{
	return !wait_event_timeout(&p->wait, inet_poll(p->ep) & events, LONG_NS);
}

/* The interface with its address and default route, as a DHCP client would have left it. */
static struct netdev *bring_up(void)
{
	struct inet_ifaddr a = { .addr = { .family = INET_AF_INET, .v4 = { 10, 0, 2, 15 } }, .prefix_len = 24 };
	struct inet_route r = { .family = INET_AF_INET, .type = INET_ROUTE_UNICAST, .dst.family = INET_AF_INET };
	struct netdev *dev;

	mutex_lock(&net_config_lock);
	dev = netdev_by_name(&init_net, "eth0");
	EXPECT_TRUE(dev);
	if (dev && !(dev->flags & IFF_UP)) {
		a.dev = r.dev = dev;
		r.gateway = (struct inet_addr){ .family = INET_AF_INET, .v4 = { 10, 0, 2, 2 } };
		EXPECT_EQ(netdev_set_flags(dev, dev->flags | IFF_UP), 0);
		EXPECT_EQ(inet_addr_add(dev, &a), 0);
		EXPECT_EQ(inet_addr_add(dev, &a), -EEXIST);
		EXPECT_EQ(inet_route_add(&init_net, &r), 0);
		EXPECT_EQ(inet_route_add(&init_net, &r), -EEXIST);
	}
	mutex_unlock(&net_config_lock);
	return dev;
}

static ssize_t ping(struct peer *p, const struct inet_addr *to, u8 request, size_t len)
{
	struct inet_msg msg = { .peer = *to, .ttl = -1, .tos = -1 };
	u8 *buf = kzalloc(len, GFP_KERNEL);
	struct kvec v = { buf, len };
	struct iov_iter it;
	ssize_t n;

	buf[0] = request;
	buf[len - 1] = 0x5a;
	iov_iter_kernel(&it, &v, 1, len);
	n = inet_dgram_send(p->ep, &it, &msg);
	if (n == (ssize_t)len) {
		n = -ETIMEDOUT;
		if (wait_for(p, INET_EV_READ)) {
			iov_iter_kernel(&it, &v, 1, len);
			n = inet_dgram_recv(p->ep, &it, &msg, 0);
		}
		if (n == (ssize_t)len && buf[len - 1] != 0x5a)
			n = -EINVAL;
	}
	kfree(buf);
	return n;
}

KTEST(peer, answers_pings_of_every_size)
{
	struct inet_addr router = { .family = INET_AF_INET, .v4 = { 10, 0, 2, 2 } };
	struct peer p;

	if (!bring_up())
		return;
	peer_open(&p, INET_AF_INET, INET_PING);
	/* The last ones in fragments. */
	for (size_t len = 9; len < 9000; len = len * 3 / 2)
		EXPECT_EQ(ping(&p, &router, 8, len), len);
	peer_close(&p);
}

static bool v6_ready;

static void note_v6(const struct inet_ifaddr *a, void *arg)
{
	if (a->addr.family == INET_AF_INET6 && a->addr.v6[0] == 0xfe && a->addr.v6[1] == 0xc0 &&
	    !(a->flags & 0x40))
		v6_ready = true;
}

KTEST(peer, gives_an_ipv6_address_and_answers)
{
	struct inet_addr router = { .family = INET_AF_INET6, .v6 = { 0xfe, 0xc0, [15] = 2 } };
	struct netdev *dev = bring_up();
	struct peer p;

	if (!dev)
		return;
	/* Router solicitation, its answer, and the wait for somebody who has that address already. */
	for (u32 i = 0; i < 200 && !v6_ready; i++) {
		thread_sleep_ns(100 * NS_PER_MS);
		mutex_lock(&net_config_lock);
		inet_addr_for_each(&init_net, dev, note_v6, NULL);
		mutex_unlock(&net_config_lock);
	}
	EXPECT_TRUE(v6_ready);
	peer_open(&p, INET_AF_INET6, INET_PING);
	/* QEMU's does not put IPv6 fragments together. */
	for (size_t len = 9; len < 1400; len = len * 2)
		EXPECT_EQ(ping(&p, &router, 128, len), len);
	peer_close(&p);
}

static u8 byte_at(u32 i)
{
	return (u8)(i * 2654435761u >> 24);
}

/* Non-blocking both ways from one thread: what is ahead is bounded by the buffers. */
static u32 echo(struct peer *p, u32 total, u8 *out, u8 *in, u32 size)
{
	u32 sent = 0, got = 0, wrong = 0;

	while (got < total) {
		struct kvec v = { out, min(total - sent, size) };
		struct iov_iter it;
		ssize_t n = 0, m;

		for (u32 i = 0; i < v.len; i++)
			out[i] = byte_at(sent + i);
		iov_iter_kernel(&it, &v, 1, v.len);
		if (v.len)
			n = inet_tcp_send(p->ep, &it, 0);
		if (n > 0)
			sent += (u32)n;
		v = (struct kvec){ in, size };
		iov_iter_kernel(&it, &v, 1, size);
		m = inet_tcp_recv(p->ep, &it, 0);
		for (ssize_t i = 0; i < m; i++)
			wrong += in[i] != byte_at(got + (u32)i);
		if (m > 0)
			got += (u32)m;
		if ((n < 0 && n != -EAGAIN) || m == 0 || (m < 0 && m != -EAGAIN))
			break;
		if (n <= 0 && m == -EAGAIN && !wait_for(p, sent < total ? INET_EV_READ | INET_EV_WRITE : INET_EV_READ))
			break;
	}
	EXPECT_EQ(wrong, 0);
	return got;
}

KTEST(peer, sends_back_what_tcp_brought)
{
	struct inet_addr cat = { .family = INET_AF_INET, .port = net16(7), .v4 = { 10, 0, 2, 100 } };
	u8 *out = kmalloc(20000, GFP_KERNEL), *in = kmalloc(20000, GFP_KERNEL);
	struct peer p;

	if (bring_up() && out && in) {
		peer_open(&p, INET_AF_INET, INET_TCP);
		EXPECT_EQ(inet_connect(p.ep, &cat), -EINPROGRESS);
		EXPECT_TRUE(wait_for(&p, INET_EV_WRITE));
		EXPECT_EQ(inet_take_error(p.ep), 0);
		EXPECT_EQ(echo(&p, 3u << 20, out, in, 20000), 3u << 20);
		peer_close(&p);
	}
	kfree(out);
	kfree(in);
}

static void note_router(const struct inet_neigh *n, void *arg)
{
	if (n->addr.v4[3] == 2 && (n->state & (INET_NUD_REACHABLE | INET_NUD_STALE | INET_NUD_DELAY)))
		*(bool *)arg = true;
}

KTEST(peer, takes_its_place_among_the_neighbours)
{
	struct inet_addr router = { .family = INET_AF_INET, .v4 = { 10, 0, 2, 2 } };
	struct inet_addr nobody = { .family = INET_AF_INET, .v4 = { 10, 0, 2, 77 } };
	struct inet_route r;
	bool known = false;
	struct peer p;

	if (!bring_up())
		return;
	peer_open(&p, INET_AF_INET, INET_PING);
	EXPECT_EQ(ping(&p, &router, 8, 64), 64);
	inet_neigh_for_each(&init_net, INET_AF_INET, note_router, &known);
	EXPECT_TRUE(known);
	EXPECT_EQ(inet_route_lookup(&init_net, &(struct inet_addr){ INET_AF_INET, .v4 = { 192, 0, 2, 1 } }, 0, &r), 0);
	EXPECT_EQ(memcmp(r.gateway.v4, router.v4, 4), 0);
	EXPECT_EQ(inet_route_lookup(&init_net, &nobody, 0, &r), 0);
	EXPECT_EQ(r.gateway.family, 0);
	peer_close(&p);
}
