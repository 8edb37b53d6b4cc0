/* SPDX-License-Identifier: MIT */
/*
 * Interfaces: registration, names and numbers, configuration. Packets: rx.c, tx.c.
 *
 * One that is deleted, or moves into another namespace, leaves its own in this order:
 *
 *	down		what comes is dropped, as is what is to be sent; no route leads to it
 *	off the lists	nobody finds it, and who listened to it is told
 *	a grace period	polls and senders that saw it up are through
 *	inet_detach()	what they left in the stack's inbox is dropped; lwIP and the neighbours
 *			forget it
 *
 * Its memory is freed a grace period after that, for doorbells that were still to be rung.
 */
#include <kernel/bug.h>
#include <kernel/lib/bitmap.h>
#include <kernel/lib/string.h>
#include <kernel/lib/random.h>
#include <kernel/lock/rcu.h>
#include <kernel/printk.h>
#include <net/inet/config.h>
#include <net/netdev/core.h>

/* Flags that netdev_set_flags() takes; the others are the driver's. */
#define FLAGS_SETTABLE	(IFF_UP | IFF_PROMISC | IFF_ALLMULTI)
#define UNITS		256u		/* of a name with %d: a namespace has fewer interfaces */

void (*netdev_notify)(struct net *net, enum netdev_event event, struct netdev *dev,
		      const void *what);

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

/* The n of a name that is the prefix and n; UNITS: it is another. */
static u32 unit_of(const char *name, const char *prefix)
{
	size_t len = strlen(prefix);
	const char *p = name + len;
	u32 n = 0;

	if (strncmp(name, prefix, len) || !*p || (*p == '0' && p[1]))
		return UNITS;
	for (; *p; p++) {
		if (*p < '0' || *p > '9' || n >= UNITS)
			return UNITS;
		n = n * 10 + (u32)(*p - '0');
	}
	return min(n, UNITS);
}

static bool is_name(const char *name)
{
	size_t len = strnlen(name, IFNAMSIZ);

	return len && len < IFNAMSIZ && !strchr(name, '/') && !strchr(name, '%') &&
	       strcmp(name, ".");
}

