/* SPDX-License-Identifier: MIT */
/*
 * Inside the socket families AF_INET and AF_INET6. Theory: family.c.
 */
#pragma once
#include <net/inet/inet.h>
#include <net/socket.h>
#include <kernel/lock/mutex.h>
#include <kernel/lock/rcu.h>

#define IPPROTO_IP	0
#define IPPROTO_ICMP	1
#define IPPROTO_TCP	6
#define IPPROTO_UDP	17
#define IPPROTO_IPV6	41
#define IPPROTO_ICMPV6	58
#define SOL_RAW		255
#define ICMP_FILTER	1		/* of SOL_RAW */
#define ICMP6_FILTER	1		/* of IPPROTO_ICMPV6 */
#define ICMP_FILTER_WORDS 8		/* a bit for each type; ICMP's has the first word */

enum { IP_RECVERR = 11, IPV6_RECVERR = 25 };

/* What the error queue tells: the ABI's, before an address of the socket's family. */
struct sock_extended_err {
	u32 error;
	u8 origin, type, code, pad;
	u32 info, data;
};
#define INET_ADDR_BYTES4	16u	/* of those addresses */
#define INET_ADDR_BYTES6	28u

enum connect_state { CONNECT_NONE, CONNECT_RUNNING, CONNECT_DONE };

struct inet_sock {
	struct socket sk;		/* must be first */

	/* Constant until the release. */
	struct inet_ep *ep;
	enum inet_type proto;
	uid_t uid;			/* who made it: /proc/net */

	/* RANK_SOCK_READ: one receiver at a time; not held while waiting */
	struct mutex read_mutex;
	struct mutex write_mutex;	/* RANK_SOCK_WRITE: one sender */
	struct mutex state_mutex;	/* RANK_SOCK_STATE: connect, bind, listen, shutdown */
	u8 connecting;			/* enum connect_state; state_mutex, read without */
	u32 tells;			/* TELL_*: control messages for the receiver; atomic bits */
	struct rcu_head rcu;		/* events may still be on their way to it */
};

/* All but TCP's. */
struct inet_dgram_sock {
	struct inet_sock s;		/* must be first */
	u32 blocked[ICMP_FILTER_WORDS];	/* raw ICMP: a bit for each type that is not wanted; words */
	u32 cork;			/* UDP_CORK; a word */
	struct inet_corked *corked;	/* dgram.c; s.write_mutex */
};

/* What recvmsg(2) tells beside a datagram. */
#define TELL_PKTINFO	BIT(0)
#define TELL_TTL	BIT(1)
#define TELL_TOS	BIT(2)
#define TELL_PKTINFO6	BIT(3)
#define TELL_HOPLIMIT	BIT(4)
#define TELL_TCLASS	BIT(5)
#define TELL_ORIGDST	BIT(6)
#define TELL_ERRORS	BIT(7)	/* IP_RECVERR, IPV6_RECVERR: options.c */
#define TELL_ERRORS6	BIT(8)

static inline struct inet_sock *inet_of(struct socket *sk)
{
	return container_of(sk, struct inet_sock, sk);
}

static inline struct inet_dgram_sock *inet_dgram_of(struct inet_sock *s)
{
	return container_of(s, struct inet_dgram_sock, s);
}

extern const struct socket_ops inet_stream_ops, inet_dgram_ops;

/* family.c */
void inet_sock_init(void);		/* boot thread, before the first socket */
struct inet_sock *inet_sock_alloc(struct net *net, u16 family, u32 type, u32 protocol,
				  enum inet_type proto);
void inet_sock_event(void *owner, u32 events);
extern const struct inet_ops inet_sock_events;
int inet_sock_getname(struct socket *sk, union sock_addr *addr, bool peer);
int inet_sock_bind(struct socket *sk, const union sock_addr *addr, u32 len);
int inet_sock_shutdown(struct socket *sk, int how);
void inet_sock_free(struct socket *sk);
int inet_sock_take_error(struct socket *sk);
long inet_sock_ioctl(struct socket *sk, u32 cmd, uaddr_t arg);
/*
 * A user's address of the socket's family (or the
 * other, for errno's sake): 0, -EINVAL, -EAFNOSUPPORT.
 */
int inet_addr_from(const struct socket *sk, const union sock_addr *from, u32 len, struct inet_addr *to);
/* its length */
u32 inet_addr_to(const struct socket *sk, const struct inet_addr *from, union sock_addr *to);

/* tcp.c, dgram.c: methods */
/* send what was held back. 0, or why it did not go */
int inet_dgram_uncork(struct inet_dgram_sock *d);
int inet_stream_connect(struct socket *sk, const union sock_addr *addr, u32 len, u32 flags);
int inet_stream_listen(struct socket *sk, u32 backlog);
int inet_stream_accept(struct socket *sk, u32 flags, struct socket **out);
ssize_t inet_stream_send(struct socket *sk, struct sock_msg *m);
ssize_t inet_stream_recv(struct socket *sk, struct sock_msg *m);
u32 inet_stream_poll(struct socket *sk, struct file *f, struct poll_table *pt);
void inet_stream_release(struct socket *sk);

/*
 * info.c: Linux's struct tcp_info. Times in us, but for last_*: ms; rates in bytes per
 * second; lengths in bytes.
 */
struct tcp_info {
	u8 state, ca_state, retransmits, probes, backoff, options, wscale, flags;
	u32 rto, ato, snd_mss, rcv_mss;
	u32 unacked, sacked, lost, retrans, fackets;	/* segments */
	u32 last_data_sent, last_ack_sent, last_data_recv, last_ack_recv;
	u32 pmtu, rcv_ssthresh, rtt, rttvar, snd_ssthresh, snd_cwnd, advmss, reordering;
	u32 rcv_rtt, rcv_space;
	u32 total_retrans;
	u64 pacing_rate, max_pacing_rate, bytes_acked, bytes_received;
	u32 segs_out, segs_in, notsent_bytes, min_rtt, data_segs_in, data_segs_out;
	u64 delivery_rate, busy_time, rwnd_limited, sndbuf_limited;
	u32 delivered, delivered_ce;
	u64 bytes_sent, bytes_retrans;
	u32 dsack_dups, reord_seen, rcv_ooopack, snd_wnd;
};
/* what nobody counts is 0 */
void inet_tcp_info(const struct inet_info *i, struct tcp_info *out);

#define INET_CONGESTION		"reno"	/* what lwIP's control is, near enough, and the only one */
#define INET_CONGESTION_MAX	16u

/* zerocopy.c */
bool inet_wants_zerocopy(const struct socket *sk, const struct sock_msg *m);
/* As inet_tcp_send(), without a copy where that can be: then *copied is set to false. */
ssize_t inet_send_pages(struct inet_sock *s, struct iov_iter *from, u32 flags, bool *copied);
/* the next notice: 0, -EAGAIN */
ssize_t inet_zerocopy_recv(struct inet_sock *s, struct sock_msg *m);

/* diag.c, diag_filter.c */
int inet_diag(const struct nl_request *r, struct nl_out *o);
/* A program of ss(8) about sockets. -EINVAL: damaged, or for what is not there; -EPERM. */
int __must_check inet_diag_filter_check(const u8 *code, u32 len);
bool inet_diag_filter_run(const u8 *code, u32 len, const struct inet_info *i);

/* options.c */
int inet_sock_set_option(struct socket *sk, int name, u32 value);	/* of SOL_SOCKET */
int inet_sock_setsockopt(struct socket *sk, int level, int name, uaddr_t val, u32 len);
int inet_sock_getsockopt(struct socket *sk, int level, int name, uaddr_t val, uaddr_t ulen);
