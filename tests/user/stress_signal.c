/* SPDX-License-Identifier: MIT */
/*
 * Signal storms: between processes and threads, stops and
 * continuations among them, none lost that must not be.
 */
#include <pthread.h>
#include "stress.h"

static volatile long got_rt, got_std, sum, expected_sum;
static volatile int float_bad;

static void on_rt(int sig, siginfo_t *info, void *context)
{
	got_rt++;
	sum += info->si_value.sival_int;
}

static void on_std(int sig)
{
	volatile double x = got_std;

	got_std++;
	for (int i = 0; i < 20; i++)
		x = x * 1.25 + 1;
}

/* Queue real-time signals to a sibling that computes: all arrive, its numbers stay right. */
static void queued(void)
{
	int p[2];
	long sent = 0, total = 0, result[3];

	pipe(p);
	pid_t target = CHILD(
		struct sigaction rt = { .sa_sigaction = on_rt, .sa_flags = SA_SIGINFO };
		double x = 1;
		sigaction(SIGRTMIN, &rt, NULL);
		signal(SIGUSR1, on_std);
		signal(SIGTERM, on_std);
		write(p[1], "r", 1);
		long last = -1;
		while (last != -2) {
			for (int i = 0; i < 1000; i++)
				x = x * 1.0000001;
			if (x > 1e6)
				x = 1;
			for (int i = 0; i < 1000; i++)
				x = x / 1.0000001;
			float_bad += x < 0.9 || x > 1.1;
			x = 1;
			last = sum < 0 ? -2 : 0;
		}
		result[0] = got_rt; result[1] = sum; result[2] = float_bad;
		write(p[1], result, sizeof(result)));
	char c;
	read(p[0], &c, 1);
	while (stress_goes_on()) {
		union sigval value = { .sival_int = sent % 100 };

		if (!sigqueue(target, SIGRTMIN, value)) {
			total += sent % 100;
			sent++;
		} else {
			sched_yield();
		}
		if (sent % 7 == 0)
			kill(target, SIGUSR1);
	}
	union sigval end = { .sival_int = -1000000000 };
	while (sigqueue(target, SIGRTMIN, end))
		sched_yield();
	read(p[0], result, sizeof(result));
	tap_is(result[0], sent + 1, "every queued signal arrives");
	tap_is(result[1], total - 1000000000, "with its value");
	tap_is(result[2], 0, "and disturbs no computation");
	tap_is(status_of(target), 0, "the target ends");
	close(p[0]);
	close(p[1]);
}

/* Stop and continue children that work; they must end, with their work done. */
static void stopped(void)
{
	int bad = 0, stops = 0;

	while (stress_goes_on()) {
		pid_t child[3];

		for (int i = 0; i < 3; i++)
			child[i] = CHILD(long x = 0; for (int j = 0; j < 200000; j++) x += j;
					 _exit(x == 19999900000 ? 5 : 6));
		for (int i = 0; i < 30; i++) {
			kill(child[i % 3], i % 2 ? SIGCONT : SIGSTOP);
			stops++;
		}
		for (int i = 0; i < 3; i++) {
			kill(child[i], SIGCONT);
			bad += code_of(status_of(child[i])) != 5;
		}
	}
	tap_ok(!bad && stops, "stopped and continued at random");
}

static volatile int stop_threads;
static void *pinger(void *arg)
{
	pthread_t *peers = arg;
	unsigned long chance = (long)&chance ^ gettid() * 7919;

	while (!stop_threads) {
		pthread_kill(peers[draw(&chance) % 4], SIGUSR1);
		if (draw(&chance) % 16 == 0)
			usleep(10);
		if (draw(&chance) % 16 == 1)
			free(malloc(100 + draw(&chance) % 50000));
	}
	return NULL;
}

static void threads(void)
{
	static pthread_t t[4];
	long before = got_std;

	signal(SIGUSR1, on_std);
	for (int i = 0; i < 4; i++)
		t[i] = pthread_self();
	for (int i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, pinger, t);
	while (stress_goes_on())
		sleep_ms(5);
	stop_threads = 1;
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	tap_ok(got_std > before, "threads that signal one another");
}

/* Children that die by signals while others send to their group. */
static void groups(void)
{
	int rounds = 0, bad = 0;

	while (stress_goes_on()) {
		pid_t leader = CHILD(setpgid(0, 0); for (;;) pause());

		setpgid(leader, leader);
		for (int i = 0; i < 4; i++)
			setpgid(CHILD(setpgid(0, leader); for (;;) getppid()), leader);
		kill(-leader, SIGSTOP);
		kill(-leader, SIGCONT);
		kill(-leader, rounds % 2 ? SIGTERM : SIGKILL);
		for (int i = 0, s; i < 5; i++)
			bad += wait(&s) < 0 || !WIFSIGNALED(s);
		rounds++;
	}
	tap_ok(!bad && rounds, "groups ended by one signal");
}

int main(void)
{
	stress_start();
	queued();
	stress_start();
	stopped();
	stress_start();
	threads();
	stress_start();
	groups();
	return tap_exit();
}
