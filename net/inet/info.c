/* SPDX-License-Identifier: MIT */
/* What is told of endpoints and of the stack: TCP_INFO, ss, /proc/net. */
#include <kernel/lib/string.h>
#include <net/inet/ep.h>
#include <net/port/port.h>
#include <lwip/priv/tcp_priv.h>
#include <lwip/stats.h>
#include <lwip/tcp.h>

#define SLOW_MS		TCP_SLOW_INTERVAL	/* lwIP counts retransmission time in these */

static enum inet_tcp_state state_of(enum tcp_state s)
{
	static const u8 states[] = {
		[CLOSED] = INET_CLOSED, [LISTEN] = INET_LISTENING, [SYN_SENT] = INET_SYN_SENT,
		[SYN_RCVD] = INET_SYN_RECV, [ESTABLISHED] = INET_ESTABLISHED, [FIN_WAIT_1] = INET_FIN_WAIT1,
		[FIN_WAIT_2] = INET_FIN_WAIT2, [CLOSE_WAIT] = INET_CLOSE_WAIT, [CLOSING] = INET_CLOSING,
		[LAST_ACK] = INET_LAST_ACK, [TIME_WAIT] = INET_TIME_WAIT,
	};

	return states[s];
}

enum inet_tcp_state inet_tcp_state(const struct inet_ep *ep)
{
	struct inet_ep *e = (struct inet_ep *)ep;
	enum inet_tcp_state state = INET_CLOSED;

	inet_lock(e->stack);
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
	out->rx_queue = ep->rx_bytes;
	out->tx_queue = ep->tx_bytes;
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
		.owner = ep->owner, .drops = ep->drops,
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
	inet_lock(ep->stack);
	fill(ep, out);
	inet_unlock(ep->stack);
}

void inet_for_each(struct net *net, enum inet_type type, void (*fn)(const struct inet_info *info, void *arg),
		   void *arg)
{
	struct inet_stack *s = net->inet;
	struct inet_ep *ep;
	struct inet_info info;

	inet_lock(s);
	list_for_each(ep, &s->eps[type], node) {
		fill(ep, &info);
		fn(&info, arg);
	}
	inet_unlock(s);
}

static u64 established(struct inet_stack *s)
{
	const struct tcp_pcb *pcb;
	u64 n = 0;

	for (pcb = LWI(lwi_tcp_active_pcbs); pcb; pcb = pcb->next)
		n += pcb->state == ESTABLISHED || pcb->state == CLOSE_WAIT;
	return n;
}

static void count_ip(const struct stats_ *l, struct inet_counters *out)
{
	out->ip_in = l->mib2.ipinreceives;
	out->ip_in_hdr_errors = l->mib2.ipinhdrerrors;
	out->ip_in_addr_errors = l->mib2.ipinaddrerrors;
	out->ip_in_discards = l->mib2.ipindiscards;
	out->ip_in_delivers = l->mib2.ipindelivers;
	out->ip_out = l->mib2.ipoutrequests;
	out->ip_out_discards = l->mib2.ipoutdiscards;
	out->ip_out_no_routes = l->mib2.ipoutnoroutes;
	out->ip_reasm_reqds = l->mib2.ipreasmreqds;
	out->ip_reasm_oks = l->mib2.ipreasmoks;
	out->ip_reasm_fails = l->mib2.ipreasmfails;
	out->ip_frag_oks = l->mib2.ipfragoks;
	out->ip_frag_fails = l->mib2.ipfragfails;
	out->ip_frag_creates = l->mib2.ipfragcreates;
	out->icmp_in = l->mib2.icmpinmsgs;
	out->icmp_in_errors = l->mib2.icmpinerrors;
	out->icmp_out = l->mib2.icmpoutmsgs;
}

static void count_transport(const struct stats_ *l, struct inet_counters *out)
{
	out->tcp_active_opens = l->mib2.tcpactiveopens;
	out->tcp_passive_opens = l->mib2.tcppassiveopens;
	out->tcp_attempt_fails = l->mib2.tcpattemptfails;
	out->tcp_estab_resets = l->mib2.tcpestabresets;
	out->tcp_in = l->mib2.tcpinsegs;
	out->tcp_out = l->mib2.tcpoutsegs;
	out->tcp_retrans = l->mib2.tcpretranssegs;
	out->tcp_in_errs = l->mib2.tcpinerrs;
	out->tcp_out_rsts = l->mib2.tcpoutrsts;
	out->udp_in = l->mib2.udpindatagrams;
	out->udp_no_ports = l->mib2.udpnoports;
	out->udp_in_errors = l->mib2.udpinerrors;
	out->udp_out = l->mib2.udpoutdatagrams;
}

/* lwIP's are 32 bits wide: they begin again at 2^32. */
void inet_counters(struct net *net, struct inet_counters *out)
{
	struct inet_stack *s = net->inet;

	*out = (struct inet_counters){ 0 };
	inet_lock(s);
	count_ip(&LWI(lwi_lwip_stats), out);
	count_transport(&LWI(lwi_lwip_stats), out);
	out->tcp_curr_estab = established(s);
	out->tcp_listen_overflows = s->listen_overflows;
	out->tcp_listen_drops = s->listen_drops;
	out->udp_rcvbuf_errors = s->rcvbuf_errors;
	inet_unlock(s);
}
