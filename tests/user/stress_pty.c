/* SPDX-License-Identifier: MIT */
/*
 * Pairs under fire: bytes through a pair arrive whole and in order both ways, and
 * pairs that are opened, written, read, resized, signalled and closed on every CPU at
 * once neither hang nor leak their numbers.
 */
#include "pty.h"

#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#define WORKERS		6
#define BYTES		200000		/* each way */
#define CHURN_S		6

static long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

static unsigned next_random(unsigned *seed)
{
	*seed = *seed * 1103515245u + 12345u;
	return *seed >> 16;
}

static unsigned char pattern(unsigned i)
{
	return i * 7 + (i >> 8);
}

/* Write the pattern in pieces of changing size. */
static int send_all(int fd, unsigned seed)
{
	unsigned char buf[1500];
	unsigned sent = 0;

	while (sent < BYTES) {
		unsigned want = next_random(&seed) % sizeof(buf) + 1;
		long n;

		if (want > BYTES - sent)
			want = BYTES - sent;
		for (unsigned i = 0; i < want; i++)
			buf[i] = pattern(sent + i);
		n = write(fd, buf, want);
		if (n <= 0)
			return 1;
		sent += n;
	}
	return 0;
}

static int receive_all(int fd, unsigned seed)
{
	unsigned char buf[1500];
	unsigned got = 0;

	while (got < BYTES) {
		long n = read(fd, buf, next_random(&seed) % sizeof(buf) + 1);

		if (n <= 0)
			return 2;
		for (long i = 0; i < n; i++)
			if (buf[i] != pattern(got + i))
				return 3;
		got += n;
	}
	return got != BYTES;
}

/* Four processes on one raw pair. 0: all bytes arrived. */
static int both_ways(void)
{
	struct pair p = pty_open();
	int bad = 0, status;

	set_raw(p.slave, 1, 0);
	for (int i = 0; i < 4; i++) {
		pid_t pid = fork();

		if (!pid) {
			int fd = i & 1 ? p.master : p.slave;

			alarm(50);
			_exit(i < 2 ? send_all(fd, i) : receive_all(fd, i));
		}
	}
	for (int i = 0; i < 4; i++) {
		wait(&status);
		if (status)
			tap_note("status %#x", status);
		bad |= status;
	}
	pty_close(&p);
	return bad;
}

/* The session on the slave: reads, writes and settings, whatever comes back. */
static void play_slave(int master, unsigned seed)
{
	char buf[200];
	int s;

	setsid();
	alarm(30);
	s = pty_slave(master, O_RDWR);
	close(master);
	fcntl(s, F_SETFL, next_random(&seed) & 1 ? O_NONBLOCK : 0);
	for (int i = 0; i < 50; i++) {
		switch (next_random(&seed) % 6) {
		case 0:
			(void)!read(s, buf, sizeof(buf));
			break;
		case 1:
			set_raw(s, next_random(&seed) & 1, 1);
			break;
		case 2:
			tcflush(s, TCIOFLUSH);
			break;
		case 3:
			set_modes(s, ICRNL | IXON, 0, 0, 0, ICANON | ISIG | ECHO, 0);
			break;
		default:
			(void)!write(s, "some output\n", 12);
		}
	}
	_exit(0);
}

static void play_master(int m, unsigned seed)
{
	char buf[300];

	fcntl(m, F_SETFL, O_NONBLOCK);
	for (int i = next_random(&seed) % 60; i > 0; i--) {
		struct winsize ws = { i, 80, 0, 0 };

		switch (next_random(&seed) % 8) {
		case 0:
		case 1:
			(void)!write(m, "typed\rtext\003\021", 12);
			break;
		case 2:
			ioctl(m, TIOCSWINSZ, &ws);
			break;
		case 3:
			(void)!write(m, "\023", 1);
			break;
		case 4:
			sched_yield();
			break;
		default:
			(void)!read(m, buf, sizeof(buf));
		}
	}
}

static int churn(unsigned seed)
{
	long end = now() + CHURN_S;
	int rounds = 0;

	while (now() < end) {
		int m = pty_master(), status;
		pid_t pid = fork();

		if (!pid)
			play_slave(m, seed ^ rounds);
		play_master(m, seed + rounds);
		if (next_random(&seed) & 1)
			kill(pid, SIGKILL);
		close(m);
		if (waitpid(pid, &status, 0) != pid)
			return 1;
		if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
			return 2;
		rounds++;
	}
	return rounds < 3 ? 3 : 0;
}

/* Two processes read and write one slave while its master comes and goes. */
static int shared_slave(unsigned seed)
{
	long end = now() + CHURN_S;

	while (now() < end) {
		struct pair p = pty_open();
		pid_t pids[3];
		int status;

		for (int i = 0; i < 3; i++) {
			pids[i] = fork();
			if (!pids[i]) {
				char buf[64];

				close(p.master);
				alarm(30);
				for (int n = 0; n < 1000; n++) {
					if (i == 0 && read(p.slave, buf, sizeof(buf)) <= 0)
						_exit(0);
					if (i == 1 && write(p.slave, buf, sizeof(buf)) <= 0)
						_exit(0);
					if (i == 2) {
						struct pollfd pfd = { .fd = p.slave, .events = POLLIN };

						poll(&pfd, 1, 1000);
						if (pfd.revents & POLLHUP)
							_exit(0);
					}
				}
				_exit(0);
			}
		}
		close(p.slave);
		play_master(p.master, seed++);
		close(p.master);
		for (int i = 0; i < 3; i++)
			if (waitpid(pids[i], &status, 0) != pids[i] || status)
				return 1;
	}
	return 0;
}

int main(void)
{
	pid_t pids[WORKERS];
	int status, n = -1, m;

	tap_is(both_ways(), 0, "every byte arrives, both ways at once");
	for (int i = 0; i < WORKERS; i++) {
		pids[i] = fork();
		if (!pids[i])
			_exit(i & 1 ? shared_slave(i * 977) : churn(i * 1013 + 5));
	}
	for (int i = 0; i < WORKERS; i++) {
		waitpid(pids[i], &status, 0);
		tap_is(status, 0, "worker %d", i);
	}
	m = pty_master();
	ioctl(m, TIOCGPTN, &n);
	tap_is(n, 0, "every number is free again");
	return tap_exit();
}
