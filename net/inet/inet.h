/* SPDX-License-Identifier: MIT */
/*
 * What the socket layer has of TCP, UDP, ICMP and raw IP: endpoints.
 *
 * An endpoint is one protocol control block with its queues. Nothing here sleeps
 * for the network: what cannot be done now says -EAGAIN, and an event tells when it
 * is worth trying again. Blocking, time-outs, restarts, flags of recv and send,
 * and option numbers are the socket layer's.
 *
 * Locks. Every function takes the lock of the stack for a bounded time by itself;
 * the caller holds no spinlock, and may hold its socket's mutex. Of the functions
 * that move data, the caller keeps receivers of one endpoint apart from each other,
 * and senders from each other (copying to and from user memory happens outside the
 * lock and may sleep); a receiver, a sender and everything else may run at once.
 *
 * Events. The stack collects what happened while its lock is held and calls
 * ops->event() after it has let go: thread or softirq context, no lock held,
 * inside an RCU read section (so: no sleeping, but wake-ups, and functions of this
 * header that say "any context"). Events may come late or twice, never too few:
 * the handler wakes whoever waits, and they look again. After inet_close() no new
 * event begins; one may still be running, so the owner frees what `owner` points to
 * only after a grace period (kfree_rcu).
 *
 * Life. inet_open() gives the one reference, inet_close() takes it back. What TCP
 * still has to send or to wait for afterwards lives on without an owner.
 *
 * Addresses are as in the socket's family: an endpoint of AF_INET6 that is not
 * v6only sees IPv4 peers as ::ffff:a.b.c.d, and may name them so.
 */
#pragma once
#include <kernel/types.h>
#include <kernel/errno.h>

struct iov_iter;
struct net;
struct page;

#define INET_AF_INET	2
#define INET_AF_INET6	10

struct inet_addr {
	u16 family;			/* INET_AF_* */
	u16 port;			/* network byte order; raw and ping: see inet_open() */
	u32 scope;			/* IPv6 link-local: index of the interface, else 0 */
	union {
		u8 v4[4];
		u8 v6[16];
	};
};

enum inet_type { INET_TCP, INET_UDP, INET_PING, INET_RAW };

/* Events, and the answer of inet_poll(). The values are this header's own. */
#define INET_EV_READ	BIT(0)		/* data, a datagram, the peer's FIN, or an error */
#define INET_EV_WRITE	BIT(1)		/* room to send, or an error */
#define INET_EV_ACCEPT	BIT(2)		/* a connection to accept */
#define INET_EV_CONNECT	BIT(3)		/* connect has ended: inet_poll, then inet_take_error */
#define INET_EV_RDHUP	BIT(4)		/* the peer will send no more */
#define INET_EV_HUP	BIT(5)		/* both directions are shut, or never were open */
#define INET_EV_ERROR	BIT(6)		/* inet_take_error() has something */
#define INET_EV_STATE	BIT(7)		/* TCP state changed (who lingers in close) */
#define INET_EV_URGENT	BIT(9)		/* the peer has told of urgent data; poll: the byte is here */
#define INET_EV_ERRQUEUE BIT(8)		/* inet_error_recv() or inet_zerocopy_take() has something */

struct inet_ep;

struct inet_ops {
	void (*event)(void *owner, u32 events);
};

/*
 * A closed endpoint, bound to nothing. protocol: of INET_RAW; IPPROTO_ICMP or
 * IPPROTO_ICMPV6 for INET_PING, whose "port" is the echo identifier.
 * 0 and *out; -ENOMEM, -EPROTONOSUPPORT, -EAFNOSUPPORT. Context: thread, may sleep.
 */
int __must_check inet_open(struct net *net, u16 family, enum inet_type type, u8 protocol,
			   const struct inet_ops *ops, void *owner, struct inet_ep **out);
/*
 * Who gets the events of a connection that inet_accept()
 * gave. Before anything else is done with it.
 */
void inet_set_owner(struct inet_ep *ep, const struct inet_ops *ops, void *owner);
/*
 * The owner lets go. TCP: data that nobody read, or `abort`, resets the connection;
 * else what was sent still arrives and FIN follows. A listener resets what nobody
 * accepted. Context: thread.
 */
