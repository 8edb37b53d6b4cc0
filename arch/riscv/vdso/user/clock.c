/* SPDX-License-Identifier: MIT */
/*
 * User mode: the clocks without a system call. The kernel computes them by the
 * same formula (kernel/time/timekeeping.c), so both always agree to the ns.
 * Other clocks, CPU time for one, are left to the system call.
 */
#include <arch/time.h>
#include <arch/vdso.h>

#define NR_CLOCK_GETTIME	113
#define NR_CLOCK_GETRES		114
#define CLOCK_REALTIME		0

struct timespec {
	s64 sec, nsec;
};
struct timeval {
	s64 sec, usec;
};
struct timezone {
	s32 minutes_west, dst_time;
};

extern const struct vdso_data vdso_data_page __attribute__((visibility("hidden")));
#define data	vdso_data_page

static inline u64 clock_ns(u32 clock)
{
	u64 ticks = arch_time_read() - data.base_ticks;

	return (u64)((unsigned __int128)ticks * data.mult >> 32) + READ_ONCE(data.offset_ns[clock]);
}

static inline bool is_here(u32 clock)
{
	return clock < VDSO_CLOCKS && (data.clocks >> clock & 1);
}

static long system_call(long nr, long arg0, void *arg1)
{
	register long a0 __asm__("a0") = arg0;
	register void *a1 __asm__("a1") = arg1;
	register long a7 __asm__("a7") = nr;

	__asm__ volatile("ecall" : "+r"(a0) : "r"(a1), "r"(a7) : "memory");
	return a0;
}

int __vdso_clock_gettime(s32 clock, struct timespec *ts);
int __vdso_clock_gettime(s32 clock, struct timespec *ts)
{
	u64 ns;

	if (unlikely(!is_here(clock)))
		return system_call(NR_CLOCK_GETTIME, clock, ts);
	ns = clock_ns(clock);
	ts->sec = ns / NS_PER_SEC;
	ts->nsec = ns - ts->sec * NS_PER_SEC;
	return 0;
}

int __vdso_gettimeofday(struct timeval *tv, struct timezone *tz);
int __vdso_gettimeofday(struct timeval *tv, struct timezone *tz)
{
	u64 ns;

	if (likely(tv)) {
		ns = clock_ns(CLOCK_REALTIME);
		tv->sec = ns / NS_PER_SEC;
		tv->usec = (ns - tv->sec * NS_PER_SEC) / NS_PER_US;
	}
	if (unlikely(tz)) {
		tz->minutes_west = data.minutes_west;
		tz->dst_time = data.dst_time;
	}
	return 0;
}

int __vdso_clock_getres(s32 clock, struct timespec *res);
int __vdso_clock_getres(s32 clock, struct timespec *res)
{
	if (!is_here(clock))
		return system_call(NR_CLOCK_GETRES, clock, res);
	if (res) {
		res->sec = 0;
		res->nsec = data.coarse_clocks >> clock & 1 ? data.coarse_ns : 1;
	}
	return 0;
}
