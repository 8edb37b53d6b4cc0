/* SPDX-License-Identifier: MIT */
/*
 * Options of TCP, IP and IPv6. Most are one number that the endpoint keeps: a table says which. The
 * rest has a form of its own: TCP_INFO, multicast membership, what recvmsg(2) is to tell.
 *
 * Limit: IP_RECVERR and IPV6_RECVERR of TCP can be set, and change nothing: in its error queue are
 * the notices of MSG_ZEROCOPY alone.
 * Limit: a multicast group is joined on an interface named by its index or found by route; an
 * interface's address in its place gives -ENODEV.
 * Limit: options that are in no table here give -ENOPROTOOPT: IP_OPTIONS, IP_TRANSPARENT,
 * IPV6_CHECKSUM, TCP_MD5SIG, TCP_FASTOPEN among them.
 */
#include <net/af_inet/af_inet.h>
#include <net/inet/config.h>
#include <net/net.h>
#include <kernel/lib/string.h>
#include <arch/uaccess.h>

enum {
	TCP_NODELAY = 1, TCP_MAXSEG, TCP_CORK, TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT, TCP_SYNCNT, TCP_LINGER2,
	TCP_DEFER_ACCEPT, TCP_INFO = 11, TCP_QUICKACK, TCP_CONGESTION, TCP_USER_TIMEOUT = 18,

	UDP_CORK = 1,

	IP_TOS = 1, IP_TTL, IP_HDRINCL, IP_PKTINFO = 8, IP_MTU_DISCOVER = 10,
	IP_RECVTTL = 12, IP_RECVTOS,
	IP_MTU = 14,
	IP_RECVORIGDSTADDR = 20, IP_MULTICAST_IF = 32, IP_MULTICAST_TTL, IP_MULTICAST_LOOP,
	IP_ADD_MEMBERSHIP, IP_DROP_MEMBERSHIP,

	IPV6_UNICAST_HOPS = 16, IPV6_MULTICAST_IF, IPV6_MULTICAST_HOPS, IPV6_MULTICAST_LOOP,
	IPV6_ADD_MEMBERSHIP, IPV6_DROP_MEMBERSHIP, IPV6_MTU_DISCOVER = 23, IPV6_MTU,
	IPV6_V6ONLY = 26,
	IPV6_RECVPKTINFO = 49, IPV6_RECVHOPLIMIT = 51,
	IPV6_RECVTCLASS = 66, IPV6_TCLASS,
};

#define DEFAULT_TTL	64

/* --- one number each --- */

enum number_kind { BOOLEAN, NUMBER, SIGNED, BYTE, HOPS, MULTICAST_HOPS };

