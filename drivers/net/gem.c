/* SPDX-License-Identifier: MIT */
/*
 * Cadence GEM, the network port of the HiFive Unleashed and of the PolarFire SoC: one
 * queue each way, others that the chip has kept quiet.
 *
 * A ring is an array of 16-byte descriptors that ends with a WRAP bit. Whose one is says a
 * bit: OWN of a receive descriptor, USED of a transmit one are set when it is ours. The
 * device goes on from where it is until it meets one that is not its own; then it
 * stops: receiving, until the next frame comes; sending, until START is written.
 *
 * Receiving, the device leaves two bytes of a buffer free, so that the IP header comes to lie on a
 * word. Sending, it sets USED in the first descriptor of a packet only. So that it ends there, the
 * one behind a packet is marked before the packet is handed over. An interrupt is asked for only
 * while the ring is full. The rest of the rings: ring.c.
 *
 * A START that is written while the device is about to read the USED bit of the descriptor that
 * was just filled is lost. So a START while the device was still sending asks for one
 * interrupt at its end, and the poll starts it again where packets are left.
 *
 * Interrupts that are masked may not be remembered: whoever unmasks one looks again.
 *
 * Checksums of TCP and UDP that were received are the device's to check: it drops frames with a
 * wrong one, and says of the others what it has looked at. Of frames that are sent it makes them all,
 * also those that have one. There it must find 0 in a datagram of up to two bytes: Linux macb_main.c
 * has met chips (Zynq) that add what they find.
 *
 * Frames to groups pass by a hash of their address, so others may as well.
 *
 * Locks. The receive ring is the poll's alone. The transmit ring is under the queue's lock, CONTROL
 * holds always the same bits. The other registers of MAC and MDIO are the link work's.
 *
 * Limit: controllers without 64-bit addresses, and PHYs behind the MDIO wires of another one, are
 * refused.
 *
 * Registers: Zynq UltraScale+ register reference UG1087, module GEM; the FU540's clock
 * switch: SiFive FU540-C000 manual v1p0, 20.1.
 */
#include <arch/io.h>
#include <drivers/core/provider.h>
#include <drivers/net/mac.h>
#include <kernel/lib/string.h>
#include <kernel/printk.h>

enum {
	CONTROL = 0x000, CONFIG = 0x004, STATUS = 0x008, DMA_CONFIG = 0x010, TX_STATUS = 0x014, RX_QUEUE = 0x018,
	TX_QUEUE = 0x01c, RX_STATUS = 0x020, INT_STATUS = 0x024, INT_ENABLE = 0x028, INT_DISABLE = 0x02c,
	MDIO = 0x034, HASH_LOW = 0x080, HASH_HIGH = 0x084, ADDR_LOW = 0x088, ADDR_HIGH = 0x08c, MODULE_ID = 0x0fc,
	RX_ERRORS_FIRST = 0x184, RX_ERRORS_LAST = 0x1a4, DESIGN1 = 0x280, DESIGN6 = 0x294, TX_QUEUE1 = 0x440,
	RX_QUEUE1 = 0x480, TX_HIGH = 0x4c8, RX_HIGH = 0x4d4, REGISTERS_END = 0x4d8,
};

#define CONTROL_RX	BIT(2)
#define CONTROL_TX	BIT(3)
#define CONTROL_MDIO	BIT(4)
#define CONTROL_CLEAR	BIT(5)		/* the counters */
#define CONTROL_START	BIT(9)
#define CONTROL_ON	(CONTROL_RX | CONTROL_TX | CONTROL_MDIO)

#define CONFIG_100	BIT(0)
#define CONFIG_FULL	BIT(1)
#define CONFIG_PROMISC	BIT(4)
#define CONFIG_HASH	BIT(6)		/* multicast by its hash */
#define HASH_BITS	6
#define CONFIG_1536	BIT(8)		/* longest frame, in bytes */
#define CONFIG_GIGABIT	BIT(10)
#define CONFIG_OFFSET	(RX_PAD << 14)
#define CONFIG_STRIP	BIT(17)		/* the frame's checksum is not received */
#define CONFIG_MDC(n)	((n) << 18)
#define CONFIG_BUS(n)	((n) << 21)	/* 0, 1, 2: 32, 64, 128 bits */
#define CONFIG_NO_PAUSE	BIT(23)		/* pause frames are not received */
#define CONFIG_RX_CSUM	BIT(24)

