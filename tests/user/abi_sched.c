/* SPDX-License-Identifier: MIT */
/* Scheduling policy, priority, nice, CPUs, I/O priority: who may do what, and what is refused. */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include "tap.h"

#define BAD	((void *)8)
#define NOBODY	99999

struct attr {
	unsigned size, policy;
	unsigned long flags;
	int nice;
	unsigned priority;
	unsigned long runtime, deadline, period;
	unsigned util_min, util_max;
	unsigned long more[4];
};

/* fn in a child, whose results count as ours. */
static void in_child(int (*fn)(void))
{
	int status, done = tap_done;
	pid_t child = fork();

	if (!child) {
		fn();
		_exit(tap_done - done);
	}
	waitpid(child, &status, 0);
	if (!WIFEXITED(status))
		tap_bail("a child died: %#x", status);
	tap_done += WEXITSTATUS(status);
}

static void bounds(void)
{
	for (int policy = -1; policy <= 8; policy++) {
		if (policy == 7)
			continue;
		tap_says(sys(SYS_sched_get_priority_max, policy), "highest of policy %d", policy);
		tap_says(sys(SYS_sched_get_priority_min, policy), "lowest of policy %d", policy);
	}
}

static int policies(void)
{
	static const int prios[] = { -1, 0, 1, 50, 99, 100 };
	int prio = 0;

	for (int policy = -1; policy <= 8; policy++) {
		if (policy == 6 || policy == 7)
			continue;
		for (unsigned i = 0; i < ARRAY_SIZE(prios); i++) {
			tap_says(sys(SYS_sched_setscheduler, 0, policy, &prios[i]),
				 "policy %d priority %d", policy, prios[i]);
			tap_says(sys(SYS_sched_getscheduler, 0), "policy after that");
			sys(SYS_sched_getparam, 0, &prio);
			tap_says(prio, "priority after that");
		}
	}
	prio = 3;
	tap_says(sys(SYS_sched_setscheduler, 0, SCHED_RR, 0), "no parameter");
	tap_says(sys(SYS_sched_setscheduler, 0, SCHED_RR, BAD), "parameter from nowhere");
	tap_says(sys(SYS_sched_setscheduler, -1, SCHED_RR, &prio), "thread -1");
	tap_says(sys(SYS_sched_setscheduler, NOBODY, SCHED_RR, &prio), "nobody");
	tap_says(sys(SYS_sched_setscheduler, NOBODY, -1, &prio), "nobody, policy -1");
	tap_says(sys(SYS_sched_getscheduler, -1), "policy of -1");
	tap_says(sys(SYS_sched_getscheduler, NOBODY), "policy of nobody");
	tap_says(sys(SYS_sched_getparam, 0, 0), "priority to nothing");
	tap_says(sys(SYS_sched_getparam, 0, BAD), "priority to nowhere");
	tap_says(sys(SYS_sched_getparam, NOBODY, &prio), "priority of nobody");
	tap_says(sys(SYS_sched_setparam, 0, &prio), "priority alone, not real-time");
	sys(SYS_sched_setscheduler, 0, SCHED_FIFO, &prio);
	prio = 5;
	tap_says(sys(SYS_sched_setparam, 0, &prio), "priority alone, real-time");
	prio = 0;
	tap_says(sys(SYS_sched_setparam, 0, &prio), "priority 0, real-time");
	tap_says(sys(SYS_sched_getparam, 0, &prio), "read");
	tap_says(prio, "it is");
	return 0;
}

