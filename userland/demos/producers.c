/* SPDX-License-Identifier: MIT */
/*
 * Producers and consumers: a buffer of eight places between threads.
 *
 * Three threads make numbers and two take them. A mutex guards the buffer; a
 * producer that finds it full, or a consumer that finds it empty, sleeps on a
 * condition until the other side has changed that. Nothing is lost and nothing
 * taken twice: the numbers that came out add up to those that went in.
 */
#include <pthread.h>
#include <stdio.h>

#define PLACES		8
#define PRODUCERS	3
#define CONSUMERS	2
#define EACH		20000

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t not_full = PTHREAD_COND_INITIALIZER, not_empty = PTHREAD_COND_INITIALIZER;
static long places[PLACES];			/* guarded by lock, as the rest */
static unsigned first, count, producing = PRODUCERS;
static long slept_full, slept_empty;

static void put(long value)
{
	pthread_mutex_lock(&lock);
	for (; count == PLACES; slept_full++)
		pthread_cond_wait(&not_full, &lock);
	places[(first + count++) % PLACES] = value;
	pthread_cond_signal(&not_empty);
	pthread_mutex_unlock(&lock);
}

/* The next number, or 0 when no one makes any more. */
static long take(void)
{
	long value = 0;

	pthread_mutex_lock(&lock);
	for (; !count && producing; slept_empty++)
		pthread_cond_wait(&not_empty, &lock);
	if (count) {
		value = places[first];
		first = (first + 1) % PLACES;
		count--;
		pthread_cond_signal(&not_full);
	}
	pthread_mutex_unlock(&lock);
	return value;
}

static void *produce(void *unused)
{
	for (long i = 1; i <= EACH; i++)
		put(i);
	pthread_mutex_lock(&lock);
	if (!--producing)
		pthread_cond_broadcast(&not_empty);
	pthread_mutex_unlock(&lock);
	return NULL;
}

static void *consume(void *sum)
{
	for (long value; (value = take());)
		*(long *)sum += value;
	return NULL;
}

int main(void)
{
	const long wanted = (long)PRODUCERS * EACH * (EACH + 1) / 2;
	pthread_t threads[PRODUCERS + CONSUMERS];
	long sums[CONSUMERS] = { 0 }, got = 0;

	for (int i = 0; i < PRODUCERS + CONSUMERS; i++)
		pthread_create(&threads[i], NULL, i < PRODUCERS ? produce : consume,
			       i < PRODUCERS ? NULL : &sums[i - PRODUCERS]);
	for (int i = 0; i < PRODUCERS + CONSUMERS; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < CONSUMERS; i++)
		got += sums[i];
	printf("%d producers and %d consumers, %d places: the buffer was found full %ld times, empty %ld times\n",
	       PRODUCERS, CONSUMERS, PLACES, slept_full, slept_empty);
	printf("sum of what went in %ld, of what came out %ld\n", wanted, got);
	return got != wanted;
}
