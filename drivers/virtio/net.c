/* SPDX-License-Identifier: MIT */
/*
 * virtio-net (VIRTIO 1.2, 5.1): eth0 and on. One pair of queues.
 *
 * Receive. The device fills halves of pages, which become packets as they are: the header
 * it writes in front is skipped, nothing copied. With mergeable buffers a packet may take
 * several. Buffers begin where the IP header comes to lie on a word.
 *
 * Transmit. The device reads header and linear part where they lie in the packet, and
 * pages by reference. Packets it has sent are freed when the next is sent, when packets are
 * received, and, while the ring is full, by an interrupt: none comes otherwise.
 *
 * Locks. The receive queue is its poll's alone; interrupts only schedule that. The transmit
 * queue is under dev->tx_lock.
 *
 * Not asked for: checksums and segmentation by the device, several queues, filters (control queue).
 */
#include <drivers/virtio/virtio.h>
#include <kernel/lib/random.h>
#include <kernel/lib/string.h>
#include <kernel/printk.h>
#include <net/netdev/netdev.h>
#include <arch/page.h>

#define NET_F_MTU	BIT(3)
#define NET_F_MAC	BIT(5)
#define NET_F_MRG_RXBUF	BIT(15)
#define NET_F_STATUS	BIT(16)
#define F_ANY_LAYOUT	BIT(27)

/* Configuration, 5.1.4 */
#define CFG_MAC		0
#define CFG_STATUS	6
#define CFG_MTU		10
#define S_LINK_UP	BIT(0)

#define QUEUE_RX	0
#define QUEUE_TX	1
#define RX_BUFFERS	128	/* chosen: 256 KiB; at 1 Gb/s 1.5 ms of full frames */
#define TX_PACKETS	128	/* in flight */
#define BUFFER_BYTES	2048	/* a full frame and the header; half a page */
#define TX_SEGS		(PKT_MAX_FRAGS + 2)
/* Try again to find pages for the device, after there were none. */
#define REFILL_NS	(50 * NS_PER_MS)

struct net_hdr {		/* 5.1.6; legacy without mergeable buffers ends before nr_buffers */
	u8 flags, gso_type;
	u16 hdr_len, gso_size, csum_start, csum_offset, nr_buffers;
};

struct rx_slot {
	struct page *page;	/* with a reference */
	u32 offset;
	dma_addr_t dma;
	struct rx_slot *next;	/* free */
};

struct tx_slot {
	struct pkt *pkt;
	struct vq_seg segs[TX_SEGS];
	u32 nr;
	struct tx_slot *next;	/* free */
};

struct virtnet {
	struct netdev dev;
	/* Constant after probe. */
	struct virtio_device *vdev;
	struct virtqueue *rx, *tx;
	u32 hdr_bytes, pad;	/* before a received packet: header, and blanks that align */
	bool own_header_desc;	/* legacy: the header stands in a descriptor of its own */

	/* Only by poll. */
	struct net_poll poll;
	struct rx_slot rx_slots[RX_BUFFERS], *rx_free;
	struct page *half_page;	/* its second half is not used yet; with a reference */

	/* Guarded by dev.tx_lock. */
	struct tx_slot tx_slots[TX_PACKETS], *tx_free;
	u32 tx_flying;
	bool tx_waiting;	/* for room: set before interrupts are asked for, cleared by one */

	struct delayed_work refill;
};

/* --- receive; poll, softirq --- */

/* Half a page: *offset says which. The reference is the caller's. */
static struct page *buffer_alloc(struct virtnet *v, u32 *offset)
{
	struct page *page = v->half_page;

	if (page) {
		v->half_page = NULL;
		*offset = PAGE_SIZE / 2;
		return page;
	}
	page = page_alloc(GFP_ATOMIC | GFP_NOWARN);
	if (!page)
		return NULL;
	page_get(page);
	v->half_page = page;
	*offset = 0;
	return page;
}

static bool rx_add(struct virtnet *v)
{
	struct rx_slot *s = v->rx_free;
	struct vq_seg seg = { .len = BUFFER_BYTES - v->pad };

	s->page = buffer_alloc(v, &s->offset);
	if (!s->page)
		return false;
	s->offset += v->pad;
	s->dma = dma_map_page(v->vdev->dev, s->page, s->offset, seg.len, DMA_FROM_DEVICE);
	seg.addr = s->dma;
	if (s->dma == DMA_ERROR || vq_add(v->rx, &seg, 0, 1, s)) {
		page_put(s->page);
		return false;
	}
	v->rx_free = s->next;
	return true;
}

