/* SPDX-License-Identifier: MIT */
/* The first network namespace, and the order in which networking comes up. */
#include <kernel/bug.h>
#include <net/inet/neigh.h>
#include <net/inet/stack.h>
#include <net/netdev/netdev.h>
#include <net/port/port.h>

struct net init_net;

void net_init(void)
{
	int err;

	mutex_init(&init_net.config_lock, RANK_NET);
	list_init(&init_net.devices);
	list_init(&init_net.taps);
	netdev_core_init();
	port_init();
	neigh_init();
	if (!inet_create(&init_net))
		panic("no memory for the TCP/IP stack");
	err = loopback_create(&init_net);
	if (err)
		panic("loopback: error %d", err);
	mutex_lock(&init_net.config_lock);
	err = netdev_set_flags(init_net.loopback, IFF_UP);
	mutex_unlock(&init_net.config_lock);
	BUG_ON(err);
}
