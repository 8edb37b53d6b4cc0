/* SPDX-License-Identifier: MIT */
/*
 * The board's network ports, without a cable: the PHY gives back what is sent (IEEE 802.3 22.2.4.1.2). So every
 * frame goes by DMA both ways, from memory that begins and ends anywhere; a bus error is got over.
 */
#include <drivers/net/mac.h>
#include <kernel/lib/string.h>
#include <kernel/lock/rcu.h>
#include <kernel/lock/wait.h>
#include <kernel/sched/sched.h>
#include <kernel/test/ktest.h>

#define MAX_PORTS	2
#define PROTOCOL	0x88b5		/* IEEE 802: for experiments */
#define MARK		0xfa		/* no version of IP: QEMU's GEM looks at it, whatever the EtherType is */
#define MIN_FRAME	60
#define PHY_CONTROL	0
#define PHY_LOOPBACK	(BIT(14) | BIT(8) | BIT(6))	/* full duplex at 1000 Mbit/s */
#define LINK_TRIES	50		/* of 10 ms */
#define BACK_NS		(2 * NS_PER_SEC)
#define RECOVERY_TRIES	5
/* Beyond all memory, within what the controllers can address. */
#define NOWHERE		(1ull << 38)
#define NOWHERE_BYTES	0x3fff		/* QEMU's GEM finds a length wrong, not an address */

/* Of a payload: around words, cache lines and bursts; the most that a frame has. */
static const u16 lengths[] = { 3, 45, 46, 47, 63, 64, 65, 127, 128, 1000, 1499, 1500 };
#define OFFSETS		64		/* of a cache line */

static struct {
	struct wait_queue wait;
	u32 good, bad;			/* atomic */
} back = { .wait = WAIT_QUEUE_INIT(back.wait) };

/* A mark, the frame's number, and what follows from that. */
static u8 byte_of(u32 id, u32 i)
{
	return i == 0 ? MARK : i < 3 ? (u8)(id >> 8 * (i - 1)) : (u8)(id * 7 + i);
}

static bool is_as_sent(const struct pkt *p)
{
	const u8 *payload = p->data + ETH_HLEN;
	u32 id = payload[1] | (u32)payload[2] << 8, len = lengths[id % ARRAY_SIZE(lengths)];

	if (p->linear != p->len || p->len != max(ETH_HLEN + len, (u32)MIN_FRAME))
		return false;
	for (u32 i = 0; i < len; i++)
		if (payload[i] != byte_of(id, i))
			return false;
	return true;
}

/* In place of the stack. Softirq. */
static void take_back(struct netdev *dev, struct pkt *p)
{
	if (p->protocol == PROTOCOL) {
		__atomic_fetch_add(is_as_sent(p) ? &back.good : &back.bad, 1, __ATOMIC_RELAXED);
		wake_all(&back.wait);
	}
	pkt_free(p);
}

/* --- a port whose PHY gives back --- */

static struct mac *port(u32 n)
{
	struct netdev *dev;
	u32 found = 0;

	netdev_for_each(&init_net, dev)
		if (dev->ops->add_stats == mac_add_stats && found++ == n)
			return mac_of(dev);
	return NULL;
}

static void set_up(struct mac *m, bool up)
{
	mutex_lock(&net_config_lock);
	EXPECT_EQ(netdev_set_flags(&m->dev, up ? m->dev.flags | IFF_UP : m->dev.flags & ~IFF_UP), 0);
	mutex_unlock(&net_config_lock);
}

static void loop_begin(struct mac *m)
{
	struct phy_link link = { .up = true, .full_duplex = true, .mbit = 1000 }, now = { 0 };

	delayed_work_cancel(&m->link_work);
	smp_store_release(&m->dev.handler, take_back);
	set_up(m, true);
	EXPECT_EQ(m->phy.bus->write(m->phy.bus, m->phy.address, PHY_CONTROL, PHY_LOOPBACK), 0);
	for (u32 i = 0; i < LINK_TRIES && !now.up; i++) {
		thread_sleep_ns(10 * NS_PER_MS);
		EXPECT_EQ(phy_read_link(&m->phy, &now), 0);
	}
	mutex_lock(&m->config_lock);
	phy_set_speed(&m->phy, link.mbit);
	m->ops->set_speed(m, &link);
	mutex_unlock(&m->config_lock);
	netdev_set_carrier(&m->dev, true);
	back.good = back.bad = 0;
}

