/* SPDX-License-Identifier: MIT */
/* Pins by the tree's words: <controller, number, flags>, so controllers of two cells a pin. */
#pragma once
#include <drivers/core/driver.h>

struct gpio_chip;

struct gpio_ops {
	/* Make pin an output of this level. Any context. */
	void (*output)(struct gpio_chip *c, u32 pin, bool high);
	bool (*input)(struct gpio_chip *c, u32 pin);	/* its level, as an input */
};

/* Constant after gpio_chip_add(). */
struct gpio_chip {
	const struct gpio_ops *ops;
	struct device *dev;
	u32 nr_pins;
	struct list_head node;
};

struct gpio {
	struct gpio_chip *chip;
	u32 pin;
	bool active_low;
};

void gpio_chip_add(struct gpio_chip *c);	/* boot thread */
/* Entry index of a "gpios" property. 0, -ENOENT, -EINVAL, or -EPROBE_DEFER: its controller is not there. */
int __must_check gpio_find(struct device *dev, const char *prop, u32 index, struct gpio *out);
void gpio_output(struct gpio *g, bool active);
bool gpio_is_active(struct gpio *g);		/* reads it as an input */
