/* SPDX-License-Identifier: MIT */
/*
 * Network interfaces: what drivers offer, what the stack and the tools have of them.
 *
 * Receive is polled: a driver's interrupt only schedules its net_poll and stays quiet
 * until the poll, in softirq, has found nothing more. Transmit goes to the driver at
 * once, or into the interface's queue while the driver's ring is full.
 *
 * An interface has a queue, or several, each with its lock, its counters and its own poll.
 * What is sent goes to one by its flow, so that a flow's packets keep their order.
 *
 * Configuration (flags, addresses, routes, MTU) is under net_config_lock; packets are
 * not: readers use RCU or single words.
 *
 * Who has found an interface keeps it for as long as he holds net_config_lock or the stack's lock,
 * or is in an RCU read section: then it may be deleted (netdev.c).
 */
#pragma once
#include <kernel/irq/irq.h>
#include <kernel/lib/seq.h>
#include <kernel/lock/rcu.h>
#include <kernel/lock/spinlock.h>
#include <net/net.h>
#include <net/netdev/pkt.h>

#define IFNAMSIZ	16
#define ETH_ALEN	6
#define ETH_HLEN	14

/* EtherTypes */
#define ETH_P_IP	0x0800
#define ETH_P_ARP	0x0806
#define ETH_P_IPV6	0x86dd
#define ETH_P_ALL	0x0003		/* a tap's: every one */

/* Flags, type and operational state as Linux numbers them. */
#define IFF_UP		BIT(0)
#define IFF_BROADCAST	BIT(1)
#define IFF_LOOPBACK	BIT(3)
#define IFF_RUNNING	BIT(6)
#define IFF_NOARP	BIT(7)
#define IFF_PROMISC	BIT(8)
#define IFF_ALLMULTI	BIT(9)
#define IFF_MULTICAST	BIT(12)
#define IFF_LOWER_UP	BIT(16)
#define ARPHRD_ETHER	1
#define ARPHRD_LOOPBACK	772

struct ethhdr {
	u8 dst[ETH_ALEN], src[ETH_ALEN];
	u16 protocol;			/* network byte order */
} __packed;

/* In place: a call of memcmp() costs twice that. */
static inline bool is_same_mac(const u8 *a, const u8 *b)
{
	return !((a[0] ^ b[0]) | (a[1] ^ b[1]) | (a[2] ^ b[2]) | (a[3] ^ b[3]) | (a[4] ^ b[4]) |
		 (a[5] ^ b[5]));
}

static inline u16 net16(u16 x)		/* host to network byte order and back */
{
	return (u16)(x << 8 | x >> 8);
}

static inline u32 net32(u32 x)
{
	return x << 24 | (x & 0xff00) << 8 | (x >> 8 & 0xff00) | x >> 24;
}

/* --- polling --- */

/* Work of the receive softirq. Only by the CPU that it is scheduled on. */
struct net_poll {
	struct list_head node;
	u32 scheduled;			/* atomic */
	/*
	 * Up to budget units (packets); how many were done. Fewer than budget: it is finished
	 * and has called net_poll_done(). Softirq context.
	 */
	u32 (*poll)(struct net_poll *p, u32 budget);
};
void net_poll_init(struct net_poll *p, u32 (*poll)(struct net_poll *p, u32 budget));
void net_poll_schedule(struct net_poll *p);	/* on this CPU; any context */
void net_poll_schedule_on(struct net_poll *p, u32 cpu);	/* which is online; any context */
/*
 * From poll(): from here on net_poll_schedule() works
 * again; then look once more for what came meanwhile.
 */
void net_poll_done(struct net_poll *p);
/*
 * Nobody polls p from here to net_poll_resume(); what was
 * scheduled meanwhile runs then. Thread context, sleeps.
 */
void net_poll_stop(struct net_poll *p);
void net_poll_resume(struct net_poll *p);

/* --- interfaces --- */

struct netdev_stats {			/* in the order of /proc/net/dev and rtnetlink */
	u64 rx_bytes, rx_packets, rx_errors, rx_dropped, multicast;
	u64 tx_bytes, tx_packets, tx_errors, tx_dropped;
};

