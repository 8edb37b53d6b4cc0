/* SPDX-License-Identifier: MIT */
/*
 * Datagrams, sending: they are copied from the user into pages that packets then refer to (or,
 * small ones and ICMP's, into one block), and are on their way, or dropped, when the call returns.
 *
 * One from a UDP socket to another of this machine becomes no packet: what was copied from the
 * sender is put into the receiver's queue (deliver_here), unless somebody could tell: a packet
 * socket, a raw socket. A connected socket remembers the way to its peer until addresses,
 * interfaces or routes change.
 *
 * Limit: the send buffer does not bound datagrams that wait in an interface's queue; the
 * queue's length does. Over IPv6 a datagram has at most 65487 bytes.
 */
#include <kernel/lib/string.h>
#include <kernel/mm/iov_iter.h>
#include <net/inet/dgram.h>
#include <net/inet/route.h>
#include <net/net.h>
#include <net/port/port.h>
#include <lwip/icmp.h>
#include <lwip/prot/icmp6.h>
#include <lwip/raw.h>
#include <lwip/stats.h>
#include <lwip/udp.h>

#define BLOCK_MAX	128		/* up to here one to be sent is one block */
#define HEADER_BYTES	(ETH_HLEN + 28)	/* before a datagram on the loopback interface */
#define DGRAM_MAX	65507		/* 65535 less the headers of IPv4 and UDP */
/* and IPv6, whose length counts in a pbuf's 16 bits as well */
#define DGRAM6_MAX	65487

/* One block, with room for headers in front. */
static int make_block(struct iov_iter *from, u32 len, struct pbuf **out)
{
	struct pbuf *p = pbuf_alloc(PBUF_TRANSPORT, (u16_t)len, PBUF_RAM);

	if (!p)
		return -ENOMEM;
	if (copy_from_iter(p->payload, len, from) < len) {
		pbuf_free(p);
		return -EFAULT;
	}
	*out = p;
	return 0;
}

static int add_piece(struct inet_ep *ep, struct page **page, struct iov_iter *from, u32 left,
		     struct pbuf **chain)
{
	struct pbuf *q;
	u32 n;

	*page = inet_ep_open_page(ep, *page);
	if (!*page)
		return -ENOMEM;
	n = min_t(u32, left, PAGE_SIZE - ep->tx_fill);
	if (copy_from_iter((u8 *)page_address(*page) + ep->tx_fill, n, from) < n)
		return -EFAULT;
	q = port_page_pbuf(*page, ep->tx_fill, n, GFP_KERNEL);
	if (!q)
		return -ENOMEM;
	ep->tx_fill += n;
	if (*chain)
		pbuf_cat(*chain, q);
	else
		*chain = q;
	return (int)n;
}

static int make_pages(struct inet_ep *ep, struct iov_iter *from, u32 len, struct pbuf **out)
{
	struct page *page = inet_ep_take_page(ep);
	struct pbuf *chain = NULL;
	u32 done = 0;
	int n = 0;

	while (done < len && n >= 0) {
		n = add_piece(ep, &page, from, len - done, &chain);
		done += max(n, 0);
	}
	inet_ep_give_page(ep, page);
	if (n < 0 && chain)
		pbuf_free(chain);
	*out = chain;
	return n < 0 ? n : 0;
}

/* The identifier is the endpoint's "port", the checksum ours to make. */
static int prepare_echo(struct inet_ep *ep, struct pbuf *p)
{
	struct icmp_echo_hdr *h = p->payload;
	u8 request = ep->family == INET_AF_INET ? ICMP_ECHO : ICMP6_TYPE_EREQ;

	if (p->len < sizeof(*h) || h->type != request || h->code)
		return -EINVAL;
	h->id = ep->local.port;
	h->chksum = 0;
	if (ep->family == INET_AF_INET)
		h->chksum = (u16)~lwip_checksum(p->payload, p->len);
	return 0;
}

