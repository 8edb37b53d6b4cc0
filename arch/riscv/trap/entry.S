/* SPDX-License-Identifier: MIT */
/*
 * Trap entry and return.
 *
 * Who jumps here: the hart, at every trap. S-mode, the running address space's
 * tables, interrupts off. In the kernel tp is the running thread and sscratch is
 * zero; in user mode tp is the program's and sscratch is the thread. So one swap
 * of the two tells where the trap came from.
 *
 *   from the kernel   frame on the interrupted stack, checked before it is used:
 *                     where it would not fit above stack_low, the hart goes on on
 *                     its overflow stack, to say so and panic
 *   from user mode    frame at the top of the thread's kernel stack (thread_regs())
 *   system call       the same frame; the handler is called from here
 *
 * What a C function preserves (s0..s11) is still the program's when the handler is
 * back, so it is neither saved nor loaded on the way in and out of user mode. Only
 * who looks at the whole frame needs it there: the work before a return (signals),
 * for which it is saved at label 4, and clone, whose entry saves it.
 *
 * The kernel runs with sstatus.FS off, so that a use of FP registers by mistake
 * traps, and with SUM clear but inside uaccess: both are cleared on entry and come
 * back with the frame's status. gp belongs to user mode: the kernel never uses it.
 */
#include <arch/csr.h>
#include <arch/trapframe.h>
#include <kernel/types.h>
#include <kernel/uapi/nr_syscalls.h>
#include <generated/asm-offsets.h>

#define OVERFLOW_STACK_SIZE	8192
#define STATUS_CLEAR		(SR_SUM | SR_FS)

/* What a call to C may change, but for sp and tp, whose values each path has elsewhere. */
.macro save_caller_saved
	sd	x1, TF_REG(1)(sp)
	sd	x3, TF_REG(3)(sp)
	.irp	n, 5,6,7,10,11,12,13,14,15,16,17,28,29,30,31
	sd	x\n, TF_REG(\n)(sp)
	.endr
.endm

.macro save_callee_saved
	.irp	n, 8,9,18,19,20,21,22,23,24,25,26,27
	sd	x\n, TF_REG(\n)(sp)
	.endr
.endm

/* The same registers back, but for a0. */
.macro load_caller_saved
	ld	x1, TF_REG(1)(sp)
	ld	x3, TF_REG(3)(sp)
	.irp	n, 5,6,7,11,12,13,14,15,16,17,28,29,30,31
	ld	x\n, TF_REG(\n)(sp)
	.endr
.endm

.macro load_callee_saved
	.irp	n, 8,9,18,19,20,21,22,23,24,25,26,27
	ld	x\n, TF_REG(\n)(sp)
	.endr
.endm

	.section .text.entry, "ax"
	.balign	4			/* stvec.BASE, Privileged 4.1.2; mode 0: direct */
	.globl	trap_entry
trap_entry:
	csrrw	tp, sscratch, tp
	bnez	tp, from_user

	csrrw	tp, sscratch, zero
	sd	sp, TI_SCRATCH(tp)
	csrw	sscratch, t0
	ld	t0, TI_STACK_LOW(tp)
	addi	sp, sp, -TF_SIZE
	bltu	sp, t0, stack_overflow
	csrrw	t0, sscratch, zero
	save_caller_saved
	save_callee_saved
	sd	tp, TF_REG(4)(sp)
	ld	t0, TI_SCRATCH(tp)
	csrr	t1, sepc
	li	t2, STATUS_CLEAR
	csrrc	t2, sstatus, t2
	csrr	t3, scause
	csrr	t4, stval
	sd	t0, TF_REG(2)(sp)
	sd	t1, TF_EPC(sp)
	sd	t2, TF_STATUS(sp)
	sd	t3, TF_CAUSE(sp)
	sd	t4, TF_TVAL(sp)

	mv	a0, sp
	call	trap_from_kernel

	/* Back to the interrupted code. tp stays: it is the same thread's. */
	ld	t0, TF_EPC(sp)
	ld	t1, TF_STATUS(sp)
	csrw	sepc, t0
	csrw	sstatus, t1
	load_caller_saved
	load_callee_saved
	ld	a0, TF_REG(10)(sp)
	ld	sp, TF_REG(2)(sp)
	sret

