/* SPDX-License-Identifier: MIT */
/*
 * Line discipline: editing, echo, signals and output processing.
 *
 * Canonical input collects a line between canon_head and head, where the
 * editing characters may still take bytes back; a line-ending byte sets
 * canon_head to head, which makes the line readable. Without ICANON canon_head
 * means nothing: all of [tail, head) is readable.
 *
 * Echo must undo what it did, so erasing a byte asks how wide its echo was: one
 * column, two for a control character shown as ^X, or up to the next multiple of
 * eight for a tab, which is found by walking the line back to the tab before it,
 * or to canon_column. With IUTF8 continuation bytes have no width and go with
 * their lead byte.
 *
 * Most input is text. A bitmap tells the few bytes that mean something under the
 * present settings; without echo and such bytes, input is one copy. Output is
 * copied in runs of printable bytes.
 *
 * Invariants:
 *  (1) tail <= canon_head <= head <= tail + LDISC_IN_SIZE, as free-running u32
 *      (canon_head: with ICANON).
 *  (2) With ICANON, a bit of line_end is set only for bytes in [tail, canon_head).
 *  (3) One byte of room is kept for the line's end: a line that is too long to
 *      edit keeps its beginning, and what comes then replaces its last byte, so
 *      that its end gets through.
 *  (4) out_tail <= out_stop_at <= out_head while stopped.
 *
 * Source: POSIX.1-2017, chapter 11; behaviour where POSIX leaves a choice is
 * that of Linux (compared by tests/user/abi_pty.c).
 */
#include <drivers/tty/ldisc.h>
#include <kernel/lib/string.h>
#include <kernel/uapi/signal.h>

#define IN_MASK		(LDISC_IN_SIZE - 1)
#define OUT_MASK	(LDISC_OUT_SIZE - 1)
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

/* Letters of Latin-1, as on Linux. */
static bool is_upper(u8 c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 0xc0 && c <= 0xde && c != 0xd7);
}

static bool is_lower(u8 c)
{
	return (c >= 'a' && c <= 'z') || (c >= 0xdf && c != 0xf7);
}

static bool is_continuation(const struct ldisc *ld, u8 c)
{
	return i_flag(ld, IUTF8) && (c & 0xc0) == 0x80;
}

/* --- settings --- */

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

/* The input rate: a code of its own in the upper half of cflag, or the output's. */
u32 termios_input_baud(const struct termios2 *t)
{
	struct termios2 in = { .cflag = t->cflag >> IBSHIFT & CBAUD, .ospeed = t->ispeed };

	return in.cflag ? termios_baud(&in) : termios_baud(t);
}

static void reset_termios(struct ldisc *ld)
{
	static const u8 cc[NCCS] = {
		[VINTR] = 3, [VQUIT] = 28, [VERASE] = 127, [VKILL] = 21, [VEOF] = 4,
		[VTIME] = 0, [VMIN] = 1, [VSTART] = 17, [VSTOP] = 19, [VSUSP] = 26,
		[VREPRINT] = 18, [VDISCARD] = 15, [VWERASE] = 23, [VLNEXT] = 22,
	};

	ld->termios = (struct termios2){
		.iflag = ICRNL | IXON,
		.oflag = OPOST | ONLCR,
		.cflag = B38400 | CS8 | CREAD | (ld->is_pty ? 0 : HUPCL | CLOCAL),
		.lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN,
		.ispeed = 38400,
		.ospeed = 38400,
	};
	memcpy(ld->termios.cc, cc, NCCS);
}

static void mark_special(struct ldisc *ld, const u8 *which, u32 n)
{
	for (u32 i = 0; i < n; i++)
		bitmap_set(ld->special, ld->termios.cc[which[i]]);
}

