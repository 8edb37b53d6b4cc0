/* SPDX-License-Identifier: MIT */
/*
 * Pipes and FIFOs: a ring of pages between writers and readers.
 *
 * Bytes lie in slots of one page each, [offset, offset+len). A write fills up
 * the last page, then takes fresh ones; a read empties the first. One emptied
 * page is kept as spare, so that ping-pong traffic allocates nothing. With O_DIRECT
 * each write is a packet: its slot is never appended to, and one read takes it,
 * what does not fit being lost.
 *
 * A pipe made by pipe2() has an inode and a dentry on a mount in no tree; opening
 * it through /proc/PID/fd is opening a FIFO.
 *
 * Invariants, under pipe->mutex:
 *  (1) Slots tail..head-1 (mod slots) hold at least one byte each.
 *  (2) One reader is woken when the pipe stops being empty, and by each reader
 *      that leaves something; writers in the same way. Whoever polls is told of
 *      every write: edge-triggered epoll counts on it.
 *  (3) A write of up to PIPE_BUF bytes is never mixed with another's.
 */
#include <fs/mount.h>
#include <fs/namei.h>
#include <fs/pipe.h>
#include <fs/poll.h>
#include <kernel/bug.h>
#include <kernel/lib/string.h>
#include <kernel/mm/alloc.h>
#include <kernel/mm/page.h>
#include <kernel/printk.h>
#include <kernel/sched/tick.h>
#include <kernel/uapi/syscall.h>
#include <kernel/task/cred.h>
#include <kernel/task/pid.h>
#include <kernel/task/signal.h>
#include <kernel/uapi/fcntl.h>
#include <arch/uaccess.h>

#define PIPE_BUF	4096u
#define PIPE_MAX_BYTES	(1u << 20)	/* F_SETPIPE_SZ without CAP_SYS_RESOURCE: Linux's default */
#define PIPEFS_MAGIC	0x50495045

static const struct file_ops pipe_file_ops;
static struct mount *pipe_mount;	/* constant after boot */
static struct kmem_cache *pipe_cache;

static struct pipe *pipe_alloc(void)
{
	struct pipe *p = kmem_cache_zalloc(pipe_cache, GFP_KERNEL);

	if (!p)
		return NULL;
	mutex_init(&p->mutex, RANK_PIPE);
	wait_queue_init(&p->read_wait);
	wait_queue_init(&p->write_wait);
	p->slots = PIPE_SLOTS;
	p->ring = p->first;
	return p;
}

static void pipe_free(struct pipe *p)
{
	for (; p->tail != p->head; p->tail++)
		page_put(pipe_slot(p, p->tail)->page);
	if (p->spare)
		page_put(p->spare);
	if (p->ring != p->first)
		kvfree(p->ring);
	kmem_cache_free(pipe_cache, p);
}

/* --- transfer; mutex held --- */

void pipe_drop_first(struct pipe *p)
{
	struct slot *s = pipe_slot(p, p->tail);

	/*
	 * A page that is elsewhere too is not ours to write: in another pipe, in a file, on its
	 * way to a peer. Nobody else can have the only reference.
	 */
	if (p->spare || s->shared || __atomic_load_n(&s->page->refs, __ATOMIC_ACQUIRE) != 1)
		page_put(s->page);
	else
		p->spare = s->page;
	WRITE_ONCE(p->tail, p->tail + 1);
}

/* Bytes read, or -EFAULT before the first. */
static ssize_t take_locked(struct pipe *p, struct iov_iter *to)
{
	ssize_t done = 0;

	while (iov_iter_count(to) && !pipe_is_empty(p)) {
		struct slot *s = pipe_slot(p, p->tail);
		bool packet = s->packet;
		size_t want = min_t(size_t, s->len, iov_iter_count(to));
		size_t n = copy_page_to_iter(page_address(s->page), s->offset, want, to);

		/* As on Linux, a chunk that does not fit whole into the caller's memory stays. */
		if (n < want)
			return done ? done : -EFAULT;
		s->offset += n;
		s->len -= n;
		done += n;
		if (!s->len || packet)
			pipe_drop_first(p);
		if (packet)
			break;
	}
	return done;
}

/* Into the page that was written last, if all of the first chunk fits. */
static ssize_t append_locked(struct pipe *p, struct iov_iter *from)
{
	size_t chunk = iov_iter_count(from) % PAGE_SIZE, n;
	struct slot *s;

	if (pipe_is_empty(p) || !chunk)
		return 0;
	s = pipe_slot(p, p->head - 1);
	if (s->packet || s->shared || s->offset + s->len + chunk > PAGE_SIZE)
		return 0;
	n = copy_from_iter((char *)page_address(s->page) + s->offset + s->len, chunk, from);
	s->len += n;
	return n < chunk ? -EFAULT : (ssize_t)n;
}

