/* SPDX-License-Identifier: MIT */
/*
 * Advisory locks on files.
 *
 * Three kinds, two name spaces. Records (fcntl) cover byte ranges, and belong to a
 * process, that is to its descriptor table, or with F_OFD_* to an open file; these
 * two conflict with each other. flock's cover the whole file, belong to an open
 * file, and conflict among themselves only.
 *
 * An inode that was ever locked has a context: a list for each name space under
 * one spinlock, and a queue on which those wait that a lock keeps off. A waiter
 * tries again after every release; it does not queue in order.
 *
 * Invariants, under ctx->lock:
 *  (1) Two records overlap only if both are read locks of different owners.
 *  (2) One owner's records do not touch either where they are of one type: setting
 *      one absorbs its neighbours, cuts what it overlaps of the other type.
 *  (3) Records lie in the list by their start.
 *
 * Deadlock: every process that waits for a record is in `waiters`, with the owner
 * it waits for. A chain of these that comes back to its beginning gives EDEADLK. A
 * release takes the waiters of its context out, since it may have freed them; they
 * come back when they still have to wait. Only processes' records take part.
 *
 * What close(2) owes: each close of any descriptor of a file drops the process's
 * records on it (POSIX.1-2017, fcntl); the end of an open file drops its own.
 *
 * The calls, fcntl and flock, are in lock_calls.c.
 */
#include <fs/locks_impl.h>
#include <kernel/bug.h>
#include <kernel/lock/wait.h>
#include <kernel/mm/alloc.h>
#include <kernel/task/pid.h>
#include <kernel/task/thread.h>
#include <kernel/uapi/fcntl.h>
#include <kernel/uapi/syscall.h>

/* processes in a chain of waiters that is followed; Linux's number */
#define CHAIN_MAX	10

struct file_lock_context {
	struct spinlock lock;		/* RANK_FILE_LOCKS, sublevel 1 */
	/* Guarded by lock. */
	struct list_head records, flocks;
	u32 releases;			/* counts what may let a waiter go on */
	struct wait_queue wait;
	/* Constant. */
	struct inode *inode;
	struct list_head all_node;	/* contexts_lock */
};

static DEFINE_SPINLOCK(contexts_lock, RANK_FILE_LOCKS);
static LIST_HEAD(contexts);		/* contexts_lock: for /proc/locks */

struct waiter {
	struct list_head node;
	const void *owner, *blocker;
	struct file_lock_context *ctx;
};
static DEFINE_SPINLOCK(waiters_lock, RANK_LEAF);
static LIST_HEAD(waiters);		/* waiters_lock */

/* --- contexts --- */

static struct file_lock_context *context_alloc(struct inode *inode)
{
	struct file_lock_context *ctx = kzalloc(sizeof(*ctx), GFP_KERNEL);

	if (!ctx)
		return NULL;
	spin_lock_init(&ctx->lock, RANK_FILE_LOCKS);
	list_init(&ctx->records);
	list_init(&ctx->flocks);
	wait_queue_init(&ctx->wait);
	ctx->inode = inode;
	return ctx;
}

/* The inode's context, made by the first who wants a lock. NULL: no memory. */
struct file_lock_context *file_locks_get(struct inode *inode)
{
	struct file_lock_context *ctx = __atomic_load_n(&inode->locks, __ATOMIC_ACQUIRE), *fresh;

	if (ctx)
		return ctx;
	fresh = context_alloc(inode);
	if (!fresh)
		return NULL;
	if (!__atomic_compare_exchange_n(&inode->locks, &ctx, fresh, false, __ATOMIC_ACQ_REL,
					 __ATOMIC_ACQUIRE)) {
		kfree(fresh);
		return ctx;
	}
	spin_lock(&contexts_lock);
	list_add_tail(&fresh->all_node, &contexts);
	spin_unlock(&contexts_lock);
	return fresh;
}

void file_locks_destroy(struct inode *inode)
{
	struct file_lock_context *ctx = inode->locks;

	if (likely(!ctx))
		return;
	BUG_ON(!list_empty(&ctx->records) || !list_empty(&ctx->flocks));
	spin_lock(&contexts_lock);
	list_del(&ctx->all_node);
	spin_unlock(&contexts_lock);
	inode->locks = NULL;
	kfree(ctx);
}

