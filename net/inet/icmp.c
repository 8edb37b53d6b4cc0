/* SPDX-License-Identifier: MIT */
/*
 * ICMP errors: a packet of ours did not arrive. lwIP takes no notice of them; here the endpoint
 * that sent it is found by the headers that the error quotes, and told.
 *
 *   UDP, raw, ping  only with a peer, and only errors that are there to stay (RFC 1122,
 *                   4.1.3.3); with INET_OPT_RECVERR all, in the error queue (errqueue.c)
 *   TCP             only while it connects, and if the sequence number quoted is that of its SYN:
 *   for
 *                   who cannot know that, ends no connection
 *
 * Limit: TCP has no error queue and keeps no soft error; a smaller path MTU is told, not kept.
 */
#include <kernel/lib/string.h>
#include <net/inet/ep.h>
#include <net/inet/icmp.h>
#include <net/port/port.h>
#include <lwip/prot/icmp.h>
#include <lwip/prot/icmp6.h>
#include <lwip/prot/udp.h>
#include <lwip/priv/tcp_priv.h>
#include <lwip/tcp.h>

/* bytes of the error that are looked at; routers send no more (RFC 1812) */
#define QUOTED_MAX	576

/* By code of "destination unreachable": errno, and whether it is there to stay. */
static const struct { u8 error; bool fatal; } codes4[] = {
	{ ENETUNREACH, false }, { EHOSTUNREACH, false }, { ENOPROTOOPT, true }, { ECONNREFUSED, true },
	{ EMSGSIZE, false }, { EOPNOTSUPP, false }, { ENETUNREACH, true }, { EHOSTDOWN, true },
	{ ENONET, true }, { ENETUNREACH, true }, { EHOSTUNREACH, true }, { ENETUNREACH, false },
	{ EHOSTUNREACH, false }, { EHOSTUNREACH, true }, { EHOSTUNREACH, true }, { EHOSTUNREACH, true },
}, codes6[] = {
	{ ENETUNREACH, false }, { EACCES, true }, { EHOSTUNREACH, false }, { EHOSTUNREACH, false },
	{ ECONNREFUSED, true }, { EACCES, true }, { EACCES, true },
};

/* What the error says of the packet that was ours. */
struct quoted {
	u16 family;
	u8 protocol;
	u8 local[16], peer[16];
	u16 local_port, peer_port;	/* network byte order */
	u16 echo_id;			/* of an ICMP echo request; network byte order */
	u32 seq;
	int error;
	bool fatal;
	u8 type, code;			/* of the error */
	u32 mtu;			/* that the packet was too large for; 0: something else */
	u8 from[16], to[16];		/* the error's own addresses */
	u8 ttl, tos;
	const u8 *data;			/* what is quoted behind the IP header */
	u32 len;
};

static u16 word_at(const u8 *p)
{
	u16 w;

	memcpy(&w, p, 2);
	return w;
}

static bool parse_ports(struct quoted *q, const u8 *p, u32 len)
{
	u32 seq;

	if (len < 8)
		return false;
	q->data = p;
	q->len = len;
	q->echo_id = word_at(p + 4);
	q->local_port = word_at(p);
	q->peer_port = word_at(p + 2);
	memcpy(&seq, p + 4, 4);
	q->seq = net32(seq);
	return true;
}

static u32 long_at(const u8 *p)
{
	return (u32)net16(word_at(p)) << 16 | net16(word_at(p + 2));
}

/* What a type and code of ICMP mean. False: it is no error, or an unknown one. */
static bool judge4(struct quoted *q, const u8 *icmp)
{
	switch (icmp[0]) {
	case ICMP_DUR:
		if (icmp[1] >= ARRAY_SIZE(codes4))
			return false;
		q->error = codes4[icmp[1]].error;
		q->fatal = codes4[icmp[1]].fatal;
		if (q->error == EMSGSIZE)
			q->mtu = net16(word_at(icmp + 6));
		return true;
	case ICMP_TE:
		q->error = EHOSTUNREACH;
		return true;
	case ICMP_PP:
		q->error = EPROTO;
		q->fatal = true;
		return true;
	default:
		return false;
	}
}

static bool judge6(struct quoted *q, const u8 *icmp)
{
	switch (icmp[0]) {
	case ICMP6_TYPE_DUR:
		if (icmp[1] >= ARRAY_SIZE(codes6))
			return false;
		q->error = codes6[icmp[1]].error;
		q->fatal = codes6[icmp[1]].fatal;
		return true;
	case ICMP6_TYPE_PTB:
		q->error = EMSGSIZE;
		q->mtu = long_at(icmp + 4);
		return true;
	case ICMP6_TYPE_TE:
		q->error = EHOSTUNREACH;
		return true;
	case ICMP6_TYPE_PP:
		q->error = EPROTO;
		q->fatal = true;
		return true;
	default:
		return false;
	}
}

