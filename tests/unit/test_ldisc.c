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

static void fresh(void)
{
	ldisc_init(&ld, false);
}

/* Settings as they are but for these bits. */
static void set_flags(u32 iflag_on, u32 lflag_on, u32 lflag_off)
{
	struct termios2 t = ld.termios;

	t.iflag |= iflag_on;
	t.lflag = (t.lflag | lflag_on) & ~lflag_off;
	ldisc_set_termios(&ld, &t);
}

static void set_raw(void)
{
	struct termios2 t = ld.termios;

	t.iflag = t.oflag = t.lflag = 0;
	ldisc_set_termios(&ld, &t);
}

static u32 type(const char *s)
{
	return ldisc_receive(&ld, (const u8 *)s, strlen(s));
}

/* What has come out since the last time. */
static bool shows(const char *want)
{
	u32 at = 0, n;
	const u8 *p;

	while ((n = ldisc_output(&ld, &p))) {
		if (at + n > strlen(want) || memcmp(p, want + at, n)) {
			ldisc_flush_output(&ld);
			return false;
		}
		at += n;
		ldisc_output_done(&ld, n);
	}
	return at == strlen(want);
}

static bool eof_waits(void)
{
	return ldisc_readable(&ld) && !ldisc_input_count(&ld);
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
	fresh();
	type("ls");
	EXPECT_EQ(ldisc_readable(&ld), false);
	type("\r");
	EXPECT_EQ(ldisc_readable(&ld), true);
	EXPECT_EQ(ldisc_input_count(&ld), 3);
	EXPECT_EQ(shows("ls\r\n"), true);
	EXPECT_EQ(reads("ls\n"), true);
	EXPECT_EQ(ldisc_readable(&ld), false);
}

TEST(one_read_takes_one_line)
{
	fresh();
	type("one\ntwo\n");
	EXPECT_EQ(reads("one\n"), true);
	EXPECT_EQ(reads("two\n"), true);
}

TEST(a_line_is_read_in_pieces)
{
	u8 buf[4];
	bool done;

	fresh();
	type("abcdef\n");
	EXPECT_EQ(ldisc_read(&ld, buf, 4, &done), 4);
	EXPECT_EQ(done, false);
	EXPECT_EQ(ldisc_read(&ld, buf, 4, &done), 3);
	EXPECT_EQ(done, true);
	EXPECT_EQ(buf[2], '\n');
}

