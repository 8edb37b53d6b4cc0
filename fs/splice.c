/* SPDX-License-Identifier: MIT */
/*
 * Moving bytes between files inside the kernel: sendfile, copy_file_range,
 * splice, tee, vmsplice.
 *
 * Between two pipes pages move, or are shared (tee). Between a pipe and a file, and
 * between two files, bytes are copied once on each side: a file's write takes the pipe's
 * pages as they are, a read fills a page for the pipe.
 *
 * A page that is in two pipes is marked shared in both, and neither writes to it.
 *
 * Locks: a pipe's mutex is held while its bytes go to a file, so that they stay
 * in order; the lower address first where there are two. It is not held while a file is read.
 *
 * Limit: vmsplice copies: later changes of the memory do not show in the pipe.
 */
#include <fs/file.h>
#include <fs/pipe.h>
#include <fs/poll.h>
#include <kernel/lib/string.h>
#include <kernel/mm/alloc.h>
#include <kernel/mm/page.h>
#include <kernel/task/signal.h>
#include <kernel/uapi/fcntl.h>
#include <kernel/uapi/syscall.h>
#include <arch/uaccess.h>

#define COPY_BYTES	16384u		/* chosen: of the buffer between two files */
#define MAX_COUNT	0x7ffff000ul

static void tell_readers(struct pipe *p)
{
	wake_poll(&p->read_wait, EPOLLIN | EPOLLRDNORM);
}

static void tell_writers(struct pipe *p)
{
	wake_poll(&p->write_wait, EPOLLOUT | EPOLLWRNORM);
}

static long wait_for_data(struct pipe *p, bool nonblock)
{
	return nonblock ? -EAGAIN :
	       wait_event_interruptible_exclusive(&p->read_wait, !pipe_is_empty(p) || !READ_ONCE(p->writers));
}

static long wait_for_room(struct pipe *p, bool nonblock)
{
	return nonblock ? -EAGAIN :
	       wait_event_interruptible_exclusive(&p->write_wait, !pipe_is_full(p) || !READ_ONCE(p->readers));
}

static long broken_pipe(void)
{
	struct kernel_siginfo info;

	siginfo_fill_user(&info, SIGPIPE, SI_USER);
	(void)signal_send_thread(current, SIGPIPE, &info);
	return -EPIPE;
}

/* --- pipe to file --- */

/* Up to len bytes of the first slot; mutex held. Bytes or -errno. */
static ssize_t write_slot(struct pipe *p, struct file *out, loff_t *pos, size_t len)
{
	struct slot *s = pipe_slot(p, p->tail);
	struct bvec vec = { s->page, min_t(size_t, s->len, len), s->offset };
	struct iov_iter it;
	ssize_t n;

	iov_iter_pages(&it, &vec, 1, vec.len);
	n = file_write_iter(out, &it, pos);
	if (n <= 0)
		return n;
	s->offset += n;
	s->len -= n;
	if (!s->len)
		pipe_drop_first(p);
	return n;
}

static ssize_t pipe_to_file(struct pipe *p, struct file *out, loff_t *pos, size_t len, bool nonblock)
{
	ssize_t done = 0, n = 0;

	while (len) {
		bool was_full, eof;

		mutex_lock(&p->mutex);
		was_full = pipe_is_full(p);
		eof = !p->writers;
		n = pipe_is_empty(p) ? 0 : write_slot(p, out, pos, len);
		was_full &= !pipe_is_full(p);
		mutex_unlock(&p->mutex);
		if (was_full)
			tell_writers(p);
		if (n < 0)
			break;
		done += n;
		len -= n;
		if (n)
			continue;
		if (done || eof)
			break;
		n = wait_for_data(p, nonblock);
		if (n)
			break;
	}
	return done ? done : n;
}

/* --- file to pipe --- */

/* Takes over the page. */
static long put_page(struct pipe *p, struct page *page, u32 len)
{
	bool was_empty;
	long err;

	for (;;) {
		mutex_lock(&p->mutex);
		if (!p->readers || !pipe_is_full(p))
			break;
		mutex_unlock(&p->mutex);
		err = wait_for_room(p, false);
		if (err) {
			page_put(page);
			return err;
		}
	}
	if (!p->readers) {
		mutex_unlock(&p->mutex);
		page_put(page);
		return broken_pipe();
	}
	was_empty = pipe_is_empty(p);
	*pipe_slot(p, p->head) = (struct slot){ .page = page, .len = len };
	WRITE_ONCE(p->head, p->head + 1);
	mutex_unlock(&p->mutex);
	if (was_empty || READ_ONCE(p->polled))
		tell_readers(p);
	return 0;
}

