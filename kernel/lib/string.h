/* SPDX-License-Identifier: MIT */
/* Strings and memory. memcpy, memset and memmove are assembly (arch/riscv/lib). */
#pragma once
#include <kernel/types.h>

void *memcpy(void *dst, const void *src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
/* As -ffreestanding has it, each would be a call; the compiler may do few bytes in place. */
#define memcpy(...)	__builtin_memcpy(__VA_ARGS__)
#define memmove(...)	__builtin_memmove(__VA_ARGS__)
#define memset(...)	__builtin_memset(__VA_ARGS__)
#define memcmp(...)	__builtin_memcmp(__VA_ARGS__)
/* Of secrets: also where nobody reads what was there any more. */
static inline void memwipe(void *p, size_t n)
{
	memset(p, 0, n);
	__asm__ volatile("" : : "r"(p) : "memory");
}
void *memchr(const void *s, int c, size_t n);
size_t strlen(const char *s);
size_t strnlen(const char *s, size_t max);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
char *strchr(const char *s, int c);
char *strrchr(const char *s, int c);
char *strstr(const char *s, const char *what);
/* Copies at most size-1 bytes and terminates; length of the result, or -E2BIG if cut. */
ssize_t strscpy(char *dst, const char *src, size_t size);
/*
 * Number in base 0 (by prefix), 8, 10 or 16; the whole
 * string but a final newline. 0, -EINVAL, -ERANGE.
 */
int __must_check kstrtou64(const char *s, unsigned base, u64 *out);
int __must_check kstrtos64(const char *s, unsigned base, s64 *out);
