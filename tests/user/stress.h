/* SPDX-License-Identifier: MIT */
/* For the stress programs: how long to go on, chance, and a note of what was done. */
#ifndef STRESS_H
#define STRESS_H

#include <fcntl.h>
#include <sched.h>
#include "child.h"

static long stress_until TAP_UNUSED;

/* Each part runs 1.5 s of guest time, or the milliseconds that /etc/stress says. */
TAP_UNUSED static void stress_start(void)
{
	char text[16] = "";
	int fd = open("/etc/stress", O_RDONLY);
	long ms = 1500;

	if (fd >= 0 && read(fd, text, sizeof(text) - 1) > 0)
		ms = atol(text);
	if (fd >= 0)
		close(fd);
	stress_until = now_ms() + ms;
}

TAP_UNUSED static bool stress_goes_on(void)
{
	return now_ms() < stress_until;
}

/* Pseudo-random numbers; the state is the caller's. */
TAP_UNUSED static unsigned long draw(unsigned long *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* Wait for count children; how many did not exit with 0. */
TAP_UNUSED static int reap_failures(int count)
{
	int failed = 0, status;

	while (count--)
		failed += wait(&status) < 0 || status;
	return failed;
}

#endif
