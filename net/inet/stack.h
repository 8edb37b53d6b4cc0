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
struct tcp_pcb;

#define INET_PORT_BUCKETS	1024
#define INET_CONNECTION_BITS	12
/* lists of sleeping connections, by the tick that wakes them */
#define INET_RESTING		256

struct inet_stack {
	/* Constant after inet_create(). */
	struct net *net;
	char *block;			/* lwIP's variables (net/port/instance.h) */
	u64 hash_key[4];		/* secret, odd: tcp_table.c */

	struct spinlock lock;		/* RANK_INET, softirqs off */
	/* Guarded by lock. */
	struct inet_ep *fired;		/* have events to be told, linked by next_fired */
	u32 generation;			/* counts changes of addresses, interfaces and routes; never 0 */
	struct list_head looped;	/* struct pkt sent to this machine: taken in before the lock is let go */
	struct inet_dev *kicks;		/* interfaces with packets that the device was not told of */
	struct list_head eps[4];	/* every endpoint by enum inet_type */
	u64 last_serial;		/* of an endpoint on them */
	ktime_t due[4];			/* by enum inet_timer (stack.c); 0: not running */
	ktime_t group_until;		/* group membership timers may be running until then */
	ktime_t armed;			/* what `timer` is set to; 0: not */
	struct inet_port *ports[INET_PORT_BUCKETS];	/* ports.c */
	/* tcp_table.c */
	struct hlist_head connections[1u << INET_CONNECTION_BITS];
	struct tcp_pcb *resting[INET_RESTING + 1];	/* the last: until something happens */
	u32 nr_sleeping;		/* on the others */
	struct list_head time_wait;	/* endpoints, oldest first */
	u32 nr_time_wait;
	bool dont_fragment;		/* the IPv4 packet that is being sent says so */
	struct list_head routes;	/* route.c */
	ip6_addr_t gateway6;		/* route.c: its last answer to lwIP */
	u16 gso_size;			/* of the segment that TCP sends just now: the peer's largest */
	u64 listen_overflows, listen_drops, rcvbuf_errors;
	s64 tcp_bytes;			/* tcp_mem.c: kept by all connections */
	bool tcp_pressure;
	/* closed by their owners, with a control block, not in TIME_WAIT */
	u32 nr_orphans;
	u32 nr_unfinished;		/* of those: not all they have sent is acknowledged */
	u64 cookies_sent, cookies_taken, cookies_failed;
	u32 cookies_until;		/* tcp_cookie.c: the period in which the last one is void */

	struct spinlock inbox_lock;	/* RANK_INET_INBOX, softirqs off */
	/* Guarded by inbox_lock; looked at without. */
	struct list_head inbox;		/* struct pkt */
	u32 inbox_len;

	u32 timers_due;			/* atomic: the timer went off */
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
/* pkt, which begins with its IP header, comes in again */
void inet_loop(struct pkt *pkt);
/* a group was joined or asked for: its timers run */
void inet_groups_busy(struct inet_stack *s);
/* What endpoints know of ways is out of date. The lock is not held. */
void inet_config_changed(struct inet_stack *s);
/* one came up: neighbour discovery's timer runs */
void inet_devices_changed(struct inet_stack *s);

/* lwIP's variables stand behind what is the kernel's of an instance. */
struct inet_instance {
	struct inet_stack stack;
	char block[] __aligned(16);
};
/* The instance whose lock this context holds. */
static inline struct inet_stack *inet_current(void)
{
	return &((struct inet_instance *)(lwip_self() - offsetof(struct inet_instance, block)))
			->stack;
}

/* device.c: one packet into lwIP. */
void inet_input_pkt(struct pkt *pkt);
/* events.c of endpoints, outside the lock. */
void inet_ep_tell(struct inet_ep *ep);

struct inet_stack *inet_create(struct net *net);	/* NULL: no memory. Sleeps */
/*
 * Nobody has an endpoint of it, and it has no interfaces. What is left in it ends without a word:
 * connections that nobody owns, fragments, routes. Sleeps.
 */
void inet_destroy(struct inet_stack *s);
/* Lock held: packets that came by dev and wait are dropped. */
void inet_drop_from(struct inet_stack *s, const struct netdev *dev);
