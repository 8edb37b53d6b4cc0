/* SPDX-License-Identifier: MIT */
/*
 * Several instances of lwIP for one namespace, so that TCP connections that are busy on different
 * CPUs do not meet in one lock: shards.
 *
 * As many as there are CPUs, rounded down to a power of two, and at most INET_SHARDS_MAX; on a
 * machine with one CPU one, for which nothing here is asked. A TCP connection over IPv4 lives in
 * the instance that a hash of its ends says. The hash is the same seen from either end: both ends
 * of a connection within this machine are of one instance, where tcp_splice.c joins them under one
 * lock. The first instance has all the rest, too: other protocols, fragments, groups, and IPv6,
 * whose neighbours and routers lwIP keeps by instance.
 *
 *   in       a packet goes to the instance of its flow (inet_shard_of_pkt), of each batch the parts apart.
 *            Where that could not be told from it (fragments, a header that is not in one piece) it
 *            comes to the first, which passes it on from the door of TCP (inet_tcp_elsewhere); and
 *            so does all TCP while a raw socket wants to see it. Of an ICMP error that quotes a
 *            connection of another's a copy goes there, for the connection alone.
 *   connect  a socket begins in one of them in turn. If it has no port yet, one is chosen with which
 *            the flow is of that instance; else, or where no such port is free, the endpoint moves
 *            (tcp.c), with all locks held.
 *   listen   a listener's endpoint is of any instance and found from each, by its port. What it has
 *            waiting is under a lock of its own; it begins and ends with all locks held
 *            (tcp_listen.c).
 *   ports    TCP's are those of the namespace, under ports_lock (ports.c).
 *   limits   counters are each instance's, and summed where a limit of the namespace is asked for.
 *
 *  (1) Interfaces, addresses of IPv4 and routes are read under any instance's lock and changed with
 *      all of them held (inet_lock_all), in ascending order, which is the only way to hold two. The
 *      netifs are the first one's; the others' lists begin with the same.
 *  (2) ep->stack changes only with all locks held, and only before TCP has a peer, so
 *      inet_ep_lock() looks again. A control block is on lists of its endpoint's instance alone.
 *  (3) No lwIP of one instance is called from within another's: what is another's goes to its inbox.
 *
 * Limit: IPv6, UDP and the rest pass the lock of the first instance.
 */
#include <kernel/lib/string.h>
#include <net/inet/device.h>
#include <net/inet/stack.h>
#include <net/net.h>
#include <net/port/hooks.h>
#include <lwip/ip.h>
#include <lwip/prot/ip4.h>
#include <lwip/prot/tcp.h>
#include <lwip/priv/tcp_priv.h>
#include <lwip/stats.h>

/* Nothing of TCP's to or from a group, nor to everybody: lwIP drops it, and the first has groups. */
static bool is_group(u32 address)
{
	return *(const u8 *)&address >= 224;
}

static u64 mix(const struct inet_common *c, u32 address, u16 port)
{
	u64 x = ((u64)address << 16 | port) * c->flow_key[0];

	return x ^ x >> 32;
}

struct inet_stack *inet_shard_of4(const struct inet_common *c, u32 a, u16 a_port, u32 b, u16 b_port)
{
	if (c->nr_shards == 1 || is_group(a) || is_group(b))
		return c->shards[0];
	return c->shards[((mix(c, a, a_port) + mix(c, b, b_port)) * c->flow_key[1]) >>
			 (64 - c->shift)];
}

struct inet_stack *inet_shard_of(const struct inet_common *c, const ip_addr_t *a, u16 a_port,
				 const ip_addr_t *b, u16 b_port)
{
	if (!IP_IS_V4(a) || !IP_IS_V4(b))
		return c->shards[0];
	return inet_shard_of4(c, ip4_addr_get_u32(ip_2_ip4(a)), a_port,
			      ip4_addr_get_u32(ip_2_ip4(b)), b_port);
}

struct inet_stack *inet_shard_of_pkt(const struct inet_common *c, const struct pkt *pkt)
{
	const u8 *h = pkt->data;
	u32 ends[2], at;
	u16 ports[2];

	if (pkt->protocol != ETH_P_IP || pkt->linear < IP_HLEN || h[9] != IP_PROTO_TCP ||
	    READ_ONCE(c->raw_tcp))
		return c->shards[0];
	at = (h[0] & 15) * 4u;
	/* More fragments, or a place among them. */
	if ((h[6] & 0x3f) || h[7] || at + sizeof(ports) > pkt->linear)
		return c->shards[0];
	memcpy(ends, h + 12, sizeof(ends));
	memcpy(ports, h + at, sizeof(ports));
	return inet_shard_of4(c, ends[0], net16(ports[0]), ends[1], net16(ports[1]));
}

/* p begins with TCP's header; what is in front of it is there still. */
static void pass_segment(struct inet_stack *to, struct pbuf *p, struct netif *in)
{
	struct pkt *pkt;

	if (pbuf_add_header_force(p, ip_current_header_tot_len()))
		return;
	pkt = inet_pkt_copy_of(p);
	if (!pkt)
		return;
	pkt->dev = inet_dev_of(in)->dev;
	pkt->protocol = ETH_P_IP;
	pkt->type = p->flags & PBUF_FLAG_LLBCAST ? PKT_BROADCAST :
		    p->flags & PBUF_FLAG_LLMCAST ? PKT_MULTICAST : PKT_HOST;
	pkt->flags |= p->flags & PBUF_FLAG_SOUND ? PKT_CSUM_VALID : 0;
	/* It comes in once. */
	LWI(lwi_lwip_stats).mib2.ipinreceives--;
	LWI(lwi_lwip_stats).mib2.ipindelivers--;
	inet_pass(to, pkt);
}

static __noinline bool pass_elsewhere(struct inet_stack *s, struct pbuf *p, struct netif *in)
{
	const struct tcp_hdr *h = p->payload;
	struct inet_stack *to;

	if (p->len < TCP_HLEN)
		return false;
	to = inet_shard_of4(s->common, ip4_addr_get_u32(ip4_current_src_addr()), net16(h->src),
			    ip4_addr_get_u32(ip4_current_dest_addr()), net16(h->dest));
	if (likely(to == s))
		return false;
	pass_segment(to, p, in);
	pbuf_free(p);
	return true;
}

bool inet_tcp_elsewhere(struct pbuf *p, struct netif *in)
{
	struct inet_stack *s = inet_current();

	return unlikely(!s->alone) && pass_elsewhere(s, p, in);
}

void inet_share_interfaces(struct inet_common *c)
{
	struct netif *list = LWI(lwi_netif_list);
	struct inet_stack *s;

	inet_for_each_shard(c, s) {
		inet_switch(s);
		LWI(lwi_netif_list) = list;
	}
	inet_switch(c->shards[0]);
}

void inet_tell_address_gone(struct inet_common *c, u32 old)
{
	struct inet_stack *s;
	ip_addr_t ip;

	if (!old)
		return;
	ip_addr_set_ip4_u32_val(ip, old);
	/* The first is told by lwIP itself. */
	for (u32 i = 1; i < c->nr_shards; i++) {
		s = c->shards[i];
		inet_switch(s);
		tcp_netif_ip_addr_changed(&ip, NULL);
	}
	inet_switch(c->shards[0]);
}
