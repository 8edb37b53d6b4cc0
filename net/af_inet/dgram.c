/* SPDX-License-Identifier: MIT */
/*
 * Datagrams over IP: UDP, ICMP echo ("ping") and raw sockets. One send, one
 * datagram; what goes beside it comes and goes as control messages.
 *
 * Limit: MSG_MORE, which would gather several sends into one datagram, gives -EOPNOTSUPP. MSG_ERRQUEUE finds
 * nothing.
 */
#include <net/af_inet/af_inet.h>
#include <kernel/lib/string.h>

enum { IP_TOS = 1, IP_TTL = 2, IP_PKTINFO = 8, IPV6_PKTINFO = 50, IPV6_HOPLIMIT = 52, IPV6_TCLASS = 67,
	IP_ORIGDSTADDR = 20 };

struct in_pktinfo {
	s32 ifindex;
	u8 spec_dst[4], addr[4];
};
struct in6_pktinfo {
	u8 addr[16];
	u32 ifindex;
};

#define DATAGRAM_MAX	65535u
#define IP_HEADER_MAX	60u

/* --- control messages of a sender --- */

static int take_pktinfo(const struct cmsghdr *c, struct inet_msg *msg)
{
	const struct in_pktinfo *p = (const void *)(c + 1);

	if (c->len != CMSG_HDR + sizeof(*p))
		return -EINVAL;
	if (p->ifindex)
		msg->ifindex = p->ifindex;
	if (*(const u32 *)p->spec_dst) {
		msg->local.family = INET_AF_INET;
		memcpy(msg->local.v4, p->spec_dst, 4);
	}
	return 0;
}

static int take_pktinfo6(const struct cmsghdr *c, struct inet_msg *msg)
{
	static const u8 any[16];
	const struct in6_pktinfo *p = (const void *)(c + 1);

	if (c->len < CMSG_HDR + sizeof(*p))
		return -EINVAL;
	if (p->ifindex)
		msg->ifindex = p->ifindex;
	if (memcmp(p->addr, any, sizeof(any))) {
		msg->local.family = INET_AF_INET6;
		memcpy(msg->local.v6, p->addr, 16);
	}
	return 0;
}

/* An int from least to 255. */
static int take_byte(const struct cmsghdr *c, int least, s16 *to)
{
	s32 v;

	if (c->len != CMSG_HDR + sizeof(v))
		return -EINVAL;
	memcpy(&v, c + 1, sizeof(v));
	if (v < least || v > 255)
		return -EINVAL;
	*to = (s16)v;
	return 0;
}

static int take_control4(const struct cmsghdr *c, struct inet_msg *msg)
{
	switch (c->type) {
	case IP_PKTINFO:
		return take_pktinfo(c, msg);
	case IP_TTL:
		return take_byte(c, 1, &msg->ttl);
	case IP_TOS:
		return take_byte(c, 0, &msg->tos);
	default:
		return -EINVAL;
	}
}

static int take_control6(const struct cmsghdr *c, struct inet_msg *msg)
{
	switch (c->type) {
	case IPV6_PKTINFO:
		return take_pktinfo6(c, msg);
	case IPV6_HOPLIMIT:
		return take_byte(c, 0, &msg->ttl);
	case IPV6_TCLASS:
		return take_byte(c, 0, &msg->tos);
	default:
		return -EINVAL;
	}
}

static int take_controls(const struct socket *sk, const struct sock_msg *m, struct inet_msg *msg)
{
	struct cmsghdr *c = NULL;
	int err = 0;

	while (!err && (c = cmsg_next(m, c))) {
		if (IS_ERR(c))
			return PTR_ERR(c);
		if (c->level == SOL_SOCKET)
			err = -EINVAL;
		else if (c->level == IPPROTO_IP && sk->family == AF_INET)
			err = take_control4(c, msg);
		else if (c->level == IPPROTO_IPV6 && sk->family == AF_INET6)
			err = take_control6(c, msg);
	}
	return err;
}

/* --- sending --- */

static int take_destination(struct inet_sock *s, const struct sock_msg *m, struct inet_msg *msg)
{
	int err;

	*msg = (struct inet_msg){ .ttl = -1, .tos = -1 };
	if (m->name_len) {
		if (s->sk.family == AF_INET6 && m->name_len >= 2 && m->name->family == AF_UNSPEC)
			return 0;	/* as if it were not there */
		err = inet_addr_from(&s->sk, m->name, m->name_len, &msg->peer);
		if (err == -EAFNOSUPPORT && s->sk.family == AF_INET6 && s->proto == INET_UDP)
			err = -EINVAL;
		if (err)
			return err;
		if (!msg->peer.port && s->proto == INET_UDP)
			return -EINVAL;
	}
	return take_controls(&s->sk, m, msg);
}

