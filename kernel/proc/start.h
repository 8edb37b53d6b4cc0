/* SPDX-License-Identifier: MIT */
/* The last step of boot. */
#pragma once

/*
 * Mount the root and let PID 1 run its program. Panics where there is none. Context: boot thread.
 */
void userland_start(void);
