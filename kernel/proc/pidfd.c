/* SPDX-License-Identifier: MIT */
/*
 * pidfd: a descriptor that names a process, and goes on naming that one when
 * its number is used again. It is readable when the process has ended.
 */
#include <arch/uaccess.h>
#include <fs/file.h>
#include <fs/poll.h>
#include <fs/proc/proc.h>
#include <kernel/proc/proc.h>
#include <kernel/uapi/syscall.h>
#include <kernel/uapi/fcntl.h>

#define PIDFD_NONBLOCK	O_NONBLOCK

static u32 pidfd_poll(struct file *f, struct poll_table *pt)
{
	struct pid *pid = f->private;
	struct process *p;
	u32 mask = 0;

	poll_wait(f, &pid->pidfd_wait, pt);
	rcu_read_lock();
	p = rcu_dereference(pid->process);
	if (!p || READ_ONCE(p->zombie))
		mask = EPOLLIN | EPOLLRDNORM;
	rcu_read_unlock();
	return mask;
}

static void pidfd_release(struct file *f)
{
	pid_put(f->private);
}

static const struct file_ops pidfd_ops = {
	.poll = pidfd_poll,
	.release = pidfd_release,
};

struct file *pidfd_file_create(struct pid *pid, u32 flags, int *err)
{
	struct file *f = file_create_anon("[pidfd]", &pidfd_ops, pid_get(pid), O_RDWR | flags, err);

	if (!f)
		pid_put(pid);
	return f;
}

struct pid *pidfd_get_pid(int fd, u32 *flags)
{
	struct fd f = fd_get(fd);
	struct pid *pid = ERR_PTR(-EBADF);

	if (f.file && f.file->ops == &pidfd_ops) {
		pid = pid_get(f.file->private);
		*flags = f.file->flags;
	}
	if (f.file)
		fd_put(f);
	return pid;
}

/* What takes a signal may also be an open directory /proc/PID: pidfds were that before they had a call. */
static struct pid *signal_pid_of(int fd)
{
	struct fd f = fd_get(fd);
	struct pid *pid = NULL;
	u32 flags;

	if (f.file) {
		pid = proc_pid_of(f.file);
		fd_put(f);
	}
	return pid ? pid : pidfd_get_pid(fd, &flags);
}

long sys_pidfd_open(pid_t nr, u32 flags)
{
	struct process *p;
	struct file *f;
	int fd, err;

	if ((flags & ~PIDFD_NONBLOCK) || nr <= 0)
		return -EINVAL;
	p = process_lookup(nr);
	if (!p)
		return thread_find(nr) ? -ENOENT : -ESRCH;
	fd = fd_reserve(O_CLOEXEC);
	if (fd >= 0) {
		f = pidfd_file_create(p->pids[PIDTYPE_TGID], flags, &err);
		if (f) {
			fd_install(fd, f);
		} else {
			fd_release(fd);
			fd = err;
		}
	}
	process_put(p);
	return fd;
}

static int get_info(struct kernel_siginfo *info, int sig, uaddr_t uinfo, const struct process *to)
{
	int err;

	if (!uinfo) {
		siginfo_fill_user(info, sig, SI_USER);
		return 0;
	}
	err = siginfo_from_user(info, uinfo);
	if (err)
		return err;
	if (info->signo != sig)
		return -EINVAL;
	if (to != current_process() && (info->code >= 0 || info->code == SI_TKILL))
		return -EPERM;
	return 0;
}

long sys_pidfd_send_signal(int fd, int sig, uaddr_t uinfo, u32 flags)
{
	struct kernel_siginfo info;
	struct process *p;
	struct pid *pid;
	int err;

	if (flags)
		return -EINVAL;
	pid = signal_pid_of(fd);
	if (IS_ERR(pid))
		return PTR_ERR(pid);
	p = process_lookup_pid(pid);
	pid_put(pid);
	if (!p)
		return -ESRCH;
	err = get_info(&info, sig, uinfo, p);
	if (!err)
		err = signal_check_permission(p, sig);
	if (!err)
		err = signal_send_process(p, sig, &info);
	process_put(p);
	return err;
}
