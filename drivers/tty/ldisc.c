/* SPDX-License-Identifier: MIT */
/*
 * Line discipline: editing, echo, signals and output processing.
 *
 * Canonical input collects a line between canon_head and head, where the
 * editing characters may still take bytes back; a line-ending byte sets
 * canon_head to head, which makes the line readable. Without ICANON the two
 * indices mean nothing: all of [tail, head) is readable.
 *
 * Echo must undo what it did, so erasing a byte asks how wide its echo was: one
 * column, two for a control character shown as ^X, or up to the next multiple of
 * eight for a tab, which is found by walking the line again from canon_column.
 * With IUTF8 continuation bytes have no width and go with their lead byte.
 *
 * Invariants:
 *  (1) tail <= canon_head <= head <= tail + LDISC_BUF_SIZE, as free-running u32.
 *  (2) A bit of line_end or eof_mark is set only for bytes in [tail, head).
 *  (3) In canonical mode one byte of room is kept for the line's end, so that a
 *      full line can always be finished.
 *
 * Source: POSIX.1-2017, chapter 11; behaviour where POSIX leaves a choice is
 * that of Linux (compared by tests/user/abi_pty.c).
 */
#include <drivers/tty/ldisc.h>
#include <kernel/lib/string.h>
#include <kernel/uapi/signal.h>

#define MASK		(LDISC_BUF_SIZE - 1)
#define DISABLED	0		/* _POSIX_VDISABLE */
#define TAB_WIDTH	8

static bool l_flag(const struct ldisc *ld, u32 f) { return ld->termios.lflag & f; }
static bool i_flag(const struct ldisc *ld, u32 f) { return ld->termios.iflag & f; }
static bool o_flag(const struct ldisc *ld, u32 f) { return ld->termios.oflag & f; }

static bool is_cc(const struct ldisc *ld, u8 c, int which)
{
	return c == ld->termios.cc[which] && c != DISABLED;
}

static bool is_control(u8 c)
{
	return c < 0x20 || c == 0x7f;
}

static bool is_continuation(const struct ldisc *ld, u8 c)
{
	return i_flag(ld, IUTF8) && (c & 0xc0) == 0x80;
}

void ldisc_reset_termios(struct ldisc *ld)
{
	static const u8 cc[NCCS] = {
		[VINTR] = 3, [VQUIT] = 28, [VERASE] = 127, [VKILL] = 21, [VEOF] = 4,
		[VTIME] = 0, [VMIN] = 1, [VSTART] = 17, [VSTOP] = 19, [VSUSP] = 26,
		[VREPRINT] = 18, [VDISCARD] = 15, [VWERASE] = 23, [VLNEXT] = 22,
	};

	ld->termios = (struct termios2){
		.iflag = ICRNL | IXON,
		.oflag = OPOST | ONLCR,
		.cflag = B38400 | CS8 | CREAD | HUPCL,
		.lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN,
		.ispeed = 38400,
		.ospeed = 38400,
	};
	memcpy(ld->termios.cc, cc, NCCS);
}

static const struct {
	u32 code, baud;
} bauds[] = {
	{ 0, 0 }, { 1, 50 }, { 2, 75 }, { 3, 110 }, { 4, 134 }, { 5, 150 }, { 6, 200 }, { 7, 300 },
	{ 8, 600 }, { 9, 1200 }, { 10, 1800 }, { 11, 2400 }, { 12, 4800 }, { 13, 9600 },
	{ 14, 19200 }, { 15, 38400 }, { 0010001, 57600 }, { 0010002, 115200 }, { 0010003, 230400 },
	{ 0010004, 460800 }, { 0010005, 500000 }, { 0010006, 576000 }, { 0010007, 921600 },
	{ 0010010, 1000000 }, { 0010011, 1152000 }, { 0010012, 1500000 }, { 0010013, 2000000 },
	{ 0010014, 2500000 }, { 0010015, 3000000 }, { 0010016, 3500000 }, { 0010017, 4000000 },
};

