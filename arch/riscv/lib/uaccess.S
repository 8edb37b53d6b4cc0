/* SPDX-License-Identifier: MIT */
/*
 * Copies between kernel and user memory (contracts: <arch/uaccess.h>).
 *
 * Each function checks the user range before it sets sstatus.SUM, so that a
 * kernel address can never be reached through it, and clears SUM on every way
 * out. A fault that the fault handler cannot resolve continues at the label its
 * exception-table entry names; trap code restores sstatus from the frame, so SUM
 * is still set there.
 *
 * C calling convention, leaf functions. User pages are touched only by the
 * instructions that have an entry.
 */
#include <arch/csr.h>
#include <arch/layout.h>
#include "copy.h"

/* Jump to \bad unless [\addr, \addr + \len) is user memory. Clobbers t0. */
.macro check_user_range addr, len, bad
	li	t0, TASK_SIZE
	bltu	t0, \len, \bad
	sub	t0, t0, \len
	bltu	t0, \addr, \bad
.endm

.macro allow_user_access
	li	t0, SR_SUM
	csrs	sstatus, t0
.endm

.macro forbid_user_access
	li	t0, SR_SUM
	csrc	sstatus, t0
.endm

	.text

/* a0 = dst, a1 = src, a2 = n. Returns the bytes that were not copied. */
.macro user_copy_function name, user_reg
	.globl	\name
	.type	\name, @function
\name:
	check_user_range \user_reg, a2, .Lrefused_\name
	mv	t6, a0
	add	t5, a0, a2
	allow_user_access
	copy_body 1, .Lstopped_\name
.Lstopped_\name:
	forbid_user_access
	sub	a0, t5, t6
	ret
.Lrefused_\name:
	mv	a0, a2
	ret
	.size	\name, . - \name
.endm

user_copy_function copy_from_user_partial, a1
user_copy_function copy_to_user_partial, a0

/* a0 = dst, a1 = n. Returns the bytes that were not cleared. */
	.globl	clear_user_partial
	.type	clear_user_partial, @function
clear_user_partial:
	check_user_range a0, a1, .Lclear_refused
	add	t5, a0, a1
	allow_user_access
	addi	a3, a0, 7
	andi	a3, a3, -8
	bltu	a3, t5, 1f
	mv	a3, t5
1:	bgeu	a0, a3, 2f		/* single bytes up to a word, or to the end */
	may_fault 1, .Lclear_stopped, sb zero, 0(a0)
	addi	a0, a0, 1
	j	1b
2:	sub	a1, t5, a0
	andi	a3, a1, -64
	beqz	a3, .Lclear_words
	add	a3, a3, a0
3:
	.irp	offset, 0, 8, 16, 24, 32, 40, 48, 56
	may_fault 1, .Lclear_bytes, sd zero, \offset(a0)
	.endr
	addi	a0, a0, 64
	bltu	a0, a3, 3b
.Lclear_words:
	andi	a3, t5, -8
	bgeu	a0, a3, .Lclear_bytes
4:	may_fault 1, .Lclear_bytes, sd zero, 0(a0)
	addi	a0, a0, 8
	bltu	a0, a3, 4b
.Lclear_bytes:				/* the rest; or after a fault, to find its byte */
	bgeu	a0, t5, .Lclear_stopped
	may_fault 1, .Lclear_stopped, sb zero, 0(a0)
	addi	a0, a0, 1
	j	.Lclear_bytes
.Lclear_stopped:
	forbid_user_access
	sub	a0, t5, a0
	ret
.Lclear_refused:
	mv	a0, a1
	ret
	.size	clear_user_partial, . - clear_user_partial

/*
 * a0 = dst, a1 = src, a2 = max. Copies the NUL too, where there is one in max
 * bytes. Returns the length without it; max if there is none; -EFAULT. The string
 * may end before the end of user memory: the limit is cut, and running into the
 * cut is a fault.
 *
 * Words while both sides are aligned: a word lies in one page, so that it faults only where its
 * first byte does. A byte of v is zero exactly if (v - 01..01) & ~v & 80..80 is not. The word with
 * the NUL is stored whole.
 */
	.equ	EFAULT_VALUE, -14
	.globl	strncpy_from_user
	.type	strncpy_from_user, @function
