/* SPDX-License-Identifier: MIT */
/*
 * Where a thread is: its root and working directory, and its umask. Threads that were
 * made with CLONE_FS share them. A path walk reads both under a sequence count,
 * without a reference (namei.c).
 */
#include <fs/file.h>
#include <kernel/mm/alloc.h>
#include <kernel/task/thread.h>

struct fs init_fs = { .refs = REFCOUNT_INIT(1), .lock = SPINLOCK_INIT(RANK_FS), .umask = 022 };

struct fs *fs_fork(struct fs *old)
{
	struct fs *fs = kzalloc(sizeof(*fs), GFP_KERNEL);

	if (!fs)
		return NULL;
	refcount_set(&fs->refs, 1);
	spin_lock_init(&fs->lock, RANK_FS);
	spin_lock(&old->lock);
	fs->root = old->root;
	fs->cwd = old->cwd;
	fs->umask = old->umask;
	if (fs->root.mnt) {
		path_get(&fs->root);
		path_get(&fs->cwd);
	}
	spin_unlock(&old->lock);
	return fs;
}

struct fs *fs_get(struct fs *fs)
{
	refcount_inc(&fs->refs);
	return fs;
}

void fs_put(struct fs *fs)
{
	if (!refcount_dec(&fs->refs))
		return;
	path_put(&fs->root);
	path_put(&fs->cwd);
	kfree(fs);
}

static void path_replace(struct fs *fs, struct path *slot, const struct path *path)
{
	struct path old;

	path_get(path);
	spin_lock(&fs->lock);
	seq_write_begin(&fs->seq);
	old = *slot;
	*slot = *path;
	seq_write_end(&fs->seq);
	spin_unlock(&fs->lock);
	path_put(&old);
}

void fs_change_root(struct fs *fs, const struct path *path)
{
	path_replace(fs, &fs->root, path);
}

void fs_change_cwd(struct fs *fs, const struct path *path)
{
	path_replace(fs, &fs->cwd, path);
}

static void path_read(struct fs *fs, const struct path *slot, struct path *path)
{
	spin_lock(&fs->lock);
	*path = *slot;
	path_get(path);
	spin_unlock(&fs->lock);
}

void fs_get_root(struct fs *fs, struct path *path)
{
	path_read(fs, &fs->root, path);
}

void fs_get_cwd(struct fs *fs, struct path *path)
{
	path_read(fs, &fs->cwd, path);
}

int fs_path_of(struct thread *t, bool root, struct path *path)
{
	int err = -ENOENT;

	spin_lock(&t->process->lock);
	if (t->fs && t->fs->root.mnt) {
		path_read(t->fs, root ? &t->fs->root : &t->fs->cwd, path);
		err = 0;
	}
	spin_unlock(&t->process->lock);
	return err;
}

int fs_umask_of(struct thread *t)
{
	int umask = -1;

	spin_lock(&t->process->lock);
	if (t->fs)
		umask = READ_ONCE(t->fs->umask);
	spin_unlock(&t->process->lock);
	return umask;
}
