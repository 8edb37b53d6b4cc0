/* SPDX-License-Identifier: MIT */
/*
 * Routes: longest prefix first, among equals the lowest metric.
 *
 * One list of each namespace in exactly that order, so that the first match is the answer.
 * It is short: a machine at the edge of a network has two to ten.
 *
 * Read with the lock of an instance of the stack held, since lwIP asks for every packet; changed
 * with net_config_lock and those of all instances.
 *
 * What is ours is not in the list: an address of an interface of this machine is reached by
 * loopback, whatever the list says. An address brings the route to its network with it
 * (protocol "kernel"), which goes when the address or the interface does. IPv6 routes that
 * routers announce are lwIP's (nd6.c); those given by hand come before them.
 */
#include <kernel/lib/string.h>
#include <net/inet/addr4.h>
#include <net/inet/config.h>
#include <net/inet/route.h>
#include <net/port/port.h>
#include <lwip/ip.h>
#include <lwip/nd6.h>

#define PROTOCOL_KERNEL	2		/* RTPROT_KERNEL */
#define SCOPE_LINK	253

struct route {
	struct list_head node;		/* routes of inet_common */
	struct inet_route r;
};

static u32 addr_bytes(u16 family)
{
	return family == INET_AF_INET ? 4 : 16;
}

/* Do the first n bits agree? */
static bool same_prefix4(const u8 *a, const u8 *b, u32 n)
{
	u32 x, y;

	memcpy(&x, a, 4);
	memcpy(&y, b, 4);
	return !n || !((x ^ y) & lwip_htonl(~0u << (32 - n)));
}

static bool same_prefix(const u8 *a, const u8 *b, u32 n)
{
	if (memcmp(a, b, n / 8))
		return false;
	return !(n % 8) || !((a[n / 8] ^ b[n / 8]) >> (8 - n % 8));
}

static bool matches(const struct inet_route *r, u16 family, const u8 *dst, u32 device)
{
	if (r->family != family || (device && r->dev && r->dev->index != device))
		return false;
	if (r->dev && !(READ_ONCE(r->dev->flags) & IFF_UP))
		return false;
	return family == INET_AF_INET ? same_prefix4(r->dst.v4, dst, r->prefix_len) :
					same_prefix(r->dst.v6, dst, r->prefix_len);
}

static const struct inet_route *find(struct inet_stack *s, u16 family, const void *dst, u32 device)
{
	struct route *e;

	list_for_each(e, &s->common->routes, node)
		if (matches(&e->r, family, dst, device))
			return &e->r;
	return NULL;
}

static bool is_up(const struct netif *n)
{
	return n && netif_is_up(n);
}

static struct netif *loopback(void)
{
	struct net *net = inet_current()->net;

	return net->loopback ? net->loopback->netif : NULL;
}

static bool is_local4(const ip4_addr_t *ip)
{
	struct netif *n;

	if (ip4_addr_isloopback(ip))
		return true;
	if (ip4_addr_isany(ip))
		return false;
	NETIF_FOREACH(n)
		if (is_up(n) && addr4_has(inet_dev_of(n), ip4_addr_get_u32(ip)))
			return true;
	return false;
}

static bool is_local6(const ip6_addr_t *ip)
{
	struct netif *n;

	NETIF_FOREACH(n)
		if (is_up(n) && netif_get_ip6_addr_match(n, ip) >= 0)
			return true;
	return false;
}

bool inet_is_local(const ip_addr_t *ip)
{
	return IP_IS_V6(ip) ? is_local6(ip_2_ip6(ip)) : is_local4(ip_2_ip4(ip));
}

