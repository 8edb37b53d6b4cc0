/* SPDX-License-Identifier: MIT */
/*
 * Interfaces as the stack has them: lwIP's netif beside each netdev, packets between the two,
 * addresses.
 *
 * In: a pkt becomes a chain of pbufs that lie over its memory. The first uses room in the pkt
 * itself; each frag has one of its own with the frag's reference, since TCP takes chains apart.
 * Out: headers are copied into a fresh pkt, data in pages is referred to, anything
 * else copied. So no pbuf of lwIP's ever waits for a device.
 *
 * Limit: an interface has one IPv4 address (127.0.0.0/8 is loopback's as a whole), and an IPv6
 * link-local address of this machine can only be reached by others.
 */
#include <kernel/bug.h>
#include <kernel/lib/string.h>
#include <net/inet/config.h>
#include <net/inet/device.h>
#include <net/inet/icmp.h>
#include <net/inet/neigh.h>
#include <net/inet/route.h>
#include <net/inet/stack.h>
#include <net/port/port.h>
#include <lwip/ip.h>
#include <lwip/igmp.h>
#include <lwip/mld6.h>
#include <lwip/nd6.h>

#define IFA_PERMANENT	0x80
#define IFA_TENTATIVE	0x40
#define SCOPE_LINK	253
#define SCOPE_HOST	254

/* --- in --- */

/* Membership protocols and their timers. */
static bool is_group_protocol(const struct pkt *pkt)
{
	return pkt->protocol == ETH_P_IP && pkt->linear > 9 && pkt->data[9] == IP_PROTO_IGMP;
}

void inet_input_pkt(struct pkt *pkt)
{
	struct netif *n = pkt->dev->netif;
	u16 protocol = pkt->protocol;
	u8 flags = pkt->type == PKT_BROADCAST ? PBUF_FLAG_LLBCAST : pkt->type == PKT_MULTICAST ? PBUF_FLAG_LLMCAST : 0;
	struct pbuf *p;

	/* lwIP looks at a header before it looks at the length. */
	if (pkt->linear < (protocol == ETH_P_IP ? IP_HLEN : IP6_HLEN)) {
		pkt_free(pkt);
		return;
	}
	inet_icmp_error(inet_current(), pkt);
	if (is_group_protocol(pkt))
		inet_groups_busy(inet_current());
	p = port_pbuf_of_pkt(pkt);
	if (!p)
		return;
	p->flags |= flags;
	if (protocol == ETH_P_IP)
		ip4_input(p, n);
	else
		ip6_input(p, n);
}

/* --- out --- */

/* Data in pages of a send queue. Not pbuf_match_type(): to that, PBUF_REF is the same. */
static bool is_in_pages(const struct pbuf *q)
{
	return q->type_internal == PBUF_ROM;
}

/* Pages of a ROM pbuf: it may run on from one into the next, where they lie so in memory. */
static bool add_pages(struct pkt *pkt, const void *data, u32 len)
{
	while (len) {
		u32 offset = (u64)data & (PAGE_SIZE - 1), part = min_t(u32, len, PAGE_SIZE - offset);

		if (!pkt_add_frag(pkt, virt_to_page(data), offset, part))
			return false;
		data = (const u8 *)data + part;
		len -= part;
	}
	return true;
}

static bool add_pbuf(struct pkt *pkt, const struct pbuf *q)
{
	const u8 *data = q->payload;
	u32 len = q->len, part;

	/* A small piece behind the headers costs less as a copy than as a page. */
	if (!pkt->nr_frags && (len <= 64 || !is_in_pages(q))) {
		part = min(len, PKT_LINEAR - pkt->linear);
		memcpy(pkt_put(pkt, part), data, part);
		data += part;
		len -= part;
	}
	if (is_in_pages(q))
		return add_pages(pkt, data, len);
	return pkt_append_copy(pkt, data, len, GFP_ATOMIC | GFP_NOWARN);
}

static struct pkt *pkt_of_pbufs(const struct pbuf *p, u16 protocol)
{
	struct pkt *pkt = pkt_alloc(GFP_ATOMIC | GFP_NOWARN);

	if (!pkt)
		return NULL;
	for (const struct pbuf *q = p; q; q = q->next)
		if (!add_pbuf(pkt, q)) {
			pkt_free(pkt);
			return NULL;
		}
	pkt->protocol = protocol;
	return pkt;
}

static err_t transmit(struct inet_dev *d, struct pkt *pkt, const u8 *mac)
{
	struct ethhdr *eth = (void *)pkt_push(pkt, ETH_HLEN);

	memcpy(eth->dst, mac, ETH_ALEN);
	memcpy(eth->src, d->dev->mac, ETH_ALEN);
	eth->protocol = net16(pkt->protocol);
	netdev_transmit(d->dev, pkt);
	inet_kick_later(d);
	return ERR_OK;
}

