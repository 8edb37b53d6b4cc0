/* SPDX-License-Identifier: MIT */
/*
 * Clocks: reading, resolution, setting, sleeping, with and without the vDSO, and
 * what is refused with which error.
 */
#include <elf.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <sys/times.h>
#include <sys/wait.h>
#include <time.h>
#include "tap.h"

#define BAD	((void *)8)
#define S	1000000000LL
#define MS	1000000LL

static long long to_ns(const struct timespec *ts)
{
	return ts->tv_sec * S + ts->tv_nsec;
}

static long long read_clock(int clock)
{
	struct timespec ts;

	if (sys(SYS_clock_gettime, clock, &ts))
		return -1;
	return to_ns(&ts);
}

static const int clocks[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 100, -1, -2, -3, -4, -5, -6, -7, -8,
	(int)(~99999u << 3 | 2), 0x7fffffff };

static void reading(void)
{
	struct timespec ts;

	for (unsigned i = 0; i < ARRAY_SIZE(clocks); i++) {
		if (clocks[i] == 8)
			continue;
		tap_says(sys(SYS_clock_gettime, clocks[i], &ts), "gettime %d", clocks[i]);
		tap_says(sys(SYS_clock_gettime, clocks[i], BAD), "gettime %d to nowhere",
			 clocks[i]);
		tap_says(sys(SYS_clock_getres, clocks[i], &ts), "getres %d", clocks[i]);
		if (!sys(SYS_clock_getres, clocks[i], &ts))
			tap_says(to_ns(&ts), "resolution of %d", clocks[i]);
		tap_says(sys(SYS_clock_getres, clocks[i], 0), "getres %d without a place",
			 clocks[i]);
	}
	tap_says(sys(SYS_gettimeofday, 0, 0), "gettimeofday of nothing");
	tap_says(sys(SYS_gettimeofday, BAD, 0), "gettimeofday to nowhere");
	tap_says(sys(SYS_getcpu, 0, 0, 0), "getcpu of nothing");
	tap_says(sys(SYS_getcpu, BAD, 0, 0), "getcpu to nowhere");
}

/* Consecutive readings of one clock, and by the C library's way (the vDSO), do not go back. */
static void order(void)
{
	static const int steady[] = { CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW, CLOCK_BOOTTIME,
		CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID };

	for (unsigned i = 0; i < ARRAY_SIZE(steady); i++) {
		int back = 0;

		for (int n = 0; n < 200; n++) {
			long long a = read_clock(steady[i]), b;
			struct timespec ts;

			clock_gettime(steady[i], &ts);
			b = to_ns(&ts);
			back += b < a || read_clock(steady[i]) < b;
		}
		tap_is(back, 0, "clock %d does not go back", steady[i]);
	}
	long long real = read_clock(CLOCK_REALTIME), coarse = read_clock(CLOCK_REALTIME_COARSE);
	struct timeval tv;

	gettimeofday(&tv, NULL);
	tap_ok(llabs(real - coarse) < 100 * MS, "the coarse clock is near");
	tap_ok(llabs(tv.tv_sec * S + tv.tv_usec * 1000LL - real) < 5 * S, "gettimeofday is near");
	tap_ok(read_clock(CLOCK_BOOTTIME) - read_clock(CLOCK_MONOTONIC) < S, "boot time is near");
}

