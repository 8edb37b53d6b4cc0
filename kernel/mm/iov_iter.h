/* SPDX-License-Identifier: MIT */
/*
 * Where bytes come from or go to: user memory, kernel memory, or pages; and the
 * request they belong to. Every file's read and write take these two.
 */
#pragma once
#include <kernel/types.h>
#include <kernel/errno.h>

struct file;
struct page;

struct iovec {				/* user: the ABI's struct */
	uaddr_t base;
	u64 len;
};
struct kvec {
	void *base;
	size_t len;
};
struct bvec {
	struct page *page;
	u32 len, offset;
};

enum iter_kind { ITER_USER, ITER_KERNEL, ITER_PAGES };

/*
 * Walks segments in order. Copying a struct saves the place: assign it back to go there again, or
 * iov_iter_revert().
 */
struct iov_iter {
	u8 kind;
	u32 nr_segs;			/* left, the current one included */
	size_t offset;			/* into the current segment */
	size_t count;			/* bytes left in all */
	union {
		const struct iovec *iov;
		const struct kvec *kvec;
		const struct bvec *bvec;
	};
	struct iovec single;		/* one user buffer needs no array: only then iov == NULL */
};

void iov_iter_user(struct iov_iter *it, const struct iovec *iov, u32 nr, size_t count);
void iov_iter_kernel(struct iov_iter *it, const struct kvec *vec, u32 nr, size_t count);
void iov_iter_pages(struct iov_iter *it, const struct bvec *vec, u32 nr, size_t count);

static inline void iov_iter_ubuf(struct iov_iter *it, uaddr_t base, size_t len)
{
	*it = (struct iov_iter){ .kind = ITER_USER, .nr_segs = 1, .count = len, .single = { base, len } };
}
static inline size_t iov_iter_count(const struct iov_iter *it)
{
	return it->count;
}
static inline void iov_iter_truncate(struct iov_iter *it, size_t max)
{
	if (it->count > max)
		it->count = max;
}
void iov_iter_advance(struct iov_iter *it, size_t n);
void iov_iter_revert(struct iov_iter *it, size_t n);	/* back, by what was walked at most */

/*
 * Bytes copied; fewer than n only where user memory faults (or the iterator
 * ends). May fault and sleep unless page faults are disabled.
 */
size_t copy_to_iter(const void *src, size_t n, struct iov_iter *it);
size_t copy_from_iter(void *dst, size_t n, struct iov_iter *it);
size_t zero_iter(size_t n, struct iov_iter *it);
static inline size_t copy_page_to_iter(void *page_addr, size_t offset, size_t n,
				       struct iov_iter *it)
{
	return copy_to_iter((char *)page_addr + offset, n, it);
}
/*
 * The same for a page that is locked: user memory that is not present is not
 * faulted in, the copy stops short. The caller unlocks, calls
 * iov_iter_fault_in_readable(), and tries again.
 */
size_t copy_from_iter_atomic(void *dst, size_t n, struct iov_iter *it);
size_t copy_to_iter_atomic(const void *src, size_t n, struct iov_iter *it);
/* Make the next n bytes present. 0, or -EFAULT where not even the first is. */
int iov_iter_fault_in_readable(const struct iov_iter *it, size_t n);
/*
 * Pages only: the page that the next bytes lie in, where, and how many of the next `want` there
 * are; NULL at the end. No reference, and the place stays: advance by what was used.
 */
struct page *iov_iter_page(struct iov_iter *it, size_t want, u32 *offset, u32 *len);
/* User memory only: mm_get_pages() of what comes next, within one segment. The place stays. */
size_t iov_iter_get_pages(struct iov_iter *it, struct bvec *vec, u32 *nr);
/* All segments of an O_DIRECT transfer aligned to mask+1? */
bool iov_iter_is_aligned(const struct iov_iter *it, u64 mask);

/*
 * Copies and checks a user array: at most IOV_MAX
 * entries, sum at most S64_MAX. Small ones go to fast[].
 */
#define IOV_MAX		1024
#define IOV_FAST	8
ssize_t iovec_from_user(uaddr_t uvec, u64 nr, struct iovec *fast, struct iovec **out);

/* One transfer. */
struct kio {
	struct file *file;
	loff_t pos;			/* advanced by the transfer */
	u32 flags;			/* KIO_* */
};
#define KIO_NOWAIT	BIT(0)		/* -EAGAIN rather than sleep */
#define KIO_APPEND	BIT(1)
#define KIO_DIRECT	BIT(2)
#define KIO_SYNC	BIT(3)
#define KIO_DSYNC	BIT(4)
#define KIO_NONBLOCK	BIT(5)		/* O_NONBLOCK of the file */
#define KIO_MORE	BIT(6)		/* a socket: as MSG_MORE */

static inline bool kio_nonblock(const struct kio *kio)
{
	return kio->flags & (KIO_NOWAIT | KIO_NONBLOCK);
}
