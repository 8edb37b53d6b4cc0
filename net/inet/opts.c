/* SPDX-License-Identifier: MIT */
/*
 * Options of endpoints. Kept in the endpoint, given to its control block from there.
 *
 * Limit: path MTUs are not discovered: INET_PMTU_WANT sends as INET_PMTU_DONT does.
 */
#include <net/inet/ep.h>
#include <net/port/port.h>
#include <lwip/tcp.h>

#define RCVBUF_MIN	2304		/* as Linux */
#define SNDBUF_MIN	4608
#define BUF_MAX		(0xffffu << TCP_RCV_SCALE)

static void apply(struct inet_ep *ep)
{
	if (!ep->pcb)
		return;
	if (ep->type == INET_TCP)
		tcp_ep_options(ep);
	else
		dgram_ep_options(ep);
}

/*
 * A larger receive buffer opens the window by the
 * difference; a smaller one counts from the next byte on.
 */
static void set_rcvbuf(struct inet_ep *ep, u32 bytes)
{
	u32 old = ep->rcvbuf;

	ep->rcvbuf = clamp(bytes, RCVBUF_MIN + 0u, BUF_MAX);
	if (ep->type != INET_TCP || !ep->pcb || !ep->connected)
		return;
	if (ep->twin)
		tcp_splice_read(ep);
	else if (ep->rcvbuf > old)
		tcp_ep_open_window(ep, ep->rcvbuf - old);
}

