/* SPDX-License-Identifier: MIT */
/*
 * TCP endpoints that listen: who may connect, and what waits to be accepted. As Linux counts it:
 *
 *   SYN          a control block in SYN_RCVD with an endpoint on its listener's SYN queue. The
 *                queue takes as many as the backlog says, and one; then SYN cookies are given
 *                (tcp_cookie.c), or, where net.ipv4.tcp_syncookies is 0, the SYN is dropped.
 *   last ACK     the endpoint moves to the accept queue.
 *   queue full   longer than the backlog: SYNs and last ACKs are dropped and the peer tries again;
 *                or reset, with net.ipv4.tcp_abort_on_overflow.
 *
 * The queues are under the listener's queue_lock, since its connections are of all instances of the
 * stack (shard.c). A listener begins and ends with the locks of all of them held, so that who has
 * one may rely on what ep->listener points at. Two that come at once may both find the last place.
 *
 * Several listeners of one port, by SO_REUSEPORT, get a share of the connections each: the hash of
 * a connection's ends chooses, so that a SYN that comes again finds the same one.
 *
 * Also here: what a segment must be like to be looked at at all (RFC 5961).
 */
#include <kernel/bug.h>
#include <kernel/time/hrtimer.h>
#include <net/inet/route.h>
#include <net/inet/tcp.h>
#include <net/port/port.h>
#include <lwip/priv/tcp_priv.h>

/* One challenge at most in this time, for each connection; as Linux's tcp_invalid_ratelimit. */
#define CHALLENGE_NS	(500 * NS_PER_MS)

static const struct net_settings *settings_of(const struct inet_ep *ep)
{
	return &ep->stack->net->settings;
}

/* --- whom it is for --- */

static bool hears_device(const struct tcp_pcb *l)
{
	return l->netif_idx == NETIF_NO_INDEX ||
	       l->netif_idx == netif_get_index(ip_current_input_netif());
}

/* How well a listener fits the segment being looked at; 0: not. */
static u32 fits(const struct inet_ep *ep)
{
	const struct tcp_pcb *l = ep->tcp;
	u32 more = (l->netif_idx != NETIF_NO_INDEX) * 2 + (ep->incoming_cpu == (s32)cpu_id());

	if (!hears_device(l))
		return 0;
	if (IP_IS_ANY_TYPE_VAL(l->local_ip))
		return 4 + more;
	if (!IP_ADDR_PCB_VERSION_MATCH_EXACT(l, ip_current_dest_addr()))
		return 0;
	if (ip_addr_eq(&l->local_ip, ip_current_dest_addr()))
		return 12 + more;
	return ip_addr_isany(&l->local_ip) ? 8 + more : 0;
}

static struct inet_ep *choose_listener(struct inet_stack *s, const struct tcp_hdr *header)
{
	struct list_head *listeners = port_listeners(s, header->dest);
	struct inet_ep *ep, *found = NULL;
	u32 best = 0, equals = 0;

	if (!listeners)
		return NULL;
	list_for_each(ep, listeners, accept_node) {
		u32 fit = fits(ep);

		if (fit > best) {
			best = fit;
			found = ep;
			equals = 1;
		} else if (fit && fit == best) {
			equals++;
		}
	}
	if (equals < 2)
		return found;
	equals = (u32)((u64)inet_flow_hash(s, header->dest, header->src) * equals >> 32);
	list_for_each(ep, listeners, accept_node)
		if (fits(ep) == best && !equals--)
			return ep;
	return found;
}

struct inet_ep *tcp_listener_of(struct inet_stack *s, const struct tcp_hdr *header)
{
	struct inet_ep *ep;

	tcp_ports_lock(s);
	ep = choose_listener(s, header);
	tcp_ports_unlock(s);
	return ep;
}

struct tcp_pcb_listen *inet_tcp_listener(const struct tcp_hdr *header)
{
	struct inet_ep *ep = tcp_listener_of(inet_current(), header);

	return ep ? (struct tcp_pcb_listen *)ep->tcp : NULL;
}

/* --- handshakes; called by lwIP --- */

