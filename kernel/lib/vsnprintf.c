/* SPDX-License-Identifier: MIT */
/*
 * Formatted text, as C99 7.19.6.1 without floating point and %n.
 *
 * %pS prints an address as symbol+offset. The result is always terminated when
 * size > 0, and the return value is the length the whole text would have had.
 */
#include <kernel/printk.h>
#include <kernel/lib/string.h>
#include <kernel/debug/symbols.h>

struct sink {
	char *buf;
	size_t size;
	size_t length;		/* wanted so far, whether stored or not */
};

struct spec {
	bool left, plus, space, alternate, zero;
	int width;
	int precision;		/* -1: not given */
	unsigned bytes;		/* size of the integer argument */
};

static void put(struct sink *s, char c)
{
	if (s->length + 1 < s->size)
		s->buf[s->length] = c;
	s->length++;
}

static void put_repeated(struct sink *s, char c, int n)
{
	while (n-- > 0)
		put(s, c);
}

static void put_text(struct sink *s, const struct spec *f, const char *text)
{
	int len;

	if (!text)
		text = "(null)";
	len = f->precision >= 0 ? (int)strnlen(text, f->precision) : (int)strlen(text);
	if (!f->left)
		put_repeated(s, ' ', f->width - len);
	for (int i = 0; i < len; i++)
		put(s, text[i]);
	if (f->left)
		put_repeated(s, ' ', f->width - len);
}

/* prefix: sign, "0x" or nothing. */
static void put_number(struct sink *s, const struct spec *f, u64 v, unsigned base, bool upper,
		       const char *prefix)
{
	const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
	int prefix_len = strlen(prefix);
	char text[24];
	int n = 0, zeros, pad;

	for (; v; v /= base)
		text[n++] = digits[v % base];
	if (!n && f->precision)
		text[n++] = '0';
	zeros = f->precision - n;
	if (f->precision < 0 && f->zero && !f->left)
		zeros = f->width - n - prefix_len;
	if (zeros < 0)
		zeros = 0;
	pad = f->width - n - zeros - prefix_len;

	if (!f->left)
		put_repeated(s, ' ', pad);
	while (*prefix)
		put(s, *prefix++);
	put_repeated(s, '0', zeros);
	while (n)
		put(s, text[--n]);
	if (f->left)
		put_repeated(s, ' ', pad);
}

static void put_signed(struct sink *s, const struct spec *f, s64 v)
{
	const char *sign = v < 0 ? "-" : f->plus ? "+" : f->space ? " " : "";

	put_number(s, f, v < 0 ? -(u64)v : (u64)v, 10, false, sign);
}

static void put_symbol(struct sink *s, const struct spec *f, u64 address)
{
	struct symbol sym;
	char text[96];

	if (symbol_find(address, &sym))
		snprintf(text, sizeof(text), "%s+0x%lx/0x%lx", sym.name, sym.offset, sym.size);
	else
		snprintf(text, sizeof(text), "0x%lx", address);
	put_text(s, f, text);
}

static const char *parse_flags(const char *p, struct spec *f)
{
	for (;; p++) {
		switch (*p) {
		case '-': f->left = true; break;
		case '+': f->plus = true; break;
		case ' ': f->space = true; break;
		case '#': f->alternate = true; break;
		case '0': f->zero = true; break;
		default: return p;
		}
	}
}

static const char *parse_int(const char *p, int *out)
{
	for (*out = 0; *p >= '0' && *p <= '9'; p++)
		*out = *out * 10 + (*p - '0');
	return p;
}

static const char *parse_length(const char *p, struct spec *f)
{
	f->bytes = 4;
	for (;; p++) {
		switch (*p) {
		case 'h': f->bytes /= 2; break;
		case 'l': case 'z': case 'j': case 't': f->bytes = 8; break;
		default: return p;
		}
	}
}

static s64 narrow_signed(s64 v, unsigned bytes)
{
	return bytes == 8 ? v : bytes == 4 ? (s32)v : bytes == 2 ? (s16)v : (s8)v;
}

static u64 narrow_unsigned(u64 v, unsigned bytes)
{
	return bytes == 8 ? v : v & ((1ul << bytes * 8) - 1);
}

/* A number, or a star and the next argument. */
static const char *parse_amount(const char *p, int *out, va_list *ap)
{
	if (*p != '*')
		return parse_int(p, out);
	*out = va_arg(*ap, int);
	return p + 1;
}

/* From behind the percent sign to the letter of the conversion. */
static const char *parse_spec(const char *p, struct spec *f, va_list *ap)
{
	*f = (struct spec){ .precision = -1 };
	p = parse_amount(parse_flags(p, f), &f->width, ap);
	if (f->width < 0) {
		f->left = true;
		f->width = -f->width;
	}
	if (*p == '.')
		p = parse_amount(p + 1, &f->precision, ap);
	return parse_length(p, f);
}

static void put_unsigned(struct sink *s, const struct spec *f, char letter, u64 v)
{
	unsigned base = letter == 'u' ? 10 : letter == 'o' ? 8 : 16;
	const char *prefix = letter == 'o' ? "0" : letter == 'x' ? "0x" : "0X";

	put_number(s, f, v, base, letter == 'X', f->alternate && v && letter != 'u' ? prefix : "");
}

static void put_char(struct sink *s, const struct spec *f, char c)
{
	put_repeated(s, ' ', f->left ? 0 : f->width - 1);
	put(s, c);
	put_repeated(s, ' ', f->left ? f->width - 1 : 0);
}

/* The conversion whose letter is at p; the last character of it. */
static const char *convert(struct sink *s, const struct spec *f, const char *p, va_list *ap)
{
	u64 v;

	switch (*p) {
	case 'd':
	case 'i':
		/* Smaller integers arrive sign-extended in a whole register. */
		put_signed(s, f,
			   narrow_signed(f->bytes == 8 ? va_arg(*ap, s64) : va_arg(*ap, int),
					 f->bytes));
		return p;
	case 'u':
	case 'o':
	case 'x':
	case 'X':
		v = f->bytes == 8 ? va_arg(*ap, u64) : va_arg(*ap, u32);
		put_unsigned(s, f, *p, narrow_unsigned(v, f->bytes));
		return p;
	case 'c':
		put_char(s, f, (char)va_arg(*ap, int));
		return p;
	case 's':
		put_text(s, f, va_arg(*ap, const char *));
		return p;
	case 'p':
		v = (u64)va_arg(*ap, void *);
		if (p[1] == 'S') {
			put_symbol(s, f, v);
			return p + 1;
		}
		put_number(s, f, v, 16, false, "0x");
		return p;
	case '\0':
		return p - 1;
	case '%':
		put(s, '%');
		return p;
	default:	/* not a conversion: show it as it stands */
		put(s, '%');
		put(s, *p);
		return p;
	}
}

int vsnprintf(char *buf, size_t size, const char *fmt, va_list args)
{
	struct sink s = { buf, size, 0 };
	struct spec f;
	va_list ap;

	va_copy(ap, args);
	for (const char *p = fmt; *p; p++) {
		if (*p == '%')
			p = convert(&s, &f, parse_spec(p + 1, &f, &ap), &ap);
		else
			put(&s, *p);
	}
	va_end(ap);
	if (size)
		buf[s.length < size ? s.length : size - 1] = '\0';
	return (int)s.length;
}

int snprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(buf, size, fmt, ap);
	va_end(ap);
	return n;
}
