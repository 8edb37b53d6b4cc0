/* SPDX-License-Identifier: MIT */
/* Taps: who sees the packets of an interface, or of all (AF_PACKET); and who wants all of them. */
#include <kernel/errno.h>
#include <kernel/lock/rcu.h>
#include <net/netdev/core.h>

u32 netdev_taps_everywhere;

/*
 * One that wants only one protocol gets no outgoing packets, as on Linux. Each tap that is
 * not bound to an interface stands in net->taps as well as the others.
 */
void taps_deliver(struct netdev *dev, const struct pkt *pkt)
{
	const struct ethhdr *eth = (const void *)pkt->data;
	u16 protocol = net16(eth->protocol);
	struct netdev_tap *t;

	rcu_read_lock();
	list_for_each(t, &dev->net->taps, node) {
		if (t->dev && t->dev != dev)
			continue;
		if (t->protocol == ETH_P_ALL ||
		    (t->protocol == protocol && pkt->type != PKT_OUTGOING))
			t->receive(t, pkt);
	}
	rcu_read_unlock();
}

/* net_config_lock is held, here and in enlist(). dev: its interface, NULL: all. */
static void delist(struct netdev_tap *tap, struct netdev *dev)
{
	list_del_rcu(&tap->node);
	tap->listed = false;
	if (dev)
		atomic_dec(&dev->nr_taps);
	else
		WRITE_ONCE(netdev_taps_everywhere, netdev_taps_everywhere - 1);
}

static void enlist(struct net *net, struct netdev_tap *tap, struct netdev *dev)
{
	list_add_tail(&tap->node, &net->taps);
	tap->listed = true;
	if (dev)
		atomic_inc(&dev->nr_taps);
	else
		WRITE_ONCE(netdev_taps_everywhere, netdev_taps_everywhere + 1);
}

/* While it is listed, its interface is there: taps_forget(). */
static void delist_and_wait(struct netdev_tap *tap)
{
	if (!tap->listed)
		return;
	delist(tap, (struct netdev *)tap->dev);
	synchronize_rcu();
}

int netdev_tap_bind(struct net *net, struct netdev_tap *tap, u32 ifindex, u16 protocol)
{
	struct netdev *dev = NULL;
	int err = 0;

	mutex_lock(&net_config_lock);
	if (ifindex) {
		dev = netdev_by_index(net, ifindex);
		err = dev ? 0 : -ENODEV;
	}
	if (!err) {
		delist_and_wait(tap);
		tap->dev = dev;
		WRITE_ONCE(tap->ifindex, (s32)ifindex);
		tap->protocol = protocol;
		if (protocol)
			enlist(net, tap, dev);
	}
	mutex_unlock(&net_config_lock);
	return err;
}

void netdev_tap_remove(struct netdev_tap *tap)
{
	mutex_lock(&net_config_lock);
	delist_and_wait(tap);
	mutex_unlock(&net_config_lock);
}

/* --- all packets --- */

static void promiscuous(struct netdev *dev, int by)
{
	dev->promiscuity += by;
	netdev_update_filter(dev);
}

int netdev_promisc_begin(struct net *net, struct netdev_promisc *p, u32 ifindex)
{
	struct netdev *dev;

	mutex_lock(&net_config_lock);
	dev = netdev_by_index(net, ifindex);
	if (dev) {
		p->dev = dev;
		p->ifindex = ifindex;
		list_add_tail(&p->node, &dev->promiscuous);
		promiscuous(dev, 1);
	}
	mutex_unlock(&net_config_lock);
	return dev ? 0 : -ENODEV;
}

static void end_promisc(struct netdev_promisc *p)
{
	list_del(&p->node);
	promiscuous(p->dev, -1);
	p->dev = NULL;
}

void netdev_promisc_end(struct netdev_promisc *p)
{
	mutex_lock(&net_config_lock);
	if (p->dev)
		end_promisc(p);
	p->ifindex = 0;
	mutex_unlock(&net_config_lock);
}

/* The nodes may be used again when the caller has waited for a grace period. */
void taps_forget(struct netdev *dev)
{
	struct netdev_tap *t, *next;

	assert_mutex_held(&net_config_lock);
	list_for_each_safe(t, next, &dev->net->taps, node) {
		if (t->dev != dev)
			continue;
		delist(t, dev);
		WRITE_ONCE(t->ifindex, -1);
		t->gone(t);
	}
	while (!list_empty(&dev->promiscuous))
		end_promisc(list_first(&dev->promiscuous, struct netdev_promisc, node));
}
