/* SPDX-License-Identifier: MIT */
/*
 * Network interfaces: what drivers offer, what the stack and the tools have of them.
 *
 * Receive is polled: a driver's interrupt only schedules its net_poll and stays quiet
 * until the poll, in softirq, has found nothing more. Transmit goes to the driver at
 * once, or into the interface's queue while the driver's ring is full.
 *
 * Configuration (flags, addresses, routes, MTU) is under net->config_lock; packets are
 * not: readers use RCU or single words.
 */
#pragma once
#include <kernel/lib/seq.h>
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
/* From poll(): from here on net_poll_schedule() works again; then look once more for what came meanwhile. */
void net_poll_done(struct net_poll *p);

/* --- interfaces --- */

struct netdev_stats {			/* in the order of /proc/net/dev and rtnetlink */
	u64 rx_bytes, rx_packets, rx_errors, rx_dropped, multicast;
	u64 tx_bytes, tx_packets, tx_errors, tx_dropped;
};

struct netdev;
struct netdev_ops {
	/* The interface comes up, goes down. Thread context, config_lock. NULL: nothing to do. */
	int (*open)(struct netdev *dev);
	void (*stop)(struct netdev *dev);
	/*
	 * Take pkt, which begins with its link header, or say false: no room, and call
	 * netdev_wake_queue() when there is. tx_lock held, softirqs off.
	 */
	bool (*transmit)(struct netdev *dev, struct pkt *pkt);
	/* Tell the device of what transmit() took since the last time. tx_lock held. NULL: it knows. */
	void (*kick)(struct netdev *dev);
	/* New MAC address, MTU. NULL: it may be any. Thread context, config_lock. */
	int (*set_mac)(struct netdev *dev, const u8 *mac);
	int (*set_mtu)(struct netdev *dev, u32 mtu);
};

/* What a device does itself (dev->features). */
#define NETDEV_SG		BIT(0)	/* sends frags */
#define NETDEV_CSUM		BIT(1)	/* fills in PKT_CSUM_PARTIAL */
#define NETDEV_TSO4		BIT(2)
#define NETDEV_TSO6		BIT(3)
#define NETDEV_RX_CSUM		BIT(4)	/* sets PKT_CSUM_VALID */
#define NETDEV_NO_CSUM		BIT(5)	/* packets cannot be damaged: none is made or looked at (loopback) */

struct netdev {
	/* Constant after netdev_register(). */
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

	/* Guarded by net->config_lock to write; single words may be read without. */
	struct list_head node;		/* net->devices; RCU to read */
	u32 flags;			/* IFF_*, without those that are derived: netdev_flags() */
	u32 mtu;			/* bytes of payload */
	u32 tx_queue_len;		/* packets */
	u8 mac[ETH_ALEN];
	u32 promiscuity;		/* taps that want all packets */

	u32 carrier;			/* the link is there; any context */
	atomic_t nr_taps;		/* who listens: net/netdev/tap.c */

	/* By whoever polls the device, or under tx_lock. */
	struct netdev_stats stats;

	/* Guarded by tx_lock. */
	struct spinlock tx_lock;	/* RANK_NETDEV, softirqs off */
	struct list_head tx_queue;	/* struct pkt that the driver had no room for */
	u32 tx_queued;
	bool tx_stopped;		/* until netdev_wake_queue() */
	bool tx_kick;			/* the driver has packets that the device was not told of */
	struct net_poll tx_poll;	/* goes on with the queue */
};

/*
 * dev is filled in but for what registration gives (index, locks); name may hold a %d.
 * It is down. 0, -EEXIST, -ENOMEM, -ENFILE. Thread context.
 */
int __must_check netdev_register(struct net *net, struct netdev *dev);
/* A fresh structure with an Ethernet's usual values; NULL. */
void netdev_init_ether(struct netdev *dev, const u8 *mac);
/* Both under RCU or config_lock; NULL. Interfaces do not go away again. */
struct netdev *netdev_by_index(struct net *net, u32 index);
struct netdev *netdev_by_name(struct net *net, const char *name);
#define netdev_for_each(net, dev)	list_for_each(dev, &(net)->devices, node)

u32 netdev_flags(const struct netdev *dev);	/* with RUNNING and LOWER_UP */
void netdev_set_carrier(struct netdev *dev, bool on);	/* any context */
void netdev_sum_stats(const struct netdev *dev, struct netdev_stats *out);

/* All with config_lock held, in thread context; 0 or -errno as Linux's ioctls have it. */
int __must_check netdev_set_flags(struct netdev *dev, u32 flags);	/* UP, PROMISC, ALLMULTI count */
int __must_check netdev_set_mtu(struct netdev *dev, u32 mtu);
int __must_check netdev_set_mac(struct netdev *dev, const u8 *mac);
int __must_check netdev_rename(struct netdev *dev, const char *name);

/*
 * Send a packet that begins with its link header; it is the interface's from here on, and
 * dropped (counted) where it cannot be sent. The device is told at netdev_kick(), so that a burst costs
 * one doorbell. Context: thread or softirq, no lock above RANK_NEIGH.
 */
void netdev_transmit(struct netdev *dev, struct pkt *pkt);
void netdev_kick(struct netdev *dev);
void netdev_wake_queue(struct netdev *dev);	/* the ring has room again. Any context, tx_lock not held */
/* A driver has received pkt, which begins with its Ethernet header. Softirq, from its poll(). */
void netdev_receive(struct netdev *dev, struct pkt *pkt);

/* --- taps: who sees every packet (AF_PACKET) --- */

struct netdev_tap {
	struct list_head node;		/* RCU */
	struct netdev *dev;		/* NULL: of every interface */
	u16 protocol;			/* EtherType, host byte order; ETH_P_ALL: also what is sent */
	/*
	 * The packet stays the caller's: clone what is to be kept. It begins with its link header;
	 * type says where from. Thread or softirq context under RCU, locks of the stack may be held:
	 * neither sleep nor send.
	 */
	void (*receive)(struct netdev_tap *tap, const struct pkt *pkt);
};
void netdev_tap_add(struct net *net, struct netdev_tap *tap);		/* thread context */
void netdev_tap_remove(struct net *net, struct netdev_tap *tap);	/* waits until nobody uses it; sleeps */

/* --- told of changes: rtnetlink's notices --- */

enum netdev_event { NETDEV_LINK, NETDEV_ADDRESS_ADDED, NETDEV_ADDRESS_GONE, NETDEV_ROUTE_ADDED, NETDEV_ROUTE_GONE };
/* Set once at boot; config_lock held. what: struct inet_ifaddr or inet_route of net/inet/config.h, NULL for links. */
extern void (*netdev_notify)(struct net *net, enum netdev_event event, struct netdev *dev, const void *what);

/* SIOC* of sockets. arg: struct ifreq, rtentry or arpreq of the user. -ENOTTY: none of ours. Sleeps. */
long netdev_ioctl(struct net *net, u32 cmd, uaddr_t arg);

void netdev_core_init(void);
int loopback_create(struct net *net);
