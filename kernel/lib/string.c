/* SPDX-License-Identifier: MIT */
/* Strings and memory comparison (contracts: string.h and ISO C 7.24). */
#include <kernel/lib/string.h>
#include <kernel/errno.h>

#define ONES	0x0101010101010101ul
#define HIGHS	0x8080808080808080ul

/* Nonzero if one of the eight bytes is zero. */
static inline u64 has_zero_byte(u64 v)
{
	return (v - ONES) & ~v & HIGHS;
}

int (memcmp)(const void *a, const void *b, size_t n)
{
	const u8 *p = a, *q = b;

	if (!(((u64)p | (u64)q) & 7)) {
		for (; n >= 8 && *(const u64 *)p == *(const u64 *)q; n -= 8) {
			p += 8;
			q += 8;
		}
	}
	for (; n; n--, p++, q++) {
		if (*p != *q)
			return *p - *q;
	}
	return 0;
}

void *memchr(const void *s, int c, size_t n)
{
	const u8 *p = s;

	for (; n; n--, p++) {
		if (*p == (u8)c)
			return (void *)p;
	}
	return NULL;
}

/* Whole words never cross a page, so reading past the NUL within its word is safe. */
size_t strlen(const char *s)
{
	const char *p = s;

	for (; (u64)p & 7; p++) {
		if (!*p)
			return p - s;
	}
	while (!has_zero_byte(*(const u64 *)p))
		p += 8;
	while (*p)
		p++;
	return p - s;
}

size_t strnlen(const char *s, size_t max)
{
	const char *end = memchr(s, 0, max);

	return end ? (size_t)(end - s) : max;
}

int strcmp(const char *a, const char *b)
{
	for (; *a && *a == *b; a++)
		b++;
	return (u8)*a - (u8)*b;
}

int strncmp(const char *a, const char *b, size_t n)
{
	for (; n && *a && *a == *b; n--, a++)
		b++;
	return n ? (u8)*a - (u8)*b : 0;
}

char *strchr(const char *s, int c)
{
	for (; *s != (char)c; s++) {
		if (!*s)
			return NULL;
	}
	return (char *)s;
}

char *strrchr(const char *s, int c)
{
	const char *found = NULL;

	do {
		if (*s == (char)c)
			found = s;
	} while (*s++);
	return (char *)found;
}

char *strstr(const char *s, const char *what)
{
	size_t n = strlen(what);

	for (; *s || !n; s++) {
		if (!strncmp(s, what, n))
			return (char *)s;
	}
	return NULL;
}

ssize_t strscpy(char *dst, const char *src, size_t size)
{
	size_t n;

	if (!size)
		return -E2BIG;
	n = strnlen(src, size);
	if (n == size) {
		memcpy(dst, src, size - 1);
		dst[size - 1] = '\0';
		return -E2BIG;
	}
	memcpy(dst, src, n + 1);
	return n;
}
