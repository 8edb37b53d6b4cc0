/* SPDX-License-Identifier: MIT */
/* Splits the kernel command line into words and hands each to its owner. */
#include <kernel/param.h>
#include <kernel/lib/string.h>
#include <kernel/printk.h>
#include <kernel/sections.h>
#include <arch/paging.h>
#include <libfdt.h>

extern const struct kernel_param __params_start[], __params_end[];	/* linker script */

char boot_command_line[COMMAND_LINE_MAX];

const char *init_arg_words[INIT_WORDS_MAX], *init_env_words[INIT_WORDS_MAX];

/* False: nobody knows the name. */
static bool __init set_param(const char *name, const char *value)
{
	bool known = false;

	for (const struct kernel_param *p = __params_start; p < __params_end; p++) {
		if (strcmp(p->name, name))
			continue;
		known = true;
		if (p->set(value))
			pr_warn("kernel parameter %s: bad value \"%s\"\n", name, value);
	}
	return known;
}

static void __init leave_to_init(const char **words, const char *word)
{
	u32 i = 0;

	while (i < INIT_WORDS_MAX && words[i])
		i++;
	if (i < INIT_WORDS_MAX)
		words[i] = word;
	else
		pr_warn("kernel command line: no room for \"%s\" among init's words\n", word);
}

/* Ends at white space outside double quotes; returns where the next word may start. */
static char *__init word_end(char *p)
{
	bool quoted = false;

	for (; *p && (quoted || *p != ' '); p++)
		if (*p == '"')
			quoted = !quoted;
	if (*p)
		*p++ = '\0';
	return p;
}

static void __init parse(char *line)
{
	bool ours = true;

	while (*line) {
		char *word = line, *value;

		line = word_end(word);
		if (!*word)
			continue;
		if (ours && !strcmp(word, "--")) {
			ours = false;
			continue;
		}
		value = ours ? strchr(word, '=') : NULL;
		if (value)
			*value = '\0';
		if (ours && set_param(word, value ? value + 1 : ""))
			continue;
		if (value)
			*value = '=';
		leave_to_init(value ? init_env_words : init_arg_words, word);
	}
}

void __init params_init(void)
{
	static char copy[COMMAND_LINE_MAX];	/* kept: init's words lie in it */
	int chosen = fdt_path_offset(boot_fdt, "/chosen");
	const char *args = chosen < 0 ? NULL : fdt_getprop(boot_fdt, chosen, "bootargs", NULL);

	if (!args)
		return;
	if (strscpy(boot_command_line, args, sizeof(boot_command_line)) < 0)
		pr_warn("kernel command line cut at %u bytes\n", COMMAND_LINE_MAX - 1);
	strscpy(copy, boot_command_line, sizeof(copy));
	parse(copy);
}
