/* SPDX-License-Identifier: MIT */
/* fcntl's record locks and flock: what user mode asks, as requests to locks.c. */
#include <fs/locks_impl.h>
#include <arch/uaccess.h>
#include <kernel/task/pid.h>
#include <kernel/task/thread.h>
#include <kernel/uapi/fcntl.h>
#include <kernel/uapi/syscall.h>

/* --- fcntl --- */

/* struct flock of the ABI. */
struct user_flock {
	s16 type, whence;
	s64 start, len;
	s32 pid;
};
_Static_assert(sizeof(struct user_flock) == 32, "ABI");

static int range_from_user(const struct file *f, const struct user_flock *u, struct file_lock *l)
{
	loff_t base;

	switch (u->whence) {
	case SEEK_SET:
		base = 0;
		break;
	case SEEK_CUR:
		base = f->pos;
		break;
	case SEEK_END:
		base = READ_ONCE(f->inode->size);
		break;
	default:
		return -EINVAL;
	}
	if (u->start > OFFSET_MAX - base)
		return -EOVERFLOW;
	l->start = base + u->start;
	if (l->start < 0)
		return -EINVAL;
	if (u->len > 0) {
		if (u->len - 1 > OFFSET_MAX - l->start)
			return -EOVERFLOW;
		l->end = l->start + u->len - 1;
	} else if (u->len < 0) {
		if (l->start + u->len < 0)
			return -EINVAL;
		l->end = l->start - 1;
		l->start += u->len;
	} else {
		l->end = OFFSET_MAX;
	}
	return 0;
}

static bool is_ofd(u32 cmd)
{
	return cmd == F_OFD_GETLK || cmd == F_OFD_SETLK || cmd == F_OFD_SETLKW;
}

static int request_from_user(struct file *f, u32 cmd, const struct user_flock *u,
			     struct file_lock *l)
{
	int err = range_from_user(f, u, l);

	if (err)
		return err;
	if (u->type < F_RDLCK || u->type > F_UNLCK)
		return -EINVAL;
	if (is_ofd(cmd) && u->pid)
		return -EINVAL;
	l->type = u->type;
	l->kind = is_ofd(cmd) ? LOCK_OFD : LOCK_POSIX;
	l->owner = is_ofd(cmd) ? (void *)f : (void *)current->files;
	l->pid = is_ofd(cmd) ? -1 : pid_nr(current_process()->pids[PIDTYPE_TGID], &init_pid_ns);
	return 0;
}

static void tell_conflict(const struct file_lock *l, struct user_flock *u)
{
	struct pid *pid;

	u->type = l->type;
	u->whence = SEEK_SET;
	u->start = l->start;
	u->len = l->end == OFFSET_MAX ? 0 : l->end - l->start + 1;
	rcu_read_lock();
	pid = l->kind == LOCK_OFD ? NULL : pid_find(l->pid, &init_pid_ns);
	u->pid = pid ? pid_vnr(pid) : l->kind == LOCK_OFD ? -1 : 0;
	rcu_read_unlock();
}

static long get_lock(struct file *f, u32 cmd, struct user_flock *u)
{
	struct file_lock_context *ctx = file_locks_of(f);
	struct file_lock req, found;
	int err;

	if (cmd == F_GETLK && u->type != F_RDLCK && u->type != F_WRLCK)
		return -EINVAL;
	err = request_from_user(f, cmd, u, &req);
	if (err)
		return err;
	if (ctx && file_lock_find(ctx, &req, &found))
		tell_conflict(&found, u);
	else
		u->type = F_UNLCK;
	return 0;
}

/* The descriptor was closed meanwhile, by another thread: so must be the lock. */
static long undo_if_closed(int fd, struct file *f, struct file_lock_context *ctx,
			   const struct file_lock *set)
{
	struct file_lock req = *set;
	struct fd now;
	bool same;

	if (set->kind != LOCK_POSIX || set->type == F_UNLCK)
		return 0;
	now = fd_get_raw(fd);
	same = now.file == f;
	if (now.file)
		fd_put(now);
	if (same)
		return 0;
	req.type = F_UNLCK;
	(void)file_lock_set_record(ctx, &req, false);
	return -EBADF;
}

static long set_lock(int fd, struct file *f, u32 cmd, const struct user_flock *u)
{
	bool wait = cmd == F_SETLKW || cmd == F_OFD_SETLKW;
	struct file_lock_context *ctx;
	struct file_lock req;
	long err = request_from_user(f, cmd, u, &req);

	if (err)
		return err;
	if ((req.type == F_RDLCK && !(f->mode & FMODE_READ)) ||
	    (req.type == F_WRLCK && !(f->mode & FMODE_WRITE)))
		return -EBADF;
	ctx = req.type == F_UNLCK ? file_locks_of(f) : file_locks_get(f->inode);
	if (!ctx)
		return req.type == F_UNLCK ? 0 : -ENOLCK;
	err = file_lock_set_record(ctx, &req, wait);
	return err ? err : undo_if_closed(fd, f, ctx, &req);
}

long file_lock_fcntl(int fd, struct file *f, u32 cmd, uaddr_t arg)
{
	struct user_flock u;
	long err;

	if (copy_from_user(&u, arg, sizeof(u)))
		return -EFAULT;
	if (cmd != F_GETLK && cmd != F_OFD_GETLK)
		return set_lock(fd, f, cmd, &u);
	err = get_lock(f, cmd, &u);
	return err ? err : copy_to_user(arg, &u, sizeof(u));
}

/* --- flock --- */

#define LOCK_SH		1
#define LOCK_EX		2
#define LOCK_NB		4
#define LOCK_UN		8

/* F_RDLCK, F_WRLCK, F_UNLCK or -EINVAL. */
static int flock_type(u32 op)
{
	switch (op & ~LOCK_NB) {
	case LOCK_SH:
		return F_RDLCK;
	case LOCK_EX:
		return F_WRLCK;
	case LOCK_UN:
		return F_UNLCK;
	default:
		return -EINVAL;
	}
}

static long flock_file(struct file *f, int type, bool wait)
{
	struct file_lock req = {
		.type = type, .kind = LOCK_FLOCK, .start = 0, .end = OFFSET_MAX, .owner = f,
		.pid = pid_nr(current_process()->pids[PIDTYPE_TGID], &init_pid_ns),
	};
	struct file_lock_context *ctx = type == F_UNLCK ? file_locks_of(f) : file_locks_get(f->inode);

	if (!ctx)
		return type == F_UNLCK ? 0 : -ENOLCK;
	return file_lock_set_flock(ctx, &req, wait);
}

long sys_flock(u32 fd, u32 op)
{
	int type = flock_type(op);
	struct fd f;
	long err;

	if (type < 0)
		return type;
	f = fd_get(fd);
	if (!f.file)
		return -EBADF;
	if (type != F_UNLCK && !(f.file->mode & (FMODE_READ | FMODE_WRITE)))
		err = -EBADF;
	else
		err = flock_file(f.file, type, !(op & LOCK_NB));
	fd_put(f);
	return err;
}
