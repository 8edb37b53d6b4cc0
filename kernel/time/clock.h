/* SPDX-License-Identifier: MIT */
/* Inside kernel/time: the platform timer's units. */
#pragma once
#include <kernel/types.h>

u64 ktime_to_ticks(ktime_t ns);		/* the first tick at or after ns */
