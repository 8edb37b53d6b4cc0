/* SPDX-License-Identifier: MIT */
/*
 * The device tree beyond libfdt: what a node's numbers mean where it hangs.
 * boot_fdt stays mapped for ever; nodes are offsets in it, below zero: none.
 */
#pragma once
#include <kernel/types.h>

/* From the root (node[0]) to a node (node[depth]). Deeper nodes are not looked at. */
#define TREE_DEPTH	8
struct tree_path {
	int node[TREE_DEPTH];
	u32 depth;
};

bool tree_is_okay(int node);				/* status is absent, "okay" or "ok" */
u32 tree_cells(int node, const char *prop);		/* how many; 0: no such property */
u32 tree_cell(int node, const char *prop, u32 index);	/* 0 where there is none */
const char *tree_string(int node, const char *prop);	/* NULL: none, or not a string */
/* One that a node without it has from an ancestor: interrupt-parent. 0: none has it. */
u32 tree_inherited_cell(const struct tree_path *path, const char *prop);
bool tree_inherits(const struct tree_path *path, const char *prop);
/* Entry `index` of "reg", in the CPU's physical addresses. 0 or -ENOENT, -EINVAL. */
int tree_reg(const struct tree_path *path, u32 index, paddr_t *base, u64 *size);
int tree_phandle_node(u32 phandle);			/* walks the tree: boot only */
bool tree_path_to(int node, struct tree_path *out);	/* walks the tree: boot only */
/* The hart whose own interrupt controller has this phandle. 0 or -ENOENT. */
int tree_hart_of_intc(u32 phandle, u64 *hart);
int tree_hart_node(u64 hart);				/* the node of a hart. Boot only */
void tree_seed_random(void);				/* /chosen's rng-seed. Boot thread */
