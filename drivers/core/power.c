/* SPDX-License-Identifier: MIT */
#include <drivers/core/power.h>
#include <kernel/errno.h>

#define HANDLERS_MAX	4

/* Written by the boot thread while drivers are probed; constant after. */
static struct {
	void (*fn)(void *arg);
	void *arg;
} handlers[NR_POWER_ACTIONS][HANDLERS_MAX];
static void (*exit_fn)(u32 code);

int power_handler_add(enum power_action action, void (*fn)(void *arg), void *arg)
{
	for (u32 i = 0; i < HANDLERS_MAX; i++) {
		if (handlers[action][i].fn)
			continue;
		handlers[action][i].fn = fn;
		handlers[action][i].arg = arg;
		return 0;
	}
	return -ENOSPC;
}

void power_handlers_run(enum power_action action)
{
	for (u32 i = 0; i < HANDLERS_MAX && handlers[action][i].fn; i++)
		handlers[action][i].fn(handlers[action][i].arg);
}

void power_exit_set(void (*fn)(u32 code))
{
	exit_fn = fn;
}

bool power_has_exit(void)
{
	return exit_fn;
}

void power_exit_run(u32 code)
{
	if (exit_fn)
		exit_fn(code);
}
