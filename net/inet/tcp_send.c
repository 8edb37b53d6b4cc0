/* SPDX-License-Identifier: MIT */
/*
 * TCP, sending: bytes stay in the pages they were copied into, or that were passed by
 * reference, until they are acknowledged. lwIP's segments refer to them (PBUF_ROM), and so
 * do packets on their way to a device, which hold references of their own. Where the other end is
 * a socket of this machine, the pages go straight to it instead (tcp_splice.c).
 *
 * A chunk is a pbuf over bytes in one page, so that the other end can have it as it is. A sender
 * fills pages without the lock: one that is not full yet (tx_page) goes on being filled by the
 * next call, so that small writes share pages and segments, until the connection rests
 * (tcp_table.c). Nothing behind tx_fill has been handed over, nothing before it changes any more.
 * Pages passed by reference are somebody
 * else's, of a file or a pipe: whoever writes to one before it was sent changes what is sent, and
 * a segment may have a wrong checksum if that happens meanwhile. It is sent again.
 *
 *  (1) The chunks are the bytes [tx_seq, tx_seq + tx_bytes) of the connection.
 *  (2) A chunk goes when no segment refers to it: up to the first byte of lwIP's oldest
 *      segment, which may be sent again whole though the peer has a part of it.
 */
#include <kernel/lib/string.h>
#include <kernel/mm/iov_iter.h>
#include <kernel/mm/page.h>
#include <net/inet/tcp.h>
#include <net/port/port.h>
#include <lwip/priv/tcp_priv.h>
#include <lwip/tcp.h>

/* Pages filled before the lock is taken: bounds a hold of it. 64 KiB. */
#define BURST_PAGES	16
/* Bytes from which on a write begins in a page of its own. Chosen: few pieces a packet. */
#define FRESH_FROM	32768
/*
 * Of a page given by reference, so many bytes or more: fewer are copied. Chosen; bounds the memory
 * that a send buffer of small pieces holds.
 */
#define REFER_FROM	1024

/* Chunks on their way into the queue. */
struct burst {
	struct pbuf *first, *last;
	u32 bytes;
};

static void free_chunk(struct pbuf *c)
{
	c->next = NULL;
	pbuf_free(c);
}

bool tcp_ep_writeable(const struct inet_ep *ep)
{
	u32 used = tcp_ep_unsent(ep);

	if (unlikely(READ_ONCE(ep->stack->tcp_pressure)))
		return !used;
	/* As Linux: a third of the buffer is free. */
	return !READ_ONCE(ep->tx_full) && used < ep->sndbuf && ep->sndbuf - used >= used / 2;
}