void inet_close(struct inet_ep *ep, bool abort);

/*
 * Port 0 picks a free one. -EADDRINUSE, -EADDRNOTAVAIL (not ours), -EINVAL (already
 * bound), -EAFNOSUPPORT. Who may use low ports is the socket layer's to ask.
 */
int __must_check inet_bind(struct inet_ep *ep, const struct inet_addr *addr);
/*
 * TCP: listen, or change the backlog of a listener; binds to a free port where it is
 * not bound. -EINVAL: connected. -EADDRINUSE, -ENOMEM.
 */
int __must_check inet_listen(struct inet_ep *ep, u32 backlog);
/*
 * A connection without owner that the caller closes
 * or gives one: 0; -EAGAIN, -EINVAL (no listener).
 */
int __must_check inet_accept(struct inet_ep *listener, struct inet_ep **out);
/*
 * TCP: begin; -EINPROGRESS, then INET_EV_CONNECT. -EALREADY: still at it. -EISCONN.
 * -EADDRNOTAVAIL: no free port. Others: set the peer; 0. -ENETUNREACH, -EAFNOSUPPORT,
 * -EINVAL. NULL: dissolve (UDP, raw, ping; TCP: back to closed).
 */
int __must_check inet_connect(struct inet_ep *ep, const struct inet_addr *addr);
#define INET_SHUT_RD	BIT(0)
#define INET_SHUT_WR	BIT(1)
/* -ENOTCONN. INET_SHUT_RD drops what comes from now on; a listener with it stops listening. */
int __must_check inet_shutdown(struct inet_ep *ep, u32 how);

/* --- data ------------------------------------------------------------------ */

/*
 * TCP bytes in order. Result: bytes moved; 0: the peer has sent FIN (or reading is
 * shut); -EAGAIN: nothing yet; -ENOTCONN, -ECONNRESET, -ETIMEDOUT ...: the pending error,
 * taken; -EFAULT where not even one byte could be copied.
 */
#define INET_PEEK	BIT(0)		/* leave it in the queue */
/* TCP: drop instead of copying. Datagrams: tell the whole length */
#define INET_TRUNC	BIT(1)
#define INET_MORE	BIT(2)		/* more follows: no partial segment (MSG_MORE) */
#define INET_URGENT	BIT(3)		/* send: the last byte is urgent (MSG_OOB) */
/*
 * TCP: the caller has some already. Urgent data come next: 0; and without it -EINTR, where a signal
 * is pending.
 */
#define INET_SOME	BIT(4)
ssize_t inet_tcp_recv(struct inet_ep *ep, struct iov_iter *to, u32 flags);
/* With INET_PEEK, behind the first `skip` bytes; of a part, where there is much. */
ssize_t inet_tcp_peek(struct inet_ep *ep, struct iov_iter *to, size_t skip, u32 flags);
/*
 * The urgent byte: 1, 0: it will not come; -EAGAIN: it has not come yet; -EINVAL: there is none, it
 * was taken, or it is among the others (INET_OPT_OOBINLINE); -EFAULT.
 */
ssize_t inet_tcp_recv_urgent(struct inet_ep *ep, struct iov_iter *to, u32 flags);
/*
 * A receive would have something to do, if only an urgent byte to leave out: less to look at than
 * inet_poll(). Any context.
 */
bool inet_tcp_has_news(const struct inet_ep *ep);
/* Bytes that are no urgent one to be left out. Any context. */
u32 inet_tcp_peekable(const struct inet_ep *ep);
bool inet_tcp_at_mark(struct inet_ep *ep);		/* the next byte is the urgent one */
u32 inet_tcp_before_mark(struct inet_ep *ep);		/* bytes up to it, or all: SIOCINQ */
/*
 * Copies into pages of the send queue as much as there is room for. An iterator over pages gives
 * them: a reference on each is held until it is acknowledged, or read where the other end is of
 * this machine, and the peer gets what is in it when it is sent. Bytes taken; -EAGAIN: no room.
 * -EPIPE: sending is shut, or the connection is gone (SIGPIPE is the socket layer's). -ENOTCONN,
 * -ECONNRESET..., -ENOMEM, -EFAULT.
 */