u32 termios_baud(const struct termios2 *t)
{
	u32 code = t->cflag & CBAUD;

	for (u32 i = 0; i < ARRAY_SIZE(bauds); i++)
		if (bauds[i].code == code)
			return bauds[i].baud;
	return t->ospeed;
}

void ldisc_set_baud(struct ldisc *ld, u32 baud)
{
	u32 code = BOTHER;

	for (u32 i = 0; i < ARRAY_SIZE(bauds); i++)
		if (bauds[i].baud == baud)
			code = bauds[i].code;
	ld->termios.cflag = (ld->termios.cflag & ~CBAUD) | code;
	ld->termios.ispeed = ld->termios.ospeed = baud;
}

void ldisc_init(struct ldisc *ld, const struct ldisc_ops *ops)
{
	memset(ld, 0, sizeof(*ld));
	ld->ops = ops;
	ldisc_reset_termios(ld);
}

void ldisc_set_termios(struct ldisc *ld, const struct termios2 *t)
{
	bool was_canon = l_flag(ld, ICANON);

	ld->termios = *t;
	if (was_canon && !l_flag(ld, ICANON))
		ld->canon_head = ld->head;
	if (!was_canon && l_flag(ld, ICANON)) {
		/* What came raw is one unfinished line that reads may still have. */
		ld->canon_head = ld->head;
		if (ld->head != ld->tail)
			bitmap_set(ld->line_end, (ld->head - 1) & MASK);
	}
	ld->lnext = false;
	if (!i_flag(ld, IXON) && ld->stopped) {
		ld->stopped = false;
		ld->ops->flow(ld, false);
	}
}

/* --- output --- */

/* Emit c as OPOST asks. False and nothing done where there is no room for all of it. */
static bool output_char(struct ldisc *ld, u8 c)
{
	u32 spaces;

	if (!o_flag(ld, OPOST))
		return ld->ops->put(ld, c);
	switch (c) {
	case '\n':
		if (o_flag(ld, ONLRET))
			ld->column = 0;
		if (o_flag(ld, ONLCR)) {
			if (ld->ops->room(ld) < 2)
				return false;
			ld->column = 0;
			ld->ops->put(ld, '\r');
		}
		return ld->ops->put(ld, '\n');
	case '\r':
		if (o_flag(ld, ONOCR) && ld->column == 0)
			return true;
		if (o_flag(ld, OCRNL)) {
			if (o_flag(ld, ONLRET))
				ld->column = 0;
			return ld->ops->put(ld, '\n');
		}
		ld->column = 0;
		return ld->ops->put(ld, '\r');
	case '\t':
		spaces = TAB_WIDTH - (ld->column & (TAB_WIDTH - 1));
		if ((ld->termios.oflag & TABDLY) == XTABS) {
			if (ld->ops->room(ld) < spaces)
				return false;
			ld->column += spaces;
			while (spaces--)
				ld->ops->put(ld, ' ');
			return true;
		}
		if (!ld->ops->put(ld, c))
			return false;
		ld->column += spaces;
		return true;
	case '\b':
		if (!ld->ops->put(ld, c))
			return false;
		ld->column -= ld->column > 0;
		return true;
	default:
		if (o_flag(ld, OLCUC) && c >= 'a' && c <= 'z')
			c -= 'a' - 'A';
		if (!ld->ops->put(ld, c))
			return false;
		ld->column += !is_control(c) && !is_continuation(ld, c);
		return true;
	}
}

u32 ldisc_write(struct ldisc *ld, const u8 *p, u32 n)
{
	u32 i;

	for (i = 0; i < n; i++)
		if (!output_char(ld, p[i]))
			break;
	return i;
}

/* --- echo --- */

static void echo_raw(struct ldisc *ld, u8 c)
{
	output_char(ld, c);
}

