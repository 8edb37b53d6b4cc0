/* SPDX-License-Identifier: MIT */
/*
 * virtio-net's header against a device that says what it likes, and large segments that it
 * received, cut again.
 */
#include <drivers/virtio/net_hdr.h>
#include <kernel/lib/string.h>
#include <net/netdev/core.h>
#include <net/netdev/csum.h>
#include <net/port/port.h>
#include <unit.h>
#include "world.h"

#define ALL	(NET_F_CSUM | NET_F_GUEST_CSUM | NET_F_GUEST_TSO4 | NET_F_GUEST_TSO6 | \
		 NET_F_HOST_TSO4 | NET_F_HOST_TSO6 | NET_F_MRG_RXBUF)
#define HEADERS	(14 + 20 + 20)
#define BYTES	10000u		/* of payload */
#define IN_HEAD	1500u		/* of those, behind the headers */

static u8 byte_at(u32 i)
{
	return (u8)(i * 7 + i / 256);
}

/* A TCP segment of IPv4 as a device gives it: in pages, its checksum that of the pseudo header. */
static struct pkt *received(void)
{
	static const u8 head[HEADERS] = {
		2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0,
		0x45, 0, (BYTES + 40) >> 8, (BYTES + 40) & 255, 1, 2, 0, 0, 64, 6, 0, 0,
		10, 0, 0, 2, 10, 0, 0, 1,
		0, 7, 0, 9, 0, 0, 1, 0, 0, 0, 2, 0, 0x50, 0x19, 0xff, 0xff, 0, 0, 0, 0,
	};
	struct pkt *p = pkt_alloc(0);
	u32 done = 0;
	u8 *at;

	p->page = page_alloc(0);
	p->data = (u8 *)page_address(p->page) + 12;
	memcpy(pkt_put(p, HEADERS), head, HEADERS);
	at = pkt_put(p, IN_HEAD);
	for (; done < IN_HEAD; done++)
		at[done] = byte_at(done);
	while (done < BYTES) {
		struct page *page = page_alloc(0);
		u32 n = min_t(u32, PAGE_SIZE, BYTES - done);

		for (u32 i = 0; i < n; i++)
			((u8 *)page_address(page))[i] = byte_at(done + i);
		(void)pkt_add_frag(p, page, 0, n);
		page_put(page);
		done += n;
	}
	*(u16 *)(void *)(p->data + 50) = pseudo_sum(p->data + 14, 6, BYTES + 20);
	return p;
}

static struct net_hdr sound(void)
{
	return (struct net_hdr){ .flags = 1, .gso_type = PKT_GSO_TCP4, .hdr_len = HEADERS,
				 .gso_size = 1460, .csum_start = 34, .csum_offset = 16 };
}

/* What becomes of a packet with this header; -1: dropped; else its flags and gso_size << 8. */
static int taken(struct net_hdr h, u64 features)
{
	struct pkt *p = received();
	int r = net_hdr_take(&h, p, features) ? p->flags | p->gso_size << 8 : -1;

	pkt_free(p);
	return r;
}

#define WHOLE	((int)(PKT_CSUM_VALID | PKT_CSUM_PARTIAL))

TEST(offloads_are_asked_for_only_together)
{
	EXPECT_EQ(net_hdr_choose(ALL), ALL);
	EXPECT_EQ(net_hdr_choose(ALL & ~NET_F_CSUM),
		  ALL & ~(NET_F_CSUM | NET_F_HOST_TSO4 | NET_F_HOST_TSO6));
	EXPECT_EQ(net_hdr_choose(ALL & ~NET_F_MRG_RXBUF),
		  ALL & ~(NET_F_MRG_RXBUF | NET_F_GUEST_TSO4 | NET_F_GUEST_TSO6));
	EXPECT_EQ(net_hdr_choose(ALL & ~NET_F_GUEST_CSUM),
		  ALL & ~(NET_F_GUEST_CSUM | NET_F_GUEST_TSO4 | NET_F_GUEST_TSO6));
}

TEST(what_a_sound_device_says_is_taken)
{
	struct net_hdr h = sound();

	world_start();
	EXPECT_EQ(taken(h, ALL), WHOLE | 1460 << 8);
	EXPECT_EQ(taken((struct net_hdr){ 0 }, ALL), 0);
	EXPECT_EQ(taken((struct net_hdr){ .flags = 2 }, ALL), PKT_CSUM_VALID);
	/* What was not agreed on says nothing. */
	EXPECT_EQ(taken(h, 0), 0);
	h.gso_type |= 0x80;
	EXPECT_EQ(taken(h, ALL), WHOLE | 1460 << 8);
	world_end();
}

TEST(places_out_of_the_packet_are_not_believed)
{
	struct net_hdr h;

	world_start();
	for (u32 start = 0; start <= 0xffff; start += start < 3000 ? 1 : 509)
		for (u32 offset = 0; offset <= 0xffff; offset += 6553) {
			bool inside = start >= 14 && !((start + offset) % 2) &&
				      start + offset + 2 <= HEADERS + IN_HEAD;

			h = sound();
			h.gso_type = 0;
			h.csum_start = (u16)start;
			h.csum_offset = (u16)offset;
			EXPECT_EQ(taken(h, ALL), inside ? WHOLE : -1);
		}
	world_end();
}