strncpy_from_user:
	li	t1, TASK_SIZE
	bgeu	a1, t1, .Lstr_refused
	sub	t1, t1, a1		/* bytes of user memory from src on */
	mv	t2, a2
	bgeu	t1, a2, 1f
	mv	t2, t1
1:	add	t2, t2, a1		/* where to stop */
	mv	t3, a1
	allow_user_access
	or	t4, a0, a1
	andi	t4, t4, 7
	andi	t0, t2, -8		/* where words stop */
	bnez	t4, 2f
	bgeu	a1, t0, 2f
	li	t5, 0x01010101
	slli	t6, t5, 32
	or	t5, t5, t6
	slli	t6, t5, 7
5:	may_fault 1, .Lstr_fault, ld t4, 0(a1)
	sub	a3, t4, t5
	not	a4, t4
	and	a3, a3, a4
	and	a3, a3, t6
	sd	t4, 0(a0)
	bnez	a3, 6f
	addi	a0, a0, 8
	addi	a1, a1, 8
	bltu	a1, t0, 5b
2:	bgeu	a1, t2, 3f
	may_fault 1, .Lstr_fault, lbu t4, 0(a1)
	sb	t4, 0(a0)
	beqz	t4, 4f
	addi	a0, a0, 1
	addi	a1, a1, 1
	j	2b
6:	andi	a3, t4, 0xff		/* where in the word it is */
	beqz	a3, 4f
	srli	t4, t4, 8
	addi	a1, a1, 1
	j	6b
3:	sub	t3, a1, t3		/* no NUL: at max, or at the end of user memory */
	bltu	t3, a2, .Lstr_fault
	forbid_user_access
	mv	a0, t3
	ret
4:	forbid_user_access
	sub	a0, a1, t3
	ret
.Lstr_fault:
	forbid_user_access
.Lstr_refused:
	li	a0, EFAULT_VALUE
	ret
	.size	strncpy_from_user, . - strncpy_from_user

/* a0 = s, a1 = max. Length with the NUL; 0 on fault; max + 1 if there is none in max bytes. */
	.globl	strnlen_user
	.type	strnlen_user, @function
strnlen_user:
	li	t1, TASK_SIZE
	bgeu	a0, t1, .Llen_refused
	sub	t1, t1, a0
	mv	t2, a1
	bgeu	t1, a1, 1f
	mv	t2, t1
1:	add	t2, t2, a0
	mv	t3, a0
	allow_user_access
2:	bgeu	a0, t2, 3f
	may_fault 1, .Llen_fault, lbu t4, 0(a0)
	addi	a0, a0, 1
	bnez	t4, 2b
	forbid_user_access
	sub	a0, a0, t3
	ret
3:	sub	t3, a0, t3
	bltu	t3, a1, .Llen_fault
	forbid_user_access
	addi	a0, a1, 1
	ret
.Llen_fault:
	forbid_user_access
.Llen_refused:
	li	a0, 0
	ret
	.size	strnlen_user, . - strnlen_user

/* Of futex words: a0 = user address, aligned (the caller has checked). 0 or -EFAULT. */
.macro check_user_word
	li	t0, TASK_SIZE - 4
	bltu	t0, a0, .Lword_refused
.endm

/* a1 = expected, a2 = desired, a3 = where the old value goes. Fully ordered. */
	.globl	user_cas_u32
	.type	user_cas_u32, @function
user_cas_u32:
	check_user_word
	allow_user_access
	sext.w	a1, a1			/* lr.w sign-extends */
1:	may_fault 1, .Lword_fault, lr.w.aqrl t1, (a0)
	bne	t1, a1, 2f
	may_fault 1, .Lword_fault, sc.w.aqrl t2, a2, (a0)
	bnez	t2, 1b
2:	forbid_user_access
	sw	t1, 0(a3)
	li	a0, 0
	ret
	.size	user_cas_u32, . - user_cas_u32

.Lword_fault:
	forbid_user_access
.Lword_refused:
	li	a0, EFAULT_VALUE
	ret
