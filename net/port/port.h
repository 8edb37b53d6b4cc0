/* SPDX-License-Identifier: MIT */
/* What the kernel gives lwIP, and what it must know of it. Design: port.c. */
#pragma once
#include <kernel/types.h>

struct pbuf;
struct pkt;

/* Variables of a new instance: block is zeroed, LWI_BLOCK_SIZE bytes, 16-aligned. */
void port_instance_init(char *block);
/* Secrets and caches. Boot thread. */
void port_init(void);
/* The Internet checksum of len bytes, not inverted. Any context. */
u16 lwip_checksum(const void *data, int len);
/* The running instance has incomplete datagrams. */
bool port_has_fragments(void);

/* lwIP's code as -errno: 0 for ERR_OK. */
int port_errno(s8 err);

/*
 * pbuf.c; the stack's lock held. The packet is the pbufs' from here on, whatever comes of it.
 * NULL: no memory, or longer than IP can tell.
 */
struct pbuf *port_pbuf_of_pkt(struct pkt *pkt);
/* An empty pbuf with a page to itself, and how much it can still take behind its bytes. NULL: no memory. */
struct pbuf *port_tail_alloc(void);
bool port_is_tail(const struct pbuf *p);
u32 port_tail_room(const struct pbuf *p);
void port_pbuf_init(void);