TEST(erase_removes_the_echo_it_made)
{
	fresh();
	type("ab\x7f");
	EXPECT_EQ(shows("ab\b \b"), true);
	type("\x7f\x7f\x7f");		/* at the line's start nothing more happens */
	EXPECT_EQ(shows("\b \b"), true);
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
	type("\x15");
	(void)shows("\b \b\b \b\b \b");
	ldisc_write(&ld, (const u8 *)"> ", 2);
	EXPECT_EQ(shows("> "), true);
	type("a\tb\x7f\x7f");
	EXPECT_EQ(shows("a\tb\b \b\b\b\b\b\b"), true);
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

TEST(kill_without_echoke_leaves_the_line_behind)
{
	fresh();
	set_flags(0, 0, ECHOKE);
	type("abc\x15");
	EXPECT_EQ(shows("abc^U\r\n"), true);
	EXPECT_EQ(ld.head == ld.canon_head, true);
}

TEST(printer_style_erase_prints_what_goes)
{
	fresh();
	set_flags(0, ECHOPRT, 0);
	type("abc\x7f\x7fx");
	EXPECT_EQ(shows("abc\\cb/x"), true);
	type("\x7f\x7f");
	EXPECT_EQ(shows("\\xa/"), true);
}

TEST(reprint_shows_the_line_again)
{
	fresh();
	type("ab\x12");
	EXPECT_EQ(shows("ab^R\r\nab"), true);
}

TEST(utf8_characters_are_erased_whole)
{
	fresh();
	set_flags(IUTF8, 0, 0);
	type("a\xc3\xa4\x7f");
	EXPECT_EQ(shows("a\xc3\xa4\b \b"), true);
	type("\n");
	EXPECT_EQ(reads("a\n"), true);
}

TEST(eof_ends_a_line_without_a_byte)
{
	fresh();
	type("ab\x04");
	EXPECT_EQ(reads("ab"), true);
	type("\x04");
	EXPECT_EQ(eof_waits(), true);
	EXPECT_EQ(reads(""), true);
	EXPECT_EQ(ldisc_readable(&ld), false);
}

TEST(eof_goes_with_the_bytes_that_fill_the_buffer)
{
	u8 buf[2];
	bool done;

	fresh();
	type("ab\x04" "cd\n");
	EXPECT_EQ(ldisc_read(&ld, buf, 2, &done), 2);
	EXPECT_EQ(done, true);
	EXPECT_EQ(reads("cd\n"), true);
}

TEST(interrupt_flushes_and_signals)
{
	fresh();
	type("abc\x03");
	EXPECT_EQ(ld.signals, BIT(SIGINT));
	EXPECT_EQ(shows("^C"), true);
	type("\n");
	EXPECT_EQ(reads("\n"), true);
	ld.signals = 0;
	type("\x1a");
	EXPECT_EQ(ld.signals, BIT(SIGTSTP));
	type("\x1c");
	EXPECT_EQ(ld.signals, BIT(SIGTSTP) | BIT(SIGQUIT));
}

TEST(interrupt_without_flush_keeps_the_line)
{
	fresh();
	set_flags(0, NOFLSH, 0);
	type("abc\x03\n");
	EXPECT_EQ(ld.signals, BIT(SIGINT));
	EXPECT_EQ(reads("abc\n"), true);
}

TEST(literal_next_takes_the_meaning_away)
{
	fresh();
	type("\x16\x03\n");
	EXPECT_EQ(ld.signals, 0);
	EXPECT_EQ(shows("^\b^C\r\n"), true);
	EXPECT_EQ(reads("\x03\n"), true);
}

TEST(flow_control_holds_output_and_is_not_data)
{
	fresh();
	type("\x13");
	ldisc_write(&ld, (const u8 *)"x", 1);
	EXPECT_EQ(shows(""), true);
	EXPECT_EQ(ld.events & TIOCPKT_STOP, TIOCPKT_STOP);
	type("\x11");
	EXPECT_EQ(shows("x"), true);
	EXPECT_EQ(ld.events & (TIOCPKT_START | TIOCPKT_STOP), TIOCPKT_START);
	type("\n");
	EXPECT_EQ(reads("\n"), true);
}

TEST(a_stopped_pty_refuses_writes_and_gives_what_it_had)
{
	ldisc_init(&ld, true);
	ldisc_write(&ld, (const u8 *)"a", 1);
	type("\x13");
	EXPECT_EQ(ldisc_write(&ld, (const u8 *)"b", 1), 0);
	EXPECT_EQ(shows("a"), true);
	type("z");			/* its echo waits */
	EXPECT_EQ(shows(""), true);
	type("\x11");
	EXPECT_EQ(shows("z"), true);
	EXPECT_EQ(ldisc_write(&ld, (const u8 *)"b", 1), 1);
}

TEST(any_key_starts_output_with_ixany)
{
	fresh();
	set_flags(IXANY, 0, 0);
	type("\x13");
	EXPECT_EQ(ld.stopped, true);
	type("q");
	EXPECT_EQ(ld.stopped, false);
}

TEST(tcooff_is_not_ended_by_the_start_character)
{
	fresh();
	ldisc_set_tco_stopped(&ld, true);
	type("\x11");
	EXPECT_EQ(ld.stopped, true);
	ldisc_set_tco_stopped(&ld, false);
	EXPECT_EQ(ld.stopped, false);
}

TEST(clearing_ixon_starts_output)
{
	struct termios2 t;

	fresh();
	type("\x13");
	t = ld.termios;
	t.iflag &= ~IXON;
	ldisc_set_termios(&ld, &t);
	EXPECT_EQ(ld.stopped, false);
}

TEST(raw_mode_passes_everything)
{
	fresh();
	set_raw();
	EXPECT_EQ(ld.is_plain, true);
	type("a\x03\r\x7f");
	EXPECT_EQ(reads("a\x03\r\x7f"), true);
	EXPECT_EQ(shows(""), true);
	EXPECT_EQ(ld.signals, 0);
}

TEST(raw_input_wraps_around)
{
	static u8 data[1000], got[1000];
	bool done;

	fresh();
	set_raw();
	for (u32 i = 0; i < sizeof(data); i++)
		data[i] = i * 7;
	for (u32 i = 0; i < 50; i++) {
		EXPECT_EQ(ldisc_receive(&ld, data, sizeof(data)), sizeof(data));
		EXPECT_EQ(ldisc_read(&ld, got, sizeof(got), &done), sizeof(got));
		EXPECT_EQ(memcmp(data, got, sizeof(got)), 0);
	}
}

TEST(marked_parity_doubles_the_mark)
{
	fresh();
	set_raw();
	set_flags(PARMRK, 0, 0);
	type("a\xff");
	EXPECT_EQ(reads("a\xff\xff"), true);
	ldisc_receive_break(&ld);
	EXPECT_EQ(ldisc_input_count(&ld), 3);
}

TEST(case_and_eighth_bit_are_mapped_before_anything_else)
{
	fresh();
	set_flags(ISTRIP | IUCLC, 0, 0);
	type("L\xd3\n");		/* 0xd3 strips to S */
	EXPECT_EQ(reads("ls\n"), true);
}

TEST(leaving_canonical_mode_frees_the_edited_line)
{
	fresh();
	type("half");
	set_flags(0, 0, ICANON);
	EXPECT_EQ(ldisc_input_count(&ld), 4);
	EXPECT_EQ(reads("half"), true);
}

TEST(entering_canonical_mode_makes_one_line_of_what_is_there)
{
	fresh();
	set_flags(0, 0, ICANON);
	type("a\rb");
	set_flags(0, ICANON, 0);
	EXPECT_EQ(reads("a\nb"), true);
	type("c\n");
	EXPECT_EQ(reads("c\n"), true);
}

TEST(a_full_line_can_still_be_ended)
{
	static u8 buf[LDISC_IN_SIZE];
	bool done;
	u32 n;

	fresh();
	for (u32 i = 0; i < LDISC_IN_SIZE + 100; i++)
		EXPECT_EQ(type("x"), 1);
	type("\n");
	n = ldisc_read(&ld, buf, sizeof(buf), &done);
	EXPECT_EQ(n, LDISC_IN_SIZE);
	EXPECT_EQ(buf[n - 1], '\n');
	EXPECT_EQ(done, true);
}

TEST(unread_lines_stop_the_sender)
{
	u32 sent = 0, n;

	fresh();
	while ((n = type("0123456789\n")) == 11)
		sent += n;
	EXPECT_EQ(sent + n < LDISC_IN_SIZE, true);
	EXPECT_EQ(ldisc_has_room(&ld), false);
	EXPECT_EQ(reads("0123456789\n"), true);
	EXPECT_EQ(ldisc_has_room(&ld), true);
}

TEST(output_processing_keeps_what_does_not_fit)
{
	fresh();
	while (ldisc_write_room(&ld) > 3)
		ldisc_write(&ld, (const u8 *)"x", 1);
	EXPECT_EQ(ldisc_write(&ld, (const u8 *)"ab\n", 3), 2);	/* \r\n needs two */
	ldisc_output_done(&ld, ldisc_out_count(&ld));
	EXPECT_EQ(ldisc_write(&ld, (const u8 *)"\n", 1), 1);
	EXPECT_EQ(shows("\r\n"), true);
}

TEST(echo_finds_room_where_writes_do_not)
{
	fresh();
	while (ldisc_write(&ld, (const u8 *)"x", 1))
		;
	ldisc_output_done(&ld, 1);
	EXPECT_EQ(ldisc_out_count(&ld), LDISC_OUT_SIZE - LDISC_ECHO_RESERVE - 1);
	type("y");
	EXPECT_EQ(ldisc_out_count(&ld), LDISC_OUT_SIZE - LDISC_ECHO_RESERVE);
}

TEST(output_runs_and_columns)
{
	struct termios2 t;

	fresh();
	t = ld.termios;
	t.oflag |= XTABS;
	ldisc_set_termios(&ld, &t);
	EXPECT_EQ(ldisc_write(&ld, (const u8 *)"abc\tx\r\n\ty", 9), 9);
	EXPECT_EQ(shows("abc     x\r\r\n        y"), true);
	EXPECT_EQ(ld.column, 9);
}

TEST(echo_can_be_off_but_for_the_newline)
{
	fresh();
	set_flags(0, ECHONL, ECHO);
	type("secret\n");
	EXPECT_EQ(shows("\r\n"), true);
	EXPECT_EQ(reads("secret\n"), true);
}

TEST(rates_are_codes_or_numbers)
{
	struct termios2 t = { .cflag = B115200 };

	EXPECT_EQ(termios_baud(&t), 115200);
	EXPECT_EQ(termios_input_baud(&t), 115200);
	t = (struct termios2){ .cflag = BOTHER | BOTHER << IBSHIFT, .ospeed = 12345, .ispeed = 777 };
	EXPECT_EQ(termios_baud(&t), 12345);
	EXPECT_EQ(termios_input_baud(&t), 777);
	fresh();
	ldisc_set_baud(&ld, 115200);
	EXPECT_EQ(ld.termios.cflag & CBAUD, B115200);
	ldisc_set_baud(&ld, 31250);
	EXPECT_EQ(ld.termios.cflag & CBAUD, BOTHER);
}

TEST(random_input_keeps_the_indices_in_order)
{
	u64 seed = 1;

	fresh();
	for (int i = 0; i < 2000000; i++) {
		struct termios2 t;
		u8 c, buf[300];
		const u8 *p;
		bool done;

		seed = seed * 6364136223846793005ul + 1442695040888963407ul;
		c = seed >> 56;
		ldisc_receive(&ld, &c, 1);
		if ((seed >> 40 & 63) == 0)
			ldisc_read(&ld, buf, seed >> 20 & 255, &done);
		if ((seed >> 40 & 1023) == 1) {
			t = ld.termios;
			t.lflag = seed >> 8 & 0377777;
			t.iflag = seed >> 24 & 077777;
			t.oflag = seed >> 13 & 017777;
			ldisc_set_termios(&ld, &t);
		}
		if ((seed >> 40 & 1023) == 2)
			ldisc_set_tco_stopped(&ld, seed >> 20 & 1);
		if ((seed >> 40 & 127) == 3)
			ldisc_output_done(&ld, ldisc_output(&ld, &p));
		if ((seed >> 40 & 127) == 4)
			ldisc_write(&ld, buf, seed >> 20 & 255);
		EXPECT_EQ(!(ld.termios.lflag & ICANON) ||
				  ld.canon_head - ld.tail <= ld.head - ld.tail,
			  true);
		EXPECT_EQ(ld.head - ld.tail <= LDISC_IN_SIZE, true);
		EXPECT_EQ(ldisc_out_count(&ld) <= LDISC_OUT_SIZE, true);
		EXPECT_EQ(!ld.stopped || ld.out_stop_at - ld.out_tail <= ldisc_out_count(&ld),
			  true);
	}
}
