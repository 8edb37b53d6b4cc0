/* SPDX-License-Identifier: MIT */
/* Ethernet PHYs behind a controller's MDIO: IEEE 802.3 clause 22. Thread context. */
#pragma once
#include <drivers/core/driver.h>

/* Constant after it was filled in by the controller's driver. */
struct mdio_bus {
	int (*read)(struct mdio_bus *b, u32 phy, u32 reg);	/* 16 bits, or -errno */
	int (*write)(struct mdio_bus *b, u32 phy, u32 reg, u16 value);
};

struct phy {
	struct mdio_bus *bus;
	u32 address, id;
	int node;			/* in the tree; below zero: none */
};

struct phy_link {
	bool up, full_duplex;
	u32 mbit;			/* 10, 100, 1000 */
};

/* Find, set up as the tree says, and start to negotiate. 0 or -ENODEV, -ETIMEDOUT. */
int __must_check phy_start(struct phy *phy);
int phy_read_link(struct phy *phy, struct phy_link *out);	/* 0 or -errno */
/* Before the controller sends at a new speed. */
void phy_set_speed(struct phy *phy, u32 mbit);
