/* SPDX-License-Identifier: MIT */
/*
 * Threads come and go, fight for locks, wait for conditions, time out, and are ended in the middle.
 */
#include <pthread.h>
#include <semaphore.h>
#include "stress.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t not_empty = PTHREAD_COND_INITIALIZER, not_full = PTHREAD_COND_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static sem_t semaphore;
static long queue[16], head, tail, taken, put, shared_a, shared_b, torn, counter;

static void *producer(void *arg)
{
	for (long i = 0; stress_goes_on(); i++) {
		pthread_mutex_lock(&mutex);
		while (head - tail == 16)
			pthread_cond_wait(&not_full, &mutex);
		queue[head++ % 16] = 1;
		put++;
		pthread_cond_signal(&not_empty);
		pthread_mutex_unlock(&mutex);
	}
	return NULL;
}

static void *consumer(void *arg)
{
	long item;

	do {
		pthread_mutex_lock(&mutex);
		while (head == tail)
			pthread_cond_wait(&not_empty, &mutex);
		item = queue[tail++ % 16];
		taken += item > 0;
		pthread_cond_signal(&not_full);
		pthread_mutex_unlock(&mutex);
	} while (item);
	return NULL;
}

/* Producers and consumers of a bounded queue; an item of 0 ends a consumer. */
static void conditions(void)
{
	pthread_t p[3], c[3];

	for (int i = 0; i < 3; i++) {
		pthread_create(&p[i], NULL, producer, NULL);
		pthread_create(&c[i], NULL, consumer, NULL);
	}
	for (int i = 0; i < 3; i++)
		pthread_join(p[i], NULL);
	for (int i = 0; i < 3; i++) {
		pthread_mutex_lock(&mutex);
		while (head - tail == 16)
			pthread_cond_wait(&not_full, &mutex);
		queue[head++ % 16] = 0;
		pthread_cond_broadcast(&not_empty);
		pthread_mutex_unlock(&mutex);
	}
	for (int i = 0; i < 3; i++)
		pthread_join(c[i], NULL);
	tap_ok(put == taken && put > 0, "what was put was taken");
}

static void *reader_writer(void *arg)
{
	unsigned long chance = (long)arg * 77 + 5;

	while (stress_goes_on()) {
		if (draw(&chance) % 4) {
			pthread_rwlock_rdlock(&rwlock);
			torn += shared_a != shared_b;
		} else {
			pthread_rwlock_wrlock(&rwlock);
			shared_a++;
			if (draw(&chance) % 8 == 0)
				sched_yield();
			shared_b++;
		}
		pthread_rwlock_unlock(&rwlock);
		sem_wait(&semaphore);
		__atomic_add_fetch(&counter, 1, __ATOMIC_RELAXED);
		sem_post(&semaphore);
	}
	return NULL;
}

static void locks(void)
{
	pthread_t t[8];

	sem_init(&semaphore, 0, 2);
	for (long i = 0; i < 8; i++)
		pthread_create(&t[i], NULL, reader_writer, (void *)i);
	for (int i = 0; i < 8; i++)
		pthread_join(t[i], NULL);
	tap_ok(!torn && shared_a == shared_b && shared_a > 0, "readers and writers");
	tap_ok(counter > 0, "a semaphore");
}

static void *short_life(void *arg)
{
	struct timespec soon;

	switch ((long)arg % 3) {
	case 0:
		clock_gettime(CLOCK_REALTIME, &soon);
		soon.tv_nsec = (soon.tv_nsec + 300000) % 1000000000;
		sem_timedwait(arg ? &semaphore : NULL, &soon);
		break;
	case 1:
		usleep(100);
		break;
	}
	return arg;
}

static void lives(void)
{
	pthread_t t[16];
	long bad = 0, made = 0;
	void *result;

	while (stress_goes_on()) {
		for (long i = 1; i <= 16; i++)
			bad += pthread_create(&t[i - 1], NULL, short_life, (void *)i) != 0;
		for (long i = 1; i <= 16; i++) {
			bad += pthread_join(t[i - 1], &result) || (long)result != i;
			made++;
		}
	}
	tap_ok(!bad && made, "threads come and go");
}

static void *busy(void *arg)
{
	for (;;) {
		pthread_mutex_lock(&mutex);
		counter++;
		pthread_mutex_unlock(&mutex);
	}
	return NULL;
}

/* A process full of fighting threads ends at once, whichever way. */
static void ends(void)
{
	int bad = 0, done = 0;

	while (stress_goes_on()) {
		pid_t pid = CHILD(
			pthread_t t;
			for (int i = 0; i < 6; i++)
				pthread_create(&t, NULL, busy, NULL);
			if (done % 3 == 0)
				_exit(9);
			if (done % 3 == 1)
				execl("/tests/stress_futex", "stress_futex", "9", NULL);
			kill(getpid(), SIGKILL));
		int code = code_of(status_of(pid));

		bad += code != 9 && code != -SIGKILL;
		done++;
	}
	tap_ok(!bad && done, "processes of many threads end");
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return atoi(argv[1]);
	stress_start();
	conditions();
	stress_start();
	locks();
	stress_start();
	lives();
	stress_start();
	ends();
	return tap_exit();
}
