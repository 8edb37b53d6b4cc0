/* SPDX-License-Identifier: MIT */
/*
 * /proc/net: one table for all parts of the network. As on Linux it is a directory of each process,
 * since a process may have a network of its own; /proc/net leads to the caller's.
 */
#include <fs/proc/proc.h>
#include <net/proc.h>

static const struct pseudo_entry entries[] = {
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
