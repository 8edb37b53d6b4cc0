/* SPDX-License-Identifier: MIT */
/*
 * epoll: wait for any of many files, at a cost that depends only on those where
 * something happened.
 *
 * An item ties one (file, descriptor) to one epoll. Its watches stand in the
 * file's wait queues for good; a wake-up puts the item on the ready list and wakes
 * one waiter. epoll_wait takes items off the list, asks each file what is
 * ready now, and delivers that. A level-triggered item goes back to the list's
 * end, to be asked again by the next call; an edge-triggered one waits for its next wake-up;
 * a one-shot one loses all events until EPOLL_CTL_MOD.
 *
 * Invariants:
 *  (1) queued is set exactly while the item is on the ready list; it is cleared
 *      before the file is asked, so that a wake-up after that puts the item back.
 *  (2) An item holds a reference to its epoll, none to its file: the file's last
 *      reference removes its items (epoll_release_file) before anything of it ends.
 *  (3) Who removes an item has the epoll's mutex. An item marked dying is removed
 *      by who marked it, the file's end; the epoll's end leaves it to that.
 *  (4) No chain of epolls that watch each other is a circle, or has more than
 *      MAX_NESTS links; paths from a file are limited in number,
 *      since one wake-up takes them all. nest_mutex guards additions that could matter.
 *
 * Locks: nest_mutex, then the mutexes from the outer epoll to the inner (sublevel:
 * depth), then the file's lock, or ready-list lock. A wake-up runs the other way, from
 * the file's queue to the ready-list lock, which is dropped before the next queue is woken.
 *
 * Not here: epoll_wait and what it takes (epoll_wait.c), the limits of nesting (epoll_nest.c).
 *
 * Limit: no max_user_watches; EPOLLWAKEUP is dropped, as on Linux without the capability.
 */
#include <fs/epoll.h>
#include <fs/epoll_core.h>
#include <kernel/bug.h>
#include <kernel/lib/string.h>
#include <kernel/mm/alloc.h>
#include <kernel/percpu.h>
#include <kernel/task/signal.h>
#include <kernel/uapi/fcntl.h>
#include <kernel/uapi/syscall.h>
#include <arch/uaccess.h>

#define EXCLUSIVE_OK	(EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLWAKEUP | EPOLLET | EPOLLEXCLUSIVE)
enum { EPOLL_CTL_ADD = 1, EPOLL_CTL_DEL, EPOLL_CTL_MOD };

static struct kmem_cache *item_cache;
static DEFINE_MUTEX(nest_mutex, RANK_EPOLL_NEST);
static DEFINE_PERCPU(u32, wake_depth);	/* interrupts off: epolls this wake-up has passed */

/* --- wake-ups --- */

/* Context: interrupts off, no lock of ep held. */
static bool wake_waiters(struct epoll *ep)
{
	bool woken = false;

	smp_mb();	/* the ready list before the queues: pairs with wait_prepare() */
	if (!list_empty(&ep->wait.entries)) {
		wake_queue_nested(&ep->wait, 1, 0, WAIT_SLEEPERS);
		woken = true;
	}
	if (unlikely(!list_empty(&ep->poll_wait.entries))) {
		u32 depth = ++this_cpu(wake_depth);

		wake_queue_nested(&ep->poll_wait, 0, EPOLLIN | EPOLLRDNORM, depth);
		this_cpu(wake_depth)--;
	}
	return woken;
}

static void queue_locked(struct epitem *item)
{
	if (item->queued)
		return;
	item->queued = true;
	list_add_tail(&item->ready, &item->ep->ready);
}

/* Does this wake-up count for who wakes only one of several (EPOLLEXCLUSIVE)? */
static bool satisfies(u32 events, u32 key)
{
	switch (key & (EPOLLIN | EPOLLOUT)) {
	case EPOLLIN:
		return events & EPOLLIN;
	case EPOLLOUT:
		return events & EPOLLOUT;
	default:
		return !(key & (EPOLLIN | EPOLLOUT));
	}
}

