/* SPDX-License-Identifier: MIT */
/*
 * One packet on its way between a driver, the stack and whoever listens to an interface.
 *
 * Its bytes are a linear part, which holds all headers, and then pieces of pages:
 *
 *	data .. data + linear		in `page` where a driver received it, else in room[]
 *	frags[0..nr_frags)		each with a reference on its page of its own
 *
 * So data that came from a page of a send queue or of the page cache is never copied on
 * its way out, nor what a device has written on its way in. A packet has one owner;
 * handing it on hands it over.
 */
#pragma once
#include <kernel/lib/list.h>
#include <kernel/mm/page.h>

struct netdev;

struct pkt_frag {
	struct page *page;
	u32 offset, len;
};

#define PKT_MAX_FRAGS	18		/* 64 KiB in pages, begun and ended in the middle of one */
#define PKT_HEADROOM	48		/* kept free before data for link headers */
/* and after it: the longest headers of IP and TCP, and some */
#define PKT_LINEAR	208

/* as AF_PACKET tells */
enum pkt_type { PKT_HOST, PKT_BROADCAST, PKT_MULTICAST, PKT_OTHERHOST, PKT_OUTGOING };

/* received: checksums need no look (device, or never left us) */
#define PKT_CSUM_VALID		BIT(0)
/* the field at csum_start + csum_offset holds the pseudo header's sum */
#define PKT_CSUM_PARTIAL	BIT(1)
#define PKT_GSO_TCP4		1	/* gso_type, as virtio-net has it */
#define PKT_GSO_TCP6		4

struct pkt {
	struct list_head node;		/* the owner's */
	struct netdev *dev;		/* received from, or to be sent by */
	u8 *data;			/* the first byte of the outermost header that is there */
	u32 len;			/* all bytes from data on, frags included */
	u32 linear;			/* of those, how many lie at data */
	struct page *page;		/* of the linear part, with a reference; NULL: room */
	u16 protocol;			/* EtherType, host byte order */
	u8 type;			/* enum pkt_type */
	u8 flags;			/* PKT_CSUM_* */
	u8 nr_frags;
	u8 gso_type;			/* as virtio-net has it; 0: none */
	u16 gso_size;			/* bytes of payload a segment */
	u16 csum_start, csum_offset;	/* from the link header; to csum_start */
	u64 stamp_ns;			/* CLOCK_REALTIME when received, 0: nobody asked */
	u64 control[8];			/* the present owner's */
	struct pkt_frag frags[PKT_MAX_FRAGS];
	u8 room[PKT_HEADROOM + PKT_LINEAR] __aligned(8);
};

/* Empty, data behind the headroom; NULL. Any context that gfp allows. */
struct pkt *pkt_alloc(u32 gfp);
void pkt_free(struct pkt *p);				/* any context but hard interrupts */
/* A second packet with the same bytes, by reference where they lie in pages; NULL. */
struct pkt *pkt_clone(const struct pkt *p, u32 gfp);

/* At the end of the linear part, which has room for PKT_LINEAR bytes; before frags. */
static inline u8 *pkt_put(struct pkt *p, u32 n)
{
	u8 *at = p->data + p->linear;

	p->linear += n;
	p->len += n;
	return at;
}

/* Into the headroom. */
static inline u8 *pkt_push(struct pkt *p, u32 n)
{
	p->data -= n;
	p->linear += n;
	p->len += n;
	return p->data;
}

/* Off the front; n is at most p->linear. */
static inline void pkt_pull(struct pkt *p, u32 n)
{
	p->data += n;
	p->linear -= n;
	p->len -= n;
}

/* Takes a reference on the page. False: no frag is left. */
bool pkt_add_frag(struct pkt *p, struct page *page, u32 offset, u32 len);
/* Append a copy of len bytes in fresh pages. False: no memory, or no frag is left. */
bool pkt_append_copy(struct pkt *p, const void *src, u32 len, u32 gfp);
/* Bytes [offset, offset + len), which are there. */
void pkt_copy(const struct pkt *p, u32 offset, void *dst, u32 len);

void pkt_init(void);
