/* SPDX-License-Identifier: MIT */
/*
 * Transmit: what the device does not do itself (checksums, cutting of large segments) is done
 * first, without the lock. Then to the driver at once, or into the queue (first in, first out,
 * tx_queue_len packets) while the driver has no room.
 *
 * Where there are several queues, addresses and ports choose one. Not the hart that sends: a
 * connection's segments leave by whichever hart holds the stack's lock just then, and by several
 * queues they would overtake each other.
 */
#include <net/netdev/core.h>

#define TCP	6
#define UDP	17

static void drop(struct netdev_queue *q, struct pkt *pkt)
{
	q->stats.tx_dropped++;
	pkt_free(pkt);
}

/* To the driver, or false. */
static bool hand_down(struct netdev_queue *q, struct pkt *pkt)
{
	u32 len = pkt->len;

	assert_spin_held(&q->lock);
	if (!q->dev->ops->transmit(q, pkt)) {
		q->stopped = true;
		return false;
	}
	q->stats.tx_packets++;
	q->stats.tx_bytes += len;
	q->kick = true;
	return true;
}

static void send_or_queue(struct netdev_queue *q, struct pkt *pkt)
{
	struct netdev *dev = q->dev;

	if (!(dev->flags & IFF_UP) || !READ_ONCE(dev->carrier)) {
		drop(q, pkt);
		return;
	}
	if (!q->stopped && !q->queued && hand_down(q, pkt))
		return;
	if (q->queued >= dev->tx_queue_len) {
		drop(q, pkt);
		return;
	}
	list_add_tail(&pkt->node, &q->pkts);
	q->queued++;
}

static bool can_cut(const struct netdev *dev, const struct pkt *pkt)
{
	return dev->features & (pkt->gso_type == PKT_GSO_TCP4 ? NETDEV_TSO4 : NETDEV_TSO6);
}

static void kick_locked(struct netdev_queue *q)
{
	if (!q->kick)
		return;
	q->kick = false;
	if (q->dev->ops->kick)
		q->dev->ops->kick(q);
}

static u32 word_at(const u8 *p)
{
	return ((const struct { u32 word; } __packed *)p)->word;
}

/*
 * The same for all packets of a flow, mixed; 0 of what has none. Of fragments only the first has
 * ports: none of them is asked for its.
 */
static u32 flow_hash(const struct pkt *pkt)
{
	const u8 *ip = pkt->data + ETH_HLEN;
	u32 hash = 0, first, words, ports;
	u8 protocol;

	if (pkt->protocol == ETH_P_IP && pkt->linear >= ETH_HLEN + 20) {
		first = 12;
		words = 2;
		protocol = (ip[6] & 0x3f) | ip[7] ? 0 : ip[9];
		ports = (ip[0] & 15) * 4u;
	} else if (pkt->protocol == ETH_P_IPV6 && pkt->linear >= ETH_HLEN + 40) {
		first = 8;
		words = 8;
		protocol = ip[6];
		ports = 40;
	} else {
		return 0;
	}
	for (u32 i = 0; i < words; i++)
		hash = (hash ^ word_at(ip + first + 4 * i)) * 0x9e3779b1u;
	if ((protocol == TCP || protocol == UDP) && pkt->linear >= ETH_HLEN + ports + 4)
		hash = (hash ^ word_at(ip + ports)) * 0x9e3779b1u;
	return hash ^ hash >> 16;
}

/* Apart: it would take registers from those with one queue, too. */
static __noinline struct netdev_queue *queue_for(struct netdev *dev, const struct pkt *pkt)
{
	return &dev->queues[(u64)flow_hash(pkt) * dev->nr_queues >> 32];
}

