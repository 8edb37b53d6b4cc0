/* SPDX-License-Identifier: MIT */
/* What the kernel gives lwIP, and what it must know of it. Design: port.c. */
#pragma once
#include <kernel/types.h>

struct page;
struct pbuf;
struct pkt;

/* Variables of a new instance: block is zeroed, LWI_BLOCK_SIZE bytes, 16-aligned. */
void port_instance_init(char *block);
/* Secrets and caches. Boot thread. */
void port_init(void);
/* The Internet checksum of len bytes, not inverted. Any context. */
u16 lwip_checksum(const void *data, int len);
/* SipHash-2-4 of n words under a secret of this boot. Any context. */
u64 port_keyed_hash(const u64 *words, u32 n);
/* The running instance has incomplete datagrams. */
bool port_has_fragments(void);

/* lwIP's code as -errno: 0 for ERR_OK. */
int port_errno(s8 err);

/*
 * pbuf.c; the stack's lock held. The packet is the pbufs' from here on, whatever comes of it.
 * NULL: no memory, or longer than IP can tell.
 */
struct pbuf *port_pbuf_of_pkt(struct pkt *pkt);
/*
 * [offset, offset + len) of a page, on which it has a reference of its own; the lock need not be
 * held. NULL: no memory.
 */
struct pbuf *port_page_pbuf(struct page *page, u32 offset, u32 len, u32 gfp);
/* such a one, or a page's part of a received packet */
bool port_is_page(const struct pbuf *p);
/* Both lie in pages, and b goes on in the same page where a ends. */
bool port_pages_join(const struct pbuf *a, const struct pbuf *b);
/*
 * An empty pbuf with a page to itself, and how much it
 * can still take behind its bytes. NULL: no memory.
 */
struct pbuf *port_tail_alloc(void);
bool port_is_tail(const struct pbuf *p);
u32 port_tail_room(const struct pbuf *p);
void port_pbuf_init(void);
void port_memory_init(void);
