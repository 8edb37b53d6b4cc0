/* SPDX-License-Identifier: MIT */
/*
 * Where lwIP's TCP control blocks are kept, so that what they cost does not grow with their number.
 *
 *   found    by a hash of both ends, under a secret of this boot (inet_tcp_find)
 *   listed   doubly linked: each comes and goes in a few instructions (inet_tcp_list,
 *            inet_tcp_unlist)
 *   timed    lwIP's timers look at each block of tcp_active_pcbs, every 250 ms. One that waits for
 *            nothing but its peer is taken off that list after a slow tick (inet_tcp_rest) and put
 *            back by whatever happens to it (tcp_ep_awake): a segment, or a call of its owner.
 *            The page that it filled with what it sent goes then, so that idle ones have none.
 *            With SO_KEEPALIVE it has an hour to wait for, too: it sleeps in one of 256 lists by
 *            tick, and is looked at when its turn comes, two minutes later at most.
 *   TIME_WAIT  a queue by age, of which each tick ends the oldest; at most
 *              net.ipv4.tcp_max_tw_buckets: one more ends the oldest of the instance, if that has
 *              another.
 *
 *  (1) A block is on exactly one list of lwIP's, or, while ep->resting, on one of stack->resting[].
 *  (2) Whoever calls lwIP with a block that may rest calls tcp_ep_awake() before. Blocks in
 *      handshakes, with anything unacknowledged or being closed never rest.
 *  (3) A block in TIME_WAIT has its endpoint on stack->time_wait, by accept_node.
 *
 * All with the stack's lock held.
 */
#include <kernel/bug.h>
#include <kernel/lib/random.h>
#include <kernel/mm/alloc.h>
#include <net/inet/tcp.h>
#include <lwip/priv/tcp_priv.h>
#include <lwip/tcp.h>

#define TIME_WAIT_TICKS	(2 * TCP_MSL / TCP_SLOW_INTERVAL)
#define FOR_EVER	INET_RESTING	/* the list of those that no tick wakes */

/* --- by their ends --- */

/*
 * Multiply-shift under secret odd factors: whoever chooses addresses and ports cannot choose
 * buckets (Dietzfelbinger et al., 1997).
 */
static u64 hash_of(const struct inet_stack *s, u16 local_port, u16 remote_port,
		   const ip_addr_t *remote)
{
	u64 h = (u64)local_port << 48 | (u64)remote_port << 32;

	if (IP_IS_V6(remote)) {
		const u32 *a = ip_2_ip6(remote)->addr;

		h = (h ^ a[3]) * s->hash_key[0] + ((u64)a[0] << 32 | a[1]) * s->hash_key[1] +
		    a[2] * s->hash_key[2];
		h ^= h >> 32;
	} else {
		h ^= ip4_addr_get_u32(ip_2_ip4(remote));
	}
	return h * s->hash_key[3];
}

static struct hlist_head *bucket_of(struct inet_stack *s, u16 local_port, u16 remote_port,
				    const ip_addr_t *remote)
{
	return &s->connections[hash_of(s, local_port, remote_port, remote) >> s->hash_shift];
}

u32 inet_flow_hash(struct inet_stack *s, u16 local_port, u16 remote_port)
{
	return (u32)(hash_of(s, local_port, remote_port, ip_current_src_addr()) >> 32);
}

void tcp_table_add(struct inet_ep *ep)
{
	struct tcp_pcb *pcb = ep->tcp;

	hlist_add(&ep->hash_node,
		  bucket_of(ep->stack, pcb->local_port, pcb->remote_port, &pcb->remote_ip));
}

void tcp_table_remove(struct inet_ep *ep)
{
	if (!hlist_unhashed(&ep->hash_node))
		hlist_del_rcu(&ep->hash_node);
}

static bool is_segment_of(const struct tcp_pcb *pcb, const struct tcp_hdr *header)
{
	return pcb->remote_port == header->src && pcb->local_port == header->dest &&
	       ip_addr_eq(&pcb->remote_ip, ip_current_src_addr()) &&
	       ip_addr_eq(&pcb->local_ip, ip_current_dest_addr()) &&
	       (pcb->netif_idx == NETIF_NO_INDEX ||
		pcb->netif_idx == netif_get_index(ip_current_input_netif()));
}

static struct inet_ep *lookup(struct inet_stack *s, const struct tcp_hdr *header)
{
	struct inet_ep *ep;

