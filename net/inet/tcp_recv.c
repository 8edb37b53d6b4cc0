/* SPDX-License-Identifier: MIT */
/*
 * TCP, receiving: the queue of bytes that the owner has not read.
 *
 * lwIP hands over chains of pbufs, which lie over the buffers that a device filled, or over the
 * sender's own pages; a sender of this machine hands over its pages itself (tcp_splice.c). They
 * are kept as they are, so that the only copy is the one to the reader, made without the lock: a
 * reader takes the whole queue, copies, and puts what is over back in front.
 *
 * The peer's window is the receive buffer less what is queued, in bytes; a small segment takes
 * far more memory than its bytes, so it is copied to the end of the one before it
 * where that has room (tail page). Memory is thus bounded by some multiple of the buffer.
 */
#include <kernel/lib/string.h>
#include <kernel/mm/iov_iter.h>
#include <net/inet/ep.h>
#include <net/port/port.h>
#include <lwip/priv/tcp_priv.h>
#include <lwip/tcp.h>
#include <net/port/hooks.h>

/* Up to here a segment is copied into the tail page. Chosen: the copy is cheaper than the page. */
#define COPY_MAX	512
/* Up to so many bytes are copied to a reader without letting go of the lock. Chosen: cheaper than to take it anew. */
#define HELD_MAX	256
/* Bytes handed to one reader at a time: bounds what is freed under one hold of the lock. */
#define READ_MAX	(256u << 10)

/* Room at the end of a page that the queue itself allocated. */
static bool append_small(struct inet_ep *ep, struct pbuf *p)
{
	struct pbuf *last = ep->rx_last;
	u32 room;

	if (p->next || p->len > COPY_MAX || !last || !port_is_tail(last))
		return false;
	room = port_tail_room(last);
	if (room < p->len)
		return false;
	memcpy((u8 *)last->payload + last->len, p->payload, p->len);
	last->len += p->len;
	pbuf_free(p);
	return true;
}

/* A page of our own for p's bytes and those that follow; p itself where there is no memory. */
static struct pbuf *begin_tail(struct inet_ep *ep, struct pbuf *p)
{
	struct pbuf *tail;

	/* The first segment of a quiet connection is read at once: leave it where it is. */
	if (p->next || p->len > COPY_MAX || !ep->rx_last)
		return p;
	tail = port_tail_alloc();
	if (!tail)
		return p;
	memcpy(tail->payload, p->payload, p->len);
	tail->len = p->len;
	pbuf_free(p);
	return tail;
}

/* pbufs of the queue are freed one by one: chains of it are no chains to lwIP. */
static void free_one(struct pbuf *p)
{
	p->next = NULL;
	p->tot_len = p->len;
	pbuf_free(p);
}

/* A small write goes on in the page that the one before began. */
void tcp_ep_append(struct inet_ep *ep, struct pbuf *first, struct pbuf *last)
{
	if (ep->rx_last && first == last && port_pages_join(ep->rx_last, first)) {
		ep->rx_last->len += first->len;
		free_one(first);
		return;
	}
	if (ep->rx_last)
		ep->rx_last->next = first;
	else
		ep->rx_first = first;
	ep->rx_last = last;
}

void tcp_ep_receive(struct inet_ep *ep, struct pbuf *p)
{
	struct pbuf *last;

	if (unlikely(ep->urgent == URGENT_EXPECTED))
		tcp_urgent_received(ep, p);
	ep->bytes_received += p->tot_len;
	ep->pingpong = ep->answered;
	ep->answered = false;
	tcp_mem_set_unread(ep, ep->rx_bytes + p->tot_len);
	if (append_small(ep, p))
		return;
	p = begin_tail(ep, p);
	for (last = p; last->next; last = last->next)
		;
	tcp_ep_append(ep, p, last);
}

void tcp_ep_drop_received(struct inet_ep *ep)
{
	while (ep->rx_first) {
		struct pbuf *p = ep->rx_first;

		ep->rx_first = p->next;
		free_one(p);
	}
	ep->rx_last = NULL;
	tcp_mem_set_unread(ep, 0);
	ep->urgent = URGENT_NONE;
	ep->urgent_old = 0;
}

