/* SPDX-License-Identifier: MIT */
/*
 * The lock of a TCP/IP instance, and what happens around it.
 *
 * lwIP is single-threaded code. Whoever calls it holds the instance's spinlock, for
 * a bounded burst: one system call's data, one share of a poll's packets. The lock is
 * never waited for by the receive softirq: where it is taken, packets go to the inbox,
 * and the holder takes them in before it lets go, or leaves what is too much to the
 * softirq.
 *
 * The same for timers: the hrtimer only marks that it went off.
 *
 * Packets to this machine itself do not go through the loopback interface's queue unless somebody
 * watches it: they wait in `looped` until the burst that sent them is over, and come in under the
 * same hold of the lock.
 *
 *  (1) A packet in looped or in the inbox, or timers_due, is seen by somebody: who adds to it
 *      tries the lock afterwards, and who releases the lock looks at both afterwards; each with a
 *      full fence between.
 *  (2) lwip_self() is set exactly while this context holds a lock; lwIP runs at no other time. It
 *      is of an instance whose lock is held.
 *  (3) Nothing is woken and no doorbell rung with the lock held: inet_fire() and
 *      inet_kick_later() collect, inet_unlock() does.
 *
 * A namespace may have several instances: shard.c. Their locks are taken together, in ascending
 * order, or one alone.
 *
 * lwIP's timers run only while they are needed: TCP's while there is a connection,
 * reassembly's while there are fragments, group membership's for a while after a change, neighbour
 * discovery's while an interface is up. An idle instance costs nothing.
 */
#include <kernel/bug.h>
#include <kernel/lock/rcu.h>
#include <net/inet/device.h>
#include <net/inet/ep.h>
#include <net/inet/route.h>
#include <net/inet/stack.h>
#include <net/port/port.h>
#include <lwip/igmp.h>
#include <lwip/init.h>
#include <lwip/ip4_frag.h>
#include <lwip/ip6_frag.h>
#include <lwip/mld6.h>
#include <lwip/nd6.h>
#include <lwip/priv/tcp_priv.h>
#include <lwip/timeouts.h>

/* Packets that wait for a busy instance; chosen, as Linux's netdev_max_backlog. */
#define INBOX_MAX	1000
/* Packets an unlock takes in before it leaves the rest to the poll. Chosen: some 300 us. */
#define INBOX_BURST	64
/* The longest a group's report may be delayed (10 s in IGMPv2), and some. */
#define GROUP_BUSY_NS	(12 * NS_PER_SEC)

enum inet_timer { TIMER_TCP, TIMER_REASS, TIMER_GROUPS, TIMER_ND6 };
static const ktime_t period_ns[] = {
	[TIMER_TCP] = TCP_TMR_INTERVAL * NS_PER_MS,
	[TIMER_REASS] = IP_TMR_INTERVAL * NS_PER_MS,
	[TIMER_GROUPS] = IGMP_TMR_INTERVAL * NS_PER_MS,
	[TIMER_ND6] = ND6_TMR_INTERVAL * NS_PER_MS,
};

/* --- timers --- */

static void timers_arm(struct inet_stack *s)
{
	ktime_t first = 0;

	for (u32 i = 0; i < ARRAY_SIZE(period_ns); i++)
		if (s->due[i] && (!first || s->due[i] < first))
			first = s->due[i];
	if (first && (!s->armed || first < s->armed)) {
		s->armed = first;
		hrtimer_start(&s->timer, first);
	}
}

static bool is_needed(struct inet_stack *s, enum inet_timer t)
{
	switch (t) {
	case TIMER_TCP:
		return tcp_table_needs_timer(s);
	case TIMER_REASS:
		return port_has_fragments();
	case TIMER_GROUPS:
		return ktime_get() < s->group_until;
	default:
		return inet_any_device_up(s->net);
	}
}

static void timer_start(struct inet_stack *s, enum inet_timer t)
{
	if (s->due[t])
		return;
	s->due[t] = ktime_get() + period_ns[t];
	timers_arm(s);
}

/* lwIP says so when a connection begins. */
void tcp_timer_needed(void)
{
	timer_start(inet_current(), TIMER_TCP);
}

void inet_groups_busy(struct inet_stack *s)
{
	s->group_until = ktime_get() + GROUP_BUSY_NS;
	timer_start(s, TIMER_GROUPS);
}

void inet_devices_changed(struct inet_stack *s)
{
	if (is_needed(s, TIMER_ND6))
		timer_start(s, TIMER_ND6);
}

