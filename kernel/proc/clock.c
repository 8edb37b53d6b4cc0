/* SPDX-License-Identifier: MIT */
/*
 * Reading and setting clocks, and sleeping by them.
 *
 * A sleep of a length runs by the monotonic clock. A sleep until a wall time
 * listens for changes of the wall clock and computes again how long that is.
 * The time user mode reads most is not read here but in the vDSO.
 *
 * Limit: the clock's rate is not steered: adjtimex(2) reads, and sets by an offset
 * (ADJ_SETOFFSET); the other modes give -EOPNOTSUPP.
 */
#include <arch/uaccess.h>
#include <kernel/percpu.h>
#include <kernel/sched/sched.h>
#include <kernel/task/clock.h>
#include <kernel/task/cred.h>
#include <kernel/task/signal.h>
#include <kernel/uapi/syscall.h>

#define TIMER_ABSTIME	1

/* --- reading --- */

static int read_cpu_clock(int clock, u64 *ns)
{
	struct cpu_clock_source c;
	int err = cpu_clock_get(clock, true, &c);

	if (err)
		return err;
	err = cpu_clock_read(&c, ns);
	cpu_clock_put(&c);
	return err ? -EINVAL : 0;
}

long sys_clock_gettime(int clock, uaddr_t to)
{
	u64 ns;
	int err;

	if (clock_is_fixed(clock))
		return timespec_to_user(to, clock_fixed_ns(clock));
	if (!clock_is_cpu(clock))
		return -EINVAL;
	err = read_cpu_clock(clock, &ns);
	return err ? err : timespec_to_user(to, ns);
}

static int resolution(int clock, u64 *ns)
{
	struct cpu_clock_source c;
	int err;

	*ns = 1;
	if (clock == CLOCK_REALTIME_COARSE || clock == CLOCK_MONOTONIC_COARSE)
		*ns = COARSE_NS;
	if (clock_is_fixed(clock))
		return 0;
	if (!clock_is_cpu(clock))
		return -EINVAL;
	err = cpu_clock_get(clock, false, &c);
	if (err)
		return err;
	if (c.which != CPU_CLOCK_SCHED)
		*ns = COARSE_NS;
	cpu_clock_put(&c);
	return 0;
}

long sys_clock_getres(int clock, uaddr_t to)
{
	u64 ns;
	int err = resolution(clock, &ns);

	if (err)
		return err;
	return to ? timespec_to_user(to, ns) : 0;
}

struct timeval {
	s64 sec, usec;
};
struct timezone {
	s32 minutes_west, dst_time;
};

long sys_gettimeofday(uaddr_t utv, uaddr_t utz)
{
	u64 ns = ktime_real();
	struct timeval tv = { ns / NS_PER_SEC, ns % NS_PER_SEC / NS_PER_US };
	struct timezone tz;

	if (utv && copy_to_user(utv, &tv, sizeof(tv)))
		return -EFAULT;
	if (!utz)
		return 0;
	time_get_zone(&tz.minutes_west, &tz.dst_time);
	return copy_to_user(utz, &tz, sizeof(tz));
}

long sys_getcpu(uaddr_t ucpu, uaddr_t unode, uaddr_t unused)
{
	u32 cpu = cpu_id();

	if (ucpu && put_user(cpu, ucpu))
		return -EFAULT;
	return unode ? put_user(0u, unode) : 0;
}

/* --- setting --- */

/* No clock may be set to within 30 years of where its 64 bits of ns end. */
#define SET_SECONDS_MAX	(S64_MAX / NS_PER_SEC - 30ull * 365 * 24 * 3600)

static bool can_be_set_to(const struct timespec64 *ts)
{
	return ts->sec >= 0 && (u64)ts->sec < SET_SECONDS_MAX && (u64)ts->nsec < NS_PER_SEC;
}

