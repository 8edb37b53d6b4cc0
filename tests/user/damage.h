/* SPDX-License-Identifier: MIT */
/*
 * Lies in the metadata of a small ext2 image, one to four in each: what image N is told is drawn
 * from N alone, so that it is the same in every run, in a guest (disk_damaged.c) and on the
 * host (tests/fuzz/fuzz_ext2.c). Fill stock and bytes, and call damage_geometry() first.
 */
#ifndef DAMAGE_H
#define DAMAGE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#ifndef ARRAY_SIZE
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#endif
#define IMAGE_MAX	(1024 * 1024)

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;

static u8 stock[IMAGE_MAX], image[IMAGE_MAX];
static u32 bytes, block_bytes, blocks, inodes, inode_bytes, inode_table, block_bitmap, inode_bitmap;
static char lies[400];
static unsigned long long seed;

static u32 rnd(u32 below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (u32)(seed >> 20) % below;
}

static u32 get(u32 at) { u32 v; memcpy(&v, image + at, 4); return v; }
static u16 get16(u32 at) { u16 v; memcpy(&v, image + at, 2); return v; }
static void put(u32 at, u32 v) { memcpy(image + at, &v, 4); }
static void put16(u32 at, u16 v) { memcpy(image + at, &v, 2); }

static void __attribute__((format(printf, 1, 2))) lie(const char *format, ...)
{
	size_t n = strlen(lies);
	va_list args;

	va_start(args, format);
	vsnprintf(lies + n, sizeof(lies) - n, format, args);
	va_end(args);
}

/* --- lies --- */

/* A number nobody should believe, in place of old. */
static u32 hostile(u32 old)
{
	const u32 values[] = {
		0, 1, 2, 3, 0xffffffff, 0x7fffffff, 0x80000000, 0xffff, 0x8000, old + 1, old - 1, old * 2, old / 2,
		old ^ 1u << rnd(32), blocks, blocks - 1, blocks + 1, inodes, inodes + 1, block_bytes, block_bitmap,
		inode_bitmap, inode_table, inode_table + 1, block_bytes == 1024 ? 2 : 1, rnd(blocks), rnd(0xffffffff),
	};

	return values[rnd(ARRAY_SIZE(values))];
}

static u32 inode_at(u32 ino) { return inode_table * block_bytes + (ino - 1) * inode_bytes; }

static u32 used_inode(void)
{
	for (;;) {
		u32 ino = rnd(6) ? 11 + rnd(inodes - 11) : 2;

		if (get16(inode_at(ino)) && get16(inode_at(ino) + 26))
			return ino;
	}
}

static bool is(u32 ino, u32 type) { return (get16(inode_at(ino)) & 0xf000) == type; }

static void lie_super(void)
{
	/* The magic number and errors= (panic) are left: they do what they say. */
	u32 at;

	do
		at = rnd(26);
	while (at == 14 || at == 15);
	lie(" super[%u]=%#x", at, 0);
	put(1024 + at * 4, hostile(get(1024 + at * 4)));
	lie("->%#x", get(1024 + at * 4));
}

static void lie_group(void)
{
	u32 at = (1024 / block_bytes + 1) * block_bytes + rnd(5) * 4;

	put(at, hostile(get(at)));
	lie(" group[%u]=%#x", at % 32 / 4, get(at));
}

static void lie_bitmap(void)
{
	u32 at = (rnd(2) ? block_bitmap : inode_bitmap) * block_bytes, how = rnd(3);

	lie(" bitmap %u how %u", at / block_bytes, how);
	if (how < 2)
		memset(image + at, how ? 0xff : 0, block_bytes);
	else
		for (int i = 0; i < 20; i++)
			image[at + rnd(blocks / 8)] ^= (u8)rnd(256);
}

static void lie_inode(void)
{
	static const u8 fields[] = { 0, 4, 4, 24, 28, 32, 40, 44, 48, 84, 88, 92, 96, 104, 108, 108, 128 };
	u32 ino = used_inode(), field = fields[rnd(ARRAY_SIZE(fields))], at = inode_at(ino) + field;

	if (field == 0 || field == 24) {
		u32 half = at + (field ? 2 : 0);

		put16(half, rnd(2) ? (u16)hostile(get16(half)) : (u16)(rnd(16) << 12 | 0777));
	} else {
		put(at, hostile(get(at)));
	}
	lie(" inode %u field %u=%#x", ino, field, get(at));
}

/* Pointers into what is in use: another's block, itself, a directory, metadata. */
static void lie_pointer(void)
{
	u32 ino = used_inode(), other = used_inode(), from = rnd(15), to = rnd(15),
	    at = inode_at(ino) + 40 + from * 4;
	u32 v = get(inode_at(other) + 40 + to * 4);

	put(at, v && v < blocks ? v : inode_table);
	lie(" inode %u block[%u]=%u", ino, from, get(at));
}

