/* SPDX-License-Identifier: MIT */
/*
 * Synopsys GMAC 5.20 (DesignWare Ethernet QoS), the JH7110's network ports: one queue and
 * one DMA channel each way.
 *
 * A ring is an array of 16-byte descriptors. Who sets OWN gives one to the device, and a
 * tail register says up to where the device may go: to the descriptor before. So one
 * stays free. What the device has done it hands back without OWN, in order.
 *
 * Receive. Each descriptor has half a page, which becomes a packet as it is. The
 * interrupt only masks itself and schedules the poll; status bits are cleared before
 * the poll looks and count after it, so nothing is missed.
 *
 * Transmit. Descriptors point at the packet's linear part and its pages. Packets are freed
 * when the next is sent, by the poll, and by an interrupt every TX_IRQ_DESCS
 * descriptors, which a full ring therefore always has ahead of it.
 *
 * Locks. The receive ring is the poll's alone. The transmit ring is under dev->tx_lock.
 * The registers of MAC and MDIO are the link work's.
 *
 * All frames are received, and the stack drops what is for others.
 * Limit: no filters, no checksums or segmentation by the device, no energy saving. The transmit
 * clock does not follow the speed: boards whose tree lacks starfive,tx-use-rgmii-clk have a link at 1000
 * Mbit/s only. After a fatal bus error the port stays down.
 *
 * Registers: Linux drivers/net/ethernet/stmicro/stmmac/dwmac4*.h, U-Boot dwc_eth_qos.h.
 */
#include <arch/io.h>
#include <arch/page.h>
#include <arch/paging.h>
#include <arch/processor.h>
#include <arch/time.h>
#include <drivers/core/provider.h>
#include <drivers/net/phy.h>
#include <kernel/irq/irq.h>
#include <kernel/lib/random.h>
#include <kernel/lib/string.h>
#include <kernel/printk.h>
#include <net/netdev/netdev.h>
#include <libfdt.h>

enum {
	MAC_CONFIG = 0x000, MAC_FILTER = 0x008, RXQ_CTRL0 = 0x0a0, RXQ_CTRL1 = 0x0a4, US_TIC = 0x0dc, VERSION = 0x110,
	FEATURE1 = 0x120, MDIO_ADDR = 0x200, MDIO_DATA = 0x204, MAC_ADDR_HIGH = 0x300, MAC_ADDR_LOW = 0x304,
	TXQ_MODE = 0xd00, TXQ_WEIGHT = 0xd18, RXQ_MODE = 0xd30, DMA_MODE = 0x1000, DMA_SYSBUS = 0x1004,
	CH_CONTROL = 0x1100, CH_TX = 0x1104, CH_RX = 0x1108, TX_BASE_HIGH = 0x1110, TX_BASE = 0x1114,
	RX_BASE_HIGH = 0x1118, RX_BASE = 0x111c, TX_TAIL = 0x1120, RX_TAIL = 0x1128, TX_LAST = 0x112c,
	RX_LAST = 0x1130, INT_ENABLE = 0x1134, CH_STATUS = 0x1160,
};

#define CONFIG_RE	BIT(0)
#define CONFIG_TE	BIT(1)
#define CONFIG_FULL	BIT(13)
#define CONFIG_100	BIT(14)
#define CONFIG_MII	BIT(15)		/* 10 or 100 Mbit/s */
#define CONFIG_STRIP	(BIT(20) | BIT(21))	/* the frame's checksum is not received */
#define FILTER_ALL	BIT(0)
#define VERSION_MIN	0x40
#define MDIO_BUSY	BIT(0)
#define MDIO_WRITE	(1u << 2)
#define MDIO_READ	(3u << 2)
#define MDIO_CLOCK	(5u << 8)	/* of 250 to 300 MHz, as Linux and U-Boot choose here */
#define MODE_RESET	BIT(0)
#define MODE_DCHE	BIT(19)		/* descriptor cache: on, as in Linux's driver for this chip */
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
#define D3_ERROR	BIT(15)
#define D3_LENGTH	GENMASK(14, 0)
#define D2_TX_IRQ	BIT(31)

#define NR_RX		128		/* chosen: 256 KiB; at 1 Gb/s 1.5 ms of full frames */
#define NR_TX		256
#define TX_IRQ_DESCS	32
#define BUFFER_BYTES	2048
#define RX_PAD		2		/* the IP header comes to lie on a word */
#define FIFO_BYTES	2048
#define RESET_WAIT_US	100000
#define MDIO_WAIT_US	10000
#define LINK_NS		(1 * NS_PER_SEC)	/* between looks at the link */
#define REFILL_NS	(50 * NS_PER_MS)

