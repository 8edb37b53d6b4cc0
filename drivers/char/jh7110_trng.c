/* SPDX-License-Identifier: MIT */
/*
 * The JH7110's true random number generator, for the pool: once at boot and again
 * every RESEED_NS.
 *
 *   reseed  --SEED_DONE-->  generate  --READY-->  256 bits into the pool, wait, generate
 *
 * Each step ends with an interrupt; nothing waits for one, since the pool works without.
 *
 * Registers: Linux drivers/char/hw_random/jh7110-trng.c.
 */
#include <arch/io.h>
#include <drivers/core/provider.h>
#include <kernel/irq/irq.h>
#include <kernel/lib/random.h>
#include <kernel/lib/string.h>

#define CTRL		0x00
#define MODE		0x08
#define IE		0x10
#define ISTAT		0x14
#define RAND(n)		(0x20 + 4 * (n))

#define CTRL_GENERATE	1
#define CTRL_RESEED	2
#define MODE_256	BIT(3)
#define INT_READY	BIT(0)
#define INT_SEED_DONE	BIT(1)
#define INT_LOCKUP	BIT(4)		/* of a shift register: seeding again mends it */
#define IE_ALL		BIT(31)

#define WORDS		8
/* chosen: a wake-up in five minutes costs nothing */
#define RESEED_NS	(300 * NS_PER_SEC)

struct trng {
	volatile u8 *regs;		/* constant after probe */
	struct delayed_work again;
};

static void ask_again(struct work *w)
{
	mmio_write32(container_of(w, struct trng, again.work)->regs + CTRL, CTRL_GENERATE);
}

static void take(struct trng *t)
{
	u32 words[WORDS];

	for (u32 i = 0; i < WORDS; i++)
		words[i] = mmio_read32(t->regs + RAND(i));
	random_add(words, sizeof(words), 8 * sizeof(words));
	memset(words, 0, sizeof(words));
	delayed_work_queue(&t->again, RESEED_NS);
}

static void trng_interrupt(void *arg)
{
	struct trng *t = arg;
	u32 status = mmio_read32(t->regs + ISTAT);

	mmio_write32(t->regs + ISTAT, status);
	if (status & INT_LOCKUP)
		mmio_write32(t->regs + CTRL, CTRL_RESEED);
	else if (status & INT_SEED_DONE)
		mmio_write32(t->regs + CTRL, CTRL_GENERATE);
	if (status & INT_READY)
		take(t);
}

static int trng_probe(struct device *dev)
{
	struct trng *t = dev_zalloc(dev, sizeof(*t));
	u64 size;
	int err;

	if (!t)
		return -ENOMEM;
	err = dev_enable(dev);
	if (err)
		return err;
	if (!dev_reg_phys(dev, 0, &size) || size < RAND(WORDS))
		return -EINVAL;
	t->regs = dev_map_regs(dev, 0);
	if (!t->regs || !dev_answers(dev, t->regs + MODE, 4))
		return -ENODEV;
	delayed_work_init(&t->again, ask_again);
	mmio_write32(t->regs + IE, 0);
	mmio_write32(t->regs + ISTAT, U32_MAX);
	err = dev_request_irq(dev, dev_irq(dev, 0), trng_interrupt, t);
	if (err)
		return err;
	mmio_write32(t->regs + MODE, MODE_256);
	mmio_write32(t->regs + IE, IE_ALL | INT_READY | INT_SEED_DONE | INT_LOCKUP);
	mmio_write32(t->regs + CTRL, CTRL_RESEED);
	return 0;
}

static const char *const compatible[] = { "starfive,jh7110-trng", NULL };

DRIVER(jh7110_trng) = {
	.name = "jh7110-trng",
	.stage = STAGE_DEVICE,
	.compatible = compatible,
	.probe = trng_probe,
};
