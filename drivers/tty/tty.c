/* SPDX-License-Identifier: MIT */
/*
 * Terminals: the file side of a line discipline and a port.
 *
 *   input:   UART interrupt or pty master -> ldisc (echo to out) -> read(2)
 *   output:  write(2) -> ldisc (OPOST) -> out ring -> port
 *
 * The line discipline and the output ring are one state under tty->lock, which
 * interrupts take: a byte is edited and echoed where it arrives. What may not
 * happen there, sending signals (RANK_TASKLIST is below RANK_TTY), is noted in
 * tty->signals and done by a work item.
 *
 * Copies to and from user memory happen without the lock, through a small
 * buffer on the stack; read_mutex and write_mutex keep the bytes of one call
 * together meanwhile.
 *
 * A tty hung up stays so for those who have it open: reads return 0, writes
 * -EIO, ioctls -EIO. A new open of a serial port starts afresh.
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
#include <kernel/printk.h>
#include <kernel/task/cred.h>
#include <kernel/task/signal.h>
#include <kernel/task/pid.h>
#include <kernel/uapi/fcntl.h>

#define OUT_MASK	(TTY_OUT_SIZE - 1)
#define CHUNK		256		/* bytes moved per lock hold: bounds the time with interrupts off */
#define DECISECOND_NS	(100 * NS_PER_MS)

/* --- what the line discipline asks of us; lock held --- */

static struct tty *tty_of_ldisc(struct ldisc *ld)
{
	return container_of(ld, struct tty, ld);
}

static u32 out_room(const struct tty *tty)
{
	return TTY_OUT_SIZE - (tty->out_head - tty->out_tail);
}

static bool ld_put(struct ldisc *ld, u8 c)
{
	struct tty *tty = tty_of_ldisc(ld);

	if (!out_room(tty))
		return false;
	tty->out[tty->out_head++ & OUT_MASK] = c;
	return true;
}

static u32 ld_room(struct ldisc *ld)
{
	return out_room(tty_of_ldisc(ld));
}

static void ld_signal(struct ldisc *ld, int sig)
{
	struct tty *tty = tty_of_ldisc(ld);

	tty->signals |= BIT(sig);
	work_queue(&tty->signal_work);
}

static void ld_flow(struct ldisc *ld, bool stop)
{
	struct tty *tty = tty_of_ldisc(ld);

	tty->out_held = stop;
	if (tty->packet_mode)
		tty->packet_events |= stop ? TIOCPKT_STOP : TIOCPKT_START;
}

static void ld_flush_output(struct ldisc *ld)
{
	struct tty *tty = tty_of_ldisc(ld);

	tty->out_tail = tty->out_head;
	if (tty->packet_mode)
		tty->packet_events |= TIOCPKT_FLUSHWRITE;
}

static const struct ldisc_ops tty_ldisc_ops = {
	.put = ld_put,
	.room = ld_room,
	.signal = ld_signal,
	.flow = ld_flow,
	.flush_output = ld_flush_output,
};

static void send_signals(struct work *w)
{
	struct tty *tty = container_of(w, struct tty, signal_work);
	u64 flags = spin_lock_irqsave(&tty->lock);
	u64 pending = tty->signals;
	struct pid *pgrp = tty->pgrp ? pid_get(tty->pgrp) : NULL;

	tty->signals = 0;
	spin_unlock_irqrestore(&tty->lock, flags);
	if (!pgrp)
		return;
	for (int sig = 1; sig < NSIG; sig++)
		if (pending & BIT(sig))
			signal_send_pgrp(pgrp, sig, NULL);
	pid_put(pgrp);
}

/* --- life --- */

static LIST_HEAD(tty_list);
static DEFINE_MUTEX(tty_list_mutex, RANK_MUTEX_LEAF);

struct tty *tty_create(struct tty_port *port, dev_t dev, const char *name)
{
	struct tty *tty = kzalloc(sizeof(*tty), GFP_KERNEL);