#define STATUS_MDIO_IDLE BIT(2)
#define DMA_BURST_16	16u
#define DMA_RX_MEMORY	(3u << 8)	/* all of it */
#define DMA_TX_MEMORY	BIT(10)
#define DMA_TX_CSUM	BIT(11)
#define DMA_RX_SIZE(n)	((n) / 64 << 16)
#define DMA_64_BITS	BIT(30)
#define TX_GOING	BIT(3)
#define TX_STATUS_ALL	0x1f7
#define RX_NO_BUFFER	BIT(0)
#define RX_STATUS_ALL	0xf

#define INT_RX		BIT(1)
#define INT_TX_USED	BIT(3)
/* no data in time, too many collisions, bus error */
#define INT_TX_BAD	(BIT(4) | BIT(5) | BIT(6))
#define INT_TX		BIT(7)
#define INT_RX_OVERRUN	BIT(10)
#define INT_BUS		BIT(11)
#define INT_FATAL	(INT_TX_BAD | INT_BUS)
#define INT_WANTED	(INT_RX | INT_FATAL)
#define INT_ALL		0x3fffffff

#define MDIO_READ	(1u << 30 | 2u << 28 | 2u << 16)	/* clause 22 */
#define MDIO_WRITE	(1u << 30 | 1u << 28 | 2u << 16)
#define MODULE_GEM(v)	(((v) >> 16 & 0xfff) >= 2)
#define DESIGN1_BUS(v)	((v) >> 25 & 7)	/* 1, 2, 4 words of 32 bits */
#define DESIGN6_QUEUES(v) ((v) & 0xfe)	/* a bit for each beyond the first */
#define DESIGN6_64_BITS	BIT(23)

#define RX_OWN		BIT(0)		/* in word 0, below the address */
#define RX_WRAP		BIT(1)
#define RX_LENGTH	GENMASK(12, 0)
#define RX_WHOLE	(BIT(14) | BIT(15))	/* first and last buffer of its frame */
#define RX_CSUM(v)	((v) >> 22 & 3)	/* 2, 3: TCP's, UDP's is right */
#define TX_LAST		BIT(15)
#define TX_WRAP		BIT(30)
#define TX_USED		BIT(31)

#define RX_PAD		2u
#define RX_BYTES	(MAC_BUFFER_BYTES - 64)	/* that the device may write; a multiple of 64 */
#define MDIO_WAIT_US	10000
#define PROTO_UDP	17
#define UDP_HLEN	8

struct gem_desc {
	u32 low, control, high, unused;
};

struct gem {
	struct mac mac;
	/* Constant after probe. */
	volatile u8 *clock_switch;
	struct gem_desc *rx, *tx, *idle;	/* coherent; idle: for queues that are not used */
	dma_addr_t rx_dma, tx_dma, idle_dma;

	/* Guarded by mac.dev.first.lock. */
	bool tx_restart;		/* a START may have been lost */
};

static struct gem *of(struct mac *m)
{
	return container_of(m, struct gem, mac);
}

static u32 rd(const struct gem *g, u32 reg)
{
	return mmio_read32(g->mac.regs + reg);
}

static void wr(struct gem *g, u32 reg, u32 v)
{
	mmio_write32(g->mac.regs + reg, v);
}

/* --- receive: poll, softirq --- */

static void gem_rx_give(struct mac *m, u32 i, dma_addr_t at)
{
	struct gem_desc *d = &of(m)->rx[i];

	d->high = (u32)(at >> 32);
	d->control = 0;
	dma_wmb();			/* the device sees the rest no later than OWN */
	WRITE_ONCE(d->low, (u32)at | (i == MAC_NR_RX - 1 ? RX_WRAP : 0));
}

