/* SPDX-License-Identifier: MIT */
/* Watchdogs: /dev/watchdog, which resets the board unless somebody writes to it in time. */
#pragma once
#include <fs/sys/class.h>
#include <kernel/lock/mutex.h>

struct watchdog;
/* Thread context, w->lock held. */
struct watchdog_ops {
	/* w->timeout_s from now on; also when it runs: again from the start */
	void (*start)(struct watchdog *w);
	void (*stop)(struct watchdog *w);
	u32 (*left)(struct watchdog *w);	/* seconds until the reset */
};

struct watchdog {
	/* Filled by the driver; constant. */
	const struct watchdog_ops *ops;
	const char *identity;
	u32 max_timeout_s;

	struct mutex lock;		/* RANK_MUTEX_LEAF */
	/* Guarded by lock. */
	u32 timeout_s;
	/* may_stop: the magic character was the last that was written */
	bool running, open, may_stop;

	struct sys_device sys;
};
/* The first one is /dev/watchdog, as well as watchdog0; others are -EBUSY. Boot thread. */
int __must_check watchdog_register(struct watchdog *w);
