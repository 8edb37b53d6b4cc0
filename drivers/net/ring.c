/* SPDX-License-Identifier: MIT */
/*
 * Rings of an Ethernet controller. A descriptor is the device's or ours; which, says a bit
 * of a form that the driver knows. What was the device's comes back in order.
 *
 * Receive. Descriptors from rx_next up to before rx_empty are the device's, or frames that
 * wait; each has half a page, which becomes a packet as it is. One descriptor stays free.
 *
 * Transmit. From tx_tail up to before tx_head; a packet has as many in a row as it has pieces:
 * its linear part and its pages. Packets are freed when the next is sent, and by the poll.
 */
#include <arch/page.h>
#include <drivers/net/mac.h>

#define REFILL_NS	(50 * NS_PER_MS)

/* --- receive: the poll, softirq --- */

static struct page *buffer_alloc(struct mac *m, u32 *offset)
{
	struct page *page = m->half;

	if (page) {
		m->half = NULL;
		*offset = MAC_BUFFER_BYTES;
		return page;
	}
	page = page_alloc(GFP_ATOMIC | GFP_NOWARN);
	if (!page)
		return NULL;
	page_get(page);
	m->half = page;
	*offset = 0;
	return page;
}
_Static_assert(PAGE_SIZE == 2 * MAC_BUFFER_BYTES, "a page is two buffers");

static bool rx_fill_one(struct mac *m)
{
	struct mac_rx_slot *s = &m->rx_slots[m->rx_empty];

	s->page = buffer_alloc(m, &s->offset);
	if (!s->page)
		return false;
	s->offset += m->rx_skip;
	s->dma = dma_map_page(m->device, s->page, s->offset, MAC_BUFFER_BYTES - m->rx_skip,
			      DMA_FROM_DEVICE);
	if (s->dma == DMA_ERROR) {
		page_put(s->page);
		s->page = NULL;
		return false;
	}
	m->ops->rx_give(m, m->rx_empty, s->dma);
	m->rx_empty = (m->rx_empty + 1) % MAC_NR_RX;
	return true;
}

void mac_rx_fill(struct mac *m)
{
	while ((m->rx_empty + 1) % MAC_NR_RX != m->rx_next)
		if (!rx_fill_one(m)) {
			delayed_work_queue(&m->refill, REFILL_NS);
			break;
		}
}

static struct page *rx_take(struct mac *m, u32 i)
{
	struct mac_rx_slot *s = &m->rx_slots[i];
	struct page *page = s->page;

	dma_unmap_page(m->device, s->dma, MAC_BUFFER_BYTES - m->rx_skip, DMA_FROM_DEVICE);
	s->page = NULL;
	return page;
}

void mac_rx_frame(struct mac *m, bool whole, u32 pad, u32 len, u8 flags)
{
	u32 offset = m->rx_slots[m->rx_next].offset + pad;
	struct page *page = rx_take(m, m->rx_next);
	struct pkt *pkt;

	WRITE_ONCE(m->rx_next, (m->rx_next + 1) % MAC_NR_RX);
	if (!whole || len < ETH_HLEN || offset % MAC_BUFFER_BYTES + len > MAC_BUFFER_BYTES) {
		m->dev.first.stats.rx_errors++;
		page_put(page);
		return;
	}
	pkt = pkt_alloc(GFP_ATOMIC | GFP_NOWARN);
	if (!pkt) {
		m->dev.first.stats.rx_dropped++;
		page_put(page);
		return;
	}
	pkt->page = page;
	pkt->data = (u8 *)page_address(page) + offset;
	pkt->linear = pkt->len = len;
	pkt->flags = flags;
	netdev_receive(&m->dev, pkt);
}

/* --- transmit; the queue's lock held --- */

static u32 tx_free(const struct mac *m)
{
	return (m->tx_tail - m->tx_head - 1) % MAC_NR_TX;
}

/* The packet at the tail is ours again. */
static void tx_release(struct mac *m)
{
	struct mac_tx_slot *first = &m->tx_slots[m->tx_tail];
	u32 end = (first->last + 1) % MAC_NR_TX;

	if (!dma_unmaps_nothing(m->device))
		for (u32 i = m->tx_tail; i != end; i = (i + 1) % MAC_NR_TX)
			dma_unmap_page(m->device, m->tx_slots[i].dma, m->tx_slots[i].len, DMA_TO_DEVICE);
	m->tx_tail = end;
	pkt_free(first->pkt);
}

