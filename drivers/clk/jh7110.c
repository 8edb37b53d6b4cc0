/* SPDX-License-Identifier: MIT */
/*
 * Clock and reset generators of the JH7110: SYSCRG, AONCRG, STGCRG.
 *
 * A clock is one word: bit 31 lets it run, 29:24 choose its parent, 23:0 divide it;
 * which of these it has is the clock's kind. A reset line is a bit, and another bit
 * tells 1 once the line is released.
 *
 * The table holds the clocks whose rate somebody asks for, and their ancestors. All
 * others are taken to be gates of which nothing but running is wanted. Roots are the
 * oscillator and the PLLs, whose registers are in the system controller.
 *
 * Limit: PLLs stay as firmware left them.
 *
 * Source: dt-bindings/clock/starfive,jh7110-crg.h (numbers), U-Boot clk-jh7110.c and
 * clk-jh7110-pll.c (fields), reset-jh7110.c (offsets).
 */
#include <arch/io.h>
#include <arch/paging.h>
#include <drivers/core/provider.h>
#include <kernel/lib/string.h>
#include <libfdt.h>

#define CLK_ENABLE	BIT(31)
#define CLK_PARENT(v)	((v) >> 24 & 0x3f)
#define CLK_PARENT_MASK	GENMASK(29, 24)
#define CLK_DIVIDER	GENMASK(23, 0)
#define OSC_HZ		24000000ul
#define RESET_WAIT_US	1000

/* Parents beyond the generator's own clocks. */
enum { OSC = 0xf0, PLL0, PLL2, OTHER };	/* OTHER: another generator's */

struct clock {
	u8 id;
	u8 parent[2];			/* [0] also where there is no choice */
	u8 max_divider;			/* 0: does not divide */
};

/* SYSCRG: everything on the way from a PLL to the harts, the UARTs and card hosts. */
static const struct clock sys_clocks[] = {
	{ 0, { OSC, PLL0 }, 0 },	/* cpu_root */
	{ 1, { 0, 0 }, 7 },		/* cpu_core */
	{ 5, { OSC, PLL2 }, 0 },	/* bus_root */
	{ 7, { 5, 5 }, 3 },		/* axi_cfg0 */
	{ 8, { 7, 7 }, 2 },		/* stg_axiahb */
	{ 9, { 8, 8 }, 0 },		/* ahb0 */
	{ 10, { 8, 8 }, 0 },		/* ahb1 */
	{ 11, { 8, 8 }, 8 },		/* apb_bus */
	{ 12, { 11, 11 }, 0 },		/* apb0 */
	{ 91, { 9, 9 }, 0 },		/* sdio0 ahb */
	{ 92, { 9, 9 }, 0 },		/* sdio1 ahb */
	{ 93, { 7, 7 }, 15 },		/* sdio0 card */
	{ 94, { 7, 7 }, 15 },		/* sdio1 card */
	{ 97, { 8, 8 }, 0 },		/* gmac1 ahb */
	{ 98, { 8, 8 }, 0 },		/* gmac1 axi */
	{ 100, { PLL0, PLL0 }, 15 },	/* gmac1 gtxclk */
	{ 105, { 100, 101 }, 0 },	/* gmac1 tx: ours, or the PHY's */
	{ 106, { 105, 105 }, 0 },	/* gmac1 tx, inverted */
	{ 107, { 100, 100 }, 0 },	/* gmac1 to the PHY */
	{ 108, { PLL0, PLL0 }, 15 },	/* gmac0 gtxclk */
	{ 111, { 108, 108 }, 0 },	/* gmac0 to the PHY */
	{ 122, { 12, 12 }, 0 },		/* watchdog apb */
	{ 123, { OSC, OSC }, 0 },	/* watchdog core */
	{ 145, { 12, 12 }, 0 },		/* uart0 apb */
	{ 146, { OSC, OSC }, 0 },	/* uart0 core */
};

/*
 * AONCRG: gmac0. Its own transmit clock comes from SYSCRG's 108, which is in the tree's list, too.
 */
