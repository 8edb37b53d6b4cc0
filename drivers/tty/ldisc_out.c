/* SPDX-License-Identifier: MIT */
/*
 * The line discipline's output: the ring, OPOST processing, and echo.
 *
 * Echo must undo what it did, so erasing a byte asks how wide its echo was: one
 * column, two for a control character shown as ^X, or up to the next multiple of
 * eight for a tab, which is found by walking the line back to the tab before it,
 * or to canon_column. With IUTF8 continuation bytes have no width and go with
 * their lead byte.
 *
 * Output is copied in runs of printable bytes. Invariant: out_tail <= out_stop_at
 * <= out_head while stopped.
 *
 * Source: as ldisc.c.
 */
#include <drivers/tty/ldisc_impl.h>
#include <kernel/lib/string.h>

#define OUT_MASK	(LDISC_OUT_SIZE - 1)
#define TAB_WIDTH	8

static bool o_flag(const struct ldisc *ld, u32 f) { return ld->termios.oflag & f; }

/* --- the output ring --- */

static u32 out_room(const struct ldisc *ld)
{
	return LDISC_OUT_SIZE - ldisc_out_count(ld);
}

static bool out_put(struct ldisc *ld, u8 c)
{
	if (!out_room(ld))
		return false;
	ld->out[ld->out_head++ & OUT_MASK] = c;
	return true;
}

static void out_copy(struct ldisc *ld, const u8 *p, u32 n)
{
	u32 at = ld->out_head & OUT_MASK, first = min(n, LDISC_OUT_SIZE - at);

	memcpy(ld->out + at, p, first);
	memcpy(ld->out, p + first, n - first);
	ld->out_head += n;
}

u32 ldisc_output(const struct ldisc *ld, const u8 **p)
{
	u32 end = ld->stopped ? ld->out_stop_at : ld->out_head, at = ld->out_tail & OUT_MASK;

	*p = ld->out + at;
	return min(end - ld->out_tail, LDISC_OUT_SIZE - at);
}

/* A pty's output is with its reader already. */
void ldisc_flush_output(struct ldisc *ld)
{
	if (!ld->is_pty)
		ld->out_tail = ld->out_stop_at = ld->out_head;
	ld->events |= TIOCPKT_FLUSHWRITE;
}

void ldisc_stop(struct ldisc *ld)
{
	if (ld->stopped)
		return;
	ld->stopped = true;
	ld->out_stop_at = ld->is_pty ? ld->out_head : ld->out_tail;
	ld->events = (ld->events & ~TIOCPKT_START) | TIOCPKT_STOP;
}

void ldisc_start(struct ldisc *ld)
{
	if (!ld->stopped || ld->tco_stopped)
		return;
	ld->stopped = false;
	ld->events = (ld->events & ~TIOCPKT_STOP) | TIOCPKT_START;
}

void ldisc_set_tco_stopped(struct ldisc *ld, bool stop)
{
	if (ld->tco_stopped == stop)
		return;
	ld->tco_stopped = stop;
	if (stop)
		ldisc_stop(ld);
	else
		ldisc_start(ld);
}

void ldisc_put_raw(struct ldisc *ld, u8 c)
{
	(void)out_put(ld, c);
}

/* --- output processing --- */

static bool output_newline(struct ldisc *ld, u32 room)
{
	if (o_flag(ld, ONLRET))
		ld->column = 0;
	if (!o_flag(ld, ONLCR))
		return out_put(ld, '\n');
	if (room < 2)
		return false;
	ld->column = ld->canon_column = 0;
	out_put(ld, '\r');
	return out_put(ld, '\n');
}

static bool output_return(struct ldisc *ld)
{
	if (o_flag(ld, ONOCR) && ld->column == 0)
		return true;
	if (o_flag(ld, OCRNL)) {
		if (o_flag(ld, ONLRET))
			ld->column = ld->canon_column = 0;
		return out_put(ld, '\n');
	}
	ld->column = ld->canon_column = 0;
	return out_put(ld, '\r');
}

static bool output_tab(struct ldisc *ld, u32 room)
{
	u32 spaces = TAB_WIDTH - (ld->column & (TAB_WIDTH - 1));

	if ((ld->termios.oflag & TABDLY) != XTABS) {
		ld->column += spaces;
		return out_put(ld, '\t');
	}
	if (room < spaces)
		return false;
	ld->column += spaces;
	while (spaces--)
		out_put(ld, ' ');
	return true;
}

/* c as OPOST asks, in room bytes. False and nothing done where it does not fit. */
static bool output_char(struct ldisc *ld, u8 c, u32 room)
{
	if (!room)
		return false;
	switch (c) {
	case '\n':
		return output_newline(ld, room);
	case '\r':
		return output_return(ld);
	case '\t':
		return output_tab(ld, room);
	case '\b':
		ld->column -= ld->column > 0;
		return out_put(ld, c);
	default:
		if (o_flag(ld, OLCUC) && is_lower(c))
			c -= 'a' - 'A';
		ld->column += !is_control(c) && !is_continuation(ld, c);
		return out_put(ld, c);
	}
}

