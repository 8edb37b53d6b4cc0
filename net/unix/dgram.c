/* SPDX-License-Identifier: MIT */
/*
 * AF_UNIX datagrams and sequenced packets: one send, one message, one receive.
 *
 * A datagram socket takes backlog + 1 messages of others; between two sockets that are each
 * other's peers (and so for seqpackets) only the sender's SO_SNDBUF counts, as on Linux. A sender
 * that finds the receiver full waits in its room_wait. poll(2) cannot: the receiver may be gone
 * before the poll ends. So a polled socket is put in the list of its peer (blocked), with a
 * reference, and told through its own queue.
 *
 * A peer that has died is noticed by the next send, which ends the association: -ECONNREFUSED once.
 */
#include <net/unix/unix.h>

/* A socket with a peer takes messages from no one else. */
static bool may_talk(const struct unix_sock *u, const struct unix_sock *to)
{
	return !to->peer || to->peer == u;
}

static bool limits_queue(const struct unix_sock *u, const struct unix_sock *to)
{
	return to != u && READ_ONCE(to->peer) != u;
}

/* --- who talks to whom --- */

/*
 * The messages that the old peer sent are nobody's now;
 * if we were its peer too, it learns that it has none.
 */
static void disconnected(struct unix_sock *u, struct unix_sock *old)
{
	struct unix_msg *msg, *next;
	LIST_HEAD(msgs);
	bool tell = false;

	mutex_lock(&u->read_mutex);
	spin_lock(&u->sk.lock);
	list_splice_tail(&u->queue, &msgs);
	WRITE_ONCE(u->queue_len, 0);
	spin_unlock(&u->sk.lock);
	mutex_unlock(&u->read_mutex);
	if (list_empty(&msgs))
		return;
	unix_tell_room(u);
	spin_lock(&old->sk.lock);
	if (!old->dead && old->peer == u) {
		socket_set_error(&old->sk, ECONNRESET);
		tell = true;
	}
	spin_unlock(&old->sk.lock);
	if (tell)
		wake_all(&old->sk.wait);
	list_for_each_safe(msg, next, &msgs, node)
		unix_msg_free(msg);
}

/*
 * Of u, if it is `old` (NULL: whoever it is). The old peer with its reference, or NULL: it was not.
 */
static struct unix_sock *leave_peer(struct unix_sock *u, struct unix_sock *old)
{
	struct unix_sock *peer = unix_peer_get(u);
	bool left, was_blocked = false;

	if (!peer)
		return NULL;
	unix_lock_two(u, peer);
	left = u->peer == peer && (!old || peer == old);
	if (left) {
		u->peer = NULL;
		WRITE_ONCE(u->state, UNIX_CLOSE);
		was_blocked = !list_empty(&u->blocked_node);
		if (was_blocked)
			list_del(&u->blocked_node);
	}
	unix_unlock_two(u, peer);
	if (was_blocked) {
		wake_poll(&u->sk.wait, SOCK_POLL_OUT);
		unix_put(u);
	}
	/* the lookup's; or u->peer's, and the caller gets the other */
	unix_put(peer);
	return left ? peer : NULL;
}

/* 0, -EPERM, -ESTALE: other is dead; -EAGAIN: u has a peer. Takes a reference. */
static int join(struct unix_sock *u, struct unix_sock *other)
{
	int err = 0;

	unix_lock_two(u, other);
	if (other->dead)
		err = -ESTALE;
	else if (!may_talk(u, other))
		err = -EPERM;
	else if (u->peer)
		err = -EAGAIN;
	if (!err) {
		u->peer = unix_get(other);
		WRITE_ONCE(u->state, UNIX_ESTABLISHED);
		WRITE_ONCE(other->state, UNIX_ESTABLISHED);
	}
	unix_unlock_two(u, other);
	return err;
}

static int change_peer(struct unix_sock *u, struct unix_sock *other)
{
	int err;

	while ((err = join(u, other)) == -EAGAIN) {
		struct unix_sock *old = leave_peer(u, NULL);

		if (old) {
			if (old != other)
				disconnected(u, old);
			unix_put(old);
		}
	}
	return err;
}

int unix_dgram_connect(struct socket *sk, const union sock_addr *addr, u32 len, u32 flags)
{
	struct unix_sock *u = unix_of(sk), *other;
	int err;

	if (len < sizeof(addr->family))
		return -EINVAL;
	if (addr->family == AF_UNSPEC) {
		other = leave_peer(u, NULL);
		if (other) {
			disconnected(u, other);
			unix_put(other);
		}
		return 0;
	}
	err = unix_check_addr(addr, len);
	if (!err && sock_option(sk, SOCK_OPT_PASSCRED))
		err = unix_autobind(u);
	if (err)
		return err;
	do {
		err = unix_find(sk->net, addr, len, sk->type, &other);
		if (err)
			return err;
		err = change_peer(u, other);
		unix_put(other);
	} while (err == -ESTALE);
	return err;
}

