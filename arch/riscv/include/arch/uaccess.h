/* SPDX-License-Identifier: MIT */
/*
 * The only way to user memory. Each call checks the range, sets sstatus.SUM for
 * the copy alone, and an exception-table entry turns an unresolved fault into
 * the error. May fault and sleep: no spinlock held, unless page faults are
 * disabled (pagefault_disable()), when a missing page is an error at once.
 */
#pragma once
#include <kernel/types.h>
#include <kernel/errno.h>
#include <arch/layout.h>

/* Bytes NOT copied: 0 is success. The part before the fault was copied. */
size_t __must_check copy_from_user_partial(void *dst, uaddr_t src, size_t n);
size_t __must_check copy_to_user_partial(uaddr_t dst, const void *src, size_t n);
size_t __must_check clear_user_partial(uaddr_t dst, size_t n);

/* 0 or -EFAULT. */
static inline int __must_check copy_from_user(void *dst, uaddr_t src, size_t n)
{
	return copy_from_user_partial(dst, src, n) ? -EFAULT : 0;
}

static inline int __must_check copy_to_user(uaddr_t dst, const void *src, size_t n)
{
	return copy_to_user_partial(dst, src, n) ? -EFAULT : 0;
}

static inline int __must_check clear_user(uaddr_t dst, size_t n)
{
	return clear_user_partial(dst, n) ? -EFAULT : 0;
}

/* Length without the NUL, at most max; max if there is no NUL in max bytes; -EFAULT. */
ssize_t __must_check strncpy_from_user(char *dst, uaddr_t src, size_t max);
/* Length with the NUL; 0 on fault; max+1 if too long. */
size_t __must_check strnlen_user(uaddr_t s, size_t max);

/* One aligned scalar, of x's type. 0 or -EFAULT. */
#define get_user(x, uaddr)	copy_from_user(&(x), (uaddr), sizeof(x))
#define put_user(x, uaddr) ({ \
	__typeof__(x) _x = (x); \
	copy_to_user((uaddr), &_x, sizeof(_x)); })

/*
 * Compare and swap of an aligned user word, for futexes. Fully ordered where it
 * swaps. 0 or -EFAULT; *old is what was there: the swap happened if it is expected.
 */
int __must_check user_cas_u32(uaddr_t uaddr, u32 expected, u32 desired, u32 *old);

void pagefault_disable(void);
void pagefault_enable(void);
