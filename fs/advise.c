/* SPDX-License-Identifier: MIT */
/*
 * What programs tell of their plans with cached data:
 * fadvise64, readahead, sync_file_range, syncfs.
 */
#include <fs/file.h>
#include <kernel/mm/pagecache.h>
#include <kernel/uapi/syscall.h>

enum { FADV_NORMAL, FADV_RANDOM, FADV_SEQUENTIAL, FADV_WILLNEED, FADV_DONTNEED, FADV_NOREUSE };
enum { SYNC_WAIT_BEFORE = 1, SYNC_WRITE = 2, SYNC_WAIT_AFTER = 4 };

/* Whole pages inside the range leave the cache; those being written stay. */
static void drop(struct mapping *m, loff_t off, loff_t end)
{
	loff_t first = ALIGN_UP(off, (loff_t)PAGE_SIZE);
	loff_t last = end == S64_MAX || end >= mapping_size(m) - 1 ? end : ALIGN_DOWN(end + 1, (loff_t)PAGE_SIZE) - 1;

	(void)mapping_write_start(m, off, end);
	if (first <= last)
		(void)mapping_invalidate(m, first, last);
}

static long advise(struct file *f, loff_t off, loff_t len, int advice)
{
	struct mapping *m = f->mapping;
	loff_t end;

	if (S_ISFIFO(f->inode->mode))
		return -ESPIPE;
	if (len < 0 || advice < FADV_NORMAL || advice > FADV_NOREUSE)
		return -EINVAL;
	if (!m)
		return 0;		/* it has no pages to be read before, or dropped */
	/* len 0: to the end; end is inclusive. */
	end = !len || off > S64_MAX - len ? S64_MAX : off + len - 1;
	switch (advice) {
	case FADV_NORMAL:
		f->ra.ra_pages = 0;
		break;
	case FADV_RANDOM:
		f->ra.ra_pages = 1;
		break;
	case FADV_SEQUENTIAL:
		f->ra.ra_pages = 2 * READAHEAD_PAGES;
		break;
	case FADV_WILLNEED:
		file_read_ahead(f, off, end);
		break;
	case FADV_DONTNEED:
		if (!(m->flags & MAPPING_NO_WRITEBACK))
			drop(m, off, end);
		break;
	}
	return 0;
}

long sys_fadvise64(int fd, loff_t off, loff_t len, int advice)
{
	struct fd f = fd_get(fd);
	long err;

	if (!f.file)
		return -EBADF;
	err = advise(f.file, off, len, advice);
	fd_put(f);
	return err;
}

static long readahead(struct file *f, loff_t off, size_t count)
{
	umode_t mode = f->inode->mode;

	if (!(f->mode & FMODE_READ))
		return -EBADF;
	if (!f->mapping || !f->mapping->ops || (!S_ISREG(mode) && !S_ISBLK(mode)))
		return -EINVAL;
	if (count)
		file_read_ahead(f, off, (s64)count < 0 || off > S64_MAX - (loff_t)count ? S64_MAX :
							    off + (loff_t)count - 1);
	return 0;
}

long sys_readahead(int fd, loff_t off, size_t count)
{
	struct fd f = fd_get(fd);
	long err;

	if (!f.file)
		return -EBADF;
	err = readahead(f.file, off, count);
	fd_put(f);
	return err;
}

static long sync_range(struct file *f, loff_t off, loff_t n, u32 flags)
{
	umode_t mode = f->inode->mode;
	struct mapping *m = f->mapping;
	loff_t end = n ? off + n - 1 : S64_MAX;
	int err = 0;

	if (!S_ISREG(mode) && !S_ISBLK(mode) && !S_ISDIR(mode) && !S_ISLNK(mode))
		return -ESPIPE;
	if (!m || (m->flags & MAPPING_NO_WRITEBACK))
		return 0;
	if (flags & SYNC_WAIT_BEFORE)
		err = mapping_write_wait(m, off, end);
	if (!err && (flags & SYNC_WRITE))
		err = mapping_write_start(m, off, end);
	if (!err && (flags & SYNC_WAIT_AFTER))
		err = mapping_write_wait(m, off, end);
	return err ? err : mapping_check_error(m, &f->wb_err_seen);
}

long sys_sync_file_range(int fd, loff_t off, loff_t n, u32 flags)
{
	struct fd f;
	long err;

	if ((flags & ~(SYNC_WAIT_BEFORE | SYNC_WRITE | SYNC_WAIT_AFTER)) || off < 0 || n < 0 ||
	    off > S64_MAX - n)
		return -EINVAL;
	f = fd_get(fd);
	if (!f.file)
		return -EBADF;
	err = sync_range(f.file, off, n, flags);
	fd_put(f);
	return err;
}

long sys_syncfs(int fd)
{
	struct fd f = fd_get(fd);
	struct superblock *sb;
	long err = 0;

	if (!f.file)
		return -EBADF;
	sb = f.file->inode->sb;
	if (sb->ops && sb->ops->sync_fs && !(sb->flags & SB_RDONLY))
		err = sb->ops->sync_fs(sb, true);
	fd_put(f);
	return err;
}
