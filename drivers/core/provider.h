/* SPDX-License-Identifier: MIT */
/*
 * What devices need of the chip around them: clocks, reset lines, pin functions.
 * Design: provider.c. All of it is for the boot thread, while probing.
 */
#pragma once
#include <drivers/core/driver.h>

struct clk_chip;
struct clk;
struct clk_ops {
	/* with its parents; harmless where it has no gate */
	void (*enable)(struct clk_chip *c, u32 id);
	u64 (*rate)(struct clk_chip *c, u32 id);	/* Hz; 0: unknown */
	/* The nearest rate that is not above hz; NULL: rates are fixed. */
	int (*set_rate)(struct clk_chip *c, u32 id, u64 hz);
	/* One of those it can have, else -EINVAL. NULL: parents are fixed. */
	int (*set_parent)(struct clk_chip *c, u32 id, const struct clk *parent);
};

struct reset_chip;
struct reset_ops {
	int (*release)(struct reset_chip *c, u32 id);	/* 0, or -ETIMEDOUT: it stays in reset */
};

struct pin_chip;
struct pin_ops {
	int (*apply)(struct pin_chip *c, int node);	/* a state's node: its groups */
};

/* Constant after they were added. */
struct clk_chip {
	const struct clk_ops *ops;
	struct device *dev;
	u32 nr;				/* ids below that */
	struct list_head node;
};
struct reset_chip {
	const struct reset_ops *ops;
	struct device *dev;
	u32 nr;
	struct list_head node;
};
struct pin_chip {
	const struct pin_ops *ops;
	struct device *dev;
	struct list_head node;
};
void clk_chip_add(struct clk_chip *c);
void reset_chip_add(struct reset_chip *c);
void pin_chip_add(struct pin_chip *c);

/*
 * All that the tree says dev needs to answer: pinctrl-0, assigned-clocks with their parents
 * and rates, clocks, resets. 0; -EPROBE_DEFER: a provider with a driver is not there yet; -EINVAL,
 * -ETIMEDOUT. What no driver of ours provides is taken to be as firmware left it.
 */
int __must_check dev_enable(struct device *dev);

/* One clock of dev, by its name in clock-names. Zeroed where nobody provides it. */
struct clk {
	struct clk_chip *chip;
	u32 id;
};
int __must_check clk_find(struct device *dev, const char *name, struct clk *out);
/* by its place in clocks */
int __must_check clk_at(struct device *dev, u32 index, struct clk *out);
u64 clk_rate(const struct clk *c);			/* Hz; 0: unknown */
/*
 * Hz of the CPU whose hart id that is, by its node's
 * clocks or clock-frequency; 0: unknown. Thread context.
 */
u64 cpu_clock_hz(u64 hart);
