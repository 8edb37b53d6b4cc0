/* SPDX-License-Identifier: MIT */
/*
 * Pseudo-terminals: a terminal whose wire ends in a file.
 *
 * The slave is an ordinary tty. Its port takes nothing: output stays in the
 * slave's output ring, and the master reads it from there; what the master
 * writes goes straight through the slave's line discipline. So a pair has one
 * buffer a direction and one lock, the slave's.
 *
 *   master write -> ldisc_receive ---> slave read
 *   master read <- output ring <- OPOST <- slave write
 *
 * The master waits for output on master_wait, which the slave's port wakes, and
 * for room in the line discipline on the slave's input_wait.
 *
 * Life: opening /dev/ptmx makes the pair and its node in devpts; closing the
 * master takes the node away and hangs the slave up. The number is free again
 * when the slave's last opener has gone as well.
 */
#include <drivers/tty/pty.h>
#include <drivers/tty/job_control.h>
#include <arch/uaccess.h>
#include <fs/chrdev.h>
#include <fs/file.h>
#include <fs/poll.h>
#include <kernel/bug.h>
#include <kernel/lib/string.h>
#include <kernel/mm/alloc.h>
#include <kernel/printk.h>
#include <kernel/task/cred.h>
#include <kernel/task/pid.h>
#include <kernel/task/signal.h>
#include <kernel/uapi/fcntl.h>

/* bytes moved per lock hold: bounds the time with interrupts off */
#define CHUNK		512
/* the slave's writers are woken at this much: chosen */
#define ROOM_TO_WAKE	(LDISC_OUT_SIZE / 2)

struct pty {
	refcount_t refs;		/* master's file, and the slave's port */
	u32 n;
	struct tty *slave;
	struct tty_port port;
	struct wait_queue master_wait;	/* output and events from the slave, its closing */

	/* Guarded by slave->lock. */
	bool locked;			/* TIOCSPTLCK: the slave may not be opened yet */
	bool slave_was_open;
};

static struct pty *pty_table[PTY_MAX];	/* pty_mutex; until the slave is freed */
static DEFINE_MUTEX(pty_mutex, RANK_MUTEX_LEAF);
static const struct pty_fs_ops *pty_fs;	/* set once at boot */

void pty_set_fs(const struct pty_fs_ops *ops)
{
	pty_fs = ops;
}

/* --- the slave's port; slave->lock held in write --- */

static u32 pty_port_write(struct tty_port *port, const u8 *buf, u32 len)
{
	struct pty *pty = port->data;

	wake_poll(&pty->master_wait, EPOLLIN | EPOLLRDNORM | (len ? 0 : EPOLLPRI));
	return 0;
}

static void pty_port_start(struct tty_port *port)
{
	struct pty *pty = port->data;

	WRITE_ONCE(pty->slave_was_open, true);
}

static void pty_port_stop(struct tty_port *port)
{
	struct pty *pty = port->data;

	wake_poll(&pty->master_wait, EPOLLIN | EPOLLHUP);
}

static const struct tty_port_ops pty_port_ops = {
	.write = pty_port_write,
	.start = pty_port_start,
	.stop = pty_port_stop,
};

/* --- life --- */

static void pty_put(struct pty *pty)
{
	if (refcount_dec(&pty->refs))
		kfree(pty);
}

static void pty_release_number(struct pty *pty)
{
	mutex_lock(&pty_mutex);
	pty_table[pty->n] = NULL;
	mutex_unlock(&pty_mutex);
}

/* The slave's tty is gone: the last thing that used the number. */
static void pty_slave_gone(struct tty_port *port)
{
	struct pty *pty = port->data;

	pty_release_number(pty);
	pty_put(pty);
}

static int pty_reserve_number(struct pty *pty)
{
	int err = -ENOSPC;

	mutex_lock(&pty_mutex);
	for (u32 n = 0; n < PTY_MAX; n++) {
		if (!pty_table[n]) {
			pty_table[n] = pty;
			pty->n = n;
			err = 0;
			break;
		}
	}
	mutex_unlock(&pty_mutex);
	return err;
}

static int pty_create(struct pty **out)
{
	struct pty *pty = kzalloc(sizeof(*pty), GFP_KERNEL);
	struct tty *slave;
	char name[16];
	int err;

	if (!pty)
		return -ENOMEM;
	refcount_set(&pty->refs, 2);
	wait_queue_init(&pty->master_wait);
	pty->locked = true;
	pty->port = (struct tty_port){ .ops = &pty_port_ops, .data = pty, .released = pty_slave_gone };
	err = pty_reserve_number(pty);
	if (err) {
		kfree(pty);
		return err;
	}
	snprintf(name, sizeof(name), "pts/%u", pty->n);
	slave = tty_create(&pty->port, MKDEV(PTY_SLAVE_MAJOR, pty->n), name, true);
	if (!slave) {
		pty_release_number(pty);
		kfree(pty);
		return -ENOMEM;
	}
	mutex_lock(&pty_mutex);
	pty->slave = slave;
	mutex_unlock(&pty_mutex);
	*out = pty;
	return 0;
}

