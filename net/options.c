/* SPDX-License-Identifier: MIT */
/*
 * Options of level SOL_SOCKET: what all families share. A value is a word that any
 * thread may store; who is concerned reads it when it matters.
 *
 * Buffer limits count as Linux counts: twice what was asked for, at most twice SOCK_BUF_MAX
 * but for CAP_NET_ADMIN.
 *
 * Limit: SO_BUSY_POLL, SO_TXTIME, SO_PASSPIDFD and SO_ATTACH_BPF are refused with -ENOPROTOOPT.
 * Time stamps are for messages that are received by sockets that keep them apart, and the kernel's:
 * SO_TIMESTAMPING with others is refused with -EINVAL.
 */
#include <net/af_inet/af_inet.h>
#include <net/net.h>
#include <net/netdev/netdev.h>
#include <net/socket.h>
#include <kernel/lib/string.h>
#include <kernel/mm/alloc.h>
#include <kernel/task/cred.h>
#include <kernel/task/pid.h>
#include <kernel/task/signal.h>
#include <arch/uaccess.h>

struct sock_timeval {			/* both forms, on 64 bits */
	s64 sec, usec;
};

/* The options that are one bit; 0: it is none of them. */
static u32 option_bit(int name)
{
	switch (name) {
	case SO_DEBUG:		return SOCK_OPT_DEBUG;
	case SO_REUSEADDR:	return SOCK_OPT_REUSEADDR;
	case SO_REUSEPORT:	return SOCK_OPT_REUSEPORT;
	case SO_DONTROUTE:	return SOCK_OPT_DONTROUTE;
	case SO_BROADCAST:	return SOCK_OPT_BROADCAST;
	case SO_KEEPALIVE:	return SOCK_OPT_KEEPALIVE;
	case SO_OOBINLINE:	return SOCK_OPT_OOBINLINE;
	case SO_NO_CHECK:	return SOCK_OPT_NO_CHECK;
	case SO_PASSCRED:	return SOCK_OPT_PASSCRED;
	case SO_ZEROCOPY:	return SOCK_OPT_ZEROCOPY;
	default:		return 0;
	}
}

static void set_bit_option(struct socket *sk, u32 bit, bool on)
{
	if (on)
		(void)__atomic_fetch_or(&sk->options, bit, __ATOMIC_RELAXED);
	else
		(void)__atomic_fetch_and(&sk->options, ~bit, __ATOMIC_RELAXED);
}

/* The next multiple of Linux's tick of 4 ms, as a time-out is told there. */
static int set_timeout(ktime_t *to, uaddr_t val, u32 len)
{
	struct sock_timeval tv;

	if (len < sizeof(tv))
		return -EINVAL;
	if (copy_from_user(&tv, val, sizeof(tv)))
		return -EFAULT;
	if (tv.usec < 0 || tv.usec >= 1000000)
		return -EDOM;
	if (tv.sec < 0)
		WRITE_ONCE(*to, 0);
	else if ((!tv.sec && !tv.usec) || tv.sec >= S64_MAX / (s64)NS_PER_SEC - 1)
		WRITE_ONCE(*to, TIMEOUT_NEVER);
	else
		WRITE_ONCE(*to, tv.sec * NS_PER_SEC +
					(u64)DIV_ROUND_UP(tv.usec, 4000) * 4000 * NS_PER_US);
	return 0;
}

static int set_linger(struct socket *sk, uaddr_t val, u32 len)
{
	struct linger l;

	if (len < sizeof(l))
		return -EINVAL;
	if (copy_from_user(&l, val, sizeof(l)))
		return -EFAULT;
	if (l.on)
		WRITE_ONCE(sk->linger_s, l.seconds);
	set_bit_option(sk, SOCK_OPT_LINGER, l.on);
	return 0;
}

/* Asks the family, then stores it. */
static int set_word(struct socket *sk, int name, u32 *to, u32 value)
{
	int err = sk->ops->set_option ? sk->ops->set_option(sk, name, value) : 0;

	if (!err)
		WRITE_ONCE(*to, value);
	return err;
}

static int set_sndbuf(struct socket *sk, u32 value)
{
	return set_word(sk, SO_SNDBUF, &sk->sndbuf,
			max(SOCK_MIN_SNDBUF, 2 * min(value, (u32)INT_MAX / 2)));
}

