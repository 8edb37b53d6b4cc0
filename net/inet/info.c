/* SPDX-License-Identifier: MIT */
/* What is told of endpoints and of the stack: TCP_INFO, ss, /proc/net. */
#include <kernel/lib/string.h>
#include <net/inet/ep.h>
#include <net/port/port.h>
#include <lwip/priv/tcp_priv.h>
#include <lwip/stats.h>
#include <lwip/tcp.h>

#define TOLD_AT_ONCE	32	/* endpoints; chosen: a line of text takes some 10 us */
#define SLOW_MS		TCP_SLOW_INTERVAL	/* lwIP counts retransmission time in these */

static enum inet_tcp_state state_of(enum tcp_state s)
{
	static const u8 states[] = {
		[CLOSED] = INET_CLOSED,           [LISTEN] = INET_LISTENING,
		[SYN_SENT] = INET_SYN_SENT,       [SYN_RCVD] = INET_SYN_RECV,
		[ESTABLISHED] = INET_ESTABLISHED, [FIN_WAIT_1] = INET_FIN_WAIT1,
		[FIN_WAIT_2] = INET_FIN_WAIT2,    [CLOSE_WAIT] = INET_CLOSE_WAIT,
		[CLOSING] = INET_CLOSING,         [LAST_ACK] = INET_LAST_ACK,
		[TIME_WAIT] = INET_TIME_WAIT,
	};

	return states[s];
}

enum inet_tcp_state inet_tcp_state(const struct inet_ep *ep)
{
	struct inet_ep *e = (struct inet_ep *)ep;
	enum inet_tcp_state state = INET_CLOSED;

	inet_ep_lock(e);
	if (e->type == INET_TCP && e->pcb)
		state = state_of(e->tcp->state);
	inet_unlock(e->stack);
	return state;
}

static void timer_of(const struct tcp_pcb *pcb, struct inet_info *out)
{
	if (pcb->state == TIME_WAIT) {
		u32 gone = (LWI(lwi_tcp_ticks) - pcb->tmr) * SLOW_MS;

		out->timer = 3;
		out->timer_ms = gone < 2 * TCP_MSL ? 2 * TCP_MSL - gone : 0;
	} else if (pcb->persist_backoff) {
		out->timer = 4;
		out->timer_ms = SLOW_MS;
	} else if (pcb->rtime >= 0) {
		out->timer = 1;
		out->timer_ms = (u32)max(pcb->rto - pcb->rtime, 0) * SLOW_MS;
	} else if (ip_get_option(pcb, SOF_KEEPALIVE)) {
		u32 gone = (LWI(lwi_tcp_ticks) - pcb->tmr) * SLOW_MS;

		out->timer = 2;
		out->timer_ms = gone < pcb->keep_idle ? pcb->keep_idle - gone : 0;
	}
}

static void fill_tcp(const struct inet_ep *ep, struct inet_info *out)
{
	const struct tcp_pcb *pcb = ep->tcp;

	out->state = state_of(pcb->state);
	if (pcb->state == LISTEN) {
		out->rx_queue = ep->accept_len;
		out->tx_queue = ep->backlog;
		return;
	}
	out->rx_queue = inet_tcp_unread(ep);
	out->tx_queue = tcp_ep_unsent(ep);
	out->rto_ms = (u32)pcb->rto * SLOW_MS;
	out->srtt_us = (u32)(pcb->sa >> 3) * SLOW_MS * 1000;
	out->rttvar_us = (u32)(pcb->sv >> 2) * SLOW_MS * 1000;
	out->snd_mss = out->rcv_mss = pcb->mss;
	out->snd_cwnd = pcb->cwnd;
	out->snd_ssthresh = pcb->ssthresh;
	out->rcv_wnd = pcb->rcv_wnd;
	out->snd_wnd = pcb->snd_wnd;
	out->retransmits = pcb->nrtx;
	out->backoff = pcb->nrtx;
	out->probes = pcb->persist_probe;
	out->wscale = pcb->flags & TF_WND_SCALE;
	out->sack = pcb->flags & TF_SACK;
	out->snd_wscale = pcb->snd_scale;
	out->rcv_wscale = pcb->rcv_scale;
	out->bytes_acked = ep->bytes_acked;
	out->bytes_received = ep->bytes_received;
	timer_of(pcb, out);
}

