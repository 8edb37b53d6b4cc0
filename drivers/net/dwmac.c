/* SPDX-License-Identifier: MIT */
/*
 * Synopsys GMAC 5.20 (DesignWare Ethernet QoS), the JH7110's network ports: one queue and
 * one DMA channel each way.
 *
 * A ring is an array of 16-byte descriptors. Who sets OWN gives one to the device, and a
 * tail register says up to where the device may go: to the descriptor before. So one
 * stays free. What the device has done it hands back without OWN, in order.
 *
 * The interrupt only masks itself and schedules the poll; status bits are cleared before the poll
 * looks and count after it, so nothing is missed. Sending, there is one every TX_IRQ_DESCS
 * descriptors, which a full ring therefore always has ahead of it. The rest of the rings: ring.c.
 *
 * Checksums of TCP and UDP that were received are the device's to check: it says of each frame what
 * it has looked at. Those of what is sent are its own to make where a packet asks for it.
 *
 * Frames to groups pass by a hash of their address, so others may as well.
 *
 * A bus error stops the channel it came to: the device is reset.
 *
 * Locks. The receive ring is the poll's alone. The transmit ring is under the queue's lock. CONFIG and
 * FILTER are under config_lock, MDIO is the link work's.
 *
 * Limit: no segmentation by the device, no energy saving. The transmit clock does not follow the
 * speed: boards whose tree lacks starfive,tx-use-rgmii-clk have a link at 1000 Mbit/s only.
 *
 * Registers: Linux drivers/net/ethernet/stmicro/stmmac/dwmac4*.h, U-Boot dwc_eth_qos.h.
 */
#include <arch/io.h>
#include <drivers/core/provider.h>
#include <drivers/net/mac.h>
#include <kernel/lib/string.h>
#include <kernel/printk.h>

enum {
	MAC_CONFIG = 0x000, MAC_FILTER = 0x008, HASH = 0x010, RXQ_CTRL0 = 0x0a0, RXQ_CTRL1 = 0x0a4,
	US_TIC = 0x0dc, VERSION = 0x110, FEATURE0 = 0x11c, FEATURE1 = 0x120,
	MDIO_ADDR = 0x200, MDIO_DATA = 0x204, MAC_ADDR_HIGH = 0x300, MAC_ADDR_LOW = 0x304,
	TXQ_MODE = 0xd00, TXQ_WEIGHT = 0xd18, RXQ_MODE = 0xd30, DMA_MODE = 0x1000, DMA_SYSBUS = 0x1004,
	CH_CONTROL = 0x1100, CH_TX = 0x1104, CH_RX = 0x1108, TX_BASE_HIGH = 0x1110, TX_BASE = 0x1114,
	RX_BASE_HIGH = 0x1118, RX_BASE = 0x111c, TX_TAIL = 0x1120, RX_TAIL = 0x1128, TX_LAST = 0x112c,
	RX_LAST = 0x1130, INT_ENABLE = 0x1134, CH_STATUS = 0x1160,
	COUNT_CONTROL = 0x700, COUNT_RX_MASK = 0x70c, COUNT_TX_MASK = 0x710, COUNT_IP_MASK = 0x800,
};