/* more: frames may be left. Else what it has not filled yet has kept it from what is ours. */
static void rx_fill(struct gem *g, bool more)
{
	bool dry = more || g->mac.rx_next == g->mac.rx_empty;

	mac_rx_fill(&g->mac);
	/* It met a descriptor that was ours: now it may look again. */
	if (dry && (rd(g, RX_STATUS) & RX_NO_BUFFER)) {
		wr(g, RX_STATUS, RX_NO_BUFFER);
		wr(g, CONTROL, CONTROL_ON);
	}
}

static bool rx_is_there(const struct gem *g)
{
	u32 next = READ_ONCE(g->mac.rx_next);

	return next != READ_ONCE(g->mac.rx_empty) && (READ_ONCE(g->rx[next].low) & RX_OWN);
}

static void rx_one(struct gem *g)
{
	u32 control;

	dma_rmb();			/* the frame no earlier than OWN */
	control = READ_ONCE(g->rx[g->mac.rx_next].control);
	mac_rx_frame(&g->mac, (control & RX_WHOLE) == RX_WHOLE, RX_PAD, control & RX_LENGTH,
		     RX_CSUM(control) >= 2 ? PKT_CSUM_VALID : 0);
}

/* --- transmit; the queue's lock held --- */

static void gem_tx_fill(struct mac *m, u32 i, dma_addr_t at, u32 len)
{
	struct gem_desc *d = &of(m)->tx[i];

	d->low = (u32)at;
	d->high = (u32)(at >> 32);
	d->control = TX_USED | (i == MAC_NR_TX - 1 ? TX_WRAP : 0) | len;
}

static void gem_tx_hand_over(struct mac *m, u32 first, u32 last, const struct pkt *pkt)
{
	struct gem_desc *tx = of(m)->tx;

	tx[(last + 1) % MAC_NR_TX].control |= TX_USED;
	tx[last].control |= TX_LAST;
	for (u32 i = last; i != first; i = (i - 1) % MAC_NR_TX)
		tx[i].control &= ~TX_USED;
	dma_wmb();
	WRITE_ONCE(tx[first].control, tx[first].control & ~TX_USED);
}

static bool gem_tx_is_back(const struct mac *m, u32 first, u32 last)
{
	return READ_ONCE(container_of(m, const struct gem, mac)->tx[first].control) & TX_USED;
}

static void gem_tx_want_room(struct mac *m)
{
	wr(of(m), INT_ENABLE, INT_TX);
}

/* Of IPv4, not a fragment, and with a checksum. */
static bool is_short_udp(const struct pkt *pkt)
{
	const u8 *ip = pkt->data + ETH_HLEN;
	u32 len = (ip[0] & 15) * 4u;

	return pkt->len <= ETH_HLEN + 60 + UDP_HLEN + 2 && pkt->protocol == ETH_P_IP &&
	       pkt->linear >= ETH_HLEN + len + UDP_HLEN && ip[9] == PROTO_UDP &&
	       !((ip[6] & 0x3f) | ip[7]) && pkt->len <= ETH_HLEN + len + UDP_HLEN + 2;
}

/* A checksum that the device is to make is 0 before. */
static bool gem_transmit(struct netdev_queue *q, struct pkt *pkt)
{
	u8 *udp = pkt->data + ETH_HLEN + (pkt->data[ETH_HLEN] & 15) * 4;

	if (pkt->flags & PKT_CSUM_PARTIAL)
		memset(pkt->data + pkt->csum_start + pkt->csum_offset, 0, sizeof(u16));
	else if (unlikely(is_short_udp(pkt)))
		udp[6] = udp[7] = 0;
	return mac_transmit(q, pkt);
}

