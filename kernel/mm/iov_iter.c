/* SPDX-License-Identifier: MIT */
/*
 * Iterators over user memory, kernel memory and pages.
 *
 * All copies are one walk: step() takes the next piece that lies in one segment
 * (and, for pages, in one page), a small function moves it, and the walk goes on
 * until n bytes are done or a piece came up short, which only user memory can.
 */
#include <kernel/task/thread.h>
#include <kernel/mm/iov_iter.h>
#include <kernel/mm/mm.h>
#include <arch/uaccess.h>
#include <kernel/lib/string.h>
#include <kernel/mm/page.h>

void iov_iter_user(struct iov_iter *it, const struct iovec *iov, u32 nr, size_t count)
{
	*it = (struct iov_iter){ .kind = ITER_USER, .nr_segs = nr, .count = count, .iov = iov };
}

void iov_iter_kernel(struct iov_iter *it, const struct kvec *vec, u32 nr, size_t count)
{
	*it = (struct iov_iter){ .kind = ITER_KERNEL, .nr_segs = nr, .count = count, .kvec = vec };
}

void iov_iter_pages(struct iov_iter *it, const struct bvec *vec, u32 nr, size_t count)
{
	*it = (struct iov_iter){ .kind = ITER_PAGES, .nr_segs = nr, .count = count, .bvec = vec };
}

static size_t segment_len(const struct iov_iter *it)
{
	switch (it->kind) {
	case ITER_USER:
		return it->iov ? it->iov->len : it->single.len;
	case ITER_KERNEL:
		return it->kvec->len;
	default:
		return it->bvec->len;
	}
}

/* By one, or by minus one. */
static void move_segments(struct iov_iter *it, s32 by)
{
	it->nr_segs -= (u32)by;
	switch (it->kind) {
	case ITER_USER:
		if (it->iov)
			it->iov += by;
		break;
	case ITER_KERNEL:
		it->kvec += by;
		break;
	default:
		it->bvec += by;
		break;
	}
}

static void next_segment(struct iov_iter *it)
{
	it->offset = 0;
	move_segments(it, 1);
}

/* A piece of the current segment: kernel address, or user address in u. */
struct piece {
	void *k;
	uaddr_t u;
	size_t len;
};

/* False at the end. Skips empty segments. */
static bool step(struct iov_iter *it, size_t want, struct piece *p)
{
	size_t left;

	while (it->nr_segs && segment_len(it) == it->offset)
		next_segment(it);
	if (!it->nr_segs || !it->count || !want)
		return false;
	left = segment_len(it) - it->offset;
	left = min(left, it->count);
	p->len = min(left, want);
	switch (it->kind) {
	case ITER_USER:
		p->u = (it->iov ? it->iov->base : it->single.base) + it->offset;
		break;
	case ITER_KERNEL:
		p->k = (char *)it->kvec->base + it->offset;
		break;
	default:
		p->k = (char *)page_address(it->bvec->page) + it->bvec->offset + it->offset;
		break;
	}
	return true;
}

static void took(struct iov_iter *it, size_t n)
{
	it->offset += n;
	it->count -= n;
}

void iov_iter_advance(struct iov_iter *it, size_t n)
{
	struct piece p;

	while (n && step(it, n, &p)) {
		took(it, p.len);
		n -= p.len;
	}
}

void iov_iter_revert(struct iov_iter *it, size_t n)
{
	it->count += n;
	while (n > it->offset) {
		n -= it->offset;
		move_segments(it, -1);
		it->offset = segment_len(it);
	}
	it->offset -= n;
}

/* By far the most frequent case: one user buffer, as read and write have it. */
static inline bool is_one_buffer(const struct iov_iter *it)
{
	return !it->iov;
}

static __noinline size_t copy_to_pieces(const void *src, size_t n, struct iov_iter *it)
{
	struct piece p;
	size_t done = 0;

	while (step(it, n - done, &p)) {
		size_t missed = 0;

		if (it->kind == ITER_USER)
			missed = copy_to_user_partial(p.u, (const char *)src + done, p.len);
		else
			memcpy(p.k, (const char *)src + done, p.len);
		took(it, p.len - missed);
		done += p.len - missed;
		if (missed)
			break;
	}
	return done;
}

size_t copy_to_iter(const void *src, size_t n, struct iov_iter *it)
{
	if (unlikely(!is_one_buffer(it)))
		return copy_to_pieces(src, n, it);
	n = min(n, it->count);
	n -= copy_to_user_partial(it->single.base + it->offset, src, n);
	took(it, n);
	return n;
}

