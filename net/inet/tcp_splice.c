/* SPDX-License-Identifier: MIT */
/*
 * TCP between two sockets of this machine: bytes go from the sender straight to the receiver's
 * queue.
 *
 * Handshake, FIN, RST and probes are lwIP's as ever, as packets on the loopback interface. What
 * is cut short is a data segment with its acknowledgement: both control blocks are set to where
 * they would be had the segment been sent, received and acknowledged, and the pages of the sender
 * are linked to the receiver's queue. So the two are in step after each, and the next bytes may
 * go either way: where something forbids the short one (a packet socket watches, the interface is
 * down, the sender wants to hold segments back), lwIP carries them.
 *
 * Room. With packets, what the receiver's buffer has no room for stays in the sender's, as its
 * window says. Here it is in the receiver's queue already: the bytes beyond rcvbuf count as the
 * sender's (tx_beyond), against its sndbuf, for poll, for SIOCOUTQ and for who lingers. A queue
 * thus has at most both buffers' bytes, as it would have with packets.
 *
 *  (1) a->twin == b exactly while b->twin == a; both have their control blocks.
 *  (2) Bytes go straight only while lwIP has none of the sender's (unsent or unacknowledged), so
 *      none overtakes another.
 *  (3) Then the sender's snd_nxt is the receiver's rcv_nxt. Acknowledgements still on their way
 *      are old ones, which lwIP ignores.
 *
 * A FIN is a packet of its own behind all that was spliced, and may come while bytes are beyond
 * the buffer.
 */
#include <net/inet/device.h>
#include <net/inet/ep.h>
#include <net/inet/route.h>
#include <net/net.h>
#include <net/proc.h>
#include <lwip/priv/tcp_priv.h>
#include <lwip/tcp.h>

#define HEADER_BYTES	(ETH_HLEN + 40)	/* of the packet that a splice stands for */

s32 inet_tcp_local_splice = 1;

static bool is_on_loopback(const struct inet_ep *ep)
{
	return !ep->device || ep->device == ep->stack->net->loopback->index;
}

static bool may_receive(const struct tcp_pcb *pcb)
{
	return pcb->state == ESTABLISHED || pcb->state == FIN_WAIT_1 || pcb->state == FIN_WAIT_2;
}

static bool may_send(const struct tcp_pcb *pcb)
{
	return pcb->state == ESTABLISHED || pcb->state == CLOSE_WAIT;
}

void tcp_splice_pair(struct inet_ep *ep)
{
	struct tcp_pcb *pcb = ep->tcp;
	struct inet_ep *other;

	if (ep->twin || !ep->near || !inet_is_local(&pcb->remote_ip))
		return;
	other = tcp_ep_find(ep->stack, &pcb->remote_ip, pcb->remote_port, &pcb->local_ip,
			    pcb->local_port);
	/*
	 * A connection of a socket with itself is its own twin, and has but one queue of each kind.
	 */
	if (!other || other == ep || other->twin || !may_receive(other->tcp))
		return;
	ep->twin = other;
	other->twin = ep;
}

void tcp_splice_part(struct inet_ep *ep)
{
	struct inet_ep *other = ep->twin;

	if (!other)
		return;
	ep->twin = other->twin = NULL;
	WRITE_ONCE(ep->tx_beyond, 0);
	WRITE_ONCE(other->tx_beyond, 0);
	inet_fire(other, INET_EV_WRITE | INET_EV_STATE);
}

void tcp_splice_part_all(struct inet_stack *s)
{
	struct inet_ep *ep;

	list_for_each(ep, &s->eps[INET_TCP], node)
		tcp_splice_part(ep);
}

/* lwIP has nothing of the sender's. */
static bool is_in_step(const struct tcp_pcb *from, const struct tcp_pcb *to)
{
	return !from->unsent && !from->unacked && from->snd_nxt == to->rcv_nxt;
}

