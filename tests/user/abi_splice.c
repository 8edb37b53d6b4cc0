/* SPDX-License-Identifier: MIT */
/*
 * Pages that pass from one file to another: who may write to them afterwards, and who sees it.
 * sendfile and splice to pipes and to TCP.
 */
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include "inetsock.h"

#define PAGE	4096
#define BIG	300000

static char buf[BIG], got[BIG];

/* A file of so many bytes, each its place's. */
static int numbered_file(long len)
{
	int fd = memfd_create("numbered", 0);

	for (long i = 0; i < BIG; i++)
		buf[i] = (char)(i * 7 + i / 251);
	if (fd < 0 || write(fd, buf, len) != len)
		tap_bail("file: %s", strerror(errno));
	return fd;
}

static bool is_all(const char *at, long n, char c)
{
	while (n--)
		if (*at++ != c)
			return false;
	return true;
}

/* All that comes until n bytes are there, or the end. */
static long read_all(int fd, long n)
{
	long done = 0, r;

	memset(got, 0xee, sizeof(got));
	while (done < n && (r = read(fd, got + done, n - done)) > 0)
		done += r;
	return done;
}

static void tee_then_write(void)
{
	int a[2], b[2];

	pipe(a);
	pipe(b);
	memset(buf, 'a', PAGE);
	(void)!write(a[1], buf, PAGE);
	tap_is(err(tee(a[0], b[1], PAGE, 0)), PAGE, "tee");
	tap_is(read_all(a[0], PAGE), PAGE, "the first pipe is read");
	memset(buf, 'b', PAGE);
	(void)!write(a[1], buf, PAGE);
	tap_is(read_all(b[0], PAGE), PAGE, "the second one has as many");
	tap_ok(is_all(got, PAGE, 'a'), "and what it was given, whatever was written to the first since");
	for (int i = 0; i < 2; i++) {
		close(a[i]);
		close(b[i]);
	}
}

static void file_to_pipe(void)
{
	int fd = numbered_file(3 * PAGE), p[2];
	loff_t at = 100;

	pipe(p);
	tap_is(err(splice(fd, &at, p[1], NULL, 2 * PAGE, 0)), 2 * PAGE, "from the middle of a page");
	tap_is(at, 100 + 2 * PAGE, "the place moves");
	memset(buf, 'n', PAGE);
	tap_is(err(pwrite(fd, buf, PAGE, PAGE)), PAGE, "then the file is written");
	tap_is(read_all(p[0], 2 * PAGE), 2 * PAGE, "the pipe has as many");
	tap_ok(got[0] == (char)(100 * 7) && is_all(got + PAGE - 100, PAGE, 'n'),
	       "and the new bytes: it has the file's pages");

	at = 0;
	tap_is(err(splice(fd, &at, p[1], NULL, 100, 0)), 100, "a part of a page");
	tap_is(err(write(p[1], "xxxx", 4)), 4, "more is written behind it");
	tap_is(err(pread(fd, got, 4, 100)), 4, "the file is read");
	tap_ok(got[0] == (char)(100 * 7) && got[3] == (char)(103 * 7), "and is as it was");
	tap_is(read_all(p[0], 104), 104, "the pipe");
	tap_ok(got[99] == (char)(99 * 7) && !memcmp(got + 100, "xxxx", 4), "has both");

	at = PAGE;
	tap_is(err(splice(fd, &at, p[1], NULL, PAGE, 0)), PAGE, "a page");
	at = 2 * PAGE;
	tap_is(err(splice(fd, &at, p[1], NULL, 1000, 0)), 1000, "a part of the last one");
	ftruncate(fd, PAGE);
	tap_is(read_all(p[0], PAGE + 1000), PAGE + 1000, "of a file that was cut the pipe has all");
	tap_ok(is_all(got, PAGE, 'n'), "as it was");
	close(fd);
	close(p[0]);
	close(p[1]);
}

static void holes(void)
{
	int fd = memfd_create("holes", 0), p[2];
	off_t at = 0;

	ftruncate(fd, 4 * PAGE);
	pwrite(fd, "one", 3, PAGE + 10);
	pipe(p);
	tap_is(err(sendfile(p[1], fd, &at, 4 * PAGE)), 4 * PAGE, "a file with holes");
	tap_is(read_all(p[0], 4 * PAGE), 4 * PAGE, "all of it");
	tap_ok(is_all(got, PAGE + 10, 0) && !memcmp(got + PAGE + 10, "one", 3) &&
	       is_all(got + PAGE + 13, 3 * PAGE - 13, 0), "zeros, and what was written");
	close(fd);
	close(p[0]);
	close(p[1]);
}

/* A sender that never waits beside a reader. */
static void stream(int family, int file, bool by_pipe)
{
	int s[2], p[2];
	off_t at = 0;

	tcp_pair(family, s);
	pipe(p);
	pid_t child = CHILD(
		close(s[1]);
		while (at < BIG) {
			loff_t from = at;
			long n = by_pipe ? splice(file, &from, p[1], NULL, BIG - at, 0) :
				 sendfile(s[0], file, &at, BIG - at);

			for (long left = by_pipe ? n : 0; left > 0;) {
				long r = splice(p[0], NULL, s[0], NULL, left, 0);

				if (r <= 0)
					_exit(2);
				left -= r;
				at += r;
			}
			if (n <= 0)
				_exit(1);
		}
	);
	close(s[0]);
	close(p[0]);
	close(p[1]);
	long n = read_all(s[1], BIG);

	numbered_file(0);
	tap_is(n, BIG, "all bytes");
	tap_ok(!memcmp(got, buf, BIG), "each as it was");
	tap_is(read(s[1], got, 1), 0, "and the end");
	tap_is(code_of(status_of(child)), 0, "the sender");
	close(s[1]);
}

