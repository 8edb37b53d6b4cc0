/* SPDX-License-Identifier: MIT */
/* lwIP's name for what kernel/lib/string.h has. */
#pragma once
#include <kernel/lib/string.h>
