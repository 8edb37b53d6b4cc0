/* SPDX-License-Identifier: MIT */
/*
 * Interval timers and POSIX timers: arming, reading, expiry, overruns, CPU time,
 * threads, and what is refused.
 */
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include "tap.h"

#define BAD	((void *)8)
#define S	1000000000LL
#define MS	1000000LL

static long long read_clock(int clock)
{
	struct timespec ts;

	if (sys(SYS_clock_gettime, clock, &ts))
		return -1;
	return ts.tv_sec * S + ts.tv_nsec;
}

static volatile int count[65];
static siginfo_t last;
static volatile pid_t took_tid;
static volatile int first_overrun;

static void on_signal(int sig, siginfo_t *info, void *context)
{
	if (!count[sig]++)
		first_overrun = info->si_overrun;
	last = *info;
	took_tid = sys(SYS_gettid);
}

static void handle(int sig)
{
	struct sigaction sa = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO };

	sigaction(sig, &sa, NULL);
	count[sig] = 0;
}

static void block(int sig, int how)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, sig);
	sigprocmask(how, &set, NULL);
}

static struct itimerval itv(long value_us, long interval_us)
{
	return (struct itimerval){ { interval_us / 1000000, interval_us % 1000000 },
				   { value_us / 1000000, value_us % 1000000 } };
}

static struct itimerspec its(long long value, long long interval)
{
	return (struct itimerspec){ { interval / S, interval % S }, { value / S, value % S } };
}

static void wait_for(int sig, int n)
{
	for (int i = 0; i < 5000 && count[sig] < n; i++)
		usleep(1000);
}

static void burn(long long ns)
{
	long long end = read_clock(CLOCK_PROCESS_CPUTIME_ID) + ns;

	while (read_clock(CLOCK_PROCESS_CPUTIME_ID) < end)
		;
}

/* --- setitimer --- */

static void itimer_errors(void)
{
	struct itimerval v = itv(0, 0), bad = { { 0, 0 }, { 0, 1000000 } }, bad2 = { { 0, -1 }, { 0, 0 } },
			 negative = { { 0, 0 }, { -1, 0 } };

	for (int which = -1; which <= 3; which++) {
		tap_says(sys(SYS_getitimer, which, &v), "getitimer %d", which);
		tap_says(sys(SYS_getitimer, which, BAD), "getitimer %d to nowhere", which);
		tap_says(sys(SYS_setitimer, which, &v, 0), "setitimer %d", which);
		tap_says(sys(SYS_setitimer, which, &bad, 0), "setitimer %d too many us", which);
		tap_says(sys(SYS_setitimer, which, &bad2, 0), "setitimer %d negative us", which);
		tap_says(sys(SYS_setitimer, which, &negative, 0), "setitimer %d negative", which);
		tap_says(sys(SYS_setitimer, which, BAD, 0), "setitimer %d from nowhere", which);
		tap_says(sys(SYS_setitimer, which, 0, 0), "setitimer %d of nothing", which);
		tap_says(sys(SYS_setitimer, which, 0, BAD), "setitimer %d to nowhere", which);
	}
}

