/* SPDX-License-Identifier: MIT */
/*
 * IPv4 addresses of an interface, in the order in which Linux tells them: each network's first
 * address, by age; then further ones of those networks, "secondary".
 *
 * lwIP knows of one address of an interface: the first of them lies in its netif, the others in a
 * list beside it. Where lwIP asks whether a packet is for us it asks here as well
 * (inet_accepts4(), scripts/lwip.py); answers have the address that the question was for.
 *
 * A network's first address brings the route to it and is the source of what is sent there. When it
 * goes, so do the network's others.
 *
 * The list and the netif's address change under net_config_lock and the locks of all the stack's
 * instances; readers hold one of them, or are in an RCU read section: neighbours are asked for
 * without any of the stack's.
 */
#include <kernel/lib/string.h>
#include <kernel/lock/rcu.h>
#include <kernel/mm/alloc.h>
#include <net/inet/addr4.h>
#include <net/inet/route.h>
#include <net/inet/stack.h>
#include <lwip/ip4_addr.h>

struct addr4 {
	struct list_head node;		/* inet_dev.addrs */
	u32 addr, mask;			/* as in a packet */
	u8 prefix_len, scope;
	bool secondary;
	struct rcu_head rcu;
};

static u32 mask_of(u8 prefix_len)
{
	return prefix_len ? lwip_htonl(~0u << (32 - prefix_len)) : 0;
}

static u8 length_of(u32 mask)
{
	u8 n = 0;

	while (n < 32 && (lwip_htonl(mask) << n) >> 31)
		n++;
	return n;
}

/* The netif's, as words that lie side by side in memory are read: each whole. */
static u32 first_addr(const struct inet_dev *d)
{
	return READ_ONCE(ip_2_ip4(&d->netif.ip_addr)->addr);
}

static u32 first_mask(const struct inet_dev *d)
{
	return READ_ONCE(ip_2_ip4(&d->netif.netmask)->addr);
}

/* --- questions --- */

bool addr4_has_more(const struct inet_dev *d, u32 addr)
{
	const struct addr4 *e;
	bool found = false;

	rcu_read_lock();
	list_for_each_rcu(e, &d->addrs, node)
		found |= e->addr == addr;
	rcu_read_unlock();
	return found;
}

bool addr4_is_broadcast(const struct inet_dev *d, u32 addr)
{
	const struct addr4 *e;
	bool found = false;

	if (list_empty(&d->addrs))
		return false;
	rcu_read_lock();
	list_for_each_rcu(e, &d->addrs, node)
		found |= e->prefix_len < 31 && addr == (e->addr | ~e->mask);
	rcu_read_unlock();
	return found;
}

u32 addr4_primary(const struct inet_dev *d, u32 addr)
{
	const struct addr4 *e;
	u32 mask = 0;

	rcu_read_lock();
	list_for_each_rcu(e, &d->addrs, node)
		if (e->addr == addr && e->secondary)
			mask = e->mask;
	list_for_each_rcu(e, &d->addrs, node)
		if (mask && !e->secondary && e->mask == mask && !((e->addr ^ addr) & mask))
			addr = e->addr;
	rcu_read_unlock();
	if (mask && mask == first_mask(d) && !((first_addr(d) ^ addr) & mask))
		addr = first_addr(d);
	return addr;
}

u32 addr4_source(const struct inet_dev *d, u32 to)
{
	u32 source = first_addr(d);
	const struct addr4 *e;

	if (list_empty(&d->addrs) || !((source ^ to) & first_mask(d)))
		return source;
	rcu_read_lock();
	list_for_each_rcu(e, &d->addrs, node)
		if (!((e->addr ^ to) & e->mask)) {
			source = e->addr;
			break;
		}
	rcu_read_unlock();
	return source;
}

/* --- changes --- */

static struct inet_ifaddr describe(struct netdev *dev, u32 addr, u32 mask, u8 scope, bool secondary)
{
	struct inet_ifaddr a = { .dev = dev, .addr.family = INET_AF_INET, .scope = scope,
				 .flags = IFA_PERMANENT | (secondary ? IFA_SECONDARY : 0),
				 .prefix_len = length_of(mask) };
	u32 broadcast = addr | ~mask;

	memcpy(a.addr.v4, &addr, 4);
	if (!(dev->flags & IFF_LOOPBACK))
		memcpy(a.broadcast, &broadcast, 4);
	return a;
}

static void set_first(struct inet_dev *d, u32 addr, u32 mask)
{
	ip4_addr_t a, m;

	ip4_addr_set_u32(&a, addr);
	ip4_addr_set_u32(&m, mask);
	netif_set_addr(&d->netif, &a, &m, NULL);
}

/* All locks are held. Connections from it end, in every instance. */
static void drop_netif_addr(struct inet_dev *d)
{
	inet_tell_address_gone(d->dev->net->inet->common, first_addr(d));
	netif_set_addr(&d->netif, NULL, NULL, NULL);
}

static void connect(struct netdev *dev, u32 word, u8 prefix_len, bool add)
{
	ip4_addr_t addr;

	ip4_addr_set_u32(&addr, word);
	/* An error: there is one already, or it was taken away by hand. */
	(void)!inet_route_connect(dev, &addr, prefix_len, add);
}

/* Of a network that another address is of, too. */
static bool is_secondary(const struct inet_dev *d, u32 addr, u32 mask)
{
	const struct addr4 *e;

	if (first_mask(d) == mask && !((first_addr(d) ^ addr) & mask))
		return true;
	list_for_each(e, &d->addrs, node)
		if (!e->secondary && e->mask == mask && !((e->addr ^ addr) & mask))
			return true;
	return false;
}