struct mac_desc {
	u32 d0, d1, d2, d3;
};

struct rx_slot {
	struct page *page;		/* with a reference; NULL: none */
	u32 offset;
	dma_addr_t dma;
};

struct tx_slot {
	struct pkt *pkt;		/* of the packet's last descriptor; else NULL */
	dma_addr_t dma;
	u32 len;
};

struct dwmac {
	struct netdev dev;
	/* Constant after probe. */
	struct device *device;
	volatile u8 *regs;
	struct mac_desc *rx, *tx;	/* coherent */
	dma_addr_t rx_dma, tx_dma;
	u32 burst_tx, burst_rx;		/* words of the bus */
	struct mdio_bus mdio;

	/* Only by poll. */
	struct net_poll poll;
	struct rx_slot rx_slots[NR_RX];
	u32 rx_next, rx_empty;		/* the device's next one; the first without a buffer */
	struct page *half_page;		/* its second half is not used yet; with a reference */

	/* Guarded by dev.tx_lock. */
	struct tx_slot tx_slots[NR_TX];
	u32 tx_head, tx_tail;		/* the next to fill; the next to come back. Equal: empty */
	u32 since_irq;			/* descriptors since the last with an interrupt */
	bool tx_waiting;		/* for room */

	/* Only by the link work. */
	struct delayed_work link_work;
	struct phy phy;
	struct phy_link link;

	struct delayed_work refill;
	bool broken;			/* after a bus error; written by the poll */
};

static u32 rd(const struct dwmac *m, u32 reg)
{
	return mmio_read32(m->regs + reg);
}

static void wr(struct dwmac *m, u32 reg, u32 v)
{
	mmio_write32(m->regs + reg, v);
}

static int wait_clear(struct dwmac *m, u32 reg, u32 bits, u32 us)
{
	u64 end = arch_time_read() + (u64)arch_timebase_hz * us / 1000000;

	while (rd(m, reg) & bits) {
		if (arch_time_read() > end)
			return -ETIMEDOUT;
		cpu_relax();
	}
	return 0;
}

/* --- receive: poll, softirq --- */

/* Half a page: *offset says which. The reference is the caller's. */
static struct page *buffer_alloc(struct dwmac *m, u32 *offset)
{
	struct page *page = m->half_page;

	if (page) {
		m->half_page = NULL;
		*offset = PAGE_SIZE / 2;
		return page;
	}
	page = page_alloc(GFP_ATOMIC | GFP_NOWARN);
	if (!page)
		return NULL;
	page_get(page);
	m->half_page = page;
	*offset = 0;
	return page;
}

static bool rx_fill_one(struct dwmac *m)
{
	struct rx_slot *s = &m->rx_slots[m->rx_empty];
	struct mac_desc *d = &m->rx[m->rx_empty];

	s->page = buffer_alloc(m, &s->offset);
	if (!s->page)
		return false;
	s->offset += RX_PAD;
	s->dma = dma_map_page(m->device, s->page, s->offset, BUFFER_BYTES - RX_PAD, DMA_FROM_DEVICE);
	if (s->dma == DMA_ERROR) {
		page_put(s->page);
		s->page = NULL;
		return false;
	}
	d->d0 = (u32)s->dma;
	d->d1 = (u32)(s->dma >> 32);
	d->d2 = 0;
	dma_wmb();			/* the device sees the address no later than OWN */
	WRITE_ONCE(d->d3, D3_OWN | D3_RX_IRQ | D3_RX_BUFFER);
	m->rx_empty = (m->rx_empty + 1) % NR_RX;
	return true;
}

/* All descriptors but one to the device, or as many as there is memory for. */
static void rx_fill(struct dwmac *m)
{
	u32 before = m->rx_empty;

	while ((m->rx_empty + 1) % NR_RX != m->rx_next)
		if (!rx_fill_one(m)) {
			delayed_work_queue(&m->refill, REFILL_NS);
			break;
		}
	if (m->rx_empty != before)
		wr(m, RX_TAIL, (u32)m->rx_dma + m->rx_empty * (u32)sizeof(struct mac_desc));
}

static void refill_again(struct work *w)
{
	net_poll_schedule(&container_of(w, struct dwmac, refill.work)->poll);
}