ssize_t inet_tcp_send(struct inet_ep *ep, struct iov_iter *from, u32 flags);
u32 inet_tcp_unread(const struct inet_ep *ep);		/* bytes. Any context */
u32 inet_tcp_unsent(const struct inet_ep *ep);		/* bytes not yet acknowledged: SIOCOUTQ */

/*
 * MSG_ZEROCOPY. A send has a number, from 0 on, and is told of when its bytes are acknowledged
 * (INET_EV_ERRQUEUE). begin: memory for it, NULL: there is none; kfree() it where nothing was
 * sent. sent: takes it over; copied: the pages were not kept. Sends of one endpoint are kept apart.
 * take: the range of numbers that are over, once; false: none.
 */
struct inet_zerocopy *inet_zerocopy_begin(void);
void inet_zerocopy_sent(struct inet_ep *ep, struct inet_zerocopy *z, size_t bytes, bool copied);
bool inet_zerocopy_take(struct inet_ep *ep, u32 *first, u32 *last, bool *copied);
bool inet_tcp_is_local(const struct inet_ep *ep);	/* its peer is of this machine. Any context */

/* What goes with a datagram. */
struct inet_msg {
	struct inet_addr peer;		/* to or from; to: family 0 for the connected peer */
	struct inet_addr local;		/* received: its destination. To send: source, family 0: chosen */
	u32 ifindex;			/* received on; to send: through, 0: by route */
	s16 ttl, tos;			/* to send: -1 as the endpoint has it */
	u64 stamp_ns;			/* received: CLOCK_REALTIME; 0 unless INET_OPT_STAMP */
	u32 length;			/* received: of the whole datagram, whatever fitted */
};
/*
 * One datagram: bytes copied (cut: less than msg->length; with INET_TRUNC the result is
 * the whole length). -EAGAIN, the pending error, -EFAULT. INET_RAW of IPv4 sees the
 * IP header. msg may be NULL.
 */
ssize_t inet_dgram_recv(struct inet_ep *ep, struct iov_iter *to, struct inet_msg *msg, u32 flags);
/*
 * The same with INET_PEEK, from the byte *offset of the queue on; *offset: of that datagram. One
 * without bytes is found once.
 */
ssize_t inet_dgram_peek_at(struct inet_ep *ep, struct iov_iter *to, struct inet_msg *msg, u32 flags,
			   size_t *offset);
u32 inet_dgram_arrivals(const struct inet_ep *ep);	/* how many were ever queued. Any context */
/*
 * All of `from` as one datagram: its length, or -EMSGSIZE, -EDESTADDRREQ, -ENETUNREACH,
 * -EHOSTUNREACH, -EACCES (broadcast not allowed), -EAGAIN (send buffer full), -ENOBUFS,
 * -ENOMEM, -EFAULT, the pending error. Binds to a free port where it is not bound.
 */
ssize_t inet_dgram_send(struct inet_ep *ep, struct iov_iter *from, const struct inet_msg *msg);
/* length of the first one queued, 0: none */
u32 inet_dgram_next(const struct inet_ep *ep);

/* Why a datagram did not arrive. */
#define INET_ORIGIN_LOCAL	1	/* as SO_EE_ORIGIN_* */
#define INET_ORIGIN_ICMP	2
#define INET_ORIGIN_ICMP6	3
struct inet_error {
	int error;			/* positive errno */
	u8 origin, type, code;		/* of the ICMP message */
	u32 info;			/* of EMSGSIZE: the MTU in its way, bytes */
	struct inet_addr peer;		/* whom it was for */
	struct inet_addr offender;	/* who says so; family 0: we do */
	/* what goes with the message that said so; local, TTL, stamp ... */
	struct inet_msg msg;
	u32 length;			/* of what it quotes, behind our headers */
};
/*
 * The oldest one: bytes of the quotation copied, -EAGAIN, -EFAULT. INET_OPT_RECVERR must
 * have been set.
 */
