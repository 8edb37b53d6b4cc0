/* SPDX-License-Identifier: MIT */
/* The runner of a unit test program: see unit.h. Uses the host's C library. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct unit_case {
	const char *name;
	void (*run)(void);
	struct unit_case *next;
};

static struct unit_case *first, **end = &first;
static unsigned failures;
#define REPORTS_A_CASE	5		/* a broken loop should not fill the disk */

void unit_register(struct unit_case *c)
{
	*end = c;
	end = &c->next;
}

void unit_expect(bool ok, const char *file, int line, const char *what, long long got,
		 long long want)
{
	if (ok)
		return;
	if (failures++ < REPORTS_A_CASE)
		printf("# %s:%d: %s is %lld, should be %lld\n", file, line, what, got, want);
	fflush(stdout);
}

static bool is_wanted(const struct unit_case *c, int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], c->name))
			return true;
	return argc == 1;
}

int main(int argc, char **argv)
{
	unsigned nr = 0, failed = 0;

	for (struct unit_case *c = first; c; c = c->next) {
		if (!is_wanted(c, argc, argv))
			continue;
		failures = 0;
		c->run();
		printf("%sok %u - %s\n", failures ? "not " : "", ++nr, c->name);
		fflush(stdout);
		failed += failures != 0;
	}
	printf("1..%u\n", nr);
	return failed || !nr;
}
