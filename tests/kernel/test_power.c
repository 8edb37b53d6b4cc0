/* SPDX-License-Identifier: MIT */
/* Ways to end: each ends its boot, so each runs only by its own name. */
#include <drivers/core/power.h>
#include <kernel/power.h>
#include <kernel/test/ktest.h>

KTEST(power, off)
{
	power_off();
}

KTEST(power, restart)
{
	power_restart();
}

KTEST(power, halt)
{
	power_halt();
}

KTEST(power, exit_code)
{
	power_exit(7);
}

/* What the tree describes, without asking the firmware first. */
KTEST(power, off_by_tree)
{
	power_handlers_run(POWER_OFF);
}

KTEST(power, restart_by_tree)
{
	power_handlers_run(POWER_RESTART);
}
