/* SPDX-License-Identifier: MIT */
/*
 * The line discipline and the pair itself: what is typed on a master, what comes
 * back as echo, what the slave reads, what it prints, and what poll says.
 */
#include "pty.h"

#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>

static struct pair p;

/* A fresh pair; type on it; the echo and what was read. */
static void line(const char *text, const char *what)
{
	p = pty_open();
	type(p.master, text);
	says_bytes(p.master, what);
	says_bytes(p.slave, "  read");
	pty_close(&p);
}

static void line_with(tcflag_t i_on, tcflag_t i_off, tcflag_t l_on, tcflag_t l_off,
		      const char *text, const char *what)
{
	p = pty_open();
	set_modes(p.slave, i_on, i_off, 0, 0, l_on, l_off);
	type(p.master, text);
	says_bytes(p.master, what);
	says_bytes(p.slave, "  read");
	pty_close(&p);
}

static void output(tcflag_t on, tcflag_t off, const char *text, const char *what)
{
	p = pty_open();
	set_modes(p.slave, 0, 0, on, off, 0, 0);
	type(p.slave, text);
	says_bytes(p.master, what);
	pty_close(&p);
}

static void editing(void)
{
	line("hello\r", "a line");
	line("ab\177c\n", "erase");
	line("\177\177a\n", "erase at the start");
	line("a\001\177b\n", "erase a control character");
	line("ab\t\177c\n", "erase a tab");
	line("a\tb\tc\177\177\177\177x\n", "erase over tabs");
	line("one two\027x\n", "erase a word");
	line("one two  \027\027x\n", "erase words");
	line("a.b_c-d\027\027x\n", "erase words of other signs");
	line("abc\025x\n", "kill");
	line("a\tb\001\025x\n", "kill with a tab and a control character");
	line("ab\022c\n", "reprint");
	line("\026\003x\026\177\n", "literal next");
	line("ab\004", "end of file behind text");
	line("\004", "end of file alone");
	line("a\n\004b\n", "lines and end of file");
	line("a\x80\xff\n", "high bytes");
	line("\001\033\037\n", "control characters");
	line_with(IUTF8, 0, 0, 0, "a\xc3\xa4\xe2\x82\xac\177\177b\n", "erase UTF-8");
	line_with(IUTF8, 0, 0, 0, "\xc3\xa4z \xc3\xa4\027b\n", "erase a UTF-8 word");
	line_with(0, 0, 0, ECHOE, "ab\177c\n", "without ECHOE");
	line_with(0, 0, 0, ECHOK, "ab\025c\n", "without ECHOK");
	line_with(0, 0, 0, ECHOKE, "ab\025c\n", "without ECHOKE");
	line_with(0, 0, 0, ECHOCTL, "a\001\tb\177\177\177\n", "without ECHOCTL");
	line_with(0, 0, ECHOPRT, 0, "abc\177\177d\177\177\177x\n", "with ECHOPRT");
	line_with(0, 0, ECHOPRT, 0, "abc def\027\n", "word erase with ECHOPRT");
	line_with(0, 0, 0, ECHO, "abc\n", "without ECHO");
	line_with(0, 0, ECHONL, ECHO, "abc\n", "ECHONL");
	line_with(0, 0, 0, IEXTEN, "a\026b\027\022\n", "without IEXTEN");
}

static void mapping(void)
{
	line_with(0, ICRNL, 0, 0, "a\rb\n", "without ICRNL");
	line_with(INLCR, ICRNL, 0, 0, "a\nb\r\n", "INLCR");
	line_with(IGNCR, 0, 0, 0, "a\rb\n", "IGNCR");
	line_with(ISTRIP, 0, 0, 0, "\xe1\xe2\n", "ISTRIP");
	line_with(IUCLC, 0, 0, 0, "AbC\n", "IUCLC");
	line_with(PARMRK, 0, 0, 0, "a\xff" "b\n", "PARMRK");
	line_with(0, 0, 0, ICANON, "ab\r\177\025", "without ICANON");
	line_with(0, 0, 0, ICANON | ECHOCTL, "a\001\r\n", "without ICANON and ECHOCTL");
	line_with(0, ICRNL | IXON, 0, ICANON | ISIG, "a\r\n\003\023", "nearly raw, with echo");
	line_with(0, 0, EXTPROC, 0, "a\177b\nc", "EXTPROC");
}

