/* SPDX-License-Identifier: MIT */
/*
 * Serial ports as /dev/ttyS*, and which of them is /dev/console; /dev/tty.
 *
 * The console is the port that the last console= on the command line names; if
 * none matches, the device tree's (is_console); else the first that registers.
 * "console=ttyS0,115200" also sets the port's rate, as on Linux; a parity and a
 * number of bits after it are read over.
 */
#include <drivers/tty/tty.h>
#include <drivers/tty/job_control.h>
#include <drivers/tty/pty.h>
#include <fs/chrdev.h>
#include <kernel/bug.h>
#include <kernel/lib/string.h>
#include <kernel/param.h>
#include <kernel/printk.h>
#include <kernel/uapi/fcntl.h>

#define TTYAUX_MAJOR	5		/* 0 /dev/tty, 1 /dev/console, 2 /dev/ptmx */
#define TTY_SERIAL_MAJOR 4
#define TTY_SERIAL_MINOR 64
#define TTY_SERIAL_MAX	16
#define CONSOLE_PARAMS	4		/* console= words that are remembered */

/* Filled on the boot CPU before any port registers; constant after. */
static struct {
	char name[16];
	u32 baud;			/* 0: not given */
} wanted[CONSOLE_PARAMS];
static u32 nr_wanted;

/* Only by the boot thread; constant after. */
static struct tty *console_tty;
static int console_score;		/* of console_tty: see score() */
static struct {
	const char *prefix;
	u32 count;
} prefixes[TTY_SERIAL_MAX];
static struct tty *ports[TTY_SERIAL_MAX];	/* by minor */
static u32 nr_ports;

static int set_console(const char *value)
{
	u32 n = 0;

	if (nr_wanted == CONSOLE_PARAMS)
		return -EINVAL;
	while (value[n] && value[n] != ',' && n < sizeof(wanted[0].name) - 1) {
		wanted[nr_wanted].name[n] = value[n];
		n++;
	}
	for (value += n + (value[n] == ','); *value >= '0' && *value <= '9'; value++)
		wanted[nr_wanted].baud = wanted[nr_wanted].baud * 10 + (*value - '0');
	nr_wanted++;
	return 0;
}
PARAM(console, "console", set_console);

/* 1 more than the place of the last console= that names it; 0: none does. */
static u32 wanted_place(const char *name)
{
	u32 place = 0;

	for (u32 i = 0; i < nr_wanted; i++)
		if (!strcmp(wanted[i].name, name))
			place = i + 1;
	return place;
}

/* How much a port is the console: any port 1, the tree's 2, the command line's 3 and up. */
static int score(u32 place, bool is_console)
{
	return place ? 2 + (int)place : 1 + is_console;
}

static u32 next_of_prefix(const char *prefix)
{
	for (u32 i = 0; i < TTY_SERIAL_MAX; i++) {
		if (!prefixes[i].prefix)
			prefixes[i].prefix = prefix;
		if (!strcmp(prefixes[i].prefix, prefix))
			return prefixes[i].count++;
	}
	return 0;
}

int tty_port_register(struct tty_port *port, const char *prefix, bool is_console)
{
	char name[16];
	struct tty *tty;
	u32 n, place;
	dev_t dev;

	if (nr_ports == TTY_SERIAL_MAX)
		return -ENFILE;
	n = next_of_prefix(prefix);
	snprintf(name, sizeof(name), "%s%u", prefix, n);
	dev = MKDEV(TTY_SERIAL_MAJOR, TTY_SERIAL_MINOR + nr_ports);
	place = wanted_place(name);
	if (place && wanted[place - 1].baud) {
		port->baud = wanted[place - 1].baud;
		if (port->ops->set_termios)
			port->ops->set_termios(port, port->baud, CS8 | CREAD);
	}
	tty = tty_create(port, dev, name, false);
	if (!tty)
		return -ENOMEM;
	ports[nr_ports++] = tty;
	if (score(place, is_console) > console_score) {
		console_score = score(place, is_console);
		console_tty = tty;
	}
	return chrdev_node_create(name, S_IFCHR | 0620, dev) ?: (int)n;
}

static int serial_open(struct inode *inode, struct file *f)
{
	struct tty *tty = ports[MINOR(inode->rdev) - TTY_SERIAL_MINOR];

	return tty ? tty_open_common(tty_get(tty), f, &tty_file_ops) : -ENXIO;
}

static int console_open(struct inode *inode, struct file *f)
{
	if (!console_tty)
		return -ENODEV;
	/* The console never becomes a controlling terminal by itself. */
	f->flags |= O_NOCTTY;
	return tty_open_common(tty_get(console_tty), f, &tty_console_file_ops);
}

static int current_tty_open(struct inode *inode, struct file *f)
{
	struct tty *tty = tty_get_controlling();

	return tty ? tty_open_common(tty, f, &tty_file_ops) : -ENXIO;
}

static const struct file_ops serial_ops = { .open = serial_open };
static const struct file_ops console_ops = { .open = console_open };
static const struct file_ops current_tty_ops = { .open = current_tty_open };

void tty_init(void)
{
	BUG_ON(chrdev_register(MKDEV(TTY_SERIAL_MAJOR, TTY_SERIAL_MINOR), TTY_SERIAL_MAX, "ttyS",
			       &serial_ops));
	BUG_ON(chrdev_register(MKDEV(TTYAUX_MAJOR, 0), 1, "tty", &current_tty_ops));
	BUG_ON(chrdev_register(MKDEV(TTYAUX_MAJOR, 1), 1, "console", &console_ops));
	BUG_ON(chrdev_node_create("tty", S_IFCHR | 0666, MKDEV(TTYAUX_MAJOR, 0)));
	BUG_ON(chrdev_node_create("console", S_IFCHR | 0600, MKDEV(TTYAUX_MAJOR, 1)));
	pty_init();
}
