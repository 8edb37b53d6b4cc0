/* SPDX-License-Identifier: MIT */
/*
 * Network namespaces that begin and end while traffic runs in them: two with a cable between them,
 * datagrams, fragments and connections through it and over loopback, from threads on all CPUs.
 * Ends are in any order, and what is left in a stack is left there: connections in TIME_WAIT and
 * with data that nobody acknowledges, fragments, neighbours that are asked for, routes.
 */
#include <kernel/irq/irq.h>
#include <kernel/lib/string.h>
#include <kernel/lock/rcu.h>
#include <kernel/lock/wait.h>
#include <kernel/mm/alloc.h>
#include <kernel/mm/iov_iter.h>
#include <kernel/mm/page.h>
#include <kernel/mm/slab.h>
#include <kernel/sched/sched.h>
#include <kernel/test/ktest.h>
#include <net/inet/config.h>
#include <net/netdev/link.h>

#define ROUNDS		12u
#define SENDERS		3u
#define PORT		7
#define BOUND		256u		/* pages; caches of each CPU */

/* --- what is in use --- */

struct search {
	const char *name;
	u64 used;
};

static void look_at(const struct kmem_cache *c, void *arg)
{
	struct search *s = arg;
	u64 stocked = 0;

	if (strcmp(c->name, s->name))
		return;
	for (u32 cpu = 0; cpu < nr_cpus; cpu++)
		if (c->magazines[cpu])
			stocked += READ_ONCE(c->magazines[cpu]->count);
	s->used = READ_ONCE(c->nr_taken) - stocked;
}

static u64 used(const char *cache)
{
	struct search s = { .name = cache };

	slab_for_each(look_at, &s);
	return s.used;
}

/* Until a cache has no more in use than that; whether it comes to that. */
static bool settles(const char *cache, u64 most)
{
	for (u32 i = 0; i < 2000; i++) {
		if (used(cache) <= most)
			return true;
		thread_sleep_ns(10 * NS_PER_MS);
	}
	return false;
}

/* --- a namespace with a cable --- */

static struct inet_addr host(u8 nr)
{
	return (struct inet_addr){ .family = INET_AF_INET, .port = (u16)(PORT << 8),
				   .v4 = { 10, 9, 0, nr } };
}

static void give_address(struct net *net, const char *name, u8 nr)
{
	struct inet_ifaddr a = { .prefix_len = 24, .addr = host(nr) };
	struct inet_route r = { .family = INET_AF_INET, .type = INET_ROUTE_BLACKHOLE, .prefix_len = 32,
				.dst = { .family = INET_AF_INET, .v4 = { 192, 0, 2, nr } } };

	a.dev = netdev_by_name(net, name);
	EXPECT_EQ(netdev_set_flags(net->loopback, IFF_UP), 0);
	EXPECT_EQ(netdev_set_flags(a.dev, IFF_UP), 0);
	EXPECT_EQ(inet_addr_add(a.dev, &a), 0);
	EXPECT_EQ(inet_route_add(net, &r), 0);
}

static void join(struct net *a, struct net *b)
{
	struct link_request far = { .name = "far", .net = b },
			    near = { .name = "near", .peer = &far };

	mutex_lock(&net_config_lock);
	EXPECT_EQ(link_veth.create(a, &near), 0);
	give_address(a, "near", 1);
	give_address(b, "far", 2);
	mutex_unlock(&net_config_lock);
}

/* --- traffic --- */

static void ignore(void *owner, u32 events)
{
}
static const struct inet_ops ops = { ignore };

static struct inet_ep *open_in(struct net *net, enum inet_type type)
{
	struct inet_ep *ep;
	int err = inet_open(net, INET_AF_INET, type, type == INET_TCP ? 6 : 17, &ops, net, &ep);

	return err ? NULL : ep;
}

struct sender {
	struct net *net;		/* with a reference, until it ends */
	u32 seed;
	bool stop;
	struct completion done;
};

static void send_datagram(struct inet_ep *ep, u8 *data, u32 len, u8 to)
{
	struct inet_msg msg = { .ttl = -1, .tos = -1, .peer = host(to) };
	struct kvec v = { data, len };
	struct iov_iter it;

	iov_iter_kernel(&it, &v, 1, len);
	(void)!inet_dgram_send(ep, &it, &msg);
}

/* A connection to that host, a little sent by it, and closed as it is. */
static void try_connection(struct net *net, u8 *data, u32 len, u8 to)
{
	struct inet_ep *ep = open_in(net, INET_TCP);
	struct inet_addr a = host(to);
	struct kvec v = { data, len };
	struct iov_iter it;

	if (!ep)
		return;
	(void)!inet_connect(ep, &a);
	for (u32 i = 0; i < 20 && inet_tcp_is_opening(ep); i++)
		thread_sleep_ns(NS_PER_MS / 4);
	iov_iter_kernel(&it, &v, 1, len);
	(void)!inet_tcp_send(ep, &it, 0);
	inet_close(ep, false);
}

