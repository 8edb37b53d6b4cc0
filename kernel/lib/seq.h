/* SPDX-License-Identifier: MIT */
/*
 * Text that is generated into a buffer which may turn out too small. The
 * generators never fail and never allocate: when len has passed size, what the
 * caller saw is cut, and it runs the generator again with a larger buffer.
 */
#pragma once
#include <kernel/types.h>
#include <kernel/printk.h>

struct seq {
	char *buf;
	size_t size;
	size_t len;		/* bytes wanted so far; over size: cut */
};

void __printf(2, 3) seq_printf(struct seq *s, const char *fmt, ...);
void seq_puts(struct seq *s, const char *text);
void seq_putc(struct seq *s, char c);
void seq_write(struct seq *s, const void *data, size_t len);
/* Text with the bytes of esc, and backslash, as \ooo (as /proc/mounts has them). */
void seq_escape(struct seq *s, const char *text, const char *esc);

/* The same, but backslash stays (paths in maps). */
void seq_escape_only(struct seq *s, const char *text, const char *esc);
/* Set bits as a list of ranges: 0-3,5. */
void seq_bit_list(struct seq *s, u64 mask);

static inline bool seq_is_cut(const struct seq *s)
{
	return s->len > s->size;
}
