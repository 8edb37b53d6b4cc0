/* SPDX-License-Identifier: MIT */
/*
 * PHYs: the registers that all have, and what Motorcomm's YT8531 needs beside.
 *
 * The link's speed is what both ends have advertised, the best that is common; so it is
 * read of every PHY in the same way. The YT8531 delays the RGMII clocks against the data
 * as the tree says, in steps of 150 ps, and may have to invert the transmit clock at
 * some speeds: wires of the board differ.
 *
 * Source: IEEE 802.3 22.2.4 (registers 0 to 10); U-Boot drivers/net/phy/motorcomm.c and the
 * binding motorcomm,yt8xxx (extended registers).
 */
#include <arch/paging.h>
#include <drivers/net/phy.h>
#include <kernel/sched/sched.h>
#include <libfdt.h>

enum { CONTROL = 0, STATUS = 1, ID1 = 2, ID2 = 3, ADVERTISED = 4, PARTNER = 5, GIGABIT = 9, GIGABIT_PARTNER = 10,
       EXT_ADDRESS = 0x1e, EXT_DATA = 0x1f };
#define CONTROL_RESET		BIT(15)
#define CONTROL_NEGOTIATE	BIT(12)
#define CONTROL_RESTART		BIT(9)
#define STATUS_DONE		BIT(5)
#define STATUS_LINK		BIT(2)
#define RESET_TRIES		100		/* of 5 ms: half a second (22.2.4.1.1) */

#define YT8531_ID		0x4f51e91b
#define YT_CHIP_CONFIG		0xa001		/* bit 8: 1.9 ns more on the receive clock */
#define YT_RGMII_CONFIG		0xa003
#define YT_RX_MORE		BIT(8)
#define YT_TX_INVERT		BIT(14)
#define YT_STEP_PS		150
#define YT_MORE_PS		1900

static int extended(struct phy *p, u32 reg, u32 mask, u32 value)
{
	int v = p->bus->write(p->bus, p->address, EXT_ADDRESS, (u16)reg);

	if (!v)
		v = p->bus->read(p->bus, p->address, EXT_DATA);
	return v < 0 ? v : p->bus->write(p->bus, p->address, EXT_DATA, (u16)(((u32)v & ~mask) | value));
}

static bool node_has(const struct phy *p, const char *prop)
{
	return p->node >= 0 && fdt_getprop(boot_fdt, p->node, prop, NULL);
}

/* What the tree does not name stays as the board's straps have it. */
static int yt8531_setup(struct phy *p)
{
	u32 ps, steps;
	int err = 0;

	if (node_has(p, "rx-internal-delay-ps")) {
		ps = tree_cell(p->node, "rx-internal-delay-ps", 0);
		steps = min((ps >= YT_MORE_PS ? ps - YT_MORE_PS : ps) / YT_STEP_PS, 15u);
		err = extended(p, YT_CHIP_CONFIG, YT_RX_MORE, ps >= YT_MORE_PS ? YT_RX_MORE : 0);
		if (!err)
			err = extended(p, YT_RGMII_CONFIG, 0xf << 10, steps << 10);
	}
	if (!err && node_has(p, "tx-internal-delay-ps")) {
		steps = min(tree_cell(p->node, "tx-internal-delay-ps", 0) / YT_STEP_PS, 15u);
		err = extended(p, YT_RGMII_CONFIG, 0xff, steps << 4 | steps);
	}
	return err;
}

void phy_set_speed(struct phy *p, u32 mbit)
{
	bool invert = node_has(p, mbit == 1000 ? "motorcomm,tx-clk-1000-inverted" :
			       mbit == 100 ? "motorcomm,tx-clk-100-inverted" : "motorcomm,tx-clk-10-inverted");

	if (p->id == YT8531_ID && node_has(p, "motorcomm,tx-clk-adj-enabled"))
		extended(p, YT_RGMII_CONFIG, YT_TX_INVERT, invert ? YT_TX_INVERT : 0);
}

static int wait_reset(struct phy *p)
{
	for (u32 i = 0; i < RESET_TRIES; i++) {
		int v = p->bus->read(p->bus, p->address, CONTROL);

		if (v < 0 || !((u32)v & CONTROL_RESET))
			return min(v, 0);
		thread_sleep_ns(5 * NS_PER_MS);
	}
	return -ETIMEDOUT;
}

int phy_start(struct phy *p)
{
	int high = p->bus->read(p->bus, p->address, ID1),
	    low = p->bus->read(p->bus, p->address, ID2), err;

	if (high < 0 || low < 0 || (high == 0xffff && low == 0xffff) || !(high | low))
		return -ENODEV;
	p->id = (u32)high << 16 | (u32)low;
	err = p->bus->write(p->bus, p->address, CONTROL, CONTROL_RESET);
	if (!err)
		err = wait_reset(p);
	if (!err && p->id == YT8531_ID)
		err = yt8531_setup(p);
	return err ? err : p->bus->write(p->bus, p->address, CONTROL, CONTROL_NEGOTIATE | CONTROL_RESTART);
}

int phy_read_link(struct phy *p, struct phy_link *out)
{
	struct mdio_bus *b = p->bus;
	u32 common, gigabit;
	int status;

	*out = (struct phy_link){ 0 };
	/* a link that was lost shows once, even if it is back */
	b->read(b, p->address, STATUS);
	status = b->read(b, p->address, STATUS);
	if (status < 0)
		return status;
	if (!((u32)status & STATUS_LINK) || !((u32)status & STATUS_DONE))
		return 0;
	common = (u32)b->read(b, p->address, ADVERTISED) & (u32)b->read(b, p->address, PARTNER);
	gigabit = (u32)b->read(b, p->address, GIGABIT) &
		  (u32)b->read(b, p->address, GIGABIT_PARTNER) >> 2;
	out->up = true;
	out->mbit = gigabit & 0x300 ? 1000 : common & 0x180 ? 100 : 10;
	out->full_duplex = out->mbit == 1000 ? gigabit & 0x200 : out->mbit == 100 ? common & 0x100 : common & 0x40;
	return 0;
}