static __noinline size_t copy_from_pieces(void *dst, size_t n, struct iov_iter *it)
{
	struct piece p;
	size_t done = 0;

	while (step(it, n - done, &p)) {
		size_t missed = 0;

		if (it->kind == ITER_USER)
			missed = copy_from_user_partial((char *)dst + done, p.u, p.len);
		else
			memcpy((char *)dst + done, p.k, p.len);
		took(it, p.len - missed);
		done += p.len - missed;
		if (missed)
			break;
	}
	return done;
}

size_t copy_from_iter(void *dst, size_t n, struct iov_iter *it)
{
	if (unlikely(!is_one_buffer(it)))
		return copy_from_pieces(dst, n, it);
	n = min(n, it->count);
	n -= copy_from_user_partial(dst, it->single.base + it->offset, n);
	took(it, n);
	return n;
}

size_t copy_to_iter_atomic(const void *src, size_t n, struct iov_iter *it)
{
	size_t done;

	pagefault_disable();
	done = copy_to_iter(src, n, it);
	pagefault_enable();
	return done;
}

size_t copy_from_iter_atomic(void *dst, size_t n, struct iov_iter *it)
{
	size_t done;

	pagefault_disable();
	done = copy_from_iter(dst, n, it);
	pagefault_enable();
	return done;
}

size_t zero_iter(size_t n, struct iov_iter *it)
{
	struct piece p;
	size_t done = 0;

	while (step(it, n - done, &p)) {
		size_t missed = 0;

		if (it->kind == ITER_USER)
			missed = clear_user_partial(p.u, p.len);
		else
			memset(p.k, 0, p.len);
		took(it, p.len - missed);
		done += p.len - missed;
		if (missed)
			break;
	}
	return done;
}

/* Touch one byte of each page of the next n bytes. */
int iov_iter_fault_in_readable(const struct iov_iter *from, size_t n)
{
	struct iov_iter it = *from;
	struct piece p;
	bool first = true;

	if (it.kind != ITER_USER)
		return 0;
	while (step(&it, n, &p)) {
		uaddr_t at = p.u, end = p.u + p.len;

		while (at < end) {
			u8 byte;

			if (get_user(byte, at))
				return first ? -EFAULT : 0;
			first = false;
			at = ALIGN_DOWN(at, PAGE_SIZE) + PAGE_SIZE;
		}
		took(&it, p.len);
		n -= p.len;
	}
	return 0;
}

struct page *iov_iter_page(struct iov_iter *it, size_t want, u32 *offset, u32 *len)
{
	struct piece p;

	if (!step(it, want, &p))
		return NULL;
	*offset = it->bvec->offset + (u32)it->offset;
	*len = (u32)p.len;
	return it->bvec->page;
}

size_t iov_iter_get_pages(struct iov_iter *it, struct bvec *vec, u32 *nr)
{
	struct piece p;

	return step(it, it->count, &p) ? mm_get_pages(p.u, p.len, vec, nr) : 0;
}

bool iov_iter_is_aligned(const struct iov_iter *from, u64 mask)
{
	struct iov_iter it = *from;
	struct piece p;

	while (step(&it, it.count, &p)) {
		u64 at = it.kind == ITER_USER ? p.u : (u64)p.k;

		if ((at | p.len) & mask)
			return false;
		took(&it, p.len);
	}
	return true;
}

ssize_t iovec_from_user(uaddr_t uvec, u64 nr, struct iovec *fast, struct iovec **out)
{
	struct iovec *iov = fast;
	u64 total = 0;

	*out = NULL;
	if (nr > IOV_MAX)
		return -EINVAL;
	if (nr > IOV_FAST) {
		iov = kmalloc(nr * sizeof(*iov), GFP_KERNEL);
		if (!iov)
			return -ENOMEM;
	}
	if (copy_from_user(iov, uvec, nr * sizeof(*iov)))
		goto fault;
	for (u64 i = 0; i < nr; i++) {
		if ((s64)iov[i].len < 0) {
			total = -EINVAL;
			goto fail;
		}
		if (!user_range_ok(iov[i].base, iov[i].len))
			goto fault;
		/* As Linux: one call moves at most INT_MAX rounded down to a page. */
		iov[i].len = min(iov[i].len, (INT_MAX & PAGE_MASK) - total);
		total += iov[i].len;
	}
	*out = iov;
	return total;
fault:
	total = -EFAULT;
fail:
	if (iov != fast)
		kfree(iov);
	return total;
}
