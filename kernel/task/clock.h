/* SPDX-License-Identifier: MIT */
/*
 * Clocks as system calls name them: the fixed ones (timekeeping.h), and the CPU
 * time of any thread or process, whose clock ids are negative and hold a number:
 * bits 31..3 = ~pid, bit 2 = of a thread, bits 1..0 = which time.
 */
#pragma once
#include <kernel/task/thread.h>
#include <kernel/time/timekeeping.h>

/* user + system, user, exact sum */
enum cpu_clock { CPU_CLOCK_PROF, CPU_CLOCK_VIRT, CPU_CLOCK_SCHED };

/* The CPU time that a clock id means, as a thing that can be read again. */
struct cpu_clock_source {
	struct pid *pid;		/* a reference */
	bool thread;
	enum cpu_clock which;
};

/* One of the fixed clocks that can be read; its value. */
static inline bool clock_is_wall(int clock)
{
	return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE || clock == CLOCK_TAI;
}
static inline bool clock_is_fixed(int clock)
{
	return clock_is_wall(clock) || clock == CLOCK_MONOTONIC || clock == CLOCK_MONOTONIC_RAW ||
	       clock == CLOCK_MONOTONIC_COARSE || clock == CLOCK_BOOTTIME;
}
/*
 * Would wake the machine from suspend: there is none, and they answer as Linux without such an RTC.
 */
static inline bool clock_is_alarm(int clock)
{
	return clock == CLOCK_REALTIME_ALARM || clock == CLOCK_BOOTTIME_ALARM;
}
static inline u64 clock_fixed_ns(int clock)
{
	return clock_is_wall(clock) ? ktime_real() : ktime_get();
}
/* A descriptor in disguise, of a clock device: there are none, yet they fail as Linux's do. */
static inline bool clock_is_device(int clock)
{
	return clock < 0 && (clock & 7) == 3;
}
static inline bool clock_is_cpu(int clock)
{
	return (clock < 0 && !clock_is_device(clock)) || clock == CLOCK_PROCESS_CPUTIME_ID ||
	       clock == CLOCK_THREAD_CPUTIME_ID;
}

/*
 * 0 or -EINVAL: no such clock, thread or process.
 * reading: a process may be named by any of its threads.
 */
int __must_check cpu_clock_get(int clock, bool reading, struct cpu_clock_source *out);
void cpu_clock_put(struct cpu_clock_source *c);
/* 0 or -ESRCH: the thread or process is gone. */
int __must_check cpu_clock_read(const struct cpu_clock_source *c, u64 *ns);
/* CPU time of p; sighand->lock held. */
u64 cpu_clock_process_locked(struct process *p, enum cpu_clock which);

/* User timespecs. -EFAULT; -EINVAL as timespec_to_ns(). */
int __must_check timespec_from_user(u64 *ns, uaddr_t from);
int __must_check timespec_to_user(uaddr_t to, u64 ns);
