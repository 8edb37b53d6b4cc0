/* SPDX-License-Identifier: MIT */
/* Fault injection (alloc_fail.h): one thread at a time, its allocations counted down. */
#include <kernel/mm/alloc_fail.h>
#include <arch/current.h>
#include <kernel/lock/preempt.h>

/* Written by the tested thread; others only compare. */
static struct thread *tested;
static u64 countdown;

void alloc_fail_nth(u64 nth)
{
	countdown = nth;
	WRITE_ONCE(tested, nth ? current : NULL);
}

bool alloc_should_fail(void)
{
	return unlikely(READ_ONCE(tested) == current) && !in_interrupt() && countdown && !--countdown;
}
