/* SPDX-License-Identifier: MIT */
/* Pipes and FIFOs, and their inside for fs/pipe.c and fs/splice.c. */
#pragma once
#include <fs/file.h>
#include <kernel/lock/wait.h>

extern const struct file_ops fifo_file_ops;	/* open of FIFO nodes */
/* Capacity in bytes, or -EBADF if f is not a pipe. */
long pipe_size(const struct file *f);
long pipe_set_size(struct file *f, u64 size);	/* the capacity made of it, -EBUSY, -EPERM ... */
struct pipe *pipe_of(const struct file *f);	/* NULL: it is none */
void pipe_init(void);

#define PIPE_SLOTS	16u		/* a power of two: 64 KiB, as on Linux */

struct slot {
	struct page *page;
	u16 offset, len;	/* within the page */
	bool packet;		/* one write, for one read */
	bool shared;		/* the page is a file's, or is or was in another pipe too: never written */
};

struct pipe {
	struct mutex mutex;		/* RANK_PIPE: all but queues and files */
	struct wait_queue read_wait, write_wait;
	u32 head, tail;			/* free-running */
	u32 readers, writers;
	u32 files;			/* inode->lock */
	u32 reader_opens, writer_opens;	/* ever: FIFO opens wait for a change */
	bool polled;			/* once: every write is told */
	ktime_t read_tick, write_tick;	/* atomic: tick_time() when the inode's times moved last */
	struct page *spare;
	u32 slots;			/* a power of two */
	struct slot *ring;		/* first, or from kvmalloc after F_SETPIPE_SZ */
	struct slot first[PIPE_SLOTS];
};

static inline bool pipe_is_empty(const struct pipe *p)
{
	return READ_ONCE(p->head) == READ_ONCE(p->tail);
}
static inline bool pipe_is_full(const struct pipe *p)
{
	return READ_ONCE(p->head) - READ_ONCE(p->tail) >= READ_ONCE(p->slots);
}
static inline struct slot *pipe_slot(struct pipe *p, u32 index)
{
	return &p->ring[index & (p->slots - 1)];
}
void pipe_drop_first(struct pipe *p);		/* the first slot is read; mutex held */