/* --- sending --- */

/* -ESTALE: it is dead. -EAGAIN: full. With 0 the message is queued, and the receiver told. */
static int try_deliver(struct unix_sock *u, struct unix_sock *to, struct unix_msg *msg)
{
	int err = 0;

	spin_lock(&to->sk.lock);
	if (!to->dead && !may_talk(u, to))
		err = -EPERM;
	else if (to->dead)
		err = -ESTALE;
	else if (to->sk.shutdown & SOCK_SHUT_RCV)
		err = -EPIPE;
	else if (limits_queue(u, to) && unix_queue_full(to))
		err = -EAGAIN;
	else
		unix_msg_queue_locked(to, msg);
	spin_unlock(&to->sk.lock);
	if (!err)
		wake_poll(&to->sk.wait, SOCK_POLL_IN);
	return err;
}

static bool has_room(const struct unix_sock *to)
{
	return READ_ONCE(to->dead) || (READ_ONCE(to->sk.shutdown) & SOCK_SHUT_RCV) ||
	       !unix_queue_full(to);
}

/* To one receiver, waiting for room. */
static int deliver(struct unix_sock *u, struct unix_sock *to, struct unix_msg *msg, ktime_t *left)
{
	int err;

	while ((err = try_deliver(u, to, msg)) == -EAGAIN) {
		if (!*left)
			break;
		err = sock_wait_event(&to->room_wait, SOCK_POLL_OUT, has_room(to), left);
		if (err)
			break;
	}
	return err;
}

/*
 * The receiver is dead: -ECONNREFUSED for its peer,
 * once; for others the name is looked up again (0).
 */
static int receiver_died(struct unix_sock *u, struct unix_sock *to)
{
	struct unix_sock *old;

	if (!unix_is_dgram(u))
		return -EPIPE;
	old = leave_peer(u, to);
	if (!old)
		return 0;
	disconnected(u, old);
	unix_put(old);
	return -ECONNREFUSED;
}

static int find_receiver(struct unix_sock *u, const struct sock_msg *m, struct unix_sock **to)
{
	if (m->name_len)
		return unix_find(u->sk.net, m->name, m->name_len, u->sk.type, to);
	*to = unix_peer_get(u);
	return *to ? 0 : -ENOTCONN;
}

/* msg is queued, or still the caller's. */
static int send_msg(struct unix_sock *u, struct sock_msg *m, struct unix_sock *to,
		    struct unix_msg *msg, ktime_t *left)
{
	int err;

	for (;;) {
		if (!to) {
			err = m->name_len ? find_receiver(u, m, &to) : -ECONNRESET;
			if (err)
				return err;
		}
		err = deliver(u, to, msg, left);
		if (err != -ESTALE)
			break;
		err = receiver_died(u, to);
		if (err)
			break;
		unix_put(to);
		to = NULL;
	}
	unix_put(to);
	return err;
}

static ssize_t send_to(struct unix_sock *u, struct sock_msg *m, struct scm *scm)
{
	ktime_t left = sock_timeout(READ_ONCE(u->sk.sndtimeo), m->flags & MSG_DONTWAIT);
	size_t len = iov_iter_count(m->iter);
	struct unix_sock *to = NULL;
	struct unix_msg *msg;
	int err;

	if (!m->name_len) {
		err = find_receiver(u, m, &to);
		if (err)
			return err;
	}
	err = len > READ_ONCE(u->sk.sndbuf) - 32 ? -EMSGSIZE : unix_msg_create(u, m->iter, len, scm, &left, &msg);
	if (!err && scm->rights) {
		err = unix_flight_begin(scm->rights);
		if (err) {
			unix_msg_free(msg);
		} else {
			msg->rights = scm->rights;
			scm->rights = NULL;
		}
	}
	if (err) {
		if (to)
			unix_put(to);
		return err;
	}
	err = send_msg(u, m, to, msg, &left);
	if (!err)
		return len;
	unix_msg_free(msg);
	return err;
}

ssize_t unix_dgram_send(struct socket *sk, struct sock_msg *m)
{
	struct unix_sock *u = unix_of(sk);
	struct scm scm;
	ssize_t n = scm_parse(&scm, m, true);

	if (n)
		return n;
	if (m->flags & MSG_OOB)
		n = -EOPNOTSUPP;
	if (!n && m->name_len)
		n = unix_check_addr(m->name, m->name_len);
	if (!n && sock_option(sk, SOCK_OPT_PASSCRED))
		n = unix_autobind(u);
	if (!n)
		n = send_to(u, m, &scm);
	scm_free(&scm);
	return n;
}

ssize_t unix_seqpacket_send(struct socket *sk, struct sock_msg *m)
{
	int err = socket_take_error(sk);

	if (err)
		return err;
	if (READ_ONCE(unix_of(sk)->state) != UNIX_ESTABLISHED)
		return -ENOTCONN;
	m->name_len = 0;
	return unix_dgram_send(sk, m);
}

/* --- receiving --- */