bool inet_is_broadcast(const ip_addr_t *ip)
{
	struct netif *n;

	if (!IP_IS_V4(ip))
		return false;
	if (ip4_addr_get_u32(ip_2_ip4(ip)) == IPADDR_BROADCAST)
		return true;
	/* Loopback's network has one, too. */
	if (ip4_addr_get_u32(ip_2_ip4(ip)) == PP_HTONL(0x7fffffff))
		return true;
	NETIF_FOREACH(n)
	if (is_up(n) && (n->flags & NETIF_FLAG_BROADCAST) &&
	    !ip4_addr_isany_val(*netif_ip4_addr(n)) &&
	    (ip4_addr_isbroadcast(ip_2_ip4(ip), n) ||
	     addr4_is_broadcast(inet_dev_of(n), ip4_addr_get_u32(ip_2_ip4(ip)))))
		return true;
	return false;
}

/* Does a packet to dst that came by n belong here? (scripts/lwip.py puts the question into lwIP) */
bool inet_accepts4(struct netif *n, const ip4_addr_t *dst)
{
	u32 word = ip4_addr_get_u32(dst);

	return (ip4_addr_isloopback(dst) && n == loopback()) || addr4_has(inet_dev_of(n), word) ||
	       addr4_is_broadcast(inet_dev_of(n), word);
}

const ip4_addr_t *inet_asked4(void)
{
	return is_local4(ip4_current_dest_addr()) ? ip4_current_dest_addr() : NULL;
}

/* --- what lwIP asks (net/port/hooks.h) --- */

static struct netif *route_of(const struct inet_route *r)
{
	return r && r->type == INET_ROUTE_UNICAST ? r->dev->netif : NULL;
}

/* No route to a group or to everybody: the interface of the source, else the first that does it. */
static struct netif *default_for_groups(const ip4_addr_t *src)
{
	struct netif *n, *first = NULL;

	NETIF_FOREACH(n) {
		if (!is_up(n) || n == loopback() || ip4_addr_isany_val(*netif_ip4_addr(n)))
			continue;
		if (src && addr4_has(inet_dev_of(n), ip4_addr_get_u32(src)))
			return n;
		first = n;
	}
	return first;
}

/* The way to dst that was found last still is one. */
static bool is_last_way(const struct inet_stack *s, const ip4_addr_t *dst)
{
	return s->way4.generation == s->generation && s->way4.dst == ip4_addr_get_u32(dst);
}

static u32 hop_of(const struct inet_route *r, const ip4_addr_t *dst)
{
	u32 hop = ip4_addr_get_u32(dst);

	if (r && r->gateway.family)
		memcpy(&hop, r->gateway.v4, 4);
	return hop;
}

struct netif *inet_route4(const ip4_addr_t *src, const ip4_addr_t *dst)
{
	struct inet_stack *s = inet_current();
	const struct inet_route *r;
	struct netif *n;

	if (likely(is_last_way(s, dst)))
		return s->way4.out;
	if (is_local4(dst))
		return is_up(loopback()) ? loopback() : NULL;
	r = find(s, INET_AF_INET, dst, 0);
	n = route_of(r);
	if (n)
		s->way4 = (struct inet_way4){ s->generation, ip4_addr_get_u32(dst), hop_of(r, dst), n };
	if (!n && (ip4_addr_ismulticast(dst) || ip4_addr_get_u32(dst) == IPADDR_BROADCAST))
		n = default_for_groups(src);
	return n;
}

struct netif *inet_route6(const ip6_addr_t *src, const ip6_addr_t *dst)
{
	if (is_local6(dst) || ip6_addr_isloopback(dst))
		return is_up(loopback()) ? loopback() : NULL;
	return route_of(find(inet_current(), INET_AF_INET6, dst->addr, 0));
}

const ip6_addr_t *inet_gateway6(struct netif *n, const ip6_addr_t *dst)
{
	struct inet_stack *s = inet_current();
	const struct inet_route *r = find(s, INET_AF_INET6, dst->addr, netif_get_index(n));
	ip6_addr_t *gateway = &s->gateway6;

	if (!r || r->type != INET_ROUTE_UNICAST || !r->gateway.family)
		return NULL;
	memcpy(gateway->addr, r->gateway.v6, 16);
	ip6_addr_clear_zone(gateway);
	ip6_addr_assign_zone(gateway, IP6_UNICAST, n);
	return gateway;
}

