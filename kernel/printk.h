/* SPDX-License-Identifier: MIT */
/*
 * Kernel log. Any context, any lock held (below RANK_CONSOLE), from the first
 * instruction in C. A message is stamped and stored in a ring (/dev/kmsg, dmesg)
 * and shown on the consoles when its level is below console_loglevel. Each call
 * is one line; a newline at its end may be there or not.
 * Formats: C99 without floating point, plus %pS (symbol+offset).
 */
#pragma once
#include <kernel/types.h>
#include <stdarg.h>

enum log_level {
	LOG_EMERG, LOG_ALERT, LOG_CRIT, LOG_ERR, LOG_WARN, LOG_NOTICE, LOG_INFO, LOG_DEBUG,
};

void __printf(2, 3) printk(enum log_level level, const char *fmt, ...);
int vsnprintf(char *buf, size_t size, const char *fmt, va_list ap);
int __printf(3, 4) snprintf(char *buf, size_t size, const char *fmt, ...);

#define pr_err(...)	printk(LOG_ERR, __VA_ARGS__)
#define pr_warn(...)	printk(LOG_WARN, __VA_ARGS__)
#define pr_notice(...)	printk(LOG_NOTICE, __VA_ARGS__)
#define pr_info(...)	printk(LOG_INFO, __VA_ARGS__)
#define pr_debug(...)	printk(LOG_DEBUG, __VA_ARGS__)

/*
 * A console: write must work in any context, may spin, may not sleep or print.
 * Calls do not overlap, but for a panic's. Lines end in \n: a serial line's
 * write puts the \r before it.
 * The boot console (SBI) is replaced when the first real one registers.
 */
struct console {
	const char *name;
	void (*write)(struct console *c, const char *s, size_t len);
	void *data;
	struct console *next;
};
void console_register(struct console *c);
void printk_flush(void);		/* before power-off: all that was said is on the consoles */
extern int console_loglevel;		/* loglevel= */