/* Of another instance's it may be set just now: each word for itself. */
static void inherit(struct inet_ep *ep, const struct inet_ep *listener)
{
	ep->rcvbuf = listener->rcvbuf;
	ep->sndbuf = listener->sndbuf;
	ep->reuse_addr = listener->reuse_addr;
	ep->reuse_port = listener->reuse_port;
	ep->v6only = listener->v6only;
	ep->nodelay = listener->nodelay;
	ep->oob_inline = listener->oob_inline;
	ep->keepalive = listener->keepalive;
	ep->keep_idle_s = listener->keep_idle_s;
	ep->keep_intvl_s = listener->keep_intvl_s;
	ep->keep_cnt = listener->keep_cnt;
	tcp_ep_inherit(ep, listener);
	ep->ttl = listener->ttl;
	ep->tos = listener->tos;
	ep->device = listener->device;
}

/* A SYN has come for a listener, and lwIP has made a control block. Any error drops it. */
err_t tcp_listen_open(u8_t id, struct tcp_pcb_listen *lpcb, struct tcp_pcb *pcb)
{
	struct inet_ep *listener = lpcb->callback_arg, *ep;

	/* Until it has an endpoint of its own, nobody is told of its end. */
	tcp_arg(pcb, NULL);
	ep = inet_ep_create(inet_current(), listener->family, INET_TCP, listener->protocol,
			    GFP_ATOMIC | GFP_NOWARN);
	if (!ep)
		return ERR_MEM;
	inherit(ep, listener);
	inet_from_ip(ep, &pcb->local_ip, pcb->local_port, &ep->local);
	inet_from_ip(ep, &pcb->remote_ip, pcb->remote_port, &ep->peer);
	port_share(ep, listener);
	ep->listener = listener;
	tcp_ep_attach(ep, pcb);
	tcp_ep_options(ep);
	pcb->mss = inet_tcp_max_segment(pcb, pcb->mss);
	tcp_ep_limit_window(ep);
	ep->tx_seq = pcb->snd_lbb + 1;
	tcp_table_add(ep);
	inet_ep_list(ep);
	raw_spin_lock(&listener->queue_lock, 0);
	list_add_tail(&ep->accept_node, &listener->syn_queue);
	listener->syn_len++;
	raw_spin_unlock(&listener->queue_lock);
	/* The control block's reference is the only one until it is accepted. */
	inet_ep_put(ep);
	return ERR_OK;
}

/* The handshake is complete. */
static err_t accepted(void *arg, struct tcp_pcb *pcb, err_t err)
{
	struct inet_ep *ep = arg, *listener;

	if (!pcb || err != ERR_OK)
		return ERR_VAL;
	listener = ep->listener;
	if (!listener)
		return ERR_VAL;
	inet_ep_note_cpu(ep);
	ep->connected = true;
	ep->near = inet_is_local(&pcb->remote_ip);
	tcp_splice_pair(ep);
	raw_spin_lock(&listener->queue_lock, 0);
	list_del(&ep->accept_node);
	listener->syn_len--;
	list_add_tail(&ep->accept_node, &listener->accept_queue);
	WRITE_ONCE(listener->accept_len, listener->accept_len + 1);
	raw_spin_unlock(&listener->queue_lock);
	inet_fire(listener, INET_EV_ACCEPT | INET_EV_READ);
	return ERR_OK;
}

void tcp_listen_forget(struct inet_ep *ep)
{
	struct inet_ep *listener = ep->listener;

	ep->listener = NULL;
	if (list_empty(&ep->accept_node))
		return;
	raw_spin_lock(&listener->queue_lock, 0);
	list_del(&ep->accept_node);
	if (ep->connected)
		WRITE_ONCE(listener->accept_len, listener->accept_len - 1);
	else
		listener->syn_len--;
	raw_spin_unlock(&listener->queue_lock);
}

/* --- admission --- */

bool tcp_accept_queue_is_full(const struct inet_ep *listener)
{
	return READ_ONCE(listener->accept_len) > listener->backlog;
}

static void count_drop(bool overflow)
{
	struct inet_stack *s = inet_current();

	s->listen_overflows += overflow;
	s->listen_drops++;
}