/* A piece of the queue on its way to a reader. */
struct taken {
	struct pbuf *first, *last;
	u32 bytes;
};

/* With `skip` bytes in front. */
static __always_inline void take(struct inet_ep *ep, struct taken *t, size_t skip, size_t wanted)
{
	size_t limit = skip + min_t(size_t, wanted, READ_MAX);

	*t = (struct taken){ .first = ep->rx_first };
	for (struct pbuf *p = ep->rx_first; p && t->bytes < limit; p = p->next) {
		t->last = p;
		t->bytes += p->len;
	}
	if (!t->last) {
		t->first = NULL;
		return;
	}
	ep->rx_first = t->last->next;
	if (!ep->rx_first)
		ep->rx_last = NULL;
	t->last->next = NULL;
}

/* Copy up to want bytes behind the first `skip`; how many. No lock. */
static __always_inline size_t copy_out(const struct taken *t, struct iov_iter *to, size_t skip, size_t want,
		       u32 flags)
{
	size_t done = 0;

	for (struct pbuf *p = t->first; p && done < want; p = p->next) {
		size_t from = min_t(size_t, p->len, skip), n = min_t(size_t, p->len - from, want - done),
		       copied = n;

		skip -= from;
		if (!(flags & INET_TRUNC))
			copied = copy_to_iter((u8 *)p->payload + from, n, to);
		done += copied;
		if (copied < n)
			break;
	}
	return done;
}

/* A few bytes in one piece, the lock held: how many, up to a page that is not there. */
static __always_inline size_t copy_held(const struct taken *t, struct iov_iter *to, size_t want, u32 flags)
{
	struct pbuf *p = t->first;

	if (p->len < want || (flags & INET_TRUNC))
		return 0;
	return copy_to_iter_atomic(p->payload, want, to);
}

static __always_inline void put_back(struct inet_ep *ep, struct taken *t)
{
	if (!t->first)
		return;
	t->last->next = ep->rx_first;
	ep->rx_first = t->first;
	if (!ep->rx_last)
		ep->rx_last = t->last;
}

/* The reader has had the first n bytes. */
static __always_inline void consume(struct taken *t, size_t n)
{
	while (n && t->first) {
		struct pbuf *p = t->first;

		if (n < p->len) {
			p->payload = (u8 *)p->payload + n;
			p->len -= (u16_t)n;
			p->tot_len = p->len;
			return;
		}
		n -= p->len;
		t->first = p->next;
		free_one(p);
	}
}

/* Less than is worth telling the peer: lwIP would only take note of it. */
static bool opens_little(struct tcp_pcb *pcb, u32 wnd)
{
	return wnd <= TCP_WND_MAX(pcb) &&
	       TCP_SEQ_LT(pcb->rcv_nxt + wnd, pcb->rcv_ann_right_edge + inet_tcp_window_step(pcb));
}

void tcp_ep_open_window(struct inet_ep *ep, size_t n)
{
	struct tcp_pcb *pcb = ep->tcp;

	if (n && pcb)
		tcp_ep_awake(ep);
	if (pcb && n < TCP_WND && opens_little(pcb, pcb->rcv_wnd + (u32)n)) {
		pcb->rcv_wnd += (u32)n;
		return;
	}
	while (n && ep->pcb) {
		u16_t part = (u16_t)min_t(size_t, n, 0xffff);

		tcp_recved(ep->tcp, part);
		n -= part;
	}
}

/*
 * The reader has had n bytes: lwIP tells the peer of the window where the step is worth a
 * segment. An acknowledgement that it has put off goes at once when all has been read, for the
 * peer may be waiting for it (RFC 896); but not where this side has answered so far: the next
 * answer will carry it.
 */
