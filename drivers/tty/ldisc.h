/* SPDX-License-Identifier: MIT */
/*
 * The terminal line discipline, as a machine without locks, sleeps or hardware:
 * bytes and settings go in; readable bytes, echo and signals come out. tty.c
 * drives it under the tty's lock; unit tests drive it on the host.
 */
#pragma once
#include <kernel/types.h>
#include <kernel/lib/bitmap.h>
#include <kernel/uapi/termios.h>

#define TAB_STOP_MAX	8		/* output bytes that one input byte may become */
#define LDISC_BUF_SIZE	4096		/* power of two; a canonical line has at most one less */

struct ldisc;
struct ldisc_ops {
	/* One byte of output after all processing. False: no room; the byte is lost for echo, kept for writes. */
	bool (*put)(struct ldisc *ld, u8 c);
	u32 (*room)(struct ldisc *ld);		/* bytes that put would take now */
	void (*signal)(struct ldisc *ld, int sig);	/* to the foreground group */
	void (*flow)(struct ldisc *ld, bool stop);	/* ^S and ^Q */
	void (*flush_output)(struct ldisc *ld);
};

struct ldisc {
	const struct ldisc_ops *ops;
	struct termios2 termios;

	/*
	 * Input ring, free-running indices: [tail, canon_head) are whole lines,
	 * [canon_head, head) is the line being edited, or, without ICANON, simply
	 * data. line_end marks bytes that end a line; a marked NUL that came from
	 * the EOF character (eof_mark) ends it without being read.
	 */
	u8 buf[LDISC_BUF_SIZE];
	DECLARE_BITMAP(line_end, LDISC_BUF_SIZE);
	DECLARE_BITMAP(eof_mark, LDISC_BUF_SIZE);
	u32 head, canon_head, tail;

	u32 column;			/* of the cursor, for tabs and erasing */
	u32 canon_column;		/* where the edited line began */
	bool lnext;			/* the next byte is literal */
	bool stopped;			/* ^S */
};

void ldisc_init(struct ldisc *ld, const struct ldisc_ops *ops);
/* What a freshly opened terminal has: cooked, echoing, 38400 8N1. */
void ldisc_reset_termios(struct ldisc *ld);
/* The line's rate, as termios names it: a standard code where there is one, else BOTHER. */
void ldisc_set_baud(struct ldisc *ld, u32 baud);
/* The rate that t asks for: cflag's code, or the number given with BOTHER. */
u32 termios_baud(const struct termios2 *t);
/* New settings; leaving canonical mode makes the edited line readable. */
void ldisc_set_termios(struct ldisc *ld, const struct termios2 *t);

/* Bytes it would take now. */
u32 ldisc_room(const struct ldisc *ld);
/* Input from the line. How many bytes were taken; fewer where the ring is full. */
u32 ldisc_receive(struct ldisc *ld, const u8 *p, u32 n);
void ldisc_receive_break(struct ldisc *ld);

/* Bytes a read could return now; 0 and *eof at an end-of-file mark. */
u32 ldisc_readable(const struct ldisc *ld, bool *eof);
/*
 * Take at most n bytes: in canonical mode at most one line, and *line_done tells
 * that its end (or an end-of-file mark, which has no byte) went with them.
 */
u32 ldisc_read(struct ldisc *ld, u8 *p, u32 n, bool *line_done);
u32 ldisc_input_count(const struct ldisc *ld);		/* FIONREAD */
void ldisc_flush_input(struct ldisc *ld);

/* Output from write(2) with OPOST processing. Bytes taken. */
u32 ldisc_write(struct ldisc *ld, const u8 *p, u32 n);
