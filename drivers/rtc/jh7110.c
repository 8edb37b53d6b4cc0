/* SPDX-License-Identifier: MIT */
/*
 * The JH7110's real-time clock: a date and a time in BCD, of the years 2001 to 2099.
 *
 * What is written to the SET registers counts after an UPDATE, some ticks of 32 kHz later. A clock
 * that does not run was never set since it had power: it starts when it is. It has no
 * battery of its own on the VisionFive 2, so it lives through restarts only.
 *
 * Limit: no alarms; its calibration stays as it is.
 *
 * Registers: StarFive's Linux, drivers/rtc/rtc-starfive.c.
 */
#include <arch/io.h>
#include <drivers/core/provider.h>
#include <drivers/rtc/rtc.h>
#include <kernel/time/hrtimer.h>

enum {
	CONFIG = 0x00, EVENTS = 0x14, SET_TIME = 0x28, SET_DATE = 0x2c, TIME = 0x3c, DATE = 0x40,
	REGISTERS_END = 0x4c,
};
#define CONFIG_RUN	BIT(0)
#define CONFIG_24_HOURS	BIT(3)
#define EVENTS_UPDATE	BIT(31)
#define UPDATE_WAIT_US	2000		/* 60 ticks */
#define FIRST_YEAR	2001
#define LAST_YEAR	2099
#define READ_TRIES	3

/* Fields, each of two digits. */
#define TIME_SECOND	0
#define TIME_MINUTE	7
#define TIME_HOUR	14
#define DATE_DAY	0
#define DATE_MONTH	6
#define DATE_YEAR	11
#define DATE_BITS	GENMASK(18, 0)

struct jh7110_rtc {
	struct rtc_device rtc;
	volatile u8 *regs;		/* constant after probe */
};

static u32 rd(const struct jh7110_rtc *j, u32 reg)
{
	return mmio_read32(j->regs + reg);
}

static void wr(struct jh7110_rtc *j, u32 reg, u32 v)
{
	mmio_write32(j->regs + reg, v);
}

/* A field of `bits` bits at `at`. */
static u32 number_of(u32 word, u32 at, u32 bits)
{
	u32 bcd = word >> at & (BIT(bits) - 1);

	return (bcd >> 4) * 10 + (bcd & 15);
}

static u32 bcd_of(u32 n)
{
	return n / 10 << 4 | n % 10;
}

/* Both words of one moment: at midnight the date changes between two looks. */
static int read_words(const struct jh7110_rtc *j, u32 *date, u32 *time)
{
	for (u32 i = 0; i < READ_TRIES; i++) {
		*date = rd(j, DATE);
		*time = rd(j, TIME);
		if (rd(j, DATE) == *date)
			return 0;
	}
	return -EIO;
}

static int jh7110_read(struct rtc_device *r, u64 *ns)
{
	const struct jh7110_rtc *j = container_of(r, struct jh7110_rtc, rtc);
	struct calendar c;
	u32 date, time;
	int err;

	if (!(rd(j, CONFIG) & CONFIG_RUN))
		return -EINVAL;
	err = read_words(j, &date, &time);
	if (err)
		return err;
	c = (struct calendar){
		.year = 2000 + number_of(date, DATE_YEAR, 8), .month = number_of(date, DATE_MONTH, 5),
		.day = number_of(date, DATE_DAY, 6), .hour = number_of(time, TIME_HOUR, 7),
		.minute = number_of(time, TIME_MINUTE, 7), .second = number_of(time, TIME_SECOND, 7),
	};
	if (!calendar_is_valid(&c))
		return -EINVAL;
	*ns = calendar_seconds(&c) * NS_PER_SEC;
	return 0;
}

static int jh7110_set(struct rtc_device *r, u64 ns)
{
	struct jh7110_rtc *j = container_of(r, struct jh7110_rtc, rtc);
	struct calendar c;
	u32 date, time;

	calendar_of(ns / NS_PER_SEC, &c);
	if (c.year < FIRST_YEAR || c.year > LAST_YEAR)
		return -ERANGE;
	date = bcd_of(c.year - 2000) << DATE_YEAR | bcd_of(c.month) << DATE_MONTH |
	       bcd_of(c.day) << DATE_DAY;
	time = bcd_of(c.hour) << TIME_HOUR | bcd_of(c.minute) << TIME_MINUTE |
	       bcd_of(c.second) << TIME_SECOND;
	wr(j, CONFIG, rd(j, CONFIG) | CONFIG_RUN | CONFIG_24_HOURS);
	wr(j, SET_TIME, time);
	wr(j, SET_DATE, date);
	wr(j, EVENTS, EVENTS_UPDATE);
	/* The date alone: the next second may already be counting. */
	return mmio_wait32(j->regs + DATE, DATE_BITS, date, UPDATE_WAIT_US);
}

static const struct rtc_ops jh7110_ops = { .read = jh7110_read, .set = jh7110_set };

static int rtc_probe(struct device *dev)
{
	struct jh7110_rtc *j = dev_zalloc(dev, sizeof(*j));
	int err = dev_enable(dev);
	u64 size;

	if (!j)
		return -ENOMEM;
	if (err)
		return err;
	if (!dev_reg_phys(dev, 0, &size) || size < REGISTERS_END)
		return -EINVAL;
	j->regs = dev_map_regs(dev, 0);
	if (!j->regs || !dev_answers(dev, j->regs + CONFIG, 4))
		return -ENODEV;
	j->rtc.ops = &jh7110_ops;
	j->rtc.chip = "starfive-rtc";
	return rtc_register(&j->rtc);
}

static const char *const compatible[] = { "starfive,jh7110-rtc", NULL };

DRIVER(jh7110_rtc) = {
	.name = "jh7110-rtc",
	.stage = STAGE_DEVICE,
	.compatible = compatible,
	.probe = rtc_probe,
};
