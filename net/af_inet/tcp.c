/* SPDX-License-Identifier: MIT */
/*
 * Streams over IP: connect, accept, send and receive with the waiting that
 * the endpoint leaves to the socket.
 *
 * connecting is what connect(2) has said so far: a connection that fails or succeeds in the
 * background is told by the next call, and by poll.
 *
 * Limit: MSG_FASTOPEN gives -EOPNOTSUPP.
 */
#include <net/af_inet/af_inet.h>
#include <kernel/mm/alloc.h>
#include <kernel/uapi/fcntl.h>

/* --- connections --- */

static bool is_opening(struct inet_sock *s)
{
	return inet_tcp_is_opening(s->ep);
}

/* Begin; or what has become of it. 0: connected; -EINPROGRESS and -EALREADY: not yet. */
static int connect_begin(struct inet_sock *s, const struct inet_addr *a)
{
	int err;

	if (s->connecting == CONNECT_DONE)
		return -EISCONN;
	if (s->connecting == CONNECT_RUNNING)
		return -EALREADY;
	err = inet_connect(s->ep, a);
	if (err == -EINPROGRESS)
		WRITE_ONCE(s->connecting, CONNECT_RUNNING);
	else if (!err)
		WRITE_ONCE(s->connecting, CONNECT_DONE);
	return err;
}

/* The handshake has ended, one way or the other. */
static int connect_end(struct inet_sock *s)
{
	int err = 0;

	mutex_lock(&s->state_mutex);
	if (s->connecting == CONNECT_RUNNING) {
		err = inet_sock_take_error(&s->sk);
		if (!err && inet_tcp_state(s->ep) == INET_CLOSED)
			err = -ECONNABORTED;
		WRITE_ONCE(s->connecting, err ? CONNECT_NONE : CONNECT_DONE);
	}
	mutex_unlock(&s->state_mutex);
	return err;
}

int inet_stream_connect(struct socket *sk, const union sock_addr *addr, u32 len, u32 flags)
{
	ktime_t left = sock_timeout(READ_ONCE(sk->sndtimeo), flags & O_NONBLOCK);
	struct inet_sock *s = inet_of(sk);
	struct inet_addr a;
	int err, wait;

	if (len < sizeof(addr->family))
		return -EINVAL;
	mutex_lock(&s->state_mutex);
	if (addr->family == AF_UNSPEC) {
		err = inet_connect(s->ep, NULL);
		WRITE_ONCE(s->connecting, CONNECT_NONE);
	} else {
		err = inet_addr_from(sk, addr, len, &a);
		if (!err)
			err = connect_begin(s, &a);
	}
	mutex_unlock(&s->state_mutex);
	if (err != -EINPROGRESS && err != -EALREADY)
		return err;
	/* Who does not wait is not told by the call that begins, though the peer here has answered. */
	if (err == -EINPROGRESS && !left)
		return err;
	wait = sock_wait_event(&sk->wait, SOCK_POLL_OUT, !is_opening(s), &left);
	if (wait)
		return wait == -EAGAIN ? err : wait;
	return connect_end(s);
}

int inet_stream_listen(struct socket *sk, u32 backlog)
{
	struct inet_sock *s = inet_of(sk);
	int err;

	mutex_lock(&s->state_mutex);
	err = s->connecting == CONNECT_NONE ? inet_listen(s->ep, backlog) : -EINVAL;
	mutex_unlock(&s->state_mutex);
	return err;
}

/* A socket for a connection, with the listener's options. Takes over ep. */
static int wrap(struct inet_sock *l, struct inet_ep *ep, struct socket **out)
{
	struct inet_sock *s = inet_sock_alloc(l->sk.net, l->sk.family, l->sk.type, l->sk.protocol,
					      INET_TCP);

	if (!s) {
		inet_close(ep, true);
		return -ENOMEM;
	}
	s->ep = ep;
	s->connecting = CONNECT_DONE;
	s->sk.options = READ_ONCE(l->sk.options);
	s->sk.sndbuf = READ_ONCE(l->sk.sndbuf);
	s->sk.rcvbuf = READ_ONCE(l->sk.rcvbuf);
	s->sk.rcvlowat = READ_ONCE(l->sk.rcvlowat);
	s->sk.rcvtimeo = READ_ONCE(l->sk.rcvtimeo);
	s->sk.sndtimeo = READ_ONCE(l->sk.sndtimeo);
	s->sk.linger_s = READ_ONCE(l->sk.linger_s);
	s->sk.priority = READ_ONCE(l->sk.priority);
	s->sk.mark = READ_ONCE(l->sk.mark);
	inet_set_owner(ep, &inet_sock_events, s);
	*out = &s->sk;
	return 0;
}

