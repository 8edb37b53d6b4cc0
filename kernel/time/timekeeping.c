/* SPDX-License-Identifier: MIT */
/*
 * Clocks from the platform timer.
 *
 * CLOCK_MONOTONIC counts ns since boot: (ticks - base) * mult / 2^32, with a
 * 128-bit product, so that nothing has to be renewed before it overflows. mult is
 * rounded up: a timer set for the first tick at or after a time never finds the
 * clock still before it. Realtime is monotonic plus an offset, one word, so it is
 * read without lock, by the kernel and by user mode (the vDSO's data page).
 *
 * Setting the clock moves the offset and then tells the listeners: whoever waits
 * for a realtime computes again how long that is. A listener that joins reads the
 * offset after it is on the list, so it is told or has seen the new one.
 *
 * Limit: the rate is not steered (adjtimex), there are no leap seconds, TAI is UTC.
 */
#include <kernel/time/hrtimer.h>
#include <kernel/time/clock.h>
#include <kernel/time/timekeeping.h>
#include <kernel/errno.h>
#include <kernel/lock/spinlock.h>
#include <kernel/sched/tick.h>
#include <arch/time.h>
#include <arch/vdso.h>

static u64 base_ticks __ro_after_init;
static u64 ns_mult __ro_after_init;	/* ns per tick, 32.32 */
static u64 tick_mult __ro_after_init;	/* ticks per ns, 0.64 */
static u64 real_offset;			/* written under clock_lock; atomic: realtime - monotonic */
static struct vdso_data *published __ro_after_init;
u64 ktime_boot_offset;

/* Guards the offset and the listeners. Irq-safe: interrupts arm timers, which listen. */
static DEFINE_SPINLOCK(clock_lock, RANK_CLOCK);
static LIST_HEAD(listeners);

ktime_t ktime_get(void)
{
	return (u64)((unsigned __int128)(arch_time_read() - base_ticks) * ns_mult >> 32);
}

u64 ktime_real(void)
{
	return ktime_get() + READ_ONCE(real_offset);
}

/* What follows the wall clock, by clock id. */
#define WALL_CLOCKS	(BIT(CLOCK_REALTIME) | BIT(CLOCK_REALTIME_COARSE) | BIT(CLOCK_TAI))
#define VDSO_CLOCK_SET	(WALL_CLOCKS | BIT(CLOCK_MONOTONIC) | BIT(CLOCK_MONOTONIC_RAW) | \
			 BIT(CLOCK_MONOTONIC_COARSE) | BIT(CLOCK_BOOTTIME))

static void publish_offset(void)
{
	for (u32 c = 0; published && c < VDSO_CLOCKS; c++)
		WRITE_ONCE(published->offset_ns[c], WALL_CLOCKS >> c & 1 ? real_offset : 0);
}

static void move_clock_locked(u64 offset)
{
	struct clock_listener *l, *next;

	WRITE_ONCE(real_offset, offset);
	publish_offset();
	list_for_each_safe(l, next, &listeners, node)
		l->changed(l);
}

void ktime_set_real(u64 ns)
{
	u64 flags = spin_lock_irqsave(&clock_lock);

	move_clock_locked(ns - ktime_get());
	spin_unlock_irqrestore(&clock_lock, flags);
}

void ktime_shift_real(s64 ns)
{
	u64 flags = spin_lock_irqsave(&clock_lock);

	move_clock_locked(real_offset + ns);
	spin_unlock_irqrestore(&clock_lock, flags);
}

void clock_listen(struct clock_listener *l)
{
	u64 flags = spin_lock_irqsave(&clock_lock);

	list_add(&l->node, &listeners);
	spin_unlock_irqrestore(&clock_lock, flags);
}

void clock_unlisten(struct clock_listener *l)
{
	u64 flags = spin_lock_irqsave(&clock_lock);

	list_del(&l->node);
	spin_unlock_irqrestore(&clock_lock, flags);
}

u64 ktime_to_real(ktime_t ns)
{
	return ns + READ_ONCE(real_offset);
}

ktime_t ktime_from_real(u64 real_ns)
{
	u64 offset = READ_ONCE(real_offset);

	return real_ns > offset ? real_ns - offset : 0;
}

void time_set_zone(s32 minutes_west, s32 dst_time)
{
	WRITE_ONCE(published->minutes_west, minutes_west);
	WRITE_ONCE(published->dst_time, dst_time);
}

void time_get_zone(s32 *minutes_west, s32 *dst_time)
{
	*minutes_west = READ_ONCE(published->minutes_west);
	*dst_time = READ_ONCE(published->dst_time);
}

void time_publish(struct vdso_data *d)
{
	d->base_ticks = base_ticks;
	d->mult = ns_mult;
	d->clocks = VDSO_CLOCK_SET;
	d->coarse_clocks = BIT(CLOCK_REALTIME_COARSE) | BIT(CLOCK_MONOTONIC_COARSE);
	d->coarse_ns = COARSE_NS;
	published = d;
	publish_offset();
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
	arch_timer_init();
	time_init_cpu();
}
