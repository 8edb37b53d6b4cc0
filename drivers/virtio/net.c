/* SPDX-License-Identifier: MIT */
/*
 * virtio-net (VIRTIO 1.2, 5.1): eth0 and on. A pair of queues, or, where the device has several
 * (multiqueue), one for each hart, as far as they go.
 *
 * Receive. The device fills halves of pages, which become packets as they are: the header
 * it writes in front is skipped, nothing copied. With mergeable buffers a packet may take
 * several. Buffers begin where the IP header comes to lie on a word, and the second half of a page
 * where the first ends: of a large packet they are one piece.
 *
 * Transmit. The device reads header and linear part where they lie in the packet, and
 * pages by reference. Packets it has sent are freed when the next is sent, when packets are
 * received, and, while the ring is full, by an interrupt: none comes otherwise.
 *
 * Several pairs. The device has one interrupt for all of them: its handler looks which have
 * something, and sends each poll to the hart that serves the pair. The device chooses the pair for
 * what it receives; a tap of Linux takes the one by which we sent the flow's last packet.
 *
 * Locks. A receive queue is its poll's alone; interrupts only schedule that. A transmit
 * queue is under its netdev_queue's lock.
 *
 * Checksums and segments are left to the device where it offers that, and taken from it: the
 * header says what is left to do (net_hdr.c).
 *
 * Not asked for: filters.
 */
#include <drivers/virtio/net_hdr.h>
#include <drivers/virtio/virtio.h>
#include <kernel/lib/random.h>
#include <kernel/lib/string.h>
#include <kernel/printk.h>
#include <kernel/sched/sched.h>
#include <net/netdev/netdev.h>
#include <arch/page.h>

#define NET_F_MTU	BIT(3)
#define NET_F_MAC	BIT(5)
#define NET_F_STATUS	BIT(16)
#define NET_F_CTRL_VQ	BIT(17)
#define NET_F_MQ	BIT(22)
#define F_ANY_LAYOUT	BIT(27)

/* Configuration, 5.1.4 */
#define CFG_MAC		0
#define CFG_STATUS	6
#define CFG_MAX_PAIRS	8
#define CFG_MTU		10
#define S_LINK_UP	BIT(0)

/* Queues, 5.1.2: of pair i; behind all that the device has the control queue. */
#define QUEUE_RX(i)	(2 * (i))
#define QUEUE_TX(i)	(2 * (i) + 1)

/* Control queue, 5.1.6.5 */
#define CTRL_MQ		4
#define MQ_PAIRS_SET	0
#define CTRL_OK		0
#define CTRL_NS		(10 * NS_PER_SEC)	/* for its answer. Chosen; QEMU's takes a millisecond */

#define RX_BUFFERS	128	/* chosen: 256 KiB; at 1 Gb/s 1.5 ms of full frames */
#define RX_BUFFERS_TSO	256	/* chosen: large packets take 33 each */
#define TX_PACKETS	128	/* in flight */
#define PLAIN_HEADERS	40	/* of IPv4 and TCP: what is behind them begins at a word */
#define BUFFER_BYTES	2048u	/* a full frame and the header; half a page */
#define TX_SEGS		(PKT_MAX_FRAGS + 2)
/* So much of the ring is free before the device gets new buffers. Chosen: few doorbells, and it has most. */
#define REFILL_FROM(size)	((size) / 8)
/* Try again to find pages for the device, after there were none. */
#define REFILL_NS	(50 * NS_PER_MS)

struct rx_slot {
	struct page *page;	/* with a reference */
	u32 offset, len;
	dma_addr_t dma;
	struct rx_slot *next;	/* free */
};

struct tx_slot {
	struct pkt *pkt;
	struct vq_seg segs[TX_SEGS];
	u32 nr;
	struct tx_slot *next;	/* free */
};

/* A way in and a way out. */
struct pair {
	/* Constant after probe. */
	struct virtnet *v;
	struct netdev_queue *q;
	struct device *device;
	struct virtqueue *rx, *tx;
	u32 cpu;		/* that serves it */

	/* Only by poll. */
	struct net_poll poll;
	struct rx_slot rx_slots[RX_BUFFERS_TSO], *rx_free;
	struct page *half_page;	/* its second half is not used yet; with a reference */

	/* Guarded by q->lock. */
	struct tx_slot tx_slots[TX_PACKETS], *tx_free;
	u32 tx_flying;
	bool tx_waiting;	/* for room: set before interrupts are asked for, cleared by one */

	struct delayed_work refill;
};

