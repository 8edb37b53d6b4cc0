/* SPDX-License-Identifier: MIT */
/*
 * The address map.
 *
 * Sv39 gives 2^38 bytes below (user) and above (kernel) a hole of non-canonical
 * addresses. One entry of the top-level table covers 1 GiB; the entries of the
 * kernel half that can be used point to tables that are allocated at boot and
 * never change, so that every address space shares them by copying them once.
 * The direct map and the struct page array begin with the same page frame.
 *
 *   0x0000_0000_0000_0000  user, 256 GiB; first page never mapped
 *   0x0000_0040_0000_0000  end of user (TASK_SIZE)
 *   ...                    non-canonical
 *   0xffff_ffc0_0000_0000  KASAN shadow, 32 GiB (1/8 of the kernel half)
 *   0xffff_ffc8_0000_0000  struct page array, 8 GiB
 *   0xffff_ffca_0000_0000  vmalloc, ioremap, kernel stacks; 16 GiB
 *   0xffff_ffce_0000_0000  device tree and fixed maps, 1 GiB
 *   0xffff_ffd0_0000_0000  direct map of RAM, 128 GiB, NX
 *   0xffff_fff0_0000_0000  free
 *   0xffff_ffff_8000_0000  kernel image, 2 GiB window: any physical base
 */
#pragma once
#include <arch/page.h>

#ifdef __ASSEMBLER__
#define _UL(x)	x
#else
#define _UL(x)	x##ul
#endif

#define TASK_SIZE		_UL(0x0000004000000000)
#define USER_MIN		_UL(0x0000000000001000)
#define KERNEL_HALF		_UL(0xffffffc000000000)
#define KASAN_SHADOW_START	_UL(0xffffffc000000000)
#define VMEMMAP_START		_UL(0xffffffc800000000)
#define VMEMMAP_END		_UL(0xffffffca00000000)
#define VMALLOC_START		_UL(0xffffffca00000000)
#define VMALLOC_END		_UL(0xffffffce00000000)
#define FIXMAP_START		_UL(0xffffffce00000000)
#define FDT_VADDR		FIXMAP_START
#define FDT_MAX_SIZE		_UL(0x00400000)
#define DIRECT_MAP_START	_UL(0xffffffd000000000)
#define DIRECT_MAP_SIZE		_UL(0x0000002000000000)
#define KERNEL_VADDR		_UL(0xffffffff80000000)

#ifndef __ASSEMBLER__
#include <kernel/types.h>

/* Set by the first page-table code, constant after (arch/riscv/mm/early.c). */
extern u64 direct_map_offset;	/* virtual - physical in the direct map */
extern u64 kernel_offset;	/* virtual - physical in the kernel image */
extern u64 vmalloc_end;		/* of the window, the part that this machine uses */

static inline void *phys_to_virt(paddr_t pa)
{
	return (void *)(pa + direct_map_offset);
}

static inline bool is_kernel_image(const void *p)
{
	return (u64)p >= KERNEL_VADDR;
}

/* Of a direct-map or kernel-image address (not vmalloc). */
static inline paddr_t virt_to_phys(const void *p)
{
	return is_kernel_image(p) ? (u64)p - kernel_offset : (u64)p - direct_map_offset;
}

static inline bool user_range_ok(uaddr_t addr, u64 len)
{
	return len <= TASK_SIZE && addr <= TASK_SIZE - len;
}
#endif
