/* SPDX-License-Identifier: MIT */
/*
 * Atomic integers and reference counts.
 *
 * Read-modify-write operations that return a value are fully ordered (Linux's
 * rule, so that readers need not learn a second one); those that return nothing
 * and the plain read and set are relaxed.
 */
#pragma once
#include <kernel/types.h>

typedef struct { s32 v; } atomic_t;
typedef struct { s64 v; } atomic64_t;

#define atomic_read(a)			__atomic_load_n(&(a)->v, __ATOMIC_RELAXED)
#define atomic_set(a, i)		((void)WRITE_ONCE((a)->v, (i)))
#define atomic_add(a, i)		((void)__atomic_fetch_add(&(a)->v, (i), __ATOMIC_RELAXED))
#define atomic_sub(a, i)		((void)__atomic_fetch_sub(&(a)->v, (i), __ATOMIC_RELAXED))
#define atomic_inc(a)			atomic_add(a, 1)
#define atomic_dec(a)			atomic_sub(a, 1)
#define atomic_add_return(a, i)		__atomic_add_fetch(&(a)->v, (i), __ATOMIC_SEQ_CST)
#define atomic_sub_return(a, i)		__atomic_sub_fetch(&(a)->v, (i), __ATOMIC_SEQ_CST)
#define atomic_dec_return(a)		atomic_sub_return(a, 1)
#define atomic_xchg(a, i)		__atomic_exchange_n(&(a)->v, (i), __ATOMIC_SEQ_CST)
/* True if *a was old and now is new. */
#define atomic_cas(a, old, new) ({ \
	__typeof__((a)->v) _o = (old); \
	__atomic_compare_exchange_n(&(a)->v, &_o, (new), false, \
				    __ATOMIC_SEQ_CST, __ATOMIC_RELAXED); })

/* Fences between CPUs (normal memory). Device ordering: <arch/io.h>. */
#define smp_mb()	__atomic_thread_fence(__ATOMIC_SEQ_CST)
#define smp_rmb()	__atomic_thread_fence(__ATOMIC_ACQUIRE)
#define smp_wmb()	__atomic_thread_fence(__ATOMIC_RELEASE)
#define smp_load_acquire(p)	__atomic_load_n((p), __ATOMIC_ACQUIRE)
/* A plain store behind a fence: gcc 12 makes an atomic swap of every atomic store. */
#define smp_store_release(p, v)	({ smp_wmb(); WRITE_ONCE(*(p), (v)); })

/*
 * Reference count. Saturates instead of wrapping: an object that leaks is
 * better than one freed in use. refcount_dec() is true for the last one.
 */
typedef struct { u32 v; } refcount_t;
#define REFCOUNT_SATURATED	0xc0000000u
#define REFCOUNT_INIT(n)	{ (n) }

void refcount_report(refcount_t *r);	/* warns, sets to saturated */

static inline void refcount_set(refcount_t *r, u32 n)
{
	WRITE_ONCE(r->v, n);
}

static inline u32 refcount_read(const refcount_t *r)
{
	return __atomic_load_n(&r->v, __ATOMIC_RELAXED);
}

static inline void refcount_inc(refcount_t *r)
{
	u32 old = __atomic_fetch_add(&r->v, 1, __ATOMIC_RELAXED);

	if (unlikely(old == 0 || old >= 0x80000000u))
		refcount_report(r);
}

/* For lock-free lookups: false when the object is already dying. */
static inline bool __must_check refcount_inc_not_zero(refcount_t *r)
{
	u32 old = __atomic_load_n(&r->v, __ATOMIC_RELAXED);

	do {
		if (!old)
			return false;
	} while (!__atomic_compare_exchange_n(&r->v, &old, old + 1, true,
					      __ATOMIC_ACQUIRE, __ATOMIC_RELAXED));
	return true;
}

/* Give one back unless it is the last, or there is something to report: false, then nothing was done. */
static inline bool __must_check refcount_dec_not_last(refcount_t *r)
{
	u32 old = __atomic_load_n(&r->v, __ATOMIC_RELAXED);

	do {
		if (old <= 1 || old >= 0x80000000u)
			return false;
	} while (!__atomic_compare_exchange_n(&r->v, &old, old - 1, true,
					      __ATOMIC_RELEASE, __ATOMIC_RELAXED));
	return true;
}

static inline bool __must_check refcount_dec(refcount_t *r)
{
	u32 old = __atomic_fetch_sub(&r->v, 1, __ATOMIC_ACQ_REL);

	if (unlikely(old == 0 || old >= 0x80000000u)) {
		refcount_report(r);
		return false;
	}
	return old == 1;
}
