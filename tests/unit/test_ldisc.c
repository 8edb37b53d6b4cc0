/* SPDX-License-Identifier: MIT */
/*
 * The terminal line discipline on the host: what a user types, what is echoed,
 * what a program reads.
 */
#include "unit.h"
#include <drivers/tty/ldisc.h>
#include <kernel/lib/string.h>
#include <kernel/uapi/signal.h>

static struct ldisc ld;
static u8 screen[20000];
static u32 screen_len, screen_limit = sizeof(screen);
static int last_signal;
static bool held;

static bool put(struct ldisc *l, u8 c)
{
	(void)l;
	if (screen_len >= screen_limit)
		return false;
	screen[screen_len++] = c;
	return true;
}

static u32 room(struct ldisc *l)
{
	(void)l;
	return screen_limit - screen_len;
}

static void raise_signal(struct ldisc *l, int sig)
{
	(void)l;
	last_signal = sig;
}

static void flow(struct ldisc *l, bool stop)
{
	(void)l;
	held = stop;
}

static void flush_output(struct ldisc *l)
{
	(void)l;
	screen_len = 0;
}

static const struct ldisc_ops ops = { put, room, raise_signal, flow, flush_output };

static void fresh(void)
{
	ldisc_init(&ld, &ops);
	screen_len = 0;
	screen_limit = sizeof(screen);
	last_signal = 0;
	held = false;
}

static u32 type(const char *s)
{
	return ldisc_receive(&ld, (const u8 *)s, strlen(s));
}

static bool shows(const char *s)
{
	return screen_len == strlen(s) && !memcmp(screen, s, screen_len);
}

static bool reads(const char *s)
{
	u8 buf[512];
	bool done;
	u32 n = ldisc_read(&ld, buf, sizeof(buf), &done);

	return n == strlen(s) && !memcmp(buf, s, n);
}

TEST(a_line_is_readable_when_it_ends)
{
	bool eof;

	fresh();
	type("ls");
	EXPECT_EQ(ldisc_readable(&ld, &eof), 0);
	type("\r");
	EXPECT_EQ(ldisc_readable(&ld, &eof), 3);
	EXPECT_EQ(shows("ls\r\n"), true);
	EXPECT_EQ(reads("ls\n"), true);
	EXPECT_EQ(ldisc_readable(&ld, &eof), 0);
}

TEST(one_read_takes_one_line)
{
	fresh();
	type("one\ntwo\n");
	EXPECT_EQ(reads("one\n"), true);
	EXPECT_EQ(reads("two\n"), true);
}

TEST(erase_removes_the_echo_it_made)
{
	fresh();
	type("ab\x7f");
	EXPECT_EQ(shows("ab\b \b"), true);
	type("\x7f\x7f\x7f");		/* at the line's start nothing more happens */
	EXPECT_EQ(shows("ab\b \b\b \b"), true);
	type("x\n");
	EXPECT_EQ(reads("x\n"), true);
}

TEST(erasing_a_control_character_takes_two_columns)
{
	fresh();
	type("\x01\x7f");
	EXPECT_EQ(shows("^A\b \b\b \b"), true);
}

TEST(erasing_a_tab_goes_back_to_where_it_began)
{
	fresh();
	type("abc\t\x7f");
	EXPECT_EQ(shows("abc\t\b\b\b\b\b"), true);
}

TEST(kill_and_word_erase)
{
	fresh();
	type("echo foo bar\x17");
	type("\n");
	EXPECT_EQ(reads("echo foo \n"), true);
	type("rm -rf\x15ls\n");
	EXPECT_EQ(reads("ls\n"), true);
}

TEST(utf8_characters_are_erased_whole)
{
	struct termios2 t;

	fresh();
	t = ld.termios;
	t.iflag |= IUTF8;
	ldisc_set_termios(&ld, &t);
	type("a\xc3\xa4\x7f");
	EXPECT_EQ(shows("a\xc3\xa4\b \b"), true);
	type("\n");
	EXPECT_EQ(reads("a\n"), true);
}

TEST(eof_ends_a_line_without_a_byte)
{
	bool eof;

	fresh();
	type("ab\x04");
	EXPECT_EQ(reads("ab"), true);
	type("\x04");
	EXPECT_EQ(ldisc_readable(&ld, &eof), 0);
	EXPECT_EQ(eof, true);
	EXPECT_EQ(reads(""), true);
	EXPECT_EQ(ldisc_readable(&ld, &eof), 0);
	EXPECT_EQ(eof, false);
}

