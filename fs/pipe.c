/* SPDX-License-Identifier: MIT */
/*
 * Pipes and FIFOs: a ring of pages between writers and readers.
 *
 * Bytes lie in slots of one page each, [offset, offset+len). A write fills up
 * the last page, then takes fresh ones; a read empties the first. One emptied
 * page is kept as spare, so that ping-pong traffic allocates nothing.
 *
 * Invariants, under pipe->mutex:
 *  (1) Slots tail..head-1 (mod PIPE_SLOTS) hold at least one byte each.
 *  (2) Readers are woken when the pipe stops being empty, writers when it stops
 *      being full: no other change can end a wait.
 *  (3) A write of up to PIPE_BUF bytes is never mixed with another's.
 *
 * Limit: O_DIRECT (packet mode) and F_SETPIPE_SZ are refused with -EINVAL.
 */
#include <fs/pipe.h>
#include <fs/poll.h>
#include <kernel/lib/string.h>
#include <kernel/mm/page.h>
#include <kernel/uapi/syscall.h>
#include <kernel/task/pid.h>
#include <kernel/task/signal.h>
#include <kernel/uapi/fcntl.h>
#include <arch/uaccess.h>

#define PIPE_SLOTS	16u		/* a power of two: 64 KiB, as on Linux */
#define PIPE_BUF	4096u

struct slot {
	struct page *page;
	u32 offset, len;
};

struct pipe {
	struct mutex mutex;		/* RANK_PIPE: all but queues and files */
	struct wait_queue read_wait, write_wait;
	u32 head, tail;			/* free-running */
	u32 readers, writers;
	u32 files;			/* inode->lock */
	u32 reader_opens, writer_opens;	/* ever: FIFO opens wait for a change */
	struct page *spare;
	struct slot slot[PIPE_SLOTS];
};

static const struct file_ops pipe_file_ops;

static bool is_empty(const struct pipe *p)
{
	return READ_ONCE(p->head) == READ_ONCE(p->tail);
}

static bool is_full(const struct pipe *p)
{
	return READ_ONCE(p->head) - READ_ONCE(p->tail) == PIPE_SLOTS;
}

static struct pipe *pipe_alloc(void)
{
	struct pipe *p = kzalloc(sizeof(*p), GFP_KERNEL);

	if (!p)
		return NULL;
	mutex_init(&p->mutex, RANK_PIPE);
	wait_queue_init(&p->read_wait);
	wait_queue_init(&p->write_wait);
	return p;
}

static void pipe_free(struct pipe *p)
{
	for (; p->tail != p->head; p->tail++)
		page_put(p->slot[p->tail % PIPE_SLOTS].page);
	if (p->spare)
		page_put(p->spare);
	kfree(p);
}

/* --- transfer; mutex held --- */

/* Bytes read, or -EFAULT before the first. */
static ssize_t take_locked(struct pipe *p, struct iov_iter *to)
{
	ssize_t done = 0;

	while (iov_iter_count(to) && !is_empty(p)) {
		struct slot *s = &p->slot[p->tail % PIPE_SLOTS];
		size_t want = min_t(size_t, s->len, iov_iter_count(to));
		size_t n = copy_page_to_iter(page_address(s->page), s->offset, want, to);

		s->offset += n;
		s->len -= n;
		done += n;
		if (!s->len) {
			if (p->spare)
				page_put(s->page);
			else
				p->spare = s->page;
			WRITE_ONCE(p->tail, p->tail + 1);
		}
		if (n < want)
			return done ? done : -EFAULT;
	}
	return done;
}

/* Into the page that was written last, if all of the first chunk fits. */
static ssize_t append_locked(struct pipe *p, struct iov_iter *from)
{
	size_t chunk = iov_iter_count(from) % PAGE_SIZE;
	struct slot *s = &p->slot[(p->head - 1) % PIPE_SLOTS];
	size_t n;

	if (is_empty(p) || !chunk || s->offset + s->len + chunk > PAGE_SIZE)
		return 0;
	n = copy_from_iter((char *)page_address(s->page) + s->offset + s->len, chunk, from);
	s->len += n;
	return n < chunk ? -EFAULT : (ssize_t)n;
}

/* Bytes written (fewer where the ring is full), or -errno before the first. */
static ssize_t fill_locked(struct pipe *p, struct iov_iter *from)
{
	ssize_t done = append_locked(p, from);

	if (done < 0)
		return done;
	while (iov_iter_count(from) && !is_full(p)) {
		size_t want = min_t(size_t, iov_iter_count(from), PAGE_SIZE), n;
		struct page *page = p->spare ? p->spare : page_alloc(GFP_USER);

		if (!page)
			return done ? done : -ENOMEM;
		p->spare = NULL;
		n = copy_from_iter(page_address(page), want, from);
		if (n) {
			p->slot[p->head % PIPE_SLOTS] = (struct slot){ page, 0, n };
			WRITE_ONCE(p->head, p->head + 1);
		} else {
			p->spare = page;
		}
		done += n;
		if (n < want)
			return done ? done : -EFAULT;
	}
	return done;
}

static ssize_t pipe_read(struct kio *kio, struct iov_iter *to)
{
	struct pipe *p = kio->file->private;
	ssize_t n = 0;

	if (!iov_iter_count(to))
		return 0;
	for (;;) {
		bool was_full, eof;

		mutex_lock(&p->mutex);
		was_full = is_full(p);
		eof = is_empty(p) && !p->writers;
		n = take_locked(p, to);
		was_full &= !is_full(p);
		mutex_unlock(&p->mutex);
		if (was_full)
			wake_poll(&p->write_wait, EPOLLOUT | EPOLLWRNORM);
		if (n || eof)
			return n;
		if (kio_nonblock(kio))
			return -EAGAIN;
		n = wait_event_interruptible_exclusive(&p->read_wait, !is_empty(p) || !READ_ONCE(p->writers));
		if (n)
			return n;
	}
}

