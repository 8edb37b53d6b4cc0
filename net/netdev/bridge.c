/* SPDX-License-Identifier: MIT */
/*
 * Bridges (IEEE 802.1D): interfaces joined to one network, and an interface of our own on it.
 *
 * A port hands all that it receives to its bridge. Behind which port an address is, the bridge
 * learns from where its frames come, and forgets after AGE_NS. A frame for a known address
 * leaves by its port, one for an unknown or a group's by all but the one it came from; one for the
 * bridge, for one of its ports or for a group goes up as received by the bridge.
 *
 * Addresses are kept in a table of fixed size: SETS sets, each of WAYS, by hash. Where a set is
 * full the oldest goes, and frames for it are flooded until it is heard of again. So nobody can
 * make it grow.
 *
 * Locks. Ports are a list by RCU, written under net_config_lock; the table has a spinlock, which
 * nests nothing. What the bridge itself sends goes through a queue (link.c): its transmit lock
 * would be held while those of the ports are taken.
 *
 * Limit: no spanning tree, no VLANs, no multicast snooping, no netlink or ioctls of bridges but
 * IFLA_MASTER: who joins two bridges by two ways has a loop.
 */
#include <kernel/errno.h>
#include <kernel/lib/string.h>
#include <kernel/lock/rcu.h>
#include <kernel/mm/alloc.h>
#include <kernel/sched/tick.h>
#include <net/netdev/link.h>

#define SETS		256u
#define WAYS		4u
#define AGE_NS		(300 * NS_PER_SEC)	/* IEEE 802.1D, 7.9.2 */

struct bridge_port {
	struct list_head node;
	struct netdev *dev;		/* constant */
	struct bridge *bridge;		/* constant */
	struct rcu_head rcu;
};

struct station {
	u8 mac[ETH_ALEN];
	/* NULL: free. Only compared unless the port is known to live */
	struct bridge_port *port;
	ktime_t seen_ns;
};

struct bridge {
	struct netdev dev;		/* must be first */
	struct link_queue out;		/* what it has sent */
	struct list_head ports;		/* net_config_lock to write, RCU to read */

	struct spinlock lock;		/* RANK_LINK, softirqs off */
	struct station stations[SETS][WAYS];	/* lock */
};

static struct bridge *bridge_of(struct netdev *dev)
{
	return container_of(dev, struct bridge, dev);
}

bool is_bridge(const struct netdev *dev)
{
	return dev->kind == &link_bridge;
}

/* --- addresses --- */

static struct station *set_of(struct bridge *b, const u8 *mac)
{
	u32 h = (u32)mac[2] << 24 | (u32)mac[3] << 16 | (u32)mac[4] << 8 | mac[5];

	return b->stations[(h * 0x9e3779b1u) >> 24];
}
_Static_assert(SETS == 256, "the hash's upper byte");

static struct station *station_find(struct bridge *b, const u8 *mac)
{
	struct station *s = set_of(b, mac);

	assert_spin_held(&b->lock);
	for (u32 i = 0; i < WAYS; i++)
		if (s[i].port && !memcmp(s[i].mac, mac, ETH_ALEN))
			return &s[i];
	return NULL;
}

/* The place for a new address: a free one, or that of the one not heard of for longest. */
static struct station *station_replace(struct bridge *b, const u8 *mac)
{
	struct station *s = set_of(b, mac), *oldest = s;

	for (u32 i = 0; i < WAYS; i++) {
		if (!s[i].port)
			return &s[i];
		if (s[i].seen_ns < oldest->seen_ns)
			oldest = &s[i];
	}
	return oldest;
}

static void learn(struct bridge *b, struct bridge_port *port, const u8 *mac)
{
	struct station *s;

	spin_lock_bh(&b->lock);
	s = station_find(b, mac);
	if (!s) {
		s = station_replace(b, mac);
		memcpy(s->mac, mac, ETH_ALEN);
	}
	s->port = port;
	s->seen_ns = tick_time();
	spin_unlock_bh(&b->lock);
}

/* In an RCU read section, in which the port stays. NULL: not known. */
static struct bridge_port *port_to(struct bridge *b, const u8 *mac)
{
	struct bridge_port *port = NULL;
	struct station *s;

	spin_lock_bh(&b->lock);
	s = station_find(b, mac);
	if (s && (s64)(tick_time() - s->seen_ns) < (s64)AGE_NS)
		port = s->port;
	spin_unlock_bh(&b->lock);
	return port;
}

static void forget(struct bridge *b, const struct bridge_port *port)
{
	spin_lock_bh(&b->lock);
	for (u32 i = 0; i < SETS * WAYS; i++)
		if (b->stations[i / WAYS][i % WAYS].port == port)
			b->stations[i / WAYS][i % WAYS].port = NULL;
	spin_unlock_bh(&b->lock);
}

/* --- frames; in an RCU read section, softirq --- */

/* Bytes of the longest frame that it is, or becomes when it is cut. */
static u32 frame_bytes(const struct pkt *pkt)
{
	if (!pkt->gso_size)
		return pkt->len;
	return pkt->csum_start + (pkt->data[pkt->csum_start + 12] >> 4) * 4u + pkt->gso_size;
}

static void forward(struct bridge_port *port, struct pkt *pkt)
{
	struct netdev *dev = port->dev;

	if (!(READ_ONCE(dev->flags) & IFF_UP) ||
	    frame_bytes(pkt) > READ_ONCE(dev->mtu) + ETH_HLEN) {
		pkt_free(pkt);
		return;
	}
	netdev_transmit(dev, pkt);
	netdev_kick(dev);
}

