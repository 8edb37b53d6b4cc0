/* SPDX-License-Identifier: MIT */
/* Between the files of net/netdev. */
#pragma once
#include <net/netdev/netdev.h>

/* tap.c */
extern u32 nr_taps_everywhere;		/* taps of no certain interface */
static inline bool taps_listen(const struct netdev *dev)
{
	return unlikely(READ_ONCE(nr_taps_everywhere) || atomic_read(&dev->nr_taps));
}
/* Show pkt, which begins with its link header, to who listens. Softirqs off. */
void taps_deliver(struct netdev *dev, const struct pkt *pkt);

/* rx.c, tx.c */
void netdev_rx_init(void);
void netdev_tx_setup(struct netdev *dev);
/* Interface goes down: what waits to be sent is dropped. config_lock held. */
void netdev_tx_flush(struct netdev *dev);
