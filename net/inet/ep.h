/* SPDX-License-Identifier: MIT */
/* Endpoints, between the files of net/inet. Design: ep.c. */
#pragma once
#include <net/inet/stack.h>
#include <lwip/ip_addr.h>
#include <lwip/pbuf.h>

struct tcp_pcb;
struct udp_pcb;
struct raw_pcb;

/* A port that endpoints are bound to: ports.c. */
struct inet_port;

/* Bytes of a send queue, in one page; tcp_send.c. */
struct tx_chunk {
	struct tx_chunk *next;
	struct page *page;		/* with a reference */
	u32 offset, len;
};

/* A datagram that waits for its reader; dgram.c. */
struct rx_dgram {
	struct list_head node;
	struct pbuf *p;
	struct inet_msg msg;
	u32 charge;			/* bytes against rcvbuf */
};

struct inet_ep {
	/* Constant after creation. */
	struct inet_stack *stack;
	u8 type;			/* enum inet_type */
	u8 protocol;
	u16 family;
	const struct inet_ops *ops;	/* valid where owner is set */

	refcount_t refs;		/* owner; control block; while on stack->fired */
	void *owner;			/* written under the lock; RCU to use */
	u32 events;			/* atomic: to be told */
	u32 fired;			/* atomic: on a list of fired ones */
	struct inet_ep *next_fired;

	/* Guarded by stack->lock; single words are looked at without. */
	struct list_head node;		/* stack->eps[type] */
	union {
		struct tcp_pcb *tcp;	/* or a listener */
		struct udp_pcb *udp;
		struct raw_pcb *raw;
		void *pcb;		/* NULL: gone */
	};
	struct inet_port *port;		/* NULL: not bound */
	struct list_head port_node;	/* on it */
	struct hlist_node hash_node;	/* TCP: stack->connections, from its first segment on */
	struct inet_addr local, peer;	/* in the endpoint's family; peer.family 0: none */
	struct inet_addr bound;		/* what its owner asked bind for; family 0: nothing */
	bool orphan;			/* closed by its owner */
	int error;			/* positive errno, taken by inet_take_error() */
	u8 shut;			/* INET_SHUT_* */
	bool connecting, connected;	/* TCP: SYN sent; established once */
	bool listening, got_fin;
	bool reuse_addr, reuse_port, broadcast, v6only, hdrincl, cork, stamp, nodelay, keepalive;
	u32 device;			/* bound to this interface, 0: any */
	u32 rcvbuf, sndbuf;		/* bytes */
	u32 rx_bytes;			/* in rx, or on its way to the reader; datagrams: charge */
	u32 drops;
	u8 ttl, tos, mcast_ttl;
	bool mcast_loop;
	u32 mcast_if;

	/* TCP, receiving: a list by ->next of pbufs that each have one reference. */
	struct pbuf *rx_first, *rx_last;
	bool answered;			/* has sent since it last received */
	bool pingpong;			/* had answered what came before the last */
	/* TCP, sending: oldest byte first. */
	struct tx_chunk *tx_first, *tx_last;
	u32 tx_seq;			/* sequence number of the oldest */
	u32 tx_bytes;			/* in chunks: sent and unacknowledged, or not sent */
	bool tx_full;			/* lwIP takes no more segments until some are acknowledged */
	u64 bytes_acked, bytes_received;
	u32 user_timeout_ms, keep_idle_s, keep_intvl_s, keep_cnt, linger2_s, maxseg;

	/* TCP listener. */
	struct list_head accept_queue;	/* established, by accept_node */
	u32 backlog, accept_len;
	/* A connection that nobody accepted yet. */
	struct list_head accept_node;
	struct inet_ep *listener;	/* NULL: accepted, or the listener is gone */

	/* Datagrams. */
	struct list_head dgrams;
	u32 dgrams_len;			/* how many */
	struct list_head memberships;

	/* Only by whoever sends (one at a time). */
	struct page *tx_page;		/* has room from tx_fill on; with a reference */
	u32 tx_fill;
};

/* ep.c */
struct inet_ep *inet_ep_create(struct inet_stack *s, u16 family, enum inet_type type, u8 protocol, u32 gfp);
static inline void inet_ep_get(struct inet_ep *ep)
{
	refcount_inc(&ep->refs);
}
void inet_ep_put(struct inet_ep *ep);
/* Lock held: set the error to be taken, and tell. */
void inet_ep_fail(struct inet_ep *ep, int error);
/* Lock held: the control block is gone, and its reference. */
void inet_ep_pcb_gone(struct inet_ep *ep);

/* Addresses: the endpoint's form and lwIP's. False: not of a family it can have. */
bool inet_to_ip(const struct inet_ep *ep, const struct inet_addr *a, ip_addr_t *out);
void inet_from_ip(const struct inet_ep *ep, const ip_addr_t *ip, u16 port, struct inet_addr *out);
bool inet_addr_is_any(const struct inet_addr *a);
bool inet_addr_is_mapped(const struct inet_addr *a);	/* ::ffff:a.b.c.d */

/* tcp.c */
int tcp_ep_open(struct inet_ep *ep);			/* a control block. -ENOMEM */
int tcp_ep_bind(struct inet_ep *ep, const ip_addr_t *ip);
int tcp_ep_connect(struct inet_ep *ep, const struct inet_addr *addr);
void tcp_ep_close(struct inet_ep *ep, bool abort);
int tcp_ep_shutdown(struct inet_ep *ep, u32 how);
void tcp_ep_trim_time_wait(void);
void tcp_ep_options(struct inet_ep *ep);		/* ep's options -> control block */
/* tcp_recv.c */
void tcp_ep_receive(struct inet_ep *ep, struct pbuf *p);	/* p is the queue's */
void tcp_ep_drop_received(struct inet_ep *ep);
/* tcp_send.c */
void tcp_ep_acked(struct inet_ep *ep);			/* drop what was acknowledged */
void tcp_ep_drop_unsent(struct inet_ep *ep);		/* all; the control block is gone */
bool tcp_ep_writeable(const struct inet_ep *ep);
/* dgram.c */
int dgram_ep_open(struct inet_ep *ep);
int dgram_ep_bind(struct inet_ep *ep, const ip_addr_t *ip);
int dgram_ep_connect(struct inet_ep *ep, const struct inet_addr *addr);
void dgram_ep_close(struct inet_ep *ep);
void dgram_ep_options(struct inet_ep *ep);
/* group.c */
void groups_leave_all(struct inet_ep *ep);

/* ports.c; lock held */
int port_bind(struct inet_ep *ep, const struct inet_addr *addr);	/* sets ep->local, ep->port */
int port_bind_any(struct inet_ep *ep);			/* a free one, for connect or send */
void port_share(struct inet_ep *child, struct inet_ep *listener);
void port_release(struct inet_ep *ep);
bool port_conflicts(const struct inet_ep *ep, const struct inet_addr *addr);

/* Sizes, in bytes, where nobody asked for others. As Linux's defaults. */
#define INET_TCP_RCVBUF		131072
#define INET_TCP_SNDBUF		262144
#define INET_DGRAM_BUF		212992