static void chunk_pop(struct inet_ep *ep)
{
	struct pbuf *c = ep->tx_first;

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

/* The oldest `bytes` of them are no longer needed. */
static void drop_chunks(struct inet_ep *ep, u32 bytes)
{
	while (bytes && ep->tx_first) {
		struct pbuf *c = ep->tx_first;

		if (bytes < c->len) {
			c->payload = (u8 *)c->payload + bytes;
			c->len -= (u16_t)bytes;
			return;
		}
		bytes -= c->len;
		chunk_pop(ep);
	}
}

void tcp_ep_acked(struct inet_ep *ep)
{
	u32 free = oldest_needed(ep->tcp) - ep->tx_seq;

	/* snd_lbb counts our FIN, chunks do not. */
	free = min(free, ep->tx_bytes);
	WRITE_ONCE(ep->tx_full, false);
	ep->tx_seq += free;
	tcp_mem_charge(ep, -(s64)free);
	WRITE_ONCE(ep->tx_bytes, ep->tx_bytes - free);
	drop_chunks(ep, free);
	if (unlikely(!list_empty(&ep->zc_waiting)))
		zerocopy_acked(ep);
}

void tcp_ep_drop_unsent(struct inet_ep *ep)
{
	while (ep->tx_first)
		chunk_pop(ep);
	tcp_mem_charge(ep, -(s64)ep->tx_bytes);
	WRITE_ONCE(ep->tx_bytes, 0);
	zerocopy_end(ep);
}

/* --- the size of segments; what lwIP calls, lock held --- */

/* Bytes of a segment at most: nearly what IP can tell the length of, with its headers. */
#define SEGMENT_MAX	64000u

/*
 * As many of the peer's segments in one as are to be sent together anyway: what the stack does
 * for a segment it does once for all of them, and they are cut behind it (net/netdev/gso.c). Half
 * of the window and of the congestion window, so that acknowledgements keep coming; single ones
 * while losses are mended.
 */
u16_t inet_tcp_segment_size(const struct tcp_pcb *pcb)
{
	u32 half = min(pcb->snd_wnd_max, pcb->cwnd) / 2, n = min(half, SEGMENT_MAX) / pcb->mss;

	if (n < 2 || pcb->nrtx || (pcb->flags & (TF_INFR | TF_RTO | TF_URGENT)))
		return (u16_t)min_t(u32, pcb->mss,
				    pcb->snd_wnd_max > 1 ? pcb->snd_wnd_max / 2 : pcb->mss);
	return (u16_t)(n * pcb->mss);
}

void inet_tcp_sends(struct pbuf *p, const struct tcp_pcb *pcb)
{
	p->flags |= PBUF_FLAG_TCP;
	if (pcb)
		inet_current()->gso_size = pcb->mss;
}

/*
 * What p has from `offset` on, by reference behind a
 * fresh header: its bytes lie in chunks. NULL: no memory.
 */
static struct pbuf *rest_of(const struct pbuf *p, u32 offset)
{
	struct pbuf *rest = pbuf_alloc(PBUF_TRANSPORT, 0, PBUF_RAM), *piece;

	for (; p && rest; p = p->next) {
		if (offset >= p->len) {
			offset -= p->len;
			continue;
		}
		piece = pbuf_alloc_reference((u8 *)p->payload + offset, (u16_t)(p->len - offset),
					     PBUF_ROM);
		if (!piece) {
			pbuf_free(rest);
			return NULL;
		}
		pbuf_cat(rest, piece);
		offset = 0;
	}
	return rest;
}

/*
 * Of unsent or of unacknowledged ones; the rest comes next to it. ERR_MEM, and it is as it was: no
 * memory, or a device has it still.
 */
static err_t cut(struct tcp_pcb *pcb, struct tcp_seg *head, u16 split)
{
	u8 flags = TCPH_FLAGS(head->tcphdr);
	struct tcp_seg *tail;
	struct pbuf *rest;

	if (head->len <= split)
		return ERR_OK;
	if (head->p->ref != 1)
		return ERR_MEM;
	rest = rest_of(head->p, (u32)head->p->tot_len - head->len + split);
	tail = rest ? tcp_create_segment(pcb, rest, flags & (TCP_PSH | TCP_FIN),
					 lwip_ntohl(head->tcphdr->seqno) + split, 0) : NULL;
	if (!tail)
		return ERR_MEM;
	pcb->snd_queuelen -= pbuf_clen(head->p);
	pbuf_realloc(head->p, (u16_t)(head->p->tot_len - (head->len - split)));
	head->len = split;
	TCPH_UNSET_FLAG(head->tcphdr, TCP_PSH | TCP_FIN);
	pcb->snd_queuelen += pbuf_clen(head->p) + pbuf_clen(tail->p);
	tail->next = head->next;
	head->next = tail;
	return ERR_OK;
}

err_t inet_tcp_split(struct tcp_pcb *pcb, u16_t split)
{
	return cut(pcb, pcb->unsent, split);
}

/*
 * What the peer has of a list's first segment goes before that is cut. A piece that ends before
 * the window begins would be too far ahead of it to lwIP's arithmetic, and never be sent. False:
 * it is still there, or all that is missing is the FIN.
 */
static bool drop_acked_part(struct tcp_pcb *pcb, struct tcp_seg **list)
{
	struct tcp_seg *head = *list;
	s32 have = head ? (s32)(pcb->lastack - lwip_ntohl(head->tcphdr->seqno)) : 0;

	if (have <= 0)
		return true;
	if (have >= head->len || cut(pcb, head, (u16)have) != ERR_OK)
		return false;
	*list = head->next;
	pcb->snd_queuelen -= pbuf_clen(head->p);
	tcp_seg_free(head);
	return true;
}

void inet_tcp_resend(struct tcp_pcb *pcb)
{
	/* If that fails all of it is sent again. */
	if (drop_acked_part(pcb, &pcb->unacked))
		(void)cut(pcb, pcb->unacked, pcb->mss);
}

void tcp_cut_unacked(struct tcp_pcb *pcb, u32 most)
{
	if (!drop_acked_part(pcb, &pcb->unacked))
		return;
	for (struct tcp_seg *seg = pcb->unacked; seg && most--; seg = seg->next)
		(void)cut(pcb, seg, pcb->mss);
}

void tcp_cut_unsent(struct tcp_pcb *pcb)
{
	for (struct tcp_seg *seg = pcb->unsent; seg; seg = seg->next)
		(void)cut(pcb, seg, pcb->mss);
}

/*
 * With nothing under way no acknowledgement will open the window for a segment that is too large:
 * it was made when the peer offered more. What fits is sent.
 */
void inet_tcp_fit(struct tcp_pcb *pcb, u32 wnd)
{
	struct tcp_seg *head = pcb->unsent;

	if (likely(!head || pcb->unacked || head->len <= wnd) || !wnd ||
	    (head->flags & TF_SEG_OPTS_MSS))
		return;
	if (wnd > pcb->mss)
		wnd -= wnd % pcb->mss;
	/* Without memory the timer tries again. */
	if (drop_acked_part(pcb, &pcb->unsent))
		(void)inet_tcp_split(pcb, (u16_t)wnd);
}

/* --- filling, without the lock --- */

static bool burst_add(struct burst *b, struct page *page, u32 offset, u32 len)
{
	struct pbuf *c = port_page_pbuf(page, offset, len, GFP_KERNEL);

	if (!c)
		return false;
	b->bytes += len;
	if (b->last && port_pages_join(b->last, c)) {
		b->last->len += (u16_t)len;
		free_chunk(c);
		return true;
	}
	if (b->last)
		b->last->next = c;
	else
		b->first = c;
	b->last = c;
	return true;
}

static void burst_free(struct burst *b)
{
	while (b->first) {
		struct pbuf *c = b->first;

		b->first = c->next;
		free_chunk(c);
	}
}

/*
 * The next piece of the caller's pages by reference: bytes; 0: it is too small for that, *len
 * bytes; -ENOMEM.
 */
static int burst_refer(struct burst *b, struct iov_iter *from, u32 room, u32 *len)
{
	u32 offset;
	struct page *page = iov_iter_page(from, room, &offset, len);

	if (*len < REFER_FROM)
		return 0;
	if (!burst_add(b, page, offset, *len))
		return -ENOMEM;
	iov_iter_advance(from, *len);
	return (int)*len;
}

/* Copies up to `want` bytes into the open page, *page: how many, or -ENOMEM, -EFAULT. */
static int burst_copy(struct inet_ep *ep, struct burst *b, struct page **page, struct iov_iter *from,
		      u32 want)
{
	u32 got;

	*page = inet_ep_open_page(ep, *page);
	if (!*page)
		return -ENOMEM;
	want = min_t(u32, want, PAGE_SIZE - ep->tx_fill);
	got = (u32)copy_from_iter((u8 *)page_address(*page) + ep->tx_fill, want, from);
	if (got && !burst_add(b, *page, ep->tx_fill, got))
		return -ENOMEM;
	ep->tx_fill += got;
	return got < want ? -EFAULT : (int)got;
}

/* Up to `room` bytes of the caller's. 0, or why not even one was had. */
static int burst_fill(struct inet_ep *ep, struct burst *b, struct iov_iter *from, u32 room)
{
	struct page *page = inet_ep_take_page(ep);
	int n = 0;

	/* Words are copied as words: no large write begins in the middle of one. */
	if (iov_iter_count(from) >= FRESH_FROM && from->kind != ITER_PAGES && (ep->tx_fill & 7))
		ep->tx_fill = PAGE_SIZE;
	while (b->bytes < room && iov_iter_count(from) && b->bytes < BURST_PAGES * PAGE_SIZE) {
		u32 want = (u32)min_t(size_t, room - b->bytes, iov_iter_count(from));

		n = 0;
		if (from->kind == ITER_PAGES)
			n = burst_refer(b, from, want, &want);
		if (!n)
			n = burst_copy(ep, b, &page, from, want);
		if (n < 0)
			break;
	}
	inet_ep_give_page(ep, page);
	return b->bytes ? 0 : n;
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

static void chunk_push(struct inet_ep *ep, struct pbuf *c)
{
	struct pbuf *last = ep->tx_last;

	ep->tx_bytes += c->len;
	tcp_mem_charge(ep, c->len);
	if (last && port_pages_join(last, c)) {
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

/* To lwIP, from the front; the rest stays in b. Bytes, or why not even one. */
static ssize_t write_chunks(struct inet_ep *ep, struct burst *b, bool more)
{
	ssize_t done = 0;

	while (b->first) {
		struct pbuf *c = b->first;
		err_t code = tcp_write(ep->tcp, c->payload, c->len,
				       c->next || more ? TCP_WRITE_FLAG_MORE : 0);

		if (code != ERR_OK) {
			/*
			 * Too many segments. With none under way, no acknowledgement would come:
			 * memory is short.
			 */
			ep->tx_full = code == ERR_MEM && ep->tx_bytes;
			if (done)
				break;
			return ep->tx_full ? -EAGAIN : port_errno(code);
		}
		b->first = c->next;
		done += c->len;
		chunk_push(ep, c);
	}
	return done;
}

/* Bytes taken, from the front; the rest stays in b. more: of the same call. */
static ssize_t hand_over(struct inet_ep *ep, struct burst *b, u32 flags, bool more)
{
	ssize_t done = check_send(ep);

	if (done)
		return done;
	tcp_ep_awake(ep);
	if (!(flags & INET_MORE) && tcp_splice_is_open(ep)) {
		done = b->bytes;
		tcp_splice(ep, b->first, b->last, b->bytes, flags & INET_URGENT);
		b->first = NULL;
		return done;
	}
	done = write_chunks(ep, b, more || (flags & INET_MORE));
	ep->answered |= done > 0;
	if (done > 0 && unlikely((flags & INET_URGENT) || (ep->tcp->flags & TF_URGENT)))
		tcp_urgent_send(ep, flags & INET_URGENT);
	else if (done > 0 && !holds_back(ep, more ? INET_MORE : flags))
		tcp_output(ep->tcp);
	return done;
}

static ssize_t send_burst(struct inet_ep *ep, struct burst *b, u32 flags, bool more)
{
	ssize_t done;

	inet_ep_lock(ep);
	done = hand_over(ep, b, flags, more);
	inet_unlock(ep->stack);
	burst_free(b);
	return done;
}

static u32 room(const struct inet_ep *ep)
{
	u32 used = tcp_ep_unsent(ep);

	if (unlikely(READ_ONCE(ep->stack->tcp_pressure)))
		return used ? 0 : PAGE_SIZE;
	return used < ep->sndbuf ? ep->sndbuf - used : 0;
}

/* No room, or nothing to send: is there an error to tell? */
static ssize_t check_only(struct inet_ep *ep, ssize_t otherwise)
{
	int err;

	inet_ep_lock(ep);
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
		size_t taken = iov_iter_count(from);
		u32 space = room(ep);
		int err;

		if (!space)
			return done ? done : check_only(ep, -EAGAIN);
		err = burst_fill(ep, &b, from, space);
		if (err)
			return done ? done : err;
		/* More than the burst has: there was no memory for what came behind it. */
		taken -= iov_iter_count(from);
		n = send_burst(ep, &b, flags, iov_iter_count(from));
		if (n < (ssize_t)taken) {
			iov_iter_revert(from, taken - (size_t)max_t(ssize_t, n, 0));
			if (n < 0)
				return done ? done : n;
			return done + n;
		}
		done += n;
	}
	return done;
}

u32 inet_tcp_unsent(const struct inet_ep *ep)
{
	return tcp_ep_unsent(ep);
}
