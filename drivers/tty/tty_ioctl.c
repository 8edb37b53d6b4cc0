/* SPDX-License-Identifier: MIT */
/*
 * Terminal ioctls: settings, flow, flushing, window size. Sessions are
 * job_control.c's. Those of a pty's master act on its slave.
 *
 * A process of a background group that changes a terminal is stopped first
 * (SIGTTOU), as one that writes with TOSTOP is.
 */
#include <drivers/tty/tty.h>
#include <drivers/tty/job_control.h>
#include <arch/uaccess.h>
#include <fs/file.h>
#include <fs/poll.h>
#include <kernel/errno.h>
#include <kernel/lib/string.h>
#include <kernel/task/cred.h>
#include <kernel/task/signal.h>

#define BREAK_MS	250		/* TCSBRK; TCSBRKP with 0 */

static void get_termios(struct tty *tty, struct termios2 *t)
{
	u64 flags = spin_lock_irqsave(&tty->lock);

	*t = tty->ld.termios;
	spin_unlock_irqrestore(&tty->lock, flags);
}

/* ^S and ^Q are what a pty's master may do itself instead of passing them on. */
static bool has_usual_flow(const struct termios2 *t)
{
	return (t->iflag & IXON) && t->cc[VSTOP] == 19 && t->cc[VSTART] == 17;
}

/* Tell a master in packet mode when that changed. Lock held. */
static void note_flow_mode_locked(struct tty *tty, const struct termios2 *old)
{
	bool is = has_usual_flow(&tty->ld.termios);

	if (is == has_usual_flow(old))
		return;
	tty->ld.events &= ~(TIOCPKT_DOSTOP | TIOCPKT_NOSTOP);
	tty->ld.events |= is ? TIOCPKT_DOSTOP : TIOCPKT_NOSTOP;
}

static void apply_termios(struct tty *tty, struct termios2 *t, bool flush)
{
	struct termios2 old;
	u64 flags;

	t->ispeed = termios_input_baud(t);
	t->ospeed = termios_baud(t);
	if (tty->is_pty)
		t->cflag = (t->cflag & ~(CSIZE | PARENB)) | CS8 | CREAD;
	flags = spin_lock_irqsave(&tty->lock);
	old = tty->ld.termios;
	if (flush)
		ldisc_flush_input(&tty->ld);
	ldisc_set_termios(&tty->ld, t);
	note_flow_mode_locked(tty, &old);
	tty_push_output_locked(tty);
	spin_unlock_irqrestore(&tty->lock, flags);
	/* Leaving canonical mode can make an unfinished line readable. */
	wake_poll(&tty->read_wait, EPOLLIN | EPOLLRDNORM);
	if (tty->port->ops->set_termios && (t->ospeed != old.ospeed || t->cflag != old.cflag))
		tty->port->ops->set_termios(tty->port, t->ospeed, t->cflag);
}

static long set_termios(struct tty *tty, u32 cmd, uaddr_t arg)
{
	bool has_speeds = cmd == TCSETS2 || cmd == TCSETSW2 || cmd == TCSETSF2;
	bool flush = cmd == TCSETSF || cmd == TCSETSF2;
	bool drain = flush || cmd == TCSETSW || cmd == TCSETSW2;
	int err = tty_check_background(tty, SIGTTOU);
	struct termios2 t;

	if (err)
		return err;
	get_termios(tty, &t);
	if (copy_from_user(&t, arg, has_speeds ? sizeof(t) : sizeof(struct termios)))
		return -EFAULT;
	if (drain) {
		err = tty_wait_drained(tty);
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
		tty->ld.signals |= BIT(SIGWINCH);
	}
	spin_unlock_irqrestore(&tty->lock, flags);
	tty_send_signals(tty);
	return 0;
}

static long get_winsize(struct tty *tty, uaddr_t arg)
{
	u64 flags = spin_lock_irqsave(&tty->lock);
	struct winsize ws = tty->winsize;

	spin_unlock_irqrestore(&tty->lock, flags);
	return copy_to_user(arg, &ws, sizeof(ws));
}

/* The master's queues are the slave's, the other way round; what it wrote has arrived already. */
static long flush(struct tty *tty, u64 which, bool from_master)
{
	int err = from_master ? 0 : tty_check_background(tty, SIGTTOU);
	u64 flags;

	if (err)
		return err;
	if (which > TCIOFLUSH)
		return -EINVAL;
	flags = spin_lock_irqsave(&tty->lock);
	if (from_master) {
		if (which != TCOFLUSH)
			ldisc_output_done(&tty->ld, ldisc_out_count(&tty->ld));
	} else {
		if (which != TCOFLUSH)
			ldisc_flush_input(&tty->ld);
		if (which != TCIFLUSH)
			ldisc_flush_output(&tty->ld);
	}
	tty_push_output_locked(tty);
	spin_unlock_irqrestore(&tty->lock, flags);
	wake_poll(&tty->input_wait, EPOLLOUT | EPOLLWRNORM);
	return 0;
}

static long flow(struct tty *tty, u64 which, bool from_master)
{
	int err = from_master ? 0 : tty_check_background(tty, SIGTTOU);
	u64 flags;
	u8 c;

	if (err)
		return err;
	if (which > TCION)
		return -EINVAL;
	flags = spin_lock_irqsave(&tty->lock);
	if (which == TCOOFF || which == TCOON) {
		ldisc_set_tco_stopped(&tty->ld, which == TCOOFF);
	} else {
		c = tty->ld.termios.cc[which == TCIOFF ? VSTOP : VSTART];
		if (c)
			ldisc_put_raw(&tty->ld, c);
	}
	tty_push_output_locked(tty);
	spin_unlock_irqrestore(&tty->lock, flags);
	return 0;
}