static void printing(void)
{
	output(0, 0, "a\nb\r\n", "ONLCR");
	output(0, OPOST, "a\nb\r\n\t", "without OPOST");
	output(0, ONLCR, "a\nb\n", "without ONLCR");
	output(OCRNL, 0, "a\rb\n", "OCRNL");
	output(ONOCR, 0, "\rab\r\rc\n", "ONOCR");
	output(ONLRET | ONOCR, ONLCR, "ab\n\rc\r", "ONLRET");
	output(OLCUC, 0, "aBc\xe4\n", "OLCUC");
	output(TAB3, 0, "a\tb\tcdefghij\tk\n\tl", "TAB3");
	output(TAB3, 0, "a\b\b\tb\001\tc", "columns");
}

static void end_of_line_characters(void)
{
	struct termios t;
	char buf[8];

	p = pty_open();
	tcgetattr(p.slave, &t);
	t.c_cc[VEOL] = ';';
	t.c_cc[VEOL2] = '!';
	tcsetattr(p.slave, TCSANOW, &t);
	type(p.master, "a;b!c\n");
	says_bytes(p.master, "VEOL and VEOL2");
	tap_is(read(p.slave, buf, 8), 2, "VEOL ends a line");
	tap_is(read(p.slave, buf, 8), 2, "VEOL2 ends a line");
	tap_is(read(p.slave, buf, 8), 2, "and a newline");
	pty_close(&p);

	p = pty_open();
	type(p.master, "abcdef\nxy\004");
	take(p.master, (char[64]){ 0 }, 64);
	tap_is(read(p.slave, buf, 4), 4, "the beginning of a line");
	tap_is(read(p.slave, buf, 8), 3, "the rest of it");
	tap_is(read(p.slave, buf, 2), 2, "a buffer filled before the end of file");
	fcntl(p.slave, F_SETFL, O_NONBLOCK);
	tap_is(err(read(p.slave, buf, 8)), -EAGAIN, "which took it along");
	pty_close(&p);
}

static long count_of(int fd, unsigned long cmd)
{
	int n = -1;
	long r = err(ioctl(fd, cmd, &n));

	return r < 0 ? r : n;
}

static void mode_changes(void)
{
	p = pty_open();
	type(p.master, "one\ntwo\004part");
	take(p.master, (char[64]){ 0 }, 64);
	tap_says(count_of(p.slave, FIONREAD), "FIONREAD of lines");
	set_modes(p.slave, 0, 0, 0, 0, 0, ICANON);
	tap_says(count_of(p.slave, FIONREAD), "FIONREAD without ICANON");
	says_bytes(p.slave, "all of it as data");
	pty_close(&p);

	p = pty_open();
	type(p.master, "one\ntwo\n");
	take(p.master, (char[64]){ 0 }, 64);
	set_modes(p.slave, 0, 0, 0, 0, 0, ICANON);
	set_modes(p.slave, 0, 0, 0, 0, ICANON, 0);
	char buf[32];
	tap_says(err(read(p.slave, buf, 32)), "lines become one when ICANON comes back");
	pty_close(&p);
}

static long ms_of_read(int fd, long *got)
{
	struct timespec a, b;
	char buf[16];

	clock_gettime(CLOCK_MONOTONIC, &a);
	*got = err(read(fd, buf, sizeof(buf)));
	clock_gettime(CLOCK_MONOTONIC, &b);
	return (b.tv_sec - a.tv_sec) * 1000 + (b.tv_nsec - a.tv_nsec) / 1000000;
}

