/* SPDX-License-Identifier: MIT */
/*
 * Datagrams: UDP, ping sockets (ICMP echo), raw IP: their endpoints, and what they receive. Sending:
 * dgram_send.c.
 *
 * Received ones wait in the endpoint's queue, charged with their size and OVERHEAD
 * against its buffer; what does not fit is dropped. A small one is copied out of the
 * device's buffer, which may be far larger.
 */
#include <kernel/lib/string.h>
#include <kernel/mm/iov_iter.h>
#include <net/filter.h>
#include <net/inet/device.h>
#include <net/inet/dgram.h>
#include <net/inet/route.h>
#include <net/port/port.h>
#include <lwip/icmp.h>
#include <lwip/prot/icmp6.h>
#include <lwip/raw.h>
#include <lwip/udp.h>

#define OVERHEAD	512		/* of a queued datagram, about */
#define COPY_MAX	256		/* up to here a received one is copied */

/* --- receiving: lwIP's callbacks, lock held --- */

static void arrival_of_packet(struct dgram_arrival *a, const ip_addr_t *from, u16 port)
{
	bool v6 = ip_current_is_v6();

	*a = (struct dgram_arrival){
		.from = from, .to = ip_current_dest_addr(), .port = port,
		.ttl = v6 ? IP6H_HOPLIM(ip6_current_header()) : IPH_TTL(ip4_current_header()),
		.tos = v6 ? IP6H_TC(ip6_current_header()) : IPH_TOS(ip4_current_header()),
		.ifindex = netif_get_index(ip_current_input_netif()),
	};
}

static void fill_msg(const struct inet_ep *ep, struct inet_msg *m, const struct dgram_arrival *a, u32 len)
{
	m->length = len;
	inet_from_ip(ep, a->from, a->port, &m->peer);
	inet_from_ip(ep, a->to, net16(ep->local.port), &m->local);
	m->ifindex = a->ifindex;
	m->ttl = a->ttl;
	m->tos = a->tos;
	m->stamp_ns = ep->stamp ? ktime_real() : 0;
}

void dgram_ep_receive(struct inet_ep *ep, struct pbuf *p, const struct dgram_arrival *a)
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
	d->peeked = false;
	fill_msg(ep, &d->msg, a, p->tot_len);
	ep->rx_bytes += charge;
	list_add_tail(&d->node, &ep->dgrams);
	/* The reader looks at the first without the lock. */
	smp_store_release(&ep->dgrams_len, ep->dgrams_len + 1);
	WRITE_ONCE(ep->arrivals, ep->arrivals + 1);
	if (ep->peer.family)
		inet_ep_note_cpu(ep);
	inet_fire(ep, INET_EV_READ);
}

/* A filter sees a datagram with its transport header, which lies in front of the payload still. */
static void copy_seen(const struct bpf_view *v, u32 at, void *to, u32 n)
{
	const struct pbuf *p = v->of;
	u32 head = at < v->from ? min(n, v->from - at) : 0;

	memcpy(to, (const u8 *)p->payload - (v->from - at), head);
	at += head;
	pbuf_copy_partial(p, (u8 *)to + head, (u16_t)(n - head), (u16_t)(at - v->from));
}

/* False: the endpoint's filter does not want it. What it does not want of it is cut off. */
static bool pass_filter(const struct inet_ep *ep, struct pbuf *p, u32 head)
{
	struct netif *in = ip_current_input_netif();
	const struct netdev *dev = inet_dev_of(in)->dev;
	const struct bpf_view v = {
		.copy = copy_seen, .of = p, .from = head, .len = head + p->tot_len,
		.pkttype = PKT_HOST,
		.protocol = ip_current_is_v6() ? ETH_P_IPV6 : ETH_P_IP, .ifindex = dev->index,
		.hatype = dev->type,
	};
	u32 keep = bpf_run(ep->filter, &v);

	if (keep && keep < v.len)
		pbuf_realloc(p, (u16_t)(max(keep, head) - head));
	return keep;
}