static const struct number {
	u16 level, name;
	u8 opt;				/* enum inet_opt */
	u8 kind;
} numbers[] = {
	{ IPPROTO_TCP, TCP_NODELAY, INET_OPT_NODELAY, BOOLEAN },
	{ IPPROTO_TCP, TCP_MAXSEG, INET_OPT_MAXSEG, NUMBER },
	{ IPPROTO_TCP, TCP_CORK, INET_OPT_CORK, BOOLEAN },
	{ IPPROTO_TCP, TCP_KEEPIDLE, INET_OPT_KEEPIDLE, NUMBER },
	{ IPPROTO_TCP, TCP_KEEPINTVL, INET_OPT_KEEPINTVL, NUMBER },
	{ IPPROTO_TCP, TCP_KEEPCNT, INET_OPT_KEEPCNT, NUMBER },
	{ IPPROTO_TCP, TCP_SYNCNT, INET_OPT_SYNCNT, NUMBER },
	{ IPPROTO_TCP, TCP_LINGER2, INET_OPT_LINGER2, SIGNED },
	{ IPPROTO_TCP, TCP_DEFER_ACCEPT, INET_OPT_DEFER_ACCEPT, SIGNED },
	{ IPPROTO_TCP, TCP_QUICKACK, INET_OPT_QUICKACK, BOOLEAN },
	{ IPPROTO_TCP, TCP_USER_TIMEOUT, INET_OPT_USER_TIMEOUT, NUMBER },
	{ IPPROTO_IP, IP_TOS, INET_OPT_TOS, BYTE },
	{ IPPROTO_IP, IP_TTL, INET_OPT_TTL, HOPS },
	{ IPPROTO_IP, IP_MTU_DISCOVER, INET_OPT_MTU_DISCOVER, NUMBER },
	{ IPPROTO_IP, IP_HDRINCL, INET_OPT_HDRINCL, BOOLEAN },
	{ IPPROTO_IP, IP_MULTICAST_TTL, INET_OPT_MCAST_TTL, MULTICAST_HOPS },
	{ IPPROTO_IP, IP_MULTICAST_LOOP, INET_OPT_MCAST_LOOP, BOOLEAN },
	{ IPPROTO_IPV6, IPV6_MTU_DISCOVER, INET_OPT_MTU_DISCOVER, NUMBER },
	{ IPPROTO_IPV6, IPV6_UNICAST_HOPS, INET_OPT_TTL, HOPS },
	{ IPPROTO_IPV6, IPV6_MULTICAST_HOPS, INET_OPT_MCAST_TTL, MULTICAST_HOPS },
	{ IPPROTO_IPV6, IPV6_MULTICAST_LOOP, INET_OPT_MCAST_LOOP, BOOLEAN },
	{ IPPROTO_IPV6, IPV6_MULTICAST_IF, INET_OPT_MCAST_IF, NUMBER },
	{ IPPROTO_IPV6, IPV6_V6ONLY, INET_OPT_V6ONLY, BOOLEAN },
	{ IPPROTO_IPV6, IPV6_TCLASS, INET_OPT_TOS, BYTE },
};

static const struct number *number_find(int level, int name)
{
	for (u32 i = 0; i < ARRAY_SIZE(numbers); i++)
		if (numbers[i].level == level && numbers[i].name == name)
			return &numbers[i];
	return NULL;
}

/* Bits of what is told to receivers; 0: it is none of them. */
static u32 tell_of(int level, int name)
{
	if (level == IPPROTO_IP)
		return name == IP_PKTINFO ? TELL_PKTINFO : name == IP_RECVTTL ? TELL_TTL :
		       name == IP_RECVTOS ? TELL_TOS : name == IP_RECVORIGDSTADDR ? TELL_ORIGDST :
		       name == IP_RECVERR ? TELL_ERRORS : 0;
	return name == IPV6_RECVPKTINFO ? TELL_PKTINFO6 : name == IPV6_RECVHOPLIMIT ? TELL_HOPLIMIT :
	       name == IPV6_RECVTCLASS ? TELL_TCLASS : name == IPV6_RECVERR ? TELL_ERRORS6 : 0;
}

static int set_number(struct inet_sock *s, const struct number *n, int v)
{
	switch (n->kind) {
	case BOOLEAN:
		v = !!v;
		break;
	case SIGNED:
		break;
	case BYTE:
		v = v == -1 ? 0 : v;
		if (n->level == IPPROTO_IP)
			v &= 0xff;
		if (v < 0 || v > 255)
			return -EINVAL;
		break;
	case HOPS:
		v = v == -1 ? DEFAULT_TTL : v;
		if (v < 1 || v > 255)
			return -EINVAL;
		break;
	case MULTICAST_HOPS:
		v = v == -1 ? 1 : v;
		if (s->proto == INET_TCP || v < 0 || v > 255)
			return -EINVAL;
		break;
	default:
		if (v < 0)
			return -EINVAL;
	}
	return inet_set_opt(s->ep, n->opt, v);
}

