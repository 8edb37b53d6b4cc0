/* SPDX-License-Identifier: MIT */
/*
 * lwIP's variables as members of an instance (scripts/lwip.py made them so).
 *
 * LWI(lwi_NAME) is the member of the instance whose block the running thread
 * points to: inet_lock() has set it (net/inet/stack.c). A member costs what a field
 * of a structure costs.
 *
 * A new block is zero but for what the records say: for each, its image is copied,
 * and where `relative` the block's address is added to each word of it.
 */
#pragma once
#include <kernel/types.h>

struct lwi_record {
	u32 offset, size, relative;
	const void *image;
};
extern const struct lwi_record __start_lwi_init[], __stop_lwi_init[];	/* linker script */

#ifdef LWI_SIZES
/* First pass: real variables, so that their sizes can be read off the objects. */
#define LWI_VAR
#define LWI_LOCAL		static __used
#define LWI_EXTERN		extern
#define LWI(q)			(q)
#define LWI_RELATIVE(q)		(q)
#define LWI_RECORD(q, relative)	_Static_assert(sizeof(q##_image) == sizeof(q), #q)
#else
#include <generated/lwip_layout.h>
#include <arch/current.h>
static __always_inline char *lwip_self(void)
{
	return thread_info()->inet_block;
}
#define LWI_VAR			extern
#define LWI_LOCAL		extern
#define LWI_EXTERN		extern
/* 0, or an error where this pass sees another size or alignment than the first did. */
#define LWI_FITS(q) \
	(sizeof(char[sizeof(q) == LWI_SIZE_##q && LWI_OFFSET_##q % _Alignof(__typeof__(q)) == 0 ? 1 : -1]) - 1)
#define LWI(q)			(*(__typeof__(q) *)(lwip_self() + LWI_OFFSET_##q + LWI_FITS(q)))
#define LWI_RELATIVE(q)		(*(__typeof__(q) *)(uintptr_t)LWI_OFFSET_##q)
/* The records are an array: without the alignment a compiler may pad them apart. */
#define LWI_RECORD(q, is_relative) \
	static const struct lwi_record q##_record \
	__attribute__((section("lwi_init"), used, aligned(_Alignof(struct lwi_record)))) = { \
		LWI_OFFSET_##q, LWI_SIZE_##q + 0 * sizeof(char[sizeof(q##_image) == LWI_SIZE_##q ? 1 : -1]), \
		is_relative, &q##_image }
#endif