static int reset_on_fork(void)
{
	int prio = 5, status;
	pid_t child;

	tap_is(sys(SYS_sched_setscheduler, 0, SCHED_FIFO | SCHED_RESET_ON_FORK, &prio), 0,
	       "reset on fork");
	tap_says(sys(SYS_sched_getscheduler, 0), "is told");
	child = fork();
	if (!child)
		_exit(sys(SYS_sched_getscheduler, 0));
	waitpid(child, &status, 0);
	tap_says(WEXITSTATUS(status), "policy of a child");
	prio = 0;
	sys(SYS_sched_setscheduler, 0, SCHED_OTHER, &prio);
	setpriority(PRIO_PROCESS, 0, -5);
	sys(SYS_sched_setscheduler, 0, SCHED_OTHER | SCHED_RESET_ON_FORK, &prio);
	child = fork();
	if (!child)
		_exit(getpriority(PRIO_PROCESS, 0) + 100);
	waitpid(child, &status, 0);
	tap_says(WEXITSTATUS(status) - 100, "nice of a child");
	prio = 5;
	sys(SYS_sched_setscheduler, 0, SCHED_RR, &prio);
	child = fork();
	if (!child)
		_exit(sys(SYS_sched_getscheduler, 0));
	waitpid(child, &status, 0);
	tap_says(WEXITSTATUS(status), "policy is inherited");
	return 0;
}

static void setattr_sizes(void)
{
	struct attr a = { .size = 48 };

	tap_says(sys(SYS_sched_setattr, 0, 0, 0), "setattr of nothing");
	tap_says(sys(SYS_sched_setattr, 0, BAD, 0), "setattr from nowhere");
	tap_says(sys(SYS_sched_setattr, 0, &a, 1), "setattr with flags");
	tap_says(sys(SYS_sched_setattr, -1, &a, 0), "setattr of -1");
	tap_says(sys(SYS_sched_setattr, NOBODY, &a, 0), "setattr of nobody");
	a.size = 47;
	tap_says(sys(SYS_sched_setattr, 0, &a, 0), "setattr too small");
	tap_says(a.size, "the size it wants");
	a.size = 5000;
	tap_says(sys(SYS_sched_setattr, 0, &a, 0), "setattr too large");
	a.size = 64;
	tap_says(sys(SYS_sched_setattr, 0, &a, 0), "setattr larger, rest zero");
	a.more[0] = 1;
	tap_says(sys(SYS_sched_setattr, 0, &a, 0), "setattr larger, rest not zero");
	a = (struct attr){ .size = 0, .nice = 3 };
	tap_says(sys(SYS_sched_setattr, 0, &a, 0), "setattr of size 0");
	tap_is(getpriority(PRIO_PROCESS, 0), 3, "sets nice");
}

static void setattr_values(void)
{
	struct attr a = { .size = 48, .nice = -100 };

	tap_says(sys(SYS_sched_setattr, 0, &a, 0), "setattr nice -100");
	tap_is(getpriority(PRIO_PROCESS, 0), -20, "is -20");
	a = (struct attr){ .size = 48, .policy = 1, .priority = 100 };
	tap_says(sys(SYS_sched_setattr, 0, &a, 0), "setattr priority 100");
	a = (struct attr){ .size = 48, .policy = 0, .priority = 1 };
	tap_says(sys(SYS_sched_setattr, 0, &a, 0), "setattr priority not real-time");
	a = (struct attr){ .size = 48, .policy = -1 };
	tap_says(sys(SYS_sched_setattr, 0, &a, 0), "setattr policy -1");
	a = (struct attr){ .size = 48, .flags = 0x80 };
	tap_says(sys(SYS_sched_setattr, 0, &a, 0), "setattr unknown flag");
	a = (struct attr){ .size = 48, .flags = 0x20 };
	tap_says(sys(SYS_sched_setattr, 0, &a, 0), "setattr clamp in a small one");
}