/* An int, or for IP one byte. */
static int take_int(int level, uaddr_t val, u32 len, int *v)
{
	u8 byte;

	if (len >= sizeof(*v))
		return get_user(*v, val);
	if (level != IPPROTO_IP || !len)
		return -EINVAL;
	if (copy_from_user(&byte, val, 1))
		return -EFAULT;
	*v = byte;
	return 0;
}

/* --- multicast --- */

struct ip_mreqn {
	u8 group[4], address[4];
	s32 ifindex;
};
struct ipv6_mreq {
	u8 group[16];
	s32 ifindex;
};

static int set_membership4(struct inet_sock *s, uaddr_t val, u32 len, bool join)
{
	struct inet_addr group = { .family = INET_AF_INET };
	struct ip_mreqn m = { .ifindex = 0 };

	if (len < 8)
		return -EINVAL;
	if (copy_from_user(&m, val, min(len, (u32)sizeof(m))))
		return -EFAULT;
	if (!m.ifindex && *(u32 *)m.address)
		return -ENODEV;
	memcpy(group.v4, m.group, 4);
	return inet_membership(s->ep, &group, m.ifindex, join);
}

static int set_membership6(struct inet_sock *s, uaddr_t val, u32 len, bool join)
{
	struct inet_addr group = { .family = INET_AF_INET6 };
	struct ipv6_mreq m;

	if (len < sizeof(m))
		return -EINVAL;
	if (copy_from_user(&m, val, sizeof(m)))
		return -EFAULT;
	memcpy(group.v6, m.group, 16);
	return inet_membership(s->ep, &group, m.ifindex, join);
}

static int set_multicast_if4(struct inet_sock *s, uaddr_t val, u32 len)
{
	struct ip_mreqn m = { .ifindex = 0 };

	if (len < 4)
		return -EINVAL;
	if (copy_from_user(len < 8 ? m.address : (void *)&m, val,
			   len < 8 ? 4 : min(len, (u32)sizeof(m))))
		return -EFAULT;
	if (!m.ifindex && *(u32 *)m.address)
		return -ENODEV;
	return inet_set_opt(s->ep, INET_OPT_MCAST_IF, m.ifindex);
}

/* --- setting --- */

static int set_congestion(uaddr_t val, u32 len)
{
	char name[INET_CONGESTION_MAX] = "";

	if (!len)
		return -EINVAL;
	if (copy_from_user(name, val, min(len, INET_CONGESTION_MAX - 1)))
		return -EFAULT;
	return strcmp(name, INET_CONGESTION) ? -ENOENT : 0;
}

static int set_tell(struct inet_sock *s, u32 bit, bool on)
{
	if ((bit & (TELL_ERRORS | TELL_ERRORS6)) && s->proto != INET_TCP) {
		enum inet_opt opt = bit == TELL_ERRORS ? INET_OPT_RECVERR : INET_OPT_RECVERR6;
		int err = inet_set_opt(s->ep, opt, on);

		if (err)
			return err;
	}
	if (on)
		(void)__atomic_fetch_or(&s->tells, bit, __ATOMIC_RELAXED);
	else
		(void)__atomic_fetch_and(&s->tells, ~bit, __ATOMIC_RELAXED);
	return 0;
}

/* Bytes of the set of unwanted types that a raw ICMP socket has at this level; 0: it has none. */
static u32 filter_bytes(const struct inet_sock *s, int level, int name)
{
	if (s->proto != INET_RAW || name != ICMP_FILTER)
		return 0;
	if (level == SOL_RAW && s->sk.family == AF_INET && s->sk.protocol == IPPROTO_ICMP)
		return sizeof(u32);
	if (level == IPPROTO_ICMPV6 && s->sk.family == AF_INET6 && s->sk.protocol == IPPROTO_ICMPV6)
		return ICMP_FILTER_WORDS * sizeof(u32);
	return 0;
}

