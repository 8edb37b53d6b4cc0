/* SPDX-License-Identifier: MIT */
/*
 * Readiness. ops->poll calls poll_wait() for every queue on which the answer
 * may change, then returns the mask; poll, select, epoll and io_uring differ
 * only in what their poll_table adds to the queue.
 */
#pragma once
#include <kernel/lock/wait.h>

struct file;
#define EPOLLIN		0x001u
#define EPOLLPRI	0x002u
#define EPOLLOUT	0x004u
#define EPOLLERR	0x008u
#define EPOLLHUP	0x010u
#define EPOLLNVAL	0x020u
#define EPOLLRDNORM	0x040u
#define EPOLLRDBAND	0x080u
#define EPOLLWRNORM	0x100u
#define EPOLLWRBAND	0x200u
#define EPOLLMSG	0x400u
#define EPOLLRDHUP	0x2000u
#define EPOLLFREE	0x4000u	/* only as key of a wake-up: the queue ends, forget it */
#define EPOLLEXCLUSIVE	(1u << 28)
#define EPOLLWAKEUP	(1u << 29)
#define EPOLLONESHOT	(1u << 30)
#define EPOLLET		(1u << 31)

struct poll_table {
	/* NULL: only ask */
	void (*queue)(struct file *f, struct wait_queue *q, struct poll_table *pt);
	u32 key;			/* events of interest */
};

static inline void poll_wait(struct file *f, struct wait_queue *q, struct poll_table *pt)
{
	if (pt && pt->queue)
		pt->queue(f, q, pt);
}
