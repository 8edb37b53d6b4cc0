/* SPDX-License-Identifier: MIT */
/* Panic and assertions. Only for our own broken invariants (style.md, "Errors"). */
#pragma once
#include <kernel/types.h>

/* Stop every hart, print why, registers and a symbolised backtrace of each. */
void __noreturn __printf(1, 2) panic(const char *fmt, ...);
/* Print the text with a backtrace, once per site, and go on; tests fail on it. */
void __printf(3, 4) warn_at(const char *file, int line, const char *fmt, ...);

#define BUG_ON(cond) do { \
	if (unlikely(cond)) \
		panic("BUG: %s at %s:%d", #cond, __FILE__, __LINE__); \
} while (0)

/* Costs nothing in the shipped configuration, panics in the debug one. */
#ifdef CONFIG_DEBUG_ASSERT
#define ASSERT(cond)	BUG_ON(!(cond))
#else
#define ASSERT(cond)	((void)(0 && (cond)))
#endif
