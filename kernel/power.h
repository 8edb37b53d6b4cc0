/* SPDX-License-Identifier: MIT */
/* The end of everything: caches written back by the caller, devices left as they are. Context: thread. */
#pragma once
#include <kernel/types.h>

void __noreturn power_off(void);	/* where firmware cannot: says so and halts */
void __noreturn power_restart(void);
void __noreturn power_halt(void);
