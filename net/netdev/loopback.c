/* SPDX-License-Identifier: MIT */
/*
 * Loopback: what is sent is received, on the same CPU, in the receive softirq. Packets keep
 * their pages: the receiver reads those that the sender filled.
 */
#include <kernel/lib/string.h>
#include <kernel/percpu.h>
#include <net/netdev/core.h>

/* Packets that wait on one CPU; chosen, as Linux's netdev_max_backlog. */
#define BACKLOG		1000

struct lo_cpu {
	struct list_head backlog;	/* only by its CPU, softirqs off */
	u32 len;
	struct net_poll poll;
};
static DEFINE_PERCPU(struct lo_cpu, lo_cpus);
static struct netdev lo;

static bool lo_transmit(struct netdev *dev, struct pkt *pkt)
{
	struct lo_cpu *cpu = &this_cpu(lo_cpus);

	if (cpu->len >= BACKLOG) {
		dev->stats.tx_dropped++;
		pkt_free(pkt);
		return true;
	}
	pkt->flags |= PKT_CSUM_VALID;
	list_add_tail(&pkt->node, &cpu->backlog);
	cpu->len++;
	net_poll_schedule(&cpu->poll);
	return true;
}

static u32 lo_poll(struct net_poll *p, u32 budget)
{
	struct lo_cpu *cpu = container_of(p, struct lo_cpu, poll);
	u32 done = 0;

	while (done < budget && cpu->len) {
		struct pkt *pkt = container_of(cpu->backlog.next, struct pkt, node);

		list_del(&pkt->node);
		cpu->len--;
		netdev_receive(pkt->dev, pkt);
		done++;
	}
	/* Softirqs do not nest, and who transmits has them off: nothing comes between the two. */
	if (done < budget)
		net_poll_done(p);
	return done;
}

static const struct netdev_ops lo_ops = {
	.transmit = lo_transmit,
};

int loopback_create(struct net *net)
{
	for (u32 c = 0; c < nr_cpus; c++) {
		struct lo_cpu *cpu = &per_cpu(lo_cpus, c);

		list_init(&cpu->backlog);
		net_poll_init(&cpu->poll, lo_poll);
	}
	lo.type = ARPHRD_LOOPBACK;
	lo.flags = IFF_LOOPBACK;
	lo.mtu = 65536;
	lo.max_mtu = 65536;
	lo.tx_queue_len = 1000;
	lo.features = NETDEV_SG | NETDEV_NO_CSUM;
	lo.ops = &lo_ops;
	lo.carrier = true;
	strscpy(lo.name, "lo", sizeof(lo.name));
	net->loopback = &lo;
	return netdev_register(net, &lo);
}
