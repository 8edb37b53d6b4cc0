/* SPDX-License-Identifier: MIT */
/*
 * Configuration, included before the first line of every kernel file.
 *
 * CONFIG_X is defined to 1 where the option is set and absent where it is not;
 * options with a number or a string are defined to it.
 *
 * IS_ENABLED(CONFIG_X) is 1 or 0, in preprocessor and in C expressions, so that
 * code which an option switches off is still compiled and checked. How: where
 * the option expands to 1, the pasted name expands to "0, 1", which moves a 1
 * into the second place; otherwise the pasted name is a plain word and the
 * second place holds 0.
 */
#pragma once

#include <generated/autoconf.h>

#define KCONFIG_SHIFT_1 0, 1
#define KCONFIG_SECOND(first, second, ...) second
#define KCONFIG_PICK(...) KCONFIG_SECOND(__VA_ARGS__)
#define KCONFIG_PASTE(value) KCONFIG_PICK(KCONFIG_SHIFT_##value, 0, 0)

#define IS_ENABLED(option) KCONFIG_PASTE(option)