static void setting(void)
{
	struct timespec ts = { 1, 0 }, bad = { 1, S }, old, far = { 9223372036, 0 }, negative = { -1, 0 };
	struct timeval tv = { 1, 1000000 }, bad_tv = { 1, 1000001 };
	struct timezone tz = { 16 * 60, 0 };

	for (unsigned i = 0; i < ARRAY_SIZE(clocks); i++)
		if (clocks[i] && clocks[i] != 8)
			tap_says(sys(SYS_clock_settime, clocks[i], &bad), "settime %d", clocks[i]);
	tap_says(sys(SYS_clock_settime, 0, &bad), "settime to too many ns");
	tap_says(sys(SYS_clock_settime, 0, &far), "settime to the end of time");
	tap_says(sys(SYS_clock_settime, 0, &negative), "settime before 1970");
	tap_says(sys(SYS_clock_settime, 0, BAD), "settime from nowhere");
	ts.tv_sec = 0;
	tap_says(sys(SYS_clock_settime, 0, &ts), "settime to before boot");
	tap_says(sys(SYS_settimeofday, &bad_tv, 0), "settimeofday of too many us");
	tap_says(sys(SYS_settimeofday, &tv, 0), "settimeofday of a million us");
	tap_says(sys(SYS_settimeofday, BAD, 0), "settimeofday from nowhere");
	tap_says(sys(SYS_settimeofday, 0, &tz), "settimeofday of a wild zone");
	tap_says(sys(SYS_settimeofday, 0, 0), "settimeofday of nothing");

	long long mono = read_clock(CLOCK_MONOTONIC), real;

	ts = (struct timespec){ 1800000000, 0 };
	tap_is(sys(SYS_clock_settime, 0, &ts), 0, "set");
	real = read_clock(0);
	tap_ok(real >= 1800000000 * S && real < 1800000010 * S, "it is set");
	clock_gettime(CLOCK_REALTIME, &old);
	tap_ok(to_ns(&old) >= real && to_ns(&old) < real + 5 * S, "the vDSO sees it");
	tap_ok(read_clock(CLOCK_MONOTONIC) - mono < 5 * S, "the monotonic clock has not moved");
	if (!fork()) {
		int ok = setuid(1000);

		_exit(ok ? 1 : -sys(SYS_clock_settime, 0, &ts));
	}
	int status;

	wait(&status);
	tap_says(WEXITSTATUS(status), "settime by a user");
}

static void steering(void)
{
	struct timex tx = { 0 };
	long long before;

	tap_says(sys(SYS_adjtimex, BAD), "adjtimex from nowhere");
	tap_ok(sys(SYS_adjtimex, &tx) >= 0, "adjtimex reads");
	tap_says(tx.tick, "tick");
	tap_says(tx.precision, "precision");
	tap_says(tx.tolerance, "tolerance");
	tx = (struct timex){ .modes = 0x8000 };
	tap_says(sys(SYS_adjtimex, &tx), "adjtime without an offset");
	before = read_clock(0);
	tx = (struct timex){ .modes = ADJ_SETOFFSET, .time = { 100, 500000 } };
	tap_ok(sys(SYS_adjtimex, &tx) >= 0, "set by an offset");
	tap_ok(read_clock(0) - before >= 100 * S + 500 * MS, "it has moved");
	tx = (struct timex){ .modes = ADJ_SETOFFSET, .time = { 0, 1000000 } };
	tap_says(sys(SYS_adjtimex, &tx), "offset of too many us");
	tx = (struct timex){ .modes = ADJ_SETOFFSET | ADJ_NANO, .time = { -101, 500000000 } };
	tap_ok(sys(SYS_adjtimex, &tx) >= 0, "and back, in ns");
	tap_ok(read_clock(0) - before < 50 * S, "it is back");
	tx = (struct timex){ 0 };
	tap_says(sys(SYS_clock_adjtime, 1, &tx), "clock_adjtime of the monotonic clock");
	tap_says(sys(SYS_clock_adjtime, 99, &tx), "clock_adjtime of no clock");
	tap_ok(sys(SYS_clock_adjtime, 0, &tx) >= 0, "clock_adjtime reads");
}

static volatile int alarms;

static void on_alarm(int sig)
{
	alarms++;
}

static void handle(int sig, int flags)
{
	struct sigaction sa = { .sa_handler = on_alarm, .sa_flags = flags };

	sigaction(sig, &sa, NULL);
}

static void alarm_in(long ms)
{
	struct itimerval v = { .it_value = { ms / 1000, ms % 1000 * 1000 } };

	setitimer(ITIMER_REAL, &v, NULL);
}

