/* SPDX-License-Identifier: MIT */
/*
 * Terminals: the file side of a line discipline and a port.
 *
 *   input:   UART interrupt or pty master -> ldisc (echo to its output) -> read(2)
 *   output:  write(2) -> ldisc (OPOST) -> port, or pty master
 *
 * The line discipline is one state under tty->lock, which interrupts take: a byte
 * is edited and echoed where it arrives. What may not happen there, sending
 * signals (RANK_TASKLIST is below RANK_TTY), is noted by the line discipline and
 * done after unlock, or for an interrupt by a work item.
 *
 * Copies to and from user memory happen without the lock, through a small
 * buffer on the stack; read_mutex and write_mutex keep the bytes of one call
 * together meanwhile.
 *
 * A hang-up ends the files that are open, not the terminal: each remembers in
 * file->pos, which no terminal uses otherwise, how many there had been when it
 * was opened. Reads of a dead file return 0, writes and ioctls -EIO.
 *
 * Not here: editing and echo (ldisc.c), ioctls (tty_ioctl.c), sessions and job
 * control (job_control.c), pairs (pty.c), serial ports and their nodes (tty_nodes.c).
 */
#include <drivers/tty/tty.h>
#include <drivers/tty/job_control.h>
#include <drivers/tty/pty.h>
#include <fs/file.h>
#include <fs/poll.h>
#include <kernel/bug.h>
#include <kernel/lib/string.h>
#include <kernel/mm/alloc.h>
#include <kernel/sched/tick.h>
#include <kernel/task/cred.h>
#include <kernel/task/signal.h>
#include <kernel/task/pid.h>
#include <kernel/time/timekeeping.h>
#include <kernel/uapi/fcntl.h>

/* bytes moved per lock hold: bounds the time with interrupts off */
#define CHUNK		512
#define DECISECOND_NS	(100 * NS_PER_MS)
/* for output when the last file closes; Linux's default */
#define CLOSE_DRAIN_NS	(30 * NS_PER_SEC)
#define FIFO_DRAIN_MS	100		/* for the few bytes in the hardware */
#define ROOM_TO_WAKE	(LDISC_OUT_SIZE / 2)	/* writers are woken at this much: chosen */

/* --- signals that the line discipline has noted --- */

void tty_send_signals(struct tty *tty)
{
	struct pid *pgrp;
	u64 pending, flags;

	if (likely(!READ_ONCE(tty->ld.signals)))
		return;
	flags = spin_lock_irqsave(&tty->lock);
	pending = tty->ld.signals;
	tty->ld.signals = 0;
	pgrp = tty->pgrp ? pid_get(tty->pgrp) : NULL;
	spin_unlock_irqrestore(&tty->lock, flags);
	if (!pgrp)
		return;
	for (; pending; pending &= pending - 1)
		signal_send_pgrp(pgrp, ctz64(pending), NULL);
	pid_put(pgrp);
}

static void signal_work(struct work *w)
{
	tty_send_signals(container_of(w, struct tty, signal_work));
}

/* --- life --- */

struct tty *tty_create(struct tty_port *port, dev_t dev, const char *name, bool is_pty)
{
	struct tty *tty = kzalloc(sizeof(*tty), GFP_KERNEL);

	if (!tty)
		return NULL;
	refcount_set(&tty->refs, 1);
	spin_lock_init(&tty->lock, RANK_TTY);
	ldisc_init(&tty->ld, is_pty);
	if (port->baud)
		ldisc_set_baud(&tty->ld, port->baud);
	mutex_init(&tty->read_mutex, RANK_TTY_LDISC);
	mutex_init(&tty->write_mutex, RANK_TTY_WRITE);
	wait_queue_init(&tty->read_wait);
	wait_queue_init(&tty->write_wait);
	wait_queue_init(&tty->input_wait);
	work_init(&tty->signal_work, signal_work);
	tty->port = port;
	tty->dev = dev;
	tty->is_pty = is_pty;
	strscpy(tty->name, name, sizeof(tty->name));
	port->tty = tty;
	return tty;
}

