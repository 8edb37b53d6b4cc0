/* SPDX-License-Identifier: MIT */
/*
 * IPv4 neighbours: who has which hardware address (ARP, RFC 826; states as in RFC 4861).
 *
 *             resolve              reply                 REACHABLE_NS
 *   (absent) ---------> INCOMPLETE ------> REACHABLE ------------------> STALE
 *                           |                  ^                           |
 *                 3 requests|                  | reply                     | used
 *                           v                  |                           v
 *                        FAILED <------------ PROBE <------------------- DELAY
 *                                 3 requests          DELAY_NS
 *
 *   INCOMPLETE  packets wait in the entry, QUEUE_MAX at most, the oldest goes first
 *   STALE       its address is used; whether it still holds is asked in a while (DELAY, PROBE)
 *   FAILED      like absent, but says so; kept until there is need of the room
 *
 * A hash table for all interfaces, of all namespaces, under one lock. One timer, RETRANS_NS apart, runs while an entry
 * is INCOMPLETE, DELAY or PROBE. The table holds ENTRIES_MAX; beyond, the entry
 * that was used longest ago goes, so that a scan of a network cannot fill memory.
 *
 * Only requests for an address of ours, and answers to what we asked, make or change entries: a
 * stranger cannot put one in. IPv6's neighbours are lwIP's (nd6.c), shown from here.
 */
#include <kernel/bug.h>
#include <kernel/lib/string.h>
#include <kernel/sched/tick.h>
#include <net/inet/addr4.h>
#include <net/inet/config.h>
#include <net/inet/device.h>
#include <net/inet/neigh.h>
#include <net/inet/stack.h>
#include <lwip/priv/nd6_priv.h>

#define BUCKETS		64
#define ENTRIES_MAX	1024
#define QUEUE_MAX	64
#define REQUESTS	3		/* Linux: mcast_solicit, ucast_solicit */
#define RETRANS_NS		NS_PER_SEC	/* Linux: retrans_time */
#define REACHABLE_NS	(30 * NS_PER_SEC)
#define DELAY_NS	(5 * NS_PER_SEC)

struct arp {				/* RFC 826, for Ethernet and IPv4 */
	u16 hw, protocol;
	u8 hw_len, protocol_len;
	u16 op;
	u8 sender_mac[ETH_ALEN], sender[4], target_mac[ETH_ALEN], target[4];
} __packed;
#define ARP_REQUEST	1
#define ARP_REPLY	2

struct neigh {
	struct list_head node;		/* its bucket */
	struct netdev *dev;
	u8 addr[4] __aligned(4), mac[ETH_ALEN];
	u16 state;			/* INET_NUD_* */
	u8 requests;			/* sent since the state was entered */
	ktime_t since;			/* of the state */
	ktime_t used;
	struct list_head queue;		/* struct pkt */
	u32 queued;
};

static struct {
	struct spinlock lock;		/* RANK_NEIGH, softirqs off */
	/* Guarded by lock. */
	struct list_head buckets[BUCKETS];
	u32 nr;
	bool ticking;
	struct hrtimer timer;
	struct net_poll poll;
} table = { .lock = SPINLOCK_INIT(RANK_NEIGH) };

static struct list_head *bucket_of(const u8 *addr)
{
	return &table.buckets[(addr[3] ^ addr[2] << 1) % BUCKETS];
}

static u32 word_of(const u8 *addr)
{
	u32 word;

	memcpy(&word, addr, 4);
	return word;
}

static struct neigh *find(const struct netdev *dev, const u8 *addr)
{
	u32 word = word_of(addr);
	struct neigh *e;

	list_for_each(e, bucket_of(addr), node)
		if (e->dev == dev && word_of(e->addr) == word)
			return e;
	return NULL;
}

static void set_state(struct neigh *e, u16 state)
{
	e->state = state;
	e->requests = 0;
	e->since = ktime_get();
}

static void drop_queue(struct neigh *e)
{
	while (!list_empty(&e->queue)) {
		struct pkt *pkt = list_first(&e->queue, struct pkt, node);

		list_del(&pkt->node);
		e->dev->unresolved++;
		pkt_free(pkt);
	}
	e->queued = 0;
}

static void destroy(struct neigh *e)
{
	drop_queue(e);
	list_del(&e->node);
	table.nr--;
	kfree(e);
}