static void sleeping(void)
{
	struct timespec none = { 0, 0 }, short_ = { 0, 20 * MS }, long_ = { 5, 0 }, bad = { 0, S }, left = { 0 },
			when, negative = { -1, 0 };
	long long start;

	for (unsigned i = 0; i < ARRAY_SIZE(clocks); i++)
		if (clocks[i] != 8)
			tap_says(sys(SYS_clock_nanosleep, clocks[i], 0, &none, 0),
				 "sleep of nothing by %d", clocks[i]);
	tap_says(sys(SYS_clock_nanosleep, 3, 0, BAD, 0), "sleep by own CPU time");
	tap_says(sys(SYS_clock_nanosleep, 1, 0, &bad, 0), "sleep of too many ns");
	tap_says(sys(SYS_clock_nanosleep, 1, 0, &negative, 0), "sleep of less than nothing");
	tap_says(sys(SYS_clock_nanosleep, 1, 0, BAD, 0), "sleep from nowhere");
	tap_says(sys(SYS_nanosleep, &bad, 0), "nanosleep of too many ns");
	tap_says(sys(SYS_nanosleep, BAD, 0), "nanosleep from nowhere");
	start = read_clock(1);
	tap_is(sys(SYS_nanosleep, &short_, 0), 0, "nanosleep");
	tap_ok(read_clock(1) - start >= 20 * MS, "lasts as long as asked");
	clock_gettime(CLOCK_MONOTONIC, &when);
	when.tv_nsec += 20 * MS;
	if (when.tv_nsec >= S) {
		when.tv_sec++;
		when.tv_nsec -= S;
	}
	tap_is(sys(SYS_clock_nanosleep, 1, TIMER_ABSTIME, &when, 0), 0, "sleep until");
	tap_ok(read_clock(1) >= to_ns(&when), "not before");
	tap_is(sys(SYS_clock_nanosleep, 1, TIMER_ABSTIME, &when, 0), 0, "a time that is over");

	handle(SIGALRM, 0);
	alarm_in(50);
	tap_says(sys(SYS_nanosleep, &long_, &left), "nanosleep and a signal");
	tap_ok(to_ns(&left) > 4 * S && to_ns(&left) < 5 * S, "tells what is left");
	handle(SIGALRM, SA_RESTART);
	alarm_in(50);
	tap_says(sys(SYS_nanosleep, &long_, &left), "nanosleep, a signal and SA_RESTART");
	alarm_in(50);
	tap_says(sys(SYS_nanosleep, &long_, BAD), "nanosleep, a signal and no place for the rest");
	when.tv_sec += 100;
	alarm_in(50);
	left.tv_sec = 77;
	tap_says(sys(SYS_clock_nanosleep, 1, TIMER_ABSTIME, &when, &left),
		 "sleep until and a signal");
	tap_is(left.tv_sec, 77, "there is no rest of an absolute time");
	tap_is(alarms, 4, "handlers ran");
}

/* A stop and a continuation do not lengthen a sleep: it goes on to the same end. */
static void stopped_sleep(void)
{
	long long start = read_clock(1);
	int status;
	pid_t child = fork();

	if (!child) {
		struct timespec t = { 0, 300 * MS };

		_exit(sys(SYS_nanosleep, &t, 0) ? 1 : 0);
	}
	usleep(50000);
	kill(child, SIGSTOP);
	waitpid(child, &status, WUNTRACED);
	usleep(50000);
	kill(child, SIGCONT);
	waitpid(child, &status, 0);
	tap_is(status, 0, "a sleep goes on after a stop");
	tap_ok(read_clock(1) - start >= 300 * MS, "to its end");
}

static void *set_clock_later(void *arg)
{
	struct timespec ts;

	usleep(100000);
	clock_gettime(CLOCK_REALTIME, &ts);
	ts.tv_sec += 1000;
	clock_settime(CLOCK_REALTIME, &ts);
	return NULL;
}