/* --- what endpoints ask --- */

void inet_next_hop4(struct netif *n, const ip4_addr_t *dst, ip4_addr_t *hop)
{
	struct inet_stack *s = inet_current();

	/* Of all routes the first: of those by n, too. */
	if (likely(is_last_way(s, dst) && s->way4.out == n))
		ip4_addr_set_u32(hop, s->way4.hop);
	else
		ip4_addr_set_u32(hop, hop_of(find(s, INET_AF_INET, dst, netif_get_index(n)), dst));
}

struct netif *inet_route_for(const ip_addr_t *src, const ip_addr_t *dst, u32 device)
{
	struct netif *n;

	if (device) {
		n = netif_get_by_index((u8_t)device);
		return is_up(n) ? n : NULL;
	}
	if (IP_IS_V6(dst))
		return ip6_route(src ? ip_2_ip6(src) : IP6_ADDR_ANY6, ip_2_ip6(dst));
	return inet_route4(src ? ip_2_ip4(src) : NULL, ip_2_ip4(dst));
}

/* Who speaks to an address of ours: its network's first one, as on Linux. */
static u32 source_here(u32 addr)
{
	struct netif *n;

	NETIF_FOREACH(n)
		if (is_up(n) && addr4_has(inet_dev_of(n), addr))
			return addr4_primary(inet_dev_of(n), addr);
	return lwip_htonl(IPADDR_LOOPBACK);
}

static int source4(const ip4_addr_t *dst, u32 device, ip_addr_t *src)
{
	const struct inet_route *r;
	ip_addr_t dst_ip;
	ip4_addr_t hop;
	struct netif *n;

	if (!device && is_local4(dst)) {
		if (!is_up(loopback()))
			return -ENETUNREACH;
		ip_addr_set_ip4_u32(src, source_here(ip4_addr_get_u32(dst)));
		return 0;
	}
	ip_addr_copy_from_ip4(dst_ip, *dst);
	n = inet_route_for(NULL, &dst_ip, device);
	if (!n)
		return device ? -ENODEV : -ENETUNREACH;
	inet_next_hop4(n, dst, &hop);
	ip_addr_set_ip4_u32(src, addr4_source(inet_dev_of(n), ip4_addr_get_u32(&hop)));
	r = find(inet_current(), INET_AF_INET, dst, netif_get_index(n));
	if (r && r->source.family) {
		u32 word;

		memcpy(&word, r->source.v4, 4);
		ip_addr_set_ip4_u32(src, word);
	}
	return 0;
}

static int source6(const ip6_addr_t *dst, u32 device, ip_addr_t *src)
{
	const ip_addr_t *best;
	ip_addr_t dst_ip;
	struct netif *n;

	if (!device && is_local6(dst)) {
		if (!is_up(loopback()))
			return -ENETUNREACH;
		ip_addr_copy_from_ip6(*src, *dst);
		return 0;
	}
	ip_addr_copy_from_ip6(dst_ip, *dst);
	n = inet_route_for(NULL, &dst_ip, device);
	if (!n)
		return device ? -ENODEV : -ENETUNREACH;
	best = ip6_select_source_address(n, dst);
	if (!best)
		return -EADDRNOTAVAIL;
	ip_addr_copy(*src, *best);
	return 0;
}

int inet_source_for(const ip_addr_t *dst, u32 device, ip_addr_t *src)
{
	return IP_IS_V6(dst) ? source6(ip_2_ip6(dst), device, src) : source4(ip_2_ip4(dst), device, src);
}

void inet_loopback_for(const struct inet_ep *ep, ip_addr_t *ip)
{
	if (IP_IS_V6(ip))
		IP_ADDR6_HOST(ip, 0, 0, 0, 1);
	else
		ip_addr_set_ip4_u32(ip, lwip_htonl(IPADDR_LOOPBACK));
}

/* --- changing the list; net_config_lock and all locks of the stack held --- */