	if (!tty)
		return NULL;
	refcount_set(&tty->refs, 1);
	spin_lock_init(&tty->lock, RANK_TTY);
	ldisc_init(&tty->ld, &tty_ldisc_ops);
	mutex_init(&tty->read_mutex, RANK_TTY_LDISC);
	mutex_init(&tty->write_mutex, RANK_TTY_WRITE);
	wait_queue_init(&tty->read_wait);
	wait_queue_init(&tty->write_wait);
	wait_queue_init(&tty->input_wait);
	work_init(&tty->signal_work, send_signals);
	if (port->baud)
		ldisc_set_baud(&tty->ld, port->baud);
	tty->port = port;
	tty->dev = dev;
	strscpy(tty->name, name, sizeof(tty->name));
	port->tty = tty;
	mutex_lock(&tty_list_mutex);
	list_add_tail(&tty->node, &tty_list);
	mutex_unlock(&tty_list_mutex);
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
	mutex_lock(&tty_list_mutex);
	list_del(&tty->node);
	mutex_unlock(&tty_list_mutex);
	work_cancel(&tty->signal_work);
	if (tty->pgrp)
		pid_put(tty->pgrp);
	if (tty->session)
		pid_put(tty->session);
	if (tty->port->released)
		tty->port->released(tty->port);
	kfree(tty);
}

struct tty *tty_lookup_dev(dev_t dev)
{
	struct tty *tty, *found = NULL;

	mutex_lock(&tty_list_mutex);
	list_for_each(tty, &tty_list, node) {
		if (tty->dev == dev) {
			found = tty_get(tty);
			break;
		}
	}
	mutex_unlock(&tty_list_mutex);
	return found;
}

/* --- the port's side --- */

void tty_push_output_locked(struct tty *tty)
{
	assert_spin_held(&tty->lock);
	while (tty->out_tail != tty->out_head && !tty->out_held) {
		u32 at = tty->out_tail & OUT_MASK;
		u32 len = min(tty->out_head - tty->out_tail, TTY_OUT_SIZE - at);
		u32 taken = tty->port->ops->write(tty->port, tty->out + at, len);

		tty->out_tail += taken;
		if (taken < len)
			break;
	}
	if (out_room(tty) >= TTY_OUT_SIZE / 2)
		wake_poll(&tty->write_wait, EPOLLOUT | EPOLLWRNORM);
}

/* Lock held. Bytes that found room. */
u32 tty_input_locked(struct tty *tty, const u8 *buf, u32 len)
{
	u32 taken = ldisc_receive(&tty->ld, buf, len);

	tty_push_output_locked(tty);
	wake_poll(&tty->read_wait, EPOLLIN | EPOLLRDNORM);
	return taken;
}

u32 tty_port_input(struct tty_port *port, const u8 *buf, u32 len)
{
	struct tty *tty = port->tty;
	u64 flags = spin_lock_irqsave(&tty->lock);
	/* What nobody has open reads nothing, and has no one to echo for. */
	u32 taken = tty->opens ? tty_input_locked(tty, buf, len) : 0;

	spin_unlock_irqrestore(&tty->lock, flags);
	return taken;
}

void tty_port_break(struct tty_port *port)
{
	struct tty *tty = port->tty;
	u64 flags = spin_lock_irqsave(&tty->lock);

	ldisc_receive_break(&tty->ld);
	spin_unlock_irqrestore(&tty->lock, flags);
	wake_poll(&tty->read_wait, EPOLLIN | EPOLLRDNORM);
}

void tty_port_wakeup(struct tty_port *port)
{
	struct tty *tty = port->tty;
	u64 flags = spin_lock_irqsave(&tty->lock);

	tty_push_output_locked(tty);
	spin_unlock_irqrestore(&tty->lock, flags);
}

/* --- reading --- */

/* How a non-canonical read waits: POSIX.1-2017, 11.1.7, cases A to D. */
struct read_rule {
	u32 min;			/* bytes that end the wait */
	ktime_t first_ns, next_ns;	/* wait for the first byte, between bytes */
};

