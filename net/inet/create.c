/* SPDX-License-Identifier: MIT */
/* How the stack of a namespace begins and ends: its instances, and what they share. */
#include <kernel/bug.h>
#include <kernel/lib/random.h>
#include <kernel/lib/string.h>
#include <kernel/lock/rcu.h>
#include <kernel/percpu.h>
#include <net/inet/ep.h>
#include <net/inet/route.h>
#include <net/inet/stack.h>
#include <net/port/port.h>
#include <lwip/init.h>
#include <lwip/ip4_frag.h>
#include <lwip/ip6_frag.h>

static struct inet_stack *create_instance(struct net *net, struct inet_common *c, u32 index)
{
	struct inet_instance *i = kzalloc(sizeof(*i) + LWI_BLOCK_SIZE, GFP_KERNEL);
	struct inet_stack *s;

	if (!i)
		return NULL;
	s = &i->stack;
	s->net = net;
	s->common = c;
	s->index = index;
	s->alone = !c->shift;
	s->block = i->block;
	if (!tcp_table_init(s)) {
		kfree(i);
		return NULL;
	}
	s->share_shift = PAGE_SHIFT - c->shift;
	inet_stack_init(s);
	port_instance_init(s->block);
	return s;
}

static void destroy_instance(struct inet_stack *s)
{
	tcp_table_free(s);
	kfree(container_of(s, struct inet_instance, stack));
}

static struct inet_common *create_common(void)
{
	struct inet_common *c = kzalloc(sizeof(*c), GFP_KERNEL);

	if (!c)
		return NULL;
	while (c->shift < 3 && 2u << c->shift <= nr_cpus)
		c->shift++;
	_Static_assert(INET_SHARDS_MAX == 1 << 3, "the bound above");
	spin_lock_init(&c->ports_lock, RANK_INET_PORTS);
	list_init(&c->routes);
	random_bytes(c->flow_key, sizeof(c->flow_key));
	c->flow_key[0] |= 1;
	c->flow_key[1] |= 1;
	return c;
}

static void destroy_all(struct inet_common *c)
{
	struct inet_stack *s;

	inet_for_each_shard(c, s)
		destroy_instance(s);
	kfree(c);
}

struct inet_stack *inet_create(struct net *net)
{
	struct inet_common *c = create_common();
	struct inet_stack *s;

	if (!c)
		return NULL;
	tcp_mem_init();
	inet_ep_init();
	for (u32 i = 0; i < 1u << c->shift; i++) {
		s = create_instance(net, c, i);
		if (!s) {
			destroy_all(c);
			return NULL;
		}
		c->shards[c->nr_shards++] = s;
	}
	net->inet = c->shards[0];
	inet_for_each_shard(c, s) {
		inet_lock(s);
		lwip_init();
		/* Two of them do not tell a peer the same number for different packets. */
		*(u16 *)(s->block + LWI_OFFSET_lwi_ip4_ip_id) = (u16)(s->index << (16 - c->shift));
		inet_unlock(s);
	}
	return net->inet;
}

static void drop_from_list(struct list_head *pkts, const struct netdev *dev, u32 *len)
{
	struct pkt *pkt, *next;

	list_for_each_safe(pkt, next, pkts, node) {
		if (pkt->dev != dev)
			continue;
		list_del(&pkt->node);
		--*len;
		pkt_free(pkt);
	}
}

void inet_drop_from(struct inet_common *c, const struct netdev *dev)
{
	struct inet_stack *s;
	u32 uncounted = 0;

	inet_for_each_shard(c, s) {
		assert_spin_held(&s->lock);
		drop_from_list(&s->looped, dev, &uncounted);
		spin_lock_bh(&s->inbox_lock);
		drop_from_list(&s->inbox, dev, &s->inbox_len);
		spin_unlock_bh(&s->inbox_lock);
	}
}

/* All locks are held. Timers stop with what they were for. */
static void end_contents(struct inet_stack *s)
{
	inet_switch(s);
	tcp_table_end(s);
	while (port_has_fragments()) {
		ip_reass_tmr();
		ip6_reass_tmr();
	}
	memset(s->due, 0, sizeof(s->due));
	for (u32 t = 0; t < ARRAY_SIZE(s->eps); t++)
		BUG_ON(!list_empty(&s->eps[t]));
}

void inet_destroy(struct inet_stack *first)
{
	struct inet_common *c = first->common;
	struct inet_stack *s;

	inet_lock_all(first->net);
	inet_for_each_shard(c, s)
		end_contents(s);
	inet_routes_end(c);
	inet_unlock_all(first->net);
	/* The timer only schedules the poll, and the poll starts no timer: none is due. */
	inet_for_each_shard(c, s)
		hrtimer_cancel(&s->timer);
	inet_for_each_shard(c, s)
		net_poll_stop(&s->poll);
	/* Who let go of a lock last may still tell owners and look for work. */
	synchronize_rcu();
	destroy_all(c);
}
