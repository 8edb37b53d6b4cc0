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

enum connect_state { CONNECT_NONE, CONNECT_RUNNING, CONNECT_DONE };

struct inet_sock {
	struct socket sk;		/* must be first */

	/* Constant until the release. */
	struct inet_ep *ep;
	enum inet_type proto;
	uid_t uid;			/* who made it: /proc/net */

	struct mutex read_mutex;	/* RANK_SOCK_READ: one receiver at a time; not held while waiting */
	struct mutex write_mutex;	/* RANK_SOCK_WRITE: one sender */
	struct mutex state_mutex;	/* RANK_SOCK_STATE: connect, bind, listen, shutdown */
	u8 connecting;			/* enum connect_state; state_mutex, read without */
	u32 blocked[8];			/* raw ICMP: a bit for each type that is not wanted; words */
	u32 tells;			/* TELL_*: control messages for the receiver; atomic bits */
	struct rcu_head rcu;		/* events may still be on their way to it */
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

extern const struct socket_ops inet_stream_ops, inet_dgram_ops;

/* family.c */
struct inet_sock *inet_sock_alloc(u16 family, u32 type, u32 protocol, enum inet_type proto);
void inet_sock_event(void *owner, u32 events);
extern const struct inet_ops inet_sock_events;
int inet_sock_getname(struct socket *sk, union sock_addr *addr, bool peer);
int inet_sock_bind(struct socket *sk, const union sock_addr *addr, u32 len);
int inet_sock_shutdown(struct socket *sk, int how);
void inet_sock_free(struct socket *sk);
int inet_sock_take_error(struct socket *sk);
long inet_sock_ioctl(struct socket *sk, u32 cmd, uaddr_t arg);
/* A user's address of the socket's family (or the other, for errno's sake): 0, -EINVAL, -EAFNOSUPPORT. */
int inet_addr_from(const struct socket *sk, const union sock_addr *from, u32 len, struct inet_addr *to);
u32 inet_addr_to(const struct socket *sk, const struct inet_addr *from, union sock_addr *to);	/* its length */

/* tcp.c, dgram.c: methods */
int inet_stream_connect(struct socket *sk, const union sock_addr *addr, u32 len, u32 flags);
int inet_stream_listen(struct socket *sk, u32 backlog);
int inet_stream_accept(struct socket *sk, u32 flags, struct socket **out);
ssize_t inet_stream_send(struct socket *sk, struct sock_msg *m);
ssize_t inet_stream_recv(struct socket *sk, struct sock_msg *m);
u32 inet_stream_poll(struct socket *sk, struct file *f, struct poll_table *pt);
void inet_stream_release(struct socket *sk);

/* options.c */
int inet_sock_set_option(struct socket *sk, int name, u32 value);	/* of SOL_SOCKET */
int inet_sock_setsockopt(struct socket *sk, int level, int name, uaddr_t val, u32 len);
int inet_sock_getsockopt(struct socket *sk, int level, int name, uaddr_t val, uaddr_t ulen);