static void ctx_lock(struct file_lock_context *ctx)
{
	spin_lock_nested(&ctx->lock, 1);
}

/* Locks that are to be freed, once the spinlock is not held. */
static void free_list(struct list_head *dead)
{
	struct file_lock *l, *tmp;

	list_for_each_safe(l, tmp, dead, node)
		kfree(l);
}

/* --- conflicts --- */

static bool overlaps(const struct file_lock *a, const struct file_lock *b)
{
	return a->start <= b->end && b->start <= a->end;
}

static bool same_owner(const struct file_lock *a, const struct file_lock *b)
{
	return a->owner == b->owner;
}

static bool conflicts(const struct file_lock *a, const struct file_lock *b)
{
	return !same_owner(a, b) && (a->type == F_WRLCK || b->type == F_WRLCK) && overlaps(a, b);
}

static struct file_lock *find_conflict(struct list_head *list, const struct file_lock *req)
{
	struct file_lock *l;

	if (req->type == F_UNLCK)
		return NULL;
	list_for_each(l, list, node)
		if (conflicts(l, req))
			return l;
	return NULL;
}

/* --- records: no conflict; ctx->lock held --- */

static void insert_sorted(struct list_head *list, struct file_lock *new)
{
	struct file_lock *l;

	list_for_each(l, list, node)
		if (l->start > new->start)
			break;
	list_add_tail(&new->node, &l->node);
}

static bool touches(const struct file_lock *a, const struct file_lock *b)
{
	return overlaps(a, b) || (a->end != OFFSET_MAX && a->end + 1 == b->start) ||
	       (b->end != OFFSET_MAX && b->end + 1 == a->start);
}

/*
 * Take [req->start, req->end] out of l, of the same owner. spare becomes the upper part where two
 * remain. True if l itself is used up.
 */
static bool cut(struct list_head *list, struct file_lock *l, const struct file_lock *req,
		struct file_lock **spare)
{
	struct file_lock *upper = *spare;
	loff_t end = l->end;

	if (l->start >= req->start && l->end <= req->end)
		return true;
	if (l->start >= req->start) {
		list_del(&l->node);
		l->start = req->end + 1;
		insert_sorted(list, l);
		return false;
	}
	l->end = req->start - 1;
	if (end > req->end) {
		*upper = *l;
		upper->start = req->end + 1;
		upper->end = end;
		insert_sorted(list, upper);
		*spare = NULL;
	}
	return false;
}

/* The owner's records become what they were with req's range changed to req's type: (1) and (2). */
static void set_record_locked(struct list_head *list, const struct file_lock *req,
			      struct file_lock **new, struct file_lock **spare,
			      struct list_head *dead)
{
	struct file_lock *l, *tmp, *n = *new;

	*n = *req;
	list_for_each_safe(l, tmp, list, node) {
		bool gone = false;

		if (!same_owner(l, req))
			continue;
		if (l->type == req->type && touches(l, n)) {
			n->start = min(n->start, l->start);
			n->end = max(n->end, l->end);
			gone = true;
		} else if (l->type != req->type && overlaps(l, req)) {
			gone = cut(list, l, req, spare);
		}
		if (gone)
			list_move_tail(&l->node, dead);
	}
	if (req->type == F_UNLCK)
		return;
	insert_sorted(list, n);
	*new = NULL;
}

/* --- waiting --- */

/* Would a wait for blocker never end? waiters_lock held. */
static bool is_deadlock(const void *owner, const void *blocker)
{
	for (u32 steps = 0; steps < CHAIN_MAX; steps++) {
		struct waiter *w;
		const void *next = NULL;

		if (blocker == owner)
			return true;
		list_for_each(w, &waiters, node)
			if (w->owner == blocker)
				next = w->blocker;
		if (!next)
			return false;
		blocker = next;
	}
	return false;
}