static int set_rcvbuf(struct socket *sk, u32 value)
{
	return set_word(sk, SO_RCVBUF, &sk->rcvbuf,
			max(SOCK_MIN_RCVBUF, 2 * min(value, (u32)INT_MAX / 2)));
}

/* --- time stamps --- */

#define SOF_TIMESTAMPING_RX_SOFTWARE	BIT(3)
#define SOF_TIMESTAMPING_SOFTWARE	BIT(4)

/* Tells the family whether anybody wants to know when messages came. */
static int ask_stamps(struct socket *sk, bool on)
{
	return sk->ops->set_option ? sk->ops->set_option(sk, SO_TIMESTAMP_OLD, on) : -ENOPROTOOPT;
}

static int set_stamp(struct socket *sk, bool ns, bool is_new, bool on)
{
	int err = ask_stamps(sk, on || READ_ONCE(sk->stamping));

	if (err)
		return err;
	if (on) {
		set_bit_option(sk, SOCK_OPT_STAMP_NEW, is_new);
		set_bit_option(sk, SOCK_OPT_STAMP_NS, ns);
		set_bit_option(sk, SOCK_OPT_STAMP, true);
	} else {
		set_bit_option(sk, SOCK_OPT_STAMP | SOCK_OPT_STAMP_NS, false);
	}
	return 0;
}

static int set_stamping(struct socket *sk, bool is_new, u32 flags)
{
	int err;

	if (flags & ~(SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE))
		return -EINVAL;
	err = ask_stamps(sk, flags || sock_option(sk, SOCK_OPT_STAMP));
	if (err)
		return err;
	set_bit_option(sk, SOCK_OPT_STAMPING_NEW, is_new);
	WRITE_ONCE(sk->stamping, flags);
	return 0;
}

/* 0, -ENOPROTOOPT: it is none of them, or the family has none. */
static int set_stamp_option(struct socket *sk, int name, int v)
{
	switch (name) {
	case SO_TIMESTAMP_OLD:
	case SO_TIMESTAMP_NEW:
		return set_stamp(sk, false, name == SO_TIMESTAMP_NEW, v);
	case SO_TIMESTAMPNS_OLD:
	case SO_TIMESTAMPNS_NEW:
		return set_stamp(sk, true, name == SO_TIMESTAMPNS_NEW, v);
	case SO_TIMESTAMPING_OLD:
	case SO_TIMESTAMPING_NEW:
		return set_stamping(sk, name == SO_TIMESTAMPING_NEW, (u32)v);
	default:
		return -ENOPROTOOPT;
	}
}

static int get_stamp_option(const struct socket *sk, int name)
{
	bool stamp = sock_option(sk, SOCK_OPT_STAMP), ns = sock_option(sk, SOCK_OPT_STAMP_NS);
	bool is_new = sock_option(sk, SOCK_OPT_STAMP_NEW);

	switch (name) {
	case SO_TIMESTAMP_OLD:		return stamp && !ns && !is_new;
	case SO_TIMESTAMP_NEW:		return stamp && !ns && is_new;
	case SO_TIMESTAMPNS_OLD:	return stamp && ns && !is_new;
	case SO_TIMESTAMPNS_NEW:	return stamp && ns && is_new;
	default:			return (int)READ_ONCE(sk->stamping);
	}
}

static bool is_tcp_or_udp(const struct socket *sk)
{
	if (sk->family != AF_INET && sk->family != AF_INET6)
		return false;
	return sk->type == SOCK_STREAM ||
	       (sk->type == SOCK_DGRAM && sk->protocol == IPPROTO_UDP);
}

static bool can_peek_off(const struct socket *sk)
{
	return sk->family == AF_UNIX || is_tcp_or_udp(sk);
}

/* --- setting them --- */