static void itimer_real(void)
{
	struct itimerval v = itv(20000, 0), old;

	handle(SIGALRM);
	tap_is(sys(SYS_setitimer, ITIMER_REAL, &v, &old), 0, "arm");
	tap_is(old.it_value.tv_sec + old.it_value.tv_usec, 0, "it was not armed");
	wait_for(SIGALRM, 1);
	tap_is(count[SIGALRM], 1, "one signal");
	tap_is(last.si_code, SI_KERNEL, "from the kernel");
	getitimer(ITIMER_REAL, &v);
	tap_is(v.it_value.tv_sec + v.it_value.tv_usec, 0, "not armed any more");

	v = itv(100000000, 7000000);
	setitimer(ITIMER_REAL, &v, NULL);
	getitimer(ITIMER_REAL, &v);
	tap_ok(v.it_value.tv_sec >= 98 && v.it_value.tv_sec < 100, "what is left");
	tap_is(v.it_interval.tv_sec, 7, "its interval");
	v = itv(0, 5000000);
	setitimer(ITIMER_REAL, &v, &old);
	tap_is(old.it_interval.tv_sec, 7, "the old one is told");
	getitimer(ITIMER_REAL, &v);
	tap_is(v.it_value.tv_sec + v.it_value.tv_usec, 0, "no value stops it");

	count[SIGALRM] = 0;
	v = itv(5000, 5000);
	setitimer(ITIMER_REAL, &v, NULL);
	wait_for(SIGALRM, 5);
	tap_ok(count[SIGALRM] >= 5, "an interval repeats");
	v = itv(0, 0);
	setitimer(ITIMER_REAL, &v, NULL);
	int n = count[SIGALRM];

	usleep(20000);
	tap_is(count[SIGALRM], n, "and stops");
	tap_is(alarm(10), 0, "alarm");
	tap_ok(alarm(0) >= 9, "tells what was left");

	v = itv(30000, 0);
	setitimer(ITIMER_REAL, &v, NULL);
	int status;
	pid_t child = fork();

	if (!child) {
		getitimer(ITIMER_REAL, &v);
		_exit(v.it_value.tv_sec || v.it_value.tv_usec);
	}
	waitpid(child, &status, 0);
	tap_is(status, 0, "a child has no timers");
	wait_for(SIGALRM, n + 1);
}

static void itimer_cpu(void)
{
	struct itimerval v = itv(20000, 0), old;

	handle(SIGPROF);
	handle(SIGVTALRM);
	setitimer(ITIMER_PROF, &v, NULL);
	usleep(60000);
	tap_is(count[SIGPROF], 0, "no profiling signal while asleep");
	burn(80 * MS);
	tap_is(count[SIGPROF], 1, "a profiling signal after enough CPU time");
	v = itv(10000, 10000);
	setitimer(ITIMER_PROF, &v, NULL);
	getitimer(ITIMER_PROF, &old);
	tap_ok(old.it_value.tv_sec == 0 && old.it_value.tv_usec <= 14000 &&
		       old.it_interval.tv_usec >= 10000,
	       "reads");
	burn(300 * MS);
	tap_ok(count[SIGPROF] >= 4, "it repeats");
	v = itv(0, 0);
	setitimer(ITIMER_PROF, &v, NULL);
	v = itv(20000, 0);
	setitimer(ITIMER_VIRTUAL, &v, NULL);
	for (volatile long i = 0; i < 2000000000 && !count[SIGVTALRM]; i++)
		;
	tap_is(count[SIGVTALRM], 1, "a signal after enough time in user mode");
}

/* --- timer_create --- */

static int make_timer(int clock, int notify, int sig, int tid)
{
	struct sigevent e = { .sigev_notify = notify, .sigev_signo = sig, .sigev_value.sival_int = 77 };
	int id = -1;
	long r;

	e._sigev_un._tid = tid;
	r = sys(SYS_timer_create, clock, &e, &id);
	return r ? r : id;
}

