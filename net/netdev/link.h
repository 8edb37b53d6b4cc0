/* SPDX-License-Identifier: MIT */
/*
 * Interfaces that programs make: `ip link add ... type KIND`. Theory: link.c.
 */
#pragma once
#include <net/netdev/netdev.h>

struct link_request {
	const char *name;		/* "": the kind's own, with a number */
	const u8 *mac;			/* NULL: a random one */
	u32 mtu;			/* 0: the usual */
	const struct link_request *peer;	/* veth: the other end; NULL: all as usual */
	struct net *net;		/* of a peer; NULL: with its other end */
};

struct link_kind {
	const char *name;
	/* net_config_lock held, thread context. 0, -EEXIST, -EINVAL, -ENOMEM, -ENFILE. */
	int (*create)(struct net *net, const struct link_request *r);
	/* dev's end, and that of what goes with it; each by link_remove(). net_config_lock held. */
	void (*destroy)(struct netdev *dev);
	/* the other end of a pair; config lock held. NULL: it has none */
	const struct netdev *(*peer)(const struct netdev *dev);
};
extern const struct link_kind link_veth, link_bridge;
const struct link_kind *link_kind_find(const char *name);	/* NULL */

/* --- for netlink; net_config_lock held --- */
int __must_check link_delete(struct netdev *dev);	/* -EOPNOTSUPP: it is a device's */
/* A port of the bridge, or of none (NULL). -EINVAL: no bridge; -ELOOP, -EBUSY, -ENOMEM. */
int __must_check link_set_master(struct netdev *dev, struct netdev *bridge);
/*
 * Into another namespace: netdev_move(), by its own name, or by the other where that is taken (NULL:
 * there is none). -EINVAL: loopback and bridges stay.
 */
int __must_check link_move(struct netdev *dev, struct net *net, const char *other_name);

/* --- for kinds --- */

/* Zeroed, of that many bytes, of which the first are a netdev; NULL: no memory. */
struct netdev *link_alloc(const struct link_kind *kind, size_t bytes);
/* Give it name, address and MTU, and register it. Failed: it is freed. */
int __must_check link_register(struct net *net, struct netdev *dev, const struct link_request *r,
			       const char *usual_name);
/* Nobody finds it any more. Sleeps. Then the kind ends its queues, and calls netdev_free(). */
void link_remove(struct netdev *dev);

/* Packets that one interface has sent and another is to receive, in the softirq. */
struct link_queue {
	struct net_poll poll;
	struct netdev *dev;		/* constant */
	void (*take)(struct netdev *dev, struct pkt *pkt);	/* constant */

	struct spinlock lock;		/* RANK_LINK, softirqs off */
	/* Guarded by lock. */
	struct list_head pkts;
	u32 len;
};
void link_queue_init(struct link_queue *q, struct netdev *dev,
		     void (*take)(struct netdev *dev, struct pkt *pkt));
/* Nobody adds to it any more, nor will. Sleeps. */
void link_queue_end(struct link_queue *q);
/* pkt is the queue's from here on. False: there was no room, and it is freed. Softirqs off. */
bool link_queue_add(struct link_queue *q, struct pkt *pkt);

/* bridge.c */
bool is_bridge(const struct netdev *dev);
int bridge_add_port(struct netdev *bridge, struct netdev *dev);
void bridge_remove_port(struct netdev *dev);
