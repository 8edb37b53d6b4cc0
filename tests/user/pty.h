/* SPDX-License-Identifier: MIT */
/*
 * Pairs of pseudo-terminals for tests: open one, type, and see what came back.
 *
 * Linux passes bytes between the two sides in a worker, so whoever looks has to
 * give it a moment: take() reads until nothing has come for QUIET_MS.
 */
#ifndef PTY_H
#define PTY_H

#include "tap.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>

#define QUIET_MS 60

struct pair {
	int master, slave, number;
};

TAP_UNUSED static int pty_master(void)
{
	int fd = open("/dev/ptmx", O_RDWR | O_NOCTTY);

	if (fd < 0)
		tap_bail("no /dev/ptmx: %s", strerror(errno));
	return fd;
}

TAP_UNUSED static int pty_slave(int master, int flags)
{
	char name[32];
	int zero = 0, n;

	if (ioctl(master, TIOCSPTLCK, &zero) || ioctl(master, TIOCGPTN, &n))
		tap_bail("no number: %s", strerror(errno));
	snprintf(name, sizeof(name), "/dev/pts/%d", n);
	return open(name, flags);
}

TAP_UNUSED static struct pair pty_open(void)
{
	struct pair p = { .master = pty_master() };

	p.slave = pty_slave(p.master, O_RDWR | O_NOCTTY);
	if (p.slave < 0)
		tap_bail("no slave: %s", strerror(errno));
	ioctl(p.master, TIOCGPTN, &p.number);
	return p;
}

TAP_UNUSED static void pty_close(struct pair *p)
{
	close(p->slave);
	close(p->master);
}

/* All that fd has to give, until it is quiet. Bytes, or -errno of the first read. */
TAP_UNUSED static long take(int fd, char *buf, size_t size)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	size_t done = 0;

	while (done < size && poll(&pfd, 1, QUIET_MS) > 0 && (pfd.revents & POLLIN)) {
		long n = read(fd, buf + done, size - done);

		if (n <= 0)
			return done ? (long)done : n ? -errno : 0;
		done += n;
	}
	return done;
}

/* The bytes as a result line shows them. */
TAP_UNUSED static const char *shown(const char *buf, long n)
{
	static char text[1600];
	size_t at = 0;

	if (n < 0) {
		snprintf(text, sizeof(text), "error %ld", -n);
		return text;
	}
	text[0] = '\0';
	for (long i = 0; i < n && at < 300; i++) {
		unsigned char c = buf[i];

		at += c > ' ' && c < 127 && c != '\\' ? snprintf(text + at, 5, "%c", c) :
						 snprintf(text + at, 5, "\\%02x", c);
	}
	return text;
}

/* What fd gives is whatever Linux gave. */
TAP_UNUSED static void says_bytes(int fd, const char *what)
{
	char buf[1024];
	long n = take(fd, buf, sizeof(buf));

	tap_ok(true, "%s: [%s]", what, shown(buf, n));
}

TAP_UNUSED static void type(int fd, const char *text)
{
	long n = strlen(text), r = write(fd, text, n);

	if (r != n)
		tap_note("write of %ld gave %ld (%s)", n, r, strerror(errno));
}

/* Settings of fd, with these bits changed. */
TAP_UNUSED static void set_modes(int fd, tcflag_t i_on, tcflag_t i_off, tcflag_t o_on,
				 tcflag_t o_off, tcflag_t l_on, tcflag_t l_off)
{
	struct termios t;

	if (tcgetattr(fd, &t))
		tap_note("tcgetattr: %s", strerror(errno));
	t.c_iflag = (t.c_iflag & ~i_off) | i_on;
	t.c_oflag = (t.c_oflag & ~o_off) | o_on;
	t.c_lflag = (t.c_lflag & ~l_off) | l_on;
	if (tcsetattr(fd, TCSANOW, &t))
		tap_note("tcsetattr: %s", strerror(errno));
}

TAP_UNUSED static void set_raw(int fd, int min, int time)
{
	struct termios t;

	tcgetattr(fd, &t);
	t.c_iflag = t.c_oflag = 0;
	t.c_lflag = 0;
	t.c_cc[VMIN] = min;
	t.c_cc[VTIME] = time;
	tcsetattr(fd, TCSANOW, &t);
}

#endif