static void gem_kick(struct netdev_queue *q)
{
	struct gem *g = of(mac_of(q->dev));

	if (g->mac.down)
		return;
	if (rd(g, TX_STATUS) & TX_GOING) {
		g->tx_restart = true;
		wr(g, INT_ENABLE, INT_TX_USED);
	}
	wr(g, CONTROL, CONTROL_ON | CONTROL_START);
}

static void gem_tx_looked(struct mac *m)
{
	struct gem *g = of(m);

	if (!g->tx_restart)
		return;
	g->tx_restart = false;
	if (m->tx_tail != m->tx_head)
		gem_kick(&m->dev.first);
}

/* --- interrupt and poll --- */

static void gem_interrupt(void *arg)
{
	struct gem *g = of(arg);
	u32 status = rd(g, INT_STATUS);

	wr(g, INT_STATUS, status);		/* some clear by reading, some by writing */
	wr(g, INT_DISABLE, INT_ALL);
	if (unlikely(status & INT_FATAL))
		work_queue(&g->mac.recovery);
	net_poll_schedule(&g->mac.poll);
}

static u32 gem_poll(struct net_poll *p, u32 budget)
{
	struct gem *g = container_of(p, struct gem, mac.poll);
	u32 done;

	for (done = 0; done < budget && rx_is_there(g); done++)
		rx_one(g);
	rx_fill(g, done == budget);
	mac_tx_look(&g->mac);
	if (done < budget) {
		net_poll_done(p);
		wr(g, INT_ENABLE, INT_WANTED);
		if (rx_is_there(g))
			net_poll_schedule(p);
	}
	return done;
}

/* --- start, also after a bus error --- */

/* Queues beyond the first get a ring of one descriptor that is never the device's. */
static void quiet_queues(struct gem *g)
{
	u32 queues = DESIGN6_QUEUES(rd(g, DESIGN6));

	g->idle[0].control = TX_USED | TX_WRAP;
	g->idle[1].low = RX_OWN | RX_WRAP;
	for (u32 q = 1; q < 8; q++)
		if (queues & BIT(q)) {
			wr(g, TX_QUEUE1 + 4 * (q - 1), (u32)g->idle_dma);
			wr(g, RX_QUEUE1 + 4 * (q - 1),
			   (u32)g->idle_dma + (u32)sizeof(struct gem_desc));
		}
}

static void rings_start(struct gem *g)
{
	for (u32 i = 0; i < MAC_NR_RX; i++)
		g->rx[i].low = RX_OWN | (i == MAC_NR_RX - 1 ? RX_WRAP : 0);
	for (u32 i = 0; i < MAC_NR_TX; i++)
		g->tx[i].control = TX_USED | (i == MAC_NR_TX - 1 ? TX_WRAP : 0);
	g->tx_restart = false;
	wr(g, TX_STATUS, TX_STATUS_ALL);
	wr(g, RX_STATUS, RX_STATUS_ALL);
	wr(g, RX_HIGH, (u32)(g->rx_dma >> 32));	/* of all queues */
	wr(g, TX_HIGH, (u32)(g->tx_dma >> 32));
	wr(g, RX_QUEUE, (u32)g->rx_dma);
	wr(g, TX_QUEUE, (u32)g->tx_dma);
	quiet_queues(g);
	wr(g, CONTROL, CONTROL_ON);
}

static void gem_halt(struct mac *m)
{
	wr(of(m), CONTROL, CONTROL_MDIO);	/* sending and receiving stop at once */
}

static int gem_restart(struct mac *m)
{
	rings_start(of(m));
	return 0;
}

/* --- MDIO and link: thread context --- */

static int mdio(struct mdio_bus *b, u32 operation)
{
	struct gem *g = of(mac_of_bus(b));
	int err;

	wr(g, MDIO, operation);
	err = mmio_wait32(g->mac.regs + STATUS, STATUS_MDIO_IDLE, STATUS_MDIO_IDLE, MDIO_WAIT_US);
	return err ? err : (int)(rd(g, MDIO) & 0xffff);
}

static int mdio_read(struct mdio_bus *b, u32 phy, u32 reg)
{
	return mdio(b, MDIO_READ | phy << 23 | reg << 18);
}

