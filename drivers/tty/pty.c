/* SPDX-License-Identifier: MIT */
/*
 * Pseudo-terminals: a terminal whose wire ends in a file.
 *
 * The slave is an ordinary tty. Its port takes nothing: output stays in the
 * slave's out ring, and the master reads it from there; what the master writes
 * goes straight through the slave's line discipline. So a pair has one buffer a
 * direction and one lock, the slave's.
 *
 *   master write -> ldisc_receive ---> slave read
 *   master read <- out ring <- OPOST <- slave write
 *
 * The master waits on the slave's queues too: for output on master_wait, for
 * room in the line discipline on input_wait.
 *
 * Life: opening /dev/ptmx makes the pair and its node in devpts; closing the
 * master hangs the slave up. The number is free again when the slave's last
 * opener has gone as well.
 */
#include <drivers/tty/pty.h>
#include <drivers/tty/job_control.h>
#include <arch/uaccess.h>
#include <fs/chrdev.h>
#include <fs/file.h>
#include <fs/poll.h>
#include <kernel/bug.h>
#include <kernel/lib/bitmap.h>
#include <kernel/printk.h>
#include <kernel/task/cred.h>
#include <kernel/uapi/fcntl.h>

#define CHUNK	256
#define OUT_MASK (TTY_OUT_SIZE - 1)

struct pty {
	refcount_t refs;		/* master's file, and the table */
	u32 n;
	struct tty *slave;
	struct tty_port port;
	struct wait_queue master_wait;	/* output from the slave, its closing */

	/* Guarded by slave->lock. */
	bool locked;			/* TIOCSPTLCK: the slave may not be opened yet */
	bool master_open;
	bool slave_was_open;
};

static struct pty *pty_table[PTY_MAX];	/* pty_mutex */
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

	wake_poll(&pty->master_wait, EPOLLIN | EPOLLRDNORM);
	return 0;
}

static void pty_port_start(struct tty_port *port)
{
	struct pty *pty = port->data;
	u64 flags = spin_lock_irqsave(&pty->slave->lock);

	pty->slave_was_open = true;
	spin_unlock_irqrestore(&pty->slave->lock, flags);
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
	if (!refcount_dec(&pty->refs))
		return;
	kfree(pty);
}

/* The slave's tty is gone: the last thing that used the number. */
static void pty_slave_gone(struct tty_port *port)
{
	struct pty *pty = port->data;

	mutex_lock(&pty_mutex);
	pty_table[pty->n] = NULL;
	mutex_unlock(&pty_mutex);
	pty_put(pty);
}

static int pty_reserve(struct pty *pty)
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
	char name[16];
	int err;

	if (!pty)
		return -ENOMEM;
	refcount_set(&pty->refs, 2);
	wait_queue_init(&pty->master_wait);
	pty->locked = true;
	pty->master_open = true;
	pty->port = (struct tty_port){ .ops = &pty_port_ops, .data = pty, .released = pty_slave_gone };
	err = pty_reserve(pty);
	if (err) {
		kfree(pty);
		return err;
	}
	snprintf(name, sizeof(name), "pts/%u", pty->n);
	pty->slave = tty_create(&pty->port, MKDEV(PTY_SLAVE_MAJOR, pty->n), name);
	if (!pty->slave) {
		mutex_lock(&pty_mutex);
		pty_table[pty->n] = NULL;
		mutex_unlock(&pty_mutex);
		kfree(pty);
		return -ENOMEM;
	}
	pty->slave->is_pty = true;
	*out = pty;
	return 0;
}

int pty_slave_open(u32 n, struct file *f)
{
	struct tty *slave = NULL;
	struct pty *pty;

	mutex_lock(&pty_mutex);
	pty = n < PTY_MAX ? pty_table[n] : NULL;
	if (pty && pty->master_open && !pty->locked)
		slave = tty_get(pty->slave);
	mutex_unlock(&pty_mutex);
	return slave ? tty_open_common(slave, f) : -EIO;
}

static int slave_node_open(struct inode *inode, struct file *f)
{
	return pty_slave_open(MINOR(inode->rdev), f);
}

/* --- the master's file --- */

static bool slave_closed(const struct pty *pty)
{
	return pty->slave_was_open && !READ_ONCE(pty->slave->opens);
}

static bool master_readable(struct pty *pty)
{
	struct tty *s = pty->slave;

	return (READ_ONCE(s->out_head) != READ_ONCE(s->out_tail) && !READ_ONCE(s->out_held)) ||
	       READ_ONCE(s->packet_events) || slave_closed(pty);
}

/* Up to n bytes of the slave's output. In packet mode *event is the status byte to go first. */
static u32 take_output(struct pty *pty, u8 *buf, u32 n, u8 *event)
{
	struct tty *s = pty->slave;
	u64 flags = spin_lock_irqsave(&s->lock);
	u32 done = 0;

	*event = s->packet_events;
	s->packet_events = 0;
	while (!*event && done < n && s->out_tail != s->out_head && !s->out_held)
		buf[done++] = s->out[s->out_tail++ & OUT_MASK];
	spin_unlock_irqrestore(&s->lock, flags);
	if (done)
		wake_poll(&s->write_wait, EPOLLOUT | EPOLLWRNORM);
	return done;
}

