/* SPDX-License-Identifier: MIT */
/*
 * TCP, UDP and raw sockets as ss(8) asks for them (NETLINK_SOCK_DIAG).
 *
 * A dump shows those of one family and protocol that are in one of the states asked for, have
 * the ports asked for, and pass the program that came along (diag_filter.c). Without NLM_F_DUMP
 * the one is meant that has all of the name: both addresses, both ports. Both walk the stack's
 * list of endpoints, under its lock.
 *
 * Limit: ICMP echo sockets are not told, as on Linux; of what may be asked beside, there are
 * MEMINFO, INFO, CONG, TOS, TCLASS and SKMEMINFO.
 */
#include <net/af_inet/af_inet.h>
#include <net/net.h>
#include <net/netlink/netlink.h>
#include <kernel/lib/string.h>
#include <kernel/task/cred.h>

struct sockid {
	u16 sport, dport;		/* network byte order */
	u8 src[16], dst[16];
	u32 ifindex, cookie[2];
};
struct inet_diag_req {
	struct sock_diag_req head;
	u8 ext, raw_protocol;
	u32 states;
	struct sockid id;
};
struct inet_diag_msg {
	u8 family, state, timer, retrans;
	struct sockid id;
	u32 expires_ms, rqueue, wqueue, uid, ino;
};
enum { INET_DIAG_REQ_BYTECODE = 1, INET_DIAG_REQ_PROTOCOL = 3 };
enum { INET_DIAG_MEMINFO = 1, INET_DIAG_INFO, INET_DIAG_CONG = 4, INET_DIAG_TOS, INET_DIAG_TCLASS,
	INET_DIAG_SKMEMINFO, INET_DIAG_SHUTDOWN, INET_DIAG_PROTOCOL = 10, INET_DIAG_SKV6ONLY,
	INET_DIAG_MARK = 15 };
#define EXT(which)	BIT((which) - 1)

struct meminfo {
	u32 rmem, wmem, forward, total;
};

struct query {
	const struct inet_diag_req *q;
	struct nl_out *o;
	const u8 *code;			/* NULL: no filter */
	u32 code_len;
	bool one, found, admin;
};

/* --- what is told of one --- */

static void set_id(struct sockid *id, const struct inet_info *i)
{
	u32 bytes = i->family == AF_INET ? 4 : 16;

	id->sport = i->type == INET_RAW ? __builtin_bswap16(i->protocol) : i->local.port;
	id->dport = i->peer.port;
	memcpy(id->src, i->local.v6, bytes);
	memcpy(id->dst, i->peer.v6, bytes);
	id->ifindex = i->device;
}

static void put_memory(struct query *x, const struct inet_info *i, const struct socket *sk)
{
	bool listening = i->state == INET_LISTENING;
	struct sock_memory m = {
		.rmem = listening ? 0 : i->rx_queue, .queued = listening ? 0 : i->tx_queue,
		.drops = i->drops,
		.backlog = listening ? i->rx_queue : 0,
	};
	struct meminfo mi = { .rmem = m.rmem, .wmem = m.queued };

	if (x->q->ext & EXT(INET_DIAG_MEMINFO))
		nl_put(x->o, INET_DIAG_MEMINFO, &mi, sizeof(mi));
	if (x->q->ext & EXT(INET_DIAG_SKMEMINFO))
		sock_diag_put_meminfo(x->o, INET_DIAG_SKMEMINFO, sk, &m);
}

static void put_tcp(struct query *x, const struct inet_info *i)
{
	struct tcp_info t;

	if (x->q->ext & EXT(INET_DIAG_INFO)) {
		inet_tcp_info(i, &t);
		nl_put(x->o, INET_DIAG_INFO, &t, sizeof(t));
	}
	if (x->q->ext & EXT(INET_DIAG_CONG))
		nl_put_text(x->o, INET_DIAG_CONG, INET_CONGESTION);
}

static void put_attributes(struct query *x, const struct inet_info *i, const struct inet_sock *s)
{
	u32 ext = x->q->ext;

	nl_put_u8(x->o, INET_DIAG_SHUTDOWN, i->shut);
	if (ext & EXT(INET_DIAG_TOS))
		nl_put_u8(x->o, INET_DIAG_TOS, i->tos);
	if (i->family == AF_INET6) {
		if (ext & EXT(INET_DIAG_TCLASS))
			nl_put_u8(x->o, INET_DIAG_TCLASS, i->tos);
		if (i->state == INET_LISTENING || i->state == INET_CLOSED)
			nl_put_u8(x->o, INET_DIAG_SKV6ONLY, i->v6only);
	}
	if (x->admin)
		nl_put_u32(x->o, INET_DIAG_MARK, READ_ONCE(s->sk.mark));
	if (i->type == INET_RAW)
		nl_put_u8(x->o, INET_DIAG_PROTOCOL, i->protocol);
	put_memory(x, i, &s->sk);
	if (i->type == INET_TCP)
		put_tcp(x, i);
}

