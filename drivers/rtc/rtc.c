/* SPDX-License-Identifier: MIT */
/*
 * Real-time clocks for users: Linux's ioctls of /dev/rtc<n>, as hwclock uses them, and sysfs.
 *
 * Limit: no alarms and no interrupts: their ioctls give EINVAL, as on a Linux whose clock has none.
 *
 * Source: Linux include/uapi/linux/rtc.h. Days to dates and back: Neri and Schneider, Euclidean
 * affine functions and their application to calendar algorithms, 2022 (years that begin in March).
 */
#include <arch/uaccess.h>
#include <drivers/rtc/rtc.h>
#include <fs/chrdev.h>
#include <kernel/lib/string.h>
#include <kernel/printk.h>
#include <kernel/task/cred.h>
#include <kernel/time/hrtimer.h>

#define RTC_MAJOR	250		/* Linux's is dynamic */
#define MAX_CLOCKS	4

#define RTC_AIE_ON	0x7001
#define RTC_PIE_OFF	0x7006
#define RTC_UIE_ON	0x7003
#define RTC_UIE_OFF	0x7004
#define RTC_ALM_SET	0x40247007
#define RTC_ALM_READ	0x80247008
#define RTC_RD_TIME	0x80247009
#define RTC_SET_TIME	0x4024700a
#define RTC_WKALM_SET	0x4028700f
#define RTC_WKALM_RD	0x80287010

struct rtc_time {
	s32 sec, min, hour, mday, mon, year, wday, yday, isdst;	/* mon from 0, year from 1900 */
};

static struct rtc_device *clocks[MAX_CLOCKS];	/* written by the boot thread; constant after */
static u32 nr_clocks;

/* --- calendar --- */

#define SECONDS_A_DAY	86400
#define DAYS_TO_1970	719468		/* from 1 March of year 0 */

static bool is_leap(u32 year)
{
	return (year % 4 == 0 && year % 100) || year % 400 == 0;
}

static u32 days_of_month(u32 year, u32 month)
{
	return month == 2 ? 28 + is_leap(year) : 30 + ((month + (month > 7)) & 1);
}

bool calendar_is_valid(const struct calendar *c)
{
	return c->year >= 1970 && c->year < 10000 && c->month >= 1 && c->month <= 12 &&
	       c->day >= 1 && c->day <= days_of_month(c->year, c->month) && c->hour < 24 &&
	       c->minute < 60 && c->second < 60;
}

u64 calendar_seconds(const struct calendar *c)
{
	u64 year = c->year - (c->month <= 2), month = c->month <= 2 ? c->month + 9 : c->month - 3;
	u64 days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 +
		   c->day - 1;

	return (days - DAYS_TO_1970) * SECONDS_A_DAY + c->hour * 3600ul + c->minute * 60ul +
	       c->second;
}

void calendar_of(u64 seconds, struct calendar *out)
{
	u64 days = seconds / SECONDS_A_DAY + DAYS_TO_1970, era = days / 146097,
	    of_era = days % 146097;
	u64 year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	u64 of_year = of_era - (365 * year + year / 4 - year / 100),
	    month = (5 * of_year + 2) / 153;
	u32 second = seconds % SECONDS_A_DAY;

	out->day = (u32)(of_year - (153 * month + 2) / 5 + 1);
	out->month = (u32)(month < 10 ? month + 3 : month - 9);
	out->year = (u32)(era * 400 + year + (out->month <= 2));
	out->hour = second / 3600;
	out->minute = second / 60 % 60;
	out->second = second % 60;
}

static void to_user_time(u64 seconds, struct rtc_time *t)
{
	struct calendar c, first = { 0, 1, 1, 0, 0, 0 };

	calendar_of(seconds, &c);
	first.year = c.year;
	*t = (struct rtc_time){
		.sec = (s32)c.second, .min = (s32)c.minute, .hour = (s32)c.hour, .mday = (s32)c.day,
		.mon = (s32)c.month - 1, .year = (s32)c.year - 1900,
		/* 1 January 1970 was a Thursday */
		.wday = (s32)((seconds / SECONDS_A_DAY + 4) % 7),
		.yday = (s32)((seconds - calendar_seconds(&first)) / SECONDS_A_DAY),
	};
}

/* --- the device --- */

static int read_ns(struct rtc_device *rtc, u64 *ns)
{
	int err;

	mutex_lock(&rtc->lock);
	err = rtc->ops->read(rtc, ns);
	mutex_unlock(&rtc->lock);
	return err;
}

static long get_time(struct rtc_device *rtc, uaddr_t arg)
{
	struct rtc_time t;
	u64 ns;
	int err = read_ns(rtc, &ns);

	if (err)
		return err;
	to_user_time(ns / NS_PER_SEC, &t);
	return copy_to_user(arg, &t, sizeof(t)) ? -EFAULT : 0;
}