static void attributes_kept(void)
{
	struct attr a = { .size = 48, .policy = SCHED_FIFO, .priority = 7, .flags = 1 };

	tap_says(sys(SYS_sched_setattr, 0, &a, 0), "setattr real-time");
	memset(&a, 0xff, sizeof(a));
	tap_says(sys(SYS_sched_getattr, 0, &a, 56, 0), "getattr");
	tap_says(a.size, "size");
	tap_says(a.policy, "policy");
	tap_says(a.flags, "flags");
	tap_says(a.priority, "priority");
	tap_says(a.nice, "nice");
	a = (struct attr){ .size = 48, .policy = 0, .flags = 0x08 };
	tap_says(sys(SYS_sched_setattr, 0, &a, 0), "setattr, keep the policy");
	a = (struct attr){ .size = 48, .policy = SCHED_RR, .flags = 0x10 };
	tap_says(sys(SYS_sched_setattr, 0, &a, 0), "setattr, keep the parameters");
	sys(SYS_sched_getattr, 0, &a, 56, 0);
	tap_says(a.policy, "policy");
	tap_says(a.priority, "priority");
	tap_says(a.flags, "flags");
	a = (struct attr){ .size = 48 };
	tap_says(sys(SYS_sched_setattr, 0, &a, 0), "back");
}

static void getattr_sizes(void)
{
	struct attr a;

	tap_says(sys(SYS_sched_getattr, 0, &a, 47, 0), "getattr too small");
	tap_says(sys(SYS_sched_getattr, 0, &a, 5000, 0), "getattr too large");
	tap_says(sys(SYS_sched_getattr, 0, &a, 80, 0), "getattr larger");
	tap_says(a.size, "size");
	tap_says(sys(SYS_sched_getattr, 0, &a, 48, 0), "getattr of the first size");
	tap_says(a.size, "size");
	tap_says(sys(SYS_sched_getattr, 0, &a, 48, 1), "getattr with flags");
	tap_says(sys(SYS_sched_getattr, 0, 0, 48, 0), "getattr to nothing");
	tap_says(sys(SYS_sched_getattr, 0, BAD, 48, 0), "getattr to nowhere");
	tap_says(sys(SYS_sched_getattr, NOBODY, &a, 48, 0), "getattr of nobody");
	tap_says(sys(SYS_sched_getattr, -1, &a, 48, 0), "getattr of -1");
}

static void attributes(void)
{
	setattr_sizes();
	setattr_values();
	attributes_kept();
	getattr_sizes();
}

static void niceness(void)
{
	for (int which = -1; which <= 3; which++) {
		if (which != 2)		/* Linux has kernel threads of nice -20 */
			tap_says(sys(SYS_getpriority, which, 0), "getpriority %d", which);
		tap_says(sys(SYS_setpriority, which, 0, 0), "setpriority %d", which);
		tap_says(sys(SYS_getpriority, which, NOBODY), "getpriority %d of nobody", which);
		tap_says(sys(SYS_setpriority, which, NOBODY, 0), "setpriority %d of nobody", which);
	}
	static const int values[] = { 19, 20, 100, -20, -21, -100, 7, 0 };

	for (unsigned i = 0; i < ARRAY_SIZE(values); i++) {
		tap_says(sys(SYS_setpriority, 0, 0, values[i]), "nice %d", values[i]);
		tap_says(sys(SYS_getpriority, 0, 0), "is now, of 20");
	}
}