#define CONFIG_RE	BIT(0)
#define CONFIG_TE	BIT(1)
#define CONFIG_FULL	BIT(13)
#define CONFIG_100	BIT(14)
#define CONFIG_MII	BIT(15)		/* 10 or 100 Mbit/s */
#define CONFIG_STRIP	(BIT(20) | BIT(21))	/* the frame's checksum is not received */
#define CONFIG_RX_CSUM	BIT(27)
#define FILTER_ALL	BIT(0)
#define FILTER_HASH	BIT(2)		/* multicast by its hash; */
#define FILTER_GROUPS	BIT(4)		/* all of it */
#define HAS_TX_CSUM(f0)	((f0) & BIT(14))
#define HASH_WORDS(f1)	((f1) >> 24 & 3 ? 1u << ((f1) >> 24 & 3) : 0)	/* 2, 4, 8, or none */
#define MAX_HASH_WORDS	8
#define COUNT_CLEAR	BIT(2)		/* when it is read */
#define VERSION_MIN	0x40
#define MDIO_BUSY	BIT(0)
#define MDIO_WRITE	(1u << 2)
#define MDIO_READ	(3u << 2)
#define MDIO_CLOCK	(5u << 8)	/* of 250 to 300 MHz, as Linux and U-Boot choose here */
#define MODE_RESET	BIT(0)
/* descriptor cache: on, as in Linux's driver for this chip */
#define MODE_DCHE	BIT(19)
#define SYSBUS_40_BITS	BIT(11)
#define SYSBUS_BURSTS	(BIT(3) | BIT(2) | BIT(1))	/* of 16, 8, 4 */
#define CH_START	BIT(0)
#define TX_SECOND	BIT(4)		/* a second frame before the first is acknowledged */

#define INT_TX		BIT(0)
#define INT_RX		BIT(6)
#define INT_NO_BUFFER	BIT(7)
#define INT_BUS_ERROR	BIT(12)
#define INT_ABNORMAL	BIT(14)
#define INT_NORMAL	BIT(15)
#define INT_WANTED	(INT_TX | INT_RX | INT_BUS_ERROR | INT_ABNORMAL | INT_NORMAL)

#define D3_OWN		BIT(31)
#define D3_RX_IRQ	BIT(30)
#define D3_CONTEXT	BIT(30)		/* received: no frame */
#define D3_FIRST	BIT(29)
#define D3_LAST		BIT(28)
#define D3_RX_BUFFER	BIT(24)
#define D3_STATUS1	BIT(26)		/* received: d1 says what was looked at */
#define D3_ERROR	BIT(15)
#define D3_LENGTH	GENMASK(14, 0)
#define D3_TX_CSUM	(3u << 16)	/* TCP's, UDP's, with the pseudo header */
#define D2_TX_IRQ	BIT(31)
#define D1_KIND(d)	((d) & 7)	/* 1 UDP, 2 TCP */
#define D1_IP		(BIT(4) | BIT(5))
/* IP header's is wrong, none was made, payload's is wrong */
#define D1_NOT_RIGHT	(BIT(3) | BIT(6) | BIT(7))

#define TX_IRQ_DESCS	32
#define RX_PAD		2		/* the IP header comes to lie on a word */
#define FIFO_BYTES	2048
#define RESET_WAIT_US	100000
#define MDIO_WAIT_US	10000

struct mac_desc {
	u32 d0, d1, d2, d3;
};

struct dwmac {
	struct mac mac;
	/* Constant after probe. */
	struct mac_desc *rx, *tx;	/* coherent */
	dma_addr_t rx_dma, tx_dma;
	u32 burst_tx, burst_rx;		/* words of the bus */
	u32 hash_words;

	u32 hash[MAX_HASH_WORDS];	/* of groups; mac.config_lock */

	/* Guarded by mac.dev.first.lock. */
	u32 since_irq;			/* descriptors since the last with an interrupt */
};

static struct dwmac *of(struct mac *m)
{
	return container_of(m, struct dwmac, mac);
}

static u32 rd(const struct dwmac *d, u32 reg)
{
	return mmio_read32(d->mac.regs + reg);
}

static void wr(struct dwmac *d, u32 reg, u32 v)
{
	mmio_write32(d->mac.regs + reg, v);
}

static int wait_clear(struct dwmac *d, u32 reg, u32 bits, u32 us)
{
	return mmio_wait32(d->mac.regs + reg, bits, 0, us);
}

/* --- receive: poll, softirq --- */

static void dwmac_rx_give(struct mac *m, u32 i, dma_addr_t at)
{
	struct mac_desc *e = &of(m)->rx[i];

	e->d0 = (u32)at;
	e->d1 = (u32)(at >> 32);
	e->d2 = 0;
	dma_wmb();			/* the device sees the address no later than OWN */
	WRITE_ONCE(e->d3, D3_OWN | D3_RX_IRQ | D3_RX_BUFFER);
}