static void udp_received(void *arg, struct udp_pcb *pcb, struct pbuf *p, const ip_addr_t *from,
			 u16_t port)
{
	struct inet_ep *ep = arg;
	struct pbuf *copy;
	struct dgram_arrival a;

	if (unlikely(ep->filter) && !pass_filter(ep, p, UDP_HLEN)) {
		pbuf_free(p);
		return;
	}
	copy = p->tot_len <= COPY_MAX ? pbuf_clone(PBUF_RAW, PBUF_RAM, p) : NULL;
	arrival_of_packet(&a, from, port);
	dgram_ep_receive(ep, copy ? copy : p, &a);
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

/*
 * Never "eaten": the stack goes on with it, so the queue gets a copy. p begins with the IP header.
 */
static u8_t raw_received(void *arg, struct raw_pcb *pcb, struct pbuf *p, const ip_addr_t *from)
{
	struct inet_ep *ep = arg;
	struct pbuf *copy = pbuf_clone(PBUF_RAW, PBUF_RAM, p);
	struct dgram_arrival a;

	if (!copy) {
		ep->drops++;
		return 0;
	}
	if (ep->type == INET_PING || ep->family == INET_AF_INET6)
		pbuf_remove_header(copy, ip_current_header_tot_len());
	if ((ep->type == INET_PING && !is_my_reply(ep, copy)) ||
	    (unlikely(ep->filter) && !pass_filter(ep, copy, 0))) {
		pbuf_free(copy);
		return 0;
	}
	arrival_of_packet(&a, from, 0);
	dgram_ep_receive(ep, copy, &a);
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

/* While there is one that sees TCP, all of that comes by the first instance: shard.c. */
static void count_raw(const struct inet_ep *ep, u32 n)
{
	if (ep->type == INET_RAW && ep->family == INET_AF_INET && ep->protocol == IP_PROTO_TCP)
		__atomic_fetch_add(&ep->stack->common->raw_tcp, n, __ATOMIC_RELAXED);
}

static int raw_open(struct inet_ep *ep)
{
	struct raw_pcb *pcb = raw_new_ip_type(ep->family == INET_AF_INET ? IPADDR_TYPE_V4 : IPADDR_TYPE_V6,
					      ep->protocol);

	if (!pcb)
		return -ENOMEM;
	ep->raw = pcb;
	count_raw(ep, 1);
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
	ep->way.generation = 0;
	if (ep->type == INET_UDP) {
		int err = port_errno(udp_bind(ep->udp, IP_ANY_TYPE, net16(ep->local.port)));

		if (err)
			return err;
	}
	set_local(ep, ip);
	return 0;
}

int dgram_ep_bind_any(struct inet_ep *ep)
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

	ep->way.generation = 0;
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
	err = dgram_ep_bind_any(ep);
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
	inet_errors_drop(ep);
	if (ep->type == INET_UDP)
		udp_remove(ep->udp);
	else
		raw_remove(ep->raw);
	count_raw(ep, ~0u);
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
	int err = inet_take_error(ep);

	if (err)
		return -err;
	return ep->shut & INET_SHUT_RD ? 0 : -EAGAIN;
}

/* Behind the first `skip` bytes. */
static size_t copy_out(const struct pbuf *p, size_t skip, struct iov_iter *to)
{
	size_t done = 0;

	for (; p && iov_iter_count(to); p = p->next) {
		size_t from = min_t(size_t, p->len, skip),
		       n = min_t(size_t, p->len - from, iov_iter_count(to)),
		       copied = copy_to_iter((u8 *)p->payload + from, n, to);

		skip -= from;

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

/* Of d, behind the first `skip` bytes. */
static __always_inline ssize_t read_one(const struct rx_dgram *d, size_t skip, struct iov_iter *to,
			struct inet_msg *msg, u32 flags)
{
	size_t want = min_t(size_t, iov_iter_count(to), d->msg.length - skip), done;

	if (msg)
		*msg = d->msg;
	done = copy_out(d->p, skip, to);
	if (done < want)
		return -EFAULT;
	return flags & INET_TRUNC ? d->msg.length : (ssize_t)done;
}

ssize_t inet_dgram_recv(struct inet_ep *ep, struct iov_iter *to, struct inet_msg *msg, u32 flags)
{
	struct rx_dgram *d;
	ssize_t result;

	if (READ_ONCE(ep->error) || !smp_load_acquire(&ep->dgrams_len))
		return nothing(ep);
	/*
	 * It stays in front meanwhile: only a reader, or the close of the endpoint, takes it off.
	 */
	d = list_first(&ep->dgrams, struct rx_dgram, node);
	result = read_one(d, 0, to, msg, flags);
	if (!(flags & INET_PEEK))
		finish(ep, d);
	return result;
}

/* The one that the byte *offset behind the front is of, and how far behind its own; NULL. */
static struct rx_dgram *find_at(struct inet_ep *ep, size_t *offset)
{
	struct rx_dgram *d;

	list_for_each(d, &ep->dgrams, node) {
		if (*offset < d->msg.length || (!*offset && !d->peeked)) {
			d->peeked = !d->msg.length;
			return d;
		}
		*offset -= d->msg.length;
	}
	return NULL;
}

ssize_t inet_dgram_peek_at(struct inet_ep *ep, struct iov_iter *to, struct inet_msg *msg, u32 flags,
			   size_t *offset)
{
	struct rx_dgram *d;

	inet_lock(ep->stack);
	d = find_at(ep, offset);
	inet_unlock(ep->stack);
	/* Readers come one at a time: it stays. */
	return d && !READ_ONCE(ep->error) ? read_one(d, *offset, to, msg, flags) : nothing(ep);
}

u32 inet_dgram_arrivals(const struct inet_ep *ep)
{
	return READ_ONCE(ep->arrivals);
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