/* Bytes written (fewer where the ring is full), or -errno before the first. */
static ssize_t fill_locked(struct pipe *p, struct iov_iter *from, bool packet)
{
	ssize_t done = packet ? 0 : append_locked(p, from);

	if (done < 0)
		return done;
	while (iov_iter_count(from) && !pipe_is_full(p)) {
		size_t want = min_t(size_t, iov_iter_count(from), PAGE_SIZE), n;
		struct page *page = p->spare ? p->spare : page_alloc(GFP_USER);

		if (!page)
			return done ? done : -ENOMEM;
		p->spare = NULL;
		n = copy_from_iter(page_address(page), want, from);
		if (n) {
			*pipe_slot(p, p->head) = (struct slot){ .page = page, .len = n, .packet = packet };
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

/* The inode's times move once a tick: finding out more often would cost more than the transfer. */
static __noinline void move_times(struct pipe *p, const struct file *f, bool write)
{
	WRITE_ONCE(*(write ? &p->write_tick : &p->read_tick), tick_time());
	if (!write)
		file_accessed(f);
	else if (!mount_want_write(f->path.mnt))
		inode_touch(f->inode, ATTR_MTIME);
}

static ssize_t pipe_read(struct kio *kio, struct iov_iter *to)
{
	struct pipe *p = kio->file->private;
	ssize_t n = 0;

	if (!iov_iter_count(to))
		return 0;
	for (;;) {
		bool was_full, eof, more;

		/* A look without the lock: a reader that comes early need not take it twice. */
		if (!kio_nonblock(kio)) {
			n = wait_event_interruptible_exclusive(&p->read_wait,
							       !pipe_is_empty(p) || !READ_ONCE(p->writers));
			if (n)
				return n;
		}
		mutex_lock(&p->mutex);
		was_full = pipe_is_full(p);
		eof = pipe_is_empty(p) && !p->writers;
		n = take_locked(p, to);
		was_full &= !pipe_is_full(p);
		more = n && !pipe_is_empty(p);
		mutex_unlock(&p->mutex);
		if (was_full)
			wake_poll(&p->write_wait, EPOLLOUT | EPOLLWRNORM);
		if (unlikely(more))
			wake_poll(&p->read_wait, EPOLLIN | EPOLLRDNORM);
		if (n > 0 && unlikely(READ_ONCE(p->read_tick) != tick_time()))
			move_times(p, kio->file, false);
		if (n || eof)
			return n;
		if (kio_nonblock(kio))
			return -EAGAIN;
	}
}

static ssize_t pipe_write(struct kio *kio, struct iov_iter *from)
{
	struct pipe *p = kio->file->private;
	bool packet = READ_ONCE(kio->file->flags) & O_DIRECT;
	ssize_t done = 0, n;

	if (!iov_iter_count(from))
		return 0;
	for (;;) {
		bool tell, room;

		mutex_lock(&p->mutex);
		tell = pipe_is_empty(p);
		n = p->readers ? fill_locked(p, from, packet) : -EPIPE;
		tell = tell ? !pipe_is_empty(p) : n > 0 && p->polled;
		room = n > 0 && !iov_iter_count(from) && !pipe_is_full(p);
		mutex_unlock(&p->mutex);
		if (tell)
			wake_poll(&p->read_wait, EPOLLIN | EPOLLRDNORM);
		if (room && unlikely(wait_queue_active(&p->write_wait)))
			wake_queue(&p->write_wait, 1, EPOLLOUT | EPOLLWRNORM);
		if (n > 0)
			done += n;
		if (n < 0 || !iov_iter_count(from))
			break;
		n = kio_nonblock(kio) ? -EAGAIN :
		    wait_event_interruptible_exclusive(&p->write_wait, !pipe_is_full(p) || !READ_ONCE(p->readers));
		if (n)
			break;
	}
	if (n == -EPIPE) {
		struct kernel_siginfo info;

		siginfo_fill_user(&info, SIGPIPE, SI_USER);
		(void)signal_send_thread(current, SIGPIPE, &info);
	}
	if (done && unlikely(READ_ONCE(p->write_tick) != tick_time()))
		move_times(p, kio->file, true);
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

	if (!READ_ONCE(p->polled))
		WRITE_ONCE(p->polled, true);
	if (f->mode & FMODE_READ) {
		poll_wait(f, &p->read_wait, pt);
		mask |= pipe_is_empty(p) ? 0 : EPOLLIN | EPOLLRDNORM;
		mask |= READ_ONCE(p->writers) ? 0 : EPOLLHUP;
	}
	if (f->mode & FMODE_WRITE) {
		poll_wait(f, &p->write_wait, pt);
		mask |= pipe_is_full(p) ? 0 : EPOLLOUT | EPOLLWRNORM;
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

/* Bytes that a read would find. */
static long count_bytes(struct pipe *p)
{
	long n = 0;

	mutex_lock(&p->mutex);
	for (u32 i = p->tail; i != p->head; i++)
		n += pipe_slot(p, i)->len;
	mutex_unlock(&p->mutex);
	return n;
}

static long pipe_ioctl(struct file *f, u32 cmd, u64 arg)
{
	enum { FIONREAD = 0x541b };

	return cmd == FIONREAD ? put_user((int)count_bytes(f->private), arg) : -ENOTTY;
}

struct pipe *pipe_of(const struct file *f)
{
	return f->ops == &pipe_file_ops ? f->private : NULL;
}

long pipe_size(const struct file *f)
{
	struct pipe *p = f->private;

	return f->ops == &pipe_file_ops ? (long)(READ_ONCE(p->slots) * PAGE_SIZE) : -EBADF;
}

/* Takes over ring if it returns 0. */
static int set_ring(struct pipe *p, struct slot *ring, u32 slots)
{
	struct slot *old;
	u32 n = 0;

	mutex_lock(&p->mutex);
	if (p->head - p->tail > slots) {
		mutex_unlock(&p->mutex);
		return -EBUSY;
	}
	for (; p->tail != p->head; p->tail++)
		ring[n++] = *pipe_slot(p, p->tail);
	old = p->ring;
	p->ring = ring;
	WRITE_ONCE(p->slots, slots);
	WRITE_ONCE(p->tail, 0);
	WRITE_ONCE(p->head, n);
	mutex_unlock(&p->mutex);
	if (old != p->first)
		kvfree(old);
	wake_queue(&p->write_wait, 1, EPOLLOUT | EPOLLWRNORM);
	return 0;
}

long pipe_set_size(struct file *f, u64 size)
{
	struct pipe *p = f->private;
	struct slot *ring;
	u32 slots = 1;
	int err;

	if (f->ops != &pipe_file_ops)
		return -EBADF;
	if ((u32)size > 1u << 31)
		return -EINVAL;
	while (slots * PAGE_SIZE < (u32)size)
		slots *= 2;
	if (slots > p->slots && slots * PAGE_SIZE > PIPE_MAX_BYTES && !capable(CAP_SYS_RESOURCE))
		return -EPERM;
	ring = kvmalloc(slots * sizeof(*ring), GFP_KERNEL | GFP_ZERO);
	if (!ring)
		return -ENOMEM;
	err = set_ring(p, ring, slots);
	if (err) {
		kvfree(ring);
		return err;
	}
	return slots * PAGE_SIZE;
}

static const struct file_ops pipe_file_ops = {
	.read = pipe_read,
	.write = pipe_write,
	.poll = pipe_poll,
	.async = true,
	.ioctl = pipe_ioctl,
	.release = pipe_release,
};

/* --- pipe2 --- */

static char *pipe_name(struct dentry *d, char *buf, size_t size)
{
	snprintf(buf, size, "pipe:[%lu]", d->inode->ino);
	return buf;
}

static struct dentry *pipe_dentry(void)
{
	static const struct dentry_ops ops = { .dynamic_name = pipe_name };
	static const struct inode_ops no_inode_ops;
	static u64 last_ino;		/* atomic */
	struct inode *inode = inode_new(pipe_mount->sb);
	struct dentry *d;
	struct pipe *p;

	if (!inode)
		return NULL;
	inode_init_owner(inode, NULL, S_IFIFO | 0600);
	inode->ino = __atomic_add_fetch(&last_ino, 1, __ATOMIC_RELAXED);
	inode->ops = &no_inode_ops;
	inode->fops = &fifo_file_ops;
	inode->atime = inode->mtime = inode->ctime = inode_now(inode);
	inode->pipe = pipe_alloc();
	if (!inode->pipe) {
		inode_put(inode);
		return NULL;
	}
	p = inode->pipe;
	d = dentry_alloc_root(inode);
	if (d)
		d->ops = &ops;
	else
		pipe_free(p);
	return d;
}

/* One end; takes over a dentry reference. NULL: no memory. */
static struct file *pipe_file(struct dentry *d, u32 flags)
{
	struct file *f = file_alloc(flags);
	struct pipe *p = d->inode->pipe;

	if (!f)
		return NULL;
	f->path = (struct path){ pipe_mount, d };
	refcount_inc(&pipe_mount->refs);
	f->inode = d->inode;
	f->private = p;
	f->ops = &pipe_file_ops;
	f->mode |= FMODE_STREAM | FMODE_NOWAIT;
	p->files++;
	p->readers += !!(f->mode & FMODE_READ);
	p->writers += !!(f->mode & FMODE_WRITE);
	return f;
}

static int pipe_create(struct file *ends[2], u32 flags)
{
	struct dentry *d = pipe_dentry();

	if (!d)
		return -ENOMEM;
	ends[0] = pipe_file(d, O_RDONLY | (flags & ~O_DIRECT));
	if (!ends[0]) {
		pipe_free(d->inode->pipe);
		dentry_put(d);
		return -ENOMEM;
	}
	ends[1] = pipe_file(dentry_get(d), O_WRONLY | flags);
	if (!ends[1]) {
		dentry_put(d);
		file_put(ends[0]);
		return -ENOMEM;
	}
	return 0;
}

static int reserve_two(int fd[2], u32 flags)
{
	fd[0] = fd_reserve(flags);
	if (fd[0] < 0)
		return fd[0];
	fd[1] = fd_reserve(flags);
	if (fd[1] >= 0)
		return 0;
	fd_release(fd[0]);
	return fd[1];
}

long sys_pipe2(uaddr_t ufds, int flags)
{
	struct file *ends[2];
	int fd[2], err;

	if (flags & ~(O_CLOEXEC | O_NONBLOCK | O_DIRECT))
		return -EINVAL;
	err = pipe_create(ends, flags & (O_NONBLOCK | O_DIRECT));
	if (err)
		return err;
	err = reserve_two(fd, flags);
	if (!err && copy_to_user(ufds, fd, sizeof(fd))) {
		fd_release(fd[0]);
		fd_release(fd[1]);
		err = -EFAULT;
	}
	for (int i = 0; i < 2; i++) {
		if (err)
			file_put(ends[i]);
		else
			fd_install(fd[i], ends[i]);
	}
	return err;
}

void __init pipe_init(void)
{
	static const struct fstype type = { .name = "pipefs" };

	pipe_cache = kmem_cache_create("pipe", sizeof(struct pipe), 8, NULL);
	pipe_mount = mount_internal(&type, PIPEFS_MAGIC, S_IFDIR | 0600);
	BUG_ON(!pipe_cache || !pipe_mount);
}

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

/*
 * A pipe of pipe2, opened by its name in /proc: its other side may be gone, and is not waited for.
 */
static bool is_nameless(const struct inode *inode)
{
	return inode->sb == pipe_mount->sb;
}

/*
 * Wait for the other side: for an open, not for a user,
 * which may have come and gone by the time we look.
 */
static int fifo_wait(struct pipe *p, const struct file *f, u32 reader_opens, u32 writer_opens)
{
	if (f->mode & FMODE_READ)
		return wait_event_interruptible(&p->read_wait,
						READ_ONCE(p->writer_opens) != writer_opens);
	return wait_event_interruptible(&p->write_wait, READ_ONCE(p->reader_opens) != reader_opens);
}

static int fifo_open(struct inode *inode, struct file *f)
{
	bool reads = f->mode & FMODE_READ, writes = f->mode & FMODE_WRITE;
	struct pipe *p = fifo_get(inode);
	u32 reader_opens, writer_opens;
	int err = 0;
	bool alone;

	if (!p)
		return -ENOMEM;
	mutex_lock(&p->mutex);
	/* Now, and not later: who is there may see us at once, do all it came for, and leave. */
	alone = !is_nameless(inode) && !(reads && writes) && !(reads ? p->writers : p->readers);
	if (alone && writes && (f->flags & O_NONBLOCK)) {
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
	if (alone && !(f->flags & O_NONBLOCK))
		err = fifo_wait(p, f, reader_opens, writer_opens);
	if (err) {
		pipe_release(f);
		return err;
	}
	f->ops = &pipe_file_ops;
	return 0;
}

const struct file_ops fifo_file_ops = { .open = fifo_open };
