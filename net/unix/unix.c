/* SPDX-License-Identifier: MIT */
/*
 * AF_UNIX: sockets on one machine, whose messages never leave memory.
 *
 * Idea. A send makes a message of the caller's bytes and puts it in the receiver's
 * queue; a receive copies from there. So each byte is copied once on each side, outside of
 * every spinlock. The sender is charged for it until it is read: SO_SNDBUF bounds what one
 * socket can have on its way. Datagrams are bounded in number too, by the receiver.
 *
 *   stream, seqpacket   peer is the other end, for good once set
 *   dgram               peer is where send(2) goes; it may change, and be one-sided
 *   listener            embryos are the other ends of connections not yet accepted
 *
 * Locks. sk.lock guards a socket's state and queue; two of them are taken in the order of their
 * addresses (unix_lock_two). Only readers remove messages, one reader at a time (read_mutex), so a
 * reader may look at the first message without the lock: others only append.
 *
 * Invariants:
 *  (1) A stream's or seqpacket's end that is connected has a peer whose peer it is or was:
 *      the first of the two to be released leaves the other's reference until that one's end.
 *  (2) Nothing is queued to a dead socket, so the messages that its release finds are all.
 *  (3) Every message has a reference on its sender, and is part of sender->wmem.
 *  (4) blocked_node is in the list of peer->blocked or in none.
 *
 * States: CLOSE -> LISTEN by listen(2); CLOSE -> ESTABLISHED by connect(2), socketpair(2), or as an
 * embryo. There is no way back.
 *
 * Not here: names (name.c), connections (connect.c), messages (queue.c), transfer (stream.c,
 * dgram.c), descriptors in messages and cycles of them (flight.c).
 *
 * Limit: MSG_OOB gives -EOPNOTSUPP, as on a Linux without CONFIG_AF_UNIX_OOB.
 */
#include <net/proc.h>
#include <net/unix/unix.h>
#include <kernel/bug.h>
#include <kernel/lib/string.h>
#include <kernel/mm/alloc.h>
#include <kernel/uapi/fcntl.h>
#include <arch/uaccess.h>


static const struct socket_ops unix_stream_ops, unix_dgram_ops, unix_seqpacket_ops;

void unix_lock_two(struct unix_sock *a, struct unix_sock *b)
{
	if (a > b)
		swap(a, b);
	spin_lock(&a->sk.lock);
	if (a != b)
		spin_lock_nested(&b->sk.lock, 1);
}

void unix_unlock_two(struct unix_sock *a, struct unix_sock *b)
{
	if (a != b)
		spin_unlock(&b->sk.lock);
	spin_unlock(&a->sk.lock);
}

struct unix_sock *unix_peer_get(struct unix_sock *u)
{
	struct unix_sock *peer;

	spin_lock(&u->sk.lock);
	peer = u->peer;
	if (peer)
		unix_get(peer);
	spin_unlock(&u->sk.lock);
	return peer;
}

bool unix_writable(const struct unix_sock *u)
{
	return READ_ONCE(u->state) != UNIX_LISTEN &&
	       4u * atomic_read(&u->wmem) <= READ_ONCE(u->sk.sndbuf);
}

/* --- life --- */

static struct kmem_cache *cache;

void unix_init(void)
{
	cache = kmem_cache_create("unix_sock", sizeof(struct unix_sock), 8, NULL);
	if (!cache)
		panic("no memory for the cache of sockets");
}

struct unix_sock *unix_alloc(struct net *net, u32 type)
{
	struct unix_sock *u = kmem_cache_zalloc(cache, GFP_KERNEL);

	if (!u)
		return NULL;
	socket_setup(&u->sk, net, type == SOCK_STREAM ? &unix_stream_ops :
		     type == SOCK_DGRAM ? &unix_dgram_ops : &unix_seqpacket_ops, AF_UNIX, type, 0);
	list_init(&u->queue);
	list_init(&u->embryos);
	list_init(&u->embryo_node);
	list_init(&u->blocked);
	list_init(&u->blocked_node);
	list_init(&u->flight_node);
	u->backlog = (u32)READ_ONCE(net->settings.max_dgram_qlen);
	mutex_init(&u->bind_mutex, RANK_SOCK_BIND);
	mutex_init(&u->read_mutex, RANK_SOCK_READ);
	wait_queue_init(&u->room_wait);
	unix_table_add(u);
	return u;
}

static int unix_create(u32 type, u32 protocol, struct socket **out)
{
	struct unix_sock *u;

	if (protocol && protocol != AF_UNIX)
		return -EPROTONOSUPPORT;
	if (type == SOCK_RAW)
		type = SOCK_DGRAM;
	if (type != SOCK_STREAM && type != SOCK_DGRAM && type != SOCK_SEQPACKET)
		return -ESOCKTNOSUPPORT;
	u = unix_alloc(current_net(), type);
	if (!u)
		return -ENOMEM;
	u->sk.protocol = protocol;
	*out = &u->sk;
	return 0;
}

