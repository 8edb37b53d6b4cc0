/* SPDX-License-Identifier: MIT */
/*
 * ICMP errors: a packet of ours did not arrive. lwIP takes no notice of them; here the endpoint
 * that sent it is found by the headers that the error quotes, and told.
 *
 *   UDP, raw, ping  only with a peer, and only errors that are there to stay (RFC 1122, 4.1.3.3)
 *   TCP             only while it connects, and if the sequence number quoted is that of its SYN: for
 *                   who cannot know that, ends no connection
 *
 * Limit: IP_RECVERR and the error queue are not there, and TCP keeps no soft error.
 */
#include <kernel/lib/string.h>
#include <net/inet/ep.h>
#include <net/inet/icmp.h>
#include <net/port/port.h>
#include <lwip/priv/tcp_priv.h>
#include <lwip/tcp.h>

#define QUOTED_MAX	128		/* bytes of the error that are looked at */

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
	u32 seq;
	int error;
	bool fatal;
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
	q->local_port = word_at(p);
	q->peer_port = word_at(p + 2);
	memcpy(&seq, p + 4, 4);
	q->seq = net32(seq);
	return true;
}

static bool parse4(struct quoted *q, const u8 *p, u32 len)
{
	u32 header = (p[0] & 15) * 4u, inner;
	const u8 *icmp = p + header, *ip = icmp + 8;

	if (len < header + 8 + 20 || icmp[0] != 3 || icmp[1] >= ARRAY_SIZE(codes4))
		return false;
	q->family = INET_AF_INET;
	q->error = codes4[icmp[1]].error;
	q->fatal = codes4[icmp[1]].fatal;
	inner = (ip[0] & 15) * 4u;
	q->protocol = ip[9];
	memcpy(q->local, ip + 12, 4);
	memcpy(q->peer, ip + 16, 4);
	return len >= header + 8 + inner && parse_ports(q, ip + inner, len - header - 8 - inner);
}

static bool parse6(struct quoted *q, const u8 *p, u32 len)
{
	const u8 *icmp = p + 40, *ip = icmp + 8;

	if (len < 40 + 8 + 40 || icmp[0] != 1 || icmp[1] >= ARRAY_SIZE(codes6))
		return false;
	q->family = INET_AF_INET6;
	q->error = codes6[icmp[1]].error;
	q->fatal = codes6[icmp[1]].fatal;
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

static bool is_its_packet(const struct inet_ep *ep, const struct quoted *q)
{
	if (!ep->peer.family || !ep->pcb || !is_address(q, q->peer, &ep->peer))
		return false;
	if (!inet_addr_is_any(&ep->local) && !is_address(q, q->local, &ep->local))
		return false;
	if (ep->type == INET_RAW)
		return ep->protocol == q->protocol;
	return ep->local.port == q->local_port && ep->peer.port == q->peer_port;
}

static void tell_tcp(struct inet_ep *ep, const struct quoted *q)
{
	struct tcp_pcb *pcb = ep->tcp;

	if (!ep->connecting || pcb->state != SYN_SENT || q->seq != pcb->lastack + 1)
		return;
	ep->connecting = false;
	inet_fire(ep, INET_EV_CONNECT);
	inet_ep_fail(ep, q->error);
	tcp_err(pcb, NULL);
	tcp_abandon(pcb, 0);
}

static void tell(struct inet_stack *s, const struct quoted *q)
{
	enum inet_type type = q->protocol == IP_PROTO_TCP ? INET_TCP :
			      q->protocol == IP_PROTO_UDP ? INET_UDP : INET_RAW;
	struct inet_ep *ep;

	list_for_each(ep, &s->eps[type], node) {
		if (!is_its_packet(ep, q))
			continue;
		if (type == INET_TCP)
			tell_tcp(ep, q);
		else if (q->fatal)
			inet_ep_fail(ep, q->error);
		return;
	}
}

/* A damaged error must not end anything; one that is not in one piece (none is so long) is not believed. */
static bool is_whole4(const struct pkt *pkt)
{
	u32 header = (pkt->data[0] & 15) * 4u, len = net16(word_at(pkt->data + 2));

	if (pkt->flags & PKT_CSUM_VALID)
		return true;
	return len >= header && len <= pkt->linear && lwip_checksum(pkt->data + header, (int)(len - header)) == 0xffff;
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
			tell(s, &q);
	} else if (pkt->data[6] == IP6_NEXTH_ICMP6 && parse6(&q, pkt->data, len) && is_whole6(pkt)) {
		tell(s, &q);
	}
}
