/* SPDX-License-Identifier: MIT */
/*
 * /proc/net: one table for all parts of the network. As on Linux it is a directory of each process,
 * since a process may have a network of its own; /proc/net leads to the caller's.
 */
#include <fs/proc/proc.h>
#include <net/proc.h>

typedef int (*show_fn)(struct seq *s, struct net *net);

struct net *net_of_file(const struct pseudo *p)
{
	struct thread *t = proc_thread(p);
	struct net *net = NULL;

	if (t) {
		net = thread_net(t);
		thread_put(t);
	}
	return net;
}

static int show(struct seq *s, struct pseudo *p)
{
	struct net *net = net_of_file(p);
	int err;

	if (!net)
		return -ESRCH;
	err = ((show_fn)p->entry->data)(s, net);
	net_put(net);
	return err;
}

#define NET_FILE(n, fn)	{ .name = (n), .mode = S_IFREG | 0444, .show = show, .data = (void *)(fn) }
static const struct pseudo_entry entries[] = {
	NET_FILE("arp", arp_proc_show),
	NET_FILE("dev", dev_proc_show),
	NET_FILE("icmp", icmp_proc_show),
	NET_FILE("if_inet6", if_inet6_proc_show),
	NET_FILE("ipv6_route", ipv6_route_proc_show),
	NET_FILE("netstat", netstat_proc_show),
	NET_FILE("raw", raw_proc_show),
	NET_FILE("raw6", raw6_proc_show),
	NET_FILE("route", route_proc_show),
	NET_FILE("snmp", snmp_proc_show),
	NET_FILE("sockstat", sockstat_proc_show),
	NET_FILE("sockstat6", sockstat6_proc_show),
	PSEUDO_FILE("softnet_stat", softnet_stat_proc_show),
	NET_FILE("tcp", tcp_proc_show),
	NET_FILE("tcp6", tcp6_proc_show),
	NET_FILE("udp", udp_proc_show),
	NET_FILE("udp6", udp6_proc_show),
	{ .name = "unix", .mode = S_IFREG | 0444, .fill = unix_proc_fill },
	{ 0 },
};

void __init net_proc_init(void)
{
	static struct proc_node pid_net = { .entry = PSEUDO_DIR("net", entries) };
	static struct proc_node net = {
		.entry = { .name = "net", .mode = S_IFLNK | 0777, .target = "self/net" },
	};

	proc_pid_create(&pid_net);
	proc_create(&net);
}
