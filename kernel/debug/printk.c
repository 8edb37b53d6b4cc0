/* SPDX-License-Identifier: MIT */
/*
 * The kernel log, as far as consoles: each line is stamped with the time since
 * boot and written whole, under one lock, to every console.
 *
 * A panic must get through whatever the stopped CPUs held: panic_in_progress
 * makes printk go ahead without the lock after a bounded wait.
 */
#include <arch/sbi.h>
#include <arch/time.h>
#include <kernel/debug/panic.h>
#include <kernel/lib/string.h>
#include <kernel/lock/spinlock.h>
#include <kernel/param.h>
#include <kernel/printk.h>

#define LINE_MAX	512
#define PANIC_PATIENCE	1000000		/* rounds of waiting for a lock that may never come free */

int console_loglevel = LOG_DEBUG;	/* levels below it are shown: all but debug */

static DEFINE_SPINLOCK(console_lock, RANK_CONSOLE);	/* guards the consoles and the order of lines */

static void sbi_write(struct console *c, const char *s, size_t len)
{
	sbi_console_write(s, len);
}

/* Until a real console registers, and where none does. */
static struct console boot_console = { .name = "sbi", .write = sbi_write };
static struct console *consoles = &boot_console;	/* console_lock */

static bool lock_console(u64 *flags)
{
	u32 patience = PANIC_PATIENCE;

	if (!panic_in_progress()) {
		*flags = spin_lock_irqsave(&console_lock);
		return true;
	}
	*flags = local_irq_save();
	preempt_disable();
	while (patience--) {
		if (raw_spin_trylock(&console_lock))
			return true;
		cpu_relax();
	}
	return false;
}

static void unlock_console(bool locked, u64 flags)
{
	if (locked)
		raw_spin_unlock(&console_lock);
	local_irq_restore(flags);
	preempt_enable();
}

void console_register(struct console *c)
{
	u64 flags;
	bool locked = lock_console(&flags);

	c->next = consoles == &boot_console ? NULL : consoles;
	consoles = c;
	unlock_console(locked, flags);
}

/* "[    0.001234] " in front; microseconds since the clock's zero. */
static int stamp(char *buf, size_t size)
{
	u64 us = arch_timebase_hz ? arch_time_read() * 1000000 / arch_timebase_hz : 0;

	return snprintf(buf, size, "[%5lu.%06lu] ", us / 1000000, us % 1000000);
}

void printk(enum log_level level, const char *fmt, ...)
{
	char line[LINE_MAX];
	size_t len = stamp(line, sizeof(line));
	struct console *c;
	va_list ap;
	u64 flags;
	bool locked;

	if ((int)level >= console_loglevel)
		return;
	va_start(ap, fmt);
	len += vsnprintf(line + len, sizeof(line) - len, fmt, ap);
	va_end(ap);
	if (len >= sizeof(line)) {
		len = sizeof(line) - 1;
		line[len - 1] = '\n';
	}
	locked = lock_console(&flags);
	for (c = consoles; c; c = c->next)
		c->write(c, line, len);
	unlock_console(locked, flags);
}

static int set_loglevel(const char *value)
{
	u64 level;

	if (kstrtou64(value, 0, &level) || level > LOG_DEBUG + 1)
		return -EINVAL;
	console_loglevel = level;
	return 0;
}
PARAM(loglevel, "loglevel", set_loglevel);