/* A wall clock behind the time since boot would have booted before 1970. */
static int set_real(const struct timespec64 *ts)
{
	u64 ns = (u64)ts->sec * NS_PER_SEC + (u64)ts->nsec;

	if (ns < ktime_get())
		return -EINVAL;
	ktime_set_real(ns);
	return 0;
}

long sys_clock_settime(int clock, uaddr_t from)
{
	struct cpu_clock_source c;
	struct timespec64 ts;

	if (clock >= 0 && clock != CLOCK_REALTIME)
		return -EINVAL;
	if (copy_from_user(&ts, from, sizeof(ts)))
		return -EFAULT;
	if (clock < 0) {
		if (clock_is_device(clock) || cpu_clock_get(clock, false, &c))
			return -EINVAL;
		cpu_clock_put(&c);
		return -EPERM;
	}
	if (!can_be_set_to(&ts))
		return -EINVAL;
	if (!capable(CAP_SYS_TIME))
		return -EPERM;
	return set_real(&ts);
}

/* Old programs tell the zone once at boot, when the hardware clock runs in local time. */
static void set_zone(const struct timezone *tz, bool may_warp)
{
	static u32 done;		/* atomic */

	time_set_zone(tz->minutes_west, tz->dst_time);
	if (!__atomic_exchange_n(&done, 1, __ATOMIC_RELAXED) && may_warp && tz->minutes_west)
		ktime_shift_real((s64)tz->minutes_west * 60 * (s64)NS_PER_SEC);
}

long sys_settimeofday(uaddr_t utv, uaddr_t utz)
{
	struct timespec64 ts;
	struct timezone tz;
	struct timeval tv;

	if (utv) {
		if (copy_from_user(&tv, utv, sizeof(tv)))
			return -EFAULT;
		if (tv.usec < 0 || (u64)tv.usec > NS_PER_SEC / NS_PER_US)
			return -EINVAL;
		ts = (struct timespec64){ tv.sec, tv.usec * (s64)NS_PER_US };
	}
	if (utz && copy_from_user(&tz, utz, sizeof(tz)))
		return -EFAULT;
	if (utv && !can_be_set_to(&ts))
		return -EINVAL;
	if (!capable(CAP_SYS_TIME))
		return -EPERM;
	if (utz && (tz.minutes_west > 15 * 60 || tz.minutes_west < -15 * 60))
		return -EINVAL;
	if (utz)
		set_zone(&tz, !utv);
	return utv ? set_real(&ts) : 0;
}

struct timex {
	u32 modes, pad0;
	s64 offset, freq, maxerror, esterror;
	s32 status, pad1;
	s64 constant, precision, tolerance;
	s64 sec, usec, tick, ppsfreq, jitter;
	s32 shift, pad2;
	s64 stabil, jitcnt, calcnt, errcnt, stbcnt;
	s32 tai, pad3[11];
};
_Static_assert(sizeof(struct timex) == 208, "ABI");

#define ADJ_SETOFFSET		0x0100u
#define ADJ_NANO		0x2000u
#define ADJ_OFFSET_SINGLESHOT	0x8001u
#define ADJ_OFFSET_READONLY	0x2000u
#define ADJ_ADJTIME		0x8000u
#define STA_UNSYNC		0x40
#define TIME_ERROR		5
#define ERROR_UNKNOWN_US	16000000	/* no one has told how good the clock is */
#define TOLERANCE		32768000	/* 500 ppm, 16 fraction bits */

/* 0 or -errno, from the modes alone. */
static int check_modes(const struct timex *tx)
{
	if (tx->modes & ADJ_ADJTIME) {
		if (!(tx->modes & 1))
			return -EINVAL;
		if (tx->modes == (ADJ_OFFSET_SINGLESHOT | ADJ_OFFSET_READONLY))
			return 0;
		return capable(CAP_SYS_TIME) ? -EOPNOTSUPP : -EPERM;
	}
	if (tx->modes && !capable(CAP_SYS_TIME))
		return -EPERM;
	return tx->modes & ~(ADJ_SETOFFSET | ADJ_NANO) ? -EOPNOTSUPP : 0;
}