SOCKET_FAMILY(unix) = { .family = AF_UNIX, .name = "UNIX", .create = unix_create,
			.diag = unix_diag };

void unix_tell_room(struct unix_sock *u)
{
	struct unix_sock *b;

	wake_poll(&u->room_wait, SOCK_POLL_OUT);
	while (unlikely(!list_empty(&u->blocked))) {
		spin_lock(&u->sk.lock);
		b = list_empty(&u->blocked) ? NULL : list_first(&u->blocked, struct unix_sock, blocked_node);
		if (b)
			list_del(&b->blocked_node);
		spin_unlock(&u->sk.lock);
		if (!b)
			break;
		wake_poll(&b->sk.wait, SOCK_POLL_OUT);
		unix_put(b);
	}
}

/* The other end of a connection ends: unread: it loses what we had of it. */
static void tell_peer(struct unix_sock *peer, bool unread)
{
	spin_lock(&peer->sk.lock);
	WRITE_ONCE(peer->sk.shutdown, SOCK_SHUT_BOTH);
	if (unread)
		socket_set_error(&peer->sk, ECONNRESET);
	spin_unlock(&peer->sk.lock);
	wake_all(&peer->sk.wait);
}

static void drop_peer(struct unix_sock *u, struct unix_sock *peer, bool unread)
{
	bool was_blocked;

	if (!unix_is_dgram(u))
		tell_peer(peer, unread);
	spin_lock(&peer->sk.lock);
	was_blocked = !list_empty(&u->blocked_node);
	if (was_blocked)
		list_del(&u->blocked_node);
	spin_unlock(&peer->sk.lock);
	if (was_blocked)
		unix_put(u);
	unix_put(peer);
}

static void free_all(struct list_head *msgs)
{
	struct unix_msg *msg, *next;

	list_for_each_safe(msg, next, msgs, node)
		unix_msg_free(msg);
}

void unix_release(struct socket *sk)
{
	struct unix_sock *u = unix_of(sk), *peer, *e, *next;
	LIST_HEAD(msgs);
	LIST_HEAD(embryos);

	unix_table_remove(u);
	spin_lock(&sk->lock);
	u->dead = true;
	u->state = UNIX_CLOSE;
	WRITE_ONCE(sk->shutdown, SOCK_SHUT_BOTH);
	peer = u->peer;
	u->peer = NULL;
	list_splice_tail(&u->queue, &msgs);
	list_splice_tail(&u->embryos, &embryos);
	WRITE_ONCE(u->queue_len, 0);
	spin_unlock(&sk->lock);

	if (u->path.dentry)
		path_put(&u->path);
	wake_all(&u->room_wait);
	unix_tell_room(u);
	if (peer)
		drop_peer(u, peer, !list_empty(&msgs) || u->embryo);
	list_for_each_safe(e, next, &embryos, embryo_node) {
		unix_release(&e->sk);
		unix_put(e);
	}
	free_all(&msgs);
	unix_flight_collect();
}

static void unix_free(struct socket *sk)
{
	struct unix_sock *u = unix_of(sk);

	if (u->addr)
		unix_addr_put(u->addr);
	kmem_cache_free(cache, u);
}

/* --- what is the same for all types --- */

static int unix_shutdown(struct socket *sk, int how)
{
	struct unix_sock *u = unix_of(sk), *peer;
	u32 mine = how + 1, theirs = ((mine & SOCK_SHUT_RCV) ? SOCK_SHUT_SEND : 0) |
				     ((mine & SOCK_SHUT_SEND) ? SOCK_SHUT_RCV : 0);

	if (how < SHUT_RD || how > SHUT_RDWR)
		return -EINVAL;
	spin_lock(&sk->lock);
	WRITE_ONCE(sk->shutdown, sk->shutdown | mine);
	peer = u->peer;
	if (peer)
		unix_get(peer);
	spin_unlock(&sk->lock);
	if (peer && !unix_is_dgram(u)) {
		spin_lock(&peer->sk.lock);
		WRITE_ONCE(peer->sk.shutdown, peer->sk.shutdown | theirs);
		spin_unlock(&peer->sk.lock);
		wake_all(&peer->sk.wait);
	}
	if (peer)
		unix_put(peer);
	wake_all(&sk->wait);
	wake_all(&u->room_wait);
	return 0;
}

static u32 addr_to(const struct unix_addr *a, union sock_addr *to)
{
	if (!a) {
		to->family = AF_UNIX;
		return UNIX_NAME_AT;
	}
	memcpy(to, &a->un, a->len);
	return a->len;
}