static int find_ends(struct inet_ep *ep, const struct inet_msg *msg, struct inet_way *w)
{
	const struct inet_addr *to = msg && msg->peer.family ? &msg->peer : &ep->peer;
	int err;

	if (!to->family)
		return -EDESTADDRREQ;
	if (!inet_to_ip(ep, to, &w->ip))
		return to->family == ep->family ? -ENETUNREACH : -EAFNOSUPPORT;
	if (ep->type == INET_UDP && !to->port)
		return -EINVAL;
	if (ip_addr_isany(&w->ip))
		inet_loopback_for(ep, &w->ip);
	w->port = net16(to->port);
	w->device = msg && msg->ifindex ? msg->ifindex : ep->device;
	if (!w->device && ip_addr_ismulticast(&w->ip))
		w->device = ep->mcast_if;
	if (inet_is_broadcast(&w->ip) && !ep->broadcast)
		return -EACCES;
	err = inet_source_for(&w->ip, w->device, &w->source);
	if (err)
		return err;
	if (msg && msg->local.family && !inet_addr_is_any(&msg->local))
		return inet_to_ip(ep, &msg->local, &w->source) ? 0 : -EINVAL;
	if (!inet_addr_is_any(&ep->local) && !inet_to_ip(ep, &ep->local, &w->source))
		return -EINVAL;
	/* Bound to a group: what it sends comes from an address of the interface. */
	if (ip_addr_ismulticast(&w->source))
		return inet_source_for(&w->ip, w->device, &w->source);
	return 0;
}

/* IPv6 addresses and routers also come and go by lwIP, which does not tell. */
static bool may_keep(const struct inet_way *w)
{
	return IP_IS_V4(&w->ip) || ip6_addr_isloopback(ip_2_ip6(&w->ip));
}

/* The peer's way is kept in the endpoint: w may point there. */
static int find_way(struct inet_ep *ep, const struct inet_msg *msg, struct inet_way *scratch,
		    struct inet_way **out)
{
	bool usual = !msg || (!msg->peer.family && !msg->ifindex && !msg->local.family);
	struct inet_way *w = usual ? &ep->way : scratch;
	int err;

	*out = w;
	if (usual && w->generation == ep->stack->generation)
		return 0;
	w->generation = 0;
	err = find_ends(ep, msg, w);
	if (!err)
		err = dgram_ep_bind_any(ep);
	if (err)
		return err;
	w->out = inet_route_for(&w->source, &w->ip, w->device);
	if (!w->out)
		return -ENETUNREACH;
	w->here = w->out == ep->stack->net->loopback->netif && inet_is_local(&w->ip) &&
		  !ip_addr_ismulticast(&w->ip) && !inet_is_broadcast(&w->ip);
	if (may_keep(w))
		w->generation = ep->stack->generation;
	return 0;
}

/*
 * To a socket of this machine, without a packet.
 * False: none is there, or the packet would be missed.
 */
static bool deliver_here(struct inet_ep *ep, struct pbuf *p, const struct inet_way *w)
{
	struct netdev *lo = ep->stack->net->loopback;
	struct inet_ep *to;
	struct dgram_arrival a = {
		.from = &w->source, .to = &w->ip, .port = net16(ep->local.port), .ttl = ep->ttl, .tos = ep->tos,
		.ifindex = lo->index,
	};

	if (!w->here || !list_empty(&ep->stack->eps[INET_RAW]) || netdev_is_watched(lo) ||
	    !(READ_ONCE(lo->flags) & IFF_UP))
		return false;
	to = port_receiver(ep->stack, &w->ip, w->port, &w->source, a.port, lo->index);
	/* A filter would look at the headers. */
	if (!to || to->filter)
		return false;
	MIB2_STATS_INC(mib2.udpoutdatagrams);
	MIB2_STATS_INC(mib2.udpindatagrams);
	netdev_count_looped(lo, p->tot_len + HEADER_BYTES);
	pbuf_ref(p);
	dgram_ep_receive(to, p, &a);
	return true;
}

static int send_packet(struct inet_ep *ep, struct pbuf *p, const struct inet_way *w)
{
	return port_errno(ep->type == INET_UDP ?
			  udp_sendto_if_src(ep->udp, p, &w->ip, w->port, w->out, &w->source) :
			  raw_sendto_if_src(ep->raw, p, &w->ip, w->out, &w->source));
}