struct virtnet {
	struct netdev dev;
	/* Constant after probe. */
	struct virtio_device *vdev;
	struct pair *pairs[NETDEV_MAX_QUEUES];
	u32 nr_pairs;
	u32 hdr_bytes, pad;	/* before a received packet: header, and blanks that align */
	bool own_header_desc;	/* legacy: the header stands in a descriptor of its own */
};

/* --- receive; poll, softirq --- */

/* Half a page: *offset says which. The reference is the caller's. */
static struct page *buffer_alloc(struct pair *p, u32 *offset)
{
	struct page *page = p->half_page;

	if (page) {
		p->half_page = NULL;
		*offset = PAGE_SIZE / 2;
		return page;
	}
	page = page_alloc(GFP_ATOMIC | GFP_NOWARN);
	if (!page)
		return NULL;
	page_get(page);
	p->half_page = page;
	*offset = 0;
	return page;
}

static bool rx_add(struct pair *p)
{
	struct rx_slot *s = p->rx_free;
	struct vq_seg seg;

	s->page = buffer_alloc(p, &s->offset);
	if (!s->page)
		return false;
	s->offset += p->v->pad;
	s->len = min_t(u32, BUFFER_BYTES, PAGE_SIZE - s->offset);
	s->dma = dma_map_page(p->device, s->page, s->offset, s->len, DMA_FROM_DEVICE);
	seg = (struct vq_seg){ s->dma, s->len };
	if (s->dma == DMA_ERROR || vq_add(p->rx, &seg, 0, 1, s)) {
		page_put(s->page);
		return false;
	}
	p->rx_free = s->next;
	return true;
}

/* All free slots to the device, or as many as there is memory for. */
static void rx_fill(struct pair *p)
{
	bool added = false;

	while (p->rx_free && !p->rx->broken) {
		if (!rx_add(p)) {
			delayed_work_queue(&p->refill, REFILL_NS);
			break;
		}
		added = true;
	}
	if (added)
		vq_kick(p->rx);
}

/* On the hart that serves the pair; where there is but one, on this. */
static void poll_schedule(struct pair *p)
{
	if (p->v->nr_pairs == 1)
		net_poll_schedule(&p->poll);
	else
		net_poll_schedule_on(&p->poll, p->cpu);
}

static void refill_again(struct work *w)
{
	poll_schedule(container_of(w, struct pair, refill.work));
}

/* The next filled buffer, off the ring: its page with the reference, and the bytes in it; NULL. */
static struct page *rx_take(struct pair *p, u32 *offset, u32 *len)
{
	struct rx_slot *s = vq_has_used(p->rx) ? vq_get(p->rx, len) : NULL;
	struct page *page;

	if (!s)
		return NULL;
	dma_unmap_page(p->device, s->dma, s->len, DMA_FROM_DEVICE);
	page = s->page;
	*offset = s->offset;
	/* What the device says is not to be believed. */
	*len = min(*len, s->len);
	s->next = p->rx_free;
	p->rx_free = s;
	return page;
}

/* The buffers of a packet behind its first. False: they did not come, or are too many. */
static bool rx_merge(struct pair *p, struct pkt *pkt, u32 more)
{
	bool whole = true;

	while (more--) {
		u32 offset, len;
		struct page *page = rx_take(p, &offset, &len);

		if (!page)
			return false;
		whole = whole && pkt_add_frag(pkt, page, offset, len);
		page_put(page);
	}
	return whole;
}

/* False: there is none. */
static bool rx_one(struct pair *p)
{
	struct virtnet *v = p->v;
	u32 offset, len, nr_buffers = 1;
	struct page *page = rx_take(p, &offset, &len);
	struct net_hdr *hdr;
	struct pkt *pkt;

	if (!page)
		return false;
	hdr = (void *)((u8 *)page_address(page) + offset);
	if (virtio_has(v->vdev, NET_F_MRG_RXBUF) && len >= sizeof(*hdr))
		nr_buffers = max(READ_ONCE(hdr->nr_buffers) + 0u, 1u);
	pkt = len > v->hdr_bytes ? pkt_alloc(GFP_ATOMIC | GFP_NOWARN) : NULL;
	if (!pkt) {
		p->q->stats.rx_dropped++;
		page_put(page);
		/*
		 * The rest of it comes by itself, and is no
		 * packet: without a header it is dropped, too.
		 */
		while (--nr_buffers && (page = rx_take(p, &offset, &len)))
			page_put(page);
		return true;
	}
	pkt->page = page;
	pkt->data = (u8 *)hdr + v->hdr_bytes;
	pkt->linear = pkt->len = len - v->hdr_bytes;
	if (nr_buffers > 1 && !rx_merge(p, pkt, nr_buffers - 1)) {
		p->q->stats.rx_errors++;
		pkt_free(pkt);
		return true;
	}
	if (!net_hdr_take(hdr, pkt, v->vdev->features)) {
		p->q->stats.rx_errors++;
		pkt_free(pkt);
		return true;
	}
	netdev_receive_on(p->q, pkt);
	return true;
}

