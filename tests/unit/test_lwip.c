/* SPDX-License-Identifier: MIT */
/*
 * lwIP as scripts/lwip.py makes it, and our port: two instances in one process, each with its
 * own address, connections and clock ticks, joined by a link that loses, doubles and reorders.
 *
 * A step of the world is 1 ms: what is due on the link arrives, every 250th the timers run.
 * Who calls lwIP says before as whom (thread_info()->inet_block).
 */
#include <kernel/bug.h>
#include <kernel/errno.h>
#include <kernel/lib/random.h>
#include <kernel/lib/string.h>
#include <kernel/time/hrtimer.h>
#include <net/port/port.h>
#include <lwip/init.h>
#include <lwip/ip.h>
#include <lwip/ip4_frag.h>
#include <lwip/ip6_frag.h>
#include <lwip/nd6.h>
#include <lwip/stats.h>
#include <lwip/priv/tcp_priv.h>
#include <lwip/tcp.h>
#include <lwip/timeouts.h>
#include <net/port/hooks.h>
#include "unit.h"

void *malloc(size_t size);
void *calloc(size_t n, size_t size);
void free(void *p);
void abort(void) __noreturn;
int puts(const char *s);

struct thread_info host_thread_info;

/* --- what the port and lwIP ask of the kernel --- */

static u64 now_ms, seed;
static s64 allocated;			/* blocks that are not freed */

static u64 chance(void)			/* xorshift64 */
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

void *lwip_malloc(unsigned long size)
{
	allocated++;
	return malloc(size);
}

void *lwip_calloc(unsigned long n, unsigned long size)
{
	allocated++;
	return calloc(n, size);
}

void lwip_free(void *p)
{
	allocated -= p != NULL;
	free(p);
}

void panic(const char *fmt, ...)
{
	puts(fmt);
	abort();
}

ktime_t ktime_get(void)			{ return now_ms * NS_PER_MS; }
u64 random_u64(void)			{ return chance(); }
void random_bytes(void *buf, size_t len) { memset(buf, 0x55, len); }
void port_pbuf_init(void)		{ }
void port_memory_init(void)		{ }
u32_t sys_now(void)			{ return (u32_t)now_ms; }
void sys_timeouts_init(void)		{ }
void tcp_timer_needed(void)		{ }

/* --- the world --- */

struct frame {
	struct frame *next;
	u64 due;
	u32 len;
	u8 data[1600];
};

struct host {
	char *block;
	struct netif netif;
	struct host *peer;
	struct frame *arriving;
};
static struct host a, b;
static u32 loss, doubles, reorders;	/* in a thousand */

struct netif *inet_route4(const ip4_addr_t *src, const ip4_addr_t *dst)	{ return LWI(lwi_netif_list); }
struct netif *inet_route6(const ip6_addr_t *src, const ip6_addr_t *dst)	{ return LWI(lwi_netif_list); }
const ip6_addr_t *inet_gateway6(struct netif *n, const ip6_addr_t *dst)	{ return NULL; }
bool inet_accepts4(struct netif *n, const ip4_addr_t *dst)		{ return false; }
const ip4_addr_t *inet_asked4(void)			{ return NULL; }

struct inet_tcp_options;
err_t inet_tcp_admit(struct tcp_pcb *pcb, const struct tcp_hdr *h, const struct inet_tcp_options *o,
		     const struct pbuf *p)
{
	return ERR_OK;
}

struct tcp_pcb_listen *inet_tcp_listener(const struct tcp_hdr *h)
{
	struct tcp_pcb_listen *l = LWI(lwi_tcp_listen_pcbs).listen_pcbs;

	while (l && l->local_port != h->dest)
		l = l->next;
	return l;
}

void inet_tcp_list(struct tcp_pcb **list, struct tcp_pcb *pcb)
{
	pcb->next = *list;
	pcb->pprev = list;
	if (pcb->next)
		pcb->next->pprev = &pcb->next;
	*list = pcb;
}

void inet_tcp_unlist(struct tcp_pcb **list, struct tcp_pcb *pcb)
{
	*pcb->pprev = pcb->next;
	if (pcb->next)
		pcb->next->pprev = pcb->pprev;
}

