/* SPDX-License-Identifier: MIT */
/*
 * The memory map as firmware tells it: device tree -> bootmem ranges.
 *
 * Sources (Devicetree Specification 0.4): memory nodes 3.4, /reserved-memory
 * 3.5 with static "reg" ranges, the header's reservation block 5.3, and
 * /chosen 3.6 for the initial RAM disk and the command line. Reserved means
 * mapped but not handed out; "no-map" means that we may not even have a
 * translation for it: firmware protects it and speculative reads would trap.
 */
#include <arch/layout.h>
#include <arch/paging.h>
#include <arch/sv39.h>
#include <kernel/mm/bootmem.h>
#include <kernel/mm/page.h>
#include <kernel/lib/string.h>
#include <kernel/sections.h>
#include <kernel/bug.h>
#include <libfdt.h>

static u64 __init read_cells(const fdt32_t *p, int cells)
{
	u64 v = 0;

	while (cells-- > 0)
		v = v << 32 | fdt32_to_cpu(*p++);
	return v;
}

/* Call fn for each (address, size) of node's reg; the cell counts are its parent's. */
static void __init each_reg(int parent, int node, void (*fn)(paddr_t start, paddr_t end))
{
	int na = fdt_address_cells(boot_fdt, parent);
	int ns = fdt_size_cells(boot_fdt, parent);
	const fdt32_t *reg;
	int len;

	reg = fdt_getprop(boot_fdt, node, "reg", &len);
	if (!reg || na < 1 || ns < 1)
		return;
	for (; len >= (na + ns) * 4; len -= (na + ns) * 4, reg += na + ns) {
		paddr_t start = read_cells(reg, na);
		u64 size = read_cells(reg + na, ns);

		if (size && start + size > start)
			fn(start, start + size);
	}
}

static bool __init node_is_okay(int node)
{
	const char *status = fdt_getprop(boot_fdt, node, "status", NULL);

	return !status || !strcmp(status, "okay") || !strcmp(status, "ok");
}

static void __init add_memory_nodes(void)
{
	int node;

	fdt_for_each_subnode(node, boot_fdt, 0) {
		const char *type = fdt_getprop(boot_fdt, node, "device_type", NULL);

		if (type && !strcmp(type, "memory") && node_is_okay(node))
			each_reg(0, node, bootmem_add);
	}
}

static void __init take_reserved_nodes(void)
{
	int parent = fdt_path_offset(boot_fdt, "/reserved-memory");
	int node;

	if (parent < 0)
		return;
	fdt_for_each_subnode(node, boot_fdt, parent) {
		if (!node_is_okay(node))
			continue;
		each_reg(parent, node, fdt_getprop(boot_fdt, node, "no-map", NULL) ?
			 bootmem_remove : bootmem_reserve);
	}
}

static void __init take_reservation_block(void)
{
	int n = fdt_num_mem_rsv(boot_fdt);

	for (int i = 0; i < n; i++) {
		uint64_t start, size;

		if (!fdt_get_mem_rsv(boot_fdt, i, &start, &size) && size)
			bootmem_reserve(start, start + size);
	}
}

static u64 __init chosen_address(int chosen, const char *name)
{
	int len;
	const fdt32_t *p = fdt_getprop(boot_fdt, chosen, name, &len);

	return p && (len == 4 || len == 8) ? read_cells(p, len / 4) : 0;
}

/* "mem=64M": digits with an optional K, M or G. 0: not given or not a size. */
static u64 __init parse_mem(const char *args)
{
	const char *p = args;
	u64 v = 0;

	while (strncmp(p, "mem=", 4)) {
		p = strchr(p, ' ');
		if (!p)
			return 0;
		p++;
	}
	for (p += 4; *p >= '0' && *p <= '9'; p++)
		v = v * 10 + (*p - '0');
	switch (*p | 0x20) {
	case 'g':
		return v << 30;
	case 'm':
		return v << 20;
	case 'k':
		return v << 10;
	}
	return v;
}

paddr_t initrd_start __ro_after_init, initrd_end __ro_after_init;

static void __init take_chosen(void)
{
	int chosen = fdt_path_offset(boot_fdt, "/chosen");
	const char *args;
	u64 start, end, limit;

	if (chosen < 0)
		return;
	args = fdt_getprop(boot_fdt, chosen, "bootargs", NULL);
	limit = args ? parse_mem(args) : 0;
	if (limit)
		bootmem_limit(limit);
	start = chosen_address(chosen, "linux,initrd-start");
	end = chosen_address(chosen, "linux,initrd-end");
	if (start < end) {
		bootmem_reserve(start, end);
		initrd_start = start;
		initrd_end = end;
	}
}

/* libfdt keeps within what the header says; early_map() has mapped so much and no more. */
static void __init check_tree(paddr_t fdt_pa)
{
	int err = fdt_check_header(boot_fdt);

	if (err)
		panic("the device tree at %#lx is damaged: %s", fdt_pa, fdt_strerror(err));
	if (fdt_totalsize(boot_fdt) > FDT_MAX_SIZE - fdt_pa % PMD_SIZE)
		panic("the device tree is too large: %u bytes", fdt_totalsize(boot_fdt));
}

/* Fill the bootmem lists. fdt_pa: where the tree itself lies. */
void __init memmap_read(paddr_t fdt_pa)
{
	paddr_t image = virt_to_phys(__image_start);
	unsigned count;

	check_tree(fdt_pa);
	add_memory_nodes();
	take_chosen();
	take_reserved_nodes();
	take_reservation_block();
	bootmem_reserve(fdt_pa, fdt_pa + fdt_totalsize(boot_fdt));
	bootmem_reserve(image, image + (u64)(__image_end - __image_start));
	bootmem_ram(&count);
	if (!count)
		panic("the device tree names no memory");
}