static void wall_sleep(void)
{
	struct timespec ts;
	pthread_t t;
	long long start = read_clock(1);

	clock_gettime(CLOCK_REALTIME, &ts);
	ts.tv_sec += 900;
	if (pthread_create(&t, NULL, set_clock_later, NULL))
		tap_bail("no thread");
	tap_is(sys(SYS_clock_nanosleep, 0, TIMER_ABSTIME, &ts, 0), 0, "sleep until a wall time");
	pthread_join(t, NULL);
	tap_ok(read_clock(1) - start < 60 * S, "that comes when the clock is set");
}

static void burn(long long ns)
{
	long long end = read_clock(CLOCK_THREAD_CPUTIME_ID) + ns;

	while (read_clock(CLOCK_THREAD_CPUTIME_ID) < end)
		;
}

static void *burner(void *arg)
{
	burn(60 * MS);
	return NULL;
}

static void cpu_clocks(void)
{
	long long p = read_clock(CLOCK_PROCESS_CPUTIME_ID), t = read_clock(CLOCK_THREAD_CPUTIME_ID),
		  slept;
	struct timespec ms = { 0, 50 * MS };
	struct rusage before, after;
	pthread_t thread;
	clockid_t clock;
	int status;

	getrusage(RUSAGE_SELF, &before);
	nanosleep(&ms, NULL);
	slept = read_clock(CLOCK_THREAD_CPUTIME_ID) - t;
	tap_ok(slept >= 0 && slept < 40 * MS, "sleep takes no CPU time");
	tap_is(pthread_create(&thread, NULL, burner, NULL), 0, "a thread");
	pthread_join(thread, NULL);
	t = read_clock(CLOCK_THREAD_CPUTIME_ID) - t;
	p = read_clock(CLOCK_PROCESS_CPUTIME_ID) - p;
	tap_ok(p >= 60 * MS, "the process has what its thread used");
	/* However long this one took: a host may be slow. */
	tap_ok(p - t >= 60 * MS, "the other thread has not");
	burn(100 * MS);
	getrusage(RUSAGE_SELF, &after);
	tap_ok((after.ru_utime.tv_sec - before.ru_utime.tv_sec + after.ru_stime.tv_sec - before.ru_stime.tv_sec) * S +
	       (after.ru_utime.tv_usec - before.ru_utime.tv_usec + after.ru_stime.tv_usec - before.ru_stime.tv_usec) *
	       1000 >= 140 * MS, "getrusage counts it");
	tap_is(clock_getcpuclockid(getpid(), &clock), 0, "the clock of a process");
	tap_ok(read_clock(clock) >= 160 * MS, "reads");
	pid_t child = fork();

	if (!child) {
		burn(30 * MS);
		pause();
	}
	clock_getcpuclockid(child, &clock);
	while (read_clock(clock) < 30 * MS)
		usleep(1000);
	tap_ok(1, "the clock of a child");
	tap_says(sys(SYS_clock_settime, clock, &ms), "may not be set");
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	tap_says(sys(SYS_clock_gettime, clock, &ms), "of a process that is gone");
	if (pthread_create(&thread, NULL, burner, NULL))
		tap_bail("no thread");
	ms.tv_nsec = 20 * MS;
	p = read_clock(CLOCK_PROCESS_CPUTIME_ID);
	tap_is(sys(SYS_clock_nanosleep, CLOCK_PROCESS_CPUTIME_ID, 0, &ms, 0), 0,
	       "sleep by the process's CPU time");
	tap_ok(read_clock(CLOCK_PROCESS_CPUTIME_ID) - p >= 20 * MS,
	       "until another thread has used it");
	pthread_join(thread, NULL);
	struct tms tms;

	tap_ok(times(&tms) > 0 && tms.tms_utime + tms.tms_stime >= 15, "times counts ticks");
	tap_is(getrusage(RUSAGE_CHILDREN, &after), 0, "getrusage of children");
	tap_ok(after.ru_utime.tv_sec * S + after.ru_utime.tv_usec * 1000 +
			       after.ru_stime.tv_sec * S + after.ru_stime.tv_usec * 1000 >=
		       25 * MS,
	       "counts the child");
}