static int watch_wake(struct wait_entry *e, u32 key)
{
	struct watch *w = container_of(e, struct watch, wait);
	struct epitem *item = w->item;
	struct epoll *ep = item->ep;
	u32 events = READ_ONCE(item->events);
	bool woken;

	if (unlikely(key & EPOLLFREE)) {
		list_del(&e->node);
		smp_store_release(&w->queue, NULL);
		return 0;
	}
	if (key ? !(key & events) : !(events & ~PRIVATE_BITS))
		return 0;
	spin_lock(&ep->lock);
	queue_locked(item);
	spin_unlock(&ep->lock);
	woken = wake_waiters(ep);
	return !(events & EPOLLEXCLUSIVE) || (woken && satisfies(events, key));
}

/* --- items --- */

struct item_table {
	struct poll_table pt;
	struct epitem *item;
	bool failed;
};

static void item_queue(struct file *f, struct wait_queue *q, struct poll_table *pt)
{
	struct item_table *t = container_of(pt, struct item_table, pt);
	struct epitem *item = t->item;
	struct watch *w = &item->first;

	if (unlikely(w->queue)) {
		w = kzalloc(sizeof(*w), GFP_KERNEL);
		if (!w) {
			t->failed = true;
			return;
		}
		w->next = item->first.next;
		item->first.next = w;
	}
	wait_entry_init(&w->wait, watch_wake);
	w->wait.flags = item->events & EPOLLEXCLUSIVE ? WAIT_EXCLUSIVE : 0;
	w->item = item;
	w->queue = q;
	wait_add(q, &w->wait);
}

static void watches_remove(struct epitem *item)
{
	struct watch *w = &item->first, *next;

	for (; w; w = next) {
		struct wait_queue *q;

		next = w->next;
		/* Of a queue that has ended meanwhile the memory is still there. */
		rcu_read_lock();
		q = smp_load_acquire(&w->queue);
		if (q)
			wait_remove(q, &w->wait);
		rcu_read_unlock();
		w->queue = NULL;
		if (w != &item->first)
			kfree(w);
	}
	item->first.next = NULL;
}

static int compare(const struct epitem *item, const struct file *f, int fd)
{
	if (item->file != f)
		return item->file < f ? -1 : 1;
	return item->fd < fd ? -1 : item->fd > fd;
}

static struct epitem *item_find(struct epoll *ep, const struct file *f, int fd)
{
	struct rb_node *n = ep->items.node;

	while (n) {
		struct epitem *item = container_of(n, struct epitem, node);
		int c = compare(item, f, fd);

		if (!c)
			return item;
		n = c < 0 ? n->right : n->left;
	}
	return NULL;
}

static bool item_less(const struct rb_node *a, const struct rb_node *b)
{
	const struct epitem *x = container_of(a, struct epitem, node),
			    *y = container_of(b, struct epitem, node);

	return compare(x, y->file, y->fd) < 0;
}

static void item_free_rcu(struct rcu_head *head)
{
	kmem_cache_free(item_cache, container_of(head, struct epitem, rcu));
}

/*
 * True: that was the epoll's last reference. Not done for
 * a dying item unless its file's end asks. ep->mutex held.
 */
static bool item_remove(struct epoll *ep, struct epitem *item, bool by_file)
{
	assert_mutex_held(&ep->mutex);
	watches_remove(item);
	spin_lock(&item->file->lock);
	if (item->dying && !by_file) {
		spin_unlock(&item->file->lock);
		return false;
	}
	list_del_rcu(&item->file_node);
	spin_unlock(&item->file->lock);
	rb_erase(&ep->items, &item->node, NULL);
	spin_lock_irq(&ep->lock);
	if (item->queued)
		list_del(&item->ready);
	spin_unlock_irq(&ep->lock);
	call_rcu(&item->rcu, item_free_rcu);
	return refcount_dec(&ep->refs);
}