static void rx_fill(struct dwmac *d)
{
	u32 before = d->mac.rx_empty;

	mac_rx_fill(&d->mac);
	if (d->mac.rx_empty != before)
		wr(d, RX_TAIL, (u32)d->rx_dma + d->mac.rx_empty * (u32)sizeof(struct mac_desc));
}

static bool is_checked(u32 d1, u32 d3)
{
	return (d3 & D3_STATUS1) && (d1 & D1_IP) && !(d1 & D1_NOT_RIGHT) &&
	       (D1_KIND(d1) == 1 || D1_KIND(d1) == 2);
}

/* False: there is none. */
static bool rx_one(struct dwmac *d)
{
	const struct mac_desc *e = &d->rx[d->mac.rx_next];
	u32 d3 = READ_ONCE(e->d3);
	bool whole = (d3 & (D3_FIRST | D3_LAST)) == (D3_FIRST | D3_LAST) &&
		     !(d3 & (D3_CONTEXT | D3_ERROR));

	if (d->mac.rx_next == d->mac.rx_empty || (d3 & D3_OWN))
		return false;
	dma_rmb();			/* the frame no earlier than its descriptor */
	mac_rx_frame(&d->mac, whole, 0, d3 & D3_LENGTH,
		     is_checked(READ_ONCE(e->d1), d3) ? PKT_CSUM_VALID : 0);
	return true;
}

/* --- transmit; the queue's lock held --- */

static void dwmac_tx_fill(struct mac *m, u32 i, dma_addr_t at, u32 len)
{
	of(m)->tx[i] = (struct mac_desc){ .d0 = (u32)at, .d1 = (u32)(at >> 32), .d2 = len };
}

static void dwmac_tx_hand_over(struct mac *m, u32 first, u32 last, const struct pkt *pkt)
{
	struct dwmac *d = of(m);

	d->since_irq += pkt->nr_frags + 1u;
	if (d->since_irq >= TX_IRQ_DESCS) {
		d->tx[last].d2 |= D2_TX_IRQ;
		d->since_irq = 0;
	}
	d->tx[last].d3 |= D3_LAST;
	for (u32 i = last; i != first; i = (i - 1) % MAC_NR_TX)
		d->tx[i].d3 |= D3_OWN;
	dma_wmb();
	WRITE_ONCE(d->tx[first].d3, d->tx[first].d3 | D3_OWN | D3_FIRST | pkt->len |
		   (pkt->flags & PKT_CSUM_PARTIAL ? D3_TX_CSUM : 0));
}

static bool dwmac_tx_is_back(const struct mac *m, u32 first, u32 last)
{
	return !(READ_ONCE(container_of(m, const struct dwmac, mac)->tx[last].d3) & D3_OWN);
}

static void dwmac_kick(struct netdev_queue *q)
{
	struct dwmac *d = of(mac_of(q->dev));

	if (!d->mac.down)
		wr(d, TX_TAIL, (u32)d->tx_dma + d->mac.tx_head * (u32)sizeof(struct mac_desc));
}

/* --- interrupt and poll --- */

static void dwmac_interrupt(void *arg)
{
	struct dwmac *d = of(arg);

	wr(d, INT_ENABLE, 0);
	net_poll_schedule(&d->mac.poll);
}

static u32 dwmac_poll(struct net_poll *p, u32 budget)
{
	struct dwmac *d = container_of(p, struct dwmac, mac.poll);
	u32 status = rd(d, CH_STATUS), done = 0;

	wr(d, CH_STATUS, status);
	if (unlikely(status & INT_BUS_ERROR))
		work_queue(&d->mac.recovery);
	while (done < budget && rx_one(d))
		done++;
	rx_fill(d);
	mac_tx_look(&d->mac);
	if (done < budget) {
		net_poll_done(p);
		wr(d, INT_ENABLE, INT_WANTED);
	}
	return done;
}

/* --- MDIO and link: thread context --- */

