/* SPDX-License-Identifier: MIT */
/* Bitmaps of u64 words. The caller's lock guards them unless the name says atomic. */
#pragma once
#include <kernel/types.h>

#define BITMAP_WORDS(bits)	DIV_ROUND_UP(bits, 64)
#define DECLARE_BITMAP(name, bits)	u64 name[BITMAP_WORDS(bits)]

static inline bool bitmap_test(const u64 *map, u64 bit)
{
	return READ_ONCE(map[bit / 64]) >> (bit % 64) & 1;
}
static inline void bitmap_set(u64 *map, u64 bit)
{
	map[bit / 64] |= 1ul << (bit % 64);
}
static inline void bitmap_clear(u64 *map, u64 bit)
{
	map[bit / 64] &= ~(1ul << (bit % 64));
}

/* First set or clear bit in [from, bits); bits if there is none. */
u64 bitmap_find_set(const u64 *map, u64 bits, u64 from);
u64 bitmap_find_clear(const u64 *map, u64 bits, u64 from);
u64 bitmap_count(const u64 *map, u64 bits);
/* Bit scans of one word without Zbb: ctz and clz are undefined for 0. */
static inline unsigned ctz64(u64 v)	{ return __builtin_ctzl(v); }
static inline unsigned fls64(u64 v)	{ return v ? 64 - __builtin_clzl(v) : 0; }
static inline unsigned ilog2(u64 v)	{ return fls64(v) - 1; }