static void tx_reclaim(struct pair *p);

/* The device broke the ring's rules: nothing it says is of use any more. */
static void give_up(struct virtnet *v)
{
	virtio_reset(v->vdev);
	netdev_set_carrier(&v->dev, false);
}

static u32 virtnet_poll(struct net_poll *poll, u32 budget)
{
	struct pair *p = container_of(poll, struct pair, poll);
	u32 done = 0;

	while (done < budget && rx_one(p))
		done++;
	if (p->rx->nr_free >= REFILL_FROM(p->rx->size))
		rx_fill(p);
	if (READ_ONCE(p->tx_flying) && vq_has_used(p->tx)) {
		spin_lock_bh(&p->q->lock);
		tx_reclaim(p);
		spin_unlock_bh(&p->q->lock);
	}
	if (unlikely(p->rx->broken || p->tx->broken)) {
		give_up(p->v);
		net_poll_done(poll);
		return 0;
	}
	if (done < budget) {
		net_poll_done(poll);
		if (vq_enable_callback(p->rx))
			net_poll_schedule(poll);
	}
	return done;
}

static void rx_interrupt(struct virtqueue *vq)
{
	struct pair *p = vq->priv;

	vq_disable_callback(vq);
	net_poll_schedule(&p->poll);
}

static void rx_interrupt_of_several(struct virtqueue *vq)
{
	struct pair *p = vq->priv;

	/* It may be another's. What comes after this look interrupts again. */
	if (!vq_has_used(vq))
		return;
	vq_disable_callback(vq);
	net_poll_schedule_on(&p->poll, p->cpu);
}

/* --- transmit; the queue's lock held --- */

static void tx_unmap(struct pair *p, struct tx_slot *s)
{
	for (u32 i = 0; i < s->nr; i++)
		dma_unmap_page(p->device, s->segs[i].addr, s->segs[i].len, DMA_TO_DEVICE);
	s->nr = 0;
}

static void tx_reclaim(struct pair *p)
{
	struct tx_slot *s;
	u32 len;

	assert_spin_held(&p->q->lock);
	while (vq_has_used(p->tx) && (s = vq_get(p->tx, &len))) {
		tx_unmap(p, s);
		pkt_free(s->pkt);
		s->next = p->tx_free;
		p->tx_free = s;
		p->tx_flying--;
	}
}

static bool tx_seg(struct pair *p, struct tx_slot *s, struct page *page, u32 offset, u32 len)
{
	dma_addr_t dma = dma_map_page(p->device, page, offset, len, DMA_TO_DEVICE);

	if (dma == DMA_ERROR)
		return false;
	s->segs[s->nr++] = (struct vq_seg){ dma, len };
	return true;
}

/* Kernel memory of one allocation: contiguous, wherever pages end. */
static bool tx_seg_at(struct pair *p, struct tx_slot *s, const void *at, u32 len)
{
	return tx_seg(p, s, virt_to_page(at), (u32)((u64)at & (PAGE_SIZE - 1)), len);
}

static bool tx_map(struct pair *p, struct tx_slot *s, struct pkt *pkt)
{
	u32 first = p->v->own_header_desc ? p->v->hdr_bytes : pkt->linear;

	if (!tx_seg_at(p, s, pkt->data, first))
		return false;
	if (first < pkt->linear && !tx_seg_at(p, s, pkt->data + first, pkt->linear - first))
		return false;
	for (u32 i = 0; i < pkt->nr_frags; i++)
		if (!tx_seg(p, s, pkt->frags[i].page, pkt->frags[i].offset, pkt->frags[i].len))
			return false;
	return true;
}

static bool tx_has_room(const struct pair *p, const struct pkt *pkt)
{
	return p->tx_free && p->tx->nr_free >= pkt->nr_frags + 2u;
}

/* No room: ask to be told; true: there is some already. */
static bool tx_wait(struct pair *p, const struct pkt *pkt)
{
	WRITE_ONCE(p->tx_waiting, true);
	/* An interrupt that comes of what follows sees it. */
	smp_wmb();
	while (vq_enable_callback(p->tx)) {
		tx_reclaim(p);
		if (tx_has_room(p, pkt)) {
			WRITE_ONCE(p->tx_waiting, false);
			vq_disable_callback(p->tx);
			return true;
		}
	}
	return false;
}

