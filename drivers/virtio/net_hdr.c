/* SPDX-License-Identifier: MIT */
/*
 * virtio-net's header: checksums and segments that one side leaves to the other.
 *
 * What is sent may lack its TCP checksum, and be a segment larger than the peer takes, where the
 * device does the rest. What is received may lack it, too: it comes from the host itself, or the
 * device has verified it. Then nothing of it needs a look; but where it is sent on (a bridge),
 * the checksum is made and the segment cut as if it were our own.
 *
 * So the places that the device names are believed only inside the packet's linear part, and a
 * size of segments only for what we would find ourselves: TCP behind an Ethernet and an IP
 * header that lie there whole, in segments of at least GSO_LEAST bytes. Any other is a packet like
 * others, however large.
 */
#include <drivers/virtio/net_hdr.h>
#include <kernel/lib/string.h>
#include <net/netdev/netdev.h>

#define HDR_NEEDS_CSUM	1
#define HDR_DATA_VALID	2
#define GSO_ECN		0x80	/* beside the type */
#define GSO_LEAST	48u	/* chosen: Linux sends no smaller segments (tcp_min_snd_mss) */

#define TCP_PROTOCOL	6
#define TCP_CSUM_AT	16u
#define TCP_HEADER	20u

u64 net_hdr_choose(u64 features)
{
	if (!(features & NET_F_CSUM))
		features &= ~(NET_F_HOST_TSO4 | NET_F_HOST_TSO6);
	/* A large one takes many buffers. */
	if (!(features & NET_F_GUEST_CSUM) || !(features & NET_F_MRG_RXBUF))
		features &= ~(NET_F_GUEST_TSO4 | NET_F_GUEST_TSO6);
	return features;
}

void net_hdr_fill(struct net_hdr *h, const struct pkt *pkt)
{
	if (!(pkt->flags & PKT_CSUM_PARTIAL))
		return;
	h->flags = HDR_NEEDS_CSUM;
	h->csum_start = pkt->csum_start;
	h->csum_offset = pkt->csum_offset;
	if (!pkt->gso_size)
		return;
	h->gso_type = pkt->gso_type;
	h->gso_size = pkt->gso_size;
	h->hdr_len = (u16)(pkt->csum_start + (pkt->data[pkt->csum_start + 12] >> 4) * 4);
}

/* Bytes of the IP header of a TCP packet of that type; 0: it is none, or does not lie there. */
static u32 ip_header(const struct pkt *pkt, u8 type)
{
	const struct ethhdr *eth = (const void *)pkt->data;
	const u8 *ip = pkt->data + ETH_HLEN;

	if (type == PKT_GSO_TCP4)
		return pkt->linear >= ETH_HLEN + 20 && eth->protocol == net16(ETH_P_IP) &&
		       ip[0] >> 4 == 4 && ip[9] == TCP_PROTOCOL ? (ip[0] & 15) * 4u : 0;
	return pkt->linear >= ETH_HLEN + 40 && eth->protocol == net16(ETH_P_IPV6) &&
	       ip[0] >> 4 == 6 && ip[6] == TCP_PROTOCOL ? 40 : 0;
}

static void take_gso(struct pkt *pkt, u8 type, u32 size)
{
	u32 ip_len = ip_header(pkt, type), tcp = ETH_HLEN + ip_len, headers;

	if (ip_len < 20 || pkt->csum_start != tcp || pkt->csum_offset != TCP_CSUM_AT ||
	    pkt->linear < tcp + TCP_HEADER)
		return;
	headers = tcp + (pkt->data[tcp + 12] >> 4) * 4u;
	if (headers < tcp + TCP_HEADER || headers > pkt->linear || size < GSO_LEAST ||
	    pkt->len <= headers + size)
		return;
	pkt->gso_type = type;
	pkt->gso_size = (u16)size;
}

bool net_hdr_take(const struct net_hdr *from, struct pkt *pkt, u64 features)
{
	struct net_hdr h;
	u8 type;

	if (!(features & NET_F_GUEST_CSUM))
		return true;
	/* The device may write to it at any time. */
	memcpy(&h, from, offsetof(struct net_hdr, nr_buffers));
	type = h.gso_type & (u8)~GSO_ECN;
	if (h.flags & HDR_DATA_VALID)
		pkt->flags |= PKT_CSUM_VALID;
	if (!(h.flags & HDR_NEEDS_CSUM))
		return !type;
	if (h.csum_start < ETH_HLEN || (h.csum_start + h.csum_offset) % 2 ||
	    h.csum_start + h.csum_offset + 2u > pkt->linear)
		return false;
	pkt->flags |= PKT_CSUM_VALID | PKT_CSUM_PARTIAL;
	pkt->csum_start = h.csum_start;
	pkt->csum_offset = h.csum_offset;
	if ((type == PKT_GSO_TCP4 && (features & NET_F_GUEST_TSO4)) ||
	    (type == PKT_GSO_TCP6 && (features & NET_F_GUEST_TSO6)))
		take_gso(pkt, type, h.gso_size);
	else if (type)
		return false;
	return true;
}
