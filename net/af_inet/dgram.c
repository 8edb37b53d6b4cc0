/* SPDX-License-Identifier: MIT */
/*
 * Datagrams over IP: UDP, ICMP echo ("ping") and raw sockets. One send, one
 * datagram; what goes beside it comes and goes as control messages. Several sends of UDP make one
 * with MSG_MORE or UDP_CORK: it is gathered in kernel memory until the last has come, and goes
 * where the first said.
 *
 * Limit: MSG_MORE of ping and raw sockets gives -EOPNOTSUPP.
 */
#include <net/af_inet/af_inet.h>
#include <net/filter.h>
#include <kernel/mm/alloc.h>
#include <kernel/lib/string.h>

enum { IP_TOS = 1, IP_TTL = 2, IP_PKTINFO = 8, IP_ORIGDSTADDR = 20,
       IPV6_PKTINFO = 50, IPV6_HOPLIMIT = 52, IPV6_TCLASS = 67 };

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

/* --- several sends, one datagram; write_mutex held --- */

/* What was sent with MSG_MORE. */
struct inet_corked {
	struct inet_msg msg;		/* where it goes */
	u32 len;
	u8 data[DATAGRAM_MAX];
};

static void drop_corked(struct inet_dgram_sock *d)
{
	kvfree(d->corked);
	d->corked = NULL;
}

static int begin_corked(struct inet_dgram_sock *d, const struct sock_msg *m)
{
	struct inet_addr peer;
	struct inet_msg msg;
	int err = take_destination(&d->s, m, &msg);

	if (!err && !msg.peer.family && inet_peer(d->s.ep, &peer))
		err = -EDESTADDRREQ;
	if (err)
		return err;
	d->corked = kvmalloc(sizeof(*d->corked), GFP_KERNEL);
	if (!d->corked)
		return -ENOBUFS;
	d->corked->msg = msg;
	d->corked->len = 0;
	return 0;
}

static int append_corked(struct inet_dgram_sock *d, struct sock_msg *m)
{
	int err = d->corked ? 0 : begin_corked(d, m);
	size_t n = iov_iter_count(m->iter);
	struct inet_corked *c = d->corked;

	if (err)
		return err;
	if (n > sizeof(c->data) - c->len)
		err = -EMSGSIZE;
	else if (copy_from_iter(c->data + c->len, n, m->iter) != n)
		err = -EFAULT;
	if (err) {
		drop_corked(d);
		return err;
	}
	c->len += n;
	return 0;
}

static int send_corked(struct inet_dgram_sock *d)
{
	struct inet_corked *c = d->corked;
	struct kvec vec = { c->data, c->len };
	struct iov_iter it;
	ssize_t n;

	iov_iter_kernel(&it, &vec, 1, c->len);
	n = inet_dgram_send(d->s.ep, &it, &c->msg);
	drop_corked(d);
	return n < 0 ? n : 0;
}

static ssize_t send_more(struct inet_dgram_sock *d, struct sock_msg *m)
{
	size_t n = iov_iter_count(m->iter);
	int err;

	mutex_lock(&d->s.write_mutex);
	err = append_corked(d, m);
	if (!err && !(m->flags & MSG_MORE) && !READ_ONCE(d->cork))
		err = send_corked(d);
	mutex_unlock(&d->s.write_mutex);
	return err ? err : (ssize_t)n;
}

int inet_dgram_uncork(struct inet_dgram_sock *d)
{
	int err = 0;

	mutex_lock(&d->s.write_mutex);
	if (d->corked)
		err = send_corked(d);
	mutex_unlock(&d->s.write_mutex);
	return err;
}

static bool is_gathering(const struct inet_dgram_sock *d, u32 flags)
{
	return d->s.proto == INET_UDP &&
	       ((flags & MSG_MORE) || READ_ONCE(d->cork) || READ_ONCE(d->corked));
}

static ssize_t send_datagram(struct socket *sk, struct sock_msg *m)
{
	ktime_t left = sock_timeout(READ_ONCE(sk->sndtimeo), m->flags & MSG_DONTWAIT);
	size_t len = iov_iter_count(m->iter);
	struct inet_sock *s = inet_of(sk);
	struct inet_msg msg;
	ssize_t n;

	if (len > DATAGRAM_MAX)
		return -EMSGSIZE;
	if ((m->flags & MSG_OOB) || ((m->flags & MSG_MORE) && s->proto != INET_UDP))
		return -EOPNOTSUPP;
	if (unlikely(is_gathering(inet_dgram_of(s), m->flags)))
		return send_more(inet_dgram_of(s), m);
	n = take_destination(s, m, &msg);
	while (!n) {
		mutex_lock(&s->write_mutex);
		n = inet_dgram_send(s->ep, m->iter, &msg);
		mutex_unlock(&s->write_mutex);
		if (n != -EAGAIN)
			break;
		iov_iter_revert(m->iter, len - iov_iter_count(m->iter));
		n = sock_wait_event(&sk->wait, SOCK_POLL_OUT,
				    inet_poll(s->ep) & (INET_EV_WRITE | INET_EV_ERROR), &left);
	}
	return n;
}