static bool virtnet_transmit(struct netdev_queue *q, struct pkt *pkt)
{
	struct pair *p = q->priv;
	u32 hdr_bytes = p->v->hdr_bytes;
	struct net_hdr *hdr;
	struct tx_slot *s;

	if (vq_has_used(p->tx))
		tx_reclaim(p);
	if (!tx_has_room(p, pkt)) {
		/* The device must know of what there is, or it will never be done. */
		vq_kick(p->tx);
		if (!tx_wait(p, pkt))
			return false;
	}
	s = p->tx_free;
	hdr = (void *)(pkt->data - hdr_bytes);
	memset(hdr, 0, offsetof(struct net_hdr, nr_buffers));
	if (hdr_bytes == sizeof(*hdr))
		hdr->nr_buffers = 0;
	net_hdr_fill(hdr, pkt);
	pkt_push(pkt, hdr_bytes);
	if (!tx_map(p, s, pkt) || vq_add(p->tx, s->segs, s->nr, 0, s)) {
		tx_unmap(p, s);
		q->stats.tx_dropped++;
		pkt_free(pkt);
		return true;
	}
	s->pkt = pkt;
	p->tx_free = s->next;
	WRITE_ONCE(p->tx_flying, p->tx_flying + 1);
	return true;
}

static void virtnet_kick(struct netdev_queue *q)
{
	struct pair *p = q->priv;

	vq_kick(p->tx);
}

