/* SPDX-License-Identifier: MIT */
/*
 * NETLINK_ROUTE: interfaces, addresses, routes and neighbours, shown and changed, as
 * ip(8) does it (rtnetlink(7)). Everything under net_config_lock.
 *
 * An answer is made by a put_* function for each kind of object; the same functions make
 * the notices of changes. Interfaces: links.c.
 *
 * Limit: routing rules, tables other than main and local, multipath routes, queueing disciplines,
 * interfaces of other kinds than veth and bridge with their usual settings, and IPv6 neighbours
 * that are set by hand are refused with -EOPNOTSUPP.
 */
#include <net/inet/config.h>
#include <net/net.h>
#include <net/netlink/netlink.h>
#include <net/netlink/route.h>
#include <kernel/lib/string.h>

enum { RTNLGRP_LINK = 1, RTNLGRP_NEIGH = 3, RTNLGRP_IPV4_IFADDR = 5, RTNLGRP_IPV4_ROUTE = 7,
	RTNLGRP_IPV6_IFADDR = 9, RTNLGRP_IPV6_ROUTE = 11 };

#define RTM_F_CLONED	0x200u
#define RT_TABLE_MAIN	254
#define RT_TABLE_LOCAL	255

struct ifaddrmsg {
	u8 family, prefix_len, flags, scope;
	u32 index;
};
enum { IFA_ADDRESS = 1, IFA_LOCAL, IFA_LABEL, IFA_BROADCAST, IFA_CACHEINFO = 6, IFA_FLAGS = 8 };

struct rtmsg {
	u8 family, dst_len, src_len, tos, table, protocol, scope, type;
	u32 flags;
};
enum {
	RTA_DST = 1, RTA_OIF = 4, RTA_GATEWAY, RTA_PRIORITY, RTA_PREFSRC, RTA_MULTIPATH = 9,
	RTA_TABLE = 15,
};

struct ndmsg {
	u8 family, pad[3];
	s32 ifindex;
	u16 state;
	u8 flags, type;
};
enum { NDA_DST = 1, NDA_LLADDR };

static u32 addr_bytes(u16 family)
{
	return family == INET_AF_INET ? 4 : 16;
}

static void put_address(struct nl_out *o, u16 type, const struct inet_addr *a)
{
	nl_put(o, type, a->v6, addr_bytes(a->family));
}

/* An attribute as an address; false: it is not there. */
static bool get_address(const struct nl_in *in, u16 type, u16 family, struct inet_addr *a)
{
	const void *p = nl_attr(in, type, addr_bytes(family));

	*a = (struct inet_addr){ .family = p ? family : 0 };
	if (p)
		memcpy(a->v6, p, addr_bytes(family));
	return p;
}

/* --- addresses --- */

struct out_filter {
	struct nl_out *o;
	u16 type, family;
	u32 flags;			/* of a route: RTM_F_* */
};

static void put_ifaddr(const struct inet_ifaddr *a, void *arg)
{
	struct out_filter *f = arg;
	struct nl_out *o = f->o;
	struct ifaddrmsg *m;
	u32 forever[4] = { U32_MAX, U32_MAX, 0, 0 };

	if (f->family && f->family != a->addr.family)
		return;
	m = nl_begin(o, f->type, sizeof(*m));
	if (m)
		*m = (struct ifaddrmsg){ (u8)a->addr.family, a->prefix_len, (u8)a->flags, a->scope, a->dev->index };
	put_address(o, IFA_ADDRESS, &a->addr);
	if (a->addr.family == INET_AF_INET) {
		put_address(o, IFA_LOCAL, &a->addr);
		if (*(const u32 *)a->broadcast)
			nl_put(o, IFA_BROADCAST, a->broadcast, 4);
		nl_put_text(o, IFA_LABEL, a->dev->name);
	}
	nl_put_u32(o, IFA_FLAGS, a->flags);
	nl_put(o, IFA_CACHEINFO, forever, sizeof(forever));
	nl_end(o);
}

static int answer_addrs(const struct nl_request *r, struct nl_out *o)
{
	const u8 *family = (const u8 *)(r->h + 1);
	struct out_filter f = { o, RTM_NEWADDR, r->h->len > sizeof(*r->h) ? *family : 0 };

	if (!r->dump)
		return -EOPNOTSUPP;
	inet_addr_for_each(r->net, NULL, put_ifaddr, &f);
	return 0;
}

