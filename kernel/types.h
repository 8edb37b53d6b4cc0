/* SPDX-License-Identifier: MIT */
/* Basic types and macros, included by everything. Needs no other header. */
#pragma once

#ifndef __ASSEMBLER__

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long u64;
typedef signed char s8;
typedef short s16;
typedef int s32;
typedef long s64;

typedef unsigned long size_t;
typedef long ssize_t;
typedef long ptrdiff_t;
typedef unsigned long uintptr_t;
typedef long intptr_t;
typedef u8 uint8_t;
typedef u16 uint16_t;
typedef u32 uint32_t;
typedef u64 uint64_t;
typedef s32 int32_t;
typedef s64 int64_t;

#define bool _Bool
#define true 1
#define false 0
#define NULL ((void *)0)

typedef u64 paddr_t;		/* physical address */
typedef u64 pfn_t;		/* physical page number: paddr >> PAGE_SHIFT */
typedef u64 uaddr_t;		/* user virtual address: only uaccess turns one into memory */
typedef u64 ktime_t;		/* ns of CLOCK_MONOTONIC */
typedef s64 loff_t;		/* byte offset in a file */
typedef u64 sector_t;		/* 512-byte units on a block device */
typedef u32 umode_t;		/* S_IF* and permission bits */
typedef u32 dev_t;		/* kernel form: MKDEV(major, minor) */
typedef s32 pid_t;
typedef u32 uid_t;
typedef u32 gid_t;

#define offsetof(type, member)	__builtin_offsetof(type, member)
#define sizeof_member(type, member)	sizeof(((type *)0)->member)
#define container_of(ptr, type, member) \
	((type *)((char *)(ptr) - offsetof(type, member)))
#define ARRAY_SIZE(a)		(sizeof(a) / sizeof((a)[0]))

#define likely(x)		__builtin_expect(!!(x), 1)
#define unlikely(x)		__builtin_expect(!!(x), 0)
#define barrier()		__asm__ volatile("" ::: "memory")

/* One access the compiler may neither tear, repeat nor drop. */
#define READ_ONCE(x)		(*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, v)	(*(volatile __typeof__(x) *)&(x) = (v))

/* Each use has variables of its own names, so that uses nest without shadowing. */
#define CONCAT_(a, b)		a##b
#define CONCAT(a, b)		CONCAT_(a, b)
#define PICK_(a, op, b, x, y) ({ __typeof__(a) x = (a); __typeof__(b) y = (b); \
	(void)(&x == &y); x op y ? x : y; })
#define min(a, b)	PICK_(a, <, b, CONCAT(_a, __COUNTER__), CONCAT(_b, __COUNTER__))
#define max(a, b)	PICK_(a, >, b, CONCAT(_a, __COUNTER__), CONCAT(_b, __COUNTER__))
#define min_t(t, a, b) ({ t _a = (a); t _b = (b); _a < _b ? _a : _b; })
#define max_t(t, a, b) ({ t _a = (a); t _b = (b); _a > _b ? _a : _b; })
#define clamp(v, lo, hi) ({ __typeof__(v) _v = (v), _lo = (lo), _hi = (hi); \
	_v < _lo ? _lo : _v > _hi ? _hi : _v; })
#define swap(a, b) do { __typeof__(a) _t = (a); (a) = (b); (b) = _t; } while (0)

#define __must_check		__attribute__((warn_unused_result))
#define __packed		__attribute__((packed))
#define __aligned(n)		__attribute__((aligned(n)))
/* what the function gives is a multiple of n */
#define __gives_aligned(n)	__attribute__((assume_aligned(n)))
#define __noreturn		__attribute__((noreturn))
#define __printf(f, a)		__attribute__((format(printf, f, a)))
#define __always_inline		inline __attribute__((always_inline))
#define __noinline		__attribute__((noinline))
#define __used			__attribute__((used))
#define __section(s)		__attribute__((section(s)))
#define __cacheline_aligned	__aligned(64)

/* Code and data that only boot needs; freed when init starts. */
#define __init			__section(".init.text") __attribute__((cold))
#define __initdata		__section(".init.data")
/* Written before init starts, read-only after. */
#define __ro_after_init		__section(".data.ro_after_init")

#define INT_MAX			0x7fffffff
#define U32_MAX			0xffffffffu
#define S64_MAX			0x7fffffffffffffffl
#define U64_MAX			0xffffffffffffffffull

#define NS_PER_US		1000ull
#define NS_PER_MS		1000000ull
#define NS_PER_SEC		1000000000ull

/* Device numbers: 12 bits of major, 20 of minor, as Linux's kernel form. */
#define MKDEV(ma, mi)		(((u32)(ma) << 20) | (mi))
#define MAJOR(dev)		((dev) >> 20)
#define MINOR(dev)		((dev) & 0xfffff)

#endif /* __ASSEMBLER__ */

#ifdef __ASSEMBLER__
#define BIT(n)			(1 << (n))
#else
#define BIT(n)			(1ul << (n))
#endif
#define GENMASK(hi, lo)		((~0ul << (lo)) & (~0ul >> (63 - (hi))))
#define ALIGN_UP(x, a)		(((x) + ((a) - 1)) & ~((__typeof__(x))(a) - 1))
#define ALIGN_DOWN(x, a)	((x) & ~((__typeof__(x))(a) - 1))
#define IS_ALIGNED(x, a)	(((x) & ((__typeof__(x))(a) - 1)) == 0)
#define DIV_ROUND_UP(n, d)	(((n) + (d) - 1) / (d))