/*
 * Without cookies the last quarter of the queue is kept free, as on Linux, for peers that were seen
 * before: none.
 */
static bool syn_queue_is_scarce(const struct inet_ep *listener)
{
	s32 most = READ_ONCE(settings_of(listener)->tcp_max_syn_backlog);

	return most - (s32)READ_ONCE(listener->syn_len) < most >> 2;
}

u32 tcp_option_find(const struct tcp_hdr *header, const struct inet_tcp_options *o, u8 wanted,
		    u32 *at)
{
	u32 i = 0, len;

	while (i < o->len) {
		u8 kind = tcp_option_byte(header, o, i);

		if (kind == LWIP_TCP_OPT_NOP) {
			i++;
			continue;
		}
		len = i + 1 < o->len ? tcp_option_byte(header, o, i + 1) : 0;
		if (kind == LWIP_TCP_OPT_EOL || len < 2 || i + len > o->len)
			break;
		*at = i;
		if (kind == wanted)
			return len;
		i += len;
	}
	return 0;
}

/* The MSS that a SYN tells of; RFC 9293, 3.7.1 where it tells none. */
static u16 mss_of(const struct tcp_hdr *header, const struct inet_tcp_options *o)
{
	u32 at, len = tcp_option_find(header, o, LWIP_TCP_OPT_MSS, &at);

	if (len != LWIP_TCP_OPT_LEN_MSS)
		return 536;
	return (u16)(tcp_option_byte(header, o, at + 2) << 8 | tcp_option_byte(header, o, at + 3));
}

static err_t admit_syn(struct inet_ep *listener, const struct tcp_hdr *header,
		       const struct inet_tcp_options *options)
{
	s32 cookies = READ_ONCE(settings_of(listener)->tcp_syncookies);
	bool full = READ_ONCE(listener->syn_len) > listener->backlog;

	if (full && !cookies) {
		count_drop(false);
		return ERR_MEM;
	}
	if (tcp_accept_queue_is_full(listener)) {
		count_drop(true);
		return ERR_MEM;
	}
	if (full || cookies == 2) {
		tcp_cookie_answer(listener, header, mss_of(header, options));
		return ERR_MEM;
	}
	if (!cookies && syn_queue_is_scarce(listener)) {
		count_drop(false);
		return ERR_MEM;
	}
	return ERR_OK;
}

/* The last ACK of a handshake, but nobody takes connections out of the queue. */
static err_t admit_last_ack(struct tcp_pcb *pcb, struct inet_ep *ep, u8 flags)
{
	if (!ep || !ep->listener || (flags & (TCP_SYN | TCP_RST)) || !(flags & TCP_ACK))
		return ERR_OK;
	if (!tcp_accept_queue_is_full(ep->listener))
		return ERR_OK;
	count_drop(true);
	if (READ_ONCE(settings_of(ep)->tcp_abort_on_overflow))
		tcp_abort(pcb);
	return ERR_MEM;
}

/*
 * What is out of place is answered with an ACK, but not often: of two that answer each other's
 * answers, one has to stop. (A peer with two connections of the same ends did so, thousands of
 * times a second.)
 */
static bool may_challenge(struct inet_ep *ep)
{
	ktime_t now = ktime_get();

	if (ep->challenged && now - ep->challenged < CHALLENGE_NS)
		return false;
	ep->challenged = now;
	return true;
}

/*
 * RFC 5961: who cannot see the connection learns nothing, and costs little, by what he sends
 * blindly.
 */
static err_t challenge(struct tcp_pcb *pcb, struct inet_ep *ep)
{
	if (may_challenge(ep))
		tcp_send_empty_ack(pcb);
	return ERR_MEM;
}

static bool is_outside(const struct tcp_pcb *pcb, u32 seqno)
{
	return !TCP_SEQ_BETWEEN(seqno, pcb->rcv_nxt, pcb->rcv_nxt + pcb->rcv_wnd);
}