#define NETDEV_MAX_GROUPS	32
struct netdev_filter {
	bool all, all_groups;		/* frames to anybody; to any group */
	u32 nr_groups;			/* those of a group are one's own */
	u8 groups[NETDEV_MAX_GROUPS][ETH_ALEN];
};

/* Groups that the stack has joined: groups.c. */
struct netdev_groups {
	struct spinlock lock;		/* RANK_LEAF, irq-safe */
	/* Guarded by lock. */
	u32 users[NETDEV_MAX_GROUPS];	/* 0: free */
	u8 macs[NETDEV_MAX_GROUPS][ETH_ALEN];
	bool overflowed;		/* there have been more: all groups from then on */
	struct work work;
};

/*
 * One way in and out of an interface. Where there are several, each is polled by a CPU of its
 * own, and sends what the flows that fall to it have.
 */
struct netdev_queue {
	/* Constant. */
	struct netdev *dev;
	void *priv;			/* the driver's */

	/* What the driver counts of receiving: its poll alone. Of sending: under lock. */
	struct netdev_stats stats;

	struct spinlock lock;		/* RANK_NETDEV, softirqs off */
	/* Guarded by lock. */
	struct list_head pkts;		/* struct pkt that the driver had no room for */
	u32 queued;
	bool stopped;			/* until netdev_wake_queue() */
	bool kick;			/* the driver has packets that the device was not told of */
	struct net_poll poll;		/* goes on with pkts */
};
#define NETDEV_MAX_QUEUES	NR_CPUS

struct netdev;
struct netdev_ops {
	/* The interface comes up, goes down. Thread context, net_config_lock. NULL: nothing to do. */
	int (*open)(struct netdev *dev);
	void (*stop)(struct netdev *dev);
	/*
	 * Take pkt, which begins with its link header, or say false: no room, and call
	 * netdev_wake_queue() when there is. The queue's lock held, softirqs off.
	 */
	bool (*transmit)(struct netdev_queue *q, struct pkt *pkt);
	/*
	 * Tell the device of what transmit() took since the
	 * last time. The queue's lock held. NULL: it knows.
	 */
	void (*kick)(struct netdev_queue *q);
	/* New MAC address, MTU. NULL: it may be any. Thread context, net_config_lock. */
	int (*set_mac)(struct netdev *dev, const u8 *mac);
	int (*set_mtu)(struct netdev *dev, u32 mtu);
	/*
	 * Hand up what f wants, and frames to dev->mac and to all; more are no harm. Thread context,
	 * net_config_lock. NULL: all come always.
	 */
	void (*set_filter)(struct netdev *dev, const struct netdev_filter *f);
	/* What the device has counted itself, beside its queues. Any context. NULL: nothing. */
	void (*add_stats)(const struct netdev *dev, struct netdev_stats *sum);
};

/* What a device does itself (dev->features). */
#define NETDEV_SG		BIT(0)	/* sends frags */
#define NETDEV_CSUM4		BIT(1)	/* fills in PKT_CSUM_PARTIAL of IPv4, of IPv6 */
#define NETDEV_CSUM6		BIT(6)
#define NETDEV_CSUM		(NETDEV_CSUM4 | NETDEV_CSUM6)
#define NETDEV_TSO4		BIT(2)
#define NETDEV_TSO6		BIT(3)
#define NETDEV_RX_CSUM		BIT(4)	/* sets PKT_CSUM_VALID */
/* packets cannot be damaged: none is made or looked at (loopback) */
#define NETDEV_NO_CSUM		BIT(5)

struct link_kind;
struct bridge_port;

struct netdev {
	/* Constant while it is registered. */
	const struct link_kind *kind;	/* programs made it; NULL: a device's (link.h) */
	char name[IFNAMSIZ];
	u32 index;
	u16 type;			/* ARPHRD_* */
	u32 min_mtu, max_mtu;
	u32 features;
	u8 broadcast[ETH_ALEN];
	const struct netdev_ops *ops;
	struct net *net;
	void *priv;			/* the driver's */
	struct netif *netif;		/* lwIP's side of it: net/inet/netif.c */
	struct netdev_queue *queues;	/* nr_queues of them; a driver's with several, else &first */
	u32 nr_queues;

