/* SPDX-License-Identifier: MIT */
/* futex: wait, wake, bitsets, requeue, time-outs, wake_op, robust lists; private and shared. */
#include <linux/futex.h>
#include <pthread.h>
#include <sys/mman.h>
#include "child.h"

static unsigned word, other;
static volatile int woken, ready;

static long futex(unsigned *at, int op, unsigned value, const void *time, unsigned *at2,
		  unsigned value3)
{
	return sys(SYS_futex, at, op, value, time, at2, value3);
}

struct waiter {
	int op;
	unsigned bits;
	long result;
	pthread_t thread;
};

static void *wait_body(void *arg)
{
	struct waiter *w = arg;
	struct timespec limit = { 20, 0 };

	if ((w->op & FUTEX_CMD_MASK) == FUTEX_WAIT_BITSET) {
		clock_gettime(CLOCK_MONOTONIC, &limit);
		limit.tv_sec += 20;
	}
	__atomic_add_fetch(&ready, 1, __ATOMIC_SEQ_CST);
	w->result = futex(&word, w->op, 0, &limit, NULL, w->bits);
	__atomic_add_fetch(&woken, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

static void start(struct waiter *w, int count)
{
	ready = woken = 0;
	word = 0;
	for (int i = 0; i < count; i++)
		pthread_create(&w[i].thread, NULL, wait_body, &w[i]);
	EVENTUALLY(ready == count);
	sleep_ms(20);
}

static int finish(struct waiter *w, int count)
{
	int good = 0;

	futex(&word, FUTEX_WAKE, 100, NULL, NULL, 0);
	futex(&word, FUTEX_WAKE_PRIVATE, 100, NULL, NULL, 0);
	futex(&other, FUTEX_WAKE_PRIVATE, 100, NULL, NULL, 0);
	for (int i = 0; i < count; i++) {
		pthread_join(w[i].thread, NULL);
		good += !w[i].result;
	}
	return good;
}

static void simple(void)
{
	struct waiter w[5] = { };
	struct timespec none = { 0, 0 }, some = { 0, 20000000 }, bad = { 0, 1000000000 }, negative = { -1, 0 };
	long before;

	word = 1;
	tap_is(futex(&word, FUTEX_WAIT, 0, NULL, NULL, 0), -EAGAIN, "another value");
	tap_is(futex(&word, FUTEX_WAIT, 1, &none, NULL, 0), -ETIMEDOUT, "no time");
	before = now_ms();
	tap_is(futex(&word, FUTEX_WAIT_PRIVATE, 1, &some, NULL, 0), -ETIMEDOUT, "time is up");
	tap_ok(now_ms() - before >= 19, "after its time");
	tap_is(futex(&word, FUTEX_WAIT, 1, &bad, NULL, 0), -EINVAL, "a nonsense time");
	tap_is(futex(&word, FUTEX_WAIT, 1, &negative, NULL, 0), -EINVAL, "a negative time");
	tap_is(futex((unsigned *)((char *)&word + 1), FUTEX_WAIT, 1, NULL, NULL, 0), -EINVAL,
	       "a crooked address");
	tap_is(futex(NULL, FUTEX_WAIT, 1, NULL, NULL, 0), -EFAULT, "no address");
	tap_is(futex((unsigned *)8, FUTEX_WAIT_PRIVATE, 1, NULL, NULL, 0), -EFAULT,
	       "a wild address");
	tap_is(futex((unsigned *)-4096l, FUTEX_WAIT_PRIVATE, 1, NULL, NULL, 0), -EFAULT,
	       "a kernel address");
	tap_is(futex(&word, FUTEX_WAIT, 1, (void *)8, NULL, 0), -EFAULT, "a wild time");
	tap_is(futex(&word, 99, 1, NULL, NULL, 0), -ENOSYS, "an unknown operation");
	tap_is(futex(&word, FUTEX_WAKE | FUTEX_CLOCK_REALTIME, 1, NULL, NULL, 0), -ENOSYS,
	       "a clock for wake");
	tap_is(futex(&word, FUTEX_WAKE, 1, NULL, NULL, 0), 0, "nobody to wake");
	tap_is(futex(NULL, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0), 0, "wake at 0, private");
	tap_is(futex(NULL, FUTEX_WAKE, 1, NULL, NULL, 0), -EFAULT, "wake at 0, shared");
	start(w, 5);
	tap_is(futex(&word, FUTEX_WAKE, 2, NULL, NULL, 0), 2, "wake two");
	tap_ok(EVENTUALLY(woken == 2), "two woke");
	tap_is(futex(&word, FUTEX_WAKE, 100, NULL, NULL, 0), 3, "wake the rest");
	tap_is(finish(w, 5), 5, "all got 0");
	start(w, 2);
	tap_is(futex(&word, FUTEX_WAKE_PRIVATE, 5, NULL, NULL, 0), 0,
	       "private does not find shared waiters");
	tap_is(futex(&word, FUTEX_WAKE, 0, NULL, NULL, 0), 1, "wake none wakes one");
	finish(w, 2);
}

static void bitsets(void)
{
	struct waiter w[3] = { { FUTEX_WAIT_BITSET_PRIVATE, 1 }, { FUTEX_WAIT_BITSET_PRIVATE, 2 },
		{ FUTEX_WAIT_BITSET_PRIVATE, 0xffffffff } };

	tap_is(futex(&word, FUTEX_WAIT_BITSET, 0, NULL, NULL, 0), -EINVAL,
	       "an empty set to wait for");
	tap_is(futex(&word, FUTEX_WAKE_BITSET, 1, NULL, NULL, 0), -EINVAL, "an empty set to wake");
	start(w, 3);
	tap_is(futex(&word, FUTEX_WAKE_BITSET_PRIVATE, 100, NULL, NULL, 4), 1,
	       "a bit that one waits for");
	tap_is(futex(&word, FUTEX_WAKE_BITSET_PRIVATE, 100, NULL, NULL, 2), 1, "another's");
	tap_is(futex(&word, FUTEX_WAKE_PRIVATE, 100, NULL, NULL, 0), 1, "wake means any");
	tap_is(finish(w, 3), 3, "all got 0");
	struct timespec past = { 1, 0 };
	word = 0;
	tap_is(futex(&word, FUTEX_WAIT_BITSET_PRIVATE, 0, &past, NULL, 1), -ETIMEDOUT,
	       "an absolute time in the past");
	tap_is(futex(&word, FUTEX_WAIT_BITSET_PRIVATE | FUTEX_CLOCK_REALTIME, 0, &past, NULL, 1),
	       -ETIMEDOUT,
	       "by the other clock");
}

static void requeues(void)
{
	struct waiter w[4] = {{FUTEX_WAIT_PRIVATE},
			      {FUTEX_WAIT_PRIVATE},
			      {FUTEX_WAIT_PRIVATE},
			      {FUTEX_WAIT_PRIVATE}};

	start(w, 4);
	tap_is(futex(&word, FUTEX_CMP_REQUEUE_PRIVATE, 1, (void *)1, &other, 5), -EAGAIN,
	       "cmp_requeue: another value");
	tap_is(futex(&word, FUTEX_CMP_REQUEUE_PRIVATE, 1, (void *)2, &other, 0), 3,
	       "cmp_requeue: one woken, two moved");
	tap_is(futex(&other, FUTEX_WAKE_PRIVATE, 100, NULL, NULL, 0), 2, "two are there");
	tap_is(futex(&word, FUTEX_WAKE_PRIVATE, 100, NULL, NULL, 0), 1, "one is here");
	tap_is(finish(w, 4), 4, "all got 0");
	start(w, 2);
	tap_is(futex(&word, FUTEX_REQUEUE_PRIVATE, 0, (void *)9, &other, 0), 2,
	       "requeue: two moved");
	tap_is(finish(w, 2), 2, "all got 0");
	tap_is(futex(&word, FUTEX_CMP_REQUEUE_PRIVATE, -1, (void *)1, &other, 0), -EINVAL,
	       "a negative number to wake");
	tap_is(futex(&word, FUTEX_CMP_REQUEUE_PRIVATE, 1, (void *)-1l, &other, 0), -EINVAL,
	       "a negative number to move");
	tap_is(futex(&word, FUTEX_CMP_REQUEUE_PRIVATE, 1, (void *)1, NULL, 0), 0,
	       "to address 0, private");
}

static void wake_op(void)
{
	struct waiter w[2] = { { FUTEX_WAIT_PRIVATE }, { FUTEX_WAIT_PRIVATE } };

	other = 5;
	start(w, 2);
	tap_is(futex(&other, FUTEX_WAKE_OP_PRIVATE, 1, (void *)1, &word,
		     FUTEX_OP(FUTEX_OP_ADD, 7, FUTEX_OP_CMP_EQ, 0)),
	       1, "wake_op: compared true, woke one of the second");
	tap_is(word, 7, "wake_op: added");
	tap_is(futex(&other, FUTEX_WAKE_OP_PRIVATE, 1, (void *)1, &word,
		     FUTEX_OP(FUTEX_OP_SET, 1, FUTEX_OP_CMP_LT, 0)),
	       0, "wake_op: compared false");
	tap_is(word, 1, "wake_op: set");
	futex(&other, FUTEX_WAKE_OP_PRIVATE, 1, (void *)1, &word,
	      FUTEX_OP(FUTEX_OP_OR, 6, FUTEX_OP_CMP_GT, 100));
	tap_is(word, 7, "wake_op: or");
	futex(&other, FUTEX_WAKE_OP_PRIVATE, 1, (void *)1, &word,
	      FUTEX_OP(FUTEX_OP_ANDN, 2, FUTEX_OP_CMP_GT, 100));
	tap_is(word, 5, "wake_op: and not");
	futex(&other, FUTEX_WAKE_OP_PRIVATE, 1, (void *)1, &word,
	      FUTEX_OP(FUTEX_OP_XOR, 1, FUTEX_OP_CMP_GT, 100));
	tap_is(word, 4, "wake_op: xor");
	tap_is(futex(&other, FUTEX_WAKE_OP_PRIVATE, 1, (void *)1, &word, 0x70000000), -ENOSYS,
	       "wake_op: unknown operation");
	word = 0;
	finish(w, 2);
}

static void between_processes(void)
{
	unsigned *shared =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct timespec limit = { 20, 0 };
	long woke = 0;

	if (shared == MAP_FAILED) {
		tap_ok(0, "a shared mapping");
		return;
	}
	pid_t child = CHILD(_exit(-futex(shared, FUTEX_WAIT, 0, &limit, NULL, 0)));
	EVENTUALLY((woke = futex(shared, FUTEX_WAKE, 1, NULL, NULL, 0)) == 1);
	tap_is(woke, 1, "a child waits on shared memory");
	tap_is(code_of(status_of(child)), 0, "and is woken");
	word = 0;
	child = CHILD(struct timespec soon = { 0, 50000000 }; _exit(-futex(&word, FUTEX_WAIT, 0, &soon, NULL, 0)));
	sleep_ms(20);
	tap_is(futex(&word, FUTEX_WAKE, 1, NULL, NULL, 0), 0,
	       "private memory is not shared with a child");
	tap_is(code_of(status_of(child)), ETIMEDOUT, "it waits in vain");
}

static volatile int caught;
static void on_signal(int sig) { caught++; }

static void interrupted(void)
{
	struct sigaction act = { .sa_handler = on_signal };
	pid_t child;

	word = 0;
	sigaction(SIGUSR1, &act, NULL);
	child = CHILD(sleep_ms(20); kill(getppid(), SIGUSR1));
	tap_is(futex(&word, FUTEX_WAIT, 0, NULL, NULL, 0), -EINTR, "interrupted");
	status_of(child);
	struct timespec limit = { 0, 100000000 };
	long before = now_ms();
	child = CHILD(sleep_ms(20); kill(getppid(), SIGSTOP); sleep_ms(20);
		      kill(getppid(), SIGCONT));
	tap_is(futex(&word, FUTEX_WAIT, 0, &limit, NULL, 0), -ETIMEDOUT,
	       "a stop does not interrupt it");
	tap_ok(now_ms() - before >= 95, "nor shorten it");
	status_of(child);
}

static void robust_lists(void)
{
	struct robust_list_head *head, mine = { { &mine.list }, 0, NULL };
	size_t len;

	tap_is(sys(SYS_get_robust_list, 0, &head, &len), 0, "get_robust_list");
	tap_is(len, sizeof(*head), "its size");
	tap_is(sys(SYS_set_robust_list, &mine, 12), -EINVAL, "set_robust_list, another size");
	tap_is(sys(SYS_get_robust_list, 0x3fffff, &head, &len), -ESRCH, "of nobody");
	tap_is(sys(SYS_get_robust_list, 0, NULL, &len), -EFAULT, "nowhere");
	struct {
		struct robust_list_head head;
		struct { struct robust_list next; unsigned word; } lock;
	} *s = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (s == MAP_FAILED) {
		tap_ok(0, "a shared mapping");
		return;
	}
	s->head.list.next = &s->lock.next;
	s->lock.next.next = &s->head.list;
	s->head.futex_offset = (char *)&s->lock.word - (char *)&s->lock.next;
	pid_t child = CHILD(s->lock.word = gettid() | FUTEX_WAITERS;
			    sys(SYS_set_robust_list, &s->head, sizeof(s->head)));
	status_of(child);
	tap_is(s->lock.word, FUTEX_WAITERS | FUTEX_OWNER_DIED, "a dead owner is marked");
	s->lock.word = 0;
	s->lock.next.next = &s->lock.next;
	tap_is(CODE(sys(SYS_set_robust_list, &s->head, sizeof(s->head)); _exit(6)), 6,
	       "a robust list without end");
	s->head.list.next = (void *)8;
	tap_is(CODE(sys(SYS_set_robust_list, &s->head, sizeof(s->head)); _exit(6)), 6,
	       "a wild robust list");
	tap_is(CODE(sys(SYS_set_robust_list, 8, sizeof(s->head)); _exit(6)), 6, "a wild head");
	tap_is(CODE(sys(SYS_set_tid_address, 8); _exit(6)), 6, "a wild tid address");
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static pthread_barrier_t barrier;
static long total;

static void *contend(void *arg)
{
	pthread_barrier_wait(&barrier);
	for (int i = 0; i < 2000; i++) {
		pthread_mutex_lock(&mutex);
		total++;
		pthread_mutex_unlock(&mutex);
	}
	return NULL;
}

static int turn;
static void *take_turns(void *arg)
{
	for (int i = 0; i < 200; i++) {
		pthread_mutex_lock(&mutex);
		while (turn != (long)arg)
			pthread_cond_wait(&cond, &mutex);
		turn = (turn + 1) % 4;
		pthread_cond_broadcast(&cond);
		pthread_mutex_unlock(&mutex);
	}
	return NULL;
}

static void library(void)
{
	pthread_t t[4];
	struct timespec soon;

	pthread_barrier_init(&barrier, NULL, 4);
	for (long i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, contend, NULL);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	tap_is(total, 8000, "a mutex under contention");
	for (long i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, take_turns, (void *)i);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	tap_is(turn, 0, "a condition variable, 800 turns");
	clock_gettime(CLOCK_REALTIME, &soon);
	soon.tv_nsec += 20000000;
	if (soon.tv_nsec >= 1000000000)
		soon.tv_sec++, soon.tv_nsec -= 1000000000;
	pthread_mutex_lock(&mutex);
	tap_is(pthread_cond_timedwait(&cond, &mutex, &soon), ETIMEDOUT, "pthread_cond_timedwait");
	tap_is(pthread_mutex_timedlock(&mutex, &soon), ETIMEDOUT, "pthread_mutex_timedlock");
	pthread_mutex_unlock(&mutex);
}

int main(void)
{
	simple();
	bitsets();
	requeues();
	wake_op();
	between_processes();
	interrupted();
	robust_lists();
	library();
	return tap_exit();
}