static ssize_t pipe_write(struct kio *kio, struct iov_iter *from)
{
	struct pipe *p = kio->file->private;
	ssize_t done = 0, n;

	if (!iov_iter_count(from))
		return 0;
	for (;;) {
		bool was_empty;

		mutex_lock(&p->mutex);
		was_empty = is_empty(p);
		n = p->readers ? fill_locked(p, from) : -EPIPE;
		was_empty &= !is_empty(p);
		mutex_unlock(&p->mutex);
		if (was_empty)
			wake_poll(&p->read_wait, EPOLLIN | EPOLLRDNORM);
		if (n > 0)
			done += n;
		if (n < 0 || !iov_iter_count(from))
			break;
		n = kio_nonblock(kio) ? -EAGAIN :
		    wait_event_interruptible_exclusive(&p->write_wait, !is_full(p) || !READ_ONCE(p->readers));
		if (n)
			break;
	}
	if (n == -EPIPE && !done) {
		struct kernel_siginfo info;

		siginfo_fill_user(&info, SIGPIPE, SI_USER);
		(void)signal_send_thread(current, SIGPIPE, &info);
	}
	return done ? done : n;
}

/* The last file that has the FIFO open takes the ring with it. */
static void pipe_put(struct inode *inode, struct pipe *p)
{
	bool last;

	spin_lock(&inode->lock);
	last = --p->files == 0;
	if (last)
		inode->pipe = NULL;
	spin_unlock(&inode->lock);
	if (last)
		pipe_free(p);
}

static u32 pipe_poll(struct file *f, struct poll_table *pt)
{
	struct pipe *p = f->private;
	u32 mask = 0;

	if (f->mode & FMODE_READ) {
		poll_wait(f, &p->read_wait, pt);
		mask |= is_empty(p) ? 0 : EPOLLIN | EPOLLRDNORM;
		mask |= READ_ONCE(p->writers) ? 0 : EPOLLHUP;
	}
	if (f->mode & FMODE_WRITE) {
		poll_wait(f, &p->write_wait, pt);
		mask |= is_full(p) ? 0 : EPOLLOUT | EPOLLWRNORM;
		mask |= READ_ONCE(p->readers) ? 0 : EPOLLERR;
	}
	return mask;
}

static void pipe_release(struct file *f)
{
	struct pipe *p = f->private;

	mutex_lock(&p->mutex);
	p->readers -= !!(f->mode & FMODE_READ);
	p->writers -= !!(f->mode & FMODE_WRITE);
	mutex_unlock(&p->mutex);
	wake_queue(&p->read_wait, 0, EPOLLIN | EPOLLHUP);
	wake_queue(&p->write_wait, 0, EPOLLOUT | EPOLLERR);
	pipe_put(f->inode, p);
}

long pipe_size(const struct file *f)
{
	return f->ops == &pipe_file_ops ? (long)(PIPE_SLOTS * PAGE_SIZE) : -EBADF;
}

static const struct file_ops pipe_file_ops = {
	.read = pipe_read,
	.write = pipe_write,
	.poll = pipe_poll,
	.release = pipe_release,
};

/* --- FIFOs --- */

static struct pipe *fifo_get(struct inode *inode)
{
	struct pipe *fresh = pipe_alloc(), *p;

	if (!fresh)
		return NULL;
	spin_lock(&inode->lock);
	if (!inode->pipe) {
		inode->pipe = fresh;
		fresh = NULL;
	}
	p = inode->pipe;
	p->files++;
	spin_unlock(&inode->lock);
	if (fresh)
		pipe_free(fresh);
	return p;
}

/* Wait for the other side, if this open has to. Counts of opens, not of users: it may have come and gone. */
static int fifo_wait(struct pipe *p, const struct file *f, u32 reader_opens, u32 writer_opens)
{
	u32 both = FMODE_READ | FMODE_WRITE;

	if ((f->mode & both) == FMODE_READ && !(f->flags & O_NONBLOCK))
		return wait_event_interruptible(&p->read_wait, READ_ONCE(p->writers) ||
						READ_ONCE(p->writer_opens) != writer_opens);
	if ((f->mode & both) == FMODE_WRITE)
		return wait_event_interruptible(&p->write_wait, READ_ONCE(p->readers) ||
						READ_ONCE(p->reader_opens) != reader_opens);
	return 0;
}

static int fifo_open(struct inode *inode, struct file *f)
{
	bool reads = f->mode & FMODE_READ, writes = f->mode & FMODE_WRITE;
	struct pipe *p = fifo_get(inode);
	u32 reader_opens, writer_opens;
	int err;

	if (!p)
		return -ENOMEM;
	mutex_lock(&p->mutex);
	if (writes && !reads && (f->flags & O_NONBLOCK) && !p->readers) {
		mutex_unlock(&p->mutex);
		pipe_put(inode, p);
		return -ENXIO;
	}
	reader_opens = p->reader_opens;
	writer_opens = p->writer_opens;
	p->readers += reads;
	p->reader_opens += reads;
	p->writers += writes;
	p->writer_opens += writes;
	mutex_unlock(&p->mutex);
	wake_queue(&p->read_wait, 0, 0);
	wake_queue(&p->write_wait, 0, 0);
	f->private = p;
	f->mode |= FMODE_STREAM | FMODE_NOWAIT;
	err = fifo_wait(p, f, reader_opens, writer_opens);
	if (err) {
		pipe_release(f);
		return err;
	}
	f->ops = &pipe_file_ops;
	return 0;
}

const struct file_ops fifo_file_ops = { .open = fifo_open };
