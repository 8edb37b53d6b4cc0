/* SPDX-License-Identifier: MIT */
/*
 * Receive: polls in the softirq, and what becomes of each packet.
 *
 * Each CPU has a list of polls that were scheduled on it, and one of those that other CPUs
 * have sent it. The softirq lets each do a
 * share, in turn, and gives up the CPU after SOFTIRQ_BUDGET units: what is left then
 * runs in the next round, in the end in ksoftirqd. Packets that one share of one poll
 * brought go to the stack together, so that its lock is taken once for all.
 */
#include <kernel/irq/irq.h>
#include <kernel/percpu.h>
#include <kernel/lock/rcu.h>
#include <kernel/lib/string.h>
#include <kernel/sched/sched.h>
#include <net/inet/stack.h>
#include <net/inet/neigh.h>
#include <net/netdev/core.h>

/* Units a poll may do at a time, and the softirq in all. Chosen: some 100 us of small packets. */
#define POLL_BUDGET	64
#define SOFTIRQ_BUDGET	256

struct rx_cpu {
	struct list_head polls;		/* only by its CPU, interrupts off */
	/* Only by the softirq of its CPU: IP packets of this share, all of one namespace. */
	struct list_head batch;
	u32 batched;
	struct net *net;
	/* Counted by its CPU; of softnet_stat. */
	u32 processed, dropped, squeezed;

	struct spinlock lock;		/* RANK_LEAF, irq-safe */
	struct list_head sent;		/* guarded by lock: struct net_poll that other CPUs scheduled here */
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
	/*
	 * Full order: whoever finds it scheduled already
	 * knows that poll() will see what he did before.
	 */
	if (!__atomic_exchange_n(&p->scheduled, 1, __ATOMIC_SEQ_CST))
		poll_queue(p);
}

void net_poll_schedule_on(struct net_poll *p, u32 cpu)
{
	struct rx_cpu *to = &per_cpu(rx, cpu);
	u64 flags;

	if (cpu == cpu_id()) {
		net_poll_schedule(p);
		return;
	}
	if (__atomic_exchange_n(&p->scheduled, 1, __ATOMIC_SEQ_CST))
		return;
	flags = spin_lock_irqsave(&to->lock);
	list_add_tail(&p->node, &to->sent);
	spin_unlock_irqrestore(&to->lock, flags);
	softirq_raise_on(cpu, SOFTIRQ_NET_RX);
}

static __noinline void take_sent(struct rx_cpu *cpu)
{
	spin_lock_irq(&cpu->lock);
	list_splice_tail(&cpu->sent, &cpu->polls);
	spin_unlock_irq(&cpu->lock);
}

void net_poll_done(struct net_poll *p)
{
	/* Full order: an interrupt that found it scheduled has asked for silence before we end that. */
	__atomic_exchange_n(&p->scheduled, 0, __ATOMIC_SEQ_CST);
}

/* Whoever sets scheduled has the poll: here without queueing it. */
void net_poll_stop(struct net_poll *p)
{
	while (__atomic_exchange_n(&p->scheduled, 1, __ATOMIC_SEQ_CST))
		thread_sleep_ns(NS_PER_MS);
}

void net_poll_resume(struct net_poll *p)
{
	net_poll_done(p);
	net_poll_schedule(p);
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
	cpu->processed += cpu->batched;
	inet_input(cpu->net, &cpu->batch, cpu->batched);
	list_init(&cpu->batch);
	cpu->batched = 0;
}

static void net_rx_softirq(void)
{
	struct rx_cpu *cpu = &this_cpu(rx);
	u32 left = SOFTIRQ_BUDGET;

	if (!list_empty(&cpu->sent))
		take_sent(cpu);
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
	if (!list_empty(&cpu->polls)) {
		cpu->squeezed++;
		softirq_raise(SOFTIRQ_NET_RX);
	}
}

void netdev_rx_dropped(u32 n)
{
	this_cpu(rx).dropped += n;
}

void netdev_rx_counts(u32 cpu, u32 *processed, u32 *dropped, u32 *squeezed)
{
	*processed = READ_ONCE(per_cpu(rx, cpu).processed);
	*dropped = READ_ONCE(per_cpu(rx, cpu).dropped);
	*squeezed = READ_ONCE(per_cpu(rx, cpu).squeezed);
}

static u8 type_of(const struct netdev *dev, const struct ethhdr *eth)
{
	static const u8 all_ones[ETH_ALEN] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

	if (eth->dst[0] & 1)
		return is_same_mac(eth->dst, all_ones) ? PKT_BROADCAST : PKT_MULTICAST;
	return is_same_mac(eth->dst, dev->mac) ? PKT_HOST : PKT_OTHERHOST;
}

static void hand_up(struct pkt *pkt)
{
	struct rx_cpu *cpu = &this_cpu(rx);
	enum gro_result merged;

	switch (pkt->protocol) {
	case ETH_P_IP:
	case ETH_P_IPV6:
		if (unlikely(cpu->net != pkt->dev->net)) {
			flush_batch(cpu);
			cpu->net = pkt->dev->net;
		}
		merged = gro_merge(&cpu->batch, pkt);
		if (merged == GRO_MERGED)
			return;
		list_add_tail(&pkt->node, &cpu->batch);
		cpu->batched += merged == GRO_APART;
		return;
	case ETH_P_ARP:
		cpu->processed++;
		neigh_input_arp(pkt);
		return;
	default:
		pkt_free(pkt);
	}
}

/* To the bridge that it is a port of, unless it has just left that. */
static void dev_handle(struct netdev *dev, struct pkt *pkt)
{
	void (*handler)(struct netdev *dev, struct pkt *pkt) = READ_ONCE(dev->handler);

	this_cpu(rx).processed++;
	/* Here, once: where it goes out of several ports they share it. */
	if ((pkt->flags & PKT_CSUM_PARTIAL) && !pkt->gso_size)
		pkt_fill_csum(pkt);
	if (handler)
		handler(dev, pkt);
	else
		pkt_free(pkt);
}

void netdev_receive_on(struct netdev_queue *q, struct pkt *pkt)
{
	struct netdev *dev = q->dev;
	const struct ethhdr *eth = (const void *)pkt->data;

	if (pkt->linear < ETH_HLEN || !(dev->flags & IFF_UP)) {
		q->stats.rx_dropped++;
		pkt_free(pkt);
		return;
	}
	pkt->dev = dev;
	pkt->protocol = net16(eth->protocol);
	pkt->type = type_of(dev, eth);
	q->stats.rx_packets++;
	q->stats.rx_bytes += pkt->len;
	if (pkt->type == PKT_MULTICAST)
		q->stats.multicast++;
	if (netdev_is_watched(dev))
		taps_deliver(dev, pkt);
	if (unlikely(READ_ONCE(dev->handler))) {
		dev_handle(dev, pkt);
		return;
	}
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
		list_init(&per_cpu(rx, cpu).sent);
		spin_lock_init(&per_cpu(rx, cpu).lock, RANK_LEAF);
	}
	softirq_register(SOFTIRQ_NET_RX, net_rx_softirq);
}
