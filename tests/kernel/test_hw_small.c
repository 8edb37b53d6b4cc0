/* SPDX-License-Identifier: MIT */
/* The board's small devices: what they say fits together. Each where it is there. */
#include <arch/time.h>
#include <drivers/rtc/rtc.h>
#include <drivers/thermal/thermal.h>
#include <drivers/watchdog/watchdog.h>
#include <kernel/sched/sched.h>
#include <kernel/test/ktest.h>

#define COUNT_NS	(2100 * NS_PER_MS)

static void *driver_of(const char *class, const char *name)
{
	const struct sys_device *d = sys_device_find(class, name);

	return d ? d->priv : NULL;
}

static u64 counter_ms(void)
{
	return arch_time_read() * 1000 / arch_timebase_hz;
}

KTEST(hw, temperature_is_one_of_a_chip_that_works)
{
	struct thermal_zone *z = driver_of("thermal", "thermal_zone0");
	s32 first, again;

	if (!z)
		return;
	mutex_lock(&z->lock);
	EXPECT_EQ(z->read(z, &first), 0);
	EXPECT_EQ(z->read(z, &again), 0);
	mutex_unlock(&z->lock);
	EXPECT_TRUE(first > -20000 && first < 110000);
	EXPECT_TRUE(again > first - 5000 && again < first + 5000);
}

/* Seconds of two clocks, each with a second that it does not tell. */
static bool is_about(u64 seconds, u64 ms)
{
	return seconds * 1000 + 1000 >= ms && seconds * 1000 <= ms + 1000;
}

KTEST(hw, watchdog_counts_with_the_counter)
{
	struct watchdog *w = driver_of("watchdog", "watchdog0");
	u32 left, later, pinged;
	u64 start;

	if (!w || w->running)
		return;
	mutex_lock(&w->lock);
	start = counter_ms();
	w->ops->start(w);
	left = w->ops->left(w);
	thread_sleep_ns(COUNT_NS);
	later = w->ops->left(w);
	EXPECT_TRUE(is_about(left - later, counter_ms() - start));
	w->ops->start(w);
	pinged = w->ops->left(w);
	w->ops->stop(w);
	mutex_unlock(&w->lock);
	EXPECT_TRUE(pinged + 1 >= left);
}

/* One that was never set says nothing. */
KTEST(hw, calendar_goes_with_the_counter)
{
	struct rtc_device *r = driver_of("rtc", "rtc0");
	u64 first, later, start;
	int err;

	if (!r)
		return;
	mutex_lock(&r->lock);
	start = counter_ms();
	err = r->ops->read(r, &first);
	if (!err) {
		thread_sleep_ns(COUNT_NS);
		EXPECT_EQ(r->ops->read(r, &later), 0);
		EXPECT_TRUE(is_about((later - first) / NS_PER_SEC, counter_ms() - start));
	}
	mutex_unlock(&r->lock);
	EXPECT_TRUE(!err || err == -EINVAL);
}
