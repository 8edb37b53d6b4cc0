/* SPDX-License-Identifier: MIT */
/*
 * Datagrams: UDP, ping sockets (ICMP echo), raw IP.
 *
 * Received ones wait in the endpoint's queue, charged with their size and OVERHEAD
 * against its buffer; what does not fit is dropped. A small one is copied out of the
 * device's buffer, which may be far larger.
 *
 * Those to be sent are copied from the user into pages that packets then refer to (or,
 * small ones and ICMP's, into one block), and are on their way, or dropped, when the call returns.
 *
 * Limit: the send buffer does not bound datagrams that wait in an interface's queue; the
 * queue's length does. Over IPv6 a datagram has at most 65487 bytes.
 */
#include <kernel/lib/string.h>
#include <kernel/mm/iov_iter.h>
#include <net/inet/device.h>
#include <net/inet/ep.h>
#include <net/inet/route.h>
#include <net/port/port.h>
#include <lwip/icmp.h>
#include <lwip/prot/icmp6.h>
#include <lwip/raw.h>
#include <lwip/udp.h>

#define OVERHEAD	512		/* of a queued datagram, about */
#define COPY_MAX	256		/* up to here a received one is copied */
#define BLOCK_MAX	128		/* up to here one to be sent is one block */
#define DGRAM_MAX	65507		/* 65535 less the headers of IPv4 and UDP */
#define DGRAM6_MAX	65487		/* and IPv6, whose length counts in a pbuf's 16 bits as well */

/* --- receiving: lwIP's callbacks, lock held --- */

static void fill_msg(const struct inet_ep *ep, struct inet_msg *m, const ip_addr_t *from, u16 port, u32 len)
{
	struct netif *in = ip_current_input_netif();

	*m = (struct inet_msg){ .length = len };
	inet_from_ip(ep, from, port, &m->peer);
	inet_from_ip(ep, ip_current_dest_addr(), net16(ep->local.port), &m->local);
	m->ifindex = netif_get_index(in);
	if (ip_current_is_v6()) {
		m->ttl = IP6H_HOPLIM(ip6_current_header());
		m->tos = IP6H_TC(ip6_current_header());
	} else {
		m->ttl = IPH_TTL(ip4_current_header());
		m->tos = IPH_TOS(ip4_current_header());
	}
	if (ep->stamp)
		m->stamp_ns = ktime_real();
}

/* p is the queue's from here on, or freed; the packet that came is still there. */
static void enqueue(struct inet_ep *ep, struct pbuf *p, const ip_addr_t *from, u16 port)
{
	u32 charge = p->tot_len + OVERHEAD;
	struct rx_dgram *d = NULL;

	if (!(ep->shut & INET_SHUT_RD) && ep->rx_bytes + charge <= ep->rcvbuf)
		d = kmalloc(sizeof(*d), GFP_ATOMIC | GFP_NOWARN);
	if (!d) {
		ep->drops++;
		ep->stack->rcvbuf_errors++;
		pbuf_free(p);
		return;
	}
	d->p = p;
	d->charge = charge;
	fill_msg(ep, &d->msg, from, port, p->tot_len);
	ep->rx_bytes += charge;
	list_add_tail(&d->node, &ep->dgrams);
	WRITE_ONCE(ep->dgrams_len, ep->dgrams_len + 1);
	inet_fire(ep, INET_EV_READ);
}

static void udp_received(void *arg, struct udp_pcb *pcb, struct pbuf *p, const ip_addr_t *from, u16_t port)
{
	struct pbuf *copy = p->tot_len <= COPY_MAX ? pbuf_clone(PBUF_RAW, PBUF_RAM, p) : NULL;

	enqueue(arg, copy ? copy : p, from, port);
	if (copy)
		pbuf_free(p);
}

/* The answer to one of this endpoint's echo requests? p begins with the ICMP header. */
static bool is_my_reply(const struct inet_ep *ep, const struct pbuf *p)
{
	const struct icmp_echo_hdr *h = p->payload;
	u8 reply = ep->family == INET_AF_INET ? ICMP_ER : ICMP6_TYPE_EREP;

	return p->len >= sizeof(*h) && h->type == reply && h->code == 0 && h->id == ep->local.port;
}

