/* SPDX-License-Identifier: MIT */
/* Datagrams, between dgram*.c. All with the stack's lock held. */
#pragma once
#include <net/inet/ep.h>

/* How one came. */
struct dgram_arrival {
	const ip_addr_t *from, *to;
	u16 port;			/* of the sender, host byte order */
	u8 ttl, tos;
	u32 ifindex;
};

/* p is the queue's from here on, or freed; the packet that came is still there. */
void dgram_ep_receive(struct inet_ep *ep, struct pbuf *p, const struct dgram_arrival *a);
int dgram_ep_bind_any(struct inet_ep *ep);	/* to a free port where it has none */
