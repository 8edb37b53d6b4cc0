/* SPDX-License-Identifier: MIT */
/*
 * Where lwIP asks the kernel: routes, initial sequence numbers, and what becomes of a TCP
 * segment. All with the instance's lock held.
 */
#pragma once

struct netif;
struct pbuf;
struct tcp_pcb;
struct tcp_hdr;

/* net/inet/route.c: NULL: no route. */
struct netif *inet_route4(const ip4_addr_t *src, const ip4_addr_t *dst);
struct netif *inet_route6(const ip6_addr_t *src, const ip6_addr_t *dst);
#define LWIP_HOOK_IP6_ROUTE(src, dst)		inet_route6(src, dst)
/* NULL: none of ours */
const ip6_addr_t *inet_gateway6(struct netif *n, const ip6_addr_t *dst);
#define LWIP_HOOK_ND6_GET_GW(n, dst)		inet_gateway6(n, dst)
bool inet_accepts4(struct netif *n, const ip4_addr_t *dst);	/* ours though not n's address */
/* Whom the packet that is looked at is for, if that is one address of ours; else NULL. */
const ip4_addr_t *inet_asked4(void);

/* net/inet/shard.c: p begins with TCP's header; true: it is another instance's, and gone there. */
bool inet_tcp_elsewhere(struct pbuf *p, struct netif *in);

/* net/port/port.c: RFC 6528. */
u32_t lwip_isn(const ip_addr_t *local, u16_t local_port, const ip_addr_t *remote,
	       u16_t remote_port);
#define LWIP_HOOK_TCP_ISN			lwip_isn
/* Of an IPv4 header, which nearly always has no options; 0: its checksum is right. */
static inline u16_t lwip_ip4_sum(const void *header, u16_t len)
{
	const u32_t *w = header;
	u64_t sum;

	if (len != 20)
		return (u16_t)~lwip_checksum(header, len);
	sum = (u64_t)w[0] + w[1] + w[2] + w[3] + w[4];
	sum = (sum & 0xffff) + (sum >> 16 & 0xffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	return (u16_t)~((sum & 0xffff) + (sum >> 16));
}

/* net/port/port.c: of the segment p, which has come in; 0: its checksum is right. */
u16_t lwip_tcp_verify(struct pbuf *p);

/* net/inet/tcp_send.c: bytes of the largest segment to be made now. */
u16_t inet_tcp_segment_size(const struct tcp_pcb *pcb);
/* p goes to IP now. pcb NULL: a reset of nobody's. */
void inet_tcp_sends(struct pbuf *p, const struct tcp_pcb *pcb);
/* net/inet/tcp_send.c: before what is unsent is looked at; wnd: bytes that may be under way. */
void inet_tcp_fit(struct tcp_pcb *pcb, u32_t wnd);
/* The first unacknowledged segment is about to be sent again. */
void inet_tcp_resend(struct tcp_pcb *pcb);
/* Cut the first unsent segment behind `split` bytes. ERR_MEM, and it is as it was. */
err_t inet_tcp_split(struct tcp_pcb *pcb, u16_t split);
/* net/inet/tcp_urgent.c: a segment of len bytes is about to be sent, while TF_URGENT is set. */
void inet_tcp_urge(struct tcp_pcb *pcb, struct tcp_hdr *header, u16_t len);
/* net/inet/ports.c: who gets a datagram of those that share pcb's port by SO_REUSEPORT. */
struct udp_pcb;
struct udp_pcb *inet_udp_share(struct udp_pcb *pcb, u16_t remote_port);

/* net/inet/tcp.c: bytes that the window must open by before the peer is told. */
u32_t inet_tcp_window_step(struct tcp_pcb *pcb);

/* net/inet/tcp_mem.c: bytes that may wait for what is missing before them; also counts them. */
u32_t inet_tcp_ooseq_limit(struct tcp_pcb *pcb);

/* net/inet/tcp_opts.c, what options of the socket say: has it tried for long enough? */
bool inet_tcp_gives_up(struct tcp_pcb *pcb);
/* how long FIN_WAIT2 lasts without an owner */
u32_t inet_tcp_fin_wait_ms(struct tcp_pcb *pcb);
/* mss, or its own if that is less */
u16_t inet_tcp_max_segment(struct tcp_pcb *pcb, u16_t mss);

/*
 * net/inet/tcp_listen.c. A segment's options, in one or two pieces: the first is behind the header.
 */
struct inet_tcp_options {
	u16_t len, first_len;
	const u8_t *second;		/* NULL: in one */
};
/*
 * ERR_OK: let it through; else it is dropped. pcb may be a listener; p: what is behind header and
 * options.
 */
err_t inet_tcp_admit(struct tcp_pcb *pcb, const struct tcp_hdr *header,
		     const struct inet_tcp_options *options, const struct pbuf *p);
#define LWIP_HOOK_TCP_INPACKET_PCB(pcb, hdr, optlen, opt1len, opt2, p) \
	inet_tcp_admit(pcb, hdr, &(struct inet_tcp_options){ optlen, opt1len, opt2 }, p)
struct tcp_pcb_listen *inet_tcp_listener(const struct tcp_hdr *header);	/* whose it is; NULL */

/*
 * net/inet/tcp_table.c. Whose segment is it: of those in TIME_WAIT, or of the others; NULL. A SYN
 * that begins behind an old connection's last byte replaces that (RFC 1122, 4.2.2.13): it is gone,
 * and NULL is the answer.
 */
struct tcp_pcb *inet_tcp_find(const struct tcp_hdr *header, int time_wait);
/* lwIP's lists of control blocks: TCP_REG and TCP_RMV. */
void inet_tcp_list(struct tcp_pcb **list, struct tcp_pcb *pcb);
void inet_tcp_unlist(struct tcp_pcb **list, struct tcp_pcb *pcb);
void inet_tcp_rest(struct tcp_pcb *pcb);	/* looked at by the slow timer: must it be again? */
void inet_tcp_rise_all(void);			/* lwIP will go through all of tcp_active_pcbs */
