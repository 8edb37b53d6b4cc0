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
 * IPv4 addresses: addr4.c. 127.0.0.0/8 is loopback's as a whole.
 *
 * Limit: an IPv6 link-local address of this machine can only be reached by others.
 */
#include <kernel/bug.h>
#include <kernel/lib/string.h>
#include <net/inet/config.h>
#include <net/inet/addr4.h>
#include <net/inet/device.h>
#include <net/inet/icmp.h>
#include <net/inet/neigh.h>
#include <net/inet/route.h>
#include <net/inet/stack.h>
#include <net/netdev/csum.h>
#include <net/port/port.h>
#include <lwip/ip.h>
#include <lwip/igmp.h>
#include <lwip/mld6.h>
#include <lwip/nd6.h>
#include <lwip/prot/tcp.h>

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
	bool sound = pkt->flags & PKT_CSUM_VALID;
	struct pbuf *p;

	/* lwIP looks at a header before it looks at the length. */
	if (pkt->linear < (protocol == ETH_P_IP ? IP_HLEN : IP6_HLEN)) {
		pkt_free(pkt);
		return;
	}
	if (protocol == ETH_P_IP ? pkt->data[9] == IP_PROTO_ICMP : pkt->data[6] == IP6_NEXTH_ICMP6) {
		inet_icmp_error(inet_current(), pkt);
		/* Here for the connection alone that it tells of: icmp.c. */
		if (unlikely(inet_current()->index)) {
			pkt_free(pkt);
			return;
		}
	}
	if (is_group_protocol(pkt))
		inet_groups_busy(inet_current());
	p = port_pbuf_of_pkt(pkt);
	if (!p)
		return;
	p->flags |= flags | (sound ? PBUF_FLAG_SOUND : 0);
	if (protocol == ETH_P_IP)
		ip4_input(p, n);
	else
		ip6_input(p, n);
}

/* --- out --- */

/*
 * Data in pages of a send queue, or received. Not pbuf_match_type(): to that, PBUF_REF is the same
 * as PBUF_ROM.
 */
static bool is_in_pages(const struct pbuf *q)
{
	return q->type_internal == PBUF_ROM || port_is_page(q);
}