static void raw_reads(void)
{
	long got, ms;

	p = pty_open();
	set_raw(p.slave, 0, 0);
	tap_is(err(read(p.slave, (char[4]){ 0 }, 4)), 0, "MIN 0, TIME 0: nothing there");
	fcntl(p.slave, F_SETFL, O_NONBLOCK);
	tap_is(err(read(p.slave, (char[4]){ 0 }, 4)), 0, "and without blocking the same");
	set_raw(p.slave, 0, 1);
	tap_is(err(read(p.slave, (char[4]){ 0 }, 4)), -EAGAIN, "MIN 0, TIME 1 without blocking");
	set_raw(p.slave, 1, 0);
	tap_is(err(read(p.slave, (char[4]){ 0 }, 4)), -EAGAIN, "MIN 1 without blocking");
	fcntl(p.slave, F_SETFL, 0);
	set_raw(p.slave, 0, 3);
	ms = ms_of_read(p.slave, &got);
	tap_is(got, 0, "MIN 0, TIME 3: nothing in time");
	tap_ok(ms >= 290, "after 300 ms");
	set_raw(p.slave, 5, 2);
	type(p.master, "abc");
	ms = ms_of_read(p.slave, &got);
	tap_is(got, 3, "MIN 5, TIME 2: what came before the pause");
	tap_ok(ms >= 190, "after 200 ms");
	set_raw(p.slave, 3, 0);
	type(p.master, "ab");
	usleep(QUIET_MS * 1000);
	struct pollfd pfd = { .fd = p.slave, .events = POLLIN };
	tap_is(poll(&pfd, 1, 0), 0, "MIN 3: two bytes are no news to poll");
	type(p.master, "c");
	tap_is(poll(&pfd, 1, 1000), 1, "three are");
	ms_of_read(p.slave, &got);
	tap_is(got, 3, "and are read");
	pty_close(&p);
}

static void flow_control(void)
{
	p = pty_open();
	type(p.slave, "before");
	type(p.master, "\023");
	usleep(QUIET_MS * 1000);
	fcntl(p.slave, F_SETFL, O_NONBLOCK);
	tap_is(err(write(p.slave, "x", 1)), -EAGAIN, "^S: writes wait");
	says_bytes(p.master, "what was written before comes");
	type(p.master, "q");
	says_bytes(p.master, "an echo waits");
	type(p.master, "\021");
	says_bytes(p.master, "^Q brings it");
	tap_is(err(write(p.slave, "x", 1)), 1, "and writes go on");
	says_bytes(p.master, "written");

	tap_is(err(ioctl(p.slave, TCXONC, TCOOFF)), 0, "TCOOFF");
	tap_is(err(write(p.slave, "x", 1)), -EAGAIN, "writes wait");
	type(p.master, "\021");
	usleep(QUIET_MS * 1000);
	tap_is(err(write(p.slave, "x", 1)), -EAGAIN, "^Q does not end it");
	tap_is(err(ioctl(p.slave, TCXONC, TCOON)), 0, "TCOON");
	tap_is(err(write(p.slave, "y", 1)), 1, "writes go on");
	says_bytes(p.master, "written");
	tap_is(err(ioctl(p.slave, TCXONC, TCIOFF)), 0, "TCIOFF");
	says_bytes(p.master, "sends the stop character");
	tap_is(err(ioctl(p.slave, TCXONC, TCION)), 0, "TCION");
	says_bytes(p.master, "sends the start character");
	tap_is(err(ioctl(p.slave, TCXONC, 4)), -EINVAL, "TCXONC 4");

	type(p.master, "\023");
	usleep(QUIET_MS * 1000);
	set_modes(p.slave, 0, IXON, 0, 0, 0, 0);
	tap_is(err(write(p.slave, "z", 1)), 1, "clearing IXON starts output");
	says_bytes(p.master, "written");
	set_modes(p.slave, IXON | IXANY, 0, 0, 0, 0, 0);
	type(p.master, "\023a");
	says_bytes(p.master, "with IXANY any byte starts it");
	pty_close(&p);
}

