/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Synopsys GMAC 5.20 (DesignWare Ethernet QoS): one channel, one queue, MDIO, and
 * the YT8531 PHY behind it.
 *
 * Transmit walks the ring from where it stands to the tail pointer; receive takes a
 * descriptor for a frame while the tail is ahead, and otherwise holds the network
 * back. A software reset ends only while the receive clock and the interface mode
 * are right, as the chip's does; the machine answers that.
 * The PHY's loopback gives back what is sent, whether there is a link or not.
 *
 * Registers and descriptors: Linux's dwmac4 and U-Boot's dwc_eth_qos drivers.
 * Not modelled: delays on the line and the PHY's drive strengths (kept, without effect),
 * segmentation, time stamps, energy saving, flow control, counters (they read 0), interrupt delay
 * (RIWT), VLAN filters, hash filters of unicast.
 */
#include "qemu/osdep.h"
#include "hw/irq.h"
#include "hw/qdev-properties.h"
#include "net/checksum.h"
#include "net/net.h"
#include "net/eth.h"
#include "qapi/visitor.h"
#include "system/dma.h"
#include "jh7110.h"

enum {
	CONFIG = 0x000, FILTER = 0x008, HASH0 = 0x010, HASH1 = 0x014, VERSION = 0x110, FEATURE0 = 0x11c,
	FEATURE1 = 0x120, FEATURE2 = 0x124, FEATURE3 = 0x128, MDIO_ADDR = 0x200, MDIO_DATA = 0x204, ADDR_HIGH = 0x300,
	ADDR_LOW = 0x304, DMA_MODE = 0x1000, SYSBUS = 0x1004, DMA_STATUS = 0x1008, CH_CONTROL = 0x1100,
	CH_TX = 0x1104, CH_RX = 0x1108, TX_LIST_HIGH = 0x1110, TX_LIST = 0x1114, RX_LIST_HIGH = 0x1118,
	RX_LIST = 0x111c, TX_TAIL = 0x1120, RX_TAIL = 0x1128, TX_RING = 0x112c, RX_RING = 0x1130,
	INT_ENABLE = 0x1134, CUR_TX = 0x1144, CUR_RX = 0x114c, CH_STATUS = 0x1160,
};
#define R(at)		s->reg[(at) / 4]

#define CONFIG_RE	BIT(0)
#define CONFIG_TE	BIT(1)
#define CONFIG_ACS	BIT(20)
#define CONFIG_CST	BIT(21)
#define CONFIG_IPC	BIT(27)
#define FILTER_ALL	BIT(0)
#define FILTER_HASH_MULTICAST BIT(2)
#define FILTER_MULTICAST BIT(4)
#define FILTER_NO_BROADCAST BIT(5)
#define FILTER_RECEIVE_ALL BIT(31)
#define ADDR_ENABLE	BIT(31)
#define NR_ADDRESSES	4
#define SYSBUS_40_BITS	BIT(11)
#define CH_START	BIT(0)

#define ST_TI		BIT(0)
#define ST_TBU		BIT(2)
#define ST_RI		BIT(6)
#define ST_RBU		BIT(7)
#define ST_RPS		BIT(8)
#define ST_BUS_ERROR	BIT(12)
#define ST_ABNORMAL	BIT(14)
#define ST_NORMAL	BIT(15)
#define NORMAL_BITS	(ST_TI | ST_TBU | ST_RI)
#define ABNORMAL_BITS	(BIT(1) | ST_RBU | ST_RPS | BIT(9) | ST_BUS_ERROR | BIT(13))

/* Descriptor word 3. */
#define D_OWN		BIT(31)
#define D_CONTEXT	BIT(30)		/* transmit */
#define D_FIRST		BIT(29)
#define D_LAST		BIT(28)
#define D_RX_IOC	BIT(30)
#define D_RX_BUF1	BIT(24)
#define D_RX_STATUS1	BIT(26)		/* written back: word 1 is valid */
#define D_TX_CSUM(d)	((d) >> 16 & 3)
#define D2_IOC		BIT(31)

enum { PHY_CONTROL = 0, PHY_STATUS = 1, PHY_ID1 = 2, PHY_ID2 = 3, PHY_SPECIFIC = 0x11, PHY_IRQ_STATUS = 0x13,
       PHY_EXT_AT = 0x1e, PHY_EXT_DATA = 0x1f };
#define PHY_LOOPBACK	BIT(14)		/* of PHY_CONTROL: what is sent comes back, nothing else does */

#define FCS_BYTES	4
#define MIN_FRAME	60

