/* SPDX-License-Identifier: MIT */
/*
 * From physical addresses to the kernel's map, in two steps.
 *
 *  1. head.S, on the boot hart, MMU off, calls early_map(). It returns a satp
 *     value whose tables hold the image at KERNEL_VADDR (all permissions) and
 *     the device tree at FDT_VADDR, and nothing else. head.S points stvec at
 *     the virtual address of its next line and writes satp: the fetch that
 *     follows faults, and the trap lands on that line. No identity map exists.
 *  2. paging_init(), in C at virtual addresses, reads the RAM ranges from the
 *     tree and loads the final map (arch/riscv/mm/early.c).
 *
 * Other harts start with MMU off at a physical address of head.S and do the same
 * with kernel_satp, which holds the final map.
 */
#pragma once
#include <kernel/types.h>
#include <arch/sv39.h>

/*
 * kernel_pa: physical address of __image_start, 2 MiB aligned. Runs where the
 * image lies: no absolute address may be used before satp is written.
 */
u64 early_map(paddr_t kernel_pa, paddr_t fdt_pa);

/* flattened tree, read-only; valid once early_map's tables are live */
extern const void *boot_fdt;
extern pte_t *kernel_pgd;	/* top-level table of the final map */
extern u64 vmalloc_end;		/* end of the used part of the vmalloc window */
extern u64 kernel_satp;		/* the kernel's own tables, ASID 0; set by paging_init() */
/* The archive that firmware left in memory; empty: none. Reserved pages: release them when done. */
extern paddr_t initrd_start, initrd_end;
void paging_init(void);
/* What RAM there is and what of it is taken, into bootmem. memmap.c */
void memmap_read(paddr_t fdt_pa);
/* Return the __init sections to the allocator, make __ro_after_init read-only. */
void paging_free_init(void);
