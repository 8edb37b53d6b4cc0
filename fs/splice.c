/* SPDX-License-Identifier: MIT */
/*
 * Moving bytes between files inside the kernel: sendfile, copy_file_range,
 * splice, tee, vmsplice.
 *
 * Between two pipes pages move, or are shared (tee). A pipe is given the pages of a file's cache
 * by reference, so later changes of the file show in it, and so is whatever sendfile sends to
 * that has no place of its own; other files are read into a page for the pipe. A file's write
 * takes the pages as they are: TCP keeps them, all others copy. Between two regular files bytes
 * are copied through a buffer.
 *
 * A page that is in two pipes, or a file's, is marked shared, and no pipe writes to it.
 *
 * Locks: a pipe's mutex is held while its bytes go to a file, so that they stay
 * in order; the lower address first where there are two. It is not held while a file is read.
 *
 * Limit: vmsplice copies: later changes of the memory do not show in the pipe. Nothing gives a
 * pipe its pages but a file's cache: from a socket bytes are copied.
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
#define BATCH		16u		/* pages in one write; chosen: as TCP takes them */

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

/* n bytes have gone; mutex held. */
static void drop_bytes(struct pipe *p, size_t n)
{
	while (n) {
		struct slot *s = pipe_slot(p, p->tail);
		u32 part = min_t(size_t, s->len, n);

		s->offset += part;
		s->len -= part;
		n -= part;
		if (!s->len)
			pipe_drop_first(p);
	}
}

/* Up to len bytes of the first slots; mutex held. Bytes or -errno. */
static ssize_t write_slots(struct pipe *p, struct file *out, loff_t *pos, size_t len, u32 flags)
{
	struct bvec vec[BATCH];
	struct iov_iter it;
	size_t total = 0;
	u32 nr = 0;
	ssize_t n;

	for (u32 i = p->tail; i != p->head && nr < BATCH && total < len; i++) {
		struct slot *s = pipe_slot(p, i);

		vec[nr] = (struct bvec){ s->page, min_t(size_t, s->len, len - total), s->offset };
		total += vec[nr++].len;
	}
	iov_iter_pages(&it, vec, nr, total);
	n = file_write_iter(out, &it, pos, flags);
	if (n > 0)
		drop_bytes(p, n);
	return n;
}

static ssize_t pipe_to_file(struct pipe *p, struct file *out, loff_t *pos, size_t len, u32 flags,
			    bool nonblock)
{
	u32 more = flags & SPLICE_F_MORE ? KIO_MORE : 0;
	ssize_t done = 0, n = 0;

	while (len) {
		bool was_full, eof;

		mutex_lock(&p->mutex);
		was_full = pipe_is_full(p);
		eof = !p->writers;
		n = pipe_is_empty(p) ? 0 : write_slots(p, out, pos, len, more);
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
static long put_slot(struct pipe *p, struct slot s)
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
			page_put(s.page);
			return err;
		}
	}
	if (!p->readers) {
		mutex_unlock(&p->mutex);
		page_put(s.page);
		return broken_pipe();
	}
	was_empty = pipe_is_empty(p);
	*pipe_slot(p, p->head) = s;
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
	err = put_slot(p, (struct slot){ .page = page, .len = n });
	return err ? err : n;
}

static void put_pages(struct bvec *vec, u32 nr)
{
	for (u32 i = 0; i < nr; i++)
		page_put(vec[i].page);
}

/* The file's own pages, as it gives them: 0 where it does not. */
static ssize_t pages_of(struct file *in, loff_t pos, size_t len, struct bvec *vec, u32 *nr)
{
	return in->ops->pages && !(READ_ONCE(in->flags) & O_DIRECT) ?
	       in->ops->pages(in, pos, len, vec, nr) : 0;
}

/* As many of those as there is room for: bytes, 0: read it, -errno. */
static ssize_t link_pages_into(struct pipe *p, struct file *in, loff_t *pos, size_t len)
{
	u32 used = READ_ONCE(p->head) - READ_ONCE(p->tail), slots = READ_ONCE(p->slots);
	u32 nr = used < slots ? min(slots - used, BATCH) : 1;
	struct bvec vec[BATCH];
	ssize_t done = 0, n = pages_of(in, *pos, len, vec, &nr);

	if (n > 0)
		file_pages_used(in, *pos, *pos + n, vec);	/* before others may free them */
	for (u32 i = 0; n > 0 && i < nr; i++) {
		long err = put_slot(p, (struct slot){ .page = vec[i].page, .offset = vec[i].offset,
						      .len = vec[i].len, .shared = true });

		if (err) {
			put_pages(vec + i + 1, nr - i - 1);
			n = err;
			break;
		}
		done += vec[i].len;
	}
	*pos += done;
	return done ? done : n;
}