/* --- interrupts --- */

static void update_irq(DwGmac *s)
{
	uint32_t live = R(CH_STATUS) & R(INT_ENABLE);

	if (R(CH_STATUS) & NORMAL_BITS)
		R(CH_STATUS) |= ST_NORMAL;
	if (R(CH_STATUS) & ABNORMAL_BITS)
		R(CH_STATUS) |= ST_ABNORMAL;
	R(DMA_STATUS) = ((R(INT_ENABLE) & ST_NORMAL) && (live & NORMAL_BITS)) ||
			((R(INT_ENABLE) & ST_ABNORMAL) && (live & ABNORMAL_BITS));
	qemu_set_irq(s->irq, R(DMA_STATUS) & 1);
}

/* --- rings --- */

static uint32_t next_desc(DwGmac *s, uint32_t at, uint32_t base, uint32_t last)
{
	uint32_t step = 16 + (R(CH_CONTROL) >> 18 & 7) * 8;

	at += step;
	return at >= base + (last + 1) * step ? base : at;
}

static bool read_desc(DwGmac *s, hwaddr at, uint32_t *d)
{
	if (s->bus_errors) {
		s->bus_errors--;
		R(CH_STATUS) |= ST_BUS_ERROR;
		return false;
	}
	if (!dma_memory_read(&address_space_memory, at, d, 16, MEMTXATTRS_UNSPECIFIED))
		return true;
	R(CH_STATUS) |= ST_BUS_ERROR;
	return false;
}

static hwaddr buffer_of(DwGmac *s, const uint32_t *d)
{
	return d[0] | (R(SYSBUS) & SYSBUS_40_BITS ? (hwaddr)(d[1] & 0xff) << 32 : 0);
}

/* --- transmit --- */

static ssize_t take_frame(NetClientState *nc, const uint8_t *frame, size_t len);

/* TCP and UDP right behind an IPv6 header; QEMU's own function does IPv4. */
static void fill_csum6(uint8_t *frame, size_t len)
{
	uint8_t *ip = frame + 14, *field;
	size_t bytes = lduw_be_p(ip + 4);
	uint16_t sum;

	if (len < 14 + 40 || lduw_be_p(frame + 12) != ETH_P_IPV6 || len < 14 + 40 + bytes ||
	    (ip[6] != 6 && ip[6] != 17) || bytes < (ip[6] == 6 ? 20 : 8))
		return;
	field = ip + 40 + (ip[6] == 6 ? 16 : 6);
	stw_be_p(field, 0);
	sum = net_checksum_finish(net_checksum_add(bytes, ip + 40) + net_checksum_add(32, ip + 8) + ip[6] + bytes);
	stw_be_p(field, sum ? sum : 0xffff);
}

static void send_frame(DwGmac *s, unsigned csum)
{
	if (s->frame_len < MIN_FRAME) {
		memset(s->frame + s->frame_len, 0, MIN_FRAME - s->frame_len);
		s->frame_len = MIN_FRAME;
	}
	if (csum == 3)
		fill_csum6(s->frame, s->frame_len);
	if (csum)
		net_checksum_calculate(s->frame, s->frame_len, csum == 1 ? CSUM_IP : CSUM_ALL);
	if (s->phy[PHY_CONTROL] & PHY_LOOPBACK)
		take_frame(qemu_get_queue(s->nic), s->frame, s->frame_len);
	else
		qemu_send_packet(qemu_get_queue(s->nic), s->frame, s->frame_len);
	s->frame_len = 0;
}

/* Buffer 1 and 2 of a descriptor: their bytes join the frame. False: not memory, or too much. */
static bool gather(DwGmac *s, const uint32_t *d)
{
	hwaddr at[2] = { buffer_of(s, d), d[1] };
	uint32_t len[2] = { d[2] & 0x3fff, R(SYSBUS) & SYSBUS_40_BITS ? 0 : d[2] >> 16 & 0x3fff };

	for (int i = 0; i < 2; i++) {
		if (s->frame_len + len[i] > sizeof(s->frame) ||
		    dma_memory_read(&address_space_memory, at[i], s->frame + s->frame_len, len[i],
				    MEMTXATTRS_UNSPECIFIED)) {
			R(CH_STATUS) |= ST_BUS_ERROR;
			return false;
		}
		s->frame_len += len[i];
	}
	return true;
}

