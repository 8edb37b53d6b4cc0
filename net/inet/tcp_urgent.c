/* SPDX-License-Identifier: MIT */
/*
 * TCP, urgent data: one byte of the stream that the sender points at (RFC 9293, 3.8.5, as everybody
 * reads it since BSD: the pointer is behind the byte; RFC 6093).
 *
 * The byte stays in its place in the receive queue. A mark says where it is, counted from the
 * beginning of the connection; a copy of it is there for MSG_OOB. A reader stops before the mark;
 * one that begins there leaves the byte out, unless SO_OOBINLINE says that it is one like others.
 *
 *   NONE      no mark before the reader
 *   EXPECTED  told of; it is still on its way                        tcp_urgent_mark
 *   HERE      it can be taken, poll says EPOLLPRI; bytes before it   keep_byte
 *             may still be missing
 *   TAKEN     the mark is still there                                 inet_tcp_recv_urgent
 *
 * and NONE again when the reader has passed it (tcp_urgent_passed). A newer mark takes the place of
 * the old one, whose byte is then one of the stream; but one that the reader stands before is gone
 * (urgent_old), as on Linux.
 *
 * Sending: while TF_URGENT is set every segment points at it, or, where it is farther than a
 * pointer reaches, as far as that does: the mark that the peer sees goes on with the segments. A
 * segment that will be cut into several has no pointer, for it would be wrong in all but the first:
 * what is sent from then on is no larger than the peer's segments.
 *
 * lwIP knows nothing of it. All but what is called by owners with the stack's lock held.
 */
#include <kernel/mm/iov_iter.h>
#include <kernel/task/signal.h>
#include <net/inet/tcp.h>
#include <net/port/port.h>
#include <lwip/priv/tcp_priv.h>

/* --- receiving --- */

void tcp_urgent_mark(struct inet_ep *ep, u64 at)
{
	if (ep->urgent && at <= ep->urgent_at)
		return;
	if (ep->urgent && ep->urgent_at == tcp_ep_read_at(ep) && !ep->oob_inline &&
	    ep->rx_bytes > ep->urgent_old)
		ep->urgent_old++;
	ep->urgent_at = at;
	WRITE_ONCE(ep->urgent, URGENT_EXPECTED);
	inet_fire(ep, INET_EV_URGENT);
}

/* The byte, if it is among those of p. */
static bool keep_byte(struct inet_ep *ep, const struct pbuf *p, u64 offset)
{
	for (; p; offset -= p->len, p = p->next) {
		if (offset >= p->len)
			continue;
		ep->urgent_byte = ((const u8 *)p->payload)[offset];
		WRITE_ONCE(ep->urgent, URGENT_HERE);
		return true;
	}
	return false;
}

void tcp_urgent_received(struct inet_ep *ep, const struct pbuf *p)
{
	(void)keep_byte(ep, p, ep->urgent_at - ep->bytes_received);
}

/* Bytes before it are missing, and there is room for it. */
static bool is_early(const struct tcp_pcb *pcb, const struct tcp_hdr *header)
{
	return TCP_SEQ_GT(header->seqno, pcb->rcv_nxt) &&
	       TCP_SEQ_LT(header->seqno, pcb->rcv_nxt + pcb->rcv_wnd);
}

void tcp_urgent_input(struct inet_ep *ep, const struct tcp_hdr *header, const struct pbuf *p)
{
	u32 pointer = lwip_ntohs(header->urgp), offset = pointer ? pointer - 1 : 0;
	s32 ahead = (s32)(header->seqno + offset - ep->tcp->rcv_nxt);
	u64 at = ep->bytes_received + (u32)ahead;

	if (ahead < 0 || ep->got_fin)
		return;
	tcp_urgent_mark(ep, at);
	/* It need not wait for them: lwIP will hand it over later, as one of the stream. */
	if (ep->urgent == URGENT_EXPECTED && ep->urgent_at == at && is_early(ep->tcp, header) &&
	    keep_byte(ep, p, offset))
		inet_fire(ep, INET_EV_READ);
}

struct tcp_span tcp_urgent_limit(struct inet_ep *ep, u32 flags, struct tcp_span span)
{
	u64 at = tcp_ep_read_at(ep) + span.skip;
	bool peek = flags & INET_PEEK;

