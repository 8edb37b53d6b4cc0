/* SPDX-License-Identifier: MIT */
/*
 * ppoll and pselect6: wait until one of many files is ready.
 *
 * One pass asks every file, and as long as none is ready leaves an entry in each
 * wait queue the file names. A wake-up puts its entry on the set's list of fired
 * ones and wakes the thread, which asks only those files again: the cost of
 * a wake-up does not depend on how many files are watched.
 *
 * Why no change is missed. An entry is in the queue before its file is asked
 * for the last time; whoever makes a file ready changes it first and wakes the
 * queue then. A fired entry is taken off the list, and may fire again, before its file is asked.
 *
 * Entries of small sets are on the stack. An entry keeps its file by the
 * reference of the descriptor lookup, which the first entry takes over; where the
 * descriptor table is the thread's own there is none to take.
 *
 * Times on Linux's pattern: what is left is written back, which a restarted
 * call then reads; where that fails, the call is not restarted.
 */
#include <fs/file.h>
#include <fs/poll.h>
#include <kernel/lib/string.h>
#include <kernel/mm/alloc.h>
#include <kernel/task/signal.h>
#include <kernel/uapi/syscall.h>
#include <arch/uaccess.h>

#define POLL_FAST	8		/* descriptors and entries on the stack */
#define BLOCK_ENTRIES	((PAGE_SIZE - sizeof(struct poll_block)) / sizeof(struct poll_entry))

struct poll_set;

struct poll_entry {
	struct wait_entry wait;
	struct wait_queue *queue;
	struct poll_set *set;
	struct fd fd;			/* need_put: the entry owns the reference */
	struct poll_entry *next_fired;
	u32 index;			/* the caller's name for the file */
	u32 events;			/* wake-ups of interest; 0 in a wake-up is any */
	u32 fired;			/* atomic: 1 while on the list */
};

struct poll_block {			/* a page */
	struct poll_block *next;
	u32 used;
	struct poll_entry entry[];
};

struct poll_set {
	struct poll_table pt;		/* queue == NULL once something is ready */
	struct poll_entry *fired;	/* atomic stack */
	struct poll_block *blocks;
	u32 used, index;
	struct fd fd;			/* being asked */
	int err;
	struct poll_entry fast[POLL_FAST];
};

static int entry_wake(struct wait_entry *e, u32 key)
{
	struct poll_entry *pe = container_of(e, struct poll_entry, wait);
	struct poll_set *set = pe->set;

	if (key && !(key & pe->events))
		return 0;
	if (!__atomic_exchange_n(&pe->fired, 1, __ATOMIC_ACQ_REL)) {
		struct poll_entry *head = __atomic_load_n(&set->fired, __ATOMIC_RELAXED);

		do {
			pe->next_fired = head;
		} while (!__atomic_compare_exchange_n(&set->fired, &head, pe, true,
						      __ATOMIC_RELEASE, __ATOMIC_RELAXED));
	}
	return thread_wake(e->thread, TASK_NORMAL);
}

/* A free entry, in a new page where needed; NULL and set->err. */
static struct poll_entry *entry_take(struct poll_set *set)
{
	struct poll_block *b = set->blocks;

	if (likely(set->used < POLL_FAST))
		return &set->fast[set->used++];
	if (!b || b->used == BLOCK_ENTRIES) {
		struct page *page = page_alloc(GFP_KERNEL);

		if (!page) {
			set->err = -ENOMEM;
			return NULL;
		}
		b = page_address(page);
		b->next = set->blocks;
		b->used = 0;
		set->blocks = b;
	}
	return &b->entry[b->used++];
}

static void set_queue(struct file *f, struct wait_queue *q, struct poll_table *pt)
{
	struct poll_set *set = container_of(pt, struct poll_set, pt);
	struct poll_entry *pe = entry_take(set);

	if (unlikely(!pe))
		return;
	pe->wait.func = entry_wake;
	pe->wait.thread = current;
	pe->wait.flags = 0;
	pe->queue = q;
	pe->set = set;
	pe->fd = (struct fd){ f, set->fd.need_put };
	set->fd.need_put = false;
	pe->index = set->index;
	pe->events = pt->key;
	pe->fired = false;
	wait_add(q, &pe->wait);
}

static void set_init(struct poll_set *set)
{
	set->pt.queue = set_queue;
	set->fired = NULL;
	set->blocks = NULL;
	set->used = 0;
	set->err = 0;
}

