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
/* A multicast group that one has joined: group.c. */
struct membership;

/* The way of a datagram; dgram_send.c. */
struct inet_way {
	/* of the stack's configuration that it was found in; 0: not to be kept */
	u32 generation;
	ip_addr_t ip, source;
	u16 port;			/* host byte order */
	u32 device;			/* 0: by route */
	struct netif *out;
	bool here;			/* to one address of this machine */
};

/* A datagram that waits for its reader; dgram.c. */
struct rx_dgram {
	struct list_head node;
	struct pbuf *p;
	struct inet_msg msg;
	u32 charge;			/* bytes against rcvbuf */
	bool peeked;			/* of no bytes: a peek at an offset has passed it */
};

/*
 * There may be many, most of them idle connections: what only TCP's or only the others need lies in
 * the same place, and no word is wasted on alignment.
 */
struct inet_ep {
	/* inet_ep_lock(). Changes with all locks of the stack held, and before TCP has a peer */
	struct inet_stack *stack;
	/* Constant after creation. */
	u8 type;			/* enum inet_type */
	u8 protocol;
	u16 family;

	refcount_t refs;		/* owner; control block; while on stack->fired */
	const struct inet_ops *ops;	/* constant; valid where owner is set */
	void *owner;			/* written under the lock; RCU to use */
	u32 events;			/* atomic: to be told */
	u32 fired;			/* atomic: on a list of fired ones */
	struct inet_ep *next_fired;

	/* Guarded by stack->lock; single words are looked at without. */
	struct list_head node;		/* stack->eps[type], where serial ascends */
	u64 serial;
	union {
		struct tcp_pcb *tcp;	/* or a listener */
		struct udp_pcb *udp;
		struct raw_pcb *raw;
		void *pcb;		/* NULL: gone */
	};
	struct inet_port *port;		/* NULL: not bound */
	struct list_head port_node;	/* on it */
	struct inet_addr local, peer;	/* in the endpoint's family; peer.family 0: none */
	struct inet_addr bound;		/* what its owner asked bind for; family 0: nothing */
	struct membership *memberships;	/* group.c */
	int error;			/* positive errno, taken by inet_take_error() */
	u32 device;			/* bound to this interface, 0: any */
	u32 rcvbuf, sndbuf;		/* bytes */
	u32 rx_bytes;			/* in rx, or on its way to the reader; datagrams: charge */
	u32 drops;
	s32 incoming_cpu;		/* that has looked at its last packet; -1: none */
	u32 mcast_if;
	u8 ttl, tos, mcast_ttl;
	bool mcast_loop;
	u8 shut;			/* INET_SHUT_* */
	u8 recverr;			/* RECVERR_*: queue them */
	u8 mtu_discover;		/* INET_PMTU_* */
	bool orphan;			/* closed by its owner */
	bool unfinished;		/* in stack->nr_unfinished */
	bool connecting, connected;	/* TCP: SYN sent; established once */
	bool listening;
	bool reuse_addr, reuse_port, broadcast, v6only, hdrincl, stamp;

	/* MSG_ZEROCOPY: zerocopy.c. */
	bool zc_copied;
	u32 zc_first, zc_done;		/* to be told; zc_done is read without */

	/* Only by whoever sends (one at a time). */
	u32 tx_fill;
	struct page *tx_page;		/* atomic; NULL: none, or a sender has it; with a reference */

	/* Guarded by stack->lock, as above. */
	union {
		struct {	/* TCP */
			/* stack->connections, from its first segment on */
			struct hlist_node hash_node;
			bool counted;		/* in stack->nr_orphans */
			bool got_fin;
			/* lwIP's timers need not look at it: tcp_table.c */
			bool resting, sleeping;

			/* Options, tcp_opts.c. 0 in the last five: the usual. */
			bool cork, nodelay, keepalive;
			u8 keep_cnt;
			u16 keep_idle_s, keep_intvl_s;
			u32 user_timeout_ms;
			u16 maxseg;		/* bytes */
			s16 linger2_s;		/* -1: none */
			u8 syn_retries;
			/* SYN|ACKs sent again before one without data is let in */
			u8 defer_accept;