static int mdio(struct dwmac *d, u32 phy, u32 reg, u32 operation)
{
	int err = wait_clear(d, MDIO_ADDR, MDIO_BUSY, MDIO_WAIT_US);

	if (err)
		return err;
	wr(d, MDIO_ADDR, phy << 21 | reg << 16 | MDIO_CLOCK | operation | MDIO_BUSY);
	return wait_clear(d, MDIO_ADDR, MDIO_BUSY, MDIO_WAIT_US);
}

static int mdio_read(struct mdio_bus *b, u32 phy, u32 reg)
{
	struct dwmac *d = of(mac_of_bus(b));
	int err = mdio(d, phy, reg, MDIO_READ);

	return err ? err : (int)(rd(d, MDIO_DATA) & 0xffff);
}

static int mdio_write(struct mdio_bus *b, u32 phy, u32 reg, u16 value)
{
	struct dwmac *d = of(mac_of_bus(b));

	wr(d, MDIO_DATA, value);
	return mdio(d, phy, reg, MDIO_WRITE);
}

static void dwmac_set_speed(struct mac *m, const struct phy_link *now)
{
	u32 config = rd(of(m), MAC_CONFIG) & ~(CONFIG_FULL | CONFIG_100 | CONFIG_MII);

	config |= now->full_duplex ? CONFIG_FULL : 0;
	config |= now->mbit == 1000 ? 0 : now->mbit == 100 ? CONFIG_MII | CONFIG_100 : CONFIG_MII;
	wr(of(m), MAC_CONFIG, config);
}

/* They clear when they are read. */
static u32 dwmac_count_errors(struct mac *m)
{
	/* checksum, alignment, runt, jabber, undersize, oversize, length, FIFO */
	static const u16 counters[] = { 0x794, 0x798, 0x79c, 0x7a0, 0x7a4, 0x7a8, 0x7c8, 0x7d4 };
	u32 bad = 0;

	for (u32 i = 0; i < ARRAY_SIZE(counters); i++)
		bad += rd(of(m), counters[i]);
	return bad;
}

/* --- address and filter; thread context --- */

static void set_address(struct dwmac *d, const u8 *mac)
{
	wr(d, MAC_ADDR_HIGH, mac[4] | (u32)mac[5] << 8);
	wr(d, MAC_ADDR_LOW, mac[0] | (u32)mac[1] << 8 | (u32)mac[2] << 16 | (u32)mac[3] << 24);
}

static int dwmac_set_mac(struct netdev *dev, const u8 *mac)
{
	set_address(of(mac_of(dev)), mac);
	return 0;
}

static void write_hash(struct dwmac *d)
{
	for (u32 i = 0; i < d->hash_words; i++)
		wr(d, HASH + 4 * i, d->hash[i]);
}

/* The first bits of the address's CRC, its bits in the order in which they are sent. */
static u32 hash_of(const struct dwmac *d, const u8 *mac)
{
	u32 crc = U32_MAX, bins = 32 * d->hash_words;

	for (u32 bit = 0; bit < 8 * ETH_ALEN; bit++) {
		u32 in = mac[bit / 8] >> (bit % 8) & 1;

		crc = crc << 1 ^ ((crc >> 31 ^ in) ? 0x04c11db7 : 0);
	}
	return ~crc / (U32_MAX / bins + 1);
}

static void dwmac_set_filter(struct netdev *dev, const struct netdev_filter *f)
{
	struct dwmac *d = of(mac_of(dev));
	bool all_groups = f->all_groups || !d->hash_words;

	mutex_lock(&d->mac.config_lock);
	memset(d->hash, 0, sizeof(d->hash));
	for (u32 i = 0; i < f->nr_groups && d->hash_words; i++) {
		u32 n = hash_of(d, f->groups[i]);

		d->hash[n / 32] |= 1u << (n % 32);
	}
	write_hash(d);
	wr(d, MAC_FILTER, f->all ? FILTER_ALL : all_groups ? FILTER_GROUPS : FILTER_HASH);
	mutex_unlock(&d->mac.config_lock);
}