/* The queue's wake-up takes its lock: it comes after the transmit that found no room has said so. */
static void tx_interrupt(struct virtqueue *vq)
{
	struct pair *p = vq->priv;

	if (READ_ONCE(p->tx_waiting)) {
		WRITE_ONCE(p->tx_waiting, false);
		vq_disable_callback(vq);
		netdev_wake_queue(p->q);
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
	v->pad = (0u - v->hdr_bytes - ETH_HLEN - PLAIN_HEADERS) % 8;
	v->own_header_desc = !virtio_has(vdev, VIRTIO_F_VERSION_1) &&
			     !virtio_has(vdev, F_ANY_LAYOUT);
}

static u32 offloads_of(const struct virtio_device *vdev)
{
	return NETDEV_SG | (virtio_has(vdev, NET_F_CSUM) ? NETDEV_CSUM : 0) |
	       (virtio_has(vdev, NET_F_HOST_TSO4) ? NETDEV_TSO4 : 0) |
	       (virtio_has(vdev, NET_F_HOST_TSO6) ? NETDEV_TSO6 : 0) |
	       (virtio_has(vdev, NET_F_GUEST_CSUM) ? NETDEV_RX_CSUM : 0);
}

/* How many pairs: one for each hart, as far as the device has them. */
static u32 choose_pairs(struct virtio_device *vdev, u32 *offered)
{
	*offered = virtio_has(vdev, NET_F_MQ) ? virtio_config16(vdev, CFG_MAX_PAIRS) : 1;
	return max(min(*offered, (u32)__builtin_popcountl(cpus_online)), 1u);
}

static u32 nth_cpu(u32 n)
{
	u32 cpu;

	for_each_online_cpu(cpu)
		if (!n--)
			return cpu;
	return 0;
}

static int pair_create(struct virtnet *v, u32 i)
{
	struct virtio_device *vdev = v->vdev;
	struct pair *p = dev_zalloc(vdev->dev, sizeof(*p));
	u32 rx_buffers = virtio_has(vdev, NET_F_GUEST_TSO4 | NET_F_GUEST_TSO6) ? RX_BUFFERS_TSO :
			 RX_BUFFERS;

	if (!p)
		return -ENOMEM;
	v->pairs[i] = p;
	p->v = v;
	p->device = vdev->dev;
	p->q = &v->dev.queues[i];
	p->q->priv = p;
	p->cpu = nth_cpu(i);
	p->rx = virtio_queue_setup(vdev, QUEUE_RX(i), rx_buffers,
				   v->nr_pairs == 1 ? rx_interrupt : rx_interrupt_of_several);
	p->tx = virtio_queue_setup(vdev, QUEUE_TX(i), 256, tx_interrupt);
	if (!p->rx || !p->tx)
		return -ENODEV;
	p->rx->priv = p->tx->priv = p;
	for (u32 n = 0; n < p->rx->size; n++) {
		p->rx_slots[n].next = p->rx_free;
		p->rx_free = &p->rx_slots[n];
	}
	for (u32 n = 0; n < TX_PACKETS; n++) {
		p->tx_slots[n].next = p->tx_free;
		p->tx_free = &p->tx_slots[n];
	}
	net_poll_init(&p->poll, virtnet_poll);
	delayed_work_init(&p->refill, refill_again);
	return 0;
}

static int pairs_create(struct virtnet *v, u32 nr)
{
	int err = 0;

	v->dev.queues = nr == 1 ? &v->dev.first :
			dev_zalloc(v->vdev->dev, nr * sizeof(struct netdev_queue));
	if (!v->dev.queues)
		return -ENOMEM;
	v->nr_pairs = v->dev.nr_queues = nr;
	for (u32 i = 0; i < nr && !err; i++)
		err = pair_create(v, i);
	return err;
}

/* Until now the device uses the first pair alone. It is ready. */
static int pairs_enable(struct virtnet *v, struct virtqueue *ctrl)
{
	struct { u8 class, command; u16 pairs; u8 ack; } *c;
	ktime_t end = ktime_get() + CTRL_NS;
	dma_addr_t dma;
	u32 len;

	c = dev_dma_alloc(v->vdev->dev, sizeof(*c), &dma);
	if (!c)
		return -ENOMEM;
	c->class = CTRL_MQ;
	c->command = MQ_PAIRS_SET;
	c->pairs = (u16)v->nr_pairs;
	c->ack = (u8)~CTRL_OK;
	if (vq_add(ctrl, (struct vq_seg[]){ { dma, 2 }, { dma + 2, 2 }, { dma + 4, 1 } }, 2, 1, c))
		return -EIO;
	vq_kick(ctrl);
	while (!vq_get(ctrl, &len)) {
		if (ctrl->broken || ktime_get() > end)
			return -EIO;
		thread_sleep_ns(NS_PER_MS / 10);
	}
	return READ_ONCE(c->ack) == CTRL_OK ? 0 : -EIO;
}

/* All queues, before the device is ready. *ctrl: the control queue, where it is needed, else NULL. */
static int queues_create(struct virtnet *v, struct virtqueue **ctrl)
{
	u32 offered, nr = choose_pairs(v->vdev, &offered);
	int err = pairs_create(v, nr);

	*ctrl = NULL;
	if (err || nr == 1)
		return err;
	*ctrl = virtio_queue_setup(v->vdev, 2 * offered, 64, NULL);
	return *ctrl ? 0 : -ENODEV;
}

static int virtnet_probe(struct virtio_device *vdev)
{
	struct virtnet *v = dev_zalloc(vdev->dev, sizeof(*v));
	struct virtqueue *ctrl;
	u8 mac[ETH_ALEN];
	int err;

	if (!v)
		return -ENOMEM;
	v->vdev = vdev;
	vdev->priv = v;
	err = queues_create(v, &ctrl);
	if (err)
		return err;
	read_mac(vdev, mac);
	netdev_init_ether(&v->dev, mac);
	set_limits(v);
	v->dev.features = offloads_of(vdev);
	v->dev.ops = &virtnet_ops;
	v->dev.priv = v;
	update_carrier(vdev);
	vdev->config_changed = update_carrier;
	virtio_ready(vdev);
	err = ctrl ? pairs_enable(v, ctrl) : 0;
	if (!err)
		err = netdev_register(&init_net, &v->dev);
	if (err)
		return err;
	for (u32 i = 0; i < v->nr_pairs; i++) {
		vq_disable_callback(v->pairs[i]->tx);
		/* The first poll gives the device its buffers. */
		poll_schedule(v->pairs[i]);
	}
	pr_info("%s: virtio-net %02x:%02x:%02x:%02x:%02x:%02x, %u queue%s\n", v->dev.name, mac[0],
		mac[1], mac[2], mac[3], mac[4], mac[5], v->nr_pairs, v->nr_pairs > 1 ? "s" : "");
	return 0;
}

static u64 choose(u64 features)
{
	const u64 several = NET_F_MQ | NET_F_CTRL_VQ;

	if ((features & several) != several)
		features &= ~several;
	return net_hdr_choose(features);
}

VIRTIO_DRIVER(net) = {
	.id = VIRTIO_ID_NET,
	.features = NET_F_MTU | NET_F_MAC | NET_F_MRG_RXBUF | NET_F_STATUS | NET_F_CTRL_VQ |
		    NET_F_MQ | F_ANY_LAYOUT | NET_F_CSUM | NET_F_GUEST_CSUM | NET_F_HOST_TSO4 |
		    NET_F_HOST_TSO6 | NET_F_GUEST_TSO4 | NET_F_GUEST_TSO6,
	.choose = choose,
	.probe = virtnet_probe,
};