struct tty *tty_get(struct tty *tty)
{
	refcount_inc(&tty->refs);
	return tty;
}

void tty_put(struct tty *tty)
{
	if (!refcount_dec(&tty->refs))
		return;
	work_cancel(&tty->signal_work);
	if (tty->pgrp)
		pid_put(tty->pgrp);
	if (tty->session)
		pid_put(tty->session);
	if (tty->port->released)
		tty->port->released(tty->port);
	kfree(tty);
}

/* --- the port's side --- */

void tty_push_output_locked(struct tty *tty)
{
	const u8 *p;
	u32 len;

	assert_spin_held(&tty->lock);
	if (tty->packet_mode && tty->ld.events)
		tty->port->ops->write(tty->port, NULL, 0);
	while ((len = ldisc_output(&tty->ld, &p))) {
		u32 taken = tty->port->ops->write(tty->port, p, len);

		ldisc_output_done(&tty->ld, taken);
		if (taken < len)
			break;
	}
	if (ldisc_write_room(&tty->ld) >= ROOM_TO_WAKE)
		wake_poll(&tty->write_wait, EPOLLOUT | EPOLLWRNORM);
}

u32 tty_input_locked(struct tty *tty, const u8 *buf, u32 len)
{
	u32 taken = ldisc_receive(&tty->ld, buf, len);

	tty_push_output_locked(tty);
	if (ldisc_readable(&tty->ld))
		wake_poll(&tty->read_wait, EPOLLIN | EPOLLRDNORM);
	return taken;
}

static void unlock_in_interrupt(struct tty *tty, u64 flags)
{
	bool signals = tty->ld.signals;

	spin_unlock_irqrestore(&tty->lock, flags);
	if (unlikely(signals))
		work_queue(&tty->signal_work);
}

u32 tty_port_input(struct tty_port *port, const u8 *buf, u32 len)
{
	struct tty *tty = port->tty;
	u64 flags = spin_lock_irqsave(&tty->lock);
	/* What nobody has open reads nothing, and has no one to echo for. */
	u32 taken = tty->opens ? tty_input_locked(tty, buf, len) : 0;

	unlock_in_interrupt(tty, flags);
	return taken;
}

void tty_port_break(struct tty_port *port)
{
	struct tty *tty = port->tty;
	u64 flags = spin_lock_irqsave(&tty->lock);

	if (tty->opens) {
		ldisc_receive_break(&tty->ld);
		wake_poll(&tty->read_wait, EPOLLIN | EPOLLRDNORM);
	}
	unlock_in_interrupt(tty, flags);
}

void tty_port_wakeup(struct tty_port *port)
{
	struct tty *tty = port->tty;
	u64 flags = spin_lock_irqsave(&tty->lock);

	tty_push_output_locked(tty);
	spin_unlock_irqrestore(&tty->lock, flags);
}

/* --- hang-up --- */

static bool is_console_file(const struct file *f)
{
	return f->ops == &tty_console_file_ops;
}

bool tty_file_is_dead(const struct tty *tty, const struct file *f)
{
	return f->pos != READ_ONCE(tty->hangups) && !is_console_file(f);
}

void tty_hangup(struct tty *tty, bool session_exits)
{
	u64 flags = spin_lock_irqsave(&tty->lock);

	tty->hangups++;
	ldisc_flush_input(&tty->ld);
	ldisc_flush_output(&tty->ld);
	tty->ld.events = 0;
	spin_unlock_irqrestore(&tty->lock, flags);
	tty_session_hangup(tty, session_exits);
	wake_queue(&tty->read_wait, 0, 0);
	wake_queue(&tty->write_wait, 0, 0);
	wake_queue(&tty->input_wait, 0, 0);
}

