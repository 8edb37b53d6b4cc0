/* SPDX-License-Identifier: MIT */
/*
 * /proc/cpuinfo, in the form that RISC-V programs parse. What a hart implements
 * comes from its device-tree node; vendor and model are the boot hart's, as the
 * firmware told them (SBI base extension, chapter 4).
 */
#include <arch/cpuinfo.h>
#include <arch/paging.h>
#include <arch/sbi.h>
#include <arch/smp.h>
#include <kernel/lib/seq.h>
#include <kernel/lib/string.h>
#include <libfdt.h>

/* The node of a hart; negative: none. */
static int node_of(u64 hart)
{
	int cpus = fdt_path_offset(boot_fdt, "/cpus"), node,
	    cells = fdt_address_cells(boot_fdt, cpus);

	fdt_for_each_subnode(node, boot_fdt, cpus) {
		const char *type = fdt_getprop(boot_fdt, node, "device_type", NULL);
		int len;
		const fdt32_t *reg = fdt_getprop(boot_fdt, node, "reg", &len);

		if (type && !strcmp(type, "cpu") && reg && cells > 0 && len >= cells * 4 &&
		    fdt32_to_cpu(reg[cells - 1]) == (u32)hart)
			return node;
	}
	return -FDT_ERR_NOTFOUND;
}

const char *arch_cpu_isa(u32 cpu)
{
	int node = node_of(cpu_to_hart[cpu]);

	return node < 0 ? NULL : fdt_getprop(boot_fdt, node, "riscv,isa", NULL);
}

void arch_show_cpu(struct seq *s, u32 cpu)
{
	int node = node_of(cpu_to_hart[cpu]);
	const char *isa = arch_cpu_isa(cpu);
	const char *model = node < 0 ? NULL : fdt_getprop(boot_fdt, node, "compatible", NULL);

	seq_printf(s, "processor\t: %u\nhart\t\t: %lu\n", cpu, cpu_to_hart[cpu]);
	if (isa)
		seq_printf(s, "isa\t\t: %s\n", isa);
	seq_puts(s, "mmu\t\t: sv39\n");
	if (model && strcmp(model, "riscv"))
		seq_printf(s, "uarch\t\t: %s\n", model);
	seq_printf(s, "mvendorid\t: 0x%lx\nmarchid\t\t: 0x%lx\nmimpid\t\t: 0x%lx\n\n",
		   sbi.mvendorid, sbi.marchid, sbi.mimpid);
}
