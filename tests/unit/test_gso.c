/* SPDX-License-Identifier: MIT */
/*
 * Large TCP segments cut (gso.c) and merged again (gro.c), judged byte by byte: a segment is built
 * from its description, and what comes out is compared with what the description says of it.
 */
#include <kernel/lib/string.h>
#include <net/netdev/core.h>
#include <net/netdev/csum.h>
#include <unit.h>
#include "world.h"

#define FIN	0x01
#define PSH	0x08
#define ACK	0x10
#define CWR	0x80
#define ALIGN	2u		/* of the Ethernet header in a page: IP begins at a word */

/* A TCP packet behind an Ethernet header. */
struct kind {
	bool v6;
	u32 ip_options, tcp_options;	/* bytes */
	u8 flags;
	u32 id, seq;
};

static u32 ip_bytes(const struct kind *k)
{
	return k->v6 ? 40 : 20 + k->ip_options;
}

static u32 head_bytes(const struct kind *k)
{
	return ETH_HLEN + ip_bytes(k) + 20 + k->tcp_options;
}

static void put16(u8 *at, u32 v)
{
	at[0] = (u8)(v >> 8);
	at[1] = (u8)v;
}

static void put32(u8 *at, u32 v)
{
	put16(at, v >> 16);
	put16(at + 2, v & 0xffff);
}

/* One byte after the other, as RFC 1071 has it; not folded. */
static u32 plain_sum(const u8 *p, u32 len, u32 sum)
{
	for (u32 i = 0; i < len; i++)
		sum += i % 2 ? p[i] : (u32)p[i] << 8;
	return sum;
}