/* With this datagram's own TTL or TOS. */
static int send_marked(struct inet_ep *ep, struct pbuf *p, const struct inet_way *w,
		       const struct inet_msg *msg)
{
	u8 ttl = ep->ttl, tos = ep->tos;
	int err;

	if (msg->ttl >= 0)
		ep->ttl = (u8)msg->ttl;
	if (msg->tos >= 0)
		ep->tos = (u8)msg->tos;
	dgram_ep_options(ep);
	err = send_packet(ep, p, w);
	ep->ttl = ttl;
	ep->tos = tos;
	dgram_ep_options(ep);
	return err;
}

static bool is_hdrincl(const struct inet_ep *ep)
{
	return ep->type == INET_RAW && ep->hdrincl;
}

/*
 * Must it go in one piece, and is it too large for the interface? Whoever asked for errors
 * is told the size.
 */
static int check_size(struct inet_ep *ep, const struct pbuf *p, const struct inet_way *w,
		      const struct inet_msg *msg)
{
	u32 len = p->tot_len, head = (IP_IS_V4_VAL(w->ip) ? IP_HLEN : IP6_HLEN) +
				     (ep->type == INET_UDP ? UDP_HLEN : 0);
	u8 want = IP_IS_V4_VAL(w->ip) ? RECVERR_V4 : RECVERR_V6;
	struct inet_error e = {
		.error = EMSGSIZE, .origin = INET_ORIGIN_LOCAL, .info = w->out->mtu,
	};

	if (head + len <= w->out->mtu)
		return 0;
	e.peer = msg && msg->peer.family ? msg->peer : ep->peer;
	/* As Linux: of IPv4 the connected peer's, of ICMPv6 type and code. */
	if (IP_IS_V4_VAL(w->ip))
		e.peer.port = ep->peer.port;
	else if (ep->protocol == IP6_NEXTH_ICMP6)
		memcpy(&e.peer.port, p->payload, sizeof(e.peer.port));
	if (ep->recverr & want)
		inet_error_queue(ep, &e, NULL);
	return -EMSGSIZE;
}

/* Lock held. */
static int send_locked(struct inet_ep *ep, struct pbuf *p, const struct inet_msg *msg)
{
	bool whole = ep->mtu_discover == INET_PMTU_DO || ep->mtu_discover == INET_PMTU_PROBE;
	struct inet_way scratch, *w;
	int err;

	if (ep->error)
		return -inet_take_error(ep);
	if (ep->shut & INET_SHUT_WR)
		return -EPIPE;
	err = find_way(ep, msg, &scratch, &w);
	if (!err && ep->type == INET_PING)
		err = prepare_echo(ep, p);
	if (err)
		return err;
	if (unlikely(whole) && !is_hdrincl(ep)) {
		err = check_size(ep, p, w, msg);
		if (err)
			return err;
		ep->stack->dont_fragment = true;
	}
	if (msg && (msg->ttl >= 0 || msg->tos >= 0))
		err = send_marked(ep, p, w, msg);
	else if (ep->type != INET_UDP || !deliver_here(ep, p, w))
		err = send_packet(ep, p, w);
	ep->stack->dont_fragment = false;
	return err;
}

ssize_t inet_dgram_send(struct inet_ep *ep, struct iov_iter *from, const struct inet_msg *msg)
{
	size_t len = iov_iter_count(from);
	struct pbuf *p = NULL;
	int err;

	if (!READ_ONCE(ep->peer.family) && !(msg && msg->peer.family))
		return -EDESTADDRREQ;
	if (len > (ep->family == INET_AF_INET6 ? DGRAM6_MAX : DGRAM_MAX))
		return -EMSGSIZE;
	if (ep->type != INET_UDP && ep->raw->chksum_reqd && len < ep->raw->chksum_offset + 2u)
		return -EINVAL;
	if (len <= BLOCK_MAX || ep->type != INET_UDP)
		err = make_block(from, (u32)len, &p);
	else
		err = make_pages(ep, from, (u32)len, &p);
	if (err)
		return err;
	inet_lock(ep->stack);
	err = send_locked(ep, p, msg);
	pbuf_free(p);
	inet_unlock(ep->stack);
	return err ? err : (ssize_t)len;
}
