/* SPDX-License-Identifier: MIT */
/*
 * TCP endpoints: how connections begin and end. Data: tcp_recv.c, tcp_send.c.
 *
 * lwIP runs the protocol; who may connect, and what waits to be accepted, is decided here:
 *
 *   SYN          a control block in SYN_RCVD with an endpoint that its listener does not
 *                know yet (passive_open). At most 255 for a listener, lwIP's own bound.
 *   last ACK     the endpoint joins the listener's accept queue (accepted).
 *   queue full   longer than the backlog, as Linux counts it: SYNs and last ACKs are dropped
 *                (inet_tcp_admit); the peer tries again.
 *
 * How lwIP tells us: an extra argument of the control block is the endpoint; its
 * callbacks say when a control block is made for a listener and when one is freed,
 * whoever does it.
 *
 *  (1) The endpoint holds its control block's reference from the moment the extra argument is
 *      set to the moment freed() runs.
 *  (2) failed() is set only while there is an owner, whose reference it relies on: lwIP may call it
 *      after freed().
 *  (3) Nothing touches a control block after a call that may free it: ep->tcp is
 *      looked at again.
 */
#include <kernel/bug.h>
#include <kernel/lib/string.h>
#include <net/inet/ep.h>
#include <net/inet/route.h>
#include <net/port/port.h>
#include <lwip/priv/tcp_priv.h>
#include <lwip/tcp.h>

#define EXT_EP		0		/* which extra argument */
#define HALF_OPEN_MAX	255
#define TIME_WAIT_MAX	4096		/* chosen: 6 MiB; Linux has as many on a small machine */

static void freed(u8_t id, void *data);
static err_t passive_open(u8_t id, struct tcp_pcb_listen *listener, struct tcp_pcb *pcb);
static const struct tcp_ext_arg_callbacks ext_callbacks = { freed, passive_open };

static struct inet_ep *ep_of(struct tcp_pcb *pcb)
{
	return tcp_ext_arg_get(pcb, EXT_EP);
}

/* --- connections by their ends --- */

static struct hlist_head *bucket_of(struct inet_stack *s, u16 local_port, u16 remote_port, const ip_addr_t *remote)
{
	u32 h = IP_IS_V6(remote) ? ip_2_ip6(remote)->addr[3] ^ ip_2_ip6(remote)->addr[0] :
		ip4_addr_get_u32(ip_2_ip4(remote));

	h = (h ^ (u32)local_port << 16 ^ remote_port) * 0x9e3779b1u;
	return &s->connections[h >> 21];
}
_Static_assert(INET_CONNECTION_BUCKETS == 1u << (32 - 21), "the hash's upper bits");

static void hash_add(struct inet_ep *ep)
{
	struct tcp_pcb *pcb = ep->tcp;

	hlist_add(&ep->hash_node, bucket_of(ep->stack, pcb->local_port, pcb->remote_port, &pcb->remote_ip));
}

static bool is_segment_of(const struct tcp_pcb *pcb, const struct tcp_hdr *header)
{
	return pcb->remote_port == header->src && pcb->local_port == header->dest &&
	       ip_addr_eq(&pcb->remote_ip, ip_current_src_addr()) &&
	       ip_addr_eq(&pcb->local_ip, ip_current_dest_addr());
}

struct tcp_pcb *inet_tcp_find(const struct tcp_hdr *header, int time_wait)
{
	struct hlist_head *bucket = bucket_of(inet_current(), header->dest, header->src, ip_current_src_addr());
	struct tcp_pcb *pcb = NULL;
	struct inet_ep *ep;