/* All free slots to the device, or as many as there is memory for. */
static void rx_fill(struct virtnet *v)
{
	bool added = false;

	while (v->rx_free && !v->rx->broken) {
		if (!rx_add(v)) {
			delayed_work_queue(&v->refill, REFILL_NS);
			break;
		}
		added = true;
	}
	if (added)
		vq_kick(v->rx);
}

static void refill_again(struct work *w)
{
	struct virtnet *v = container_of(w, struct virtnet, refill.work);

	net_poll_schedule(&v->poll);
}

/* The next filled buffer, off the ring: its page with the reference, and the bytes in it; NULL. */
static struct page *rx_take(struct virtnet *v, u32 *offset, u32 *len)
{
	struct rx_slot *s = vq_get(v->rx, len);
	struct page *page;

	if (!s)
		return NULL;
	dma_unmap_page(v->vdev->dev, s->dma, BUFFER_BYTES - v->pad, DMA_FROM_DEVICE);
	page = s->page;
	*offset = s->offset;
	/* What the device says is not to be believed. */
	*len = min(*len, BUFFER_BYTES - v->pad);
	s->next = v->rx_free;
	v->rx_free = s;
	return page;
}

/* The buffers of a packet behind its first. False: they did not come, or are too many. */
static bool rx_merge(struct virtnet *v, struct pkt *pkt, u32 more)
{
	bool whole = true;

	while (more--) {
		u32 offset, len;
		struct page *page = rx_take(v, &offset, &len);

		if (!page)
			return false;
		whole = whole && pkt_add_frag(pkt, page, offset, len);
		page_put(page);
	}
	return whole;
}

/* False: there is none. */
static bool rx_one(struct virtnet *v)
{
	u32 offset, len, nr_buffers = 1;
	struct page *page = rx_take(v, &offset, &len);
	struct net_hdr *hdr;
	struct pkt *pkt;

	if (!page)
		return false;
	hdr = (void *)((u8 *)page_address(page) + offset);
	if (virtio_has(v->vdev, NET_F_MRG_RXBUF) && len >= sizeof(*hdr))
		nr_buffers = max(READ_ONCE(hdr->nr_buffers) + 0u, 1u);
	pkt = len > v->hdr_bytes ? pkt_alloc(GFP_ATOMIC | GFP_NOWARN) : NULL;
	if (!pkt) {
		v->dev.stats.rx_dropped++;
		page_put(page);
		/* The rest of it comes by itself, and is no packet: without a header it is dropped, too. */
		while (--nr_buffers && (page = rx_take(v, &offset, &len)))
			page_put(page);
		return true;
	}
	pkt->page = page;
	pkt->data = (u8 *)hdr + v->hdr_bytes;
	pkt->linear = pkt->len = len - v->hdr_bytes;
	if (nr_buffers > 1 && !rx_merge(v, pkt, nr_buffers - 1)) {
		v->dev.stats.rx_errors++;
		pkt_free(pkt);
		return true;
	}
	netdev_receive(&v->dev, pkt);
	return true;
}

static void tx_reclaim(struct virtnet *v);

/* The device broke the ring's rules: nothing it says is of use any more. */
static void give_up(struct virtnet *v)
{
	virtio_reset(v->vdev);
	netdev_set_carrier(&v->dev, false);
}

static u32 virtnet_poll(struct net_poll *p, u32 budget)
{
	struct virtnet *v = container_of(p, struct virtnet, poll);
	u32 done = 0;

	while (done < budget && rx_one(v))
		done++;
	rx_fill(v);
	if (READ_ONCE(v->tx_flying)) {
		spin_lock_bh(&v->dev.tx_lock);
		tx_reclaim(v);
		spin_unlock_bh(&v->dev.tx_lock);
	}
	if (unlikely(v->rx->broken || v->tx->broken)) {
		give_up(v);
		net_poll_done(p);
		return 0;
	}
	if (done < budget) {
		net_poll_done(p);
		if (vq_enable_callback(v->rx))
			net_poll_schedule(p);
	}
	return done;
}

