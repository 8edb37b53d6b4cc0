/* SPDX-License-Identifier: MIT */
/*
 * What harts owe each other, from user mode: code that one writes and all run (fence.i), pages that
 * change under them (TLB), memory in order where fences say so, atomic additions and reservations.
 * For a board's silicon; an emulator has little to get wrong.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>
#include "stress.h"

#define MAX_HARTS	8

static int harts;
static pthread_barrier_t gate;
static atomic_int going;
static atomic_ulong wrong;

/* Threads, each on a hart of its own, in rounds: the first prepares, all look. */
struct game {
	void (*prepare)(unsigned long round);
	bool (*holds)(unsigned long round, int hart);
};
static const struct game *game;

static void on_hart(int hart)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(hart, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static void *play(void *arg)
{
	int hart = (int)(intptr_t)arg;
	bool goes_on;

	on_hart(hart);
	for (unsigned long round = 1;; round++) {
		if (!hart) {
			atomic_store(&going, stress_goes_on());
			game->prepare(round);
		}
		pthread_barrier_wait(&gate);
		goes_on = atomic_load(&going);
		if (!game->holds(round, hart))
			atomic_fetch_add(&wrong, 1);
		pthread_barrier_wait(&gate);
		if (!goes_on)
			return NULL;
	}
}

static void run(const struct game *g, const char *what)
{
	pthread_t threads[MAX_HARTS];

	game = g;
	atomic_store(&wrong, 0);
	stress_start();
	/* four parts have the time of one */
	stress_until -= (stress_until - now_ms()) * 3 / 4;
	for (int i = 0; i < harts; i++)
		pthread_create(&threads[i], NULL, play, (void *)(intptr_t)i);
	for (int i = 0; i < harts; i++)
		pthread_join(threads[i], NULL);
	tap_is(atomic_load(&wrong), 0, what);
}

/* --- fence.i: a function that returns the round's number, written anew each time --- */

static uint32_t *code;

static void write_code(unsigned long round)
{
	code[0] = 0x00000513 | (uint32_t)(round & 0x7ff) << 20;	/* li a0, round */
	code[1] = 0x00008067;					/* ret */
	__builtin___clear_cache((char *)code, (char *)(code + 2));
}

static bool code_is_new(unsigned long round, int hart)
{
	return ((unsigned long (*)(void))code)() == (round & 0x7ff);
}

/* --- TLB: the same address, another page each time --- */

static unsigned long *page;

static void change_page(unsigned long round)
{
	mmap(page, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	*page = round;
}

static bool page_is_new(unsigned long round, int hart)
{
	return *(volatile unsigned long *)page == round;
}

/*
 * --- order: the two harts of a pair each write, then
 * look at the other; not both may see nothing ---
 */

static _Alignas(64) atomic_int flag[MAX_HARTS][16], saw[MAX_HARTS][16];

static void clear_flags(unsigned long round)
{
	for (int i = 0; i < MAX_HARTS; i++)
		atomic_store(&flag[i][0], 0);
}

static bool stores_are_ordered(unsigned long round, int hart)
{
	int other = hart ^ 1;

	if (other >= harts)
		return pthread_barrier_wait(&gate) || true;
	atomic_store_explicit(&flag[hart][0], 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_seq_cst);
	atomic_store_explicit(&saw[hart][0],
			      atomic_load_explicit(&flag[other][0], memory_order_relaxed),
			      memory_order_relaxed);
	pthread_barrier_wait(&gate);
	return atomic_load(&saw[hart][0]) || atomic_load(&saw[other][0]);
}

/* --- atomics: an AMO and an LR/SC loop, nothing is lost --- */

#define ADDITIONS	1000
static atomic_ulong sum;
static _Atomic uint32_t exchanged;

static void clear_sums(unsigned long round)
{
	atomic_store(&sum, 0);
	atomic_store(&exchanged, 0);
}

static bool additions_count(unsigned long round, int hart)
{
	for (int i = 0; i < ADDITIONS; i++) {
		uint32_t old = atomic_load_explicit(&exchanged, memory_order_relaxed);

		atomic_fetch_add_explicit(&sum, 1, memory_order_relaxed);
		while (!atomic_compare_exchange_weak(&exchanged, &old, old + 3))
			;
	}
	pthread_barrier_wait(&gate);
	return atomic_load(&sum) == (unsigned long)harts * ADDITIONS &&
		atomic_load(&exchanged) == 3u * (unsigned)harts * ADDITIONS;
}

int main(void)
{
	static const struct game games[] = {
		{ write_code, code_is_new }, { change_page, page_is_new }, { clear_flags, stores_are_ordered },
		{ clear_sums, additions_count },
	};

	harts = (int)sysconf(_SC_NPROCESSORS_ONLN);
	if (harts > MAX_HARTS)
		harts = MAX_HARTS;
	pthread_barrier_init(&gate, NULL, (unsigned)harts);
	code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		    0);
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	run(&games[0], "code that another hart wrote");
	run(&games[1], "a page that another hart changed");
	run(&games[2], "stores before loads, with a fence between");
	run(&games[3], "additions and exchanges of all harts");
	return tap_exit();
}
