/* SPDX-License-Identifier: MIT */
/*
 * Futexes: sleep while a word of user memory has a value; wake who sleeps there.
 *
 * A futex has no object. Its key says what word it is: for a private one the
 * address space and the address; for a shared one in a file the mapping and the
 * byte in it, so that different addresses in different processes meet. Waiters
 * hang in a hash table by key, in the order in which they came.
 *
 *  (1) WAIT compares the word while holding the bucket's lock and queues itself
 *      before dropping it; WAKE takes the same lock. A waker that has changed the
 *      word before WAKE therefore finds every waiter that saw the old value.
 *      The compare may fault: it is done with faults disabled, and when it fails
 *      the page is brought in without the lock and all is tried again.
 *  (2) waiter->bucket is NULL once it has been taken off the queue by a waker. It
 *      and the queue change under that bucket's lock; requeue holds both. The
 *      last thing a waker does with a waiter is to store that NULL: after it the
 *      waiter's stack may be gone.
 *
 * WAKE looks at bucket->waiters before it takes the lock. The fence in front of
 * that pairs with the one of the atomic increment in WAIT: one of the two sees
 * the other.
 *
 * Shared anonymous memory is a file without a name, so it needs no case of its own.
 *
 * Limit: the PI operations are refused with -ENOSYS.
 */
#include <arch/uaccess.h>
#include <fs/file.h>
#include <kernel/ipc/futex.h>
#include <kernel/lib/list.h>
#include <kernel/mm/mm.h>
#include <kernel/mm/pagecache.h>
#include <kernel/proc/proc.h>
#include <kernel/sched/sched.h>
#include <kernel/uapi/syscall.h>
#include <kernel/time/timekeeping.h>

enum { FUTEX_WAIT, FUTEX_WAKE, FUTEX_FD, FUTEX_REQUEUE, FUTEX_CMP_REQUEUE, FUTEX_WAKE_OP, FUTEX_LOCK_PI,
	FUTEX_UNLOCK_PI, FUTEX_TRYLOCK_PI, FUTEX_WAIT_BITSET, FUTEX_WAKE_BITSET };
#define FUTEX_PRIVATE_FLAG	128
#define FUTEX_CLOCK_REALTIME	256
#define FUTEX_BITSET_ANY	0xffffffffu

#define FUTEX_WAITERS		0x80000000u
#define FUTEX_OWNER_DIED	0x40000000u
#define FUTEX_TID_MASK		0x3fffffffu
#define ROBUST_LIST_LIMIT	2048
#define ROBUST_PI		1ul	/* bit 0 of a list pointer */

#define BUCKETS		256

struct futex_key {
	u64 object;		/* struct mm *, or struct mapping * with bit 0 set */
	u64 offset;		/* address, or byte in the mapping */
};

struct futex_bucket {
	struct spinlock lock;	/* RANK_FUTEX */
	u32 waiters;		/* queued or about to be; atomic */
	struct list_head queue;
} __cacheline_aligned;

struct futex_waiter {
	struct list_head node;
	struct futex_bucket *bucket;	/* NULL: woken */
	struct thread *thread;
	struct futex_key key;
	u32 bitset;
};

static struct futex_bucket buckets[BUCKETS] = {
	[0 ... BUCKETS - 1] = { .lock = SPINLOCK_INIT(RANK_FUTEX) },
};

static struct futex_bucket *bucket_of(const struct futex_key *key)
{
	u64 h = (key->object >> 4) + (key->offset >> 2);

	/* Fibonacci hashing: 2^64 / golden ratio; the high bits are the good ones. */
	return &buckets[(h * 0x9e3779b97f4a7c15ull) >> (64 - 8)];
}

static bool keys_equal(const struct futex_key *a, const struct futex_key *b)
{
	return a->object == b->object && a->offset == b->offset;
}

/* The queue is empty until first used: its head is set up under the lock. */
static struct list_head *queue_of(struct futex_bucket *b)
{
	if (unlikely(!b->queue.next))
		list_init(&b->queue);
	return &b->queue;
}

/* --- keys --- */

static __noinline int shared_key(uaddr_t uaddr, struct futex_key *key)
{
	struct mm *mm = current->mm;
	struct vma *v;
	int err = 0;

	rwsem_read_lock(&mm->lock);
	v = vma_find(mm, uaddr);
	if (!v || v->start > uaddr) {
		err = -EFAULT;
	} else if ((v->flags & VM_MAYSHARE) && v->mapping) {
		key->object = (u64)v->mapping | 1;
		key->offset = (v->pgoff << PAGE_SHIFT) + (uaddr - v->start);
	} else {
		/*
		 * Nobody else sees this word, but as on Linux
		 * its private waiters are not found either.
		 */
		key->object = (u64)mm | 2;
		key->offset = uaddr;
	}
	rwsem_read_unlock(&mm->lock);
	return err;
}