static void echo_char(struct ldisc *ld, u8 c)
{
	if (l_flag(ld, ECHOCTL) && is_control(c) && c != '\t' && c != '\n') {
		echo_raw(ld, '^');
		echo_raw(ld, c ^ 0x40);
		return;
	}
	echo_raw(ld, c);
}

/* Columns that the echo of c took when the cursor stood in column. */
static u32 echo_width(const struct ldisc *ld, u8 c, u32 column)
{
	if (c == '\t')
		return TAB_WIDTH - (column & (TAB_WIDTH - 1));
	if (is_control(c))
		return l_flag(ld, ECHOCTL) ? 2 : 0;
	return is_continuation(ld, c) ? 0 : 1;
}

static u32 column_at(const struct ldisc *ld, u32 end)
{
	u32 column = ld->canon_column;

	for (u32 i = ld->canon_head; i != end; i++)
		column += echo_width(ld, ld->buf[i & MASK], column);
	return column;
}

static void echo_rubout(struct ldisc *ld, u8 c, u32 at)
{
	u32 width;

	if (!l_flag(ld, ECHO))
		return;
	if (!l_flag(ld, ECHOE)) {
		echo_char(ld, ld->termios.cc[VERASE]);
		return;
	}
	width = echo_width(ld, c, column_at(ld, at));
	while (width--) {
		echo_raw(ld, '\b');
		/* A tab's columns are blank already. */
		if (c != '\t') {
			echo_raw(ld, ' ');
			echo_raw(ld, '\b');
		}
	}
}

/* --- editing --- */

/* Take the last character of the edited line back, all its bytes. */
static void erase_one(struct ldisc *ld)
{
	u8 c;

	do {
		ld->head--;
		c = ld->buf[ld->head & MASK];
	} while (is_continuation(ld, c) && ld->head != ld->canon_head);
	echo_rubout(ld, c, ld->head);
}

static bool is_word_char(u8 c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z') || c == '_' || c >= 0x80;
}

static void erase_word(struct ldisc *ld)
{
	bool seen = false;

	while (ld->head != ld->canon_head) {
		u8 c = ld->buf[(ld->head - 1) & MASK];

		if (seen && !is_word_char(c))
			break;
		seen |= is_word_char(c);
		erase_one(ld);
	}
}

static void erase_line(struct ldisc *ld)
{
	if (l_flag(ld, ECHO) && l_flag(ld, ECHOK) && l_flag(ld, ECHOKE) && l_flag(ld, ECHOE)) {
		while (ld->head != ld->canon_head)
			erase_one(ld);
		return;
	}
	ld->head = ld->canon_head;
	if (!l_flag(ld, ECHO))
		return;
	echo_char(ld, ld->termios.cc[VKILL]);
	if (l_flag(ld, ECHOK))
		echo_raw(ld, '\n');
}

static void reprint(struct ldisc *ld)
{
	echo_char(ld, ld->termios.cc[VREPRINT]);
	echo_raw(ld, '\n');
	for (u32 i = ld->canon_head; i != ld->head; i++)
		echo_char(ld, ld->buf[i & MASK]);
}

static u32 ring_room(const struct ldisc *ld)
{
	return LDISC_BUF_SIZE - (ld->head - ld->tail);
}

static void store(struct ldisc *ld, u8 c)
{
	u32 i = ld->head & MASK;

	ld->buf[i] = c;
	bitmap_clear(ld->line_end, i);
	bitmap_clear(ld->eof_mark, i);
	ld->head++;
}

static void end_line(struct ldisc *ld, u8 c, bool eof)
{
	if (!ring_room(ld))
		return;
	store(ld, c);
	bitmap_set(ld->line_end, (ld->head - 1) & MASK);
	if (eof)
		bitmap_set(ld->eof_mark, (ld->head - 1) & MASK);
	ld->canon_head = ld->head;
}

