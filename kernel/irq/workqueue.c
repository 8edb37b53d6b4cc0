/* SPDX-License-Identifier: MIT */
/*
 * Workqueues: functions that run soon, in a thread, and may sleep.
 *
 * One pool: a list of pending works and up to MAX_WORKERS threads. A worker that
 * takes a work and leaves nobody idle first starts another worker, so a work that
 * sleeps does not hold up those behind it.
 *
 * Invariants, under pool lock:
 *  (1) w->pending is set exactly while w is on the list (or, for a delayed work,
 *      its timer runs), or somebody cancels it.
 *  (2) A work runs in one worker at a time: one queued again while it runs stays on
 *      the list until that worker is done.
 *  (3) A worker does not touch a work after calling its function: it may free it.
 */
#include <kernel/irq/irq.h>
#include <kernel/bug.h>
#include <kernel/task/thread.h>

#define MAX_WORKERS	16	/* chosen: more works than that, asleep at once, wait */

struct worker {
	struct work *running;		/* NULL: none */
	bool exists;
};

static struct spinlock pool_lock = SPINLOCK_INIT(RANK_WORKQUEUE);
/* Guarded by pool_lock. */
static LIST_HEAD(pending_works);
static struct worker workers[MAX_WORKERS];
static u32 nr_idle;
static struct wait_queue work_wait = WAIT_QUEUE_INIT(work_wait);	/* workers: a work came */
static struct wait_queue done_wait = WAIT_QUEUE_INIT(done_wait);	/* flushers: a work ended */

static bool is_running(const struct work *w)
{
	for (u32 i = 0; i < MAX_WORKERS; i++) {
		if (workers[i].running == w)
			return true;
	}
	return false;
}

static struct work *take_work_locked(struct worker *me)
{
	struct work *w;

	list_for_each(w, &pending_works, node) {
		if (is_running(w))
			continue;
		list_del(&w->node);
		WRITE_ONCE(w->pending, 0);
		me->running = w;
		return w;
	}
	return NULL;
}

static struct work *take_work(struct worker *me)
{
	u64 flags = spin_lock_irqsave(&pool_lock);
	struct work *w = take_work_locked(me);

	if (w)
		nr_idle--;
	spin_unlock_irqrestore(&pool_lock, flags);
	return w;
}

static int worker_main(void *arg);

/* Context: pool_lock held. NULL: all exist. */
static struct worker *free_slot(void)
{
	for (u32 i = 0; i < MAX_WORKERS; i++) {
		if (!workers[i].exists)
			return &workers[i];
	}
	return NULL;
}

/* Another worker if nobody is left to take the next work. Without memory the next work waits. */
static void keep_one_idle(void)
{
	struct worker *fresh = NULL;
	u64 flags = spin_lock_irqsave(&pool_lock);

	if (!nr_idle)
		fresh = free_slot();
	if (fresh) {
		fresh->exists = true;
		nr_idle++;
	}
	spin_unlock_irqrestore(&pool_lock, flags);
	if (!fresh || kthread_run(worker_main, fresh, "kworker/%u", (u32)(fresh - workers)))
		return;
	flags = spin_lock_irqsave(&pool_lock);
	fresh->exists = false;
	nr_idle--;
	spin_unlock_irqrestore(&pool_lock, flags);
}

static int worker_main(void *arg)
{
	struct worker *me = arg;
	struct work *w = NULL;
	u64 flags;

	for (;;) {
		(void)wait_event_interruptible_exclusive(&work_wait, (w = take_work(me)));
		if (!w)
			continue;
		keep_one_idle();
		w->func(w);
		flags = spin_lock_irqsave(&pool_lock);
		me->running = NULL;
		nr_idle++;
		spin_unlock_irqrestore(&pool_lock, flags);
		wake_all(&done_wait);
	}
	return 0;
}

void work_init(struct work *w, void (*func)(struct work *w))
{
	list_init(&w->node);
	w->func = func;
	w->pending = 0;
}

static void enqueue_pending(struct work *w)
{
	u64 flags = spin_lock_irqsave(&pool_lock);

	list_add_tail(&w->node, &pending_works);
	spin_unlock_irqrestore(&pool_lock, flags);
	/* Work may be queued by what another queue wakes. */
	if (wait_queue_active(&work_wait))
		wake_queue_nested(&work_wait, 1, 0, WAIT_SLEEPERS);
}

bool work_queue(struct work *w)
{
	if (__atomic_exchange_n(&w->pending, 1, __ATOMIC_SEQ_CST))
		return false;
	enqueue_pending(w);
	return true;
}

static bool is_done(struct work *w)
{
	u64 flags = spin_lock_irqsave(&pool_lock);
	bool done = !w->pending && !is_running(w);

	spin_unlock_irqrestore(&pool_lock, flags);
	return done;
}

void work_flush(struct work *w)
{
	wait_event(&done_wait, is_done(w));
}

/*
 * Make w->pending ours, so that nobody can queue it, w itself neither, and it is on no list. A caller
 * who is just queueing it keeps it: then it runs first. True: it is ours, and does not run.
 */
static bool hold(struct work *w, bool *ours)
{
	u64 flags = spin_lock_irqsave(&pool_lock);
	bool stopped;

	if (!list_empty(&w->node)) {
		list_del(&w->node);
		*ours = true;
	} else if (!*ours) {
		*ours = !__atomic_exchange_n(&w->pending, 1, __ATOMIC_SEQ_CST);
	}
	stopped = *ours && !is_running(w);
	spin_unlock_irqrestore(&pool_lock, flags);
	return stopped;
}

/* The end of a hold: others who cancel or flush it go on. */
static void let_go(struct work *w)
{
	WRITE_ONCE(w->pending, 0);
	wake_all(&done_wait);
}

void work_cancel(struct work *w)
{
	bool ours = false;

	wait_event(&done_wait, hold(w, &ours));
	let_go(w);
}

static enum hrtimer_restart delay_over(struct hrtimer *t)
{
	enqueue_pending(&container_of(t, struct delayed_work, timer)->work);
	return HRTIMER_DONE;
}

void delayed_work_init(struct delayed_work *w, void (*func)(struct work *w))
{
	work_init(&w->work, func);
	hrtimer_init(&w->timer, delay_over);
}

bool delayed_work_queue(struct delayed_work *w, ktime_t delay_ns)
{
	if (__atomic_exchange_n(&w->work.pending, 1, __ATOMIC_SEQ_CST))
		return false;
	hrtimer_start(&w->timer, ktime_get() + delay_ns);
	return true;
}

static bool hold_delayed(struct delayed_work *w, bool *ours)
{
	if (hrtimer_cancel(&w->timer))
		*ours = true;
	return hold(&w->work, ours);
}

void delayed_work_cancel(struct delayed_work *w)
{
	bool ours = false;

	wait_event(&done_wait, hold_delayed(w, &ours));
	let_go(&w->work);
}

void workqueue_init(void)
{
	workers[0].exists = true;
	nr_idle = 1;
	BUG_ON(!kthread_run(worker_main, &workers[0], "kworker/%u", 0));
}