static ssize_t file_to_pipe(struct file *in, loff_t *pos, struct pipe *p, size_t len, bool nonblock)
{
	ssize_t done = 0, n = 0;
	bool linked;

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
		n = link_pages_into(p, in, pos, len);
		linked = n > 0;
		if (!n)
			n = read_page_into(p, in, pos, len);
		if (n <= 0)
			break;
		done += n;
		len -= n;
		if (!linked && (size_t)n < PAGE_SIZE && len)
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

/*
 * Slots of in from index on into out, as long as there
 * is room. copy: they stay in the first pipe (tee).
 */
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

static ssize_t do_splice(struct file *in, uaddr_t uin, struct file *out, uaddr_t uout, size_t len,
			 u32 flags)
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
	n = from ? pipe_to_file(from, out, &pos, len, flags, nonblock) :
	    file_to_pipe(in, &pos, to, len, nonblock);
	if (n > 0) {
		err = from ? put_offset(out, uout, pos) : put_offset(in, uin, pos);
		if (err)
			return err;
	}
	return n;
}

static bool get_two(int fdin, int fdout, struct fd *in, struct fd *out)
{
	*in = fd_get(fdin);
	if (!in->file)
		return false;
	*out = fd_get(fdout);
	if (!out->file)
		fd_put(*in);
	return out->file;
}

static void put_two(struct fd in, struct fd out)
{
	fd_put(out);
	fd_put(in);
}

long sys_splice(int fdin, uaddr_t uin, int fdout, uaddr_t uout, size_t len, u32 flags)
{
	struct fd in, out;
	ssize_t n;

	if (flags & ~SPLICE_F_ALL)
		return -EINVAL;
	if (!len)
		return 0;
	if (!get_two(fdin, fdout, &in, &out))
		return -EBADF;
	n = do_splice(in.file, uin, out.file, uout, len, flags);
	put_two(in, out);
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
	if (!get_two(fdin, fdout, &in, &out))
		return -EBADF;
	n = do_tee(in.file, out.file, len, flags);
	put_two(in, out);
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

struct transfer {
	struct file *in, *out;
	loff_t *from, *to;		/* both advance by what was written */
	char *buf;			/* of COPY_BYTES, once it is needed */
};

/*
 * A piece of at most len bytes: those written, 0 at the end, or -errno. *got: as many were there to
 * be written.
 */
static ssize_t copy_some(struct transfer *t, size_t len, ssize_t *got)
{
	loff_t at = *t->from;
	ssize_t n;

	if (!t->buf)
		t->buf = kmalloc(COPY_BYTES, GFP_KERNEL);
	if (!t->buf)
		return -ENOMEM;
	*got = kernel_read(t->in, t->buf, min_t(size_t, len, COPY_BYTES), &at);
	if (*got <= 0)
		return *got;
	n = kernel_write(t->out, t->buf, *got, t->to);
	if (n > 0)
		*t->from += n;
	return n;
}

/* The same without a copy of ours, where the file gives its pages. */
static ssize_t send_some(struct transfer *t, size_t len, ssize_t *got)
{
	struct bvec vec[BATCH];
	struct iov_iter it;
	u32 nr = BATCH;
	ssize_t n;

	*got = pages_of(t->in, *t->from, len, vec, &nr);
	if (!*got)
		return copy_some(t, len, got);
	if (*got < 0)
		return *got;
	iov_iter_pages(&it, vec, nr, *got);
	n = file_write_iter(t->out, &it, t->to, 0);
	if (n > 0) {
		file_pages_used(t->in, *t->from, *t->from + n, vec);
		*t->from += n;
	}
	put_pages(vec, nr);
	return n;
}

/* Bytes, 0 at the end, or -errno before the first. by_page: out has no place, and may keep pages. */
static ssize_t move_bytes(struct transfer *t, size_t len, bool by_page)
{
	ssize_t done = 0, n = 0, got;

	while (len) {
		n = by_page ? send_some(t, len, &got) : copy_some(t, len, &got);
		if (n <= 0)
			break;
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
	kfree(t->buf);
	return done ? done : n;
}

static ssize_t do_sendfile(struct file *out, struct file *in, loff_t *from, size_t len)
{
	struct pipe *p = pipe_of(out);
	loff_t to = out->pos;
	struct transfer t = { .in = in, .out = out, .from = from, .to = &to };
	ssize_t n;

	if (!(out->mode & FMODE_WRITE))
		return -EBADF;
	if (!(in->mode & FMODE_LSEEK) || (out->flags & O_APPEND))
		return -EINVAL;
	if (p)
		return file_to_pipe(in, from, p, len, out->flags & O_NONBLOCK);
	n = move_bytes(&t, len, out->mode & FMODE_STREAM);
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

static int check_copy(const struct file *in, loff_t from, const struct file *out, loff_t to,
		      size_t *len)
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
	struct transfer t = { .in = in, .out = out, .from = &from, .to = &to };
	ssize_t n;

	if ((uin && get_user(from, uin)) || (uout && get_user(to, uout)))
		return -EFAULT;
	n = check_copy(in, from, out, to, &len);
	if (n || !len)
		return n;
	n = move_bytes(&t, len, false);
	if (n > 0 && (put_offset(in, uin, from) || put_offset(out, uout, to)))
		return -EFAULT;
	return n;
}

long sys_copy_file_range(int fdin, uaddr_t uin, int fdout, uaddr_t uout, size_t len, u32 flags)
{
	struct fd in, out;
	ssize_t n;

	if (!get_two(fdin, fdout, &in, &out))
		return -EBADF;
	n = flags ? -EINVAL : copy_range(in.file, uin, out.file, uout, len);
	put_two(in, out);
	return n;
}