			/* Receiving: a list by ->next of pbufs that each have one reference. */
			bool answered;		/* has sent since it last received */
			bool pingpong;		/* had answered what came before the last */
			struct pbuf *rx_first, *rx_last;
			/* Sending: a list by ->next of pbufs that each lie in one page. */
			struct pbuf *tx_first, *tx_last;
			u32 tx_seq;		/* sequence number of the oldest byte */
			u32 tx_bytes;		/* sent and unacknowledged, or not sent */
			u32 tx_beyond;		/* in twin's queue, without room in its buffer */
			u32 ooseq_bytes;	/* charged for what came out of order */
			/* The other end, of this stack; NULL: elsewhere, not known */
			struct inet_ep *twin;
			bool near;		/* the peer's address is one of this machine */
			bool tx_full;		/* until lwIP has some acknowledged */
			bool recovering;	/* tcp_sack.c: until `recover` is */
			/* Urgent data: tcp_urgent.c. */
			bool oob_inline;
			u8 urgent;		/* enum tcp_urgent */
			u8 urgent_byte;
			u32 recover;
			/* The next bytes to be read, which nobody will get; 0 with NONE */
			u32 urgent_old;
			u64 urgent_at;		/* as bytes_received counts */
			u64 bytes_acked, bytes_received;
			u32 tx_urgent;		/* sequence number behind the last urgent byte */
			u32 wait_since;		/* TIME_WAIT: lwIP's tick of its beginning */
			/* When it last answered what was out of place; 0: never */
			ktime_t challenged;

			/* Of a listener. */
			u32 backlog;
			struct spinlock queue_lock;	/* RANK_INET_PORTS, softirqs off */
			/* Guarded by queue_lock; lengths are looked at without. */
			u32 syn_len, accept_len;
			struct list_head syn_queue;	/* half-open, by accept_node */
			struct list_head accept_queue;	/* established, by accept_node */

			/* Guarded by stack->lock. */
			/*
			 * Not accepted yet: on a queue. In TIME_WAIT: stack->time_wait. A listener:
			 * its port's.
			 */
			struct list_head accept_node;
			/* NULL: accepted, or the listener is gone. It may be another instance's */
			struct inet_ep *listener;
			struct list_head zc_waiting;	/* zerocopy.c */
		};
		struct {	/* Datagrams */
			struct inet_way way;	/* to the peer */
			struct list_head dgrams;
			u32 dgrams_len;		/* how many; read without by the reader */
			u32 arrivals;		/* that were ever queued */
			struct bpf_program *filter;	/* NULL: all are kept */
			struct list_head errors;	/* errqueue.c */
			u32 errors_len;
		};
	};
};

/* ep.c */
void inet_ep_init(void);				/* with the first stack. Boot thread */
struct inet_ep *inet_ep_create(struct inet_stack *s, u16 family, enum inet_type type, u8 protocol,
			       u32 gfp);
static inline void inet_ep_get(struct inet_ep *ep)
{
	refcount_inc(&ep->refs);
}
void inet_ep_put(struct inet_ep *ep);

/*
 * The page that its sender fills, from tx_fill on. He takes it, NULL: there is none; and gives it
 * back. Meanwhile nobody takes it away, as inet_ep_drop_page() does from who sends no more.
 */
