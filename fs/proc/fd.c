/* SPDX-License-Identifier: MIT */
/*
 * /proc/PID/fd and fdinfo: the descriptors of a process, as links to what they
 * name. The tables belong to the other process: everything here takes
 * references under its locks (files_lookup_of, files_next_of) and never keeps
 * the table itself.
 */
#include <fs/proc/proc.h>
#include <kernel/errno.h>
#include <kernel/lib/string.h>
#include <kernel/uapi/fcntl.h>

/* The file behind descriptor n of pi's process, with a reference; NULL. */
static struct file *fd_file(struct proc_inode *pi)
{
	struct thread *t = proc_thread(pi);
	struct file *f;

	if (!t)
		return NULL;
	f = files_lookup_of(t, (int)pi->number);
	thread_put(t);
	return f;
}

bool proc_fd_alive(struct proc_inode *pi)
{
	struct file *f = fd_file(pi);

	if (!f)
		return false;
	/* The link's permission bits tell how it is open; a descriptor reused in another way is another link. */
	if (S_ISLNK(pi->inode.mode)) {
		umode_t mode = S_IFLNK | (f->mode & FMODE_READ ? 0500 : 0) | (f->mode & FMODE_WRITE ? 0300 : 0);

		WRITE_ONCE(pi->inode.mode, mode);
	}
	file_put(f);
	return true;
}

static int fd_jump(struct proc_inode *pi, struct path *path)
{
	struct file *f = fd_file(pi);

	if (!f)
		return -ENOENT;
	*path = f->path;
	path_get(path);
	file_put(f);
	return 0;
}

static int fdinfo_show(struct seq *s, struct proc_inode *pi)
{
	struct file *f = fd_file(pi);
	char extra[256] = "";

	if (!f)
		return -ENOENT;
	seq_printf(s, "pos:\t%ld\nflags:\t0%o\nmnt_id:\t%u\nino:\t%lu\n", f->pos, f->flags,
		   f->path.mnt ? f->path.mnt->id : 0, f->inode ? f->inode->ino : 0);
	if (f->ops->show_fdinfo) {
		f->ops->show_fdinfo(f, extra, sizeof(extra));
		seq_puts(s, extra);
	}
	file_put(f);
	return 0;
}

static const struct proc_entry fd_link = {
	.name = "", .mode = S_IFLNK | 0700, .jump = fd_jump, .alive = proc_fd_alive,
};
static const struct proc_entry fdinfo_file = {
	.name = "", .mode = S_IFREG | 0444, .show = fdinfo_show, .alive = proc_fd_alive,
};

static int lookup(struct proc_inode *dir, struct dentry *dentry, const struct proc_entry *entry)
{
	s64 n = proc_name_to_number(&dentry->name);
	struct proc_inode probe = { .pid = dir->pid, .number = n, .is_task = dir->is_task };
	struct file *f;
	int err = proc_may_inspect(dir);

	if (err)
		return err;
	f = n < 0 ? NULL : fd_file(&probe);
	if (!f)
		return -ENOENT;
	file_put(f);
	return proc_instantiate(dir, dentry, entry, dir->pid, n);
}

int proc_fd_lookup(struct proc_inode *dir, struct dentry *dentry)
{
	return lookup(dir, dentry, &fd_link);
}

int proc_fdinfo_lookup(struct proc_inode *dir, struct dentry *dentry)
{
	return lookup(dir, dentry, &fdinfo_file);
}

int proc_fd_iterate(struct proc_inode *dir, struct dir_context *ctx)
{
	struct thread *t;
	int fd, err = proc_may_inspect(dir);

	if (err)
		return err;
	t = proc_thread(dir);
	if (!t)
		return -ENOENT;
	for (fd = files_next_of(t, ctx->pos - PROC_DYNAMIC); fd >= 0; fd = files_next_of(t, fd + 1)) {
		char name[12];
		int len = snprintf(name, sizeof(name), "%d", fd);

		if (!ctx->emit(ctx, name, len, PROC_DYNAMIC + fd, PROC_DYNAMIC + fd, S_IFLNK >> 12))
			break;
		ctx->pos = PROC_DYNAMIC + fd + 1;
	}
	thread_put(t);
	return 0;
}