static void fill(const struct inet_ep *ep, struct inet_info *out)
{
	*out = (struct inet_info){
		.type = ep->type, .family = ep->family, .state = INET_CLOSED, .local = ep->local,
		.owner = ep->owner, .drops = ep->drops, .device = ep->device,
		.protocol = ep->protocol,
		.tos = ep->tos, .shut = ep->shut, .v6only = ep->v6only,
		.autobound = !ep->bound.port,
	};
	out->peer = ep->peer;
	out->peer.family = ep->family;
	if (ep->type == INET_TCP) {
		if (ep->pcb)
			fill_tcp(ep, out);
		return;
	}
	out->rx_queue = ep->rx_bytes;
	if (ep->peer.family)
		out->state = INET_ESTABLISHED;
}

void inet_get_info(struct inet_ep *ep, struct inet_info *out)
{
	inet_ep_lock(ep);
	fill(ep, out);
	inet_unlock(ep->stack);
}

/*
 * The list node behind `at`, the last that was told. Where that is gone meanwhile, or is another
 * instance's now, by the numbers: they ascend.
 */
static struct list_head *next_of(struct inet_stack *s, enum inet_type type, const struct inet_ep *at,
				 u64 told)
{
	struct list_head *list = &s->eps[type], *node = list->next;

	if (at && at->stack == s && !list_empty(&at->node) && at->serial == told)
		return at->node.next;
	while (node != list && list_entry(node, struct inet_ep, node)->serial <= told)
		node = node->next;
	return node;
}

/* Some of them under one hold of the lock; the last, with a reference. NULL: that was all. */
static struct inet_ep *tell_some(struct inet_stack *s, enum inet_type type, struct inet_ep *at, u64 *told,
				 void (*fn)(const struct inet_info *info, void *arg), void *arg)
{
	struct list_head *list = &s->eps[type], *node = next_of(s, type, at, *told);
	struct inet_ep *ep = NULL;
	struct inet_info info;

	for (u32 n = 0; n < TOLD_AT_ONCE && node != list; n++, node = node->next) {
		ep = list_entry(node, struct inet_ep, node);
		fill(ep, &info);
		fn(&info, arg);
	}
	if (node == list)
		return NULL;
	*told = ep->serial;
	inet_ep_get(ep);
	return ep;
}

static void tell_all(struct inet_stack *s, enum inet_type type,
		     void (*fn)(const struct inet_info *info, void *arg), void *arg)
{
	struct inet_ep *at = NULL, *next;
	u64 told = 0;

	do {
		inet_lock(s);
		next = tell_some(s, type, at, &told, fn, arg);
		inet_unlock(s);
		if (at)
			inet_ep_put(at);
		at = next;
	} while (at);
}

void inet_for_each(struct net *net, enum inet_type type,
		   void (*fn)(const struct inet_info *info, void *arg), void *arg)
{
	struct inet_stack *s;

	inet_for_each_shard(net->inet->common, s)
		tell_all(s, type, fn, arg);
}

static u64 established(struct inet_stack *s)
{
	const struct inet_ep *ep;
	u64 n = 0;

	list_for_each(ep, &s->eps[INET_TCP], node)
		n += ep->pcb && (ep->tcp->state == ESTABLISHED || ep->tcp->state == CLOSE_WAIT);
	return n;
}

