/* SPDX-License-Identifier: MIT */
/*
 * Whole pages: zero and copy. Called from C, kernel addresses, any context.
 * Unrolled to a few cache lines, so that the loop costs a few percent.
 */
#include <arch/page.h>

	.text
/* void clear_page(void *page): a0 runs to a1. */
	.globl clear_page
	.type clear_page, @function
clear_page:
	li	a1, PAGE_SIZE
	add	a1, a0, a1
1:
	.set	off, 0
	.rept	32
	sd	zero, off(a0)
	.set	off, off + 8
	.endr
	addi	a0, a0, 256
	bne	a0, a1, 1b
	ret
	.size clear_page, . - clear_page

/* void copy_page(void *dst, const void *src): a0, a1 run to a2; loads first, then stores. */
	.globl copy_page
	.type copy_page, @function
copy_page:
	li	a2, PAGE_SIZE
	add	a2, a0, a2
1:
	.set	off, 0
	.rept	4
	ld	a3, off(a1)
	ld	a4, off + 8(a1)
	ld	a5, off + 16(a1)
	ld	a6, off + 24(a1)
	sd	a3, off(a0)
	sd	a4, off + 8(a0)
	sd	a5, off + 16(a0)
	sd	a6, off + 24(a0)
	.set	off, off + 32
	.endr
	addi	a0, a0, 128
	addi	a1, a1, 128
	bne	a0, a2, 1b
	ret
	.size copy_page, . - copy_page
