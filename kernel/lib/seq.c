/* SPDX-License-Identifier: MIT */
#include <kernel/lib/seq.h>
#include <kernel/lib/string.h>

void seq_write(struct seq *s, const void *data, size_t len)
{
	if (s->len < s->size)
		memcpy(s->buf + s->len, data, min(len, s->size - s->len));
	s->len += len;
}

void seq_puts(struct seq *s, const char *text)
{
	seq_write(s, text, strlen(text));
}

void seq_putc(struct seq *s, char c)
{
	seq_write(s, &c, 1);
}

void seq_printf(struct seq *s, const char *fmt, ...)
{
	size_t room = s->len < s->size ? s->size - s->len : 0;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(room ? s->buf + s->len : NULL, room, fmt, ap);
	va_end(ap);
	/* vsnprintf ends with a NUL, which is not ours: exactly full counts as cut. */
	s->len += n;
	if ((size_t)n == room && room)
		s->len++;
}

void seq_escape_only(struct seq *s, const char *text, const char *esc)
{
	for (; *text; text++) {
		if (strchr(esc, *text))
			seq_printf(s, "\\%03o", (unsigned char)*text);
		else
			seq_putc(s, *text);
	}
}

void seq_escape(struct seq *s, const char *text, const char *esc)
{
	char all[16] = "\\";

	strscpy(all + 1, esc, sizeof(all) - 1);
	seq_escape_only(s, text, all);
}

void seq_bit_list(struct seq *s, u64 mask)
{
	const char *comma = "";

	for (u32 bit = 0; bit < 64; bit++) {
		u32 last = bit;

		if (!(mask & BIT(bit)))
			continue;
		while (last < 63 && (mask & BIT(last + 1)))
			last++;
		seq_printf(s, last > bit ? "%s%u-%u" : "%s%u", comma, bit, last);
		comma = ",";
		bit = last;
	}
}