static void timer_errors(void)
{
	static const int clocks[] = { 0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 12, -1, -2, -3, -4, -5, -6, -7, -8,
		(int)(~99999u << 3 | 2) };
	struct itimerspec v = its(0, 0), bad = { { 0, 0 }, { 0, S } }, bad2 = { { 0, S }, { 0, 0 } };
	int id;

	for (unsigned i = 0; i < ARRAY_SIZE(clocks); i++) {
		long r = make_timer(clocks[i], SIGEV_NONE, 0, 0);

		tap_says(r < 0 ? r : 0, "timer_create by clock %d", clocks[i]);
		if (r >= 0)
			sys(SYS_timer_delete, r);
	}
	static const int notifies[] = { 0, 1, 2, 3, 4, 5, 6, 8, -1 };

	for (unsigned i = 0; i < ARRAY_SIZE(notifies); i++) {
		long r = make_timer(1, notifies[i], SIGUSR1, 0);

		tap_says(r < 0 ? r : 0, "notify by %d", notifies[i]);
		if (r >= 0)
			sys(SYS_timer_delete, r);
	}
	tap_says(make_timer(1, SIGEV_SIGNAL, 0, 0), "signal 0");
	tap_says(make_timer(1, SIGEV_SIGNAL, 65, 0), "signal 65");
	tap_says(make_timer(1, SIGEV_SIGNAL, -1, 0), "signal -1");
	tap_says(make_timer(1, SIGEV_THREAD_ID, SIGUSR1, 1), "another process's thread");
	tap_says(sys(SYS_timer_create, 1, BAD, &id), "event from nowhere");
	tap_says(sys(SYS_timer_create, 1, 0, BAD), "number to nowhere");
	tap_says(sys(SYS_timer_create, 4, BAD, BAD), "nowhere before the clock");
	tap_says(sys(SYS_timer_settime, 12345, 0, &v, 0), "settime of no timer");
	tap_says(sys(SYS_timer_settime, 12345, 0, 0, 0), "settime of no timer to nothing");
	tap_says(sys(SYS_timer_settime, 12345, 0, BAD, 0), "settime of no timer from nowhere");
	tap_says(sys(SYS_timer_settime, 12345, 0, &bad, 0), "settime of no timer to a bad time");
	tap_says(sys(SYS_timer_gettime, 12345, &v), "gettime of no timer");
	tap_says(sys(SYS_timer_getoverrun, 12345), "overrun of no timer");
	tap_says(sys(SYS_timer_delete, 12345), "delete no timer");
	tap_says(sys(SYS_timer_delete, -1), "delete timer -1");
	id = make_timer(1, SIGEV_NONE, 0, 0);
	tap_says(sys(SYS_timer_settime, id, 0, &bad, 0), "too many ns");
	tap_says(sys(SYS_timer_settime, id, 0, &bad2, 0), "interval of too many ns");
	tap_says(sys(SYS_timer_settime, id, 0xf0, &v, 0), "unknown flags");
	tap_says(sys(SYS_timer_settime, id, 0, &v, BAD), "old value to nowhere");
	tap_says(sys(SYS_timer_gettime, id, BAD), "gettime to nowhere");
	tap_is(sys(SYS_timer_delete, id), 0, "delete");
	tap_says(sys(SYS_timer_delete, id), "delete again");
}

static void one_signal(int id)
{
	struct itimerspec v = its(20 * MS, 0), old;

	tap_is(sys(SYS_timer_settime, id, 0, &v, &old), 0, "arm");
	tap_is(old.it_value.tv_sec + old.it_value.tv_nsec, 0, "it was not armed");
	wait_for(SIGUSR1, 1);
	tap_is(count[SIGUSR1], 1, "one signal");
	tap_is(last.si_code, SI_TIMER, "from a timer");
	tap_ok(last.si_timerid == id, "this one");
	tap_is(last.si_overrun, 0, "no overrun");
	tap_is(last.si_value.sival_int, 77, "its value");
	sys(SYS_timer_gettime, id, &v);
	tap_is(v.it_value.tv_sec + v.it_value.tv_nsec, 0, "not armed any more");
	v = its(100 * S, 3 * S);
	sys(SYS_timer_settime, id, 0, &v, NULL);
	sys(SYS_timer_gettime, id, &v);
	tap_ok(v.it_value.tv_sec >= 98 && v.it_value.tv_sec < 100 && v.it_interval.tv_sec == 3,
	       "what is left");
}

/* The signal is blocked while many intervals pass. */
static void overruns(int id)
{
	struct itimerspec v = its(2 * MS, 2 * MS), old;
	int n;

	block(SIGUSR1, SIG_BLOCK);
	count[SIGUSR1] = 0;
	sys(SYS_timer_settime, id, 0, &v, NULL);
	usleep(60000);
	block(SIGUSR1, SIG_UNBLOCK);
	n = sys(SYS_timer_getoverrun, id);
	tap_note("overrun %d", first_overrun);
	tap_ok(first_overrun >= 20 && first_overrun < 5000,
	       "one signal for many expiries counts them");
	tap_ok(n == first_overrun || n < 5, "timer_getoverrun says so too");
	wait_for(SIGUSR1, 4);
	tap_ok(count[SIGUSR1] >= 4, "and goes on");
	v = its(0, 0);
	sys(SYS_timer_settime, id, 0, &v, &old);
	tap_is(old.it_interval.tv_nsec, 2 * MS, "stopped");
	n = count[SIGUSR1];
	usleep(20000);
	tap_is(count[SIGUSR1], n, "stays stopped");
}