	if (ep->urgent && at == ep->urgent_at) {
		/* The handler of SIGURG is to find the reader there. */
		if ((flags & INET_SOME) || signal_pending(current))
			return (struct tcp_span){ 0 };
		if (!ep->oob_inline && ep->rx_bytes > ep->urgent_old + span.skip) {
			span.skip += peek;
			ep->urgent_old += !peek;
		}
	} else if (ep->urgent && at < ep->urgent_at) {
		span.most = (size_t)min_t(u64, span.most, ep->urgent_at - at);
	}
	if (peek)
		span.skip += ep->urgent_old;
	else
		tcp_ep_skip(ep, ep->urgent_old);
	return span;
}

u32 inet_tcp_peekable(const struct inet_ep *ep)
{
	u32 unread = READ_ONCE(ep->rx_bytes) - READ_ONCE(ep->urgent_old);
	bool among = READ_ONCE(ep->urgent) && !ep->oob_inline && ep->urgent_at < ep->bytes_received;

	return unread - (unread && among);
}

/* --- what owners ask --- */

static ssize_t take_byte(struct inet_ep *ep, u32 flags, u8 *byte)
{
	if (ep->oob_inline || !ep->urgent || ep->urgent == URGENT_TAKEN)
		return -EINVAL;
	if (ep->urgent == URGENT_EXPECTED)
		return !ep->pcb || ep->got_fin || (ep->shut & INET_SHUT_RD) ? 0 : -EAGAIN;
	*byte = ep->urgent_byte;
	if (!(flags & INET_PEEK))
		WRITE_ONCE(ep->urgent, URGENT_TAKEN);
	return 1;
}

ssize_t inet_tcp_recv_urgent(struct inet_ep *ep, struct iov_iter *to, u32 flags)
{
	ssize_t n;
	u8 byte;

	inet_ep_lock(ep);
	n = take_byte(ep, flags, &byte);
	inet_unlock(ep->stack);
	if (n > 0 && iov_iter_count(to) && !(flags & INET_TRUNC) && !copy_to_iter(&byte, 1, to))
		return -EFAULT;
	return n;
}

bool inet_tcp_at_mark(struct inet_ep *ep)
{
	bool there;

	if (likely(!READ_ONCE(ep->urgent)))
		return false;
	inet_ep_lock(ep);
	there = ep->urgent && ep->urgent_at == tcp_ep_read_at(ep);
	inet_unlock(ep->stack);
	return there;
}

u32 inet_tcp_before_mark(struct inet_ep *ep)
{
	u32 unread;

	inet_ep_lock(ep);
	unread = inet_tcp_unread(ep) - ep->urgent_old;
	if (ep->urgent && !ep->oob_inline && ep->urgent_at < ep->bytes_received)
		unread = min_t(u32, unread, ep->urgent_at - tcp_ep_read_at(ep));
	inet_unlock(ep->stack);
	return unread;
}

/* --- sending --- */

static bool is_pending(struct inet_ep *ep)
{
	if (TCP_SEQ_LT(ep->tcp->lastack, ep->tx_urgent))
		return true;
	tcp_clear_flags(ep->tcp, TF_URGENT);
	return false;
}

void tcp_urgent_send(struct inet_ep *ep, bool is_last)
{
	if (is_last) {
		ep->tx_urgent = ep->tcp->snd_lbb;
		tcp_set_flags(ep->tcp, TF_URGENT);
		tcp_cut_unsent(ep->tcp);
	}
	(void)is_pending(ep);
	tcp_output(ep->tcp);
}

void inet_tcp_urge(struct tcp_pcb *pcb, struct tcp_hdr *header, u16 len)
{
	u32 ahead = tcp_ep_of(pcb)->tx_urgent - lwip_ntohl(header->seqno);

	TCPH_UNSET_FLAG(header, TCP_URG);
	header->urgp = 0;
	if (!is_pending(tcp_ep_of(pcb)) || (s32)ahead <= 0 || len > pcb->mss)
		return;
	TCPH_SET_FLAG(header, TCP_URG);
	header->urgp = lwip_htons((u16)min_t(u32, ahead, 0xffff));
}
