/* SPDX-License-Identifier: MIT */
/*
 * Interfaces: registration, names and numbers, configuration. Packets: rx.c, tx.c.
 *
 * An interface is never freed: all devices are found at start.
 */
#include <kernel/lib/string.h>
#include <kernel/lib/random.h>
#include <kernel/lock/rcu.h>
#include <kernel/printk.h>
#include <net/inet/config.h>
#include <net/netdev/core.h>

/* Flags that netdev_set_flags() takes; the others are the driver's. */
#define FLAGS_SETTABLE	(IFF_UP | IFF_PROMISC | IFF_ALLMULTI)
#define MAX_UNITS	100		/* of a name with %d */

void (*netdev_notify)(struct net *net, enum netdev_event event, struct netdev *dev, const void *what);

static void notify_link(struct netdev *dev)
{
	if (netdev_notify)
		netdev_notify(dev->net, NETDEV_LINK, dev, NULL);
}

struct netdev *netdev_by_index(struct net *net, u32 index)
{
	struct netdev *dev;

	netdev_for_each(net, dev)
		if (dev->index == index)
			return dev;
	return NULL;
}

struct netdev *netdev_by_name(struct net *net, const char *name)
{
	struct netdev *dev;

	netdev_for_each(net, dev)
		if (!strcmp(dev->name, name))
			return dev;
	return NULL;
}

/* eth%d becomes the first that is free. */
static int choose_name(struct net *net, struct netdev *dev)
{
	char pattern[IFNAMSIZ];

	if (!strchr(dev->name, '%'))
		return netdev_by_name(net, dev->name) ? -EEXIST : 0;
	memcpy(pattern, dev->name, sizeof(pattern));
	*strchr(pattern, '%') = '\0';
	for (u32 unit = 0; unit < MAX_UNITS; unit++) {
		snprintf(dev->name, sizeof(dev->name), "%s%u", pattern, unit);
		if (!netdev_by_name(net, dev->name))
			return 0;
	}
	return -ENFILE;
}

void netdev_init_ether(struct netdev *dev, const u8 *mac)
{
	strscpy(dev->name, "eth%d", sizeof(dev->name));
	dev->type = ARPHRD_ETHER;
	dev->flags = IFF_BROADCAST | IFF_MULTICAST;
	dev->mtu = 1500;
	dev->min_mtu = 68;
	dev->max_mtu = 1500;
	dev->tx_queue_len = 1000;
	memset(dev->broadcast, 0xff, ETH_ALEN);
	memcpy(dev->mac, mac, ETH_ALEN);
}

int netdev_register(struct net *net, struct netdev *dev)
{
	int err;

	netdev_tx_setup(dev);
	mutex_lock(&net->config_lock);
	err = choose_name(net, dev);
	dev->net = net;
	dev->index = net->last_index + 1;
	if (!err)
		err = inet_attach(dev);
	if (!err) {
		net->last_index = dev->index;
		list_add_tail(&dev->node, &net->devices);
		notify_link(dev);
	}
	mutex_unlock(&net->config_lock);
	return err;
}

u32 netdev_flags(const struct netdev *dev)
{
	u32 flags = READ_ONCE(dev->flags);

	if ((flags & IFF_UP) && READ_ONCE(dev->carrier))
		flags |= IFF_RUNNING | IFF_LOWER_UP;
	return flags;
}

void netdev_set_carrier(struct netdev *dev, bool on)
{
	WRITE_ONCE(dev->carrier, on);
}

/* What loopback sends, it receives; the others count both. */
void netdev_sum_stats(const struct netdev *dev, struct netdev_stats *out)
{
	*out = dev->stats;
	if (dev->flags & IFF_LOOPBACK) {
		out->rx_packets = out->tx_packets;
		out->rx_bytes = out->tx_bytes;
	}
}

static int bring_up(struct netdev *dev)
{
	int err = dev->ops->open ? dev->ops->open(dev) : 0;

	if (err)
		return err;
	WRITE_ONCE(dev->flags, dev->flags | IFF_UP);
	inet_device_up(dev);
	return 0;
}

static void bring_down(struct netdev *dev)
{
	inet_device_down(dev);
	WRITE_ONCE(dev->flags, dev->flags & ~IFF_UP);
	if (dev->ops->stop)
		dev->ops->stop(dev);
	netdev_tx_flush(dev);
}

int netdev_set_flags(struct netdev *dev, u32 flags)
{
	u32 old = dev->flags;
	int err = 0;

	assert_mutex_held(&dev->net->config_lock);
	if ((flags ^ old) & IFF_UP) {
		if (flags & IFF_UP)
			err = bring_up(dev);
		else
			bring_down(dev);
	}
	if (err)
		return err;
	WRITE_ONCE(dev->flags, (dev->flags & ~(FLAGS_SETTABLE & ~IFF_UP)) | (flags & FLAGS_SETTABLE & ~IFF_UP));
	if (dev->flags != old)
		notify_link(dev);
	return 0;
}

int netdev_set_mtu(struct netdev *dev, u32 mtu)
{
	int err;

	assert_mutex_held(&dev->net->config_lock);
	if (mtu < dev->min_mtu || mtu > dev->max_mtu)
		return -EINVAL;
	err = dev->ops->set_mtu ? dev->ops->set_mtu(dev, mtu) : 0;
	if (err)
		return err;
	WRITE_ONCE(dev->mtu, mtu);
	inet_device_changed(dev);
	notify_link(dev);
	return 0;
}

int netdev_set_mac(struct netdev *dev, const u8 *mac)
{
	int err;

	assert_mutex_held(&dev->net->config_lock);
	if (dev->type != ARPHRD_ETHER)
		return -EOPNOTSUPP;
	if (mac[0] & 1)
		return -EADDRNOTAVAIL;
	err = dev->ops->set_mac ? dev->ops->set_mac(dev, mac) : 0;
	if (err)
		return err;
	memcpy(dev->mac, mac, ETH_ALEN);
	inet_device_changed(dev);
	notify_link(dev);
	return 0;
}

int netdev_rename(struct netdev *dev, const char *name)
{
	size_t len = strnlen(name, IFNAMSIZ);

	assert_mutex_held(&dev->net->config_lock);
	if (!len || len == IFNAMSIZ || strchr(name, '/') || strchr(name, '%') || !strcmp(name, "."))
		return -EINVAL;
	if (dev->flags & IFF_UP)
		return -EBUSY;
	if (netdev_by_name(dev->net, name))
		return -EEXIST;
	strscpy(dev->name, name, sizeof(dev->name));
	notify_link(dev);
	return 0;
}

void netdev_core_init(void)
{
	pkt_init();
	netdev_rx_init();
}
