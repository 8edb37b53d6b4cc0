/* SPDX-License-Identifier: MIT */
/*
 * Files made to be waited for: eventfd, timerfd, signalfd.
 */
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include "polling.h"

static void test_eventfd(void)
{
	uint64_t v = 3;
	int e = eventfd(5, EFD_NONBLOCK);
	struct stat st;
	char link[64], name[32];

	tap_is(read(e, &v, 8), 8, "eventfd");
	tap_is(v, 5, "first value");
	tap_is(err(read(e, &v, 8)), -EAGAIN, "read takes all");
	tap_is(ready(e, POLLIN | POLLOUT), POLLOUT, "writable only");
	v = 2;
	write(e, &v, 8);
	write(e, &v, 8);
	tap_is(ready(e, POLLIN | POLLOUT), POLLIN | POLLOUT, "both");
	tap_is(err(read(e, &v, 4)), -EINVAL, "short read");
	tap_is(err(write(e, &v, 4)), -EINVAL, "short write");
	tap_is(read(e, &v, 8) == 8 && v == 4, 1, "writes add up");
	v = ~0ull;
	tap_is(err(write(e, &v, 8)), -EINVAL, "the largest value");
	v = ~0ull - 1;
	tap_is(write(e, &v, 8), 8, "the largest but one");
	tap_is(ready(e, POLLIN | POLLOUT), POLLIN, "is full");
	v = 1;
	tap_is(err(write(e, &v, 8)), -EAGAIN, "one more");
	v = 0;
	tap_is(write(e, &v, 8), 8, "zero more");
	tap_is(err(pread(e, &v, 8, 0)), -ESPIPE, "pread");
	fstat(e, &st);
	tap_is(st.st_mode, 0600, "mode of an anonymous file");
	snprintf(name, sizeof(name), "/proc/self/fd/%d", e);
	if (access("/proc/self/fd", F_OK))
		tap_skip(1, "no /proc");
	else
		tap_is(readlink(name, link, sizeof(link)) == 20 &&
			       !memcmp(link, "anon_inode:[eventfd]", 20),
		       1, "name");
	close(e);
	e = eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK | EFD_CLOEXEC);
	tap_is(fcntl(e, F_GETFD), FD_CLOEXEC, "EFD_CLOEXEC");
	tap_is(read(e, &v, 8) == 8 && v == 1, 1, "semaphore: one");
	tap_is(read(e, &v, 8) == 8 && v == 1, 1, "and one");
	tap_is(err(read(e, &v, 8)), -EAGAIN, "and none");
	close(e);
	tap_is(sys(SYS_eventfd2, 0, 2), -EINVAL, "eventfd flags");
}

static long left_ms(int fd)
{
	struct itimerspec it;

	timerfd_gettime(fd, &it);
	return it.it_value.tv_sec * 1000 + it.it_value.tv_nsec / MS;
}

static void timerfd_counts(void)
{
	struct itimerspec it = { { 0 }, { 0, 30 * MS } }, old;
	uint64_t v = 0;
	int t = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
	short r;

	tap_is(err(read(t, &v, 8)), -EAGAIN, "a timer not set");
	tap_is(left_ms(t), 0, "nothing left");
	tap_is(err(timerfd_settime(t, 0, &it, &old)), 0, "set");
	tap_is(old.it_value.tv_nsec, 0, "old value");
	tap_is(left_ms(t) <= 30, 1, "left");
	tap_is(poll1(t, POLLIN, 2000, &r), 1, "poll");
	tap_is(r, POLLIN, "readable");
	tap_is(read(t, &v, 8), 8, "read");
	tap_is(v, 1, "one expiration");
	tap_is(err(read(t, &v, 8)), -EAGAIN, "only once");
	it.it_interval.tv_nsec = 10 * MS;
	timerfd_settime(t, 0, &it, NULL);
	usleep(100000);
	tap_is(read(t, &v, 8) == 8 && v >= 5, 1, "a periodic one counts");
	timerfd_gettime(t, &it);
	tap_is(it.it_interval.tv_nsec, 10 * MS, "interval");
	fcntl(t, F_SETFL, 0);
	tap_is(read(t, &v, 8), 8, "a blocking read");
	memset(&it, 0, sizeof(it));
	timerfd_settime(t, 0, &it, &old);
	tap_is(old.it_interval.tv_nsec, 10 * MS, "old interval");
	fcntl(t, F_SETFL, O_NONBLOCK);
	tap_is(err(read(t, &v, 8)), -EAGAIN, "disarmed");
	it.it_value.tv_nsec = 1;
	tap_is(err(timerfd_settime(t, TFD_TIMER_ABSTIME, &it, NULL)), 0, "a time long past");
	usleep(1000);
	tap_is(read(t, &v, 8) == 8 && v == 1, 1, "is over at once");
	it.it_value.tv_nsec = 1000000000;
	tap_is(err(timerfd_settime(t, 0, &it, NULL)), -EINVAL, "bad time");
	it.it_value.tv_nsec = 0;
	tap_is(err(timerfd_settime(t, 8, &it, NULL)), -EINVAL, "flags");
	tap_is(err(timerfd_settime(0, 0, &it, NULL)), -EINVAL, "what is no timer");
	tap_is(err(timerfd_settime(77, 0, &it, NULL)), -EBADF, "what is nothing");
	tap_is(err(read(t, &v, 4)), -EINVAL, "short read");
	tap_is(err(write(t, &v, 8)), -EINVAL, "write");
	tap_is(err(timerfd_create(2, 0)), -EINVAL, "a CPU clock");
	tap_is(err(timerfd_create(CLOCK_MONOTONIC, 1)), -EINVAL, "create flags");
	close(t);
}