ssize_t inet_error_recv(struct inet_ep *ep, struct iov_iter *to, struct inet_error *e);

/* Settings of all namespaces (net.ipv4 of /proc/sys); those of one: net/net.h. */
extern s64 inet_tcp_mem[3];		/* pages: net/inet/tcp_mem.c */
extern s32 inet_tcp_max_orphans;	/* connections that their owners have closed */

/* --- state ----------------------------------------------------------------- */

/* INET_EV_*, as it is now. Any context, no lock */
u32 inet_poll(const struct inet_ep *ep);
/* SO_ERROR: positive errno, 0: none. Any context */
int inet_take_error(struct inet_ep *ep);
/* local: unbound gives the wildcard and port 0. -ENOTCONN for peer. */
int __must_check inet_local(struct inet_ep *ep, struct inet_addr *out);
int __must_check inet_peer(struct inet_ep *ep, struct inet_addr *out);

/* As Linux numbers them in /proc/net/tcp. */
enum inet_tcp_state {
	INET_ESTABLISHED = 1, INET_SYN_SENT, INET_SYN_RECV, INET_FIN_WAIT1, INET_FIN_WAIT2, INET_TIME_WAIT,
	INET_CLOSED, INET_CLOSE_WAIT, INET_LAST_ACK, INET_LISTENING, INET_CLOSING,
};
enum inet_tcp_state inet_tcp_state(const struct inet_ep *ep);	/* any context */
/* Single questions of it that need no lock. Any context. */
bool inet_tcp_is_opening(const struct inet_ep *ep);		/* connect has begun and not ended */
bool inet_is_listening(const struct inet_ep *ep);

/* Values are u32 in the unit named. */
enum inet_opt {
	INET_OPT_RCVBUF,		/* bytes; what is queued for the owner at most */
	INET_OPT_SNDBUF,		/* bytes */
	INET_OPT_REUSEADDR, INET_OPT_REUSEPORT,	/* bool */
	INET_OPT_BROADCAST,		/* bool */
	INET_OPT_STAMP,			/* bool: msg.stamp_ns is wanted */
	INET_OPT_DEVICE,		/* index of an interface, 0: any */
	INET_OPT_V6ONLY,		/* bool; before bind */
	INET_OPT_TTL, INET_OPT_TOS,	/* of both families: hop limit, traffic class; TTL 0 is refused */
	INET_OPT_MCAST_TTL, INET_OPT_MCAST_LOOP, INET_OPT_MCAST_IF,
	INET_OPT_HDRINCL,		/* bool; raw IPv4 */
	/* bool; not TCP: queue what ICMP, ICMPv6 says of lost datagrams */
	INET_OPT_RECVERR, INET_OPT_RECVERR6,
	INET_OPT_MTU_DISCOVER,		/* INET_PMTU_* */
	INET_OPT_INCOMING_CPU,		/* s32: of several that would do, the one for packets of this CPU */
	INET_OPT_NODELAY, INET_OPT_CORK,	/* bool; TCP from here */
	INET_OPT_KEEPALIVE,		/* bool */
	INET_OPT_KEEPIDLE, INET_OPT_KEEPINTVL,	/* seconds */
	INET_OPT_KEEPCNT,
	INET_OPT_USER_TIMEOUT,		/* ms, 0: the usual */
	INET_OPT_MAXSEG,		/* bytes; get: the present one */
	INET_OPT_SYNCNT,
	INET_OPT_LINGER2,		/* seconds in FIN_WAIT2 */
	INET_OPT_DEFER_ACCEPT,		/* seconds */
	INET_OPT_QUICKACK,		/* bool */
	INET_OPT_OOBINLINE,		/* bool */
};
/*
 * IP_PMTUDISC_*: DO and PROBE set "don't fragment", and a datagram that does not fit is
 * -EMSGSIZE.
 */
enum { INET_PMTU_DONT, INET_PMTU_WANT, INET_PMTU_DO, INET_PMTU_PROBE, INET_PMTU_INTERFACE,
       INET_PMTU_OMIT };