/* A frame is there in one piece: d3 as the device wrote it. */
static void rx_packet(struct dwmac *m, struct page *page, u32 offset, u32 d3)
{
	u32 len = d3 & D3_LENGTH;
	bool good = (d3 & (D3_FIRST | D3_LAST)) == (D3_FIRST | D3_LAST) && !(d3 & (D3_CONTEXT | D3_ERROR)) &&
		    len >= ETH_HLEN && len <= BUFFER_BYTES - RX_PAD;
	struct pkt *pkt = good ? pkt_alloc(GFP_ATOMIC | GFP_NOWARN) : NULL;

	if (!pkt) {
		if (good)
			m->dev.stats.rx_dropped++;
		else
			m->dev.stats.rx_errors++;
		page_put(page);
		return;
	}
	pkt->page = page;
	pkt->data = (u8 *)page_address(page) + offset;
	pkt->linear = pkt->len = len;
	netdev_receive(&m->dev, pkt);
}

/* False: there is none. */
static bool rx_one(struct dwmac *m)
{
	struct rx_slot *s = &m->rx_slots[m->rx_next];
	u32 d3 = READ_ONCE(m->rx[m->rx_next].d3);
	struct page *page = s->page;

	if (m->rx_next == m->rx_empty || (d3 & D3_OWN))
		return false;
	dma_rmb();			/* the frame no earlier than its descriptor */
	dma_unmap_page(m->device, s->dma, BUFFER_BYTES - RX_PAD, DMA_FROM_DEVICE);
	s->page = NULL;
	m->rx_next = (m->rx_next + 1) % NR_RX;
	rx_packet(m, page, s->offset, d3);
	return true;
}

/* --- transmit; tx_lock held --- */

static u32 tx_free(const struct dwmac *m)
{
	return (m->tx_tail - m->tx_head - 1) % NR_TX;
}

static void tx_reclaim(struct dwmac *m)
{
	assert_spin_held(&m->dev.tx_lock);
	while (m->tx_tail != m->tx_head && !(READ_ONCE(m->tx[m->tx_tail].d3) & D3_OWN)) {
		struct tx_slot *s = &m->tx_slots[m->tx_tail];

		dma_unmap_page(m->device, s->dma, s->len, DMA_TO_DEVICE);
		if (s->pkt)
			pkt_free(s->pkt);
		s->pkt = NULL;
		m->tx_tail = (m->tx_tail + 1) % NR_TX;
	}
}

/* The next descriptor of a packet, not yet the device's. */
static bool tx_seg(struct dwmac *m, struct page *page, u32 offset, u32 len)
{
	struct mac_desc *d = &m->tx[m->tx_head];
	struct tx_slot *s = &m->tx_slots[m->tx_head];

	s->dma = dma_map_page(m->device, page, offset, len, DMA_TO_DEVICE);
	if (s->dma == DMA_ERROR)
		return false;
	s->len = len;
	s->pkt = NULL;
	d->d0 = (u32)s->dma;
	d->d1 = (u32)(s->dma >> 32);
	d->d2 = len;
	d->d3 = 0;
	m->tx_head = (m->tx_head + 1) % NR_TX;
	return true;
}

static bool tx_map(struct dwmac *m, struct pkt *pkt)
{
	if (!tx_seg(m, virt_to_page(pkt->data), (u32)((u64)pkt->data & (PAGE_SIZE - 1)), pkt->linear))
		return false;
	for (u32 i = 0; i < pkt->nr_frags; i++)
		if (!tx_seg(m, pkt->frags[i].page, pkt->frags[i].offset, pkt->frags[i].len))
			return false;
	return true;
}

static void tx_unmap(struct dwmac *m, u32 first)
{
	while (m->tx_head != first) {
		m->tx_head = (m->tx_head - 1) % NR_TX;
		dma_unmap_page(m->device, m->tx_slots[m->tx_head].dma, m->tx_slots[m->tx_head].len, DMA_TO_DEVICE);
	}
}

/* Descriptors first..tx_head to the device, the first one last: it may begin with it at once. */
static void tx_hand_over(struct dwmac *m, u32 first, struct pkt *pkt)
{
	u32 last = (m->tx_head - 1) % NR_TX;

	m->tx_slots[last].pkt = pkt;
	m->since_irq += (m->tx_head - first) % NR_TX;
	if (m->since_irq >= TX_IRQ_DESCS) {
		m->tx[last].d2 |= D2_TX_IRQ;
		m->since_irq = 0;
	}
	m->tx[last].d3 |= D3_LAST;
	for (u32 i = last; i != first; i = (i - 1) % NR_TX)
		m->tx[i].d3 |= D3_OWN;
	dma_wmb();
	WRITE_ONCE(m->tx[first].d3, m->tx[first].d3 | D3_OWN | D3_FIRST | pkt->len);
}