static bool transmit_one(DwGmac *s)
{
	hwaddr at = (uint64_t)(R(TX_LIST_HIGH) & 0xff) << 32 | s->tx_at;
	uint32_t d[4];

	if (!read_desc(s, at, d))
		return false;
	if (!(d[3] & D_OWN)) {
		R(CH_STATUS) |= ST_TBU;
		return false;
	}
	if (!(d[3] & D_CONTEXT)) {
		if (d[3] & D_FIRST) {
			s->frame_len = 0;
			s->frame_csum = D_TX_CSUM(d[3]);
		}
		if (!gather(s, d))
			return false;
		if (d[3] & D_LAST)
			send_frame(s, s->frame_csum);
	}
	d[3] &= ~(D_OWN | 0xffff);
	dma_memory_write(&address_space_memory, at + 12, &d[3], 4, MEMTXATTRS_UNSPECIFIED);
	if (d[2] & D2_IOC)
		R(CH_STATUS) |= ST_TI;
	s->tx_at = next_desc(s, s->tx_at, R(TX_LIST), R(TX_RING) & 0x3ff);
	R(CUR_TX) = s->tx_at;
	return true;
}

static void transmit(DwGmac *s)
{
	int budget = 2048;

	if (!(R(CH_TX) & CH_START) || !(R(CONFIG) & CONFIG_TE))
		return;
	while (s->tx_at != R(TX_TAIL) && budget-- && transmit_one(s))
		;
	update_irq(s);
}

/* --- receive --- */

/* The first six bits of the address's CRC say which of 64. */
static bool hash_is_set(DwGmac *s, const uint8_t *address)
{
	unsigned n = ~net_crc32(address, 6) >> 26;

	return R(HASH0 + n / 32 * 4) >> (n % 32) & 1;
}

static bool is_for_us(DwGmac *s, const uint8_t *frame)
{
	if (R(FILTER) & (FILTER_ALL | FILTER_RECEIVE_ALL))
		return true;
	if (is_broadcast_ether_addr(frame))
		return !(R(FILTER) & FILTER_NO_BROADCAST);
	if (is_multicast_ether_addr(frame) && ((R(FILTER) & FILTER_MULTICAST) ||
	    ((R(FILTER) & FILTER_HASH_MULTICAST) && hash_is_set(s, frame))))
		return true;
	for (int i = 0; i < NR_ADDRESSES; i++) {
		uint32_t low = R(ADDR_LOW + 8 * i), high = R(ADDR_HIGH + 8 * i);

		if ((!i || (high & ADDR_ENABLE)) && ldl_le_p(frame) == low && lduw_le_p(frame + 4) == (high & 0xffff))
			return true;
	}
	return false;
}

static bool can_receive(NetClientState *nc)
{
	DwGmac *s = qemu_get_nic_opaque(nc);

	return (R(CH_RX) & CH_START) && (R(CONFIG) & CONFIG_RE) && s->rx_at != R(RX_TAIL);
}

/* Word 1 as the chip writes it for what it has looked at: UDP or TCP in IPv4 or IPv6, all of it right. */
static uint32_t csum_status(const uint8_t *frame, size_t len)
{
	unsigned type = lduw_be_p(frame + 12), protocol, bits;

	if (type == ETH_P_IP && len >= 34 && !(lduw_be_p(frame + 20) & 0x3fff)) {
		protocol = frame[23];
		bits = BIT(4);
	} else if (type == ETH_P_IPV6 && len >= 54) {
		protocol = frame[20];
		bits = BIT(5);
	} else {
		return BIT(6);
	}
	return protocol == 17 ? bits | 1 : protocol == 6 ? bits | 2 : bits | BIT(6);
}

static ssize_t take_frame(NetClientState *nc, const uint8_t *frame, size_t len)
{
	DwGmac *s = qemu_get_nic_opaque(nc);
	hwaddr at = (uint64_t)(R(RX_LIST_HIGH) & 0xff) << 32 | s->rx_at;
	uint32_t d[4], room = R(CH_RX) >> 1 & 0x3fff, total;
	uint8_t padded[MIN_FRAME] = { 0 };
	bool wants_irq;

	if (!can_receive(nc))
		return 0;
	if (!is_for_us(s, frame))
		return len;
	if (len < MIN_FRAME) {
		memcpy(padded, frame, len);
		frame = padded;
		len = MIN_FRAME;
	}
	if (!read_desc(s, at, d) || !(d[3] & D_OWN)) {
		R(CH_STATUS) |= ST_RBU;
		update_irq(s);
		return 0;
	}
	total = len + (R(CONFIG) & (CONFIG_CST | CONFIG_ACS) ? 0 : FCS_BYTES);
	/* Limit: a frame has one descriptor. */
	if (total > room || !(d[3] & D_RX_BUF1))
		return len;
	dma_memory_write(&address_space_memory, buffer_of(s, d), frame, len, MEMTXATTRS_UNSPECIFIED);
	wants_irq = d[3] & D_RX_IOC;
	memset(d, 0, sizeof(d));
	d[3] = D_FIRST | D_LAST | total;
	/* Checksums of what comes from the host's side are right: no error bits. */
	if (R(CONFIG) & CONFIG_IPC) {
		d[1] = csum_status(frame, len);
		d[3] |= D_RX_STATUS1;
	}
	dma_memory_write(&address_space_memory, at, d, sizeof(d), MEMTXATTRS_UNSPECIFIED);
	if (wants_irq)
		R(CH_STATUS) |= ST_RI;
	s->rx_at = next_desc(s, s->rx_at, R(RX_LIST), R(RX_RING) & 0x3ff);
	R(CUR_RX) = s->rx_at;
	update_irq(s);
	return len;
}