/* Before those that are secondary; itself one: behind all. */
static void insert(struct inet_dev *d, struct addr4 *e)
{
	struct list_head *at = d->addrs.next;

	while (at != &d->addrs && (e->secondary || !list_entry(at, struct addr4, node)->secondary))
		at = at->next;
	list_add_tail(&e->node, at);
}

int addr4_add(struct netdev *dev, const struct inet_ifaddr *a)
{
	struct inet_dev *d = inet_dev_of(dev->netif);
	struct addr4 *e;
	ip4_addr_t addr;
	bool fits;
	u32 word;

	memcpy(&word, a->addr.v4, 4);
	ip4_addr_set_u32(&addr, word);
	if (a->prefix_len > 32 || !word || ip4_addr_ismulticast(&addr))
		return -EINVAL;
	if (addr4_has(d, word))
		return -EEXIST;
	e = kzalloc(sizeof(*e), GFP_KERNEL);
	if (!e)
		return -ENOMEM;
	*e = (struct addr4){ .addr = word, .mask = mask_of(a->prefix_len),
			     .prefix_len = a->prefix_len, .scope = a->scope };
	inet_lock_all(dev->net);
	fits = !first_addr(d);
	if (fits) {
		set_first(d, word, e->mask);
	} else {
		e->secondary = is_secondary(d, word, e->mask);
		insert(d, e);
	}
	inet_unlock_all(dev->net);
	if ((dev->flags & IFF_UP) && (fits || !e->secondary))
		connect(dev, word, a->prefix_len, true);
	if (fits)
		kfree(e);
	return 0;
}

/* Off the list. All locks of the stack are held. */
static void take_off(struct addr4 *e)
{
	list_del_rcu(&e->node);
	kfree_rcu(e, rcu);
}

static struct addr4 *find(const struct inet_dev *d, u32 addr)
{
	struct addr4 *e;

	list_for_each(e, &d->addrs, node)
		if (e->addr == addr)
			return e;
	return NULL;
}

static struct addr4 *find_secondary(const struct inet_dev *d, u32 addr, u32 mask)
{
	struct addr4 *e;

	list_for_each(e, &d->addrs, node)
		if (e->secondary && e->mask == mask && !((e->addr ^ addr) & mask))
			return e;
	return NULL;
}

/* Those that are of the network of an address that goes; each is told of. */
static void drop_secondaries(struct netdev *dev, u32 addr, u32 mask)
{
	struct inet_dev *d = inet_dev_of(dev->netif);
	struct addr4 *e;

	while ((e = find_secondary(d, addr, mask))) {
		struct inet_ifaddr a = describe(dev, e->addr, e->mask, e->scope, true);

		inet_lock_all(dev->net);
		take_off(e);
		inet_unlock_all(dev->net);
		inet_addr_notify(dev, NETDEV_ADDRESS_GONE, &a);
	}
}

/* The netif's address goes; the next network's takes its place. */
static void drop_first(struct inet_dev *d)
{
	struct addr4 *e;

	drop_netif_addr(d);
	if (list_empty(&d->addrs))
		return;
	e = list_first(&d->addrs, struct addr4, node);
	set_first(d, e->addr, e->mask);
	take_off(e);
}

int addr4_del(struct netdev *dev, const struct inet_addr *a, u8 prefix_len)
{
	struct inet_dev *d = inet_dev_of(dev->netif);
	struct addr4 *e;
	bool secondary;
	u32 word, mask;

	memcpy(&word, a->v4, 4);
	if (!addr4_has(d, word))
		return -EADDRNOTAVAIL;
	e = find(d, word);
	mask = e ? e->mask : first_mask(d);
	secondary = e && e->secondary;
	if (!secondary)
		drop_secondaries(dev, word, mask);
	inet_lock_all(dev->net);
	if (e)
		take_off(e);
	else
		drop_first(d);
	inet_unlock_all(dev->net);
	if (!secondary)
		connect(dev, word, length_of(mask), false);
	return 0;
}

void addr4_connect(struct netdev *dev)
{
	struct inet_dev *d = inet_dev_of(dev->netif);
	struct addr4 *e;

	if (first_addr(d))
		connect(dev, first_addr(d), length_of(first_mask(d)), true);
	list_for_each(e, &d->addrs, node)
		if (!e->secondary)
			connect(dev, e->addr, e->prefix_len, true);
}

void addr4_drop(struct netdev *dev)
{
	struct inet_dev *d = inet_dev_of(dev->netif);

	inet_lock_all(dev->net);
	while (!list_empty(&d->addrs))
		take_off(list_first(&d->addrs, struct addr4, node));
	drop_netif_addr(d);
	inet_unlock_all(dev->net);
}

/* --- to be told --- */

void addr4_tell(struct netdev *dev, void (*fn)(const struct inet_ifaddr *a, void *arg), void *arg)
{
	struct inet_dev *d = inet_dev_of(dev->netif);
	u8 scope = dev->flags & IFF_LOOPBACK ? SCOPE_HOST : 0;
	struct inet_ifaddr a;
	struct addr4 *e;

	if (!first_addr(d))
		return;
	a = describe(dev, first_addr(d), first_mask(d), scope, false);
	fn(&a, arg);
	list_for_each(e, &d->addrs, node) {
		a = describe(dev, e->addr, e->mask, e->scope, e->secondary);
		fn(&a, arg);
	}
}