static ssize_t inet_dgram_sendmsg(struct socket *sk, struct sock_msg *m)
{
	struct inet_zerocopy *z = NULL;
	ssize_t n;

	if (unlikely(inet_wants_zerocopy(sk, m))) {
		z = inet_zerocopy_begin();
		if (!z)
			return -ENOBUFS;
	}
	n = send_datagram(sk, m);
	if (n >= 0 && z)
		inet_zerocopy_sent(inet_of(sk)->ep, z, n, true);
	else
		kfree(z);
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

static bool has_filter(const struct inet_dgram_sock *d)
{
	u32 any = 0;

	for (u32 i = 0; i < ARRAY_SIZE(d->blocked); i++)
		any |= READ_ONCE(d->blocked[i]);
	return any;
}

/*
 * Drops messages of types that are not wanted from the front
 * of the queue. read_mutex held. 0, the pending error.
 */
static ssize_t drop_unwanted(struct inet_sock *s)
{
	const u32 *blocked = inet_dgram_of(s)->blocked;
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
		if (at >= (u32)n || !(READ_ONCE(blocked[head[at] / 32]) & BIT(head[at] % 32)))
			return 0;
		iov_iter_kernel(&it, &vec, 1, 0);
		(void)inet_dgram_recv(s->ep, &it, NULL, 0);
	}
	return 0;
}

static u32 flags_of(const struct sock_msg *m)
{
	return (m->flags & MSG_PEEK ? INET_PEEK : 0) | (m->flags & MSG_TRUNC ? INET_TRUNC : 0);
}

static ssize_t receive_one(struct inet_sock *s, struct sock_msg *m, struct inet_msg *msg)
{
	ssize_t n;

	mutex_lock(&s->read_mutex);
	n = unlikely(has_filter(inet_dgram_of(s))) ? drop_unwanted(s) : 0;
	if (!n)
		n = inet_dgram_recv(s->ep, m->iter, msg, flags_of(m));
	if (n > 0 && !(m->flags & MSG_PEEK))
		sock_peek_advance(&s->sk, -n);
	mutex_unlock(&s->read_mutex);
	return n;
}

static void tell(const struct inet_sock *s, struct sock_msg *m, const struct inet_msg *msg)
{
	if (READ_ONCE(s->tells))
		(s->sk.family == AF_INET ? tell4 : tell6)(s, m, msg);
}

/* The oldest entry of the error queue: what it quotes is the data, whom that was for the name. */
static ssize_t receive_error(struct inet_sock *s, struct sock_msg *m)
{
	bool v4 = s->sk.family == AF_INET;
	struct {
		struct sock_extended_err ee;
		union sock_addr offender;
	} out;
	struct inet_error e;
	ssize_t n = inet_error_recv(s->ep, m->iter, &e);
	u32 len;

	if (n == -EAGAIN)
		return inet_zerocopy_recv(s, m);
	if (n < 0)
		return n;
	sock_tell_stamp(&s->sk, m, e.msg.stamp_ns);
	m->out_flags |= MSG_ERRQUEUE | ((u32)n < e.length ? MSG_TRUNC : 0);
	if (m->name)
		m->name_len = inet_addr_to(&s->sk, &e.peer, m->name);
	if (e.offender.family)
		tell(s, m, &e.msg);
	memset(&out, 0, sizeof(out));
	out.ee = (struct sock_extended_err){ (u32)e.error, e.origin, e.type, e.code, 0, e.info, 0 };
	len = inet_addr_to(&s->sk, &e.offender, &out.offender);
	if (!e.offender.family)
		memset(&out.offender, 0, len);
	cmsg_put(m, v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_RECVERR : IPV6_RECVERR, &out,
		 sizeof(out.ee) + len);
	return n;
}

static bool has_news(struct inet_sock *s)
{
	return (inet_poll(s->ep) & (INET_EV_READ | INET_EV_RDHUP | INET_EV_ERROR)) ||
	       READ_ONCE(s->sk.error);
}

