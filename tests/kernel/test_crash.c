/* SPDX-License-Identifier: MIT */
/*
 * Cases that end in a panic, each run by its own name (ktest=NAME): the host
 * judges the text.
 */
#include <kernel/bug.h>
#include <kernel/test/ktest.h>

static __noinline void touch_nothing(void)
{
	u64 address = 8;

	/* Hidden from the compiler, which knows that nothing lies there. */
	__asm__ volatile("" : "+r"(address));
	*(volatile u32 *)address = 1;
}

KTEST(crash, null_pointer)
{
	touch_nothing();
}

static __noinline u64 recurse(u64 n)
{
	volatile u64 room[16] = { n };

	return recurse(n + 1) + room[n % 16];
}

KTEST(crash, stack_overflow)
{
	EXPECT_EQ(recurse(0), 0);
}

/* Text is not writable: W^X. */
KTEST(crash, write_to_text)
{
	*(volatile u32 *)(u64)&recurse = 0;
}

/* Data is not executable. */
KTEST(crash, execute_data)
{
	static u32 code[] = { 0x00008067 };	/* ret */

	((void (*)(void))(u64)code)();
}

KTEST(crash, failed_assertion)
{
	u32 answer = 42;

	__asm__ volatile("" : "+r"(answer));
	BUG_ON(answer == 42);
}
