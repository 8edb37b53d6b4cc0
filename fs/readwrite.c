/* SPDX-License-Identifier: MIT */
/*
 * read, write and their relatives: checks, a struct kio and an iov_iter, and
 * then the file's own method.
 *
 * The position of a seekable file is used and advanced under pos_mutex: two
 * threads that share the descriptor never read the same bytes. Streams have no
 * position, and take no lock here.
 */
#include <fs/file.h>
#include <kernel/mm/alloc.h>
#include <kernel/uapi/syscall.h>
#include <kernel/uapi/fcntl.h>

#define MAX_RW_COUNT	0x7ffff000ul	/* as Linux: one call transfers at most this much */

static __noinline u32 kio_flags_of(u32 flags)
{
	u32 kf = flags & O_NONBLOCK ? KIO_NONBLOCK : 0;

	kf |= flags & O_APPEND ? KIO_APPEND : 0;
	kf |= flags & O_DIRECT ? KIO_DIRECT : 0;
	kf |= flags & O_DSYNC ? KIO_DSYNC : 0;
	kf |= (flags & O_SYNC) == O_SYNC ? KIO_SYNC : 0;
	return kf;
}

static inline u32 kio_flags(const struct file *f)
{
	u32 flags = READ_ONCE(f->flags);

	return flags & (O_NONBLOCK | O_APPEND | O_DIRECT | O_SYNC) ? kio_flags_of(flags) : 0;
}

/* One transfer at kio->pos; *pos advances. */
static inline ssize_t transfer_kio(struct kio *kio, struct iov_iter *it, loff_t *pos, bool write)
{
	struct file *f = kio->file;
	ssize_t n;

	if (!(f->mode & (write ? FMODE_WRITE : FMODE_READ)))
		return -EBADF;
	if (kio->pos && unlikely((loff_t)iov_iter_count(it) > S64_MAX - kio->pos))
		return -EINVAL;
	iov_iter_truncate(it, MAX_RW_COUNT);
	if (write)
		n = f->ops->write ? f->ops->write(kio, it) : -EINVAL;
	else
		n = f->ops->read ? f->ops->read(kio, it) : S_ISDIR(f->inode ? f->inode->mode : 0) ? -EISDIR : -EINVAL;
	if (n > 0)
		*pos = kio->pos;
	return n;
}

static __always_inline ssize_t transfer(struct file *f, struct iov_iter *it, loff_t *pos, bool write)
{
	struct kio kio = { .file = f, .pos = *pos, .flags = kio_flags(f) };

	return transfer_kio(&kio, it, pos, write);
}

/* What preadv2 and pwritev2 add to, or take from, the file's flags: 0, -EOPNOTSUPP, -EINVAL. */
static int add_rwf(const struct file *f, u32 rwf, u32 *kf)
{
	if (rwf & ~(RWF_HIPRI | RWF_DSYNC | RWF_SYNC | RWF_NOWAIT | RWF_APPEND | RWF_NOAPPEND))
		return -EOPNOTSUPP;
	if ((rwf & RWF_APPEND) && (rwf & RWF_NOAPPEND))
		return -EINVAL;
	if ((rwf & RWF_NOWAIT) && !(f->mode & FMODE_NOWAIT))
		return -EOPNOTSUPP;
	*kf |= rwf & RWF_NOWAIT ? KIO_NOWAIT : 0;
	*kf |= rwf & RWF_DSYNC ? KIO_DSYNC : 0;
	*kf |= rwf & RWF_SYNC ? KIO_DSYNC | KIO_SYNC : 0;
	*kf |= rwf & RWF_APPEND ? KIO_APPEND : 0;
	if (rwf & RWF_NOAPPEND)
		*kf &= ~(u32)KIO_APPEND;
	return 0;
}

static bool lock_pos(struct file *f)
{
	if (!(f->mode & FMODE_ATOMIC_POS))
		return false;
	mutex_lock(&f->pos_mutex);
	return true;
}

static __always_inline ssize_t transfer_at_pos(struct file *f, struct iov_iter *it, bool write)
{
	bool locked = lock_pos(f);
	ssize_t n = transfer(f, it, &f->pos, write);

	if (locked)
		mutex_unlock(&f->pos_mutex);
	return n;
}

/* No memory is that long. */
static int bad_length(const struct file *f, bool write)
{
	return f->mode & (write ? FMODE_WRITE : FMODE_READ) ? -EFAULT : -EBADF;
}