/* One interval without interrupts for all of them: shorter than a lock's own for each. */
static void entries_remove(struct poll_entry *pe, u32 nr)
{
	u64 flags = local_irq_save();

	for (u32 i = 0; i < nr; i++) {
		raw_spin_lock(&pe[i].queue->lock, 0);
		list_del_rcu(&pe[i].wait.node);
		raw_spin_unlock(&pe[i].queue->lock);
	}
	local_irq_restore(flags);
	preempt_check();
	for (u32 i = 0; i < nr; i++)
		fd_put(pe[i].fd);
}

static void set_done(struct poll_set *set)
{
	struct poll_block *b = set->blocks, *next;

	if (set->used)
		entries_remove(set->fast, set->used);
	for (; b; b = next) {
		next = b->next;
		entries_remove(b->entry, b->used);
		page_put(virt_to_page(b));
	}
}

/* What is ready of key's events on descriptor fd. EPOLLNVAL: it is none. */
static u32 set_ask(struct poll_set *set, int fd, u32 index, u32 key)
{
	u32 mask = EPOLLIN | EPOLLOUT | EPOLLRDNORM | EPOLLWRNORM;
	struct file *f;

	set->fd = fd_get(fd);
	f = set->fd.file;
	if (!f)
		return EPOLLNVAL;
	if (likely(f->ops->poll)) {
		set->index = index;
		set->pt.key = key;
		mask = f->ops->poll(f, &set->pt);
	}
	fd_put(set->fd);
	mask &= key;
	if (mask)
		set->pt.queue = NULL;
	return mask;
}

/* Sleep until an entry fires, a signal comes or the deadline is over: false only for the last. */
static bool set_sleep(struct poll_set *set, ktime_t deadline)
{
	bool in_time = true;

	thread_set_state(TASK_INTERRUPTIBLE);
	if (!READ_ONCE(set->fired) && !signal_pending(current)) {
		if (deadline == TIMEOUT_NEVER) {
			schedule();
		} else {
			ktime_t now = ktime_get();

			in_time = now < deadline && schedule_timeout(deadline - now);
		}
	}
	thread_set_running();
	return in_time;
}

/*
 * A waker holds the queue's lock until it has been through all entries. Waiting for the lock
 * makes one event one answer, in however many entries it fires.
 */
static struct poll_entry *fired_take_all(struct poll_set *set)
{
	struct poll_entry *pe = READ_ONCE(set->fired);
	u64 flags;

	if (!pe)
		return NULL;
	flags = spin_lock_irqsave(&pe->queue->lock);
	spin_unlock_irqrestore(&pe->queue->lock, flags);
	return __atomic_exchange_n(&set->fired, NULL, __ATOMIC_ACQUIRE);
}

/* The file of a fired entry is asked again. *next: the one that fired before it. */
static u32 entry_ask(struct poll_entry *pe, struct poll_entry **next)
{
	struct file *f = pe->fd.file;

	*next = pe->next_fired;
	/* It may fire again from here on, and what we read below is newer. */
	__atomic_store_n(&pe->fired, false, __ATOMIC_SEQ_CST);
	smp_mb();
	return f->ops->poll(f, NULL) & pe->events;
}

/* How many are ready, or -errno: all are asked at first, later those that fired. */
typedef int (*pass_fn)(void *call, struct poll_set *set);

static __always_inline int wait_ready(void *call, pass_fn first, pass_fn fired, ktime_t deadline)
{
	bool in_time = deadline != 0;
	struct poll_set set;
	int count;

	set_init(&set);
	if (!in_time)
		set.pt.queue = NULL;
	count = first(call, &set);
	while (!count) {
		if (set.err)
			count = set.err;
		else if (signal_pending(current))
			count = -ERESTARTNOHAND;
		if (count || !in_time)
			break;
		in_time = set_sleep(&set, deadline);
		count = fired(call, &set);
	}
	set_done(&set);
	return count;
}

/* --- time and signal mask around a call --- */

struct poll_time {
	ktime_t deadline;		/* 0: do not wait; TIMEOUT_NEVER */
	uaddr_t user;
};

static int time_begin(struct poll_time *t, uaddr_t user)
{
	struct timespec64 ts;
	u64 ns;
	int err;

	*t = (struct poll_time){ TIMEOUT_NEVER, user };
	if (!user)
		return 0;
	if (copy_from_user(&ts, user, sizeof(ts)))
		return -EFAULT;
	err = timespec_to_ns(&ts, &ns);
	if (!err)
		t->deadline = ns ? min_t(u64, ktime_get() + ns, TIMEOUT_NEVER - 1) : 0;
	return err;
}