/* Acknowledges more than was sent, or what is older than any window there was (5.2). */
static bool is_ack_strange(const struct tcp_pcb *pcb, u32 ackno)
{
	u32 oldest = pcb->lastack - pcb->snd_wnd_max;

	return ackno - oldest > pcb->snd_nxt - oldest;
}

/*
 * Both ends may begin at once: then the peer's answer is a SYN again, the one that has been taken
 * already (RFC 9293, 3.10.7.4), and nothing more. Any other would count as a byte of the stream.
 */
static bool is_second_syn(const struct tcp_pcb *pcb, const struct tcp_hdr *header, u32 len)
{
	return header->seqno + 1 == pcb->rcv_nxt && !len && !(TCPH_FLAGS(header) & TCP_FIN);
}

/*
 * TCP_DEFER_ACCEPT: the bare ACK is as good as lost, until the SYN|ACK has been sent again often
 * enough. Data is what the listener waits for.
 */
static bool is_deferred(const struct tcp_pcb *pcb, const struct inet_ep *ep, u8 flags, u32 len)
{
	return ep && ep->listener && pcb->nrtx < ep->listener->defer_accept && !len &&
	       (flags & (TCP_ACK | TCP_FIN | TCP_SYN | TCP_RST)) == TCP_ACK;
}

static err_t admit_to_opening(struct tcp_pcb *pcb, const struct tcp_hdr *header, const struct pbuf *p)
{
	struct inet_ep *ep = tcp_ep_of(pcb);
	u8 flags = TCPH_FLAGS(header);

	if ((flags & (TCP_SYN | TCP_RST)) == TCP_SYN && !is_second_syn(pcb, header, p->tot_len))
		return ep ? challenge(pcb, ep) : ERR_MEM;
	if (is_deferred(pcb, ep, flags, p->tot_len))
		return ERR_MEM;
	if (unlikely(flags & TCP_URG) && ep && (flags & TCP_ACK) && header->ackno == pcb->snd_nxt)
		tcp_urgent_input(ep, header, p);
	return admit_last_ack(pcb, ep, flags);
}

static err_t admit_to_connection(struct tcp_pcb *pcb, const struct tcp_hdr *header,
				 const struct inet_tcp_options *options, const struct pbuf *p)
{
	struct inet_ep *ep = tcp_ep_of(pcb);
	u8 flags = TCPH_FLAGS(header);
	u32 len = p->tot_len;

	inet_ep_note_cpu(ep);
	if (unlikely(flags & TCP_RST)) {
		if (header->seqno == pcb->rcv_nxt)
			return ERR_OK;
		return is_outside(pcb, header->seqno) ? ERR_MEM : challenge(pcb, ep);
	}
	if (unlikely(flags & TCP_SYN))
		return challenge(pcb, ep);
	if (unlikely(!(flags & TCP_ACK)))
		return ERR_MEM;
	if (unlikely(tcp_mem_is_full(ep->stack)) && ep->rx_bytes && len)
		return ERR_MEM;
	if (unlikely(header->seqno != pcb->rcv_nxt) && !len && is_outside(pcb, header->seqno) &&
	    !may_challenge(ep))
		return ERR_MEM;
	if (unlikely(is_ack_strange(pcb, header->ackno)))
		return challenge(pcb, ep);
	if (unlikely(flags & TCP_URG))
		tcp_urgent_input(ep, header, p);
	if (unlikely(options->len || ep->recovering || (pcb->flags & TF_INFR)) && pcb->unacked)
		tcp_sack_input(ep, header, options);
	return ERR_OK;
}

err_t inet_tcp_admit(struct tcp_pcb *pcb, const struct tcp_hdr *header,
		     const struct inet_tcp_options *options, const struct pbuf *p)
{
	u8 flags = TCPH_FLAGS(header);

	switch (pcb->state) {
	case LISTEN:
		if ((flags & (TCP_SYN | TCP_ACK | TCP_RST)) != TCP_SYN)
			return ERR_OK;
		return admit_syn(pcb->callback_arg, header, options);
	case SYN_RCVD:
		return admit_to_opening(pcb, header, p);
	case SYN_SENT:
		return ERR_OK;
	case TIME_WAIT:
		return (flags & TCP_RST) || may_challenge(tcp_ep_of(pcb)) ? ERR_OK : ERR_MEM;
	default:
		return admit_to_connection(pcb, header, options, p);
	}
}

