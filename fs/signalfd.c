/* SPDX-License-Identifier: MIT */
/*
 * signalfd: take signals by reading. It serves whoever reads: the signals of
 * the reading thread and its process, not those of the one that made it.
 *
 * Who polls waits on its process's queue. An epoll may outlive that process: the queue
 * says EPOLLFREE before it goes (process_free_rcu).
 */
#include <fs/file.h>
#include <fs/poll.h>
#include <kernel/lib/string.h>
#include <kernel/mm/alloc.h>
#include <kernel/printk.h>
#include <kernel/task/signal.h>
#include <kernel/uapi/fcntl.h>
#include <kernel/uapi/syscall.h>
#include <arch/uaccess.h>

struct signalfd {
	u64 set;			/* sighand->lock of who changes it; read with READ_ONCE */
};

struct signalfd_siginfo {
	u32 signo;
	s32 err, code;
	u32 pid, uid;
	s32 fd;
	u32 tid, band, overrun, trapno;
	s32 status, value_int;
	u64 value_ptr, utime, stime, addr;
	u16 addr_lsb, pad2;
	s32 syscall;
	u64 call_addr;
	u32 arch;
	u8 pad[28];
};
_Static_assert(sizeof(struct signalfd_siginfo) == 128, "ABI");

static int take(struct signalfd *s, struct kernel_siginfo *info)
{
	struct sighand *sh = current->sighand;
	u64 flags = spin_lock_irqsave(&sh->lock);
	int sig = signal_dequeue_locked(~READ_ONCE(s->set), info);

	spin_unlock_irqrestore(&sh->lock, flags);
	return sig;
}

/* The first one is waited for: 0, -EAGAIN, -ERESTARTSYS. */
static long take_first(struct signalfd *s, struct kernel_siginfo *info, bool nonblock)
{
	struct wait_queue *q = &current_process()->signalfd_wait;
	struct wait_entry e;
	long err = 0;

	if (take(s, info))
		return 0;
	if (nonblock)
		return -EAGAIN;
	wait_entry_init(&e, wait_wake_thread);
	for (;;) {
		wait_prepare(q, &e, TASK_INTERRUPTIBLE);
		if (take(s, info))
			break;
		err = wait_signal_check(TASK_INTERRUPTIBLE);
		if (err)
			break;
		schedule();
	}
	wait_finish(q, &e);
	return err;
}

static bool put_info(struct iov_iter *to, const struct kernel_siginfo *i)
{
	struct signalfd_siginfo u = {
		.signo = i->signo, .err = i->err, .code = i->code, .pid = i->pid, .uid = i->uid, .fd = i->fd,
		.tid = i->timer_id, .band = i->band, .overrun = i->overrun, .status = i->status,
		.value_int = (s32)i->value, .value_ptr = i->value, .utime = i->utime, .stime = i->stime,
		.addr = i->addr,
	};

	return copy_to_iter(&u, sizeof(u), to) == sizeof(u);
}

static ssize_t signalfd_read(struct kio *kio, struct iov_iter *to)
{
	struct signalfd *s = kio->file->private;
	struct kernel_siginfo info;
	ssize_t done = 0;
	long err;

	if (iov_iter_count(to) < sizeof(struct signalfd_siginfo))
		return -EINVAL;
	err = take_first(s, &info, kio_nonblock(kio));
	if (err)
		return err;
	do {
		if (!put_info(to, &info))
			return done ? done : -EFAULT;
		done += sizeof(struct signalfd_siginfo);
	} while (iov_iter_count(to) >= sizeof(struct signalfd_siginfo) && take(s, &info));
	return done;
}

static u32 signalfd_poll(struct file *f, struct poll_table *pt)
{
	struct signalfd *s = f->private;
	struct thread *t = current;
	u64 waiting;

	poll_wait(f, &t->process->signalfd_wait, pt);
	waiting = READ_ONCE(t->pending.set) | READ_ONCE(t->process->shared_pending.set);
	return waiting & READ_ONCE(s->set) ? EPOLLIN : 0;
}

static void signalfd_release(struct file *f)
{
	kfree(f->private);
}

static void signalfd_show(struct file *f, char *buf, size_t len)
{
	struct signalfd *s = f->private;

	snprintf(buf, len, "sigmask:\t%016lx\n", READ_ONCE(s->set));
}

static const struct file_ops signalfd_ops = {
	.read = signalfd_read,
	.llseek = noop_llseek,
	.poll = signalfd_poll,
	.release = signalfd_release,
	.show_fdinfo = signalfd_show,
};

static long signalfd_create(u64 set, u32 flags)
{
	struct signalfd *s = kmalloc(sizeof(*s), GFP_KERNEL);
	int fd;

	if (!s)
		return -ENOMEM;
	s->set = set;
	fd = fd_create_anon("[signalfd]", &signalfd_ops, s, O_RDWR | flags);
	if (fd < 0)
		kfree(s);
	return fd;
}

long sys_signalfd4(int fd, uaddr_t uset, size_t size, u32 flags)
{
	struct signalfd *s;
	struct fd f;
	u64 set;

	if (size != sizeof(set))
		return -EINVAL;
	if (get_user(set, uset))
		return -EFAULT;
	if (flags & ~(O_CLOEXEC | O_NONBLOCK))
		return -EINVAL;
	set &= ~SIGSET_KILL_STOP;
	if (fd == -1)
		return signalfd_create(set, flags);
	f = fd_get(fd);
	if (!f.file)
		return -EBADF;
	if (f.file->ops != &signalfd_ops) {
		fd_put(f);
		return -EINVAL;
	}
	s = f.file->private;
	WRITE_ONCE(s->set, set);
	fd_put(f);
	wake_all(&current_process()->signalfd_wait);
	return fd;
}
