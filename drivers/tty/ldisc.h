/* SPDX-License-Identifier: MIT */
/*
 * The terminal line discipline, as a machine without locks, sleeps or hardware:
 * bytes and settings go in; readable bytes, output, signals and events come out.
 * tty.c drives it under the tty's lock; unit tests drive it on the host.
 */
#pragma once
#include <kernel/types.h>
#include <kernel/lib/bitmap.h>
#include <kernel/uapi/termios.h>

/* Powers of two. A canonical line has at most LDISC_IN_SIZE bytes, its end included. */
#define LDISC_IN_SIZE	4096
#define LDISC_OUT_SIZE	4096
/* output bytes that writes leave to echo. Chosen: a few lines of typing */
#define LDISC_ECHO_RESERVE 256

struct ldisc {
	struct termios2 termios;

	/*
	 * Input ring, free-running indices: with ICANON, [tail, canon_head) are whole
	 * lines and [canon_head, head) is the line being edited; without, all of
	 * [tail, head) is readable. A byte with its line_end bit ends a line; a NUL so
	 * marked came from the EOF character and is not read.
	 */
	u8 in[LDISC_IN_SIZE];
	DECLARE_BITMAP(line_end, LDISC_IN_SIZE);
	u32 head, canon_head, tail;

	/* Output ring, after all processing, on its way to the port. */
	u8 out[LDISC_OUT_SIZE];
	u32 out_head, out_tail;
	u32 out_stop_at;		/* where output ends while stopped */

	u32 column;			/* of the cursor, for tabs and erasing */
	u32 canon_column;		/* where the edited line began */
	DECLARE_BITMAP(special, 256);	/* input bytes that mean something under these settings */
	bool is_plain;			/* no byte does, nothing is echoed: input is only stored */
	bool is_pty;			/* stopped: writes wait, and what was written before goes out */
	bool lnext;			/* the next byte is literal */
	bool erasing;			/* ECHOPRT: between the \ and the / */
	bool stopped;			/* output: by ^S or TCOOFF */
	bool tco_stopped;		/* by TCOOFF: ^Q does not start it */

	/* What happened; the caller looks, acts, and clears. */
	u64 signals;			/* bit sig: for the foreground group */
	u8 events;			/* TIOCPKT_* */
};

void ldisc_init(struct ldisc *ld, bool is_pty);
/* The line's rate, as termios names it: a standard code where there is one, else BOTHER. */
void ldisc_set_baud(struct ldisc *ld, u32 baud);
/* The rates that t asks for: cflag's code, or the number given with BOTHER. */
u32 termios_baud(const struct termios2 *t);
u32 termios_input_baud(const struct termios2 *t);
/* New settings. Where ICANON changes, all that is unread becomes one line, or plain data. */
void ldisc_set_termios(struct ldisc *ld, const struct termios2 *t);

/* --- input --- */
bool ldisc_has_room(const struct ldisc *ld);		/* it would take a byte */
/* Input from the line. How many bytes were taken; fewer where the ring is full. */
u32 ldisc_receive(struct ldisc *ld, const u8 *p, u32 n);
void ldisc_receive_break(struct ldisc *ld);
/* a read would return, be it with an end of file */
bool ldisc_readable(const struct ldisc *ld);
/*
 * Take at most n bytes: in canonical mode at most one line, and *line_done tells
 * that its end (or an end-of-file mark, which has no byte) went with them.
 */
u32 ldisc_read(struct ldisc *ld, u8 *p, u32 n, bool *line_done);
u32 ldisc_input_count(const struct ldisc *ld);		/* FIONREAD */
void ldisc_flush_input(struct ldisc *ld);

/* --- output --- */
/* From write(2), with OPOST processing. Bytes taken; fewer where there is no room. */
u32 ldisc_write(struct ldisc *ld, const u8 *p, u32 n);
u32 ldisc_write_room(const struct ldisc *ld);
/* Output that may go out now, in one piece, at *p; then say how much went. */
u32 ldisc_output(const struct ldisc *ld, const u8 **p);
static inline void ldisc_output_done(struct ldisc *ld, u32 n)
{
	ld->out_tail += n;
}
void ldisc_flush_output(struct ldisc *ld);
void ldisc_stop(struct ldisc *ld);			/* ^S */
void ldisc_start(struct ldisc *ld);			/* ^Q; not while TCOOFF holds it */
void ldisc_set_tco_stopped(struct ldisc *ld, bool stop);
void ldisc_put_raw(struct ldisc *ld, u8 c);		/* TCIOFF, TCION: past all processing */

static inline u32 ldisc_out_count(const struct ldisc *ld)
{
	return ld->out_head - ld->out_tail;
}
static inline bool ldisc_is_canonical(const struct ldisc *ld)
{
	return (ld->termios.lflag & (ICANON | EXTPROC)) == ICANON;
}
