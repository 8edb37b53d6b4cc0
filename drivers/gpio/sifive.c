/* SPDX-License-Identifier: MIT */
/* GPIO of the FU540: SiFive FU540-C000 manual v1p0, chapter 17. Limit: no interrupts. */
#include <arch/io.h>
#include <drivers/gpio/gpio.h>

#define INPUT_VAL	0x00
#define INPUT_EN	0x04
#define OUTPUT_EN	0x08
#define OUTPUT_VAL	0x0c
#define NR_PINS		16

struct sifive_gpio {
	struct gpio_chip chip;
	volatile u8 *regs;		/* constant after probe */
	struct spinlock lock;		/* RANK_LEAF, irq-safe: one register holds all pins */
};

static void set_bit(struct sifive_gpio *s, u32 reg, u32 pin, bool on)
{
	u32 v = mmio_read32(s->regs + reg);

	mmio_write32(s->regs + reg, on ? v | 1u << pin : v & ~(1u << pin));
}

static void sifive_output(struct gpio_chip *c, u32 pin, bool high)
{
	struct sifive_gpio *s = container_of(c, struct sifive_gpio, chip);
	u64 flags = spin_lock_irqsave(&s->lock);

	set_bit(s, OUTPUT_VAL, pin, high);
	set_bit(s, OUTPUT_EN, pin, true);
	spin_unlock_irqrestore(&s->lock, flags);
}

static bool sifive_input(struct gpio_chip *c, u32 pin)
{
	struct sifive_gpio *s = container_of(c, struct sifive_gpio, chip);
	u64 flags = spin_lock_irqsave(&s->lock);
	bool high;

	set_bit(s, INPUT_EN, pin, true);
	high = mmio_read32(s->regs + INPUT_VAL) >> pin & 1;
	spin_unlock_irqrestore(&s->lock, flags);
	return high;
}

static const struct gpio_ops sifive_ops = { .output = sifive_output, .input = sifive_input };

static int sifive_gpio_probe(struct device *dev)
{
	struct sifive_gpio *s = dev_zalloc(dev, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->regs = dev_map_regs(dev, 0);
	if (!s->regs || !dev_answers(dev, s->regs, 4))
		return -ENODEV;
	spin_lock_init(&s->lock, RANK_LEAF);
	s->chip = (struct gpio_chip){ .ops = &sifive_ops, .dev = dev, .nr_pins = NR_PINS };
	gpio_chip_add(&s->chip);
	return 0;
}

static const char *const compatible[] = { "sifive,gpio0", "sifive,fu540-c000-gpio", NULL };

DRIVER(sifive_gpio) = {
	.name = "sifive-gpio",
	.stage = STAGE_CLOCK,
	.compatible = compatible,
	.probe = sifive_gpio_probe,
};
