/* SPDX-License-Identifier: MIT */
/*
 * Receive merging: segments of one TCP connection that came one behind the other go to the stack
 * as one packet.
 *
 * What a segment costs in the stack it costs once for all that were merged; their data stay in
 * the pages that the device filled. Only what would have the same effect singly is merged: in
 * sequence, with the same acknowledgement, window and options, no flags but ACK and at the end
 * PSH, each as long as the first but the last, each with a checksum that was verified. Of
 * acknowledgements without data the last one goes up, for it says what those before it say.
 * Packets are merged within one share of a poll, so nothing ever waits.
 *
 * Taps have seen every packet as it came.
 */
#include <kernel/lib/string.h>
#include <net/netdev/core.h>
#include <net/netdev/csum.h>

#define LOOK_BACK	4		/* packets of the batch that one is compared with; chosen */
#define MERGED_MAX	65535u		/* bytes, with the IP header */
#define TCP_PROTOCOL	6
#define FLAG_PSH	0x08
#define FLAG_ACK	0x10
#define IP_FRAGMENT	0xbf		/* of byte 6: more fragments, the offset's upper bits */

struct segment {
	u8 *ip, *tcp;
	u32 ip_len, tcp_len;		/* of the headers */
	u32 payload;
};

/* Words as they lie; IP and TCP headers begin at multiples of four. */
static u32 word(const u8 *p)
{
	return *(const u32 *)(const void *)p;
}

static u32 half(const u8 *p)
{
	return *(const u16 *)(const void *)p;
}

static u32 be16(const u8 *p)
{
	return (u32)p[0] << 8 | p[1];
}

static u32 be32(const u8 *p)
{
	return be16(p) << 16 | be16(p + 2);
}

/* Bytes of the packet by its IP header; 0: not one whose headers we know. */
static u32 ip_length(const struct pkt *pkt, struct segment *s)
{
	const u8 *ip = s->ip;

	if (pkt->protocol == ETH_P_IP) {
		s->ip_len = 20;
		if (pkt->linear < 40 || ip[0] != 0x45 || ip[9] != TCP_PROTOCOL)
			return 0;
		if ((ip[6] & IP_FRAGMENT) || ip[7])
			return 0;
		return be16(ip + 2);
	}
	s->ip_len = 40;
	if (pkt->linear < 60 || ip[0] >> 4 != 6 || ip[6] != TCP_PROTOCOL)
		return 0;
	return 40 + be16(ip + 4);
}

static bool parse(struct pkt *pkt, struct segment *s)
{
	u32 total;

	s->ip = pkt->data;
	total = ip_length(pkt, s);
	if (!total || total > pkt->len)
		return false;
	s->tcp = s->ip + s->ip_len;
	s->tcp_len = (s->tcp[12] >> 4) * 4u;
	if (s->tcp_len < 20 || s->ip_len + s->tcp_len > min(total, pkt->linear))
		return false;
	/* What an Ethernet adds to short frames. */
	if (total < pkt->len) {
		if (pkt->nr_frags)
			return false;
		pkt->len = pkt->linear = total;
	}
	s->payload = total - s->ip_len - s->tcp_len;
	return true;
}

static bool verify(struct pkt *pkt, const struct segment *s)
{
	if (!(pkt->flags & PKT_CSUM_VALID) && pkt_tcp_sum(pkt, s->ip_len) == 0xffff)
		pkt->flags |= PKT_CSUM_VALID;
	return pkt->flags & PKT_CSUM_VALID;
}

static bool is_same_flow(const struct segment *a, const struct segment *b)
{
	if (word(a->tcp) != word(b->tcp) || a->ip_len != b->ip_len)
		return false;
	if (a->ip_len == 20)
		return word(a->ip + 12) == word(b->ip + 12) && word(a->ip + 16) == word(b->ip + 16);
	return !memcmp(a->ip + 8, b->ip + 8, 32);
}

/* What stays the same while a sender has more to send: service and TTL; window and options. */
static bool is_like(const struct segment *a, const struct segment *b)
{
	bool is_same_way = a->ip_len == 20 ? a->ip[1] == b->ip[1] && a->ip[8] == b->ip[8] :
					     word(a->ip) == word(b->ip) && a->ip[7] == b->ip[7];

	return is_same_way &&
	       half(a->tcp + 14) == half(b->tcp + 14) && a->tcp_len == b->tcp_len &&
	       (a->tcp_len == 20 || !memcmp(a->tcp + 20, b->tcp + 20, a->tcp_len - 20));
}