/* As a user without capabilities. */
static int as_user(void)
{
	struct rlimit limit = { 0, 0 };
	int prio = 1;
	struct attr a = { .size = 48, .nice = -1 };

	setrlimit(RLIMIT_RTPRIO, &limit);
	setrlimit(RLIMIT_NICE, &limit);
	setpriority(PRIO_PROCESS, 0, 5);
	if (setuid(1000))
		tap_bail("setuid");
	tap_says(sys(SYS_setpriority, 0, 0, 4), "user: nicer than before");
	tap_says(sys(SYS_setpriority, 0, 0, 6), "user: less nice");
	tap_says(sys(SYS_setpriority, 0, getppid(), 6), "user: another's process");
	tap_says(sys(SYS_setpriority, 2, 0, 6), "user: all of the user");
	tap_says(sys(SYS_setpriority, 2, 1, 6), "user: all of a user without processes");
	tap_says(sys(SYS_sched_setscheduler, 0, SCHED_FIFO, &prio), "user: real-time");
	prio = 0;
	tap_says(sys(SYS_sched_setscheduler, 0, SCHED_BATCH, &prio), "user: batch");
	tap_says(sys(SYS_sched_setscheduler, 0, SCHED_OTHER, &prio), "user: back");
	tap_says(sys(SYS_sched_setattr, 0, &a, 0), "user: nice by setattr");
	tap_says(sys(SYS_sched_setscheduler, getppid(), SCHED_OTHER, &prio),
		 "user: policy of another");
	tap_says(sys(SYS_sched_getscheduler, getppid()), "user: reads the policy of another");
	unsigned long mask = ~0ul;

	tap_says(sys(SYS_sched_setaffinity, getppid(), 8, &mask), "user: CPUs of another");
	tap_says(sys(SYS_ioprio_set, 1, 0, 1 << 13), "user: real-time I/O");
	tap_says(sys(SYS_ioprio_set, 1, 0, 3 << 13), "user: idle I/O");
	tap_says(sys(SYS_ioprio_set, 1, getppid(), 2 << 13), "user: I/O priority of another");
	tap_says(sys(SYS_sched_setscheduler, 0, SCHED_OTHER | SCHED_RESET_ON_FORK, &prio),
		 "user: reset on fork");
	tap_says(sys(SYS_sched_setscheduler, 0, SCHED_OTHER, &prio), "user: may not take it back");
	tap_says(sys(SYS_sched_setscheduler, 0, SCHED_IDLE | SCHED_RESET_ON_FORK, &prio),
		 "user: idle");
	tap_says(sys(SYS_sched_setscheduler, 0, SCHED_OTHER | SCHED_RESET_ON_FORK, &prio),
		 "user: back from idle");
	return 0;
}

static int as_user_with_limits(void)
{
	struct rlimit rt = { 10, 10 }, nice_ = { 30, 30 };
	int prio = 10;

	setrlimit(RLIMIT_RTPRIO, &rt);
	setrlimit(RLIMIT_NICE, &nice_);
	if (setuid(1000))
		tap_bail("setuid");
	tap_says(sys(SYS_setpriority, 0, 0, -10), "limits: nice -10");
	tap_says(sys(SYS_setpriority, 0, 0, -11), "limits: nice -11");
	tap_says(sys(SYS_sched_setscheduler, 0, SCHED_FIFO, &prio), "limits: priority 10");
	prio = 11;
	tap_says(sys(SYS_sched_setscheduler, 0, SCHED_FIFO, &prio), "limits: priority 11");
	prio = 0;
	sys(SYS_sched_setscheduler, 0, SCHED_IDLE, &prio);
	tap_says(sys(SYS_sched_setscheduler, 0, SCHED_OTHER, &prio), "limits: back from idle");
	return 0;
}

static int rttime(void)
{
	struct rlimit limit = { 200000, 400000 };
	int prio = 1, status;
	pid_t child = fork();

	if (!child) {
		setrlimit(RLIMIT_RTTIME, &limit);
		if (sys(SYS_sched_setscheduler, 0, SCHED_FIFO, &prio))
			_exit(1);
		for (;;)
			;
	}
	waitpid(child, &status, 0);
	tap_ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU, "RLIMIT_RTTIME");
	return 0;
}

/* One that never sleeps, and somebody else on its CPU: it gets its turn, here within two periods. */
static int real_time_leaves_a_part(void)
{
	unsigned long one = 1;
	pid_t hog;
	int got, status;

	sys(SYS_sched_setaffinity, 0, sizeof(one), &one);
	hog = fork();
	if (!hog) {
		int prio = 50;

		/* It does not outlive the test where the other has no turn. */
		alarm(3);
		if (sys(SYS_sched_setscheduler, 0, SCHED_FIFO, &prio))
			_exit(1);
		for (;;)
			;
	}
	usleep(100000);
	got = kill(hog, SIGKILL);
	waitpid(hog, &status, 0);
	tap_ok(!got && WTERMSIG(status) == SIGKILL, "a real-time thread that never sleeps can be killed");
	return 0;
}