int inet_stream_accept(struct socket *sk, u32 flags, struct socket **out)
{
	ktime_t left = sock_timeout(READ_ONCE(sk->rcvtimeo), flags & O_NONBLOCK);
	struct inet_sock *s = inet_of(sk);
	struct inet_ep *ep;
	int err;

	for (;;) {
		err = inet_accept(s->ep, &ep);
		if (!err) {
			if (inet_poll(s->ep) & INET_EV_ACCEPT)
				sock_pass_on(sk, SOCK_POLL_IN);
			return wrap(s, ep, out);
		}
		if (err != -EAGAIN)
			return err;
		err = sock_wait_event(&sk->wait, SOCK_POLL_IN,
				      (inet_poll(s->ep) & INET_EV_ACCEPT) ||
				      !inet_is_listening(s->ep), &left);
		if (err)
			return err;
	}
}

/* --- sending --- */

/* -EPIPE as a program sees it: an error that the connection has died of comes first. */
static ssize_t broken(struct socket *sk, u32 flags)
{
	int err = inet_sock_take_error(sk);

	return err ? err : socket_broken_pipe(flags);
}

static bool may_send(struct inet_sock *s)
{
	return inet_poll(s->ep) & (INET_EV_WRITE | INET_EV_HUP | INET_EV_ERROR);
}

/* With z by reference, where that can be. Bytes; z is given away with them. */
static ssize_t send_all(struct socket *sk, struct sock_msg *m, struct inet_zerocopy *z)
{
	ktime_t left = sock_timeout(READ_ONCE(sk->sndtimeo), m->flags & MSG_DONTWAIT);
	u32 flags = (m->flags & MSG_MORE ? INET_MORE : 0) | (m->flags & MSG_OOB ? INET_URGENT : 0);
	struct inet_sock *s = inet_of(sk);
	ssize_t sent = 0, n = 0;
	bool copied = true;

	if (is_opening(s))
		n = sock_wait_event(&sk->wait, SOCK_POLL_OUT, !is_opening(s), &left);
	while (!n && iov_iter_count(m->iter)) {
		mutex_lock(&s->write_mutex);
		n = unlikely(z) ? inet_send_pages(s, m->iter, flags, &copied) :
		    inet_tcp_send(s->ep, m->iter, flags);
		mutex_unlock(&s->write_mutex);
		if (n > 0) {
			sent += n;
			n = 0;
		} else if (n == -EAGAIN) {
			n = sock_wait_event(&sk->wait, SOCK_POLL_OUT, may_send(s), &left);
		}
	}
	if (unlikely(sent && z))
		inet_zerocopy_sent(s->ep, z, sent, copied);
	if (sent) {
		if (sock_has_sleepers(sk) && (inet_poll(s->ep) & INET_EV_WRITE))
			sock_pass_on(sk, SOCK_POLL_OUT);
		return sent;
	}
	return n == -EPIPE || n == -ENOTCONN ? broken(sk, m->flags) : n;
}

ssize_t inet_stream_send(struct socket *sk, struct sock_msg *m)
{
	struct inet_zerocopy *z;
	ssize_t n;

	if (m->flags & MSG_FASTOPEN)
		return -EOPNOTSUPP;
	if (likely(!inet_wants_zerocopy(sk, m)))
		return send_all(sk, m, NULL);
	z = inet_zerocopy_begin();
	if (!z)
		return -ENOBUFS;
	n = send_all(sk, m, z);
	if (n <= 0)
		kfree(z);
	return n;
}

/* --- receiving --- */

static bool has_news(struct inet_sock *s)
{
	return inet_tcp_has_news(s->ep) || READ_ONCE(s->sk.error);
}

