/* SPDX-License-Identifier: MIT */
/* Stand-ins until drivers/tty is linked. */
#include <drivers/tty/tty.h>

int __weak tty_port_register(struct tty_port *port, const char *prefix, bool is_console)
{
	static int n;

	return n++;
}
u32 __weak tty_port_input(struct tty_port *port, const u8 *buf, u32 len) { return 0; }
void __weak tty_port_break(struct tty_port *port) { }
void __weak tty_port_wakeup(struct tty_port *port) { }
