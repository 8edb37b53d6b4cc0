/* SPDX-License-Identifier: MIT */
/* /proc/net/dev, softnet_stat, route, arp, if_inet6 and ipv6_route: interfaces and what is configured on them. */
#include <net/inet/config.h>
#include <net/net.h>
#include <net/netdev/core.h>
#include <net/proc.h>
#include <kernel/lib/string.h>

#define ROUTE_LINE	127u		/* bytes of a line of /proc/net/route, with blanks */

int dev_proc_show(struct seq *s, struct net *net)
{
	struct netdev *dev;

	seq_puts(s, "Inter-|   Receive                                                |  Transmit\n"
		 " face |bytes    packets errs drop fifo frame compressed multicast|"
		 "bytes    packets errs drop fifo colls carrier compressed\n");
	mutex_lock(&net_config_lock);
	netdev_for_each(net, dev) {
		struct netdev_stats st;

		netdev_sum_stats(dev, &st);
		seq_printf(s, "%6s: %7lu %7lu %4lu %4lu    0     0          0 %9lu", dev->name,
			   st.rx_bytes, st.rx_packets, st.rx_errors, st.rx_dropped, st.multicast);
		seq_printf(s, " %8lu %7lu %4lu %4lu    0     0       0          0\n", st.tx_bytes,
			   st.tx_packets, st.tx_errors, st.tx_dropped);
	}
	mutex_unlock(&net_config_lock);
	return 0;
}

/* What Linux counts of packets steered to other CPUs, and its backlog, which is the stack's here: 0. */
int softnet_stat_proc_show(struct seq *s, struct pseudo *p)
{
	u32 cpu;

	for_each_online_cpu(cpu) {
		u32 processed, dropped, squeezed;

		netdev_rx_counts(cpu, &processed, &dropped, &squeezed);
		seq_printf(s, "%08x %08x %08x", processed, dropped, squeezed);
		for (u32 i = 3; i < 15; i++)
			seq_printf(s, " %08x", i == 12 ? cpu : 0);
		seq_putc(s, '\n');
	}
	return 0;
}

static u32 word_of(const u8 *addr)
{
	u32 v;

	memcpy(&v, addr, sizeof(v));
	return v;
}

static void put_route(const struct inet_route *r, void *arg)
{
	struct seq *s = arg;
	size_t before = s->len;
	u32 mask = r->prefix_len ? net32(~0u << (32 - r->prefix_len)) : 0;
	u32 flags = 1 | (r->gateway.family ? 2 : 0) | (r->prefix_len == 32 ? 4 : 0) |
		    (r->type == INET_ROUTE_UNREACHABLE ? 0x200 : 0);

	if (r->type == INET_ROUTE_LOCAL)
		return;
	seq_printf(s, "%s\t%08X\t%08X\t%04X\t0\t0\t%u\t%08X\t0\t0\t0", r->dev ? r->dev->name : "*",
		   word_of(r->dst.v4), r->gateway.family ? word_of(r->gateway.v4) : 0, flags,
		   r->metric, mask);
	while (s->len - before < ROUTE_LINE)
		seq_putc(s, ' ');
	seq_putc(s, '\n');
}

int route_proc_show(struct seq *s, struct net *net)
{
	size_t before = s->len;

	seq_puts(s, "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT");
	while (s->len - before < ROUTE_LINE)
		seq_putc(s, ' ');
	seq_putc(s, '\n');
	mutex_lock(&net_config_lock);
	inet_route_for_each(net, INET_AF_INET, put_route, s);
	mutex_unlock(&net_config_lock);
	return 0;
}

static void put_neigh(const struct inet_neigh *n, void *arg)
{
	const u8 *a = n->addr.v4, *m = n->mac;
	char text[16];
	u32 flags = n->state & INET_NUD_PERMANENT ? 6 :
		    n->state & (INET_NUD_INCOMPLETE | INET_NUD_FAILED) ? 0 : 2;

	snprintf(text, sizeof(text), "%u.%u.%u.%u", a[0], a[1], a[2], a[3]);
	seq_printf(arg, "%-16s 0x%-10x0x%-10x%02x:%02x:%02x:%02x:%02x:%02x     *        %s\n", text,
		   n->dev->type, flags, m[0], m[1], m[2], m[3], m[4], m[5], n->dev->name);
}

int arp_proc_show(struct seq *s, struct net *net)
{
	seq_puts(s, "IP address       HW type     Flags       HW address            Mask     Device\n");
	mutex_lock(&net_config_lock);
	inet_neigh_for_each(net, INET_AF_INET, put_neigh, s);
	mutex_unlock(&net_config_lock);
	return 0;
}

static void put_bytes(struct seq *s, const u8 *b)
{
	for (u32 i = 0; i < 16; i++)
		seq_printf(s, "%02x", b[i]);
}

/* The scope as the ABI's address types have it: of the host 0x10, of the link 0x20, else 0. */
static void put_addr6(const struct inet_ifaddr *a, void *arg)
{
	if (a->addr.family != INET_AF_INET6)
		return;
	put_bytes(arg, a->addr.v6);
	seq_printf(arg, " %02x %02x %02x %02x %8s\n", a->dev->index, a->prefix_len,
		   a->scope == 254 ? 0x10 : a->scope == 253 ? 0x20 : 0, a->flags & 0xff, a->dev->name);
}

int if_inet6_proc_show(struct seq *s, struct net *net)
{
	mutex_lock(&net_config_lock);
	inet_addr_for_each(net, NULL, put_addr6, s);
	mutex_unlock(&net_config_lock);
	return 0;
}

static void put_route6(const struct inet_route *r, void *arg)
{
	static const u8 none[16];
	u32 flags = r->type == INET_ROUTE_LOCAL ? 0x80200001 : r->gateway.family ? 3 : 1;

	put_bytes(arg, r->dst.v6);
	seq_printf(arg, " %02x ", r->prefix_len);
	put_bytes(arg, none);
	seq_puts(arg, " 00 ");
	put_bytes(arg, r->gateway.family ? r->gateway.v6 : none);
	seq_printf(arg, " %08x %08x %08x %08x %8s\n", r->metric, 1, 0, flags,
		   r->dev ? r->dev->name : "lo");
}

int ipv6_route_proc_show(struct seq *s, struct net *net)
{
	mutex_lock(&net_config_lock);
	inet_route_for_each(net, INET_AF_INET6, put_route6, s);
	mutex_unlock(&net_config_lock);
	return 0;
}