static const u8 no_mac[ETH_ALEN];

static err_t output4(struct netif *n, struct pbuf *p, const ip4_addr_t *dst)
{
	struct inet_dev *d = inet_dev_of(n);
	struct pkt *pkt = pkt_of_pbufs(p, ETH_P_IP);
	const u8 *a = (const u8 *)dst;
	u8 mac[ETH_ALEN] = { 0x01, 0x00, 0x5e, a[1] & 0x7f, a[2], a[3] };
	ip4_addr_t hop;
	u32 word;

	if (!pkt)
		return ERR_MEM;
	if (d->dev->flags & IFF_LOOPBACK)
		return transmit(d, pkt, no_mac);
	if (ip4_addr_ismulticast(dst))
		return transmit(d, pkt, mac);
	if (ip4_addr_isbroadcast(dst, n))
		return transmit(d, pkt, d->dev->broadcast);
	inet_next_hop4(n, dst, &hop);
	word = ip4_addr_get_u32(&hop);
	neigh_output4(d->dev, (const u8 *)&word, pkt);
	inet_kick_later(d);
	return ERR_OK;
}

static err_t output6(struct netif *n, struct pbuf *p, const ip6_addr_t *dst)
{
	struct inet_dev *d = inet_dev_of(n);
	const u8 *mac = no_mac;
	u8 group[ETH_ALEN] = { 0x33, 0x33 };
	struct pkt *pkt;
	err_t err;

	if (ip6_addr_ismulticast(dst)) {
		memcpy(group + 2, &dst->addr[3], 4);
		mac = group;
	} else if (!(d->dev->flags & IFF_LOOPBACK)) {
		err = nd6_get_next_hop_addr_or_queue(n, p, dst, &mac);
		if (err != ERR_OK || !mac)
			return err;
	}
	pkt = pkt_of_pbufs(p, ETH_P_IPV6);
	return pkt ? transmit(d, pkt, mac) : ERR_MEM;
}

/* --- interfaces --- */

static u16 mtu_of(const struct netdev *dev)
{
	return (u16)min(dev->mtu, 65535u);
}

static err_t netif_setup(struct netif *n)
{
	struct netdev *dev = inet_dev_of(n)->dev;

	memcpy(n->name, dev->name, 2);
	n->mtu = mtu_of(dev);
	n->hwaddr_len = ETH_ALEN;
	memcpy(n->hwaddr, dev->mac, ETH_ALEN);
	n->output = output4;
	n->output_ip6 = output6;
	n->flags = NETIF_FLAG_LINK_UP;
	if (!(dev->flags & IFF_LOOPBACK))
		n->flags |= NETIF_FLAG_BROADCAST | NETIF_FLAG_IGMP | NETIF_FLAG_MLD6 | NETIF_FLAG_ETHARP;
	/* Addresses come by configuration, and from routers once it is up. */
	netif_set_ip6_autoconfig_enabled(n, !(dev->flags & IFF_LOOPBACK));
	if (dev->features & NETDEV_NO_CSUM)
		NETIF_SET_CHECKSUM_CTRL(n, NETIF_CHECKSUM_DISABLE_ALL);
	return ERR_OK;
}

int inet_attach(struct netdev *dev)
{
	struct inet_stack *s = dev->net->inet;
	struct inet_dev *d = kzalloc(sizeof(*d), GFP_KERNEL);
	struct netif *n;

	if (!d)
		return -ENOMEM;
	d->dev = dev;
	inet_lock(s);
	n = netif_add(&d->netif, NULL, NULL, NULL, d, netif_setup, ip_input);
	inet_unlock(s);
	if (!n) {
		kfree(d);
		return -ENFILE;
	}
	/* lwIP numbers in the order of registration, as netdev_register() does. */
	BUG_ON(netif_get_index(n) != dev->index);
	dev->netif = n;
	return 0;
}

static void set_loopback_addresses(struct netif *n)
{
	ip4_addr_t addr, mask;

	if (ip4_addr_isany_val(*netif_ip4_addr(n))) {
		ip4_addr_set_u32(&addr, lwip_htonl(IPADDR_LOOPBACK));
		ip4_addr_set_u32(&mask, lwip_htonl(0xff000000));
		netif_set_addr(n, &addr, &mask, NULL);
	}
	netif_ip6_addr_set_parts(n, 0, 0, 0, 0, lwip_htonl(1));
	netif_ip6_addr_set_state(n, 0, IP6_ADDR_PREFERRED);
}

