/* SPDX-License-Identifier: MIT */
/* What ldisc.c and ldisc_out.c share. */
#pragma once
#include <drivers/tty/ldisc.h>

#define IN_MASK		(LDISC_IN_SIZE - 1)
#define DISABLED	0		/* _POSIX_VDISABLE */

static inline bool l_flag(const struct ldisc *ld, u32 f) { return ld->termios.lflag & f; }
static inline bool i_flag(const struct ldisc *ld, u32 f) { return ld->termios.iflag & f; }

static inline bool is_cc(const struct ldisc *ld, u8 c, int which)
{
	return c == ld->termios.cc[which] && c != DISABLED;
}

static inline bool is_control(u8 c)
{
	return c < 0x20 || c == 0x7f;
}

/* Letters of Latin-1, as on Linux. */
static inline bool is_upper(u8 c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 0xc0 && c <= 0xde && c != 0xd7);
}

static inline bool is_lower(u8 c)
{
	return (c >= 'a' && c <= 'z') || (c >= 0xdf && c != 0xf7);
}

static inline bool is_continuation(const struct ldisc *ld, u8 c)
{
	return i_flag(ld, IUTF8) && (c & 0xc0) == 0x80;
}

/* Echo, ldisc_out.c: as ECHOCTL and OPOST ask. What finds no room is lost. */
void ldisc_echo_raw(struct ldisc *ld, u8 c);
void ldisc_echo_char(struct ldisc *ld, u8 c);
/* Of a byte that joins the edited line. */
void ldisc_echo_input(struct ldisc *ld, u8 c);
/* Of taking back the character of so many bytes at head. by: VERASE, VWERASE, VKILL. */
void ldisc_echo_erase(struct ldisc *ld, u32 bytes, int by);
/* ECHOPRT: the / after what was taken back. */
void ldisc_finish_erasing(struct ldisc *ld);
