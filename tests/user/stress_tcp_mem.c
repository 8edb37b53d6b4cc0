/* SPDX-License-Identifier: MIT */
/*
 * net.ipv4.tcp_mem: many connections whose owners send all they may, and read nothing, keep together
 * not much more than it says; then all go on, and every byte arrives.
 */
#include "stress.h"
#include "inetsock.h"

#define PAIRS		40
#define ENDS		(2 * PAIRS)
#define LIMIT		96		/* pages */
/* What an end may have beyond it: a page to send, one to read, and one for where that lies. */
#define EACH		3
#define TOTAL		60000		/* bytes that each end sends */

static int fds[ENDS];
static long sent[ENDS], got[ENDS];

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0 || write(fd, text, strlen(text)) != (long)strlen(text))
		tap_bail("%s: %s", path, strerror(errno));
	close(fd);
}

static long pages_kept(void)
{
	FILE *f = fopen("/proc/net/sockstat", "r");
	char line[200];
	long pages = -1;

	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, "TCP:", 4))
			pages = atol(strstr(line, "mem") + 4);
	fclose(f);
	return pages;
}

static char byte_of(int end, long at)
{
	return (char)(at * 7 + at / 251 + end);
}

/* What an end may send now; the bytes. */
static long send_some(int end)
{
	static char buf[16384];
	long n = TOTAL - sent[end] < (long)sizeof(buf) ? TOTAL - sent[end] : (long)sizeof(buf);

	for (long i = 0; i < n; i++)
		buf[i] = byte_of(end, sent[end] + i);
	n = send(fds[end], buf, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0 && errno != EAGAIN)
		tap_bail("send: %s", strerror(errno));
	sent[end] += n > 0 ? n : 0;
	return n > 0 ? n : 0;
}

/* What has arrived; -1: it is not what was sent. */
static long take_some(int end)
{
	static char buf[16384];
	long n = recv(fds[end], buf, sizeof(buf), MSG_DONTWAIT);

	for (long i = 0; i < n; i++)
		if (buf[i] != byte_of(end ^ 1, got[end] + i))
			return -1;
	got[end] += n > 0 ? n : 0;
	return n > 0 ? n : 0;
}

/* Until nobody can send any more: the most that was kept. */
static long fill(void)
{
	long most = 0, moved = 1;

	for (int quiet = 0; quiet < 5; quiet = moved ? 0 : quiet + 1) {
		moved = 0;
		for (int end = 0; end < ENDS; end++) {
			long kept;

			moved += send_some(end);
			kept = end % 8 ? 0 : pages_kept();
			most = kept > most ? kept : most;
		}
		usleep(2000);
	}
	return most;
}

/* All that is left; how many ends got all, as it was. */
static int drain(void)
{
	int whole = 0, wrong = 0;

	while (whole + wrong < ENDS) {
		whole = 0;
		for (int end = 0; end < ENDS; end++) {
			if (sent[end] < TOTAL)
				send_some(end);
			if (got[end] < TOTAL)
				wrong += take_some(end) < 0;
			whole += got[end] == TOTAL;
		}
		usleep(1000);
	}
	return whole;
}

static void rounds(const char *splice, const char *name)
{
	long most;

	write_file("/proc/sys/net/ipv4/tcp_local_splice", splice);
	for (int i = 0; i < PAIRS; i++)
		tcp_pair(i % 2 ? AF_INET6 : AF_INET, fds + 2 * i);
	memset(sent, 0, sizeof(sent));
	memset(got, 0, sizeof(got));
	most = fill();
	tap_note("%ld pages at most", most);
	tap_ok(most > LIMIT / 2 && most <= LIMIT + EACH * ENDS, "%s: buffers are bounded together", name);
	tap_is(drain(), ENDS, "%s: all go on, and get every byte", name);
	for (int i = 0; i < ENDS; i++)
		close(fds[i]);
	tap_ok(EVENTUALLY(pages_kept() == 0), "%s: nothing is kept any more", name);
	/* One alone has its buffers again. */
	tcp_pair(AF_INET, fds);
	sent[0] = 0;
	while (send_some(0))
		;
	tap_is(sent[0], TOTAL, "%s: and one alone is not held back", name);
	close(fds[0]);
	close(fds[1]);
}

int main(void)
{
	char before[100] = "";
	int fd = open("/proc/sys/net/ipv4/tcp_mem", O_RDONLY);

	(void)!read(fd, before, sizeof(before) - 1);
	close(fd);
	loopback_up();
	write_file("/proc/sys/net/ipv4/tcp_mem", "48 64 96");
	rounds("1", "spliced");
	rounds("0", "packets");
	write_file("/proc/sys/net/ipv4/tcp_local_splice", "1");
	write_file("/proc/sys/net/ipv4/tcp_mem", before);
	return tap_exit();
}
