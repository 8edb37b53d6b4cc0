/* SPDX-License-Identifier: MIT */
/*
 * Transmit: to the driver at once, or into the interface's queue (first in, first out,
 * tx_queue_len packets) while the driver has no room.
 */
#include <net/netdev/core.h>

static void drop(struct netdev *dev, struct pkt *pkt)
{
	dev->stats.tx_dropped++;
	pkt_free(pkt);
}

/* To the driver, or false. */
static bool hand_down(struct netdev *dev, struct pkt *pkt)
{
	u32 len = pkt->len;

	assert_spin_held(&dev->tx_lock);
	if (!dev->ops->transmit(dev, pkt)) {
		dev->tx_stopped = true;
		return false;
	}
	dev->stats.tx_packets++;
	dev->stats.tx_bytes += len;
	dev->tx_kick = true;
	return true;
}

static void send_or_queue(struct netdev *dev, struct pkt *pkt)
{
	if (!(dev->flags & IFF_UP) || !READ_ONCE(dev->carrier)) {
		drop(dev, pkt);
		return;
	}
	if (!dev->tx_stopped && !dev->tx_queued && hand_down(dev, pkt))
		return;
	if (dev->tx_queued >= dev->tx_queue_len) {
		drop(dev, pkt);
		return;
	}
	list_add_tail(&pkt->node, &dev->tx_queue);
	dev->tx_queued++;
}

static void kick_locked(struct netdev *dev)
{
	if (!dev->tx_kick)
		return;
	dev->tx_kick = false;
	if (dev->ops->kick)
		dev->ops->kick(dev);
}

void netdev_transmit(struct netdev *dev, struct pkt *pkt)
{
	pkt->dev = dev;
	if (taps_listen(dev)) {
		pkt->type = PKT_OUTGOING;
		taps_deliver(dev, pkt);
	}
	spin_lock_bh(&dev->tx_lock);
	send_or_queue(dev, pkt);
	spin_unlock_bh(&dev->tx_lock);
}

void netdev_kick(struct netdev *dev)
{
	if (!READ_ONCE(dev->tx_kick))
		return;
	spin_lock_bh(&dev->tx_lock);
	kick_locked(dev);
	spin_unlock_bh(&dev->tx_lock);
}

void netdev_wake_queue(struct netdev *dev)
{
	net_poll_schedule(&dev->tx_poll);
}

/* The driver has room again, or had when it said so. */
static u32 tx_poll(struct net_poll *p, u32 budget)
{
	struct netdev *dev = container_of(p, struct netdev, tx_poll);
	u32 done = 0;

	/* Before the work: a wake-up that comes during it is not lost. */
	net_poll_done(p);
	spin_lock_bh(&dev->tx_lock);
	dev->tx_stopped = false;
	while (dev->tx_queued && !dev->tx_stopped) {
		struct pkt *pkt = container_of(dev->tx_queue.next, struct pkt, node);

		list_del(&pkt->node);
		if (!hand_down(dev, pkt)) {
			list_add(&pkt->node, &dev->tx_queue);
			break;
		}
		dev->tx_queued--;
		done++;
	}
	kick_locked(dev);
	spin_unlock_bh(&dev->tx_lock);
	/* Never "all of the budget": it need not be run again before the next wake-up. */
	return min(done, budget - 1);
}

void netdev_tx_flush(struct netdev *dev)
{
	spin_lock_bh(&dev->tx_lock);
	while (!list_empty(&dev->tx_queue)) {
		struct pkt *pkt = container_of(dev->tx_queue.next, struct pkt, node);

		list_del(&pkt->node);
		drop(dev, pkt);
	}
	dev->tx_queued = 0;
	spin_unlock_bh(&dev->tx_lock);
}

void netdev_tx_setup(struct netdev *dev)
{
	spin_lock_init(&dev->tx_lock, RANK_NETDEV);
	list_init(&dev->tx_queue);
	net_poll_init(&dev->tx_poll, tx_poll);
}
