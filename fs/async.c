/* SPDX-License-Identifier: MIT */
/*
 * O_ASYNC: a file tells its owner by SIGIO what poll would tell.
 *
 * While it is set, a struct async has entries in the wait queues that the file's poll names, as an
 * epoll's items do. A wake-up queues a work, which sends the signal: none can be sent from under
 * the lock of a wait queue. So changes that follow each other closely are told at once.
 *
 * Files whose ops say so have this: sockets, pipes, terminals. Their poll names two queues at most.
 */
#include <fs/file.h>
#include <fs/poll.h>
#include <kernel/bug.h>
#include <kernel/irq/irq.h>
#include <kernel/mm/alloc.h>
#include <kernel/uapi/fcntl.h>

#define MAX_QUEUES	2

struct async_entry {
	struct wait_entry wait;
	struct wait_queue *queue;
	struct async *async;
};

struct async {
	struct file *file;		/* ends after this */
	struct poll_table pt;
	u32 events;			/* what the file's owner can do something about */
	u32 used;
	struct async_entry entries[MAX_QUEUES];
	struct work tell;
};

/* One file at a time begins or ends to tell: rare, and poll is asked under it. */
static DEFINE_MUTEX(async_mutex, RANK_ASYNC);

static void tell_owner(struct work *w)
{
	file_send_sigio(container_of(w, struct async, tell)->file);
}

static int async_wake(struct wait_entry *e, u32 key)
{
	struct async *a = container_of(e, struct async_entry, wait)->async;

	if (!key || (key & a->events))
		(void)work_queue(&a->tell);
	return 0;
}

static void add_entry(struct file *f, struct wait_queue *q, struct poll_table *pt)
{
	struct async *a = container_of(pt, struct async, pt);
	struct async_entry *e = &a->entries[a->used];

	ASSERT(a->used < MAX_QUEUES);
	a->used++;
	wait_entry_init(&e->wait, async_wake);
	e->queue = q;
	e->async = a;
	wait_add(q, &e->wait);
}

static void set_flag(struct file *f, bool on)
{
	spin_lock(&f->lock);
	WRITE_ONCE(f->flags, on ? f->flags | O_ASYNC : f->flags & ~O_ASYNC);
	spin_unlock(&f->lock);
}

static int start(struct file *f)
{
	struct async *a = kzalloc(sizeof(*a), GFP_KERNEL);

	if (!a)
		return -ENOMEM;
	a->file = f;
	a->events = EPOLLERR | EPOLLHUP;
	if (f->mode & FMODE_READ)
		a->events |= EPOLLIN | EPOLLRDNORM | EPOLLPRI | EPOLLRDHUP;
	if (f->mode & FMODE_WRITE)
		a->events |= EPOLLOUT | EPOLLWRNORM;
	work_init(&a->tell, tell_owner);
	a->pt.queue = add_entry;
	f->async = a;
	set_flag(f, true);
	(void)f->ops->poll(f, &a->pt);
	return 0;
}

static void stop(struct file *f)
{
	struct async *a = f->async;

	f->async = NULL;
	set_flag(f, false);
	for (u32 i = 0; i < a->used; i++)
		wait_remove(a->entries[i].queue, &a->entries[i].wait);
	work_cancel(&a->tell);
	kfree(a);
}

int file_set_async(struct file *f, bool on)
{
	int err = 0;

	mutex_lock(&async_mutex);
	if (on && !f->async)
		err = start(f);
	else if (!on && f->async)
		stop(f);
	mutex_unlock(&async_mutex);
	return err;
}

void file_async_release(struct file *f)
{
	stop(f);
}
