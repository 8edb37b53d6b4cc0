/* SPDX-License-Identifier: MIT */
/*
 * Fault injection: make the Nth allocation of this thread fail, to walk every
 * error path in turn (tests). CONFIG_FAIL_ALLOC; without it nothing is left.
 */
#pragma once
#include <kernel/types.h>

#ifdef CONFIG_FAIL_ALLOC
bool alloc_should_fail(void);
/* Of the calling thread's allocations from now on the nth (from 1) fails; 0: none. */
void alloc_fail_nth(u64 nth);
#else
static inline bool alloc_should_fail(void) { return false; }
#endif
