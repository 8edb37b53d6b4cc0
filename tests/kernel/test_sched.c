/* SPDX-License-Identifier: MIT */
/*
 * Threads, wake-ups, sleeping locks and RCU under real concurrency: each case
 * makes several threads for every CPU and counts what they did.
 */
#include <kernel/irq/irq.h>
#include <kernel/lock/mutex.h>
#include <kernel/lock/rcu.h>
#include <kernel/mm/alloc.h>
#include <kernel/percpu.h>
#include <kernel/sched/runqueue.h>
#include <kernel/sched/sched.h>
#include <kernel/task/thread.h>
#include <kernel/test/ktest.h>
#include <kernel/time/hrtimer.h>

#define THREADS		12
#define ROUNDS		2000

static u32 running;			/* atomic: threads of the case that have not finished */

static void start(int (*fn)(void *), u32 n)
{
	__atomic_store_n(&running, n, __ATOMIC_SEQ_CST);
	for (u32 i = 0; i < n; i++) {
		struct thread *t = kthread_run(fn, (void *)(u64)i, "ktest/%u", i);

		EXPECT_TRUE(t != NULL);
		if (!t)
			__atomic_fetch_sub(&running, 1, __ATOMIC_SEQ_CST);
	}
}

static int finished(void)
{
	__atomic_fetch_sub(&running, 1, __ATOMIC_RELEASE);
	return 0;
}

/* A lost wake-up shows here: not finished within a minute of guest time. */
static void join(void)
{
	ktime_t end = ktime_get() + 60 * NS_PER_SEC;

	while (__atomic_load_n(&running, __ATOMIC_ACQUIRE) && ktime_get() < end)
		thread_sleep_ns(NS_PER_MS);
	EXPECT_EQ(running, 0);
}

/* --- every CPU gets work --- */

static u64 cpus_seen;			/* atomic */

static int spin_a_while(void *arg)
{
	ktime_t end = ktime_get() + 200 * NS_PER_MS;

	while (ktime_get() < end)
		__atomic_fetch_or(&cpus_seen, BIT(cpu_id()), __ATOMIC_RELAXED);
	return finished();
}

KTEST(sched, threads_spread_over_every_cpu)
{
	cpus_seen = 0;
	start(spin_a_while, THREADS);
	join();
	EXPECT_EQ(cpus_seen, cpus_online);
}

/* --- preemption: threads that never yield do not keep the CPUs they fill --- */

static u32 stop_hogs;			/* atomic */

static int hog(void *arg)
{
	while (!__atomic_load_n(&stop_hogs, __ATOMIC_RELAXED))
		barrier();
	return finished();
}

KTEST(sched, a_busy_thread_is_preempted)
{
	__atomic_store_n(&stop_hogs, 0, __ATOMIC_SEQ_CST);
	start(hog, THREADS);
	for (u32 i = 0; i < 20; i++)
		thread_sleep_ns(NS_PER_MS);
	__atomic_store_n(&stop_hogs, 1, __ATOMIC_SEQ_CST);
	join();
}

KTEST(time, sleep_lasts_at_least_as_long_as_asked)
{
	for (u32 i = 1; i <= 5; i++) {
		ktime_t begin = ktime_get();

		thread_sleep_ns(i * 3 * NS_PER_MS);
		EXPECT_TRUE(ktime_get() - begin >= i * 3 * NS_PER_MS);
	}
}

/* --- mutual exclusion --- */

static DEFINE_MUTEX(mutex, RANK_MUTEX_LEAF);
static DEFINE_SPINLOCK(spinlock, RANK_LEAF);
static u64 by_mutex, by_spinlock;	/* each guarded by its lock */

static int count_up(void *arg)
{
	for (u32 i = 0; i < ROUNDS; i++) {
		u64 v;

		mutex_lock(&mutex);
		v = READ_ONCE(by_mutex);
		if (i % 64 == 0)
			sched_yield_current();
		WRITE_ONCE(by_mutex, v + 1);
		mutex_unlock(&mutex);

		spin_lock(&spinlock);
		WRITE_ONCE(by_spinlock, READ_ONCE(by_spinlock) + 1);
		spin_unlock(&spinlock);
	}
	return finished();
}

KTEST(lock, no_increment_is_lost)
{
	by_mutex = by_spinlock = 0;
	start(count_up, THREADS);
	join();
	EXPECT_EQ(by_mutex, THREADS * ROUNDS);
	EXPECT_EQ(by_spinlock, THREADS * ROUNDS);
}

static struct rwsem rwsem;
static u64 pair[2];			/* rwsem: always equal for readers */
static u64 torn;			/* atomic */

static int read_or_write(void *arg)
{
	bool writer = (u64)arg % 4 == 0;

	for (u32 i = 0; i < ROUNDS / 4; i++) {
		if (writer) {
			rwsem_write_lock(&rwsem);
			WRITE_ONCE(pair[0], pair[0] + 1);
			if (i % 16 == 0)
				sched_yield_current();
			WRITE_ONCE(pair[1], pair[1] + 1);
			rwsem_write_unlock(&rwsem);
		} else {
			rwsem_read_lock(&rwsem);
			if (READ_ONCE(pair[0]) != READ_ONCE(pair[1]))
				__atomic_fetch_add(&torn, 1, __ATOMIC_RELAXED);
			rwsem_read_unlock(&rwsem);
		}
	}
	return finished();
}

