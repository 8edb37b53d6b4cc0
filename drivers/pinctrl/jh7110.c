/* SPDX-License-Identifier: MIT */
/*
 * Pins of the JH7110: of its system region functions, pads, and GPIO 0..63; of the always-on one
 * GPIO 0..3.
 *
 * Output: each pin has a byte that says which signal it carries (DOUT) and one that
 * says when it drives (DOEN: 0 always, 1 never). Input: each signal has a byte that
 * says which pin it comes from, plus 2 (GPI). A pad has a word: input enable, drive
 * strength, pull resistors, slew rate, Schmitt trigger. Pads behind the 64 pins (eMMC,
 * GMAC1, flash) carry one signal each.
 *
 * A group of the tree has "pinmux" words, one a pin: 31:24 input signal (255 none),
 * 23:16 output signal, 15:10 output enable signal, 9:8 function, 7:0 pin.
 *
 * Interrupts: a pin whose bit of IE is set raises the controller's one; edges stay until a 0 is
 * written to IC, and come again after a 1 was.
 *
 * Limits: function (9:8) other than 0 is refused; the always-on region's pins have no other
 * functions than GPIO, states of theirs are as firmware left them.
 *
 * Source: U-Boot pinctrl-jh7110-sys.c and asm/arch-jh7110/gpio.h; dt-bindings/pinctrl/
 * starfive,jh7110-pinctrl.h; interrupts and the always-on region: Linux pinctrl-starfive-jh7110.c and
 * -aon.c.
 */
#include <arch/io.h>
#include <arch/paging.h>
#include <drivers/core/provider.h>
#include <drivers/gpio/gpio.h>
#include <kernel/lib/string.h>
#include <libfdt.h>

/* Offsets in a region; what has a bit for each pin is in words of 32. */
struct region {
	u32 nr_pins;
	u32 dout, gpi, interrupts, is_edge, clear, both_edges, rising, enabled, raised, level;
	u32 pads;		/* of GPIO 0 and those after it */
};

static const struct region system_region = {
	.nr_pins = 64, .dout = 0x040, .gpi = 0x080, .interrupts = 0x0dc, .is_edge = 0x0e0, .clear = 0x0e8,
	.both_edges = 0x0f0, .rising = 0x0f8, .enabled = 0x100, .raised = 0x110, .level = 0x118, .pads = 0x120,
};

/* Before the pads of its GPIO is that of TESTEN. */
static const struct region always_on_region = {
	.nr_pins = 4, .dout = 0x04, .gpi = 0x08, .interrupts = 0x0c, .is_edge = 0x10, .clear = 0x14,
	.both_edges = 0x18, .rising = 0x1c, .enabled = 0x20, .raised = 0x28, .level = 0x2c, .pads = 0x34,
};

#define WORD(pin)	((pin) & ~3u)		/* of a byte for each pin, from 0: DOEN */
#define BANK(reg, pin)	((reg) + 4 * ((pin) / 32))
/* Pads 0..74, and 89..94 (flash); those of GMAC1 between have no word. */
#define PAD(pin)	((pin) < 75 ? 0x120 + 4 * (pin) : 0x284 + 4 * ((pin) - 89))
#define HAS_PAD(pin)	((pin) < 75 || (pin) >= 89)
#define LANE(n)		(8 * ((n) % 4))

#define ALWAYS_ON	"starfive,jh7110-aon-pinctrl"

#define DOEN_MASK	0x3fu
#define DOUT_MASK	0x7fu
#define GPI_MASK	0x7fu
#define DOEN_ALWAYS	0
#define DOEN_NEVER	1
#define NO_SIGNAL	0xff
#define NR_SIGNALS	92		/* of inputs: 0x080..0x0db */
#define NR_PINS		64		/* of the system region, with functions; behind them are those of one use */
#define NR_PADS		95

#define PAD_INPUT	BIT(0)
#define PAD_DRIVE	GENMASK(2, 1)
#define PAD_PULL_UP	BIT(3)
#define PAD_PULL_DOWN	BIT(4)
#define PAD_SLEW	BIT(5)
#define PAD_SCHMITT	BIT(6)

struct jh7110_pins {
	struct pin_chip pins;
	struct gpio_chip gpio;
	/* Constant after probe. */
	const struct region *region;
	volatile u8 *regs;
	struct spinlock lock;		/* RANK_LEAF, irq-safe: four pins share a word */
	u8 edges[NR_PINS];		/* which are watched; lock */
};

