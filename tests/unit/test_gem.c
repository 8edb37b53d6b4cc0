/* SPDX-License-Identifier: MIT */
/*
 * The rings of Cadence GEM against a device that the test plays: it goes on from descriptor to
 * descriptor, at WRAP to the first, until it meets one that is not its own. Its driver is part of this
 * file, and is probed as on a board.
 */
#include "../../drivers/net/gem.c"
#include <net/netdev/core.h>
#include "net/world.h"
#include "unit.h"

void *calloc(size_t n, size_t size);
void free(void *p);

#define LAPS	5u

/* --- the device --- */

static u32 regs[REGISTERS_END / 4];
static struct gem *gem;
static u32 tx_at, rx_at;		/* the descriptor that it looks at next */
static u32 sent;			/* whole packets, in order */

static const u8 *bytes_at(u64 dma)
{
	return (u8 *)page_address(phys_to_page(dma)) + (dma & (PAGE_SIZE - 1));
}

/* The ring ends where it says so. */
static u32 behind(u32 at, bool wrap, u32 nr)
{
	EXPECT_EQ(wrap, at == nr - 1);
	return (at + 1) % nr;
}

/* One packet: its first bytes are its number, its length says how many pieces there are. */
static bool send_one(void)
{
	u32 first = tx_at, nr = 0, control, number;

	if (gem->tx[tx_at].control & TX_USED)
		return false;
	memcpy(&number, bytes_at(gem->tx[first].low | (u64)gem->tx[first].high << 32), sizeof(number));
	EXPECT_EQ(number, sent);
	do {
		control = gem->tx[tx_at].control;
		EXPECT_TRUE(!(control & TX_USED));
		tx_at = behind(tx_at, control & TX_WRAP, MAC_NR_TX);
		nr++;
	} while (!(control & TX_LAST) && nr <= PKT_MAX_FRAGS);
	EXPECT_EQ(nr, 1 + number % 3);
	gem->tx[first].control |= TX_USED;
	return number == sent++;
}

static void device_sends(void)
{
	while (send_one())
		;
}

/* A frame of 60 bytes; false: it has no buffer. */
static bool device_receives(void)
{
	struct gem_desc *d = &gem->rx[rx_at];

	if (d->low & RX_OWN)
		return false;
	rx_at = behind(rx_at, d->low & RX_WRAP, MAC_NR_RX);
	d->control = RX_WHOLE | 60;
	d->low |= RX_OWN;
	return true;
}

u32 hw_mmio_read(const volatile void *reg)
{
	return *(const volatile u32 *)reg;
}

void hw_mmio_write(volatile void *reg, u32 value)
{
	*(volatile u32 *)reg = value;
}

/* --- what the driver stands on --- */

u64 ram_first_pfn;

bool delayed_work_queue(struct delayed_work *w, ktime_t delay_ns)	{ return true; }
int dev_enable(struct device *dev)			{ return 0; }
void *dev_zalloc(struct device *dev, size_t size)	{ return gem = calloc(1, size); }
void *dev_map_regs(struct device *dev, int index)	{ return regs; }
bool dev_answers(struct device *dev, const volatile void *reg, u32 bytes)	{ return true; }
const void *device_match(const struct device *dev)	{ return "cdns,gem"; }
int clk_find(struct device *dev, const char *name, struct clk *out)		{ return -ENOENT; }
u64 clk_rate(const struct clk *c)			{ return 0; }
int dev_on_release(struct device *dev, void (*fn)(void *arg), void *arg)	{ return 0; }
int mac_register(struct mac *m, irq_handler_t interrupt)			{ return 0; }
void mac_add_stats(const struct netdev *dev, struct netdev_stats *sum)		{ }
void dma_unmap_slow(struct device *dev, dma_addr_t addr, u32 len, enum dma_dir dir)	{ }

paddr_t dev_reg_phys(struct device *dev, int index, u64 *size)
{
	*size = sizeof(regs);
	return 0x10090000;
}