/* The object itself: version, names, unwinder's pattern. */
/* What a program's start-up code finds in the vDSO. */
static struct vdso {
	const char *base, *strings;
	const Elf64_Sym *sym;
	const unsigned *hash;
} vdso;

static void vdso_find_tables(void)
{
	const Elf64_Ehdr *e = (void *)vdso.base;
	const Elf64_Phdr *ph = (void *)(vdso.base + e->e_phoff);
	const Elf64_Dyn *dyn = NULL;

	for (int i = 0; i < e->e_phnum; i++)
		if (ph[i].p_type == PT_DYNAMIC)
			dyn = (void *)(vdso.base + ph[i].p_vaddr);
	for (; dyn && dyn->d_tag; dyn++) {
		const void *at = vdso.base + (dyn->d_un.d_ptr & 0xffff);

		if (dyn->d_tag == DT_SYMTAB)
			vdso.sym = at;
		if (dyn->d_tag == DT_STRTAB)
			vdso.strings = at;
		if (dyn->d_tag == DT_HASH)
			vdso.hash = at;
	}
}

static void *vdso_symbol(const char *name)
{
	for (unsigned i = 0; vdso.hash && vdso.sym && vdso.strings && i < vdso.hash[1]; i++)
		if (!strcmp(vdso.strings + vdso.sym[i].st_name, name))
			return (void *)(vdso.base + vdso.sym[i].st_value);
	return NULL;
}

static void vdso_has_names(void)
{
	static const char *const names[] = { "__vdso_clock_gettime", "__vdso_gettimeofday", "__vdso_clock_getres",
		"__vdso_getcpu", "__vdso_flush_icache", "__vdso_rt_sigreturn", "LINUX_4.15" };
	const void *code = vdso_symbol("__vdso_rt_sigreturn");

	for (unsigned n = 0; n < ARRAY_SIZE(names); n++)
		tap_ok(vdso_symbol(names[n]), "vDSO has %s", names[n]);
	tap_ok(code && !memcmp(code, "\x93\x08\xb0\x08\x73\0\0\0", 8), "what unwinders look for");
}

static void vdso_answers(void)
{
	int (*getres)(int, struct timespec *) = vdso_symbol("__vdso_clock_getres");
	int (*gettime)(int, struct timespec *) = vdso_symbol("__vdso_clock_gettime");
	int (*getcpu_)(unsigned *, unsigned *, void *) = vdso_symbol("__vdso_getcpu");
	struct timespec ts;
	unsigned cpu;

	for (unsigned i = 0; i < ARRAY_SIZE(clocks); i++) {
		if (clocks[i] == 8)
			continue;
		tap_says(gettime(clocks[i], &ts), "vDSO gettime %d", clocks[i]);
		tap_says(getres(clocks[i], &ts), "vDSO getres %d", clocks[i]);
		if (!getres(clocks[i], &ts))
			tap_says(to_ns(&ts), "vDSO resolution of %d", clocks[i]);
	}
	tap_is(getcpu_(&cpu, NULL, NULL), 0, "vDSO getcpu");
}

static void test_vdso(void)
{
	vdso.base = (void *)getauxval(AT_SYSINFO_EHDR);
	tap_ok(vdso.base && !memcmp(vdso.base, "\177ELF", 4), "there is a vDSO");
	vdso_find_tables();
	vdso_has_names();
	vdso_answers();
}

int main(void)
{
	reading();
	order();
	test_vdso();
	sleeping();
	stopped_sleep();
	cpu_clocks();
	setting();
	steering();
	wall_sleep();
	return tap_exit();
}