static bool dwmac_transmit(struct netdev *dev, struct pkt *pkt)
{
	struct dwmac *m = container_of(dev, struct dwmac, dev);
	u32 first = m->tx_head;

	tx_reclaim(m);
	if (tx_free(m) < pkt->nr_frags + 1u) {
		/* What came back before the flag was seen is looked for after it was set. */
		WRITE_ONCE(m->tx_waiting, true);
		smp_mb();
		tx_reclaim(m);
		if (tx_free(m) < pkt->nr_frags + 1u)
			return false;
		WRITE_ONCE(m->tx_waiting, false);
	}
	if (READ_ONCE(m->broken) || !tx_map(m, pkt)) {
		tx_unmap(m, first);
		dev->stats.tx_dropped++;
		pkt_free(pkt);
		return true;
	}
	tx_hand_over(m, first, pkt);
	return true;
}

static void dwmac_kick(struct netdev *dev)
{
	struct dwmac *m = container_of(dev, struct dwmac, dev);

	wr(m, TX_TAIL, (u32)m->tx_dma + m->tx_head * (u32)sizeof(struct mac_desc));
}

static const struct netdev_ops dwmac_ops = { .transmit = dwmac_transmit, .kick = dwmac_kick };

/* --- interrupt and poll --- */

static void dwmac_interrupt(void *arg)
{
	struct dwmac *m = arg;

	wr(m, INT_ENABLE, 0);
	net_poll_schedule(&m->poll);
}

static void tx_finish(struct dwmac *m)
{
	bool wake;

	spin_lock_bh(&m->dev.tx_lock);
	tx_reclaim(m);
	wake = m->tx_waiting && tx_free(m) > PKT_MAX_FRAGS;
	if (wake)
		m->tx_waiting = false;
	spin_unlock_bh(&m->dev.tx_lock);
	if (wake)
		netdev_wake_queue(&m->dev);
}

static u32 dwmac_poll(struct net_poll *p, u32 budget)
{
	struct dwmac *m = container_of(p, struct dwmac, poll);
	u32 status = rd(m, CH_STATUS), done = 0;

	wr(m, CH_STATUS, status);
	if (status & INT_BUS_ERROR && !m->broken) {
		WRITE_ONCE(m->broken, true);
		netdev_set_carrier(&m->dev, false);
		pr_err("%s: bus error: the port stays down\n", m->dev.name);
	}
	while (done < budget && rx_one(m))
		done++;
	rx_fill(m);
	tx_finish(m);
	if (done < budget) {
		net_poll_done(p);
		if (!m->broken)
			wr(m, INT_ENABLE, INT_WANTED);
	}
	return done;
}

/* --- MDIO and link: thread context --- */

static int mdio(struct dwmac *m, u32 phy, u32 reg, u32 operation)
{
	int err = wait_clear(m, MDIO_ADDR, MDIO_BUSY, MDIO_WAIT_US);

	if (err)
		return err;
	wr(m, MDIO_ADDR, phy << 21 | reg << 16 | MDIO_CLOCK | operation | MDIO_BUSY);
	return wait_clear(m, MDIO_ADDR, MDIO_BUSY, MDIO_WAIT_US);
}

static int mdio_read(struct mdio_bus *b, u32 phy, u32 reg)
{
	struct dwmac *m = container_of(b, struct dwmac, mdio);
	int err = mdio(m, phy, reg, MDIO_READ);

	return err ? err : (int)(rd(m, MDIO_DATA) & 0xffff);
}

static int mdio_write(struct mdio_bus *b, u32 phy, u32 reg, u16 value)
{
	struct dwmac *m = container_of(b, struct dwmac, mdio);

	wr(m, MDIO_DATA, value);
	return mdio(m, phy, reg, MDIO_WRITE);
}

static void set_speed(struct dwmac *m, const struct phy_link *link)
{
	u32 config = rd(m, MAC_CONFIG) & ~(CONFIG_FULL | CONFIG_100 | CONFIG_MII);

	config |= link->full_duplex ? CONFIG_FULL : 0;
	config |= link->mbit == 1000 ? 0 : link->mbit == 100 ? CONFIG_MII | CONFIG_100 : CONFIG_MII;
	phy_set_speed(&m->phy, link->mbit);
	wr(m, MAC_CONFIG, config);
}