/*
 * One that peeks takes nothing away: an urgent byte that it leaves out is nothing, nor what is
 * before its offset.
 */
static bool has_news_behind(struct inet_sock *s, size_t offset)
{
	return (inet_poll(s->ep) & (INET_EV_RDHUP | INET_EV_HUP | INET_EV_ERROR)) ||
	       READ_ONCE(s->sk.error) || inet_tcp_peekable(s->ep) > offset;
}

static u32 flags_of(const struct sock_msg *m)
{
	return (m->flags & MSG_PEEK ? INET_PEEK : 0) | (m->flags & MSG_TRUNC ? INET_TRUNC : 0);
}

/* The urgent byte; nobody waits for it here. */
static ssize_t receive_urgent(struct inet_sock *s, struct sock_msg *m)
{
	bool room = iov_iter_count(m->iter);
	ssize_t n = inet_tcp_recv_urgent(s->ep, m->iter, flags_of(m));

	if (n > 0)
		m->out_flags |= room ? MSG_OOB : MSG_OOB | MSG_TRUNC;
	return n > 0 ? room : n;
}

static ssize_t receive_once(struct inet_sock *s, struct sock_msg *m, u32 flags)
{
	ssize_t n;

	mutex_lock(&s->read_mutex);
	n = inet_tcp_recv(s->ep, m->iter, flags | (m->flags & MSG_TRUNC ? INET_TRUNC : 0));
	mutex_unlock(&s->read_mutex);
	return n;
}

static int stopped_at_mark(ktime_t left)
{
	return left ? sock_interrupted(left) : -EAGAIN;
}

/* MSG_PEEK: whatever there is, once there is something. */
static ssize_t peek(struct inet_sock *s, struct sock_msg *m, ktime_t left)
{
	struct socket *sk = &s->sk;
	size_t offset;
	ssize_t n;

	do {
		offset = sock_peek_offset(sk, m->flags);
		n = sock_wait_event(&sk->wait, SOCK_POLL_IN, has_news_behind(s, offset), &left);
		if (n)
			return n;
		mutex_lock(&s->read_mutex);
		n = inet_tcp_peek(s->ep, m->iter, offset, flags_of(m));
		if (n > 0)
			sock_peek_advance(sk, n);
		mutex_unlock(&s->read_mutex);
	} while (n == -EAGAIN);
	if (n > 0 && inet_tcp_unread(s->ep))
		sock_pass_on(sk, SOCK_POLL_IN);
	return n == -EINTR ? stopped_at_mark(left) : n;
}

static ssize_t receive_specially(struct inet_sock *s, struct sock_msg *m, ktime_t left)
{
	ssize_t n;

	if (m->flags & MSG_ERRQUEUE)
		return inet_zerocopy_recv(s, m);
	if (inet_is_listening(s->ep))
		return -ENOTCONN;
	if (m->flags & MSG_OOB)
		return receive_urgent(s, m);
	n = socket_take_error(&s->sk);
	return n ? n : peek(s, m, left);
}

ssize_t inet_stream_recv(struct socket *sk, struct sock_msg *m)
{
	ktime_t left = sock_timeout(READ_ONCE(sk->rcvtimeo), m->flags & MSG_DONTWAIT);
	struct inet_sock *s = inet_of(sk);
	size_t want = iov_iter_count(m->iter);
	size_t target = m->flags & MSG_WAITALL ? want : min_t(size_t, want, READ_ONCE(sk->rcvlowat));
	ssize_t copied = 0, n;

	if (unlikely(m->flags & (MSG_ERRQUEUE | MSG_OOB | MSG_PEEK)))
		return receive_specially(s, m, left);
	n = socket_take_error(sk);
	if (inet_is_listening(s->ep))
		return -ENOTCONN;
	/* A reader that comes early need not ask the stack twice. */
	if (!n)
		n = sock_wait_event(&sk->wait, SOCK_POLL_IN, has_news(s), &left);
	while (!n && iov_iter_count(m->iter)) {
		n = receive_once(s, m, copied ? INET_SOME : 0);
		if (!n)
			break;
		if (n > 0) {
			copied += n;
			sock_peek_advance(sk, -n);
			n = 0;
			if (copied >= (ssize_t)target)
				break;
		} else if (n == -EAGAIN && copied < (ssize_t)max(target, (size_t)1)) {
			n = sock_wait_event(&sk->wait, SOCK_POLL_IN, has_news(s), &left);
		} else if (n == -EINTR) {
			n = stopped_at_mark(left);
		}
	}
	if (!copied)
		return n;
	if (sock_has_sleepers(sk) && inet_tcp_unread(s->ep))
		sock_pass_on(sk, SOCK_POLL_IN);
	/* What went wrong behind these bytes is for the next call. */
	if (n < 0 && n != -EAGAIN && n != -EFAULT && n != -ERESTARTSYS && n != -EINTR &&
	    n != -ENOTCONN)
		socket_set_error(sk, -n);
	return copied;
}