/* Whoever has connected is let go of, and datagrams are left where they are. */
static void serve(struct inet_ep *listener)
{
	struct inet_ep *ep;

	while (!inet_accept(listener, &ep)) {
		inet_set_owner(ep, &ops, listener);
		inet_close(ep, false);
	}
}

static int sender(void *arg)
{
	struct sender *s = arg;
	struct inet_ep *dgram = open_in(s->net, INET_UDP), *l = open_in(s->net, INET_TCP);
	struct inet_addr any = { .family = INET_AF_INET, .port = (u16)(PORT << 8) };
	u8 *data = kzalloc(6000, GFP_KERNEL);

	(void)!inet_set_opt(l, INET_OPT_REUSEPORT, 1);
	(void)!inet_set_opt(dgram, INET_OPT_REUSEPORT, 1);
	EXPECT_EQ(inet_bind(l, &any), 0);
	EXPECT_EQ(inet_listen(l, 4), 0);
	EXPECT_EQ(inet_bind(dgram, &any), 0);
	for (u32 i = s->seed; !READ_ONCE(s->stop); i++) {
		/* 1 and 2 are there, 3 and on are asked for in vain. */
		send_datagram(dgram, data, i % 3 ? 100 : 5000, (u8)(1 + i % 5));
		if (i % 16 == 0)
			try_connection(s->net, data, 1 + i % 5999, (u8)(1 + i / 16 % 3));
		serve(l);
		if (i % 8 == 0)
			sched_yield_current();
	}
	inet_close(l, false);
	inet_close(dgram, false);
	kfree(data);
	net_put(s->net);
	complete(&s->done);
	return 0;
}

static void start(struct sender *s, struct net *net, u32 seed)
{
	*s = (struct sender){ .net = net_get(net), .seed = seed };
	completion_init(&s->done);
	kthread_run(sender, s, "netns-%u", seed);
}

static void stop(struct sender *s)
{
	WRITE_ONCE(s->stop, true);
	wait_for_completion(&s->done);
}

/* The second ends under what the first sends to it, or the cable goes before either. */
static void one_round(u32 round)
{
	struct net *a = net_create(), *b = net_create();
	struct sender in_a[SENDERS], in_b[SENDERS];

	EXPECT_TRUE(a && b);
	if (!a || !b)
		return;
	join(a, b);
	for (u32 i = 0; i < SENDERS; i++) {
		start(&in_a[i], a, round * 10 + i);
		start(&in_b[i], b, round * 10 + i + 5);
	}
	thread_sleep_ns((10 + round % 3 * 15) * NS_PER_MS);
	if (round % 3 == 1) {
		mutex_lock(&net_config_lock);
		EXPECT_EQ(link_delete(netdev_by_name(b, "far")), 0);
		mutex_unlock(&net_config_lock);
	}
	for (u32 i = 0; i < SENDERS; i++)
		stop(&in_b[i]);
	net_put(b);
	thread_sleep_ns(5 * NS_PER_MS);
	for (u32 i = 0; i < SENDERS; i++)
		stop(&in_a[i]);
	net_put(a);
}

static u64 free_pages(void)
{
	struct memory_counts c;

	(void)slab_shrink();
	memory_counts(&c);
	return c.free;
}

KTEST(netns, ends_under_traffic_and_leaves_nothing)
{
	static const char *const caches[] = { "net_namespace", "inet_ep", "tcp_pcb" };
	u64 before[ARRAY_SIZE(caches)], pages = 0;

	for (u32 i = 0; i < ARRAY_SIZE(caches); i++)
		before[i] = used(caches[i]);
	for (u32 round = 0; round < ROUNDS; round++) {
		one_round(round);
		if (round == 2) {
			EXPECT_TRUE(settles("net_namespace", before[0]));
			pages = free_pages();
		}
	}
	for (u32 i = 0; i < ARRAY_SIZE(caches); i++)
		EXPECT_TRUE(settles(caches[i], before[i]));
	EXPECT_TRUE(settles("pkt", 64));
	EXPECT_TRUE(free_pages() + BOUND > pages);
}

KTEST(netns, each_has_its_own_ports_and_loopback)
{
	struct inet_addr addr = { .family = INET_AF_INET, .port = 4242, .v4 = { 127, 0, 0, 1 } };
	struct net *a = net_create();
	struct inet_ep *here, *there;

	EXPECT_TRUE(a);
	here = open_in(&init_net, INET_UDP);
	there = open_in(a, INET_UDP);
	EXPECT_EQ(inet_bind(here, &addr), 0);
	EXPECT_EQ(inet_bind(there, &addr), 0);
	/* Down, until somebody brings it up. */
	EXPECT_EQ(inet_connect(there, &addr), -ENETUNREACH);
	inet_close(here, false);
	inet_close(there, false);
	net_put(a);
	EXPECT_TRUE(settles("net_namespace", 0));
}