static const struct netdev_ops dwmac_ops = {
	.transmit = mac_transmit,
	.kick = dwmac_kick,
	.set_mac = dwmac_set_mac,
	.set_filter = dwmac_set_filter,
	.add_stats = mac_add_stats,
};

/* --- start --- */

/*
 * The system controller chooses what the pins speak: starfive,syscon = controller, offset, shift.
 */
static int set_interface(struct device *dev)
{
	const char *mode = dev_prop_string(dev, "phy-mode");
	int node = tree_phandle_node(dev_prop_cell(dev, "starfive,syscon", 0));
	u32 offset = dev_prop_cell(dev, "starfive,syscon", 1),
	    shift = dev_prop_cell(dev, "starfive,syscon", 2);
	u32 value = mode && !strncmp(mode, "rmii", 4) ? 4 : 1;
	struct tree_path path;
	volatile u8 *reg;
	paddr_t base;
	u64 size;

	if (dev_prop_cells(dev, "starfive,syscon") < 3)
		return 0;
	if (node < 0 || !tree_path_to(node, &path) || tree_reg(&path, 0, &base, &size) ||
	    size < 4 || offset > size - 4 || offset % 4 || shift > 29)
		return -EINVAL;
	reg = dev_ioremap(dev, base + offset, 4);
	if (!reg)
		return -ENOMEM;
	mmio_write32(reg, (mmio_read32(reg) & ~(7u << shift)) | value << shift);
	return 0;
}

static void setup_queues(struct dwmac *d)
{
	/* on; whole frames */
	wr(d, TXQ_MODE, (FIFO_BYTES / 256 - 1) << 16 | 2u << 2 | BIT(1));
	wr(d, TXQ_WEIGHT, 0x10);
	wr(d, RXQ_MODE, (FIFO_BYTES / 256 - 1) << 20 | BIT(5));			/* whole frames */
	wr(d, RXQ_CTRL0, 2);							/* queue 0: on */
	wr(d, RXQ_CTRL1, BIT(20));						/* and has multicast */
}

static void setup_dma(struct dwmac *d)
{
	wr(d, DMA_MODE, MODE_DCHE);
	wr(d, DMA_SYSBUS, SYSBUS_40_BITS | SYSBUS_BURSTS);
	wr(d, CH_CONTROL, 0);
	wr(d, TX_BASE_HIGH, (u32)(d->tx_dma >> 32));
	wr(d, TX_BASE, (u32)d->tx_dma);
	wr(d, TX_LAST, MAC_NR_TX - 1);
	wr(d, TX_TAIL, (u32)d->tx_dma);
	wr(d, RX_BASE_HIGH, (u32)(d->rx_dma >> 32));
	wr(d, RX_BASE, (u32)d->rx_dma);
	wr(d, RX_LAST, MAC_NR_RX - 1);
	wr(d, RX_TAIL, (u32)d->rx_dma);
	wr(d, CH_TX, d->burst_tx << 16 | TX_SECOND | CH_START);
	wr(d, CH_RX, d->burst_rx << 16 | (MAC_BUFFER_BYTES - RX_PAD) / 4 * 4 << 1 | CH_START);
}

/* From reset to running, with empty rings. Ends only with a clock from the PHY. */
static int start(struct dwmac *d, u32 filter, u32 config)
{
	int err;

	wr(d, DMA_MODE, MODE_RESET);
	err = wait_clear(d, DMA_MODE, MODE_RESET, RESET_WAIT_US);
	if (err)
		return err;
	memset(d->rx, 0, MAC_NR_RX * sizeof(struct mac_desc));
	memset(d->tx, 0, MAC_NR_TX * sizeof(struct mac_desc));
	d->since_irq = 0;
	wr(d, US_TIC, 200 - 1);		/* MHz of the bus: 198 */
	setup_queues(d);
	wr(d, COUNT_CONTROL, COUNT_CLEAR);
	wr(d, COUNT_RX_MASK, U32_MAX);	/* no interrupts of theirs */
	wr(d, COUNT_TX_MASK, U32_MAX);
	wr(d, COUNT_IP_MASK, U32_MAX);
	write_hash(d);
	wr(d, MAC_FILTER, filter);
	set_address(d, d->mac.dev.mac);
	setup_dma(d);
	wr(d, MAC_CONFIG, config);
	return 0;
}