static inline int make_key(uaddr_t uaddr, bool shared, struct futex_key *key)
{
	if (uaddr & 3)
		return -EINVAL;
	if (!user_range_ok(uaddr, sizeof(u32)))
		return -EFAULT;
	if (shared)
		return shared_key(uaddr, key);
	key->object = (u64)current->mm;
	key->offset = uaddr;
	return 0;
}

/* --- waking --- */

static void wake_waiter_locked(struct futex_waiter *w)
{
	/*
	 * It may be gone from user mode by the time it is
	 * woken, but not freed: we are a read section.
	 */
	struct thread *t = w->thread;

	list_del_rcu(&w->node);
	__atomic_fetch_sub(&w->bucket->waiters, 1, __ATOMIC_RELAXED);
	smp_store_release(&w->bucket, NULL);	/* (2): w is not ours any more */
	thread_wake(t, TASK_INTERRUPTIBLE);
}

static u32 wake_matching_locked(struct futex_bucket *b, const struct futex_key *key, u32 nr,
				u32 bitset)
{
	struct futex_waiter *w, *next;
	u32 woken = 0;

	list_for_each_safe(w, next, queue_of(b), node) {
		if (woken == nr)
			break;
		if (!keys_equal(&w->key, key) || !(w->bitset & bitset))
			continue;
		wake_waiter_locked(w);
		woken++;
	}
	return woken;
}

static long futex_wake(uaddr_t uaddr, bool shared, u32 nr, u32 bitset)
{
	struct futex_bucket *b;
	struct futex_key key;
	long woken;
	int err;

	if (!bitset)
		return -EINVAL;
	err = make_key(uaddr, shared, &key);
	if (err)
		return err;
	b = bucket_of(&key);
	smp_mb();
	if (!READ_ONCE(b->waiters))
		return 0;
	spin_lock(&b->lock);
	woken = wake_matching_locked(b, &key, nr, bitset);
	spin_unlock(&b->lock);
	return woken;
}

long futex_wake_user(uaddr_t uaddr, u32 nr, bool shared)
{
	return futex_wake(uaddr, shared, nr, FUTEX_BITSET_ANY);
}

/* --- waiting --- */

static inline int read_word_atomic(uaddr_t uaddr, u32 *value)
{
	int err;

	pagefault_disable();
	err = get_user(*value, uaddr);
	pagefault_enable();
	return err;
}

/* Queue w if the word has the value: 0; -EAGAIN, -EFAULT. */
static int queue_if_equal(struct futex_waiter *w, uaddr_t uaddr, u32 expected)
{
	struct futex_bucket *b = bucket_of(&w->key);
	u32 value;

	for (;;) {
		__atomic_fetch_add(&b->waiters, 1, __ATOMIC_SEQ_CST);
		spin_lock(&b->lock);
		if (!read_word_atomic(uaddr, &value))
			break;
		__atomic_fetch_sub(&b->waiters, 1, __ATOMIC_RELAXED);
		spin_unlock(&b->lock);
		if (get_user(value, uaddr))
			return -EFAULT;
	}
	if (value != expected) {
		__atomic_fetch_sub(&b->waiters, 1, __ATOMIC_RELAXED);
		spin_unlock(&b->lock);
		return -EAGAIN;
	}
	w->bucket = b;
	list_add_tail(&w->node, queue_of(b));
	thread_set_state(TASK_INTERRUPTIBLE);
	spin_unlock(&b->lock);
	return 0;
}

/* Take w off its queue, wherever requeue has put it. False: a waker already did. */
static __noinline bool unqueue(struct futex_waiter *w)
{
	struct futex_bucket *b;

	while ((b = smp_load_acquire(&w->bucket))) {
		spin_lock(&b->lock);
		if (w->bucket == b) {
			list_del_rcu(&w->node);
			__atomic_fetch_sub(&b->waiters, 1, __ATOMIC_RELAXED);
			spin_unlock(&b->lock);
			return true;
		}
		spin_unlock(&b->lock);
	}
	return false;
}

/* The wall clock has been set: look again how long to wait. */
struct wall_waiter {
	struct clock_listener listener;
	struct thread *thread;
};

