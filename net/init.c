/* SPDX-License-Identifier: MIT */
/* The order in which networking comes up. */
#include <kernel/bug.h>
#include <net/inet/neigh.h>
#include <net/inet/stack.h>
#include <net/netdev/netdev.h>
#include <net/port/port.h>

void net_init(void)
{
	int err;

	net_cache_init();
	netdev_core_init();
	port_init();
	neigh_init();
	err = net_setup(&init_net);
	if (err)
		panic("the first network: error %d", err);
	mutex_lock(&net_config_lock);
	err = netdev_set_flags(init_net.loopback, IFF_UP);
	mutex_unlock(&net_config_lock);
	BUG_ON(err);
}
