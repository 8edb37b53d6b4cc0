/* SPDX-License-Identifier: MIT */
/*
 * Reading and writing files through the page cache.
 *
 * A write copies from user memory while the page is locked, and that memory may
 * be a mapping of the very same page. So the copy runs with page faults disabled:
 * where it stops short, the page is unlocked, the memory faulted in, and the
 * rest tried again.
 *
 * O_DIRECT goes through the cache too, with the alignment it would need without: a
 * write is on the device and out of the cache before it returns.
 */
#include <fs/file.h>
#include <kernel/mm/lru.h>
#include <kernel/mm/mm.h>
#include <kernel/mm/pagecache.h>
#include <kernel/task/thread.h>
#include <kernel/task/signal.h>
#include <kernel/task/cred.h>

/* A new page locked by read_ahead costs one call; without it, pages are read one by one. */
#define RA_FIRST_PAGES	4		/* of a first sequential read; doubles up to ra_pages */
/* of position, length, memory for O_DIRECT: a sector; Linux asks the same */
#define DIRECT_MASK	511

/*
 * The page that holds pos is read or written. What goes on within a page from where
 * the last one stopped is the same use: a file read once, in small parts, must not
 * look to reclaim like one that is read again and again.
 */
static void page_used(const struct file *f, struct page *page, loff_t pos)
{
	if (!(pos & ~PAGE_MASK) || pos != f->ra.prev_pos)
		page_accessed(page);
}

void file_pages_used(struct file *f, loff_t pos, loff_t end, const struct bvec *vec)
{
	for (loff_t at = pos; at < end; at += (vec++)->len)
		page_used(f, vec->page, at);
	f->ra.prev_pos = end;
}

void file_read_ahead(struct file *f, loff_t start, loff_t end)
{
	struct mapping *m = f->mapping;
	loff_t size = mapping_size(m);
	u64 index = (u64)start >> PAGE_SHIFT, last;

	if (start < 0 || start >= size || !m->ops->read_page || (m->flags & MAPPING_NO_WRITEBACK))
		return;
	last = (u64)(min(end, size - 1)) >> PAGE_SHIFT;
	while (index <= last && !signal_fatal_pending(current)) {
		u32 got = mapping_read_new(m, index, last - index + 1);

		index += got ? got : 1;		/* it is there already */
		cond_resched();
	}
}

/* The page at index is missing: read a window that grows while reading goes on in order. */
static void read_ahead(struct mapping *m, struct readahead_state *ra, u64 index)
{
	u64 end = DIV_ROUND_UP((u64)mapping_size(m), PAGE_SIZE);
	u32 most = ra->ra_pages ? ra->ra_pages : READAHEAD_PAGES;

	if (index == ra->start + ra->size)
		ra->size = ra->size ? min(ra->size * 2, most) : RA_FIRST_PAGES;
	else
		ra->size = 1;
	ra->start = index;
	if (index < end)
		(void)mapping_read_new(m, index, min((u64)ra->size, end - index));
}

static struct page *page_to_read(struct file *f, struct mapping *m, u64 index, int *err)
{
	struct page *page = pagecache_find(m, index);

	if (page && likely(page_test(page, PG_UPTODATE)))
		return page;
	if (page)
		page_put(page);
	if (!page)
		read_ahead(m, &f->ra, index);
	return pagecache_read(m, index, err);
}

/* O_DIRECT, on a file that has a device. */
static bool is_direct(const struct kio *kio)
{
	return (kio->flags & KIO_DIRECT) && !(kio->file->mapping->flags & MAPPING_NO_WRITEBACK);
}

static bool is_direct_aligned(const struct kio *kio, const struct iov_iter *it)
{
	return !(kio->pos & DIRECT_MASK) && iov_iter_is_aligned(it, DIRECT_MASK);
}

ssize_t generic_file_read(struct kio *kio, struct iov_iter *to)
{
	struct mapping *m = kio->file->mapping;
	ssize_t done = 0;
	int err = 0;

	if (unlikely(is_direct(kio)) && !is_direct_aligned(kio, to))
		return -EINVAL;
	file_accessed(kio->file);
	while (iov_iter_count(to)) {
		loff_t size = mapping_size(m);
		u32 offset = kio->pos & ~PAGE_MASK;
		struct page *page;
		size_t want, got;

		if (kio->pos >= size)
			break;
		page = page_to_read(kio->file, m, (u64)kio->pos >> PAGE_SHIFT, &err);
		if (!page)
			break;
		want = min((u64)(size - kio->pos), iov_iter_count(to));
		want = min(want, PAGE_SIZE - offset);
		got = copy_page_to_iter(page_address(page), offset, want, to);
		page_used(kio->file, page, kio->pos);
		page_put(page);
		kio->pos += got;
		done += got;
		if (got < want) {
			err = -EFAULT;
			break;
		}
	}
	kio->file->ra.prev_pos = kio->pos;
	return done ? done : err;
}

/* As page_to_read(), but a hole of a file that is in memory only stays one: NULL. */
static struct page *page_to_refer(struct file *f, struct mapping *m, u64 index, int *err)
{
	struct page *page;

	if (!(m->flags & MAPPING_NO_WRITEBACK))
		return page_to_read(f, m, index, err);
	page = pagecache_find(m, index);
	if (page && unlikely(!page_test(page, PG_UPTODATE))) {
		page_put(page);
		page = NULL;
	}
	return page;
}

