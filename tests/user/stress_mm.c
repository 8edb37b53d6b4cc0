/* SPDX-License-Identifier: MIT */
/*
 * One address space, many threads: map, unmap, protect,
 * fault, fork, at once; every value is checked.
 */
#include <pthread.h>
#include <setjmp.h>
#include <sys/mman.h>
#include "stress.h"

#define THREADS	5

static volatile int bad, rounds;
static __thread sigjmp_buf escape;
static __thread volatile int expecting;

static void on_fault(int sig)
{
	if (!expecting)
		_exit(50);
	siglongjmp(escape, 1);
}

/* A mapping of one's own, written, read, cut to pieces and given back. */
static void own(unsigned long *chance)
{
	long pages = 1 + draw(chance) % 32, mark = draw(chance);
	char *p = mmap(NULL, pages * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		       0);

	if (p == MAP_FAILED) {
		bad++;
		return;
	}
	for (long i = 0; i < pages; i++) {
		if (*(long *)(p + i * 4096))
			bad++;
		*(long *)(p + i * 4096) = mark + i;
	}
	if (pages > 4) {
		munmap(p + 4096, 4096);
		mprotect(p + 2 * 4096, 4096, PROT_READ);
		madvise(p + 3 * 4096, 4096, MADV_DONTNEED);
		if (*(long *)(p + 2 * 4096) != mark + 2 || *(long *)(p + 3 * 4096))
			bad++;
		mprotect(p + 2 * 4096, 4096, PROT_READ | PROT_WRITE);
		*(long *)(p + 2 * 4096) = mark + 2;
		*(long *)(p + 3 * 4096) = mark + 3;
	}
	sched_yield();
	for (long i = 0; i < pages; i++)
		if (!(pages > 4 && i == 1) && *(long *)(p + i * 4096) != mark + i)
			bad++;
	/* Around the hole: somebody else may have mapped there since. */
	munmap(p, pages > 4 ? 4096 : pages * 4096);
	if (pages > 4)
		munmap(p + 2 * 4096, (pages - 2) * 4096);
}

/* What another thread unmaps must fault, and on no hart still be seen. */
static void gone(unsigned long *chance)
{
	char *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	p[0] = p[4096] = 1;
	munmap(p, 4096);
	expecting = 1;
	if (!sigsetjmp(escape, 1)) {
		(void)*(volatile char *)p;
		/* Somebody else may have mapped there in between: then it was theirs. */
	}
	mprotect(p + 4096, 4096, PROT_READ);
	if (!sigsetjmp(escape, 1)) {
		*(volatile char *)(p + 4096) = 2;
		bad++;
	}
	expecting = 0;
	munmap(p + 4096, 4096);
}

static void *common;
static long common_lock;

/* All threads fault the same fresh pages: each page is made once. */
static void together(void)
{
	long *p = __atomic_load_n((long **)&common, __ATOMIC_ACQUIRE);

	for (int i = 0; i < 32; i++)
		__atomic_add_fetch(p + i * 512, 1, __ATOMIC_RELAXED);
	__atomic_add_fetch(&common_lock, 1, __ATOMIC_RELAXED);
}

static void forks(unsigned long *chance)
{
	pid_t pid;
	long at = draw(chance) % 32 * 512, *p = common;

	pid = fork();
	if (!pid) {
		long v = p[at];
		for (int i = 0; i < 100; i++)
			if (p[at] != v)
				_exit(1);
		p[at] = -1;
		_exit(p[at] == -1 ? 0 : 2);
	}
	if (pid < 0 || status_of(pid))
		bad++;
}

static void *body(void *arg)
{
	unsigned long chance = (long)arg * 104729 + 17;

	while (stress_goes_on()) {
		switch (draw(&chance) % 8) {
		case 0 ... 3: own(&chance); break;
		case 4: gone(&chance); break;
		case 5 ... 6: together(); break;
		case 7: forks(&chance); break;
		}
		__atomic_add_fetch(&rounds, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void threads(void)
{
	pthread_t t[THREADS];
	long total = 0;

	common = mmap(NULL, 32 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (long i = 0; i < THREADS; i++)
		pthread_create(&t[i], NULL, body, (void *)i);
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	for (int i = 0; i < 32; i++)
		total += ((long *)common)[i * 512];
	tap_is(bad, 0, "mappings of many threads");
	tap_is(total, common_lock * 32, "no write to a shared page is lost, fork or not");
	tap_ok(rounds > 0, "they went on");
}

static void *brk_body(void *arg)
{
	unsigned long chance = (long)arg + 99;
	char *held[32] = { };

	while (stress_goes_on()) {
		int i = draw(&chance) % 32;
		long n = 1 + draw(&chance) % 100000;

		if (held[i] && held[i][0] != (char)i)
			bad++;
		free(held[i]);
		held[i] = malloc(n);
		held[i][0] = i;
		held[i][n - 1] = 1;
		held[i][0] = i;
	}
	for (int i = 0; i < 32; i++)
		free(held[i]);
	return NULL;
}

int main(void)
{
	struct sigaction act = { .sa_handler = on_fault, .sa_flags = SA_NODEFER };
	pthread_t t[4];

	sigaction(SIGSEGV, &act, NULL);
	stress_start();
	threads();
	stress_start();
	for (long i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, brk_body, (void *)i);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	tap_is(bad, 0, "heaps of many threads");
	return tap_exit();
}
