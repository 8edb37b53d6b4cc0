/* SPDX-License-Identifier: MIT */
/*
 * Internet checksums over packets (RFC 1071). Sums are
 * folded to 16 bits, in the order of memory, not inverted.
 */
#pragma once
#include <net/netdev/pkt.h>

/* Of bytes [offset, offset + len) of the packet, which are there. */
u16 pkt_sum(const struct pkt *pkt, u32 offset, u32 len);
/*
 * Of the pseudo header of an IP packet (at ip, of that
 * protocol) with so many bytes behind the IP header.
 */
u16 pseudo_sum(const u8 *ip, u32 protocol, u32 bytes);
/*
 * Of a TCP segment with its pseudo header, whose IP header of ip_len bytes is at pkt->data:
 * 0xffff if its checksum is right.
 */
u16 pkt_tcp_sum(const struct pkt *pkt, u32 ip_len);

/* One's complement addition. */
static inline u16 sum_add(u16 a, u16 b)
{
	u32 sum = (u32)a + b;

	return (u16)(sum + (sum >> 16));
}