static int set_number(struct socket *sk, int name, int v)
{
	switch (name) {
	case SO_SNDBUF:
		return set_sndbuf(sk, min((u32)v, SOCK_BUF_MAX));
	case SO_RCVBUF:
		return set_rcvbuf(sk, min((u32)v, SOCK_BUF_MAX));
	case SO_SNDBUFFORCE:
		return capable(CAP_NET_ADMIN) ? set_sndbuf(sk, max(v, 0)) : -EPERM;
	case SO_RCVBUFFORCE:
		return capable(CAP_NET_ADMIN) ? set_rcvbuf(sk, max(v, 0)) : -EPERM;
	case SO_PRIORITY:
		if ((v < 0 || v > 6) && !capable(CAP_NET_ADMIN) && !capable(CAP_NET_RAW))
			return -EPERM;
		WRITE_ONCE(sk->priority, v);
		return 0;
	case SO_MARK:
		if (!capable(CAP_NET_ADMIN) && !capable(CAP_NET_RAW))
			return -EPERM;
		WRITE_ONCE(sk->mark, v);
		return 0;
	case SO_RCVLOWAT:
		WRITE_ONCE(sk->rcvlowat, v < 0 ? INT_MAX : v ? v : 1);
		return 0;
	case SO_PEEK_OFF:
		if (!can_peek_off(sk))
			return -EOPNOTSUPP;
		WRITE_ONCE(sk->peek_off, v);
		return 0;
	case SO_INCOMING_CPU:
		return set_word(sk, name, (u32 *)&sk->incoming_cpu, (u32)v);
	default:
		return set_stamp_option(sk, name, v);
	}
}

/* An interface's name; "" for none. Who has one already may change it only with CAP_NET_RAW. */
static int set_device(struct socket *sk, uaddr_t val, u32 len)
{
	char name[IFNAMSIZ] = "";
	struct netdev *dev;
	u32 index = 0;

	if (READ_ONCE(sk->device) && !capable(CAP_NET_RAW))
		return -EPERM;
	if (copy_from_user(name, val, min(len, IFNAMSIZ - 1u)))
		return -EFAULT;
	if (name[0]) {
		rcu_read_lock();
		dev = netdev_by_name(sk->net, name);
		index = dev ? dev->index : 0;
		rcu_read_unlock();
		if (!index)
			return -ENODEV;
	}
	return set_word(sk, SO_BINDTODEVICE, &sk->device, index);
}

static int get_device(struct socket *sk, uaddr_t val, uaddr_t ulen, s32 room)
{
	u32 index = READ_ONCE(sk->device);
	char name[IFNAMSIZ] = "";
	struct netdev *dev;

	if (!index)
		return put_user(0, ulen);
	if (room < IFNAMSIZ)
		return -EINVAL;
	rcu_read_lock();
	dev = netdev_by_index(sk->net, index);
	if (dev)
		memcpy(name, dev->name, sizeof(name));
	rcu_read_unlock();
	return sock_put_option(val, ulen, name, strnlen(name, IFNAMSIZ - 1) + 1);
}

int sock_setsockopt(struct socket *sk, int name, uaddr_t val, u32 len)
{
	u32 bit = option_bit(name);
	int v;

	if (name == SO_BINDTODEVICE)
		return set_device(sk, val, len);
	if (len < sizeof(v))
		return -EINVAL;
	if (get_user(v, val))
		return -EFAULT;
	switch (name) {
	case SO_ATTACH_FILTER:
	case SO_DETACH_FILTER:
		if (sock_option(sk, SOCK_OPT_LOCK_FILTER))
			return -EPERM;
		return sk->ops->attach_filter ? sk->ops->attach_filter(sk, val, len, name == SO_ATTACH_FILTER) :
		       -ENOPROTOOPT;
	case SO_LOCK_FILTER:
		if (sock_option(sk, SOCK_OPT_LOCK_FILTER) && !v)
			return -EPERM;
		set_bit_option(sk, SOCK_OPT_LOCK_FILTER, v);
		return 0;
	case SO_LINGER:
		return set_linger(sk, val, len);
	case SO_RCVTIMEO_OLD:
	case SO_RCVTIMEO_NEW:
		return set_timeout(&sk->rcvtimeo, val, len);
	case SO_SNDTIMEO_OLD:
	case SO_SNDTIMEO_NEW:
		return set_timeout(&sk->sndtimeo, val, len);
	}
	if (!bit)
		return set_number(sk, name, v);
	if (bit == SOCK_OPT_DEBUG && v && !capable(CAP_NET_ADMIN))
		return -EACCES;
	if (bit == SOCK_OPT_ZEROCOPY && !is_tcp_or_udp(sk))
		return -EOPNOTSUPP;
	if (bit == SOCK_OPT_ZEROCOPY && v & ~1)
		return -EINVAL;
	if (bit == SOCK_OPT_REUSEPORT && v && sk->family != AF_INET && sk->family != AF_INET6)
		return -EOPNOTSUPP;
	if (sk->ops->set_option) {
		int err = sk->ops->set_option(sk, name, v);

		if (err)
			return err;
	}
	set_bit_option(sk, bit, v);
	return 0;
}

