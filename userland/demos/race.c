/* SPDX-License-Identifier: MIT */
/*
 * Two races, each shown and then mended.
 *
 * A counter: four threads add one to it, many times. Adding is three steps (load,
 * add, store), and a thread that stores what it loaded before another's store
 * undoes that one's work. A mutex around the steps lets in one thread at a time.
 *
 * A room: eight threads go in and out; at most two may be inside. A check of the
 * number followed by going in is a race of its own: between the two another
 * thread checks as well. A semaphore that starts at two counts places, and makes
 * check and entry one step.
 *
 * Exit status 0: the mended ones were exact. The broken ones may, by luck, be.
 */
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>

#define ADDERS		4
#define ADDITIONS	200000
#define VISITORS	8
#define VISITS		500
#define PLACES		2

static volatile long counter;		/* volatile: load and store each time, as written */
static pthread_mutex_t counter_lock = PTHREAD_MUTEX_INITIALIZER;

static atomic_int inside, most_inside;
static sem_t places;

static void run_threads(int n, void *(*run)(void *), void *arg)
{
	pthread_t threads[16];

	for (int i = 0; i < n; i++)
		pthread_create(&threads[i], NULL, run, arg);
	for (int i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
}

static void *add_carelessly(void *arg)
{
	for (int i = 0; i < ADDITIONS; i++) {
		long seen = counter;

		if (i % 1000 == 0)
			sched_yield();	/* what a time slice's end may do anywhere */
		counter = seen + 1;
	}
	return NULL;
}

static void *add_locked(void *arg)
{
	for (int i = 0; i < ADDITIONS; i++) {
		pthread_mutex_lock(&counter_lock);
		counter = counter + 1;
		pthread_mutex_unlock(&counter_lock);
	}
	return NULL;
}

static long count(void *(*run)(void *))
{
	counter = 0;
	run_threads(ADDERS, run, NULL);
	return counter;
}

/* Be in the room for a moment, and note how many were there. */
static void stay(void)
{
	int now = atomic_fetch_add(&inside, 1) + 1, most = atomic_load(&most_inside);

	while (now > most && !atomic_compare_exchange_weak(&most_inside, &most, now))
		;
	sched_yield();
	atomic_fetch_sub(&inside, 1);
}

static void *visit_carelessly(void *arg)
{
	for (int i = 0; i < VISITS; i++) {
		while (atomic_load(&inside) >= PLACES)
			sched_yield();
		sched_yield();		/* another thread's turn: the check is stale now */
		stay();
	}
	return NULL;
}

static void *visit_counted(void *arg)
{
	for (int i = 0; i < VISITS; i++) {
		sem_wait(&places);
		stay();
		sem_post(&places);
	}
	return NULL;
}

static int crowd(void *(*run)(void *))
{
	atomic_store(&most_inside, 0);
	run_threads(VISITORS, run, NULL);
	return atomic_load(&most_inside);
}

int main(void)
{
	const long wanted = (long)ADDERS * ADDITIONS;
	long careless = count(add_carelessly), locked = count(add_locked);
	int crowded, counted;

	printf("counter without a lock: %ld of %ld, %ld additions lost\n", careless, wanted,
	       wanted - careless);
	printf("counter with a mutex:   %ld of %ld\n", locked, wanted);
	sem_init(&places, 0, PLACES);
	crowded = crowd(visit_carelessly);
	counted = crowd(visit_counted);
	printf("room with a check:      up to %d inside, %d allowed\n", crowded, PLACES);
	printf("room with a semaphore:  up to %d inside, %d allowed\n", counted, PLACES);
	return locked != wanted || counted > PLACES;
}