static bool parse4(struct quoted *q, const u8 *p, u32 len)
{
	u32 header = (p[0] & 15) * 4u, inner;
	const u8 *icmp = p + header, *ip = icmp + 8;

	if (len < header + 8 + 20 || !judge4(q, icmp))
		return false;
	q->family = INET_AF_INET;
	q->type = icmp[0];
	q->code = icmp[1];
	q->ttl = p[8];
	q->tos = p[1];
	memcpy(q->from, p + 12, 4);
	memcpy(q->to, p + 16, 4);
	inner = (ip[0] & 15) * 4u;
	q->protocol = ip[9];
	memcpy(q->local, ip + 12, 4);
	memcpy(q->peer, ip + 16, 4);
	return len >= header + 8 + inner && parse_ports(q, ip + inner, len - header - 8 - inner);
}

static bool parse6(struct quoted *q, const u8 *p, u32 len)
{
	const u8 *icmp = p + 40, *ip = icmp + 8;

	if (len < 40 + 8 + 40 || !judge6(q, icmp))
		return false;
	q->family = INET_AF_INET6;
	q->type = icmp[0];
	q->code = icmp[1];
	q->ttl = p[7];
	q->tos = (u8)(p[0] << 4 | p[1] >> 4);
	memcpy(q->from, p + 8, 16);
	memcpy(q->to, p + 24, 16);
	q->protocol = ip[6];
	memcpy(q->local, ip + 8, 16);
	memcpy(q->peer, ip + 24, 16);
	return parse_ports(q, ip + 40, len - 40 - 8 - 40);
}

/* The quoted address is that one? An IPv6 endpoint may have an IPv4 peer. */
static bool is_address(const struct quoted *q, const u8 *address, const struct inet_addr *a)
{
	if (q->family == INET_AF_INET6)
		return a->family == INET_AF_INET6 && !memcmp(a->v6, address, 16);
	if (a->family == INET_AF_INET6)
		return inet_addr_is_mapped(a) && !memcmp(a->v6 + 12, address, 4);
	return !memcmp(a->v4, address, 4);
}

static bool wants_errors(const struct inet_ep *ep, const struct quoted *q)
{
	return ep->recverr & (q->family == INET_AF_INET ? RECVERR_V4 : RECVERR_V6);
}

static bool is_its_packet(const struct inet_ep *ep, const struct quoted *q)
{
	if (!ep->pcb || (ep->peer.family ? !is_address(q, q->peer, &ep->peer) :
			 !wants_errors(ep, q)))
		return false;
	if (!inet_addr_is_any(&ep->local) && !is_address(q, q->local, &ep->local))
		return false;
	if (ep->type == INET_RAW)
		return ep->protocol == q->protocol;
	if (ep->type == INET_PING)
		return ep->protocol == q->protocol && ep->local.port == q->echo_id;
	return ep->local.port == q->local_port &&
	       (!ep->peer.family || ep->peer.port == q->peer_port);
}

static void tell_tcp(struct inet_ep *ep, const struct quoted *q)
{
	struct tcp_pcb *pcb = ep->tcp;

	if (!ep->connecting || pcb->state != SYN_SENT || q->seq != pcb->lastack)
		return;
	ep->connecting = false;
	inet_fire(ep, INET_EV_CONNECT);
	inet_ep_fail(ep, q->error);
	tcp_err(pcb, NULL);
	tcp_abandon(pcb, 0);
}

/* An address of the quotation as the endpoint sees it. */
static struct inet_addr address_for(const struct inet_ep *ep, const struct quoted *q,
				    const u8 *address, u16 port)
{
	struct inet_addr a = { .family = ep->family, .port = port };

	if (q->family == ep->family) {
		memcpy(a.v6, address, q->family == INET_AF_INET ? 4 : 16);
	} else {
		memset(a.v6 + 10, 0xff, 2);
		memcpy(a.v6 + 12, address, 4);
	}
	return a;
}

