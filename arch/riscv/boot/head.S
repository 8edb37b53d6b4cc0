/* SPDX-License-Identifier: MIT */
/*
 * First instructions of every hart.
 *
 * Who jumps here: the firmware, on the boot hart, to _start (the start of the
 * image, at any physical address that is a multiple of 2 MiB); and SBI HSM, on
 * every other hart, to secondary_start. In both cases S-mode, satp = 0,
 * sstatus.SIE = 0, a0 = hart id, a1 = the device tree's physical address (boot
 * hart) or what smp.c passed to hart_start (the others).
 *
 * Until satp is written, code runs at physical addresses: only PC-relative
 * addresses may be used, which the medany code model gives for assembly and C.
 * There is no identity map. stvec holds the virtual address of the next line
 * when satp is written; the fetch after that faults, and the trap lands there
 * (Privileged 20211203, 4.1.2: stvec is a virtual address once translation is on).
 *
 * gp is not used by the kernel: it may keep any value, user's included.
 */
#include <arch/csr.h>
#include <arch/layout.h>
#include <kernel/types.h>
#include <generated/asm-offsets.h>

	.section .head.text, "ax"
	.globl _start
_start:
	/*
	 * Image header, as firmware and boot loaders expect it: 64 bytes, the
	 * first word an uncompressed jump.
	 */
	.option push
	.option norvc
	j	boot_start
	nop
	.option pop
	.dword	0x200000		/* offset from the start of RAM where to load */
	.dword	__image_size		/* memory needed, bss included */
	.dword	0			/* flags: little endian */
	.word	2			/* header version 0.2 */
	.word	0
	.dword	0
	.ascii	"RISCV\0\0\0"
	.ascii	"RSC\5"
	.word	0
	.globl	image_header_end	/* kernel.ld.S checks that this is byte 64 */
image_header_end:

/* Turn translation on. a0: satp value, t0: virtual minus physical address. Clobbers t1. */
.macro enter_virtual
	la	t1, 1f
	add	t1, t1, t0
	csrw	stvec, t1
	sfence.vma
	csrw	satp, a0
	.balign	4
1:
.endm

/* No interrupts, no FP, no access to user pages, "from the kernel" in sscratch. */
.macro reset_hart_state
	csrw	sie, zero
	csrw	sscratch, zero
	li	t0, SR_SIE | SR_SUM | SR_FS
	csrc	sstatus, t0
.endm

boot_start:
	/*
	 * Only the first hart that comes here boots. Firmware may send one that
	 * smp.c starts here, too: OpenSBI before 1.3 lets a waiting hart see that it
	 * is to start before it is told where. Such a hart goes where it was meant to.
	 */
	la	t0, booted
	li	t1, 1
	amoswap.w.aq t1, t1, (t0)
	bnez	t1, stray_start
	reset_hart_state
	mv	s0, a0			/* hart id */
	mv	s1, a1			/* device tree */

	la	t0, __bss_start
	la	t1, __bss_end		/* both multiples of 64: kernel.ld.S */
1:	sd	zero, 0(t0)
	sd	zero, 8(t0)
	sd	zero, 16(t0)
	sd	zero, 24(t0)
	sd	zero, 32(t0)
	sd	zero, 40(t0)
	sd	zero, 48(t0)
	sd	zero, 56(t0)
	addi	t0, t0, 64
	bltu	t0, t1, 1b

	la	sp, init_stack + KSTACK_SIZE
	la	a0, _start
	mv	a1, s1
	mv	s2, a0
	call	early_map

	li	t0, KERNEL_VADDR
	sub	t0, t0, s2
	enter_virtual
	la	tp, init_thread
	la	sp, init_stack + KSTACK_SIZE
	la	t0, trap_entry
	csrw	stvec, t0
	mv	a0, s0
	tail	kernel_main

stray_start:
	la	a1, secondary_boot
	/* Fall through. */

/*
 * a1: physical address of this hart's struct secondary_boot (smp.c).
 */
	.globl secondary_start
secondary_start:
	reset_hart_state
	ld	tp, SECONDARY_THREAD(a1)
	ld	sp, SECONDARY_SP(a1)
	la	t2, kernel_satp
	ld	a0, 0(t2)
	la	t1, _start
	li	t0, KERNEL_VADDR
	sub	t0, t0, t1
	enter_virtual
	la	t0, trap_entry
	csrw	stvec, t0
	tail	secondary_main

	.section .data
	.balign	4
booted:
	.word	0

	.section .bss.init_stack, "aw", @nobits
	.balign	KSTACK_SIZE
	.globl init_stack
init_stack:
	.space	KSTACK_SIZE