/* --- CPUs --- */

static unsigned cpu_now(void)
{
	unsigned cpu = ~0u;

	sys(SYS_getcpu, &cpu, 0, 0);
	return cpu;
}

static volatile int spinning, stop;
static volatile unsigned seen_cpu;

static void *spinner(void *arg)
{
	spinning = sys(SYS_gettid);
	while (!stop)
		seen_cpu = cpu_now();
	return NULL;
}

/* The CPUs there are. */
static unsigned long affinity_got(void)
{
	unsigned long mask[16] = { 0 }, all;
	long r = sys(SYS_sched_getaffinity, 0, 8, mask);

	tap_says(r, "getaffinity");
	all = mask[0];
	tap_is(all, (1ul << sysconf(_SC_NPROCESSORS_ONLN)) - 1, "every CPU");
	r = sys(SYS_sched_getaffinity, 0, 128, mask);
	tap_ok(r >= 8 && r % 8 == 0, "getaffinity into more");
	tap_says(sys(SYS_sched_getaffinity, 0, 4, mask), "getaffinity into 4 bytes");
	tap_says(sys(SYS_sched_getaffinity, 0, 0, mask), "getaffinity into nothing");
	tap_says(sys(SYS_sched_getaffinity, 0, 12, mask), "getaffinity into 12 bytes");
	tap_says(sys(SYS_sched_getaffinity, 0, 8, BAD), "getaffinity to nowhere");
	tap_says(sys(SYS_sched_getaffinity, NOBODY, 8, mask), "getaffinity of nobody");
	return all;
}

static void affinity_set(void)
{
	unsigned long mask = 0, one = 0;
	int status;
	pid_t child;

	tap_says(sys(SYS_sched_setaffinity, 0, 8, &mask), "no CPU");
	tap_says(sys(SYS_sched_setaffinity, 0, 0, &mask), "no mask");
	tap_says(sys(SYS_sched_setaffinity, 0, 8, BAD), "mask from nowhere");
	mask = 1;
	tap_says(sys(SYS_sched_setaffinity, NOBODY, 8, &mask), "nobody");
	tap_says(sys(SYS_sched_setaffinity, 0, 1, &mask), "one byte");
	tap_is(cpu_now(), 0, "runs there");
	sys(SYS_sched_getaffinity, 0, 8, &one);
	tap_is(one, 1, "and says so");
	child = fork();
	if (!child) {
		sys(SYS_sched_getaffinity, 0, 8, &one);
		_exit(one == 1 ? 0 : 1);
	}
	waitpid(child, &status, 0);
	tap_is(status, 0, "a child inherits it");
}

static void a_thread_moves_itself(unsigned long all)
{
	unsigned long one;
	int wrong = 0;

	for (int i = 0; i < 200; i++)
		for (unsigned cpu = 0; all >> cpu & 1; cpu++) {
			one = 1ul << cpu;
			wrong += sys(SYS_sched_setaffinity, 0, 8, &one) != 0 || cpu_now() != cpu;
		}
	tap_is(wrong, 0, "a thread moves itself at once");
	sys(SYS_sched_setaffinity, 0, 8, &all);
}

static void a_running_thread_is_moved(unsigned long all)
{
	unsigned long one;
	int wrong = 0;
	pthread_t t;

	if (pthread_create(&t, NULL, spinner, NULL))
		tap_bail("no thread");
	while (!spinning)
		usleep(100);
	for (int i = 0; i < 100; i++)
		for (unsigned cpu = 0; all >> cpu & 1; cpu++) {
			one = 1ul << cpu;
			wrong += sys(SYS_sched_setaffinity, spinning, 8, &one) != 0;
			/* It may have read its CPU before and be about to store that. */
			for (int n = 0; seen_cpu != cpu && n < 2000; n++)
				usleep(100);
			for (int n = 0; n < 20; n++)
				wrong += seen_cpu != cpu;
		}
	stop = 1;
	pthread_join(t, NULL);
	tap_is(wrong, 0, "a running thread is moved");
}