/* seen: what had arrived when nothing was found behind an offset; NULL: whatever is there. */
static bool has_unseen(const struct unix_sock *u, const u32 *seen)
{
	return unlikely(seen) ? READ_ONCE(u->arrivals) != *seen : !list_empty(&u->queue);
}

static bool has_news(const struct unix_sock *u, const u32 *seen)
{
	return has_unseen(u, seen) || READ_ONCE(u->sk.error) ||
	       (READ_ONCE(u->sk.shutdown) & SOCK_SHUT_RCV);
}

/*
 * The first message, or the one that SO_PEEK_OFF says, read_mutex held: *msg; NULL with 0 at the
 * end of what can come.
 */
static int wait_first(struct unix_sock *u, u32 flags, ktime_t *left, struct unix_msg **msg,
		      size_t *skip)
{
	bool at_offset = sock_peeks_at_offset(&u->sk, flags);
	struct socket *sk = &u->sk;
	u32 arrivals, *seen = at_offset ? &arrivals : NULL;
	int err;

	*skip = 0;

	for (;;) {
		err = socket_take_error(sk);
		if (err)
			return err;
		mutex_lock(&u->read_mutex);
		*msg = at_offset ? unix_msg_at_offset(u, skip, seen) : unix_msg_first(u);
		if (*msg)
			return 0;
		mutex_unlock(&u->read_mutex);
		if (READ_ONCE(sk->shutdown) & SOCK_SHUT_RCV) {
			/* A message may have come before it. */
			smp_rmb();
			if (!has_unseen(u, seen))
				return *left || !unix_is_dgram(u) ? 0 : -EAGAIN;
			continue;
		}
		err = sock_wait_event(&sk->wait, SOCK_POLL_IN, has_news(u, seen), left);
		if (err)
			return err;
	}
}

/* All but the first `skip` bytes. read_mutex held; lets go of it. */
static ssize_t take(struct unix_sock *u, struct unix_msg *msg, size_t skip, struct sock_msg *m)
{
	struct scm scm = { .uid = -1, .gid = -1 };
	bool peek = m->flags & MSG_PEEK;
	size_t room = iov_iter_count(m->iter), len = msg->len - skip, n = min(room, len);
	int err;

	if (!peek)
		unix_msg_unlink(u, msg);
	unix_copy_addr(msg->sender, m);
	if (room < len)
		m->out_flags |= MSG_TRUNC;
	sock_peek_advance(&u->sk, peek ? (ssize_t)n : -(ssize_t)len);
	err = unix_msg_copy(msg, skip, n, m->iter) < n ? -EFAULT : unix_msg_take_scm(msg, &scm, peek);
	mutex_unlock(&u->read_mutex);
	if (!peek) {
		if (!unix_queue_full(u))
			unix_tell_room(u);
		unix_msg_free(msg);
	}
	if (err) {
		scm_free(&scm);
		return err;
	}
	scm_deliver(&u->sk, m, &scm);
	return m->flags & MSG_TRUNC ? len : n;
}

ssize_t unix_dgram_recv(struct socket *sk, struct sock_msg *m)
{
	ktime_t left = sock_timeout(READ_ONCE(sk->rcvtimeo), m->flags & MSG_DONTWAIT);
	struct unix_sock *u = unix_of(sk);
	struct unix_msg *msg;
	size_t skip;
	int err;

	if (m->flags & MSG_OOB)
		return -EOPNOTSUPP;
	err = wait_first(u, m->flags, &left, &msg, &skip);
	if (err || !msg)
		return err;
	return take(u, msg, skip, m);
}

ssize_t unix_seqpacket_recv(struct socket *sk, struct sock_msg *m)
{
	if (READ_ONCE(unix_of(sk)->state) != UNIX_ESTABLISHED)
		return -ENOTCONN;
	return unix_dgram_recv(sk, m);
}

/* --- readiness --- */

/* The peer is full: u will be told when it is no longer. */
static bool peer_is_full(struct unix_sock *u)
{
	struct unix_sock *peer = unix_peer_get(u);
	bool full = false;

	if (!peer)
		return false;
	if (limits_queue(u, peer) && unix_queue_full(peer)) {
		unix_lock_two(u, peer);
		full = u->peer == peer && !peer->dead && unix_queue_full(peer);
		if (full && list_empty(&u->blocked_node)) {
			list_add_tail(&u->blocked_node, &peer->blocked);
			unix_get(u);
		}
		unix_unlock_two(u, peer);
	}
	unix_put(peer);
	return full;
}

u32 unix_dgram_poll(struct socket *sk, struct file *f, struct poll_table *pt)
{
	struct unix_sock *u = unix_of(sk);
	u32 mask;

	poll_wait(f, &sk->wait, pt);
	mask = unix_poll_mask(u);
	if ((!pt || (pt->key & SOCK_POLL_OUT)) && unix_writable(u) && !peer_is_full(u))
		mask |= SOCK_POLL_OUT;
	return mask;
}