/* FIONREAD and TIOCOUTQ. A pty's output is where it goes to at once. */
static long count(struct tty *tty, u32 cmd, uaddr_t arg, bool from_master)
{
	u64 flags = spin_lock_irqsave(&tty->lock);
	int n = 0;

	if (cmd == FIONREAD)
		n = from_master ? ldisc_out_count(&tty->ld) : ldisc_input_count(&tty->ld);
	else if (!tty->is_pty)
		n = ldisc_out_count(&tty->ld);
	spin_unlock_irqrestore(&tty->lock, flags);
	return put_user(n, arg);
}

/*
 * TIOCSTI, as if the byte had been typed: only with
 * CAP_SYS_ADMIN, as Linux with dev.tty.legacy_tiocsti = 0.
 */
static long simulate_input(struct tty *tty, uaddr_t arg)
{
	u64 flags;
	u8 c;

	if (!capable(CAP_SYS_ADMIN))
		return -EIO;
	if (get_user(c, arg))
		return -EFAULT;
	flags = spin_lock_irqsave(&tty->lock);
	tty_input_locked(tty, &c, 1);
	spin_unlock_irqrestore(&tty->lock, flags);
	tty_send_signals(tty);
	return 0;
}

/* TCSBRK with an argument is tcdrain(). */
static long drain_and_break(struct tty *tty, u32 cmd, u64 arg)
{
	int err = tty_check_background(tty, SIGTTOU);

	err = err ?: tty_wait_drained(tty);
	if (err || !tty->port->ops->send_break || (cmd == TCSBRK && arg))
		return err;
	tty->port->ops->send_break(tty->port,
				   cmd == TCSBRKP && arg ? min(arg, 100ul) * 100 : BREAK_MS);
	return 0;
}

static long set_exclusive(struct tty *tty, bool on)
{
	u64 flags = spin_lock_irqsave(&tty->lock);

	tty->exclusive = on;
	spin_unlock_irqrestore(&tty->lock, flags);
	return 0;
}

/* The ABI's 32-bit device number. */
static u32 dev_encode(dev_t dev)
{
	return (MINOR(dev) & 0xff) | MAJOR(dev) << 8 | (MINOR(dev) & ~0xffu) << 12;
}

static long set_ldisc(uaddr_t arg)
{
	int which;

	if (get_user(which, arg))
		return -EFAULT;
	/* Limit: N_TTY only. */
	return which ? -EINVAL : 0;
}

static long vhangup_ioctl(struct tty *tty)
{
	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	tty_hangup(tty, false);
	return 0;
}

/* What is about sessions and exclusive use. False: it is another. */
static bool session_ioctl(struct tty *tty, struct file *f, u32 cmd, u64 arg, bool from_master,
			  long *ret)
{
	switch (cmd) {
	case TIOCEXCL:
	case TIOCNXCL:
		*ret = set_exclusive(tty, cmd == TIOCEXCL);
		return true;
	case TIOCGEXCL:
		*ret = put_user((int){ tty->exclusive }, arg);
		return true;
	case TIOCVHANGUP:
		*ret = vhangup_ioctl(tty);
		return true;
	case TIOCSCTTY:
		*ret = tty_ioctl_sctty(tty, f, arg);
		return true;
	case TIOCNOTTY:
		*ret = from_master ? -ENOTTY : tty_ioctl_notty(tty);
		return true;
	case TIOCGPGRP:
		*ret = tty_ioctl_gpgrp(tty, arg, from_master);
		return true;
	case TIOCSPGRP:
		*ret = tty_ioctl_spgrp(tty, arg);
		return true;
	case TIOCGSID:
		*ret = tty_ioctl_gsid(tty, arg, from_master);
		return true;
	}
	return false;
}

long tty_ioctl_common(struct tty *tty, struct file *f, u32 cmd, u64 arg, bool from_master)
{
	struct termios2 t;
	long ret;

	if (!from_master && tty_file_is_dead(tty, f))
		return cmd == TIOCSPGRP ? -ENOTTY : -EIO;
	if (session_ioctl(tty, f, cmd, arg, from_master, &ret))
		return ret;
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
		return set_termios(tty, cmd, arg);
	case TIOCGWINSZ:
		return get_winsize(tty, arg);
	case TIOCSWINSZ:
		return set_winsize(tty, arg);
	case TCFLSH:
		return flush(tty, arg, from_master);
	case TCXONC:
		return flow(tty, arg, from_master);
	case TCSBRK:
	case TCSBRKP:
		return drain_and_break(tty, cmd, arg);
	case TIOCSBRK:
	case TIOCCBRK:
		/* Limit: a break of no given length is not sent. */
		return tty_check_background(tty, SIGTTOU) ?: tty_wait_drained(tty);
	case FIONREAD:
	case TIOCOUTQ:
		return count(tty, cmd, arg, from_master);
	case TIOCSTI:
		return simulate_input(tty, arg);
	case TIOCGETD:
		return put_user((int){ 0 }, arg);
	case TIOCSETD:
		return set_ldisc(arg);
	case TIOCGDEV:
		return put_user(dev_encode(tty->dev), arg);
	default:
		return -ENOTTY;
	}
}