static int mdio_write(struct mdio_bus *b, u32 phy, u32 reg, u16 value)
{
	return min(mdio(b, MDIO_WRITE | phy << 23 | reg << 18 | value), 0);
}

static void gem_set_speed(struct mac *m, const struct phy_link *now)
{
	struct gem *g = of(m);
	u32 config = rd(g, CONFIG) & ~(CONFIG_100 | CONFIG_FULL | CONFIG_GIGABIT);

	config |= now->full_duplex ? CONFIG_FULL : 0;
	config |= now->mbit == 1000 ? CONFIG_GIGABIT : now->mbit == 100 ? CONFIG_100 : 0;
	/* The FU540's transmit clock: its own of 125 MHz, or the PHY's. */
	if (g->clock_switch)
		mmio_write32(g->clock_switch, now->mbit != 1000);
	wr(g, CONFIG, config);
}

/* Counters clear when they are read. */
static u32 gem_count_errors(struct mac *m)
{
	u32 bad = 0;

	for (u32 reg = RX_ERRORS_FIRST; reg <= RX_ERRORS_LAST; reg += 4)
		bad += rd(of(m), reg);
	return bad;
}

static const struct mac_ops gem_mac_ops = {
	.rx_give = gem_rx_give,
	.tx_fill = gem_tx_fill,
	.tx_hand_over = gem_tx_hand_over,
	.tx_is_back = gem_tx_is_back,
	.tx_want_room = gem_tx_want_room,
	.tx_looked = gem_tx_looked,
	.set_speed = gem_set_speed,
	.count_errors = gem_count_errors,
	.halt = gem_halt,
	.restart = gem_restart,
};

static void set_address(struct gem *g, const u8 *mac)
{
	wr(g, ADDR_LOW, mac[0] | (u32)mac[1] << 8 | (u32)mac[2] << 16 | (u32)mac[3] << 24);
	wr(g, ADDR_HIGH, mac[4] | (u32)mac[5] << 8);	/* counts from here on */
}

/* Six bits, each a sum of every sixth bit of the address, in the order in which they are sent. */
static u32 hash_of(const u8 *mac)
{
	u32 hash = 0;

	for (u32 bit = 0; bit < 8 * ETH_ALEN; bit++)
		hash ^= (mac[bit / 8] >> (bit % 8) & 1u) << (bit % HASH_BITS);
	return hash;
}

static void gem_set_filter(struct netdev *dev, const struct netdev_filter *f)
{
	struct gem *g = of(mac_of(dev));
	u64 hash = f->all_groups ? U64_MAX : 0;

	for (u32 i = 0; i < f->nr_groups; i++)
		hash |= 1ull << hash_of(f->groups[i]);
	mutex_lock(&g->mac.config_lock);
	wr(g, HASH_LOW, (u32)hash);
	wr(g, HASH_HIGH, (u32)(hash >> 32));
	wr(g, CONFIG, (rd(g, CONFIG) & ~CONFIG_PROMISC) | (f->all ? CONFIG_PROMISC : 0));
	mutex_unlock(&g->mac.config_lock);
}

static int gem_set_mac(struct netdev *dev, const u8 *mac)
{
	set_address(of(mac_of(dev)), mac);
	return 0;
}

static const struct netdev_ops gem_ops = {
	.transmit = gem_transmit,
	.kick = gem_kick,
	.set_mac = gem_set_mac,
	.set_filter = gem_set_filter,
	.add_stats = mac_add_stats,
};

/* --- start --- */

/* The management clock is the bus's divided, at most 2.5 MHz (IEEE 802.3 22.2.2.13). */
static u32 mdc_divider(struct device *dev)
{
	static const u8 divided_by[] = { 8, 16, 32, 48, 64, 96, 128, 224 };
	struct clk pclk;
	u64 hz = clk_find(dev, "pclk", &pclk) ? 0 : clk_rate(&pclk);
	u32 n = 0;

	if (!hz)
		return ARRAY_SIZE(divided_by) - 1;
	while (n < ARRAY_SIZE(divided_by) - 1 && hz / divided_by[n] > 2500000)
		n++;
	return n;
}

