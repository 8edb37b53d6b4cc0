/* SPDX-License-Identifier: MIT */
/*
 * QEMU's real-time clock: ns since 1970. Reading TIME_LOW latches TIME_HIGH; each half
 * counts from when it is written. Alarm: an interrupt at a time, for tests.
 *
 * Registers: QEMU, hw/rtc/goldfish_rtc.c.
 */
#include <arch/io.h>
#include <drivers/core/driver.h>
#include <drivers/rtc/goldfish.h>
#include <drivers/rtc/rtc.h>

#define TIME_LOW	0x00
#define TIME_HIGH	0x04
#define ALARM_LOW	0x08
#define ALARM_HIGH	0x0c
#define IRQ_ENABLED	0x10
#define CLEAR_INTERRUPT	0x1c

static struct {
	volatile u8 *regs;		/* constant after probe; NULL: there is none */
	void (*alarm)(void *arg);
	void *arg;
} rtc;

static u64 read_ns(void)
{
	u64 low = mmio_read32(rtc.regs + TIME_LOW);

	return low | (u64)mmio_read32(rtc.regs + TIME_HIGH) << 32;
}

static void rtc_interrupt(void *arg)
{
	mmio_write32(rtc.regs + IRQ_ENABLED, 0);
	mmio_write32(rtc.regs + CLEAR_INTERRUPT, 1);
	if (rtc.alarm)
		rtc.alarm(rtc.arg);
}

int goldfish_alarm(u64 after_ns, void (*fn)(void *arg), void *arg)
{
	u64 at;

	if (!rtc.regs)
		return -ENODEV;
	at = read_ns() + after_ns;
	rtc.arg = arg;
	rtc.alarm = fn;
	mmio_write32(rtc.regs + IRQ_ENABLED, 1);
	mmio_write32(rtc.regs + ALARM_HIGH, at >> 32);
	mmio_write32(rtc.regs + ALARM_LOW, (u32)at);
	return 0;
}

static int goldfish_read(struct rtc_device *r, u64 *ns)
{
	*ns = read_ns();
	return 0;
}

static int goldfish_set(struct rtc_device *r, u64 ns)
{
	mmio_write32(rtc.regs + TIME_HIGH, (u32)(ns >> 32));
	mmio_write32(rtc.regs + TIME_LOW, (u32)ns);
	return 0;
}

static const struct rtc_ops goldfish_ops = { .read = goldfish_read, .set = goldfish_set };
static struct rtc_device goldfish = { .ops = &goldfish_ops, .chip = "goldfish_rtc" };

static int goldfish_probe(struct device *dev)
{
	volatile u8 *regs = dev_map_regs(dev, 0);
	int err;

	if (!regs || !dev_answers(dev, regs + IRQ_ENABLED, 4))
		return -ENODEV;
	rtc.regs = regs;
	mmio_write32(regs + IRQ_ENABLED, 0);
	err = dev_request_irq(dev, dev_irq(dev, 0), rtc_interrupt, NULL);
	if (!err)
		err = rtc_register(&goldfish);
	if (err)
		rtc.regs = NULL;
	return err;
}

static const char *const compatible[] = { "google,goldfish-rtc", NULL };

DRIVER(goldfish_rtc) = {
	.name = "goldfish-rtc",
	.stage = STAGE_DEVICE,
	.compatible = compatible,
	.probe = goldfish_probe,
};
