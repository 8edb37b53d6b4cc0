/* SPDX-License-Identifier: MIT */
/*
 * TCP, receiving: the queue of bytes that the owner has not read.
 *
 * lwIP hands over chains of pbufs, which lie over the buffers that a device filled, or over
 * the sender's own pages. They are kept as they are, so that the only copy is the one to
 * the reader, made without the lock: a reader takes the whole queue, copies, and puts
 * what is over back in front.
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

/* Up to here a segment is copied into the tail page. Chosen: the copy is cheaper than the page. */
#define COPY_MAX	512
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

static void append(struct inet_ep *ep, struct pbuf *first, struct pbuf *last)
{
	if (ep->rx_last)
		ep->rx_last->next = first;
	else
		ep->rx_first = first;
	ep->rx_last = last;
}

void tcp_ep_receive(struct inet_ep *ep, struct pbuf *p)
{
	struct pbuf *last;

	ep->bytes_received += p->tot_len;
	ep->pingpong = ep->answered;
	ep->answered = false;
	WRITE_ONCE(ep->rx_bytes, ep->rx_bytes + p->tot_len);
	if (append_small(ep, p))
		return;
	p = begin_tail(ep, p);
	for (last = p; last->next; last = last->next)
		;
	append(ep, p, last);
}

/* pbufs of the queue are freed one by one: chains of it are no chains to lwIP. */
static void free_one(struct pbuf *p)
{
	p->next = NULL;
	p->tot_len = p->len;
	pbuf_free(p);
}

void tcp_ep_drop_received(struct inet_ep *ep)
{
	while (ep->rx_first) {
		struct pbuf *p = ep->rx_first;

		ep->rx_first = p->next;
		free_one(p);
	}
	ep->rx_last = NULL;
	WRITE_ONCE(ep->rx_bytes, 0);
}

/* A piece of the queue on its way to a reader. */
struct taken {
	struct pbuf *first, *last;
	u32 bytes;
};

static void take(struct inet_ep *ep, struct taken *t, size_t wanted)
{
	u32 limit = (u32)min_t(size_t, wanted, READ_MAX);

	*t = (struct taken){ .first = ep->rx_first };
	for (struct pbuf *p = ep->rx_first; p && t->bytes < limit; p = p->next) {
		t->last = p;
		t->bytes += p->len;
	}
	if (!t->last)
		return;
	ep->rx_first = t->last->next;
	if (!ep->rx_first)
		ep->rx_last = NULL;
	t->last->next = NULL;
}

/* Copy up to want bytes; how many. No lock. */
static size_t copy_out(const struct taken *t, struct iov_iter *to, size_t want, u32 flags)
{
	size_t done = 0;

	for (struct pbuf *p = t->first; p && done < want; p = p->next) {
		size_t n = min_t(size_t, p->len, want - done), copied = n;

		if (!(flags & INET_TRUNC))
			copied = copy_to_iter(p->payload, n, to);
		done += copied;
		if (copied < n)
			break;
	}
	return done;
}

static void put_back(struct inet_ep *ep, struct taken *t)
{
	if (!t->first)
		return;
	t->last->next = ep->rx_first;
	ep->rx_first = t->first;
	if (!ep->rx_last)
		ep->rx_last = t->last;
}

/* The reader has had the first n bytes. */
static void consume(struct taken *t, size_t n)
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

/*
 * Open the window again; lwIP tells the peer where the step is worth a segment. An acknowledgement
 * that it has put off goes at once when all has been read, for the peer may be waiting for
 * it (RFC 896); but not where this side has answered so far: the next answer will carry it.
 */
static void open_window(struct inet_ep *ep, size_t n)
{
	struct tcp_pcb *pcb;

	WRITE_ONCE(ep->rx_bytes, ep->rx_bytes - (u32)n);
	while (n && ep->pcb) {
		u16_t part = (u16_t)min_t(size_t, n, 0xffff);

		tcp_recved(ep->tcp, part);
		n -= part;
	}
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

ssize_t inet_tcp_recv(struct inet_ep *ep, struct iov_iter *to, u32 flags)
{
	size_t want = iov_iter_count(to), done = 0, n;
	struct taken t;

	while (done < want) {
		inet_lock(ep->stack);
		take(ep, &t, want - done);
		if (!t.bytes) {
			ssize_t result = done ? (ssize_t)done : ep->listening ? -ENOTCONN : empty_result(ep);

			inet_unlock(ep->stack);
			return result;
		}
		inet_unlock(ep->stack);
		n = copy_out(&t, to, min_t(size_t, want - done, t.bytes), flags);
		inet_lock(ep->stack);
		if (!(flags & INET_PEEK))
			consume(&t, n);
		put_back(ep, &t);
		if (!(flags & INET_PEEK))
			open_window(ep, n);
		inet_unlock(ep->stack);
		done += n;
		/* What was peeked at is in front again; a fault ends it. */
		if ((flags & INET_PEEK) || n < min_t(size_t, want - (done - n), t.bytes))
			break;
	}
	return done || !want ? (ssize_t)done : -EFAULT;
}

u32 inet_tcp_unread(const struct inet_ep *ep)
{
	return READ_ONCE(ep->rx_bytes);
}