/* Something may be ready: onto the list, and wake. */
static void item_ready(struct epitem *item)
{
	struct epoll *ep = item->ep;
	u64 flags = spin_lock_irqsave(&ep->lock);

	queue_locked(item);
	raw_spin_unlock(&ep->lock);
	wake_waiters(ep);
	local_irq_restore(flags);
}

/* --- epoll_ctl --- */

static struct epitem *item_create(struct epoll *ep, struct file *f, int fd,
				  const struct epoll_event *ev)
{
	struct epitem *item = kmem_cache_zalloc(item_cache, GFP_KERNEL);

	if (!item)
		return NULL;
	list_init(&item->ready);
	item->ep = ep;
	item->file = f;
	item->fd = fd;
	item->events = ev->events;
	item->data = ev->data;
	refcount_inc(&ep->refs);
	rb_insert(&ep->items, &item->node, item_less, NULL);
	spin_lock(&f->lock);
	list_add(&item->file_node, &f->epoll_items);
	spin_unlock(&f->lock);
	return item;
}

/* nested: nest_mutex is held. */
static int add(struct epoll *ep, struct file *f, int fd, const struct epoll_event *ev, bool nested)
{
	struct item_table t = { .pt = { .queue = item_queue, .key = ev->events } };
	int err = 0;
	u32 mask;

	t.item = item_create(ep, f, fd, ev);
	if (!t.item)
		return -ENOMEM;
	if (nested)
		err = epoll_check_paths(f);
	if (!err) {
		mask = epitem_poll(t.item, &t.pt, 0);
		if (t.failed)
			err = -ENOMEM;
		else if (mask)
			item_ready(t.item);
	}
	if (err)
		(void)item_remove(ep, t.item, false);	/* the file keeps ep */
	return err;
}

static void modify(struct epitem *item, const struct epoll_event *ev)
{
	WRITE_ONCE(item->events, ev->events);
	item->data = ev->data;
	/*
	 * A wake-up that missed the new events came before
	 * we ask. Pairs with the lock of the file's queue.
	 */
	smp_mb();
	if (epitem_poll(item, NULL, 0))
		item_ready(item);
}

static int ctl_locked(struct epoll *ep, int op, struct file *f, int fd,
		      const struct epoll_event *ev, bool nested)
{
	struct epitem *item = item_find(ep, f, fd);

	switch (op) {
	case EPOLL_CTL_ADD:
		return item ? -EEXIST : add(ep, f, fd, ev, nested);
	case EPOLL_CTL_DEL:
		if (!item)
			return -ENOENT;
		(void)item_remove(ep, item, false);
		return 0;
	case EPOLL_CTL_MOD:
		if (!item)
			return -ENOENT;
		if (item->events & EPOLLEXCLUSIVE)
			return -EINVAL;
		modify(item, ev);
		return 0;
	default:
		return -EINVAL;
	}
}

static int ctl(struct epoll *ep, int op, struct file *f, int fd, const struct epoll_event *ev)
{
	bool nested = op == EPOLL_CTL_ADD && (is_epoll(f) || !list_empty(&ep->file->epoll_items));
	int err = 0;

	if (nested) {
		mutex_lock(&nest_mutex);
		if (is_epoll(f))
			err = epoll_check_depth(ep, f->private);
	}
	if (!err) {
		mutex_lock(&ep->mutex);
		err = ctl_locked(ep, op, f, fd, ev, nested);
		mutex_unlock(&ep->mutex);
	}
	if (nested)
		mutex_unlock(&nest_mutex);
	return err;
}