/* An ignored signal does not end an interval timer. */
static void ignored(int id)
{
	struct itimerspec v = its(5 * MS, 5 * MS);

	signal(SIGUSR1, SIG_IGN);
	sys(SYS_timer_settime, id, 0, &v, NULL);
	usleep(30000);
	handle(SIGUSR1);
	wait_for(SIGUSR1, 2);
	tap_ok(count[SIGUSR1] >= 2, "it goes on when the signal is wanted again");
}

/* The past included. */
static void absolute(int id)
{
	struct itimerspec v = its(1, 0);
	struct timespec ts;

	count[SIGUSR1] = 0;
	sys(SYS_timer_settime, id, TIMER_ABSTIME, &v, NULL);
	wait_for(SIGUSR1, 1);
	tap_is(count[SIGUSR1], 1, "a time that is over");
	v = its(read_clock(CLOCK_REALTIME) + 20 * MS, 0);
	sys(SYS_timer_settime, id, TIMER_ABSTIME, &v, NULL);
	wait_for(SIGUSR1, 2);
	tap_is(count[SIGUSR1], 2, "a wall time");
	v = its(read_clock(CLOCK_REALTIME) + 500 * S, 0);
	sys(SYS_timer_settime, id, TIMER_ABSTIME, &v, NULL);
	ts = (struct timespec){ read_clock(CLOCK_REALTIME) / S + 600, 0 };
	clock_settime(CLOCK_REALTIME, &ts);
	wait_for(SIGUSR1, 3);
	tap_is(count[SIGUSR1], 3, "that comes when the clock is set");
}

/* Two timers, one signal number: each has its own. */
static void two_timers(int id)
{
	int id2 = make_timer(CLOCK_BOOTTIME, SIGEV_SIGNAL, SIGUSR1, 0);
	struct itimerspec v = its(MS, 0);

	block(SIGUSR1, SIG_BLOCK);
	sys(SYS_timer_settime, id, 0, &v, NULL);
	sys(SYS_timer_settime, id2, 0, &v, NULL);
	kill(getpid(), SIGUSR1);
	usleep(20000);
	count[SIGUSR1] = 0;
	block(SIGUSR1, SIG_UNBLOCK);
	tap_is(count[SIGUSR1], 3, "timers' signals are not merged");
	sys(SYS_timer_delete, id2);
}

/* Nobody is told, but time passes. */
static void without_signal(void)
{
	int id = make_timer(CLOCK_MONOTONIC, SIGEV_NONE, 0, 0);
	struct itimerspec v = its(20 * MS, 0);

	sys(SYS_timer_settime, id, 0, &v, NULL);
	sys(SYS_timer_gettime, id, &v);
	tap_ok(v.it_value.tv_nsec > 0 && v.it_value.tv_nsec <= 20 * MS, "SIGEV_NONE counts down");
	usleep(30000);
	sys(SYS_timer_gettime, id, &v);
	tap_is(v.it_value.tv_nsec, 0, "to nothing");
	sys(SYS_timer_delete, id);
}

static void default_event(void)
{
	struct itimerspec v = its(MS, 0);
	int id;

	handle(SIGALRM);
	tap_is(sys(SYS_timer_create, 1, 0, &id), 0, "no event");
	sys(SYS_timer_settime, id, 0, &v, NULL);
	wait_for(SIGALRM, 1);
	tap_is(count[SIGALRM], 1, "means SIGALRM");
	tap_is(last.si_value.sival_int, id, "with the number");
	sys(SYS_timer_delete, id);
}