/* From the wire. */
static ssize_t receive(NetClientState *nc, const uint8_t *frame, size_t len)
{
	DwGmac *s = qemu_get_nic_opaque(nc);

	return s->phy[PHY_CONTROL] & PHY_LOOPBACK ? len : take_frame(nc, frame, len);
}

/* --- PHY: YT8531 at address 0 --- */

#define EXT_BASE	0xa000
#define STATUS_LINK	BIT(2)
#define STATUS_DONE	BIT(5)

static void phy_link(DwGmac *s)
{
	bool up = (s->phy[PHY_CONTROL] & PHY_LOOPBACK) || !qemu_get_queue(s->nic)->link_down;

	s->phy[PHY_STATUS] = 0x7949 | (up ? STATUS_LINK | STATUS_DONE : 0);
	/* Speed 1000 (bits 15:14 = 2), full duplex, resolved, link. */
	s->phy[PHY_SPECIFIC] = 0x8000 | BIT(13) | (up ? BIT(11) | BIT(10) : 0);
	s->phy[PHY_IRQ_STATUS] |= up ? BIT(10) : BIT(11);
}

static void phy_reset(DwGmac *s)
{
	memset(s->phy, 0, sizeof(s->phy));
	s->phy[PHY_CONTROL] = 0x1140;
	s->phy[PHY_ID1] = 0x4f51;
	s->phy[PHY_ID2] = 0xe91b;
	s->phy[4] = 0x1e1;		/* advertises 10 and 100 */
	s->phy[5] = 0xc5e1;		/* and so does the partner */
	s->phy[6] = 0xf;
	s->phy[9] = 0x300;		/* 1000 too */
	s->phy[10] = 0x7c00;
	s->phy[15] = 0x2000;
	phy_link(s);
}

static uint16_t phy_read(DwGmac *s, unsigned reg)
{
	uint16_t value = s->phy[reg];

	if (reg == PHY_EXT_DATA)
		return s->phy_ext_at - EXT_BASE < 0x20u ? s->phy_ext[s->phy_ext_at - EXT_BASE] : 0;
	if (reg == PHY_IRQ_STATUS)
		s->phy[reg] = 0;
	return value;
}

static void phy_write(DwGmac *s, unsigned reg, uint16_t value)
{
	switch (reg) {
	case PHY_CONTROL:
		if (value & BIT(15)) {
			phy_reset(s);
			return;
		}
		s->phy[reg] = value & ~BIT(9);		/* autonegotiation ends at once */
		phy_link(s);
		return;
	case PHY_STATUS: case PHY_ID1: case PHY_ID2: case 5: case 10: case 15: case PHY_SPECIFIC:
	case PHY_IRQ_STATUS:
		return;
	case PHY_EXT_AT:
		s->phy_ext_at = value;
		return;
	case PHY_EXT_DATA:
		if (s->phy_ext_at - EXT_BASE < 0x20u)
			s->phy_ext[s->phy_ext_at - EXT_BASE] = value;
		return;
	}
	s->phy[reg] = value;
}

static void mdio(DwGmac *s, uint32_t command)
{
	unsigned address = command >> 21 & 31, reg = command >> 16 & 31, op = command >> 2 & 3;

	if (op == 3)
		R(MDIO_DATA) = address ? 0xffff : phy_read(s, reg);
	else if (op == 1 && !address)
		phy_write(s, reg, R(MDIO_DATA));
}

static void link_status_changed(NetClientState *nc)
{
	phy_link(qemu_get_nic_opaque(nc));
}

/* --- registers --- */

