/* SPDX-License-Identifier: MIT */
/*
 * Clocks of the FU540: the core's PLL, and the bus at half of it, which run always; and Ethernet's
 * of 125 MHz, which is started, and its unit let out of reset, where firmware has not done so.
 *
 * Limit: rates are told, not set, and memory's PLL is not told.
 *
 * Registers: SiFive FU540-C000 manual v1p0, chapter 7. Numbers: dt-bindings/clock/
 * sifive-fu540-prci.h.
 */
#include <arch/io.h>
#include <drivers/core/provider.h>
#include <kernel/printk.h>

#define COREPLLCFG	0x04
#define GEMPLLCFG	0x1c
#define GEMPLLOUT	0x20
#define CORECLKSEL	0x24
#define DEVICESRESET	0x28
#define SEL_HFCLK	BIT(0)
#define PLL_R(v)	((v) & 0x3f)
#define PLL_F(v)	((v) >> 6 & 0x1ff)
#define PLL_Q(v)	((v) >> 15 & 7)
#define PLL_RANGE(v)	((v) << 18)	/* of the input: 4 is 30 to 50 MHz */
#define PLL_BYPASS	BIT(24)
#define PLL_FEEDBACK	BIT(25)		/* internal */
#define PLL_LOCK	BIT(31)
#define OUT_ON		BIT(31)
#define RESET_GEM	BIT(5)		/* 0: held */
/* 33.33 MHz * 2 (59 + 1) >> 5 */
#define GEM_125_MHZ	(59u << 6 | 5u << 15 | PLL_RANGE(4u) | PLL_FEEDBACK)
#define LOCK_WAIT_US	1000		/* the manual: 70 us */

enum { CORE, DDR, GEMGXL, BUS, NR_CLOCKS };

struct prci {
	struct clk_chip clk;
	/* Constant after probe. */
	volatile u8 *regs;
	u64 hfclk_hz;
};

static u64 pll_hz(const struct prci *p, u32 v)
{
	if (v & PLL_BYPASS)
		return p->hfclk_hz;
	return p->hfclk_hz / (PLL_R(v) + 1) * 2 * (PLL_F(v) + 1) >> PLL_Q(v);
}

static u64 core_hz(const struct prci *p)
{
	if (mmio_read32(p->regs + CORECLKSEL) & SEL_HFCLK)
		return p->hfclk_hz;
	return pll_hz(p, mmio_read32(p->regs + COREPLLCFG));
}

static u64 prci_rate(struct clk_chip *c, u32 id)
{
	const struct prci *p = container_of(c, struct prci, clk);

	return id == CORE ? core_hz(p) : id == BUS ? core_hz(p) / 2 :
		id == GEMGXL ? pll_hz(p, mmio_read32(p->regs + GEMPLLCFG)) : 0;
}

static void start_gem_pll(struct prci *p)
{
	mmio_write32(p->regs + GEMPLLCFG, GEM_125_MHZ);
	if (mmio_wait32(p->regs + GEMPLLCFG, PLL_LOCK, PLL_LOCK, LOCK_WAIT_US)) {
		pr_err("%s: Ethernet's clock does not start\n", p->clk.dev->name);
		return;
	}
	mmio_write32(p->regs + GEMPLLOUT, OUT_ON);
}

static void prci_enable(struct clk_chip *c, u32 id)
{
	struct prci *p = container_of(c, struct prci, clk);

	if (id != GEMGXL)
		return;
	if (!(mmio_read32(p->regs + GEMPLLOUT) & OUT_ON))
		start_gem_pll(p);
	mmio_write32(p->regs + DEVICESRESET, mmio_read32(p->regs + DEVICESRESET) | RESET_GEM);
}

static const struct clk_ops prci_ops = { .enable = prci_enable, .rate = prci_rate };

static int prci_probe(struct device *dev)
{
	struct prci *p = dev_zalloc(dev, sizeof(*p));
	u64 size;

	if (!p)
		return -ENOMEM;
	if (!dev_reg_phys(dev, 0, &size) || size < DEVICESRESET + 4)
		return -EINVAL;
	p->regs = dev_map_regs(dev, 0);
	if (!p->regs || !dev_answers(dev, p->regs + COREPLLCFG, 4))
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