static void look_at_link(struct work *w)
{
	struct dwmac *m = container_of(w, struct dwmac, link_work.work);
	struct phy_link now;

	if (READ_ONCE(m->broken))
		return;
	if (!phy_read_link(&m->phy, &now) && memcmp(&now, &m->link, sizeof(now))) {
		m->link = now;
		if (now.up) {
			set_speed(m, &now);
			pr_info("%s: %u Mbit/s, %s duplex\n", m->dev.name, now.mbit, now.full_duplex ? "full" : "half");
		} else {
			pr_info("%s: no link\n", m->dev.name);
		}
		netdev_set_carrier(&m->dev, now.up);
	}
	delayed_work_queue(&m->link_work, LINK_NS);
}

/* --- start --- */

/* The system controller chooses what the pins speak: starfive,syscon = controller, offset, shift. */
static int set_interface(struct device *dev)
{
	const char *mode = dev_prop_string(dev, "phy-mode");
	int node = tree_phandle_node(dev_prop_cell(dev, "starfive,syscon", 0));
	u32 offset = dev_prop_cell(dev, "starfive,syscon", 1), shift = dev_prop_cell(dev, "starfive,syscon", 2);
	u32 value = mode && !strncmp(mode, "rmii", 4) ? 4 : 1;
	struct tree_path path;
	volatile u8 *reg;
	paddr_t base;
	u64 size;

	if (dev_prop_cells(dev, "starfive,syscon") < 3)
		return 0;
	if (node < 0 || !tree_path_to(node, &path) || tree_reg(&path, 0, &base, &size) || size < 4 ||
	    offset > size - 4 || offset % 4 || shift > 29)
		return -EINVAL;
	reg = dev_ioremap(dev, base + offset, 4);
	if (!reg)
		return -ENOMEM;
	mmio_write32(reg, (mmio_read32(reg) & ~(7u << shift)) | value << shift);
	return 0;
}

static void setup_queues(struct dwmac *m)
{
	wr(m, TXQ_MODE, (FIFO_BYTES / 256 - 1) << 16 | 2u << 2 | BIT(1));	/* on; whole frames */
	wr(m, TXQ_WEIGHT, 0x10);
	wr(m, RXQ_MODE, (FIFO_BYTES / 256 - 1) << 20 | BIT(5));			/* whole frames */
	wr(m, RXQ_CTRL0, 2);							/* queue 0: on */
	wr(m, RXQ_CTRL1, BIT(20));						/* and has multicast */
}

static void setup_dma(struct dwmac *m)
{
	wr(m, DMA_MODE, MODE_DCHE);
	wr(m, DMA_SYSBUS, SYSBUS_40_BITS | SYSBUS_BURSTS);
	wr(m, CH_CONTROL, 0);
	wr(m, TX_BASE_HIGH, (u32)(m->tx_dma >> 32));
	wr(m, TX_BASE, (u32)m->tx_dma);
	wr(m, TX_LAST, NR_TX - 1);
	wr(m, TX_TAIL, (u32)m->tx_dma);
	wr(m, RX_BASE_HIGH, (u32)(m->rx_dma >> 32));
	wr(m, RX_BASE, (u32)m->rx_dma);
	wr(m, RX_LAST, NR_RX - 1);
	wr(m, RX_TAIL, (u32)m->rx_dma);
	wr(m, CH_TX, m->burst_tx << 16 | TX_SECOND | CH_START);
	wr(m, CH_RX, m->burst_rx << 16 | (BUFFER_BYTES - RX_PAD) / 4 * 4 << 1 | CH_START);
}

static int start(struct dwmac *m)
{
	int err;

	/* Ends only with a clock from the PHY. */
	wr(m, DMA_MODE, MODE_RESET);
	err = wait_clear(m, DMA_MODE, MODE_RESET, RESET_WAIT_US);
	if (err)
		return err;
	err = phy_start(&m->phy);
	if (err)
		return err;
	wr(m, US_TIC, 200 - 1);		/* MHz of the bus: 198 */
	setup_queues(m);
	wr(m, MAC_FILTER, FILTER_ALL);
	wr(m, MAC_ADDR_HIGH, m->dev.mac[4] | (u32)m->dev.mac[5] << 8);
	wr(m, MAC_ADDR_LOW, m->dev.mac[0] | (u32)m->dev.mac[1] << 8 | (u32)m->dev.mac[2] << 16 |
	   (u32)m->dev.mac[3] << 24);
	setup_dma(m);
	wr(m, MAC_CONFIG, CONFIG_STRIP | CONFIG_FULL | CONFIG_TE | CONFIG_RE);
	return 0;
}