static inline struct page *inet_ep_take_page(struct inet_ep *ep)
{
	return __atomic_exchange_n(&ep->tx_page, NULL, __ATOMIC_ACQUIRE);
}
static inline void inet_ep_give_page(struct inet_ep *ep, struct page *page)
{
	__atomic_store_n(&ep->tx_page, page, __ATOMIC_RELEASE);
}
void inet_ep_drop_page(struct inet_ep *ep);	/* any context */
struct page *inet_ep_fresh_page(struct inet_ep *ep, struct page *full);
/* The one taken, or, where that is full, another: with room. NULL: no memory. Sleeps. */
static inline struct page *inet_ep_open_page(struct inet_ep *ep, struct page *taken)
{
	return likely(taken && ep->tx_fill < PAGE_SIZE) ? taken : inet_ep_fresh_page(ep, taken);
}
/* Lock held: a packet of its connection is being looked at. */
static inline void inet_ep_note_cpu(struct inet_ep *ep)
{
	s32 cpu = (s32)cpu_id();

	if (unlikely(ep->incoming_cpu != cpu))
		ep->incoming_cpu = cpu;
}
/* Lock held: on the list of its type from here on. */
void inet_ep_list(struct inet_ep *ep);
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
/* TCP_ELSEWHERE: nothing is done yet: it takes all locks of the stack. */
#define TCP_ELSEWHERE	1
int tcp_ep_connect(struct inet_ep *ep, const struct inet_addr *addr);
/* A listener: all locks of the stack are held. */
void tcp_ep_close(struct inet_ep *ep, bool abort);
int tcp_ep_shutdown(struct inet_ep *ep, u32 how);
void tcp_ep_options(struct inet_ep *ep);		/* ep's options -> control block */
/* tcp_listen.c: it waits no longer on its listener's queues. */
void tcp_listen_forget(struct inet_ep *ep);
/* tcp_table.c: of the flow that the packet being looked at is of. Ports: host byte order. */
u32 inet_flow_hash(struct inet_stack *s, u16 local_port, u16 remote_port);
bool tcp_table_init(struct inet_stack *s);		/* false: no memory. Sleeps */
void tcp_table_free(struct inet_stack *s);
u32 tcp_table_waiting(const struct inet_common *c);	/* in TIME_WAIT. Any context */
void tcp_table_tick(struct inet_stack *s);		/* after lwIP's timers */
void tcp_table_end(struct inet_stack *s);		/* all that is left, without a word */
bool tcp_table_needs_timer(const struct inet_stack *s);
void tcp_ep_rise(struct inet_ep *ep);
/* Before lwIP is called with ep's control block. */
static inline void tcp_ep_awake(struct inet_ep *ep)
{
	if (unlikely(ep->resting))
		tcp_ep_rise(ep);
}
/* tcp_mem.c */
void tcp_mem_init(void);				/* with the first stack. Boot thread */
void tcp_mem_judge(struct inet_common *c);		/* is memory scarce? */
s64 tcp_mem_bytes(const struct inet_common *c);		/* of all. Any context */
static inline void tcp_mem_charge(struct inet_ep *ep, s64 bytes)
{
	struct inet_stack *s = ep->stack;

	WRITE_ONCE(s->tcp_bytes, s->tcp_bytes + bytes);
	if (unlikely(s->tcp_pressure || s->tcp_bytes >> s->share_shift > inet_tcp_mem[1]))
		tcp_mem_judge(s->common);
}

/* ep->rx_bytes of TCP: with anything unread it keeps a page more, about. */
static inline void tcp_mem_set_unread(struct inet_ep *ep, u32 bytes)
{
	s64 page = ((s64)!!bytes - (s64)!!ep->rx_bytes) * (s64)PAGE_SIZE;

	tcp_mem_charge(ep, page + bytes - ep->rx_bytes);
	WRITE_ONCE(ep->rx_bytes, bytes);
}

void tcp_mem_count_ooseq(struct inet_ep *ep);
bool tcp_mem_is_full(const struct inet_stack *s);	/* any context */
/* Bytes of its owner's that have not arrived in the peer's buffer yet. */
static inline u32 tcp_ep_unsent(const struct inet_ep *ep)
{
	return READ_ONCE(ep->tx_bytes) + READ_ONCE(ep->tx_beyond);
}
/* The connection with these ends, seen from the first; NULL. Ports in host byte order. */
struct inet_ep *tcp_ep_find(struct inet_stack *s, const ip_addr_t *local, u16 local_port,
			    const ip_addr_t *remote, u16 remote_port);
