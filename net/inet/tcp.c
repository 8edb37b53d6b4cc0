/* SPDX-License-Identifier: MIT */
/*
 * TCP endpoints: how connections begin and end. lwIP runs the protocol. Listeners: tcp_listen.c;
 * data: tcp_recv.c, tcp_send.c; where control blocks are kept: tcp_table.c.
 *
 * How lwIP tells us: an extra argument of the control block is the endpoint; its
 * callbacks say when a control block is made for a listener and when one is freed,
 * whoever does it.
 *
 *  (1) The endpoint holds its control block's reference from the moment the extra argument is
 *      set to the moment freed() runs.
 *  (2) tcp_ep_failed() is set only while there is an owner, whose reference it relies on: lwIP may
 *      call it after freed().
 *  (3) Nothing touches a control block after a call that may free it: ep->tcp is
 *      looked at again.
 */
#include <kernel/bug.h>
#include <kernel/lib/string.h>
#include <net/inet/route.h>
#include <net/inet/tcp.h>
#include <net/port/port.h>
#include <lwip/priv/tcp_priv.h>

/* --- what lwIP calls; lock held --- */

static void freed(u8_t id, void *data)
{
	struct inet_ep *ep = data;

	if (!ep)
		return;
	tcp_splice_part(ep);
	tcp_ep_drop_unsent(ep);
	if (ep->listener) {
		/* Nobody will accept it any more. */
		tcp_listen_forget(ep);
		tcp_ep_drop_received(ep);
	}
	tcp_table_remove(ep);
	tcp_mem_charge(ep, -(s64)ep->ooseq_bytes);
	ep->ooseq_bytes = 0;
	tcp_ep_orphan_ends(ep);
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
void tcp_ep_failed(void *arg, err_t err)
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
void tcp_ep_limit_window(struct inet_ep *ep)
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
	/* Merged from two segments or more (RFC 9293, 3.8.6.3). */
	if (p->tot_len >= 2 * pcb->mss)
		tcp_ack_now(pcb);
	tcp_ep_receive(ep, p);
	if (unlikely(ep->ooseq_bytes))
		tcp_mem_count_ooseq(ep);
	inet_fire(ep, INET_EV_READ);
	return ERR_OK;
}

/*
 * A namespace that nobody is in any more stays until what its connections have sent is acknowledged,
 * or has been sent often enough. One that only waits for the peer's FIN does not keep it.
 */
static void finish(struct inet_ep *ep)
{
	if (!ep->unfinished)
		return;
	ep->unfinished = false;
	if (!--ep->stack->nr_unfinished)
		net_put(ep->stack->net);
}

static err_t sent(void *arg, struct tcp_pcb *pcb, u16_t len)
{
	struct inet_ep *ep = arg;

	ep->bytes_acked += len;
	if (unlikely(ep->unfinished) && pcb->state == FIN_WAIT_2)
		finish(ep);
	tcp_ep_acked(ep);
	if (tcp_ep_writeable(ep))
		inet_fire(ep, INET_EV_WRITE | INET_EV_STATE);
	return ERR_OK;
}

static err_t connected(void *arg, struct tcp_pcb *pcb, err_t err)
{
	struct inet_ep *ep = arg;

	inet_ep_note_cpu(ep);
	ep->connecting = false;
	ep->connected = true;
	ep->near = inet_is_local(&pcb->remote_ip);
	tcp_ep_limit_window(ep);
	inet_fire(ep, INET_EV_CONNECT | INET_EV_WRITE);
	return ERR_OK;
}

static const struct tcp_ext_arg_callbacks ext_callbacks = { freed, tcp_listen_open };

void tcp_ep_attach(struct inet_ep *ep, struct tcp_pcb *pcb)
{
	ep->tcp = pcb;
	inet_ep_get(ep);
	tcp_arg(pcb, ep);
	tcp_ext_arg_set(pcb, TCP_EXT_EP, ep);
	tcp_ext_arg_set_callbacks(pcb, TCP_EXT_EP, &ext_callbacks);
	tcp_recv(pcb, received);
	tcp_sent(pcb, sent);
}

u32 inet_tcp_window_step(struct tcp_pcb *pcb)
{
	struct inet_ep *ep = tcp_ep_of(pcb);

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
	tcp_ep_attach(ep, pcb);
	tcp_err(pcb, tcp_ep_failed);
	ep->recovering = false;
	tcp_ep_options(ep);
	return 0;
}

static void take_port(struct inet_ep *ep)
{
	ep->tcp->local_port = net16(ep->local.port);
	TCP_REG(&LWI(lwi_tcp_bound_pcbs), ep->tcp);
}

