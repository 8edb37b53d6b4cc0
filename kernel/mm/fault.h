/* SPDX-License-Identifier: MIT */
/* Page faults, from the trap to here. */
#pragma once
#include <kernel/types.h>

#define FAULT_READ	0
#define FAULT_WRITE	BIT(0)
#define FAULT_EXEC	BIT(1)
#define FAULT_USER	BIT(2)		/* from user mode; else from uaccess */

/*
 * Resolve a fault at addr in current's address space. 0: try the access again.
 * Otherwise the signal to raise and its si_code in *code: SIGSEGV, SIGBUS, or
 * SIGKILL when memory ran out. Context: interrupts on, may sleep.
 */
int mm_handle_fault(uaddr_t addr, u32 access, int *code);
/*
 * The same in any address space whose users the caller keeps. A fatal signal: 0, and nothing done.
 */
#define FAULT_SIGBUS		7	/* the signals it may be */
#define FAULT_SIGKILL		9
#define FAULT_SIGSEGV		11
struct mm;
int mm_fault_in(struct mm *mm, uaddr_t addr, u32 access, int *code);
void fault_init(void);		/* the zero page */
