/* SPDX-License-Identifier: MIT */
/*
 * Threads: one address space, one heap, many stacks.
 *
 * Four threads of one process show what they share (the process's number, a list
 * on the heap that each adds to) and what is their own: a thread number, a stack,
 * and the variables declared _Thread_local.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define NR_THREADS	4
#define NOTES_EACH	1000

struct note {
	struct note *next;
	int writer;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct note *notes;		/* guarded by lock; the notes are on the heap */
static _Thread_local int written;	/* each thread has its own */

static void add_note(int writer)
{
	struct note *note = malloc(sizeof(*note));

	if (!note)
		abort();
	note->writer = writer;
	pthread_mutex_lock(&lock);
	note->next = notes;
	notes = note;
	pthread_mutex_unlock(&lock);
	written++;
}

static void *run(void *arg)
{
	int number = (int)(long)arg;

	for (int i = 0; i < NOTES_EACH; i++)
		add_note(number);
	pthread_mutex_lock(&lock);
	printf("thread %d: process %d, thread number %d, a local at %p, its own counter at %p is %d\n",
	       number, getpid(), gettid(), (void *)&number, (void *)&written, written);
	pthread_mutex_unlock(&lock);
	return NULL;
}

int main(void)
{
	pthread_t threads[NR_THREADS];
	int counts[NR_THREADS] = { 0 }, wrong = 0;

	for (long i = 0; i < NR_THREADS; i++)
		if (pthread_create(&threads[i], NULL, run, (void *)i))
			return 1;
	for (int i = 0; i < NR_THREADS; i++)
		pthread_join(threads[i], NULL);
	for (struct note *n = notes; n; n = n->next)
		counts[n->writer]++;
	for (int i = 0; i < NR_THREADS; i++)
		wrong |= counts[i] != NOTES_EACH;
	printf("main: the list on the heap has %d + %d + %d + %d notes; my own counter is %d\n",
	       counts[0], counts[1], counts[2], counts[3], written);
	return wrong || written;
}
