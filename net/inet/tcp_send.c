/* SPDX-License-Identifier: MIT */
/*
 * TCP, sending: bytes stay in the pages they were copied into, or that were passed by
 * reference, until they are acknowledged. lwIP's segments refer to them (PBUF_ROM), and so
 * do packets on their way to a device, which hold references of their own.
 *
 * A sender fills pages without the lock: one that is not full yet (tx_page) goes on being
 * filled by the next call, so that small writes share pages and segments. Nothing
 * behind tx_fill has been handed over, nothing before it changes any more.
 *
 *  (1) The chunks are the bytes [tx_seq, tx_seq + tx_bytes) of the connection.
 *  (2) A chunk goes when no segment refers to it: up to the first byte of lwIP's oldest
 *      segment, which may be sent again whole though the peer has a part of it.
 */
#include <kernel/lib/string.h>
#include <kernel/mm/iov_iter.h>
#include <kernel/mm/page.h>
#include <net/inet/ep.h>
#include <net/port/port.h>
#include <lwip/priv/tcp_priv.h>
#include <lwip/tcp.h>

/* Pages filled before the lock is taken: bounds a hold of it. 64 KiB. */
#define BURST_PAGES	16

struct burst {
	struct tx_chunk *first, *last;
	u32 bytes;
};

static void free_chunk(struct tx_chunk *c)
{
	page_put(c->page);
	kfree(c);
}

bool tcp_ep_writeable(const struct inet_ep *ep)
{
	u32 used = READ_ONCE(ep->tx_bytes);

	/* As Linux: a third of the buffer is free. */
	return !READ_ONCE(ep->tx_full) && used < ep->sndbuf && ep->sndbuf - used >= used / 2;
}

static void chunk_pop(struct inet_ep *ep)
{
	struct tx_chunk *c = ep->tx_first;

	ep->tx_first = c->next;
	if (!ep->tx_first)
		ep->tx_last = NULL;
	free_chunk(c);
}

/* Sequence number of the oldest byte that a segment may refer to. Invariant (2). */
static u32 oldest_needed(const struct tcp_pcb *pcb)
{
	u32 seq = pcb->snd_lbb, first;

	if (pcb->unsent) {
		first = lwip_ntohl(pcb->unsent->tcphdr->seqno);
		if (TCP_SEQ_LT(first, seq))
			seq = first;
	}
	if (pcb->unacked) {
		first = lwip_ntohl(pcb->unacked->tcphdr->seqno);
		if (TCP_SEQ_LT(first, seq))
			seq = first;
	}
	return seq;
}

void tcp_ep_acked(struct inet_ep *ep)
{
	u32 free = oldest_needed(ep->tcp) - ep->tx_seq;

	/* snd_lbb counts our FIN, chunks do not. */
	free = min(free, ep->tx_bytes);
	WRITE_ONCE(ep->tx_full, false);
	ep->tx_seq += free;
	WRITE_ONCE(ep->tx_bytes, ep->tx_bytes - free);
	while (free && ep->tx_first) {
		struct tx_chunk *c = ep->tx_first;

		if (free < c->len) {
			c->offset += free;
			c->len -= free;
			return;
		}
		free -= c->len;
		chunk_pop(ep);
	}
}

void tcp_ep_drop_unsent(struct inet_ep *ep)
{
	while (ep->tx_first)
		chunk_pop(ep);
	WRITE_ONCE(ep->tx_bytes, 0);
}

/* --- filling, without the lock --- */

static bool burst_add(struct burst *b, struct page *page, u32 offset, u32 len)
{
	struct tx_chunk *c = b->last;

	if (c && c->page == page && c->offset + c->len == offset) {
		c->len += len;
	} else {
		c = kmalloc(sizeof(*c), GFP_KERNEL);
		if (!c)
			return false;
		page_get(page);
		*c = (struct tx_chunk){ NULL, page, offset, len };
		if (b->last)
			b->last->next = c;
		else
			b->first = c;
		b->last = c;
	}
	b->bytes += len;
	return true;
}

static void burst_free(struct burst *b)
{
	while (b->first) {
		struct tx_chunk *c = b->first;

		b->first = c->next;
		free_chunk(c);
	}
}

/* The page that has room. */
static struct page *open_page(struct inet_ep *ep)
{
	if (ep->tx_page && ep->tx_fill < PAGE_SIZE)
		return ep->tx_page;
	if (ep->tx_page)
		page_put(ep->tx_page);
	ep->tx_page = page_alloc(GFP_KERNEL);
	ep->tx_fill = 0;
	return ep->tx_page;
}

/* Up to `room` bytes of the caller's. 0, or why not even one was had. */
static int burst_fill(struct inet_ep *ep, struct burst *b, struct iov_iter *from, u32 room)
{
	int err = 0;

	while (room && iov_iter_count(from) && b->bytes < BURST_PAGES * PAGE_SIZE) {
		struct page *page = open_page(ep);
		u32 want, got;

		if (!page) {
			err = -ENOMEM;
			break;
		}
		want = min_t(u32, room, PAGE_SIZE - ep->tx_fill);
		want = (u32)min_t(size_t, want, iov_iter_count(from));
		got = (u32)copy_from_iter((u8 *)page_address(page) + ep->tx_fill, want, from);
		if (got && !burst_add(b, page, ep->tx_fill, got)) {
			err = -ENOMEM;
			break;
		}
		ep->tx_fill += got;
		room -= got;
		if (got < want) {
			err = -EFAULT;
			break;
		}
	}
	return b->bytes ? 0 : err;
}