static bool goes_before(const struct inet_route *a, const struct inet_route *b)
{
	if (a->prefix_len != b->prefix_len)
		return a->prefix_len > b->prefix_len;
	return a->metric < b->metric;
}

static void forget_ways(struct inet_common *c)
{
	struct inet_stack *s;

	inet_for_each_shard(c, s)
		s->way4.generation = 0;
}

static void insert(struct inet_stack *s, struct route *e)
{
	struct list_head *routes = &s->common->routes, *at = routes->next;

	while (at != routes && !goes_before(&e->r, &list_entry(at, struct route, node)->r))
		at = at->next;
	list_add_tail(&e->node, at);
	forget_ways(s->common);
}

static bool same_target(const struct inet_route *a, const struct inet_route *b)
{
	return a->family == b->family && a->prefix_len == b->prefix_len &&
	       !memcmp(a->dst.v6, b->dst.v6, addr_bytes(a->family));
}

static void notify(struct net *net, enum netdev_event event, const struct inet_route *r)
{
	inet_config_changed(net->inet);
	if (netdev_notify)
		netdev_notify(net, event, r->dev, r);
}

static void take_off(struct net *net, struct route *e)
{
	struct inet_route gone = e->r;

	list_del(&e->node);
	kfree(e);
	forget_ways(net->inet->common);
	inet_unlock_all(net);
	notify(net, NETDEV_ROUTE_GONE, &gone);
	inet_lock_all(net);
}

/* A gateway is on a link of ours: which? */
static int resolve_gateway(struct inet_stack *s, struct inet_route *r)
{
	const struct inet_route *link =
		find(s, r->family, r->gateway.v6, r->dev ? r->dev->index : 0);

	if (link && !link->gateway.family && link->dev) {
		r->dev = link->dev;
		return 0;
	}
	/* An IPv6 router has a link-local address, which no route need tell of. */
	if (r->family == INET_AF_INET6 && r->dev && r->gateway.v6[0] == 0xfe)
		return 0;
	return -ENETUNREACH;
}

static int add_locked(struct net *net, struct route *e)
{
	struct inet_stack *s = net->inet;
	struct route *old;
	int err;

	list_for_each(old, &s->common->routes, node)
		if (same_target(&old->r, &e->r) && old->r.metric == e->r.metric)
			return -EEXIST;
	if (e->r.gateway.family) {
		err = resolve_gateway(s, &e->r);
		if (err)
			return err;
	}
	insert(s, e);
	return 0;
}

static int check(const struct inet_route *r)
{
	if (r->family != INET_AF_INET && r->family != INET_AF_INET6)
		return -EINVAL;
	if (r->prefix_len > addr_bytes(r->family) * 8)
		return -EINVAL;
	if (r->type != INET_ROUTE_UNICAST && r->type != INET_ROUTE_UNREACHABLE &&
	    r->type != INET_ROUTE_BLACKHOLE)
		return -EOPNOTSUPP;
	if (r->type == INET_ROUTE_UNICAST && !r->dev && !r->gateway.family)
		return -ENODEV;
	if (r->dev && !(r->dev->flags & IFF_UP))
		return -ENETDOWN;
	/* Bits behind the prefix. */
	for (u32 i = r->prefix_len; i < addr_bytes(r->family) * 8; i++)
		if (r->dst.v6[i / 8] & (0x80 >> i % 8))
			return -EINVAL;
	return 0;
}

int inet_route_add(struct net *net, const struct inet_route *r)
{
	struct route *e;
	int err = check(r);

	assert_mutex_held(&net_config_lock);
	if (err)
		return err;
	e = kmalloc(sizeof(*e), GFP_KERNEL);
	if (!e)
		return -ENOMEM;
	e->r = *r;
	inet_lock_all(net);
	err = add_locked(net, e);
	inet_unlock_all(net);
	if (err) {
		kfree(e);
		return err;
	}
	notify(net, NETDEV_ROUTE_ADDED, &e->r);
	return 0;
}

