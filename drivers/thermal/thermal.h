/* SPDX-License-Identifier: MIT */
/* Temperature sensors: /sys/class/thermal/thermal_zone<n>. */
#pragma once
#include <fs/sys/class.h>
#include <kernel/lock/mutex.h>

struct thermal_zone {
	/* Filled by the driver; constant. */
	int (*read)(struct thermal_zone *z, s32 *millicelsius);	/* 0 or -errno. Thread context, lock held; may sleep */
	const char *type;

	struct mutex lock;		/* RANK_MUTEX_LEAF: one measurement at a time */
	struct sys_device sys;
};
void thermal_zone_register(struct thermal_zone *z);	/* for ever. Boot thread */
