/* SPDX-License-Identifier: MIT */
#include <drivers/spi/spi.h>

static LIST_HEAD(buses);		/* written by the boot thread; constant after */

void spi_bus_add(struct spi_bus *b)
{
	list_add_tail(&b->node, &buses);
}

struct spi_bus *spi_bus_of(const struct device *dev)
{
	struct spi_bus *b;

	list_for_each(b, &buses, node)
		if (b->dev == dev)
			return b;
	return NULL;
}
