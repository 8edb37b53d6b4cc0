/* SPDX-License-Identifier: MIT */
/* Pins by the tree's words: <controller, number, flags>, so controllers of two cells a pin. */
#pragma once
#include <drivers/core/driver.h>

struct gpio_chip;

struct gpio_ops {
	/* Make pin an output of this level. Any context. */
	void (*output)(struct gpio_chip *c, u32 pin, bool high);
	bool (*input)(struct gpio_chip *c, u32 pin);	/* make it an input; its level */
	bool (*is_output)(struct gpio_chip *c, u32 pin);
	bool (*level)(struct gpio_chip *c, u32 pin);	/* of what it is now */
	/*
	 * From now on gpio_edge() is called at these edges of pin, an input, and at no other; 0: at
	 * none. Thread context. NULL: it cannot.
	 */
	void (*watch)(struct gpio_chip *c, u32 pin, u32 edges);
};

#define GPIO_RISING	BIT(0)
#define GPIO_FALLING	BIT(1)

#define GPIO_MAX_PINS	64

/* Constant after gpio_chip_add(), but for owners: the boot thread's, while probing. */
struct gpio_chip {
	const struct gpio_ops *ops;
	struct device *dev;
	u32 nr_pins;
	/* what a driver has the pin for; NULL: it is free */
	const char *owners[GPIO_MAX_PINS];
	/* who is told of the pin's edges; written before it is watched */
	const struct gpio_watch *watches[GPIO_MAX_PINS];
	struct list_head node;
};

struct gpio {
	struct gpio_chip *chip;
	u32 pin;
	bool active_low;
};

/* Who is told of edges of pins. Lives for ever. */
struct gpio_watch {
	void (*edge)(void *arg, u32 pin, u32 edge);	/* interrupt context, also just after a watch ended */
	void *arg;
};

void gpio_chip_add(struct gpio_chip *c);	/* boot thread */
void gpio_cdev_add(struct gpio_chip *c);	/* cdev.c: /dev/gpiochip<n> */
/*
 * Entry index of a "gpios" property; the pin is the driver's from now on. 0, -ENOENT, -EINVAL, or
 * -EPROBE_DEFER: its controller is not there.
 */
int __must_check gpio_find(struct device *dev, const char *prop, u32 index, struct gpio *out);
int __must_check gpio_find_of(int node, const char *prop, u32 index, struct gpio *out);
void gpio_output(struct gpio *g, bool active);
bool gpio_is_active(struct gpio *g);		/* reads it as an input */
bool gpio_level(struct gpio *g);		/* as it is: an output's too */
/*
 * w->edge() at these edges of the wire from now on, and at no others; the pin becomes an input. 0, or
 * -EOPNOTSUPP: its controller does not tell. One watch a pin. Thread context.
 */
int __must_check gpio_watch(struct gpio *g, u32 edges, const struct gpio_watch *w);
void gpio_unwatch(struct gpio *g);
void gpio_edge(struct gpio_chip *c, u32 pin, u32 edge);	/* by the controller's handler */
