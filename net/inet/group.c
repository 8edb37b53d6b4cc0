/* SPDX-License-Identifier: MIT */
/*
 * Membership in multicast groups. lwIP counts members of each group and interface; who has
 * joined what, so that it is left when an endpoint closes, is kept here.
 *
 * Groups are the first instance's of the stack. A connection of another takes all locks.
 *
 * As on Linux by default, a datagram to a group that anybody here has joined
 * reaches every endpoint bound to its port.
 */
#include <kernel/lib/string.h>
#include <net/inet/device.h>
#include <net/inet/ep.h>
#include <net/inet/route.h>
#include <net/port/port.h>
#include <lwip/igmp.h>
#include <lwip/mld6.h>

struct membership {
	struct membership *next;	/* from ep->memberships */
	ip_addr_t group;
	u32 ifindex;
};

static struct membership *find(struct inet_ep *ep, const ip_addr_t *group, u32 ifindex)
{
	struct membership *m;

	for (m = ep->memberships; m; m = m->next)
		if (ip_addr_eq(&m->group, group) && (!ifindex || m->ifindex == ifindex))
			return m;
	return NULL;
}

/* The interface does not do groups (loopback): everything reaches us as it is. */
static bool does_groups(const struct netif *n, const ip_addr_t *group)
{
	return n->flags & (IP_IS_V6(group) ? NETIF_FLAG_MLD6 : NETIF_FLAG_IGMP);
}

static int join(struct netif *n, const ip_addr_t *group)
{
	if (!does_groups(n, group))
		return 0;
	inet_groups_busy(inet_current());
	if (IP_IS_V6(group))
		return port_errno(mld6_joingroup_netif(n, ip_2_ip6(group)));
	return port_errno(igmp_joingroup_netif(n, ip_2_ip4(group)));
}

static void leave(struct inet_ep *ep, struct membership *m)
{
	struct netif *n = netif_get_by_index((u8_t)m->ifindex);
	struct membership **at = &ep->memberships;

	if (n && does_groups(n, &m->group)) {
		if (IP_IS_V6(&m->group))
			mld6_leavegroup_netif(n, ip_2_ip6(&m->group));
		else
			igmp_leavegroup_netif(n, ip_2_ip4(&m->group));
	}
	while (*at != m)
		at = &(*at)->next;
	*at = m->next;
	kfree(m);
}

void groups_leave_all(struct inet_ep *ep)
{
	while (ep->memberships)
		leave(ep, ep->memberships);
}

static int add(struct inet_ep *ep, const ip_addr_t *group, u32 ifindex, struct membership *m)
{
	struct netif *n = ifindex ? netif_get_by_index((u8_t)ifindex) : inet_route_for(NULL, group, 0);
	int err;

	if (!n)
		return -ENODEV;
	if (find(ep, group, netif_get_index(n)))
		return -EADDRINUSE;
	err = join(n, group);
	if (err)
		return err;
	m->group = *group;
	m->ifindex = netif_get_index(n);
	m->next = ep->memberships;
	ep->memberships = m;
	return 0;
}

/* The first instance's lock; where the endpoint is another's, all. */
static void lock_groups(struct inet_ep *ep)
{
	if (ep->type == INET_TCP)
		inet_lock_all(ep->stack->net);
	else
		inet_lock(ep->stack);
}

static void unlock_groups(struct inet_ep *ep)
{
	if (ep->type == INET_TCP)
		inet_unlock_all(ep->stack->net);
	else
		inet_unlock(ep->stack);
}

int inet_membership(struct inet_ep *ep, const struct inet_addr *group, u32 ifindex, bool join_it)
{
	struct membership *m = join_it ? kzalloc(sizeof(*m), GFP_KERNEL) : NULL;
	ip_addr_t ip;
	int err = 0;

	if (join_it && !m)
		return -ENOMEM;
	lock_groups(ep);
	if (!inet_to_ip(ep, group, &ip) || !ip_addr_ismulticast(&ip)) {
		err = -EINVAL;
	} else if (join_it) {
		err = add(ep, &ip, ifindex, m);
		if (!err)
			m = NULL;
	} else {
		struct membership *old = find(ep, &ip, ifindex);

		if (old)
			leave(ep, old);
		else
			err = -EADDRNOTAVAIL;
	}
	unlock_groups(ep);
	kfree(m);
	return err;
}
