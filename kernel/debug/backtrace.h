/* SPDX-License-Identifier: MIT */
/* Where a CPU is, for panics and warnings. */
#pragma once
#include <kernel/types.h>

/*
 * Print the calls that led here. Without frame pointers the stack is searched for
 * values that point behind a call: a line may be a leftover of an earlier call.
 */
void backtrace_show(u64 sp);
/* The same as addresses, at most max, innermost first, of a stack that ends at top: how many. */
u32 backtrace_scan(u64 sp, u64 top, u64 *calls, u32 max);

struct thread;
#define THREAD_STACK_MAX	32
/* Where a sleeping thread is: calls, innermost first; 0 where it runs or has ended. Any context. */
u32 thread_stack(struct thread *t, u64 calls[THREAD_STACK_MAX]);
/* The call outside scheduler and locks in which it sleeps; 0 as above. */
u64 thread_waits_in(struct thread *t);
/* IPI_STOP: show this CPU's place and halt it. */
void __noreturn panic_stopped(void);
