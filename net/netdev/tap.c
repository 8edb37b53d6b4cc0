/* SPDX-License-Identifier: MIT */
/* Taps: who sees the packets of an interface, or of all (AF_PACKET). */
#include <kernel/lock/rcu.h>
#include <net/netdev/core.h>

u32 nr_taps_everywhere;

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
		if (t->protocol == ETH_P_ALL || (t->protocol == protocol && pkt->type != PKT_OUTGOING))
			t->receive(t, pkt);
	}
	rcu_read_unlock();
}

void netdev_tap_add(struct net *net, struct netdev_tap *tap)
{
	mutex_lock(&net->config_lock);
	list_add_tail(&tap->node, &net->taps);
	if (tap->dev)
		atomic_inc(&tap->dev->nr_taps);
	else
		WRITE_ONCE(nr_taps_everywhere, nr_taps_everywhere + 1);
	mutex_unlock(&net->config_lock);
}

void netdev_tap_remove(struct net *net, struct netdev_tap *tap)
{
	mutex_lock(&net->config_lock);
	list_del_rcu(&tap->node);
	if (tap->dev)
		atomic_dec(&tap->dev->nr_taps);
	else
		WRITE_ONCE(nr_taps_everywhere, nr_taps_everywhere - 1);
	mutex_unlock(&net->config_lock);
	synchronize_rcu();
}