/* Never "eaten": the stack goes on with it, so the queue gets a copy. p begins with the IP header. */
static u8_t raw_received(void *arg, struct raw_pcb *pcb, struct pbuf *p, const ip_addr_t *from)
{
	struct inet_ep *ep = arg;
	struct pbuf *copy = pbuf_clone(PBUF_RAW, PBUF_RAM, p);

	if (!copy) {
		ep->drops++;
		return 0;
	}
	if (ep->type == INET_PING || ep->family == INET_AF_INET6)
		pbuf_remove_header(copy, ip_current_header_tot_len());
	if (ep->type == INET_PING && !is_my_reply(ep, copy)) {
		pbuf_free(copy);
		return 0;
	}
	enqueue(ep, copy, from, 0);
	return 0;
}

/* --- life, lock held --- */

static u8 ip_type_of(const struct inet_ep *ep)
{
	return ep->family == INET_AF_INET ? IPADDR_TYPE_V4 : ep->v6only ? IPADDR_TYPE_V6 : IPADDR_TYPE_ANY;
}

static int udp_open(struct inet_ep *ep)
{
	struct udp_pcb *pcb = udp_new_ip_type(ip_type_of(ep));

	if (!pcb)
		return -ENOMEM;
	ep->udp = pcb;
	/* ports.c decides; lwIP need not. */
	ip_set_option(pcb, SOF_REUSEADDR);
	udp_recv(pcb, udp_received, ep);
	return 0;
}

static int raw_open(struct inet_ep *ep)
{
	struct raw_pcb *pcb = raw_new_ip_type(ep->family == INET_AF_INET ? IPADDR_TYPE_V4 : IPADDR_TYPE_V6,
					      ep->protocol);

	if (!pcb)
		return -ENOMEM;
	ep->raw = pcb;
	raw_recv(pcb, raw_received, ep);
	if (ep->family == INET_AF_INET6 && ep->protocol == IP6_NEXTH_ICMP6) {
		pcb->chksum_reqd = 1;
		pcb->chksum_offset = offsetof(struct icmp6_hdr, chksum);
	}
	if (ep->protocol == 255)	/* IPPROTO_RAW: always with its own header */
		ep->hdrincl = true;
	return 0;
}

int dgram_ep_open(struct inet_ep *ep)
{
	int err = ep->type == INET_UDP ? udp_open(ep) : raw_open(ep);

	if (err)
		return err;
	inet_ep_get(ep);
	dgram_ep_options(ep);
	return 0;
}

static void set_local(struct inet_ep *ep, const ip_addr_t *ip)
{
	ip_addr_t *local = ep->type == INET_UDP ? &ep->udp->local_ip : &ep->raw->local_ip;

	if (ip_addr_isany(ip))
		ip_addr_set_any_val(ep->family == INET_AF_INET6, *local);
	else
		ip_addr_set(local, ip);
	if (ip_addr_isany(ip) && ep->type == INET_UDP)
		IP_SET_TYPE_VAL(*local, ip_type_of(ep));
}

int dgram_ep_bind(struct inet_ep *ep, const ip_addr_t *ip)
{
	if (ep->type == INET_UDP) {
		int err = port_errno(udp_bind(ep->udp, IP_ANY_TYPE, net16(ep->local.port)));

		if (err)
			return err;
	}
	set_local(ep, ip);
	return 0;
}

/* A free port where it has none. */
static int bind_any(struct inet_ep *ep)
{
	int err;

	if (ep->port || ep->type == INET_RAW)
		return 0;
	err = port_bind_any(ep);
	if (err)
		return err == -EADDRNOTAVAIL ? -EAGAIN : err;
	if (ep->type != INET_UDP)
		return 0;
	err = port_errno(udp_bind(ep->udp, IP_ANY_TYPE, net16(ep->local.port)));
	IP_SET_TYPE_VAL(ep->udp->local_ip, ip_type_of(ep));
	return err;
}