static bool is_meant(const struct inet_route *have, const struct inet_route *r)
{
	if (!same_target(have, r) || (r->dev && r->dev != have->dev) ||
	    (r->metric && r->metric != have->metric))
		return false;
	if (r->type && r->type != have->type)
		return false;
	return !r->gateway.family || (have->gateway.family &&
	       !memcmp(have->gateway.v6, r->gateway.v6, addr_bytes(r->family)));
}

int inet_route_del(struct net *net, const struct inet_route *r)
{
	struct route *e;
	int err = -ESRCH;

	assert_mutex_held(&net_config_lock);
	inet_lock_all(net);
	list_for_each(e, &net->inet->common->routes, node)
		if (is_meant(&e->r, r)) {
			take_off(net, e);
			err = 0;
			break;
		}
	inet_unlock_all(net);
	return err;
}

void inet_route_for_each(struct net *net, u16 family,
			 void (*fn)(const struct inet_route *r, void *arg), void *arg)
{
	struct route *e;

	/* The list changes only under net_config_lock, which the caller holds. */
	assert_mutex_held(&net_config_lock);
	list_for_each(e, &net->inet->common->routes, node)
		if (!family || e->r.family == family)
			fn(&e->r, arg);
}

int inet_route_lookup(struct net *net, const struct inet_addr *dst, u32 ifindex,
		      struct inet_route *out)
{
	struct inet_ep asker = { .family = dst->family };
	const struct inet_route *r;
	ip_addr_t ip, source;
	struct netif *n;
	int err = 0;

	if (!inet_to_ip(&asker, dst, &ip))
		return -EINVAL;
	inet_lock(net->inet);
	n = inet_route_for(NULL, &ip, ifindex);
	if (!n || inet_source_for(&ip, ifindex, &source)) {
		err = -ENETUNREACH;
	} else {
		r = find(net->inet, dst->family, dst->v6, netif_get_index(n));
		*out = (struct inet_route){ .family = dst->family, .type = INET_ROUTE_UNICAST };
		if (inet_is_local(&ip))
			out->type = INET_ROUTE_LOCAL;
		else if (r)
			*out = *r;
		out->dst = *dst;
		out->prefix_len = (u8)(addr_bytes(dst->family) * 8);
		out->dev = inet_dev_of(n)->dev;
		inet_from_ip(&asker, &source, 0, &out->source);
	}
	inet_unlock(net->inet);
	return err;
}

/* --- for interfaces and addresses --- */

void inet_routes_flush(struct net *net, struct netdev *dev)
{
	struct route *e;

	assert_mutex_held(&net_config_lock);
	inet_lock_all(net);
again:
	list_for_each(e, &net->inet->common->routes, node)
		if (e->r.dev == dev) {
			take_off(net, e);
			goto again;
		}
	inet_unlock_all(net);
}

void inet_routes_end(struct inet_common *c)
{
	while (!list_empty(&c->routes)) {
		struct route *e = list_first(&c->routes, struct route, node);

		list_del(&e->node);
		kfree(e);
	}
}

int inet_route_connect(struct netdev *dev, const ip4_addr_t *addr, u8 prefix_len, bool add)
{
	struct inet_route r = {
		.family = INET_AF_INET, .prefix_len = prefix_len, .type = INET_ROUTE_UNICAST,
		.protocol = PROTOCOL_KERNEL, .scope = SCOPE_LINK, .dev = dev,
		.dst.family = INET_AF_INET, .source.family = INET_AF_INET,
	};
	u32 mask = prefix_len ? lwip_htonl(~0u << (32 - prefix_len)) : 0;
	u32 network = ip4_addr_get_u32(addr) & mask;

	/* A network of one has no route; loopback's is local anyway. */
	if (prefix_len == 32 || (dev->flags & IFF_LOOPBACK))
		return 0;
	memcpy(r.dst.v4, &network, 4);
	memcpy(r.source.v4, addr, 4);
	return add ? inet_route_add(dev->net, &r) : inet_route_del(dev->net, &r);
}