static void make_room(struct inet_ep *ep, size_t n)
{
	struct tcp_pcb *pcb;

	tcp_mem_set_unread(ep, ep->rx_bytes - (u32)n);
	tcp_urgent_passed(ep);
	if (ep->twin)
		tcp_splice_read(ep);
	else
		tcp_ep_open_window(ep, n);
	pcb = ep->tcp;
	if (pcb && !ep->rx_bytes && !ep->pingpong && (pcb->flags & TF_ACK_DELAY)) {
		tcp_ack_now(pcb);
		tcp_output(pcb);
	}
}

/* Nothing is queued: what does the reader get? */
static ssize_t empty_result(struct inet_ep *ep)
{
	if (ep->error)
		return -inet_take_error(ep);
	if (ep->got_fin || (ep->shut & INET_SHUT_RD))
		return 0;
	if (ep->connecting)
		return -EAGAIN;
	if (!ep->pcb || !ep->connected)
		return ep->connected ? 0 : -ENOTCONN;
	return -EAGAIN;
}

void tcp_ep_skip(struct inet_ep *ep, u32 n)
{
	struct taken t;

	if (!n)
		return;
	take(ep, &t, 0, n);
	consume(&t, n);
	put_back(ep, &t);
	ep->urgent_old -= n;
	make_room(ep, n);
}

/* It is not passed by who has some already, nor by who has a signal to handle. */
static ssize_t at_mark_result(u32 flags)
{
	return flags & INET_SOME ? 0 : -EINTR;
}

ssize_t inet_tcp_peek(struct inet_ep *ep, struct iov_iter *to, size_t skip, u32 flags)
{
	size_t want = iov_iter_count(to);
	struct tcp_span span = { skip, want };
	struct taken t;
	ssize_t n;

	inet_ep_lock(ep);
	if (unlikely(ep->urgent))
		span = tcp_urgent_limit(ep, flags | INET_PEEK, span);
	take(ep, &t, span.skip, span.most);
	if (t.bytes <= span.skip) {
		n = ep->listening ? -ENOTCONN : span.most ? empty_result(ep) :
		    want ? at_mark_result(flags) : 0;
	} else {
		inet_unlock(ep->stack);
		n = (ssize_t)copy_out(&t, to, span.skip,
				      min_t(size_t, span.most, t.bytes - span.skip), flags);
		if (!n && want)
			n = -EFAULT;
		inet_ep_lock(ep);
	}
	put_back(ep, &t);
	inet_unlock(ep->stack);
	return n;
}

ssize_t inet_tcp_recv(struct inet_ep *ep, struct iov_iter *to, u32 flags)
{
	size_t want = iov_iter_count(to), done = 0, most, n;
	bool more = true;
	struct taken t;

	if (unlikely(flags & INET_PEEK))
		return inet_tcp_peek(ep, to, 0, flags);
	while (done < want && more) {
		struct tcp_span span = { 0, want - done };

		inet_ep_lock(ep);
		if (unlikely(ep->urgent))
			span = tcp_urgent_limit(ep, flags | (done ? INET_SOME : 0), span);
		take(ep, &t, 0, span.most);
		if (!t.bytes) {
			ssize_t result = done ? (ssize_t)done : !span.most ? at_mark_result(flags) :
					 ep->listening ? -ENOTCONN : empty_result(ep);

			inet_unlock(ep->stack);
			return result;
		}
		most = min_t(size_t, span.most, t.bytes);
		n = most <= HELD_MAX ? copy_held(&t, to, most, flags) : 0;
		if (n < most) {
			inet_unlock(ep->stack);
			n += copy_out(&t, to, n, most - n, flags);
			inet_ep_lock(ep);
		}
		consume(&t, n);
		put_back(ep, &t);
		make_room(ep, n);
		more = ep->rx_first;
		inet_unlock(ep->stack);
		done += n;
		/* A fault ends it. */
		if (n < most)
			break;
	}
	return done || !want ? (ssize_t)done : -EFAULT;
}

/* What a sender of this machine has put beyond the buffer is still its own. */
u32 inet_tcp_unread(const struct inet_ep *ep)
{
	u32 bytes = READ_ONCE(ep->rx_bytes);

	return READ_ONCE(ep->twin) ? min(bytes, READ_ONCE(ep->rcvbuf)) : bytes;
}
