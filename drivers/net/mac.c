/* SPDX-License-Identifier: MIT */
#include <arch/paging.h>
#include <drivers/net/mac.h>
#include <kernel/lib/random.h>
#include <kernel/lib/string.h>
#include <kernel/printk.h>
#include <libfdt.h>

#define LINK_NS		(1 * NS_PER_SEC)	/* between looks at the link */

/* The tree's local-mac-address, or one made up. */
static void choose_address(struct device *dev, u8 *mac)
{
	int len;
	const u8 *p = fdt_getprop(boot_fdt, dev->node, "local-mac-address", &len);

	if (p && len == ETH_ALEN && !(p[0] & 1) && (p[0] | p[1] | p[2] | p[3] | p[4] | p[5])) {
		memcpy(mac, p, ETH_ALEN);
		return;
	}
	random_bytes(mac, ETH_ALEN);
	mac[0] = (u8)((mac[0] & ~1) | 2);	/* one station, locally administered */
}

/* --- link and counters: every second; thread context --- */

/* The controller knows of the speed before the interface has its carrier. */
static void link_changed(struct mac *m, const struct phy_link *now)
{
	m->link = *now;
	if (now->up) {
		mutex_lock(&m->config_lock);
		phy_set_speed(&m->phy, now->mbit);
		m->ops->set_speed(m, now);
		mutex_unlock(&m->config_lock);
		pr_info("%s: %u Mbit/s, %s duplex\n", m->dev.name, now->mbit,
			now->full_duplex ? "full" : "half");
	} else {
		pr_info("%s: no link\n", m->dev.name);
	}
	netdev_set_carrier(&m->dev, now->up);
}

static bool is_same(const struct phy_link *a, const struct phy_link *b)
{
	return a->up == b->up && a->mbit == b->mbit && a->full_duplex == b->full_duplex;
}

static void look_at_link(struct work *w)
{
	struct mac *m = container_of(w, struct mac, link_work.work);
	struct phy_link now;

	if (!phy_read_link(&m->phy, &now) && !is_same(&now, &m->link))
		link_changed(m, &now);
	WRITE_ONCE(m->bad_frames, m->bad_frames + m->ops->count_errors(m));
	delayed_work_queue(&m->link_work, LINK_NS);
}

void mac_add_stats(const struct netdev *dev, struct netdev_stats *sum)
{
	sum->rx_errors += READ_ONCE(container_of(dev, const struct mac, dev)->bad_frames);
}

/* By phy-handle; old trees have the PHY below the controller, without one. */
static int phy_node(struct device *dev)
{
	int node = tree_phandle_node(dev_prop_cell(dev, "phy-handle", 0)), child;

	if (node >= 0)
		return node;
	fdt_for_each_subnode(child, boot_fdt, dev->node)
		if (!strncmp(fdt_get_name(boot_fdt, child, NULL), "ethernet-phy", 12))
			return child;
	return -1;
}

/* --- after a bus error --- */

/* Where the device does not come back, nothing is sent or received any more. */
static void recover(struct work *w)
{
	struct mac *m = container_of(w, struct mac, recovery);
	int err;

	pr_warn("%s: bus error, starts again\n", m->dev.name);
	net_poll_stop(&m->poll);
	mutex_lock(&m->config_lock);
	spin_lock_bh(&m->dev.first.lock);
	m->down = true;
	m->ops->halt(m);
	mac_rings_empty(m);
	spin_unlock_bh(&m->dev.first.lock);
	err = m->ops->restart(m);
	mutex_unlock(&m->config_lock);
	if (err) {
		pr_err("%s: does not come out of reset\n", m->dev.name);
		return;
	}
	spin_lock_bh(&m->dev.first.lock);
	m->down = false;
	spin_unlock_bh(&m->dev.first.lock);
	net_poll_resume(&m->poll);
	netdev_wake_queue(&m->dev.first);
}

/* --- registration --- */

static void refill_again(struct work *w)
{
	net_poll_schedule(&container_of(w, struct mac, refill.work)->poll);
}

void mac_init(struct mac *m, const struct netdev_ops *ops,
	      u32 (*poll)(struct net_poll *p, u32 budget))
{
	u8 mac[ETH_ALEN];

	m->phy.bus = &m->mdio;
	m->phy.node = phy_node(m->device);
	m->phy.address = m->phy.node < 0 ? 0 : tree_cell(m->phy.node, "reg", 0) & 31;
	mutex_init(&m->config_lock, RANK_MUTEX_LEAF);
	net_poll_init(&m->poll, poll);
	delayed_work_init(&m->refill, refill_again);
	delayed_work_init(&m->link_work, look_at_link);
	work_init(&m->recovery, recover);
	choose_address(m->device, mac);
	netdev_init_ether(&m->dev, mac);
	m->dev.features = NETDEV_SG | NETDEV_RX_CSUM;
	m->dev.max_mtu = 1500;
	m->dev.ops = ops;
}

int mac_register(struct mac *m, irq_handler_t interrupt)
{
	const u8 *mac = m->dev.mac;
	int err = phy_start(&m->phy);

	if (!err)
		err = dev_request_irq(m->device, dev_irq(m->device, 0), interrupt, m);
	if (!err)
		err = netdev_register(&init_net, &m->dev);
	if (err)
		return err;
	pr_info("%s: %s, PHY %x, %02x:%02x:%02x:%02x:%02x:%02x\n", m->dev.name, m->device->name,
		m->phy.id, mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
	net_poll_schedule(&m->poll);	/* gives the device its buffers */
	netdev_set_carrier(&m->dev, false);
	delayed_work_queue(&m->link_work, 0);
	return 0;
}
