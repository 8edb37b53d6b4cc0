/* SPDX-License-Identifier: MIT */
#include <kernel/errno.h>
#include <kernel/lib/string.h>
#include <kernel/param.h>
#include <kernel/percpu.h>
#include <kernel/power.h>
#include <kernel/printk.h>
#include <kernel/test/ktest.h>

extern const struct ktest __ktests_start[], __ktests_end[];

static char wanted[32];			/* "all" or a suite's name; empty: no tests */
static u32 failures;			/* atomic: in the case that runs */

static int set_ktest(const char *value)
{
	return strscpy(wanted, *value ? value : "all", sizeof(wanted)) < 0 ? -EINVAL : 0;
}
PARAM(ktest, "ktest", set_ktest);

void ktest_expect(bool ok, const char *file, int line, const char *what, u64 got, u64 want)
{
	if (ok)
		return;
	if (__atomic_fetch_add(&failures, 1, __ATOMIC_RELAXED) < 5)
		printk(LOG_ERR, "# %s:%d: %s is %#lx, should be %#lx\n", file, line, what, got,
		       want);
}

static bool is_wanted(const struct ktest *t)
{
	/* These end the boot, in a panic or without power: only by their own names. */
	if (!strcmp(t->suite, "crash") || !strcmp(t->suite, "power"))
		return !strcmp(wanted, t->name);
	/* Needs a network card and who answers. */
	if (!strcmp(t->suite, "peer"))
		return !strcmp(wanted, "peer");
	return !strcmp(wanted, "all") || !strcmp(wanted, t->suite);
}

void ktest_run(void)
{
	u32 nr = 0, failed = 0;

	if (!*wanted)
		return;
	printk(LOG_NOTICE, "KTAP version 1\n");
	for (const struct ktest *t = __ktests_start; t < __ktests_end; t++) {
		if (!is_wanted(t))
			continue;
		failures = 0;
		t->run();
		failed += READ_ONCE(failures) != 0;
		printk(LOG_NOTICE, "%sok %u - %s.%s\n", READ_ONCE(failures) ? "not " : "", ++nr,
		       t->suite, t->name);
	}
	printk(LOG_NOTICE, "1..%u\n", nr);
	printk(LOG_NOTICE, "ktest: done\n");
	power_exit(failed != 0);
}