static void setup(struct gem *g)
{
	u32 words = DESIGN1_BUS(rd(g, DESIGN1));

	wr(g, CONTROL, CONTROL_CLEAR);
	wr(g, INT_DISABLE, INT_ALL);
	rd(g, INT_STATUS);
	wr(g, CONFIG, CONFIG_1536 | CONFIG_OFFSET | CONFIG_STRIP | CONFIG_MDC(mdc_divider(g->mac.device)) |
	   CONFIG_BUS(words == 4 ? 2u : words == 2 ? 1u : 0u) | CONFIG_NO_PAUSE | CONFIG_RX_CSUM | CONFIG_HASH |
	   CONFIG_FULL | CONFIG_GIGABIT);
	wr(g, DMA_CONFIG, DMA_BURST_16 | DMA_RX_MEMORY | DMA_TX_MEMORY | DMA_TX_CSUM | DMA_RX_SIZE(RX_BYTES) |
	   DMA_64_BITS);
	wr(g, HASH_LOW, 0);
	wr(g, HASH_HIGH, 0);
	set_address(g, g->mac.dev.mac);
	rings_start(g);
}

/* Probe failed: the device lets go of memory. */
static void stop(void *arg)
{
	struct gem *g = arg;

	wr(g, INT_DISABLE, INT_ALL);
	wr(g, CONTROL, 0);
}

static int acquire(struct gem *g, struct device *dev)
{
	u64 size;
	int err = dev_enable(dev);

	if (err)
		return err;
	if (!dev_reg_phys(dev, 0, &size) || size < REGISTERS_END)
		return -EINVAL;
	g->mac.regs = dev_map_regs(dev, 0);
	if (!g->mac.regs || !dev_answers(dev, g->mac.regs + MODULE_ID, 4))
		return -ENODEV;
	if (!MODULE_GEM(rd(g, MODULE_ID)) || !(rd(g, DESIGN6) & DESIGN6_64_BITS))
		return -EOPNOTSUPP;
	if (!strcmp(device_match(dev), "sifive,fu540-c000-gem"))
		g->clock_switch = dev_map_regs(dev, 1);
	/* Rings below 4 GiB: one register holds the high half of all queues. */
	g->rx = dev_dma_alloc(dev, MAC_NR_RX * sizeof(struct gem_desc), &g->rx_dma);
	g->tx = dev_dma_alloc(dev, MAC_NR_TX * sizeof(struct gem_desc), &g->tx_dma);
	g->idle = dev_dma_alloc(dev, 2 * sizeof(struct gem_desc), &g->idle_dma);
	dev->dma_mask = U64_MAX;
	return g->rx && g->tx && g->idle ? 0 : -ENOMEM;
}

static int gem_probe(struct device *dev)
{
	struct gem *g = dev_zalloc(dev, sizeof(*g));
	int err;

	if (!g)
		return -ENOMEM;
	g->mac.ops = &gem_mac_ops;
	g->mac.device = dev;
	g->mac.mdio = (struct mdio_bus){ .read = mdio_read, .write = mdio_write };
	err = acquire(g, dev);
	if (err)
		return err;
	mac_init(&g->mac, &gem_ops, gem_poll);
	g->mac.dev.features |= NETDEV_CSUM4;	/* of IPv6, too, but QEMU does not */
	err = dev_on_release(dev, stop, g);
	if (err)
		return err;
	setup(g);
	return mac_register(&g->mac, gem_interrupt);
}

static const char *const compatible[] = {
	"sifive,fu540-c000-gem", "microchip,mpfs-macb", "cdns,gem", "cdns,macb", NULL,
};

DRIVER(gem) = {
	.name = "gem",
	.stage = STAGE_DEVICE,
	.compatible = compatible,
	.probe = gem_probe,
};
