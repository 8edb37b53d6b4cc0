/* SPDX-License-Identifier: MIT */
/* The tree of mounts, for the mount calls and /proc/mounts. */
#pragma once
#include <fs/vfs.h>
#include <kernel/lock/spinlock.h>

struct mnt_namespace {
	struct mount *root;
	struct list_head mounts;	/* ns_node, in the order of mounting; mount_lock */
};
extern struct mnt_namespace init_mnt_ns;
extern struct spinlock mount_lock;	/* RANK_MOUNT */

void mount_put(struct mount *m);
/*
 * A mount in no tree, of a superblock made for it whose root inode has this mode; NULL: no memory.
 */
struct mount *mount_internal(const struct fstype *type, u32 magic, umode_t mode);
/* Options of a file system that has none: 0 or -EINVAL. */
int __must_check mount_no_options(const char *options);
const struct fstype *fstype_find(const char *name);
int __must_check mount_new(const struct path *at, const char *type, u32 flags, const char *source,
			   char *options);
int __must_check mount_bind(const struct path *at, const struct path *from, bool recursive);
int __must_check mount_move(const struct path *at, const struct path *from);
/*
 * lazy: whatever is in use ends with its last user,
 * and what is mounted below goes too. Else -EBUSY.
 */
int __must_check mount_detach(const struct path *path, bool lazy);
int __must_check mount_remount(const struct path *path, u32 flags, char *options);
bool dentry_is_mountpoint(struct dentry *d);