static void rx_interrupt(struct virtqueue *vq)
{
	struct virtnet *v = vq->priv;

	vq_disable_callback(vq);
	net_poll_schedule(&v->poll);
}

/* --- transmit; tx_lock held --- */

static void tx_unmap(struct virtnet *v, struct tx_slot *s)
{
	for (u32 i = 0; i < s->nr; i++)
		dma_unmap_page(v->vdev->dev, s->segs[i].addr, s->segs[i].len, DMA_TO_DEVICE);
	s->nr = 0;
}

static void tx_reclaim(struct virtnet *v)
{
	struct tx_slot *s;
	u32 len;

	assert_spin_held(&v->dev.tx_lock);
	while ((s = vq_get(v->tx, &len))) {
		tx_unmap(v, s);
		pkt_free(s->pkt);
		s->next = v->tx_free;
		v->tx_free = s;
		v->tx_flying--;
	}
}

static bool tx_seg(struct virtnet *v, struct tx_slot *s, struct page *page, u32 offset, u32 len)
{
	dma_addr_t dma = dma_map_page(v->vdev->dev, page, offset, len, DMA_TO_DEVICE);

	if (dma == DMA_ERROR)
		return false;
	s->segs[s->nr++] = (struct vq_seg){ dma, len };
	return true;
}

/* Kernel memory of one allocation: contiguous, wherever pages end. */
static bool tx_seg_at(struct virtnet *v, struct tx_slot *s, const void *at, u32 len)
{
	return tx_seg(v, s, virt_to_page(at), (u32)((u64)at & (PAGE_SIZE - 1)), len);
}

static bool tx_map(struct virtnet *v, struct tx_slot *s, struct pkt *pkt)
{
	u32 first = v->own_header_desc ? v->hdr_bytes : pkt->linear;

	if (!tx_seg_at(v, s, pkt->data, first))
		return false;
	if (first < pkt->linear && !tx_seg_at(v, s, pkt->data + first, pkt->linear - first))
		return false;
	for (u32 i = 0; i < pkt->nr_frags; i++)
		if (!tx_seg(v, s, pkt->frags[i].page, pkt->frags[i].offset, pkt->frags[i].len))
			return false;
	return true;
}

static bool tx_has_room(const struct virtnet *v, const struct pkt *pkt)
{
	return v->tx_free && v->tx->nr_free >= pkt->nr_frags + 2u;
}

/* No room: ask to be told; true: there is some already. */
static bool tx_wait(struct virtnet *v, const struct pkt *pkt)
{
	WRITE_ONCE(v->tx_waiting, true);
	while (vq_enable_callback(v->tx)) {
		tx_reclaim(v);
		if (tx_has_room(v, pkt)) {
			WRITE_ONCE(v->tx_waiting, false);
			vq_disable_callback(v->tx);
			return true;
		}
	}
	return false;
}

static bool virtnet_transmit(struct netdev *dev, struct pkt *pkt)
{
	struct virtnet *v = container_of(dev, struct virtnet, dev);
	struct tx_slot *s;

	tx_reclaim(v);
	if (!tx_has_room(v, pkt)) {
		/* The device must know of what there is, or it will never be done. */
		vq_kick(v->tx);
		if (!tx_wait(v, pkt))
			return false;
	}
	s = v->tx_free;
	memset(pkt_push(pkt, v->hdr_bytes), 0, v->hdr_bytes);
	if (!tx_map(v, s, pkt) || vq_add(v->tx, s->segs, s->nr, 0, s)) {
		tx_unmap(v, s);
		dev->stats.tx_dropped++;
		pkt_free(pkt);
		return true;
	}
	s->pkt = pkt;
	v->tx_free = s->next;
	WRITE_ONCE(v->tx_flying, v->tx_flying + 1);
	return true;
}

static void virtnet_kick(struct netdev *dev)
{
	struct virtnet *v = container_of(dev, struct virtnet, dev);

	vq_kick(v->tx);
}

/* The queue's wake-up takes tx_lock: it comes after the transmit that found no room has said so. */
static void tx_interrupt(struct virtqueue *vq)
{
	struct virtnet *v = vq->priv;

	if (READ_ONCE(v->tx_waiting)) {
		WRITE_ONCE(v->tx_waiting, false);
		vq_disable_callback(vq);
		netdev_wake_queue(&v->dev);
	}
}

