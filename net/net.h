/* SPDX-License-Identifier: MIT */
/*
 * A network namespace: interfaces, routes, and the instances of the stack that serve its sockets.
 * Life: namespace.c. Everybody reaches it through the struct net * that he was given.
 */
#pragma once
#include <kernel/lib/atomic.h>
#include <kernel/lib/list.h>
#include <kernel/lock/mutex.h>
#include <kernel/task/nsproxy.h>

struct inet_stack;

/* What /proc/sys/net sets for one namespace. */
struct net_settings {
	s32 somaxconn;			/* a listener's backlog at most */
	s32 max_dgram_qlen;		/* datagrams that wait at a fresh AF_UNIX socket, but one */
	s32 tcp_syncookies;		/* 0: none; 1: when a SYN queue is full; 2: always */
	s32 tcp_abort_on_overflow;	/* bool: reset who finds the accept queue full */
	s32 tcp_max_syn_backlog;	/* half-open connections of a listener, without cookies */
	s32 tcp_max_tw_buckets;		/* connections in TIME_WAIT */
};

struct net {
	/* Sockets, threads, files, connections that go on without an owner. Not of init_net. */
	refcount_t refs;
	struct list_head node;		/* of those that end: namespace.c */

	/* Guarded by net_config_lock to write, RCU to read. */
	struct list_head devices;	/* struct netdev, by age */
	struct list_head taps;		/* struct netdev_tap */
	u32 last_index;

	/* Constant while it has a user. */
	struct inet_stack *inet;	/* the first: net/inet/shard.c */
	struct netdev *loopback;
	u32 id;				/* counts namespaces; the first is 0 */

	struct net_settings settings;	/* words */
	atomic_t sockets;		/* files of sockets */
};

/*
 * Guards interfaces, addresses, routes and neighbours of all namespaces against change, since an
 * interface may pass from one to another and pairs of them lie in two; whoever only reads may do so
 * under RCU where the header says so. RANK_NET, sleeps.
 */
extern struct mutex net_config_lock;
extern struct net init_net;

/* A fresh one with a loopback interface that is down, and one reference; NULL. Sleeps. */
struct net *net_create(void);
/* net_get() and net_put(), any context: kernel/task/nsproxy.h. The last ends it, in a while. */

/* A zeroed one: all but its memory. 0, -ENOMEM. Sleeps. */
int __must_check net_setup(struct net *net);

void net_cache_init(void);
/* Loopback up, the stack ready; before drivers are probed. Boot thread. */
void net_init(void);
