/* SPDX-License-Identifier: MIT */
/*
 * Test Anything Protocol for the programs of this ring, and raw system calls.
 *
 * A result is one line, "ok N - name" or "not ok N - name", with "# " notes
 * before it, written by one write(2) each, so that a fork copies no buffer.
 * Results come from one process at a time. Names are constant: an answer that
 * may vary between two runs on Linux does not belong into one.
 *
 * Of a program abi_x, every result line is compared with what Debian's Linux
 * answered (oracle/abi_x.txt, made by "make oracle"). tap_says() is for
 * those: it puts the answer into the line, and Linux's answer is the right one.
 *
 * On a serial line that may lose characters each line ends with its sum, " ~1a2b",
 * where the environment has TAP_SUMS (runner.c sets it, tests/hw/line.py judges).
 */
#ifndef TAP_H
#define TAP_H

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TAP_UNUSED __attribute__((unused))
#define TAP_PRINTF(a, b) __attribute__((format(printf, a, b), unused))

static int tap_planned TAP_UNUSED, tap_done TAP_UNUSED, tap_failed TAP_UNUSED;

/* Fletcher's sum of n characters, modulo 251; as in tests/hw/line.py. */
static unsigned tap_sum(const char *text, int n)
{
	unsigned low = 0, high = 0;

	for (int i = 0; i < n; i++) {
		low = (low + (unsigned char)text[i] + 1) % 251;
		high = (high + low) % 251;
	}
	return high << 8 | low;
}

/* End the line of n characters in a buffer with room for 8 more; its new length. */
static int tap_end_line(char *line, int n)
{
	if (getenv("TAP_SUMS"))
		n += snprintf(line + n, 7, " ~%04x", tap_sum(line, n));
	line[n++] = '\n';
	return n;
}

static void tap_write(const char *prefix, const char *format, va_list args)
{
	char line[512];
	int n = snprintf(line, sizeof(line), "%s", prefix);

	n += vsnprintf(line + n, sizeof(line) - n - 8, format, args);
	if (n > (int)sizeof(line) - 9)
		n = sizeof(line) - 9;
	n = tap_end_line(line, n);
	for (int at = 0, put; at < n; at += put) {
		put = write(1, line + at, n - at);
		if (put < 0 && errno != EINTR)
			_exit(99);
		put = put < 0 ? 0 : put;
	}
}

/* A remark; shown where the next result fails. */
TAP_PRINTF(1, 2) static void tap_note(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	tap_write("# ", format, args);
	va_end(args);
}

static void tap_result(bool passed, const char *format, va_list args)
{
	char prefix[32];

	tap_done++;
	tap_failed += !passed;
	snprintf(prefix, sizeof(prefix), "%sok %d - ", passed ? "" : "not ", tap_done);
	tap_write(prefix, format, args);
}

/* How many results there will be. Without it tap_exit() prints the number. */
TAP_UNUSED static void tap_plan(int count)
{
	char line[32];
	int n = tap_end_line(line, snprintf(line, sizeof(line) - 8, "1..%d", count));

	tap_planned = count;
	if (write(1, line, n) != n)
		_exit(99);
}

/* passed is true; returns it. */
TAP_PRINTF(2, 3) static bool tap_ok(bool passed, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	tap_result(passed, format, args);
	va_end(args);
	return passed;
}

/* got equals want; returns whether. */
TAP_PRINTF(3, 4) static bool tap_is(long got, long want, const char *format, ...)
{
	va_list args;

	if (got != want)
		tap_note("got %ld (%#lx), want %ld (%#lx)", got, got, want, want);
	va_start(args, format);
	tap_result(got == want, format, args);
	va_end(args);
	return got == want;
}

/* The answer is whatever Linux says. */
TAP_PRINTF(2, 3) static void tap_says(long answer, const char *format, ...)
{
	char name[384];
	va_list args;

	va_start(args, format);
	vsnprintf(name, sizeof(name), format, args);
	va_end(args);
	tap_ok(true, "%s: %ld", name, answer);
}

/* Results that this machine cannot give. */
TAP_PRINTF(2, 3) static void tap_skip(int count, const char *format, ...)
{
	char why[256];
	va_list args;

	va_start(args, format);
	vsnprintf(why, sizeof(why), format, args);
	va_end(args);
	while (count-- > 0)
		tap_ok(true, "# skip %s", why);
}

/* Return this from main(). */
TAP_UNUSED static int tap_exit(void)
{
	if (!tap_planned)
		tap_plan(tap_done);
	if (tap_done != tap_planned)
		tap_note("planned %d results, gave %d", tap_planned, tap_done);
	return tap_failed || tap_done != tap_planned;
}

/* End the test program: it cannot go on. Usable in children too. */
TAP_PRINTF(1, 2) __attribute__((noreturn)) static void tap_bail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	tap_write("Bail out! ", format, args);
	va_end(args);
	_exit(98);
}

/* sys(nr, args...): the call itself, without the C library: a result or -errno. */
TAP_UNUSED static inline long tap_syscall(long nr, long a, long b, long c, long d, long e, long f)
{
	register long a7 __asm__("a7") = nr;
	register long a0 __asm__("a0") = a;
	register long a1 __asm__("a1") = b;
	register long a2 __asm__("a2") = c;
	register long a3 __asm__("a3") = d;
	register long a4 __asm__("a4") = e;
	register long a5 __asm__("a5") = f;

	__asm__ volatile("ecall" : "+r"(a0)
			 : "r"(a1), "r"(a2), "r"(a3), "r"(a4), "r"(a5), "r"(a7) : "memory");
	return a0;
}

#define sys(...) TAP_SYS(__VA_ARGS__, 0, 0, 0, 0, 0, 0)
#define TAP_SYS(nr, a, b, c, d, e, f, ...) \
	tap_syscall(nr, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

/* The result of a C library call, as result or -errno. */
#define err(call) ({ long tap_r_ = (long)(call); tap_r_ == -1 ? -(long)errno : tap_r_; })

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#endif
