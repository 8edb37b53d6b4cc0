/* SPDX-License-Identifier: MIT */
/* Pipes: a ring of processes with tokens going round, and streams whose every byte is checked. */
#include <poll.h>
#include <sys/stat.h>
#include "stress.h"

#define RING	12
#define TOKENS	5
#define STREAMS	3

/* Pass tokens on, one more each time, until one says the end. */
static void ring_member(int in, int out)
{
	long token, last = 0;

	while (read(in, &token, sizeof(token)) == sizeof(token)) {
		last = token;
		token++;
		if (write(out, &token, sizeof(token)) != sizeof(token))
			break;
	}
	_exit(last ? 0 : 1);
}

static void ring(void)
{
	int p[RING][2];
	long token, rounds = 0, bad = 0, sum = 0;

	for (int i = 0; i < RING; i++)
		pipe(p[i]);
	for (int i = 0; i < RING - 1; i++)
		CHILD(
			for (int j = 0; j < RING; j++) {
				if (j != i)
					close(p[j][0]);
				if (j != i + 1)
					close(p[j][1]);
			}
			ring_member(p[i][0], p[i + 1][1]));
	for (long i = 0; i < TOKENS; i++) {
		token = i * 1000000000;
		write(p[0][1], &token, sizeof(token));
	}
	for (int i = 0; i < RING - 1; i++) {
		close(p[i][0]);
		close(p[i + 1][1]);
	}
	while (stress_goes_on()) {
		bad += read(p[RING - 1][0], &token, sizeof(token)) != sizeof(token);
		bad += write(p[0][1], &token, sizeof(token)) != sizeof(token);
		rounds++;
	}
	for (int i = 0; i < TOKENS; i++) {
		bad += read(p[RING - 1][0], &token, sizeof(token)) != sizeof(token);
		sum += token % 1000000000;
	}
	close(p[0][1]);
	tap_is(bad, 0, "a ring of processes");
	/* Every arrival had passed all members: the tokens counted them. */
	tap_is(sum, (rounds + TOKENS) * (RING - 1), "no token lost, none twice");
	tap_is(reap_failures(RING - 1), 0, "the members end when the first pipe closes");
	close(p[RING - 1][0]);
}

static void produce(int fd, unsigned long chance)
{
	static unsigned char data[20000];
	unsigned char next = 0;

	while (stress_goes_on()) {
		long n = 1 + draw(&chance) % sizeof(data), put;

		for (long i = 0; i < n; i++)
			data[i] = next + i;
		for (long at = 0; at < n; at += put) {
			put = write(fd, data + at, n - at);
			if (put < 0)
				_exit(1);
		}
		next += n;
	}
	_exit(0);
}

static void consume(int fd, unsigned long chance)
{
	static unsigned char data[20000];
	unsigned char next = 0;
	struct pollfd wait = { fd, POLLIN };
	long n;

	for (;;) {
		if (draw(&chance) % 3 == 0 && poll(&wait, 1, 10000) != 1)
			_exit(2);
		n = read(fd, data, 1 + draw(&chance) % sizeof(data));
		if (n <= 0)
			_exit(n < 0 ? 3 : 0);
		for (long i = 0; i < n; i++)
			if (data[i] != next++)
				_exit(4);
	}
}

/*
 * Both sides open at once, and the writer is gone as soon as it may: nobody waits for who has left.
 */
static void meet(int number)
{
	char name[16], byte;

	snprintf(name, sizeof(name), "meet%d", number);
	mkfifo(name, 0600);
	while (stress_goes_on()) {
		pid_t child = CHILD(int w = open(name, O_WRONLY); _exit(write(w, "x", 1) != 1));
		int r = open(name, O_RDONLY);

		if (read(r, &byte, 1) != 1 || status_of(child))
			_exit(1);
		close(r);
	}
}

static void meetings(void)
{
	for (int i = 0; i < 2 * STREAMS; i++)
		CHILD(meet(i));
	tap_is(reap_failures(2 * STREAMS), 0, "two who open a FIFO meet");
}

int main(void)
{
	int p[2];

	stress_start();
	meetings();
	stress_start();
	ring();
	stress_start();
	for (int i = 0; i < STREAMS; i++) {
		pipe(p);
		CHILD(close(p[0]); produce(p[1], 1234567 + i));
		close(p[1]);
		CHILD(consume(p[0], 7654321 + i));
		close(p[0]);
	}
	tap_is(reap_failures(2 * STREAMS), 0, "streams, byte by byte");
	return tap_exit();
}
