/* SPDX-License-Identifier: MIT */
/*
 * FP registers to and from struct fp_state (a0). The kernel is built without FP:
 * here alone the assembler may use it (files.mk). FS is on between the first and the last
 * line only; interrupts are off, so nobody sees it.
 */
#include <arch/csr.h>

	.text
	.macro	fp_on
	li	t0, SR_FS
	csrs	sstatus, t0
	.endm
	.macro	fp_off
	csrc	sstatus, t0
	.endm

	.globl	fp_store
fp_store:
	fp_on
	.irp	n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	fsd	f\n, (8 * \n)(a0)
	.endr
	frcsr	t1
	sw	t1, 256(a0)
	fp_off
	ret

	.globl	fp_load
fp_load:
	fp_on
	.irp	n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	fld	f\n, (8 * \n)(a0)
	.endr
	lw	t1, 256(a0)
	fscsr	t1
	fp_off
	ret