void inet_tcp_rest(struct tcp_pcb *pcb)					{ }
struct udp_pcb *inet_udp_share(struct udp_pcb *pcb, u16 port)		{ return pcb; }
void inet_tcp_rise_all(void)						{ }
u32 inet_tcp_ooseq_limit(struct tcp_pcb *pcb)				{ return TCP_OOSEQ_MAX_BYTES; }
u32_t inet_tcp_window_step(struct tcp_pcb *pcb)				{ return 2 * pcb->mss; }
err_t inet_tcp_split(struct tcp_pcb *pcb, u16_t split)			{ return tcp_split_unsent_seg(pcb, split); }
void inet_tcp_fit(struct tcp_pcb *pcb, u32_t wnd)			{ }
bool inet_tcp_gives_up(struct tcp_pcb *pcb)
{
	return pcb->state == SYN_SENT && pcb->nrtx >= 6;
}
u32_t inet_tcp_fin_wait_ms(struct tcp_pcb *pcb)				{ return 60000; }
u16_t inet_tcp_max_segment(struct tcp_pcb *pcb, u16_t mss)		{ return mss; }
void inet_tcp_resend(struct tcp_pcb *pcb)				{ }
void inet_tcp_urge(struct tcp_pcb *pcb, struct tcp_hdr *h, u16 len)	{ }
u16_t inet_tcp_segment_size(const struct tcp_pcb *pcb)			{ return pcb->mss; }
void inet_tcp_sends(struct pbuf *p, const struct tcp_pcb *pcb)		{ }
bool inet_tcp_elsewhere(struct pbuf *p, struct netif *in)		{ return false; }

struct tcp_pcb *inet_tcp_find(const struct tcp_hdr *h, int time_wait)
{
	struct tcp_pcb *p = time_wait ? LWI(lwi_tcp_tw_pcbs) : LWI(lwi_tcp_active_pcbs);

	while (p && (p->remote_port != h->src || p->local_port != h->dest ||
		     !ip_addr_eq(&p->remote_ip, ip_current_src_addr()) ||
		     !ip_addr_eq(&p->local_ip, ip_current_dest_addr())))
		p = p->next;
	return p;
}

static void be(struct host *h)
{
	host_thread_info.inet_block = h->block;
}

static struct frame overheard[128];	/* the last ones to b, of either family */
static u32 nr_overheard;

static void put_on_link(struct host *to, struct pbuf *p)
{
	struct frame *f, **at = &to->arriving;

	if (chance() % 1000 < loss)
		return;
	f = calloc(1, sizeof(*f));
	f->len = pbuf_copy_partial(p, f->data, sizeof(f->data), 0);
	if (to == &b)
		overheard[nr_overheard++ % ARRAY_SIZE(overheard)] = *f;
	f->due = now_ms + 1 + (chance() % 1000 < reorders ? chance() % 20 : 0);
	while (*at && (*at)->due <= f->due)
		at = &(*at)->next;
	f->next = *at;
	*at = f;
}

static err_t output4(struct netif *n, struct pbuf *p, const ip4_addr_t *dst)
{
	struct host *h = container_of(n, struct host, netif);

	put_on_link(h->peer, p);
	if (chance() % 1000 < doubles)
		put_on_link(h->peer, p);
	return ERR_OK;
}

static err_t output6(struct netif *n, struct pbuf *p, const ip6_addr_t *dst)
{
	return output4(n, p, NULL);
}

static err_t netif_setup(struct netif *n)
{
	n->mtu = 1500;
	n->hwaddr_len = 6;
	n->output = output4;
	n->output_ip6 = output6;
	n->flags = NETIF_FLAG_LINK_UP | NETIF_FLAG_BROADCAST;
	return ERR_OK;
}

static void host_start(struct host *h, struct host *peer, u8 number)
{
	ip4_addr_t addr, mask;

	memset(h, 0, sizeof(*h));
	h->peer = peer;
	h->block = calloc(1, LWI_BLOCK_SIZE);
	port_instance_init(h->block);
	be(h);
	lwip_init();
	IP4_ADDR(&addr, 10, 0, 0, number);
	IP4_ADDR(&mask, 255, 255, 255, 0);
	netif_add(&h->netif, &addr, &mask, NULL, h, netif_setup, ip_input);
	netif_ip6_addr_set_parts(&h->netif, 0, lwip_htonl(0xfd000000), 0, 0, lwip_htonl(number));
	netif_ip6_addr_set_state(&h->netif, 0, IP6_ADDR_PREFERRED);
	netif_set_up(&h->netif);
}

