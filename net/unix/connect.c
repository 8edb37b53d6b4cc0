/* SPDX-License-Identifier: MIT */
/*
 * Connections of AF_UNIX streams and seqpackets: listen, connect, accept.
 *
 * connect(2) makes the other end, an embryo, and puts it in the listener's list; both ends are
 * connected from then on, so the client may write before anybody accepts. The list takes backlog +
 * 1, as Linux's does; who finds it full waits in the listener's room_wait.
 *
 * SO_PEERCRED: the accepted end tells of who called connect(2), the client's of who called
 * listen(2).
 */
#include <net/unix/unix.h>
#include <kernel/uapi/fcntl.h>

int unix_socketpair(struct socket *a, struct socket *b)
{
	struct unix_sock *ua = unix_of(a), *ub = unix_of(b);

	socket_set_peercred(a);
	socket_set_peercred(b);
	ua->peer = unix_get(ub);
	ub->peer = unix_get(ua);
	ua->state = ub->state = UNIX_ESTABLISHED;
	return 0;
}

int unix_listen(struct socket *sk, u32 backlog)
{
	struct unix_sock *u = unix_of(sk);
	bool more = false;
	int err = 0;

	if (!unix_addr(u))
		return -EINVAL;
	spin_lock(&sk->lock);
	if (u->state == UNIX_ESTABLISHED) {
		err = -EINVAL;
	} else {
		more = backlog > u->backlog;
		WRITE_ONCE(u->backlog, backlog);
		WRITE_ONCE(u->state, UNIX_LISTEN);
	}
	spin_unlock(&sk->lock);
	if (err)
		return err;
	socket_set_peercred(sk);
	if (more)
		wake_all(&u->room_wait);
	return 0;
}

/*
 * The listener takes a connection, if it can: 0, -EAGAIN:
 * full; -ESTALE: look for it again. Both locks held.
 */
static int join_locked(struct unix_sock *u, struct unix_sock *listener, struct unix_sock *e)
{
	if (listener->dead)
		return -ESTALE;
	if (listener->state != UNIX_LISTEN || (listener->sk.shutdown & SOCK_SHUT_RCV))
		return -ECONNREFUSED;
	if (unix_queue_full(listener))
		return -EAGAIN;
	if (u->state != UNIX_CLOSE)
		return u->state == UNIX_ESTABLISHED ? -EISCONN : -EINVAL;

	e->peer = unix_get(u);
	e->state = UNIX_ESTABLISHED;
	e->embryo = true;
	e->addr = listener->addr;
	refcount_inc(&e->addr->refs);
	e->sk.sndbuf = READ_ONCE(listener->sk.sndbuf);
	e->sk.rcvbuf = READ_ONCE(listener->sk.rcvbuf);
	e->sk.options = READ_ONCE(listener->sk.options) & SOCK_OPT_PASSCRED;
	u->peer = unix_get(e);
	WRITE_ONCE(u->state, UNIX_ESTABLISHED);
	list_add_tail(&e->embryo_node, &listener->embryos);
	WRITE_ONCE(listener->queue_len, listener->queue_len + 1);
	return 0;
}

static bool has_room(const struct unix_sock *listener)
{
	return READ_ONCE(listener->dead) || (READ_ONCE(listener->sk.shutdown) & SOCK_SHUT_RCV) ||
	       !unix_queue_full(listener);
}

/* With the listener found, whose reference it drops. -ESTALE: it has gone. */
static int connect_to(struct unix_sock *u, struct unix_sock *listener, struct unix_sock *e,
		      ktime_t *left)
{
	int err;

	do {
		unix_lock_two(u, listener);
		err = join_locked(u, listener, e);
		unix_unlock_two(u, listener);
		if (err != -EAGAIN)
			break;
		err = sock_wait_event(&listener->room_wait, SOCK_POLL_OUT, has_room(listener),
				      left);
	} while (!err);
	if (!err) {
		socket_copy_peercred(&u->sk, &listener->sk);
		wake_poll(&listener->sk.wait, SOCK_POLL_IN);
	}
	unix_put(listener);
	return err;
}

int unix_stream_connect(struct socket *sk, const union sock_addr *addr, u32 len, u32 flags)
{
	ktime_t left = sock_timeout(READ_ONCE(sk->sndtimeo), flags & O_NONBLOCK);
	struct unix_sock *u = unix_of(sk), *e, *listener;
	int err = unix_check_addr(addr, len);

	if (err)
		return err;
	if (sock_option(sk, SOCK_OPT_PASSCRED)) {
		err = unix_autobind(u);
		if (err)
			return err;
	}
	e = unix_alloc(sk->net, sk->type);
	if (!e)
		return -ENOMEM;
	socket_set_peercred(&e->sk);
	do {
		err = unix_find(sk->net, addr, len, sk->type, &listener);
		if (!err)
			err = connect_to(u, listener, e, &left);
	} while (err == -ESTALE);
	if (err) {
		unix_release(&e->sk);
		unix_put(e);
	}
	return err;
}

static bool can_accept(const struct unix_sock *u)
{
	return !list_empty(&u->embryos) || (READ_ONCE(u->sk.shutdown) & SOCK_SHUT_RCV);
}

int unix_accept(struct socket *sk, u32 flags, struct socket **out)
{
	ktime_t left = sock_timeout(READ_ONCE(sk->rcvtimeo), flags & O_NONBLOCK);
	struct unix_sock *u = unix_of(sk), *e = NULL;
	int err;

	if (READ_ONCE(u->state) != UNIX_LISTEN)
		return -EINVAL;
	while (!e) {
		err = sock_wait_event(&sk->wait, SOCK_POLL_IN, can_accept(u), &left);
		if (err)
			return err;
		spin_lock(&sk->lock);
		if (!list_empty(&u->embryos)) {
			e = list_first(&u->embryos, struct unix_sock, embryo_node);
			list_del(&e->embryo_node);
			WRITE_ONCE(u->queue_len, u->queue_len - 1);
			WRITE_ONCE(e->embryo, false);
		}
		spin_unlock(&sk->lock);
		if (!e && (READ_ONCE(sk->shutdown) & SOCK_SHUT_RCV))
			return -EINVAL;
	}
	wake_poll(&u->room_wait, SOCK_POLL_OUT);
	*out = &e->sk;
	return 0;
}