/* tcp_opts.c; lock held */
int tcp_ep_set_opt(struct inet_ep *ep, enum inet_opt opt, u32 v);
int tcp_ep_get_opt(const struct inet_ep *ep, enum inet_opt opt, u32 *v);
/* what no other part copies */
void tcp_ep_inherit(struct inet_ep *ep, const struct inet_ep *listener);
/* tcp_recv.c */
void tcp_ep_append(struct inet_ep *ep, struct pbuf *first, struct pbuf *last);	/* each of one reference */
void tcp_ep_receive(struct inet_ep *ep, struct pbuf *p);	/* p is the queue's */
void tcp_ep_open_window(struct inet_ep *ep, size_t n);	/* by n bytes */
void tcp_ep_drop_received(struct inet_ep *ep);
void tcp_ep_skip(struct inet_ep *ep, u32 n);		/* bytes that are queued: nobody gets them */
/* tcp_send.c */
void tcp_ep_acked(struct inet_ep *ep);			/* drop what was acknowledged */
void tcp_ep_drop_unsent(struct inet_ep *ep);		/* all; the control block is gone */
bool tcp_ep_writeable(const struct inet_ep *ep);
/* tcp_urgent.c; lock held */
enum tcp_urgent { URGENT_NONE, URGENT_EXPECTED, URGENT_HERE, URGENT_TAKEN };
/* Bytes that the owner has read, of all that came. */
static inline u64 tcp_ep_read_at(const struct inet_ep *ep)
{
	return ep->bytes_received - ep->rx_bytes + ep->urgent_old;
}
/* It will be at `at`; told of by whom: the peer, or who is about to hand it over. */
void tcp_urgent_mark(struct inet_ep *ep, u64 at);
void tcp_urgent_received(struct inet_ep *ep, const struct pbuf *p);	/* before p is counted */
/* What lwIP has goes while an urgent byte is under way, or is the last of it. */
void tcp_urgent_send(struct inet_ep *ep, bool is_last);
/* What a reader gets next: `most` bytes behind the first `skip` of the queue. By value: registers. */
struct tcp_span {
	size_t skip, most;
};
/* There is a mark, or was: as much of it as there is before that. most 0: he has had all. */
struct tcp_span tcp_urgent_limit(struct inet_ep *ep, u32 flags, struct tcp_span span);
/* The reader has gone on. */
static inline void tcp_urgent_passed(struct inet_ep *ep)
{
	if (unlikely(ep->urgent) && tcp_ep_read_at(ep) > ep->urgent_at)
		ep->urgent = URGENT_NONE;
}
/* zerocopy.c; lock held */
void zerocopy_acked(struct inet_ep *ep);		/* tx_seq has moved */
void zerocopy_end(struct inet_ep *ep);			/* nothing will be sent any more */
/* tcp_splice.c */
void tcp_splice_pair(struct inet_ep *ep);		/* look for the other end, and join */
void tcp_splice_part(struct inet_ep *ep);
void tcp_splice_part_all(struct inet_stack *s);		/* addresses or interfaces change */
bool tcp_splice_is_open(struct inet_ep *ep);		/* the next bytes may go straight to the other end */
void tcp_splice(struct inet_ep *ep, struct pbuf *first, struct pbuf *last, u32 bytes, bool urgent);
void tcp_splice_read(struct inet_ep *ep);		/* ep's reader has made room */
/* dgram.c */
int dgram_ep_open(struct inet_ep *ep);
int dgram_ep_bind(struct inet_ep *ep, const ip_addr_t *ip);
int dgram_ep_connect(struct inet_ep *ep, const struct inet_addr *addr);
void dgram_ep_close(struct inet_ep *ep);
void dgram_ep_options(struct inet_ep *ep);
/* errqueue.c; lock held */
#define RECVERR_V4	BIT(0)		/* of datagrams that went over IPv4 */
#define RECVERR_V6	BIT(1)
/* e->length bytes of data */
void inet_error_queue(struct inet_ep *ep, const struct inet_error *e, const u8 *data);
void inet_errors_drop(struct inet_ep *ep);
/* group.c */
void groups_leave_all(struct inet_ep *ep);

/* ports.c; lock held */
/* Of one instance, the lock that is held does. */
static inline void tcp_ports_lock(struct inet_stack *s)
{
	if (unlikely(!s->alone))
		raw_spin_lock(&s->common->ports_lock, 0);
}
static inline void tcp_ports_unlock(struct inet_stack *s)
{
	if (unlikely(!s->alone))
		raw_spin_unlock(&s->common->ports_lock);
}
int port_bind(struct inet_ep *ep, const struct inet_addr *addr);	/* sets ep->local, ep->port */
int port_bind_any(struct inet_ep *ep);			/* a free one, to listen or send */
/* One to connect with, if there is one with which the connection is of ep's instance. */
int port_bind_for(struct inet_ep *ep, const ip_addr_t *local, const ip_addr_t *remote,
		  u16 remote_port);
void port_share(struct inet_ep *child, struct inet_ep *listener);
void port_release(struct inet_ep *ep);
/*
 * Which UDP endpoint gets a datagram on that interface,
 * as lwIP would choose; NULL. Host byte order.
 */
struct inet_ep *port_receiver(struct inet_stack *s, const ip_addr_t *to, u16 to_port,
			      const ip_addr_t *from, u16 from_port, u32 ifindex);
bool port_conflicts(const struct inet_ep *ep, const struct inet_addr *addr);
/*
 * TCP listeners on a port (host byte order), by accept_node; NULL: nobody is bound to it. ports_lock
 * is held.
 */
struct list_head *port_listeners(struct inet_stack *s, u16 number);

/* Sizes, in bytes, where nobody asked for others. As Linux's defaults. */
#define INET_TCP_RCVBUF		131072
#define INET_TCP_SNDBUF		262144
#define INET_DGRAM_BUF		212992