bool tcp_splice_is_open(struct inet_ep *ep)
{
	struct netdev *lo = ep->stack->net->loopback;
	struct inet_ep *to;

	if (!ep->near || ep->cork || !READ_ONCE(inet_tcp_local_splice))
		return false;
	if (unlikely(!ep->twin))
		tcp_splice_pair(ep);
	to = ep->twin;
	if (!to || to->orphan || !is_in_step(ep->tcp, to->tcp) || !may_send(ep->tcp) ||
	    !may_receive(to->tcp))
		return false;
	if (unlikely(tcp_mem_is_full(ep->stack)) && to->rx_bytes)
		return false;
	return is_on_loopback(ep) && is_on_loopback(to) && (READ_ONCE(lo->flags) & IFF_UP) &&
	       !netdev_is_watched(lo);
}

/* What the window of `to` would say, to both ends. */
static void set_window(struct inet_ep *from, struct inet_ep *to)
{
	struct tcp_pcb *s = from->tcp, *r = to->tcp;
	u32 room = to->rcvbuf - min(to->rx_bytes, to->rcvbuf);

	r->rcv_wnd = r->rcv_ann_wnd = min_t(u32, room, TCP_WND_MAX(r));
	r->rcv_ann_right_edge = r->rcv_nxt + r->rcv_wnd;
	s->snd_wnd = r->rcv_wnd;
	/*
	 * Segments are never larger than half of what may be
	 * offered: with more, the next might wait for ever.
	 */
	s->snd_wnd_max = min_t(u32, to->rcvbuf, TCP_WND_MAX(r));
	s->snd_wl1 = r->snd_nxt;
	s->snd_wl2 = s->lastack;
	WRITE_ONCE(from->tx_beyond, to->rx_bytes - min(to->rx_bytes, to->rcvbuf));
}

/* The bytes have been sent, and acknowledged. */
static void advance(struct inet_ep *from, struct inet_ep *to, u32 bytes)
{
	struct tcp_pcb *s = from->tcp, *r = to->tcp;

	s->snd_nxt += bytes;
	s->snd_lbb += bytes;
	s->lastack += bytes;
	r->rcv_nxt += bytes;
	s->tmr = r->tmr = LWI(lwi_tcp_ticks);
	s->keep_cnt_sent = r->keep_cnt_sent = 0;
	from->tx_seq += bytes;
	from->bytes_acked += bytes;
}

void tcp_splice(struct inet_ep *ep, struct pbuf *first, struct pbuf *last, u32 bytes, bool urgent)
{
	struct inet_ep *to = ep->twin;

	if (unlikely(urgent))
		tcp_urgent_mark(to, to->bytes_received + bytes - 1);
	if (unlikely(to->urgent == URGENT_EXPECTED))
		tcp_urgent_received(to, first);
	inet_ep_note_cpu(to);
	advance(ep, to, bytes);
	to->bytes_received += bytes;
	tcp_mem_set_unread(to, to->rx_bytes + bytes);
	tcp_ep_append(to, first, last);
	set_window(ep, to);
	netdev_count_looped(ep->stack->net->loopback, bytes + HEADER_BYTES);
	/* The segment would have carried the acknowledgement that was put off for it. */
	if (unlikely(ep->tcp->flags & (TF_ACK_DELAY | TF_ACK_NOW))) {
		tcp_ack_now(ep->tcp);
		tcp_output(ep->tcp);
	}
	inet_fire(to, INET_EV_READ);
}

void tcp_splice_read(struct inet_ep *ep)
{
	struct inet_ep *from = ep->twin;
	u32 beyond = from->tx_beyond;

	if (likely(is_in_step(from->tcp, ep->tcp) && may_receive(ep->tcp))) {
		set_window(from, ep);
	} else {
		u32 room = ep->rcvbuf - min(ep->rx_bytes, ep->rcvbuf);

		WRITE_ONCE(from->tx_beyond, ep->rx_bytes - min(ep->rx_bytes, ep->rcvbuf));
		if (room > ep->tcp->rcv_wnd)
			tcp_ep_open_window(ep, room - ep->tcp->rcv_wnd);
	}
	if (beyond && tcp_ep_writeable(from))
		inet_fire(from, INET_EV_WRITE | INET_EV_STATE);
}