static int change_addr(const struct nl_in *in, bool add)
{
	const struct ifaddrmsg *m = in->payload;
	struct netdev *dev = netdev_by_index(in->net, m->index);
	struct inet_ifaddr a = { .dev = dev, .prefix_len = m->prefix_len, .scope = m->scope };
	const u8 *broadcast = nl_attr(in, IFA_BROADCAST, 4);

	if (m->family != INET_AF_INET && m->family != INET_AF_INET6)
		return -EAFNOSUPPORT;
	if (!dev)
		return -ENODEV;
	if (!get_address(in, IFA_LOCAL, m->family, &a.addr) &&
	    !get_address(in, IFA_ADDRESS, m->family, &a.addr))
		return -EINVAL;
	if (m->prefix_len > 8 * addr_bytes(m->family))
		return -EINVAL;
	if (!add)
		return inet_addr_del(dev, &a.addr, m->prefix_len);
	a.flags = nl_attr_u32(in, IFA_FLAGS, m->flags) | 0x80;
	if (broadcast && m->family == INET_AF_INET)
		memcpy(a.broadcast, broadcast, 4);
	return inet_addr_add(dev, &a);
}

/* --- routes --- */

static void put_route(const struct inet_route *r, void *arg)
{
	struct out_filter *f = arg;
	struct nl_out *o = f->o;
	struct rtmsg *m = nl_begin(o, f->type, sizeof(*m));
	u8 table = r->type == INET_ROUTE_LOCAL ? RT_TABLE_LOCAL : RT_TABLE_MAIN;

	if (m)
		*m = (struct rtmsg){ .family = (u8)r->family, .dst_len = r->prefix_len, .table = table,
				     .protocol = r->protocol, .scope = r->scope, .type = r->type,
				     .flags = f->flags };
	nl_put_u32(o, RTA_TABLE, table);
	if (r->prefix_len)
		nl_put(o, RTA_DST, r->dst.v6, addr_bytes(r->family));
	if (r->gateway.family)
		put_address(o, RTA_GATEWAY, &r->gateway);
	if (r->source.family)
		put_address(o, RTA_PREFSRC, &r->source);
	if (r->dev)
		nl_put_u32(o, RTA_OIF, r->dev->index);
	if (r->metric)
		nl_put_u32(o, RTA_PRIORITY, r->metric);
	nl_end(o);
}

/*
 * What `ip route get` asks: the way to one address.
 * net_config_lock is held; a look-up does not need it.
 */
static int answer_route_to(const struct nl_request *r, struct nl_out *o)
{
	struct out_filter f = { o, RTM_NEWROUTE, 0 };
	const struct rtmsg *m;
	struct inet_route route;
	struct inet_addr dst;
	struct nl_in in;
	int err = nl_parse(&in, r->h, sizeof(*m));

	if (err)
		return err;
	m = in.payload;
	if ((m->family != INET_AF_INET && m->family != INET_AF_INET6) ||
	    !get_address(&in, RTA_DST, m->family, &dst))
		return -EINVAL;
	err = inet_route_lookup(r->net, &dst, nl_attr_u32(&in, RTA_OIF, 0), &route);
	if (err)
		return err;
	/* The way of one address is nobody's entry. */
	route.dst = dst;
	route.prefix_len = 8 * addr_bytes(m->family);
	route.protocol = route.scope = 0;
	f.flags = RTM_F_CLONED;
	put_route(&route, &f);
	return 0;
}

static int answer_routes(const struct nl_request *r, struct nl_out *o)
{
	const u8 *family = (const u8 *)(r->h + 1);
	struct out_filter f = { o, RTM_NEWROUTE, 0 };
	u16 wanted = r->h->len > sizeof(*r->h) ? *family : 0;

	if (!r->dump)
		return answer_route_to(r, o);
	if (wanted != INET_AF_INET6)
		inet_route_for_each(r->net, INET_AF_INET, put_route, &f);
	if (wanted != INET_AF_INET)
		inet_route_for_each(r->net, INET_AF_INET6, put_route, &f);
	return 0;
}