/* Store an ordinary byte with its echo; invariant (3). */
static void accept(struct ldisc *ld, u8 c)
{
	if (ring_room(ld) < (l_flag(ld, ICANON) ? 2u : 1u)) {
		if (i_flag(ld, IMAXBEL))
			ld->ops->put(ld, '\a');
		return;
	}
	if (l_flag(ld, ECHO)) {
		if (ld->head == ld->canon_head)
			ld->canon_column = ld->column;
		echo_char(ld, c);
	}
	store(ld, c);
}

/* True if c edited the line instead of joining it. */
static bool edit(struct ldisc *ld, u8 c)
{
	if (is_cc(ld, c, VERASE) || is_cc(ld, c, VKILL) ||
	    (l_flag(ld, IEXTEN) && is_cc(ld, c, VWERASE))) {
		if (ld->head == ld->canon_head)
			return true;
		if (is_cc(ld, c, VERASE))
			erase_one(ld);
		else if (is_cc(ld, c, VKILL))
			erase_line(ld);
		else
			erase_word(ld);
		return true;
	}
	if (!l_flag(ld, IEXTEN))
		return false;
	if (is_cc(ld, c, VLNEXT)) {
		ld->lnext = true;
		if (l_flag(ld, ECHO) && l_flag(ld, ECHOCTL)) {
			echo_raw(ld, '^');
			echo_raw(ld, '\b');
		}
		return true;
	}
	if (is_cc(ld, c, VREPRINT) && l_flag(ld, ECHO)) {
		reprint(ld);
		return true;
	}
	return false;
}

/* True if c ended the line. */
static bool finish(struct ldisc *ld, u8 c)
{
	if (c == '\n') {
		if (l_flag(ld, ECHO) || l_flag(ld, ECHONL))
			echo_raw(ld, '\n');
		end_line(ld, c, false);
		return true;
	}
	if (is_cc(ld, c, VEOF)) {
		end_line(ld, DISABLED, true);
		return true;
	}
	if (is_cc(ld, c, VEOL) || (l_flag(ld, IEXTEN) && is_cc(ld, c, VEOL2))) {
		if (l_flag(ld, ECHO))
			echo_char(ld, c);
		end_line(ld, c, false);
		return true;
	}
	return false;
}

/* --- signals and flow control --- */

static void send_signal(struct ldisc *ld, int sig, u8 c)
{
	if (!l_flag(ld, NOFLSH)) {
		ldisc_flush_input(ld);
		ld->ops->flush_output(ld);
	}
	if (l_flag(ld, ECHO))
		echo_char(ld, c);
	ld->ops->signal(ld, sig);
}

static bool signal_char(struct ldisc *ld, u8 c)
{
	if (!l_flag(ld, ISIG))
		return false;
	if (is_cc(ld, c, VINTR))
		send_signal(ld, SIGINT, c);
	else if (is_cc(ld, c, VQUIT))
		send_signal(ld, SIGQUIT, c);
	else if (is_cc(ld, c, VSUSP))
		send_signal(ld, SIGTSTP, c);
	else
		return false;
	return true;
}

static void set_stopped(struct ldisc *ld, bool stop)
{
	if (ld->stopped == stop)
		return;
	ld->stopped = stop;
	ld->ops->flow(ld, stop);
}

static bool flow_char(struct ldisc *ld, u8 c)
{
	if (!i_flag(ld, IXON))
		return false;
	if (is_cc(ld, c, VSTOP)) {
		set_stopped(ld, !is_cc(ld, c, VSTART) || !ld->stopped);
		return true;
	}
	if (is_cc(ld, c, VSTART)) {
		set_stopped(ld, false);
		return true;
	}
	if (i_flag(ld, IXANY))
		set_stopped(ld, false);
	return false;
}

/* --- input --- */

/*
 * A full ring of raw data, or of whole lines nobody has read, makes the sender
 * wait. A line too long to edit does not: what does not fit is dropped with a
 * bell, so that the end of the line still gets through (3).
 */
u32 ldisc_room(const struct ldisc *ld)
{
	u32 room = ring_room(ld);

	if (!l_flag(ld, ICANON))
		return room;
	if (ld->canon_head == ld->tail)
		return room ? room : 1;
	return room ? room - 1 : 0;
}