/* --- reading them --- */

int sock_put_option(uaddr_t val, uaddr_t ulen, const void *data, u32 len)
{
	s32 room;

	if (get_user(room, ulen))
		return -EFAULT;
	if (room < 0)
		return -EINVAL;
	len = min((u32)room, len);
	if (copy_to_user(val, data, len))
		return -EFAULT;
	return put_user(len, ulen);
}

static int get_timeout(ktime_t t, uaddr_t val, uaddr_t ulen)
{
	struct sock_timeval tv = { 0 };

	if (t != TIMEOUT_NEVER) {
		tv.sec = t / NS_PER_SEC;
		tv.usec = t % NS_PER_SEC / NS_PER_US;
	}
	return sock_put_option(val, ulen, &tv, sizeof(tv));
}

static int get_peercred(struct socket *sk, uaddr_t val, uaddr_t ulen)
{
	struct ucred u = { 0, -1, -1 };

	spin_lock(&sk->lock);
	if (sk->peer_pid)
		u = (struct ucred){ pid_vnr(sk->peer_pid), sk->peer_cred->euid, sk->peer_cred->egid };
	spin_unlock(&sk->lock);
	return sock_put_option(val, ulen, &u, sizeof(u));
}

/* All of them or -ERANGE, and then the length that it takes. */
static int get_peergroups(struct socket *sk, uaddr_t val, uaddr_t ulen)
{
	const struct cred *c = NULL;
	int err = 0;
	u32 bytes;
	s32 room;

	if (get_user(room, ulen))
		return -EFAULT;
	if (room < 0)
		return -EINVAL;
	spin_lock(&sk->lock);
	if (sk->peer_cred)
		c = cred_get(sk->peer_cred);
	spin_unlock(&sk->lock);
	if (!c)
		return -ENODATA;
	bytes = c->groups->ngroups * sizeof(gid_t);
	if ((u32)room < bytes)
		err = put_user(bytes, ulen) ? -EFAULT : -ERANGE;
	else if (copy_to_user(val, c->groups->gid, bytes) || put_user(bytes, ulen))
		err = -EFAULT;
	cred_put(c);
	return err;
}

/* Unlike getpeername a name longer than the room is an error. */
static int get_peername(struct socket *sk, uaddr_t val, uaddr_t ulen)
{
	union sock_addr addr;
	int len = sk->ops->getname ? sk->ops->getname(sk, &addr, true) : -EOPNOTSUPP;
	s32 room;

	if (get_user(room, ulen))
		return -EFAULT;
	if (room < 0)
		return -EINVAL;
	if (len < 0)
		return -ENOTCONN;
	if (len < room)
		return -EINVAL;
	return sock_put_option(val, ulen, &addr, len);
}

/* Numbers are given out as they are asked for, never twice. */
u64 socket_cookie(struct socket *sk)
{
	static u64 last;		/* atomic */
	u64 none = 0, fresh;

	if (!READ_ONCE(sk->cookie)) {
		fresh = __atomic_add_fetch(&last, 1, __ATOMIC_RELAXED);
		(void)__atomic_compare_exchange_n(&sk->cookie, &none, fresh, false,
						  __ATOMIC_RELAXED, __ATOMIC_RELAXED);
	}
	return READ_ONCE(sk->cookie);
}

void socket_meminfo(const struct socket *sk, const struct sock_memory *m,
		    u32 out[SOCK_MEMINFO_WORDS])
{
	const u32 words[SOCK_MEMINFO_WORDS] = {
		m->rmem, READ_ONCE(sk->rcvbuf), m->wmem, READ_ONCE(sk->sndbuf), 0, m->queued, 0,
		m->backlog, m->drops,
	};

	memcpy(out, words, sizeof(words));
}