TEST(interrupt_flushes_and_signals)
{
	fresh();
	type("abc\x03");
	EXPECT_EQ(last_signal, SIGINT);
	EXPECT_EQ(shows("^C"), true);
	type("\n");
	EXPECT_EQ(reads("\n"), true);
	type("\x1a");
	EXPECT_EQ(last_signal, SIGTSTP);
	type("\x1c");
	EXPECT_EQ(last_signal, SIGQUIT);
}

TEST(literal_next_takes_the_meaning_away)
{
	fresh();
	type("\x16\x03\n");
	EXPECT_EQ(last_signal, 0);
	EXPECT_EQ(reads("\x03\n"), true);
}

TEST(flow_control_holds_output_and_is_not_data)
{
	fresh();
	type("\x13");
	EXPECT_EQ(held, true);
	type("\x11");
	EXPECT_EQ(held, false);
	type("\n");
	EXPECT_EQ(reads("\n"), true);
}

TEST(raw_mode_passes_everything)
{
	struct termios2 t;

	fresh();
	t = ld.termios;
	t.iflag = 0;
	t.oflag = 0;
	t.lflag = 0;
	ldisc_set_termios(&ld, &t);
	type("a\x03\r\x7f");
	EXPECT_EQ(reads("a\x03\r\x7f"), true);
	EXPECT_EQ(screen_len, 0);
	EXPECT_EQ(last_signal, 0);
}

TEST(leaving_canonical_mode_frees_the_edited_line)
{
	struct termios2 t;
	bool eof;

	fresh();
	type("half");
	t = ld.termios;
	t.lflag &= ~ICANON;
	ldisc_set_termios(&ld, &t);
	EXPECT_EQ(ldisc_readable(&ld, &eof), 4);
	EXPECT_EQ(reads("half"), true);
}

TEST(a_full_line_can_still_be_ended)
{
	u8 buf[LDISC_BUF_SIZE];
	bool done;
	u32 n;

	fresh();
	for (u32 i = 0; i < LDISC_BUF_SIZE + 100; i++)
		EXPECT_EQ(type("x"), 1);
	type("\n");
	n = ldisc_read(&ld, buf, sizeof(buf), &done);
	EXPECT_EQ(n, LDISC_BUF_SIZE);
	EXPECT_EQ(buf[n - 1], '\n');
	EXPECT_EQ(done, true);
}

TEST(unread_lines_stop_the_sender)
{
	u32 sent = 0, n;

	fresh();
	while ((n = type("0123456789\n")) == 11)
		sent += n;
	EXPECT_EQ(sent + n <= LDISC_BUF_SIZE, true);
	EXPECT_EQ(reads("0123456789\n"), true);
	EXPECT_EQ(ldisc_room(&ld) > 0, true);
}

TEST(output_processing_keeps_what_does_not_fit)
{
	fresh();
	screen_limit = 3;
	EXPECT_EQ(ldisc_write(&ld, (const u8 *)"ab\n", 3), 2);	/* \r\n needs two */
	screen_limit = 100;
	EXPECT_EQ(ldisc_write(&ld, (const u8 *)"\n", 1), 1);
	EXPECT_EQ(shows("ab\r\n"), true);
}

TEST(echo_can_be_off_but_for_the_newline)
{
	struct termios2 t;

	fresh();
	t = ld.termios;
	t.lflag = (t.lflag & ~ECHO) | ECHONL;
	ldisc_set_termios(&ld, &t);
	type("secret\n");
	EXPECT_EQ(shows("\r\n"), true);
	EXPECT_EQ(reads("secret\n"), true);
}

TEST(random_input_keeps_the_indices_in_order)
{
	u64 seed = 1;

	fresh();
	for (int i = 0; i < 2000000; i++) {
		struct termios2 t;
		u8 c;
		bool done;

		seed = seed * 6364136223846793005ul + 1442695040888963407ul;
		c = seed >> 56;
		ldisc_receive(&ld, &c, 1);
		if ((seed >> 40 & 63) == 0) {
			u8 buf[300];

			ldisc_read(&ld, buf, seed >> 20 & 255, &done);
		}
		if ((seed >> 40 & 1023) == 1) {
			t = ld.termios;
			t.lflag = seed >> 8 & 0177777;
			t.iflag = seed >> 24 & 077777;
			ldisc_set_termios(&ld, &t);
		}
		screen_len = 0;
		EXPECT_EQ(ld.canon_head - ld.tail <= ld.head - ld.tail, true);
		EXPECT_EQ(ld.head - ld.tail <= LDISC_BUF_SIZE, true);
	}
}