from_user:
	sd	sp, TI_SCRATCH(tp)
	ld	sp, TI_KERNEL_SP(tp)
	addi	sp, sp, -TF_SIZE
	save_caller_saved
	csrrw	t0, sscratch, zero	/* the program's tp */
	ld	t1, TI_SCRATCH(tp)	/* and sp */
	li	t2, STATUS_CLEAR
	csrrc	t2, sstatus, t2
	csrr	t3, scause
	csrr	t4, sepc
	li	t5, EXC_ECALL_U
	sd	t0, TF_REG(4)(sp)
	sd	t1, TF_REG(2)(sp)
	sd	t2, TF_STATUS(sp)
	sd	t3, TF_CAUSE(sp)
	bne	t3, t5, 3f

	/* A system call: a0..a5 and a7 are still the program's. */
	addi	t4, t4, 4		/* go on behind the ecall */
	sd	t4, TF_EPC(sp)
	sd	a0, TF_ORIG_A0(sp)
	csrsi	sstatus, SR_SIE
	li	t0, NR_SYSCALLS
	bgeu	a7, t0, 2f
	la	t0, syscall_table
	slli	t1, a7, 3
	add	t0, t0, t1
	ld	t0, 0(t0)
	jalr	t0
1:	csrci	sstatus, SR_SIE
	ld	t0, TI_FLAGS(tp)
	andi	t0, t0, TIF_USER_WORK
	bnez	t0, 4f
	ld	t0, TF_EPC(sp)
	ld	t1, TF_STATUS(sp)
	csrw	sepc, t0
	csrw	sstatus, t1
	csrw	sscratch, tp
	load_caller_saved
	ld	tp, TF_REG(4)(sp)
	ld	sp, TF_REG(2)(sp)
	sret

2:	call	sys_ni
	j	1b

	/* Anything else from user mode. */
3:	csrr	t5, stval
	sd	t4, TF_EPC(sp)
	sd	t5, TF_TVAL(sp)
	mv	a0, sp
	call	trap_from_user
	ld	a0, TF_REG(10)(sp)
	j	1b

	/* Something is to be done before the return; the frame may change, or the call wrote all of it. */
4:	sd	a0, TF_REG(10)(sp)
	andi	t0, t0, TIF_FRAME_CHANGED
	bnez	t0, 6f
	save_callee_saved
6:	mv	a0, sp
	call	user_return_work

/* Interrupts off, sp at the frame: every register comes from there. */
user_return:
	ld	t0, TF_EPC(sp)
	ld	t1, TF_STATUS(sp)
	csrw	sepc, t0
	csrw	sstatus, t1
	csrw	sscratch, tp
	load_caller_saved
	load_callee_saved
	ld	a0, TF_REG(10)(sp)
	ld	tp, TF_REG(4)(sp)
	ld	sp, TF_REG(2)(sp)
	sret

/* Entries of the system calls that copy the whole frame. sp is at the frame. */
	.globl	syscall_clone
syscall_clone:
	save_callee_saved
	tail	sys_clone
	.globl	syscall_clone3
syscall_clone3:
	save_callee_saved
	tail	sys_clone3

/*
 * The first instructions of a thread (arch/riscv/cpu/thread.c): interrupts on after
 * the calls, preemption on. sp is at the frame of the return to user mode.
 *
 * A kernel thread: a0 = the thread before, s0 = fn, s1 = arg. If fn returns, it has
 * either become a program or is done.
 */
	.globl	kernel_thread_begin
kernel_thread_begin:
	call	sched_first_switch_done
	mv	a0, s1
	jalr	s0
	call	kernel_thread_returned
	j	5f

/* A clone: a0 = the thread before. */
	.globl	user_thread_begin
user_thread_begin:
	call	thread_started
5:	csrci	sstatus, SR_SIE
	mv	a0, sp
	call	user_return_work
	j	user_return

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
