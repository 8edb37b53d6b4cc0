/* SPDX-License-Identifier: MIT */
/*
 * AF_INET and AF_INET6: TCP, UDP, ICMP echo and raw sockets.
 *
 * A socket has one endpoint of the stack (net/inet/inet.h), which never waits. Here is what
 * waits: a method tries; what cannot be done now is -EAGAIN, and then the caller sleeps in the
 * socket's queue until the endpoint says that it may be worth another try. The endpoint's
 * events do nothing but wake that queue.
 *
 * Locks. read_mutex and write_mutex keep receivers and senders apart while bytes are copied, and
 * are not held while waiting, as Linux's socket lock is not. state_mutex is for what changes the
 * connection.
 *
 * Life. The endpoint lives as long as the file. An event may still be running when it has been
 * closed, so the socket is freed a grace period after its last reference.
 *
 * Not here: streams (tcp.c), datagrams (dgram.c), options (options.c), /proc/net (proc.c).
 *
 * Limit: UDP-Lite, SCTP and other protocols over IP than TCP, UDP and ICMP echo give
 * -EPROTONOSUPPORT but as raw sockets.
 */
#include <net/af_inet/af_inet.h>
#include <net/net.h>
#include <kernel/bug.h>
#include <kernel/lib/string.h>
#include <kernel/mm/alloc.h>
#include <kernel/task/cred.h>
#include <arch/uaccess.h>

#define IPPROTO_MAX	263
#define LOW_PORTS	1024u		/* CAP_NET_BIND_SERVICE for those below */

struct sockaddr_in {
	u16 family, port;
	u8 addr[4];
	u8 zero[8];
};
struct sockaddr_in6 {
	u16 family, port;
	u32 flowinfo;
	u8 addr[16];
	u32 scope;
};
#define IN6_LEN_OLD	24u		/* without the scope */

/* --- events --- */

static u32 key_of(u32 events)
{
	u32 key = 0;

	if (events & (INET_EV_READ | INET_EV_ACCEPT | INET_EV_RDHUP))
		key |= SOCK_POLL_IN | EPOLLPRI;
	if (events & INET_EV_RDHUP)
		key |= EPOLLRDHUP;
	if (events & INET_EV_WRITE)
		key |= SOCK_POLL_OUT;
	return key;
}

static void tell_urgent(struct inet_sock *s)
{
	struct file *f = READ_ONCE(s->sk.file);

	if (f)
		file_send_urgent(f);
}

/* Context: thread or softirq, in an RCU read section. What ends something is for everybody. */
void inet_sock_event(void *owner, u32 events)
{
	struct inet_sock *s = owner;

	if (unlikely(events & INET_EV_URGENT))
		tell_urgent(s);
	if (!wait_queue_active(&s->sk.wait))
		return;
	if (events &
	    (INET_EV_CONNECT | INET_EV_HUP | INET_EV_ERROR | INET_EV_ERRQUEUE | INET_EV_STATE |
	     INET_EV_RDHUP))
		wake_queue(&s->sk.wait, 0, 0);
	else
		wake_queue(&s->sk.wait, 1, key_of(events));
}

const struct inet_ops inet_sock_events = { .event = inet_sock_event };

/* --- life --- */

static struct kmem_cache *stream_cache, *dgram_cache;

void inet_sock_init(void)
{
	stream_cache = kmem_cache_create("inet_sock", sizeof(struct inet_sock), 8, NULL);
	dgram_cache = kmem_cache_create("inet_dgram_sock", sizeof(struct inet_dgram_sock), 8, NULL);
	if (!stream_cache || !dgram_cache)
		panic("no memory for the caches of sockets");
}

static struct kmem_cache *cache_of(enum inet_type proto)
{
	return proto == INET_TCP ? stream_cache : dgram_cache;
}

struct inet_sock *inet_sock_alloc(struct net *net, u16 family, u32 type, u32 protocol,
				  enum inet_type proto)
{
	struct inet_sock *s = kmem_cache_zalloc(cache_of(proto), GFP_KERNEL);

