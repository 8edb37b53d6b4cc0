/* SPDX-License-Identifier: MIT */
/*
 * Receive: polls in the softirq, and what becomes of each packet.
 *
 * Each CPU has a list of polls that were scheduled on it. The softirq lets each do a
 * share, in turn, and gives up the CPU after SOFTIRQ_BUDGET units: what is left then
 * runs in the next round, in the end in ksoftirqd. Packets that one share of one poll
 * brought go to the stack together, so that its lock is taken once for all.
 */
#include <kernel/irq/irq.h>
#include <kernel/percpu.h>
#include <kernel/lock/rcu.h>
#include <kernel/lib/string.h>
#include <net/inet/stack.h>
#include <net/inet/neigh.h>
#include <net/netdev/core.h>

/* Units a poll may do at a time, and the softirq in all. Chosen: some 100 us of small packets. */
#define POLL_BUDGET	64
#define SOFTIRQ_BUDGET	256

struct rx_cpu {
	struct list_head polls;		/* only by its CPU, interrupts off */
	struct list_head batch;		/* only by the softirq of its CPU: IP packets of this share */
	u32 batched;
};
static DEFINE_PERCPU(struct rx_cpu, rx);

void net_poll_init(struct net_poll *p, u32 (*poll)(struct net_poll *p, u32 budget))
{
	list_init(&p->node);
	p->scheduled = 0;
	p->poll = poll;
}

static void poll_queue(struct net_poll *p)
{
	u64 flags = local_irq_save();

	list_add_tail(&p->node, &this_cpu(rx).polls);
	softirq_raise(SOFTIRQ_NET_RX);
	local_irq_restore(flags);
}

void net_poll_schedule(struct net_poll *p)
{
	/* Full order: whoever finds it scheduled already knows that poll() will see what he did before. */
	if (!__atomic_exchange_n(&p->scheduled, 1, __ATOMIC_SEQ_CST))
		poll_queue(p);
}

void net_poll_done(struct net_poll *p)
{
	__atomic_store_n(&p->scheduled, 0, __ATOMIC_SEQ_CST);
}

static struct net_poll *poll_next(struct rx_cpu *cpu)
{
	struct net_poll *p = NULL;

	local_irq_disable();
	if (!list_empty(&cpu->polls)) {
		p = container_of(cpu->polls.next, struct net_poll, node);
		list_del(&p->node);
	}
	local_irq_enable();
	return p;
}

static void flush_batch(struct rx_cpu *cpu)
{
	if (!cpu->batched)
		return;
	inet_input(&init_net, &cpu->batch, cpu->batched);
	list_init(&cpu->batch);
	cpu->batched = 0;
}

static void net_rx_softirq(void)
{
	struct rx_cpu *cpu = &this_cpu(rx);
	u32 left = SOFTIRQ_BUDGET;

	while (left) {
		struct net_poll *p = poll_next(cpu);
		u32 done;

		if (!p)
			return;
		done = p->poll(p, POLL_BUDGET);
		flush_batch(cpu);
		if (done >= POLL_BUDGET)
			poll_queue(p);
		left -= min(left, max(done, 1u));
	}
	if (!list_empty(&cpu->polls))
		softirq_raise(SOFTIRQ_NET_RX);
}

static u8 type_of(const struct netdev *dev, const struct ethhdr *eth)
{
	static const u8 all_ones[ETH_ALEN] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

	if (eth->dst[0] & 1)
		return memcmp(eth->dst, all_ones, ETH_ALEN) ? PKT_MULTICAST : PKT_BROADCAST;
	return memcmp(eth->dst, dev->mac, ETH_ALEN) ? PKT_OTHERHOST : PKT_HOST;
}

static void hand_up(struct pkt *pkt)
{
	struct rx_cpu *cpu = &this_cpu(rx);

	switch (pkt->protocol) {
	case ETH_P_IP:
	case ETH_P_IPV6:
		list_add_tail(&pkt->node, &cpu->batch);
		cpu->batched++;
		return;
	case ETH_P_ARP:
		neigh_input_arp(pkt);
		return;
	default:
		pkt_free(pkt);
	}
}

void netdev_receive(struct netdev *dev, struct pkt *pkt)
{
	const struct ethhdr *eth = (const void *)pkt->data;

	if (pkt->linear < ETH_HLEN || !(dev->flags & IFF_UP)) {
		dev->stats.rx_dropped++;
		pkt_free(pkt);
		return;
	}
	pkt->dev = dev;
	pkt->protocol = net16(eth->protocol);
	pkt->type = type_of(dev, eth);
	dev->stats.rx_packets++;
	dev->stats.rx_bytes += pkt->len;
	if (pkt->type == PKT_MULTICAST)
		dev->stats.multicast++;
	if (taps_listen(dev))
		taps_deliver(dev, pkt);
	if (pkt->type == PKT_OTHERHOST) {
		pkt_free(pkt);
		return;
	}
	pkt_pull(pkt, ETH_HLEN);
	hand_up(pkt);
}

void netdev_rx_init(void)
{
	for (u32 cpu = 0; cpu < nr_cpus; cpu++) {
		list_init(&per_cpu(rx, cpu).polls);
		list_init(&per_cpu(rx, cpu).batch);
	}
	softirq_register(SOFTIRQ_NET_RX, net_rx_softirq);
}