static void wall_moved(struct clock_listener *l)
{
	thread_wake(container_of(l, struct wall_waiter, listener)->thread, TASK_INTERRUPTIBLE);
}

/* Until w is woken, the deadline, or a signal. False: the time is over. */
static __noinline bool sleep_until(struct futex_waiter *w, ktime_t deadline, bool realtime)
{
	struct wall_waiter wall = { .listener.changed = wall_moved, .thread = current };
	bool in_time = true;

	if (realtime)
		clock_listen(&wall.listener);
	for (;;) {
		ktime_t now;

		thread_set_state(TASK_INTERRUPTIBLE);
		now = realtime ? ktime_real() : ktime_get();
		in_time = now < deadline;
		if (!READ_ONCE(w->bucket) || !in_time || signal_pending(current))
			break;
		schedule_timeout(deadline - now);
	}
	if (realtime)
		clock_unlisten(&wall.listener);
	return in_time;
}

/*
 * deadline: CLOCK_MONOTONIC, or of the real clock;
 * TIMEOUT_NEVER. 0, -EAGAIN, -ETIMEDOUT, -ERESTARTSYS, ...
 */
static long futex_wait(uaddr_t uaddr, bool shared, u32 value, ktime_t deadline, bool realtime,
		       u32 bitset)
{
	struct futex_waiter w;
	bool in_time = true;
	int err;

	if (!bitset)
		return -EINVAL;
	w.thread = current;
	w.bitset = bitset;
	err = make_key(uaddr, shared, &w.key);
	if (!err)
		err = queue_if_equal(&w, uaddr, value);
	if (err)
		return err;
	if (unlikely(deadline != TIMEOUT_NEVER)) {
		in_time = sleep_until(&w, deadline, realtime);
	} else {
		while (READ_ONCE(w.bucket) && !signal_pending(current)) {
			schedule();
			thread_set_state(TASK_INTERRUPTIBLE);
		}
	}
	thread_set_running();
	if (likely(!smp_load_acquire(&w.bucket)) || !unqueue(&w))
		return 0;
	return in_time ? -ERESTARTSYS : -ETIMEDOUT;
}

/* --- requeue --- */

static void lock_both(struct futex_bucket *a, struct futex_bucket *b)
{
	if (a > b)
		swap(a, b);
	spin_lock(&a->lock);
	if (a != b)
		spin_lock_nested(&b->lock, 1);
}

static void unlock_both(struct futex_bucket *a, struct futex_bucket *b)
{
	if (a != b)
		spin_unlock(&b->lock);
	spin_unlock(&a->lock);
}

static void move_waiter_locked(struct futex_waiter *w, struct futex_bucket *to,
			       const struct futex_key *key)
{
	struct futex_bucket *from = w->bucket;

	w->key = *key;
	if (from == to)
		return;
	list_move_tail(&w->node, queue_of(to));
	__atomic_fetch_sub(&from->waiters, 1, __ATOMIC_RELAXED);
	__atomic_fetch_add(&to->waiters, 1, __ATOMIC_SEQ_CST);
	smp_store_release(&w->bucket, to);
}

/* Both locked: wake nr_wake, move up to nr_move of the rest. How many altogether. */
static long requeue_locked(struct futex_bucket *from, const struct futex_key *key,
			   struct futex_bucket *to, const struct futex_key *new_key, u32 nr_wake,
			   u32 nr_move)
{
	struct futex_waiter *w, *next;
	long woken = wake_matching_locked(from, key, nr_wake, FUTEX_BITSET_ANY);
	u32 moved = 0;

	if (keys_equal(key, new_key))
		return woken;
	list_for_each_safe(w, next, queue_of(from), node) {
		if (moved == nr_move)
			break;
		if (!keys_equal(&w->key, key))
			continue;
		move_waiter_locked(w, to, new_key);
		moved++;
	}
	return woken + moved;
}

static __noinline long futex_requeue(uaddr_t from_addr, bool shared, uaddr_t to_addr, int nr_wake,
				     int nr_move, const u32 *expected)
{
	struct futex_bucket *from, *to;
	struct futex_key key, new_key;
	long result;
	u32 value;
	int err;

	if (nr_wake < 0 || nr_move < 0)
		return -EINVAL;
	err = make_key(from_addr, shared, &key);
	if (!err)
		err = make_key(to_addr, shared, &new_key);
	if (err)
		return err;
	from = bucket_of(&key);
	to = bucket_of(&new_key);
	for (;;) {
		lock_both(from, to);
		if (!expected || !read_word_atomic(from_addr, &value))
			break;
		unlock_both(from, to);
		if (get_user(value, from_addr))
			return -EFAULT;
	}
	if (expected && value != *expected)
		result = -EAGAIN;
	else
		result = requeue_locked(from, &key, to, &new_key, nr_wake, nr_move);
	unlock_both(from, to);
	return result;
}