static void dissolve(struct inet_ep *ep)
{
	ip_addr_t ip;
	struct inet_addr bound = ep->bound;

	ep->peer.family = 0;
	if (ep->type == INET_UDP)
		udp_disconnect(ep->udp);
	else
		raw_disconnect(ep->raw);
	/* As bound by its owner; else of no port either. */
	if (!bound.family && ep->port)
		port_release(ep);
	ep->local = bound.family ? bound : (struct inet_addr){ .family = ep->family };
	if (bound.family && inet_to_ip(ep, &bound, &ip))
		set_local(ep, &ip);
	else
		set_local(ep, IP_ADDR_ANY);
}

int dgram_ep_connect(struct inet_ep *ep, const struct inet_addr *addr)
{
	ip_addr_t ip, source;
	int err;

	if (!addr) {
		dissolve(ep);
		return 0;
	}
	if (!inet_to_ip(ep, addr, &ip))
		return addr->family == ep->family ? -ENETUNREACH : -EAFNOSUPPORT;
	if (ip_addr_isany(&ip))
		inet_loopback_for(ep, &ip);
	err = inet_source_for(&ip, ep->device, &source);
	if (err)
		return err;
	if (inet_is_broadcast(&ip) && !ep->broadcast)
		return -EACCES;
	err = bind_any(ep);
	if (err)
		return err;
	if (inet_addr_is_any(&ep->local)) {
		u16 port = ep->local.port;

		set_local(ep, &source);
		inet_from_ip(ep, &source, net16(port), &ep->local);
	}
	err = ep->type == INET_UDP ? port_errno(udp_connect(ep->udp, &ip, net16(addr->port)))
				   : port_errno(raw_connect(ep->raw, &ip));
	if (!err)
		inet_from_ip(ep, &ip, net16(addr->port), &ep->peer);
	return err;
}

static void free_dgram(struct rx_dgram *d)
{
	pbuf_free(d->p);
	kfree(d);
}

void dgram_ep_close(struct inet_ep *ep)
{
	while (!list_empty(&ep->dgrams)) {
		struct rx_dgram *d = list_first(&ep->dgrams, struct rx_dgram, node);

		list_del(&d->node);
		free_dgram(d);
	}
	ep->dgrams_len = 0;
	if (ep->type == INET_UDP)
		udp_remove(ep->udp);
	else
		raw_remove(ep->raw);
	inet_ep_pcb_gone(ep);
}

void dgram_ep_options(struct inet_ep *ep)
{
	u8 loop = ep->type == INET_UDP ? UDP_FLAGS_MULTICAST_LOOP : RAW_FLAGS_MULTICAST_LOOP;

	if (ep->type == INET_UDP) {
		ep->udp->ttl = ep->ttl;
		ep->udp->tos = ep->tos;
		ep->udp->netif_idx = (u8)ep->device;
		udp_set_multicast_ttl(ep->udp, ep->mcast_ttl);
		udp_set_multicast_netif_index(ep->udp, (u8)ep->mcast_if);
		ep->udp->flags = (u8)((ep->udp->flags & ~loop) | (ep->mcast_loop ? loop : 0));
		return;
	}
	ep->raw->ttl = ep->ttl;
	ep->raw->tos = ep->tos;
	ep->raw->netif_idx = (u8)ep->device;
	raw_set_multicast_ttl(ep->raw, ep->mcast_ttl);
	raw_set_multicast_netif_index(ep->raw, (u8)ep->mcast_if);
	ep->raw->flags = (u8)((ep->raw->flags & ~loop) | (ep->mcast_loop ? loop : 0));
	if (ep->hdrincl)
		raw_set_flags(ep->raw, RAW_FLAGS_HDRINCL);
	else
		raw_clear_flags(ep->raw, RAW_FLAGS_HDRINCL);
}

/* --- reading --- */

static ssize_t nothing(struct inet_ep *ep)
{
	if (ep->error)
		return -inet_take_error(ep);
	return ep->shut & INET_SHUT_RD ? 0 : -EAGAIN;
}

