/* SPDX-License-Identifier: MIT */
/*
 * Line discipline: settings, editing, signals and reading. Output and echo: ldisc_out.c.
 *
 * Canonical input collects a line between canon_head and head, where the
 * editing characters may still take bytes back; a line-ending byte sets
 * canon_head to head, which makes the line readable. Without ICANON canon_head
 * means nothing: all of [tail, head) is readable.
 *
 * Most input is text. A bitmap tells the few bytes that mean something under the
 * present settings; without echo and such bytes, input is one copy.
 *
 * Invariants:
 *  (1) tail <= canon_head <= head <= tail + LDISC_IN_SIZE, as free-running u32
 *      (canon_head: with ICANON).
 *  (2) With ICANON, a bit of line_end is set only for bytes in [tail, canon_head).
 *  (3) One byte of room is kept for the line's end: a line that is too long to
 *      edit keeps its beginning, and what comes then replaces its last byte, so
 *      that its end gets through.
 *
 * Source: POSIX.1-2017, chapter 11; behaviour where POSIX leaves a choice is
 * that of Linux (compared by tests/user/abi_pty.c).
 */
#include <drivers/tty/ldisc_impl.h>
#include <kernel/lib/string.h>
#include <kernel/uapi/signal.h>

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

/* --- editing --- */

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
		ldisc_echo_erase(ld, bytes, by);
		if (by == VERASE)
			break;
	}
	if (ld->head == ld->canon_head && l_flag(ld, ECHO))
		ldisc_finish_erasing(ld);
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
	ldisc_finish_erasing(ld);
	ldisc_echo_char(ld, ld->termios.cc[VKILL]);
	if (l_flag(ld, ECHOK))
		ldisc_echo_raw(ld, '\n');
}

static void reprint(struct ldisc *ld, u8 c)
{
	ldisc_finish_erasing(ld);
	ldisc_echo_char(ld, c);
	ldisc_echo_raw(ld, '\n');
	for (u32 i = ld->canon_head; i != ld->head; i++)
		ldisc_echo_char(ld, ld->in[i & IN_MASK]);
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
	if (is_cc(ld, c, VERASE) || is_cc(ld, c, VKILL) ||
	    (l_flag(ld, IEXTEN) && is_cc(ld, c, VWERASE))) {
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
			ldisc_finish_erasing(ld);
			if (l_flag(ld, ECHOCTL)) {
				ldisc_echo_raw(ld, '^');
				ldisc_echo_raw(ld, '\b');
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
			ldisc_echo_raw(ld, '\n');
		end_line(ld, c);
		return true;
	}
	if (is_cc(ld, c, VEOF)) {
		end_line(ld, DISABLED);
		return true;
	}
	if (is_cc(ld, c, VEOL) || (l_flag(ld, IEXTEN) && is_cc(ld, c, VEOL2))) {
		if (l_flag(ld, ECHO))
			ldisc_echo_input(ld, c);
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
		ldisc_echo_char(ld, c);
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
		ldisc_echo_input(ld, c);
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
		ldisc_finish_erasing(ld);
		ldisc_echo_raw(ld, c);
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
	/*
	 * One more than fits: an end-of-file mark goes
	 * with the bytes before it, even at a full buffer.
	 */
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