void inet_device_up(struct netdev *dev)
{
	struct inet_stack *s = dev->net->inet;
	struct netif *n = dev->netif;
	ip4_addr_t addr;
	u8 prefix = 0;

	inet_lock(s);
	if (dev->flags & IFF_LOOPBACK)
		set_loopback_addresses(n);
	else
		netif_create_ip6_linklocal_address(n, 1);
	netif_set_up(n);
	inet_groups_busy(s);
	inet_devices_changed(s);
	addr = *netif_ip4_addr(n);
	while (prefix < 32 && (lwip_htonl(ip4_addr_get_u32(netif_ip4_netmask(n))) << prefix) >> 31)
		prefix++;
	inet_unlock(s);
	/* The address was kept while it was down; its route was not. An error: there is one already. */
	if (!ip4_addr_isany_val(addr))
		(void)!inet_route_connect(dev, &addr, prefix, true);
}

void inet_device_down(struct netdev *dev)
{
	struct inet_stack *s = dev->net->inet;

	inet_routes_flush(dev->net, dev);
	neigh_flush(dev);
	inet_lock(s);
	netif_set_down(dev->netif);
	if (!(dev->flags & IFF_LOOPBACK))
		for (s8 i = 0; i < LWIP_IPV6_NUM_ADDRESSES; i++)
			netif_ip6_addr_set_state(dev->netif, i, IP6_ADDR_INVALID);
	inet_unlock(s);
}

void inet_device_changed(struct netdev *dev)
{
	inet_lock(dev->net->inet);
	dev->netif->mtu = mtu_of(dev);
	dev->netif->mtu6 = dev->netif->mtu;
	memcpy(dev->netif->hwaddr, dev->mac, ETH_ALEN);
	inet_unlock(dev->net->inet);
	neigh_flush(dev);
}

bool inet_any_device_up(struct net *net)
{
	struct netdev *dev;

	list_for_each_rcu(dev, &net->devices, node)
		if ((dev->flags & IFF_UP) && !(dev->flags & IFF_LOOPBACK))
			return true;
	return false;
}

/* --- addresses; config_lock held --- */

static void notify(struct netdev *dev, enum netdev_event event, const struct inet_ifaddr *a)
{
	if (netdev_notify)
		netdev_notify(dev->net, event, dev, a);
}

static int add4(struct netdev *dev, const struct inet_ifaddr *a)
{
	struct netif *n = dev->netif;
	ip4_addr_t addr, mask;
	int err = 0;
	u32 word;

	memcpy(&word, a->addr.v4, 4);
	ip4_addr_set_u32(&addr, word);
	ip4_addr_set_u32(&mask, a->prefix_len ? lwip_htonl(~0u << (32 - a->prefix_len)) : 0);
	if (a->prefix_len > 32 || ip4_addr_isany_val(addr) || ip4_addr_ismulticast(&addr))
		return -EINVAL;
	inet_lock(dev->net->inet);
	if (ip4_addr_eq(netif_ip4_addr(n), &addr))
		err = -EEXIST;
	else if (!ip4_addr_isany_val(*netif_ip4_addr(n)))
		err = -ENOSPC;
	else
		netif_set_addr(n, &addr, &mask, NULL);
	inet_unlock(dev->net->inet);
	if (!err && (dev->flags & IFF_UP))
		(void)!inet_route_connect(dev, &addr, a->prefix_len, true);
	return err;
}

static int add6(struct netdev *dev, const struct inet_ifaddr *a)
{
	ip6_addr_t addr;
	err_t code;
	s8 slot;

	memset(&addr, 0, sizeof(addr));
	memcpy(addr.addr, a->addr.v6, 16);
	if (a->prefix_len > 128 || ip6_addr_isany(&addr) || ip6_addr_ismulticast(&addr))
		return -EINVAL;
	inet_lock(dev->net->inet);
	if (netif_get_ip6_addr_match(dev->netif, &addr) >= 0) {
		code = ERR_USE;
	} else {
		code = netif_add_ip6_address(dev->netif, &addr, &slot);
		if (code == ERR_OK)
			netif_ip6_addr_set_state(dev->netif, slot, dev->flags & IFF_LOOPBACK ?
						 IP6_ADDR_PREFERRED : IP6_ADDR_TENTATIVE);
		inet_groups_busy(dev->net->inet);
	}
	inet_unlock(dev->net->inet);
	return code == ERR_OK ? 0 : code == ERR_USE ? -EEXIST : -ENOSPC;
}

int inet_addr_add(struct netdev *dev, const struct inet_ifaddr *a)
{
	int err;

	assert_mutex_held(&dev->net->config_lock);
	if (a->addr.family != INET_AF_INET && a->addr.family != INET_AF_INET6)
		return -EINVAL;
	err = a->addr.family == INET_AF_INET ? add4(dev, a) : add6(dev, a);
	if (!err)
		notify(dev, NETDEV_ADDRESS_ADDED, a);
	return err;
}