static int set_filter(struct inet_dgram_sock *d, u32 bytes, uaddr_t val, u32 len)
{
	u32 blocked[ARRAY_SIZE(d->blocked)];

	memcpy(blocked, d->blocked, sizeof(blocked));
	if (copy_from_user(blocked, val, min(len, bytes)))
		return -EFAULT;
	for (u32 i = 0; i < ARRAY_SIZE(blocked); i++)
		WRITE_ONCE(d->blocked[i], blocked[i]);
	return 0;
}

/* Is level one of the socket's? */
static int check_level(const struct inet_sock *s, int level)
{
	if (level == IPPROTO_IP || (level == IPPROTO_IPV6 && s->sk.family == AF_INET6) ||
	    (level == IPPROTO_TCP && s->proto == INET_TCP) ||
	    (level == IPPROTO_UDP && s->proto == INET_UDP))
		return 0;
	return -ENOPROTOOPT;
}

/* Of UDP's own there is one: off, and what was held back goes. */
static int set_udp(struct inet_dgram_sock *d, int name, uaddr_t val, u32 len)
{
	int v;

	if (name != UDP_CORK)
		return -ENOPROTOOPT;
	if (len < sizeof(v))
		return -EINVAL;
	if (get_user(v, val))
		return -EFAULT;
	WRITE_ONCE(d->cork, !!v);
	return v ? 0 : inet_dgram_uncork(d);
}

int inet_sock_setsockopt(struct socket *sk, int level, int name, uaddr_t val, u32 len)
{
	struct inet_sock *s = inet_of(sk);
	const struct number *n = number_find(level, name);
	int err = check_level(s, level), v;
	u32 tell, bytes = filter_bytes(s, level, name);

	if (bytes)
		return set_filter(inet_dgram_of(s), bytes, val, len);
	if (err)
		return err;
	if (level == IPPROTO_UDP)
		return set_udp(inet_dgram_of(s), name, val, len);
	if (level == IPPROTO_TCP && name == TCP_CONGESTION)
		return set_congestion(val, len);
	if (level == IPPROTO_IP && (name == IP_ADD_MEMBERSHIP || name == IP_DROP_MEMBERSHIP))
		return set_membership4(s, val, len, name == IP_ADD_MEMBERSHIP);
	if (level == IPPROTO_IPV6 && (name == IPV6_ADD_MEMBERSHIP || name == IPV6_DROP_MEMBERSHIP))
		return set_membership6(s, val, len, name == IPV6_ADD_MEMBERSHIP);
	if (level == IPPROTO_IP && name == IP_MULTICAST_IF)
		return set_multicast_if4(s, val, len);
	tell = level == IPPROTO_TCP ? 0 : tell_of(level, name);
	if (!n && !tell)
		return -ENOPROTOOPT;
	err = take_int(level, val, len, &v);
	if (err)
		return err;
	return n ? set_number(s, n, v) : set_tell(s, tell, v);
}

/* Options of SOL_SOCKET that the endpoint has to know; buffers hold half of what is counted. */
int inet_sock_set_option(struct socket *sk, int name, u32 value)
{
	struct inet_sock *s = inet_of(sk);

	switch (name) {
	case SO_TIMESTAMP_OLD:
		return s->proto == INET_TCP ? -ENOPROTOOPT :
		       inet_set_opt(s->ep, INET_OPT_STAMP, !!value);
	case SO_BINDTODEVICE:
		return inet_set_opt(s->ep, INET_OPT_DEVICE, value);
	case SO_REUSEADDR:
		return inet_set_opt(s->ep, INET_OPT_REUSEADDR, !!value);
	case SO_REUSEPORT:
		return inet_set_opt(s->ep, INET_OPT_REUSEPORT, !!value);
	case SO_BROADCAST:
		return s->proto == INET_TCP ? 0 : inet_set_opt(s->ep, INET_OPT_BROADCAST, !!value);
	case SO_KEEPALIVE:
		return s->proto == INET_TCP ? inet_set_opt(s->ep, INET_OPT_KEEPALIVE, !!value) : 0;
	case SO_INCOMING_CPU:
		return inet_set_opt(s->ep, INET_OPT_INCOMING_CPU, value);
	case SO_OOBINLINE:
		return s->proto == INET_TCP ? inet_set_opt(s->ep, INET_OPT_OOBINLINE, !!value) : 0;
	case SO_SNDBUF:
		return inet_set_opt(s->ep, INET_OPT_SNDBUF, value / 2);
	case SO_RCVBUF:
		return inet_set_opt(s->ep, INET_OPT_RCVBUF, value / 2);
	default:
		return 0;
	}
}

