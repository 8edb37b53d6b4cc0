/* SPDX-License-Identifier: MIT */
/* Ways to end everything that drivers know: kernel/power.c goes through them. */
#pragma once
#include <kernel/types.h>

enum power_action { POWER_OFF, POWER_RESTART, NR_POWER_ACTIONS };

/* fn returns where it did not work. Context: any, interrupts off, once. -ENOSPC: too many. */
int __must_check power_handler_add(enum power_action action, void (*fn)(void *arg), void *arg);
/* In the order in which they were added; returns if none worked. */
void power_handlers_run(enum power_action action);

/* The machine is an emulator that can end with an exit code. */
void power_exit_set(void (*fn)(u32 code));
bool power_has_exit(void);
void power_exit_run(u32 code);		/* returns where it did not work */
