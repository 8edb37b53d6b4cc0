/* SPDX-License-Identifier: MIT */
/*
 * Clocks of the FU540: the core's PLL, and the bus at half of it. Both run always.
 *
 * Limit: rates are told, not set, and the PLLs of memory and Ethernet are not told.
 *
 * Registers: SiFive FU540-C000 manual v1p0, chapter 7. Numbers: dt-bindings/clock/
 * sifive-fu540-prci.h.
 */
#include <arch/io.h>
#include <drivers/core/provider.h>

#define COREPLLCFG	0x04
#define CORECLKSEL	0x24
#define SEL_HFCLK	BIT(0)
#define PLL_R(v)	((v) & 0x3f)
#define PLL_F(v)	((v) >> 6 & 0x1ff)
#define PLL_Q(v)	((v) >> 15 & 7)
#define PLL_BYPASS	BIT(24)

enum { CORE, DDR, GEMGXL, BUS, NR_CLOCKS };

struct prci {
	struct clk_chip clk;
	/* Constant after probe. */
	volatile u8 *regs;
	u64 hfclk_hz;
};

static u64 core_hz(const struct prci *p)
{
	u32 v = mmio_read32(p->regs + COREPLLCFG);

	if ((mmio_read32(p->regs + CORECLKSEL) & SEL_HFCLK) || (v & PLL_BYPASS))
		return p->hfclk_hz;
	return p->hfclk_hz / (PLL_R(v) + 1) * 2 * (PLL_F(v) + 1) >> PLL_Q(v);
}

static u64 prci_rate(struct clk_chip *c, u32 id)
{
	const struct prci *p = container_of(c, struct prci, clk);

	return id == CORE ? core_hz(p) : id == BUS ? core_hz(p) / 2 : 0;
}

static void prci_enable(struct clk_chip *c, u32 id)
{
}

static const struct clk_ops prci_ops = { .enable = prci_enable, .rate = prci_rate };

static int prci_probe(struct device *dev)
{
	struct prci *p = dev_zalloc(dev, sizeof(*p));
	u64 size;

	if (!p)
		return -ENOMEM;
	if (!dev_reg_phys(dev, 0, &size) || size < CORECLKSEL + 4)
		return -EINVAL;
	p->regs = dev_map_regs(dev, 0);
	if (!p->regs)
		return -ENODEV;
	p->hfclk_hz = dev_clock_hz(dev, 0);
	p->clk = (struct clk_chip){ .ops = &prci_ops, .dev = dev, .nr = NR_CLOCKS };
	clk_chip_add(&p->clk);
	return 0;
}

static const char *const compatible[] = { "sifive,fu540-c000-prci", NULL };

DRIVER(fu540_prci) = {
	.name = "fu540-prci",
	.stage = STAGE_CLOCK,
	.compatible = compatible,
	.probe = prci_probe,
};
