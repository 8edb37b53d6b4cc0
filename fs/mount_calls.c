/* SPDX-License-Identifier: MIT */
/*
 * mount and umount2: what the flags ask for, and who may.
 *
 * There is one mount namespace and no propagation between mounts: all are
 * private. Asking for that succeeds; MS_SHARED, MS_SLAVE and MS_UNBINDABLE are
 * refused with -EINVAL.
 *
 * Limit: MS_SYNCHRONOUS, MS_DIRSYNC, MS_NOSYMFOLLOW, MS_LAZYTIME and MNT_EXPIRE
 * are refused with -EINVAL.
 */
#include <fs/file.h>
#include <fs/mount.h>
#include <kernel/lib/string.h>
#include <kernel/mm/alloc.h>
#include <kernel/task/cred.h>
#include <kernel/task/thread.h>
#include <kernel/uapi/fcntl.h>
#include <kernel/uapi/syscall.h>
#include <arch/uaccess.h>

#define MS_REFUSED	(MS_SYNCHRONOUS | MS_DIRSYNC | MS_NOSYMFOLLOW | MS_LAZYTIME | MS_NOUSER)
#define MS_PROPAGATION	(MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE)

struct mount_args {
	struct path at;
	char *source, *type, *options;	/* NULL: not given */
};

/* *out: a copy, NULL where there is none. */
static int get_string(char **out, uaddr_t from)
{
	ssize_t n;

	*out = NULL;
	if (!from)
		return 0;
	*out = kmalloc(PATH_MAX, GFP_KERNEL);
	if (!*out)
		return -ENOMEM;
	n = strncpy_from_user(*out, from, PATH_MAX);
	return n == PATH_MAX ? -EINVAL : n < 0 ? (int)n : 0;
}

/* Options may end at the end of the caller's memory. */
static int get_options(char **out, uaddr_t from)
{
	size_t left;

	*out = NULL;
	if (!from)
		return 0;
	*out = kmalloc(PAGE_SIZE, GFP_KERNEL);
	if (!*out)
		return -ENOMEM;
	left = copy_from_user_partial(*out, from, PAGE_SIZE);
	if (left == PAGE_SIZE)
		return -EFAULT;
	memset(*out + PAGE_SIZE - left, 0, left);
	(*out)[PAGE_SIZE - 1] = '\0';
	return 0;
}

/* Another mount whose place is named by source. */
static int from_source(const struct mount_args *a, u32 flags)
{
	struct path from;
	int err;

	if (!a->source || !*a->source)
		return -EINVAL;
	err = path_lookup_kernel(a->source, LOOKUP_FOLLOW, &from);
	if (err)
		return err;
	err = flags & MS_BIND ? mount_bind(&a->at, &from, flags & MS_REC) : mount_move(&a->at, &from);
	path_put(&from);
	return err;
}

static int set_propagation(const struct path *at, u32 flags)
{
	if ((flags & ~(MS_REC | MS_SILENT)) != MS_PRIVATE)
		return -EINVAL;
	return at->dentry == at->mnt->root ? 0 : -EINVAL;
}

static int do_mount(struct mount_args *a, u32 flags)
{
	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (flags & MS_REMOUNT)
		return mount_remount(&a->at, flags, a->options);
	if (flags & MS_BIND)
		return from_source(a, flags);
	if (flags & MS_PROPAGATION)
		return set_propagation(&a->at, flags);
	if (flags & MS_MOVE)
		return from_source(a, flags);
	if (!a->type)
		return -EINVAL;
	if (!(flags & (MS_NOATIME | MS_STRICTATIME)))
		flags |= MS_RELATIME;
	return mount_new(&a->at, a->type, flags, a->source, a->options);
}

long sys_mount(uaddr_t source, uaddr_t target, uaddr_t type, u64 flags, uaddr_t data)
{
	struct mount_args a = { 0 };
	int err;

	if ((flags & MS_MGC_MSK) == MS_MGC_VAL)
		flags &= ~(u64)MS_MGC_MSK;
	err = get_string(&a.type, type);
	if (!err)
		err = get_string(&a.source, source);
	if (!err)
		err = get_options(&a.options, data);
	if (!err)
		err = path_lookup_user(AT_FDCWD, target, LOOKUP_FOLLOW, &a.at);
	if (!err) {
		err = flags & MS_REFUSED ? -EINVAL : do_mount(&a, (u32)flags);
		path_put(&a.at);
	}
	kfree(a.options);
	kfree(a.source);
	kfree(a.type);
	return err;
}

/* What "umount /" means: the root cannot go, it becomes read-only. */
static bool is_own_root(const struct path *path)
{
	struct path root;
	bool same;

	fs_get_root(current->fs, &root);
	same = path->mnt == root.mnt && path->dentry == root.dentry;
	path_put(&root);
	return same;
}

static int do_umount(const struct path *path, u32 flags)
{
	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (path->dentry != path->mnt->root)
		return -EINVAL;
	if (!(flags & MNT_DETACH) && is_own_root(path))
		return mount_remount(path, path->mnt->flags | MS_RDONLY, NULL);
	return mount_detach(path, flags & MNT_DETACH);
}

long sys_umount2(uaddr_t name, u32 flags)
{
	struct path path;
	int err;

	if (flags & ~(MNT_FORCE | MNT_DETACH | UMOUNT_NOFOLLOW))
		return -EINVAL;
	err = path_lookup_user(AT_FDCWD, name, flags & UMOUNT_NOFOLLOW ? 0 : LOOKUP_FOLLOW, &path);
	if (err)
		return err;
	err = do_umount(&path, flags);
	path_put(&path);
	return err;
}
