/* SPDX-License-Identifier: MIT */
/*
 * Addresses, routes and neighbours: what ip(8), ifconfig(8), route(8) and arp(8) change and
 * show. Everything with net_config_lock held, in thread context, unless it says otherwise.
 */
#pragma once
#include <net/inet/inet.h>
#include <net/netdev/netdev.h>

/* --- addresses --- */

struct inet_ifaddr {
	struct netdev *dev;
	struct inet_addr addr;		/* family and address */
	u8 prefix_len;
	u8 scope;			/* as rtnetlink: 0 universe, 253 link, 254 host */
	u32 flags;			/* IFA_F_*: 0x80 permanent, 0x40 tentative, 0x01 secondary */
	u8 broadcast[4];		/* IPv4 */
};
/*
 * -EEXIST: it has it already. -ENOSPC: IPv6, and all places are taken. -ENOMEM, -EINVAL.
 */
int __must_check inet_addr_add(struct netdev *dev, const struct inet_ifaddr *a);
/* -EADDRNOTAVAIL */
int __must_check inet_addr_del(struct netdev *dev, const struct inet_addr *addr, u8 prefix_len);
/* fn for each address of dev (NULL: of every interface); it may not sleep nor change them. */
void inet_addr_for_each(struct net *net, struct netdev *dev,
			void (*fn)(const struct inet_ifaddr *a, void *arg), void *arg);

/* --- routes --- */

#define INET_ROUTE_UNICAST	1	/* as rtnetlink's RTN_*, RTPROT_*, RT_SCOPE_* */
#define INET_ROUTE_LOCAL	2
#define INET_ROUTE_UNREACHABLE	7
#define INET_ROUTE_BLACKHOLE	6

struct inet_route {
	u16 family;
	u8 prefix_len;
	u8 type, protocol, scope;
	struct inet_addr dst;		/* bits behind prefix_len are 0 */
	struct inet_addr gateway;	/* family 0: on the link */
	struct inet_addr source;	/* preferred; family 0: the interface's */
	struct netdev *dev;
	u32 metric;			/* lower wins among equal prefixes */
};
/*
 * -EEXIST, -ENETUNREACH (gateway not on a link), -EINVAL,
 * -ENODEV (no interface, or it is down), -ENOMEM.
 */
int __must_check inet_route_add(struct net *net, const struct inet_route *r);
/*
 * The first that has all that r gives (gateway, dev and metric count where they are set). -ESRCH.
 */
int __must_check inet_route_del(struct net *net, const struct inet_route *r);
void inet_route_for_each(struct net *net, u16 family,
			 void (*fn)(const struct inet_route *r, void *arg), void *arg);
/*
 * The route to dst, as `ip route get` shows it; source
 * filled in. -ENETUNREACH. net_config_lock need not be held.
 */
int __must_check inet_route_lookup(struct net *net, const struct inet_addr *dst, u32 ifindex,
				   struct inet_route *out);

/* --- neighbours --- */

#define INET_NUD_INCOMPLETE	0x01	/* as rtnetlink's NUD_* */
#define INET_NUD_REACHABLE	0x02
#define INET_NUD_STALE		0x04
#define INET_NUD_DELAY		0x08
#define INET_NUD_PROBE		0x10
#define INET_NUD_FAILED		0x20
#define INET_NUD_PERMANENT	0x80

struct inet_neigh {
	struct netdev *dev;
	struct inet_addr addr;
	u8 mac[ETH_ALEN];
	u16 state;			/* INET_NUD_* */
};
/*
 * Permanent, or reachable as if it had answered. -EINVAL, -EEXIST (unless replace), -ENOMEM; IPv6:
 * -EOPNOTSUPP.
 */
int __must_check inet_neigh_add(struct net *net, const struct inet_neigh *n, bool replace);
/* -ENOENT */
int __must_check inet_neigh_del(struct net *net, struct netdev *dev, const struct inet_addr *addr);
void inet_neigh_for_each(struct net *net, u16 family, void (*fn)(const struct inet_neigh *n, void *arg), void *arg);

/* --- from netdev.c --- */
#define INET_DEVICES_MAX	254	/* of a namespace, and their highest number: lwIP's are bytes */
/* Into its namespace, by its number. -ENOMEM, but not where it was attached before. */
int __must_check inet_attach(struct netdev *dev);
/*
 * Out of it: no addresses, no packets, no neighbours. It is down, and no longer among the devices of
 * its namespace; who saw it there is through.
 */
void inet_detach(struct netdev *dev);
void inet_free(struct netdev *dev);			/* detached: a grace period later */
void inet_device_up(struct netdev *dev);
void inet_device_down(struct netdev *dev);
void inet_device_changed(struct netdev *dev);		/* MTU or MAC address */