static struct read_rule read_rule(struct tty *tty, size_t want)
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
	r.min = min_t(size_t, vmin, want);
	if (time)
		r.next_ns = time;
	return r;
}

static bool input_ready(struct tty *tty)
{
	u64 flags = spin_lock_irqsave(&tty->lock);
	bool eof;
	bool ready = ldisc_readable(&tty->ld, &eof) || eof || tty->hung_up;

	spin_unlock_irqrestore(&tty->lock, flags);
	return ready;
}

static long wait_input(struct tty *tty, struct kio *kio, ktime_t ns)
{
	if (input_ready(tty))
		return 0;
	if (kio_nonblock(kio))
		return -EAGAIN;
	if (!ns)
		return -ETIMEDOUT;
	return wait_event_interruptible_timeout(&tty->read_wait, input_ready(tty), ns);
}

/* Move what is there to the iterator. Bytes; *done: the line is complete. -EFAULT. */
static ssize_t take_input(struct tty *tty, struct iov_iter *to, bool *done)
{
	ssize_t total = 0;

	while (iov_iter_count(to)) {
		u8 buf[CHUNK];
		u32 want = min_t(size_t, iov_iter_count(to), CHUNK), n;
		u64 flags = spin_lock_irqsave(&tty->lock);

		n = ldisc_read(&tty->ld, buf, want, done);
		spin_unlock_irqrestore(&tty->lock, flags);
		if (copy_to_iter(buf, n, to) != n)
			return total ? total : -EFAULT;
		total += n;
		if (*done || n < want)
			break;
	}
	wake_poll(&tty->input_wait, EPOLLOUT | EPOLLWRNORM);
	return total;
}

static ssize_t read_input(struct tty *tty, struct kio *kio, struct iov_iter *to)
{
	struct read_rule rule = read_rule(tty, iov_iter_count(to));
	ktime_t ns = rule.first_ns;
	ssize_t total = 0;
	bool done = false;

	while (!done && iov_iter_count(to)) {
		long err = wait_input(tty, kio, ns);
		ssize_t n;

		if (err == -ETIMEDOUT)
			break;
		if (err)
			return total ? total : err;
		n = take_input(tty, to, &done);
		if (n < 0)
			return total ? total : n;
		total += n;
		if (total >= rule.min || (!n && tty->hung_up))
			break;
		ns = rule.next_ns;
	}
	return total;
}

static ssize_t tty_read(struct kio *kio, struct iov_iter *to)
{
	struct tty *tty = kio->file->private;
	ssize_t n;
	int err = tty_check_background(tty, SIGTTIN);

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
	return n;
}

/* --- writing --- */

static bool output_ready(struct tty *tty)
{
	return READ_ONCE(tty->hung_up) || TTY_OUT_SIZE - (READ_ONCE(tty->out_head) - READ_ONCE(tty->out_tail)) >=
					      TAB_STOP_MAX;
}

/* Put buf out, waiting for room. Bytes, or -errno if not even one went. */
static ssize_t write_chunk(struct tty *tty, struct kio *kio, const u8 *buf, u32 len)
{
	u32 done = 0;

	while (done < len) {
		u64 flags = spin_lock_irqsave(&tty->lock);
		bool gone = tty->hung_up;
		long err;

		if (!gone) {
			done += ldisc_write(&tty->ld, buf + done, len - done);
			tty_push_output_locked(tty);
		}
		spin_unlock_irqrestore(&tty->lock, flags);
		if (gone)
			return done ? (ssize_t)done : -EIO;
		if (done == len)
			break;
		if (kio_nonblock(kio))
			return done ? (ssize_t)done : -EAGAIN;
		err = wait_event_interruptible(&tty->write_wait, output_ready(tty));
		if (err)
			return done ? (ssize_t)done : err;
	}
	return done;
}