	if (!s)
		return NULL;
	socket_setup(&s->sk, net, proto == INET_TCP ? &inet_stream_ops : &inet_dgram_ops, family,
		     type, protocol);
	mutex_init(&s->read_mutex, RANK_SOCK_READ);
	mutex_init(&s->write_mutex, RANK_SOCK_WRITE);
	mutex_init(&s->state_mutex, RANK_SOCK_STATE);
	s->proto = proto;
	s->uid = current_cred()->fsuid;
	return s;
}

/* What a type and a protocol number (0: the usual) mean: 0, and *proto and *nr. */
static int resolve(u16 family, u32 type, u32 protocol, enum inet_type *proto, u32 *nr)
{
	u32 icmp = family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6;

	if (protocol >= IPPROTO_MAX)
		return -EINVAL;
	*nr = protocol;
	switch (type) {
	case SOCK_STREAM:
		*proto = INET_TCP;
		*nr = IPPROTO_TCP;
		return !protocol || protocol == IPPROTO_TCP ? 0 : -EPROTONOSUPPORT;
	case SOCK_DGRAM:
		*proto = protocol == icmp ? INET_PING : INET_UDP;
		*nr = protocol == icmp ? icmp : IPPROTO_UDP;
		return !protocol || protocol == IPPROTO_UDP || protocol == icmp ? 0 : -EPROTONOSUPPORT;
	case SOCK_RAW:
		*proto = INET_RAW;
		if (!protocol || protocol > 255)
			return -EPROTONOSUPPORT;
		return capable(CAP_NET_RAW) ? 0 : -EPERM;
	default:
		return -ESOCKTNOSUPPORT;
	}
}

static int create(u16 family, u32 type, u32 protocol, struct socket **out)
{
	enum inet_type proto;
	struct inet_sock *s;
	u32 nr, value;
	int err = resolve(family, type, protocol, &proto, &nr);

	if (err)
		return err;
	s = inet_sock_alloc(current_net(), family, type, nr, proto);
	if (!s)
		return -ENOMEM;
	err = inet_open(s->sk.net, family, proto, nr, &inet_sock_events, s, &s->ep);
	if (err) {
		socket_end(&s->sk);
		kmem_cache_free(cache_of(proto), s);
		return err;
	}
	if (!inet_get_opt(s->ep, INET_OPT_SNDBUF, &value))
		s->sk.sndbuf = value;
	if (!inet_get_opt(s->ep, INET_OPT_RCVBUF, &value))
		s->sk.rcvbuf = value;
	*out = &s->sk;
	return 0;
}

static int create4(u32 type, u32 protocol, struct socket **out)
{
	return create(AF_INET, type, protocol, out);
}

static int create6(u32 type, u32 protocol, struct socket **out)
{
	return create(AF_INET6, type, protocol, out);
}

SOCKET_FAMILY(inet) = { .family = AF_INET, .name = "INET", .create = create4, .diag = inet_diag };
SOCKET_FAMILY(inet6) = { .family = AF_INET6, .name = "INET6", .create = create6,
			 .diag = inet_diag };

static void free_rcu(struct rcu_head *head)
{
	struct inet_sock *s = container_of(head, struct inet_sock, rcu);

	kmem_cache_free(cache_of(s->proto), s);
}

void inet_sock_free(struct socket *sk)
{
	call_rcu(&inet_of(sk)->rcu, free_rcu);
}

int inet_sock_take_error(struct socket *sk)
{
	int err = socket_take_error(sk);

	return err ? err : -inet_take_error(inet_of(sk)->ep);
}

/* --- addresses --- */

int inet_addr_from(const struct socket *sk, const union sock_addr *from, u32 len,
		   struct inet_addr *to)
{
	memset(to, 0, sizeof(*to));
	to->family = sk->family;
	/* A socket of AF_INET6 takes IPv4 addresses too, to connect and send to. */
	if (sk->family == AF_INET || (from->family == AF_INET && len >= sizeof(from->family))) {
		const struct sockaddr_in *in = (const void *)from;

		if (len < sizeof(*in))
			return -EINVAL;
		if (in->family != AF_INET && in->family != AF_UNSPEC)
			return -EAFNOSUPPORT;
		to->port = in->port;
		if (sk->family == AF_INET6) {
			memset(to->v6 + 10, 0xff, 2);
			memcpy(to->v6 + 12, in->addr, 4);
		} else {
			memcpy(to->v4, in->addr, 4);
		}
	} else {
		const struct sockaddr_in6 *in6 = (const void *)from;

		if (len < IN6_LEN_OLD)
			return -EINVAL;
		if (in6->family != AF_INET6)
			return -EAFNOSUPPORT;
		to->port = in6->port;
		memcpy(to->v6, in6->addr, 16);
		to->scope = len >= sizeof(*in6) ? in6->scope : 0;
	}
	return 0;
}