KTEST(lock, readers_see_whole_writes)
{
	rwsem_init(&rwsem, RANK_MUTEX_LEAF);
	pair[0] = pair[1] = torn = 0;
	start(read_or_write, THREADS);
	join();
	EXPECT_EQ(torn, 0);
	EXPECT_EQ(pair[0], THREADS / 4 * (ROUNDS / 4));
}

/* --- wake-ups: a token goes round a ring of sleeping threads --- */

#define RING	4
static struct thread *ring[RING];
static u32 token;			/* atomic: whose turn */
static u32 hops;			/* by the holder of the token */

static int pass_token(void *arg)
{
	u32 me = (u64)arg;

	__atomic_store_n(&ring[me], current, __ATOMIC_RELEASE);
	for (u32 i = 0; i < ROUNDS; i++) {
		struct thread *next;

		for (;;) {
			thread_set_state(TASK_UNINTERRUPTIBLE);
			if (__atomic_load_n(&token, __ATOMIC_ACQUIRE) % RING == me)
				break;
			schedule();
		}
		thread_set_state(TASK_RUNNING);
		hops++;
		__atomic_store_n(&token, token + 1, __ATOMIC_SEQ_CST);
		/* One that has not started finds its turn by itself. */
		next = __atomic_load_n(&ring[(me + 1) % RING], __ATOMIC_SEQ_CST);
		if (next)
			thread_wake(next, TASK_UNINTERRUPTIBLE);
	}
	/* Nobody may wake a thread that is gone: leave together. */
	finished();
	while (__atomic_load_n(&running, __ATOMIC_ACQUIRE))
		thread_sleep_ns(NS_PER_MS);
	return 0;
}

KTEST(sched, no_wake_up_is_lost)
{
	token = hops = 0;
	for (u32 i = 0; i < RING; i++)
		ring[i] = NULL;
	start(pass_token, RING);
	join();
	EXPECT_EQ(hops, RING * ROUNDS);
}

/* --- wake-ups against moves: threads preempted on their way to sleep, and idle CPUs --- */

#define SLEEPERS	16
#define WAKERS		2
static struct thread *sleepers[SLEEPERS];
static u32 sleeping;			/* atomic: sleepers that have not done their rounds */

static int sleep_with_breaks(u32 me)
{
	__atomic_store_n(&sleepers[me], current, __ATOMIC_RELEASE);
	for (u32 i = 0; i < ROUNDS / 2; i++) {
		thread_set_state(TASK_UNINTERRUPTIBLE);
		/* Preempted here, it waits for a CPU with its state set; an idle CPU may take it. */
		for (u32 breaks = 0; breaks < 8; breaks++)
			sched_resched_cpu(cpu_id());
		schedule();
	}
	__atomic_fetch_sub(&sleeping, 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&running, __ATOMIC_ACQUIRE) > SLEEPERS)
		thread_sleep_ns(NS_PER_MS);
	return finished();
}

/* Who looks asleep at any moment is woken at once: that no thread looks so while it moves. */
static int wake_who_looks_asleep(void)
{
	while (__atomic_load_n(&sleeping, __ATOMIC_ACQUIRE)) {
		for (u32 i = 0; i < SLEEPERS; i++) {
			struct thread *t = __atomic_load_n(&sleepers[i], __ATOMIC_ACQUIRE);

			if (t && READ_ONCE(t->state) && READ_ONCE(t->se.on_rq) == OFF_RQ)
				thread_wake(t, TASK_UNINTERRUPTIBLE);
		}
	}
	return finished();
}

static int sleep_or_wake(void *arg)
{
	return (u64)arg < SLEEPERS ? sleep_with_breaks((u64)arg) : wake_who_looks_asleep();
}

KTEST(sched, a_thread_that_moves_is_woken_once)
{
	for (u32 i = 0; i < SLEEPERS; i++)
		sleepers[i] = NULL;
	sleeping = SLEEPERS;
	start(sleep_or_wake, SLEEPERS + WAKERS);
	join();
	EXPECT_EQ(sleeping, 0);
}

/* --- RCU: what a reader holds is not freed under it --- */

#define ALIVE	0x600d600d600d600dul
struct item {
	u64 magic;
	struct rcu_head rcu;
};
static struct item *shared;		/* RCU */
static u64 dead_seen, freed;		/* atomic */
static u32 stop_readers;		/* atomic */

static void item_free(struct rcu_head *head)
{
	struct item *it = container_of(head, struct item, rcu);

	it->magic = 0;
	__atomic_fetch_add(&freed, 1, __ATOMIC_RELAXED);
	kfree(it);
}