/* 0 or -EDEADLK. Context: ctx->lock held, so that no release is missed. */
static int waiter_add(struct waiter *w, struct file_lock_context *ctx, const struct file_lock *req,
		      const struct file_lock *blocker)
{
	int err = 0;

	*w = (struct waiter){ .owner = req->owner, .blocker = blocker->owner, .ctx = ctx };
	list_init(&w->node);
	if (req->kind != LOCK_POSIX || blocker->kind != LOCK_POSIX)
		return 0;
	spin_lock(&waiters_lock);
	if (is_deadlock(w->owner, w->blocker))
		err = -EDEADLK;
	else
		list_add(&w->node, &waiters);
	spin_unlock(&waiters_lock);
	return err;
}

static void waiter_remove(struct waiter *w)
{
	spin_lock(&waiters_lock);
	list_del(&w->node);
	spin_unlock(&waiters_lock);
}

/* Something became free. ctx->lock held; the caller wakes the queue after unlock. */
static void note_release_locked(struct file_lock_context *ctx)
{
	struct waiter *w, *tmp;

	ctx->releases++;
	if (list_empty(&waiters))	/* those of ctx were added under ctx->lock */
		return;
	spin_lock(&waiters_lock);
	list_for_each_safe(w, tmp, &waiters, node)
		if (w->ctx == ctx)
			list_del(&w->node);
	spin_unlock(&waiters_lock);
}

/* Until something is released that kept req off. ctx->lock is held, and given up. 0: try again. */
static long wait_release(struct file_lock_context *ctx, const struct file_lock *req,
			 const struct file_lock *blocker)
{
	u32 seen = ctx->releases;
	struct waiter w;
	long err = waiter_add(&w, ctx, req, blocker);

	spin_unlock(&ctx->lock);
	if (err)
		return err;
	err = wait_event_interruptible(&ctx->wait, READ_ONCE(ctx->releases) != seen);
	waiter_remove(&w);
	return err;
}

/* --- setting --- */

/* Spare locks for the change: its new one, and what a cut leaves. 0 or -ENOLCK. */
static int spares_alloc(struct file_lock **new, struct file_lock **spare)
{
	*new = kmalloc(sizeof(**new), GFP_KERNEL);
	*spare = kmalloc(sizeof(**spare), GFP_KERNEL);
	if (*new && *spare)
		return 0;
	kfree(*new);
	kfree(*spare);
	return -ENOLCK;
}

/* 0, -EAGAIN, -EDEADLK, -ENOLCK, -ERESTARTSYS. */
long file_lock_set_record(struct file_lock_context *ctx, const struct file_lock *req, bool wait)
{
	struct file_lock *new, *spare, *blocker;
	LIST_HEAD(dead);
	long err = spares_alloc(&new, &spare);

	if (err)
		return err;
	for (;;) {
		ctx_lock(ctx);
		blocker = find_conflict(&ctx->records, req);
		if (!blocker) {
			set_record_locked(&ctx->records, req, &new, &spare, &dead);
			note_release_locked(ctx);
			spin_unlock(&ctx->lock);
			break;
		}
		if (!wait) {
			spin_unlock(&ctx->lock);
			err = -EAGAIN;
			break;
		}
		err = wait_release(ctx, req, blocker);
		if (err)
			break;
	}
	wake_all(&ctx->wait);
	free_list(&dead);
	kfree(new);
	kfree(spare);
	return err;
}

/* The file's lock of its own, out of the list. True: it has the type that is wanted, and stays. */
static bool take_own_flock_locked(struct file_lock_context *ctx, const struct file_lock *req,
				  struct list_head *dead)
{
	struct file_lock *l;

	list_for_each(l, &ctx->flocks, node) {
		if (!same_owner(l, req))
			continue;
		if (l->type == req->type)
			return true;
		list_move_tail(&l->node, dead);
		note_release_locked(ctx);
		return false;
	}
	return false;
}