static void count_ip(const struct stats_ *l, struct inet_counters *out)
{
	out->ip_in += l->mib2.ipinreceives;
	out->ip_in_hdr_errors += l->mib2.ipinhdrerrors;
	out->ip_in_addr_errors += l->mib2.ipinaddrerrors;
	out->ip_in_discards += l->mib2.ipindiscards;
	out->ip_in_delivers += l->mib2.ipindelivers;
	out->ip_out += l->mib2.ipoutrequests;
	out->ip_out_discards += l->mib2.ipoutdiscards;
	out->ip_out_no_routes += l->mib2.ipoutnoroutes;
	out->ip_reasm_reqds += l->mib2.ipreasmreqds;
	out->ip_reasm_oks += l->mib2.ipreasmoks;
	out->ip_reasm_fails += l->mib2.ipreasmfails;
	out->ip_frag_oks += l->mib2.ipfragoks;
	out->ip_frag_fails += l->mib2.ipfragfails;
	out->ip_frag_creates += l->mib2.ipfragcreates;
	out->icmp_in += l->mib2.icmpinmsgs;
	out->icmp_in_errors += l->mib2.icmpinerrors;
	out->icmp_out += l->mib2.icmpoutmsgs;
}

static void count_transport(const struct stats_ *l, struct inet_counters *out)
{
	out->tcp_active_opens += l->mib2.tcpactiveopens;
	out->tcp_passive_opens += l->mib2.tcppassiveopens;
	out->tcp_attempt_fails += l->mib2.tcpattemptfails;
	out->tcp_estab_resets += l->mib2.tcpestabresets;
	out->tcp_in += l->mib2.tcpinsegs;
	out->tcp_out += l->mib2.tcpoutsegs;
	out->tcp_retrans += l->mib2.tcpretranssegs;
	out->tcp_in_errs += l->mib2.tcpinerrs;
	out->tcp_out_rsts += l->mib2.tcpoutrsts;
	out->udp_in += l->mib2.udpindatagrams;
	out->udp_no_ports += l->mib2.udpnoports;
	out->udp_in_errors += l->mib2.udpinerrors;
	out->udp_out += l->mib2.udpoutdatagrams;
}

/* lwIP's are 32 bits wide: they begin again at 2^32. */
void inet_counters(struct net *net, struct inet_counters *out)
{
	struct inet_stack *s;

	*out = (struct inet_counters){ 0 };
	inet_for_each_shard(net->inet->common, s) {
		inet_lock(s);
		count_ip(&LWI(lwi_lwip_stats), out);
		count_transport(&LWI(lwi_lwip_stats), out);
		out->tcp_curr_estab += established(s);
		out->tcp_listen_overflows += s->listen_overflows;
		out->tcp_listen_drops += s->listen_drops;
		out->tcp_cookies_sent += s->cookies_sent;
		out->tcp_cookies_taken += s->cookies_taken;
		out->tcp_cookies_failed += s->cookies_failed;
		out->udp_rcvbuf_errors += s->rcvbuf_errors;
		inet_unlock(s);
	}
}

static u32 count(struct inet_stack *s, enum inet_type type, u16 family)
{
	const struct inet_ep *ep;
	u32 n = 0;

	list_for_each(ep, &s->eps[type], node)
		n += ep->family == family &&
		     !(type == INET_TCP && ep->pcb && ep->tcp->state == TIME_WAIT);
	return n;
}

void inet_usage(struct net *net, struct inet_usage *out)
{
	struct inet_common *c = net->inet->common;
	struct inet_stack *s;

	*out = (struct inet_usage){ .time_wait = tcp_table_waiting(c) };
	inet_for_each_shard(c, s) {
		inet_lock(s);
		out->tcp4 += count(s, INET_TCP, INET_AF_INET);
		out->tcp6 += count(s, INET_TCP, INET_AF_INET6);
		out->udp4 += count(s, INET_UDP, INET_AF_INET);
		out->udp6 += count(s, INET_UDP, INET_AF_INET6);
		out->raw4 += count(s, INET_RAW, INET_AF_INET);
		out->raw6 += count(s, INET_RAW, INET_AF_INET6);
		out->orphans += s->nr_orphans;
		inet_unlock(s);
	}
	out->tcp_pages = (u64)DIV_ROUND_UP(tcp_mem_bytes(c), (s64)PAGE_SIZE);
}
