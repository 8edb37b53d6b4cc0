/* SPDX-License-Identifier: MIT */
/*
 * The platform-level interrupt controller.
 *
 * Sources have a priority, 0 meaning never. Contexts are places that interrupts
 * go to: one privilege mode of one hart each. A context has a bit per source that
 * enables it, a threshold, and a register to claim the next pending source from
 * and to complete it to. Which context is which hart's, the device tree says:
 * the n-th pair of "interrupts-extended" is context n, and supervisor contexts are
 * those wired to the hart's interrupt 9. No arithmetic on hart ids: a monitor
 * hart without supervisor mode has one context only, and shifts all that follow.
 *
 * Masking is priority 0. The enable bit would be the wrong means: a completion to
 * a context where the source is not enabled is ignored, and the source never
 * comes again. So a bit changes only when no handler runs (kernel/irq/irq.c).
 *
 * Registers: RISC-V PLIC specification 1.0.0, chapter 3 (memory map). Binding:
 * sifive,plic-1.0.0.
 */
#include <arch/csr.h>
#include <arch/io.h>
#include <arch/smp.h>
#include <drivers/core/driver.h>
#include <drivers/core/tree.h>
#include <kernel/bug.h>
#include <kernel/mm/alloc.h>
#include <kernel/percpu.h>
#include <kernel/printk.h>

#define PRIORITY(source)	(4 * (source))
#define ENABLE(context)		(0x2000 + 0x80 * (context))
#define ENABLE_WORD(source)	(4 * ((source) / 32))
#define CONTEXT(context)	(0x200000 + 0x1000 * (context))
#define THRESHOLD		0
#define CLAIM			4

struct plic_cpu {
	/* Constant after probe. */
	volatile u8 *enable;		/* NULL: this CPU has no context here */
	volatile u8 *context;
};

/* Constant after probe; the enable registers are written under irq.c's lock. */
static struct {
	volatile u8 *sources;
	volatile u8 *enables;
	volatile u8 *contexts;
	u32 nr_sources;			/* the highest number */
	struct plic_cpu cpus[NR_CPUS];
} plic;

static void plic_mask(u32 irq)
{
	if (irq <= plic.nr_sources)
		mmio_write32(plic.sources + PRIORITY(irq), 0);
}

static void plic_unmask(u32 irq)
{
	if (irq <= plic.nr_sources)
		mmio_write32(plic.sources + PRIORITY(irq), 1);
}

static void set_enable(u32 irq, u32 cpu, bool on)
{
	volatile u8 *word = plic.cpus[cpu].enable;
	u32 bit = 1u << irq % 32;

	if (!word || irq > plic.nr_sources)
		return;
	word += ENABLE_WORD(irq);
	mmio_write32(word, on ? mmio_read32(word) | bit : mmio_read32(word) & ~bit);
}

static void plic_route(u32 irq, u32 old_cpu, u32 new_cpu)
{
	set_enable(irq, old_cpu, false);
	set_enable(irq, new_cpu, true);
}

/*
 * Claims until the hart's pending bit is clear: reading it costs no bus access. A
 * source that becomes pending too late to be seen there traps again.
 */
static void plic_handle(void)
{
	volatile u8 *claim = plic.cpus[cpu_id()].context + CLAIM;

	do {
		u32 irq = mmio_read32(claim);

		if (!irq)
			break;
		irq_dispatch(irq);
		mmio_write32(claim, irq);
	} while (csr_read(sip) & BIT(IRQ_EXT));
}

static void plic_init_cpu(void)
{
	struct plic_cpu *c = &plic.cpus[cpu_id()];

	if (!c->enable)
		return;
	for (u32 irq = 0; irq <= plic.nr_sources; irq += 32)
		mmio_write32(c->enable + ENABLE_WORD(irq), 0);
	mmio_write32(c->context + THRESHOLD, 0);
	csr_set(sie, BIT(IRQ_EXT));
}