static void queue_error(struct inet_ep *ep, const struct quoted *q, const struct pkt *pkt)
{
	u32 head = ep->type == INET_UDP ? UDP_HLEN : 0;
	struct inet_error e = {
		.error = q->error, .type = q->type, .code = q->code, .info = q->mtu,
		.length = q->len - head,
		.origin = q->family == INET_AF_INET ? INET_ORIGIN_ICMP : INET_ORIGIN_ICMP6,
		.peer = address_for(ep, q, q->peer, ep->type == INET_UDP ? q->peer_port : 0),
		.offender = address_for(ep, q, q->from, 0),
	};

	e.msg.local = address_for(ep, q, q->to, 0);
	e.msg.ifindex = pkt->dev->index;
	e.msg.ttl = q->ttl;
	e.msg.tos = q->tos;
	inet_error_queue(ep, &e, q->data + head);
}

static void tell_dgram(struct inet_ep *ep, const struct quoted *q, const struct pkt *pkt)
{
	if (wants_errors(ep, q))
		queue_error(ep, q, pkt);
	else if (!q->fatal)
		return;
	inet_ep_fail(ep, q->error);
}

/* One connection or UDP socket has sent it; of raw and echo sockets it may be any that fits. */
static void tell_type(struct inet_stack *s, enum inet_type type, const struct quoted *q,
		      const struct pkt *pkt)
{
	struct inet_ep *ep;

	list_for_each(ep, &s->eps[type], node) {
		if (!is_its_packet(ep, q))
			continue;
		if (type == INET_TCP)
			tell_tcp(ep, q);
		else
			tell_dgram(ep, q, pkt);
		if (type == INET_TCP || type == INET_UDP)
			return;
	}
}

/* Whose the connection is; another's hears of it by a copy. */
static struct inet_stack *shard_of(struct inet_stack *s, const struct quoted *q)
{
	u32 local, peer;

	if (q->family != INET_AF_INET)
		return s;
	memcpy(&local, q->local, 4);
	memcpy(&peer, q->peer, 4);
	return inet_shard_of4(s->common, local, net16(q->local_port), peer, net16(q->peer_port));
}

static void tell_connection(struct inet_stack *s, const struct quoted *q, const struct pkt *pkt)
{
	struct inet_stack *to = shard_of(s, q);
	struct pkt *copy;

	if (likely(to == s)) {
		tell_type(s, INET_TCP, q, pkt);
		return;
	}
	copy = pkt_clone(pkt, GFP_ATOMIC | GFP_NOWARN);
	if (copy)
		inet_pass(to, copy);
}

static void tell(struct inet_stack *s, const struct quoted *q, const struct pkt *pkt)
{
	switch (q->protocol) {
	case IP_PROTO_TCP:
		tell_connection(s, q, pkt);
		break;
	case IP_PROTO_UDP:
		tell_type(s, INET_UDP, q, pkt);
		break;
	case IP_PROTO_ICMP:
	case IP6_NEXTH_ICMP6:
		tell_type(s, INET_PING, q, pkt);
	}
	tell_type(s, INET_RAW, q, pkt);
}

/*
 * A damaged error must not end anything; one that is
 * not in one piece (none is so long) is not believed.
 */
static bool is_whole4(const struct pkt *pkt)
{
	u32 header = (pkt->data[0] & 15) * 4u, len = net16(word_at(pkt->data + 2));

	if (pkt->flags & PKT_CSUM_VALID)
		return true;
	return len >= header && len <= pkt->linear &&
	       lwip_checksum(pkt->data + header, (int)(len - header)) == 0xffff;
}

/* With the pseudo header (RFC 8200, 8.1). */
static bool is_whole6(const struct pkt *pkt)
{
	u32 len = net16(word_at(pkt->data + 4)), sum;

	if (pkt->flags & PKT_CSUM_VALID)
		return true;
	if (len + 40 > pkt->linear)
		return false;
	sum = lwip_checksum(pkt->data + 8, 32) + net16((u16)len) + net16(IP6_NEXTH_ICMP6);
	sum += lwip_checksum(pkt->data + 40, (int)len);
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16) == 0xffff;
}

void inet_icmp_error(struct inet_stack *s, const struct pkt *pkt)
{
	u32 len = min(pkt->linear, QUOTED_MAX + 0u);
	struct quoted q = { 0 };

	if (pkt->protocol == ETH_P_IP) {
		if (pkt->data[9] == IP_PROTO_ICMP && parse4(&q, pkt->data, len) && is_whole4(pkt))
			tell(s, &q, pkt);
	} else if (pkt->data[6] == IP6_NEXTH_ICMP6 && parse6(&q, pkt->data, len) &&
		   is_whole6(pkt)) {
		tell(s, &q, pkt);
	}
}