TEST(sizes_that_cannot_be_are_not_believed)
{
	static const u16 sizes[] = { 0, 1, 47, BYTES, BYTES + 1, 0xffff };
	struct net_hdr h = sound();

	world_start();
	for (u32 i = 0; i < ARRAY_SIZE(sizes); i++) {
		h.gso_size = sizes[i];
		EXPECT_EQ(taken(h, ALL), WHOLE);
	}
	h.gso_size = 48;
	EXPECT_EQ(taken(h, ALL), WHOLE | 48 << 8);
	/* Another protocol than it is, places that are not TCP's. */
	h = sound();
	h.gso_type = PKT_GSO_TCP6;
	EXPECT_EQ(taken(h, ALL), WHOLE);
	h = sound();
	h.csum_start += 2;
	h.csum_offset -= 2;
	EXPECT_EQ(taken(h, ALL), WHOLE);
	/* Kinds that we have not asked for, or that are none; a size without a checksum to make. */
	h = sound();
	EXPECT_EQ(taken(h, ALL & ~NET_F_GUEST_TSO4), -1);
	h.gso_type = 3;
	EXPECT_EQ(taken(h, ALL), -1);
	h = sound();
	h.flags = 0;
	EXPECT_EQ(taken(h, ALL), -1);
	world_end();
}

TEST(any_header_at_all_is_harmless)
{
	world_start();
	for (u32 i = 0; i < 20000; i++) {
		struct pkt *p = received(), *s, *next;
		struct net_hdr h = sound();
		LIST_HEAD(out);

		for (u32 n = world_chance() % 4; n; n--)
			((u8 *)&h)[world_chance() % sizeof(h)] = (u8)world_chance();
		for (u32 n = world_chance() % 3; n; n--)
			p->data[12 + world_chance() % (HEADERS - 12)] = (u8)world_chance();
		if (!(world_chance() % 3)) {
			u32 less = IN_HEAD + 20 - world_chance() % 80;

			p->linear -= less;
			p->len -= less;
		}
		if (!(world_chance() % 3))
			p->data[46] = 0xf0;
		if (!(world_chance() % 4)) {
			p->linear = p->len = 14 + world_chance() % HEADERS;
			while (p->nr_frags)
				page_put(p->frags[--p->nr_frags].page);
		}
		p->dev = netdev_by_index(&init_net, 2);
		if (!net_hdr_take(&h, p, ALL)) {
			pkt_free(p);
			continue;
		}
		/* As it would go out of a bridge; what the device wrote since is damaged. */
		if (!(world_chance() % 4))
			p->data[46] = 0xf0;
		if (!p->gso_size || !gso_cut(p, &out)) {
			if (p->flags & PKT_CSUM_PARTIAL)
				pkt_fill_csum(p);
			pkt_free(p);
		}
		list_for_each_safe(s, next, &out, node) {
			u32 sum = s->linear;

			for (u32 k = 0; k < s->nr_frags; k++) {
				sum += s->frags[k].len;
				EXPECT_TRUE(s->frags[k].offset + s->frags[k].len <= PAGE_SIZE);
			}
			EXPECT_EQ(sum, s->len);
			pkt_free(s);
		}
	}
	world_end();
}

TEST(a_large_one_is_cut_into_sound_segments_and_stays_as_it_was_for_others)
{
	struct pkt *p, *clone, *s, *next;
	struct net_hdr h = sound();
	u8 head[HEADERS];
	u32 done = 0;
	LIST_HEAD(out);

	world_start();
	p = received();
	p->dev = netdev_by_index(&init_net, 2);
	EXPECT_TRUE(net_hdr_take(&h, p, ALL));
	memcpy(head, p->data, HEADERS);
	clone = pkt_clone(p, 0);
	EXPECT_TRUE(gso_cut(p, &out));
	EXPECT_EQ(memcmp(clone->data, head, HEADERS), 0);
	list_for_each_safe(s, next, &out, node) {
		u32 n = s->len - HEADERS;
		u8 got[1460];

		EXPECT_EQ(n, min_t(u32, 1460, BYTES - done));
		EXPECT_EQ(lwip_checksum(s->data + 14, 20), 0xffff);
		pkt_copy(s, HEADERS, got, n);
		for (u32 i = 0; i < n; i++)
			EXPECT_EQ(got[i], byte_at(done + i));
		EXPECT_EQ(s->data[47] & 9, done + n == BYTES ? 9 : 0);
		pkt_pull(s, 14);
		EXPECT_EQ(pkt_tcp_sum(s, 20), 0xffff);
		done += n;
		pkt_free(s);
	}
	EXPECT_EQ(done, BYTES);
	pkt_free(clone);
	world_end();
}

TEST(what_is_sent_says_what_is_left_to_do)
{
	struct net_hdr h = { 0 };
	struct pkt *p;

	world_start();
	p = received();
	net_hdr_fill(&h, p);
	EXPECT_EQ(h.flags | h.gso_type | h.gso_size | h.csum_start, 0);
	p->flags = PKT_CSUM_PARTIAL;
	p->csum_start = 34;
	p->csum_offset = 16;
	net_hdr_fill(&h, p);
	EXPECT_EQ(h.flags, 1);
	EXPECT_EQ(h.csum_start, 34);
	EXPECT_EQ(h.csum_offset, 16);
	EXPECT_EQ(h.gso_type, 0);
	p->gso_type = PKT_GSO_TCP4;
	p->gso_size = 1460;
	net_hdr_fill(&h, p);
	EXPECT_EQ(h.gso_type, 1);
	EXPECT_EQ(h.gso_size, 1460);
	EXPECT_EQ(h.hdr_len, HEADERS);
	pkt_free(p);
	world_end();
}
