/* SPDX-License-Identifier: MIT */
/*
 * The end of everything: caches written back by the
 * caller. Context: thread, may sleep. Design: power.c.
 */
#pragma once
#include <kernel/types.h>

void __noreturn power_off(void);	/* where nothing can: says so and halts */
void __noreturn power_restart(void);
void __noreturn power_halt(void);
/* For tests: end an emulator with this exit code; elsewhere power_off(). */
void __noreturn power_exit(u32 code);