/* Lock held. */
static void set_lane(struct jh7110_pins *j, u32 reg, u32 lane, u32 mask, u32 value)
{
	u32 v = mmio_read32(j->regs + reg);

	mmio_write32(j->regs + reg, (v & ~(mask << lane)) | (value & mask) << lane);
}

static void set_mux(struct jh7110_pins *j, u32 pin, u32 input, u32 output, u32 enable)
{
	u64 flags = spin_lock_irqsave(&j->lock);

	set_lane(j, j->region->dout + WORD(pin), LANE(pin), DOUT_MASK, output);
	set_lane(j, WORD(pin), LANE(pin), DOEN_MASK, enable);
	if (input != NO_SIGNAL)
		set_lane(j, j->region->gpi + WORD(input), LANE(input), GPI_MASK, pin + 2);
	spin_unlock_irqrestore(&j->lock, flags);
}

static bool has(int group, const char *prop)
{
	return fdt_getprop(boot_fdt, group, prop, NULL);
}

/* The pad's word changed as the group says: a field that it does not name stays. */
static u32 pad_of(int group, u32 v)
{
	u32 strength = tree_cell(group, "drive-strength", 0);	/* mA: 2, 4, 8, 12 */

	if (has(group, "input-enable"))
		v |= PAD_INPUT;
	if (has(group, "input-disable"))
		v &= ~PAD_INPUT;
	if (has(group, "bias-disable") || has(group, "bias-pull-up") ||
	    has(group, "bias-pull-down"))
		v &= ~(PAD_PULL_UP | PAD_PULL_DOWN);
	if (has(group, "bias-pull-up"))
		v |= PAD_PULL_UP;
	if (has(group, "bias-pull-down"))
		v |= PAD_PULL_DOWN;
	if (strength)
		v = (v & ~PAD_DRIVE) | (strength >= 12 ? 3u : strength >= 8 ? 2u : strength >= 4 ? 1u : 0) << 1;
	if (has(group, "slew-rate"))
		v = tree_cell(group, "slew-rate", 0) ? v | PAD_SLEW : v & ~PAD_SLEW;
	if (has(group, "input-schmitt-enable"))
		v |= PAD_SCHMITT;
	if (has(group, "input-schmitt-disable"))
		v &= ~PAD_SCHMITT;
	return v;
}

static int apply_group(struct jh7110_pins *j, int group)
{
	u32 nr = tree_cells(group, "pinmux");

	for (u32 i = 0; i < nr; i++) {
		u32 mux = tree_cell(group, "pinmux", i), pin = mux & 0xff, input = mux >> 24;
		volatile u8 *pad = j->regs + PAD(pin);

		if (pin >= NR_PADS || (mux >> 8 & 3) || (input != NO_SIGNAL && input >= NR_SIGNALS))
			return -EINVAL;
		if (HAS_PAD(pin))
			mmio_write32(pad, pad_of(group, mmio_read32(pad)));
		if (pin < NR_PINS)
			set_mux(j, pin, input, mux >> 16 & 0xff, mux >> 10 & DOEN_MASK);
	}
	return 0;
}

static int pins_apply(struct pin_chip *chip, int node)
{
	struct jh7110_pins *j = container_of(chip, struct jh7110_pins, pins);
	int group, err;

	fdt_for_each_subnode(group, boot_fdt, node) {
		err = apply_group(j, group);
		if (err)
			return err;
	}
	return 0;
}

static const struct pin_ops pin_ops = { .apply = pins_apply };

static void pin_output(struct gpio_chip *chip, u32 pin, bool high)
{
	set_mux(container_of(chip, struct jh7110_pins, gpio), pin, NO_SIGNAL, high, DOEN_ALWAYS);
}

static bool pin_level(struct gpio_chip *chip, u32 pin)
{
	struct jh7110_pins *j = container_of(chip, struct jh7110_pins, gpio);

	return mmio_read32(j->regs + BANK(j->region->level, pin)) >> (pin % 32) & 1;
}

static bool pin_input(struct gpio_chip *chip, u32 pin)
{
	struct jh7110_pins *j = container_of(chip, struct jh7110_pins, gpio);
	u64 flags = spin_lock_irqsave(&j->lock);
	volatile u8 *pad = j->regs + j->region->pads + 4 * pin;

	set_lane(j, WORD(pin), LANE(pin), DOEN_MASK, DOEN_NEVER);
	mmio_write32(pad, mmio_read32(pad) | PAD_INPUT);
	spin_unlock_irqrestore(&j->lock, flags);
	return pin_level(chip, pin);
}

