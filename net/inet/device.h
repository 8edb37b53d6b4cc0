/* SPDX-License-Identifier: MIT */
/* An interface as the stack has it: lwIP's netif and the kernel's netdev. device.c. */
#pragma once
#include <kernel/lock/rcu.h>
#include <net/inet/config.h>
#include <lwip/netif.h>

struct inet_dev {
	struct netif netif;		/* under the instance's lock */
	struct netdev *dev;		/* constant */
	struct inet_dev *next_kick;	/* stack->kicks; under the lock */
	u32 kick_listed;		/* atomic */
	struct list_head addrs;		/* IPv4 addresses behind the first: addr4.c */
	struct rcu_head rcu;
};

static inline struct inet_dev *inet_dev_of(struct netif *n)
{
	return container_of(n, struct inet_dev, netif);
}

bool inet_any_device_up(struct net *net);		/* but loopback. Any context */
