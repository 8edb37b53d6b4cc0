/* SPDX-License-Identifier: MIT */
/*
 * One instance of the TCP/IP stack: its lock, its inbox, its events. Between the files
 * of net/inet; others use inet.h and config.h. Design: stack.c.
 */
#pragma once
#include <kernel/irq/irq.h>
#include <net/inet/inet.h>
#include <net/netdev/netdev.h>
#include <lwip/ip6_addr.h>

struct inet_dev;
struct inet_port;

#define INET_PORT_BUCKETS	1024
#define INET_CONNECTION_BUCKETS	2048

struct inet_stack {
	/* Constant after inet_create(). */
	struct net *net;
	char *block;			/* lwIP's variables (net/port/instance.h) */

	struct spinlock lock;		/* RANK_INET, softirqs off */
	/* Guarded by lock. */
	struct inet_ep *fired;		/* have events to be told, linked by next_fired */
	struct inet_dev *kicks;		/* interfaces with packets that the device was not told of */
	struct list_head eps[4];	/* every endpoint by enum inet_type */
	ktime_t due[4];			/* by enum inet_timer (stack.c); 0: not running */
	ktime_t group_until;		/* group membership timers may be running until then */
	ktime_t armed;			/* what `timer` is set to; 0: not */
	struct inet_port *ports[INET_PORT_BUCKETS];	/* ports.c */
	struct hlist_head connections[INET_CONNECTION_BUCKETS];	/* tcp.c */
	struct list_head routes;	/* route.c */
	ip6_addr_t gateway6;		/* route.c: its last answer to lwIP */
	u64 listen_overflows, listen_drops, rcvbuf_errors;

	struct spinlock inbox_lock;	/* RANK_INET_INBOX, softirqs off */
	/* Guarded by inbox_lock; looked at without. */
	struct list_head inbox;		/* struct pkt */
	u32 inbox_len;

	u32 timers_due;			/* atomic: the timer went off */
	u64 inbox_dropped;		/* under inbox_lock */
	struct hrtimer timer;
	struct net_poll poll;		/* timers, and what an unlock left in the inbox */
};

/* Any context but hard interrupts; nests nothing but what comes after RANK_INET. */
void inet_lock(struct inet_stack *s);
/* Let go; then tell devices and owners of endpoints what happened. */
void inet_unlock(struct inet_stack *s);

/* Packets that begin with their IP headers; they are the stack's from here on. Softirq. */
void inet_input(struct net *net, struct list_head *pkts, u32 n);

/* --- lock held --- */
void inet_fire(struct inet_ep *ep, u32 events);
void inet_kick_later(struct inet_dev *d);
void inet_groups_busy(struct inet_stack *s);	/* a group was joined or asked for: its timers run */
void inet_devices_changed(struct inet_stack *s);	/* one came up: neighbour discovery's timer runs */
/* The instance whose lock this context holds. */
struct inet_stack *inet_current(void);

/* device.c: one packet into lwIP. */
void inet_input_pkt(struct pkt *pkt);
/* events.c of endpoints, outside the lock. */
void inet_ep_tell(struct inet_ep *ep);

struct inet_stack *inet_create(struct net *net);	/* NULL: no memory. Boot thread */