static void timer_signal(void)
{
	int id = make_timer(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGUSR1, 0);

	handle(SIGUSR1);
	one_signal(id);
	overruns(id);
	ignored(id);
	sys(SYS_timer_delete, id);
	id = make_timer(CLOCK_REALTIME, SIGEV_SIGNAL, SIGUSR1, 0);
	absolute(id);
	two_timers(id);
	sys(SYS_timer_delete, id);
	without_signal();
	default_event();
}

static volatile pid_t helper_tid;

static void *helper(void *arg)
{
	helper_tid = sys(SYS_gettid);
	for (int i = 0; i < 5000 && count[SIGRTMIN + 3] < 1; i++)
		usleep(1000);
	return NULL;
}

static void timer_thread(void)
{
	struct itimerspec v = its(10 * MS, 0);
	pthread_t t;
	int id;

	handle(SIGRTMIN + 3);
	if (pthread_create(&t, NULL, helper, NULL))
		tap_bail("no thread");
	while (!helper_tid)
		usleep(100);
	id = make_timer(CLOCK_MONOTONIC, SIGEV_THREAD_ID, SIGRTMIN + 3, helper_tid);
	tap_ok(id >= 0, "a timer for a thread");
	sys(SYS_timer_settime, id, 0, &v, NULL);
	pthread_join(t, NULL);
	tap_is(took_tid == helper_tid, 1, "the thread gets the signal");
	sys(SYS_timer_delete, id);
}

static void timer_cpu(void)
{
	struct itimerspec v = its(20 * MS, 0);
	int id = make_timer(CLOCK_PROCESS_CPUTIME_ID, SIGEV_SIGNAL, SIGUSR2, 0);

	handle(SIGUSR2);
	sys(SYS_timer_settime, id, 0, &v, NULL);
	usleep(60000);
	tap_is(count[SIGUSR2], 0, "not while asleep");
	burn(80 * MS);
	tap_is(count[SIGUSR2], 1, "after enough CPU time");
	v = its(10 * MS, 10 * MS);
	sys(SYS_timer_settime, id, 0, &v, NULL);
	burn(300 * MS);
	tap_ok(count[SIGUSR2] >= 4, "it repeats");
	sys(SYS_timer_gettime, id, &v);
	tap_ok(v.it_value.tv_nsec > 0 && v.it_value.tv_nsec <= 10 * MS, "reads");
	sys(SYS_timer_delete, id);
	id = make_timer(CLOCK_THREAD_CPUTIME_ID, SIGEV_SIGNAL, SIGUSR2, 0);
	count[SIGUSR2] = 0;
	v = its(20 * MS, 0);
	sys(SYS_timer_settime, id, 0, &v, NULL);
	burn(80 * MS);
	tap_is(count[SIGUSR2], 1, "by a thread's CPU time");
	sys(SYS_timer_delete, id);
}

/* --- limits of CPU time, fork and exec --- */

static int run_limited(long soft, long hard, int handler)
{
	int status;
	pid_t child = fork();

	if (!child) {
		struct rlimit limit = { soft, hard };

		if (handler)
			handle(SIGXCPU);
		setrlimit(RLIMIT_CPU, &limit);
		while (!count[SIGXCPU])
			;
		_exit(7);
	}
	waitpid(child, &status, 0);
	return status;
}

static void limits(void)
{
	int status = run_limited(1, 5, 0);

	tap_ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU, "soft limit of CPU time");
	status = run_limited(1, 5, 1);
	tap_is(WEXITSTATUS(status), 7, "may be handled");
	status = run_limited(1, 1, 0);
	tap_ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "hard limit of CPU time");

	/* POSIX timers are not inherited. */
	int id = make_timer(CLOCK_MONOTONIC, SIGEV_NONE, 0, 0);
	pid_t child = fork();

	if (!child)
		_exit(-sys(SYS_timer_delete, id));
	waitpid(child, &status, 0);
	tap_is(WEXITSTATUS(status), EINVAL, "a child has no timers");
	sys(SYS_timer_delete, id);
}

int main(void)
{
	itimer_errors();
	itimer_real();
	timer_errors();
	timer_signal();
	timer_thread();
	itimer_cpu();
	timer_cpu();
	limits();
	return tap_exit();
}
