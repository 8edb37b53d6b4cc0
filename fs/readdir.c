/* SPDX-License-Identifier: MIT */
/*
 * getdents64 and getcwd. Entries are gathered in a kernel buffer, since file
 * systems emit them with locks held, and copied out at the end.
 */
#include <fs/file.h>
#include <kernel/lib/string.h>
#include <kernel/mm/alloc.h>
#include <kernel/uapi/syscall.h>
#include <kernel/task/thread.h>
#include <arch/uaccess.h>

/* bytes gathered per call; several calls read a large directory */
#define DIRENT_CHUNK	4096u

struct user_dirent {
	u64 ino;
	s64 next;
	u16 reclen;
	u8 type;
	char name[];
} __packed;

struct gather {
	struct dir_context ctx;
	char *buf;
	u32 size, used;
	struct user_dirent *last;
	bool full;
};

static bool gather_emit(struct dir_context *ctx, const char *name, u32 len, loff_t pos, u64 ino,
			u32 type)
{
	struct gather *g = container_of(ctx, struct gather, ctx);
	u32 reclen = ALIGN_UP((u32)offsetof(struct user_dirent, name) + len + 1, 8u);
	struct user_dirent *d = (struct user_dirent *)(g->buf + g->used);

	if (g->used + reclen > g->size) {
		g->full = true;
		return false;
	}
	if (g->last)
		g->last->next = pos;
	memset(d, 0, reclen);
	d->ino = ino;
	d->reclen = reclen;
	d->type = type;
	memcpy(d->name, name, len);
	g->used += reclen;
	g->last = d;
	return true;
}

static long getdents(struct file *f, uaddr_t to, u32 size)
{
	struct gather g = { .ctx = { .emit = gather_emit, .pos = f->pos }, .size = min(size, DIRENT_CHUNK) };
	long err;

	if (!f->ops->iterate)
		return -ENOTDIR;
	g.buf = kmalloc(DIRENT_CHUNK, GFP_KERNEL);
	if (!g.buf)
		return -ENOMEM;
	err = rwsem_read_lock_killable(&f->inode->rwsem);
	if (!err) {
		err = f->inode->nlink ? f->ops->iterate(f, &g.ctx) : -ENOENT;
		rwsem_read_unlock(&f->inode->rwsem);
		file_accessed(f);
	}
	if (!err && g.last) {
		g.last->next = g.ctx.pos;
		err = copy_to_user(to, g.buf, g.used);
		if (!err) {
			f->pos = g.ctx.pos;
			err = g.used;
		}
	} else if (!err && g.full) {
		err = -EINVAL;		/* not even one entry fits */
	}
	kfree(g.buf);
	return err;
}

long sys_getdents64(u32 fd, uaddr_t to, u32 size)
{
	struct fd f = fd_get(fd);
	long n;

	if (!f.file)
		return -EBADF;
	mutex_lock(&f.file->pos_mutex);
	n = getdents(f.file, to, size);
	mutex_unlock(&f.file->pos_mutex);
	fd_put(f);
	return n;
}

long sys_getcwd(uaddr_t to, u64 size)
{
	char *buf = kmalloc(PATH_MAX, GFP_KERNEL), *text;
	struct path cwd;
	long n;

	if (!buf)
		return -ENOMEM;
	fs_get_cwd(current->fs, &cwd);
	if (!cwd.dentry->inode->nlink) {
		n = -ENOENT;
		goto out;
	}
	text = path_to_string(&cwd, buf, PATH_MAX);
	n = IS_ERR(text) ? PTR_ERR(text) : (long)strlen(text) + 1;
	if (n > 0 && (u64)n > size)
		n = -ERANGE;
	if (n > 0 && copy_to_user(to, text, n))
		n = -EFAULT;
out:
	path_put(&cwd);
	kfree(buf);
	return n;
}
