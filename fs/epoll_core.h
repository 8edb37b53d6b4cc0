/* SPDX-License-Identifier: MIT */
/* Inside epoll, between fs/epoll*.c. Theory and invariants: epoll.c. */
#pragma once
#include <fs/file.h>
#include <fs/poll.h>
#include <kernel/lib/rbtree.h>
#include <kernel/lock/mutex.h>
#include <kernel/lock/rcu.h>

/* Events that are not asked of a file. */
#define PRIVATE_BITS	(EPOLLWAKEUP | EPOLLONESHOT | EPOLLET | EPOLLEXCLUSIVE)
#define MAX_NESTS	4	/* links of a chain of epolls */

struct epoll_event {
	u32 events;
	u64 data;
};
_Static_assert(sizeof(struct epoll_event) == 16, "ABI: not packed on riscv64");

struct epoll {
	struct mutex mutex;		/* RANK_EPOLL: items, harvest */
	struct rb_root items;		/* by (file, fd) */
	u64 visited;			/* nest_mutex: walk that was here */
	u32 depth;			/* nest_mutex: what it found */
	struct file *file;		/* constant; no reference */
	refcount_t refs;		/* the file's and the items' */

	struct spinlock lock;		/* RANK_POLL, irq */
	struct list_head ready;		/* lock */
	struct wait_queue wait;		/* threads in epoll_wait */
	struct wait_queue poll_wait;	/* who polls this epoll */
	struct rcu_head rcu;
};

struct watch {
	struct wait_entry wait;
	struct wait_queue *queue;	/* NULL once the queue has gone (EPOLLFREE) */
	struct epitem *item;
	struct watch *next;
};

struct epitem {
	struct list_head ready;		/* ep->lock */
	struct epoll *ep;		/* constant */
	struct file *file;		/* constant */
	u32 events;			/* ep->mutex; wake-ups read it */
	int fd;				/* constant */
	u64 data;			/* ep->mutex */
	bool queued;			/* ep->lock */
	bool dying;			/* file->lock */
	struct watch first;		/* most files have one queue */
	struct rb_node node;		/* ep->mutex */
	struct list_head file_node;	/* file->epoll_items: file->lock, RCU */
	struct rcu_head rcu;
};

extern const struct file_ops epoll_ops;

static inline bool is_epoll(const struct file *f)
{
	return f->ops == &epoll_ops;
}

/* epoll_nest.c; nest_mutex held */
int epoll_check_depth(struct epoll *ep, struct epoll *inner);	/* -ELOOP: inner may not be watched by ep */
int epoll_check_paths(struct file *f);				/* -EINVAL: too many epolls would be told of f */

/* epoll_wait.c */
/* As an epoll's ops->poll; depth: of the epoll that asks, and its links above. */
u32 epoll_poll_nested(struct file *f, struct poll_table *pt, u32 depth);
/* depth: of the epoll that asks. */
static inline u32 epitem_poll(struct epitem *item, struct poll_table *pt, u32 depth)
{
	struct file *f = item->file;
	u32 mask = unlikely(is_epoll(f)) ? epoll_poll_nested(f, pt, depth + 1) : f->ops->poll(f, pt);

	return mask & item->events;
}