/* Twice, for reads and for writes: these are the calls that programs make most. */
static __always_inline ssize_t rw(u32 fd, uaddr_t buf, size_t len, bool write)
{
	struct fd f = fd_get(fd);
	struct iov_iter it;
	ssize_t n;

	if (!f.file)
		return -EBADF;
	iov_iter_ubuf(&it, buf, len);
	n = (s64)len < 0 ? bad_length(f.file, write) : transfer_at_pos(f.file, &it, write);
	fd_put(f);
	return n;
}

long sys_read(u32 fd, uaddr_t buf, size_t len)
{
	return rw(fd, buf, len, false);
}

long sys_write(u32 fd, uaddr_t buf, size_t len)
{
	return rw(fd, buf, len, true);
}

static ssize_t prw(struct fd f, struct iov_iter *it, loff_t pos, bool write)
{
	if (pos < 0)
		return -EINVAL;
	if (!(f.file->mode & FMODE_PREAD))
		return -ESPIPE;
	return transfer(f.file, it, &pos, write);
}

static ssize_t prw_buf(u32 fd, uaddr_t buf, size_t len, loff_t pos, bool write)
{
	struct iov_iter it;
	struct fd f;
	ssize_t n;

	if (pos < 0)
		return -EINVAL;
	f = fd_get(fd);
	if (!f.file)
		return -EBADF;
	iov_iter_ubuf(&it, buf, len);
	n = (s64)len < 0 ? bad_length(f.file, write) : prw(f, &it, pos, write);
	fd_put(f);
	return n;
}

long sys_pread64(u32 fd, uaddr_t buf, size_t len, loff_t pos)
{
	return prw_buf(fd, buf, len, pos, false);
}

long sys_pwrite64(u32 fd, uaddr_t buf, size_t len, loff_t pos)
{
	return prw_buf(fd, buf, len, pos, true);
}

/* positioned: pread and pwrite's form. */
static ssize_t rwv(u32 fd, uaddr_t vec, u64 nr, bool positioned, loff_t pos, bool write)
{
	struct iovec fast[IOV_FAST], *iov = fast;
	struct fd f = fd_get(fd);
	struct iov_iter it;
	ssize_t n;

	if (!f.file)
		return -EBADF;
	n = iovec_from_user(vec, nr, fast, &iov);
	if (n >= 0) {
		iov_iter_user(&it, iov, nr, n);
		n = positioned ? prw(f, &it, pos, write) : transfer_at_pos(f.file, &it, write);
		if (iov != fast)
			kfree(iov);
	}
	fd_put(f);
	return n;
}

long sys_readv(u32 fd, uaddr_t vec, u64 nr)
{
	return rwv(fd, vec, nr, false, 0, false);
}

long sys_writev(u32 fd, uaddr_t vec, u64 nr)
{
	return rwv(fd, vec, nr, false, 0, true);
}

long sys_preadv(u32 fd, uaddr_t vec, u64 nr, loff_t pos)
{
	return pos < 0 ? -EINVAL : rwv(fd, vec, nr, true, pos, false);
}

long sys_pwritev(u32 fd, uaddr_t vec, u64 nr, loff_t pos)
{
	return pos < 0 ? -EINVAL : rwv(fd, vec, nr, true, pos, true);
}

/* With flags; pos -1: the file's own position. */
static ssize_t rwv2_iter(struct file *f, struct iov_iter *it, loff_t pos, u32 rwf, bool write)
{
	struct kio kio = { .file = f, .pos = pos, .flags = kio_flags(f) };
	int err = add_rwf(f, rwf, &kio.flags);
	bool locked;
	ssize_t n;

	if (err)
		return err;
	if (pos != -1)
		return f->mode & FMODE_PREAD ? transfer_kio(&kio, it, &pos, write) : -ESPIPE;
	locked = lock_pos(f);
	kio.pos = f->pos;
	n = transfer_kio(&kio, it, &f->pos, write);
	if (locked)
		mutex_unlock(&f->pos_mutex);
	return n;
}