/* --- WAKE_OP: change a second word and wake there too if its old value says so --- */

static bool op_compare(u32 encoded, s32 old)
{
	s32 arg = (s32)(encoded << 20) >> 20;

	switch (encoded >> 24 & 0xf) {
	case 0: return old == arg;
	case 1: return old != arg;
	case 2: return old < arg;
	case 3: return old <= arg;
	case 4: return old > arg;
	default: return old >= arg;
	}
}

static int op_check(u32 encoded)
{
	return (encoded >> 28 & 7) <= 4 && (encoded >> 24 & 0xf) <= 5 ? 0 : -ENOSYS;
}

static u32 op_apply(u32 encoded, u32 old)
{
	u32 arg = (s32)(encoded << 8) >> 20;

	if (encoded >> 31)
		arg = 1u << (arg & 31);
	switch (encoded >> 28 & 7) {
	case 0: return arg;
	case 1: return old + arg;
	case 2: return old | arg;
	case 3: return old & ~arg;
	default: return old ^ arg;
	}
}

/* Atomically, by compare and swap; faults are resolved here, with no lock held. */
static int op_on_word(uaddr_t uaddr, u32 encoded, u32 *old)
{
	u32 seen;
	int err;

	if (get_user(*old, uaddr))
		return -EFAULT;
	for (;;) {
		err = user_cas_u32(uaddr, *old, op_apply(encoded, *old), &seen);
		if (err || seen == *old)
			return err;
		*old = seen;
	}
}

static __noinline long futex_wake_op(uaddr_t uaddr, bool shared, uaddr_t uaddr2, u32 nr, u32 nr2,
				     u32 encoded)
{
	long woken, second = 0;
	u32 old;
	int err = op_check(encoded);

	if (err)
		return err;
	if (uaddr2 & 3)
		return -EINVAL;
	err = op_on_word(uaddr2, encoded, &old);
	if (err)
		return err;
	woken = futex_wake(uaddr, shared, nr, FUTEX_BITSET_ANY);
	if (woken < 0)
		return woken;
	if (op_compare(encoded, old))
		second = futex_wake(uaddr2, shared, nr2, FUTEX_BITSET_ANY);
	return second < 0 ? second : woken + second;
}

/* --- the call --- */

static __noinline int get_deadline(uaddr_t utime, bool absolute, ktime_t *deadline)
{
	struct timespec64 ts;
	u64 ns;
	int err;

	*deadline = TIMEOUT_NEVER;
	if (!utime)
		return 0;
	if (copy_from_user(&ts, utime, sizeof(ts)))
		return -EFAULT;
	err = timespec_to_ns(&ts, &ns);
	if (err)
		return err;
	*deadline = min_t(u64, absolute ? ns : ktime_get() + ns, TIMEOUT_NEVER - 1);
	return 0;
}

static long wait_again(struct thread *t)
{
	long err = futex_wait(t->restart.args[0], t->restart.args[1], t->restart.args[2],
			      t->restart.args[3], t->restart.args[4] >> 32,
			      (u32)t->restart.args[4]);

	return err == -ERESTARTSYS ? -ERESTART_RESTARTBLOCK : err;
}

/* With a time-out: interrupted, the wait goes on towards the same deadline. */
static __noinline long wait_until(uaddr_t uaddr, bool shared, bool absolute, bool realtime,
				  u32 value, uaddr_t utime, u32 bitset)
{
	struct thread *t = current;
	ktime_t deadline;
	long err = get_deadline(utime, absolute, &deadline);

	if (!err)
		err = futex_wait(uaddr, shared, value, deadline, realtime, bitset);
	if (err != -ERESTARTSYS)
		return err;
	t->restart.fn = wait_again;
	t->restart.args[0] = uaddr;
	t->restart.args[1] = shared;
	t->restart.args[2] = value;
	t->restart.args[3] = deadline;
	t->restart.args[4] = (u64)realtime << 32 | bitset;
	return -ERESTART_RESTARTBLOCK;
}