static long time_end(const struct poll_time *t, long ret)
{
	struct timespec64 left;
	ktime_t now;

	signal_mask_restore_unless(ret == -ERESTARTNOHAND);
	if (!t->user || !t->deadline)
		return ret;
	now = ktime_get();
	left = ns_to_timespec(now < t->deadline ? t->deadline - now : 0);
	if (copy_to_user(t->user, &left, sizeof(left)) && ret == -ERESTARTNOHAND)
		return -EINTR;
	return ret;
}

/* --- poll --- */

struct pollfd {
	s32 fd;
	u16 events, revents;
};

struct poll_call {
	struct pollfd *fds;
	u16 *result;
	u32 nr;
};

static u32 pollfd_key(const struct pollfd *p)
{
	return p->events | EPOLLERR | EPOLLHUP;
}

static int poll_first_pass(void *call, struct poll_set *set)
{
	struct poll_call *c = call;
	int count = 0;

	for (u32 i = 0; i < c->nr; i++) {
		const struct pollfd *p = &c->fds[i];
		u32 mask = p->fd < 0 ? 0 : set_ask(set, p->fd, i, pollfd_key(p));

		if (mask == EPOLLNVAL)
			set->pt.queue = NULL;
		c->result[i] = mask;
		count += !!mask;
	}
	return count;
}

static int poll_fired(void *call, struct poll_set *set)
{
	struct poll_call *c = call;
	struct poll_entry *pe = fired_take_all(set);
	int count = 0;

	while (pe) {
		u32 i = pe->index, mask = entry_ask(pe, &pe);

		count += mask && !c->result[i];
		c->result[i] |= mask;
	}
	return count;
}

static int poll_wait_ready(struct poll_call *c, ktime_t deadline)
{
	return wait_ready(c, poll_first_pass, poll_fired, deadline);
}

/* Only what differs is written, and the first one, so that memory that cannot be written shows. */
static int poll_write_back(const struct poll_call *c, uaddr_t ufds)
{
	for (u32 i = 0; i < c->nr; i++)
		if (c->result[i] != c->fds[i].revents || !i)
			if (put_user(c->result[i], ufds + i * sizeof(struct pollfd) +
					     offsetof(struct pollfd, revents)))
				return -EFAULT;
	return 0;
}

static int do_poll(struct poll_call *c, uaddr_t ufds, ktime_t deadline)
{
	int count;

	if (copy_from_user(c->fds, ufds, c->nr * sizeof(struct pollfd)))
		return -EFAULT;
	count = poll_wait_ready(c, deadline);
	if (count != -ENOMEM && poll_write_back(c, ufds))
		return -EFAULT;
	return count;
}

static int do_poll_large(uaddr_t ufds, u32 nr, ktime_t deadline)
{
	struct pollfd *fds = kvmalloc(nr * (sizeof(struct pollfd) + sizeof(u16)), GFP_KERNEL);
	int count;

	if (!fds)
		return -ENOMEM;
	count = do_poll(&(struct poll_call){ fds, (u16 *)(fds + nr), nr }, ufds, deadline);
	kvfree(fds);
	return count;
}

static int do_poll_small(uaddr_t ufds, u32 nr, ktime_t deadline)
{
	struct pollfd fds[POLL_FAST];
	u16 result[POLL_FAST];

	return do_poll(&(struct poll_call){ fds, result, nr }, ufds, deadline);
}

long sys_ppoll(uaddr_t ufds, u32 nr, uaddr_t utime, uaddr_t uset, size_t setsize)
{
	struct poll_time time;
	int ret = time_begin(&time, utime);

	if (!ret)
		ret = signal_mask_swap_user(uset, setsize);
	if (ret)
		return ret;
	if (nr > rlimit_current(RLIMIT_NOFILE))
		ret = -EINVAL;
	else
		ret = (nr <= POLL_FAST ? do_poll_small : do_poll_large)(ufds, nr, time.deadline);
	return time_end(&time, ret);
}

/* --- select --- */

#define SELECT_IN	(EPOLLRDNORM | EPOLLRDBAND | EPOLLIN | EPOLLHUP | EPOLLERR | EPOLLNVAL)
#define SELECT_OUT	(EPOLLWRBAND | EPOLLWRNORM | EPOLLOUT | EPOLLERR | EPOLLNVAL)
#define SELECT_EX	(EPOLLPRI | EPOLLNVAL)
#define SELECT_FAST	4		/* words of a set on the stack: 256 descriptors */

