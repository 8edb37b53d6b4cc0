/* SPDX-License-Identifier: MIT */
/*
 * Bytes of AF_UNIX streams.
 *
 * A send cuts its bytes into messages; descriptors go with the first of them. A receive
 * takes from as many messages as it has room for, but ends behind one with descriptors, and,
 * where credentials are asked for, before one of another sender: what is received together comes
 * from one.
 *
 * Wake-ups: a reader is told of each message, a writer when its charge has fallen (queue.c).
 */
#include <net/unix/unix.h>
#include <kernel/task/pid.h>

/* Bytes of one message at most: Linux's, and with two in the pipe neither side has to stop. */
#define CHUNK_MAX	(UNIX_HEAD_MAX + 32768u)

/* --- sending --- */

/* Queue it to the peer: 0 or -EPIPE, and then it is freed. */
static int deliver(struct unix_sock *peer, struct unix_msg *msg)
{
	bool gone;

	spin_lock(&peer->sk.lock);
	gone = peer->dead || (peer->sk.shutdown & SOCK_SHUT_RCV);
	if (!gone)
		unix_msg_queue_locked(peer, msg);
	spin_unlock(&peer->sk.lock);
	if (unlikely(gone)) {
		unix_msg_free(msg);
		return -EPIPE;
	}
	wake_poll(&peer->sk.wait, SOCK_POLL_IN);
	return 0;
}

static ssize_t send_all(struct unix_sock *u, struct unix_sock *peer, struct sock_msg *m,
			struct scm *scm)
{
	ktime_t left = sock_timeout(READ_ONCE(u->sk.sndtimeo), m->flags & MSG_DONTWAIT);
	struct unix_msg *msg;
	ssize_t sent = 0;
	int err = 0;

	while (iov_iter_count(m->iter)) {
		/* Two messages in the pipe, as Linux has it. */
		size_t n = min_t(size_t, iov_iter_count(m->iter), READ_ONCE(u->sk.sndbuf) / 2 - 64);

		n = min_t(size_t, n, CHUNK_MAX);
		err = unix_msg_create(u, m->iter, n, scm, &left, &msg);
		if (err)
			break;
		if (unlikely(scm->rights)) {
			err = unix_flight_begin(scm->rights);
			if (err) {
				unix_msg_free(msg);
				break;
			}
			msg->rights = scm->rights;
			scm->rights = NULL;
		}
		err = deliver(peer, msg);
		if (err)
			break;
		sent += n;
	}
	return sent ? sent : err;
}

ssize_t unix_stream_send(struct socket *sk, struct sock_msg *m)
{
	struct unix_sock *u = unix_of(sk), *peer;
	struct scm scm;
	ssize_t n = scm_parse(&scm, m, true);

	if (n)
		return n;
	peer = READ_ONCE(u->peer);
	if (m->flags & MSG_OOB)
		n = -EOPNOTSUPP;
	else if (m->name_len)
		n = READ_ONCE(u->state) == UNIX_ESTABLISHED ? -EISCONN : -EOPNOTSUPP;
	else if (!peer)
		n = -ENOTCONN;
	else if (READ_ONCE(sk->shutdown) & SOCK_SHUT_SEND)
		n = -EPIPE;
	else
		n = send_all(u, peer, m, &scm);
	scm_free(&scm);
	return n == -EPIPE ? socket_broken_pipe(m->flags) : n;
}

/* --- receiving --- */

struct reader {
	struct unix_sock *u;
	struct sock_msg *m;
	struct scm scm;
	size_t want, target, copied;
	size_t skip;			/* of the next message: SO_PEEK_OFF */
	bool same_sender;		/* scm is the first message's: only its like may follow */
	bool ends;			/* descriptors were among it */
};

static bool is_other_sender(const struct reader *r, const struct unix_msg *msg)
{
	return r->same_sender &&
	       (msg->pid != r->scm.pid || msg->uid != r->scm.uid || msg->gid != r->scm.gid);
}

/* Take from one message. False: this receive ends here. */
static __always_inline bool take(struct reader *r, struct unix_msg *msg)
{
	size_t at = msg->consumed + r->skip, n = min_t(size_t, r->want, msg->len - at), got;
	bool peek = r->m->flags & MSG_PEEK;

	if (is_other_sender(r, msg))
		return false;
	if (sock_option(&r->u->sk, SOCK_OPT_PASSCRED))
		r->same_sender = true;
	if (r->m->name && !r->m->name_len)
		unix_copy_addr(msg->sender, r->m);
	got = unix_msg_copy(msg, at, n, r->m->iter);
	if (got < n) {
		r->copied = r->copied ? r->copied : (size_t)-EFAULT;
		return false;
	}
	r->copied += n;
	r->want -= n;
	r->skip = 0;
	sock_peek_advance(&r->u->sk, peek ? (ssize_t)n : -(ssize_t)n);
	r->ends = msg->rights;
	if (!r->scm.pid || msg->rights)
		(void)unix_msg_take_scm(msg, &r->scm, peek);
	if (peek)
		return r->want && !r->ends;
	msg->consumed += n;
	if (msg->consumed < msg->len)
		return false;
	unix_msg_unlink(r->u, msg);
	unix_msg_free(msg);
	return r->want && !r->ends;
}