/* Zero and less wake one, as Linux does. */
static u32 wake_number(u32 value)
{
	return (s32)value > 0 ? value : 1;
}

long sys_futex(uaddr_t uaddr, int op, u32 value, uaddr_t utime, uaddr_t uaddr2, u32 value3)
{
	int cmd = op & ~(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME);
	bool shared = !(op & FUTEX_PRIVATE_FLAG), realtime = op & FUTEX_CLOCK_REALTIME;

	if (unlikely(realtime) && cmd != FUTEX_WAIT_BITSET)
		return -ENOSYS;
	switch (cmd) {
	case FUTEX_WAIT:
		if (utime)
			return wait_until(uaddr, shared, false, false, value, utime,
					  FUTEX_BITSET_ANY);
		return futex_wait(uaddr, shared, value, TIMEOUT_NEVER, false, FUTEX_BITSET_ANY);
	case FUTEX_WAIT_BITSET:
		if (utime)
			return wait_until(uaddr, shared, true, realtime, value, utime, value3);
		return futex_wait(uaddr, shared, value, TIMEOUT_NEVER, false, value3);
	case FUTEX_WAKE:
		return futex_wake(uaddr, shared, wake_number(value), FUTEX_BITSET_ANY);
	case FUTEX_WAKE_BITSET:
		return futex_wake(uaddr, shared, wake_number(value), value3);
	case FUTEX_REQUEUE:
		return futex_requeue(uaddr, shared, uaddr2, value, (u32)utime, NULL);
	case FUTEX_CMP_REQUEUE:
		return futex_requeue(uaddr, shared, uaddr2, value, (u32)utime, &value3);
	case FUTEX_WAKE_OP:
		return futex_wake_op(uaddr, shared, uaddr2, wake_number(value),
				     wake_number((u32)utime), value3);
	default:
		return -ENOSYS;
	}
}

/* --- robust lists --- */

struct robust_head {
	u64 next;		/* of the circular list, ends at the head */
	s64 futex_offset;	/* from a list entry to its word */
	u64 pending;		/* entry being locked or unlocked right now */
};

long sys_set_robust_list(uaddr_t head, size_t len)
{
	if (len != sizeof(struct robust_head))
		return -EINVAL;
	current->robust_list = head;
	return 0;
}

long sys_get_robust_list(int tid, uaddr_t uhead, uaddr_t ulen)
{
	struct thread *t = tid ? thread_lookup(tid) : thread_get(current);
	uaddr_t head;
	int err;

	if (!t)
		return -ESRCH;
	err = signal_check_permission(t->process, 0);
	head = t->robust_list;
	thread_put(t);
	if (err)
		return err;
	if (put_user((u64)sizeof(struct robust_head), ulen) || put_user(head, uhead))
		return -EFAULT;
	return 0;
}

/* The word's owner is dead: say so in it and wake one waiter, who will find the mark. */
static void mark_owner_died(uaddr_t uaddr, bool is_pending)
{
	pid_t tid = thread_tid(current);
	u32 old, seen;

	if ((uaddr & 3) || get_user(old, uaddr))
		return;
	/* Died between unlocking and waking: the waiters would sleep for ever. */
	if (is_pending && !old) {
		futex_wake(uaddr, true, 1, FUTEX_BITSET_ANY);
		return;
	}
	while ((old & FUTEX_TID_MASK) == (u32)tid) {
		if (user_cas_u32(uaddr, old, (old & FUTEX_WAITERS) | FUTEX_OWNER_DIED, &seen))
			return;
		if (seen == old) {
			if (old & FUTEX_WAITERS)
				futex_wake(uaddr, true, 1, FUTEX_BITSET_ANY);
			return;
		}
		old = seen;
	}
}

void futex_release_robust(struct thread *t)
{
	uaddr_t head = t->robust_list;
	struct robust_head h;
	u64 entry, next;

	if (likely(!head))
		return;
	t->robust_list = 0;
	if (copy_from_user(&h, head, sizeof(h)))
		return;
	entry = h.next;
	/* The list is the program's: it may be damaged or endless. */
	for (u32 n = 0; (entry & ~ROBUST_PI) != head && n < ROBUST_LIST_LIMIT; n++) {
		int err = get_user(next, entry & ~ROBUST_PI);

		if (entry != h.pending)
			mark_owner_died((entry & ~ROBUST_PI) + h.futex_offset, false);
		if (err)
			break;
		entry = next;
	}
	if (h.pending)
		mark_owner_died((h.pending & ~ROBUST_PI) + h.futex_offset, true);
}