/* One page's worth: bytes, 0 at the end of the file, -errno. */
static ssize_t read_page_into(struct pipe *p, struct file *in, loff_t *pos, size_t len)
{
	struct page *page = page_alloc(GFP_USER);
	ssize_t n;
	long err;

	if (!page)
		return -ENOMEM;
	n = kernel_read(in, page_address(page), min(len, PAGE_SIZE), pos);
	if (n <= 0) {
		page_put(page);
		return n;
	}
	err = put_page(p, page, n);
	return err ? err : n;
}

static ssize_t file_to_pipe(struct file *in, loff_t *pos, struct pipe *p, size_t len, bool nonblock)
{
	ssize_t done = 0, n = 0;

	while (len) {
		if (!READ_ONCE(p->readers)) {
			n = broken_pipe();
			break;
		}
		if (pipe_is_full(p)) {
			n = done ? 0 : wait_for_room(p, nonblock);
			if (done || n)
				break;
			continue;
		}
		n = read_page_into(p, in, pos, len);
		if (n <= 0)
			break;
		done += n;
		len -= n;
		if ((size_t)n < PAGE_SIZE && len)
			break;		/* a short read: what there is for now */
	}
	return done ? done : n;
}

/* --- pipe to pipe --- */

static void lock_two(struct pipe *a, struct pipe *b)
{
	if (a > b)
		swap(a, b);
	mutex_lock(&a->mutex);
	mutex_lock_nested(&b->mutex, 1);
}

static void unlock_two(struct pipe *a, struct pipe *b)
{
	mutex_unlock(&a->mutex);
	mutex_unlock(&b->mutex);
}

/* Slots of in from index on into out, as long as there is room. copy: they stay in the first pipe (tee). */
static size_t move_slots_locked(struct pipe *in, struct pipe *out, size_t len, bool copy)
{
	u32 index = in->tail;
	size_t done = 0;

	while (done < len && index != in->head && !pipe_is_full(out)) {
		struct slot *s = pipe_slot(in, index++), *to = pipe_slot(out, out->head);
		u32 n = min_t(size_t, s->len, len - done);

		*to = *s;
		to->len = n;
		if (copy || n < s->len) {
			page_get(s->page);
			s->shared = to->shared = true;
		}
		if (!copy) {
			s->offset += n;
			s->len -= n;
			if (!s->len)
				WRITE_ONCE(in->tail, in->tail + 1);
		}
		WRITE_ONCE(out->head, out->head + 1);
		done += n;
	}
	return done;
}

static ssize_t pipe_to_pipe(struct pipe *in, struct pipe *out, size_t len, bool nonblock, bool copy)
{
	for (;;) {
		bool was_full, was_empty, no_data, no_room, eof, broken;
		ssize_t n;
		long err;

		lock_two(in, out);
		was_full = pipe_is_full(in);
		was_empty = pipe_is_empty(out);
		broken = !out->readers;
		n = broken ? 0 : move_slots_locked(in, out, len, copy);
		no_data = pipe_is_empty(in);
		no_room = pipe_is_full(out);
		eof = no_data && !in->writers;
		was_full &= !pipe_is_full(in);
		unlock_two(in, out);
		if (n && (was_empty || out->polled))
			tell_readers(out);
		if (was_full)
			tell_writers(in);
		if (broken)
			return broken_pipe();
		if (n || eof)
			return n;
		err = no_data ? wait_for_data(in, nonblock) : no_room ? wait_for_room(out, nonblock) : 0;
		if (err)
			return err;
	}
}

/* --- splice, tee, vmsplice --- */

/* A place given by the caller: only for what has places. 0 or -errno. */
static int get_offset(const struct file *f, uaddr_t uoff, loff_t *pos)
{
	if (!uoff) {
		*pos = f->pos;
		return 0;
	}
	if (pipe_of(f))
		return -ESPIPE;
	if (!(f->mode & FMODE_PREAD))
		return -EINVAL;
	if (get_user(*pos, uoff))
		return -EFAULT;
	return *pos < 0 ? -EINVAL : 0;
}

static int put_offset(struct file *f, uaddr_t uoff, loff_t pos)
{
	if (uoff)
		return put_user(pos, uoff);
	if (!(f->mode & FMODE_STREAM))
		f->pos = pos;
	return 0;
}