static void affinity(void)
{
	unsigned long all = affinity_got();

	affinity_set();
	a_thread_moves_itself(all);
	a_running_thread_is_moved(all);
}

static void io_priority(void)
{
	for (int which = 0; which <= 4; which++) {
		tap_says(sys(SYS_ioprio_get, which, NOBODY), "ioprio_get %d of nobody", which);
		tap_says(sys(SYS_ioprio_set, which, NOBODY, 2 << 13), "ioprio_set %d of nobody",
			 which);
	}
	tap_says(sys(SYS_ioprio_get, 1, 0), "ioprio");
	for (int class = 0; class <= 8; class++) {
		tap_says(sys(SYS_ioprio_set, 1, 0, class << 13), "ioprio class %d", class);
		tap_says(sys(SYS_ioprio_get, 1, 0), "is now");
	}
	tap_says(sys(SYS_ioprio_set, 1, 0, 4), "class none with a level");
	tap_says(sys(SYS_ioprio_set, 1, 0, 2 << 13 | 7), "best effort 7");
	tap_says(sys(SYS_ioprio_get, 1, 0), "is now");
	pid_t child = fork();
	int status;

	if (!child)
		_exit(sys(SYS_ioprio_get, 1, 0) & 7);
	waitpid(child, &status, 0);
	tap_says(WEXITSTATUS(status), "a child inherits it");
	tap_says(sys(SYS_ioprio_set, 2, 0, 2 << 13 | 3), "of the group");
	tap_says(sys(SYS_ioprio_get, 2, 0), "is now");
}

/* Two threads on one CPU: by nice, the heavier one gets more. */
static long share_of(int nice_a, int nice_b)
{
	volatile long *count =
		mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unsigned long one = 1;
	pid_t child[2];

	for (int i = 0; i < 2; i++) {
		child[i] = fork();
		if (!child[i]) {
			sys(SYS_sched_setaffinity, 0, 8, &one);
			setpriority(PRIO_PROCESS, 0, i ? nice_b : nice_a);
			for (;;)
				count[i * 64]++;
		}
	}
	usleep(100000);
	long a = count[0], b = count[64];

	usleep(900000);
	a = count[0] - a;
	b = count[64] - b;
	for (int i = 0; i < 2; i++) {
		kill(child[i], SIGKILL);
		waitpid(child[i], NULL, 0);
	}
	return b ? a * 10 / b : 1000;
}

int main(void)
{
	struct timespec ts;

	bounds();
	in_child(policies);
	in_child(reset_on_fork);
	niceness();
	attributes();
	in_child(as_user);
	in_child(as_user_with_limits);
	in_child(rttime);
	in_child(real_time_leaves_a_part);
	affinity();
	io_priority();
	tap_is(sys(SYS_sched_yield), 0, "yield");
	tap_says(sys(SYS_sched_rr_get_interval, 0, &ts), "interval");
	tap_says(sys(SYS_sched_rr_get_interval, 0, BAD), "interval to nowhere");
	tap_says(sys(SYS_sched_rr_get_interval, NOBODY, &ts), "interval of nobody");
	tap_says(sys(SYS_sched_rr_get_interval, -1, &ts), "interval of -1");
	long share = share_of(0, 0);

	tap_note("share %ld", share);
	tap_ok(share >= 6 && share <= 16, "equal threads share a CPU");
	share = share_of(0, 10);
	tap_note("share %ld", share);
	tap_ok(share >= 25 && share <= 200, "nice 0 gets nine times what nice 10 gets");
	return tap_exit();
}