/* Probe failed: the device lets go of memory. Not before its reset has ended once it was begun. */
static void stop(void *arg)
{
	struct dwmac *m = arg;

	wr(m, INT_ENABLE, 0);
	wr(m, CH_TX, 0);
	wr(m, CH_RX, 0);
	wr(m, MAC_CONFIG, 0);
}

static void read_mac(struct device *dev, u8 *mac)
{
	int len;
	const u8 *p = fdt_getprop(boot_fdt, dev->node, "local-mac-address", &len);

	if (p && len == ETH_ALEN && !(p[0] & 1) && (p[0] | p[1] | p[2] | p[3] | p[4] | p[5])) {
		memcpy(mac, p, ETH_ALEN);
		return;
	}
	random_bytes(mac, ETH_ALEN);
	mac[0] = (u8)((mac[0] & ~1) | 2);	/* one station, locally administered */
}

static int acquire(struct dwmac *m, struct device *dev)
{
	u64 size;
	int err = dev_enable(dev);

	if (!err)
		err = set_interface(dev);
	if (err)
		return err;
	if (!dev_reg_phys(dev, 0, &size) || size < CH_STATUS + 4)
		return -EINVAL;
	m->regs = dev_map_regs(dev, 0);
	if (!m->regs)
		return -ENODEV;
	if ((rd(m, VERSION) & 0xff) < VERSION_MIN)
		return -ENODEV;
	m->device = dev;
	dev->dma_mask = BIT(40) - 1;
	m->rx = dev_dma_alloc(dev, NR_RX * sizeof(struct mac_desc), &m->rx_dma);
	m->tx = dev_dma_alloc(dev, NR_TX * sizeof(struct mac_desc), &m->tx_dma);
	return m->rx && m->tx ? 0 : -ENOMEM;
}

static void prepare(struct dwmac *m, struct device *dev)
{
	u8 mac[ETH_ALEN];

	m->burst_tx = dev_prop_u32(dev, "snps,txpbl", 16);
	m->burst_rx = dev_prop_u32(dev, "snps,rxpbl", 16);
	m->mdio = (struct mdio_bus){ .read = mdio_read, .write = mdio_write };
	m->phy.bus = &m->mdio;
	m->phy.node = tree_phandle_node(dev_prop_cell(dev, "phy-handle", 0));
	m->phy.address = m->phy.node < 0 ? 0 : tree_cell(m->phy.node, "reg", 0) & 31;
	net_poll_init(&m->poll, dwmac_poll);
	delayed_work_init(&m->refill, refill_again);
	delayed_work_init(&m->link_work, look_at_link);
	read_mac(dev, mac);
	netdev_init_ether(&m->dev, mac);
	m->dev.features = NETDEV_SG;
	m->dev.max_mtu = 1500;
	m->dev.ops = &dwmac_ops;
	m->dev.priv = m;
}

static int dwmac_probe(struct device *dev)
{
	struct dwmac *m = dev_zalloc(dev, sizeof(*m));
	const u8 *mac;
	int err;

	if (!m)
		return -ENOMEM;
	err = acquire(m, dev);
	if (err)
		return err;
	prepare(m, dev);
	err = dev_on_release(dev, stop, m);
	if (!err)
		err = start(m);
	if (!err)
		err = dev_request_irq(dev, dev_irq(dev, 0), dwmac_interrupt, m);
	if (!err)
		err = netdev_register(&init_net, &m->dev);
	if (err)
		return err;
	netdev_set_carrier(&m->dev, false);
	mac = m->dev.mac;
	pr_info("%s: %s, PHY %x, %02x:%02x:%02x:%02x:%02x:%02x\n", m->dev.name, dev->name, m->phy.id, mac[0], mac[1],
		mac[2], mac[3], mac[4], mac[5]);
	net_poll_schedule(&m->poll);	/* gives the device its buffers */
	delayed_work_queue(&m->link_work, 0);
	return 0;
}

static const char *const compatible[] = { "starfive,jh7110-dwmac", "starfive,dwmac", "snps,dwmac-5.20", NULL };

DRIVER(dwmac) = {
	.name = "dwmac",
	.stage = STAGE_DEVICE,
	.compatible = compatible,
	.probe = dwmac_probe,
};