static void loop_end(struct mac *m)
{
	set_up(m, false);
	WRITE_ONCE(m->dev.handler, NULL);
	synchronize_rcu();
	EXPECT_EQ(phy_start(&m->phy), 0);
	m->link = (struct phy_link){ 0 };
	netdev_set_carrier(&m->dev, false);
	delayed_work_queue(&m->link_work, 0);
}

/* The frame `id`, whose payload begins at an offset in its page and is in so many pieces; NULL. */
static struct pkt *make_frame(struct mac *m, u32 id, u32 offset, u32 pieces)
{
	u32 len = lengths[id % ARRAY_SIZE(lengths)], done = 0;
	struct page *page = page_alloc(GFP_KERNEL);
	struct pkt *p = page ? pkt_alloc(GFP_KERNEL) : NULL;
	struct ethhdr *eth;
	u8 *at;

	EXPECT_TRUE(p);
	if (!p)
		return NULL;
	at = (u8 *)page_address(page) + offset;
	for (u32 i = 0; i < len; i++)
		at[i] = byte_of(id, i);
	eth = (void *)pkt_put(p, ETH_HLEN);
	memcpy(eth->dst, m->dev.mac, ETH_ALEN);
	memcpy(eth->src, m->dev.mac, ETH_ALEN);
	eth->protocol = net16(PROTOCOL);
	p->protocol = PROTOCOL;
	p->dev = &m->dev;
	for (u32 i = 1; i <= pieces; i++) {
		u32 end = i == pieces ? len : len * i / pieces;

		if (end > done)
			EXPECT_TRUE(pkt_add_frag(p, page, offset + done, end - done));
		done = end;
	}
	page_put(page);
	return p;
}

/* One frame of each length. True: all came back as they were. */
static bool burst(struct mac *m, u32 offset, u32 pieces)
{
	u32 good = back.good, first = offset * ARRAY_SIZE(lengths);

	for (u32 i = 0; i < ARRAY_SIZE(lengths); i++) {
		struct pkt *p = make_frame(m, first + i, offset, pieces);

		if (p)
			netdev_transmit(&m->dev, p);
	}
	netdev_kick(&m->dev);
	good += ARRAY_SIZE(lengths);
	wait_event_timeout(&back.wait, READ_ONCE(back.good) == good || READ_ONCE(back.bad), BACK_NS);
	return READ_ONCE(back.good) == good && !READ_ONCE(back.bad);
}

KTEST(hw, network_gives_back_what_is_sent_from_anywhere)
{
	struct mac *m;

	for (u32 n = 0; n < MAX_PORTS && (m = port(n)); n++) {
		bool whole = true;

		loop_begin(m);
		for (u32 offset = 0; offset < OFFSETS && whole; offset++)
			whole = burst(m, offset, 1 + offset % 4);
		EXPECT_TRUE(whole);
		EXPECT_EQ(back.bad, 0);
		loop_end(m);
	}
}

/* A frame whose first piece is where nothing answers. */
static void break_the_bus(struct mac *m)
{
	struct pkt *p = make_frame(m, 0, 0, 1);
	struct netdev_queue *q = &m->dev.first;
	u32 first, last;

	if (!p)
		return;
	spin_lock_bh(&q->lock);
	first = m->tx_head;
	EXPECT_TRUE(mac_transmit(q, p));
	last = m->tx_slots[first].last;
	/* The device has not been told yet. */
	m->ops->tx_fill(m, first, NOWHERE, NOWHERE_BYTES);
	m->ops->tx_hand_over(m, first, last, p);
	m->dev.ops->kick(q);
	spin_unlock_bh(&q->lock);
}

/* Frames are lost until the poll has given the ring its buffers. */
static bool works_again(struct mac *m)
{
	for (u32 i = 0; i < RECOVERY_TRIES; i++)
		if (burst(m, i, 2))
			return true;
	return false;
}

KTEST(hw, network_survives_a_bus_error)
{
	struct mac *m;

	for (u32 n = 0; n < MAX_PORTS && (m = port(n)); n++) {
		u64 errors;

		loop_begin(m);
		EXPECT_TRUE(burst(m, 0, 1));
		errors = READ_ONCE(m->dev.first.stats.tx_errors);
		break_the_bus(m);
		for (u32 i = 0; i < 200 && READ_ONCE(m->dev.first.stats.tx_errors) == errors; i++)
			thread_sleep_ns(10 * NS_PER_MS);
		EXPECT_TRUE(READ_ONCE(m->dev.first.stats.tx_errors) > errors);
		work_flush(&m->recovery);
		EXPECT_TRUE(works_again(m));
		loop_end(m);
	}
}
