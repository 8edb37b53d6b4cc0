/* SPDX-License-Identifier: MIT */
/*
 * A network namespace: interfaces, routes, and the instance of the stack that
 * serves its sockets. There is one, init_net; everybody reaches it through the
 * struct net * that he was given, so that more can come.
 */
#pragma once
#include <kernel/lib/list.h>
#include <kernel/lock/mutex.h>

struct inet_stack;

struct net {
	/*
	 * Guards interfaces, addresses, routes and neighbours against change; whoever only
	 * reads may do so under RCU where the header says so. RANK_NET, sleeps.
	 */
	struct mutex config_lock;

	/* Guarded by config_lock to write, RCU to read. */
	struct list_head devices;	/* struct netdev, by index */
	struct list_head taps;		/* struct netdev_tap */
	u32 last_index;

	/* Constant after net_init(). */
	struct inet_stack *inet;
	struct netdev *loopback;
};

extern struct net init_net;

/* Loopback up, the stack ready; before drivers are probed. Boot thread. */
void net_init(void);
