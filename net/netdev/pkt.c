/* SPDX-License-Identifier: MIT */
/* Packets: allocation, copies and references. What a packet is: pkt.h. */
#include <kernel/bug.h>
#include <kernel/lib/string.h>
#include <net/netdev/pkt.h>

static struct kmem_cache *pkt_cache;

struct pkt *pkt_alloc(u32 gfp)
{
	struct pkt *p = kmem_cache_alloc(pkt_cache, gfp);

	if (!p)
		return NULL;
	memset(p, 0, offsetof(struct pkt, control));
	list_init(&p->node);
	p->data = p->room + PKT_HEADROOM;
	return p;
}

void pkt_free(struct pkt *p)
{
	for (u32 i = 0; i < p->nr_frags; i++)
		page_put(p->frags[i].page);
	if (p->page)
		page_put(p->page);
	kmem_cache_free(pkt_cache, p);
}

bool pkt_add_frag(struct pkt *p, struct page *page, u32 offset, u32 len)
{
	struct pkt_frag *last = p->nr_frags ? &p->frags[p->nr_frags - 1] : NULL;

	if (last && last->page == page && last->offset + last->len == offset) {
		last->len += len;
		p->len += len;
		return true;
	}
	if (p->nr_frags == PKT_MAX_FRAGS)
		return false;
	page_get(page);
	p->frags[p->nr_frags++] = (struct pkt_frag){ page, offset, len };
	p->len += len;
	return true;
}

bool pkt_append_copy(struct pkt *p, const void *src, u32 len, u32 gfp)
{
	while (len) {
		u32 part = min_t(u32, len, PAGE_SIZE);
		struct page *page;

		if (p->nr_frags == PKT_MAX_FRAGS)
			return false;
		page = page_alloc(gfp);
		if (!page)
			return false;
		memcpy(page_address(page), src, part);
		p->frags[p->nr_frags++] = (struct pkt_frag){ page, 0, part };
		p->len += part;
		src = (const u8 *)src + part;
		len -= part;
	}
	return true;
}

void pkt_copy(const struct pkt *p, u32 offset, void *dst, u32 len)
{
	u32 part = offset < p->linear ? min(len, p->linear - offset) : 0;

	memcpy(dst, p->data + offset, part);
	offset -= min(offset, p->linear);
	for (u32 i = 0; part < len && i < p->nr_frags; i++) {
		const struct pkt_frag *f = &p->frags[i];
		u32 here;

		if (offset >= f->len) {
			offset -= f->len;
			continue;
		}
		here = min(len - part, f->len - offset);
		memcpy((u8 *)dst + part, (u8 *)page_address(f->page) + f->offset + offset, here);
		part += here;
		offset = 0;
	}
}

struct pkt *pkt_clone(const struct pkt *p, u32 gfp)
{
	struct pkt *c = pkt_alloc(gfp);

	if (!c)
		return NULL;
	memcpy(c, p, offsetof(struct pkt, control));
	list_init(&c->node);
	if (c->page) {
		page_get(c->page);
	} else {
		c->data = c->room + (p->data - p->room);
		memcpy(c->data, p->data, p->linear);
	}
	for (u32 i = 0; i < p->nr_frags; i++) {
		c->frags[i] = p->frags[i];
		page_get(c->frags[i].page);
	}
	return c;
}

void pkt_init(void)
{
	pkt_cache = kmem_cache_create("pkt", sizeof(struct pkt), 64, NULL);
	if (!pkt_cache)
		panic("no memory for the cache of packets");
}