static int check_args(const struct file *epf, int op, const struct file *f, struct epoll_event *ev)
{
	if (!f->ops->poll)
		return -EPERM;
	if (f == epf || !is_epoll(epf))
		return -EINVAL;
	if (op == EPOLL_CTL_DEL)
		return 0;
	ev->events &= ~EPOLLWAKEUP;
	if (ev->events & EPOLLEXCLUSIVE) {
		if (op == EPOLL_CTL_MOD || is_epoll(f) || (ev->events & ~EXCLUSIVE_OK))
			return -EINVAL;
	}
	ev->events |= EPOLLERR | EPOLLHUP;
	return 0;
}

long sys_epoll_ctl(int epfd, int op, int fd, uaddr_t uevent)
{
	struct epoll_event ev = { 0 };
	struct fd epf, f;
	long err;

	if (op != EPOLL_CTL_DEL && copy_from_user(&ev, uevent, sizeof(ev)))
		return -EFAULT;
	epf = fd_get(epfd);
	if (!epf.file)
		return -EBADF;
	f = fd_get(fd);
	if (!f.file) {
		fd_put(epf);
		return -EBADF;
	}
	err = check_args(epf.file, op, f.file, &ev);
	if (!err)
		err = ctl(epf.file->private, op, f.file, fd, &ev);
	fd_put(f);
	fd_put(epf);
	return err;
}

/* --- life --- */

static void epoll_put(struct epoll *ep)
{
	kfree_rcu(ep, rcu);
}

void epoll_release_file(struct file *f)
{
	for (;;) {
		struct epitem *item;
		struct epoll *ep;
		bool last;

		spin_lock(&f->lock);
		if (list_empty(&f->epoll_items)) {
			spin_unlock(&f->lock);
			return;
		}
		item = list_first(&f->epoll_items, struct epitem, file_node);
		item->dying = true;
		ep = item->ep;		/* the item keeps it */
		spin_unlock(&f->lock);
		mutex_lock(&ep->mutex);
		last = item_remove(ep, item, true);
		mutex_unlock(&ep->mutex);
		if (last)
			epoll_put(ep);
	}
}

static void epoll_release(struct file *f)
{
	struct epoll *ep = f->private;
	struct rb_node *n, *next;
	bool last;

	mutex_lock(&ep->mutex);
	for (n = rb_first(&ep->items); n; n = next) {
		next = rb_next(n);
		(void)item_remove(ep, container_of(n, struct epitem, node), false);
		cond_resched();
	}
	last = refcount_dec(&ep->refs);
	mutex_unlock(&ep->mutex);
	if (last)
		epoll_put(ep);
}

static u32 epoll_poll(struct file *f, struct poll_table *pt)
{
	return epoll_poll_nested(f, pt, 0);
}

const struct file_ops epoll_ops = {
	.llseek = noop_llseek,
	.poll = epoll_poll,
	.release = epoll_release,
};

long sys_epoll_create1(int flags)
{
	struct epoll *ep;
	struct file *f;
	int fd, err;

	if (flags & ~O_CLOEXEC)
		return -EINVAL;
	ep = kzalloc(sizeof(*ep), GFP_KERNEL);
	if (!ep)
		return -ENOMEM;
	mutex_init(&ep->mutex, RANK_EPOLL);
	spin_lock_init(&ep->lock, RANK_POLL);
	list_init(&ep->ready);
	wait_queue_init(&ep->wait);
	wait_queue_init(&ep->poll_wait);
	refcount_set(&ep->refs, 1);
	fd = fd_reserve(flags);
	f = fd < 0 ? NULL : file_create_anon("[eventpoll]", &epoll_ops, ep, O_RDWR, &err);
	if (!f) {
		if (fd >= 0)
			fd_release(fd);
		kfree(ep);
		return fd < 0 ? fd : err;
	}
	ep->file = f;
	fd_install(fd, f);
	return fd;
}

void epoll_init(void)
{
	item_cache = kmem_cache_create("epitem", sizeof(struct epitem), 8, NULL);
	BUG_ON(!item_cache);
}
