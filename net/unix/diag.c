/* SPDX-License-Identifier: MIT */
/*
 * AF_UNIX sockets as ss(8) asks for them.
 *
 * Limit: the inode that a name stands for (UNIX_DIAG_VFS) and who waits to be accepted
 * (UNIX_DIAG_ICONS) are not told.
 */
#include <net/netlink/netlink.h>
#include <net/unix/unix.h>

struct unix_diag_req {
	struct sock_diag_req head;
	u16 pad;
	u32 states, ino, show, cookie[2];
};
struct unix_diag_msg {
	u8 family, type, state, pad;
	u32 ino, cookie[2];
};
enum { UNIX_DIAG_NAME, UNIX_DIAG_PEER = 2, UNIX_DIAG_RQLEN = 4, UNIX_DIAG_MEMINFO,
       UNIX_DIAG_SHUTDOWN,
	UNIX_DIAG_UID };
#define SHOW_NAME	BIT(0)
#define SHOW_PEER	BIT(2)
#define SHOW_RQLEN	BIT(4)
#define SHOW_MEMINFO	BIT(5)
#define SHOW_UID	BIT(6)

enum { TCP_ESTABLISHED = 1, TCP_CLOSE = 7, TCP_LISTEN = 10 };	/* states go by these names */

struct listing {
	const struct unix_diag_req *q;
	struct nl_out *o;
	struct net *net;
	bool dump, found;
};

/* The socket's lock is held, here and below. */
static u8 state_of(const struct unix_sock *u)
{
	if (u->state == UNIX_LISTEN)
		return TCP_LISTEN;
	return u->state == UNIX_ESTABLISHED || (unix_is_dgram(u) && u->peer) ? TCP_ESTABLISHED :
	       TCP_CLOSE;
}

/*
 * A listener: who waits to be accepted, and how many may. Others: bytes to be read next,
 * bytes not read by peers.
 */
static void put_queue_lengths(struct nl_out *o, const struct unix_sock *u)
{
	u32 len[2] = { 0, (u32)atomic_read(&u->wmem) };

	if (u->state == UNIX_LISTEN) {
		len[0] = u->queue_len;
		len[1] = u->backlog;
	} else {
		len[0] = unix_unread_locked(u);
	}
	nl_put(o, UNIX_DIAG_RQLEN, len, sizeof(len));
}

static void put_attributes(struct nl_out *o, struct unix_sock *u, u32 show)
{
	struct sock_memory m = { .wmem = (u32)atomic_read(&u->wmem) };
	const struct unix_addr *a = unix_addr(u);
	u32 peer = u->peer ? (u32)READ_ONCE(u->peer->sk.ino) : 0;

	if ((show & SHOW_NAME) && a)
		nl_put(o, UNIX_DIAG_NAME, a->un.path, a->len - UNIX_NAME_AT);
	if ((show & SHOW_PEER) && u->peer)
		nl_put_u32(o, UNIX_DIAG_PEER, peer);
	if (show & SHOW_RQLEN)
		put_queue_lengths(o, u);
	if (show & SHOW_MEMINFO)
		sock_diag_put_meminfo(o, UNIX_DIAG_MEMINFO, &u->sk, &m);
	if (show & SHOW_UID)
		nl_put_u32(o, UNIX_DIAG_UID, u->sk.uid);
	nl_put_u8(o, UNIX_DIAG_SHUTDOWN, (u8)READ_ONCE(u->sk.shutdown));
}

static bool is_asked_for(const struct listing *l, const struct unix_sock *u)
{
	u32 ino = (u32)READ_ONCE(u->sk.ino);

	if (!ino || u->sk.net != l->net)
		return false;
	return l->dump ? l->q->states & BIT(state_of(u)) : ino == l->q->ino;
}

static void put_socket(struct unix_sock *u, void *arg)
{
	struct listing *l = arg;
	struct unix_diag_msg *d;

	spin_lock(&u->sk.lock);
	if (is_asked_for(l, u)) {
		l->found = true;
		d = sock_diag_begin(l->o, sizeof(*d));
		if (d) {
			*d = (struct unix_diag_msg){ .family = AF_UNIX, .type = (u8)u->sk.type,
						     .state = state_of(u),
						     .ino = (u32)u->sk.ino };
			sock_diag_cookie(&u->sk, d->cookie);
		}
		put_attributes(l->o, u, l->q->show);
		nl_end(l->o);
	}
	spin_unlock(&u->sk.lock);
}

int unix_diag(const struct nl_request *r, struct nl_out *o)
{
	struct listing l = { .q = (const void *)(r->h + 1), .o = o,
			     .net = r->net, .dump = r->dump };

	if (r->h->len < sizeof(*r->h) + sizeof(*l.q) || (!r->dump && !l.q->ino))
		return -EINVAL;
	for (u32 bucket = 0; unix_table_walk(bucket, put_socket, &l); bucket++)
		;
	return r->dump || l.found ? 0 : -ENOENT;
}
