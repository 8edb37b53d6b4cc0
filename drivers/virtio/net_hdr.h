/* SPDX-License-Identifier: MIT */
/* The header before each packet of virtio-net (VIRTIO 1.2, 5.1.6): net_hdr.c. */
#pragma once
#include <kernel/types.h>

struct pkt;

/* Feature bits, 5.1.3 */
#define NET_F_CSUM		BIT(0)
#define NET_F_GUEST_CSUM	BIT(1)
#define NET_F_GUEST_TSO4	BIT(7)
#define NET_F_GUEST_TSO6	BIT(8)
#define NET_F_HOST_TSO4		BIT(11)
#define NET_F_HOST_TSO6		BIT(12)
#define NET_F_MRG_RXBUF		BIT(15)

struct net_hdr {		/* legacy without mergeable buffers ends before nr_buffers */
	u8 flags, gso_type;
	u16 hdr_len, gso_size, csum_start, csum_offset, nr_buffers;
};

/* Of the offloads offered, those that may be asked for together (5.1.3.1), and that we can use. */
u64 net_hdr_choose(u64 features);
/* pkt begins with its link header, and not with this one yet. */
void net_hdr_fill(struct net_hdr *h, const struct pkt *pkt);
/*
 * What the device says of pkt, which begins with its link header. False: it cannot be, and the
 * packet is to be dropped.
 */
bool net_hdr_take(const struct net_hdr *h, struct pkt *pkt, u64 features);