/* --- reading --- */

static int get_tcp_info(struct inet_sock *s, uaddr_t val, uaddr_t ulen)
{
	struct inet_info i;
	struct tcp_info t;

	inet_get_info(s->ep, &i);
	inet_tcp_info(&i, &t);
	return sock_put_option(val, ulen, &t, sizeof(t));
}

/* IP: where there is no room for an int, a byte. */
static int put_int(int level, uaddr_t val, uaddr_t ulen, int v)
{
	u8 byte = (u8)v;
	s32 room;

	if (get_user(room, ulen))
		return -EFAULT;
	if (level == IPPROTO_IP && room > 0 && room < (s32)sizeof(v) && v >= 0 && v <= 255)
		return sock_put_option(val, ulen, &byte, 1);
	return sock_put_option(val, ulen, &v, sizeof(v));
}

/* Of the way to the peer: its first link's, but not more than a packet may have. */
static int get_mtu(struct inet_sock *s, int level, uaddr_t val, uaddr_t ulen)
{
	struct inet_route route;
	struct inet_addr peer;
	u32 longest, mtu = 0;
	int err = inet_peer(s->ep, &peer);

	rcu_read_lock();
	if (!err)
		err = inet_route_lookup(s->sk.net, &peer, READ_ONCE(s->sk.device), &route);
	if (!err && route.dev)
		mtu = READ_ONCE(route.dev->mtu);
	rcu_read_unlock();
	if (!mtu)
		return -ENOTCONN;
	longest = level == IPPROTO_IP ? 65535 : 65535 + 40;
	return put_int(level, val, ulen, (int)min(mtu, longest));
}

int inet_sock_getsockopt(struct socket *sk, int level, int name, uaddr_t val, uaddr_t ulen)
{
	struct inet_sock *s = inet_of(sk);
	const struct number *n = number_find(level, name);
	int err = check_level(s, level);
	u32 v, tell, bytes = filter_bytes(s, level, name);

	if (bytes)
		return sock_put_option(val, ulen, inet_dgram_of(s)->blocked, bytes);
	if (err)
		return err;
	if (level == IPPROTO_UDP)
		return name == UDP_CORK ?
			       put_int(level, val, ulen, (int)READ_ONCE(inet_dgram_of(s)->cork)) :
			       -ENOPROTOOPT;
	if (level == IPPROTO_TCP && name == TCP_INFO)
		return get_tcp_info(s, val, ulen);
	if (level == IPPROTO_TCP && name == TCP_CONGESTION) {
		char text[INET_CONGESTION_MAX] = INET_CONGESTION;

		return sock_put_option(val, ulen, text, sizeof(text));
	}
	if ((level == IPPROTO_IP && name == IP_MTU) || (level == IPPROTO_IPV6 && name == IPV6_MTU))
		return get_mtu(s, level, val, ulen);
	tell = level == IPPROTO_TCP ? 0 : tell_of(level, name);
	if (tell)
		return put_int(level, val, ulen, READ_ONCE(s->tells) & tell ? 1 : 0);
	if (!n)
		return -ENOPROTOOPT;
	err = inet_get_opt(s->ep, n->opt, &v);
	return err ? err : put_int(level, val, ulen, (int)v);
}
