/* SPDX-License-Identifier: MIT */
/* Fork, exec, exit and wait at once on all harts, with memory that must stay apart. */
#include <sys/mman.h>
#include "stress.h"

#define WORKERS	6
#define PAGES	24

static long *memory;

static int check(long salt)
{
	for (int i = 0; i < PAGES * 512; i += 64)
		if (memory[i] != salt + i)
			return 0;
	return 1;
}

static void fill(long salt)
{
	for (int i = 0; i < PAGES * 512; i += 64)
		memory[i] = salt + i;
}

/* A child changes its copy; neither side may see the other's. */
static int copies(unsigned long *chance)
{
	long mine = draw(chance) | 1, theirs = mine * 3;
	pid_t pid;

	fill(mine);
	pid = fork();
	if (pid < 0)
		return 0;
	if (!pid) {
		if (!check(mine))
			_exit(1);
		fill(theirs);
		_exit(check(theirs) ? 0 : 2);
	}
	for (int i = 0; i < 20; i++)
		if (!check(mine))
			return 0;
	return !status_of(pid) && check(mine);
}

static int execs(unsigned long *chance)
{
	char code[8];
	pid_t pid;

	snprintf(code, sizeof(code), "%lu", draw(chance) % 100);
	pid = draw(chance) % 2 ? vfork() : fork();
	if (!pid) {
		execl("/proc/self/exe", "stress_fork", code, NULL);
		_exit(127);
	}
	return pid > 0 && code_of(status_of(pid)) == atoi(code);
}

/* A tree that dies from the top: init has to reap the rest. */
static int orphans(void)
{
	pid_t pid = fork();

	if (!pid) {
		for (int i = 0; i < 3; i++)
			if (!fork())
				break;
		_exit(0);
	}
	return pid > 0 && !status_of(pid);
}

static int killed(unsigned long *chance)
{
	pid_t pid = fork();

	if (!pid)
		for (;;)
			fill(getppid());
	if (pid < 0)
		return 0;
	if (draw(chance) % 2)
		sched_yield();
	kill(pid, SIGKILL);
	return code_of(status_of(pid)) == -SIGKILL;
}

static int work(unsigned long chance)
{
	int rounds = 0;

	while (stress_goes_on()) {
		int good = 1;

		switch (draw(&chance) % 4) {
		case 0: good = copies(&chance); break;
		case 1: good = execs(&chance); break;
		case 2: good = orphans(); break;
		case 3: good = killed(&chance); break;
		}
		if (!good)
			_exit(1);
		rounds++;
	}
	_exit(rounds ? 0 : 3);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return atoi(argv[1]);
	memory = mmap(NULL, PAGES * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		      0);
	stress_start();
	for (int i = 0; i < WORKERS; i++)
		CHILD(work(88172645463325252ul + i));
	tap_is(reap_failures(WORKERS), 0, "fork, exec, exit, wait");
	return tap_exit();
}