void *dev_dma_alloc(struct device *dev, size_t size, dma_addr_t *dma)
{
	*dma = 0x80000000;
	return calloc(1, size);
}

int mmio_wait32(const volatile void *reg, u32 bits, u32 wanted, u32 us)
{
	return 0;
}

dma_addr_t dma_map_slow(struct device *dev, struct page *page, u32 offset, u32 len, enum dma_dir dir)
{
	return DMA_ERROR;
}

void mac_init(struct mac *m, const struct netdev_ops *ops, u32 (*poll)(struct net_poll *p, u32 budget))
{
	net_poll_init(&m->poll, poll);
	m->dev.ops = ops;
	netdev_tx_setup(&m->dev);
}

static void probe(struct device *dev)
{
	tx_at = rx_at = sent = 0;
	regs[MODULE_ID / 4] = 2u << 16;
	regs[DESIGN6 / 4] = DESIGN6_64_BITS;
	list_init(&dev->bounces);
	dev->dma_coherent = true;
	EXPECT_EQ(driver_gem.probe(dev), 0);
}

/* What it has not sent or filled goes back. */
static void gone(void)
{
	spin_lock_bh(&gem->mac.dev.first.lock);
	mac_rings_empty(&gem->mac);
	spin_unlock_bh(&gem->mac.dev.first.lock);
	if (gem->mac.half)
		page_put(gem->mac.half);
	free(gem->tx);
	free(gem->rx);
	free(gem->idle);
	free(gem);
}

/* --- cases --- */

/* Of one to three pieces. */
static struct pkt *packet(u32 number)
{
	struct pkt *pkt = pkt_alloc(GFP_KERNEL);

	memcpy(pkt_put(pkt, 60), &number, sizeof(number));
	for (u32 i = 0; i < number % 3; i++) {
		struct page *page = page_alloc(GFP_KERNEL);

		EXPECT_TRUE(pkt_add_frag(pkt, page, 100, 200));
		page_put(page);
	}
	return pkt;
}

static bool transmit(u32 number)
{
	struct netdev_queue *q = &gem->mac.dev.first;
	struct pkt *pkt = packet(number);
	bool taken;

	spin_lock_bh(&q->lock);
	taken = gem_ops.transmit(q, pkt);
	spin_unlock_bh(&q->lock);
	if (!taken)
		pkt_free(pkt);
	return taken;
}

/*
 * The device stops behind the last packet, though it has left no mark in those of a lap before but
 * in the first piece of each; and at the end of the ring it goes on at the beginning.
 */
TEST(packets_leave_in_order_however_far_the_device_is)
{
	struct device dev = { .dma_mask = U64_MAX };
	u32 given = 0;

	world_start();
	probe(&dev);
	while (given < LAPS * MAC_NR_TX && sent <= given) {
		u32 more = (u32)(world_chance() % 200);

		while (more-- && transmit(given))
			given++;
		if (world_chance() % 3)
			device_sends();
		else
			send_one();
	}
	device_sends();
	EXPECT_EQ(sent, given);
	EXPECT_EQ(gem->mac.dev.first.stats.tx_dropped, 0);
	gone();
	world_end();
}

/* It fills all that it has, and goes on at the beginning of the ring. */
TEST(frames_fill_the_ring_again_and_again)
{
	struct device dev = { .dma_mask = U64_MAX };
	u32 received = 0;

	world_start();
	probe(&dev);
	gem_poll(&gem->mac.poll, 64);
	while (received < LAPS * MAC_NR_RX) {
		u32 more = (u32)(world_chance() % (MAC_NR_RX / 2));

		while (more-- && device_receives())
			received++;
		gem_poll(&gem->mac.poll, 64);
		/* The interface is down: they are counted, and that is all. */
		EXPECT_EQ(gem->mac.dev.first.stats.rx_dropped, received);
	}
	gone();
	world_end();
}
