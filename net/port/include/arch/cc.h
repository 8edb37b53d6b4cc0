/* SPDX-License-Identifier: MIT */
/* What lwIP asks of compiler and platform: its types are the kernel's, its assertions ours. */
#pragma once
#include <kernel/types.h>
#include <kernel/bug.h>

typedef u8 u8_t;
typedef s8 s8_t;
typedef u16 u16_t;
typedef s16 s16_t;
typedef u32 u32_t;
typedef s32 s32_t;
typedef u64 u64_t;
typedef s64 s64_t;
typedef uintptr_t mem_ptr_t;
#define LWIP_HAVE_INT64		1

/* No header of a C library. */
#define LWIP_NO_STDDEF_H	1
#define LWIP_NO_STDINT_H	1
#define LWIP_NO_INTTYPES_H	1
#define LWIP_NO_LIMITS_H	1
#define LWIP_NO_CTYPE_H		1
#define LWIP_NO_UNISTD_H	1
#define SSIZE_MAX		S64_MAX
#define X8_F			"02x"
#define U16_F			"u"
#define S16_F			"d"
#define X16_F			"x"
#define U32_F			"u"
#define S32_F			"d"
#define X32_F			"x"
#define SZT_F			"lu"

#undef BYTE_ORDER
#define BYTE_ORDER		LITTLE_ENDIAN

#define LWIP_PLATFORM_DIAG(x)	((void)0)
#define LWIP_PLATFORM_ASSERT(x)	panic("lwIP: %s", x)
#if !defined(CONFIG_DEBUG_ASSERT) && !defined(UNIT_TEST)
#define LWIP_NOASSERT
#endif
#define LWIP_ERROR(message, expression, handler) do { \
	if (!(expression)) { \
		handler; \
	} \
} while (0)

/* Inline: without Zbb a builtin swap is a call. */
static inline u16 lwip_swap16(u16 x)
{
	return (u16)(x << 8 | x >> 8);
}

static inline u32 lwip_swap32(u32 x)
{
	return x << 24 | (x & 0xff00) << 8 | (x >> 8 & 0xff00) | x >> 24;
}
#define lwip_htons(x)		lwip_swap16(x)
#define lwip_htonl(x)		lwip_swap32(x)

u32 lwip_random(void);
#define LWIP_RAND()		lwip_random()
u16 lwip_checksum(const void *data, int len);
#define LWIP_CHKSUM		lwip_checksum

#include <net/port/instance.h>
