/* SPDX-License-Identifier: MIT */
/*
 * From one thread to another.
 *
 * context_switch_asm(a0 = prev, a1 = next): called with interrupts off and the
 * runqueue locked. What the psABI lets a call destroy needs no saving; the rest is
 * kept in prev->context. Returns in next, with prev in a0, at the place where next
 * called it, or for one that never ran at its first instructions (trap/entry.S).
 */
#include <kernel/types.h>
#include <generated/asm-offsets.h>

	.text
	.globl	context_switch_asm
context_switch_asm:
	sd	ra, CONTEXT_RA(a0)
	sd	sp, CONTEXT_SP(a0)
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
	sd	s\n, (CONTEXT_S + 8 * \n)(a0)
	.endr
	ld	ra, CONTEXT_RA(a1)
	ld	sp, CONTEXT_SP(a1)
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
	ld	s\n, (CONTEXT_S + 8 * \n)(a1)
	.endr
	mv	tp, a1
	ret