/* eth%d becomes the first that is free. */
static int choose_name(struct net *net, struct netdev *dev)
{
	DECLARE_BITMAP(used, UNITS) = { 0 };
	char prefix[IFNAMSIZ];
	struct netdev *other;
	u32 unit = 0, taken;

	if (!strchr(dev->name, '%'))
		return netdev_by_name(net, dev->name) ? -EEXIST : 0;
	memcpy(prefix, dev->name, sizeof(prefix));
	*strchr(prefix, '%') = '\0';
	netdev_for_each(net, other) {
		taken = unit_of(other->name, prefix);
		if (taken < UNITS)
			bitmap_set(used, taken);
	}
	while (unit < UNITS && bitmap_test(used, unit))
		unit++;
	snprintf(dev->name, sizeof(dev->name), "%s%u", prefix, unit);
	/* Where it was cut there may be one. */
	return netdev_by_name(net, dev->name) ? -ENFILE : 0;
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

/* The wanted one where that is free, else the next behind the last; 0: there is none. */
static u32 free_index(struct net *net, u32 wanted)
{
	u32 index = net->last_index;

	if (wanted && !netdev_by_index(net, wanted))
		return wanted;
	for (u32 i = 0; i < INET_DEVICES_MAX; i++) {
		index = index % INET_DEVICES_MAX + 1;
		if (!netdev_by_index(net, index))
			return index;
	}
	return 0;
}

static int attach(struct net *net, struct netdev *dev, u32 index)
{
	int err;

	dev->net = net;
	dev->index = index;
	err = inet_attach(dev);
	if (err)
		return err;
	net->last_index = index;
	list_add_tail(&dev->node, &net->devices);
	notify_link(dev);
	return 0;
}

int netdev_register_locked(struct net *net, struct netdev *dev)
{
	int err = choose_name(net, dev);
	u32 index = free_index(net, 0);

	assert_mutex_held(&net_config_lock);
	if (err)
		return err;
	if (!index)
		return -ENFILE;
	netdev_tx_setup(dev);
	netdev_groups_init(dev);
	list_init(&dev->promiscuous);
	return attach(net, dev, index);
}

int netdev_register(struct net *net, struct netdev *dev)
{
	int err;

	mutex_lock(&net_config_lock);
	err = netdev_register_locked(net, dev);
	mutex_unlock(&net_config_lock);
	return err;
}

void netdev_unregister_locked(struct netdev *dev)
{
	int err = netdev_set_flags(dev, dev->flags & ~IFF_UP);

	BUG_ON(err);
	taps_forget(dev);
	list_del_rcu(&dev->node);
	synchronize_rcu();
	inet_detach(dev);
	if (netdev_notify)
		netdev_notify(dev->net, NETDEV_LINK_GONE, dev, NULL);
}

void netdev_free(struct netdev *dev)
{
	netdev_tx_end(dev);
	inet_free(dev);
	kfree_rcu(dev, rcu);
}

/* --- from one namespace to another --- */

int netdev_move(struct netdev *dev, struct net *net, const char *name)
{
	u32 index = free_index(net, dev->index);
	int err;

	assert_mutex_held(&net_config_lock);
	if (!is_name(name))
		return -EINVAL;
	if (netdev_by_name(net, name))
		return -EEXIST;
	if (!index)
		return -ENFILE;
	netdev_unregister_locked(dev);
	/* Doorbells that were to be rung: its part of the stack is used again. */
	synchronize_rcu();
	if (name != dev->name)
		strscpy(dev->name, name, sizeof(dev->name));
	err = attach(net, dev, index);
	BUG_ON(err);		/* it takes no memory, and the number is free */
	return 0;
}

void netdev_send_home(struct netdev *dev)
{
	char name[IFNAMSIZ];

	memcpy(name, dev->name, sizeof(name));
	for (u32 unit = dev->index; netdev_by_name(&init_net, name); unit++)
		snprintf(name, sizeof(name), "dev%u", unit);
	if (netdev_move(dev, &init_net, name)) {
		pr_warn("%s: the first network has no number left for it", dev->name);
		netdev_unregister_locked(dev);
	}
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

static void add_stats(struct netdev_stats *sum, const struct netdev_stats *s)
{
	sum->rx_bytes += s->rx_bytes;
	sum->rx_packets += s->rx_packets;
	sum->rx_errors += s->rx_errors;
	sum->rx_dropped += s->rx_dropped;
	sum->multicast += s->multicast;
	sum->tx_bytes += s->tx_bytes;
	sum->tx_packets += s->tx_packets;
	sum->tx_errors += s->tx_errors;
	sum->tx_dropped += s->tx_dropped;
}

/* What loopback sends, it receives; the others count both. */
void netdev_sum_stats(const struct netdev *dev, struct netdev_stats *out)
{
	*out = (struct netdev_stats){ .tx_dropped = dev->unresolved };
	for (u32 i = 0; i < dev->nr_queues; i++)
		add_stats(out, &dev->queues[i].stats);
	if (dev->ops->add_stats)
		dev->ops->add_stats(dev, out);
	if (dev->flags & IFF_LOOPBACK) {
		out->tx_packets += dev->looped_packets;
		out->tx_bytes += dev->looped_bytes;
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

	assert_mutex_held(&net_config_lock);
	if ((flags ^ old) & IFF_UP) {
		if (flags & IFF_UP)
			err = bring_up(dev);
		else
			bring_down(dev);
	}
	if (err)
		return err;
	WRITE_ONCE(dev->flags,
		   (dev->flags & ~(FLAGS_SETTABLE & ~IFF_UP)) | (flags & FLAGS_SETTABLE & ~IFF_UP));
	if ((dev->flags ^ old) & (IFF_PROMISC | IFF_ALLMULTI))
		netdev_update_filter(dev);
	if (dev->flags != old)
		notify_link(dev);
	return 0;
}

int netdev_set_mtu(struct netdev *dev, u32 mtu)
{
	int err;

	assert_mutex_held(&net_config_lock);
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

	assert_mutex_held(&net_config_lock);
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
	assert_mutex_held(&net_config_lock);
	if (!is_name(name))
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