static long set_time(struct rtc_device *rtc, uaddr_t arg)
{
	struct rtc_time t;
	struct calendar c;
	int err;

	if (!capable(CAP_SYS_TIME))
		return -EACCES;
	if (copy_from_user(&t, arg, sizeof(t)))
		return -EFAULT;
	if (t.year < 70 || t.mon < 0 || t.mday < 0 || t.hour < 0 || t.min < 0 || t.sec < 0)
		return -EINVAL;
	c = (struct calendar){(u32)t.year + 1900, (u32)t.mon + 1, (u32)t.mday,
			      (u32)t.hour,        (u32)t.min,     (u32)t.sec};
	if (!calendar_is_valid(&c))
		return -EINVAL;
	mutex_lock(&rtc->lock);
	err = rtc->ops->set(rtc, calendar_seconds(&c) * NS_PER_SEC);
	mutex_unlock(&rtc->lock);
	return err;
}

static long rtc_ioctl(struct file *f, u32 cmd, u64 arg)
{
	switch (cmd) {
	case RTC_RD_TIME:
		return get_time(f->private, (uaddr_t)arg);
	case RTC_SET_TIME:
		return set_time(f->private, (uaddr_t)arg);
	case RTC_ALM_SET:
	case RTC_ALM_READ:
	case RTC_WKALM_SET:
	case RTC_WKALM_RD:
		return -EINVAL;
	}
	return cmd >= RTC_AIE_ON && cmd <= RTC_PIE_OFF ? -EINVAL : -ENOTTY;
}

static int rtc_open(struct inode *inode, struct file *f)
{
	f->private = clocks[MINOR(inode->rdev)];
	return f->private ? 0 : -ENODEV;
}

static const struct file_ops rtc_ops = { .open = rtc_open, .ioctl = rtc_ioctl };

/* --- sysfs --- */

static struct rtc_device *rtc_of(const struct pseudo *p)
{
	return sys_device_of(p)->priv;
}

static int name_show(struct seq *s, struct pseudo *p)
{
	seq_printf(s, "%s\n", rtc_of(p)->chip);
	return 0;
}

static int seconds_show(struct seq *s, struct pseudo *p)
{
	u64 ns;
	int err = read_ns(rtc_of(p), &ns);

	if (!err)
		seq_printf(s, "%lu\n", (u64)(ns / NS_PER_SEC));
	return err;
}

static int date_show(struct seq *s, struct pseudo *p)
{
	struct calendar c;
	u64 ns;
	int err = read_ns(rtc_of(p), &ns);

	calendar_of(err ? 0 : ns / NS_PER_SEC, &c);
	if (!err)
		seq_printf(s, "%04u-%02u-%02u\n", c.year, c.month, c.day);
	return err;
}

static int time_show(struct seq *s, struct pseudo *p)
{
	struct calendar c;
	u64 ns;
	int err = read_ns(rtc_of(p), &ns);

	calendar_of(err ? 0 : ns / NS_PER_SEC, &c);
	if (!err)
		seq_printf(s, "%02u:%02u:%02u\n", c.hour, c.minute, c.second);
	return err;
}

static int hctosys_show(struct seq *s, struct pseudo *p)
{
	seq_printf(s, "%u\n", rtc_of(p)->nr == 0);
	return 0;
}

static const struct pseudo_entry files[] = {
	PSEUDO_FILE("date", date_show), SYS_DEVICE_NODE_FILES, PSEUDO_FILE("hctosys", hctosys_show),
	PSEUDO_FILE("name", name_show), PSEUDO_FILE("since_epoch", seconds_show), PSEUDO_FILE("time", time_show),
	{ 0 },
};
static const struct pseudo_entry rtc_dir = SYS_DEVICE_DIR(files);

/* --- registration --- */

static void set_system_clock(struct rtc_device *rtc)
{
	u64 ns;

	if (!read_ns(rtc, &ns))
		ktime_set_real(ns);
	else
		pr_warn("rtc%u: was never set\n", rtc->nr);
}

int rtc_register(struct rtc_device *rtc)
{
	dev_t dev = MKDEV(RTC_MAJOR, nr_clocks);
	int err = 0;

	if (nr_clocks == MAX_CLOCKS)
		return -ENOSPC;
	if (!nr_clocks)
		err = chrdev_register(dev, MAX_CLOCKS, "rtc", &rtc_ops);
	if (err)
		return err;
	mutex_init(&rtc->lock, RANK_MUTEX_LEAF);
	rtc->nr = nr_clocks;
	rtc->sys = (struct sys_device){ .class = "rtc", .dir = &rtc_dir, .priv = rtc, .dev = dev };
	snprintf(rtc->sys.name, sizeof(rtc->sys.name), "rtc%u", rtc->nr);
	err = chrdev_node_create(rtc->sys.name, S_IFCHR | 0600, dev);
	if (err)
		return err;
	clocks[nr_clocks++] = rtc;
	sys_device_add(&rtc->sys);
	if (!rtc->nr)
		set_system_clock(rtc);
	return 0;
}