static size_t copy_out(const struct pbuf *p, struct iov_iter *to)
{
	size_t done = 0;

	for (; p && iov_iter_count(to); p = p->next) {
		size_t n = min_t(size_t, p->len, iov_iter_count(to)), copied = copy_to_iter(p->payload, n, to);

		done += copied;
		if (copied < n)
			break;
	}
	return done;
}

/* Off the queue, its reader has it. */
static void finish(struct inet_ep *ep, struct rx_dgram *d)
{
	inet_lock(ep->stack);
	list_del(&d->node);
	WRITE_ONCE(ep->dgrams_len, ep->dgrams_len - 1);
	ep->rx_bytes -= d->charge;
	free_dgram(d);
	inet_unlock(ep->stack);
}

ssize_t inet_dgram_recv(struct inet_ep *ep, struct iov_iter *to, struct inet_msg *msg, u32 flags)
{
	size_t room = iov_iter_count(to), done;
	struct rx_dgram *d = NULL;
	ssize_t result = 0;

	inet_lock(ep->stack);
	if (ep->error || list_empty(&ep->dgrams))
		result = nothing(ep);
	else
		d = list_first(&ep->dgrams, struct rx_dgram, node);
	inet_unlock(ep->stack);
	if (!d)
		return result;
	/* It stays in front meanwhile: only a reader, or the close of the endpoint, takes it off. */
	if (msg)
		*msg = d->msg;
	done = copy_out(d->p, to);
	if (done < min_t(size_t, room, d->msg.length))
		result = -EFAULT;
	else
		result = flags & INET_TRUNC ? d->msg.length : (ssize_t)done;
	if (!(flags & INET_PEEK))
		finish(ep, d);
	return result;
}

u32 inet_dgram_next(const struct inet_ep *ep)
{
	struct inet_ep *e = (struct inet_ep *)ep;
	u32 len = 0;

	inet_lock(e->stack);
	if (!list_empty(&e->dgrams))
		len = list_first(&e->dgrams, struct rx_dgram, node)->msg.length;
	inet_unlock(e->stack);
	return len;
}

/* --- sending --- */

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

/* Space in the page that the endpoint fills; the reference stays the endpoint's. */
static struct page *open_page(struct inet_ep *ep)
{
	if (ep->tx_page && ep->tx_fill < PAGE_SIZE)
		return ep->tx_page;
	if (ep->tx_page)
		page_put(ep->tx_page);
	ep->tx_page = page_alloc(GFP_KERNEL);
	ep->tx_fill = 0;
	return ep->tx_page;
}

/* The pages of a datagram: kept until the packets have references of their own. */
struct held {
	struct page *pages[DGRAM_MAX / PAGE_SIZE + 2];
	u32 nr;
};

static void release(struct held *h)
{
	while (h->nr)
		page_put(h->pages[--h->nr]);
}

static int add_piece(struct inet_ep *ep, struct iov_iter *from, u32 left, struct held *h, struct pbuf **chain)
{
	struct page *page = open_page(ep);
	struct pbuf *q;
	u32 n;

	if (!page)
		return -ENOMEM;
	n = min_t(u32, left, PAGE_SIZE - ep->tx_fill);
	if (copy_from_iter((u8 *)page_address(page) + ep->tx_fill, n, from) < n)
		return -EFAULT;
	q = pbuf_alloc_reference((u8 *)page_address(page) + ep->tx_fill, (u16_t)n, PBUF_ROM);
	if (!q)
		return -ENOMEM;
	page_get(page);
	h->pages[h->nr++] = page;
	ep->tx_fill += n;
	if (*chain)
		pbuf_cat(*chain, q);
	else
		*chain = q;
	return (int)n;
}