static int shift_by(const struct timex *tx)
{
	s64 unit = tx->modes & ADJ_NANO ? 1 : NS_PER_US, ns;

	if (tx->usec < 0 || (u64)tx->usec * unit >= NS_PER_SEC)
		return -EINVAL;
	if (__builtin_mul_overflow(tx->sec, (s64)NS_PER_SEC, &ns) ||
	    __builtin_add_overflow(ns, tx->usec * unit, &ns))
		return -EINVAL;
	if (ns < 0 ? (u64)-ns > ktime_real() - ktime_get() : (u64)ns > SET_SECONDS_MAX * NS_PER_SEC - ktime_real())
		return -EINVAL;
	ktime_shift_real(ns);
	return 0;
}

long sys_adjtimex(uaddr_t utx)
{
	struct timex tx;
	u32 modes;
	int err;
	u64 now;

	if (copy_from_user(&tx, utx, sizeof(tx)))
		return -EFAULT;
	err = check_modes(&tx);
	if (!err && (tx.modes & ADJ_SETOFFSET) && !(tx.modes & ADJ_ADJTIME))
		err = shift_by(&tx);
	if (err)
		return err;
	modes = tx.modes;
	now = ktime_real();
	tx = (struct timex){
		.modes = modes, .maxerror = ERROR_UNKNOWN_US, .esterror = ERROR_UNKNOWN_US, .status = STA_UNSYNC,
		.constant = 2, .precision = 1, .tolerance = TOLERANCE, .sec = now / NS_PER_SEC,
		.usec = now % NS_PER_SEC / NS_PER_US, .tick = 10000,
	};
	return copy_to_user(utx, &tx, sizeof(tx)) ? -EFAULT : TIME_ERROR;
}

long sys_clock_adjtime(int clock, uaddr_t utx)
{
	struct timex tx;

	if (copy_from_user(&tx, utx, sizeof(tx)))
		return -EFAULT;
	if (clock == CLOCK_REALTIME)
		return sys_adjtimex(utx);
	return clock_is_fixed(clock) || (clock_is_cpu(clock) && clock >= 0) ? -EOPNOTSUPP : -EINVAL;
}

/* --- sleeping --- */

/* Until the monotonic clock says so: 0, -EINTR. */
static int sleep_until(ktime_t deadline)
{
	ktime_t now;

	while ((now = ktime_get()) < deadline) {
		thread_set_state(TASK_INTERRUPTIBLE);
		if (signal_pending(current)) {
			thread_set_running();
			return -EINTR;
		}
		schedule_timeout(deadline - now);
	}
	return 0;
}

struct wall_sleeper {
	struct clock_listener listener;
	struct thread *thread;
};

static void wall_moved(struct clock_listener *l)
{
	thread_wake(container_of(l, struct wall_sleeper, listener)->thread, TASK_INTERRUPTIBLE);
}

/* Until the wall clock says so, however it is set meanwhile: 0, -EINTR. */
static int sleep_until_wall(u64 real)
{
	struct wall_sleeper s = { .listener.changed = wall_moved, .thread = current };
	int err = 0;
	u64 now;

	clock_listen(&s.listener);
	for (;;) {
		thread_set_state(TASK_INTERRUPTIBLE);
		now = ktime_real();
		if (now >= real)
			break;
		if (signal_pending(current)) {
			err = -EINTR;
			break;
		}
		schedule_timeout(real - now);
	}
	thread_set_running();
	clock_unlisten(&s.listener);
	return err;
}

static long sleep_on(struct thread *t);

/*
 * A sleep of a length, towards a deadline that restarts
 * keep; tells what is left where it is interrupted.
 */