static ssize_t inet_dgram_sendmsg(struct socket *sk, struct sock_msg *m)
{
	ktime_t left = sock_timeout(READ_ONCE(sk->sndtimeo), m->flags & MSG_DONTWAIT);
	struct inet_sock *s = inet_of(sk);
	struct iov_iter start = *m->iter;
	struct inet_msg msg;
	ssize_t n;

	if (iov_iter_count(m->iter) > DATAGRAM_MAX)
		return -EMSGSIZE;
	if (m->flags & (MSG_OOB | MSG_MORE))
		return -EOPNOTSUPP;
	n = take_destination(s, m, &msg);
	while (!n) {
		*m->iter = start;
		mutex_lock(&s->write_mutex);
		n = inet_dgram_send(s->ep, m->iter, &msg);
		mutex_unlock(&s->write_mutex);
		if (n != -EAGAIN)
			break;
		n = sock_wait_event(&sk->wait, SOCK_POLL_OUT,
				    inet_poll(s->ep) & (INET_EV_WRITE | INET_EV_ERROR), &left);
	}
	return n;
}

/* --- receiving --- */

static void tell4(const struct inet_sock *s, struct sock_msg *m, const struct inet_msg *msg)
{
	u32 tells = READ_ONCE(s->tells);
	int ttl = msg->ttl;
	u8 tos = msg->tos;

	if (tells & TELL_PKTINFO) {
		struct in_pktinfo p = { .ifindex = msg->ifindex };

		memcpy(p.addr, msg->local.v4, 4);
		memcpy(p.spec_dst, msg->local.v4, 4);
		cmsg_put(m, IPPROTO_IP, IP_PKTINFO, &p, sizeof(p));
	}
	if (tells & TELL_TTL)
		cmsg_put(m, IPPROTO_IP, IP_TTL, &ttl, sizeof(ttl));
	if (tells & TELL_TOS)
		cmsg_put(m, IPPROTO_IP, IP_TOS, &tos, sizeof(tos));
	if (tells & TELL_ORIGDST) {
		union sock_addr a;
		u32 len = inet_addr_to(&s->sk, &msg->local, &a);

		cmsg_put(m, IPPROTO_IP, IP_ORIGDSTADDR, &a, len);
	}
}

static void tell6(const struct inet_sock *s, struct sock_msg *m, const struct inet_msg *msg)
{
	u32 tells = READ_ONCE(s->tells);
	int ttl = msg->ttl, tos = msg->tos;

	if (tells & TELL_PKTINFO6) {
		struct in6_pktinfo p = { .ifindex = msg->ifindex };

		memcpy(p.addr, msg->local.v6, 16);
		cmsg_put(m, IPPROTO_IPV6, IPV6_PKTINFO, &p, sizeof(p));
	}
	if (tells & TELL_HOPLIMIT)
		cmsg_put(m, IPPROTO_IPV6, IPV6_HOPLIMIT, &ttl, sizeof(ttl));
	if (tells & TELL_TCLASS)
		cmsg_put(m, IPPROTO_IPV6, IPV6_TCLASS, &tos, sizeof(tos));
}

static bool has_filter(const struct inet_sock *s)
{
	u32 any = 0;

	for (u32 i = 0; i < ARRAY_SIZE(s->blocked); i++)
		any |= READ_ONCE(s->blocked[i]);
	return any;
}

/* Drops messages of types that are not wanted from the front of the queue. read_mutex held. 0, the pending error. */
static ssize_t drop_unwanted(struct inet_sock *s)
{
	u32 ipv4 = s->sk.family == AF_INET;
	u8 head[IP_HEADER_MAX + 1];

	while (inet_dgram_next(s->ep)) {
		struct kvec vec = { head, sizeof(head) };
		struct iov_iter it;
		u32 at;
		ssize_t n;

		iov_iter_kernel(&it, &vec, 1, sizeof(head));
		n = inet_dgram_recv(s->ep, &it, NULL, INET_PEEK);
		if (n <= 0)
			return n == -EAGAIN ? 0 : n;
		at = ipv4 ? 4u * (head[0] & 15) : 0;
		if (at >= (u32)n || !(READ_ONCE(s->blocked[head[at] / 32]) & BIT(head[at] % 32)))
			return 0;
		iov_iter_kernel(&it, &vec, 1, 0);
		(void)inet_dgram_recv(s->ep, &it, NULL, 0);
	}
	return 0;
}