static void arrive(struct host *h)
{
	while (h->arriving && h->arriving->due <= now_ms) {
		struct frame *f = h->arriving;
		struct pbuf *p;

		h->arriving = f->next;
		be(h);
		p = pbuf_alloc(PBUF_RAW, (u16_t)f->len, PBUF_RAM);
		pbuf_take(p, f->data, (u16_t)f->len);
		ip_input(p, &h->netif);
		free(f);
	}
}

static void step(void)
{
	now_ms++;
	arrive(&a);
	arrive(&b);
	if (now_ms % TCP_TMR_INTERVAL)
		return;
	be(&a);
	tcp_tmr();
	be(&b);
	tcp_tmr();
}

static void world_start(u64 run)
{
	seed = 0x9e3779b97f4a7c15 * (run + 1);
	now_ms = 1000;
	allocated = 0;
	port_init();
	host_start(&a, &b, 1);
	host_start(&b, &a, 2);
}

static void host_end(struct host *h)
{
	be(h);
	while (LWI(lwi_tcp_active_pcbs))
		tcp_abandon(LWI(lwi_tcp_active_pcbs), 0);
	while (LWI(lwi_tcp_tw_pcbs))
		tcp_abandon(LWI(lwi_tcp_tw_pcbs), 0);
	while (LWI(lwi_tcp_listen_pcbs).pcbs)
		tcp_close(LWI(lwi_tcp_listen_pcbs).pcbs);
	while (h->arriving) {
		struct frame *f = h->arriving;

		h->arriving = f->next;
		free(f);
	}
	netif_remove(&h->netif);
}

/* Whatever happened, nothing stays behind. */
static void world_end(void)
{
	host_end(&a);
	host_end(&b);
	EXPECT_EQ(allocated, 0);
	free(a.block);
	free(b.block);
	host_thread_info.inet_block = NULL;
}

/* --- one side of a connection: sends `total` bytes by position, checks as many --- */

struct side {
	struct host *host;
	struct tcp_pcb *pcb;
	u32 total, sent, got, wrong;
	bool fin, dead;
};

static u8 byte_at(u32 i)
{
	return (u8)(i * 2654435761u >> 24);
}

static void fill(struct side *s)
{
	u8 piece[1000];

	while (s->sent < s->total) {
		u32 n = min(min(s->total - s->sent, (u32)tcp_sndbuf(s->pcb)), (u32)sizeof(piece));

		if (!n || tcp_sndqueuelen(s->pcb) > 200)
			break;
		for (u32 i = 0; i < n; i++)
			piece[i] = byte_at(s->sent + i);
		if (tcp_write(s->pcb, piece, (u16_t)n, TCP_WRITE_FLAG_COPY) != ERR_OK)
			break;
		s->sent += n;
	}
	tcp_output(s->pcb);
	if (s->sent == s->total && !s->fin) {
		s->fin = true;
		tcp_shutdown(s->pcb, 0, 1);
	}
}

static err_t sent(void *arg, struct tcp_pcb *pcb, u16_t len)
{
	fill(arg);
	return ERR_OK;
}

static err_t received(void *arg, struct tcp_pcb *pcb, struct pbuf *p, err_t err)
{
	struct side *s = arg;

	if (!p)
		return ERR_OK;
	for (struct pbuf *q = p; q; q = q->next)
		for (u32 i = 0; i < q->len; i++)
			s->wrong += ((u8 *)q->payload)[i] != byte_at(s->got++);
	tcp_recved(pcb, p->tot_len);
	pbuf_free(p);
	return ERR_OK;
}

static void failed(void *arg, err_t err)
{
	((struct side *)arg)->dead = true;
}

static void attach(struct side *s, struct tcp_pcb *pcb)
{
	s->pcb = pcb;
	tcp_arg(pcb, s);
	tcp_recv(pcb, received);
	tcp_sent(pcb, sent);
	tcp_err(pcb, failed);
}

static struct side client, server;

