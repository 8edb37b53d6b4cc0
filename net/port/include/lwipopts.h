/* SPDX-License-Identifier: MIT */
/*
 * How lwIP is configured: its raw interface only, one caller at a time (the instance's lock),
 * memory from the kernel's allocators. Sizes here are ceilings; an endpoint's own limits are
 * kept by net/inet.
 */
#pragma once

#define NO_SYS				1
#define LWIP_SOCKET			0
#define LWIP_NETCONN			0
/* net/inet/stack.c runs what is due, and only then */
#define LWIP_TIMERS_CUSTOM		1
/* pbufs are only touched under the instance's lock */
#define SYS_LIGHTWEIGHT_PROT		0
#define LWIP_ERRNO_STDINCLUDE		0

/* --- memory --- */
#define MEM_CUSTOM_ALLOCATOR		1
#define MEMP_MEM_MALLOC			1
#define MEM_ALIGNMENT			8
void *lwip_malloc(unsigned long size);
void *lwip_calloc(unsigned long n, unsigned long size);
void lwip_free(void *p);
#define MEM_CUSTOM_MALLOC		lwip_malloc
#define MEM_CUSTOM_CALLOC		lwip_calloc
#define MEM_CUSTOM_FREE			lwip_free
#define LWIP_PBUF_REF_T			u16_t
#define LWIP_SUPPORT_CUSTOM_PBUF	1
/* Whoever queues a packet copies what lies in a send queue's pages: they may go before it does. */
#define PBUF_NEEDS_COPY(p) \
	(((p)->type_internal & PBUF_TYPE_FLAG_DATA_VOLATILE) || (p)->type_internal == PBUF_ROM)
/* Flags of pbufs that lwIP has left free. */
#define PBUF_FLAG_SOUND			0x40U	/* received: the transport's checksum is right */
#define PBUF_FLAG_TCP			0x80U	/* from TCP to a device: net/inet/device.c */
#define PBUF_LINK_HLEN			16	/* Ethernet's 14, and the IP header stays aligned */
#define PBUF_POOL_BUFSIZE		2048

/* --- IP --- */
#define LWIP_IPV4			1
#define LWIP_IPV6			1
#define LWIP_ARP			0	/* net/inet/neigh.c */
#define LWIP_ETHERNET			0
#define IP_FORWARD			0
#define IP_OPTIONS_ALLOWED		1
#define IP_DEFAULT_TTL			64
#define IP_REASSEMBLY			1
#define IP_REASS_MAX_PBUFS		256	/* pbufs in incomplete datagrams: some 0.5 MB */
#define IP_REASS_MAXAGE			30	/* s, as RFC 1122 3.3.2 suggests at most 60 */
#define IP_FRAG				1
#define LWIP_IPV6_FRAG			1
#define LWIP_IPV6_REASS			1
#define IPV6_FRAG_COPYHEADER		1	/* its links are longer than a fragment's header */
#define LWIP_IPV6_SCOPES		1
#define LWIP_IPV6_NUM_ADDRESSES		8
#define LWIP_IPV6_AUTOCONFIG		1
#define LWIP_IPV6_DUP_DETECT_ATTEMPTS	1
#define LWIP_ND6_NUM_NEIGHBORS		64
#define LWIP_ND6_NUM_DESTINATIONS	64
#define LWIP_ND6_QUEUEING		1
#define LWIP_ND6_RDNSS_MAX_DNS_SERVERS	0
#define LWIP_ICMP			1
#define LWIP_ICMP6			1
#define LWIP_MULTICAST_PING		0
#define LWIP_BROADCAST_PING		0
#define LWIP_RAW			1
#define LWIP_IGMP			1
#define LWIP_IPV6_MLD			1
#define LWIP_MULTICAST_TX_OPTIONS	1
#define MEMP_NUM_MLD6_GROUP		64
#define LWIP_DHCP			0
#define LWIP_AUTOIP			0
#define LWIP_ACD			0
#define LWIP_DNS			0

/* --- interfaces: our loopback, checksums by what the device can do --- */
#define LWIP_HAVE_LOOPIF		0
#define LWIP_NETIF_LOOPBACK		0
#define LWIP_CHECKSUM_CTRL_PER_NETIF	1
#define NETIF_MAX_HWADDR_LEN		6U

/* --- UDP, TCP --- */
#define LWIP_UDP			1
#define LWIP_NETBUF_RECVINFO		0
#define SO_REUSE			1
#define SO_REUSE_RXTOALL		1
#define LWIP_TCP			1
#define TCP_LISTEN_BACKLOG		0	/* net/inet/tcp_listen.c */
#define LWIP_DISABLE_TCP_SANITY_CHECKS	1	/* they forbid an MSS over 16,000 */
/* loopback's; else what the interface's MTU gives */
#define TCP_MSS				60000
#define TCP_CALCULATE_EFF_SEND_MSS	1
#define LWIP_WND_SCALE			1
#define TCP_RCV_SCALE			6
#define TCP_WND				(0xffffu << TCP_RCV_SCALE)
#define TCP_SND_BUF			(8u << 20)
/* pbufs; two a segment: bounds memory where segments are tiny */
#define TCP_SND_QUEUELEN		0x4000
#define TCP_SNDLOWAT			4096
#define TCP_OVERSIZE			0	/* nothing is copied into segments */
#define LWIP_TCP_SACK_OUT		1
#define LWIP_TCP_TIMESTAMPS		0	/* lwIP makes no use of the peer's */
#define TF_URGENT			0x2000U	/* a flag of lwIP's control block that it has left free */
#define LWIP_TCP_KEEPALIVE		1
/* tells net/inet/tcp.c of a control block's beginning and end */
#define LWIP_TCP_PCB_NUM_EXT_ARGS	1
#define TCP_WND_UPDATE_THRESHOLD	inet_tcp_window_step(pcb)
#define TCP_QUEUE_OOSEQ			1
#define TCP_OOSEQ_MAX_BYTES		(1u << 20)
#define TCP_OOSEQ_BYTES_LIMIT(pcb)	inet_tcp_ooseq_limit(pcb)
#define TCP_OOSEQ_MAX_PBUFS		1024
#define LWIP_TCP_RTO_TIME		1000	/* ms, RFC 6298 */
#define TCP_MSL				30000UL	/* ms; TIME_WAIT is twice that: 60 s as on Linux */

/* --- counters --- */
#define LWIP_STATS			1
#define LWIP_STATS_LARGE		1
#define LWIP_STATS_DISPLAY		0
#define MIB2_STATS			1
#define LINK_STATS			0
#define MEM_STATS			0
#define MEMP_STATS			0
#define SYS_STATS			0
#define ETHARP_STATS			0

#define LWIP_HOOK_FILENAME		<net/port/hooks.h>
/* Seen by headers before that file is. */
#define LWIP_HOOK_IP4_ROUTE_SRC(src, dst) inet_route4(src, dst)
