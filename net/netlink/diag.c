/* SPDX-License-Identifier: MIT */
/*
 * NETLINK_SOCK_DIAG: what ss(8) knows of sockets. A request names a family, whose own `diag`
 * answers: of all sockets that it asks for, in a dump, or of the one. Here is what stands
 * before that, and netlink's own.
 *
 * Anybody may ask. Each answer says what a socket is called and how full it is, never what is
 * in it.
 *
 * Limit: SOCK_DESTROY gives -EOPNOTSUPP, as on a Linux without CONFIG_INET_DIAG_DESTROY; the older
 * TCPDIAG_GETSOCK -EINVAL. Nobody is told of sockets that end (SKNLGRP_*).
 */
#include <net/netlink/netlink.h>

enum { SOCK_DIAG_BY_FAMILY = 20, SOCK_DESTROY };

static int answer(const struct nl_request *r, struct nl_out *o)
{
	const struct socket_family *f;
	const struct sock_diag_req *q;

	if (r->h->type == SOCK_DESTROY)
		return -EOPNOTSUPP;
	if (r->h->type != SOCK_DIAG_BY_FAMILY || r->h->len < sizeof(*r->h) + sizeof(*q))
		return -EINVAL;
	q = (const void *)(r->h + 1);
	if (q->family >= AF_MAX)
		return -EINVAL;
	f = socket_family_find(q->family);
	return f && f->diag ? f->diag(r, o) : -ENOENT;
}

static bool is_get(u16 type)
{
	return true;
}

const struct nl_protocol nl_sock_diag = { .nr = NETLINK_SOCK_DIAG, .is_get = is_get,
					  .answer = answer };

void *sock_diag_begin(struct nl_out *o, u32 payload)
{
	return nl_begin(o, SOCK_DIAG_BY_FAMILY, payload);
}

void sock_diag_cookie(struct socket *sk, u32 out[2])
{
	u64 cookie = socket_cookie(sk);

	out[0] = (u32)cookie;
	out[1] = (u32)(cookie >> 32);
}

void sock_diag_put_meminfo(struct nl_out *o, u16 type, const struct socket *sk,
			   const struct sock_memory *m)
{
	u32 words[SOCK_MEMINFO_WORDS];

	socket_meminfo(sk, m, words);
	nl_put(o, type, words, sizeof(words));
}

/* --- netlink sockets --- */

struct netlink_diag_req {
	struct sock_diag_req head;
	u16 pad;
	u32 ino, show, cookie[2];
};
struct netlink_diag_msg {
	u8 family, type, protocol, state;
	u32 port, dst_port, dst_group, ino, cookie[2];
};
enum { NETLINK_DIAG_MEMINFO, NETLINK_DIAG_GROUPS };
#define SHOW_MEMINFO	BIT(0)
#define SHOW_GROUPS	BIT(1)
#define PROTOCOL_ALL	255

struct listing {
	const struct netlink_diag_req *q;
	struct nl_out *o;
};

static void put_netlink(struct netlink_sock *n, void *arg)
{
	const struct listing *l = arg;
	struct sock_memory m = { .rmem = READ_ONCE(n->queued) };
	struct netlink_diag_msg *d;

	if (l->q->head.protocol != PROTOCOL_ALL && l->q->head.protocol != n->sk.protocol)
		return;
	d = sock_diag_begin(l->o, sizeof(*d));
	if (d) {
		*d = (struct netlink_diag_msg){ .family = AF_NETLINK, .type = (u8)n->sk.type,
						.protocol = (u8)n->sk.protocol, .port = n->port,
						.ino = (u32)READ_ONCE(n->sk.ino) };
		sock_diag_cookie(&n->sk, d->cookie);
	}
	if (l->q->show & SHOW_GROUPS)
		nl_put_u32(l->o, NETLINK_DIAG_GROUPS, n->groups);
	if (l->q->show & SHOW_MEMINFO)
		sock_diag_put_meminfo(l->o, NETLINK_DIAG_MEMINFO, &n->sk, &m);
	nl_end(l->o);
}

int netlink_diag(const struct nl_request *r, struct nl_out *o)
{
	struct listing l = { .q = (const void *)(r->h + 1), .o = o };

	if (r->h->len < sizeof(*r->h) + sizeof(*l.q))
		return -EINVAL;
	if (!r->dump)
		return -EOPNOTSUPP;
	netlink_for_each(r->net, put_netlink, &l);
	return 0;
}
