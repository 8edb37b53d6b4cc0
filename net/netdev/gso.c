/* SPDX-License-Identifier: MIT */
/*
 * Segmentation: a TCP segment larger than the peer takes goes through the stack as one packet,
 * and is cut here into those that it takes, for devices that do not do it themselves. So is one
 * that came so from a device and goes out of another.
 *
 * Each has the headers of the large one, with its own length, number, sequence number and
 * checksums; FIN and PSH are the last one's, CWR the first one's. The data are referred to where
 * they lie.
 */
#include <kernel/lib/string.h>
#include <net/netdev/core.h>
#include <net/netdev/csum.h>
#include <net/port/port.h>

#define FLAG_FIN	0x01
#define FLAG_PSH	0x08
#define FLAG_CWR	0x80
#define TCP_PROTOCOL	6

static void put_be16(u8 *at, u32 v)
{
	at[0] = (u8)(v >> 8);
	at[1] = (u8)v;
}

static void put_be32(u8 *at, u32 v)
{
	put_be16(at, v >> 16);
	put_be16(at + 2, v);
}

static u32 be16(const u8 *p)
{
	return (u32)p[0] << 8 | p[1];
}

void pkt_fill_csum(struct pkt *pkt)
{
	u16 *field = (void *)(pkt->data + pkt->csum_start + pkt->csum_offset);
	u16 sum = (u16)~pkt_sum(pkt, pkt->csum_start, pkt->len - pkt->csum_start);

	/* The same number; in UDP 0 says that there is none. */
	*field = sum ? sum : 0xffff;
	pkt->flags &= (u8)~PKT_CSUM_PARTIAL;
}

/* The large packet, and where the next piece begins. */
struct cut {
	const struct pkt *pkt;
	u32 ip_at, tcp_at, headers;
	u32 done, payload;		/* bytes of the payload */
	u32 frag, offset;		/* the next byte of it, once the linear part is used up */
	u16 id;				/* of the first */
	u16 ip_sum, pseudo;		/* of what is the same in all: of the IPv4 header, of the pseudo header */
	u32 seq;
};

/* `part` bytes at `from`, in p's linear part: of what a device has received that is a page. */
static bool take_linear(const struct pkt *p, struct pkt *s, const u8 *from, u32 part)
{
	if (p->page)
		return pkt_add_frag(s, p->page, (u32)(from - (u8 *)page_address(p->page)), part);
	memcpy(pkt_put(s, part), from, part);
	return true;
}

/* n bytes of payload behind the headers of s. */
static bool take_payload(struct cut *c, struct pkt *s, u32 n)
{
	const struct pkt *p = c->pkt;
	u32 linear = p->linear - c->headers;

	if (c->done < linear) {
		u32 part = min(n, linear - c->done);

		if (!take_linear(p, s, p->data + c->headers + c->done, part))
			return false;
		n -= part;
	}
	while (n) {
		const struct pkt_frag *f = &p->frags[c->frag];
		u32 part = min(n, f->len - c->offset);

		if (!pkt_add_frag(s, f->page, f->offset + c->offset, part))
			return false;
		n -= part;
		c->offset += part;
		if (c->offset == f->len) {
			c->frag++;
			c->offset = 0;
		}
	}
	return true;
}

static void set_headers(const struct cut *c, struct pkt *s, u32 number, bool last)
{
	u8 *ip = s->data + c->ip_at, *tcp = s->data + c->tcp_at;
	u32 bytes = s->len - c->tcp_at;

	if (ip[0] >> 4 == 4) {
		u16 *check = (void *)(ip + 10);

		put_be16(ip + 2, s->len - c->ip_at);
		put_be16(ip + 4, c->id + number);
		*check = (u16)~sum_add(c->ip_sum, sum_add(net16((u16)(s->len - c->ip_at)),
							  net16((u16)(c->id + number))));
	} else {
		put_be16(ip + 4, bytes);
	}
	put_be32(tcp + 4, c->seq + c->done);
	if (!last)
		tcp[13] &= (u8)~(FLAG_FIN | FLAG_PSH);
	if (number)
		tcp[13] &= (u8)~FLAG_CWR;
	*(u16 *)(void *)(tcp + 16) = sum_add(c->pseudo, net16((u16)bytes));
}

static struct pkt *next_piece(struct cut *c, u32 number)
{
	const struct pkt *p = c->pkt;
	u32 n = min_t(u32, p->gso_size, c->payload - c->done);
	struct pkt *s = pkt_alloc(GFP_ATOMIC | GFP_NOWARN);

	if (!s)
		return NULL;
	/* The link header goes where it would be pushed. */
	s->data -= c->ip_at;
	memcpy(pkt_put(s, c->headers), p->data, c->headers);
	if (!take_payload(c, s, n)) {
		pkt_free(s);
		return NULL;
	}
	s->dev = p->dev;
	s->protocol = p->protocol;
	s->type = p->type;
	s->csum_start = p->csum_start;
	s->csum_offset = p->csum_offset;
	set_headers(c, s, number, c->done + n == c->payload);
	s->flags |= PKT_CSUM_PARTIAL;
	c->done += n;
	if (!netdev_fills_csum(p->dev, s))
		pkt_fill_csum(s);
	return s;
}

static void free_pieces(struct list_head *pieces)
{
	struct pkt *s, *next;

	list_for_each_safe(s, next, pieces, node)
		pkt_free(s);
}

/* Length and number are each piece's own. The packet may have a clone: nothing of it is changed. */
static u16 common_ip_sum(const u8 *ip, u32 len)
{
	u8 copy[60] __aligned(8);

	len = min_t(u32, len, sizeof(copy));
	memcpy(copy, ip, len);
	memset(copy + 2, 0, 4);
	memset(copy + 10, 0, 2);
	return lwip_checksum(copy, (int)len);
}

bool gso_cut(struct pkt *pkt, struct list_head *out)
{
	u8 *ip = pkt->data + ETH_HLEN, *tcp = pkt->data + pkt->csum_start;
	struct cut c = {
		.pkt = pkt, .ip_at = ETH_HLEN, .tcp_at = pkt->csum_start,
		.pseudo = pseudo_sum(ip, TCP_PROTOCOL, 0),
	};
	LIST_HEAD(pieces);

	c.headers = c.tcp_at + (tcp[12] >> 4) * 4u;
	/* A device may have written to it since it was looked at. */
	if (c.headers >= pkt->len || c.headers > pkt->linear)
		return false;
	c.payload = pkt->len - c.headers;
	if (ip[0] >> 4 == 4) {
		c.id = (u16)be16(ip + 4);
		c.ip_sum = common_ip_sum(ip, c.tcp_at - c.ip_at);
	}
	c.seq = be16(tcp + 4) << 16 | be16(tcp + 6);
	for (u32 number = 0; c.done < c.payload; number++) {
		struct pkt *s = next_piece(&c, number);

		if (!s) {
			free_pieces(&pieces);
			return false;
		}
		list_add_tail(&s->node, &pieces);
	}
	list_splice_tail(&pieces, out);
	pkt_free(pkt);
	return true;
}