static ssize_t do_splice(struct file *in, uaddr_t uin, struct file *out, uaddr_t uout, size_t len, u32 flags)
{
	struct pipe *from = pipe_of(in), *to = pipe_of(out);
	bool nonblock = flags & SPLICE_F_NONBLOCK;
	loff_t pos;
	ssize_t n;
	int err;

	if (!(in->mode & FMODE_READ) || !(out->mode & FMODE_WRITE))
		return -EBADF;
	len = min(len, MAX_COUNT);
	if (from && to) {
		if (uin || uout)
			return -ESPIPE;
		if (from == to)
			return -EINVAL;
		nonblock |= (in->flags | out->flags) & O_NONBLOCK;
		return pipe_to_pipe(from, to, len, nonblock, false);
	}
	if (!from && !to)
		return -EINVAL;
	if (from ? uin : uout)
		return -ESPIPE;
	err = from ? get_offset(out, uout, &pos) : get_offset(in, uin, &pos);
	if (err)
		return err;
	if (from && (out->flags & O_APPEND))
		return -EINVAL;
	nonblock |= (from ? in : out)->flags & O_NONBLOCK;
	n = from ? pipe_to_file(from, out, &pos, len, nonblock) : file_to_pipe(in, &pos, to, len, nonblock);
	if (n > 0) {
		err = from ? put_offset(out, uout, pos) : put_offset(in, uin, pos);
		if (err)
			return err;
	}
	return n;
}

long sys_splice(int fdin, uaddr_t uin, int fdout, uaddr_t uout, size_t len, u32 flags)
{
	struct fd in, out;
	ssize_t n;

	if (flags & ~SPLICE_F_ALL)
		return -EINVAL;
	if (!len)
		return 0;
	in = fd_get(fdin);
	if (!in.file)
		return -EBADF;
	out = fd_get(fdout);
	if (!out.file) {
		fd_put(in);
		return -EBADF;
	}
	n = do_splice(in.file, uin, out.file, uout, len, flags);
	fd_put(out);
	fd_put(in);
	return n;
}

static ssize_t do_tee(struct file *in, struct file *out, size_t len, u32 flags)
{
	struct pipe *from = pipe_of(in), *to = pipe_of(out);
	bool nonblock = (flags & SPLICE_F_NONBLOCK) || ((in->flags | out->flags) & O_NONBLOCK);

	if (!(in->mode & FMODE_READ) || !(out->mode & FMODE_WRITE))
		return -EBADF;
	if (!from || !to || from == to)
		return -EINVAL;
	return pipe_to_pipe(from, to, min(len, MAX_COUNT), nonblock, true);
}

long sys_tee(int fdin, int fdout, size_t len, u32 flags)
{
	struct fd in, out;
	ssize_t n;

	if (flags & ~SPLICE_F_ALL)
		return -EINVAL;
	if (!len)
		return 0;
	in = fd_get(fdin);
	if (!in.file)
		return -EBADF;
	out = fd_get(fdout);
	if (!out.file) {
		fd_put(in);
		return -EBADF;
	}
	n = do_tee(in.file, out.file, len, flags);
	fd_put(out);
	fd_put(in);
	return n;
}

static ssize_t do_vmsplice(struct file *f, uaddr_t uvec, u64 nr, u32 flags)
{
	struct kio kio = { .file = f };
	struct iovec fast[IOV_FAST], *iov = fast;
	struct iov_iter it;
	ssize_t n;

	if (!pipe_of(f))
		return -EBADF;
	if ((flags & SPLICE_F_NONBLOCK) || (f->flags & O_NONBLOCK))
		kio.flags |= KIO_NONBLOCK;
	n = iovec_from_user(uvec, nr, fast, &iov);
	if (n <= 0)
		return n;
	iov_iter_user(&it, iov, nr, n);
	n = f->mode & FMODE_WRITE ? f->ops->write(&kio, &it) : f->ops->read(&kio, &it);
	if (iov != fast)
		kfree(iov);
	return n;
}

long sys_vmsplice(int fd, uaddr_t uvec, u64 nr, u32 flags)
{
	struct fd f;
	ssize_t n;

	if (flags & ~SPLICE_F_ALL)
		return -EINVAL;
	f = fd_get(fd);
	if (!f.file)
		return -EBADF;
	n = do_vmsplice(f.file, uvec, nr, flags);
	fd_put(f);
	return n;
}

/* --- sendfile, copy_file_range --- */