/*
 * An earlier connection has ended, or failed: a new control block, for the same port if the owner
 * chose it.
 */
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
	inet_ep_list(ep);
	ep->got_fin = ep->connected = false;
	ep->urgent = URGENT_NONE;
	ep->urgent_old = 0;
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
int tcp_ep_bind_any(struct inet_ep *ep)
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
static int choose_source(struct inet_ep *ep, const ip_addr_t *peer, ip_addr_t *source)
{
	*source = ep->tcp->local_ip;
	if (ip_addr_isany(source))
		return inet_source_for(peer, ep->device, source);
	return IP_IS_V6(source) == IP_IS_V6(peer) ? 0 : -ENETUNREACH;
}

/* All locks of the stack are held, and it has neither peer nor data: only lists tell whose it is. */
static void move(struct inet_ep *ep, struct inet_stack *to)
{
	struct tcp_pcb *pcb = ep->tcp;

	TCP_RMV(&LWI(lwi_tcp_bound_pcbs), pcb);
	if (!list_empty(&ep->node))
		list_del(&ep->node);
	WRITE_ONCE(ep->stack, to);
	inet_switch(to);
	TCP_REG(&LWI(lwi_tcp_bound_pcbs), pcb);
	inet_ep_list(ep);
}

/* It has both ends: a port where it had none, and the instance of the connection. */
static int settle(struct inet_ep *ep, const ip_addr_t *source, const ip_addr_t *peer, u16 port)
{
	struct inet_common *c = ep->stack->common;
	struct inet_stack *to;
	int err;

	if (!ep->port) {
		err = port_bind_for(ep, source, peer, port);
		if (err)
			return err;
		take_port(ep);
	}
	if (likely(ep->stack->alone))
		return 0;
	to = inet_shard_of(c, source, ep->tcp->local_port, peer, port);
	if (likely(to == ep->stack))
		return 0;
	if (!c->all_held)
		return TCP_ELSEWHERE;
	move(ep, to);
	return 0;
}

int tcp_ep_connect(struct inet_ep *ep, const struct inet_addr *addr)
{
	ip_addr_t ip, source;
	struct tcp_pcb *pcb;
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
	err = reopen(ep);
	if (!err)
		err = choose_source(ep, &ip, &source);
	if (!err)
		err = settle(ep, &source, &ip, net16(addr->port));
	if (err)
		return err;
	pcb = ep->tcp;
	ip_addr_copy(pcb->local_ip, source);
	ep->connecting = true;
	ep->error = 0;
	err = port_errno(tcp_connect(pcb, &ip, net16(addr->port), connected));
	if (err) {
		ep->connecting = false;
		return err == -EHOSTUNREACH ? -ENETUNREACH : err;
	}
	inet_from_ip(ep, &ip, net16(addr->port), &ep->peer);
	tcp_ports_lock(ep->stack);
	inet_from_ip(ep, &pcb->local_ip, pcb->local_port, &ep->local);
	tcp_ports_unlock(ep->stack);
	ep->tx_seq = pcb->snd_lbb;
	tcp_table_add(ep);
	return -EINPROGRESS;
}

/* As many as may go on without an owner do already, or memory is full. */
static bool is_too_much(const struct inet_ep *ep)
{
	const struct inet_common *c = ep->stack->common;
	const struct inet_stack *s;
	u32 orphans = 0;

	inet_for_each_shard(c, s)
		orphans += READ_ONCE(s->nr_orphans);
	return orphans >= (u32)READ_ONCE(inet_tcp_max_orphans) ||
	       (ep->tx_bytes && tcp_mem_is_full(ep->stack));
}

void tcp_ep_orphan_ends(struct inet_ep *ep)
{
	ep->stack->nr_orphans -= ep->counted;
	ep->counted = false;
	finish(ep);
}

void tcp_ep_close(struct inet_ep *ep, bool abort)
{
	bool unread = ep->rx_bytes;
	struct tcp_pcb *pcb;

	tcp_ep_drop_received(ep);
	if (!ep->pcb)
		return;
	if (ep->listening) {
		tcp_listen_close(ep);
		return;
	}
	pcb = ep->tcp;
	tcp_ep_awake(ep);
	if ((abort || unread || is_too_much(ep)) && pcb->state != CLOSED) {
		tcp_err(pcb, NULL);
		tcp_abort(pcb);
		return;
	}
	/* What lwIP would ask the window for, `unread` has answered. */
	pcb->rcv_wnd = TCP_WND_MAX(pcb);
	tcp_err(pcb, NULL);
	ep->counted = ep->unfinished = true;
	ep->stack->nr_orphans++;
	if (!ep->stack->nr_unfinished++)
		net_get(ep->stack->net);
	tcp_close(pcb);
}

int tcp_ep_shutdown(struct inet_ep *ep, u32 how)
{
	err_t code;

	if (ep->listening) {
		if (how & INET_SHUT_RD)
			tcp_listen_close(ep);
		return 0;
	}
	if (!ep->pcb || !ep->connected)
		return -ENOTCONN;
	if ((how & INET_SHUT_WR) && !(ep->shut & INET_SHUT_WR)) {
		tcp_ep_awake(ep);
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
	tcp_ep_awake(ep);
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