static const struct clock aon_clocks[] = {
	{ 5, { OTHER, 4 }, 0 },		/* gmac0 tx: ours, or the PHY's */
	{ 6, { 5, 5 }, 0 },		/* gmac0 tx, inverted */
};

struct crg_kind {
	const struct clock *clocks;
	u32 nr_clocks, max_id;
	u32 assert_at, status_at, nr_resets;
};

static const struct crg_kind syscrg = { sys_clocks, ARRAY_SIZE(sys_clocks), 190, 0x2f8, 0x308, 126 };
static const struct crg_kind aoncrg = { aon_clocks, ARRAY_SIZE(aon_clocks), 14, 0x38, 0x3c, 8 };
static const struct crg_kind stgcrg = { NULL, 0, 29, 0x74, 0x78, 23 };

struct crg {
	struct clk_chip clk;
	struct reset_chip reset;
	/* Constant after probe. */
	const struct crg_kind *kind;
	volatile u8 *regs;
	u64 pll0_hz, pll2_hz;		/* 0: unknown */
};

static struct crg *of(struct clk_chip *c)
{
	return container_of(c, struct crg, clk);
}

static const struct clock *clock_find(const struct crg *c, u32 id)
{
	for (u32 i = 0; i < c->kind->nr_clocks; i++)
		if (c->kind->clocks[i].id == id)
			return &c->kind->clocks[i];
	return NULL;
}

static u64 root_rate(const struct crg *c, u32 id)
{
	return id == OSC ? OSC_HZ : id == PLL0 ? c->pll0_hz : id == PLL2 ? c->pll2_hz : 0;
}

static u32 parent_of(const struct crg *c, const struct clock *k)
{
	return k->parent[CLK_PARENT(mmio_read32(c->regs + 4 * k->id)) & 1];
}

/* The table's parents lead to a root in a few steps. */
static u64 crg_rate(struct clk_chip *chip, u32 id)
{
	const struct crg *c = of(chip);
	const struct clock *k;
	u64 divider = 1;

	while ((k = clock_find(c, id))) {
		u32 d = k->max_divider ? mmio_read32(c->regs + 4 * id) & CLK_DIVIDER : 1;

		if (!d)
			return 0;
		divider *= d;
		id = parent_of(c, k);
	}
	return root_rate(c, id) / divider;
}

static void crg_enable(struct clk_chip *chip, u32 id)
{
	const struct crg *c = of(chip);
	const struct clock *k;

	for (;;) {
		volatile u8 *reg = c->regs + 4 * id;

		mmio_write32(reg, mmio_read32(reg) | CLK_ENABLE);
		k = clock_find(c, id);
		if (!k)
			return;
		id = parent_of(c, k);
		if (id >= OSC)
			return;
	}
}

static int crg_set_rate(struct clk_chip *chip, u32 id, u64 hz)
{
	const struct crg *c = of(chip);
	const struct clock *k = clock_find(c, id);
	volatile u8 *reg = c->regs + 4 * id;
	u32 parent;
	u64 divider;

	if (!k || !k->max_divider)
		return 0;
	parent = parent_of(c, k);
	divider = parent >= OSC ? root_rate(c, parent) : crg_rate(chip, parent);
	divider = (divider + hz - 1) / hz;
	if (!divider)
		return -EINVAL;
	divider = min_t(u64, divider, k->max_divider);
	mmio_write32(reg, (mmio_read32(reg) & ~CLK_DIVIDER) | (u32)divider);
	return 0;
}

static int crg_set_parent(struct clk_chip *chip, u32 id, const struct clk *parent)
{
	const struct crg *c = of(chip);
	const struct clock *k = clock_find(c, id);
	u32 wanted = parent->chip == chip ? parent->id : OTHER;
	volatile u8 *reg = c->regs + 4 * id;

	for (u32 i = 0; k && i < ARRAY_SIZE(k->parent); i++)
		if (k->parent[i] == wanted) {
			mmio_write32(reg, (mmio_read32(reg) & ~(u32)CLK_PARENT_MASK) | i << 24);
			return 0;
		}
	return -EINVAL;
}