static int unix_getname(struct socket *sk, union sock_addr *addr, bool peer)
{
	struct unix_sock *u = unix_of(sk);
	u32 len;

	if (!peer)
		return addr_to(unix_addr(u), addr);
	u = unix_peer_get(u);
	if (!u)
		return -ENOTCONN;
	len = addr_to(unix_addr(u), addr);
	unix_put(u);
	return len;
}

void unix_copy_addr(const struct unix_sock *from, struct sock_msg *m)
{
	const struct unix_addr *a = unix_addr(from);

	if (m->name && a)
		m->name_len = addr_to(a, m->name);
}

u32 unix_poll_mask(const struct unix_sock *u)
{
	u32 mask = 0, shutdown = READ_ONCE(u->sk.shutdown);

	if (READ_ONCE(u->sk.error))
		mask |= EPOLLERR;
	if (shutdown == SOCK_SHUT_BOTH)
		mask |= EPOLLHUP;
	if (shutdown & SOCK_SHUT_RCV)
		mask |= EPOLLRDHUP | SOCK_POLL_IN;
	if (!list_empty(&u->queue) || !list_empty(&u->embryos))
		mask |= SOCK_POLL_IN;
	if (!unix_is_dgram(u) && READ_ONCE(u->state) == UNIX_CLOSE)
		mask |= EPOLLHUP;
	return mask;
}

static u32 unix_stream_poll(struct socket *sk, struct file *f, struct poll_table *pt)
{
	struct unix_sock *u = unix_of(sk);

	poll_wait(f, &sk->wait, pt);
	return unix_poll_mask(u) | (unix_writable(u) ? SOCK_POLL_OUT : 0);
}

/* A sender that waits may have room with the new limit. */
static int unix_set_option(struct socket *sk, int name, u32 value)
{
	if (name == SO_TIMESTAMP_OLD)
		return -ENOPROTOOPT;
	if (name != SO_SNDBUF)
		return 0;
	WRITE_ONCE(sk->sndbuf, value);
	if (unix_writable(unix_of(sk)) && wait_queue_active(&sk->wait))
		wake_queue(&sk->wait, 0, SOCK_POLL_OUT);
	return 0;
}

u32 unix_unread_locked(const struct unix_sock *u)
{
	const struct unix_msg *msg;
	u32 n = 0;

	assert_spin_held(&u->sk.lock);
	list_for_each(msg, &u->queue, node) {
		n += msg->len - msg->consumed;
		if (unix_is_dgram(u))
			break;
	}
	return n;
}

static long unread(struct unix_sock *u)
{
	long n;

	if (READ_ONCE(u->state) == UNIX_LISTEN)
		return -EINVAL;
	spin_lock(&u->sk.lock);
	n = unix_unread_locked(u);
	spin_unlock(&u->sk.lock);
	return n;
}

static void unix_meminfo(struct socket *sk, struct sock_memory *m)
{
	m->wmem = (u32)atomic_read(&unix_of(sk)->wmem);
}

static long unix_ioctl(struct socket *sk, u32 cmd, uaddr_t arg)
{
	struct unix_sock *u = unix_of(sk);
	long n;

	switch (cmd) {
	case SIOCINQ:
		n = unread(u);
		return n < 0 ? n : put_user((int)n, arg);
	case SIOCOUTQ:
		return READ_ONCE(u->state) == UNIX_LISTEN ? -EINVAL : put_user(atomic_read(&u->wmem), arg);
	default:
		return -ENOTTY;
	}
}

static bool unix_is_listening(struct socket *sk)
{
	return READ_ONCE(unix_of(sk)->state) == UNIX_LISTEN;
}

#define UNIX_COMMON_OPS \
	.bind = unix_bind, .socketpair = unix_socketpair, .getname = unix_getname, .shutdown = unix_shutdown, \
	.ioctl = unix_ioctl, .meminfo = unix_meminfo, .set_option = unix_set_option, \
	.release = unix_release, .free = unix_free, \
	.is_listening = unix_is_listening

static const struct socket_ops unix_stream_ops = {
	UNIX_COMMON_OPS,
	.connect = unix_stream_connect,
	.listen = unix_listen,
	.accept = unix_accept,
	.sendmsg = unix_stream_send,
	.recvmsg = unix_stream_recv,
	.poll = unix_stream_poll,
};

static const struct socket_ops unix_dgram_ops = {
	UNIX_COMMON_OPS,
	.connect = unix_dgram_connect,
	.sendmsg = unix_dgram_send,
	.recvmsg = unix_dgram_recv,
	.poll = unix_dgram_poll,
};

static const struct socket_ops unix_seqpacket_ops = {
	UNIX_COMMON_OPS,
	.connect = unix_stream_connect,
	.listen = unix_listen,
	.accept = unix_accept,
	.sendmsg = unix_seqpacket_send,
	.recvmsg = unix_seqpacket_recv,
	.poll = unix_dgram_poll,
};