static ssize_t receive_one(struct inet_sock *s, struct sock_msg *m, struct inet_msg *msg)
{
	u32 flags = (m->flags & MSG_PEEK ? INET_PEEK : 0) | (m->flags & MSG_TRUNC ? INET_TRUNC : 0);
	ssize_t n;

	mutex_lock(&s->read_mutex);
	n = unlikely(has_filter(s)) ? drop_unwanted(s) : 0;
	if (!n)
		n = inet_dgram_recv(s->ep, m->iter, msg, flags);
	mutex_unlock(&s->read_mutex);
	return n;
}

static bool has_news(struct inet_sock *s)
{
	return (inet_poll(s->ep) & (INET_EV_READ | INET_EV_RDHUP | INET_EV_ERROR)) || READ_ONCE(s->sk.error);
}

static ssize_t inet_dgram_recvmsg(struct socket *sk, struct sock_msg *m)
{
	ktime_t left = sock_timeout(READ_ONCE(sk->rcvtimeo), m->flags & MSG_DONTWAIT);
	struct inet_sock *s = inet_of(sk);
	size_t room = iov_iter_count(m->iter);
	struct inet_msg msg = { 0 };
	ssize_t n = socket_take_error(sk);

	if (m->flags & MSG_ERRQUEUE)
		return -EAGAIN;
	if (!n && !has_news(s))
		n = sock_wait_event(&sk->wait, SOCK_POLL_IN, has_news(s), &left);
	while (!n) {
		n = receive_one(s, m, &msg);
		if (n != -EAGAIN)
			break;
		if (inet_poll(s->ep) & INET_EV_RDHUP)
			return left ? 0 : -EAGAIN;
		n = sock_wait_event(&sk->wait, SOCK_POLL_IN, has_news(s), &left);
	}
	if (n < 0)
		return n;
	if (inet_poll(s->ep) & INET_EV_READ)
		sock_pass_on(sk, SOCK_POLL_IN);
	if (msg.length > room)
		m->out_flags |= MSG_TRUNC;
	if (m->name)
		m->name_len = inet_addr_to(sk, &msg.peer, m->name);
	if (READ_ONCE(s->tells))
		(sk->family == AF_INET ? tell4 : tell6)(s, m, &msg);
	return n;
}

/* --- the rest --- */

static int inet_dgram_connect(struct socket *sk, const union sock_addr *addr, u32 len, u32 flags)
{
	struct inet_sock *s = inet_of(sk);
	struct inet_addr a;
	int err = 0;

	if (len < sizeof(addr->family))
		return -EINVAL;
	if (addr->family != AF_UNSPEC)
		err = inet_addr_from(sk, addr, len, &a);
	if (err)
		return err;
	mutex_lock(&s->state_mutex);
	err = inet_connect(s->ep, addr->family == AF_UNSPEC ? NULL : &a);
	mutex_unlock(&s->state_mutex);
	return err;
}

static u32 inet_dgram_poll(struct socket *sk, struct file *f, struct poll_table *pt)
{
	u32 events, mask = 0;

	poll_wait(f, &sk->wait, pt);
	events = inet_poll(inet_of(sk)->ep);
	if (events & INET_EV_READ)
		mask |= SOCK_POLL_IN;
	if (events & INET_EV_WRITE)
		mask |= SOCK_POLL_OUT;
	if (events & INET_EV_RDHUP)
		mask |= SOCK_POLL_IN | EPOLLRDHUP;
	if (events & INET_EV_HUP)
		mask |= EPOLLHUP;
	if ((events & INET_EV_ERROR) || READ_ONCE(sk->error))
		mask |= EPOLLERR;
	return mask;
}

static void inet_dgram_release(struct socket *sk)
{
	inet_close(inet_of(sk)->ep, false);
}

const struct socket_ops inet_dgram_ops = {
	.bind = inet_sock_bind,
	.connect = inet_dgram_connect,
	.getname = inet_sock_getname,
	.sendmsg = inet_dgram_sendmsg,
	.recvmsg = inet_dgram_recvmsg,
	.shutdown = inet_sock_shutdown,
	.poll = inet_dgram_poll,
	.ioctl = inet_sock_ioctl,
	.setsockopt = inet_sock_setsockopt,
	.getsockopt = inet_sock_getsockopt,
	.set_option = inet_sock_set_option,
	.take_error = inet_sock_take_error,
	.release = inet_dgram_release,
	.free = inet_sock_free,
};