static const struct irq_chip plic_chip = {
	.name = "PLIC",
	.mask = plic_mask,
	.unmask = plic_unmask,
	.route = plic_route,
	.handle = plic_handle,
	.init_cpu = plic_init_cpu,
};

/* The CPU whose supervisor external interrupt the context drives; -1: none of ours. */
static int cpu_of_context(u32 intc_phandle, u32 wire)
{
	u64 hart;

	if (wire != IRQ_EXT || tree_hart_of_intc(intc_phandle, &hart))
		return -1;
	for (u32 cpu = 0; cpu < nr_cpus; cpu++)
		if (cpu_to_hart[cpu] == hart)
			return (int)cpu;
	return -1;
}

/* Returns how many of our CPUs have a context. */
static u32 find_contexts(struct device *dev, u32 nr_contexts)
{
	u32 found = 0;

	for (u32 i = 0; i < nr_contexts; i++) {
		u32 intc = dev_prop_cell(dev, "interrupts-extended", 2 * i);
		u32 wire = dev_prop_cell(dev, "interrupts-extended", 2 * i + 1);
		int cpu = cpu_of_context(intc, wire);

		if (cpu < 0)
			continue;
		plic.cpus[cpu] = (struct plic_cpu){ .enable = plic.enables + 0x80 * i,
						    .context = plic.contexts + 0x1000 * i };
		found++;
	}
	return found;
}

/* Only what is used is mapped: the register space is 64 MiB, most of it holes. */
static int map_registers(struct device *dev, u32 nr_contexts)
{
	u64 size;
	paddr_t pa = dev_reg_phys(dev, 0, &size);

	if (!pa || size < CONTEXT(nr_contexts))
		return -EINVAL;
	plic.sources = dev_ioremap(dev, pa, PRIORITY(plic.nr_sources + 1));
	plic.enables = dev_ioremap(dev, pa + ENABLE(0), 0x80 * nr_contexts);
	plic.contexts = dev_ioremap(dev, pa + CONTEXT(0), 0x1000 * nr_contexts);
	if (!plic.sources || !plic.enables || !plic.contexts)
		return -ENOMEM;
	/* A context's claim register may not be read for nothing, its threshold may. */
	return dev_answers(dev, plic.sources + PRIORITY(1), 4) && dev_answers(dev, plic.enables, 4) &&
	       dev_answers(dev, plic.contexts + 0x1000 * (nr_contexts - 1) + THRESHOLD, 4) ? 0 : -ENODEV;
}

static int plic_probe(struct device *dev)
{
	u32 nr_contexts = dev_prop_cells(dev, "interrupts-extended") / 2, served;
	int err;

	if (plic.sources) {
		pr_warn("%s: a second interrupt controller is not used\n", dev->name);
		return -EBUSY;
	}
	plic.nr_sources = min(dev_prop_u32(dev, "riscv,ndev", 0), NR_IRQS - 1u);
	if (!nr_contexts || !plic.nr_sources)
		return -EINVAL;
	err = map_registers(dev, nr_contexts);
	if (!err) {
		served = find_contexts(dev, nr_contexts);
		if (served < (u32)__builtin_popcountl(cpus_online)) {
			pr_err("%s: only %u CPUs have a context\n", dev->name, served);
			err = -EINVAL;
		}
	}
	if (err) {
		/* the core unmaps it: another controller may yet be found */
		plic.sources = NULL;
		return err;
	}
	for (u32 irq = 1; irq <= plic.nr_sources; irq++)
		plic_mask(irq);
	irq_chip_register(&plic_chip);
	dev_set_irq_controller(dev);
	pr_info("%s: %u interrupts, %u contexts\n", dev->name, plic.nr_sources, nr_contexts);
	return 0;
}

static const char *const compatible[] = { "sifive,plic-1.0.0", "riscv,plic0", NULL };

DRIVER(plic) = {
	.name = "plic",
	.stage = STAGE_IRQCHIP,
	.compatible = compatible,
	.probe = plic_probe,
};
