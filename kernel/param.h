/* SPDX-License-Identifier: MIT */
/*
 * Kernel parameters: "name=value" words of the command line that firmware passes
 * in /chosen/bootargs. Whoever owns one registers it beside its code.
 */
#pragma once
#include <kernel/types.h>
#include <kernel/errno.h>

struct kernel_param {
	const char *name;
	/* value is "" for a bare word. 0, or -EINVAL: reported, the default stays. */
	int (*set)(const char *value);
};

/* set runs in params_init(): on the boot CPU, early, without an allocator. */
#define PARAM(id, param_name, fn) \
	static const struct kernel_param param_##id \
	__attribute__((used, section("params"), aligned(8))) = { param_name, fn }

#define COMMAND_LINE_MAX	1024
extern char boot_command_line[COMMAND_LINE_MAX];	/* as passed; for /proc/cmdline */

/*
 * Words that no one registered are init's: "name=value" for its environment, others
 * and all that follow "--" for its arguments. Unused places are NULL.
 */
#define INIT_WORDS_MAX		32
extern const char *init_arg_words[INIT_WORDS_MAX], *init_env_words[INIT_WORDS_MAX];

/* Right after paging_init(). */
void params_init(void);