static long sleep_for(ktime_t deadline, uaddr_t uleft)
{
	struct thread *t = current;
	ktime_t now;

	if (!sleep_until(deadline))
		return 0;
	now = ktime_get();
	if (now >= deadline)
		return 0;
	if (uleft && timespec_to_user(uleft, deadline - now))
		return -EFAULT;
	t->restart.fn = sleep_on;
	t->restart.args[0] = deadline;
	t->restart.args[1] = uleft;
	return -ERESTART_RESTARTBLOCK;
}

static long sleep_on(struct thread *t)
{
	return sleep_for(t->restart.args[0], t->restart.args[1]);
}

/*
 * Until c reads target. CPU time cannot grow faster than one second a second on
 * each CPU, so a wait by the monotonic clock, a few times, is never late by much.
 */
static int sleep_until_cpu(const struct cpu_clock_source *c, u64 target, u64 *now)
{
	u32 cpus = c->thread ? 1 : nr_cpus;

	while (!cpu_clock_read(c, now) && *now < target) {
		thread_set_state(TASK_INTERRUPTIBLE);
		if (signal_pending(current)) {
			thread_set_running();
			return -EINTR;
		}
		schedule_timeout(max((target - *now) / cpus, (u64)NS_PER_MS));
	}
	return 0;
}

static long cpu_sleep_on(struct thread *t);

/* Until the clock reads target; what is left goes to uleft where a signal comes first. */
static long cpu_sleep(int clock, u64 target, bool absolute, uaddr_t uleft)
{
	struct thread *t = current;
	struct cpu_clock_source c;
	u64 now = 0;
	int err = cpu_clock_get(clock, false, &c);

	if (err)
		return err;
	err = c.thread && c.pid == t->pid ? -EINVAL : sleep_until_cpu(&c, target, &now);
	cpu_clock_put(&c);
	if (err != -EINTR)
		return err;
	if (absolute)
		return -ERESTARTNOHAND;
	if (uleft && timespec_to_user(uleft, target > now ? target - now : 0))
		return -EFAULT;
	t->restart.fn = cpu_sleep_on;
	t->restart.args[0] = clock;
	t->restart.args[1] = target;
	t->restart.args[2] = uleft;
	return -ERESTART_RESTARTBLOCK;
}

static long cpu_sleep_on(struct thread *t)
{
	return cpu_sleep(t->restart.args[0], t->restart.args[1], false, t->restart.args[2]);
}

static long cpu_sleep_for(int clock, u64 ns, uaddr_t uleft)
{
	u64 now;
	int err = read_cpu_clock(clock, &now);

	return err ? err : cpu_sleep(clock, now + ns, false, uleft);
}

static ktime_t deadline_after(u64 ns)
{
	return min_t(u64, ktime_get() + ns, TIMEOUT_NEVER - 1);
}

long sys_nanosleep(uaddr_t ulength, uaddr_t uleft)
{
	u64 ns;
	int err = timespec_from_user(&ns, ulength);

	return err ? err : sleep_for(deadline_after(ns), uleft);
}

long sys_clock_nanosleep(int clock, int flags, uaddr_t uwhen, uaddr_t uleft)
{
	bool absolute = flags & TIMER_ABSTIME, wall = clock == CLOCK_REALTIME || clock == CLOCK_TAI;
	u64 ns;
	int err;

	if (!wall && clock != CLOCK_MONOTONIC && clock != CLOCK_BOOTTIME && !clock_is_cpu(clock))
		return clock_is_fixed(clock) || clock_is_alarm(clock) || clock_is_device(clock) ? -EOPNOTSUPP : -EINVAL;
	if (clock == CLOCK_THREAD_CPUTIME_ID)
		return -EOPNOTSUPP;
	err = timespec_from_user(&ns, uwhen);
	if (err)
		return err;
	if (clock_is_cpu(clock))
		return absolute ? cpu_sleep(clock, ns, true, 0) : cpu_sleep_for(clock, ns, uleft);
	if (!absolute)
		return sleep_for(deadline_after(ns), uleft);
	err = wall ? sleep_until_wall(ns) : sleep_until(ns);
	return err ? -ERESTARTNOHAND : 0;
}
