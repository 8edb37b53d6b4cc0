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
#include <arch/csr.h>
#include <arch/layout.h>
#include <arch/trap.h>

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

/*
 * Aligned words, without a call: addr is checked by the caller. A fault that
 * nobody resolves goes to the label; SUM is then still set.
 */
#define user_word(insn, type, name) \
static inline int __must_check user_load_##name(type *out, uaddr_t addr) \
{ \
	u64 v; \
	__asm__ goto volatile("csrs sstatus, %[sum]\n" \
			      "1: l" insn " %[v], 0(%[addr])\n" \
			      "csrc sstatus, %[sum]\n" EX_TABLE(1b, %l[fault]) \
			      : [v] "=&r"(v) : [addr] "r"(addr), [sum] "r"(SR_SUM) : "memory" : fault); \
	*out = (type)v; \
	return 0; \
fault: \
	csr_clear(sstatus, SR_SUM); \
	return -EFAULT; \
} \
static inline int __must_check user_store_##name(uaddr_t addr, type v) \
{ \
	__asm__ goto volatile("csrs sstatus, %[sum]\n" \
			      "1: s" insn " %[v], 0(%[addr])\n" \
			      "csrc sstatus, %[sum]\n" EX_TABLE(1b, %l[fault]) \
			      : : [v] "r"(v), [addr] "r"(addr), [sum] "r"(SR_SUM) : "memory" : fault); \
	return 0; \
fault: \
	csr_clear(sstatus, SR_SUM); \
	return -EFAULT; \
}
user_word("w", u32, u32)
user_word("d", u64, u64)
#undef user_word

/* In the user half, and a multiple of the size: what the word forms take. */
static __always_inline bool user_word_ok(uaddr_t addr, size_t size)
{
	return !(addr & (size - 1)) && addr < TASK_SIZE;
}

static __always_inline int __must_check get_user_scalar(void *x, uaddr_t addr, size_t size)
{
	if (size == sizeof(u32) && likely(user_word_ok(addr, size)))
		return user_load_u32(x, addr);
	if (size == sizeof(u64) && likely(user_word_ok(addr, size)))
		return user_load_u64(x, addr);
	return copy_from_user(x, addr, size);
}

static __always_inline int __must_check put_user_scalar(const void *x, uaddr_t addr, size_t size)
{
	if (size == sizeof(u32) && likely(user_word_ok(addr, size)))
		return user_store_u32(addr, *(const u32 *)x);
	if (size == sizeof(u64) && likely(user_word_ok(addr, size)))
		return user_store_u64(addr, *(const u64 *)x);
	return copy_to_user(addr, x, size);
}

/* One scalar, of x's type, best aligned. 0 or -EFAULT. */
#define get_user(x, uaddr)	get_user_scalar(&(x), (uaddr), sizeof(x))
#define put_user(x, uaddr) ({ \
	__typeof__(x) _x = (x); \
	put_user_scalar(&_x, (uaddr), sizeof(_x)); })

/*
 * Compare and swap of an aligned user word, for futexes. Fully ordered where it
 * swaps. 0 or -EFAULT; *old is what was there: the swap happened if it is expected.
 */
int __must_check user_cas_u32(uaddr_t uaddr, u32 expected, u32 desired, u32 *old);

/* A fault in the kernel between these is an error at once: nothing is brought in. They nest. */
#define pagefault_disable()	do { current->pagefault_disabled++; barrier(); } while (0)
#define pagefault_enable()	do { barrier(); current->pagefault_disabled--; } while (0)
