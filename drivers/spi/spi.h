/* SPDX-License-Identifier: MIT */
/*
 * SPI buses: bytes go out and as many come in. One user of a bus at a time: it has one
 * device of ours. Thread context.
 */
#pragma once
#include <drivers/core/driver.h>

struct spi_bus;

struct spi_ops {
	/* Mode 0, 8 bits, the fastest clock that is not above hz. The device is deselected. */
	void (*setup)(struct spi_bus *b, u32 chip_select, u32 hz);
	void (*select)(struct spi_bus *b, bool on);	/* from setup's chip select; it stays so */
	/* tx NULL: bytes of 0xff; rx NULL: what comes is dropped. */
	void (*exchange)(struct spi_bus *b, const u8 *tx, u8 *rx, u32 len);
};

/* Constant after spi_bus_add(). */
struct spi_bus {
	const struct spi_ops *ops;
	struct device *dev;
	struct list_head node;
};

void spi_bus_add(struct spi_bus *b);			/* boot thread */
struct spi_bus *spi_bus_of(const struct device *dev);	/* NULL: dev is none */
