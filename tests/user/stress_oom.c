/* SPDX-License-Identifier: MIT */
/*
 * Out of memory: the process that takes all of it ends, nobody else does, and
 * its memory comes back.
 */
#include "mem.h"
#include <sys/sysinfo.h>

#define STEP	(1ul << 20)
#define MOST_BYTES (1ul << 30)

/* Take memory until something stops us. */
static void take_all(void)
{
	for (;;) {
		char *p = mmap(NULL, STEP, RW, PRIVATE | MAP_NORESERVE, -1, 0);

		if (p == MAP_FAILED)
			_exit(1);
		for (unsigned long i = 0; i < STEP; i += PAGE)
			p[i] = 1;
	}
}

/* The same in threads of one mm, one of which sits in a system call. */
static void *take_all_thread(void *arg)
{
	(void)arg;
	take_all();
	return NULL;
}

#include <pthread.h>

static void take_all_in_threads(void)
{
	pthread_t t;
	int pipes[2];
	char c;

	if (pipe(pipes))
		_exit(2);
	for (int i = 0; i < 3; i++)
		pthread_create(&t, NULL, take_all_thread, NULL);
	while (read(pipes[0], &c, 1) >= 0)
		;
}

#define BYSTANDERS	8

/* Take and give back a little, for ever: it asks for memory when there is none. */
static void come_and_go(void)
{
	for (;;) {
		char *p = map(64);

		memset(p, 1, 64 * PAGE);
		munmap(p, 64 * PAGE);
	}
}

/* How many of those live through a process that takes all of it, again and again. */
static int bystanders_left(void)
{
	pid_t who[BYSTANDERS];
	int left = 0;

	for (int i = 0; i < BYSTANDERS; i++)
		who[i] = CHILD(come_and_go());
	for (int i = 0; i < 3; i++)
		(void)CODE(take_all());
	for (int i = 0; i < BYSTANDERS; i++) {
		left += waitpid(who[i], NULL, WNOHANG) == 0;
		kill(who[i], SIGKILL);
		waitpid(who[i], NULL, 0);
	}
	return left;
}

int main(void)
{
	char *mine = map(64);
	struct sysinfo info;
	pid_t small;

	if (!sysinfo(&info) && info.totalram > MOST_BYTES) {
		tap_skip(1, "more memory than can be filled in time");
		return tap_exit();
	}
	memset(mine, 7, 64 * PAGE);
	small = CHILD(for (;;) { sleep_ms(20); mine[PAGE]++; });
	for (int i = 0; i < 3; i++)
		tap_is(CODE(take_all()), -SIGKILL, "who takes all memory is killed");
	tap_is(CODE(take_all_in_threads()), -SIGKILL, "so is a process of many threads");
	tap_is(bystanders_left(), BYSTANDERS, "who asks for a little at the same time lives");
	tap_is(CODE(memset(map(2048), 1, 2048 * PAGE)), 0, "the memory is back");
	tap_is(mine[63 * PAGE], 7, "what others have is untouched");
	tap_is(kill(small, 0), 0, "a small process lives");
	kill(small, SIGKILL);
	tap_is(code_of(status_of(small)), -SIGKILL, "until it is killed");
	return tap_exit();
}