static void find_special(struct ldisc *ld)
{
	static const u8 edit[] = { VERASE, VKILL, VEOF, VEOL }, extended[] = { VWERASE, VLNEXT, VEOL2 },
			signals[] = { VINTR, VQUIT, VSUSP }, flow[] = { VSTART, VSTOP };

	memset(ld->special, 0, sizeof(ld->special));
	if (i_flag(ld, IGNCR | ICRNL))
		bitmap_set(ld->special, '\r');
	if (i_flag(ld, INLCR) || l_flag(ld, ICANON))
		bitmap_set(ld->special, '\n');
	if (l_flag(ld, ICANON)) {
		mark_special(ld, edit, sizeof(edit));
		if (l_flag(ld, IEXTEN)) {
			mark_special(ld, extended, sizeof(extended));
			bitmap_set(ld->special, ld->termios.cc[VREPRINT]);
		}
	}
	if (i_flag(ld, IXON))
		mark_special(ld, flow, sizeof(flow));
	if (l_flag(ld, ISIG))
		mark_special(ld, signals, sizeof(signals));
	bitmap_clear(ld->special, DISABLED);
	ld->is_plain = l_flag(ld, EXTPROC) ? !i_flag(ld, ISTRIP | IUCLC) :
		       !i_flag(ld, ISTRIP | IUCLC | IGNCR | ICRNL | INLCR | IXON | PARMRK) &&
		       !l_flag(ld, ICANON | ISIG | ECHO);
}

void ldisc_init(struct ldisc *ld, bool is_pty)
{
	memset(ld, 0, sizeof(*ld));
	ld->is_pty = is_pty;
	reset_termios(ld);
	find_special(ld);
}

/* All that is unread changes its nature: one line, or plain data. */
static void change_mode(struct ldisc *ld)
{
	memset(ld->line_end, 0, sizeof(ld->line_end));
	ld->canon_head = ld->tail;
	if (l_flag(ld, ICANON) && ld->head != ld->tail) {
		ld->canon_head = ld->head;
		bitmap_set(ld->line_end, (ld->head - 1) & IN_MASK);
	}
	ld->erasing = false;
	ld->lnext = false;
}

void ldisc_set_termios(struct ldisc *ld, const struct termios2 *t)
{
	u32 mode_changes = (ld->termios.lflag ^ t->lflag) & (ICANON | EXTPROC);
	bool had_ixon = i_flag(ld, IXON);

	ld->termios = *t;
	if (mode_changes)
		change_mode(ld);
	find_special(ld);
	if (had_ixon && !i_flag(ld, IXON))
		ldisc_start(ld);
}

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

static void echo_raw(struct ldisc *ld, u8 c)
{
	if (o_flag(ld, OPOST))
		(void)output_char(ld, c, out_room(ld));
	else
		(void)out_put(ld, c);
}

static void echo_char(struct ldisc *ld, u8 c)
{
	if (l_flag(ld, ECHOCTL) && is_control(c) && c != '\t') {
		(void)out_put(ld, '^');
		(void)out_put(ld, c ^ 0x40);
		ld->column += 2;
		return;
	}
	echo_raw(ld, c);
}

static void finish_erasing(struct ldisc *ld)
{
	if (ld->erasing) {
		echo_raw(ld, '/');
		ld->erasing = false;
	}
}

/* The echo of a byte that joins the edited line. */
static void echo_input(struct ldisc *ld, u8 c)
{
	finish_erasing(ld);
	if (ld->canon_head == ld->head)
		ld->canon_column = ld->column;
	echo_char(ld, c);
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
	echo_raw(ld, '\b');
	echo_raw(ld, ' ');
	echo_raw(ld, '\b');
}

/* ECHOPRT: the characters taken back are printed between \ and /. bytes of them, at head. */
static void echo_printed_erase(struct ldisc *ld, u32 bytes)
{
	if (!ld->erasing) {
		echo_raw(ld, '\\');
		ld->erasing = true;
	}
	echo_char(ld, ld->in[ld->head & IN_MASK]);
	for (u32 i = 1; i < bytes; i++)
		echo_raw(ld, ld->in[(ld->head + i) & IN_MASK]);
}

/* --- editing --- */