static int make_pages(struct inet_ep *ep, struct iov_iter *from, u32 len, struct held *h, struct pbuf **out)
{
	struct pbuf *chain = NULL;

	for (u32 done = 0; done < len;) {
		int n = add_piece(ep, from, len - done, h, &chain);

		if (n < 0) {
			if (chain)
				pbuf_free(chain);
			return n;
		}
		done += n;
	}
	*out = chain;
	return 0;
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

struct target {
	ip_addr_t ip, source;
	u16 port;
	u32 device;			/* 0: by route */
};

static int find_target(struct inet_ep *ep, const struct inet_msg *msg, struct target *t)
{
	const struct inet_addr *to = msg && msg->peer.family ? &msg->peer : &ep->peer;
	int err;

	if (!to->family)
		return -EDESTADDRREQ;
	if (!inet_to_ip(ep, to, &t->ip))
		return to->family == ep->family ? -ENETUNREACH : -EAFNOSUPPORT;
	if (ep->type == INET_UDP && !to->port)
		return -EINVAL;
	if (ip_addr_isany(&t->ip))
		inet_loopback_for(ep, &t->ip);
	t->port = net16(to->port);
	t->device = msg && msg->ifindex ? msg->ifindex : ep->device;
	if (!t->device && ip_addr_ismulticast(&t->ip))
		t->device = ep->mcast_if;
	if (inet_is_broadcast(&t->ip) && !ep->broadcast)
		return -EACCES;
	err = inet_source_for(&t->ip, t->device, &t->source);
	if (err)
		return err;
	if (msg && msg->local.family && !inet_addr_is_any(&msg->local))
		return inet_to_ip(ep, &msg->local, &t->source) ? 0 : -EINVAL;
	if (!inet_addr_is_any(&ep->local) && !inet_to_ip(ep, &ep->local, &t->source))
		return -EINVAL;
	/* Bound to a group: what it sends comes from an address of the interface. */
	if (ip_addr_ismulticast(&t->source))
		return inet_source_for(&t->ip, t->device, &t->source);
	return 0;
}

static err_t send_udp(struct inet_ep *ep, struct pbuf *p, const struct target *t, struct netif *out)
{
	return udp_sendto_if_src(ep->udp, p, &t->ip, t->port, out, &t->source);
}

static err_t send_raw(struct inet_ep *ep, struct pbuf *p, const struct target *t, struct netif *out)
{
	return raw_sendto_if_src(ep->raw, p, &t->ip, out, &t->source);
}

/* Lock held. */
static int send_locked(struct inet_ep *ep, struct pbuf *p, const struct inet_msg *msg)
{
	struct target t;
	struct netif *out;
	u8 ttl = ep->ttl, tos = ep->tos;
	int err;

	if (ep->error)
		return -inet_take_error(ep);
	if (ep->shut & INET_SHUT_WR)
		return -EPIPE;
	err = find_target(ep, msg, &t);
	if (!err)
		err = bind_any(ep);
	if (!err && ep->type == INET_PING)
		err = prepare_echo(ep, p);
	if (err)
		return err;
	out = inet_route_for(&t.source, &t.ip, t.device);
	if (!out)
		return -ENETUNREACH;
	if (msg && msg->ttl >= 0)
		ep->ttl = (u8)msg->ttl;
	if (msg && msg->tos >= 0)
		ep->tos = (u8)msg->tos;
	dgram_ep_options(ep);
	err = port_errno(ep->type == INET_UDP ? send_udp(ep, p, &t, out) : send_raw(ep, p, &t, out));
	ep->ttl = ttl;
	ep->tos = tos;
	return err;
}

ssize_t inet_dgram_send(struct inet_ep *ep, struct iov_iter *from, const struct inet_msg *msg)
{
	size_t len = iov_iter_count(from);
	struct held held = { .nr = 0 };
	struct pbuf *p = NULL;
	int err;

	if (!READ_ONCE(ep->peer.family) && !(msg && msg->peer.family))
		return -EDESTADDRREQ;
	if (len > (ep->family == INET_AF_INET6 ? DGRAM6_MAX : DGRAM_MAX))
		return -EMSGSIZE;
	if (len <= BLOCK_MAX || ep->type != INET_UDP)
		err = make_block(from, (u32)len, &p);
	else
		err = make_pages(ep, from, (u32)len, &held, &p);
	if (!err) {
		inet_lock(ep->stack);
		err = send_locked(ep, p, msg);
		pbuf_free(p);
		inet_unlock(ep->stack);
	}
	release(&held);
	return err ? err : (ssize_t)len;
}