static void put_endpoint(struct query *x, const struct inet_info *i)
{
	struct inet_diag_msg *d = sock_diag_begin(x->o, sizeof(*d));
	struct inet_sock *s = i->owner;

	x->found = true;
	if (d) {
		*d = (struct inet_diag_msg){
			.family = (u8)i->family, .state = (u8)i->state, .timer = i->timer,
			.retrans = i->retransmits,
			.expires_ms = i->timer_ms, .rqueue = i->rx_queue, .wqueue = i->tx_queue,
		};
		set_id(&d->id, i);
		if (s) {
			d->uid = s->sk.uid;
			d->ino = (u32)READ_ONCE(s->sk.ino);
			sock_diag_cookie(&s->sk, d->id.cookie);
		}
	}
	/* One that nobody holds any more has a state and queues, nothing else. */
	if (s)
		put_attributes(x, i, s);
	nl_end(x->o);
}

/* --- which --- */

static bool has_cookie(const struct query *x, const struct inet_info *i)
{
	struct inet_sock *s = i->owner;
	const u32 *want = x->q->id.cookie;
	u32 is[2] = { 0, 0 };

	if (want[0] == U32_MAX && want[1] == U32_MAX)
		return true;
	if (s)
		sock_diag_cookie(&s->sk, is);
	return is[0] == want[0] && is[1] == want[1];
}

/* The one that a name means: a listener has no peer. */
static bool is_the_one(const struct query *x, const struct inet_info *i)
{
	struct sockid id = { 0 };
	bool same_local;

	set_id(&id, i);
	same_local = id.sport == x->q->id.sport && !memcmp(id.src, x->q->id.src, sizeof(id.src));
	if (!same_local || !has_cookie(x, i))
		return false;
	return i->state == INET_LISTENING || (id.dport == x->q->id.dport &&
					      !memcmp(id.dst, x->q->id.dst, sizeof(id.dst)));
}

static bool is_asked_for(const struct query *x, const struct inet_info *i)
{
	const struct sockid *id = &x->q->id;

	if (i->family != x->q->head.family || (i->type == INET_TCP && i->state == INET_CLOSED))
		return false;
	if (i->type == INET_RAW && x->q->raw_protocol && x->q->raw_protocol != i->protocol)
		return false;
	if (x->one)
		return !x->found && is_the_one(x, i);
	return (x->q->states & BIT(i->state)) && (!id->sport || id->sport == i->local.port) &&
	       (!id->dport || id->dport == i->peer.port) &&
	       (!x->code || inet_diag_filter_run(x->code, x->code_len, i));
}

static void look_at(const struct inet_info *i, void *arg)
{
	struct query *x = arg;

	if (is_asked_for(x, i))
		put_endpoint(x, i);
}

static int take_filter(struct query *x, const struct nl_in *in)
{
	const struct nlattr *a = in->attr[INET_DIAG_REQ_BYTECODE];

	if (!a)
		return 0;
	x->code = (const u8 *)(a + 1);
	x->code_len = a->len - sizeof(*a);
	return inet_diag_filter_check(x->code, x->code_len);
}

/* 0 and *type; -ENOENT: no sockets of that protocol are told. */
static int type_of(u32 protocol, enum inet_type *type)
{
	switch (protocol) {
	case IPPROTO_TCP:
		*type = INET_TCP;
		return 0;
	case IPPROTO_UDP:
		*type = INET_UDP;
		return 0;
	case 255:
		*type = INET_RAW;
		return 0;
	default:
		return -ENOENT;
	}
}

int inet_diag(const struct nl_request *r, struct nl_out *o)
{
	struct query x = { .q = (const void *)(r->h + 1), .o = o, .one = !r->dump,
			   .admin = capable(CAP_NET_ADMIN) };
	enum inet_type type;
	struct nl_in in;
	int err = nl_parse(&in, r->h, sizeof(*x.q));

	if (!err)
		err = type_of(nl_attr_u32(&in, INET_DIAG_REQ_PROTOCOL, x.q->head.protocol), &type);
	if (!err && r->dump)
		err = take_filter(&x, &in);
	if (err)
		return err;
	inet_for_each(r->net, type, look_at, &x);
	return r->dump || x.found ? 0 : -ENOENT;
}