static const struct netdev_ops virtnet_ops = {
	.transmit = virtnet_transmit,
	.kick = virtnet_kick,
};

/* --- probe --- */

static void update_carrier(struct virtio_device *vdev)
{
	struct virtnet *v = vdev->priv;

	netdev_set_carrier(&v->dev, !virtio_has(vdev, NET_F_STATUS) ||
			   (virtio_config16(vdev, CFG_STATUS) & S_LINK_UP));
}

static void read_mac(struct virtio_device *vdev, u8 *mac)
{
	if (virtio_has(vdev, NET_F_MAC)) {
		for (u32 i = 0; i < ETH_ALEN; i++)
			mac[i] = virtio_config8(vdev, CFG_MAC + i);
		return;
	}
	random_bytes(mac, ETH_ALEN);
	mac[0] = (u8)((mac[0] & ~1) | 2);	/* one station, locally administered */
}

static void set_limits(struct virtnet *v)
{
	struct virtio_device *vdev = v->vdev;
	u32 most = virtio_has(vdev, NET_F_MRG_RXBUF) ? 65535 - ETH_HLEN : 1500;

	v->dev.max_mtu = most;
	if (virtio_has(vdev, NET_F_MTU)) {
		v->dev.mtu = clamp(virtio_config16(vdev, CFG_MTU) + 0u, v->dev.min_mtu, most);
		v->dev.max_mtu = v->dev.mtu;
	}
	v->hdr_bytes = sizeof(struct net_hdr);
	if (!virtio_has(vdev, VIRTIO_F_VERSION_1) && !virtio_has(vdev, NET_F_MRG_RXBUF))
		v->hdr_bytes -= sizeof_member(struct net_hdr, nr_buffers);
	v->pad = (0u - v->hdr_bytes - ETH_HLEN) % 4;
	v->own_header_desc = !virtio_has(vdev, VIRTIO_F_VERSION_1) && !virtio_has(vdev, F_ANY_LAYOUT);
}

static int virtnet_probe(struct virtio_device *vdev)
{
	struct virtnet *v = dev_zalloc(vdev->dev, sizeof(*v));
	u8 mac[ETH_ALEN];
	int err;

	if (!v)
		return -ENOMEM;
	v->vdev = vdev;
	vdev->priv = v;
	v->rx = virtio_queue_setup(vdev, QUEUE_RX, RX_BUFFERS, rx_interrupt);
	v->tx = virtio_queue_setup(vdev, QUEUE_TX, 256, tx_interrupt);
	if (!v->rx || !v->tx)
		return -ENODEV;
	v->rx->priv = v->tx->priv = v;
	for (u32 i = 0; i < min(v->rx->size, RX_BUFFERS + 0u); i++) {
		v->rx_slots[i].next = v->rx_free;
		v->rx_free = &v->rx_slots[i];
	}
	for (u32 i = 0; i < TX_PACKETS; i++) {
		v->tx_slots[i].next = v->tx_free;
		v->tx_free = &v->tx_slots[i];
	}
	net_poll_init(&v->poll, virtnet_poll);
	delayed_work_init(&v->refill, refill_again);
	read_mac(vdev, mac);
	netdev_init_ether(&v->dev, mac);
	set_limits(v);
	v->dev.features = NETDEV_SG;
	v->dev.ops = &virtnet_ops;
	v->dev.priv = v;
	update_carrier(vdev);
	vdev->config_changed = update_carrier;
	err = netdev_register(&init_net, &v->dev);
	if (err)
		return err;
	virtio_ready(vdev);
	vq_disable_callback(v->tx);
	/* The first poll gives the device its buffers. */
	net_poll_schedule(&v->poll);
	pr_info("%s: virtio-net %02x:%02x:%02x:%02x:%02x:%02x\n", v->dev.name, mac[0], mac[1], mac[2], mac[3],
		mac[4], mac[5]);
	return 0;
}

VIRTIO_DRIVER(net) = {
	.id = VIRTIO_ID_NET,
	.features = NET_F_MTU | NET_F_MAC | NET_F_MRG_RXBUF | NET_F_STATUS | F_ANY_LAYOUT,
	.probe = virtnet_probe,
};
