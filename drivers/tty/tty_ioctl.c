/* SPDX-License-Identifier: MIT */
/*
 * Terminal ioctls: settings, flow, flushing, window size. Sessions are
 * job_control.c's. A pty master's settings are its slave's.
 */
#include <drivers/tty/tty.h>
#include <drivers/tty/job_control.h>
#include <arch/uaccess.h>
#include <fs/file.h>
#include <kernel/errno.h>
#include <kernel/lib/string.h>
#include <kernel/task/cred.h>
#include <kernel/task/signal.h>

static void get_termios(struct tty *tty, struct termios2 *t)
{
	u64 flags = spin_lock_irqsave(&tty->lock);

	*t = tty->ld.termios;
	spin_unlock_irqrestore(&tty->lock, flags);
}

static bool output_drained(struct tty *tty)
{
	return READ_ONCE(tty->hung_up) || READ_ONCE(tty->out_head) == READ_ONCE(tty->out_tail);
}

static int wait_drained(struct tty *tty)
{
	return wait_event_interruptible(&tty->write_wait, output_drained(tty));
}

/* Tell a pty master in packet mode when ^S/^Q handling changed. Lock held. */
static void note_flow_mode_locked(struct tty *tty, const struct termios2 *old)
{
	const struct termios2 *t = &tty->ld.termios;
	bool was = (old->iflag & IXON) && old->cc[VSTOP] == 19 && old->cc[VSTART] == 17;
	bool is = (t->iflag & IXON) && t->cc[VSTOP] == 19 && t->cc[VSTART] == 17;

	if (!tty->packet_mode || was == is)
		return;
	tty->packet_events &= ~(TIOCPKT_DOSTOP | TIOCPKT_NOSTOP);
	tty->packet_events |= is ? TIOCPKT_DOSTOP : TIOCPKT_NOSTOP;
	wake_poll(&tty->read_wait, 0);
}

static void apply_termios(struct tty *tty, struct termios2 *t, bool flush)
{
	struct termios2 old;
	u64 flags;

	t->ospeed = t->ispeed = termios_baud(t);
	flags = spin_lock_irqsave(&tty->lock);
	old = tty->ld.termios;
	if (flush)
		ldisc_flush_input(&tty->ld);
	ldisc_set_termios(&tty->ld, t);
	note_flow_mode_locked(tty, &old);
	tty_push_output_locked(tty);
	spin_unlock_irqrestore(&tty->lock, flags);
	/* Leaving canonical mode can make an unfinished line readable. */
	wake_all(&tty->read_wait);
	if (tty->port->ops->set_termios)
		tty->port->ops->set_termios(tty->port, t->ospeed, t->cflag);
}

static long set_termios(struct tty *tty, u32 cmd, uaddr_t arg, bool from_master)
{
	bool has_speeds = cmd >= TCSETS2;	/* the three with numbers carry their size */
	bool flush = cmd == TCSETSF || cmd == TCSETSF2;
	bool drain = flush || cmd == TCSETSW || cmd == TCSETSW2;
	struct termios2 t;
	int err;

	get_termios(tty, &t);
	if (copy_from_user(&t, arg, has_speeds ? sizeof(t) : sizeof(struct termios)))
		return -EFAULT;
	if (!from_master) {
		err = tty_check_background(tty, SIGTTOU);
		if (err)
			return err;
	}
	if (drain && !from_master) {
		err = wait_drained(tty);
		if (err)
			return err;
	}
	apply_termios(tty, &t, flush);
	return 0;
}

static long set_winsize(struct tty *tty, uaddr_t arg)
{
	struct winsize ws;
	u64 flags;

	if (copy_from_user(&ws, arg, sizeof(ws)))
		return -EFAULT;
	flags = spin_lock_irqsave(&tty->lock);
	if (memcmp(&ws, &tty->winsize, sizeof(ws))) {
		tty->winsize = ws;
		tty->signals |= BIT(SIGWINCH);
		work_queue(&tty->signal_work);
	}
	spin_unlock_irqrestore(&tty->lock, flags);
	return 0;
}

static long get_winsize(struct tty *tty, uaddr_t arg)
{
	u64 flags = spin_lock_irqsave(&tty->lock);
	struct winsize ws = tty->winsize;

	spin_unlock_irqrestore(&tty->lock, flags);
	return copy_to_user(arg, &ws, sizeof(ws));
}