static int set_common(struct inet_ep *ep, enum inet_opt opt, u32 v)
{
	switch (opt) {
	case INET_OPT_RCVBUF:
		set_rcvbuf(ep, v);
		return 0;
	case INET_OPT_SNDBUF:
		ep->sndbuf = clamp(v, SNDBUF_MIN + 0u, BUF_MAX);
		return 0;
	case INET_OPT_REUSEADDR:
		ep->reuse_addr = v;
		return 0;
	case INET_OPT_REUSEPORT:
		ep->reuse_port = v;
		return 0;
	case INET_OPT_INCOMING_CPU:
		ep->incoming_cpu = (s32)v;
		return 0;
	case INET_OPT_BROADCAST:
		ep->broadcast = v;
		return 0;
	case INET_OPT_STAMP:
		ep->stamp = v;
		return 0;
	case INET_OPT_DEVICE:
		if (v && !netif_get_by_index((u8_t)v))
			return -ENODEV;
		ep->device = v;
		return 0;
	case INET_OPT_V6ONLY:
		if (ep->family != INET_AF_INET6)
			return -ENOPROTOOPT;
		if (ep->port)
			return -EINVAL;
		ep->v6only = v;
		return 0;
	case INET_OPT_TTL:
		if (!v || v > 255)
			return -EINVAL;
		ep->ttl = (u8)v;
		return 0;
	case INET_OPT_TOS:
		if (v > 255)
			return -EINVAL;
		ep->tos = (u8)v;
		return 0;
	case INET_OPT_MTU_DISCOVER:
		if (v > INET_PMTU_OMIT)
			return -EINVAL;
		ep->mtu_discover = (u8)v;
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}

/* Who wants no errors any more gets none of those that wait. */
static void set_recverr(struct inet_ep *ep, u8 which, bool on)
{
	ep->recverr = on ? ep->recverr | which : ep->recverr & ~which;
	if (!on)
		inet_errors_drop(ep);
}

static int set_dgram(struct inet_ep *ep, enum inet_opt opt, u32 v)
{
	switch (opt) {
	case INET_OPT_MCAST_TTL:
		if (v > 255)
			return -EINVAL;
		ep->mcast_ttl = (u8)v;
		return 0;
	case INET_OPT_MCAST_LOOP:
		ep->mcast_loop = v;
		return 0;
	case INET_OPT_MCAST_IF:
		if (v && !netif_get_by_index((u8_t)v))
			return -EADDRNOTAVAIL;
		ep->mcast_if = v;
		return 0;
	case INET_OPT_HDRINCL:
		if (ep->type != INET_RAW || ep->family != INET_AF_INET)
			return -ENOPROTOOPT;
		ep->hdrincl = v;
		return 0;
	case INET_OPT_RECVERR:
		set_recverr(ep, RECVERR_V4, v);
		return 0;
	case INET_OPT_RECVERR6:
		set_recverr(ep, RECVERR_V6, v);
		return 0;
	default:
		return set_common(ep, opt, v);
	}
}

static int set_tcp(struct inet_ep *ep, enum inet_opt opt, u32 v)
{
	switch (opt) {
	case INET_OPT_NODELAY:
		ep->nodelay = v;
		return 0;
	case INET_OPT_CORK:
		ep->cork = v;
		return 0;
	case INET_OPT_KEEPALIVE:
		ep->keepalive = v;
		return 0;
	case INET_OPT_KEEPIDLE:
		if (v < 1 || v > 32767)
			return -EINVAL;
		ep->keep_idle_s = (u16)v;
		return 0;
	case INET_OPT_KEEPINTVL:
		if (v < 1 || v > 32767)
			return -EINVAL;
		ep->keep_intvl_s = (u16)v;
		return 0;
	case INET_OPT_KEEPCNT:
		if (v < 1 || v > 127)
			return -EINVAL;
		ep->keep_cnt = (u8)v;
		return 0;
	case INET_OPT_MCAST_TTL:
	case INET_OPT_MCAST_LOOP:
	case INET_OPT_MCAST_IF:
		/* Linux lets TCP sockets have them; they mean nothing there. */
		return set_dgram(ep, opt, v);
	case INET_OPT_USER_TIMEOUT:
	case INET_OPT_SYNCNT:
	case INET_OPT_LINGER2:
	case INET_OPT_MAXSEG:
	case INET_OPT_DEFER_ACCEPT:
	case INET_OPT_QUICKACK:
	case INET_OPT_OOBINLINE:
		return tcp_ep_set_opt(ep, opt, v);
	default:
		return set_common(ep, opt, v);
	}
}

int inet_set_opt(struct inet_ep *ep, enum inet_opt opt, u32 value)
{
	int err;

	inet_ep_lock(ep);
	err = ep->type == INET_TCP ? set_tcp(ep, opt, value) : set_dgram(ep, opt, value);
	if (!err)
		apply(ep);
	if (ep->type != INET_TCP)
		ep->way.generation = 0;
	/* What was held back may go. */
	if (!err && ep->type == INET_TCP && ep->pcb && ep->connected &&
	    (opt == INET_OPT_NODELAY || (opt == INET_OPT_CORK && !value)))
		tcp_output(ep->tcp);
	inet_unlock(ep->stack);
	return err;
}

struct bpf_program *inet_set_filter(struct inet_ep *ep, struct bpf_program *filter)
{
	struct bpf_program *old;

	inet_ep_lock(ep);
	old = ep->filter;
	ep->filter = filter;
	inet_unlock(ep->stack);
	return old;
}

static int get_tcp(struct inet_ep *ep, enum inet_opt opt, u32 *v)
{
	switch (opt) {
	case INET_OPT_NODELAY:
		*v = ep->nodelay;
		return 0;
	case INET_OPT_CORK:
		*v = ep->cork;
		return 0;
	case INET_OPT_KEEPALIVE:
		*v = ep->keepalive;
		return 0;
	case INET_OPT_KEEPIDLE:
		*v = ep->keep_idle_s;
		return 0;
	case INET_OPT_KEEPINTVL:
		*v = ep->keep_intvl_s;
		return 0;
	case INET_OPT_KEEPCNT:
		*v = ep->keep_cnt;
		return 0;
	default:
		return tcp_ep_get_opt(ep, opt, v);
	}
}

static int get_common(struct inet_ep *ep, enum inet_opt opt, u32 *v)
{
	switch (opt) {
	case INET_OPT_RCVBUF:
		*v = ep->rcvbuf;
		return 0;
	case INET_OPT_SNDBUF:
		*v = ep->sndbuf;
		return 0;
	case INET_OPT_REUSEADDR:
		*v = ep->reuse_addr;
		return 0;
	case INET_OPT_REUSEPORT:
		*v = ep->reuse_port;
		return 0;
	case INET_OPT_BROADCAST:
		*v = ep->broadcast;
		return 0;
	case INET_OPT_STAMP:
		*v = ep->stamp;
		return 0;
	case INET_OPT_DEVICE:
		*v = ep->device;
		return 0;
	case INET_OPT_V6ONLY:
		*v = ep->v6only;
		return ep->family == INET_AF_INET6 ? 0 : -ENOPROTOOPT;
	case INET_OPT_TTL:
		*v = ep->ttl;
		return 0;
	case INET_OPT_TOS:
		*v = ep->tos;
		return 0;
	case INET_OPT_MTU_DISCOVER:
		*v = ep->mtu_discover;
		return 0;
	case INET_OPT_INCOMING_CPU:
		*v = (u32)ep->incoming_cpu;
		return 0;
	case INET_OPT_MCAST_TTL:
		*v = ep->mcast_ttl;
		return 0;
	case INET_OPT_MCAST_LOOP:
		*v = ep->mcast_loop;
		return 0;
	case INET_OPT_MCAST_IF:
		*v = ep->mcast_if;
		return 0;
	case INET_OPT_HDRINCL:
		*v = ep->hdrincl;
		return ep->type == INET_RAW ? 0 : -ENOPROTOOPT;
	default:
		return ep->type == INET_TCP ? get_tcp(ep, opt, v) : -ENOPROTOOPT;
	}
}

int inet_get_opt(struct inet_ep *ep, enum inet_opt opt, u32 *value)
{
	int err;

	inet_ep_lock(ep);
	err = get_common(ep, opt, value);
	inet_unlock(ep->stack);
	return err;
}
