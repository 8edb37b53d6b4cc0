/* SPDX-License-Identifier: MIT */
/*
 * Loopback, one of each namespace: what is sent is received, in the receive softirq. Packets keep
 * their pages: the receiver reads those that the sender filled.
 *
 * Few go this way: the stack takes in itself what it sends to this machine, unless somebody watches
 * (net/inet/device.c).
 */
#include <kernel/errno.h>
#include <kernel/lib/string.h>
#include <kernel/mm/alloc.h>
#include <net/netdev/link.h>

struct loopback {
	struct netdev dev;		/* must be first */
	struct link_queue in;
};

static struct loopback *loopback_of(struct netdev *dev)
{
	return container_of(dev, struct loopback, dev);
}

static bool lo_transmit(struct netdev_queue *q, struct pkt *pkt)
{
	pkt->flags |= PKT_CSUM_VALID;
	if (!link_queue_add(&loopback_of(q->dev)->in, pkt))
		q->stats.tx_dropped++;
	return true;
}

static const struct netdev_ops lo_ops = {
	.transmit = lo_transmit,
};

int loopback_create(struct net *net)
{
	struct loopback *l = kzalloc(sizeof(*l), GFP_KERNEL);
	struct netdev *lo = &l->dev;
	int err;

	if (!l)
		return -ENOMEM;
	lo->type = ARPHRD_LOOPBACK;
	lo->flags = IFF_LOOPBACK;
	lo->mtu = 65536;
	lo->min_mtu = 68;
	lo->max_mtu = 65536;
	lo->tx_queue_len = 1000;
	lo->features = NETDEV_SG | NETDEV_NO_CSUM;
	lo->ops = &lo_ops;
	lo->carrier = true;
	strscpy(lo->name, "lo", sizeof(lo->name));
	link_queue_init(&l->in, lo, netdev_receive);
	net->loopback = lo;
	err = netdev_register(net, lo);
	if (err) {
		net->loopback = NULL;
		kfree(l);
	}
	return err;
}

void loopback_destroy(struct net *net)
{
	struct netdev *lo = net->loopback;

	netdev_unregister_locked(lo);
	WRITE_ONCE(net->loopback, NULL);
	link_queue_end(&loopback_of(lo)->in);
	netdev_free(lo);
}