static void dwmac_halt(struct mac *m)
{
	wr(of(m), CH_TX, 0);
	wr(of(m), CH_RX, 0);
}

static int dwmac_restart(struct mac *m)
{
	return start(of(m), rd(of(m), MAC_FILTER), rd(of(m), MAC_CONFIG));
}

static const struct mac_ops dwmac_mac_ops = {
	.rx_give = dwmac_rx_give,
	.tx_fill = dwmac_tx_fill,
	.tx_hand_over = dwmac_tx_hand_over,
	.tx_is_back = dwmac_tx_is_back,
	.set_speed = dwmac_set_speed,
	.count_errors = dwmac_count_errors,
	.halt = dwmac_halt,
	.restart = dwmac_restart,
};

/* Probe failed: the device lets go of memory. Not before its reset has ended once it was begun. */
static void stop(void *arg)
{
	struct dwmac *d = arg;

	wr(d, INT_ENABLE, 0);
	wr(d, CH_TX, 0);
	wr(d, CH_RX, 0);
	wr(d, MAC_CONFIG, 0);
}

static int acquire(struct dwmac *d, struct device *dev)
{
	u64 size;
	int err = dev_enable(dev);

	if (!err)
		err = set_interface(dev);
	if (err)
		return err;
	if (!dev_reg_phys(dev, 0, &size) || size < CH_STATUS + 4)
		return -EINVAL;
	d->mac.regs = dev_map_regs(dev, 0);
	if (!d->mac.regs || !dev_answers(dev, d->mac.regs + VERSION, 4))
		return -ENODEV;
	if ((rd(d, VERSION) & 0xff) < VERSION_MIN)
		return -ENODEV;
	dev->dma_mask = BIT(40) - 1;
	d->rx = dev_dma_alloc(dev, MAC_NR_RX * sizeof(struct mac_desc), &d->rx_dma);
	d->tx = dev_dma_alloc(dev, MAC_NR_TX * sizeof(struct mac_desc), &d->tx_dma);
	return d->rx && d->tx ? 0 : -ENOMEM;
}

static int dwmac_probe(struct device *dev)
{
	struct dwmac *d = dev_zalloc(dev, sizeof(*d));
	int err;

	if (!d)
		return -ENOMEM;
	d->mac.ops = &dwmac_mac_ops;
	d->mac.device = dev;
	d->mac.rx_skip = RX_PAD;
	d->mac.mdio = (struct mdio_bus){ .read = mdio_read, .write = mdio_write };
	d->burst_tx = dev_prop_u32(dev, "snps,txpbl", 16);
	d->burst_rx = dev_prop_u32(dev, "snps,rxpbl", 16);
	err = acquire(d, dev);
	if (err)
		return err;
	mac_init(&d->mac, &dwmac_ops, dwmac_poll);
	if (HAS_TX_CSUM(rd(d, FEATURE0)))
		d->mac.dev.features |= NETDEV_CSUM;
	d->hash_words = HASH_WORDS(rd(d, FEATURE1));
	err = dev_on_release(dev, stop, d);
	if (!err)
		err = start(d, FILTER_HASH,
			    CONFIG_STRIP | CONFIG_RX_CSUM | CONFIG_FULL | CONFIG_TE | CONFIG_RE);
	return err ? err : mac_register(&d->mac, dwmac_interrupt);
}

static const char *const compatible[] = { "starfive,jh7110-dwmac", "starfive,dwmac", "snps,dwmac-5.20", NULL };

DRIVER(dwmac) = {
	.name = "dwmac",
	.stage = STAGE_DEVICE,
	.compatible = compatible,
	.probe = dwmac_probe,
};
