/* SPDX-License-Identifier: MIT */
/*
 * Code of ours that runs in user mode: the clock, getcpu, signal return. Two
 * ranges in every address space, the data right below the code.
 */
#pragma once

/* Of the signal return code in the mapped object; arch/riscv/vdso/vdso.ld.S puts it there. */
#define VDSO_SIGRETURN_OFFSET	0x800

#ifndef __ASSEMBLER__
#include <kernel/types.h>

#define VDSO_CLOCKS	12

/*
 * What user mode reads, in a page that all processes share.
 *
 *   ns of clock c = ((rdtime - base_ticks) * mult >> 32) + offset_ns[c]
 *
 * base_ticks and mult never change, and an offset is one word that is stored and
 * loaded as a whole: so there is no sequence count and no fence.
 */
struct vdso_data {
	u64 base_ticks;
	u64 mult;			/* ns per tick, 32.32 */
	u64 offset_ns[VDSO_CLOCKS];	/* by clock id; atomic words */
	u32 clocks;			/* bit per clock id that this works for */
	u32 coarse_clocks;		/* those that promise no more than coarse_ns */
	u64 coarse_ns;
	s32 minutes_west, dst_time;	/* settimeofday's time zone */
};

struct mm;

/*
 * exec: map it into the new address space and set
 * mm->vdso. 0 or -errno. Context: current->mm == mm.
 */
int vdso_map(struct mm *mm);
void vdso_init(void);			/* boot, with pages and clock */
#endif
