/* SPDX-License-Identifier: MIT */
/*
 * Which frames an interface is to hand up: all, those to all groups, or to the groups that the
 * stack has joined.
 *
 * Groups are joined and left under the stack's lock, filters set in thread context under the
 * configuration's: a work stands between the two. So a filter follows shortly after.
 */
#include <kernel/lib/string.h>
#include <net/netdev/core.h>
#include <net/netdev/netdev.h>

void netdev_update_filter(struct netdev *dev)
{
	struct netdev_groups *g = &dev->groups;
	struct netdev_filter f = {
		.all = (dev->flags & IFF_PROMISC) || dev->promiscuity,
		.all_groups = dev->flags & IFF_ALLMULTI,
	};
	u64 flags;

	assert_mutex_held(&net_config_lock);
	if (!dev->ops->set_filter)
		return;
	flags = spin_lock_irqsave(&g->lock);
	f.all_groups |= g->overflowed;
	for (u32 i = 0; i < NETDEV_MAX_GROUPS; i++)
		if (g->users[i])
			memcpy(f.groups[f.nr_groups++], g->macs[i], ETH_ALEN);
	spin_unlock_irqrestore(&g->lock, flags);
	dev->ops->set_filter(dev, &f);
}

static void update_later(struct work *w)
{
	struct netdev *dev = container_of(w, struct netdev, groups.work);

	mutex_lock(&net_config_lock);
	netdev_update_filter(dev);
	mutex_unlock(&net_config_lock);
}

void netdev_groups_init(struct netdev *dev)
{
	spin_lock_init(&dev->groups.lock, RANK_LEAF);
	work_init(&dev->groups.work, update_later);
}

/* Lock held. The slot of a group, or of none; NETDEV_MAX_GROUPS: there is none. */
static u32 slot_of(const struct netdev_groups *g, const u8 *mac)
{
	u32 free = NETDEV_MAX_GROUPS;

	for (u32 i = 0; i < NETDEV_MAX_GROUPS; i++) {
		if (g->users[i] && !memcmp(g->macs[i], mac, ETH_ALEN))
			return i;
		if (!g->users[i])
			free = i;
	}
	return free;
}

void netdev_group_join(struct netdev *dev, const u8 *mac)
{
	struct netdev_groups *g = &dev->groups;
	u64 flags = spin_lock_irqsave(&g->lock);
	u32 i = slot_of(g, mac);

	if (i == NETDEV_MAX_GROUPS) {
		g->overflowed = true;
	} else {
		memcpy(g->macs[i], mac, ETH_ALEN);
		g->users[i]++;
	}
	spin_unlock_irqrestore(&g->lock, flags);
	if (dev->ops->set_filter)
		work_queue(&g->work);
}

void netdev_group_leave(struct netdev *dev, const u8 *mac)
{
	struct netdev_groups *g = &dev->groups;
	u64 flags = spin_lock_irqsave(&g->lock);
	u32 i = slot_of(g, mac);

	if (i < NETDEV_MAX_GROUPS && g->users[i])
		g->users[i]--;
	spin_unlock_irqrestore(&g->lock, flags);
	if (dev->ops->set_filter)
		work_queue(&g->work);
}