static void flushing(void)
{
	p = pty_open();
	type(p.master, "line\n");
	says_bytes(p.master, "echo");
	tap_is(err(tcflush(p.slave, TCIFLUSH)), 0, "TCIFLUSH");
	tap_says(count_of(p.slave, FIONREAD), "nothing is left");
	tap_is(err(tcflush(p.slave, TCOFLUSH)), 0, "TCOFLUSH");
	tap_is(err(tcflush(p.slave, TCIOFLUSH)), 0, "TCIOFLUSH");
	tap_is(err(ioctl(p.slave, TCFLSH, 3)), -EINVAL, "TCFLSH 3");
	tap_is(err(tcdrain(p.slave)), 0, "tcdrain");
	type(p.slave, "unread");
	usleep(QUIET_MS * 1000);
	tap_is(err(tcdrain(p.slave)), 0, "tcdrain with output that nobody has read");
	tap_says(count_of(p.slave, TIOCOUTQ), "TIOCOUTQ");
	tap_says(count_of(p.master, FIONREAD), "FIONREAD of the master");
	struct termios t;
	tcgetattr(p.slave, &t);
	tap_is(err(tcsetattr(p.slave, TCSADRAIN, &t)), 0,
	       "TCSADRAIN with output that nobody has read");
	type(p.master, "\003");
	says_bytes(p.master, "^C leaves what was printed");
	type(p.master, "abc\n");
	usleep(QUIET_MS * 1000);
	tap_is(err(tcsetattr(p.slave, TCSAFLUSH, &t)), 0, "TCSAFLUSH");
	tap_says(count_of(p.slave, FIONREAD), "drops input");
	tap_is(err(tcsendbreak(p.slave, 0)), 0, "tcsendbreak");
	pty_close(&p);
}

static void settings(void)
{
	struct winsize ws = { 25, 80, 1, 2 }, got;
	struct termios t;

	p = pty_open();
	tcgetattr(p.slave, &t);
	tap_says(t.c_iflag, "c_iflag");
	tap_says(t.c_oflag, "c_oflag");
	tap_says(t.c_cflag, "c_cflag");
	tap_says(t.c_lflag, "c_lflag");
	tap_ok(true, "c_cc: [%s]", shown((char *)t.c_cc, 17));
	t.c_cflag = (t.c_cflag & ~CSIZE) | CS5 | PARENB;
	tcsetattr(p.slave, TCSANOW, &t);
	tcgetattr(p.master, &t);
	tap_says(t.c_cflag, "c_cflag after CS5, seen by the master");
	cfsetspeed(&t, B9600);
	tcsetattr(p.master, TCSANOW, &t);
	tcgetattr(p.slave, &t);
	tap_says(cfgetospeed(&t), "B9600 set by the master");

	tap_is(err(ioctl(p.slave, TIOCGWINSZ, &got)), 0, "TIOCGWINSZ");
	tap_is(got.ws_row | got.ws_col, 0, "no size yet");
	tap_is(err(ioctl(p.master, TIOCSWINSZ, &ws)), 0, "TIOCSWINSZ by the master");
	tap_is(err(ioctl(p.slave, TIOCGWINSZ, &got)), 0, "TIOCGWINSZ");
	tap_is(memcmp(&ws, &got, sizeof(ws)), 0, "the same for the slave");
	tap_is(err(ioctl(p.slave, TIOCSWINSZ, NULL)), -EFAULT, "TIOCSWINSZ from nowhere");
	tap_is(err(ioctl(p.slave, TCSETS, NULL)), -EFAULT, "TCSETS from nowhere");
	tap_is(err(ioctl(p.slave, TCGETS, NULL)), -EFAULT, "TCGETS to nowhere");
	tap_is(err(ioctl(p.slave, 0x54ff, 0)), -ENOTTY, "no such ioctl");
	tap_says(count_of(p.slave, TIOCGETD), "line discipline");
	int v = 0;
	tap_is(err(ioctl(p.slave, TIOCSETD, &v)), 0, "TIOCSETD 0");
	v = 77;
	tap_is(err(ioctl(p.slave, TIOCSETD, &v)), -EINVAL, "TIOCSETD 77");
	tap_is(err(ioctl(p.slave, TIOCMGET, &v)), -ENOTTY, "no modem lines");
	tap_is(err(lseek(p.slave, 0, SEEK_SET)), -ESPIPE, "lseek");
	tap_is(err(pread(p.slave, &v, 1, 0)), -ESPIPE, "pread");
	tap_is(err(lseek(p.master, 0, SEEK_SET)), -ESPIPE, "lseek of the master");
	tap_is(isatty(p.master), 1, "a master is a terminal");
	pty_close(&p);
}