/* From what there is; read_mutex held. True: there may be more to come for this receive. */
static bool take_queued(struct reader *r)
{
	struct unix_msg *msg = unix_msg_first(r->u), *next;

	while (msg) {
		next = r->m->flags & MSG_PEEK ? unix_msg_next(r->u, msg) : NULL;
		if (!take(r, msg))
			return false;
		msg = r->m->flags & MSG_PEEK ? next : unix_msg_first(r->u);
	}
	/* A second look at what was peeked would find it again. */
	return !(r->m->flags & MSG_PEEK) || !r->copied;
}

static bool has_news(const struct unix_sock *u)
{
	return !list_empty(&u->queue) || READ_ONCE(u->sk.error) ||
	       (READ_ONCE(u->sk.shutdown) & SOCK_SHUT_RCV);
}

/* 0: go on, or the end, and *end says so. */
static int wait_for_more(struct reader *r, ktime_t *left, bool *end)
{
	struct socket *sk = &r->u->sk;
	int err;

	*end = r->copied >= r->target;
	if (*end)
		return 0;
	if (list_empty(&r->u->queue)) {
		err = socket_take_error(sk);
		if (err)
			return err;
		*end = READ_ONCE(sk->shutdown) & SOCK_SHUT_RCV;
		/* What came before the shutdown is read first. */
		smp_rmb();
		if (*end && !list_empty(&r->u->queue))
			*end = false;
		if (*end)
			return 0;
	}
	return sock_wait_event(&sk->wait, SOCK_POLL_IN, has_news(r->u), left);
}

static int receive(struct reader *r)
{
	struct unix_sock *u = r->u;
	ktime_t left = sock_timeout(READ_ONCE(u->sk.rcvtimeo), r->m->flags & MSG_DONTWAIT);
	bool end = false, more;
	int err = 0;

	while (!err && !end) {
		/* A reader that comes early does not take the mutex twice. */
		if (!list_empty(&u->queue)) {
			mutex_lock(&u->read_mutex);
			more = take_queued(r);
			mutex_unlock(&u->read_mutex);
			if (!more || !r->want)
				break;
		}
		err = wait_for_more(r, &left, &end);
	}
	if (unlikely(!list_empty(&u->queue)) && !(r->m->flags & MSG_PEEK))
		sock_pass_on(&u->sk, SOCK_POLL_IN);
	return err;
}

static bool has_more(const struct unix_sock *u, u32 seen)
{
	return READ_ONCE(u->arrivals) != seen || READ_ONCE(u->sk.error) ||
	       (READ_ONCE(u->sk.shutdown) & SOCK_SHUT_RCV);
}

/* As receive(), from the offset of SO_PEEK_OFF on: what is queued may be in front of that. */
static int peek_at_offset(struct reader *r)
{
	struct unix_sock *u = r->u;
	ktime_t left = sock_timeout(READ_ONCE(u->sk.rcvtimeo), r->m->flags & MSG_DONTWAIT);
	struct unix_msg *msg;
	u32 seen;
	int err;

	for (;;) {
		bool over = READ_ONCE(u->sk.shutdown) & SOCK_SHUT_RCV;

		/* What came before the shutdown is read first. */
		smp_rmb();
		mutex_lock(&u->read_mutex);
		msg = unix_msg_at_offset(u, &r->skip, &seen);
		while (msg && take(r, msg))
			msg = unix_msg_next(u, msg);
		mutex_unlock(&u->read_mutex);
		if (r->copied || over || !r->want)
			return 0;
		err = socket_take_error(&u->sk);
		if (!err)
			err = sock_wait_event(&u->sk.wait, SOCK_POLL_IN, has_more(u, seen), &left);
		if (err)
			return err;
	}
}

ssize_t unix_stream_recv(struct socket *sk, struct sock_msg *m)
{
	struct reader r = { .u = unix_of(sk), .m = m, .want = iov_iter_count(m->iter) };
	int err;

	if (READ_ONCE(r.u->state) != UNIX_ESTABLISHED)
		return -EINVAL;
	if (m->flags & MSG_OOB)
		return -EOPNOTSUPP;
	r.scm = (struct scm){ .uid = -1, .gid = -1 };
	r.target = m->flags & MSG_WAITALL ? r.want : min_t(size_t, READ_ONCE(sk->rcvlowat), r.want);
	if (!r.target)
		r.target = 1;
	err = sock_peeks_at_offset(sk, m->flags) ? peek_at_offset(&r) : receive(&r);
	if ((ssize_t)r.copied < 0) {
		scm_free(&r.scm);
		return (ssize_t)r.copied;
	}
	if (err && !r.copied) {
		scm_free(&r.scm);
		return err;
	}
	scm_deliver(sk, m, &r.scm);
	return r.copied;
}