enum { SET_IN, SET_OUT, SET_EX, NR_SETS };
static const u32 select_events[NR_SETS] = { SELECT_IN, SELECT_OUT, SELECT_EX };

struct select_call {
	u64 *want[NR_SETS], *got[NR_SETS];	/* bit sets of words */
	u32 words, nr;
};

static int select_note(struct select_call *c, int fd, u32 mask)
{
	u64 bit = BIT(fd % 64);
	int count = 0;

	for (u32 k = 0; k < NR_SETS; k++) {
		if (!(mask & select_events[k]) || !(c->want[k][fd / 64] & bit) ||
		    (c->got[k][fd / 64] & bit))
			continue;
		c->got[k][fd / 64] |= bit;
		count++;
	}
	return count;
}

/* Bits set, or -EBADF. */
static int select_ask(struct select_call *c, struct poll_set *set, int fd)
{
	u64 bit = BIT(fd % 64);
	u32 key = SELECT_EX, mask;

	if (c->want[SET_IN][fd / 64] & bit)
		key |= SELECT_IN;
	if (c->want[SET_OUT][fd / 64] & bit)
		key |= SELECT_OUT;
	mask = set_ask(set, fd, fd, key);
	if (mask == EPOLLNVAL) {
		struct fd raw = fd_get_raw(fd);

		if (!raw.file)
			return -EBADF;
		fd_put(raw);
	}
	return select_note(c, fd, mask);
}

static int select_first_pass(void *call, struct poll_set *set)
{
	struct select_call *c = call;
	int count = 0;

	for (u32 w = 0; w < c->words; w++) {
		u64 bits = c->want[SET_IN][w] | c->want[SET_OUT][w] | c->want[SET_EX][w];

		for (; bits; bits &= bits - 1) {
			u32 fd = w * 64 + (u32)__builtin_ctzl(bits);
			int n;

			if (fd >= c->nr)
				break;
			n = select_ask(c, set, (int)fd);
			if (n < 0)
				return n;
			count += n;
		}
	}
	return count;
}

static int select_fired(void *call, struct poll_set *set)
{
	struct select_call *c = call;
	struct poll_entry *pe = fired_take_all(set);
	int count = 0;

	while (pe) {
		int fd = (int)pe->index;

		count += select_note(c, fd, entry_ask(pe, &pe));
	}
	return count;
}

static int select_wait_ready(struct select_call *c, ktime_t deadline)
{
	return wait_ready(c, select_first_pass, select_fired, deadline);
}

static int do_select_sets(struct select_call *c, u64 *bits, const uaddr_t user[NR_SETS],
			  ktime_t deadline)
{
	size_t bytes = c->words * 8;
	int count;

	memset(bits, 0, 2 * NR_SETS * bytes);
	for (u32 k = 0; k < NR_SETS; k++) {
		c->want[k] = bits + k * c->words;
		c->got[k] = bits + (NR_SETS + k) * c->words;
		if (user[k] && copy_from_user(c->want[k], user[k], bytes))
			return -EFAULT;
	}
	count = select_wait_ready(c, deadline);
	for (u32 k = 0; count >= 0 && k < NR_SETS; k++)
		if (user[k] && copy_to_user(user[k], c->got[k], bytes))
			count = -EFAULT;
	return count;
}

static int do_select(int nr, const uaddr_t user[NR_SETS], ktime_t deadline)
{
	u64 fast[2 * NR_SETS * SELECT_FAST], *bits = fast;
	struct select_call c;
	int count;

	if (nr < 0)
		return -EINVAL;
	c.nr = min((u32)nr, fd_table_size());
	c.words = DIV_ROUND_UP(c.nr, 64u);
	if (c.words > SELECT_FAST) {
		bits = kvmalloc(2 * NR_SETS * 8ul * c.words, GFP_KERNEL);
		if (!bits)
			return -ENOMEM;
	}
	count = do_select_sets(&c, bits, user, deadline);
	if (bits != fast)
		kvfree(bits);
	return count;
}

long sys_pselect6(int nr, uaddr_t in, uaddr_t out, uaddr_t ex, uaddr_t utime, uaddr_t usig)
{
	const uaddr_t user[NR_SETS] = { in, out, ex };
	struct { uaddr_t set; u64 size; } sig = { 0 };
	struct poll_time time;
	int ret;

	if (usig && copy_from_user(&sig, usig, sizeof(sig)))
		return -EFAULT;
	ret = time_begin(&time, utime);
	if (!ret)
		ret = signal_mask_swap_user(sig.set, sig.size);
	return ret ? ret : time_end(&time, do_select(nr, user, time.deadline));
}
