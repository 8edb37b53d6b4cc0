/* SPDX-License-Identifier: MIT */
/* Between the files of net/netdev. */
#pragma once
#include <net/netdev/netdev.h>

/* tap.c */
/* Show pkt, which begins with its link header, to who listens. Softirqs off. */
void taps_deliver(struct netdev *dev, const struct pkt *pkt);
void taps_forget(struct netdev *dev);		/* it goes. net_config_lock held */

/* gso.c */
/*
 * The checksum of a PKT_CSUM_PARTIAL packet that begins
 * with its link header. Taps of a large one see it without.
 */
void pkt_fill_csum(struct pkt *pkt);
/*
 * Cut pkt, which is gone then, into packets of gso_size
 * each at the end of the list. False, and it stays: no memory, or its headers are damaged.
 */
bool gso_cut(struct pkt *pkt, struct list_head *out);
/*
 * gro.c: what became of pkt, which begins with its IP header: it is part of one of the batch; it
 * goes there itself; and one that it replaces is gone from there.
 */
enum gro_result { GRO_MERGED, GRO_APART, GRO_REPLACES };
enum gro_result gro_merge(struct list_head *batch, struct pkt *pkt);

/* groups.c */
void netdev_groups_init(struct netdev *dev);
void netdev_update_filter(struct netdev *dev);	/* net_config_lock held */

/* rx.c, tx.c */
void netdev_rx_init(void);
/* Packets that this CPU took in, and those there was no room for; softirqs that ended with some left. */
void netdev_rx_counts(u32 cpu, u32 *processed, u32 *dropped, u32 *squeezed);
void netdev_tx_setup(struct netdev *dev);	/* its queues */
/* Interface goes down: what waits to be sent is dropped. net_config_lock held. */
void netdev_tx_flush(struct netdev *dev);
void netdev_tx_end(struct netdev *dev);		/* it is down, and nobody's. Sleeps */