static u32 folded(u32 sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static u32 pseudo(const struct kind *k, const u8 *ip, u32 bytes)
{
	return plain_sum(ip + (k->v6 ? 8 : 12), k->v6 ? 32 : 8, 6 + bytes);
}

static u8 payload_at(u32 i)
{
	return (u8)(i * 31 + i / 251 + (i >> 13));
}

/* The bytes of the packet with n bytes of payload, from the one at `from` on. The length. */
static u32 build(const struct kind *k, u32 from, u32 n, u8 *f)
{
	u8 *ip = f + ETH_HLEN, *tcp = ip + ip_bytes(k);
	u32 tcp_bytes = 20 + k->tcp_options + n;

	memset(f, 0, head_bytes(k));
	memcpy(f, (const u8[]){ 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2 }, 12);
	put16(f + 12, k->v6 ? ETH_P_IPV6 : ETH_P_IP);
	for (u32 i = 0; i < (k->v6 ? 32 : 8); i++)
		ip[(k->v6 ? 8 : 12) + i] = (u8)(0xf1 - 3 * i);
	if (k->v6) {
		put32(ip, 0x6b412345);
		put16(ip + 4, tcp_bytes);
		ip[6] = 6;
		ip[7] = 61;
	} else {
		ip[0] = (u8)(0x45 + k->ip_options / 4);
		ip[1] = 0xb4;
		put16(ip + 2, ip_bytes(k) + tcp_bytes);
		put16(ip + 4, k->id & 0xffff);
		ip[6] = 0x40;
		ip[8] = 61;
		ip[9] = 6;
		memset(ip + 20, 1, k->ip_options);
		put16(ip + 10, ~folded(plain_sum(ip, ip_bytes(k), 0)));
	}
	put16(tcp, 40001);
	put16(tcp + 2, 80);
	put32(tcp + 4, k->seq + from);
	put32(tcp + 8, 0x89abcdef);
	tcp[12] = (u8)((20 + k->tcp_options) * 4);
	tcp[13] = k->flags;
	put16(tcp + 14, 0x1234);
	for (u32 i = 0; i < k->tcp_options; i++)
		tcp[20 + i] = (u8)(1 + i * 7);
	for (u32 i = 0; i < n; i++)
		tcp[20 + k->tcp_options + i] = payload_at(from + i);
	put16(tcp + 16, ~folded(plain_sum(tcp, tcp_bytes, pseudo(k, ip, tcp_bytes))));
	return head_bytes(k) + n;
}

static u8 flat[70000], wanted[70000];

/* Does pkt have these bytes? */
static bool is(const struct pkt *pkt, const u8 *bytes, u32 len)
{
	if (pkt->len != len)
		return false;
	pkt_copy(pkt, 0, flat, len);
	return !memcmp(flat, bytes, len);
}

/* As a device receives it: what goes into a page first, then pieces of `step` bytes. */
static struct pkt *in_pages(const u8 *bytes, u32 len, u32 linear, u32 step)
{
	struct pkt *p = pkt_alloc(0);

	p->page = page_alloc(0);
	p->data = (u8 *)page_address(p->page) + ALIGN;
	memcpy(pkt_put(p, linear), bytes, linear);
	for (u32 at = linear; at < len; at += step) {
		struct page *page = page_alloc(0);
		u32 n = min(step, len - at);

		/* Not at its begin. */
		memcpy((u8 *)page_address(page) + 3, bytes + at, n);
		EXPECT_TRUE(pkt_add_frag(p, page, 3, n));
		page_put(page);
	}
	return p;
}

static struct netdev device = { .mtu = 1500 };

/* The whole as the stack sends it, or a device has received it: a large segment. */
static struct pkt *large(const struct kind *k, u32 payload, u32 mss, u32 linear_payload, u32 step)
{
	u32 len = build(k, 0, payload, wanted), tcp = ETH_HLEN + ip_bytes(k);
	struct pkt *p;

	put16(wanted + tcp + 16, folded(pseudo(k, wanted + ETH_HLEN, len - tcp)));
	p = in_pages(wanted, len, head_bytes(k) + linear_payload, step);
	p->dev = &device;
	p->protocol = k->v6 ? ETH_P_IPV6 : ETH_P_IP;
	p->flags = PKT_CSUM_PARTIAL;
	p->csum_start = (u16)tcp;
	p->csum_offset = 16;
	p->gso_type = k->v6 ? PKT_GSO_TCP6 : PKT_GSO_TCP4;
	p->gso_size = (u16)mss;
	return p;
}

static bool cut_well(const struct kind *k, u32 payload, u32 mss, u32 linear_payload, u32 step)
{
	struct pkt *p = large(k, payload, mss, linear_payload, step), *s, *next;
	u32 done = 0, number = 0, tcp = ETH_HLEN + ip_bytes(k);
	bool well = true;
	LIST_HEAD(out);

	if (!gso_cut(p, &out)) {
		pkt_free(p);
		return false;
	}
	list_for_each_safe(s, next, &out, node) {
		u32 n = min(mss, payload - done), len;
		struct kind piece = *k;

		piece.id = k->id + number++;
		if (done + n < payload)
			piece.flags &= (u8)~(FIN | PSH);
		if (done)
			piece.flags &= (u8)~CWR;
		len = build(&piece, done, n, wanted);
		if (device.features)
			put16(wanted + tcp + 16, folded(pseudo(k, wanted + ETH_HLEN, len - tcp)));
		well = well && is(s, wanted, len) && !s->gso_size && s->protocol == (k->v6 ? ETH_P_IPV6 : ETH_P_IP) &&
		       s->csum_start == tcp && s->csum_offset == 16 &&
		       !(s->flags & PKT_CSUM_PARTIAL) == !device.features;
		done += n;
		pkt_free(s);
	}
	return well && done == payload;
}

static const u32 sizes[] = { 1, 99, 100, 101, 199, 200, 201, 1460, 1461, 2920, 9001, 40000 };

TEST(pieces_are_what_would_have_been_sent)
{
	world_start();
	for (u32 i = 0; i < 2 * 3 * ARRAY_SIZE(sizes); i++) {
		struct kind k = { .v6 = i % 2, .tcp_options = (const u32[]){ 0, 12, 40 }[i / 2 % 3],
				  .ip_options = i % 4 ? 0 : 8, .flags = ACK | PSH | FIN | CWR,
				  .id = 0xfffe, .seq = 0xfffff000 };
		u32 payload = sizes[i / 6], most = min(payload, 1500u);

		device.features = i % 7 ? 0 : NETDEV_CSUM;
		EXPECT_TRUE(cut_well(&k, payload, payload > 9000 ? 1460 : 100, 0, 4000));
		EXPECT_TRUE(cut_well(&k, payload, 1447, most, 3999));
		EXPECT_TRUE(cut_well(&k, payload, 536, most / 2, 4093));
	}
	device.features = 0;
	world_end();
}

TEST(a_packet_that_cannot_be_cut_stays)
{
	struct kind k = { .flags = ACK };
	struct pkt *p;
	LIST_HEAD(out);

	world_start();
	p = large(&k, 5000, 100, 50, 4000);
	world_fail_one_in = 20;
	EXPECT_TRUE(!gso_cut(p, &out));
	world_fail_one_in = 0;
	EXPECT_TRUE(list_empty(&out));
	build(&k, 0, 5000, wanted);
	memcpy(wanted + 50, p->data + 50, 2);
	EXPECT_TRUE(is(p, wanted, 5054));
	/* Headers that reach beyond what is there, or have nothing behind them. */
	p->data[46] = 0xf0;
	p->linear -= 50;
	EXPECT_TRUE(!gso_cut(p, &out));
	p->linear += 50;
	pkt_free(p);
	p = large(&k, 0, 100, 0, 1);
	EXPECT_TRUE(!gso_cut(p, &out));
	pkt_free(p);
	world_end();
}

/* --- merging --- */

/* A received segment, without its Ethernet header. */
static struct pkt *segment(const struct kind *k, u32 from, u32 n)
{
	u32 len = build(k, from, n, wanted);
	struct pkt *p = in_pages(wanted, len, min_t(u32, len, PAGE_SIZE - ALIGN), 4000);

	p->dev = &device;
	p->protocol = k->v6 ? ETH_P_IPV6 : ETH_P_IP;
	pkt_pull(p, ETH_HLEN);
	return p;
}

static enum gro_result offer(struct list_head *batch, struct pkt *p)
{
	enum gro_result r = gro_merge(batch, p);

	if (r != GRO_MERGED)
		list_add_tail(&p->node, batch);
	return r;
}

static u32 drop_batch(struct list_head *batch)
{
	struct pkt *p, *next;
	u32 n = 0;

	list_for_each_safe(p, next, batch, node) {
		pkt_free(p);
		n++;
	}
	list_init(batch);
	return n;
}

TEST(what_was_cut_is_merged_to_what_it_was)
{
	world_start();
	for (u32 i = 0; i < 2 * 2 * ARRAY_SIZE(sizes); i++) {
		struct kind k = { .v6 = i % 2, .tcp_options = i & 2 ? 12 : 0, .flags = ACK,
				  .id = 77, .seq = 0xfffff000 };
		u32 payload = min(sizes[i / 4], 17 * 1400u), len, merged = 0;
		struct pkt *whole;
		LIST_HEAD(batch);

		for (u32 at = 0; at < payload; at += 1400) {
			k.flags = at + 1400 < payload ? ACK : ACK | PSH;
			k.id = 77 + at / 1400;
			merged += offer(&batch, segment(&k, at, min(1400u, payload - at))) == GRO_MERGED;
		}
		EXPECT_EQ(merged, (payload - 1) / 1400);
		whole = list_first(&batch, struct pkt, node);
		k.id = 77;
		k.flags = ACK | PSH;
		len = build(&k, 0, payload, wanted) - ETH_HLEN;
		/* TCP's own checksum is the first one's: nobody looks at it any more. */
		memcpy(wanted + ETH_HLEN + ip_bytes(&k) + 16, whole->data + ip_bytes(&k) + 16, 2);
		EXPECT_TRUE(is(whole, wanted + ETH_HLEN, len));
		EXPECT_EQ(whole->gso_size, merged ? 1400 : 0);
		EXPECT_TRUE(!merged || whole->flags & PKT_CSUM_VALID);
		EXPECT_EQ(drop_batch(&batch), 1);
	}
	world_end();
}

/* Does b, of 100 bytes behind a's 100 bytes, change what it is told to and still follow? */
static enum gro_result after_change(bool v6, u32 at, u8 bits, bool fix)
{
	struct kind k = { .v6 = v6, .tcp_options = 12, .flags = ACK };
	struct pkt *b;
	u8 *tcp;
	enum gro_result r;
	LIST_HEAD(batch);

	offer(&batch, segment(&k, 0, 100));
	b = segment(&k, 100, 100);
	b->data[at] ^= bits;
	tcp = b->data + ip_bytes(&k);
	put16(tcp + 16, 0);
	if (fix)
		put16(tcp + 16, ~folded(plain_sum(tcp, 132, pseudo(&k, b->data, 132))));
	r = offer(&batch, b);
	drop_batch(&batch);
	return r;
}

/* Every bit of the headers but those that say nothing of the stream: see why beside them. */
static bool may_differ(bool v6, u32 at, u8 bit)
{
	u32 tcp = v6 ? 40 : 20;

	if (at >= tcp)
		return (at == tcp + 13 && bit == PSH) || at == tcp + 16 || at == tcp + 17 ||
		       /* reserved, and an urgent pointer without its flag */
		       (at == tcp + 12 && bit < 16) || at == tcp + 18 || at == tcp + 19;
	/* IPv4's number, "don't fragment", its checksum, which is not looked at here. */
	return !v6 && (at == 4 || at == 5 || (at == 6 && bit == 0x40) || at == 10 || at == 11);
}

TEST(what_differs_is_not_merged)
{
	world_start();
	for (u32 v6 = 0; v6 < 2; v6++)
		for (u32 at = 0; at < (v6 ? 72u : 52u); at++)
			for (u32 bit = 1; bit < 256; bit <<= 1) {
				bool merged = after_change(v6, at, (u8)bit, true) == GRO_MERGED;

				if (merged != may_differ(v6, at, (u8)bit)) {
					EXPECT_EQ(at, -1);
					EXPECT_EQ(bit, v6);
				}
			}
	/* And what has a wrong checksum. */
	EXPECT_EQ(after_change(false, 60, 1, false), GRO_APART);
	EXPECT_EQ(after_change(true, 80, 1, false), GRO_APART);
	EXPECT_EQ(after_change(false, 60, 1, true), GRO_MERGED);
	world_end();
}

TEST(only_segments_of_one_length_and_a_last_one_are_merged)
{
	struct kind k = { .flags = ACK };
	LIST_HEAD(batch);

	world_start();
	offer(&batch, segment(&k, 0, 100));
	EXPECT_EQ(offer(&batch, segment(&k, 100, 101)), GRO_APART);
	EXPECT_EQ(offer(&batch, segment(&k, 201, 101)), GRO_MERGED);
	EXPECT_EQ(offer(&batch, segment(&k, 302, 50)), GRO_MERGED);
	EXPECT_EQ(offer(&batch, segment(&k, 352, 50)), GRO_APART);
	EXPECT_EQ(drop_batch(&batch), 3);
	/* Behind one that was pushed nothing is merged. */
	offer(&batch, segment(&k, 0, 100));
	k.flags = ACK | PSH;
	EXPECT_EQ(offer(&batch, segment(&k, 100, 100)), GRO_MERGED);
	k.flags = ACK;
	EXPECT_EQ(offer(&batch, segment(&k, 200, 100)), GRO_APART);
	EXPECT_EQ(drop_batch(&batch), 2);
	world_end();
}

TEST(a_packet_has_so_many_pieces_and_so_many_bytes)
{
	struct kind k = { .flags = ACK };
	u32 merged = 0;
	LIST_HEAD(batch);

	world_start();
	for (u32 i = 0; i < 40; i++)
		merged += offer(&batch, segment(&k, i * 100, 100)) == GRO_MERGED;
	EXPECT_EQ(merged, 40 - 3);
	EXPECT_EQ(drop_batch(&batch), 3);
	/* 65535 with the IP header. */
	merged = 0;
	for (u32 i = 0; i < 18; i++)
		merged += offer(&batch, segment(&k, i * 4000, 4000)) == GRO_MERGED;
	EXPECT_EQ(list_first(&batch, struct pkt, node)->len, 40 + 16 * 4000);
	EXPECT_EQ(merged, 16);
	EXPECT_EQ(drop_batch(&batch), 2);
	world_end();
}

/* An acknowledgement of `by` more than before, with so many bytes behind it that are no part of it. */
static enum gro_result acknowledge(struct list_head *batch, u32 by, u32 tcp_options, u32 padding)
{
	struct kind k = { .flags = ACK, .tcp_options = tcp_options };
	struct pkt *p = segment(&k, 0, 0);
	u8 *tcp = p->data + 20;

	put32(tcp + 8, 0x89abcdef + by);
	put16(tcp + 16, 0);
	put16(tcp + 16, ~folded(plain_sum(tcp, 20 + tcp_options, pseudo(&k, p->data, 20 + tcp_options))));
	pkt_put(p, padding);
	return offer(batch, p);
}

TEST(a_later_acknowledgement_replaces_an_earlier_one)
{
	struct kind k = { .flags = ACK };
	LIST_HEAD(batch);

	world_start();
	acknowledge(&batch, 0, 0, 6);
	EXPECT_EQ(acknowledge(&batch, 1, 0, 6), GRO_REPLACES);
	EXPECT_EQ(drop_batch(&batch), 1);
	acknowledge(&batch, 0, 0, 0);
	/* The same once more counts; an older one, and one that says more, go up. */
	EXPECT_EQ(acknowledge(&batch, 0, 0, 0), GRO_APART);
	EXPECT_EQ(acknowledge(&batch, -1u, 0, 0), GRO_APART);
	EXPECT_EQ(acknowledge(&batch, 5, 12, 0), GRO_APART);
	EXPECT_EQ(drop_batch(&batch), 4);
	/* Not data's. */
	offer(&batch, segment(&k, 0, 100));
	EXPECT_EQ(acknowledge(&batch, 5, 0, 0), GRO_APART);
	EXPECT_EQ(drop_batch(&batch), 2);
	world_end();
}

TEST(one_is_looked_for_among_the_last_four)
{
	struct kind k = { .flags = ACK };
	LIST_HEAD(batch);

	world_start();
	for (u32 others = 3; others <= 4; others++) {
		offer(&batch, segment(&k, 0, 100));
		for (u32 i = 0; i < others; i++) {
			struct pkt *p = segment(&k, 5000 + 500 * i, 100);

			p->data[20] ^= (u8)(i + 1);	/* another port */
			EXPECT_EQ(offer(&batch, p), GRO_APART);
		}
		EXPECT_EQ(offer(&batch, segment(&k, 100, 100)), others < 4 ? GRO_MERGED : GRO_APART);
		drop_batch(&batch);
	}
	world_end();
}