static void tx_reclaim(struct mac *m)
{
	assert_spin_held(&m->dev.first.lock);
	while (m->tx_tail != m->tx_head &&
	       m->ops->tx_is_back(m, m->tx_tail, m->tx_slots[m->tx_tail].last))
		tx_release(m);
}

static bool tx_piece(struct mac *m, u32 at, struct page *page, u32 offset, u32 len)
{
	struct mac_tx_slot *s = &m->tx_slots[at];

	s->dma = dma_map_page(m->device, page, offset, len, DMA_TO_DEVICE);
	if (s->dma == DMA_ERROR)
		return false;
	s->len = len;
	m->ops->tx_fill(m, at, s->dma, len);
	return true;
}

static void tx_unmap(struct mac *m, u32 nr)
{
	while (nr--) {
		struct mac_tx_slot *s = &m->tx_slots[(m->tx_head + nr) % MAC_NR_TX];

		dma_unmap_page(m->device, s->dma, s->len, DMA_TO_DEVICE);
	}
}

/* From the head on. False: a piece cannot be reached now, and nothing is mapped. */
static bool tx_map(struct mac *m, const struct pkt *pkt)
{
	if (!tx_piece(m, m->tx_head, virt_to_page(pkt->data),
		      (u32)((u64)pkt->data & (PAGE_SIZE - 1)), pkt->linear))
		return false;
	for (u32 i = 0; i < pkt->nr_frags; i++) {
		const struct pkt_frag *f = &pkt->frags[i];

		if (!tx_piece(m, (m->tx_head + i + 1) % MAC_NR_TX, f->page, f->offset, f->len)) {
			tx_unmap(m, i + 1);
			return false;
		}
	}
	return true;
}

/* Room for nr descriptors. Where there is none, an interrupt will tell of it. */
static bool tx_has_room(struct mac *m, u32 nr)
{
	if (tx_free(m) >= nr)
		return true;
	m->tx_waiting = true;
	if (m->ops->tx_want_room)
		m->ops->tx_want_room(m);
	tx_reclaim(m);
	if (tx_free(m) < nr)
		return false;
	m->tx_waiting = false;
	return true;
}

bool mac_transmit(struct netdev_queue *q, struct pkt *pkt)
{
	struct mac *m = mac_of(q->dev);
	u32 first = m->tx_head, last = (first + pkt->nr_frags) % MAC_NR_TX;

	if (!m->down) {
		tx_reclaim(m);
		if (!tx_has_room(m, pkt->nr_frags + 1u))
			return false;
	}
	if (m->down || !tx_map(m, pkt)) {
		q->stats.tx_dropped++;
		pkt_free(pkt);
		return true;
	}
	m->tx_slots[first].pkt = pkt;
	m->tx_slots[first].last = last;
	m->tx_head = (last + 1) % MAC_NR_TX;
	m->ops->tx_hand_over(m, first, last, pkt);
	return true;
}

void mac_tx_look(struct mac *m)
{
	bool wake;

	spin_lock_bh(&m->dev.first.lock);
	tx_reclaim(m);
	wake = m->tx_waiting && tx_has_room(m, PKT_MAX_FRAGS + 1);
	if (wake)
		m->tx_waiting = false;
	if (m->ops->tx_looked)
		m->ops->tx_looked(m);
	spin_unlock_bh(&m->dev.first.lock);
	if (wake)
		netdev_wake_queue(&m->dev.first);
}

/* --- both --- */

void mac_rings_empty(struct mac *m)
{
	for (u32 i = 0; i < MAC_NR_RX; i++)
		if (m->rx_slots[i].page)
			page_put(rx_take(m, i));
	m->rx_next = m->rx_empty = 0;
	while (m->tx_tail != m->tx_head) {
		m->dev.first.stats.tx_errors++;
		tx_release(m);
	}
	m->tx_head = m->tx_tail = 0;
	m->tx_waiting = false;
}
