/* SPDX-License-Identifier: MIT */
/*
 * User mode: calls that are nothing but the system call, for programs that find
 * them here by name. Numbers: kernel/uapi/syscalls.def.
 */
	.macro	system_call name, nr
	.globl	\name
	.type	\name, @function
\name:
	.cfi_startproc
	li	a7, \nr
	ecall
	ret
	.cfi_endproc
	.size	\name, . - \name
	.endm

/*
 * Where a signal handler returns to: sp is at the signal frame. Unwinders know the
 * frame by these two instructions, in their 4-byte forms.
 */
	.section .text.sigreturn, "ax"
	.option	norvc
	.globl	__vdso_rt_sigreturn
	.type	__vdso_rt_sigreturn, @function
__vdso_rt_sigreturn:
	.cfi_startproc
	.cfi_signal_frame
	li	a7, 139
	ecall
	.cfi_endproc
	.size	__vdso_rt_sigreturn, . - __vdso_rt_sigreturn
	.option	rvc

	.text
	system_call __vdso_getcpu, 168
	system_call __vdso_flush_icache, 259