static long flush(struct tty *tty, u64 which)
{
	u64 flags;

	if (which > TCIOFLUSH)
		return -EINVAL;
	flags = spin_lock_irqsave(&tty->lock);
	if (which != TCOFLUSH) {
		ldisc_flush_input(&tty->ld);
		tty->packet_events |= tty->packet_mode ? TIOCPKT_FLUSHREAD : 0;
	}
	if (which != TCIFLUSH)
		tty->ld.ops->flush_output(&tty->ld);
	spin_unlock_irqrestore(&tty->lock, flags);
	wake_all(&tty->write_wait);
	wake_all(&tty->input_wait);
	return 0;
}

static long flow(struct tty *tty, u64 which)
{
	u64 flags;
	u8 c;

	if (which > TCION)
		return -EINVAL;
	flags = spin_lock_irqsave(&tty->lock);
	if (which == TCOOFF || which == TCOON) {
		tty->ld.stopped = which == TCOOFF;
		tty->ld.ops->flow(&tty->ld, which == TCOOFF);
	} else {
		c = tty->ld.termios.cc[which == TCIOFF ? VSTOP : VSTART];
		if (c)
			tty->ld.ops->put(&tty->ld, c);
	}
	tty_push_output_locked(tty);
	spin_unlock_irqrestore(&tty->lock, flags);
	return 0;
}

static long count(struct tty *tty, u32 cmd, uaddr_t arg)
{
	u64 flags = spin_lock_irqsave(&tty->lock);
	int n = cmd == FIONREAD ? ldisc_input_count(&tty->ld) : tty->out_head - tty->out_tail;

	spin_unlock_irqrestore(&tty->lock, flags);
	return put_user(n, arg);
}

/* TIOCSTI: as if the byte had been typed. */
static long simulate_input(struct tty *tty, uaddr_t arg)
{
	u64 flags;
	u8 c;

	if (READ_ONCE(current_process()->tty) != tty && !capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (get_user(c, arg))
		return -EFAULT;
	flags = spin_lock_irqsave(&tty->lock);
	tty_input_locked(tty, &c, 1);
	spin_unlock_irqrestore(&tty->lock, flags);
	return 0;
}

static long drain_and_break(struct tty *tty, bool from_master)
{
	int err = from_master ? 0 : tty_check_background(tty, SIGTTOU);

	/* Limit: no break is sent on the line; see docs/limits.md. */
	return err ?: wait_drained(tty);
}

long tty_ioctl_common(struct tty *tty, struct file *f, u32 cmd, u64 arg, bool from_master)
{
	struct termios2 t;

	if (READ_ONCE(tty->hung_up) && !from_master)
		return cmd == TIOCSPGRP ? -ENOTTY : -EIO;
	switch (cmd) {
	case TCGETS:
	case TCGETS2:
		get_termios(tty, &t);
		return copy_to_user(arg, &t, cmd == TCGETS ? sizeof(struct termios) : sizeof(t));
	case TCSETS:
	case TCSETSW:
	case TCSETSF:
	case TCSETS2:
	case TCSETSW2:
	case TCSETSF2:
		return set_termios(tty, cmd, arg, from_master);
	case TIOCGWINSZ:
		return get_winsize(tty, arg);
	case TIOCSWINSZ:
		return set_winsize(tty, arg);
	case TCFLSH:
		return flush(tty, arg);
	case TCXONC:
		return flow(tty, arg);
	case TCSBRK:
	case TCSBRKP:
		return drain_and_break(tty, from_master);
	case FIONREAD:
	case TIOCOUTQ:
		return count(tty, cmd, arg);
	case TIOCSTI:
		return simulate_input(tty, arg);
	case TIOCEXCL:
	case TIOCNXCL:
		WRITE_ONCE(tty->exclusive, cmd == TIOCEXCL);
		return 0;
	case TIOCSCTTY:
		return tty_ioctl_sctty(tty, arg);
	case TIOCNOTTY:
		return tty_ioctl_notty(tty);
	case TIOCGPGRP:
		return tty_ioctl_gpgrp(tty, arg, from_master);
	case TIOCSPGRP:
		return tty_ioctl_spgrp(tty, arg);
	case TIOCGSID:
		return tty_ioctl_gsid(tty, arg, from_master);
	case TIOCGETD:
		return put_user((int){ 0 }, arg);
	default:
		return -ENOTTY;
	}
}