/* --- handing over, lock held --- */

static int check_send(struct inet_ep *ep)
{
	if (ep->error)
		return -inet_take_error(ep);
	if (ep->shut & INET_SHUT_WR)
		return -EPIPE;
	if (ep->connecting)
		return -EAGAIN;
	if (!ep->pcb || !ep->connected)
		return ep->connected ? -EPIPE : -ENOTCONN;
	if (ep->tcp->state != ESTABLISHED && ep->tcp->state != CLOSE_WAIT)
		return -EPIPE;
	return 0;
}

static void chunk_push(struct inet_ep *ep, struct tx_chunk *c)
{
	struct tx_chunk *last = ep->tx_last;

	ep->tx_bytes += c->len;
	if (last && last->page == c->page && last->offset + last->len == c->offset) {
		last->len += c->len;
		free_chunk(c);
		return;
	}
	c->next = NULL;
	if (last)
		last->next = c;
	else
		ep->tx_first = c;
	ep->tx_last = c;
}

static bool holds_back(const struct inet_ep *ep, u32 flags)
{
	const struct tcp_pcb *pcb = ep->tcp;

	return ((flags & INET_MORE) || ep->cork) && pcb->unsent && pcb->unsent->len < pcb->mss;
}

/* Bytes taken, from the front; the rest stays in b. */
static ssize_t hand_over(struct inet_ep *ep, struct burst *b, u32 flags)
{
	u8_t more = flags & INET_MORE ? TCP_WRITE_FLAG_MORE : 0;
	ssize_t done = 0;
	int err = check_send(ep);

	if (err)
		return err;
	while (b->first) {
		struct tx_chunk *c = b->first;
		err_t code = tcp_write(ep->tcp, (u8 *)page_address(c->page) + c->offset, (u16_t)c->len,
				       c->next ? TCP_WRITE_FLAG_MORE : more);

		if (code != ERR_OK) {
			/* Too many segments. With none under way, no acknowledgement would come: memory is short. */
			ep->tx_full = code == ERR_MEM && ep->tx_bytes;
			err = ep->tx_full ? -EAGAIN : port_errno(code);
			break;
		}
		b->first = c->next;
		done += c->len;
		chunk_push(ep, c);
	}
	ep->answered |= done > 0;
	if (done && !holds_back(ep, flags))
		tcp_output(ep->tcp);
	return done ? done : err;
}

static ssize_t send_burst(struct inet_ep *ep, struct burst *b, u32 flags)
{
	ssize_t done;

	inet_lock(ep->stack);
	done = hand_over(ep, b, flags);
	inet_unlock(ep->stack);
	burst_free(b);
	return done;
}

static u32 room(const struct inet_ep *ep)
{
	u32 used = READ_ONCE(ep->tx_bytes);

	return used < ep->sndbuf ? ep->sndbuf - used : 0;
}

/* No room, or nothing to send: is there an error to tell? */
static ssize_t check_only(struct inet_ep *ep, ssize_t otherwise)
{
	int err;

	inet_lock(ep->stack);
	err = check_send(ep);
	inet_unlock(ep->stack);
	return err ? err : otherwise;
}

ssize_t inet_tcp_send(struct inet_ep *ep, struct iov_iter *from, u32 flags)
{
	ssize_t done = 0, n;

	if (!iov_iter_count(from))
		return check_only(ep, 0);
	while (iov_iter_count(from)) {
		struct burst b = { 0 };
		struct iov_iter start = *from;
		u32 space = room(ep);
		int err;

		if (!space)
			return done ? done : check_only(ep, -EAGAIN);
		err = burst_fill(ep, &b, from, space);
		if (err)
			return done ? done : err;
		n = send_burst(ep, &b, iov_iter_count(from) ? flags | INET_MORE : flags);
		if (n < (ssize_t)b.bytes) {
			*from = start;
			iov_iter_advance(from, n > 0 ? (size_t)n : 0);
			if (n < 0)
				return done ? done : n;
			return done + n;
		}
		done += n;
	}
	return done;
}

ssize_t inet_tcp_send_page(struct inet_ep *ep, struct page *page, u32 offset, u32 len, u32 flags)
{
	struct burst b = { 0 };
	u32 space = room(ep);

	if (!space)
		return check_only(ep, -EAGAIN);
	if (!burst_add(&b, page, offset, min(len, space)))
		return -ENOMEM;
	return send_burst(ep, &b, len > space ? flags | INET_MORE : flags);
}

u32 inet_tcp_unsent(const struct inet_ep *ep)
{
	return READ_ONCE(ep->tx_bytes);
}