	hlist_for_each_rcu(ep, bucket, hash_node)
		if (is_segment_of(ep->tcp, header)) {
			pcb = ep->tcp;
			break;
		}
	if (!pcb || (pcb->state == TIME_WAIT) != !!time_wait)
		return NULL;
	if (time_wait && (TCPH_FLAGS(header) & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_SYN &&
	    TCP_SEQ_GT(header->seqno, pcb->rcv_nxt)) {
		tcp_abandon(pcb, 0);
		return NULL;
	}
	return pcb;
}

/*
 * TIME_WAIT is memory that the peer may make us keep: beyond TIME_WAIT_MAX the oldest go before their
 * time. New ones come to the head of the list.
 */
void tcp_ep_trim_time_wait(void)
{
	struct tcp_pcb *pcb = LWI(lwi_tcp_tw_pcbs), *old;
	u32 n = 1;

	while (pcb && n++ < TIME_WAIT_MAX)
		pcb = pcb->next;
	if (!pcb)
		return;
	old = pcb->next;
	pcb->next = NULL;
	while (old) {
		struct tcp_pcb *next = old->next;

		tcp_pcb_purge(old);
		tcp_free(old);
		old = next;
	}
}

/* --- what lwIP calls; lock held --- */

static void freed(u8_t id, void *data)
{
	struct inet_ep *ep = data;

	if (!ep)
		return;
	tcp_ep_drop_unsent(ep);
	if (ep->listener) {
		/* Nobody will accept it any more. */
		if (!list_empty(&ep->accept_node)) {
			list_del(&ep->accept_node);
			ep->listener->accept_len--;
		}
		ep->listener = NULL;
		tcp_ep_drop_received(ep);
	}
	if (!hlist_unhashed(&ep->hash_node))
		hlist_del_rcu(&ep->hash_node);
	ep->listening = false;
	inet_fire(ep, INET_EV_STATE | INET_EV_HUP | INET_EV_READ | INET_EV_WRITE);
	inet_ep_pcb_gone(ep);
}

static int errno_of(const struct inet_ep *ep, err_t err)
{
	switch (err) {
	case ERR_RST:
		if (ep->connecting)
			return ECONNREFUSED;
		return ep->got_fin && !(ep->shut & INET_SHUT_WR) ? EPIPE : ECONNRESET;
	case ERR_ABRT:
		return ETIMEDOUT;
	case ERR_CLSD:
		return 0;
	default:
		return -port_errno(err);
	}
}

/* The connection is dead; lwIP frees the control block now, or has done so. */
static void failed(void *arg, err_t err)
{
	struct inet_ep *ep = arg;
	u32 events = INET_EV_READ | INET_EV_WRITE | INET_EV_HUP | INET_EV_RDHUP;

	if (!ep)
		return;
	ep->error = errno_of(ep, err);
	if (ep->error)
		events |= INET_EV_ERROR;
	if (ep->connecting)
		events |= INET_EV_CONNECT;
	ep->connecting = false;
	inet_fire(ep, events);
}

/*
 * A window scale has been agreed, or not: from now on the window is the receive buffer. Before any
 * segment has told the peer of the window that lwIP begins with.
 */
static void limit_window(struct inet_ep *ep)
{
	struct tcp_pcb *pcb = ep->tcp;

	pcb->rcv_wnd = min_t(u32, TCP_WND_MAX(pcb), ep->rcvbuf);
	pcb->rcv_ann_wnd = pcb->rcv_wnd;
}

static err_t received(void *arg, struct tcp_pcb *pcb, struct pbuf *p, err_t err)
{
	struct inet_ep *ep = arg;

	if (!p) {
		ep->got_fin = true;
		inet_fire(ep, INET_EV_READ | INET_EV_RDHUP);
		return ERR_OK;
	}
	/* Nobody is there to read it, and nobody will be. */
	if (ep->orphan) {
		pbuf_free(p);
		tcp_abort(pcb);
		return ERR_ABRT;
	}
	tcp_ep_receive(ep, p);
	inet_fire(ep, INET_EV_READ);
	return ERR_OK;
}

static err_t sent(void *arg, struct tcp_pcb *pcb, u16_t len)
{
	struct inet_ep *ep = arg;

	ep->bytes_acked += len;
	tcp_ep_acked(ep);
	if (tcp_ep_writeable(ep))
		inet_fire(ep, INET_EV_WRITE | INET_EV_STATE);
	return ERR_OK;
}

static err_t connected(void *arg, struct tcp_pcb *pcb, err_t err)
{
	struct inet_ep *ep = arg;

	ep->connecting = false;
	ep->connected = true;
	limit_window(ep);
	inet_fire(ep, INET_EV_CONNECT | INET_EV_WRITE);
	return ERR_OK;
}

static void attach(struct inet_ep *ep, struct tcp_pcb *pcb)
{
	ep->tcp = pcb;
	inet_ep_get(ep);
	tcp_arg(pcb, ep);
	tcp_ext_arg_set(pcb, EXT_EP, ep);
	tcp_ext_arg_set_callbacks(pcb, EXT_EP, &ext_callbacks);
	tcp_recv(pcb, received);
	tcp_sent(pcb, sent);
}

/* A SYN has come for a listener, and lwIP has made a control block. Any error drops it. */
static err_t passive_open(u8_t id, struct tcp_pcb_listen *lpcb, struct tcp_pcb *pcb)
{
	struct inet_ep *listener = lpcb->callback_arg, *ep;

	/* Until it has an endpoint of its own, nobody is told of its end. */
	tcp_arg(pcb, NULL);
	ep = inet_ep_create(listener->stack, listener->family, INET_TCP, listener->protocol, GFP_ATOMIC);
	if (!ep)
		return ERR_MEM;
	ep->rcvbuf = listener->rcvbuf;
	ep->sndbuf = listener->sndbuf;
	ep->reuse_addr = listener->reuse_addr;
	ep->reuse_port = listener->reuse_port;
	ep->v6only = listener->v6only;
	ep->nodelay = listener->nodelay;
	ep->keepalive = listener->keepalive;
	ep->keep_idle_s = listener->keep_idle_s;
	ep->keep_intvl_s = listener->keep_intvl_s;
	ep->keep_cnt = listener->keep_cnt;
	ep->ttl = listener->ttl;
	ep->tos = listener->tos;
	ep->device = listener->device;
	inet_from_ip(ep, &pcb->local_ip, pcb->local_port, &ep->local);
	inet_from_ip(ep, &pcb->remote_ip, pcb->remote_port, &ep->peer);
	port_share(ep, listener);
	ep->listener = listener;
	attach(ep, pcb);
	tcp_ep_options(ep);
	limit_window(ep);
	ep->tx_seq = pcb->snd_lbb + 1;
	hash_add(ep);
	list_add_tail(&ep->node, &ep->stack->eps[INET_TCP]);
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
	ep->connected = true;
	list_add_tail(&ep->accept_node, &listener->accept_queue);
	listener->accept_len++;
	inet_fire(listener, INET_EV_ACCEPT | INET_EV_READ);
	return ERR_OK;
}

static bool queue_is_full(const struct inet_ep *listener)
{
	return listener->accept_len > listener->backlog;
}

/* Of each segment for a control block: is it to be looked at? (net/port/hooks.h) */
err_t inet_tcp_admit(struct tcp_pcb *pcb, const struct tcp_hdr *header)
{
	struct inet_ep *ep;
	u8 flags = TCPH_FLAGS(header);

	if (pcb->state == LISTEN) {
		ep = pcb->callback_arg;
		if (!(flags & TCP_SYN) || (flags & (TCP_ACK | TCP_RST)))
			return ERR_OK;
		if (!queue_is_full(ep))
			return ERR_OK;
		ep->stack->listen_overflows++;
		ep->stack->listen_drops++;
		return ERR_MEM;
	}
	if (likely(pcb->state != SYN_RCVD))
		return ERR_OK;
	ep = ep_of(pcb);
	if (!ep || !ep->listener || (flags & (TCP_SYN | TCP_RST)) || !(flags & TCP_ACK))
		return ERR_OK;
	if (!queue_is_full(ep->listener))
		return ERR_OK;
	ep->stack->listen_overflows++;
	return ERR_MEM;
}

u32 inet_tcp_window_step(struct tcp_pcb *pcb)
{
	struct inet_ep *ep = ep_of(pcb);

	return ep ? min_t(u32, 2 * pcb->mss, ep->rcvbuf / 2) : pcb->mss;
}

/* --- what endpoints do; lock held --- */

static u8 ip_type_of(const struct inet_ep *ep)
{
	return ep->family == INET_AF_INET ? IPADDR_TYPE_V4 : ep->v6only ? IPADDR_TYPE_V6 : IPADDR_TYPE_ANY;
}

int tcp_ep_open(struct inet_ep *ep)
{
	struct tcp_pcb *pcb = tcp_new_ip_type(ip_type_of(ep));

	if (!pcb)
		return -ENOMEM;
	attach(ep, pcb);
	tcp_err(pcb, failed);
	tcp_ep_options(ep);
	return 0;
}

static void take_port(struct inet_ep *ep)
{
	ep->tcp->local_port = net16(ep->local.port);
	TCP_REG(&LWI(lwi_tcp_bound_pcbs), ep->tcp);
}

/* An earlier connection has ended, or failed: a new control block, for the same port if the owner chose it. */
static int reopen(struct inet_ep *ep)
{
	struct inet_addr local = ep->bound;
	ip_addr_t ip;
	int err;

	if (ep->pcb)
		return 0;
	err = tcp_ep_open(ep);
	if (err)
		return err;
	list_add_tail(&ep->node, &ep->stack->eps[INET_TCP]);
	ep->got_fin = ep->connected = false;
	ep->shut = 0;
	ep->error = 0;
	ep->peer.family = 0;
	ep->local = (struct inet_addr){ .family = ep->family };
	if (!local.family || !inet_to_ip(ep, &local, &ip))
		return 0;
	err = port_bind(ep, &local);
	return err ? err : tcp_ep_bind(ep, &ip);
}

/* Ports are ports.c's: what tcp_bind() would look for has been looked for. */
int tcp_ep_bind(struct inet_ep *ep, const ip_addr_t *ip)
{
	struct tcp_pcb *pcb = ep->tcp;

	if (!pcb)
		return -EINVAL;
	if (ip_addr_isany(ip))
		IP_SET_TYPE_VAL(pcb->local_ip, ip_type_of(ep));
	else
		ip_addr_set(&pcb->local_ip, ip);
	take_port(ep);
	return 0;
}

/* Not bound by its owner: a free port of every address. */
static int bind_any(struct inet_ep *ep)
{
	int err = reopen(ep);

	if (err || ep->port)
		return err;
	err = port_bind_any(ep);
	if (err)
		return err;
	take_port(ep);
	return 0;
}

int inet_listen(struct inet_ep *ep, u32 backlog)
{
	struct tcp_pcb *pcb;
	err_t code;
	int err = 0;

	inet_lock(ep->stack);
	if (ep->type != INET_TCP)
		err = -EOPNOTSUPP;
	else if (ep->connected || ep->connecting)
		err = -EINVAL;
	if (err || ep->listening) {
		ep->backlog = err ? ep->backlog : backlog;
		goto unlock;
	}
	err = bind_any(ep);
	if (err)
		goto unlock;
	ep->listening = true;
	if (port_conflicts(ep, &ep->local)) {
		ep->listening = false;
		err = -EADDRINUSE;
		goto unlock;
	}
	/* lwIP makes a smaller control block of this one and frees it: that is not the end of ours. */
	tcp_ext_arg_set(ep->tcp, EXT_EP, NULL);
	pcb = tcp_listen_with_backlog_and_err(ep->tcp, HALF_OPEN_MAX, &code);
	if (!pcb) {
		tcp_ext_arg_set(ep->tcp, EXT_EP, ep);
		ep->listening = false;
		err = port_errno(code);
		goto unlock;
	}
	ep->tcp = pcb;
	tcp_ext_arg_set(pcb, EXT_EP, ep);
	tcp_arg(pcb, ep);
	tcp_accept(pcb, accepted);
	ep->backlog = backlog;
unlock:
	inet_unlock(ep->stack);
	return err;
}

int inet_accept(struct inet_ep *listener, struct inet_ep **out)
{
	struct inet_ep *ep;
	int err = 0;

	inet_lock(listener->stack);
	if (!listener->listening) {
		err = -EINVAL;
	} else if (list_empty(&listener->accept_queue)) {
		err = -EAGAIN;
	} else {
		ep = list_first(&listener->accept_queue, struct inet_ep, accept_node);
		list_del(&ep->accept_node);
		listener->accept_len--;
		ep->listener = NULL;
		inet_ep_get(ep);	/* the caller's */
		tcp_err(ep->tcp, failed);
		*out = ep;
	}
	inet_unlock(listener->stack);
	return err;
}

static int check_connect(const struct inet_ep *ep)
{
	if (ep->listening)
		return -EISCONN;
	if (ep->connecting)
		return -EALREADY;
	return ep->connected && ep->pcb ? -EISCONN : 0;
}

/* connect to AF_UNSPEC: whatever there was is over, without ceremony. */
static int dissolve(struct inet_ep *ep)
{
	tcp_ep_close(ep, true);
	ep->connecting = ep->connected = ep->got_fin = false;
	ep->error = 0;
	ep->shut = 0;
	ep->peer.family = 0;
	return reopen(ep);
}

/* Bound to every address: now it is the one that packets to the peer come from. */
static int choose_source(struct inet_ep *ep, const ip_addr_t *peer)
{
	ip_addr_t source;
	int err;

	if (!ip_addr_isany(&ep->tcp->local_ip))
		return IP_IS_V6(&ep->tcp->local_ip) == IP_IS_V6(peer) ? 0 : -ENETUNREACH;
	err = inet_source_for(peer, ep->device, &source);
	if (!err)
		ip_addr_set(&ep->tcp->local_ip, &source);
	return err;
}

int tcp_ep_connect(struct inet_ep *ep, const struct inet_addr *addr)
{
	struct tcp_pcb *pcb;
	ip_addr_t ip;
	int err;

	if (!addr)
		return dissolve(ep);
	err = check_connect(ep);
	if (err)
		return err;
	if (!inet_to_ip(ep, addr, &ip))
		return addr->family == ep->family ? -ENETUNREACH : -EAFNOSUPPORT;
	if (ip_addr_ismulticast(&ip) || !addr->port)
		return addr->port ? -ENETUNREACH : -ECONNREFUSED;
	if (ip_addr_isany(&ip))
		inet_loopback_for(ep, &ip);
	err = bind_any(ep);
	if (err)
		return err;
	pcb = ep->tcp;
	err = choose_source(ep, &ip);
	if (err)
		return err;
	ep->connecting = true;
	ep->error = 0;
	err = port_errno(tcp_connect(pcb, &ip, net16(addr->port), connected));
	if (err) {
		ep->connecting = false;
		return err == -EHOSTUNREACH ? -ENETUNREACH : err;
	}
	inet_from_ip(ep, &ip, net16(addr->port), &ep->peer);
	inet_from_ip(ep, &pcb->local_ip, pcb->local_port, &ep->local);
	ep->tx_seq = pcb->snd_lbb;
	hash_add(ep);
	return -EINPROGRESS;
}

static void close_listener(struct inet_ep *ep)
{
	struct inet_ep *child;

	ep->listening = false;
	while (!list_empty(&ep->accept_queue)) {
		child = list_first(&ep->accept_queue, struct inet_ep, accept_node);
		inet_ep_get(child);
		/* Takes it off the queue by freed(). */
		tcp_abort(child->tcp);
		inet_ep_put(child);
	}
	/* Those in the middle of the handshake are reset when it ends: lwIP forgets the listener. */
	list_for_each(child, &ep->stack->eps[INET_TCP], node)
		if (child->listener == ep)
			child->listener = NULL;
	tcp_close(ep->tcp);
}

void tcp_ep_close(struct inet_ep *ep, bool abort)
{
	bool unread = ep->rx_bytes;
	struct tcp_pcb *pcb;

	tcp_ep_drop_received(ep);
	if (!ep->pcb)
		return;
	if (ep->listening) {
		close_listener(ep);
		return;
	}
	pcb = ep->tcp;
	if ((abort || unread) && pcb->state != CLOSED) {
		tcp_err(pcb, NULL);
		tcp_abort(pcb);
		return;
	}
	/* What lwIP would ask the window for, `unread` has answered. */
	pcb->rcv_wnd = TCP_WND_MAX(pcb);
	tcp_err(pcb, NULL);
	tcp_close(pcb);
}

int tcp_ep_shutdown(struct inet_ep *ep, u32 how)
{
	err_t code;

	if (ep->listening) {
		if (how & INET_SHUT_RD)
			close_listener(ep);
		return 0;
	}
	if (!ep->pcb || !ep->connected)
		return -ENOTCONN;
	if ((how & INET_SHUT_WR) && !(ep->shut & INET_SHUT_WR)) {
		code = tcp_shutdown(ep->tcp, 0, 1);
		if (code != ERR_OK && code != ERR_CONN)
			return port_errno(code);
	}
	ep->shut |= how;
	return 0;
}

void tcp_ep_options(struct inet_ep *ep)
{
	struct tcp_pcb *pcb = ep->tcp;

	if (!pcb || ep->listening)
		return;
	pcb->ttl = ep->ttl;
	pcb->tos = ep->tos;
	pcb->netif_idx = (u8)ep->device;
	pcb->keep_idle = ep->keep_idle_s * 1000;
	pcb->keep_intvl = ep->keep_intvl_s * 1000;
	pcb->keep_cnt = ep->keep_cnt;
	if (ep->keepalive)
		ip_set_option(pcb, SOF_KEEPALIVE);
	else
		ip_reset_option(pcb, SOF_KEEPALIVE);
	if (ep->nodelay && !ep->cork)
		tcp_nagle_disable(pcb);
	else
		tcp_nagle_enable(pcb);
}
