/* SPDX-License-Identifier: MIT */
/* lwIP's name for what kernel/printk.h has. */
#pragma once
#include <kernel/printk.h>
