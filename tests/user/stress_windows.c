/* SPDX-License-Identifier: MIT */
/*
 * One address space, changed by several threads at once: each owns a window, in
 * which it maps, writes, protects, moves, drops and unmaps pages and knows what must
 * be there; all share the tree, the tables and the lock. Beside them one thread
 * forks children that check what they inherit.
 */
#include <pthread.h>
#include <stdatomic.h>
#include "mem.h"

#define THREADS	4
#define WINDOW	64			/* pages */
#define SECONDS	4

static atomic_int failures, stop;
static pthread_barrier_t ready;
static atomic_long steps, forks;
static __thread unsigned long seed;

static unsigned next(unsigned n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed % n;
}

static void fail(const char *what, int page)
{
	if (atomic_fetch_add(&failures, 1) < 5)
		tap_note("%s, page %d", what, page);
}

/* What a window should hold: -1 nothing mapped, else the byte at the start of each page. */
struct window {
	char *at, *scratch;
	short want[WINDOW];
};

/* Every page of the window is as it was left. */
static void look(const struct window *w)
{
	for (unsigned i = 0; i < WINDOW; i++)
		if (w->want[i] >= 0 && w->at[i * PAGE] != w->want[i])
			fail("page", i);
}

/* Pages from..from+n-1: new, every other one written. */
static void renew(struct window *w, unsigned from, unsigned n, unsigned mark)
{
	char *p = w->at + from * PAGE;

	if (mmap(p, n * PAGE, RW, PRIVATE | MAP_FIXED, -1, 0) != p)
		fail("mmap", from);
	for (unsigned i = 0; i < n; i++) {
		w->want[from + i] = i & 1 ? mark : 0;
		if (i & 1)
			p[i * PAGE] = mark;
	}
}

/* Where the range has a hole, what lies behind it is left alone both times. */
static void protect(struct window *w, unsigned from, unsigned n)
{
	char *p = w->at + from * PAGE;

	mprotect(p, n * PAGE, PROT_READ);
	for (unsigned i = 0; i < n; i++)
		if (w->want[from + i] >= 0 && p[i * PAGE] != w->want[from + i])
			fail("read-only page changed", from + i);
	mprotect(p, n * PAGE, RW);
}

/* One page to a place of its own, longer, and back again. */
static void move(struct window *w, unsigned from)
{
	char *p = w->at + from * PAGE, *q;

	if (w->want[from] < 0)
		return;
	q = mremap(p, PAGE, 3 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, w->scratch);
	if (q != w->scratch) {
		fail("mremap", from);
		return;
	}
	if (q[0] != w->want[from] || q[2 * PAGE])
		fail("moved page", from);
	if (mremap(q, 3 * PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, p) != p)
		fail("mremap back", from);
}

static void step(struct window *w)
{
	unsigned from = next(WINDOW), n = 1 + next(WINDOW - from < 12 ? WINDOW - from : 12),
		 mark = 1 + next(100);
	char *p = w->at + from * PAGE;

	switch (next(8)) {
	case 0:
	case 1:
		renew(w, from, n, mark);
		break;
	case 2:
		if (munmap(p, n * PAGE))
			fail("munmap", from);
		for (unsigned i = 0; i < n; i++)
			w->want[from + i] = -1;
		break;
	case 3:
		for (unsigned i = 0; i < n; i++)
			if (w->want[from + i] >= 0)
				p[i * PAGE] = w->want[from + i] = mark;
		break;
	case 4:
		protect(w, from, n);
		break;
	case 5:
		if (madvise(p, n * PAGE, MADV_DONTNEED) && errno != ENOMEM)
			fail("madvise", from);
		for (unsigned i = 0; i < n; i++)
			if (w->want[from + i] >= 0)
				w->want[from + i] = 0;
		break;
	case 6:
		move(w, from);
		break;
	case 7:
		look(w);
		break;
	}
}

static void *worker(void *arg)
{
	struct window w = { .at = map_at(NULL, WINDOW + 4, PROT_NONE, PRIVATE | MAP_NORESERVE) };
	long i;

	seed = 88172645463325252ul + 77 * (unsigned long)arg;
	w.scratch = w.at + (WINDOW + 1) * PAGE;
	/* From here on nobody maps without an address: it might be a hole of somebody's window. */
	pthread_barrier_wait(&ready);
	munmap(w.at, (WINDOW + 4) * PAGE);
	for (int k = 0; k < WINDOW; k++)
		w.want[k] = -1;
	for (i = 0; !stop; i++)
		step(&w);
	atomic_fetch_add(&steps, i);
	return NULL;
}

static void *forker(void *arg)
{
	char *mine = map(32);

	(void)arg;
	memset(mine, 1, 32 * PAGE);
	pthread_barrier_wait(&ready);
	for (int n = 2; !stop; n++) {
		pid_t pid;
		int status;

		mine[5 * PAGE] = n;
		pid = fork();
		if (!pid) {
			for (int i = 0; i < 32; i++)
				if (mine[i * PAGE] != (i == 5 ? (char)n : 1))
					_exit(1);
			memset(mine, 9, 32 * PAGE);
			_exit(0);
		}
		if (pid < 0)
			continue;
		/* Written while the child may still look: it must see its own. */
		mine[5 * PAGE] = 0;
		if (waitpid(pid, &status, 0) != pid || status)
			fail("a child saw what it should not", status);
		atomic_fetch_add(&forks, 1);
	}
	return NULL;
}

int main(void)
{
	pthread_t t[THREADS + 1];

	pthread_barrier_init(&ready, NULL, THREADS + 1);
	for (long i = 0; i < THREADS; i++)
		pthread_create(&t[i], NULL, worker, (void *)i);
	pthread_create(&t[THREADS], NULL, forker, NULL);
	sleep(SECONDS);
	stop = 1;
	for (int i = 0; i <= THREADS; i++)
		pthread_join(t[i], NULL);
	tap_note("%ld steps, %ld forks", steps, forks);
	tap_is(failures, 0, "every page is what its owner made it");
	tap_ok(steps > 50 && forks > 2, "and there was enough of it");
	return tap_exit();
}
