/* SPDX-License-Identifier: MIT */
/*
 * veth: two interfaces with a cable between them. What one sends the other receives; there is
 * a link while both are up. They are made and deleted together, and each may be in a namespace of
 * its own.
 */
#include <kernel/errno.h>
#include <net/netdev/link.h>

struct veth {
	struct netdev dev;		/* must be first */
	struct veth *peer;		/* set once; NULL: it is still being made */
	struct link_queue in;		/* what the peer has sent */
};

static struct veth *veth_of(struct netdev *dev)
{
	return container_of(dev, struct veth, dev);
}

static bool veth_transmit(struct netdev_queue *q, struct pkt *pkt)
{
	struct veth *peer = READ_ONCE(veth_of(q->dev)->peer);

	if (!peer) {
		pkt_free(pkt);
		return true;
	}
	if (!link_queue_add(&peer->in, pkt))
		q->stats.tx_dropped++;
	return true;
}

/* One of the two came up, or goes down. */
static void set_carriers(struct veth *v, bool is_up)
{
	bool both = is_up && v->peer && (v->peer->dev.flags & IFF_UP);

	netdev_set_carrier(&v->dev, both);
	if (v->peer)
		netdev_set_carrier(&v->peer->dev, both);
}

static int veth_open(struct netdev *dev)
{
	set_carriers(veth_of(dev), true);
	return 0;
}

static void veth_stop(struct netdev *dev)
{
	set_carriers(veth_of(dev), false);
}

static const struct netdev_ops veth_ops = {
	.open = veth_open,
	.stop = veth_stop,
	.transmit = veth_transmit,
};

static struct veth *veth_alloc(void)
{
	struct netdev *dev = link_alloc(&link_veth, sizeof(struct veth));
	struct veth *v = dev ? veth_of(dev) : NULL;

	if (!v)
		return NULL;
	dev->ops = &veth_ops;
	dev->features = NETDEV_SG;
	link_queue_init(&v->in, dev, netdev_receive);
	return v;
}

/* It is registered no more, nor is its peer. */
static void veth_free(struct veth *v)
{
	link_queue_end(&v->in);
	netdev_free(&v->dev);
}

static int veth_create_end(struct net *net, const struct link_request *r, struct veth **out)
{
	*out = veth_alloc();
	return *out ? link_register(net, &(*out)->dev, r, "veth%d") : -ENOMEM;
}

static int veth_create(struct net *net, const struct link_request *r)
{
	struct veth *a, *b;
	struct net *peer_net = r->peer && r->peer->net ? r->peer->net : net;
	int err = veth_create_end(peer_net, r->peer, &b);

	if (err)
		return err;
	err = veth_create_end(net, r, &a);
	if (err) {
		link_remove(&b->dev);
		veth_free(b);
		return err;
	}
	WRITE_ONCE(a->peer, b);
	WRITE_ONCE(b->peer, a);
	return 0;
}

static void veth_destroy(struct netdev *dev)
{
	struct veth *a = veth_of(dev), *b = a->peer;

	link_remove(&a->dev);
	link_remove(&b->dev);
	veth_free(a);
	veth_free(b);
}

static const struct netdev *veth_peer(const struct netdev *dev)
{
	const struct veth *peer = container_of(dev, const struct veth, dev)->peer;

	return peer ? &peer->dev : NULL;
}

const struct link_kind link_veth = {
	.name = "veth", .create = veth_create, .destroy = veth_destroy, .peer = veth_peer,
};
