/* SPDX-License-Identifier: MIT */
#pragma once
#include <kernel/types.h>

bool panic_in_progress(void);
