/* SPDX-License-Identifier: MIT */
/*
 * Serial ports between their registers and the tty and printk.
 *
 * printk writes by polling, whatever else goes on: with the UART's lock, or
 * without it in a panic, whose text must get through though a stopped CPU may
 * hold it. The tty's output goes into the FIFO as far as it fits; for the rest
 * the transmit interrupt asks the tty again. Both may mix in the middle of a
 * line, never in the middle of a byte.
 *
 * printk's console is what console= names, each one if there are several; without
 * console= it is the port of /chosen's stdout-path.
 */
#include <arch/paging.h>
#include <arch/processor.h>
#include <drivers/serial/uart.h>
#include <kernel/debug/panic.h>
#include <kernel/lib/string.h>
#include <kernel/param.h>
#include <libfdt.h>

#define RX_BATCH	64		/* bytes given to the tty at once: a FIFO's worth */
/* reads of the status, seconds: who reads may be slow (a terminal, a pipe) */
#define ROOM_PATIENCE	50000000
#define PANIC_PATIENCE	100000		/* rounds of waiting for a lock that may never come free */

/* --- printk --- */

static bool lock_for_console(struct uart *u, u64 *flags)
{
	u32 patience = PANIC_PATIENCE;

	if (!panic_in_progress()) {
		*flags = spin_lock_irqsave(&u->lock);
		return true;
	}
	*flags = local_irq_save();
	while (patience--) {
		if (raw_spin_trylock(&u->lock))
			return true;
		cpu_relax();
	}
	return false;
}

/* A port that never has room, or is none at all, must not stop who has something to say. */
static void put_polled(struct uart *u, u8 c)
{
	u32 patience = u->stuck ? 1 : ROOM_PATIENCE;

	while (!u->ops->room(u) && --patience)
		cpu_relax();
	u->stuck = !patience;
	if (patience)
		u->ops->put(u, c);
}

static void console_write(struct console *c, const char *s, size_t len)
{
	struct uart *u = c->data;
	u64 flags;
	bool locked = lock_for_console(u, &flags);

	for (; len; s++, len--) {
		if (*s == '\n')
			put_polled(u, '\r');
		put_polled(u, (u8)*s);
	}
	if (locked)
		raw_spin_unlock(&u->lock);
	local_irq_restore(flags);
	preempt_check();
}

/* --- the tty's side --- */

static struct uart *uart_of(struct tty_port *port)
{
	return container_of(port, struct uart, port);
}

static void set_interrupts(struct uart *u, bool rx, bool tx)
{
	if (rx == u->rx_on && tx == u->tx_on)
		return;
	u->rx_on = rx;
	u->tx_on = tx;
	u->ops->enable(u, rx, tx);
}

static u32 uart_write(struct tty_port *port, const u8 *buf, u32 len)
{
	struct uart *u = uart_of(port);
	u64 flags = spin_lock_irqsave(&u->lock);
	u32 done = 0, room;

	while (done < len && (room = u->ops->room(u)))
		while (done < len && room--)
			u->ops->put(u, buf[done++]);
	if (done < len)
		set_interrupts(u, u->rx_on, true);
	spin_unlock_irqrestore(&u->lock, flags);
	return done;
}

static void uart_start(struct tty_port *port)
{
	struct uart *u = uart_of(port);
	u64 flags = spin_lock_irqsave(&u->lock);

	set_interrupts(u, true, u->tx_on);
	spin_unlock_irqrestore(&u->lock, flags);
}

static void uart_stop(struct tty_port *port)
{
	struct uart *u = uart_of(port);
	u64 flags = spin_lock_irqsave(&u->lock);

	set_interrupts(u, false, false);
	spin_unlock_irqrestore(&u->lock, flags);
}

static void uart_set_termios(struct tty_port *port, u32 baud, u32 cflag)
{
	struct uart *u = uart_of(port);

	if (u->ops->set_rate && baud)
		u->ops->set_rate(u, baud);
}

