/* SPDX-License-Identifier: MIT */
/* Clocks by their Linux numbers, and setting the wall clock. Reading the clocks: hrtimer.h. */
#pragma once
#include <kernel/lib/list.h>
#include <kernel/time/hrtimer.h>

enum { CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID, CLOCK_MONOTONIC_RAW,
	CLOCK_REALTIME_COARSE, CLOCK_MONOTONIC_COARSE, CLOCK_BOOTTIME, CLOCK_REALTIME_ALARM, CLOCK_BOOTTIME_ALARM,
	CLOCK_TAI = 11 };

/* what the coarse clocks promise, as Linux at 250 Hz; they are exact */
#define COARSE_NS	(4 * NS_PER_MS)

/*
 * Told whenever the wall clock is set. changed() runs with interrupts off, under
 * the clock's lock (RANK_CLOCK): it may start timers and wake threads.
 */
struct clock_listener {
	struct list_head node;
	void (*changed)(struct clock_listener *l);
};
/*
 * Any context. Read the clock after joining. Once clock_unlisten() returns, changed() does not run.
 */
void clock_listen(struct clock_listener *l);
void clock_unlisten(struct clock_listener *l);

/* What the wall clock, as it is set now, says at ns. */
u64 ktime_to_real(ktime_t ns);
/*
 * When CLOCK_MONOTONIC will read what the wall clock calls real_ns, as it is set now; 0: long ago.
 */
ktime_t ktime_from_real(u64 real_ns);
void ktime_shift_real(s64 ns);		/* move the wall clock */

/* The time zone that settimeofday(2) keeps for old programs. */
void time_set_zone(s32 minutes_west, s32 dst_time);
void time_get_zone(s32 *minutes_west, s32 *dst_time);

struct vdso_data;
void time_publish(struct vdso_data *d);	/* boot: fill it, and keep it up to date */