ssize_t generic_file_pages(struct file *f, loff_t pos, size_t len, struct bvec *vec, u32 *nr)
{
	struct mapping *m = f->mapping;
	u32 most = *nr;
	ssize_t done = 0;
	int err = 0;

	*nr = 0;
	file_accessed(f);
	while ((size_t)done < len && *nr < most) {
		loff_t at = pos + done, size = mapping_size(m);
		u32 offset = at & ~PAGE_MASK;
		struct page *page;
		size_t n;

		if (at >= size)
			break;
		page = page_to_refer(f, m, (u64)at >> PAGE_SHIFT, &err);
		if (!page)
			break;
		n = min((u64)(size - at), len - done);
		n = min(n, PAGE_SIZE - offset);
		vec[(*nr)++] = (struct bvec){ page, (u32)n, offset };
		done += n;
	}
	return done ? done : err;
}

/* One page's part of a write: bytes copied, 0 if user memory is not present, or -errno. */
static ssize_t write_page_part(struct kio *kio, size_t want, struct iov_iter *from)
{
	struct mapping *m = kio->file->mapping;
	loff_t pos = kio->pos;
	u32 offset = pos & ~PAGE_MASK;
	struct page *page = pagecache_get_locked(m, (u64)pos >> PAGE_SHIFT, m->gfp);
	const struct iov_iter start = *from;
	size_t got;
	int err;

	if (!page)
		return -ENOMEM;
	page_wait_writeback(page);
	err = m->ops->write_begin ? m->ops->write_begin(m, page, offset, offset + want) : 0;
	if (err) {
		page_unlock(page);
		page_put(page);
		return err;
	}
	got = copy_from_iter_atomic((char *)page_address(page) + offset, want, from);
	if (got < want && !page_test(page, PG_UPTODATE)) {
		/* What was to be overwritten was not read: begin this page again. */
		*from = start;
		got = 0;
	}
	if (m->ops->write_end)
		m->ops->write_end(m, page, offset, offset + want, got);
	if (got) {
		page_set(page, PG_UPTODATE);
		page_set_dirty(page);
		page_used(kio->file, page, pos);
		if (pos + (loff_t)got > mapping_size(m))
			WRITE_ONCE(m->host->size, pos + (loff_t)got);
	}
	page_unlock(page);
	page_put(page);
	return got;
}

int generic_file_mmap(struct file *f, struct vma *vma)
{
	if (!f->mapping->ops->read_page)
		return -ENODEV;
	file_accessed(f);
	return 0;
}

ssize_t generic_write_pages(struct kio *kio, struct iov_iter *from)
{
	struct mapping *m = kio->file->mapping;
	ssize_t done = 0;

	while (iov_iter_count(from)) {
		size_t want = min(PAGE_SIZE - (kio->pos & ~PAGE_MASK), iov_iter_count(from));
		ssize_t got = iov_iter_fault_in_readable(from, want);

		if (!got)
			got = write_page_part(kio, want, from);
		if (got < 0)
			return done ? done : got;
		kio->pos += got;
		kio->file->ra.prev_pos = kio->pos;
		done += got;
		balance_dirty_pages(m);
		if (thread_info()->flags & TIF_SIGPENDING && wait_signal_check(TASK_KILLABLE))
			return done ? done : -EINTR;
	}
	return done;
}

/* A write by who may not keep them takes the set-id bits away. Inode rwsem write-held. */
static void drop_suid(struct inode *inode)
{
	umode_t drop = inode->mode & S_ISUID;

	if (inode->mode & 0010)		/* group execute: S_ISGID means set-id */
		drop |= inode->mode & S_ISGID;
	if (likely(!drop) || capable(CAP_FSETID))
		return;
	inode->mode &= ~drop;
	inode_mark_dirty(inode, INODE_STATE_DIRTY);
}

/* Cut the write at the limits. 0, or -EFBIG where not one byte may be written. */
static int check_limits(const struct inode *inode, loff_t pos, struct iov_iter *from)
{
	u64 limit = rlimit_current(RLIMIT_FSIZE);
	loff_t most = inode->sb ? inode->sb->max_bytes : S64_MAX;

	if (limit != RLIM_INFINITY) {
		if ((u64)pos >= limit) {
			signal_send_thread(current, SIGXFSZ, NULL);
			return -EFBIG;
		}
		iov_iter_truncate(from, limit - pos);
	}
	if (pos >= most)
		return -EFBIG;
	iov_iter_truncate(from, most - pos);
	return 0;
}

/* On the device before it returns, and not in memory afterwards, where nobody else uses it. */
static ssize_t write_direct(struct kio *kio, struct iov_iter *from)
{
	struct mapping *m = kio->file->mapping;
	loff_t start = kio->pos, end;
	ssize_t done;
	int err;

	if (!is_direct_aligned(kio, from))
		return -EINVAL;
	done = generic_write_pages(kio, from);
	if (done <= 0)
		return done;
	end = start + done - 1;
	err = mapping_write_and_wait(m, start, end);
	if (err)
		return err;
	(void)mapping_invalidate(m, start, end);
	return done;
}

ssize_t generic_file_write(struct kio *kio, struct iov_iter *from)
{
	struct file *f = kio->file;
	struct inode *inode = f->mapping->host;
	ssize_t done;
	loff_t start;
	int err;

	if (!iov_iter_count(from))
		return 0;
	rwsem_write_lock(&inode->rwsem);
	if (kio->flags & KIO_APPEND)
		kio->pos = inode->size;
	start = kio->pos;
	done = check_limits(inode, start, from);
	if (!done) {
		drop_suid(inode);
		inode_touch(inode, ATTR_MTIME);
		done = unlikely(is_direct(kio)) ? write_direct(kio, from) : generic_write_pages(kio, from);
	}
	rwsem_write_unlock(&inode->rwsem);
	if (done > 0 && (kio->flags & (KIO_SYNC | KIO_DSYNC)) && f->ops->fsync) {
		err = file_sync(f, start, start + done - 1, !(kio->flags & KIO_SYNC));
		if (err)
			return err;
	}
	return done;
}
