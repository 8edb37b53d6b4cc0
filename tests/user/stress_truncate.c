/* SPDX-License-Identifier: MIT */
/*
 * A file is cut while others fault its page in: once truncate has returned, no access finds
 * what was cut, neither through a shared mapping nor through a private one.
 */
#include <pthread.h>
#include <setjmp.h>
#include <sys/mman.h>
#include "stress.h"

#define THREADS	3
#define PAGE	4096

enum way { SHARED_READ, SHARED_WRITE, PRIVATE_WRITE, WAYS };

static int file;
static volatile char *volatile place;
static volatile enum way way;
static volatile bool over;
static __thread sigjmp_buf escape;

static void on_fault(int sig)
{
	(void)sig;
	siglongjmp(escape, 1);
}

/* Whether there was a page. */
static bool access_once(void)
{
	if (sigsetjmp(escape, 1))
		return false;
	if (way == SHARED_READ)
		(void)*place;
	else
		*place = 1;
	return true;
}

static void *fault_in(void *arg)
{
	(void)arg;
	while (!over)
		access_once();
	return NULL;
}

/* Cut, look, make it longer again; how often there was something to see. */
static long cut_for(enum way w)
{
	long seen = 0;

	way = w;
	place = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, w == PRIVATE_WRITE ? MAP_PRIVATE : MAP_SHARED, file, 0);
	if (place == MAP_FAILED)
		tap_bail("mmap: %s", strerror(errno));
	stress_start();
	while (stress_goes_on())
		for (int i = 0; i < 100; i++) {
			if (ftruncate(file, PAGE))
				tap_bail("ftruncate: %s", strerror(errno));
			if (i % 2)
				sched_yield();
			if (ftruncate(file, 0))
				tap_bail("ftruncate: %s", strerror(errno));
			seen += access_once();
		}
	return seen;
}

int main(void)
{
	static const char *const names[WAYS] = { "shared, read", "shared, written", "private, written" };
	pthread_t threads[THREADS];

	signal(SIGBUS, on_fault);
	file = open("/tmp/cut", O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (file < 0)
		tap_bail("open: %s", strerror(errno));
	way = SHARED_READ;
	place = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, file, 0);
	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, fault_in, NULL);
	for (int w = 0; w < WAYS; w++)
		tap_is(cut_for(w), 0, "%s: nothing behind the end", names[w]);
	over = true;
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	close(file);
	return tap_exit();
}