/* As on Linux, a lock that changes its type is given up first: it may be lost. */
long file_lock_set_flock(struct file_lock_context *ctx, const struct file_lock *req, bool wait)
{
	struct file_lock *new = kmalloc(sizeof(*new), GFP_KERNEL), *blocker;
	LIST_HEAD(dead);
	long err;

	if (!new)
		return -ENOLCK;
	do {
		err = 0;
		ctx_lock(ctx);
		if (take_own_flock_locked(ctx, req, &dead) || req->type == F_UNLCK) {
			spin_unlock(&ctx->lock);
			break;
		}
		blocker = find_conflict(&ctx->flocks, req);
		if (!blocker) {
			*new = *req;
			list_add_tail(&new->node, &ctx->flocks);
			new = NULL;
			spin_unlock(&ctx->lock);
			break;
		}
		if (wait) {
			wake_all(&ctx->wait);
			err = wait_release(ctx, req, blocker);
		} else {
			spin_unlock(&ctx->lock);
			err = -EAGAIN;
		}
	} while (wait && !err);
	wake_all(&ctx->wait);
	free_list(&dead);
	kfree(new);
	return err;
}

/* What would keep req off; for F_UNLCK, what it would release. */
static const struct file_lock *find_record_locked(struct file_lock_context *ctx,
						  const struct file_lock *req)
{
	struct file_lock *l;

	if (req->type != F_UNLCK)
		return find_conflict(&ctx->records, req);
	list_for_each(l, &ctx->records, node)
		if (same_owner(l, req) && overlaps(l, req))
			return l;
	return NULL;
}

bool file_lock_find(struct file_lock_context *ctx, const struct file_lock *req,
		    struct file_lock *out)
{
	const struct file_lock *l;

	ctx_lock(ctx);
	l = find_record_locked(ctx, req);
	if (l)
		*out = *l;
	spin_unlock(&ctx->lock);
	return l;
}

/* --- the end of descriptors and files --- */

static void drop_owner(struct file_lock_context *ctx, struct list_head *list, const void *owner)
{
	struct file_lock *l, *tmp;
	LIST_HEAD(dead);

	if (list_empty(list))
		return;
	ctx_lock(ctx);
	list_for_each_safe(l, tmp, list, node)
		if (l->owner == owner)
			list_move_tail(&l->node, &dead);
	if (!list_empty(&dead))
		note_release_locked(ctx);
	spin_unlock(&ctx->lock);
	if (!list_empty(&dead))
		wake_all(&ctx->wait);
	free_list(&dead);
}

struct file_lock_context *file_locks_of(const struct file *f)
{
	return f->inode ? __atomic_load_n(&f->inode->locks, __ATOMIC_ACQUIRE) : NULL;
}

void file_locks_close(struct file *f, const struct files *owner)
{
	struct file_lock_context *ctx = file_locks_of(f);

	if (unlikely(ctx))
		drop_owner(ctx, &ctx->records, owner);
}

void file_locks_release(struct file *f)
{
	struct file_lock_context *ctx = file_locks_of(f);

	if (likely(!ctx))
		return;
	drop_owner(ctx, &ctx->records, f);
	drop_owner(ctx, &ctx->flocks, f);
}

/* --- /proc/locks --- */

static void show_lock(struct seq *s, const struct inode *inode, const struct file_lock *l, u64 n)
{
	static const char *const kinds[] = { "POSIX ", "OFDLCK", "FLOCK " };

	seq_printf(s, "%lu: %s ADVISORY  %s %d %02x:%02x:%lu %lu ", n, kinds[l->kind],
		   l->type == F_WRLCK ? "WRITE" : "READ", l->pid, MAJOR(inode->sb->dev),
		   MINOR(inode->sb->dev), inode->ino, l->start);
	if (l->end == OFFSET_MAX)
		seq_puts(s, "EOF\n");
	else
		seq_printf(s, "%lu\n", l->end);
}

/* Limit: those who wait are not shown. */
void file_locks_show(struct seq *s)
{
	struct file_lock_context *ctx;
	struct file_lock *l;
	u64 n = 0;

	spin_lock(&contexts_lock);
	list_for_each(ctx, &contexts, all_node) {
		ctx_lock(ctx);
		list_for_each(l, &ctx->records, node)
			show_lock(s, ctx->inode, l, ++n);
		list_for_each(l, &ctx->flocks, node)
			show_lock(s, ctx->inode, l, ++n);
		spin_unlock(&ctx->lock);
	}
	spin_unlock(&contexts_lock);
}
