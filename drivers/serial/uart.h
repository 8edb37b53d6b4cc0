/* SPDX-License-Identifier: MIT */
/*
 * What serial ports have in common: a port of a terminal and, for one of them,
 * a console of printk. A driver describes its registers; uart.c does the rest.
 */
#pragma once
#include <drivers/core/driver.h>
#include <drivers/tty/tty.h>
#include <kernel/lock/spinlock.h>
#include <kernel/printk.h>

struct uart;

#define UART_NONE	(-1)
#define UART_BREAK	(-2)

/* Context of all but set_rate: the UART's lock held, interrupts off. */
struct uart_ops {
	/* bytes that put() may be called for now; 0: full */
	u32 (*room)(struct uart *u);
	void (*put)(struct uart *u, u8 c);
	int (*get)(struct uart *u);		/* a received byte, UART_NONE or UART_BREAK */
	void (*enable)(struct uart *u, bool rx, bool tx);	/* which interrupts; tx: there is room */
	void (*set_rate)(struct uart *u, u32 baud);		/* NULL: as firmware set it */
};

struct uart {
	/* Constant after uart_register(). */
	const struct uart_ops *ops;
	struct device *dev;
	volatile u8 *regs;
	struct tty_port port;
	struct console console;
	char name[16];			/* "ttyS0" */

	/* Guarded by lock. */
	struct spinlock lock;		/* RANK_UART, irq-safe */
	bool rx_on, tx_on;		/* interrupts wanted */
	bool stuck;			/* had no room for seconds: is not waited for */
	u64 lost;			/* received bytes that found no room */
};

/*
 * ops, dev and regs are set, the device is quiet. Makes it a tty "<prefix><n>", with
 * its interrupt, and a console if it is meant to be one. 0 or -errno. Boot thread.
 */
int __must_check uart_register(struct uart *u, const char *prefix);
