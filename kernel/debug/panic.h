/* SPDX-License-Identifier: MIT */
#pragma once
#include <kernel/types.h>

bool panic_in_progress(void);
extern s64 panic_reboot_after_s;	/* panic=: 0: never; below 0: at once */
