/* SPDX-License-Identifier: MIT */
/*
 * memcpy, memmove, memset, and whole pages. C calling convention; leaf functions.
 * Contracts: kernel/lib/string.h, <arch/page.h>.
 */
#include <arch/page.h>
#include "copy.h"

	.text
	.globl memcpy
	.type memcpy, @function
memcpy:
	mv	t6, a0
	add	t5, a0, a2
	copy_body 0, 0
	ret
	.size memcpy, . - memcpy

/* Forwards unless the destination begins inside the source: then from the end. */
	.globl memmove
	.type memmove, @function
memmove:
	sub	t0, a0, a1
	bgeu	t0, a2, memcpy
	add	t6, a0, a2		/* both ends; all advance downwards */
	add	a1, a1, a2
	xor	t0, t6, a1
	andi	t0, t0, 7
	bnez	t0, 4f
	andi	a3, t6, -8		/* last aligned boundary */
	bgeu	a0, a3, 4f
1:	beq	t6, a3, 2f
	addi	t6, t6, -1
	addi	a1, a1, -1
	lbu	t0, 0(a1)
	sb	t0, 0(t6)
	j	1b
2:	addi	a3, a0, 7
	andi	a3, a3, -8
	bgeu	a3, t6, 4f
3:	addi	t6, t6, -8
	addi	a1, a1, -8
	ld	t0, 0(a1)
	sd	t0, 0(t6)
	bltu	a3, t6, 3b
4:	bgeu	a0, t6, 6f
5:	addi	t6, t6, -1
	addi	a1, a1, -1
	lbu	t0, 0(a1)
	sb	t0, 0(t6)
	bltu	a0, t6, 5b
6:	ret
	.size memmove, . - memmove

	.globl memset
	.type memset, @function
memset:
	mv	t6, a0
	add	t5, a0, a2
	andi	a1, a1, 0xff
	li	t0, 16
	bltu	a2, t0, 4f
	slli	t0, a1, 8		/* the byte, eight times */
	or	a1, a1, t0
	slli	t0, a1, 16
	or	a1, a1, t0
	slli	t0, a1, 32
	or	a1, a1, t0
	addi	a3, t6, 7
	andi	a3, a3, -8
	beq	a3, t6, 2f
1:	sb	a1, 0(t6)
	addi	t6, t6, 1
	bltu	t6, a3, 1b
	sub	a2, t5, t6
2:	andi	a3, a2, -64
	beqz	a3, 3f
	add	a3, a3, t6
1:	sd	a1, 0(t6)
	sd	a1, 8(t6)
	sd	a1, 16(t6)
	sd	a1, 24(t6)
	sd	a1, 32(t6)
	sd	a1, 40(t6)
	sd	a1, 48(t6)
	sd	a1, 56(t6)
	addi	t6, t6, 64
	bltu	t6, a3, 1b
3:	andi	a3, a2, 63
	andi	a3, a3, -8
	beqz	a3, 4f
	add	a3, a3, t6
1:	sd	a1, 0(t6)
	addi	t6, t6, 8
	bltu	t6, a3, 1b
4:	bgeu	t6, t5, 5f
1:	sb	a1, 0(t6)
	addi	t6, t6, 1
	bltu	t6, t5, 1b
5:	ret
	.size memset, . - memset

/* 256 bytes a turn: 34 instructions, 544 for the page. */
	.globl clear_page
	.type clear_page, @function
clear_page:
	li	t1, PAGE_SIZE
	add	t1, t1, a0
1:
	.irp	block, 0,64,128,192,256,320,384,448
	.irp	offset, 0,8,16,24,32,40,48,56
	sd	zero, \block + \offset(a0)
	.endr
	.endr
	addi	a0, a0, 512
	bltu	a0, t1, 1b
	ret
	.size clear_page, . - clear_page

	.globl copy_page
	.type copy_page, @function
copy_page:
	li	t6, PAGE_SIZE
	add	t6, t6, a0
1:
	.irp	block, 0, 64, 128, 192, 256, 320, 384, 448
	ld	a2, \block + 0(a1)
	ld	a3, \block + 8(a1)
	ld	a4, \block + 16(a1)
	ld	a5, \block + 24(a1)
	ld	a6, \block + 32(a1)
	ld	a7, \block + 40(a1)
	ld	t0, \block + 48(a1)
	ld	t1, \block + 56(a1)
	sd	a2, \block + 0(a0)
	sd	a3, \block + 8(a0)
	sd	a4, \block + 16(a0)
	sd	a5, \block + 24(a0)
	sd	a6, \block + 32(a0)
	sd	a7, \block + 40(a0)
	sd	t0, \block + 48(a0)
	sd	t1, \block + 56(a0)
	.endr
	addi	a0, a0, 512
	addi	a1, a1, 512
	bltu	a0, t6, 1b
	ret
	.size copy_page, . - copy_page