void inet_config_changed(struct inet_stack *first)
{
	struct inet_stack *s;

	inet_for_each_shard(first->common, s) {
		inet_lock(s);
		s->generation = s->generation == U32_MAX ? 1 : s->generation + 1;
		tcp_splice_part_all(s);
		inet_unlock(s);
	}
}

static void timer_run(struct inet_stack *s, enum inet_timer t)
{
	switch (t) {
	case TIMER_TCP:
		tcp_tmr();
		tcp_table_tick(s);
		return;
	case TIMER_REASS:
		ip_reass_tmr();
		ip6_reass_tmr();
		return;
	case TIMER_GROUPS:
		igmp_tmr();
		mld6_tmr();
		return;
	case TIMER_ND6:
		nd6_tmr();
	}
}

static void timers_run(struct inet_stack *s)
{
	ktime_t now = ktime_get();

	s->armed = 0;
	for (u32 i = 0; i < ARRAY_SIZE(period_ns); i++) {
		if (!s->due[i] || s->due[i] > now)
			continue;
		timer_run(s, i);
		/* Late ticks are lost, not made up for: time-outs get longer, never shorter. */
		s->due[i] = is_needed(s, i) ? max(s->due[i] + period_ns[i], now) : 0;
	}
	timers_arm(s);
}

static enum hrtimer_restart timer_expired(struct hrtimer *t)
{
	struct inet_stack *s = container_of(t, struct inet_stack, timer);

	smp_store_release(&s->timers_due, 1);
	net_poll_schedule(&s->poll);
	return HRTIMER_DONE;
}

/* --- the lock --- */

static void entered(struct inet_stack *s)
{
	ASSERT(!thread_info()->inet_block);
	thread_info()->inet_block = s->block;
}

/* Softirqs are off. */
static __noinline void wait_lock(struct inet_stack *s)
{
	raw_spin_lock(&s->lock, 0);
	entered(s);
}

void inet_lock(struct inet_stack *s)
{
	softirq_disable();
	if (raw_spin_lock_at_once(&s->lock))
		entered(s);
	else
		wait_lock(s);
}

/* Softirqs are off. */
static __noinline void wait_ep_lock(struct inet_ep *ep)
{
	for (;;) {
		struct inet_stack *s = READ_ONCE(ep->stack);

		wait_lock(s);
		if (likely(s == ep->stack))
			return;
		inet_unlock(s);
		softirq_disable();
	}
}

/* It has moved meanwhile. */
static __noinline void follow(struct inet_ep *ep)
{
	inet_unlock(inet_current());
	softirq_disable();
	wait_ep_lock(ep);
}

void inet_ep_lock(struct inet_ep *ep)
{
	struct inet_stack *s = READ_ONCE(ep->stack);

	softirq_disable();
	if (!raw_spin_lock_at_once(&s->lock)) {
		wait_ep_lock(ep);
		return;
	}
	entered(s);
	if (unlikely(s != ep->stack))
		follow(ep);
}

/* Softirqs are off. */
static bool try_lock(struct inet_stack *s)
{
	if (!raw_spin_trylock(&s->lock))
		return false;
	entered(s);
	return true;
}

static bool has_work(struct inet_stack *s)
{
	return !list_empty(&s->looped) || !list_empty(&s->inbox) || READ_ONCE(s->timers_due);
}

static void drop_all(struct list_head *pkts)
{
	struct pkt *pkt, *tmp;

	list_for_each_safe(pkt, tmp, pkts, node)
		pkt_free(pkt);
}

static void inbox_add(struct inet_stack *s, struct list_head *pkts, u32 n)
{
	spin_lock_bh(&s->inbox_lock);
	if (s->inbox_len + n <= INBOX_MAX) {
		list_splice_tail(pkts, &s->inbox);
		s->inbox_len += n;
	} else {
		netdev_rx_dropped(n);
	}
	spin_unlock_bh(&s->inbox_lock);
	if (!list_empty(pkts))
		drop_all(pkts);
}

void inet_pass(struct inet_stack *to, struct pkt *pkt)
{
	LIST_HEAD(pkts);

	list_add_tail(&pkt->node, &pkts);
	inbox_add(to, &pkts, 1);
	/* Another's lock may be held: it is the poll that tries this one's. */
	net_poll_schedule(&to->poll);
}

static __noinline void loop_by_flow(struct inet_stack *s, struct pkt *pkt)
{
	struct inet_stack *to = inet_shard_of_pkt(s->common, pkt);

	if (to == s)
		list_add_tail(&pkt->node, &s->looped);
	else
		inet_pass(to, pkt);
}