/*
 * The name that the numbers of TCGETS2 and its like are made with; the C library has no such type.
 */
struct termios2 {
	unsigned iflag, oflag, cflag, lflag;
	unsigned char line, cc[19];
	unsigned ispeed, ospeed;
};

static void any_rate(void)
{
	struct termios2 t;

	p = pty_open();
	tap_is(err(ioctl(p.slave, TCGETS2, &t)), 0, "TCGETS2");
	tap_says(t.ispeed, "c_ispeed");
	tap_says(t.ospeed, "c_ospeed");
	t.cflag = (t.cflag & ~0x100f100fu) | 0x1000;
	t.ospeed = 31250;
	tap_is(err(ioctl(p.slave, TCSETS2, &t)), 0, "TCSETS2 with BOTHER");
	ioctl(p.slave, TCGETS2, &t);
	tap_says(t.ispeed, "c_ispeed");
	tap_says(t.ospeed, "c_ospeed");
	tap_says(t.cflag, "c_cflag");
	t.cflag |= 0x10000000;
	t.ispeed = 777;
	tap_is(err(ioctl(p.slave, TCSETSW2, &t)), 0, "TCSETSW2 with an input rate");
	ioctl(p.slave, TCGETS2, &t);
	tap_says(t.ispeed, "c_ispeed");
	tap_says(t.ospeed, "c_ospeed");
	tap_is(err(ioctl(p.slave, TCSETSF2, &t)), 0, "TCSETSF2");
	pty_close(&p);
}