u32 ldisc_write_room(const struct ldisc *ld)
{
	u32 room = out_room(ld);

	if (ld->stopped && ld->is_pty)
		return 0;
	return room > LDISC_ECHO_RESERVE ? room - LDISC_ECHO_RESERVE : 0;
}

/* Leading bytes that go out as they are. */
static u32 plain_run(struct ldisc *ld, const u8 *p, u32 n)
{
	u32 i, width = 0;

	if (o_flag(ld, OLCUC))
		return 0;
	for (i = 0; i < n && !is_control(p[i]); i++)
		width += !is_continuation(ld, p[i]);
	ld->column += width;
	return i;
}

u32 ldisc_write(struct ldisc *ld, const u8 *p, u32 n)
{
	u32 done = 0;

	if (!o_flag(ld, OPOST)) {
		n = min(n, ldisc_write_room(ld));
		out_copy(ld, p, n);
		return n;
	}
	while (done < n) {
		u32 room = ldisc_write_room(ld), run = plain_run(ld, p + done, min(n - done, room));

		out_copy(ld, p + done, run);
		done += run;
		if (done < n && !output_char(ld, p[done++], room - run))
			return done - 1;
	}
	return done;
}

/* --- echo: what finds no room is lost --- */

void ldisc_echo_raw(struct ldisc *ld, u8 c)
{
	if (o_flag(ld, OPOST))
		(void)output_char(ld, c, out_room(ld));
	else
		(void)out_put(ld, c);
}

void ldisc_echo_char(struct ldisc *ld, u8 c)
{
	if (l_flag(ld, ECHOCTL) && is_control(c) && c != '\t') {
		(void)out_put(ld, '^');
		(void)out_put(ld, c ^ 0x40);
		ld->column += 2;
		return;
	}
	ldisc_echo_raw(ld, c);
}

void ldisc_finish_erasing(struct ldisc *ld)
{
	if (ld->erasing) {
		ldisc_echo_raw(ld, '/');
		ld->erasing = false;
	}
}

/* The echo of a byte that joins the edited line. */
void ldisc_echo_input(struct ldisc *ld, u8 c)
{
	ldisc_finish_erasing(ld);
	if (ld->canon_head == ld->head)
		ld->canon_column = ld->column;
	ldisc_echo_char(ld, c);
}

/* Back to where the tab at head began. */
static void echo_untab(struct ldisc *ld)
{
	u32 width = 0, i = ld->head;
	bool after_tab = false;

	while (i != ld->canon_head && !after_tab) {
		u8 c = ld->in[--i & IN_MASK];

		if (c == '\t')
			after_tab = true;
		else if (is_control(c))
			width += l_flag(ld, ECHOCTL) ? 2 : 0;
		else
			width += !is_continuation(ld, c);
	}
	if (!after_tab)
		width += ld->canon_column;
	for (u32 n = TAB_WIDTH - (width & (TAB_WIDTH - 1)); n; n--) {
		(void)out_put(ld, '\b');
		ld->column -= ld->column > 0;
	}
}

static void echo_rubout(struct ldisc *ld)
{
	ldisc_echo_raw(ld, '\b');
	ldisc_echo_raw(ld, ' ');
	ldisc_echo_raw(ld, '\b');
}

/* ECHOPRT: the characters taken back are printed between \ and /. bytes of them, at head. */
static void echo_printed_erase(struct ldisc *ld, u32 bytes)
{
	if (!ld->erasing) {
		ldisc_echo_raw(ld, '\\');
		ld->erasing = true;
	}
	ldisc_echo_char(ld, ld->in[ld->head & IN_MASK]);
	for (u32 i = 1; i < bytes; i++)
		ldisc_echo_raw(ld, ld->in[(ld->head + i) & IN_MASK]);
}

/* The echo of taking back the character of so many bytes at head. by: VERASE, VWERASE, VKILL. */
void ldisc_echo_erase(struct ldisc *ld, u32 bytes, int by)
{
	u8 c = ld->in[ld->head & IN_MASK];

	if (!l_flag(ld, ECHO))
		return;
	if (l_flag(ld, ECHOPRT)) {
		echo_printed_erase(ld, bytes);
	} else if (by == VERASE && !l_flag(ld, ECHOE)) {
		ldisc_echo_char(ld, ld->termios.cc[VERASE]);
	} else if (c == '\t') {
		echo_untab(ld);
	} else if (is_control(c)) {
		if (l_flag(ld, ECHOCTL)) {
			echo_rubout(ld);
			echo_rubout(ld);
		}
	} else {
		echo_rubout(ld);
	}
}