/* Both places advance by what was written. Bytes, 0 at the end, or -errno before the first. */
static ssize_t copy_bytes(struct file *in, loff_t *from, struct file *out, loff_t *to, size_t len)
{
	char *buf = kmalloc(COPY_BYTES, GFP_KERNEL);
	ssize_t done = 0, n = 0;

	if (!buf)
		return -ENOMEM;
	while (len) {
		loff_t at = *from;
		ssize_t got = kernel_read(in, buf, min_t(size_t, len, COPY_BYTES), &at);

		n = got;
		if (got > 0)
			n = kernel_write(out, buf, got, to);
		if (n <= 0)
			break;
		*from += n;
		done += n;
		len -= n;
		if (n < got)
			break;
		if (signal_pending(current)) {
			n = -ERESTARTSYS;
			break;
		}
		cond_resched();
	}
	kfree(buf);
	return done ? done : n;
}

static ssize_t do_sendfile(struct file *out, struct file *in, loff_t *from, size_t len)
{
	struct pipe *p = pipe_of(out);
	loff_t to = out->pos;
	ssize_t n;

	if (!(out->mode & FMODE_WRITE))
		return -EBADF;
	if (!(in->mode & FMODE_LSEEK) || (out->flags & O_APPEND))
		return -EINVAL;
	if (p)
		return file_to_pipe(in, from, p, len, out->flags & O_NONBLOCK);
	n = copy_bytes(in, from, out, &to, len);
	if (n > 0 && !(out->mode & FMODE_STREAM))
		out->pos = to;
	return n;
}

static ssize_t sendfile_from(struct file *in, int fdout, uaddr_t uoff, size_t len)
{
	loff_t from = in->pos;
	struct fd out;
	ssize_t n;

	if (!(in->mode & FMODE_READ))
		return -EBADF;
	if (uoff) {
		if (get_user(from, uoff))
			return -EFAULT;
		if (!(in->mode & FMODE_PREAD))
			return -ESPIPE;
	}
	if (from < 0 || (s64)len < 0)
		return -EINVAL;
	out = fd_get(fdout);
	if (!out.file)
		return -EBADF;
	n = do_sendfile(out.file, in, &from, min(len, MAX_COUNT));
	fd_put(out);
	if (uoff && put_user(from, uoff))
		return -EFAULT;
	if (n > 0 && !uoff)
		in->pos = from;
	return n;
}

long sys_sendfile(int fdout, int fdin, uaddr_t uoff, size_t len)
{
	struct fd in = fd_get(fdin);
	ssize_t n;

	if (!in.file)
		return -EBADF;
	n = sendfile_from(in.file, fdout, uoff, len);
	fd_put(in);
	return n;
}

static int check_copy(const struct file *in, loff_t from, const struct file *out, loff_t to, size_t *len)
{
	umode_t a = in->inode->mode, b = out->inode->mode;
	loff_t size = READ_ONCE(in->inode->size);

	if (S_ISDIR(a) || S_ISDIR(b))
		return -EISDIR;
	if (!S_ISREG(a) || !S_ISREG(b))
		return -EINVAL;
	if (!(in->mode & FMODE_READ) || !(out->mode & FMODE_WRITE) || (out->flags & O_APPEND))
		return -EBADF;
	if (in->inode->sb != out->inode->sb)
		return -EXDEV;
	if (from < 0 || to < 0)
		return -EINVAL;
	if ((loff_t)*len < 0 || from > S64_MAX - (loff_t)*len || to > S64_MAX - (loff_t)*len)
		return -EOVERFLOW;
	*len = from >= size ? 0 : min(*len, (size_t)(size - from));
	if (in->inode == out->inode && from < to + (loff_t)*len && to < from + (loff_t)*len)
		return -EINVAL;
	*len = min(*len, MAX_COUNT);
	return 0;
}

static ssize_t copy_range(struct file *in, uaddr_t uin, struct file *out, uaddr_t uout, size_t len)
{
	loff_t from = in->pos, to = out->pos;
	ssize_t n;

	if ((uin && get_user(from, uin)) || (uout && get_user(to, uout)))
		return -EFAULT;
	n = check_copy(in, from, out, to, &len);
	if (n || !len)
		return n;
	n = copy_bytes(in, &from, out, &to, len);
	if (n > 0 && (put_offset(in, uin, from) || put_offset(out, uout, to)))
		return -EFAULT;
	return n;
}

long sys_copy_file_range(int fdin, uaddr_t uin, int fdout, uaddr_t uout, size_t len, u32 flags)
{
	struct fd in = fd_get(fdin), out;
	ssize_t n;

	if (!in.file)
		return -EBADF;
	out = fd_get(fdout);
	if (!out.file) {
		fd_put(in);
		return -EBADF;
	}
	n = flags ? -EINVAL : copy_range(in.file, uin, out.file, uout, len);
	fd_put(out);
	fd_put(in);
	return n;
}