u32 inet_addr_to(const struct socket *sk, const struct inet_addr *from, union sock_addr *to)
{
	if (sk->family == AF_INET) {
		struct sockaddr_in *in = (void *)to;

		*in = (struct sockaddr_in){ .family = AF_INET, .port = from->port };
		memcpy(in->addr, from->v4, 4);
		return sizeof(*in);
	}
	struct sockaddr_in6 *in6 = (void *)to;

	*in6 = (struct sockaddr_in6){ .family = AF_INET6, .port = from->port, .scope = from->scope };
	memcpy(in6->addr, from->v6, 16);
	return sizeof(*in6);
}

int inet_sock_getname(struct socket *sk, union sock_addr *addr, bool peer)
{
	struct inet_addr a;
	int err = peer ? inet_peer(inet_of(sk)->ep, &a) : inet_local(inet_of(sk)->ep, &a);

	return err ? err : (int)inet_addr_to(sk, &a, addr);
}

int inet_sock_bind(struct socket *sk, const union sock_addr *addr, u32 len)
{
	struct inet_sock *s = inet_of(sk);
	struct inet_addr a;
	u32 port;
	int err;

	if (sk->family == AF_INET6 && len >= IN6_LEN_OLD && addr->family != AF_INET6)
		return -EAFNOSUPPORT;
	if (sk->family == AF_INET6 && len < IN6_LEN_OLD)
		return -EINVAL;
	err = inet_addr_from(sk, addr, len, &a);
	if (err)
		return err;
	/* AF_UNSPEC passes for AF_INET only with the wildcard, as it always has. */
	if (addr->family == AF_UNSPEC && *(u32 *)a.v4)
		return -EAFNOSUPPORT;
	port = __builtin_bswap16(a.port);
	if (s->proto == INET_RAW)
		a.port = 0;
	else if (port && port < LOW_PORTS && s->proto != INET_PING &&
		 !capable(CAP_NET_BIND_SERVICE))
		return -EACCES;
	mutex_lock(&s->state_mutex);
	err = inet_bind(s->ep, &a);
	mutex_unlock(&s->state_mutex);
	return err;
}

int inet_sock_shutdown(struct socket *sk, int how)
{
	struct inet_sock *s = inet_of(sk);
	int err;

	if (how < SHUT_RD || how > SHUT_RDWR)
		return -EINVAL;
	mutex_lock(&s->state_mutex);
	err = inet_shutdown(s->ep, (how != SHUT_WR ? INET_SHUT_RD : 0) |
					   (how != SHUT_RD ? INET_SHUT_WR : 0));
	mutex_unlock(&s->state_mutex);
	wake_all(&sk->wait);
	return err;
}

long inet_sock_ioctl(struct socket *sk, u32 cmd, uaddr_t arg)
{
	struct inet_sock *s = inet_of(sk);

	switch (cmd) {
	case SIOCINQ:
		if (s->proto != INET_TCP)
			return put_user((int)inet_dgram_next(s->ep), arg);
		if (inet_tcp_state(s->ep) == INET_LISTENING)
			return -EINVAL;
		return put_user((int)inet_tcp_before_mark(s->ep), arg);
	case SIOCATMARK:
		if (s->proto != INET_TCP)
			return -ENOTTY;
		return put_user((int)inet_tcp_at_mark(s->ep), arg);
	case SIOCOUTQ:
		if (s->proto != INET_TCP)
			return put_user(0, arg);
		if (inet_tcp_state(s->ep) == INET_LISTENING)
			return -EINVAL;
		return put_user((int)inet_tcp_unsent(s->ep), arg);
	default:
		return -ENOTTY;
	}
}