void inet_loop(struct pkt *pkt)
{
	struct inet_stack *s = inet_current();

	if (likely(s->alone))
		list_add_tail(&pkt->node, &s->looped);
	else
		loop_by_flow(s, pkt);
}

static struct pkt *next_pkt(struct inet_stack *s)
{
	struct pkt *pkt = NULL;

	if (!list_empty(&s->looped)) {
		pkt = list_first(&s->looped, struct pkt, node);
		list_del(&pkt->node);
		return pkt;
	}
	if (list_empty(&s->inbox))
		return NULL;
	spin_lock_bh(&s->inbox_lock);
	if (!list_empty(&s->inbox)) {
		pkt = list_first(&s->inbox, struct pkt, node);
		list_del(&pkt->node);
		s->inbox_len--;
	}
	spin_unlock_bh(&s->inbox_lock);
	return pkt;
}

static void note_kinds(struct inet_stack *s)
{
	if (port_has_fragments())
		timer_start(s, TIMER_REASS);
}

static void work(struct inet_stack *s)
{
	struct pkt *pkt;

	if (__atomic_exchange_n(&s->timers_due, 0, __ATOMIC_ACQUIRE))
		timers_run(s);
	for (u32 n = 0; n < INBOX_BURST && (pkt = next_pkt(s)); n++)
		inet_input_pkt(pkt);
	note_kinds(s);
}

static void ring_doorbells(struct inet_dev *d)
{
	while (d) {
		struct inet_dev *next = d->next_kick;

		/* From here on it can be listed again. */
		smp_store_release(&d->kick_listed, 0);
		netdev_kick(d->dev);
		d = next;
	}
}

static void tell_owners(struct inet_ep *ep)
{
	while (ep) {
		struct inet_ep *next = ep->next_fired;

		inet_ep_tell(ep);
		ep = next;
	}
}

/* What was collected while the lock was held. */
struct news {
	struct inet_dev *kicks;
	struct inet_ep *fired;
};

static struct news take_news(struct inet_stack *s)
{
	struct news n = { s->kicks, s->fired };

	s->kicks = NULL;
	s->fired = NULL;
	return n;
}

static __noinline void leave_and_tell(struct inet_stack *s)
{
	struct news n = take_news(s);

	rcu_read_lock();
	raw_spin_unlock(&s->lock);
	ring_doorbells(n.kicks);
	tell_owners(n.fired);
	rcu_read_unlock();
}

/* Lock held on entry, not on return; softirqs stay off. */
static __always_inline void leave(struct inet_stack *s)
{
	thread_info()->inet_block = NULL;
	if (s->kicks || s->fired)
		leave_and_tell(s);
	else
		raw_spin_unlock(&s->lock);
}

static __noinline void look_again(struct inet_stack *s)
{
	if (try_lock(s)) {
		work(s);
		leave(s);
		smp_mb();
		if (!has_work(s))
			return;
	}
	net_poll_schedule(&s->poll);
}

/* Invariant (1): after the lock is free, look again. */
static __always_inline void leave_and_look(struct inet_stack *s)
{
	leave(s);
	smp_mb();
	if (unlikely(has_work(s)))
		look_again(s);
}

void inet_unlock(struct inet_stack *s)
{
	if (unlikely(has_work(s)))
		work(s);
	leave_and_look(s);
	softirq_enable();
}

/* --- the locks of all instances --- */

void inet_lock_all(struct net *net)
{
	struct inet_common *c = net->inet->common;

	inet_lock(c->shards[0]);
	for (u32 i = 1; i < c->nr_shards; i++)
		raw_spin_lock(&c->shards[i]->lock, i);
	c->all_held = true;
}

void inet_switch(struct inet_stack *s)
{
	assert_spin_held(&s->lock);
	thread_info()->inet_block = s->block;
}

/* As leave(). */
static void leave_all(struct inet_common *c)
{
	struct news news[INET_SHARDS_MAX];
	u32 n = c->nr_shards;

	for (u32 i = 0; i < n; i++)
		news[i] = take_news(c->shards[i]);
	c->all_held = false;
	thread_info()->inet_block = NULL;
	rcu_read_lock();
	for (u32 i = n; i--; )
		raw_spin_unlock(&c->shards[i]->lock);
	for (u32 i = 0; i < n; i++) {
		ring_doorbells(news[i].kicks);
		tell_owners(news[i].fired);
	}
	rcu_read_unlock();
}

