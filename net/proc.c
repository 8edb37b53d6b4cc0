/* SPDX-License-Identifier: MIT */
/*
 * /proc/net: one table for all parts of the network. As on Linux it is a directory of each process,
 * since a process may have a network of its own; /proc/net leads to the caller's.
 */
#include <fs/proc/proc.h>
#include <net/proc.h>

static const struct pseudo_entry entries[] = {
	PSEUDO_FILE("arp", arp_proc_show),
	PSEUDO_FILE("dev", dev_proc_show),
	PSEUDO_FILE("icmp", icmp_proc_show),
	PSEUDO_FILE("if_inet6", if_inet6_proc_show),
	PSEUDO_FILE("ipv6_route", ipv6_route_proc_show),
	PSEUDO_FILE("raw", raw_proc_show),
	PSEUDO_FILE("raw6", raw6_proc_show),
	PSEUDO_FILE("route", route_proc_show),
	PSEUDO_FILE("snmp", snmp_proc_show),
	PSEUDO_FILE("sockstat", sockstat_proc_show),
	PSEUDO_FILE("sockstat6", sockstat6_proc_show),
	PSEUDO_FILE("tcp", tcp_proc_show),
	PSEUDO_FILE("tcp6", tcp6_proc_show),
	PSEUDO_FILE("udp", udp_proc_show),
	PSEUDO_FILE("udp6", udp6_proc_show),
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
