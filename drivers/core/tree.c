/* SPDX-License-Identifier: MIT */
/*
 * Reading the device tree (Devicetree Specification 0.4): 2.3 standard
 * properties, 2.4 interrupts. The tree comes from firmware and is not trusted to
 * be well made: lengths are checked, what does not fit is as if it were absent.
 */
#include <arch/paging.h>
#include <drivers/core/tree.h>
#include <kernel/errno.h>
#include <kernel/lib/random.h>
#include <kernel/lib/string.h>
#include <libfdt.h>

bool tree_is_okay(int node)
{
	const char *status = tree_string(node, "status");

	return !status || !strcmp(status, "okay") || !strcmp(status, "ok");
}

u32 tree_cells(int node, const char *prop)
{
	int len;

	return fdt_getprop(boot_fdt, node, prop, &len) ? (u32)len / 4 : 0;
}

u32 tree_cell(int node, const char *prop, u32 index)
{
	int len;
	const fdt32_t *p = fdt_getprop(boot_fdt, node, prop, &len);

	return p && index < (u32)len / 4 ? fdt32_ld(p + index) : 0;
}

const char *tree_string(int node, const char *prop)
{
	int len;
	const char *p = fdt_getprop(boot_fdt, node, prop, &len);

	return p && len > 0 && !p[len - 1] ? p : NULL;
}

u32 tree_inherited_cell(const struct tree_path *path, const char *prop)
{
	for (int d = (int)path->depth; d >= 0; d--)
		if (tree_cells(path->node[d], prop))
			return tree_cell(path->node[d], prop, 0);
	return 0;
}

bool tree_inherits(const struct tree_path *path, const char *prop)
{
	for (int d = (int)path->depth; d >= 0; d--)
		if (fdt_getprop(boot_fdt, path->node[d], prop, NULL))
			return true;
	return false;
}

static u64 number(const fdt32_t *p, int cells)
{
	u64 v = 0;

	while (cells-- > 0)
		v = v << 32 | fdt32_ld(p++);
	return v;
}

/* addr, of bus's children, as bus's own parent sees it. False: not visible there. */
static bool translate(int bus, int parent, u64 *addr)
{
	int na = fdt_address_cells(boot_fdt, bus), ns = fdt_size_cells(boot_fdt, bus);
	int pa = fdt_address_cells(boot_fdt, parent), len;
	const fdt32_t *r = fdt_getprop(boot_fdt, bus, "ranges", &len);
	int entry = na + pa + ns;

	if (!r || na < 1 || ns < 0 || pa < 1)
		return false;
	if (!len)
		return true;
	for (len /= 4; len >= entry; len -= entry, r += entry) {
		u64 from = number(r, na), size = number(r + na + pa, ns);

		if (*addr >= from && *addr - from < size) {
			*addr = *addr - from + number(r + na, pa);
			return true;
		}
	}
	return false;
}

int tree_reg(const struct tree_path *path, u32 index, paddr_t *base, u64 *size)
{
	int bus = path->depth ? path->node[path->depth - 1] : -1, na, ns, len;
	const fdt32_t *reg;

	if (bus < 0)
		return -ENOENT;
	na = fdt_address_cells(boot_fdt, bus);
	ns = fdt_size_cells(boot_fdt, bus);
	reg = fdt_getprop(boot_fdt, path->node[path->depth], "reg", &len);
	if (!reg || na < 1 || ns < 0 || (u64)len < ((u64)index + 1) * (u64)(na + ns) * 4)
		return -ENOENT;
	reg += index * (u32)(na + ns);
	*base = number(reg, na);
	*size = number(reg + na, ns);
	for (u32 d = path->depth - 1; d > 0; d--)
		if (!translate(path->node[d], path->node[d - 1], base))
			return -EINVAL;
	return 0;
}

int tree_phandle_node(u32 phandle)
{
	return phandle ? fdt_node_offset_by_phandle(boot_fdt, phandle) : -1;
}

bool tree_path_to(int node, struct tree_path *out)
{
	int depth = fdt_node_depth(boot_fdt, node);

	if (depth < 0 || depth >= TREE_DEPTH)
		return false;
	out->depth = (u32)depth;
	for (int d = 0; d <= depth; d++)
		out->node[d] = fdt_supernode_atdepth_offset(boot_fdt, node, d, NULL);
	return true;
}

int tree_hart_of_intc(u32 phandle, u64 *hart)
{
	int cpus = fdt_path_offset(boot_fdt, "/cpus"), cpu, child;

	if (cpus < 0)
		return -ENOENT;
	fdt_for_each_subnode(cpu, boot_fdt, cpus) {
		int len;
		const fdt32_t *reg = fdt_getprop(boot_fdt, cpu, "reg", &len);

		fdt_for_each_subnode(child, boot_fdt, cpu) {
			if (!reg || fdt_get_phandle(boot_fdt, child) != phandle)
				continue;
			*hart = number(reg, min(len / 4, 2));
			return 0;
		}
	}
	return -ENOENT;
}

int tree_hart_node(u64 hart)
{
	int cpus = fdt_path_offset(boot_fdt, "/cpus"), cpu;

	if (cpus < 0)
		return -1;
	fdt_for_each_subnode(cpu, boot_fdt, cpus) {
		int len;
		const fdt32_t *reg = fdt_getprop(boot_fdt, cpu, "reg", &len);

		if (reg && number(reg, min(len / 4, 2)) == hart)
			return cpu;
	}
	return -1;
}

/*
 * Firmware's seed is as good as the firmware: its bits are all credited, as Linux does by default.
 */
void tree_seed_random(void)
{
	int chosen = fdt_path_offset(boot_fdt, "/chosen"), len;
	const void *seed = chosen < 0 ? NULL : fdt_getprop(boot_fdt, chosen, "rng-seed", &len);

	if (seed && len > 0)
		random_add(seed, (size_t)len, (u32)len * 8);
}