static int get_meminfo(struct socket *sk, uaddr_t val, uaddr_t ulen)
{
	struct sock_memory m = { 0 };
	u32 words[SOCK_MEMINFO_WORDS];

	if (sk->ops->meminfo)
		sk->ops->meminfo(sk, &m);
	socket_meminfo(sk, &m, words);
	return sock_put_option(val, ulen, words, sizeof(words));
}

/* Of TCP and UDP the stack knows it. */
static int incoming_cpu(struct socket *sk)
{
	u32 cpu;

	if (sk->family == AF_INET || sk->family == AF_INET6)
		return inet_get_opt(inet_of(sk)->ep, INET_OPT_INCOMING_CPU, &cpu) ? -1 : (int)cpu;
	return READ_ONCE(sk->incoming_cpu);
}

static int get_number(struct socket *sk, int name, int *v)
{
	u32 bit = option_bit(name);

	switch (name) {
	case SO_TYPE:		*v = sk->type; break;
	case SO_DOMAIN:		*v = sk->family; break;
	case SO_PROTOCOL:	*v = sk->protocol; break;
	case SO_ERROR:
		*v = -(sk->ops->take_error ? sk->ops->take_error(sk) : socket_take_error(sk));
		break;
	case SO_ACCEPTCONN:	*v = sk->ops->is_listening && sk->ops->is_listening(sk); break;
	case SO_SNDBUF:		*v = READ_ONCE(sk->sndbuf); break;
	case SO_RCVBUF:		*v = READ_ONCE(sk->rcvbuf); break;
	case SO_PRIORITY:	*v = READ_ONCE(sk->priority); break;
	case SO_MARK:		*v = READ_ONCE(sk->mark); break;
	case SO_RCVLOWAT:	*v = READ_ONCE(sk->rcvlowat); break;
	case SO_SNDLOWAT:	*v = 1; break;
	case SO_PEEK_OFF:
		if (!can_peek_off(sk))
			return -EOPNOTSUPP;
		*v = READ_ONCE(sk->peek_off);
		break;
	case SO_INCOMING_CPU:	*v = incoming_cpu(sk); break;
	case SO_LOCK_FILTER:	*v = sock_option(sk, SOCK_OPT_LOCK_FILTER) ? 1 : 0; break;
	case SO_TIMESTAMP_OLD:
	case SO_TIMESTAMP_NEW:
	case SO_TIMESTAMPNS_OLD:
	case SO_TIMESTAMPNS_NEW:
	case SO_TIMESTAMPING_OLD:
	case SO_TIMESTAMPING_NEW:
		*v = get_stamp_option(sk, name);
		break;
	default:
		if (!bit)
			return -ENOPROTOOPT;
		*v = sock_option(sk, bit) ? 1 : 0;
	}
	return 0;
}

int sock_getsockopt(struct socket *sk, int name, uaddr_t val, uaddr_t ulen)
{
	struct linger l;
	u64 cookie;
	s32 room;
	int v, err;

	if (get_user(room, ulen))
		return -EFAULT;
	if (room < 0)
		return -EINVAL;
	switch (name) {
	case SO_LINGER:
		l = (struct linger){sock_option(sk, SOCK_OPT_LINGER) ? 1 : 0,
				    READ_ONCE(sk->linger_s)};
		return sock_put_option(val, ulen, &l, sizeof(l));
	case SO_RCVTIMEO_OLD:
	case SO_RCVTIMEO_NEW:
		return get_timeout(READ_ONCE(sk->rcvtimeo), val, ulen);
	case SO_SNDTIMEO_OLD:
	case SO_SNDTIMEO_NEW:
		return get_timeout(READ_ONCE(sk->sndtimeo), val, ulen);
	case SO_BINDTODEVICE:
		return get_device(sk, val, ulen, room);
	case SO_PEERCRED:
		return get_peercred(sk, val, ulen);
	case SO_PEERGROUPS:
		return get_peergroups(sk, val, ulen);
	case SO_MEMINFO:
		return get_meminfo(sk, val, ulen);
	case SO_PEERNAME:
		return get_peername(sk, val, ulen);
	case SO_COOKIE:
		if (room < (s32)sizeof(cookie))
			return -EINVAL;
		cookie = socket_cookie(sk);
		return sock_put_option(val, ulen, &cookie, sizeof(cookie));
	}
	err = get_number(sk, name, &v);
	return err ? err : sock_put_option(val, ulen, &v, sizeof(v));
}