/* Such a pbuf: it may run on from one into the next, where they lie so in memory. */
static bool add_pages(struct pkt *pkt, const void *data, u32 len)
{
	while (len) {
		u32 offset = (u64)data & (PAGE_SIZE - 1),
		    part = min_t(u32, len, PAGE_SIZE - offset);

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

struct pkt *inet_pkt_copy_of(const struct pbuf *p)
{
	struct pkt *pkt = pkt_alloc(GFP_ATOMIC | GFP_NOWARN);
	u32 done = min_t(u32, p->tot_len, PKT_LINEAR);

	if (!pkt)
		return NULL;
	pbuf_copy_partial(p, pkt_put(pkt, done), (u16_t)done, 0);
	while (done < p->tot_len) {
		u32 n = min_t(u32, PAGE_SIZE, p->tot_len - done);
		struct page *page = page_alloc(GFP_ATOMIC | GFP_NOWARN);

		if (!page) {
			pkt_free(pkt);
			return NULL;
		}
		pbuf_copy_partial(p, page_address(page), (u16_t)n, (u16_t)done);
		(void)pkt_add_frag(pkt, page, 0, n);
		page_put(page);
		done += n;
	}
	return pkt;
}

/* A segment of TCP's: its checksum is made below, and it may have to be cut. */
static void mark_tcp(const struct netdev *dev, struct pkt *pkt, u16 gso_size)
{
	bool v4 = pkt->protocol == ETH_P_IP;
	u32 ip_len = v4 ? (pkt->data[0] & 15) * 4u : IP6_HLEN, bytes = pkt->len - ip_len;
	struct tcp_hdr *h = (void *)(pkt->data + ip_len);

	h->chksum = pseudo_sum(pkt->data, IP_PROTO_TCP, bytes);
	pkt->flags |= PKT_CSUM_PARTIAL;
	pkt->csum_start = (u16)(ETH_HLEN + ip_len);
	pkt->csum_offset = offsetof(struct tcp_hdr, chksum);
	gso_size = (u16)min_t(u32, gso_size, dev->mtu - ip_len - TCPH_HDRLEN_BYTES(h));
	if (bytes - TCPH_HDRLEN_BYTES(h) <= gso_size)
		return;
	pkt->gso_size = gso_size;
	pkt->gso_type = v4 ? PKT_GSO_TCP4 : PKT_GSO_TCP6;
}

static struct pkt *pkt_of_pbufs(const struct netdev *dev, const struct pbuf *p, u16 protocol)
{
	struct pkt *pkt = pkt_alloc(GFP_ATOMIC | GFP_NOWARN);

	if (!pkt)
		return NULL;
	for (const struct pbuf *q = p; q; q = q->next)
		if (!add_pbuf(pkt, q)) {
			pkt_free(pkt);
			/* More pieces than a packet can refer to. */
			pkt = inet_pkt_copy_of(p);
			break;
		}
	if (!pkt)
		return NULL;
	pkt->protocol = protocol;
	if ((p->flags & PBUF_FLAG_TCP) && !(dev->features & NETDEV_NO_CSUM))
		mark_tcp(dev, pkt, inet_current()->gso_size);
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

/* Into a header that is made: its checksum (RFC 1624) follows, where there is one. */
static void set_dont_fragment(struct pkt *pkt)
{
	u8 *h = pkt->data;
	u32 sum = (u32)h[10] << 8 | h[11];

	h[6] |= 0x40;
	if (!sum)
		return;
	sum = (~sum & 0xffff) + 0x4000;
	sum = ~((sum & 0xffff) + (sum >> 16)) & 0xffff;
	h[10] = (u8)(sum >> 8);
	h[11] = (u8)sum;
}

/* To this machine: by the interface's queue only where somebody wants to see it. */
static err_t loop_back(struct inet_dev *d, struct pkt *pkt)
{
	struct netdev *lo = d->dev;

	if (netdev_is_watched(lo) || !(READ_ONCE(lo->flags) & IFF_UP))
		return transmit(d, pkt, no_mac);
	pkt->dev = lo;
	pkt->type = PKT_HOST;
	pkt->flags |= PKT_CSUM_VALID;
	netdev_count_looped(lo, pkt->len + ETH_HLEN);
	inet_loop(pkt);
	return ERR_OK;
}

static void group_mac4(u8 *mac, const ip4_addr_t *group)
{
	const u8 *a = (const u8 *)group;

	memcpy(mac, (const u8[]){ 0x01, 0x00, 0x5e, a[1] & 0x7f, a[2], a[3] }, ETH_ALEN);
}

static void group_mac6(u8 *mac, const ip6_addr_t *group)
{
	mac[0] = mac[1] = 0x33;
	memcpy(mac + 2, &group->addr[3], 4);
}

static err_t output4(struct netif *n, struct pbuf *p, const ip4_addr_t *dst)
{
	struct inet_dev *d = inet_dev_of(n);
	struct pkt *pkt = pkt_of_pbufs(d->dev, p, ETH_P_IP);
	u8 mac[ETH_ALEN];
	ip4_addr_t hop;
	u32 word;

	if (!pkt)
		return ERR_MEM;
	if (unlikely(inet_current()->dont_fragment))
		set_dont_fragment(pkt);
	if (d->dev->flags & IFF_LOOPBACK)
		return loop_back(d, pkt);
	if (ip4_addr_ismulticast(dst)) {
		group_mac4(mac, dst);
		return transmit(d, pkt, mac);
	}
	if (ip4_addr_isbroadcast(dst, n) || addr4_is_broadcast(d, ip4_addr_get_u32(dst)))
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
	u8 group[ETH_ALEN];
	struct pkt *pkt;
	err_t err;

	if (ip6_addr_ismulticast(dst)) {
		group_mac6(group, dst);
		mac = group;
	} else if (!(d->dev->flags & IFF_LOOPBACK)) {
		err = nd6_get_next_hop_addr_or_queue(n, p, dst, &mac);
		if (err != ERR_OK || !mac)
			return err;
	}
	pkt = pkt_of_pbufs(d->dev, p, ETH_P_IPV6);
	if (!pkt)
		return ERR_MEM;
	return mac == no_mac ? loop_back(d, pkt) : transmit(d, pkt, mac);
}

/* --- interfaces --- */

static u16 mtu_of(const struct netdev *dev)
{
	return (u16)min(dev->mtu, 65535u);
}

static void change_group(struct netif *n, const u8 *mac, enum netif_mac_filter_action action)
{
	struct netdev *dev = inet_dev_of(n)->dev;

	if (action == NETIF_ADD_MAC_FILTER)
		netdev_group_join(dev, mac);
	else
		netdev_group_leave(dev, mac);
}

static err_t change_group4(struct netif *n, const ip4_addr_t *group,
			   enum netif_mac_filter_action action)
{
	u8 mac[ETH_ALEN];

	group_mac4(mac, group);
	change_group(n, mac, action);
	return ERR_OK;
}

static err_t change_group6(struct netif *n, const ip6_addr_t *group,
			   enum netif_mac_filter_action action)
{
	u8 mac[ETH_ALEN];

	group_mac6(mac, group);
	change_group(n, mac, action);
	return ERR_OK;
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
	n->igmp_mac_filter = change_group4;
	n->mld_mac_filter = change_group6;
	n->flags = NETIF_FLAG_LINK_UP;
	if (!(dev->flags & IFF_LOOPBACK))
		n->flags |= NETIF_FLAG_BROADCAST | NETIF_FLAG_IGMP | NETIF_FLAG_MLD6 |
			    NETIF_FLAG_ETHARP;
	/* Addresses come by configuration, and from routers once it is up. */
	netif_set_ip6_autoconfig_enabled(n, !(dev->flags & IFF_LOOPBACK));
	if (dev->features & NETDEV_NO_CSUM)
		NETIF_SET_CHECKSUM_CTRL(n, NETIF_CHECKSUM_DISABLE_ALL);
	else
		NETIF_SET_CHECKSUM_CTRL(n, NETIF_CHECKSUM_ENABLE_ALL & ~NETIF_CHECKSUM_GEN_TCP);
	return ERR_OK;
}

/* Every node is in this group, without having joined it (RFC 4291 2.8). */
static const u8 all_nodes[ETH_ALEN] = { 0x33, 0x33, 0, 0, 0, 1 };

int inet_attach(struct netdev *dev)
{
	struct inet_dev *d = dev->netif ? inet_dev_of(dev->netif) : kmalloc(sizeof(*d), GFP_KERNEL);

	if (!d)
		return -ENOMEM;
	memset(d, 0, sizeof(*d));
	d->dev = dev;
	list_init(&d->addrs);
	dev->netif = &d->netif;
	inet_lock_all(dev->net);
	BUG_ON(!netif_add(&d->netif, NULL, NULL, NULL, d, netif_setup, ip_input));
	/* It chose one that is free; of lwIP's numbers nobody has taken note yet. */
	d->netif.num = (u8)(dev->index - 1);
	inet_share_interfaces(dev->net->inet->common);
	inet_unlock_all(dev->net);
	netdev_group_join(dev, all_nodes);
	return 0;
}

void inet_detach(struct netdev *dev)
{
	struct inet_common *c = dev->net->inet->common;

	netdev_group_leave(dev, all_nodes);
	addr4_drop(dev);
	inet_lock_all(dev->net);
	for (s8 i = 0; i < LWIP_IPV6_NUM_ADDRESSES; i++)
		netif_ip6_addr_set_state(dev->netif, i, IP6_ADDR_INVALID);
	inet_drop_from(c, dev);
	/* Neighbours that asked since it went down. */
	nd6_cleanup_netif(dev->netif);
	netif_remove(dev->netif);
	inet_share_interfaces(c);
	inet_unlock_all(dev->net);
	neigh_flush(dev, true);
}

void inet_free(struct netdev *dev)
{
	struct inet_dev *d = inet_dev_of(dev->netif);

	kfree_rcu(d, rcu);
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

	inet_lock_all(dev->net);
	if (dev->flags & IFF_LOOPBACK)
		set_loopback_addresses(n);
	else
		netif_create_ip6_linklocal_address(n, 1);
	netif_set_up(n);
	inet_groups_busy(s);
	inet_devices_changed(s);
	inet_unlock_all(dev->net);
	inet_config_changed(s);
	addr4_connect(dev);
}

void inet_device_down(struct netdev *dev)
{
	struct inet_stack *s = dev->net->inet;

	inet_routes_flush(dev->net, dev);
	neigh_flush(dev, false);
	inet_lock_all(dev->net);
	netif_set_down(dev->netif);
	if (!(dev->flags & IFF_LOOPBACK))
		for (s8 i = 0; i < LWIP_IPV6_NUM_ADDRESSES; i++)
			netif_ip6_addr_set_state(dev->netif, i, IP6_ADDR_INVALID);
	inet_unlock_all(dev->net);
	inet_config_changed(s);
}

void inet_device_changed(struct netdev *dev)
{
	inet_lock_all(dev->net);
	dev->netif->mtu = mtu_of(dev);
	dev->netif->mtu6 = dev->netif->mtu;
	memcpy(dev->netif->hwaddr, dev->mac, ETH_ALEN);
	inet_unlock_all(dev->net);
	neigh_flush(dev, false);
}

bool inet_any_device_up(struct net *net)
{
	struct netdev *dev;

	list_for_each_rcu(dev, &net->devices, node)
		if ((dev->flags & IFF_UP) && !(dev->flags & IFF_LOOPBACK))
			return true;
	return false;
}

/* --- addresses; net_config_lock held --- */

void inet_addr_notify(struct netdev *dev, enum netdev_event event, const struct inet_ifaddr *a)
{
	inet_config_changed(dev->net->inet);
	if (netdev_notify)
		netdev_notify(dev->net, event, dev, a);
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
	inet_lock_all(dev->net);
	if (netif_get_ip6_addr_match(dev->netif, &addr) >= 0) {
		code = ERR_USE;
	} else {
		code = netif_add_ip6_address(dev->netif, &addr, &slot);
		if (code == ERR_OK)
			netif_ip6_addr_set_state(dev->netif, slot, dev->flags & IFF_LOOPBACK ?
						 IP6_ADDR_PREFERRED : IP6_ADDR_TENTATIVE);
		inet_groups_busy(dev->net->inet);
	}
	inet_unlock_all(dev->net);
	return code == ERR_OK ? 0 : code == ERR_USE ? -EEXIST : -ENOSPC;
}

int inet_addr_add(struct netdev *dev, const struct inet_ifaddr *a)
{
	int err;

	assert_mutex_held(&net_config_lock);
	if (a->addr.family != INET_AF_INET && a->addr.family != INET_AF_INET6)
		return -EINVAL;
	err = a->addr.family == INET_AF_INET ? addr4_add(dev, a) : add6(dev, a);
	if (!err)
		inet_addr_notify(dev, NETDEV_ADDRESS_ADDED, a);
	return err;
}

static int del6(struct netdev *dev, const struct inet_addr *a)
{
	ip6_addr_t addr;
	s8 slot;

	memset(&addr, 0, sizeof(addr));
	memcpy(addr.addr, a->v6, 16);
	ip6_addr_assign_zone(&addr, IP6_UNICAST, dev->netif);
	inet_lock_all(dev->net);
	slot = netif_get_ip6_addr_match(dev->netif, &addr);
	if (slot >= 0)
		netif_ip6_addr_set_state(dev->netif, slot, IP6_ADDR_INVALID);
	inet_unlock_all(dev->net);
	return slot >= 0 ? 0 : -EADDRNOTAVAIL;
}

int inet_addr_del(struct netdev *dev, const struct inet_addr *addr, u8 prefix_len)
{
	struct inet_ifaddr a = { .dev = dev, .addr = *addr, .prefix_len = prefix_len };
	int err;

	assert_mutex_held(&net_config_lock);
	err = addr->family == INET_AF_INET ? addr4_del(dev, addr, prefix_len) :
	      addr->family == INET_AF_INET6 ? del6(dev, addr) : -EINVAL;
	if (!err)
		inet_addr_notify(dev, NETDEV_ADDRESS_GONE, &a);
	return err;
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

void inet_addr_for_each(struct net *net, struct netdev *only,
			void (*fn)(const struct inet_ifaddr *a, void *arg), void *arg)
{
	struct netdev *dev;

	assert_mutex_held(&net_config_lock);
	netdev_for_each(net, dev) {
		if (only && dev != only)
			continue;
		inet_lock(net->inet);
		addr4_tell(dev, fn, arg);
		tell6(dev, fn, arg);
		inet_unlock(net->inet);
	}
}
