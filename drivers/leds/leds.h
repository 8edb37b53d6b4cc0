/* SPDX-License-Identifier: MIT */
/* LEDs: /sys/class/leds/<name>. */
#pragma once
#include <fs/sys/class.h>
#include <kernel/lock/mutex.h>
#include <kernel/time/hrtimer.h>

struct led_trigger;

struct led {
	/* Filled by the driver; constant. */
	void (*set)(struct led *l, bool on);	/* any context */
	struct sys_device sys;			/* its name is the LED's */

	struct mutex lock;			/* RANK_MUTEX_LEAF: one change of trigger and brightness at a time */
	const struct led_trigger *trigger;
	u32 brightness;				/* 0 or 1: what it was set to last */
	/* Only by the timer while it is queued. */
	struct hrtimer timer;
	u32 phase;
};

/* For ever; lit as it is now, or as its trigger wants (NULL or one that we do not have: none). Boot thread. */
void led_register(struct led *l, const char *trigger);
void led_off(struct led *l);			/* and its trigger goes. Thread context */