static __noinline void cut_and_send(struct netdev_queue *q, struct pkt *pkt)
{
	struct pkt *next;
	LIST_HEAD(pkts);
	bool lost = !gso_cut(pkt, &pkts);

	spin_lock_bh(&q->lock);
	if (lost)
		drop(q, pkt);
	list_for_each_safe(pkt, next, &pkts, node) {
		list_del(&pkt->node);
		send_or_queue(q, pkt);
	}
	spin_unlock_bh(&q->lock);
}

void netdev_transmit(struct netdev *dev, struct pkt *pkt)
{
	struct netdev_queue *q = likely(dev->nr_queues == 1) ? dev->queues : queue_for(dev, pkt);

	pkt->dev = dev;
	if ((pkt->flags & PKT_CSUM_PARTIAL) && !pkt->gso_size && !netdev_fills_csum(dev, pkt))
		pkt_fill_csum(pkt);
	if (netdev_is_watched(dev)) {
		pkt->type = PKT_OUTGOING;
		taps_deliver(dev, pkt);
	}
	if (pkt->gso_size && !can_cut(dev, pkt)) {
		cut_and_send(q, pkt);
		return;
	}
	spin_lock_bh(&q->lock);
	send_or_queue(q, pkt);
	spin_unlock_bh(&q->lock);
}

static void kick_queue(struct netdev_queue *q)
{
	if (!READ_ONCE(q->kick))
		return;
	spin_lock_bh(&q->lock);
	kick_locked(q);
	spin_unlock_bh(&q->lock);
}

static __noinline void kick_all(struct netdev *dev)
{
	for (u32 i = 0; i < dev->nr_queues; i++)
		kick_queue(&dev->queues[i]);
}

void netdev_kick(struct netdev *dev)
{
	if (likely(dev->nr_queues == 1))
		kick_queue(dev->queues);
	else
		kick_all(dev);
}

void netdev_wake_queue(struct netdev_queue *q)
{
	net_poll_schedule(&q->poll);
}

/* The driver has room again, or had when it said so. */
static u32 tx_poll(struct net_poll *p, u32 budget)
{
	struct netdev_queue *q = container_of(p, struct netdev_queue, poll);
	u32 done = 0;

	/* Before the work: a wake-up that comes during it is not lost. */
	net_poll_done(p);
	spin_lock_bh(&q->lock);
	q->stopped = false;
	while (q->queued && !q->stopped) {
		struct pkt *pkt = list_first(&q->pkts, struct pkt, node);

		list_del(&pkt->node);
		if (!hand_down(q, pkt)) {
			list_add(&pkt->node, &q->pkts);
			break;
		}
		q->queued--;
		done++;
	}
	kick_locked(q);
	spin_unlock_bh(&q->lock);
	/* Never "all of the budget": it need not be run again before the next wake-up. */
	return min(done, budget - 1);
}

static void queue_flush(struct netdev_queue *q)
{
	spin_lock_bh(&q->lock);
	while (!list_empty(&q->pkts)) {
		struct pkt *pkt = list_first(&q->pkts, struct pkt, node);

		list_del(&pkt->node);
		drop(q, pkt);
	}
	q->queued = 0;
	spin_unlock_bh(&q->lock);
}

void netdev_tx_flush(struct netdev *dev)
{
	for (u32 i = 0; i < dev->nr_queues; i++)
		queue_flush(&dev->queues[i]);
}

void netdev_tx_end(struct netdev *dev)
{
	for (u32 i = 0; i < dev->nr_queues; i++)
		net_poll_stop(&dev->queues[i].poll);
	netdev_tx_flush(dev);
}

void netdev_tx_setup(struct netdev *dev)
{
	if (!dev->queues) {
		dev->queues = &dev->first;
		dev->nr_queues = 1;
	}
	for (u32 i = 0; i < dev->nr_queues; i++) {
		struct netdev_queue *q = &dev->queues[i];

		q->dev = dev;
		spin_lock_init(&q->lock, RANK_NETDEV);
		list_init(&q->pkts);
		net_poll_init(&q->poll, tx_poll);
	}
}
