/* SPDX-License-Identifier: MIT */
/* IPv4 neighbours, between the files of net. Design: neigh.c. */
#pragma once
#include <net/netdev/netdev.h>

/*
 * Send pkt, which begins with its IP header, to the neighbour with that address: now, or when it
 * has answered. Softirqs off; the caller kicks the interface.
 */
void neigh_output4(struct netdev *dev, const u8 *addr, struct pkt *pkt);
void neigh_input_arp(struct pkt *pkt);		/* begins with the ARP header. Softirq */
void neigh_flush(struct netdev *dev, bool permanent);	/* all of an interface; those too? */
void neigh_init(void);