static void timerfd_clock_is_set(void)
{
	int t = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK);
	struct itimerspec it = { 0 };
	struct timespec now;
	uint64_t v;
	short r;

	clock_gettime(CLOCK_REALTIME, &now);
	it.it_value = (struct timespec){ now.tv_sec + 1000, 0 };
	tap_is(err(timerfd_settime(t, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &it, NULL)), 0,
	       "CANCEL_ON_SET");
	tap_is(ready(t, POLLIN), 0, "not yet");
	now.tv_sec += 10;
	clock_settime(CLOCK_REALTIME, &now);
	tap_is(ready(t, POLLIN), POLLIN, "the clock was set");
	tap_is(err(read(t, &v, 8)), -ECANCELED, "ECANCELED");
	tap_is(err(read(t, &v, 8)), -EAGAIN, "once");
	tap_is(left_ms(t) > 980000 && left_ms(t) < 991000, 1, "what is left follows the clock");
	it.it_value = (struct timespec){ now.tv_sec + 1000, 0 };
	timerfd_settime(t, TFD_TIMER_ABSTIME, &it, NULL);
	now.tv_sec += 2000;
	clock_settime(CLOCK_REALTIME, &now);
	tap_is(poll1(t, POLLIN, 1000, &r), 1, "setting the clock past it ends it");
	tap_is(read(t, &v, 8), 8, "an expiration");
	now.tv_sec -= 2010;
	clock_settime(CLOCK_REALTIME, &now);
	close(t);
}

static void test_timerfd(void)
{
	int t;

	timerfd_counts();
	timerfd_clock_is_set();
	t = timerfd_create(CLOCK_BOOTTIME, 0);
	tap_is(t >= 0, 1, "CLOCK_BOOTTIME");
	close(t);
}

/* A child adds its signalfd to an epoll that outlives it. */
static void signalfd_of_a_child(int ep, const sigset_t *set)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		int mine = signalfd(-1, set, SFD_NONBLOCK);

		_exit(ep_ctl(ep, EPOLL_CTL_ADD, mine, EPOLLIN, 1) ? 1 : 0);
	}
	waitpid(pid, &status, 0);
	tap_is(status, 0, "an epoll that outlives the process of a signalfd");
	usleep(50000);
}

static void test_signalfd(void)
{
	struct signalfd_siginfo info[3];
	struct epoll_event ev;
	sigset_t set;
	int s, ep;
	short r;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &set, NULL);
	s = signalfd(-1, &set, SFD_NONBLOCK);
	tap_is(err(read(s, info, sizeof(info))), -EAGAIN, "signalfd: nothing");
	tap_is(ready(s, POLLIN), 0, "poll says so");
	raise(SIGUSR1);
	tap_is(ready(s, POLLIN), POLLIN, "a signal");
	tap_is(err(read(s, info, 100)), -EINVAL, "no room");
	tap_is(read(s, info, sizeof(info)), 128, "read it");
	tap_is(info[0].ssi_signo, SIGUSR1, "which");
	tap_is(info[0].ssi_pid, getpid(), "from whom");
	tap_is(info[0].ssi_code, SI_TKILL, "how");
	union sigval v = { .sival_int = 42 };
	sigqueue(getpid(), SIGRTMIN, v);
	sigqueue(getpid(), SIGRTMIN, v);
	tap_is(read(s, info, sizeof(info)), 256, "two in one read");
	tap_is(info[1].ssi_int, 42, "with their value");
	after(50, signal_parent, SIGUSR1);
	tap_is(poll1(s, POLLIN, 2000, &r), 1, "woken by a signal");
	wait(NULL);
	read(s, info, sizeof(info));
	ep = epoll_create1(0);
	tap_is(ep_ctl(ep, EPOLL_CTL_ADD, s, EPOLLIN, 0), 0, "in an epoll");
	after(50, signal_parent, SIGUSR1);
	tap_is(ep_wait(ep, &ev, 1, 2000), 1, "woken there");
	wait(NULL);
	read(s, info, sizeof(info));
	fcntl(s, F_SETFL, 0);
	after(50, signal_parent, SIGRTMIN);
	tap_is(read(s, info, 128), 128, "a blocking read");
	wait(NULL);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	tap_is(err(signalfd(s, &set, 0)), s, "change the set");
	raise(SIGUSR2);
	tap_is(read(s, info, 128) == 128 && info[0].ssi_signo == SIGUSR2, 1, "the new signal");
	tap_is(err(signalfd(0, &set, 0)), -EINVAL, "what is no signalfd");
	tap_is(sys(SYS_signalfd4, -1, &set, 4, 0), -EINVAL, "size of the set");
	tap_is(sys(SYS_signalfd4, -1, &set, 8, 1), -EINVAL, "flags");
	signalfd_of_a_child(ep, &set);
	close(ep);
	close(s);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

int main(void)
{
	test_eventfd();
	test_timerfd();
	test_signalfd();
	return tap_exit();
}
