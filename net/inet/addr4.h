/* SPDX-License-Identifier: MIT */
/* IPv4 addresses of interfaces, between the files of net/inet. Design: addr4.c. */
#pragma once
#include <net/inet/config.h>
#include <net/inet/device.h>

/* As Linux numbers them. */
#define IFA_SECONDARY	0x01
#define IFA_TENTATIVE	0x40
#define IFA_PERMANENT	0x80
#define SCOPE_LINK	253
#define SCOPE_HOST	254

/* --- net_config_lock held --- */
int addr4_add(struct netdev *dev, const struct inet_ifaddr *a);
int addr4_del(struct netdev *dev, const struct inet_addr *a, u8 prefix_len);
void addr4_connect(struct netdev *dev);		/* it is up: routes to its networks */
void addr4_drop(struct netdev *dev);		/* all of them, for good */
/* the stack's lock held as well */
void addr4_tell(struct netdev *dev, void (*fn)(const struct inet_ifaddr *a, void *arg), void *arg);
/* device.c: an address came or went. */
void inet_addr_notify(struct netdev *dev, enum netdev_event event, const struct inet_ifaddr *a);

/* --- any context; words as in a packet --- */
bool addr4_has_more(const struct inet_dev *d, u32 addr);	/* behind the first */
static inline bool addr4_has(const struct inet_dev *d, u32 addr)
{
	if (READ_ONCE(ip_2_ip4(&d->netif.ip_addr)->addr) == addr)
		return addr;
	return unlikely(!list_empty(&d->addrs)) && addr4_has_more(d, addr);
}
/* of one of its networks, but the first address's */
bool addr4_is_broadcast(const struct inet_dev *d, u32 addr);
/* the first of the network of addr, which is one of its addresses */
u32 addr4_primary(const struct inet_dev *d, u32 addr);
/* Who it is to whoever is at `to` on the link: 0: nobody. */
u32 addr4_source(const struct inet_dev *d, u32 to);
