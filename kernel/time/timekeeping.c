/* SPDX-License-Identifier: MIT */
/*
 * Clocks from the platform timer.
 *
 * CLOCK_MONOTONIC counts ns since boot: (ticks - base) * mult / 2^32, with a
 * 128-bit product, so that nothing has to be renewed before it overflows. mult is
 * rounded up: a timer set for the first tick at or after a time never finds the
 * clock still before it. Realtime is monotonic plus an offset, one word, so it is
 * read without lock.
 *
 * Limit: the rate is not steered (adjtimex).
 */
#include <kernel/time/hrtimer.h>
#include <kernel/time/clock.h>
#include <kernel/errno.h>
#include <arch/time.h>

static u64 base_ticks __ro_after_init;
static u64 ns_mult __ro_after_init;	/* ns per tick, 32.32 */
static u64 tick_mult __ro_after_init;	/* ticks per ns, 0.64 */
static u64 real_offset;			/* atomic: realtime - monotonic */
u64 ktime_boot_offset;

ktime_t ktime_get(void)
{
	return (u64)((unsigned __int128)(arch_time_read() - base_ticks) * ns_mult >> 32);
}

u64 ktime_real(void)
{
	return ktime_get() + READ_ONCE(real_offset);
}

void ktime_set_real(u64 ns)
{
	WRITE_ONCE(real_offset, ns - ktime_get());
}

u64 ktime_to_ticks(ktime_t ns)
{
	return base_ticks + (u64)((unsigned __int128)ns * tick_mult >> 64) + 1;
}

int timespec_to_ns(const struct timespec64 *ts, u64 *ns)
{
	if (ts->sec < 0 || (u64)ts->nsec >= NS_PER_SEC)
		return -EINVAL;
	if ((u64)ts->sec >= S64_MAX / NS_PER_SEC)
		*ns = S64_MAX;
	else
		*ns = (u64)ts->sec * NS_PER_SEC + (u64)ts->nsec;
	return 0;
}

void time_init(void)
{
	u64 high, rest;

	base_ticks = arch_time_read();
	ns_mult = ((NS_PER_SEC << 32) + arch_timebase_hz - 1) / arch_timebase_hz;
	/* hz * 2^64 / 10^9, in two steps of 32 bits: hz is below 2^32. */
	high = ((u64)arch_timebase_hz << 32) / NS_PER_SEC;
	rest = ((u64)arch_timebase_hz << 32) % NS_PER_SEC;
	tick_mult = (high << 32) + (rest << 32) / NS_PER_SEC;
	time_init_cpu();
}
