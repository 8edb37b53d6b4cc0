/* SPDX-License-Identifier: MIT */
/* Where packets go, between the files of net/inet. Lock of an instance held. Design: route.c. */
#pragma once
#include <net/inet/device.h>
#include <net/inet/ep.h>
#include <lwip/ip_addr.h>

/* The interface for dst: device's if not 0, else by route. src may be NULL. NULL: unreachable. */
struct netif *inet_route_for(const ip_addr_t *src, const ip_addr_t *dst, u32 device);
/* The address that a packet to dst comes from. 0, -ENETUNREACH, -ENODEV. */
int inet_source_for(const ip_addr_t *dst, u32 device, ip_addr_t *src);
/* Who is asked for dst's hardware address on that interface: dst, or a gateway. */
void inet_next_hop4(struct netif *n, const ip4_addr_t *dst, ip4_addr_t *hop);
bool inet_is_local(const ip_addr_t *ip);		/* an address of ours */
bool inet_is_broadcast(const ip_addr_t *ip);		/* IPv4, of an interface or of all */
/* To "any" means to this machine: the loopback address that the endpoint can reach. */
void inet_loopback_for(const struct inet_ep *ep, ip_addr_t *ip);
/*
 * Connected and gateway routes of an interface that went down are gone; an address brings its own.
 */
void inet_routes_flush(struct net *net, struct netdev *dev);
void inet_routes_end(struct inet_common *c);	/* those of no interface; all locks held */
int inet_route_connect(struct netdev *dev, const ip4_addr_t *addr, u8 prefix_len, bool add);