/* Limit: 8 bits, no parity, whatever cflag says; no break is sent. */
static const struct tty_port_ops port_ops = {
	.write = uart_write,
	.set_termios = uart_set_termios,
	.start = uart_start,
	.stop = uart_stop,
};

/* --- interrupt --- */

/* Lock held. Up to RX_BATCH bytes; a break ends the batch. */
static u32 receive(struct uart *u, u8 *buf, bool *broken)
{
	u32 n = 0;
	int c;

	*broken = false;
	while (n < RX_BATCH && (c = u->ops->get(u)) != UART_NONE) {
		if (c == UART_BREAK) {
			*broken = true;
			break;
		}
		buf[n++] = (u8)c;
	}
	return n;
}

/* One look at the hardware. True: there may be more received. */
static bool serve(struct uart *u)
{
	u8 buf[RX_BATCH];
	bool broken, has_room;
	u64 flags = spin_lock_irqsave(&u->lock);
	u32 n = receive(u, buf, &broken), taken;

	has_room = u->tx_on && u->ops->room(u);
	if (has_room)
		set_interrupts(u, u->rx_on, false);
	spin_unlock_irqrestore(&u->lock, flags);

	if (n) {
		taken = tty_port_input(&u->port, buf, n);
		u->lost += n - taken;
	}
	if (broken)
		tty_port_break(&u->port);
	if (has_room)
		tty_port_wakeup(&u->port);
	return n == RX_BATCH || broken;
}

static void uart_interrupt(void *arg)
{
	while (serve(arg))
		;
}

/* --- registration --- */

/* The length of a word or a path's first part. */
static size_t length_to(const char *s, const char *ends)
{
	size_t n = 0;

	while (s[n] && !strchr(ends, s[n]))
		n++;
	return n;
}

/* Is dev /chosen's stdout-path? Options may follow a colon; *baud is their number, or 0. */
static bool is_stdout(const struct device *dev, u32 *baud)
{
	int chosen = fdt_path_offset(boot_fdt, "/chosen");
	const char *path = chosen < 0 ? NULL : tree_string(chosen, "stdout-path");
	size_t n;

	*baud = 0;
	if (!path)
		return false;
	n = length_to(path, ":");
	if (path[n])
		for (const char *p = path + n + 1; *p >= '0' && *p <= '9'; p++)
			*baud = *baud * 10 + (u32)(*p - '0');
	return fdt_path_offset_namelen(boot_fdt, path, (int)n) == dev->node;
}

/* console= on the command line: does one name us, is there any? */
static bool is_named(const char *name, bool *any)
{
	bool found = false;

	*any = false;
	for (const char *p = boot_command_line; (p = strstr(p, "console=")); p += 8) {
		const char *value = p + 8;
		size_t n = length_to(value, ", ");

		if (p != boot_command_line && p[-1] != ' ')
			continue;
		*any = true;
		found |= n == strlen(name) && !strncmp(value, name, n);
	}
	return found;
}

static void console_start(struct uart *u, bool by_tree)
{
	bool any, named = is_named(u->name, &any);

	if (!named && (any || !by_tree))
		return;
	u->console = (struct console){ .name = u->name, .write = console_write, .data = u };
	console_register(&u->console);
	pr_info("%s: console %s\n", u->dev->name, u->name);
}

int uart_register(struct uart *u, const char *prefix)
{
	u32 baud;
	bool by_tree = is_stdout(u->dev, &baud);
	int n, err;

	spin_lock_init(&u->lock, RANK_UART);
	u->port.ops = &port_ops;
	if (baud)
		u->port.baud = baud;
	n = tty_port_register(&u->port, prefix, by_tree);
	if (n < 0)
		return n;
	snprintf(u->name, sizeof(u->name), "%s%d", prefix, n);
	err = dev_request_irq(u->dev, dev_irq(u->dev, 0), uart_interrupt, u);
	/*
	 * The tty is there to stay: without an interrupt it has no input, but printk still works.
	 */
	if (err)
		pr_err("%s: no interrupt: error %d\n", u->dev->name, -err);
	console_start(u, by_tree);
	return 0;
}
