/* SPDX-License-Identifier: MIT */
#include <kernel/lib/bitmap.h>

/* The first bit in [from, bits) of the map with every word XORed by flip. */
static u64 find(const u64 *map, u64 bits, u64 from, u64 flip)
{
	u64 w = from / 64, word;

	if (from >= bits)
		return bits;
	word = (READ_ONCE(map[w]) ^ flip) & (~0ul << (from % 64));
	while (!word) {
		if (++w * 64 >= bits)
			return bits;
		word = READ_ONCE(map[w]) ^ flip;
	}
	from = w * 64 + ctz64(word);
	return from < bits ? from : bits;
}

u64 bitmap_find_set(const u64 *map, u64 bits, u64 from)
{
	return find(map, bits, from, 0);
}

u64 bitmap_find_clear(const u64 *map, u64 bits, u64 from)
{
	return find(map, bits, from, ~0ul);
}

u64 bitmap_count(const u64 *map, u64 bits)
{
	u64 n = 0;

	for (u64 i = bitmap_find_set(map, bits, 0); i < bits; i = bitmap_find_set(map, bits, i + 1))
		n++;
	return n;
}