static int del4(struct netdev *dev, const struct inet_addr *a, u8 prefix_len)
{
	struct netif *n = dev->netif;
	ip4_addr_t addr;
	int err = -EADDRNOTAVAIL;
	u32 word;

	memcpy(&word, a->v4, 4);
	ip4_addr_set_u32(&addr, word);
	inet_lock(dev->net->inet);
	if (!ip4_addr_isany_val(addr) && ip4_addr_eq(netif_ip4_addr(n), &addr)) {
		netif_set_addr(n, NULL, NULL, NULL);
		err = 0;
	}
	inet_unlock(dev->net->inet);
	/* It may have been taken away by hand before. */
	if (!err)
		(void)!inet_route_connect(dev, &addr, prefix_len, false);
	return err;
}

static int del6(struct netdev *dev, const struct inet_addr *a)
{
	ip6_addr_t addr;
	s8 slot;

	memset(&addr, 0, sizeof(addr));
	memcpy(addr.addr, a->v6, 16);
	ip6_addr_assign_zone(&addr, IP6_UNICAST, dev->netif);
	inet_lock(dev->net->inet);
	slot = netif_get_ip6_addr_match(dev->netif, &addr);
	if (slot >= 0)
		netif_ip6_addr_set_state(dev->netif, slot, IP6_ADDR_INVALID);
	inet_unlock(dev->net->inet);
	return slot >= 0 ? 0 : -EADDRNOTAVAIL;
}

int inet_addr_del(struct netdev *dev, const struct inet_addr *addr, u8 prefix_len)
{
	struct inet_ifaddr a = { .dev = dev, .addr = *addr, .prefix_len = prefix_len };
	int err;

	assert_mutex_held(&dev->net->config_lock);
	err = addr->family == INET_AF_INET ? del4(dev, addr, prefix_len) :
	      addr->family == INET_AF_INET6 ? del6(dev, addr) : -EINVAL;
	if (!err)
		notify(dev, NETDEV_ADDRESS_GONE, &a);
	return err;
}

static void tell4(struct netdev *dev, void (*fn)(const struct inet_ifaddr *a, void *arg), void *arg)
{
	struct netif *n = dev->netif;
	u32 addr = ip4_addr_get_u32(netif_ip4_addr(n)), mask = ip4_addr_get_u32(netif_ip4_netmask(n));
	struct inet_ifaddr a = { .dev = dev, .addr.family = INET_AF_INET, .flags = IFA_PERMANENT };
	u32 broadcast = addr | ~mask;

	if (!addr)
		return;
	while (a.prefix_len < 32 && (lwip_htonl(mask) << a.prefix_len) >> 31)
		a.prefix_len++;
	a.scope = dev->flags & IFF_LOOPBACK ? SCOPE_HOST : 0;
	memcpy(a.addr.v4, &addr, 4);
	if (!(dev->flags & IFF_LOOPBACK))
		memcpy(a.broadcast, &broadcast, 4);
	fn(&a, arg);
}

static void tell6(struct netdev *dev, void (*fn)(const struct inet_ifaddr *a, void *arg), void *arg)
{
	for (s8 i = 0; i < LWIP_IPV6_NUM_ADDRESSES; i++) {
		const ip6_addr_t *ip = netif_ip6_addr(dev->netif, i);
		u8 state = netif_ip6_addr_state(dev->netif, i);
		struct inet_ifaddr a = { .dev = dev, .addr.family = INET_AF_INET6, .prefix_len = 64 };

		if (ip6_addr_isinvalid(state))
			continue;
		memcpy(a.addr.v6, ip->addr, 16);
		a.flags = (netif_ip6_addr_isstatic(dev->netif, i) ? IFA_PERMANENT : 0) |
			  (ip6_addr_istentative(state) ? IFA_TENTATIVE : 0);
		if (ip6_addr_isloopback(ip)) {
			a.prefix_len = 128;
			a.scope = SCOPE_HOST;
		} else if (ip6_addr_islinklocal(ip)) {
			a.scope = SCOPE_LINK;
		}
		fn(&a, arg);
	}
}

void inet_addr_for_each(struct net *net, struct netdev *only, void (*fn)(const struct inet_ifaddr *a, void *arg),
			void *arg)
{
	struct netdev *dev;

	assert_mutex_held(&net->config_lock);
	netdev_for_each(net, dev) {
		if (only && dev != only)
			continue;
		inet_lock(net->inet);
		tell4(dev, fn, arg);
		tell6(dev, fn, arg);
		inet_unlock(net->inet);
	}
}