/* The echo of taking back the character of so many bytes at head. by: VERASE, VWERASE, VKILL. */
static void echo_erase(struct ldisc *ld, u32 bytes, int by)
{
	u8 c = ld->in[ld->head & IN_MASK];

	if (!l_flag(ld, ECHO))
		return;
	if (l_flag(ld, ECHOPRT)) {
		echo_printed_erase(ld, bytes);
	} else if (by == VERASE && !l_flag(ld, ECHOE)) {
		echo_char(ld, ld->termios.cc[VERASE]);
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

/* The first byte of most UTF-8 letters is one too. */
static bool is_word_char(u8 c)
{
	return (c >= '0' && c <= '9') || is_lower(c) || is_upper(c) || c == '_';
}

/* How many bytes the last character of the edited line has; 0: a part of one, which stays. */
static u32 last_char(const struct ldisc *ld)
{
	u32 i = ld->head;
	u8 c;

	do {
		c = ld->in[--i & IN_MASK];
	} while (is_continuation(ld, c) && i != ld->canon_head);
	return is_continuation(ld, c) ? 0 : ld->head - i;
}

static void erase_chars(struct ldisc *ld, int by)
{
	bool in_word = false;

	while (ld->head != ld->canon_head) {
		u32 bytes = last_char(ld);
		u8 c = ld->in[(ld->head - bytes) & IN_MASK];

		if (!bytes)
			break;
		if (by == VWERASE) {
			if (in_word && !is_word_char(c))
				break;
			in_word |= is_word_char(c);
		}
		ld->head -= bytes;
		echo_erase(ld, bytes, by);
		if (by == VERASE)
			break;
	}
	if (ld->head == ld->canon_head && l_flag(ld, ECHO))
		finish_erasing(ld);
}

static void kill_line(struct ldisc *ld)
{
	if (l_flag(ld, ECHO) && l_flag(ld, ECHOK) && l_flag(ld, ECHOKE) && l_flag(ld, ECHOE)) {
		erase_chars(ld, VKILL);
		return;
	}
	ld->head = ld->canon_head;
	if (!l_flag(ld, ECHO))
		return;
	finish_erasing(ld);
	echo_char(ld, ld->termios.cc[VKILL]);
	if (l_flag(ld, ECHOK))
		echo_raw(ld, '\n');
}

static void reprint(struct ldisc *ld, u8 c)
{
	finish_erasing(ld);
	echo_char(ld, c);
	echo_raw(ld, '\n');
	for (u32 i = ld->canon_head; i != ld->head; i++)
		echo_char(ld, ld->in[i & IN_MASK]);
}

/* The callers keep to ldisc_room(). PARMRK can want one more: then the byte is lost. */
static void store(struct ldisc *ld, u8 c)
{
	if (ld->head - ld->tail < LDISC_IN_SIZE)
		ld->in[ld->head++ & IN_MASK] = c;
}

static void end_line(struct ldisc *ld, u8 c)
{
	u32 at = ld->head;

	store(ld, c);
	if (ld->head == at)
		return;
	bitmap_set(ld->line_end, at & IN_MASK);
	ld->canon_head = ld->head;
}

/* True if c edited the line instead of joining it. */
static bool edit(struct ldisc *ld, u8 c)
{
	if (is_cc(ld, c, VERASE) || is_cc(ld, c, VKILL) || (l_flag(ld, IEXTEN) && is_cc(ld, c, VWERASE))) {
		if (ld->head == ld->canon_head)
			return true;
		if (is_cc(ld, c, VERASE))
			erase_chars(ld, VERASE);
		else if (is_cc(ld, c, VKILL))
			kill_line(ld);
		else
			erase_chars(ld, VWERASE);
		return true;
	}
	if (!l_flag(ld, IEXTEN))
		return false;
	if (is_cc(ld, c, VLNEXT)) {
		ld->lnext = true;
		if (l_flag(ld, ECHO)) {
			finish_erasing(ld);
			if (l_flag(ld, ECHOCTL)) {
				echo_raw(ld, '^');
				echo_raw(ld, '\b');
			}
		}
		return true;
	}
	if (is_cc(ld, c, VREPRINT) && l_flag(ld, ECHO)) {
		reprint(ld, c);
		return true;
	}
	return false;
}

/* True if c ended the line. */
static bool finish(struct ldisc *ld, u8 c)
{
	if (c == '\n') {
		if (l_flag(ld, ECHO | ECHONL))
			echo_raw(ld, '\n');
		end_line(ld, c);
		return true;
	}
	if (is_cc(ld, c, VEOF)) {
		end_line(ld, DISABLED);
		return true;
	}
	if (is_cc(ld, c, VEOL) || (l_flag(ld, IEXTEN) && is_cc(ld, c, VEOL2))) {
		if (l_flag(ld, ECHO))
			echo_input(ld, c);
		if (c == 0xff && i_flag(ld, PARMRK))
			store(ld, c);
		end_line(ld, c);
		return true;
	}
	return false;
}

/* --- signals and flow control --- */

static void send_signal(struct ldisc *ld, int sig, u8 c)
{
	if (!l_flag(ld, NOFLSH)) {
		ldisc_flush_output(ld);
		ldisc_flush_input(ld);
	}
	ld->signals |= BIT(sig);
	if (i_flag(ld, IXON))
		ldisc_start(ld);
	if (l_flag(ld, ECHO))
		echo_char(ld, c);
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

static bool flow_char(struct ldisc *ld, u8 c)
{
	if (!i_flag(ld, IXON))
		return false;
	if (is_cc(ld, c, VSTART))
		ldisc_start(ld);
	else if (is_cc(ld, c, VSTOP))
		ldisc_stop(ld);
	else
		return false;
	return true;
}

static void start_on_any(struct ldisc *ld)
{
	if (ld->stopped && (ld->termios.iflag & (IXON | IXANY)) == (IXON | IXANY))
		ldisc_start(ld);
}

/* --- input --- */

/* Bytes it takes without harm; with PARMRK one may become three. Zero or less: full. */
static s32 in_room(const struct ldisc *ld)
{
	s32 room = LDISC_IN_SIZE - (s32)(ld->head - ld->tail);

	return (i_flag(ld, PARMRK) ? (room + 2) / 3 : room) - 1;
}

/* A full ring without a whole line in it: only the line's end can free it. */
static bool is_overlong(const struct ldisc *ld)
{
	return ldisc_is_canonical(ld) && ld->canon_head == ld->tail;
}

bool ldisc_has_room(const struct ldisc *ld)
{
	return in_room(ld) > 0 || is_overlong(ld);
}

static void accept(struct ldisc *ld, u8 c)
{
	if (l_flag(ld, ECHO))
		echo_input(ld, c);
	if (c == 0xff && i_flag(ld, PARMRK))
		store(ld, c);
	store(ld, c);
}

/* Input mapping. False: the byte vanishes. */
static bool map_newline(const struct ldisc *ld, u8 *c)
{
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

static void receive_special(struct ldisc *ld, u8 c)
{
	if (flow_char(ld, c) || signal_char(ld, c))
		return;
	start_on_any(ld);
	if (!map_newline(ld, &c))
		return;
	if (l_flag(ld, ICANON) && (edit(ld, c) || finish(ld, c)))
		return;
	/* Not canonical, and mapped: a newline is echoed as one, not as ^J. */
	if (c == '\n' && l_flag(ld, ECHO)) {
		finish_erasing(ld);
		echo_raw(ld, c);
		store(ld, c);
		return;
	}
	accept(ld, c);
}

static void receive_char(struct ldisc *ld, u8 c)
{
	if (i_flag(ld, ISTRIP))
		c &= 0x7f;
	if (i_flag(ld, IUCLC) && l_flag(ld, IEXTEN) && is_upper(c))
		c += 'a' - 'A';
	if (ld->lnext) {
		ld->lnext = false;
		start_on_any(ld);
		accept(ld, c);
	} else if (l_flag(ld, EXTPROC)) {
		store(ld, c);
	} else if (bitmap_test(ld->special, c)) {
		receive_special(ld, c);
	} else {
		start_on_any(ld);
		accept(ld, c);
	}
}

static void store_run(struct ldisc *ld, const u8 *p, u32 n)
{
	u32 at = ld->head & IN_MASK, first = min(n, LDISC_IN_SIZE - at);

	memcpy(ld->in + at, p, first);
	memcpy(ld->in, p + first, n - first);
	ld->head += n;
}

u32 ldisc_receive(struct ldisc *ld, const u8 *p, u32 n)
{
	u32 done = 0;

	while (done < n) {
		s32 room = in_room(ld);
		u32 run;

		if (room <= 0) {
			if (!is_overlong(ld))
				break;
			if (room < 0 && ld->head != ld->tail)
				ld->head--;	/* (3) */
			room = 1;
		}
		run = min(n - done, (u32)room);
		if (ld->is_plain) {
			store_run(ld, p + done, run);
			done += run;
			continue;
		}
		while (run--)
			receive_char(ld, p[done++]);
	}
	return done;
}

void ldisc_receive_break(struct ldisc *ld)
{
	if (i_flag(ld, IGNBRK) || in_room(ld) <= 0)
		return;
	if (i_flag(ld, BRKINT)) {
		if (!l_flag(ld, NOFLSH)) {
			ldisc_flush_output(ld);
			ldisc_flush_input(ld);
		}
		ld->signals |= BIT(SIGINT);
		return;
	}
	if (i_flag(ld, PARMRK)) {
		store(ld, 0xff);
		store(ld, 0);
	}
	store(ld, 0);
}

/* --- reading --- */

bool ldisc_readable(const struct ldisc *ld)
{
	return (ldisc_is_canonical(ld) ? ld->canon_head : ld->head) != ld->tail;
}

static void in_copy(const struct ldisc *ld, u8 *p, u32 n)
{
	u32 at = ld->tail & IN_MASK, first = min(n, LDISC_IN_SIZE - at);

	memcpy(p, ld->in + at, first);
	memcpy(p + first, ld->in, n - first);
}

/* Bytes from tail to the first line end, which counts; n if there is none among them. */
static u32 line_length(const struct ldisc *ld, u32 n, bool *found)
{
	u32 at = ld->tail & IN_MASK, first = min(n, LDISC_IN_SIZE - at), end;

	end = bitmap_find_set(ld->line_end, at + first, at);
	*found = end != at + first;
	if (*found)
		return end - at + 1;
	end = bitmap_find_set(ld->line_end, n - first, 0);
	*found = end != n - first;
	return first + end + *found;
}

static bool is_eof_mark(const struct ldisc *ld, u32 i)
{
	return bitmap_test(ld->line_end, i & IN_MASK) && ld->in[i & IN_MASK] == DISABLED;
}

static u32 read_line(struct ldisc *ld, u8 *p, u32 n, bool *line_done)
{
	/* One more than fits: an end-of-file mark goes with the bytes before it, even at a full buffer. */
	u32 have = ld->canon_head - ld->tail, len = line_length(ld, min(have, n + 1), line_done);
	u32 last = ld->tail + len - 1, bytes = len;

	if (*line_done && is_eof_mark(ld, last))
		bytes--;
	if (bytes > n) {
		bytes = len = n;
		*line_done = false;
	}
	in_copy(ld, p, bytes);
	if (*line_done)
		bitmap_clear(ld->line_end, last & IN_MASK);
	ld->tail += len;
	return bytes;
}

u32 ldisc_read(struct ldisc *ld, u8 *p, u32 n, bool *line_done)
{
	*line_done = false;
	if (ldisc_is_canonical(ld))
		return read_line(ld, p, n, line_done);
	n = min(n, ld->head - ld->tail);
	in_copy(ld, p, n);
	ld->tail += n;
	ld->canon_head = ld->tail;
	return n;
}

u32 ldisc_input_count(const struct ldisc *ld)
{
	u32 n;

	if (!ldisc_is_canonical(ld))
		return ld->head - ld->tail;
	n = ld->canon_head - ld->tail;
	for (u32 i = ld->tail; i != ld->canon_head; i++)
		n -= is_eof_mark(ld, i);
	return n;
}

void ldisc_flush_input(struct ldisc *ld)
{
	ld->head = ld->tail = ld->canon_head = 0;
	ld->lnext = ld->erasing = false;
	memset(ld->line_end, 0, sizeof(ld->line_end));
	ld->events |= TIOCPKT_FLUSHREAD;
}