static ssize_t receive(struct inet_sock *s, struct sock_msg *m, struct inet_msg *msg)
{
	ktime_t left = sock_timeout(READ_ONCE(s->sk.rcvtimeo), m->flags & MSG_DONTWAIT);
	struct socket *sk = &s->sk;
	ssize_t n = socket_take_error(sk);

	if (!n)
		n = sock_wait_event(&sk->wait, SOCK_POLL_IN, has_news(s), &left);
	while (!n) {
		n = receive_one(s, m, msg);
		if (n != -EAGAIN)
			break;
		if (inet_poll(s->ep) & INET_EV_RDHUP)
			return left ? 0 : -EAGAIN;
		n = sock_wait_event(&sk->wait, SOCK_POLL_IN, has_news(s), &left);
	}
	return n;
}

static bool has_more(struct inet_sock *s, u32 seen)
{
	return (inet_poll(s->ep) & (INET_EV_RDHUP | INET_EV_ERROR)) || READ_ONCE(s->sk.error) ||
	       inet_dgram_arrivals(s->ep) != seen;
}

/* As receive(), from the offset of SO_PEEK_OFF on, which is *skip of that datagram. */
static ssize_t peek_at_offset(struct inet_sock *s, struct sock_msg *m, struct inet_msg *msg,
			      size_t *skip)
{
	ktime_t left = sock_timeout(READ_ONCE(s->sk.rcvtimeo), m->flags & MSG_DONTWAIT);
	struct socket *sk = &s->sk;
	ssize_t n = socket_take_error(sk);
	u32 seen;

	while (!n) {
		seen = inet_dgram_arrivals(s->ep);
		mutex_lock(&s->read_mutex);
		*skip = sock_peek_offset(sk, m->flags);
		n = inet_dgram_peek_at(s->ep, m->iter, msg, flags_of(m), skip);
		if (n > 0)
			sock_peek_advance(sk, n);
		mutex_unlock(&s->read_mutex);
		if (n != -EAGAIN)
			break;
		if (inet_poll(s->ep) & INET_EV_RDHUP)
			return left ? 0 : -EAGAIN;
		n = sock_wait_event(&sk->wait, SOCK_POLL_IN, has_more(s, seen), &left);
	}
	return n;
}

static ssize_t inet_dgram_recvmsg(struct socket *sk, struct sock_msg *m)
{
	struct inet_sock *s = inet_of(sk);
	size_t room = iov_iter_count(m->iter), skip = 0;
	struct inet_msg msg = { 0 };
	ssize_t n;

	if (m->flags & MSG_ERRQUEUE)
		return receive_error(s, m);
	if (sock_peeks_at_offset(sk, m->flags))
		n = peek_at_offset(s, m, &msg, &skip);
	else
		n = receive(s, m, &msg);
	/* Without a sender nothing came: it is shut. */
	if (n < 0 || !msg.peer.family)
		return n;
	if (sock_has_sleepers(sk) && (inet_poll(s->ep) & INET_EV_READ))
		sock_pass_on(sk, SOCK_POLL_IN);
	/* As Linux: also where all that was left has come, if the room was just as large. */
	if (room < msg.length && room <= msg.length - skip)
		m->out_flags |= MSG_TRUNC;
	if (m->name)
		m->name_len = inet_addr_to(sk, &msg.peer, m->name);
	sock_tell_stamp(sk, m, msg.stamp_ns);
	tell(s, m, &msg);
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
	if ((events & (INET_EV_ERROR | INET_EV_ERRQUEUE)) || READ_ONCE(sk->error))
		mask |= EPOLLERR;
	return mask;
}

static int inet_dgram_attach_filter(struct socket *sk, uaddr_t val, u32 len, bool attach)
{
	struct bpf_program *new = NULL, *old;
	int err = attach ? bpf_take(val, len, &new) : 0;

	if (err)
		return err;
	old = inet_set_filter(inet_of(sk)->ep, new);
	kfree(old);
	return attach || old ? 0 : -ENOENT;
}

static void inet_dgram_meminfo(struct socket *sk, struct sock_memory *m)
{
	struct inet_info i;

	inet_get_info(inet_of(sk)->ep, &i);
	m->rmem = i.rx_queue;
	m->drops = i.drops;
}

static void inet_dgram_release(struct socket *sk)
{
	kfree(inet_set_filter(inet_of(sk)->ep, NULL));
	drop_corked(inet_dgram_of(inet_of(sk)));
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
	.meminfo = inet_dgram_meminfo,
	.attach_filter = inet_dgram_attach_filter,
	.release = inet_dgram_release,
	.free = inet_sock_free,
};
