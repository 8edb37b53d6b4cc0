/* SPDX-License-Identifier: MIT */
/* Where a CPU is, for panics and warnings. */
#pragma once
#include <kernel/types.h>

/*
 * Print the calls that led here. Without frame pointers the stack is searched for
 * values that point behind a call: a line may be a leftover of an earlier call.
 */
void backtrace_show(u64 sp);
/* IPI_STOP: show this CPU's place and halt it. */
void __noreturn panic_stopped(void);