/* --- reading --- */

/* How a non-canonical read waits: POSIX.1-2017, 11.1.7, cases A to D. */
struct read_rule {
	u32 min;			/* bytes that end the wait */
	ktime_t first_ns, next_ns;	/* wait for the first byte, between bytes */
};

static struct read_rule read_rule(const struct tty *tty)
{
	struct read_rule r = { 1, TIMEOUT_NEVER, TIMEOUT_NEVER };
	ktime_t time = tty->ld.termios.cc[VTIME] * DECISECOND_NS;
	u8 vmin = tty->ld.termios.cc[VMIN];

	if (tty->ld.termios.lflag & ICANON)
		return r;
	if (!vmin) {
		r.first_ns = time;
		return r;
	}
	r.min = vmin;
	if (time)
		r.next_ns = time;
	return r;
}

/* The lock is not needed: who changes the indices wakes the queue afterwards. */
static bool input_or_end(const struct tty *tty, const struct file *f)
{
	return ldisc_readable(&tty->ld) || tty_file_is_dead(tty, f);
}

/* 0: look again. -EAGAIN, -ERESTARTSYS; -ETIMEDOUT: no (more) input in time. */
static long wait_input(struct tty *tty, struct kio *kio, ktime_t ns)
{
	if (!ns)
		return -ETIMEDOUT;
	if (kio_nonblock(kio))
		return -EAGAIN;
	return wait_event_interruptible_timeout(&tty->read_wait, input_or_end(tty, kio->file), ns);
}

/*
 * Move what is there, CHUNK at most, to the iterator. Bytes; *done: the line is complete. -EFAULT.
 */
static ssize_t take_input(struct tty *tty, struct iov_iter *to, bool *done)
{
	u8 buf[CHUNK];
	u32 want = min_t(size_t, iov_iter_count(to), CHUNK), n;
	u64 flags = spin_lock_irqsave(&tty->lock);

	n = ldisc_read(&tty->ld, buf, want, done);
	spin_unlock_irqrestore(&tty->lock, flags);
	return copy_to_iter(buf, n, to) == n ? n : -EFAULT;
}

static ssize_t read_input(struct tty *tty, struct kio *kio, struct iov_iter *to)
{
	struct read_rule rule = read_rule(tty);
	ktime_t ns = rule.first_ns;
	ssize_t total = 0, n = 0;
	bool done = false;

	while (!done && iov_iter_count(to)) {
		if (!ldisc_readable(&tty->ld)) {
			if (total >= rule.min)
				break;
			if (tty_file_is_dead(tty, kio->file)) {
				n = tty->master_gone ? -EIO : 0;
				break;
			}
			n = wait_input(tty, kio, ns);
			if (n)
				break;
			continue;
		}
		n = take_input(tty, to, &done);
		if (n < 0)
			break;
		total += n;
		ns = rule.next_ns;
	}
	return total || n >= 0 || n == -ETIMEDOUT ? total : n;
}

/*
 * The times of the node by which a terminal was opened tell others how long nobody has used it (w,
 * who -u). As on Linux in steps of eight seconds, so that they tell little of what is typed.
 */
static void note_use(struct inode *node, const struct timespec64 *last, u32 time)
{
	u64 now_s = ktime_to_real(tick_time()) / NS_PER_SEC;

	if (((u64)READ_ONCE(last->sec) ^ now_s) & ~7ull)
		inode_touch(node, time);
}