static ssize_t read_some(struct pty *pty, struct iov_iter *to)
{
	bool packet = READ_ONCE(pty->slave->packet_mode);
	ssize_t total = 0;

	while (iov_iter_count(to)) {
		u8 buf[CHUNK + 1], event;
		u32 room = min_t(size_t, iov_iter_count(to) - (packet && !total), CHUNK);
		u32 n = take_output(pty, buf + 1, room, &event);
		u32 head = packet && !total && (n || event);

		buf[0] = event;
		if (!n && !head)
			break;
		if (copy_to_iter(buf + !head, n + head, to) != n + head)
			return total ? total : -EFAULT;
		total += n + head;
		if (n < room || event)
			break;
	}
	return total;
}

static ssize_t master_read(struct kio *kio, struct iov_iter *to)
{
	struct pty *pty = kio->file->private;

	if (!iov_iter_count(to))
		return 0;
	for (;;) {
		ssize_t n = read_some(pty, to);
		long err;

		if (n)
			return n;
		if (slave_closed(pty))
			return -EIO;
		if (kio_nonblock(kio))
			return -EAGAIN;
		err = wait_event_interruptible(&pty->master_wait, master_readable(pty));
		if (err)
			return err;
	}
}

static bool slave_takes_input(struct tty *s)
{
	return ldisc_room(&s->ld);
}

static ssize_t master_write(struct kio *kio, struct iov_iter *from)
{
	struct pty *pty = kio->file->private;
	struct tty *s = pty->slave;
	ssize_t total = 0;

	while (iov_iter_count(from)) {
		u8 buf[CHUNK];
		u32 len = min_t(size_t, iov_iter_count(from), CHUNK), done = 0;

		if (copy_from_iter(buf, len, from) != len)
			return total ? total : -EFAULT;
		while (done < len) {
			u64 flags = spin_lock_irqsave(&s->lock);
			long err;

			done += tty_input_locked(s, buf + done, len - done);
			spin_unlock_irqrestore(&s->lock, flags);
			if (done == len)
				break;
			err = kio_nonblock(kio) ? -EAGAIN :
			      wait_event_interruptible(&s->input_wait, slave_takes_input(s));
			if (err)
				return total + done ? (ssize_t)(total + done) : err;
		}
		total += len;
	}
	return total;
}

static u32 master_poll(struct file *f, struct poll_table *pt)
{
	struct pty *pty = f->private;
	u32 mask = 0;

	poll_wait(f, &pty->master_wait, pt);
	poll_wait(f, &pty->slave->input_wait, pt);
	if (master_readable(pty))
		mask |= EPOLLIN | EPOLLRDNORM;
	if (READ_ONCE(pty->slave->packet_events))
		mask |= EPOLLPRI;
	if (slave_closed(pty))
		mask |= EPOLLHUP;
	if (slave_takes_input(pty->slave))
		mask |= EPOLLOUT | EPOLLWRNORM;
	return mask;
}

static long open_peer(struct pty *pty, int flags)
{
	struct file *f;
	int fd, err;

	if (!pty_fs)
		return -EIO;
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

static void set_packet_mode(struct pty *pty, bool on)
{
	u64 flags = spin_lock_irqsave(&pty->slave->lock);

	pty->slave->packet_mode = on;
	pty->slave->packet_events = 0;
	spin_unlock_irqrestore(&pty->slave->lock, flags);
}

static long master_ioctl(struct file *f, u32 cmd, u64 arg)
{
	struct pty *pty = f->private;
	int v;

	switch (cmd) {
	case TIOCGPTN:
		return put_user(pty->n, arg);
	case TIOCGPTLCK:
		return put_user((int){ pty->locked }, arg);
	case TIOCSPTLCK:
		if (get_user(v, arg))
			return -EFAULT;
		WRITE_ONCE(pty->locked, v != 0);
		return 0;
	case TIOCPKT:
		if (get_user(v, arg))
			return -EFAULT;
		set_packet_mode(pty, v != 0);
		return 0;
	case TIOCGPKT:
		return put_user((int){ pty->slave->packet_mode }, arg);
	case TIOCGPTPEER:
		return open_peer(pty, (int)arg);
	case TIOCSCTTY:
	case TIOCNOTTY:
		return -ENOTTY;
	default:
		return tty_ioctl_common(pty->slave, f, cmd, arg, true);
	}
}

static void master_release(struct file *f)
{
	struct pty *pty = f->private;

	mutex_lock(&pty_mutex);
	pty->master_open = false;
	mutex_unlock(&pty_mutex);
	if (pty_fs)
		pty_fs->remove(pty->n);
	tty_hangup(pty->slave);
	tty_put(pty->slave);
	pty_put(pty);
}

static const struct file_ops master_ops = {
	.read = master_read,
	.write = master_write,
	.poll = master_poll,
	.ioctl = master_ioctl,
	.release = master_release,
};

static int ptmx_open(struct inode *inode, struct file *f)
{
	const struct cred *cred = current_cred();
	struct pty *pty;
	int err;

	if (!pty_fs)
		return -ENODEV;
	err = pty_create(&pty);
	if (err)
		return err;
	f->private = pty;
	f->ops = &master_ops;
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
