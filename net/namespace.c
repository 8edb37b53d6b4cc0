/* SPDX-License-Identifier: MIT */
/*
 * Network namespaces: how one begins and ends.
 *
 * A namespace has references: of the threads that are in it (their nsproxy), of its sockets, of
 * files that name it (nsfs.c), and one of its connections that were closed and have something to
 * send yet. With the last it ends, in a work, since that sleeps:
 *
 *	interfaces	those of devices return to the first namespace, down; those that programs
 *			made are deleted, and the other end of a cable with them; loopback
 *	the stack	what was left in it: connections in TIME_WAIT, fragments, routes
 *	memory		a grace period later
 *
 * By then nobody can find it but who holds net_config_lock: interfaces lead to it, packets to
 * interfaces. An interface is deleted in that order, too (netdev.c): down, found by nobody, a
 * grace period, no packet in the stack, not of the stack.
 *
 * The first one is there for ever, and has no references: its sockets, on a machine with one
 * network, write no word that all of them share.
 */
#include <kernel/bug.h>
#include <kernel/lib/string.h>
#include <kernel/mm/alloc.h>
#include <net/inet/stack.h>
#include <net/netdev/link.h>

struct net init_net;
DEFINE_MUTEX(net_config_lock, RANK_NET);

static struct kmem_cache *cache;
static DEFINE_SPINLOCK(ending_lock, RANK_LEAF);
static LIST_HEAD(ending);		/* by node, without references; ending_lock */

static const struct net_settings usual = {
	.somaxconn = 4096, .max_dgram_qlen = 10,
	.tcp_syncookies = 1, .tcp_max_syn_backlog = 128,
	.tcp_max_tw_buckets = 4096,	/* chosen: 6 MiB; Linux has as many on a small machine */
};

/* --- the end --- */

static void end_interfaces(struct net *net)
{
	struct netdev *dev, *next;

	mutex_lock(&net_config_lock);
again:
	list_for_each_safe(dev, next, &net->devices, node) {
		if (dev == net->loopback)
			continue;
		if (dev->kind)
			dev->kind->destroy(dev);
		else
			netdev_send_home(dev);
		goto again;		/* a pair goes together */
	}
	loopback_destroy(net);
	mutex_unlock(&net_config_lock);
}

static struct net *next_ending(void)
{
	u64 flags = spin_lock_irqsave(&ending_lock);
	struct net *net = NULL;

	if (!list_empty(&ending)) {
		net = list_first(&ending, struct net, node);
		list_del(&net->node);
	}
	spin_unlock_irqrestore(&ending_lock, flags);
	return net;
}

/* One work for all of them: they would only wait for each other. */
static void end_all(struct work *w)
{
	struct net *net;

	while ((net = next_ending())) {
		end_interfaces(net);
		inet_destroy(net->inet);
		kmem_cache_free(cache, net);
	}
}

static struct work end_work;

struct net *net_get(struct net *net)
{
	if (net != &init_net)
		refcount_inc(&net->refs);
	return net;
}

void net_put(struct net *net)
{
	u64 flags;

	if (net == &init_net || !refcount_dec(&net->refs))
		return;
	flags = spin_lock_irqsave(&ending_lock);
	list_add_tail(&net->node, &ending);
	spin_unlock_irqrestore(&ending_lock, flags);
	work_queue(&end_work);
}

/* --- the beginning --- */

int net_setup(struct net *net)
{
	static u32 last_id;		/* atomic */
	int err;

	refcount_set(&net->refs, 1);
	list_init(&net->devices);
	list_init(&net->taps);
	net->settings = usual;
	net->id = __atomic_fetch_add(&last_id, 1, __ATOMIC_RELAXED);
	net->inet = inet_create(net);
	if (!net->inet)
		return -ENOMEM;
	err = loopback_create(net);
	if (err)
		inet_destroy(net->inet);
	return err;
}

struct net *net_create(void)
{
	struct net *net = kmem_cache_zalloc(cache, GFP_KERNEL);

	if (!net || !net_setup(net))
		return net;
	kmem_cache_free(cache, net);
	return NULL;
}

void net_cache_init(void)
{
	cache = kmem_cache_create("net_namespace", sizeof(struct net), 8, NULL);
	if (!cache)
		panic("no memory for the cache of network namespaces");
	work_init(&end_work, end_all);
}
