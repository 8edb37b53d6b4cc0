/* SPDX-License-Identifier: MIT */
/*
 * /proc/PID/fd and fdinfo: the descriptors of a process, as links to what they name.
 *
 * The table belongs to another process: everything here looks at it under its
 * locks (files_lookup_of) and never keeps it.
 */
#include <fs/proc/proc.h>
#include <kernel/lib/string.h>
#include <kernel/task/cred.h>
#include <kernel/uapi/fcntl.h>

/* The file behind descriptor n of the inode's thread, with a reference; NULL. */
static struct file *file_of(const struct pseudo *p, u64 n, bool *cloexec)
{
	struct thread *t = proc_thread(p);
	struct file *f = NULL;

	if (t) {
		f = files_lookup_of(t, n, cloexec);
		thread_put(t);
	}
	return f;
}

/* The link's permission bits tell how the file is open: the same name may be another file now. */
static bool fd_alive(struct pseudo *p)
{
	bool cloexec;
	struct file *f = file_of(p, p->number, &cloexec);

	if (!f)
		return false;
	if (S_ISLNK(p->inode.mode))
		WRITE_ONCE(p->inode.mode, S_IFLNK | (f->mode & FMODE_READ ? 0500 : 0) |
			   (f->mode & FMODE_WRITE ? 0300 : 0));
	file_put(f);
	return true;
}

static int fd_jump(struct pseudo *p, struct path *path)
{
	struct file *f;
	bool cloexec;
	int err = proc_check_access(p);

	if (err)
		return err;
	f = file_of(p, p->number, &cloexec);
	if (!f)
		return -ENOENT;
	*path = f->path;
	path_get(path);
	file_put(f);
	return 0;
}

static void link_getattr(struct pseudo *p, struct kstat *st)
{
	(void)fd_alive(p);
	st->mode = READ_ONCE(p->inode.mode);
	st->size = 64;		/* as Linux: not known, but not empty */
}

static int fdinfo_show(struct seq *s, struct pseudo *p)
{
	char extra[256] = "";
	bool cloexec;
	struct file *f = file_of(p, p->number, &cloexec);

	if (!f)
		return -ENOENT;
	seq_printf(s, "pos:\t%ld\nflags:\t0%o\nmnt_id:\t%u\nino:\t%lu\n", f->pos,
		   READ_ONCE(f->flags) | O_LARGEFILE | (cloexec ? O_CLOEXEC : 0), f->path.mnt->id,
		   f->inode->ino);
	if (f->ops->show_fdinfo) {
		f->ops->show_fdinfo(f, extra, sizeof(extra));
		seq_puts(s, extra);
	}
	file_put(f);
	return 0;
}

static const struct pseudo_entry fd_link = {
	.name = "", .mode = S_IFLNK | 0700, .jump = fd_jump, .alive = fd_alive, .getattr = link_getattr,
};
static const struct pseudo_entry fdinfo_file = {
	.name = "", .mode = S_IFREG | 0444, .show = fdinfo_show, .alive = fd_alive,
};

static int lookup(struct pseudo *dir, struct dentry *dentry, const struct pseudo_entry *entry)
{
	s64 n = pseudo_name_number(&dentry->name);
	bool cloexec;
	struct file *f = n < 0 ? NULL : file_of(dir, n, &cloexec);
	int err;

	if (!f)
		return -ENOENT;
	file_put(f);
	err = pseudo_instantiate(dir, dentry, entry, dir->object, n, dir->flags);
	if (!err)
		(void)fd_alive(pseudo_of(dentry->inode));
	return err;
}

static int iterate(struct pseudo *dir, struct dir_context *ctx, const struct pseudo_entry *entry)
{
	struct thread *t = proc_thread(dir);
	char name[12];
	int fd;

	if (!t)
		return -ENOENT;
	while ((fd = files_next_of(t, ctx->pos - PSEUDO_DYNAMIC)) >= 0) {
		snprintf(name, sizeof(name), "%d", fd);
		ctx->pos = PSEUDO_DYNAMIC + fd;
		if (!pseudo_emit(dir, ctx, name, entry, dir->object, fd, PSEUDO_DYNAMIC + fd + 1))
			break;
	}
	thread_put(t);
	return 0;
}

int proc_fd_lookup(struct pseudo *dir, struct dentry *dentry)
{
	return lookup(dir, dentry, &fd_link);
}

int proc_fdinfo_lookup(struct pseudo *dir, struct dentry *dentry)
{
	return lookup(dir, dentry, &fdinfo_file);
}

int proc_fd_iterate(struct pseudo *dir, struct dir_context *ctx)
{
	return iterate(dir, ctx, &fd_link);
}

int proc_fdinfo_iterate(struct pseudo *dir, struct dir_context *ctx)
{
	return iterate(dir, ctx, &fdinfo_file);
}

/* A process may always list its own, whatever its ids: programs close all but a few that way. */
int proc_fd_permission(struct pseudo *p, int mask)
{
	struct process *process;
	bool own;
	int err = inode_mode_permission(&p->inode, mask);

	if (!err)
		return 0;
	process = proc_process(p);
	own = process == current_process();
	if (process)
		process_put(process);
	return own ? 0 : err;
}

int proc_fdinfo_permission(struct pseudo *p, int mask)
{
	int err = proc_check_access(p);

	return err ? err : inode_mode_permission(&p->inode, mask);
}

void proc_fd_getattr(struct pseudo *p, struct kstat *st)
{
	struct thread *t = proc_thread(p);

	if (t) {
		st->size = files_count_of(t);
		thread_put(t);
	}
}
