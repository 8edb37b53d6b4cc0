/* SPDX-License-Identifier: MIT */
/* GPIO of the FU540: SiFive FU540-C000 manual v1p0, chapter 17. Each pin has an interrupt of its own. */
#include <arch/io.h>
#include <drivers/gpio/gpio.h>

#define INPUT_VAL	0x00
#define INPUT_EN	0x04
#define OUTPUT_EN	0x08
#define OUTPUT_VAL	0x0c
#define RISE_ENABLED	0x18
#define RISEN		0x1c		/* a 1 written clears */
#define FALL_ENABLED	0x20
#define FALLEN		0x24
#define HIGH_ENABLED	0x28
#define LOW_ENABLED	0x30
#define NR_PINS		16

struct sifive_pin {
	struct sifive_gpio *gpio;
	u32 pin;
};

struct sifive_gpio {
	struct gpio_chip chip;
	/* Constant after probe. */
	volatile u8 *regs;
	struct sifive_pin pins[NR_PINS];	/* what their interrupts get */

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

static bool sifive_is_output(struct gpio_chip *c, u32 pin)
{
	return mmio_read32(container_of(c, struct sifive_gpio, chip)->regs + OUTPUT_EN) >> pin & 1;
}

static bool sifive_level(struct gpio_chip *c, u32 pin)
{
	struct sifive_gpio *s = container_of(c, struct sifive_gpio, chip);
	u32 pins = mmio_read32(s->regs + (sifive_is_output(c, pin) ? OUTPUT_VAL : INPUT_VAL));

	return pins >> pin & 1;
}

static void sifive_watch(struct gpio_chip *c, u32 pin, u32 edges)
{
	struct sifive_gpio *s = container_of(c, struct sifive_gpio, chip);
	u64 flags = spin_lock_irqsave(&s->lock);

	mmio_write32(s->regs + RISEN, 1u << pin);
	mmio_write32(s->regs + FALLEN, 1u << pin);
	set_bit(s, RISE_ENABLED, pin, edges & GPIO_RISING);
	set_bit(s, FALL_ENABLED, pin, edges & GPIO_FALLING);
	spin_unlock_irqrestore(&s->lock, flags);
}

/* Both came: the level tells which was the last. */
static void sifive_interrupt(void *arg)
{
	const struct sifive_pin *p = arg;
	struct sifive_gpio *s = p->gpio;
	u32 bit = 1u << p->pin;
	u32 risen = mmio_read32(s->regs + RISEN) & mmio_read32(s->regs + RISE_ENABLED) & bit;
	u32 fallen = mmio_read32(s->regs + FALLEN) & mmio_read32(s->regs + FALL_ENABLED) & bit;
	bool high;

	mmio_write32(s->regs + RISEN, risen);
	mmio_write32(s->regs + FALLEN, fallen);
	high = mmio_read32(s->regs + INPUT_VAL) & bit;
	if (fallen && high)
		gpio_edge(&s->chip, p->pin, GPIO_FALLING);
	if (risen)
		gpio_edge(&s->chip, p->pin, GPIO_RISING);
	if (fallen && !high)
		gpio_edge(&s->chip, p->pin, GPIO_FALLING);
}

static const struct gpio_ops sifive_ops = {
	.output = sifive_output, .input = sifive_input, .is_output = sifive_is_output, .level = sifive_level,
	.watch = sifive_watch,
};

static int request_interrupts(struct sifive_gpio *s, struct device *dev)
{
	static const u16 enables[] = { RISE_ENABLED, FALL_ENABLED, HIGH_ENABLED, LOW_ENABLED };
	int err = 0;

	for (u32 i = 0; i < ARRAY_SIZE(enables); i++)
		mmio_write32(s->regs + enables[i], 0);
	for (u32 pin = 0; pin < NR_PINS && !err; pin++) {
		s->pins[pin] = (struct sifive_pin){ .gpio = s, .pin = pin };
		err = dev_request_irq(dev, dev_irq(dev, (int)pin), sifive_interrupt, &s->pins[pin]);
	}
	return err;
}

static int sifive_gpio_probe(struct device *dev)
{
	struct sifive_gpio *s = dev_zalloc(dev, sizeof(*s));
	int err;

	if (!s)
		return -ENOMEM;
	s->regs = dev_map_regs(dev, 0);
	if (!s->regs || !dev_answers(dev, s->regs, 4))
		return -ENODEV;
	spin_lock_init(&s->lock, RANK_LEAF);
	s->chip = (struct gpio_chip){ .ops = &sifive_ops, .dev = dev, .nr_pins = NR_PINS };
	err = request_interrupts(s, dev);
	if (err)
		return err;
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
