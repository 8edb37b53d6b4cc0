/* SPDX-License-Identifier: MIT */
/* Internet checksums over packets. */
#include <kernel/lib/string.h>
#include <net/netdev/csum.h>
#include <net/netdev/netdev.h>
#include <net/port/port.h>

/* A piece's sum as it counts behind so many bytes: at an odd place each byte is its neighbour. */
static u16 at_offset(u16 sum, u32 before)
{
	return before & 1 ? net16(sum) : sum;
}

u16 pkt_sum(const struct pkt *pkt, u32 offset, u32 len)
{
	u32 done = 0;
	u16 sum = 0;

	if (offset < pkt->linear) {
		done = min(len, pkt->linear - offset);
		sum = lwip_checksum(pkt->data + offset, (int)done);
	}
	offset -= min(offset, pkt->linear);
	for (u32 i = 0; done < len && i < pkt->nr_frags; i++) {
		const struct pkt_frag *f = &pkt->frags[i];
		const u8 *at;
		u32 n;

		if (offset >= f->len) {
			offset -= f->len;
			continue;
		}
		n = min(len - done, f->len - offset);
		at = (const u8 *)page_address(f->page) + f->offset + offset;
		sum = sum_add(sum, at_offset(lwip_checksum(at, (int)n), done));
		done += n;
		offset = 0;
	}
	return sum;
}

u16 pseudo_sum(const u8 *ip, u32 protocol, u32 bytes)
{
	const u32 *words = (const void *)ip;
	u64 sum = (u64)net16((u16)bytes) + net16((u16)protocol);

	if (ip[0] >> 4 != 4)
		sum += lwip_checksum(ip + 8, 32);
	else if (unlikely((u64)ip & 3))
		sum += lwip_checksum(ip + 12, 8);
	else
		sum += (u64)words[3] + words[4];
	sum = (sum & 0xffff) + (sum >> 16 & 0xffff) + (sum >> 32);
	return sum_add((u16)sum, (u16)(sum >> 16));
}

u16 pkt_tcp_sum(const struct pkt *pkt, u32 ip_len)
{
	u32 bytes = pkt->len - ip_len;

	return sum_add(pseudo_sum(pkt->data, 6, bytes), pkt_sum(pkt, ip_len, bytes));
}
