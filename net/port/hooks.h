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
const ip6_addr_t *inet_gateway6(struct netif *n, const ip6_addr_t *dst);	/* NULL: none of ours */
#define LWIP_HOOK_ND6_GET_GW(n, dst)		inet_gateway6(n, dst)
bool inet_accepts4(struct netif *n, const ip4_addr_t *dst);	/* ours though not n's address */

/* net/port/port.c: RFC 6528. */
u32_t lwip_isn(const ip_addr_t *local, u16_t local_port, const ip_addr_t *remote, u16_t remote_port);
#define LWIP_HOOK_TCP_ISN			lwip_isn

/* net/inet/tcp.c: bytes that the window must open by before the peer is told. */
u32_t inet_tcp_window_step(struct tcp_pcb *pcb);
/* ERR_OK: let it through; else it is dropped. pcb may be a listener. */
err_t inet_tcp_admit(struct tcp_pcb *pcb, const struct tcp_hdr *header);
/*
 * Whose segment is it: of those in TIME_WAIT, or of the others; NULL. A SYN that begins behind an old
 * connection's last byte replaces that (RFC 1122, 4.2.2.13): it is gone, and NULL is the answer.
 */
struct tcp_pcb *inet_tcp_find(const struct tcp_hdr *header, int time_wait);
#define LWIP_HOOK_TCP_INPACKET_PCB(pcb, hdr, optlen, opt1len, opt2, p)	inet_tcp_admit(pcb, hdr)