static const struct clk_ops crg_clk_ops = {
	.enable = crg_enable, .rate = crg_rate, .set_rate = crg_set_rate, .set_parent = crg_set_parent,
};

static int crg_release(struct reset_chip *chip, u32 id)
{
	struct crg *c = container_of(chip, struct crg, reset);
	volatile u8 *line = c->regs + c->kind->assert_at + 4 * (id / 32);
	volatile u8 *status = c->regs + c->kind->status_at + 4 * (id / 32);
	u32 bit = 1u << (id % 32);

	mmio_write32(line, mmio_read32(line) & ~bit);
	return mmio_wait32(status, bit, bit, RESET_WAIT_US);
}

static const struct reset_ops crg_reset_ops = { .release = crg_release };

/*
 * A PLL in integer mode: 24 MHz * feedback / (pre-divider * 2^post). Fields of PLL0
 * and PLL2 in the system controller; with a fraction the rate is not told.
 */
static u64 pll_hz(volatile u8 *syscon, u32 flags_at, u32 flags_bit, u32 feedback_at,
		  u32 feedback_bit, u32 post_at, u32 pre_at)
{
	u64 feedback = mmio_read32(syscon + feedback_at) >> feedback_bit & 0xfff;
	u32 integer = mmio_read32(syscon + flags_at) >> flags_bit & 3;
	u32 post = mmio_read32(syscon + post_at) >> 28 & 3,
	    pre = mmio_read32(syscon + pre_at) & 0x3f;

	return integer == 3 && pre ? OSC_HZ * feedback / pre >> post : 0;
}

static void read_plls(struct crg *c)
{
	int node = fdt_node_offset_by_compatible(boot_fdt, -1, "starfive,jh7110-sys-syscon");
	struct tree_path path;
	volatile u8 *syscon;
	paddr_t base;
	u64 size;

	if (node < 0 || !tree_path_to(node, &path) || tree_reg(&path, 0, &base, &size) ||
	    size < 0x38)
		return;
	syscon = dev_ioremap(c->clk.dev, base, size);
	if (!syscon)
		return;
	c->pll0_hz = pll_hz(syscon, 0x18, 24, 0x1c, 0, 0x20, 0x24);
	c->pll2_hz = pll_hz(syscon, 0x2c, 15, 0x2c, 17, 0x30, 0x34);
}

static const struct crg_kind *kind_of(struct device *dev)
{
	const char *match = device_match(dev);

	return !strcmp(match, "starfive,jh7110-syscrg") ? &syscrg :
		!strcmp(match, "starfive,jh7110-aoncrg") ? &aoncrg : &stgcrg;
}

static int crg_probe(struct device *dev)
{
	struct crg *c = dev_zalloc(dev, sizeof(*c));
	u64 size;

	if (!c)
		return -ENOMEM;
	c->kind = kind_of(dev);
	if (!dev_reg_phys(dev, 0, &size) ||
	    size < c->kind->status_at + 4 * ((c->kind->nr_resets + 31) / 32))
		return -EINVAL;
	c->regs = dev_map_regs(dev, 0);
	if (!c->regs || !dev_answers(dev, c->regs, 4))
		return -ENODEV;
	c->clk = (struct clk_chip){ .ops = &crg_clk_ops, .dev = dev, .nr = c->kind->max_id };
	c->reset = (struct reset_chip){ .ops = &crg_reset_ops, .dev = dev, .nr = c->kind->nr_resets };
	if (c->kind == &syscrg)
		read_plls(c);
	clk_chip_add(&c->clk);
	reset_chip_add(&c->reset);
	return 0;
}

static const char *const compatible[] = {
	"starfive,jh7110-syscrg", "starfive,jh7110-aoncrg", "starfive,jh7110-stgcrg", NULL,
};

DRIVER(jh7110_crg) = {
	.name = "jh7110-crg",
	.stage = STAGE_CLOCK,
	.compatible = compatible,
	.probe = crg_probe,
};
