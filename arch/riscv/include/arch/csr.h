/* SPDX-License-Identifier: MIT */
/* Control and status registers (Privileged Architecture 20211203). */
#pragma once

#define SR_SIE		(1 << 1)	/* sstatus, 4.1.1 */
#define SR_SPIE		(1 << 5)
#define SR_SPP		(1 << 8)
#define SR_FS		(3 << 13)	/* 0 off, 1 initial, 2 clean, 3 dirty */
#define SR_FS_INITIAL	(1 << 13)
#define SR_FS_CLEAN	(2 << 13)
#define SR_FS_DIRTY	(3 << 13)
#define SR_SUM		(1 << 18)
#define SR_MXR		(1 << 19)

#define IRQ_SOFT	1		/* scause, sie, sip: bit numbers, 4.1.3 */
#define IRQ_TIMER	5
#define IRQ_EXT		9
#define CAUSE_INTERRUPT	(1ul << 63)

#define EXC_INST_MISALIGNED	0	/* scause, table 4.2 */
#define EXC_INST_ACCESS		1
#define EXC_ILLEGAL		2
#define EXC_BREAKPOINT		3
#define EXC_LOAD_MISALIGNED	4
#define EXC_LOAD_ACCESS		5
#define EXC_STORE_MISALIGNED	6
#define EXC_STORE_ACCESS	7
#define EXC_ECALL_U		8
#define EXC_INST_PAGE		12
#define EXC_LOAD_PAGE		13
#define EXC_STORE_PAGE		15

#ifndef __ASSEMBLER__
#define csr_read(csr) ({ \
	unsigned long _v; \
	__asm__ volatile("csrr %0, " #csr : "=r"(_v) :: "memory"); \
	_v; })
#define csr_write(csr, v) \
	__asm__ volatile("csrw " #csr ", %0" :: "rK"((unsigned long)(v)) : "memory")
#define csr_set(csr, v) \
	__asm__ volatile("csrs " #csr ", %0" :: "rK"((unsigned long)(v)) : "memory")
#define csr_clear(csr, v) \
	__asm__ volatile("csrc " #csr ", %0" :: "rK"((unsigned long)(v)) : "memory")
#define csr_swap(csr, v) ({ \
	unsigned long _v; \
	__asm__ volatile("csrrw %0, " #csr ", %1" : "=r"(_v) : "rK"((unsigned long)(v)) : "memory"); \
	_v; })
#endif