static ssize_t tty_read(struct kio *kio, struct iov_iter *to)
{
	struct tty *tty = kio->file->private;
	ssize_t n;
	int err;

	if (tty_file_is_dead(tty, kio->file))
		return 0;
	err = is_console_file(kio->file) ? 0 : tty_check_background(tty, SIGTTIN);
	if (err)
		return err;
	if (kio_nonblock(kio)) {
		if (!mutex_trylock(&tty->read_mutex))
			return -EAGAIN;
	} else {
		err = mutex_lock_interruptible(&tty->read_mutex);
		if (err)
			return err;
	}
	n = read_input(tty, kio, to);
	mutex_unlock(&tty->read_mutex);
	if (tty->is_pty)
		wake_poll(&tty->input_wait, EPOLLOUT | EPOLLWRNORM);
	if (n > 0)
		note_use(kio->file->inode, &kio->file->inode->atime, ATTR_ATIME);
	return n;
}

/* --- writing --- */

static bool output_ready(const struct tty *tty, const struct file *f)
{
	return tty_file_is_dead(tty, f) || ldisc_write_room(&tty->ld) >= ROOM_TO_WAKE;
}

/* Put buf out, waiting for room. Bytes, or -errno if not even one went. */
static ssize_t write_chunk(struct tty *tty, struct kio *kio, const u8 *buf, u32 len)
{
	u32 done = 0;

	for (;;) {
		u64 flags = spin_lock_irqsave(&tty->lock);
		bool dead = tty_file_is_dead(tty, kio->file);
		long err;

		if (!dead) {
			done += ldisc_write(&tty->ld, buf + done, len - done);
			tty_push_output_locked(tty);
			/* The port made room: so long as it does, there is nothing to wait for. */
			done += done < len ? ldisc_write(&tty->ld, buf + done, len - done) : 0;
		}
		spin_unlock_irqrestore(&tty->lock, flags);
		if (dead)
			return done ? (ssize_t)done : -EIO;
		if (done == len)
			return done;
		if (kio_nonblock(kio))
			return done ? (ssize_t)done : -EAGAIN;
		err = wait_event_interruptible(&tty->write_wait, output_ready(tty, kio->file));
		if (err)
			return done ? (ssize_t)done : err;
	}
}

ssize_t tty_write_chunks(struct tty *tty, struct kio *kio, struct iov_iter *from, tty_chunk_fn write)
{
	ssize_t total = 0;

	while (iov_iter_count(from)) {
		u8 buf[CHUNK];
		u32 len = min_t(size_t, iov_iter_count(from), CHUNK);
		ssize_t n;

		if (copy_from_iter(buf, len, from) != len)
			return total ? total : -EFAULT;
		n = write(tty, kio, buf, len);
		if (n < 0)
			return total ? total : n;
		total += n;
		if (n < len)
			break;
	}
	return total;
}

static ssize_t tty_write(struct kio *kio, struct iov_iter *from)
{
	struct tty *tty = kio->file->private;
	int err = 0;
	ssize_t n;

	if (tty_file_is_dead(tty, kio->file))
		return -EIO;
	if ((tty->ld.termios.lflag & TOSTOP) && !is_console_file(kio->file))
		err = tty_check_background(tty, SIGTTOU);
	if (err)
		return err;
	if (!mutex_trylock(&tty->write_mutex)) {
		err = kio_nonblock(kio) ? -EAGAIN : mutex_lock_interruptible(&tty->write_mutex);
		if (err)
			return err;
	}
	n = tty_write_chunks(tty, kio, from, write_chunk);
	mutex_unlock(&tty->write_mutex);
	if (n > 0)
		note_use(kio->file->inode, &kio->file->inode->mtime, ATTR_MTIME);
	return n;
}

/* --- polling --- */

/* With VMIN and without VTIME, only as many bytes as a read waits for are news. */
static bool poll_readable(const struct tty *tty)
{
	const u8 *cc = tty->ld.termios.cc;

	if (!ldisc_readable(&tty->ld))
		return false;
	return ldisc_is_canonical(&tty->ld) || cc[VTIME] || tty->ld.head - tty->ld.tail >= cc[VMIN];
}