void inet_unlock_all(struct net *net)
{
	struct inet_common *c = net->inet->common;
	struct inet_stack *s;

	inet_for_each_shard(c, s) {
		inet_switch(s);
		if (has_work(s))
			work(s);
	}
	leave_all(c);
	smp_mb();
	inet_for_each_shard(c, s)
		if (has_work(s))
			net_poll_schedule(&s->poll);
	softirq_enable();
}

static u32 stack_poll(struct net_poll *p, u32 budget)
{
	struct inet_stack *s = container_of(p, struct inet_stack, poll);

	net_poll_done(p);
	smp_mb();
	/* Where it is taken, the holder finds what there is when it lets go. */
	if (has_work(s) && try_lock(s)) {
		work(s);
		leave_and_look(s);
	}
	return 1;
}

/* --- input --- */

static void input(struct inet_stack *s, struct list_head *pkts, u32 n)
{
	struct pkt *pkt, *tmp;

	/* What waits already comes first: order within a flow is worth keeping. */
	if (list_empty(&s->inbox) && try_lock(s)) {
		list_for_each_safe(pkt, tmp, pkts, node)
			inet_input_pkt(pkt);
		note_kinds(s);
		leave_and_look(s);
		return;
	}
	inbox_add(s, pkts, n);
	smp_mb();
	if (has_work(s) && try_lock(s)) {
		work(s);
		leave_and_look(s);
	}
}

static __noinline void input_parts(struct inet_common *c, struct list_head *pkts)
{
	struct {
		struct list_head pkts;
		u32 n;
	} parts[INET_SHARDS_MAX];
	struct pkt *pkt, *tmp;

	for (u32 i = 0; i < c->nr_shards; i++) {
		list_init(&parts[i].pkts);
		parts[i].n = 0;
	}
	list_for_each_safe(pkt, tmp, pkts, node) {
		u32 to = inet_shard_of_pkt(c, pkt)->index;

		list_add_tail(&pkt->node, &parts[to].pkts);
		parts[to].n++;
	}
	for (u32 i = 0; i < c->nr_shards; i++)
		if (parts[i].n)
			input(c->shards[i], &parts[i].pkts, parts[i].n);
}

void inet_input(struct net *net, struct list_head *pkts, u32 n)
{
	if (likely(net->inet->alone))
		input(net->inet, pkts, n);
	else
		input_parts(net->inet->common, pkts);
}

/* --- collected while the lock is held --- */

void inet_kick_later(struct inet_dev *d)
{
	struct inet_stack *s = inet_current();

	if (__atomic_exchange_n(&d->kick_listed, 1, __ATOMIC_ACQUIRE))
		return;
	d->next_kick = s->kicks;
	s->kicks = d;
}

void inet_fire(struct inet_ep *ep, u32 events)
{
	/* A listener's is told of in any of them. */
	struct inet_stack *s = inet_current();

	assert_spin_held(&s->lock);
	if (!ep->owner)
		return;
	__atomic_fetch_or(&ep->events, events, __ATOMIC_RELAXED);
	/* Still on the list of one who has let go of the lock: he sees the bits set above. */
	if (__atomic_exchange_n(&ep->fired, 1, __ATOMIC_SEQ_CST))
		return;
	refcount_inc(&ep->refs);
	ep->next_fired = s->fired;
	s->fired = ep;
}

void inet_ep_tell(struct inet_ep *ep)
{
	void *owner;
	u32 events;

	/*
	 * In this order: bits that are set after the exchange find `fired` clear and list it anew.
	 */
	__atomic_store_n(&ep->fired, 0, __ATOMIC_SEQ_CST);
	events = __atomic_exchange_n(&ep->events, 0, __ATOMIC_SEQ_CST);
	owner = smp_load_acquire(&ep->owner);
	if (events && owner)
		ep->ops->event(owner, events);
	inet_ep_put(ep);
}

/* --- creation --- */

/* sys_timeouts_init() is lwIP's name for timers we run ourselves. */
void sys_timeouts_init(void)
{
}

u32_t sys_now(void)
{
	return (u32_t)(ktime_get() / NS_PER_MS);
}

void inet_stack_init(struct inet_stack *s)
{
	spin_lock_init(&s->lock, RANK_INET);
	spin_lock_init(&s->inbox_lock, RANK_INET_INBOX);
	list_init(&s->inbox);
	list_init(&s->looped);
	for (u32 t = 0; t < ARRAY_SIZE(s->eps); t++)
		list_init(&s->eps[t]);
	hrtimer_init(&s->timer, timer_expired);
	s->generation = 1;
	net_poll_init(&s->poll, stack_poll);
}