/* What of a file goes to TCP by sendfile is its pages, not a copy. */
static void file_pages(const int s[2])
{
	int fd = numbered_file(BIG);
	off_t at = 2000;

	tap_is(err(sendfile(s[0], fd, &at, 2 * PAGE)), 2 * PAGE, "sendfile");
	tap_is(at, 2000 + 2 * PAGE, "the place moves");
	memset(buf, 'n', 3 * PAGE);
	tap_is(err(pwrite(fd, buf, 3 * PAGE, 0)), 3 * PAGE, "then the file is written");
	tap_is(read_all(s[1], 2 * PAGE), 2 * PAGE, "as many arrive");
	tap_ok(is_all(got, 2 * PAGE, 'n'), "the new ones: nothing was copied");
	at = 0;
	tap_is(err(sendfile(s[0], fd, &at, PAGE)), PAGE, "of a file");
	ftruncate(fd, 10);
	close(fd);
	tap_is(read_all(s[1], PAGE), PAGE, "that is gone all is there");
	tap_ok(is_all(got, 10, 'n'), "as far as it was not cut");
}

static void without_waiting(const int s[2], int fd)
{
	off_t at = 0, from;
	long n, m;

	fcntl(s[0], F_SETFL, O_NONBLOCK);
	n = err(sendfile(s[0], fd, &at, BIG));
	tap_ok(n > 0 && at == n, "without waiting: some, and the place says how much");
	do {
		if (at == BIG)
			at = 0;
		from = at;
		m = err(sendfile(s[0], fd, &at, BIG - at));
	} while (m > 0);
	tap_is(m, -EAGAIN, "until there is no room");
	tap_is(at, from, "the place stays");
	shutdown(s[0], SHUT_WR);
	signal(SIGPIPE, SIG_IGN);
	tap_is(err(sendfile(s[0], fd, &from, 1)), -EPIPE, "after shutdown");
}

static void held_back(const int s[2])
{
	int p[2];

	pipe(p);
	(void)!write(p[1], "held", 4);
	tap_is(err(splice(p[0], NULL, s[0], NULL, 4, SPLICE_F_MORE)), 4, "SPLICE_F_MORE");
	tap_is(err(recv(s[1], got, 10, MSG_DONTWAIT)), -EAGAIN, "is held back");
	(void)!write(p[1], "back", 4);
	tap_is(err(splice(p[0], NULL, s[0], NULL, 4, 0)), 4, "until more comes");
	tap_is(read_all(s[1], 8), 8, "then all");
	tap_ok(!memcmp(got, "heldback", 8), "arrives");
	close(p[0]);
	close(p[1]);
}

static void pages_of_a_pipe(const int s[2])
{
	int p[2];

	pipe(p);
	memset(buf, 'a', PAGE);
	(void)!write(p[1], buf, PAGE);
	tap_is(err(splice(p[0], NULL, s[0], NULL, PAGE, 0)), PAGE, "a page of a pipe");
	memset(buf, 'b', PAGE);
	for (int i = 0; i < 3; i++) {
		(void)!write(p[1], buf, PAGE);
		(void)!read(p[0], got, PAGE);
	}
	tap_is(read_all(s[1], PAGE), PAGE, "on its way");
	tap_ok(is_all(got, PAGE, 'a'), "is not written to by the pipe");
	close(p[0]);
	close(p[1]);

	pipe2(p, O_DIRECT);
	for (int i = 0; i < 10; i++)
		(void)!write(p[1], "0123456789" + i, 1);
	tap_is(err(splice(p[0], NULL, s[0], NULL, 10, 0)), 10, "from ten pages");
	tap_is(read_all(s[1], 10), 10, "ten bytes");
	tap_ok(!memcmp(got, "0123456789", 10), "in order");
	close(p[0]);
	close(p[1]);
}

static void file_to_tcp(int family)
{
	int s[2], fd;

	tcp_pair(family, s);
	file_pages(s);
	fd = numbered_file(BIG);
	without_waiting(s, fd);
	close(s[0]);
	close(s[1]);
	tcp_pair(family, s);
	held_back(s);
	pages_of_a_pipe(s);
	close(s[0]);
	close(s[1]);
	stream(family, fd, false);
	stream(family, fd, true);
	close(fd);
}

/* Our short way for local connections; Linux has none. */
static void set_short_way(const char *on)
{
	int fd = open("/proc/sys/net/ipv4/tcp_local_splice", O_WRONLY);

	if (fd >= 0)
		(void)!write(fd, on, 1);
	close(fd);
}

int main(void)
{
	loopback_up();
	tee_then_write();
	file_to_pipe();
	holes();
	file_to_tcp(AF_INET);
	file_to_tcp(AF_INET6);
	set_short_way("0");
	file_to_tcp(AF_INET);
	file_to_tcp(AF_INET6);
	set_short_way("1");
	return tap_exit();
}
