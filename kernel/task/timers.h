/* SPDX-License-Identifier: MIT */
/* Timers of a process that send signals: ITIMER_*, timer_create(2), and limits of CPU time. */
#pragma once
#include <kernel/task/signal.h>
#include <kernel/task/clock.h>

/*
 * Queue t until its clock has come to t->expires_ns; again: moves it. The owner's
 * sighand->lock is held, now and when fire() is called, at a tick of one of its threads.
 */
void cpu_timer_arm_locked(struct process *p, struct cpu_timer *t, u64 expires_ns);
void cpu_timer_disarm_locked(struct cpu_timer *t);
u64 cpu_timer_now_locked(struct process *p, const struct cpu_timer *t);

/*
 * Of current, at the tick, in the timer interrupt: fire
 * CPU timers and enforce RLIMIT_CPU, RLIMIT_RTTIME.
 */
void cpu_timers_tick(void);

/*
 * The number of a waiting timer signal that is being
 * taken, and its siginfo, to complete. sighand->lock held.
 */
void posix_timer_taken_locked(struct kernel_siginfo *info, u32 sequence);
/* SIGALRM has been taken from p's shared queue: ITIMER_REAL goes on. sighand->lock held. */
void itimer_alarm_taken_locked(struct process *p);
void posix_timers_delete_all(struct process *p);	/* exec, exit. Context: thread, no lock */
void timers_exit(struct process *p);		/* its last thread ends: all timers. Context: as above */
