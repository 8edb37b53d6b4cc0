/* SPDX-License-Identifier: MIT */
/* TCP endpoints, between tcp*.c. All with the stack's lock held. */
#pragma once
#include <net/inet/ep.h>
#include <lwip/prot/tcp.h>
#include <lwip/tcp.h>
#include <net/port/hooks.h>

#define TCP_EXT_EP 0 /* which extra argument of a control block is its endpoint */

static inline struct inet_ep *tcp_ep_of(const struct tcp_pcb *pcb)
{
	return pcb->ext_args[TCP_EXT_EP].data;
}

/* tcp.c */
void tcp_ep_attach(struct inet_ep *ep, struct tcp_pcb *pcb);	/* takes a reference for it */
void tcp_ep_limit_window(struct inet_ep *ep);
int tcp_ep_bind_any(struct inet_ep *ep);
err_t tcp_listen_open(u8_t id, struct tcp_pcb_listen *lpcb, struct tcp_pcb *pcb); /* tcp_listen.c */
void tcp_listen_close(struct inet_ep *ep);
void tcp_ep_failed(void *arg, err_t err);

void tcp_ep_orphan_ends(struct inet_ep *ep);	/* it counts as one no more */

/* tcp_table.c */
void tcp_table_add(struct inet_ep *ep);
void tcp_table_remove(struct inet_ep *ep);

/* tcp_listen.c: whom a SYN, or the ACK of a cookie, is for; NULL. */
struct inet_ep *tcp_listener_of(struct inet_stack *s, const struct tcp_hdr *header);
bool tcp_accept_queue_is_full(const struct inet_ep *listener);

/* An option of the segment being looked at: its length with kind and length, 0: it has none. */
u32 tcp_option_find(const struct tcp_hdr *header, const struct inet_tcp_options *o, u8 wanted,
		    u32 *at);
static inline u8 tcp_option_byte(const struct tcp_hdr *header, const struct inet_tcp_options *o,
				 u32 i)
{
	return !o->second || i < o->first_len ? ((const u8 *)(header + 1))[i]
					      : o->second[i - o->first_len];
}

/* tcp_sack.c: an ACK for a connection with something unacknowledged, before lwIP sees it. */
void tcp_sack_input(struct inet_ep *ep, const struct tcp_hdr *header,
		    const struct inet_tcp_options *o);

/* tcp_urgent.c: a segment with URG. */
void tcp_urgent_input(struct inet_ep *ep, const struct tcp_hdr *header, const struct pbuf *p);

/* tcp_send.c: those that are not sent yet are no larger than the peer's. */
void tcp_cut_unsent(struct tcp_pcb *pcb);

/*
 * tcp_send.c: of the first `most` segments under way those that are larger than the peer's are cut. One
 * that a device has, or for which there is no memory, stays as it is.
 */
void tcp_cut_unacked(struct tcp_pcb *pcb, u32 most);

/* tcp_cookie.c */
void tcp_cookie_answer(struct inet_ep *listener, const struct tcp_hdr *syn, u16 peer_mss);
/* A connection in SYN_RCVD, if the segment acknowledges one of our cookies; NULL. */
struct tcp_pcb *tcp_cookie_open(struct inet_stack *s, const struct tcp_hdr *header);