	/* Guarded by net_config_lock to write; single words may be read without. */
	struct list_head node;		/* net->devices; RCU to read */
	u32 flags;			/* IFF_*, without those that are derived: netdev_flags() */
	u32 mtu;			/* bytes of payload */
	u32 tx_queue_len;		/* packets that wait, of each queue */
	u8 mac[ETH_ALEN];
	u32 promiscuity;		/* who wants all packets: those listed, and a bridge */
	struct list_head promiscuous;	/* struct netdev_promisc */
	struct netdev *master;		/* the bridge whose port it is; NULL */
	struct bridge_port *port;	/* of that; RCU to read */
	/*
	 * Takes all that it receives, in place of the stack; NULL. Softirq. May be read
	 * without a lock.
	 */
	void (*handler)(struct netdev *dev, struct pkt *pkt);

	struct netdev_groups groups;
	u32 carrier;			/* the link is there; any context */
	atomic_t nr_taps;		/* who listens: net/netdev/tap.c */

	/* Loopback: packets that the stack kept to itself (net/inet/device.c). Under its lock. */
	u64 looped_packets, looped_bytes;
	u64 unresolved;			/* dropped for want of the neighbour's address: its lock */

	struct netdev_queue first;	/* the only one, unless the driver has brought others */

	struct rcu_head rcu;
};

/*
 * dev is filled in but for what registration gives (index, locks); name may hold a %d.
 * It is down. 0, -EEXIST, -ENOMEM, -ENFILE. Thread context.
 */
int __must_check netdev_register(struct net *net, struct netdev *dev);
/* net_config_lock held */
int __must_check netdev_register_locked(struct net *net, struct netdev *dev);
/*
 * Down, without addresses, and found by nobody any more: it sends and receives nothing.
 * net_config_lock held. Sleeps.
 */
void netdev_unregister_locked(struct netdev *dev);
/*
 * Freed, a grace period later, with what is made around it (dev is its first member); it is
 * not registered. Sleeps.
 */
void netdev_free(struct netdev *dev);
/*
 * Out of its namespace as if it were deleted, and into another, down; with its number where that is
 * free. net_config_lock held. 0; -EEXIST: the name is taken; -EINVAL: it is none; -ENFILE. Sleeps.
 */
int __must_check netdev_move(struct netdev *dev, struct net *net, const char *name);
/* A device's to the first namespace, whatever its name is there. net_config_lock held. */
void netdev_send_home(struct netdev *dev);
/* A fresh structure with an Ethernet's usual values; NULL. */
void netdev_init_ether(struct netdev *dev, const u8 *mac);
/* Both under RCU or net_config_lock, and so is what they give; NULL. */
struct netdev *netdev_by_index(struct net *net, u32 index);
struct netdev *netdev_by_name(struct net *net, const char *name);
#define netdev_for_each(net, dev)	list_for_each(dev, &(net)->devices, node)

/* Frames to a group, by its Ethernet address, are wanted, or not any more. Any context. */
void netdev_group_join(struct netdev *dev, const u8 *mac);
void netdev_group_leave(struct netdev *dev, const u8 *mac);
u32 netdev_flags(const struct netdev *dev);	/* with RUNNING and LOWER_UP */
void netdev_set_carrier(struct netdev *dev, bool on);	/* any context */
void netdev_sum_stats(const struct netdev *dev, struct netdev_stats *out);

/* All with net_config_lock held, in thread context; 0 or -errno as Linux's ioctls have it. */
int __must_check netdev_set_flags(struct netdev *dev, u32 flags);	/* UP, PROMISC, ALLMULTI count */
int __must_check netdev_set_mtu(struct netdev *dev, u32 mtu);
int __must_check netdev_set_mac(struct netdev *dev, const u8 *mac);
int __must_check netdev_rename(struct netdev *dev, const char *name);

/*
 * Send a packet that begins with its link header; it is the interface's from here on, and
 * dropped (counted) where it cannot be sent. The device is told at netdev_kick(), so that a burst
 * costs one doorbell. Context: thread or softirq, no lock above RANK_NEIGH.
 */