static ssize_t write_output(struct tty *tty, struct kio *kio, struct iov_iter *from)
{
	ssize_t total = 0;

	while (iov_iter_count(from)) {
		u8 buf[CHUNK];
		u32 len = min_t(size_t, iov_iter_count(from), CHUNK);
		ssize_t n;

		if (copy_from_iter(buf, len, from) != len)
			return total ? total : -EFAULT;
		n = write_chunk(tty, kio, buf, len);
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
	ssize_t n;
	int err;

	if (tty->ld.termios.lflag & TOSTOP) {
		err = tty_check_background(tty, SIGTTOU);
		if (err)
			return err;
	}
	err = mutex_lock_interruptible(&tty->write_mutex);
	if (err)
		return err;
	n = write_output(tty, kio, from);
	mutex_unlock(&tty->write_mutex);
	return n;
}

static u32 tty_poll(struct file *f, struct poll_table *pt)
{
	struct tty *tty = f->private;
	u32 mask = 0;
	u64 flags;
	bool eof;

	poll_wait(f, &tty->read_wait, pt);
	poll_wait(f, &tty->write_wait, pt);
	flags = spin_lock_irqsave(&tty->lock);
	if (ldisc_readable(&tty->ld, &eof) || eof)
		mask |= EPOLLIN | EPOLLRDNORM;
	if (tty->hung_up)
		mask |= EPOLLIN | EPOLLRDNORM | EPOLLHUP;
	else if (out_room(tty) >= TTY_OUT_SIZE / 2)
		mask |= EPOLLOUT | EPOLLWRNORM;
	spin_unlock_irqrestore(&tty->lock, flags);
	return mask;
}

static long tty_ioctl(struct file *f, u32 cmd, u64 arg)
{
	return tty_ioctl_common(f->private, f, cmd, arg, false);
}

/* --- open and close --- */

int tty_open_common(struct tty *tty, struct file *f)
{
	u64 flags = spin_lock_irqsave(&tty->lock);
	bool first = false;
	int err = 0;

	if (tty->is_pty && tty->hung_up)
		err = -EIO;
	else if (tty->exclusive && tty->opens && !capable(CAP_SYS_ADMIN))
		err = -EBUSY;
	else
		first = tty->opens++ == 0;
	if (first && !tty->is_pty)
		tty->hung_up = false;
	spin_unlock_irqrestore(&tty->lock, flags);
	if (err) {
		tty_put(tty);
		return err;
	}
	if (first && tty->port->ops->start)
		tty->port->ops->start(tty->port);
	f->private = tty;
	f->ops = &tty_file_ops;
	if (!(f->flags & O_NOCTTY))
		tty_open_session(tty);
	return 0;
}

static void drain_output(struct tty *tty)
{
	(void)wait_event_interruptible(&tty->write_wait,
				       tty->hung_up || tty->out_held ||
				       READ_ONCE(tty->out_tail) == READ_ONCE(tty->out_head));
}

static void tty_release(struct file *f)
{
	struct tty *tty = f->private;
	u64 flags = spin_lock_irqsave(&tty->lock);
	bool last = --tty->opens == 0;

	spin_unlock_irqrestore(&tty->lock, flags);
	if (last) {
		if (!tty->is_pty)
			drain_output(tty);
		if (tty->port->ops->stop)
			tty->port->ops->stop(tty->port);
		tty->exclusive = false;
	}
	tty_put(tty);
}

void tty_hangup(struct tty *tty)
{
	u64 flags = spin_lock_irqsave(&tty->lock);

	tty->hung_up = true;
	ldisc_flush_input(&tty->ld);
	tty->out_tail = tty->out_head;
	spin_unlock_irqrestore(&tty->lock, flags);
	tty_session_hangup(tty);
	wake_queue(&tty->read_wait, 0, EPOLLIN | EPOLLHUP);
	wake_queue(&tty->write_wait, 0, EPOLLOUT | EPOLLHUP);
	wake_queue(&tty->input_wait, 0, EPOLLOUT | EPOLLHUP);
}

const struct file_ops tty_file_ops = {
	.read = tty_read,
	.write = tty_write,
	.poll = tty_poll,
	.ioctl = tty_ioctl,
	.release = tty_release,
};