/* To all ports but one, or to all. The packet stays the caller's. */
static void flood(struct bridge *b, const struct bridge_port *but, const struct pkt *pkt)
{
	struct bridge_port *port;
	struct pkt *copy;

	list_for_each_rcu(port, &b->ports, node) {
		if (port == but)
			continue;
		copy = pkt_clone(pkt, GFP_ATOMIC | GFP_NOWARN);
		if (copy)
			forward(port, copy);
	}
}

static bool is_ours(struct bridge *b, const u8 *mac)
{
	struct bridge_port *port;

	if (!memcmp(mac, b->dev.mac, ETH_ALEN))
		return true;
	list_for_each_rcu(port, &b->ports, node)
		if (!memcmp(mac, port->dev->mac, ETH_ALEN))
			return true;
	return false;
}

/* For one link only: never forwarded (IEEE 802.1D, 7.12.6). */
static bool is_link_local(const u8 *mac)
{
	static const u8 prefix[5] = { 0x01, 0x80, 0xc2, 0x00, 0x00 };

	return !memcmp(mac, prefix, sizeof(prefix)) && mac[5] < 16;
}

static void bridge_frame(struct bridge *b, struct bridge_port *from, struct pkt *pkt)
{
	const struct ethhdr *eth = (const void *)pkt->data;
	struct bridge_port *to;

	if (eth->src[0] & 1 || is_link_local(eth->dst)) {
		pkt_free(pkt);
		return;
	}
	learn(b, from, eth->src);
	if (eth->dst[0] & 1)
		flood(b, from, pkt);
	if ((eth->dst[0] & 1) || is_ours(b, eth->dst)) {
		netdev_receive(&b->dev, pkt);
		return;
	}
	to = port_to(b, eth->dst);
	if (to && to != from) {
		forward(to, pkt);
		return;
	}
	if (!to)
		flood(b, from, pkt);
	pkt_free(pkt);
}

/* A port has received; it gave it to who listens there already. */
static void bridge_receive(struct netdev *dev, struct pkt *pkt)
{
	struct bridge_port *port;

	rcu_read_lock();
	port = rcu_dereference(dev->port);
	if (port)
		bridge_frame(port->bridge, port, pkt);
	else
		pkt_free(pkt);
	rcu_read_unlock();
}

/* The bridge itself has sent. */
static void bridge_send(struct netdev *dev, struct pkt *pkt)
{
	const struct ethhdr *eth = (const void *)pkt->data;
	struct bridge *b = bridge_of(dev);
	struct bridge_port *to;

	rcu_read_lock();
	to = eth->dst[0] & 1 ? NULL : port_to(b, eth->dst);
	if (to) {
		forward(to, pkt);
	} else {
		flood(b, NULL, pkt);
		pkt_free(pkt);
	}
	rcu_read_unlock();
}

static bool bridge_transmit(struct netdev_queue *q, struct pkt *pkt)
{
	if (!link_queue_add(&bridge_of(q->dev)->out, pkt))
		q->stats.tx_dropped++;
	return true;
}

static const struct netdev_ops bridge_ops = { .transmit = bridge_transmit };

/* --- ports; net_config_lock held --- */

int bridge_add_port(struct netdev *bridge, struct netdev *dev)
{
	struct bridge_port *port = kzalloc(sizeof(*port), GFP_KERNEL);
	struct bridge *b = bridge_of(bridge);

	if (!port)
		return -ENOMEM;
	port->dev = dev;
	port->bridge = b;
	list_add_tail(&port->node, &b->ports);
	dev->master = bridge;
	dev->promiscuity++;
	rcu_assign_pointer(dev->port, port);
	smp_store_release(&dev->handler, bridge_receive);
	netdev_set_carrier(bridge, true);
	return 0;
}

void bridge_remove_port(struct netdev *dev)
{
	struct bridge_port *port = dev->port;
	struct bridge *b = port->bridge;

	WRITE_ONCE(dev->handler, NULL);
	WRITE_ONCE(dev->port, NULL);
	list_del_rcu(&port->node);
	dev->master = NULL;
	dev->promiscuity--;
	/* Whoever may still learn of it has the port already. */
	synchronize_rcu();
	forget(b, port);
	netdev_set_carrier(&b->dev, !list_empty(&b->ports));
	kfree_rcu(port, rcu);
}

/* --- life; net_config_lock held --- */

static int bridge_create(struct net *net, const struct link_request *r)
{
	struct netdev *dev = link_alloc(&link_bridge, sizeof(struct bridge));
	struct bridge *b = dev ? bridge_of(dev) : NULL;

	if (!b)
		return -ENOMEM;
	dev->ops = &bridge_ops;
	dev->features = NETDEV_SG;
	link_queue_init(&b->out, dev, bridge_send);
	list_init(&b->ports);
	spin_lock_init(&b->lock, RANK_LINK);
	return link_register(net, dev, r, "bridge%d");
}

static void bridge_destroy(struct netdev *dev)
{
	struct bridge *b = bridge_of(dev);

	while (!list_empty(&b->ports))
		bridge_remove_port(list_first(&b->ports, struct bridge_port, node)->dev);
	link_remove(dev);
	link_queue_end(&b->out);
	netdev_free(dev);
}

const struct link_kind link_bridge = {
	.name = "bridge", .create = bridge_create, .destroy = bridge_destroy,
};
