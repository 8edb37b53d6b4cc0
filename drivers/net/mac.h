/* SPDX-License-Identifier: MIT */
/*
 * What drivers of Ethernet controllers have in common: two rings of descriptors, the link's state,
 * the start after a bus error. A driver has registers and the form of its descriptors.
 *
 *	ring.c	the rings
 *	mac.c	address, link, counters, registration, recovery
 *	phy.c	what is at the wire's end
 */
#pragma once
#include <drivers/net/phy.h>
#include <kernel/lock/mutex.h>
#include <net/netdev/netdev.h>

#define MAC_NR_RX	128		/* chosen: 256 KiB; at 1 Gb/s 1.5 ms of full frames */
#define MAC_NR_TX	256
#define MAC_BUFFER_BYTES 2048		/* of a received frame: half a page */

struct mac;

struct mac_ops {
	/* Receive descriptor i to the device, with a buffer at `at`. The poll. */
	void (*rx_give)(struct mac *m, u32 i, dma_addr_t at);

	/* With dev.first.lock held: */
	/* Fill transmit descriptor i; it is not the device's yet. */
	void (*tx_fill)(struct mac *m, u32 i, dma_addr_t at, u32 len);
	/*
	 * Descriptors first to last, of the packet, to the device; the first one last, as it may begin
	 * with it at once. The one behind them is free.
	 */
	void (*tx_hand_over)(struct mac *m, u32 first, u32 last, const struct pkt *pkt);
	bool (*tx_is_back)(const struct mac *m, u32 first, u32 last);
	/* An interrupt is wanted when descriptors come back. NULL: it comes anyway. */
	void (*tx_want_room)(struct mac *m);
	/* At the end of a poll's look at the ring. NULL: nothing to do. */
	void (*tx_looked)(struct mac *m);

	/* Thread context: */
	void (*set_speed)(struct mac *m, const struct phy_link *now);	/* config_lock held */
	u32 (*count_errors)(struct mac *m);	/* frames that it has dropped since the last time */
	/*
	 * After a bus error, config_lock held: stop both directions (the queue's lock held, too); and start
	 * afresh, with rings in which nothing is the device's. 0 or -ETIMEDOUT: it is dead.
	 */
	void (*halt)(struct mac *m);
	int (*restart)(struct mac *m);
};

struct mac_rx_slot {
	struct page *page;		/* with a reference; NULL: none */
	u32 offset;
	dma_addr_t dma;
};

struct mac_tx_slot {
	dma_addr_t dma;
	u32 len;
	/* in the first descriptor of a packet: the last, and the packet */
	u32 last;
	struct pkt *pkt;
};

struct mac {
	struct netdev dev;
	/* Constant after probe. */
	const struct mac_ops *ops;
	struct device *device;
	volatile u8 *regs;
	u32 rx_skip;			/* bytes of a buffer that the device does not get */
	struct mdio_bus mdio;

	/* Only by poll, or by who has stopped it. */
	struct net_poll poll;
	struct page *half;		/* its second half is not used yet; with a reference */
	struct mac_rx_slot rx_slots[MAC_NR_RX];
	u32 rx_next, rx_empty;		/* the device's next one; the first without a buffer */

	/* Guarded by dev.first.lock. */
	struct mac_tx_slot tx_slots[MAC_NR_TX];
	u32 tx_head, tx_tail;		/* the next to fill; the next to come back. Equal: empty */
	bool tx_waiting;		/* for room */
	bool down;			/* between halt and restart: what is to be sent is dropped */

	struct mutex config_lock;	/* RANK_MUTEX_LEAF: registers of speed and filter */
	u64 bad_frames;			/* written by the link's work: what the device has dropped */
	struct delayed_work refill, link_work;
	struct work recovery;
	/* Only by the link's work. */
	struct phy phy;
	struct phy_link link;
};

static inline struct mac *mac_of(struct netdev *dev)
{
	return container_of(dev, struct mac, dev);
}

static inline struct mac *mac_of_bus(struct mdio_bus *b)
{
	return container_of(b, struct mac, mdio);
}

/* --- ring.c --- */

/* Buffers for all receive descriptors but one, or as many as there is memory for. The poll. */
void mac_rx_fill(struct mac *m);
/*
 * The frame of descriptor rx_next, which the device has handed back: its length and flags
 * (PKT_CSUM_*), and how far into the buffer it lies. It goes up, or is counted where it is not
 * whole. The poll.
 */
void mac_rx_frame(struct mac *m, bool whole, u32 pad, u32 len, u8 flags);
/* netdev_ops' */
bool mac_transmit(struct netdev_queue *q, struct pkt *pkt);
/* What was sent comes back; who waits for room is told. The poll. */
void mac_tx_look(struct mac *m);
/* The poll is stopped or not there yet, the queue's lock held: what both rings had is given up. */
void mac_rings_empty(struct mac *m);

/* --- mac.c --- */

/* All that has nothing to do with registers; ops, device and regs are there. Boot thread. */
void mac_init(struct mac *m, const struct netdev_ops *ops,
	      u32 (*poll)(struct net_poll *p, u32 budget));
/*
 * The controller is set up and listens to its PHY: find that, take the interrupt, go live. Boot
 * thread.
 */
int __must_check mac_register(struct mac *m, irq_handler_t interrupt);
void mac_add_stats(const struct netdev *dev, struct netdev_stats *sum);	/* netdev_ops' */