static int read_items(void *arg)
{
	while (!__atomic_load_n(&stop_readers, __ATOMIC_RELAXED)) {
		struct item *it;

		rcu_read_lock();
		it = rcu_dereference(shared);
		for (u32 i = 0; i < 50; i++)
			if (READ_ONCE(it->magic) != ALIVE)
				__atomic_fetch_add(&dead_seen, 1, __ATOMIC_RELAXED);
		rcu_read_unlock();
	}
	return finished();
}

static struct item *item_new(void)
{
	struct item *it = kmalloc(sizeof(*it), GFP_KERNEL);

	if (it)
		it->magic = ALIVE;
	return it;
}

/* Replace the shared item n times; how many were handed to call_rcu. */
static u64 replace_items(u32 n)
{
	for (u32 i = 0; i < n; i++) {
		struct item *next = item_new(), *old = shared;

		if (!next)
			return i;
		rcu_assign_pointer(shared, next);
		call_rcu(&old->rcu, item_free);
		if (i % 100 == 0)
			synchronize_rcu();
	}
	return n;
}

KTEST(rcu, readers_never_see_freed_memory)
{
	u64 replaced;

	dead_seen = freed = 0;
	__atomic_store_n(&stop_readers, 0, __ATOMIC_SEQ_CST);
	shared = item_new();
	EXPECT_TRUE(shared != NULL);
	if (!shared)
		return;
	start(read_items, 4);
	replaced = replace_items(500);
	__atomic_store_n(&stop_readers, 1, __ATOMIC_SEQ_CST);
	join();
	rcu_barrier();
	EXPECT_EQ(dead_seen, 0);
	EXPECT_EQ(freed, replaced);
	kfree(shared);
}

/* --- a timer set again while its handler runs, and cancelled --- */

static struct again {
	struct hrtimer timer;
	u32 in_handler;		/* atomic: 1 until somebody saw it */
	u32 cancelled;		/* atomic: rounds whose cancel has returned */
} again;

#define AGAIN_ROUNDS	20

static enum hrtimer_restart set_again(struct hrtimer *t)
{
	ktime_t end = ktime_get() + NS_PER_MS;

	hrtimer_start(t, end + NS_PER_SEC);
	WRITE_ONCE(again.in_handler, 1);
	while (ktime_get() < end)
		cpu_relax();
	return HRTIMER_DONE;
}

static int start_again(void *arg)
{
	for (u32 i = 0; i < AGAIN_ROUNDS; i++) {
		hrtimer_start(&again.timer, 0);
		while (READ_ONCE(again.cancelled) == i)
			thread_sleep_ns(NS_PER_MS / 4);
	}
	return finished();
}

KTEST(timer, cancel_tells_of_one_set_by_its_handler)
{
	again = (struct again){ 0 };
	hrtimer_init(&again.timer, set_again);
	start(start_again, 1);
	for (u32 i = 0; i < AGAIN_ROUNDS; i++) {
		while (!READ_ONCE(again.in_handler))
			cpu_relax();
		EXPECT_TRUE(hrtimer_cancel(&again.timer));
		EXPECT_TRUE(!hrtimer_cancel(&again.timer));
		WRITE_ONCE(again.in_handler, 0);
		WRITE_ONCE(again.cancelled, i + 1);
	}
	join();
}

/* --- deferred work --- */

static u32 work_runs;			/* atomic */

static void count_work(struct work *w)
{
	__atomic_fetch_add(&work_runs, 1, __ATOMIC_RELAXED);
}

/* --- a work that queues itself for ever, and is cancelled --- */

static struct restless {
	struct delayed_work work;
	u32 runs;		/* atomic */
	ktime_t delay_ns;
} restless;

static void run_restless(struct work *w)
{
	__atomic_fetch_add(&restless.runs, 1, __ATOMIC_RELAXED);
	if (!(restless.runs % 4))
		thread_sleep_ns(NS_PER_MS / 2);
	delayed_work_queue(&restless.work, restless.delay_ns);
}

KTEST(work, cancelled_is_what_queues_itself)
{
	delayed_work_init(&restless.work, run_restless);
	for (u32 i = 0; i < 200; i++) {
		u32 runs;

		restless.delay_ns = i % 3 * 20 * NS_PER_US;
		delayed_work_queue(&restless.work, 0);
		thread_sleep_ns(i % 7 * NS_PER_MS / 4);
		delayed_work_cancel(&restless.work);
		runs = READ_ONCE(restless.runs);
		if (!(i % 8))
			thread_sleep_ns(NS_PER_MS);
		EXPECT_EQ(READ_ONCE(restless.runs), runs);
	}
	EXPECT_TRUE(restless.runs > 0);
}

KTEST(work, each_queued_work_runs_once)
{
	static struct work works[32];

	work_runs = 0;
	for (u32 i = 0; i < ARRAY_SIZE(works); i++) {
		work_init(&works[i], count_work);
		EXPECT_TRUE(work_queue(&works[i]));
	}
	for (u32 i = 0; i < ARRAY_SIZE(works); i++)
		work_flush(&works[i]);
	EXPECT_EQ(work_runs, ARRAY_SIZE(works));
}