static bool pin_is_output(struct gpio_chip *chip, u32 pin)
{
	struct jh7110_pins *j = container_of(chip, struct jh7110_pins, gpio);

	return (mmio_read32(j->regs + WORD(pin)) >> LANE(pin) & DOEN_MASK) != DOEN_NEVER;
}

static void set_bit_of(struct jh7110_pins *j, u32 reg, u32 pin, bool on)
{
	volatile u8 *bank = j->regs + BANK(reg, pin);
	u32 bit = 1u << (pin % 32), v = mmio_read32(bank);

	mmio_write32(bank, on ? v | bit : v & ~bit);
}

/* Lock held. What has come is forgotten, what comes counts. */
static void clear_edge(struct jh7110_pins *j, u32 pin)
{
	set_bit_of(j, j->region->clear, pin, false);
	set_bit_of(j, j->region->clear, pin, true);
}

static void pin_watch(struct gpio_chip *chip, u32 pin, u32 edges)
{
	struct jh7110_pins *j = container_of(chip, struct jh7110_pins, gpio);
	const struct region *r = j->region;
	u64 flags = spin_lock_irqsave(&j->lock);

	j->edges[pin] = (u8)edges;
	set_bit_of(j, r->enabled, pin, false);
	set_bit_of(j, r->is_edge, pin, true);
	set_bit_of(j, r->both_edges, pin, edges == (GPIO_RISING | GPIO_FALLING));
	set_bit_of(j, r->rising, pin, edges & GPIO_RISING);
	clear_edge(j, pin);
	set_bit_of(j, r->enabled, pin, edges);
	spin_unlock_irqrestore(&j->lock, flags);
}

/* Where both are watched, the level after it tells which came last. */
static void pin_raised(struct jh7110_pins *j, u32 pin)
{
	u32 edges;

	spin_lock(&j->lock);
	clear_edge(j, pin);
	edges = j->edges[pin];
	spin_unlock(&j->lock);
	if (edges == (GPIO_RISING | GPIO_FALLING))
		edges = pin_level(&j->gpio, pin) ? GPIO_RISING : GPIO_FALLING;
	if (edges)
		gpio_edge(&j->gpio, pin, edges);
}

static void pins_interrupt(void *arg)
{
	struct jh7110_pins *j = arg;

	for (u32 first = 0; first < j->region->nr_pins; first += 32) {
		u32 raised = mmio_read32(j->regs + BANK(j->region->raised, first));

		for (; raised; raised &= raised - 1)
			pin_raised(j, first + (u32)__builtin_ctz(raised));
	}
}

static const struct gpio_ops gpio_ops = {
	.output = pin_output, .input = pin_input, .is_output = pin_is_output, .level = pin_level,
	.watch = pin_watch,
};

static int pins_probe(struct device *dev)
{
	bool always_on = !strcmp(device_match(dev), ALWAYS_ON);
	struct jh7110_pins *j = dev_zalloc(dev, sizeof(*j));
	u64 size;
	int err;

	if (!j)
		return -ENOMEM;
	err = dev_enable(dev);
	if (err)
		return err;
	j->region = always_on ? &always_on_region : &system_region;
	if (!dev_reg_phys(dev, 0, &size) || size < PAD(NR_PADS))
		return -EINVAL;
	j->regs = dev_map_regs(dev, 0);
	if (!j->regs || !dev_answers(dev, j->regs, 4))
		return -ENODEV;
	spin_lock_init(&j->lock, RANK_LEAF);
	j->pins = (struct pin_chip){ .ops = &pin_ops, .dev = dev };
	j->gpio = (struct gpio_chip){ .ops = &gpio_ops, .dev = dev, .nr_pins = j->region->nr_pins };
	for (u32 pin = 0; pin < j->region->nr_pins; pin += 32)
		mmio_write32(j->regs + BANK(j->region->enabled, pin), 0);
	err = dev_request_irq(dev, dev_irq(dev, 0), pins_interrupt, j);
	if (err)
		return err;
	mmio_write32(j->regs + j->region->interrupts, 1);
	if (!always_on)
		pin_chip_add(&j->pins);
	gpio_chip_add(&j->gpio);
	return 0;
}

static const char *const compatible[] = { "starfive,jh7110-sys-pinctrl", ALWAYS_ON, NULL };

DRIVER(jh7110_pins) = {
	.name = "jh7110-pins",
	.stage = STAGE_CLOCK,
	.compatible = compatible,
	.probe = pins_probe,
};