/* 0; -EINVAL: value out of range; -ENOPROTOOPT: not there for this type, or not implemented. */
int __must_check inet_set_opt(struct inet_ep *ep, enum inet_opt opt, u32 value);
int __must_check inet_get_opt(struct inet_ep *ep, enum inet_opt opt, u32 *value);
struct bpf_program;
/*
 * The program (net/filter.h) that says which datagrams are kept, and how much; the old one
 * is the caller's. No TCP.
 */
struct bpf_program *inet_set_filter(struct inet_ep *ep, struct bpf_program *filter);
/*
 * Join or leave on an interface (0: by route).
 * -EADDRINUSE: is member; -EADDRNOTAVAIL: is not; -ENODEV.
 */
int __must_check inet_membership(struct inet_ep *ep, const struct inet_addr *group, u32 ifindex,
				 bool join);

/* For TCP_INFO, ss and /proc/net/{tcp,udp,raw}{,6}. */
struct inet_info {
	enum inet_type type;
	u16 family;
	enum inet_tcp_state state;
	struct inet_addr local, peer;
	/* NULL: orphan. Valid only inside inet_for_each()'s callback */
	void *owner;
	u32 rx_queue, tx_queue;		/* bytes; listener: accepted not yet, and backlog */
	u32 drops;
	u32 device;			/* bound to this interface, 0: any */
	u8 protocol, tos, shut;		/* shut: INET_SHUT_* */
	bool v6only, autobound;		/* autobound: its port was not asked for */
	u32 rto_ms, srtt_us, rttvar_us;
	u32 snd_mss, rcv_mss, snd_cwnd, snd_ssthresh, rcv_wnd, snd_wnd;	/* bytes */
	u8 retransmits, backoff, probes, snd_wscale, rcv_wscale;
	bool sack, timestamps, wscale;
	u32 total_retrans;
	u64 bytes_acked, bytes_received;
	/* as /proc/net/tcp: 0 none, 1 retransmit, 2 keepalive, 3 time wait, 4 probe */
	u8 timer;
	u32 timer_ms;			/* until it expires */
};
void inet_get_info(struct inet_ep *ep, struct inet_info *out);
/*
 * fn for each endpoint of that type, TCP control blocks in TIME_WAIT and SYN_RECV included. The
 * lock is let go of now and then: one that begins or ends meanwhile is told of or not, none is
 * twice. fn may not sleep nor call back into this header. Context: thread.
 */
void inet_for_each(struct net *net, enum inet_type type,
		   void (*fn)(const struct inet_info *info, void *arg), void *arg);

/* Counters of /proc/net/snmp and netstat: pairs of name and value. */
struct inet_counters {
	u64 ip_in, ip_in_hdr_errors, ip_in_addr_errors, ip_forwarded, ip_in_discards,
		ip_in_delivers, ip_out, ip_out_discards, ip_out_no_routes, ip_reasm_reqds,
		ip_reasm_oks, ip_reasm_fails, ip_frag_oks, ip_frag_fails, ip_frag_creates;
	u64 icmp_in, icmp_in_errors, icmp_out;
	u64 tcp_active_opens, tcp_passive_opens, tcp_attempt_fails, tcp_estab_resets,
		tcp_curr_estab, tcp_in, tcp_out, tcp_retrans, tcp_in_errs, tcp_out_rsts,
		tcp_listen_overflows, tcp_listen_drops;
	u64 tcp_cookies_sent, tcp_cookies_taken, tcp_cookies_failed;
	u64 udp_in, udp_no_ports, udp_in_errors, udp_out, udp_rcvbuf_errors;
};
void inet_counters(struct net *net, struct inet_counters *out);

/* What sockstat tells. */
struct inet_usage {
	u32 tcp4, tcp6, udp4, udp6, raw4, raw6;		/* endpoints, but those in TIME_WAIT */
	u32 orphans, time_wait;
	u64 tcp_pages;
};
void inet_usage(struct net *net, struct inet_usage *out);
