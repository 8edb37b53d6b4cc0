/* SPDX-License-Identifier: MIT */
/*
 * Terminals: line discipline over a serial port, the console or a pty pair.
 * Serial drivers use only the tty_port part.
 */
#pragma once
#include <kernel/types.h>
#include <kernel/irq/irq.h>
#include <kernel/lock/mutex.h>
#include <kernel/lock/wait.h>
#include <drivers/tty/ldisc.h>

struct tty;
struct tty_port;
struct pid;
struct process;
struct thread;
struct file;
struct file_ops;
struct kio;
struct iov_iter;
struct poll_table;

/*
 * --- for serial drivers ---
 *
 * A driver's probe fills a struct tty_port and calls tty_port_register(). From then on:
 *
 *   start        first open: switch the receive interrupt on
 *   RX           the interrupt empties the FIFO into a buffer, drops the UART's lock, and calls
 *   tty_port_input() write        put bytes into the FIFO; when not all fit, switch the transmit
 *   interrupt on and take fewer TX           the interrupt finds the FIFO empty: off again, drop
 *   the UART's lock, tty_port_wakeup() stop         last close, the output has left the tty:
 *   interrupts off
 *
 * The UART's own lock has RANK_UART: write comes with the tty's lock held, a console's write with
 * printk's, so nothing is printed and none of the functions below is called while it is held.
 */

struct tty_port_ops {
	/* Take up to len bytes; how many it took. Context: tty lock held, interrupts off. */
	u32 (*write)(struct tty_port *port, const u8 *buf, u32 len);
	/* baud and termios cflag bits changed (CSIZE, PARENB, ...). May be NULL; may sleep. */
	void (*set_termios)(struct tty_port *port, u32 baud, u32 cflag);
	void (*start)(struct tty_port *port);	/* may be NULL; may sleep */
	void (*stop)(struct tty_port *port);	/* may be NULL; may sleep */
	/*
	 * Bytes the hardware holds, not yet on the line; for
	 * tcdrain(). May be NULL. Context: tty lock held.
	 */
	u32 (*pending)(struct tty_port *port);
	/* Send a break for ms milliseconds. May be NULL; may sleep. */
	void (*send_break)(struct tty_port *port, u32 ms);
};
struct tty_port {
	const struct tty_port_ops *ops;
	void *data;			/* the driver's */
	u32 baud;			/* what firmware left; 0: 38400. The tty's first setting */
	struct tty *tty;		/* set by tty_port_register() */
	void (*released)(struct tty_port *port);	/* the tty is freed (ptys); may be NULL; may sleep */
};
/*
 * Make /dev/<prefix><n> ("ttyS", "ttySIF"), n counted for each prefix; n, or -errno. The port is
 * never freed. is_console: the device tree's stdout-path names it: /dev/console, unless
 * console=<prefix><n> says another. Context: boot thread, may sleep; before devtmpfs is mounted is
 * fine.
 */
int __must_check tty_port_register(struct tty_port *port, const char *prefix, bool is_console);
/* Received bytes. How many found room: the rest is lost. Any context; without the UART's lock. */
u32 tty_port_input(struct tty_port *port, const u8 *buf, u32 len);
void tty_port_break(struct tty_port *port);	/* a break was received; the same context */
void tty_port_wakeup(struct tty_port *port);	/* write has room again; the same context */

/* --- inside drivers/tty, and for job control --- */

struct tty {
	refcount_t refs;

	/* Guarded by lock: RANK_TTY, interrupts off. */
	struct spinlock lock;
	struct ldisc ld;
	u32 hangups;			/* a file opened before the last one is dead (file->pos) */
	bool master_gone;		/* pty: no new opens, and who waits gets -EIO */
	bool exclusive;
	bool packet_mode;		/* of the pty's master */
	u32 opens;
	struct winsize winsize;
	struct pid *pgrp, *session;	/* counted; NULL: no session has it */

	struct mutex read_mutex;	/* RANK_TTY_LDISC: one reader at a time gets a whole line */
	struct mutex write_mutex;	/* RANK_TTY_WRITE: writes do not mix */
	struct wait_queue read_wait;	/* input, hang-up */
	struct wait_queue write_wait;	/* room for output, hang-up */
	struct wait_queue input_wait;	/* pty: room for the master's writes */
	struct work signal_work;	/* signals of input that came in an interrupt */

	/* Constant after creation. */
	struct tty_port *port;
	dev_t dev;
	char name[16];			/* "ttyS0", "pts/3" */
	bool is_pty;
};

struct tty *tty_create(struct tty_port *port, dev_t dev, const char *name, bool is_pty);
struct tty *tty_get(struct tty *tty);
void tty_put(struct tty *tty);
/*
 * Send what waits in out to the port; wakes writers,
 * and a master that wants events. Context: lock held.
 */
void tty_push_output_locked(struct tty *tty);
/*
 * As if received. How many bytes were taken. Context:
 * lock held; then tty_send_signals() without it.
 */
u32 tty_input_locked(struct tty *tty, const u8 *buf, u32 len);
/* To the foreground group, what the line discipline has noted. May sleep. */
void tty_send_signals(struct tty *tty);
/* Takes len bytes, or as many as it can: their number, or -errno if not even one. */
typedef ssize_t (*tty_chunk_fn)(struct tty *tty, struct kio *kio, const u8 *buf, u32 len);
/* What a program writes, piece by piece, until one is not taken whole. Bytes, or -errno. May sleep. */
ssize_t tty_write_chunks(struct tty *tty, struct kio *kio, struct iov_iter *from, tty_chunk_fn write);
/*
 * Output has left the machine: 0 or -ERESTARTSYS. A pty's is where it goes to at once. May sleep.
 */
int tty_wait_drained(struct tty *tty);
/*
 * Files open now are dead: reads end, writes fail. The session loses the tty: its leader gets
 * SIGHUP and SIGCONT, and, when it is the leader that exits, the foreground group SIGHUP. May
 * sleep.
 */
void tty_hangup(struct tty *tty, bool session_exits);
bool tty_file_is_dead(const struct tty *tty, const struct file *f);
/* Takes over the caller's reference, also on failure. ops: tty_file_ops or tty_console_file_ops. */
int __must_check tty_open_common(struct tty *tty, struct file *f, const struct file_ops *ops);
extern const struct file_ops tty_file_ops;
/* Of /dev/console: no job control, and a hang-up does not touch it. */
extern const struct file_ops tty_console_file_ops;
long tty_ioctl_common(struct tty *tty, struct file *f, u32 cmd, u64 arg, bool from_master);

/*
 * The session leader p exits: its terminal loses the
 * session (SIGHUP to the foreground group). May sleep.
 */
void tty_session_exit(struct process *p);
/* For /proc/PID/stat: device number and foreground group of p's terminal; 0 and -1 if none. */
dev_t tty_of_process(struct process *p, pid_t *foreground);
void tty_init(void);
