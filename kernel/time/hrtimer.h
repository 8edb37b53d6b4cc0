/* SPDX-License-Identifier: MIT */
/*
 * Timers with ns resolution, and the clocks.
 *
 * Each CPU has a red-black tree of timers by expiry and programs its own timer
 * (Sstc or SBI TIME) for the earliest. Handlers run in the timer interrupt.
 */
#pragma once
#include <kernel/lib/rbtree.h>

/* AGAIN: handler has set a new expires_ns */
enum hrtimer_restart { HRTIMER_DONE, HRTIMER_AGAIN };

struct hrtimer {
	struct rb_node node;
	ktime_t expires_ns;			/* CLOCK_MONOTONIC */
	enum hrtimer_restart (*func)(struct hrtimer *t);	/* hard interrupt, no lock held */
	u32 cpu;				/* whose tree, while queued */
	u32 state;				/* hrtimer.c */
};

void hrtimer_init(struct hrtimer *t, enum hrtimer_restart (*func)(struct hrtimer *));
/* Queue (or move) for the absolute time. Any context. */
void hrtimer_start(struct hrtimer *t, ktime_t expires_ns);
/*
 * Remove; waits for a handler that runs on another
 * CPU. True if it was queued. Not from its handler.
 */
bool hrtimer_cancel(struct hrtimer *t);
/* Remove; a handler that runs right now goes on, and may start it again. Any context. */
void hrtimer_try_cancel(struct hrtimer *t);
static inline bool hrtimer_is_queued(const struct hrtimer *t)
{
	return READ_ONCE(t->state);
}
/* Move expires_ns past now in steps of interval; number of steps. */
u64 hrtimer_forward(struct hrtimer *t, ktime_t now, ktime_t interval_ns);

/* Clocks. All may be read in any context. */
ktime_t ktime_get(void);		/* CLOCK_MONOTONIC ns; one time CSR read */
u64 ktime_real(void);			/* CLOCK_REALTIME ns since 1970 */
void ktime_set_real(u64 ns);
extern u64 ktime_boot_offset;		/* BOOTTIME = MONOTONIC (no suspend) */
struct timespec64 {
	s64 sec;
	s64 nsec;
};
static inline struct timespec64 ns_to_timespec(u64 ns)
{
	return (struct timespec64){ (s64)(ns / NS_PER_SEC), (s64)(ns % NS_PER_SEC) };
}
/* -EINVAL where nsec is out of range or sec negative; saturates at S64_MAX ns. */
int __must_check timespec_to_ns(const struct timespec64 *ts, u64 *ns);

void time_init(void);			/* boot CPU: timebase from the tree, clocks at zero */
void time_init_cpu(void);
void timer_interrupt(void);		/* from the trap, interrupts off */
