/* SPDX-License-Identifier: MIT */
/*
 * TCP's own options, where lwIP has a constant: it asks here (net/port/hooks.h), with its lock
 * held.
 *
 * Nothing that was sent is acknowledged while it is retransmitted and nothing comes: how long
 * that has been going on is what TCP_USER_TIMEOUT bounds (RFC 5482), in lwIP's ticks of half a
 * second.
 *
 * Limit: TCP_USER_TIMEOUT does not keep a connection longer than lwIP's 12 retransmissions, nor
 * shorten keepalive; TCP_SYNCNT beyond 12 is 12. TCP_DEFER_ACCEPT does not keep a half-open connection
 * longer than lwIP does, 20 s.
 */
#include <net/inet/tcp.h>
#include <net/port/port.h>
#include <lwip/priv/tcp_priv.h>

#define SYN_RETRIES	6		/* as Linux's default */
#define FIN_WAIT_S	60
#define LINGER2_MAX_S	120
#define RTO_MAX_S	120u
#define ORPHAN_RETRIES	8		/* of who was closed, or probes of a shut window; as Linux */
#define MSS_MIN		88		/* what may be asked for; as Linux */
#define MSS_MAX		32767
#define MSS_USUAL	536		/* RFC 9293, 3.7.1 */

bool inet_tcp_gives_up(struct tcp_pcb *pcb)
{
	const struct inet_ep *ep = tcp_ep_of(pcb);
	u32 quiet_ms = (LWI(lwi_tcp_ticks) - pcb->tmr) * TCP_SLOW_INTERVAL;

	if (pcb->state == SYN_SENT && pcb->nrtx >= (ep && ep->syn_retries ? ep->syn_retries :
						    SYN_RETRIES))
		return true;
	if (ep && ep->orphan && max(pcb->nrtx, pcb->persist_probe) >= ORPHAN_RETRIES)
		return true;
	return ep && ep->user_timeout_ms && (pcb->nrtx || pcb->persist_probe) &&
	       quiet_ms >= ep->user_timeout_ms;
}

u32 inet_tcp_fin_wait_ms(struct tcp_pcb *pcb)
{
	const struct inet_ep *ep = tcp_ep_of(pcb);
	s32 s = ep ? ep->linger2_s : 0;

	return s < 0 ? 0 : (s ? (u32)s : FIN_WAIT_S) * 1000;
}

u16 inet_tcp_max_segment(struct tcp_pcb *pcb, u16 mss)
{
	const struct inet_ep *ep = tcp_ep_of(pcb);

	return ep && ep->maxseg ? min(mss, ep->maxseg) : mss;
}

void tcp_ep_inherit(struct inet_ep *ep, const struct inet_ep *listener)
{
	ep->user_timeout_ms = listener->user_timeout_ms;
	ep->linger2_s = listener->linger2_s;
	ep->maxseg = listener->maxseg;
}

/* What waits to be acknowledged is, at once; and what comes next without delay, or with. */
static void set_quickack(struct inet_ep *ep, bool quick)
{
	ep->pingpong = !quick;
	if (!quick || !ep->pcb || !ep->connected || !(ep->tcp->flags & TF_ACK_DELAY))
		return;
	tcp_ack_now(ep->tcp);
	(void)tcp_output(ep->tcp);
}

/* When a SYN|ACK has been sent again n times, in seconds. */
static u32 seconds_of(u32 n)
{
	u32 s = 0;

	for (u32 i = 0; i < n; i++)
		s += min(1u << min(i, 7u), RTO_MAX_S);
	return s;
}

/* The first of these times that is late enough. */
static u8 retries_in(s32 seconds)
{
	u8 n = 0;

	while (n < 255 && seconds > (s32)seconds_of(n))
		n++;
	return n;
}

int tcp_ep_set_opt(struct inet_ep *ep, enum inet_opt opt, u32 v)
{
	switch (opt) {
	case INET_OPT_USER_TIMEOUT:
		ep->user_timeout_ms = v;
		return 0;
	case INET_OPT_SYNCNT:
		if (v < 1 || v > 127)
			return -EINVAL;
		ep->syn_retries = (u8)v;
		return 0;
	case INET_OPT_LINGER2:
		ep->linger2_s = (s32)v < 0 ? -1 : (s16)min(v, LINGER2_MAX_S + 0u);
		return 0;
	case INET_OPT_MAXSEG:
		if (v && (v < MSS_MIN || v > MSS_MAX))
			return -EINVAL;
		ep->maxseg = (u16)v;
		return 0;
	case INET_OPT_DEFER_ACCEPT:
		ep->defer_accept = retries_in((s32)v);
		return 0;
	case INET_OPT_QUICKACK:
		set_quickack(ep, v);
		return 0;
	case INET_OPT_OOBINLINE:
		ep->oob_inline = v;
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}

int tcp_ep_get_opt(const struct inet_ep *ep, enum inet_opt opt, u32 *v)
{
	switch (opt) {
	case INET_OPT_USER_TIMEOUT:
		*v = ep->user_timeout_ms;
		return 0;
	case INET_OPT_SYNCNT:
		*v = ep->syn_retries ? ep->syn_retries : SYN_RETRIES;
		return 0;
	case INET_OPT_LINGER2:
		*v = ep->linger2_s ? (u32)(s32)ep->linger2_s : FIN_WAIT_S;
		return 0;
	case INET_OPT_MAXSEG:
		*v = ep->pcb && ep->connected ? ep->tcp->mss : ep->maxseg ? ep->maxseg : MSS_USUAL;
		return 0;
	case INET_OPT_DEFER_ACCEPT:
		*v = seconds_of(ep->defer_accept);
		return 0;
	case INET_OPT_QUICKACK:
		*v = !ep->pingpong;
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}
