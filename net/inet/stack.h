/* SPDX-License-Identifier: MIT */
/*
 * The TCP/IP stack of a namespace: one instance or several, each with its lock, its inbox, its
 * events, and what they share. Between the files of net/inet; others use inet.h and config.h.
 * Design: stack.c, and of several: shard.c.
 */
#pragma once
#include <kernel/irq/irq.h>
#include <net/inet/inet.h>
#include <net/netdev/netdev.h>
#include <lwip/ip_addr.h>

struct inet_dev;
struct inet_port;
struct pbuf;
struct tcp_pcb;

/* Instances of a namespace; chosen: so many locks are taken to change its configuration. */
#define INET_SHARDS_MAX		8

#define INET_TCP_BUCKETS	1024
#define INET_DGRAM_BUCKETS	256
#define INET_CONNECTION_BITS	12	/* of all instances */
/* lists of sleeping connections, by the tick that wakes them */
#define INET_RESTING		256

/* What the instances of one namespace share: shard.c. */
struct inet_common {
	/* Constant after inet_create(). */
	struct inet_stack *shards[INET_SHARDS_MAX];
	u32 nr_shards, shift;		/* 1 << shift; one for each CPU, about */
	u64 flow_key[2];		/* secret, odd */

	/* Written with the locks of all instances held, read with any of them. */
	struct list_head routes;	/* route.c */
	bool all_held;			/* they are: inet_lock_all() */

	u32 next_home;			/* whose the next socket is; a hint */
	u32 raw_tcp;			/* atomic: raw sockets that see TCP of IPv4 */

	struct inet_port *dgram_ports[INET_DGRAM_BUCKETS];	/* guarded by the first one's lock */

	struct spinlock ports_lock;	/* RANK_INET_PORTS, softirqs off; ports.c */
	/* Guarded by ports_lock. */
	struct inet_port *tcp_ports[INET_TCP_BUCKETS];
};

struct inet_way4 {
	u32 generation;
	u32 dst, hop;			/* addresses; hop: whose hardware address it takes */
	struct netif *out;
};

struct inet_stack {
	/* Constant after inet_create(). */
	struct net *net;
	struct inet_common *common;
	u32 index;			/* in common->shards */
	bool alone;			/* it is the only one */
	char *block;			/* lwIP's variables (net/port/instance.h) */
	u64 hash_key[4];		/* secret, odd: tcp_table.c */
	struct hlist_head *connections;	/* tcp_table.c */
	u32 hash_shift;			/* 64 less the bits of their number */
	u32 share_shift;		/* tcp_bytes >> share_shift: pages, if all instances had as much */

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
	/* tcp_table.c */
	struct tcp_pcb *resting[INET_RESTING + 1];	/* the last: until something happens */
	u32 nr_sleeping;		/* on the others */
	struct list_head time_wait;	/* endpoints, oldest first */
	u32 nr_time_wait;
	bool dont_fragment;		/* the IPv4 packet that is being sent says so */
	struct inet_way4 way4;		/* route.c: the last one found; of `generation`, else void */
	ip6_addr_t gateway6;		/* route.c: its last answer to lwIP */
	u16 gso_size;			/* of the segment that TCP sends just now: the peer's largest */
	u64 listen_overflows, listen_drops, rcvbuf_errors;
	s64 tcp_bytes;			/* tcp_mem.c: kept by its connections */
	bool tcp_pressure;		/* of all; set under any instance's lock */
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
/*
 * The lock of the endpoint's instance, which is ep->stack until inet_unlock(ep->stack). Where an
 * endpoint has but one instance for life (all but TCP's), inet_lock(ep->stack) does as well.
 */
void inet_ep_lock(struct inet_ep *ep);
/*
 * The locks of all instances of a namespace: for what each may read under its own. lwIP runs with
 * the first one's variables, and with another's from inet_switch() on.
 */
void inet_lock_all(struct net *net);
void inet_unlock_all(struct net *net);
void inet_switch(struct inet_stack *s);

/* In ascending order. s: struct inet_stack *. */
#define inet_for_each_shard(c, s) \
	for (u32 shard_nr = 0; shard_nr < (c)->nr_shards && ((s) = (c)->shards[shard_nr], true); \
	     shard_nr++)

/* Packets that begin with their IP headers; they are the stack's from here on. Softirq. */
void inet_input(struct net *net, struct list_head *pkts, u32 n);

/* --- lock held --- */
void inet_fire(struct inet_ep *ep, u32 events);
void inet_kick_later(struct inet_dev *d);
/* pkt, which begins with its IP header, comes in again */
void inet_loop(struct pkt *pkt);
/* It comes in at that instance, whose lock need not be held. */
void inet_pass(struct inet_stack *to, struct pkt *pkt);
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
/* device.c: a copy of a packet of lwIP's, without link header. NULL: no memory. */
struct pkt *inet_pkt_copy_of(const struct pbuf *p);

/*
 * shard.c: whose a TCP connection is, whichever of its ends is told of first. Ports in host byte
 * order.
 */
struct inet_stack *inet_shard_of(const struct inet_common *c, const ip_addr_t *a, u16 a_port,
				 const ip_addr_t *b, u16 b_port);
/* The same, of IPv4; addresses as in a packet. */
struct inet_stack *inet_shard_of4(const struct inet_common *c, u32 a, u16 a_port, u32 b, u16 b_port);
/* Whose packet it is, which begins with its IP header. */
struct inet_stack *inet_shard_of_pkt(const struct inet_common *c, const struct pkt *pkt);
/* All locks held: lwIP's list of interfaces has changed, in the first instance. */
void inet_share_interfaces(struct inet_common *c);
/* All locks held: an interface has that address, or 0, no more. */
void inet_tell_address_gone(struct inet_common *c, u32 old);
/* Events of endpoints, outside the lock. */
void inet_ep_tell(struct inet_ep *ep);

void inet_stack_init(struct inet_stack *s);	/* stack.c: what it keeps, and no memory for it */
struct inet_stack *inet_create(struct net *net);	/* the first one. NULL: no memory. Sleeps */
/*
 * Nobody has an endpoint of it, and it has no interfaces. What is left in it ends without a word:
 * connections that nobody owns, fragments, routes. Sleeps.
 */
void inet_destroy(struct inet_stack *s);
/* All locks held: packets that came by dev and wait are dropped. */
void inet_drop_from(struct inet_common *c, const struct netdev *dev);