/* Room for one more: who was not used for longest goes. */
static void evict(void)
{
	struct neigh *e, *oldest = NULL;

	for (u32 i = 0; i < BUCKETS; i++)
		list_for_each(e, &table.buckets[i], node)
			if (!(e->state & INET_NUD_PERMANENT) && (!oldest || e->used < oldest->used))
				oldest = e;
	if (oldest)
		destroy(oldest);
}

static struct neigh *create(struct netdev *dev, const u8 *addr)
{
	struct neigh *e;

	if (table.nr >= ENTRIES_MAX)
		evict();
	e = kzalloc(sizeof(*e), GFP_ATOMIC | GFP_NOWARN);
	if (!e)
		return NULL;
	e->dev = dev;
	memcpy(e->addr, addr, 4);
	list_init(&e->queue);
	e->used = ktime_get();
	list_add_tail(&e->node, bucket_of(addr));
	table.nr++;
	return e;
}

/* --- sending --- */

static void send_arp(struct netdev *dev, u32 own, u16 op, const u8 *dst_mac, const u8 *target_mac,
		     const u8 *target)
{
	static const u8 unknown[ETH_ALEN];
	struct pkt *pkt = pkt_alloc(GFP_ATOMIC | GFP_NOWARN);
	struct ethhdr *eth;
	struct arp *a;

	if (!pkt)
		return;
	eth = (void *)pkt_put(pkt, ETH_HLEN);
	a = (void *)pkt_put(pkt, sizeof(*a));
	memcpy(eth->dst, dst_mac, ETH_ALEN);
	memcpy(eth->src, dev->mac, ETH_ALEN);
	eth->protocol = net16(ETH_P_ARP);
	*a = (struct arp){ net16(1), net16(ETH_P_IP), ETH_ALEN, 4, net16(op), { 0 }, { 0 }, { 0 }, { 0 } };
	memcpy(a->sender_mac, dev->mac, ETH_ALEN);
	memcpy(a->sender, &own, 4);
	memcpy(a->target_mac, target_mac ? target_mac : unknown, ETH_ALEN);
	memcpy(a->target, target, 4);
	netdev_transmit(dev, pkt);
	netdev_kick(dev);
}

static void send_with(struct neigh *e, struct pkt *pkt)
{
	struct ethhdr *eth = (void *)pkt_push(pkt, ETH_HLEN);

	memcpy(eth->dst, e->mac, ETH_ALEN);
	memcpy(eth->src, e->dev->mac, ETH_ALEN);
	eth->protocol = net16(pkt->protocol);
	netdev_transmit(e->dev, pkt);
}

static void tick_soon(void)
{
	if (table.ticking)
		return;
	table.ticking = true;
	hrtimer_start(&table.timer, ktime_get() + RETRANS_NS);
}

static void ask(struct neigh *e)
{
	u32 own = addr4_source(inet_dev_of(e->dev->netif), word_of(e->addr));

	e->requests++;
	/* A known address is asked directly whether it still holds. */
	send_arp(e->dev, own, ARP_REQUEST,
		 e->state & INET_NUD_PROBE ? e->mac : e->dev->broadcast, NULL, e->addr);
	tick_soon();
}

static void enqueue(struct neigh *e, struct pkt *pkt)
{
	if (e->queued == QUEUE_MAX) {
		struct pkt *oldest = list_first(&e->queue, struct pkt, node);

		list_del(&oldest->node);
		e->dev->unresolved++;
		pkt_free(oldest);
		e->queued--;
	}
	list_add_tail(&pkt->node, &e->queue);
	e->queued++;
}

static bool is_usable(struct neigh *e, ktime_t now)
{
	if (e->state & (INET_NUD_INCOMPLETE | INET_NUD_FAILED))
		return false;
	if (e->state == INET_NUD_REACHABLE && (s64)(now - e->since) > (s64)REACHABLE_NS)
		set_state(e, INET_NUD_STALE);
	if (e->state == INET_NUD_STALE) {
		set_state(e, INET_NUD_DELAY);
		tick_soon();
	}
	return true;
}