/* --- what owners do --- */

/*
 * lwIP makes a smaller control block of the endpoint's and frees that: it is not the end of ours.
 * All locks of the stack are held.
 */
static int make_listener(struct inet_ep *ep)
{
	struct tcp_pcb *pcb;
	err_t code;

	tcp_ext_arg_set(ep->tcp, TCP_EXT_EP, NULL);
	pcb = tcp_listen_with_backlog_and_err(ep->tcp, 0, &code);
	if (!pcb) {
		tcp_ext_arg_set(ep->tcp, TCP_EXT_EP, ep);
		return port_errno(code);
	}
	ep->tcp = pcb;
	tcp_ext_arg_set(pcb, TCP_EXT_EP, ep);
	tcp_arg(pcb, ep);
	tcp_accept(pcb, accepted);
	tcp_ports_lock(ep->stack);
	list_add_tail(&ep->accept_node, port_listeners(ep->stack, pcb->local_port));
	tcp_ports_unlock(ep->stack);
	return 0;
}

static int listen_locked(struct inet_ep *ep)
{
	int err = tcp_ep_bind_any(ep);

	if (err)
		return err;
	ep->listening = true;
	err = port_conflicts(ep, &ep->local) ? -EADDRINUSE : make_listener(ep);
	if (err)
		ep->listening = false;
	return err;
}

int inet_listen(struct inet_ep *ep, u32 backlog)
{
	struct net *net = ep->stack->net;
	int err = 0;

	inet_lock_all(net);
	inet_switch(ep->stack);
	if (ep->type != INET_TCP)
		err = -EOPNOTSUPP;
	else if (ep->connected || ep->connecting)
		err = -EINVAL;
	else if (!ep->listening)
		err = listen_locked(ep);
	if (!err)
		ep->backlog = backlog;
	inet_unlock_all(net);
	return err;
}

/* With a reference; NULL. */
static struct inet_ep *first_waiting(struct inet_ep *listener)
{
	struct inet_ep *ep = NULL;

	spin_lock_bh(&listener->queue_lock);
	if (!list_empty(&listener->accept_queue)) {
		ep = list_first(&listener->accept_queue, struct inet_ep, accept_node);
		inet_ep_get(ep);
	}
	spin_unlock_bh(&listener->queue_lock);
	return ep;
}

/* False: meanwhile it has ended, or another has it. */
static bool take(struct inet_ep *ep, const struct inet_ep *listener)
{
	bool waits;

	inet_ep_lock(ep);
	waits = ep->listener == listener;
	if (likely(waits)) {
		tcp_listen_forget(ep);
		tcp_err(ep->tcp, tcp_ep_failed);
	}
	inet_unlock(ep->stack);
	return waits;
}

int inet_accept(struct inet_ep *listener, struct inet_ep **out)
{
	struct inet_ep *ep;

	while (READ_ONCE(listener->listening)) {
		ep = first_waiting(listener);
		if (!ep)
			return -EAGAIN;
		if (take(ep, listener)) {
			*out = ep;
			return 0;
		}
		inet_ep_put(ep);
	}
	return -EINVAL;
}

/*
 * Connections that nobody accepted are reset; of those in the middle of the handshake nobody knows
 * any more. All locks of the stack are held.
 */
static void drop_queue(struct list_head *queue, bool reset)
{
	while (!list_empty(queue)) {
		struct inet_ep *child = list_first(queue, struct inet_ep, accept_node);

		/* freed() takes it off the queue. */
		inet_switch(child->stack);
		tcp_abandon(child->tcp, reset);
	}
}

void tcp_listen_close(struct inet_ep *ep)
{
	ep->listening = false;
	list_del(&ep->accept_node);
	drop_queue(&ep->accept_queue, true);
	drop_queue(&ep->syn_queue, false);
	inet_switch(ep->stack);
	tcp_close(ep->tcp);
}