/* --- readiness, the end --- */

static bool inet_stream_is_listening(struct socket *sk)
{
	return inet_is_listening(inet_of(sk)->ep);
}

u32 inet_stream_poll(struct socket *sk, struct file *f, struct poll_table *pt)
{
	u32 events, mask = 0;

	poll_wait(f, &sk->wait, pt);
	events = inet_poll(inet_of(sk)->ep);
	if (events & (INET_EV_READ | INET_EV_ACCEPT))
		mask |= SOCK_POLL_IN;
	if (events & INET_EV_URGENT)
		mask |= EPOLLPRI;
	if (events & INET_EV_WRITE)
		mask |= EPOLLOUT | EPOLLWRNORM;
	if (events & INET_EV_RDHUP)
		mask |= SOCK_POLL_IN | EPOLLRDHUP;
	if (events & INET_EV_HUP)
		mask |= EPOLLHUP | EPOLLOUT | EPOLLWRNORM;
	if ((events & (INET_EV_ERROR | INET_EV_ERRQUEUE)) || READ_ONCE(sk->error))
		mask |= EPOLLERR;
	return mask;
}

/* All is sent and in the peer's buffer, or there is no connection any more. */
static bool has_lingered(struct inet_sock *s)
{
	enum inet_tcp_state st = inet_tcp_state(s->ep);

	return st == INET_CLOSED ||
	       ((st == INET_FIN_WAIT2 || st == INET_TIME_WAIT) && !inet_tcp_unsent(s->ep));
}

void inet_stream_release(struct socket *sk)
{
	bool linger = sock_option(sk, SOCK_OPT_LINGER);
	struct inet_sock *s = inet_of(sk);
	ktime_t left = (u64)max(READ_ONCE(sk->linger_s), 0) * NS_PER_SEC;

	if (linger && left && READ_ONCE(s->connecting) == CONNECT_DONE && !inet_tcp_unread(s->ep) &&
	    !(current->exit_flags & THREAD_EXITING) && !inet_shutdown(s->ep, INET_SHUT_WR))
		(void)sock_wait_event(&sk->wait, SOCK_POLL_OUT, has_lingered(s), &left);
	inet_close(s->ep, linger && !READ_ONCE(sk->linger_s));
}

static void inet_stream_meminfo(struct socket *sk, struct sock_memory *m)
{
	struct inet_info i;

	inet_get_info(inet_of(sk)->ep, &i);
	if (i.state == INET_LISTENING)
		return;
	m->rmem = i.rx_queue;
	m->queued = i.tx_queue;
}

const struct socket_ops inet_stream_ops = {
	.bind = inet_sock_bind,
	.connect = inet_stream_connect,
	.listen = inet_stream_listen,
	.accept = inet_stream_accept,
	.getname = inet_sock_getname,
	.sendmsg = inet_stream_send,
	.recvmsg = inet_stream_recv,
	.shutdown = inet_sock_shutdown,
	.poll = inet_stream_poll,
	.ioctl = inet_sock_ioctl,
	.setsockopt = inet_sock_setsockopt,
	.getsockopt = inet_sock_getsockopt,
	.set_option = inet_sock_set_option,
	.take_error = inet_sock_take_error,
	.meminfo = inet_stream_meminfo,
	.release = inet_stream_release,
	.free = inet_sock_free,
	.is_listening = inet_stream_is_listening,
};
