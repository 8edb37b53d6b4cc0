/* SPDX-License-Identifier: MIT */
/* Page size (Sv39: Privileged 20211203, 4.4). */
#pragma once
#define PAGE_SHIFT	12
#ifdef __ASSEMBLER__
#define PAGE_SIZE	4096
#else
#define PAGE_SIZE	4096ul
#endif
#define PAGE_MASK	(~(PAGE_SIZE - 1))
#define PMD_SHIFT	21
#define PMD_SIZE	(1ul << PMD_SHIFT)
#define PGD_SHIFT	30
#define PGD_SIZE	(1ul << PGD_SHIFT)
#define PTRS_PER_TABLE	512

#ifndef __ASSEMBLER__
/* Whole pages, page aligned (arch/riscv/lib/memory.S). */
void clear_page(void *page);
void copy_page(void *dst, const void *src);
#endif