/* Input mapping. False: the byte vanishes. */
static bool map_input(const struct ldisc *ld, u8 *c)
{
	if (i_flag(ld, ISTRIP))
		*c &= 0x7f;
	if (i_flag(ld, IUCLC) && l_flag(ld, IEXTEN) && *c >= 'A' && *c <= 'Z')
		*c += 'a' - 'A';
	if (*c == '\r') {
		if (i_flag(ld, IGNCR))
			return false;
		if (i_flag(ld, ICRNL))
			*c = '\n';
	} else if (*c == '\n' && i_flag(ld, INLCR)) {
		*c = '\r';
	}
	return true;
}

static void receive_char(struct ldisc *ld, u8 c)
{
	if (ld->lnext) {
		ld->lnext = false;
		accept(ld, c);
		return;
	}
	if (i_flag(ld, ISTRIP))
		c &= 0x7f;
	if (flow_char(ld, c) || signal_char(ld, c) || !map_input(ld, &c))
		return;
	if (l_flag(ld, ICANON) && (edit(ld, c) || finish(ld, c)))
		return;
	accept(ld, c);
}

u32 ldisc_receive(struct ldisc *ld, const u8 *p, u32 n)
{
	u32 i;

	for (i = 0; i < n && ldisc_room(ld); i++)
		receive_char(ld, p[i]);
	return i;
}

void ldisc_receive_break(struct ldisc *ld)
{
	if (i_flag(ld, IGNBRK))
		return;
	if (i_flag(ld, BRKINT)) {
		ldisc_flush_input(ld);
		ld->ops->flush_output(ld);
		ld->ops->signal(ld, SIGINT);
		return;
	}
	if (i_flag(ld, PARMRK) && ring_room(ld) >= 4) {
		store(ld, 0xff);
		store(ld, 0);
	}
	if (ring_room(ld) >= 2)
		store(ld, 0);
}

/* --- reading --- */

u32 ldisc_readable(const struct ldisc *ld, bool *eof)
{
	*eof = false;
	if (!l_flag(ld, ICANON))
		return ld->head - ld->tail;
	if (ld->canon_head == ld->tail)
		return 0;
	*eof = bitmap_test(ld->eof_mark, ld->tail & MASK);
	return *eof ? 0 : ld->canon_head - ld->tail;
}

static u32 read_line(struct ldisc *ld, u8 *p, u32 n, bool *line_done)
{
	u32 done = 0;

	while (ld->tail != ld->canon_head) {
		u32 i = ld->tail & MASK;

		/* An end-of-file mark goes with the bytes before it, even at a full buffer. */
		if (bitmap_test(ld->eof_mark, i)) {
			ld->tail++;
			*line_done = true;
			break;
		}
		if (done == n)
			break;
		p[done++] = ld->buf[i];
		ld->tail++;
		if (bitmap_test(ld->line_end, i)) {
			*line_done = true;
			break;
		}
	}
	return done;
}

u32 ldisc_read(struct ldisc *ld, u8 *p, u32 n, bool *line_done)
{
	u32 done;

	*line_done = false;
	if (l_flag(ld, ICANON))
		return read_line(ld, p, n, line_done);
	for (done = 0; done < n && ld->tail != ld->head; done++)
		p[done] = ld->buf[ld->tail++ & MASK];
	ld->canon_head = ld->head;
	return done;
}

u32 ldisc_input_count(const struct ldisc *ld)
{
	u32 end = l_flag(ld, ICANON) ? ld->canon_head : ld->head;
	u32 n = 0;

	for (u32 i = ld->tail; i != end; i++)
		n += !bitmap_test(ld->eof_mark, i & MASK);
	return n;
}

void ldisc_flush_input(struct ldisc *ld)
{
	ld->head = ld->tail = ld->canon_head = 0;
	ld->lnext = false;
}