static void lie_indirect(void)
{
	u32 ino, top, at, level;

	for (int tries = 0; ; tries++) {
		ino = used_inode();
		level = rnd(3);
		top = get(inode_at(ino) + 40 + (12 + level) * 4);
		if (!is(ino, 0xa000) && top && top < blocks)
			break;
		if (tries > 200)
			return;
	}
	for (; level && rnd(2); level--) {
		u32 next = get(top * block_bytes);

		if (next && next < blocks)
			top = next;
	}
	at = top * block_bytes + (rnd(2) ? rnd(8) : rnd(block_bytes / 4)) * 4;
	put(at, rnd(3) ? hostile(get(at)) : top);
	lie(" inode %u indirect %u[%u]=%#x", ino, top, at % block_bytes / 4, get(at));
}

static u32 directory_block(void)
{
	for (;;) {
		u32 ino = used_inode(), b;

		if (!is(ino, 0x4000))
			continue;
		b = get(inode_at(ino) + 40 + rnd(12) * 4);
		if (b && b < blocks)
			return b * block_bytes;
	}
}

static void lie_record(void)
{
	u32 base = directory_block(), at = base, how = rnd(7), steps = rnd(6);

	while (steps-- && get16(at + 4) >= 12 && at + get16(at + 4) + 12 < base + block_bytes)
		at += get16(at + 4);
	switch (how) {
	case 0:
		put(at, hostile(get(at)));
		break;
	case 1:
		put(at, used_inode());
		break;
	case 2:
		put16(at + 4, (u16)hostile(get16(at + 4)));
		break;
	case 3:
		image[at + 6] = (u8)hostile(image[at + 6]);
		break;
	case 4:
		image[at + 7] = (u8)hostile(image[at + 7]);
		break;
	case 5:
		image[at + 8 + rnd(4)] = (u8)"\0/.\x80"[rnd(4)];
		break;
	default:
		put16(at + 4, 0);
	}
	lie(" record at %u+%u how %u: ino %u rec_len %u name_len %u", base / block_bytes, at - base,
	    how, get(at), get16(at + 4), image[at + 6]);
}

static void lie_symlink(void)
{
	static const u32 sizes[] = { 0, 59, 60, 61, 255, 1023, 1024, 4095, 4096, 65536, 0x7fffffff, 0xffffffff };

	for (int tries = 0; tries < 400; tries++) {
		u32 ino = used_inode();

		if (!is(ino, 0xa000))
			continue;
		put(inode_at(ino) + (rnd(3) ? 4 : 28), sizes[rnd(ARRAY_SIZE(sizes))]);
		lie(" symlink %u size %u blocks %u", ino, get(inode_at(ino) + 4),
		    get(inode_at(ino) + 28));
		return;
	}
}

static void lie_noise(void)
{
	u32 end = (inode_table + inodes * inode_bytes / block_bytes) * block_bytes, n = 1 + rnd(64);

	for (u32 i = 0; i < n; i++) {
		u32 at = 1024 + rnd(end - 1024);

		if (at / 4 != (1024 + 60) / 4 && at / 4 != (1024 + 56) / 4)
			image[at] = (u8)rnd(256);
	}
	lie(" noise %u", n);
}

static const struct { const char *name; void (*lie)(void); } kinds[] = {
	{ "superblock", lie_super }, { "group", lie_group }, { "bitmap", lie_bitmap }, { "inode", lie_inode },
	{ "pointer", lie_pointer }, { "indirect", lie_indirect }, { "record", lie_record }, { "symlink", lie_symlink },
	{ "noise", lie_noise },
};

static void make_image(u32 number)
{
	u32 n;

	seed = 0x9e3779b97f4a7c15ull * (number + 1);
	for (int i = 0; i < 8; i++)
		rnd(2);
	memcpy(image, stock, bytes);
	lies[0] = 0;
	kinds[number % ARRAY_SIZE(kinds)].lie();
	for (n = rnd(3); n; n--)
		kinds[rnd(ARRAY_SIZE(kinds))].lie();
}

/* What make_image() goes by, of stock. False: it is too small. */
static bool damage_geometry(void)
{
	if (bytes < 65536)
		return false;
	memcpy(image, stock, bytes);
	block_bytes = 1024u << get(1024 + 24);
	inodes = get(1024);
	blocks = get(1024 + 4);
	inode_bytes = get16(1024 + 88);
	block_bitmap = get((1024 / block_bytes + 1) * block_bytes);
	inode_bitmap = get((1024 / block_bytes + 1) * block_bytes + 4);
	inode_table = get((1024 / block_bytes + 1) * block_bytes + 8);
	return true;
}

#endif