void netdev_transmit(struct netdev *dev, struct pkt *pkt);
void netdev_kick(struct netdev *dev);
/* the ring has room again. Any context, its lock not held */
void netdev_wake_queue(struct netdev_queue *q);
/* A driver has received pkt, which begins with its Ethernet header. Softirq, from its poll(). */
void netdev_receive_on(struct netdev_queue *q, struct pkt *pkt);
static inline void netdev_receive(struct netdev *dev, struct pkt *pkt)
{
	netdev_receive_on(&dev->first, pkt);
}

/* The stack had no room for n packets that this CPU received. Softirq. */
void netdev_rx_dropped(u32 n);

/* --- taps: who sees every packet (AF_PACKET) --- */

struct netdev_tap {
	/* Written under net_config_lock. */
	struct list_head node;		/* net->taps while it is listed; RCU to read */
	bool listed;
	const struct netdev *dev;	/* only compared: it may be gone. NULL: every interface */
	s32 ifindex;			/* of dev; 0: NULL, -1: its interface went */
	u16 protocol;			/* EtherType, host byte order; ETH_P_ALL: also what is sent */
	/*
	 * The packet stays the caller's: clone what is to be kept. It begins with its link header;
	 * type says where from. Thread or softirq context under RCU, locks of the stack may be
	 * held: neither sleep nor send.
	 */
	void (*receive)(struct netdev_tap *tap, const struct pkt *pkt);
	/* Its interface went, and it is on the list no more. net_config_lock held */
	void (*gone)(struct netdev_tap *tap);
};
/*
 * Listen to an interface, 0: to all, and no longer to what it listened to; protocol 0: to nothing.
 * -ENODEV, and it stays as it was. Sleeps.
 */
int __must_check netdev_tap_bind(struct net *net, struct netdev_tap *tap, u32 ifindex, u16 protocol);
void netdev_tap_remove(struct netdev_tap *tap);	/* waits until nobody uses it; sleeps */

/* Somebody who wants all that an interface receives, whomever it is for. */
struct netdev_promisc {
	struct list_head node;		/* dev->promiscuous */
	struct netdev *dev;		/* net_config_lock; NULL: it went, or there is none yet */
	u32 ifindex;
};
/* -ENODEV */
int __must_check netdev_promisc_begin(struct net *net, struct netdev_promisc *p, u32 ifindex);
void netdev_promisc_end(struct netdev_promisc *p);

/* Does dev fill in the checksum of pkt, a PKT_CSUM_PARTIAL? */
static inline bool netdev_fills_csum(const struct netdev *dev, const struct pkt *pkt)
{
	return dev->features & (pkt->protocol == ETH_P_IP ? NETDEV_CSUM4 : NETDEV_CSUM6);
}

extern u32 netdev_taps_everywhere;	/* of no certain interface */
/* Somebody wants to see dev's packets. Any context; who begins to listen meanwhile misses one. */
static inline bool netdev_is_watched(const struct netdev *dev)
{
	return unlikely(READ_ONCE(netdev_taps_everywhere) || atomic_read(&dev->nr_taps));
}

/*
 * A packet of so many bytes that was sent and received
 * without having been one. The stack's lock held.
 */
static inline void netdev_count_looped(struct netdev *dev, u32 bytes)
{
	dev->looped_packets++;
	dev->looped_bytes += bytes;
}

/* --- told of changes: rtnetlink's notices --- */

enum netdev_event { NETDEV_LINK, NETDEV_LINK_GONE, NETDEV_ADDRESS_ADDED, NETDEV_ADDRESS_GONE,
		    NETDEV_ROUTE_ADDED, NETDEV_ROUTE_GONE };
/*
 * Set once at boot; net_config_lock held. what: struct inet_ifaddr
 * or inet_route of net/inet/config.h, NULL for links.
 */
extern void (*netdev_notify)(struct net *net, enum netdev_event event, struct netdev *dev,
			     const void *what);

/*
 * SIOC* of sockets. arg: struct ifreq, rtentry or
 * arpreq of the user. -ENOTTY: none of ours. Sleeps.
 */
long netdev_ioctl(struct net *net, u32 cmd, uaddr_t arg);

void netdev_core_init(void);
int __must_check loopback_create(struct net *net);	/* down */
void loopback_destroy(struct net *net);			/* net_config_lock held */