/* The reference that the table's tty has may be its last one, on its way out. */
static struct tty *slave_lookup(u32 n)
{
	struct tty *slave = NULL;
	struct pty *pty;

	mutex_lock(&pty_mutex);
	pty = n < PTY_MAX ? pty_table[n] : NULL;
	if (pty && pty->slave && !pty->locked && refcount_inc_not_zero(&pty->slave->refs))
		slave = pty->slave;
	mutex_unlock(&pty_mutex);
	return slave;
}

int pty_slave_open(u32 n, struct file *f)
{
	struct tty *slave = slave_lookup(n);

	return slave ? tty_open_common(slave, f, &tty_file_ops) : -EIO;
}

static int slave_node_open(struct inode *inode, struct file *f)
{
	return pty_slave_open(MINOR(inode->rdev), f);
}

/* --- the master's file --- */

static bool slave_closed(const struct pty *pty)
{
	return READ_ONCE(pty->slave_was_open) && !READ_ONCE(pty->slave->opens);
}

static bool has_output(const struct pty *pty)
{
	const u8 *p;

	return ldisc_output(&pty->slave->ld, &p);
}

static bool has_event(const struct pty *pty)
{
	return READ_ONCE(pty->slave->packet_mode) && READ_ONCE(pty->slave->ld.events);
}

static bool master_readable(const struct pty *pty)
{
	return has_output(pty) || has_event(pty);
}

/*
 * Up to n bytes of the slave's output; fewer at the ring's end too. In packet mode *event is the
 * status byte, which goes alone.
 */
static u32 take_output(struct pty *pty, u8 *buf, u32 n, u8 *event)
{
	struct tty *s = pty->slave;
	u64 flags = spin_lock_irqsave(&s->lock);
	const u8 *p;
	u32 len;

	*event = 0;
	if (s->packet_mode && s->ld.events) {
		*event = s->ld.events;
		s->ld.events = 0;
		spin_unlock_irqrestore(&s->lock, flags);
		return 0;
	}
	len = min(ldisc_output(&s->ld, &p), n);
	memcpy(buf, p, len);
	ldisc_output_done(&s->ld, len);
	spin_unlock_irqrestore(&s->lock, flags);
	return len;
}

static ssize_t read_event(u8 event, struct iov_iter *to)
{
	return copy_to_iter(&event, 1, to) == 1 ? 1 : -EFAULT;
}

/* What there is. 0: nothing. */
static ssize_t read_some(struct pty *pty, struct iov_iter *to)
{
	bool packet = READ_ONCE(pty->slave->packet_mode);
	ssize_t total = 0;

	while (iov_iter_count(to)) {
		u8 buf[CHUNK + 1], event;
		bool head = packet && !total;
		u32 room = min_t(size_t, iov_iter_count(to) - head, CHUNK);
		u32 n;

		/* A status byte after data waits for the next read. */
		if (total && has_event(pty))
			break;
		n = take_output(pty, buf + 1, room, &event);
		if (event)
			return total ? total : read_event(event, to);
		if (!n)
			break;
		buf[0] = TIOCPKT_DATA;
		if (copy_to_iter(buf + !head, n + head, to) != n + head)
			return total ? total : -EFAULT;
		total += n + head;
	}
	return total;
}

static void wake_slave_writers(struct tty *s)
{
	if (ldisc_write_room(&s->ld) >= ROOM_TO_WAKE)
		wake_poll(&s->write_wait, EPOLLOUT | EPOLLWRNORM);
}

static ssize_t master_read(struct kio *kio, struct iov_iter *to)
{
	struct pty *pty = kio->file->private;

	if (!iov_iter_count(to))
		return 0;
	for (;;) {
		bool closed = slave_closed(pty);	/* first: its output came before */
		ssize_t n = read_some(pty, to);
		long err;

		if (n) {
			wake_slave_writers(pty->slave);
			return n;
		}
		if (closed)
			return -EIO;
		if (kio_nonblock(kio))
			return -EAGAIN;
		err = wait_event_interruptible(&pty->master_wait,
					       master_readable(pty) || slave_closed(pty));
		if (err)
			return err;
	}
}

/* Bytes taken, waiting for room. -errno if not even one was. */
static ssize_t write_chunk(struct tty *s, struct kio *kio, const u8 *buf, u32 len)
{
	u32 done = 0;

	for (;;) {
		u64 flags = spin_lock_irqsave(&s->lock);
		long err;

		done += tty_input_locked(s, buf + done, len - done);
		spin_unlock_irqrestore(&s->lock, flags);
		tty_send_signals(s);
		if (done == len)
			return done;
		err = kio_nonblock(kio) ? -EAGAIN :
		      wait_event_interruptible(&s->input_wait, ldisc_has_room(&s->ld));
		if (err)
			return done ? (ssize_t)done : err;
	}
}