static err_t connected(void *arg, struct tcp_pcb *pcb, err_t err)
{
	fill(arg);
	return ERR_OK;
}

static err_t accepted(void *arg, struct tcp_pcb *pcb, err_t err)
{
	attach(&server, pcb);
	fill(&server);
	return ERR_OK;
}

/* Both ways at once over one connection, until both have all or ten minutes are over. */
static void talk(bool v6, u32 bytes)
{
	struct tcp_pcb *l;
	ip_addr_t to;

	client = (struct side){ .host = &a, .total = bytes };
	server = (struct side){ .host = &b, .total = bytes };
	be(&b);
	l = tcp_new_ip_type(IPADDR_TYPE_ANY);
	tcp_bind(l, IP_ANY_TYPE, 80);
	l = tcp_listen(l);
	tcp_accept(l, accepted);
	be(&a);
	attach(&client, tcp_new_ip_type(v6 ? IPADDR_TYPE_V6 : IPADDR_TYPE_V4));
	if (v6)
		IP_ADDR6_HOST(&to, 0xfd000000, 0, 0, 2);
	else
		IP_ADDR4(&to, 10, 0, 0, 2);
	EXPECT_EQ(tcp_connect(client.pcb, &to, 80, connected), ERR_OK);
	for (u64 end = now_ms + 600000; now_ms < end; step())
		if (client.got == bytes && server.got == bytes)
			break;
	EXPECT_EQ(client.got, bytes);
	EXPECT_EQ(server.got, bytes);
	EXPECT_EQ(client.wrong + server.wrong, 0);
	EXPECT_TRUE(!client.dead && !server.dead);
	/* Their control blocks outlive the test's interest. */
	be(&a);
	tcp_err(client.pcb, NULL);
	be(&b);
	tcp_err(server.pcb, NULL);
}

static void link_is(u32 lost, u32 doubled, u32 reordered)
{
	loss = lost;
	doubles = doubled;
	reorders = reordered;
}

TEST(tcp_over_a_good_link)
{
	link_is(0, 0, 0);
	for (u32 v6 = 0; v6 < 2; v6++) {
		world_start(v6);
		talk(v6, 1u << 20);
		world_end();
	}
}

TEST(tcp_over_a_link_that_loses)
{
	for (u32 run = 0; run < 8; run++) {
		link_is(20, 0, 0);
		world_start(run);
		talk(run % 2, 200000);
		world_end();
	}
}

TEST(tcp_over_a_link_that_reorders_and_doubles)
{
	for (u32 run = 0; run < 8; run++) {
		link_is(5, 20, 200);
		world_start(run);
		talk(run % 2, 200000);
		world_end();
	}
}

/* The same ports and addresses in two instances are two things. */
TEST(instances_know_nothing_of_each_other)
{
	struct tcp_pcb *x, *y;

	world_start(0);
	be(&a);
	x = tcp_new();
	EXPECT_EQ(tcp_bind(x, IP_ANY_TYPE, 1234), ERR_OK);
	be(&b);
	y = tcp_new();
	EXPECT_EQ(tcp_bind(y, IP_ANY_TYPE, 1234), ERR_OK);
	EXPECT_TRUE(LWI(lwi_tcp_bound_pcbs) == y);
	EXPECT_EQ(tcp_close(y), ERR_OK);
	be(&a);
	EXPECT_TRUE(LWI(lwi_tcp_bound_pcbs) == x);
	EXPECT_EQ(tcp_close(x), ERR_OK);
	world_end();
}

static void noise(struct host *h, const struct frame *sample)
{
	u32 len = chance() % 4 ? sample->len : (u32)(chance() % (sample->len + 1));
	bool v4 = (sample->data[0] >> 4 == 4) ^ (chance() % 50 == 0);
	struct pbuf *p;
	u8 *data;

	/* What inet_input_pkt() keeps from lwIP. */
	if (len < (v4 ? IP_HLEN : IP6_HLEN))
		return;
	p = pbuf_alloc(PBUF_RAW, (u16_t)len, PBUF_RAM);
	data = p->payload;
	memcpy(data, sample->data, len);
	for (u32 n = chance() % 6; n && len; n--)
		data[chance() % (chance() % 2 && len > 64 ? 64 : len)] = (u8)chance();
	be(h);
	if (v4)
		ip4_input(p, &h->netif);
	else
		ip6_input(p, &h->netif);
}

