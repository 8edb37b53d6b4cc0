/* SPDX-License-Identifier: MIT */
/* Strings to numbers (contract: string.h). */
#include <kernel/lib/string.h>
#include <kernel/errno.h>

/* Value of c as a digit; 99 where it is none. */
static unsigned digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
		return (c | 0x20) - 'a' + 10;
	return 99;
}

/* Base 0: 0x means 16, a leading 0 means 8. Skips the prefix 0x where the base allows it. */
static const char *take_prefix(const char *s, unsigned *base)
{
	bool hex = s[0] == '0' && (s[1] | 0x20) == 'x' && digit_value(s[2]) < 16;

	if (!*base)
		*base = hex ? 16 : s[0] == '0' ? 8 : 10;
	return hex && *base == 16 ? s + 2 : s;
}

int kstrtou64(const char *s, unsigned base, u64 *out)
{
	u64 v = 0;

	if (*s == '+')
		s++;
	s = take_prefix(s, &base);
	if (digit_value(*s) >= base)
		return -EINVAL;
	for (; digit_value(*s) < base; s++) {
		if (__builtin_mul_overflow(v, (u64)base, &v) ||
		    __builtin_add_overflow(v, (u64)digit_value(*s), &v))
			return -ERANGE;
	}
	if (*s == '\n')
		s++;
	if (*s)
		return -EINVAL;
	*out = v;
	return 0;
}

int kstrtos64(const char *s, unsigned base, s64 *out)
{
	bool negative = *s == '-';
	u64 limit = (u64)S64_MAX + negative;
	u64 v;
	int err;

	if (negative && s[1] == '+')
		return -EINVAL;
	err = kstrtou64(s + negative, base, &v);
	if (err)
		return err;
	if (v > limit)
		return -ERANGE;
	*out = negative ? (s64)-v : (s64)v;
	return 0;
}
