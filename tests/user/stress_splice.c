/* SPDX-License-Identifier: MIT */
/*
 * TCP between sockets of this machine, while the short way for its bytes opens and closes: by its
 * switch in /proc/sys, by a packet socket that looks on, by corks. Bytes are written, or are pages
 * of a file. Every one is checked, and the end of the stream. And sockets that are sent to, read,
 * shut, closed and reset by several threads at once.
 */
#include <linux/if_ether.h>
#include <linux/sockios.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include "stress.h"
#include "inetsock.h"

#define PAIRS		3
#define USERS		4

static void set_splice(bool on)
{
	int fd = open("/proc/sys/net/ipv4/tcp_local_splice", O_WRONLY);

	if (fd >= 0) {
		(void)!write(fd, on ? "1" : "0", 1);
		close(fd);
	}
}

static void disturb(void)
{
	unsigned long s = 11;

	while (stress_goes_on()) {
		int fd;

		switch (draw(&s) % 3) {
		case 0:
			set_splice(draw(&s) & 1);
			break;
		case 1:
			fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
			usleep(draw(&s) % 3000);
			close(fd);
			break;
		default:
			usleep(draw(&s) % 3000);
		}
	}
	set_splice(true);
	_exit(0);
}

/* From a file that nobody writes to any more, or by a pipe from it: bytes taken. */
static long send_file(int fd, const char *buf, long n, bool by_pipe)
{
	int file = memfd_create("sent", 0), p[2];
	off_t at = 0;
	long put = write(file, buf, n);

	if (put == n && by_pipe && !pipe(p)) {
		put = splice(file, &at, p[1], NULL, n, 0);
		for (long left = put, r; left > 0; left -= r) {
			r = splice(p[0], NULL, fd, NULL, left, left & 1 ? SPLICE_F_MORE : 0);
			if (r <= 0)
				_exit(7);
		}
		close(p[0]);
		close(p[1]);
	} else if (put == n) {
		put = sendfile(fd, file, &at, n);
	}
	close(file);
	return put;
}

/*
 * A stream of drawn bytes in writes of all sizes; shut
 * at the end, and the peer's answer is the count.
 */
static void writer(int fd, unsigned long seed)
{
	unsigned long s = seed + 1000, byte = seed, total = 0, counted = 0;
	static char buf[70000];

	while (stress_goes_on()) {
		long n = draw(&s) % (draw(&s) & 3 ? 300 : sizeof(buf)) + 1, at = 0;

		for (long i = 0; i < n; i++)
			buf[i] = draw(&byte);
		if (!(draw(&s) % 16))
			set_int(fd, IPPROTO_TCP, TCP_CORK, draw(&s) & 1);
		while (at < n) {
			long put = draw(&s) % 4 ?
				   send(fd, buf + at, n - at,
					MSG_NOSIGNAL | (draw(&s) & 7 ? 0 : MSG_MORE)) :
				   send_file(fd, buf + at, n - at, draw(&s) & 1);

			if (put <= 0)
				_exit(2);
			at += put;
		}
		total += n;
	}
	shutdown(fd, SHUT_WR);
	if (recv(fd, &counted, sizeof(counted), MSG_WAITALL) != sizeof(counted) || counted != total)
		_exit(3);
	_exit(0);
}

static void reader(int fd, unsigned long seed)
{
	unsigned long s = seed ^ 77, byte = seed, total = 0;
	static char buf[100000];
	long n;

	if (seed & 1)
		set_int(fd, SOL_SOCKET, SO_RCVBUF, 5000);
	for (;;) {
		long want = draw(&s) % (draw(&s) & 3 ? 500 : sizeof(buf)) + 1;

		if (!(draw(&s) % 8) && (n = recv(fd, buf, want, MSG_PEEK)) > 0)
			want = n;
		n = recv(fd, buf, want, draw(&s) & 7 ? 0 : MSG_DONTWAIT);
		if (!n)
			break;
		if (n < 0 && errno == EAGAIN)
			continue;
		if (n < 0)
			_exit(4);
		for (long i = 0; i < n; i++)
			if (buf[i] != (char)draw(&byte))
				_exit(5);
		total += n;
	}
	if (send(fd, &total, sizeof(total), MSG_NOSIGNAL) != sizeof(total))
		_exit(6);
	_exit(0);
}

/* What a stream that stands still looks like. */
static void show(int sig)
{
	static const char *const files[] = { "/proc/net/tcp", "/proc/net/tcp6" };
	char buf[4096];
	long n;

	for (int i = 0; i < 2; i++) {
		int fd = open(files[i], O_RDONLY);

		while ((n = read(fd, buf, sizeof(buf))) > 0)
			(void)!write(1, buf, n);
		close(fd);
	}
}

static void streams(void)
{
	signal(SIGALRM, show);
	alarm((stress_until - now_ms()) / 1000 + 20);
	for (int i = 0; i < PAIRS; i++) {
		int p[2];

		tcp_pair(i & 1 ? AF_INET6 : AF_INET, p);
		CHILD(close(p[1]); writer(p[0], i + 1));
		CHILD(close(p[0]); reader(p[1], i + 1));
		close(p[0]);
		close(p[1]);
	}
	CHILD(disturb());
	int failed = reap_failures(2 * PAIRS + 1);

	alarm(0);
	tap_is(failed, 0, "streams, by both ways: every byte as it was");
}

static int pair[2];
static pthread_barrier_t begin;

/* Each does something else to the same two sockets; errors are what they may be, hangs are not. */
static void *use(void *arg)
{
	unsigned long s = (unsigned long)arg;
	char b[3000];

	memset(b, 'x', sizeof(b));
	pthread_barrier_wait(&begin);
	for (int i = 0; i < 12; i++) {
		int fd = pair[draw(&s) & 1], n;

		switch (draw(&s) % 8) {
		case 0:
		case 1:
		case 2:
			(void)!send(fd, b, draw(&s) % sizeof(b), MSG_NOSIGNAL | MSG_DONTWAIT);
			break;
		case 3:
		case 4:
			(void)!recv(fd, b, draw(&s) % sizeof(b),
				    MSG_DONTWAIT | (draw(&s) & 1 ? MSG_PEEK : 0));
			break;
		case 5:
			ioctl(fd, SIOCOUTQ, &n);
			events_of(fd, POLLIN | POLLOUT);
			break;
		case 6:
			if (!(draw(&s) % 4))
				shutdown(fd, draw(&s) % 3);
			break;
		default:
			/*
			 * The last round of one of them: close in the middle of the others' calls.
			 */
			if (i > 8)
				close(fd);
		}
	}
	return NULL;
}

static void many_users(void)
{
	unsigned long s = 99;

	while (stress_goes_on()) {
		pthread_t t[USERS];
		struct linger l0 = { 1, 0 };

		tcp_pair(draw(&s) & 1 ? AF_INET : AF_INET6, pair);
		for (long i = 0; i < 2; i++)
			setsockopt(pair[i], SOL_SOCKET, SO_LINGER, &l0, sizeof(l0));
		pthread_barrier_init(&begin, NULL, USERS);
		for (int i = 0; i < USERS; i++)
			pthread_create(&t[i], NULL, use, (void *)draw(&s));
		for (int i = 0; i < USERS; i++)
			pthread_join(t[i], NULL);
		close(pair[0]);
		close(pair[1]);
	}
	tap_ok(true, "one connection, many users");
}

int main(void)
{
	loopback_up();
	stress_start();
	streams();
	stress_start();
	many_users();
	return tap_exit();
}