static bool may_follow(const struct pkt *pkt, const struct segment *a, const struct segment *b)
{
	u32 size = pkt->gso_size ? pkt->gso_size : a->payload;

	if (a->tcp[13] != FLAG_ACK || (b->tcp[13] & ~FLAG_PSH) != FLAG_ACK)
		return false;
	if (b->payload > size || a->payload % size)
		return false;
	return be32(b->tcp + 4) == be32(a->tcp + 4) + a->payload &&
	       word(a->tcp + 8) == word(b->tcp + 8) && is_like(a, b);
}

/* b's data behind a's, by reference. False: no room, or it does not lie in a page. */
static bool append(struct pkt *a, struct pkt *b, const struct segment *s)
{
	u32 headers = s->ip_len + s->tcp_len, here = b->linear - headers;

	if (!b->page || a->len + s->payload > MERGED_MAX ||
	    a->nr_frags + b->nr_frags + 1u > PKT_MAX_FRAGS)
		return false;
	if (here)
		pkt_add_frag(a, b->page,
			     (u32)(b->data + headers - (u8 *)page_address(b->page)), here);
	for (u32 i = 0; i < b->nr_frags; i++)
		pkt_add_frag(a, b->frags[i].page, b->frags[i].offset, b->frags[i].len);
	return true;
}

/* The length in the IP header; IPv4's checksum follows it (RFC 1624). */
static void set_length(struct pkt *pkt, const struct segment *s)
{
	u16 *field = (void *)(s->ip + (s->ip_len == 20 ? 2 : 4)), old = *field;
	u16 *check = (void *)(s->ip + 10);
	u32 sum;

	*field = net16((u16)(s->ip_len == 20 ? pkt->len : pkt->len - 40));
	if (s->ip_len != 20)
		return;
	sum = (u16)~*check + (u32)(u16)~old + *field;
	sum = (sum & 0xffff) + (sum >> 16);
	*check = (u16)~(sum + (sum >> 16));
}

/*
 * A later acknowledgement says all that an earlier one did. Not if it says the same once more:
 * those are counted.
 */
static bool supersedes(const struct segment *a, const struct segment *b)
{
	return a->tcp[13] == FLAG_ACK && b->tcp[13] == FLAG_ACK && a->tcp_len == 20 &&
	       b->tcp_len == 20 && word(a->tcp + 4) == word(b->tcp + 4) &&
	       (s32)(be32(b->tcp + 8) - be32(a->tcp + 8)) > 0;
}

/* The last packet of the same connection among the last ones of the batch; NULL. */
static struct pkt *find_before(struct list_head *batch, const struct pkt *pkt,
			       const struct segment *s, struct segment *found)
{
	struct list_head *at = batch->prev;

	for (u32 n = 0; n < LOOK_BACK && at != batch; n++, at = at->prev) {
		struct pkt *before = container_of(at, struct pkt, node);

		if (before->protocol == pkt->protocol && before->dev == pkt->dev &&
		    parse(before, found) && is_same_flow(found, s))
			return before;
	}
	return NULL;
}

enum gro_result gro_merge(struct list_head *batch, struct pkt *pkt)
{
	struct segment s, t;
	struct pkt *before;

	/* Whatever nothing came before is as it is: the stack looks at its checksum. */
	if (list_empty(batch) || !parse(pkt, &s))
		return GRO_APART;
	before = find_before(batch, pkt, &s, &t);
	if (!before)
		return GRO_APART;
	if (!s.payload) {
		if (t.payload || !supersedes(&t, &s) || !verify(pkt, &s))
			return GRO_APART;
		list_del(&before->node);
		pkt_free(before);
		return GRO_REPLACES;
	}
	if (!t.payload || !may_follow(before, &t, &s) || !verify(before, &t) || !verify(pkt, &s))
		return GRO_APART;
	if (!before->gso_size)
		before->gso_size = (u16)t.payload;
	if (!append(before, pkt, &s))
		return GRO_APART;
	t.tcp[13] |= s.tcp[13] & FLAG_PSH;
	set_length(before, &t);
	pkt_free(pkt);
	return GRO_MERGED;
}
