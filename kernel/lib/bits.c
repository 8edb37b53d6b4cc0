/* SPDX-License-Identifier: MIT */
/*
 * Bit operations that the compiler calls by name where the instruction set has
 * none (baseline without Zbb). No library is linked: the toolchain's is built for
 * another floating-point ABI.
 *
 * ctz by a de Bruijn sequence (Leiserson, Prokop, Randall, 1998): the product of
 * the lowest set bit with it has a different value in its top six bits for each
 * of the 64 bits.
 */
#include <kernel/types.h>

int __ctzdi2(u64 v);
int __clzdi2(u64 v);
int __popcountdi2(u64 v);
u64 __bswapdi2(u64 v);
u32 __bswapsi2(u32 v);

#define DE_BRUIJN	0x03f79d71b4cb0a89ul

static const u8 ctz_of[64] = {
	0, 1, 48, 2, 57, 49, 28, 3, 61, 58, 50, 42, 38, 29, 17, 4,
	62, 55, 59, 36, 53, 51, 43, 22, 45, 39, 33, 30, 24, 18, 12, 5,
	63, 47, 56, 27, 60, 41, 37, 16, 54, 35, 52, 21, 44, 32, 23, 11,
	46, 26, 40, 15, 34, 20, 31, 10, 25, 14, 19, 9, 13, 8, 7, 6,
};

int __ctzdi2(u64 v)
{
	return ctz_of[((v & -v) * DE_BRUIJN) >> 58];
}

int __clzdi2(u64 v)
{
	/* Fill below the highest bit; what is left is one bit above it. */
	v |= v >> 1;
	v |= v >> 2;
	v |= v >> 4;
	v |= v >> 8;
	v |= v >> 16;
	v |= v >> 32;
	return 63 - ctz_of[((v ^ (v >> 1)) * DE_BRUIJN) >> 58];
}

int __popcountdi2(u64 v)
{
	v -= v >> 1 & 0x5555555555555555ul;
	v = (v & 0x3333333333333333ul) + (v >> 2 & 0x3333333333333333ul);
	v = (v + (v >> 4)) & 0x0f0f0f0f0f0f0f0ful;
	return v * 0x0101010101010101ul >> 56;
}

u32 __bswapsi2(u32 v)
{
	return v >> 24 | (v >> 8 & 0xff00) | (v << 8 & 0xff0000) | v << 24;
}

u64 __bswapdi2(u64 v)
{
	return (u64)__bswapsi2(v) << 32 | __bswapsi2(v >> 32);
}
