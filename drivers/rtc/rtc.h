/* SPDX-License-Identifier: MIT */
/* Real-time clocks: /dev/rtc<n>, /sys/class/rtc. The first one sets CLOCK_REALTIME at boot. */
#pragma once
#include <fs/sys/class.h>
#include <kernel/lock/mutex.h>

struct rtc_device;
struct rtc_ops {
	/* ns since 1970; 0 or -EINVAL: it was never set. Thread context, rtc->lock held. */
	int (*read)(struct rtc_device *rtc, u64 *ns);
	int (*set)(struct rtc_device *rtc, u64 ns);
};

struct rtc_device {
	/* Filled by the driver. */
	const struct rtc_ops *ops;
	const char *chip;		/* its name for sysfs */

	/* Constant after rtc_register(). */
	u32 nr;
	struct sys_device sys;
	struct mutex lock;		/* RANK_MUTEX_LEAF: the clock's registers */
};
int __must_check rtc_register(struct rtc_device *rtc);	/* for ever. Boot thread */

/* A day and time of the Gregorian calendar, UTC. */
struct calendar {
	u32 year, month, day, hour, minute, second;	/* months and days from 1 */
};
u64 calendar_seconds(const struct calendar *c);		/* since 1970; years from 1970 on */
void calendar_of(u64 seconds, struct calendar *out);
bool calendar_is_valid(const struct calendar *c);
