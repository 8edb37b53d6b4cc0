/* SPDX-License-Identifier: MIT */
/* Between trap/entry.S, trap.c and panic. */
#pragma once
#include <arch/trapframe.h>

void trap_from_kernel(struct trapframe *tf);
void trap_from_user(struct trapframe *tf);
/* What is to be done before user mode goes on. Interrupts off before and after, on between. */
void user_return_work(struct trapframe *tf);
void __noreturn trap_stack_overflow(u64 epc, u64 sp, u64 cause);
void trap_show_registers(const struct trapframe *tf);
/* panic() for an exception: shows the frame's registers and where it came from. */
void __noreturn __printf(2, 3) panic_with_frame(const struct trapframe *tf, const char *fmt, ...);

/* Where the trap code finds an instruction that may fail: continue at fixup (a label). */
#define EX_TABLE(insn, fixup) \
	".pushsection __ex_table, \"a\"\n" \
	".balign 4\n" \
	".word (" #insn ") - .\n" \
	".word (" #fixup ") - .\n" \
	".popsection\n"
