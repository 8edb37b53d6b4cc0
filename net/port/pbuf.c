/* SPDX-License-Identifier: MIT */
/*
 * pbufs over memory that is not lwIP's: packets that a device received, pages.
 *
 *   of a packet   the first pbuf's structure lies in the packet (pkt->control); freeing it frees
 *   the
 *                 packet. Each frag has a page pbuf of its own, linked behind it.
 *   page          holds a reference on a page. Also what a TCP sender fills, before it is anybody
 *   else's. tail          a page pbuf that has the page to itself: what is behind its bytes is
 *   free,
 *                 and small segments are appended there (net/inet/tcp_recv.c).
 *
 * All are touched by one context at a time: who has made one, and then whoever has the stack's
 * lock. So their counts need no atomics.
 */
#include <kernel/bug.h>
#include <net/netdev/pkt.h>
#include <net/port/port.h>
#include <lwip/ip4_frag.h>
#include <lwip/ip6_frag.h>
#include <lwip/pbuf.h>

#define ATOMIC	(GFP_ATOMIC | GFP_NOWARN)

struct page_pbuf {
	struct pbuf_custom pc;
	struct page *page;
	bool tail;
};
static struct kmem_cache *page_pbufs;

static void free_page_pbuf(struct pbuf *p)
{
	struct page_pbuf *pp = container_of(p, struct page_pbuf, pc.pbuf);

	page_put(pp->page);
	kmem_cache_free(page_pbufs, pp);
}

/* Takes over a reference on page, also where it fails. NULL: no memory. */
static struct pbuf *page_pbuf(struct page *page, u32 offset, u32 len, bool tail, u32 gfp)
{
	struct page_pbuf *pp = kmem_cache_alloc(page_pbufs, gfp);

	if (!pp) {
		page_put(page);
		return NULL;
	}
	pp->pc.custom_free_function = free_page_pbuf;
	pp->page = page;
	pp->tail = tail;
	return pbuf_alloced_custom(PBUF_RAW, (u16_t)len, PBUF_REF, &pp->pc,
				   (u8 *)page_address(page) + offset, (u16_t)len);
}

struct pbuf *port_page_pbuf(struct page *page, u32 offset, u32 len, u32 gfp)
{
	page_get(page);
	return page_pbuf(page, offset, len, false, gfp);
}

bool port_is_page(const struct pbuf *p)
{
	return (p->flags & PBUF_FLAG_IS_CUSTOM) &&
	       ((const struct pbuf_custom *)p)->custom_free_function == free_page_pbuf;
}

bool port_pages_join(const struct pbuf *a, const struct pbuf *b)
{
	return (const u8 *)a->payload + a->len == b->payload && port_is_page(a) &&
	       port_is_page(b) &&
	       container_of(a, const struct page_pbuf, pc.pbuf)->page ==
	       container_of(b, const struct page_pbuf, pc.pbuf)->page;
}

bool port_has_fragments(void)
{
	/* Their types are private to lwIP's files: only whether there are any is asked. */
	return *(void **)(lwip_self() + LWI_OFFSET_lwi_ip4_frag_reassdatagrams) ||
	       *(void **)(lwip_self() + LWI_OFFSET_lwi_ip6_frag_reassdatagrams);
}

static void free_pkt_pbuf(struct pbuf *p)
{
	pkt_free(container_of((void *)p, struct pkt, control));
}

_Static_assert(sizeof(struct pbuf_custom) <= sizeof_member(struct pkt, control),
	       "room in the packet");

struct pbuf *port_pbuf_of_pkt(struct pkt *pkt)
{
	struct pbuf_custom *pc = (void *)pkt->control;
	u32 nr = pkt->nr_frags, left = pkt->len;
	struct pbuf *p, *last;

	/* What an IP header cannot say the length of is no packet. */
	if (pkt->len > 0xffff) {
		pkt_free(pkt);
		return NULL;
	}
	pc->custom_free_function = free_pkt_pbuf;
	p = pbuf_alloced_custom(PBUF_RAW, (u16_t)pkt->linear, PBUF_REF, pc, pkt->data,
				(u16_t)pkt->linear);
	last = p;
	for (u32 i = 0; i < nr; i++) {
		struct pkt_frag *f = &pkt->frags[i];
		struct pbuf *q = page_pbuf(f->page, f->offset, f->len, false, ATOMIC);

		if (!q) {
			/* References up to this one are given away. */
			for (u32 k = i + 1; k < nr; k++)
				page_put(pkt->frags[k].page);
			pkt->nr_frags = 0;
			pbuf_free(p);
			return NULL;
		}
		last->next = q;
		last = q;
	}
	pkt->nr_frags = 0;
	/* Each says how much is in the chain from it on. */
	for (struct pbuf *q = p; q; q = q->next) {
		q->tot_len = (u16_t)left;
		left -= q->len;
	}
	return p;
}

struct pbuf *port_tail_alloc(void)
{
	struct page *page = page_alloc(ATOMIC);

	return page ? page_pbuf(page, 0, 0, true, ATOMIC) : NULL;
}

bool port_is_tail(const struct pbuf *p)
{
	return port_is_page(p) && container_of(p, const struct page_pbuf, pc.pbuf)->tail;
}

u32 port_tail_room(const struct pbuf *p)
{
	return PAGE_SIZE - (((u64)p->payload + p->len - 1) & (PAGE_SIZE - 1)) - 1;
}

void port_pbuf_init(void)
{
	page_pbufs = kmem_cache_create("page_pbuf", sizeof(struct page_pbuf), 8, NULL);
	if (!page_pbufs)
		panic("no memory for the cache of pbufs");
}