static int change_route(const struct nl_in *in, bool add)
{
	const struct rtmsg *m = in->payload;
	u32 table = nl_attr_u32(in, RTA_TABLE, m->table), oif = nl_attr_u32(in, RTA_OIF, 0);
	struct inet_route r = {
		.family = m->family, .prefix_len = m->dst_len, .type = m->type ? m->type : INET_ROUTE_UNICAST,
		.protocol = m->protocol, .scope = m->scope, .metric = nl_attr_u32(in, RTA_PRIORITY, 0),
	};
	int err;

	if (m->family != INET_AF_INET && m->family != INET_AF_INET6)
		return -EAFNOSUPPORT;
	if (in->attr[RTA_MULTIPATH] || m->src_len || m->tos)
		return -EOPNOTSUPP;
	if (table && table != RT_TABLE_MAIN && table != RT_TABLE_LOCAL)
		return add ? -EOPNOTSUPP : -ESRCH;
	if (m->dst_len > 8 * addr_bytes(m->family))
		return -EINVAL;
	if (m->dst_len && !get_address(in, RTA_DST, m->family, &r.dst))
		return -EINVAL;
	r.dst.family = m->family;
	(void)get_address(in, RTA_GATEWAY, m->family, &r.gateway);
	(void)get_address(in, RTA_PREFSRC, m->family, &r.source);
	if (oif) {
		r.dev = netdev_by_index(in->net, oif);
		if (!r.dev)
			return -ENODEV;
	}
	if (!add)
		return inet_route_del(in->net, &r);
	err = inet_route_add(in->net, &r);
	if (err != -EEXIST || !(in->h->flags & NLM_F_REPLACE))
		return err;
	/* Replace: the one with the same prefix and metric goes. */
	struct inet_route old = { .family = r.family, .prefix_len = r.prefix_len, .dst = r.dst, .metric = r.metric };

	err = inet_route_del(in->net, &old);
	return err ? err : inet_route_add(in->net, &r);
}

/* --- neighbours --- */

static void put_neigh(const struct inet_neigh *n, void *arg)
{
	struct out_filter *f = arg;
	struct ndmsg *m = nl_begin(f->o, f->type, sizeof(*m));

	if (m)
		*m = (struct ndmsg){ .family = (u8)n->addr.family, .ifindex = n->dev->index, .state = n->state,
				     .type = INET_ROUTE_UNICAST };
	put_address(f->o, NDA_DST, &n->addr);
	if (n->state & ~(INET_NUD_INCOMPLETE | INET_NUD_FAILED))
		nl_put(f->o, NDA_LLADDR, n->mac, ETH_ALEN);
	nl_end(f->o);
}

static int answer_neighs(const struct nl_request *r, struct nl_out *o)
{
	const u8 *family = (const u8 *)(r->h + 1);
	struct out_filter f = { o, RTM_NEWNEIGH, 0 };
	u16 wanted = r->h->len > sizeof(*r->h) ? *family : 0;

	if (!r->dump)
		return -EOPNOTSUPP;
	if (wanted != INET_AF_INET6)
		inet_neigh_for_each(r->net, INET_AF_INET, put_neigh, &f);
	if (wanted != INET_AF_INET)
		inet_neigh_for_each(r->net, INET_AF_INET6, put_neigh, &f);
	return 0;
}

static int change_neigh(const struct nl_in *in, bool add)
{
	const struct ndmsg *m = in->payload;
	const u8 *mac = nl_attr(in, NDA_LLADDR, ETH_ALEN);
	struct inet_neigh n = { .dev = netdev_by_index(in->net, m->ifindex), .state = m->state };

	if (m->family != INET_AF_INET && m->family != INET_AF_INET6)
		return -EAFNOSUPPORT;
	if (!n.dev)
		return -ENODEV;
	if (!get_address(in, NDA_DST, m->family, &n.addr))
		return -EINVAL;
	if (!add)
		return inet_neigh_del(in->net, n.dev, &n.addr);
	if (!mac)
		return -EINVAL;
	memcpy(n.mac, mac, ETH_ALEN);
	return inet_neigh_add(in->net, &n, in->h->flags & NLM_F_REPLACE);
}