void neigh_output4(struct netdev *dev, const u8 *addr, struct pkt *pkt)
{
	ktime_t now = tick_time();
	struct neigh *e;

	spin_lock_bh(&table.lock);
	e = find(dev, addr);
	if (!e) {
		e = create(dev, addr);
		if (!e) {
			spin_unlock_bh(&table.lock);
			pkt_free(pkt);
			return;
		}
		set_state(e, INET_NUD_FAILED);
	}
	e->used = now;
	if (is_usable(e, now)) {
		send_with(e, pkt);
	} else {
		enqueue(e, pkt);
		if (e->state == INET_NUD_FAILED) {
			set_state(e, INET_NUD_INCOMPLETE);
			ask(e);
		}
	}
	spin_unlock_bh(&table.lock);
}

/* --- receiving --- */

static void answered(struct neigh *e, const u8 *mac, u16 state)
{
	memcpy(e->mac, mac, ETH_ALEN);
	set_state(e, state);
	while (!list_empty(&e->queue)) {
		struct pkt *pkt = list_first(&e->queue, struct pkt, node);

		list_del(&pkt->node);
		send_with(e, pkt);
	}
	e->queued = 0;
	netdev_kick(e->dev);
}

static bool is_valid(const struct arp *a)
{
	return a->hw == net16(1) && a->protocol == net16(ETH_P_IP) && a->hw_len == ETH_ALEN &&
	       a->protocol_len == 4 && !(a->sender_mac[0] & 1) && (a->sender[0] & 0xf0) < 0xe0;
}

static void learn(struct netdev *dev, const struct arp *a, bool for_us)
{
	bool asked = a->op == net16(ARP_REPLY) && for_us;
	struct neigh *e;

	spin_lock_bh(&table.lock);
	e = find(dev, a->sender);
	/* Who asks for us is about to talk to us. */
	if (!e && for_us && a->op == net16(ARP_REQUEST)) {
		e = create(dev, a->sender);
		if (e)
			set_state(e, INET_NUD_FAILED);
	}
	if (e && !(e->state & INET_NUD_PERMANENT) &&
	    (for_us || memcmp(e->mac, a->sender_mac, ETH_ALEN)))
		answered(e, a->sender_mac, asked ? INET_NUD_REACHABLE : INET_NUD_STALE);
	spin_unlock_bh(&table.lock);
}

void neigh_input_arp(struct pkt *pkt)
{
	const struct arp *a = (const void *)pkt->data;
	struct netdev *dev = pkt->dev;
	struct inet_dev *d = inet_dev_of(dev->netif);
	bool for_us, from_nobody;

	if (pkt->linear >= sizeof(*a) && is_valid(a) && !(dev->flags & IFF_NOARP)) {
		for_us = addr4_has(d, word_of(a->target));
		from_nobody = !word_of(a->sender);
		if (!from_nobody && !addr4_has(d, word_of(a->sender)))
			learn(dev, a, for_us);
		if (for_us && a->op == net16(ARP_REQUEST))
			send_arp(dev, word_of(a->target), ARP_REPLY, a->sender_mac, a->sender_mac, a->sender);
	}
	pkt_free(pkt);
}

/* --- time --- */

/* True: it needs another tick. */
static bool advance(struct neigh *e, ktime_t now)
{
	switch (e->state) {
	case INET_NUD_INCOMPLETE:
	case INET_NUD_PROBE:
		if (e->requests < REQUESTS) {
			ask(e);
			return true;
		}
		set_state(e, INET_NUD_FAILED);
		drop_queue(e);
		return false;
	case INET_NUD_DELAY:
		if (now - e->since >= DELAY_NS) {
			set_state(e, INET_NUD_PROBE);
			ask(e);
		}
		return true;
	default:
		return false;
	}
}

static u32 neigh_poll(struct net_poll *p, u32 budget)
{
	ktime_t now = ktime_get();
	struct neigh *e;
	bool again = false;

	net_poll_done(p);
	spin_lock_bh(&table.lock);
	/* Set while we look, so that ask() does not start the timer for each. */
	table.ticking = true;
	for (u32 i = 0; i < BUCKETS; i++)
		list_for_each(e, &table.buckets[i], node)
			again |= advance(e, now);
	table.ticking = again;
	if (again)
		hrtimer_start(&table.timer, now + RETRANS_NS);
	spin_unlock_bh(&table.lock);
	return 1;
}

static enum hrtimer_restart tick(struct hrtimer *t)
{
	net_poll_schedule(&table.poll);
	return HRTIMER_DONE;
}