static void the_pair(void)
{
	char buf[16], name[32];
	int m = pty_master(), v, s, n = -1;

	tap_is(err(ioctl(m, TIOCGPTN, &n)), 0, "TIOCGPTN");
	snprintf(name, sizeof(name), "/dev/pts/%d", n);
	tap_is(err(ioctl(m, TIOCGPTLCK, &v)), 0, "TIOCGPTLCK");
	tap_is(v, 1, "locked at first");
	tap_is(err(open(name, O_RDWR | O_NOCTTY)), -EIO, "no open while it is");
	tap_is(err(ioctl(m, TIOCGPTPEER, O_RDWR | O_NOCTTY)), -EIO, "nor by TIOCGPTPEER");
	fcntl(m, F_SETFL, O_NONBLOCK);
	tap_is(err(read(m, buf, 16)), -EAGAIN, "the master waits for a first opener");
	s = pty_slave(m, O_RDWR | O_NOCTTY);
	tap_ok(s >= 0, "open when unlocked");
	v = ioctl(m, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	tap_ok(v >= 0, "TIOCGPTPEER");
	tap_is(fcntl(v, F_GETFD), FD_CLOEXEC, "with O_CLOEXEC");
	close(v);
	type(s, "last words");
	usleep(QUIET_MS * 1000);
	close(s);
	struct pollfd pfd = { .fd = m, .events = POLLIN | POLLOUT };
	poll(&pfd, 1, 1000);
	tap_says(pfd.revents, "poll of the master after the slave's last close");
	tap_says(err(read(m, buf, 16)), "what it had written");
	tap_is(err(read(m, buf, 16)), -EIO, "then an error");
	poll(&pfd, 1, 1000);
	tap_says(pfd.revents, "poll then");
	s = open(name, O_RDWR | O_NOCTTY);
	tap_ok(s >= 0, "the slave can be opened again");
	tap_is(err(read(m, buf, 16)), -EAGAIN, "and the error is gone");
	type(m, "typed\n");
	usleep(QUIET_MS * 1000);
	tap_is(err(read(s, buf, 16)), 6, "read");
	pfd = (struct pollfd){ .fd = s, .events = POLLIN | POLLOUT };
	tap_is(poll(&pfd, 1, 0), 1, "poll of the slave");
	tap_says(pfd.revents, "it says");

	close(m);
	tap_says(poll(&pfd, 1, 1000), "poll of the slave after the master's close");
	tap_says(pfd.revents, "it says");
	tap_is(err(read(s, buf, 16)), 0, "reads end");
	tap_is(err(write(s, "x", 1)), -EIO, "writes fail");
	tap_is(err(ioctl(s, TIOCGWINSZ, buf)), -EIO, "ioctls fail");
	tap_is(err(ioctl(s, TIOCSPGRP, &v)), -ENOTTY, "TIOCSPGRP in its own way");
	tap_is(isatty(s), 0, "it is no terminal any more");
	tap_is(err(open(name, O_RDWR | O_NOCTTY)), -ENOENT, "its name is gone");
	close(s);
}

static void packets(void)
{
	int on = 1, off = 0;
	struct pollfd pfd;

	p = pty_open();
	tap_is(err(ioctl(p.master, TIOCPKT, &on)), 0, "TIOCPKT");
	tap_says(count_of(p.master, TIOCGPKT), "TIOCGPKT");
	type(p.slave, "data");
	says_bytes(p.master, "data has a zero before it");
	ioctl(p.slave, TCXONC, TCOOFF);
	pfd = (struct pollfd){ .fd = p.master, .events = POLLIN | POLLPRI };
	poll(&pfd, 1, 1000);
	tap_says(pfd.revents, "poll of an event");
	says_bytes(p.master, "stopped");
	ioctl(p.slave, TCXONC, TCOON);
	says_bytes(p.master, "started");
	tcflush(p.slave, TCIFLUSH);
	says_bytes(p.master, "input flushed");
	tcflush(p.slave, TCOFLUSH);
	says_bytes(p.master, "output flushed");
	tcflush(p.slave, TCIOFLUSH);
	says_bytes(p.master, "both flushed");
	set_modes(p.slave, 0, IXON, 0, 0, 0, 0);
	says_bytes(p.master, "no usual flow control");
	set_modes(p.slave, IXON, 0, 0, 0, 0, 0);
	says_bytes(p.master, "and again");
	tap_is(err(ioctl(p.master, TIOCPKT, &off)), 0, "TIOCPKT off");
	type(p.slave, "data");
	says_bytes(p.master, "data alone");
	pty_close(&p);
}

static void long_lines(void)
{
	static char buf[5000];
	long n;

	p = pty_open();
	set_modes(p.slave, 0, 0, 0, 0, 0, ECHO);
	memset(buf, 'x', sizeof(buf));
	for (int i = 0; i < 5; i++) {
		if (write(p.master, buf, 1000) != 1000)
			tap_note("short write");
		usleep(20000);
	}
	type(p.master, "\n");
	usleep(QUIET_MS * 1000);
	n = read(p.slave, buf, sizeof(buf));
	tap_is(n, 4096, "a line of 5000 bytes is cut");
	tap_is(buf[n > 0 ? n - 1 : 0], '\n', "and ends");
	pty_close(&p);
}

/* What a mount that fails said does not count. */
static void options_of_a_failed_mount(void)
{
	char line[300];
	FILE *f;

	mkdir("/mnt/p1", 0755);
	mkdir("/mnt/p2", 0755);
	tap_is(err(mount("devpts", "/mnt/p1", "devpts", 0, "mode=620,ptmxmode=666,gid=5")), 0,
	       "mount with options");
	tap_is(err(mount("devpts", "/mnt/p2", "devpts", 0, "mode=777,gid=7,nonsense")), -EINVAL,
	       "and with bad ones");
	f = fopen("/proc/mounts", "r");
	while (fgets(line, sizeof(line), f))
		if (strstr(line, " /mnt/p1 "))
			tap_ok(strstr(line, ",gid=5,mode=620,ptmxmode=666") != NULL,
			       "the first ones hold");
	fclose(f);
	umount("/mnt/p1");
	/* Here there is one instance: as it was for the others. */
	mount("devpts", "/dev/pts", "devpts", MS_REMOUNT, "mode=600,ptmxmode=000");
	rmdir("/mnt/p1");
	rmdir("/mnt/p2");
}

int main(void)
{
	editing();
	mapping();
	printing();
	end_of_line_characters();
	mode_changes();
	raw_reads();
	flow_control();
	flushing();
	settings();
	any_rate();
	the_pair();
	packets();
	long_lines();
	options_of_a_failed_mount();
	return tap_exit();
}