/* --- dispatch --- */

static bool is_get(u16 type)
{
	return (type & 3) == 2;
}

static int answer(const struct nl_request *r, struct nl_out *o)
{
	int err;

	mutex_lock(&net_config_lock);
	switch (r->h->type) {
	case RTM_GETLINK:
		err = route_answer_links(r, o);
		break;
	case RTM_GETADDR:
		err = answer_addrs(r, o);
		break;
	case RTM_GETROUTE:
		err = answer_routes(r, o);
		break;
	case RTM_GETNEIGH:
		err = answer_neighs(r, o);
		break;
	default:
		err = -EOPNOTSUPP;
	}
	mutex_unlock(&net_config_lock);
	return err;
}

static u32 payload_of(u16 type)
{
	switch (type) {
	case RTM_NEWLINK:
	case RTM_SETLINK:
	case RTM_DELLINK:
		return sizeof(struct ifinfomsg);
	case RTM_NEWADDR:
	case RTM_DELADDR:
		return sizeof(struct ifaddrmsg);
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		return sizeof(struct rtmsg);
	case RTM_NEWNEIGH:
	case RTM_DELNEIGH:
		return sizeof(struct ndmsg);
	default:
		return 0;
	}
}

static int change(const struct nl_request *r)
{
	u32 payload = payload_of(r->h->type);
	struct nl_in in;
	int err = payload ? nl_parse(&in, r->h, payload) : -EOPNOTSUPP;

	if (err)
		return err;
	in.net = r->net;
	mutex_lock(&net_config_lock);
	switch (r->h->type) {
	case RTM_NEWLINK:
	case RTM_SETLINK:
		err = route_change_link(&in);
		break;
	case RTM_DELLINK:
		err = route_delete_link(&in);
		break;
	case RTM_NEWADDR:
	case RTM_DELADDR:
		err = change_addr(&in, r->h->type == RTM_NEWADDR);
		break;
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		err = change_route(&in, r->h->type == RTM_NEWROUTE);
		break;
	default:
		err = change_neigh(&in, r->h->type == RTM_NEWNEIGH);
	}
	mutex_unlock(&net_config_lock);
	return err;
}

const struct nl_protocol nl_route = {
	.nr = NETLINK_ROUTE, .is_get = is_get, .answer = answer, .change = change,
};

/* --- notices --- */

struct notice {
	enum netdev_event event;
	const struct netdev *dev;
	const void *what;
};

static void make_notice(struct nl_out *o, const void *what)
{
	const struct notice *n = what;
	struct out_filter f = { .o = o };

	switch (n->event) {
	case NETDEV_LINK:
	case NETDEV_LINK_GONE:
		route_put_link(o, n->event == NETDEV_LINK ? RTM_NEWLINK : RTM_DELLINK, n->dev);
		break;
	case NETDEV_ADDRESS_ADDED:
	case NETDEV_ADDRESS_GONE:
		f.type = n->event == NETDEV_ADDRESS_ADDED ? RTM_NEWADDR : RTM_DELADDR;
		put_ifaddr(n->what, &f);
		break;
	default:
		f.type = n->event == NETDEV_ROUTE_ADDED ? RTM_NEWROUTE : RTM_DELROUTE;
		put_route(n->what, &f);
	}
}

static u32 group_of(const struct notice *n)
{
	switch (n->event) {
	case NETDEV_LINK:
	case NETDEV_LINK_GONE:
		return RTNLGRP_LINK;
	case NETDEV_ADDRESS_ADDED:
	case NETDEV_ADDRESS_GONE:
		return ((const struct inet_ifaddr *)n->what)->addr.family == INET_AF_INET ? RTNLGRP_IPV4_IFADDR :
		       RTNLGRP_IPV6_IFADDR;
	default:
		return ((const struct inet_route *)n->what)->family == INET_AF_INET ? RTNLGRP_IPV4_ROUTE :
		       RTNLGRP_IPV6_ROUTE;
	}
}

static void notify(struct net *net, enum netdev_event event, struct netdev *dev, const void *what)
{
	struct notice n = { event, dev, what };

	netlink_notify(net, group_of(&n), make_notice, &n);
}

void __init route_notify_init(void)
{
	netdev_notify = notify;
}
