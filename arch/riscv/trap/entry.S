/* SPDX-License-Identifier: MIT */
/*
 * Trap entry and return.
 *
 * Who jumps here: the hart, at every trap. S-mode, the kernel's tables, interrupts
 * off, all registers but tp still the interrupted code's. In the kernel tp is the
 * running thread and sscratch is zero.
 *
 * The stack is checked before it is used: where the frame would not fit above
 * stack_low, the hart goes on on its overflow stack, to say so and panic.
 */
#include <arch/csr.h>
#include <arch/trapframe.h>
#include <kernel/types.h>
#include <generated/asm-offsets.h>

#define OVERFLOW_STACK_SIZE	8192

	.section .text.entry, "ax"
	.balign	4			/* stvec.BASE, Privileged 4.1.2; mode 0: direct */
	.globl	trap_entry
trap_entry:
	sd	sp, TI_SCRATCH(tp)
	csrw	sscratch, t0
	ld	t0, TI_STACK_LOW(tp)
	addi	sp, sp, -TF_SIZE
	bltu	sp, t0, stack_overflow
	csrr	t0, sscratch
	csrw	sscratch, zero

	sd	x1, TF_REG(1)(sp)
	sd	x3, TF_REG(3)(sp)
	sd	x4, TF_REG(4)(sp)
	sd	x5, TF_REG(5)(sp)
	sd	x6, TF_REG(6)(sp)
	sd	x7, TF_REG(7)(sp)
	sd	x8, TF_REG(8)(sp)
	sd	x9, TF_REG(9)(sp)
	sd	x10, TF_REG(10)(sp)
	sd	x11, TF_REG(11)(sp)
	sd	x12, TF_REG(12)(sp)
	sd	x13, TF_REG(13)(sp)
	sd	x14, TF_REG(14)(sp)
	sd	x15, TF_REG(15)(sp)
	sd	x16, TF_REG(16)(sp)
	sd	x17, TF_REG(17)(sp)
	sd	x18, TF_REG(18)(sp)
	sd	x19, TF_REG(19)(sp)
	sd	x20, TF_REG(20)(sp)
	sd	x21, TF_REG(21)(sp)
	sd	x22, TF_REG(22)(sp)
	sd	x23, TF_REG(23)(sp)
	sd	x24, TF_REG(24)(sp)
	sd	x25, TF_REG(25)(sp)
	sd	x26, TF_REG(26)(sp)
	sd	x27, TF_REG(27)(sp)
	sd	x28, TF_REG(28)(sp)
	sd	x29, TF_REG(29)(sp)
	sd	x30, TF_REG(30)(sp)
	sd	x31, TF_REG(31)(sp)
	ld	t0, TI_SCRATCH(tp)
	csrr	t1, sepc
	csrr	t2, sstatus
	csrr	t3, scause
	csrr	t4, stval
	sd	t0, TF_REG(2)(sp)
	sd	t1, TF_EPC(sp)
	sd	t2, TF_STATUS(sp)
	sd	t3, TF_CAUSE(sp)
	sd	t4, TF_TVAL(sp)

	mv	a0, sp
	call	trap_handle

	/* Back to the interrupted code. tp stays: it is the same thread's. */
	ld	t0, TF_EPC(sp)
	ld	t1, TF_STATUS(sp)
	csrw	sepc, t0
	csrw	sstatus, t1
	ld	x1, TF_REG(1)(sp)
	ld	x3, TF_REG(3)(sp)
	ld	x5, TF_REG(5)(sp)
	ld	x6, TF_REG(6)(sp)
	ld	x7, TF_REG(7)(sp)
	ld	x8, TF_REG(8)(sp)
	ld	x9, TF_REG(9)(sp)
	ld	x10, TF_REG(10)(sp)
	ld	x11, TF_REG(11)(sp)
	ld	x12, TF_REG(12)(sp)
	ld	x13, TF_REG(13)(sp)
	ld	x14, TF_REG(14)(sp)
	ld	x15, TF_REG(15)(sp)
	ld	x16, TF_REG(16)(sp)
	ld	x17, TF_REG(17)(sp)
	ld	x18, TF_REG(18)(sp)
	ld	x19, TF_REG(19)(sp)
	ld	x20, TF_REG(20)(sp)
	ld	x21, TF_REG(21)(sp)
	ld	x22, TF_REG(22)(sp)
	ld	x23, TF_REG(23)(sp)
	ld	x24, TF_REG(24)(sp)
	ld	x25, TF_REG(25)(sp)
	ld	x26, TF_REG(26)(sp)
	ld	x27, TF_REG(27)(sp)
	ld	x28, TF_REG(28)(sp)
	ld	x29, TF_REG(29)(sp)
	ld	x30, TF_REG(30)(sp)
	ld	x31, TF_REG(31)(sp)
	ld	sp, TF_REG(2)(sp)
	sret

/*
 * The stack is used up. One hart at a time may report that: the others that come
 * here meanwhile stop. t0 is free, sscratch holds its old value.
 */
stack_overflow:
	la	sp, overflow_busy
	li	t0, 1
	amoswap.w.aq t0, t0, (sp)
1:	bnez	t0, 1b
	la	sp, overflow_stack + OVERFLOW_STACK_SIZE
	csrr	a0, sepc
	ld	a1, TI_SCRATCH(tp)
	csrr	a2, scause
	csrw	sscratch, zero
	/* Traps while reporting would find the old bound: give the new stack's. */
	la	t0, overflow_stack
	sd	t0, TI_STACK_LOW(tp)
	tail	trap_stack_overflow

	.bss
	.balign	16
overflow_stack:
	.space	OVERFLOW_STACK_SIZE
	.balign	4
overflow_busy:
	.space	4
