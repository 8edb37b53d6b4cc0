/* SPDX-License-Identifier: MIT */
/*
 * SYN cookies: a listener whose queue of half-open connections is full answers without keeping
 * anything (RFC 4987, 3.6). What it must know of the SYN when the last ACK comes lies in the
 * sequence number of its answer, which that ACK repeats:
 *
 *	31      27 26   24 23                     0
 *	| period  |  MSS  | keyed hash             |
 *
 *   period   counts 64 s; a cookie holds in the one it was made in and the next
 *   MSS      place in a table, rounded down
 *   hash     24 bits of SipHash over both ends, the peer's first number, period and MSS
 *
 * Who guesses needs 2^23 ACKs for a connection that has sent him nothing. There is neither window
 * scaling nor SACK for such a connection: the number has no room for what was agreed on.
 *
 * An ACK for nobody is only looked at while cookies are out, so that a quiet listener costs no
 * hash.
 */
#include <kernel/lib/string.h>
#include <kernel/time/hrtimer.h>
#include <net/inet/tcp.h>
#include <net/port/port.h>
#include <lwip/inet_chksum.h>
#include <lwip/ip.h>
#include <lwip/priv/tcp_priv.h>
#include <lwip/stats.h>

#define PERIOD_NS	(64 * NS_PER_SEC)
#define HASH_MASK	0xffffffu

/* Common ones: minimum, tunnels and PPPoE, Ethernet over IPv6 and IPv4, jumbo frames. */
static const u16 mss_table[8] = { 536, 1220, 1360, 1400, 1440, 1460, 4312, 8960 };

static u32 period_now(void)
{
	return (u32)(ktime_get() / PERIOD_NS);
}

static void put_address(u64 words[2], const ip_addr_t *ip)
{
	if (IP_IS_V6(ip))
		memcpy(words, ip_2_ip6(ip)->addr, 16);
	else
		words[0] = ip4_addr_get_u32(ip_2_ip4(ip));
}

/* For the segment being looked at. first: the number of its SYN. */
static u32 cookie_for(const struct tcp_hdr *header, u32 first, u32 period, u32 mss)
{
	u64 words[6] = { 0 };

	put_address(words, ip_current_dest_addr());
	put_address(words + 2, ip_current_src_addr());
	words[4] = (u64)header->dest << 48 | (u64)header->src << 32 | first;
	words[5] = period << 3 | mss;
	return period << 27 | mss << 24 | ((u32)port_keyed_hash(words, 6) & HASH_MASK);
}

static u32 mss_place(u16 mss)
{
	u32 i = ARRAY_SIZE(mss_table) - 1;

	while (i && mss_table[i] > mss)
		i--;
	return i;
}

/* What a SYN|ACK has as its only option. */
static u32 mss_option(struct netif *n)
{
	return TCP_BUILD_MSS_OPTION(tcp_eff_send_mss_netif(TCP_MSS, n, ip_current_src_addr()));
}

void tcp_cookie_answer(struct inet_ep *listener, const struct tcp_hdr *syn, u16 peer_mss)
{
	u32 period = period_now(), option = mss_option(ip_current_netif());
	struct pbuf *p = pbuf_alloc(PBUF_IP, TCP_HLEN + sizeof(option), PBUF_RAM);
	struct netif *n = ip_current_netif();
	struct tcp_hdr *h;

	if (!p)
		return;
	h = p->payload;
	memset(h, 0, TCP_HLEN);
	h->src = lwip_htons(syn->dest);
	h->dest = lwip_htons(syn->src);
	h->seqno = lwip_htonl(cookie_for(syn, syn->seqno, period, mss_place(peer_mss)));
	h->ackno = lwip_htonl(syn->seqno + 1);
	TCPH_HDRLEN_FLAGS_SET(h, p->len / 4, TCP_SYN | TCP_ACK);
	h->wnd = lwip_htons((u16)min(listener->rcvbuf, 0xffffu));
	memcpy(h + 1, &option, sizeof(option));
	inet_tcp_sends(p, NULL);
	TCP_STATS_INC(tcp.xmit);
	MIB2_STATS_INC(mib2.tcpoutsegs);
	ip_output_if(p, ip_current_dest_addr(), ip_current_src_addr(), listener->ttl, listener->tos,
		     IP_PROTO_TCP, n);
	pbuf_free(p);
	inet_current()->cookies_sent++;
	inet_current()->cookies_until = period + 2;
}

/* The MSS that the cookie tells of; 0: it is none. */
static u16 check(const struct tcp_hdr *header)
{
	u32 cookie = header->ackno - 1, now = period_now(), mss = cookie >> 24 & 7;

	for (u32 age = 0; age < 2; age++)
		if (cookie == cookie_for(header, header->seqno - 1, now - age, mss))
			return mss_table[mss];
	return 0;
}

/* As lwIP makes one of a SYN, but that the answer has been given, and was acknowledged. */
static struct tcp_pcb *open_half(struct inet_ep *listener, const struct tcp_hdr *header, u16 mss)
{
	struct tcp_pcb *pcb = tcp_alloc(TCP_PRIO_NORMAL);
	u32 first = header->ackno - 1;

	if (!pcb)
		return NULL;
	ip_addr_copy(pcb->local_ip, *ip_current_dest_addr());
	ip_addr_copy(pcb->remote_ip, *ip_current_src_addr());
	pcb->local_port = header->dest;
	pcb->remote_port = header->src;
	pcb->netif_idx = listener->tcp->netif_idx;
	pcb->so_options = listener->tcp->so_options & SOF_INHERITED;
	pcb->state = SYN_RCVD;
	pcb->rcv_nxt = pcb->rcv_ann_right_edge = header->seqno;
	pcb->snd_wl1 = header->seqno - 1;
	pcb->snd_wl2 = pcb->lastack = pcb->snd_lbb = first;
	pcb->snd_nxt = first + 1;
	pcb->snd_wnd = pcb->snd_wnd_max = header->wnd;
	pcb->listener = (struct tcp_pcb_listen *)listener->tcp;
	pcb->mss = tcp_eff_send_mss(mss, &pcb->local_ip, &pcb->remote_ip);
	TCP_REG_ACTIVE(pcb);
	MIB2_STATS_INC(mib2.tcppassiveopens);
	if (tcp_listen_open(TCP_EXT_EP, pcb->listener, pcb) != ERR_OK) {
		tcp_abandon(pcb, 0);
		return NULL;
	}
	pcb->snd_lbb = first + 1;
	return pcb;
}

struct tcp_pcb *tcp_cookie_open(struct inet_stack *s, const struct tcp_hdr *header)
{
	u8 flags = TCPH_FLAGS(header);
	struct inet_ep *listener;
	u16 mss;

	if ((flags & (TCP_ACK | TCP_SYN | TCP_RST)) != TCP_ACK || period_now() >= s->cookies_until)
		return NULL;
	listener = tcp_listener_of(s, header);
	if (!listener)
		return NULL;
	mss = check(header);
	if (!mss) {
		s->cookies_failed++;
		return NULL;
	}
	s->cookies_taken++;
	return open_half(listener, header, mss);
}