static ssize_t rwv2(u32 fd, uaddr_t vec, u64 nr, loff_t pos, u32 rwf, bool write)
{
	struct iovec fast[IOV_FAST], *iov = fast;
	struct iov_iter it;
	struct fd f;
	ssize_t n;

	if (pos < -1)
		return -EINVAL;
	f = fd_get(fd);
	if (!f.file)
		return -EBADF;
	n = iovec_from_user(vec, nr, fast, &iov);
	if (n >= 0) {
		iov_iter_user(&it, iov, nr, n);
		n = rwv2_iter(f.file, &it, pos, rwf, write);
		if (iov != fast)
			kfree(iov);
	}
	fd_put(f);
	return n;
}

/* The upper half of the position is for 32-bit callers. */
long sys_preadv2(u32 fd, uaddr_t vec, u64 nr, loff_t pos, u64 unused, u32 rwf)
{
	return rwv2(fd, vec, nr, pos, rwf, false);
}

long sys_pwritev2(u32 fd, uaddr_t vec, u64 nr, loff_t pos, u64 unused, u32 rwf)
{
	return rwv2(fd, vec, nr, pos, rwf, true);
}

/* --- position --- */

static loff_t seek_target(const struct file *f, loff_t off, int whence, loff_t size, loff_t most)
{
	loff_t base = 0;

	switch (whence) {
	case SEEK_SET:
		break;
	case SEEK_CUR:
		base = f->pos;
		break;
	case SEEK_END:
		base = size;
		break;
	case SEEK_DATA:			/* without a map of holes all is data, and the end a hole */
		return off < 0 || off >= size ? -ENXIO : off;
	case SEEK_HOLE:
		return off < 0 || off >= size ? -ENXIO : size;
	default:
		return -EINVAL;
	}
	if (__builtin_add_overflow(base, off, &off))
		return -EOVERFLOW;
	return off < 0 || off > most ? -EINVAL : off;
}

loff_t sized_llseek(struct file *f, loff_t off, int whence, loff_t size, loff_t most)
{
	loff_t pos = seek_target(f, off, whence, size, most);

	if (pos >= 0)
		f->pos = pos;
	return pos;
}

loff_t generic_file_llseek(struct file *f, loff_t off, int whence)
{
	return sized_llseek(f, off, whence, READ_ONCE(f->inode->size), f->inode->sb->max_bytes);
}

long sys_lseek(u32 fd, loff_t off, u32 whence)
{
	struct fd f = fd_get(fd);
	bool locked;
	loff_t pos;

	if (!f.file)
		return -EBADF;
	locked = lock_pos(f.file);
	pos = f.file->ops->llseek ? f.file->ops->llseek(f.file, off, whence) : -ESPIPE;
	if (locked)
		mutex_unlock(&f.file->pos_mutex);
	fd_put(f);
	return pos;
}

/* --- for the kernel itself --- */

static ssize_t kernel_rw(struct file *f, void *buf, size_t len, loff_t *pos, bool write)
{
	struct kvec vec = { buf, len };
	struct iov_iter it;

	iov_iter_kernel(&it, &vec, 1, len);
	return transfer(f, &it, pos, write);
}

ssize_t kernel_read(struct file *f, void *buf, size_t len, loff_t *pos)
{
	return kernel_rw(f, buf, len, pos, false);
}

ssize_t kernel_write(struct file *f, const void *buf, size_t len, loff_t *pos)
{
	return kernel_rw(f, (void *)buf, len, pos, true);
}

ssize_t file_write_iter(struct file *f, struct iov_iter *from, loff_t *pos, u32 flags)
{
	struct kio kio = { .file = f, .pos = *pos, .flags = kio_flags(f) | flags };

	return transfer_kio(&kio, from, pos, true);
}

/* --- durability --- */

int file_sync(struct file *f, loff_t start, loff_t end, bool datasync)
{
	int err = f->ops->fsync ? f->ops->fsync(f, start, end, datasync) : -EINVAL;
	/* And what went wrong behind everybody's back since the last time. */
	int late = f->mapping ? mapping_check_error(f->mapping, &f->wb_err_seen) : 0;

	return err ? err : late;
}

static long sync_fd(u32 fd, loff_t start, loff_t end, bool datasync)
{
	struct fd f = fd_get(fd);
	long err;

	if (!f.file)
		return -EBADF;
	err = file_sync(f.file, start, end, datasync);
	fd_put(f);
	return err;
}

long sys_fsync(u32 fd)
{
	return sync_fd(fd, 0, S64_MAX, false);
}

long sys_fdatasync(u32 fd)
{
	return sync_fd(fd, 0, S64_MAX, true);
}

long sys_sync(void)
{
	vfs_sync_all();
	return 0;
}