	hlist_for_each_rcu(ep, bucket_of(s, header->dest, header->src, ip_current_src_addr()),
			   hash_node) if (is_segment_of(ep->tcp, header)) return ep;
	return NULL;
}

struct inet_ep *tcp_ep_find(struct inet_stack *s, const ip_addr_t *local, u16 local_port,
			    const ip_addr_t *remote, u16 remote_port)
{
	struct inet_ep *ep;

	hlist_for_each_rcu(ep, bucket_of(s, local_port, remote_port, remote),
			   hash_node) if (ep->tcp->local_port == local_port &&
					  ep->tcp->remote_port == remote_port &&
					  ip_addr_eq(&ep->tcp->local_ip, local) &&
					  ip_addr_eq(&ep->tcp->remote_ip, remote)) return ep;
	return NULL;
}

static bool is_new_connection(const struct tcp_pcb *pcb, const struct tcp_hdr *header)
{
	return (TCPH_FLAGS(header) & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_SYN &&
	       TCP_SEQ_GT(header->seqno, pcb->rcv_nxt);
}

struct tcp_pcb *inet_tcp_find(const struct tcp_hdr *header, int time_wait)
{
	struct inet_stack *s = inet_current();
	struct inet_ep *ep = lookup(s, header);

	if (!ep)
		return time_wait ? NULL : tcp_cookie_open(s, header);
	if ((ep->tcp->state == TIME_WAIT) != !!time_wait)
		return NULL;
	if (time_wait && is_new_connection(ep->tcp, header)) {
		tcp_abandon(ep->tcp, 0);
		return NULL;
	}
	tcp_ep_awake(ep);
	return ep->tcp;
}

/* --- lists --- */

static void link(struct tcp_pcb **list, struct tcp_pcb *pcb)
{
	pcb->next = *list;
	pcb->pprev = list;
	if (pcb->next)
		pcb->next->pprev = &pcb->next;
	*list = pcb;
}

static void unlink(struct tcp_pcb *pcb)
{
	*pcb->pprev = pcb->next;
	if (pcb->next)
		pcb->next->pprev = pcb->pprev;
}

static void finish(struct inet_ep *ep)
{
	struct tcp_pcb *pcb = ep->tcp;

	tcp_pcb_remove(&LWI(lwi_tcp_tw_pcbs), pcb);
	tcp_free(pcb);
}

u32 tcp_table_waiting(const struct inet_common *c)
{
	const struct inet_stack *s;
	u32 n = 0;

	inet_for_each_shard(c, s)
		n += READ_ONCE(s->nr_time_wait);
	return n;
}

static bool are_too_many(const struct inet_stack *s)
{
	return tcp_table_waiting(s->common) > (u32)READ_ONCE(s->net->settings.tcp_max_tw_buckets);
}

static void begin_time_wait(struct inet_ep *ep)
{
	struct inet_stack *s = ep->stack;

	tcp_ep_orphan_ends(ep);
	ep->wait_since = ep->tcp->tmr = LWI(lwi_tcp_ticks);
	list_add_tail(&ep->accept_node, &s->time_wait);
	if (++s->nr_time_wait > 1 && are_too_many(s))
		finish(list_first(&s->time_wait, struct inet_ep, accept_node));
}

static void end_time_wait(struct inet_ep *ep)
{
	list_del(&ep->accept_node);
	ep->stack->nr_time_wait--;
}

void inet_tcp_list(struct tcp_pcb **list, struct tcp_pcb *pcb)
{
	link(list, pcb);
	tcp_timer_needed();
	if (list == &LWI(lwi_tcp_tw_pcbs))
		begin_time_wait(tcp_ep_of(pcb));
}

static void get_up(struct inet_ep *ep)
{
	ep->stack->nr_sleeping -= ep->sleeping;
	ep->resting = ep->sleeping = false;
}

void inet_tcp_unlist(struct tcp_pcb **list, struct tcp_pcb *pcb)
{
	struct inet_ep *ep = list == &LWI(lwi_tcp_active_pcbs) ? tcp_ep_of(pcb) : NULL;

	if (list == &LWI(lwi_tcp_tw_pcbs))
		end_time_wait(tcp_ep_of(pcb));
	if (ep && ep->resting)
		get_up(ep);
	unlink(pcb);
}

/* --- rest --- */

#define BUSY_FLAGS	(TF_ACK_DELAY | TF_ACK_NOW | TF_CLOSEPEND | TF_NAGLEMEMERR)

static bool waits_for_peer(const struct tcp_pcb *pcb)
{
	if (pcb->state != ESTABLISHED && pcb->state != CLOSE_WAIT)
		return false;
	return !pcb->unsent && !pcb->unacked && !pcb->ooseq && !pcb->refused_data &&
	       !(pcb->flags & BUSY_FLAGS) && !pcb->persist_backoff && pcb->rtime < 0;
}

/* The list that it sleeps in; -1: its probe is due now. */
static s32 bed_of(const struct tcp_pcb *pcb)
{
	u32 ticks = LWI(lwi_tcp_ticks), idle, due;

	if (!ip_get_option(pcb, SOF_KEEPALIVE))
		return FOR_EVER;
	idle = ticks - pcb->tmr;
	due = (pcb->keep_idle + pcb->keep_cnt_sent * pcb->keep_intvl) / TCP_SLOW_INTERVAL;
	if (idle >= due)
		return -1;
	return (s32)((ticks + min(due - idle, INET_RESTING - 1u)) % INET_RESTING);
}

void inet_tcp_rest(struct tcp_pcb *pcb)
{
	struct inet_ep *ep = tcp_ep_of(pcb);
	s32 bed;

	if (!ep || !waits_for_peer(pcb))
		return;
	bed = bed_of(pcb);
	if (bed < 0)
		return;
	unlink(pcb);
	link(&ep->stack->resting[bed], pcb);
	ep->resting = true;
	ep->stack->nr_sleeping += bed != FOR_EVER;
	ep->sleeping = bed != FOR_EVER;
	inet_ep_drop_page(ep);
}

void tcp_ep_rise(struct inet_ep *ep)
{
	struct tcp_pcb *pcb = ep->tcp;

	get_up(ep);
	unlink(pcb);
	link(&LWI(lwi_tcp_active_pcbs), pcb);
	tcp_timer_needed();
}

static void rise_all(struct tcp_pcb **list)
{
	while (*list)
		tcp_ep_rise(tcp_ep_of(*list));
}

void inet_tcp_rise_all(void)
{
	struct inet_stack *s = inet_current();

	for (u32 i = 0; i <= INET_RESTING; i++)
		rise_all(&s->resting[i]);
}

bool tcp_table_needs_timer(const struct inet_stack *s)
{
	return LWI(lwi_tcp_active_pcbs) || s->nr_time_wait || s->nr_sleeping;
}

/* --- time --- */

/*
 * Of those in TIME_WAIT: whose time is over, and who is too many. A FIN that came again has begun
 * it anew.
 */
static void end_old(struct inet_stack *s)
{
	while (s->nr_time_wait) {
		struct inet_ep *ep = list_first(&s->time_wait, struct inet_ep, accept_node);
		u32 now = LWI(lwi_tcp_ticks);

		if (are_too_many(s) || now - ep->tcp->tmr > TIME_WAIT_TICKS) {
			finish(ep);
			continue;
		}
		if (now - ep->wait_since <= TIME_WAIT_TICKS)
			return;
		ep->wait_since = ep->tcp->tmr;
		list_del(&ep->accept_node);
		list_add_tail(&ep->accept_node, &s->time_wait);
	}
}

void tcp_table_tick(struct inet_stack *s)
{
	rise_all(&s->resting[LWI(lwi_tcp_ticks) % INET_RESTING]);
	end_old(s);
}

void tcp_table_end(struct inet_stack *s)
{
	inet_tcp_rise_all();
	while (LWI(lwi_tcp_active_pcbs))
		tcp_abandon(LWI(lwi_tcp_active_pcbs), 0);
	while (s->nr_time_wait)
		finish(list_first(&s->time_wait, struct inet_ep, accept_node));
}

bool tcp_table_init(struct inet_stack *s)
{
	u32 bits = INET_CONNECTION_BITS - s->common->shift;

	s->connections = kcalloc(1u << bits, sizeof(*s->connections), GFP_KERNEL);
	if (!s->connections)
		return false;
	s->hash_shift = 64 - bits;
	random_bytes(s->hash_key, sizeof(s->hash_key));
	for (u32 i = 0; i < ARRAY_SIZE(s->hash_key); i++)
		s->hash_key[i] |= 1;
	list_init(&s->time_wait);
	return true;
}

void tcp_table_free(struct inet_stack *s)
{
	kfree(s->connections);
}