/* Nothing but a header that leads to one of the protocols, and chance behind it. */
static void make_up(struct frame *f, bool v4)
{
	u32 len = f->len = 48 + chance() % 1450, plen = len - IP6_HLEN;
	u8 *d = f->data;

	for (u32 i = 0; i < len; i++)
		d[i] = (u8)chance();
	if (v4) {
		d[0] = 0x45;
		d[2] = (u8)(len >> 8);
		d[3] = (u8)len;
		d[6] = chance() % 4 ? 0 : 0x20;
		d[7] = d[6] ? (u8)(chance() % 8) : 0;
		d[9] = (u8[]){ 1, 2, 6, 17 }[chance() % 4];
		d[12] = 10;
		memcpy(d + 16, netif_ip4_addr(&b.netif), 4);
		return;
	}
	d[0] = 0x60;
	d[4] = (u8)(plen >> 8);
	d[5] = (u8)plen;
	d[6] = (u8[]){ 6, 17, 58, 58, 44, 0, 43, 60 }[chance() % 8];
	d[7] = 255;
	d[8] = 0xfd;
	memcpy(d + 24, netif_ip6_addr(&b.netif, 0), 16);
	/* Of ICMPv6: neighbour discovery, mostly. */
	d[40] = d[6] == 58 ? (u8)(130 + chance() % 8) : d[40];
	d[41] = d[6] == 58 ? 0 : d[41];
}

/*
 * Packets of a real conversation and made-up ones, damaged,
 * in any order. Checksums are off: else none would pass.
 */
TEST(damaged_packets_harm_nobody)
{
	u32 nr = ARRAY_SIZE(overheard);

	link_is(5, 0, 100);
	world_start(7);
	NETIF_SET_CHECKSUM_CTRL(&a.netif, NETIF_CHECKSUM_DISABLE_ALL);
	NETIF_SET_CHECKSUM_CTRL(&b.netif, NETIF_CHECKSUM_DISABLE_ALL);
	talk(false, 50000);
	talk(true, 50000);
	for (u32 i = nr / 2; i < nr; i++)
		make_up(&overheard[i], i % 2);
	for (u32 i = 0; i < 200000; i++) {
		noise(&b, &overheard[chance() % nr]);
		if (i % 64 == 0)
			step();
		if (i % 1000 == 0) {
			be(&b);
			ip_reass_tmr();
			ip6_reass_tmr();
			nd6_tmr();
		}
	}
	/* They came where they were meant to. */
	be(&b);
	EXPECT_TRUE(LWI(lwi_lwip_stats).tcp.recv > 20000);
	EXPECT_TRUE(LWI(lwi_lwip_stats).udp.recv > 1000);
	EXPECT_TRUE(LWI(lwi_lwip_stats).icmp.recv > 1000);
	EXPECT_TRUE(LWI(lwi_lwip_stats).icmp6.recv > 1000);
	EXPECT_TRUE(LWI(lwi_lwip_stats).ip6_frag.recv > 100);
	EXPECT_TRUE(LWI(lwi_lwip_stats).ip_frag.recv > 100);
	EXPECT_TRUE(LWI(lwi_lwip_stats).nd6.recv > 100);
	/* What waits for more fragments goes by itself. */
	for (u32 i = 0; i < 100; i++) {
		be(&b);
		ip_reass_tmr();
		ip6_reass_tmr();
		nd6_tmr();
		be(&a);
		ip_reass_tmr();
		ip6_reass_tmr();
	}
	world_end();
}

TEST(checksum_is_that_of_rfc_1071)
{
	static u8 data[300] __aligned(8);

	seed = 4711;
	for (u32 i = 0; i < sizeof(data); i++)
		data[i] = (u8)chance();
	for (u32 from = 0; from < 9; from++)
		for (u32 len = 0; len < 280; len++) {
			u32 sum = 0;

			for (u32 i = 0; i < len; i++)
				sum += i % 2 ? data[from + i] << 8 : data[from + i];
			while (sum >> 16)
				sum = (sum & 0xffff) + (sum >> 16);
			EXPECT_EQ(lwip_checksum(data + from, (int)len), sum);
		}
}
