/* SPDX-License-Identifier: MIT */
/*
 * Terminals: line discipline over a serial port, the console or a pty pair.
 * Serial drivers use only what is here; the rest is tty's own.
 */
#pragma once
#include <kernel/types.h>

struct tty;
struct tty_port;
/* What the tty asks of the hardware. Context: tty lock held, irqs off: may not sleep. */
struct tty_port_ops {
	/* Take up to len bytes for output; how many it took. It calls tty_port_wakeup() when there is room again. */
	u32 (*write)(struct tty_port *port, const u8 *buf, u32 len);
	void (*set_termios)(struct tty_port *port, u32 baud, u32 cflag);	/* may be NULL */
	void (*start)(struct tty_port *port);	/* first open */
	void (*stop)(struct tty_port *port);	/* last close, output drained */
};
struct tty_port {
	const struct tty_port_ops *ops;
	void *data;
	struct tty *tty;
};
/* Register /dev/<prefix><n> ("ttyS", "ttySIF"); n is chosen, returned, or -errno. Boot thread. */
int tty_port_register(struct tty_port *port, const char *prefix, bool is_console);
/* From the receive interrupt. Number accepted; the rest did not fit. */
u32 tty_port_input(struct tty_port *port, const u8 *buf, u32 len);
void tty_port_break(struct tty_port *port);
void tty_port_wakeup(struct tty_port *port);