void neigh_flush(struct netdev *dev, bool permanent)
{
	struct neigh *e, *tmp;

	spin_lock_bh(&table.lock);
	for (u32 i = 0; i < BUCKETS; i++)
		list_for_each_safe(e, tmp, &table.buckets[i], node)
			if (e->dev == dev && (permanent || !(e->state & INET_NUD_PERMANENT)))
				destroy(e);
	spin_unlock_bh(&table.lock);
}

/* --- configuration --- */

int inet_neigh_add(struct net *net, const struct inet_neigh *n, bool replace)
{
	struct neigh *e;
	int err = 0;

	if (n->addr.family != INET_AF_INET)
		return -EOPNOTSUPP;
	if (!n->dev || (n->mac[0] & 1) || (n->dev->flags & IFF_LOOPBACK))
		return -EINVAL;
	spin_lock_bh(&table.lock);
	e = find(n->dev, n->addr.v4);
	if (e && !replace && e->state != INET_NUD_FAILED)
		err = -EEXIST;
	if (!err && !e)
		e = create(n->dev, n->addr.v4);
	if (!err && !e)
		err = -ENOMEM;
	if (!err)
		answered(e, n->mac,
			 n->state & INET_NUD_PERMANENT ? INET_NUD_PERMANENT : INET_NUD_REACHABLE);
	spin_unlock_bh(&table.lock);
	return err;
}

int inet_neigh_del(struct net *net, struct netdev *dev, const struct inet_addr *addr)
{
	struct neigh *e;

	if (addr->family != INET_AF_INET)
		return -EOPNOTSUPP;
	spin_lock_bh(&table.lock);
	e = find(dev, addr->v4);
	if (e)
		destroy(e);
	spin_unlock_bh(&table.lock);
	return e ? 0 : -ENOENT;
}

static void tell4(struct net *net, void (*fn)(const struct inet_neigh *n, void *arg), void *arg)
{
	ktime_t now = ktime_get();
	struct neigh *e;

	spin_lock_bh(&table.lock);
	for (u32 i = 0; i < BUCKETS; i++)
		list_for_each(e, &table.buckets[i], node) {
			struct inet_neigh n = { .dev = e->dev, .addr.family = INET_AF_INET, .state = e->state };

			if (e->dev->net != net)
				continue;
			if (e->state == INET_NUD_REACHABLE && now - e->since > REACHABLE_NS)
				n.state = INET_NUD_STALE;
			memcpy(n.addr.v4, e->addr, 4);
			memcpy(n.mac, e->mac, ETH_ALEN);
			fn(&n, arg);
		}
	spin_unlock_bh(&table.lock);
}

static u16 state_of_nd6(u8 state)
{
	switch (state) {
	case ND6_INCOMPLETE:
		return INET_NUD_INCOMPLETE;
	case ND6_REACHABLE:
		return INET_NUD_REACHABLE;
	case ND6_STALE:
		return INET_NUD_STALE;
	case ND6_DELAY:
		return INET_NUD_DELAY;
	default:
		return INET_NUD_PROBE;
	}
}

static void tell6(struct net *net, void (*fn)(const struct inet_neigh *n, void *arg), void *arg)
{
	inet_lock(net->inet);
	for (u32 i = 0; i < LWIP_ND6_NUM_NEIGHBORS; i++) {
		/* lwIP's header does not say how many there are. */
		const struct nd6_neighbor_cache_entry *c =
			(void *)(lwip_self() + LWI_OFFSET_lwi_neighbor_cache);
		struct inet_neigh n = { .addr.family = INET_AF_INET6 };

		c += i;
		if (c->state == ND6_NO_ENTRY || !c->netif)
			continue;
		n.dev = inet_dev_of(c->netif)->dev;
		n.state = state_of_nd6(c->state);
		memcpy(n.addr.v6, c->next_hop_address.addr, 16);
		memcpy(n.mac, c->lladdr, ETH_ALEN);
		fn(&n, arg);
	}
	inet_unlock(net->inet);
}

void inet_neigh_for_each(struct net *net, u16 family,
			 void (*fn)(const struct inet_neigh *n, void *arg), void *arg)
{
	if (family != INET_AF_INET6)
		tell4(net, fn, arg);
	if (family != INET_AF_INET)
		tell6(net, fn, arg);
}

void neigh_init(void)
{
	for (u32 i = 0; i < BUCKETS; i++)
		list_init(&table.buckets[i]);
	hrtimer_init(&table.timer, tick);
	net_poll_init(&table.poll, neigh_poll);
}