static u32 tty_poll(struct file *f, struct poll_table *pt)
{
	struct tty *tty = f->private;
	u32 mask = 0;
	u64 flags;

	poll_wait(f, &tty->read_wait, pt);
	poll_wait(f, &tty->write_wait, pt);
	flags = spin_lock_irqsave(&tty->lock);
	if (poll_readable(tty))
		mask |= EPOLLIN | EPOLLRDNORM;
	if (tty_file_is_dead(tty, f))
		mask |= EPOLLIN | EPOLLRDNORM | EPOLLOUT | EPOLLWRNORM | EPOLLERR | EPOLLHUP;
	else if (ldisc_write_room(&tty->ld) >= ROOM_TO_WAKE)
		mask |= EPOLLOUT | EPOLLWRNORM;
	spin_unlock_irqrestore(&tty->lock, flags);
	return mask;
}

static long tty_ioctl(struct file *f, u32 cmd, u64 arg)
{
	return tty_ioctl_common(f->private, f, cmd, arg, false);
}

/* --- open and close --- */

int tty_open_common(struct tty *tty, struct file *f, const struct file_ops *ops)
{
	u64 flags = spin_lock_irqsave(&tty->lock);
	bool first = false;
	int err = 0;

	if (tty->master_gone)
		err = -EIO;
	else if (tty->exclusive && tty->opens && !capable(CAP_SYS_ADMIN))
		err = -EBUSY;
	else
		first = tty->opens++ == 0;
	f->pos = tty->hangups;
	spin_unlock_irqrestore(&tty->lock, flags);
	if (err) {
		tty_put(tty);
		return err;
	}
	if (first && tty->port->ops->start)
		tty->port->ops->start(tty->port);
	f->private = tty;
	f->ops = ops;
	f->mode &= ~(u32)(FMODE_LSEEK | FMODE_PREAD);
	if (!(f->flags & O_NOCTTY) && (f->mode & FMODE_READ))
		tty_open_session(tty);
	return 0;
}

static bool output_drained(const struct tty *tty)
{
	return !ldisc_out_count(&tty->ld);
}

static u32 port_pending(struct tty *tty)
{
	u64 flags;
	u32 n;

	if (!tty->port->ops->pending)
		return 0;
	flags = spin_lock_irqsave(&tty->lock);
	n = tty->port->ops->pending(tty->port);
	spin_unlock_irqrestore(&tty->lock, flags);
	return n;
}

static int wait_drained(struct tty *tty, ktime_t ns)
{
	long err = wait_event_interruptible_timeout(&tty->write_wait, output_drained(tty), ns);

	if (err)
		return err == -ETIMEDOUT ? 0 : err;
	for (u32 ms = 0; ms < FIFO_DRAIN_MS && port_pending(tty); ms++)
		thread_sleep_ns(NS_PER_MS);
	return 0;
}

int tty_wait_drained(struct tty *tty)
{
	return tty->is_pty ? 0 : wait_drained(tty, TIMEOUT_NEVER);
}

static void tty_release(struct file *f)
{
	struct tty *tty = f->private;
	u64 flags = spin_lock_irqsave(&tty->lock);
	bool last = --tty->opens == 0;

	if (last)
		tty->exclusive = false;
	spin_unlock_irqrestore(&tty->lock, flags);
	if (last) {
		tty_forget_session(tty);
		if (!tty->is_pty && !tty->ld.stopped)
			(void)wait_drained(tty, CLOSE_DRAIN_NS);
		if (tty->port->ops->stop)
			tty->port->ops->stop(tty->port);
	}
	tty_put(tty);
}

const struct file_ops tty_file_ops = {
	.read = tty_read,
	.write = tty_write,
	.poll = tty_poll,
	.async = true,
	.ioctl = tty_ioctl,
	.release = tty_release,
};
const struct file_ops tty_console_file_ops = {
	.read = tty_read,
	.write = tty_write,
	.poll = tty_poll,
	.async = true,
	.ioctl = tty_ioctl,
	.release = tty_release,
};
