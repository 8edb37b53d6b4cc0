/* SPDX-License-Identifier: MIT */
/*
 * Interfaces that programs make and delete.
 *
 * Such interfaces have no interrupt. What one sends, another receives from a queue between the
 * two, in the softirq: the sender's locks are let go of by then. Loopback, which no program
 * makes, uses such a queue as well.
 *
 * Who is deleted goes out of its namespace first (netdev.c), and with a pair both ends do; from then
 * on nobody adds to a queue, and the queues can be ended.
 *
 * Kinds: veth.c, bridge.c.
 */
#include <kernel/errno.h>
#include <kernel/lib/random.h>
#include <kernel/lib/string.h>
#include <kernel/lock/rcu.h>
#include <kernel/mm/alloc.h>
#include <net/netdev/link.h>

#define QUEUE_MAX	1000u		/* packets; chosen, as Linux's netdev_max_backlog */
#define MTU_MAX		65535u

static const struct link_kind *const kinds[] = { &link_veth, &link_bridge };

const struct link_kind *link_kind_find(const char *name)
{
	for (u32 i = 0; i < ARRAY_SIZE(kinds); i++)
		if (!strcmp(kinds[i]->name, name))
			return kinds[i];
	return NULL;
}

/* --- life --- */

struct netdev *link_alloc(const struct link_kind *kind, size_t bytes)
{
	struct netdev *dev = kzalloc(bytes, GFP_KERNEL);

	if (dev)
		dev->kind = kind;
	return dev;
}

int link_register(struct net *net, struct netdev *dev, const struct link_request *r,
		  const char *usual_name)
{
	u8 mac[ETH_ALEN];
	int err;

	random_bytes(mac, sizeof(mac));
	mac[0] = (u8)((mac[0] & ~1) | 2);	/* one station's, given locally (IEEE 802) */
	netdev_init_ether(dev, r && r->mac ? r->mac : mac);
	dev->max_mtu = MTU_MAX;
	if (r && r->mtu)
		dev->mtu = r->mtu;
	if (r && r->name[0])
		strscpy(dev->name, r->name, sizeof(dev->name));
	else
		strscpy(dev->name, usual_name, sizeof(dev->name));
	err = dev->mtu < dev->min_mtu || dev->mtu > MTU_MAX || (dev->mac[0] & 1) ? -EINVAL :
	      netdev_register_locked(net, dev);
	if (err)
		kfree(dev);
	return err;
}

void link_remove(struct netdev *dev)
{
	if (dev->master)
		bridge_remove_port(dev);
	netdev_unregister_locked(dev);
}

int link_delete(struct netdev *dev)
{
	assert_mutex_held(&net_config_lock);
	if (!dev->kind)
		return -EOPNOTSUPP;
	dev->kind->destroy(dev);
	return 0;
}

int link_set_master(struct netdev *dev, struct netdev *bridge)
{
	assert_mutex_held(&net_config_lock);
	if (bridge && !is_bridge(bridge))
		return -EINVAL;
	if (dev->master == bridge)
		return 0;
	if (bridge && (is_bridge(dev) || (dev->flags & IFF_LOOPBACK)))
		return is_bridge(dev) ? -ELOOP : -EINVAL;
	if (dev->master)
		bridge_remove_port(dev);
	return bridge ? bridge_add_port(bridge, dev) : 0;
}

int link_move(struct netdev *dev, struct net *net, const char *other_name)
{
	const char *name = dev->name;

	assert_mutex_held(&net_config_lock);
	if (net == dev->net)
		return 0;
	if ((dev->flags & IFF_LOOPBACK) || is_bridge(dev))
		return -EINVAL;
	if (netdev_by_name(net, name))
		name = other_name;
	if (!name || netdev_by_name(net, name))
		return -EEXIST;
	if (dev->master)
		bridge_remove_port(dev);
	return netdev_move(dev, net, name);
}

/* --- packets on their way --- */

bool link_queue_add(struct link_queue *q, struct pkt *pkt)
{
	bool fits;

	spin_lock_bh(&q->lock);
	fits = q->len < QUEUE_MAX;
	if (fits) {
		list_add_tail(&pkt->node, &q->pkts);
		q->len++;
	}
	spin_unlock_bh(&q->lock);
	if (fits)
		net_poll_schedule(&q->poll);
	else
		pkt_free(pkt);
	return fits;
}

static struct pkt *queue_take(struct link_queue *q)
{
	struct pkt *pkt = NULL;

	spin_lock_bh(&q->lock);
	if (q->len) {
		pkt = list_first(&q->pkts, struct pkt, node);
		list_del(&pkt->node);
		q->len--;
	}
	spin_unlock_bh(&q->lock);
	return pkt;
}

static u32 queue_poll(struct net_poll *p, u32 budget)
{
	struct link_queue *q = container_of(p, struct link_queue, poll);
	struct pkt *pkt;
	u32 done = 0;

	while (done < budget) {
		pkt = queue_take(q);
		if (!pkt)
			break;
		q->take(q->dev, pkt);
		done++;
	}
	if (done == budget)
		return done;
	net_poll_done(p);
	/* Who came between the last look and this found it scheduled. */
	if (READ_ONCE(q->len))
		net_poll_schedule(p);
	return done;
}

void link_queue_end(struct link_queue *q)
{
	struct pkt *pkt;

	net_poll_stop(&q->poll);
	while ((pkt = queue_take(q)))
		pkt_free(pkt);
}

void link_queue_init(struct link_queue *q, struct netdev *dev,
		     void (*take)(struct netdev *dev, struct pkt *pkt))
{
	q->dev = dev;
	q->take = take;
	spin_lock_init(&q->lock, RANK_LINK);
	list_init(&q->pkts);
	net_poll_init(&q->poll, queue_poll);
}