static void registers_reset(DwGmac *s)
{
	memset(s->reg, 0, sizeof(s->reg));
	R(FEATURE0) = 0x181173f7;
	R(FEATURE1) = 0x11904104;
	R(FEATURE2) = 0x40000000;
	R(ADDR_HIGH) = ADDR_ENABLE | 0xffff;
	R(ADDR_LOW) = 0xffffffff;
	s->tx_at = s->rx_at = 0;
	s->frame_len = 0;
}

static uint64_t gmac_read(void *opaque, hwaddr at, unsigned size)
{
	DwGmac *s = opaque;

	if (at == VERSION)
		return 0x1052;
	return at < sizeof(s->reg) ? R(at) : 0;
}

static void gmac_write(void *opaque, hwaddr at, uint64_t value, unsigned size)
{
	DwGmac *s = opaque;

	switch (at) {
	case VERSION: case FEATURE0: case FEATURE1: case FEATURE2: case FEATURE3: case DMA_STATUS:
	case CUR_TX: case CUR_RX:
		return;
	case MDIO_ADDR:
		R(at) = value & ~1u;
		if (value & 1)
			mdio(s, value);
		return;
	case DMA_MODE:
		R(at) = value;
		if ((value & 1) && s->is_clocked(s->clock_opaque))
			registers_reset(s);
		break;
	case CH_STATUS:
		R(at) &= ~(uint32_t)value;
		break;
	case TX_LIST:
		R(at) = s->tx_at = value;
		break;
	case RX_LIST:
		R(at) = s->rx_at = value;
		break;
	default:
		if (at >= sizeof(s->reg))
			return;
		R(at) = value;
	}
	update_irq(s);
	if (at == TX_TAIL || at == CH_TX || at == CONFIG)
		transmit(s);
	if (at == RX_TAIL || at == CH_RX || at == CONFIG)
		qemu_flush_queued_packets(qemu_get_queue(s->nic));
}

static const MemoryRegionOps gmac_ops = {
	.read = gmac_read,
	.write = gmac_write,
	.endianness = DEVICE_LITTLE_ENDIAN,
	.valid = { 4, 4 },
	.impl = { 4, 4 },
};

static NetClientInfo gmac_net = {
	.type = NET_CLIENT_DRIVER_NIC,
	.size = sizeof(NICState),
	.can_receive = can_receive,
	.receive = receive,
	.link_status_changed = link_status_changed,
};

static void gmac_reset(DeviceState *dev)
{
	DwGmac *s = DW_GMAC(dev);

	registers_reset(s);
	phy_reset(s);
	memset(s->phy_ext, 0, sizeof(s->phy_ext));
	s->phy_ext[3] = 0x00f1;		/* 0xa003: delays */
	update_irq(s);
}

static void gmac_realize(DeviceState *dev, Error **errp)
{
	DwGmac *s = DW_GMAC(dev);

	memory_region_init_io(&s->io, OBJECT(s), &gmac_ops, s, TYPE_DW_GMAC, 0x10000);
	sysbus_init_mmio(SYS_BUS_DEVICE(s), &s->io);
	sysbus_init_irq(SYS_BUS_DEVICE(s), &s->irq);
	qemu_macaddr_default_if_unset(&s->conf.macaddr);
	s->nic = qemu_new_nic(&gmac_net, &s->conf, TYPE_DW_GMAC, dev->id, &dev->mem_reentrancy_guard, s);
	qemu_format_nic_info_str(qemu_get_queue(s->nic), s->conf.macaddr.a);
}

static const Property gmac_properties[] = { DEFINE_NIC_PROPERTIES(DwGmac, conf) };

/* The next so many descriptors are out of the bus's reach. The monitor sets it. */
static void bus_errors_set(Object *obj, Visitor *v, const char *name, void *opaque, Error **errp)
{
	visit_type_uint32(v, name, &DW_GMAC(obj)->bus_errors, errp);
}

static void gmac_class_init(ObjectClass *class, void *data)
{
	DEVICE_CLASS(class)->realize = gmac_realize;
	device_class_set_props(DEVICE_CLASS(class), gmac_properties);
	device_class_set_legacy_reset(DEVICE_CLASS(class), gmac_reset);
	object_class_property_add(class, "inject-bus-errors", "uint32", NULL, bus_errors_set, NULL, NULL);
}

static const TypeInfo gmac_types[] = {
	{ .name = TYPE_DW_GMAC, .parent = TYPE_SYS_BUS_DEVICE, .instance_size = sizeof(DwGmac),
	  .class_init = gmac_class_init },
};
DEFINE_TYPES(gmac_types)