static ssize_t master_write(struct kio *kio, struct iov_iter *from)
{
	struct pty *pty = kio->file->private;

	return tty_write_chunks(pty->slave, kio, from, write_chunk);
}

static u32 master_poll(struct file *f, struct poll_table *pt)
{
	struct pty *pty = f->private;
	u32 mask = 0;

	poll_wait(f, &pty->master_wait, pt);
	poll_wait(f, &pty->slave->input_wait, pt);
	if (has_output(pty))
		mask |= EPOLLIN | EPOLLRDNORM;
	if (has_event(pty))
		mask |= EPOLLPRI | EPOLLIN | EPOLLRDNORM;
	if (slave_closed(pty))
		mask |= EPOLLHUP;
	if (ldisc_has_room(&pty->slave->ld))
		mask |= EPOLLOUT | EPOLLWRNORM;
	return mask;
}

static long open_peer(struct pty *pty, int flags)
{
	struct file *f;
	int fd, err;

	fd = fd_reserve(flags & O_CLOEXEC);
	if (fd < 0)
		return fd;
	f = pty_fs->open(pty->n, flags, &err);
	if (!f) {
		fd_release(fd);
		return err;
	}
	fd_install(fd, f);
	return fd;
}

static long set_packet_mode(struct pty *pty, uaddr_t arg)
{
	struct tty *s = pty->slave;
	u64 flags;
	int on;

	if (get_user(on, arg))
		return -EFAULT;
	flags = spin_lock_irqsave(&s->lock);
	if (on && !s->packet_mode)
		s->ld.events = 0;
	s->packet_mode = on;
	spin_unlock_irqrestore(&s->lock, flags);
	return 0;
}

static long set_locked(struct pty *pty, uaddr_t arg)
{
	int on;

	if (get_user(on, arg))
		return -EFAULT;
	WRITE_ONCE(pty->locked, on != 0);
	return 0;
}

/* TIOCSIG: what the slave's keys would send, without the keys. */
static long send_signal(struct tty *s, u64 sig)
{
	u64 flags;

	if (sig != SIGINT && sig != SIGQUIT && sig != SIGTSTP)
		return -EINVAL;
	flags = spin_lock_irqsave(&s->lock);
	s->ld.signals |= BIT(sig);
	spin_unlock_irqrestore(&s->lock, flags);
	tty_send_signals(s);
	return 0;
}

static long master_ioctl(struct file *f, u32 cmd, u64 arg)
{
	struct pty *pty = f->private;

	switch (cmd) {
	case TIOCGPTN:
		return put_user(pty->n, arg);
	case TIOCGPTLCK:
		return put_user((int){ pty->locked }, arg);
	case TIOCSPTLCK:
		return set_locked(pty, arg);
	case TIOCPKT:
		return set_packet_mode(pty, arg);
	case TIOCGPKT:
		return put_user((int){ pty->slave->packet_mode }, arg);
	case TIOCGPTPEER:
		return open_peer(pty, (int)arg);
	case TIOCSIG:
		return send_signal(pty->slave, arg);
	default:
		return tty_ioctl_common(pty->slave, f, cmd, arg, true);
	}
}

static void master_release(struct file *f)
{
	struct pty *pty = f->private;
	struct tty *s = pty->slave;
	u64 flags = spin_lock_irqsave(&s->lock);

	s->master_gone = true;
	s->packet_mode = false;
	spin_unlock_irqrestore(&s->lock, flags);
	pty_fs->remove(pty->n);
	tty_hangup(s, false);
	tty_put(s);
	pty_put(pty);
}

static const struct file_ops master_ops = {
	.read = master_read,
	.write = master_write,
	.poll = master_poll,
	.async = true,
	.ioctl = master_ioctl,
	.release = master_release,
};

static int ptmx_open(struct inode *inode, struct file *f)
{
	const struct cred *cred = current_cred();
	struct pty *pty;
	int err = pty_create(&pty);

	if (err)
		return err;
	f->private = pty;
	f->ops = &master_ops;
	f->mode &= ~(u32)(FMODE_LSEEK | FMODE_PREAD);
	err = pty_fs->add(pty->n, cred->fsuid, cred->fsgid);
	if (err)
		master_release(f);
	return err;
}

static const struct file_ops ptmx_ops = { .open = ptmx_open };
static const struct file_ops slave_node_ops = { .open = slave_node_open };

void pty_init(void)
{
	BUG_ON(chrdev_register(MKDEV(5, 2), 1, "ptmx", &ptmx_ops));
	BUG_ON(chrdev_register(MKDEV(PTY_SLAVE_MAJOR, 0), PTY_MAX, "pts", &slave_node_ops));
	BUG_ON(chrdev_node_create("ptmx", S_IFCHR | 0666, MKDEV(5, 2)));
}
